"""Where an amendable split keeps its amendments: who reads storage directly may rely on it."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from tests.chain.amending import UNIT, WEEK, Stage, Venture

from revshare.chain.artifacts import Artifact

NAMESPACE = 0xAEDCB7260062F360FF23C9670DBDB30AC34CC7EB3A93CA26076322AE85430A00


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


def at(stage: Stage, address: str, slot: int) -> int:
    return int.from_bytes(stage.w3.eth.get_storage_at(address, slot), "big")  # type: ignore[arg-type]


def mapped(kind: str, key: object, seed: int) -> int:
    return int.from_bytes(keccak(encode([kind, "uint256"], [key, seed])), "big")


def test_amendments_are_kept_where_erc_7201_says(stage: Stage) -> None:
    split = (venture := Venture(stage, {"quorum": "60%"})).split
    within = int.from_bytes(keccak(b"revshare.amendments"), "big") - 1
    base = int.from_bytes(keccak(within.to_bytes(32, "big")), "big") & ~0xFF

    address = to_checksum_address(split.address)

    def word(slot: int) -> int:
        return int.from_bytes(stage.w3.eth.get_storage_at(address, slot), "big")

    assert base == NAMESPACE
    assert word(base) == 0
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann", "bob")
    split.amend(proposal).send()
    assert word(base) == 1
    commitments = int.from_bytes(keccak((1).to_bytes(32, "big") + (base + 1).to_bytes(32, "big")), "big")
    assert word(commitments) == int.from_bytes(proposal.new.commitment, "big")


def test_from_where_on_a_token_goes_by_which_terms(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "80%"})
    stage.fund(venture.split, 1000 * UNIT)
    new = venture.proposing(ann=1, bob=1)
    proposal = venture.signed_by(venture.split.propose(new), "ann", "bob")
    venture.split.amend(proposal).send()

    address = venture.split.address
    standing = at(stage, address, mapped("address", stage.gbp.address, NAMESPACE + 2))
    assert (standing & (2**64 - 1), standing >> 64) == (1, 1000 * UNIT)


def test_what_a_controller_announced_and_who_takes_over(stage: Stage) -> None:
    chair, heir = stage.payer, stage.other
    venture = Venture(stage, {"controller": chair.address, "notice": WEEK})
    split = venture.split.by(chair)
    proposal = split.propose(venture.proposing(ann=1, bob=1))
    split.announce(proposal).send()
    split.propose_controller(heir.address).send()

    announced = split.announced()
    assert announced is not None
    words = [at(stage, split.address, NAMESPACE + 3 + i) for i in range(4)]
    new = int.from_bytes(proposal.new.commitment, "big")
    assert words == [new, announced.ready_at, 0, int(heir.address, 16)]
    split.by(heir).accept_control().send()
    assert [at(stage, split.address, NAMESPACE + 5 + i) for i in range(2)] == [int(heir.address, 16), 0]
