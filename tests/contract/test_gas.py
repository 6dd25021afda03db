"""What everything costs, to the unit of gas, is in gas.json. More fails, and so does less that is not noted.

    REVSHARE_UPDATE_GAS=1 pytest tests/contract/test_gas.py

writes the file anew. Whole transactions, intrinsic gas included; weights 1 + (i mod 7). "first": the payees
hold nothing yet; "warm": they do. On a chain of its own, because gas depends on the zero bytes in addresses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from _gas import FAR, NEAR, Chain, Meter
from _gas import Split as Measured
from _npm import Code
from gas import targets
from tests.contract.world import COIN, GAS, Terms, Tier, World

SNAPSHOT = Path(__file__).with_name("gas.json")
UPDATE = "REVSHARE_UPDATE_GAS"
TOLERANCE = 0.005
TRANSACTION_CAP = 16_777_216  # EIP-7825
MAX_PAYEES = 400
REVENUE = 10**9

pytestmark = pytest.mark.xdist_group("gas")


def one_tier(count: int) -> list[Tier]:
    return [(None, [1 + i % 7 for i in range(count)])]


class Snapshot:
    """What everything costs, by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        compiled = {name: Code(code["abi"], code["bytecode"]) for name, code in world.compiled.items()}
        self.meter = Meter(
            Chain(world.w3),
            world.deploy("PlainToken"),
            compiled["RevenueSplitFactory"],
            compiled["IRevenueSplit"],
        )
        self.found: dict[str, int] = {}

    def _note(self, name: str, figures: Sequence[int]) -> None:
        for when, used in zip(("first", "warm"), figures, strict=True):
            self.found[f"{name} {when}"] = used

    def _payouts(self, name: str, split: Measured) -> None:
        self._note(f"distribute {name}", self.meter.distributions(split))
        self._note(f"claim {name}", self.meter.claims(split))
        self.meter.fund(split)
        self.found[f"distribute {name} after a claim"] = self.meter.distribute(split)

    def measure(self) -> dict[str, int]:
        meter = self.meter
        for name, asset in (("coin", COIN), ("erc20", meter.token.address)):
            for count in (2, 10, 100):
                split, used = meter.create(meter.terms(count, asset))
                if asset == COIN:
                    self.found[f"create {count}"] = used
                self._payouts(f"{name} {count}", split)
            self._note(f"pay {name}", [meter.pay(split, b"INV-%d" % i) for i in range(2)])
            self.found[f"remit {name} warm"] = meter.remit(split, b"2011-03")
            split, used = meter.create(meter.terms(10, asset, FAR))
            if asset == COIN:
                self.found["create 10, three tiers"] = used
                self.found["receive coin"] = meter.fund(split)
            self._payouts(f"{name} 10, three tiers", split)
            for count in (2, 10, 100):
                split, _ = meter.create(meter.terms(count, asset, NEAR))
                self._note(f"distribute {name} {count}, across three tiers", meter.distributions(split))
        split, _ = meter.create(meter.terms(500))  # more than an agreement may have: for comparison
        self._note("distribute coin 500", meter.distributions(split))
        self._credits()
        return self.found

    def _credits(self) -> None:
        """What a payee that cannot be paid costs, and what it costs to get its money after all."""
        bad = self.world.payee("Reverts")
        split = self.world.create(Terms.of([bad.address, self.world.fresh()], one_tier(2)), 0)
        used = []
        for _ in range(2):
            self.world.coin(split.address, REVENUE)
            used.append(int(self.world.send(split.distributing())["gasUsed"]))
        self._note("distribute coin 2, one of them refusing", used)
        self.world.become(bad, "Honest")
        withdrawal = self.world.send(split.functions.withdrawCredit(bad.address, COIN))
        self.found["withdrawCredit coin"] = int(withdrawal["gasUsed"])


@pytest.fixture(scope="module")
def own_world(compiled: dict[str, Any]) -> World:
    return World(compiled)


@pytest.fixture(scope="module")
def measured(own_world: World) -> dict[str, int]:
    found = Snapshot(own_world).measure()
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def test_gas_is_what_the_snapshot_says(measured: dict[str, int]) -> None:
    kept: dict[str, int] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert measured.keys() == kept.keys(), f"{UPDATE}=1 renews gas.json"
    moved = {name: (kept[name], used) for name, used in measured.items() if used != kept[name]}
    dearer = {name: pair for name, pair in moved.items() if pair[1] > pair[0] * (1 + TOLERANCE)}
    cheaper = {name: pair for name, pair in moved.items() if pair[1] < pair[0] * (1 - TOLERANCE)}
    assert not dearer, f"more gas than before (before, now): {dearer}"
    assert not cheaper, f"less gas than before, well done; {UPDATE}=1 renews gas.json: {cheaper}"


CALLED = {
    "create": "create {}",
    "receive": "receive coin",
    "distribute_coin_warm": "distribute coin {} warm",
    "distribute_erc20_warm": "distribute erc20 {} warm",
    "claim_warm": "claim coin {} warm",
    "pay_coin": "pay coin warm",
}
"""The benchmark's names, and ours."""
AT_MOST = {CALLED[name].format(count): most for (name, count), most in targets().items() if name in CALLED}
"""Below the best of the peers, measured on the same chain."""


@pytest.mark.parametrize("name", AT_MOST)
def test_gas_stays_below_every_peer(measured: dict[str, int], name: str) -> None:
    assert measured[name] <= AT_MOST[name]


@pytest.mark.parametrize("kind", ["coin", "erc20"])
def test_three_tiers_cost_at_most_six_per_cent_more(measured: dict[str, int], kind: str) -> None:
    """Whether the money falls into one of them or, the dearest case, into all three at once."""
    one = measured[f"distribute {kind} 10 warm"]
    assert measured[f"distribute {kind} 10, three tiers warm"] <= one * 1.06
    for count in (2, 10, 100):
        one = measured[f"distribute {kind} {count} warm"]
        assert measured[f"distribute {kind} {count}, across three tiers warm"] <= one * 1.06


def test_receiving_costs_the_same_whatever_is_due_to_whomever(own_world: World) -> None:
    """Nothing is reckoned when money comes in: accruing to any number of payees costs only the receipt."""
    costs = set()
    for count in (1, 100):
        payees = [own_world.fresh() for _ in range(count)]
        split = own_world.split(payees, one_tier(count))
        costs |= {own_world.coin(split.address, REVENUE)["gasUsed"] for _ in range(2)}
    assert len(costs) == 1


def eight_tiers(count: int) -> list[Tier]:
    """Tiers that one distribution fills, all of them."""
    weights = [1 + i % 7 for i in range(count)]
    return [*((10**6 * (t + 1), weights) for t in range(7)), (None, weights)]


@pytest.mark.parametrize("kind", ["coin", "erc20"])
@pytest.mark.parametrize("make", [one_tier, eight_tiers])
def test_the_largest_agreement_fits_a_transaction(own_world: World, kind: str, make: Any) -> None:
    """All 400 payees paid for the first time, one having claimed: nodes refuse more than the cap."""
    token = own_world.deploy("PlainToken")
    asset = COIN if kind == "coin" else token.address
    split = own_world.split([own_world.fresh() for _ in range(MAX_PAYEES)], make(MAX_PAYEES), asset)
    if asset == COIN:
        split.fund(COIN, 10**12)
    else:
        own_world.send(token.functions.transfer(split.address, 10**12))
    split.claim(split.terms.payees[7], asset)
    used = own_world.send(split.distributing(asset), gas=GAS)["gasUsed"]
    assert used < TRANSACTION_CAP
    distributed, paid_out, _ = split.functions.marks(asset).call()
    assert distributed - 8 * MAX_PAYEES <= paid_out <= distributed == 10**12


def test_what_cannot_be_pushed_can_be_claimed(own_world: World) -> None:
    """Of 400 payees, all new, 45 may burn what they are given; 53 are too many, and each is paid alone."""
    burning = [own_world.payee("BurnsGas").address for _ in range(53)]
    for count in (45, 53):
        payees = burning[:count] + [own_world.fresh() for _ in range(MAX_PAYEES - count)]
        split = own_world.split(payees, one_tier(MAX_PAYEES))
        split.fund(COIN, 10**12)
        pushed = own_world.attempt(split.distributing(), gas=TRANSACTION_CAP)
        assert pushed["status"] == (count == 45)
    due = split.line(payees[-1]).due
    assert split.claim(payees[-1]) == due > 0
    assert own_world.refusal(split.claiming(burning[0])).name == "PaymentFailed"
