"""Sales to record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import revshare as rs

LIMIT = 2**128


def sale(number: int, amount: int | None = None, **more: Any) -> rs.Sale:
    fields: dict[str, Any] = {
        "source": "shop",
        "external_id": f"INV-{number}",
        "occurred_at": datetime(2011, 3, 1 + number % 28, 8, 26, 0, 123456, tzinfo=UTC),
        "amount": number if amount is None else amount,
        "token": "GBPT",
        "agreement": "Australia",
    }
    return rs.Sale(**fields | more)


FULL = sale(
    7,
    -LIMIT,
    description='WHITE "T-LIGHT"\tHOLDER\n – été \\N \u202e 🎁',
    metadata={"quantity": -6, "gift": True, "note": None, "ключ": "знач\\ение", "big": 2**200},
    sku="85123A",
    territory="AU",
    channel="web",
    currency="AUD",
    rate="0.6512",
    rate_source="ECB",
    zone="Australia/Sydney",
)
