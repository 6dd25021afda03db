"""Each rule, with figures that were worked out by hand. Amounts are base units: the token has no decimals."""

from __future__ import annotations

from typing import Any

import pytest

import revshare as rs

from .worlds import agreement, back, sale

# It does nothing, and makes a book of an agreement whose other rules a contract could compute.
BOOK = {"rule": "threshold", "amount": "1"}
ANN = {"shares": {"ann": 1}}
HALVES = {"shares": {"ann": 1, "bob": 1}}


def accounts(*rules: dict[str, Any], tiers: Any = (ANN,), **more: Any) -> rs.Accounts:
    return rs.Accounts(agreement(*rules, BOOK, tiers=tiers, **more))


def of_stage(close: Any, stage: str, account: str) -> list[int]:
    """What each posting of a stage moved to or from an account."""
    return [p.moves[account] for p in close.postings if p.stage == stage and account in p.moves]


# ------------------------------------------------------------------------------------------ deductions


def test_a_commission_is_rounded_once_over_all_sales() -> None:
    close = accounts({"rule": "commission", "to": "cid", "rate": "10%"}).close(
        "2011-03", [sale(n, 15) for n in range(3)]
    )
    # 1.5, 3.0 and 4.5 in all
    assert of_stage(close, "commission", "cid") == [1, 2, 1]
    assert close.earned == {"ann": 41, "cid": 4}


def test_commissions_are_parts_of_all_revenue_and_fees_of_what_they_leave() -> None:
    close = accounts(
        {"rule": "fee", "to": "bob", "amount": "100", "per": "sale"},
        {"rule": "commission", "to": "cid", "rate": "10%"},
        {"rule": "commission", "to": "dan", "rate": "20%"},
    ).close("2011-03", [sale(1, 100)])
    assert close.earned == {"ann": 0, "bob": 70, "cid": 10, "dan": 20}


@pytest.mark.parametrize(("short", "taken"), [("carry", [3, 2, 4, 3]), ("part", [3, 2, 3, 3])])
def test_a_fee_per_sale_takes_what_there_is(short: str, taken: list[int]) -> None:
    fee = {"rule": "fee", "to": "cid", "amount": "3", "per": "sale", "short": short}
    sales = [sale(n, amount) for n, amount in enumerate([10, 2, 10, 0, 10])]
    close = accounts(fee).close("2011-03", sales)
    assert of_stage(close, "fee", "cid") == taken


@pytest.mark.parametrize(("short", "april"), [("carry", 70), ("part", 50)])
def test_a_fee_per_period_takes_what_there_is(short: str, april: int) -> None:
    one = accounts({"rule": "fee", "to": "cid", "amount": "50", "per": "period", "short": short})
    assert one.close("2011-03", [sale(1, 10), sale(2, 20)]).earned == {"ann": 0, "cid": 30}
    assert one.close("2011-04", [sale(3, 100, "2011-04-01")]).earned == {"ann": 100 - april, "cid": april}


def test_a_fee_is_taken_once_and_no_credit_note_gives_it_back() -> None:
    one = accounts({"rule": "fee", "to": "cid", "amount": "50", "per": "once"})
    assert one.close("2011-03", [sale(1, 30), sale(2, 30)]).earned == {"ann": 10, "cid": 50}
    april = one.close("2011-04", [back(2, 30, "2011-04-01"), sale(3, 5, "2011-04-02")])
    assert april.earned == {"ann": -25, "cid": 0}
    assert (april.payable["ann"], april.carried["ann"]) == (0, -25)


# ------------------------------------------------------------------------------------------ waterfall


@pytest.mark.parametrize(("before", "taken"), [(239, 119), (240, 120), (241, 120)])
def test_a_recoup_ends_to_the_unit(before: int, taken: int) -> None:
    """100 × 1.2 at half of what comes in: complete at 240."""
    rule = {"rule": "recoup", "payee": "cid", "amount": "100", "premium": "1.2", "rate": "50%"}
    one = accounts(rule)
    assert one.close("2011-03", [sale(1, before)]).earned["cid"] == taken
    assert one.close("2011-04", [sale(2, 1_000, "2011-04-01")]).earned["cid"] == 120 - taken


def test_recoups_are_served_in_order_and_a_premium_is_rounded_up() -> None:
    first = {"rule": "recoup", "payee": "bob", "amount": "10", "premium": "1.01"}
    second = {"rule": "recoup", "payee": "cid", "amount": "100", "rate": "50%"}
    close = accounts(first, second).close("2011-03", [sale(1, 31)])
    assert close.earned == {"ann": 10, "bob": 11, "cid": 10}


def test_a_recoup_out_of_earnings_takes_from_one_payee_only() -> None:
    rule = {"rule": "recoup", "payee": "cid", "of": "bob", "amount": "30", "rate": "50%"}
    one = accounts(rule, tiers=[HALVES])
    assert one.close("2011-03", [sale(1, 100)]).earned == {"ann": 50, "bob": 25, "cid": 25}
    assert one.close("2011-04", [sale(2, 100, "2011-04-01")]).earned == {"ann": 50, "bob": 45, "cid": 5}


def test_a_guarantor_pays_what_is_missing_when_a_recoup_is_due() -> None:
    rule = {"rule": "recoup", "payee": "cid", "amount": "100", "rate": "10%", "due": "2011-04-30"}
    one = accounts(rule | {"guarantor": "ann"})
    assert one.close("2011-03", [sale(1, 100)]).earned == {"ann": 90, "cid": 10}
    april = one.close("2011-04", [sale(2, 50, "2011-04-01")])
    assert april.earned == {"ann": 45 - 85, "cid": 5 + 85}
    assert (april.payable, april.carried["ann"]) == ({"ann": 0, "cid": 90}, -40)
    assert of_stage(april, "recoup", "cid") == [5, 85]
    may = one.close("2011-05", [sale(3, 100, "2011-05-01")])
    assert (may.earned["cid"], may.payable["ann"]) == (0, 60)
    # it stood in once: what is credited later comes back out of the revenue
    june = one.close("2011-06", [back(1, 100, "2011-06-01"), back(3, 80, "2011-06-01")])
    assert june.earned == {"ann": -172, "cid": -8}
    assert one.close("2011-07", [sale(4, 100, "2011-07-01")]).earned == {"ann": 92, "cid": 8}


def test_a_pool_is_one_target_that_several_agreements_drain() -> None:
    advance = {"rule": "recoup", "payee": "cid", "amount": "100", "pool": "albums"}
    first = agreement(advance | {"rate": "50%"}, tiers=[ANN], name="first album")
    second = agreement(advance, tiers=[ANN], name="second album")
    one = rs.Accounts(first, second)
    sales = [
        sale(1, 60, "2011-03-01", agreement="first album"),
        sale(2, 50, "2011-03-02", agreement="second album"),
        sale(3, 60, "2011-03-03", agreement="first album"),
    ]
    close = one.close("2011-03", sales)
    # 30, then 50, then 20 of 30: the target is met
    assert close.agreements["first album"].earned == {"ann": 70, "cid": 50}
    assert close.agreements["second album"].earned == {"ann": 0, "cid": 50}
    assert one.cumulative == {"ann": 70, "cid": 100}
    april = one.close("2011-04", [sale(4, 10, "2011-04-01", agreement="second album")])
    assert april.earned == {"ann": 10, "cid": 0}


STEPS = [{"until": "100", "rate": "10%"}, {"rate": "20%"}]


@pytest.mark.parametrize(("revenue", "taken"), [(99, 9), (100, 10), (101, 10), (105, 11), (150, 20)])
def test_progressive_rates_hold_for_their_step(revenue: int, taken: int) -> None:
    rule = {"rule": "progressive", "payee": "cid", "steps": STEPS}
    assert accounts(rule).close("2011-03", [sale(1, revenue)]).earned["cid"] == taken


def test_progressive_rates_by_units_share_a_sale_that_goes_over_a_step() -> None:
    """150 units for 300: 200 in the first step, 100 in the second."""
    rule = {"rule": "progressive", "payee": "cid", "metric": "units", "steps": STEPS}
    one = accounts(rule)
    assert one.close("2011-03", [sale(1, 300, quantity=150)]).earned["cid"] == 20 + 20
    # 75 units are given back, and 150 units of money: the last 50 units for 100, and 25 for 50
    assert one.close("2011-04", [back(1, 150, "2011-04-01")]).earned["cid"] == -20 - 5


def test_units_that_are_given_back_and_bought_again_are_where_they_were() -> None:
    rule = {"rule": "progressive", "payee": "cid", "metric": "units", "steps": STEPS}
    one = accounts(rule)
    one.close("2011-03", [sale(1, 300, quantity=150)])
    assert one.close("2011-04", [back(1, 200, "2011-04-01", "r")]).earned["cid"] == -20 - 10
    again = sale("again", 200, "2011-05-01", reverses="r")
    assert one.close("2011-05", [again]).earned["cid"] == 10 + 20


@pytest.mark.parametrize(("per", "april"), [("lifetime", 22), ("period", 1)])
def test_the_rate_reached_may_hold_for_all_so_far(per: str, april: int) -> None:
    rule = {"rule": "progressive", "payee": "cid", "metric": "units", "mode": "whole", "per": per}
    one = accounts(rule | {"steps": STEPS})
    assert one.close("2011-03", [sale(1, 200, quantity=100)]).earned["cid"] == 20
    # 20% of 210 in all; or 10% of 10 in April
    assert one.close("2011-04", [sale(2, 10, "2011-04-01")]).earned["cid"] == april


# ------------------------------------------------------------------------------------------ shares

CHANGED = {"rule": "version", "starts": "2011-04-01", "tiers": [{"shares": {"bob": 1}}]}


def test_a_version_touches_nothing_that_was_sold_before() -> None:
    one = accounts(CHANGED, payees=("ann", "bob"))
    sales = [sale(1, 100, "2011-03-31"), sale(2, 100, "2011-04-01"), back(1, 40, "2011-04-30")]
    assert one.close("2011-03", sales[:1]).earned == {"ann": 100, "bob": 0}
    assert one.close("2011-04", sales[1:]).earned == {"ann": -40, "bob": 100}
    # what March forgot is shared as March was; a credit note without a sale goes by its own day
    late = [sale(3, 10, "2011-03-05"), sale(4, -7, "2011-05-01")]
    assert one.close("2011-05", late).earned == {"ann": 10, "bob": -7}


def test_the_tiers_of_a_version_go_on_at_the_revenue_reached() -> None:
    version = CHANGED | {"tiers": [{"until": "150", "shares": {"ann": 1}}, {"shares": {"bob": 1}}]}
    one = accounts(version, payees=("ann", "bob"))
    one.close("2011-03", [sale(1, 100)])
    assert one.close("2011-04", [sale(2, 80, "2011-04-01")]).earned == {"ann": 50, "bob": 30}


def test_versions_never_give_more_than_comes_in() -> None:
    """At one unit, ann's, the halves of two would make two units of the next one."""
    one = accounts(CHANGED | {"tiers": [HALVES]})
    one.close("2011-03", [sale(1, 1)])
    april = one.close("2011-04", [sale(2, 1, "2011-04-01")])
    assert (april.earned, april.undistributed) == ({"ann": 0, "bob": 0}, 1)
    assert one.close("2011-05", [sale(3, 1, "2011-05-01")]).earned == {"ann": 1, "bob": 1}


def test_the_rule_that_names_most_of_a_sale_shares_it() -> None:
    rules: list[dict[str, Any]] = [
        {"rule": "where", "territory": "AU", "shares": {"bob": 1}},
        {"rule": "where", "territory": ["AU", "NZ"], "channel": "web", "shares": {"cid": 1}},
    ]
    one = accounts(*rules, tiers=[{"until": "20", "shares": {"ann": 1}}, {"shares": {"dan": 1}}])
    sales = [
        sale(1, 10, territory="AU"),
        sale(2, 10, territory="AU", channel="web"),
        sale(3, 10, territory="NZ", channel="web"),
        sale(4, 10, territory="NZ"),
        sale(5, 10, sku="AU"),
        sale(6, 1),  # what the others shared counts for no tier: this is beyond 20 only by itself
    ]
    close = one.close("2011-03", sales)
    assert close.earned == {"ann": 20, "bob": 10, "cid": 20, "dan": 1}
    credit = sale(7, -4, "2011-04-01", reverses="2")  # it says neither territory nor channel
    assert one.close("2011-04", [credit]).earned["cid"] == -4


# ------------------------------------------------------------------------------------------ corrections


def test_a_cap_per_sale_is_given_back_with_the_sale() -> None:
    rule = {"rule": "cap", "payee": "ann", "amount": "10", "per": "sale", "to": "cid"}
    one = accounts(rule, tiers=[HALVES])
    assert one.close("2011-03", [sale(1, 30), sale(2, 18)]).earned == {"ann": 19, "bob": 24, "cid": 5}
    assert one.close("2011-04", [back(1, 10, "2011-04-01", "a")]).earned == {"ann": -4, "bob": -5, "cid": -1}
    assert one.close("2011-05", [back(1, 20, "2011-05-01", "b")]).earned == {"ann": -6, "bob": -10, "cid": -4}


@pytest.mark.parametrize("per", ["sale", "period"])
@pytest.mark.parametrize(("amount", "ann"), [(9, 9), (10, 10), (11, 10)])
def test_a_cap_is_met_to_the_unit_by_each_sale_and_each_period(per: str, amount: int, ann: int) -> None:
    one = accounts({"rule": "cap", "payee": "ann", "amount": "10", "per": per, "to": "cid"})
    for month in (3, 4):
        close = one.close(f"2011-0{month}", [sale(month, amount, f"2011-0{month}-01")])
        assert close.earned == {"ann": ann, "cid": amount - ann}


@pytest.mark.parametrize(("revenue", "repaid"), [(118, 29), (119, 29), (120, 30), (121, 30), (500, 30)])
def test_a_recoup_out_of_earnings_ends_to_the_unit(revenue: int, repaid: int) -> None:
    """Half of what bob earns, which is half of the revenue, until 30 are repaid: complete at 120."""
    one = accounts(
        {"rule": "recoup", "payee": "cid", "of": "bob", "amount": "30", "rate": "50%"}, tiers=[HALVES]
    )
    close = one.close("2011-03", [sale(1, revenue)])
    assert close.earned == {"ann": revenue // 2, "bob": revenue // 2 - repaid, "cid": repaid}


@pytest.mark.parametrize(("revenue", "ann"), [(19, 9), (20, 10), (21, 10), (22, 10)])
def test_a_cap_over_a_lifetime_is_met_to_the_unit(revenue: int, ann: int) -> None:
    rule = {"rule": "cap", "payee": "ann", "amount": "10", "to": "cid"}
    one = accounts(rule, tiers=[HALVES])
    close = one.close("2011-03", [sale(1, revenue)])
    assert close.earned == {"ann": ann, "bob": revenue // 2, "cid": revenue // 2 - ann}


def test_caps_make_a_chain_in_whatever_order_they_stand() -> None:
    rules = [
        {"rule": "cap", "payee": "bob", "amount": "15", "to": "cid"},
        {"rule": "cap", "payee": "ann", "amount": "10", "to": "bob"},
    ]
    for order in (rules, rules[::-1]):
        close = accounts(*order, tiers=[ANN], payees=("ann", "bob", "cid")).close("2011-03", [sale(1, 30)])
        assert close.earned == {"ann": 10, "bob": 15, "cid": 5}


def test_a_cap_per_period_begins_anew() -> None:
    rule = {"rule": "cap", "payee": "ann", "amount": "10", "per": "period", "to": "cid"}
    one = accounts(rule)
    assert one.close("2011-03", [sale(1, 8), sale(2, 8)]).earned == {"ann": 10, "cid": 6}
    assert one.close("2011-04", [sale(3, 8, "2011-04-01")]).earned == {"ann": 8, "cid": 0}


# ------------------------------------------------------------------------------------------ close


def test_weights_come_from_the_table_of_the_close() -> None:
    rule = {"rule": "weights", "payees": ["ann", "bob"], "table": "hours"}
    one = accounts(rule, tiers=[{"shares": {"ann": 1, "cid": 1}}])
    march = one.close("2011-03", [sale(1, 200)], tables={"hours": {"ann": 30, "bob": 70}})
    assert march.earned == {"ann": 30, "bob": 70, "cid": 100}
    # nobody worked: as the tiers say
    nobody = one.close("2011-04", [sale(2, 20, "2011-04-01")], tables={"hours": {"ann": 0}})
    assert nobody.earned == {"ann": 10, "bob": 0, "cid": 10}


def test_weights_of_many_small_periods_lose_nobody_more_than_a_unit() -> None:
    """One unit a month, by thirds: rounding each month by itself would give the first nothing, ever."""
    rule = {"rule": "weights", "payees": ["ann", "bob"], "table": "hours"}
    one = accounts(rule)
    for month in range(1, 13):
        day = f"2011-{month:02}"
        one.close(day, [sale(month, 1, f"{day}-01")], tables={"hours": {"ann": 1, "bob": 2}})
    assert one.cumulative == {"ann": 4, "bob": 8}


def test_a_floor_per_period_is_given_in_proportion() -> None:
    rule = {"rule": "floor", "payee": "cid", "amount": "30"}
    one = accounts(rule, tiers=[{"shares": {"ann": 2, "bob": 1}}], payees=("ann", "bob", "cid"))
    assert one.close("2011-03", [sale(1, 90)]).earned == {"ann": 40, "bob": 20, "cid": 30}
    assert one.close("2011-04", [sale(2, 9, "2011-04-01")]).earned == {"ann": 0, "bob": 0, "cid": 9}


def test_a_floor_over_a_lifetime_is_given_back() -> None:
    rule = {"rule": "floor", "payee": "cid", "amount": "30", "per": "lifetime", "by": ["ann"]}
    one = accounts(rule, tiers=[{"shares": {"ann": 2, "bob": 1, "cid": 1}}])
    assert one.close("2011-03", [sale(1, 40)]).earned == {"ann": 0, "bob": 10, "cid": 30}
    # cid earns 10 more: 10 of the 20 that ann gave come back
    assert one.close("2011-04", [sale(2, 40, "2011-04-01")]).earned == {"ann": 30, "bob": 10, "cid": 0}
    assert one.close("2011-05", [sale(3, 80, "2011-05-01")]).earned == {"ann": 50, "bob": 20, "cid": 10}


def test_a_guarantee_makes_a_debt_of_the_funder_and_is_recouped() -> None:
    rule = {"rule": "guarantee", "payee": "ann", "amount": "50", "funder": "cid", "recoupable": True}
    one = accounts(rule, tiers=[{"shares": {"ann": 9, "cid": 1}}])
    march = one.close("2011-03", [sale(1, 20)])
    assert march.earned == {"ann": 50, "cid": 2 - 32}
    assert (march.payable, march.carried) == ({"ann": 50, "cid": 0}, {"ann": 0, "cid": -30})
    april = one.close("2011-04", [sale(2, 70, "2011-04-01")])
    assert april.earned == {"ann": 63 - 13, "cid": 7 + 13}
    may = one.close("2011-05", [sale(3, 100, "2011-05-01")])
    assert may.earned == {"ann": 90 - 19, "cid": 10 + 19}
    assert may.payable["cid"] == 29 - 30 + 20


def test_a_guarantee_over_a_lifetime_is_settled_once() -> None:
    rule = {"rule": "guarantee", "payee": "ann", "amount": "50", "funder": "cid", "per": "lifetime"}
    one = accounts(rule | {"due": "2011-04-15"}, tiers=[{"shares": {"ann": 9, "cid": 1}}])
    assert one.close("2011-03", [sale(1, 20)]).earned == {"ann": 18, "cid": 2}
    assert one.close("2011-04", [sale(2, 10, "2011-04-01")]).earned == {"ann": 9 + 23, "cid": 1 - 23}
    assert one.close("2011-05", [back(2, 10, "2011-05-01")]).earned == {"ann": -9, "cid": -1}


# ------------------------------------------------------------------------------------------ payable


def test_what_is_withheld_is_paid_to_the_authority_with_its_certificate() -> None:
    rule = {"rule": "withhold", "payee": "ann", "to": "tax", "rate": "21.2%"}
    named = rule | {"authority": "Urssaf", "certificate": "AC-2027-118"}
    close = accounts(named).close("2011-03", [sale(1, 100)])
    assert (close.earned, close.withheld) == ({"ann": 100, "tax": 0}, {"ann": 21, "tax": 0})
    assert close.payable == {"ann": 79, "tax": 21}
    (posting,) = [posting for posting in close.postings if posting.stage == "withhold"]
    assert posting.reason == "21.2% of what ann earns is paid to Urssaf (certificate AC-2027-118)"
    assert (posting.moves, posting.rule, posting.sale) == ({"ann": -21, "tax": 21}, 0, None)


def test_the_gross_base_counts_what_commissions_and_fees_took() -> None:
    """Of 1,000 the platform takes 200 and a fee of 50; ann has two thirds of the rest, and of those 250."""
    rules: list[dict[str, Any]] = [
        {"rule": "commission", "to": "cid", "rate": "20%"},
        {"rule": "fee", "to": "cid", "amount": "50", "per": "sale"},
        {"rule": "withhold", "payee": "ann", "to": "tax", "rate": "10%", "base": "gross"},
    ]
    close = accounts(*rules, tiers=[{"shares": {"ann": 2, "bob": 1}}]).close("2011-03", [sale(1, 1_000)])
    assert close.earned["ann"] == 500
    assert close.withheld["ann"] == (500 + 166) // 10


def test_what_was_lost_in_a_period_is_made_good_before_more_is_withheld() -> None:
    one = accounts({"rule": "withhold", "payee": "ann", "to": "tax", "rate": "10%"})
    assert one.close("2011-03", [sale(1, 100)]).withheld["ann"] == 10
    credit = one.close("2011-04", [back(1, 60, "2011-04-01"), sale(2, -100, "2011-04-02")])
    assert (credit.withheld["ann"], credit.carried) == (-10, {"ann": -150, "tax": -10})
    may = one.close("2011-05", [sale(3, 160, "2011-05-01")])
    assert (may.withheld["ann"], may.payable, may.carried["tax"]) == (10, {"ann": 0, "tax": 0}, 0)


def test_what_is_retained_is_equity_until_it_is_redeemed() -> None:
    one = accounts({"rule": "retain", "rate": "80%", "payees": ["ann"]}, tiers=[HALVES])
    march = one.close("2011-03", [sale(1, 101)])
    assert (march.retained, march.payable) == ({"ann": 40, "bob": 0}, {"ann": 10, "bob": 50})
    assert one.balances()["ann:retained"] == 40
    april = one.close("2011-04", redeem={"ann": 15})
    assert (april.redeemed, april.payable) == ({"ann": 15, "bob": 0}, {"ann": 15, "bob": 0})
    with pytest.raises(rs.InvalidInput, match="ann has 1 units less retained than are to be redeemed"):
        one.close("2011-05", redeem={"ann": 26})
    assert one.balances()["ann:retained"] == 25


def test_a_reserve_is_released_after_its_periods() -> None:
    one = accounts({"rule": "reserve", "rate": "10%", "periods": 2})
    assert one.close("2011-03", [sale(1, 105)]).payable == {"ann": 95}
    april = one.close("2011-04", [sale(2, 105, "2011-04-01")])
    assert (april.reserved, april.released, april.payable) == ({"ann": 11}, {"ann": 0}, {"ann": 94})
    assert one.balances()["ann:reserved"] == 21
    may = one.close("2011-05")
    assert (may.released, may.payable) == ({"ann": 10}, {"ann": 10})
    assert one.close("2011-06").payable == {"ann": 11}


def test_little_is_carried_forward_and_flushed_once_a_year() -> None:
    rule = {"rule": "threshold", "amount": "50", "flush": 6}
    one = rs.Accounts(agreement(rule, tiers=[HALVES]))
    payable = []
    for month, amount in zip(range(3, 8), (60, 38, 2, 4, 6), strict=True):
        close = one.close(f"2011-0{month}", [sale(month, amount, f"2011-0{month}-01")])
        payable.append((close.payable["ann"], close.carried["ann"]))
    assert payable == [(0, 30), (0, 49), (50, 0), (2, 0), (0, 3)]


def test_refunds_may_be_borne_by_one() -> None:
    one = accounts({"rule": "refunds", "by": "bob"}, tiers=[HALVES])
    march = one.close("2011-03", [sale(1, 100), back(1, 30, "2011-03-05")])
    assert march.earned == {"ann": 50, "bob": 20}
    # the revenue of tiers and rules is not lowered: only bob pays
    assert of_stage(march, "refunds", "bob") == [-30]


# ------------------------------------------------------------------------------------------ nested


def test_what_a_nested_agreement_is_paid_is_its_revenue() -> None:
    inner = agreement(BOOK, {"rule": "commission", "to": "cid", "rate": "10%"}, tiers=[ANN], name="band")
    outer = agreement(
        {"rule": "nest", "payee": "the band", "agreement": "band"},
        {"rule": "threshold", "amount": "40"},
        tiers=[{"shares": {"bob": 60, "the band": 40}}],
        name="tour",
    )
    one = rs.Accounts(inner, outer)
    march = one.close("2011-03", [sale(1, 90, agreement="tour"), sale(2, 10, agreement="band")])
    assert march.agreements["tour"].carried == {"bob": 0, "the band": 36}  # below the threshold
    assert march.agreements["band"].earned == {"ann": 9, "cid": 1}
    april = one.close("2011-04", [sale(3, 20, "2011-04-01", agreement="tour")])
    assert april.agreements["tour"].payable == {"bob": 0, "the band": 44}
    assert april.agreements["band"].revenue == 44
    assert april.agreements["band"].earned == {"ann": 40, "cid": 4}
    assert one.cumulative == {"ann": 9 + 40, "cid": 5, "bob": 54}
