"""Sales and credit notes: what was sold, what was given back, and the ledger that remembers it.

`Sale` and `Period` need no database; `Ledger` comes when called, and with it SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from revshare._period import Period

from ._records import Batch, Entry, Manifest, Recorded, Totals, Verification
from ._sale import Sale

if TYPE_CHECKING:
    from ._ledger import Ledger

__all__ = ["Batch", "Entry", "Ledger", "Manifest", "Period", "Recorded", "Sale", "Totals", "Verification"]


def __getattr__(name: str) -> object:
    if name != "Ledger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ._ledger import Ledger
    except ModuleNotFoundError as error:
        from revshare.errors import MissingExtra

        package = (error.name or "").partition(".")[0]
        if package in ("sqlalchemy", "alembic"):
            raise MissingExtra("ledger", package) from error
        raise
    globals()[name] = Ledger
    return Ledger
