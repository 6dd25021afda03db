"""The book once more, from what its comment promises and in the plainest way: what is promised, paid and
left.

It knows nothing of Solidity, and nothing of Merkle trees but that a leaf is in one or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.book.books import NOT_DELIVERED, NOT_PROVEN, NOTHING_DUE, TOTAL_EXCEEDED, paid, skipped
from tests.contract.world import COIN, Refusal

Event = tuple[str, dict[str, Any]]
Delivered = Callable[[str, str, int], int]
"""Of a payment (token, to, amount), how much would leave."""


@dataclass(frozen=True)
class Root:
    """What was published: each payee's units so far, and the total that is promised."""

    root: bytes
    amounts: dict[str, int]
    total: int


NOTHING = Root(bytes(32), {}, 0)


@dataclass
class Asset:
    """What the book keeps for one token."""

    token: str
    root: Root = NOTHING
    claimed: int = 0
    next: Root | None = None
    at: int = 0
    paid: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: int = 0
    got: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def covered(self) -> int:
        return self.held + self.claimed

    @property
    def ever(self) -> int:
        """The greater of the totals in force and announced."""
        return max(self.root.total, self.next.total if self.next else 0)

    @property
    def surplus(self) -> int:
        return max(self.covered - self.ever, 0)

    def in_force(self, time: int) -> Root:
        return self.next if self.next and time >= self.at else self.root

    def left(self, time: int) -> int:
        return self.in_force(time).total - self.claimed

    def due(self, payee: str, cumulative: int) -> int:
        return cumulative - self.paid[payee]


@dataclass
class Model:
    """A book; `delivered` says what others are like just now, clean whether a token's word may be
    believed."""

    address: str
    owner: str
    delay: int
    delivered: Delivered
    clean: Callable[[str], bool]
    assets: dict[str, Asset]

    # ---------------------------------------------------------------- the owner

    def may_publish(self, token: str, new: Root, caller: str, time: int) -> Refusal | None:
        asset = self.assets[token]
        if caller != self.owner:
            return Refusal("Unauthorised", (caller.lower(), self.owner.lower()))
        if new.root == bytes(32):
            return Refusal("NoRoot")
        if new.total >= 2**128:
            return Refusal("TotalTooLarge", (new.total,))
        if new.total < asset.in_force(time).total:
            return Refusal("TotalFell", (asset.in_force(time).total, new.total))
        if asset.covered < new.total:
            return Refusal("Underfunded", (asset.covered, new.total))
        return None

    def publish(self, token: str, new: Root, time: int) -> list[Event]:
        asset = self.assets[token]
        events = self.enter(token, time)
        if not self.delay:
            asset.root = new
            return [*events, ("Published", {"token": token, "root": new.root, "total": new.total})]
        if asset.next:
            events.append(("Withdrawn", {"token": token, "root": asset.next.root}))
        asset.next, asset.at = new, time + self.delay
        announced = {"token": token, "root": new.root, "total": new.total, "activeAt": asset.at}
        return [*events, ("Announced", announced)]

    def may_withdraw(self, token: str, caller: str, time: int) -> Refusal | None:
        asset = self.assets[token]
        if caller != self.owner:
            return Refusal("Unauthorised", (caller.lower(), self.owner.lower()))
        if asset.next is None:
            return Refusal("NothingAnnounced", (token.lower(),))
        return Refusal("TooLate", (asset.at,)) if time >= asset.at else None

    def withdraw(self, token: str) -> list[Event]:
        asset = self.assets[token]
        assert asset.next
        root, asset.next, asset.at = asset.next.root, None, 0
        return [("Withdrawn", {"token": token, "root": root})]

    def may_take(self, token: str, to: str, amount: int, caller: str) -> Refusal | None:
        asset = self.assets[token]
        if caller != self.owner:
            return Refusal("Unauthorised", (caller.lower(), self.owner.lower()))
        if to in (COIN, self.address):
            return Refusal("InvalidRecipient", (to.lower(),))
        if amount > asset.surplus:
            return Refusal("SurplusExceeded", (asset.surplus, amount))
        return self._may_send(token, to, amount)

    def take(self, token: str, to: str, amount: int) -> list[Event]:
        self._send(token, to, amount)
        return [("SurplusWithdrawn", {"token": token, "to": to, "amount": amount})]

    # ---------------------------------------------------------------- anyone

    def may_activate(self, token: str, time: int) -> Refusal | None:
        asset = self.assets[token]
        if asset.next is None:
            return Refusal("NothingAnnounced", (token.lower(),))
        return Refusal("TooEarly", (asset.at,)) if time < asset.at else None

    def enter(self, token: str, time: int) -> list[Event]:
        """What is announced comes into force once its time has come."""
        asset = self.assets[token]
        if asset.next is None or time < asset.at:
            return []
        asset.root, asset.next, asset.at = asset.next, None, 0
        return [("Published", {"token": token, "root": asset.root.root, "total": asset.root.total})]

    def may_claim(
        self, token: str, payee: str, cumulative: int, of: Root, to: str, time: int
    ) -> Refusal | None:
        """By the proof that `of` has for it. An error's arguments are left out where they say which root
        was led to."""
        asset = self.assets[token]
        if to in (COIN, self.address):
            return Refusal("InvalidRecipient", (to.lower(),))
        if not self._proven(asset, payee, cumulative, of, time):
            return Refusal("NotProven")
        if asset.due(payee, cumulative) <= 0:
            return Refusal("NothingDue", (payee.lower(), token.lower()))
        if asset.due(payee, cumulative) > asset.left(time):
            return Refusal("TotalExceeded", (asset.left(time), asset.due(payee, cumulative)))
        return self._may_send(token, to, asset.due(payee, cumulative))

    def claim(self, token: str, payee: str, cumulative: int, elsewhere: str | None, time: int) -> list[Event]:
        asset = self.assets[token]
        events, amount = self.enter(token, time), asset.due(payee, cumulative)
        self._pay(asset, payee, amount, elsewhere or payee)
        events.append(paid(payee, token, amount))
        if elsewhere:
            events.append(("Redirected", {"payee": payee, "token": token, "to": elsewhere}))
        return events

    def claim_many(self, token: str, claims: list[tuple[str, int, Root]], time: int) -> list[Event]:
        asset = self.assets[token]
        events = self.enter(token, time)
        for payee, cumulative, of in claims:
            amount = asset.due(payee, cumulative)
            if not self._proven(asset, payee, cumulative, of, time):
                events.append(skipped(payee, token, NOT_PROVEN))
            elif amount <= 0:
                events.append(skipped(payee, token, NOTHING_DUE))
            elif amount > asset.left(time):
                events.append(skipped(payee, token, TOTAL_EXCEEDED))
            else:
                left = self.delivered(token, payee, amount)
                self._pay(asset, payee, left, payee)
                events += [paid(payee, token, left)] if left else []
                events += [skipped(payee, token, NOT_DELIVERED)] if left < amount else []
        return events

    # ---------------------------------------------------------------- within

    def _proven(self, asset: Asset, payee: str, cumulative: int, of: Root, time: int) -> bool:
        return asset.in_force(time).root == of.root and of.amounts.get(payee) == cumulative

    def _may_send(self, token: str, to: str, amount: int) -> Refusal | None:
        """Alone, a token's own word is asked for."""
        if amount and not (self.clean(token) and self.delivered(token, to, amount) == amount):
            return Refusal("PaymentFailed", (token.lower(), to.lower(), amount))
        return None

    def _pay(self, asset: Asset, payee: str, amount: int, to: str) -> None:
        asset.claimed += amount
        asset.paid[payee] += amount
        self._send(asset.token, to, amount)

    def _send(self, token: str, to: str, amount: int) -> None:
        self.assets[token].held -= amount
        self.assets[token].got[to] += amount
