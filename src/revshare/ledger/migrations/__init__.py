"""How the ledger's tables came to be, step by step; Alembic runs what a database lacks.

A step that a released version has made is never changed: write another.
"""

REVISIONS = ("0001", "0002", "0003")
"""Every step there is, the oldest first. A database at any other was made by a later version."""

VERSION_TABLE = "revshare_version"
"""Which step a database is at. Not Alembic's usual name: another program may live in the same database."""

APPEND_ONLY = ("sales", "links", "imports")
"""Tables that triggers protect from every change."""
