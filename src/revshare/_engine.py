"""What analytics ask of an engine: exact decimals in, text out, and an AmountError for what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import AmountError, InvalidInput, MissingExtra

__all__ = ["DIGITS", "EXACT", "check_zone", "exact", "fetch", "fetch_exact", "ibis_module", "not_exact"]

DIGITS = 38
"""Decimal digits that all engines hold exactly."""
EXACT = f"decimal({DIGITS}, 0)"

_OVERFLOWS = {"OutOfRangeException", "ConversionException", "ArithmeticException", "NumericValueOutOfRange"}
"""What DuckDB (the first two), Spark and psycopg raise for a number that does not fit."""


def ibis_module() -> Any:
    """Return Ibis. Raises MissingExtra."""
    try:
        import ibis
    except ModuleNotFoundError:
        raise MissingExtra("analytics", "ibis-framework") from None
    return ibis


def exact(value: int) -> Any:
    """Return a whole number of at most 38 digits as an expression."""
    # As text, which no engine takes for a double.
    return ibis_module().literal(str(value)).cast(EXACT)


def fetch(expr: Any) -> list[dict[str, Any]]:
    """Return the rows of a table expression. Raises AmountError where a number does not fit the engine."""
    try:
        rows: list[dict[str, Any]] = expr.to_pyarrow().to_pylist()
    except Exception as error:
        if type(error).__name__ in _OVERFLOWS:
            raise AmountError(
                f"an amount or a sum needs more than the {DIGITS} digits that the engine has"
            ) from error
        raise
    return rows


def fetch_exact(expr: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of text and whole numbers, those as int. Raises AmountError, for NULL too."""
    kinds = expr.schema()
    # Integers as text too: on Spark Ibis fetches by way of pandas, where those with gaps turn into floats.
    texts = {name: expr[name].cast("string") for name in kinds if not kinds[name].is_string()}
    for row in fetch(expr.mutate(**texts)):
        for name in texts:
            if row[name] is None:
                raise not_exact(name, row["agreement"])
            row[name] = int(row[name])
        yield row


def not_exact(what: str, agreement: str) -> AmountError:
    """Return the error for a NULL in place of a number."""
    return AmountError(
        f"{what} of {agreement!r} is not exact: it needs more than the engine's {DIGITS} digits"
    )


def check_zone(table: Any) -> None:
    """Refuse a Spark session in another zone: its timestamps have none of their own, and mean the session's.

    Ibis sets it to UTC when it connects.
    """
    backend = table.get_backend()
    if backend.name == "pyspark":
        zone = backend.raw_sql("SELECT current_timezone()").collect()[0][0]
        if zone not in ("UTC", "Etc/UTC", "GMT", "Z", "+00:00"):
            raise InvalidInput(f"Spark's session is in the zone {zone}: SET TIME ZONE 'UTC'")
