"""The handle on payout books: what is published is checked first, and what is claimed arrives."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from eth_utils.address import to_checksum_address
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import PayoutBook, PromisedRoot
from revshare.chain.trust_events import (
    Announced,
    ClaimSkipped,
    OwnershipOffered,
    OwnershipTransferred,
    PayeePaid,
    Published,
    Redirected,
    Skip,
    SurplusWithdrawn,
    Withdrawn,
)

_numbers = count(1)


def salt() -> int:
    """Of a book that nobody has used yet."""
    return next(_numbers) + os.getpid() * 10**6


def fresh() -> str:
    return to_checksum_address(f"0x{next(_numbers) + 2**150:040x}")


@pytest.fixture
def book(tester: Chain) -> PayoutBook:
    return PayoutBook.deploy(tester.w3, account=tester.payer, salt=salt())


def test_a_book_is_published_and_claimed(chain: Chain) -> None:
    token = chain.token()
    book = PayoutBook.deploy(chain.w3, account=chain.payer, salt=salt())
    a, b = fresh(), fresh()
    tree = book.tree({a: 1_000, b: 2_000}, token=token.token)
    assert book.promised(token=token.address) == PromisedRoot(bytes(32), 0, 0)
    assert book.shortfall(tree) == 3_000
    with pytest.raises(rs.ContractError, match="Underfunded") as refused:
        book.publish(tree).preview()
    assert refused.value.args_by_name == {"covered": 0, "total": 3_000}
    token.transfer(book.address, 3_000).send()
    assert book.shortfall(tree) == 0
    published = book.publish(tree).send().event(Published)
    assert (published.token, published.root, published.total) == (token.address, tree.root, 3_000)

    paid = book.claim(tree, a).send().event(PayeePaid)
    assert (paid.payee, paid.token, paid.amount) == (a, token.address, 1_000)
    assert token.balance_of(a) == book.paid(a, token=token.address) == 1_000
    assert (book.due(tree, a), book.due(tree, b)) == (0, 2_000)
    assert book.promised(token=token.address) == PromisedRoot(tree.root, 3_000, 1_000)
    assert book.promised(token=token.address).unclaimed == 2_000

    again = book.claim_many(tree, [a, b]).send()
    assert again.event(ClaimSkipped).reason == Skip.NOTHING_DUE
    assert again.event(PayeePaid).payee == b
    with pytest.raises(rs.ContractError, match="NothingDue"):
        book.claim(tree, b).send()


def test_nobody_falls_when_a_tree_follows_another(book: PayoutBook) -> None:
    a, b = fresh(), fresh()
    first = book.tree({a: 10, b: 20})
    book.publish(first, value=30).send()
    second = book.tree({a: 15, b: 19})
    with pytest.raises(rs.AmountsFell) as fell:
        book.publish(second, first)
    assert fell.value.fallen == ((b, 20, 19),)
    third = book.tree({a: 15, b: 20})
    with pytest.raises(rs.InvalidInput, match="the root in force"):
        book.publish(third)
    with pytest.raises(rs.InvalidInput, match="the root in force"):
        book.publish(third, book.tree({a: 1, b: 2}))
    book.publish(third, first, value=5).send()
    assert book.claim(third, a).send().event(PayeePaid).amount == 15


def test_a_tree_of_another_book_is_refused(tester: Chain, book: PayoutBook) -> None:
    other = PayoutBook.deploy(tester.w3, account=tester.payer, salt=salt())
    tree = other.tree({fresh(): 1})
    with pytest.raises(rs.InvalidInput, match="this tree is for the book"):
        book.publish(tree)
    with pytest.raises(rs.InvalidInput, match="this tree is for the book"):
        book.claim(tree, next(iter(tree)))


def test_who_is_not_in_the_tree_is_named(book: PayoutBook) -> None:
    tree, nobody = book.tree({fresh(): 1}), fresh()
    for asked in (book.claim, book.due):
        with pytest.raises(rs.UnknownPayee):
            asked(tree, nobody)


def test_a_delay_announces_first(tester: Chain) -> None:
    book = PayoutBook.deploy(tester.w3, delay=timedelta(hours=1), account=tester.payer, salt=salt())
    assert book.delay() == timedelta(hours=1)
    assert book.announced() is None
    tree = book.tree({fresh(): 7})
    announced = book.publish(tree, value=7).send().event(Announced)
    waiting = book.announced()
    assert waiting is not None
    assert (waiting.root, waiting.total) == (tree.root, 7)
    assert waiting.active_at == datetime.fromtimestamp(announced.active_at, UTC)
    with pytest.raises(rs.ContractError, match="TooEarly"):
        book.activate().preview()
    assert book.withdraw().send().event(Withdrawn).root == tree.root
    assert book.surplus() == 7


def test_the_owners_other_powers(tester: Chain, book: PayoutBook) -> None:
    tree, to, next_ = book.tree({fresh(): 7}), fresh(), tester.accounts[1]
    book.publish(tree, value=10).send()
    assert book.surplus() == 3
    with pytest.raises(rs.ContractError, match="SurplusExceeded"):
        book.withdraw_surplus(4, to).send()
    taken = book.withdraw_surplus(3, to).send().event(SurplusWithdrawn)
    assert (taken.to, taken.amount, tester.w3.eth.get_balance(to)) == (to, 3, 3)  # type: ignore[arg-type]
    assert book.owner() == tester.payer.address
    assert book.offer_ownership(next_.address).send().event(OwnershipOffered).next == next_.address
    assert book.by(next_).accept_ownership().send().event(OwnershipTransferred).owner == next_.address
    with pytest.raises(rs.ContractError, match="Unauthorised"):
        book.offer_ownership(None).send()
    assert PayoutBook.deploy(tester.w3, owner=next_.address, account=tester.payer).owner() == next_.address


def test_a_payee_has_its_money_sent_elsewhere(tester: Chain, book: PayoutBook) -> None:
    payee, to = tester.accounts[2], fresh()
    tree = book.tree({payee.address: 9, fresh(): 1})
    book.publish(tree, value=10).send()
    call = book.claim_to(tree, payee.address, to)
    with pytest.raises(rs.ContractError, match="NotProven"):
        call.preview()
    assert call.by(payee).send().event(Redirected).to == to
    assert tester.w3.eth.get_balance(to) == 9  # type: ignore[arg-type]


def test_a_book_is_recognised(tester: Chain, book: PayoutBook) -> None:
    assert PayoutBook.at(tester.w3, book.address.lower()).address == book.address
    assert str(book) == f"PayoutBook({book.address}, chain {book.chain_id})"
    for place in (fresh(), tester.token().address):
        with pytest.raises(rs.NotDeployed):
            PayoutBook.at(tester.w3, place)
    tree = book.tree({fresh(): 1})
    book.publish(tree, value=1).send()
    head = tester.w3.eth.block_number
    assert [type(event) for event in book.reader().read(head, head)] == [Published]


@pytest.mark.parametrize("delay", [-1, timedelta(days=366)])
def test_a_delay_is_within_reason(tester: Chain, delay: int | timedelta) -> None:
    with pytest.raises(rs.InvalidInput, match="delay"):
        PayoutBook.deploy(tester.w3, delay=delay, account=tester.payer)
    with pytest.raises(rs.InvalidInput, match="delay"):
        PayoutBook.default_address(fresh(), delay)


# ---------------------------------------------------------------- where it is


def test_an_owner_has_one_book_for_each_delay_and_salt_on_every_chain(chain: Chain) -> None:
    owner, number = chain.payer.address, salt()
    made = PayoutBook.deploy(chain.w3, account=chain.payer, salt=number)
    before = chain.w3.eth.block_number
    again = PayoutBook.deploy(chain.w3, owner=owner, account=chain.accounts[1], salt=number)
    assert again.address == made.address == PayoutBook.default_address(owner, salt=number)
    assert PayoutBook.default_address(owner.lower(), timedelta(0), number) == made.address
    assert chain.w3.eth.block_number == before  # nothing was sent
    hour = PayoutBook.deploy(chain.w3, delay=timedelta(hours=1), account=chain.payer, salt=number)
    theirs = PayoutBook.deploy(chain.w3, owner=fresh(), account=chain.payer, salt=number)
    other = PayoutBook.deploy(chain.w3, account=chain.payer, salt=f"{number} of 2026")
    assert hour.address == PayoutBook.default_address(owner, 3_600, number)
    assert len({made.address, hour.address, theirs.address, other.address}) == 4
    for bad in (-1, 2**64, bytes(32), "", None):
        with pytest.raises(rs.InvalidInput, match="a salt is"):
            PayoutBook.deploy(chain.w3, account=chain.payer, salt=bad)  # type: ignore[arg-type]


def test_a_book_that_has_passed_to_another_is_not_taken_for_ones_own(tester: Chain) -> None:
    next_, number = tester.accounts[1], salt()
    book = PayoutBook.deploy(tester.w3, account=tester.payer, salt=number)
    book.offer_ownership(next_.address).send()
    assert PayoutBook.deploy(tester.w3, account=tester.payer, salt=number).address == book.address
    book.by(next_).accept_ownership().send()
    with pytest.raises(rs.InvalidInput, match=f"belongs to {next_.address} now: another salt"):
        PayoutBook.deploy(tester.w3, account=tester.payer, salt=number)
    assert PayoutBook.at(tester.w3, book.address).owner() == next_.address
