"""Corrections are new entries: the exact negative of the old one, made once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import revshare as rs
from revshare.ledger import Recorded
from tests.ledger.sales import FULL, sale


def test_a_reversal_is_the_exact_negative_and_says_of_what(ledger: rs.Ledger) -> None:
    ledger.record_all([sale(1), FULL])
    before = datetime.now(UTC)
    recorded = ledger.reverse("shop", "INV-7", reason="never delivered")
    reversal = recorded.entry.sale
    assert recorded.new
    assert recorded.entry.seq == 3
    assert reversal.external_id == "INV-7/reversal"
    assert reversal.amount == -FULL.amount
    assert before <= reversal.occurred_at <= datetime.now(UTC), "it belongs to the period it is made in"
    assert reversal.metadata == {"reverses": "INV-7", "reason": "never delivered"}
    kept = ("source", "token", "agreement", "sku", "territory", "channel", "currency", "rate", "rate_source")
    assert all(getattr(reversal, name) == getattr(FULL, name) for name in kept)
    assert ledger.sale("shop", "INV-7") is not None, "what was recorded stays"
    assert ledger.totals()["GBPT"].net == 1


def test_a_sale_is_reversed_once(ledger: rs.Ledger) -> None:
    ledger.record(sale(1))
    when = datetime(2011, 4, 1, tzinfo=UTC)
    first = ledger.reverse("shop", "INV-1", reason="returned", occurred_at=when)
    again = ledger.reverse("shop", "INV-1", reason="returned")
    assert (again.new, again.entry) == (False, first.entry)
    with pytest.raises(rs.ConflictError):
        ledger.reverse("shop", "INV-1", reason="damaged")
    with pytest.raises(rs.ConflictError):
        ledger.reverse("shop", "INV-1", reason="returned", external_id_of_reversal="R-1")
    with pytest.raises(rs.ConflictError):
        ledger.reverse("shop", "INV-1", reason="returned", occurred_at=datetime.now(UTC))
    assert ledger.totals()["GBPT"].count == 2


def test_a_sale_is_reversed_in_parts_until_nothing_of_it_is_left(ledger: rs.Ledger) -> None:
    ledger.record_all([sale(1, 100), sale(2, -100)])
    when = datetime(2011, 4, 1, tzinfo=UTC)

    def part(amount: int, number: str, of: str = "INV-1") -> Recorded:
        return ledger.reverse(
            "shop", of, reason="damaged", amount=amount, external_id_of_reversal=number, occurred_at=when
        )

    assert part(60, "C-1").entry.sale.amount == -60
    assert not part(60, "C-1").new, "the same again changes nothing"
    with pytest.raises(rs.ConflictError):
        part(30, "C-1")
    with pytest.raises(rs.InvalidInput, match="of 100 units of 'INV-1', 40 are left to reverse, not 41"):
        part(41, "C-2")
    with pytest.raises(rs.InvalidInput, match="40 are left to reverse, not 100"):
        ledger.reverse("shop", "INV-1", reason="damaged")
    assert part(40, "C-2").new
    with pytest.raises(rs.InvalidInput, match="0 are left"):
        part(1, "C-3")
    assert part(30, "C-4", of="INV-2").entry.sale.amount == 30, "of a credit note, money comes back"
    assert ledger.totals()["GBPT"].net == -70


@pytest.mark.parametrize(("amount", "why"), [(0, "above 0"), (-1, "above 0"), (1.0, "int of base units")])
def test_the_part_to_reverse_is_an_exact_amount_above_zero(ledger: rs.Ledger, amount: int, why: str) -> None:
    ledger.record(sale(1, 100))
    with pytest.raises(rs.AmountError, match=why):
        ledger.reverse("shop", "INV-1", reason="damaged", amount=amount)
    assert ledger.totals()["GBPT"].count == 1


def test_a_reversal_can_have_a_number_of_its_own_and_be_reversed(ledger: rs.Ledger) -> None:
    ledger.record(sale(1))
    ledger.reverse("shop", "INV-1", reason="returned", external_id_of_reversal="R-1")
    assert ledger.reverse("shop", "R-1", reason="it was not").entry.sale.amount == 1
    assert ledger.totals()["GBPT"].net == 1
    assert ledger.verify().ok


def test_the_reversals_of_a_sale_are_found_by_their_index(ledger: rs.Ledger) -> None:
    ledger.record_all([sale(n, metadata={"note": f"{n}"}) for n in range(2000)])
    ledger.reverse("shop", "INV-7", reason="returned")
    explain = "EXPLAIN QUERY PLAN " if ledger._store.dialect == "sqlite" else "EXPLAIN "
    asked: list[str] = []
    with ledger._store.write() as connection:
        if ledger._store.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE sales")

        class Explaining:
            """Asks the database how it would answer."""

            def execute(self, query: Any) -> list[Any]:
                text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
                asked.extend(map(str, connection.exec_driver_sql(explain + text.replace("%", "%%"))))
                return []

        assert list(ledger._reversals_of(Explaining(), sale(7))) == []  # type: ignore[arg-type]
    assert "sales_by_reversed" in "\n".join(asked), asked


def test_what_cannot_be_reversed_is_said(ledger: rs.Ledger) -> None:
    ledger.record_all([sale(1), sale(2)])
    with pytest.raises(rs.InvalidInput, match="no sale 'INV-3'"):
        ledger.reverse("shop", "INV-3", reason="returned")
    with pytest.raises(rs.InvalidInput, match="reason"):
        ledger.reverse("shop", "INV-1", reason=" ")
    with pytest.raises(rs.ConflictError):
        ledger.reverse("shop", "INV-1", reason="returned", external_id_of_reversal="INV-2")
    assert ledger.totals()["GBPT"].count == 2
