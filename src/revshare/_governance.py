"""Who may change an agreement's terms after signing, as an agreement file says it.

    [governance]                                        # left out: the terms never change
    quorum = "66.67%"                                   # payees holding so much of the weight sign

    [governance]
    controller = "0x…"                                  # one account, after notice
    notice = "14 days"

A split carries it in its own code, where nothing can change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from ._fields import Address, check_percentage, percent, percent_text
from ._model import Model, Refusal, place, show
from .errors import Problem

__all__ = ["DAY", "NOTICE_LIMIT", "Governance", "duration"]

DAY = 24 * 60 * 60
NOTICE_LIMIT = 2**32
"""A notice has fewer seconds than this, 136 years: the contract keeps it in four bytes."""

_UNITS = {"second": 1, "minute": 60, "hour": 60 * 60, "day": DAY, "week": 7 * DAY}
_DURATION = re.compile(r"([0-9]{1,12}) ?(second|minute|hour|day|week)s?")


def _check_quorum(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 100:
        raise Refusal(f"{show(value)} is not a percentage", f'write it in quotes: quorum = "{value!s}%"')
    value = check_percentage(value, example="66.67%")
    part = percent(value)
    if not 0 < part <= 100:
        raise Refusal(f"{value} of the weight cannot sign", 'use more than 0% and at most "100%"')
    if (part * 100).denominator != 1:
        near = percent_text(-(-part * 100 // 1) / percent("100%"))  # rounded up: never less than was meant
        raise Refusal(f"{value} is finer than a hundredth of a percent", f'write "{near}"')
    return value


def _check_notice(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Refusal(f"{show(value)} is not a time span", 'write "14 days", "36 hours", or whole seconds')
    if isinstance(value, str) and not _DURATION.fullmatch(value):
        raise Refusal(
            f"{show(value)} is not a time span",
            "write whole weeks, days, hours, minutes or seconds",
        )
    seconds = duration(value)
    if seconds < 1:
        raise Refusal("is no notice at all", 'give payees time to react, such as "14 days"')
    if seconds >= NOTICE_LIMIT:
        raise Refusal(
            f"{show(value)} is more than the contract can count", f"use at most {NOTICE_LIMIT - 1} seconds"
        )
    return value


def duration(value: int | str) -> int:
    """Return a time span, whole seconds or text such as ``"14 days"``, in seconds."""
    if isinstance(value, int):
        return value
    number, unit = _DURATION.fullmatch(value).groups()  # type: ignore[union-attr]  # was checked
    return int(number) * _UNITS[unit]


Quorum = Annotated[
    str,
    BeforeValidator(_check_quorum),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,30})?%$"}),
]
Notice = Annotated[
    int | str,
    BeforeValidator(_check_notice),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[0-9]{1,12} ?(second|minute|hour|day|week)s?$"},
                {"type": "integer", "minimum": 1, "exclusiveMaximum": NOTICE_LIMIT},
            ]
        }
    ),
]


class Governance(Model):
    """Who may change the terms: payees who hold a `quorum` of the weight, or a `controller` after `notice`.

    quorum: part of the last tier's weight whose holders must sign, in hundredths of a percent, such as
    ``"66.67%"``; ``"100%"`` is everybody, payees without weight in the last tier included if they get less.
    controller: the account that may announce new terms. notice: how long before they come into force, whole
    seconds, or text such as ``"14 days"``.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["quorum"], "not": {"required": ["notice"]}},
                {"required": ["controller", "notice"], "not": {"required": ["quorum"]}},
            ]
        }
    )

    quorum: Annotated[
        Quorum | None,
        Field(description='Part of the weight whose holders must sign new terms, such as "66.67%".'),
    ] = None
    controller: Annotated[
        Address | None, Field(description="The account that may announce new terms, instead of a quorum.")
    ] = None
    notice: Annotated[
        Notice | None,
        Field(description='Time between announcement and new terms: "14 days", or whole seconds.'),
    ] = None

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what is wrong between quorum, controller and notice."""
        given = {key for key in ("quorum", "controller", "notice") if data.get(key) is not None}
        if not given & {"quorum", "controller"}:
            yield Problem(
                place(),
                "says neither quorum nor controller",
                'write quorum = "66.67%", or a controller and its notice, or remove [governance] '
                "for terms that never change",
            )
        if {"quorum", "controller"} <= given:
            yield Problem("controller", "and a quorum are both given", "keep one of them")
        if "quorum" in given and "notice" in given and "controller" not in given:
            yield Problem("notice", "belongs to a controller", "remove it: a quorum amends at once")
        if "controller" in given and "notice" not in given and "quorum" not in given:
            yield Problem("notice", "is missing", 'say how long before new terms count, such as "14 days"')

    @property
    def hundredths(self) -> int:
        """The quorum in hundredths of a percent, 1 to 10,000; 0 where a controller decides."""
        return 0 if self.quorum is None else int(percent(self.quorum) * 100)

    @property
    def seconds(self) -> int:
        """The notice in seconds; 0 where a quorum decides."""
        return 0 if self.notice is None else duration(self.notice)

    @property
    def is_unanimous(self) -> bool:
        """Whether everybody must sign."""
        return self.hundredths == 10_000

    def same_as(self, other: Governance | None) -> bool:
        """Return whether `other` says the same, in whichever words (``"1 day"``, ``"24 hours"``)."""
        return other is not None and self._meaning() == other._meaning()  # noqa: SLF001 - its own class

    def _meaning(self) -> tuple[Any, ...]:
        return self.hundredths, self.controller, self.seconds

    def hints(self) -> Iterator[str]:
        """Yield what is allowed, and seldom wise."""
        if self.controller is not None and self.seconds < DAY:
            yield (
                f"the notice is {in_words(self.seconds)}, less than a day: payees may not notice new terms "
                "before they count"
            )

    def __str__(self) -> str:
        if self.quorum is not None:
            return "everybody signs" if self.is_unanimous else f"holders of {self.quorum} of the weight sign"
        return f"{self.controller}, after {in_words(self.seconds)}"


def in_words(seconds: int) -> str:
    """Return a time span in the largest unit that is exact: ``14 days``."""
    name, size = next(
        unit for unit in reversed(_UNITS.items()) if unit[0] != "week" and seconds % unit[1] == 0
    )
    count = seconds // size
    return f"{count} {name}" + ("s" if count != 1 else "")
