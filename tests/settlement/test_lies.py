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
from revshare.ledger._journal import Journal
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
    assert [result.state for result in results] == ["final"] * 4, seed
    for split in splits:
        world.check(split)
        assert len(world.remittances(split)) == 2, seed
        assert reconcile(world.ledger, split).differences == (), seed


class Wrong:
    """Answers so many questions of a kind wrongly, as a node that lags or is of another chain does."""

    def __init__(self, times: int, method: str, result: str, data: str = "") -> None:
        self.times, self.method, self.result, self.data = times, method, result, data
        self.asked = 0

    def __call__(self, method: str, params: Any, ask: Any) -> Any:
        if method != self.method or self.data not in str(params[0]):
            return ask()
        self.asked += 1
        return {"jsonrpc": "2.0", "id": 1, "result": self.result} if self.asked <= self.times else ask()


WRONG = {
    "no coin": ("eth_getBalance", "0x0", "0x"),
    "no token": ("eth_call", "0x" + "00" * 32, "0x70a08231"),  # balanceOf
    "not a word": ("eth_call", "0x", "0xdd62ed3e"),  # allowance, of a chain where the token is not
    "no contract": ("eth_getCode", "0x", "0x"),
    "other code": ("eth_getCode", "0x6001", "0x"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("times", [1, 3])
def test_a_wrong_answer_of_the_moment_is_asked_again(world: World, what: str, times: int) -> None:
    """Nobody has to settle again because of it, and nothing is decided by it."""
    split = world.sold(4)
    wrong = Wrong(times, *WRONG[what])
    settler = _through(world, wrong)
    if what == "other code":  # which counts once there is a plan
        settler.add(split, MARCH)
        wrong.times = 0
        settler.step()
        wrong.times = wrong.asked + times
    assert settler.settle(split, MARCH).reconciled
    assert wrong.asked > times
    world.check(split)


@pytest.mark.parametrize("what", ["no coin", "no token", "not a word", "no contract"])
def test_a_wrong_answer_that_stays_is_believed_in_the_end(world: World, what: str) -> None:
    split = world.sold(4)
    wrong = Wrong(10**6, *WRONG[what])
    settler = _through(world, wrong)
    with pytest.raises((rs.ChainError, rs.InvalidInput)):
        settler.settle(split, MARCH)
    assert 4 <= wrong.asked <= 12  # looked at four times
    assert Journal(world.ledger).settlements() == ()
    wrong.times = 0
    assert settler.settle(split, MARCH).reconciled


def _through(world: World, meddle: Any) -> Settler:
    provider = Through(HTTPProvider(world.chain.w3.provider.endpoint_uri), meddle)  # type: ignore[attr-defined]
    return Settler(world.ledger, Web3(provider), account=world.me, **Clock(world).options)


@pytest.mark.parametrize("seed", range(6))
def test_a_node_that_lies_costs_time_and_nothing_else(world: World, seed: int) -> None:
    lied_to(world, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(6, 300))
def test_nodes_that_lie(world: World, seed: int) -> None:
    lied_to(world, seed)
