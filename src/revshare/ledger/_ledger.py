"""The ledger: sales and credit notes, each recorded once, never changed, and chained."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from revshare.errors import ConflictError, InvalidInput, LedgerDamaged

from . import _chain
from ._period import Period
from ._records import Batch, Entry, Manifest, Recorded, Totals
from ._rows import SALE_COLUMNS, Row, microseconds, row_of, sale_of
from ._sale import Sale
from ._schema import IMPORTS, LINKS, SALES
from ._store import Store

CHUNK = 10_000
"""Rows that are written at once, and remembered at once."""

_COLUMNS = ", ".join(SALE_COLUMNS)
_IDENTITY = 2  # the first columns
_COPY = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\t"})

ManifestOrLater = Manifest | Callable[[], Manifest] | None


class Ledger:
    """Sales and credit notes in a database: each counts once, none is ever changed or removed.

    Any number of threads and processes may share one. `open` makes one; it is a context manager.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(
        cls, url: str | os.PathLike[str] = "sqlite:///sales.db", *, create: bool = True, timeout: float = 30
    ) -> Self:
        """Open the ledger at `url`, made or brought up to date if need be.

        url: a path, ``sqlite:///path`` or ``postgresql://user@host/database``; ``sqlite://`` for one that ends
        with the process. create: whether to make one where there is none. timeout: seconds to wait for others.

        Raises LedgerError when there is none (and `create` is false) or it cannot be reached; LedgerTooNew when
        a later version made it; LedgerDamaged; MissingExtra for PostgreSQL without psycopg.
        """
        return cls(Store(url, create=create, timeout=timeout))

    def close(self) -> None:
        """Close all connections."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self._store.name!r})"

    # ---------------------------------------------------------------------------- transactions

    def _reading(self, *, snapshot: bool = False) -> AbstractContextManager[Connection]:
        return self._store.read(snapshot=snapshot)

    def _writing(self, *, append: bool = True) -> AbstractContextManager[Connection]:
        return self._store.write(append=append)

    # ---------------------------------------------------------------------------- recording

    def record(self, sale: Sale) -> Recorded:
        """Record `sale`; it is on disk when this returns. The same sale again changes nothing.

        Raises ConflictError when the ledger has a sale of that source and id with other content.
        """
        row = row_of(_checked(sale))
        with self._writing() as connection:
            appending = _Appending(connection, self._store)
            appending.add([row])
            batch = appending.finish()
            if batch.first is not None:
                return Recorded(Entry(sale, batch.first, appending.recorded_at), new=True)
            entry = self._entry(connection, sale.source, sale.external_id)
            assert entry is not None
            return Recorded(entry, new=False)

    def record_all(self, sales: Iterable[Sale], *, manifest: ManifestOrLater = None) -> Batch:
        """Record many in one transaction: all or none. Those the ledger has already change nothing.

        manifest: what they were imported from; one that the ledger has makes this a no-op. It may be a function,
        called when all sales have been taken. Raises ConflictError, as `record` does.
        """
        rows = (row_of(_checked(sale)) for sale in sales)
        with self._writing() as connection:
            return self._append(connection, rows, manifest=manifest)

    def _append(
        self, connection: Connection, rows: Iterable[Row], *, manifest: ManifestOrLater = None
    ) -> Batch:
        """Append rows of text (see `_rows`) in the transaction of `connection`, made by `_writing`.

        Rows are taken CHUNK at a time. Once for each transaction: it adds one link.
        """
        if isinstance(manifest, Manifest):
            known = _manifest(connection, manifest.file_hash, manifest.mapping_hash)
            if known is not None:
                return Batch(0, known.new + known.known, import_id=known.id)
        appending = _Appending(connection, self._store)
        taken = iter(rows)
        while chunk := list(islice(taken, CHUNK)):
            appending.add(chunk)
        return appending.finish(manifest() if callable(manifest) else manifest)

    # ---------------------------------------------------------------------------- reading

    def sale(self, source: str, external_id: str) -> Entry | None:
        """Return the entry of that source and id, None when there is none."""
        with self._reading() as connection:
            return self._entry(connection, source, external_id)

    def _entry(self, connection: Connection, source: str, external_id: str) -> Entry | None:
        query = _entries().where(SALES.c.source == source, SALES.c.external_id == external_id)
        row = connection.execute(query).first()
        return None if row is None else self._entry_of(row)

    def sales(
        self,
        agreement: str | None = None,
        *,
        period: Period | str | None = None,
        source: str | None = None,
        after: int = 0,
    ) -> Iterator[Entry]:
        """Give the entries in the order they were recorded, as the ledger was when the first was asked for.

        agreement, source: only theirs. period: only what occurred in it; text such as ``"2011-03"`` is a period
        in UTC. after: only entries with a greater `seq`.
        """
        query = _where(_entries(), agreement, period).where(SALES.c.seq > after).order_by(SALES.c.seq)
        if source is not None:
            query = query.where(SALES.c.source == source)
        return self._stream(query)

    def _stream(self, query: Select[Any]) -> Iterator[Entry]:
        with (
            self._reading() as connection,
            connection.execution_options(yield_per=1000).execute(query) as rows,
        ):
            for row in rows:
                yield self._entry_of(row)

    def _entry_of(self, row: Sequence[Any]) -> Entry:
        try:
            return Entry(sale_of(row[3:]), row[0], row[1], row[2])
        except (InvalidInput, ValueError, OverflowError) as error:
            raise LedgerDamaged(f"entry {row[0]} is no sale: {error}", ledger=self._store.name) from error

    def totals(
        self, agreement: str | None = None, *, period: Period | str | None = None
    ) -> dict[str, Totals]:
        """Return exact sums by token symbol; of one agreement, and of what occurred in `period`, if given."""
        amount: ColumnElement[Any] = literal_column("amount")
        if self._store.dialect == "sqlite":
            credit: ColumnElement[bool] = literal_column("amount LIKE '-%'")
            summed = func.units_sum(amount)
        else:
            credit = literal_column("amount < 0")
            summed = func.sum(amount)
        query = _where(
            select(SALES.c.token, credit.label("credit"), func.count(), summed), agreement, period
        ).group_by(SALES.c.token, literal_column("credit") if self._store.dialect == "sqlite" else credit)
        found: dict[str, Totals] = {}
        with self._reading() as connection:
            for token, negative, count, total in connection.execute(query):
                so_far = found.get(token, Totals(0, 0, 0))
                if negative:
                    change = replace(so_far, count=so_far.count + count, credit_notes=int(total))
                else:
                    change = replace(so_far, count=so_far.count + count, gross=int(total))
                found[token] = change
        return dict(sorted(found.items()))

    def agreements(self) -> tuple[str, ...]:
        """Return the names of the agreements that have sales, in order."""
        with self._reading() as connection:
            return tuple(sorted(connection.execute(select(SALES.c.agreement).distinct()).scalars()))

    def imports(self) -> tuple[Manifest, ...]:
        """Return the manifest of every import, the oldest first."""
        with self._reading() as connection:
            return tuple(_manifests(connection))

    def head(self) -> str:
        """Return the hash of the last link, hexadecimal: note it elsewhere, and `verify` finds what is lost."""
        with self._reading() as connection:
            found = connection.execute(select(LINKS.c.hash).order_by(LINKS.c.number.desc()).limit(1)).scalar()
            return bytes(found or _chain.GENESIS).hex()


def _checked(sale: Sale) -> Sale:
    if not isinstance(sale, Sale):
        raise InvalidInput(f"a ledger records sales, not {type(sale).__name__}")
    return sale


def _entries() -> Select[Any]:
    # Amounts and times as the database has them: what reads them knows both.
    columns: list[ColumnElement[Any]] = [literal_column(f"sales.{name}") for name in SALE_COLUMNS]
    return select(SALES.c.seq, LINKS.c.recorded_at, LINKS.c.import_id, *columns).join_from(
        SALES, LINKS, SALES.c.link == LINKS.c.number
    )


def _where(query: Select[Any], agreement: str | None, period: Period | str | None) -> Select[Any]:
    if agreement is not None:
        query = query.where(SALES.c.agreement == agreement)
    if period is not None:
        span = Period.parse(period)
        query = query.where(SALES.c.occurred_at >= span.start, SALES.c.occurred_at < span.end)
    return query


# ---------------------------------------------------------------------------------------- manifests


def _totals_text(totals: Mapping[str, int]) -> str:
    named = {token: str(total) for token, total in totals.items()}
    return json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def manifest_fields(manifest: Manifest) -> tuple[str, ...]:
    """Return what the chain says of a manifest, as text."""
    return (
        str(manifest.id),
        manifest.name,
        manifest.file_hash,
        manifest.mapping_hash,
        str(manifest.lines),
        str(manifest.skipped),
        _totals_text(manifest.totals),
        str(manifest.new),
        str(manifest.known),
    )


def _manifests(connection: Connection, **where: str) -> Iterator[Manifest]:
    query = select(IMPORTS, LINKS.c.recorded_at).join_from(IMPORTS, LINKS, LINKS.c.import_id == IMPORTS.c.id)
    for name, value in where.items():
        query = query.where(IMPORTS.c[name] == value)
    for row in connection.execute(query.order_by(IMPORTS.c.id)).mappings():
        values = {**row, "totals": {token: int(total) for token, total in json.loads(row["totals"]).items()}}
        yield Manifest(**values)


def _manifest(connection: Connection, file_hash: str, mapping_hash: str) -> Manifest | None:
    return next(_manifests(connection, file_hash=file_hash, mapping_hash=mapping_hash), None)


# ---------------------------------------------------------------------------------------- appending


class _Appending:
    """Rows on their way into the ledger, in one transaction: counted, written, and hashed as they come."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._store = store
        self._raw: Any = connection.connection.driver_connection
        self._digest = _chain.Digest()
        self.recorded_at = datetime.now(UTC)
        last = self._one(
            "SELECT number, last_seq, hash, (SELECT max(seq) FROM sales) FROM links ORDER BY number DESC LIMIT 1"
        )
        number, before, previous, most = last or (0, 0, _chain.GENESIS, None)
        if last is not None and (most or 0) != before:
            raise LedgerDamaged(
                f"its chain ends with entry {before}, its sales with {most or 0}: see Ledger.verify",
                ledger=store.name,
            )
        self._number: int = number + 1
        self._previous = bytes(previous)
        self._before: int = before
        self._last: int = before
        self._known = 0

    def add(self, rows: list[Row]) -> None:
        """Write what is new of `rows`. Raises ConflictError."""
        if len(rows) == 1:
            fresh = rows if self._insert_one(rows[0]) else self._new_of(rows)
        elif self._insert(rows):
            fresh = rows
        else:
            fresh = self._new_of(rows)
            if fresh and not self._insert(fresh):
                raise LedgerDamaged("its index of identities is wrong", ledger=self._store.name)
        self._digest.add(fresh)
        self._last += len(fresh)
        self._known += len(rows) - len(fresh)

    def finish(self, manifest: Manifest | None = None) -> Batch:
        """Add the link, if there is anything to chain."""
        new = self._last - self._before
        if not new and manifest is None:
            return Batch(0, self._known)
        import_id = None
        fields = None
        if manifest is not None:
            import_id = self._one("SELECT coalesce(max(id), 0) + 1 FROM imports")[0]
            manifest = replace(manifest, id=import_id, new=new, known=self._known)
            fields = manifest_fields(manifest)
            self._connection.execute(
                IMPORTS.insert().values(
                    id=import_id,
                    name=manifest.name,
                    file_hash=manifest.file_hash,
                    mapping_hash=manifest.mapping_hash,
                    lines=manifest.lines,
                    skipped=manifest.skipped,
                    totals=_totals_text(manifest.totals),
                    new=new,
                    known=self._known,
                )
            )
        recorded_at = microseconds(self.recorded_at)
        digest = self._digest.value()
        first = self._before + 1
        hashed = _chain.link_hash(
            self._previous,
            self._number,
            first,
            self._last,
            recorded_at,
            digest,
            _chain.manifest_digest(fields),
        )
        self._run(
            "INSERT INTO links (number, first_seq, last_seq, recorded_at, import_id, digest, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._number, first, self._last, recorded_at, import_id, digest, hashed),
        )
        return Batch(new, self._known, first if new else None, self._last if new else None, import_id)

    # The driver is asked directly: SQLAlchemy's way costs more than the statements themselves.

    def _run(self, statement: str, values: Sequence[object] = ()) -> Any:
        if self._store.dialect == "sqlite":
            return self._raw.execute(statement, values)
        return self._raw.execute(statement.replace("?", "%s"), values)

    def _one(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self._run(statement, values).fetchone()

    def _insert_one(self, row: Row) -> bool:
        places = ", ".join("?" * len(row))
        done = self._run(
            f"INSERT INTO sales (seq, link, {_COLUMNS}) VALUES ({self._last + 1}, {self._number}, {places}) "
            "ON CONFLICT (source, external_id) DO NOTHING",
            self._typed(row),
        )
        return bool(done.rowcount)

    def _typed(self, row: Row) -> Sequence[object]:
        if self._store.dialect == "sqlite":
            return row
        return [
            int(value) if name in ("occurred_at", "amount") else value
            for name, value in zip(SALE_COLUMNS, row, strict=True)
        ]

    def _insert(self, rows: list[Row]) -> bool:
        """Write all of `rows`, or none when one is there already."""
        self._run("SAVEPOINT chunk")
        try:
            if self._store.dialect == "sqlite":
                # The key is left out: SQLite then takes the next.
                self._raw.executemany(
                    f"INSERT INTO sales (link, {_COLUMNS}) "
                    f"VALUES ({self._number}, {', '.join('?' * len(SALE_COLUMNS))})",
                    rows,
                )
            else:
                self._copy(rows)
        except Exception as error:
            if not _is_duplicate(error):
                raise
            self._run("ROLLBACK TO SAVEPOINT chunk")
            return False
        finally:
            if _usable(self._raw):
                self._run("RELEASE SAVEPOINT chunk")
        return True

    def _copy(self, rows: list[Row]) -> None:
        with (
            self._raw.cursor() as cursor,
            cursor.copy(f"COPY sales (seq, link, {_COLUMNS}) FROM STDIN") as copy,
        ):
            copy.write(
                "".join(
                    f"{seq}\t{self._number}\t{chr(0).join(row).translate(_COPY)}\n"
                    for seq, row in enumerate(rows, self._last + 1)
                )
            )

    def _new_of(self, rows: list[Row]) -> list[Row]:
        """Return those of `rows` that are not there yet, each once. Raises ConflictError."""
        there: dict[Row, tuple[int | None, Row]] = self._existing(rows)
        fresh = []
        for row in rows:
            identity = row[:_IDENTITY]
            found = there.get(identity)
            if found is None:
                there[identity] = (None, row)
                fresh.append(row)
            elif found[1] != row:
                raise ConflictError(sale_of(found[1]), sale_of(row), seq=found[0], ledger=self._store.name)
        return fresh

    def _existing(self, rows: list[Row]) -> dict[Row, tuple[int | None, Row]]:
        if self._store.dialect == "sqlite":
            one = f"SELECT seq, {_COLUMNS} FROM sales WHERE source = ? AND external_id = ?"
            found = [hit for row in rows if (hit := self._raw.execute(one, row[:_IDENTITY]).fetchone())]
        else:
            found = self._raw.execute(
                f"SELECT seq, {_COLUMNS} FROM sales JOIN unnest(%s::text[], %s::text[]) AS given (source, external_id) "
                "USING (source, external_id)",
                ([row[0] for row in rows], [row[1] for row in rows]),
            ).fetchall()
        return {
            (values[0], values[1]): (seq, values)
            for seq, values in ((hit[0], tuple(map(str, hit[1:]))) for hit in found)
        }


def _is_duplicate(error: BaseException) -> bool:
    return (
        isinstance(error, sqlite3.IntegrityError)
        and error.sqlite_errorname in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
    ) or getattr(error, "sqlstate", None) == "23505"


def _usable(raw: Any) -> bool:
    """Whether the transaction can go on, and the savepoint can be released."""
    return (
        bool(raw.in_transaction)
        if isinstance(raw, sqlite3.Connection)
        else raw.info.transaction_status.value == 2
    )
