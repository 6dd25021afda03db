"""What every source of sales comes down to: named columns, read some thousand lines at a time.

A cell is text (empty when there is nothing), a Decimal or a date where the file itself says that it is one,
or `Bad` where it cannot be told what it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from revshare.errors import BadCell, ImportRefused, did_you_mean

from ._numbers import Unreadable, from_float

__all__ = ["LONGEST", "Bad", "Cell", "Chunk", "Stop", "Table", "cell_of", "cell_text", "short"]

CHUNK = 512
"""Lines read at a time: few enough that their cells stay in the processor's cache."""

LONGEST = 10_000
"""Characters that a text may have."""


class Bad:
    """A cell that no field can take. shown: what stands there; reason: why it cannot be taken."""

    __slots__ = ("reason", "shown")

    def __init__(self, shown: str, reason: str) -> None:
        self.shown = shown
        self.reason = reason


Cell = str | Decimal | datetime | date | Bad


class Stop(Exception):
    """The file cannot be read any further."""

    def __init__(self, cell: BadCell) -> None:
        super().__init__(str(cell))
        self.cell = cell


class Chunk:
    """Some lines of a table.

    columns: the columns asked for, each with `size` cells. problems: lines that are not among them because
    they are no lines of this table. blank: how many were passed over because they have nothing. done: how far
    the reading is, of `Table.total`.
    """

    __slots__ = ("_lines", "blank", "columns", "done", "problems", "size")

    def __init__(
        self,
        columns: Sequence[Sequence[Cell]],
        size: int,
        lines: Callable[[], Sequence[int]],
        *,
        problems: Sequence[BadCell] = (),
        blank: int = 0,
        done: int = 0,
    ) -> None:
        self.columns = columns
        self.size = size
        self.problems = problems
        self.blank = blank
        self.done = done
        self._lines = lines

    def lines(self) -> Sequence[int]:
        """Return where each line begins in the file, from 1. Worked out anew each time."""
        return self._lines()


class Table(ABC):
    """An opened source. name: for people. header: names of its columns. total: of `Chunk.done`."""

    name: str
    header: tuple[str, ...]
    header_line: int
    total: int
    clean: bool = False
    """Whether every cell is text that a database takes, once `fingerprint` has gone through it."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return the SHA-256 of the contents, hexadecimal. Raises ImportRefused."""

    @abstractmethod
    def read(self, positions: Sequence[int]) -> Iterator[Chunk]:
        """Yield the lines below the header, with the columns at `positions`. Raises Stop, ImportRefused."""

    def refuse(self, column: str, value: str, reason: str, line: int = 0) -> ImportRefused:
        """Return the error that refuses the whole table for one reason."""
        return ImportRefused([BadCell(line, column, short(value), reason)], self.name)

    def positions(self, wanted: Mapping[str, str]) -> list[int]:
        """Return where the columns `wanted` stand (name → the place in the mapping that wants it).

        Raises ImportRefused that names all which are missing, or there twice.
        """
        problems = []
        for name, place in wanted.items():
            count = self.header.count(name)
            if count == 0:
                hint = did_you_mean(name, self.header) or "the file has " + _listed(self.header)
                problems.append(
                    BadCell(self.header_line, name, "", f"is no column of the file ({place}); {hint}")
                )
            elif count > 1:
                reason = f"is the name of {count} columns ({place}): rename all but one"
                problems.append(BadCell(self.header_line, name, "", reason))
        if problems:
            raise ImportRefused(problems, self.name)
        return [self.header.index(name) for name in wanted]


def _listed(names: Collection[str]) -> str:
    shown = [short(name, 30) for name in names][:20]
    return ", ".join(shown) + (", …" if len(names) > 20 else "") if shown else "no columns"


def short(value: str, longest: int = 60) -> str:
    """Return `value` cut to `longest` characters, and none that text cannot hold."""
    text = value if len(value) <= longest else value[: longest - 1] + "…"
    return text.encode("utf-8", "replace").decode()


def cell_of(value: object) -> Cell:  # noqa: PLR0911 - a table of types
    """Return a value of Python, as libraries read it from a file, as a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value if value == value else ""  # noqa: PLR0124 - pandas' NaT
    try:
        if isinstance(value, int):
            return Decimal(value) if abs(value) < 10**100 else Bad("", "has more digits than any amount")
        if isinstance(value, float):
            return from_float(value)
        if isinstance(value, Decimal):
            return value if value.is_finite() else Bad(str(value), "is not a number")
    except Unreadable as error:
        return Bad(str(value), str(error))
    return Bad(short(str(value)), f"is a {type(value).__name__}, which no field of a sale can be")


def cell_text(cell: Cell) -> str:
    """Return a cell as text. Raises Unreadable for text that no database takes."""
    if isinstance(cell, str):
        text = cell
    elif isinstance(cell, Decimal):
        text = f"{cell:f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    elif isinstance(cell, datetime):
        text = cell.isoformat(sep=" ")
    elif isinstance(cell, date):
        text = cell.isoformat()
    else:
        raise Unreadable(cell.reason)
    if "\0" in text:
        raise Unreadable("has a null character")
    if len(text) > LONGEST:
        raise Unreadable(f"has {len(text):,} characters, more than the {LONGEST:,} that a field may have")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable("is not valid Unicode") from None
    return text
