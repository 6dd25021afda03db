"""What it costs to record sales: one at a time, durably, beside bare SQLite; and many, as the ledger grows.

    python benchmarks/record_sales.py [--json] [--one 1000] [--sizes 100000 1000000] [--url postgresql://…]

one: sales that are recorded one at a time, each on disk before the next, in turns with bare `INSERT` and
`COMMIT` of the same rows into one table with the same identity and the same pragmas. `ratio` is our rate over
the bare one. sizes: how many `record_all` records into an empty ledger, in batches of 100,000; `growth` is
what a sale costs in the largest over what it costs in the smallest, by processor time and by the clock.
Numbers of microseconds are for one sale.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import revshare as rs
from revshare.ledger._rows import SALE_COLUMNS, row_of

_START = datetime(2011, 1, 1, tzinfo=UTC)
_BATCH = 100_000
_TURN = 50
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "cache_size = -32000")


def sales(first: int, count: int) -> Iterator[rs.Sale]:
    """Sales as a shop has them: numbered, in order of time, a tenth credit notes, of 40 agreements."""
    for number in range(first, first + count):
        yield rs.Sale(
            "shop",
            f"INV-{number:09}",
            _START + timedelta(seconds=number),
            (number * 7_919 % 100_000_000) * (-1 if number % 10 == 9 else 1),
            "GBPT",
            "WHITE HANGING HEART T-LIGHT HOLDER",
            agreement=f"agreement {number % 40}",
            sku=f"{number % 4_000:05}A",
            territory="AU",
            channel="web",
        )


class Bare:
    """SQLite with nothing around it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"{name} TEXT NOT NULL" for name in SALE_COLUMNS)
        self._connection.execute(
            f"CREATE TABLE sales (seq INTEGER PRIMARY KEY, {columns}, UNIQUE (source, external_id))"
        )
        self._insert = (
            f"INSERT INTO sales ({', '.join(SALE_COLUMNS)}) VALUES ({', '.join('?' * len(SALE_COLUMNS))})"
        )

    def record(self, row: tuple[str, ...]) -> None:
        """Insert it, and commit."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(self._insert, row)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def one_at_a_time(folder: Path, count: int) -> dict[str, float]:
    """Ours and bare in turns, so that what else the machine does hits both; `ratio` is of the medians."""
    bare = Bare(folder / "bare.db")
    ours: list[float] = []
    theirs: list[float] = []
    with rs.Ledger.open(folder / "one.db") as ledger:
        for first in range(0, count, _TURN):
            turn = list(sales(first, _TURN))
            theirs += [_timed(bare.record, row) for row in map(row_of, turn)]
            ours += [_timed(ledger.record, sale) for sale in turn]
    bare.close()
    bare_us, our_us = (statistics.median(times) * 1e6 for times in (theirs, ours))
    return {
        "ratio": bare_us / our_us,
        "ratio_of_means": sum(theirs) / sum(ours),
        "record_us": our_us,
        "bare_us": bare_us,
        "records": count,
    }


def _timed(work: Callable[[Any], object], what: Any) -> float:
    begun = time.perf_counter()
    work(what)
    return time.perf_counter() - begun


def growth(folder: Path, sizes: list[int], url: str | None) -> list[dict[str, float]]:
    """What one sale costs on the way to each size, and in the last batch alone."""
    found = []
    for size in sizes:
        with rs.Ledger.open(url or folder / f"{size}.db") as ledger:
            clock = processor = last = 0.0
            for first in range(0, size, _BATCH):
                batch = list(sales(first, min(_BATCH, size - first)))
                begun, used = time.perf_counter(), time.process_time()
                assert ledger.record_all(batch).new == len(batch)
                last = time.perf_counter() - begun
                clock += last
                processor += time.process_time() - used
            found.append(
                {
                    "sales": size,
                    "us": clock / size * 1e6,
                    "cpu_us": processor / size * 1e6,
                    "last_batch_us": last / len(batch) * 1e6,
                }
            )
        (folder / f"{size}.db").unlink(missing_ok=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--one", type=int, default=1_000, metavar="N", help="sales recorded one at a time")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000], metavar="N")
    parser.add_argument("--url", help="grow in this empty PostgreSQL database, one size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("REVSHARE_BENCH_DIR")) as name:
        folder = Path(name)
        result: dict[str, Any] = one_at_a_time(folder, options.one) if options.one else {}
        steps = growth(folder, sorted(options.sizes), options.url)
    result["sizes"] = steps
    if len(steps) > 1:
        result["growth_cpu"] = steps[-1]["cpu_us"] / steps[0]["cpu_us"]
        result["growth"] = steps[-1]["us"] / steps[0]["us"]
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if options.json:
        print(json.dumps({key: _short(value) for key, value in result.items()}))
        return
    if options.one:
        print(
            f"one at a time: {result['record_us']:.0f} µs a sale, bare SQLite {result['bare_us']:.0f} µs: "
            f"{result['ratio']:.2f} of its rate"
        )
    for step in steps:
        print(
            f"{step['sales']:>12,} sales: {step['us']:.1f} µs a sale ({step['cpu_us']:.1f} of processor), "
            f"{step['last_batch_us']:.1f} µs in the last batch"
        )


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [{key: _short(number) for key, number in step.items()} for step in value]
    return value


if __name__ == "__main__":
    main()
