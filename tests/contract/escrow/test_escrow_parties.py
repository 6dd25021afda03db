"""What is refused or set aside where one rule could hide behind another."""

from __future__ import annotations

import pytest

from tests.contract.escrow.sales import CONFIRMED, Escrow, credited
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


@pytest.mark.parametrize(("word", "length"), [(0, 32), (2, 32), (1 << 248, 1), (1 << 248, 31)])
def test_what_a_token_calls_a_failure_is_one_though_it_moved_the_money(
    world: World, escrow: Escrow, word: int, length: int
) -> None:
    """Its own word counts against it, as everywhere: it harms the sales in it, and no others."""
    token, buyer = world.deploy("Liar"), world.payee()
    world.send(token.functions.mint(buyer.address, 10))
    approve = token.encode_abi("approve", [escrow.address, 10])
    world.send(buyer.functions.run(token.address, 0, approve))
    terms = escrow.terms(world.fresh(), token=token.address, amount=10)
    opening = escrow.contract.encode_abi("open", [terms])
    world.send(buyer.functions.run(escrow.address, 0, opening))
    world.send(token.functions.answer(word, length))
    receipt = world.send(escrow.functions.refund(terms[0], terms[1]), sender=terms[4])
    assert world.logs(escrow.contract, receipt)[1:] == [credited(buyer.address, token.address, 10)]
