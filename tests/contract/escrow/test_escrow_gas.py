"""Callers who send too little gas: with any gas, a sale ends as it would with plenty, or nothing happens.

A wallet that asks a node how much is enough finds the least with which a call succeeds: a failure that is
taken for an end
must not be to be had for less.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import CONFIRMED, DONE, HELD, OWED, Escrow, Sale, become, odd
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")

# ---------------------------------------------------------------------- what cannot be forged


@pytest.mark.parametrize(
    ("kind", "gases"), [("coin", range(48_000, 80_000, 500)), ("token", range(70_000, 160_000, 1_500))]
)
def test_with_a_split_as_ours_a_sale_arrives_or_nothing_happens(
    world: World, escrow: Escrow, split: Split, kind: str, gases: range
) -> None:
    """With any gas: what is kept back on the way down is not enough to write that the money is owed."""
    token = COIN if kind == "coin" else world.token().address
    outcomes: set[int] = set()
    sale = escrow.open(split.address, token=token)
    for gas in gases:
        receipt = world.attempt(sale.call("confirm"), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert [name for name, _ in escrow.events(receipt)] == ["Settled"]
            sale = escrow.open(split.address, token=token)
    assert outcomes == {0, 1}
    assert sale.state == HELD


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("name", ["confirm", "release", "decide", "settleByDefault"])
def test_a_delay_cannot_be_forged(world: World, escrow: Escrow, name: str, kind: str) -> None:
    """With a split that wants much gas, and gives the rest back where there is less."""
    outcomes: set[str] = set()
    for gas in [*range(60_000, 960_000, 60_000), 2_000_000]:
        if not outcomes or "Settled" in outcomes:
            sale, target = prepare(world, escrow, name, kind)
        more = (300_000,) if name == "decide" else ()
        receipt = world.attempt(sale.call(name, *more), sender=sale.sender(name), gas=gas)
        events = [event for event, _ in escrow.events(receipt)] if receipt["status"] else ["nothing"]
        outcomes |= set(events)
        if receipt["status"]:
            assert target.functions.paid().call() == (700_000 if more else 1_000_000)
            assert sale.state == DONE
    assert outcomes == {"nothing", "Settled"}


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_too_little_gas_to_judge_a_splits_refusal_is_said_so(world: World, escrow: Escrow, kind: str) -> None:
    target = odd(world, "Refuses")
    sale = escrow.open(target.address, token=COIN if kind == "coin" else world.token().address)
    enough = 500_000 * 64 // 63
    assert world.refusal(sale.call("confirm"), gas=enough) == Refusal("NotEnoughGas")
    sale.do("confirm", gas=enough + 150_000)
    assert sale.state == OWED


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_what_is_owed_arrives_or_stays_owed(world: World, escrow: Escrow, kind: str) -> None:
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, "Refuses")
    outcomes = set()
    sale = escrow.open(target.address, token=token)
    sale.do("confirm")
    become(world, target, "Hungry", 300_000)
    for gas in range(40_000, 600_000, 40_000):
        assert sale.state == OWED
        receipt = world.attempt(sale.call("release"), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert escrow.events(receipt) == [sale.owed_settled(1_000_000, refunded=False)]
            break
    assert outcomes == {0, 1}


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_wants_more_gas_than_a_sale_may_have_is_owed_and_released_with_all_there_is(
    world: World, escrow: Escrow, kind: str
) -> None:
    target = odd(world, "Hungry", 700_000)
    sale = escrow.open(target.address, token=COIN if kind == "coin" else world.token().address)
    assert sale.do("confirm")[1:] == [sale.delayed(1_000_000)]
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert target.functions.paid().call() == 1_000_000


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("name", ["refund", "refund of what is owed", "decide", "settleByDefault"])
def test_no_part_of_the_buyers_becomes_a_credit_for_want_of_gas(
    world: World, escrow: Escrow, kind: str, name: str
) -> None:
    """With any gas: the buyer is paid, or nothing happens."""
    buyer = world.payee()
    token = None if kind == "coin" else world.token()
    asset = COIN if token is None else token.address
    outcomes = set()
    sale = None
    for gas in [*range(50_000, 330_000, 20_000), 2_000_000]:
        if sale is None:
            if token is None:
                world.become(buyer, "Honest")
            else:
                world.behave(token, "None")
            sale = escrow.open(world.fresh(), buyer=buyer, token=asset)
            first = {"refund of what is owed": "confirm", "refund": ""}.get(name, "dispute")
            if first:
                world.send(buyer.functions.run(escrow.address, 0, sale.data(first)))
            if name == "settleByDefault":
                escrow.wait_until(sale.decision_deadline)
            if token is None:
                world.become(buyer, "Hungry", 40_000)
            else:
                world.behave(token, "Picky", number=150_000)
        act, more = name.split(maxsplit=1)[0], (1_000_000,) if name == "decide" else ()
        receipt = world.attempt(sale.call(act, *more), sender=sale.sender(act), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert "Credited" not in [event for event, _ in escrow.events(receipt)]
            assert escrow.functions.credit(buyer.address, asset).call() == 0
            assert sale.state == DONE
            sale = None
    assert outcomes == {0, 1}
    world.become(buyer, "Honest")


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_too_little_gas_to_judge_a_buyers_refusal_is_said_so(
    world: World, escrow: Escrow, split: Split, kind: str
) -> None:
    buyer = world.payee()
    token = None if kind == "coin" else world.token()
    sale = escrow.open(split.address, buyer=buyer, token=COIN if token is None else token.address)
    world.become(buyer, "Reverts")
    if token is not None:
        world.behave(token, "Blacklist")
    call, seller = sale.call("refund"), sale.sender("refund")
    # The allowance itself, and the 63rd part that is held back, must be left after the failure.
    enough = {"coin": 50_000, "token": 200_000}[kind] * 64 // 63
    refused = world.refusal(call, sender=seller, gas=enough + 25_000)
    assert refused == Refusal("NotEnoughGas")
    sale.do("refund", gas=enough + 120_000)
    assert sale.state == DONE


def test_what_a_node_reckons_is_enough(world: World, escrow: Escrow, split: Split) -> None:
    """No wallet sends so little that a sale waits which need not."""
    picky = world.token()
    splits = [(split.address, COIN), (split.address, world.token().address), (split.address, picky.address)]
    splits += [(odd(world, "Hungry", gas).address, COIN) for gas in (100_000, 300_000)]
    for to, token in splits:
        sale = escrow.open(to, token=token)
        world.behave(picky, "Picky", number=150_000)
        asked: Any = {"from": world.owner, "to": escrow.address, "data": sale.data("confirm")}
        receipt = world.send(sale.call("confirm"), gas=world.w3.eth.estimate_gas(asked))
        assert escrow.events(receipt) == [sale.settled(CONFIRMED, 1_000_000, 0)]


# ---------------------------------------------------------------------- what a delay changes


def prepare(world: World, escrow: Escrow, name: str, kind: str) -> tuple[Sale, Any]:
    """A sale of a split that wants much gas, at a moment when `name` may end it."""
    target = odd(world, "Hungry", 300_000)
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(target.address, token=token, refundByDefault=False)
    if name in ("decide", "settleByDefault"):
        world.send(sale.call("dispute"))
    if name == "release":
        escrow.wait_until(sale.deadline)
        world.send({"to": world.owner})
    if name == "settleByDefault":
        escrow.wait_until(sale.decision_deadline)
        world.send({"to": world.owner})
    return sale, target


def ends(escrow: Escrow, sale: Sale) -> set[tuple[str, str]]:
    """Who could now bring the money where: (party, "split" or "buyer"). A stranger stands for anyone."""
    world = escrow.world
    parties = {
        "buyer": sale.buyer,
        "seller": sale.terms[4],
        "arbiter": sale.terms[5],
        "anyone": world.stranger,
    }
    found = set()
    for party, address in parties.items():
        for name, more, to in (
            ("confirm", (), "split"),
            ("release", (), "split"),
            ("refund", (), "buyer"),
            ("decide", (0,), "split"),
            ("decide", (1_000_000,), "buyer"),
            ("settleByDefault", (), "buyer" if sale.terms[8] else "split"),
        ):
            try:
                world.refusal(sale.call(name, *more), sender=address, gas=5_000_000)
            except AssertionError:  # it did not revert
                found.add((party, to))
    # What anyone may, each of the others may as well: it is said once.
    return {(p, to) for p, to in found if p == "anyone" or ("anyone", to) not in found}


ENDINGS = {
    "release": set(),
    "settleByDefault": set(),
    # These two are done by a party; afterwards anyone may do what it meant to.
    "confirm": {("anyone", "split")},
    "decide": {("anyone", "split")},
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_delay_gives_nobody_a_right_it_had_not(world: World, escrow: Escrow, name: str) -> None:
    """Whatever the cause, and whoever might have an interest in it: here the split refuses just then."""
    sale, target = prepare(world, escrow, name, "coin")
    before = ends(escrow, sale)
    become(world, target, "Refuses")
    sale.do(name, *((0,) if name == "decide" else ()))
    assert sale.state == OWED
    become(world, target, "Takes")
    after = ends(escrow, sale)
    assert after == {("anyone", "split"), ("seller", "buyer")}
    assert after <= before | ENDINGS[name]
    # And nobody loses one, but an arbiter who has decided.
    lost = {(party, to) for party, to in before - after if ("anyone", to) not in after}
    assert lost == ({("arbiter", "buyer")} if name == "decide" else set())
