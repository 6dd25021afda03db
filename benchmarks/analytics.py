"""Monthly settlement sums of 10^8 generated sales by DuckDB, beside its own bare GROUP BY over the same file.

    python benchmarks/analytics.py [--json] [--sizes N …] [--amounts decimal|bigint] [--times aware|naive] …

DuckDB generates the files itself: the columns and types that `Ledger.to_parquet` writes, as far as sums need
them, amounts of up to 10^8 base units, one in fifty a credit note, over two years. They take 10 bytes a sale
and are removed at the end. Both run in turns, with the file's pages in memory; of each the fastest counts.
The bare query adds up in whatever type DuckDB chooses, counts rows once, and cuts months by date_trunc; ours
also counts credit notes, and refuses what is not exact. With `--times naive` the file's timestamps have no
zone, which date_trunc is several times faster at. `growth` is our time per sale at the largest size over that
at the smallest. `cpu_ratio` is the same as `ratio` in time of the processor, for machines that are not idle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from revshare.analytics import SalesTable

TIMES = {"aware": "make_timestamptz", "naive": "make_timestamp"}
AMOUNTS = {"decimal": "DECIMAL(38, 0)", "bigint": "BIGINT"}


def generate(path: Path, sales: int, options: argparse.Namespace) -> None:
    two_years = 2 * 365 * 86_400 * 10**6
    duckdb.connect().execute(f"""
        COPY (
            SELECT
                i AS seq,
                'Agreement ' || hash(i) % {options.agreements} AS agreement,
                'GBPT' AS token,
                {TIMES[options.times]}(1293840000000000 + (i::HUGEINT * {two_years} // {sales})::BIGINT)
                    AS occurred_at,
                (CASE WHEN hash(7 * i) % 50 = 0 THEN -1 ELSE 1 END * (hash(3 * i) % 100000000)::BIGINT)
                    ::{AMOUNTS[options.amounts]} AS amount
            FROM range({sales}) AS numbers(i)
        ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
    """)


def bare(path: Path) -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")  # as Ibis does
    connection.sql(f"""
        SELECT agreement, token, date_trunc('month', occurred_at) AS month, sum(amount), count(*)
        FROM '{path}' GROUP BY ALL
    """).to_arrow_table()


def ours(path: Path) -> None:
    SalesTable.read_parquet(path).settlement_sums("month").rows()


def timed(query: Callable[[Path], None], path: Path) -> tuple[float, float]:
    """Return seconds, and seconds of the processor in all threads."""
    start = time.perf_counter(), time.process_time()
    query(path)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def measured(folder: Path, sales: int, options: argparse.Namespace) -> dict[str, Any]:
    path = folder / f"{sales}.parquet"
    generate(path, sales, options)
    size = path.stat().st_size
    turns = [(timed(bare, path), timed(ours, path)) for _ in range(1 + options.turns)][1:]
    path.unlink()
    theirs, their_cpu = (min(bare[k] for bare, _ in turns) for k in (0, 1))
    mine, my_cpu = (min(ours[k] for _, ours in turns) for k in (0, 1))
    return {
        "sales": sales,
        "file_mb": round(size / 1e6),
        "bare_seconds": round(theirs, 3),
        "seconds": round(mine, 3),
        "ratio": round(mine / theirs, 2),
        "cpu_ratio": round(my_cpu / their_cpu, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--agreements", type=int, default=1000)
    parser.add_argument("--amounts", choices=AMOUNTS, default="decimal")
    parser.add_argument("--times", choices=TIMES, default="aware")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files go: 1 GB for 10^8 sales")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="revshare-", dir=options.folder) as folder:
        sizes = [measured(Path(folder), sales, options) for sales in sorted(options.sizes)]
    per_sale = [each["seconds"] / each["sales"] for each in sizes]
    result = {
        "agreements": options.agreements,
        "amounts": options.amounts,
        "times": options.times,
        "sizes": sizes,
        "ratio": sizes[-1]["ratio"],
        "cpu_ratio": sizes[-1]["cpu_ratio"],
        "ratio_at_most": 1.3,
        "growth": round(per_sale[-1] / per_sale[0], 2),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for each in sizes:
        print(
            f"{each['sales']:>11,} sales, {each['file_mb']} MB: {each['seconds']} s, "
            f"bare {each['bare_seconds']} s, {each['ratio']} times, {each['cpu_ratio']} of processor"
        )
    print(f"per sale, the largest over the smallest: {result['growth']}")


if __name__ == "__main__":
    main()
