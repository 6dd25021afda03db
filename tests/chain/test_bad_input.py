"""What callers give and cannot be accepted: always one of our own errors, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import AmendableSplit, DemoToken, PayoutBook, Permit, Proposal, SaleEscrow, load_keystore

MISTYPED = "0x5B1869D9A4C187F2EAa108f3062412ecf0526b24"  # one letter has the wrong case
GARBLED: tuple[Any, ...] = (MISTYPED, "0x1234", "ann.eth", "", 5, 1.5, b"\x01" * 20, ["x"])


class Office:
    """One of each contract on the embedded chain."""

    def __init__(self, chain: Chain) -> None:
        self.chain, self.me = chain, chain.payer
        self.split = chain.split(coin=True)
        self.escrow = SaleEscrow.deploy(chain.w3, account=chain.payer)
        self.book = PayoutBook.deploy(chain.w3, account=chain.payer)
        self.token = DemoToken.deploy(chain.w3, "DEMO", 6, account=chain.payer)
        self.ann = Account.from_key(b"\x01" * 32)
        self.bob = Account.from_key(b"\x02" * 32)
        amendable = rs.RevenueSplit.deploy(chain.w3, self.agreement(70), account=chain.payer)
        assert isinstance(amendable, AmendableSplit)
        self.amendable = amendable
        self.proposal = amendable.propose(self.agreement(60))
        self.tree = self.book.tree({self.ann.address: 5})
        self.soon = chain.w3.eth.get_block("latest")["timestamp"] + 1_000

    def agreement(self, share: int) -> rs.Agreement:
        return rs.Agreement.model_validate(
            {
                "name": "A song",
                "token": {"symbol": "ETH", "decimals": 18},
                "payees": {"ann": self.ann.address, "bob": self.bob.address},
                "tiers": [{"shares": {"ann": share, "bob": 100 - share}}],
                "governance": {"quorum": "100%"},
            }
        )

    def open(self, **other: Any) -> rs.Call:
        given: dict[str, Any] = {
            "split": self.split,
            "amount": 1,
            "sale_id": "a",
            "seller": self.ann.address,
            "deadline": self.soon,
        }
        return self.escrow.open(**given | other)


@pytest.fixture(scope="module")
def office(tester: Chain) -> Office:
    return Office(tester)


ADDRESSES: dict[str, Callable[[Office, Any], object]] = {
    "split": lambda o, a: rs.RevenueSplit.at(o.chain.w3, a),
    "escrow": lambda o, a: SaleEscrow.at(o.chain.w3, a),
    "factory": lambda o, a: rs.RevenueSplit.predict_address(o.chain.w3, o.agreement(1), factory=a),
    "split's factory": lambda o, a: rs.RevenueSplit.at(o.chain.w3, o.split.address, factory=a),
    "pay": lambda o, a: o.split.pay(1, sale_id="x", token=a),
    "redirect a part": lambda o, a: o.split.redirect_credit(a, 1),
    "redirect": lambda o, a: o.split.redirect_credit(a),
    "payer": lambda o, a: o.split.is_paid("x", payer=a),
    "claim": lambda o, a: o.split.claim(a),
    "seller": lambda o, a: o.open(seller=a),
    "arbiter": lambda o, a: o.open(arbiter=a, decision_deadline=o.soon + 1),
    "escrowed for": lambda o, a: o.escrow.confirm(a, "x"),
    "owner": lambda o, a: PayoutBook.deploy(o.chain.w3, owner=a, account=o.me),
    "offer": lambda o, a: o.book.offer_ownership(a),
    "surplus": lambda o, a: o.book.withdraw_surplus(1, a),
    "claim to": lambda o, a: o.book.claim_to(o.tree, o.ann.address, a),
    "tree": lambda o, a: o.book.tree({o.ann.address: 1}, token=a),
    "successor": lambda o, a: o.amendable.propose_controller(a),
    "buyer": lambda o, a: o.escrow.get(o.split, "x", buyer=a),
    "refunded": lambda o, a: o.escrow.refund(o.split, "x", buyer=a),
    "recorded": lambda o, a: SaleEscrow.record_id_of(a, "x"),
    "book's place": lambda o, a: PayoutBook.default_address(a),
    "settled": lambda o, a: o.amendable.propose(o.agreement(60), tokens=[a]),
    "claims": lambda o, a: o.split.claim_many([a]),
    "claims in": lambda o, a: o.amendable.claim_many(["ann"], tokens=[a]),
    "credits": lambda o, a: o.split.withdraw_credits([a]),
    "a factory's": lambda o, a: rs.RevenueSplitFactory.at(o.chain.w3).is_split(a),
    "consent": lambda o, a: o.proposal.add_consent(a, "0x12"),
    "transfer": lambda o, a: o.token.transfer(a, 1),
    "settlement token": lambda o, a: rs.RevenueSplit.deploy(o.chain.w3, o.agreement(1), token=a),
}


@pytest.mark.parametrize("where", ADDRESSES)
def test_an_address_that_is_none_or_is_mistyped_is_refused(office: Office, where: str) -> None:
    for garbled in GARBLED:
        with pytest.raises(rs.InvalidInput):
            ADDRESSES[where](office, garbled)


OTHERS: dict[str, Callable[[Office], object]] = {
    "a negative transfer": lambda o: o.token.transfer(o.me.address, -1),
    "a negative surplus": lambda o: o.book.withdraw_surplus(-1, o.me.address),
    "too many sales": lambda o: o.split.remit(1, batch_id="b", root=bytes(32), count=2**300),
    "a permit out of range": lambda o: o.open(
        token=o.token.address, permit=Permit(1, 300, bytes(32), bytes(32))
    ),
    "no permit": lambda o: o.open(token=o.token.address, permit="0x12"),
    "a deadline before time began": lambda o: o.open(deadline=datetime(1900, 1, 1, tzinfo=UTC)),
    "a deadline that is text": lambda o: o.amendable.propose(o.agreement(1), deadline="1 day"),  # type: ignore[arg-type]
    "a deadline beyond time": lambda o: o.amendable.propose(o.agreement(1), deadline=2**64),
    "no agreement": lambda o: o.amendable.propose("song.toml"),  # type: ignore[arg-type]
    "no proposal": lambda o: o.amendable.amend("remix.json"),  # type: ignore[arg-type]
    "no proposals": lambda o: o.amendable.amend([]),
    "no tree": lambda o: o.book.publish("tree.json"),  # type: ignore[arg-type]
    "no tree before": lambda o: o.book.publish(o.tree, "tree.json"),  # type: ignore[arg-type]
    "no signature": lambda o: o.proposal.add_consent("ann", 5),  # type: ignore[arg-type]
    "an id that cannot be written": lambda o: o.split.pay(1, sale_id="\udc80"),
    "an id that is the same as another": lambda o: o.split.pay(1, sale_id="INV-1\0"),
    "a block before it was there": lambda o: o.split.received(block=0),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_cannot_be_accepted_is_refused_by_an_error_of_ours(office: Office, what: str) -> None:
    with pytest.raises(rs.RevShareError):
        OTHERS[what](office)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b'{"kind": "\xff"}', b"[" * 100_000, b'{"kind": 1}'])
def test_a_file_that_is_no_proposal_and_no_keystore_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mailed.json"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(rs.InvalidInput):
        Proposal.load(file)
    with pytest.raises(rs.InvalidInput):
        load_keystore(file, "password")


@pytest.mark.parametrize("name", ["chain_id", "amendments_so_far", "deadline"])
def test_a_number_in_a_proposal_that_nothing_can_hold_is_refused(office: Office, name: str) -> None:
    data = json.loads(office.proposal.to_json()) | {name: 2**256}
    with pytest.raises(rs.InvalidInput):
        Proposal.from_json(json.dumps(data))


def test_a_span_may_end_a_consent(office: Office) -> None:
    assert office.amendable.propose(office.agreement(1), deadline=timedelta(days=1)).deadline
