"""Three kinds of collaboration, from their first month on. Figures by hand, in cents."""

from __future__ import annotations

from typing import Any

import revshare as rs

from .worlds import agreement, back, sale


def test_odd_jobs_commission_withholding_and_threshold() -> None:
    """The platform keeps 15 %, the authority gets 21.2 % of what a worker's customers paid, and nobody is
    paid less than 50.00."""
    rules: list[dict[str, Any]] = [
        {"rule": "commission", "to": "platform", "rate": "15%"},
        {
            "rule": "withhold",
            "payee": "worker",
            "to": "authority",
            "rate": "21.2%",
            "base": "gross",
            "authority": "Urssaf",
            "certificate": "2027-118",
        },
        {"rule": "threshold", "amount": "50", "payees": ["worker"], "flush": 12},
    ]
    jobs = rs.Accounts(agreement(*rules, tiers=[{"shares": {"worker": 1}}], decimals=2))
    october = jobs.close("2027-10", [sale("garden", 4_000, "2027-10-04"), sale("shelf", 2_500, "2027-10-20")])
    # of 65.00: 9.75 to the platform, 55.25 earned, 21.2 % of 65.00 withheld, 41.47 too little to be paid
    assert october.earned == {"platform": 975, "worker": 5_525, "authority": 0}
    assert october.withheld["worker"] == 1_378
    assert october.payable == {"platform": 975, "worker": 0, "authority": 1_378}
    assert october.carried["worker"] == 4_147
    november = jobs.close("2027-11", [sale("paint", 2_000, "2027-11-02")])
    assert november.payable == {"platform": 300, "worker": 4_147 + 1_700 - 424, "authority": 424}
    december = jobs.close("2027-12", [sale("snow", 1_000, "2027-12-02"), back("paint", 1_000, "2027-12-03")])
    assert december.payable == {"platform": 0, "worker": 0, "authority": 0}
    assert jobs.cumulative == {"platform": 1_275, "worker": 5_423, "authority": 1_802}


def test_a_cooperative_shop_shares_by_hours_and_retains() -> None:
    """A third is for stock; members share the rest by hours, and get 20 % of it in cash."""
    rules: list[dict[str, Any]] = [
        {"rule": "weights", "payees": ["ann", "bob", "cid"], "table": "hours"},
        {"rule": "retain", "rate": "80%", "payees": ["ann", "bob", "cid"]},
    ]
    shop = rs.Accounts(agreement(*rules, tiers=[{"shares": {"stock": 1, "ann": 2}}]))
    first = shop.close("2011-Q1", [sale(1, 90_000)], tables={"hours": {"ann": 300, "bob": 200, "cid": 100}})
    assert first.earned == {"ann": 30_000, "bob": 20_000, "cid": 10_000, "stock": 30_000}
    assert first.payable == {"ann": 6_000, "bob": 4_000, "cid": 2_000, "stock": 30_000}
    second = shop.close("2011-Q2", [sale(2, 9_000, "2011-04-01")], tables={"hours": {"bob": 7, "cid": 3}})
    assert second.earned == {"ann": 0, "bob": 4_200, "cid": 1_800, "stock": 3_000}
    third = shop.close("2011-Q3", tables={"hours": {}}, redeem={"ann": 24_000})  # ann leaves
    assert third.payable["ann"] == 24_000
    balances = shop.balances()
    assert [balances[f"{member}:retained"] for member in ("ann", "bob", "cid")] == [0, 19_360, 9_440]


def test_crowd_exporting_guarantees_a_minimum_and_recoups_it() -> None:
    """The platform guarantees the designer 500 a month, and takes that back out of better months."""
    rules: list[dict[str, Any]] = [
        {"rule": "commission", "to": "platform", "rate": "10%"},
        {
            "rule": "guarantee",
            "payee": "designer",
            "amount": "500",
            "funder": "platform",
            "recoupable": True,
        },
    ]
    tiers = [{"shares": {"exporter": 60, "designer": 40}}]
    export = rs.Accounts(agreement(*rules, tiers=tiers))
    months = [1_000, 500, 3_000, 2_000]
    earned = []
    for month, amount in enumerate(months, start=3):
        close = export.close(f"2011-0{month}", [sale(month, amount, f"2011-0{month}-10")])
        earned.append(tuple(close.earned[payee] for payee in ("exporter", "designer", "platform")))
    # 360 + 140 · 180 + 320 · 1080 − 460 · 720 − 0: the platform's 460 are back in the third month
    assert earned == [(540, 500, -40), (270, 500, -270), (1_620, 620, 760), (1_080, 720, 200)]
    assert export.cumulative == {"exporter": 3_510, "designer": 2_340, "platform": 450 + 200}
    assert sum(export.cumulative.values()) == sum(months)
