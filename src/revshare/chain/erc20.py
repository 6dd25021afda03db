"""ERC-20 tokens as far as splits need them, and a token of play money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from revshare.chain import artifacts
from revshare.chain.abi import interface
from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.deployment import deployed
from revshare.chain.node import BlockId, Node
from revshare.chain.signers import Account
from revshare.chain.tokens import balance_of, token_at
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["DemoToken", "Erc20"]

Amount = int | str | Decimal
"""Base units as an int; whole tokens as a str or Decimal."""


class Erc20:
    """A handle on a token's contract. `token` has its symbol, decimals and address, as the contract says.

    Raises NotDeployed where there is no contract, InvalidInput where it is not a token.
    """

    def __init__(self, w3: Web3 | Node, address: str, *, account: Account = None) -> None:
        self._node = Node.of(w3)
        self._account = account
        self.address = given_address(address)
        self.token: Token = token_at(self._node, self.address)
        self.chain_id = self._node.chain_id()

    def balance_of(self, owner: str, *, block: BlockId = "latest") -> int:
        """Units that `owner` has."""
        return balance_of(self._node, self.address, given_address(owner, "owner", or_nobody=True), block)

    def approve(self, spender: str, amount: Amount) -> Call:
        """Let `spender` draw `amount`."""
        return self._call("approve", given_address(spender, "spender"), self.token.parse(amount))

    def transfer(self, to: str, amount: Amount) -> Call:
        """Send `amount`. To a split, that is revenue."""
        return self._call("transfer", given_address(to, "to"), self.token.parse(amount))

    def _call(self, function: str, *arguments: object) -> Call:
        known = interface("DemoToken")
        return Call(
            self._node,
            self.chain_id,
            self.token.symbol,
            function,
            self.address,
            known.encode(function, *arguments),
            account=self._account,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.token.symbol}, {self.token.decimals} decimals, {self.address})"


class DemoToken(Erc20):
    """Play money: a token of any number of decimals, of which anyone may make as much as they like."""

    @classmethod
    def deploy(
        cls, w3: Web3 | Node, symbol: str = "DEMO", decimals: int = 6, *, account: Account = None
    ) -> Self:
        """Deploy a new token. Raises UnsupportedChain, and what sending may raise."""
        node = Node.of(w3)
        wanted = Token(symbol=symbol, decimals=decimals)
        arguments = interface("DemoToken").encode_constructor(wanted.symbol, wanted.symbol, wanted.decimals)
        code = artifacts.load("DemoToken").bytecode + arguments
        return cls(node, deployed(node, account, "DemoToken", code, "token"), account=account)

    def mint(self, to: str, amount: Amount) -> Call:
        """Make `amount` out of nothing for `to`."""
        return self._call("mint", given_address(to, "to"), self.token.parse(amount))
