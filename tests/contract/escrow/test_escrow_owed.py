"""Money for a split that cannot be paid in stays here, owed: releasable later by anyone, refundable by the
seller."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import (
    ACTS,
    BUYERS,
    CONFIRMED,
    DECIDED,
    DEFAULTED,
    DONE,
    EXPIRED,
    OWED,
    Escrow,
    Sale,
    credited,
)
from tests.contract.world import COIN, Refusal, Split, World, shares

pytestmark = pytest.mark.xdist_group("trust")


def paused(world: World, escrow: Escrow, split: Split, **other: Any) -> tuple[Sale, Any]:
    """A sale in a token, whose next transfers will all revert."""
    token = world.token()
    sale = escrow.open(split.address, token=token.address, **other)
    world.behave(token, "Blacklist")
    return sale, token


# ------------------------------------------------------------------------------------------ a paused token


@pytest.mark.parametrize("who", ["buyer", "seller", "arbiter", "stranger"])
def test_while_the_token_is_paused_the_money_stays_and_anyone_releases_it_later(
    world: World, escrow: Escrow, split: Split, who: str
) -> None:
    sale, token = paused(world, escrow, split)
    asset = sale.terms[2]
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert sale.refusal("release") == sale.not_taken(1_000_000)
    assert world.attempt(sale.call("release"), gas=5_000_000)["status"] == 0
    assert (sale.state, sale.owed) == (OWED, 1_000_000)
    world.behave(token, "None")
    callers = {"buyer": sale.buyer, "seller": sale.terms[4], "arbiter": sale.terms[5]}
    receipt = world.send(sale.call("release"), sender=callers.get(who, world.stranger))
    assert escrow.events(receipt) == [sale.owed_settled(1_000_000, refunded=False)]
    paid = {"payer": escrow.address, "saleId": sale.record, "token": asset, "amount": 1_000_000}
    assert world.logs(split.contract, receipt) == [("SalePaid", paid)]
    assert split.statement(asset)[0] == 1_000_000
    assert world.balance(asset, escrow.address) == 0
    assert (sale.state, sale.owed) == (DONE, 0)


@pytest.mark.parametrize("still", [False, True])
def test_the_seller_may_refund_what_is_owed_once_and_nobody_else_may(
    world: World, escrow: Escrow, split: Split, still: bool
) -> None:
    """Also while the token is still paused: then it is the buyer's credit, and no longer owed."""
    buyer = world.payee()
    sale, token = paused(world, escrow, split, buyer=buyer)
    asset, had = sale.terms[2], world.balance(sale.terms[2], buyer.address)
    sale.of_buyer(buyer, "confirm")
    for other in {world.owner, world.stranger, *world.accounts} - {sale.terms[4]}:
        refused = sale.refusal("refund", sender=other)
        assert refused == Refusal("Unauthorised", (other.lower(), sale.terms[4].lower()))
    if not still:
        world.behave(token, "None")
    events = sale.do("refund")
    assert events[0] == sale.owed_settled(1_000_000, refunded=True)
    assert events[1:] == ([credited(buyer.address, asset, 1_000_000)] if still else [])
    assert (sale.state, sale.owed) == (DONE, 0)
    world.behave(token, "None")
    if still:
        world.send(escrow.functions.withdrawCredit(buyer.address, asset))
    assert world.balance(asset, buyer.address) == had + 1_000_000
    assert world.balance(asset, escrow.address) == 0
    assert split.statement(asset)[0] == 0
    for name, (arguments, _) in ACTS.items():
        call, sender = sale.call(name, *arguments), sale.sender(name)
        if name in BUYERS:
            call, sender = buyer.functions.run(escrow.address, 0, sale.data(name)), world.owner
        assert world.refusal(call, sender=sender) == Refusal("WrongState", (DONE,))


def test_what_was_released_is_not_refunded_and_the_other_way_round(
    world: World, escrow: Escrow, split: Split
) -> None:
    token = world.token()
    first, second = (escrow.open(split.address, token=token.address) for _ in range(2))
    world.behave(token, "Blacklist")
    for sale in (first, second):
        sale.do("confirm")
    world.behave(token, "None")
    first.do("release")
    second.do("refund")
    assert first.refusal("refund") == Refusal("WrongState", (DONE,))
    assert second.refusal("release") == Refusal("WrongState", (DONE,))
    assert world.balance(first.terms[2], escrow.address) == 0


@pytest.mark.parametrize("to_buyer", [0, 1, 400_000, 1_000_000])
@pytest.mark.parametrize("later", ["release", "refund"])
def test_what_the_arbiter_decides_while_the_token_is_paused_stands(
    world: World, escrow: Escrow, split: Split, to_buyer: int, later: str
) -> None:
    """The buyer's part is its credit, the split's is owed, each by itself."""
    buyer = world.payee()
    sale, token = paused(world, escrow, split, buyer=buyer)
    asset, to_split = sale.terms[2], 1_000_000 - to_buyer
    had = world.balance(asset, buyer.address)
    sale.of_buyer(buyer, "dispute")
    expected = [sale.settled(DECIDED, to_split, to_buyer)]
    expected += [credited(buyer.address, asset, to_buyer)] if to_buyer else []
    expected += [sale.delayed(to_split)] if to_split else []
    assert sale.do("decide", to_buyer) == expected
    assert escrow.functions.credit(buyer.address, asset).call() == to_buyer
    assert (sale.state, sale.owed) == ((OWED, to_split) if to_split else (DONE, 0))
    assert sale.refusal("decide", 1).name == "WrongState"
    world.behave(token, "None")
    if to_split:
        sale.do(later)
    if to_buyer:
        world.send(escrow.functions.withdrawCredit(buyer.address, asset))
    back = 1_000_000 if later == "refund" else to_buyer
    assert world.balance(asset, buyer.address) == had + back
    assert split.statement(asset)[0] == 1_000_000 - back
    assert world.balance(asset, escrow.address) == 0


@pytest.mark.parametrize("refuses", ["the buyer", "the split"])
def test_of_a_decision_one_part_arrives_though_the_other_does_not(
    world: World, escrow: Escrow, split: Split, refuses: str
) -> None:
    buyer = world.payee()
    token = world.token()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    sale.of_buyer(buyer, "dispute")
    had = world.balance(token.address, buyer.address)
    world.behave(token, "Blacklist", buyer.address if refuses == "the buyer" else split.address)
    events = sale.do("decide", 400_000)[1:]
    if refuses == "the buyer":
        assert events == [credited(buyer.address, token.address, 400_000)]
        assert split.statement(token.address)[0] == 600_000
    else:
        assert events == [sale.delayed(600_000)]
        assert world.balance(token.address, buyer.address) == had + 400_000


@pytest.mark.parametrize("ending", [EXPIRED, DEFAULTED])
def test_also_what_anyone_may_end_ends_while_the_token_is_paused(
    world: World, escrow: Escrow, split: Split, ending: int
) -> None:
    sale, token = paused(world, escrow, split, refundByDefault=False)
    if ending == DEFAULTED:
        sale.do("dispute")
        escrow.wait_until(sale.decision_deadline + 1)
        events = sale.do("settleByDefault")
    else:
        escrow.wait_until(sale.deadline + 1)
        events = sale.do("release")
    assert events == [sale.settled(ending, 1_000_000, 0), sale.delayed(1_000_000)]
    world.behave(token, "None")
    sale.do("release")
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


# ------------------------------------------------------------------------------------------ no split yet


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_does_not_exist_yet_is_owed_until_it_is_created(
    world: World, escrow: Escrow, kind: str
) -> None:
    """Whose address is known, by its terms."""
    token = COIN if kind == "coin" else world.token().address
    twin = world.split([world.fresh()], shares(1))
    salt = world.salt()
    address = world.factory.functions.predict(twin.terms.packed, salt).call()
    sale = escrow.open(address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert world.balance(token, address) == 0
    assert sale.refusal("release") == sale.not_taken(1_000_000)
    split = world.create(twin.terms, salt)
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert split.statement(token)[0] == 1_000_000
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


def test_an_account_is_no_split_and_its_seller_can_refund(world: World, escrow: Escrow) -> None:
    """Nothing but the seller brings this money anywhere."""
    buyer = world.payee()
    sale = escrow.open(world.stranger, buyer=buyer)
    had = world.balance(COIN, world.stranger)
    escrow.wait_until(sale.deadline)
    world.send(sale.call("release"), sender=world.owner)
    assert world.balance(COIN, world.stranger) == had
    assert sale.refusal("release") == sale.not_taken(1_000_000)
    sale.do("refund")
    assert world.balance(COIN, buyer.address) == 1_000_000


def test_many_owed_sales_are_released_in_one_transaction(world: World, escrow: Escrow) -> None:
    twin = world.split([world.fresh()], shares(1))
    salt = world.salt()
    address = world.factory.functions.predict(twin.terms.packed, salt).call()
    sales = [escrow.open(address) for _ in range(3)]
    for sale in sales:
        sale.do("confirm")
    split = world.create(twin.terms, salt)
    world.send(world.deploy("Batch").functions.run(escrow.address, [s.data("release") for s in sales]))
    assert split.statement()[0] == 3_000_000
    assert all(split.functions.isSalePaid(escrow.address, sale.record).call() for sale in sales)
