"""Payout trees: cumulative amounts for payees by the thousand, as a PayoutBook's root promises them.

Pure: nothing here talks to a chain. The tree of a million payees takes less than 200 MB and 3 hashes a
payee; amounts, leaves and inner nodes are flat bytes. The leaf is that of `solidity/src/PayoutBook.sol`:

    leaf := keccak256( keccak256( abi.encode( chain id, book, token, payee, cumulative amount ) ) )

and payees stand in the order of their addresses, so that the root follows from the amounts alone.
"""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from eth_hash.auto import keccak

from ._fields import check_address, checksum_address
from ._files import whole_file
from ._model import Refusal, show
from .errors import AmountsFell, InvalidInput, UnknownPayee
from .merkle import MerkleTree, verify
from .money import units

__all__ = ["PayoutTree", "check_successor"]

FORMAT = "revshare payouts 1"
_COIN = "0x" + "00" * 20
_ADDRESS, _AMOUNT, _WORD = 20, 16, 32
_LIMIT = 2**128
"""A book counts up to below this many units of a token."""
_LONGEST_LINE = 1_000
_SHOWN = 10  # of the payees whose amounts fell, in the message; the error has all


class PayoutTree(Mapping[str, int]):
    """What each payee of a payout book has been given in one token, so far and in all, and the proof of it.

    amounts: payee's address → base units, cumulative; zero is allowed, and promises nothing.
    chain_id, book, token: what the leaves are bound to; the token is left out for the chain's coin.

    A mapping from address (EIP-55) to units, in the order of the addresses. Raises InvalidInput for no
    payees, a payee that is no address, stands twice or is the zero address or the book, and for a total of
    2^128 units or more; AmountTypeError for amounts that are not ints.

    >>> tree = PayoutTree({"0x" + "11" * 20: 5, "0x" + "22" * 20: 7}, chain_id=1, book="0x" + "33" * 20)
    >>> tree.total, tree.verify("0x" + "11" * 20, 5, tree.proof("0x" + "11" * 20))
    (12, True)
    """

    __slots__ = ("_amounts", "_payees", "_tree", "book", "chain_id", "token", "total")

    def __init__(
        self,
        amounts: Mapping[str, int] | Iterable[tuple[str, int]],
        *,
        chain_id: int,
        book: str,
        token: str | None = None,
    ) -> None:
        if isinstance(chain_id, bool) or not isinstance(chain_id, int) or not 0 < chain_id < 2**256:
            raise InvalidInput(f"chain_id must be a chain's number, not {show(chain_id)}")
        self.chain_id = chain_id
        self.book = _address(book, "book")
        self.token = _COIN if token is None or token == _COIN else _address(token, "token")
        pairs = amounts.items() if isinstance(amounts, Mapping) else amounts
        packed = sorted(_pack(payee, amount) for payee, amount in pairs)
        if not packed:
            raise InvalidInput("a payout tree needs at least one payee")
        self._payees = b"".join(entry[:_ADDRESS] for entry in packed)
        self._amounts = b"".join(entry[_ADDRESS:] for entry in packed)
        del packed
        self._check_payees()
        self.total = sum(self._amount(place) for place in range(len(self)))
        if self.total >= _LIMIT:
            raise InvalidInput(f"the total, {self.total} units, is more than a book can count: below 2^128")
        self._tree = MerkleTree(self._leaves())

    def _check_payees(self) -> None:
        book = bytes.fromhex(self.book[2:])
        before = bytes(_ADDRESS)
        for place in range(len(self)):
            payee = self._payee(place)
            if payee == before:
                what = (
                    "the zero address is no payee"
                    if not any(payee)
                    else f"payee {_text(payee)} is twice in it"
                )
                raise InvalidInput(what)
            if payee == book:
                raise InvalidInput(f"the book itself, {self.book}, is no payee")
            before = payee

    # ---------------------------------------------------------------- what it says

    def __len__(self) -> int:
        return len(self._payees) // _ADDRESS

    def __iter__(self) -> Iterator[str]:
        return (_text(self._payee(place)) for place in range(len(self)))

    def __getitem__(self, payee: str) -> int:
        place = self._find(payee)
        if place is None:
            raise KeyError(payee)
        return self._amount(place)

    def __eq__(self, other: object) -> bool:
        return self.root == other.root if isinstance(other, PayoutTree) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.root)

    def __repr__(self) -> str:
        return f"PayoutTree(0x{self.root.hex()}, {len(self)} payees, {self.total} units)"

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._tree.root

    def proof(self, payee: str) -> list[bytes]:
        """Return the siblings, 32 bytes each, on the way from a payee's leaf to the root.

        Raises UnknownPayee for a payee that is not in the tree.
        """
        place = self._find(payee)
        if place is None:
            raise UnknownPayee(payee, islice(self, 9))
        return self._tree.proof(place)

    def leaf(self, payee: str, cumulative: int) -> bytes:
        """Return the leaf, 32 bytes, that would give `payee` `cumulative` units."""
        return self._leaf(_pack(payee, cumulative))

    def verify(self, payee: str, cumulative: int, proof: list[bytes]) -> bool:
        """Return whether `proof` shows that this tree's root gives `payee` `cumulative` units."""
        return verify(self.root, self.leaf(payee, cumulative), proof)

    # ---------------------------------------------------------------- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the amounts to a file from which anybody can reckon root and proofs again.

        One JSON object a line: what the tree is bound to, its total and root; then each payee with its
        cumulative units, as text, since not every reader of JSON keeps big numbers whole. The same amounts
        give the same bytes.
        """
        head = {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "book": self.book,
            "token": self.token,
            "payees": len(self),
            "total": str(self.total),
            "root": "0x" + self.root.hex(),
        }
        with whole_file(path) as file:
            file.write((json.dumps(head) + "\n").encode())
            for place in range(len(self)):
                payee = _text(self._payee(place))
                line = f'{{"payee": "{payee}", "cumulative": "{self._amount(place)}"}}\n'
                file.write(line.encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PayoutTree:
        """Return the tree of a file that `save` wrote, reckoned anew from the amounts.

        Raises InvalidInput, with the line, where the file is not as `save` writes it, and when number of
        payees, total or root are not what the amounts give.
        """
        # What is no UTF-8 becomes a character that no JSON of ours has, and is refused with its line.
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            head = _object(path, 1, file.readline())
            if head.get("format") != FORMAT:
                raise InvalidInput(f"{path}, line 1: this is not a file of format {FORMAT!r}")
            chain_id, book, token = head.get("chain_id"), head.get("book"), head.get("token")
            if type(chain_id) is not int or not isinstance(book, str) or not isinstance(token, str):
                raise InvalidInput(f"{path}, line 1: chain_id, book or token is missing")
            lines = (_line(path, number, line) for number, line in enumerate(file, start=2))
            tree = cls(lines, chain_id=chain_id, book=book, token=token)
        found = {"payees": len(tree), "total": str(tree.total), "root": "0x" + tree.root.hex()}
        for name, value in found.items():
            if head.get(name) != value:
                raise InvalidInput(
                    f"{path}: it says {name} {show(head.get(name))}, and the lines give {value}"
                )
        return tree

    # ---------------------------------------------------------------- flat bytes

    def _payee(self, place: int) -> bytes:
        return self._payees[place * _ADDRESS : (place + 1) * _ADDRESS]

    def _amount(self, place: int) -> int:
        return int.from_bytes(self._amounts[place * _AMOUNT : (place + 1) * _AMOUNT], "big")

    def _find(self, payee: str) -> int | None:
        wanted = bytes.fromhex(_address(payee, "payee")[2:])
        place = bisect_left(range(len(self)), wanted, key=self._payee)
        return place if place < len(self) and self._payee(place) == wanted else None

    def _above(self, other: PayoutTree) -> Iterator[tuple[bytes, int, int]]:
        """Yield each payee that has more here than in `other`, with both amounts."""
        place = 0
        for own in range(len(self)):  # both are in the order of addresses: one walk through both
            payee, before = self._payee(own), self._amount(own)
            while place < len(other) and other._payee(place) < payee:
                place += 1
            after = other._amount(place) if place < len(other) and other._payee(place) == payee else 0
            if after < before:
                yield payee, before, after

    def _leaves(self) -> Iterator[bytes]:
        return (
            self._leaf(self._payee(place) + self._amounts[place * _AMOUNT : (place + 1) * _AMOUNT])
            for place in range(len(self))
        )

    def _leaf(self, packed: bytes) -> bytes:
        words = (
            self.chain_id.to_bytes(_WORD, "big"),
            bytes.fromhex(self.book[2:]).rjust(_WORD, b"\0"),
            bytes.fromhex(self.token[2:]).rjust(_WORD, b"\0"),
            packed[:_ADDRESS].rjust(_WORD, b"\0"),
            packed[_ADDRESS:].rjust(_WORD, b"\0"),
        )
        return keccak(keccak(b"".join(words)))


def check_successor(previous: PayoutTree, new: PayoutTree) -> None:
    """Check that `new` may follow `previous` in the same book: nobody's cumulative amount falls.

    A payee who is not in `new` has fallen to zero. Raises AmountsFell, which names them all; InvalidInput
    when the trees are for different chains, books or tokens.
    """
    for name in ("chain_id", "book", "token"):
        old, given = getattr(previous, name), getattr(new, name)
        if old != given:
            raise InvalidInput(f"the trees are for different things: {name} {old} and {given}")
    fallen = [(_text(payee), before, after) for payee, before, after in previous._above(new)]  # noqa: SLF001
    if fallen:
        shown = ", ".join(f"{payee} from {before} to {after}" for payee, before, after in fallen[:_SHOWN])
        more = f" and {len(fallen) - _SHOWN} more" if len(fallen) > _SHOWN else ""
        raise AmountsFell(f"cumulative amounts never fall, and these would: {shown}{more}", fallen)


# ------------------------------------------------------------------------------------------ one entry


def _pack(payee: str, amount: int) -> bytes:
    value = units(amount, "cumulative amount")
    if not 0 <= value < _LIMIT:
        raise InvalidInput(f"{payee} cannot be given {value} units: from 0 to below 2^128 are possible")
    return bytes.fromhex(_address(payee, "payee")[2:]) + value.to_bytes(_AMOUNT, "big")


def _address(value: str, what: str) -> str:
    try:
        return check_address(value)
    except Refusal as refusal:
        raise InvalidInput(f"{what} {refusal.what}; {refusal.fix}") from None


def _text(payee: bytes) -> str:
    return checksum_address("0x" + payee.hex())


def _object(path: object, number: int, line: str) -> dict[str, object]:
    try:
        # Brackets by the thousand can overflow the parser's stack; no line needs so many characters.
        found = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(f"{path}, line {number}: this is not a JSON object")
    return found


def _line(path: object, number: int, line: str) -> tuple[str, int]:
    entry = _object(path, number, line)
    payee, cumulative = entry.get("payee"), entry.get("cumulative")
    if not isinstance(payee, str) or not isinstance(cumulative, str):
        raise InvalidInput(f"{path}, line {number}: payee or cumulative is missing, or not text")
    if not re.fullmatch(r"0|[1-9][0-9]{0,38}", cumulative):
        raise InvalidInput(f"{path}, line {number}: {show(cumulative)} is not a plain number of units")
    return payee, int(cumulative)
