"""Rules: how people share beyond fixed shares, in the words they use.

    [[rules]]                                           # the platform takes its part first
    rule = "commission"
    to = "platform"
    rate = "10%"

    [[rules]]                                           # then a backer gets its money back, and a fifth more
    rule = "recoup"
    payee = "backer"
    amount = "10000"
    premium = "1.2"

The order of evaluation is fixed (docs/rules.md), whatever the order in the file; rules of one kind are taken
in the order of the file. `Rule.by_contract` says whether a rule depends on cumulative revenue only: then it
is compiled to tiers, and the contract enforces it. Every other is worked out by `Accounts` when a period
closes, and paid through a payout book.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from ._fields import PayeeName, WholeNumber, check_line, percent
from ._model import Model, Refusal, place, show
from ._tier import Shares, Tier
from .errors import Problem

# ------------------------------------------------------------------------------------------ single values

_AMOUNT = re.compile(r"[0-9]{1,80}(\.[0-9]{1,40})?")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,30})?%")
_FACTOR = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,30})?")


def _check_amount(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Refusal(f"{show(value)} is not an exact amount", 'write digits in quotes, like "2000"')
    text = show(value) if isinstance(value, int) else value
    if not _AMOUNT.fullmatch(text):
        raise Refusal(f"{show(value)} is not a plain amount", 'write digits only, like "2000" or "1234.50"')
    if not text.strip("0."):
        raise Refusal("is zero, so that the rule does nothing", "write an amount, or leave the rule out")
    return text


def _check_rate(value: object) -> str:
    if not isinstance(value, str) or not _PERCENT.fullmatch(value):
        raise Refusal(f"{show(value)} is not a percentage", 'write digits and a percent sign, like "12.5%"')
    if not 0 < percent(value) <= 100:
        raise Refusal(f"{value} is out of range", 'use more than 0% and at most "100%"')
    return value


def _check_factor(value: object) -> str:
    if not isinstance(value, str) or not _FACTOR.fullmatch(value):
        raise Refusal(f"{show(value)} is not a factor", 'write a number in quotes, like "1.2"')
    if Fraction(value) < 1:
        raise Refusal(f"the factor {value} is less than 1", 'write "1" for no premium, or more')
    return value


def _check_day(value: object) -> date:
    if type(value) is date:  # TOML has dates of its own
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Refusal(f"{show(value)} is not a day", "write it like 2027-01-31")


def _check_text(value: object) -> str:
    return check_line(value, 200)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Amount = Annotated[
    str, BeforeValidator(_check_amount), WithJsonSchema({"type": "string", "pattern": f"^{_AMOUNT.pattern}$"})
]
"""Whole tokens, as text."""
Rate = Annotated[
    str, BeforeValidator(_check_rate), WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$"})
]
Factor = Annotated[
    str, BeforeValidator(_check_factor), WithJsonSchema({"type": "string", "pattern": f"^{_FACTOR.pattern}$"})
]
Day = Annotated[date, BeforeValidator(_check_day), WithJsonSchema({"type": "string", "format": "date"})]
Text = Annotated[str, BeforeValidator(_check_text), WithJsonSchema({"type": "string", "minLength": 1})]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list), Field(min_length=1)]
Payees = Annotated[tuple[PayeeName, ...], BeforeValidator(_as_list), Field(min_length=1)]
Span = Literal["period", "lifetime"]


# ------------------------------------------------------------------------------------------ rules


class Rule(Model):
    """What all rules have: since when and until when, by the date of the sale, they are in force.

    starts: the first day. ends: the first day on which it is no more. Days are those of the period's zone.
    A rule with either is never compiled: a contract does not see the date of a sale.
    """

    starts: Annotated[Day | None, Field(description="First day, by the date of the sale.")] = None
    ends: Annotated[Day | None, Field(description="First day on which it is no more in force.")] = None

    PAYEES: ClassVar[tuple[str, ...]] = ("payee", "to")
    """The fields that name payees."""
    EARNING: ClassVar[tuple[str, ...]] = ()
    """Those whose payees may earn by the rule, even without a share in any tier."""

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what is wrong between fields."""
        starts, ends = data.get("starts"), data.get("ends")
        if type(starts) is date and type(ends) is date and ends <= starts:
            yield Problem("ends", f"{ends} does not come after {starts}", "end the rule after it starts")
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


class Commission(Rule):
    """`to` takes `rate` of all revenue before anybody else."""

    rule: Literal["commission"] = "commission"
    to: PayeeName
    rate: Rate

    EARNING = ("to",)


class Fee(Rule):
    """`to` takes a fixed `amount` before anybody shares: once, per period, or per sale.

    A sale or period that has less takes what there is; the rest is carried to the next, or given up where
    short = "part". A credit note gives no fee back.
    """

    rule: Literal["fee"] = "fee"
    to: PayeeName
    amount: Amount
    per: Literal["sale", "period", "once"]
    short: Literal["carry", "part"] = "carry"

    EARNING = ("to",)

    def _why_not(self) -> str:
        return "" if self.per == "once" else f"the contract does not count {self.per}s, only revenue"


class Recoup(Rule):
    """`payee` gets `amount` × `premium` back out of `rate` of what comes in, then the rule is spent.

    of: the payee out of whose earnings it is taken; left out, it is taken out of the revenue before tiers.
    due: the day by which it should be complete; a `guarantor` then pays what is missing out of its own
    earnings, when the period with that day closes. pool: recoups of the same pool name, in any agreement that
    is closed together, with the same payee, are one target: they are drained by revenue of all of them.
    """

    rule: Literal["recoup"] = "recoup"
    payee: PayeeName
    amount: Amount
    premium: Factor = "1"
    rate: Rate = "100%"
    of: PayeeName | None = None
    due: Day | None = None
    guarantor: PayeeName | None = None
    pool: Text | None = None

    PAYEES = ("payee", "of", "guarantor")
    EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("guarantor") is not None and data.get("due") is None:
            yield Problem("guarantor", "has no day on which to pay", 'say by when: due = "2027-12-31"')
        for field in ("of", "guarantor"):
            if data.get(field) is not None and data.get(field) == data.get("payee"):
                yield Problem(field, "is the payee itself", "name somebody else, or leave it out")

    def _why_not(self) -> str:
        if self.pool is not None:
            return "a pool takes from several agreements, and each contract sees its own money only"
        if self.guarantor is not None:
            return "a contract does not see the day on which the guarantor has to pay"
        return ""


class Step(Model):
    """One step of progressive rates: `rate` up to `until` (units sold, or whole tokens of revenue)."""

    until: Amount | None = None
    rate: Annotated[
        str,
        BeforeValidator(lambda value: value if value == "0%" else _check_rate(value)),
        WithJsonSchema({"type": "string"}),
    ]


class Progressive(Rule):
    """`payee` takes a rate of the revenue that steps up (or down) with what was sold, before the tiers.

    metric: "revenue", or "units" (metadata `quantity` of each sale; 1 where it says none). mode: "marginal":
    each step's rate holds for what falls into the step; "whole": the rate reached holds for all of the
    lifetime or period so far. per: whether counting begins anew with each period.
    """

    rule: Literal["progressive"] = "progressive"
    payee: PayeeName
    metric: Literal["revenue", "units"] = "revenue"
    mode: Literal["marginal", "whole"] = "marginal"
    per: Span = "lifetime"
    steps: Annotated[tuple[Step, ...], Field(min_length=2, max_length=32)]

    PAYEES = ("payee",)
    EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        steps = data.get("steps")
        before = Fraction(0)
        known = [step for step in steps if isinstance(step, Step)] if isinstance(steps, (list, tuple)) else []
        for number, step in enumerate(known):
            where, last = place("steps", number, "until"), number == len(known) - 1
            if (step.until is None) != last:
                what = "does not belong in the last step" if last else "is missing"
                yield Problem(where, what, "say in all steps but the last where they end")
            elif step.until is not None:
                end = Fraction(step.until)
                if end <= before:
                    yield Problem(where, f"{step.until} does not exceed the step before", "put them in order")
                elif data.get("metric") == "units" and end.denominator != 1:
                    yield Problem(where, f"{step.until} is not a number of units", "write a whole number")
                before = end

    def _why_not(self) -> str:
        if self.metric == "units":
            return "the contract counts money, not units"
        if self.per == "period":
            return "the contract does not count periods"
        if self.mode == "whole":
            return "what was shared before would be shared anew when a step is reached"
        return ""


class Version(Rule):
    """From the day `starts` on, sales are shared by these `tiers`, which go on at the revenue reached.

    What was sold before stays as it was shared, and so does what is credited of it later.
    """

    rule: Literal["version"] = "version"
    starts: Day
    ends: None = None
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

    PAYEES = ()


class Where(Rule):
    """Sales of these territories, SKUs or channels are shared by these `shares`, instead of by the tiers.

    Of several that fit a sale, the one that names most of the three counts; two that name as many are an
    error.
    """

    rule: Literal["where"] = "where"
    territory: Texts | None = None
    sku: Texts | None = None
    channel: Texts | None = None
    shares: Shares

    PAYEES = ("shares",)
    EARNING = ("shares",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if not any(data.get(field) for field in ("territory", "sku", "channel")):
            yield Problem(place(), "says of no sale that it fits", "name a territory, a SKU or a channel")

    def _why_not(self) -> str:
        return "the contract does not see what was sold, or where"


class Weights(Rule):
    """What these `payees` earn together is shared among them by a `table` that is frozen at each close.

    The table (hours, purchases, influence) is handed over when the period is closed: whole numbers by payee.
    A period in which all of it is zero is shared as the tiers say.
    """

    rule: Literal["weights"] = "weights"
    payees: Annotated[Payees, Field(min_length=2)]
    table: Text

    PAYEES = ("payees",)
    EARNING = ("payees",)

    def _why_not(self) -> str:
        return "the table is not on the chain"


class Cap(Rule):
    """`payee` earns at most `amount` per sale, period or lifetime; what exceeds it goes to `to`."""

    rule: Literal["cap"] = "cap"
    payee: PayeeName
    amount: Amount
    per: Literal["sale", "period", "lifetime"] = "lifetime"
    to: PayeeName

    EARNING = ("to",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("to") is not None and data.get("to") == data.get("payee"):
            yield Problem("to", "is the payee itself", "say who else gets the excess")

    def _why_not(self) -> str:
        return "" if self.per == "lifetime" else f"the contract does not count {self.per}s, only revenue"


class Floor(Rule):
    """`payee` earns at least `amount` per period or lifetime, as far as `by` have earned it.

    The others named in `by` (left out: everybody else) give what is missing in proportion to what they
    earned, never more than they earned.
    """

    rule: Literal["floor"] = "floor"
    payee: PayeeName
    amount: Amount
    per: Span = "period"
    by: Payees | None = None

    PAYEES = ("payee", "by")
    EARNING = ("payee",)

    def _why_not(self) -> str:
        return "" if self.per == "lifetime" else "the contract does not count periods, only revenue"


class Guarantee(Rule):
    """`funder` tops up what `payee` earned to at least `amount`, when a period closes.

    per: each period; or once, over the lifetime, in the period that contains `due`. The funder owes it even
    where it has earned less: its balance falls below zero and is made good out of what it earns later.
    recoupable: what `payee` earns above the guarantee later goes to the funder until it has its money back.
    """

    rule: Literal["guarantee"] = "guarantee"
    payee: PayeeName
    amount: Amount
    funder: PayeeName
    per: Span = "period"
    due: Day | None = None
    recoupable: bool = False

    PAYEES = ("payee", "funder")
    EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("funder") is not None and data.get("funder") == data.get("payee"):
            yield Problem("funder", "is the payee itself", "say who else tops it up")
        if (data.get("per") == "lifetime") != (data.get("due") is not None):
            fix = 'per = "lifetime" needs the day it is due, and per = "period" has none'
            yield Problem("due", "does not fit", fix)

    def _why_not(self) -> str:
        return "the funder's money is not in the contract, and a contract does not see a period close"


class Reserve(Rule):
    """Of what `payees` (left out: all) are to be paid, `rate` is held back for `periods` periods."""

    rule: Literal["reserve"] = "reserve"
    rate: Rate
    periods: Annotated[WholeNumber, Field(ge=1, le=1200)]
    payees: Payees | None = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "the contract does not count periods"


class Retain(Rule):
    """Of what `payees` earn, `rate` is not paid in cash but kept as their equity, redeemable later."""

    rule: Literal["retain"] = "retain"
    rate: Rate
    payees: Payees | None = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "redeeming is decided by people"


class Withhold(Rule):
    """Of what `payee` earns, `rate` is paid to the authority `to` instead. Not tax advice: rates are data.

    base: "earned" (what the payee earned in the period) or "gross" (that, and its part of what commissions
    and fees took before). authority, certificate: as the statement has to name them.
    """

    rule: Literal["withhold"] = "withhold"
    payee: PayeeName
    to: PayeeName
    rate: Rate
    base: Literal["earned", "gross"] = "earned"
    authority: Text | None = None
    certificate: Text | None = None

    EARNING = ("to",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("to") is not None and data.get("to") == data.get("payee"):
            yield Problem("to", "is the payee itself", "name the authority, which is a payee too")

    def _why_not(self) -> str:
        return "rates and bases belong to a payee and a period, and certificates are kept off the chain"


class Threshold(Rule):
    """`payees` (left out: all) are paid only when at least `amount` is due; less is carried forward.

    flush: the month (1 to 12) at whose close everything is paid, however little.
    """

    rule: Literal["threshold"] = "threshold"
    amount: Amount
    payees: Payees | None = None
    flush: Annotated[WholeNumber, Field(ge=1, le=12)] | None = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "what is due is paid by whoever asks the contract; a book waits"


class Refunds(Rule):
    """Credit notes are borne by the payee `by` alone, instead of by all as the sale was shared."""

    rule: Literal["refunds"] = "refunds"
    by: PayeeName

    PAYEES = ("by",)

    def _why_not(self) -> str:
        return "the contract lowers revenue for all, and claws nothing back"


class Nest(Rule):
    """`payee` is itself a split: its address is the split of the agreement called `agreement`."""

    rule: Literal["nest"] = "nest"
    payee: PayeeName
    agreement: Text

    PAYEES = ("payee",)


AnyRule: TypeAlias = (
    Commission
    | Fee
    | Recoup
    | Progressive
    | Version
    | Where
    | Weights
    | Cap
    | Floor
    | Guarantee
    | Reserve
    | Retain
    | Withhold
    | Threshold
    | Refunds
    | Nest
)

KINDS: dict[str, type[Rule]] = {
    kind.model_fields["rule"].default: kind
    for kind in (
        Commission, Fee, Recoup, Progressive, Version, Where, Weights, Cap, Floor, Guarantee, Reserve, Retain,
        Withhold, Threshold, Refunds, Nest,
    )
}  # fmt: skip
"""The rules, by the word that stands in the file."""
