"""Simulation in exact integers against the same shape in float64: 10^6 futures, 36 months, 6 payees, 4 tiers.

    python benchmarks/simulate.py [--json] [--paths N] [--rounds N]

Both draw the same lognormal futures, share them out by the same tiers, and add up every payee's and month's
mean; floats in the plainest NumPy, in blocks of the same size, so that memory favours neither. `amounts` then
writes out what each payee has on each path and month, again both ways. Times are of the processor, the best
of the rounds, taken in turn; the peak is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import revshare as rs
from revshare._futures import BLOCK
from revshare.schedule import TierTerms

PERIODS = 36
_MEGABYTE = 2**20 if sys.platform == "darwin" else 1024  # in what the system counts memory in
MEAN, GROWTH, SIGMA, WALK = 10_000_000_000, 0.02, 0.5, 0.1
TIERS = (
    (100_000_000_000, (100, 0, 0, 0, 0, 0)),
    (200_000_000_000, (50, 10, 10, 10, 10, 10)),
    (400_000_000_000, (30, 25, 20, 12, 8, 5)),
    (None, (17, 23, 11, 29, 13, 7)),
)


def schedule() -> rs.Schedule:
    """Six payees; the first gets an advance back, then the shares change twice."""
    tiers, start = [], 0
    for end, weights in TIERS:
        tiers.append(TierTerms(start, end, weights, sum(weights)))
        start = end or 0
    names = ("backer", "author", "editor", "printer", "shop", "agent")
    addresses = tuple(f"0x{number:040x}" for number in range(1, 7))
    return rs.Schedule(names, addresses, tuple(tiers), rs.Token(symbol="GBPT", decimals=6))


def integers(paths: int) -> rs.Simulation:
    model = rs.Growth(MEAN, growth=GROWTH, volatility=SIGMA, shocks=WALK)
    return rs.simulate(schedule(), revenue=model, paths=paths, periods=PERIODS, seed=1)


def floats(paths: int) -> np.ndarray[Any, Any]:
    """The means, shape (periods, payees), in float64; revenue is kept, as there."""
    revenue = np.empty((PERIODS, paths))
    sums = np.zeros((PERIODS, 6))
    since = np.arange(PERIODS)
    level = np.log(MEAN) + since * np.log1p(GROWTH) - SIGMA**2 / 2 - (since + 1) * WALK**2 / 2
    for block, first in enumerate(range(0, paths, BLOCK)):
        rng = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(block,)))
        count = min(BLOCK, paths - first)
        drawn = rng.standard_normal((PERIODS, count))
        drawn *= SIGMA
        steps = rng.standard_normal((PERIODS, count))
        steps *= WALK
        cumulate(steps)
        drawn += steps
        drawn += level[:, np.newaxis]
        np.exp(drawn, out=drawn)
        cumulate(drawn)
        revenue[:, first : first + count] = drawn
        for period, row in enumerate(drawn):
            sums[period] += share_out(row).sum(axis=1)
    return sums / paths


def cumulate(rows: np.ndarray[Any, Any]) -> None:
    for before, after in pairwise(rows):
        np.add(before, after, out=after)


def share_out(row: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What each payee has of each of these revenues, in float64."""
    earned = np.zeros((6, len(row)))
    start = 0
    for end, weights in TIERS:
        part = np.clip(row, start, np.inf if end is None else end) - start
        for payee, weight in enumerate(weights):
            if weight:
                earned[payee] += part * (weight / sum(weights))
        start = end or 0
    return earned


def integer_amounts(received: np.ndarray[Any, Any]) -> None:
    terms = schedule()
    for first in range(0, received.shape[1], BLOCK):
        for row in received[:, first : first + BLOCK]:
            terms.entitlement_arrays(row)


def float_amounts(received: np.ndarray[Any, Any]) -> None:
    for first in range(0, received.shape[1], BLOCK):
        for row in received[:, first : first + BLOCK]:
            share_out(row)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def measure(paths: int, rounds: int) -> dict[str, Any]:
    best = dict.fromkeys(
        ("integers", "floats", "integer_amounts", "float_amounts", "quantiles"), float("inf")
    )

    def note(name: str, work: Callable[[], Any]) -> Any:
        seconds, found = timed(work)
        best[name] = min(best[name], seconds)
        return found

    for _ in range(rounds):
        means = note("floats", lambda: floats(paths))
        result = note("integers", lambda: integers(paths))
        note("quantiles", result.rows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE
        few = result.futures.received[:, : max(paths // 4, 1)]
        some = few.astype(float)
        note("float_amounts", partial(float_amounts, some))
        note("integer_amounts", partial(integer_amounts, few))
        for payee, mean in zip(result.payees, means[-1], strict=True):
            assert abs(result.mean(payee) / Fraction(float(mean)) - 1) < Fraction(1, 10**9), payee
    return {
        "paths": paths,
        "periods": PERIODS,
        "payees": 6,
        "tiers": len(TIERS),
        "seconds": {name: round(seconds, 3) for name, seconds in best.items()},
        "ratio": round(best["integers"] / best["floats"], 3),
        "ratio_amounts": round(best["integer_amounts"] / best["float_amounts"], 3),
        "ratio_at_most": 2,
        "peak_mb": round(peak),
        "peak_mb_at_most": 2000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    found = measure(options.paths, options.rounds)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, seconds in found["seconds"].items():
        print(f"{name:16} {seconds:8.2f} s")
    print(
        f"exact integers take {found['ratio']} times as long as floats; written out, {found['ratio_amounts']}"
    )
    print(f"peak memory {found['peak_mb']} MB")


if __name__ == "__main__":
    main()
