"""A node asked in plain JSON-RPC: for those who ask thousands of things.

web3 asks for the chain's id before every call, looks for names of ENS in every argument, and wraps every
answer; for a settlement of many agreements that is a third of the time spent outside the node. This asks the
same provider, with the middleware that the user has added, and reads what this library needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from revshare.chain.node import (
    Block,
    BlockId,
    Mined,
    Node,
    own_errors,
    read_block,
    read_bytes,
    read_int,
    read_mined,
)
from revshare.errors import ProviderError

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["LeanNode"]

_NO_SUCH_METHOD = -32601
_OF_WEB3 = frozenset({"attrdict", "ens_name_to_address", "gas_estimate", "gas_price_strategy", "validation"})


class LeanNode(Node):
    """A node behind the user's Web3, asked without web3's own formatting.

    Providers that do not speak JSON-RPC, such as eth-tester's, are asked as `Node` does. Errors are those of
    `Node`.
    """

    def __init__(self, w3: Web3) -> None:
        super().__init__(w3)
        self._ask = _plainly(w3)

    def _result(self, method: str, params: Sequence[Any], contract: str | None = None) -> Any:
        """What the node answers; raises ContractError, ProviderError."""
        from web3.exceptions import Web3RPCError

        if self._ask is None:
            raise NotImplementedError
        with own_errors(method, contract):
            answer = self._ask(method, list(params))
            if answer.get("error") is not None:
                raise Web3RPCError(repr(answer["error"]), rpc_response=answer)
            return answer.get("result")

    # ---------------------------------------------------------------- as in Node

    def chain_id(self) -> int:
        """The chain the node serves, by EIP-155."""
        if self._ask is None:
            return super().chain_id()
        return read_int(self._result("eth_chainId", []))

    def block(self, block: BlockId = "latest") -> Block | None:
        """A block's number and hash; None where the node has no such block."""
        if self._ask is None:
            return super().block(block)
        found = self._result("eth_getBlockByNumber", [_block(block), False])
        if found is None:
            return None
        return read_block(found)

    def code(self, address: str, block: BlockId = "latest") -> bytes:
        """The code at an address; empty where there is no contract."""
        if self._ask is None:
            return super().code(address, block)
        return read_bytes(self._result("eth_getCode", [address, _block(block)]))

    def balance(self, address: str, block: BlockId = "latest") -> int:
        """Coin at an address, in wei."""
        if self._ask is None:
            return super().balance(address, block)
        return read_int(self._result("eth_getBalance", [address, _block(block)]))

    def nonce(self, address: str, block: BlockId = "pending") -> int:
        """The next nonce of an account, as of a block."""
        if self._ask is None:
            return super().nonce(address, block)
        return read_int(self._result("eth_getTransactionCount", [address, _block(block)]))

    def tip(self) -> int:
        """What the node suggests to pay a block's proposer, in wei per gas."""
        if self._ask is None:
            return super().tip()
        try:
            return read_int(self._result("eth_maxPriorityFeePerGas", []))
        except ProviderError as error:
            if error.code != _NO_SUCH_METHOD:
                raise
            return super().tip()  # web3 works it out of what was paid lately

    def call(
        self, transaction: Mapping[str, Any], block: BlockId = "latest", contract: str | None = None
    ) -> bytes:
        """What a transaction would return at the end of `block`."""
        if self._ask is None:
            return super().call(transaction, block, contract)
        return read_bytes(self._result("eth_call", [_plain(transaction), _block(block)], contract))

    def estimate_gas(self, transaction: Mapping[str, Any], contract: str | None = None) -> int:
        """Gas that a transaction needs."""
        if self._ask is None:
            return super().estimate_gas(transaction, contract)
        return read_int(self._result("eth_estimateGas", [_plain(transaction)], contract))

    def send_raw(self, raw: bytes) -> str:
        """Broadcast signed bytes, and return their hash."""
        if self._ask is None:
            return super().send_raw(raw)
        return self._sent(raw, lambda: self._result("eth_sendRawTransaction", ["0x" + raw.hex()]))

    def mined(self, tx_hash: str) -> Mined | None:
        """The receipt of a transaction; None while it is not mined."""
        if self._ask is None:
            return super().mined(tx_hash)
        found = self._result("eth_getTransactionReceipt", [tx_hash])
        if found is None:
            return None
        return read_mined(found)


def _plainly(w3: Web3) -> Callable[[Any, Any], Any] | None:
    """What asks the provider of `w3`, through the middleware that is the user's own; None for other
    providers.
    """
    from web3 import Web3 as Web3_
    from web3.providers.base import JSONBaseProvider

    if not isinstance(w3.provider, JSONBaseProvider):
        return None
    kept: Any = [(layer, name) for layer, name in w3.middleware_onion.middleware if name not in _OF_WEB3]
    bare = Web3_(w3.provider, middleware=kept)
    ask: Callable[[Any, Any], Any] = w3.provider.request_func(bare, bare.middleware_onion)
    return ask


def _plain(transaction: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hex(value) if isinstance(value, int) else value for name, value in transaction.items()}


def _block(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block
