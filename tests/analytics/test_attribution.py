"""What a sale earned a payee, by an engine, is what the schedule says, to the unit; or it is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

import revshare as rs
from revshare import _earned
from revshare.analytics import Attributed, SalesTable
from revshare.schedule import TierTerms
from tests.analytics.engines import JANUARY, DuckEngine, Engine, Line

pytestmark = pytest.mark.xdist_group("analytics")

GBPT = rs.Token(symbol="GBPT", decimals=6)
MOST = 10**37


def schedule(*tiers: tuple[int | None, Sequence[int]], token: rs.Token = GBPT) -> rs.Schedule:
    """A schedule of tiers, each its end and its weights."""
    terms, start = [], 0
    for end, weights in tiers:
        terms.append(TierTerms(start, end, tuple(weights), sum(weights)))
        start = end or 0
    payees = tuple(f"payee {i}" for i in range(len(tiers[0][1])))
    return rs.Schedule(payees, tuple(f"0x{i:040x}" for i in range(len(payees))), tuple(terms), token)


def random_schedule(rng: random.Random, top: int, token: rs.Token) -> rs.Schedule:
    """One of up to four tiers; some of their weights are as large as a contract takes."""
    count = rng.randrange(1, 6)
    ends = sorted({rng.randrange(1, top) for _ in range(rng.randrange(4))})
    tiers: list[tuple[int | None, list[int]]] = []
    for end in (*ends, None):
        weights = [rng.choice((0, 1, rng.randrange(100), rng.randrange(2**32))) for _ in range(count)]
        tiers.append((end, weights if any(weights) else [1] * count))
    return schedule(*tiers, token=token)


def random_amounts(rng: random.Random, largest: int, count: int) -> list[int]:
    """Amounts of which a third are credit notes, as far as there is revenue."""
    amounts: list[int] = []
    revenue = 0
    for _ in range(count):
        amount = rng.choice((1, rng.randrange(largest), rng.randrange(largest), -rng.randrange(largest)))
        amounts.append(max(amount, -revenue))
        revenue += amounts[-1]
    return amounts


def by_schedule(schedule: rs.Schedule, amounts: Sequence[int]) -> list[dict[str, int]]:
    return list(schedule.attribute(amounts))


def per_sale(found: Attributed, agreement: str, token: str = "GBPT") -> list[dict[str, int]]:
    """The amounts of an agreement's sales, in their order."""
    sales: dict[int, dict[str, int]] = {}
    for row in found.rows():
        if (row.agreement, row.token) == (agreement, token):
            sales.setdefault(row.seq, {})[row.payee] = row.amount
    return list(sales.values())


@pytest.mark.parametrize("digits", [4, 12, 18, 26])
def test_each_sale_earns_what_the_schedule_says(engine: Engine, digits: int) -> None:
    rng = random.Random(digits)
    given: dict[str, tuple[rs.Schedule, list[int]]] = {}
    for name in ("Tea", "Cosmetics to Australia", "Songs"):
        amounts = random_amounts(rng, 10**digits, 60)
        given[name] = random_schedule(rng, 20 * 10**digits, GBPT), amounts
    lines: list[Line] = [(name, "GBPT", JANUARY, a) for name, (_, amounts) in given.items() for a in amounts]
    # Sales of one agreement come between those of another, and keep their own order.
    order = [name for name, (_, amounts) in given.items() for _ in amounts]
    rng.shuffle(order)
    queues = {name: iter([line for line in lines if line[0] == name]) for name in given}
    table = engine.of([next(queues[name]) for name in order])
    found = table.attribute({name: terms for name, (terms, _) in given.items()})
    totals = found.totals()
    for name, (terms, amounts) in given.items():
        assert per_sale(found, name) == by_schedule(terms, amounts)
        assert totals[name, "GBPT"] == terms.attribute(amounts).totals
        assert list(totals[name, "GBPT"]) == list(terms.payees)


def test_a_ledger_is_attributed_in_the_order_it_was_recorded_in(engine: Engine) -> None:
    rng = random.Random(7)
    agreement = rs.Agreement.model_validate(
        {
            "name": "Tea",
            "token": {"symbol": "GBPT", "decimals": 6},
            "payees": {"grower": "0x" + "11" * 20, "shop": "0x" + "22" * 20, "agent": "0x" + "33" * 20},
            "tiers": [
                {"until": "2", "shares": {"shop": 1}},
                {"until": "7", "shares": {"grower": "60%", "shop": "30%", "agent": "10%"}},
                {"shares": {"grower": 3, "shop": 7, "agent": 1}},
            ],
        }
    )
    amounts = random_amounts(rng, 10**6, 40)
    days = [rng.randrange(100) for _ in amounts]  # which is not the order they happened in
    table, ledger = engine.of_sales(
        [
            rs.Sale("shop", str(k), JANUARY.replace(day=1 + day % 28), amount, "GBPT", agreement="Tea")
            for k, (amount, day) in enumerate(zip(amounts, days, strict=True))
        ]
    )
    with ledger:
        found = table.attribute({"Tea": agreement})
        recorded = [entry.sale.amount for entry in ledger.sales("Tea")]
        assert per_sale(found, "Tea") == by_schedule(agreement.schedule(), recorded)
        net = ledger.totals("Tea")["GBPT"].net
        assert found.totals() == {("Tea", "GBPT"): agreement.schedule().entitlements(net)}
        assert {"source", "external_id"} <= set(found.expr.columns)


def test_tiers_are_met_exactly(engine: Engine) -> None:
    terms = schedule((100, [1, 0, 0]), (107, [3, 3, 1]), (None, [0, 1, 2]))
    amounts = [99, 1, 1, 5, 1, 1, -1, -2, -6, 3, 200]
    found = engine.of([("Tea", "GBPT", JANUARY, a) for a in amounts], amounts="int64").attribute(
        {"Tea": terms}
    )
    assert per_sale(found, "Tea") == by_schedule(terms, amounts)
    frame = found.to_frame()
    assert type(frame.amount[0]) is int
    assert list(frame.amount[:3]) == [99, 0, 0]


def test_another_token_is_shared_by_the_last_tier(engine: Engine) -> None:
    terms = schedule((100, [1, 0]), (None, [1, 2]))
    table = engine.of(
        [("Tea", "GBPT", JANUARY, 90), ("Tea", "ETH", JANUARY, 90), ("Other", "ETH", JANUARY, 5)]
    )
    assert table.attribute({"Tea": terms}).totals() == {
        ("Tea", "ETH"): {"payee 0": 30, "payee 1": 60},
        ("Tea", "GBPT"): {"payee 0": 90, "payee 1": 0},
    }


# ------------------------------------------------------------------------------------------ digits


def test_37_digits_are_exact_and_more_are_refused(engine: Engine) -> None:
    terms = schedule((10**36, [1, 2]), (None, [1, 0]))
    amounts = [MOST - 2, 1]
    found = engine.of([("Tea", "GBPT", JANUARY, a) for a in amounts])
    with pytest.raises(rs.AmountError, match="37 digits"):  # by the weight
        found.attribute({"Tea": terms})
    terms = schedule((10**36, [1, 1]), (None, [1, 0]))
    assert per_sale(found.attribute({"Tea": terms}), "Tea") == by_schedule(terms, amounts)
    with pytest.raises(rs.AmountError, match="37 digits"):
        engine.of([("Tea", "GBPT", JANUARY, a) for a in (*amounts, 1)]).attribute({"Tea": terms})


def test_the_largest_product_is_exact_and_one_more_is_refused(engine: Engine) -> None:
    weight = 10**12 - 1
    terms = schedule((None, [weight, 1, 3]))
    largest = (MOST - 1) // weight
    amounts = [largest, 1, -largest, largest]
    found = engine.of([("Tea", "GBPT", JANUARY, a) for a in amounts]).attribute({"Tea": terms})
    assert per_sale(found, "Tea") == by_schedule(terms, amounts)
    table = engine.of([("Tea", "GBPT", JANUARY, a) for a in (largest + 1, -largest - 1)])
    with pytest.raises(rs.AmountError, match="37 digits"):
        table.attribute({"Tea": terms})


def test_weights_whose_product_would_not_fit_are_refused(engine: Engine) -> None:
    table = engine.of([("Tea", "GBPT", JANUARY, a) for a in (5, 7)])
    largest = schedule((None, [10**18 - 2, 1]))
    assert per_sale(table.attribute({"Tea": largest}), "Tea") == by_schedule(largest, [5, 7])
    with pytest.raises(rs.AmountError, match="37 digits"):
        table.attribute({"Tea": schedule((None, [10**18 - 1, 1]))})


def test_sums_that_do_not_fit_are_refused_before_anything_is_attributed(engine: Engine) -> None:
    table = engine.of([("Tea", "GBPT", JANUARY, 10**38 - 1), ("Tea", "GBPT", JANUARY, 1)])
    with pytest.raises(rs.AmountError, match="38 digits"):
        table.attribute({"Tea": schedule((None, [1]))})


def test_a_tier_that_is_out_of_reach_does_no_harm(engine: Engine) -> None:
    terms = schedule((10, [1, 2]), (10**60, [1, 1]), (None, [0, 1]))
    found = engine.of([("Tea", "GBPT", JANUARY, a) for a in (9, 9)]).attribute({"Tea": terms})
    assert per_sale(found, "Tea") == by_schedule(terms, [9, 9])


def test_a_digit_that_an_engine_got_wrong_is_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    terms = schedule((None, [1, 2]))
    amounts = [10**24 + 1, 5, 10**25 + 3]
    table = engine.of([("Tea", "GBPT", JANUARY, a) for a in amounts])
    assert per_sale(table.attribute({"Tea": terms}), "Tea") == by_schedule(terms, amounts)
    monkeypatch.setattr(_earned, "_ROUND", 10**30)  # one round only, as if doubles had so many digits
    found = table.attribute({"Tea": terms})
    with pytest.raises(rs.AmountError, match="not exact"):
        found.rows()
    with pytest.raises(rs.AmountError, match="not exact"):
        found.totals()


# ------------------------------------------------------------------------------------------ refusals


def test_credit_notes_beyond_the_revenue_are_refused_as_the_schedule_refuses_them(engine: Engine) -> None:
    terms = schedule((None, [1, 2]))
    amounts = [5, -3, -3, 10]
    table = engine.of([("Other", "GBPT", JANUARY, 1), *(("Tea", "GBPT", JANUARY, a) for a in amounts)])
    with pytest.raises(rs.NegativeRevenue) as expected:
        terms.attribute(amounts)
    with pytest.raises(rs.NegativeRevenue) as refused:
        table.attribute({"Tea": terms})
    assert (refused.value.index, refused.value.revenue) == (expected.value.index, expected.value.revenue)


def test_an_agreement_without_sales_is_a_mistake(tmp_path: Any) -> None:
    table = DuckEngine(tmp_path).of([("Cosmetics", "GBPT", JANUARY, 1)])
    with pytest.raises(rs.InvalidInput, match="did you mean 'Cosmetics'"):
        table.attribute({"Cosmetic": schedule((None, [1]))})
    with pytest.raises(rs.InvalidInput, match="by the names that the sales have"):
        table.attribute(schedule((None, [1])))  # type: ignore[arg-type]


def test_attribution_needs_the_order_of_the_ledger(tmp_path: Any) -> None:
    table = DuckEngine(tmp_path).of([("Tea", "GBPT", JANUARY, 1)]).table.drop("seq")
    with pytest.raises(rs.InvalidInput, match="seq"):
        SalesTable(table).attribute({"Tea": schedule((None, [1]))})
