"""Co-creation: backers recoup their money and a half more, ten thousand contributors share by influence.

Two layers. The contract shares between studio, backers and contributors, by tiers of revenue: nobody can
change that. The contributors' part goes to a payout book, whose leaves are their influence. One root pays all
of them, whoever claims, and each can prove its own line.
"""

import random

from eth_utils import to_checksum_address

import revshare as rs
from revshare.chain import DemoToken, Devnet
from revshare.schedule import TierTerms

chain = Devnet.start()
owner = chain.accounts[0]
token = DemoToken.deploy(chain.w3, "EURT", 6)
book = rs.PayoutBook.deploy(chain.w3)

agreement = rs.Agreement.model_validate(
    {
        "name": "A board game",
        "token": {"symbol": "EURT", "decimals": 6},
        "payees": {
            "studio": "0x1111111111111111111111111111111111111111",
            "backers": "0x2222222222222222222222222222222222222222",
            "contributors": book.address,
        },
        "tiers": [{"shares": {"studio": "60%", "contributors": "40%"}}],
        "rules": [{"rule": "recoup", "payee": "backers", "amount": "20000", "premium": "1.5", "rate": "75%"}],
    }
)
split = rs.RevenueSplit.deploy(chain.w3, agreement, token=token.address)

rng = random.Random(7)
influence = {to_checksum_address(rng.randbytes(20)): 1 + int(rng.paretovariate(1.2)) for _ in range(10_000)}
names = tuple(influence)
total = sum(influence.values())
shares = rs.Schedule(names, names, (TierTerms(0, None, tuple(influence.values()), total),), token.token)

token.mint(owner.address, "1000000").send()
tree = None
for month, revenue in enumerate(["25000", "40000", "90000"], 1):
    split.pay(revenue, sale_id=f"month {month}").send()
    split.distribute().send()
    # What the contributors have got in all, by influence: cumulative, so that rounding never drifts.
    earned = shares.entitlements(split.paid()["contributors"])
    previous, tree = tree, book.tree(earned, token=token.token)
    receipt = book.publish(tree, previous).send()
    paid = {payee: token.token.format(units, grouped=True) for payee, units in split.paid().items()}
    print(f"month {month}: {paid}, root of {len(tree):,} for {receipt.gas_used:,} gas")

most = sorted(influence, key=influence.__getitem__)[-20:]
book.claim_many(tree, most).send()
assert all(token.balance_of(payee) == tree[payee] == earned[payee] for payee in most)
print(f"20 claimed, at most {token.token.format(max(tree.values()), grouped=True)} each")
print("everybody's line can be proved:", all(tree.verify(p, tree[p], tree.proof(p)) for p in names[:100]))
