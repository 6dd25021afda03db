"""Where a split is, and what it is made of: the arithmetic of solidity/src/lib/Clone.sol and of CREATE2."""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from revshare.chain.artifacts import Artifact
from revshare.errors import InvalidInput

__all__ = [
    "Clone",
    "addresses_within",
    "create2_address",
    "create_address",
    "salt_number",
    "same_code",
    "words_within",
]

_RETURN_WHAT_FOLLOWS = ("60", "8060095f395ff3")  # around the length of what follows
_BEFORE_WORD = bytes.fromhex("36600557005b365f5f377f")
_BETWEEN_WORDS = bytes.fromhex("36527f")
_BEFORE_IMPLEMENTATION = bytes.fromhex("36525f5f602036015f73")
_BEFORE_IMPLEMENTATION_OF_TWO = bytes.fromhex("60203601525f5f604036015f73")
_END = bytes.fromhex("5af43d5f5f3e5f3d91605657fd5bf3")
_END_OF_TWO = bytes.fromhex("5af43d5f5f3e5f3d91607c57fd5bf3")
_SALT = 8
"""Bytes of the salt, with which a clone's code ends."""


@dataclass(frozen=True)
class Clone:
    """What a split's own code says: the code behind it, and the commitment to the terms it was created with.

    governance: the word that says how the terms may be amended; empty where they never are. salt: what tells
    it apart from other splits of the same terms, below 2^64.
    """

    implementation: str
    commitment: bytes
    governance: bytes = b""
    salt: int = 0

    @property
    def code(self) -> bytes:
        """The code that stands at the split's address."""
        implementation = bytes.fromhex(self.implementation[2:])
        parts: tuple[bytes, ...]
        if self.governance:
            parts = (
                _BEFORE_WORD,
                self.governance,
                _BETWEEN_WORDS,
                self.commitment,
                _BEFORE_IMPLEMENTATION_OF_TWO,
                implementation,
                _END_OF_TWO,
            )
        else:
            parts = (_BEFORE_WORD, self.commitment, _BEFORE_IMPLEMENTATION, implementation, _END)
        return b"".join((*parts, self.salt.to_bytes(_SALT, "big")))

    @classmethod
    def read(cls, code: bytes) -> Clone | None:
        """Return what `code` says, or None if it is not that of a split."""
        first = len(_BEFORE_WORD)
        second = first + 32 + len(_BETWEEN_WORDS)
        salt = int.from_bytes(code[-_SALT:], "big")
        one = cls(
            _address_in(code, first + 32 + len(_BEFORE_IMPLEMENTATION)), code[first : first + 32], salt=salt
        )
        two = cls(
            _address_in(code, second + 32 + len(_BEFORE_IMPLEMENTATION_OF_TWO)),
            code[second : second + 32],
            code[first : first + 32],
            salt,
        )
        return next((clone for clone in (one, two) if clone.code == code), None)

    def address(self, factory: str) -> str:
        """Where `factory` creates this clone; nobody else can create anything there."""
        before, after = _RETURN_WHAT_FOLLOWS
        init = bytes.fromhex(f"{before}{len(self.code):02x}{after}")
        return create2_address(factory, self.salt.to_bytes(32, "big"), init + self.code)


def _address_in(code: bytes, at: int) -> str:
    return to_checksum_address(code[at : at + 20].ljust(20, b"\0"))


def create2_address(creator: str, salt: bytes, init_code: bytes) -> str:
    """Where a contract creates another by CREATE2 (EIP-1014)."""
    packed = b"\xff" + bytes.fromhex(creator[2:]) + salt + keccak(init_code)
    return to_checksum_address(keccak(packed)[12:])


def create_address(creator: str, nonce: int) -> str:
    """Where a contract that has created `nonce` − 1 others (1 to 127) creates the next by CREATE."""
    return to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(creator[2:]) + bytes([nonce]))[12:])


def salt_number(salt: int | str | bytes) -> int:
    """The number below 2^64 that tells apart what is created alike: of a number, a text, or 8 bytes.

    Of a text it is the first 8 bytes of its keccak-256. Raises InvalidInput for anything else.
    """
    if isinstance(salt, int) and not isinstance(salt, bool) and 0 <= salt < 2 ** (8 * _SALT):
        return salt
    if isinstance(salt, str) and salt:
        salt = keccak(_utf8(salt))[:_SALT]
    if isinstance(salt, bytes) and len(salt) == _SALT:
        return int.from_bytes(salt, "big")
    raise InvalidInput(f"a salt is a number below 2^64, a text, or {_SALT} bytes, not {salt!r}")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a salt is text that can be written in UTF-8, not {text!r}") from error


def same_code(code: bytes, artifact: Artifact) -> bool:
    """Whether `code` is the artifact's, whatever its constructor has written into it."""
    expected = artifact.deployed_bytecode
    if len(code) != len(expected):
        return False
    masked = bytearray(code)
    for places in artifact.immutable_references.values():
        for place in places:
            masked[place["start"] : place["start"] + place["length"]] = bytes(place["length"])
    return bytes(masked) == expected


def addresses_within(code: bytes, artifact: Artifact) -> set[str]:
    """The addresses that the artifact's constructor has written into `code`."""
    return {
        to_checksum_address(word[-20:]) for words in words_within(code, artifact).values() for word in words
    }


def words_within(code: bytes, artifact: Artifact) -> dict[str, set[bytes]]:
    """What the artifact's constructor has written into `code`: variable (the compiler's number) → words."""
    return {
        variable: {code[place["start"] : place["start"] + place["length"]] for place in places}
        for variable, places in artifact.immutable_references.items()
    }
