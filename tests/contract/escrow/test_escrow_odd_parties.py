"""Splits and buyers that refuse, burn, bomb, re-enter or take something else than the money."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import (
    ACTS,
    CONFIRMED,
    DONE,
    HELD,
    OWED,
    REFUNDED,
    WAYS,
    Escrow,
    Sale,
    become,
    credited,
    odd,
)
from tests.contract.test_permit import LATE
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ odd splits


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("way", ["Refuses", "BurnsGas", "BombOnRevert"])
def test_a_split_that_refuses_is_owed_until_it_takes_the_money(
    world: World, escrow: Escrow, kind: str, way: str
) -> None:
    """By `pay` or not at all: never by plain transfer, which its records would not know."""
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, way)
    sale = escrow.open(target.address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert (sale.state, sale.owed) == (OWED, 1_000_000)
    assert world.balance(token, target.address) == 0
    assert world.balance(token, escrow.address) == 1_000_000
    assert escrow.functions.credit(target.address, token).call() == 0
    assert sale.refusal("release") == sale.not_taken(1_000_000)
    become(world, target, "Takes")
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert target.functions.paid().call() == world.balance(token, target.address) == 1_000_000
    assert sale.refusal("release") == Refusal("WrongState", (DONE,))


@pytest.mark.parametrize("way", ["TakesNothing", "TakesPart", "TakesElsewhere", "GivesBack"])
def test_a_split_that_does_not_take_exactly_the_money_is_owed(world: World, escrow: Escrow, way: str) -> None:
    """Nothing of what it did has happened, and it keeps no allowance by which to take what others have
    paid in."""
    token = world.token()
    target = odd(world, way, number=3)
    others = escrow.open(world.fresh(), token=token.address)
    sale = escrow.open(target.address, token=token.address)
    for _ in range(2):
        if sale.state == HELD:
            assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
        else:
            assert sale.refusal("release") == sale.not_taken(1_000_000)
            assert world.attempt(sale.call("release"), gas=5_000_000)["status"] == 0
        assert world.balance(token.address, target.address) == 0
        assert world.balance(token.address, escrow.address) == 2_000_000
        assert token.functions.allowance(escrow.address, target.address).call() == 0
        theft = target.functions.take(token.address, escrow.address, 1)
        assert world.refusal(theft).name == ""
    become(world, target, "Takes")
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert world.balance(token.address, target.address) == 1_000_000
    others.do("refund")


@pytest.mark.parametrize("units", [1, 2])
def test_a_split_that_takes_all_but_what_a_token_of_shares_may_round_has_taken_it(
    world: World, escrow: Escrow, units: int
) -> None:
    token = world.token()
    target = odd(world, "GivesBack", units)
    sale = escrow.open(target.address, token=token.address)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert world.balance(token.address, target.address) == 1_000_000 - units
    assert world.balance(token.address, escrow.address) == units  # which is nobody's


@pytest.mark.parametrize("name", [*ACTS, "open", "openWithPermit", "withdrawCredit", "redirectCredit"])
def test_a_split_that_reenters_gains_nothing(world: World, escrow: Escrow, name: str) -> None:
    target = odd(world, "Acts")
    sale = escrow.open(target.address)
    world.send(target.functions.plan(WAYS.index("Acts"), escrow.address, reentry(escrow, sale, name)))
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert int.from_bytes(target.functions.outcome().call(), "big") == world.selector("Reentered")
    assert world.balance(COIN, target.address) == 1_000_000


# ------------------------------------------------------------------------------------------ odd buyers


def reentry(escrow: Escrow, sale: Sale, name: str) -> Any:
    """Calldata of a call that might move money once more."""
    arguments: dict[str, list[Any]] = {
        "open": [escrow.terms(sale.terms[0])],
        "openWithPermit": [escrow.terms(sale.terms[0]), LATE, 27, bytes(32), bytes(32)],
        "withdrawCredit": [sale.buyer, COIN],
        "redirectCredit": [escrow.world.fresh(), COIN, 1],
    }
    if name in ACTS:
        return sale.data(name, *ACTS[name][0])
    return escrow.contract.encode_abi(name, arguments[name])


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert"])
def test_a_buyer_that_cannot_be_refunded_has_a_credit(
    world: World, escrow: Escrow, split: Split, temper: str
) -> None:
    buyer, haven = world.payee(), world.fresh()
    sale = escrow.open(split.address, buyer=buyer)
    other = escrow.open(split.address, buyer=buyer)
    world.become(buyer, temper)
    for each in (sale, other):
        assert each.do("refund") == [
            each.settled(REFUNDED, 0, 1_000_000),
            credited(buyer.address, COIN, 1_000_000),
        ]
    assert escrow.functions.credit(buyer.address, COIN).call() == 2_000_000
    withdraw = escrow.functions.withdrawCredit(buyer.address, COIN)
    if temper == "Reverts":
        refused = Refusal("PaymentFailed", (COIN, buyer.address.lower(), 2_000_000))
        assert world.refusal(withdraw) == refused
    redirect = escrow.functions.redirectCredit(haven, COIN, 1)
    assert world.refusal(redirect, sender=world.stranger) == Refusal("CreditExceeded", (0, 1))

    def redirecting(to: str, amount: int) -> Any:
        data = escrow.contract.encode_abi("redirectCredit", [to, COIN, amount])
        return buyer.functions.run(escrow.address, 0, data)

    for nowhere in (COIN, escrow.address):
        assert world.refusal(redirecting(nowhere, 1)) == Refusal("InvalidRecipient", (nowhere.lower(),))
    assert world.refusal(redirecting(haven, 0)) == Refusal("NothingDue", (buyer.address.lower(), COIN))
    assert world.refusal(redirecting(haven, 2_000_001)) == Refusal("CreditExceeded", (2_000_000, 2_000_001))
    left = 2_000_000
    for amount in (1, 500_000, 1_499_999):  # in parts, to the last unit
        receipt = world.send(redirecting(haven, amount))
        withdrawn = {"payee": buyer.address, "token": COIN, "to": haven, "amount": amount}
        assert escrow.events(receipt) == [("CreditWithdrawn", withdrawn)]
        left -= amount
        assert escrow.functions.credit(buyer.address, COIN).call() == left
    assert world.balance(COIN, haven) == 2_000_000
    assert world.refusal(redirecting(haven, 1)) == Refusal("CreditExceeded", (0, 1))


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert", "BombOnSuccess"])
def test_a_hostile_buyer_does_not_stop_a_decision(
    world: World, escrow: Escrow, split: Split, temper: str
) -> None:
    buyer = world.payee()
    sale = escrow.open(split.address, buyer=buyer)
    sale.of_buyer(buyer, "dispute")
    world.become(buyer, temper)
    sale.do("decide", 400_000)
    assert split.statement()[0] == 600_000
    assert split.functions.isSalePaid(escrow.address, sale.record).call()
    credit = escrow.functions.credit(buyer.address, COIN).call()
    assert credit == (0 if temper == "BombOnSuccess" else 400_000)


@pytest.mark.parametrize("name", [*ACTS, "open", "openWithPermit", "withdrawCredit", "redirectCredit"])
def test_a_buyer_that_reenters_gains_nothing(world: World, escrow: Escrow, split: Split, name: str) -> None:
    buyer = world.payee()
    sale = escrow.open(split.address, buyer=buyer)
    world.plan(buyer, escrow.address, reentry(escrow, sale, name))
    sale.do("refund")
    assert world.outcome(buyer) == Refusal("Reentered")
    assert world.balance(COIN, buyer.address) == 1_000_000


def test_a_refund_cannot_be_turned_into_a_credit_by_sending_too_little_gas(
    world: World, escrow: Escrow, split: Split
) -> None:
    buyer = world.payee()
    for gas in range(50_000, 200_000, 10_000):
        world.become(buyer, "Honest")
        sale = escrow.open(split.address, buyer=buyer)
        world.become(buyer, "Hungry", 40_000)
        receipt = world.attempt(sale.call("refund"), sender=sale.terms[4], gas=gas)
        assert receipt["status"] == 0 or world.logs(escrow.contract, receipt) == [
            sale.settled(REFUNDED, 0, 1_000_000)
        ]
