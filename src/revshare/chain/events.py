"""What happened, as typed events. Amounts are base units of `token`, whose zero address means the coin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache

from revshare.chain.abi import Interface, interface
from revshare.chain.node import Log
from revshare.chain.reverts import error_name

__all__ = [
    "AmendableSplitCreated",
    "Amended",
    "AmendmentProposed",
    "AmendmentWithdrawn",
    "Claimed",
    "ConsentRevoked",
    "ControllerChanged",
    "ControllerProposed",
    "CreditWithdrawn",
    "Credited",
    "Distributed",
    "Event",
    "PaymentSkipped",
    "Remitted",
    "SalePaid",
    "SplitCreated",
    "TermsApplied",
    "decode_log",
    "decode_logs",
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something a contract logged: `address` is the contract's, the rest says where it stands."""

    address: str
    block_number: int
    block_hash: str = field(repr=False)
    tx_hash: str = field(repr=False)
    log_index: int = field(repr=False)

    @property
    def place(self) -> tuple[int, int]:
        """Block number and index in the block: the order in which things happened."""
        return self.block_number, self.log_index


@dataclass(frozen=True, kw_only=True)
class SalePaid(Event):
    """A sale was paid in; `amount` is what arrived."""

    payer: str
    sale_id: bytes
    token: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Remitted(Event):
    """The money of `count` off-chain sales, whose Merkle root is `root`, was paid in."""

    payer: str
    batch_id: bytes
    token: str
    amount: int
    root: bytes
    count: int


@dataclass(frozen=True, kw_only=True)
class Distributed(Event):
    """Everybody was paid, or credited, for the revenue between two marks."""

    token: str
    from_revenue: int
    to_revenue: int


@dataclass(frozen=True, kw_only=True)
class Claimed(Event):
    """One payee was paid alone, up to the revenue `to_revenue`."""

    payee: str
    token: str
    to_revenue: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Credited(Event):
    """Of the distribution in the same transaction, `amount` could not be paid and was set aside."""

    payee: str
    token: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class CreditWithdrawn(Event):
    """What had been set aside for `payee` was paid to `to`."""

    payee: str
    token: str
    to: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class PaymentSkipped(Event):
    """Of many payments, the one to `payee` was not made, and nothing has changed for it.

    reason: the name of the error it was refused with, such as ``NothingDue``; ``Revert`` where none was
    given, as by what ran out of gas; the selector, such as ``0x12345678``, of an unknown error.
    """

    payee: str
    token: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SplitCreated(Event):
    """A split was created; `terms` are those it carries the commitment to. `address` is the factory's."""

    split: str
    commitment: bytes
    salt: int
    terms: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AmendableSplitCreated(Event):
    """A split was created that can be amended under `governance`. `address` is the factory's."""

    split: str
    commitment: bytes
    governance: bytes
    salt: int
    terms: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Amended(Event):
    """The terms changed for the `epoch`-th time, to `terms`."""

    epoch: int
    commitment: bytes
    terms: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TermsApplied(Event):
    """From `revenue` in `token` on, the terms of `epoch` count for it."""

    token: str
    epoch: int
    revenue: int


@dataclass(frozen=True, kw_only=True)
class AmendmentProposed(Event):
    """The controller announced `terms`, which may be put in force from `ready_at` (seconds) on, for 30 days.

    tokens: addresses of what is settled first, besides the settlement token and the coin.
    """

    commitment: bytes
    ready_at: int
    tokens: tuple[str, ...]
    terms: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AmendmentWithdrawn(Event):
    """The controller took its announcement back."""

    commitment: bytes


@dataclass(frozen=True, kw_only=True)
class ConsentRevoked(Event):
    """A payee took back its consent to the amendment of this digest, or will never give it."""

    payee: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class ControllerProposed(Event):
    """The controller named a successor, who has to accept; the zero address: nobody any more."""

    successor: str


@dataclass(frozen=True, kw_only=True)
class ControllerChanged(Event):
    """Control passed on."""

    controller: str


_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        SalePaid,
        Remitted,
        Distributed,
        Claimed,
        Credited,
        CreditWithdrawn,
        PaymentSkipped,
        SplitCreated,
        AmendableSplitCreated,
        Amended,
        TermsApplied,
        AmendmentProposed,
        AmendmentWithdrawn,
        ConsentRevoked,
        ControllerProposed,
        ControllerChanged,
    )
}
_PLACE = frozenset(known.name for known in fields(Event))


@cache
def _kinds() -> dict[str, type[Event]]:
    from revshare.chain.trust_events import KINDS  # which are events, too

    return _KINDS | {kind.__name__: kind for kind in KINDS}


@cache
def _interfaces() -> tuple[Interface, ...]:
    names = "AmendableSplit", "RevenueSplitFactory", "PayoutBook", "SaleEscrow"
    return tuple(interface(name) for name in names)


def decode_log(log: Log) -> Event | None:
    """Return the event that `log` is; None if it is none of this library's contracts' (a token's, say)."""
    for known in _interfaces():
        decoded = known.event(log.topics, log.data)
        if decoded is not None and decoded[0] in _kinds():
            name, arguments = decoded
            if name == PaymentSkipped.__name__:
                arguments["reason"] = error_name(arguments["reason"])
            return _kinds()[name](
                **{place: getattr(log, place) for place in _PLACE},
                **{_snake(argument): value for argument, value in arguments.items()},
            )
    return None


def decode_logs(logs: Iterable[Log]) -> Iterator[Event]:
    """Yield the events among `logs`."""
    return (event for event in map(decode_log, logs) if event is not None)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()
