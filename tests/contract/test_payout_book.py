"""PayoutBook: it never promises more than it holds, and pays each payee what a root gives it, once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from revshare.merkle import MerkleTree
from tests.contract.world import COIN, ZERO, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")

DAY = 86_400
NOT_PROVEN, NOTHING_DUE, TOTAL_EXCEEDED, NOT_DELIVERED = range(4)


@dataclass
class Book:
    """A book, and for each token the cumulative amounts last published."""

    world: World
    contract: Any
    amounts: dict[str, dict[str, int]] = field(default_factory=dict)
    payees: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return str(self.contract.address)

    @property
    def functions(self) -> Any:
        return self.contract.functions

    def now(self) -> int:
        return int(self.world.tester.get_block_by_number("pending")["timestamp"])

    def wait_until(self, time: int) -> None:
        """Let the next transaction be at `time`; what is only asked is asked as of a second before."""
        self.world.tester.time_travel(time)

    def fund(self, token: str, amount: int) -> None:
        if token == COIN:
            self.world.coin(self.address, amount)
        else:
            self.world.send(self.world.at("Token", token).functions.mint(self.address, amount))

    def leaf(self, payee: str, token: str, cumulative: int) -> bytes:
        kinds = ["uint256", "address", "address", "address", "uint256"]
        fields = [self.world.w3.eth.chain_id, self.address, token, payee, cumulative]
        return keccak(keccak(encode(kinds, fields)))

    def tree(self, token: str, amounts: dict[str, int]) -> MerkleTree:
        return MerkleTree([self.leaf(payee, token, units) for payee, units in amounts.items()])

    def publishing(self, token: str, amounts: dict[str, int], total: int | None = None) -> Any:
        total = sum(amounts.values()) if total is None else total
        return self.functions.publish(total, self.tree(token, amounts).root, token)

    def publish(
        self, token: str, amounts: dict[str, int], *, fund: bool = True, total: int | None = None
    ) -> Any:
        """Publish, paying in first what is missing."""
        if fund:
            missing = sum(amounts.values()) - sum(self.amounts.get(token, {}).values())
            if missing > 0:
                self.fund(token, missing)
        receipt = self.world.send(self.publishing(token, amounts, total))
        self.amounts[token] = amounts
        self.payees |= set(amounts)
        self.check(token)
        return receipt

    def proof(self, token: str, payee: str) -> list[bytes]:
        amounts = self.amounts[token]
        return self.tree(token, amounts).proof(list(amounts).index(payee))

    def claiming(self, payee: str, token: str) -> Any:
        units = self.amounts[token][payee]
        return self.functions.claim(payee, units, self.proof(token, payee), token)

    def claim(self, payee: str, token: str) -> list[tuple[str, dict[str, Any]]]:
        receipt = self.world.send(self.claiming(payee, token))
        self.check(token)
        return self.world.logs(self.contract, receipt)

    def claim_many(self, token: str, payees: list[str], *, gas: int = 5_000_000) -> Any:
        """Claim in bulk; return (sent, skipped) and the events."""
        claims = [(p, self.amounts[token][p], self.proof(token, p)) for p in payees]
        function = self.functions.claimMany(token, claims)
        answer = function.call({"from": self.world.owner, "gas": gas})
        receipt = self.world.send(function, gas=gas)
        self.check(token)
        return tuple(answer), self.world.logs(self.contract, receipt)

    def paid(self, payee: str, token: str) -> int:
        return int(self.functions.paid(payee, token).call())

    def check(self, token: str) -> None:
        """What must always hold where the token is as tokens are."""
        _, total, claimed = self.functions.promised(token).call()
        _, announced, _ = self.functions.announced(token).call()
        held = self.world.balance(token, self.address)
        assert claimed <= total
        assert held + claimed >= max(total, announced)
        assert self.functions.surplus(token).call() == held + claimed - max(total, announced)
        assert sum(self.paid(payee, token) for payee in self.payees) == claimed


def make(world: World, delay: int = 0) -> Book:
    world._errors |= world._selectors("PayoutBook")
    return Book(world, world.deploy("PayoutBook", world.owner, delay))


@pytest.fixture
def book(world: World) -> Iterator[Book]:
    made = make(world)
    yield made
    for token in made.amounts:
        made.check(token)


@pytest.fixture(params=["coin", "token"])
def token(world: World, request: pytest.FixtureRequest) -> str:
    return COIN if request.param == "coin" else str(world.token().address)


def paid(payee: str, token: str, amount: int) -> tuple[str, dict[str, Any]]:
    return "PayeePaid", {"payee": payee, "token": token, "amount": amount}


def skipped(payee: str, token: str, reason: int) -> tuple[str, dict[str, Any]]:
    return "ClaimSkipped", {"payee": payee, "token": token, "reason": reason}


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
    "quirk", ["ReturnsFalse", "ReturnsTwo", "ReturnsOneByte", "ReturnsHugeFalse", "Blacklist", "Keeps"]
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


# ------------------------------------------------------------------------------------------ re-entrancy


@pytest.mark.parametrize("name", ["claim", "claimMany"])
@pytest.mark.parametrize("through", ["claim", "claimMany"])
def test_a_payee_that_reenters_is_paid_once(world: World, book: Book, name: str, through: str) -> None:
    bad, other = world.payee(), world.fresh()
    book.publish(COIN, {bad.address: 50, other: 50})
    proof = book.proof(COIN, bad.address)
    arguments: dict[str, list[Any]] = {
        "claim": [bad.address, 50, proof, COIN],
        "claimMany": [COIN, [(bad.address, 50, proof)]],
    }
    world.plan(bad, book.address, book.contract.encode_abi(name, arguments[name]))
    if through == "claim":
        book.claim(bad.address, COIN)
    else:
        book.claim_many(COIN, [bad.address, other])
    assert world.outcome(bad) == (Refusal("NothingDue") if name == "claim" else True)
    assert world.balance(COIN, bad.address) == book.paid(bad.address, COIN) == 50


def test_a_payee_may_claim_for_another_while_it_is_paid(world: World, book: Book) -> None:
    busy, other = world.payee(), world.fresh()
    book.publish(COIN, {busy.address: 50, other: 70})
    data = book.contract.encode_abi("claim", [other, 70, book.proof(COIN, other), COIN])
    world.plan(busy, book.address, data)
    book.claim(busy.address, COIN)
    assert world.outcome(busy) is True
    assert world.balance(COIN, other) == 70


def test_many_calls_fit_one_transaction(world: World, book: Book, token: str) -> None:
    """The book stands still while a token moves, not for the rest of the transaction."""
    a, b = world.fresh(), world.fresh()
    book.publish(token, {a: 5, b: 6})
    calls = [
        book.contract.encode_abi("claim", [a, 5, book.proof(token, a), token]),
        book.contract.encode_abi("claimMany", [token, [(b, 6, book.proof(token, b))]]),
        book.contract.encode_abi("surplus", [token]),
    ]
    world.send(world.deploy("Batch").functions.run(book.address, calls))
    assert world.balance(token, a) == 5
    assert world.balance(token, b) == 6


EARLY = ["publish", "withdrawSurplus", "surplus", "claim", "claimMany", "claimTo"]


@pytest.mark.parametrize("name", EARLY)
@pytest.mark.parametrize("through", ["claim", "claimMany", "withdrawSurplus"])
def test_while_a_token_moves_the_book_stands_still(world: World, name: str, through: str) -> None:
    """A token that calls the recipient before it moves anything: balances look too high meanwhile."""
    token, bad = world.deploy("EarlyToken"), world.payee()
    book = make(world)
    other = world.fresh()
    amounts = {bad.address: 50, other: 60}
    world.send(token.functions.mint(book.address, 120))
    world.send(book.publishing(token.address, amounts))
    book.amounts[token.address] = amounts
    world.send(book.functions.transferOwnership(bad.address))
    accept = book.contract.encode_abi("acceptOwnership", [])
    world.send(bad.functions.run(book.address, 0, accept))
    proof = book.proof(token.address, other)
    arguments: dict[str, list[Any]] = {
        "publish": [120, b"\1" * 32, token.address],
        "withdrawSurplus": [token.address, other, 10],
        "surplus": [token.address],
        "claim": [other, 60, proof, token.address],
        "claimMany": [token.address, [(other, 60, proof)]],
        "claimTo": [other, 50, book.proof(token.address, bad.address), token.address],
    }
    world.plan(bad, book.address, book.contract.encode_abi(name, arguments[name]))
    if through == "claim":
        world.send(book.claiming(bad.address, token.address))
    elif through == "claimMany":
        world.send(
            book.functions.claimMany(
                token.address, [(bad.address, 50, book.proof(token.address, bad.address))]
            )
        )
    else:
        data = book.contract.encode_abi("withdrawSurplus", [token.address, bad.address, 10])
        world.send(bad.functions.run(book.address, 0, data))
    late = name == "claimTo" and through != "withdrawSurplus"  # it was paid just now, which is found first
    assert world.outcome(bad) == Refusal("NothingDue" if late else "Reentered")
    _, total, claimed = book.functions.promised(token.address).call()
    assert world.balance(token.address, book.address) + claimed >= total


# ------------------------------------------------------------------------------------------ odd tokens


def test_a_rebase_down_leaves_the_last_to_wait_and_others_untouched(world: World, book: Book) -> None:
    token, a, b = world.token(), world.fresh(), world.fresh()
    book.publish(token.address, {a: 100, b: 100})
    book.publish(COIN, {a: 100})
    world.send(token.functions.set(book.address, 150))
    world.send(book.claiming(a, token.address))
    assert world.refusal(book.claiming(b, token.address)).name == "PaymentFailed"
    assert world.refusal(book.publishing(token.address, {a: 100, b: 101})).name == "Underfunded"
    assert book.functions.surplus(token.address).call() == 0
    book.claim(a, COIN)
    book.fund(token.address, 50)
    book.claim(b, token.address)


def test_a_token_beyond_all_counting_is_short(world: World, book: Book) -> None:
    token, payee = world.token(), world.fresh()
    book.publish(token.address, {payee: 100})
    book.claim(payee, token.address)
    world.behave(token, "BalanceLies", number=2**256 - 1)
    assert book.functions.surplus(token.address).call() == 0
    world.behave(token, "None")


# ------------------------------------------------------------------------------------------ at random


@pytest.mark.parametrize(("seed", "delay"), [(1, 0), (2, 50)])
def test_whatever_happens_the_promise_holds(  # noqa: C901 - a walk of many kinds of step
    world: World, seed: int, delay: int
) -> None:
    rng = random.Random(seed)
    book = make(world, delay)
    token = COIN if seed % 2 else str(world.token().address)
    tempers = ["Honest", "Reverts", "Honest", "BurnsGas"]
    payees = [world.payee(temper) for temper in tempers]
    for payee in payees:
        if token != COIN:
            world.become(payee, "Honest")
    amounts = {payee.address: 0 for payee in payees}
    book.payees |= set(amounts)
    published = [dict(amounts)]
    start = world.w3.eth.block_number
    for _ in range(50):
        step = rng.random()
        if step < 0.25:
            amounts = {
                payee: units + rng.choice([0, rng.randint(0, 10**6)]) for payee, units in amounts.items()
            }
            book.fund(token, rng.randint(0, 10**6))
            if world.attempt(book.publishing(token, amounts))["status"]:
                published.append(dict(amounts))
        elif step < 0.35:
            world.attempt(book.functions.withdrawSurplus(token, world.fresh(), rng.randint(0, 10**6)))
        elif step < 0.4:
            world.attempt(book.functions.withdraw(token))
        elif step < 0.5:
            book.wait_until(book.now() + rng.randint(1, 60))
        else:
            book.amounts[token] = rng.choice(published[-2:])
            some = rng.sample(list(amounts), rng.randint(1, 4))
            if len(some) == 1:
                world.attempt(book.claiming(some[0], token), gas=1_000_000)
            else:
                claims = [(p, book.amounts[token][p], book.proof(token, p)) for p in some]
                world.send(book.functions.claimMany(token, claims), gas=5_000_000)
        book.check(token)
    paid_ = dict.fromkeys(amounts, 0)
    for number in range(start + 1, world.w3.eth.block_number + 1):
        asked: Any = {"address": book.contract.address, "fromBlock": number, "toBlock": number}
        for log in world.w3.eth.get_logs(asked):
            ((name, args),) = world.logs(book.contract, {"logs": [log]})
            if name == "PayeePaid":
                paid_[args["payee"]] += args["amount"]
    assert paid_ == {payee: book.paid(payee, token) for payee in amounts}
    assert all(world.balance(token, payee) == units for payee, units in paid_.items())
