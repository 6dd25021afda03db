"""Merkle trees with sorted pairs, as OpenZeppelin's MerkleProof and solady's MerkleProofLib verify them.

A parent is keccak256 of its two children in ascending order. Pairs are taken from left to right; an odd node
at the end of a level is promoted unchanged to the next. A leaf must be a hash of something that is not 64
bytes long (or be hashed twice), or an inner node could pass for a leaf.

Where the order of the leaves matters as well, as in the terms of a split, children are hashed as they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_hash.auto import keccak

from .errors import InvalidInput

_WORD = 32


class MerkleTree:
    """The Merkle tree over `leaves`, each 32 bytes, in the order given; at least one.

    sort_pairs: whether a parent hashes its smaller child first. A proof then needs no sides, and the root
    does not tell in which order whole branches stood; without, `sides` goes with a proof.
    before_pairs: bytes that a parent hashes before its children, so that no leaf can pass for one.

    Levels are kept as flat bytes, 64 bytes per leaf in all, so a million leaves are no burden.

    >>> tree = MerkleTree([bytes([n]) * 32 for n in range(5)])
    >>> verify(tree.root, bytes([3]) * 32, tree.proof(3))
    True
    """

    __slots__ = ("_levels",)

    def __init__(
        self, leaves: Iterable[bytes], *, sort_pairs: bool = True, before_pairs: bytes = b""
    ) -> None:
        words = list(leaves)
        if not words:
            raise InvalidInput("a Merkle tree needs at least one leaf")
        for position, word in enumerate(words):
            if not isinstance(word, (bytes, bytearray)) or len(word) != _WORD:
                raise InvalidInput(f"leaves[{position}] is not 32 bytes")
        level = b"".join(words)
        self._levels = [level]
        while len(level) > _WORD:
            level = _parents(level, sort_pairs, before_pairs)
            self._levels.append(level)

    def __len__(self) -> int:
        return len(self._levels[0]) // _WORD

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._levels[-1]

    def proof(self, index: int) -> list[bytes]:
        """Return the siblings, 32 bytes each, on the way from leaf `index` to the root. Raises IndexError."""
        if not 0 <= index < len(self):
            raise IndexError(f"no leaf {index}: there are {len(self)}")
        siblings = []
        for level in self._levels[:-1]:
            at = (index ^ 1) * _WORD
            if at < len(level):  # a promoted node has no sibling
                siblings.append(level[at : at + _WORD])
            index >>= 1
        return siblings

    def sides(self, index: int) -> int:
        """Return which siblings of `proof(index)` are left children: bit k for sibling k.

        Raises IndexError.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"no leaf {index}: there are {len(self)}")
        sides = count = 0
        for level in self._levels[:-1]:
            if (index ^ 1) * _WORD < len(level):
                sides |= (index & 1) << count
                count += 1
            index >>= 1
        return sides

    @staticmethod
    def verify(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
        """The module's `verify`, for convenience."""
        return verify(root, leaf, proof)

    def __repr__(self) -> str:
        return f"MerkleTree(0x{self.root.hex()}, {len(self)} leaves)"


def _parents(level: bytes, sort_pairs: bool, before: bytes) -> bytes:
    parents = []
    for at in range(0, len(level), 2 * _WORD):
        left, right = level[at : at + _WORD], level[at + _WORD : at + 2 * _WORD]
        if right:
            ordered = right + left if sort_pairs and right < left else left + right
            left = keccak(before + ordered)
        parents.append(left)
    return b"".join(parents)


def verify(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether `proof`, siblings from the leaf upwards, shows that `leaf` is in the tree of `root`."""
    node = bytes(leaf)
    for sibling in proof:
        node = keccak(node + sibling) if node <= sibling else keccak(sibling + node)
    return node == bytes(root)
