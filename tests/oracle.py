"""The money rule a second time, in the plainest way: what the library and the contract are compared with.

It shares no code with revshare. A tier is a pair (until, weights): `until` is the cumulative revenue at which
it ends, None for the last; weights are in the order of the payees. All amounts are base units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import floor
from typing import Protocol

Tiers = Sequence[tuple[int | None, Sequence[int]]]


class _HasTiers(Protocol):
    @property
    def tiers(self) -> Sequence[_Terms]: ...


class _Terms(Protocol):
    @property
    def end(self) -> int | None: ...
    @property
    def weights(self) -> Sequence[int]: ...


def tiers_of(schedule: _HasTiers) -> Tiers:
    """Return the tiers of a schedule as the oracle takes them."""
    return [(tier.end, tier.weights) for tier in schedule.tiers]


def entitlements(tiers: Tiers, revenue: int) -> list[int]:
    """Return what each payee has earned of `revenue`: the exact fraction of each tier, rounded down."""
    payees = len(tiers[0][1])
    earned = [0] * payees
    start = 0
    for until, weights in tiers:
        if revenue <= start:
            break
        end = revenue if until is None or revenue < until else until
        for payee in range(payees):
            earned[payee] += floor(Fraction(end - start) * Fraction(weights[payee], sum(weights)))
        start = end
    return earned


def attribution(tiers: Tiers, amounts: Iterable[int], start: int = 0) -> list[list[int]]:
    """Return what each amount (negative: a credit note) earned each payee, one row per amount."""
    rows = []
    revenue = start
    before = entitlements(tiers, revenue)
    for amount in amounts:
        revenue += amount
        after = entitlements(tiers, revenue)
        rows.append([new - old for new, old in zip(after, before, strict=True)])
        before = after
    return rows


def dust_bound(tiers: Tiers) -> int:
    """Return the most units that can ever be left over: one less than there are sharers, in each tier."""
    return sum(len([weight for weight in weights if weight]) - 1 for _, weights in tiers)


class Till:
    """A split played by the book: payments come in, anyone distributes or claims at any time."""

    def __init__(self, tiers: Tiers) -> None:
        self.tiers = tiers
        self.revenue = 0
        self.paid = [0] * len(tiers[0][1])

    def receive(self, amount: int) -> None:
        self.revenue += amount

    def due(self, payee: int) -> int:
        return max(0, entitlements(self.tiers, self.revenue)[payee] - self.paid[payee])

    def claim(self, payee: int) -> int:
        due = self.due(payee)
        self.paid[payee] += due
        return due

    def distribute(self) -> list[int]:
        earned = entitlements(self.tiers, self.revenue)
        dues = [max(0, now - before) for now, before in zip(earned, self.paid, strict=True)]
        self.paid = [before + due for before, due in zip(self.paid, dues, strict=True)]
        return dues
