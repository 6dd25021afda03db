"""The hash chain that makes tampering visible; pure, no database.

Each commit adds one link. With 32 zero bytes before the first,

    digest = sha256(rows)
    hash   = sha256(hash of the link before ‖ number ‖ first seq ‖ last seq ‖ recorded at ‖ digest ‖ manifest)

rows: every field in the order of SALE_COLUMNS, row after row, each as UTF-8 and ended by one zero byte.
Numbers: eight bytes, big-endian and signed; `recorded at` in microseconds since 1970. manifest: the sha256 of
its fields written as a row's are, or 32 zero bytes where there is none. No field can hold a zero byte and
every row has as many fields, so no two sequences of rows are written alike.

Nobody needs a secret to compute it: whoever can write to the database could make a new chain. What cannot be
made anew is a head that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from revshare.errors import InvalidInput

from ._rows import SALE_COLUMNS, Row

GENESIS = bytes(32)
"""The head of an empty ledger."""

_WIDTH = len(SALE_COLUMNS)


class Digest:
    """The digest of rows, as they come."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, rows: Sequence[Row]) -> None:
        """Take in more rows. Raises InvalidInput for a NUL, for what is not Unicode, and for other widths."""
        if rows:
            self._hash.update(_framed(chain.from_iterable(rows), len(rows) * _WIDTH))

    def value(self) -> bytes:
        """The digest so far, 32 bytes."""
        return self._hash.digest()


@dataclass(frozen=True, slots=True)
class Link:
    """What one commit added: entries `first` to `last`, or only a manifest when last = first − 1."""

    number: int
    first: int
    last: int
    recorded_at: int
    digest: bytes
    manifest: bytes = GENESIS

    def hash(self, previous: bytes) -> bytes:
        """Return the link's hash, 32 bytes; `previous` is that of the link before."""
        numbers = (self.number, self.first, self.last, self.recorded_at)
        packed = b"".join(value.to_bytes(8, "big", signed=True) for value in numbers)
        return hashlib.sha256(previous + packed + self.digest + self.manifest).digest()


def manifest_digest(fields: Sequence[str] | None) -> bytes:
    """Return what a link says of its manifest, 32 bytes."""
    return GENESIS if fields is None else hashlib.sha256(_framed(fields, len(fields))).digest()


def _framed(fields: Iterable[str], count: int) -> bytes:
    text = "\0".join(fields) + "\0"
    if text.count("\0") != count:
        raise InvalidInput("a sale's text cannot hold a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a sale's text must be valid Unicode: {error}") from None
