"""Callers who send too little gas. A failure of the buyer's is judged only with gas enough; one of the split's is not: it may
be forged, and then nobody may do anything that somebody in that place might not have done before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import CONFIRMED, DISPUTED, DONE, HELD, OWED, Escrow, Sale, odd
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")

STARVED = 150_000
"""Enough for all but a split that wants 300,000."""


# ------------------------------------------------------------------------------------------ what cannot be forged


@pytest.mark.parametrize(
    ("kind", "gases"), [("coin", range(48_000, 80_000, 500)), ("token", range(70_000, 160_000, 1_500))]
)
def test_with_a_split_as_ours_a_sale_arrives_or_nothing_happens(
    world: World, escrow: Escrow, split: Split, kind: str, gases: range
) -> None:
    """With any gas: what is kept back on the way down is not enough to write that the money is owed."""
    token = COIN if kind == "coin" else world.token().address
    outcomes = set()
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
def test_what_is_owed_arrives_or_stays_owed(world: World, escrow: Escrow, kind: str) -> None:
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, "Hungry", 300_000)
    outcomes = set()
    sale = escrow.open(target.address, token=token)
    world.send(sale.call("confirm"), gas=STARVED)
    for gas in range(40_000, 600_000, 20_000):
        assert sale.state == OWED
        receipt = world.attempt(sale.call("release"), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert escrow.events(receipt) == [sale.owed_settled(1_000_000, refunded=False)]
            sale = escrow.open(target.address, token=token)
            world.send(sale.call("confirm"), gas=STARVED)
    assert outcomes == {0, 1}


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
        act, more = name.split()[0], (1_000_000,) if name == "decide" else ()
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


# ------------------------------------------------------------------------------------------ what can


def ends(escrow: Escrow, sale: Sale) -> set[tuple[str, str]]:
    """Who could now bring the money where: (party, "split" or "buyer"). A stranger stands for anyone."""
    world = escrow.world
    parties = {"buyer": sale.buyer, "seller": sale.terms[4], "arbiter": sale.terms[5], "anyone": world.stranger}
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


def prepare(world: World, escrow: Escrow, name: str, kind: str) -> tuple[Sale, Any]:
    """A sale of a split that wants much gas, at a moment when `name` may end it."""
    target = odd(world, "Hungry", 300_000)
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(target.address, token=token, refundByDefault=False)
    if name in ("decide", "settleByDefault"):
        sale.do("dispute")
    if name == "release":
        escrow.wait_until(sale.deadline)
        world.send({"to": world.owner})
    if name == "settleByDefault":
        escrow.wait_until(sale.decision_deadline)
        world.send({"to": world.owner})
    return sale, target


ENDINGS = {
    "release": (HELD, set()),
    "settleByDefault": (DISPUTED, set()),
    # These two are done by a party; afterwards anyone may do what it meant to.
    "confirm": (HELD, {("anyone", "split")}),
    "decide": (DISPUTED, {("anyone", "split")}),
}


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("name", ENDINGS)
def test_a_forged_delay_gives_nobody_a_right_it_had_not(
    world: World, escrow: Escrow, name: str, kind: str
) -> None:
    state, gained = ENDINGS[name]
    sale, target = prepare(world, escrow, name, kind)
    assert sale.state == state
    before = ends(escrow, sale)
    more = (0,) if name == "decide" else ()
    receipt = world.send(sale.call(name, *more), sender=sale.sender(name), gas=STARVED)
    assert [event for event, _ in escrow.events(receipt)] == ["Settled", "Delayed"], "it was not forged"
    assert (sale.state, sale.owed) == (OWED, 1_000_000)
    after = ends(escrow, sale)
    assert after == {("anyone", "split"), ("seller", "buyer")}
    assert after <= before | gained
    # Nobody but those whose time is over loses one: neither the seller its refund, nor anyone the release.
    lost = {(party, to) for party, to in before - after if ("anyone", to) not in after}
    assert lost <= {("arbiter", "buyer")}
    assert (lost == set()) == (name != "decide")
    # And the money arrives with its record as soon as anybody at all gives the gas for it.
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert target.functions.paid().call() == 1_000_000


def test_a_dispute_that_was_possible_before_a_forged_delay_was_the_buyers_to_give_up(
    world: World, escrow: Escrow
) -> None:
    """Before the deadline only the buyer's own confirmation ends a sale in favour of the split; from then on no dispute is
    possible, forged delay or not."""
    sale, _ = prepare(world, escrow, "confirm", "coin")
    for other in (world.stranger, sale.terms[4], sale.terms[5]):
        assert sale.refusal("release", sender=other).name == "TooEarly"
        assert sale.refusal("confirm", sender=other) == Refusal("WrongState", (0,))
        assert sale.refusal("settleByDefault", sender=other) == Refusal("WrongState", (HELD,))
    late, _ = prepare(world, escrow, "release", "coin")
    assert late.refusal("dispute").name == "TooLate"
    world.send(late.call("release"), sender=world.stranger, gas=STARVED)
    assert late.refusal("dispute") == Refusal("WrongState", (OWED,))


@pytest.mark.parametrize("name", ENDINGS)
def test_after_a_forged_delay_the_seller_may_still_refund_as_before(
    world: World, escrow: Escrow, name: str
) -> None:
    sale, target = prepare(world, escrow, name, "coin")
    more = (0,) if name == "decide" else ()
    world.send(sale.call(name, *more), sender=sale.sender(name), gas=STARVED)
    assert sale.do("refund") == [sale.owed_settled(1_000_000, refunded=True)]
    assert target.functions.paid().call() == 0
    assert sale.refusal("release") == Refusal("WrongState", (DONE,))


def test_what_a_node_reckons_is_enough(world: World, escrow: Escrow, split: Split) -> None:
    """With a split as ours no wallet sends so little that the sale waits."""
    for token in (COIN, world.token().address):
        sale = escrow.open(split.address, token=token)
        asked: Any = {"from": world.owner, "to": escrow.address, "data": sale.data("confirm")}
        receipt = world.send(sale.call("confirm"), gas=world.w3.eth.estimate_gas(asked))
        assert escrow.events(receipt) == [sale.settled(CONFIRMED, 1_000_000, 0)]


def test_a_forged_delay_leaves_the_buyers_part_of_a_decision_where_it_belongs(
    world: World, escrow: Escrow
) -> None:
    sale, _ = prepare(world, escrow, "decide", "coin")
    before = world.balance(COIN, escrow.address)
    receipt = world.send(sale.call("decide", 300_000), sender=sale.sender("decide"), gas=STARVED)
    assert escrow.events(receipt)[1:] == [sale.delayed(700_000)]
    assert before - world.balance(COIN, escrow.address) == 300_000
    assert sale.owed == 700_000
