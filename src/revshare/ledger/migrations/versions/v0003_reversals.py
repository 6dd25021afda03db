"""An index by which the credit notes for a sale are found, however many sales its agreement has."""

from __future__ import annotations

from alembic import op

from revshare.ledger._schema import REVERSED

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index. It has the few entries that reverse something, so that others cost no more."""
    reversed_, does = REVERSED[op.get_bind().dialect.name]
    op.execute(f"CREATE INDEX sales_by_reversed ON sales (source, ({reversed_})) WHERE {does}")
