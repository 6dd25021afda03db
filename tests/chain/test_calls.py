"""Calls: pure until asked, previewed, estimated, signed to be kept, sent; whatever the node says then."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import requests
from eth_account import Account
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from tests.chain.conftest import ECHO_REVERT, SILENT, Chain
from tests.nodes import Through, refusal
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

import revshare as rs
from revshare.chain import GAS_CAP, Call, Pending, Signed, Signer, broadcast
from revshare.chain.artifacts import Artifact
from revshare.chain.node import Node

UNIT = 10**6


def nonce_of(chain: Chain, account: Any = None) -> int:
    return chain.w3.eth.get_transaction_count((account or chain.payer).address)


# ---------------------------------------------------------------- before it is sent


def test_a_call_is_a_value_and_asks_nobody(tester: Chain) -> None:
    split = tester.split(coin=True)
    provider = Through(tester.w3.provider, lambda method, params, ask: ask())
    split = rs.RevenueSplit.at(Web3(provider), split.address, agreement=split.terms)
    provider.asked.clear()
    call = split.pay(5, sale_id="A")
    transaction = call.transaction(tester.payer.address)
    assert provider.asked == []
    assert transaction == {
        "chainId": tester.w3.eth.chain_id,
        "from": tester.payer.address,
        "to": split.address,
        "value": 5,
        "data": "0x" + call.calldata.hex(),
    }
    assert (call.to, call.value, call.function) == (split.address, 5, "pay")
    assert "from" not in call.transaction()
    with pytest.raises(FrozenInstanceError):
        call.value = 6  # type: ignore[misc]
    assert repr(call) == f"Call(contract='RevenueSplit', function='pay', to='{split.address}', value=5)"


def test_a_preview_changes_nothing(chain: Chain) -> None:
    split = chain.split()
    chain.token().transfer(split.address, 1000 * UNIT).send()
    nonce = nonce_of(chain)
    preview = split.distribute().preview()
    assert preview.returns == {"sent": 1000 * UNIT, "credited": 0}
    assert preview.block_number == chain.w3.eth.block_number
    assert split.distribute().estimate_gas() > 50_000
    assert nonce_of(chain) == nonce
    assert split.paid() == dict.fromkeys(split.payees, 0)


def test_an_estimate_above_what_a_transaction_may_have_is_an_error(tester: Chain) -> None:
    def greedy(method: str, params: Any, ask: Any) -> Any:
        return ask() | {"result": GAS_CAP + 1} if method == "eth_estimateGas" else ask()

    split = tester.split(coin=True)
    split = rs.RevenueSplit.at(
        Web3(Through(tester.w3.provider, greedy)), split.address, agreement=split.terms, account=tester.payer
    )
    for attempt in (split.distribute().estimate_gas, split.distribute().send, split.distribute().sign):
        with pytest.raises(
            rs.ChainError, match="needs 16,777,217 gas, and a transaction may have 16,777,216"
        ):
            attempt()


def test_the_gas_limit_leaves_room_and_never_exceeds_the_cap(tester: Chain) -> None:
    split = tester.split(coin=True)
    signed = split.pay(5, sale_id="A").sign()
    assert split.pay(5, sale_id="A").estimate_gas() * 6 // 5 == signed.transaction["gas"]

    def nearly(method: str, params: Any, ask: Any) -> Any:
        return ask() | {"result": GAS_CAP - 1} if method == "eth_estimateGas" else ask()

    w3 = Web3(Through(tester.w3.provider, nearly))
    near = rs.RevenueSplit.at(w3, split.address, agreement=split.terms, account=tester.payer)
    assert near.distribute().sign().transaction["gas"] == GAS_CAP


# ---------------------------------------------------------------- approvals


def test_exactly_what_is_paid_is_approved_first(chain: Chain) -> None:
    split, token = chain.split(), chain.token()
    call = split.pay("12.50", sale_id="A")
    assert call.preview().approval_needed == 12_500_000
    assert call.preview().returns == {}
    receipt = call.send()
    assert len(receipt.approvals) == 1
    assert receipt.approvals[0].block_number < receipt.block_number
    assert split.received() == 12_500_000
    assert call.approvals() != ()  # nothing of the allowance is left

    token.approve(split.address, "1000").send()
    enough = split.pay("12.50", sale_id="B")
    assert enough.approvals() == ()
    assert enough.preview().approval_needed == 0
    assert enough.send().approvals == ()


def test_without_leave_to_approve_the_shortage_is_said(chain: Chain) -> None:
    split = chain.split()
    call = split.remit("10", batch_id="A", root=bytes(32), count=1)
    for attempt in (call.estimate_gas, lambda: call.send(approve=False), call.sign):
        with pytest.raises(rs.InsufficientAllowance) as caught:
            attempt()
        assert (caught.value.needed, caught.value.available) == (10 * UNIT, 0)
        assert caught.value.account == chain.payer.address


def test_too_little_of_the_token_is_said_before_anything_is_approved(chain: Chain) -> None:
    poor = chain.accounts[4]
    split = chain.split().by(poor)
    nonce = nonce_of(chain, poor)
    call = split.pay("10", sale_id="A")
    for attempt in (call.preview, call.estimate_gas, call.send):
        with pytest.raises(rs.InsufficientFunds) as caught:
            attempt()
        assert (caught.value.needed, caught.value.available) == (10 * UNIT, 0)
    assert nonce_of(chain, poor) == nonce


def test_a_payment_that_would_be_refused_is_not_approved(chain: Chain) -> None:
    split = chain.split()
    split.pay("1", sale_id="A").send()
    nonce = nonce_of(chain)
    with pytest.raises(rs.ContractError) as caught:
        split.pay("1", sale_id="A").send()
    assert caught.value.name == "AlreadyPaid"
    assert nonce_of(chain) == nonce


def test_a_token_that_must_be_reset_first_is(chain: Chain, mocks: dict[str, Artifact]) -> None:
    address = chain.place(mocks["TetherLike"].bytecode)
    tether = rs.chain.DemoToken(chain.w3, address, account=chain.payer)
    tether.mint(chain.payer.address, "1000").send()
    agreement = chain.agreement().model_copy(update={"token": tether.token})
    split = rs.RevenueSplit.deploy(chain.w3, agreement, account=chain.payer)
    tether.approve(split.address, "1").send()
    call = split.pay("500", sale_id="A")
    assert len(call.approvals()) == 2
    receipt = call.send(nonce=nonce_of(chain))  # the first of the three
    assert len(receipt.approvals) == 2
    assert split.received() == 500 * UNIT
    split.distribute().send()
    assert split.paid() == split.schedule.entitlements(500 * UNIT)


# ---------------------------------------------------------------- who sends


class Custom:
    """Somebody's own signer, which gives bytes: all that is asked of one."""

    def __init__(self, chain: Chain) -> None:
        self._inner = chain.accounts[3]
        self.address = self._inner.address.lower()

    def sign_transaction(self, transaction_dict: Any) -> bytes:
        return bytes(self._inner.sign_transaction(transaction_dict).raw_transaction)


def test_signers_node_accounts_and_defaults_all_send(chain: Chain) -> None:
    split = chain.split(coin=True)
    custom = Custom(chain)
    assert isinstance(custom, Signer)
    assert isinstance(chain.payer, Signer)
    expected: dict[str, tuple[Any, str]] = {
        "signer": (chain.accounts[2], chain.accounts[2].address),
        "custom": (custom, chain.accounts[3].address),
        "node": (chain.accounts[1].address, chain.accounts[1].address),
        "first": (None, chain.w3.eth.accounts[0]),
    }
    for name, (account, address) in expected.items():
        receipt = split.by(account).pay(1, sale_id=name).send()
        assert receipt.event(rs.chain.SalePaid).payer == address
        assert split.is_paid(name, payer=address)


def test_web3s_default_account_goes_before_the_nodes_first(chain: Chain) -> None:
    w3 = Web3(chain.w3.provider)
    w3.eth.default_account = chain.accounts[4].address
    made = chain.split(coin=True)
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms)
    receipt = split.pay(1, sale_id="A").send()
    assert receipt.event(rs.chain.SalePaid).payer == chain.accounts[4].address
    assert split.is_paid("A")


def test_a_signing_middleware_of_the_users_web3_is_used(chain: Chain) -> None:
    stranger = Account.create()
    chain.w3.eth.wait_for_transaction_receipt(
        chain.w3.eth.send_transaction(
            {"from": chain.payer.address, "to": stranger.address, "value": Web3.to_wei(1, "ether")}
        )
    )
    w3 = Web3(chain.w3.provider)
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(stranger), layer=0)
    w3.eth.default_account = stranger.address
    made = chain.split(coin=True)
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms)
    assert split.pay(1, sale_id="A").send().event(rs.chain.SalePaid).payer == stranger.address


def test_what_cannot_sign_is_refused_without_showing_it(tester: Chain) -> None:
    split = tester.split(coin=True)
    key = "0x" + bytes(tester.accounts[2].key).hex()
    for bad in (key, key[2:]):
        with pytest.raises(rs.InvalidInput, match="looks like a private key") as caught:
            split.by(bad).pay(1, sale_id="A").send()
        assert key[2:10] not in str(caught.value)
    others: list[Any] = ["me", 5, b"\1" * 32]
    for other in others:
        with pytest.raises(rs.InvalidInput, match="account"):
            split.by(other).pay(1, sale_id="A").send()
    with pytest.raises(rs.ChainError, match="give a signer"):
        split.by(tester.payer.address).pay(1, sale_id="A").sign()


def test_with_no_account_at_all_anybody_may_look(tester: Chain) -> None:
    made = tester.split(coin=True)
    tester.split(coin=True)
    made.pay(10**18, sale_id="A").send()

    def no_accounts(method: str, params: Any, ask: Any) -> Any:
        return refusal("method not found", -32601) if method == "eth_accounts" else ask()

    w3 = Web3(Through(tester.w3.provider, no_accounts))
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms)
    assert split.distribute().preview().returns["sent"] == 10**18
    with pytest.raises(rs.InvalidInput, match="pass account="):
        split.distribute().send()


def test_an_empty_account_is_said_to_be_empty(chain: Chain) -> None:
    poor = Account.create()
    split = chain.split(coin=True).by(poor)
    for attempt in (split.pay(10**18, sale_id="A").estimate_gas, split.pay(10**18, sale_id="A").send):
        with pytest.raises(rs.InsufficientFunds) as caught:
            attempt()
        assert (caught.value.account, caught.value.available) == (poor.address, 0)
    chain.split(coin=True)  # and others are not disturbed
    with pytest.raises(rs.InsufficientFunds):
        split.distribute().send(gas=100_000)


# ---------------------------------------------------------------- signing first, sending later


def test_what_was_signed_can_be_kept_and_sent_any_number_of_times(chain: Chain) -> None:
    split = chain.split(coin=True)
    signed = split.pay(7, sale_id="A").sign(chain.payer, max_fee_per_gas=10**11)
    assert isinstance(signed, Signed)
    assert signed.tx_hash == "0x" + keccak(signed.raw).hex()
    assert signed.nonce == nonce_of(chain)
    assert signed.transaction["maxFeePerGas"] == 10**11
    assert split.received() == 0  # nothing was sent

    first = signed.send()
    again = broadcast(chain.w3, signed.raw).wait()  # as after a crash, from the stored bytes
    assert again == first
    assert signed.broadcast().wait() == first
    assert split.received() == 7


def test_not_waiting_gives_something_to_wait_for(chain: Chain) -> None:
    split = chain.split(coin=True)
    pending = split.pay(7, sale_id="A").send(wait=False)
    assert isinstance(pending, Pending)
    receipt = pending.wait(timeout=10)
    assert receipt.tx_hash == pending.tx_hash
    assert pending.poll() == receipt
    with pytest.raises(LookupError, match="no Distributed event"):
        receipt.event(rs.chain.Distributed)
    assert receipt.event(rs.chain.SalePaid, split.address) == receipt.event(rs.chain.SalePaid)
    with pytest.raises(LookupError):
        receipt.event(rs.chain.SalePaid, chain.payer.address)  # whoever else may log the like
    with pytest.raises(rs.TransactionFailed, match="was not mined within 0.1 seconds") as caught:
        replace(pending, tx_hash="0x" + "ab" * 32).wait(timeout=0.1)
    assert caught.value.tx_hash == "0x" + "ab" * 32


def test_fees_and_gas_can_be_given(chain: Chain) -> None:
    split = chain.split(coin=True)
    price = chain.w3.eth.gas_price * 2
    signed = split.pay(7, sale_id="A").sign(gas=200_000, gas_price=price, nonce=nonce_of(chain))
    assert {"gas": 200_000, "gasPrice": price}.items() <= signed.transaction.items()
    assert "maxFeePerGas" not in signed.transaction
    assert signed.send().cost > 0
    with pytest.raises(TypeError, match="unknown: gasLimit"):
        split.pay(7, sale_id="B").send(gasLimit=5)


def test_another_chain_is_noticed_before_anything_is_signed(tester: Chain) -> None:
    answer = tester.w3.eth.chain_id

    def meddle(method: str, params: Any, ask: Any) -> Any:
        return ask() | {"result": hex(answer)} if method == "eth_chainId" else ask()

    provider = Through(tester.w3.provider, meddle)
    made = tester.split(coin=True)
    split = rs.RevenueSplit.at(Web3(provider), made.address, agreement=made.terms, account=tester.payer)
    call = split.pay(7, sale_id="A")
    answer = 5
    provider.asked.clear()
    for attempt in (call.sign, call.send, call.by(tester.payer.address).send):
        with pytest.raises(rs.WrongChain) as caught:
            attempt()
        assert (caught.value.expected, caught.value.actual) == (tester.w3.eth.chain_id, 5)
    assert not any("send" in method for method, _ in provider.asked)


# ---------------------------------------------------------------- nodes that do not tell the truth


LIES: dict[str, Any] = {
    "known": refusal("already known"),
    "imported": refusal("transaction already imported"),
    "nonce": refusal("nonce too low"),
    "words of another language": refusal("交易已存在", -32010),
    "time-out": requests.ReadTimeout("read timed out at https://node.example/v3/SECRET"),
    "lost connection": requests.ConnectionError("gone: https://node.example/v3/SECRET"),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_error_after_a_broadcast_that_worked_is_no_error(chain: Chain, lie: str) -> None:
    def meddle(method: str, params: Any, ask: Any) -> Any:
        answer = ask()
        return tell(LIES[lie]) if method == "eth_sendRawTransaction" else answer

    made = chain.split(coin=True)
    w3 = Web3(Through(chain.w3.provider, meddle))
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms, account=chain.payer)
    assert split.pay(7, sale_id="A").send().event(rs.chain.SalePaid).amount == 7
    assert split.received() == 7


@pytest.mark.parametrize("lie", LIES)
def test_the_same_error_after_a_broadcast_that_did_not_work_is_one(chain: Chain, lie: str) -> None:
    def meddle(method: str, params: Any, ask: Any) -> Any:
        return tell(LIES[lie]) if method == "eth_sendRawTransaction" else ask()

    made = chain.split(coin=True)
    w3 = Web3(Through(chain.w3.provider, meddle))
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms, account=chain.payer)
    with pytest.raises(rs.ProviderError, match="eth_sendRawTransaction") as caught:
        split.pay(7, sale_id="A").send()
    assert caught.value.method == "eth_sendRawTransaction"
    assert "SECRET" not in str(caught.value)
    assert split.received() == 0


def test_when_nothing_can_be_learnt_the_error_says_which_transaction_to_look_for(chain: Chain) -> None:
    gone = False

    def meddle(method: str, params: Any, ask: Any) -> Any:
        nonlocal gone
        gone = gone or method == "eth_sendRawTransaction"
        return tell(LIES["lost connection"]) if gone else ask()

    made = chain.split(coin=True)
    w3 = Web3(Through(chain.w3.provider, meddle))
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms, account=chain.payer)
    signed = split.pay(7, sale_id="A").sign()
    with pytest.raises(rs.ProviderError, match=f"whether transaction {signed.tx_hash} was sent is not known"):
        signed.broadcast()


def tell(lie: Any) -> Any:
    if isinstance(lie, Exception):
        raise lie
    return lie


# ---------------------------------------------------------------- tokens


def test_a_contract_that_is_no_token_is_said_to_be_none(chain: Chain) -> None:
    split = chain.split()
    for code in (SILENT, ECHO_REVERT):
        address = chain.place(code)
        with pytest.raises(rs.InvalidInput, match="is not a token"):
            split.pay("1", sale_id="A", token=address)
        with pytest.raises((rs.InvalidInput, rs.ContractError)):
            split.pay(1, sale_id="A", token=address).send()


def test_plain_calls_have_no_approvals(chain: Chain) -> None:
    node = Node(chain.w3)
    call = Call(
        node, node.chain_id(), "Nobody", "", to_checksum_address("0x" + "ab" * 20), b"", account=chain.payer
    )
    assert call.approvals() == ()
    assert call.preview().returns == {}
    assert call.send().events == ()
