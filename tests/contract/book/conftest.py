"""A book of each test's own, in coin and in a token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.book.books import Book, make
from tests.contract.world import COIN, World


@pytest.fixture
def book(world: World) -> Iterator[Book]:
    made = make(world)
    yield made
    for token in made.amounts:
        made.check(token)


@pytest.fixture(params=["coin", "token"])
def token(world: World, request: pytest.FixtureRequest) -> str:
    return COIN if request.param == "coin" else str(world.token().address)
