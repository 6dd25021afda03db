"""The ledger: sales and credit notes, each recorded once, never changed, and chained."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select, text

from revshare._period import Period
from revshare.errors import AmountError, ConflictError, InvalidInput, LedgerDamaged
from revshare.money import units

from . import _chain
from ._append import Appending, manifests
from ._records import Batch, Entry, Manifest, Recorded, Totals, Verification
from ._rows import SALE_COLUMNS, Row, row_of, sale_of
from ._sale import Sale
from ._schema import LINKS, REVERSED, SALES
from ._store import Store
from ._verify import verify

if TYPE_CHECKING:
    from ._settlements import SettlementRecord
    from .imports._run import ImportReport, MappingLike, Progress

BLOCK = 512
"""Rows that are written at once: few enough to be in the processor's cache still."""

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

        url: a path, ``sqlite:///path`` or ``postgresql://user@host/database``; ``sqlite://`` for one that
        ends with the process. create: whether to make one where there is none. timeout: seconds to wait for
        others.

        Raises LedgerError when there is none (and `create` is false) or it cannot be reached; LedgerTooNew
        when a later version made it; LedgerDamaged; MissingExtra for PostgreSQL without psycopg.
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
        with self._store.append() as raw:
            recorded = self._record(raw, sale, row)
        if recorded is not None:
            return recorded
        entry = self.sale(sale.source, sale.external_id)
        if entry is None:
            raise LedgerDamaged("an index of it is wrong: see Ledger.verify", ledger=self._store.name)
        return Recorded(entry, new=False)

    def _record(self, raw: Any, sale: Sale, row: Row) -> Recorded | None:
        """Return None when it is known already."""
        appending = Appending(raw, self._store)
        appending.add_one(row)
        seq = appending.finish().first
        return None if seq is None else Recorded(Entry(sale, seq, appending.recorded_at), new=True)

    def reverse(
        self,
        source: str,
        external_id: str,
        *,
        reason: str,
        amount: int | None = None,
        external_id_of_reversal: str | None = None,
        occurred_at: datetime | None = None,
    ) -> Recorded:
        """Record a credit note for a sale: its exact negative, or of `amount` base units of it.

        The reversal is an entry of its own, with `reverses` (the sale's id) and `reason` in its metadata. Its
        id is the sale's followed by ``/reversal`` unless given, its time now unless given: it belongs to the
        period in which it is made. The same again changes nothing. To put another in the sale's place, record
        that after it. A sale may be reversed in several parts, each under an id of its own, until nothing of
        it is left.

        Raises InvalidInput when there is no such sale, no reason, or not so much of the sale left;
        ConflictError when it was reversed otherwise.
        """
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidInput("a reversal needs a reason: text, and not empty")
        part = None if amount is None else units(amount, "the amount to reverse")
        if part is not None and part <= 0:
            raise AmountError("the amount to reverse is above 0: it is how much of the sale", value=amount)
        with self._writing() as connection:
            found = self._entry(connection, source, external_id)
            if found is None:
                raise InvalidInput(f"there is no sale {external_id!r} of {source!r} to reverse")
            whole = found.sale.amount
            back = -whole if part is None else -part if whole > 0 else part
            reversal = replace(
                found.sale,
                external_id=external_id_of_reversal or f"{external_id}/reversal",
                occurred_at=occurred_at or datetime.now(UTC),
                amount=back,
                metadata={"reverses": external_id, "reason": reason},
                zone="",
            )
            earlier = list(self._reversals_of(connection, found.sale))
            same = [entry for entry in earlier if entry.sale.external_id == reversal.external_id]
            # A whole reversal is the only one there is, whatever its id.
            before = next(iter(same or (e for e in earlier if back == -whole == e.sale.amount)), None)
            if before is not None:
                if occurred_at is None:
                    reversal = replace(reversal, occurred_at=before.sale.occurred_at)
                if before.sale != reversal:
                    raise ConflictError(before.sale, reversal, seq=before.seq, ledger=self._store.name)
                return Recorded(before, new=False)
            left = abs(whole) - sum(abs(entry.sale.amount) for entry in earlier)
            if abs(back) > left:
                raise InvalidInput(
                    f"of {abs(whole)} units of {external_id!r}, {left} are left to reverse, not {abs(back)}"
                )
            recorded = self._record(_driver(connection), reversal, row_of(reversal))
            if recorded is None:
                raise LedgerDamaged("an index of it is wrong: see Ledger.verify", ledger=self._store.name)
            return recorded

    def _reversals_of(self, connection: Connection, sale: Sale) -> Iterator[Entry]:
        # In the words of the index `sales_by_reversed`, or it would not be used.
        reversed_, does = REVERSED[self._store.dialect]
        query = _entries().where(
            SALES.c.source == sale.source, literal_column(reversed_) == sale.external_id, text(does)
        )
        for row in connection.execute(query):
            entry = self._entry_of(row)
            if entry.sale.metadata.get("reverses") == sale.external_id:
                yield entry

    def record_all(self, sales: Iterable[Sale], *, manifest: ManifestOrLater = None) -> Batch:
        """Record many in one transaction: all or none. Those the ledger has already change nothing.

        manifest: what they were imported from; one that the ledger has makes this a no-op. It may be a
        function, called when all sales have been taken. Raises ConflictError, as `record` does.
        """
        rows = (row_of(_checked(sale)) for sale in sales)
        blocks = iter(lambda: list(islice(rows, BLOCK)), [])
        with self._writing() as connection:
            return self._append(connection, blocks, manifest=manifest)

    def _append(
        self, connection: Connection, blocks: Iterable[list[Row]], *, manifest: ManifestOrLater = None
    ) -> Batch:
        """Append blocks of rows of text (see `_rows`) in the transaction of `connection`, made by `_writing`.

        A block is written before the next is asked for. Once for each transaction: it adds one link.
        """
        if isinstance(manifest, Manifest):
            known = _manifest(connection, manifest.file_hash, manifest.mapping_hash)
            if known is not None:
                return Batch(0, known.new + known.known, import_id=known.id)
        appending = Appending(_driver(connection), self._store)
        appending.add(blocks)
        return appending.finish(manifest() if callable(manifest) else manifest)

    def import_sales(
        self,
        source: object,
        mapping: MappingLike,
        *,
        progress: Progress | None = None,
        most_problems: int | None = 1000,
        expect: str | None = None,
    ) -> ImportReport:
        """Record the sales of a file or a data frame, all or none: see `imports.import_sales`."""
        from .imports import import_sales

        return import_sales(
            self, source, mapping, progress=progress, most_problems=most_problems, expect=expect
        )

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

        agreement, source: only theirs. period: only what occurred in it; text such as ``"2011-03"`` is a
        period in UTC. after: only entries with a greater `seq`.
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

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        agreement: str | None = None,
        *,
        period: Period | str | None = None,
    ) -> int:
        """Write the sales, or those of one agreement or period, to a Parquet file; return how many.

        In the order of `seq`, which is a column, and as one state of the ledger; what stood at `path` is
        replaced when the file is whole. Raises AmountError for an amount of more than 38 digits, which no
        engine could read exactly; MissingExtra without pyarrow.
        """
        from ._parquet import write_parquet

        query = _where(_entries(), agreement, period).order_by(SALES.c.seq)
        with (
            self._reading() as connection,
            connection.execution_options(yield_per=1000).execute(query) as rows,
        ):
            return write_parquet(((row[0], *row[3:]) for row in rows), path)

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
            return tuple(manifests(connection))

    def manifest(self, file_hash: str, mapping_hash: str = "") -> Manifest | None:
        """Return the manifest of the import of that file, read in that way; None when there was none."""
        with self._reading() as connection:
            return _manifest(connection, file_hash, mapping_hash)

    def verify(self, expected_head: str | None = None) -> Verification:
        """Read everything and return what is not as it was recorded; true when all is well.

        expected_head: what `head` returned at some time. Without it, entries that are missing at the end
        together with their links cannot be missed. Raises InvalidInput for one that is no head.
        """
        with self._reading(snapshot=True) as connection:
            return verify(connection, self._store, expected_head)

    def settlements(self, agreement: str | None = None) -> tuple[SettlementRecord, ...]:
        """Return the settlements of an agreement, or of all, the oldest period first."""
        from ._journal import Journal  # whose tables are on top of these

        return Journal(self).settlements(agreement)

    def settlement_lines(self, settlement_id: int) -> Iterator[Entry]:
        """Give the sales of a settlement, in the order of their leaves."""
        from ._journal import Journal

        return Journal(self).settled_lines(settlement_id)

    def head(self) -> str:
        """Return the hash of the last link, hexadecimal: noted elsewhere, it shows `verify` what is lost."""
        with self._reading() as connection:
            found = connection.execute(select(LINKS.c.hash).order_by(LINKS.c.number.desc()).limit(1)).scalar()
            return bytes(found or _chain.GENESIS).hex()


def _checked(sale: Sale) -> Sale:
    if not isinstance(sale, Sale):
        raise InvalidInput(f"a ledger records sales, not {type(sale).__name__}")
    return sale


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


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


def _manifest(connection: Connection, file_hash: str, mapping_hash: str) -> Manifest | None:
    return next(manifests(connection, file_hash=file_hash, mapping_hash=mapping_hash), None)
