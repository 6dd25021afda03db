"""Settlements: their lines and payouts, the transactions signed for them, nonces, and what was seen of
chains.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from revshare.ledger._schema import Instant, Units

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the journal."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    address, word = sa.String(42), sa.String(66)
    op.create_table(
        "settlements",
        sa.Column("id", key, primary_key=True),
        sa.Column("agreement", sa.Text, nullable=False),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("split", address, nullable=False),
        sa.Column("token", address, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("starts_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("batch_id", sa.LargeBinary, nullable=False),
        sa.Column("amount", Units, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("sender", address, nullable=False),
        sa.Column("code_hash", word, nullable=False),
        sa.Column("terms", sa.LargeBinary, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("revenue_before", Units),
        sa.Column("revenue_after", Units),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("lease_until", sa.Float(53), nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.UniqueConstraint("chain_id", "split", "period", name="settlements_identity"),
    )
    op.create_index("settlements_by_state", "settlements", ["state"])
    op.create_index("settlements_by_agreement", "settlements", ["agreement"])
    op.create_table(
        "settlement_lines",
        sa.Column("sale_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("settlement_id", key, sa.ForeignKey("settlements.id"), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("settlement_id", "position", name="settlement_lines_order"),
    )
    op.create_table(
        "settlement_payouts",
        sa.Column("settlement_id", key, sa.ForeignKey("settlements.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("payee", sa.Text, nullable=False),
        sa.Column("address", address, nullable=False),
        sa.Column("earned", Units, nullable=False),
        sa.Column("paid", Units, nullable=False),
        sa.Column("credited", Units, nullable=False),
    )
    op.create_table(
        "transactions",
        sa.Column("id", key, primary_key=True),
        sa.Column("settlement_id", key, sa.ForeignKey("settlements.id")),
        sa.Column("step", sa.String(10), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("sender", address, nullable=False),
        sa.Column("nonce", sa.BigInteger),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("tx_hash", word, nullable=False),
        sa.Column("max_fee", Units, nullable=False),
        sa.Column("tip", Units),
        sa.Column("gas", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("block_number", sa.BigInteger),
        sa.Column("block_hash", word),
        sa.Column("gas_used", sa.BigInteger),
        sa.Column("cost", Units),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.UniqueConstraint("chain_id", "sender", "nonce", "attempt", name="transactions_nonce"),
    )
    op.create_index("transactions_by_settlement", "transactions", ["settlement_id"])
    op.create_index("transactions_by_hash", "transactions", ["tx_hash"])
    op.create_table(
        "nonces",
        sa.Column("chain_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sender", address, primary_key=True),
        sa.Column("next_nonce", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("lease_until", sa.Float(53), nullable=False),
    )
    op.create_table(
        "chains",
        sa.Column("chain_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("genesis", word, nullable=False),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("highest_hash", word, nullable=False),
    )
