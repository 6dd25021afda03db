"""The money rule as one Ibis expression: what each sale earned each payee, on any engine.

**Division.** Engines divide decimals as doubles (DuckDB, and PostgreSQL through Ibis) or wrap around (Spark's
``div``). So the rule is brought to one division without a remainder, x / W, and that is done as long division
with approximate digits: each round takes q ≈ x / W, and an exact product away from what is left. In the end
nothing may be left: an engine that got a digit wrong gives NULL, which is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._engine import DIGITS, EXACT, exact, fetch_exact, ibis_module
from .errors import AmountError, NegativeRevenue
from .schedule import Schedule

__all__ = ["KEYS", "check_digits", "check_revenue", "earned", "extremes", "running_revenue"]

KEYS = ("agreement", "token")

_MOST = 10 ** (DIGITS - 1)
"""Revenue and products stay below this: a digit less than engines hold, for the rounds of a division."""
_MOST_WEIGHT = 10**18  # so that the product of two stays below it
_ROUND = 2**44  # what a round of a division gains at least: doubles have 53 bits, PostgreSQL gives 15 digits
_PARTS = ("start", "cap", "weight", "total")


def extremes(sales: Any) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Return by (agreement, token): the least and the greatest amount, and the sum of the positive ones."""
    ibis = ibis_module()
    amount = sales["_amount"]
    positive = ibis.greatest(amount, exact(0))
    found = sales.group_by(*KEYS).aggregate(
        least=amount.min(), most=amount.max(), gross=positive.sum().cast(EXACT)
    )
    return {
        (row["agreement"], row["token"]): (row["least"], row["most"], row["gross"])
        for row in fetch_exact(found)
    }


def check_digits(name: str, token: str, schedule: Schedule, largest: int, gross: int) -> None:
    weight = max(max(tier.weights) for tier in schedule.tiers)
    total = max(tier.total for tier in schedule.tiers)
    if gross >= _MOST or weight * largest >= _MOST or total >= _MOST_WEIGHT:
        raise AmountError(
            f"{name!r} in {token}: revenue of {gross} and amounts up to {largest}, with weights to {weight} "
            f"of {total}, need more than {DIGITS - 1} digits: use Schedule.attribute, which has no limit",
            value=gross,
        )


def running_revenue(sales: Any) -> Any:
    """Return sales with the revenue before and after each."""
    window = ibis_module().cumulative_window(group_by=list(KEYS), order_by="seq")
    after = sales.mutate(_after=sales["_amount"].sum().over(window).cast(EXACT))
    return after.mutate(_before=after["_after"] - after["_amount"])


def check_revenue(running: Any) -> None:
    ibis = ibis_module()
    place = ibis.row_number().over(group_by=list(KEYS), order_by="seq")
    numbered = running.mutate(_index=place)
    below = numbered.filter(numbered["_after"] < 0).order_by(*KEYS, "seq").limit(1)
    for row in fetch_exact(below.select("agreement", "_index", "_after")):
        raise NegativeRevenue(row["_index"], row["_after"])


def earned(running: Any, terms: Sequence[tuple[str, str, Schedule]], known: list[str], largest: int) -> Any:
    """Return a row for each sale and payee: its amount, Σ_t floor(f_t(R_k)·w/W) − floor(f_t(R_{k−1})·w/W).

    The terms come as a table, a row for each payee with four columns for each tier, so that the expression
    grows with the tiers only. With m(f) = f·w mod W = (f mod W)·w mod W, whose product is below W²:

        floor(f·w/W) = (f·w − m(f)) / W, so a sale earns x / W, x = (f_k − f_{k−1})·w − m(f_k) + m(f_{k−1})
    """
    ibis = ibis_module()
    import pyarrow as pa

    count = max(len(schedule.tiers) for _, _, schedule in terms) if terms else 0
    payees = ibis.memtable(pa.table(_terms(terms, count)))
    numbers = {f"{part}{t}": payees[f"{part}{t}"].cast(EXACT) for t in range(count) for part in _PARTS}
    joined = running.inner_join(payees.mutate(**numbers), list(KEYS))

    zero = exact(0)
    slices, rests, dividends = {}, {}, {}
    for t in range(count):
        for when in ("before", "after"):
            above = ibis.greatest(joined[f"_{when}"] - joined[f"start{t}"], zero)
            slices[f"_{when}{t}"] = ibis.least(above, joined[f"cap{t}"]).cast(EXACT)
    rows = joined.mutate(**slices)
    for t in range(count):
        for when in ("before", "after"):
            part = (rows[f"_{when}{t}"] % rows[f"total{t}"]).cast(EXACT) * rows[f"weight{t}"]
            rests[f"_rest_{when}{t}"] = (part.cast(EXACT) % rows[f"total{t}"]).cast(EXACT)
    rows = rows.mutate(**rests)
    for t in range(count):
        product = ((rows[f"_after{t}"] - rows[f"_before{t}"]) * rows[f"weight{t}"]).cast(EXACT)
        left = product - rows[f"_rest_after{t}"] + rows[f"_rest_before{t}"]
        dividends[f"_left{t}"] = left.cast(EXACT)
    rows = rows.mutate(**dividends)
    rows = rows.mutate(_quotient=zero)

    bound = largest
    while True:  # a round of the long division, in all tiers at once
        digits = {
            f"_digit{t}": (rows[f"_left{t}"].cast("float64") / rows[f"total{t}"].cast("float64")).cast(EXACT)
            for t in range(count)
        }
        rows = rows.mutate(**digits)
        quotient = rows["_quotient"]
        for t in range(count):
            quotient = (quotient + rows[f"_digit{t}"]).cast(EXACT)
        left = {
            f"_left{t}": (rows[f"_left{t}"] - (rows[f"_digit{t}"] * rows[f"total{t}"]).cast(EXACT)).cast(
                EXACT
            )
            for t in range(count)
        }
        rows = rows.mutate(_quotient=quotient, **left)
        if bound < _ROUND:
            break
        bound //= _ROUND
    exactly = rows["_after"] >= zero
    for t in range(count):
        exactly &= rows[f"_left{t}"] == zero
    amount = ibis.ifelse(exactly, rows["_quotient"], ibis.null(EXACT))
    return rows.select(*KEYS, "seq", *known, "payee", amount=amount.cast(EXACT))


def _terms(terms: Sequence[tuple[str, str, Schedule]], count: int) -> dict[str, list[str]]:
    """Return the columns of the terms, numbers as text. Tiers not there, or out of reach, hold nothing."""
    names = (*KEYS, "payee", *(f"{part}{t}" for t in range(count) for part in _PARTS))
    columns: dict[str, list[str]] = {name: [] for name in names}
    for agreement, token, schedule in terms:
        for i, payee in enumerate(schedule.payees):
            row: dict[str, object] = {"agreement": agreement, "token": token, "payee": payee}
            for t in range(count):
                tier = schedule.tiers[t] if t < len(schedule.tiers) else None
                if tier is None or tier.start >= _MOST:
                    values = (0, 0, 0, 1)
                else:
                    end = _MOST if tier.end is None else min(tier.end, _MOST)
                    values = (tier.start, end - tier.start, tier.weights[i], tier.total)
                row |= {f"{part}{t}": value for part, value in zip(_PARTS, values, strict=True)}
            for name, value in row.items():
                columns[name].append(str(value))
    return columns
