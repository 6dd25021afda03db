"""Settlements: a period's sales remitted, shared out, and shown to be right, whatever happens on the way.

settle(ledger, split, "2011-03")            one period of one agreement
Settler(ledger, w3, account=…)              many, and resuming what is open
reconcile(ledger, split)                    ledger, contract, log and balances, compared to the unit
status(ledger)                              where everything stands, in words
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, overload

from revshare._period import Period
from revshare.ledger._settlements import PayoutRecord, SettlementRecord, TransactionRecord
from revshare.settlement._context import Finality
from revshare.settlement._reconcile import PayeeAccounts, Reconciliation, reconcile
from revshare.settlement._settler import Settler
from revshare.settlement._status import Standing, status
from revshare.settlement._values import (
    PlannedPayout,
    PlannedStep,
    Progress,
    SettlementPlan,
    SettlementResult,
    Step,
)

if TYPE_CHECKING:
    from revshare.chain.signers import Account
    from revshare.chain.split import RevenueSplit
    from revshare.ledger import Ledger

__all__ = [
    "Finality",
    "PayeeAccounts",
    "PayoutRecord",
    "PlannedPayout",
    "PlannedStep",
    "Progress",
    "Reconciliation",
    "SettlementPlan",
    "SettlementRecord",
    "SettlementResult",
    "Settler",
    "Standing",
    "Step",
    "TransactionRecord",
    "reconcile",
    "settle",
    "status",
]


@overload
def settle(
    ledger: Ledger,
    split: RevenueSplit,
    period: str | Period,
    *,
    zone: str = "UTC",
    account: Account = None,
    dry_run: Literal[False] = False,
    finality: Finality | None = None,
    watch: Callable[[Progress], None] | None = None,
    max_fee: int | None = None,
    timeout: float = 3600.0,
) -> SettlementResult: ...
@overload
def settle(
    ledger: Ledger,
    split: RevenueSplit,
    period: str | Period,
    *,
    zone: str = "UTC",
    account: Account = None,
    dry_run: Literal[True],
    finality: Finality | None = None,
    watch: Callable[[Progress], None] | None = None,
    max_fee: int | None = None,
    timeout: float = 3600.0,
) -> SettlementPlan: ...
def settle(
    ledger: Ledger,
    split: RevenueSplit,
    period: str | Period,
    *,
    zone: str = "UTC",
    account: Account = None,
    dry_run: bool = False,
    finality: Finality | None = None,
    watch: Callable[[Progress], None] | None = None,
    max_fee: int | None = None,
    timeout: float = 3600.0,
) -> SettlementResult | SettlementPlan:
    """Remit what a period's sales come to, distribute it, wait until that is final, and return what each
    payee got.

    Doing it again, also after a crash, or by several at once, does it once.

    split: a handle with its agreement. period: such as ``2011-03``, ``2011-Q1``, ``2011-W09``, in `zone`.
    account: a signer; left out, the one of the handle. dry_run: return a `SettlementPlan`; nothing is written
    or signed. The rest is as of `Settler`.

    Raises as `Settler.settle` does.
    """
    settler = Settler(
        ledger,
        split.node,
        account=split.account if account is None else account,
        finality=finality,
        watch=watch,
        max_fee=max_fee,
    )
    if dry_run:
        return settler.plan(split, period, zone=zone)
    return settler.settle(split, period, zone=zone, timeout=timeout)
