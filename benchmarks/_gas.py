"""Whole-transaction gas on an embedded chain (py-evm, Prague): the measuring that benchmarks and tests share.

Gas is the receipt's, intrinsic gas included. Payees have weights 1 + (i mod 7). "first": they hold nothing
yet; "warm": they have been paid before. Addresses follow from labels, so every run gives the same figures:
a zero byte in an address is cheaper calldata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from _npm import Code, solady_token
from revshare.chain import COIN, Terms
from revshare.chain import artifacts as shipped
from revshare.money import Token
from revshare.payouts import PayoutTree
from revshare.schedule import Schedule, TierTerms

PAYMENT = 10**9
"""Units paid in before each distribution or claim."""
FAR = (10**12, 5 * 10**12)
"""Where two of three tiers end: what two payments bring falls into the first."""
NEAR = (PAYMENT + PAYMENT // 4, PAYMENT + PAYMENT // 2)
"""Where two of three tiers end: the second payment reaches all three."""
MOST = 30_000_000
"""Gas sent along: more than a real transaction may have, for what does not fit one."""
SALT = 0


def weights(count: int) -> list[int]:
    """The weights of all measurements."""
    return [1 + i % 7 for i in range(count)]


def address(label: str) -> str:
    """The address of an account that has never done anything."""
    return Web3.to_checksum_address(keccak(label.encode())[12:])


def embedded() -> Web3:
    """A chain in this process, of 60 million gas a block."""
    genesis = PyEVMBackend.generate_genesis_params({"gas_limit": 60_000_000})
    rich = PyEVMBackend.generate_genesis_state(overrides={"balance": 2**140}, num_accounts=2)
    backend = PyEVMBackend(genesis_parameters=genesis, genesis_state=rich)
    return Web3(EthereumTesterProvider(EthereumTester(backend)))


class Chain:
    """A chain (left out: an embedded one) and an account on it that pays for everything."""

    def __init__(self, w3: Web3 | None = None) -> None:
        self.w3 = w3 or embedded()
        self.owner = str(self.w3.eth.accounts[0])

    def deploy(self, code: Code, *arguments: object) -> tuple[Any, int]:
        """Return the contract and what its deployment cost."""
        made = self.w3.eth.contract(abi=code.abi, bytecode=code.bytecode).constructor(*arguments)
        receipt = self.w3.eth.wait_for_transaction_receipt(made.transact({"from": self.owner, "gas": MOST}))
        assert receipt["status"] == 1
        return self.at(code, str(receipt["contractAddress"])), int(receipt["gasUsed"])

    def at(self, code: Code, address_: str) -> Any:
        """The contract at an address."""
        return self.w3.eth.contract(address=Web3.to_checksum_address(address_), abi=code.abi)

    def gas(self, function: Any, value: int = 0, sender: str | None = None) -> int:
        """Have a contract's function mined, which must succeed, and return what it cost."""
        sent = function.transact({"from": sender or self.owner, "gas": MOST, "value": value})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1, f"{function} failed"
        return int(receipt["gasUsed"])

    def coin(self, to: str, amount: int = PAYMENT) -> int:
        """Send coin by bare transfer and return what that cost."""
        sent = self.w3.eth.send_transaction(
            {"from": self.owner, "to": to, "value": Web3.to_wei(amount, "wei"), "gas": 10**6}
        )
        receipt = self.w3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1
        return int(receipt["gasUsed"])


def own_code(name: str) -> Code:
    """A contract of this project, from the shipped artifacts."""
    artifact = shipped.load(name)
    return Code(artifact.abi, "0x" + artifact.bytecode.hex())


@dataclass(frozen=True)
class Split:
    """A split on the chain, with what it takes to have it pay."""

    contract: Any
    terms: Terms

    @property
    def asset(self) -> str:
        """Its settlement token."""
        return self.terms.token


class Meter:
    """Measures splits made by one factory.

    token: the ERC-20 used, of which the chain's owner has plenty; left out, solady's. factory, split: left
    out, those shipped.
    """

    def __init__(
        self,
        chain: Chain | None = None,
        token: Any = None,
        factory: Code | None = None,
        split: Code | None = None,
    ) -> None:
        self.chain = chain or Chain()
        self._split = split or own_code("RevenueSplit")
        self.factory, _ = self.chain.deploy(factory or own_code("RevenueSplitFactory"))
        self._token = token

    @property
    def token(self) -> Any:
        """The ERC-20."""
        if self._token is None:
            self._token, _ = self.chain.deploy(solady_token())
        return self._token

    def terms(
        self,
        count: int,
        asset: str = COIN,
        untils: Sequence[int] = (),
        payees: Sequence[str] | None = None,
    ) -> Terms:
        """Terms of `count` payees. untils: where all tiers but the last end. payees: left out, new ones.

        Every other tier has the weights in reverse.
        """
        label = f"of {count}, {len(untils)} {asset}"
        names = tuple(payees or (address(f"payee {i} {label}") for i in range(count)))
        bounds = [0, *untils]
        tiers = tuple(
            TierTerms(start, end, tuple(weights(count)[:: -1 if t % 2 else 1]), sum(weights(count)))
            for t, (start, end) in enumerate(zip(bounds, [*bounds[1:], None], strict=True))
        )
        token = Token(symbol="MSD", decimals=18)
        return Terms(Schedule(names, names, tiers, token), asset)

    def create(self, terms: Terms, salt: int = SALT) -> tuple[Split, int]:
        """Return a new split and what its creation cost."""
        predicted = self.factory.functions.predict(terms.encoded, salt).call({"gas": MOST})
        used = self.chain.gas(self.factory.functions.create(terms.encoded, salt))
        return Split(self.chain.at(self._split, predicted), terms), used

    def fund(self, split: Split, amount: int = PAYMENT) -> int:
        """Pay in by bare transfer."""
        if split.asset == COIN:
            return self.chain.coin(split.contract.address, amount)
        return self.chain.gas(self.token.functions.transfer(split.contract.address, amount))

    def distribute(self, split: Split) -> int:
        """Pay everybody."""
        return self.chain.gas(split.contract.functions.distribute(split.terms.encoded, split.asset))

    def claim(self, split: Split, place: int = 0) -> int:
        """Pay one: the one at `place` in the order of addresses."""
        schedule = split.terms.schedule
        which = split.terms.order[place]
        proof = split.terms.proof(schedule.payees[which])
        return self.chain.gas(split.contract.functions.claim(schedule.addresses[which], proof, split.asset))

    def pay(self, split: Split, name: bytes, amount: int = PAYMENT) -> int:
        """Pay a sale in; for a token the split is allowed to draw it first."""
        self._allow(split)
        value = amount if split.asset == COIN else 0
        return self.chain.gas(split.contract.functions.pay(name.ljust(32, b"\0"), split.asset, amount), value)

    def remit(self, split: Split, name: bytes, amount: int = PAYMENT) -> int:
        """Remit the money of 77 sales."""
        self._allow(split)
        value = amount if split.asset == COIN else 0
        function = split.contract.functions.remit(
            name.ljust(32, b"\0"), split.asset, amount, bytes(range(1, 33)), 77
        )
        return self.chain.gas(function, value)

    def _allow(self, split: Split) -> None:
        """Let the split draw as much as it likes: an allowance that no payment has to write anew."""
        if split.asset != COIN:
            self.chain.gas(self.token.functions.approve(split.contract.address, 2**256 - 1))

    # -------------------------------------------------------------------- series

    def distributions(self, split: Split) -> tuple[int, int]:
        """What it costs to pay everybody, first and warm."""
        self.fund(split)
        first = self.distribute(split)
        self.fund(split)
        return first, self.distribute(split)

    def claims(self, split: Split, place: int = 0) -> tuple[int, int]:
        """What it costs to pay one alone, the first time and the second."""
        self.fund(split)
        first = self.claim(split, place)
        self.fund(split)
        return first, self.claim(split, place)

    def book(self, count: int) -> tuple[int, int, int]:
        """What it costs to publish a funded payout book of `count` payees, and to claim from it, all warm.

        Claims by the payee itself, as most are, and by somebody else, to whom its address is news. Warm: the
        book has had a root before, and the payees been paid by it, in coin.
        """
        book, _ = self.chain.deploy(own_code("PayoutBook"), self.chain.owner, 0)
        payees = [address(f"payee {i} of a book") for i in range(count)]
        other, itself = payees[count // 2], str(list(self.chain.w3.eth.accounts)[1])
        payees[count // 2 + 1] = itself
        for month in (1, 2):
            amounts = {
                who: month * PAYMENT * weight for who, weight in zip(payees, weights(count), strict=True)
            }
            tree = PayoutTree(amounts, chain_id=self.chain.w3.eth.chain_id, book=book.address)
            self.chain.coin(book.address, sum(amounts.values()) // month)
            published = self.chain.gas(book.functions.publish(tree.total, tree.root, COIN))
            claims = [
                self.chain.gas(book.functions.claim(who, tree[who], tree.proof(who), COIN), sender=sender)
                for who, sender in ((itself, itself), (other, None))
            ]
        return published, claims[0], claims[1]
