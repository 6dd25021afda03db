"""Stages 2 to 5 of the order of evaluation: what each sale earns each payee, at once when it is taken.

Every rule keeps cumulative marks, what has come to its stage so far, and a sale is given the difference that
it makes: parts are rounded once, over all sales, and a credit note is a sale below zero under the terms of
what it reverses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from revshare.errors import InvalidInput
from revshare.rules import Recoup

from ._book import Book, Event
from ._terms import RECEIVED, UNDISTRIBUTED, Numbered, Part, Regime

Gains = dict[str, int]


class Stages:
    """Takes the revenue of one agreement through the stages, event by event."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.terms = book.terms
        self._vectors: dict[int, list[int]] = {}

    def take(self, event: Event) -> dict[int, int]:
        """Take one event; return the units that each cap per sale took of it, by number of the rule."""
        amount = event.amount
        if not amount:
            return {}  # a sale of nothing changes nothing
        book = self.book
        book.received += amount
        book.revenue += amount
        what = {"nested": "from the agreement it is nested in"}.get(event.kind, event.kind)
        book.post("sale", None, ((RECEIVED, -amount), (UNDISTRIBUTED, amount)), event.key, what)
        gains: Gains = {}
        if self.terms.by_contract:
            self._tiers(-1, amount, event, gains, "contract")
            self._earn(gains)
            return {}
        regime = self.terms.at(event.day)
        if event.kind == "credit note" and regime.refunds:
            entry = regime.refunds[0]
            book.move(entry, amount, UNDISTRIBUTED, entry.rule.by, sale=event.key)
            self._earn({entry.rule.by: amount})
            return {}
        left = self._deductions(regime, event, gains)
        left = self._waterfall(regime, left, event, gains)
        if left:
            self._shares(regime, left, event, gains)
        excess = self._caps_per_sale(regime, event, gains)
        for entry in regime.caps:
            self._cap(entry, event, gains)
        for entry in regime.debts:
            part = self._recoup(entry, gains.get(entry.rule.of, 0))
            self._pass_on(entry, part, entry.rule.of, entry.rule.payee, event=event, gains=gains)
        self._earn(gains)
        return excess

    def _earn(self, gains: Gains) -> None:
        for payee, units in gains.items():
            self.book.earned[payee] += units

    def _gain(self, entry: Numbered, part: int, payee: str, event: Event, gains: Gains) -> None:
        """Give a payee part of the revenue."""
        if part:
            gains[payee] = gains.get(payee, 0) + part
            self.book.move(entry, part, UNDISTRIBUTED, payee, sale=event.key)

    def _pass_on(
        self, entry: Numbered, part: int, giver: str, taker: str, *, event: Event, gains: Gains
    ) -> None:
        """Pass part of what a payee earned on to another."""
        if part:
            gains[giver] = gains.get(giver, 0) - part
            gains[taker] = gains.get(taker, 0) + part
            self.book.move(entry, part, giver, taker, sale=event.key)

    # ------------------------------------------------------------------------------------------ 2 deductions

    def _deductions(self, regime: Regime, event: Event, gains: Gains) -> int:
        left = event.amount
        for entry in regime.commissions:
            mark = self.book.mark(entry.number, _base())
            before = entry.part.taken(mark["base"])
            mark["base"] += event.amount
            part = entry.part.taken(mark["base"]) - before
            left -= part
            self._gain(entry, part, entry.rule.to, event, gains)
        for entry in regime.fees:
            mark = self.book.mark(entry.number, new_fee(entry))
            if entry.rule.per == "sale" and event.kind == "sale":
                mark["owed"] += entry.amount
            part = min(max(left, 0), mark["owed"])
            mark["owed"] = (
                0 if (entry.rule.per, entry.rule.short) == ("sale", "part") else mark["owed"] - part
            )
            left -= part
            self._gain(entry, part, entry.rule.to, event, gains)
        self.book.deducted += event.amount - left
        return left

    # ------------------------------------------------------------------------------------------ 3 waterfall

    def _waterfall(self, regime: Regime, left: int, event: Event, gains: Gains) -> int:
        for entry in regime.recoups:
            part = self._recoup(entry, left)
            left -= part
            self._gain(entry, part, entry.rule.payee, event, gains)
        base = left
        for entry in regime.progressives:
            part = self._progressive(entry, base, event.units)
            left -= part
            self._gain(entry, part, entry.rule.payee, event, gains)
        return left

    def _recoup(self, entry: Numbered, flow: int) -> int:
        """Return what a recoup takes of `flow`, its rate of which counts towards its target."""
        mark = self.book.mark(entry.number, new_recoup())
        before = entry.part.taken(mark["base"])
        mark["base"] += flow
        came = entry.part.taken(mark["base"]) - before
        key = pool_of(self.terms.agreement.payees, entry.rule)
        if key is not None:
            mark = self.book.pools.setdefault(key, new_recoup())
        mark["came"] += came
        taken = min(entry.amount - mark["stood"], mark["came"])
        part: int = taken - mark["taken"]
        mark["taken"] = taken
        return part

    def _progressive(self, entry: Numbered, flow: int, units: int) -> int:
        steps = self.terms.steps[entry.number]
        mark = self.book.mark(entry.number, new_progressive(len(steps)))
        rule = entry.rule
        if rule.metric == "units" and rule.mode == "marginal":
            for place, part in _by_step(steps, mark["units"], units, flow):
                mark["bases"][place] += part
            taken = sum(part.taken(base) for (_, part), base in zip(steps, mark["bases"], strict=True))
        mark["base"] += flow
        mark["units"] += units
        if rule.mode == "whole":
            reached = mark["units"] if rule.metric == "units" else mark["base"]
            taken = steps[_step(steps, reached)][1].taken(mark["base"])
        elif rule.metric == "revenue":
            taken = sum(part.taken(base) for part, base in _slices(steps, mark["base"]))
        part, mark["taken"] = taken - mark["taken"], taken
        return int(part)

    # ------------------------------------------------------------------------------------------ 4 shares

    def _shares(self, regime: Regime, left: int, event: Event, gains: Gains) -> None:
        number = self.route(regime, event)
        if number >= 0:
            self._tiers(number, left, event, gains, "where")
            return
        version = regime.version
        mark = self.book.mark(f"tiers {version}", _base())
        if "start" not in mark:
            # Tiers go on at the revenue reached, where it stands when the first sale under them is taken.
            mark["start"] = sum(m["base"] for name, m in self.book.marks.items() if name.startswith("tiers "))
        self._tiers(version, left, event, gains, "tiers" if version < 0 else "version")

    def route(self, regime: Regime, event: Event) -> int:
        """Return the number of the rule `where` that shares a sale, -1 for the tiers."""
        if event.where is not None:  # it reverses a sale, and goes where that went
            return event.where
        if not regime.wheres:
            return -1
        found = regime.routes.get(event.tags)
        if found is None:
            found = regime.routes[event.tags] = self._most_specific(regime, event)
        return found

    def _most_specific(self, regime: Regime, event: Event) -> int:
        fitting: list[tuple[int, int]] = []
        for entry in regime.wheres:
            names = (entry.rule.territory, entry.rule.sku, entry.rule.channel)
            asked = [tag in given for given, tag in zip(names, event.tags, strict=True) if given]
            if all(asked):
                fitting.append((len(asked), entry.number))
        most = max((count for count, _ in fitting), default=0)
        found = [number for count, number in fitting if count == most]
        if len(found) > 1:
            places = " and ".join(f"rules[{self.terms.place[number]}]" for number in found)
            raise InvalidInput(
                f"{self.terms.agreement.name}: {places} fit the sale {event.key} alike: territory, SKU and "
                f"channel are {event.tags}; add a rule that names more of them"
            )
        return found[0] if found else -1

    def _tiers(self, number: int, left: int, event: Event, gains: Gains, stage: str) -> None:
        """Share what is left by tiers, or by a rule `where`: the difference it makes to what is earned."""
        split = self.terms.splits[number]
        mark = self.book.mark(f"tiers {number}" if stage != "where" else number, _base())
        start = mark.get("start", 0)
        before = self._vectors.get(number) or split.earned(mark["base"], start)
        mark["base"] += left
        after = self._vectors[number] = split.earned(mark["base"], start)
        moves = [
            (payee, now - then)
            for payee, now, then in zip(split.payees, after, before, strict=True)
            if now != then
        ]
        if moves:
            for payee, units in moves:
                gains[payee] = gains.get(payee, 0) + units
            rule = number if number >= 0 else None
            total = sum(units for _, units in moves)
            note = "" if rule is not None else "as the contract shares" if stage == "contract" else "shares"
            self.book.post(stage, rule, ((UNDISTRIBUTED, -total), *moves), event.key, note)

    # ------------------------------------------------------------------------------------------ 5 corrections

    def _caps_per_sale(self, regime: Regime, event: Event, gains: Gains) -> dict[int, int]:
        """Cap what a sale earned; of a credit note, give back its part of what the caps took of the sale."""
        excess, undo = {}, dict(event.undo)
        for entry in regime.sale_caps:
            over = gains.get(entry.rule.payee, 0) - entry.amount
            part = max(0, over) if event.kind == "sale" else -undo.get(entry.number, 0)
            self._pass_on(entry, part, entry.rule.payee, entry.rule.to, event=event, gains=gains)
            if part:
                excess[entry.number] = part
        return excess

    def _cap(self, entry: Numbered, event: Event, gains: Gains) -> None:
        mark = self.book.mark(entry.number, _base())
        before = max(0, mark["base"] - entry.amount)
        mark["base"] += gains.get(entry.rule.payee, 0)
        part = max(0, mark["base"] - entry.amount) - before
        self._pass_on(entry, part, entry.rule.payee, entry.rule.to, event=event, gains=gains)


# ------------------------------------------------------------------------------------------ marks


def _base() -> dict[str, Any]:
    return {"base": 0}


def new_fee(entry: Numbered) -> dict[str, Any]:
    """Return the marks of a fee: what is owed of it."""
    return {"owed": entry.amount if entry.rule.per == "once" else 0}


def new_recoup() -> dict[str, Any]:
    """Return the marks of a recoup: what it counted, its rate of that, what it took, what a guarantor paid.

    Of a pool the latter three are shared.
    """
    return {"base": 0, "came": 0, "taken": 0, "stood": 0}


def new_progressive(steps: int) -> dict[str, Any]:
    """Return the marks of a progressive rate; bases: money by step, where steps are of units."""
    return {"base": 0, "units": 0, "taken": 0, "bases": [0] * steps}


def pool_of(payees: dict[str, str], rule: Recoup) -> str | None:
    """Return what a recoup shares its target under; None for one by itself."""
    return None if rule.pool is None else f"{rule.pool} {payees[rule.payee]}"


# ------------------------------------------------------------------------------------------ steps

_Steps = list[tuple[int | None, Part]]


def _step(steps: _Steps, reached: int) -> int:
    """Return the place of the step that `reached` lies in: where one ends is its own."""
    return next(place for place, (end, _) in enumerate(steps) if end is None or reached <= end)


def _slices(steps: _Steps, base: int) -> list[tuple[Part, int]]:
    """Return how much of `base` lies in each step; below zero, all in the first."""
    found, start = [], 0
    for place, (end, part) in enumerate(steps):
        top = base if end is None else min(base, end)
        found.append((part, top - start if place == 0 else max(top - start, 0)))
        start = end or 0
    return found


def _by_step(steps: _Steps, before: int, units: int, flow: int) -> list[tuple[int, int]]:
    """Return the parts of `flow` by step, for a sale of `units` that goes over ends of steps.

    In proportion to the units in each step, in the order in which the sale goes through them, rounded down.
    """
    if not units:
        return [(_step(steps, before), flow)]
    after = before + units
    low, high = min(before, after), max(before, after)
    ends = [end for end, _ in steps if end is not None and low < end < high]
    edges = [low, *ends, high]
    pieces = [(_step(steps, top), top - bottom) for bottom, top in pairwise(edges)]
    if units < 0:
        pieces.reverse()
    found, done, given = [], 0, 0
    for place, size in pieces:
        done += size
        upto = abs(flow) * done // (high - low) * (1 if flow > 0 else -1)
        found.append((place, upto - given))
        given = upto
    return found
