"""Appending: rows on their way into the ledger, counted, written and chained as they come."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, compress
from typing import Any, NoReturn

from sqlalchemy import Connection, select

from revshare.errors import ConflictError, LedgerDamaged

from . import _chain
from ._records import Batch, Manifest
from ._rows import SALE_COLUMNS, Row, microseconds, sale_of
from ._schema import IMPORTS, LINKS
from ._store import Store

COLUMNS = ", ".join(SALE_COLUMNS)

_IDENTITY = 2  # the first columns
_EXTERNAL_ID = SALE_COLUMNS.index("external_id")
_PLACES = ", ".join("?" * len(SALE_COLUMNS))
_NUMBERS = {SALE_COLUMNS.index("occurred_at"), SALE_COLUMNS.index("amount")}
_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))  # the first before the others
_IN_TRANSACTION = 2  # libpq's PQTRANS_INTRANS: one that has not failed
_DUPLICATE = "23505"  # PostgreSQL's unique_violation

PIECE = 50_000
"""Rows that PostgreSQL takes or refuses together."""


class Appending:
    """One transaction's entries.

    raw: the driver's connection, in a transaction of `Store.append` or `Store.write(append=True)`, so that
    nobody else appends meanwhile. Raises LedgerDamaged when the chain and the sales do not end together.
    """

    def __init__(self, raw: Any, store: Store) -> None:
        self._store = store
        self._sqlite = store.dialect == "sqlite"
        self._raw = raw
        self._digest = _chain.Digest()
        self.recorded_at = datetime.now(UTC)
        found = self._one(
            "SELECT (SELECT max(seq) FROM sales), number, last_seq, hash FROM (SELECT 1 AS one) AS always "
            "LEFT JOIN (SELECT number, last_seq, hash FROM links ORDER BY number DESC LIMIT 1) AS l ON true"
        )
        most, number, before, previous = (
            found[0] or 0,
            found[1] or 0,
            found[2] or 0,
            found[3] or _chain.GENESIS,
        )
        if most != before:
            raise LedgerDamaged(
                f"its chain ends with entry {before}, its sales with {most}: see Ledger.verify",
                ledger=store.name,
            )
        self._number: int = number + 1
        self._previous = bytes(previous)
        self._before: int = before
        self._last: int = before
        self._known = 0

    def add_one(self, row: Row) -> None:
        """Write a row, if it is new. Raises ConflictError, InvalidInput."""
        values = row if self._sqlite else [int(v) if i in _NUMBERS else v for i, v in enumerate(row)]
        done = self._run(
            f"INSERT INTO sales (seq, link, {COLUMNS}) VALUES (?, ?, {_PLACES}) "  # noqa: S608
            "ON CONFLICT (source, external_id) DO NOTHING",
            (self._last + 1, self._number, *values),
        )
        if not done.rowcount and self._unknown([row]):
            self._damaged()
        self._count([row], [row] if done.rowcount else [])

    def add(self, blocks: Iterable[list[Row]]) -> None:
        """Write what is new of the rows in `blocks`, as they come. Raises ConflictError, InvalidInput."""
        if self._sqlite:
            for rows in blocks:
                self._count(rows, self._insert(rows))
            return
        coming = iter(blocks)
        while piece := self._add_piece(coming):
            self._count(*piece)

    def _count(self, rows: list[Row], fresh: list[Row]) -> None:
        """Take note of `rows`, of which `fresh` have been written."""
        self._digest.add(fresh)
        self._last += len(fresh)
        self._known += len(rows) - len(fresh)

    def finish(self, manifest: Manifest | None = None) -> Batch:
        """Add the link, if there is anything to chain. Call it once, and last."""
        new = self._last - self._before
        if not new and manifest is None:
            return Batch(0, self._known)
        if manifest is not None:
            number = self._one("SELECT coalesce(max(id), 0) + 1 FROM imports")[0]
            manifest = replace(manifest, id=number, new=new, known=self._known)
            self._run(
                f"INSERT INTO imports ({', '.join(MANIFEST_COLUMNS)}) "  # noqa: S608
                f"VALUES ({', '.join('?' * len(MANIFEST_COLUMNS))})",
                _values(manifest),
            )
        link = _chain.Link(
            number=self._number,
            first=self._before + 1,
            last=self._last,
            recorded_at=microseconds(self.recorded_at),
            digest=self._digest.value(),
            manifest=_chain.manifest_digest(None if manifest is None else manifest_fields(manifest)),
        )
        import_id = None if manifest is None else manifest.id
        self._run(
            "INSERT INTO links (number, first_seq, last_seq, recorded_at, import_id, digest, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                link.number,
                link.first,
                link.last,
                link.recorded_at,
                import_id,
                link.digest,
                link.hash(self._previous),
            ),
        )
        return Batch(new, self._known, link.first if new else None, link.last if new else None, import_id)

    # The driver is asked directly: for one sale, SQLAlchemy's way costs more than the statements themselves.

    def _run(self, statement: str, values: Sequence[object] = ()) -> Any:
        if self._sqlite:
            return self._raw.execute(statement, values)
        return self._raw.execute(statement.replace("?", "%s"), values)

    def _one(self, statement: str) -> Any:
        return self._run(statement).fetchone()

    # On SQLite: row by row, and what is there already is passed over. No savepoint is needed, which would
    # keep a copy of every page that is written to.

    def _insert(self, rows: list[Row]) -> list[Row]:
        """Write those of `rows` whose identity is not there yet, and return them."""
        # What all of them say stands in the statement: that is half of a file's columns, and whatever is
        # bound is copied first. The key is left out: SQLite then takes the next.
        columns = list(zip(*rows, strict=True))
        bound = [place == _EXTERNAL_ID or _differ(column) for place, column in enumerate(columns)]
        places = ", ".join(
            "?" if differs else _quoted(column[0]) for differs, column in zip(bound, columns, strict=True)
        )
        done = self._raw.executemany(
            f"INSERT INTO sales (link, {COLUMNS}) VALUES ({self._number}, {places}) "  # noqa: S608
            "ON CONFLICT (source, external_id) DO NOTHING",
            zip(*compress(columns, bound), strict=True),
        )
        if done.rowcount == len(rows):
            return rows
        there = self._existing(rows)
        fresh: dict[Row, Row] = {}
        for row in rows:
            identity = row[:_IDENTITY]
            seq, content = there.get(identity) or self._damaged()
            now = seq > self._last
            if content != row:
                raise self._conflict(content, row, None if now else seq)
            if now:
                fresh.setdefault(identity, row)
        return list(fresh.values())

    # On PostgreSQL: by COPY, which knows only all or nothing. It stays open while rows are read, so that the
    # server writes at the same time. Most are new, so they are sent without asking; where one was not, the
    # piece is sorted out, and so are those after it.

    def _add_piece(self, blocks: Iterator[list[Row]]) -> tuple[list[Row], list[Row]] | None:
        """Write the next PIECE rows or so; return them, and those that were new. None when there are none."""
        piece: list[Row] = []

        def coming() -> Iterator[list[Row]]:
            while len(piece) < PIECE and (rows := next(blocks, None)) is not None:
                piece.extend(rows)
                yield rows

        fresh = piece
        rest = coming()
        if self._known or not self._copy(rest):
            deque(rest, maxlen=0)
            fresh = self._unknown(piece)
            if fresh and not self._copy([fresh]):
                self._damaged()
        return (piece, fresh) if piece else None

    def _copy(self, blocks: Iterable[list[Row]]) -> bool:
        """Write all rows of `blocks`, or none when one of them is there already."""
        seq = self._last
        self._run("SAVEPOINT piece")
        try:
            with (
                self._raw.cursor() as cursor,
                cursor.copy(f"COPY sales (seq, link, {COLUMNS}) FROM STDIN") as copy,
            ):
                for rows in blocks:
                    copy.write(_copied(rows, seq + 1, self._number))
                    seq += len(rows)
        except Exception as error:
            if getattr(error, "sqlstate", None) != _DUPLICATE:
                raise
            self._run("ROLLBACK TO SAVEPOINT piece")
            return False
        finally:
            if self._raw.info.transaction_status == _IN_TRANSACTION:
                self._run("RELEASE SAVEPOINT piece")
        return True

    def _unknown(self, rows: list[Row]) -> list[Row]:
        """Return those of `rows` that are not there yet, each once. Raises ConflictError."""
        there: dict[Row, tuple[int | None, Row]] = {**self._existing(rows)}
        fresh = []
        for row in rows:
            seq, content = there.setdefault(row[:_IDENTITY], (None, row))
            if content is row:
                fresh.append(row)
            elif content != row:
                raise self._conflict(content, row, seq)
        return fresh

    def _conflict(self, there: Row, row: Row, seq: int | None) -> ConflictError:
        return ConflictError(sale_of(there), sale_of(row), seq=seq, ledger=self._store.name)

    def _damaged(self) -> NoReturn:
        raise LedgerDamaged("an index of it is wrong: see Ledger.verify", ledger=self._store.name)

    def _existing(self, rows: list[Row]) -> dict[Row, tuple[int, Row]]:
        """Return the entries there are with the identities of `rows`: number and content by identity."""
        if self._sqlite or len(rows) == 1:
            one = f"SELECT seq, {COLUMNS} FROM sales WHERE source = ? AND external_id = ?"  # noqa: S608
            found = [hit for row in rows if (hit := self._run(one, row[:_IDENTITY]).fetchone())]
        else:
            found = self._raw.execute(
                f"SELECT seq, {COLUMNS} FROM sales "  # noqa: S608
                "JOIN unnest(%s::text[], %s::text[]) AS given (source, external_id) "
                "USING (source, external_id)",
                ([row[0] for row in rows], [row[1] for row in rows]),
            ).fetchall()
        contents = [(hit[0], tuple(map(str, hit[1:]))) for hit in found]
        return {content[:_IDENTITY]: (seq, content) for seq, content in contents}


def _differ(texts: Sequence[str]) -> bool:
    return texts.count(texts[0]) < len(texts)


def _quoted(text: str) -> str:
    """Return text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _copied(rows: Sequence[Row], first: int, link: int) -> str:
    """Return rows as COPY reads them, numbered from `first`."""
    # A few passes over all of them, where a look at each field would cost more than the parsing of a file.
    text = "\0".join(chain.from_iterable(rows))
    escaped = text
    for sign, escape in _ESCAPES:
        escaped = escaped.replace(sign, escape)
    if escaped != text:
        rows = list(zip(*[iter(escaped.split("\0"))] * len(SALE_COLUMNS), strict=True))
    return "".join([f"{seq}\t{link}\t{chr(9).join(row)}\n" for seq, row in enumerate(rows, first)])


# ---------------------------------------------------------------------------------------- manifests

MANIFEST_COLUMNS = (
    "id",
    "name",
    "file_hash",
    "mapping_hash",
    "lines",
    "skipped",
    "totals",
    "new",
    "known",
)


def _values(manifest: Manifest) -> list[Any]:
    values = {name: getattr(manifest, name) for name in MANIFEST_COLUMNS}
    return list((values | {"totals": _totals_text(manifest.totals)}).values())


def manifest_fields(manifest: Manifest) -> list[str]:
    """Return what the chain says of a manifest, as text."""
    return [str(value) for value in _values(manifest)]


def _totals_text(totals: Mapping[str, int]) -> str:
    named = {token: str(total) for token, total in totals.items()}
    return json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def manifests(connection: Connection, **where: str) -> Iterator[Manifest]:
    """Give the manifests there are, the oldest first; `where` names columns and their values."""
    query = select(*(IMPORTS.c[name] for name in MANIFEST_COLUMNS), LINKS.c.recorded_at)
    query = query.join_from(IMPORTS, LINKS, LINKS.c.import_id == IMPORTS.c.id)
    for name, value in where.items():
        query = query.where(IMPORTS.c[name] == value)
    for row in connection.execute(query.order_by(IMPORTS.c.id)).mappings():
        totals = {token: int(total) for token, total in json.loads(row["totals"]).items()}
        yield Manifest(**{**row, "totals": totals})
