"""Agreements, sales and months for the tests of accounts: by hand, and drawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st

import revshare as rs
from tests.strategies import address

from .plain import Month, last_day

FEW = settings(max_examples=max(1, settings.default.max_examples // 4))  # type: ignore[union-attr]
PAYEES = ("ann", "bob", "cid", "dan", "eve", "tax")
NEVER = {"rule": "commission", "to": "ann", "rate": "1%", "starts": "1999-01-01", "ends": "1999-01-02"}
"""A rule that never was in force, and makes a book of what a contract could enforce."""
EVERYBODY = {"shares": {"ann": 30, "bob": 25, "cid": 20, "dan": 15, "eve": 7, "tax": 3}}


def agreement(
    *rules: dict[str, Any],
    tiers: Iterable[dict[str, Any]] = (EVERYBODY,),
    name: str = "shop",
    payees: Iterable[str] | None = None,
    decimals: int = 0,
) -> rs.Agreement:
    """An agreement in a token that has no decimals unless told: amounts are base units."""
    tiers = list(tiers)
    if payees is None:
        named = {payee for tier in tiers for payee in tier["shares"]}
        for rule in rules:
            for field in ("to", "payee", "of", "by", "funder", "guarantor", "payees", "shares"):
                value = rule.get(field)
                named |= {value} if isinstance(value, str) else set(value or ())
            for tier in rule.get("tiers", ()):
                named |= set(tier["shares"])
        payees = sorted(named)
    known = [*PAYEES, *sorted(set(payees) - set(PAYEES))]
    return rs.Agreement.model_validate(
        {
            "name": name,
            "token": {"symbol": "EURX", "decimals": decimals},
            "payees": {payee: address(known.index(payee) + 1) for payee in known if payee in payees},
            "tiers": tiers,
            "rules": list(rules),
        }
    )


def sale(number: int | str, amount: int, day: str = "2011-03-01", **more: Any) -> rs.Sale:
    """A sale at noon of a day; `quantity` and `reverses` go into its metadata."""
    metadata: dict[str, Any] = {name: more.pop(name) for name in ("quantity", "reverses") if name in more}
    when = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    return rs.Sale("shop", str(number), when, amount, "EURX", metadata=metadata, **more)


def back(of: int | str, amount: int, day: str, number: str = "") -> rs.Sale:
    """A credit note that takes `amount` of a sale back, as the ledger writes it."""
    return sale(number or f"{of}/reversal", -amount, day, reverses=str(of))


# ------------------------------------------------------------------------------------------ drawn

MONTHS = (3, 4, 5, 6)
_amounts = st.one_of(st.integers(1, 30), st.integers(1, 3_000))
_rates = st.sampled_from(["1%", "7%", "10%", "12.5%", "33%", "50%", "66.6%", "100%"])
_low_rates = st.sampled_from(["1%", "7%", "10%", "12.5%"])
_who = st.sampled_from(PAYEES)
_some = st.lists(_who, min_size=2, max_size=4, unique=True)
_days = st.dates(date(2011, 2, 20), date(2011, 7, 5))


@st.composite
def _shares(draw: st.DrawFn) -> dict[str, int]:
    found = draw(st.dictionaries(_who, st.integers(0, 9), min_size=1, max_size=6))
    assume(any(found.values()))
    return found


@st.composite
def _tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    ends = sorted(draw(st.sets(st.integers(1, 4_000), max_size=2)))
    tiers: list[dict[str, Any]] = [{"until": str(end), "shares": draw(_shares())} for end in ends]
    return [*tiers, {"shares": draw(_shares())}]


@st.composite
def _steps(draw: st.DrawFn) -> list[dict[str, str]]:
    ends = sorted(draw(st.sets(st.integers(1, 60), min_size=1, max_size=3)))
    rates = st.sampled_from(["0%", "5%", "10%", "12.5%", "20%", "33%"])
    return [*({"until": str(end), "rate": draw(rates)} for end in ends), {"rate": draw(rates)}]


def _rule(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"rule": st.just(kind), **fields})


def _text(values: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    return values.map(str)


_span = st.sampled_from(["period", "lifetime"])
_several = st.one_of(st.none(), _some)

RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "commission": _rule("commission", to=_who, rate=_low_rates),
    "fee": _rule(
        "fee",
        to=_who,
        amount=_text(_amounts),
        per=st.sampled_from(["sale", "period", "once"]),
        short=st.sampled_from(["carry", "part"]),
    ),
    "recoup": _rule(
        "recoup",
        payee=_who,
        amount=_text(_amounts),
        premium=st.sampled_from(["1", "1.2", "1.333"]),
        rate=_rates,
        of=st.one_of(st.none(), _who),
        due=st.one_of(st.none(), _days),
        guarantor=st.one_of(st.none(), _who),
    ),
    "progressive": _rule(
        "progressive",
        payee=_who,
        metric=st.sampled_from(["revenue", "units"]),
        mode=st.sampled_from(["marginal", "whole"]),
        per=_span,
        steps=_steps(),
    ),
    "version": _rule("version", starts=_days, tiers=_tiers()),
    "where": _rule(
        "where",
        territory=st.sampled_from([None, ["AU"], ["AU", "NZ"]]),
        sku=st.sampled_from([None, ["S1"], ["S2"]]),
        shares=_shares(),
    ),
    "weights": _rule("weights", payees=_some, table=st.just("hours")),
    "cap": _rule(
        "cap",
        payee=_who,
        amount=_text(_amounts),
        per=st.sampled_from(["sale", "period", "lifetime"]),
        to=_who,
    ),
    "floor": _rule("floor", payee=_who, amount=_text(_amounts), per=_span, by=_several),
    "guarantee": _rule(
        "guarantee",
        payee=_who,
        amount=_text(_amounts),
        funder=_who,
        per=st.just("period"),
        recoupable=st.booleans(),
    ),
    "guarantee once": _rule(
        "guarantee",
        payee=_who,
        amount=_text(_amounts),
        funder=_who,
        per=st.just("lifetime"),
        due=_days,
        recoupable=st.booleans(),
    ),
    "withhold": _rule(
        "withhold", payee=_who, to=_who, rate=_low_rates, base=st.sampled_from(["earned", "gross"])
    ),
    "retain": _rule("retain", rate=_low_rates, payees=_several),
    "reserve": _rule("reserve", rate=_low_rates, periods=st.integers(1, 3), payees=_several),
    "threshold": _rule(
        "threshold",
        amount=_text(_amounts),
        payees=_several,
        flush=st.one_of(st.none(), st.integers(3, 7)),
    ),
    "refunds": _rule("refunds", by=_who),
}
"""A strategy for each kind; `guarantee` twice."""


@st.composite
def _dated(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    rule = draw(RULES[kind])
    if kind != "version" and draw(st.integers(0, 3)) == 0:
        starts, ends = sorted([draw(_days), draw(_days)])
        rule |= {"starts": starts} if draw(st.booleans()) else {}
        rule |= {"ends": ends} if draw(st.booleans()) else {}
    return rule


@st.composite
def agreements(draw: st.DrawFn, kinds: Iterable[str] = tuple(RULES), most: int = 6) -> rs.Agreement:
    """Agreements with rules of some kinds, none of which contradict each other."""
    tiers = [*draw(_tiers())]
    tiers[-1] = EVERYBODY
    rules: list[dict[str, Any]] = []
    for kind in draw(st.lists(st.sampled_from(list(kinds)), max_size=most)):
        rule = draw(_dated(kind))
        try:
            agreement(*rules, rule, tiers=tiers, payees=PAYEES)
        except rs.AgreementError:
            continue  # it contradicts another: leave it out
        rules.append(rule)
    return agreement(*rules, tiers=tiers, payees=PAYEES)


@st.composite
def months(draw: st.DrawFn, count: int = 3, largest: int = 400) -> list[Month]:
    """Months of sales and credit notes, with tables: some late, some taken back in parts, some empty."""
    found: list[Month] = []
    sold: list[rs.Sale] = []
    left: dict[str, int] = {}
    number = 0
    for month in MONTHS[:count]:
        sales: list[rs.Sale] = []
        for _ in range(draw(st.integers(0, 6))):
            number += 1
            day = f"2011-{month - draw(st.sampled_from([0, 0, 0, 0, 1])):02}-{draw(st.integers(1, 28)):02}"
            if left and draw(st.integers(0, 3)) == 0:
                target = draw(st.sampled_from(sorted(left)))
                amount = draw(st.one_of(st.just(left[target]), st.integers(1, left[target])))
                left[target] -= amount
                left = {key: rest for key, rest in left.items() if rest}
                sales.append(back(target, amount, f"2011-{month:02}-28", f"r{number:03}"))
                continue
            one = sale(
                f"{number:03}",
                draw(st.one_of(st.integers(0, 9), st.integers(-40, largest))),
                day,
                territory=draw(st.sampled_from(["", "AU", "NZ"])),
                sku=draw(st.sampled_from(["", "S1", "S2"])),
                quantity=draw(st.integers(0, 30)),
            )
            sales.append(one)
            sold.append(one)
            if one.amount > 0:
                left[one.external_id] = one.amount
        table = draw(st.dictionaries(_who, st.integers(0, 5)))
        found.append(Month(last_day(2011, month), sales, {"hours": table}))
    return found


def close_all(accounts: rs.Accounts, given: Iterable[Month]) -> list[Any]:
    """Close months one after the other."""
    return [close_one(accounts, month) for month in given]


def close_one(accounts: rs.Accounts, month: Month) -> Any:
    """Close one month, with the tables that its rules ask for."""
    first = month.last.replace(day=1)
    wanted = {
        rule.table
        for one in accounts.agreements
        for rule in one.rules
        if rule.rule == "weights"
        and (rule.starts is None or rule.starts <= month.last)
        and (rule.ends is None or month.last < rule.ends)
    }
    after = month.last + timedelta(days=1)
    tables = {name: table for name, table in month.tables.items() if name in wanted}
    return accounts.close(f"{first}/{after}", month.sales, tables=tables)
