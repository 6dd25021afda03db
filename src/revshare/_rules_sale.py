"""Rules that act on every sale: what is taken before people share, and what is put right after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from ._fields import Amount, Day, Factor, PayeeName, Rate, StepRate, Text, Texts
from ._model import Model, place
from ._rule import Rule, Span, fraction
from ._tier import MAX_STEPS, MAX_TIERS, Shares, Tier
from .errors import Problem

_KIND = Field(description="Which rule it is.")
_PAYEE = Field(description="The payee it is about.")


class Commission(Rule):
    """`to` takes `rate` of all revenue before anybody else."""

    rule: Annotated[Literal["commission"], _KIND] = "commission"
    to: Annotated[PayeeName, Field(description="The payee who takes it.")]
    rate: Annotated[Rate, Field(description="Part of all revenue, such as 10%.")]

    PAYEES = EARNING = ("to",)

    def _says(self) -> str:
        return f"{self.to} takes {self.rate} of all revenue"


class Fee(Rule):
    """`to` takes a fixed `amount` before anybody shares: once, per period, or per sale.

    A sale or period that has less gives what there is; the rest is carried to the next, or given up where
    short = "part". A credit note gives no fee back.
    """

    rule: Annotated[Literal["fee"], _KIND] = "fee"
    to: Annotated[PayeeName, Field(description="The payee who takes it.")]
    amount: Annotated[Amount, Field(description="How much, in whole tokens.")]
    per: Annotated[Literal["sale", "period", "once"], Field(description="How often.")]
    short: Annotated[
        Literal["carry", "part"],
        Field(description="Whether what a sale or period is short of is carried on, or given up."),
    ] = "carry"

    PAYEES = EARNING = ("to",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("per") == "once" and data.get("short") == "part":
            yield Problem("short", "gives up what must come once", 'use "carry", or a fee per sale or period')

    def _why_not(self) -> str:
        return "" if self.per == "once" else f"the contract does not count {self.per}s, only revenue"

    def _says(self) -> str:
        return f"{self.to} takes {self.amount} {'once' if self.per == 'once' else f'per {self.per}'}"


class Recoup(Rule):
    """`payee` gets `amount` × `premium` back out of `rate` of what comes in, then the rule is spent.

    of: the payee out of whose earnings it is taken; left out, it is taken out of the revenue before tiers.
    due: the day by which it should be complete; a `guarantor` then pays what is missing out of its own
    earnings, when the period with that day closes. pool: recoups of the same pool name, in any agreement that
    is closed together, with the same payee, are one target: they are drained by revenue of all of them.
    """

    rule: Annotated[Literal["recoup"], _KIND] = "recoup"
    payee: Annotated[PayeeName, Field(description="Who gets money back.")]
    amount: Annotated[Amount, Field(description="What was advanced, in whole tokens.")]
    premium: Annotated[
        Factor, Field(description="What the amount is multiplied by: 1.2 for a fifth more.")
    ] = "1"
    rate: Annotated[Rate, Field(description="Part of what comes in that is used for it.")] = "100%"
    of: Annotated[
        PayeeName | None,
        Field(description="Out of whose earnings; left out, of the revenue before tiers."),
    ] = None
    due: Annotated[Day | None, Field(description="Day by which it should be complete.")] = None
    guarantor: Annotated[
        PayeeName | None, Field(description="Who pays what is missing on that day, out of its earnings.")
    ] = None
    pool: Annotated[
        Text | None, Field(description="Name of a target that several agreements drain together.")
    ] = None

    PAYEES = ("payee", "of", "guarantor")
    EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("guarantor") is not None and data.get("due") is None:
            yield Problem("guarantor", "has no day on which to pay", 'say by when: due = "2027-12-31"')
        for field in ("of", "guarantor"):
            if data.get(field) is not None and data.get(field) == data.get("payee"):
                yield Problem(field, "is the payee itself", "name somebody else, or leave it out")

    def target(self, units: int) -> int:
        """Return what is to be got back, in base units, of `units` advanced: with the premium, rounded up."""
        return -(-units * Fraction(self.premium) // 1)

    def _why_not(self) -> str:
        if self.pool is not None:
            return "a pool takes from several agreements, and each contract sees its own money only"
        if self.guarantor is not None:
            return "a contract does not see the day on which the guarantor has to pay"
        return ""

    def _says(self) -> str:
        premium = "" if Fraction(self.premium) == 1 else f" × {self.premium}"
        source = "the revenue" if self.of is None else f"what {self.of} earns"
        part = "" if fraction(self.rate) == 1 else f"{self.rate} of "
        text = f"{self.payee} gets back {self.amount}{premium} out of {part}{source}"
        text += "" if self.pool is None else f", together with the pool {self.pool!r}"
        text += "" if self.due is None else f", by {self.due}"
        return text + ("" if self.guarantor is None else f", or else from {self.guarantor}")


class Step(Model):
    """One step of progressive rates: `rate` up to `until` (units sold, or whole tokens of revenue)."""

    until: Annotated[
        Amount | None, Field(description="Where the step ends: units, or whole tokens; none for the last.")
    ] = None
    rate: Annotated[StepRate, Field(description="Rate in this step, such as 12.5%.")]


class Progressive(Rule):
    """`payee` takes a rate of the revenue that steps up (or down) with what was sold, before the tiers.

    metric: "revenue", or "units" (metadata `quantity` of each sale; 1 where it says none). mode: "marginal":
    each step's rate holds for what falls into the step; "whole": the rate reached holds for all of the
    lifetime or period so far. per: whether counting begins anew with each period.
    """

    rule: Annotated[Literal["progressive"], _KIND] = "progressive"
    payee: Annotated[PayeeName, _PAYEE]
    metric: Annotated[
        Literal["revenue", "units"], Field(description="What the steps count: money, or units sold.")
    ] = "revenue"
    mode: Annotated[
        Literal["marginal", "whole"],
        Field(description="Whether a rate holds for its step only, or for all so far."),
    ] = "marginal"
    per: Annotated[Span, Field(description="Whether counting begins anew with each period.")] = "lifetime"
    steps: Annotated[
        tuple[Step, ...], Field(min_length=2, max_length=MAX_STEPS, description="The rates, in order.")
    ]

    PAYEES = EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        steps = data.get("steps")
        if not isinstance(steps, (list, tuple)) or not all(isinstance(step, Step) for step in steps):
            return
        before, known = Fraction(0), [step for step in steps if isinstance(step, Step)]
        for number, step in enumerate(known):
            where = place("steps", number, "until")
            if step.until is None:
                if number != len(known) - 1:
                    yield Problem(
                        where, "is missing: only the last step goes on for ever", "say where it ends"
                    )
                continue
            if number == len(known) - 1:
                yield Problem(where, "does not belong in the last step", "remove it, or add a step after it")
            end = Fraction(step.until)
            if end <= before:
                yield Problem(where, f"{step.until} does not exceed the step before", "put them in order")
            elif data.get("metric") == "units" and end.denominator != 1:
                yield Problem(where, f"{step.until} is not a number of units", "write a whole number")
            before = end
        if len({fraction(step.rate) for step in known}) < 2:
            yield Problem("steps", "all have the same rate", "write a commission, which needs no steps")

    def amounts(self) -> Iterator[tuple[str, str]]:
        """Yield where steps of revenue end, and the place."""
        for number, step in enumerate(self.steps):
            if self.metric == "revenue" and step.until is not None:
                yield place("steps", number, "until"), step.until

    def highest(self) -> Fraction:
        """Return the highest of its rates, as a part of one."""
        return max(fraction(step.rate) for step in self.steps)

    def _why_not(self) -> str:
        if self.metric == "units":
            return "the contract counts money, not units"
        if self.per == "period":
            return "the contract does not count periods"
        if self.mode == "whole":
            return "what was shared before would be shared anew when a step is reached"
        return ""

    def _says(self) -> str:
        of = "units" if self.metric == "units" else "revenue"
        steps = ", ".join(
            f"{step.rate} {'beyond' if step.until is None else f'up to {step.until}'}" for step in self.steps
        )
        how = "" if self.mode == "marginal" else ", each for all so far"
        return f"{self.payee} takes of {of}{' per period' if self.per == 'period' else ''} {steps}{how}"


class Version(Rule):
    """From the day `starts` on, sales are shared by these `tiers`, which go on at the revenue reached.

    What was sold before stays as it was shared, and so does what is credited of it later.
    """

    rule: Annotated[Literal["version"], _KIND] = "version"
    starts: Annotated[Day, Field(description="First day, by the date of the sale, of these tiers.")]
    ends: Annotated[None, Field(description="Never given: a version ends where the next starts.")] = None
    tiers: Annotated[
        tuple[Tier, ...],
        Field(min_length=1, max_length=MAX_TIERS, description="Slices of revenue, in order."),
    ]

    PAYEES = ()

    def _says(self) -> str:
        return f"{len(self.tiers)} other tiers" if len(self.tiers) > 1 else "another tier"


class Where(Rule):
    """Sales of these territories, SKUs or channels are shared by these `shares`, instead of by the tiers.

    Of several that fit a sale, the one that names most of the three counts; two that name as many are an
    error.
    """

    rule: Annotated[Literal["where"], _KIND] = "where"
    territory: Annotated[Texts | None, Field(description="Territories, as sales name them.")] = None
    sku: Annotated[Texts | None, Field(description="SKUs, as sales name them.")] = None
    channel: Annotated[Texts | None, Field(description="Channels, as sales name them.")] = None
    shares: Shares

    PAYEES = EARNING = ("shares",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if not any(data.get(field) for field in ("territory", "sku", "channel")):
            yield Problem(place(), "says of no sale that it fits", "name a territory, a SKU or a channel")

    def criteria(self) -> dict[str, tuple[str, ...]]:
        """Return what a sale must be, field by field."""
        given = {field: getattr(self, field) for field in ("territory", "sku", "channel")}
        return {field: values for field, values in given.items() if values is not None}

    def _why_not(self) -> str:
        return "the contract does not see what was sold, or where"

    def _says(self) -> str:
        what = ", ".join(f"{field} {' or '.join(values)}" for field, values in self.criteria().items())
        shares = ", ".join(f"{payee} {share}" for payee, share in self.shares.items())
        return f"sales of {what} are shared: {shares}"


class Cap(Rule):
    """`payee` earns at most `amount` per sale, period or lifetime; what exceeds it goes to `to`."""

    rule: Annotated[Literal["cap"], _KIND] = "cap"
    payee: Annotated[PayeeName, _PAYEE]
    amount: Annotated[Amount, Field(description="The most it earns, in whole tokens.")]
    per: Annotated[
        Literal["sale", "period", "lifetime"], Field(description="Of each sale, each period, or in all.")
    ] = "lifetime"
    to: Annotated[PayeeName, Field(description="Who gets what exceeds it.")]

    EARNING = ("to",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("to") is not None and data.get("to") == data.get("payee"):
            yield Problem("to", "is the payee itself", "say who else gets the excess")

    def _why_not(self) -> str:
        return "" if self.per == "lifetime" else f"the contract does not count {self.per}s, only revenue"

    def _says(self) -> str:
        span = "in all" if self.per == "lifetime" else f"per {self.per}"
        return f"{self.payee} earns at most {self.amount} {span}; the excess goes to {self.to}"


class Refunds(Rule):
    """Credit notes are borne by the payee `by` alone, instead of by all as the sale was shared."""

    rule: Annotated[Literal["refunds"], _KIND] = "refunds"
    by: Annotated[PayeeName, Field(description="Who bears them.")]

    PAYEES = ("by",)

    def _why_not(self) -> str:
        return "the contract lowers revenue for all, and claws nothing back"

    def _says(self) -> str:
        return f"credit notes are borne by {self.by} alone"


class Nest(Rule):
    """`payee` is itself a split: its address is the split of the agreement called `agreement`."""

    rule: Annotated[Literal["nest"], _KIND] = "nest"
    payee: Annotated[PayeeName, _PAYEE]
    agreement: Annotated[Text, Field(description="The name of the agreement that shares its part.")]

    PAYEES = ("payee",)

    def _says(self) -> str:
        return f"{self.payee} is the split of {self.agreement!r}"
