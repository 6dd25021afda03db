"""What the tests of SaleEscrow share: an escrow whose balance is checked against all it ever held."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.contract.world import COIN, Deployed, Refusal, World

NONE, HELD, DISPUTED, DONE = range(4)
CONFIRMED, EXPIRED, REFUNDED, DECIDED, DEFAULTED = range(5)
WAYS = [
    "Takes",
    "Refuses",
    "TakesNothing",
    "TakesPart",
    "TakesElsewhere",
    "BurnsGas",
    "BombOnRevert",
    "Acts",
    "Hungry",
]
DAY = 86_400
TEN_YEARS = 3_650 * DAY
ACTS: dict[str, tuple[tuple[Any, ...], set[int]]] = {
    "confirm": ((), {HELD, DISPUTED}),
    "refund": ((), {HELD, DISPUTED}),
    "release": ((), {HELD}),
    "dispute": ((), {HELD}),
    "decide": ((1,), {DISPUTED}),
    "settleByDefault": ((), {DISPUTED}),
}
"""Arguments of each step, and the states it is for."""


@dataclass
class Escrow(Deployed):
    """The contract, and all it has ever held, to be checked against its books."""

    touched: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sales: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def terms(self, split: str, **other: Any) -> tuple[Any, ...]:
        """Terms of a good sale, with what is given instead."""
        w, now = self.world, self.now()
        terms = {
            "split": split,
            "saleId": w.salt(),
            "token": COIN,
            "amount": 1_000_000,
            "seller": w.accounts[0],
            "arbiter": w.accounts[1],
            "deadline": now + 7 * DAY,
            "decisionDeadline": now + 14 * DAY,
            "refundByDefault": True,
        } | other
        return tuple(terms.values())

    def opening(self, terms: tuple[Any, ...]) -> Any:
        return self.functions.open(terms)

    def open(self, split: str, *, buyer: Any = None, **other: Any) -> Sale:
        """Open a good sale of the owner's, or of a payee contract's."""
        terms = self.terms(split, **other)
        token, amount = terms[2], terms[3]
        value = amount if token == COIN else 0
        who = buyer.address if buyer is not None else self.world.owner
        if token != COIN:
            contract = self.world.at("Token", token)
            self.world.send(contract.functions.mint(who, 2 * amount))
            approve = contract.functions.approve(self.address, 2 * amount)
            if buyer is None:
                self.world.send(approve)
            else:
                data = contract.encode_abi("approve", [self.address, 2 * amount])
                self.world.send(buyer.functions.run(token, 0, data))
        if buyer is None:
            receipt = self.world.send(self.opening(terms), value=value)
        else:
            data = self.contract.encode_abi("open", [terms])
            receipt = self.world.send(buyer.functions.run(self.address, value, data), value=value)
        self.touched[token] |= {who, split}
        self.sales[split, terms[1]] = token
        return Sale(self, terms, who, receipt)

    def check(self) -> None:
        """The balance of each token covers what is held and set aside in it."""
        held: dict[str, int] = defaultdict(int)
        for (split, sale_id), token in self.sales.items():
            sale = self.functions.sale(split, sale_id).call()
            if sale[4] in (HELD, DISPUTED):
                held[token] += sale[8]
        for token, whose in self.touched.items():
            owed = held[token] + sum(self.functions.credit(payee, token).call() for payee in whose)
            assert self.world.balance(token, self.address) >= owed, token


@dataclass
class Sale:
    """A sale that was opened."""

    escrow: Escrow
    terms: tuple[Any, ...]
    buyer: str
    receipt: Any

    @property
    def key(self) -> tuple[str, bytes]:
        return self.terms[0], self.terms[1]

    @property
    def state(self) -> int:
        return int(self.escrow.functions.sale(*self.key).call()[4])

    @property
    def deadline(self) -> int:
        return int(self.terms[6])

    @property
    def decision_deadline(self) -> int:
        return int(self.terms[7])

    def call(self, name: str, *more: Any) -> Any:
        return self.escrow.functions[name](*self.key, *more)

    def sender(self, name: str) -> str:
        world = self.escrow.world
        parties: dict[str, str] = {
            "confirm": self.buyer,
            "dispute": self.buyer,
            "refund": self.terms[4],
            "decide": self.terms[5],
        }
        return parties.get(name, world.stranger)

    def do(self, name: str, *more: Any, gas: int = 5_000_000) -> list[tuple[str, dict[str, Any]]]:
        """Have whoever may do something do it; return the escrow's events."""
        world = self.escrow.world
        receipt = world.send(self.call(name, *more), sender=self.sender(name), gas=gas)
        self.escrow.check()
        return world.logs(self.escrow.contract, receipt)

    def refusal(self, name: str, *more: Any, sender: str | None = None) -> Refusal:
        return self.escrow.world.refusal(self.call(name, *more), sender=sender or self.sender(name))

    def settled(self, ending: int, to_split: int, to_buyer: int) -> tuple[str, dict[str, Any]]:
        split, sale_id = self.key
        return "Settled", {
            "split": split,
            "saleId": sale_id,
            "ending": ending,
            "amountToSplit": to_split,
            "amountToBuyer": to_buyer,
        }

    def paid_plainly(self, amount: int) -> tuple[str, dict[str, Any]]:
        return "PaidPlainly", {"split": self.terms[0], "saleId": self.terms[1], "amount": amount}


def credited(payee: str, token: str, amount: int) -> tuple[str, dict[str, Any]]:
    return "Credited", {"payee": payee, "token": token, "amount": amount}


def odd(world: World, way: str, *, refuses_coin: bool = False, number: int = 0) -> Any:
    made = world.deploy("OddSplit")
    world.send(made.functions.become(WAYS.index(way), refuses_coin, number))
    return made
