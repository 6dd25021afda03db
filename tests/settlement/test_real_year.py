"""A real year: every line of a shop that sold to 38 countries, settled month by month, compared to the unit.

Chen, D. (2015), *Online Retail*, UCI Machine Learning Repository, doi 10.24432/C5BW33, CC BY 4.0. The file is
not part of the repository: it is looked for in the folder beside it, or where REVSHARE_SHARED_DATA says.

What is expected is computed here from the file's rows alone: every line counts, copies too, credit notes
and bad debts with their sign; an amount is quantity times price, the price by its shortest decimal form; a
month that comes to nothing or less is carried into the next; the money rule is that of `tests.oracle`.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from tests import oracle
from tests.chain.conftest import Chain, local_accounts
from tests.nodes import ANVIL, anvil
from tests.settlement.world import UNIT
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain import Remitted, RevenueSplit
from revshare.ledger import Ledger
from revshare.ledger._journal import Journal
from revshare.settlement import Settler, reconcile

_BESIDE = Path(__file__).resolve().parent.parent.parent.parent / "shared/data"
DATA = Path(os.environ.get("REVSHARE_SHARED_DATA", _BESIDE)) / "online_retail.parquet"
ZONE = "Europe/London"  # the file's times are the shop's own
YEAR = ["2010-12", *(f"2011-{month:02}" for month in range(1, 13))]  # of the last there are nine days
ROWS, COUNTRIES = 541_909, 38
FEW = ("Australia", "Bahrain", "Hong Kong", "Israel", "Japan", "United Arab Emirates")
"""Small ones, where months come to nothing or less, and are carried."""

Sums = dict[str, dict[str, int]]
"""Country → month → units."""


@pytest.fixture
def node() -> Iterator[Chain]:
    """An anvil of its own: thousands of blocks would be in the way of others."""
    if not DATA.is_file():
        pytest.skip(f"the data set is not there ({DATA.name}): put it beside, or set REVSHARE_SHARED_DATA")
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil() as url:
        yield Chain(Web3(HTTPProvider(url)), local_accounts(), "anvil")


def agreements(countries: Collection[str]) -> dict[str, rs.Agreement]:
    """Each country has payees of its own, and terms of its own."""
    made = {}
    for place, country in enumerate(sorted(countries), 1):
        payees = {
            name: to_checksum_address((0xC0FFEE << 136 | place << 8 | number).to_bytes(20, "big"))
            for number, name in enumerate(("exporter", "distributor", "designer"), 1)
        }
        made[country] = rs.Agreement.model_validate(
            {
                "name": f"Sales to {country}",
                "token": {"symbol": "GBP6", "decimals": 6},
                "payees": payees,
                "tiers": [
                    {"until": str(500 * place), "shares": {"designer": 1}},
                    {"until": str(9000 + 777 * place), "shares": {"exporter": 3, "distributor": place}},
                    {"shares": {"exporter": 7, "distributor": 5 + place, "designer": 11}},
                ],
            }
        )
    return made


def tiers(place: int) -> oracle.Tiers:
    """The same terms once more, for the oracle: weights of exporter, distributor, designer."""
    return [
        (500 * place * UNIT, (0, 0, 1)),
        ((9000 + 777 * place) * UNIT, (3, place, 0)),
        (None, (7, 5 + place, 11)),
    ]


def mapping(countries: Collection[str]) -> dict[str, Any]:
    return {
        "source": "online_retail",
        "token": {"symbol": "GBP6", "decimals": 6},
        "zone": ZONE,
        "number_lines": True,
        "columns": {
            "external_id": ["InvoiceNo"],
            "occurred_at": "InvoiceDate",
            "quantity": "Quantity",
            "unit_price": "UnitPrice",
            "description": "Description",
            "sku": "StockCode",
            "territory": "Country",
        },
        "routes": [
            {"agreement": f"Sales to {country}", "territory": country} for country in sorted(countries)
        ],
    }


def sums_of(source: Path) -> tuple[int, Sums]:
    """Return how many lines there are, and what they come to, by country and month of the shop's clock."""
    import pyarrow.parquet as pq

    columns = ["Country", "InvoiceDate", "Quantity", "UnitPrice"]
    count = 0
    sums: Sums = defaultdict(lambda: defaultdict(int))
    for batch in pq.ParquetFile(source).iter_batches(columns=columns):
        named = batch.to_pydict()
        for country, when, quantity, price in zip(*(named[name] for name in columns), strict=True):
            count += 1
            units = quantity * Decimal(repr(price)) * UNIT
            assert units == int(units)
            sums[country][f"{when:%Y-%m}"] += int(units)
    return count, sums


def remittances(months: Sequence[str], sums: dict[str, int]) -> list[int]:
    """Return what is remitted each month: what came to nothing or less goes into the next."""
    found, carried = [], 0
    for month in months:
        carried += sums.get(month, 0)
        found.append(max(carried, 0))
        carried = min(carried, 0)
    return found


def all_countries() -> list[str]:
    import pyarrow.parquet as pq

    return sorted(set(pq.read_table(DATA, columns=["Country"])["Country"].to_pylist()))


def cut(path: Path, countries: Collection[str]) -> Path:
    """Write the lines of a few countries to a file of their own, in the order they stand in."""
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(DATA, filters=[("Country", "in", sorted(countries))]), path)
    return path


def settle_and_compare(
    node: Chain, url: str, source: Path, countries: Collection[str], months: Sequence[str]
) -> None:
    began = time.perf_counter()
    token = node.token()
    with Ledger.open(url) as ledger:
        lines, sums = sums_of(source)
        report = ledger.import_sales(source, mapping(countries))
        imported = time.perf_counter()
        assert report.new == lines
        assert sum(1 for _ in ledger.sales()) == lines
        deals = agreements(countries)
        splits = {
            country: RevenueSplit.deploy(node.w3, deal, token=token.address, account=node.payer, salt=1)
            for country, deal in deals.items()
        }
        settler = Settler(ledger, node.w3, account=node.payer)
        for month in months:
            for split in splits.values():
                settler.add(split, month, zone=ZONE)
            settler.run()
            assert settler.problems == {}, month
        settled = time.perf_counter()
        for place, country in enumerate(sorted(countries), 1):
            compare(ledger, splits[country], tiers(place), remittances(months, sums[country]), months)
        records = Journal(ledger).settlements()
    sys.stdout.write(
        f"{lines:,} lines of {len(splits)} countries, {len(records)} settlements of {len(months)} months: "
        f"imported in {imported - began:.1f} s, settled in {settled - imported:.1f} s, "
        f"compared in {time.perf_counter() - settled:.1f} s\n"
    )


def compare(
    ledger: Ledger, split: RevenueSplit, terms: oracle.Tiers, expected: Sequence[int], months: Sequence[str]
) -> None:
    """Compare one country with what its rows come to: chain, journal, and each month's payouts."""
    assert split.agreement is not None
    names = list(split.payees)
    assert sorted(names) == ["designer", "distributor", "exporter"]
    order = ("exporter", "distributor", "designer")
    token = split.terms.token
    whole = dict(zip(order, oracle.entitlements(terms, sum(expected)), strict=True))
    held = {name: balance(split, token, address) for name, address in split.payees.items()}
    assert held == whole, split.agreement.name
    assert split.received() == sum(expected)
    remitted = [event for event in split.events() if isinstance(event, Remitted)]
    assert [event.amount for event in remitted] == [amount for amount in expected if amount]
    by_month = {record.period: record for record in Journal(ledger).settlements(split.agreement.name)}
    revenue = 0
    for month, amount in zip(months, expected, strict=True):
        if not amount:  # without a line there is no record either
            assert month not in by_month or by_month[month].state == "carried"
            continue
        record = by_month[month]
        rows = oracle.attribution(terms, [amount], revenue)
        earned = dict(zip(order, rows[0], strict=True))
        revenue += amount
        assert (record.state, record.note, record.amount) == ("final", "", amount)
        assert {payout.payee: payout.paid for payout in record.payouts} == earned
        assert {payout.payee: payout.earned for payout in record.payouts} == earned
    books = reconcile(ledger, split)
    assert books.differences == ()


def balance(split: RevenueSplit, token: str, address: str) -> int:
    """By the token's own word."""
    data = "0x70a08231" + bytes(12).hex() + address[2:].lower()
    return int.from_bytes(split.node.call({"to": token, "data": data}), "big")


def test_a_real_year_of_six_countries(node: Chain, sqlite_url: str, tmp_path: Path) -> None:
    settle_and_compare(node, sqlite_url, cut(tmp_path / "few.parquet", FEW), FEW, YEAR)


@pytest.mark.campaign
def test_a_real_year_of_all_countries(node: Chain, sqlite_url: str) -> None:
    countries = all_countries()
    assert len(countries) == COUNTRIES
    assert sums_of(DATA)[0] == ROWS
    settle_and_compare(node, sqlite_url, DATA, countries, YEAR)
