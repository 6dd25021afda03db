"""Settlements through a provider that fails in every way, by seed: each is done once, and to the unit.

A failing seed is the parameter of its test, and printed with what happened; `REVSHARE_SEED=7 pytest -k seed`
plays one alone.
"""

from __future__ import annotations

import gc
import itertools
import os
import sqlite3
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.chain.conftest import Chain, local_accounts
from tests.nodes import ANVIL, anvil
from tests.settlement.provider import Died, Simulated, Wire
from tests.settlement.world import APRIL, MARCH, UNIT, World
from web3 import Web3

import revshare as rs
from revshare.chain import RevenueSplit
from revshare.ledger import Ledger
from revshare.ledger._journal import Journal
from revshare.settlement import Settler, reconcile
from revshare.settlement._watched import unpack

SEEDS = range(300)
CAMPAIGN, AT_ONCE = 10_000, 100
MOST_STEPS = 600


@dataclass
class Stage:
    """A chain with a split, put back to where it was for each seed, and a ledger, emptied."""

    wire: Wire
    chain: Chain
    world: World
    split: RevenueSplit
    ledger: Ledger
    file: Path
    empty: sqlite3.Connection
    snapshot: str

    def put_back(self) -> None:
        self.wire.ask("anvil_dropAllTransactions")
        assert self.wire.ask("evm_revert", self.snapshot)
        self.snapshot = self.wire.ask("evm_snapshot")

    def emptied(self) -> Ledger:
        """The ledger with nothing in it. Opening another would compile each statement anew."""
        with closing(sqlite3.connect(self.file)) as file:
            self.empty.backup(file)
        return self.ledger


def bare(provider: Any) -> Web3:
    """A Web3 without middleware, which takes longer than the node does."""
    made = Web3(provider)
    made.middleware_onion.clear()
    return made


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    memory = Path("/dev/shm")  # what is synced there costs nothing
    with (
        anvil("--base-fee", "1000000000") as url,
        tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder,
    ):
        wire = Wire(url)
        chain = Chain(bare(wire), local_accounts(), "anvil")
        file = Path(folder) / "sales.db"
        with Ledger.open(f"sqlite:///{file}") as ledger, closing(sqlite3.connect(":memory:")) as empty:
            with closing(sqlite3.connect(file)) as new:
                new.backup(empty)
            world = World(chain, chain.token(), ledger, chain.payer)
            split = world.deal()
            world.mine(5)
            wire.ask("evm_setAutomine", False)
            gc.collect()
            gc.freeze()  # all that is loaded by now is not searched for garbage with each seed
            yield Stage(wire, chain, world, split, ledger, file, empty, wire.ask("evm_snapshot"))
            gc.unfreeze()
        wire.close()


class Run:
    """One seed: one or two periods, settled by settlers that are thrown away now and then."""

    def __init__(self, stage: Stage, seed: int) -> None:
        stage.put_back()
        self.split = stage.split
        self.provider = Simulated(stage.wire, seed)
        self.w3 = bare(self.provider)
        self.chance = self.provider.chance
        self.world = World(stage.chain, stage.world.token, stage.emptied(), stage.world.me)
        self.periods = [MARCH, APRIL][: self.chance.choice((1, 1, 1, 2))]
        for period in self.periods:
            values = [self.chance.randrange(-2 * UNIT, 6 * UNIT) for _ in range(self.chance.randrange(2, 9))]
            self.world.sell(self.split, period, [*values, 20 * UNIT])
        self.finality = self.chance.choice((0, 0, 1, 3))
        self.now = 1_000_000.0
        self.blocked: list[str] = []

    def settler(self) -> Settler:
        """A new one, which knows what the ledger does. The node has to answer before there is one."""
        while True:
            try:
                made = Settler(
                    self.world.ledger,
                    self.w3,
                    account=self.world.me,
                    finality=self.finality,
                    clock=lambda: self.now,
                )
                for period in self.periods:
                    made.add(self.split, period)
            except (rs.ProviderError, rs.WrongChain):
                self.wait()
                continue
            return made

    def wait(self) -> None:
        """Some time goes by; nobody sleeps."""
        self.now += self.chance.choice((0.5, 1, 2, 3, 10, 30))
        self.provider.tick()

    def is_done(self) -> bool:
        records = Journal(self.world.ledger).settlements()
        return len(records) == len(self.periods) and all(record.state == "final" for record in records)

    def play(self) -> int:
        """Step until all is final, and return how many steps that took."""
        settler = self.settler()
        for step in range(MOST_STEPS):
            if step % 8 == 7 and self.is_done():
                return step
            self.provider.mortal = True
            try:
                settler.step()
            except rs.WrongChain:
                pass  # said, and nothing done: whoever runs it tries again later
            except Died:
                self.provider.mortal = False
                settler = self.settler()
            finally:
                self.provider.mortal = False
            if settler.problems:  # what a node claimed keeps it from going on: it is asked again
                self.blocked += [f"{type(error).__name__}: {error}" for error in settler.problems.values()]
                settler = self.settler()
            elif self.chance.random() < 0.02:
                settler = self.settler()
            self.wait()
        raise AssertionError(f"not final after {MOST_STEPS} steps")

    def check(self) -> None:
        """Everybody has what the money rule gives, once, and all the books say so."""
        self._check_chain()
        self.provider.flush()  # and stays so when everything comes once more
        self._check_chain()
        records = Journal(self.world.ledger).settlements()
        assert [(record.state, record.note) for record in records] == [("final", "")] * len(self.periods)
        books = reconcile(self.world.ledger, self.split)
        assert books.differences == ()
        assert (books.open_lines, books.elsewhere) == (0, 0)
        self._check_signatures()

    def _check_chain(self) -> None:
        world, split = self.world, self.split
        world.check(split)
        batches = [event.batch_id for event in world.remittances(split)]
        assert len(batches) == len(set(batches)) == len(self.periods)
        paid = sum(world.token.balance_of(address) for address in split.payees.values())
        held = world.token.balance_of(split.address)
        assert split.agreement is not None
        assert paid + held == sum(world.recorded[split.agreement.name])

    def _check_signatures(self) -> None:
        """A nonce was signed for once, or again for a tenth more; and all that was sent is in the journal."""
        journal = Journal(self.world.ledger)
        made = [one for record in journal.settlements() for one in record.transactions if one.raw]
        made += journal.fills(self.world.chain.w3.eth.chain_id, self.world.me.address)
        known = {one.raw: one for one in made}
        by_nonce: defaultdict[int, list[Any]] = defaultdict(list)
        for one in made:
            by_nonce[unpack(one.raw)["nonce"]].append(one)
        for attempts in by_nonce.values():
            attempts.sort(key=lambda one: one.attempt)
            assert [one.attempt for one in attempts] == list(range(len(attempts)))
            for before, after in itertools.pairwise(attempts):
                assert after.max_fee * 10 >= before.max_fee * 11
        for raw in self.provider.sent:
            is_known = bytes.fromhex(raw[2:]) in known
            assert is_known or self._is_settled_fill(raw), "sent, and not in the journal"

    def _is_settled_fill(self, raw: str) -> bool:
        """No-ops that are done are no longer listed: they go from the account to itself, with nothing."""
        sent = unpack(bytes.fromhex(raw[2:]))
        return (sent["to"], sent["value"], sent["data"]) == (self.world.me.address, 0, "0x")


def play(stage: Stage, seed: int) -> Run:
    run = Run(stage, seed)
    try:
        run.play()
        run.check()
    except BaseException:
        happened = "\n  ".join([*run.provider.happened[-60:], *run.blocked])
        sys.stdout.write(f"replay with REVSHARE_SEED={seed}; what happened:\n  {happened}\n")
        raise
    return run


def seeds() -> list[int]:
    chosen = os.environ.get("REVSHARE_SEED")
    return [int(chosen)] if chosen else list(SEEDS)


@pytest.mark.parametrize("seed", seeds())
def test_whatever_the_provider_does_it_is_settled_once(stage: Stage, seed: int) -> None:
    play(stage, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(len(SEEDS), len(SEEDS) + CAMPAIGN, AT_ONCE))
def test_ten_thousand_seeds(stage: Stage, first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        play(stage, seed)


def test_a_seed_is_replayed_to_the_letter(stage: Stage) -> None:
    once, again = play(stage, 1), play(stage, 1)
    assert once.provider.happened == again.provider.happened
    assert list(once.provider.sent) == list(again.provider.sent)
