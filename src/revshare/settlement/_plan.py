"""What settling a period would do: its lines, what they come to, what each payee would get. Asks, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from revshare.chain.amendable import AmendableSplit
from revshare.chain.books import schedule_for
from revshare.chain.split import RevenueSplit
from revshare.ledger._records import Entry
from revshare.merkle import MerkleTree
from revshare.schedule import Schedule

__all__ = ["Lines", "earned_between"]


@dataclass(frozen=True)
class Lines:
    """The sales that a settlement is of, in the order of their leaves."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Lines:
        """Take the lines in the order given."""
        return cls(tuple(entries))

    @cached_property
    def amount(self) -> int:
        """Their net, in base units."""
        return sum(entry.sale.amount for entry in self.entries)

    @cached_property
    def root(self) -> bytes:
        """The Merkle root of their leaves; 32 zero bytes for no lines."""
        if not self.entries:
            return bytes(32)
        return MerkleTree(entry.sale.leaf() for entry in self.entries).root

    @property
    def numbers(self) -> tuple[int, ...]:
        """Their numbers in the ledger."""
        return tuple(entry.seq for entry in self.entries)


def earned_between(split: RevenueSplit, before: int, after: int) -> dict[str, int]:
    """Return what each payee earns, by the terms of now, when revenue goes from `before` to `after`."""
    terms = split.terms_for()
    schedule = schedule_for(terms, terms.token)
    if not isinstance(split, AmendableSplit):
        low, high = schedule.entitlements(before), schedule.entitlements(after)
        return {name: high[name] - low[name] for name in high}
    # After an amendment rounding begins anew, at the revenue from which its terms count.
    base = split.applies_from()
    names = dict(zip(schedule.addresses, schedule.payees, strict=True))
    known = {address: name for name, address in split.payees.items()}
    return {
        known.get(address, name): _earned(schedule, place, base, after)
        - _earned(schedule, place, base, before)
        for place, (address, name) in enumerate(names.items())
    }


def _earned(schedule: Schedule, place: int, base: int, revenue: int) -> int:
    return sum(
        (tier.slice_of(revenue) - tier.slice_of(base)) * tier.weights[place] // tier.total
        for tier in schedule.tiers
    )
