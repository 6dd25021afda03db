"""A statement as PDF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from revshare.errors import MissingExtra

from ._document import Document, Table, document
from ._fonts import FontFile, choose
from ._model import PeriodStatement

if TYPE_CHECKING:
    from fpdf import FPDF

__all__ = ["to_pdf"]

_SIZE = 7.5
_INK, _SOFT, _ACCENT = (28, 36, 48), (92, 102, 117), (11, 92, 138)
_LINE = 4.0
"""Millimetres from one line of a table to the next."""


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
    shown = document(statement, payee, lines=lines)
    chosen, missing = choose(_texts(shown), fonts)
    if not chosen:  # PDF's own fonts know Latin-1
        missing = "".join(letter for letter in missing if ord(letter) > 0xFF)
    said: tuple[str, ...] = ()
    if missing:
        some = " ".join(missing[:20]) + (" …" if len(missing) > 20 else "")
        advice = "name fonts that have them by --font, or pip install manimgx-fonts"
        said = (f"no font here has the characters {some}, which the PDF cannot show: {advice}",)

    class Page(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(size=_SIZE)
            self.set_text_color(*_SOFT)
            left = f"{shown.title} · {shown.subtitle}"
            self.cell(0, 6, safe(left), align="L")
            self.set_y(-12)
            self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")

    gone = dict.fromkeys(map(ord, missing), "\ufffd" if chosen and 0xFFFD in chosen[0].characters else "?")

    def safe(text: str) -> str:
        return "".join(letter if letter.isprintable() else " " for letter in text).translate(gone)

    pdf = Page(orientation="landscape", unit="mm", format="A4")
    pdf.set_creation_date(made_at or statement.ends_at or datetime(2000, 1, 1, tzinfo=UTC))
    pdf.set_title(safe(f"{shown.title} · {shown.subtitle}"))
    pdf.set_lang("en")
    pdf.set_margin(14)
    pdf.set_auto_page_break(auto=True, margin=16)
    if chosen:
        _load(pdf, chosen)
    else:
        pdf.set_font("helvetica", size=_SIZE)
    pdf.add_page()
    _head(pdf, shown, safe)
    for table in shown.tables:
        _table(pdf, shown, table, safe)
    return bytes(pdf.output()), said


def _texts(shown: Document) -> Iterator[str]:
    yield from (shown.title, shown.subtitle, "0123456789 · / …", *shown.notes)
    for fact in shown.facts:
        yield from fact
    for table in shown.tables:
        yield table.title
        yield from (column.title for column in table.columns)
        for row in table.rows:
            yield from (cell for cell in row if isinstance(cell, str))


def _load(pdf: FPDF, chosen: Sequence[FontFile]) -> None:
    for place, font in enumerate(chosen):
        family = f"f{place}"
        for style, weight in (("", 400), ("B", 700)):
            if font.weights:
                pdf.add_font(family, style, font.path, variations={"wght": float(weight)})
            else:
                pdf.add_font(family, style, (style and font.bold) or font.path)
    pdf.set_font("f0", size=_SIZE)
    pdf.set_fallback_fonts([f"f{place}" for place in range(1, len(chosen))], exact_match=True)
    try:  # joins the letters of Arabic, Devanagari and others as they are written
        import_module("uharfbuzz")
    except ModuleNotFoundError:
        return
    pdf.set_text_shaping(use_shaping_engine=True)


def _head(pdf: FPDF, shown: Document, safe: Callable[[str], str]) -> None:
    pdf.set_text_color(*_INK)
    pdf.set_font(style="B", size=17)
    pdf.multi_cell(0, 8, safe(shown.title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(style="", size=11)
    pdf.set_text_color(*_SOFT)
    pdf.multi_cell(0, 6, safe(shown.subtitle), new_x="LMARGIN", new_y="NEXT")
    pdf.set_draw_color(*_ACCENT)
    pdf.set_line_width(0.7)
    pdf.line(pdf.l_margin, pdf.y + 1.5, pdf.w - pdf.r_margin, pdf.y + 1.5)
    pdf.set_y(pdf.y + 4)
    for name, value in shown.facts:
        pdf.set_font(size=_SIZE + 0.5)
        pdf.set_text_color(*_SOFT)
        pdf.cell(32, 4.6, safe(name))
        pdf.set_text_color(*_INK)
        pdf.multi_cell(0, 4.6, safe(value), new_x="LMARGIN", new_y="NEXT", align="L")
    if shown.notes:
        pdf.set_y(pdf.y + 2)
        pdf.set_fill_color(255, 248, 230)
        for note in shown.notes:
            pdf.multi_cell(0, 5, safe(note), fill=True, new_x="LMARGIN", new_y="NEXT", align="L")


def _table(pdf: FPDF, shown: Document, table: Table, safe: Callable[[str], str]) -> None:
    pdf.set_y(pdf.y + 5)
    if pdf.will_page_break(24):
        pdf.add_page()
    pdf.set_text_color(*_INK)
    pdf.set_font(style="B", size=10)
    pdf.multi_cell(0, 6, safe(table.title), new_x="LMARGIN", new_y="NEXT")
    cells = [
        [safe(shown.text(table, *pair)) for pair in zip(table.columns, row, strict=True)] for row in table
    ]
    widths = _widths(pdf, table, cells)
    titles = [safe(column.title) for column in table.columns]
    pdf.set_draw_color(217, 222, 230)
    pdf.set_line_width(0.15)
    _row(pdf, table, titles, widths, style="B", colour=_SOFT)
    for number, row in enumerate(cells):
        is_total = table.total is not None and number == len(cells) - 1
        lines = _wrapped(pdf, row, widths)
        if pdf.will_page_break(_LINE * max(map(len, lines)) + 1):
            pdf.add_page()
            pdf.set_draw_color(217, 222, 230)
            pdf.set_line_width(0.15)
            _row(pdf, table, titles, widths, style="B", colour=_SOFT)
        _row(pdf, table, lines, widths, style="B" if is_total else "", colour=_INK)


def _row(
    pdf: FPDF,
    table: Table,
    cells: Sequence[str | Sequence[str]],
    widths: Sequence[float],
    *,
    style: Literal["", "B"],
    colour: tuple[int, int, int],
) -> None:
    """Draw one row and the line below it. fpdf2's own tables take ten times as long."""
    pdf.set_font(style=style, size=_SIZE)
    pdf.set_text_color(*colour)
    top, x, most = pdf.y, pdf.l_margin, 1
    for column, cell, width in zip(table.columns, cells, widths, strict=True):
        lines = [cell] if isinstance(cell, str) else cell
        most = max(most, len(lines))
        for place, line in enumerate(lines):
            pdf.set_xy(x, top + 0.5 + place * _LINE)
            pdf.cell(width, _LINE, line, align="R" if column.is_number else "L")
        x += width
    pdf.set_xy(pdf.l_margin, top + 1 + most * _LINE)
    pdf.line(pdf.l_margin, pdf.y, x, pdf.y)


def _wrapped(pdf: FPDF, row: Sequence[str], widths: Sequence[float]) -> list[list[str]]:
    """The lines of each cell: broken at spaces where it can be, anywhere where it cannot."""
    pdf.set_font(style="B", size=_SIZE)
    found = []
    for cell, width in zip(row, widths, strict=True):
        if pdf.get_string_width(cell) <= width - 2:
            found.append([cell])
            continue
        lines = [""]
        for word in re.findall(r"\s*\S{1,12}", cell):
            if lines[-1] and pdf.get_string_width(lines[-1] + word) > width - 2:
                lines.append(word.lstrip())
            else:
                lines[-1] += word
        found.append(lines)
    return found


def _widths(pdf: FPDF, table: Table, cells: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Widths in mm: numbers as wide as they need, text what is left, in proportion to what it would take."""
    pdf.set_font(style="B", size=_SIZE)  # the widest it gets
    longest = []
    for place, column in enumerate(table.columns):
        few = sorted({column.title, *(row[place] for row in cells)}, key=len)[-8:]
        longest.append(max(pdf.get_string_width(cell) for cell in few) + 3.5)
    fixed = sum(width for column, width in zip(table.columns, longest, strict=True) if column.is_number)
    flexible = sum(longest) - fixed
    shrink = min(1.0, max(pdf.epw - fixed, 40) / flexible) if flexible else 1.0
    return tuple(
        width if column.is_number else width * shrink
        for column, width in zip(table.columns, longest, strict=True)
    )
