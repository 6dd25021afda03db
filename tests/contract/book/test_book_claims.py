"""Claims, single and in bulk: what a root gives, once, to whom it gives it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.book.books import (
    NOT_DELIVERED,
    NOT_PROVEN,
    NOTHING_DUE,
    TOTAL_EXCEEDED,
    Book,
    make,
    paid,
    skipped,
)
from tests.contract.world import COIN, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ claims


def test_anyone_may_have_a_payee_paid_and_nobody_is_paid_twice(world: World, book: Book, token: str) -> None:
    payees = [world.fresh() for _ in range(5)]
    book.publish(token, {payee: 10 * i + 1 for i, payee in enumerate(payees)})
    for i, payee in enumerate(payees):
        assert book.claim(payee, token) == [paid(payee, token, 10 * i + 1)]
        assert world.balance(token, payee) == book.paid(payee, token) == 10 * i + 1
        assert world.refusal(book.claiming(payee, token)) == Refusal(
            "NothingDue", (payee.lower(), token.lower())
        )
    book.publish(token, {payee: 20 * i + 1 for i, payee in enumerate(payees)})
    assert world.refusal(book.claiming(payees[0], token)).name == "NothingDue"
    for i, payee in enumerate(payees[1:], 1):
        assert book.claim(payee, token) == [paid(payee, token, 10 * i)]


def test_what_has_been_paid_never_falls(world: World, book: Book, token: str) -> None:
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 100, b: 100})
    book.claim(a, token)
    book.publish(token, {a: 50, b: 150})
    assert world.refusal(book.claiming(a, token)).name == "NothingDue"
    assert book.paid(a, token) == 100


@pytest.mark.parametrize("changed", ["payee", "amount", "token", "proof", "book", "old root"])
def test_only_what_was_published_is_paid(world: World, book: Book, token: str, changed: str) -> None:
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 100, b: 100})
    payee, units, proof, of, on = a, 100, book.proof(token, a), token, book
    if changed == "payee":
        payee = b
    elif changed == "amount":
        units = 101
    elif changed == "token":
        of = str(world.token().address)
        book.publish(of, {world.fresh(): 1})
    elif changed == "proof":
        proof = []
    elif changed == "book":
        on = make(world)
        on.publish(token, {a: 100, b: 100})
    else:
        book.publish(token, {a: 120, b: 100})
    assert world.refusal(on.functions.claim(payee, units, proof, of)).name == "NotProven"


def test_the_leaf_is_as_stated(world: World, book: Book, token: str) -> None:
    payee = world.fresh()
    assert book.functions.leafOf(payee, token, 7).call() == book.leaf(payee, token, 7)


def test_leaves_beyond_the_total_are_not_paid(world: World, book: Book, token: str) -> None:
    """A dishonest tree takes nothing from what was never promised."""
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 600, b: 600}, total=1_000)
    book.fund(token, 500)
    book.claim(a, token)
    assert world.refusal(book.claiming(b, token)) == Refusal("TotalExceeded", (400, 600))
    assert book.claim_many(token, [b]) == ((0, 1), [skipped(b, token, TOTAL_EXCEEDED)])


def test_a_payee_may_have_its_money_sent_elsewhere_and_nobody_else_may(
    world: World, book: Book, token: str
) -> None:
    payee, haven = world.payee("Reverts"), world.fresh()
    book.publish(token, {payee.address: 100, world.fresh(): 1})
    proof = book.proof(token, payee.address)
    claim_to = book.functions.claimTo(haven, 100, proof, token)
    assert world.refusal(claim_to, sender=world.stranger).name == "NotProven"
    for nowhere in (COIN, book.address):
        data = book.contract.encode_abi("claimTo", [nowhere, 100, proof, token])
        refused = world.refusal(payee.functions.run(book.address, 0, data))
        assert refused == Refusal("InvalidRecipient", (nowhere.lower(),))
    data = book.contract.encode_abi("claimTo", [haven, 100, proof, token])
    receipt = world.send(payee.functions.run(book.address, 0, data))
    assert world.logs(book.contract, receipt) == [
        paid(payee.address, token, 100),
        ("Redirected", {"payee": payee.address, "token": token, "to": haven}),
    ]
    assert world.balance(token, haven) == 100
    assert world.refusal(book.claiming(payee.address, token)).name == "NothingDue"


def test_a_claim_that_cannot_be_delivered_changes_nothing(world: World, book: Book) -> None:
    bad = world.payee("Reverts")
    book.publish(COIN, {bad.address: 100})
    assert world.refusal(book.claiming(bad.address, COIN)) == Refusal(
        "PaymentFailed", (COIN, bad.address.lower(), 100)
    )
    world.become(bad, "Honest")
    book.claim(bad.address, COIN)


# ------------------------------------------------------------------------------------------ claims in bulk


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert", "BombOnSuccess"])
def test_one_bad_payee_never_stops_the_others(world: World, book: Book, temper: str) -> None:
    bad = world.payee(temper)
    payees = [world.fresh(), bad.address, world.fresh(), world.fresh()]
    book.publish(COIN, dict.fromkeys(payees, 50))
    answer, events = book.claim_many(COIN, payees)
    if temper == "BombOnSuccess":
        assert answer == (200, 0)
        return
    assert answer == (150, 1)
    assert events[1] == skipped(bad.address, COIN, NOT_DELIVERED)
    assert book.paid(bad.address, COIN) == 0
    world.become(bad, "Honest")
    assert book.claim(bad.address, COIN) == [paid(bad.address, COIN, 50)]


@pytest.mark.parametrize(
    "quirk",
    [
        "ReturnsFalse",
        "ReturnsTwo",
        "ReturnsOneByte",
        "ReturnsZeroByte",
        "ReturnsHugeFalse",
        "Blacklist",
        "RevertsWithBomb",
        "BurnsGas",
    ],
)
def test_a_payee_that_the_token_refuses_never_stops_the_others(world: World, book: Book, quirk: str) -> None:
    token, payees = world.token(), [world.fresh() for _ in range(3)]
    book.publish(token.address, dict.fromkeys(payees, 50))
    world.behave(token, quirk, payees[1])
    answer, events = book.claim_many(token.address, payees)
    assert answer == (100, 1)
    assert events[1] == skipped(payees[1], token.address, NOT_DELIVERED)
    world.behave(token, "None")
    book.claim(payees[1], token.address)


def test_what_a_token_says_it_has_paid_is_paid(world: World, book: Book) -> None:
    """Though it keeps the money (docs/decisions/0008), alone and in bulk alike."""
    token, payees = world.token(), [world.fresh(), world.fresh()]
    book.publish(token.address, dict.fromkeys(payees, 50))
    world.behave(token, "Keeps")
    assert book.claim_many(token.address, payees[:1]) == ((50, 0), [paid(payees[0], token.address, 50)])
    assert book.claim(payees[1], token.address) == [paid(payees[1], token.address, 50)]
    assert [book.paid(payee, token.address) for payee in payees] == [50, 50]


def test_who_was_paid_before_or_is_not_proven_is_left_out(world: World, book: Book, token: str) -> None:
    a, b, c = world.fresh(), world.fresh(), world.fresh()
    book.publish(token, {a: 1, b: 2, c: 3})
    book.claim(a, token)
    claims = [(a, 1, book.proof(token, a)), (b, 3, book.proof(token, b)), (c, 3, book.proof(token, c))]
    receipt = world.send(book.functions.claimMany(token, [*claims, claims[-1]]))
    assert world.logs(book.contract, receipt) == [
        skipped(a, token, NOTHING_DUE),
        skipped(b, token, NOT_PROVEN),
        paid(c, token, 3),
        skipped(c, token, NOTHING_DUE),
    ]


def test_a_failure_cannot_be_forged_by_sending_too_little_gas(world: World, book: Book) -> None:
    """With any gas: the payee is paid, or nothing happens."""
    outcomes = set()
    total = 0
    payee = world.payee("Hungry", 40_000)
    for gas in [*range(60_000, 240_000, 10_000), 1_000_000]:
        total += 10
        book.publish(COIN, {payee.address: total})
        claims: list[Any] = [(payee.address, total, [])]
        receipt = world.attempt(book.functions.claimMany(COIN, claims), gas=gas)
        outcomes.add(receipt["status"])
        assert receipt["status"] == 0 or book.paid(payee.address, COIN) == total
    assert outcomes == {0, 1}
    book.publish(COIN, {payee.address: total + 1})
    world.become(payee, "Reverts")
    claim = book.functions.claimMany(COIN, [(payee.address, total + 1, [])])
    assert world.refusal(claim, gas=90_000) == Refusal("NotEnoughGas")


def test_nor_can_a_tokens_failure_be_forged(world: World, book: Book) -> None:
    token, total, outcomes = world.token(), 0, set()
    payee = world.fresh()
    for gas in [*range(80_000, 340_000, 20_000), 1_000_000]:
        total += 10
        world.behave(token, "None")
        book.publish(token.address, {payee: total})
        world.behave(token, "Picky", number=150_000)
        receipt = world.attempt(book.functions.claimMany(token.address, [(payee, total, [])]), gas=gas)
        outcomes.add(receipt["status"])
        assert receipt["status"] == 0 or book.paid(payee, token.address) == total
    assert outcomes == {0, 1}


def test_a_token_that_wants_more_gas_than_its_allowance_is_left_out(world: World, book: Book) -> None:
    token, payee = world.token(), world.fresh()
    book.publish(token.address, {payee: 10})
    world.behave(token, "Picky", number=250_000)
    assert book.claim_many(token.address, [payee]) == ((0, 1), [skipped(payee, token.address, NOT_DELIVERED)])
    book.claim(payee, token.address)  # which has all the gas there is


def test_a_payee_that_wants_more_gas_than_its_allowance_is_left_out(world: World, book: Book) -> None:
    hungry = world.payee("Hungry", 60_000)
    book.publish(COIN, {hungry.address: 10})
    assert book.claim_many(COIN, [hungry.address])[0] == (0, 1)
    book.claim(hungry.address, COIN)
