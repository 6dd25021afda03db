"""What payout books and escrows cost, to the unit of gas, is in gas_book.json; see test_gas.py.

    REVSHARE_UPDATE_GAS=1 pytest tests/contract/test_gas_book.py

"warm": the payee has claimed before and holds some of the asset. "by itself": the payee sends the claim, so
that its address is no news to the chain; else somebody else does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from tests.contract.test_gas import TOLERANCE, UPDATE
from tests.contract.world import COIN, World, shares

SNAPSHOT = Path(__file__).with_name("gas_book.json")
DEPTHS = {1_000: 10, 100_000: 17}
"""Siblings in the proofs of a tree of so many payees, at most."""
AMOUNT = 12_345_678

pytestmark = pytest.mark.xdist_group("gas")


class Meter:
    def __init__(self, world: World) -> None:
        self.world = world
        self.token = world.deploy("PlainToken")
        self.found: dict[str, int] = {}

    def gas(self, what: Any, *, sender: str | None = None, value: int = 0) -> int:
        return int(self.world.send(what, sender=sender, value=value)["gasUsed"])

    def pay(self, to: str, asset: str, amount: int) -> None:
        if asset == COIN:
            self.world.coin(to, amount)
        else:
            self.world.send(self.token.functions.transfer(to, amount))

    # ---------------------------------------------------------------- books

    def promise(
        self, book: Any, asset: str, payee: str, cumulative: int, depth: int
    ) -> tuple[Any, list[bytes]]:
        """The publication of a tree in which only one payee is known, and that one's proof."""
        kinds = ["uint256", "address", "address", "address", "uint256"]
        node = keccak(
            keccak(encode(kinds, [self.world.w3.eth.chain_id, book.address, asset, payee, cumulative]))
        )
        proof = [keccak(b"%d-%d" % (depth, level)) for level in range(depth)]
        for sibling in proof:
            node = keccak(min(node, sibling) + max(node, sibling))
        total = cumulative * 3 * 2**depth
        self.pay(book.address, asset, AMOUNT * 3 * 2**depth)
        return book.functions.publish(total, node, asset), proof

    def book(self, name: str, asset: str, payees: int) -> None:
        for who, payee in (("", self.world.fresh()), (" by itself", self.world.accounts[0])):
            book = self.world.deploy("PayoutBook", self.world.owner, 0)
            for i, when in enumerate(("first", "warm"), 1):
                publish, proof = self.promise(book, asset, payee, i * AMOUNT, DEPTHS[payees])
                self.found[f"publish {name} {when}"] = self.gas(publish)
                claim = book.functions.claim(payee, i * AMOUNT, proof, asset)
                used = self.gas(claim, sender=payee if who else None)
                if when == "warm" or not who:
                    self.found[f"claim {name} among {payees}{who} {when}"] = used

    # ---------------------------------------------------------------- escrows

    def escrow(self, name: str, asset: str) -> None:
        world, escrow = self.world, self.world.deploy("SaleEscrow")
        split = world.split([world.fresh()], shares(1))
        now = world.w3.eth.get_block("latest")["timestamp"]
        value = AMOUNT if asset == COIN else 0
        if not value:
            world.send(self.token.functions.approve(escrow.address, 2**256 - 1))
        for ending in ("confirm", "refund", "decide"):
            sale_id = ending.encode().ljust(32, b"\1")
            terms = (
                split.address,
                sale_id,
                asset,
                AMOUNT,
                *world.accounts[:2],
                now + 10**6,
                now + 10**7,
                True,
            )
            self.found[f"open {name}"] = self.gas(escrow.functions.open(terms), value=value)
            own, of_buyer = [split.address, sale_id], [split.address, world.owner, sale_id]
            if ending == "decide":
                self.found[f"dispute {name}"] = self.gas(escrow.functions.dispute(*own))
            calls = {
                "confirm": (escrow.functions.confirm(*own), world.owner),
                "refund": (escrow.functions.refund(*of_buyer), world.accounts[0]),
                "decide": (escrow.functions.decide(*of_buyer, AMOUNT // 2), world.accounts[1]),
            }
            call, sender = calls[ending]
            self.found[f"{ending} {name}"] = self.gas(call, sender=sender)

    def measure(self) -> dict[str, int]:
        for name, asset in (("coin", COIN), ("erc20", self.token.address)):
            for payees in DEPTHS:
                self.book(name, asset, payees)
            self.escrow(name, asset)
        return self.found


@pytest.fixture(scope="module")
def found(compiled: dict[str, Any]) -> dict[str, int]:
    return Meter(World(compiled)).measure()


def test_gas_is_as_recorded(found: dict[str, int]) -> None:
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    recorded = json.loads(SNAPSHOT.read_text())
    assert found.keys() == recorded.keys()
    off = {
        name: (recorded[name], used)
        for name, used in found.items()
        if abs(used - recorded[name]) > TOLERANCE * recorded[name]
    }
    assert not off, "recorded, now"


def test_a_funded_book_is_published_for_little(found: dict[str, int]) -> None:
    """Whatever the number of payees."""
    assert found["publish coin warm"] <= 37_000
    assert found["publish erc20 warm"] <= 42_000


def test_a_claim_among_a_hundred_thousand_is_affordable(found: dict[str, int]) -> None:
    """What it would cost at least, and why the last two are above what was aimed at (57,500 and 64,000):
    docs/decisions 0012 and 0019.
    """
    assert found["claim coin among 100000 by itself warm"] <= 56_000
    assert found["claim coin among 100000 warm"] <= 58_200
    assert found["claim erc20 among 100000 warm"] <= 64_700
