"""What is remitted in a month, and what is carried forward when credit notes exceed sales."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from revshare.demo._sales import Plan
from revshare.ledger import Sale
from revshare.merkle import MerkleTree


def sale(number: int, amount: int) -> Sale:
    return Sale("made up", str(number), datetime(2011, 1, 1, tzinfo=UTC), amount, "GBPT")


def by_month(*months: list[int]) -> dict[str, list[Sale]]:
    numbers = iter(range(10**6))
    return {f"2011-{m:02}": [sale(next(numbers), a) for a in amounts] for m, amounts in enumerate(months, 1)}


def ids(sales: tuple[Sale, ...]) -> list[str]:
    return [sale.external_id for sale in sales]


def test_a_negative_month_is_carried_into_the_next() -> None:
    plan = Plan.of(by_month([100], [20, -50], [70, 5]))
    assert [(batch.period, batch.amount) for batch in plan.batches] == [("2011-01", 100), ("2011-03", 45)]
    assert ids(plan.batches[1].sales) == ["1", "2", "3", "4"]
    assert plan.carried == ()


def test_a_month_of_exactly_nothing_is_carried_with_its_lines() -> None:
    plan = Plan.of(by_month([5, -5], [1]))
    assert [(batch.period, batch.amount, len(batch.sales)) for batch in plan.batches] == [("2011-02", 1, 3)]


def test_several_negative_months_wait_until_sales_outgrow_them() -> None:
    plan = Plan.of(by_month([-30], [10], [10], [10], [1]))
    assert [(batch.period, batch.amount) for batch in plan.batches] == [("2011-05", 1)]
    assert len(plan.batches[0].sales) == 5


def test_what_is_never_outgrown_stays_carried() -> None:
    plan = Plan.of(by_month([10], [-3]))
    assert [batch.amount for batch in plan.batches] == [10]
    assert [sale.amount for sale in plan.carried] == [-3]


@given(st.lists(st.lists(st.integers(-100, 100), min_size=1, max_size=4), max_size=12))
def test_no_line_and_no_unit_is_lost(months: list[list[int]]) -> None:
    sold = by_month(*months)
    plan = Plan.of(sold)
    assert list(plan.sales()) == [sale for sales in sold.values() for sale in sales]
    assert all(batch.amount > 0 for batch in plan.batches)
    assert sum(sale.amount for sale in plan.carried) <= 0
    for batch in plan.batches:
        assert batch.root == MerkleTree([sale.leaf() for sale in batch.sales]).root


def test_nothing_sold_is_nothing_remitted() -> None:
    assert Plan.of({}) == Plan((), ())
