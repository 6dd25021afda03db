"""Amounts: exact at the edges, ints inside, and no float ever."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare import AgreementError, AmountError, AmountTypeError, Token

USDC = Token(symbol="USDC", decimals=6)
ETH = Token(symbol="ETH", decimals=18)
YEN = Token(symbol="JPYT", decimals=0)

tokens = st.integers(0, 36).map(lambda decimals: Token(symbol="T", decimals=decimals))


@pytest.mark.parametrize(
    ("token", "amount", "units"),
    [
        (USDC, "12.50", 12_500_000),
        (USDC, "0.000001", 1),
        (USDC, "-1.5", -1_500_000),
        (USDC, "-0", 0),
        (USDC, "007", 7_000_000),
        (USDC, "1.50000000000", 1_500_000),
        (USDC, 7, 7),
        (USDC, np.int64(7), 7),
        (USDC, Decimal("12.5"), 12_500_000),
        (USDC, Decimal("1E+3"), 1_000_000_000),
        (USDC, Decimal("-0.000001"), -1),
        (USDC, Decimal("0E-999999"), 0),
        (ETH, "1.000000000000000019", 1_000_000_000_000_000_019),
        (ETH, Decimal("1.000000000000000019"), 1_000_000_000_000_000_019),
        (YEN, "100", 100),
        (YEN, "100.0", 100),
        (YEN, 2**256 - 1, 2**256 - 1),
        (YEN, str(1 - 2**256), 1 - 2**256),
    ],
)
def test_amounts_are_taken_exactly(token: Token, amount: Any, units: int) -> None:
    assert token.parse(amount) == units
    assert type(token.parse(amount)) is int


@pytest.mark.parametrize(
    "amount",
    [
        "", " ", "1 ", " 1", "+1", "1e3", "1E3", "1_000", "1,000", "1.", ".5", "--1", "- 1", "1.2.3", "NaN",
        "inf", "Infinity", "0x10", "٣", "１２", "1\n", "½", "²", "1'000", "1 234,56", "−5", "1\u00a0000",
    ],
)  # fmt: skip
def test_text_that_is_not_plain_digits_is_refused(amount: str) -> None:
    with pytest.raises(AmountError, match="not a plain amount") as caught:
        USDC.parse(amount)
    assert caught.value.value == amount


@pytest.mark.parametrize(
    "amount", [1.0, 0.1 + 0.2, True, False, None, b"1", Fraction(1, 2), [1], np.float64(1), np.True_]
)
def test_what_is_not_exact_is_a_type_error(amount: Any) -> None:
    with pytest.raises(AmountTypeError):
        USDC.parse(amount)
    with pytest.raises(TypeError):
        USDC.format(amount)
    with pytest.raises(TypeError):
        USDC.decimal(amount)


@pytest.mark.parametrize(
    "amount", ["0.0000001", "1.0000000000000000019", Decimal("1E-7"), Decimal("1E-999999999")]
)
def test_what_is_finer_than_the_unit_is_refused(amount: Any) -> None:
    with pytest.raises(AmountError, match=r"finer than the unit|beyond"):
        USDC.parse(amount)


@pytest.mark.parametrize(
    "amount",
    [
        2**256, -(2**256), str(2**256), "9" * 5000, Decimal("1E+999999999"), Decimal("NaN"), Decimal("sNaN"),
        Decimal("-Infinity"), Decimal(10) ** 80, 10**5000,
    ],
    ids=lambda amount: type(amount).__name__,  # Python cannot print 10^5000
)  # fmt: skip
def test_what_no_word_of_the_chain_holds_is_refused(amount: Any) -> None:
    with pytest.raises(AmountError):
        YEN.parse(amount)


@given(tokens, st.integers(1 - 2**256, 2**256 - 1), st.booleans())
def test_formatting_and_parsing_are_inverse(token: Token, units: int, full: bool) -> None:
    assert token.parse(token.format(units, full=full)) == units
    assert token.parse(token.format(units, grouped=True).replace(",", "")) == units
    with decimal.localcontext(prec=3):  # the context must not matter
        assert token.parse(token.decimal(units)) == units
    assert Fraction(token.decimal(units)) == Fraction(units, 10**token.decimals)


@given(tokens, st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_a_decimal_is_taken_at_its_exact_value_or_not_at_all(token: Token, amount: Decimal) -> None:
    exact = Fraction(amount) * 10**token.decimals
    try:
        units = token.parse(amount)
    except AmountError:
        assert exact.denominator != 1 or abs(exact) >= 2**256
    else:
        assert units == exact


@given(st.text())
def test_no_text_ends_in_another_error(text: str) -> None:
    try:
        units = USDC.parse(text)
    except AmountError:
        return
    assert Fraction(units, 10**6) == Fraction(text)


def test_formats() -> None:
    assert USDC.format(12_500_000) == "12.5"
    assert USDC.format(12_500_000, full=True) == "12.500000"
    assert USDC.format(1_234_500_000, grouped=True) == "1,234.50"
    assert USDC.format(1_234_000_000, grouped=True) == "1,234.00"
    assert USDC.format(-1_234_567_891, grouped=True) == "-1,234.567891"
    assert USDC.format(-1) == "-0.000001"
    assert USDC.format(0) == "0"
    assert USDC.format(0, full=True) == "0.000000"
    assert YEN.format(1_000_000, grouped=True) == "1,000,000"
    assert str(USDC.decimal(-12_500_000)) == "-12.500000"
    assert str(USDC) == "USDC"


def test_a_token_is_frozen_and_hashable() -> None:
    assert {USDC: 1}[Token(symbol="USDC", decimals=6)] == 1
    with pytest.raises(ValueError, match="frozen"):
        USDC.decimals = 18  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"symbol": "", "decimals": 6}, "symbol"),
        ({"symbol": "US DC", "decimals": 6}, "symbol"),
        ({"symbol": 3, "decimals": 6}, "symbol"),
        ({"symbol": "A" * 33, "decimals": 6}, "symbol"),
        ({"symbol": "A\n", "decimals": 6}, "symbol"),
        ({"symbol": "A\u200b", "decimals": 6}, "symbol"),
        ({"symbol": "A", "decimals": 37}, "decimals"),
        ({"symbol": "A", "decimals": -1}, "decimals"),
        ({"symbol": "A", "decimals": True}, "decimals"),
        ({"symbol": "A", "decimals": 6.0}, "decimals"),
        ({"symbol": "A", "decimals": "6"}, "decimals"),
        ({"symbol": "A"}, "decimals"),
        ({"symbol": "A", "decimals": 6, "address": "0x12"}, "address"),
        ({"symbol": "A", "decimals": 6, "adress": None}, "adress"),
    ],
)
def test_a_token_that_cannot_be_is_refused(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(AgreementError) as caught:
        Token(**fields)
    assert [problem.where for problem in caught.value.problems] == [where]
