"""On a chain whose coin is a token as well (coin_token.py): no payment in the token takes what is promised
in coin."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from tests.contract.book.books import Book, make, paid
from tests.contract.coin_token import TRANSFER, Machine
from tests.contract.odd.scene import Manner
from tests.contract.world import COIN, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")


@pytest.fixture(scope="module")
def celo(compiled: dict[str, Any]) -> World:
    return World(compiled, Machine)


@pytest.fixture(scope="module")
def token(celo: World) -> str:
    """The coin's other address."""
    return str(celo.deploy("CoinToken").address)


@pytest.fixture
def book(celo: World) -> Book:
    return make(celo)


def publish(book: Book, token: str, amounts: dict[str, int], *, fund: int = 0) -> None:
    book.fund(COIN, fund)
    book.world.send(book.publishing(token, amounts))
    book.amounts[token] = amounts
    book.payees |= set(amounts)


def test_the_owner_cannot_take_out_as_a_token_what_is_promised_in_coin(
    celo: World, token: str, book: Book
) -> None:
    payee, to = celo.fresh(), celo.fresh()
    publish(book, COIN, {payee: 1_000}, fund=1_010)
    assert book.functions.surplus(token).call() == 1_010  # it looks as if
    take = book.functions.withdrawSurplus
    assert celo.refusal(take(token, to, 11)) == Refusal("Underfunded", (999, 1_000))
    assert celo.refusal(take(token, to, 1_010)) == Refusal("Underfunded", (0, 1_000))
    celo.send(take(token, to, 10))  # which was never promised
    assert celo.balance(COIN, to) == 10
    assert book.claim(payee, COIN) == [paid(payee, COIN, 1_000)]


@pytest.mark.parametrize("name", ["claim", "claimMany", "claimTo"])
def test_nor_is_it_claimed_as_a_token(celo: World, token: str, book: Book, name: str) -> None:
    """By a root for the same money once more, which the book cannot see through."""
    payee, other, haven = celo.payee(), celo.fresh(), celo.fresh()
    publish(book, COIN, {other: 1_000}, fund=1_000)
    publish(book, token, {payee.address: 1_000})
    data = book.contract.encode_abi("claimTo", [haven, 1_000, [], token])
    calls = {
        "claim": book.claiming(payee.address, token),
        "claimMany": book.functions.claimMany(token, [(payee.address, 1_000, [])]),
        "claimTo": payee.functions.run(book.address, 0, data),
    }
    assert celo.refusal(calls[name]) == Refusal("Underfunded", (0, 1_000))
    assert celo.attempt(calls[name], gas=5_000_000)["status"] == 0
    assert book.paid(payee.address, token) == 0
    assert book.claim(other, COIN) == [paid(other, COIN, 1_000)]
    book.fund(COIN, 1_000)
    celo.send(calls[name])
    assert book.paid(payee.address, token) == 1_000


def test_what_is_announced_in_coin_counts_as_promised(celo: World, token: str) -> None:
    book, payee = make(celo, 86_400), celo.fresh()
    publish(book, COIN, {payee: 1_000}, fund=1_000)
    assert book.functions.promised(COIN).call()[1] == 0
    take = book.functions.withdrawSurplus(token, celo.fresh(), 1)
    assert celo.refusal(take) == Refusal("Underfunded", (999, 1_000))


def test_both_are_paid_where_there_is_money_for_both(celo: World, token: str, book: Book) -> None:
    a, b, c = celo.fresh(), celo.fresh(), celo.fresh()
    publish(book, COIN, {a: 600}, fund=1_000)
    publish(book, token, {b: 300, c: 100})
    assert book.functions.claimMany(token, [(b, 300, book.proof(token, b))]).call() == [300, 0]
    celo.send(book.functions.claimMany(token, [(b, 300, book.proof(token, b))]))
    celo.send(book.claiming(a, COIN))
    celo.send(book.claiming(c, token))
    assert celo.balances(COIN, [a, b, c, book.address]) == [600, 300, 100, 0]


def test_a_book_that_is_short_of_coin_pays_other_tokens_all_the_same(celo: World, book: Book) -> None:
    """It is asked only where the payment itself lowered the coin; here the chain took it away before."""
    a, b, plain = celo.fresh(), celo.fresh(), celo.token()
    publish(book, COIN, {b: 500}, fund=500)
    taking = encode(["address", "address", "uint256"], [book.address, celo.fresh(), 1])
    celo.send({"to": "0x" + TRANSFER.hex(), "data": taking})
    assert celo.balance(COIN, book.address) == 499
    book.fund(plain.address, 100)
    publish(book, plain.address, {a: 100})
    assert book.claim(a, plain.address) == [paid(a, plain.address, 100)]


def test_and_coin_as_far_as_it_goes(celo: World, book: Book) -> None:
    """Alone and in bulk: it is not asked of payments in coin either."""
    a, b, c = celo.fresh(), celo.fresh(), celo.fresh()
    publish(book, COIN, {a: 100, b: 100, c: 300}, fund=500)
    taking = encode(["address", "address", "uint256"], [book.address, celo.fresh(), 1])
    celo.send({"to": "0x" + TRANSFER.hex(), "data": taking})
    celo.send(book.claiming(a, COIN))
    celo.send(book.functions.claimMany(COIN, [(b, 100, book.proof(COIN, b))]))
    assert celo.balances(COIN, [a, b]) == [100, 100]
    assert celo.refusal(book.claiming(c, COIN)).name == "PaymentFailed"


def test_nor_by_what_is_paid_in_for_another_promise_meanwhile(celo: World) -> None:
    """The owner, called by the coin's token, publishes more in coin: so the coin has not fallen."""
    owner, thief, victim = celo.payee(), celo.fresh(), celo.fresh()
    celo._errors |= celo._selectors("PayoutBook")
    book = Book(celo, celo.deploy("PayoutBook", owner.address, 0))
    token = celo.deploy("CoinAsToken")
    encode_abi = book.contract.encode_abi
    celo.send(token.functions.behave(Manner(calls=True).packed))
    celo.send(token.functions.hook([owner.address]))
    book.fund(COIN, 1_001)
    promised = {COIN: {victim: 1_000}, token.address: {owner.address: 1, thief: 900}}
    for asset, amounts in promised.items():
        data = encode_abi("publish", [sum(amounts.values()), book.tree(asset, amounts).root, asset])
        celo.send(owner.functions.run(book.address, 0, data))
        book.amounts[asset] = amounts
    more = {victim: 1_000, owner.address: 901}
    data = encode_abi("publish", [1_901, book.tree(COIN, more).root, COIN])
    celo.coin(owner.address, 901)
    celo.plan(owner, book.address, data, forwards=True)
    claims = [(who, due, book.proof(token.address, who)) for who, due in promised[token.address].items()]
    refused = celo.refusal(book.functions.claimMany(token.address, claims))
    assert refused.name == "Underfunded"


def test_what_is_promised_as_a_token_has_no_such_guard(celo: World, token: str, book: Book) -> None:
    """A book that knows an asset by one address cannot see it at another: promise in coin, not at its
    other address.

    Known, and refused by Python from the table of chains.
    """
    payee, to = celo.fresh(), celo.fresh()
    publish(book, token, {payee: 1_000}, fund=1_000)
    celo.send(book.functions.withdrawSurplus(COIN, to, 1_000))
    assert celo.refusal(book.claiming(payee, token)).name == "PaymentFailed"
