"""Where an amendable split keeps its amendments: who reads storage directly may rely on it."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from tests.chain.amending import UNIT, WEEK, Stage, Venture

from revshare.chain.artifacts import Artifact, load

SLOTS = {
    entry["label"]: int(entry["slot"]) for entry in load("AmendableBackOffice").storage_layout["storage"]
}


def test_amendments_stand_behind_what_every_split_keeps() -> None:
    assert (SLOTS["_epoch"], SLOTS["_commitments"], SLOTS["_standings"], SLOTS["_since"]) == (5, 6, 7, 8)
    assert [SLOTS[name] for name in ("_proposed", "_proposedTokens", "_readyAt")] == [9, 10, 11]
    assert [SLOTS[name] for name in ("_controller", "_successor", "_revoked")] == [12, 13, 14]


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


def at(stage: Stage, address: str, slot: int) -> int:
    return int.from_bytes(stage.w3.eth.get_storage_at(address, slot), "big")  # type: ignore[arg-type]


def mapped(kind: str, key: object, seed: int) -> int:
    return int.from_bytes(keccak(encode([kind, "uint256"], [key, seed])), "big")


def test_every_amendment_has_its_commitment(stage: Stage) -> None:
    split = (venture := Venture(stage, {"quorum": "60%"})).split
    assert at(stage, split.address, SLOTS["_epoch"]) == 0
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann", "bob")
    split.amend(proposal).send()
    assert at(stage, split.address, SLOTS["_epoch"]) == 1
    first = at(stage, split.address, mapped("uint256", 1, SLOTS["_commitments"]))
    assert first == int.from_bytes(proposal.new.commitment, "big")


def test_from_where_on_a_token_goes_by_which_terms(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "80%"})
    stage.fund(venture.split, 1000 * UNIT)
    new = venture.proposing(ann=1, bob=1)
    proposal = venture.signed_by(venture.split.propose(new), "ann", "bob")
    venture.split.amend(proposal).send()

    address = venture.split.address
    standing = at(stage, address, mapped("address", stage.gbp.address, SLOTS["_standings"]))
    assert (standing & (2**64 - 1), standing >> 64) == (1, 1000 * UNIT)


def test_what_a_controller_announced_and_who_takes_over(stage: Stage) -> None:
    chair, heir = stage.payer, stage.other
    venture = Venture(stage, {"controller": chair.address, "notice": WEEK})
    split = venture.split.by(chair)
    proposal = split.propose(venture.proposing(ann=1, bob=1), tokens=[stage.eur.address])
    split.announce(proposal).send()
    split.propose_controller(heir.address).send()

    announced = split.announced()
    assert announced is not None
    names = ("_proposed", "_proposedTokens", "_readyAt", "_controller", "_successor")
    words = [at(stage, split.address, SLOTS[name]) for name in names]
    new = int.from_bytes(proposal.new.commitment, "big")
    listed = int.from_bytes(keccak(encode(["address"], [stage.eur.address])), "big")
    assert words == [new, listed, announced.ready_at, 0, int(heir.address, 16)]
    split.by(heir).accept_control().send()
    after = [at(stage, split.address, SLOTS[name]) for name in ("_controller", "_successor")]
    assert after == [int(heir.address, 16), 0]
