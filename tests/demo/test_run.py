"""The demonstration pays what an independent computation says, on the embedded chain and on a real node."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

import revshare as rs
from revshare import demo
from revshare.chain import DemoToken, Devnet, Remitted, RevenueSplit
from revshare.chain.http import connect
from revshare.demo import _run, _sales
from revshare.ledger import Sale
from revshare.merkle import verify

pytestmark = pytest.mark.xdist_group("demo")

SHARES = {"exporter": 55, "distributor": 25, "account_manager": 12, "adviser": 5, "designer": 3}
UNIT = 10**6


def by_month() -> dict[str, int]:
    """Net revenue by month in units, straight from the CSV, in fractions."""
    net: dict[str, Fraction] = {}
    for row in csv.DictReader(_sales.data().splitlines()):
        month = row["InvoiceDate"][:7]
        net[month] = net.get(month, Fraction(0)) + int(row["Quantity"]) * Fraction(row["UnitPrice"])
    units = {month: amount * UNIT for month, amount in net.items()}
    assert all(amount.denominator == 1 for amount in units.values())
    return {month: int(amount) for month, amount in units.items()}


def earned(revenue: int) -> dict[str, int]:
    """The agreement's rule once more, in words: 5,000 to the designer, then shared."""
    advance = min(revenue, 5000 * UNIT)
    shared = {name: (revenue - advance) * share // 100 for name, share in SHARES.items()}
    shared["designer"] += advance
    return shared


# ------------------------------------------------------------------------------------------ figures


def test_every_payee_got_what_an_independent_computation_says(played: demo.DemoResult) -> None:
    revenue = sum(by_month().values())
    assert revenue == played.revenue == 137_077_270_000
    for name, units in earned(revenue).items():
        assert played.payees[name] == demo.Figures(entitled=units, paid=units, balance=units)
    assert played.payees.keys() == SHARES.keys()


def test_month_by_month(played: demo.DemoResult) -> None:
    before, revenue = dict.fromkeys(SHARES, 0), 0
    months = by_month()
    assert [period.period for period in played.periods] == sorted(months)
    for period in played.periods:
        assert period.revenue == months[period.period]
        revenue += period.revenue
        now = earned(revenue)
        assert period.earned == period.paid == {name: now[name] - before[name] for name in now}
        before = now
    assert sum(period.sales for period in played.periods) == played.sales == 1259
    assert (played.invoices, played.credit_notes) == (69, 12)


def test_the_advance_is_repaid_in_the_month_that_brings_the_five_thousandth_pound(
    played: demo.DemoResult,
) -> None:
    december, january = played.periods[:2]
    assert december.paid == dict.fromkeys(SHARES, 0) | {"designer": december.revenue}
    rest = december.revenue + january.revenue - 5000 * UNIT
    assert january.paid["designer"] == 5000 * UNIT - december.revenue + rest * 3 // 100
    assert january.paid["exporter"] == rest * 55 // 100


def test_the_books_agree(played: demo.DemoResult) -> None:
    assert played.reconciled
    assert played.differences == ()
    assert played.ways.keys() == {"schedule", "contract", "log", "balances"}
    assert played.dust == played.carried == 0


def test_as_plain_data(played: demo.DemoResult) -> None:
    shown = played.to_dict()
    assert {"sales", "revenue", "periods", "payees", "dust", "gas", "reconciled"} <= shown.keys()
    assert (shown["sales"], shown["revenue"], shown["dust"]) == (1259, "137077.27", "0")
    assert shown["reconciled"] is True
    assert shown["gas"] == sum(period["gas"] for period in shown["periods"])
    token = played.token
    for name, units in earned(played.revenue).items():
        text = token.format(units)
        assert shown["payees"][name] == {"entitled": text, "paid": text, "balance": text}
    assert len(shown["periods"]) == 12
    assert shown["periods"][0] == {
        "period": "2010-12",
        "sales": 35,
        "revenue": "1005.1",
        "payees": {
            name: {"earned": amount, "paid": amount}
            for name, amount in (dict.fromkeys(SHARES, "0") | {"designer": "1005.1"}).items()
        },
        "gas": played.periods[0].gas,
    }


def test_progress_is_told_step_by_step() -> None:
    seen: list[demo.Progress] = []
    sales = {"2011-01": [sold(1, "10")], "2011-02": [sold(2, "20")]}
    result = demo.run(sales=sales, watch=seen.append)
    assert [progress.done for progress in seen] == list(range(len(seen)))
    assert {progress.total for progress in seen} == {seen[-1].done}
    assert seen[-1].periods == result.periods
    assert any("2011-02" in progress.doing for progress in seen)


# ------------------------------------------------------------------------------------------ made-up sales


def sold(number: int, amount: str) -> Sale:
    units = _run.agreement().token.parse(amount)
    meta = {"invoice": f"C{number}" if units < 0 else str(number)}
    return Sale("made up", str(number), datetime(2011, 1, 1, tzinfo=UTC), units, "GBPT", metadata=meta)


def test_a_negative_month_is_carried_forward_and_remitted_with_its_lines() -> None:
    sales = {
        "2011-01": [sold(1, "6000")],
        "2011-02": [sold(2, "10"), sold(3, "-110.000001")],
        "2011-03": [sold(4, "1000.000003")],
    }
    chain = Devnet.start()
    result = demo.run(chain.w3, sales=sales)
    assert [(period.period, period.sales) for period in result.periods] == [("2011-01", 1), ("2011-03", 3)]
    assert result.revenue == 6_900_000_002
    assert result.reconciled
    assert {name: figures.balance for name, figures in result.payees.items()} == earned(6_900_000_002)
    assert result.dust == 6_900_000_002 - sum(earned(6_900_000_002).values()) > 0
    assert (result.invoices, result.credit_notes) == (4, 1)

    # The remittance in the log commits to the three lines: each can be proven to be in it.
    split = RevenueSplit.at(chain.w3, result.split)
    remitted = [event for event in split.events() if isinstance(event, Remitted)]
    lines = [*sales["2011-02"], *sales["2011-03"]]
    tree = rs.MerkleTree([sale.leaf() for sale in lines])
    assert remitted[1].count == 3
    for index, sale in enumerate(lines):
        assert verify(remitted[1].root, sale.leaf(), tree.proof(index))


def test_a_last_month_that_is_negative_waits() -> None:
    result = demo.run(sales={"2011-01": [sold(1, "70")], "2011-02": [sold(2, "-20")]})
    assert result.reconciled
    assert (result.revenue, result.carried) == (70 * UNIT, -20 * UNIT)
    assert result.to_dict()["carried"] == "-20"


def test_nothing_sold_is_reconciled_too() -> None:
    result = demo.run(sales={})
    assert result.reconciled
    assert (result.revenue, result.gas, result.periods) == (0, 0, ())
    assert set(result.payees.values()) == {demo.Figures(0, 0, 0)}


# ------------------------------------------------------------------------------------------ faults are found


def test_money_from_elsewhere_is_noticed(played: demo.DemoResult) -> None:
    """Whoever sends a payee a unit while the demonstration runs spoils the reconciliation, and is named."""
    chain = Devnet.start()

    def meddle(progress: demo.Progress) -> None:
        if progress.doing == "reconciling":
            token_on(chain, played).mint(_run.agreement().payees["adviser"], 1).send()

    result = demo.run(chain.w3, sales={"2011-01": [sold(1, "6000")]}, watch=meddle)
    assert not result.reconciled
    (difference,) = result.differences
    assert difference.startswith("adviser: schedule 50, contract 50, log 50, balances 50.000001")
    assert result.to_dict()["reconciled"] is False


def token_on(chain: Devnet, played: demo.DemoResult) -> DemoToken:
    """The play token, whose address is the same on every fresh chain."""
    assert played.token.address is not None
    return DemoToken(chain.w3, played.token.address)


@pytest.mark.parametrize("way", ["schedule", "contract", "log", "balances"])
def test_a_difference_in_any_of_the_four_is_named(played: demo.DemoResult, way: str) -> None:
    ways = {name: dict(figures) for name, figures in played.ways.items()}
    ways[way]["designer"] += 1
    (difference,) = _run._differences(ways, played.token)
    assert difference.startswith("designer: ")
    assert f"{way} 8962.318101" in difference
    assert difference.count("8962.3181,") + difference.endswith("8962.3181") == 3


def test_other_revenue_than_the_sales_is_named(played: demo.DemoResult) -> None:
    """A transfer nobody remitted is revenue: the contract shares it, and the sales do not explain it."""
    chain = Devnet.start()

    def pay_in(progress: demo.Progress) -> None:
        if progress.doing == "2011-01: anyone distributes":
            token = token_on(chain, played)
            split = RevenueSplit.predict_address(chain.w3, _run.agreement(), token=token.address)
            token.mint(split, "1").send()

    result = demo.run(chain.w3, sales={"2011-01": [sold(1, "10")]}, watch=pay_in)
    assert not result.reconciled
    assert "revenue: the sales come to 10, the contract received 11" in result.differences
    assert any(
        difference.startswith("designer: schedule 10, contract 11") for difference in result.differences
    )


# ------------------------------------------------------------------------------------------ a real node


def without_places(result: demo.DemoResult) -> demo.DemoResult:
    """The result without what differs from chain to chain."""
    token = result.token.model_copy(update={"address": None})
    return replace(result, token=token, split="", chain_id=0)


def test_a_real_node_gives_the_same_figures(played: demo.DemoResult, anvil: str) -> None:
    again = demo.run(connect(anvil))
    assert again.reconciled
    assert without_places(again) == without_places(played)
    third = demo.run(connect(anvil))  # on a chain where the factory is there already
    assert third.reconciled
    assert third.split != again.split
    assert third.ways == played.ways
