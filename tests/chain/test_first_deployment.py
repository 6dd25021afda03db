"""Whoever deploys first on a chain pays for the factory, and is told so before anything is sent."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tests.nodes import ANVIL, Through, anvil
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain import Devnet
from revshare.chain.factory import FactoryCost
from revshare.chain.placing import DEPLOYER_COST
from revshare.cli import main

needs_anvil = pytest.mark.skipif(not ANVIL.is_file(), reason="anvil is not there: `npm ci`")

DEAL = """
name = "A song"
token = {{ symbol = "{symbol}", decimals = 18 }}
[payees]
ann = "0x1000000000000000000000000000000000000001"
bob = "0x2000000000000000000000000000000000000002"
[[tiers]]
shares = {{ ann = {ann}, bob = 1 }}
"""


def spent(w3: Web3, since: int) -> int:
    """Gas of all transactions after a block."""
    blocks = range(since + 1, w3.eth.block_number + 1)
    return sum(w3.eth.get_block(number)["gasUsed"] for number in blocks)


def check_cost(w3: Web3) -> FactoryCost:
    """What is said beforehand is what is then paid."""
    before = w3.eth.block_number
    cost = rs.RevenueSplitFactory.deployment_cost(w3)
    assert cost is not None
    assert w3.eth.block_number == before
    rs.RevenueSplitFactory.deploy(w3)
    used = spent(w3, before)
    assert abs(cost.gas - used) < 0.03 * used
    assert cost.wei == cost.gas * cost.gas_price + cost.gift
    assert rs.RevenueSplitFactory.deployment_cost(w3) is None
    return cost


def test_the_cost_is_known_beforehand_where_the_deployer_has_to_be_placed_too() -> None:
    cost = check_cost(Devnet.start(1).w3)
    assert cost.gift == DEPLOYER_COST
    assert str(cost).startswith("eth-tester (chain 131277322940537) has no factory yet")


@needs_anvil
def test_the_cost_is_known_beforehand_where_the_deployer_is_there() -> None:
    with anvil() as url:
        assert check_cost(Web3(HTTPProvider(url))).gift == 0


def test_anybody_may_ask() -> None:
    chain = Devnet.start(1)
    assert rs.RevenueSplitFactory.deployment_cost(chain.w3, chain.accounts[0])
    with pytest.raises(rs.InvalidInput, match="private key"):
        rs.RevenueSplitFactory.deployment_cost(chain.w3, "11" * 32)


@needs_anvil
def test_a_node_without_accounts_is_asked_for_nobody_in_particular() -> None:
    with anvil() as url:
        inner = HTTPProvider(url)

        def without(method: str, params: Any, ask: Callable[[], Any]) -> Any:
            return {"jsonrpc": "2.0", "id": 1, "result": []} if method == "eth_accounts" else ask()

        assert rs.RevenueSplitFactory.deployment_cost(Web3(Through(inner, without)))


@pytest.mark.parametrize(
    ("gas", "price", "gift", "said"),
    [
        (8_300_000, 30 * 10**9, 0, "0.249 POL"),
        (8_300_001, 30 * 10**9, 0, "0.250 POL"),  # rounded up
        (8_300_000, 1, 0, "0.00000000000830 POL"),
        (8_000_000, 10**13, 10**16, "80.1 POL"),
        (8_000_000, 10**15, 0, "8000 POL"),
        (8_000_000, 0, 0, "0 POL"),
    ],
)
def test_the_price_is_in_the_chains_coin(gas: int, price: int, gift: int, said: str) -> None:
    cost = FactoryCost(rs.Chain.of(137), gas, price, gift)
    assert cost.price == said
    assert str(cost).endswith(f"about {gas:,} gas, {said} at the price just now")


def test_the_call_says_it_before_it_sends(caplog: pytest.LogCaptureFixture) -> None:
    w3 = Devnet.start(1).w3
    heights: list[int] = []

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heights.append(w3.eth.block_number)

    logger, note = logging.getLogger("revshare"), Note()
    logger.addHandler(note)
    try:
        with caplog.at_level(logging.INFO, "revshare"):
            rs.RevenueSplit.deploy(w3, rs.Agreement.loads(DEAL.format(symbol="ETH", ann=1)))
            rs.RevenueSplit.deploy(w3, rs.Agreement.loads(DEAL.format(symbol="ETH", ann=2)))
    finally:
        logger.removeHandler(note)
    assert len(caplog.records) == 1
    assert heights == [0]
    assert "has no factory yet" in caplog.text
    assert "gas" in caplog.text


# ------------------------------------------------------------------------------------------ the command

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(symbol: str, ann: int = 1) -> str:
        path = tmp_path / f"song-{ann}.toml"
        path.write_text(DEAL.format(symbol=symbol, ann=ann), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def polygon() -> Iterator[str]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil("--chain-id", "137") as url:
        yield url


def test_the_command_says_what_it_costs_and_asks(polygon: str, run: Run, file: Callable[..., str]) -> None:
    w3 = Web3(HTTPProvider(polygon))
    for answer in ("n\n", ""):
        code, out, err = run("deploy", file("POL"), "--rpc-url", polygon, answer=answer)
        assert (code, out.strip()) == (1, "")
        assert "Polygon (chain 137) has no factory yet" in err
        assert " gas, " in err
        assert " POL at the price just now" in err
        assert "Place it, and pay that? [y/N]" in err
        assert "nothing was done" in err
        assert w3.eth.block_number == 0
    code, out, err = run("deploy", file("POL"), "--rpc-url", polygon, answer="y\n")
    assert code == 0
    assert "POL sent there is shared among 2 payees" in out
    # The factory is there now, and nobody is asked again.
    code, out, err = run("deploy", file("POL", 2), "--rpc-url", polygon)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("option", ["--yes", "--json"])
def test_the_command_says_it_and_does_not_ask(
    option: str, polygon: str, run: Run, file: Callable[..., str]
) -> None:
    code, out, err = run("deploy", file("POL"), "--rpc-url", polygon, option)
    assert code == 0
    assert err.startswith("revshare: Polygon (chain 137) has no factory yet")
    assert "Place it" not in err
    if option == "--json":
        assert json.loads(out)["chain_id"] == 137


@needs_anvil
def test_on_a_development_chain_nobody_is_asked(run: Run, file: Callable[..., str]) -> None:
    with anvil() as url:
        code, _, err = run("deploy", file("ETH"), "--rpc-url", url)
    assert code == 0
    assert "has no factory yet" in err
    assert "Place it" not in err


@needs_anvil
def test_a_chain_that_is_not_in_the_table_works_with_a_word(run: Run, file: Callable[..., str]) -> None:
    with anvil("--chain-id", "4242") as url:
        code, out, err = run("deploy", file("ETH"), "--rpc-url", url, "--yes")
        again = run("deploy", file("ETH"), "--rpc-url", url)
    assert code == 0
    assert "on chain 4242; ETH sent there" in out
    assert err.startswith("revshare: chain 4242 is not in the table: it works like any other")
    assert "chain 4242 has no factory yet" in err
    assert again[0] == 0


@needs_anvil
def test_a_chain_that_cannot_is_named_before_anybody_is_asked(run: Run, file: Callable[..., str]) -> None:
    with anvil("--chain-id", "4242", "--hardfork", "shanghai") as url:
        code, out, err = run("deploy", file("ETH"), "--rpc-url", url, "--json")
    assert code == 2
    assert json.loads(out)["error"]["kind"] == "UnsupportedChain"
    assert json.loads(out)["error"]["missing"] == ["MCOPY", "TLOAD", "TSTORE"]
    assert "lacks MCOPY, TLOAD, TSTORE" in err


def test_a_mistake_in_the_token_is_said_before_the_factory_is_paid_for(
    polygon: str, run: Run, file: Callable[..., str]
) -> None:
    coin = "0x0000000000000000000000000000000000001010"
    code, _, err = run("deploy", file("POL"), "--rpc-url", polygon, "--token", coin)
    assert code == 2
    assert err.startswith(
        f"revshare: the token {coin} is a second address of the coin of Polygon (chain 137)"
    )
    code, _, err = run("deploy", file("GBPT"), "--rpc-url", polygon)
    assert code == 2
    assert "write its address on this chain into the file, as token.address" in err
    assert 'symbol = "POL", decimals = 18' in err
