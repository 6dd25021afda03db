"""What an agreement's rules say, ready to be worked out: numbers in base units, and which hold on which day.

A rule has a number that stays the same when rules are added to the agreement: what it has counted is kept
under it. Terms are never changed with effect on what was closed.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from revshare import rules as r
from revshare._fields import percent
from revshare._tier import Tier, weights_of
from revshare.agreement import Agreement
from revshare.errors import InvalidInput
from revshare.money import Token

R = TypeVar("R", bound=r.Rule)
RECEIVED, UNDISTRIBUTED = "received", "undistributed"
"""Accounts that belong to no payee: what came in (negative), and what nobody has earned, as parts are rounded
down. Neither can be a payee's name."""


class Part(NamedTuple):
    """A fraction to be taken: of anything whole, rounded down."""

    num: int
    den: int

    @classmethod
    def of(cls, rate: str) -> Part:
        """Return the part that a percentage is."""
        fraction = percent(rate) / 100
        return cls(fraction.numerator, fraction.denominator)

    def taken(self, base: int) -> int:
        """Return the part of `base`, rounded down; of less than nothing, down as well."""
        return base * self.num // self.den


class Slices:
    """Tiers: what each payee has earned of any cumulative amount. Below zero, as the first tier says."""

    def __init__(self, rows: list[tuple[int | None, Mapping[str, int]]]) -> None:
        self.payees = tuple(dict.fromkeys(payee for _, weights in rows for payee in weights))
        self._tiers: list[tuple[int, int | None, list[int], int, list[int]]] = []
        start, full = 0, [0] * len(self.payees)
        for end, by_name in rows:
            weights = [by_name.get(payee, 0) for payee in self.payees]
            total = sum(weights)
            self._tiers.append((start, end, weights, total, full))
            if end is not None:
                size = end - start
                full = [before + size * w // total for before, w in zip(full, weights, strict=True)]
                start = end

    def earned(self, amount: int, start: int = 0) -> list[int]:
        """Return what each of `payees` has earned, cumulative, of `amount` that came in from `start` on.

        Parts are rounded down from there on: what others made of the units before cannot be given again.
        """
        if start:
            return self._from(start, amount)
        for begin, end, weights, total, full in self._tiers:
            if end is None or amount <= end:
                part = amount - begin
                return [before + part * w // total for before, w in zip(full, weights, strict=True)]
        raise AssertionError("the last tier is unbounded")

    def _from(self, start: int, amount: int) -> list[int]:
        found = [0] * len(self.payees)
        for place, (begin, end, weights, total, _) in enumerate(self._tiers):
            low = None if place == 0 else begin
            part = _within(low, end, start + amount) - _within(low, end, start)
            found = [before + part * w // total for before, w in zip(found, weights, strict=True)]
        return found


def _within(begin: int | None, end: int | None, amount: int) -> int:
    """Return how much of `amount` lies between two ends; below zero counts for what begins nowhere."""
    top = amount if end is None else min(amount, end)
    return top if begin is None else max(top - begin, 0)


def slices_of(tiers: tuple[Tier, ...], token: Token) -> Slices:
    """Return an agreement's tiers, in base units."""
    return Slices([(None if t.until is None else token.parse(t.until), t.weights()) for t in tiers])


class Numbered(NamedTuple):
    """A rule with its number, and its amounts in base units."""

    number: int
    rule: Any
    amount: int
    part: Part


@dataclass
class Regime:
    """The rules that hold on a day, by stage, each kind in the order of the file."""

    commissions: list[Numbered] = field(default_factory=list)
    fees: list[Numbered] = field(default_factory=list)
    recoups: list[Numbered] = field(default_factory=list)
    progressives: list[Numbered] = field(default_factory=list)
    version: int = -1
    wheres: list[Numbered] = field(default_factory=list)
    sale_caps: list[Numbered] = field(default_factory=list)
    caps: list[Numbered] = field(default_factory=list)
    debts: list[Numbered] = field(default_factory=list)
    refunds: list[Numbered] = field(default_factory=list)
    closing: list[Numbered] = field(default_factory=list)
    routes: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def of(self, kind: type[R]) -> Iterator[Numbered]:
        """Yield the rules of a kind that are worked out when a period closes."""
        return (entry for entry in self.closing if isinstance(entry.rule, kind))


class Terms:
    """One agreement's rules, numbered, with `at` for those that hold on a day.

    known: as a state keeps it, of an earlier close: rules it does not have must begin after `closed`, the
    first day that is not closed yet. Raises InvalidInput otherwise.
    """

    def __init__(self, agreement: Agreement, known: dict[str, Any] | None, closed: date | None) -> None:
        self.agreement = agreement
        self.token = agreement.token
        for name in (RECEIVED, UNDISTRIBUTED):
            if name in agreement.payees:
                raise InvalidInput(f"{agreement.name}: a payee cannot be called {name!r}: an account is")
        self.by_contract = agreement.by_contract
        self.known = _known(agreement, known, closed)
        keys = [key for key, _ in self.known["rules"]]
        self.rules = []
        for key, rule in _keyed(agreement):
            number = keys.index(key)
            self.rules.append(Numbered(number, rule, _amount(rule, self.token), _part(rule)))
        self.number = {entry.number: entry for entry in self.rules}
        self.place = {entry.number: place for place, entry in enumerate(self.rules)}
        self.reasons = {entry.number: _reason(entry.rule) for entry in self.rules}
        self.splits = self._splits()
        self.steps = {
            e.number: _steps(e.rule, self.token) for e in self.rules if isinstance(e.rule, r.Progressive)
        }
        days = {day for e in self.rules for day in (e.rule.starts, e.rule.ends) if day is not None}
        self._days = sorted(day.toordinal() for day in days)
        self._regimes: dict[int, Regime] = {}

    def _splits(self) -> dict[int, Slices]:
        """Return tiers by number of their version, -1 for those of the agreement; and of rules `where`."""
        if self.by_contract:
            schedule = self.agreement.schedule()
            rows = [
                (tier.end, dict(zip(schedule.payees, tier.weights, strict=True))) for tier in schedule.tiers
            ]
            return {-1: Slices([(end, weights) for end, weights in rows])}
        found = {-1: slices_of(self.agreement.tiers, self.token)}
        for entry in self.rules:
            if isinstance(entry.rule, r.Version):
                found[entry.number] = slices_of(entry.rule.tiers, self.token)
            elif isinstance(entry.rule, r.Where):
                found[entry.number] = Slices([(None, weights_of(entry.rule.shares))])
        return found

    def at(self, day: int) -> Regime:
        """Return the rules that hold on a day, given as its ordinal."""
        place = bisect_right(self._days, day)
        regime = self._regimes.get(place)
        if regime is None:
            regime = self._regimes[place] = self._regime(day)
        return regime

    def _regime(self, day: int) -> Regime:
        found = Regime()
        latest = 0
        homes: dict[type, list[Numbered]] = {
            r.Commission: found.commissions,
            r.Fee: found.fees,
            r.Progressive: found.progressives,
            r.Where: found.wheres,
            r.Refunds: found.refunds,
        }
        for entry in self.rules:
            rule = entry.rule
            if not holds(rule, day):
                continue
            if isinstance(rule, r.Version):
                if rule.starts.toordinal() >= latest:
                    found.version, latest = entry.number, rule.starts.toordinal()
            elif isinstance(rule, r.Recoup):
                (found.recoups if rule.of is None else found.debts).append(entry)
                found.closing.append(entry)
            elif isinstance(rule, r.Cap) and rule.per != "period":
                (found.sale_caps if rule.per == "sale" else found.caps).append(entry)
            else:
                homes.get(type(rule), found.closing).append(entry)
        found.caps = _chained(found.caps)
        return found


def holds(rule: r.Rule, day: int) -> bool:
    """Return whether a rule is in force on a day."""
    return (rule.starts is None or rule.starts.toordinal() <= day) and (
        rule.ends is None or day < rule.ends.toordinal()
    )


def _keyed(agreement: Agreement) -> Iterator[tuple[str, r.Rule]]:
    """Yield each rule with what tells it from others: all it says but its end, and which of such it is."""
    seen: dict[str, int] = {}
    for rule in agreement.rules:
        data = rule.model_dump(mode="json", exclude_none=True)
        data.pop("ends", None)
        text = json.dumps(data, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        yield (text if seen[text] == 1 else f"{text}#{seen[text]}"), rule


def _known(agreement: Agreement, before: dict[str, Any] | None, closed: date | None) -> dict[str, Any]:
    """Return what identifies the terms, and check that it goes on from what was known before."""
    tiers = json.dumps([tier.model_dump(mode="json") for tier in agreement.tiers], sort_keys=True)
    token = agreement.token.model_dump_json()
    now = {key: rule.ends.isoformat() if rule.ends else None for key, rule in _keyed(agreement)}
    payees = dict(agreement.payees)
    mode = "contract" if agreement.by_contract else "book"
    if before is None or closed is None:
        return {
            "tiers": tiers,
            "token": token,
            "payees": payees,
            "mode": mode,
            "rules": [[key, ends] for key, ends in now.items()],
        }
    if (tiers, token) != (before["tiers"], before["token"]):
        raise InvalidInput(
            f"{agreement.name}: tiers or token are not those of the state: what was closed is not shared "
            'anew. Write new tiers as a rule, rule = "version"'
        )
    if any(payees.get(name) != address for name, address in before["payees"].items()):
        raise InvalidInput(f"{agreement.name}: a payee of the state is missing, or has another address")
    kept = []
    for key, ends in before["rules"]:
        if key not in now:
            raise InvalidInput(f"{agreement.name}: a rule of the state is missing: let it end instead: {key}")
        new = now.pop(key)
        if new != ends and any(day is not None and date.fromisoformat(day) < closed for day in (new, ends)):
            raise InvalidInput(f"{agreement.name}: a rule cannot end otherwise in what was closed: {key}")
        kept.append([key, new])
    for key, rule in _keyed(agreement):
        if key in now:
            if rule.starts is None or rule.starts < closed:
                raise InvalidInput(
                    f"{agreement.name}: a new rule must start on {closed} or later, since what was closed is "
                    f"not shared anew: {key}"
                )
            kept.append([key, now[key]])
    if mode != before["mode"]:
        raise InvalidInput(
            f"{agreement.name}: so far all was as the contract shares it, and now there are rules that no "
            "contract can compute: write an agreement of its own for what comes"
        )
    return {"tiers": tiers, "token": token, "payees": payees, "mode": mode, "rules": kept}


def _amount(rule: r.Rule, token: Token) -> int:
    """Return a rule's amount in base units; of a recoup, with its premium. 0 for a rule without one."""
    text = getattr(rule, "amount", None)
    if text is None:
        return 0
    amount = token.parse(text)
    return rule.target(amount) if isinstance(rule, r.Recoup) else amount


def _reason(rule: r.Rule) -> str:
    """Return what a rule says, for statements, with the number of a certificate."""
    certificate = rule.certificate if isinstance(rule, r.Withhold) else None
    return rule.says() + (f" (certificate {certificate})" if certificate else "")


def _part(rule: r.Rule) -> Part:
    rate = getattr(rule, "rate", None)
    return Part(0, 1) if rate is None else Part.of(rate)


def _steps(rule: r.Progressive, token: Token) -> list[tuple[int | None, Part]]:
    """Return where each step ends, in base units or units sold, and its rate."""

    def end(until: str) -> int:
        return int(Fraction(until)) if rule.metric == "units" else token.parse(until)

    return [(None if step.until is None else end(step.until), Part.of(step.rate)) for step in rule.steps]


def _chained(caps: list[Numbered]) -> list[Numbered]:
    """Return lifetime caps so that what exceeds one is counted by the next, in whatever order they stand.

    They do not make a circle: an agreement with one is refused.
    """
    waiting, found = list(caps), []
    while waiting:
        receiving = {entry.rule.to for entry in waiting}
        found += [entry for entry in waiting if entry.rule.payee not in receiving]
        waiting = [entry for entry in waiting if entry.rule.payee in receiving]
    return found
