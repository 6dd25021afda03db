"""Settlement sums are the ledger's, to the unit, on every engine; what does not fit is refused."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import revshare as rs
from revshare.analytics import SalesTable, SettlementSum
from tests.analytics.engines import JANUARY, DuckEngine, Engine, Line

pytestmark = pytest.mark.xdist_group("analytics")

MICROSECOND = timedelta(microseconds=1)
TOP = 10**38 - 1
"""The greatest number of 38 digits."""


def some_sales(seed: int, count: int = 600) -> list[rs.Sale]:
    """Sales over three years, many of them at the very beginning or end of a month."""
    rng = random.Random(seed)
    sales = []
    for n in range(count):
        moment = datetime(2009, 12, 28, tzinfo=UTC) + timedelta(
            microseconds=rng.randrange(1100 * 86400 * 10**6)
        )
        if rng.random() < 0.4:
            first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            moment = (
                first + rng.choice((-1, 0, 1, 10**6)) * MICROSECOND + timedelta(hours=rng.choice((0, 14)))
            )
        amount = rng.choice((1, rng.randrange(10**9), rng.randrange(10**24), -rng.randrange(10**23), 0))
        agreement, token = rng.choice(("Tea", "Cosmetics to Australia", "")), rng.choice(("GBPT", "ETH"))
        sales.append(rs.Sale("shop", str(n), moment, amount, token, agreement=agreement))
    return sales


@pytest.mark.parametrize("zone", ["UTC", "Australia/Sydney"])
def test_sums_are_those_of_the_ledger(engine: Engine, zone: str) -> None:
    table, ledger = engine.of_sales(some_sales(seed=1))
    with ledger:
        for kind in ("year", "quarter", "month", "week"):
            found = table.settlement_sums(kind, zone).rows()
            expected = []
            for name in dict.fromkeys(row.period for row in sorted(found, key=lambda row: row.period)):
                period = rs.Period.parse(name, zone)
                for agreement in ledger.agreements():
                    for token, totals in ledger.totals(agreement, period=period).items():
                        expected.append((agreement, token, name, totals.net, totals.count))
            assert sorted(expected) == sorted(
                (row.agreement, row.token, row.period, row.net, row.sale_count + row.credit_note_count)
                for row in found
            )
            # And every sale is in some period.
            everything = sum(totals.net for totals in ledger.totals().values())
            assert sum(row.net for row in found) == everything


def test_credit_notes_are_counted_by_themselves(engine: Engine) -> None:
    table = engine.of([("Tea", "GBPT", JANUARY, amount) for amount in (5, -2, 0, -1)])
    sums = table.settlement_sums("month")
    assert sums.rows() == [SettlementSum("Tea", "GBPT", "2011-01", 2, 2, 2)]
    assert sums.to_dict() == {("Tea", "GBPT", "2011-01"): 2}
    frame = sums.to_frame()
    assert type(frame.net[0]) is int
    assert frame.to_dict("records") == [
        {"agreement": "Tea", "token": "GBPT", "period": "2011-01", "net": 2, "sale_count": 2,
         "credit_note_count": 2}
    ]  # fmt: skip


@pytest.mark.parametrize("times", ["aware", "naive", "int64"])
def test_periods_begin_and_end_to_the_microsecond(engine: Engine, times: str) -> None:
    february = datetime(2011, 2, 1, tzinfo=UTC)
    lines: list[Line] = [("Tea", "GBPT", february - MICROSECOND, 1), ("Tea", "GBPT", february, 10)]
    table = engine.of(lines, times=times)
    assert table.settlement_sums("month").to_dict() == {
        ("Tea", "GBPT", "2011-01"): 1,
        ("Tea", "GBPT", "2011-02"): 10,
    }
    assert [row.period for row in table.settlement_sums("day").rows()] == ["2011-01-31", "2011-02-01"]
    assert [row.period for row in table.settlement_sums("day", "-05:00").rows()] == ["2011-01-31"]


def test_periods_of_ones_own_leave_the_others_out(engine: Engine) -> None:
    table = engine.of([("Tea", "GBPT", JANUARY + timedelta(days=day), 10**day) for day in range(9)])
    found = table.settlement_sums(["2011-01-07", "2011-01-02/2011-01-04", rs.Period.parse("2011-01-04")])
    assert [(row.period, row.net) for row in found.rows()] == [
        ("2011-01-02/2011-01-04", 110),
        ("2011-01-04", 1000),
        ("2011-01-07", 10**6),
    ]
    with pytest.raises(rs.InvalidInput, match="overlap"):
        table.settlement_sums(["2011-01", "2011-01-31"])


def test_no_sales_have_no_sums(engine: Engine) -> None:
    table = engine.of([])
    assert table.settlement_sums("month").rows() == []
    assert table.settlement_sums(["2011-01"]).to_dict() == {}


# ------------------------------------------------------------------------------------------ digits


def test_38_digits_are_exact_and_39_are_refused(engine: Engine) -> None:
    for sign in (1, -1):
        fits = engine.of([("Tea", "GBPT", JANUARY, sign * (TOP - 1)), ("Tea", "GBPT", JANUARY, sign)])
        assert fits.settlement_sums().rows()[0].net == sign * TOP
        beyond = engine.of([("Tea", "GBPT", JANUARY, sign * TOP), ("Tea", "GBPT", JANUARY, sign)])
        with pytest.raises(rs.AmountError, match="38 digits"):
            beyond.settlement_sums().rows()
        # DuckDB adds in 128 bits, which hold 10^38 but not twice as much.
        far_beyond = engine.of([("Tea", "GBPT", JANUARY, sign * TOP)] * 2)
        with pytest.raises(rs.AmountError, match="38 digits"):
            far_beyond.settlement_sums().to_frame()


def test_sums_of_words_may_exceed_a_word(engine: Engine) -> None:
    table = engine.of([("Tea", "GBPT", JANUARY, 2**63 - 1)] * 3, amounts="int64")
    assert table.settlement_sums().rows()[0].net == 3 * (2**63 - 1)


def test_39_digits_are_refused_before_they_are_summed(engine: Engine) -> None:
    if engine.name == "postgresql":  # whose numerics hold them
        with pytest.raises(rs.AmountError, match="38 digits"):
            engine.of([("Tea", "GBPT", JANUARY, 10**38)]).settlement_sums().rows()


def table_with(**columns: pa.Array) -> pa.Table:
    """A row in which some columns are others."""
    whole = {
        "seq": pa.array([1]),
        "agreement": pa.array(["Tea"]),
        "token": pa.array(["GBPT"]),
        "occurred_at": pa.array([JANUARY]),
        "amount": pa.array([1]),
    }
    return pa.table(whole | columns)


@pytest.mark.parametrize(
    "amount",
    [
        pa.array([1.0]),
        pa.array(["1.50"]).cast(pa.decimal128(10, 2)),
        pa.array(["1"]).cast(pa.decimal256(39, 0)),  # which DuckDB reads as a float
        pa.array(["1"]),
    ],
    ids=lambda array: str(array.type),
)
def test_amounts_that_are_not_exact_are_refused(tmp_path: Path, amount: pa.Array) -> None:
    with pytest.raises(rs.AmountTypeError, match="whole base units"):
        DuckEngine(tmp_path).of_table(table_with(amount=amount))


def test_a_table_needs_its_columns(tmp_path: Path) -> None:
    with pytest.raises(rs.InvalidInput, match="no column amount"):
        DuckEngine(tmp_path).of_table(table_with().drop(["amount"]))
    with pytest.raises(rs.InvalidInput, match="occurred_at must be"):
        DuckEngine(tmp_path).of_table(table_with(occurred_at=pa.array(["2011-01-01"])))


@pytest.mark.parametrize("lacking", ["occurred_at", "amount"])
def test_a_sale_that_lacks_something_is_refused(engine: Engine, lacking: str) -> None:
    line: Line = ("Tea", "GBPT", None, 1) if lacking == "occurred_at" else ("Tea", "GBPT", JANUARY, None)
    table = engine.of([("Tea", "GBPT", JANUARY, 1), line])
    with pytest.raises(rs.InvalidInput, match="1 sales have no"):
        table.settlement_sums()


@pytest.mark.parametrize("period", ["months", "2011-01", ["January"]])
def test_periods_that_are_none_are_refused(tmp_path: Path, period: str | list[str]) -> None:
    table = DuckEngine(tmp_path).of_table(table_with())
    with pytest.raises(rs.InvalidInput, match="period"):
        table.settlement_sums(period)


def test_too_many_periods_are_refused(tmp_path: Path) -> None:
    table = DuckEngine(tmp_path).of([("Tea", "GBPT", datetime(y, 1, 1, tzinfo=UTC), 1) for y in (2000, 2011)])
    with pytest.raises(rs.InvalidInput, match="4019 periods"):
        table.settlement_sums("day")


# ------------------------------------------------------------------------------------------ engines


def test_spark_without_its_ansi_mode_is_not_believed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from tests.analytics.engines import SparkEngine

    backend = request.getfixturevalue("spark")
    engine = SparkEngine(tmp_path, backend)
    backend.raw_sql("SET spark.sql.ansi.enabled = false")
    try:
        with pytest.raises(rs.AmountError, match="38 digits"):
            engine.of([("Tea", "GBPT", JANUARY, TOP), ("Tea", "GBPT", JANUARY, 1)]).settlement_sums().rows()
        words = engine.of([("Tea", "GBPT", JANUARY, 2**63 - 1)] * 2, amounts="int64")
        assert words.settlement_sums().rows()[0].net == 2**64 - 2
    finally:
        backend.raw_sql("SET spark.sql.ansi.enabled = true")


def test_spark_in_another_zone_is_refused(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from tests.analytics.engines import SparkEngine

    backend = request.getfixturevalue("spark")
    table = SparkEngine(tmp_path, backend).of([("Tea", "GBPT", JANUARY, 1)])
    backend.raw_sql("SET TIME ZONE 'Australia/Sydney'")
    try:
        with pytest.raises(rs.InvalidInput, match="Australia/Sydney"):
            table.settlement_sums()
    finally:
        backend.raw_sql("SET TIME ZONE 'UTC'")


def test_without_ibis_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['ibis'] = None; import revshare as rs\n"
        "try: rs.SalesTable.read_parquet('sales.parquet')\n"
        "except rs.MissingExtra as error: print(error.extra, error.package)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "analytics ibis-framework\n"


def test_it_is_loaded_with_nothing_but_the_core() -> None:
    program = (
        "import sys; from revshare.analytics import SalesTable\n"
        "print([name for name in ('ibis', 'duckdb', 'pandas', 'sqlalchemy', 'web3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_many_files_are_one_table(tmp_path: Path) -> None:
    engine = DuckEngine(tmp_path)
    for amount in (1, 2):
        engine.of([("Tea", "GBPT", JANUARY, amount)])
    pattern = str(tmp_path / "*.parquet")
    paths = [str(path) for path in tmp_path.glob("*.parquet")]
    for given in (pattern, paths):
        assert SalesTable.read_parquet(given).settlement_sums("year").to_dict() == {
            ("Tea", "GBPT", "2011"): 3
        }
