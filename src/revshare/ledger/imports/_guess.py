"""A first guess at a mapping, from the names of columns and the first lines: for a person to look at.

Nothing is ever imported by a guess: it is shown, mended, and saved. What decides about money and cannot be
known from the file (the token, the agreement, the time zone, a locale when the numbers do not tell) is listed
in `missing`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from revshare import _textfile
from revshare.errors import ImportRefused, InvalidInput, Problem
from revshare.money import Token

from ._csv import CsvTable
from ._mapping import Reading, SaleMapping
from ._numbers import LOCALES, NumberReader, Unreadable
from ._run import open_table
from ._table import Cell, Stop, Table, short
from ._times import TimeReader, zone_of

__all__ = ["Guess", "guess_mapping"]

_SAMPLE = 2000
_NAMES = {
    "external_id": "invoice no|invoice number|invoice id|invoice|order id|order number|order no|order|"
    "document number|document|sale id|transaction id|transaction|receipt|reference|external id|id|"
    "numero de facture|no facture|facture|numero de commande|commande|rechnungsnummer|rechnung|belegnummer|"
    "bestellnummer",
    "occurred_at": "invoice date|order date|sale date|sold at|occurred at|date time|datetime|timestamp|date|"
    "created at|date de facture|date de vente|datum|rechnungsdatum|verkaufsdatum",
    "amount": "amount|net amount|total|line total|net|revenue|sales|montant|montant ht|total ht|betrag|"
    "umsatz|summe",
    "quantity": "quantity|qty|units|units sold|quantite|qte|menge|anzahl|stuck",
    "unit_price": "unit price|price|price each|prix unitaire|prix|pu ht|einzelpreis|preis|stuckpreis",
    "description": "description|product|product name|item|title|designation|libelle|produit|bezeichnung|"
    "artikel",
    "sku": "sku|stock code|product code|item code|article number|ean|asin|isbn|upc|reference produit|"
    "code article|artikelnummer",
    "territory": "territory|country|region|market|pays|territoire|land|gebiet",
    "channel": "channel|store|shop|marketplace|platform|canal|magasin|kanal|laden",
    "currency": "currency|currency code|devise|monnaie|wahrung",
}
_FORMATS = (
    "iso",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d",
    "%m/%d/%y %H:%M",
    "%d/%m/%y %H:%M",
)
_LOCALES = ("en", "de", "fr", "de-CH", "plain")


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mapping, and what of it is missing.

    data: as in a mapping file. missing: what a person must add or decide before it is one. notes: what was
    decided by what the first lines say, and is worth a second look.
    """

    data: Mapping[str, Any]
    missing: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()

    def mapping(self, **more: object) -> SaleMapping:
        """Return the mapping, with `more` added. Raises MappingError as long as something is missing."""
        return SaleMapping.model_validate({**self.data, **more})

    def to_toml(self) -> str:
        """Return the text of a mapping file, with what is missing, and the notes, in comments above."""
        notes = [f"# {problem}" for problem in (*self.missing, *self.notes)]
        head = ["# Guessed from the file: look it over before anything is imported by it.", *notes, ""]
        return "\n".join(head) + _textfile.to_toml(self.data)


def guess_mapping(
    source: object,
    *,
    token: Token | None = None,
    agreement: str | None = None,
    zone: str | None = None,
    locale: str | None = None,
    name: str | None = None,
    reading: Reading | None = None,
) -> Guess:
    """Guess how the columns of `source` (a path or a data frame) become sales.

    token, agreement, zone, locale: when they are known. name: of who reports; of the file when left out.
    reading: how the file is read. A text file that is not UTF-8 is looked at as if it were cp1252, so that
    the rest can be guessed; but which encoding it has must be declared, and is listed as missing.

    Raises ImportRefused for a file that cannot be read at all, InvalidInput for no zone or locale.
    """
    _check(zone, locale)
    table, undeclared = _opened(source, reading)
    header = [column for column in table.header if column and table.header.count(column) == 1]
    fields = _fields(header)
    samples = _samples(table, header)
    missing: list[Problem] = [] if undeclared is None else [undeclared]
    notes: list[Problem] = []
    data: dict[str, Any] = {"source": name or re.sub(r"\.[^.]*$", "", table.name)}
    if token is not None:
        data["token"] = token.model_dump(exclude_none=True)
    else:
        missing.append(Problem("token", "is not known", 'add it: token = { symbol = "USDC", decimals = 6 }'))
    numbers = [samples[fields[field]] for field in ("amount", "quantity", "unit_price") if field in fields]
    data |= _locale(numbers, locale, missing)
    data |= _times(samples.get(fields.get("occurred_at", ""), ()), zone, missing)
    documents = samples.get(fields.get("external_id", ""), ())
    twice = next((cell for cell, count in Counter(map(str, documents)).items() if count > 1), None)
    if twice is not None:
        data["number_lines"] = True
        notes.append(
            Problem(
                "number_lines",
                f"{short(twice)!r} is on several lines, and each becomes a sale of its own: /1, /2 …",
                "remove it if an id stands for one sale",
            )
        )
    if reading is not None and reading != Reading():
        data["file"] = reading.model_dump(exclude_none=True, exclude_defaults=True)
    columns: dict[str, Any] = dict(fields)
    if "external_id" in columns:
        columns["external_id"] = [columns["external_id"]]
    data["columns"] = columns
    needed = ["external_id", "occurred_at", "quantity" if "quantity" in fields else "amount"]
    missing += [
        Problem(f"columns.{field}", "no column has a name like it", "add it")
        for field in needed
        if field not in fields
    ]
    if agreement is not None:
        data["constants"] = {"agreement": agreement}
    else:
        missing.append(
            Problem(
                "routes", "no line belongs to any agreement", 'add [[routes]], or [constants] agreement = "…"'
            )
        )
    left = [column for column in header if column not in fields.values()]
    if left:
        data["metadata"] = {_key(column): column for column in left}
    return Guess(data, tuple(missing), tuple(notes))


def _check(zone: str | None, locale: str | None) -> None:
    if locale is not None and locale not in LOCALES:
        known = ", ".join(LOCALES)
        raise InvalidInput(f"{locale!r} is no locale known here; use one of {known}")
    if zone is not None:
        try:
            zone_of(zone)
        except ValueError as error:
            raise InvalidInput(f"{error}; use a name like Europe/London, or an offset like +10:00") from None


def _opened(source: object, reading: Reading | None) -> tuple[Table, Problem | None]:
    """Open a source to be looked at, all of it; and say if its encoding must be declared."""
    try:
        return _whole(open_table(source, reading)), None
    except ImportRefused as refused:
        if reading is not None and reading.encoding != "utf-8":
            raise
        other = (reading or Reading()).model_copy(update={"encoding": "cp1252"})
        try:
            table = _whole(open_table(source, other))
        except ImportRefused:
            raise refused from None  # it was not the encoding
        line = refused.problems[0].line
    return table, Problem(
        "file.encoding",
        f"the file is not UTF-8 (line {line}), and is shown as if it were cp1252",
        'declare it: [file] encoding = "cp1252", or save the file as UTF-8',
    )


def _whole(table: Table) -> Table:
    """Return a table; of text, all of which is in its encoding. Raises ImportRefused."""
    if isinstance(table, CsvTable):
        table.fingerprint()
    return table


def _plain(name: str) -> str:
    """`name` as it is looked up: words in lower case, without accents."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    bare = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().casefold()
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def _fields(header: Sequence[str]) -> dict[str, str]:
    """Return field → column. Of several names the one listed first wins, an amount before its factors."""
    plain = {_plain(column): column for column in reversed(header)}
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        for name in names.split("|"):
            column = plain.get(name)
            if column is not None and column not in found.values():
                found[field] = column
                break
    if "amount" in found or not {"quantity", "unit_price"} <= found.keys():
        found.pop("quantity", None)
        found.pop("unit_price", None)
    return found


def _key(column: str) -> str:
    return _plain(column).replace(" ", "_") or column


def _samples(table: Any, header: Sequence[str]) -> dict[str, list[Cell]]:
    positions = [table.header.index(column) for column in header]
    samples: dict[str, list[Cell]] = {column: [] for column in header}
    try:
        for chunk in islice(table.read(positions), 2):
            for column, cells in zip(header, chunk.columns, strict=False):
                samples[column] += cells
    except Stop:
        pass  # what is wrong there is said when it is imported
    return {column: cells[:_SAMPLE] for column, cells in samples.items()}


def _locale(columns: Iterable[Sequence[Cell]], locale: str | None, missing: list[Problem]) -> dict[str, Any]:
    if locale is not None:
        return {"locale": locale}
    texts = {cell for column in columns for cell in column if isinstance(cell, str) and cell}
    if all(_reads(NumberReader(None), text) for text in texts):
        return {}
    fitting = [name for name in _LOCALES if all(_reads(NumberReader(name), text) for text in texts)]
    # `en` and `plain` agree wherever both can read; any other two that fit might not.
    if fitting and (len(fitting) == 1 or set(fitting) == {"en", "plain"}):
        return {"locale": fitting[0]}
    why = "the numbers could be read in several ways" if fitting else "the numbers fit no locale known here"
    missing.append(Problem("locale", why, 'declare it, such as locale = "en" for 1,234.56'))
    return {}


def _times(cells: Sequence[Cell], zone: str | None, missing: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    texts = {cell for cell in cells if isinstance(cell, str) and cell}
    naive = any(
        isinstance(cell, date) and not (isinstance(cell, datetime) and cell.tzinfo is not None)
        for cell in cells
    )
    if texts:
        fitting = [form for form in _FORMATS if all(_reads(TimeReader(form, zone="UTC"), t) for t in texts)]
        if not fitting:
            missing.append(
                Problem("dates", "the dates fit no common format", 'declare it: dates = "%d/%m/%Y"')
            )
        elif len(fitting) > 1:
            forms = " or ".join(fitting)
            missing.append(Problem("dates", f"the dates could be {forms}", "declare which"))
        elif fitting[0] != "iso":
            found["dates"] = fitting[0]
        naive |= not fitting or not all(_reads(TimeReader(fitting[0]), text) for text in texts)
    if zone is not None:
        found["zone"] = zone
    elif naive:
        missing.append(Problem("zone", "the times have no zone", 'add it: zone = "Europe/London"'))
    return found


def _reads(reader: NumberReader | TimeReader, cell: Cell) -> bool:
    try:
        reader.read(cell)
    except Unreadable:
        return False
    return True
