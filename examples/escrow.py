"""Trust between strangers: money held until delivery is confirmed, undisputed, or decided by an arbiter.

Four buyers pay into an escrow for the same team. One confirms. One says nothing until the deadline. One
disputes, and the arbiter gives it two fifths back. One is refunded by the seller. What is released arrives at
the team's split as a sale, and is shared like any other.
"""

from datetime import UTC, datetime, timedelta

import revshare as rs
from revshare.chain import Devnet

chain = Devnet.start()
seller, arbiter, anna, ben, cleo, dora = chain.accounts[1:7]
team = rs.Agreement.model_validate(
    {
        "name": "A hand-made guitar",
        "token": {"symbol": "ETH", "decimals": 18},
        "payees": {"luthier": seller.address, "painter": "0x2222222222222222222222222222222222222222"},
        "tiers": [{"shares": {"luthier": "80%", "painter": "20%"}}],
    }
)
split = rs.RevenueSplit.deploy(chain.w3, team)
escrow = rs.SaleEscrow.deploy(chain.w3)

now = datetime.fromtimestamp(chain.w3.eth.get_block("latest")["timestamp"], UTC)
buyers = {"G-1": anna, "G-2": ben, "G-3": cleo, "G-4": dora}
for sale_id, buyer in buyers.items():
    escrow.open(
        split,
        "1.5",
        sale_id=sale_id,
        seller=seller.address,
        deadline=now + timedelta(days=14),
        arbiter=arbiter.address,
        decision_deadline=now + timedelta(days=30),
    ).by(buyer).send()

escrow.confirm(split, "G-1").by(anna).send()  # the guitar is there
escrow.dispute(split, "G-3").by(cleo).send()  # there, with a scratch
escrow.decide(split, "G-3", buyer=cleo.address, to_buyer="0.6").by(arbiter).send()
escrow.refund(split, "G-4", buyer=dora.address).by(seller).send()  # never made

try:
    escrow.release(split, "G-2", buyer=ben.address).send()  # the deadline is not over
except rs.ContractError as error:
    print(f"too early: {error.name}")
chain.w3.provider.ethereum_tester.time_travel(int((now + timedelta(days=15)).timestamp()))
escrow.release(split, "G-2", buyer=ben.address).by(arbiter).send()  # anybody may now

split.distribute().send()
for sale_id, buyer in buyers.items():
    sale = escrow.get(split, sale_id, buyer=buyer.address)
    arrived = split.is_paid(sale.record_id, payer=escrow.address)
    print(sale_id, sale.state.name.lower(), "arrived as a sale" if arrived else "never arrived")
print("revenue", team.token.format(split.received()))
print({payee: team.token.format(units) for payee, units in split.paid().items()})
assert split.paid() == team.schedule().entitlements(split.received())
assert chain.w3.eth.get_balance(escrow.address) == 0
