"""Sales from CSV: UTF-8 with or without byte-order mark, cp1252 when declared; separators are found out."""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import compress, islice
from pathlib import Path
from typing import TextIO

from revshare.errors import BadCell, ImportRefused

from ._mapping import Reading
from ._table import CHUNK, Chunk, Stop, Table, short

__all__ = ["CsvTable"]

_SEPARATORS = ",;\t|"
_SAMPLE = 256 * 1024
_BREAK = re.compile(r"\r\n|\r|\n")
_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip archive (a workbook ends in .xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as .xlsx",
    b"PAR1": "Parquet: name it .parquet",
    b"%PDF": "PDF",
    b"\x1f\x8b": "compressed: unpack it",
}

_CHANGED = BadCell(0, "", "", "the file was changed while it was read: import it again")


class CsvTable(Table):
    """A CSV file. `known`: columns that a mapping names, by which the separator is found."""

    clean = True

    def __init__(self, path: Path, reading: Reading, known: Collection[str] = ()) -> None:
        self.name = path.name
        self._path = path
        self._encoding = "utf-8-sig" if reading.encoding == "utf-8" else reading.encoding
        self._header_row = reading.header
        self._check_start()
        self.separator = reading.separator or self._sniff(known)
        self.header, self.header_line, self._first_line = self._read_header()
        status = path.stat()
        self.total = status.st_size
        self._seen = (status.st_size, status.st_mtime_ns)

    # ------------------------------------------------------------------------------------------ opening

    def _open(self, errors: str = "strict") -> TextIO:
        return self._path.open(encoding=self._encoding, newline="", errors=errors)

    def _check_start(self) -> None:
        with self._path.open("rb") as file:
            start = file.read(4096)
        for mark, kind in _MARKS.items():
            if start.startswith(mark):
                raise self.refuse("", "", f"is {kind}; CSV in UTF-8 is needed", 1)
        if start.startswith(b"\xef\xbb\xbf") and self._encoding == "cp1252":
            raise self.refuse("", "", "begins with the mark of UTF-8: it is not cp1252", 1)
        if not start.strip(b"\xef\xbb\xbf\r\n\t "):
            raise self.refuse("", "", "is empty", 1)

    def _sniff(self, known: Collection[str]) -> str:
        """Return the separator: what gives the known columns, or else as many fields on every line."""
        # What is not in the encoding is said when it is read: then the columns are known.
        with self._open("replace") as file:
            sample = file.read(_SAMPLE)
        # Half a line, perhaps, at the end.
        lines = sample.splitlines(keepends=True)[: None if len(sample) < _SAMPLE else -1]
        found: list[tuple[int, str]] = []
        for separator in _SEPARATORS:
            rows = _sample_rows(lines, separator)[self._header_row - 1 :]
            if not rows:
                continue
            header = {name.strip() for name in rows[0]}
            if known and header >= set(known):
                return separator
            if len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows if row):
                found.append((len(rows[0]), separator))
        found.sort(reverse=True)
        if len(found) > 1 and found[0][0] == found[1][0]:
            both = " or ".join(repr(separator) for _, separator in found[:2])
            raise self.refuse("", "", f"fields could be separated by {both}: declare file.separator", 1)
        if found:
            return found[0][1]
        # Lines of different lengths: what the header has most of; those lines are reported one by one.
        head = lines[min(self._header_row, len(lines)) - 1] if lines else ""
        return max(_SEPARATORS, key=head.count)

    def _read_header(self) -> tuple[tuple[str, ...], int, int]:
        """Return the names of the columns, the line they begin on, and the line after them."""
        with self._open("replace") as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            line = 1
            try:
                for number, row in enumerate(reader, 1):
                    if number == self._header_row:
                        names = tuple(name.strip() for name in row)
                        if any("\ufffd" in name for name in names):
                            self._check_bytes(reader.line_num)
                        if not any(names):
                            raise self.refuse("", "", "the line that should name the columns is empty", line)
                        return names, line, reader.line_num + 1
                    line = reader.line_num + 1
            except csv.Error as error:
                raise self.refuse("", "", _csv_reason(error), line) from None
        raise self.refuse("", "", f"has no line {self._header_row}, which should name the columns", line)

    def _check_bytes(self, last: int) -> None:
        """Raise ImportRefused if one of the first `last` lines has a byte that is not in the encoding."""
        try:
            with self._open() as file:
                for _ in islice(file, last):
                    pass
        except UnicodeDecodeError:
            error = self._undecodable()
            if error.problems[0].line <= last:
                raise error from None

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file, all of which is gone through.

        Raises ImportRefused for bytes that are not in the encoding, and for null characters.
        """
        digest = hashlib.sha256()
        decoder = codecs.getincrementaldecoder(self._encoding)()
        before = b""
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                if b"\0" in block:
                    line = len(re.findall(rb"\r\n|\r|\n", before + block[: block.index(b"\0")])) + 1
                    raise self.refuse("", "", "has a null character: this is not UTF-8 text", line)
                if len(before) < _SAMPLE:
                    before += block
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    raise self._undecodable() from None
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise self._undecodable() from None
        return digest.hexdigest()

    # ------------------------------------------------------------------------------------------ reading

    def read(self, positions: Sequence[int]) -> Iterator[Chunk]:
        """Yield the lines below the header, with the columns at `positions`. Raises Stop, ImportRefused."""
        width = len(self.header)
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            line = self._first_line
            skip = self._header_row
            while True:
                rows: list[list[str]] = []
                stop = None
                try:
                    for _ in islice(reader, skip):
                        pass
                    skip = 0
                    # What was read before an error stays in the list.
                    rows.extend(islice(reader, CHUNK))
                except csv.Error as error:
                    begins = line + len(rows) + sum(map(_breaks, rows))
                    stop = BadCell(begins, "", "", _csv_reason(error))
                except UnicodeDecodeError:
                    stop = _CHANGED
                if not rows and stop is None:
                    break
                yield self._chunk(rows, line, width, positions, min(file.buffer.tell(), self.total))
                if stop is not None:
                    raise Stop(stop)
                line = reader.line_num + 1
        status = self._path.stat()
        if (status.st_size, status.st_mtime_ns) != self._seen:
            raise Stop(_CHANGED)

    @staticmethod
    def _chunk(rows: list[list[str]], line: int, width: int, positions: Sequence[int], done: int) -> Chunk:
        def lines() -> Sequence[int]:
            return _lines(rows, line)

        if set(map(len, rows)) <= {width} and all(map(any, rows)):
            columns = list(zip(*rows, strict=True))
            return Chunk([columns[index] for index in positions] if rows else [], len(rows), lines, done=done)
        numbers = lines()
        good = [len(row) == width and any(row) for row in rows]
        problems = []
        blank = 0
        for row, number in zip(rows, numbers, strict=True):
            if not any(row):
                blank += 1
            elif len(row) != width:
                reason = f"has {len(row)} field{'s' * (len(row) != 1)}, the header has {width}"
                problems.append(BadCell(number, "", short(" | ".join(row)), reason))
        kept = list(compress(rows, good))
        columns = list(zip(*kept, strict=True))
        return Chunk(
            [columns[index] for index in positions] if kept else [],
            len(kept),
            lambda: list(compress(numbers, good)),
            problems=problems,
            blank=blank,
            done=done,
        )

    def _undecodable(self) -> ImportRefused:
        """Return the error for the first byte that is not in the encoding, with its line and column."""
        encoding = "utf-8" if self._encoding == "utf-8-sig" else self._encoding
        number = 0
        with self._path.open("rb") as file:
            for raw in file:
                try:
                    raw.decode(encoding)
                except UnicodeDecodeError as error:
                    before = raw[: error.start].decode(encoding).lstrip("\ufeff")
                    # A line that ends in a carriage return alone does not end for `file`.
                    number += len(_BREAK.findall(before)) + 1
                    where = _BREAK.split(before)[-1]
                    byte = raw[error.start]
                    break
                number += len(re.findall(rb"\r(?!\n)", raw)) + 1
            else:  # pragma: no cover - called only when there is one
                raise AssertionError("the file can be decoded")
        column = ""
        header = getattr(self, "header", ())
        if header:
            fields = len(next(csv.reader([where], delimiter=self.separator), [""]) or [""])
            column = header[fields - 1] if fields <= len(header) else ""
        what = f"the byte 0x{byte:02x} is not {'UTF-8' if encoding == 'utf-8' else encoding}"
        fix = (
            'save the file as UTF-8, or declare file.encoding = "cp1252"'
            if encoding == "utf-8"
            else "check the encoding"
        )
        return self.refuse(column, where[-40:], f"{what}: {fix}", number)


def _sample_rows(lines: list[str], separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(lines, delimiter=separator, strict=True), 200))
    return rows


def _breaks(row: list[str]) -> int:
    """How many lines the fields of a record go on for after its first."""
    return sum(len(_BREAK.findall(field)) for field in row if "\n" in field or "\r" in field)


def _lines(rows: list[list[str]], first: int) -> list[int]:
    numbers = []
    for row in rows:
        numbers.append(first)
        first += 1 + _breaks(row)
    return numbers


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted field begins here and never ends: a quotation mark is missing"
    if "expected after" in text:
        return "a quotation mark stands inside a quoted field: write it twice"
    if "field larger than" in text:
        return "has a field of more than 131,072 characters: perhaps a quotation mark is missing"
    return f"is not CSV ({text})"
