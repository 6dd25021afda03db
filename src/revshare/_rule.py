"""What all rules have in common: days, the payees they name, and who enforces them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from ._fields import Day, percent
from ._model import Model, place
from .errors import Problem

Span = Literal["period", "lifetime"]


def _rule_is_required(schema: dict[str, Any]) -> None:
    """Say in the JSON schema what a file must have, though a class knows it of itself."""
    schema["properties"]["rule"].pop("default", None)
    schema["required"] = sorted({"rule", *schema.get("required", ())})


class Rule(Model):
    """What all rules have: since when and until when, by the date of the sale, they are in force.

    starts: the first day. ends: the first day on which it is no more. Days are those of the period's zone.
    A rule with either is never compiled: a contract does not see the date of a sale.
    """

    model_config = ConfigDict(json_schema_extra=_rule_is_required)

    rule: str
    starts: Annotated[Day | None, Field(description="First day in force, by the date of the sale.")] = None
    ends: Annotated[
        Day | None, Field(description="First day, by the date of the sale, on which it is no more in force.")
    ] = None

    PAYEES: ClassVar[tuple[str, ...]] = ("payee", "to")
    """The fields that name payees."""
    EARNING: ClassVar[tuple[str, ...]] = ()
    """Those whose payees may earn by the rule, even without a share in any tier."""

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what is wrong between fields."""
        starts, ends, due = data.get("starts"), data.get("ends"), data.get("due")
        if type(starts) is date and type(ends) is date and ends <= starts:
            yield Problem("ends", f"{ends} does not come after {starts}", "end the rule after it starts")
        if type(starts) is date and type(due) is date and due < starts:
            yield Problem("due", f"{due} comes before {starts}, when the rule starts", "make it due later")
        yield from cls._between(data)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterable[Problem]:  # noqa: ARG003 - for subclasses
        return ()

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield each payee the rule names, and the place of the name in it."""
        for field in self.PAYEES:
            value = getattr(self, field)
            if isinstance(value, str):
                yield field, value
            elif isinstance(value, Mapping):
                yield from ((place(field, name), name) for name in value)
            elif value is not None:
                yield from ((place(field, i), name) for i, name in enumerate(value))

    def earning(self) -> Iterator[str]:
        """Yield the payees who may earn by the rule, even without a share in any tier."""
        for field in self.EARNING:
            value = getattr(self, field)
            yield from (value,) if isinstance(value, str) else value

    def amounts(self) -> Iterator[tuple[str, str]]:
        """Yield each amount of money in the rule, in whole tokens as text, and its place in it."""
        amount = getattr(self, "amount", None)
        if amount is not None:
            yield "amount", amount

    @property
    def by_contract(self) -> bool:
        """Whether it depends on cumulative revenue only, so that it becomes tiers of the contract."""
        return not self.why_not()

    def why_not(self) -> str:
        """Return why no contract can enforce it, or nothing."""
        dated = self.starts is not None or self.ends is not None
        return "the date of a sale is not on the chain" if dated else self._why_not()

    def _why_not(self) -> str:
        return ""

    def says(self) -> str:
        """Return what the rule says, as a short sentence: ``backer gets back 10000 × 1.2``."""
        days = (f" from {self.starts}" if self.starts else "") + (f" before {self.ends}" if self.ends else "")
        return self._says() + days

    def _says(self) -> str:
        raise NotImplementedError

    def together(self, other: Rule) -> bool:
        """Return whether there is a day on which both are in force."""
        first, last = date.min, date.max
        return max(self.starts or first, other.starts or first) < min(self.ends or last, other.ends or last)


def fraction(percentage: str) -> Fraction:
    """Return a percentage as a part of one: 1/8 for ``"12.5%"``."""
    return percent(percentage) / 100


def listed(names: Iterable[str] | None, everybody: str = "everybody") -> str:
    """Return names as people list them: ``a, b and c``."""
    if names is None:
        return everybody
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
