"""Revenue that might come: models of it, refunds, and the blocks of paths in which they are drawn.

Floats stand here only, where a random revenue is drawn: it is rounded to whole units once, at the end of
`Growth.__call__`. All that follows is integers, on 64-bit words where nothing can overflow, Python's
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

from ._fields import percent
from ._model import show
from .errors import AmountError, AmountTypeError, InvalidInput, MissingExtra
from .money import Token, units
from .schedule import Schedule, TierTerms, shares_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from .ledger._sale import Sale

BLOCK = 8192
"""Paths drawn at a time, each block from a seed of its own: the numbers do not depend on who draws them."""
_WORD_LIMIT = 2**63
_REVENUE_LIMIT = 2**127
"""More revenue than this the contract does not count."""

Amount: TypeAlias = int | str | Decimal
Draw: TypeAlias = "Callable[[Generator, int, int], NDArray[Any]]"
"""(rng, paths, periods) → integers of shape (paths, periods): base units that come in, period by period."""
Refund: TypeAlias = "str | Fraction | Callable[[Generator, NDArray[Any]], NDArray[Any]]"
"""A percentage, exactly, as text or Fraction; or (rng, gross) → integers of the same shape."""

# ------------------------------------------------------------------------------------------ models


def _rate(value: float | str, what: str) -> float:
    """Return a rate that models draw by: a number, or a percentage as text."""
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,12})?%", value):
            raise InvalidInput(f'{what} must be a number or a percentage such as "2.5%", not {show(value)}')
        return float(Fraction(value.removesuffix("%")) / 100)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e6:
        raise InvalidInput(f"{what} must be a number, not {show(value)}")
    return float(value)


@dataclass(frozen=True)
class Growth:
    """Revenue that grows, with seasons and luck: lognormal, with the mean as stated in every period.

    mean: expected revenue of the first period (int: base units; str, Decimal: whole tokens).
    growth: from one period to the next: ``"2%"`` or 0.02.
    volatility: standard deviation of the logarithm, independently in each period: months good and bad.
    shocks: likewise, but each stays for ever (a random walk): products that take off, and those that do not.
    seasonality: factors repeated over the periods, such as twelve for months.

    What is drawn is rounded to the nearest unit.
    """

    mean: Amount
    growth: float | str = 0.0
    volatility: float | str = 0.0
    shocks: float | str = 0.0
    seasonality: Sequence[float] = ()

    def __post_init__(self) -> None:
        if isinstance(self.mean, int):
            units(self.mean, "mean")
        elif not isinstance(self.mean, (str, Decimal)):
            raise AmountTypeError(
                f"mean must be an int of base units, or whole tokens as text, not {show(self.mean)}",
                value=self.mean,
            )
        if _rate(self.growth, "growth") <= -1:
            raise InvalidInput("growth must be above -100%")
        for name in ("volatility", "shocks"):
            if _rate(getattr(self, name), name) < 0:
                raise InvalidInput(f"{name} cannot be negative")
        for factor in self.seasonality:
            if _rate(factor, "a factor of seasonality") < 0:
                raise InvalidInput("a factor of seasonality cannot be negative")

    def bound(self, token: Token) -> Growth:
        """Return the same with its mean in base units of `token`. Raises AmountError."""
        mean = token.parse(self.mean)
        if not 0 <= mean < _REVENUE_LIMIT:
            raise AmountError(f"mean must be from 0 to below 2^127 units, not {mean}", value=self.mean)
        return replace(self, mean=mean)

    def __call__(self, rng: Generator, paths: int, periods: int) -> NDArray[Any]:
        """Draw. `mean` must be an int, which `bound` makes it."""
        import numpy as np

        sigma, walk = _rate(self.volatility, "volatility"), _rate(self.shocks, "shocks")
        since = np.arange(periods)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is as good as any: exp makes it 0 again
            level = np.log(float(units(self.mean, "mean"))) + since * np.log1p(_rate(self.growth, "growth"))
            if self.seasonality:
                level = level + np.log(np.resize(np.array(self.seasonality, dtype=float), periods))
        level = level - sigma**2 / 2 - (since + 1) * walk**2 / 2
        drawn = np.zeros((periods, paths))
        if sigma:
            rng.standard_normal(out=drawn)
            drawn *= sigma
        if walk:
            steps = rng.standard_normal((periods, paths))
            steps *= walk
            drawn += _accumulate(np.add, steps)
        drawn += level[:, np.newaxis]
        with np.errstate(over="ignore"):
            np.exp(drawn, out=drawn)
        return _rounded(drawn).T


def _accumulate(add: Any, rows: NDArray[Any]) -> NDArray[Any]:
    """Accumulate `rows` in place, row by row, and return it: NumPy's own goes down the columns, slowly."""
    for before, after in pairwise(rows):
        add(before, after, out=after)
    return rows


def _rounded(drawn: NDArray[Any]) -> NDArray[Any]:
    """Return `drawn` to the nearest unit: int64 where it fits, Python ints otherwise. Overwrites `drawn`."""
    import numpy as np

    np.rint(drawn, out=drawn)
    top = float(drawn.max(initial=0.0))
    if not top < float(_REVENUE_LIMIT):
        raise InvalidInput("revenue of 2^127 units or more was drawn: less volatility, or fewer periods")
    if top < 2.0**62:
        return drawn.astype(np.int64)
    return np.array([int(value) for value in drawn.flat], dtype=object).reshape(drawn.shape)


class Bootstrap:
    """Revenue as it was: periods drawn at random, with replacement, from those of the past.

    past: revenue per period: a sequence (int: base units; str, Decimal: whole tokens), an integer array, or
    a column of a pandas, polars or pyarrow data frame; negative where credit notes prevailed.
    column: its name, when `past` is a data frame.
    block: so many consecutive periods are drawn together, for what depends on its neighbours; the end of
    the past is followed by its beginning.
    """

    def __init__(self, past: object, *, column: str | None = None, block: int = 1) -> None:
        values = past if isinstance(past, (list, tuple)) else _column(past, column)
        if not values:
            raise InvalidInput("there is no past to draw from")
        if isinstance(block, bool) or not isinstance(block, int) or not 1 <= block <= len(values):
            raise InvalidInput(f"block must be from 1 to {len(values)} periods, not {show(block)}")
        self._past = tuple(values)
        self._block = block

    @classmethod
    def monthly(cls, sales: Iterable[Sale], *, block: int = 1) -> Bootstrap:
        """Return what `sales` came to month by month in UTC, credit notes taken off, as a past to draw from.

        From the month of the first to that of the last; a month without sales is 0. Raises InvalidInput for
        none, and for sales in more than one token.
        """
        months: dict[int, int] = {}
        tokens = set()
        for sale in sales:
            when = sale.occurred_at.astimezone(UTC)
            month = when.year * 12 + when.month
            months[month] = months.get(month, 0) + sale.amount
            tokens.add(sale.token)
        if len(tokens) > 1:
            raise InvalidInput(f"these sales are in different tokens: {', '.join(sorted(tokens))}")
        span = range(min(months, default=0), max(months, default=-1) + 1)
        return cls([months.get(month, 0) for month in span], block=block)

    def bound(self, token: Token) -> Bootstrap:
        """Return the same in base units of `token`. Raises AmountError, AmountTypeError."""
        return Bootstrap([token.parse(value) for value in self._past], block=self._block)

    def __call__(self, rng: Generator, paths: int, periods: int) -> NDArray[Any]:
        """Draw. The past must be ints, which `bound` makes it."""
        import numpy as np

        past = as_integers(self._past)
        runs = -(-periods // self._block)
        starts = rng.integers(0, len(past), (runs, 1, paths))
        days = (starts + np.arange(self._block)[:, np.newaxis]) % len(past)
        drawn: NDArray[Any] = past[days.reshape(-1, paths)[:periods]]
        return drawn.T


def _column(past: object, column: str | None) -> list[Any]:
    import numpy as np

    if isinstance(past, np.ndarray):
        if past.ndim != 1 or past.dtype.kind not in "iuO":
            raise AmountTypeError("the past must be one row of integers (base units)", value=past)
        return list(past.tolist())
    try:
        import narwhals.stable.v1 as nw
    except ModuleNotFoundError:
        raise MissingExtra("frames", "narwhals") from None
    try:
        if column is None:
            return list(nw.from_native(past, series_only=True).to_list())  # type: ignore[type-var, call-overload, unused-ignore]
        frame: Any = nw.from_native(past, eager_only=True)  # type: ignore[call-overload, unused-ignore]
    except TypeError:
        raise InvalidInput("the past must be a sequence, an array, or a column of a data frame") from None
    if column not in frame.columns:
        raise InvalidInput(f"there is no column {show(column)}: the columns are {', '.join(frame.columns)}")
    return list(frame[column].to_list())


@dataclass(frozen=True, eq=False)
class Given:
    """Revenue that is known: one path for all, shape (1, periods), or each path's own, (paths, periods)."""

    amounts: NDArray[Any]

    @classmethod
    def of(cls, amounts: object, token: Token) -> Given:
        """Return `amounts` (a sequence, or an array of one or two dimensions) in base units."""
        import numpy as np

        if isinstance(amounts, np.ndarray):
            checked = integers(amounts, "revenue")
            if checked.ndim not in (1, 2) or not checked.size:
                raise InvalidInput(
                    "revenue must be one amount for each period, or a row of them for each path"
                )
            return cls(np.atleast_2d(checked))
        if not isinstance(amounts, Sequence) or not amounts:
            raise InvalidInput("revenue has no periods")
        return cls(np.atleast_2d(as_integers([token.parse(amount) for amount in amounts])))


Model: TypeAlias = "Growth | Bootstrap | Given | Draw"


def as_integers(values: Sequence[SupportsIndex]) -> NDArray[Any]:
    """Return ints as an array: of int64 if each fits, of Python ints otherwise."""
    import numpy as np

    exact = [units(value) for value in values]
    try:
        return np.array(exact, dtype=np.int64)
    except OverflowError:
        return np.array(exact, dtype=object)


def integers(array: object, what: str) -> NDArray[Any]:
    """Return `array` if it is of integers, as int64 or of Python ints. Raises AmountTypeError."""
    import numpy as np

    found = np.asarray(array)
    if found.dtype.kind not in "iuO":
        raise AmountTypeError(
            f"{what} must be integers (base units), not an array of {found.dtype}: round it first",
            value=found.dtype,
        )
    if found.dtype == object:
        return np.array([units(value, what) for value in found.flat], dtype=object).reshape(found.shape)
    if found.dtype == np.uint64 and found.size and int(found.max()) >= _WORD_LIMIT:
        return found.astype(object)
    return found.astype(np.int64, copy=False)


# ------------------------------------------------------------------------------------------ what is asked for


@dataclass(frozen=True, eq=False)
class Channel:
    """Where revenue comes from: its model, and the part of each period's gross that goes back to buyers."""

    name: str
    model: Model
    refund: Fraction | Callable[[Generator, NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the blocks of a simulation share. Can be pickled if its models can."""

    channels: tuple[Channel, ...]
    refund_lag: int
    schedules: tuple[Schedule, ...]
    paths: int
    periods: int
    entropy: int

    @property
    def blocks(self) -> int:
        """Into how many blocks the paths fall."""
        return -(-self.paths // BLOCK)


def channels_of(revenue: object, refunds: object, token: Token) -> tuple[Channel, ...]:
    """Return what `simulate` was given as `revenue` and `refunds`, checked, in base units."""
    models = dict(revenue) if isinstance(revenue, Mapping) else {"revenue": revenue}
    rates = dict(refunds) if isinstance(refunds, Mapping) else dict.fromkeys(models, refunds)
    if not models:
        raise InvalidInput("revenue has no channels")
    for name in rates:
        if name not in models:
            raise InvalidInput(
                f"refunds are for {show(name)}, which is no channel: {', '.join(map(str, models))}"
            )
    return tuple(
        Channel(str(name), _model(model, token), _refund(rates.get(name, 0)))
        for name, model in models.items()
    )


def _model(model: object, token: Token) -> Model:
    import numpy as np

    if isinstance(model, (Growth, Bootstrap)):
        return model.bound(token)
    if isinstance(model, np.ndarray) or (isinstance(model, Sequence) and not isinstance(model, (str, bytes))):
        return Given.of(model, token)
    if callable(model):
        return model
    raise InvalidInput(
        "revenue must be a model, a sequence of amounts, or a callable (rng, paths, periods), "
        f"not {show(model)}"
    )


def _refund(rate: object) -> Fraction | Callable[[Generator, NDArray[Any]], NDArray[Any]]:
    if isinstance(rate, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?%", rate):
        part: object = percent(rate) / 100
    else:
        part = rate
    if isinstance(part, (int, Fraction)) and not isinstance(part, bool) and 0 <= part <= 1:
        return Fraction(part)
    if callable(rate):
        return rate
    raise InvalidInput(
        f'refunds must be a percentage in quotes, such as "4.5%", or a callable, not {show(rate)}'
    )


# ------------------------------------------------------------------------------------------ one block


@dataclass(frozen=True, eq=False)
class Part:
    """What a block of paths comes to.

    received: shape (periods, paths of the block), cumulative. gross, refunded: by channel and period, summed
    over the paths. earned, held: by schedule, period, and payee or tier, likewise.
    """

    number: int
    received: NDArray[Any]
    gross: list[list[int]]
    refunded: list[list[int]]
    earned: list[list[list[int]]]
    held: list[list[list[int]]]


def draw(plan: Plan, number: int) -> Part:
    """Draw block `number` of `plan` and share it out by each of the schedules."""
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(plan.entropy, spawn_key=(number,))))
    first = number * BLOCK
    count = min(BLOCK, plan.paths - first)
    net: NDArray[Any] = np.zeros((plan.periods, count), dtype=np.int64)
    gross_sums, refund_sums = [], []
    for channel in plan.channels:
        gross = _drawn(channel, rng, first, count, plan.periods)
        refunds = _refunds(channel, rng, gross)
        gross_sums.append(_row_sums(gross))
        net = _plus(net, gross)
        if refunds is not None:
            lag = plan.refund_lag
            late: NDArray[Any] = np.zeros_like(refunds)
            late[lag:] = refunds[: len(refunds) - lag] if lag else refunds
            net = _plus(net, -late)
            refunds = late
        refund_sums.append([0] * plan.periods if refunds is None else _row_sums(refunds))
    received = _received(net)
    parts = [[schedule.entitlements_summed(row) for row in received] for schedule in plan.schedules]
    return Part(
        number,
        received,
        gross_sums,
        refund_sums,
        [[earned for earned, _ in rows] for rows in parts],
        [[held for _, held in rows] for rows in parts],
    )


def _drawn(channel: Channel, rng: Generator, first: int, count: int, periods: int) -> NDArray[Any]:
    """Return a channel's gross revenue, shape (periods, count)."""
    import numpy as np

    if isinstance(channel.model, Given):
        known = channel.model.amounts[:, :periods]
        rows = known if len(known) == 1 else known[first : first + count]
        return np.ascontiguousarray(np.broadcast_to(rows, (count, periods)).T)
    found = integers(channel.model(rng, count, periods), f"what the model of {channel.name} returns")
    if found.shape != (count, periods):
        raise InvalidInput(
            f"the model of {channel.name} must return paths × periods, {count} × {periods}, not {found.shape}"
        )
    return np.ascontiguousarray(found.T)


def _refunds(channel: Channel, rng: Generator, gross: NDArray[Any]) -> NDArray[Any] | None:
    """Return what of each period's gross goes back in the end, rounded down to units; None for nothing."""
    import numpy as np

    if isinstance(channel.refund, Fraction):
        if not channel.refund:
            return None
        sold = np.maximum(gross, 0)
        top = int(sold.max(initial=0))
        rate = TierTerms(0, None, (channel.refund.numerator,), channel.refund.denominator)
        if sold.dtype != object and rate.total * max(rate.weights) >= _WORD_LIMIT:
            sold = sold.astype(object)
        return next(shares_of(sold, rate, top))[1]
    what = f"the refunds of {channel.name}"
    found = integers(channel.refund(rng, gross.T), what).T
    if found.shape != gross.shape or bool((found < 0).any()) or bool((found > np.maximum(gross, 0)).any()):
        raise InvalidInput(f"{what} must be of the shape of the gross, and each from 0 to the gross")
    return found


def _plus(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the sum, exactly."""
    if object not in (one.dtype, other.dtype) and _largest(one) + _largest(other) >= _WORD_LIMIT:
        one = one.astype(object)
    total: NDArray[Any] = one + other
    return total


def _largest(array: NDArray[Any]) -> int:
    return max(int(array.max(initial=0)), -int(array.min(initial=0)))


def _row_sums(array: NDArray[Any]) -> list[int]:
    if array.dtype != object and _largest(array) * max(array.shape[1], 1) >= _WORD_LIMIT:
        array = array.astype(object)
    return [int(total) for total in array.sum(axis=1)]


def _received(net: NDArray[Any]) -> NDArray[Any]:
    """Return the revenue received by the end of each period, cumulative, from what each brought.

    A period that brings less than nothing remits nothing; what is missing is taken from the next. So revenue
    received never falls: it is the most that the running total has been.
    """
    import numpy as np

    if net.dtype != object and sum(_largest(row) for row in net) >= _WORD_LIMIT:
        net = net.astype(object)
    fell = bool((net < 0).any())
    total = _accumulate(np.add, net)
    if fell:
        np.maximum(_accumulate(np.maximum, total), 0, out=total)
    if total.dtype == object:
        top = int(total.max(initial=0))
        if top >= _REVENUE_LIMIT:
            raise InvalidInput(f"revenue comes to {top} units, and a split counts below 2^127")
        if top < _WORD_LIMIT:
            total = total.astype(np.int64)
    return total
