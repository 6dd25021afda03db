"""Random agreements, random things done to them: after every step the contract says what the money rule says.

The contract's statement, its marks, the payees' balances, the library's Schedule and a replay of the log
alone are all compared to the last unit. HYPOTHESIS_PROFILE=campaign searches longer.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from revshare import Schedule, Token
from revshare.schedule import TierTerms
from tests.contract.model import Books, Replay
from tests.contract.world import COIN, MAX, Refusal, Split, Terms, Tier, World
from tests.oracle import entitlements
from tests.strategies import amounts, tier_terms

DECIMALS = [6, 18, 2]
REFUSING = ["Reverts", "BurnsGas", "BombOnRevert"]
ACCEPTING = ["Honest", "BombOnSuccess"]
ACTORS = 3
MOST_COIN = 2**100


class Stage:
    """What all examples share: tokens of which the owner has plenty, payees that can change their minds."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = [world.token(decimals) for decimals in DECIMALS]
        for token in self.tokens:
            world.send(token.functions.mint(world.owner, 2**250))
        self.actors = [world.payee() for _ in range(ACTORS)]
        self.assets = [COIN, *(token.address for token in self.tokens)]

    def token(self, asset: str) -> Any:
        return self.tokens[self.assets.index(asset) - 1]


def whole(tiers: tuple[TierTerms, ...]) -> list[Tier]:
    """Tiers as a contract takes them: everybody has a share somewhere."""
    sharing = [any(tier.weights[i] for tier in tiers) for i in range(len(tiers[0].weights))]
    last = tuple(w or int(not s) for w, s in zip(tiers[-1].weights, sharing, strict=True))
    return [(tier.end, last if tier.end is None else tier.weights) for tier in tiers]


def schedule_of(payees: tuple[str, ...], tiers: tuple[Tier, ...]) -> Schedule:
    starts = [0, *(end for end, _ in tiers if end is not None)]
    return Schedule(
        payees,
        payees,
        tuple(TierTerms(s, end, tuple(w), sum(w)) for s, (end, w) in zip(starts, tiers, strict=True)),
        Token(symbol="TEST", decimals=6),
    )


class Play:
    """A split, and all that is known about it otherwise. Each method does one thing and compares all."""

    def __init__(self, stage: Stage, tiers: list[Tier], settlement: str) -> None:
        self.stage, self.world = stage, stage.world
        payees = [actor.address for actor in stage.actors][: len(tiers[0][1])]
        while len(payees) < len(tiers[0][1]):
            payees.append(to_checksum_address(keccak(b"payee %d" % len(payees))[12:]))
        self.split: Split = self.world.create(Terms.of(payees, tiers, settlement), 0)
        self.payees = self.split.terms.payees
        self.settlement = settlement
        tiers_for = {asset: self.split.terms.tiers_for(asset) for asset in stage.assets}
        last = tiers_for[next(a for a in stage.assets if a != settlement)]
        for asset, applied in tiers_for.items():
            if asset != settlement:  # any other token knows no tiers but the last, from the first unit on
                assert applied == last
                tiers_for[asset] = ((None, applied[0][1]),)
        self.books = {asset: Books(applied) for asset, applied in tiers_for.items()}
        self.replays = {asset: Replay(applied, self.payees) for asset, applied in tiers_for.items()}
        schedule = schedule_of(self.payees, self.split.terms.tiers)
        self.schedules = {
            asset: schedule if asset == settlement else schedule.for_other_token() for asset in stage.assets
        }
        self.refusing: set[str] = set()  # payees that take no coin
        self.barred: dict[str, str] = {}  # asset -> the payee it refuses
        self.approved: set[str] = set()
        self.redirected: dict[tuple[str, str], int] = {}
        self.count = 0

    def accepts(self, asset: str, payee: int) -> bool:
        who = self.payees[payee]
        return who not in self.refusing if asset == COIN else self.barred.get(asset) != who

    def send(self, what: Any, value: int = 0) -> list[tuple[str, dict[str, Any]]]:
        receipt = self.world.send(what, value=value)
        events = self.world.logs(self.split.contract, receipt)
        for name, event in events:
            if name not in ("SalePaid", "Remitted"):
                self.replays[event["token"]].read(name, event)
        return events

    def compare(self, asset: str) -> None:
        books, replay = self.books[asset], self.replays[asset]
        revenue, lines = self.split.statement(asset)
        assert revenue == books.revenue
        found = [(line.entitlement, line.paid, line.credit, line.due) for line in lines]
        assert found == books.lines()
        assert [line.payee for line in lines] == list(self.payees)
        assert [line.entitlement for line in lines] == list(
            self.schedules[asset].entitlements(revenue).values()
        )
        ahead = any(mark > books.distributed for mark in books.own_mark)
        marks = self.split.functions.marks(asset).call()
        assert marks == [books.distributed, sum(books.paid), ahead]
        balances = self.world.balances(asset, [*self.payees, self.split.address])
        moved = [self.redirected.get((asset, payee), 0) for payee in self.payees]
        assert balances == [*(p - m for p, m in zip(books.paid, moved, strict=True)), books.held]
        assert (replay.distributed, replay.paid, replay.credit) == (
            books.distributed,
            books.paid,
            books.credit,
        )
        if not books.fell:
            assert books.held >= sum(books.due) + sum(books.credit)
            assert all(e == p + c + d for e, p, c, d in found)

    # -- what people do

    def receive(self, asset: str, amount: int, how: str) -> None:
        functions = self.split.functions
        self.count += 1
        name = self.count.to_bytes(32, "big")
        if asset != COIN and how != "bare" and asset not in self.approved:
            self.approved.add(asset)
            self.world.send(self.stage.token(asset).functions.approve(self.split.address, 2**256 - 1))
        value = amount if asset == COIN else 0
        if how == "pay":
            ((event, said),) = self.send(functions.pay(name, asset, amount), value)
            assert (event, said["amount"], said["saleId"]) == ("SalePaid", amount, name)
        elif how == "remit":
            ((event, said),) = self.send(functions.remit(name, asset, amount, name, 3), value)
            assert (event, said["amount"], said["batchId"]) == ("Remitted", amount, name)
        elif asset == COIN:
            self.send({"to": self.split.address}, amount)
        else:
            self.send(self.stage.token(asset).functions.transfer(self.split.address, amount))
        self.books[asset].receive(amount)
        self.compare(asset)

    def distribute(self, asset: str) -> None:
        said = self.split.distributing(asset).call({"from": self.world.owner, "gas": 50_000_000})
        assert tuple(said) == self.books[asset].distribute(lambda payee: self.accepts(asset, payee))
        self.send(self.split.distributing(asset))
        self.compare(asset)

    def claim(self, asset: str, payee: int) -> None:
        books = self.books[asset]
        function = self.split.claiming(self.payees[payee], asset)
        if not books.due[payee]:
            assert self.world.refusal(function).name == "NothingDue"
        elif not self.accepts(asset, payee) or books.due[payee] > books.held:
            assert self.world.refusal(function) == Refusal(
                "PaymentFailed", (asset.lower(), self.payees[payee].lower(), books.due[payee])
            )
        else:
            books.claim(payee)
            self.send(function)
        self.compare(asset)

    def withdraw(self, asset: str, payee: int) -> None:
        books = self.books[asset]
        function = self.split.functions.withdrawCredit(self.payees[payee], asset)
        if not min(books.credit[payee], books.held):
            assert self.world.refusal(function).name == "NothingDue"
        elif not self.accepts(asset, payee):
            assert self.world.refusal(function).name == "PaymentFailed"
        else:
            books.withdraw(payee)
            self.send(function)
        self.compare(asset)

    def redirect(self, asset: str, actor: int, part: int) -> None:
        """A payee that cannot receive has its credit sent elsewhere, or a part of it, or asks for what it
        has not."""
        contract = self.stage.actors[actor]
        payee, books = self.payees.index(contract.address), self.books[asset]
        haven = to_checksum_address(keccak(b"haven")[12:])
        credit = books.credit[payee]
        amount = credit + 1 if part < 0 else credit // part if part else 0
        call = self.split.contract.encode_abi("redirectCredit", [haven, asset, amount])
        function = contract.functions.run(self.split.address, 0, call)
        before = self.world.balance(asset, haven)
        refused = (
            Refusal("CreditExceeded", (credit, amount))
            if amount > credit
            else Refusal("NothingDue", (contract.address.lower(), asset.lower()))
            if not amount
            else Refusal("PaymentFailed", (asset.lower(), haven.lower(), amount))
            if amount > books.held
            else None
        )
        if refused:
            assert self.world.refusal(function) == refused
            return
        books.redirect(payee, amount)
        self.send(function)
        key = (asset, contract.address)
        self.redirected[key] = self.redirected.get(key, 0) + amount
        assert self.world.balance(asset, haven) == before + amount
        self.compare(asset)

    def withdraw_all(self, asset: str) -> None:
        """One call for all payees: whom it cannot pay it leaves out."""
        books = self.books[asset]
        paid = [i for i in range(len(self.payees)) if books.credit[i] and self.accepts(asset, i)]
        paid = [i for i in paid if books.held and books.withdraw(i)]
        events = self.send(self.split.functions.withdrawCredits(list(self.payees), asset))
        assert [said["payee"] for name, said in events if name == "CreditWithdrawn"] == [
            self.payees[i] for i in paid
        ]
        assert len(events) == len(self.payees)
        self.compare(asset)

    def claim_all(self, asset: str) -> None:
        books = self.books[asset]
        paid = []
        for i in range(len(self.payees)):
            if books.due[i] and self.accepts(asset, i) and books.due[i] <= books.held:
                books.claim(i)
                paid.append(self.payees[i])
        claims = [(payee, self.split.terms.proof(i), asset) for i, payee in enumerate(self.payees)]
        events = self.send(self.split.functions.claimMany(claims))
        assert [said["payee"] for name, said in events if name == "Claimed"] == paid
        assert len(events) == len(self.payees)
        self.compare(asset)

    def turn(self, actor: int, mood: str) -> None:
        contract = self.stage.actors[actor]
        self.world.become(contract, mood)
        (self.refusing.add if mood in REFUSING else self.refusing.discard)(contract.address)

    def bar(self, asset: str, payee: int | None) -> None:
        token = self.stage.token(asset)
        if payee is None:
            self.barred.pop(asset, None)
            self.world.behave(token, "None")
        else:
            self.barred[asset] = self.payees[payee]
            self.world.behave(token, "Blacklist", self.payees[payee])

    def take_away(self, asset: str, amount: int) -> None:
        books = self.books[asset]
        amount = min(amount, books.held)
        if amount:
            books.take_away(amount)
            self.world.send(self.stage.token(asset).functions.set(self.split.address, books.held))
            self.compare(asset)

    def settle(self) -> None:
        """In the end everybody can be paid, and is; the same revenue in one piece gives the same."""
        for actor in range(min(ACTORS, len(self.payees))):
            self.turn(actor, "Honest")
        for asset in sorted(self.barred):
            self.bar(asset, None)
        for asset, books in self.books.items():
            if not books.revenue:
                continue
            self.distribute(asset)
            for payee in range(len(self.payees)):
                if books.credit[payee] and books.held:
                    self.withdraw(asset, payee)
            for payee, address in enumerate(self.payees):
                assert self.split.functions.markOf(address, asset).call() == max(
                    books.distributed, books.own_mark[payee]
                )
            if not books.fell:
                assert books.paid == entitlements(books.tiers, books.revenue)
                assert not any(books.credit)
        self.in_one_piece()

    def in_one_piece(self) -> None:
        books = self.books[self.settlement]
        if books.fell or not books.revenue:
            return
        other = self.world.create(self.split.terms, 1)
        total = books.held + sum(books.paid)
        if self.settlement == COIN:
            self.world.coin(other.address, total)
        else:
            self.world.send(self.stage.token(self.settlement).functions.set(other.address, total))
        other.distribute(self.settlement)
        assert [line.paid for line in other.statement(self.settlement)[1]] == books.paid


def machine(stage: Stage) -> type[RuleBasedStateMachine]:  # noqa: C901 - each rule is a function
    assets = st.sampled_from(stage.assets)
    tokens = st.sampled_from(stage.assets[1:])
    numbers = st.integers(0, 11)

    class Machine(RuleBasedStateMachine):
        play: Play

        def __init__(self) -> None:
            super().__init__()
            self.snapshot = stage.world.tester.take_snapshot()

        def teardown(self) -> None:
            try:
                if hasattr(self, "play"):
                    self.play.settle()
            finally:
                stage.world.tester.revert_to_snapshot(self.snapshot)
            super().teardown()

        @initialize(tiers=tier_terms(12, 8, largest=MAX - 1), settlement=assets)
        def sign(self, tiers: tuple[TierTerms, ...], settlement: str) -> None:
            note(f"{tiers}, settled in {settlement}")
            self.play = Play(stage, whole(tiers), settlement)

        @rule(asset=assets, amount=amounts(MAX), how=st.sampled_from(["bare", "pay", "remit"]))
        def receive(self, asset: str, amount: int, how: str) -> None:
            self.play.receive(asset, min(amount, MOST_COIN) if asset == COIN else amount, how)

        @rule(data=st.data(), off=st.integers(-1, 1))
        def receive_up_to_the_end_of_a_tier(self, data: st.DataObject, off: int) -> None:
            """Just below, at, and just above a boundary."""
            asset = self.play.settlement
            revenue = self.play.books[asset].revenue
            most = MOST_COIN if asset == COIN else MAX
            gaps = [end + off - revenue for end, _ in self.play.split.terms.tiers if end is not None]
            gaps = [gap for gap in gaps if 0 < gap <= most]
            if gaps:
                self.play.receive(asset, data.draw(st.sampled_from(gaps)), "bare")

        @rule(asset=assets)
        def distribute(self, asset: str) -> None:
            self.play.distribute(asset)

        @rule(asset=assets, payee=numbers)
        def claim(self, asset: str, payee: int) -> None:
            self.play.claim(asset, payee % len(self.play.payees))

        @rule(asset=assets, payee=numbers)
        def withdraw(self, asset: str, payee: int) -> None:
            self.play.withdraw(asset, payee % len(self.play.payees))

        @rule(asset=assets, actor=st.integers(0, ACTORS - 1), part=st.integers(-1, 3))
        def redirect(self, asset: str, actor: int, part: int) -> None:
            self.play.redirect(asset, actor % min(ACTORS, len(self.play.payees)), part)

        @rule(asset=assets)
        def withdraw_all(self, asset: str) -> None:
            self.play.withdraw_all(asset)

        @rule(asset=assets)
        def claim_all(self, asset: str) -> None:
            self.play.claim_all(asset)

        @rule(actor=st.integers(0, ACTORS - 1), mood=st.sampled_from(REFUSING + ACCEPTING))
        def turn(self, actor: int, mood: str) -> None:
            self.play.turn(actor % min(ACTORS, len(self.play.payees)), mood)

        @rule(asset=tokens, payee=st.none() | numbers)
        def bar(self, asset: str, payee: int | None) -> None:
            self.play.bar(asset, None if payee is None else payee % len(self.play.payees))

        @precondition(lambda self: any(b.held for a, b in self.play.books.items() if a != COIN))
        @rule(asset=tokens, amount=amounts(MAX))
        def take_away(self, asset: str, amount: int) -> None:
            self.play.take_away(asset, amount)

    return Machine


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    return Stage(world)


@pytest.mark.slow
def test_whatever_happens_contract_and_rule_agree(stage: Stage) -> None:
    profile = settings()
    run_state_machine_as_test(
        machine(stage),
        settings=settings(max_examples=max(profile.max_examples // 5, 1), stateful_step_count=20),
    )


@pytest.mark.parametrize("count", [101, 130])
@pytest.mark.parametrize("kind", [0, 1], ids=["coin", "token"])
def test_the_same_with_a_crowd(stage: Stage, count: int, kind: int, request: pytest.FixtureRequest) -> None:
    seed = f"{request.config.getoption('hypothesis_seed')}-{count}-{kind}"
    rng = random.Random(seed)
    asset = stage.assets[kind]
    ends = sorted(rng.sample(range(1, 10**9), 2))
    tiers: list[Tier] = [(end, [rng.randint(1, 2**32 - 1) for _ in range(count)]) for end in [*ends, None]]
    snapshot = stage.world.tester.take_snapshot()
    try:
        play = Play(stage, tiers, asset)
        play.turn(0, "Reverts")
        if kind:
            play.bar(asset, rng.randrange(count))
        for target in (ends[0] - 1, ends[0], ends[0] + 1, ends[1] + rng.randrange(10**9)):
            play.receive(asset, target - play.books[asset].revenue, "bare")
            play.claim(asset, rng.randrange(count))
            play.distribute(asset)
    finally:
        stage.world.tester.revert_to_snapshot(snapshot)


BOUNDARIES: list[Tier] = [(1_000, (1, 0, 0)), (5_000, (1, 2, 0)), (None, (3, 3, 4))]


@pytest.mark.parametrize("kind", [0, 1], ids=["coin", "token"])
@pytest.mark.parametrize("claims", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        [999, 1, 1, 3_998, 1, 1],
        [1_000, 4_000, 1_000],
        [1_001, 4_001],
        [4_999, 2],
        [5_001],
        [1] * 6,
    ],
)
def test_three_tiers_just_below_at_and_above_their_ends(
    stage: Stage, kind: int, claims: bool, steps: list[int]
) -> None:
    snapshot = stage.world.tester.take_snapshot()
    try:
        play = Play(stage, BOUNDARIES, stage.assets[kind])
        for i, amount in enumerate(steps):
            play.receive(stage.assets[kind], amount, "bare")
            if claims:
                play.claim(stage.assets[kind], i % 3)
            play.distribute(stage.assets[kind])
        play.settle()
    finally:
        stage.world.tester.revert_to_snapshot(snapshot)


@pytest.mark.parametrize("settlement", [0, 1], ids=["settled in coin", "settled in a token"])
def test_any_other_token_is_shared_by_the_last_tier_alone(stage: Stage, settlement: int) -> None:
    """Caps are in the settlement token; revenue in others would reach them by chance."""
    snapshot = stage.world.tester.take_snapshot()
    try:
        play = Play(stage, BOUNDARIES, stage.assets[settlement])
        for asset in stage.assets:
            play.receive(asset, 900, "bare")
            play.claim(asset, 2)
            play.distribute(asset)
            play.receive(asset, 5_000, "bare")
            play.distribute(asset)
            tiers = play.split.terms.tiers if asset == play.settlement else play.split.terms.tiers[-1:]
            paid = [line.paid for line in play.split.statement(asset)[1]]
            assert paid == entitlements(tiers, 5_900)
    finally:
        stage.world.tester.revert_to_snapshot(snapshot)
