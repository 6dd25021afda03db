"""Who may be named in a sale, where one rule could hide behind another."""

from __future__ import annotations

from tests.contract.escrow.sales import CONFIRMED, Escrow
from tests.contract.world import COIN, Refusal, World


def test_a_sale_in_tokens_needs_a_split_as_well(world: World, escrow: Escrow) -> None:
    """In coin the zero address is refused for being the token, too."""
    token = world.token()
    world.send(token.functions.mint(world.owner, 1_000_000))
    world.send(token.functions.approve(escrow.address, 1_000_000))
    terms = escrow.terms(COIN, token=token.address)
    assert world.refusal(escrow.opening(terms)) == Refusal("InvalidParty", (COIN,))


def test_where_no_split_is_yet_nobody_waits_for_the_gas_of_pay(world: World, escrow: Escrow) -> None:
    """It is not called in vain, which would ask for half a million to be left afterwards."""
    sale = escrow.open(world.fresh())
    assert sale.do("confirm", gas=250_000) == [
        sale.settled(CONFIRMED, 1_000_000, 0),
        sale.paid_plainly(1_000_000),
    ]
