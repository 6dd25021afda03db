"""Clearing the invoices of 10,000 firms, 130,000 of them: time, and the proof that no more can be cancelled.

    python benchmarks/clearing.py [--json] [--firms N] [--invoices N]

The network is generated as trade is: few firms with many partners and many with few, amounts lognormal. It is
cleared twice: cycles alone, and with mutual credit of a tenth of what each firm is owed. Every result is
verified, which is part of the time. Times are of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

import revshare as rs


def invoices(firms: int, count: int, seed: int = 1) -> list[rs.Invoice]:
    rng = np.random.default_rng(seed)
    weight = rng.pareto(1.2, firms) + 0.05  # how much a firm sells; what it buys goes along, with much luck
    buys = weight * rng.lognormal(0, 0.7, firms)
    creditor = rng.choice(firms, count, p=weight / weight.sum())
    debtor = rng.choice(firms, count, p=buys / buys.sum())
    debtor = np.where(debtor == creditor, (debtor + 1) % firms, debtor)
    amount = np.rint(rng.lognormal(14, 1.5, count)).astype(np.int64) + 1  # cents, median 12,000 euros
    return [
        rs.Invoice(str(k), f"F{d}", f"F{c}", a)
        for k, (d, c, a) in enumerate(zip(debtor.tolist(), creditor.tolist(), amount.tolist(), strict=True))
    ]


def timed(given: list[rs.Invoice], limits: dict[str, int] | None) -> dict[str, Any]:
    start = time.process_time()
    found = rs.clear(given, limits=limits)
    seconds = time.process_time() - start
    start = time.process_time()
    found.verify()
    checking = time.process_time() - start
    return {
        "seconds": round(seconds, 2),
        "of_which_verifying": round(checking, 2),
        "cancelled": round(found.total / found.owed, 4),
        "credit_over_cancelled": round(found.credit / found.total, 4),
        "invoices_left": len(found.remaining),
        "optimal": True,  # or it would have been refused
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--firms", type=int, default=10_000)
    parser.add_argument("--invoices", type=int, default=130_000)
    options = parser.parse_args()
    given = invoices(options.firms, options.invoices)
    owed: dict[str, int] = {}
    for invoice in given:
        owed[invoice.creditor] = owed.get(invoice.creditor, 0) + invoice.amount
    result = {
        "firms": options.firms,
        "invoices": len(given),
        "cycles": timed(given, None),
        "with_credit": timed(given, {firm: amount // 10 for firm, amount in owed.items()}),
        "seconds_at_most": 60,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name in ("cycles", "with_credit"):
        found = result[name]
        print(f"{name:12} {found['cancelled']:.1%} cancelled, proved optimal, in {found['seconds']} s")


if __name__ == "__main__":
    main()
