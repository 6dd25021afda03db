"""A sale counts once: recorded again it changes nothing, and with other content it is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import revshare as rs
from revshare.ledger import Manifest
from tests.ledger.sales import FULL, LIMIT, sale


def test_what_is_recorded_comes_back_whole(ledger: rs.Ledger) -> None:
    recorded = ledger.record(FULL)
    assert recorded.new
    assert recorded.entry == rs.Entry(FULL, 1, recorded.entry.recorded_at)
    assert ledger.record_all([sale(1), FULL, sale(2)]).new == 2
    for found in (ledger.sale("shop", "INV-7"), next(ledger.sales())):
        assert found == recorded.entry
        assert found.sale.leaf() == FULL.leaf()
    assert [entry.sale for entry in ledger.sales(after=1)] == [sale(1), sale(2)]


def test_the_same_sale_again_changes_nothing(ledger: rs.Ledger) -> None:
    first = ledger.record(sale(1))
    head = ledger.head()
    again = ledger.record(sale(1))
    assert (again.new, again.entry) == (False, first.entry)
    batch = ledger.record_all([sale(1), sale(1)])
    assert (batch.new, batch.known, batch.first) == (0, 2, None)
    assert ledger.head() == head


def test_other_content_is_refused_and_both_are_named(ledger: rs.Ledger) -> None:
    ledger.record(sale(1))
    with pytest.raises(rs.ConflictError, match=r"amount is 1, given 2.*sku is '', given 'x'") as caught:
        ledger.record(sale(1, 2, sku="x"))
    assert caught.value.existing == sale(1)
    assert caught.value.given == sale(1, 2, sku="x")
    assert caught.value.seq == 1
    assert caught.value.fields == ("amount", "sku")


@pytest.mark.parametrize("size", [2, 10_500])
def test_all_or_nothing(ledger: rs.Ledger, size: int) -> None:
    ledger.record(sale(0))
    head = ledger.head()
    many = [sale(number) for number in range(size)]
    with pytest.raises(rs.ConflictError):
        ledger.record_all([*many, sale(0, 5)])
    with pytest.raises(rs.ConflictError, match="earlier one of the same batch|entry"):
        ledger.record_all([*many, sale(size), sale(size, 5)])
    with pytest.raises(ZeroDivisionError):
        ledger.record_all(sale(1 // (size - number)) for number in range(size + 1))
    assert (ledger.head(), len(list(ledger.sales()))) == (head, 1)
    batch = ledger.record_all(many)
    assert (batch.new, batch.known, batch.first, batch.last) == (size - 1, 1, 2, size)


@pytest.mark.parametrize("known", [[5], [1_700], [5, 1_700, 2_999]])
def test_those_known_are_passed_over_wherever_they_stand(
    ledger: rs.Ledger, known: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revshare.ledger._append.PIECE", 1_000)
    ledger.record_all(map(sale, known))
    many = [sale(number) for number in range(3_000)]
    batch = ledger.record_all([*many, many[-1]])
    assert (batch.new, batch.known) == (3_000 - len(known), len(known) + 1)
    assert [entry.sale for entry in ledger.sales(after=len(known))] == [
        given for number, given in enumerate(many) if number not in known
    ]
    assert ledger.verify(ledger.head())


def test_texts_that_all_rows_share_are_stored_as_they_are(ledger: rs.Ledger) -> None:
    strange = {"agreement": "L'Oréal ''?'' :x", "description": "'); DROP TABLE sales; --", "sku": "?1\\%s"}
    many = [sale(number, 7, **strange) for number in range(1_000)]
    ledger.record_all(many)
    assert [entry.sale for entry in ledger.sales("L'Oréal ''?'' :x")] == many
    assert ledger.verify()


def test_totals_are_exact(ledger: rs.Ledger) -> None:
    amounts = [LIMIT, LIMIT, LIMIT - 1, -LIMIT, 2**63, -(2**63) - 1, 1, 0]
    ledger.record_all(sale(number, amount) for number, amount in enumerate(amounts))
    ledger.record(sale(100, 5, token="USDC", agreement="B", occurred_at=datetime(2012, 1, 1, tzinfo=UTC)))
    expected = rs.Totals(8, sum(a for a in amounts if a > 0), sum(a for a in amounts if a < 0))
    assert ledger.totals() == {"GBPT": expected, "USDC": rs.Totals(1, 5, 0)}
    assert ledger.totals()["GBPT"].net == sum(amounts)
    assert ledger.totals("Australia") == ledger.totals(period="2011") == {"GBPT": expected}
    assert ledger.totals("B", period="2011") == ledger.totals("nobody") == {}
    assert ledger.agreements() == ("Australia", "B")


def test_periods_are_half_open(ledger: rs.Ledger) -> None:
    march, april = datetime(2011, 3, 1, tzinfo=UTC), datetime(2011, 4, 1, tzinfo=UTC)
    ledger.record_all([sale(1, occurred_at=march), sale(2, occurred_at=april)])
    assert [entry.sale.amount for entry in ledger.sales("Australia", period="2011-03")] == [1]
    assert [entry.sale.amount for entry in ledger.sales(period="2011-04", source="shop")] == [2]
    assert list(ledger.sales(source="other")) == []


def test_a_file_is_imported_once(ledger: rs.Ledger) -> None:
    manifest = Manifest("march.csv", "ab" * 32, "cd" * 32, lines=3, skipped=1, totals={"GBPT": LIMIT})
    ledger.record(sale(1))
    batch = ledger.record_all([sale(1), sale(2)], manifest=manifest)
    assert (batch.new, batch.known, batch.import_id) == (1, 1, 1)
    head = ledger.head()
    again = ledger.record_all(iter([]), manifest=manifest)
    assert (again.new, again.known, again.import_id, ledger.head()) == (0, 2, 1, head)
    (kept,) = ledger.imports()
    assert (kept.name, kept.lines, kept.totals, kept.new, kept.known) == (
        "march.csv",
        3,
        {"GBPT": LIMIT},
        1,
        1,
    )
    assert [entry.import_id for entry in ledger.sales()] == [None, 1]
    assert ledger.record_all([sale(3)], manifest=lambda: Manifest("april.csv", "ef")).import_id == 2


def test_only_sales_are_recorded(ledger: rs.Ledger) -> None:
    with pytest.raises(rs.InvalidInput):
        ledger.record("a sale")  # type: ignore[arg-type]
