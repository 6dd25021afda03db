"""What holds for any agreement and any sales: nothing is lost, and order changes nothing it should not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import revshare as rs

from .plain import Month, last_day
from .worlds import EVERYBODY, FEW, NEVER, PAYEES, agreement, agreements, close_one, months, sale

Months = list[Month]


def rebuilt(agreement: rs.Agreement, rules: list[Any]) -> rs.Agreement:
    return agreement.model_copy(update={"rules": rules})


def comes_to(agreement: rs.Agreement, given_months: Months) -> list[Any]:
    one = rs.Accounts(agreement)
    return [close_one(one, month).agreements[agreement.name] for month in given_months]


def dust_bound(agreement: rs.Agreement) -> int:
    """Less than a unit for each payee in each tier, in each rule `where`, and in each rule `weights`."""
    if agreement.by_contract:
        return agreement.schedule().dust_bound()
    tiers = [len(tier.shares) for tier in agreement.tiers]
    for rule in agreement.rules:
        tiers += [len(tier.shares) for tier in getattr(rule, "tiers", ())]
        tiers += [len(getattr(rule, field)) for field in ("shares",) if hasattr(rule, field)]
        tiers += [len(rule.payees)] if rule.rule == "weights" else []
    return sum(count - 1 for count in tiers)


@FEW
@given(agreements(), months(4))
def test_no_unit_is_made_or_lost(agreement: rs.Agreement, given_months: Months) -> None:
    """Balances follow from the postings alone, each sums to zero, and all hold the revenue received."""
    one = rs.Accounts(agreement)
    balances: dict[str, int] = {}
    revenue, before = 0, dict.fromkeys(PAYEES, 0)
    for month in given_months:
        close = close_one(one, month)
        for posting in close.postings:
            assert sum(posting.moves.values()) == 0
            for account, units in posting.moves.items():
                balances[account] = balances.get(account, 0) + units
        assert balances == one.balances()
        revenue += sum(one.amount for one in month.sales)
        part = close.agreements[agreement.name]
        assert balances.get("received", 0) == -revenue
        assert close.undistributed == part.undistributed == balances.get("undistributed", 0)
        assert 0 <= close.undistributed <= dust_bound(agreement)
        for payee in PAYEES:
            balance = balances.get(payee, 0)
            assert part.carried[payee] == balance
            assert one.cumulative[payee] == balances.get(f"{payee}:paid", 0) >= before[payee]
            assert part.payable[payee] == one.cumulative[payee] - before[payee]
            assert balances.get(f"{payee}:reserved", 0) >= 0
        before = one.cumulative


@FEW
@given(agreements(), months(3))
def test_what_was_earned_of_a_sale_is_posted_with_it(agreement: rs.Agreement, given_months: Months) -> None:
    one = rs.Accounts(agreement)
    for month in given_months:
        close = close_one(one, month)
        of_sales = [posting for posting in close.postings if posting.sale is not None]
        assert {p.sale for p in of_sales} == {(s.source, s.external_id) for s in month.sales if s.amount}
        for posting in close.postings:
            if posting.rule is not None:
                assert agreement.rules[posting.rule].rule == posting.stage
                assert posting.reason.startswith(agreement.rules[posting.rule].says())


@FEW
@given(agreements(most=7), months(3), st.data())
def test_the_order_of_kinds_in_the_file_changes_nothing(
    agreement: rs.Agreement, given_months: Months, data: st.DataObject
) -> None:
    kinds = data.draw(st.permutations(sorted({rule.rule for rule in agreement.rules})))
    rules = sorted(agreement.rules, key=lambda rule: kinds.index(rule.rule))
    assert comes_to(rebuilt(agreement, rules), given_months) == comes_to(agreement, given_months)


_OVER = {"ends": "2000-01-01"}
NEUTRAL: list[dict[str, Any]] = [
    {"rule": "commission", "to": "tax", "rate": "50%", **_OVER},
    {"rule": "fee", "to": "tax", "amount": "5", "per": "period", **_OVER},
    {"rule": "recoup", "payee": "tax", "amount": "5", **_OVER},
    {"rule": "progressive", "payee": "tax", "steps": [{"until": "5", "rate": "0%"}, {"rate": "5%"}], **_OVER},
    {"rule": "version", "starts": "2100-01-01", "tiers": [{"shares": {"tax": 1}}]},
    {"rule": "where", "territory": "nowhere", "shares": {"tax": 1}},
    {"rule": "weights", "payees": ["ann", "bob"], "table": "hours", **_OVER},
    {"rule": "cap", "payee": "ann", "amount": "1", "to": "tax", **_OVER},
    {
        "rule": "cap",
        "payee": "ann",
        "amount": "1000000",
        "per": "period",
        "to": "tax",
        "starts": "2001-01-01",
    },
    {"rule": "floor", "payee": "ann", "amount": "100", **_OVER},
    {"rule": "guarantee", "payee": "ann", "amount": "100", "funder": "bob", **_OVER},
    {"rule": "withhold", "payee": "ann", "to": "tax", "rate": "10%", **_OVER},
    {"rule": "retain", "rate": "10%", **_OVER},
    {"rule": "reserve", "rate": "10%", "periods": 1, **_OVER},
    {"rule": "refunds", "by": "ann", **_OVER},
]


@given(agreements(most=4), months(3), st.data())
def test_a_rule_that_is_not_in_force_changes_nothing(
    agreement: rs.Agreement, given_months: Months, data: st.DataObject
) -> None:
    rules = [rule.model_dump(exclude_none=True) for rule in agreement.rules]
    extra = data.draw(st.sampled_from(NEUTRAL))
    place = data.draw(st.integers(0, len(rules)))
    try:
        plain = rebuilt(agreement, [*rules, NEVER])
        more = rebuilt(agreement, [*rules[:place], extra, *rules[place:], NEVER])
    except rs.AgreementError:
        return  # such as a second rule on something there can be one on
    assert comes_to(more, given_months) == comes_to(plain, given_months)


ONLY_CUMULATIVE = ("commission", "recoup", "progressive", "where", "cap", "version", "refunds")


def without_periods(agreement: rs.Agreement) -> rs.Agreement:
    """The rules that count by what came in, not by sales or periods."""
    dropped = ("sale", "period")
    rules = [
        rule
        for rule in agreement.rules
        if getattr(rule, "per", "") not in dropped and getattr(rule, "guarantor", None) is None
    ]
    return rebuilt(agreement, [*rules, NEVER])


@FEW
@given(agreements(ONLY_CUMULATIVE), months(3))
def test_when_periods_are_closed_changes_nothing_of_what_sales_earn(
    agreement: rs.Agreement, given_months: Months
) -> None:
    agreement = without_periods(agreement)
    by_month = comes_to(agreement, given_months)
    # one period for all: late sales come before those of the month in which they were known
    in_time = [s for month in given_months for s in month.sales]
    known = {s: n for n, month in enumerate(given_months) for s in month.sales}
    late = any(s.occurred_at.month < 3 + known[s] for s in in_time)
    whole = comes_to(agreement, [Month(last_day(2011, 5), in_time)])
    if not late:
        for payee in PAYEES:
            assert sum(close.earned[payee] for close in by_month) == whole[0].earned[payee]
        assert by_month[-1].undistributed == whole[0].undistributed


@FEW
@given(agreements(ONLY_CUMULATIVE), st.lists(st.integers(1, 300), min_size=1, max_size=6), st.data())
def test_a_sale_in_parts_earns_what_it_earns_whole(
    agreement: rs.Agreement, amounts: list[int], data: st.DataObject
) -> None:
    agreement = without_periods(agreement)
    whole, parts = [], []
    for number, amount in enumerate(amounts):
        cut = data.draw(st.integers(0, amount))
        day = f"2011-03-{number + 1:02}"
        whole.append(sale(number, amount, day, quantity=0))
        parts += [
            sale(f"{number} a", cut, day, quantity=0),
            sale(f"{number} b", amount - cut, day, quantity=0),
        ]
    one, other = (comes_to(agreement, [Month(last_day(2011, 3), sales)])[0] for sales in (whole, parts))
    assert one == other


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(1, 200))
def test_carrying_forward_loses_no_unit(amounts: list[int], threshold: int) -> None:
    waits = agreement({"rule": "threshold", "amount": str(threshold), "flush": 12}, tiers=[EVERYBODY])
    at_once = agreement({"rule": "threshold", "amount": "1"}, tiers=[EVERYBODY])
    one, other = rs.Accounts(waits), rs.Accounts(at_once)
    for month, amount in enumerate(amounts, start=13 - len(amounts)):
        sales = [sale(month, amount, f"2011-{month:02}-01")]
        close = one.close(f"2011-{month:02}", sales)
        other.close(f"2011-{month:02}", sales)
        assert all(paid == 0 or paid >= threshold or month == 12 for paid in close.payable.values())
    assert one.cumulative == other.cumulative
