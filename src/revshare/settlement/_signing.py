"""Planning and signing: what is decided here is stored, with its signed bytes, before anybody outside hears
of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from revshare._words import counted
from revshare.chain.calls import Call
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import record_id
from revshare.chain.tokens import balance_of
from revshare.chain.transactions import GAS_CAP, Signed, check_chain
from revshare.errors import (
    ContractError,
    FeesTooHigh,
    InsufficientFunds,
    ProviderError,
    RevShareError,
    SettlementError,
)
from revshare.ledger._journal import NewSettlement, NewTransaction, Unit
from revshare.ledger._settlements import SettlementRecord, SettlementTerms, StepName
from revshare.settlement._context import Context, Key, live
from revshare.settlement._fees import Fees, usual_gas
from revshare.settlement._observing import groups_of
from revshare.settlement._order import Wish, beginning, is_distributed
from revshare.settlement._plan import Lines
from revshare.settlement._watched import unpack

__all__ = ["Wish", "prepared", "sign"]

_APPROVALS = 3  # a token that wants more than a reset and an approval is broken


@dataclass
class _Made:
    """What is to be stored in one database transaction.

    nonce: to sign with next. fees: offered. promised: wei that what is signed and in no block may yet cost,
    and what is planned here.
    """

    nonce: int
    fees: Fees
    promised: int
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
        if not is_distributed(work):
            busy.add(work.split)
        if context.blocked(work) or context.is_asked_later((work.split, work.period)):
            continue
        remit, approve = live(work, "remit"), live(work, "approve")
        if remit is None:
            if approve is None or approve.in_block:
                found.append((work, "remit"))
        elif remit.in_block and live(work, "distribute") is None:
            found.append((work, "distribute"))
    return found


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
    waiting, behind = beginning(context, [wish for wish in wishes if wish not in done], works)
    done += behind
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
        made = _Made(nonce, context.fees(), promised(works), said=list(said), done=done)
        for work, step in steps:
            _sign_step(context, made, work, step)
        if waiting:
            made.promised += coming(works) * made.fees.most * 6 // 5
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
        made.errors.append(error)
        if not context.asks_again((work.split, work.period), error):
            context.block(work, error)
    else:
        context.is_sure((work.split, work.period))
        made.nonce += new.nonce is not None
        made.steps.append((work, new))
        made.said.append(f"{work.agreement}, {work.period}: {new.step}")


def _remittance(
    context: Context, made: _Made, split: RevenueSplit, record: Any, *, plans: bool = False
) -> NewTransaction:
    """Sign the remittance of a settlement, or the approval that has to go before; or adopt what the chain
    has.

    plans: whether there has to be coin for all that follows, too.
    """
    shared = usual_gas("distribute", len(record.names)) if plans else 0
    call = split.remit(record.amount, batch_id=record.batch_id, root=record.root, count=record.count)
    approvals = call.approvals()
    try:
        if approvals:
            if split.is_remitted(record.batch_id, payer=context.address):
                return _adopted(context, record)
            _check_approvals(split, record, context)
            later = shared + usual_gas("remit") if plans else 0
            return _signed(context, made, approvals[0], "approve", later)
        return _signed(context, made, call, "remit", shared)
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
        show, symbol = partial(split.token.format, grouped=True), split.token.symbol
        raise InsufficientFunds(
            f"{context.address} has {show(held)} {symbol} and is to remit {show(record.amount)}: "
            f"{show(record.amount - held)} {symbol} are missing",
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


def _signed(context: Context, made: _Made, call: Call, step: StepName, later: int = 0) -> NewTransaction:
    """Sign a call. later: gas of the steps after it, for which there has to be coin as well."""
    gas = min(call.estimate_gas() * 6 // 5, GAS_CAP)
    _check_coin(context, made, call.value, gas + later * 6 // 5)
    signed: Signed = call.sign(context.signer, nonce=made.nonce, gas=gas, **made.fees.given())
    return NewTransaction(
        step,
        signed.tx_hash,
        signed.raw,
        made.nonce,
        max_fee=made.fees.most,
        tip=made.fees.tip,
        gas=int(signed.transaction["gas"]),
    )


def _check_coin(context: Context, made: _Made, value: int, gas: int) -> None:
    """Raise InsufficientFunds unless the account has the coin that this may cost at most."""
    needed = value + gas * made.fees.most
    if needed + made.promised <= 0:
        return
    available = context.node.balance(context.address)
    missing = needed + made.promised - available
    if missing > 0:
        before = f", {made.promised} for what is under way" if made.promised else ""
        raise InsufficientFunds(
            f"{context.address} has {available} wei for gas, and may need {needed}{before}: {missing} wei "
            "are missing; nothing more is signed",
            account=context.address,
            needed=needed + made.promised,
            available=available,
        )
    made.promised += needed


def coming(works: Iterable[SettlementRecord]) -> int:
    """Return the gas that the steps need, as a rule, which settlements have still to sign."""
    found = 0
    for work in works:
        if live(work, "remit") is None:
            found += usual_gas("remit")
        if live(work, "distribute") is None:
            found += usual_gas("distribute", len(work.names))
    return found


def promised(works: Iterable[SettlementRecord]) -> int:
    """Return the wei that what is signed and in no block may cost at most."""
    groups = [group for work in works for group in groups_of(work.transactions)]
    waiting = [group[-1] for group in groups if not any(made.in_block for made in group)]
    return sum(made.gas * made.max_fee + unpack(made.raw)["value"] for made in waiting if made.raw)


# ------------------------------------------------------------------------------------------ planning


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
        if not new.count:
            _nothing(context, made, wish, new, over)
            return
        if new.state == "carried":
            if over is None or (over.amount, over.count) != (new.amount, new.count):
                made.plans.append((new, None, over, wish))
                made.said.append(f"{wish.agreement}, {wish.period}: {new.note}")
            else:
                made.done.append(wish)
            return
        context.say("signing", f"{wish.agreement}, {wish.period}", new)
        first = _remittance(context, made, wish.split, new, plans=True)
    except (ProviderError, FeesTooHigh) as error:  # of the moment
        made.errors.append(error)
    except RevShareError as error:
        made.errors.append(error)
        if context.asks_again(wish.key, error):
            return
        context.problems[wish.key] = error
        context.unplanned[wish.key] = wish.period
        made.done.append(wish)
    else:
        context.is_sure(wish.key)
        is_signed = first.nonce is not None
        made.nonce += is_signed
        made.plans.append((new if is_signed else replace(new, state="mined"), first, over, wish))
        made.said.append(f"{wish.agreement}, {wish.period}: {first.step}")


def _nothing(
    context: Context, made: _Made, wish: Wish, new: NewSettlement, over: SettlementRecord | None
) -> None:
    """A period without lines is done, and leaves no record: nothing has happened."""
    if over is None:
        now = datetime.fromtimestamp(context.clock(), UTC)
        values = {one.name: getattr(new, one.name) for one in fields(SettlementTerms)}
        context.empty[wish.key] = SettlementRecord(
            **values, id=0, revenue_before=None, revenue_after=None, worker="", lease_until=0.0, fence=0,
            created_at=now, updated_at=now, note=new.note,
        )  # fmt: skip
    made.done.append(wish)
    made.said.append(f"{wish.agreement}, {wish.period}: {new.note}")


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
