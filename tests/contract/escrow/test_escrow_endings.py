"""Each way a sale ends: by whom, when, and who then has the money."""

from __future__ import annotations

import pytest

from tests.contract.escrow.sales import (
    ACTS,
    CONFIRMED,
    DECIDED,
    DEFAULTED,
    DISPUTED,
    DONE,
    EXPIRED,
    HELD,
    NONE,
    OWED,
    REFUNDED,
    Escrow,
    Sale,
)
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ the ways it ends


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("disputed", [False, True])
def test_confirmed_the_split_is_paid_with_the_same_sale_id(
    world: World, escrow: Escrow, split: Split, kind: str, disputed: bool
) -> None:
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(split.address, token=token)
    if disputed:
        assert sale.do("dispute") == [sale.disputed()]
    receipt = world.send(sale.call("confirm"))
    assert world.logs(escrow.contract, receipt) == [sale.settled(CONFIRMED, 1_000_000, 0)]
    paid = {"payer": escrow.address, "saleId": sale.record, "token": token, "amount": 1_000_000}
    assert world.logs(split.contract, receipt) == [("SalePaid", paid)]
    assert split.functions.isSalePaid(escrow.address, sale.record).call()
    assert split.statement(token)[0] == 1_000_000
    assert world.balance(token, escrow.address) == 0
    assert sale.state == DONE
    if kind == "token":
        allowance = world.at("Token", token).functions.allowance(escrow.address, split.address).call()
        assert allowance == 0


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("disputed", [False, True])
def test_refunded_by_the_seller_the_buyer_has_it_back(
    world: World, escrow: Escrow, split: Split, kind: str, disputed: bool
) -> None:
    token = COIN if kind == "coin" else world.token().address
    buyer = world.payee()
    sale = escrow.open(split.address, token=token, buyer=buyer)
    had = world.balance(token, buyer.address)
    if disputed:
        sale.of_buyer(buyer, "dispute")
    assert sale.do("refund") == [sale.settled(REFUNDED, 0, 1_000_000)]
    assert world.balance(token, buyer.address) == had + 1_000_000
    assert sale.state == DONE


def test_released_by_anyone_from_the_deadline_on(world: World, escrow: Escrow, split: Split) -> None:
    sale = escrow.open(split.address)
    escrow.wait_until(sale.deadline)
    assert sale.refusal("release") == Refusal("TooEarly", (sale.deadline,))
    assert sale.do("release") == [sale.settled(EXPIRED, 1_000_000, 0)]
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


def test_disputed_until_the_deadline_only(world: World, escrow: Escrow, split: Split) -> None:
    early, late = escrow.open(split.address), escrow.open(split.address)
    escrow.wait_until(early.deadline - 1)
    early.do("dispute")
    escrow.wait_until(late.deadline + 1)
    assert late.refusal("dispute") == Refusal("TooLate", (late.deadline,))
    # What is disputed is not released, whenever.
    assert early.refusal("release") == Refusal("WrongState", (DISPUTED,))


def test_without_an_arbiter_there_is_no_dispute(world: World, escrow: Escrow, split: Split) -> None:
    sale = escrow.open(split.address, arbiter=COIN, decisionDeadline=0)
    assert sale.refusal("dispute") == Refusal("NoArbiter")
    escrow.wait_until(sale.deadline)
    sale.do("release")


@pytest.mark.parametrize("to_buyer", [0, 1, 300_000, 999_999, 1_000_000])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_decided_by_the_arbiter_each_gets_its_part(
    world: World, escrow: Escrow, split: Split, kind: str, to_buyer: int
) -> None:
    contract = None if kind == "coin" else world.token(quirk="RevertsOnZero")
    token = COIN if contract is None else contract.address
    buyer = world.payee()
    sale = escrow.open(split.address, token=token, buyer=buyer)
    sale.of_buyer(buyer, "dispute")
    had = world.balance(token, buyer.address)
    assert sale.refusal("decide", 1_000_001) == Refusal("MoreThanHeld", (1_000_001, 1_000_000))
    assert sale.do("decide", to_buyer) == [sale.settled(DECIDED, 1_000_000 - to_buyer, to_buyer)]
    assert world.balance(token, buyer.address) == had + to_buyer
    assert split.statement(token)[0] == 1_000_000 - to_buyer
    assert split.functions.isSalePaid(escrow.address, sale.record).call() == (to_buyer < 1_000_000)
    if contract is not None:
        assert contract.functions.zeroTransfers().call() == 0


@pytest.mark.parametrize("refund", [False, True])
def test_an_arbiter_who_is_gone_leaves_it_to_the_terms(
    world: World, escrow: Escrow, split: Split, refund: bool
) -> None:
    sale = escrow.open(split.address, refundByDefault=refund)
    sale.do("dispute")
    escrow.wait_until(sale.decision_deadline)
    assert sale.refusal("settleByDefault") == Refusal("TooEarly", (sale.decision_deadline,))
    amounts = (0, 1_000_000) if refund else (1_000_000, 0)
    assert sale.do("settleByDefault") == [sale.settled(DEFAULTED, *amounts)]
    assert split.statement()[0] == amounts[0]


def test_the_arbiter_may_decide_before_its_deadline_only(world: World, escrow: Escrow, split: Split) -> None:
    sale, other = escrow.open(split.address), escrow.open(split.address)
    for each in (sale, other):
        each.do("dispute")
    escrow.wait_until(sale.decision_deadline - 1)
    sale.do("decide", 5)
    escrow.wait_until(other.decision_deadline + 1)
    assert other.refusal("decide", 5) == Refusal("TooLate", (other.decision_deadline,))


@pytest.mark.parametrize("name", ["confirm", "refund"])
def test_agreement_is_possible_even_when_all_deadlines_have_passed(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    sale = escrow.open(split.address)
    sale.do("dispute")
    escrow.wait_until(sale.decision_deadline + 1)
    sale.do(name)
    assert sale.state == DONE


# ------------------------------------------------------------------------------------------ who, and when


@pytest.mark.parametrize("state", [HELD, DISPUTED, OWED])
@pytest.mark.parametrize("name", ["refund", "decide"])
def test_only_the_party_it_belongs_to_may(
    world: World, escrow: Escrow, split: Split, name: str, state: int
) -> None:
    sale = escrow.open(split.address)
    bring(world, sale, state)
    if state not in ACTS[name][1]:
        assert sale.refusal(name, *ACTS[name][0]) == Refusal("WrongState", (state,))
        return
    expected = sale.sender(name)
    for other in {world.owner, world.stranger, *world.accounts} - {expected}:
        refused = sale.refusal(name, *ACTS[name][0], sender=other)
        assert refused == Refusal("Unauthorised", (other.lower(), expected.lower()))
    sale.do(name, *ACTS[name][0])


@pytest.mark.parametrize("name", ["confirm", "dispute"])
def test_what_the_buyer_may_is_done_to_a_sale_of_its_own_only(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    """Others have no sale by that name: neither its seller, nor its arbiter, nor a stranger can say whose
    it is."""
    sale = escrow.open(split.address)
    for other in {world.stranger, *world.accounts}:
        assert sale.refusal(name, sender=other) == Refusal("WrongState", (NONE,))
    sale.do(name)


@pytest.mark.parametrize("name", ["refund", "release", "decide", "settleByDefault"])
def test_what_others_may_is_done_to_the_sale_of_the_buyer_they_name(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    sale = escrow.open(split.address)
    split_, _, sale_id = sale.key
    for buyer in (sale.terms[4], sale.terms[5], escrow.address, COIN):
        call = escrow.functions[name](split_, buyer, sale_id, *ACTS[name][0])
        assert world.refusal(call, sender=sale.sender(name)) == Refusal("WrongState", (NONE,))
    assert sale.state == HELD


def bring(world: World, sale: Sale, state: int) -> None:
    """Have a sale of a real split reach a state; one that is none is of an id nobody has used."""
    if state == NONE:
        sale.terms = (sale.terms[0], world.record(), *sale.terms[2:])
    if state == DISPUTED:
        sale.do("dispute")
    if state == OWED:
        # Whatever the reason: here the split is none yet.
        terms = (world.fresh(), *sale.terms[1:])
        world.send(sale.escrow.opening(terms), value=terms[3])
        other = sale.escrow.opened(terms, sale.buyer, None)
        other.do("confirm")
        sale.terms = terms
    if state == DONE:
        sale.do("refund")


@pytest.mark.parametrize("state", range(5))
@pytest.mark.parametrize("name", ACTS)
def test_nothing_happens_in_a_state_it_is_not_for(
    world: World, escrow: Escrow, split: Split, name: str, state: int
) -> None:
    sale = escrow.open(split.address)
    bring(world, sale, state)
    assert sale.state == state
    arguments, allowed = ACTS[name]
    if name in ("release", "settleByDefault"):
        escrow.wait_until(sale.decision_deadline + 1)
    if (name, state) == ("release", OWED):
        assert sale.refusal(name) == sale.not_taken(
            1_000_000
        )  # possible, but for the split, which is not there
    elif state in allowed:
        sale.do(name, *arguments)
    else:
        assert sale.refusal(name, *arguments) == Refusal("WrongState", (state,))


def test_the_steps_that_pay_are_the_contracts_own(world: World, escrow: Escrow, split: Split) -> None:
    escrow.open(split.address)
    assert world.refusal(escrow.functions.payIn(split.address, bytes(32), COIN, 1)) == Refusal("OnlyItself")
    assert world.refusal(escrow.functions.deliver(COIN, world.owner, 1, True)) == Refusal("OnlyItself")


def test_many_sales_fit_one_transaction(world: World, escrow: Escrow, split: Split) -> None:
    sales = [escrow.open(split.address) for _ in range(3)]
    escrow.wait_until(sales[-1].deadline)
    calls = [sale.data("release") for sale in sales]
    world.send(world.deploy("Batch").functions.run(escrow.address, calls))
    assert split.statement()[0] == 3_000_000
