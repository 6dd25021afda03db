"""Sales from files: CSV, Excel, Parquet and data frames, by a mapping of their columns."""

from __future__ import annotations

from ._guess import Guess, guess_mapping
from ._mapping import SaleMapping
from ._run import ImportReport, import_sales, imported_before, preview_sales, read_sales

__all__ = [
    "Guess",
    "ImportReport",
    "SaleMapping",
    "guess_mapping",
    "import_sales",
    "imported_before",
    "preview_sales",
    "read_sales",
]
