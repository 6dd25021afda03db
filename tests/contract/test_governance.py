"""Which governances there are: of the 32 bytes that say how terms may be changed, each must be meant."""

from __future__ import annotations

import pytest

from tests.contract.amending import governance
from tests.contract.world import Refusal, Terms, World, shares

SOMEBODY = 0xC0_47_80_11E4


@pytest.fixture(scope="module")
def terms(world: World) -> bytes:
    return Terms.of([world.fresh(), world.fresh()], shares(1, 2)).packed


@pytest.mark.parametrize(
    "word",
    [
        governance(1, quorum=1),
        governance(1, quorum=10_000),
        governance(2, notice=1, controller=SOMEBODY),
        governance(2, notice=2**32 - 1, controller=2**160 - 1),
    ],
    ids=bytes.hex,
)
def test_a_quorum_or_a_controller_with_notice(world: World, terms: bytes, word: bytes) -> None:
    predicted = world.factory.functions.predictAmendable(terms, word, 0).call()
    made = world.factory.functions.createAmendable(terms, word, 0).call()
    assert predicted == made


@pytest.mark.parametrize(
    "word",
    [
        governance(0),
        governance(0, quorum=1),
        governance(3, quorum=1),
        governance(3, notice=1, controller=SOMEBODY),
        governance(255, quorum=5_000),
        governance(1),
        governance(1, quorum=10_001),
        governance(1, quorum=2**16 - 1),
        governance(1, quorum=5_000, notice=1),
        governance(1, quorum=5_000, controller=1),
        governance(1, quorum=5_000, zeros=1),
        governance(1, quorum=5_000, zeros=2**39),
        governance(1, notice=1, controller=SOMEBODY),
        governance(2, notice=1),
        governance(2, controller=SOMEBODY),
        governance(2, notice=1, quorum=1, controller=SOMEBODY),
        governance(2, notice=1, zeros=1, controller=SOMEBODY),
        governance(2, notice=1, zeros=2**39, controller=SOMEBODY),
        governance(2, quorum=5_000),
    ],
    ids=bytes.hex,
)
def test_nothing_else(world: World, terms: bytes, word: bytes) -> None:
    for function in ("predictAmendable", "createAmendable"):
        call = world.factory.functions[function](terms, word, 0)
        assert world.refusal(call) == Refusal("InvalidGovernance", (word,))


def test_terms_and_governance_are_told_when_a_split_is_created(world: World) -> None:
    agreed = Terms.of([world.fresh(), world.fresh()], shares(1, 2))
    word, salt = governance(1, quorum=6_000), world.salt()
    create = world.factory.functions.createAmendable(agreed.packed, word, salt)
    split = create.call()
    assert world.logs(world.factory, world.send(create)) == [
        (
            "AmendableSplitCreated",
            {
                "split": split,
                "commitment": agreed.commitment,
                "governance": word,
                "salt": salt,
                "terms": agreed.packed,
            },
        )
    ]
