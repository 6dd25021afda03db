"""Simulations: on every path exactly what the schedule gives, whoever draws, and statistics are exact."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from html.parser import HTMLParser
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import oracle
from tests.strategies import agreements, amounts, make_schedule, revenues, schedules

import revshare as rs
from revshare import _futures
from revshare._html import part_of
from revshare.demo._sales import data, months

AGREEMENT = rs.Agreement.model_validate(
    {
        "name": "A film & <more>",
        "token": {"symbol": "GBPT", "decimals": 2},
        "payees": {"backer": "0x" + "01" * 20, "author": "0x" + "02" * 20, "shop": "0x" + "03" * 20},
        "tiers": [
            {"until": "1000", "shares": {"backer": 1}},
            {"until": "5000", "shares": {"backer": "20%", "author": "70%", "shop": "10%"}},
            {"shares": {"author": "90%", "shop": "10%"}},
        ],
    }
)
LIVELY = rs.Growth("400", growth="2%", volatility=0.8, shocks=0.2, seasonality=(1, 0.5, 2))


def uniform(rng: np.random.Generator, paths: int, periods: int) -> Any:
    return rng.integers(0, 100_000, (paths, periods))


def signed(rng: np.random.Generator, paths: int, periods: int) -> Any:
    return rng.integers(-50_000, 100_000, (paths, periods))


def half_at_random(rng: np.random.Generator, gross: Any) -> Any:
    return rng.integers(0, np.maximum(gross, 0) // 2 + 1)


# ------------------------------------------------------------------------------------------ exact


def check_every_path(found: rs.Simulation) -> None:
    """Paths, payouts, means and quantiles against plain Python and the oracle."""
    tiers = oracle.tiers_of(found.schedule)
    paths = [[int(amount) for amount in row] for row in found.received]
    paid = [[oracle.entitlements(tiers, revenue) for revenue in path] for path in paths]
    for number, path in enumerate(paths):
        assert path == sorted(path)
        assert [list(at.values()) for at in found.path(number)] == paid[number]
    for i, payee in enumerate(found.payees):
        assert found.payouts(payee).tolist() == [[at[i] for at in path] for path in paid]
        for period in range(1, found.periods + 1):
            column = sorted(path[period - 1][i] for path in paid)
            assert found.mean(payee, period) == Fraction(sum(column), len(column))
            for q in (0, 0.1, 0.5, Fraction(2, 3), 1):
                rank = max(ceil(Fraction(str(q)) * len(column)) - 1, 0)
                assert found.quantile(payee, q, period) == column[rank]
            middle = statistics.median_high(column)
            at_least = Fraction(sum(amount >= middle for amount in column), len(column))
            assert found.probability(payee, middle, period) == at_least
    for t, terms in enumerate(found.schedule.tiers, 1):
        for period in range(1, found.periods + 1):
            column = [path[period - 1] for path in paths]
            assert found.tier_mean(t, period) == Fraction(sum(map(terms.slice_of, column)), len(column))
            full = sum(terms.end is not None and revenue >= terms.end for revenue in column)
            assert found.completion(t, period) == Fraction(full, len(column))


@given(
    schedules(max_payees=12, max_tiers=5), st.sampled_from([2**20, 2**40, 2**61, 2**64, 2**100]), st.data()
)
def test_every_path_pays_what_the_schedule_gives(
    schedule: rs.Schedule, top: int, data: st.DataObject
) -> None:
    """Amounts that fit 64 bits and that do not, sizes around every tier's end, credit notes in between."""
    periods = data.draw(st.integers(1, 5))
    ends = [tier.end for tier in schedule.tiers if tier.end is not None and tier.end < 2**120]
    amount = st.one_of(amounts(top, least=0), st.sampled_from(ends or [1]), amounts(top).map(lambda x: -x))
    rows = data.draw(st.lists(st.lists(amount, min_size=periods, max_size=periods), min_size=1, max_size=6))
    found = rs.simulate(schedule, revenue=np.array(rows, dtype=object), paths=len(rows), seed=0)
    for row, received in zip(rows, found.received, strict=True):
        total = most = 0
        for change, revenue in zip(row, received, strict=True):
            total += change
            most = max(most, total)
            assert revenue == most
    check_every_path(found)


@pytest.mark.parametrize(
    "weights", [(1, 2**31 - 1), (0, 2**31), (2**31 - 1, 2**31), (2**32 - 1, 2**32 - 1), (3, 4), (1, 0)]
)
@pytest.mark.parametrize("amount", [2**30, 2**33, 2**52, 2**61, 2**62, 2**63 - 1, 2**63, 2**64, 2**126])
def test_where_words_would_overflow_it_stays_exact(weights: tuple[int, int], amount: int) -> None:
    schedule = make_schedule((2**29 + 1, (1, 1)), (2**40 + 3, (7, 2**30)), (None, weights))
    rows = [[amount - 1, 1], [amount // 2, 3], [2**29, 1], [2**29 + 1, 2**40], [0, 0]]
    check_every_path(rs.simulate(schedule, revenue=np.array(rows, dtype=object), paths=5, seed=0))


@pytest.mark.parametrize("top", [2**20, 2**45, 2**62])
def test_many_revenues_at_once_are_as_one_by_one(top: int) -> None:
    """Tables of tiers, tiers one after the other, and sums, over several blocks."""
    rng = np.random.default_rng(top)
    for weights in ((1, 2, 3), (2**31, 5, 11), (2**32 - 1, 2**32 - 3, 1)):
        schedule = make_schedule((top // 7, (1, 0, 0)), (top // 3, (5, 3, 1)), (None, weights))
        revenue = rng.integers(0, top, 20_000)
        revenue[:6] = [top // 7 - 1, top // 7, top // 7 + 1, top // 3, top // 3 + 1, 0]
        found = schedule.entitlement_arrays(revenue)
        plain = [schedule._entitlements(int(r)) for r in revenue]
        assert found.T.tolist() == plain
        assert schedule.entitlement_array("b", revenue.reshape(100, 200)).ravel().tolist() == [
            r[1] for r in plain
        ]
        earned, held = schedule.entitlements_summed(revenue)
        assert earned == [sum(column) for column in zip(*plain, strict=True)]
        assert held == [sum(tier.slice_of(int(r)) for r in revenue) for tier in schedule.tiers]


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_breakpoints_are_met_exactly(step: int) -> None:
    """Just below, at and just above each tier's end, alone and together with others."""
    schedule = make_schedule(
        (1, (0, 1)), (2, (1, 0)), (50, (2, 1)), (51, (1, 6)), (2**33, (1, 2**20)), (None, (3, 4))
    )
    for end in (0, 1, 2, 50, 51, 2**33):
        for revenue in range(max(end - 2, 0), end + 3):
            block = np.array([revenue, revenue, revenue + step])
            plain = [schedule._entitlements(int(r)) for r in block]
            assert schedule.entitlement_arrays(block).T.tolist() == plain, revenue
            assert schedule.entitlements_summed(block)[0] == [
                sum(column) for column in zip(*plain, strict=True)
            ]


@given(schedules(max_payees=6), st.sampled_from([2**10, 2**62, 2**127]), st.integers(1, 3), st.data())
def test_revenues_near_the_ends_of_tiers_at_once_are_as_one_by_one(
    schedule: rs.Schedule, top: int, copies: int, data: st.DataObject
) -> None:
    values = data.draw(st.lists(revenues(schedule, top), min_size=1, max_size=4)) * copies
    plain = [schedule._entitlements(value) for value in values]
    block = _futures.as_integers(values)
    assert schedule.entitlement_arrays(block).T.tolist() == plain
    earned, held = schedule.entitlements_summed(block)
    assert earned == [sum(column) for column in zip(*plain, strict=True)]
    assert held == [sum(tier.slice_of(value) for value in values) for tier in schedule.tiers]


def test_random_models_pay_what_the_schedule_gives() -> None:
    models: list[Any] = [LIVELY, rs.Bootstrap(["12.50", 70000, "-3"], block=2), uniform, signed]
    for model in models:
        for refunds in (0, "33.3%", half_at_random):
            found = rs.simulate(
                AGREEMENT, revenue=model, refunds=refunds, refund_lag=1, paths=40, periods=5, seed=3
            )
            check_every_path(found)


@given(agreements(max_payees=6), st.integers(0, 2**64))
def test_agreements_in_any_token_are_simulated(agreement: rs.Agreement, seed: int) -> None:
    """With 36 decimals nothing fits 64 bits."""
    found = rs.simulate(agreement, revenue=rs.Growth("2", volatility=0.5), paths=5, periods=3, seed=seed)
    check_every_path(found)


def test_refunds_are_rounded_down_and_come_later() -> None:
    revenue = [1001, 99, 0, 500]
    at_once = rs.simulate(AGREEMENT, revenue=revenue, refunds="10%", paths=1)
    assert at_once.received.tolist() == [[901, 991, 991, 1441]]
    later = rs.simulate(AGREEMENT, revenue=revenue, refunds=Fraction(1, 10), refund_lag=2, paths=1)
    # the third period brings 0 less 100: nothing is remitted, and the fourth makes up for it
    assert later.received.tolist() == [[1001, 1100, 1100, 1491]]
    assert (later.futures.gross, later.futures.refunded) == (
        {"revenue": revenue},
        {"revenue": [0, 0, 100, 9]},
    )
    everything = rs.simulate(AGREEMENT, revenue=revenue, refunds="100%", paths=1)
    assert everything.received.tolist() == [[0, 0, 0, 0]]


def test_channels_add_up_and_each_has_its_refunds() -> None:
    found = rs.simulate(
        AGREEMENT, revenue={"shop": [100, 200], "fair": ["1", "0.5"]}, refunds={"fair": "10%"}, paths=2
    )
    assert found.received.tolist() == [[190, 435]] * 2
    assert found.futures.gross == {"shop": [200, 400], "fair": [200, 100]}
    assert found.futures.refunded == {"shop": [0, 0], "fair": [20, 10]}


# ------------------------------------------------------------------------------------------ deterministic


@contextmanager
def dask() -> Iterator[Executor]:
    """Two workers of a Dask cluster, in processes of their own."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,  # type: ignore[no-untyped-call]
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client.get_executor()


@pytest.mark.parametrize(
    "pool",
    [lambda: ThreadPoolExecutor(3), lambda: ProcessPoolExecutor(2), dask],
    ids=["threads", "processes", "dask"],
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_any_executor_gives_the_same_numbers(pool: Callable[[], AbstractContextManager[Executor]]) -> None:
    paths = 2 * _futures.BLOCK + 5

    def run(executor: Executor | None) -> rs.Simulation:
        return rs.simulate(
            AGREEMENT, revenue=LIVELY, refunds="5%", paths=paths, periods=3, seed=7, executor=executor
        )

    alone = run(None)
    with pool() as executor:
        found = run(executor)
    assert (found.received == alone.received).all()
    assert found.rows() == alone.rows()


def test_more_paths_go_on_where_fewer_ended() -> None:
    """Whole blocks are the same however many there are."""
    few = rs.simulate(AGREEMENT, revenue=LIVELY, paths=_futures.BLOCK, periods=2, seed=7)
    many = rs.simulate(AGREEMENT, revenue=LIVELY, paths=_futures.BLOCK + 10, periods=2, seed=7)
    assert (many.received[: _futures.BLOCK] == few.received).all()
    assert not (many.received[_futures.BLOCK :] == few.received[:10]).all()


def test_the_seed_that_was_drawn_replays() -> None:
    first = rs.simulate(AGREEMENT, revenue=LIVELY, paths=10, periods=2)
    again = rs.simulate(AGREEMENT, revenue=LIVELY, paths=10, periods=2, seed=first.seed)
    other = rs.simulate(AGREEMENT, revenue=LIVELY, paths=10, periods=2)
    assert (first.received == again.received).all()
    assert (first.received != other.received).any()


# ------------------------------------------------------------------------------------------ models


def test_growth_has_the_mean_and_spread_that_were_asked_for() -> None:
    model = rs.Growth("1000", growth="10%", volatility=0.3, shocks=0.1, seasonality=(1, 2))
    found = rs.simulate(AGREEMENT, revenue=model, paths=100_000, periods=4, seed=1)
    monthly = np.diff(found.received, axis=1, prepend=0).astype(float)
    expected = [100_000, 220_000, 121_000, 266_200]
    assert np.allclose(monthly.mean(axis=0), expected, rtol=0.01)
    logs = np.log(monthly)
    assert np.allclose(logs.var(axis=0), [0.09 + 0.01 * (k + 1) for k in range(4)], rtol=0.03)


def test_growth_without_luck_is_what_it_says() -> None:
    found = rs.simulate(AGREEMENT, revenue=rs.Growth("100", growth=0.1), paths=2, periods=3, seed=1)
    assert found.received.tolist() == [[10_000, 21_000, 33_100]] * 2
    assert rs.simulate(AGREEMENT, revenue=rs.Growth(0), paths=1, periods=2).received.tolist() == [[0, 0]]


def test_bootstrap_draws_from_the_past_only_and_keeps_neighbours() -> None:
    past = list(range(1, 13))
    found = rs.simulate(AGREEMENT, revenue=rs.Bootstrap(past, block=4), paths=500, periods=8, seed=1)
    monthly = np.diff(found.received, axis=1, prepend=0)
    assert set(monthly.ravel().tolist()) == set(past)
    steps = np.diff(monthly, axis=1)
    inside = [0, 1, 2, 4, 5, 6]
    assert set(steps[:, inside].ravel().tolist()) == {1, -11}
    assert len(set(steps[:, 3].tolist())) > 10


def test_bootstrap_takes_sales_by_the_month() -> None:
    """The demonstration's year, and a month without any sale."""
    by_month = months(data(), rs.Token(symbol="GBPT", decimals=6))
    sales = [sale for of_month in by_month.values() for sale in of_month]
    past = tuple(sum(sale.amount for sale in of_month) for of_month in by_month.values())
    assert rs.Bootstrap.monthly(sales)._past == past  # the shop's clock and UTC agree on every sale's month
    gap = [sale for month, of_month in by_month.items() for sale in of_month if month != "2011-02"]
    assert rs.Bootstrap.monthly(gap)._past == (*past[:2], 0, *past[3:])
    with pytest.raises(rs.InvalidInput, match="no past"):
        rs.Bootstrap.monthly([])
    other = rs.Sale("shop", "1", sales[0].occurred_at, 5, "EURT")
    with pytest.raises(rs.InvalidInput, match="different tokens: EURT, GBPT"):
        rs.Bootstrap.monthly([*sales, other])


def test_a_part_just_short_of_all_is_not_shown_as_all() -> None:
    assert part_of(Fraction(99_999, 100_000)) == "99.9%"
    assert [part_of(Fraction(part, 3)) for part in (0, 1, 3)] == ["0.0%", "33.3%", "100.0%"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_bootstrap_takes_a_column_of_any_frame(kind: Callable[[Any], Any]) -> None:
    frame = kind({"net": [100, 250, -30], "note": ["a", "b", "c"]})
    for past in (
        rs.Bootstrap(frame, column="net"),
        rs.Bootstrap(frame["net"]),
        rs.Bootstrap(np.array([100, 250, -30])),
    ):
        found = rs.simulate(AGREEMENT, revenue=past, paths=20, periods=4, seed=5)
        assert (
            found.received
            == rs.simulate(
                AGREEMENT, revenue=rs.Bootstrap([100, 250, -30]), paths=20, periods=4, seed=5
            ).received
        ).all()
    with pytest.raises(rs.InvalidInput, match="no column 'gross': the columns are net, note"):
        rs.Bootstrap(frame, column="gross")


# ------------------------------------------------------------------------------------------ answers


def test_break_even_and_recoup() -> None:
    revenue = np.array([[50_000, 50_000, 0], [0, 100_000, 50_000], [0, 0, 99_999], [100_001, 0, 0]])
    found = rs.simulate(AGREEMENT, revenue=revenue, paths=4)
    assert [found.completion(1, period) for period in (1, 2, 3)] == [
        Fraction(1, 4),
        Fraction(3, 4),
        Fraction(3, 4),
    ]
    assert found.completion(3) == 0
    even = found.break_even("backer", "1000")
    assert even.by_period == (Fraction(1, 4), Fraction(3, 4), Fraction(3, 4))
    assert (even.median, even.ever, even.amount) == (2, Fraction(3, 4), 100_000)
    never = found.break_even("backer", "1800.01")  # the last tier gives it nothing
    assert never.median is None
    assert never.ever == 0


def test_fairness() -> None:
    found = rs.simulate(AGREEMENT, revenue=["1000", "100"], paths=3)
    fair = found.fairness(contributions={"backer": "500"})
    assert fair.shares == {
        "backer": Fraction(1020, 1100),
        "author": Fraction(70, 1100),
        "shop": Fraction(10, 1100),
    }
    assert fair.gini == Fraction(-2 * 10 + 2 * 1020, 3 * 1100)
    assert fair.jain == Fraction(1100**2, 3 * (1020**2 + 70**2 + 10**2))
    assert fair.spread == {"backer": 0, "author": 0, "shop": 0}
    assert fair.returns == {"backer": Fraction(1020, 500)}
    nothing = rs.simulate(AGREEMENT, revenue=[0], paths=1).fairness()
    assert (nothing.gini, nothing.jain) == (Fraction(0), Fraction(1))
    assert nothing.spread["shop"] is None


def test_variants_meet_the_same_futures() -> None:
    flat = AGREEMENT.model_copy(update={"tiers": (rs.Tier(shares={"backer": 1, "author": 1, "shop": 1}),)})
    both = rs.simulate({"recoup": AGREEMENT, "flat": flat}, revenue=LIVELY, paths=50, periods=4, seed=9)
    alone = rs.simulate(flat, revenue=LIVELY, paths=50, periods=4, seed=9)
    assert both["flat"].rows() == alone.rows()
    assert both["flat"].futures is both["recoup"].futures
    for found in both.values():
        check_every_path(found)
    better = (both["recoup"].payouts("author") > both["flat"].payouts("author"))[:, -1]
    assert both.better("author", "recoup", "flat") == Fraction(int(better.sum()), 50)
    assert {row["agreement"] for row in both.rows()} == {"recoup", "flat"}
    assert both.to_frame("polars")["agreement"].n_unique() == 2


# ------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frames_have_the_exact_figures(backend: Any) -> None:
    found = rs.simulate(AGREEMENT, revenue=LIVELY, paths=20, periods=3, seed=2)
    frame = found.to_frame(backend)
    kind = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}[backend]
    assert isinstance(frame, kind)
    columns = {
        name: list(frame[name].to_pylist() if backend == "pyarrow" else frame[name])
        for name in found.rows()[0]
    }
    assert [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ] == found.rows()
    text = found.to_frame(backend, text=True)["p95"]
    assert list(text.to_pylist() if backend == "pyarrow" else text)[-1] == found.token.format(
        found.rows()[-1]["p95"]
    )


def test_a_frame_never_rounds_what_64_bits_do_not_hold() -> None:
    wide = AGREEMENT.model_copy(update={"token": rs.Token(symbol="ETH", decimals=18)})
    found = rs.simulate(wide, revenue=["90000", "1"], paths=2)
    with pytest.raises(rs.InvalidInput, match="64 bits"):
        found.to_frame()
    assert list(found.to_frame(text=True)["p50"])[-2] == "79300.9"


class Balanced(HTMLParser):
    """Fails where a tag is closed that is not open."""

    void = frozenset({"meta", "polygon", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag != "script"
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_html_is_well_formed_escaped_and_says_the_figures() -> None:
    found = rs.simulate(AGREEMENT, revenue=LIVELY, paths=20, periods=3, seed=2)
    assert "A film & <more> (GBPT)" in Balanced(AGREEMENT._repr_html_()).text
    assert "70 %" in Balanced(AGREEMENT.schedule()._repr_html_()).text
    both = rs.simulate({"<a>": AGREEMENT}, revenue=LIVELY, paths=20, periods=3, seed=2)
    median = f"{found.quantile('author', 0.5) / 100:,.2f}"
    for html in (found._repr_html_(), found.to_html("<b>"), both._repr_html_(), both.to_html()):
        page = Balanced(html)
        assert median in page.text
        assert "seed 2" in page.text
    assert found.to_html().count("<svg") == 3
    nothing = rs.simulate(AGREEMENT, revenue=[0], paths=1)
    Balanced(nothing.to_html())


def test_plots() -> None:
    found = rs.simulate(
        AGREEMENT,
        revenue={"shop": LIVELY, "fair": [5_000] * 3},
        refunds="10%",
        refund_lag=1,
        paths=20,
        periods=3,
        seed=2,
    )
    fan = found.plot()
    assert len(fan.data) == 5 * 3
    assert fan.data[4].name == "backer, median"
    assert list(fan.data[4].y) == [0] + [found.quantile("backer", 0.5, p) / 100 for p in (1, 2, 3)]
    assert len(found.plot(payee="shop").data) == 5

    tiers = found.plot("tiers").data[0]
    assert list(tiers.x) == ["tier 1", "tier 2", "tier 3", "received"]
    assert tiers.y[-1] == pytest.approx(float(found.received[:, -1].astype(float).mean()) / 100)

    flow = found.plot("sankey").data[0]
    names = flow.node.label
    into: dict[str, float] = {}
    out: dict[str, float] = {}
    for source, target, value in zip(flow.link.source, flow.link.target, flow.link.value, strict=True):
        into[names[target]] = into.get(names[target], 0) + value
        out[names[source]] = out.get(names[source], 0) + value
    assert out["shop"] == pytest.approx(sum(found.futures.gross["shop"]) / 20 / 100)
    for payee in found.payees:
        assert into.get(payee, 0) == pytest.approx(float(found.mean(payee)) / 100, abs=0.03)
    with pytest.raises(rs.InvalidInput, match='kind must be "fan"'):
        found.plot("pie")  # type: ignore[arg-type]
    with pytest.raises(rs.UnknownPayee):
        found.plot(payee="bakcer")


def test_agreements_are_drawn_on_one_axis() -> None:
    fixed = AGREEMENT.model_copy(
        update={
            "payees": {"author": "0x" + "02" * 20, "agent": "0x" + "04" * 20},
            "tiers": [{"shares": {"author": 3, "agent": 1}}],
        }
    )
    found = rs.simulate({"tiers": AGREEMENT, "fixed": fixed}, revenue=LIVELY, paths=20, periods=3, seed=2)
    drawn = found.plot()
    assert [title.text for title in drawn.layout.annotations] == ["backer", "author", "shop", "agent"]
    assert len(drawn.data) == 3 * (3 + 2)
    assert [trace.name for trace in drawn.data if trace.showlegend] == ["tiers", "fixed"]
    medians = [list(trace.y) for trace in found.plot(payee="author").data if trace.line.width == 2]
    assert medians == [
        [0] + [one.quantile("author", 0.5, p) / 100 for p in (1, 2, 3)] for one in found.values()
    ]
    with pytest.raises(rs.UnknownPayee):
        found.plot(payee="backer")


@pytest.mark.parametrize(
    ("module", "extra"), [("narwhals.stable.v1", "frames"), ("plotly.graph_objects", "plots")]
)
def test_what_is_not_installed_is_named(module: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    found = rs.simulate(AGREEMENT, revenue=[1], paths=1)
    with pytest.raises(rs.MissingExtra, match=rf"revshare\[{extra}\]"):
        found.to_frame() if extra == "frames" else found.plot()


# ------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"revenue": [1.5]}, "float"),
        ({"revenue": np.array([1.5])}, "array of float64"),
        ({"revenue": lambda rng, paths, periods: np.ones((paths, periods)), "periods": 2}, "round it first"),
        (
            {"revenue": lambda rng, paths, periods: np.ones((periods, paths), dtype=int), "periods": 3},
            "paths × periods",
        ),
        ({"revenue": "1000", "periods": 2}, "revenue must be a model"),
        ({"revenue": {}, "periods": 2}, "no channels"),
        ({"revenue": []}, "no periods"),
        ({"revenue": np.zeros((2, 2, 2), dtype=int)}, "one amount for each period"),
        ({"revenue": [1, 2], "periods": 3}, "given for 2 periods, not for 3"),
        ({"revenue": np.zeros((2, 2), dtype=int), "paths": 3}, "given for 2 paths, not for 3"),
        ({"revenue": uniform}, "periods=36"),
        ({"revenue": uniform, "periods": 0}, "periods must be"),
        ({"revenue": uniform, "periods": 2, "paths": True}, "paths must be"),
        ({"revenue": uniform, "periods": 2, "seed": -1}, "seed must be"),
        ({"revenue": uniform, "periods": 2, "seed": 1.0}, "seed must be"),
        ({"revenue": [1], "refunds": 0.05}, "percentage in quotes"),
        ({"revenue": [1], "refunds": "101%"}, "percentage in quotes.*not '101%'"),
        ({"revenue": [1], "refunds": {"shop": "1%"}}, "no channel"),
        ({"revenue": [1], "refunds": lambda rng, gross: gross + 1}, "from 0 to the gross"),
        ({"revenue": [1], "refund_lag": 1}, "refund_lag must be below"),
        ({"revenue": [1], "executor": 4}, "executor must be .*, not 4"),
        ({"revenue": [2**127]}, "counts below 2\\^127"),
        ({"revenue": rs.Growth("1", growth=9e5), "periods": 30}, "2\\^127 units or more"),
        ({"revenue": rs.Growth("0.001"), "periods": 2}, "finer than the unit"),
    ],
)
def test_what_cannot_be_simulated_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(rs.InvalidInput, match=message):
        rs.simulate(AGREEMENT, **({"paths": 2} | asked))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rs.Growth(1000.0), "not"),  # type: ignore[arg-type]
        (lambda: rs.Growth("1", growth="-100%"), "above -100%"),
        (lambda: rs.Growth("1", growth="two"), "percentage such as"),
        (lambda: rs.Growth("1", volatility=-0.1), "cannot be negative"),
        (lambda: rs.Growth("1", volatility=float("nan")), "must be a number"),
        (lambda: rs.Growth("1", seasonality=(1, -1)), "cannot be negative"),
        (lambda: rs.Bootstrap([]), "no past"),
        (lambda: rs.Bootstrap([1, 2], block=3), "block must be"),
        (lambda: rs.Bootstrap(np.array([1.0])), "integers"),
        (lambda: rs.Bootstrap("123"), "a sequence, an array, or a column"),
    ],
)
def test_models_refuse_what_makes_no_sense(make: Callable[[], object], message: str) -> None:
    with pytest.raises(rs.InvalidInput, match=message):
        make()


def test_a_past_in_floats_is_refused() -> None:
    with pytest.raises(rs.AmountTypeError):
        rs.simulate(AGREEMENT, revenue=rs.Bootstrap(pd.Series([1.5])), periods=2)


def test_questions_that_make_no_sense_are_refused() -> None:
    found = rs.simulate(AGREEMENT, revenue=[1, 2], paths=2)
    for ask in (
        lambda: found.mean("author", 0),
        lambda: found.mean("author", 3),
        lambda: found.mean("auhtor"),
        lambda: found.quantile("author", 1.1),
        lambda: found.completion(4),
        lambda: found.completion(0),
        lambda: found.probability("author", 0.5),  # type: ignore[arg-type]
        lambda: found.fairness(contributions={"author": 0}),
        lambda: found.to_frame("excel"),  # type: ignore[arg-type]
        lambda: rs.simulate({}, revenue=[1]),
        lambda: rs.simulate({"a": "b"}, revenue=[1]),  # type: ignore[dict-item]
        lambda: rs.simulate(
            {"a": AGREEMENT, "b": AGREEMENT.model_copy(update={"token": rs.Token(symbol="X", decimals=2)})},
            revenue=[1],
        ),
    ):
        with pytest.raises(rs.InvalidInput):
            ask()
    with pytest.raises(IndexError):
        found.path(2)
    with pytest.raises(ValueError, match="read-only"):
        found.received[0, 0] = 5


def test_so_many_amounts_beyond_64_bits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("revshare.simulation._MOST_OBJECTS", 100)
    with pytest.raises(rs.InvalidInput, match="take at most 50 paths"):
        rs.simulate(AGREEMENT, revenue=[2**64, 1], paths=51)
    assert rs.simulate(AGREEMENT, revenue=[2**64, 1], paths=50).mean("shop") > 2**60


def test_how_likely_a_recoup_is_complete_by_a_period() -> None:
    """Rules are tiers of the schedule: 120 % of 1,000, out of what the shop leaves of the revenue."""
    given = AGREEMENT.to_dict() | {"tiers": [{"shares": {"author": 1}}]}
    given["rules"] = [
        {"rule": "commission", "to": "shop", "rate": "10%"},
        {"rule": "recoup", "payee": "backer", "amount": "1000", "premium": "1.2"},
    ]
    ruled = rs.Agreement.model_validate(given)
    known = np.array([[40_000, 40_000, 53_333, 1], [40_000, 40_000, 53_334, 1], [0, 0, 0, 200_000]])
    found = rs.simulate(ruled, revenue=lambda *_: known, paths=3, periods=4, seed=1)
    assert ruled.enforcement()[1].spent == 133_334
    by_period = [found.probability("backer", "1200", period) for period in (1, 2, 3, 4)]
    assert by_period == [0, 0, Fraction(1, 3), 1]
    assert [found.completion(1, period) for period in (3, 4)] == by_period[2:]
    assert found.quantile("backer", 1) == 120_000
