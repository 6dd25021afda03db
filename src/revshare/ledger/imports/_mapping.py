"""Mappings: how the columns of a distributor's file become sales, as people write them down and check them.

    source = "online_retail"                            # who reports; with the external id it names a sale
    token = { symbol = "GBPT", decimals = 6 }
    locale = "plain"                                    # how numbers are written; left out: no thousands
    dates = "%Y-%m-%d %H:%M:%S"                         # left out: iso
    zone = "Europe/London"                              # of times without an offset
    number_lines = true                                 # a sale is a line of an invoice

    [columns]
    external_id = ["InvoiceNo"]
    occurred_at = "InvoiceDate"
    quantity = "Quantity"
    unit_price = "UnitPrice"
    territory = "Country"

    [metadata]
    customer = "CustomerID"

    [[routes]]
    agreement = "Cosmetics to Australia"
    territory = "Australia"

Whatever is wrong with a mapping is reported at once, in one `MappingError`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema

from revshare import _textfile
from revshare._fields import WholeNumber, check_line
from revshare._files import write_whole
from revshare._model import Frozen, FrozenDict, Model, Refusal, place, show
from revshare.errors import AgreementError, MappingError, Problem, did_you_mean
from revshare.money import Token

from ._numbers import LOCALES
from ._times import Ambiguous, grammar, zone_of

__all__ = ["Columns", "Constants", "Currency", "Filter", "Reading", "Route", "SaleMapping"]

ROUTED_BY = ("territory", "sku", "channel")
ORIGINAL = "original_amount"
"""Key in a sale's metadata: the amount in its own currency, as text, when it was converted."""
_RATE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")

# ------------------------------------------------------------------------------------------ single values


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refusal(f"{show(value)} is not text", "write it in quotes")
    if not value.strip():
        raise Refusal("is empty", "write some text, or leave it out")
    if len(value) > 1000 or not value.isprintable():
        raise Refusal(f"{show(value)} is not one line of visible text", "use visible characters on one line")
    return value


def _texts(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)):
        raise Refusal(f"{show(value)} is neither text nor a list of texts", "write it in quotes")
    if not values:
        raise Refusal("is an empty list", "give at least one, or leave it out")
    texts = tuple(map(_text, values))
    for index, text in enumerate(texts):
        if text in texts[:index]:
            raise Refusal(f"{show(text)} is listed twice", "keep one of them")
    return texts


def _values(value: object) -> tuple[str, ...]:
    """Texts to compare cells with: an empty one stands for an empty cell."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not values:
        raise Refusal(f"{show(value)} is no list of texts", 'write a list, like ["Australia"]')
    for entry in values:
        if not isinstance(entry, str):
            raise Refusal(f"{show(entry)} is not text", "write it in quotes: cells are compared as text")
    return tuple(values)


def _locale(value: object) -> str:
    if not isinstance(value, str) or value not in LOCALES:
        known = ", ".join(LOCALES)
        hint = did_you_mean(value, LOCALES) if isinstance(value, str) else ""
        raise Refusal(f"{show(value)} is no locale known here", hint or f"use one of {known}")
    return value


def _dates(value: object) -> str:
    text = _text(value)
    try:
        grammar(text)
    except ValueError as error:
        raise Refusal(
            f"{show(text)} is no format of dates: {error}", 'write "iso", or like "%d/%m/%Y %H:%M"'
        ) from None
    return text


def _zone(value: object) -> str:
    text = _text(value)
    try:
        zone_of(text)
    except ValueError as error:
        from zoneinfo import available_timezones

        hint = did_you_mean(text, sorted(available_timezones()))
        raise Refusal(
            str(error), hint or 'use an IANA name like "Europe/London", or an offset like "+10:00"'
        ) from None
    return text


def _rate(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _RATE.fullmatch(value) or not value.strip("0."):
        fix = (
            f'write it in quotes: rate = "{value!s}"'
            if isinstance(value, float)
            else 'write digits, like "1.17"'
        )
        raise Refusal(f"{show(value)} is not an exact rate above zero", fix)
    return value


def _separator(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n\0 ' or value.isalnum():
        raise Refusal(f"{show(value)} cannot separate fields", 'use "," ";" "|" or "\\t"')
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refusal(f"{show(value)} is neither true nor false", "write true or false, without quotes")
    return value


def _one_of(*known: str) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, str) or value not in known:
            choices = ", ".join(map(repr, known))
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise Refusal(f"{show(value)} is not a choice here", hint or f"use one of {choices}")
        return value

    return BeforeValidator(check)


Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
_LIST = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), WithJsonSchema(_LIST)]
Values = Annotated[tuple[str, ...], BeforeValidator(_values), WithJsonSchema(_LIST)]
Line = Annotated[str, BeforeValidator(lambda value: check_line(value, 200))]

# ------------------------------------------------------------------------------------------ parts


class Columns(Model):
    """Which column each field of a sale is in. The amount is one column, or a quantity times a unit price."""

    external_id: Annotated[
        Texts, Field(description="The document's number: one column, or several together.")
    ]
    occurred_at: Annotated[Text, Field(description="When it was sold.")]
    amount: Annotated[Text | None, Field(description="What it was sold for.")] = None
    quantity: Annotated[Text | None, Field(description="How many; with unit_price.")] = None
    unit_price: Annotated[Text | None, Field(description="For how much each; with quantity.")] = None
    description: Text | None = None
    sku: Text | None = None
    territory: Text | None = None
    channel: Text | None = None
    currency: Text | None = None
    agreement: Annotated[Text | None, Field(description="The agreement's name, when the file has it.")] = None


class Constants(Model):
    """Fields that are the same for every line of the file."""

    description: Text | None = None
    sku: Text | None = None
    territory: Text | None = None
    channel: Text | None = None
    currency: Text | None = None
    agreement: Line | None = None


class Currency(Model):
    """A currency and what one of it is worth.

    rate: whole tokens for one of the currency, exact, as text. rate_source: who says so. Amounts are
    converted exactly and rounded half to even to the token's unit; the amount in the currency is kept in the
    sale's metadata as ``original_amount``.
    """

    rate: Annotated[str, BeforeValidator(_rate), Field(description="Whole tokens for one of the currency.")]
    rate_source: Annotated[Line, Field(description='Who says so, like "ECB 2011-03-31".')]


class Filter(Model):
    """Which lines are read, by the text in a column: only those in `keep`, or all but those in `drop`."""

    column: Text
    keep: Values | None = None
    drop: Values | None = None

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield a problem unless there is one of keep and drop."""
        if (data.get("keep") is None) == (data.get("drop") is None):
            yield Problem(place(), "needs keep or drop, and not both", 'write keep = ["…"], or drop = ["…"]')


class Route(Model):
    """Which agreement lines belong to: those whose territory, SKU and channel are among the texts given.

    A route that names more of the three is more specific, and wins. One that names none takes what is left.
    """

    agreement: Line
    territory: Texts | None = None
    sku: Texts | None = None
    channel: Texts | None = None

    @property
    def criteria(self) -> tuple[str, ...]:
        """Which fields of a line the route looks at."""
        return tuple(name for name in ROUTED_BY if getattr(self, name) is not None)


class Reading(Model):
    """How the file itself is read.

    encoding: utf-8 (with or without byte-order mark) or cp1252, of CSV. separator: of CSV; found out when
    left out. header: which row has the names of columns, from 1. sheet: of a workbook; left out when only one
    is visible. formulas: of a workbook: "refuse" them, or take the values "cached" in the file.
    """

    encoding: Annotated[Literal["utf-8", "cp1252"], _one_of("utf-8", "cp1252")] = "utf-8"
    separator: Annotated[str, BeforeValidator(_separator)] | None = None
    header: Annotated[WholeNumber, Field(ge=1, le=1000)] = 1
    sheet: Text | None = None
    formulas: Annotated[Literal["refuse", "cached"], _one_of("refuse", "cached")] = "refuse"


# ------------------------------------------------------------------------------------------ the whole


class SaleMapping(Model):
    """From the columns of a file to sales. Make one with `load`, `loads` or by calling the class."""

    source: Annotated[Line, Field(description="Who reports the sales; with the external id it names one.")]
    token: Annotated[Token, Field(description="What amounts are kept in.")]
    columns: Columns
    locale: Annotated[
        Annotated[str, BeforeValidator(_locale)] | None,
        Field(description="How numbers are written: " + ", ".join(LOCALES) + "."),
    ] = None
    dates: Annotated[
        str, BeforeValidator(_dates), Field(description="iso, or a format like %d/%m/%Y %H:%M.")
    ] = "iso"
    zone: Annotated[
        Annotated[str, BeforeValidator(_zone)] | None,
        Field(description="Zone of times that have no offset, like Europe/London."),
    ] = None
    ambiguous: Annotated[
        Ambiguous,
        _one_of("refuse", "earlier", "later"),
        Field(description="Which instant a local time is that clocks showed twice."),
    ] = "refuse"
    number_lines: Annotated[
        Flag, Field(description="The external id is the document's, and its n-th line gets /n.")
    ] = False
    trim: Annotated[Flag, Field(description="Ignore white space around numbers, dates and texts.")] = False
    unrouted: Annotated[
        Literal["refuse", "skip"],
        _one_of("refuse", "skip"),
        Field(description="What happens to lines that no route takes."),
    ] = "refuse"
    file: Annotated[Reading, Field(description="How the file itself is read.")] = Reading()
    constants: Constants = Constants()
    metadata: Annotated[
        dict[Text, Text], Field(description="Key in the sale's metadata → column."), Frozen
    ] = FrozenDict()
    currencies: Annotated[dict[Text, Currency], Field(description="Rates of currencies."), Frozen] = (
        FrozenDict()
    )
    filters: tuple[Filter, ...] = ()
    routes: Annotated[tuple[Route, ...], Field(max_length=100_000)] = ()

    if not TYPE_CHECKING:

        def __init__(self, /, **data: object) -> None:
            try:
                super().__init__(**data)
            except AgreementError as error:
                raise MappingError(error.problems) from None

    @classmethod
    def model_validate(cls, obj: object, **options: Any) -> Self:
        """Check `obj` (a mapping, or a model of this class) and return the model. Raises MappingError."""
        try:
            return super().model_validate(obj, **options)
        except (AgreementError, MappingError) as error:
            raise MappingError(error.problems) from None

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what is wrong between the parts."""
        columns, constants = _part(data, "columns"), _part(data, "constants")
        yield from _amounts(columns)
        for name in constants.keys() & columns.keys():
            yield Problem(place("constants", name), "has a column as well", "keep one of the two")
        given = columns.keys() | constants.keys()
        yield from _agreements(data, given)
        yield from _currencies(data, columns, constants)
        if ORIGINAL in _table(data.get("metadata")):
            yield Problem(
                place("metadata", ORIGINAL), "is what converted amounts are kept under", "choose another key"
            )

    # ------------------------------------------------------------------------------------------ files

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the mapping in the file `path`, TOML or JSON by its suffix. Raises MappingError."""
        path = Path(path)
        try:
            text = _textfile.read_text(path)
            kind = _textfile.format_of(path)
        except AgreementError as error:
            raise MappingError(error.problems, str(path)) from None
        return cls._from_text(text, kind, str(path))

    @classmethod
    def loads(cls, text: str, format: _textfile.Format = "toml") -> Self:  # noqa: A002 - the word for it
        """Return the mapping that `text` (TOML, or JSON) says. Raises MappingError."""
        if format not in ("toml", "json"):
            raise ValueError(f'format must be "toml" or "json", not {format!r}')
        return cls._from_text(text, format, None)

    @classmethod
    def _from_text(cls, text: str, kind: _textfile.Format, source: str | None) -> Self:
        try:
            return cls.model_validate(_textfile.parse(text, kind))
        except (AgreementError, MappingError) as error:
            raise MappingError(error.problems, source) from None

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping as plain data, without what is left at its default."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)

    def to_toml(self) -> str:
        """Return the mapping as the text of a TOML file, which `loads` takes back."""
        return _textfile.to_toml(self.to_dict())

    def save(self, path: str | Path) -> None:
        """Write the mapping to the file `path`, TOML or JSON by its suffix. Raises MappingError, OSError."""
        path = Path(path)
        try:
            kind = _textfile.format_of(path)
        except AgreementError as error:
            raise MappingError(error.problems, str(path)) from None
        text = self.to_toml() if kind == "toml" else _textfile.to_json(self.to_dict())
        write_whole(path, text)

    def digest(self) -> str:
        """Return the SHA-256 of the mapping's canonical JSON, hexadecimal, for the manifest of an import."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def used_columns(self) -> dict[str, str]:
        """Return every column the mapping reads, with the place in the mapping that names it first."""
        used: dict[str, str] = {}
        for name in Columns.model_fields:
            value = getattr(self.columns, name)
            for column in value if isinstance(value, tuple) else (value,):
                if column is not None:
                    used.setdefault(column, place("columns", name))
        for key, column in self.metadata.items():
            used.setdefault(column, place("metadata", key))
        for index, rule in enumerate(self.filters):
            used.setdefault(rule.column, place("filters", index, "column"))
        return used


# ------------------------------------------------------------------------------------------ between parts
# These see data as given, of which any part may be malformed: what is, has been reported where it stands.


def _table(value: object) -> Mapping[str, object]:
    if isinstance(value, Model):
        return {key: entry for key, entry in value if entry is not None}
    table = value if isinstance(value, Mapping) else {}
    return {key: entry for key, entry in table.items() if isinstance(key, str) and entry is not None}


def _part(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    return _table(data.get(name))


def _amounts(columns: Mapping[str, object]) -> Iterator[Problem]:
    if not columns:
        return
    product = [name for name in ("quantity", "unit_price") if name in columns]
    if "amount" in columns and product:
        yield Problem(place("columns", product[0]), "stands beside an amount", "keep one of the two")
    elif "amount" not in columns and len(product) == 1:
        other = "unit_price" if product == ["quantity"] else "quantity"
        yield Problem(place("columns", other), "is missing", f"add it: the amount is {product[0]} × {other}")
    elif "amount" not in columns and not product:
        yield Problem(place("columns", "amount"), "is missing", "add it, or quantity and unit_price")


def _agreements(data: Mapping[str, object], given: set[str]) -> Iterator[Problem]:
    given_routes = data.get("routes", ())
    routes = given_routes if isinstance(given_routes, (list, tuple)) else ()
    ways = ["routes"] * bool(routes) + ["columns or constants"] * ("agreement" in given)
    if not ways and routes == given_routes and data.get("columns") is not None:
        yield Problem("routes", "no line belongs to any agreement", "add routes, or constants.agreement")
    if len(ways) > 1:
        yield Problem("routes", "stand beside an agreement in columns or constants", "keep one of the two")
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for index, route in enumerate(routes):
        table = _table(route)
        criteria = [name for name in ROUTED_BY if name in table]
        for name in criteria:
            if name not in given:
                yield Problem(
                    place("routes", index, name), f"nothing is mapped to {name}", f"add columns.{name}"
                )
        for combination in _combinations(table, criteria):
            first = seen.setdefault((" ".join(criteria), combination), index)
            if first != index:
                what = " ".join(map(show, combination)) or "whatever is left"
                yield Problem(
                    place("routes", index),
                    f"takes {what}, which routes[{first}] takes as well",
                    "let one of them name it, or make one more specific",
                )
                break


def _combinations(table: Mapping[str, object], criteria: list[str]) -> Iterator[tuple[str, ...]]:
    """Every territory, SKU and channel a route takes; none if that cannot be told, or is too much to list."""
    lists: list[tuple[str, ...]] = []
    size = 1
    for name in criteria:
        try:
            lists.append(_texts(table[name]))
        except Refusal:
            return
        size *= len(lists[-1])
    if size <= 10_000:
        from itertools import product

        yield from product(*lists)


def _currencies(
    data: Mapping[str, object], columns: Mapping[str, object], constants: Mapping[str, object]
) -> Iterator[Problem]:
    rates = _part(data, "currencies")
    constant = constants.get("currency")
    if rates and "currency" not in columns and constant is None:
        yield Problem("currencies", "no currency is mapped", "add columns.currency or constants.currency")
    if rates and isinstance(constant, str) and constant not in rates:
        yield Problem(
            place("constants", "currency"),
            f"{show(constant)} has no rate",
            did_you_mean(constant, rates)
            or f"add it to currencies: {constant} = {{ rate = …, rate_source = … }}",
        )
