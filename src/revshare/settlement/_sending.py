"""Broadcasting what is stored, and what helps when it is not mined: higher fees, and no-ops where a nonce is
missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_hash.auto import keccak

from revshare.chain.signers import sign
from revshare.chain.transactions import GAS_CAP, Transaction, check_chain, check_funds, estimate
from revshare.errors import ChainError, InsufficientFunds, StuckTransaction
from revshare.ledger._journal import NewTransaction
from revshare.ledger._settlements import SettlementRecord, TransactionRecord
from revshare.settlement._context import Context
from revshare.settlement._fees import Fees, raised
from revshare.settlement._observing import groups_of
from revshare.settlement._watched import unpack

__all__ = ["mend", "send"]

_PATIENCE = (1.0, 2.0, 4.0, 8.0)  # seconds until what was refused is sent again
_MOST_RAISED = 10  # times the first fee, unless a limit was given
_NO_OP_GAS = 21_000


def send(
    context: Context, works: Sequence[SettlementRecord], fills: Sequence[TransactionRecord]
) -> tuple[tuple[str, ...], tuple[Exception, ...]] | None:
    """Broadcast what was signed and not sent, and again what was sent long ago and is in no block.

    Returns what was sent, in words, and the errors met on the way; None when nothing was due.
    """
    now = context.clock()
    of = {made.id: work for work in works for made in work.transactions}
    due = [made for made in _waiting(works, fills) if context.send_again.get(made.tx_hash, 0.0) <= now]
    if not due:
        return None
    said: list[str] = []
    errors: list[Exception] = []
    changes: dict[int, dict[str, object]] = {}
    for made in sorted(due, key=lambda made: (made.nonce or 0, made.attempt)):
        work = of.get(made.id)
        context.say("sending", f"{made.step} {made.tx_hash}", work, made.step, made.tx_hash)
        error = _send(context, made)
        if error is None:
            if made.state == "signed" or made.error:
                changes[made.id] = {"state": "sent", "error": ""}
            said.append(f"{made.step} {made.tx_hash}")
        else:
            errors.append(error)
            if str(error) != made.error:
                changes[made.id] = {"error": str(error)}
            if work is not None and isinstance(error, InsufficientFunds):
                key = work.split, work.period
                if not context.asks_again(key, error):
                    context.block(work, error)
        context.say("sent", f"{made.step} {made.tx_hash}", work, made.step, made.tx_hash)
    if changes:
        context.say("storing", "what was sent")
        with context.journal.write() as unit:
            context.seen(unit)
            unit.transactions(changes)
            for work in works:
                remits = [made for made in work.transactions if made.id in changes and made.step == "remit"]
                if any(changes[made.id].get("state") == "sent" for made in remits):
                    unit.update(work, state="sent")
        context.say("stored", "what was sent")
    return tuple(said), tuple(errors)


def _waiting(
    works: Iterable[SettlementRecord], fills: Iterable[TransactionRecord]
) -> list[TransactionRecord]:
    """The newest attempt of everything that is in no block."""
    groups = [group for work in works for group in groups_of(work.transactions)] + groups_of(fills)
    return [group[-1] for group in groups if group[-1].raw and not any(made.in_block for made in group)]


def _send(context: Context, made: TransactionRecord) -> ChainError | None:
    """Broadcast; return what the node said if it did not take it. What became of it is looked up."""
    now = context.clock()
    try:
        context.node.send_raw(made.raw)
    except ChainError as error:
        count = context.refusals[made.tx_hash] = context.refusals.get(made.tx_hash, 0) + 1
        context.send_again[made.tx_hash] = now + _PATIENCE[min(count, len(_PATIENCE)) - 1]
        try:
            check_funds(context.node, unpack(made.raw) | {"from": made.sender})
        except InsufficientFunds as short:
            return short
        except ChainError:
            pass
        return error
    context.refusals.pop(made.tx_hash, None)
    context.send_again[made.tx_hash] = now + context.resend_after
    context.first_sent.setdefault((made.sender, made.nonce), (now, context.head.number))
    return None


# ------------------------------------------------------------------------------------------ stuck, missing


def mend(
    context: Context, works: Sequence[SettlementRecord], fills: Sequence[TransactionRecord]
) -> tuple[str, ...]:
    """Help what has waited for too long while blocks went by. Returns what was done, in words.

    In this order: what can never be mined, because another transaction has its nonce beyond reorganisation,
    is given up (it is signed anew, with another nonce, and the contract sees to it that a batch counts once);
    missing nonces are filled; fees are raised.
    """
    now = context.clock()
    late = [made for made in _waiting(works, fills) if _is_late(context, made, now)]
    if not late:
        return ()
    count = context.node.nonce(context.address, context.head.number)
    lowest = min(made.nonce or 0 for made in late)
    if count > lowest:
        return _give_up(context, works, fills, [made for made in late if (made.nonce or 0) < count])
    if count < lowest:
        taken = context.journal.nonces_in_use(context.chain_id, context.address, count, lowest - 1)
        missing = [nonce for nonce in range(count, lowest) if nonce not in taken]
        return _fill(context, missing) if missing else ()
    return _replace(context, works, [made for made in late if made.nonce == lowest])


def _is_late(context: Context, made: TransactionRecord, now: float) -> bool:
    when, head = context.first_sent.get((made.sender, made.nonce), (now, context.head.number))
    return now - when >= context.replace_after and context.head.number > head


def _give_up(
    context: Context,
    works: Sequence[SettlementRecord],
    fills: Sequence[TransactionRecord],
    late: Sequence[TransactionRecord],
) -> tuple[str, ...]:
    final = context.final_number
    if final < 0:
        return ()
    count = context.node.nonce(context.address, final)
    lost = {made.nonce for made in late if made.nonce is not None and made.nonce < count}
    groups = [(work, group) for work in works for group in groups_of(work.transactions)]
    changes: dict[int, dict[str, object]] = {}
    touched = []
    for work, group in [*groups, *((None, group) for group in groups_of(fills))]:
        if group[0].nonce not in lost or any(context.node.mined(made.tx_hash) for made in group):
            continue
        changes |= {made.id: {"state": "void"} for made in group}
        if work is not None:
            touched.append((work, group[0]))
    if not changes:
        return ()
    with context.journal.write() as unit:
        unit.transactions(changes)
        for work, made in touched:
            if made.step != "distribute":
                unit.update(work, state="planned")
    return tuple(f"nonce {nonce} was used by another transaction" for nonce in sorted(lost))


def _fill(context: Context, missing: Sequence[int]) -> tuple[str, ...]:
    check_chain(context.node, context.chain_id)
    fees = context.fees()
    made = []
    for nonce in missing:
        transaction = {
            "chainId": context.chain_id,
            "nonce": nonce,
            "gas": _NO_OP_GAS,
            "to": context.address,
            "value": 0,
            "data": "0x",
        } | fees.fields()
        raw = sign(context.signer, transaction)
        attempt = context.journal.attempts(context.chain_id, context.address, nonce)
        made.append(
            NewTransaction(
                "fill", _hash(raw), raw, nonce, attempt, max_fee=fees.most, tip=fees.tip, gas=_NO_OP_GAS
            )
        )
    context.say("storing", f"nonces {', '.join(map(str, missing))} are missing: no-ops take their place")
    with context.journal.write() as unit:
        for fill in made:
            unit.transaction(fill, context.chain_id, context.address)
    context.say("stored", "no-ops")
    return tuple(f"nonce {nonce} is missing: a no-op takes its place" for nonce in missing)


def _replace(
    context: Context, works: Sequence[SettlementRecord], late: Sequence[TransactionRecord]
) -> tuple[str, ...]:
    of = {made.id: work for work in works for made in work.transactions}
    check_chain(context.node, context.chain_id)
    said = []
    for made in late:
        work = of.get(made.id)
        cap = context.max_fee or _MOST_RAISED * _first_fee(made, work)
        fees = raised(Fees(made.max_fee, made.tip), context.fees(), cap)
        if fees is None:
            if work is not None:
                context.stuck[(work.split, work.period)] = StuckTransaction(
                    f"{made.step} {made.tx_hash} is not mined at {made.max_fee} wei per gas, and at most "
                    f"{cap} may be offered; it is sent again from time to time",
                    tx_hash=made.tx_hash,
                    agreement=work.agreement,
                    period=work.period,
                )
            context.first_sent.pop((made.sender, made.nonce), None)
            continue
        transaction = {
            name: value
            for name, value in unpack(made.raw).items()
            if name not in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
        } | fees.fields()
        transaction["gas"] = max(made.gas, _gas_now(context, transaction))
        raw = sign(context.signer, transaction)
        new = NewTransaction(
            made.step,
            _hash(raw),
            raw,
            made.nonce,
            made.attempt + 1,
            max_fee=fees.most,
            tip=fees.tip,
            gas=transaction["gas"],
        )
        context.say("replacing", f"{made.step} at {fees.most} wei per gas", work, made.step, new.tx_hash)
        with context.journal.write() as unit:
            unit.transaction(new, context.chain_id, made.sender, made.settlement_id)
            if work is not None:
                unit.update(work)
        context.first_sent.pop((made.sender, made.nonce), None)
        said.append(f"{made.step} is offered {fees.most} wei per gas in place of {made.max_fee}")
    return tuple(said)


def _gas_now(context: Context, transaction: Transaction) -> int:
    """What a transaction needs as things stand: less than that was offered, and no fee makes up for it.

    0 where the node cannot say, as it cannot where what goes before is not mined either.
    """
    asked = {name: value for name, value in transaction.items() if name in ("to", "value", "data")}
    try:
        return min(estimate(context.node, asked | {"from": context.address}) * 6 // 5, GAS_CAP)
    except ChainError:
        return 0


def _first_fee(made: TransactionRecord, work: SettlementRecord | None) -> int:
    """What was offered first of all with this nonce."""
    attempts = work.transactions if work is not None else (made,)
    return min(one.max_fee for one in attempts if one.nonce == made.nonce)


def _hash(raw: bytes) -> str:
    return "0x" + keccak(raw).hex()
