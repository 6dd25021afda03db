"""What is refused or set aside where one rule could hide behind another."""

from __future__ import annotations

import pytest

from tests.contract.escrow.sales import CONFIRMED, Escrow
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")


def test_a_sale_in_tokens_needs_a_split_as_well(world: World, escrow: Escrow) -> None:
    """In coin the zero address is refused for being the token, too."""
    token = world.token()
    escrow.provide(token.address, 1_000_000)
    terms = escrow.terms(COIN, token=token.address)
    assert world.refusal(escrow.opening(terms)) == Refusal("InvalidParty", (COIN,))


def test_where_no_split_is_yet_nobody_waits_for_the_gas_of_pay(world: World, escrow: Escrow) -> None:
    sale = escrow.open(world.fresh())
    assert sale.do("confirm", gas=100_000) == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]


def test_the_record_is_as_stated(world: World, escrow: Escrow, split: Split) -> None:
    """Buyer and id, as Solidity's `abi.encode` puts them; so no two sales of a split have the same."""
    sale_id = world.record()
    sale = escrow.open(split.address, saleId=sale_id)
    other = escrow.open(split.address, buyer=world.payee(), saleId=sale_id)
    for each in (sale, other):
        assert escrow.functions.recordIdOf(each.buyer, sale_id).call() == each.record
    assert sale.record != other.record


def test_a_credit_is_of_one_payee_in_one_asset(world: World, escrow: Escrow, split: Split) -> None:
    token, buyer, other = world.token().address, world.payee(), world.payee()
    for who, asset in ((buyer, COIN), (buyer, token), (other, COIN)):
        sale = escrow.open(split.address, buyer=who, token=asset, amount=1_000)
        world.become(who, "Reverts")
        if asset != COIN:
            world.behave(world.at("Token", token), "Blacklist", buyer.address)
        sale.do("refund")
        world.become(who, "Honest")
    world.behave(world.at("Token", token), "None")
    world.send(escrow.functions.withdrawCredit(buyer.address, COIN))
    left = [escrow.functions.credit(*of).call() for of in ((buyer.address, COIN), (other.address, COIN))]
    assert left == [0, 1_000]
    assert escrow.functions.credit(buyer.address, token).call() == 1_000
