"""The factory: at the same address on every chain, it makes splits at addresses known beforehand."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING

from revshare._governance import Governance
from revshare.chain import artifacts
from revshare.chain.abi import interface
from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.chains import Chain
from revshare.chain.clones import Clone, create2_address, create_address, salt_word, same_code
from revshare.chain.deployment import deployed
from revshare.chain.forks import require_opcodes
from revshare.chain.governance import governance_word
from revshare.chain.nesting import parents_first
from revshare.chain.node import Node
from revshare.chain.signers import Account, sender
from revshare.chain.terms import Terms
from revshare.chain.transactions import broadcast, estimate
from revshare.errors import ChainError, InvalidInput, NotDeployed
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

    from revshare.chain.split import RevenueSplit

__all__ = ["DEPLOYER", "FactoryCost", "RevenueSplitFactory"]

_log = logging.getLogger(__name__)

DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The common CREATE2 deployer (Arachnid's proxy): salt ‖ init code in, contract out."""

# Nobody signed the transaction that places it: its signature is a pattern, its sender who that makes it be.
_DEPLOYER_SENDER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
_DEPLOYER_COST = 10**16
_DEPLOYER_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222"
    "222222222222222222222222222222222222222222222222222222222222a0222222222222222222222222222222222222222222"
    "2222222222222222222222"
)
_TRANSFER_GAS = 21_000
_SALT = bytes(32)
# Which of the contracts that a factory creates; before each comes the back office behind it.
_IMPLEMENTATION = 2
_AMENDABLE_IMPLEMENTATION = 4


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
            if not _place_deployer(node, account):
                return cls._deploy_plainly(node, account)
            try:
                _send(node, account, DEPLOYER, _SALT + _init_code())
            except ChainError:  # unless somebody was quicker, which is as well
                if not node.code(address):
                    raise
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
        by_deployer = bool(node.code(DEPLOYER))
        to, data = (DEPLOYER, _SALT + _init_code()) if by_deployer else (None, _init_code())
        try:
            payer: str | None = sender(node, account).address
        except InvalidInput:
            if account is not None:
                raise
            payer = None  # anybody may ask
        chain_id = node.chain_id()
        gas = estimate(node, Call(node, chain_id, "deployment", "", to, data).transaction(payer))
        gift = 0 if by_deployer else max(0, _DEPLOYER_COST - node.balance(_DEPLOYER_SENDER))
        return FactoryCost(Chain.of(chain_id), gas + (_TRANSFER_GAS if gift else 0), node.gas_price(), gift)

    @classmethod
    def at(cls, w3: Web3 | Node, address: str | None = None, account: Account = None) -> RevenueSplitFactory:
        """Return the factory at `address`; left out, at its address on every chain.

        Raises NotDeployed where there is none, or another contract.
        """
        node = Node.of(w3)
        address = cls.default_address() if address is None else given_address(address)
        code = node.code(address)
        if not code:
            raise NotDeployed(
                f"there is no factory at {address} on chain {node.chain_id()}; RevenueSplitFactory.deploy "
                "places one",
                address=address,
            )
        if not same_code(code, artifacts.load("RevenueSplitFactory")):
            raise NotDeployed(f"the contract at {address} is not this version's factory", address=address)
        return cls(node, address, account)

    @staticmethod
    def default_address() -> str:
        """Where the factory is on every chain that has it."""
        return create2_address(DEPLOYER, _SALT, _init_code())

    @classmethod
    def _deploy_plainly(cls, node: Node, account: Account) -> RevenueSplitFactory:
        return cls(node, deployed(node, account, "deployment", _init_code(), "factory"), account)

    # ---------------------------------------------------------------- what it does

    def implementation(self) -> str:
        """The address of the code behind every split of this factory that is never amended."""
        return create_address(self.address, _IMPLEMENTATION)

    def amendable_implementation(self) -> str:
        """The address of the code behind every split of this factory that can be amended."""
        return create_address(self.address, _AMENDABLE_IMPLEMENTATION)

    def predict(self, terms: Terms, salt: int | str | bytes = 0, governance: Governance | None = None) -> str:
        """Return where the split of these terms, governed so, is or will be. Asks nobody."""
        code = self.implementation() if governance is None else self.amendable_implementation()
        clone = Clone(code, terms.commitment, governance_word(governance))
        return clone.address(self.address, salt_word(salt))

    def create(self, terms: Terms, salt: int | str | bytes = 0, governance: Governance | None = None) -> Call:
        """Return the call that creates the split of these terms, at the address `predict` names.

        governance: who may amend them; left out, nobody ever can.
        """
        if governance is None:
            return self._call("create", terms.encoded, salt_word(salt))
        return self._call("createAmendable", terms.encoded, governance_word(governance), salt_word(salt))

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


def _place_deployer(node: Node, account: Account) -> bool:
    """Place the CREATE2 deployer if there is none; return whether there is one now."""
    if node.code(DEPLOYER):
        return True
    missing = _DEPLOYER_COST - node.balance(_DEPLOYER_SENDER)
    if missing > 0:
        _send(node, account, _DEPLOYER_SENDER, b"", missing)
    # Refused, or priced out: then there is none, which is all that matters.
    with suppress(ChainError):
        broadcast(node, _DEPLOYER_TRANSACTION).wait(timeout=60)
    return bool(node.code(DEPLOYER))


def _send(node: Node, account: Account, to: str, data: bytes, value: int = 0) -> None:
    Call(node, node.chain_id(), "deployment", "", to, data, value, account).send()
