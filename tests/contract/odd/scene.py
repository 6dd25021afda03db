"""Where odd tokens are tried: contracts in which much is under way in one token, and in others beside it.

Every scene has the same people and the same business in `token`, a million units at a time:

    X   a split that settles in another token          a million set aside, a million due
    Y   a split that settles in the token itself       the same
    Z   an amendable split that lists the token        the same, an amendment announced and ready
    E   an escrow                                      sales held, disputed and owed, a credit of the buyer's
    K   a payout book                                  a million promised, a tenth more there

and, beside it, business of the same kind in the coin and in an honest token, which nothing may touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

from eth_hash.auto import keccak

from revshare.merkle import MerkleTree
from tests.contract.odd.side import Call, Side
from tests.contract.world import COIN, Terms, World, shares

DAY = 86_400
WEIGHTS = (20, 30, 50)
AFTER = (50, 30, 20)
"""What the amendment of Z makes of them."""
FEW = 1_000
"""How much coin is in each affair beside."""
NONE, HELD, DISPUTED, OWED, DONE = range(5)

ANSWERS = ["Yes", "Nothing", "No", "Two", "TheAmount", "OneByte", "HugeYes", "HugeNo"]
ANSWERS += ["Reverts", "RevertsHuge", "BurnsGas"]
MOVES = ["All", "None", "Half", "More", "Fee", "OnTop", "Reflects", "LessByOne", "MoreByOne", "Doubles"]
WHEN = ["Always", "Listed", "Large", "Nothing", "TwiceABlock", "ToItself", "Poor"]
TELLS = ["Truth", "Reverts", "Short", "BurnsGas", "More", "Zero", "Coin"]
APPROVES = ["Yes", "FromZero", "NotAtAll", "ForEver"]
PERMITS = ["Yes", "DoesNothing", "Unknown"]


@dataclass(frozen=True)
class Manner:
    """How a MannerToken behaves; honestly, unless said otherwise. mocks/OddTokens.sol explains the words."""

    answer: str = "Yes"
    moves: str = "All"
    when: str = "Always"
    tells: str = "Truth"
    approves: str = "Yes"
    permits: str = "Yes"
    calls: bool = False
    blocks: bool = False
    gas: int = 0
    number: int = 0

    @property
    def packed(self) -> tuple[Any, ...]:
        return (
            ANSWERS.index(self.answer),
            MOVES.index(self.moves),
            WHEN.index(self.when),
            TELLS.index(self.tells),
            APPROVES.index(self.approves),
            PERMITS.index(self.permits),
            self.calls,
            self.blocks,
            next(words for words in count() if 3 * words + words * words // 512 >= self.gas),
            self.number,
        )

    def told(self, units: int, coins: int) -> int:
        """What `balanceOf` says of a contract that has so much."""
        return {"More": units + self.number, "Zero": 0, "Coin": coins}.get(self.tells, units)


HONEST = Manner()


@dataclass(frozen=True)
class Account:
    """What a token has done by itself."""

    destroyed: int = 0
    kept: int = 0
    extra: int = 0
    grown: int = 0
    shrunk: int = 0
    zeros: int = 0

    def since(self, before: Account) -> Account:
        pairs = zip(vars(self).values(), vars(before).values(), strict=True)
        return Account(*(now - then for now, then in pairs))

    @property
    def took(self) -> int:
        return self.destroyed + self.kept + self.extra + self.shrunk

    @property
    def gave(self) -> int:
        return self.kept + self.extra + self.grown


@dataclass
class Scene:
    """A scene, built by transactions, with the token honest.

    ledger: the MannerToken that keeps the balances; token: the address it is used by, if that is another.
    settles: the token that X and Z settle in. alias: the token is the coin. bare: there is no token. beside:
    assets that nothing may touch. impl: whose code the token has by delegation, if so. start: what the token
    has done by itself so far.
    """

    world: World
    ledger: Any
    token: str
    settles: str
    million: int = 10**6
    alias: bool = False
    bare: bool = False
    beside: tuple[str, ...] = ()
    at: dict[str, str] = field(default_factory=dict)
    people: dict[str, Any] = field(default_factory=dict)
    contracts: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    sales: dict[str, bytes] = field(default_factory=dict)
    impl: str = ""
    start: Account = Account()
    _encoded: dict[Any, Call] = field(default_factory=dict)

    def __post_init__(self) -> None:
        w = self.world
        payees = [w.payee() for _ in range(3)]
        payees.sort(key=lambda p: bytes.fromhex(p.address[2:]))
        self.people = dict(zip("ABC", payees, strict=True)) | {name: w.payee() for name in "UVWPQO"}
        self.at = {name: str(who.address) for name, who in self.people.items()} | {"haven": w.fresh()}
        self._splits()
        self._escrow()
        self._book()
        self._announced()
        self.start = self.account(Side(w))
        self.check_reading()

    @property
    def shared(self) -> bool:
        """Whether the token's balance is another asset's as well, in X and Z."""
        return self.alias or self.settles == (self.ledger.address if self.ledger else "") != self.token

    # -- what is done with it

    def call(self, at: str, name: str, *args: Any, by: str = "", value: int = 0) -> Call:
        """A call of one of its contracts, by anybody, or by one of its people."""
        key = (at, name, repr(args), by, value)
        if key not in self._encoded:
            contract = self.contracts[at]
            call = Call(str(contract.address), bytes.fromhex(contract.encode_abi(name, list(args))[2:]))
            if by:
                who = self.people[by]
                data = who.encode_abi("run", [call.to, value, call.data])
                call = Call(str(who.address), bytes.fromhex(data[2:]), value)
            self._encoded[key] = call
        return self._encoded[key]

    def make(self, call: Call) -> None:
        """Have it mined."""
        self.world.send({"to": call.to, "data": "0x" + call.data.hex()}, value=call.value)

    def behave(self, manner: Manner) -> Call:
        return self.call("ledger", "behave", manner.packed)

    def heal(self, side: Side) -> None:
        """Have the token honest, for `Side.aside`, or for good."""
        if self.impl:
            side.set_code(self.token, b"\xef\x01\x00" + bytes.fromhex(self.impl[2:]))
        side.do(self.behave(HONEST))

    # -- building

    def _send(self, at: str, name: str, *args: Any, by: str = "", value: int = 0) -> None:
        self.make(self.call(at, name, *args, by=by, value=value))

    def _fund(self, to: str, amount: int) -> None:
        if self.alias:
            self.world.coin(self.at[to], amount)
        else:
            self._send("ledger", "mint", self.at[to], amount)

    def _add(self, name: str, contract: Any) -> None:
        self.contracts[name] = contract
        self.at[name] = str(contract.address)

    def _splits(self) -> None:
        w, million = self.world, self.million
        if self.ledger is not None:
            self.contracts["ledger"] = self.ledger
            self.contracts["token"] = w.at("MannerToken", self.token)
            for name in "PQU":
                self._fund(name, 20 * million)
        payees = [self.at[name] for name in "ABC"]
        for name, token in (("X", self.settles), ("Y", self.token)):
            self.terms[name] = Terms.of(payees, shares(*WEIGHTS), token)
            self._add(name, w.create(self.terms[name]).contract)
        for name, token in (("Z", self.settles), ("ZY", self.token)):
            self._amendable(name, Terms.of(payees, shares(*WEIGHTS), token))
        for name in ("X", "Y"):
            self._coin_beside(name)
            if self.settles in self.beside:
                w.send(w.at("Token", self.settles).functions.mint(self.at[name], FEW))
        if self.bare:
            return
        for name in ("X", "Y", "Z", "ZY"):
            self._fund(name, million)
            self._send("ledger", "behave", Manner("Reverts").packed)
            self._send(name, "distribute", self.terms[name].packed, self.token)
            self._send("ledger", "behave", HONEST.packed)
            self._fund(name, million)
            if name in ("X", "Y"):
                self._send("token", "approve", self.at[name], 5 * million, by="P")

    def _amendable(self, name: str, terms: Terms) -> None:
        w = self.world
        governed = b"\2" + bytes(2) + (1).to_bytes(4, "big") + bytes(5) + bytes.fromhex(self.at["O"][2:])
        salt = w.salt()
        w.send(w.factory.functions.createAmendable(terms.packed, governed, salt))
        address = w.factory.functions.predictAmendable(terms.packed, governed, salt).call()
        self.terms[name] = terms
        self.terms[name + "'"] = Terms.of(terms.payees, shares(*AFTER), terms.token)
        self._add(name, w.at("IAmendableSplit", address))

    def _announced(self) -> None:
        for name in ("Z", "ZY"):
            self.announce(name)
        self._wait(5)

    def announce(self, name: str) -> None:
        tokens = [self.token]
        self._send(
            name, "proposeAmendment", self.terms[name].packed, self.terms[name + "'"].packed, tokens, by="O"
        )

    def _coin_beside(self, name: str) -> None:
        """Coin that could not be paid, and coin that is due."""
        w = self.world
        for who in "ABC":
            w.become(self.people[who], "Reverts")
        w.coin(self.at[name], FEW)
        self._send(name, "distribute", self.terms[name].packed, COIN)
        for who in "ABC":
            w.become(self.people[who], "Honest")
        w.coin(self.at[name], FEW)

    def _wait(self, seconds: int) -> None:
        w = self.world
        w.tester.time_travel(int(w.tester.get_block_by_number("pending")["timestamp"]) + seconds)
        w.send({"to": w.fresh()}, value=1)

    def sale(self, name: str, token: str, amount: int) -> tuple[Any, ...]:
        """Terms of a sale to be called so."""
        now = int(self.world.tester.get_block_by_number("pending")["timestamp"])
        self.sales.setdefault(name, keccak(name.encode()))
        return (
            self.at["X"],
            self.sales[name],
            token,
            amount,
            self.at["V"],
            self.at["W"],
            now + DAY,
            now + 100 * DAY,
            True,
        )

    def _escrow(self) -> None:
        w, million = self.world, self.million
        self._add("E", w.deploy("SaleEscrow"))
        self._send("E", "open", self.sale("coin", COIN, FEW), by="U", value=FEW)
        honest = self._honest_beside()
        if honest is not None:
            w.send(honest.functions.mint(self.at["U"], FEW))
            approve = honest.encode_abi("approve", [self.at["E"], FEW])
            w.send(self.people["U"].functions.run(honest.address, 0, approve))
            self._send("E", "open", self.sale("honest", honest.address, FEW), by="U")
        if self.bare:
            return
        for who in "UP":
            self._send("token", "approve", self.at["E"], 9 * million, by=who)
        for name in ("held", "disputed", "owed", "refused"):
            self._send("E", "open", self.sale(name, self.token, million), by="U")
        self.sale("new", self.token, million)
        x, u, sales = self.at["X"], self.at["U"], self.sales
        self._send("E", "dispute", x, sales["disputed"], by="U")
        self._send("ledger", "behave", Manner("Reverts").packed)
        self._send("E", "confirm", x, sales["owed"], by="U")
        self._send("E", "refund", x, u, sales["refused"], by="V")
        self._send("ledger", "behave", HONEST.packed)
        self._wait(2 * DAY)

    def _honest_beside(self) -> Any:
        others = [token for token in self.beside if token != COIN]
        return self.world.at("Token", others[0]) if others else None

    def _book(self) -> None:
        w, million = self.world, self.million
        self._add("K", w.deploy("PayoutBook", self.at["O"], 0))
        w.coin(self.at["K"], FEW)
        self._send("K", "publish", FEW, self.tree(COIN, FEW).root, COIN, by="O")
        honest = self._honest_beside()
        if honest is not None:
            w.send(honest.functions.mint(self.at["K"], FEW))
            root = self.tree(honest.address, FEW).root
            self._send("K", "publish", FEW, root, honest.address, by="O")
        if self.bare:
            return
        self._fund("K", million + million // 10)
        self._send("K", "publish", million, self.tree(self.token, million).root, self.token, by="O")

    def tree(self, token: str, total: int) -> MerkleTree:
        return MerkleTree([self._leaf(token, who, total) for who in "ABC"])

    def _leaf(self, token: str, who: str, total: int) -> bytes:
        fields = [self.world.w3.eth.chain_id, self.at["K"], token, self.at[who], part(who, total)]
        types = ["uint256", "address", "address", "address", "uint256"]
        return keccak(keccak(self.world.w3.codec.encode(types, fields)))

    def leaf_claim(self, who: str) -> tuple[str, int, list[bytes]]:
        """One payee's part of `claimMany`."""
        proof = self._trees.proof("ABC".index(who))
        return self.at[who], part(who, self.million), proof

    @cached_property
    def _trees(self) -> MerkleTree:
        return self.tree(self.token, self.million)

    def proof(self, at: str, who: str) -> bytes:
        return self.terms[at].proof("ABC".index(who))

    # -- looking

    def units(self, side: Side, *names: str) -> dict[str, int]:
        """What these truly have of the token."""
        if self.ledger is None:
            return dict.fromkeys(names, 0)
        if self.alias:
            return {name: side.coins(self.at[name]) for name in names}
        return {name: side.word(self.ledger.address, place(self.at[name], UNITS)) for name in names}

    def account(self, side: Side) -> Account:
        """What the token has done by itself so far."""
        if self.ledger is None:
            return Account()
        return Account(*(side.word(self.ledger.address, ACCOUNT + i) for i in range(len(vars(Account())))))

    def books(self, side: Side, at: str, token: str) -> dict[str, int]:
        """What a contract's books say of an asset, read where they stand: docs/contracts.md says where."""
        if at == "E":
            return self._books_of_the_escrow(side, token)
        address = self.at[at]
        if at == "K":
            promise = int.from_bytes(place_bytes(token, 2), "big")
            total, claimed = divmod(side.word(address, promise + 1), 2**128)
            marks = place_bytes(token, 4)
            found = {f"paid {who}": side.word(address, place(self.at[who], marks)) for who in "ABC"}
            return found | {"total": total, "claimed": claimed, "root": side.word(address, promise)}
        word = side.word(address, place(token, 0))
        mark = word >> 128
        found = {"mark": mark, "paidOut": word % 2**128 >> 1}
        accounts = place_bytes(token, 1)
        for who in "ABC":
            own, credit = divmod(side.word(address, place(self.at[who], accounts)), 2**128)
            found |= {f"mark {who}": max(own, mark), f"credit {who}": credit}
        return found

    def _books_of_the_escrow(self, side: Side, token: str) -> dict[str, int]:
        address = self.at["E"]
        found: dict[str, int] = {}
        sales = place_bytes(self.at["X"], 0)
        for name, sale_id in self.sales.items():
            if token == {"coin": COIN, "honest": self._beside}.get(name, self.token):
                record = keccak(word_of(self.at["P" if name == "new" else "U"]) + sale_id)
                at = place(record, sales)
                owed, amount = divmod(side.word(address, at + 4), 2**128)
                state = side.word(address, at) >> 248
                found |= {f"state {name}": state, f"amount {name}": amount, f"owed {name}": owed}
        return found | {"credit U": side.word(address, place(self.at["U"], place_bytes(token, 1)))}

    @property
    def _beside(self) -> str:
        return next((token for token in self.beside if token != COIN), COIN)

    def others(self, side: Side, at: str) -> dict[str, dict[str, int]]:
        """What a contract has of the assets beside, and what its books say of them."""
        found = {}
        for token in self.beside:
            held = side.coins(self.at[at]) if token == COIN else side.word(token, place(self.at[at], HELD_OF))
            found[token] = self.books(side, at, token) | {"held": held}
        return found

    def check_reading(self) -> None:
        """What is read from storage is what the contracts answer: that is checked once a scene."""
        side = Side(self.world)
        for token in (COIN, *(() if self.ledger is None else (self.token,))):
            for at in ("X", "Y", "Z", "ZY"):
                books, three = self.books(side, at, token), ("uint256", "uint256", "bool")
                assert (books["mark"], books["paidOut"]) == side.ask(self.call(at, "marks", token), three)[:2]
                for who in "ABC":
                    for what, view in (("credit", "credit"), ("mark", "markOf")):
                        found = side.ask(self.call(at, view, self.at[who], token), ("uint256",))
                        assert books[f"{what} {who}"] == found
            books = self.books(side, "K", token)
            told = side.ask(self.call("K", "promised", token), ("bytes32", "uint256", "uint256"))
            assert (books["root"].to_bytes(32, "big"), books["total"], books["claimed"]) == told
            books = self.books(side, "E", token)
            assert books["credit U"] == side.ask(self.call("E", "credit", self.at["U"], token), ("uint256",))
            for name, sale_id in self.sales.items():
                if f"state {name}" in books and name != "new":
                    row = side.ask(self.call("E", "sale", self.at["X"], self.at["U"], sale_id), SALE)
                    assert row[4] == books[f"state {name}"]
                    assert row[8:] == (books[f"amount {name}"], books[f"owed {name}"])
        if self.ledger is not None:
            told = side.ask(self.call("ledger", "unitsOf", [self.at["X"], self.at["U"]]), ("uint256[]",))
            assert list(self.units(side, "X", "U").values()) == list(told)
            account = side.ask(self.call("ledger", "account"), ("uint256",) * 6)
            assert tuple(vars(self.account(side)).values()) == account


UNITS, ACCOUNT = 1, 6
"""Where MannerToken has its balances, and the first of its counts."""
HELD_OF = 4
"""Where mocks/Token.sol has its balances."""
SALE = (
    *("address", "uint40", "uint40", "bool", "uint8", "address", "address", "address"),
    "uint128",
    "uint128",
)


def word_of(key: str | bytes) -> bytes:
    """An address, or 32 bytes, as a word."""
    return key if isinstance(key, bytes) else bytes(12) + bytes.fromhex(key[2:])


def place_bytes(key: str | bytes, slot: int | bytes) -> bytes:
    """Where a mapping in a slot has what belongs to a key."""
    return keccak(word_of(key) + (slot.to_bytes(32, "big") if isinstance(slot, int) else slot))


def place(key: str | bytes, slot: int | bytes) -> int:
    return int.from_bytes(place_bytes(key, slot), "big")


def part(who: str, total: int) -> int:
    """What is a payee's of so much."""
    return total * WEIGHTS["ABC".index(who)] // 100
