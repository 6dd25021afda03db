"""An escrow of each test's own, and a split that pays two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.escrow.sales import Escrow
from tests.contract.world import Split, World, shares


@pytest.fixture
def escrow(world: World) -> Iterator[Escrow]:
    world._errors |= world._selectors("SaleEscrow")
    made = Escrow(world, world.deploy("SaleEscrow"))
    yield made
    made.check()


@pytest.fixture
def split(world: World) -> Split:
    return world.split([world.fresh(), world.fresh()], shares(3, 1))
