"""The escrow once more, from what its comment promises and in the plainest way: who may do what when, and
where money goes.

It knows nothing of Solidity: times, rights and amounts only. What others are like just now (does this
split take this
token, does that buyer accept it) it is told by `Manners`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.contract.escrow.sales import (
    CONFIRMED,
    DECIDED,
    DEFAULTED,
    DISPUTED,
    DONE,
    EXPIRED,
    HELD,
    NONE,
    OWED,
    REFUNDED,
    TEN_YEARS,
    Event,
)
from tests.contract.world import COIN, MAX, Refusal

Key = tuple[str, str, bytes]
"""Split, buyer and id."""


class Manners(Protocol):
    """What those outside are like at the moment."""

    def takes(self, split: str, token: str) -> bool:
        """Whether `pay` would take exactly the money."""

    def gives(self, buyer: str, token: str) -> bool:
        """Whether the buyer's tokens can be drawn."""

    def delivered(self, token: str, to: str, amount: int) -> int:
        """How much of a payment would leave: all or nothing."""


@dataclass
class Kept:
    """A sale."""

    key: Key
    token: str
    amount: int
    seller: str
    arbiter: str
    deadline: int
    decision_deadline: int
    refund_by_default: bool
    state: int = HELD
    owed: int = 0
    arrived: int = 0

    def event(self, name: str, **more: Any) -> Event:
        split, buyer, sale_id = self.key
        return name, {"split": split, "buyer": buyer, "saleId": sale_id} | more


@dataclass
class Model:
    """All sales and credits, and every balance that matters."""

    address: str
    manners: Manners
    sales: dict[Key, Kept] = field(default_factory=dict)
    credits: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    balances: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    given: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    # ---------------------------------------------------------------- opening

    def may_open(self, terms: tuple[Any, ...], buyer: str, value: int, time: int) -> Refusal | None:
        split, sale_id, token, amount, seller, arbiter, deadline, decision, _ = terms
        last = time + TEN_YEARS
        bad_party = next((party for bad, party in self._parties(split, token, seller, buyer) if bad), None)
        checks = [
            ((split, buyer, sale_id) in self.sales, "AlreadyOpened", (split.lower(), buyer.lower(), sale_id)),
            (bad_party is not None, "InvalidParty", (str(bad_party).lower(),)),
            (not time < deadline <= last, "InvalidTime", (deadline, time, last)),
            ((arbiter == COIN) != (decision == 0), "ArbiterAndTime", (arbiter.lower(), decision)),
            (arbiter in (buyer, seller), "InvalidParty", (arbiter.lower(),)),
            (arbiter != COIN and not deadline < decision <= last, "InvalidTime", (decision, deadline, last)),
            (amount == 0, "NothingPaid", ()),
            (
                value != (amount if token == COIN else 0),
                "ValueMismatch",
                (value, amount if token == COIN else 0),
            ),
            (
                token != COIN and not self.manners.gives(buyer, token),
                "PaymentRefused",
                (token.lower(), buyer.lower(), amount),
            ),
            (amount > MAX, "AmountTooLarge", (amount,)),
        ]
        return next((Refusal(name, args) for wrong, name, args in checks if wrong), None)

    def _parties(self, split: str, token: str, seller: str, buyer: str) -> list[tuple[bool, str]]:
        return [
            (split in (COIN, self.address, token), split),
            (seller in (COIN, buyer), seller),
        ]

    def open(self, terms: tuple[Any, ...], buyer: str) -> list[Event]:
        split, sale_id, token, amount, seller, arbiter, deadline, decision, by_default = terms
        sale = Kept((split, buyer, sale_id), token, amount, seller, arbiter, deadline, decision, by_default)
        self.sales[sale.key] = sale
        if token != COIN:  # coin is sent along by somebody else
            self._move(token, buyer, self.address, amount)
        else:
            self.balances[token, self.address] += amount
        return [
            sale.event(
                "Opened",
                token=token,
                amount=amount,
                seller=seller,
                arbiter=arbiter,
                deadline=deadline,
                decisionDeadline=decision,
                refundByDefault=by_default,
            )
        ]

    # ---------------------------------------------------------------- what is done to a sale

    def may(self, name: str, caller: str, key: Key, time: int, to_buyer: int = 0) -> Refusal | None:
        """None, or why not. The buyer's own steps are for `key` with the caller as the buyer."""
        sale = self.sales.get(key)
        state = sale.state if sale else NONE
        wrong = Refusal("WrongState", (state,))
        if sale is None:
            return wrong

        def only(party: str) -> Refusal | None:
            return None if caller == party else Refusal("Unauthorised", (caller.lower(), party.lower()))

        def before(end: int) -> Refusal | None:
            return None if time < end else Refusal("TooLate", (end,))

        def since(start: int) -> Refusal | None:
            return None if time >= start else Refusal("TooEarly", (start,))

        match name, state:
            case ("confirm", 1 | 2):
                return None
            case ("dispute", 1):
                return before(sale.deadline) or (Refusal("NoArbiter") if sale.arbiter == COIN else None)
            case ("refund", 1 | 2 | 3):
                return only(sale.seller)
            case ("decide", 2):
                held = Refusal("MoreThanHeld", (to_buyer, sale.amount)) if to_buyer > sale.amount else None
                return only(sale.arbiter) or before(sale.decision_deadline) or held
            case ("release", 1):
                return since(sale.deadline)
            case ("release", 3):
                taken = self.manners.takes(key[0], sale.token)
                return None if taken else Refusal("NotTaken", (key[0].lower(), sale.owed))
            case ("settleByDefault", 2):
                return since(sale.decision_deadline)
        return wrong

    def do(self, name: str, key: Key, to_buyer: int = 0) -> list[Event]:
        sale = self.sales[key]
        if name == "dispute":
            sale.state = DISPUTED
            return [sale.event("Disputed")]
        if sale.state == OWED:
            return self._settle_owed(sale, refunded=name == "refund")
        back = {
            "confirm": 0,
            "release": 0,
            "refund": sale.amount,
            "decide": to_buyer,
            "settleByDefault": sale.amount if sale.refund_by_default else 0,
        }[name]
        ending = {
            "confirm": CONFIRMED,
            "release": EXPIRED,
            "refund": REFUNDED,
            "decide": DECIDED,
            "settleByDefault": DEFAULTED,
        }[name]
        rest = sale.amount - back
        events = [sale.event("Settled", ending=ending, amountToSplit=rest, amountToBuyer=back)]
        sale.state = DONE
        events += self._give_back(sale, back)
        if rest and not self._pay_in(sale, rest):
            sale.state, sale.owed = OWED, rest
            events.append(sale.event("Delayed", amount=rest))
        return events

    def _settle_owed(self, sale: Kept, *, refunded: bool) -> list[Event]:
        owed, sale.owed, sale.state = sale.owed, 0, DONE
        events = [sale.event("OwedSettled", amount=owed, refunded=refunded)]
        if refunded:
            return events + self._give_back(sale, owed)
        assert self._pay_in(sale, owed)
        return events

    def _pay_in(self, sale: Kept, amount: int) -> bool:
        if not self.manners.takes(sale.key[0], sale.token):
            return False
        self._move(sale.token, self.address, sale.key[0], amount)
        sale.arrived += amount
        return True

    def _give_back(self, sale: Kept, amount: int) -> list[Event]:
        if not amount:
            return []
        buyer = sale.key[1]
        left = self.manners.delivered(sale.token, buyer, amount)
        self._move(sale.token, self.address, buyer, left)
        self.credits[sale.token, buyer] += amount - left
        if left == amount:
            return []
        return [("Credited", {"payee": buyer, "token": sale.token, "amount": amount - left})]

    # ---------------------------------------------------------------- credits

    def may_withdraw(self, payee: str, to: str, token: str, amount: int) -> Refusal | None:
        credit = self.credits[token, payee]
        if to in (COIN, self.address):
            return Refusal("InvalidRecipient", (to.lower(),))
        if amount == 0:
            return Refusal("NothingDue", (payee.lower(), token.lower()))
        if amount > credit:
            return Refusal("CreditExceeded", (credit, amount))
        if self.manners.delivered(token, to, amount) != amount:
            return Refusal("PaymentFailed", (token.lower(), to.lower(), amount))
        return None

    def withdraw(self, payee: str, to: str, token: str, amount: int) -> list[Event]:
        self.credits[token, payee] -= amount
        self._move(token, self.address, to, amount)
        return [("CreditWithdrawn", {"payee": payee, "token": token, "to": to, "amount": amount})]

    # ---------------------------------------------------------------- money

    def donate(self, token: str, amount: int) -> None:
        """Sent here by plain transfer: lost."""
        self.given[token] += amount
        self.balances[token, self.address] += amount

    def _move(self, token: str, from_: str, to: str, amount: int) -> None:
        self.balances[token, from_] -= amount
        self.balances[token, to] += amount

    def promised(self, token: str) -> int:
        """What is held, owed and set aside."""
        sales = [sale for sale in self.sales.values() if sale.token == token]
        held = sum(sale.amount for sale in sales if sale.state in (HELD, DISPUTED))
        owed = sum(sale.owed for sale in sales)
        return held + owed + sum(units for (asset, _), units in self.credits.items() if asset == token)


@dataclass
class Replay:
    """What the events alone tell."""

    sales: dict[Key, tuple[int, int, int]] = field(default_factory=dict)
    """State, what is held or owed, and what has arrived at the split."""
    credits: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def read(self, name: str, args: dict[str, Any]) -> None:
        if name in ("Credited", "CreditWithdrawn"):
            sign = 1 if name == "Credited" else -1
            self.credits[args["token"], args["payee"]] += sign * args["amount"]
            return
        key = args["split"], args["buyer"], args["saleId"]
        state, held, arrived = self.sales.get(key, (NONE, 0, 0))
        match name:
            case "Opened":
                assert state == NONE
                self.sales[key] = HELD, args["amount"], 0
            case "Disputed":
                assert state == HELD
                self.sales[key] = DISPUTED, held, 0
            case "Settled":
                assert state in (HELD, DISPUTED)
                assert args["amountToSplit"] + args["amountToBuyer"] == held
                self.sales[key] = DONE, 0, args["amountToSplit"]
            case "Delayed":
                assert (state, arrived) == (DONE, args["amount"])
                self.sales[key] = OWED, args["amount"], 0
            case "OwedSettled":
                assert (state, held) == (OWED, args["amount"])
                self.sales[key] = DONE, 0, 0 if args["refunded"] else held
