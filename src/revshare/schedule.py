"""The money rule: what each payee has earned of a revenue, in pure integers.

For revenue R, tier t from s_t holding cap_t, and weight w_ti of payee i out of W_t, with
f_t(R) = min(max(R − s_t, 0), cap_t):

    entitlement_i(R) = Σ_t floor( f_t(R) · w_ti / W_t )

The contract computes the very same. What follows from it, and is tested as properties: when and how often
anyone distributes changes nothing (path independence), Σ_i entitlement_i(R) ≤ R (conservation), what is left
over is at most Σ_t (n_t − 1) units for ever (bounded dust), and no entitlement falls while R grows
(monotone).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, Any, SupportsIndex

from ._fields import reads_as_address
from .errors import AmountError, AmountTypeError, InvalidInput, NegativeRevenue, UnknownPayee, Unreachable
from .money import Token, units

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD_LIMIT = 2**63  # an int64 holds less than this
_BLOCK = 1 << 13  # sales taken at a time: so few that the working arrays stay in the processor's cache


@dataclass(frozen=True, slots=True)
class TierTerms:
    """A slice of cumulative revenue and how it is shared.

    start, end: where it begins and ends, in base units; an end of None is unbounded. weights: in the order of
    the schedule's payees. total: their sum.
    """

    start: int
    end: int | None
    weights: tuple[int, ...]
    total: int

    def slice_of(self, revenue: int) -> int:
        """Return f_t(R): how many units of `revenue` fall into this tier."""
        top = revenue if self.end is None else min(revenue, self.end)
        return max(top - self.start, 0)


@dataclass(frozen=True)
class Schedule:
    """An agreement compiled to tiers of integer weights.

    payees: names, in the agreement's order. addresses: of the payees, in the same order. tiers: ascending and
    without gaps from 0, the last unbounded. token: what revenue is counted in.
    """

    payees: tuple[str, ...]
    addresses: tuple[str, ...]
    tiers: tuple[TierTerms, ...]
    token: Token

    def __post_init__(self) -> None:
        if not self.payees or len(set(self.payees)) != len(self.payees):
            raise InvalidInput("a schedule needs payees with different names")
        if len(self.addresses) != len(self.payees):
            raise InvalidInput(f"{len(self.payees)} payees but {len(self.addresses)} addresses")
        for name, address in zip(self.payees, self.addresses, strict=True):
            # Who has no name is called by its address: by its own.
            if reads_as_address(name) and name.lower()[-40:] != address.lower()[-40:]:
                raise InvalidInput(f"the payee of the address {address} is called by another: {name}")
        if not self.tiers or self.tiers[-1].end is not None:
            raise InvalidInput("a schedule needs tiers, of which the last is unbounded")
        start: int | None = 0
        for number, tier in enumerate(self.tiers):
            if start is None or tier.start != start or (tier.end is not None and tier.end <= start):
                raise InvalidInput(
                    f"tiers[{number}] must start where the one before ends, and end after it starts"
                )
            if len(tier.weights) != len(self.payees) or min(tier.weights) < 0:
                raise InvalidInput(f"tiers[{number}] must give each of the payees a weight of at least 0")
            if tier.total != sum(tier.weights) or tier.total < 1:
                raise InvalidInput(f"tiers[{number}].total must be the sum of its weights, and positive")
            start = tier.end

    # ------------------------------------------------------------------------------------------ entitlements

    def entitlements(self, revenue: int) -> dict[str, int]:
        """Return what each payee has earned of `revenue` received so far: cumulative, all in base units."""
        return dict(zip(self.payees, self._entitlements(_revenue(revenue)), strict=True))

    def entitlement(self, payee: str, revenue: int) -> int:
        """Return what `payee` has earned of `revenue` base units received so far. Raises UnknownPayee."""
        i, revenue = self._index(payee), _revenue(revenue)
        return sum(tier.slice_of(revenue) * tier.weights[i] // tier.total for tier in self.tiers)

    def _entitlements(self, revenue: int) -> list[int]:
        earned = [0] * len(self.payees)
        for tier in self.tiers:
            part = tier.slice_of(revenue)
            if part == 0:
                break
            for i, weight in enumerate(tier.weights):
                earned[i] += part * weight // tier.total
        return earned

    def inverse(self, payee: str, amount: int) -> int:
        """Return the smallest revenue at which `payee` has earned at least `amount`, both in base units.

        Raises Unreachable when no revenue is large enough.
        """
        i, amount = self._index(payee), units(amount)
        if amount <= 0:
            return 0
        earned = 0  # in the tiers before
        for tier in self.tiers:
            weight = tier.weights[i]
            if weight:
                # floor(f·w/W) ≥ need  ⇔  f·w ≥ need·W  ⇔  f ≥ need·W/w, rounded up
                part = -(-(amount - earned) * tier.total // weight)
                if tier.end is None or tier.start + part <= tier.end:
                    return tier.start + part
                earned += tier.slice_of(tier.end) * weight // tier.total
        raise Unreachable(payee, amount, earned)

    def dust(self, revenue: int) -> int:
        """Return how many units of `revenue` nobody has earned, as tiers round down: at most dust_bound()."""
        return _revenue(revenue) - sum(self._entitlements(revenue))

    def dust_bound(self) -> int:
        """Return Σ_t (n_t − 1), where n_t payees share in tier t: the dust never exceeds it."""
        return sum(sum(weight > 0 for weight in tier.weights) - 1 for tier in self.tiers)

    def for_other_token(self, token: Token | None = None) -> Schedule:
        """Return the schedule for any token but the settlement token: the last tier alone, from 0.

        token: that other token, if amounts of it are to be read or shown.
        """
        last = self.tiers[-1]
        alone = TierTerms(0, None, last.weights, last.total)
        return Schedule(self.payees, self.addresses, (alone,), token or self.token)

    def _repr_html_(self) -> str:
        from . import _html

        return _html.schedule(self)

    def _index(self, payee: str) -> int:
        try:
            return self.payees.index(payee)
        except ValueError:
            raise UnknownPayee(payee, self.payees) from None

    # ------------------------------------------------------------------------------------------ attribution

    def attribute(self, amounts: Sequence[SupportsIndex] | NDArray[Any], start: int = 0) -> Attribution:
        """Return what each of `amounts` earned each payee: sale k earned E_i(R_k) − E_i(R_{k−1}).

        amounts: base units, one per sale, in order; negative for a credit note; ints, or an array of an
        integer dtype.
        start: revenue received before the first.

        Always exact: on 64-bit words where nothing can overflow, on Python's integers otherwise.
        Raises AmountTypeError for floats, NegativeRevenue where the revenue would fall below 0.
        """
        import numpy as np

        start = _revenue(start, "start")
        sales = _as_array(amounts)
        revenue = _running_total(sales, start)
        below = np.flatnonzero(revenue < 0)
        if below.size:
            raise NegativeRevenue(int(below[0]) - 1, int(revenue[below[0]]))
        if revenue.dtype != object and not self._fits_words(int(revenue.max())):
            revenue = revenue.astype(object)
        earned = self._earned(revenue)
        for array in (sales, earned):
            array.flags.writeable = False
        return Attribution(self, start, int(revenue[-1]), sales, earned)

    # ------------------------------------------------------------------------------------------ many revenues

    def entitlement_array(self, payee: str, revenue: NDArray[Any]) -> NDArray[Any]:
        """Return what `payee` has earned at each of many revenues: an array of the same shape, in base units.

        revenue: base units, at least 0, of an integer dtype or Python ints. The result is of int64 where
        64 bits hold every step, of Python ints (dtype object) otherwise. Raises UnknownPayee, AmountTypeError
        for floats, AmountError below 0.
        """
        (earned,) = self._earned_at((self._index(payee),), self._exact(revenue))
        return earned  # type: ignore[no-any-return]

    def entitlement_arrays(self, revenue: NDArray[Any]) -> NDArray[Any]:
        """Return the same for all payees, in order: an array of shape (payees, *shape of revenue)."""
        return self._earned_at(range(len(self.payees)), self._exact(revenue))

    def _earned_at(self, payees: Sequence[int], revenue: NDArray[Any]) -> NDArray[Any]:
        """Return the entitlements of some payees, given by their places, at each `revenue`."""
        import numpy as np

        flat = revenue.reshape(-1)
        earned = np.empty((len(payees), flat.size), dtype=flat.dtype)
        for first in range(0, flat.size, _BLOCK):
            block, out = flat[first : first + _BLOCK], earned[:, first : first + _BLOCK]
            high = int(block.max())
            if flat.dtype != object and self._by_table(payees, block, high, out):
                continue
            out[:] = 0
            for tier in self.tiers:
                if tier.start < high:
                    top = tier.slice_of(high)
                    part = np.minimum(np.maximum(block, tier.start), tier.start + top) - tier.start
                    chosen = TierTerms(
                        tier.start, tier.end, tuple(tier.weights[i] for i in payees), tier.total
                    )
                    for k, shares in shares_of(part, chosen, top):
                        out[k] += shares
        return earned.reshape(len(payees), *revenue.shape)

    def _by_table(self, payees: Sequence[int], block: NDArray[Any], high: int, out: NDArray[Any]) -> bool:
        """Write the entitlements at `block` to `out` if words hold this; return whether they did.

        A revenue lies inside one tier, and those before it are full. So where the tiers' weights are brought
        to one total, there is one division for each revenue and payee, and the rest is looked up.
        """
        import numpy as np

        low = int(block.min())
        tiers = [tier for tier in self.tiers if tier.start < high and (tier.end is None or low < tier.end)]
        if not tiers:  # all are the same, and just where a tier begins
            tiers = [tier for tier in self.tiers if tier.start == high]
        total = lcm(*(tier.total for tier in tiers))
        scales = [total // tier.total for tier in tiers]
        if total >= _WORD_LIMIT or any(
            tier.slice_of(high) * scale * max(tier.weights) >= _WORD_LIMIT
            for tier, scale in zip(tiers, scales, strict=True)
        ):
            return False
        if len(tiers) == 1:
            part, look = block - tiers[0].start, None
        else:
            look = np.zeros(block.size, dtype=np.intp)
            for tier in tiers[1:]:
                look += block > tier.start
            part = block - np.array([tier.start for tier in tiers], dtype=np.int64).take(look, mode="clip")
        row = np.empty_like(block)
        for k, i in enumerate(payees):
            weights = [tier.weights[i] * scale for tier, scale in zip(tiers, scales, strict=True)]
            already = [self._full(i, tier) for tier in tiers]
            if look is None:
                np.multiply(part, weights[0], out=row)
                row //= total
                np.add(row, already[0], out=out[k])
            else:
                np.array(weights, dtype=np.int64).take(look, mode="clip", out=row)
                row *= part
                row //= total
                np.array(already, dtype=np.int64).take(look, mode="clip", out=out[k])
                out[k] += row
        return True

    def _full(self, payee: int, before: TierTerms) -> int:
        """Return what the payee at a place earns in all the tiers before one, when they are full."""
        return sum(
            (tier.end - tier.start) * tier.weights[payee] // tier.total
            for tier in self.tiers
            if tier.end is not None and tier.end <= before.start
        )

    def entitlements_summed(self, revenue: NDArray[Any]) -> tuple[list[int], list[int]]:
        """Return the sums over many revenues of what each payee has earned, and of what lies in each tier.

        revenue: as for `entitlement_array`, one-dimensional. Both lists are exact: payees and tiers in order.

        A revenue lies inside one tier only; those before it are full, and give every such revenue the same.
        So there is one division for each revenue and payee, however many tiers there are.
        """
        import numpy as np

        revenue = self._exact(revenue)
        earned, held = [0] * len(self.payees), [0] * len(self.tiers)
        if not revenue.size:
            return earned, held
        low, high = int(revenue.min()), int(revenue.max())
        for t, tier in enumerate(self.tiers):
            if tier.start >= high:
                break
            part, above = revenue, 0
            if tier.end is not None and high >= tier.end:
                if low >= tier.end:
                    part, above = revenue[:0], revenue.size
                else:
                    inside = revenue < tier.end
                    above = revenue.size - int(np.count_nonzero(inside))
                    part = revenue[inside & (revenue > tier.start) if low < tier.start else inside]
            elif low < tier.start:
                part = revenue[revenue > tier.start]
            if above:
                cap = tier.slice_of(high)
                held[t] += above * cap
                for i, weight in enumerate(tier.weights):
                    earned[i] += above * (cap * weight // tier.total)
            if part.size:
                part = part - tier.start
                most = tier.slice_of(high)
                held[t] += _exact_sum(part, most)
                for i, shares in shares_of(part, tier, most):
                    earned[i] += _exact_sum(shares, most)
        return earned, held

    def _exact(self, revenue: NDArray[Any]) -> NDArray[Any]:
        """Return `revenue` as int64 where that is exact at every step, as Python ints otherwise."""
        import numpy as np

        if revenue.dtype.kind not in "iuO":
            raise AmountTypeError(
                f"revenue must be integers (base units), not an array of {revenue.dtype}", value=revenue
            )
        if revenue.dtype == object:
            for value in revenue.flat:
                units(value, "revenue")
        if revenue.size and revenue.min() < 0:
            raise AmountError(
                f"revenue is {int(revenue.min())}, and cannot be negative", value=int(revenue.min())
            )
        fits = self._fits_words(int(revenue.max(initial=0)))
        return revenue.astype(np.int64 if fits else object, copy=False)

    def _fits_words(self, top: int) -> bool:
        """Return whether 64-bit words hold every step of `shares_of` for revenue up to `top`."""
        return top < _WORD_LIMIT and all(
            max(tier.weights) * min(tier.slice_of(top), tier.total) < _WORD_LIMIT for tier in self.tiers
        )

    def _earned(self, revenue: NDArray[Any]) -> NDArray[Any]:
        """Return the differences of the entitlements along `revenue` (n + 1 totals) as an array (payees, n).

        A block of sales lies in one tier, seldom in more; tiers it does not touch add the same to every
        entitlement of the block, hence nothing to the differences.
        """
        import numpy as np

        count = len(revenue) - 1
        earned = np.zeros((len(self.payees), count), dtype=revenue.dtype)
        for first in range(0, count, _BLOCK):
            block = revenue[first : first + _BLOCK + 1]
            out = earned[:, first : first + _BLOCK]
            low, high = int(block.min()), int(block.max())
            for tier in self.tiers:
                if tier.start < high and (tier.end is None or low < tier.end):
                    top = high if tier.end is None else min(high, tier.end)
                    part = np.minimum(np.maximum(block, tier.start), top) - tier.start
                    for i, shares in shares_of(part, tier, top - tier.start):
                        out[i] += shares[1:] - shares[:-1]
        return earned


def shares_of(part: NDArray[Any], tier: TierTerms, most: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield each sharing payee's index and floor(part · weight / total), where no `part` exceeds `most`.

    When the product could overflow a word, part = q·W + r gives floor(part·w/W) = q·w + floor(r·w/W), in
    which nothing exceeds part or W·w.
    """
    direct = part.dtype == object or most * max(tier.weights) < _WORD_LIMIT
    if not direct:
        quotient = part // tier.total
        part = part - quotient * tier.total
    for i, weight in enumerate(tier.weights):
        if weight == tier.total:
            yield i, part if direct else quotient * weight + part
        elif weight:
            shares = part * weight // tier.total
            yield i, shares if direct else quotient * weight + shares


def _exact_sum(values: NDArray[Any], most: int) -> int:
    """Return the sum of `values`, of which none is below 0 or exceeds `most`, as a Python int."""
    if values.dtype == object or most * values.size < _WORD_LIMIT:
        return int(values.sum())
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _running_total(sales: NDArray[Any], start: int) -> NDArray[Any]:
    """Return the revenue before the first of `sales` and after each, n + 1 totals: int64 if it is exact."""
    import numpy as np

    if sales.dtype != object:
        # |a| ≤ (|a >> 32| + 1) · 2^32 bounds every partial sum without overflowing itself.
        bound = start + (int(np.abs(sales >> 32).sum()) + len(sales)) * 2**32
        if bound >= _WORD_LIMIT:
            sales = sales.astype(object)
    totals = np.empty(len(sales) + 1, dtype=sales.dtype)
    totals[0] = start
    totals[1:] = sales
    return np.add.accumulate(totals)


def _as_array(amounts: Sequence[SupportsIndex] | NDArray[Any]) -> NDArray[Any]:
    """Return `amounts` as a one-dimensional array of int64 if each fits, of Python ints otherwise. A copy."""
    import numpy as np

    if isinstance(amounts, np.ndarray) and amounts.dtype.kind in "iu":
        if amounts.ndim != 1:
            raise AmountError(f"amounts must have one dimension, not {amounts.ndim}", value=amounts)
        if amounts.dtype == np.uint64 and amounts.size and int(amounts.max()) >= _WORD_LIMIT:
            return amounts.astype(object)
        return amounts.astype(np.int64)
    if isinstance(amounts, np.ndarray) and amounts.dtype.kind != "O":
        raise AmountTypeError(
            f"amounts must be integers (base units), not an array of {amounts.dtype}", value=amounts
        )
    given = list(amounts)
    if not set(map(type, given)) <= {int}:
        given = [units(amount, f"amounts[{k}]") for k, amount in enumerate(given)]
    try:
        return np.array(given, dtype=np.int64)
    except OverflowError:
        return np.array(given, dtype=object)


def _revenue(value: int, what: str = "revenue") -> int:
    value = units(value, what)
    if value < 0:
        raise AmountError(f"{what} is {value}, and cannot be negative", value=value)
    return value


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each sale earned each payee, in base units, exactly.

    ``attribution[k]`` is a dict payee → units for sale k; ``len()`` and iteration go over the sales.

    schedule: by which. start, end: revenue before the first sale and after the last.
    amounts: the sales, shape (sales,).
    earned: shape (payees, sales), rows in the order of ``schedule.payees``.

    Arrays are read-only, of dtype int64, or object (Python ints) where 64 bits might not hold them.
    """

    schedule: Schedule
    start: int
    end: int
    amounts: NDArray[Any]
    earned: NDArray[Any]

    @property
    def payees(self) -> tuple[str, ...]:
        """The names of the payees, in order."""
        return self.schedule.payees

    @property
    def by_sale(self) -> NDArray[Any]:
        """Units earned, shape (sales, payees)."""
        return self.earned.T

    @cached_property
    def by_payee(self) -> dict[str, NDArray[Any]]:
        """Units earned by each payee, each of shape (sales,)."""
        return dict(zip(self.payees, self.earned, strict=True))

    @cached_property
    def totals(self) -> dict[str, int]:
        """Units each payee earned with all these sales: entitlements at `end` less those at `start`."""
        before, after = self.schedule.entitlements(self.start), self.schedule.entitlements(self.end)
        return {payee: after[payee] - before[payee] for payee in self.payees}

    @property
    def dust(self) -> NDArray[Any]:
        """What each sale added to the dust, shape (sales,): negative where it completed a unit."""
        rest: NDArray[Any] = self.amounts - self.earned.sum(axis=0)
        return rest

    def __len__(self) -> int:
        return len(self.amounts)

    def __getitem__(self, sale: int) -> dict[str, int]:
        return {payee: int(amount) for payee, amount in zip(self.payees, self.earned[:, sale], strict=True)}

    def __iter__(self) -> Iterator[dict[str, int]]:
        return (self[sale] for sale in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Attribution({len(self)} sales, {len(self.payees)} payees, revenue {self.start} to {self.end})"
        )
