"""Rules that act when a period closes: on what each earned in it, and on what each is to be paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from ._fields import Amount, Day, PayeeName, Payees, Rate, Text, WholeNumber
from ._rule import Rule, Span, listed
from .errors import Problem

_KIND = Field(description="Which rule it is.")
_PAYEE = Field(description="The payee it is about.")
_PAYEES = Field(description="The payees it is about; left out, all.")


class Weights(Rule):
    """What these `payees` earn together is shared among them by a `table` that is frozen at each close.

    The table (hours, purchases, influence) is handed over when the period is closed: whole numbers by payee.
    A period in which all of it is zero is shared as the tiers say.
    """

    rule: Annotated[Literal["weights"], _KIND] = "weights"
    payees: Annotated[Payees, Field(min_length=2, description="Who share by it.")]
    table: Annotated[Text, Field(description="The name of the table.")]

    PAYEES = EARNING = ("payees",)

    def _why_not(self) -> str:
        return "the table is not on the chain"

    def _says(self) -> str:
        return f"{listed(self.payees)} share what they earn by {self.table}"


class Floor(Rule):
    """`payee` earns at least `amount` per period or lifetime, as far as `by` have earned it.

    The others named in `by` (left out: everybody else) give what is missing in proportion to what they
    earned, never more than they earned.
    """

    rule: Annotated[Literal["floor"], _KIND] = "floor"
    payee: Annotated[PayeeName, _PAYEE]
    amount: Annotated[Amount, Field(description="The least it earns, in whole tokens.")]
    per: Annotated[Span, Field(description="In each period, or in all.")] = "period"
    by: Annotated[Payees | None, Field(description="Who give what is missing; left out, all others.")] = None

    PAYEES = ("payee", "by")
    EARNING = ("payee",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        by = data.get("by")
        if isinstance(by, (list, tuple)) and data.get("payee") in by:
            yield Problem("by", "names the payee itself", "say who else gives")

    def _why_not(self) -> str:
        return "" if self.per == "lifetime" else "the contract does not count periods, only revenue"

    def _says(self) -> str:
        span = "in all" if self.per == "lifetime" else "per period"
        givers = listed(self.by, "all others")
        return f"{self.payee} earns at least {self.amount} {span}, out of what {givers} earned"


class Guarantee(Rule):
    """`funder` tops up what `payee` earned to at least `amount`, when a period closes.

    per: each period; or once, over the lifetime, in the period that contains `due`. The funder owes it even
    where it has earned less: its balance falls below zero and is made good out of what it earns later.
    recoupable: what `payee` earns above the guarantee later goes to the funder until it has its money back.
    """

    rule: Annotated[Literal["guarantee"], _KIND] = "guarantee"
    payee: Annotated[PayeeName, _PAYEE]
    amount: Annotated[Amount, Field(description="The least it gets, in whole tokens.")]
    funder: Annotated[PayeeName, Field(description="Who tops it up.")]
    per: Annotated[Span, Field(description="In each period, or once over the lifetime.")] = "period"
    due: Annotated[Day | None, Field(description="The day of the one over the lifetime.")] = None
    recoupable: Annotated[bool, Field(strict=True, description="Whether the funder gets it back later.")] = (
        False
    )

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

    def _says(self) -> str:
        span = "per period" if self.per == "period" else f"by {self.due}"
        back = ", and gets it back later" if self.recoupable else ""
        return f"{self.funder} tops {self.payee} up to {self.amount} {span}{back}"


class Reserve(Rule):
    """Of what `payees` (left out: all) are to be paid, `rate` is held back for `periods` periods."""

    rule: Annotated[Literal["reserve"], _KIND] = "reserve"
    rate: Annotated[Rate, Field(description="The part that is held back.")]
    periods: Annotated[WholeNumber, Field(ge=1, le=1200, description="For how many periods.")]
    payees: Annotated[Payees | None, _PAYEES] = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "the contract does not count periods"

    def _says(self) -> str:
        span = "a period" if self.periods == 1 else f"{self.periods} periods"
        return f"{self.rate} of what is to be paid to {listed(self.payees, 'all')} is held for {span}"


class Retain(Rule):
    """Of what `payees` earn, `rate` is not paid in cash but kept as their equity, redeemable later."""

    rule: Annotated[Literal["retain"], _KIND] = "retain"
    rate: Annotated[Rate, Field(description="The part that is kept.")]
    payees: Annotated[Payees | None, _PAYEES] = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "redeeming is decided by people"

    def _says(self) -> str:
        return f"{self.rate} of the earnings of {listed(self.payees, 'all')} is kept as equity"


class Withhold(Rule):
    """Of what `payee` earns, `rate` is paid to the authority `to` instead. Not tax advice: rates are data.

    base: "earned" (what the payee earned in the period) or "gross" (that, and its part of what commissions
    and fees took before). authority, certificate: as the statement has to name them.
    """

    rule: Annotated[Literal["withhold"], _KIND] = "withhold"
    payee: Annotated[PayeeName, _PAYEE]
    to: Annotated[PayeeName, Field(description="The authority, which is a payee too.")]
    rate: Annotated[Rate, Field(description="The authority's rate for this payee.")]
    base: Annotated[
        Literal["earned", "gross"],
        Field(description="Of what it earned, or of that and its part of commissions and fees."),
    ] = "earned"
    authority: Annotated[Text | None, Field(description="The authority, as statements name it.")] = None
    certificate: Annotated[Text | None, Field(description="The number of the certificate.")] = None

    EARNING = ("to",)

    @classmethod
    def _between(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        if data.get("to") is not None and data.get("to") == data.get("payee"):
            yield Problem("to", "is the payee itself", "name the authority, which is a payee too")

    def _why_not(self) -> str:
        return "rates and bases belong to a payee and a period, and certificates are kept off the chain"

    def _says(self) -> str:
        of = "earns" if self.base == "earned" else "earns before commissions and fees"
        return f"{self.rate} of what {self.payee} {of} is paid to {self.authority or self.to}"


class Threshold(Rule):
    """`payees` (left out: all) are paid only when at least `amount` is due; less is carried forward.

    flush: the month (1 to 12) at whose close everything is paid, however little.
    """

    rule: Annotated[Literal["threshold"], _KIND] = "threshold"
    amount: Annotated[Amount, Field(description="The least that is paid, in whole tokens.")]
    payees: Annotated[Payees | None, _PAYEES] = None
    flush: Annotated[
        Annotated[WholeNumber, Field(ge=1, le=12)] | None,
        Field(description="The month, 1 to 12, at whose close everything is paid."),
    ] = None

    PAYEES = ("payees",)

    def _why_not(self) -> str:
        return "what is due is paid by whoever asks the contract; a book waits"

    def _says(self) -> str:
        yearly = "" if self.flush is None else f"; all of it after month {self.flush}"
        return f"nothing is paid to {listed(self.payees, 'anybody')} until {self.amount} is due{yearly}"
