"""A statement as PDF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from revshare.errors import MissingExtra

from ._document import PAPER, Document, Table, document, fitted
from ._fonts import FontFile, choose, reduced
from ._model import PeriodStatement

if TYPE_CHECKING:
    from fpdf import FPDF

__all__ = ["to_pdf"]

_SIZE = 7.5
_INK, _SOFT, _ACCENT = (28, 36, 48), (92, 102, 117), (11, 92, 138)
_LINE = 4.0
"""Millimetres from one line of a table to the next."""
_LONGEST, _MOST_LINES = 1000, 20
"""Letters and lines of a cell that are shown."""
_ALWAYS = "".join(map(chr, range(0x20, 0x7F))) + "·…"
_FACT = 32.0
"""Millimetres for the names of facts."""


def to_pdf(
    statement: PeriodStatement,
    payee: str | None = None,
    *,
    lines: bool = True,
    fonts: Sequence[str | Path] = (),
    made_at: datetime | None = None,
) -> tuple[bytes, tuple[str, ...]]:
    """Return the statement as PDF, and what is to be said about it: letters for which no font was found.

    fonts: files of fonts to use before those that are found. made_at: what the file says of when it was made;
    left out, the end of the period, so that the same statement is the same file.

    Raises MissingExtra without fpdf2, InvalidInput for a file that is no font.
    """
    try:
        from fpdf import FPDF
    except ModuleNotFoundError as error:
        raise MissingExtra("report", "fpdf2") from error
    shown = fitted(document(statement, payee, lines=lines), PAPER)
    chosen, missing = choose(_texts(shown), fonts)
    if not chosen:  # PDF's own fonts know Latin-1
        missing = "".join(letter for letter in missing if ord(letter) > 0xFF)
    said: tuple[str, ...] = ()
    if missing:
        some = " ".join(missing[:20]) + (" …" if len(missing) > 20 else "")
        advice = "name fonts that have them by --font, or pip install manimgx-fonts"
        said = (f"no font here has the characters {some}, which the PDF cannot show: {advice}",)

    gone = dict.fromkeys(map(ord, missing), "\ufffd" if chosen and 0xFFFD in chosen[0].characters else "?")

    def safe(text: str) -> str:
        return "".join(letter if letter.isprintable() else " " for letter in text).translate(gone)

    class Page(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            pen.write(safe(f"{shown.title} · {shown.subtitle}"), colour=_SOFT)
            self.set_y(-12)
            self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")

    pdf = Page(orientation="landscape", unit="mm", format="A4")
    pdf.set_creation_date(made_at or statement.ends_at or datetime(2000, 1, 1, tzinfo=UTC))
    pdf.set_title(safe(f"{shown.title} · {shown.subtitle}"))
    pdf.set_lang("en")
    pdf.set_margin(14)
    pdf.set_auto_page_break(auto=True, margin=16)
    pen = _Pen(pdf, chosen, frozenset(ord(letter) for text in _texts(shown) for letter in safe(text)))
    # All is measured before there is a page: measuring changes fonts, and a page would record each change.
    facts = [
        (safe(name), pen.wrapped(safe(value), pdf.epw - _FACT, _SIZE + 0.5)) for name, value in shown.facts
    ]
    notes = [line for note in shown.notes for line in pen.wrapped(safe(note), pdf.epw - 2, _SIZE)]
    grids = [_Grid.of(pen, shown, table, safe) for table in shown.tables]
    pdf.add_page()
    _head(pen, safe(shown.title), safe(shown.subtitle), facts, notes)
    for grid in grids:
        grid.draw(pen)
    return bytes(pdf.output()), said


def _texts(shown: Document) -> Iterator[str]:
    yield from (shown.title, shown.subtitle, _ALWAYS, *shown.notes)
    for fact in shown.facts:
        yield from fact
    for table in shown.tables:
        yield table.title
        yield from (column.title for column in table.columns)
        for row in table.rows:
            yield from (cell for cell in row if isinstance(cell, str))


Style = Literal["", "B"]
Colour = tuple[int, int, int]


class _Pen:
    """Writes on a PDF, each letter in the first font that has it.

    fpdf2 has fallback fonts of its own, but after one it goes on in the wrong font, where digits come out as
    other letters; its tables take ten times as long.
    """

    def __init__(self, pdf: FPDF, fonts: Sequence[FontFile], letters: frozenset[int]) -> None:
        self.pdf = pdf
        self._fonts = fonts
        self._has_ascii = bool(fonts) and fonts[0].characters.issuperset(range(0x21, 0x7F))
        self._families = [f"f{place}" for place in range(len(fonts))] or ["helvetica"]
        with TemporaryDirectory() as folder:
            for family, font in zip(self._families, fonts, strict=False):
                path = reduced(font, letters & font.characters, Path(folder))
                for style, weight in (("", 400), ("B", 700)):
                    if font.weights:
                        pdf.add_font(family, style, path, variations={"wght": float(weight)})
                    else:
                        pdf.add_font(family, style, (style and font.bold) or path)
        self.use(self._families[0])
        with suppress(ModuleNotFoundError):  # joins the letters of Arabic, Devanagari and others
            import_module("uharfbuzz")
            pdf.set_text_shaping(use_shaping_engine=True)

    def use(self, family: str = "", style: Style = "", size: float = _SIZE) -> None:
        """Set the font of what follows."""
        self.pdf.set_font(family or self._families[0], style, size)

    def runs(self, text: str) -> list[tuple[str, str]]:
        """`text` in parts, each with the family that has its letters."""
        if len(self._fonts) < 2 or (self._has_ascii and text.isascii()):
            return [(self._families[0], text)]
        found: list[tuple[str, str]] = []
        at = 0
        for letter in text:
            if letter != " " and ord(letter) not in self._fonts[at].characters:
                at = next((n for n, font in enumerate(self._fonts) if ord(letter) in font.characters), 0)
            if found and found[-1][0] == self._families[at]:
                found[-1] = (found[-1][0], found[-1][1] + letter)
            else:
                found.append((self._families[at], letter))
        return found

    def width(self, text: str, size: float = _SIZE, style: Style = "B") -> float:
        """How wide `text` is, in mm; in bold, which is the widest, unless said otherwise."""
        total = 0.0
        for family, part in self.runs(text):
            self.use(family, style, size)
            total += self.pdf.get_string_width(part)
        return total

    def wrapped(self, text: str, width: float, size: float = _SIZE) -> list[str]:
        """The lines of `text`: broken at spaces where it can be, anywhere where it cannot."""
        if self.width(text, size) <= width:
            return [text]
        lines = [""]
        for word in re.findall(r"\s*\S{1,12}", text):
            if self.width(lines[-1] + word, size) <= width:
                lines[-1] += word
            elif self.width(word.lstrip(), size) <= width:
                lines.append(word.lstrip())
            else:
                for letter in word:
                    if self.width(lines[-1] + letter, size) > width:
                        lines.append("")
                    lines[-1] += letter
        return lines if lines[0] else lines[1:]

    def write(
        self,
        text: str,
        *,
        height: float = 6,
        size: float = _SIZE,
        style: Style = "",
        colour: Colour = _INK,
        right: float = 0,
    ) -> None:
        """Write one line from where the pen is; so that it ends `right` mm from there, if given."""
        self.pdf.set_text_color(*colour)
        runs = self.runs(text)
        for family, part in runs:
            self.use(family, style, size)
            if right and len(runs) == 1:
                self.pdf.cell(right, height, part, align="R")
            else:
                self.pdf.cell(
                    self.pdf.get_string_width(part) + 2 * self.pdf.c_margin * (part is runs[-1][1]),
                    height,
                    part,
                )
        if len(runs) > 1:
            self.use("", style, size)


def _head(
    pen: _Pen, title: str, subtitle: str, facts: Sequence[tuple[str, Sequence[str]]], notes: Sequence[str]
) -> None:
    pdf = pen.pdf
    pen.write(title, height=8, size=17, style="B")
    pdf.ln(8)
    pen.write(subtitle, size=11, colour=_SOFT)
    pdf.ln(6)
    pdf.set_draw_color(*_ACCENT)
    pdf.set_line_width(0.7)
    pdf.line(pdf.l_margin, pdf.y + 1.5, pdf.w - pdf.r_margin, pdf.y + 1.5)
    pdf.set_y(pdf.y + 4)
    for name, lines in facts:
        pen.write(name, height=4.6, size=_SIZE + 0.5, colour=_SOFT)
        for line in lines:
            pdf.set_x(pdf.l_margin + _FACT)
            pen.write(line, height=4.6, size=_SIZE + 0.5)
            pdf.ln(4.6)
    pdf.set_y(pdf.y + 2 * bool(notes))
    for line in notes:
        pdf.set_fill_color(255, 248, 230)
        pdf.rect(pdf.l_margin, pdf.y, pdf.epw, 5, style="F")
        pen.write(line, height=5)
        pdf.ln(5)


@dataclass(frozen=True)
class _Grid:
    """A table as it is drawn: the lines of each cell, and the widths of the columns in mm."""

    table: Table
    title: str
    heads: Sequence[Sequence[str]]
    rows: Sequence[Sequence[Sequence[str]]]
    widths: Sequence[float]

    @classmethod
    def of(cls, pen: _Pen, shown: Document, table: Table, safe: Callable[[str], str]) -> _Grid:
        cells = [
            [safe(shown.text(table, *pair)) for pair in zip(table.columns, row, strict=True)] for row in table
        ]
        widths = _widths(pen, table, cells)
        rows = [
            [
                _shortened(pen.wrapped(cell[:_LONGEST], width - 2))
                for cell, width in zip(row, widths, strict=True)
            ]
            for row in cells
        ]
        return cls(table, safe(table.title), [[column.title] for column in table.columns], rows, widths)

    def draw(self, pen: _Pen) -> None:
        pdf = pen.pdf
        pdf.set_y(pdf.y + 5)
        if pdf.will_page_break(24):
            pdf.add_page()
        pen.write(self.title, size=10, style="B")
        pdf.ln(6)
        self._row(pen, self.heads, "B", _SOFT)
        for number, row in enumerate(self.rows):
            is_total = self.table.total is not None and number == len(self.rows) - 1
            if pdf.will_page_break(_LINE * max(map(len, row)) + 1):
                pdf.add_page()
                self._row(pen, self.heads, "B", _SOFT)
            self._row(pen, row, "B" if is_total else "", _INK)

    def _row(self, pen: _Pen, row: Sequence[Sequence[str]], style: Style, colour: Colour) -> None:
        """Draw one row, and the line below it."""
        pdf = pen.pdf
        top, x = pdf.y, pdf.l_margin
        for column, lines, width in zip(self.table.columns, row, self.widths, strict=True):
            for place, line in enumerate(lines):
                pdf.set_xy(x, top + 0.5 + place * _LINE)
                right = width if column.is_number else 0
                pen.write(line, height=_LINE, style=style, colour=colour, right=right)
            x += width
        pdf.set_xy(pdf.l_margin, top + 1 + max(map(len, row)) * _LINE)
        pdf.set_draw_color(217, 222, 230)
        pdf.set_line_width(0.15)
        pdf.line(pdf.l_margin, pdf.y, x, pdf.y)


def _shortened(lines: list[str]) -> list[str]:
    """What of a cell is shown: a page must hold it."""
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + "…"]


def _widths(pen: _Pen, table: Table, cells: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Widths in mm: numbers as wide as they need; text shares what is left, the longest giving way."""
    longest = []
    for place, column in enumerate(table.columns):
        few = sorted({column.title, *(row[place][:_LONGEST] for row in cells)}, key=len)[-8:]
        longest.append(max(map(pen.width, few)) + 3.5)
    room = pen.pdf.epw - sum(
        width for column, width in zip(table.columns, longest, strict=True) if column.is_number
    )
    most = _fair(
        [width for column, width in zip(table.columns, longest, strict=True) if not column.is_number], room
    )
    return tuple(
        width if column.is_number else min(width, most)
        for column, width in zip(table.columns, longest, strict=True)
    )


def _fair(wanted: Sequence[float], room: float) -> float:
    """The most that each may have, so that together they fit into `room`: who wants less, leaves the rest."""
    left = room
    for place, width in enumerate(sorted(wanted)):
        share = left / (len(wanted) - place)
        if width > share:
            return max(share, 14.0)
        left -= width
    return max(wanted, default=0.0)
