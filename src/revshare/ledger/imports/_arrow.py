"""Sales from Parquet files, and from data frames of pandas, polars, pyarrow and what else narwhals knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from revshare.errors import BadCell, InvalidInput, MissingExtra

from ._numbers import Unreadable, from_float
from ._table import CHUNK, Bad, Cell, Chunk, Stop, Table, cell_of, short

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FrameTable", "ParquetTable"]


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise MissingExtra("imports", "pyarrow") from None
    return pa


class ParquetTable(Table):
    """A Parquet file. A line is a row, the first is 1."""

    def __init__(self, path: Path) -> None:
        self._pa = _pyarrow()
        import pyarrow.parquet as pq

        self.name = path.name
        self._path = path
        self._pq = pq
        self.header_line = 0
        try:
            with path.open("rb") as file:
                metadata = pq.ParquetFile(file)
                self.header = tuple(metadata.schema_arrow.names)
                self.total = metadata.metadata.num_rows
        except (self._pa.ArrowException, OSError, ValueError, TypeError) as error:
            raise self.refuse("", "", f"cannot be read as Parquet ({_first_line(error)})") from None
        if not self.header:
            raise self.refuse("", "", "has no columns")

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, positions: Sequence[int]) -> Iterator[Chunk]:
        """Yield the rows, with the columns at `positions`. Raises Stop."""
        names = [self.header[index] for index in positions]
        done = 0
        with self._path.open("rb") as file:
            try:
                batches = self._pq.ParquetFile(file).iter_batches(
                    batch_size=CHUNK, columns=names, use_threads=False
                )
                for batch in batches:
                    columns = [cells(batch.column(batch.schema.get_field_index(name))) for name in names]
                    yield _chunk(columns, batch.num_rows, done)
                    done += batch.num_rows
            except (self._pa.ArrowException, OSError, ValueError, TypeError) as error:
                reason = f"cannot be read as Parquet from here on ({_first_line(error)})"
                raise Stop(BadCell(done + 1, "", "", reason)) from None


class FrameTable(Table):
    """A data frame. A line is a row, the first is 1."""

    def __init__(self, frame: object, name: str = "data frame") -> None:
        try:
            import narwhals as nw
        except ModuleNotFoundError:
            raise MissingExtra("imports", "narwhals") from None
        self._pa = _pyarrow()
        try:
            self._frame = nw.from_native(frame, eager_only=True)  # type: ignore[call-overload]
        except TypeError:
            raise InvalidInput(
                f"sales come from a path or a data frame, not from a {type(frame).__name__}; "
                "a lazy frame is collected first"
            ) from None
        self.name = name
        self.header = tuple(map(str, self._frame.columns))
        self.header_line = 0
        self.total = len(self._frame)

    def _columns(self, start: int, positions: Sequence[int]) -> list[Any]:
        part = self._frame[start : start + CHUNK]
        return [part[:, index] for index in positions]

    def fingerprint(self) -> str:
        """Return the SHA-256 of the columns' names and values."""
        digest = hashlib.sha256(repr(self.header).encode("utf-8", "surrogatepass"))
        for start in range(0, self.total, CHUNK):
            for column in self._columns(start, range(len(self.header))):
                try:
                    array = column.to_arrow()
                    digest.update(self._pa.record_batch([array], ["c"]).serialize())
                except (self._pa.ArrowException, TypeError, ValueError):
                    digest.update(repr(column.to_list()).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def read(self, positions: Sequence[int]) -> Iterator[Chunk]:
        """Yield the rows, with the columns at `positions`."""
        for start in range(0, self.total, CHUNK):
            columns: list[list[Cell]] = []
            for column in self._columns(start, positions):
                try:
                    columns.append(cells(column.to_arrow()))
                except (self._pa.ArrowException, TypeError, ValueError):
                    # A column of mixed kinds, which pandas may hold.
                    columns.append(list(map(_object, column.to_list())))
            yield _chunk(columns, min(CHUNK, self.total - start), start)


def _object(value: object) -> Cell:
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN is how pandas says "nothing"
        return ""
    return cell_of(value)


def _chunk(columns: list[list[Cell]], size: int, before: int) -> Chunk:
    first = before + 1
    if all("" in column for column in columns):  # there may be rows with nothing in them
        empty = [not any(cell != "" for cell in row) for row in zip(*columns, strict=True)]
        if any(empty):
            keep = [index for index, nothing in enumerate(empty) if not nothing]
            kept = [[column[index] for index in keep] for column in columns]
            lines = [first + index for index in keep]
            return Chunk(kept, len(keep), lambda: lines, blank=size - len(keep), done=before + size)
    return Chunk(columns, size, lambda: range(first, first + size), done=before + size)


def cells(array: pa.Array | pa.ChunkedArray) -> list[Cell]:
    """Return an Arrow array as cells."""
    import pyarrow as pa

    types = pa.types
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    kind = array.type
    if types.is_dictionary(kind):
        words = cells(array.dictionary)
        return ["" if index is None else words[index] for index in array.indices.to_pylist()]
    if types.is_string(kind) or types.is_large_string(kind) or kind == pa.string_view():
        return _texts(array)
    if types.is_float16(kind) or types.is_float32(kind):
        narrow = array.to_numpy(zero_copy_only=False)
        return [
            "" if value is None else _float(value, str(written))
            for value, written in zip(array.to_pylist(), narrow, strict=True)
        ]
    if types.is_timestamp(kind):
        return _timestamps(array)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        return list(map(cell_of, array.to_pylist()))
    if types.is_date(kind):
        return _each(array, date)
    if types.is_null(kind):
        return [""] * len(array)
    bad = Bad("", f"is of type {short(str(kind), 40)}, which no field of a sale can be")
    return [bad if valid else "" for valid in array.is_valid().to_pylist()]


def _texts(array: pa.Array) -> list[Cell]:
    try:
        return ["" if text is None else text for text in array.to_pylist()]
    except UnicodeDecodeError:
        return [_text(value) for value in array.cast(_pyarrow().binary()).to_pylist()]


def _text(value: bytes | None) -> Cell:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return Bad(repr(value)[:60], "is not UTF-8")


def _float(value: float, written: str) -> Cell:
    try:
        # NumPy writes no exponent that Decimal does not read.
        return from_float(value, written)
    except Unreadable as error:
        return Bad(str(value), str(error))


def _timestamps(array: pa.Array) -> list[Cell]:
    import pyarrow as pa

    if array.type.unit == "ns":
        try:
            array = array.cast(pa.timestamp("us", array.type.tz))
        except pa.ArrowInvalid:
            finer = Bad("", "is finer than a microsecond")
            whole = array.cast(pa.timestamp("us", array.type.tz), safe=False)
            back = whole.cast(array.type, safe=False)
            same = [a == b for a, b in zip(back.cast("int64"), array.cast("int64"), strict=True)]
            return [
                cell if equal or cell == "" else finer
                for cell, equal in zip(_each(whole, datetime), same, strict=True)
            ]
    return _each(array, datetime)


def _each(array: pa.Array, kind: type) -> list[Cell]:
    try:
        return ["" if value is None else value for value in array.to_pylist()]
    except (ValueError, OverflowError):
        found: list[Cell] = []
        for value in array:
            try:
                plain = value.as_py()
            except (ValueError, OverflowError):
                plain = Bad("", f"is a {kind.__name__} that cannot be")
            found.append("" if plain is None else plain)
        return found


def _first_line(error: Exception) -> str:
    return short((str(error).splitlines() or [type(error).__name__])[0], 160)
