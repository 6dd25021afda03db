"""Dates and times as files write them, to instants.

A format is declared: ``iso``, the default, or one of strptime's kind made of the directives in DIRECTIVES. A
time without an offset needs a zone. A local time that a clock showed twice (when summer time ends) is refused
unless the mapping says which of the two is meant; one that no clock ever showed is always refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from ._numbers import Unreadable

__all__ = ["DIRECTIVES", "Ambiguous", "TimeReader", "grammar", "zone_of"]

Ambiguous = Literal["refuse", "earlier", "later"]

DIRECTIVES = {
    "%Y": "(?P<Y>[0-9]{4})",
    "%y": "(?P<y>[0-9]{2})",
    "%m": "(?P<m>[0-9]{1,2})",
    "%d": "(?P<d>[0-9]{1,2})",
    "%H": "(?P<H>[0-9]{1,2})",
    "%I": "(?P<I>[0-9]{1,2})",
    "%p": "(?P<p>[AaPp][Mm])",
    "%M": "(?P<M>[0-9]{2})",
    "%S": "(?P<S>[0-9]{2})",
    "%f": "(?P<f>[0-9]{1,6})",
    "%z": "(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
}
"""What a format may have. ``%y``: 69 to 99 are 1969 to 1999, as POSIX says."""

ISO = (
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,6})0*)?)?"
    r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_YEARS = range(1900, 2200)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")


def grammar(form: str) -> re.Pattern[str]:
    """Return what matches times written in `form`. Raises ValueError for a directive not known here."""
    if form == "iso":
        return re.compile(ISO)
    pattern = ""
    for part in re.findall(r"%.?|[^%]+", form):
        if part == "%%":
            pattern += "%"
        elif part.startswith("%"):
            if part not in DIRECTIVES:
                raise ValueError(f"{part} is not a directive known here")
            if DIRECTIVES[part] in pattern:
                raise ValueError(f"{part} appears twice")
            pattern += DIRECTIVES[part]
        else:
            pattern += re.escape(part)
    compiled = re.compile(pattern)
    if not {"m", "d"} <= set(compiled.groupindex) or not {"Y", "y"} & set(compiled.groupindex):
        raise ValueError("year, month and day are needed: %Y (or %y), %m and %d")
    if ("I" in compiled.groupindex) != ("p" in compiled.groupindex):
        raise ValueError("%I and %p belong together")
    return compiled


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Return the zone called `name`, IANA's or an offset such as ``+10:00``. Raises ValueError."""
    if name in ("Z", "UTC"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3])
        if hours > 23 or minutes > 59:
            raise ValueError(f"{name} is not an offset")
        delta = timedelta(hours=hours, minutes=minutes)
        return timezone(-delta if offset[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"no time zone is called {name!r}") from error
    except KeyError as error:
        raise ValueError(f"no time zone is called {name!r}") from error


class TimeReader:
    """Reads times written in `form`; those without an offset are local to `zone`, a name as `zone_of` takes.

    >>> TimeReader("%d/%m/%Y %H:%M", zone="Europe/London").read("01/07/2011 08:26")
    (datetime.datetime(2011, 7, 1, 7, 26, tzinfo=datetime.timezone.utc), 'Europe/London')
    """

    def __init__(
        self,
        form: str = "iso",
        *,
        zone: str | None = None,
        ambiguous: Ambiguous = "refuse",
        trim: bool = False,
    ) -> None:
        self.form = form
        self._zone_name = zone or ""
        self._zone = None if zone is None else zone_of(zone)
        self._ambiguous = ambiguous
        self._trim = trim
        self._grammar = grammar(form)
        # Whether a match gives year, month, day and so on in this order, and nothing else.
        self.plain = tuple(self._grammar.groupindex) in (tuple("YmdHMS"), tuple("YmdHM"), tuple("Ymd"))

    def read(self, cell: object) -> tuple[datetime, str]:
        """Return the instant in a cell, in UTC, and the zone it was given in. Raises Unreadable.

        cell: text; or a datetime or date, where the file itself says that it is one.
        """
        if isinstance(cell, datetime):
            return self._instant(cell, _offset_text(cell))
        if isinstance(cell, date):
            return self._instant(datetime.combine(cell, time()), "")
        if not isinstance(cell, str):
            raise Unreadable("is a number, and a date is needed")
        text = cell.strip(" \t\u00a0") if self._trim else cell
        if not text or text.isspace():
            raise Unreadable("is empty, and a date is needed")
        found = self._grammar.fullmatch(text)
        if found is None:
            wanted = "YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS" if self.form == "iso" else self.form
            raise Unreadable(f"is not a date in the declared format ({wanted})")
        return self._instant(*self._moment(found))

    def _instant(self, moment: datetime, zone: str) -> tuple[datetime, str]:
        if moment.year not in _YEARS:
            raise Unreadable(f"is in the year {moment.year}, which cannot be meant")
        if moment.tzinfo is not None:
            return moment.astimezone(UTC), zone
        if self._zone is None:
            raise Unreadable("has no time zone: declare the zone, such as Europe/London")
        first, second = moment.replace(tzinfo=self._zone), moment.replace(tzinfo=self._zone, fold=1)
        offset = first.utcoffset()
        if offset == second.utcoffset() and offset is not None:
            return (moment - offset).replace(tzinfo=UTC), self._zone_name
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None, fold=0) != moment:
            raise Unreadable(f"is a time that clocks in {self._zone_name} skipped")
        if self._ambiguous == "refuse":
            raise Unreadable(
                f"is a time that clocks in {self._zone_name} showed twice: "
                'set ambiguous = "earlier" or "later"'
            )
        chosen = first if self._ambiguous == "earlier" else second
        return chosen.astimezone(UTC), self._zone_name

    def _moment(self, found: re.Match[str]) -> tuple[datetime, str]:
        """Return the date and time that a match says, and the offset as given. Raises Unreadable."""
        offset = None
        try:
            if self.plain:
                return datetime(*map(int, found.groups())), ""  # type: ignore[arg-type] # noqa: DTZ001
            parts = found.groupdict()
            number = {key: int(value) for key, value in parts.items() if value and key not in "pzf"}
            year = number["Y"] if "Y" in number else number["y"] + (1900 if number["y"] >= 69 else 2000)
            micro = int((parts.get("f") or "0").ljust(6, "0"))
            offset = parts.get("z")
            zone = None if offset is None else zone_of(offset)
            moment = datetime(
                year,
                number["m"],
                number["d"],
                _hour(parts, number),
                number.get("M", 0),
                number.get("S", 0),
                micro,
                tzinfo=zone,
            )
        except ValueError as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable("is not a date: there is no such day, time or offset") from None
        if offset is None:
            return moment, ""
        return moment, offset if offset == "Z" or ":" in offset else f"{offset[:3]}:{offset[3:]}"


def _hour(parts: dict[str, str | None], number: dict[str, int]) -> int:
    if not parts.get("I"):
        return number.get("H", 0)
    if not 1 <= number["I"] <= 12:
        raise Unreadable("has an hour that is not on a clock of twelve")
    return number["I"] % 12 + (12 if str(parts["p"]).lower() == "pm" else 0)


def _offset_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        return ""
    return (
        getattr(moment.tzinfo, "key", None) or getattr(moment.tzinfo, "zone", None) or moment.isoformat()[-6:]
    )
