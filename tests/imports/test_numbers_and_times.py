"""The grammars of numbers and times: what they read, exactly, and nothing else."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.ledger.imports import _numbers, _times
from revshare.ledger.imports._numbers import LOCALES, NumberReader, Unreadable, from_float, number_text
from revshare.ledger.imports._times import TimeReader


@pytest.mark.parametrize(
    ("locale", "text", "number"),
    [
        (None, "1234.5", (12345, 1)),
        (None, "-0.125", (-125, 3)),
        (None, "1234.567", (1234567, 3)),
        (None, "007", (7, 0)),
        ("plain", "1.234", (1234, 3)),
        ("en", "1,234,567.89", (123456789, 2)),
        ("en", "-1,234", (-1234, 0)),
        ("en-GB", "1.234", (1234, 3)),
        ("de", "1.234.567,89", (123456789, 2)),
        ("de", "1.234", (1234, 0)),
        ("fr", "1 234,56", (123456, 2)),
        ("fr", "1\u00a0234,56", (123456, 2)),
        ("fr", "1\u202f234\u202f567", (1234567, 0)),
        ("fr-FR", "-1234,5", (-12345, 1)),
        ("de-CH", "1'234.50", (123450, 2)),
        ("de-CH", "1’234", (1234, 0)),
    ],
)
def test_numbers_are_read_as_the_locale_writes_them(
    locale: str | None, text: str, number: tuple[int, int]
) -> None:
    assert NumberReader(locale).read(text) == number


def written(locale: str, digits: int, scale: int) -> str:
    """A number as `locale` writes it, by another way than the reader's."""
    group, point = LOCALES[locale]
    whole, decimals = divmod(abs(digits), 10**scale)
    text = f"{whole:,}".replace(",", group[:1]) + (f"{point}{decimals:0{scale}d}" if scale else "")
    return f"-{text}" if digits < 0 else text


@given(st.sampled_from(sorted(LOCALES)), st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_what_a_locale_writes_is_read_back(locale: str, digits: int, scale: int) -> None:
    assert NumberReader(locale).read(written(locale, digits, scale)) == (digits, scale)


@given(
    st.sampled_from([None, *sorted(LOCALES)]),
    st.text(alphabet="0123456789.,' \u00a0\u202f-+eE_٣１½x", max_size=12),
)
def test_whatever_is_read_has_ascii_digits_and_one_meaning(locale: str | None, text: str) -> None:
    try:
        digits, scale = NumberReader(locale).read(text)
    except Unreadable as error:
        assert str(error)
        return
    group, point = LOCALES[locale or "plain"]
    plain = text.translate(str.maketrans("", "", group)).replace(point, ".")
    assert Decimal(plain) == Decimal(digits).scaleb(-scale)
    assert not set(plain) - set("0123456789.-")


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-(2**52), max_value=2**52))
def test_a_float_is_its_shortest_decimal_form(value: float) -> None:
    assert float(from_float(value)) == value
    assert str(from_float(value)) == str(Decimal(repr(value)))


def test_numbers_as_text() -> None:
    assert [number_text(n) for n in ((-125, 1), (5, 3), (-5, 3), (7, 0), (0, 2))] == [
        "-12.5",
        "0.005",
        "-0.005",
        "7",
        "0.00",
    ]


LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("form", "text", "expected", "zone"),
    [
        ("iso", "2011-07-01", "2011-06-30T23:00:00+00:00", "Europe/London"),
        ("iso", "2011-07-01 08:26", "2011-07-01T07:26:00+00:00", "Europe/London"),
        ("iso", "2011-01-01T08:26:00.5", "2011-01-01T08:26:00.500000+00:00", "Europe/London"),
        ("iso", "2011-01-01T08:26:00Z", "2011-01-01T08:26:00+00:00", "Z"),
        ("iso", "2011-01-01 08:26:00+1000", "2010-12-31T22:26:00+00:00", "+10:00"),
        ("%d/%m/%Y", "1/7/2011", "2011-06-30T23:00:00+00:00", "Europe/London"),
        ("%m/%d/%y %H:%M", "12/1/10 8:26", "2010-12-01T08:26:00+00:00", "Europe/London"),
        ("%d.%m.%Y %I:%M %p", "01.12.2010 12:05 am", "2010-12-01T00:05:00+00:00", "Europe/London"),
        ("%Y%m%d%z", "20101201+05:30", "2010-11-30T18:30:00+00:00", "+05:30"),
    ],
)
def test_times_are_instants(form: str, text: str, expected: str, zone: str) -> None:
    moment, given_in = TimeReader(form, zone="Europe/London").read(text)
    assert (moment.isoformat(), given_in) == (expected, zone)


def test_a_time_shown_twice_is_refused_unless_the_mapping_says_which() -> None:
    text = "2011-10-30 01:30"
    with pytest.raises(Unreadable, match="showed twice"):
        TimeReader(zone="Europe/London").read(text)
    earlier = TimeReader(zone="Europe/London", ambiguous="earlier").read(text)[0]
    later = TimeReader(zone="Europe/London", ambiguous="later").read(text)[0]
    assert earlier == datetime(2011, 10, 30, 0, 30, tzinfo=UTC)
    assert later - earlier == timedelta(hours=1)
    for ambiguous in ("earlier", "later"):
        with pytest.raises(Unreadable, match="skipped"):
            TimeReader(zone="Europe/London", ambiguous=ambiguous).read("2011-03-27 01:30")


@given(st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2035-01-01")))
def test_local_times_agree_with_the_time_zone_database(local: datetime) -> None:
    text = local.isoformat(sep=" ")
    try:
        moment, _ = TimeReader(zone="Europe/London").read(text)
    except Unreadable:
        assert local.replace(tzinfo=LONDON).utcoffset() != local.replace(tzinfo=LONDON, fold=1).utcoffset()
        return
    assert moment.astimezone(LONDON).replace(tzinfo=None) == local
    assert TimeReader(zone="Europe/London").read(local) == (moment, "Europe/London")


def test_dates_of_a_file_that_knows_dates() -> None:
    reader = TimeReader("%d/%m/%Y", zone="+10:00")
    assert reader.read(date(2011, 3, 1))[0].isoformat() == "2011-02-28T14:00:00+00:00"
    assert reader.read(datetime(2011, 3, 1, tzinfo=LONDON)) == (
        datetime(2011, 3, 1, tzinfo=UTC),
        "Europe/London",
    )


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(_numbers).failed == doctest.testmod(_times).failed == 0
