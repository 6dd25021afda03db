"""Periods: half-open, in a zone, and nothing but what is written plainly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare import InvalidInput, Period


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2011", "2011-01-01", "2012-01-01"),
        ("2011-Q1", "2011-01-01", "2011-04-01"),
        ("2011-Q4", "2011-10-01", "2012-01-01"),
        ("2011-03", "2011-03-01", "2011-04-01"),
        ("2011-12", "2011-12-01", "2012-01-01"),
        ("2012-02", "2012-02-01", "2012-03-01"),
        ("2011-W09", "2011-02-28", "2011-03-07"),
        ("2009-W53", "2009-12-28", "2010-01-04"),
        ("2012-02-29", "2012-02-29", "2012-03-01"),
        ("2011-03-01/2011-04-01", "2011-03-01", "2011-04-01"),
    ],
)
def test_what_a_period_has(text: str, start: str, end: str) -> None:
    period = Period.parse(text)
    assert period == Period(text, "UTC", _day(start), _day(end))
    assert period.contains(period.start)
    assert not period.contains(period.end)
    assert not period.contains(period.start - timedelta(microseconds=1))
    assert Period.parse(period) is period
    assert str(period) == text


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("+10:00", "2011-02-28T14:00", "2011-03-31T14:00"),
        ("-03:30", "2011-03-01T03:30", "2011-04-01T03:30"),
        ("Australia/Sydney", "2011-02-28T13:00", "2011-03-31T13:00"),
        ("Europe/London", "2011-03-01T00:00", "2011-03-31T23:00"),  # summer time begins in between
    ],
)
def test_midnights_are_those_of_the_zone(zone: str, start: str, end: str) -> None:
    period = Period.parse("2011-03", zone)
    assert (period.start, period.end) == (_day(start), _day(end))
    assert str(period) == f"2011-03 ({zone})"


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Beirut", "America/Havana", "Pacific/Apia"])
@pytest.mark.parametrize("year", ["2011", "2015", "2018"])
def test_days_follow_each_other_whatever_clocks_do_at_midnight(zone: str, year: str) -> None:
    whole = Period.parse(year, zone)
    at = whole.start
    day = datetime(int(year), 1, 1)  # noqa: DTZ001 - a date
    while day.year == int(year):
        period = Period.parse(f"{day:%Y-%m-%d}", zone) if (zone, f"{day:%F}") != SKIPPED else None
        if period is not None:
            assert period.start == at
            at = period.end
        day += timedelta(days=1)
    assert at == whole.end


SKIPPED = ("Pacific/Apia", "2011-12-30")


def test_a_day_that_never_was_is_no_period() -> None:
    with pytest.raises(InvalidInput, match="ends before it begins"):
        Period.parse(SKIPPED[1], SKIPPED[0])


@pytest.mark.parametrize(
    "text",
    [
        "", "2011-13", "2011-00", "2011-Q5", "2011-Q0", "2011-W54", "2010-W53", "2011-W00",
        "2011-02-29", "11", "2011-3", "2011/03", "2011-03 ", "２０１１", "2011-03-01/2011-03-01",
        "2011-04-01/2011-03-01", "2011-03-01/", "2011-03/2011-04", "9999", "0000", "2011-03-01T00:00",
        None, 2011, 2011.03,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInput):
        Period.parse(text)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "+25:00", "../../etc/passwd", "+1000", None, 10])
def test_a_zone_that_is_not_known_is_refused(zone: Any) -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        Period.parse("2011", zone)


@given(st.text(max_size=24) | st.from_regex(r"[0-9]{4}-[QW]?[0-9]{1,2}(-[0-9]{2})?", fullmatch=True))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        period = Period.parse(text)
    except InvalidInput:
        return
    assert period.start < period.end
