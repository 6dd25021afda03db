"""What a simulation says a path pays is what a split pays when that path is played."""

from __future__ import annotations

import random

import pytest
from eth_account.signers.local import LocalAccount
from tests.strategies import address
from web3 import Web3

import revshare as rs
from revshare.chain import DemoToken, Devnet

MONTHS = 3
GAS = 1_000_000
"""More than any of these transactions needs: estimating it takes the embedded chain longer than all else."""


@pytest.fixture(scope="module")
def chain() -> Devnet:
    return Devnet.start()


@pytest.fixture(scope="module")
def token(chain: Devnet) -> DemoToken:
    made = DemoToken.deploy(chain.w3, "GBPT", 6, account=chain.accounts[0])
    made.mint(chain.accounts[0].address, 10**15).send()
    return made


def an_agreement(rng: random.Random, number: int) -> rs.Agreement:
    """One to eight payees, one to five tiers, percentages or weights, payees without a share in a tier."""
    payees = [f"p{place}" for place in range(rng.randint(1, 8))]
    tiers: list[dict[str, object]] = []
    ends = sorted(rng.sample(range(1, 5_000), rng.randint(0, 4)))
    for end in [*ends, None]:
        shares: dict[str, int | str] = {name: rng.choice([0, 1, 3, 7, 97, 2**31]) for name in payees}
        if not any(shares.values()):
            shares[payees[0]] = 1
        if len(payees) == 2 and rng.random() < 0.5:
            part = rng.randint(1, 9_999)
            rest = 10_000 - part
            shares = {
                name: f"{of // 100}.{of % 100:02d}%" for name, of in zip(payees, (part, rest), strict=True)
            }
        tiers.append(
            {"shares": shares} | ({} if end is None else {"until": f"{end}.{rng.randint(1, 999_999):06d}"})
        )
    tiers[-1]["shares"] = dict.fromkeys(payees, 1) | {payees[0]: rng.randint(1, 50)}
    return rs.Agreement.model_validate(
        {
            "name": f"number {number}",
            "token": {"symbol": "GBPT", "decimals": 6},
            "payees": {name: address(10_000 * (number + 1) + place) for place, name in enumerate(payees)},
            "tiers": tiers,
        }
    )


def play(chain: Devnet, token: DemoToken, number: int, seed: int) -> None:
    """Simulate, pay in what one path receives month by month, distribute, and compare everybody's balance."""
    rng = random.Random(seed * 1_000 + number)
    agreement = an_agreement(rng, number)
    found = rs.simulate(
        agreement,
        revenue=rs.Growth("700", growth="5%", volatility=1.0),
        refunds="12.5%",
        refund_lag=1,
        paths=9,
        periods=MONTHS,
        seed=rng.randrange(2**32),
    )
    chosen = rng.randrange(found.paths)
    w3: Web3 = chain.w3
    payer: LocalAccount = chain.accounts[0]
    split = rs.RevenueSplit.deploy(w3, agreement, token=token.address, account=payer)
    before = 0
    for revenue, paid in zip(found.received[chosen], found.path(chosen), strict=True):
        if revenue > before:
            token.transfer(split.address, int(revenue) - before).send(gas=GAS)
            split.distribute().send(gas=GAS)
        before = int(revenue)
        balances = {payee: token.balance_of(who) for payee, who in agreement.payees.items()}
        assert balances == paid, f"agreement {number}, seed {seed}"


@pytest.mark.parametrize("number", range(50))
def test_a_path_that_is_played_pays_what_was_simulated(chain: Devnet, token: DemoToken, number: int) -> None:
    play(chain, token, number, seed=1)


@pytest.mark.campaign
def test_so_do_fifty_agreements_of_a_fresh_seed(chain: Devnet, token: DemoToken) -> None:
    seed = random.SystemRandom().randrange(2**20)
    for number in range(100, 150):
        play(chain, token, number, seed)
