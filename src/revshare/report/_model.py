"""What a statement says, worked out by the money rule from lines, terms and payouts: no database, no chain.

A settlement remits the net of its lines, in their order. Line k earned payee i E_i(R_k) − E_i(R_{k−1}), where
R starts at the revenue received before. So lines add up to what the payee earned, to the unit, and so do the
tiers: of tier t a payee earned floor(f_t(R_n)·w/W) − floor(f_t(R_0)·w/W).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from revshare.errors import InvalidInput, UnknownPayee
from revshare.ledger import Sale
from revshare.money import Token
from revshare.schedule import Attribution, Schedule, TierTerms

__all__ = [
    "Line",
    "PayeeStatement",
    "PeriodStatement",
    "Remittance",
    "TierShare",
    "TransactionLine",
    "period_statement",
    "since",
]


@dataclass(frozen=True, slots=True)
class Line:
    """A sale or credit note of a period, and what it earned one payee.

    position: among the leaves of the remittance. earned: base units; negative for a credit note, and now and
    then a unit more or less than the bare share, where rounding evens out.
    """

    position: int
    sale: Sale
    earned: int


@dataclass(frozen=True, slots=True)
class TierShare:
    """What a payee earned in one tier in a period: `weight` out of `total` of `revenue`.

    number: of the tier, from 1. start, end: of the tier. revenue: what of the period's revenue fell into it.
    """

    number: int
    start: int
    end: int | None
    revenue: int
    weight: int
    total: int
    earned: int


@dataclass(frozen=True, slots=True)
class TransactionLine:
    """A transaction of the settlement. cost: wei paid for gas, None while it is not mined. at: when made."""

    step: str
    tx_hash: str
    block_number: int | None
    gas_used: int | None
    cost: int | None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remittance:
    """Where the money of a period stands: the chain, the split, and the batch by which it came in.

    state: of the settlement; ``final`` says that it cannot be undone. token: its address.
    """

    chain_id: int
    split: str
    token: str
    payer: str
    batch_id: bytes
    root: bytes
    state: str
    transactions: tuple[TransactionLine, ...] = ()

    @property
    def tx_hash(self) -> str | None:
        """The transaction of the remittance itself, once there is one."""
        return next((made.tx_hash for made in self.transactions if made.step == "remit"), None)

    @property
    def paid_by(self) -> str | None:
        """The transaction of the distribution, once there is one."""
        return next((made.tx_hash for made in self.transactions if made.step == "distribute"), None)


@dataclass(frozen=True)
class PayeeStatement:
    """What one payee earned and got in a period. Amounts are base units of `token`.

    gross: earned by sales. credit_notes: what credit notes took from it, 0 or negative. tiers: the same by
    tier. withheld: tax and contributions held back, 0 as yet. paid: what left the split for the payee.
    credited: what could not be paid and was set aside; negative where earlier credit was withdrawn.
    earned_before: by all revenue before. brought_forward: what of that had not been paid by then.
    """

    payee: str
    address: str
    token: Token
    gross: int
    credit_notes: int
    tiers: tuple[TierShare, ...]
    withheld: int
    paid: int
    credited: int
    earned_before: int
    brought_forward: int
    _lines: tuple[Sequence[Sale], Sequence[int]] = field(repr=False)

    @property
    def earned(self) -> int:
        """What the period earned the payee: gross and credit notes."""
        return self.gross + self.credit_notes

    @property
    def carried_forward(self) -> int:
        """What was earned and neither withheld nor paid yet: set aside, or due with the next distribution."""
        return self.brought_forward + self.earned - self.withheld - self.paid

    @property
    def lines(self) -> Iterator[Line]:
        """The lines, in the order of the remittance."""
        sales, earned = self._lines
        for position, (sale, amount) in enumerate(zip(sales, earned, strict=True)):
            yield Line(position, sale, int(amount))


@dataclass(frozen=True)
class PeriodStatement:
    """What a period came to, and each payee's part in it. Amounts are base units of `token`.

    gross, credit_notes: of the sales. revenue_before: what the split had received before. dust: what of the
    period nobody earned, as tiers round down; negative where it completed somebody's unit. remittance: where
    the money is, None for a statement that is only worked out. differences: where payouts are not what the
    money rule says; empty when all agree.
    """

    agreement: str
    period: str
    starts_at: datetime | None
    ends_at: datetime | None
    zone: str
    token: Token
    sales: tuple[Sale, ...] = field(repr=False)
    revenue_before: int
    payees: tuple[PayeeStatement, ...] = field(repr=False)
    remittance: Remittance | None = None
    note: str = ""
    differences: tuple[str, ...] = ()

    def __getitem__(self, payee: str) -> PayeeStatement:
        for one in self.payees:
            if payee in (one.payee, one.address):
                return one
        raise UnknownPayee(payee, [one.payee for one in self.payees])

    def __iter__(self) -> Iterator[PayeeStatement]:
        return iter(self.payees)

    @property
    def gross(self) -> int:
        """The sales, credit notes left out."""
        return sum(sale.amount for sale in self.sales if sale.amount > 0)

    @property
    def credit_notes(self) -> int:
        """What was given back: 0 or negative."""
        return sum(sale.amount for sale in self.sales if sale.amount < 0)

    @property
    def net(self) -> int:
        """Gross and credit notes: what is remitted, where that is more than nothing."""
        return sum(sale.amount for sale in self.sales)

    @property
    def revenue_after(self) -> int:
        """What the split has received with this period."""
        return self.revenue_before + self.net

    @property
    def dust(self) -> int:
        """What nobody earned."""
        return self.net - sum(one.earned for one in self.payees)

    @property
    def is_final(self) -> bool:
        """Whether it is on the chain for good."""
        return self.remittance is not None and self.remittance.state == "final"


def period_statement(
    schedule: Schedule,
    sales: Sequence[Sale],
    *,
    agreement: str,
    period: str,
    revenue_before: int = 0,
    base: int = 0,
    closed: Mapping[str, int] | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    zone: str = "UTC",
    paid: Mapping[str, int] | None = None,
    credited: Mapping[str, int] | None = None,
    paid_before: Mapping[str, int] | None = None,
    remittance: Remittance | None = None,
    note: str = "",
    differences: Sequence[str] = (),
) -> PeriodStatement:
    """Return the statement of a period, worked out from its lines.

    sales: in the order of the remittance's leaves; sales before credit notes, so that revenue never falls
    below `revenue_before`, what the split had received by then.
    base: the revenue from which these terms count, where the split was amended: rounding begins anew there.
    closed: what each payee had earned by then, under older terms.
    paid, credited: by payee, in this period; left out, nothing yet. paid_before: by payee, in all periods
    before; left out, all that had been earned.

    Raises NegativeRevenue where credit notes exceed all there ever was, InvalidInput for a sale in another
    token.
    """
    for sale in sales:
        if sale.token != schedule.token.symbol:
            raise InvalidInput(
                f"{sale.source} {sale.external_id} is in {sale.token}, and the agreement's token is "
                f"{schedule.token.symbol}"
            )
    rule = since(schedule, base)
    start = revenue_before - base
    if start < 0:
        raise InvalidInput(f"terms that count from revenue {base} cannot share what came before")
    attribution = rule.attribute([sale.amount for sale in sales], start=start)
    earned_before = {
        payee: units + (closed or {}).get(payee, 0) for payee, units in rule.entitlements(start).items()
    }
    payees = tuple(
        _payee(
            attribution,
            place,
            sales,
            base,
            _Got(
                paid=0 if paid is None else paid.get(name, 0),
                credited=0 if credited is None else credited.get(name, 0),
                earned_before=earned_before[name],
                paid_before=earned_before[name] if paid_before is None else paid_before.get(name, 0),
            ),
        )
        for place, name in enumerate(schedule.payees)
    )
    return PeriodStatement(
        agreement=agreement,
        period=period,
        starts_at=starts_at,
        ends_at=ends_at,
        zone=zone,
        token=schedule.token,
        sales=tuple(sales),
        revenue_before=revenue_before,
        payees=payees,
        remittance=remittance,
        note=note,
        differences=tuple(differences),
    )


def since(schedule: Schedule, base: int) -> Schedule:
    """Return the schedule of terms that count from revenue `base` on, as revenue since then sees it.

    Tiers go on counting from the first unit ever received, and rounding begins anew: of revenue R it gives
    floor((f_t(R) − f_t(base))·w/W), which is this schedule's entitlement at R − base.
    """
    if base == 0:
        return schedule
    tiers = tuple(
        TierTerms(
            max(tier.start - base, 0), None if tier.end is None else tier.end - base, tier.weights, tier.total
        )
        for tier in schedule.tiers
        if tier.end is None or tier.end > base
    )
    return Schedule(schedule.payees, schedule.addresses, tiers, schedule.token)


@dataclass(frozen=True, slots=True)
class _Got:
    paid: int
    credited: int
    earned_before: int
    paid_before: int


def _payee(
    attribution: Attribution,
    place: int,
    sales: Sequence[Sale],
    base: int,
    got: _Got,
) -> PayeeStatement:
    schedule = attribution.schedule
    earned = attribution.earned[place]
    by_sales, by_credit_notes = earned[attribution.amounts > 0], earned[attribution.amounts < 0]
    return PayeeStatement(
        payee=schedule.payees[place],
        address=schedule.addresses[place],
        token=schedule.token,
        # Python's own sum of Python's own integers: int64 might not hold it.
        gross=sum(by_sales.tolist()),
        credit_notes=sum(by_credit_notes.tolist()),
        tiers=tuple(_tiers(attribution, place, base)),
        withheld=0,
        paid=got.paid,
        credited=got.credited,
        earned_before=got.earned_before,
        brought_forward=got.earned_before - got.paid_before,
        _lines=(sales, earned),
    )


def _tiers(attribution: Attribution, place: int, base: int) -> Iterator[TierShare]:
    for number, tier in enumerate(attribution.schedule.tiers, start=1):
        before, after = tier.slice_of(attribution.start), tier.slice_of(attribution.end)
        weight = tier.weights[place]
        if before != after:
            yield TierShare(
                number=number,
                start=tier.start + base,
                end=None if tier.end is None else tier.end + base,
                revenue=after - before,
                weight=weight,
                total=tier.total,
                earned=after * weight // tier.total - before * weight // tier.total,
            )
