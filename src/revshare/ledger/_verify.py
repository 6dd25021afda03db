"""Verifying: is everything in the ledger as it was recorded?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select

from revshare.errors import InvalidInput, LedgerError, Problem

from . import _chain
from ._append import COLUMNS, manifest_fields, manifests
from ._records import Verification
from ._rows import Row
from ._schema import IMPORTS
from ._store import Store
from .migrations import APPEND_ONLY

_AT_ONCE = 2_000
_RESTORE = "restore a copy from before, and record again what came after: a sale counts once"


def verify(connection: Connection, store: Store, expected_head: str | None) -> Verification:
    """Return what is wrong with the ledger. expected_head: one that was noted, hexadecimal, or None."""
    return _Verifier(connection, store, _noted(expected_head)).run()


def _noted(head: str | None) -> bytes | None:
    if head is None:
        return None
    try:
        noted = bytes.fromhex(head)
    except (ValueError, TypeError):
        noted = b""
    if len(noted) != len(_chain.GENESIS):
        raise InvalidInput(f"a head is 64 hexadecimal digits, as Ledger.head returns them, not {head!r}")
    return noted


class _Verifier:
    def __init__(self, connection: Connection, store: Store, noted: bytes | None) -> None:
        self._connection = connection
        self._store = store
        self._raw: Any = connection.connection.driver_connection
        self._problems: list[Problem] = []
        self._noted = noted
        self._found = noted is None or noted == _chain.GENESIS
        self._entries = self._links = 0
        self._head = _chain.GENESIS
        self._next_link = self._next_seq = 1

    def run(self) -> Verification:
        try:
            self._check_protection()
            self._check_file()
            self._check_chain()
        except LedgerError as error:
            self._tell(self._store.name, str(error))
        except Exception as error:
            translated = self._store.translated(error)
            if translated is None:
                raise
            self._tell(self._store.name, str(translated))
        if not self._found and self._noted is not None:
            self._tell(
                f"head {self._noted.hex()}",
                "was noted, and is not in the chain: entries that were there then are gone or others",
            )
        return Verification(self._entries, self._links, self._head.hex(), tuple(self._problems))

    def _tell(self, where: str, what: str, fix: str = _RESTORE) -> None:
        self._problems.append(Problem(where, what, fix))

    # ---------------------------------------------------------------------------- the database itself

    def _check_protection(self) -> None:
        if self._store.dialect == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            wanted = [f"{table}_no_{verb}" for table in APPEND_ONLY for verb in ("update", "delete")]
        else:
            query = (
                "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') "
                "AND tgrelid IN (to_regclass('sales'), to_regclass('links'), to_regclass('imports'))"
            )
            wanted = [f"{table}_append_only" for table in APPEND_ONLY]
        there = {row[0] for row in self._raw.execute(query).fetchall()}
        for name in wanted:
            if name not in there:
                self._tell(
                    f"trigger {name}", "is missing or off: rows could be changed", "find out who removed it"
                )

    def _check_file(self) -> None:
        """Ask SQLite whether tables and indexes agree. PostgreSQL checks its pages as it reads them."""
        if self._store.dialect == "sqlite":
            for (line,) in self._raw.execute("PRAGMA integrity_check(20)").fetchall():
                if line != "ok":
                    self._tell(self._store.name, f"is damaged: {line}")

    # ---------------------------------------------------------------------------- the chain

    def _check_chain(self) -> None:
        known = {manifest.id: manifest_fields(manifest) for manifest in manifests(self._connection)}
        rows = _Rows(self._raw, sqlite=self._store.dialect == "sqlite")
        used = set()
        for *numbers, import_id, digest, stored in self._stored_links():
            self._links += 1
            if not all(isinstance(n, int) for n in numbers) or {type(digest), type(stored)} != {bytes}:
                self._tell(f"link {numbers[0]}", "changed: it holds what no link does")
                continue
            manifest = _chain.manifest_digest(known.get(import_id))
            number, first, last, recorded_at = numbers
            link = _chain.Link(number, first, last, recorded_at, digest, manifest)
            self._check_link(link, stored)
            self._check_rows(link, rows)
            used.add(import_id)
            self._head = stored
            self._found = self._found or stored == self._noted
        self._check_rest(rows)
        for number in self._connection.execute(select(IMPORTS.c.id)).scalars():
            if number not in used:
                self._tell(f"import {number}", "belongs to no link of the chain")

    def _stored_links(self) -> Iterator[Any]:
        query = "SELECT number, first_seq, last_seq, recorded_at, import_id, digest, hash FROM links"
        after = 0
        while found := self._raw.execute(
            f"{query} WHERE number > {after} ORDER BY number LIMIT {_AT_ONCE}"
        ).fetchall():
            yield from found
            after = found[-1][0]

    def _check_link(self, link: _chain.Link, stored: bytes) -> None:
        where = f"link {link.number}"
        if link.number != self._next_link:
            missing = _span("link", self._next_link, link.number - 1)
            self._tell(missing, "removed from the chain")
        elif stored != link.hash(self._head):
            self._tell(where, f"is not the one recorded with {_span('entry', link.first, link.last)}")
        self._next_link = link.number + 1

    def _check_rows(self, link: _chain.Link, rows: _Rows) -> None:
        """Check the rows of a link against its digest."""
        whole = link.first == self._next_seq
        if link.first > self._next_seq:
            # Rows before it belong to no link; those of links that were removed are named with them.
            self._skip(rows, link.first)
        digest = _chain.Digest()
        expected = link.first
        readable = True
        for batch in rows.up_to(link.last):
            self._entries += len(batch)
            for seq, number, _ in batch:
                if seq != expected and seq > expected:
                    self._tell(_span("entry", expected, seq - 1), "removed")
                    whole = False
                if number != link.number:
                    self._tell(_span("entry", seq, seq), f"moved to link {number} from link {link.number}")
                expected = seq + 1
            try:
                digest.add([row for _, _, row in batch])
            except InvalidInput:
                readable = False
        if expected <= link.last:
            self._tell(_span("entry", expected, link.last), "removed")
            whole = False
        if whole and (not readable or digest.value() != link.digest):
            self._tell(_span("entry", link.first, link.last), "changed: other than what was recorded")
        self._next_seq = max(self._next_seq, link.last + 1)

    def _skip(self, rows: _Rows, first: int) -> None:
        found = [seq for batch in rows.up_to(first - 1) for seq, _, _ in batch]
        self._entries += len(found)
        if found:
            self._tell(_span("entry", found[0], found[-1]), "belongs to no link of the chain")
        else:
            self._tell(_span("entry", self._next_seq, first - 1), "removed")

    def _check_rest(self, rows: _Rows) -> None:
        rest = [seq for batch in rows.up_to(None) for seq, _, _ in batch]
        self._entries += len(rest)
        if rest:
            self._tell(_span("entry", rest[0], rest[-1]), "belongs to no link of the chain")


class _Rows:
    """The stored sales by number, each read once."""

    def __init__(self, raw: Any, *, sqlite: bool) -> None:
        columns = COLUMNS if sqlite else COLUMNS.replace("amount", "amount::text")
        self._query = f"SELECT seq, link, {columns} FROM sales"  # noqa: S608
        self._raw = raw
        self._read: list[tuple[int, int, Row]] = []
        self._next = 0
        self._ended = False

    def up_to(self, last: int | None) -> Iterator[list[tuple[int, int, Row]]]:
        """Give number, link and content of the rows up to number `last`, None for all that are left."""
        while True:
            if self._next == len(self._read) and not self._fetch():
                return
            most = self._read[-1][0]
            end = (
                len(self._read)
                if last is None or most <= last
                else bisect_right(self._read, last, self._next, key=itemgetter(0))
            )
            if end == self._next:
                return
            found, self._next = self._read[self._next : end], end
            yield found

    def _fetch(self) -> bool:
        if self._ended:
            return False
        # Numbers below 1 are none of ours, but must be found too.
        start = f"seq > {self._read[-1][0]:d}" if self._read else "true"
        found = self._raw.execute(f"{self._query} WHERE {start} ORDER BY seq LIMIT {_AT_ONCE}").fetchall()
        self._ended = len(found) < _AT_ONCE
        self._read = [(row[0], row[1], tuple(map(str, row[2:]))) for row in found]
        self._next = 0
        return bool(found)


def _span(noun: str, first: int, last: int) -> str:
    if last < first:
        return f"no {noun}"
    plural = "entries" if noun == "entry" else f"{noun}s"
    return f"{noun} {first}" if first == last else f"{plural} {first} to {last}"
