"""Periods: which instants a month, a quarter or a week has, in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from revshare.errors import InvalidInput

_FORMS = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|W(?P<week>[0-9]{2})|(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?))?"
)
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """The instants from `start` up to, and without, `end`; both in UTC.

    name: as it was written. zone: the time zone whose midnights it begins and ends at, an IANA name or an
    offset such as ``+10:00``.

    >>> march = Period.parse("2011-03", zone="+10:00")
    >>> march.start.isoformat(), march.end.isoformat()
    ('2011-02-28T14:00:00+00:00', '2011-03-31T14:00:00+00:00')
    """

    name: str
    zone: str
    start: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str | Period, zone: str = "UTC") -> Period:
        """Return the period that `text` names in `zone`.

        text: a year ``2011``, a quarter ``2011-Q1``, a month ``2011-03``, an ISO week ``2011-W09``, a day
        ``2011-03-15``, or days from and to, the last not included: ``2011-03-01/2011-04-01``. A Period is
        returned as it is. Raises InvalidInput, also for a zone that is not known here.
        """
        if isinstance(text, Period):
            return text
        if not isinstance(text, str):
            raise InvalidInput(f"a period is text such as '2011-03', not {text!r}")
        clock = clock_of(zone)
        try:
            first, last = _days(text)
            start, end = _midnight(first, clock), _midnight(last, clock)
        except (ValueError, OverflowError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(f"there is no period {text!r}: {error}") from None
        if start >= end:
            raise InvalidInput(f"the period {text!r} ends before it begins")
        return cls(text, zone, start, end)

    @classmethod
    def around(cls, moment: datetime, like: str, zone: str = "UTC") -> Period:
        """Return the period that has a moment, as long as the one named `like`: a month, unless that is a
        year, a quarter, a week or a day.

        >>> Period.around(datetime(2011, 3, 31, 20, tzinfo=UTC), "2011-W09", "+10:00").name
        '2011-W13'
        """
        try:
            day = moment.astimezone(clock_of(zone)).date()
        except OverflowError:  # at either end of the calendar
            day = moment.date()
        known = _FORMS.fullmatch(like)
        year, week, _ = day.isocalendar()
        name = f"{day.year:04d}-{day.month:02d}"
        if known is not None and known["week"]:
            name = f"{year:04d}-W{week:02d}"
        elif known is not None and known["quarter"]:
            name = f"{day.year:04d}-Q{(day.month + 2) // 3}"
        elif known is not None and known["day"]:
            name = day.isoformat()
        elif known is not None and not known["month"]:
            name = f"{day.year:04d}"
        return cls.parse(name, zone)

    def contains(self, moment: datetime) -> bool:
        """Whether `moment`, which has a time zone, is in the period."""
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return self.name if self.zone == "UTC" else f"{self.name} ({self.zone})"


def _days(text: str) -> tuple[date, date]:
    """Return the first day of a period and the first after it."""
    if "/" in text:
        first, _, last = text.partition("/")
        whole = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
        if not (whole.fullmatch(first) and whole.fullmatch(last)):
            raise InvalidInput(f"{text!r} is not two days such as '2011-03-01/2011-04-01'")
        return date.fromisoformat(first), date.fromisoformat(last)
    found = _FORMS.fullmatch(text)
    if found is None:
        raise InvalidInput(
            f"{text!r} is not a period: write 2011, 2011-Q1, 2011-03, 2011-W09, 2011-03-15 or "
            "2011-03-01/2011-04-01"
        )
    year = int(found["year"])
    if found["week"]:
        monday = date.fromisocalendar(year, int(found["week"]), 1)
        return monday, monday + timedelta(days=7)
    if found["day"]:
        day = date(year, int(found["month"]), int(found["day"]))
        return day, day + timedelta(days=1)
    if found["month"]:
        return _months(year, int(found["month"]), 1)
    if found["quarter"]:
        return _months(year, 3 * int(found["quarter"]) - 2, 3)
    return _months(year, 1, 12)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    after = month + count
    return date(year, month, 1), date(year + (after > 12), after - 12 * (after > 12), 1)


def _midnight(day: date, clock: tzinfo) -> datetime:
    # Where a change of the clocks skips midnight, this is the instant of the change; where midnight comes
    # twice, the first. Both ends of a period are made by it, so periods that follow each other touch.
    return datetime(day.year, day.month, day.day, tzinfo=clock).astimezone(UTC)


def clock_of(zone: str) -> tzinfo:
    """Return the clock of a zone, an IANA name or an offset such as ``+10:00``. Raises InvalidInput."""
    if zone in ("UTC", "Z"):
        return UTC  # needs no time zone database
    offset = _OFFSET.fullmatch(zone) if isinstance(zone, str) else None
    if offset:
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if distance < timedelta(days=1):
            return timezone(-distance if offset[1] == "-" else distance)
    else:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            pass
    raise InvalidInput(
        f"no time zone {zone!r} is known here: write an IANA name such as 'Australia/Sydney' or an "
        "offset such as '+10:00'; `pip install tzdata` where the system has no names"
    )
