"""Three months of accounts, published in a payout book and claimed: everybody has what was to be paid."""

from __future__ import annotations

from typing import Any

from tests.accounts.worlds import back, sale
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import PayoutBook

HOURS = ({"ann": 120, "bob": 80}, {"ann": 7, "bob": 3}, {"bob": 1})


def test_what_three_closes_say_is_what_the_book_pays(tester: Chain) -> None:
    token = tester.token(2)
    names = ("platform", "ann", "bob", "funder", "tax office")
    addresses = dict(zip(names, (account.address for account in tester.accounts[1:]), strict=False))
    rules: list[dict[str, Any]] = [
        {"rule": "commission", "to": "platform", "rate": "12.5%"},
        {"rule": "weights", "payees": ["ann", "bob"], "table": "hours"},
        {"rule": "guarantee", "payee": "bob", "amount": "30", "funder": "funder", "recoupable": True},
        {"rule": "withhold", "payee": "ann", "to": "tax office", "rate": "21.2%"},
        {"rule": "reserve", "rate": "10%", "periods": 1, "payees": ["ann"]},
        {"rule": "threshold", "amount": "5"},
    ]
    agreement = rs.Agreement.model_validate(
        {
            "name": "shop",
            "token": {"symbol": "EURX", "decimals": 2, "address": token.address},
            "payees": addresses,
            "tiers": [{"shares": {"ann": 5, "bob": 3, "funder": 2}}],
            "rules": rules,
        }
    )
    sales = (
        [sale(1, 9_999, "2011-03-01"), sale(2, 1_234, "2011-03-15")],
        [back(1, 3_333, "2011-04-02"), sale(3, 4_321, "2011-04-03")],
        [sale(4, 10_001, "2011-05-01")],
    )
    accounts = rs.Accounts(agreement)
    book = PayoutBook.deploy(tester.w3, account=tester.payer, salt="shop")
    start = {name: token.balance_of(address) for name, address in addresses.items()}
    previous, lent = None, 0
    for month, (some, hours) in enumerate(zip(sales, HOURS, strict=True), start=3):
        close = accounts.close(f"2011-{month:02}", some, tables={"hours": hours})
        remitted = sum(one.amount for one in some)
        token.transfer(book.address, remitted).by(tester.payer).send()
        tree = accounts.tree(book)
        # a debt is money that others are paid now: it is paid in, and earned back later
        debts = -sum(units for units in close.carried.values() if units < 0)
        lent += book.shortfall(tree)
        assert book.shortfall(tree) <= debts
        token.transfer(book.address, book.shortfall(tree)).by(tester.payer).send()
        book.publish(tree, previous).send()
        for name, address in addresses.items():
            assert book.due(tree, address) == close.payable[name], name
        book.claim_many(tree, [address for address in tree if tree[address]]).send()
        previous = tree
        for name, address in addresses.items():
            assert token.balance_of(address) - start[name] == accounts.cumulative[name], name
    # what the book still holds is what the accounts have not paid: carried, reserved, and dust
    unpaid = {a: u for a, u in accounts.balances().items() if a != "received" and not a.endswith(":paid")}
    assert lent > 0
    assert token.balance_of(book.address) == lent + sum(unpaid.values())
