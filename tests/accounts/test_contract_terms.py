"""Where a contract can enforce all rules, accounts say what it pays; and the stages say nearly the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

import revshare as rs

from .worlds import NEVER, agreement, agreements, back, sale

KINDS = ("commission", "fee", "recoup", "progressive", "cap", "floor")
ANN = {"shares": {"ann": 1}}
amounts = st.lists(st.lists(st.integers(-300, 2_000), max_size=4), min_size=1, max_size=4)


def for_contracts(agreement: rs.Agreement) -> rs.Agreement:
    """The agreement without its rules that no contract can enforce."""
    found = agreement.model_copy(update={"rules": [rule for rule in agreement.rules if rule.by_contract]})
    assume(found.by_contract)
    try:
        found.schedule()
    except rs.AgreementError:  # somebody never earns
        assume(False)
    return found


@given(agreements(KINDS), amounts)
def test_what_is_earned_is_what_the_contract_pays_to_the_unit(
    agreement: rs.Agreement, given_amounts: list[list[int]]
) -> None:
    agreement = for_contracts(agreement)
    note(agreement.to_toml())
    one, schedule = rs.Accounts(agreement), agreement.schedule()
    total, earned = 0, dict.fromkeys(agreement.payees, 0)
    for month, some in enumerate(given_amounts, start=3):
        day = f"2011-{month:02}"
        sales = [sale(f"{month} {n}", amount, f"{day}-{n + 1:02}") for n, amount in enumerate(some)]
        total += sum(some)
        if total < 0:
            sales.append(sale(f"{month} more", -total, f"{day}-28"))
            total = 0
        close = one.close(day, sales)
        for payee, units in close.earned.items():
            earned[payee] += units
        assert earned == schedule.entitlements(total)
        assert {posting.stage for posting in close.postings} <= {"sale", "contract", "payout"}


@given(agreements(KINDS), st.lists(st.integers(1, 2_000), min_size=1, max_size=5))
def test_stages_and_contract_differ_by_units_at_most(agreement: rs.Agreement, some: list[int]) -> None:
    """The contract is within two units of the exact shares for each of its tiers (docs/rules.md), and the
    stages within one for each rule and tier.
    """
    agreement = for_contracts(agreement)
    assume(not any(rule.rule == "floor" for rule in agreement.rules))  # given back at closes, not at sales
    schedule = agreement.schedule()
    book = rs.Accounts(agreement.model_copy(update={"rules": [*agreement.rules, NEVER]}))
    close = book.close("2011-03", [sale(n, amount) for n, amount in enumerate(some)])
    assert {posting.stage for posting in close.postings} & {"contract"} == set()
    most = 2 * len(schedule.tiers) + len(agreement.tiers) + len(agreement.rules)
    for payee, units in schedule.entitlements(sum(some)).items():
        assert abs(close.earned[payee] - units) <= most


@pytest.mark.parametrize("revenue", [239, 240, 241])
def test_a_recoup_that_the_contract_enforces_ends_to_the_unit(revenue: int) -> None:
    rule = {"rule": "recoup", "payee": "cid", "amount": "100", "premium": "1.2", "rate": "50%"}
    one = rs.Accounts(agreement(rule, tiers=[ANN]))
    close = one.close("2011-03", [sale(1, revenue)])
    assert close.earned["cid"] == {239: 119, 240: 120, 241: 120}[revenue]
    assert close.postings[1].reason == "as the contract shares"


def test_revenue_below_zero_is_borne_as_the_first_tier_says() -> None:
    tiers: list[dict[str, Any]] = [{"until": "10", "shares": {"ann": 1, "bob": 1}}, ANN]
    one = rs.Accounts(agreement(tiers=tiers))
    march = one.close("2011-03", [sale(1, -7)])
    assert (march.earned, march.undistributed) == ({"ann": -4, "bob": -4}, 1)
    assert one.close("2011-04", [sale(2, 7, "2011-04-01")]).carried == {"ann": 0, "bob": 0}
    assert one.close("2011-05", [sale(3, 20, "2011-05-01")]).payable == {"ann": 15, "bob": 5}
    june = one.close("2011-06", [back(3, 20, "2011-06-01")])
    assert june.carried == {"ann": -15, "bob": -5}
