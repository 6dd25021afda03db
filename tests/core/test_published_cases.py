"""Cases that others have published, worked out by hand here, and what our rules give for them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.strategies import address

import revshare as rs


def agreement(name: str, payees: str, shares: dict[str, Any], *rules: dict[str, Any]) -> rs.Agreement:
    return rs.Agreement.model_validate(
        {
            "name": name,
            "token": {"symbol": "USDC", "decimals": 2},
            "payees": {payee: address(number + 1) for number, payee in enumerate(payees.split())},
            "tiers": [{"shares": shares}],
            "rules": list(rules),
        }
    )


def paid(found: rs.Agreement, revenue: str) -> dict[str, str]:
    """What everybody has of so much revenue, in whole tokens."""
    token, schedule = found.token, found.schedule()
    return {name: token.format(units) for name, units in schedule.entitlements(token.parse(revenue)).items()}


def as_published(found: rs.Agreement, revenue: str, published: dict[str, str]) -> bool:
    """Whether everybody has what is published, but for less than a cent for each tier."""
    token, tiers = found.token, len(found.schedule().tiers)
    shown = paid(found, revenue)
    assert shown.keys() == published.keys()
    return all(
        abs(token.parse(shown[name]) - token.parse(amount)) < tiers for name, amount in published.items()
    )


def test_a_film_of_250000_that_earned_500000() -> None:
    """A film lawyer's "Fate of the Monarchs": https://coconote.app/notes/83dafd19-fe27-4004-a8ac-56996383d2d9

    The distributor keeps 25 % of 500,000, which is 125,000, and 25,000 of marketing: 350,000 reach the
    production. The sales agents take 10 % of that, 35,000, and 10,000 of expenses: 305,000. The investors
    put in 250,000 and get 300,000 back. Of the 5,000 left each of five investors gets 10 %, the production
    company 30 %, three stars and the writer-director 5 % each: 250, as published.
    """
    distribution = agreement(
        "Distribution",
        "distributor production",
        {"production": 1},
        {"rule": "commission", "to": "distributor", "rate": "25%"},
        {"rule": "recoup", "payee": "distributor", "amount": "25000"},
        {"rule": "nest", "payee": "production", "agreement": "Fate of the Monarchs"},
    )
    assert as_published(distribution, "500000", {"distributor": "150000", "production": "350000"})
    talent = ["star1", "star2", "star3", "director"]
    film = agreement(
        "Fate of the Monarchs",
        " ".join(["agents", "investors", "company", *talent]),
        {"investors": "50%", "company": "30%", **dict.fromkeys(talent, "5%")},
        {"rule": "commission", "to": "agents", "rate": "10%"},
        {"rule": "fee", "to": "agents", "amount": "10000", "per": "once"},
        {"rule": "recoup", "payee": "investors", "amount": "250000", "premium": "1.2"},
    )
    published = {"agents": "45000", "investors": "302500", "company": "1500", **dict.fromkeys(talent, "250")}
    assert as_published(film, "350000", published)
    assert [one.spent for one in film.enforcement()] == [None, 1_111_112, 34_444_446]


def test_a_distribution_fee_prints_and_advertising_and_120_percent() -> None:
    """The usual shares of https://docs.cinelaunch.io/film-financing-fundamentals/the-waterfall: 35 % to the
    distributor and back what it advanced for prints and advertising; 120 % to investors; then half and half.

    Of 1,000,000: 350,000 and 100,000; 550,000 left, of which 360,000 are 120 % of 300,000; 190,000 left.
    """
    film = agreement(
        "A film",
        "distributor investors producer",
        {"investors": "50%", "producer": "50%"},
        {"rule": "commission", "to": "distributor", "rate": "35%"},
        {"rule": "recoup", "payee": "distributor", "amount": "100000"},
        {"rule": "recoup", "payee": "investors", "amount": "300000", "premium": "1.2"},
    )
    published = {"distributor": "450000", "investors": "455000", "producer": "95000"}
    assert as_published(film, "1000000", published)
    # 65 % of the revenue reach the recoups: 100,000 at 153,846.16, and 360,000 more 553,846.16 later
    assert [one.spent for one in film.enforcement()] == [None, 15_384_616, 70_769_232]


@pytest.mark.parametrize(
    ("royalties", "label", "artist"),
    [
        ("100000", "80000", "20000"),
        ("30000", "30000", "0"),
        ("80000", "80000", "0"),
        ("80000.01", "80000", "0.01"),
    ],
)
def test_recoupables_of_80000_out_of_an_artists_royalties(royalties: str, label: str, artist: str) -> None:
    """Bart Day, "Recording contracts and recoupables" (Two Louies, April 1999):
    https://siccness.net/xf/threads/recording-contracts-and-%E2%80%9Crecoupables%E2%80%9D.277260

    Of 100,000 in royalties the company reimburses itself 80,000 and pays 20,000; of 30,000 it keeps all, and
    eats the shortfall of 50,000: nobody is asked for it.
    """
    contract = agreement(
        "Royalties",
        "label artist",
        {"artist": 1},
        {"rule": "recoup", "payee": "label", "of": "artist", "amount": "80000"},
    )
    assert paid(contract, royalties) == {"label": label, "artist": artist}
    record = agreement(
        "Record",
        "label artist",
        {"label": "90%", "artist": "10%"},
        {"rule": "recoup", "payee": "label", "of": "artist", "amount": "80000"},
    )
    sales = rs.Token(symbol="USDC", decimals=2).format(10 * record.token.parse(royalties))
    assert paid(record, sales)["artist"] == artist


def test_15000_hardcovers_at_25_dollars() -> None:
    """Ron Kurtus, "Book Royalties": https://school-for-champions.com/writing/book_royalties.htm

    10 % of the cover price for 5,000 copies, 12.5 % for the next 5,000, 15 % beyond. At 25 a copy these are
    steps at 125,000 and 250,000; 15,000 copies give 12,500 + 15,625 + 18,750 = 46,875, as published.
    """
    book = agreement(
        "A book",
        "publisher author",
        {"publisher": 1},
        {
            "rule": "progressive",
            "payee": "author",
            "steps": [
                {"until": "125000", "rate": "10%"},
                {"until": "250000", "rate": "12.5%"},
                {"rate": "15%"},
            ],
        },
    )
    assert paid(book, "375000")["author"] == "46875"
    assert [paid(book, at)["author"] for at in ("125000", "250000")] == ["12500", "28125"]
    assert [(tier.end, tier.weights) for tier in book.schedule().tiers] == [
        (12_500_000, (9, 1)),
        (25_000_000, (7, 1)),
        (None, (17, 3)),
    ]
