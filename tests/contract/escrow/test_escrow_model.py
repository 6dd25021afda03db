"""Random sales and random things done to them: after every step the escrow is as an independent model
says, to the unit.

Who may do what and when, which error else, every event, every balance, every credit; and at the end the
same once more from
the events alone. HYPOTHESIS_PROFILE=campaign searches longer.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contract.answers import ANSWERS
from tests.contract.aside import Aside
from tests.contract.escrow.model import Kept, Model, Replay
from tests.contract.escrow.sales import BUYERS, DISPUTED, HELD, WAYS, Event, record_of
from tests.contract.odd.side import Outcome
from tests.contract.world import COIN, MAX, MOODS, QUIRKS, Refusal, Terms, World, shares

pytestmark = pytest.mark.xdist_group("trust")

ACTORS = 4
STEPS = ["confirm", "dispute", "refund", "release", "decide", "settleByDefault"]
MODES = [("true", 1_000), ("false", 1_000), ("two", 1_000), ("false", 0), ("a byte", 400), ("false", -300)]
"""What the odd token answers, and the thousandths that leave."""
WAYS_TAKEN = ["Takes", "Takes", "Refuses", "GivesBack", "TakesNothing", "TakesPart"]
WAYS_REFUSED = {True: {"Refuses", "GivesBack"}, False: {"Refuses", "GivesBack", "TakesNothing", "TakesPart"}}
"""Coin (True) that comes with a call is there, whatever is done then."""
SALE = "(address,uint40,uint40,bool,uint8,address,address,address,uint128,uint128)"


class Stage:
    """What all examples share, as it stands at their beginning. `takes`, `gives`, `delivered`: see
    model.Manners."""

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
        if split == self.strange.address and self.way in WAYS_REFUSED[token == COIN]:
            # What a token does not move has not been given back.
            return self.way == "GivesBack" and token == self.odd.address and self.mode[1] == 0
        return token != self.fair.address or self._passes(self.escrow.address, split)

    def gives(self, buyer: str, token: str) -> bool:
        return token != self.fair.address or self._passes(buyer, self.escrow.address)

    def delivered(self, token: str, to: str, amount: int) -> int:
        if token == COIN:
            return 0 if self.moods.get(to) == "Reverts" else amount
        if token == self.fair.address:
            return amount if self._passes(self.escrow.address, to) else 0
        answer, moved = self.mode
        return amount if answer == "true" or amount * moved // 1_000 == amount else 0


class Play:
    """One example: each method does one thing, and compares all."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.world, self.escrow = stage, stage.world, stage.escrow
        self.aside = Aside(stage.world)
        stage.reset()
        self.model = Model(self.escrow.address, stage)
        self.replay = Replay()
        for asset in stage.assets:
            for who, units in zip(stage.everybody, self.aside.balances(asset, stage.everybody), strict=True):
                self.model.balances[asset, who] = units

    def sale(self, number: int) -> Kept:
        return list(self.model.sales.values())[number % len(self.model.sales)]

    # ---------------------------------------------------------------- steps

    def _do(self, actor: Any, name: str, arguments: list[Any], value: int, verdict: Refusal | None) -> Any:
        """Do what must be refused, or not; return what came of it if it was not."""
        call = actor.functions.run(self.escrow.address, value, self.escrow.encode_abi(name, arguments))
        outcome = self.aside.send(call, value)
        event(f"{name}: {verdict.name if verdict else 'done'}")
        assert outcome.refusal == verdict
        return None if verdict else outcome

    def _compare(self, outcome: Outcome, expected: list[Event]) -> None:
        found = self.aside.events(self.escrow, outcome)
        assert found == expected
        for name, args in found:
            self.replay.read(name, args)
        self.check()

    def check(self) -> None:
        for asset in self.stage.assets:
            found = self.aside.balances(asset, self.stage.everybody)
            of = dict(zip(self.stage.everybody, found, strict=True))
            assert of == {who: self.model.balances[asset, who] for who in of}, asset
            held = of[self.escrow.address]
            assert held == self.model.promised(asset) + self.model.given[asset]

    def open(self, buyer: Any, terms: tuple[Any, ...], value: int) -> None:
        verdict = self.model.may_open(terms, buyer.address, value, self.aside.time)
        outcome = self._do(buyer, "open", [terms], value, verdict)
        if outcome:
            self._compare(outcome, self.model.open(terms, buyer.address))
            self.agree(terms[0], buyer.address, terms[1])

    def step(self, name: str, actor: Any, sale: Kept, to_buyer: int) -> None:
        split, buyer, sale_id = sale.key
        key = (split, actor.address, sale_id) if name in BUYERS else sale.key
        arguments: list[Any] = [split, sale_id] if name in BUYERS else [split, buyer, sale_id]
        arguments += [to_buyer] if name == "decide" else []
        verdict = self.model.may(name, actor.address, key, self.aside.time, to_buyer)
        outcome = self._do(actor, name, arguments, 0, verdict)
        if outcome:
            expected = self.model.do(name, key, to_buyer)
            if sale.token == self.stage.odd.address and self.stage.mode[1] < 0:
                # Where the odd token has given the escrow something instead, that is nobody's.
                (held,) = self.aside.balances(sale.token, [self.escrow.address])
                self.model.donate(sale.token, held - self.model.balances[sale.token, self.escrow.address])
                assert self.model.given[sale.token] >= 0
            self._compare(outcome, expected)
        self.agree(*sale.key)

    def withdraw(self, payee: Any, to: str | None, token: str, amount: int) -> None:
        """`to`: None for what anybody may have delivered."""
        if to is None:
            amount = self.model.credits[token, payee.address]
        target = payee.address if to is None else to
        verdict = self.model.may_withdraw(payee.address, target, token, amount)
        if to is None:
            outcome = self._do(self.stage.actors[0], "withdrawCredit", [payee.address, token], 0, verdict)
        else:
            outcome = self._do(payee, "redirectCredit", [to, token, amount], 0, verdict)
        if outcome:
            self._compare(outcome, self.model.withdraw(payee.address, target, token, amount))
        assert self._credit(payee.address, token) == self.model.credits[token, payee.address]

    def change(self, function: Any) -> None:
        """Something outside."""
        self.aside.must(function)

    # ---------------------------------------------------------------- views

    def _credit(self, payee: str, token: str) -> int:
        return int(self.aside.ask(self.escrow.functions.credit(payee, token), "uint256"))

    def agree(self, *key: Any) -> None:
        kept = self.model.sales[key]
        assert self.aside.ask(self.escrow.functions.sale(*key), SALE) == (
            key[1].lower(),
            kept.deadline,
            kept.decision_deadline,
            kept.refund_by_default,
            kept.state,
            kept.token.lower(),
            kept.seller.lower(),
            kept.arbiter.lower(),
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
                asked = split.functions.isSalePaid(self.escrow.address, record_of(key[1], key[2]))
                assert self.aside.ask(asked, "bool") == (kept.arrived > 0)
        assert self.replay.sales.keys() == self.model.sales.keys()
        for (token, payee), units in self.model.credits.items():
            assert self._credit(payee, token) == units == self.replay.credits[token, payee]


def machine(stage: Stage) -> type[RuleBasedStateMachine]:  # noqa: C901 - each rule is a function
    assets, actors = st.sampled_from(stage.assets), st.sampled_from(stage.actors)
    numbers = st.integers(0, 50)
    parties = st.sampled_from([actor.address for actor in stage.actors])

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.play = Play(stage)

        def teardown(self) -> None:
            self.play.settle()
            super().teardown()

        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            """With some sales, and others in the mood they happen to be in."""
            for _ in range(6):
                self.open_well(data)
            for _ in range(3):
                self.change(data)

        def open_well(self, data: st.DataObject) -> None:
            """With a seller and an arbiter who are others'. Ids are few: some are used by several buyers."""
            buyer = data.draw(st.integers(0, ACTORS - 1))
            around = [stage.actors[(buyer + i) % ACTORS].address for i in range(3)]
            deadline = self.play.aside.time + data.draw(st.integers(1, 400))
            arbiter, until = COIN, 0
            if data.draw(st.integers(0, 3)):
                arbiter, until = around[2], deadline + data.draw(st.integers(1, 400))
            sale_id = (len(self.play.model.sales) // 2).to_bytes(32, "big")
            split, asset = data.draw(st.sampled_from(stage.splits)), data.draw(assets)
            amount, by_default = data.draw(st.integers(1, 10**9)), data.draw(st.booleans())
            terms = (split, sale_id, asset, amount, around[1], arbiter, deadline, until, by_default)
            self.play.open(stage.actors[buyer], terms, amount if asset == COIN else 0)

        @rule(data=st.data(), well=st.booleans())
        def open(self, data: st.DataObject, well: bool) -> None:
            """Whether or not it makes sense."""
            if well:
                return self.open_well(data)
            nowhere = [COIN, stage.escrow.address, stage.fair.address]
            split = data.draw(st.sampled_from([*stage.splits, *stage.splits, *nowhere]))
            asset = data.draw(assets)
            amount = data.draw(st.integers(0, 10**9) | st.sampled_from([1, MAX, MAX + 1]))
            seller, arbiter = data.draw(parties | st.just(COIN)), data.draw(parties | st.just(COIN))
            deadline = self.play.aside.time + data.draw(st.integers(-1, 3))
            until = deadline + data.draw(st.integers(-1, 3)) if data.draw(st.booleans()) else 0
            value = (amount if asset == COIN else 0) + data.draw(st.sampled_from([0, 0, 0, 1]))
            terms = (
                split,
                (amount % 3).to_bytes(32, "big"),
                asset,
                amount,
                seller,
                arbiter,
                deadline,
                until,
                True,
            )
            return self.play.open(data.draw(actors), terms, value)

        @rule(name=st.sampled_from(STEPS), actor=actors, number=numbers, to_buyer=st.integers(0, 2**32))
        def step(self, name: str, actor: Any, number: int, to_buyer: int) -> None:
            """Anybody, anything."""
            sale = self.play.sale(number)
            self.play.step(name, actor, sale, to_buyer % (sale.amount + 2))

        @rule(data=st.data(), number=numbers, to_buyer=st.integers(0, 2**32))
        def end_a_sale(self, data: st.DataObject, number: int, to_buyer: int) -> None:
            """Something that is possible."""
            sale, time = self.play.sale(number), self.play.aside.time
            to_buyer %= sale.amount + 1
            possible = [
                (name, actor)
                for name in STEPS
                for actor in stage.actors
                if (name not in BUYERS or actor.address == sale.key[1])
                and self.play.model.may(name, actor.address, sale.key, time, to_buyer) is None
            ]
            if possible:
                name, actor = data.draw(st.sampled_from(possible))
                self.play.step(name, actor, sale, to_buyer)

        @rule(number=numbers, which=st.booleans(), off=st.integers(-1, 1))
        def wait(self, number: int, which: bool, off: int) -> None:
            """Until just before, at, or just after a deadline."""
            sale = self.play.sale(number)
            until = (sale.deadline if which else sale.decision_deadline) + off
            self.play.aside.time = max(until, self.play.aside.time)

        @precondition(lambda self: any(self.play.model.credits.values()))
        @rule(
            data=st.data(), share=st.sampled_from([0, 1, 2, 3, 3]), to=st.none() | actors | st.just("haven")
        )
        def withdraw(self, data: st.DataObject, share: int, to: Any) -> None:
            credits_ = [key for key, units in self.play.model.credits.items() if units]
            token, payee = data.draw(st.sampled_from(credits_))
            units = self.play.model.credits[token, payee]
            amount = [0, 1, units + 1, units][share]
            actor = next(a for a in stage.actors if a.address == payee)
            target = stage.haven if to == "haven" else to if to is None else to.address
            self.play.withdraw(actor, target, token, amount)

        @rule(actor=actors, asset=assets, to=st.sampled_from([None, COIN, stage.escrow.address, stage.haven]))
        def withdraw_what_need_not_be_there(self, actor: Any, asset: str, to: str | None) -> None:
            self.play.withdraw(actor, to, asset, 1)

        @rule(data=st.data())
        def change(self, data: st.DataObject) -> None:
            """Something outside."""
            actor = data.draw(actors)
            what = data.draw(st.sampled_from(["mood", "bar", "token", "split", "create"]))
            note(what)
            match what:
                case "mood":
                    mood = "Honest" if stage.moods[actor.address] == "Reverts" else "Reverts"
                    self.play.change(actor.functions.become(MOODS.index(mood), 0))
                    stage.moods[actor.address] = mood
                case "bar":
                    # The fair token is paused, or somebody is on its list.
                    whom = data.draw(st.none() | st.sampled_from([COIN, *stage.everybody[2:]]))
                    quirk = QUIRKS.index("None" if whom is None else "Blacklist")
                    self.play.change(stage.fair.functions.behave(quirk, whom or COIN, 0))
                    stage.barred = whom
                case "token":
                    stage.mode = data.draw(st.sampled_from(MODES))
                    says = ANSWERS[stage.mode[0]]
                    self.play.change(stage.odd.functions.behave(COIN, stage.mode[1], *says))
                case "split":
                    stage.way = data.draw(st.sampled_from(WAYS_TAKEN))
                    # More than what a token of shares may round away, also where only a part of it is moved.
                    self.play.change(stage.strange.functions.become(WAYS.index(stage.way), 10_000))
                case "create":
                    if not stage.created:
                        create = stage.world.factory.functions.create(stage.terms.packed, stage.salt)
                        self.play.change(create)
                        stage.created = True

        @rule(asset=st.sampled_from(stage.assets[1:]), amount=st.integers(1, 10**9))
        def donate(self, asset: str, amount: int) -> None:
            self.play.change(stage.world.at("Token", asset).functions.mint(stage.escrow.address, amount))
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
        settings=settings(max_examples=max(profile.max_examples // 5, 1), stateful_step_count=40),
    )
