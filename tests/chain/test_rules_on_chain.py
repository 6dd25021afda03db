"""What rules compile to is what a split pays: at their very breakpoints, and for agreements at random."""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from tests.strategies import address

import revshare as rs
from revshare.chain import DemoToken, Devnet


@pytest.fixture(scope="module")
def chain() -> Devnet:
    return Devnet.start()


@pytest.fixture(scope="module")
def token(chain: Devnet) -> DemoToken:
    made = DemoToken.deploy(chain.w3, "USDC", 2, account=chain.accounts[0])
    made.mint(chain.accounts[0].address, 10**12).send()
    return made


def an_agreement(number: int, payees: int, rules: list[dict[str, Any]], **shares: int) -> rs.Agreement:
    return rs.Agreement.model_validate(
        {
            "name": f"number {number}",
            "token": {"symbol": "USDC", "decimals": 2},
            "payees": {f"p{n}": address(100 * (number + 1) + n) for n in range(payees)},
            "tiers": [{"shares": shares}],
            "rules": rules,
        }
    )


def played(chain: Devnet, token: DemoToken, agreement: rs.Agreement, revenues: list[int]) -> rs.RevenueSplit:
    """Bring a split to each of the revenues in turn, and compare what everybody has with the schedule."""
    payer: LocalAccount = chain.accounts[0]
    split = rs.RevenueSplit.deploy(chain.w3, agreement, token=token.address, account=payer)
    schedule, before = agreement.schedule(), 0
    for revenue in sorted(revenues):
        if revenue > before:
            token.transfer(split.address, revenue - before).send()
        before = revenue
        assert split.entitlements() == schedule.entitlements(revenue), revenue
        split.distribute().send()
        assert {
            payee: token.balance_of(who) for payee, who in agreement.payees.items()
        } == split.entitlements()
    return split


def test_targets_are_met_on_the_chain_just_below_at_and_just_above(chain: Devnet, token: DemoToken) -> None:
    """A distributor, a lender of 101.00 with a fifth on top, and a producer who has enough at 77.77."""
    rules: list[dict[str, Any]] = [
        {"rule": "commission", "to": "p0", "rate": "35%"},
        {"rule": "recoup", "payee": "p1", "amount": "101", "premium": "1.2"},
        {"rule": "cap", "payee": "p2", "amount": "77.77", "to": "p3"},
    ]
    agreement = an_agreement(1, 4, rules, p2=2, p3=1)
    recoup, cap = (one.spent or 0 for one in agreement.enforcement()[1:])
    assert (recoup, cap) == (18_647, 36_594)
    around = [at + offset for at in (recoup, cap) for offset in (-1, 0, 1)]
    split = played(chain, token, agreement, [*around, 50_000])
    assert split.entitlements() == {"p0": 17_499, "p1": 12_120, "p2": 7_777, "p3": 12_601}
    # by hand: 35 % of 500.00 is 175.00; 101 × 1.2 = 121.20; 77.77; what is left is 126.03. A unit of
    # p0's and two of p3's are dust: each of three tiers is rounded down.


def some_rules(rng: random.Random, payees: list[str]) -> list[dict[str, Any]]:
    def amount() -> str:
        return f"{rng.randint(1, 300)}.{rng.randint(0, 99):02d}"

    def rate() -> str:
        return rng.choice(["5%", "12.5%", "33.3%", "50%", "100%"])

    pick: list[dict[str, Any]] = [
        {"rule": "commission", "to": rng.choice(payees), "rate": rng.choice(["5%", "12.5%"])},
        {"rule": "fee", "to": rng.choice(payees), "amount": amount(), "per": "once"},
        {"rule": "recoup", "payee": rng.choice(payees), "amount": amount(), "rate": rate(),
         "premium": "1.15"},
        {"rule": "recoup", "payee": payees[0], "of": payees[1], "amount": amount(), "rate": rate()},
        {"rule": "cap", "payee": payees[1], "to": payees[2], "amount": amount()},
        {"rule": "floor", "payee": payees[2], "amount": amount(), "per": "lifetime"},
        {"rule": "progressive", "payee": rng.choice(payees),
         "steps": [{"until": amount(), "rate": "7%"}, {"rate": "9.5%"}]},
        {"rule": "nest", "payee": payees[0], "agreement": "another"},
    ]  # fmt: skip
    return rng.sample(pick, rng.randint(2, 5))


def compare(chain: Devnet, token: DemoToken, number: int, seed: int) -> None:
    rng = random.Random(f"{seed} {number}")
    while True:
        count = rng.randint(3, 5)
        payees = [f"p{n}" for n in range(count)]
        shares = {name: rng.choice([1, 2, 3, 7]) for name in payees}
        try:
            agreement = an_agreement(10 + number, count, some_rules(rng, payees), **shares)
            schedule = agreement.schedule()
            break
        except rs.AgreementError:  # too many tiers, or somebody who never earns: another one
            continue
    ends = [tier.start for tier in schedule.tiers[1:]]
    revenues = {max(1, end + offset) for end in ends for offset in (-1, 0, 1)}
    beyond = max(ends, default=0) + rng.randint(1, 99_999)
    chosen = [*rng.sample(sorted(revenues), min(5, len(revenues))), beyond]
    played(chain, token, agreement, chosen)


@pytest.mark.parametrize("number", range(4))
def test_agreements_with_rules_pay_what_the_schedule_says(
    chain: Devnet, token: DemoToken, number: int
) -> None:
    compare(chain, token, number, seed=1)


@pytest.mark.campaign
def test_so_do_fifty(chain: Devnet, token: DemoToken) -> None:
    seed = random.SystemRandom().randrange(2**20)
    for number in range(100, 150):
        compare(chain, token, number, seed)


def test_a_split_of_rules_for_a_book_is_refused_before_anything_is_sent(
    chain: Devnet, token: DemoToken
) -> None:
    agreement = an_agreement(3, 2, [{"rule": "threshold", "amount": "10"}], p0=1, p1=1)
    with pytest.raises(rs.NeedsPayoutBook, match="work it out with Accounts"):
        rs.RevenueSplit.deploy(chain.w3, agreement, token=token.address, account=chain.accounts[0])
