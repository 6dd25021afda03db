"""What is left of cleared invoices, paid by a payout book: all end where their invoices would have led."""

from __future__ import annotations

import random

import pytest
from eth_account.signers.local import LocalAccount
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import PayoutBook

START = 10**9


@pytest.mark.parametrize("credit", [0, 40_000], ids=["cycles", "credit"])
def test_net_positions_on_the_chain_are_those_of_the_invoices(tester: Chain, credit: int) -> None:
    rng = random.Random(7 + credit)
    token = tester.token(2)
    firms: dict[str, LocalAccount] = dict(zip("abcdefg", tester.accounts[1:], strict=False))
    before = {}
    for firm, account in firms.items():
        token.transfer(account.address, START).send()
        before[firm] = token.balance_of(account.address)
    pairs = [rng.sample(sorted(firms), 2) for _ in range(25)]
    invoices = [rs.Invoice(str(n), one, other, rng.randint(1, 10**5)) for n, (one, other) in enumerate(pairs)]
    result = rs.clear(invoices, limits=dict.fromkeys(firms, credit))
    assert bool(result.credit) == bool(credit)

    # whoever is to pay on the net pays the book, and the book pays those who are to receive
    book = PayoutBook.deploy(tester.w3, account=tester.payer, salt=f"clearing {credit}")
    for payment in result.payments():
        token.transfer(book.address, payment.amount).by(firms[payment.debtor]).send()
    payouts: dict[str, int] = {firms[firm].address: amount for firm, amount in result.payouts().items()}
    tree = book.tree(payouts, token=token.token)
    assert book.shortfall(tree) == book.surplus(token=token.address) - tree.total == 0
    book.publish(tree).send()
    book.claim_many(tree, payouts).send()

    for firm, account in firms.items():
        moved = token.balance_of(account.address) - before[firm]
        assert moved + result.balances.get(firm, 0) == result.net().get(firm, 0), firm
    assert token.balance_of(book.address) == 0
