"""Sales as rows of text, the form in which they are stored in bulk and chained; pure, no database.

A row has one text for each of SALE_COLUMNS: `occurred_at` as whole microseconds since 1970 in UTC, `amount`
as base units, both in plain decimal digits; `metadata` as canonical JSON, ``{}`` when there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from ._sale import Metadata, Sale

SALE_COLUMNS = (
    "source",
    "external_id",
    "agreement",
    "occurred_at",
    "zone",
    "amount",
    "token",
    "currency",
    "rate",
    "rate_source",
    "sku",
    "territory",
    "channel",
    "description",
    "metadata",
)

Row = tuple[str, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return `moment`, which has a time zone, as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """Return the UTC instant that is `value` microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=value)


def metadata_text(metadata: Mapping[str, Metadata]) -> str:
    """Return metadata as canonical JSON: keys ascending, no white space."""
    if not metadata:
        return "{}"
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def row_of(sale: Sale) -> Row:
    """Return the row of `sale`."""
    return (
        sale.source,
        sale.external_id,
        sale.agreement,
        str(microseconds(sale.occurred_at)),
        sale.zone,
        str(sale.amount),
        sale.token,
        sale.currency,
        sale.rate,
        sale.rate_source,
        sale.sku,
        sale.territory,
        sale.channel,
        sale.description,
        metadata_text(sale.metadata),
    )


def sale_of(row: Sequence[object]) -> Sale:
    """Return the sale of a row as a database gives it back: times and amounts may be numbers.

    It was checked when it was recorded, and is not checked again. Raises ValueError or OverflowError for a
    row that holds no time, no amount or no metadata.
    """
    sale = object.__new__(Sale)
    for name, value in zip(SALE_COLUMNS, row, strict=True):
        if name == "occurred_at":
            value = instant(int(str(value)))  # noqa: PLW2901 - read in place, once for each of millions
        elif name == "amount":
            value = int(str(value))  # noqa: PLW2901
        elif name == "metadata":
            value = _NOTHING if value == "{}" else _metadata(str(value))  # noqa: PLW2901
        object.__setattr__(sale, name, value)
    return sale


_NOTHING: Mapping[str, Metadata] = MappingProxyType({})


def _metadata(text: str) -> Mapping[str, Metadata]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError(f"metadata must be an object, not {text[:40]!r}")  # noqa: TRY004
    return MappingProxyType(values)
