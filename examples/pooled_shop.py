"""Pooled e-commerce: the stock is repaid first, then the team shares, while public seed money comes back.

The supplier gave the goods on 60 days: it gets the first 40,000 of the year's sales. A quarter of what comes
in after that repays the region's seed money, without premium; the team shares the rest. All of it depends on
revenue alone, so the contract itself enforces it. The sales are real: a year of a shop's to Australia.
"""

from importlib.resources import files

import revshare as rs
from revshare.chain import DemoToken, Devnet

chain = Devnet.start()
shop = chain.accounts[0]
agreement = rs.Agreement.loads("""
name = "Sales to Australia"
token = { symbol = "GBPT", decimals = 6 }

[payees]
supplier = "0x1111111111111111111111111111111111111111"
region = "0x2222222222222222222222222222222222222222"
grower = "0x3333333333333333333333333333333333333333"
packer = "0x4444444444444444444444444444444444444444"
seller = "0x5555555555555555555555555555555555555555"

[[tiers]]
shares = { grower = "50%", packer = "20%", seller = "30%" }

[[rules]]
rule = "recoup"
payee = "supplier"
amount = "40000"
due = 2011-02-28

[[rules]]
rule = "recoup"
payee = "region"
amount = "15000"
rate = "25%"
""")
for tier in agreement.schedule().tiers:
    print("from", agreement.token.format(tier.start, grouped=True), tier.weights)

token = DemoToken.deploy(chain.w3, "GBPT", 6)
token.mint(shop.address, "1000000").send()
split = rs.RevenueSplit.deploy(chain.w3, agreement, token=token.address, account=shop)
with rs.Ledger.open("sqlite://") as ledger:
    report = ledger.import_sales(files("revshare.demo") / "australia.csv", "online_retail.toml")
    print(f"{report.new:,} lines imported")
    for period in ("2010-12", "2011-Q1", "2011-Q2", "2011-Q3", "2011-Q4"):
        result = rs.settle(ledger, split, period, zone="Europe/London")
        paid = {payee: token.token.format(units, grouped=True) for payee, units in result.paid.items()}
        print(period, token.token.format(result.amount, grouped=True), paid)
    assert rs.reconcile(ledger, split).reconciled
print({payee: token.token.format(units, grouped=True) for payee, units in split.paid().items()})
