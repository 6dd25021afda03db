"""Nodes that lie at random: refuse what they took, say they took what they lose, lag behind, know nothing.

Every run is replayed by its seed, but for what anvil itself does with time.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.nodes import Through, refusal
from tests.settlement.world import APRIL, MARCH, Clock, World, amounts
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.settlement import Settler, reconcile

WORDS = (
    "already known",
    "nonce too low",
    "transaction already imported",
    "replacement transaction underpriced",
    "request timed out",
    "header not found",
)
OF_THE_MOMENT = (rs.WrongChain, rs.ProviderError, rs.StaleNode, rs.SettlementTimeout, rs.StuckTransaction)


class Liar:
    """Lies at a rate; at last it is tired of it."""

    def __init__(self, world: World, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rate = self.chance.choice([0.05, 0.15, 0.3])
        self.world = world
        self.honest_after = 1000

    def __call__(self, method: str, params: Any, ask: Any) -> Any:
        self.honest_after -= 1
        drawn = self.chance.random() / self.rate
        if self.honest_after < 0 or drawn > 1.3:
            return ask()
        if drawn < 0.5:
            return refusal(self.chance.choice(WORDS))
        if drawn < 1:
            ask()
            return refusal(self.chance.choice(WORDS))
        return self.lie(method, params, ask)

    def lie(self, method: str, params: Any, ask: Any) -> Any:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": None}
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            behind = max(0, self.world.chain.w3.eth.block_number - self.chance.randrange(1, 6))
            return self.world.chain.w3.provider.make_request(method, [hex(behind), False])  # type: ignore[arg-type]
        if method in ("eth_getBlockByNumber", "eth_getTransactionReceipt"):
            return answer
        if method == "eth_sendRawTransaction":
            return answer | {"result": "0x" + "11" * 32}
        if method == "eth_getTransactionCount":
            count = int(ask()["result"], 16)
            return answer | {"result": hex(max(0, count - self.chance.randrange(1, 3)))}
        return answer | {"result": "0x1"} if method == "eth_chainId" else ask()


def lied_to(world: World, seed: int) -> None:
    splits = [world.deal(payees=2), world.deal(payees=2)]
    for split in splits:
        world.sell(split, MARCH, amounts(4, seed))
        world.sell(split, APRIL, amounts(3, seed))
    honest: Any = lambda method, params, ask: ask()  # noqa: E731
    provider = Through(HTTPProvider(world.chain.w3.provider.endpoint_uri), honest)  # type: ignore[attr-defined]
    clock = Clock(world, blocks=1)
    settler = Settler(
        world.ledger,
        Web3(provider),
        account=world.me,
        finality=seed % 3 * 2,
        resend_after=5,
        replace_after=15,
        **clock.options,
    )
    provider.meddle = Liar(world, seed)
    for _ in range(60):
        for split in splits:
            settler.add(split, MARCH)
            settler.add(split, APRIL)
        try:
            settler.run(timeout=300)
        except OF_THE_MOMENT:
            continue
        if not settler.problems:
            break
    provider.meddle = honest
    results = settler.run()
    # A month whose planning a lie has ended is carried: its lines went with the next.
    assert {result.state for result in results} <= {"final", "carried"}, seed
    settled = [result.record.split for result in results if result.state == "final"]
    for split in splits:
        world.check(split)
        assert len(world.remittances(split)) == settled.count(split.address) > 0, seed
        assert reconcile(world.ledger, split).differences == (), seed


@pytest.mark.parametrize("seed", range(6))
def test_a_node_that_lies_costs_time_and_nothing_else(world: World, seed: int) -> None:
    lied_to(world, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(6, 300))
def test_nodes_that_lie(world: World, seed: int) -> None:
    lied_to(world, seed)
