"""Random sales and random things done to them: after every step the escrow is as an independent model says, to the unit.

Who may do what and when, which error else, every event, every balance, every credit; and at the end the same once more from
the events alone. HYPOTHESIS_PROFILE=campaign searches longer.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.contract.answers import ANSWERS
from tests.contract.escrow.model import Kept, Model, Replay
from tests.contract.escrow.sales import BUYERS, DISPUTED, HELD, WAYS, Event, record_of
from tests.contract.world import COIN, MAX, Refusal, Terms, World, shares

pytestmark = pytest.mark.xdist_group("trust")

ACTORS = 4
STEPS = ["confirm", "dispute", "refund", "release", "decide", "settleByDefault"]
MODES = [("true", 1_000), ("false", 1_000), ("two", 1_000), ("false", 0), ("a byte", 400), ("false", -300)]
"""What the odd token answers, and the thousandths that leave."""


class Stage:
    """What all examples share, as it stands at their beginning. `takes`, `gives`, `delivered`: see model.Manners."""

    def __init__(self, world: World) -> None:
        self.world = world
        world._errors |= world._selectors("SaleEscrow")
        self.escrow = world.deploy("SaleEscrow")
        self.actors = [world.payee() for _ in range(ACTORS)]
        self.fair, self.odd = world.token(), world.deploy("OddToken")
        self.assets = [COIN, self.fair.address, self.odd.address]
        for token in (self.fair, self.odd):
            for actor in self.actors:
                world.send(token.functions.mint(actor.address, 2**200))
                approve = token.encode_abi("approve", [self.escrow.address, 2**200])
                world.send(actor.functions.run(token.address, 0, approve))
        self.real = world.split([world.fresh(), world.fresh()], shares(2, 1))
        self.terms, self.salt = Terms.of([world.fresh()], shares(1)), world.salt()
        self.later = world.factory.functions.predict(self.terms.packed, self.salt).call()
        self.strange = world.deploy("OddSplit")
        self.splits = [self.real.address, self.later, self.strange.address]
        self.haven = world.fresh()
        self.everybody = [self.escrow.address, self.haven, *self.splits, *(a.address for a in self.actors)]
        self.reset()

    def reset(self) -> None:
        self.created = False
        self.way = "Takes"
        self.mode = MODES[0]
        self.moods = {actor.address: "Honest" for actor in self.actors}
        self.barred: str | None = None

    def _passes(self, *whom: str) -> bool:
        """Whether the fair token moves between these."""
        return self.barred is None or (self.barred != COIN and self.barred not in whom)

    def takes(self, split: str, token: str) -> bool:
        if split == self.later and not self.created:
            return False
        if split == self.strange.address and self.way != "Takes":
            return False
        return token != self.fair.address or self._passes(self.escrow.address, split)

    def gives(self, buyer: str, token: str) -> bool:
        return token != self.fair.address or self._passes(buyer, self.escrow.address)

    def delivered(self, token: str, to: str, amount: int) -> int:
        if token == COIN:
            return 0 if self.moods.get(to) == "Reverts" else amount
        if token == self.fair.address:
            return amount if self._passes(self.escrow.address, to) else 0
        answer, moved = self.mode
        return amount if answer == "true" else max(amount * moved // 1_000, 0)


class Play:
    """One example: each method does one thing, and compares all."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.world, self.escrow = stage, stage.world, stage.escrow
        stage.reset()
        self.model = Model(self.escrow.address, stage)
        self.replay = Replay()
        for asset in stage.assets:
            for who, units in zip(stage.everybody, self.world.balances(asset, stage.everybody), strict=True):
                self.model.balances[asset, who] = units

    def now(self) -> int:
        return int(self.world.tester.get_block_by_number("pending")["timestamp"])

    def sale(self, number: int) -> Kept:
        return list(self.model.sales.values())[number % len(self.model.sales)]

    # ---------------------------------------------------------------- steps

    def _expect(self, call: Any, value: int, verdicts: tuple[Refusal | None, Refusal | None]) -> Any:
        """Do what must be refused or not: as it is asked a second before, and as it is mined."""
        before, verdict = verdicts
        if before is not None:
            assert self.world.refusal(call, value=value) == before
        receipt = self.world.attempt(call, value=value, gas=5_000_000)
        assert receipt["status"] == (verdict is None), verdict
        return receipt if verdict is None else None

    def _compare(self, receipt: Any, expected: list[Event]) -> None:
        found = self.world.logs(self.escrow, receipt)
        assert found == expected
        for name, args in found:
            self.replay.read(name, args)
        self.check()

    def check(self) -> None:
        for asset in self.stage.assets:
            found = self.world.balances(asset, self.stage.everybody)
            of = dict(zip(self.stage.everybody, found, strict=True))
            assert of == {who: self.model.balances[asset, who] for who in of}, asset
            promised, held = self.model.promised(asset), of[self.escrow.address]
            if asset == self.stage.odd.address:
                assert held >= promised + self.model.given[asset]  # it may have grown by itself
            else:
                assert held == promised + self.model.given[asset]

    def open(self, buyer: Any, terms: tuple[Any, ...], value: int) -> None:
        call = buyer.functions.run(self.escrow.address, value, self.escrow.encode_abi("open", [terms]))
        now = self.now()
        verdicts = [self.model.may_open(terms, buyer.address, value, time) for time in (now - 1, now)]
        receipt = self._expect(call, value, (verdicts[0], verdicts[1]))
        if receipt is not None:
            self._compare(receipt, self.model.open(terms, buyer.address))
            self.agree(terms[0], buyer.address, terms[1])

    def step(self, name: str, actor: Any, sale: Kept, to_buyer: int) -> None:
        split, buyer, sale_id = sale.key
        key = (split, actor.address, sale_id) if name in BUYERS else sale.key
        arguments: list[Any] = [split, sale_id] if name in BUYERS else [split, buyer, sale_id]
        arguments += [to_buyer] if name == "decide" else []
        call = actor.functions.run(self.escrow.address, 0, self.escrow.encode_abi(name, arguments))
        now = self.now()
        verdicts = [self.model.may(name, actor.address, key, time, to_buyer) for time in (now - 1, now)]
        receipt = self._expect(call, 0, (verdicts[0], verdicts[1]))
        if receipt is not None:
            grew = self._grows(name, sale)
            self._compare_growing(receipt, self.model.do(name, key, to_buyer), grew)
        self.agree(*sale.key)

    def _grows(self, name: str, sale: Kept) -> bool:
        return sale.token == self.stage.odd.address and self.stage.mode[1] < 0 and name not in BUYERS

    def _compare_growing(self, receipt: Any, expected: list[Event], grew: bool) -> None:
        if grew:  # where the odd token has given the escrow something instead, that is nobody's
            held = self.world.balance(self.stage.odd.address, self.escrow.address)
            more = held - self.model.balances[self.stage.odd.address, self.escrow.address]
            assert more >= 0
            self.model.donate(self.stage.odd.address, more)
        self._compare(receipt, expected)

    def withdraw(self, payee: Any, to: str | None, token: str, amount: int) -> None:
        """`to`: None for what anybody may have delivered."""
        if to is None:
            amount = self.model.credits[token, payee.address]
            call = self.escrow.functions.withdrawCredit(payee.address, token)
        else:
            data = self.escrow.encode_abi("redirectCredit", [to, token, amount])
            call = payee.functions.run(self.escrow.address, 0, data)
        target = payee.address if to is None else to
        verdict = self.model.may_withdraw(payee.address, target, token, amount)
        receipt = self._expect(call, 0, (verdict, verdict))
        if receipt is not None:
            self._compare(receipt, self.model.withdraw(payee.address, target, token, amount))
        assert self.escrow.functions.credit(payee.address, token).call() == self.model.credits[token, payee.address]

    # ---------------------------------------------------------------- views

    def agree(self, *key: Any) -> None:
        kept = self.model.sales[key]
        assert self.escrow.functions.sale(*key).call() == (
            key[1],
            kept.deadline,
            kept.decision_deadline,
            kept.refund_by_default,
            kept.state,
            kept.token,
            kept.seller,
            kept.arbiter,
            kept.amount,
            kept.owed,
        )

    def settle(self) -> None:
        """At the end: every sale, every record, every credit, and the same from the events."""
        for key, kept in self.model.sales.items():
            self.agree(*key)
            held = kept.amount if kept.state in (HELD, DISPUTED) else kept.owed
            assert self.replay.sales[key] == (kept.state, held, kept.arrived)
            if key[0] == self.stage.real.address or (key[0] == self.stage.later and self.stage.created):
                split = self.world.at("IRevenueSplit", key[0])
                paid = split.functions.isSalePaid(self.escrow.address, record_of(key[1], key[2])).call()
                assert paid == (kept.arrived > 0)
        assert self.replay.sales.keys() == self.model.sales.keys()
        for (token, payee), units in self.model.credits.items():
            assert self.escrow.functions.credit(payee, token).call() == units == self.replay.credits[token, payee]


def machine(stage: Stage) -> type[RuleBasedStateMachine]:  # noqa: C901 - each rule is a function
    assets, actors = st.sampled_from(stage.assets), st.sampled_from(stage.actors)
    numbers, amounts = st.integers(0, 50), st.integers(0, 10**9) | st.sampled_from([1, MAX])
    parties = st.sampled_from([actor.address for actor in stage.actors])

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.snapshot = stage.world.tester.take_snapshot()
            self.play = Play(stage)

        def teardown(self) -> None:
            try:
                self.play.settle()
            finally:
                stage.world.tester.revert_to_snapshot(self.snapshot)
            super().teardown()

        @rule(
            buyer=st.integers(0, ACTORS - 1),
            split=st.sampled_from(stage.splits),
            asset=assets,
            amount=st.integers(1, 10**9) | st.sampled_from([1, 2]),
            arbitrated=st.booleans(),
            lasts=st.tuples(st.integers(1, 400), st.integers(1, 400)),
            by_default=st.booleans(),
        )
        def open(
            self,
            buyer: int,
            split: str,
            asset: str,
            amount: int,
            arbitrated: bool,
            lasts: tuple[int, int],
            by_default: bool,
        ) -> None:
            """With a seller and an arbiter who are others'; the first three ids are soon used up."""
            around = [stage.actors[(buyer + i) % ACTORS].address for i in range(3)]
            deadline = self.play.now() + lasts[0]
            arbiter, until = (around[2], deadline + lasts[1]) if arbitrated else (COIN, 0)
            sale_id = (len(self.play.model.sales) // 2).to_bytes(32, "big")
            terms = (split, sale_id, asset, amount, around[1], arbiter, deadline, until, by_default)
            self.play.open(stage.actors[buyer], terms, amount if asset == COIN else 0)

        @rule(
            buyer=actors,
            split=st.sampled_from([*stage.splits, COIN, stage.escrow.address, stage.fair.address]),
            asset=assets,
            amount=amounts | st.just(MAX + 1),
            seller=parties | st.just(COIN),
            arbiter=parties | st.just(COIN),
            lasts=st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
            off=st.sampled_from([0, 0, 0, 1]),
        )
        def open_somehow(
            self,
            buyer: Any,
            split: str,
            asset: str,
            amount: int,
            seller: str,
            arbiter: str,
            lasts: tuple[int, int],
            off: int,
        ) -> None:
            """Whether or not it makes sense."""
            deadline = self.play.now() + lasts[0]
            sale_id = (amount % 3).to_bytes(32, "big")
            until = 0 if arbiter == COIN and lasts[1] else deadline + lasts[1]
            terms = (split, sale_id, asset, amount, seller, arbiter, deadline, until, True)
            self.play.open(buyer, terms, (amount if asset == COIN else 0) + off)

        @precondition(lambda self: self.play.model.sales)
        @rule(name=st.sampled_from(STEPS), actor=actors, number=numbers, to_buyer=st.integers(0, 2**32))
        def step(self, name: str, actor: Any, number: int, to_buyer: int) -> None:
            """Anybody, anything."""
            sale = self.play.sale(number)
            self.play.step(name, actor, sale, to_buyer % (sale.amount + 2))

        @precondition(lambda self: self.play.model.sales)
        @rule(name=st.sampled_from(STEPS), number=numbers, to_buyer=st.integers(0, 2**32))
        def step_of_the_party(self, name: str, number: int, to_buyer: int) -> None:
            """By whom it is for."""
            sale = self.play.sale(number)
            who = {"refund": sale.seller, "decide": sale.arbiter}.get(name, sale.key[1])
            actor = next((a for a in stage.actors if a.address == who), stage.actors[0])
            self.play.step(name, actor, sale, to_buyer % (sale.amount + 1))

        @precondition(lambda self: self.play.model.sales)
        @rule(number=numbers, which=st.booleans(), off=st.integers(-1, 1))
        def wait(self, number: int, which: bool, off: int) -> None:
            """Until just before, at, or just after a deadline."""
            sale = self.play.sale(number)
            until = (sale.deadline if which else sale.decision_deadline) + off
            if until > self.play.now():
                stage.world.tester.time_travel(until)

        @precondition(lambda self: any(self.play.model.credits.values()))
        @rule(data=st.data(), share=st.sampled_from([0, 1, 2, 3, 3]), to=st.none() | actors | st.just("haven"))
        def withdraw(self, data: st.DataObject, share: int, to: Any) -> None:
            credits_ = [key for key, units in self.play.model.credits.items() if units]
            token, payee = data.draw(st.sampled_from(credits_))
            units = self.play.model.credits[token, payee]
            amount = [0, 1, units + 1, units][share]
            actor = next(a for a in stage.actors if a.address == payee)
            target = stage.haven if to == "haven" else to if to is None else to.address
            self.play.withdraw(actor, target, token, amount)

        @rule(actor=actors, asset=assets, nowhere=st.sampled_from([None, COIN, stage.escrow.address, stage.haven]))
        def withdraw_what_need_not_be_there(self, actor: Any, asset: str, nowhere: str | None) -> None:
            self.play.withdraw(actor, nowhere, asset, 1)

        @rule(mood=st.sampled_from(["Honest", "Reverts"]), actor=actors)
        def turn(self, mood: str, actor: Any) -> None:
            stage.world.become(actor, mood)
            stage.moods[actor.address] = mood

        @rule(whom=st.none() | st.sampled_from([COIN, *stage.everybody[2:]]))
        def bar(self, whom: str | None) -> None:
            """The fair token is paused, or somebody is on its list."""
            if whom is None:
                stage.world.behave(stage.fair, "None")
            else:
                stage.world.behave(stage.fair, "Blacklist", whom)
            stage.barred = whom

        @rule(mode=st.sampled_from(MODES))
        def misbehave(self, mode: tuple[str, int]) -> None:
            stage.mode = mode
            stage.world.send(stage.odd.functions.behave(COIN, mode[1], *ANSWERS[mode[0]]))

        @rule(way=st.sampled_from(["Takes", "Takes", "Refuses", "GivesBack", "TakesNothing", "TakesPart"]))
        def change_the_split(self, way: str) -> None:
            stage.way = way
            stage.world.send(stage.strange.functions.become(WAYS.index(way), 0))

        @precondition(lambda self: not stage.created)
        @rule()
        def create_the_split(self) -> None:
            note("the later split is created")
            stage.world.create(stage.terms, stage.salt)
            stage.created = True

        @rule(asset=st.sampled_from(stage.assets[1:]), amount=st.integers(1, 10**9))
        def donate(self, asset: str, amount: int) -> None:
            stage.world.send(stage.world.at("Token", asset).functions.mint(stage.escrow.address, amount))
            self.play.model.donate(asset, amount)

    return Machine


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    return Stage(world)


@pytest.mark.slow
def test_whatever_happens_escrow_and_model_agree(stage: Stage) -> None:
    profile = settings()
    run_state_machine_as_test(
        machine(stage),
        settings=settings(max_examples=max(profile.max_examples // 10, 1), stateful_step_count=35),
    )
