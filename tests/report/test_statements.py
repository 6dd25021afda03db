"""Statements add up, to the unit: lines, tiers and totals; and they are what the chain paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import TOKEN, make_schedule, revenues, schedules

import revshare as rs
from revshare.demo import agreement, run
from revshare.demo._sales import Plan, data, months
from revshare.report import PeriodStatement, period_statement
from revshare.report._model import since

MARCH = datetime(2011, 3, 15, 12, tzinfo=UTC)


def sale(number: int, amount: int, token: str = TOKEN.symbol) -> rs.Sale:
    return rs.Sale("shop", f"{number}", MARCH, amount, token, f"line {number}")


def in_leaf_order(amounts: list[int]) -> list[int]:
    return sorted(amounts, key=lambda amount: amount < 0)


def made(schedule: rs.Schedule, amounts: list[int], before: int = 0, base: int = 0) -> PeriodStatement:
    return period_statement(
        schedule,
        [sale(number, amount, schedule.token.symbol) for number, amount in enumerate(amounts)],
        agreement="A song",
        period="2011-03",
        revenue_before=before,
        base=base,
    )


@st.composite
def periods(draw: st.DrawFn) -> tuple[rs.Schedule, int, list[int]]:
    schedule = draw(schedules(max_payees=12))
    before = draw(revenues(schedule, 2**100))
    amounts = draw(st.lists(st.integers(-(2**64), 2**90) | st.integers(-100, 100), max_size=12))
    amounts = in_leaf_order(amounts)
    while sum(amounts) < -before:
        amounts.pop()
    return schedule, before, amounts


@given(periods())
def test_lines_tiers_and_totals_add_up_exactly(period: tuple[rs.Schedule, int, list[int]]) -> None:
    schedule, before, amounts = period
    statement = made(schedule, amounts, before)
    after = before + sum(amounts)
    e_before, e_after = schedule.entitlements(before), schedule.entitlements(after)
    for one in statement:
        assert one.earned == e_after[one.payee] - e_before[one.payee]
        lines = list(one.lines)
        assert sum(line.earned for line in lines) == one.earned
        assert sum(line.earned for line in lines if line.sale.amount > 0) == one.gross
        assert (
            sum(line.earned for line in lines if line.sale.amount < 0) == one.credit_notes <= 0 <= one.gross
        )
        assert sum(tier.earned for tier in one.tiers) == one.earned
        assert sum(tier.revenue for tier in one.tiers) == statement.net
        assert all(type(line.earned) is int for line in lines)
        assert [line.sale.amount for line in lines] == amounts
        assert one.earned_before == e_before[one.payee]
        assert (one.brought_forward, one.withheld, one.paid) == (0, 0, 0)
        assert one.carried_forward == one.earned
    assert statement.gross + statement.credit_notes == statement.net == sum(amounts)
    assert statement.revenue_after == after
    assert statement.net == sum(one.earned for one in statement) + statement.dust


@given(schedules(max_payees=6), st.data())
def test_terms_that_begin_later_round_anew(schedule: rs.Schedule, data: st.DataObject) -> None:
    base = data.draw(revenues(schedule, 2**90))
    more = data.draw(revenues(schedule, 2**90))
    rule = since(schedule, base)
    for place, payee in enumerate(schedule.payees):
        expected = sum(
            (tier.slice_of(base + more) - tier.slice_of(base)) * tier.weights[place] // tier.total
            for tier in schedule.tiers
        )
        assert rule.entitlement(payee, more) == expected
    statement = made(schedule, [more], before=base, base=base)
    assert [one.earned for one in statement] == list(rule.entitlements(more).values())
    assert all(tier.start >= base for one in statement for tier in one.tiers)


def test_what_is_brought_and_carried_forward() -> None:
    schedule = make_schedule((100, (1, 0)), (None, (1, 1)))
    sales = [sale(1, 60), sale(2, -20)]
    statement = period_statement(
        schedule,
        sales,
        agreement="A song",
        period="2011-03",
        revenue_before=80,
        paid={"a": 95, "b": 0},
        credited={"b": 10},
        paid_before={"a": 70},
    )
    a, b = statement["a"], statement[statement["b"].address]
    assert [(tier.number, tier.revenue, tier.earned) for tier in a.tiers] == [(1, 20, 20), (2, 20, 10)]
    assert (a.brought_forward, a.gross, a.credit_notes, a.paid, a.carried_forward) == (10, 40, -10, 95, -55)
    assert (b.brought_forward, b.earned, b.paid, b.credited, b.carried_forward) == (0, 10, 0, 10, 10)
    assert not statement.is_final
    with pytest.raises(rs.UnknownPayee):
        statement["c"]


def test_what_cannot_be_stated_is_refused() -> None:
    schedule = make_schedule((None, (1,)))
    with pytest.raises(rs.NegativeRevenue):
        made(schedule, [-1])
    with pytest.raises(rs.InvalidInput, match="is in ETH, and the agreement's token is GBPT"):
        period_statement(schedule, [sale(1, 1, "ETH")], agreement="A", period="2011")
    with pytest.raises(rs.InvalidInput, match="cannot share what came before"):
        made(schedule, [1], before=5, base=6)


def test_a_year_of_real_sales_is_stated_as_the_chain_paid_it() -> None:
    """Every month of the demonstration: what the contract paid, payee by payee, is what its lines come to."""
    played = run()
    assert played.reconciled
    plan = Plan.of(months(data(), agreement().token))
    schedule = agreement().schedule()
    revenue, paid_before = 0, dict.fromkeys(schedule.payees, 0)
    for batch, period in zip(plan.batches, played.periods, strict=True):
        statement = period_statement(
            schedule,
            sorted(batch.sales, key=lambda one: one.is_credit_note),
            agreement=played.agreement.name,
            period=batch.period,
            revenue_before=revenue,
            paid=period.paid,
            paid_before=paid_before,
        )
        for one in statement:
            assert one.earned == one.paid == period.paid[one.payee]
            assert one.earned == sum(line.earned for line in one.lines)
            assert one.brought_forward == one.carried_forward == 0
            paid_before[one.payee] += one.paid
        revenue = statement.revenue_after
    assert revenue == played.revenue
    assert paid_before == {name: figures.balance for name, figures in played.payees.items()}
    assert len(played.periods) == 12


def test_statements_are_values() -> None:
    statement = made(make_schedule((None, (2, 1))), [10, -1])
    assert replace(statement) == statement
    assert "sales" not in repr(statement)
