"""Crowd-exporting: a team sells abroad, and the platform guarantees the designer a minimum each quarter.

Shares by percentage would be the contract's business; a guarantee is not, for no contract sees a quarter end.
So each quarter is closed off the chain, by rules everybody can run again, and the platform, which collects
the money, pays through a payout book: the sum of all is there before it is promised, and whoever was given an
amount can have it. What the platform tops up comes back to it in better quarters. The sales are real.
"""

from importlib.resources import files

import revshare as rs
from revshare.chain import DemoToken, Devnet
from revshare.ledger import Period

chain = Devnet.start()
payees = dict(
    zip(("exporter", "distributor", "adviser", "designer", "platform"), chain.accounts, strict=False)
)
agreement = rs.Agreement.model_validate(
    {
        "name": "Sales to Australia",
        "token": {"symbol": "GBPT", "decimals": 6},
        "payees": {name: account.address for name, account in payees.items()},
        "tiers": [{"shares": {"exporter": "58%", "distributor": "25%", "adviser": "5%", "designer": "12%"}}],
        "rules": [
            {"rule": "commission", "to": "platform", "rate": "5%"},
            {
                "rule": "guarantee",
                "payee": "designer",
                "amount": "3000",
                "funder": "platform",
                "recoupable": True,
            },
        ],
    }
)
for one in agreement.enforcement():
    print(f"{one.rule.rule}: by the {one.by}, {one.why}")

token = DemoToken.deploy(chain.w3, "GBPT", 6)
platform = payees["platform"]
token.mint(platform.address, "200000").send()
book = rs.PayoutBook.deploy(chain.w3, account=platform)
accounts, tree = rs.Accounts(agreement, zone="Europe/London"), None
with rs.Ledger.open("sqlite://") as ledger:
    ledger.import_sales(files("revshare.demo") / "australia.csv", "online_retail.toml")
    for quarter in ("2010-Q4", "2011-Q1", "2011-Q2", "2011-Q3", "2011-Q4"):
        period = Period.parse(quarter, zone="Europe/London")
        closed = accounts.close(period, [entry.sale for entry in ledger.sales(period=period)])
        previous, tree = tree, accounts.tree(book, token=token.address)
        token.transfer(book.address, book.shortfall(tree)).by(platform).send()
        book.publish(tree, previous).send()
        paid = {name: token.token.format(units, grouped=True) for name, units in closed.payable.items()}
        print(quarter, paid)
book.claim_many(tree, list(tree)).send()
assert all(token.balance_of(payee) == tree[payee] for payee in tree if payee != platform.address)
print("each has claimed all that is its own:", token.balance_of(book.address), "units left in the book")
