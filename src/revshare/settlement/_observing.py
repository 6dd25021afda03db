"""What became of what was sent: mined, undone by a reorganisation, final, failed, or impossible for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from revshare.chain.node import Mined
from revshare.chain.transactions import Pending
from revshare.errors import (
    ContractError,
    ProviderError,
    RevShareError,
    SettlementError,
    TransactionFailed,
)
from revshare.ledger._journal import NewTransaction
from revshare.ledger._settlements import SettlementRecord, SettlementState, TransactionRecord
from revshare.settlement._context import Context, live
from revshare.settlement._payouts import Outcome, outcome_of

__all__ = ["groups_of", "observe", "state_of"]

_TRIES = 20
_ELSEWHERE = {"block_number": None, "block_hash": None, "gas_used": None, "cost": None}


def groups_of(made: Iterable[TransactionRecord]) -> list[list[TransactionRecord]]:
    """Return transactions by nonce, all attempts of one together; void ones are left out."""
    found: dict[object, list[TransactionRecord]] = {}
    for transaction in made:
        if transaction.state != "void":
            alone = transaction.tx_hash if transaction.nonce is None else transaction.nonce
            found.setdefault(alone, []).append(transaction)
    return list(found.values())


def state_of(record: SettlementRecord) -> SettlementState:
    """Return where a settlement stands, by its transactions."""
    remit, distribute = live(record, "remit"), live(record, "distribute")
    if remit is None:
        approve = live(record, "approve")
        return "signed" if approve and approve.state in ("signed", "sent") else "planned"
    if not remit.in_block:
        return "sent" if remit.state == "sent" else "signed"
    if distribute is not None and remit.state == distribute.state == "final":
        return "final"
    return "mined"


@dataclass
class _Seen:
    """What was found out about one settlement."""

    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[int, Mined] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    adopted: NewTransaction | None = None
    failed: str = ""
    outcome: Outcome | None = None
    note: str = ""


def observe(
    context: Context, works: Sequence[SettlementRecord], fills: Sequence[TransactionRecord]
) -> tuple[tuple[str, ...], tuple[Exception, ...]]:
    """Look at everything that was broadcast, and write down what has changed, in one database transaction.

    Returns what has changed, in words, and the errors met on the way.
    """
    found: list[tuple[SettlementRecord, _Seen]] = []
    errors: list[Exception] = []
    for work in works:
        seen = _Seen()
        try:
            _look_at(context, work.transactions, seen)
            if seen.changes:
                _consequences(context, work, seen)
        except RevShareError as error:  # of one: the others are not to wait for it
            errors.append(error)
            continue
        if seen.changes:
            found.append((work, seen))
    filled = _Seen()
    try:
        _look_at(context, fills, filled)
    except ProviderError as error:
        errors.append(error)
        filled = _Seen()
    if not found and not filled.changes:
        return (), tuple(errors)
    context.say("storing", "what was seen of the chain")
    with context.journal.write() as unit:
        context.seen(unit)
        unit.transactions({number: values for _, seen in found for number, values in seen.changes.items()})
        unit.transactions(filled.changes)
        for work, seen in found:
            _store(context, unit, work, seen)
    context.say("stored", "what was seen of the chain")
    said = tuple(f"{work.agreement}, {work.period}: {word}" for work, seen in found for word in seen.said)
    return said + tuple(filled.said), tuple(errors)


def _store(context: Context, unit: Any, work: SettlementRecord, seen: _Seen) -> None:
    values: dict[str, Any] = {}
    new = _changed(work, seen)
    if seen.adopted is not None:
        unit.transaction(seen.adopted, work.chain_id, work.sender, work.id)
        values["state"] = "mined"
    elif seen.failed:
        values |= {"state": "failed", "note": seen.failed}
    else:
        values["state"] = state_of(new)
    if seen.note:
        values["note"] = seen.note
    if seen.outcome is not None:
        unit.payouts(work.id, seen.outcome.payouts)
        values |= {
            "revenue_before": seen.outcome.revenue_before,
            "revenue_after": seen.outcome.revenue_after,
            "note": "; ".join(seen.outcome.problems),
        }
    unit.update(work, **values)
    context.say("observed", "; ".join(seen.said), work)


def _changed(work: SettlementRecord, seen: _Seen) -> SettlementRecord:
    """The settlement as it is after the changes."""
    return replace(
        work,
        transactions=tuple(
            replace(made, **seen.changes[made.id]) if made.id in seen.changes else made
            for made in work.transactions
        ),
    )


# ------------------------------------------------------------------------------------------ transactions


def _look_at(context: Context, made: Iterable[TransactionRecord], seen: _Seen) -> None:
    for group in groups_of(made):
        if any(transaction.state == "final" for transaction in group):
            continue
        mined = next((transaction for transaction in group if transaction.in_block), None)
        if mined is not None:
            _recheck(context, mined, group, seen)
        elif any(transaction.state == "sent" for transaction in group):
            _look_up(context, group, seen)


def _recheck(context: Context, mined: TransactionRecord, group: list[TransactionRecord], seen: _Seen) -> None:
    """Look again at a transaction that was in a block."""
    if mined.block_number is None or mined.block_hash is None:
        return
    is_deep = mined.block_number <= context.final_number
    if context.checked.get(mined.id) == context.head.hash and not is_deep:
        return
    if mined.state == "failed" and is_deep and context.checked.get(mined.id) == "final":
        return
    if not context.is_there(mined.block_number, mined.block_hash):
        _look_up(context, group, seen, mined)
        return
    context.checked[mined.id] = context.head.hash
    if is_deep and mined.state == "failed":
        context.checked[mined.id] = "final"
    elif is_deep:
        _finish(mined, group, seen)


def _finish(mined: TransactionRecord, group: list[TransactionRecord], seen: _Seen) -> None:
    seen.changes.setdefault(mined.id, {})["state"] = "final"
    for other in group:
        if other is not mined:
            seen.changes[other.id] = {"state": "void"}
    seen.said.append(f"{mined.step} is final")


def _look_up(
    context: Context, group: list[TransactionRecord], seen: _Seen, was: TransactionRecord | None = None
) -> None:
    """Look for a transaction by all its hashes: any of them may have been mined."""
    for transaction in reversed(group):
        receipt = context.node.mined(transaction.tx_hash)
        if receipt is not None:
            break
    else:
        if was is not None:  # nothing is lost: the same bytes are sent again
            seen.changes[was.id] = {"state": "sent", **_ELSEWHERE}
            seen.said.append(
                f"{was.step} is no longer in block {was.block_number}: the chain was reorganised"
            )
            context.say("undone", seen.said[-1], step=was.step, tx_hash=was.tx_hash)
            for other in group:
                context.send_again[other.tx_hash] = 0.0
        return
    if was is not None and was.id != transaction.id:
        seen.changes[was.id] = {"state": "sent", **_ELSEWHERE}
    seen.receipts[transaction.id] = receipt
    seen.changes[transaction.id] = {
        "state": "mined" if receipt.status == 1 else "failed",
        "block_number": receipt.block_number,
        "block_hash": receipt.block_hash,
        "gas_used": receipt.gas_used,
        "cost": receipt.gas_used * receipt.gas_price,
    }
    seen.said.append(
        f"{transaction.step} is in block {receipt.block_number}"
        + ("" if receipt.status == 1 else ", and failed")
    )
    # The node has just said in which block it is: at a depth of nothing that is all there is to know.
    if receipt.status == 1 and context.finality == 0 and receipt.block_number <= context.head.number:
        _finish(transaction, group, seen)


# ------------------------------------------------------------------------------------------ what follows


def _consequences(context: Context, work: SettlementRecord, seen: _Seen) -> None:
    new = _changed(work, seen)
    for made in new.transactions:
        receipt = seen.receipts.get(made.id)
        if receipt is not None and receipt.status != 1:
            _failed(context, new, made, seen)
    remit, distribute = live(new, "remit"), live(new, "distribute")
    if remit is None or distribute is None or seen.failed:
        return
    if remit.block_number is None or distribute.block_number is None:
        return
    moved = any("block_hash" in seen.changes.get(made.id, {}) for made in (remit, distribute))
    # At a depth the chain is asked once more: the first answers may have been those of another fork.
    settled = context.finality != 0 and state_of(new) == "final"
    if moved or settled:
        _read_outcome(context, work, seen, (remit, distribute), again=settled and not moved)


def _read_outcome(
    context: Context,
    work: SettlementRecord,
    seen: _Seen,
    made: tuple[TransactionRecord, TransactionRecord],
    *,
    again: bool,
) -> None:
    """Read what each payee got. A node that fails at it is asked a few times, then that is noted."""
    remit, distribute = made
    asked = f"outcome {work.id}"
    try:
        seen.outcome = outcome_of(
            context.split(work),
            work,
            _arrived(context, work, remit, seen),
            remit.block_number or 0,
            distribute.block_number or 0,
        )
    except ProviderError as error:
        context.refusals[asked] = context.refusals.get(asked, 0) + 1
        if again and work.payouts:
            return
        if context.refusals[asked] < _TRIES:
            raise
        seen.note = (
            f"what each payee got could not be read ({error}); `reconcile` compares what the chain has"
        )


def _arrived(context: Context, work: SettlementRecord, remit: TransactionRecord, seen: _Seen) -> int:
    receipt = seen.receipts.get(remit.id) or context.node.mined(remit.tx_hash)
    event = context.remitted(work, receipt) if receipt is not None else None
    return work.amount if event is None else event.amount


def _failed(context: Context, work: SettlementRecord, made: TransactionRecord, seen: _Seen) -> None:
    """A transaction was mined in vain. If the batch was remitted all the same, that one is taken for ours."""
    if made.step == "remit" and context.split(work).is_remitted(work.batch_id, payer=work.sender):
        try:
            event = context.adopted(work)
        except SettlementError as conflict:
            seen.failed = str(conflict)
            context.block(work, conflict)
            return
        seen.adopted = NewTransaction(
            "remit",
            event.tx_hash,
            state="mined",
            block_number=event.block_number,
            block_hash=event.block_hash,
        )
        seen.said.append(f"the remittance was there already, in block {event.block_number}")
        return
    why: RevShareError = SettlementError(f"{made.step} failed", agreement=work.agreement, period=work.period)
    try:
        Pending(context.node, made.tx_hash, f"{made.step} to {work.split}").poll()
    except (TransactionFailed, ContractError) as reason:
        why = reason
    seen.failed = str(why)
    context.block(work, why)
