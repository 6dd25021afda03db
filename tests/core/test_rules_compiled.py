"""Rules compiled to tiers: what they give is what one gets by hand, and targets are met to the unit.

The second implementation is `tests.by_hand`: one unit of revenue after the other, in fractions.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.by_hand import ByHand
from tests.strategies import address, contract_rules, ruled

from revshare import Agreement, AgreementError, NeedsPayoutBook, Schedule
from revshare._enforcement import compiled
from revshare.rules import Version


def agreement(*rules: dict[str, Any], decimals: int = 0, tiers: Any = None, **shares: int) -> Agreement:
    """An agreement whose only tier has these shares, unless `tiers` says otherwise."""
    tiers = tiers or [{"shares": {name: share for name, share in shares.items() if share}}]
    return Agreement.model_validate(
        {
            "name": "x",
            "token": {"symbol": "T", "decimals": decimals},
            "payees": {name: address(number + 1) for number, name in enumerate(shares)},
            "tiers": tiers,
            "rules": list(rules),
        }
    )


def tiers_of(found: Agreement) -> list[tuple[int | None, tuple[int, ...]]]:
    return [(tier.end, tier.weights) for tier in found.schedule().tiers]


def schedule_of(found: Agreement) -> Schedule:
    """The schedule, however many tiers it has and whoever never earns."""
    base = found.base_schedule()
    slices = compiled(base, found.rules).walked.slices
    terms = tuple(part.terms(base.payees) for part in slices)
    return Schedule(base.payees, base.addresses, terms, base.token)


# ------------------------------------------------------------------------------------------ rule by rule


def test_a_commission_is_outermost_and_tiers_count_what_it_leaves() -> None:
    tiers = [{"until": "90", "shares": {"b": 1}}, {"shares": {"b": 1, "c": 1}}]
    found = agreement({"rule": "commission", "to": "a", "rate": "10%"}, tiers=tiers, a=0, b=0, c=0)
    assert tiers_of(found) == [(100, (1, 9, 0)), (None, (2, 9, 9))]
    twice = agreement(
        {"rule": "commission", "to": "a", "rate": "10%"},
        {"rule": "commission", "to": "b", "rate": "15%"},
        a=0,
        b=0,
        c=1,
    )
    assert tiers_of(twice) == [(None, (2, 3, 15))], "parts of all revenue, not of each other"


def test_a_fee_comes_once_out_of_what_commissions_leave() -> None:
    found = agreement(
        {"rule": "fee", "to": "b", "amount": "90", "per": "once"},
        {"rule": "commission", "to": "a", "rate": "10%"},
        a=0,
        b=0,
        c=1,
    )
    assert tiers_of(found) == [(100, (1, 9, 0)), (None, (1, 0, 9))]
    assert found.enforcement()[0].spent == 100


def test_recoups_are_served_in_the_order_of_the_file() -> None:
    one = {"rule": "recoup", "payee": "a", "amount": "60", "rate": "50%"}
    two = {"rule": "recoup", "payee": "b", "amount": "100", "premium": "1.2"}
    # a takes half until 120 came in; b takes all that a leaves, 60 by then, and 60 more
    assert tiers_of(agreement(one, two, a=0, b=0, c=1)) == [
        (120, (1, 1, 0)),
        (180, (0, 1, 0)),
        (None, (0, 0, 1)),
    ]
    assert tiers_of(agreement(two, one, a=0, b=0, c=1)) == [
        (120, (0, 1, 0)),
        (240, (1, 0, 1)),
        (None, (0, 0, 1)),
    ]


def test_what_is_recouped_with_a_premium_is_rounded_up_to_the_unit() -> None:
    found = agreement({"rule": "recoup", "payee": "a", "amount": "10", "premium": "1.01"}, a=0, b=1)
    assert tiers_of(found) == [(11, (1, 0)), (None, (0, 1))]
    exact = agreement({"rule": "recoup", "payee": "a", "amount": "1000", "premium": "1.10"}, a=0, b=1)
    assert tiers_of(exact)[0] == (1100, (1, 0)), "1.10 is no float: 1.1 × 1000 is not 1100.0000000000001"


def test_progressive_rates_hold_for_what_falls_into_their_steps() -> None:
    steps = [{"rate": "10%", "until": "100"}, {"rate": "20%", "until": "200"}, {"rate": "0%"}]
    found = agreement({"rule": "progressive", "payee": "a", "steps": steps}, a=0, b=1)
    assert tiers_of(found) == [(100, (1, 9)), (200, (1, 4)), (None, (0, 1))]
    two = agreement(
        {"rule": "progressive", "payee": "a", "steps": steps},
        {"rule": "progressive", "payee": "b", "steps": [{"rate": "50%", "until": "100"}, {"rate": "10%"}]},
        a=0,
        b=0,
        c=1,
    )
    assert tiers_of(two)[0] == (100, (1, 5, 4)), "each is a rate of the same"


def test_a_cap_passes_on_what_exceeds_it_along_the_chain() -> None:
    a = {"rule": "cap", "payee": "a", "amount": "50", "to": "b"}
    b = {"rule": "cap", "payee": "b", "amount": "100", "to": "c"}
    for rules in ((a, b), (b, a)):
        found = agreement(*rules, a=1, b=1, c=2)
        assert tiers_of(found) == [(200, (1, 1, 2)), (300, (0, 1, 1)), (None, (0, 0, 1))]
        assert found.schedule().entitlements(300) == {"a": 50, "b": 100, "c": 150}


def test_a_debt_is_taken_out_of_what_the_debtor_earns() -> None:
    found = agreement(
        {"rule": "recoup", "payee": "b", "amount": "30", "of": "a", "rate": "50%"}, a=3, b=1, c=1
    )
    assert tiers_of(found) == [(100, (3, 5, 2)), (None, (3, 1, 1))]


def test_a_floor_is_filled_first_and_given_back_in_proportion() -> None:
    floor = {"rule": "floor", "payee": "a", "amount": "100", "per": "lifetime"}
    found = agreement(floor, a=1, b=3, c=1)
    # all of it to a, until 100; by then a earned 20 itself, b gave 60 and c 20. Back comes what a earns: a
    # fifth of the revenue, three quarters of it to b, until a earned its 100 itself, which is at 500.
    assert tiers_of(found) == [(100, (1, 0, 0)), (500, (0, 3, 1)), (None, (1, 3, 1))]
    assert found.schedule().entitlements(500) == {"a": 100, "b": 300, "c": 100}, "as if there were no floor"
    by = agreement({**floor, "by": "b"}, a=1, b=3, c=1)
    assert tiers_of(by) == [(125, (4, 0, 1)), (500, (0, 4, 1)), (None, (1, 3, 1))]
    assert by.schedule().entitlements(500) == {"a": 100, "b": 300, "c": 100}


def test_a_nested_agreement_changes_nothing() -> None:
    plain = agreement(a=2, b=4)
    nested = agreement({"rule": "nest", "payee": "b", "agreement": "the band"}, a=2, b=4)
    assert nested.schedule() == plain.schedule() == plain.base_schedule()
    assert nested.enforcement()[0].by_contract


def test_equal_tiers_become_one() -> None:
    recoup = {"rule": "recoup", "payee": "a", "amount": "100"}
    tiers = [{"until": "50", "shares": {"a": 1}}, {"shares": {"a": 1, "b": 1}}]
    assert tiers_of(agreement(recoup, tiers=tiers, a=0, b=0)) == [(150, (1, 0)), (None, (1, 1))]


def test_a_rule_left_out_changes_nothing() -> None:
    """A rule that never takes anything leaves the schedule as it was."""
    found = agreement({"rule": "cap", "payee": "a", "amount": "1000", "to": "b"}, tiers=[
        {"until": "100", "shares": {"a": 1, "b": 1}}, {"shares": {"b": 1}},
    ], a=0, b=0)  # fmt: skip
    assert found.schedule() == found.base_schedule()
    assert found.enforcement()[0].spent is None


# ------------------------------------------------------------------------------------------ to the unit


@pytest.mark.parametrize("decimals", [0, 2, 6, 18])
@pytest.mark.parametrize("rate", ["7%", "33.3%", "100%"])
def test_targets_are_met_just_at_their_revenue(decimals: int, rate: str) -> None:
    """Just below it a unit is missing, at it none is, and just above nothing more comes of the rule."""
    found = agreement(
        {"rule": "commission", "to": "d", "rate": "2.5%"},
        {"rule": "fee", "to": "e", "amount": "17", "per": "once"},
        {"rule": "recoup", "payee": "a", "amount": "101", "premium": "1.2", "rate": rate},
        {"rule": "cap", "payee": "b", "amount": "77", "to": "c"},
        decimals=decimals, a=0, b=3, c=4, d=0, e=0,
    )  # fmt: skip
    schedule, unit = found.schedule(), 10**decimals
    fee, recoup, cap = (one.spent for one in found.enforcement()[1:])
    targets = [("e", 17 * unit, fee), ("a", -(-101 * unit * 6 // 5), recoup), ("b", 77 * unit, cap)]
    for payee, target, spent in targets:
        assert spent is not None
        assert schedule.inverse(payee, target) == spent
        around = [schedule.entitlement(payee, spent + offset) for offset in (-1, 0, 1, 10**9)]
        assert around == [target - 1, target, target, target]


@given(ruled(largest=40))
def test_compiled_and_by_hand_are_two_units_per_tier_apart_at_most(data: dict[str, Any]) -> None:
    """At every revenue: one unit because each tier is rounded down, one because it ends at a whole unit."""
    found = Agreement.model_validate(data)
    schedule, hand = schedule_of(found), ByHand(data)
    most = 2 * len(schedule.tiers)
    for revenue in range(1, min(schedule.tiers[-1].start + 10, 250)):
        hand.receive()
        for payee, units in schedule.entitlements(revenue).items():
            assert abs(units - hand.earned[payee]) < most, (payee, revenue)
        assert sum(hand.earned.values()) == revenue


@given(ruled(largest=10_000))
def test_a_cap_holds_and_a_floor_is_reached_whatever_else_there_is(data: dict[str, Any]) -> None:
    found = Agreement.model_validate(data)
    schedule = schedule_of(found)
    debts = {name for r in data["rules"] if "of" in r for name in (r["of"], r["payee"])}
    floors = any(rule["rule"] == "floor" for rule in data["rules"])
    walked = compiled(found.base_schedule(), found.rules).walked
    ends = [tier.start for tier in schedule.tiers] + [schedule.tiers[-1].start + 10**6]
    for number, rule in enumerate(data["rules"]):
        spent, amount = walked.spent.get(number), int(rule.get("amount", 0))
        if rule["rule"] == "cap" and not floors and rule["payee"] not in debts:
            at_ends = [schedule.entitlement(rule["payee"], end) for end in ends]
            assert max(at_ends) <= amount
            assert spent is None or schedule.entitlement(rule["payee"], spent) == amount
            assert (spent is None) == (at_ends[-1] < amount)
        if rule["rule"] == "floor" and spent is not None:
            assert schedule.entitlement(rule["payee"], spent) == amount
            assert spent == 0 or schedule.entitlement(rule["payee"], spent - 1) < amount
            assert schedule.entitlement(rule["payee"], ends[-1]) >= amount


@given(ruled(largest=10_000), st.integers(0, 10**7))
def test_the_money_rule_holds_for_rules_too(data: dict[str, Any], revenue: int) -> None:
    schedule = schedule_of(Agreement.model_validate(data))
    now, then = schedule.entitlements(revenue), schedule.entitlements(revenue + 1)
    assert 0 <= schedule.dust(revenue) <= schedule.dust_bound()
    assert all(then[payee] - units in (0, 1) for payee, units in now.items())


@given(st.data())
def test_the_order_in_the_file_does_not_matter_between_kinds(data: st.DataObject) -> None:
    """Rules of one kind are taken in the order of the file; whatever else is moved changes nothing."""
    payees = ["a", "b", "c"]
    rules = data.draw(contract_rules(payees, 2, 10_000))
    shares = {"a": 3, "b": 2, "c": 5}

    def stage(rule: dict[str, Any]) -> tuple[str, bool]:
        return rule["rule"], "of" in rule

    by_kind = sorted(rules, key=stage)
    turned = sorted(rules, key=stage, reverse=True)
    turned = [rule for kind in dict.fromkeys(map(stage, turned)) for rule in rules if stage(rule) == kind]
    schedules = [schedule_of(agreement(*found, decimals=2, **shares)) for found in (rules, by_kind, turned)]
    assert schedules[0] == schedules[1] == schedules[2]


def test_tiers_alone_and_those_of_a_version_can_be_had() -> None:
    tiers = [{"until": "5", "shares": {"b": 3}}, {"shares": {"a": "100%"}}]
    version = {"rule": "version", "starts": "2027-01-01", "tiers": tiers}
    found = agreement(version, a=2, b=1)
    assert [(tier.end, tier.weights) for tier in found.base_schedule().tiers] == [(None, (2, 1))]
    (rule,) = found.rules
    assert isinstance(rule, Version)
    of_version = found.base_schedule(rule.tiers)
    assert [(tier.end, tier.weights) for tier in of_version.tiers] == [(5, (0, 3)), (None, (1, 0))]


# ------------------------------------------------------------------------------------------ refused


def test_rules_a_contract_cannot_enforce_are_named_with_the_reason() -> None:
    found = agreement(
        {"rule": "commission", "to": "a", "rate": "10%"},
        {"rule": "cap", "payee": "b", "amount": "10", "per": "period", "to": "a"},
        {"rule": "recoup", "payee": "a", "amount": "10", "starts": "2027-01-01"},
        a=1,
        b=1,
    )
    with pytest.raises(NeedsPayoutBook) as refused:
        found.schedule()
    assert {problem.where: problem.what.rpartition(": ")[2] for problem in refused.value.problems} == {
        "rules[1]": "the contract does not count periods, only revenue",
        "rules[2]": "the date of a sale is not on the chain",
    }
    assert "(b earns at most 10 per period; the excess goes to a)" in str(refused.value)
    assert all("payout book" in problem.fix for problem in refused.value.problems)
    assert [one.by for one in found.enforcement()] == ["book", "book", "book"]
    assert found.enforcement()[0].why == "the book pays for all, because of rules[1]"
    assert not found.by_contract
    assert found.base_schedule().tiers == agreement(a=1, b=1).schedule().tiers


def test_more_tiers_than_a_contract_takes_need_a_book() -> None:
    steps = [{"rate": f"{n}%", "until": str(n)} for n in range(1, 9)]
    found = agreement({"rule": "progressive", "payee": "a", "steps": [*steps, {"rate": "0%"}]}, a=0, b=1)
    with pytest.raises(
        NeedsPayoutBook, match="become 9 tiers with the agreement's own, and a contract has 8"
    ):
        found.schedule()
    assert [one.by for one in found.enforcement()] == ["book"]
    fits = agreement({"rule": "progressive", "payee": "a", "steps": [*steps[:7], {"rate": "0%"}]}, a=0, b=1)
    assert len(fits.schedule().tiers) == 8


def test_weights_a_contract_cannot_keep_need_a_book() -> None:
    found = agreement({"rule": "commission", "to": "a", "rate": "0.00000001%"}, a=0, b=1, c=1)
    with pytest.raises(
        NeedsPayoutBook, match="a weight of 9999999999, and a contract has less than 4294967296"
    ):
        found.schedule()


def test_more_revenue_than_a_contract_counts_needs_a_book() -> None:
    rule = {"rule": "recoup", "payee": "a", "amount": str(2**126), "premium": "2"}
    with pytest.raises(NeedsPayoutBook, match="more than a contract counts"):
        agreement(rule, a=0, b=1).schedule()
    assert len(agreement({**rule, "premium": "1.9"}, a=0, b=1).schedule().tiers) == 2


def test_who_never_earns_is_told() -> None:
    tiers = [{"until": "10", "shares": {"a": 1}}, {"shares": {"b": 1}}]
    found = agreement({"rule": "cap", "payee": "a", "amount": "50", "to": "c"}, tiers=tiers, a=0, b=0, c=0)
    with pytest.raises(AgreementError, match="payees.c: never earns anything under these rules"):
        found.schedule()


def test_rules_that_are_never_complete_are_hinted_at() -> None:
    tiers = [{"until": "10", "shares": {"a": 1}}, {"shares": {"a": 0, "b": 1}}]
    found = agreement(
        {"rule": "recoup", "payee": "b", "amount": "50", "of": "a", "rate": "50%", "due": "2027-01-31"},
        tiers=tiers, a=0, b=0,
    )  # fmt: skip
    assert found.hints() == (
        "rules[0] is due on 2027-01-31, and nothing follows if it is late: name a guarantor",
        "rules[0] will never be complete, whatever the revenue",
    )


@given(ruled(largest=10_000))
def test_a_schedule_is_what_was_walked_or_is_refused(data: dict[str, Any]) -> None:
    found = Agreement.model_validate(data)
    walked = schedule_of(found)
    idle = {
        payee for i, payee in enumerate(walked.payees) if not any(tier.weights[i] for tier in walked.tiers)
    }
    too_much = len(walked.tiers) > 8 or any(max(tier.weights) >= 2**32 for tier in walked.tiers)
    assert found.by_contract == (not too_much)
    if too_much:
        with pytest.raises(NeedsPayoutBook):
            found.schedule()
    elif idle:
        with pytest.raises(AgreementError) as refused:
            found.schedule()
        assert {problem.where.removeprefix("payees.") for problem in refused.value.problems} == idle
    else:
        assert found.schedule() == (walked if data["rules"] else found.base_schedule())
