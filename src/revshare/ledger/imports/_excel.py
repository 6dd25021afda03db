"""Sales from Excel workbooks (.xlsx, .xlsm), a row at a time.

Numbers are taken by their shortest decimal form. What cannot be meant is refused where it stands: formulas
(unless the mapping takes their cached values), error cells, cells merged with others. Sheets that are hidden
are read only when they are named; hidden rows and columns are read as any others.
"""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from revshare.errors import BadCell, MissingExtra, did_you_mean

from ._mapping import Reading
from ._table import CHUNK, Bad, Cell, Chunk, Stop, Table, cell_of, short

__all__ = ["ExcelTable"]

_MOST_BYTES = 4 * 2**30
_MOST_SHARED = 256 * 2**20
_MOST_ROWS = 1_048_576
_MERGED = re.compile(
    rb"<(?:\w+:)?mergeCell\b[^>]*?\bref\s*=\s*[\"']([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?[\"']"
)


class ExcelTable(Table):
    """A sheet of a workbook."""

    def __init__(self, path: Path, reading: Reading) -> None:
        try:
            # openpyxl reads XML by it when it is there.
            import defusedxml  # type: ignore[import-untyped]  # noqa: F401
            import openpyxl  # type: ignore[import-untyped]  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtra("imports", str(error.name)) from None
        self.name = path.name
        self._path = path
        self._cached = reading.formulas == "cached"
        self.header_line = reading.header
        self._check_archive()
        with self._workbook() as book:
            sheet = self._choose(book, reading.sheet)
            self._title = sheet.title
            self._part = str(sheet._worksheet_path)  # noqa: SLF001 - where the sheet is within the file
            self._sheet_rows = sheet.max_row or 0
            self.header = self._read_header(sheet)
        self._merged = self._find_merged()
        self.total = self._sheet_rows

    # ------------------------------------------------------------------------------------------ opening

    def _check_archive(self) -> None:
        with self._path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"\xd0\xcf\x11\xe0"):
            raise self.refuse(
                "", "", "is an old or a password-protected workbook: save it as .xlsx, without password"
            )
        try:
            with zipfile.ZipFile(self._path) as archive:
                parts = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise self.refuse("", "", f"is no workbook ({error})") from None
        if sum(part.file_size for part in parts) > _MOST_BYTES:
            raise self.refuse("", "", "unpacks to more than 4 GB")
        if any(part.file_size > _MOST_SHARED and "sharedstrings" in part.filename.lower() for part in parts):
            raise self.refuse("", "", "has more than 256 MB of texts: export it as CSV")

    @contextmanager
    def _workbook(self) -> Iterator[Any]:
        """The workbook, whose reader may fail in any way on a damaged file."""
        import openpyxl

        # Opened here, because the reader leaves files open when it fails.
        with warnings.catch_warnings(), self._path.open("rb") as file:
            warnings.simplefilter("ignore")  # of dates out of range, styles and extensions it does not know
            try:
                book = openpyxl.load_workbook(file, read_only=True, data_only=self._cached, keep_links=False)
            except Exception as error:  # noqa: BLE001 - see above
                raise self.refuse("", "", f"cannot be read as a workbook ({_said(error)})") from None
            try:
                yield book
            finally:
                book.close()

    def _choose(self, book: Any, name: str | None) -> Any:
        sheets = {sheet.title: sheet for sheet in book.worksheets if hasattr(sheet, "iter_rows")}
        visible = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
        listed = ", ".join(repr(short(title, 31)) for title in visible[:20])
        if name is not None:
            if name not in sheets:
                hint = did_you_mean(name, sheets) or f"the visible ones are {listed}"
                raise self.refuse("", name, f"is no sheet of the workbook; {hint}")
            return sheets[name]
        if not visible:
            raise self.refuse("", "", "has no visible sheet: name one by file.sheet")
        if len(visible) > 1:
            raise self.refuse("", "", f"has several sheets: name one of {listed} by file.sheet")
        return sheets[visible[0]]

    def _read_header(self, sheet: Any) -> tuple[str, ...]:
        rows = self._rows(sheet)
        try:
            row = next(islice(rows, self.header_line - 1, self.header_line), ())
        except Stop as stop:
            raise self.refuse("", "", stop.cell.reason) from None
        names = []
        for cell in row:
            value = _cell(cell)
            names.append(
                value.strip() if isinstance(value, str) else "" if isinstance(value, Bad) else str(value)
            )
        while names and not names[-1]:
            names.pop()
        if not names:
            raise self.refuse("", "", "the row that should name the columns is empty", self.header_line)
        return tuple(names)

    def _rows(self, sheet: Any) -> Iterator[Any]:
        # The size that a sheet claims to have may be wrong; cells beyond it would be lost.
        sheet.reset_dimensions()
        number = 0
        try:
            for row in sheet.iter_rows():
                number += 1
                if number > _MOST_ROWS:
                    break
                yield row
        except Exception as error:  # noqa: BLE001 - the reader may fail in any way on a damaged file
            raise Stop(
                BadCell(number + 1, "", "", f"cannot be read as a workbook from here on ({_said(error)})")
            ) from None
        if number > _MOST_ROWS:
            raise Stop(BadCell(number, "", "", "is beyond the last row that a sheet can have"))

    def _find_merged(self) -> list[tuple[int, int, int, int]]:
        """Return the merged ranges: first and last row, first and last column, from 1."""
        found = []
        rest = b""
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(self._part.lstrip("/")) as part:
                while block := part.read(1 << 20):
                    text = rest + block
                    end = 0
                    for hit in _MERGED.finditer(text):
                        end = hit.end()
                        left, top, right, bottom = (value or b"" for value in hit.groups())
                        found.append((int(top), int(bottom or top), _column(left), _column(right or left)))
                        if len(found) > 100_000:
                            raise self.refuse("", "", "has more than 100,000 merged ranges: unmerge them")
                    rest = text[max(end, len(text) - 200) :]
        except (zipfile.BadZipFile, OSError, KeyError, ValueError, EOFError, NotImplementedError) as error:
            raise self.refuse("", "", f"cannot be read as a workbook ({_said(error)})") from None
        return [
            entry
            for entry in found
            if entry[1] > self.header_line and entry[:1] + entry[2:3] != entry[1:2] + entry[3:]
        ]

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    # ------------------------------------------------------------------------------------------ reading

    def read(self, positions: Sequence[int]) -> Iterator[Chunk]:
        """Yield the rows below the header, with the columns at `positions`. Raises Stop."""
        with self._workbook() as book:
            rows = self._rows(self._choose(book, self._title))
            for _ in islice(rows, self.header_line):
                pass
            number = self.header_line
            while True:
                taken: list[Any] = []
                stop = None
                try:
                    # What was read before an error stays in the list.
                    taken.extend(islice(rows, CHUNK))
                except Stop as error:
                    stop = error
                if taken:
                    yield self._chunk(taken, number + 1, positions)
                    number += len(taken)
                if stop is not None:
                    raise stop
                if not taken:
                    return

    def _chunk(self, rows: Iterable[Any], first: int, positions: Sequence[int]) -> Chunk:
        lines: list[int] = []
        kept: list[list[Cell]] = []
        blank = 0
        last = first
        for last, row in enumerate(rows, first):
            width = len(row)
            merged = self._covered(last) if self._merged else {}
            values = [
                merged.get(index) or (_cell(row[index]) if index < width else "") for index in positions
            ]
            if all(value == "" for value in values) and all(cell.value is None for cell in row):
                blank += 1
                continue
            lines.append(last)
            kept.append(values)
        columns = list(zip(*kept, strict=True))
        return Chunk(columns, len(kept), lambda: lines, blank=blank, done=min(last, self.total))

    def _covered(self, row: int) -> dict[int, Cell]:
        """Return the cells of a row that merged ranges cover, by position."""
        covered: dict[int, Cell] = {}
        for top, bottom, left, right in self._merged:
            if top <= row <= bottom:
                bad = Bad("", f"is merged with the cells from row {top} to {bottom}: unmerge them")
                for column in range(left, min(right, 16_384) + 1):
                    if (row, column) != (top, left):
                        covered[column - 1] = bad
        return covered


def _cell(cell: Any) -> Cell:
    value, kind = cell.value, cell.data_type
    if value is None:
        return ""
    if kind == "f":
        return Bad(short(str(value)), 'is a formula: save values only, or set file.formulas = "cached"')
    if kind == "e":
        return Bad(short(str(value)), "is an error")
    if isinstance(value, (datetime, date, str, bool, float)):
        return cell_of(value)
    if isinstance(value, int):
        if abs(value) >= 2**53:
            return Bad(str(value)[:60], "is more than a cell's number keeps exactly: keep it as text")
        return cell_of(value)
    return cell_of(value)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:4]:
        number = number * 26 + letter - 64
    return number


def _said(error: Exception) -> str:
    return short((str(error).splitlines() or [""])[0] or type(error).__name__, 120)
