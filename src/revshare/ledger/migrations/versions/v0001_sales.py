"""Sales, the links that chain them, and imports; none of them can be changed or removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from revshare.ledger._schema import Instant, Units

revision = "0001"
down_revision = None

_TEXTS_BEFORE = ("source", "external_id", "agreement")
_TEXTS_AFTER = (
    "token",
    "currency",
    "rate",
    "rate_source",
    "sku",
    "territory",
    "channel",
    "description",
    "metadata",
)
_APPEND_ONLY = ("sales", "links", "imports")


def upgrade() -> None:
    """Make the tables and the triggers that protect them."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sales",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("link", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS_BEFORE),
        sa.Column("occurred_at", Instant, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("amount", Units, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS_AFTER),
        sa.UniqueConstraint("source", "external_id", name="sales_identity"),
    )
    op.create_index("sales_by_agreement", "sales", ["agreement", "occurred_at"])
    op.create_table(
        "links",
        sa.Column("number", key, primary_key=True, autoincrement=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("import_id", sa.BigInteger, nullable=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "imports",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file_hash", sa.Text, nullable=False),
        sa.Column("mapping_hash", sa.Text, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.Column("totals", sa.Text, nullable=False),
        sa.Column("new", sa.BigInteger, nullable=False),
        sa.Column("known", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("file_hash", "mapping_hash", name="imports_identity"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _protect_on_sqlite()
    else:
        _protect_on_postgresql()


def _protect_on_sqlite() -> None:
    for table in _APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no {verb} of {table}'); END"
            )


def _protect_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION revshare_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the ledger is append-only: no % of %', lower(TG_OP), TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION revshare_append_only()"
        )
