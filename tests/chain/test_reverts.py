"""A refusal has one name, whatever the node and whatever web3 made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from tests.chain.conftest import ECHO_REVERT, Chain
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, Web3RPCError

import revshare as rs
from revshare.chain import Call, Terms, artifacts
from revshare.chain.abi import interface
from revshare.chain.node import Node
from revshare.chain.reverts import decode_revert, error_name, revert_data


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


ALREADY_PAID = selector("AlreadyPaid(address,bytes32)") + bytes(12) + b"\x11" * 20 + b"INV-1".ljust(32, b"\0")
REASON = selector("Error(string)") + encode(["string"], ["too late"])
PANIC = selector("Panic(uint256)") + encode(["uint256"], [0x11])

CASES = {
    "a contract's own error": (
        ALREADY_PAID,
        "AlreadyPaid",
        {"payer": "0x" + "11" * 20, "id": b"INV-1".ljust(32, b"\0")},
    ),
    "a library's error": (
        selector("TierTotal(uint256,uint256,uint256)") + encode(["uint256"] * 3, [1, 2, 3]),
        "TierTotal",
        {"tier": 1, "stated": 2, "actual": 3},
    ),
    "a reason": (REASON, "Error", {"message": "too late"}),
    "a reason that is empty": (
        selector("Error(string)") + encode(["string"], [""]),
        "Error",
        {"message": ""},
    ),
    "a panic": (PANIC, "Panic", {"code": 0x11}),
    "nothing": (b"", "Revert", {}),
    "an unknown error": (b"\xde\xad\xbe\xef" + bytes(32), "0xdeadbeef", {"data": "0x" + "00" * 32}),
    "a known error cut short": (
        ALREADY_PAID[:20],
        f"0x{ALREADY_PAID[:4].hex()}",
        {"data": f"0x{ALREADY_PAID[4:20].hex()}"},
    ),
    "less than a selector": (b"\x12\x34", "0x1234", {"data": "0x"}),
    "quotes and backslashes": (b"\xde\xad'\"\\\n\x00", "0xdead2722", {"data": "0x5c0a00"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_revert_is_named_the_same_on_every_node_and_by_every_way(chain: Chain, case: str) -> None:
    data, name, arguments = CASES[case]
    node = Node(chain.w3)
    call = Call(node, node.chain_id(), "Echo", "echo", chain.place(ECHO_REVERT), data, account=chain.payer)
    for attempt in (call.preview, call.estimate_gas, call.send, call.sign, call.by(chain.payer.address).send):
        with pytest.raises(rs.ContractError) as caught:
            attempt()
        assert (caught.value.name, caught.value.args_by_name) == (name, arguments), attempt
        assert caught.value.data == data
        assert caught.value.contract == f"Echo {call.to}"


@pytest.mark.parametrize("case", CASES)
def test_a_mined_failure_carries_its_reason(chain: Chain, case: str) -> None:
    data, name, _ = CASES[case]
    node = Node(chain.w3)
    call = Call(node, node.chain_id(), "Echo", "echo", chain.place(ECHO_REVERT), data, account=chain.payer)
    with pytest.raises(rs.TransactionFailed, match="was mined in block .* and failed") as caught:
        call.send(gas=100_000)
    cause = caught.value.__cause__
    assert isinstance(cause, rs.ContractError)
    assert cause.name == name
    assert node.mined(str(caught.value.tx_hash)) == caught.value.receipt


def test_running_out_of_gas_is_said_to_be_that(chain: Chain) -> None:
    split = chain.split()
    chain.token().transfer(split.address, 1000).send()
    with pytest.raises(rs.TransactionFailed, match="it ran out of its 40,000 gas"):
        split.distribute().send(gas=40_000)


def test_the_factory_names_what_is_wrong_with_terms(chain: Chain) -> None:
    factory = rs.RevenueSplitFactory.deploy(chain.w3, chain.payer)
    terms = Terms(chain.agreement(coin=True).schedule())
    call = factory.create(terms)
    broken = bytearray(terms.encoded)
    broken[38 + 5] ^= 1  # the first tier's total
    bad = replace(call, calldata=interface("RevenueSplitFactory").encode("create", bytes(broken), 0))
    for attempt in (bad.preview, bad.estimate_gas, bad.send):
        with pytest.raises(rs.ContractError) as caught:
            attempt()
        assert caught.value.name == "TierTotal"
        assert caught.value.args_by_name == {"tier": 0, "stated": 0, "actual": 1}


# ---------------------------------------------------------------- shapes of other nodes


def rpc(error: dict[str, Any]) -> Web3RPCError:
    response: Any = {"jsonrpc": "2.0", "id": 1, "error": error}
    return Web3RPCError(str(error), rpc_response=response)


HEX = "0x" + ALREADY_PAID.hex()
NESTED: Any = {"0xabc": {"error": "revert", "return": HEX}}


@pytest.mark.parametrize(
    "error",
    [
        ContractCustomError(HEX, data=HEX),
        ContractLogicError("execution reverted", data=HEX),
        ContractLogicError("execution reverted", data=NESTED),
        ContractLogicError("execution reverted", data={"data": HEX, "message": "reverted"}),
        rpc({"code": 3, "message": "execution reverted", "data": HEX}),
        rpc({"code": -32015, "message": "VM execution error.", "data": f"Reverted {HEX}"}),
        rpc({"code": -32603, "message": "Error: VM Exception", "data": {"originalError": {"data": HEX}}}),
        rpc({"code": -32000, "message": "VM Exception while processing transaction", "data": HEX}),
    ],
    ids=lambda error: repr(error)[:60],
)
def test_the_data_is_found_wherever_a_node_hides_it(error: Exception) -> None:
    assert revert_data(error) == ALREADY_PAID


@pytest.mark.parametrize(
    "error",
    [
        ContractLogicError("execution reverted: too late", data=None),
        rpc({"code": 3, "message": "execution reverted: too late"}),
        ContractPanicError("x", data="0x" + PANIC.hex()),
    ],
)
def test_a_reason_without_data_is_given_the_data_it_has(error: Exception) -> None:
    assert revert_data(error) in (REASON, PANIC)


@pytest.mark.parametrize(
    "error",
    [
        rpc({"code": -32000, "message": "insufficient funds for gas * price + value"}),
        rpc({"code": -32005, "message": "query returned more than 10000 results"}),
        rpc({"code": -32000, "message": "nonce too low", "data": None}),
        ContractLogicError("insufficient funds for transfer", data=None),  # as web3 has it, for "data": null
        ConnectionError("no route"),
        ValueError("0x12345678"),
    ],
    ids=repr,
)
def test_what_is_no_revert_is_not_taken_for_one(error: Exception) -> None:
    assert revert_data(error) is None


def test_every_error_of_the_contracts_has_a_selector_of_its_own() -> None:
    seen: dict[bytes, str] = {}
    for name in artifacts.names():
        for entry in artifacts.load(name).abi:
            if entry["type"] == "error":
                signature = f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})"
                assert seen.setdefault(selector(signature), signature) == signature
                blank = encode(
                    [i["type"] for i in entry["inputs"]], [_zero(i["type"]) for i in entry["inputs"]]
                )
                assert decode_revert(selector(signature) + blank).name == entry["name"]
    assert len(seen) > 15


def _zero(kind: str) -> Any:
    return {"address": "0x" + "00" * 20, "bytes32": bytes(32), "bytes": b""}.get(kind, 0)


def test_a_selector_alone_is_named_as_well() -> None:
    """As `PaymentSkipped` logs it."""
    assert error_name(selector("NothingDue(address,address)")) == "NothingDue"
    assert error_name(selector("Error(string)")) == "Error"
    assert error_name(selector("Panic(uint256)")) == "Panic"
    assert error_name(bytes(4)) == "Revert"
    assert error_name(b"\xde\xad\xbe\xef") == "0xdeadbeef"
