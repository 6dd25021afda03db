"""What handles on contracts that stand by themselves have in common: payout books and escrows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from revshare.chain import artifacts
from revshare.chain.abi import Interface, interface
from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.clones import same_code
from revshare.chain.node import BlockId, Node
from revshare.chain.placing import canonical_address, place
from revshare.chain.reader import EventReader
from revshare.chain.signers import Account
from revshare.chain.tokens import Allowance, token_address
from revshare.errors import NotDeployed
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["Contract"]


class Contract:
    """A handle on a contract of this library's, used by one account. Get one with `deploy` or `at`."""

    _CONTRACT: ClassVar[str]
    """The name of its artifact."""
    _CALLED: ClassVar[str]
    """What people call it."""

    def __init__(self, node: Node, address: str, account: Account = None) -> None:
        self._node = node
        self._account = account
        self.address = given_address(address)
        self.chain_id = node.chain_id()

    @classmethod
    def _place(cls, node: Node, account: Account, *arguments: object, salt: int = 0) -> Self:
        """Return the one with these arguments for its constructor, created or found. Raises as `place`."""
        code = cls._init_code(*arguments)
        return cls(node, place(node, account, cls._CONTRACT, code, cls._CALLED, salt=salt), account)

    @classmethod
    def _canonical(cls, *arguments: object, salt: int = 0) -> str:
        return canonical_address(cls._init_code(*arguments), salt)

    @classmethod
    def _init_code(cls, *arguments: object) -> bytes:
        return artifacts.load(cls._CONTRACT).bytecode + cls._interface().encode_constructor(*arguments)

    @classmethod
    def at(cls, w3: Web3 | Node, address: str, *, account: Account = None) -> Self:
        """Return the one at `address`. Raises NotDeployed where there is none of this version."""
        node = Node.of(w3)
        address = given_address(address)
        if not same_code(node.code(address), artifacts.load(cls._CONTRACT)):
            raise NotDeployed(f"there is no {cls._CALLED} of this version at {address}", address=address)
        return cls(node, address, account)

    def by(self, account: Account) -> Self:
        """Return the same one, used by another account."""
        return type(self)(self._node, self.address, account)

    def reader(self) -> EventReader:
        """Return a reader of its events, to follow them through reorganisations."""
        return EventReader(self._node, self.address)

    def __repr__(self) -> str:
        return f"{self._CONTRACT}({self.address}, chain {self.chain_id})"

    @classmethod
    def _interface(cls) -> Interface:
        return interface(cls._CONTRACT)

    def _call(
        self, function: str, *arguments: object, value: int = 0, allowance: Allowance | None = None
    ) -> Call:
        known = self._interface()
        return Call(
            self._node,
            self.chain_id,
            self._CONTRACT,
            function,
            self.address,
            known.encode(function, *arguments),
            value,
            self._account,
            known,
            allowance,
        )

    def _view(self, function: str, *arguments: object, block: BlockId = "latest") -> dict[str, Any]:
        known = self._interface()
        asked = {"to": self.address, "data": "0x" + known.encode(function, *arguments).hex()}
        returned = self._node.call(asked, block, f"{self._CONTRACT} {self.address}")
        if not returned:
            raise NotDeployed(
                f"there was no {self._CALLED} at {self.address} by block {block}", address=self.address
            )
        return known.decode(function, returned)

    def _token(self, token: str | Token | None) -> str:
        """The address of a token as callers give it; that of the coin for None. Raises as `token_address`."""
        return token_address(self.chain_id, token)
