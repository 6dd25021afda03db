"""What the owner may: publish what is funded, announce, withdraw, take out what was never promised."""

from __future__ import annotations

import pytest

from tests.contract.book.books import DAY, Book, make, paid
from tests.contract.world import COIN, ZERO, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ making one


@pytest.mark.parametrize(
    ("owned", "delay", "made"), [(True, 0, 1), (True, 365 * DAY, 1), (False, 0, 0), (True, 365 * DAY + 1, 0)]
)
def test_a_book_needs_an_owner_and_a_delay_within_reason(
    world: World, owned: bool, delay: int, made: int
) -> None:
    compiled = world.compiled["PayoutBook"]
    contract = world.w3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    constructor = contract.constructor(world.owner if owned else COIN, delay)
    assert world.attempt(constructor)["status"] == made


# ------------------------------------------------------------------------------------------ publishing


def test_a_funded_root_is_in_force_at_once(world: World, book: Book, token: str) -> None:
    amounts = {world.fresh(): 300, world.fresh(): 700}
    receipt = book.publish(token, amounts)
    root = book.tree(token, amounts).root
    assert world.logs(book.contract, receipt) == [
        ("Published", {"token": token, "root": root, "total": 1_000})
    ]
    assert tuple(book.functions.promised(token).call()) == (root, 1_000, 0)
    assert tuple(book.functions.announced(token).call()) == (ZERO, 0, 0)


def test_a_root_whose_money_is_not_all_there_is_refused(world: World, book: Book, token: str) -> None:
    book.fund(token, 999)
    publishing = book.publishing(token, {world.fresh(): 1_000})
    assert world.refusal(publishing) == Refusal("Underfunded", (999, 1_000))
    book.fund(token, 1)
    world.send(publishing)


def test_what_has_been_claimed_counts_as_funded(world: World, book: Book, token: str) -> None:
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 400, b: 600})
    book.claim(a, token)
    assert world.refusal(book.publishing(token, {a: 401, b: 600})) == Refusal("Underfunded", (1_000, 1_001))
    book.publish(token, {a: 500, b: 600})
    assert book.claim(a, token) == [paid(a, token, 100)]


def test_coin_may_come_with_the_root(world: World, book: Book) -> None:
    payee = world.fresh()
    world.send(book.publishing(COIN, {payee: 1_000}), value=1_000)
    assert book.functions.promised(COIN).call()[1] == 1_000


def test_a_total_never_falls(world: World, book: Book, token: str) -> None:
    payee = world.fresh()
    book.publish(token, {payee: 1_000})
    assert world.refusal(book.publishing(token, {payee: 999})) == Refusal("TotalFell", (1_000, 999))
    book.publish(token, {payee: 400, world.fresh(): 600})  # though it may be shared otherwise


def test_no_root_and_too_great_a_total_are_refused(world: World, book: Book, token: str) -> None:
    assert world.refusal(book.functions.publish(0, ZERO, token)) == Refusal("NoRoot")
    too_many = 2**128
    assert world.refusal(book.functions.publish(too_many, b"\1" * 32, token)) == Refusal(
        "TotalTooLarge", (too_many,)
    )


def test_a_token_is_needed(world: World, book: Book) -> None:
    nothing = world.fresh()
    assert world.refusal(book.functions.publish(0, b"\1" * 32, nothing)) == Refusal(
        "NotAToken", (nothing.lower(),)
    )


# ------------------------------------------------------------------------------------------ the owner


def test_only_the_owner_may(world: World, token: str) -> None:
    book = make(world, DAY)
    functions = [
        book.functions.publish(0, b"\1" * 32, token),
        book.functions.withdraw(token),
        book.functions.withdrawSurplus(token, world.fresh(), 0),
        book.functions.transferOwnership(world.stranger),
    ]
    for function in functions:
        assert world.refusal(function, sender=world.stranger) == Refusal(
            "Unauthorised", (world.stranger.lower(), world.owner.lower())
        )


def test_ownership_passes_in_two_steps(world: World, book: Book) -> None:
    accept, (first, second) = book.functions.acceptOwnership(), world.accounts[:2]
    assert world.refusal(accept, sender=first) == Refusal("Unauthorised", (first.lower(), COIN))
    receipt = world.send(book.functions.transferOwnership(first))
    assert world.logs(book.contract, receipt) == [("OwnershipOffered", {"owner": world.owner, "next": first})]
    assert book.functions.owner().call() == world.owner
    assert book.functions.pendingOwner().call() == first
    assert world.refusal(accept, sender=second) == Refusal("Unauthorised", (second.lower(), first.lower()))
    receipt = world.send(accept, sender=first)
    assert world.logs(book.contract, receipt) == [
        ("OwnershipTransferred", {"previous": world.owner, "owner": first})
    ]
    assert (book.functions.owner().call(), book.functions.pendingOwner().call()) == (first, COIN)
    assert world.refusal(accept, sender=first) == Refusal("Unauthorised", (first.lower(), COIN))
    world.send(book.functions.transferOwnership(second), sender=first)
    world.send(book.functions.transferOwnership(COIN), sender=first)
    assert world.refusal(accept, sender=second).name == "Unauthorised"


def test_only_what_was_never_promised_can_be_taken_out(world: World, book: Book, token: str) -> None:
    a, b, to = world.fresh(), world.fresh(), world.fresh()
    book.publish(token, {a: 400, b: 600})
    take = book.functions.withdrawSurplus
    assert world.refusal(take(token, to, 1)) == Refusal("SurplusExceeded", (0, 1))
    book.claim(a, token)
    assert world.refusal(take(token, to, 1)) == Refusal("SurplusExceeded", (0, 1))
    book.fund(token, 50)
    assert world.refusal(take(token, to, 51)) == Refusal("SurplusExceeded", (50, 51))
    receipt = world.send(take(token, to, 50))
    assert world.logs(book.contract, receipt) == [
        ("SurplusWithdrawn", {"token": token, "to": to, "amount": 50})
    ]
    assert world.balance(token, to) == 50
    book.claim(b, token)
    for nowhere in (COIN, book.address):
        assert world.refusal(take(token, nowhere, 0)) == Refusal("InvalidRecipient", (nowhere.lower(),))


def test_a_surplus_that_is_refused_stays(world: World, book: Book) -> None:
    book.fund(COIN, 10)
    bad = world.payee("Reverts")
    take = book.functions.withdrawSurplus(COIN, bad.address, 10)
    assert world.refusal(take) == Refusal("PaymentFailed", (COIN, bad.address.lower(), 10))


def test_a_token_that_charges_on_top_cannot_lower_what_is_promised(world: World, book: Book) -> None:
    token = world.token()
    payee = world.fresh()
    book.publish(token.address, {payee: 1_000})
    book.fund(token.address, 100)
    world.behave(token, "FeeOnTop", number=1_000)
    take = book.functions.withdrawSurplus(token.address, world.fresh(), 100)
    assert world.refusal(take) == Refusal("Underfunded", (990, 1_000))


# ------------------------------------------------------------------------------------------ delay


def test_with_a_delay_a_root_is_announced_first(world: World, token: str) -> None:
    book = make(world, DAY)
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 100})
    first = book.tree(token, {a: 100}).root
    at = book.functions.announced(token).call()[2]
    assert tuple(book.functions.announced(token).call()) == (first, 100, at)
    assert tuple(book.functions.promised(token).call()) == (ZERO, 0, 0)
    assert world.refusal(book.functions.activate(token)) == Refusal("TooEarly", (at,))
    assert world.refusal(book.claiming(a, token)).name == "NotProven"
    book.wait_until(at)
    receipt = world.send(book.functions.activate(token), sender=world.stranger)
    assert world.logs(book.contract, receipt) == [
        ("Published", {"token": token, "root": first, "total": 100})
    ]
    assert world.refusal(book.functions.activate(token)) == Refusal("NothingAnnounced", (token.lower(),))
    assert book.claim(a, token) == [paid(a, token, 100)]

    # While the next one waits, the old one is claimed against, and the money for both is kept.
    receipt = book.publish(token, {a: 150, b: 50})
    second = book.tree(token, {a: 150, b: 50}).root
    at = book.functions.announced(token).call()[2]
    assert world.logs(book.contract, receipt) == [
        ("Announced", {"token": token, "root": second, "total": 200, "activeAt": at})
    ]
    assert book.functions.surplus(token).call() == 0
    book.wait_until(at)
    # A claim brings it into force by itself.
    assert book.claim(b, token) == [
        ("Published", {"token": token, "root": second, "total": 200}),
        paid(b, token, 50),
    ]
    assert book.claim(a, token) == [paid(a, token, 50)]


def test_claims_under_the_old_root_do_not_unfund_the_next(world: World, token: str) -> None:
    book = make(world, DAY)
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 100, b: 100})
    book.wait_until(book.functions.announced(token).call()[2])
    world.send(book.functions.activate(token))
    old = book.claiming(a, token)
    book.publish(token, {a: 130, b: 170})
    world.send(old)
    book.check(token)
    book.wait_until(book.functions.announced(token).call()[2] + 1)
    # What is in force is said before anybody has entered it.
    assert book.functions.promised(token).call()[1:] == [300, 100]
    assert tuple(book.functions.announced(token).call()) == (ZERO, 0, 0)
    assert book.claim_many(token, [a, b])[0] == (200, 0)
    assert world.balance(token, a) == 130
    assert world.balance(token, b) == 170


def test_an_announced_root_can_be_withdrawn_until_it_is_in_force(world: World, token: str) -> None:
    book = make(world, DAY)
    payee, withdraw = world.fresh(), book.functions.withdraw(token)
    assert world.refusal(withdraw) == Refusal("NothingAnnounced", (token.lower(),))
    book.publish(token, {payee: 100})
    root = book.tree(token, {payee: 100}).root
    assert world.logs(book.contract, world.send(withdraw)) == [("Withdrawn", {"token": token, "root": root})]
    assert tuple(book.functions.announced(token).call()) == (ZERO, 0, 0)
    assert book.functions.surplus(token).call() == 100
    book.publish(token, {payee: 100}, fund=False)
    at = book.functions.announced(token).call()[2]
    book.wait_until(at + 1)
    assert world.refusal(withdraw) == Refusal("TooLate", (at,))


def test_the_last_moment_to_withdraw_is_before_it_is_in_force(world: World) -> None:
    book = make(world, DAY)
    book.publish(COIN, {world.fresh(): 100})
    book.wait_until(book.functions.announced(COIN).call()[2] - 1)
    world.send(book.functions.withdraw(COIN))


def test_a_root_that_replaces_one_announced_waits_anew(world: World, token: str) -> None:
    book = make(world, DAY)
    payee = world.fresh()
    book.publish(token, {payee: 100})
    replaced = book.tree(token, {payee: 100}).root
    first = book.functions.announced(token).call()[2]
    book.wait_until(first - 100)
    receipt = book.publish(token, {payee: 90}, fund=False)
    names = [name for name, _ in world.logs(book.contract, receipt)]
    assert names == ["Withdrawn", "Announced"]
    assert world.logs(book.contract, receipt)[0][1]["root"] == replaced
    assert book.functions.announced(token).call()[2] == first - 100 + DAY
    assert book.functions.surplus(token).call() == 10


def test_a_root_whose_time_has_come_cannot_be_replaced(world: World, token: str) -> None:
    """Publishing brings it into force first, and then its total counts."""
    book = make(world, DAY)
    payee = world.fresh()
    book.publish(token, {payee: 100})
    at = book.functions.announced(token).call()[2]
    book.wait_until(at + 1)
    assert world.refusal(book.publishing(token, {payee: 90})) == Refusal("TotalFell", (100, 90))
    receipt = book.publish(token, {payee: 120})
    assert [name for name, _ in world.logs(book.contract, receipt)] == ["Published", "Announced"]
