"""Corrections are new entries: the exact negative of the old one, made once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import revshare as rs
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


def test_a_reversal_can_have_a_number_of_its_own_and_be_reversed(ledger: rs.Ledger) -> None:
    ledger.record(sale(1))
    ledger.reverse("shop", "INV-1", reason="returned", external_id_of_reversal="R-1")
    assert ledger.reverse("shop", "R-1", reason="it was not").entry.sale.amount == 1
    assert ledger.totals()["GBPT"].net == 1
    assert ledger.verify().ok


def test_what_cannot_be_reversed_is_said(ledger: rs.Ledger) -> None:
    ledger.record_all([sale(1), sale(2)])
    with pytest.raises(rs.InvalidInput, match="no sale 'INV-3'"):
        ledger.reverse("shop", "INV-3", reason="returned")
    with pytest.raises(rs.InvalidInput, match="reason"):
        ledger.reverse("shop", "INV-1", reason=" ")
    with pytest.raises(rs.ConflictError):
        ledger.reverse("shop", "INV-1", reason="returned", external_id_of_reversal="INV-2")
    assert ledger.totals()["GBPT"].count == 2
