"""A barter ring: seven firms cancel what they owe around circles, and pay only the remainder.

Invoices are in a social currency, which is a token like any other. First circles alone are cancelled; then
firms that grant each other credit cancel chains too. What is left is paid through a payout book: everybody
ends where its invoices would have led.
"""

import random

import revshare as rs
from revshare.chain import DemoToken, Devnet

TOKEN = rs.Token(symbol="BARTER", decimals=2)
FIRMS = ["bakery", "carpenter", "dentist", "farm", "garage", "printer", "tailor"]


def main() -> None:
    rng = random.Random(2026)
    invoices = []
    for number in range(1, 41):
        debtor, creditor = rng.sample(FIRMS, 2)
        invoices.append(rs.Invoice(f"2026/{number}", debtor, creditor, rng.randrange(1_000, 50_000)))

    circles = rs.clear(invoices)
    credit = rs.clear(invoices, limits=dict.fromkeys(FIRMS, 30_000))
    circles.verify()  # nobody could cancel more: the proof is in the result
    credit.verify()
    print(f"{len(invoices)} invoices, {TOKEN.format(circles.owed, grouped=True)} owed")
    print(f"circles cancel {TOKEN.format(circles.total, grouped=True)}")
    print(f"with credit {TOKEN.format(credit.total, grouped=True)} can be cancelled")

    # On a chain: whoever owes on the net pays the book, and the book pays those who are owed.
    chain = Devnet.start()
    accounts = dict(zip(FIRMS, chain.accounts[1:], strict=False))
    token = DemoToken.deploy(chain.w3, TOKEN.symbol, TOKEN.decimals)
    for account in accounts.values():
        token.mint(account.address, 500_000).send()
    before = {firm: token.balance_of(account.address) for firm, account in accounts.items()}

    book = rs.PayoutBook.deploy(chain.w3)
    for payment in credit.payments():
        token.transfer(book.address, payment.amount).by(accounts[payment.debtor]).send()
    due = {accounts[firm].address: units for firm, units in credit.payouts().items()}
    tree = book.tree(due, token=token.token)
    book.publish(tree).send()
    book.claim_many(tree, due).send()

    print(f"\n{'':10}{'invoices':>12}{'credit':>12}{'moved':>12}")
    for firm, account in accounts.items():
        moved = token.balance_of(account.address) - before[firm]
        net, balance = credit.net().get(firm, 0), credit.balances.get(firm, 0)
        assert moved + balance == net, firm
        print(f"{firm:10}" + "".join(f"{TOKEN.format(units):>12}" for units in (net, balance, moved)))
    print("each firm's position is what its invoices said, to the unit")


if __name__ == "__main__":
    main()
