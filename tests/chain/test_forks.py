"""What the contracts need of a chain is tried before anything is deployed, on chains that lack it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import eth.vm.forks as vms
import pytest
from eth_tester import EthereumTester, PyEVMBackend
from tests.nodes import ANVIL, Through, anvil, refusal
from web3 import EthereumTesterProvider, HTTPProvider, Web3

import revshare as rs
from revshare.chain import DemoToken, PayoutBook, SaleEscrow, artifacts, deployment, factory, placing, split
from revshare.chain.forks import NEEDED, require_opcodes
from revshare.chain.lean import LeanNode
from revshare.chain.node import Node
from revshare.chain.placing import DEPLOYER_SENDER

CANCUN = ("MCOPY", "TLOAD", "TSTORE")
needs_anvil = pytest.mark.skipif(not ANVIL.is_file(), reason="anvil is not there: `npm ci`")


def deal() -> rs.Agreement:
    return rs.Agreement.model_validate(
        {
            "name": "A song",
            "token": {"symbol": "ETH", "decimals": 18},
            "payees": {"ann": "0x" + "11" * 20, "bob": "0x" + "22" * 20},
            "tiers": [{"shares": {"ann": 1, "bob": 1}}],
        }
    )


DEPLOYMENTS: dict[str, Callable[[Web3], Any]] = {
    "factory": rs.RevenueSplitFactory.deploy,
    "what the factory costs": rs.RevenueSplitFactory.deployment_cost,
    "split": lambda w3: rs.RevenueSplit.deploy(w3, deal()),
    "book": PayoutBook.deploy,
    "escrow": SaleEscrow.deploy,
    "token": DemoToken.deploy,
}


def chain_after(fork: str) -> Web3:
    """A chain in this process, as it was after a fork of Ethereum's."""
    backend = PyEVMBackend(vm_configuration=((0, getattr(vms, f"{fork}VM")),))
    return Web3(EthereumTesterProvider(EthereumTester(backend)))


@pytest.fixture(scope="module", params=["eth-tester", pytest.param("anvil", marks=needs_anvil)])
def shanghai(request: pytest.FixtureRequest) -> Iterator[Web3]:
    if request.param == "eth-tester":
        yield chain_after("Shanghai")
    else:
        with anvil("--hardfork", "shanghai", "--chain-id", "4242") as url:
            yield Web3(HTTPProvider(url))


@pytest.mark.parametrize("what", DEPLOYMENTS)
def test_nothing_is_sent_to_a_chain_that_cannot_run_it(shanghai: Web3, what: str) -> None:
    before = shanghai.eth.block_number, shanghai.eth.get_transaction_count(shanghai.eth.accounts[0])
    with pytest.raises(rs.UnsupportedChain) as refused:
        DEPLOYMENTS[what](shanghai)
    assert refused.value.missing == CANCUN
    assert refused.value.chain_id == shanghai.eth.chain_id
    assert "lacks MCOPY, TLOAD, TSTORE" in str(refused.value)
    known = refused.value.chain_id == 131277322940537
    assert refused.value.chain == ("eth-tester" if known else None)
    after = shanghai.eth.block_number, shanghai.eth.get_transaction_count(shanghai.eth.accounts[0])
    assert after == before
    assert shanghai.eth.get_balance(Web3.to_checksum_address(DEPLOYER_SENDER)) == 0


def test_without_the_check_contracts_are_deployed_that_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (deployment, factory, placing, split):
        monkeypatch.setattr(module, "require_opcodes", lambda node: None)
    w3, went_through = chain_after("Shanghai"), []
    for what in ("factory", "split", "book", "escrow", "token"):
        try:
            DEPLOYMENTS[what](w3)
        except rs.RevShareError:
            continue
        went_through.append(what)
    assert went_through


@pytest.mark.parametrize("fork", ["London", "Paris"])
def test_older_forks_lack_push0_too(fork: str) -> None:
    with pytest.raises(rs.UnsupportedChain) as refused:
        SaleEscrow.deploy(chain_after(fork))
    assert refused.value.missing == ("PUSH0", *CANCUN)


@needs_anvil
def test_the_chain_is_named_where_the_table_knows_it() -> None:
    with anvil("--hardfork", "london", "--chain-id", "137") as url, pytest.raises(rs.UnsupportedChain) as got:
        require_opcodes(LeanNode(Web3(HTTPProvider(url))))
    assert str(got.value).startswith("Polygon (chain 137) cannot run the contracts: it lacks PUSH0, MCOPY")
    assert (got.value.chain, got.value.missing) == ("Polygon", tuple(NEEDED))


def test_what_is_tried_is_what_the_artifacts_were_compiled_for() -> None:
    since = {"shanghai": ["PUSH0"], "cancun": ["MCOPY", "TLOAD", "TSTORE"], "prague": []}
    version = artifacts.shipped_input()["settings"]["evmVersion"]
    wanted = [name for fork in list(since)[: list(since).index(version) + 1] for name in since[fork]]
    assert sorted(NEEDED) == sorted(wanted)


# ------------------------------------------------------------------------------------------ nodes that refuse


def questions(provider: Through) -> list[str]:
    """The methods by which it was asked without saying whom the call is for."""
    return [
        method
        for method, params in provider.asked
        if method in ("eth_call", "eth_estimateGas") and not params[0].get("to")
    ]


@pytest.fixture(scope="module")
def cancun_url() -> Iterator[str]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil("--hardfork", "cancun") as url:
        yield url


@pytest.fixture(scope="module")
def shanghai_url() -> Iterator[str]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil("--hardfork", "shanghai") as url:
        yield url


def through(url: str, answers: Callable[[str], Any], chain_id: int | None = None) -> tuple[Through, Web3]:
    """A node that answers `answers(method)` in place of its own to calls without a recipient, if not None."""

    def meddle(method: str, params: Any, ask: Callable[[], Any]) -> Any:
        if method == "eth_chainId" and chain_id is not None:
            return {"jsonrpc": "2.0", "id": 1, "result": hex(chain_id)}
        if method in ("eth_call", "eth_estimateGas") and not params[0].get("to"):
            answer = answers(method)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                return answer
        return ask()

    provider = Through(HTTPProvider(url, exception_retry_configuration=None), meddle)
    return provider, Web3(provider)


def result(data: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": data}


def test_a_good_answer_is_remembered_a_bad_one_is_not(cancun_url: str, shanghai_url: str) -> None:
    provider, w3 = through(cancun_url, lambda method: None)
    for _ in range(3):
        require_opcodes(Node(w3))
    require_opcodes(LeanNode(w3))
    assert questions(provider) == ["eth_call"]
    require_opcodes(Node(through(cancun_url, lambda method: None)[1]))  # another handle asks for itself

    provider, w3 = through(shanghai_url, lambda method: None)
    for _ in range(2):
        with pytest.raises(rs.UnsupportedChain):
            require_opcodes(Node(w3))
    assert questions(provider) == ["eth_call"] * 2


def test_another_chain_behind_the_same_node_is_asked_again(cancun_url: str) -> None:
    serves = [31337]
    provider = Through(
        HTTPProvider(cancun_url),
        lambda method, params, ask: result(hex(serves[0])) if method == "eth_chainId" else ask(),
    )
    w3 = Web3(provider)
    for serves[0] in (31337, 31337, 10, 10):
        require_opcodes(Node(w3))
    assert questions(provider) == ["eth_call"] * 2


NO_CALLS: dict[str, Any] = {
    "refused": refusal("missing 'to' address", -32602),
    "empty": result("0x"),
    "nonsense": result("0x" + "00" * 160),
    "reverted": refusal("execution reverted", 3, data="0x"),
}


@pytest.mark.parametrize("answer", NO_CALLS)
def test_a_node_that_calls_nothing_without_a_recipient_is_asked_by_an_estimate(
    answer: str, cancun_url: str, shanghai_url: str
) -> None:
    def only_calls(method: str) -> Any:
        return NO_CALLS[answer] if method == "eth_call" else None

    provider, w3 = through(cancun_url, only_calls)
    require_opcodes(Node(w3))
    assert questions(provider) == ["eth_call", "eth_estimateGas"]
    with pytest.raises(rs.UnsupportedChain) as refused:
        require_opcodes(Node(through(shanghai_url, only_calls)[1]))
    assert refused.value.missing == CANCUN


FAILURES: dict[str, Any] = {
    "refused": refusal("missing 'to' address", -32602),
    "limited": refusal("rate limit exceeded", -32005),
    "silent": ConnectionError("gone"),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("chain_id", [4242, 1088])  # not in the table; in it, and its fork is not known
def test_a_node_that_fails_to_answer_is_no_chain_that_cannot(
    failure: str, chain_id: int, cancun_url: str
) -> None:
    provider, w3 = through(cancun_url, lambda method: FAILURES[failure], chain_id)
    with pytest.raises(rs.ProviderError) as failed:
        require_opcodes(Node(w3))
    assert failed.value.method == "eth_call"
    assert "try again, or another node" in str(failed.value)
    assert len(questions(provider)) == 2


def test_a_checked_chain_of_the_table_is_believed_where_nobody_answers(cancun_url: str) -> None:
    assert "cancun" not in rs.Chain.of(137).unverified
    _, w3 = through(cancun_url, lambda method: FAILURES["refused"], 137)
    require_opcodes(Node(w3))
    assert "cancun" in rs.Chain.of(59144).unverified  # from memory only, which is not enough
    _, w3 = through(cancun_url, lambda method: FAILURES["refused"], 59144)
    with pytest.raises(rs.ProviderError):
        require_opcodes(Node(w3))


def test_the_error_keeps_its_context_across_processes() -> None:
    error = rs.UnsupportedChain(CANCUN, chain_id=4242)
    again = pickle.loads(pickle.dumps(error))
    assert (again.missing, again.chain_id, again.chain) == (CANCUN, 4242, None)
