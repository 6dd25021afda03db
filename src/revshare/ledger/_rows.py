"""Sales as rows of text, the form in which they are stored in bulk and chained; pure, no database.

A row has one text for each of SALE_COLUMNS: `occurred_at` as whole microseconds since 1970 in UTC, `amount`
as base units, both in plain decimal digits; `metadata` as canonical JSON, ``{}`` when there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

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

    Raises InvalidInput or ValueError for a row that no sale has.
    """
    values = [str(value) for value in row]
    named = dict(zip(SALE_COLUMNS, values, strict=True))
    return Sale(
        named["source"],
        named["external_id"],
        instant(int(named["occurred_at"])),
        int(named["amount"]),
        named["token"],
        named["description"],
        json.loads(named["metadata"]) if named["metadata"] != "{}" else {},
        agreement=named["agreement"],
        sku=named["sku"],
        territory=named["territory"],
        channel=named["channel"],
        currency=named["currency"],
        rate=named["rate"],
        rate_source=named["rate_source"],
        zone=named["zone"],
    )
