"""Where an amendable split keeps its amendments: who reads storage directly may rely on it."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from tests.chain.amending import Stage, Venture

from revshare.chain.artifacts import Artifact


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


def test_amendments_are_kept_where_erc_7201_says(stage: Stage) -> None:
    split = (venture := Venture(stage, {"quorum": "60%"})).split
    within = int.from_bytes(keccak(b"revshare.amendments"), "big") - 1
    base = int.from_bytes(keccak(within.to_bytes(32, "big")), "big") & ~0xFF

    address = to_checksum_address(split.address)

    def word(slot: int) -> int:
        return int.from_bytes(stage.w3.eth.get_storage_at(address, slot), "big")

    assert word(base) == 0
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann", "bob")
    split.amend(proposal).send()
    assert word(base) == 1
    commitments = int.from_bytes(keccak((1).to_bytes(32, "big") + (base + 1).to_bytes(32, "big")), "big")
    assert word(commitments) == int.from_bytes(proposal.new.commitment, "big")
