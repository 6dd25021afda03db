"""Sales brought to an engine: as Parquet to DuckDB and Spark, as a table to PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import ibis
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from revshare import Ledger, Sale
from revshare.analytics import SalesTable
from revshare.ledger._rows import microseconds

JANUARY = datetime(2011, 1, 1, tzinfo=UTC)
Line = tuple[str, str, datetime | None, int | None]
"""Agreement, token, when, how much."""

AMOUNTS = {"decimal": pa.decimal128(38, 0), "int64": pa.int64()}
TIMES = {"aware": pa.timestamp("us", tz="UTC"), "naive": pa.timestamp("us"), "int64": pa.int64()}


class Engine(Protocol):
    """What the tests ask of an engine."""

    name: str

    def of(self, lines: Sequence[Line], amounts: str = "decimal", times: str = "aware") -> SalesTable:
        """Return a table of these sales, numbered from 1 on."""

    def of_sales(self, sales: Sequence[Sale]) -> tuple[SalesTable, Ledger]:
        """Record the sales in a ledger, and return that as a table, and itself."""


class _Files:
    """An engine that reads Parquet."""

    name = ""

    def __init__(self, folder: Path, backend: Any) -> None:
        self.folder, self.backend = folder, backend

    def of(self, lines: Sequence[Line], amounts: str = "decimal", times: str = "aware") -> SalesTable:
        numbers: list[Any] = [line[3] for line in lines]
        if amounts == "decimal":
            numbers = [None if amount is None else Decimal(amount) for amount in numbers]
        table = pa.table(
            {
                "seq": pa.array(range(1, len(lines) + 1), pa.int64()),
                "agreement": pa.array([line[0] for line in lines], pa.string()),
                "token": pa.array([line[1] for line in lines], pa.string()),
                "occurred_at": pa.array([_micros(line[2]) for line in lines], pa.int64()).cast(TIMES[times]),
                "amount": pa.array(numbers, AMOUNTS[amounts]),
            }
        )
        return self.of_table(table)

    def of_table(self, table: pa.Table) -> SalesTable:
        path = self.folder / f"sales-{len(list(self.folder.iterdir()))}.parquet"
        pq.write_table(table, path)
        return SalesTable.read_parquet(path, self.backend)

    def of_sales(self, sales: Sequence[Sale]) -> tuple[SalesTable, Ledger]:
        ledger = Ledger.open(self.folder / "sales.db")
        ledger.record_all(sales)
        ledger.to_parquet(self.folder / "ledger.parquet")
        return SalesTable.read_parquet(self.folder / "ledger.parquet", self.backend), ledger


class DuckEngine(_Files):
    """DuckDB, as `read_parquet` starts it."""

    name = "duckdb"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, None)


class SparkEngine(_Files):
    """Spark in this process."""

    name = "spark"


class PostgresEngine:
    """PostgreSQL: a ledger there is a table as it stands."""

    name = "postgresql"

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.backend = ibis.connect(url)
        self._ledgers: list[Ledger] = []

    def of(self, lines: Sequence[Line], amounts: str = "decimal", times: str = "aware") -> SalesTable:
        kinds = {"aware": "timestamptz", "naive": "timestamp", "int64": "bigint"}
        amount = "bigint" if amounts == "int64" else "numeric(40, 0)"
        with psycopg.connect(self.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS given")
            cursor.execute(
                "CREATE TABLE given (seq bigint, agreement text, token text, "
                f"occurred_at {kinds[times]}, amount {amount})"
            )
            for seq, (agreement, token, when, value) in enumerate(lines, 1):
                moment: Any = when
                if when is not None and times != "aware":
                    moment = microseconds(when) if times == "int64" else when.replace(tzinfo=None)
                cursor.execute(
                    "INSERT INTO given VALUES (%s, %s, %s, %s, %s)", (seq, agreement, token, moment, value)
                )
        return SalesTable(self.backend.table("given"))

    def of_sales(self, sales: Sequence[Sale]) -> tuple[SalesTable, Ledger]:
        ledger = Ledger.open(self.url)
        self._ledgers.append(ledger)
        ledger.record_all(sales)
        return SalesTable(self.backend.table("sales")), ledger

    def close(self) -> None:
        """Leave the database."""
        for ledger in self._ledgers:
            ledger.close()
        self.backend.disconnect()


def _micros(when: datetime | None) -> int | None:
    return None if when is None else microseconds(when)
