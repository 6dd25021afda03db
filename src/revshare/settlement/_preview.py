"""What a settlement would do, for people to look at before it is done. Writes and signs nothing."""

from __future__ import annotations

from functools import partial

from revshare.chain.calls import Call
from revshare.chain.split import RevenueSplit
from revshare.chain.tokens import balance_of
from revshare.errors import ContractError, FeesTooHigh, InsufficientFunds
from revshare.ledger._journal import NewSettlement
from revshare.settlement._context import Context
from revshare.settlement._fees import Fees, usual_gas
from revshare.settlement._order import Wish
from revshare.settlement._plan import earned_between
from revshare.settlement._signing import prepared
from revshare.settlement._values import PlannedPayout, PlannedStep, SettlementPlan

__all__ = ["preview"]


def preview(context: Context, wish: Wish) -> SettlementPlan:
    """Return what settling a period would do now."""
    split = wish.split
    new = prepared(context, wish)
    over = context.journal.find(context.chain_id, *wish.key)
    known = over if over is not None and over.state != "carried" else None
    left_out = context.journal.left_out(wish.agreement, wish.period.end, split.token.symbol)
    if known is not None:
        return SettlementPlan(
            new.agreement, wish.period, context.chain_id, split.address, split.token, known.sender,
            known.state, known.batch_id, known.amount, known.count, known.root, left_out=left_out,
            note=known.note or "this period has a settlement already",
        )  # fmt: skip
    is_carried = new.state == "carried"
    steps, note = ((), new.note) if is_carried else _steps(context, split, new)
    return SettlementPlan(
        new.agreement, wish.period, context.chain_id, split.address, split.token, context.address,
        "carried" if is_carried else "planned", new.batch_id, new.amount, new.count, new.root,
        () if is_carried else _payouts(context, split, new.amount), steps, left_out, note,
    )  # fmt: skip


def _payouts(context: Context, split: RevenueSplit, amount: int) -> tuple[PlannedPayout, ...]:
    now = split.statement(block=context.head.number)
    earned = earned_between(split, now.revenue, now.revenue + amount)
    return tuple(
        PlannedPayout(
            line.payee,
            line.address,
            max(0, line.entitlement + earned.get(line.payee, 0) - line.paid - line.credit),
            earned.get(line.payee, 0),
        )
        for line in now
    )


def _steps(context: Context, split: RevenueSplit, new: NewSettlement) -> tuple[tuple[PlannedStep, ...], str]:
    try:
        fees, note = context.fees(), ""
    except FeesTooHigh as error:
        fees, note = Fees(error.price, None), str(error)
    price = fees.most if fees.tip is None else (context.head.base_fee or 0) + fees.tip
    call = split.remit(new.amount, batch_id=new.batch_id, root=new.root, count=new.count)
    approvals = call.approvals()
    found = [_step("approve", usual_gas("approve"), price, one) for one in approvals]
    if approvals:
        held = balance_of(context.node, split.terms.token, context.address)
        if held < new.amount:
            show, symbol = partial(split.token.format, grouped=True), split.token.symbol
            note = (
                f"{context.address} has {show(held)} {symbol}: too little to remit, "
                f"{show(new.amount - held)} {symbol} are missing"
            )
        found.append(_step("remit", usual_gas("remit"), price))
    else:
        try:
            found.append(_step("remit", usual_gas("remit"), price, call))
        except ContractError as error:
            note = (
                "the chain has a remittance for this period already"
                if error.name == "AlreadyPaid"
                else str(error)
            )
            found.append(_step("remit", usual_gas("remit"), price))
        except InsufficientFunds as error:
            note = str(error)
            found.append(_step("remit", usual_gas("remit"), price))
    found.append(_step("distribute", usual_gas("distribute", len(split.payees)), price))
    return tuple(found), note


def _step(name: str, usual: int, price: int, call: Call | None = None) -> PlannedStep:
    gas = usual if call is None else call.estimate_gas()
    return PlannedStep(name, gas, gas * price, call is not None)
