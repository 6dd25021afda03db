"""Odd jobs between people: a platform's commission, contributions withheld at source, a payout threshold.

Three workers do jobs for neighbours. The platform takes 12 %. For each worker the authority has set its own
rate, which is withheld of what the worker earned and paid to the authority; the certificate's number stands
in the postings. Less than 50 is carried forward, and in December everything is paid. Not tax advice: the
rates are data.
"""

from datetime import UTC, datetime

import revshare as rs
from revshare.chain import DemoToken, Devnet

chain = Devnet.start()
names = ("platform", "urssaf", "ana", "bilal", "chloe")
agreement = rs.Agreement.model_validate(
    {
        "name": "Odd jobs",
        "token": {"symbol": "EURT", "decimals": 6},
        "payees": {name: account.address for name, account in zip(names, chain.accounts[1:], strict=False)},
        "tiers": [{"shares": {"ana": 1, "bilal": 1, "chloe": 1}}],
        "rules": [
            {"rule": "commission", "to": "platform", "rate": "12%"},
            *({"rule": "where", "sku": worker, "shares": {worker: 1}} for worker in names[2:]),
            {"rule": "withhold", "payee": "ana", "to": "urssaf", "rate": "21.2%", "certificate": "2026-1"},
            {"rule": "withhold", "payee": "bilal", "to": "urssaf", "rate": "12.3%", "certificate": "2026-2"},
            {"rule": "threshold", "amount": "50", "payees": names[2:], "flush": 12},
        ],
    }
)
JOBS = {
    "2026-10": [("ana", "80"), ("bilal", "35"), ("ana", "45.50")],
    "2026-11": [("bilal", "40"), ("chloe", "30")],
    "2026-12": [("chloe", "15"), ("ana", "60")],
}
token, book = DemoToken.deploy(chain.w3, "EURT", 6), rs.PayoutBook.deploy(chain.w3)
token.mint(chain.accounts[0].address, "1000").send()
accounts, tree = rs.Accounts(agreement), None


def show(amounts: dict[str, int]) -> str:
    return ", ".join(f"{name} {token.token.format(units)}" for name, units in amounts.items() if units)


for month, jobs in JOBS.items():
    when = datetime.fromisoformat(f"{month}-15").replace(tzinfo=UTC)
    sales = [
        rs.Sale("jobs", f"{month}/{n}", when, token.token.parse(price), "EURT", sku=worker)
        for n, (worker, price) in enumerate(jobs)
    ]
    closed = accounts.close(month, sales)
    previous, tree = tree, accounts.tree(book, token=token.address)
    token.transfer(book.address, book.shortfall(tree)).send()
    book.publish(tree, previous).send()
    book.claim_many(tree, [payee for payee in tree if book.due(tree, payee)]).send()
    print(f"{month} paid {show(closed.payable)}; carried forward {show(closed.carried) or 'nothing'}")
assert {name: token.balance_of(agreement.payees[name]) for name in names} == accounts.cumulative
