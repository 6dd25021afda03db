"""Tokens, and amounts of them, exactly.

Inside the library an amount is an `int` in the token's smallest unit. At the edges people write whole tokens,
as `str` or `Decimal`. A float is refused everywhere: ``0.1 + 0.2`` is not 0.3.
"""

from __future__ import annotations

import re
from decimal import Decimal
from operator import index
from typing import Annotated

from pydantic import BeforeValidator, Field

from ._fields import Address, WholeNumber, check_line
from ._model import Model, Refusal, show
from .errors import AmountError, AmountTypeError

MAX_DECIMALS = 36
AMOUNT_LIMIT = 2**256
"""Amounts are strictly between minus and plus this many units: what a word of the EVM holds."""

_MOST_DIGITS = 78 + MAX_DECIMALS  # 2^256 has 78 digits
_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def units(value: object, what: str = "amount") -> int:
    """Return the integer `value`, Python's or NumPy's, as an int of base units. Raises AmountTypeError."""
    if type(value) is int:
        return value
    if not isinstance(value, (bool, float)) and type(value).__name__ not in ("bool", "bool_"):
        try:
            return index(value)  # type: ignore[arg-type]
        except TypeError:
            pass
    raise AmountTypeError(
        f"{what} must be an int of base units, not {show(value)} ({type(value).__name__})", value=value
    )


def _symbol(value: object) -> str:
    text = check_line(value, 32)
    if " " in text:
        raise Refusal(f"{show(text)} has a space", "write the token's symbol, such as USDC")
    return text


class Token(Model):
    """A currency on the chain.

    symbol: what people call it. decimals: how many its whole unit has. address: of its contract; None for the
    chain's own coin, and where it is not known yet.

    >>> usdc = Token(symbol="USDC", decimals=6)
    >>> usdc.parse("12.50"), usdc.format(12_500_000)
    (12500000, '12.5')
    """

    symbol: Annotated[
        str,
        BeforeValidator(_symbol),
        Field(description="Symbol, such as USDC.", min_length=1, max_length=32),
    ]
    decimals: Annotated[
        WholeNumber,
        Field(description="Digits after the point: 6 for USDC, 18 for ETH.", ge=0, le=MAX_DECIMALS),
    ]
    address: Annotated[
        Address | None, Field(description="Contract of the token; left out for the chain's coin.")
    ] = None

    def parse(self, amount: int | str | Decimal) -> int:
        """Return `amount` in base units: an int is base units already, a str or Decimal is whole tokens.

        Raises AmountTypeError for anything else (a float, a bool), AmountError for text that is not plain
        digits with an optional minus and point, for an amount finer than the unit, and beyond ±2^256.
        """
        if isinstance(amount, str):
            value = self._from_text(amount)
        elif isinstance(amount, Decimal):
            value = self._from_decimal(amount)
        elif isinstance(amount, float):
            raise AmountTypeError(
                f"{amount!r} is a float, which is not exact: write whole {self.symbol} as a str or Decimal, "
                "or base units as an int",
                value=amount,
            )
        else:
            value = units(amount)
        if not -AMOUNT_LIMIT < value < AMOUNT_LIMIT:
            raise AmountError(f"{show(amount)} is beyond 2^256 units of {self.symbol}", value=amount)
        return value

    def _from_text(self, text: str) -> int:
        plain = _PLAIN.fullmatch(text)
        if plain is None:
            raise AmountError(
                f"{show(text)} is not a plain amount: write digits, and a point before decimals: 1234.50",
                value=text,
            )
        if len(text) > 2 * _MOST_DIGITS:
            raise AmountError(f"{show(text)} has too many digits ({len(text)})", value=text)
        sign, whole, decimals = plain.groups(default="")
        return self._from_digits(text, -1 if sign else 1, int(whole + decimals), -len(decimals))

    def _from_decimal(self, amount: Decimal) -> int:
        sign, digits, exponent = amount.as_tuple()
        if not isinstance(exponent, int):  # NaN, sNaN, Infinity
            raise AmountError(f"{amount} is not an amount", value=amount)
        if not any(digits):
            return 0
        # Before any power of ten is worked out: an exponent may be a billion.
        if not -2 * _MOST_DIGITS < amount.adjusted() < _MOST_DIGITS or len(digits) > 2 * _MOST_DIGITS:
            raise AmountError(f"{amount:.6E} is beyond what {self.symbol} can hold", value=amount)
        return self._from_digits(amount, -1 if sign else 1, int("".join(map(str, digits))), exponent)

    def _from_digits(self, amount: object, sign: int, digits: int, exponent: int) -> int:
        """Return sign · digits · 10^exponent whole tokens in base units."""
        shift = exponent + self.decimals
        if shift >= 0:
            return int(sign * digits * 10**shift)
        value, finer = divmod(digits, 10**-shift)
        if finer:
            raise AmountError(
                f"{amount} is finer than the unit of {self.symbol}, which has {self.decimals} decimals",
                value=amount,
            )
        return int(sign * value)

    def format(self, amount: int, *, full: bool = False, grouped: bool = False) -> str:
        """Return `amount` base units as whole tokens, exactly: ``"12.5"``, or ``"12.500000"`` with `full`.

        With `grouped`, for people to read: thousands set apart by commas, and two decimals at least if the
        token has them: ``"1,234.50"``.
        """
        value = units(amount)
        whole, fraction = divmod(abs(value), 10**self.decimals)
        decimals = f"{fraction:0{self.decimals}d}" if self.decimals else ""
        if not full:
            decimals = decimals.rstrip("0").ljust(min(2, self.decimals) if grouped else 0, "0")
        text = (f"{whole:,}" if grouped else str(whole)) + (f".{decimals}" if decimals else "")
        return f"-{text}" if value < 0 else text

    def decimal(self, amount: int) -> Decimal:
        """Return `amount` base units as whole tokens, exactly, whatever the decimal context."""
        value = units(amount)
        return Decimal((int(value < 0), tuple(map(int, str(abs(value)))), -self.decimals))

    def __str__(self) -> str:
        return self.symbol
