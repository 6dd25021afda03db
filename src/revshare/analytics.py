"""The ledger's sums over files of any size: settlement sums, and what each sale earned whom.

    sales = SalesTable.read_parquet("sales/*.parquet")                     # DuckDB, in this process
    sales.settlement_sums("month").rows()                                  # per agreement, token and month
    sales.attribute({"Tea": agreement}).totals()                           # per payee, by the money rule

One Ibis expression for every engine: DuckDB unless another is named, Spark or PostgreSQL where the sales have
outgrown the machine. Results are the ledger's and the schedule's to the unit.

**Exact, or refused.** Engines add and multiply up to 38 decimal digits exactly: so amounts and sums are
DECIMAL(38, 0) everywhere, never a float, and leave the engine as text. What does not fit is an AmountError.
DuckDB, PostgreSQL and Spark in its ANSI mode refuse it themselves; Spark without that mode gives NULL, which
is refused here.

**Periods** are those of `Period`, in any zone: their first instants are computed here, and the engine only
compares. Its own calendar and time zones play no part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from ._earned import KEYS, check_digits, check_revenue, earned, extremes, running_revenue
from ._engine import DIGITS, EXACT, check_zone, fetch, fetch_exact, ibis_module, not_exact
from ._model import show
from ._period import Period
from .agreement import Agreement
from .errors import AmountTypeError, InvalidInput, did_you_mean
from .ledger._rows import instant, microseconds
from .schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Attributed", "EarnedAmount", "SalesTable", "SettlementSum", "SettlementSums"]

_MOST_PERIODS = 4000


@dataclass(frozen=True, slots=True)
class SettlementSum:
    """The sales of an agreement in a token and a period: `net` base units, credit notes being negative."""

    agreement: str
    token: str
    period: str
    net: int
    sale_count: int
    credit_note_count: int


@dataclass(frozen=True, slots=True)
class EarnedAmount:
    """What the sale numbered `seq` earned a payee, in base units; at most 0 for a credit note."""

    agreement: str
    token: str
    seq: int
    payee: str
    amount: int


class SalesTable:
    """Sales on an engine: a table with the columns of a ledger, `table`.

    agreement, token: text. amount: base units, of an integer or decimal type without decimal places; negative
    for credit notes. occurred_at: an instant: a timestamp (in UTC where it says no zone), or whole
    microseconds since 1970, as in a ledger's own table on PostgreSQL. seq, for `attribute`: whole numbers in
    the order of the ledger, each once. Others do not matter.

    Raises InvalidInput for columns that are missing or of another type, AmountTypeError for amounts that are
    not exact: also for Parquet of more than 38 digits, which DuckDB reads as floats.
    """

    def __init__(self, table: Any) -> None:
        self.table = table
        schema = table.schema()
        for name in (*KEYS, "occurred_at", "amount"):
            if name not in schema:
                raise InvalidInput(f"the table has no column {name}: it has {', '.join(schema)}")
        kind = schema["amount"]
        if not (kind.is_integer() or (kind.is_decimal() and kind.scale == 0)):
            raise AmountTypeError(
                f"amounts must be whole base units, of an integer type or a decimal of at most {DIGITS} "
                f"digits and no decimal places, not {kind}",
                value=str(kind),
            )
        kind = schema["occurred_at"]
        if not (kind.is_timestamp() or kind.is_int64()):
            raise InvalidInput(f"occurred_at must be a timestamp or whole microseconds, not {kind}")
        self._aware = kind.is_timestamp() and kind.timezone is not None
        self._counted = kind.is_int64()

    @classmethod
    def read_parquet(cls, paths: str | os.PathLike[str] | Sequence[str], backend: Any = None) -> Self:
        """Read one or more Parquet files, or a pattern such as ``sales/*.parquet``, lazily.

        backend: an Ibis backend, such as ``ibis.pyspark.connect(session)``; DuckDB in this process when left
        out. Raises MissingExtra without Ibis, and as the class does.
        """
        backend = backend or ibis_module().duckdb.connect()
        return cls(backend.read_parquet(os.fspath(paths) if isinstance(paths, os.PathLike) else paths))

    def __repr__(self) -> str:
        return f"SalesTable({', '.join(self.table.columns)})"

    # ------------------------------------------------------------------------------------------ sums

    def settlement_sums(
        self, period: str | Sequence[Period | str] = "month", zone: str = "UTC"
    ) -> SettlementSums:
        """Return the sums of each agreement, token and period.

        period: "year", "quarter", "month", "week" or "day", all that there are; or periods that do not
        overlap, as `Period.parse` takes them: sales in none are left out then. zone: whose midnights they
        begin at.

        Asks for the first and last instant at once (Parquet's own statistics on DuckDB), and sums when asked.
        Raises InvalidInput for periods that are none or overlap, and sales without amount, time or agreement.
        """
        ibis = ibis_module()
        periods = self._periods(period, zone)
        edges, values = _edges(periods)
        limits = [self._literal(edge) for edge in edges]
        times = self.table.occurred_at
        # Parquet's own statistics answer this one, as far as everything is in some period.
        inside = (times >= limits[0]) & (times < limits[-1]) if periods else ibis.literal(value=False)
        place = _choose(times, limits[1:-1], values[1:-1] or [-1], "int16")
        rows = self.table.filter(inside).mutate(_place=place, _amount=self.table.amount.cast(EXACT))
        if -1 in values[1:-1]:
            rows = rows.filter(rows["_place"] >= 0)
        summed = rows.group_by(*KEYS, "_place").aggregate(
            net=rows["_amount"].sum().cast(EXACT),
            count=rows.count(),
            credit_note_count=(rows["_amount"] < 0).sum(),
        )
        names = [each.name for each in periods] or [""]
        named = _choose(summed["_place"], list(range(1, len(names))), names, "string")
        expr = summed.select(
            *KEYS,
            period=named,
            net=summed["net"],
            sale_count=(summed["count"] - summed.credit_note_count).cast("int64"),
            credit_note_count=ibis.coalesce(summed.credit_note_count, 0).cast("int64"),
        )
        return SettlementSums(expr, tuple(periods))

    def _periods(self, period: str | Sequence[Period | str], zone: str) -> list[Period]:
        low, high = self._span()
        if not isinstance(period, str):
            found = sorted((Period.parse(each, zone) for each in period), key=lambda each: each.start)
            for one, other in pairwise(found):
                if one.end > other.start:
                    raise InvalidInput(f"the periods {one} and {other} overlap")
        elif period not in _CALENDAR:
            raise InvalidInput(
                f"period must be {', '.join(map(repr, _CALENDAR))} or a list of periods, not {show(period)}"
            )
        else:
            found = [] if low is None or high is None else list(_between(period, zone, low, high))
        if len(found) > _MOST_PERIODS:
            raise InvalidInput(
                f"there are {len(found)} periods, and at most {_MOST_PERIODS} can be taken at once"
            )
        return found

    def _span(self) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last instant; None for no sales."""
        self._whole((*KEYS, "occurred_at", "amount"))
        times = self.table.occurred_at
        (row,) = fetch(self.table.aggregate(low=times.min(), high=times.max()))
        return self._instant(row["low"]), self._instant(row["high"])

    def _whole(self, columns: Sequence[str]) -> None:
        """Refuse sales that lack something: NULLs count for no sum, and would go unnoticed."""
        check_zone(self.table)
        missing = self.table[columns[0]].isnull()
        for name in columns[1:]:
            missing |= self.table[name].isnull()
        (row,) = fetch(self.table.filter(missing).aggregate(count=ibis_module()._.count().cast("string")))
        if int(row["count"]):
            raise InvalidInput(f"{row['count']} sales have no {' or no '.join(columns)}")

    def _instant(self, value: Any) -> datetime | None:
        if value is None or self._counted:
            return None if value is None else instant(int(value))
        moment: datetime = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment

    def _literal(self, moment: datetime) -> Any:
        if self._counted:
            return ibis_module().literal(microseconds(moment), type="int64")
        return ibis_module().literal(moment if self._aware else moment.replace(tzinfo=None))

    # ------------------------------------------------------------------------------------------ attribution

    def attribute(self, agreements: Mapping[str, Agreement | Schedule]) -> Attributed:
        """Return what each sale of these agreements earned each payee, by the money rule.

        agreements: by the names that the sales have; sales of others are left out. The table must have them
        from the first on: revenue counts from 0, in the order of `seq`. Sales in a token that is not the
        agreement's are shared by its last tier.

        Looks at all amounts before: raises AmountError where a step could need more than 37 digits,
        NegativeRevenue where credit notes exceed the revenue before them; and InvalidInput for an agreement
        that has no sales.
        """
        if not isinstance(agreements, Mapping):
            raise InvalidInput(
                f"agreements go by the names that the sales have: {{name: agreement}}, not {show(agreements)}"
            )
        schedules = {
            name: each.schedule() if isinstance(each, Agreement) else each
            for name, each in agreements.items()
        }
        if "seq" not in self.table.columns or not self.table.schema()["seq"].is_integer():
            raise InvalidInput("attribution needs a column seq of whole numbers: the order of the sales")
        self._whole((*KEYS, "amount", "seq"))
        known = [name for name in ("source", "external_id") if name in self.table.columns]
        sales = self.table.filter(self.table.agreement.isin(list(schedules))).select(
            *KEYS, "seq", *known, _amount=self.table.amount.cast(EXACT)
        )
        found = extremes(sales)
        for name in schedules:
            if name not in {agreement for agreement, _ in found}:
                raise InvalidInput(f"no sale is of the agreement {name!r}{self._hint(name)}")
        terms = []
        largest = 0
        for (name, token), (least, most, gross) in found.items():
            schedule = schedules[name]
            mine = schedule if token == schedule.token.symbol else schedule.for_other_token()
            largest = max(largest, most, -least)
            terms.append((name, token, mine))
            check_digits(name, token, mine, max(most, -least), gross)
        running = running_revenue(sales)
        if any(least < 0 for least, _, _ in found.values()):
            check_revenue(running)
        payees = {name: schedule.payees for name, schedule in schedules.items()}
        return Attributed(earned(running, terms, known, largest), payees)

    def _hint(self, name: str) -> str:
        names = [row["agreement"] for row in fetch(self.table.select("agreement").distinct())]
        hint = did_you_mean(name, names)
        return f": {hint}" if hint else ""


class SettlementSums:
    """What came in per agreement, token and period, see `SalesTable.settlement_sums`.

    expr: an Ibis table of agreement, token, period, net, sale_count and credit_note_count; a sum that does
    not fit is NULL there on Spark without its ANSI mode, an error elsewhere. periods: all, in order.
    """

    def __init__(self, expr: Any, periods: tuple[Period, ...]) -> None:
        self.expr = expr
        self.periods = periods

    def rows(self) -> list[SettlementSum]:
        """Return the sums, by agreement, token and time. Raises AmountError for one that does not fit."""
        rank = {period.name: place for place, period in enumerate(self.periods)}
        found = [SettlementSum(**row) for row in fetch_exact(self.expr)]
        return sorted(found, key=lambda each: (each.agreement, each.token, rank[each.period]))

    def to_dict(self) -> dict[tuple[str, str, str], int]:
        """Return net base units by (agreement, token, period)."""
        return {(each.agreement, each.token, each.period): each.net for each in self.rows()}

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a data frame of pandas; `net` holds Python's integers."""
        return _frame(SettlementSum, self.rows(), "net")


class Attributed:
    """What each sale earned each payee, see `SalesTable.attribute`.

    expr: an Ibis table of agreement, token, seq, payee and amount, and of source and external_id where the
    sales have them; a row for each sale and payee of its agreement, in no order. An amount that an engine did
    not get exactly is NULL there, and an AmountError here. payees: of each agreement, in order.
    """

    def __init__(self, expr: Any, payees: dict[str, tuple[str, ...]]) -> None:
        self.expr = expr
        self.payees = payees

    def rows(self) -> list[EarnedAmount]:
        """Return all amounts in order. All are fetched: for many sales go on with `expr`, or `totals`."""
        names = [field.name for field in fields(EarnedAmount)]
        found = [EarnedAmount(**row) for row in fetch_exact(self.expr.select(*names))]
        rank = self._rank()
        return sorted(found, key=lambda e: (e.agreement, e.token, e.seq, rank[e.agreement, e.payee]))

    def _rank(self) -> dict[tuple[str, str], int]:
        return {(name, payee): i for name, payees in self.payees.items() for i, payee in enumerate(payees)}

    def totals(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return what each payee earned with all sales, by (agreement, token): entitlements, base units."""
        keys = (*KEYS, "payee")
        # A sum passes over NULLs, so they are counted.
        summed = self.expr.group_by(*keys).aggregate(
            amount=self.expr.amount.sum().cast(EXACT), refused=self.expr.amount.isnull().sum()
        )
        found: dict[tuple[str, str], dict[str, int]] = {}
        rank = self._rank()
        rows = fetch_exact(summed)
        for row in sorted(rows, key=lambda r: (r["agreement"], r["token"], rank[r["agreement"], r["payee"]])):
            if row["refused"]:
                raise not_exact("amount", row["agreement"])
            found.setdefault((row["agreement"], row["token"]), {})[row["payee"]] = row["amount"]
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a data frame of pandas; `amount` holds Python's integers."""
        return _frame(EarnedAmount, self.rows(), "amount")


# ---------------------------------------------------------------------------------------------- periods

_CALENDAR: dict[str, Callable[[date], str]] = {
    "year": lambda day: f"{day.year:04}",
    "quarter": lambda day: f"{day.year:04}-Q{(day.month + 2) // 3}",
    "month": lambda day: f"{day.year:04}-{day.month:02}",
    "week": lambda day: "{:04}-W{:02}".format(*day.isocalendar()),
    "day": lambda day: day.isoformat(),
}
"""The name of the period that a day is in."""


def _between(kind: str, zone: str, low: datetime, high: datetime) -> Iterator[Period]:
    """Yield the periods from that of `low` to that of `high`, one after the other."""
    name = _CALENDAR[kind]
    day = low.date() - timedelta(days=1)  # no zone is further from UTC
    while True:
        period = Period.parse(name(day), zone)
        if period.end > low:
            yield period
        if period.end > high:
            return
        while name(day) == period.name:
            day += timedelta(days=1)


def _edges(periods: Sequence[Period]) -> tuple[list[datetime], list[int]]:
    """Return the instants at which the place of a period changes, and the places before and after each.

    -1 stands for no period: before the first, after the last, and in the gaps.
    """
    edges: list[datetime] = []
    values = [-1]
    for place, period in enumerate(periods):
        if edges and edges[-1] == period.start:
            edges.pop()
            values.pop()
        edges += [period.start, period.end]
        values += [place, -1]
    return edges, values


def _choose(column: Any, edges: Sequence[Any], values: Sequence[Any], kind: str) -> Any:
    """Return the expression that is values[k] from edges[k - 1] on and below edges[k]: found by halving."""
    ibis = ibis_module()
    if len(values) == 1:
        return ibis.literal(values[0], type=kind)
    middle = len(values) // 2
    return ibis.ifelse(
        column < edges[middle - 1],
        _choose(column, edges[: middle - 1], values[:middle], kind),
        _choose(column, edges[middle:], values[middle:], kind),
    )


def _frame(kind: type[Any], rows: Sequence[Any], exact: str) -> pd.DataFrame:
    import pandas as pd

    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(kind)}
    return pd.DataFrame({**columns, exact: pd.Series(columns[exact], dtype=object)})
