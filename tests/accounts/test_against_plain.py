"""What accounts say is what a second, plain implementation says, from the first sale on each time."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, note

import revshare as rs
from revshare.accounts import State

from .plain import Month, plain
from .worlds import FEW, RULES, agreements, close_one, months


def check(agreement: rs.Agreement, given_months: list[Month]) -> None:
    note(agreement.to_toml())
    accounts = rs.Accounts(agreement)
    by_contract = agreement.by_contract
    for number, month in enumerate(given_months, start=1):
        close = close_one(accounts, month)
        if by_contract:  # by the compiled schedule: see test_contract_terms
            continue
        theirs = plain(agreement, given_months[:number])[-1]
        ours = asdict(close.agreements[agreement.name])
        assert {name: ours[name] for name in theirs} == theirs
        assert close.payable == theirs["payable"]
        accounts = rs.Accounts(agreement, state=State.from_json(accounts.state.to_json()))


@given(agreements(), months(3))
def test_all_kinds_together(agreement: rs.Agreement, given_months: list[Month]) -> None:
    check(agreement, given_months)


@pytest.mark.parametrize("kind", RULES)
def test_each_kind_with_a_threshold(kind: str) -> None:
    @FEW
    @given(agreements([kind, kind, kind, "threshold"], most=4), months(4, largest=90))
    def one(agreement: rs.Agreement, given_months: list[Month]) -> None:
        check(agreement, given_months)

    one()
