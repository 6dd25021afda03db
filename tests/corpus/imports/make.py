"""Makes the broken files beside it, and `expected.json`: for each what refuses it, at which line and column.

    python tests/corpus/imports/make.py

What is expected follows from how a file was broken, not from what the importer says.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
HEADER = ["Invoice", "Date", "Qty", "Price", "Country", "Note"]
GOOD = ["1001", "2011-03-01 10:00:00", "2", "1.50", "Australia", "tea"]
EXPECTED: dict[str, dict[str, Any]] = {}

MAPPING = """\
source = "shop"
token = { symbol = "GBPT", decimals = 2 }
zone = "Europe/London"
number_lines = true

[columns]
external_id = ["Invoice"]
occurred_at = "Date"
quantity = "Qty"
unit_price = "Price"
territory = "Country"

[metadata]
note = "Note"

[[routes]]
agreement = "Australia"
territory = ["Australia"]

[[routes]]
agreement = "Islands"
territory = ["New Zealand", "Iceland"]
"""


def put(name: str, content: bytes | str, reason: str, line: int = 0, column: str = "", **more: Any) -> None:
    """Write a file; `more`: what the mapping says besides (`mapping`), or the kind of error."""
    assert name not in EXPECTED, name
    data = content.encode() if isinstance(content, str) else content
    (HERE / name).write_bytes(data)
    EXPECTED[name] = {"line": line, "column": column, "reason": reason, **more}


def lines(*rows: list[str], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def with_cell(column: str, value: str) -> list[str]:
    return [value if name == column else cell for name, cell in zip(HEADER, GOOD, strict=True)]


def cell(name: str, column: str, value: str, reason: str, **more: Any) -> None:
    """A CSV file whose second line of three has `value` in `column`."""
    quoted = '"' + value.replace('"', '""') + '"'
    put(f"{name}.csv", lines(HEADER, GOOD, with_cell(column, quoted), GOOD), reason, 3, column, **more)


# ------------------------------------------------------------------------------------------ numbers

NO_NUMBER = "is not a number"
NUMBERS = {
    "empty": ("", "is empty"),
    "blank": ("  ", "is empty"),
    "nan": ("NaN", NO_NUMBER),
    "nan-signed": ("-nan", NO_NUMBER),
    "infinity": ("Infinity", NO_NUMBER),
    "inf-negative": ("-inf", NO_NUMBER),
    "na": ("N/A", NO_NUMBER),
    "null": ("null", NO_NUMBER),
    "exponent": ("1e3", "has an exponent"),
    "exponent-capital": ("1E+3", "has an exponent"),
    "exponent-negative": ("15e-1", "has an exponent"),
    "underscore": ("1_000", "has an underscore"),
    "full-width": ("１２", "digits other than 0 to 9"),
    "arabic": ("٣", "digits other than 0 to 9"),
    "devanagari": ("१२", "digits other than 0 to 9"),
    "superscript": ("1²", "digits other than 0 to 9"),
    "fraction-sign": ("½", "digits other than 0 to 9"),
    "roman": ("Ⅷ", "digits other than 0 to 9"),
    "plus": ("+5", "has a plus sign"),
    "space-before": (" 5", "white space"),
    "space-after": ("5 ", "white space"),
    "tab": ("\t5", "white space"),
    "line-break": ("5\n", "white space"),
    "brackets": ("(5)", "otherwise than with a minus in front"),
    "minus-behind": ("5-", "otherwise than with a minus in front"),
    "minus-sign": ("−5", "a dash where a minus"),
    "en-dash": ("–5", "a dash where a minus"),
    "two-minuses": ("--5", NO_NUMBER),
    "minus-alone": ("-", NO_NUMBER),
    "point-first": (".5", NO_NUMBER),
    "point-last": ("5.", "needs a locale"),
    "two-points": ("1.2.3", "needs a locale"),
    "hexadecimal": ("0x1F", NO_NUMBER),
    "words": ("two", NO_NUMBER),
    "pounds": ("£5", "currency, unit or percent"),
    "euros": ("5 €", "currency, unit or percent"),
    "code": ("GBP 5", "currency, unit or percent"),
    "percent": ("5%", "currency, unit or percent"),
    "either": ("1.234", "a thousand or a fraction"),
    "either-negative": ("-12.345", "a thousand or a fraction"),
    "comma": ("1,234", "needs a locale"),
    "comma-decimals": ("12,5", "needs a locale"),
    "french": ("1 234,56", "needs a locale"),
    "french-nbsp": ("1\u00a0234,56", "needs a locale"),
    "french-nnbsp": ("1\u202f234,56", "needs a locale"),
    "german": ("1.234,56", "needs a locale"),
    "swiss": ("1'234.56", "needs a locale"),
    "long": ("9" * 101, "more than any amount"),
    "formula": ("=1+1", NO_NUMBER),
    "zero-width": ("5\u200b", NO_NUMBER),
}
LOCALES = {
    "en": {
        "comma-decimals": "1234,5",
        "groups-of-two": "12,34.5",
        "group-of-four": "1,2345",
        "german": "1.234,56",
        "comma-last": "1,234,",
        "comma-first": ",234",
        "space": "1 234.5",
        "leading-zero": "0,123",
    },
    "de": {
        "english": "1,234.56",
        "point-decimals": "12.5",
        "group-of-two": "1.23",
        "space": "1 234,56",
        "two-commas": "1,2,3",
        "leading-zero": "0.123",
    },
    "fr": {
        "english": "1,234.56",
        "point-decimals": "12.5",
        "mixed-spaces": "1\u00a0234\u202f567,5",
        "group-of-two": "1 23,5",
        "two-spaces": "1  234",
        "thin-space": "1\u2009234",
        "german": "1.234,56",
    },
    "de-CH": {"comma": "1,234.5", "group-of-two": "1'23", "mixed": "1'234’567"},
    "plain": {"comma": "1,234", "space": "1 234", "comma-decimals": "12,5"},
}


def numbers() -> None:
    for name, (text, reason) in NUMBERS.items():
        cell(f"quantity-{name}", "Qty", text, reason)
        cell(f"price-{name}", "Price", text, reason)
    for locale, texts in LOCALES.items():
        for name, text in texts.items():
            good, bad = with_cell("Price", "2"), with_cell("Price", '"' + text + '"')
            put(
                f"locale-{locale}-{name}.csv",
                lines(HEADER, good, bad, good),
                f"as locale {locale} writes it",
                3,
                "Price",
                mapping={"locale": locale},
            )
    cell("amount-finer-than-the-unit", "Price", "1.2525", "finer than the unit")
    cell("amount-beyond", "Price", "9" * 60, "beyond 2^128")


# ------------------------------------------------------------------------------------------ dates

DATES = {
    "empty": ("", "is empty"),
    "blank": (" ", "is empty"),
    "words": ("yesterday", "declared format"),
    "slashes": ("01/02/2011", "declared format"),
    "two-digit-year": ("11-02-01", "declared format"),
    "no-day": ("2011-02", "declared format"),
    "one-digit-month": ("2011-2-1", "declared format"),
    "no-minutes": ("2011-02-01 10", "declared format"),
    "space-before": (" 2011-02-01", "declared format"),
    "full-width": ("２０１１-02-01", "declared format"),
    "serial": ("40575.5", "declared format"),
    "zone-name": ("2011-02-01 10:00 GMT", "declared format"),
    "week": ("2011-W05-2", "declared format"),
    "month-13": ("2011-13-01", "is not a date"),
    "month-0": ("2011-00-01", "is not a date"),
    "day-0": ("2011-01-00", "is not a date"),
    "february-29": ("2011-02-29", "is not a date"),
    "february-30": ("2012-02-30", "is not a date"),
    "april-31": ("2011-04-31", "is not a date"),
    "hour-24": ("2011-02-01 24:00", "is not a date"),
    "minute-60": ("2011-02-01 10:60", "is not a date"),
    "second-60": ("2011-02-01 10:00:60", "is not a date"),
    "offset-25": ("2011-02-01 10:00+25:00", "is not a date"),
    "nanoseconds": ("2011-02-01 10:00:00.123456789", "declared format"),
    "year-0": ("0000-01-01", "is not a date"),
    "year-211": ("0211-03-01", "cannot be meant"),
    "year-9999": ("9999-12-31", "cannot be meant"),
    "shown-twice": ("2011-10-30 01:30:00", "showed twice"),
    "skipped": ("2011-03-27 01:30:00", "skipped"),
}
FORMATS = {
    "day-first": ("%d/%m/%Y", "2011-02-01", "declared format"),
    "day-13-as-month": ("%d/%m/%Y", "01/13/2011", "is not a date"),
    "points": ("%d.%m.%Y", "01/02/2011", "declared format"),
    "twelve-hours": ("%d/%m/%Y %I:%M %p", "01/02/2011 13:00 PM", "clock of twelve"),
    "no-time": ("%d/%m/%Y %H:%M", "01/02/2011", "declared format"),
    "offset-missing": ("%Y-%m-%d %H:%M%z", "2011-02-01 10:00", "declared format"),
}


def dates() -> None:
    for name, (text, reason) in DATES.items():
        cell(f"date-{name}", "Date", text, reason)
    for name, (form, text, reason) in FORMATS.items():
        moment = datetime(2011, 2, 1, 10, tzinfo=UTC).strftime(form)
        good = with_cell("Date", moment)
        bad = with_cell("Date", text)
        put(f"format-{name}.csv", lines(HEADER, good, bad, good), reason, 3, "Date", mapping={"dates": form})
    put(
        "date-without-zone.csv",
        lines(HEADER, with_cell("Date", "2011-03-01T10:00:00Z"), GOOD),
        "has no time zone",
        3,
        "Date",
        mapping={"zone": None},
    )


# ------------------------------------------------------------------------------------------ ids and routes


def identities_and_routes() -> None:
    cell("id-empty", "Invoice", "", "is empty, and it is part of the sale's id")
    cell("id-blank", "Invoice", "   ", "is empty, and it is part of the sale's id")
    cell("id-long", "Invoice", "9" * 501, "more than the 500")
    put(
        "id-twice.csv",
        lines(HEADER, GOOD, with_cell("Invoice", "1002"), GOOD),
        "is the id of an earlier line",
        4,
        "Invoice",
        mapping={"number_lines": False},
    )
    cell("note-long", "Note", "x" * 10_001, "more than the 10,000")
    cell("route-none", "Country", "Narnia", "no route takes territory 'Narnia'")
    cell("route-other-case", "Country", "australia", "did you mean 'Australia'?")
    cell("route-slip", "Country", "Australla", "did you mean 'Australia'?")
    cell("route-empty", "Country", "", "no route takes territory ''")
    cell("route-space", "Country", "Australia ", "no route takes")
    two = [{"agreement": "A", "territory": ["Australia"]}, {"agreement": "B", "sku": ["coffee"]}]
    columns = {"columns": {**COLUMNS, "sku": "Note"}, "metadata": {}}
    cell("route-tie", "Note", "coffee", "alike", mapping={**columns, "routes": two}, expect_column="Country")
    cell(
        "agreement-empty",
        "Note",
        "",
        "each line needs its agreement",
        mapping={"columns": {**COLUMNS, "agreement": "Note"}, "routes": [], "metadata": {}},
    )
    rated = {
        "columns": {**COLUMNS, "currency": "Note"},
        "metadata": {},
        "currencies": {"tea": {"rate": "1.5", "rate_source": "a test"}},
    }
    cell("currency-without-rate", "Note", "GBP", "has no rate", mapping=rated)
    cell("currency-empty", "Note", "", "has no rate", mapping=rated)


COLUMNS = {
    "external_id": ["Invoice"],
    "occurred_at": "Date",
    "quantity": "Qty",
    "unit_price": "Price",
    "territory": "Country",
}

# ------------------------------------------------------------------------------------------ the form of CSV


def structure() -> None:
    good = lines(HEADER, GOOD)
    row = ",".join(GOOD)
    put("short-line.csv", good + "1001,2011-03-01\n", "has 2 fields, the header has 6", 3)
    put("long-line.csv", good + row + ",extra\n", "has 7 fields, the header has 6", 3)
    put("one-field.csv", good + "total\n", "has 1 field, the header has 6", 3)
    put("unquoted-separator.csv", good + row.replace("tea", "tea, green") + "\n", "has 7 fields", 3)
    put("short-line-after-breaks.csv", good + f'{row[:-3]}"tea\r\nwith\rmilk\n"\n1001\n', "has 1 field", 7)
    put("quote-never-ends.csv", good + row.replace("tea", '"tea') + "\n" + row + "\n", "never ends", 3)
    put("quote-in-quotes.csv", good + row.replace("tea", '"te"a"') + "\n", "inside a quoted field", 3)
    put("quote-then-text.csv", good + row.replace("1001", '"1001"x') + "\n", "inside a quoted field", 3)
    put("field-too-large.csv", good + row + "x" * 131_073 + "\n", "131,072 characters", 3)
    put("null-character.csv", good + row.replace("tea", "te\0a") + "\n", "null character", 3)
    put(
        "latin-1.csv",
        (good + row.replace("tea", "thé")).encode("latin-1") + b"\n",
        "0xe9 is not UTF-8",
        3,
        "Note",
    )
    put(
        "latin-1-country.csv",
        (good + row.replace("Australia", "Österreich")).encode("latin-1") + b"\n",
        "0xd6 is not UTF-8",
        3,
        "Country",
    )
    put("latin-1-header.csv", good.replace("Note", "Ändern").encode("latin-1"), "is not UTF-8", 1)
    put("cut-in-a-character.csv", (good + row).encode() + "é".encode()[:1], "is not UTF-8", 3, "Note")
    put(
        "not-cp1252.csv",
        (good + row).encode() + b"\x81\n",
        "0x81 is not cp1252",
        3,
        "Note",
        mapping={"file": {"encoding": "cp1252"}},
    )
    put(
        "utf-8-mark-declared-cp1252.csv",
        b"\xef\xbb\xbf" + good.encode(),
        "it is not cp1252",
        1,
        mapping={"file": {"encoding": "cp1252"}},
    )
    put("utf-16-little.csv", good.encode("utf-16"), "is UTF-16", 1)
    put("utf-16-big.csv", b"\xfe\xff" + good.encode("utf-16-be"), "is UTF-16", 1)
    put("utf-16-without-mark.csv", good.encode("utf-16-le"), "null character", 1)
    put(
        "surrogates.csv",
        good.encode() + row.encode().replace(b"tea", b"\xed\xa0\x80") + b"\n",
        "is not UTF-8",
        3,
        "Note",
    )
    put("empty.csv", "", "is empty", 1)
    put("only-a-mark.csv", b"\xef\xbb\xbf", "is empty", 1)
    put("only-blank-lines.csv", "\n\r\n\n", "is empty", 1)
    put("blank-header.csv", "\n" + good, "should name the columns is empty", 1)
    put("header-of-commas.csv", ",,,,,\n" + row + "\n", "should name the columns is empty", 1)
    put("no-header.csv", row + "\n" + row + "\n", "is no column of the file", 1, "Invoice", several=True)
    for column in HEADER:
        rest = [name for name in HEADER if name != column]
        cells = [value for name, value in zip(HEADER, GOOD, strict=True) if name != column]
        put(f"without-{column.lower()}.csv", lines(rest, cells), "is no column of the file", 1, column)
    put("misspelt-column.csv", good.replace("Country", "Contry"), "did you mean 'Contry'?", 1, "Country")
    put("column-in-other-case.csv", good.replace("Qty", "QTY"), "did you mean 'QTY'?", 1, "Qty")
    put(
        "column-twice.csv", lines([*HEADER, "Price"], [*GOOD, "1.50"]), "is the name of 2 columns", 1, "Price"
    )
    put("other-separator.csv", good.replace(",", ":"), "is no column of the file", 1, "Invoice", several=True)
    put(
        "separator-declared-wrongly.csv",
        good,
        "is no column of the file",
        1,
        "Invoice",
        several=True,
        mapping={"file": {"separator": ";"}},
    )
    put("header-beyond-the-end.csv", good, "has no line 9", 3, mapping={"file": {"header": 9}})
    put("header-is-a-title.csv", "Sales of March,,,,,\n" + good, "is no column", 1, "Invoice", several=True)
    put("workbook-named.csv", b"PK\x03\x04" + b"x" * 40, "a zip archive", 1)
    put("parquet-named.txt", b"\xd0\xcf\x11\xe0" + b"x" * 40, "an old Excel workbook", 1)
    put("pdf-named.csv", b"%PDF-1.7\n", "is PDF", 1)
    put("gzip-named.csv", b"\x1f\x8b\x08\0\0", "is compressed", 1)
    put(
        "html.csv",
        "<html><body>Sorry, no report today</body></html>\n",
        "is no column",
        1,
        "Invoice",
        several=True,
    )
    put("semicolons-short.csv", lines(HEADER, GOOD, GOOD[:3], separator=";"), "has 3 fields", 3)
    put("tabs-short.csv", lines(HEADER, GOOD, GOOD[:3], separator="\t"), "has 3 fields", 3)
    put("bars-bad-number.csv", lines(HEADER, GOOD, with_cell("Qty", "x"), separator="|"), NO_NUMBER, 3, "Qty")
    put(
        "mark-then-bad-number.csv",
        b"\xef\xbb\xbf" + lines(HEADER, with_cell("Qty", "x")).encode(),
        NO_NUMBER,
        2,
        "Qty",
    )
    put(
        "carriage-returns.csv",
        lines(HEADER, GOOD, with_cell("Qty", "x")).replace("\n", "\r"),
        NO_NUMBER,
        3,
        "Qty",
    )
    put(
        "windows-lines.csv",
        lines(HEADER, GOOD, with_cell("Qty", "x")).replace("\n", "\r\n"),
        NO_NUMBER,
        3,
        "Qty",
    )
    put("blank-lines-between.csv", lines(HEADER) + "\n\n" + lines(with_cell("Qty", "x")), NO_NUMBER, 4, "Qty")
    put("last-line-open.csv", lines(HEADER, GOOD) + ",".join(with_cell("Qty", "x")), NO_NUMBER, 3, "Qty")
    put("far-down.csv", lines(HEADER, *[GOOD] * 1500, with_cell("Price", "x")), NO_NUMBER, 1502, "Price")
    broken = [*GOOD[:5], '"a\nb\nc"']
    put(
        "after-records-of-three-lines.csv",
        lines(HEADER, broken, broken, with_cell("Qty", "x")),
        NO_NUMBER,
        8,
        "Qty",
    )


# ------------------------------------------------------------------------------------------ Excel

WHEN = datetime(2011, 3, 1, 10)  # noqa: DTZ001 - cells have no zone
XL_GOOD: list[Any] = [1001, WHEN, 2, 1.5, "Australia", "tea"]


def book(*rows: list[Any], change: Callable[[Any], None] | None = None) -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Sales"
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(workbook)
    workbook.properties.created = workbook.properties.modified = WHEN
    out = io.BytesIO()
    workbook.save(out)
    return repacked(out.getvalue())


def repacked(data: bytes, **parts: Callable[[bytes], bytes | None]) -> bytes:
    """The workbook with some of its parts changed, and the same bytes every time. None removes a part."""
    out = io.BytesIO()
    changes = {
        {
            "sheet": "xl/worksheets/sheet1.xml",
            "book": "xl/workbook.xml",
            "types": "[Content_Types].xml",
            "strings": "xl/sharedStrings.xml",
            "styles": "xl/styles.xml",
            "rels": "xl/_rels/workbook.xml.rels",
        }[name]: change
        for name, change in parts.items()
    }
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content: bytes | None = old.read(part)
            if part.filename == "docProps/core.xml":
                content = (content or b"").partition(b"<dcterms:modified")[0].removesuffix(END) + END
            if part.filename in changes and content is not None:
                content = changes[part.filename](content)
            if content is not None:
                info = zipfile.ZipInfo(part.filename, (2011, 3, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(info, content)
    return out.getvalue()


HASTINGS = datetime(1066, 10, 14)  # noqa: DTZ001
TWICE = datetime(2011, 10, 30, 1, 30)  # noqa: DTZ001
END = b"</cp:coreProperties>"


def xl_cell(name: str, column: str, value: Any, reason: str, **more: Any) -> None:
    bad = [value if title == column else entry for title, entry in zip(HEADER, XL_GOOD, strict=True)]
    put(f"{name}.xlsx", book(HEADER, XL_GOOD, bad, XL_GOOD), reason, 3, column, **more)


def excel() -> None:
    for error in ("#DIV/0!", "#REF!", "#N/A", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"):
        xl_cell(f"error-{error[1:4].lower().replace('/', '')}", "Qty", error, "is an error")
    xl_cell("formula-quantity", "Qty", "=1+1", "is a formula")
    xl_cell("formula-date", "Date", "=NOW()", "is a formula")
    xl_cell("formula-id", "Invoice", "=A2", "is a formula")
    xl_cell("formula-note", "Note", '=HYPERLINK("http://example.org")', "is a formula")
    xl_cell("formula-country", "Country", '="Austra"&"lia"', "is a formula")
    cached = {"file": {"formulas": "cached"}}
    xl_cell("formula-never-calculated", "Qty", "=1+1", "is empty", mapping=cached)
    xl_cell("text-ambiguous", "Price", "1,234", "needs a locale")
    xl_cell("text-full-width", "Qty", "１２", "digits other than 0 to 9")
    xl_cell("true", "Qty", True, NO_NUMBER)
    xl_cell("date-as-quantity", "Qty", WHEN, NO_NUMBER)
    xl_cell("number-as-date", "Date", 40603.5, "a date is needed")
    xl_cell("time-as-date", "Date", time(10, 30), "is a time")
    xl_cell("duration-as-date", "Date", timedelta(hours=30), "is a timedelta")
    xl_cell("text-date", "Date", "01/03/2011", "declared format")
    xl_cell("nothing-as-date", "Date", None, "is empty")
    xl_cell("nothing-as-price", "Price", None, "is empty")
    xl_cell("nothing-as-id", "Invoice", None, "is empty")
    xl_cell("nothing-as-country", "Country", None, "no route takes")
    xl_cell("float-finer", "Price", 1.2525, "finer than the unit")
    xl_cell("float-too-large", "Qty", 2.0**60, "not exact at that size")
    xl_cell("date-shown-twice", "Date", datetime(2011, 10, 30, 1, 30), "showed twice")  # noqa: DTZ001
    xl_cell("date-skipped", "Date", datetime(2011, 3, 27, 1, 30), "skipped")  # noqa: DTZ001
    put(
        "date-without-zone.xlsx", book(HEADER, XL_GOOD), "has no time zone", 2, "Date", mapping={"zone": None}
    )
    put("empty.xlsx", book(), "should name the columns is empty", 1)
    put("no-bytes.xlsx", b"", "is no workbook")
    put("text.xlsx", "Invoice,Date\n", "is no workbook")
    put("old.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old or a password-protected")
    good = book(HEADER, XL_GOOD, XL_GOOD)
    for part in (10, 50, 90):
        put(f"cut-at-{part}-percent.xlsx", good[: len(good) * part // 100], "is no workbook")
    for column in ("Invoice", "Qty", "Country"):
        rest = [name for name in HEADER if name != column]
        cells = [value for name, value in zip(HEADER, XL_GOOD, strict=True) if name != column]
        put(f"without-{column.lower()}.xlsx", book(rest, cells), "is no column of the file", 1, column)
    put("column-twice.xlsx", book([*HEADER, "Qty"], [*XL_GOOD, 2]), "is the name of 2 columns", 1, "Qty")

    def merge(cells: str) -> Callable[[Any], None]:
        return lambda workbook: workbook["Sales"].merge_cells(cells)

    three = [HEADER, XL_GOOD, XL_GOOD, XL_GOOD]
    put("merged-countries.xlsx", book(*three, change=merge("E2:E3")), "is merged", 3, "Country")
    put("merged-ids.xlsx", book(*three, change=merge("A3:A4")), "is merged", 4, "Invoice")
    put("merged-across.xlsx", book(*three, change=merge("C3:D3")), "is merged", 3, "Price")

    def second(state: str = "visible", first: str = "visible") -> Callable[[Any], None]:
        def change(workbook: Any) -> None:
            workbook.create_sheet("More").append(HEADER)
            workbook["More"].sheet_state = state
            workbook["Sales"].sheet_state = first

        return change

    put("two-sheets.xlsx", book(HEADER, XL_GOOD, change=second()), "has several sheets")
    put("visible-one-is-empty.xlsx", book(HEADER, XL_GOOD, change=empty_sheet), "has several sheets")
    named = {"file": {"sheet": "Sale"}}
    put("sheet-misspelt.xlsx", book(HEADER, XL_GOOD), "did you mean 'Sales'?", mapping=named)
    put(
        "all-hidden.xlsx",
        repacked(good, book=lambda xml: xml.replace(b'state="visible"', b'state="hidden"')),
        "has no visible sheet",
    )
    put(
        "very-hidden.xlsx",
        repacked(good, book=lambda xml: xml.replace(b'state="visible"', b'state="veryHidden"')),
        "has no visible sheet",
    )

    put("no-workbook-part.xlsx", repacked(good, book=lambda _: None), "cannot be read as a workbook")
    put("no-content-types.xlsx", repacked(good, types=lambda _: None), "cannot be read as a workbook")
    put("no-relations.xlsx", repacked(good, rels=lambda _: None), "cannot be read as a workbook")
    put("no-sheet-part.xlsx", repacked(good, sheet=lambda _: None), "", expect_reason="workbook|visible")
    put("broken-styles.xlsx", repacked(good, styles=lambda xml: xml[:300]), "cannot be read as a workbook")
    put("broken-book.xlsx", repacked(good, book=lambda xml: xml[:300]), "cannot be read as a workbook")
    put("not-xml.xlsx", repacked(good, sheet=lambda _: b"hello"), "cannot be read as a workbook")
    put(
        "string-that-is-not-there.xlsx",
        repacked(good, sheet=lambda xml: SHARED.sub(b'<c r="A1" t="s"><v>999</v></c>', xml)),
        "cannot be read as a workbook",
    )
    put(
        "bomb.xlsx",
        repacked(good, sheet=lambda xml: BOMB + xml.replace(b"<sheetData>", b"<sheetData>&b;", 1)),
        "cannot be read as a workbook",
    )
    put(
        "external-entity.xlsx",
        repacked(
            good,
            sheet=lambda xml: (
                b'<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
                + xml.replace(b"<sheetData>", b"<sheetData>&b;", 1)
            ),
        ),
        "cannot be read as a workbook",
    )
    put(
        "cut-in-row-three.xlsx",
        repacked(good, sheet=lambda xml: xml[: xml.index(b'<row r="3"') + 40]),
        "cannot be read as a workbook from here",
        0,
        "",
        any_line=True,
    )
    put(
        "number-that-is-none.xlsx",
        repacked(
            good, sheet=lambda xml: xml.replace(b'<c r="C3" t="n"><v>2</v>', b'<c r="C3" t="n"><v>two</v>')
        ),
        "cannot be read as a workbook from here",
        3,
    )
    put(
        "date-before-1900.xlsx",
        repacked(
            good,
            sheet=lambda xml: xml.replace(
                b'<v>40603.41666666666</v></c><c r="C3"', b'<v>-5</v></c><c r="C3"'
            ),
        ),
        "cannot be meant",
        3,
        "Date",
    )
    bent = bytearray(good)
    bent[good.index(b"xl/worksheets/sheet1.xml") + 60] ^= 0xFF
    put("checksum.xlsx", bytes(bent), "", expect_reason="workbook")


def empty_sheet(workbook: Any) -> None:
    workbook.create_sheet("Notes")


SHARED = re.compile(rb'<c r="A1".*?</c>')
BOMB = b'<!DOCTYPE x [<!ENTITY a "' + b"x" * 100 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'

# ------------------------------------------------------------------------------------------ Parquet


def table(**columns: Any) -> pa.Table:
    whole: dict[str, Any] = {
        "Invoice": ["1001", "1001", "1002"],
        "Date": pa.array([WHEN] * 3, pa.timestamp("us")),
        "Qty": [1, 2, 3],
        "Price": [1.5, 2.0, 0.25],
        "Country": ["Australia"] * 3,
        "Note": ["tea", None, ""],
    }
    whole |= columns
    return pa.table({name: values for name, values in whole.items() if values is not None})


def parquet_bytes(data: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(data, out, compression="none", store_schema=False, write_statistics=False)
    return out.getvalue()


def column(name: str, title: str, values: Any, reason: str, line: int = 2, **more: Any) -> None:
    put(f"{name}.parquet", parquet_bytes(table(**{title: values})), reason, line, title, **more)


def parquet() -> None:
    column("nan", "Price", [1.5, float("nan"), 2.0], NO_NUMBER)
    column("infinity", "Price", [1.5, float("-inf"), 2.0], NO_NUMBER)
    column("float-too-large", "Qty", [1.0, 2.0**53, 1.0], "not exact at that size")
    column("float-finer", "Price", [1.5, 0.1 + 0.2, 2.0], "finer than the unit")
    column("narrow-finer", "Price", pa.array([1.5, 0.0625, 2.0], pa.float32()), "finer than the unit")
    column("half-nan", "Price", pa.array([1.5, float("nan"), 2.0], pa.float32()), NO_NUMBER)
    column("price-null", "Price", [1.5, None, 2.0], "is empty")
    column("quantity-null", "Qty", pa.array([1, None, 3], pa.int64()), "is empty")
    column("date-null", "Date", pa.array([WHEN, None, WHEN], pa.timestamp("us")), "is empty")
    column("id-null", "Invoice", ["1", None, "2"], "is empty")
    column("country-null", "Country", ["Australia", None, "Australia"], "no route takes")
    column("quantity-true", "Qty", [True, True, True], NO_NUMBER, 1, several=True)
    column("quantity-text", "Qty", ["1", "1,234", "3"], "needs a locale")
    column("quantity-exponent", "Qty", ["1", "1e3", "3"], "has an exponent")
    column("quantity-list", "Qty", [[1], [2], [3]], "is of type list", 1, several=True)
    column("quantity-struct", "Qty", [{"a": 1}] * 3, "is of type struct", 1, several=True)
    column("quantity-bytes", "Qty", [b"1"] * 3, "is of type binary", 1, several=True)
    column("quantity-date", "Qty", pa.array([WHEN] * 3, pa.timestamp("us")), NO_NUMBER, 1, several=True)
    column("note-bytes", "Note", [None, b"tea", None], "is of type binary")
    column("note-list", "Note", [None, ["tea"], None], "is of type list")
    column("id-list", "Invoice", [["1"], ["2"], ["3"]], "is of type list", 1, several=True)
    column("date-number", "Date", [1, 2, 3], "a date is needed", 1, several=True)
    column("date-text", "Date", ["2011-03-01", "01/03/2011", "2011-03-01"], "declared format")
    column(
        "date-time", "Date", pa.array([time(10)] * 3, pa.time64("us")), "is of type time64", 1, several=True
    )
    column("date-duration", "Date", pa.array([timedelta(1)] * 3), "a date is needed", 1, several=True)
    fine = pa.array([10**18, 10**18 + 1, 10**18], pa.timestamp("ns"))
    column("date-nanoseconds", "Date", fine, "finer than a microsecond")
    far = pa.array([0, 2**60, 0], pa.timestamp("us"))
    column("date-out-of-range", "Date", far, "cannot be", several=True)
    column(
        "date-1066",
        "Date",
        pa.array([WHEN, HASTINGS, WHEN], pa.timestamp("us")),
        "cannot be meant",
    )
    column(
        "date-shown-twice",
        "Date",
        pa.array([WHEN, TWICE, WHEN], pa.timestamp("us")),
        "showed twice",
    )
    column(
        "date-without-zone",
        "Date",
        pa.array([WHEN] * 3, pa.timestamp("us")),
        "has no time zone",
        1,
        mapping={"zone": None},
        several=True,
    )
    wide = pa.array([Decimal(1), Decimal(2) ** 130, Decimal(1)], pa.decimal256(60, 0))
    column("amount-beyond", "Price", wide, "beyond 2^128")
    column(
        "decimal-finer",
        "Price",
        pa.array([Decimal("1.2500"), Decimal("1.2525"), Decimal("1.0000")]),
        "finer than the unit",
    )
    notes = pa.Array.from_buffers(
        pa.string(), 3, pa.array([b"tea", b"\xff\xfe", b"x"], pa.binary()).buffers()
    )
    column("note-not-utf-8", "Note", notes, "is not UTF-8")
    for name in ("Invoice", "Qty", "Country"):
        put(f"without-{name.lower()}.parquet", parquet_bytes(table(**{name: None})), "is no column", 0, name)
    put("no-bytes.parquet", b"", "cannot be read as Parquet")
    put("only-the-mark.parquet", b"PAR1", "cannot be read as Parquet")
    put("two-marks.parquet", b"PAR1PAR1", "cannot be read as Parquet")
    put("text.parquet", lines(HEADER, GOOD), "cannot be read as Parquet")
    good = parquet_bytes(table())
    for part in (20, 60, 95):
        put(f"cut-at-{part}-percent.parquet", good[: len(good) * part // 100], "cannot be read as Parquet")
    long = int.from_bytes(good[-8:-4], "little")
    put(
        "footer-of-zeros.parquet",
        good[: -8 - long] + bytes(long) + good[-8:],
        "",
        expect_reason="Parquet|columns",
    )
    put(
        "footer-too-long.parquet",
        good[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
        "cannot be read as Parquet",
    )
    put(
        "pages-of-zeros.parquet",
        good[:4] + bytes(200) + good[204:],
        "cannot be read as Parquet from here on",
        1,
    )
    twice = pa.Table.from_arrays([*table().columns, table()["Qty"]], names=[*HEADER, "Qty"])
    put("column-twice.parquet", parquet_bytes(twice), "is the name of 2 columns", 0, "Qty")


# ------------------------------------------------------------------------------------------ mappings


def mapping(name: str, where: str, reason: str, *changes: tuple[str, str], text: str | None = None) -> None:
    broken = MAPPING if text is None else text
    for old, new in changes:
        assert old in broken, (name, old)
        broken = broken.replace(old, new, 1)
    put(f"mapping-{name}.toml", broken, reason, kind="MappingError", where=where)


def mappings() -> None:
    token = 'token = { symbol = "GBPT", decimals = 2 }'
    mapping("empty", "source", "is missing", text="")
    mapping("no-source", "source", "is missing", ('source = "shop"\n', ""))
    mapping("no-token", "token", "is missing", (token, ""))
    mapping("no-columns", "columns", "is missing", text='source = "a"\n' + token + "\n")
    mapping("no-routes", "routes", "no line belongs", text=MAPPING.split("[[routes]]", maxsplit=1)[0])
    mapping("no-amount", "columns.amount", "is missing", ('quantity = "Qty"\nunit_price = "Price"\n', ""))
    mapping("no-unit-price", "columns.unit_price", "is missing", ('unit_price = "Price"\n', ""))
    mapping("no-quantity", "columns.quantity", "is missing", ('quantity = "Qty"\n', ""))
    mapping(
        "amount-beside-quantity",
        "columns.quantity",
        "beside an amount",
        ("[columns]", '[columns]\namount = "A"'),
    )
    mapping("no-id", "columns.external_id", "is missing", ('external_id = ["Invoice"]\n', ""))
    mapping("id-no-columns", "columns.external_id", "empty list", ('["Invoice"]', "[]"))
    mapping("id-twice", "columns.external_id", "listed twice", ('["Invoice"]', '["Invoice", "Invoice"]'))
    mapping("id-number", "columns.external_id", "neither text nor", ('["Invoice"]', "3"))
    mapping("no-date", "columns.occurred_at", "is missing", ('occurred_at = "Date"\n', ""))
    mapping("column-number", "columns.occurred_at", "is not text", ('"Date"', "3"))
    mapping("column-empty", "columns.occurred_at", "is empty", ('"Date"', '""'))
    mapping("column-two-lines", "columns.occurred_at", "visible text", ('"Date"', '"Da\\nte"'))
    mapping("field-misspelt", "columns.quantty", "did you mean 'quantity'?", ("quantity", "quantty"))
    mapping("key-misspelt", "zon", "did you mean 'zone'?", ("zone =", "zon ="))
    mapping("source-empty", "source", "is empty", ('"shop"', '""'))
    mapping("source-blank", "source", "white space", ('"shop"', '" shop"'))
    mapping("source-number", "source", "is not text", ('"shop"', "5"))
    mapping("token-text", "token", "is not a table", ('{ symbol = "GBPT", decimals = 2 }', '"GBPT"'))
    mapping("token-without-decimals", "token.decimals", "is missing", (", decimals = 2", ""))
    mapping("token-decimals-text", "token.decimals", "not a whole number", ("decimals = 2", 'decimals = "2"'))
    mapping("token-decimals-40", "token.decimals", "out of range", ("decimals = 2", "decimals = 40"))
    mapping("token-address", "token.address", "digits", ("decimals = 2", 'decimals = 2, address = "0x12"'))
    locale = ("number_lines = true", 'locale = "{}"')
    for name, value, reason in (
        ("misspelt", "frr", "did you mean 'fr'?"),
        ("unknown", "xx", "no locale known"),
        ("upper-case", "FR", "did you mean"),
    ):
        mapping(f"locale-{name}", "locale", reason, (locale[0], locale[1].format(value)))
    mapping("locale-number", "locale", "no locale known", ("number_lines = true", "locale = 3"))
    mapping("zone-misspelt", "zone", "did you mean 'Europe/London'?", ("Europe/London", "Europe/Lodnon"))
    mapping("zone-unknown", "zone", "no time zone", ("Europe/London", "Mars"))
    mapping("zone-path", "zone", "no time zone", ("Europe/London", "../../etc/passwd"))
    mapping("zone-offset", "zone", "is not an offset", ("Europe/London", "+25:00"))
    mapping("zone-number", "zone", "is not text", ('"Europe/London"', "0"))
    for name, form, reason in (
        ("unknown", "%q", "not a directive"),
        ("no-year", "%d/%m", "are needed"),
        ("twice", "%d/%d/%m/%Y", "appears twice"),
        ("twelve-hours", "%d/%m/%Y %I:%M", "belong together"),
        ("month-name", "%d %B %Y", "not a directive"),
        ("text", "dd/mm/yyyy", "are needed"),
        ("percent", "%d/%m/%Y %", "not a directive"),
    ):
        mapping(f"dates-{name}", "dates", reason, ("number_lines = true", f'dates = "{form}"'))
    mapping("ambiguous-choice", "ambiguous", "not a choice", ("number_lines = true", 'ambiguous = "both"'))
    mapping("number-lines-text", "number_lines", "neither true nor false", ("= true", '= "yes"'))
    mapping("trim-number", "trim", "neither true nor false", ("number_lines = true", "trim = 1"))
    mapping(
        "unrouted-choice", "unrouted", "did you mean 'skip'?", ("number_lines = true", 'unrouted = "skipp"')
    )
    for name, line, where, reason in (
        ("encoding", 'encoding = "latin-1"', "file.encoding", "not a choice"),
        ("separator", 'separator = ";;"', "file.separator", "cannot separate"),
        ("separator-quote", "separator = '\"'", "file.separator", "cannot separate"),
        ("header-0", "header = 0", "file.header", "out of range"),
        ("header-text", 'header = "1"', "file.header", "not a whole number"),
        ("formulas", 'formulas = "run"', "file.formulas", "not a choice"),
        ("sheet", "sheet = 1", "file.sheet", "is not text"),
        ("key", 'seperator = ";"', "file.seperator", "did you mean 'separator'?"),
    ):
        mapping(f"file-{name}", where, reason, ("[columns]", f"[file]\n{line}\n\n[columns]"))
    mapping(
        "constant-and-column",
        "constants.territory",
        "has a column as well",
        ("[metadata]", '[constants]\nterritory = "x"\n\n[metadata]'),
    )
    mapping(
        "agreement-and-routes",
        "routes",
        "beside an agreement",
        ("[metadata]", '[constants]\nagreement = "x"\n\n[metadata]'),
    )
    mapping("metadata-number", "metadata.note", "is not text", ('note = "Note"', "note = 3"))
    mapping(
        "metadata-reserved", "metadata.original_amount", "converted amounts", ("note =", "original_amount =")
    )
    for name, line, where, reason in (
        ("keep-and-drop", 'column = "a"\nkeep = ["x"]\ndrop = ["y"]', "filters[0]", "keep or drop"),
        ("neither", 'column = "a"', "filters[0]", "keep or drop"),
        ("no-column", 'keep = ["x"]', "filters[0].column", "is missing"),
        ("numbers", 'column = "a"\nkeep = [3]', "filters[0].keep", "is not text"),
        ("empty", 'column = "a"\nkeep = []', "filters[0].keep", "no list"),
    ):
        mapping(f"filter-{name}", where, reason, ("[[routes]]", f"[[filters]]\n{line}\n\n[[routes]]"))
    mapping("route-no-agreement", "routes[0].agreement", "is missing", ('agreement = "Australia"\n', ""))
    mapping("route-twice", "routes[1]", "takes 'Australia'", ('"New Zealand"', '"Australia"'))
    mapping(
        "route-unmapped",
        "routes[0].sku",
        "nothing is mapped to sku",
        ('["Australia"]', '["Australia"]\nsku = "x"'),
    )
    mapping(
        "route-key",
        "routes[0].teritory",
        "did you mean 'territory'?",
        ('\nterritory = ["Aus', '\nteritory = ["Aus'),
    )
    mapping(
        "routes-table",
        "routes",
        "is not a list",
        text=MAPPING.partition("[[routes]]")[0] + '[routes]\na = "b"\n',
    )
    for name, line, where, reason in (
        (
            "rate-float",
            'USD = { rate = 1.17, rate_source = "x" }',
            "currencies.USD.rate",
            "not an exact rate",
        ),
        ("rate-zero", 'USD = { rate = "0.0", rate_source = "x" }', "currencies.USD.rate", "above zero"),
        (
            "rate-comma",
            'USD = { rate = "1,17", rate_source = "x" }',
            "currencies.USD.rate",
            "not an exact rate",
        ),
        (
            "rate-negative",
            'USD = { rate = "-1", rate_source = "x" }',
            "currencies.USD.rate",
            "not an exact rate",
        ),
        ("no-source", 'USD = { rate = "1.17" }', "currencies.USD.rate_source", "is missing"),
        ("not-mapped", 'USD = { rate = "1.17", rate_source = "x" }', "currencies", "no currency is mapped"),
    ):
        mapping(f"currency-{name}", where, reason, ("[metadata]", f"[currencies]\n{line}\n\n[metadata]"))
    mapping("syntax-no-value", "line 1, column 10", "is not TOML", ('"shop"', ""))
    mapping("syntax-no-quotes", "line 1, column 10", "is not TOML", ('"shop"', "shop"))
    mapping("syntax-open-quote", "line 1, column 15", "is not TOML", ('"shop"', '"shop'))
    mapping("syntax-open-table", "line 6, column 9", "is not TOML", ("[columns]", "[columns"))
    mapping("key-twice", "line 2, column 16", "appears twice", ('"shop"', '"shop"\nsource = "shop"'))
    mapping("deep", "line 1, column 60", "nested too deeply", ('"shop"', "[" * 60 + "]" * 60))


def main() -> None:
    for old in HERE.iterdir():
        if old.suffix in (".csv", ".txt", ".xlsx", ".parquet", ".toml", ".json"):
            old.unlink()
    for make in (numbers, dates, identities_and_routes, structure, excel, parquet, mappings):
        make()
    (HERE / "expected.json").write_text(
        json.dumps(EXPECTED, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )
    (HERE / "good.toml").write_text(MAPPING, encoding="utf-8")


if __name__ == "__main__":
    main()
