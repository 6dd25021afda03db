"""What each sale earned each payee: equal to the oracle, whichever arithmetic is chosen."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import oracle
from tests.strategies import amounts, make_schedule, schedules

import revshare.schedule
from revshare import AmountError, AmountTypeError, Attribution, NegativeRevenue, Schedule


@st.composite
def signed_amounts(draw: st.DrawFn, start: int, largest: int) -> list[int]:
    """Sales and credit notes that never take the revenue below 0."""
    revenue, found = start, []
    for _ in range(draw(st.integers(0, 25))):
        amount = draw(amounts(largest, least=0))
        if draw(st.integers(0, 3)) == 0:
            amount = -min(amount, revenue)
        revenue += amount
        found.append(amount)
    return found


def rows(attribution: Attribution) -> list[list[int]]:
    return [list(sale.values()) for sale in attribution]


@given(schedules(max_payees=30), st.sampled_from([2**20, 2**40, 2**62, 2**66, 2**128 - 1]), st.data())
def test_attribution_is_that_of_the_oracle_and_sums_to_the_payouts(
    schedule: Schedule, largest: int, data: st.DataObject
) -> None:
    start = data.draw(st.one_of(st.just(0), amounts(largest)))
    sales = data.draw(signed_amounts(start, largest))
    found = schedule.attribute(sales, start=start)
    assert rows(found) == oracle.attribution(oracle.tiers_of(schedule), sales, start)

    end = start + sum(sales)
    assert (found.start, found.end) == (start, end)
    before, after = schedule.entitlements(start), schedule.entitlements(end)
    assert found.totals == {payee: after[payee] - before[payee] for payee in schedule.payees}
    for payee, column in found.by_payee.items():
        assert sum(map(int, column)) == found.totals[payee]
    assert sum(map(int, found.dust)) == schedule.dust(end) - schedule.dust(start)


@given(schedules(max_payees=5, max_tiers=4), st.data())
def test_words_and_python_integers_give_the_same(schedule: Schedule, data: st.DataObject) -> None:
    """Many sales, over several blocks, through all tiers and back: the int64 path against the object path."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = data.draw(st.sampled_from([10, 10**6, 10**12, 10**15]))
    sales = rng.integers(-scale, 2 * scale, size=500)
    sales[np.add.accumulate(sales) < 0] = 3 * scale
    sales[0] = 600 * scale
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revshare.schedule, "_BLOCK", 64)
        fast = schedule.attribute(sales)
        patch.setattr(Schedule, "_fits_words", lambda *_: False)
        plain = schedule.attribute(sales)
    assert plain.earned.dtype == object
    assert (fast.earned == plain.earned).all()


@pytest.mark.parametrize(
    "weights", [(1, 2**31 - 1), (0, 2**31), (2**31 - 1, 2**31), (2**32 - 1, 2**32 - 1), (3, 4)]
)
@pytest.mark.parametrize(
    "amount", [2**30, 2**31, 2**33, 2**52, 2**61, 2**62, 2**63 - 2, 2**63 - 1, 2**63, 2**64]
)
def test_where_words_would_overflow_the_result_stays_exact(weights: tuple[int, int], amount: int) -> None:
    schedule = make_schedule((2**29 + 1, (1, 1)), (None, weights))
    for sales in ([amount], [amount - 1, 1], [amount, -amount, amount], [1] * 5 + [amount]):
        assert rows(schedule.attribute(sales)) == oracle.attribution(oracle.tiers_of(schedule), sales)


def test_words_are_used_where_they_can_be() -> None:
    schedule = make_schedule((None, (55, 25, 20)))
    assert schedule.attribute([10**9] * 10).earned.dtype == np.int64
    assert schedule.attribute([2**61]).earned.dtype == np.int64, "the product overflows, the parts do not"
    assert schedule.attribute([2**61] * 10).earned.dtype == object
    assert schedule.attribute([2**70]).earned.dtype == object
    assert schedule.attribute([1], start=2**63 - 1).earned.dtype == object


def test_credit_notes_take_back_what_the_sale_earned() -> None:
    found = make_schedule((100, (0, 1)), (None, (60, 40))).attribute([150, -60, 60])
    assert list(found) == [{"a": 30, "b": 120}, {"a": -30, "b": -30}, {"a": 30, "b": 30}]
    assert found[1] == {"a": -30, "b": -30}
    assert found.totals == {"a": 30, "b": 120}
    assert len(found) == 3
    assert found.by_sale.shape == (3, 2)
    assert repr(found) == "Attribution(3 sales, 2 payees, revenue 0 to 150)"


def test_revenue_below_zero_is_refused_with_the_index() -> None:
    schedule = make_schedule((None, (1, 1)))
    with pytest.raises(NegativeRevenue, match=r"amounts\[2\] takes the revenue down to -5 units") as caught:
        schedule.attribute([5, 5, -15, 100])
    assert (caught.value.index, caught.value.revenue) == (2, -5)
    assert schedule.attribute([5, 5, -15, 100], start=5).end == 100
    with pytest.raises(NegativeRevenue, match=r"amounts\[1\]"):
        schedule.attribute([2**100, -(2**100) - 1])


def test_no_sales_earn_nothing() -> None:
    found = make_schedule((None, (1, 1))).attribute([])
    assert found.totals == {"a": 0, "b": 0}
    assert found.by_sale.shape == (0, 2)
    assert list(found) == []


@pytest.mark.parametrize(
    "sales",
    [
        np.array([1, 2], dtype=np.int32),
        np.array([1, 2], dtype=np.uint8),
        np.array([1, 2], dtype=np.uint64),
        np.array([1, 2], dtype=object),
        [np.int64(1), 2],
        (1, 2),
        range(1, 3),
    ],
)
def test_any_integers_are_taken(sales: Any) -> None:
    assert rows(make_schedule((None, (1, 1))).attribute(sales)) == [[0, 0], [1, 1]]


def test_unsigned_words_too_large_for_signed_ones_stay_exact() -> None:
    sales = np.array([2**64 - 1], dtype=np.uint64)
    assert make_schedule((None, (1, 1))).attribute(sales).totals == {"a": 2**63 - 1, "b": 2**63 - 1}


@pytest.mark.parametrize(
    "sales",
    [
        [1.0],
        [1, 2.5],
        [True],
        [1, False],
        ["1"],
        [None],
        [[1, 2]],
        np.array([1.0]),
        np.array([True]),
        np.array([1, 2.5], dtype=object),
        [2**70, 1.5],
    ],
)
def test_amounts_that_are_no_integers_are_refused(sales: Any) -> None:
    with pytest.raises(AmountTypeError):
        make_schedule((None, (1, 1))).attribute(sales)


def test_an_array_of_two_dimensions_is_refused() -> None:
    with pytest.raises(AmountError, match="one dimension"):
        make_schedule((None, (1, 1))).attribute(np.ones((2, 2), dtype=np.int64))


def test_neither_the_result_nor_what_was_given_changes_the_other() -> None:
    sales = np.array([5, 6])
    found = make_schedule((None, (1, 1))).attribute(sales)
    sales[0] = 99
    assert found.amounts.tolist() == [5, 6]
    for array in (found.earned, found.by_sale, found.amounts, found.by_payee["a"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_half_a_million_sales_are_attributed_at_once() -> None:
    """5 payees, 3 tiers, at 5 million payee-amounts a second and 50 times a plain loop, in one run."""
    schedule = make_schedule(
        (10**9, (0, 0, 0, 0, 1)), (10**12, (55, 25, 12, 5, 3)), (None, (50, 20, 10, 10, 10))
    )
    rng = np.random.default_rng(1)
    sales = rng.integers(10_000, 20_000_000, size=541_909)
    sales[100::50] *= -1

    fast = min(_seconds(lambda: schedule.attribute(sales)) for _ in range(3))
    few = sales[:20_000].tolist()
    loop = _seconds(lambda: _loop(schedule, few)) * len(sales) / len(few)
    assert len(sales) * 5 / fast > 5_000_000
    assert loop / fast > 50


def _seconds(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _loop(schedule: Schedule, sales: list[int]) -> None:
    """What anyone would write first: no fractions, no dictionaries, nothing slow on purpose."""
    tiers = [(tier.start, tier.end or 2**127, tier.weights, tier.total) for tier in schedule.tiers]
    revenue, before = 0, [0] * 5
    for sale in sales:
        revenue += sale
        now = [0] * 5
        for start, end, weights, total in tiers:
            part = min(max(revenue, start), end) - start
            for i in range(5):
                now[i] += part * weights[i] // total
        [new - old for new, old in zip(now, before, strict=True)]
        before = now
