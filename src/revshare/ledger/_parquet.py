"""Sales as Parquet, for engines that sum what outgrows a ledger: see `revshare.analytics`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from revshare._files import whole_file
from revshare.errors import AmountError, MissingExtra

from ._rows import SALE_COLUMNS

__all__ = ["write_parquet"]

_LINES = 100_000  # of a row group: a few megabytes, whatever the ledger's size
_LIMIT = 10**38


def write_parquet(rows: Iterable[Sequence[Any]], path: str | os.PathLike[str]) -> int:
    """Write rows, which have `seq` and SALE_COLUMNS as the database has them, to `path`. Return how many.

    occurred_at is a timestamp in UTC to the microsecond, amount DECIMAL(38, 0), seq a whole number, all else
    text. The file is there when it is whole. Raises AmountError for an amount of more digits, which engines
    would read as floats; MissingExtra without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MissingExtra("analytics", "pyarrow") from None
    kinds = {"occurred_at": pa.timestamp("us", tz="UTC"), "amount": pa.decimal128(38, 0)}
    columns_of_sale = [pa.field(name, kinds.get(name, pa.string()), nullable=False) for name in SALE_COLUMNS]
    schema = pa.schema([pa.field("seq", pa.int64(), nullable=False), *columns_of_sale])
    taken, count = iter(rows), 0
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while chunk := list(islice(taken, _LINES)):
            columns: dict[str, list[Any]] = dict(
                zip(schema.names, map(list, zip(*chunk, strict=True)), strict=True)
            )
            columns["occurred_at"] = [int(value) for value in columns["occurred_at"]]
            columns["amount"] = [_decimal(value) for value in columns["amount"]]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(chunk)
    return count


def _decimal(value: Any) -> Decimal:
    amount = int(value)
    if not -_LIMIT < amount < _LIMIT:
        raise AmountError(
            f"{amount} has more than 38 digits: no engine could read it exactly from Parquet", value=amount
        )
    return Decimal(amount)
