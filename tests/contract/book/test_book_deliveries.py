"""What counts as paid: a token's answer and the book's balance decide together (lib/Delivery.sol)."""

from __future__ import annotations

from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address
from rlp import encode as rlp

from tests.contract.answers import ANSWERS, CLEAN, MOVES, UNIT, pays
from tests.contract.book.books import NOT_DELIVERED, NOTHING_DUE, Book, make, paid, skipped
from tests.contract.world import COIN, Refusal, World, shares

pytestmark = pytest.mark.xdist_group("trust")


@pytest.fixture
def odd(world: World) -> Any:
    return world.deploy("OddToken")


@pytest.fixture
def book(world: World) -> Book:
    """Checked by each test itself: an unfair token leaves a book short."""
    return make(world)


# ---------------------------------------------------------------------- answers and balances


@pytest.mark.parametrize("move", MOVES)
def test_a_claim_in_bulk_is_paid_or_undone(world: World, book: Book, odd: Any, move: str) -> None:
    """What is undone can be claimed later."""
    payees = {world.fresh(): UNIT for _ in ANSWERS} | {world.fresh(): 20 * UNIT}
    book.publish(odd.address, payees)
    for payee, (answer, says) in zip(payees, ANSWERS.items(), strict=False):
        world.send(odd.functions.behave(payee, MOVES[move], *says))
        claims = [(payee, UNIT, book.proof(odd.address, payee))]
        claim_many = book.functions.claimMany(odd.address, claims)
        done, held = pays(answer, move), world.balance(odd.address, book.address)
        assert claim_many.call({"gas": 5_000_000}) == [UNIT * done, int(not done)], answer
        told = paid(payee, odd.address, UNIT) if done else skipped(payee, odd.address, NOT_DELIVERED)
        receipt = world.send(claim_many, gas=5_000_000)
        assert world.logs(book.contract, receipt) == [told], answer
        assert book.paid(payee, odd.address) == UNIT * done
        if answer in CLEAN:
            book.fund(odd.address, UNIT)  # for what was taken on top
            continue
        assert world.balance(odd.address, payee) == UNIT * done
        assert held - world.balance(odd.address, book.address) == UNIT * done
        book.check(odd.address)
        # What has not left is still due.
        world.send(odd.functions.behave(payee, 1_000, 1, 32))
        if not done:
            assert book.claim(payee, odd.address) == [paid(payee, odd.address, UNIT)]
        assert world.balance(odd.address, payee) == book.paid(payee, odd.address) == UNIT
        assert world.refusal(book.claiming(payee, odd.address)).name == "NothingDue"


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", ["claim", "claimTo", "withdrawSurplus"])
def test_alone_only_a_clean_success_is_one(world: World, book: Book, odd: Any, name: str, move: str) -> None:
    """Else nothing has happened, whatever the token did."""
    for answer, says in ANSWERS.items():
        payee = world.payee()
        book.fund(odd.address, 5 * UNIT)
        total = book.functions.promised(odd.address).call()[1] + UNIT
        leaf = book.leaf(payee.address, odd.address, UNIT)
        world.send(book.functions.publish(total, leaf, odd.address))
        to = payee.address
        if name == "claim":
            call: Any = book.functions.claim(to, UNIT, [], odd.address)
        elif name == "claimTo":
            to = world.fresh()
            data = book.contract.encode_abi("claimTo", [to, UNIT, [], odd.address])
            call = payee.functions.run(book.address, 0, data)
        else:
            call = book.functions.withdrawSurplus(odd.address, to, UNIT)
        world.send(odd.functions.behave(to, MOVES[move], *says))
        before = list(book.functions.promised(odd.address).call())
        held = world.balance(odd.address, book.address)
        if answer in CLEAN:
            world.send(call)
        else:
            refused = Refusal("PaymentFailed", (odd.address.lower(), to.lower(), UNIT))
            assert world.refusal(call) == refused, answer
            assert world.attempt(call, gas=5_000_000)["status"] == 0
            assert list(book.functions.promised(odd.address).call()) == before
            assert book.paid(payee.address, odd.address) == 0
            assert world.balance(odd.address, book.address) == held


@pytest.mark.parametrize("says", ["false", "two", "amount", "a byte"])
def test_a_leaf_of_ten_takes_ten_however_often_it_is_claimed_at_once(
    world: World, book: Book, odd: Any, says: str
) -> None:
    """By a token that moves the money and says that it has not: once it took a thousand."""
    payee = world.fresh()
    book.publish(odd.address, {payee: 10, world.fresh(): 990})
    world.send(odd.functions.behave(COIN, 1_000, *ANSWERS[says]))
    answer, events = book.claim_many(odd.address, [payee] * 100, gas=29_000_000)
    assert world.balance(odd.address, payee) == book.paid(payee, odd.address) == 10
    assert answer == (10, 99)
    assert events == [paid(payee, odd.address, 10), *[skipped(payee, odd.address, NOTHING_DUE)] * 99]


def test_what_would_leave_in_part_does_not_leave(world: World, book: Book, odd: Any) -> None:
    payee = world.fresh()
    book.publish(odd.address, {payee: 1_000, world.fresh(): 9_000})
    world.send(odd.functions.behave(COIN, 400, 0, 32))
    answer, events = book.claim_many(odd.address, [payee] * 4, gas=5_000_000)
    assert (answer, events) == ((0, 4), [skipped(payee, odd.address, NOT_DELIVERED)] * 4)
    assert world.balance(odd.address, payee) == book.paid(payee, odd.address) == 0
    book.check(odd.address)


def test_each_of_many_is_judged_by_what_it_lowered_itself(world: World, book: Book, odd: Any) -> None:
    """Clean ones before and after one that is not."""
    a, b, c, d = (world.fresh() for _ in range(4))
    book.publish(odd.address, {a: 1_000, b: 1_000, c: 1_000, d: 1_000})
    world.send(odd.functions.behave(b, 0, 0, 32))
    assert book.claim_many(odd.address, [a, b, c])[0] == (2_000, 1)
    world.send(odd.functions.behave(b, 1_000, 0, 32))
    assert book.claim_many(odd.address, [d, b])[0] == (2_000, 0)
    assert world.balances(odd.address, [a, b, c, d]) == [1_000] * 4
    assert [book.paid(p, odd.address) for p in (a, b, c, d)] == [1_000] * 4


@pytest.mark.parametrize("lies", [0, 500])
def test_a_token_that_says_it_holds_less_than_it_paid_stops_nobody(
    world: World, book: Book, odd: Any, lies: int
) -> None:
    """More may seem to have left than was held; what is reckoned further does not wrap."""
    a, b = world.fresh(), world.fresh()
    token = world.token()
    book.publish(token.address, {a: 1_000, b: 1_000})
    world.send(token.functions.set(book.address, lies))
    world.behave(token, "Keeps", a)
    assert book_many(world, book, token, [a]) == [1_000, 0]
    world.send(token.functions.set(book.address, 2_000))
    c, d = world.fresh(), world.fresh()
    book.publish(token.address, {a: 1_000, b: 1_000, c: 1_000, d: 1_000})
    world.send(token.functions.set(book.address, lies))
    world.behave(token, "Keeps", c)
    # In one call: the first says it paid though nothing was there; the next reverts, and has nothing.
    assert book_many(world, book, token, [c, d]) == [1_000, 1]
    assert book.paid(d, token.address) == 0


def book_many(world: World, book: Book, token: Any, payees: list[str]) -> Any:
    claims = [(p, book.amounts[token.address][p], book.proof(token.address, p)) for p in payees]
    function = book.functions.claimMany(token.address, claims)
    answer = function.call({"from": world.owner, "gas": 5_000_000})
    world.send(function, gas=5_000_000)
    return answer


@pytest.mark.parametrize("due", [10, 30, 1_000])
def test_what_earlier_payments_took_on_top_does_not_pass_for_one_that_was_refused(
    world: World, book: Book, odd: Any, due: int
) -> None:
    """Of a token that charges the sender, and answers `false` where others revert. Anybody chooses who is
    paid before, and so how much they take on top."""
    before, blocked = [world.fresh() for _ in range(3)], world.fresh()
    book.publish(odd.address, dict.fromkeys(before, 1_000) | {blocked: due})
    book.fund(odd.address, 1_000)  # somebody has made good for the fees
    world.send(odd.functions.charge(10))
    world.send(odd.functions.behave(blocked, 0, 0, 32))
    assert book.claim_many(odd.address, [*before, blocked])[0] == (3_000, 1)
    assert (world.balance(odd.address, blocked), book.paid(blocked, odd.address)) == (0, 0)


@pytest.mark.parametrize("alone", [False, True])
def test_nor_in_a_split(world: World, odd: Any, alone: bool) -> None:
    payees = sorted((world.fresh() for _ in range(4)), key=lambda payee: int(payee, 16))
    blocked = payees[-1]
    split = world.split(payees, shares(100, 100, 100, 3), odd.address)
    world.send(odd.functions.mint(split.address, 3_030))
    if alone:
        split.claim(payees[0], odd.address)
        world.send(odd.functions.mint(split.address, 3_030))
    due = split.line(blocked, odd.address).due
    world.send(odd.functions.charge(10))
    world.send(odd.functions.behave(blocked, 0, 0, 32))
    split.distribute(odd.address)
    assert split.functions.credit(blocked, odd.address).call() == due
    assert world.balance(odd.address, blocked) == 0


# ---------------------------------------------------------------------- flows during a delivery

BACK = ["a unit", "all of it", "more"]


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("through", ["claim", "claimMany"])
def test_a_payee_that_sends_money_back_while_it_is_paid_is_paid_once(
    world: World, book: Book, odd: Any, through: str, back: str
) -> None:
    """A book that looked at its balance alone took it for not paid, and the leaf was claimed once more."""
    payee, other = world.payee(), world.fresh()
    book.publish(odd.address, {payee.address: UNIT, other: UNIT})
    gives = {"a unit": 1, "all of it": UNIT, "more": 3 * UNIT}[back]
    world.send(odd.functions.mint(payee.address, 3 * UNIT))
    world.send(odd.functions.hook(payee.address))
    world.plan(payee, odd.address, odd.encode_abi("transfer", [book.address, gives]))
    for attempt in range(2):
        if through == "claim":
            call = book.claiming(payee.address, odd.address)
            if attempt:
                assert world.refusal(call).name == "NothingDue"
            else:
                assert book.claim(payee.address, odd.address) == [paid(payee.address, odd.address, UNIT)]
        else:
            answer, events = book.claim_many(odd.address, [payee.address, payee.address])
            first = [] if attempt else [paid(payee.address, odd.address, UNIT)]
            assert events == first + [skipped(payee.address, odd.address, NOTHING_DUE)] * (1 + attempt)
            assert answer == ((0, 2) if attempt else (UNIT, 1))
    assert world.outcome(payee) is True
    assert book.paid(payee.address, odd.address) == UNIT
    assert world.balance(odd.address, payee.address) == 4 * UNIT - gives
    assert book.functions.surplus(odd.address).call() == gives
    book.check(odd.address)


@pytest.mark.parametrize("gives", [1, 400, UNIT, 3 * UNIT])
def test_nor_can_it_take_from_others_what_it_has_sent_back_under_an_unclean_answer(
    world: World, book: Book, odd: Any, gives: int
) -> None:
    """What flows in meanwhile looks as if less had left: then all of it is undone."""
    payee, other = world.payee(), world.fresh()
    book.publish(odd.address, {payee.address: UNIT, other: 9 * UNIT})
    world.send(odd.functions.mint(payee.address, 3 * UNIT))
    world.send(odd.functions.hook(payee.address))
    world.send(odd.functions.behave(COIN, 1_000, 0, 32))
    world.plan(payee, odd.address, odd.encode_abi("transfer", [book.address, gives]))
    book.claim_many(odd.address, [payee.address])
    world.become(payee, "Honest")
    book.claim_many(odd.address, [payee.address] * 3)
    assert book.paid(payee.address, odd.address) == UNIT
    assert world.balance(odd.address, payee.address) == 3 * UNIT + UNIT
    assert world.balance(odd.address, book.address) == 9 * UNIT
    book.claim_many(odd.address, [other])
    assert world.balance(odd.address, other) == 9 * UNIT


@pytest.mark.parametrize("says", ["true", "false"])
@pytest.mark.parametrize("name", ["claim", "claimMany", "claimTo", "publish", "withdrawSurplus", "surplus"])
@pytest.mark.parametrize("through", ["claim", "claimMany"])
def test_while_a_token_moves_nothing_is_paid_in_it(
    world: World, odd: Any, name: str, through: str, says: str
) -> None:
    """Whether or not the token will have said that it paid."""
    book, payee, other = make(world), world.payee(), world.fresh()
    amounts = {payee.address: UNIT, other: UNIT}
    book.publish(odd.address, amounts)
    book.fund(odd.address, UNIT)
    world.send(book.functions.transferOwnership(payee.address))
    accept = book.contract.encode_abi("acceptOwnership", [])
    world.send(payee.functions.run(book.address, 0, accept))
    proof = book.proof(odd.address, other)
    arguments: dict[str, list[Any]] = {
        "claim": [other, UNIT, proof, odd.address],
        "claimMany": [odd.address, [(other, UNIT, proof)]],
        "claimTo": [other, UNIT, book.proof(odd.address, payee.address), odd.address],
        "publish": [3 * UNIT, b"\1" * 32, odd.address],
        "withdrawSurplus": [odd.address, other, UNIT],
        "surplus": [odd.address],
    }
    world.send(odd.functions.hook(payee.address))
    world.send(odd.functions.behave(payee.address, 1_000, *ANSWERS[says]))
    world.plan(payee, book.address, book.contract.encode_abi(name, arguments[name]))
    if through == "claim" and says == "false":
        assert world.refusal(book.claiming(payee.address, odd.address)).name == "PaymentFailed"
        return
    if through == "claim":
        book.claim(payee.address, odd.address)
    else:
        book.claim_many(odd.address, [payee.address])
    # That it was paid just now is found before it is asked whether money moves.
    assert world.outcome(payee) == Refusal("NothingDue" if name == "claimTo" else "Reentered")
    assert book.paid(payee.address, odd.address) == UNIT
    assert book.paid(other, odd.address) == world.balance(odd.address, other) == 0
    book.check(odd.address)


@pytest.mark.parametrize("name", ["claim", "claimMany", "surplus", "withdrawSurplus", "publish"])
@pytest.mark.parametrize("through", ["claim", "claimMany"])
def test_meanwhile_other_assets_are_as_free_as_ever(world: World, odd: Any, name: str, through: str) -> None:
    """A token's hook may do what it likes with the coin that is promised: the coin stays covered, and
    nothing is refused."""
    book, payee, other = make(world), world.payee(), world.fresh()
    book.publish(odd.address, {payee.address: UNIT})
    book.publish(COIN, {other: 700, world.fresh(): 300})
    book.fund(COIN, 50)
    world.send(book.functions.transferOwnership(payee.address))
    world.send(payee.functions.run(book.address, 0, book.contract.encode_abi("acceptOwnership", [])))
    proof = book.proof(COIN, other)
    arguments: dict[str, list[Any]] = {
        "claim": [other, 700, proof, COIN],
        "claimMany": [COIN, [(other, 700, proof)]],
        "surplus": [COIN],
        "withdrawSurplus": [COIN, other, 50],
        "publish": [1_050, b"\1" * 32, COIN],
    }
    world.send(odd.functions.hook(payee.address))
    world.plan(payee, book.address, book.contract.encode_abi(name, arguments[name]))
    if through == "claim":
        book.claim(payee.address, odd.address)
    else:
        assert book.claim_many(odd.address, [payee.address])[0] == (UNIT, 0)
    assert world.outcome(payee) is True
    got = {"claim": 700, "claimMany": 700, "withdrawSurplus": 50}.get(name, 0)
    assert world.balance(COIN, other) == got
    book.check(COIN)
    book.check(odd.address)


# ------------------------------------------------------------------------------------------ code that is gone


def vanished(world: World) -> tuple[Book, str, Any]:
    """A book that has promised its owner a token that was there for one transaction."""
    owner = world.deploy("Batch")
    world._errors |= world._selectors("PayoutBook")
    book = Book(world, world.deploy("PayoutBook", owner.address, 0))
    nonce = world.w3.eth.get_transaction_count(owner.address)
    token = to_checksum_address(keccak(rlp([to_canonical_address(owner.address), nonce]))[12:])
    contract = world.at("OddToken", token)
    root = book.leaf(owner.address, token, UNIT)
    world.send(
        owner.functions.conjure(
            [token, book.address],
            [
                contract.encode_abi("mint", [book.address, 2 * UNIT]),
                book.contract.encode_abi("publish", [UNIT, root, token]),
            ],
        )
    )
    assert world.w3.eth.get_code(token) == b""
    return book, token, owner


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode:DeprecationWarning")
def test_a_token_whose_code_is_gone_pays_nobody(world: World) -> None:
    book, token, owner = vanished(world)
    claims: list[tuple[str, int, list[bytes]]] = [(owner.address, UNIT, [])]
    calls = {
        "claim": book.functions.claim(owner.address, UNIT, [], token),
        "claimTo": owner.functions.run(
            book.address, [book.contract.encode_abi("claimTo", [world.fresh(), UNIT, [], token])]
        ),
        "withdrawSurplus": owner.functions.run(
            book.address, [book.contract.encode_abi("withdrawSurplus", [token, world.fresh(), 0])]
        ),
    }
    for name, call in calls.items():
        assert world.refusal(call) == Refusal("NotAToken", (token.lower(),)), name
        assert world.attempt(call, gas=5_000_000)["status"] == 0
    receipt = world.send(book.functions.claimMany(token, claims), gas=5_000_000)
    assert world.logs(book.contract, receipt) == [skipped(owner.address, token, NOT_DELIVERED)]
    assert book.paid(owner.address, token) == 0
    assert book.functions.promised(token).call()[1:] == [UNIT, 0]


def test_where_no_token_ever_was_nothing_is_promised(world: World, book: Book) -> None:
    nothing, payee = world.fresh(), world.fresh()
    leaf = book.leaf(payee, nothing, UNIT)
    refused = Refusal("NotAToken", (nothing.lower(),))
    assert world.refusal(book.functions.publish(0, leaf, nothing)) == refused
    assert book.functions.claimMany(nothing, [(payee, UNIT, [])]).call() == [0, 1]
    assert world.refusal(book.functions.withdrawSurplus(nothing, payee, 0)) == refused
    assert world.refusal(book.functions.claim(payee, UNIT, [], nothing)).name == "NotProven"
