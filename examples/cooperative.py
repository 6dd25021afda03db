"""A cooperative shop: what members earn together is shared by the hours they worked, a fifth of it retained.

The table of hours is frozen when a month is closed. A fifth of what each earned stays in the cooperative as
the member's equity, and is given back when a member leaves. Everybody can run the close again and get the
same; what is to be paid out is promised by a payout book, whose money is there.
"""

from datetime import UTC, datetime

import revshare as rs
from revshare.chain import DemoToken, Devnet

chain = Devnet.start()
members = ("ada", "ben", "cem", "dia")
agreement = rs.Agreement.model_validate(
    {
        "name": "Corner shop",
        "token": {"symbol": "EURT", "decimals": 6},
        "payees": {
            name: account.address
            for name, account in zip(("landlord", *members), chain.accounts[1:], strict=False)
        },
        "tiers": [{"shares": dict.fromkeys(members, 1)}],
        "rules": [
            {"rule": "fee", "to": "landlord", "amount": "900", "per": "period"},
            {"rule": "weights", "payees": members, "table": "hours"},
            {"rule": "retain", "rate": "20%", "payees": members},
        ],
    }
)
MONTHS = {
    "2026-01": ("4100", {"ada": 160, "ben": 120, "cem": 80, "dia": 40}),
    "2026-02": ("3700", {"ada": 150, "ben": 150, "cem": 0, "dia": 100}),
    "2026-03": ("5200", {"ada": 0, "ben": 160, "cem": 90, "dia": 150}),
}
token, book = DemoToken.deploy(chain.w3, "EURT", 6), rs.PayoutBook.deploy(chain.w3)
token.mint(chain.accounts[0].address, "20000").send()
accounts, tree = rs.Accounts(agreement), None
for month, (takings, hours) in MONTHS.items():
    when = datetime.fromisoformat(f"{month}-28").replace(tzinfo=UTC)
    till = rs.Sale("till", month, when, token.token.parse(takings), "EURT")
    # Ada leaves in March: what was retained of her is given back.
    redeem = {"ada": accounts.balances()["ada:retained"]} if month == "2026-03" else {}
    closed = accounts.close(month, [till], tables={"hours": hours}, redeem=redeem)
    previous, tree = tree, accounts.tree(book, token=token.address)
    token.transfer(book.address, book.shortfall(tree)).send()
    book.publish(tree, previous).send()
    book.claim_many(tree, [payee for payee in tree if book.due(tree, payee)]).send()
    print(month, {name: token.token.format(units) for name, units in closed.payable.items()})
equity = {name: token.token.format(accounts.balances().get(f"{name}:retained", 0)) for name in members}
print("equity", equity)
assert {name: token.balance_of(address) for name, address in agreement.payees.items()} == accounts.cumulative
