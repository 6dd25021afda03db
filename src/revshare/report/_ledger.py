"""Statements, books and proofs from a ledger: what its journal of settlements and their lines come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from revshare.chain.terms import COIN as COIN_ADDRESS
from revshare.chain.terms import Terms
from revshare.errors import InvalidInput, did_you_mean
from revshare.ledger import Entry, Sale
from revshare.money import Token
from revshare.schedule import Schedule

from ._model import PeriodStatement, Remittance, TransactionLine, period_statement, since
from ._proof import SaleProof, prove

if TYPE_CHECKING:
    from revshare.agreement import Agreement
    from revshare.chain.split import RevenueSplit
    from revshare.ledger import Ledger
    from revshare.ledger._journal import Journal
    from revshare.ledger._settlements import SettlementRecord, StepName

__all__ = ["Epochs", "epochs_of", "find_sale", "sale_proof", "statement_of", "statements_of"]

Epochs = tuple[tuple[int, Terms], ...]
"""The terms of a split, the oldest first, each with the revenue from which on they count."""


def epochs_of(split: RevenueSplit) -> Epochs:
    """Return the terms that have counted for a split's settlement token, from its log.

    Statements of a split that was amended need them: rounding begins anew where new terms begin.
    """
    from revshare.chain.amendable import AmendableSplit
    from revshare.chain.events import TermsApplied

    if not isinstance(split, AmendableSplit):
        return ((0, split.terms),)
    begins = {0: 0} | {
        event.epoch: event.revenue
        for event in split.events()
        if isinstance(event, TermsApplied) and event.token == split.terms.token
    }
    return tuple((begins[number], terms) for number, terms in enumerate(split.history()) if number in begins)


def statement_of(
    ledger: Ledger,
    agreement: Agreement | str,
    period: str,
    *,
    token: Token | None = None,
    epochs: Epochs = (),
) -> PeriodStatement:
    """Return the statement of a period that was settled, carried or is being settled.

    agreement: or its name, and then `token` says what its amounts are in. epochs: where it was amended.

    Raises InvalidInput where the period has no settlement, or several splits have one.
    """
    name = agreement if isinstance(agreement, str) else agreement.name
    records = _journal(ledger).settlements(name)
    chosen = [record for record in records if record.period == period]
    if not chosen:
        known = [record.period for record in records]
        hint = did_you_mean(period, known) or (f"there are {', '.join(known[-6:])}" if known else "")
        raise InvalidInput(
            f"{name!r} has no settlement of {period!r}: " + (hint or f"revshare settle makes one of {name!r}")
        )
    if len(chosen) > 1:
        splits = ", ".join(f"{record.split} on chain {record.chain_id}" for record in chosen)
        raise InvalidInput(f"{period} of {name!r} was settled to {splits}: one statement is of one split")
    return next(_statements(ledger, agreement, records, chosen, token=token, epochs=epochs))


def statements_of(
    ledger: Ledger, agreement: Agreement | str, *, token: Token | None = None, epochs: Epochs = ()
) -> Iterator[PeriodStatement]:
    """Yield the statements of all periods of an agreement that were remitted, in their order.

    The arguments are those of `statement_of`.
    """
    name = agreement if isinstance(agreement, str) else agreement.name
    records = _journal(ledger).settlements(name)
    chosen = [record for record in records if record.state in ("mined", "final")]
    return _statements(ledger, agreement, records, sorted(chosen, key=_order), token=token, epochs=epochs)


def _journal(ledger: Ledger) -> Journal:
    from revshare.ledger._journal import Journal

    return Journal(ledger)


def _order(record: SettlementRecord) -> tuple[bool, int, int]:
    """By revenue; those whose remittance is not mined yet come last."""
    return record.revenue_before is None, record.revenue_before or 0, record.id


def _statements(
    ledger: Ledger,
    agreement: Agreement | str,
    records: Iterable[SettlementRecord],
    chosen: Iterable[SettlementRecord],
    *,
    token: Token | None,
    epochs: Epochs,
) -> Iterator[PeriodStatement]:
    journal = _journal(ledger)
    for record in chosen:
        schedule = _schedule(record, agreement, token)
        sales = tuple(entry.sale for entry in journal.settled_lines(record.id))
        earlier = [
            one
            for one in records
            if (one.chain_id, one.split) == (record.chain_id, record.split) and _order(one) < _order(record)
        ]
        paid_before = dict.fromkeys(schedule.payees, 0)
        for payout in (payout for one in earlier for payout in one.payouts):
            paid_before[payout.payee] = paid_before.get(payout.payee, 0) + payout.paid
        before = record.revenue_before
        if before is None:  # not mined yet: as things stand
            before = max((one.revenue_after or 0 for one in earlier), default=0)
        base, closed = _epoch(epochs, record, before)
        made = period_statement(
            schedule,
            sales,
            agreement=record.agreement,
            period=record.period,
            revenue_before=before,
            base=base,
            closed={
                name: closed.get(address, 0)
                for name, address in zip(schedule.payees, schedule.addresses, strict=True)
            },
            starts_at=record.starts_at,
            ends_at=record.ends_at,
            zone=record.zone,
            paid={payout.payee: payout.paid for payout in record.payouts},
            credited={payout.payee: payout.credited for payout in record.payouts},
            paid_before=paid_before,
            remittance=_remittance(record),
            note=record.note,
        )
        yield _compared(made, {payout.payee: payout.earned for payout in record.payouts})


def _epoch(epochs: Epochs, record: SettlementRecord, revenue: int) -> tuple[int, dict[str, int]]:
    """From which revenue on the settlement's terms count, and what each address had earned by older ones."""
    closed: dict[str, int] = {}
    begun = [(base, terms) for base, terms in epochs if base <= revenue]
    while begun and begun[-1][1].encoded != record.terms:  # amended just after, at this very revenue
        begun.pop()
    for (base, terms), (end, _) in pairwise(begun):
        rule = since(terms.schedule, base)
        earned = rule.entitlements(end - base)
        for address, name in zip(rule.addresses, rule.payees, strict=True):
            closed[address] = closed.get(address, 0) + earned[name]
    return (begun[-1][0] if begun else 0), closed


def _schedule(record: SettlementRecord, agreement: Agreement | str, token: Token | None) -> Schedule:
    """The terms by which it was distributed, payees in the agreement's order where that is given."""
    if token is None and not isinstance(agreement, str):
        token = agreement.token
    if token is None:
        raise InvalidInput("give the agreement, or the token that its amounts are in")
    if not record.terms:
        if isinstance(agreement, str):
            raise InvalidInput("the settlement says no terms: give the agreement itself")
        return agreement.schedule()
    address = None if record.token == COIN_ADDRESS else record.token
    token = Token(symbol=token.symbol, decimals=token.decimals, address=address)
    unnamed = Terms.decode(record.terms, token)
    names = dict(zip(unnamed.schedule.addresses, record.names, strict=True))
    schedule = Terms.decode(record.terms, token, names).schedule
    if isinstance(agreement, str):
        return schedule
    return _in_order(schedule, tuple(agreement.payees))


def _in_order(schedule: Schedule, order: tuple[str, ...]) -> Schedule:
    """The same schedule with its payees in the order of the agreement, those that it does not name last."""
    rank = {name: place for place, name in enumerate(order)}
    places = sorted(
        range(len(schedule.payees)), key=lambda place: (rank.get(schedule.payees[place], len(rank)), place)
    )
    return Schedule(
        tuple(schedule.payees[place] for place in places),
        tuple(schedule.addresses[place] for place in places),
        tuple(
            replace(tier, weights=tuple(tier.weights[place] for place in places)) for tier in schedule.tiers
        ),
        schedule.token,
    )


_STEPS: tuple[StepName, ...] = ("approve", "remit", "distribute", "fill")


def _remittance(record: SettlementRecord) -> Remittance:
    steps = []
    for name in _STEPS:
        # Of each step the transaction that counts, and those that failed and cost gas as well.
        tried = [made for made in record.transactions if made.step == name and made.state != "void"]
        mined = [made for made in tried if made.in_block]
        steps += mined or tried[-1:]
    steps.sort(key=lambda made: (made.state == "failed", _STEPS.index(made.step)))
    return Remittance(
        chain_id=record.chain_id,
        split=record.split,
        token=record.token,
        payer=record.sender,
        batch_id=record.batch_id,
        root=record.root,
        state=record.state,
        transactions=tuple(
            TransactionLine(
                made.step, made.tx_hash, made.block_number, made.gas_used, made.cost, made.created_at
            )
            for made in steps
        ),
    )


def _compared(made: PeriodStatement, earned: Mapping[str, int]) -> PeriodStatement:
    """The statement, with what the journal says otherwise."""
    show = made.token.format
    different = [
        f"{one.payee}: the lines earn {show(one.earned)}, and the settlement says {show(earned[one.payee])}"
        for one in made
        if one.payee in earned and earned[one.payee] != one.earned
    ]
    return replace(made, differences=(*made.differences, *different)) if different else made


# ------------------------------------------------------------------------------------------ proofs


def find_sale(ledger: Ledger, sale: str, source: str | None = None) -> Entry:
    """Return the entry of a sale by its external id, and its source where several have one of that id.

    Raises InvalidInput when there is none, or more than one.
    """
    if source is not None:
        found = [entry] if (entry := ledger.sale(source, sale)) else []
    else:
        found = list(_of_that_id(ledger, sale))
    if not found:
        raise InvalidInput(f"the ledger has no sale {sale!r}" + (f" from {source!r}" if source else ""))
    if len(found) > 1:
        sources = ", ".join(sorted(entry.sale.source for entry in found))
        raise InvalidInput(f"several sources have a sale {sale!r}: say which, by --source: {sources}")
    return found[0]


def _of_that_id(ledger: Ledger, external_id: str) -> Iterator[Entry]:
    from revshare.ledger._ledger import _entries
    from revshare.ledger._schema import SALES

    return ledger._stream(_entries().where(SALES.c.external_id == external_id))  # noqa: SLF001 - one query


def sale_proof(ledger: Ledger, sale: Sale | Entry) -> SaleProof:
    """Return the proof that a sale of the ledger was in a remittance.

    Raises InvalidInput for a sale that has not been remitted yet, ProofRefused when the lines in the ledger
    are not those that were.
    """
    entry = ledger.sale(sale.source, sale.external_id) if isinstance(sale, Sale) else sale
    if entry is None:
        raise InvalidInput("the ledger has no such sale")
    journal = _journal(ledger)
    place = journal.place_of(entry.seq)
    if place is None:
        raise InvalidInput(
            f"{entry.sale.external_id} has not been settled yet, so no remittance commits to it"
        )
    (record,) = journal.settlements(ids=[place[0]])
    made = record.step("remit")
    if made is None or not made.in_block:
        raise InvalidInput(
            f"{entry.sale.external_id} is in the settlement of {record.period}, which is {record.state}: its "
            "remittance is not mined yet"
        )
    return prove(
        [one.sale for one in journal.settled_lines(record.id)],
        place[1],
        chain_id=record.chain_id,
        split=record.split,
        code_hash=bytes.fromhex(record.code_hash.removeprefix("0x")),
        payer=record.sender,
        token=record.token,
        batch_id=record.batch_id,
        tx_hash=made.tx_hash,
        root=record.root,
    )
