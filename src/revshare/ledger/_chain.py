"""The hash chain that makes tampering visible; pure, no database.

Each commit adds one link. With 32 zero bytes before the first,

    digest = sha256(every field of its rows in the order of SALE_COLUMNS, row after row, each field as UTF-8 and
                    ended by one zero byte)
    hash   = sha256(hash of the link before ‖ number ‖ first seq ‖ last seq ‖ recorded at ‖ digest ‖ manifest)

with numbers as eight bytes, big-endian and signed, `recorded at` in microseconds since 1970; manifest: the
sha256 of its fields written the same way as a row's, 32 zero bytes where there is none. No field can hold a zero
byte and every row has as many fields, so no two sequences of rows are written alike.

Nobody needs a secret to compute it: whoever can write to the database could make a new chain. What cannot be
made anew is a head that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
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
        """Take in more rows. Raises InvalidInput when one has other than WIDTH fields, a NUL, or is no Unicode."""
        if rows:
            self._hash.update(framed(chain.from_iterable(rows), len(rows) * _WIDTH))

    def value(self) -> bytes:
        """The digest so far, 32 bytes."""
        return self._hash.digest()


def framed(fields: Iterable[str], count: int) -> bytes:
    """Return `count` fields as UTF-8, each ended by a zero byte. Raises InvalidInput."""
    text = "\0".join(fields) + "\0"
    if text.count("\0") != count:
        raise InvalidInput("a sale's text cannot hold a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a sale's text must be valid Unicode: {error}") from None


def link_hash(
    previous: bytes, number: int, first: int, last: int, recorded_at: int, digest: bytes, manifest: bytes
) -> bytes:
    """Return the hash of a link, 32 bytes."""
    numbers = b"".join(value.to_bytes(8, "big", signed=True) for value in (number, first, last, recorded_at))
    return hashlib.sha256(previous + numbers + digest + manifest).digest()


def manifest_digest(fields: Sequence[str] | None) -> bytes:
    """Return what a link says of its manifest, 32 bytes."""
    return GENESIS if fields is None else hashlib.sha256(framed(fields, len(fields))).digest()
