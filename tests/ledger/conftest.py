"""Ledgers to test on, on every database there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from revshare import Ledger
from tests.databases import database, postgresql_server, postgresql_url, sqlite_url

__all__ = ["database", "ledger", "postgresql_server", "postgresql_url", "sqlite_url"]


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    """An empty ledger, on each kind of database."""
    with Ledger.open(database) as opened:
        yield opened
