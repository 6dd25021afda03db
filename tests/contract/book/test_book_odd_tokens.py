"""Re-entrancy, tokens with ways of their own, and random walks: the promise holds."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.contract.book.books import Book, make
from tests.contract.world import COIN, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")

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
    if through == "claimMany" and name == "claimMany":
        expected: Refusal | bool = Refusal("Reentered")
    else:
        # A claim has entered all before the money moves; that it was paid is found before it is asked
        # whether money moves.
        expected = Refusal("NothingDue") if name == "claim" else True
    assert world.outcome(bad) == expected
    assert world.balance(COIN, bad.address) == book.paid(bad.address, COIN) == 50


@pytest.mark.parametrize("through", ["claim", "claimMany"])
def test_a_payee_may_claim_for_another_while_it_is_paid_alone(world: World, book: Book, through: str) -> None:
    """In coin, the books are true when the payee is called; in bulk they may yet be corrected, and stand
    still."""
    busy, other = world.payee(), world.fresh()
    book.publish(COIN, {busy.address: 1, other: 1})
    book.claim_many(COIN, [busy.address, other])  # what is written once more fits the gas of a bulk claim
    book.publish(COIN, {busy.address: 51, other: 71})
    data = book.contract.encode_abi("claim", [other, 71, book.proof(COIN, other), COIN])
    world.plan(busy, book.address, data)
    if through == "claim":
        book.claim(busy.address, COIN)
        assert world.outcome(busy) is True
        assert world.balance(COIN, other) == 71
    else:
        book.claim_many(COIN, [busy.address])
        assert world.outcome(busy) == Refusal("Reentered")
        assert book.paid(other, COIN) == world.balance(COIN, other) == 1


def test_nobody_but_the_book_itself_has_it_deliver(world: World, book: Book, token: str) -> None:
    payee = world.payee()
    book.publish(COIN, {payee.address: 50})
    book.publish(token, {payee.address: 50})
    for asset in (COIN, token):
        call = book.functions.deliver(asset, payee.address, 1, True)
        assert world.refusal(call) == Refusal("OnlyItself")
        run = payee.functions.run(book.address, 0, call._encode_transaction_data())
        assert world.refusal(run) == Refusal("OnlyItself")


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
