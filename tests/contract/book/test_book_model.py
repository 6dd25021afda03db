"""Random roots and random claims: after every step the book is as an independent model says, to the unit.

Who may do what and when, which error else, every event, every balance; and always that what is promised is
held or has been
paid. HYPOTHESIS_PROFILE=campaign searches longer.
"""

from __future__ import annotations

from collections import defaultdict
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
from tests.contract.book.books import Book
from tests.contract.book.model import NOTHING, Asset, Event, Model, Root
from tests.contract.odd.side import Outcome
from tests.contract.world import COIN, MOODS, QUIRKS, Refusal, World

pytestmark = pytest.mark.xdist_group("trust")

ACTORS = 4
DELAY = 100
MODES = [("true", 1_000), ("false", 1_000), ("two", 1_000), ("false", 0), ("a byte", 400)]
"""What the odd token answers, and the thousandths that leave."""


class Stage:
    """What all examples share, as it stands at their beginning."""

    def __init__(self, world: World) -> None:
        self.world = world
        world._errors |= world._selectors("PayoutBook")
        self.actors = [world.payee() for _ in range(ACTORS)]
        self.owner, self.haven = self.actors[0], world.fresh()
        # One by itself, one with a delay.
        self.books = [world.deploy("PayoutBook", self.owner.address, delay) for delay in (0, DELAY)]
        self.fair, self.odd = world.token(), world.deploy("OddToken")
        self.assets = [COIN, self.fair.address, self.odd.address]
        self.payees = [actor.address for actor in self.actors]
        self.reset()

    def reset(self) -> None:
        self.mode = MODES[0]
        self.moods = dict.fromkeys(self.payees, "Honest")
        self.barred: str | None = None

    def delivered(self, token: str, to: str, amount: int) -> int:
        if token == COIN:
            return 0 if self.moods.get(to) == "Reverts" else amount
        if token == self.fair.address:
            return 0 if self.barred in (COIN, to) else amount
        return amount if self.clean(token) or amount * self.mode[1] // 1_000 == amount else 0

    def clean(self, token: str) -> bool:
        return token != self.odd.address or self.mode[0] == "true"


class Play:
    """One example: each method does one thing, and compares all."""

    def __init__(self, stage: Stage, contract: Any, delay: int) -> None:
        self.stage, self.aside = stage, Aside(stage.world)
        stage.reset()
        self.book = Book(stage.world, contract)
        assets = {token: Asset(token) for token in stage.assets}
        self.model = Model(contract.address, stage.owner.address, delay, stage.delivered, stage.clean, assets)
        self.roots: dict[str, list[Root]] = {token: [NOTHING] for token in stage.assets}
        self.whose = [*stage.payees, stage.haven]
        self.before = {t: self.aside.balances(t, self.whose) for t in stage.assets}
        self.replayed: dict[tuple[str, str], int] = defaultdict(int)

    @property
    def time(self) -> int:
        return self.aside.time

    # ---------------------------------------------------------------- steps

    def root(self, token: str, amounts: dict[str, int], total: int) -> Root:
        root = self.book.tree(token, amounts).root if amounts else bytes(32)
        return Root(root, amounts, total)

    def _do(self, actor: Any, name: str, arguments: list[Any], verdict: Refusal | None) -> Outcome | None:
        data = self.book.contract.encode_abi(name, arguments)
        outcome = self.aside.send(actor.functions.run(self.book.address, 0, data))
        event(f"{name}: {verdict.name if verdict else 'done'}")
        if verdict == Refusal("NotProven"):
            assert outcome.refusal is not None
            assert outcome.refusal.name == "NotProven"
        else:
            assert outcome.refusal == verdict
        return None if verdict else outcome

    def _compare(self, outcome: Outcome | None, expected: list[Event]) -> None:
        assert outcome
        found = self.aside.events(self.book.contract, outcome)
        assert found == expected
        for name, args in found:
            if name == "PayeePaid":
                self.replayed[args["token"], args["payee"]] += args["amount"]

    def publish(self, actor: Any, token: str, new: Root) -> None:
        verdict = self.model.may_publish(token, new, actor.address, self.time)
        outcome = self._do(actor, "publish", [new.total, new.root, token], verdict)
        if outcome:
            self._compare(outcome, self.model.publish(token, new, self.time))
            self.roots[token].append(new)

    def withdraw(self, actor: Any, token: str) -> None:
        outcome = self._do(
            actor, "withdraw", [token], self.model.may_withdraw(token, actor.address, self.time)
        )
        if outcome:
            self._compare(outcome, self.model.withdraw(token))

    def activate(self, actor: Any, token: str) -> None:
        outcome = self._do(actor, "activate", [token], self.model.may_activate(token, self.time))
        if outcome:
            self._compare(outcome, self.model.enter(token, self.time))

    def take(self, actor: Any, token: str, to: str, amount: int) -> None:
        verdict = self.model.may_take(token, to, amount, actor.address)
        outcome = self._do(actor, "withdrawSurplus", [token, to, amount], verdict)
        if outcome:
            self._compare(outcome, self.model.take(token, to, amount))

    def claim(self, actor: Any, token: str, of: Root, payee: str, more: int, to: str | None) -> None:
        """`to`: where else, if the actor claims for itself."""
        payee = actor.address if to else payee
        cumulative = of.amounts.get(payee, 0) + more
        verdict = self.model.may_claim(token, payee, cumulative, of, to or payee, self.time)
        rest = [cumulative, self.proof(token, of, payee), token]
        outcome = self._do(actor, "claimTo" if to else "claim", [to or payee, *rest], verdict)
        if outcome:
            self._compare(outcome, self.model.claim(token, payee, cumulative, to, self.time))

    def claim_many(self, actor: Any, token: str, claims: list[tuple[str, int, Root]]) -> None:
        listed = [(payee, units, self.proof(token, of, payee)) for payee, units, of in claims]
        outcome = self._do(actor, "claimMany", [token, listed], None)
        self._compare(outcome, self.model.claim_many(token, claims, self.time))

    def proof(self, token: str, of: Root, payee: str) -> list[bytes]:
        if payee not in of.amounts:
            return []
        return self.book.tree(token, of.amounts).proof(list(of.amounts).index(payee))

    def fund(self, token: str, amount: int) -> None:
        if token == COIN:
            self.aside.must(self.stage.owner.functions.run(self.book.address, amount, b""), amount)
        else:
            self.aside.must(self.stage.world.at("Token", token).functions.mint(self.book.address, amount))
        self.model.assets[token].held += amount

    # ---------------------------------------------------------------- views

    def check(self) -> None:
        view, ask = self.book.functions, self.aside.ask
        for token, asset in self.model.assets.items():
            assert self.aside.balances(token, [self.book.address]) == [asset.held]
            changes = [
                now - then
                for now, then in zip(self.aside.balances(token, self.whose), self.before[token], strict=True)
            ]
            assert changes == [asset.got[who] for who in self.whose]
            root = asset.in_force(self.time)
            promised = ask(view.promised(token), "bytes32", "uint256", "uint256")
            assert promised == (root.root, root.total, asset.claimed)
            waits = asset.next if asset.next and self.time < asset.at else None
            announced = (waits.root, waits.total, asset.at) if waits else (bytes(32), 0, 0)
            assert ask(view.announced(token), "bytes32", "uint256", "uint256") == announced
            assert ask(view.surplus(token), "uint256") == asset.surplus
            for payee in self.stage.payees:
                units = ask(view.paid(payee, token), "uint256")
                assert units == asset.paid[payee] == self.replayed[token, payee]
                assert units <= max(r.amounts.get(payee, 0) for r in self.roots[token])
            # What is promised: by the contract's own figures, and by what is there.
            assert asset.claimed == sum(asset.paid.values()) <= root.total
            assert asset.held + asset.claimed >= asset.ever


def machine(stage: Stage) -> type[RuleBasedStateMachine]:  # noqa: C901 - each rule is a function
    assets, actors = st.sampled_from(stage.assets), st.sampled_from(stage.actors)
    units, payees = st.integers(0, 1_000), st.sampled_from(stage.payees)

    class Machine(RuleBasedStateMachine):
        play: Play

        @initialize(delayed=st.booleans(), data=st.data())
        def begin(self, delayed: bool, data: st.DataObject) -> None:
            self.play = Play(stage, stage.books[delayed], DELAY * delayed)
            self.main = data.draw(assets)
            self.play.fund(self.main, 3_000)
            self.publish(data, self.main, stage.owner)
            if data.draw(st.booleans()):
                self.play.aside.time += DELAY

        def token(self, data: st.DataObject) -> str:
            """Mostly the one."""
            return str(data.draw(st.sampled_from([self.main, self.main, self.main, *stage.assets])))

        def publish(self, data: st.DataObject, token: str, actor: Any) -> None:
            """Of a total as it should be, or another."""
            last = self.play.roots[token][-1]
            amounts = {p: last.amounts.get(p, 0) + data.draw(units) for p in stage.payees}
            if data.draw(st.integers(0, 5)) == 0:
                amounts = {p: data.draw(units) for p in stage.payees[:2]}
            off = data.draw(st.sampled_from([0] * 6 + [-150, 150, 2**128]))
            self.play.publish(
                actor, token, self.play.root(token, amounts, max(sum(amounts.values()) + off, 0))
            )

        def of(self, data: st.DataObject, token: str) -> Root:
            """Mostly the one in force."""
            back = data.draw(st.sampled_from([None, None, None, None, 0, 1]))
            if back is None:
                return self.play.model.assets[token].in_force(self.play.time)
            roots = self.play.roots[token]
            return roots[-1 - min(back, len(roots) - 1)]

        @rule(data=st.data(), actor=actors)
        def publish_something(self, data: st.DataObject, actor: Any) -> None:
            token = self.token(data)
            self.play.fund(token, data.draw(st.integers(1, 4_000)))
            self.publish(
                data, token, data.draw(st.sampled_from([stage.owner, stage.owner, stage.owner, actor]))
            )
            self.play.check()

        @rule(
            data=st.data(),
            actor=actors,
            payee=payees,
            more=st.sampled_from([0] * 8 + [1, -1]),
            apart=st.booleans(),
        )
        def claim(self, data: st.DataObject, actor: Any, payee: str, more: int, apart: bool) -> None:
            token = self.token(data)
            nowhere = [COIN, self.play.book.address]
            to = data.draw(st.sampled_from([stage.haven] * 4 + stage.payees + nowhere)) if apart else None
            of = self.of(data, token)
            if of.amounts.get(payee, 0) + more >= 0:
                self.play.claim(actor, token, of, payee, 0 if apart else more, to)
            self.play.check()

        @rule(data=st.data(), actor=actors, some=st.lists(payees, min_size=1, max_size=6))
        def claim_many(self, data: st.DataObject, actor: Any, some: list[str]) -> None:
            token, claims = self.token(data), []
            for payee in some:
                of = self.of(data, token)
                wrong = data.draw(st.integers(0, 9)) == 0
                claims.append((payee, of.amounts.get(payee, 0) + wrong, of))
            self.play.claim_many(actor, token, claims)
            self.play.check()

        @rule(data=st.data(), actor=actors, off=st.integers(-1, 1), all_=st.booleans())
        def take(self, data: st.DataObject, actor: Any, off: int, all_: bool) -> None:
            token = self.token(data)
            caller = data.draw(st.sampled_from([stage.owner, stage.owner, actor]))
            surplus = self.play.model.assets[token].surplus
            amount = max((surplus if all_ else surplus // 3) + off, 0)
            to = data.draw(st.sampled_from([stage.haven, *stage.payees, COIN, self.play.book.address]))
            self.play.take(caller, token, to, amount)
            self.play.check()

        @precondition(lambda self: self.play.model.delay)
        @rule(data=st.data(), actor=actors, off=st.integers(-1, 1))
        def wait(self, data: st.DataObject, actor: Any, off: int) -> None:
            """Until just before, at, or just after an announced root is in force; then try what depends on
            it."""
            asset = self.play.model.assets[self.token(data)]
            if asset.next and data.draw(st.booleans()):
                self.play.aside.time = max(asset.at + off, self.play.time)
            self.play.check()
            what = data.draw(st.sampled_from(["activate", "withdraw", ""]))
            if what == "activate":
                self.play.activate(actor, asset.token)
            if what == "withdraw":
                self.play.withdraw(data.draw(st.sampled_from([stage.owner, stage.owner, actor])), asset.token)
            self.play.check()

        @rule(data=st.data(), actor=actors)
        def change(self, data: st.DataObject, actor: Any) -> None:
            """Something outside."""
            what = data.draw(st.sampled_from(["mood", "bar", "token"]))
            note(what)
            match what:
                case "mood":
                    mood = "Honest" if stage.moods[actor.address] == "Reverts" else "Reverts"
                    self.play.aside.must(actor.functions.become(MOODS.index(mood), 0))
                    stage.moods[actor.address] = mood
                case "bar":
                    whom = data.draw(st.none() | st.sampled_from([COIN, *stage.payees]))
                    quirk = QUIRKS.index("None" if whom is None else "Blacklist")
                    self.play.aside.must(stage.fair.functions.behave(quirk, whom or COIN, 0))
                    stage.barred = whom
                case "token":
                    stage.mode = data.draw(st.sampled_from(MODES))
                    says = ANSWERS[stage.mode[0]]
                    self.play.aside.must(stage.odd.functions.behave(COIN, stage.mode[1], *says))

    return Machine


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    return Stage(world)


@pytest.mark.slow
def test_whatever_happens_book_and_model_agree(stage: Stage) -> None:
    profile = settings()
    run_state_machine_as_test(
        machine(stage),
        settings=settings(max_examples=max(profile.max_examples // 5, 1), stateful_step_count=30),
    )
