"""Merkle trees: every leaf has a proof, and nothing else has."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from revshare import InvalidInput, MerkleTree
from revshare.merkle import verify

words = st.binary(min_size=32, max_size=32)


def plain_root(leaves: list[bytes]) -> bytes:
    """The root, level by level, as one would explain it."""
    while len(leaves) > 1:
        pairs = [sorted(leaves[at : at + 2]) for at in range(0, len(leaves), 2)]
        leaves = [keccak(pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


@given(st.lists(words, min_size=1, max_size=70))
def test_every_leaf_is_proved_and_the_root_is_the_plain_one(leaves: list[bytes]) -> None:
    tree = MerkleTree(leaves)
    assert tree.root == plain_root(leaves)
    assert len(tree) == len(leaves)
    for position, leaf in enumerate(leaves):
        proof = tree.proof(position)
        assert verify(tree.root, leaf, proof)
        assert len(proof) <= (len(leaves) - 1).bit_length()


@given(st.lists(words, min_size=2, max_size=40, unique=True), st.data())
def test_nothing_else_is_proved(leaves: list[bytes], data: st.DataObject) -> None:
    tree = MerkleTree(leaves)
    position = data.draw(st.integers(0, len(leaves) - 1))
    proof, leaf = tree.proof(position), leaves[position]
    other = data.draw(words.filter(lambda word: word not in leaves))
    assert not verify(tree.root, other, proof)
    assert not verify(other, leaf, proof)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not verify(tree.root, leaf, [*proof[:at], other, *proof[at + 1 :]])
        assert not verify(tree.root, leaf, proof[:-1])


def test_known_shapes() -> None:
    a, b, c = (bytes([n]) * 32 for n in (3, 1, 2))
    assert MerkleTree([a]).root == a
    assert MerkleTree([a]).proof(0) == []
    assert MerkleTree([a, b]).root == keccak(b + a), "a pair is sorted"
    tree = MerkleTree([a, b, c])
    assert tree.proof(2) == [keccak(b + a)], "an odd leaf is promoted unchanged"
    assert tree.root == keccak(min(c, keccak(b + a)) + max(c, keccak(b + a)))
    assert MerkleTree.verify(tree.root, c, tree.proof(2))
    assert repr(MerkleTree([a])) == f"MerkleTree(0x{'03' * 32}, 1 leaves)"


@pytest.mark.parametrize("leaves", [[], [b"short"], [b"x" * 32, b"x" * 33], ["x" * 32]])
def test_what_is_no_leaf_is_refused(leaves: list[bytes]) -> None:
    with pytest.raises(InvalidInput):
        MerkleTree(leaves)


@pytest.mark.parametrize("position", [-1, 3])
def test_there_is_no_proof_of_a_leaf_that_is_not(position: int) -> None:
    with pytest.raises(IndexError):
        MerkleTree([b"x" * 32] * 3).proof(position)
