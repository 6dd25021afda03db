"""Planning and signing: what is decided here is stored, with its signed bytes, before anybody outside hears
of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from revshare._words import counted
from revshare.chain.calls import Call
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import record_id
from revshare.chain.tokens import balance_of
from revshare.chain.transactions import Signed, check_chain
from revshare.errors import (
    ContractError,
    FeesTooHigh,
    InsufficientFunds,
    ProviderError,
    RevShareError,
    SettlementError,
)
from revshare.ledger._journal import NewSettlement, NewTransaction, Unit
from revshare.ledger._period import Period
from revshare.ledger._settlements import SettlementRecord, StepName
from revshare.settlement._context import Context, Key, live
from revshare.settlement._fees import Fees
from revshare.settlement._plan import Lines

__all__ = ["Wish", "prepared", "sign"]

_APPROVALS = 3  # a token that wants more than a reset and an approval is broken


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


@dataclass
class _Made:
    """What is to be stored in one database transaction. nonce: to sign with next. fees: offered."""

    nonce: int
    fees: Fees
    plans: list[tuple[NewSettlement, NewTransaction | None, SettlementRecord | None, Wish]] = field(
        default_factory=list
    )
    steps: list[tuple[SettlementRecord, NewTransaction]] = field(default_factory=list)
    done: list[Wish] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def wanted(context: Context, works: Sequence[SettlementRecord]) -> list[tuple[SettlementRecord, StepName]]:
    """Return the settlements whose next step can be signed now, and which step that is.

    A split's periods are settled one after the other: what each payee got by one is then plain to see.
    """
    found: list[tuple[SettlementRecord, StepName]] = []
    busy: set[str] = set()
    for work in works:  # oldest first
        if work.split in busy:
            continue
        if not _is_distributed(work):
            busy.add(work.split)
        if context.blocked(work):
            continue
        remit, approve = live(work, "remit"), live(work, "approve")
        if remit is None:
            if approve is None or approve.in_block:
                found.append((work, "remit"))
        elif remit.in_block and live(work, "distribute") is None:
            found.append((work, "distribute"))
    return found


def _is_distributed(work: SettlementRecord) -> bool:
    distribute = live(work, "distribute")
    return distribute is not None and distribute.in_block


def sign(
    context: Context, works: Sequence[SettlementRecord], wishes: Sequence[Wish]
) -> tuple[tuple[str, ...], list[Wish], tuple[Exception, ...]] | None:
    """Plan what is wished for and sign what can be signed; store all of it in one database transaction.

    Returns what was signed, in words, the wishes that are done with, and the errors met on the way. None:
    another worker signs for this account just now.

    Raises Taken when another worker stored the same in the meantime.
    """
    steps = wanted(context, works)
    known = context.journal.find_all(context.chain_id, [wish.key for wish in wishes]) if wishes else {}
    said, done = _known(context, wishes, known)
    waiting = _beginning([wish for wish in wishes if wish not in done], works)
    if not steps and not waiting:
        return said, done, ()
    leased = context.journal.lease_nonces(context.chain_id, context.address)
    if leased is None:
        return (said, done, ()) if done else None
    try:
        # Looked at while nobody else can sign: others may be at earlier periods of these splits.
        under_way = context.journal.under_way(context.chain_id, context.address)
        steps = [(work, step) for work, step in steps if under_way.get(work.split, work.id) >= work.id]
        waiting = [wish for wish in waiting if wish.split.address not in under_way]
        check_chain(context.node, context.chain_id)
        nonce = max(leased, context.node.nonce(context.address))
        made = _Made(nonce, context.fees(), said=list(said), done=done)
        for work, step in steps:
            _sign_step(context, made, work, step)
        for wish in waiting:
            _plan(context, made, wish, known.get(wish.key))
        _store(context, made, leased, leased if made.nonce == nonce else made.nonce)
    except BaseException:
        context.journal.release_nonces(context.chain_id, context.address)
        raise
    return tuple(made.said), made.done, tuple(made.errors)


def _store(context: Context, made: _Made, was: int, nonce: int) -> None:
    if not (made.plans or made.steps):
        context.journal.release_nonces(context.chain_id, context.address)
        return
    context.say("storing", f"{len(made.plans) + len(made.steps)} signed")
    with context.journal.write() as unit:
        context.seen(unit)
        for new, transaction, over, _ in made.plans:
            number = unit.settlement(new, over)
            if transaction is not None:
                unit.transaction(transaction, new.chain_id, new.sender, number)
        for work, transaction in made.steps:
            _store_step(unit, work, transaction)
        unit.take_nonces(context.chain_id, context.address, was, nonce)
    made.done += [wish for *_, wish in made.plans]
    context.say("stored", f"{len(made.plans) + len(made.steps)} signed")


def _store_step(unit: Unit, work: SettlementRecord, transaction: NewTransaction) -> None:
    unit.transaction(transaction, work.chain_id, work.sender, work.id)
    if transaction.step == "distribute":
        unit.update(work, state="mined")
    else:
        unit.update(work, state="mined" if transaction.state == "mined" else "signed")


# ------------------------------------------------------------------------------------------ what is there


def _sign_step(context: Context, made: _Made, work: SettlementRecord, step: StepName) -> None:
    """Sign the next step of a settlement."""
    context.say("signing", f"{work.agreement}, {work.period}: {step}", work, step)
    try:
        context.check_code(work)
        split = context.split(work)
        if step == "distribute":
            new = _signed(context, made, split.distribute(), "distribute")
        else:
            new = _remittance(context, made, split, work)
    except (ProviderError, FeesTooHigh) as error:  # of the moment
        made.errors.append(error)
    except RevShareError as error:
        context.block(work, error)
    else:
        made.nonce += new.nonce is not None
        made.steps.append((work, new))
        made.said.append(f"{work.agreement}, {work.period}: {new.step}")


def _remittance(context: Context, made: _Made, split: RevenueSplit, record: Any) -> NewTransaction:
    """Sign the remittance of a settlement, or the approval that has to go before; or adopt what the chain
    has.
    """
    call = split.remit(record.amount, batch_id=record.batch_id, root=record.root, count=record.count)
    approvals = call.approvals()
    try:
        if approvals:
            if split.is_remitted(record.batch_id, payer=context.address):
                return _adopted(context, record)
            _check_approvals(split, record, context)
            return _signed(context, made, approvals[0], "approve")
        return _signed(context, made, call, "remit")
    except ContractError as refused:
        if refused.name != "AlreadyPaid":
            raise
    return _adopted(context, record)


def _adopted(context: Context, record: Any) -> NewTransaction:
    """What the chain has under this batch id, if it is the same; raises SettlementConflict if not."""
    event = context.adopted(record)
    return NewTransaction(
        "remit",
        event.tx_hash,
        state="mined",
        block_number=event.block_number,
        block_hash=event.block_hash,
    )


def _check_approvals(split: RevenueSplit, record: Any, context: Context) -> None:
    """Raise what would make the approval vain."""
    held = balance_of(context.node, split.terms.token, context.address)
    if held < record.amount:
        show = split.token.format
        raise InsufficientFunds(
            f"{context.address} has {show(held)} {split.token.symbol} and is to remit {show(record.amount)}",
            account=context.address,
            needed=record.amount,
            available=held,
        )
    approved = [
        made for made in getattr(record, "transactions", ()) if made.step == "approve" and made.in_block
    ]
    if len(approved) >= _APPROVALS:
        raise SettlementError(
            f"the token {record.token} does not let {record.split} draw what was approved",
            agreement=record.agreement,
            period=record.period,
        )


def _signed(context: Context, made: _Made, call: Call, step: StepName) -> NewTransaction:
    signed: Signed = call.sign(context.signer, nonce=made.nonce, **made.fees.given())
    return NewTransaction(
        step,
        signed.tx_hash,
        signed.raw,
        made.nonce,
        max_fee=made.fees.most,
        tip=made.fees.tip,
        gas=int(signed.transaction["gas"]),
    )


# ------------------------------------------------------------------------------------------ planning


def _beginning(wishes: Iterable[Wish], works: Iterable[SettlementRecord]) -> list[Wish]:
    """Return the earliest wish of each split of which nothing is under way."""
    busy = {work.split for work in works if not _is_distributed(work)}
    found = []
    for wish in sorted(wishes, key=lambda wish: wish.period.end):
        if wish.split.address not in busy:
            busy.add(wish.split.address)
            found.append(wish)
    return found


def _known(
    context: Context, wishes: Iterable[Wish], known: Mapping[Key, SettlementRecord]
) -> tuple[tuple[str, ...], list[Wish]]:
    """Return the wishes whose periods have a settlement already; those that failed are taken up again."""
    said, done = [], []
    for wish in wishes:
        found = known.get(wish.key)
        if found is None or found.state == "carried":
            continue
        if found.state == "failed" and wish.key not in context.problems:
            with context.journal.write() as unit:
                unit.reopen(found)
            said.append(f"{wish.agreement}, {wish.period}: taken up again")
        done.append(wish)
    return tuple(said), done


def _plan(context: Context, made: _Made, wish: Wish, over: SettlementRecord | None) -> None:
    """Plan a settlement and sign its first step. over: the carried one in whose place it goes."""
    context.say("planning", f"{wish.agreement}, {wish.period}", wish)
    try:
        new = prepared(context, wish)
        if new.state == "carried":
            if over is None or (over.amount, over.count) != (new.amount, new.count):
                made.plans.append((new, None, over, wish))
                made.said.append(f"{wish.agreement}, {wish.period}: {new.note}")
            else:
                made.done.append(wish)
            return
        context.say("signing", f"{wish.agreement}, {wish.period}", new)
        first = _remittance(context, made, wish.split, new)
    except (ProviderError, FeesTooHigh) as error:  # of the moment
        made.errors.append(error)
    except RevShareError as error:
        context.problems[wish.key] = error
        made.done.append(wish)
    else:
        is_signed = first.nonce is not None
        made.nonce += is_signed
        made.plans.append((new if is_signed else replace(new, state="mined"), first, over, wish))
        made.said.append(f"{wish.agreement}, {wish.period}: {first.step}")


def prepared(context: Context, wish: Wish) -> NewSettlement:
    """Return the settlement of a period as it would be stored."""
    split, period = wish.split, wish.period
    lines = Lines.of(context.journal.lines(wish.agreement, period.end, split.token.symbol))
    is_carried = lines.amount <= 0
    note = ""
    if is_carried:
        note = (
            f"{counted(len(lines.entries), 'line')} of {split.token.format(lines.amount, grouped=True)} "
            f"{split.token.symbol} in all: nothing is remitted, that goes into the next period"
            if lines.entries
            else "there is nothing to settle"
        )
    return NewSettlement(
        agreement=wish.agreement,
        chain_id=context.chain_id,
        split=split.address,
        token=split.terms.token,
        period=period.name,
        zone=period.zone,
        starts_at=period.start,
        ends_at=period.end,
        batch_id=record_id(f"{wish.agreement}/{period.name}"),
        amount=lines.amount,
        root=bytes(32) if is_carried else lines.root,
        count=len(lines.entries),
        state="carried" if is_carried else "signed",
        sender=context.address,
        code_hash=context.code_hash(split.address),
        terms=split.terms.encoded,
        names=_names(split),
        note=note,
        lines=() if is_carried else lines.numbers,
    )


def _names(split: RevenueSplit) -> tuple[str, ...]:
    """The payees' names in the order of the packed terms, ascending by address."""
    return tuple(
        name for _, name in sorted((address.lower(), name) for name, address in split.payees.items())
    )
