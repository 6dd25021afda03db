"""A ledger as Parquet: every field, in the order of the ledger, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import revshare as rs
from revshare.ledger._rows import SALE_COLUMNS, row_of

pytestmark = pytest.mark.xdist_group("analytics")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[rs.Ledger]:
    ledger = rs.Ledger.open(tmp_path / "sales.db")
    ledger.record_all(
        rs.Sale(
            "shop", f"S-{n}", datetime(2011, 1 + n % 3, 1, 0, 0, 0, n, UTC), -n * 10**37, "GBPT", "thé",
            {"n": n}, agreement=("Tea", "Songs")[n % 2], sku="85123A", territory="AU", channel="web",
            currency="EUR", rate="1.25", rate_source="ECB", zone="Europe/Paris",
        )
        for n in range(9)
    )  # fmt: skip
    yield ledger
    ledger.close()


def test_every_field_comes_back(ledger: rs.Ledger, tmp_path: Path) -> None:
    assert ledger.to_parquet(tmp_path / "sales.parquet") == 9
    rows = pq.read_table(tmp_path / "sales.parquet").to_pylist()
    assert [row["seq"] for row in rows] == list(range(1, 10))
    for row, entry in zip(rows, ledger.sales(), strict=True):
        expected = dict(zip(SALE_COLUMNS, row_of(entry.sale), strict=True))
        assert row["occurred_at"] == entry.sale.occurred_at
        assert int(row["amount"]) == entry.sale.amount
        assert {name: row[name] for name in SALE_COLUMNS if name not in ("occurred_at", "amount")} == {
            name: value for name, value in expected.items() if name not in ("occurred_at", "amount")
        }


def test_an_agreement_or_a_period_is_written_alone(ledger: rs.Ledger, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    assert ledger.to_parquet(path, "Tea", period="2011-01") == 2
    assert pq.read_table(path)["seq"].to_pylist() == [1, 7]
    assert ledger.to_parquet(path, "Nobody") == 0
    assert pq.read_table(path).num_rows == 0


def test_39_digits_are_refused_and_what_stood_there_stays(ledger: rs.Ledger, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    ledger.to_parquet(path)
    before = path.read_bytes()
    for sign in (1, -1):
        ledger.record(
            rs.Sale("shop", f"all {sign}", datetime(2012, 1, 1, tzinfo=UTC), sign * (10**38 - 1), "GBPT")
        )
    assert ledger.to_parquet(tmp_path / "fits.parquet") == 11
    ledger.record(rs.Sale("shop", "too much", datetime(2012, 1, 1, tzinfo=UTC), 10**38, "GBPT"))
    with pytest.raises(rs.AmountError, match="38 digits"):
        ledger.to_parquet(path)
    assert path.read_bytes() == before
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]
