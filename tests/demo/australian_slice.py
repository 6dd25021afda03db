"""Cuts the Australian lines out of the data set's Parquet file, as the package ships them.

python tests/demo/australian_slice.py online_retail.parquet src/revshare/demo/australia.csv
"""

from __future__ import annotations

import csv
import io
import sys
from decimal import Decimal
from pathlib import Path

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")


def shortest(price: float) -> str:
    """The shortest decimal that reads back as `price`: ``8.5``, ``10``, ``0.85``."""
    text = f"{Decimal(repr(price)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def australian_lines(parquet: Path) -> str:
    """The CSV text: every line sold to Australia, in the order of the file."""
    import pyarrow.parquet as pq

    rows = pq.read_table(parquet).to_pylist()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        if row["Country"] == "Australia":
            writer.writerow(
                [
                    row["InvoiceNo"],
                    row["StockCode"],
                    row["Description"],
                    row["Quantity"],
                    row["InvoiceDate"].isoformat(),
                    shortest(row["UnitPrice"]),
                    f"{row['CustomerID']:.0f}",
                ]
            )
    return out.getvalue()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(australian_lines(Path(sys.argv[1])), encoding="utf-8", newline="\n")
