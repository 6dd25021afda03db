"""The chain the tests play on: deployments, transactions, refusals, and a split with what is known of it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, pairwise
from typing import Any, cast

from eth_account import Account
from eth_hash.auto import keccak
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from web3 import EthereumTesterProvider, Web3

COIN = "0x" + "00" * 20
ZERO = b"\0" * 32
MAX = 2**127 - 1
GAS = 30_000_000
BLOCK_GAS = 60_000_000
RICH = 2**140

MOODS = [
    "Honest",
    "Reverts",
    "BurnsGas",
    "BombOnRevert",
    "BombOnSuccess",
    "Acts",
    "ActsOrReverts",
    "SelfDestructs",
    "Hungry",
    "Picky",
]
QUIRKS = [
    "None",
    "NoReturn",
    "ReturnsFalse",
    "ReturnsTwo",
    "ReturnsOneByte",
    "ReturnsHugeTrue",
    "ReturnsHugeFalse",
    "Blacklist",
    "RevertsWithBomb",
    "BurnsGas",
    "Picky",
    "Fee",
    "FeeOnTop",
    "Hooks",
    "RevertsOnZero",
    "RevertsOnLarge",
    "Keeps",
    "BalanceLies",
    "BalanceReverts",
    "BalanceShort",
    "Inflates",
    "ReturnsZeroByte",
]

Tier = tuple[int | None, Sequence[int]]


# ---------------------------------------------------------------------- terms, by the book


def pair(left: bytes, right: bytes) -> bytes:
    return keccak(b"\1" + left + right)


@dataclass(frozen=True)
class Terms:
    """Terms as lib/Terms.sol states them, packed once more in the plainest way, and without any check.

    tiers: (until, weights) as tests/oracle.py takes them. payees: as they stand, hence sorted for good terms.
    """

    token: str
    payees: tuple[str, ...]
    tiers: tuple[Tier, ...]
    form: int = 0

    @staticmethod
    def of(payees: Sequence[str], tiers: Sequence[Tier], token: str = COIN) -> Terms:
        """Good terms, whatever the order of the payees; the weights move with them."""
        order = sorted(range(len(payees)), key=lambda i: bytes.fromhex(payees[i][2:]))
        return Terms(
            token,
            tuple(to_checksum_address(payees[i]) for i in order),
            tuple((until, tuple(weights[i] for i in order)) for until, weights in tiers),
        )

    @cached_property
    def header(self) -> bytes:
        packed = bytes([self.form]) + bytes.fromhex(self.token[2:]) + bytes([len(self.tiers)])
        for until, weights in self.tiers:
            packed += (until or 0).to_bytes(16, "big") + sum(weights).to_bytes(6, "big")
        return packed

    @cached_property
    def entries(self) -> list[bytes]:
        return [
            bytes.fromhex(payee[2:]) + b"".join(weights[i].to_bytes(4, "big") for _, weights in self.tiers)
            for i, payee in enumerate(self.payees)
        ]

    @cached_property
    def packed(self) -> bytes:
        return self.header + b"".join(self.entries)

    @cached_property
    def pages(self) -> list[bytes]:
        return [b"".join(self.entries[i : i + 4]) for i in range(0, len(self.entries), 4)]

    @cached_property
    def levels(self) -> list[list[bytes]]:
        levels = [[keccak(b"\0" + page) for page in self.pages]]
        while len(levels[-1]) > 1:
            nodes = levels[-1]
            paired = [pair(nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
            levels.append(paired + nodes[len(nodes) - len(nodes) % 2 :])
        return levels

    @property
    def commitment(self) -> bytes:
        return keccak(b"\2" + self.levels[-1][0] + len(self.packed).to_bytes(32, "big") + self.header)

    def path(self, index: int) -> list[tuple[bool, bytes]]:
        """The siblings on a payee's way to the root, and whether each is a left child."""
        at = index // 4
        found = []
        for level in self.levels[:-1]:
            if at ^ 1 < len(level):
                found.append((at % 2 == 1, level[at ^ 1]))
            at //= 2
        return found

    def proof(self, index: int) -> bytes:
        stride = len(self.entries[0])
        page, number = self.pages[index // 4], index % 4
        place = bytes([16 * (len(page) // stride) + number])
        path = self.path(index)
        sides = sum(left << k for k, (left, _) in enumerate(path)).to_bytes(2, "big")
        hole = number * stride
        page = page[:hole] + page[hole + 20 :]
        siblings = b"".join(node for _, node in path)
        return len(self.packed).to_bytes(4, "big") + self.header + place + sides + page + siblings

    def tiers_for(self, token: str) -> tuple[Tier, ...]:
        """What applies to money in `token`: all tiers, or for another than the settlement token the last."""
        return self.tiers if token == self.token else self.tiers[-1:]


# ---------------------------------------------------------------------- the chain


@dataclass(frozen=True)
class Refusal:
    """A named error of the contracts and its arguments; no name where nothing known came back."""

    name: str
    args: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"{self.name}{self.args}"


class World:
    """One chain with the factory on it. `owner` is rich and pays for everything unless another is named."""

    def __init__(self, compiled: dict[str, Any], machine: Any = None) -> None:
        """machine: the virtual machine to run instead of py-evm's newest, for chains with oddities."""
        self.compiled = compiled
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = PyEVMBackend.generate_genesis_state(overrides={"balance": RICH}, num_accounts=5)
            parameters = PyEVMBackend.generate_genesis_params({"gas_limit": BLOCK_GAS})
            backend = PyEVMBackend(
                genesis_parameters=parameters,
                genesis_state=state,
                vm_configuration=((0, machine),) if machine else None,
            )
        self.tester = EthereumTester(backend)
        self.w3 = Web3(EthereumTesterProvider(self.tester))
        accounts = [str(account) for account in self.w3.eth.accounts]
        self.owner: str = accounts[0]
        self.stranger: str = accounts[1]
        self.accounts = accounts[2:]
        self._numbers = count(1)
        self._errors = self._selectors(
            "RevenueSplit", "BackOffice", "AmendableSplit", "AmendableBackOffice", "RevenueSplitFactory"
        )
        self.factory = self.deploy("RevenueSplitFactory")
        self.reader = self.deploy("Reader")

    def _selectors(self, *names: str) -> dict[bytes, tuple[str, list[str]]]:
        found = {}
        for name in names:
            for entry in self.compiled[name]["abi"]:
                if entry["type"] == "error":
                    types = [i["type"] for i in entry["inputs"]]
                    signature = f"{entry['name']}({','.join(types)})"
                    found[function_signature_to_4byte_selector(signature)] = (entry["name"], types)
        return found

    def fresh(self) -> str:
        """An address nobody has used, without code."""
        return to_checksum_address(keccak(b"fresh %d" % next(self._numbers))[12:])

    def salt(self) -> int:
        return next(self._numbers)

    def record(self) -> bytes:
        """An id of a sale or batch that nobody has used."""
        return next(self._numbers).to_bytes(32, "big")

    def deploy(self, name: str, *args: Any) -> Any:
        compiled = self.compiled[name]
        contract = self.w3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        receipt = self.send(contract.constructor(*args))
        return self.at(name, receipt["contractAddress"])

    def at(self, name: str, address: str) -> Any:
        return self.w3.eth.contract(address=to_checksum_address(address), abi=self.compiled[name]["abi"])

    def attempt(self, what: Any, *, sender: str | None = None, value: int = 0, gas: int = GAS) -> Any:
        """Mine a transaction, successful or not, and return its receipt."""
        options = {"from": sender or self.owner, "value": value, "gas": gas}
        hash_ = (
            self.w3.eth.send_transaction(cast("Any", what | options))
            if isinstance(what, dict)
            else what.transact(options)
        )
        return self.w3.eth.get_transaction_receipt(hash_)

    def send(self, what: Any, *, sender: str | None = None, value: int = 0, gas: int = GAS) -> Any:
        """Mine a transaction that must succeed, and return its receipt."""
        receipt = self.attempt(what, sender=sender, value=value, gas=gas)
        assert receipt["status"] == 1, f"{what} failed, having used {receipt['gasUsed']} of {gas} gas"
        return receipt

    def coin(self, to: str, amount: int, *, gas: int = GAS) -> Any:
        """Send coin by bare transfer."""
        return self.send({"to": to_checksum_address(to)}, value=amount, gas=gas)

    def refusal(self, what: Any, *, sender: str | None = None, value: int = 0, gas: int = GAS) -> Refusal:
        """Call what must revert, and return with which error."""
        # Asked of eth-tester itself: what web3 makes of its answers differs between versions.
        call = {"from": sender or self.owner, "value": value, "gas": gas}
        call |= (
            what if isinstance(what, dict) else {"to": what.address, "data": what._encode_transaction_data()}
        )
        try:
            answer = self.tester.call(call)
        except TransactionFailed as error:
            reason: Any = error
            while isinstance(reason, Exception):
                reason = reason.args[0] if reason.args else b""
            if isinstance(reason, str) and reason[:2] in ("b'", 'b"'):  # as eth-tester shows revert data
                reason = ast.literal_eval(reason)
            if isinstance(reason, bytes):
                return self.named(reason)
            return Refusal("OutOfGas" if "gas" in str(reason).lower() else "", (str(reason),))
        raise AssertionError(f"{what} did not revert but answered {answer!r}")

    def named(self, raw: bytes) -> Refusal:
        """Decode what a revert brought back."""
        if raw[:4] not in self._errors:
            return Refusal("", (raw,) if raw else ())
        name, types = self._errors[raw[:4]]
        return Refusal(name, tuple(self.w3.codec.decode(types, raw[4:])))

    def selector(self, error: str) -> int:
        """The selector of one of the contracts' errors."""
        return next(int.from_bytes(key, "big") for key, (name, _) in self._errors.items() if name == error)

    def balances(self, token: str, whose: Sequence[str]) -> list[int]:
        found: list[int] = self.reader.functions.balances(token, list(whose)).call({"gas": BLOCK_GAS})
        return found

    def balance(self, token: str, who: str) -> int:
        return self.balances(token, [who])[0]

    def token(self, decimals: int = 6, quirk: str = "None", victim: str = COIN, number: int = 0) -> Any:
        token = self.deploy("Token", decimals)
        if quirk != "None":
            self.behave(token, quirk, victim, number)
        return token

    def behave(self, token: Any, quirk: str, victim: str = COIN, number: int = 0) -> None:
        self.send(token.functions.behave(QUIRKS.index(quirk), victim, number))

    def hooked_token(self, *whom: Any) -> Any:
        """A token that tells these contracts when it moves theirs."""
        token = self.token(6, "Hooks")
        for contract in whom:
            self.send(token.functions.hook(contract.address))
        return token

    def payee(self, mood: str = "Honest", number: int = 0) -> Any:
        payee = self.deploy("Payee")
        if mood != "Honest":
            self.become(payee, mood, number)
        return payee

    def become(self, payee: Any, mood: str, number: int = 0) -> None:
        self.send(payee.functions.become(MOODS.index(mood), number))

    def plan(
        self, payee: Any, target: str, data: Any = b"", *, forwards: bool = False, insists: bool = False
    ) -> None:
        """Have a payee make a call when it is paid; `insists`: and refuse the payment if that call fails."""
        mood = MOODS.index("ActsOrReverts" if insists else "Acts")
        self.send(payee.functions.plan(mood, target, forwards, data))

    def outcome(self, payee: Any) -> Refusal | bool | None:
        """How the call went that a payee made: None if it made none, True, or with which error it failed."""
        found = payee.functions.outcome().call()
        if found == 1:
            return None
        if found & 0xFFFF == 3:
            return True
        selector = (found >> 16).to_bytes(4, "big")
        return Refusal(self._errors[selector][0] if selector in self._errors else selector.hex())

    def create(self, terms: Terms, salt: int | None = None) -> Split:
        salt = self.salt() if salt is None else salt
        self.send(self.factory.functions.create(terms.packed, salt))
        return self.split_at(self.factory.functions.predict(terms.packed, salt).call(), terms)

    def split(self, payees: Sequence[str], tiers: Sequence[Tier], token: str = COIN) -> Split:
        return self.create(Terms.of(payees, tiers, token))

    def split_at(self, address: str, terms: Terms) -> Split:
        return Split(self, self.at("IRevenueSplit", address), terms)

    def logs(self, contract: Any, receipt: Any) -> list[tuple[str, dict[str, Any]]]:
        """The events of one contract in a receipt, as (name, arguments), in order."""
        topics = {
            keccak(f"{e['name']}({','.join(i['type'] for i in e['inputs'])})".encode()): e["name"]
            for e in contract.abi
            if e["type"] == "event"
        }
        found = []
        for log in receipt["logs"]:
            if log["address"] == contract.address:
                name = topics[bytes(log["topics"][0])]
                found.append((name, dict(contract.events[name]().process_log(log)["args"])))
        return found

    def account(self) -> Any:
        """A funded account whose key is known."""
        account = Account.from_key(keccak(b"key %d" % next(self._numbers)))
        self.coin(account.address, 10**20)
        return account


# ---------------------------------------------------------------------- a split


@dataclass(frozen=True)
class Line:
    """One payee's position, as `statement` shows it."""

    payee: str
    entitlement: int
    paid: int
    credit: int
    due: int
    earlier: int = 0


@dataclass
class Deployed:
    """A contract in a world."""

    world: World
    contract: Any

    @property
    def address(self) -> str:
        return str(self.contract.address)

    @property
    def functions(self) -> Any:
        return self.contract.functions

    def now(self) -> int:
        """When the next transaction will be."""
        return int(self.world.tester.get_block_by_number("pending")["timestamp"])

    def wait_until(self, time: int) -> None:
        """Let the next transaction be at `time`; what is only asked is asked as of a second before."""
        self.world.tester.time_travel(time)


@dataclass
class Split(Deployed):
    """A split, its terms, and shorthands for what tests do with it."""

    terms: Terms

    def index(self, payee: str) -> int:
        return self.terms.payees.index(to_checksum_address(payee))

    def fund(self, token: Any, amount: int) -> None:
        """Revenue by bare transfer; tokens are minted to the owner first."""
        if token == COIN:
            self.world.coin(self.address, amount)
        else:
            self.world.send(token.functions.mint(self.address, amount))

    def distributing(self, token: str = COIN) -> Any:
        return self.functions.distribute(self.terms.packed, token)

    def distribute(self, token: str = COIN, *, gas: int = GAS, sender: str | None = None) -> tuple[int, int]:
        """Distribute and return (sent, credited), as the events and a call beforehand say."""
        sent, credited = self.distributing(token).call({"from": sender or self.world.owner, "gas": gas})
        receipt = self.world.send(self.distributing(token), gas=gas, sender=sender)
        logged = sum(a["amount"] for name, a in self.world.logs(self.contract, receipt) if name == "Credited")
        assert logged == credited
        return sent, credited

    def claiming(self, payee: str, token: str = COIN) -> Any:
        return self.functions.claim(payee, self.terms.proof(self.index(payee)), token)

    def claim(self, payee: str, token: str = COIN) -> int:
        amount: int = self.claiming(payee, token).call({"from": self.world.owner, "gas": GAS})
        self.world.send(self.claiming(payee, token))
        return amount

    def withdraw(self, payee: str, token: str = COIN) -> int:
        function = self.functions.withdrawCredit(payee, token)
        amount: int = function.call({"from": self.world.owner, "gas": GAS})
        self.world.send(function)
        return amount

    def statement(self, token: str = COIN) -> tuple[int, list[Line]]:
        revenue, lines = self.functions.statement(self.terms.packed, token).call({"gas": BLOCK_GAS})
        return revenue, [Line(*line) for line in lines]

    def lines(self, token: str = COIN) -> dict[str, Line]:
        return {line.payee: line for line in self.statement(token)[1]}

    def line(self, payee: str, token: str = COIN) -> Line:
        return self.lines(token)[to_checksum_address(payee)]

    def check(self, token: str = COIN) -> dict[str, Line]:
        """What must always hold where revenue has not fallen; return the lines."""
        revenue, lines = self.statement(token)
        held = self.world.balance(token, self.address)
        assert held >= sum(line.due + line.credit for line in lines), "insolvent"
        assert sum(line.entitlement for line in lines) <= revenue
        for line in lines:
            assert line.entitlement == line.paid + line.credit + line.due
        distributed, paid_out, _ = self.functions.marks(token).call()
        assert paid_out == sum(line.paid for line in lines)
        assert distributed <= revenue == min(held + paid_out, MAX)
        assert tuple(line.payee for line in lines) == self.terms.payees
        return {line.payee: line for line in lines}


def shares(*weights: int) -> list[Tier]:
    """One tier."""
    return [(None, weights)]


def tiers(*ends_and_weights: tuple[int | None, Sequence[int]]) -> list[Tier]:
    """Several tiers, checked for a slip of the test's own pen."""
    for (end, _), (later, _) in pairwise(ends_and_weights):
        assert end is not None
        assert later is None or later > end
    return list(ends_and_weights)
