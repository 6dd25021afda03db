"""A node as a settler sees it: the same answers throughout a round, and never an older chain than before."""

from __future__ import annotations

from typing import Any

import rlp
from eth_utils.address import to_checksum_address

from revshare.chain.abi import interface, word
from revshare.chain.events import Remitted, decode_logs
from revshare.chain.lean import LeanNode
from revshare.chain.node import Block, BlockId, Node
from revshare.errors import ProviderError

__all__ = ["WatchedNode", "find_remitted", "unpack"]

_SPAN = 10_000  # blocks asked for at once, to begin with


class WatchedNode(LeanNode):
    """A node whose chain id and blocks are asked for once in a round; `fresh` begins the next.

    Reading the same block many times in a round is not only waste: two answers could be of two chains.
    """

    def __init__(self, w3: Any) -> None:
        super().__init__(w3.w3 if isinstance(w3, Node) else w3)
        self._blocks: dict[BlockId, Block | None] = {}
        self._chain: int | None = None

    def fresh(self) -> None:
        """Forget what was asked."""
        self._blocks.clear()
        self._chain = None

    def forget_chain(self) -> None:
        """Ask for the chain id again, next time."""
        self._chain = None

    def chain_id(self) -> int:
        if self._chain is None:
            self._chain = super().chain_id()
        return self._chain

    def block(self, block: BlockId = "latest") -> Block | None:
        if block not in self._blocks:
            found = super().block(block)
            if found is None:
                return None
            self._blocks[block] = self._blocks[found.number] = found
        return self._blocks[block]


def unpack(raw: bytes) -> dict[str, Any]:
    """Return a signed transaction as `sign` took it: of type 2 (EIP-1559), or of the kind before types."""
    if raw[0] == 2:
        chain_id, nonce, tip, most, gas, to, value, data = rlp.decode(raw[1:])[:8]
        fees = {"maxPriorityFeePerGas": _int(tip), "maxFeePerGas": _int(most)}
    else:
        nonce, price, gas, to, value, data, v = rlp.decode(raw)[:7]
        fees = {"gasPrice": _int(price)}
        chain_id = ((_int(v) - 35) // 2).to_bytes(32, "big")
    return fees | {
        "chainId": _int(chain_id),
        "nonce": _int(nonce),
        "gas": _int(gas),
        "to": to_checksum_address(to),
        "value": _int(value),
        "data": "0x" + data.hex(),
    }


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


def find_remitted(node: Node, split: str, payer: str, batch_id: bytes) -> Remitted | None:
    """Return the event of a batch that was remitted, looking back from the latest block; None without one.

    Raises ProviderError when the node refuses even single blocks.
    """
    topics = [interface("RevenueSplit").topic("Remitted"), "0x" + word(payer).hex(), "0x" + batch_id.hex()]
    last, span = node.head(), _SPAN
    while last >= 0:
        first = max(last - span + 1, 0)
        try:
            found = node.logs(split, first, last, topics)
        except ProviderError:
            if span == 1:
                raise
            span = max(span // 4, 1)
            continue
        for event in decode_logs(found):
            if isinstance(event, Remitted) and event.batch_id == batch_id:
                return event
        last, span = first - 1, min(span * 2, 1_000_000)
    return None
