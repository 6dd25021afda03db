"""Paying a sale with an allowance given by signature (ERC-2612)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_hash.auto import keccak

from revshare.chain import Permit, RevenueSplit, SalePaid
from revshare.errors import InvalidInput
from tests.contract.world import COIN, ZERO, Refusal, Split, World, shares

SALE = b"INV-9".ljust(32, b"\0")
LATE = 2**63


@pytest.fixture
def split(world: World) -> Split:
    return world.split([world.fresh()], shares(1))


def permit(world: World, token: Any, payer: Any, spender: str, amount: int) -> tuple[int, bytes, bytes]:
    """Sign a permit; return v, r, s."""
    kind = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
    nonce = token.functions.nonces(payer.address).call()
    owner, to = (bytes(12) + bytes.fromhex(a[2:]) for a in (payer.address, spender))
    rest = b"".join(n.to_bytes(32, "big") for n in (amount, nonce, LATE))
    digest = keccak(
        b"\x19\x01" + token.functions.DOMAIN_SEPARATOR().call() + keccak(kind + owner + to + rest)
    )
    signed = Account.unsafe_sign_hash(digest, payer.key)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def submit(world: World, payer: Any, function: Any) -> Any:
    """Send a transaction of an account whose key is known; return its receipt."""
    signed = payer.sign_transaction(
        {
            "chainId": world.w3.eth.chain_id,
            "nonce": world.w3.eth.get_transaction_count(payer.address),
            "gas": 500_000,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 1,
            "to": function.address,
            "value": 0,
            "data": function._encode_transaction_data(),
        }
    )
    return world.w3.eth.get_transaction_receipt(world.w3.eth.send_raw_transaction(signed.raw_transaction))


def test_a_sale_is_paid_with_a_permit_once(world: World, split: Split) -> None:
    token, payer = world.token(), world.account()
    world.send(token.functions.mint(payer.address, 1_000))
    signature = permit(world, token, payer, split.address, 600)
    function = split.functions.payWithPermit(SALE, token.address, 600, LATE, *signature)
    # It is the caller's own allowance that is used: nobody else can hand the permit in as a sale.
    assert world.refusal(function) == Refusal(
        "PaymentRefused", (token.address.lower(), world.owner.lower(), 600)
    )
    receipt = submit(world, payer, function)
    assert world.logs(split.contract, receipt) == [
        ("SalePaid", {"payer": payer.address, "saleId": SALE, "token": token.address, "amount": 600})
    ]
    assert split.functions.isSalePaid(payer.address, SALE).call()
    assert world.refusal(function, sender=payer.address) == Refusal(
        "AlreadyPaid", (payer.address.lower(), SALE)
    )
    assert split.statement(token.address)[0] == 600
    split.check(token.address)


def test_the_library_pays_with_a_permit(world: World, split: Split) -> None:
    """No approval is asked for, or sent: the permit is one."""
    token, payer = world.token(), world.account()
    world.send(token.functions.mint(payer.address, 1_000))
    ours = RevenueSplit.at(world.w3, split.address, factory=world.factory.address, account=payer)
    permitted = Permit(LATE, *permit(world, token, payer, split.address, 600))
    receipt = ours.pay(600, sale_id=SALE, token=token.address, permit=permitted).send()
    assert receipt.event(SalePaid).amount == 600
    assert receipt.approvals == ()
    assert ours.is_paid(SALE)
    with pytest.raises(InvalidInput, match="the coin knows no permits"):
        ours.pay(600, sale_id=b"2", token=COIN, permit=permitted)
    with pytest.raises(InvalidInput, match="a permit's r must be 32 bytes"):
        ours.pay(600, sale_id=b"2", token=token.address, permit=replace(permitted, r=b"1"))


def test_a_permit_somebody_has_already_handed_in_is_as_good(world: World, split: Split) -> None:
    token, payer = world.token(), world.account()
    world.send(token.functions.mint(payer.address, 1_000))
    signature = permit(world, token, payer, split.address, 600)
    world.send(token.functions.permit(payer.address, split.address, 600, LATE, *signature))
    receipt = submit(world, payer, split.functions.payWithPermit(SALE, token.address, 600, LATE, *signature))
    assert receipt["status"] == 1
    assert split.statement(token.address)[0] == 600


def test_a_bad_permit_moves_nothing(world: World, split: Split) -> None:
    token, payer = world.token(), world.account()
    world.send(token.functions.mint(payer.address, 1_000))
    v, r, s = permit(world, token, payer, split.address, 600)
    for arguments in ((601, LATE, v, r, s), (600, LATE - 1, v, r, s), (600, LATE, v ^ 7, r, s)):
        function = split.functions.payWithPermit(SALE, token.address, *arguments)
        assert world.refusal(function, sender=payer.address).name == "PaymentRefused"
    function = split.functions.payWithPermit(SALE, token.address, 0, LATE, v, r, s)
    assert world.refusal(function, sender=payer.address).name == "NothingPaid"


@pytest.mark.parametrize("where", ["the coin", "no code"])
def test_a_permit_of_no_token_is_refused_by_name(world: World, split: Split, where: str) -> None:
    asset = COIN if where == "the coin" else world.fresh()
    function = split.functions.payWithPermit(SALE, asset, 1, LATE, 27, ZERO, ZERO)
    assert world.refusal(function).name in ("NotAToken", "ValueMismatch")


def test_the_implementation_takes_no_permitted_tokens(world: World) -> None:
    """Whoever pays the code behind the splits instead of a split would pay whoever comes first."""
    token = world.token()
    implementation = world.at("IRevenueSplit", world.factory.functions.implementation().call())
    world.send(token.functions.mint(world.owner, 1_000))
    world.send(token.functions.approve(implementation.address, 1_000))
    function = implementation.functions.payWithPermit(SALE, token.address, 1_000, LATE, 27, ZERO, ZERO)
    assert world.refusal(function) == Refusal("NotASplit")
