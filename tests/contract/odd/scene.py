"""Where odd tokens are tried: contracts in which much is under way in one token, and in others beside it.

Every scene has the same people and the same business in `token`, a million units at a time:

    X   a split that settles in another token          a million set aside, a million due
    Y   a split that settles in the token itself       the same
    Z   an amendable split that lists the token        the same, an amendment announced and ready
    E   an escrow                                      a sale held, one disputed, one owed, a credit of the buyer's
    B   a payout book                                  a million promised, a tenth more there

and, beside it, business of the same kind in the coin and in an honest token, which nothing may touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eth_hash.auto import keccak

from revshare.merkle import MerkleTree
from tests.contract.odd.side import Call, Outcome, Side
from tests.contract.world import COIN, ZERO, Terms, World, shares

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
    """How an MannerToken (mocks/OddTokens.sol, where the words are explained) behaves; honestly, unless said otherwise."""

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
            self.gas,
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

    ledger: the MannerToken that keeps the balances; token: the address it is used by, if that is another. settles: the
    token that X and Z settle in. alias: the token is the coin. bare: there is no token. beside: assets that nothing may
    touch. impl: whose code the token has by delegation, if so. start: what the token has done by itself so far.
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
        self._add("B", w.deploy("PayoutBook", self.at["O"], 0))
        w.coin(self.at["B"], FEW)
        self._send("B", "publish", FEW, self.tree(COIN, FEW).root, COIN, by="O")
        honest = self._honest_beside()
        if honest is not None:
            w.send(honest.functions.mint(self.at["B"], FEW))
            root = self.tree(honest.address, FEW).root
            self._send("B", "publish", FEW, root, honest.address, by="O")
        if self.bare:
            return
        self._fund("B", million + million // 10)
        self._send("B", "publish", million, self.tree(self.token, million).root, self.token, by="O")

    def tree(self, token: str, total: int) -> MerkleTree:
        return MerkleTree([self._leaf(token, who, total) for who in "ABC"])

    def _leaf(self, token: str, who: str, total: int) -> bytes:
        fields = [self.world.w3.eth.chain_id, self.at["B"], token, self.at[who], part(who, total)]
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
        call = self.call("ledger", "unitsOf", [self.at[name] for name in names])
        return dict(zip(names, side.ask(call, ("uint256[]",)), strict=True))

    def account(self, side: Side) -> Account:
        if self.ledger is None:
            return Account()
        return Account(*side.ask(self.call("ledger", "account"), ("uint256",) * 6))

    def books(self, side: Side, at: str, token: str) -> dict[str, int]:
        """What a contract's books say of an asset."""
        if at == "E":
            found = {}
            for name in self.sales:
                if (name == "coin") != (token == COIN) or (name == "honest") != (token not in (COIN, self.token)):
                    continue
                buyer = self.at["P" if name == "new" else "U"]
                call = self.call("E", "sale", self.at["X"], buyer, self.sales[name])
                row = side.ask(call, SALE)
                found |= {f"state {name}": row[4], f"amount {name}": row[8], f"owed {name}": row[9]}
            return found | {"credit U": side.ask(self.call("E", "credit", self.at["U"], token), ("uint256",))}
        if at == "B":
            root, total, claimed = side.ask(
                self.call("B", "promised", token), ("bytes32", "uint256", "uint256")
            )
            paid = {
                f"paid {who}": side.ask(self.call("B", "paid", self.at[who], token), ("uint256",))
                for who in "ABC"
            }
            return paid | {"total": total, "claimed": claimed, "root": int.from_bytes(root, "big")}
        distributed, paid_out, _ = side.ask(self.call(at, "marks", token), ("uint256", "uint256", "bool"))
        credits_ = {
            f"credit {who}": side.ask(self.call(at, "credit", self.at[who], token), ("uint256",))
            for who in "ABC"
        }
        return credits_ | {"mark": distributed, "paidOut": paid_out}

    def others(self, side: Side, at: str) -> dict[str, dict[str, int]]:
        """What a contract has of the assets beside, and what its books say of them."""
        found = {}
        for token in self.beside:
            if token == COIN:
                holds = side.coins(self.at[at])
            else:
                call = Call(token, bytes.fromhex(self._honest_beside().encode_abi("balanceOf", [self.at[at]])[2:]))
                holds = side.ask(call, ("uint256",))
            found[token] = self.books(side, at, token) | {"held": holds}
        return found


SALE = (
    "address",
    "uint40",
    "uint40",
    "bool",
    "uint8",
    "address",
    "address",
    "address",
    "uint128",
    "uint128",
)


def part(who: str, total: int) -> int:
    """What is a payee's of so much."""
    return total * WEIGHTS["ABC".index(who)] // 100


__all__ = [
    "AFTER",
    "DISPUTED",
    "DONE",
    "FEW",
    "HELD",
    "HONEST",
    "NONE",
    "OWED",
    "WEIGHTS",
    "ZERO",
    "Account",
    "Manner",
    "Outcome",
    "Scene",
    "part",
]
