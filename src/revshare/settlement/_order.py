"""Which period of a split comes next. One after the other: what each payee got by one is then plain to see.

A later period would take the lines that an earlier one was to have, and its distribution pays all that is
due, an earlier one's money included. So it waits for those that are under way; behind one that cannot go on
it is not begun, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from revshare._period import Period
from revshare.chain.split import RevenueSplit
from revshare.errors import RevShareError, SettlementError
from revshare.ledger._settlements import SettlementRecord
from revshare.settlement._context import Context, Key, live

__all__ = ["Wish", "beginning", "is_distributed"]


@dataclass(frozen=True)
class Wish:
    """A period that is to be settled."""

    split: RevenueSplit
    agreement: str
    period: Period

    @property
    def key(self) -> Key:
        """By which it is known."""
        return self.split.address, self.period.name


def is_distributed(work: SettlementRecord) -> bool:
    """Whether a block has the distribution of a settlement."""
    distribute = live(work, "distribute")
    return distribute is not None and distribute.in_block


def beginning(
    context: Context, wishes: Sequence[Wish], works: Iterable[SettlementRecord]
) -> tuple[list[Wish], list[Wish]]:
    """Return the earliest wish of each split of which nothing is under way, and those behind one that cannot
    go on; the problems of these are written down.
    """
    if not wishes:
        return [], []
    busy = {work.split: work for work in reversed(list(works)) if not is_distributed(work)}
    halted = context.journal.halted(context.chain_id, context.address)
    found, behind = [], []
    begun: set[str] = set()
    for wish in sorted(wishes, key=lambda wish: wish.period.end):
        split = wish.split.address
        why = _in_the_way(context, wish, busy.get(split), halted.get(split))
        if why is not None:
            context.problems[wish.key] = why
            behind.append(wish)
        elif split not in busy and split not in begun:
            begun.add(split)  # also when it is asked about again later: it goes first
            if not context.is_asked_later(wish.key):
                found.append(wish)
    return found, behind


def _in_the_way(
    context: Context, wish: Wish, work: SettlementRecord | None, halted: SettlementRecord | None
) -> RevShareError | None:
    """Why a period cannot be settled before something else is done, if that is so."""
    earlier = [
        (period.end, key)
        for key, period in context.unplanned.items()
        if key[0] == wish.split.address and period.end < wish.period.end
    ]
    if earlier:
        _, key = min(earlier)
        return _held(wish, key[1], f"cannot be settled: {context.problems.get(key)}")
    if work is not None and context.blocked(work):
        return _held(wish, work.period, f"cannot go on: {context.problems[(work.split, work.period)]}")
    if halted is None or halted.period == wish.period.name:
        return None
    if halted.is_open:
        return _held(
            wish,
            halted.period,
            f"is under way for {halted.sender}, which alone can go on with it: let it settle that first",
        )
    return _held(
        wish, halted.period, f"was remitted and not shared out: settle it again first; {halted.note}"
    )


def _held(wish: Wish, period: str, why: str) -> SettlementError:
    return SettlementError(
        f"{wish.agreement}, {wish.period.name} waits for {period}, which {why}",
        agreement=wish.agreement,
        period=wish.period.name,
    )
