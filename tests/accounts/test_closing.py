"""Closes follow each other: what goes on, what is the same again, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import revshare as rs
from revshare.accounts import State, _check_monotone
from revshare.accounts._book import Book
from revshare.accounts._terms import Terms

from .worlds import FEW, agreement, agreements, back, close_one, months, sale

ANN = {"shares": {"ann": 1}}
TENTH = {"rule": "commission", "to": "cid", "rate": "10%"}
BOOK = {"rule": "threshold", "amount": "1"}


def shop(*rules: dict[str, Any]) -> rs.Agreement:
    return agreement(TENTH, BOOK, *rules, tiers=[ANN])


# ------------------------------------------------------------------------------------------ going on


@FEW
@given(agreements(), months(3))
def test_a_state_goes_through_json_and_goes_on(agreement: rs.Agreement, given_months: list[Any]) -> None:
    """One that is saved and loaded after each close says what one says that never was."""
    steady, saved = rs.Accounts(agreement), rs.Accounts(agreement)
    for month in given_months:
        assert close_one(steady, month) == close_one(saved, month)
        text = saved.state.to_json()
        assert State.from_json(text) == saved.state == steady.state
        assert State.from_json(text).to_json() == text
        assert not numbers(json.loads(text)), "numbers are text, for any reader of JSON"
        saved = rs.Accounts(agreement, state=State.from_json(text))


def numbers(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return [n for value in data.values() for n in numbers(value)]
    if isinstance(data, list):
        return [n for value in data for n in numbers(value)]
    return [data] if isinstance(data, (int, float)) and not isinstance(data, bool) else []


@FEW
@given(agreements(), months(3))
def test_the_order_in_which_sales_are_handed_over_changes_nothing(
    agreement: rs.Agreement, given_months: list[Any]
) -> None:
    one, other = rs.Accounts(agreement), rs.Accounts(agreement)
    for month in given_months:
        close = close_one(one, month)
        random.Random(1).shuffle(month.sales)
        assert close_one(other, month) == close


@FEW
@given(agreements(), months(3))
def test_a_period_closed_once_more_gives_the_same(agreement: rs.Agreement, given_months: list[Any]) -> None:
    one = rs.Accounts(agreement)
    for month in given_months:
        close, state = close_one(one, month), one.state
        one = rs.Accounts(agreement, state=State.from_json(state.to_json()))
        assert close_one(one, month) == close
        assert one.state == state


def test_accounts_are_kept_in_a_file(tmp_path: Path) -> None:
    one = rs.Accounts(shop(), zone="+10:00")
    one.close("2011-03", [sale(1, 100)])
    one.save(tmp_path / "accounts.json")
    loaded = rs.Accounts.load(tmp_path / "accounts.json", shop())
    assert loaded.state == one.state
    assert loaded.cumulative == {"ann": 90, "cid": 10}
    assert repr(loaded) == "Accounts(shop; closed to 2011-03)"
    assert repr(rs.Accounts(shop())) == "Accounts(shop; nothing closed)"
    with pytest.raises(rs.InvalidInput, match=r"in the zone \+10:00, not UTC"):
        rs.Accounts(shop(), zone="UTC", state=one.state)


def test_fractions_of_weights_may_grow_without_end() -> None:
    """Forty years of tables whose sums share no factor."""
    one = rs.Accounts(agreement({"rule": "weights", "payees": ["ann", "bob"], "table": "hours"}, tiers=[ANN]))
    for number in range(480):
        day, after = date(1971 + number // 12, number % 12 + 1, 1), number + 1
        period = f"{day}/{date(1971 + after // 12, after % 12 + 1, 1)}"
        one.close(
            period, [sale(number, 7, f"{day}")], tables={"hours": {"ann": 10**15, "bob": 2 * number + 1}}
        )
    assert State.from_json(one.state.to_json()) == one.state
    assert max(len(part) for part in one.state.to_json().split('"')) > 3_600


def test_days_are_those_of_the_zone() -> None:
    """Noon of 31 March in UTC is 1 April where the accounts are."""
    version = {"rule": "version", "starts": "2011-04-01", "tiers": [{"shares": {"cid": 1}}]}
    one = rs.Accounts(shop(version), zone="+14:00")
    with pytest.raises(rs.InvalidInput, match="sale '1' of 'shop' is after the end of 2011-03"):
        one.close("2011-03", [sale(1, 100, "2011-03-31")])
    assert one.close("2011-04", [sale(1, 100, "2011-03-31")]).earned == {"ann": 0, "cid": 100}


def test_a_sale_at_midnight_is_of_the_next_day() -> None:
    midnight = sale(1, 100)
    object.__setattr__(midnight, "occurred_at", datetime(2011, 4, 1, tzinfo=UTC))
    one = rs.Accounts(shop({"rule": "refunds", "by": "cid", "starts": "2011-04-01"}))
    refused(one, "is after the end of 2011-03", "2011-03", [midnight])
    one.close("2011-03")
    credit = back(1, 10, "2011-04-02")
    assert one.close("2011-04", [midnight, credit]).earned == {"ann": 90, "cid": 0}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"format": "revshare accounts 1"}', '{"format": "revshare accounts 2", "zone": "UTC"}'],
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(rs.InvalidInput, match="state"):
        State.from_json(text)


def test_there_is_no_state_before_the_first_close() -> None:
    with pytest.raises(rs.InvalidInput, match="nothing has been closed yet"):
        State("UTC").earlier()


# ------------------------------------------------------------------------------------------ refused


def refused(one: rs.Accounts, match: str, *args: Any, **more: Any) -> None:
    """It is refused, and nothing has been changed."""
    state = one.state
    before = state.to_json()
    with pytest.raises(rs.InvalidInput, match=match):
        one.close(*args, **more)
    assert one.state is state
    assert state.to_json() == before


def test_periods_come_in_order_and_are_not_closed_otherwise() -> None:
    one = rs.Accounts(shop())
    one.close("2011-03", [sale(1, 100)])
    refused(one, "2011-02 does not come after 2011-03", "2011-02")
    refused(one, "2011-03-15/2011-04-15 does not come after 2011-03", "2011-03-15/2011-04-15")
    refused(one, "2011-03 was closed with other sales", "2011-03", [sale(1, 101)])
    refused(one, "2011-03 was closed with other sales", "2011-03", [sale(1, 100), sale(2, 1)])
    refused(one, "2011-03 was closed with other sales", "2011-03", [sale(1, 100)], redeem={"ann": 0})
    one.close("2011-05")  # April may be left out: its sales would be late
    assert one.close("2011-06", [sale(2, 100, "2011-04-03")]).earned["ann"] == 90


def test_a_sale_counts_once() -> None:
    one = rs.Accounts(shop())
    refused(one, "sale '1' of 'shop' stands twice", "2011-03", [sale(1, 100), sale(1, 100)])
    one.close("2011-03", [sale(1, 100)])
    refused(one, "sale '1' of 'shop' was closed before", "2011-04", [sale(1, 100)])


def test_a_refund_is_subtracted_once() -> None:
    """guillermoscript/lms-front #498 and #511: a refund lowered what was owed twice, once as a refunded sale
    and once as a refund of it. Here a sale is taken back as often as it was made: once.
    """
    teacher = {"rule": "commission", "to": "school", "rate": "20%"}
    one = rs.Accounts(agreement(teacher, BOOK, tiers=[{"shares": {"teacher": 1}}]))
    one.close("2026-01", [sale("course", 10_000, "2026-01-05"), sale("other", 5_000, "2026-01-06")])
    assert one.cumulative == {"school": 3_000, "teacher": 12_000}
    refund = back("course", 10_000, "2026-02-01")
    again = back("course", 10_000, "2026-02-02", "refund of a refunded sale")
    refused(
        one, "of 10000 units of sale 'course' of 'shop', 0 are left to reverse", "2026-02", [refund, again]
    )
    february = one.close("2026-02", [refund])
    assert february.earned == {"school": -2_000, "teacher": -8_000}
    assert february.carried == {"school": -2_000, "teacher": -8_000}
    refused(
        one, "0 are left to reverse, not 10000", "2026-03", [back("course", 10_000, "2026-03-01", "again")]
    )
    # what has been paid out stays paid, and is made good out of what comes
    march = one.close("2026-03", [sale("third", 11_000, "2026-03-01")])
    assert march.payable == {"school": 200, "teacher": 800}
    assert one.cumulative == {"school": 3_200, "teacher": 12_800}


def test_credit_notes_are_of_sales_that_were_closed() -> None:
    one = rs.Accounts(shop())
    refused(
        one, "reverses sale 'x' of 'shop', which was never closed", "2011-03", [back("x", 1, "2011-03-01")]
    )
    one.close("2011-03", [sale(1, 100)])
    refused(one, "100 are left to reverse, not 101", "2011-04", [back(1, 101, "2011-04-01")])
    refused(one, "100 are left to reverse, not -5", "2011-04", [sale(2, 5, "2011-04-01", reverses="1")])
    refused(one, "`reverses` must be an external id", "2011-04", [sale(2, -5, "2011-04-01", reverses=1)])
    circle = [sale("a", -5, "2011-04-01", reverses="b"), sale("b", 5, "2011-04-01", reverses="a")]
    refused(one, "reverses itself", "2011-04", circle)
    # a credit note may itself be taken back
    credit = back(1, 60, "2011-04-01", "credit")
    regret = sale("regret", 60, "2011-04-02", reverses="credit")
    assert one.close("2011-04", [regret, credit]).earned == {"ann": 0, "cid": 0}


def test_a_credit_note_comes_after_its_sale_whatever_its_time() -> None:
    one = rs.Accounts(shop())
    close = one.close("2011-03", [back(1, 40, "2011-03-01"), sale(1, 100, "2011-03-20")])
    assert close.earned == {"ann": 54, "cid": 6}


@pytest.mark.parametrize("amount", [1.5, True, "100"])
def test_amounts_are_whole_units(amount: Any) -> None:
    given_sale = sale(1, 1)
    object.__setattr__(given_sale, "amount", amount)
    refused(rs.Accounts(shop()), "must be an int of base units", "2011-03", [given_sale])


def test_units_of_another_token_are_not_counted() -> None:
    one = rs.Accounts(shop())
    foreign = dataclasses.replace(sale(1, 10**18), token="ETH")
    with pytest.raises(
        rs.InvalidInput, match="sale '1' of 'shop' is in 'ETH', and these accounts are in EURX"
    ):
        one.close("2011-03", [sale(2, 5), foreign])
    assert one.state.closed is None


def test_sales_are_told_apart_by_agreement() -> None:
    one = rs.Accounts(shop())
    refused(
        one, "is of no agreement here: 'shp'; did you mean 'shop'", "2011-03", [sale(1, 1, agreement="shp")]
    )
    two = rs.Accounts(shop(), agreement(BOOK, tiers=[ANN], name="other"))
    refused(two, "is of no agreement here: ''$", "2011-03", [sale(1, 1)])
    with pytest.raises(rs.InvalidInput, match="say of which agreement: shop, other"):
        two.balances()
    with pytest.raises(rs.InvalidInput, match="there is no agreement 'othr' here; did you mean 'other'"):
        two.balances("othr")
    two.close("2011-03", [sale(1, 100, agreement="shop")])
    credit = sale(2, -1, "2011-04-01", reverses="1", agreement="other")
    refused(two, "reverses a sale of another agreement", "2011-04", [credit])
    assert (two.balances("shop")["ann:paid"], two.balances("other")) == (90, {})


def test_a_sale_without_a_time_zone_is_refused() -> None:
    naive = sale(1, 1)
    object.__setattr__(naive, "occurred_at", naive.occurred_at.replace(tzinfo=None))
    refused(rs.Accounts(shop()), "must have a time zone", "2011-03", [naive])


def test_tables_are_those_the_rules_ask_for() -> None:
    one = rs.Accounts(shop({"rule": "weights", "payees": ["ann", "cid"], "table": "hours"}))
    refused(one, "the table 'hours' is needed", "2011-03")
    hours = {"ann": 1}
    refused(
        one, "no rule shares by a table 'hour'; did you", "2011-03", tables={"hours": hours, "hour": hours}
    )
    refused(one, "the table hours has -1 for ann", "2011-03", tables={"hours": {"ann": -1}})
    refused(one, "must be an int", "2011-03", tables={"hours": {"ann": 7.5}})
    with pytest.raises(rs.UnknownPayee, match="anne"):
        one.close("2011-03", tables={"hours": {"anne": 7}})
    refused(one, "the table redeem has -1 for ann", "2011-03", tables={"hours": hours}, redeem={"ann": -1})


# ------------------------------------------------------------------------------------------ terms that go on


def test_what_was_closed_is_never_shared_anew() -> None:
    one = rs.Accounts(shop())
    one.close("2011-03", [sale(1, 100)])
    new = {"rule": "commission", "to": "ann", "rate": "50%", "starts": "2011-04-01"}
    went_on = rs.Accounts(shop(new), state=one.state)
    assert went_on.close("2011-04", [sale(2, 100, "2011-04-01")]).earned == {"ann": 90, "cid": 10}
    # put before the others, it is the same rule, and they go on with what they counted
    first = agreement(new, TENTH | {"ends": "2011-06-01"}, BOOK, tiers=[ANN])
    later = rs.Accounts(first, state=went_on.state)
    assert later.close("2011-06", [sale(3, 99, "2011-06-01")]).earned["cid"] == 0
    for changed, match in (
        (shop(new | {"starts": "2011-03-31"}), "must start on 2011-04-01 or later"),
        (shop({"rule": "refunds", "by": "ann"}), "must start on 2011-04-01 or later"),
        (agreement(TENTH, tiers=[ANN]), "a rule of the state is missing"),
        (agreement(TENTH | {"rate": "11%"}, BOOK, tiers=[ANN]), "a rule of the state is missing"),
        (agreement(TENTH | {"ends": "2011-03-31"}, BOOK, tiers=[ANN]), "cannot end otherwise in what was"),
        (agreement(TENTH, BOOK, tiers=[{"shares": {"cid": 1}}]), "tiers or token are not those"),
        (agreement(TENTH, BOOK, tiers=[ANN], decimals=2), "tiers or token are not those"),
        (agreement(BOOK, tiers=[ANN], name="other"), "the state has an agreement 'shop', which is not given"),
    ):
        with pytest.raises(rs.InvalidInput, match=match):
            rs.Accounts(changed, state=one.state)


def test_payees_keep_their_addresses() -> None:
    one = rs.Accounts(shop())
    one.close("2011-03", [sale(1, 100)])
    data = shop().to_dict()
    data["payees"]["ann"] = f"0x{99:040x}"
    with pytest.raises(rs.InvalidInput, match="a payee of the state is missing, or has another address"):
        rs.Accounts(rs.Agreement.model_validate(data), state=one.state)


def test_an_agreement_that_a_contract_enforced_is_not_made_a_book() -> None:
    one = rs.Accounts(agreement(TENTH, tiers=[ANN]))
    one.close("2011-03", [sale(1, 100)])
    changed = agreement(TENTH, BOOK | {"starts": date(2011, 4, 1)}, tiers=[ANN])
    with pytest.raises(rs.InvalidInput, match="so far all was as the contract shares it"):
        rs.Accounts(changed, state=one.state)


def test_agreements_closed_together_fit_each_other() -> None:
    with pytest.raises(rs.InvalidInput, match="accounts need an agreement"):
        rs.Accounts()
    other = agreement(BOOK, tiers=[ANN], name="other")
    moved = other.to_dict()
    moved["payees"]["ann"] = f"0x{99:040x}"
    pool = {"rule": "recoup", "payee": "cid", "amount": "100", "pool": "albums"}
    for agreements_given, match in (
        (["shop.toml"], "accounts are of agreements, not of 'shop.toml'"),
        ([[other]], "accounts are of agreements, not of a list"),
        ([other, other], "two agreements are called 'other'"),
        ([shop(), agreement(BOOK, tiers=[ANN], name="other", decimals=2)], "its token is not that of shop"),
        ([shop(), rs.Agreement.model_validate(moved)], "ann has another address than in another agreement"),
        (
            [shop(pool), agreement(pool | {"amount": "99"}, tiers=[ANN], name="other")],
            "rules\\[0\\] has another amount than the pool 'albums' in another agreement",
        ),
        (
            [agreement(BOOK, tiers=[{"shares": {"received": 1}}])],
            "a payee cannot be called 'received': an account is",
        ),
        (
            [agreement(BOOK, tiers=[{"shares": {"undistributed": 1}}])],
            "a payee cannot be called 'undistributed': an account is",
        ),
    ):
        with pytest.raises(rs.InvalidInput, match=match):
            rs.Accounts(*agreements_given)


def test_agreements_do_not_pay_each_other_in_a_circle() -> None:
    nested = [
        agreement({"rule": "nest", "payee": "ann", "agreement": other}, tiers=[ANN], name=name)
        for name, other in [("a", "b"), ("b", "c"), ("c", "a")]
    ]
    with pytest.raises(rs.CircularSplits, match="a → b → c → a|b → c → a → b|c → a → b → c"):
        rs.Accounts(*nested)


def test_two_rules_that_fit_a_sale_alike_are_an_error() -> None:
    """The agreement refuses them; should it ever not, no sale is shared by chance."""
    rules = [
        {"rule": "where", "territory": "AU", "shares": {"cid": 1}},
        {"rule": "where", "sku": "S1", "shares": {"ann": 1}},
    ]
    both = {"rule": "where", "territory": "AU", "sku": "S1", "shares": {"ann": 1}}
    good = shop(*rules, both)
    bad = good.model_construct(**dict(good) | {"rules": good.rules[:-1]})
    one = rs.Accounts(bad)
    refused(one, r"rules\[2\] and rules\[3\] fit the sale", "2011-03", [sale(1, 1, sku="S1", territory="AU")])


# ------------------------------------------------------------------------------------------ invariants


def test_a_posting_that_makes_a_unit_is_no_posting() -> None:
    book = Book(Terms(shop(), None, None), None, {}, [])
    with pytest.raises(AssertionError, match="zero-sum"):
        book.post("sale", None, (("ann", 1), ("received", -2)))


def test_what_was_to_be_paid_does_not_fall() -> None:
    paid = [{"shop": {"balances": {"ann": 7, "ann:paid": units}}} for units in (5, 4)]
    _check_monotone(State("UTC", books=paid[0]), paid[0])
    _check_monotone(State("UTC", books=paid[1]), paid[0])
    with pytest.raises(AssertionError, match="monotone: ann:paid of shop falls from 5"):
        _check_monotone(State("UTC", books=paid[0]), paid[1])


def test_accounts_that_hold_other_than_was_received_are_not_closed() -> None:
    one = rs.Accounts(shop())
    one.close("2011-03", [sale(1, 100)])
    text = one.state.to_json().replace('"cid:paid":"10"', '"cid:paid":"11"')
    broken = rs.Accounts(shop(), state=State.from_json(text))
    with pytest.raises(AssertionError, match="conservation"):
        broken.close("2011-04")
