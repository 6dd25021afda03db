"""Stages 6 to 8 of the order of evaluation: what a period comes to when it is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from revshare.rules import (
    Cap,
    Floor,
    Guarantee,
    Nest,
    Progressive,
    Recoup,
    Reserve,
    Retain,
    Rule,
    Threshold,
    Weights,
    Withhold,
)

from ._book import Book, share
from ._sales import new_fee, new_recoup, pool_of
from ._terms import UNDISTRIBUTED, Numbered, Part

Units = dict[str, int]


@dataclass(frozen=True)
class AgreementClose:
    """What one agreement came to in a period. Base units, by payee; flows of the period but for the last two.

    revenue: what came in. earned: after all that corrects it. withheld: of the payee, paid to authorities.
    retained: kept as equity. redeemed: of that, given back. reserved: held back. released: of what was held
    back before. payable: what is paid now. carried: the balance that goes on to the next period; below zero
    for a debt. undistributed: what nobody has earned so far, as parts are rounded down.
    """

    revenue: int
    earned: Units
    withheld: Units
    retained: Units
    redeemed: Units
    reserved: Units
    released: Units
    payable: Units
    carried: Units
    undistributed: int


class Closing:
    """Closes the books of one agreement for one period.

    last: its last day: a rule of these stages, or a fee per period, holds for the period when it is in force
    on that day. number: of the close. nested: names of the agreements that are closed together.
    """

    def __init__(self, book: Book, last: date, number: int, nested: frozenset[str]) -> None:
        self.book = book
        self.terms = book.terms
        self.month = last.month
        self.last = last.toordinal()
        self.number = number
        self.nested = nested
        self.regime = self.terms.at(self.last)
        payees = book.agreement.payees
        self.withheld, self.retained, self.redeemed, self.reserved, self.released = (
            dict.fromkeys(payees, 0) for _ in range(5)
        )

    def open(self) -> None:
        """Make the fees of the period due."""
        for entry in self.regime.fees:
            if entry.rule.per == "period":
                self.book.mark(entry.number, new_fee(entry))["owed"] += entry.amount

    def tables(self) -> set[str]:
        """Return the names of the tables that the period is closed with."""
        return {entry.rule.table for entry in self._rules(Weights)}

    def close(
        self, tables: Mapping[str, Mapping[str, int]], redeem: Mapping[str, int]
    ) -> tuple[AgreementClose, Units]:
        """Close the period; return what it came to, and what is passed on to nested agreements."""
        for entry in self._rules(Weights):
            self._weights(entry, tables[entry.rule.table])
        for entry in self._rules(Cap):
            self._move(
                entry, max(0, self._earned(entry.rule.payee) - entry.amount), entry.rule.payee, entry.rule.to
            )
        for entry in self._rules(Floor):
            self._floor(entry)
        for entry in self._rules(Guarantee):
            self._guarantee(entry)
        for entry in self._rules(Recoup):
            self._stand_in(entry)
        for payee, units in self.book.earned.items():
            self.book.lifetime[payee] = self.book.lifetime.get(payee, 0) + units
        for entry in self._rules(Withhold):
            self._withhold(entry)
        for entry in self._rules(Retain):
            self._retain(entry)
        self._redeem(redeem)
        self._release()
        for entry in self._rules(Reserve):
            self._reserve(entry)
        payable, passed = self._pay()
        self._end_period()
        self.book.check()
        balances = self.book.balances
        return (
            AgreementClose(
                self.book.received,
                dict(self.book.earned),
                self.withheld,
                self.retained,
                self.redeemed,
                self.reserved,
                self.released,
                payable,
                {payee: balances.get(payee, 0) for payee in self.book.agreement.payees},
                balances.get(UNDISTRIBUTED, 0),
            ),
            passed,
        )

    # ------------------------------------------------------------------------------------------ helpers

    def _rules(self, kind: type[Rule]) -> Iterator[Numbered]:
        return () if self.terms.by_contract else self.regime.of(kind)  # type: ignore[return-value]

    def _earned(self, payee: str) -> int:
        return self.book.earned[payee]

    def _in_all(self, payee: str) -> int:
        """Return what a payee has earned so far, this period included."""
        return self.book.lifetime.get(payee, 0) + self.book.earned[payee]

    def _move(self, entry: Numbered, units: int, giver: str, taker: str, note: str = "") -> None:
        """Move what was earned from one payee to another."""
        self.book.move(entry, units, giver, taker, note=note)
        self.book.earned[giver] -= units
        self.book.earned[taker] += units

    def _moves(self, entry: Numbered, changes: Units) -> None:
        """Change what several payees have earned; what is left over is undistributed."""
        changes = {payee: units for payee, units in changes.items() if units}
        if changes:
            rest = -sum(changes.values())
            moves = (*changes.items(), *([(UNDISTRIBUTED, rest)] if rest else []))
            self.book.post(entry.rule.rule, entry.number, moves)
            for payee, units in changes.items():
                self.book.earned[payee] += units

    def _is_due(self, entry: Numbered) -> bool:
        return entry.rule.due is not None and entry.rule.due.toordinal() <= self.last

    # ------------------------------------------------------------------------------------------ 6 close

    def _weights(self, entry: Numbered, table: Mapping[str, int]) -> None:
        """Share what payees earned together by a table, rounded down over all periods.

        The fraction of a unit that a payee has coming is kept exactly, so that no payee loses more than that
        however often tables change.
        """
        payees = entry.rule.payees
        total = sum(table.get(payee, 0) for payee in payees)
        if not total:
            return
        mark = self.book.mark(entry.number, {})
        pool = sum(self._earned(payee) for payee in payees)
        changes = {}
        for payee in payees:
            due = Fraction(*mark.get(payee, (0, 1))) + Fraction(pool * table.get(payee, 0), total)
            whole = due.__floor__()
            rest = due - whole
            mark[payee] = [rest.numerator, rest.denominator]
            changes[payee] = whole - self._earned(payee)
        self._moves(entry, changes)

    def _floor(self, entry: Numbered) -> None:
        """Raise what a payee earned to the floor; over a lifetime, give back what it earns itself later."""
        rule = entry.rule
        payees = self.book.agreement.payees
        by = [p for p in (payees if rule.by is None else rule.by) if p != rule.payee]
        changes: Units = {}
        if rule.per == "period":
            has = [max(0, self._earned(payee)) for payee in by]
            need = entry.amount - self._earned(rule.payee)
        else:
            mark = self.book.mark(entry.number, {})
            has = [max(0, self._in_all(payee)) for payee in by]
            given = [mark.get(payee, 0) for payee in by]
            need = entry.amount - self._in_all(rule.payee)
        if need > 0:
            parts = share(min(need, sum(has)), has)
        elif rule.per == "lifetime":
            parts = [-units for units in share(min(-need, sum(given)), given)]
        else:
            return
        for payee, units in zip(by, parts, strict=True):
            changes[payee] = -units
            if rule.per == "lifetime":
                mark[payee] = mark.get(payee, 0) + units
        changes[rule.payee] = sum(parts)
        self._moves(entry, changes)

    def _guarantee(self, entry: Numbered) -> None:
        rule = entry.rule
        mark = self.book.mark(entry.number, {"owed": 0, "done": 0})
        if rule.per == "period":
            above = self._earned(rule.payee) - entry.amount
        elif mark["done"] or self._is_due(entry):
            above = self._in_all(rule.payee) - entry.amount
            if mark["done"]:
                above = max(above, 0)
            mark["done"] = 1
        else:
            return
        if above < 0:
            mark["owed"] -= above
            self._move(entry, -above, rule.funder, rule.payee, "tops up")
        elif rule.recoupable:
            part = min(above, mark["owed"])
            mark["owed"] -= part
            self._move(entry, part, rule.payee, rule.funder, "gets its money back")

    def _stand_in(self, entry: Numbered) -> None:
        """Have the guarantor of a recoup that is due pay what is missing."""
        rule = entry.rule
        if rule.guarantor is None or not self._is_due(entry):
            return
        mark = self.book.mark(entry.number, new_recoup())
        if mark.get("done"):
            return
        mark["done"] = 1
        key = pool_of(self.book.agreement.payees, rule)
        if key is not None:
            mark = self.book.pools.setdefault(key, new_recoup())
        missing = entry.amount - mark["stood"] - mark["taken"]
        if missing > 0:
            mark["stood"] += missing
            self._move(entry, missing, rule.guarantor, rule.payee, f"{rule.guarantor} stands in")

    # ------------------------------------------------------------------------------------------ 7 payable

    def _marked(self, entry: Numbered, payee: str, base: int) -> int:
        """Return the difference that `base` makes to a rule's part of all that a payee had so far.

        Of less than nothing nothing is taken: what is lost in one period is made good in the next first.
        """
        mark = self.book.mark(entry.number, {})
        before = mark.get(payee, 0)
        mark[payee] = before + base
        return entry.part.taken(max(0, before + base)) - entry.part.taken(max(0, before))

    def _withhold(self, entry: Numbered) -> None:
        rule = entry.rule
        base = self._earned(rule.payee)
        if rule.base == "gross":
            left = self.book.received - self.book.deducted
            same_way = (
                left and base and self.book.deducted and (left > 0) == (base > 0) == (self.book.deducted > 0)
            )
            if same_way:
                base += Part(abs(self.book.deducted), abs(left)).taken(base)
        part = self._marked(entry, rule.payee, base)
        self.withheld[rule.payee] += part
        self.book.move(entry, part, rule.payee, rule.to)

    def _retain(self, entry: Numbered) -> None:
        for payee in self._named(entry):
            part = self._marked(entry, payee, self._earned(payee))
            self.retained[payee] += part
            self.book.move(entry, part, payee, f"{payee}:retained")

    def _named(self, entry: Numbered) -> tuple[str, ...]:
        return entry.rule.payees or tuple(self.book.agreement.payees)

    def _redeem(self, redeem: Mapping[str, int]) -> None:
        for payee, units in redeem.items():
            self.redeemed[payee] += units
            self.book.post("redeem", None, ((f"{payee}:retained", -units), (payee, units)), None, "redeemed")

    def _reserve(self, entry: Numbered) -> None:
        """Hold back part of what is to be paid; less than nothing is no reason to hold back less later."""
        for payee in self._named(entry):
            due = self._earned(payee) - self.withheld[payee] - self.retained[payee]
            part = self._marked(entry, payee, max(0, due))
            if part:
                queue = self.book.mark(f"reserve {entry.number}", {}).setdefault(payee, [])
                queue.append([self.number + entry.rule.periods, part])
                self.reserved[payee] += part
                self.book.move(entry, part, payee, f"{payee}:reserved")

    def _release(self) -> None:
        for entry in self.terms.rules:
            for payee, queue in self.book.marks.get(f"reserve {entry.number}", {}).items():
                units = sum(amount for until, amount in queue if until <= self.number)
                queue[:] = [held for held in queue if held[0] > self.number]
                self.released[payee] += units
                self.book.move(entry, units, f"{payee}:reserved", payee, note="released")

    # ------------------------------------------------------------------------------------------ 8 payout

    def _pay(self) -> tuple[Units, Units]:
        """Pay whoever is due at least the threshold; return what, and what goes on to nested agreements."""
        payable: Units = {}
        passed: Units = {}
        for payee in self.book.agreement.payees:
            balance = self.book.balances.get(payee, 0)
            waits = any(
                balance < entry.amount and entry.rule.flush != self.month
                for entry in self._rules(Threshold)
                if entry.rule.payees is None or payee in entry.rule.payees
            )
            payable[payee] = 0 if waits else max(0, balance)
            if payable[payee]:
                onward = self._onward(payee)
                account = f"{payee}:paid" if onward is None else f"{payee}:passed"
                moves = ((payee, -payable[payee]), (account, payable[payee]))
                self.book.post("payout", None, moves, None, "paid" if onward is None else f"paid to {onward}")
                if onward is not None:
                    passed[onward] = passed.get(onward, 0) + payable[payee]
        return payable, passed

    def _onward(self, payee: str) -> str | None:
        """Return the agreement among those closed together that a payee is."""
        for entry in self.regime.of(Nest):
            if entry.rule.payee == payee and entry.rule.agreement in self.nested:
                return str(entry.rule.agreement)
        return None

    def _end_period(self) -> None:
        """What is counted by the period begins anew."""
        for entry in self.terms.rules:
            mark = self.book.marks.get(str(entry.number))
            if mark is None:
                continue
            if isinstance(entry.rule, Progressive) and entry.rule.per == "period":
                del self.book.marks[str(entry.number)]
            elif getattr(entry.rule, "short", "") == "part" and entry.rule.per == "period":
                mark["owed"] = 0
