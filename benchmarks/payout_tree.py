"""A payout tree for a million payees: how long, beside hashing the leaves once, and how much memory.

    python benchmarks/payout_tree.py [--json] [--payees N]

The tree is made from a dict of addresses and amounts, checks included; then proofs of payees all over the
tree are read and verified, which is what "addressable" means. Times are of the processor; the peak is of the
whole process, the dict included.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from eth_hash.auto import keccak

import revshare as rs

BOOK = "0x" + "b0" * 20


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def hash_once(payees: int) -> None:
    """One keccak for each leaf's 160 bytes, and nothing else."""
    head = bytes(128)
    for number in range(payees):
        keccak(head + number.to_bytes(32, "big"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--payees", type=int, default=1_000_000)
    options = parser.parse_args()
    count = options.payees
    step = 2**160 // (count + 1) | 1
    amounts = {f"0x{number * step % 2**160:040x}": 10**6 + number for number in range(1, count + 1)}
    once, _ = timed(lambda: hash_once(count))
    build, tree = timed(lambda: rs.PayoutTree(amounts, chain_id=1, book=BOOK))
    some = list(amounts)[:: max(count // 1_000, 1)]
    reading, proofs = timed(lambda: [tree.proof(payee) for payee in some])
    for payee, proof in zip(some, proofs, strict=True):
        assert tree.verify(payee, amounts[payee], proof)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    result = {
        "payees": count,
        "root": "0x" + tree.root.hex(),
        "seconds": {"hash_once": round(once, 2), "tree": round(build, 2)},
        "ratio": round(build / once, 2),
        "ratio_below": 20,
        "microseconds_per_proof": round(reading / len(some) * 1e6, 1),
        "peak_mb": round(peak),
        "peak_mb_below": 1500,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{count:,} payees: hashing the leaves once {once:.1f} s, the tree {build:.1f} s")
    print(
        f"{result['ratio']} times; {result['microseconds_per_proof']} µs a proof; peak {result['peak_mb']} MB"
    )


if __name__ == "__main__":
    main()
