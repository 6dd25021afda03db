"""What an amendment changes: each payee's share before and after, slice by slice of revenue. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from revshare._words import share_text, slice_text
from revshare.chain.terms import Terms
from revshare.money import Token
from revshare.schedule import Schedule

__all__ = ["Change", "Changes", "counts_as_worse"]

_NOBODY = Fraction(0)


@dataclass(frozen=True)
class Change:
    """One payee: its share of each slice before and after, as fractions of the slice's revenue."""

    payee: str
    address: str
    before: tuple[Fraction, ...]
    after: tuple[Fraction, ...]

    @property
    def is_worse(self) -> bool:
        """Whether it gets less of any slice."""
        return any(after < before for before, after in zip(self.before, self.after, strict=True))

    @property
    def is_better(self) -> bool:
        """Whether it gets more of any slice."""
        return any(after > before for before, after in zip(self.before, self.after, strict=True))

    @property
    def verdict(self) -> str:
        """``new``, ``leaves``, ``less``, ``more``, ``less and more``, or ``same``."""
        if not any(self.before) and any(self.after):
            return "new"
        if not any(self.after):
            return "leaves"
        found = (["less"] if self.is_worse else []) + (["more"] if self.is_better else [])
        return " and ".join(found) or "same"


@dataclass(frozen=True)
class Changes:
    """All that changes. slices: cumulative revenue (start, end), in base units; an end of None is unbounded.

    Revenue that came before the amendment stays as it was shared, whatever the slices say. For any token but
    the settlement token the last slice counts. ``print(changes)`` shows a table.
    """

    token: Token
    slices: tuple[tuple[int, int | None], ...]
    rows: tuple[Change, ...]

    @classmethod
    def between(cls, old: Terms, new: Terms) -> Changes:
        """Return what changes from `old` to `new` terms; payees of the new ones come first."""
        ends = {tier.end for terms in (old, new) for tier in terms.schedule.tiers if tier.end is not None}
        starts = sorted({0, *ends})
        names = dict(zip(old.schedule.addresses, old.schedule.payees, strict=True))
        renamed = dict(zip(new.schedule.addresses, new.schedule.payees, strict=True))
        rows = tuple(
            Change(
                renamed.get(address) or names[address],
                address,
                tuple(_share(old.schedule, address, start) for start in starts),
                tuple(_share(new.schedule, address, start) for start in starts),
            )
            for address in (*renamed, *(address for address in names if address not in renamed))
        )
        return cls(new.schedule.token, tuple(zip(starts, [*starts[1:], None], strict=True)), rows)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.rows)

    def __getitem__(self, payee: str) -> Change:
        for row in self.rows:
            if payee in (row.payee, row.address):
                return row
        raise KeyError(payee)

    def worse(self) -> tuple[str, ...]:
        """Return who gets less of any slice."""
        return tuple(row.payee for row in self.rows if row.is_worse)

    def __str__(self) -> str:
        # Names are whatever the proposal calls people; addresses are what is signed, and where money goes.
        head = ["payee", *(slice_text(self.token, *each) for each in self.slices), "", ""]
        body = [
            [
                row.payee,
                *(_arrow(before, after) for before, after in zip(row.before, row.after, strict=True)),
                row.verdict,
                row.address,
            ]
            for row in self.rows
        ]
        widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (head, *body)
        )


def counts_as_worse(old: Terms, new: Terms, address: str) -> bool:
    """Whether the contract takes the new terms to be worse for a payee of the old ones.

    That is more than whoever gets less: where tiers end elsewhere it takes them to be worse for everybody.
    """
    before, after = old.schedule, new.schedule
    if address not in after.addresses or [t.end for t in before.tiers] != [t.end for t in after.tiers]:
        return True
    i, j = before.addresses.index(address), after.addresses.index(address)
    return any(
        now.weights[j] * was.total < was.weights[i] * now.total
        for was, now in zip(before.tiers, after.tiers, strict=True)
    )


def _share(schedule: Schedule, address: str, revenue: int) -> Fraction:
    """The part that a payee has of the next unit when `revenue` has come in."""
    if address not in schedule.addresses:
        return _NOBODY
    i = schedule.addresses.index(address)
    tier = next(tier for tier in schedule.tiers if tier.end is None or revenue < tier.end)
    return Fraction(tier.weights[i], tier.total)


def _arrow(before: Fraction, after: Fraction) -> str:
    return share_text(after) if before == after else f"{share_text(before)} → {share_text(after)}"
