"""What would each of us earn? An agreement, or several, over thousands of possible futures.

    result = simulate(agreement, revenue=Growth("10000", growth="2%", volatility=0.3), periods=36, seed=1)
    result.quantile("designer", 0.5), result.probability("designer", "5000", period=6)

Random is only what comes in, and that is integers from the moment it is drawn. What each payee has been paid
by the end of a period is ``schedule.entitlements`` of the revenue received until then, on every path, to the
unit: what the contract pays when that path is played.

Every question about the distribution of a payee's money is answered exactly, and cheaply, because no
entitlement falls while revenue grows: the q-quantile of an entitlement is the entitlement at the q-quantile
of revenue, and the paths on which a payee has earned an amount are those with revenue of at least
``schedule.inverse(payee, amount)``. So only revenue is kept, 8 bytes a path and period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from ._futures import (
    BLOCK,
    Amount,
    Bootstrap,
    Channel,
    Draw,
    Given,
    Growth,
    Part,
    Plan,
    Refund,
    channels_of,
    draw,
)
from ._model import show
from .agreement import Agreement
from .errors import AgreementError, InvalidInput, MissingExtra
from .money import Token
from .schedule import Schedule

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from plotly.graph_objects import Figure

__all__ = ["Bootstrap", "BreakEven", "Comparison", "Fairness", "Growth", "Simulation", "simulate"]

Terms: TypeAlias = Agreement | Schedule
Revenue: TypeAlias = "Growth | Bootstrap | Sequence[Amount] | NDArray[Any] | Draw"
Backend: TypeAlias = Literal["pandas", "polars", "pyarrow"]
Plot: TypeAlias = Literal["fan", "tiers", "sankey"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Those that tables and plots show."""
_WORD_LIMIT = 2**63
_MOST_OBJECTS = 20_000_000
"""Amounts beyond 64 bits are Python's integers, of some 50 bytes each: more of them are refused."""
_AHEAD = 32
"""Blocks given to an executor before the first is taken back: memory is bounded, and nobody is idle."""


@overload
def simulate(
    agreement: Terms,
    *,
    revenue: Revenue | Mapping[str, Revenue],
    periods: int | None = None,
    paths: int = 10_000,
    refunds: Refund | Literal[0] | Mapping[str, Refund | Literal[0]] = 0,
    refund_lag: int = 0,
    seed: int | None = None,
    executor: Executor | None = None,
) -> Simulation: ...
@overload
def simulate(
    agreement: Mapping[str, Terms],
    *,
    revenue: Revenue | Mapping[str, Revenue],
    periods: int | None = None,
    paths: int = 10_000,
    refunds: Refund | Literal[0] | Mapping[str, Refund | Literal[0]] = 0,
    refund_lag: int = 0,
    seed: int | None = None,
    executor: Executor | None = None,
) -> Comparison: ...


def simulate(
    agreement: Terms | Mapping[str, Terms],
    *,
    revenue: Revenue | Mapping[str, Revenue],
    periods: int | None = None,
    paths: int = 10_000,
    refunds: Refund | Literal[0] | Mapping[str, Refund | Literal[0]] = 0,
    refund_lag: int = 0,
    seed: int | None = None,
    executor: Executor | None = None,
) -> Simulation | Comparison:
    """Return what an agreement gives each payee over `paths` possible futures of `periods` periods each.

    agreement: or its schedule; or several by name, which then meet the very same futures: a Comparison.
    revenue: gross per period: `Growth`, `Bootstrap`, known amounts (a sequence: int are base units, str and
        Decimal whole tokens; an integer array of shape (periods,) or (paths, periods)), or a callable
        (rng, paths, periods) → integers in base units of shape (paths, periods), called block by block.
        Several by name are channels, whose revenue adds up.
    periods: months, say; may be left out where amounts are known.
    refunds: part of each period's gross that buyers get back, such as ``"4%"``, rounded down to the unit; or
        a callable (rng, gross) → integers. By channel, if given by name.
    refund_lag: how many periods later they do.
    seed: the same gives the same numbers; left out, one is drawn, and `.seed` tells it.
    executor: any of `concurrent.futures`: blocks of paths are drawn there. It changes no number. Processes
        need models that can be pickled.

    A period in which more goes back than comes in remits nothing, and the rest is taken from the next ones.

    Raises InvalidInput (AmountError, AmountTypeError for amounts) for what cannot be accepted, and for more
    than 20 million amounts that do not fit 64 bits.
    """
    several = dict(agreement) if isinstance(agreement, Mapping) else {"": agreement}
    schedules = _schedules(several)
    token = next(iter(schedules.values())).token
    channels = channels_of(revenue, refunds, token)
    periods = _periods(channels, periods)
    _whole("paths", paths, 1)
    for channel in channels:
        if isinstance(channel.model, Given) and len(channel.model.amounts) not in (1, paths):
            raise InvalidInput(f"revenue is given for {len(channel.model.amounts)} paths, not for {paths}")
    if not 0 <= _whole("refund_lag", refund_lag, 0) < periods:
        raise InvalidInput(f"refund_lag must be below the number of periods, {periods}")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise InvalidInput(
            f"executor must be one of concurrent.futures, or have its submit, not {show(executor)}"
        )
    plan = Plan(channels, refund_lag, tuple(schedules.values()), paths, periods, _entropy(seed))
    futures, earned, held = _gather(plan, executor)
    found = {
        name: Simulation(schedule, futures, earned[k], held[k])
        for k, (name, schedule) in enumerate(schedules.items())
    }
    return Comparison(found) if isinstance(agreement, Mapping) else found[""]


def _schedules(several: Mapping[str, Terms]) -> dict[str, Schedule]:
    schedules: dict[str, Schedule] = {}
    for name, terms in several.items():
        if not isinstance(terms, (Agreement, Schedule)) or not isinstance(name, str):
            raise InvalidInput(f"an agreement or a schedule is needed, not {show(terms)}")
        try:
            schedules[name] = terms.schedule() if isinstance(terms, Agreement) else terms
        except AgreementError as error:  # of several, say which
            raise type(error)(error.problems, name or error.source) from None
    if not schedules:
        raise InvalidInput("there is no agreement to simulate")
    tokens = {(schedule.token.symbol, schedule.token.decimals) for schedule in schedules.values()}
    if len(tokens) > 1:
        shown = ", ".join(f"{symbol} with {decimals} decimals" for symbol, decimals in sorted(tokens))
        raise InvalidInput(f"agreements in different tokens cannot meet the same futures: {shown}")
    return schedules


def _periods(channels: tuple[Channel, ...], periods: int | None) -> int:
    known = [channel.model.amounts.shape[1] for channel in channels if isinstance(channel.model, Given)]
    if periods is None:
        if not known:
            raise InvalidInput("say how many periods: periods=36")
        periods = min(known)
    if known and periods > min(known):
        raise InvalidInput(f"revenue is given for {min(known)} periods, not for {periods}")
    return _whole("periods", periods, 1)


def _whole(what: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(f"{what} must be a whole number of at least {least}, not {show(value)}")
    return value


def _entropy(seed: int | None) -> int:
    if seed is not None:
        return _whole("seed", seed, 0)
    from secrets import randbits

    return randbits(64)


def _gather(
    plan: Plan, executor: Executor | None
) -> tuple[Futures, list[list[list[int]]], list[list[list[int]]]]:
    """Return all blocks together: the futures; what was earned, and held by tiers, by schedule and period."""
    import numpy as np

    received: NDArray[Any] = np.empty((plan.periods, plan.paths), dtype=np.int64)
    gross = [[0] * plan.periods for _ in plan.channels]
    refunded = [[0] * plan.periods for _ in plan.channels]
    earned = [[[0] * len(schedule.payees) for _ in range(plan.periods)] for schedule in plan.schedules]
    held = [[[0] * len(schedule.tiers) for _ in range(plan.periods)] for schedule in plan.schedules]
    for part in _parts(plan, executor):
        if part.received.dtype == object and received.dtype != object:
            if received.size > _MOST_OBJECTS:
                raise InvalidInput(
                    f"revenue does not fit 64 bits, and {received.size:,} such amounts are too many: "
                    f"take at most {_MOST_OBJECTS // plan.periods:,} paths, or use a token of fewer decimals"
                )
            received = received.astype(object)
        first = part.number * BLOCK
        received[:, first : first + part.received.shape[1]] = part.received
        _add_rows(gross, part.gross)
        _add_rows(refunded, part.refunded)
        for whole, more in ((earned, part.earned), (held, part.held)):
            for mine, theirs in zip(whole, more, strict=True):
                _add_rows(mine, theirs)
    received.flags.writeable = False
    names = tuple(channel.name for channel in plan.channels)
    futures = Futures(
        plan.entropy, received, dict(zip(names, gross, strict=True)), dict(zip(names, refunded, strict=True))
    )
    return futures, earned, held


def _add_rows(whole: list[list[int]], part: list[list[int]]) -> None:
    for row, more in zip(whole, part, strict=True):
        row[:] = [one + other for one, other in zip(row, more, strict=True)]


def _parts(plan: Plan, executor: Executor | None) -> Iterator[Part]:
    if executor is None:
        yield from (draw(plan, number) for number in range(plan.blocks))
        return
    waiting = deque(executor.submit(draw, plan, number) for number in range(min(_AHEAD, plan.blocks)))
    try:
        for number in range(len(waiting), plan.blocks + len(waiting)):
            part = waiting.popleft().result()
            if number < plan.blocks:
                waiting.append(executor.submit(draw, plan, number))
            yield part
    finally:
        for future in waiting:
            future.cancel()


# ------------------------------------------------------------------------------------------ what was found


class Futures:
    """What came in on each path; agreements that are compared share it.

    seed: gives the same futures again. received: revenue received by the end of each period, cumulative, base
    units, shape (periods, paths), read-only. gross, refunded: by channel, summed over all paths, per period.
    """

    def __init__(
        self, seed: int, received: NDArray[Any], gross: dict[str, list[int]], refunded: dict[str, list[int]]
    ) -> None:
        self.seed = seed
        self.received = received
        self.gross = gross
        self.refunded = refunded
        self._ranked: dict[tuple[int, int], int] = {}

    @property
    def periods(self) -> int:
        """How many."""
        return int(self.received.shape[0])

    @property
    def paths(self) -> int:
        """How many."""
        return int(self.received.shape[1])

    def period(self, period: int | None) -> int:
        """Return the row of a period: the last, if left out. Raises InvalidInput unless it is one of them."""
        if period is None:
            return self.periods - 1
        if isinstance(period, bool) or not isinstance(period, int) or not 1 <= period <= self.periods:
            raise InvalidInput(f"period must be from 1 to {self.periods}, not {show(period)}")
        return period - 1

    def quantiles(self, wanted: Sequence[float | Fraction], period: int | None) -> list[int]:
        """Return for each q the smallest revenue that is not exceeded on at least q of the paths."""
        import numpy as np

        row = self.period(period)
        ranks = [_rank(q, self.paths) for q in wanted]
        missing = sorted({rank for rank in ranks if (row, rank) not in self._ranked})
        if missing:
            parted = np.partition(self.received[row], missing)
            self._ranked.update({(row, rank): int(parted[rank]) for rank in missing})
        return [self._ranked[row, rank] for rank in ranks]

    def reached(self, revenue: int) -> list[Fraction]:
        """Return, period by period, on which part of the paths revenue is at least this."""
        return [Fraction(int((row >= revenue).sum()), self.paths) for row in self.received]


def _rank(q: float | Fraction, paths: int) -> int:
    if isinstance(q, bool) or not isinstance(q, (int, float, Fraction, Decimal)) or not 0 <= q <= 1:
        raise InvalidInput(f"a quantile must be from 0 to 1, not {show(q)}")
    exact = q if isinstance(q, Fraction) else Fraction(str(q))  # 0.1 is meant as a tenth
    return max(ceil(exact * paths) - 1, 0)


@dataclass(frozen=True)
class BreakEven:
    """When a payee has earned an amount.

    payee, amount (base units); by_period: on which part of the paths it has, by the end of each period;
    median: the first period by which it has on at least half of them, None if it never comes to that.
    """

    payee: str
    amount: int
    by_period: tuple[Fraction, ...]
    median: int | None

    @property
    def ever(self) -> Fraction:
        """On which part of the paths it does within the periods that were simulated."""
        return self.by_period[-1]


@dataclass(frozen=True)
class Fairness:
    """How the money lies among the payees, by the means of what they were paid.

    shares: each payee's part of it. gini: 0 for equal parts, (n − 1)/n when one has it all. jain: 1 for equal
    parts, 1/n when one has it all. spread: each payee's uncertainty: 95 % quantile less 5 % quantile, over
    the mean; None for those without. returns: mean over contribution, for those whose
    contributions were given.
    """

    shares: dict[str, Fraction]
    gini: Fraction
    jain: Fraction
    spread: dict[str, Fraction | None]
    returns: dict[str, Fraction]


class Simulation:
    """What an agreement gives each payee over many futures. Amounts are cumulative, in base units, exact.

    Periods count from 1; where a period is left out, the last is meant. An amount may be given as an int of
    base units, or as whole tokens in a str or Decimal.
    """

    def __init__(
        self, schedule: Schedule, futures: Futures, earned: list[list[int]], held: list[list[int]]
    ) -> None:
        self.schedule = schedule
        self.futures = futures
        self._earned = earned
        self._held = held

    @property
    def payees(self) -> tuple[str, ...]:
        """Their names, in the order of the agreement."""
        return self.schedule.payees

    @property
    def token(self) -> Token:
        """What amounts are counted in."""
        return self.schedule.token

    @property
    def seed(self) -> int:
        """With the same seed everything comes out the same."""
        return self.futures.seed

    @property
    def paths(self) -> int:
        """How many futures."""
        return self.futures.paths

    @property
    def periods(self) -> int:
        """How many periods each has."""
        return self.futures.periods

    @property
    def received(self) -> NDArray[Any]:
        """Revenue received by the end of each period, cumulative, shape (paths, periods), read-only."""
        return self.futures.received.T

    # ---------------------------------------------------------------- paths

    def payouts(self, payee: str) -> NDArray[Any]:
        """Return what `payee` has been paid by the end of each period, shape (paths, periods)."""
        return self.schedule.entitlement_array(payee, self.futures.received).T

    def path(self, number: int) -> list[dict[str, int]]:
        """Return what each payee has been paid by the end of each period on one path, which count from 0."""
        if not 0 <= number < self.paths:
            raise IndexError(f"no path {number}: there are {self.paths}")
        return [self.schedule.entitlements(int(revenue)) for revenue in self.futures.received[:, number]]

    # ---------------------------------------------------------------- distributions

    def mean(self, payee: str, period: int | None = None) -> Fraction:
        """Return the mean of what `payee` has been paid, exactly."""
        i = self._payee(payee)
        return Fraction(self._earned[self.futures.period(period)][i], self.paths)

    def quantile(self, payee: str, q: float | Fraction, period: int | None = None) -> int:
        """Return the smallest amount that `payee` does not exceed on at least the part `q` of the paths."""
        return self.schedule.entitlement(payee, self.futures.quantiles([q], period)[0])

    def probability(self, payee: str, amount: Amount, period: int | None = None) -> Fraction:
        """Return on which part of the paths `payee` has been paid at least `amount`."""
        return self.break_even(payee, amount).by_period[self.futures.period(period)]

    def break_even(self, payee: str, amount: Amount) -> BreakEven:
        """Return when `payee` has been paid at least `amount`, such as what it put in."""
        from .errors import Unreachable

        units = self.token.parse(amount)
        try:
            by_period = self.futures.reached(self.schedule.inverse(payee, units))
        except Unreachable:
            by_period = [Fraction(0)] * self.periods
        half = (period for period, part in enumerate(by_period, 1) if part >= Fraction(1, 2))
        return BreakEven(payee, units, tuple(by_period), next(half, None))

    def completion(self, tier: int, period: int | None = None) -> Fraction:
        """Return on which part of the paths revenue has filled a tier; they count from 1.

        A tier that repays an advance is a recoup: this is the probability that it is complete. The last tier
        never is.
        """
        if isinstance(tier, bool) or not isinstance(tier, int) or not 1 <= tier <= len(self.schedule.tiers):
            raise InvalidInput(f"tier must be from 1 to {len(self.schedule.tiers)}, not {show(tier)}")
        end = self.schedule.tiers[tier - 1].end
        row = self.futures.received[self.futures.period(period)]
        return Fraction(0) if end is None else Fraction(int((row >= end).sum()), self.paths)

    def tier_mean(self, tier: int, period: int | None = None) -> Fraction:
        """Return the mean of the revenue in a tier; they count from 1."""
        self.completion(tier, period)  # refuses what is no tier
        return Fraction(self._held[self.futures.period(period)][tier - 1], self.paths)

    def fairness(
        self, period: int | None = None, *, contributions: Mapping[str, Amount] | None = None
    ) -> Fairness:
        """Return how even the payees' means are, how uncertain, and what each gets for what it put in."""
        means = {payee: self.mean(payee, period) for payee in self.payees}
        total, count = sum(means.values(), Fraction(0)), len(means)
        ordered = sorted(means.values())
        # G = Σ_k (2k − n − 1) x_k / (n Σ x), with x ascending and k from 1
        gini = sum(((2 * k - count - 1) * x for k, x in enumerate(ordered, 1)), Fraction(0))
        squares = sum((x * x for x in ordered), Fraction(0))
        low, high = (self.schedule.entitlements(r) for r in self.futures.quantiles((0.05, 0.95), period))
        returns = {}
        for payee, amount in (contributions or {}).items():
            put_in = self.token.parse(amount)
            if put_in <= 0:
                raise InvalidInput(f"the contribution of {payee} must be above 0")
            returns[payee] = self.mean(payee, period) / put_in
        return Fairness(
            {payee: x / total if total else Fraction(0) for payee, x in means.items()},
            gini / (count * total) if total else Fraction(0),
            total * total / (count * squares) if squares else Fraction(1),
            {payee: (high[payee] - low[payee]) / x if x else None for payee, x in means.items()},
            returns,
        )

    def _payee(self, payee: str) -> int:
        self.schedule.entitlement(payee, 0)  # refuses a payee it does not know
        return self.payees.index(payee)

    # ---------------------------------------------------------------- tables and pictures

    def rows(self) -> list[dict[str, Any]]:
        """Return for each period and payee: mean, rounded down to the unit, quantiles, and part of all."""
        found = []
        for period in range(1, self.periods + 1):
            at = [self.schedule.entitlements(r) for r in self.futures.quantiles(QUANTILES, period)]
            means = {payee: self.mean(payee, period) for payee in self.payees}
            total = sum(means.values(), Fraction(0))
            for payee in self.payees:
                row: dict[str, Any] = {"period": period, "payee": payee, "mean": int(means[payee])}
                row |= {_label(q): amounts[payee] for q, amounts in zip(QUANTILES, at, strict=True)}
                row["share"] = float(means[payee] / total) if total else 0.0
                found.append(row)
        return found

    def to_frame(self, backend: Backend = "pandas", *, text: bool = False) -> Any:
        """Return `rows` as a data frame of pandas, polars or pyarrow. Needs the extra `frames`.

        Amounts are base units in 64 bits; InvalidInput where those do not hold them. With `text` they are
        exact whole tokens in text, whatever their size.
        """
        return _frame(self.rows(), self.token, backend, text=text)

    def plot(self, kind: Plot = "fan", *, payee: str | None = None) -> Figure:
        """Return a figure of plotly's. Needs the extra `plots`.

        fan: quantiles of what each payee (or the one named) has been paid, period by period. tiers: how the
        mean revenue falls into tiers. sankey: from channels through tiers to payees, on average.
        """
        from . import _plots

        if payee is not None:
            self._payee(payee)
        return _plots.figure(self, kind, payee)

    def to_html(self, title: str = "Simulation") -> str:
        """Return a page that stands by itself: tables, and a fan chart for each payee. No scripts."""
        from . import _html

        return _html.page(title, {"": self})

    def _repr_html_(self) -> str:
        from . import _html

        return _html.simulation(self)

    def __repr__(self) -> str:
        return (
            f"Simulation({self.paths:,} paths, {self.periods} periods, {len(self.payees)} payees, "
            f"in {self.token.symbol}, seed {self.seed})"
        )


class Comparison(Mapping[str, Simulation]):
    """Several agreements over the very same futures: a mapping from name to Simulation."""

    def __init__(self, simulations: Mapping[str, Simulation]) -> None:
        self._simulations = dict(simulations)

    def __getitem__(self, name: str) -> Simulation:
        return self._simulations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._simulations)

    def __len__(self) -> int:
        return len(self._simulations)

    @property
    def seed(self) -> int:
        """With the same seed everything comes out the same."""
        return next(iter(self.values())).seed

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of all, each with the name of its agreement."""
        return [{"agreement": name} | row for name, found in self.items() for row in found.rows()]

    def better(self, payee: str, one: str, other: str, period: int | None = None) -> Fraction:
        """Return on which part of the paths `payee` has been paid more under `one` than under `other`."""
        found = []
        for name in (one, other):
            row = self[name].futures.received[self[name].futures.period(period)]
            found.append(self[name].schedule.entitlement_array(payee, row))
        return Fraction(int((found[0] > found[1]).sum()), self[one].paths)

    def to_frame(self, backend: Backend = "pandas", *, text: bool = False) -> Any:
        """Return `rows` as a data frame, see `Simulation.to_frame`."""
        return _frame(self.rows(), next(iter(self.values())).token, backend, text=text)

    def plot(self, *, payee: str | None = None) -> Figure:
        """Return a plotly figure: 5 % to 95 % and the median over time, all agreements on one axis.

        payee: only that one. Raises MissingExtra without plotly, UnknownPayee for a payee some agreement
        does not have.
        """
        from . import _plots

        return _plots.comparison(self, payee)

    def to_html(self, title: str = "Simulation") -> str:
        """Return a page with all of them, see `Simulation.to_html`."""
        from . import _html

        return _html.page(title, self)

    def _repr_html_(self) -> str:
        from . import _html

        return _html.comparison(self)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(f'{name}: {found!r}' for name, found in self.items())})"


def _label(q: float) -> str:
    return f"p{round(q * 100)}"


def _frame(rows: list[dict[str, Any]], token: Token, backend: Backend, *, text: bool) -> Any:
    try:
        import narwhals.stable.v1 as nw
    except ModuleNotFoundError:
        raise MissingExtra("frames", "narwhals") from None
    if backend not in ("pandas", "polars", "pyarrow"):
        raise InvalidInput(f'backend must be "pandas", "polars" or "pyarrow", not {show(backend)}')
    amounts = {"mean", *map(_label, QUANTILES)}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds: dict[str, Any] = {"period": nw.Int64, "share": nw.Float64}
    for name in amounts:
        if text:
            columns[name] = [token.format(amount) for amount in columns[name]]
        elif max(columns[name]) >= _WORD_LIMIT:
            raise InvalidInput(
                f"amounts do not fit 64 bits in units of {token.symbol}: use to_frame(text=True)"
            )
        else:
            kinds[name] = nw.Int64
    schema = {name: kinds.get(name, nw.String) for name in columns}
    try:
        return nw.from_dict(columns, schema, backend=backend).to_native()
    except ModuleNotFoundError:
        raise MissingExtra("frames", backend) from None
