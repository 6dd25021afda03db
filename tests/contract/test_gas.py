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
from gas import _peer, accepted, targets
from tests.contract.amending import Amendable, agreed, people
from tests.contract.compiled import ROOT
from tests.contract.world import COIN, GAS, Split, Terms, Tier, World

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
        self._others()
        self._many()
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

    def _others(self) -> None:
        """What it costs to be paid in another asset than the one that settles: nothing else may fall
        meanwhile."""
        token = self.meter.token
        for name, asset, settlement in (("coin", COIN, token.address), ("erc20", token.address, COIN)):
            for count in (2, 10, 100):
                payees = [self.world.fresh() for _ in range(count)]
                split = self.world.split(payees, one_tier(count), settlement)
                used = []
                for _ in range(2):
                    self._fund(split, asset)
                    used.append(int(self.world.send(split.distributing(asset))["gasUsed"]))
                self._note(f"distribute {name} {count}, not what settles", used)
            used = []
            for _ in range(2):
                self._fund(split, asset)
                used.append(int(self.world.send(split.claiming(payees[7], asset))["gasUsed"]))
            self._note(f"claim {name} 100, not what settles", used)

    def _many(self) -> None:
        """Ten claims, and ten withdrawals, by one call each."""
        payees = [self.world.payee() for _ in range(10)]
        addresses = [payee.address for payee in payees]
        split = self.world.split(addresses, one_tier(10))
        claims = [(payee, split.terms.proof(split.index(payee)), COIN) for payee in addresses]
        for _ in range(2):
            self._fund(split, COIN)
            receipt = self.world.send(split.functions.claimMany(claims))
        self.found["claimMany coin 10 warm"] = int(receipt["gasUsed"])
        for payee in payees:
            self.world.become(payee, "Reverts")
        self._fund(split, COIN)
        self.world.send(split.distributing())
        for payee in payees:
            self.world.become(payee, "Honest")
        receipt = self.world.send(split.functions.withdrawCredits(addresses, COIN))
        self.found["withdrawCredits coin 10 warm"] = int(receipt["gasUsed"])

    def _fund(self, split: Split, asset: str) -> None:
        if asset == COIN:
            self.world.coin(split.address, REVENUE)
        else:
            self.world.send(self.meter.token.functions.transfer(split.address, REVENUE))


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
"""What we set out to reach."""
ACCEPTED = {CALLED[name].format(count): most for (name, count), most in accepted().items()}
"""What missed it, and by how much: the plain code pays for safety, docs/decisions/0019 has the account."""


@pytest.mark.parametrize("name", AT_MOST)
def test_gas_is_at_most_what_we_set_out_to_reach(measured: dict[str, int], name: str) -> None:
    """Where it is more, that is known, and no more than was accepted; once it is less again it is no
    longer accepted."""
    assert measured[name] <= ACCEPTED.get(name, AT_MOST[name])
    assert name not in ACCEPTED or measured[name] > AT_MOST[name]


def test_what_is_accepted_is_within_three_per_cent_of_what_was_wanted() -> None:
    assert ACCEPTED.keys() <= AT_MOST.keys()
    assert all(AT_MOST[name] < most <= 1.03 * AT_MOST[name] for name, most in ACCEPTED.items())


BETTER = 0.97
"""Of the best peer's figure, at every number of payees; claims are each other's business, and accepted
above."""
PEERS = ROOT / "benchmarks/peers.json"


@pytest.mark.parametrize("called", ["create", "receive", "distribute_coin_warm", "distribute_erc20_warm"])
def test_gas_stays_below_every_peer(measured: dict[str, int], called: str) -> None:
    recorded = json.loads(PEERS.read_text(encoding="utf-8"))["recorded"]
    counts = [count for name, count in targets() if name == called]
    best = {
        count: min(found)
        for count in counts
        if (
            found := [
                used
                for name, figures in recorded.items()
                if "pull" not in name and (used := _peer(figures, called, count))  # which pays nobody
            ]
        )
    }
    assert best
    for count, used in best.items():
        assert measured[CALLED[called].format(count)] <= BETTER * used


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


@pytest.mark.slow
@pytest.mark.parametrize("unclear", [(49,), (49, 99, 199, 299, 399)])
@pytest.mark.parametrize("make", [one_tier, eight_tiers])
def test_nor_do_unclear_answers_make_it_too_large(
    own_world: World, make: Any, unclear: tuple[int, ...]
) -> None:
    """Some of 400 new payees are answered `false`: what was paid with the first is paid once more."""
    token = own_world.deploy("FreezingToken")
    payees = [own_world.fresh() for _ in range(MAX_PAYEES)]
    split = own_world.split(payees, make(MAX_PAYEES), token.address)
    frozen = [split.terms.payees[i] for i in unclear]
    own_world.send(token.functions.freeze(frozen))
    own_world.send(token.functions.mint(split.address, 10**12))
    due = [split.line(payee, token.address).due for payee in frozen]
    own_world.send(split.distributing(token.address), gas=TRANSACTION_CAP)
    assert [split.functions.credit(payee, token.address).call() for payee in frozen] == due
    assert own_world.balance(token.address, split.address) - sum(due) < 8 * MAX_PAYEES


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize("kind", ["coin", "erc20"])
def test_the_largest_agreement_fits_in_another_asset_as_well(
    own_world: World, kind: str, claimed: bool
) -> None:
    """Than the one that settles, of which something is held as well; also where the terms may change."""
    token = own_world.token() if kind == "coin" else own_world.deploy("PlainToken")
    asset, settlement = (COIN, token.address) if kind == "coin" else (token.address, COIN)
    payees = [own_world.fresh() for _ in range(MAX_PAYEES)]
    split = Amendable.create(own_world, payees, eight_tiers(MAX_PAYEES), agreed(5_000), settlement)
    split.fund(COIN, 10**12)
    if kind == "coin":
        split.fund(token, 10**9)
    else:
        own_world.send(token.functions.transfer(split.address, 10**12))
    if claimed:
        split.claim(payees[7], asset)
    own_world.send(split.distributing(asset), gas=TRANSACTION_CAP)
    distributed, paid_out, _ = split.functions.marks(asset).call()
    assert distributed - MAX_PAYEES <= paid_out <= distributed == 10**12


@pytest.mark.slow
@pytest.mark.parametrize("quirk", ["Blacklist", "ReturnsFalse"])
def test_a_settlement_token_that_refuses_to_move_holds_no_amendment_up(own_world: World, quirk: str) -> None:
    """All 400 payees, who have nothing yet, are credited, and then the terms can change."""
    (signer,) = people(own_world, 1)
    payees = [own_world.fresh() for _ in range(MAX_PAYEES - 1)] + [signer.address]
    token = own_world.token()
    weights = [1] * (MAX_PAYEES - 1)
    split = Amendable.create(
        own_world, payees, [(None, [*weights, MAX_PAYEES])], agreed(5_000), token.address
    )
    for asset in (token, COIN):
        split.fund(asset, 10**9)
    own_world.behave(token, quirk)
    new = Terms.of(payees, [(None, [*weights, 2 * MAX_PAYEES])], token.address)
    for asset in (token.address, COIN):
        own_world.send(split.distributing(asset), gas=TRANSACTION_CAP)
    split.fund(token, MAX_PAYEES * 2)  # somebody's dust
    own_world.send(split.amending(new, split.consents(new, [signer])), gas=TRANSACTION_CAP)
    assert split.functions.credit(signer.address, token.address).call() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("claimed", "listed"), [(True, 0), (False, 1)])
def test_nor_does_anybodys_dust_while_all_sign(own_world: World, claimed: bool, listed: int) -> None:
    """A unit for each of 400 payees in every asset, and a claim for one of them, before all consent.

    With a claim in each asset, and a token listed beside, it would no longer fit (18.8 million).
    """
    signers = people(own_world, MAX_PAYEES)
    settles, other = own_world.deploy("PlainToken"), own_world.deploy("PlainToken")
    one = [(None, [1] * MAX_PAYEES)]
    split = Amendable.create(own_world, [s.address for s in signers], one, agreed(10_000), settles.address)
    assets = [settles.address, COIN, other.address]
    for again in (False, True):
        for token in (settles, other):
            own_world.send(token.functions.transfer(split.address, MAX_PAYEES))
        split.fund(COIN, MAX_PAYEES)
        for asset in assets:
            if not again:
                own_world.send(split.distributing(asset), gas=TRANSACTION_CAP)
            elif claimed:
                split.claim(signers[7].address, asset)
    tokens = [other.address][:listed]
    new = split.other([(None, [1] * (MAX_PAYEES - 1) + [2])])
    own_world.send(split.amending(new, split.consents(new, signers, tokens), tokens), gas=TRANSACTION_CAP)


@pytest.mark.slow
def test_nor_is_unanimity_among_the_most_payees_too_dear_to_ask_for(own_world: World) -> None:
    """Of 400 payees one signs; all others are looked up in the new terms, and paid what somebody sent."""
    (signer,) = people(own_world, 1)
    payees = [own_world.fresh() for _ in range(MAX_PAYEES - 1)] + [signer.address]

    def tiers(last: int) -> list[Tier]:
        early = [(10**6 * (k + 1), [1] * MAX_PAYEES) for k in range(7)]
        return [*early, (None, [0] * (MAX_PAYEES - 1) + [last])]

    split = Amendable.create(own_world, payees, tiers(1), agreed(10_000))
    split.fund(COIN, MAX_PAYEES)
    own_world.send(split.distributing(), gas=TRANSACTION_CAP)
    split.fund(COIN, MAX_PAYEES)
    new = Terms.of(payees, tiers(2))
    own_world.send(split.amending(new, split.consents(new, [signer])), gas=TRANSACTION_CAP)


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
