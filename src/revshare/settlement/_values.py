"""What a settler gives back and says on the way: plain values. Amounts are base units of the token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from revshare._period import Period
from revshare.ledger._settlements import PayoutRecord, SettlementRecord, SettlementState, TransactionRecord
from revshare.money import Token

__all__ = ["Did", "PlannedPayout", "PlannedStep", "Progress", "SettlementPlan", "SettlementResult", "Step"]

Moment = Literal[
    "planning",
    "signing",
    "storing",
    "stored",
    "sending",
    "sent",
    "observed",
    "undone",
    "replacing",
    "waiting",
]


@dataclass(frozen=True)
class Progress:
    """What a settler is doing, for `watch`.

    moment: storing and stored are around a database transaction, sending and sent around a broadcast; undone:
    a reorganisation took a transaction out of its block. step: of the transaction. message: the same, for
    people. error: what is waited for to pass, such as FeesTooHigh; None where only the chain is.
    """

    moment: Moment
    message: str
    agreement: str = ""
    period: str = ""
    step: str = ""
    tx_hash: str = ""
    error: Exception | None = None


Did = Literal["signed", "sent", "observed", "mended", "waiting"]


@dataclass(frozen=True)
class Step:
    """What `Settler.step` did. waiting: nothing; ask again later. errors: of the node, met on the way."""

    did: Did
    what: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(frozen=True)
class PlannedPayout:
    """What a payee would get: `amount` by the distribution; of that, `earned` by this settlement's money."""

    payee: str
    address: str
    amount: int
    earned: int


@dataclass(frozen=True)
class PlannedStep:
    """A transaction that would be sent. gas: what it would use; exact: as the node estimates it now, not as
    usual.

    cost: in wei, at the fees of the moment.
    """

    step: str
    gas: int
    cost: int
    exact: bool


@dataclass(frozen=True)
class SettlementPlan:
    """What settling a period would do. Nothing is signed or stored.

    state: planned, or carried where the lines come to nothing or less; otherwise where the settlement already
    stands. amount: what would be remitted, the net of `count` lines whose Merkle root is `root`. left_out:
    sales of the agreement in other tokens, by symbol: how many. note: what to know before it is done.
    """

    agreement: str
    period: Period
    chain_id: int
    split: str
    token: Token
    sender: str
    state: SettlementState
    batch_id: bytes
    amount: int
    count: int
    root: bytes
    payouts: tuple[PlannedPayout, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def gas(self) -> int:
        """Gas of all steps."""
        return sum(step.gas for step in self.steps)

    @property
    def cost(self) -> int:
        """Wei for the gas of all steps."""
        return sum(step.cost for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data: amounts are exact decimal strings, in whole tokens."""
        show = self.token.format
        return {
            "agreement": self.agreement,
            "period": self.period.name,
            "zone": self.period.zone,
            "chain_id": self.chain_id,
            "split": self.split,
            "token": self.token.model_dump(),
            "sender": self.sender,
            "state": self.state,
            "batch_id": "0x" + self.batch_id.hex(),
            "amount": show(self.amount),
            "count": self.count,
            "root": "0x" + self.root.hex(),
            "payouts": {
                payout.payee: {"amount": show(payout.amount), "earned": show(payout.earned)}
                for payout in self.payouts
            },
            "steps": [
                {"step": step.step, "gas": step.gas, "cost_wei": str(step.cost), "exact": step.exact}
                for step in self.steps
            ],
            "gas": self.gas,
            "cost_wei": str(self.cost),
            "left_out": dict(self.left_out),
            "note": self.note,
        }


@dataclass(frozen=True)
class SettlementResult:
    """Where a settlement stands, and what each payee got. differences: what does not agree, in words."""

    record: SettlementRecord
    token: Token
    differences: tuple[str, ...] = ()

    @property
    def state(self) -> SettlementState:
        """final, carried or failed when there is nothing left to do."""
        return self.record.state

    @property
    def agreement(self) -> str:
        """Its name."""
        return self.record.agreement

    @property
    def period(self) -> str:
        """The period's name, like ``2011-03``."""
        return self.record.period

    @property
    def amount(self) -> int:
        """What was remitted; where nothing was, what the lines came to: 0 or less."""
        return self.record.amount

    @property
    def count(self) -> int:
        """How many lines it is of."""
        return self.record.count

    @property
    def root(self) -> bytes:
        """The Merkle root of their leaves."""
        return self.record.root

    @property
    def payouts(self) -> tuple[PayoutRecord, ...]:
        """What each payee got."""
        return self.record.payouts

    @property
    def paid(self) -> dict[str, int]:
        """What left the split for each payee, by name."""
        return {payout.payee: payout.paid for payout in self.payouts}

    @property
    def transactions(self) -> tuple[TransactionRecord, ...]:
        """Those that were mined, in order."""
        return tuple(made for made in self.record.transactions if made.in_block)

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return sum(made.gas_used or 0 for made in self.transactions)

    @property
    def cost(self) -> int:
        """Wei paid for that gas."""
        return sum(made.cost or 0 for made in self.transactions)

    @property
    def reconciled(self) -> bool:
        """Whether it is final, or needed nothing, and everything agrees."""
        return self.state in ("final", "carried") and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data: amounts are exact decimal strings, in whole tokens."""
        show, record = self.token.format, self.record
        return {
            "agreement": record.agreement,
            "period": record.period,
            "zone": record.zone,
            "state": record.state,
            "chain_id": record.chain_id,
            "split": record.split,
            "token": self.token.model_dump(),
            "batch_id": "0x" + record.batch_id.hex(),
            "amount": show(record.amount),
            "count": record.count,
            "root": "0x" + record.root.hex(),
            "payouts": {
                payout.payee: {
                    "address": payout.address,
                    "earned": show(payout.earned),
                    "paid": show(payout.paid),
                    "credited": show(payout.credited),
                }
                for payout in self.payouts
            },
            "transactions": [
                {
                    "step": made.step,
                    "tx_hash": made.tx_hash,
                    "state": made.state,
                    "block": made.block_number,
                    "gas_used": made.gas_used,
                    "cost_wei": None if made.cost is None else str(made.cost),
                }
                for made in record.transactions
            ],
            "gas_used": self.gas_used,
            "cost_wei": str(self.cost),
            "reconciled": self.reconciled,
            "differences": list(self.differences),
            "note": record.note,
        }
