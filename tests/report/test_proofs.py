"""A proof of a sale holds against the chain alone; whatever is changed in it is refused with a clear word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.conftest import World
from web3 import Web3

import revshare as rs
from revshare.chain import Devnet
from revshare.chain.deployment import deployed
from revshare.chain.node import Node
from revshare.ledger import Ledger
from revshare.merkle import MerkleTree
from revshare.report import SaleProof, find_sale, prove, sale_proof
from revshare.report._proof import _siblings

pytestmark = pytest.mark.xdist_group("report")
SALE = "536389/2"


@pytest.fixture(scope="module")
def proof(world: World) -> SaleProof:
    with Ledger.open(world.path) as ledger:
        return sale_proof(ledger, find_sale(ledger, SALE))


def test_every_kind_of_line_is_proved_with_no_ledger_at_hand(world: World, ledger: Ledger) -> None:
    for number in (SALE, "536389/1", "C538723/1", "2011-01/3", "2011-02/2", "2011-03/4"):
        entry = find_sale(ledger, number)
        text = sale_proof(ledger, entry).to_json()
        proved = SaleProof.loads(text).verify(world.w3)
        assert proved.sale == entry.sale
        assert proved.remittance.count >= 3
        assert proved.confirmations >= 1


def test_the_file_says_all_that_there_is_to_say(proof: SaleProof, tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(proof.to_json(), encoding="utf-8")
    assert SaleProof.load(file) == proof
    fields = json.loads(proof.to_json())
    assert fields["sale"] == json.loads(proof.sale.canonical())
    assert len(fields["siblings"]) == _siblings(proof.position, proof.count)
    assert fields["sale"]["external_id"] == SALE
    assert (fields["amount"], fields["count"]) == ("1005100000", 35)


def test_a_carried_line_is_proved_where_it_was_remitted(world: World, ledger: Ledger) -> None:
    """A period that came to less than nothing remits nothing: its lines are in the next batch."""
    found = sale_proof(ledger, find_sale(ledger, "2011-02/2"))
    assert found.batch_id == sale_proof(ledger, find_sale(ledger, "2011-03/1")).batch_id
    assert found.sale.is_credit_note
    found.verify(world.w3)


def test_what_was_not_remitted_has_no_proof(world: World, ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(rs.InvalidInput, match="has no sale 'nobody'"):
        find_sale(ledger, "nobody")
    with pytest.raises(rs.InvalidInput, match="has no sale '2011-01/1' from 'shop'"):
        find_sale(ledger, "2011-01/1", "shop")
    first = find_sale(ledger, "2011-01/1").sale
    with Ledger.open(tmp_path / "other.db") as other:
        other.record_all([first, replace(first, source="elsewhere")])
        with pytest.raises(
            rs.InvalidInput, match="several sources have a sale '2011-01/1'.*elsewhere, store"
        ):
            find_sale(other, "2011-01/1")
        entry = find_sale(other, "2011-01/1", "store")
        with pytest.raises(rs.InvalidInput, match="has not been settled yet"):
            sale_proof(other, entry)
    with pytest.raises(rs.InvalidInput, match="no such sale"):
        sale_proof(ledger, replace(first, external_id="nobody"))


# ------------------------------------------------------------------------------------------ what is refused


def changed(proof: SaleProof, **fields: object) -> SaleProof:
    return SaleProof.loads(json.dumps(json.loads(proof.to_json()) | fields))


@pytest.mark.parametrize(
    ("change", "reason", "word"),
    [
        ({"position": 35}, "malformed", "no leaf 35 among 35"),
        ({"position": 34}, "malformed", "has 2 siblings, and the proof has 6"),
        ({"count": 7}, "malformed", "siblings"),
        ({"count": 36}, "count", "number of sales is 35, and the proof says 36"),
        ({"amount": "1005100001"}, "amount", "amount is 1005100000, and the proof says 1005100001"),
        ({"token": "0x" + "0" * 40}, "token", "the token is 0x"),
        ({"code_hash": "0x" + "1" * 64}, "code", "other code"),
        ({"batch_id": "0x" + "1" * 64}, "batch", "did not remit this batch"),
        ({"payer": "0x7d05f0273f28083A60Da1d3fe6ef7225b7C9E199"}, "batch", "did not remit this batch"),
        ({"tx_hash": "0x" + "1" * 64}, "transaction", "was remitted in transaction 0x"),
        (
            {"tx_hash": "0x" + "1" * 64, "batch_id": "0x" + "1" * 64},
            "transaction",
            "this chain has no transaction 0x1111",
        ),
        ({"root": "0x" + "1" * 64}, "sale", "not under the proof's root"),
    ],
)
def test_a_changed_proof_is_refused(
    world: World, proof: SaleProof, change: dict[str, object], reason: str, word: str
) -> None:
    with pytest.raises(rs.ProofRefused, match=word) as refused:
        changed(proof, **change).verify(world.w3)
    assert refused.value.reason == reason


@pytest.mark.parametrize("field", ["amount", "description", "external_id", "occurred_at", "token", "source"])
def test_a_changed_sale_is_refused(world: World, proof: SaleProof, field: str) -> None:
    fields = json.loads(proof.to_json())
    fields["sale"][field] = {"amount": "39600001", "occurred_at": "2010-12-01T10:03:00.000001Z"}.get(
        field, "other"
    )
    with pytest.raises(rs.ProofRefused, match="has been changed") as refused:
        SaleProof.loads(json.dumps(fields))
    assert refused.value.reason == "sale"
    # With the leaf changed as well, it no longer leads to the root.
    fields["leaf"] = "0x" + replaced(proof.sale, fields["sale"]).leaf().hex()
    with pytest.raises(rs.ProofRefused, match="not under the proof's root"):
        SaleProof.loads(json.dumps(fields)).verify(world.w3)


def replaced(sale: rs.Sale, fields: dict[str, Any]) -> rs.Sale:
    from datetime import datetime

    return replace(
        sale,
        **{name: fields[name] for name in ("description", "external_id", "token", "source")},
        amount=int(fields["amount"]),
        occurred_at=datetime.fromisoformat(fields["occurred_at"]),
    )


def test_a_sale_made_up_with_its_own_tree_is_refused(world: World, proof: SaleProof) -> None:
    """Leaf, siblings and root agree among themselves; the chain knows another root."""
    mine = [replace(proof.sale, amount=10**9, external_id=f"mine/{number}") for number in range(35)]
    forged = prove(
        mine,
        3,
        chain_id=proof.chain_id,
        split=proof.split,
        code_hash=proof.code_hash,
        payer=proof.payer,
        token=proof.token,
        batch_id=proof.batch_id,
        tx_hash=proof.tx_hash,
    )
    forged.check()
    with pytest.raises(rs.ProofRefused, match="the Merkle root is 0x") as refused:
        forged.verify(world.w3)
    assert refused.value.reason == "root"
    with pytest.raises(rs.ProofRefused, match="not those that were remitted"):
        prove(mine, 3, **{**place_of(proof), "root": proof.root})


def place_of(proof: SaleProof) -> dict[str, Any]:
    names = ("chain_id", "split", "code_hash", "payer", "token", "batch_id", "tx_hash")
    return {name: getattr(proof, name) for name in names}


def test_the_proof_of_another_batch_is_refused(world: World, proof: SaleProof, ledger: Ledger) -> None:
    other = sale_proof(ledger, next(iter(ledger.sales(period="2011-01", source="online_retail"))))
    assert other.batch_id != proof.batch_id
    with pytest.raises(rs.ProofRefused) as refused:
        replace(proof, batch_id=other.batch_id, tx_hash=other.tx_hash).verify(world.w3)
    assert refused.value.reason == "root"
    with pytest.raises(rs.ProofRefused) as refused:
        replace(proof, root=other.root).verify(world.w3)
    assert refused.value.reason == "sale"


def test_another_split_is_refused(world: World, proof: SaleProof) -> None:
    with pytest.raises(rs.ProofRefused, match="other code") as refused:
        replace(proof, split=world.song_split.address).verify(world.w3)
    assert refused.value.reason == "code"
    other = world.w3.keccak(world.w3.eth.get_code(world.w3.to_checksum_address(world.song_split.address)))
    with pytest.raises(rs.ProofRefused, match="was remitted|did not remit") as refused:
        replace(proof, split=world.song_split.address, code_hash=bytes(other)).verify(world.w3)
    assert refused.value.reason == "batch"
    # A contract that is no split may log what it likes.
    token = world.shop_split.terms.token
    code = bytes(world.w3.keccak(world.w3.eth.get_code(world.w3.to_checksum_address(token))))
    with pytest.raises(rs.ProofRefused, match="not a RevenueSplit.*proves nothing") as refused:
        replace(proof, split=token, code_hash=code).verify(world.w3)
    assert refused.value.reason == "code"
    # Nor does a split's code tell, which anybody can put anywhere, having it log before what it likes.
    code = bytes(world.w3.eth.get_code(world.w3.to_checksum_address(proof.split)))
    copy = deployed(
        Node(world.w3), None, "copy", bytes.fromhex(f"60{len(code):02x}80600b6000396000f3") + code, "copy"
    )
    with pytest.raises(rs.ProofRefused, match="did not make it.*proves nothing") as refused:
        replace(proof, split=copy).verify(world.w3)
    assert refused.value.reason == "code"
    with pytest.raises(rs.NotDeployed):
        replace(proof, split="0x7d05f0273f28083A60Da1d3fe6ef7225b7C9E199").verify(world.w3)


def test_another_chain_is_refused(proof: SaleProof, world: World) -> None:
    with pytest.raises(rs.WrongChain, match="is of a sale on chain 1, and the node serves chain"):
        replace(proof, chain_id=1).verify(world.w3)


def test_a_chain_without_the_remittance_is_refused(proof: SaleProof) -> None:
    """The same split at the same address on another devnet, where nothing was remitted."""
    empty: Web3 = Devnet.start().w3
    with pytest.raises(rs.NotDeployed):
        proof.verify(empty)


# ------------------------------------------------------------------------------------------ what is no proof

VALUES: list[Callable[[dict[str, Any]], str]] = [
    lambda _: "",
    lambda _: "[]",
    lambda _: "{}",
    lambda _: "null",
    lambda _: '{"a": NaN}',
    lambda _: '{"a": 1.5}',
    lambda _: '{"a": ' + "9" * 5000 + "}",
    lambda _: "[" * 100_000,
    lambda fields: json.dumps(fields)[:-20],
    lambda fields: json.dumps(fields | {"version": 2}),
    lambda fields: json.dumps(fields | {"kind": "else"}),
    lambda fields: json.dumps(fields | {"siblings": {}}),
    lambda fields: json.dumps(fields | {"siblings": ["0x12"]}),
    lambda fields: json.dumps(fields | {"root": "0x" + "g" * 64}),
    lambda fields: json.dumps(fields | {"position": -1}),
    lambda fields: json.dumps(fields | {"position": True}),
    lambda fields: json.dumps(fields | {"count": "35"}),
    lambda fields: json.dumps(fields | {"amount": 5}),
    lambda fields: json.dumps(fields | {"amount": "-5"}),
    lambda fields: json.dumps(fields | {"amount": "٣"}),
    lambda fields: json.dumps(fields | {"split": fields["split"].lower()}),
    lambda fields: json.dumps(fields | {"sale": []}),
    lambda fields: json.dumps(fields | {"sale": fields["sale"] | {"amount": 5}}),
    lambda fields: json.dumps(fields | {"sale": fields["sale"] | {"amount": "five"}}),
    lambda fields: json.dumps(fields | {"sale": fields["sale"] | {"more": "1"}}),
    lambda fields: json.dumps(fields | {"sale": fields["sale"] | {"occurred_at": "2010-12-01"}}),
    lambda fields: json.dumps(fields | {"sale": {"amount": "1"}}),
    lambda fields: json.dumps(fields)[:-1] + ', "count": 35}',
]


@pytest.mark.parametrize("make", VALUES, ids=range(len(VALUES)))
def test_what_is_no_proof_is_refused(proof: SaleProof, make: Callable[[dict[str, Any]], str]) -> None:
    text = make(json.loads(proof.to_json()))
    with pytest.raises(rs.ProofRefused) as refused:
        SaleProof.loads(text)
    assert refused.value.reason == "malformed"


def test_a_sale_not_in_canonical_form_is_refused(proof: SaleProof) -> None:
    fields = json.loads(proof.to_json())
    fields["sale"]["occurred_at"] = "2010-12-01T11:03:00+01:00"  # the same instant
    with pytest.raises(rs.ProofRefused, match="canonical") as refused:
        SaleProof.loads(json.dumps(fields))
    assert refused.value.reason == "sale"


def test_files_that_cannot_be_proofs(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_bytes(b"[" * (1 << 20) + b"[")
    with pytest.raises(rs.ProofRefused, match="too large"):
        SaleProof.load(tmp_path / "large.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(rs.ProofRefused, match="not JSON"):
        SaleProof.load(tmp_path / "bytes.json")
    with pytest.raises(FileNotFoundError):
        SaleProof.load(tmp_path / "nowhere.json")


@given(st.integers(1, 200).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_the_number_of_siblings_is_known(place: tuple[int, int]) -> None:
    count, position = place
    tree = MerkleTree(bytes([number]) * 32 for number in range(count))
    assert _siblings(position, count) == len(tree.proof(position))
