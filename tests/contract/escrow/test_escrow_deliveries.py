"""What goes back to a buyer: an answer and a balance decide together how much has left (lib/Delivery.sol)."""

from __future__ import annotations

from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address
from rlp import encode as rlp

from tests.contract.answers import ANSWERS, CLEAN, MOVES, UNIT, pays
from tests.contract.escrow.sales import CONFIRMED, DONE, OWED, REFUNDED, Escrow, Sale, credited
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")


def sale_in(world: World, escrow: Escrow, split: str, buyer: Any, token: Any = None) -> tuple[Sale, Any]:
    """A sale of UNIT in a token that can be told everything, beside another sale in it."""
    if token is None:
        token = world.deploy("OddToken")
        escrow.open(split, token=token.address, amount=100 * UNIT)
    return escrow.open(split, token=token.address, buyer=buyer, amount=UNIT), token


def unfair(escrow: Escrow, token: Any, move: str) -> None:
    """A token that takes more than it was told to harms the sales in it: they need not be covered."""
    if move == "more":
        escrow.touched.pop(token.address)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("owed", [False, True])
def test_a_refund_pays_or_credits_and_never_both(
    world: World, escrow: Escrow, split: Split, move: str, owed: bool
) -> None:
    token = None
    for answer in ANSWERS:
        buyer = world.payee()
        sale, token = sale_in(world, escrow, world.fresh() if owed else split.address, buyer, token)
        if owed:
            world.send(buyer.functions.run(escrow.address, 0, sale.data("confirm")))
            assert sale.owed == UNIT
        held = world.balance(token.address, escrow.address)
        had = world.balance(token.address, buyer.address)
        world.send(token.functions.behave(buyer.address, MOVES[move], *ANSWERS[answer]))
        receipt = world.send(sale.call("refund"), sender=sale.sender("refund"))
        rest = 0 if pays(answer, move) else UNIT
        expected = [credited(buyer.address, token.address, rest)] if rest else []
        assert escrow.events(receipt)[1:] == expected, answer
        assert escrow.functions.credit(buyer.address, token.address).call() == rest
        assert sale.state == DONE
        if answer not in CLEAN:
            assert world.balance(token.address, buyer.address) - had + rest == UNIT
            assert held - world.balance(token.address, escrow.address) + rest == UNIT
    unfair(escrow, token, move)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", ["withdrawCredit", "redirectCredit"])
def test_a_credit_is_paid_whole_or_not_at_all(
    world: World, escrow: Escrow, split: Split, name: str, move: str
) -> None:
    token = None
    for answer in ANSWERS:
        buyer, haven = world.payee(), world.fresh()
        sale, token = sale_in(world, escrow, split.address, buyer, token)
        world.send(token.functions.behave(COIN, 0, 0, 32))
        receipt = world.send(sale.call("refund"), sender=sale.sender("refund"))
        assert escrow.events(receipt)[1:] == [credited(buyer.address, token.address, UNIT)]
        world.send(token.functions.behave(COIN, MOVES[move], *ANSWERS[answer]))
        held = world.balance(token.address, escrow.address)
        if name == "withdrawCredit":
            call, to = escrow.functions.withdrawCredit(buyer.address, token.address), buyer.address
        else:
            data = escrow.contract.encode_abi("redirectCredit", [haven, token.address, UNIT])
            call, to = buyer.functions.run(escrow.address, 0, data), haven
        if pays(answer, move):
            withdrawn = {"payee": buyer.address, "token": token.address, "to": to, "amount": UNIT}
            assert escrow.events(world.send(call)) == [("CreditWithdrawn", withdrawn)], answer
            assert escrow.functions.credit(buyer.address, token.address).call() == 0
        else:
            refused = Refusal("PaymentFailed", (token.address.lower(), to.lower(), UNIT))
            assert world.refusal(call) == refused, answer
            assert world.attempt(call, gas=5_000_000)["status"] == 0
            assert escrow.functions.credit(buyer.address, token.address).call() == UNIT
            assert world.balance(token.address, escrow.address) == held
    unfair(escrow, token, move)


def test_a_decision_does_not_pay_and_credit_either(world: World, escrow: Escrow, split: Split) -> None:
    """Nor pay the split by `pay` of what has gone already."""
    buyer = world.payee()
    sale, token = sale_in(world, escrow, split.address, buyer)
    sale.of_buyer(buyer, "dispute")
    had = world.balance(token.address, buyer.address)
    world.send(token.functions.behave(buyer.address, 1_000, 0, 32))
    sale.do("decide", 600)
    assert world.balance(token.address, buyer.address) == had + 600
    assert escrow.functions.credit(buyer.address, token.address).call() == 0
    assert split.statement(token.address)[0] == 400
    assert world.balance(token.address, escrow.address) == 100 * UNIT


# ------------------------------------------------------------------------------------------ money on its way


@pytest.mark.parametrize("answer", ["true", "false"])
@pytest.mark.parametrize("back", [400, UNIT, 3 * UNIT])
def test_a_buyer_that_sends_money_back_gets_no_more_than_it_gave(
    world: World, escrow: Escrow, split: Split, answer: str, back: int
) -> None:
    """By plain transfer, while it is refunded by a token that tells it. Where the token is not believed, it
    has given nothing."""
    buyer = world.payee()
    sale, token = sale_in(world, escrow, split.address, buyer)
    world.send(token.functions.mint(buyer.address, 3 * UNIT))
    had = world.balance(token.address, buyer.address)
    held = world.balance(token.address, escrow.address)
    world.send(token.functions.hook(buyer.address))
    world.send(token.functions.behave(buyer.address, 1_000, *ANSWERS[answer]))
    world.plan(buyer, token.address, token.encode_abi("transfer", [escrow.address, back]))
    sale.do("refund")
    credit = escrow.functions.credit(buyer.address, token.address).call()
    if answer == "true":
        assert world.outcome(buyer) is True
        assert credit == 0
        assert world.balance(token.address, buyer.address) == had + UNIT - back
        assert world.balance(token.address, escrow.address) == held - UNIT + back
    else:
        assert credit == UNIT
        assert world.balance(token.address, buyer.address) == had
        assert world.balance(token.address, escrow.address) == held
    # What is left for the others after the credit is what was there for them.
    assert world.balance(token.address, escrow.address) - credit >= 100 * UNIT


@pytest.mark.parametrize("name", ["withdrawCredit", "open", "refund"])
def test_nothing_else_happens_in_the_escrow_while_a_buyer_is_refunded(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    buyer = world.payee()
    sale, token = sale_in(world, escrow, split.address, buyer)
    arguments = {
        "withdrawCredit": [buyer.address, token.address],
        "open": [escrow.terms(split.address)],
        "refund": list(sale.key),
    }
    world.send(token.functions.hook(buyer.address))
    world.plan(buyer, escrow.address, escrow.contract.encode_abi(name, arguments[name]))
    assert sale.do("refund") == [sale.settled(REFUNDED, 0, UNIT)]
    assert world.outcome(buyer) == Refusal("Reentered")


# ---------------------------------------------------------------------- fees and roundings


def test_where_a_token_asks_for_a_fee_on_top_part_of_a_credit_can_be_sent(
    world: World, escrow: Escrow, split: Split
) -> None:
    """All of it cannot, until somebody makes good."""
    buyer, haven = world.payee(), world.fresh()
    token = world.deploy("OddToken")
    sale = escrow.open(split.address, token=token.address, buyer=buyer, amount=UNIT)
    world.send(token.functions.behave(COIN, 0, 0, 32))
    sale.do("refund")
    world.send(token.functions.behave(COIN, 1_000, 1, 32))
    world.send(token.functions.charge(10))
    withdraw = escrow.functions.withdrawCredit(buyer.address, token.address)
    assert world.refusal(withdraw).name == "PaymentFailed"
    data = escrow.contract.encode_abi("redirectCredit", [haven, token.address, UNIT - 10])
    world.send(buyer.functions.run(escrow.address, 0, data))
    assert world.balance(token.address, haven) == UNIT - 10
    assert escrow.functions.credit(buyer.address, token.address).call() == 10
    assert world.refusal(withdraw).name == "PaymentFailed"
    world.send(token.functions.mint(escrow.address, 20))
    world.send(withdraw)
    assert escrow.functions.credit(buyer.address, token.address).call() == 0


@pytest.mark.parametrize("up", [False, True])
def test_a_sale_in_a_token_of_shares_arrives_but_for_two_units(
    world: World, escrow: Escrow, split: Split, up: bool
) -> None:
    """Such a token rounds: up to two units more or less leave than the sale is worth."""
    token = world.deploy("ShareToken")
    world.send(token.functions.mint(world.owner, 10**9))
    world.send(token.functions.grow(10**9 // 3))
    world.send(token.functions.round(up))
    world.send(token.functions.approve(escrow.address, 2**200))
    for amount in range(1_000, 1_012):
        terms = escrow.terms(split.address, token=token.address, amount=amount)
        sale = escrow.opened(terms, world.owner, world.send(escrow.opening(terms)))
        stored = escrow.functions.sale(*sale.key).call()[8]
        assert amount - 1 <= stored <= amount
        before = world.balance(token.address, escrow.address)
        events = escrow.events(world.send(sale.call("confirm")))
        less = before - world.balance(token.address, escrow.address)
        assert sale.state == DONE
        assert events == [sale.settled(CONFIRMED, stored, 0)]
        assert abs(stored - less) <= 2
    escrow.touched.clear()  # such a token may be short of a unit, by its own rounding


# ------------------------------------------------------------------------------------------ code that is gone

gone = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")


def vanished(world: World, escrow: Escrow, split: Split, *, credit: bool = False) -> tuple[Sale, str, Any]:
    """A sale in a token that was there for one transaction; with `credit` it refused a refund in that."""
    buyer, seller = world.deploy("Batch"), world.payee()
    nonce = world.w3.eth.get_transaction_count(buyer.address)
    token = to_checksum_address(keccak(rlp([to_canonical_address(buyer.address), nonce]))[12:])
    contract = world.at("OddToken", token)
    terms = escrow.terms(split.address, token=token, amount=UNIT, seller=seller.address)
    sale = Sale(escrow, terms, buyer.address, None)
    calls = [
        (token, contract.encode_abi("mint", [buyer.address, UNIT])),
        (token, contract.encode_abi("approve", [escrow.address, UNIT])),
        (escrow.address, escrow.contract.encode_abi("open", [terms])),
    ]
    if credit:
        calls += [
            (token, contract.encode_abi("behave", [COIN, 0, 0, 32])),
            (seller.address, seller.encode_abi("run", [escrow.address, 0, sale.data("refund")])),
        ]
    world.send(buyer.functions.conjure([to for to, _ in calls], [data for _, data in calls]))
    assert world.w3.eth.get_code(token) == b""
    return sale, token, (buyer, seller)


@gone
def test_a_sale_in_a_token_whose_code_is_gone_is_not_settled_as_if_it_had_paid(
    world: World, escrow: Escrow, split: Split
) -> None:
    sale, token, (buyer, seller) = vanished(world, escrow, split)
    escrow.wait_until(sale.deadline)
    receipt = world.send(sale.call("release"))
    assert escrow.events(receipt)[1:] == [sale.delayed(UNIT)]
    assert not split.functions.isSalePaid(escrow.address, sale.record).call()
    assert sale.refusal("release") == sale.not_taken(UNIT)
    assert (sale.state, sale.owed) == (OWED, UNIT)
    receipt = world.send(seller.functions.run(escrow.address, 0, sale.data("refund")))
    assert escrow.events(receipt)[1:] == [credited(buyer.address, token, UNIT)]
    assert (sale.state, buyer.address) == (DONE, sale.buyer)


@gone
def test_a_credit_in_a_token_whose_code_is_gone_stays(world: World, escrow: Escrow, split: Split) -> None:
    sale, token, (buyer, _) = vanished(world, escrow, split, credit=True)
    assert sale.state == DONE
    assert escrow.functions.credit(buyer.address, token).call() == UNIT
    withdraw = escrow.functions.withdrawCredit(buyer.address, token)
    assert world.refusal(withdraw) == Refusal("NotAToken", (token.lower(),))
    redirect = escrow.contract.encode_abi("redirectCredit", [world.fresh(), token, UNIT])
    refused = world.refusal(buyer.functions.run(escrow.address, [redirect]))
    assert refused == Refusal("NotAToken", (token.lower(),))


def test_where_no_token_ever_was_no_sale_is_opened(world: World, escrow: Escrow, split: Split) -> None:
    nothing = world.fresh()
    terms = escrow.terms(split.address, token=nothing)
    assert world.refusal(escrow.opening(terms)) == Refusal("NotAToken", (nothing.lower(),))
    with_permit = escrow.functions.openWithPermit(terms, 2**63, 27, bytes(32), bytes(32))
    assert world.refusal(with_permit) == Refusal("NotAToken", (nothing.lower(),))
    assert world.refusal(escrow.functions.withdrawCredit(world.owner, nothing)).name == "NothingDue"
