"""Importing sales: read, check, count, and append in one transaction; or say everything that is wrong."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from revshare.errors import BadCell, ImportRefused, InvalidInput
from revshare.ledger._records import Manifest, Totals
from revshare.ledger._rows import Row, sale_of

from ._convert import Converter, Sums
from ._mapping import Reading, SaleMapping
from ._table import Chunk, Stop, Table

if TYPE_CHECKING:
    from revshare.ledger._ledger import Ledger
    from revshare.ledger._sale import Sale

__all__ = [
    "ImportReport",
    "MappingLike",
    "Progress",
    "import_sales",
    "imported_before",
    "open_table",
    "preview_sales",
    "read_sales",
]

Progress = Callable[[int, int], None]
"""Called with how far the reading is, and what it goes up to."""

MappingLike = SaleMapping | str | os.PathLike[str] | Mapping[str, Any]
"""A mapping, the path of a file with one, or what such a file says."""

MOST_PROBLEMS = 1000
"""So many are kept to be shown; all are counted."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file of sales came to.

    name, file_hash, mapping_hash: of the file and of how it was read. lines: with something on them; skipped:
    of these, left out by filters or routes; sales: the others. totals: agreement → token symbol → sums in
    base units. new, known: sales recorded now, and those the ledger had; both 0 in a preview. again: the same
    file had been imported in the same way, and nothing was done. import_id: of its manifest in the ledger.
    """

    name: str
    file_hash: str
    mapping_hash: str
    lines: int
    skipped: int
    sales: int
    totals: Mapping[str, Mapping[str, Totals]] = field(default_factory=dict)
    new: int = 0
    known: int = 0
    again: bool = False
    import_id: int | None = None


def open_table(
    source: object, reading: Reading | None = None, known: Mapping[str, str] | None = None
) -> Table:
    """Open a source of sales: the path of a CSV, Excel or Parquet file, or a data frame.

    known: the columns that a mapping names. Raises ImportRefused, InvalidInput, MissingExtra.
    """
    if isinstance(source, Table):
        return source
    reading = reading or Reading()
    if not isinstance(source, (str, os.PathLike)):
        from ._arrow import FrameTable

        return FrameTable(source)
    path = Path(source)
    try:
        with path.open("rb") as file:
            start = file.read(4)
        suffix = path.suffix.lower()
        if suffix in (".xlsx", ".xlsm") or (
            start == b"PK\x03\x04" and suffix not in (".csv", ".tsv", ".txt")
        ):
            from ._excel import ExcelTable

            return ExcelTable(path, reading)
        if suffix in (".parquet", ".pq") or start == b"PAR1":
            from ._arrow import ParquetTable

            return ParquetTable(path)
        from ._csv import CsvTable

        return CsvTable(path, reading, known or ())
    except FileNotFoundError:
        raise InvalidInput(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path}: is a directory; give the path of a file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path}: cannot be read ({error})") from None


class _Reading:
    """One pass over a table: rows as they come, and what was counted and found fault with."""

    def __init__(
        self,
        table: Table,
        mapping: SaleMapping,
        progress: Progress | None = None,
        most_problems: int | None = MOST_PROBLEMS,
    ) -> None:
        self.table = table
        self.mapping = mapping
        self.file_hash = table.fingerprint()
        self.mapping_hash = mapping.digest()
        self.lines = self.skipped = self.sales = self.faults = 0
        self.problems: list[BadCell] = []
        self.by_agreement: dict[str, Sums] = {}
        self._converter = Converter(mapping, table)
        self._progress = progress
        self._most = most_problems

    def chunks(self) -> Iterator[list[Row]]:
        """Yield rows, as long as nothing was wrong. Raises ImportRefused at the end when something was."""
        try:
            for chunk in self.table.read(self._converter.positions):
                rows = self._take(chunk)
                if self._progress is not None:
                    self._progress(chunk.done, self.table.total)
                if rows and not self.faults:
                    yield rows
        except Stop as stop:
            self._blame([stop.cell])
        if self.faults:
            raise ImportRefused(self.problems, self.table.name, self.faults)

    def _take(self, chunk: Chunk) -> list[Row]:
        done = self._converter.convert(chunk)
        self.lines += chunk.size + len(chunk.problems)
        self.skipped += done.skipped
        self.sales += len(done.rows)
        self._blame(done.problems)
        for agreement, sums in done.by_agreement.items():
            total = self.by_agreement.setdefault(agreement, Sums())
            total.count += sums.count
            total.gross += sums.gross
            total.credit_notes += sums.credit_notes
        return done.rows

    def _blame(self, problems: list[BadCell]) -> None:
        self.faults += len(problems)
        room = len(problems) if self._most is None else self._most - len(self.problems)
        self.problems += problems[: max(0, room)]

    def manifest(self) -> Manifest:
        """Return what the ledger keeps of the file, once all of it was read."""
        net = sum(sums.gross + sums.credit_notes for sums in self.by_agreement.values())
        return Manifest(
            self.table.name,
            self.file_hash,
            self.mapping_hash,
            lines=self.lines,
            skipped=self.skipped,
            totals={self.mapping.token.symbol: net},
        )

    def report(self, **more: Any) -> ImportReport:
        """Return what the file came to, once all of it was read."""
        symbol = self.mapping.token.symbol
        totals = {
            agreement: {symbol: Totals(sums.count, sums.gross, sums.credit_notes)}
            for agreement, sums in sorted(self.by_agreement.items())
        }
        return ImportReport(
            self.table.name,
            self.file_hash,
            self.mapping_hash,
            self.lines,
            self.skipped,
            self.sales,
            totals,
            **more,
        )


def _start(source: object, mapping: object, progress: Progress | None, most: int | None) -> _Reading:
    if isinstance(mapping, (str, os.PathLike)):
        mapping = SaleMapping.load(os.fspath(mapping))
    elif not isinstance(mapping, SaleMapping):
        mapping = SaleMapping.model_validate(mapping)
    table = open_table(source, mapping.file, mapping.used_columns())
    return _Reading(table, mapping, progress, most)


def import_sales(
    ledger: Ledger,
    source: object,
    mapping: MappingLike,
    *,
    progress: Progress | None = None,
    most_problems: int | None = MOST_PROBLEMS,
    expect: str | None = None,
) -> ImportReport:
    """Record the sales of `source` in `ledger`: all of them in one transaction, or none.

    source: the path of a CSV, Excel or Parquet file, or a data frame. mapping: how it is read, or the path of
    a file that says so. progress: called now and then with how far the reading is, and what it goes up to.
    most_problems: how many are kept when there are more; None for all. expect: the file_hash of a preview,
    when the file must be the one that was previewed.

    The same file, read in the same way, is imported once. Sales that came in another file are known by id.

    Raises ImportRefused with every cell that cannot be taken; ConflictError for a sale the ledger has with
    other content; MappingError; InvalidInput; LedgerError.
    """
    reading = _start(source, mapping, progress, most_problems)
    if expect is not None and reading.file_hash != expect:
        raise reading.table.refuse("", "", "has been changed since it was previewed")
    before = _before(ledger, reading)
    if before is not None:
        return before
    with _no_collections(), ledger._writing() as connection:  # noqa: SLF001 - the importer is part of the ledger
        # Others may have imported it while we waited; from here on we are alone.
        before = _before(ledger, reading)
        if before is not None:
            return before
        batch = ledger._append(connection, reading.chunks(), manifest=reading.manifest)  # noqa: SLF001
    return reading.report(new=batch.new, known=batch.known, import_id=batch.import_id)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for cycles of garbage: rows make none, and looking takes time for each row."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def imported_before(ledger: Ledger, source: object, mapping: MappingLike) -> ImportReport | None:
    """Return the report of a file that `ledger` has imported in this way already, None when it has not."""
    return _before(ledger, _start(source, mapping, None, MOST_PROBLEMS))


def _before(ledger: Ledger, reading: _Reading) -> ImportReport | None:
    for earlier in ledger.imports():
        if (earlier.file_hash, earlier.mapping_hash) == (reading.file_hash, reading.mapping_hash):
            sales = earlier.new + earlier.known
            return ImportReport(
                reading.table.name,
                reading.file_hash,
                reading.mapping_hash,
                earlier.lines,
                earlier.skipped,
                sales,
                known=sales,
                again=True,
                import_id=earlier.id,
            )
    return None


def preview_sales(
    source: object,
    mapping: MappingLike,
    *,
    progress: Progress | None = None,
    most_problems: int | None = MOST_PROBLEMS,
) -> ImportReport:
    """Return what `import_sales` would record, without any ledger. Raises as it does."""
    reading = _start(source, mapping, progress, most_problems)
    for _ in reading.chunks():
        pass
    return reading.report()


def read_sales(source: object, mapping: MappingLike) -> Iterator[Sale]:
    """Give the sales of `source` one by one, without any ledger.

    Raises as `import_sales` does, after the sales above the first line that cannot be taken.
    """
    reading = _start(source, mapping, None, MOST_PROBLEMS)
    for rows in reading.chunks():
        yield from map(sale_of, rows)
