"""One agreement's accounts: balances that only change by postings, each of which sums to zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from ._state import Key
from ._terms import RECEIVED, Numbered, Terms

Moves = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Posting:
    """What one rule moved between accounts.

    agreement: its name. stage: the kind of rule, or "sale", "tiers", "contract", "nested" and "payout" for
    what needs none. rule: its place in `agreement.rules`. reason: in words. moves: account → base units,
    which sum to zero: more for a payee is above zero. sale: source and external id, where it is of one sale.

    Accounts are the payees, whose balance is what they are yet to be paid; ``ann:paid``, ``ann:reserved``,
    ``ann:retained`` and ``ann:passed`` (paid on to a nested agreement); "received", which is minus all
    revenue; and "undistributed".
    """

    agreement: str
    stage: str
    rule: int | None
    reason: str
    moves: dict[str, int]
    sale: Key | None


class Postings(Sequence[Posting]):
    """All postings of a close, in the order in which they were made."""

    def __init__(self, raw: list[Made]) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw)

    @overload
    def __getitem__(self, place: int) -> Posting: ...
    @overload
    def __getitem__(self, place: slice) -> Postings: ...
    def __getitem__(self, place: int | slice) -> Posting | Postings:
        if isinstance(place, slice):
            return Postings(self._raw[place])
        return self._raw[place].posting()

    def __iter__(self) -> Iterator[Posting]:
        return (made.posting() for made in self._raw)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Postings) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Postings({len(self)})"


class Made(NamedTuple):
    """A posting as it is kept: in words and with a dict only when somebody looks."""

    terms: Terms
    stage: str
    number: int | None
    moves: Moves
    sale: Key | None
    note: str

    def posting(self) -> Posting:
        terms, number = self.terms, self.number
        if number is None:
            return Posting(terms.agreement.name, self.stage, None, self.note, dict(self.moves), self.sale)
        reason = terms.reasons[number] + (f": {self.note}" if self.note else "")
        return Posting(
            terms.agreement.name, self.stage, terms.place[number], reason, dict(self.moves), self.sale
        )


class Event(NamedTuple):
    """Revenue of one agreement: a sale, a credit note, or what a nested agreement was paid.

    day: whose terms hold. where: number of the rule that shared the sale it reverses, None for other sales.
    units: sold; below zero for units given back. undo: excess to give back, by number of the cap per sale.
    """

    amount: int
    day: int
    kind: str
    units: int
    key: Key | None = None
    tags: tuple[str, str, str] = ("", "", "")
    where: int | None = None
    undo: tuple[tuple[int, int], ...] = ()


class Book:
    """The accounts of one agreement while a period is closed.

    data: as the state keeps it, copied: revenue so far, marks (what each rule has counted), balances, and
    lifetime (earned by payee, in all). pools: marks of pooled recoups, shared by all books.
    """

    def __init__(
        self, terms: Terms, data: dict[str, Any] | None, pools: dict[str, dict[str, int]], raw: list[Made]
    ) -> None:
        self.terms = terms
        self.agreement = terms.agreement
        given = data or {"revenue": 0, "marks": {}, "balances": {}, "lifetime": {}}
        self.revenue: int = given["revenue"]
        self.marks: dict[str, dict[str, Any]] = given["marks"]
        self.balances: dict[str, int] = given["balances"]
        self.lifetime: dict[str, int] = given["lifetime"]
        self.pools = pools
        self.earned: dict[str, int] = dict.fromkeys(terms.agreement.payees, 0)
        self.received = self.deducted = 0
        self._raw = raw

    def data(self) -> dict[str, Any]:
        """Return what the state keeps."""
        return {
            "known": self.terms.known,
            "revenue": self.revenue,
            "marks": self.marks,
            "balances": self.balances,
            "lifetime": self.lifetime,
        }

    def mark(self, number: int | str, new: dict[str, Any]) -> dict[str, Any]:
        """Return what a rule has counted so far: `new`, the first time."""
        return self.marks.setdefault(str(number), new)

    def post(
        self, stage: str, number: int | None, moves: Moves, sale: Key | None = None, note: str = ""
    ) -> None:
        """Move units between accounts. Invariant "zero-sum": no posting makes or loses a unit."""
        balances, total = self.balances, 0
        for account, units in moves:
            balances[account] = balances.get(account, 0) + units
            total += units
        if total:
            raise AssertionError(f"zero-sum: {stage} of {self.agreement.name} posts {moves}")
        self._raw.append(Made(self.terms, stage, number, moves, sale, note))

    def move(
        self, entry: Numbered, units: int, giver: str, taker: str, *, sale: Key | None = None, note: str = ""
    ) -> None:
        """Post that a rule takes units from one account and gives them to another; of none, nothing."""
        if units:
            self.post(entry.rule.rule, entry.number, ((giver, -units), (taker, units)), sale, note)

    def check(self) -> None:
        """Assert the invariant "conservation": all accounts together hold the revenue received, always."""
        held = sum(units for account, units in self.balances.items() if account != RECEIVED)
        if held != self.revenue:
            name = self.agreement.name
            raise AssertionError(f"conservation: {name} received {self.revenue} units and holds {held}")


def share(amount: int, weights: list[int]) -> list[int]:
    """Return `amount` in parts as `weights`, exactly: no part is a unit more than its own weight allows.

    Cumulative from the first on, so that the parts sum to the amount. 0 ≤ amount ≤ Σ weights gives parts of
    at most their weights.
    """
    total, done, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        done += weight
        parts.append(amount * done // max(total, 1) - given)
        given += parts[-1]
    return parts
