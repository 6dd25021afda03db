"""What the tests of SaleEscrow share: an escrow whose balance is checked against all it ever held."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from tests.contract.world import COIN, Deployed, Refusal, World

NONE, HELD, DISPUTED, OWED, DONE = range(5)
CONFIRMED, EXPIRED, REFUNDED, DECIDED, DEFAULTED = range(5)
AMOUNT = 1_000_000
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
    "GivesBack",
]
DAY = 86_400
TEN_YEARS = 3_650 * DAY
ACTS: dict[str, tuple[tuple[Any, ...], set[int]]] = {
    "confirm": ((), {HELD, DISPUTED}),
    "refund": ((), {HELD, DISPUTED, OWED}),
    "release": ((), {HELD, OWED}),
    "dispute": ((), {HELD}),
    "decide": ((1,), {DISPUTED}),
    "settleByDefault": ((), {DISPUTED}),
}
"""Arguments of each step, and the states it is for."""
BUYERS = {"confirm", "dispute"}
"""What the buyer does: a sale of its own, so that it need not say whose."""

Event = tuple[str, dict[str, Any]]


def record_of(buyer: str, sale_id: bytes) -> bytes:
    """The id by which the split records a sale."""
    return keccak(encode(["address", "bytes32"], [buyer, sale_id]))


@dataclass
class Escrow(Deployed):
    """The contract, and all it has ever held, to be checked against its books."""

    touched: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sales: dict[tuple[str, str, bytes], str] = field(default_factory=dict)

    def terms(self, split: str, **other: Any) -> tuple[Any, ...]:
        """Terms of a good sale, with what is given instead."""
        w, now = self.world, self.now()
        terms = {
            "split": split,
            "saleId": w.record(),
            "token": COIN,
            "amount": AMOUNT,
            "seller": w.accounts[0],
            "arbiter": w.accounts[1],
            "deadline": now + 7 * DAY,
            "decisionDeadline": now + 14 * DAY,
            "refundByDefault": True,
        } | other
        return tuple(terms.values())

    def opening(self, terms: tuple[Any, ...]) -> Any:
        return self.functions.open(terms)

    def provide(self, token: str, amount: int, buyer: Any = None) -> None:
        """Give the owner, or a payee contract, tokens that the escrow may draw."""
        contract = self.world.at("Token", token)
        who = buyer.address if buyer is not None else self.world.owner
        self.world.send(contract.functions.mint(who, amount))
        if buyer is None:
            self.world.send(contract.functions.approve(self.address, amount))
        else:
            data = contract.encode_abi("approve", [self.address, amount])
            self.world.send(buyer.functions.run(token, 0, data))

    def open(self, split: str, *, buyer: Any = None, **other: Any) -> Sale:
        """Open a good sale of the owner's, or of a payee contract's."""
        terms = self.terms(split, **other)
        token, amount = terms[2], terms[3]
        value = amount if token == COIN else 0
        if token != COIN:
            self.provide(token, 2 * amount, buyer)
        if buyer is None:
            receipt = self.world.send(self.opening(terms), value=value)
        else:
            data = self.contract.encode_abi("open", [terms])
            receipt = self.world.send(buyer.functions.run(self.address, value, data), value=value)
        return self.opened(terms, buyer.address if buyer is not None else self.world.owner, receipt)

    def opened(self, terms: tuple[Any, ...], buyer: str, receipt: Any) -> Sale:
        """Remember a sale that was opened."""
        self.touched[terms[2]] |= {buyer, terms[0]}
        self.sales[terms[0], buyer, terms[1]] = terms[2]
        return Sale(self, terms, buyer, receipt)

    def check(self) -> None:
        """The balance of each token covers what is held, owed and set aside in it."""
        held: dict[str, int] = defaultdict(int)
        for key, token in self.sales.items():
            sale = self.functions.sale(*key).call()
            state, amount, owed = sale[4], sale[8], sale[9]
            assert (owed > 0) == (state == OWED), "owed means that something is owed"
            assert owed <= amount
            held[token] += amount if state in (HELD, DISPUTED) else owed
        for token, whose in self.touched.items():
            owing = held[token] + sum(self.functions.credit(payee, token).call() for payee in whose)
            assert self.world.balance(token, self.address) >= owing, token

    def events(self, receipt: Any) -> list[Event]:
        return self.world.logs(self.contract, receipt)


@dataclass
class Sale:
    """A sale that was opened."""

    escrow: Escrow
    terms: tuple[Any, ...]
    buyer: str
    receipt: Any

    @property
    def key(self) -> tuple[str, str, bytes]:
        return self.terms[0], self.buyer, self.terms[1]

    @property
    def record(self) -> bytes:
        return record_of(self.buyer, self.terms[1])

    @property
    def state(self) -> int:
        return int(self.escrow.functions.sale(*self.key).call()[4])

    @property
    def owed(self) -> int:
        return int(self.escrow.functions.sale(*self.key).call()[9])

    @property
    def deadline(self) -> int:
        return int(self.terms[6])

    @property
    def decision_deadline(self) -> int:
        return int(self.terms[7])

    def arguments(self, name: str, *more: Any) -> list[Any]:
        split, buyer, sale_id = self.key
        return [split, sale_id, *more] if name in BUYERS else [split, buyer, sale_id, *more]

    def call(self, name: str, *more: Any) -> Any:
        return self.escrow.functions[name](*self.arguments(name, *more))

    def data(self, name: str, *more: Any) -> Any:
        return self.escrow.contract.encode_abi(name, self.arguments(name, *more))

    def sender(self, name: str) -> str:
        world = self.escrow.world
        parties: dict[str, str] = {
            "confirm": self.buyer,
            "dispute": self.buyer,
            "refund": self.terms[4],
            "decide": self.terms[5],
        }
        return parties.get(name, world.stranger)

    def do(self, name: str, *more: Any, gas: int = 5_000_000) -> list[Event]:
        """Have whoever may do something do it; return the escrow's events."""
        world = self.escrow.world
        receipt = world.send(self.call(name, *more), sender=self.sender(name), gas=gas)
        self.escrow.check()
        return self.escrow.events(receipt)

    def of_buyer(self, buyer: Any, name: str) -> list[Event]:
        """Have a payee contract do what its buyer may."""
        receipt = self.escrow.world.send(buyer.functions.run(self.escrow.address, 0, self.data(name)))
        self.escrow.check()
        return self.escrow.events(receipt)

    def refusal(self, name: str, *more: Any, sender: str | None = None) -> Refusal:
        return self.escrow.world.refusal(self.call(name, *more), sender=sender or self.sender(name))

    def _event(self, name: str, **more: Any) -> Event:
        split, buyer, sale_id = self.key
        return name, {"split": split, "buyer": buyer, "saleId": sale_id} | more

    def disputed(self) -> Event:
        return self._event("Disputed")

    def settled(self, ending: int, to_split: int, to_buyer: int) -> Event:
        return self._event("Settled", ending=ending, amountToSplit=to_split, amountToBuyer=to_buyer)

    def delayed(self, amount: int) -> Event:
        return self._event("Delayed", amount=amount)

    def owed_settled(self, amount: int, *, refunded: bool) -> Event:
        return self._event("OwedSettled", amount=amount, refunded=refunded)

    def not_taken(self, amount: int) -> Refusal:
        return Refusal("NotTaken", (self.terms[0].lower(), amount))


def credited(payee: str, token: str, amount: int) -> Event:
    return "Credited", {"payee": payee, "token": token, "amount": amount}


def odd(world: World, way: str, number: int = 0) -> Any:
    """A contract that an escrow takes for a split."""
    made = world.deploy("OddSplit")
    if way != "Takes":
        become(world, made, way, number)
    return made


def become(world: World, split: Any, way: str, number: int = 0) -> None:
    world.send(split.functions.become(WAYS.index(way), number))
