"""The tables of the ledger. What made them, step by step, is in `migrations`.

sales: one row for each, `seq` 1, 2, 3 … without a gap; never changed. links: one for each commit, chained by
hash, see `_chain`. imports: what was said of each file. The others are the journal's, see `_journal`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from ._rows import SALE_COLUMNS, instant, microseconds

__all__ = [
    "CHAINS",
    "IMPORTS",
    "LINES",
    "LINKS",
    "METADATA",
    "NONCES",
    "PAYOUTS",
    "REVERSED",
    "SALES",
    "SALE_COLUMNS",
    "SETTLEMENTS",
    "TRANSACTIONS",
    "Instant",
    "Key",
    "Units",
]

_DIGITS = 40  # 2^128 has 39


class Units(TypeDecorator[int]):
    """Whole base units: NUMERIC(40, 0) on PostgreSQL, and text on SQLite, whose numbers end at 2^63."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database at hand."""
        return dialect.type_descriptor(
            Text() if dialect.name == "sqlite" else Numeric(_DIGITS, 0, asdecimal=True)
        )

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Return what the database is given for `value`."""
        if value is None:
            return None
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the int that the database's `value` is."""
        return None if value is None else int(value)


class Instant(TypeDecorator[datetime]):
    """A UTC instant, exact: whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return what the database is given for `value`."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant that the database's `value` is."""
        return None if value is None else instant(value)


# On SQLite only INTEGER, not BIGINT, makes the key of a table the row's own number.
Key = BigInteger().with_variant(Integer(), "sqlite")

METADATA = MetaData()

_TYPES: dict[str, TypeEngine[Any]] = {"occurred_at": Instant(), "amount": Units()}

SALES = Table(
    "sales",
    METADATA,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("link", BigInteger, nullable=False),
    *(Column(name, _TYPES.get(name, Text()), nullable=False) for name in SALE_COLUMNS),
    UniqueConstraint("source", "external_id", name="sales_identity"),
    Index("sales_by_agreement", "agreement", "occurred_at"),
)

REVERSED = {
    "sqlite": ("json_extract(metadata, '$.reverses')", "instr(metadata, '\"reverses\":') > 0"),
    "postgresql": ("(metadata::jsonb ->> 'reverses')", "strpos(metadata, '\"reverses\":') > 0"),
}
"""By dialect: which sale an entry reverses, and whether it may reverse one. With the source this is the index
`sales_by_reversed`, which is not above: SQLAlchemy does not read indexes of expressions back on SQLite."""

LINKS = Table(
    "links",
    METADATA,
    Column("number", Key, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("import_id", BigInteger, nullable=True),
    Column("digest", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

IMPORTS = Table(
    "imports",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("mapping_hash", Text, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("totals", Text, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False),
    UniqueConstraint("file_hash", "mapping_hash", name="imports_identity"),
)

# ---------------------------------------------------------------------------------------- settlements

SETTLEMENTS = Table(
    "settlements",
    METADATA,
    Column("id", Key, primary_key=True),
    Column("agreement", Text, nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("split", String(42), nullable=False),
    Column("token", String(42), nullable=False),
    Column("period", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("batch_id", LargeBinary, nullable=False),
    Column("amount", Units, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("sender", String(42), nullable=False),
    Column("code_hash", String(66), nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("names", Text, nullable=False),
    Column("revenue_before", Units),
    Column("revenue_after", Units),
    Column("worker", Text, nullable=False),
    Column("lease_until", Float(53), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("chain_id", "split", "period"),
    Index("settlements_by_state", "state"),
    Index("settlements_by_agreement", "agreement"),
)

LINES = Table(
    "settlement_lines",
    METADATA,
    Column("sale_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("settlement_id", Key, ForeignKey("settlements.id"), nullable=False),
    Column("position", BigInteger, nullable=False),
    UniqueConstraint("settlement_id", "position"),
)

PAYOUTS = Table(
    "settlement_payouts",
    METADATA,
    Column("settlement_id", Key, ForeignKey("settlements.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("payee", Text, nullable=False),
    Column("address", String(42), nullable=False),
    Column("earned", Units, nullable=False),
    Column("paid", Units, nullable=False),
    Column("credited", Units, nullable=False),
)

TRANSACTIONS = Table(
    "transactions",
    METADATA,
    Column("id", Key, primary_key=True),
    Column("settlement_id", Key, ForeignKey("settlements.id")),
    Column("step", String(10), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("sender", String(42), nullable=False),
    Column("nonce", BigInteger),
    Column("raw", LargeBinary, nullable=False),
    Column("tx_hash", String(66), nullable=False),
    Column("max_fee", Units, nullable=False),
    Column("tip", Units),
    Column("gas", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("block_number", BigInteger),
    Column("block_hash", String(66)),
    Column("gas_used", BigInteger),
    Column("cost", Units),
    Column("error", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # A second signature with a nonce is a replacement, and says so by its attempt.
    UniqueConstraint("chain_id", "sender", "nonce", "attempt"),
    Index("transactions_by_settlement", "settlement_id"),
    Index("transactions_by_hash", "tx_hash"),
)

NONCES = Table(
    "nonces",
    METADATA,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", String(42), primary_key=True),
    Column("next_nonce", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("lease_until", Float(53), nullable=False),
)

CHAINS = Table(
    "chains",
    METADATA,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("genesis", String(66), nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("highest_hash", String(66), nullable=False),
)
