"""Rules that depend on cumulative revenue only, compiled to tiers.

A walk along the revenue, from 0 on. Between two events everything that comes in is shared in the same
proportions, which are a tier; an event is the revenue at which a rule is spent, a step or tier ends, or a cap
is reached. Proportions are exact fractions, events whole units.

Two kinds of meters find the events. One counts what flows past, exactly (`until`, steps). The other counts
what a payee gets, as the schedule will pay it: rounded down in each tier by itself. That is why a fee, a
recoup, a cap or a floor is met to the unit: its tier ends at the smallest revenue at which the payee has it,
and no unit of revenue ever earns anybody more than a unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, gcd, lcm
from typing import Protocol

from ._rule import fraction
from .rules import Cap, Commission, Fee, Floor, Progressive, Recoup, Rule
from .schedule import TierTerms

Shares = dict[str, Fraction]
_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Slice:
    """Revenue that is shared in the same proportions: `start` to `end` (None: for ever), parts of one."""

    start: int
    end: int | None
    shares: Shares

    def terms(self, payees: Sequence[str]) -> TierTerms:
        """Return it as a tier, with the smallest integer weights that give the same shares."""
        scale = lcm(*(part.denominator for part in self.shares.values()))
        weights = [int(self.shares.get(payee, _ZERO) * scale) for payee in payees]
        common = gcd(*weights)
        whole = tuple(weight // common for weight in weights)
        return TierTerms(self.start, self.end, whole, sum(whole))


@dataclass(frozen=True, slots=True)
class Waterfall:
    """What rules and tiers become. spent: for the number of each rule that is ever spent, the revenue."""

    slices: tuple[Slice, ...]
    spent: Mapping[int, int]


# ------------------------------------------------------------------------------------------ meters


class _Meter(Protocol):
    """Counts up to `target` while revenue comes in; `rate` is how much of each unit it counts."""

    rate: Fraction

    def reached_at(self) -> int | None:
        """Return the smallest revenue at which it has counted its target, None if never at this rate."""

    def advance(self, revenue: int) -> None:
        """Count what comes in up to `revenue`."""

    def begin(self) -> None:
        """Take note that a new tier begins here."""


@dataclass
class _Flow:
    """Counts exactly what flows past, up to each of `marks` in turn."""

    marks: list[Fraction]
    at: int = 0
    counted: Fraction = _ZERO
    rate: Fraction = _ZERO

    def reached_at(self) -> int | None:
        missing = next((mark for mark in self.marks if mark > self.counted), None)
        return (
            None if missing is None or not self.rate else self.at + ceil((missing - self.counted) / self.rate)
        )

    def advance(self, revenue: int) -> None:
        self.counted += (revenue - self.at) * self.rate
        self.at = revenue

    def begin(self) -> None:
        pass

    @property
    def passed(self) -> int:
        """How many marks have been reached."""
        return sum(mark <= self.counted for mark in self.marks)


@dataclass
class _Units:
    """Counts whole units up to `target`, as the schedule does: rounded down in each tier by itself."""

    target: int
    at: int = 0
    before: int = 0  # units, up to `since`
    since: int = 0
    running: Fraction = _ZERO  # the rate since then

    @property
    def rate(self) -> Fraction:
        return self.running

    @rate.setter
    def rate(self, rate: Fraction) -> None:
        if rate != self.running:
            self.begin()
            self.running = rate

    @property
    def counted(self) -> int:
        return self.before + floor((self.at - self.since) * self.running)

    @property
    def spent(self) -> bool:
        return self.counted >= self.target

    def reached_at(self) -> int | None:
        if self.spent or not self.running:
            return None
        return self.since + ceil((self.target - self.before) / self.running)

    def advance(self, revenue: int) -> None:
        self.at = revenue

    def begin(self) -> None:
        self.before, self.since = self.counted, self.at


# ------------------------------------------------------------------------------------------ rules at work


@dataclass
class _Steps:
    rule: Progressive
    flow: _Flow

    def part(self) -> Fraction:
        return fraction(self.rule.steps[self.flow.passed].rate)


@dataclass
class _Floor:
    """A floor over the lifetime: fill the payee, give back to the givers, then nothing more.

    got: what the payee gets until it has the floor. own: what it earns itself, up to the floor. given: what
    each giver gave.
    """

    rule: Floor
    givers: tuple[str, ...]
    got: _Units
    own: _Flow
    given: dict[str, _Flow] = field(default_factory=dict)

    def apply(self, shares: Shares) -> None:
        payee = self.rule.payee
        own = shares[payee]
        self.own.rate = own
        filling = not self.got.spent
        for giver in self.givers:
            self.given[giver].rate = shares[giver] if filling else _ZERO
        if filling:
            for giver in self.givers:
                shares[payee] += shares[giver]
                shares[giver] = _ZERO
            self.got.rate = shares[payee]
            return
        total = sum((flow.counted for flow in self.given.values()), _ZERO)
        if total and not self.own.passed:
            shares[payee] = _ZERO
            for giver in self.givers:
                shares[giver] += own * self.given[giver].counted / total


def waterfall(
    payees: Sequence[str],
    tiers: Sequence[tuple[int | None, Mapping[str, int]]],
    rules: Sequence[tuple[int, Rule]],
    units: _Parse,
) -> Waterfall:
    """Return what tiers and rules become.

    tiers: end in base units and weights, in order. rules: with their numbers, all `by_contract`. units: from
    an amount in whole tokens, as text, to base units.
    """
    return _Walk(payees, tiers, rules, units).go()


class _Parse(Protocol):
    def __call__(self, amount: str, /) -> int: ...


class _Walk:
    def __init__(
        self,
        payees: Sequence[str],
        tiers: Sequence[tuple[int | None, Mapping[str, int]]],
        rules: Sequence[tuple[int, Rule]],
        units: _Parse,
    ) -> None:
        self.payees = payees
        self.weights = [
            {name: Fraction(weight, sum(by_name.values())) for name, weight in by_name.items() if weight}
            for _, by_name in tiers
        ]
        self.base = _Flow([Fraction(end) for end, _ in tiers if end is not None])
        self.commissions = [rule for _, rule in rules if isinstance(rule, Commission)]
        self.counted: dict[int, _Units] = {}  # by the number of the rule
        self.fees: list[tuple[Fee, _Units]] = []
        self.recoups: list[tuple[Recoup, _Units]] = []
        self.debts: list[tuple[str, Recoup, _Units]] = []  # with the debtor
        self.steps: list[_Steps] = []
        self.floors: list[_Floor] = []
        caps: list[tuple[Cap, _Units]] = []
        for number, rule in rules:
            match rule:
                case Fee():
                    self.fees.append((rule, self._meter(number, units(rule.amount))))
                case Recoup():
                    meter = self._meter(number, rule.target(units(rule.amount)))
                    if rule.of is None:
                        self.recoups.append((rule, meter))
                    else:
                        self.debts.append((rule.of, rule, meter))
                case Cap():
                    caps.append((rule, self._meter(number, units(rule.amount))))
                case Progressive():
                    marks = [Fraction(units(step.until)) for step in rule.steps if step.until is not None]
                    self.steps.append(_Steps(rule, _Flow(marks)))
                case Floor():
                    self.floors.append(self._floor(number, rule, units(rule.amount)))
        self.caps = list(_along_the_chain(caps))

    def _meter(self, number: int, target: int) -> _Units:
        return self.counted.setdefault(number, _Units(target))

    def _floor(self, number: int, rule: Floor, amount: int) -> _Floor:
        givers = tuple(name for name in rule.by or self.payees if name != rule.payee)
        given = {giver: _Flow([]) for giver in givers}
        return _Floor(rule, givers, self._meter(number, amount), _Flow([Fraction(amount)]), given)

    def _meters(self) -> Iterator[_Meter]:
        yield self.base
        yield from (steps.flow for steps in self.steps)
        yield from self.counted.values()
        for one in self.floors:
            yield one.own
            yield from one.given.values()

    def go(self) -> Waterfall:
        """Walk along the revenue and return the slices it falls into."""
        slices: list[Slice] = []
        spent: dict[int, int] = {}
        at = 0
        while True:
            shares = self._shares()
            if slices and slices[-1].shares == shares:
                start = slices.pop().start
            else:
                start = at
                for meter in self._meters():
                    meter.begin()
            end = min(
                (when for meter in self._meters() if (when := meter.reached_at()) is not None), default=None
            )
            slices.append(Slice(start, end, shares))
            if end is None:
                return Waterfall(tuple(slices), spent)
            at = end
            for meter in self._meters():
                meter.advance(at)
            for number, counted in self.counted.items():
                if counted.spent:
                    spent.setdefault(number, at)

    def _shares(self) -> Shares:
        """Return who gets which part of the next unit, and tell every meter how much of it it counts."""
        shares = dict.fromkeys(self.payees, _ZERO)
        left = Fraction(1)
        for commission in self.commissions:
            part = fraction(commission.rate)
            shares[commission.to] += part
            left -= part
        for fee, meter in self.fees:
            meter.rate = _ZERO if meter.spent else left
            shares[fee.to] += meter.rate
            left -= meter.rate
        for recoup, meter in self.recoups:
            meter.rate = _ZERO if meter.spent else left * fraction(recoup.rate)
            shares[recoup.payee] += meter.rate
            left -= meter.rate
        reached = left
        for steps in self.steps:
            steps.flow.rate = reached
            shares[steps.rule.payee] += reached * steps.part()
            left -= reached * steps.part()
        self.base.rate = left
        for name, part in self.weights[self.base.passed].items():
            shares[name] += left * part
        for cap, meter in self.caps:
            meter.rate = shares[cap.payee]
            if meter.spent:
                shares[cap.to] += shares[cap.payee]
                shares[cap.payee] = _ZERO
        for debtor, debt, meter in self.debts:
            meter.rate = _ZERO if meter.spent else shares[debtor] * fraction(debt.rate)
            shares[debt.payee] += meter.rate
            shares[debtor] -= meter.rate
        for one in self.floors:
            one.apply(shares)
        return {name: part for name, part in shares.items() if part}


def _along_the_chain(caps: list[tuple[Cap, _Units]]) -> Iterator[tuple[Cap, _Units]]:
    """Yield caps so that what one passes on is counted by the next. They do not make a circle."""
    by_payee = {cap.payee: (cap, meter) for cap, meter in caps}
    waiting = dict(by_payee)
    while waiting:
        receiving = {cap.to for cap, _ in waiting.values()}
        free = [payee for payee in waiting if payee not in receiving]
        for payee in free:
            yield waiting.pop(payee)
