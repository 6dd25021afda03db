"""Attribution of real sales, exact, against a plain loop over Python's integers.

    python benchmarks/attribution.py [--json] [--data online_retail.parquet] [--lines N]

Every line of a shop's year (541,909 with credit notes) is attributed to 5 payees by 3 tiers. Without the file
(Chen, D., *Online Retail*, UCI, doi 10.24432/C5BW33) the demonstration's 1,259 lines are repeated to as many.
The loop does the same, line by line, as one would write it down; results are compared to the unit. Times are
of the processor, the best of the rounds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

import revshare as rs
from revshare.demo._sales import data, months
from revshare.schedule import TierTerms

LINES = 541_909
TOKEN = rs.Token(symbol="GBPT", decimals=6)
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "online_retail.parquet"
ROUNDS = 5


def schedule(revenue: int) -> rs.Schedule:
    """Five payees; tiers that end at a twentieth and at half of what the year brought."""
    bounds = (revenue // 20, revenue // 2, None)
    shares = ((0, 0, 0, 0, 1), (40, 30, 15, 10, 5), (55, 25, 12, 5, 3))
    tiers, start = [], 0
    for end, weights in zip(bounds, shares, strict=True):
        tiers.append(TierTerms(start, end, weights, sum(weights)))
        start = end or 0
    names = ("exporter", "distributor", "account_manager", "adviser", "designer")
    return rs.Schedule(names, tuple(f"0x{n:040x}" for n in range(1, 6)), tuple(tiers), TOKEN)


def amounts(file: Path | None) -> tuple[list[int], str]:
    """The lines in base units, in the order of the file, and which they are."""
    if file is None:
        some = [sale.amount for sales in months(data(), TOKEN).values() for sale in sales]
        return (some * (LINES // len(some) + 1))[:LINES], "the demonstration's lines, repeated"
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(file, columns=["Quantity", "UnitPrice"])
    prices = [TOKEN.parse(Decimal(repr(price))) for price in table["UnitPrice"].to_pylist()]
    pairs = zip(table["Quantity"].to_pylist(), prices, strict=True)
    return [quantity * price for quantity, price in pairs], file.name


def plain(terms: rs.Schedule, sales: list[int]) -> list[list[int]]:
    """What each line earned each payee: the difference of entitlements, tier by tier."""
    tiers = [(tier.start, tier.end, tier.weights, tier.total) for tier in terms.tiers]
    rows, revenue, before = [], 0, [0] * len(terms.payees)
    for amount in sales:
        revenue += amount
        after = [0] * len(before)
        for start, end, weights, total in tiers:
            part = (revenue if end is None or revenue < end else end) - start
            if part <= 0:
                break
            for payee, weight in enumerate(weights):
                after[payee] += part * weight // total
        rows.append([now - then for now, then in zip(after, before, strict=True)])
        before = after
    return rows


def timed(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    best, found = float("inf"), None
    for _ in range(rounds):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return best, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, default=BESIDE if BESIDE.exists() else None)
    parser.add_argument("--lines", type=int, help="only so many")
    options = parser.parse_args()
    sales, source = amounts(options.data)
    sales = sales[: options.lines]
    terms = schedule(sum(sales))
    array = np.array(sales, dtype=np.int64)
    from_array, found = timed(lambda: terms.attribute(array), ROUNDS)
    from_list, _ = timed(lambda: terms.attribute(sales), ROUNDS)
    loop, expected = timed(lambda: plain(terms, sales), 2)
    assert found.by_sale.tolist() == expected
    count = len(sales) * len(terms.payees)
    result = {
        "data": source,
        "lines": len(sales),
        "credit_notes": sum(amount < 0 for amount in sales),
        "payees": len(terms.payees),
        "tiers": len(terms.tiers),
        "seconds": {"array": round(from_array, 4), "list": round(from_list, 4), "loop": round(loop, 3)},
        "amounts_per_second": round(count / from_array),
        "amounts_per_second_from_list": round(count / from_list),
        "amounts_per_second_at_least": 5_000_000,
        "ratio": round(loop / from_array, 1),
        "ratio_from_list": round(loop / from_list, 1),
        "ratio_at_least": 50,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{len(sales):,} lines ({source}), {count:,} amounts, exact")
    print(
        f"from an array: {result['amounts_per_second']:>13,} a second, {result['ratio']} times a plain loop"
    )
    each, ratio = result["amounts_per_second_from_list"], result["ratio_from_list"]
    print(f"from a list:   {each:>13,} a second, {ratio} times")


if __name__ == "__main__":
    main()
