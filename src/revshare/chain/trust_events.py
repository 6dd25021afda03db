"""What payout books and escrows log, as typed events. Amounts are base units, times seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from revshare.chain.events import Event

__all__ = [
    "Announced",
    "ClaimSkipped",
    "Delayed",
    "Disputed",
    "Ending",
    "Opened",
    "OwedSettled",
    "OwnershipOffered",
    "OwnershipTransferred",
    "PayeePaid",
    "Published",
    "Redirected",
    "Settled",
    "Skip",
    "SurplusWithdrawn",
    "Withdrawn",
]


# ------------------------------------------------------------------------------------------ payout books


class Skip(IntEnum):
    """Why a bulk claim left a payee out."""

    NOT_PROVEN = 0
    NOTHING_DUE = 1
    TOTAL_EXCEEDED = 2
    NOT_DELIVERED = 3
    """The payee, or the token, did not take the money: nothing has moved, and it can still be claimed."""


@dataclass(frozen=True, kw_only=True)
class Published(Event):
    """A root is in force, by which `total` units have been promised so far in all."""

    token: str
    root: bytes
    total: int


@dataclass(frozen=True, kw_only=True)
class Announced(Event):
    """A root will be in force from `active_at` on."""

    token: str
    root: bytes
    total: int
    active_at: int


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    """An announced root was withdrawn before it was in force."""

    token: str
    root: bytes


@dataclass(frozen=True, kw_only=True)
class PayeePaid(Event):
    """A payee was paid by proof; the sum of these is what it has been paid in all."""

    payee: str
    token: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Redirected(Event):
    """A payee had the payment of this transaction sent to another address."""

    payee: str
    token: str
    to: str


@dataclass(frozen=True, kw_only=True)
class ClaimSkipped(Event):
    """A bulk claim left a payee out; `reason` is a `Skip`."""

    payee: str
    token: str
    reason: int


@dataclass(frozen=True, kw_only=True)
class SurplusWithdrawn(Event):
    """The owner took out money that was never promised."""

    token: str
    to: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class OwnershipOffered(Event):
    """The owner offers the book to another account; the zero address: to nobody any more."""

    owner: str
    next: str


@dataclass(frozen=True, kw_only=True)
class OwnershipTransferred(Event):
    """The book has a new owner."""

    previous: str
    owner: str


# ------------------------------------------------------------------------------------------ escrows


class Ending(IntEnum):
    """How a sale in escrow ended."""

    CONFIRMED = 0
    EXPIRED = 1
    REFUNDED = 2
    DECIDED = 3
    DEFAULTED = 4


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """A buyer's money for a sale is held; `amount` is what arrived. No arbiter is the zero address."""

    split: str
    buyer: str
    sale_id: bytes
    token: str
    amount: int
    seller: str
    arbiter: str
    deadline: int
    decision_deadline: int
    refund_by_default: bool


@dataclass(frozen=True, kw_only=True)
class Disputed(Event):
    """The buyer disputes a sale."""

    split: str
    buyer: str
    sale_id: bytes


@dataclass(frozen=True, kw_only=True)
class Settled(Event):
    """A sale ended; `ending` is an `Ending`, the amounts make what was held."""

    split: str
    buyer: str
    sale_id: bytes
    ending: int
    amount_to_split: int
    amount_to_buyer: int


@dataclass(frozen=True, kw_only=True)
class Delayed(Event):
    """Of the sale that ended in this transaction, `amount` could not be paid to the split: it is owed."""

    split: str
    buyer: str
    sale_id: bytes
    amount: int


@dataclass(frozen=True, kw_only=True)
class OwedSettled(Event):
    """What was owed has reached the split; or, `refunded`, has gone back to the buyer."""

    split: str
    buyer: str
    sale_id: bytes
    amount: int
    refunded: bool


KINDS: tuple[type[Event], ...] = (
    Published,
    Announced,
    Withdrawn,
    PayeePaid,
    Redirected,
    ClaimSkipped,
    SurplusWithdrawn,
    OwnershipOffered,
    OwnershipTransferred,
    Opened,
    Disputed,
    Settled,
    Delayed,
    OwedSettled,
)
