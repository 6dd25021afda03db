"""What each payee got by a settlement, from the contract's views just before the remittance and after the
distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

from revshare.chain.split import RevenueSplit
from revshare.chain.statements import Statement
from revshare.chain.terms import Terms
from revshare.errors import ProviderError
from revshare.ledger._settlements import PayoutRecord, SettlementRecord
from revshare.settlement._plan import earned_between

__all__ = ["Outcome", "outcome_of"]


@dataclass(frozen=True)
class Outcome:
    """What a settlement came to. problems: what does not agree, in words."""

    revenue_before: int
    revenue_after: int
    payouts: tuple[PayoutRecord, ...]
    problems: tuple[str, ...]


def outcome_of(
    split: RevenueSplit, record: SettlementRecord, arrived: int, remitted_in: int, distributed_in: int
) -> Outcome:
    """Return what became of the money. Raises ProviderError where the node keeps no state of those blocks.

    arrived: units, by the Remitted event. remitted_in, distributed_in: the blocks of the two transactions.
    """
    for number in (remitted_in - 1, distributed_in):
        if split.node.block(number) is None:  # which has been seen
            raise ProviderError(f"the node has no block {number}", method="eth_getBlockByNumber")
    before = split.statement(block=remitted_in - 1)
    after = split.statement(block=distributed_in)
    with_it = before.revenue + arrived
    earned = earned_between(split, before.revenue, with_it)
    names = _names(record, split)
    paid_before, credit_before = before.paid, before.credit
    payouts = tuple(
        PayoutRecord(
            names.get(line.address, line.payee),
            line.address,
            earned.get(line.payee, 0),
            line.paid - paid_before.get(line.payee, 0),
            line.credit - credit_before.get(line.payee, 0),
        )
        for line in after
    )
    return Outcome(before.revenue, with_it, payouts, tuple(_problems(split, record, arrived, after)))


def _names(record: SettlementRecord, split: RevenueSplit) -> dict[str, str]:
    """Address → name, as the agreement had it when the settlement was planned."""
    planned = Terms.decode(record.terms, split.token).schedule.addresses
    return dict(zip(planned, record.names, strict=True))


def _problems(split: RevenueSplit, record: SettlementRecord, arrived: int, after: Statement) -> list[str]:
    show = split.token.format
    found = []
    if arrived != record.amount:
        found.append(
            f"{show(record.amount)} were remitted and {show(arrived)} arrived: the token keeps a fee"
        )
    for line in after:
        if line.entitlement != line.paid + line.credit + line.due:
            found.append(
                f"{line.payee}: earned {show(line.entitlement)}, paid {show(line.paid)}, "
                f"set aside {show(line.credit)}, due {show(line.due)}"
            )
        elif line.due:
            found.append(f"{line.payee}: {show(line.due)} are still due after the distribution")
    return found
