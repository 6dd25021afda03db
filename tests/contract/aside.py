"""A play beside the chain (odd/side.py): the clock is the test's own, and what has happened is forgotten
with it.

Mined transactions take several times as long; a model that is compared after every step wants many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from tests.contract.odd.side import Call, Outcome, Side
from tests.contract.world import COIN, World

GAS = 5_000_000


class Aside:
    """All is sent by the world's owner: contracts act for parties."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.side = Side(world)

    @property
    def time(self) -> int:
        """When the next transaction will be."""
        return int(self.side.state.execution_context.timestamp)

    @time.setter
    def time(self, time: int) -> None:
        self.side.state.execution_context._timestamp = time

    def send(self, function: Any, value: int = 0) -> Outcome:
        return self.side.send(Call(function.address, _data(function), value), GAS)

    def must(self, function: Any, value: int = 0) -> Outcome:
        found = self.send(function, value)
        assert found.done, found.refusal
        return found

    def ask(self, function: Any, *types: str) -> Any:
        return self.side.ask(Call(function.address, _data(function)), types)

    def balances(self, token: str, whose: Sequence[str]) -> list[int]:
        if token == COIN:
            return [self.side.coins(who) for who in whose]
        reading = self.world.reader.functions.balances(token, list(whose))
        return list(self.ask(reading, "uint256[]"))

    def events(self, contract: Any, outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
        """As World.logs."""
        logs = [
            {
                "address": to_checksum_address(address),
                "topics": [HexBytes(topic.to_bytes(32, "big")) for topic in topics],
                "data": HexBytes(data),
                "logIndex": index,
                "transactionIndex": 0,
                "transactionHash": HexBytes(bytes(32)),
                "blockHash": HexBytes(bytes(32)),
                "blockNumber": 0,
            }
            for index, (address, topics, data) in enumerate(outcome.logs)
        ]
        return self.world.logs(contract, {"logs": logs})


def _data(function: Any) -> bytes:
    return bytes(HexBytes(function._encode_transaction_data()))
