"""The factory: at the same address on every chain, it makes splits at addresses known beforehand."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING

from revshare._governance import Governance
from revshare.chain import artifacts
from revshare.chain.abi import interface
from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.chains import Chain
from revshare.chain.clones import Clone, create_address, salt_number
from revshare.chain.forks import require_opcodes
from revshare.chain.governance import governance_word
from revshare.chain.nesting import parents_first
from revshare.chain.node import BlockId, Node
from revshare.chain.placing import gift, place, request
from revshare.chain.recognise import (
    AMENDABLE_IMPLEMENTATION,
    IMPLEMENTATION,
    check_factory,
    default_factory,
)
from revshare.chain.signers import Account, sender
from revshare.chain.terms import Terms
from revshare.chain.transactions import estimate
from revshare.errors import InvalidInput, NotDeployed
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

    from revshare.chain.split import RevenueSplit

__all__ = ["FactoryCost", "RevenueSplitFactory"]

_log = logging.getLogger(__name__)

_TRANSFER_GAS = 21_000


@dataclass(frozen=True)
class FactoryCost:
    """What it costs to place the factory on a chain, which whoever deploys first there pays, once.

    gas: about so much. gas_price: wei per gas, as the node suggests just now. gift: wei that the sender of
    the common CREATE2 deployer is given besides, where that has to be placed first. What a rollup takes for
    the data of a transaction comes on top.
    """

    chain: Chain
    gas: int
    gas_price: int
    gift: int = 0

    @property
    def wei(self) -> int:
        """All of it, in wei."""
        return self.gas * self.gas_price + self.gift

    @property
    def price(self) -> str:
        """All of it in whole coins, rounded up to three digits, such as ``0.249 POL``."""
        coin = self.chain.coin
        if not self.wei:
            return f"0 {coin.symbol}"
        whole = Decimal(self.wei).scaleb(-coin.decimals)
        return f"{whole.quantize(Decimal(1).scaleb(whole.adjusted() - 2), ROUND_UP):f} {coin.symbol}"

    def __str__(self) -> str:
        return (
            f"{self.chain} has no factory yet, and whoever deploys first places it, once for all: about "
            f"{self.gas:,} gas, {self.price} at the price just now"
        )


class RevenueSplitFactory:
    """A handle on a factory. Get one with `deploy` or `at`."""

    def __init__(self, node: Node, address: str, account: Account = None) -> None:
        self._node = node
        self._account = account
        self.address = given_address(address)
        self.chain_id = node.chain_id()

    @classmethod
    def deploy(cls, w3: Web3 | Node, account: Account = None) -> RevenueSplitFactory:
        """Return the factory at its address on every chain, placing it there if it is not yet.

        It goes through the common CREATE2 deployer. Where a chain has none, that is placed first, by its
        well-known transaction, whose sender is given 0.01 coin for it. Where the node refuses that
        transaction (it bears no chain id), that coin is lost and the factory is deployed plainly: then its
        address is any, and must be kept and passed on as ``factory=``.

        What it costs is logged (INFO, by ``revshare.chain.factory``) before anything is sent;
        `deployment_cost` says it beforehand.

        Raises UnsupportedChain before anything is sent, InsufficientFunds, and what else sending may raise.
        """
        node = Node.of(w3)
        address = cls.default_address()
        if not node.code(address):
            require_opcodes(node)
            if _log.isEnabledFor(logging.INFO):
                _log.info("%s", cls.deployment_cost(node, account))
            address = place(node, account, "deployment", _init_code(), "factory")
        return cls(node, address, account)

    @classmethod
    def deployment_cost(cls, w3: Web3 | Node, account: Account = None) -> FactoryCost | None:
        """Return what `deploy` would cost now; None where the factory is in its place already. Sends nothing.

        account: who would pay; left out, web3's default account, the node's first, or nobody in particular.

        Raises UnsupportedChain, InsufficientFunds, and what estimating may raise.
        """
        node = Node.of(w3)
        if node.code(cls.default_address()):
            return None
        require_opcodes(node)
        to, data = request(node, _init_code())
        try:
            payer: str | None = sender(node, account).address
        except InvalidInput:
            if account is not None:
                raise
            payer = None  # anybody may ask
        chain_id = node.chain_id()
        gas = estimate(node, Call(node, chain_id, "deployment", "", to, data).transaction(payer))
        given = gift(node)
        return FactoryCost(Chain.of(chain_id), gas + (_TRANSFER_GAS if given else 0), node.gas_price(), given)

    @classmethod
    def at(cls, w3: Web3 | Node, address: str | None = None, account: Account = None) -> RevenueSplitFactory:
        """Return the factory at `address`; left out, at its address on every chain.

        Raises NotDeployed where there is none, another contract, or one that did not itself create what
        stands behind its splits. Even so, a factory at any other address is as good as whoever placed it:
        what its address had made before it had this code, no code tells.
        """
        node = Node.of(w3)
        address = cls.default_address() if address is None else given_address(address)
        check_factory(node, address)
        return cls(node, address, account)

    @staticmethod
    def default_address() -> str:
        """Where the factory is on every chain that has it."""
        return default_factory()

    # ---------------------------------------------------------------- what it does

    def implementation(self) -> str:
        """The address of the code behind every split of this factory that is never amended."""
        return create_address(self.address, IMPLEMENTATION)

    def amendable_implementation(self) -> str:
        """The address of the code behind every split of this factory that can be amended."""
        return create_address(self.address, AMENDABLE_IMPLEMENTATION)

    def predict(self, terms: Terms, salt: int | str | bytes = 0, governance: Governance | None = None) -> str:
        """Return where the split of these terms, governed so, is or will be. Asks nobody.

        salt: tells apart splits of the same terms: a number below 2^64, a text, or 8 bytes. Raises
        InvalidInput for another.
        """
        code = self.implementation() if governance is None else self.amendable_implementation()
        clone = Clone(code, terms.commitment, governance_word(governance), salt_number(salt))
        return clone.address(self.address)

    def create(self, terms: Terms, salt: int | str | bytes = 0, governance: Governance | None = None) -> Call:
        """Return the call that creates the split of these terms, at the address `predict` names.

        governance: who may amend them; left out, nobody ever can. Raises InvalidInput for the salt.
        """
        number = salt_number(salt)
        if governance is None:
            return self._call("create", terms.encoded, number)
        return self._call("createAmendable", terms.encoded, governance_word(governance), number)

    def is_split(self, address: str, *, block: BlockId = "latest") -> bool:
        """Whether this factory made the split at an address, so that its terms and its code were checked.

        False where there is no split, or one of another factory's. Raises NotDeployed where this handle's
        factory is not on the chain.
        """
        made = interface("RevenueSplitFactory")
        asked = {"to": self.address, "data": "0x" + made.encode("isSplit", given_address(address)).hex()}
        answer = self._node.call(asked, block, f"RevenueSplitFactory {self.address}")
        if not answer:
            raise NotDeployed(f"there is no factory at {self.address}", address=self.address)
        return bool(made.decode("isSplit", answer)["0"])

    def distribute_all(
        self, splits: Iterable[RevenueSplit | tuple[RevenueSplit, str | Token | None]]
    ) -> Call:
        """Return the call that distributes several splits in one transaction: each before those it pays.

        splits: handles, or pairs of a handle and a token (left out: the settlement token); in any order.
        `RevenueSplit.nested` finds those that a split pays. If one refuses, nothing has happened.

        Raises CircularSplits when splits pay each other in a circle.
        """
        pairs = [(item, None) if not isinstance(item, tuple) else item for item in splits]
        plans = [split.distribution(token=token) for split, token in parents_first(pairs)]
        return self._call("distributeAll", plans)

    def _call(self, function: str, *arguments: object) -> Call:
        made = interface("RevenueSplitFactory")
        return Call(
            self._node,
            self.chain_id,
            "RevenueSplitFactory",
            function,
            self.address,
            made.encode(function, *arguments),
            account=self._account,
            interface=made,
        )

    def __repr__(self) -> str:
        return f"RevenueSplitFactory({self.address}, chain {self.chain_id})"


def _init_code() -> bytes:
    return artifacts.load("RevenueSplitFactory").bytecode
