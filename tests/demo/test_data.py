"""The shipped sales are the Australian lines of the data set, whole and unchanged, with their licence."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from eth_hash.auto import keccak

import revshare as rs
from revshare.demo import _sales
from tests.conftest import ROOT
from tests.demo.australian_slice import australian_lines

GBPT = rs.Token(symbol="GBPT", decimals=6)
PARQUET = ROOT.parent / "shared" / "data" / "online_retail.parquet"
PACKAGE = resources.files("revshare.demo")


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(_sales.data().splitlines()))


@pytest.mark.skipif(not PARQUET.is_file(), reason="the whole data set is not part of the repository")
def test_the_slice_is_cut_from_the_data_set() -> None:
    pytest.importorskip("pyarrow.parquet")
    assert _sales.data() == australian_lines(PARQUET)


def test_what_the_slice_holds() -> None:
    lines = rows()
    amounts = [int(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in lines]
    assert len(lines) == 1259
    assert len({row["InvoiceNo"] for row in lines}) == 69
    assert len({row["InvoiceNo"] for row in lines if row["InvoiceNo"].startswith("C")}) == 12
    assert sum(amount for amount in amounts if amount > 0) == Decimal("138521.31")
    assert sum(amounts) == Decimal("137077.27")


def test_the_licence_goes_with_the_data() -> None:
    text = (PACKAGE / "DATA.md").read_text(encoding="utf-8")
    for said in ("Online Retail", "10.24432/C5BW33", "CC BY 4.0", "What was changed", "1,259", "137,077.27"):
        assert said in text


def test_every_line_becomes_a_sale_with_an_identity_of_its_own() -> None:
    sales = [sale for month in _sales.months(_sales.data(), GBPT).values() for sale in month]
    assert len(sales) == len({(sale.source, sale.external_id) for sale in sales}) == 1259
    assert sum(sale.amount for sale in sales) == GBPT.parse("137077.27")
    assert {sale.is_credit_note for sale in sales if str(sale.metadata["invoice"]).startswith("C")} == {True}
    assert _sales.invoices(sales) == (69, 12)


def test_times_are_those_of_the_united_kingdom() -> None:
    try:
        london = ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        pytest.skip("no time zone database here")
    sales = [sale for month in _sales.months(_sales.data(), GBPT).values() for sale in month]
    by_id = {sale.external_id: sale for sale in sales}
    seen = set()
    for row in rows():
        here = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=london)
        assert by_id[f"{row['InvoiceNo']}/1"].occurred_at == here
        seen.add(here.utcoffset())
    assert len(seen) == 2  # both summer and winter are among them


def test_the_agreement_in_the_examples_is_the_one_the_package_carries() -> None:
    shipped = (PACKAGE / "australia.toml").read_text(encoding="utf-8")
    assert (ROOT / "examples" / "australia.toml").read_text(encoding="utf-8") == shipped


def test_the_agreement_says_what_the_demonstration_promises() -> None:
    agreement = rs.Agreement.load(ROOT / "examples" / "australia.toml")
    assert agreement.token == GBPT
    assert [tier.until for tier in agreement.tiers] == ["5000", None]
    assert agreement.tiers[0].shares == {"designer": 1}
    assert agreement.tiers[1].shares == {
        "exporter": "55%",
        "distributor": "25%",
        "account_manager": "12%",
        "adviser": "5%",
        "designer": "3%",
    }


def test_addresses_of_the_payees_come_from_their_names() -> None:
    for name, address in rs.Agreement.load(ROOT / "examples" / "australia.toml").payees.items():
        assert address.lower() == "0x" + keccak(f"revshare demo: {name}".encode())[-20:].hex()
