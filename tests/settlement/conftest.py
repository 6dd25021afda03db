"""Chains, databases, and a world on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.chain.conftest import Chain, anvil_chain, chain, local_accounts, tester  # noqa: F401 - fixtures
from tests.databases import database, postgresql_server, postgresql_url, sqlite_url  # noqa: F401 - fixtures
from tests.nodes import ANVIL, anvil
from tests.settlement.world import World
from web3 import HTTPProvider, Web3

from revshare.ledger import Ledger


def make_world(on: Chain, url: str) -> World:
    return World(on, on.token(), Ledger.open(url), on.payer)


@pytest.fixture
def world(anvil_chain: Chain, sqlite_url: str) -> Iterator[World]:  # noqa: F811
    """On anvil and SQLite, which are quick: for what depends on neither."""
    made = make_world(anvil_chain, sqlite_url)
    yield made
    made.ledger.close()


@pytest.fixture
def any_world(chain: Chain, database: str) -> Iterator[World]:  # noqa: F811
    """On both chains and both databases."""
    made = make_world(chain, database)
    yield made
    made.ledger.close()


@pytest.fixture
def slow_world(sqlite_url: str) -> Iterator[World]:  # noqa: F811
    """An anvil of its own, whose blocks come at our bidding: for what is stuck, dropped, reordered or undone.

    Not shared: anvil keeps the state of some 500 blocks, and reorganises no longer chain rightly.
    """
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil("--base-fee", "1000000000") as url:
        made = make_world(Chain(Web3(HTTPProvider(url)), local_accounts(), "anvil"), sqlite_url)
        yield made
        made.ledger.close()
