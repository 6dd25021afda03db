"""Splits and buyers that refuse, burn, bomb, re-enter or take something else than the money."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import ACTS, CONFIRMED, HELD, REFUNDED, WAYS, Escrow, Sale, credited, odd
from tests.contract.test_permit import LATE
from tests.contract.world import COIN, Refusal, Split, World, shares

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ odd splits


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_does_not_exist_yet_is_paid_plainly(world: World, escrow: Escrow, kind: str) -> None:
    """Whose address is known, by its terms: what waits there is revenue once it is created."""
    token = COIN if kind == "coin" else world.token().address
    twin = world.split([world.fresh()], shares(1))
    salt = world.salt()
    address = world.factory.functions.predict(twin.terms.packed, salt).call()
    sale = escrow.open(address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.create(twin.terms, salt).statement(token)[0] == 1_000_000


@pytest.mark.parametrize("way", ["Refuses", "BurnsGas", "BombOnRevert"])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_refuses_is_paid_plainly(world: World, escrow: Escrow, kind: str, way: str) -> None:
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, way)
    sale = escrow.open(target.address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.balance(token, target.address) == 1_000_000


@pytest.mark.parametrize("way", ["TakesNothing", "TakesPart", "TakesElsewhere"])
def test_a_split_that_does_not_take_exactly_the_money_is_paid_plainly(
    world: World, escrow: Escrow, way: str
) -> None:
    """And keeps no allowance by which it could take what others have paid in."""
    token = world.token()
    target = odd(world, way)
    world.send(target.functions.plan(target.address, b""))
    world.send(target.functions.become(WAYS.index(way), False, 0))
    others = escrow.open(world.fresh(), token=token.address)
    sale = escrow.open(target.address, token=token.address)
    events = sale.do("confirm")
    assert events == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.balance(token.address, target.address) == 1_000_000
    assert token.functions.allowance(escrow.address, target.address).call() == 0
    theft = target.functions.take(token.address, escrow.address, 1)
    assert world.refusal(theft).name == ""
    assert world.balance(token.address, escrow.address) == 1_000_000
    others.do("refund")


def test_a_split_that_takes_nothing_at_all_has_a_credit(world: World, escrow: Escrow) -> None:
    target = odd(world, "Refuses", refuses_coin=True)
    sale = escrow.open(target.address)
    assert sale.do("confirm") == [
        sale.settled(CONFIRMED, 1_000_000, 0),
        credited(target.address, COIN, 1_000_000),
    ]
    assert escrow.functions.credit(target.address, COIN).call() == 1_000_000
    withdraw = escrow.functions.withdrawCredit(target.address, COIN)
    assert world.refusal(withdraw) == Refusal("PaymentFailed", (COIN, target.address.lower(), 1_000_000))
    world.send(target.functions.become(WAYS.index("Takes"), False, 0))
    world.send(withdraw, sender=world.stranger)
    assert world.balance(COIN, target.address) == 1_000_000
    assert world.refusal(withdraw) == Refusal("NothingDue", (target.address.lower(), COIN))


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_refusal_cannot_be_forged_by_sending_too_little_gas(
    world: World, escrow: Escrow, kind: str
) -> None:
    """With any gas: the sale arrives with its id, or nothing happens."""
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, "Hungry", number=200_000)
    outcomes = set()
    for gas in [*range(60_000, 900_000, 40_000), 1_000_000]:
        sale = escrow.open(target.address, token=token)
        receipt = world.attempt(sale.call("confirm"), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert [name for name, _ in world.logs(escrow.contract, receipt)] == ["Settled"]
        else:
            assert sale.state == HELD
    assert outcomes == {0, 1}
    assert world.refusal(sale.call("refund"), sender=sale.terms[4]).name == "WrongState"


def test_too_little_gas_to_judge_a_refusal_is_said_so(world: World, escrow: Escrow) -> None:
    target = odd(world, "Refuses")
    sale = escrow.open(target.address)
    assert world.refusal(sale.call("confirm"), gas=400_000) == Refusal("NotEnoughGas")
    sale.do("confirm", gas=1_000_000)


@pytest.mark.parametrize("name", [*ACTS, "open", "openWithPermit", "withdrawCredit", "redirectCredit"])
def test_a_split_that_reenters_gains_nothing(world: World, escrow: Escrow, name: str) -> None:
    target = odd(world, "Acts")
    sale = escrow.open(target.address)
    world.send(target.functions.plan(escrow.address, reentry(escrow, sale, name)))
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert int.from_bytes(target.functions.outcome().call(), "big") == world.selector("Reentered")
    assert world.balance(COIN, target.address) == 1_000_000


# ------------------------------------------------------------------------------------------ odd buyers


def reentry(escrow: Escrow, sale: Sale, name: str) -> Any:
    """Calldata of a call that might move money once more."""
    arguments: dict[str, list[Any]] = {
        "decide": [*sale.key, 1],
        "open": [escrow.terms(sale.terms[0])],
        "openWithPermit": [escrow.terms(sale.terms[0]), LATE, 27, bytes(32), bytes(32)],
        "withdrawCredit": [sale.buyer, COIN],
        "redirectCredit": [escrow.world.fresh(), COIN],
    }
    return escrow.contract.encode_abi(name, arguments.get(name, list(sale.key)))


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
    redirect = escrow.functions.redirectCredit(haven, COIN)
    assert world.refusal(redirect, sender=world.stranger) == Refusal(
        "NothingDue", (world.stranger.lower(), COIN)
    )
    for nowhere in (COIN, escrow.address):
        data = escrow.contract.encode_abi("redirectCredit", [nowhere, COIN])
        refused = world.refusal(buyer.functions.run(escrow.address, 0, data))
        assert refused == Refusal("InvalidRecipient", (nowhere.lower(),))
    data = escrow.contract.encode_abi("redirectCredit", [haven, COIN])
    receipt = world.send(buyer.functions.run(escrow.address, 0, data))
    withdrawn = {"payee": buyer.address, "token": COIN, "to": haven, "amount": 2_000_000}
    assert world.logs(escrow.contract, receipt) == [("CreditWithdrawn", withdrawn)]
    assert world.balance(COIN, haven) == 2_000_000
    assert escrow.functions.credit(buyer.address, COIN).call() == 0


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert", "BombOnSuccess"])
def test_a_hostile_buyer_does_not_stop_a_decision(
    world: World, escrow: Escrow, split: Split, temper: str
) -> None:
    buyer = world.payee()
    sale = escrow.open(split.address, buyer=buyer)
    data = escrow.contract.encode_abi("dispute", list(sale.key))
    world.send(buyer.functions.run(escrow.address, 0, data))
    world.become(buyer, temper)
    sale.do("decide", 400_000)
    assert split.statement()[0] == 600_000
    assert split.functions.isSalePaid(escrow.address, sale.terms[1]).call()
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
