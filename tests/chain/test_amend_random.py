"""Random lives of amendable splits, against an oracle that knows only who shared which revenue.

The oracle keeps, for each token, the slices of revenue and the tiers by which each was shared. What a payee
has earned is the sum over the slices of the money rule's difference; what it was paid is its own balance.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import oracle
from tests.chain.amending import Stage, agreement, person

import revshare as rs
from revshare.chain import COIN, Claimed, Credited, PaymentSkipped, replay
from revshare.chain.artifacts import Artifact

NAMES = ("ann", "bob", "cat", "dan", "eve")
# Each step is a few transactions: shrinking would take the day.
FEW = settings(max_examples=max(settings().max_examples // 20, 1), phases=[Phase.reuse, Phase.generate])


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


@dataclass
class Purse:
    """One token: its revenue, and the slices (from, to, agreement) into which amendments have cut it."""

    revenue: int = 0
    epoch: int = 0
    cuts: list[tuple[int, int, rs.Agreement]] = field(default_factory=list)

    def begun(self) -> int:
        return self.cuts[-1][1] if self.cuts else 0

    def earned(self, now: rs.Agreement, settles: bool) -> dict[str, int]:
        """What each has earned; `settles`: whether this is the settlement token, which alone fills tiers."""
        total = dict.fromkeys(NAMES, 0)
        for start, end, deal in (*self.cuts, (self.begun(), self.revenue, now)):
            tiers = oracle.tiers_of(deal.schedule())
            tiers = tiers if settles else [(None, tiers[-1][1])]
            # Rounding begins anew where terms begin to count: the tiers as they stand from there.
            left = [
                (e if e is None else e - start, weights) for e, weights in tiers if e is None or e > start
            ]
            for name, units in zip(deal.payees, oracle.entitlements(left, max(end - start, 0)), strict=True):
                total[name] += units
        return total


class Life:
    """A split, its people, and the oracle."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage, self.rng = stage, rng
        self.people: dict[str, LocalAccount] = {name: person() for name in NAMES}
        self.eve = stage.place("Wallet", self.people["eve"].address)  # takes coin, or refuses it
        self.refuses = False
        self.let_eve(refuse=rng.random() < 0.5)
        self.addresses: dict[str, str] = {name: one.address for name, one in self.people.items()}
        self.addresses["eve"] = self.eve.address
        quorum = rng.choice(["0.01%", "50%", "100%"])
        self.controlled = rng.random() < 0.4
        self.governance: dict[str, Any] = (
            {"controller": stage.payer.address, "notice": 60} if self.controlled else {"quorum": quorum}
        )
        self.coin = rng.random() < 0.4
        self.deals = [self.draw_deal()]
        self.split = self.first = stage.deploy(self.deals[0])
        self.settlement = COIN if self.coin else stage.gbp.address
        self.purses = {token: Purse() for token in (COIN, stage.gbp.address, stage.eur.address)}
        self.named: set[str] = set()
        self.aside: list[tuple[int, int]] = []
        """What is set aside for eve, in coin: the epoch in which it was, and how much."""

    def draw_deal(self) -> rs.Agreement:
        names = self.rng.sample(NAMES, self.rng.randint(1, len(NAMES)))
        ends = sorted(self.rng.sample(range(1, 3000), self.rng.randint(0, 2)))
        tiers = [{name: self.rng.randint(0, 9) for name in names} for _ in (*ends, None)]
        for tier in tiers:
            if not any(tier.values()):
                tier[names[0]] = 1
        for name in names:
            if not any(tier[name] for tier in tiers):
                tiers[-1][name] = 1
        decimals = 18 if self.coin else 6
        written = [
            ({"until": f"0.{end:0{decimals}d}"} if end else {}) | tier
            for end, tier in zip((*ends, None), tiers, strict=True)
        ]
        payees = {name: self.addresses[name] for name in names}
        return agreement(payees, *written, governance=self.governance, coin=self.coin)

    # ------------------------------------------------------------------ what may happen

    def draw_token(self) -> str:
        return self.rng.choice(list(self.purses))

    def pay(self) -> None:
        token, amount = self.draw_token(), self.rng.randint(1, 1500)
        if self.rng.random() < 0.5:
            self.stage.fund(self.split, amount, token)
            self.named.add(token)
        elif token == COIN:
            sent = {"from": self.stage.payer.address, "to": self.split.address, "value": amount}
            self.stage.w3.eth.send_transaction(sent)  # type: ignore[arg-type]
        else:
            held = self.stage.gbp if token == self.stage.gbp.address else self.stage.eur
            held.transfer(self.split.address, amount).send()
        self.purses[token].revenue += amount

    def distribute(self) -> None:
        token = self.draw_token()
        handle = self.rng.choice([self.first, self.split])
        self.note(handle.distribute(token=token).send())
        purse = self.purses[token]
        if purse.revenue:
            self.named.add(token)
        if purse.epoch + 1 < len(self.deals):
            self.next_epoch(token)

    def next_epoch(self, token: str) -> None:
        purse = self.purses[token]
        purse.cuts.append((purse.begun(), purse.revenue, self.deals[purse.epoch]))
        purse.epoch += 1

    def claim(self) -> None:
        token = self.draw_token()
        owed = sorted(name for name, units in self.split.due(token=token).items() if units)
        if owed and not (self.refuses and token == COIN):
            self.split.claim(self.rng.choice(owed), token=token).send()

    def claim_many(self) -> None:
        """Some in some tokens, and who can be is paid: what is skipped changes nothing."""
        shared = {token: self.split.terms_for(token).schedule.addresses for token in self.purses}
        pairs = [
            (owner, token) for token, owners in shared.items() for owner in owners if self.rng.random() < 0.4
        ]
        if not pairs:
            return
        receipt = self.split.claim_many(pairs).send()
        paid = {(event.payee, event.token) for event in receipt.events_of(Claimed)}
        skipped = {(event.payee, event.token) for event in receipt.events_of(PaymentSkipped)}
        assert paid | skipped == set(pairs)
        assert not paid & skipped

    def let_eve(self, *, refuse: bool) -> None:
        """Eve signs whatever it is asked to, and takes coin or does not."""
        self.refuses = refuse
        self.eve.functions.become(1, refuse).transact({"from": self.stage.payer.address})

    def change_mind(self) -> None:
        self.let_eve(refuse=not self.refuses)

    def withdraw(self) -> None:
        if self.aside and not self.refuses:
            self.split.withdraw_credits(token=COIN).send()
            self.aside.clear()

    def note(self, receipt: rs.chain.Receipt) -> None:
        """What a distribution has set aside, before its token goes on to the next epoch."""
        for event in receipt.events_of(Credited):
            assert (event.payee, event.token) == (self.eve.address, COIN)
            self.aside.append((self.purses[COIN].epoch, event.amount))

    def consent(self, proposal: rs.Proposal, names: Iterable[str]) -> rs.Proposal:
        for name in names:
            if name == "eve":
                proposal = proposal.add_consent(self.eve.address, b"yes")
            else:
                proposal = proposal.sign(self.people[name])
        return proposal

    def amend(self) -> None:
        new = self.draw_deal()
        if rs.chain.Terms(new.schedule()).commitment == rs.chain.Terms(self.deals[-1].schedule()).commitment:
            return
        listed = self.rng.sample(list(self.purses), self.rng.randint(0, len(self.purses)))
        seen = self.rng.random() < 0.5
        proposal = self.split.propose(new, tokens=listed, seen=seen)
        if self.controlled:
            self.split.announce(proposal).send()
            self.stage.wait(self.stage.now + 60)
        else:
            names = [name for name in self.deals[-1].payees if self.rng.random() < 0.5]
            proposal = self.consent(proposal, names)
            if not proposal.enough():
                with pytest.raises(rs.ContractError):
                    self.split.amend(proposal).send()
                proposal = self.consent(proposal, proposal.missing())
        self.note(self.split.amend(proposal).send())
        before = len(self.deals) - 1
        self.deals.append(new)
        for token in {COIN, self.settlement, *listed} | (self.named if seen else set()):
            if self.purses[token].epoch == before:
                self.next_epoch(token)
        self.split = self.split.refresh(new)

    # ------------------------------------------------------------------ what must hold

    def check(self, before: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        found = {}
        owners = {owner: name for name, owner in self.addresses.items()}
        for token, purse in self.purses.items():
            expected = purse.earned(self.deals[purse.epoch], token == self.settlement)
            handle = self.rng.choice([self.split, self.first])
            statement = handle.statement(token=token)
            assert statement.revenue == purse.revenue
            found[token] = dict.fromkeys(NAMES, 0)
            for line in statement:
                name = owners[line.address]
                assert line.entitlement == expected[name]
                assert line.paid == self.balance(token, line.address)
                assert line.entitlement == line.paid + line.credit + line.due
                aside = self.aside if (name, token) == ("eve", COIN) else []
                assert line.credit == sum(units for _, units in aside)
                assert line.earlier == sum(units for epoch, units in aside if epoch < purse.epoch)
                found[token][name] = line.entitlement
            assert found[token] == expected
            assert sum(expected.values()) <= purse.revenue  # so that nobody is promised what is not there
            assert all(found[token][name] >= before[token][name] for name in NAMES)
        return found

    def balance(self, token: str, owner: str) -> int:
        if token == COIN:
            return int(self.stage.w3.eth.get_balance(self.stage.w3.to_checksum_address(owner)))
        held = self.stage.gbp if token == self.stage.gbp.address else self.stage.eur
        return held.balance_of(owner)

    def finish(self) -> None:
        """Everybody is paid by the terms of every epoch; the log alone says the same as the views."""
        for token in self.purses:
            for call in self.split.catch_up(token):
                call.send()
            self.split.distribute(token=token).send()
        rebuilt = replay(self.split.events(), self.first.terms, self.split._names)
        for token, purse in self.purses.items():
            shown = {line.address: line for line in self.split.statement(token=token)}
            assert not any(line.due for line in shown.values())
            if purse.revenue:
                assert {line.address: line for line in rebuilt[token]} == shown
            else:
                assert token not in rebuilt


@pytest.mark.slow
@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_what_was_earned_stays_earned_whatever_anybody_does(stage: Stage, seed: int) -> None:
    rng = random.Random(seed)
    life = Life(stage, rng)
    earned = {token: dict.fromkeys(NAMES, 0) for token in life.purses}
    often = [life.pay, life.pay, life.distribute, life.amend, life.amend]
    steps = [*often, *often, life.claim, life.claim_many, life.change_mind, life.withdraw]
    for _ in range(rng.randint(4, 12)):
        rng.choice(steps)()
        earned = life.check(earned)
    life.finish()
