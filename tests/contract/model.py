"""A split by the book, twice over: from what was done to it (`Books`), and from its log alone (`Replay`).

Neither knows how the contract keeps its books: what is due is what was earned and neither paid nor set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.contract.world import MAX, Tier
from tests.oracle import entitlements


class Books:
    """One token of a split. Payees are numbers, in the order of the terms."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self.tiers = tiers
        payees = len(tiers[0][1])
        self.held = 0
        self.paid = [0] * payees
        self.credit = [0] * payees
        self.own_mark = [0] * payees
        self.distributed = 0
        self.fell = False
        """Whether a token has taken balance away: only then may there be too little for everybody."""

    @property
    def revenue(self) -> int:
        return min(self.held + sum(self.paid), MAX)

    @property
    def earned(self) -> list[int]:
        return entitlements(self.tiers, self.revenue)

    @property
    def due(self) -> list[int]:
        positions = zip(self.earned, self.paid, self.credit, strict=True)
        return [max(0, earned - paid - credit) for earned, paid, credit in positions]

    def lines(self) -> list[tuple[int, int, int, int]]:
        return list(zip(self.earned, self.paid, self.credit, self.due, strict=True))

    def receive(self, amount: int) -> None:
        self.held += amount

    def take_away(self, amount: int) -> None:
        self.held -= amount
        self.fell = True

    def distribute(self, accepts: Callable[[int], bool]) -> tuple[int, int]:
        """Pay or credit everybody; return (sent, credited)."""
        revenue, due = self.revenue, self.due
        sent = credited = 0
        for payee, amount in enumerate(due):
            if amount and accepts(payee) and amount <= self.held:
                self._pay(payee, amount)
                sent += amount
            else:
                self.credit[payee] += amount
                credited += amount
        self.distributed = max(self.distributed, revenue)
        return sent, credited

    def claim(self, payee: int) -> int:
        amount = self.due[payee]
        self.own_mark[payee] = self.revenue
        self._pay(payee, amount)
        return amount

    def withdraw(self, payee: int) -> int:
        amount = min(self.credit[payee], self.held)
        self.credit[payee] -= amount
        self._pay(payee, amount)
        return amount

    def redirect(self, payee: int, amount: int) -> None:
        """Send part of a credit elsewhere."""
        assert 0 < amount <= min(self.credit[payee], self.held)
        self.credit[payee] -= amount
        self._pay(payee, amount)

    def _pay(self, payee: int, amount: int) -> None:
        self.paid[payee] += amount
        self.held -= amount


class Replay:
    """One token of a split, rebuilt from the terms and the log, as anyone can who has nothing else."""

    def __init__(self, tiers: Sequence[Tier], payees: Sequence[str]) -> None:
        self.tiers = tiers
        self.payees = list(payees)
        self.paid = [0] * len(self.payees)
        self.credit = [0] * len(self.payees)
        self.mark = [0] * len(self.payees)
        self.distributed = 0

    def read(self, name: str, event: dict[str, Any]) -> None:
        if name == "Distributed":
            assert event["fromRevenue"] == self.distributed < event["toRevenue"]
            self.distributed = event["toRevenue"]
            to = entitlements(self.tiers, self.distributed)
            for payee, mark in enumerate(self.mark):
                if mark < self.distributed:
                    self.paid[payee] += to[payee] - entitlements(self.tiers, mark)[payee]
                    self.mark[payee] = self.distributed
        elif name == "Credited":  # stands before the Distributed of which it is an exception
            payee = self.payees.index(event["payee"])
            self.credit[payee] += event["amount"]
            self.paid[payee] -= event["amount"]
        elif name == "Claimed":
            payee = self.payees.index(event["payee"])
            before, after = self.mark[payee], event["toRevenue"]
            assert (
                event["amount"]
                == entitlements(self.tiers, after)[payee] - entitlements(self.tiers, before)[payee]
            )
            self.paid[payee] += event["amount"]
            self.mark[payee] = after
        elif name == "CreditWithdrawn":
            payee = self.payees.index(event["payee"])
            self.credit[payee] -= event["amount"]
            self.paid[payee] += event["amount"]
