"""Tokens with ways of their own: what they do harms the sales in them, and no others."""

from __future__ import annotations

import pytest

from tests.contract.escrow.sales import CONFIRMED, REFUNDED, Escrow, credited
from tests.contract.world import Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ odd tokens


REFUSING = [
    "ReturnsFalse",
    "ReturnsTwo",
    "ReturnsOneByte",
    "ReturnsZeroByte",
    "ReturnsHugeFalse",
    "Blacklist",
    "RevertsWithBomb",
]


@pytest.mark.parametrize("quirk", [*REFUSING, "BurnsGas"])
def test_a_token_that_refuses_leaves_a_credit(world: World, escrow: Escrow, split: Split, quirk: str) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    had = world.balance(token.address, buyer.address)
    world.behave(token, quirk)
    assert sale.do("refund")[1:] == [credited(buyer.address, token.address, 1_000_000)]
    withdraw = escrow.functions.withdrawCredit(buyer.address, token.address)
    if quirk in REFUSING:
        refused = Refusal("PaymentFailed", (token.address.lower(), buyer.address.lower(), 1_000_000))
        assert world.refusal(withdraw) == refused
    else:  # it has all the gas there is, and burns it
        assert world.attempt(withdraw, gas=1_000_000)["status"] == 0
    world.behave(token, "None")
    world.send(withdraw)
    assert world.balance(token.address, buyer.address) == had + 1_000_000
    assert escrow.functions.credit(buyer.address, token.address).call() == 0


def test_what_a_token_says_it_has_paid_is_paid(world: World, escrow: Escrow, split: Split) -> None:
    """Though it keeps the money (docs/decisions/0008): a token that lies harms those who took it."""
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    world.behave(token, "Keeps", buyer.address)
    assert sale.do("refund") == [sale.settled(REFUNDED, 0, 1_000_000)]
    assert escrow.functions.credit(buyer.address, token.address).call() == 0


def test_a_split_the_token_refuses_does_not_stop_the_buyers_part(
    world: World, escrow: Escrow, split: Split
) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    sale.of_buyer(buyer, "dispute")
    had = world.balance(token.address, buyer.address)
    world.behave(token, "Blacklist", split.address)
    assert sale.do("decide", 1)[1:] == [sale.delayed(999_999)]
    assert world.balance(token.address, buyer.address) == had + 1
    assert sale.owed == 999_999
    world.behave(token, "None")
    assert sale.do("release") == [sale.owed_settled(999_999, refunded=False)]
    assert split.statement(token.address)[0] == 999_999
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


def test_a_token_that_answers_nothing_works(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(quirk="NoReturn")
    sale = escrow.open(split.address, token=token.address)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert split.statement(token.address)[0] == 1_000_000


def test_a_token_that_charges_the_sender_on_top_keeps_the_sale_owed(
    world: World, escrow: Escrow, split: Split
) -> None:
    """What others have paid in is not spent on its fee; the coin is untouched by it."""
    token = world.token()
    sale = escrow.open(split.address, token=token.address)
    world.send(token.functions.mint(escrow.address, 10_000))  # even where somebody has made good beforehand
    coins = escrow.open(split.address)
    world.behave(token, "FeeOnTop", number=100)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert world.balance(token.address, escrow.address) == 1_010_000
    coins.do("confirm")
    world.behave(token, "None")
    sale.do("release")
