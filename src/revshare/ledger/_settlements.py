"""What the journal of settlements gives back: plain values, no database. Amounts are base units."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = [
    "OPEN",
    "PayoutRecord",
    "SettlementRecord",
    "SettlementState",
    "SettlementTerms",
    "StepName",
    "TransactionRecord",
    "TransactionState",
]

SettlementState = Literal["planned", "signed", "sent", "mined", "final", "carried", "failed"]
"""Where a settlement stands.

planned: its lines are fixed, nothing that can be mined is signed. signed: signed bytes are stored. sent: the
remittance was broadcast. mined: the money is in the split. final: everybody is paid or credited, beyond
reorganisation. carried: the lines came to nothing or less; nothing is remitted and they go into the next
period. failed: the chain refused; the lines are kept, and settling the period again tries again.
"""

TransactionState = Literal["signed", "sent", "mined", "final", "failed", "void"]
"""Where a transaction stands.

failed: mined, without effect. void: it can never be mined, as another with its nonce has been.
"""

StepName = Literal["approve", "remit", "distribute", "fill"]
"""What a transaction does. fill: nothing; it takes up a nonce that is missing, so that those after it can be
mined.
"""

OPEN: tuple[SettlementState, ...] = ("planned", "signed", "sent", "mined")
"""The states in which there is something to be done."""


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction as it was signed, and what became of it.

    attempt: 0, or the number of the replacement; all attempts of one step have one nonce. raw: the signed
    bytes; empty for what the chain had already when the settlement began, whose nonce is None. max_fee, tip:
    wei per gas; tip is None on chains without a base fee. cost: wei paid for gas. error: what the node said
    when it was last sent, if it was not taken.
    """

    id: int
    settlement_id: int | None
    step: StepName
    attempt: int
    chain_id: int
    sender: str
    nonce: int | None
    raw: bytes = field(repr=False)
    tx_hash: str
    max_fee: int
    tip: int | None
    gas: int
    state: TransactionState
    block_number: int | None
    block_hash: str | None
    gas_used: int | None
    cost: int | None
    error: str
    created_at: datetime

    @property
    def in_block(self) -> bool:
        """Whether a block had it when last looked at."""
        return self.block_number is not None


@dataclass(frozen=True, slots=True)
class PayoutRecord:
    """What one payee got by a settlement.

    earned: by the money rule, of this settlement's money. paid: what left the split for the payee from just
    before the remittance to the end of the block of the distribution; that may be more, when something was
    due before. credited: what could not be paid meanwhile and was set aside; negative when earlier credit was
    withdrawn.
    """

    payee: str
    address: str
    earned: int
    paid: int
    credited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementTerms:
    """What is settled: one period of one agreement.

    amount: what is remitted, the net of `count` lines whose Merkle root is `root`. terms, names: by which it
    is distributed, and what the payees are called, in the order of the terms.
    """

    agreement: str
    chain_id: int
    split: str
    token: str
    period: str
    zone: str
    starts_at: datetime
    ends_at: datetime
    batch_id: bytes
    amount: int
    root: bytes
    count: int
    state: SettlementState
    sender: str
    code_hash: str
    terms: bytes = field(repr=False)
    names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRecord(SettlementTerms):
    """One run for one period of one agreement.

    revenue_before and revenue_after: the contract's `received` just before the remittance, and that with it.
    """

    id: int
    revenue_before: int | None
    revenue_after: int | None
    worker: str
    lease_until: float
    fence: int
    created_at: datetime
    updated_at: datetime
    note: str
    transactions: tuple[TransactionRecord, ...] = field(default=(), repr=False)
    payouts: tuple[PayoutRecord, ...] = field(default=(), repr=False)

    @property
    def is_open(self) -> bool:
        """Whether there is something left to be done."""
        return self.state in OPEN

    def step(self, name: StepName) -> TransactionRecord | None:
        """The transaction that did, or is to do, a step: the one in a block, else the newest that may yet be;
        or None.
        """
        found = [made for made in self.transactions if made.step == name and made.state != "void"]
        mined = [made for made in found if made.in_block]
        candidates = mined or found
        return candidates[-1] if candidates else None
