"""Who may be named in a sale, where one rule could hide behind another."""

from __future__ import annotations

from tests.contract.escrow.sales import Escrow
from tests.contract.world import COIN, Refusal, World


def test_a_sale_in_tokens_needs_a_split_as_well(world: World, escrow: Escrow) -> None:
    """In coin the zero address is refused for being the token, too."""
    token = world.token()
    world.send(token.functions.mint(world.owner, 1_000_000))
    world.send(token.functions.approve(escrow.address, 1_000_000))
    terms = escrow.terms(COIN, token=token.address)
    assert world.refusal(escrow.opening(terms)) == Refusal("InvalidParty", (COIN,))
