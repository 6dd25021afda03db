"""Settlements of splits that are amended, of tokens that keep a fee, and by keys that stay in a KMS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from tests.settlement.world import APRIL, MARCH, MAY, UNIT, World, amounts, drive, record

import revshare as rs
from revshare.chain import DemoToken
from revshare.chain.compile import compile_directory
from revshare.chain.kms import KmsSigner
from revshare.errors import SignerError
from revshare.ledger._journal import Journal
from revshare.settlement import Settler, reconcile, settle

PEOPLE = {name: Account.from_key(bytes([90 + place]) * 32) for place, name in enumerate(("ann", "bob", "cy"))}

# ------------------------------------------------------------------------------------------ amended


def terms(name: str, payees: dict[str, int], token: str) -> rs.Agreement:
    return rs.Agreement.model_validate(
        {
            "name": name,
            "token": {"symbol": token, "decimals": 6},
            "payees": {payee: PEOPLE[payee].address for payee in payees},
            "tiers": [{"until": "15", "shares": dict.fromkeys(payees, 1)}, {"shares": payees}],
            "governance": {"quorum": "100%"},
        }
    )


def venture(world: World, name: str) -> rs.AmendableSplit:
    # Payees of this test alone: what they hold is what this split paid them.
    for place, payee in enumerate(PEOPLE):
        PEOPLE[payee] = Account.from_key((f"{name} {place}".encode() * 8)[:32])
    deal = terms(name, {"ann": 3, "bob": 4}, world.token.token.symbol)
    split = rs.RevenueSplit.deploy(world.chain.w3, deal, token=world.token.address, account=world.me)
    assert isinstance(split, rs.AmendableSplit)
    for month in (MARCH, APRIL, MAY):
        world.sell(split, month, amounts(4, len(month)))
    return split


def amend(world: World, split: rs.AmendableSplit) -> rs.AmendableSplit:
    """Bob leaves, and Cy comes."""
    new = terms(str(split.agreement and split.agreement.name), {"ann": 5, "cy": 6}, world.token.token.symbol)
    proposal = split.propose(new)
    for name in ("ann", "bob"):
        proposal = proposal.sign(PEOPLE[name])
    split.amend(proposal).send()
    changed = split.refresh(new)
    assert isinstance(changed, rs.AmendableSplit)
    return changed


def by_both_terms(world: World, split: rs.AmendableSplit, before: int) -> None:
    """The first terms share the money before the amendment, the second the rest: to the unit."""
    name = str(split.agreement and split.agreement.name)
    first = terms(name, {"ann": 3, "bob": 4}, "GBP6").schedule().entitlements(before)
    after = terms(name, {"ann": 5, "cy": 6}, "GBP6").schedule()
    total = sum(world.recorded[name])
    second = {
        payee: sum(
            (tier.slice_of(total) - tier.slice_of(before)) * tier.weights[place] // tier.total
            for tier in after.tiers
        )
        for place, payee in enumerate(after.payees)
    }
    held = {payee: world.token.balance_of(account.address) for payee, account in PEOPLE.items()}
    assert held == {payee: first.get(payee, 0) + second.get(payee, 0) for payee in PEOPLE}
    assert sum(held.values()) + world.token.balance_of(split.address) == total
    books = reconcile(world.ledger, split)
    assert books.differences == ()
    assert (books.settlements, books.open_lines) == (3, 0)


def test_periods_before_and_after_an_amendment_are_shared_by_their_own_terms(world: World) -> None:
    split = venture(world, "Amended between")
    march = settle(world.ledger, split, MARCH)
    split = amend(world, split)
    april, may = settle(world.ledger, split, APRIL), settle(world.ledger, split, MAY)
    assert set(march.paid) == {"ann", "bob"}
    assert april.reconciled
    assert may.reconciled
    assert april.paid.get("bob", 0) == may.paid.get("bob", 0) == 0
    by_both_terms(world, split, march.amount)


@pytest.mark.parametrize("fresh", [False, True], ids=["the same settler", "another"])
def test_an_amendment_between_remittance_and_distribution(world: World, fresh: bool) -> None:
    """It shares out by the old terms what is in the split; the settlement finds nothing left to share."""
    split = venture(world, f"Amended meanwhile {fresh}")
    settler = world.settler()
    settler.add(split, MARCH)
    drive(settler, lambda: _remitted(world))
    changed = amend(world, split)
    if fresh:
        Journal(world.ledger, worker=settler.worker).release()
        settler = world.settler()
    result = settler.settle(changed, MARCH)
    assert result.reconciled, result
    assert sum(result.paid.values()) == sum(
        terms("x", {"ann": 3, "bob": 4}, "GBP6").schedule().entitlements(result.amount).values()
    )
    for month in (APRIL, MAY):
        assert settler.settle(changed, month).reconciled
    by_both_terms(world, changed, result.amount)


def _remitted(world: World) -> bool:
    found = Journal(world.ledger).settlements()
    made = found[0].step("remit") if found else None
    return made is not None and made.in_block


# ------------------------------------------------------------------------------------------ fees


def test_a_token_that_keeps_a_fee_is_shared_as_it_arrived_and_said_not_to_agree(world: World) -> None:
    """Nothing is lost or paid that is not there; what the token keeps is a difference, not a guess."""
    fee = compile_directory(Path(__file__).parent / "mocks")["FeeToken"]
    w3 = world.chain.w3
    sent = (
        w3.eth.contract(abi=list(fee.abi), bytecode=fee.bytecode)
        .constructor()
        .transact({"from": world.me.address})
    )
    address = w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    world.token = DemoToken(w3, str(address), account=world.me)
    split = world.deal()
    for month in (MARCH, APRIL):
        world.sell(split, month, [UNIT * 50, UNIT * 7])
    arrived = 0
    for month in (MARCH, APRIL):
        result = settle(world.ledger, split, month)
        arrived += 57 * UNIT * 99 // 100
        assert result.state == "final"
        assert not result.reconciled
        assert "57 were remitted and 56.43 arrived: the token keeps a fee" in result.differences[0]
        assert split.received() == arrived
        assert split.paid() == split.schedule.entitlements(arrived)
    payouts = [one for done in Journal(world.ledger).settlements() for one in done.payouts]
    paid = {name: sum(one.paid for one in payouts if one.payee == name) for name in split.payees}
    assert paid == split.paid()
    books = reconcile(world.ledger, split)
    assert any("keeps a fee" in difference for difference in books.differences)
    assert settle(world.ledger, split, MARCH).state == "final"  # and is not tried again
    assert len(world.remittances(split)) == 2


# ------------------------------------------------------------------------------------------ KMS


class Kms:
    """A KMS whose key is in this process. asked: how often it was to sign. fails: how often it does not."""

    def __init__(self, key: bytes) -> None:
        self.key = PrivateKey(key)
        self.asked = 0
        self.fails = 0

    def get_public_key(self, **_: Any) -> Any:
        head = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a03420004")
        return {
            "PublicKey": head + self.key.public_key.to_bytes(),
            "KeySpec": "ECC_SECG_P256K1",
            "KeyUsage": "SIGN_VERIFY",
        }

    def sign(self, **arguments: Any) -> Any:
        self.asked += 1
        if self.asked <= self.fails:
            raise ConnectionError("the KMS does not answer")
        signature = self.key.sign_msg_hash(arguments["Message"])
        body = b"".join(
            bytes([2, len(number)]) + number
            for number in (value.to_bytes(value.bit_length() // 8 + 1, "big") for value in signature.vrs[1:])
        )
        return {"Signature": bytes([0x30, len(body)]) + body}


def test_a_key_that_stays_in_a_kms_settles(world: World) -> None:
    kms = Kms(bytes(world.me.key))
    signer = KmsSigner("alias/payer", client=kms)
    split = world.sold(5)
    settler = Settler(world.ledger, world.chain.w3, account=signer)
    assert settler.address == world.me.address
    result = settler.settle(split, MARCH)
    assert result.reconciled
    assert kms.asked == 3  # one signature for each step
    assert settler.settle(split, MARCH) == result
    assert kms.asked == 3
    world.check(split)


def test_a_kms_that_does_not_answer_is_an_error_and_nothing_is_stored(world: World) -> None:
    kms = Kms(bytes(world.me.key))
    kms.fails = 10**6
    split = world.sold(5)
    settler = Settler(world.ledger, world.chain.w3, account=KmsSigner("alias/payer", client=kms))
    with pytest.raises(SignerError):
        settler.settle(split, MARCH)
    assert Journal(world.ledger).settlements() == ()
    kms.fails = 0
    assert settler.settle(split, MARCH).reconciled
    assert record(world).state == "final"
    world.check(split)
