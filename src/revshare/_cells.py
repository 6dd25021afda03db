"""Cells of the tables we write, CSV and Excel alike: no text in them is taken for a formula.

A spreadsheet runs a cell that begins like a formula, and a customer's name or a product's description may be
one: ``=HYPERLINK(…)``, ``-2+3+cmd|…``. Such text gets an apostrophe in front, which spreadsheets take for
"this is text". Numbers stay as they are, negative ones included.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

__all__ = ["CsvWriter", "excel_cell", "neutral", "neutral_row"]

V = TypeVar("V")

# White space and what cannot be seen is skipped: some programs trim it before they look. The full-width forms
# are those that spreadsheets of East Asia take for the signs themselves.
_FORMULA = re.compile(
    r"[\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]"
)
_NUMBER = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?%?")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_EXCEL_LONGEST = 32_767


class _Writes(Protocol):
    def write(self, text: str, /) -> object: ...


def neutral(value: V) -> V | str:
    """Return `value` as it can stand in a cell: text that begins like a formula with ``'`` before it.

    What is not text (None, numbers, dates) comes back as it is, and so does text that is a plain number.

    >>> neutral("=1+1"), neutral("-12.50"), neutral("-12.50+A1"), neutral(" @SUM(A1)"), neutral(-3)
    ("'=1+1", '-12.50', "'-12.50+A1", "' @SUM(A1)", -3)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def neutral_row(values: Iterable[V]) -> list[V | str]:
    """Return the cells of a row, each `neutral`."""
    return [neutral(value) for value in values]


def excel_cell(value: V) -> V | str:
    """Return `value` as Excel takes it: `neutral`, control characters as U+FFFD, text of at most 32,767."""
    safe = neutral(value)
    if isinstance(safe, str):
        safe = _UNSEEN.sub("\ufffd", safe)
        if len(safe) > _EXCEL_LONGEST:
            safe = safe[: _EXCEL_LONGEST - 1] + "…"
    return safe


class CsvWriter:
    """Writes rows of CSV to `file`, opened with ``newline=""``; every cell is `neutral`."""

    def __init__(self, file: _Writes, *, delimiter: str = ",", lineterminator: str = "\r\n") -> None:
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator=lineterminator)

    def writerow(self, row: Iterable[object]) -> None:
        """Write one row."""
        self._writer.writerow(neutral_row(row))

    def writerows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write rows."""
        self._writer.writerows(map(neutral_row, rows))
