"""What Alembic runs: on the connection it is handed, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from revshare.ledger._schema import METADATA
from revshare.ledger.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
