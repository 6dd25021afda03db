"""A sale: refused when ambiguous, and committed to by a leaf that anyone can reproduce."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from eth_hash.auto import keccak

from revshare import AmountError, AmountTypeError, InvalidInput, Sale

FIELDS: dict[str, Any] = {
    "source": "distributor",
    "external_id": "536365",
    "occurred_at": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
    "amount": 15_300_000,
    "token": "GBPT",
    "description": 'WHITE "T-LIGHT" HOLDER – été',
    "metadata": {"quantity": 6, "code": "85123A"},
}


def test_the_leaf_is_the_double_hash_of_canonical_json() -> None:
    sale = Sale(**FIELDS)
    text = (
        '{"amount":"15300000","description":"WHITE \\"T-LIGHT\\" HOLDER – été","external_id":"536365",'
        '"metadata":{"code":"85123A","quantity":6},"occurred_at":"2010-12-01T08:26:00.000000Z",'
        '"source":"distributor","token":"GBPT"}'
    )
    assert sale.canonical().decode() == text
    assert sale.leaf() == keccak(keccak(text.encode()))


def test_the_same_instant_in_another_zone_is_the_same_sale() -> None:
    sydney = timezone(timedelta(hours=11))
    there = Sale(**FIELDS | {"occurred_at": datetime(2010, 12, 1, 19, 26, tzinfo=sydney)})
    assert there == Sale(**FIELDS)
    assert there.leaf() == Sale(**FIELDS).leaf()
    assert hash(there) == hash(Sale(**FIELDS))
    assert there.occurred_at.tzinfo is UTC


@pytest.mark.parametrize("change", [("amount", 1), ("external_id", "x"), ("metadata", {}), ("token", "USDC")])
def test_every_field_is_committed_to(change: tuple[str, Any]) -> None:
    assert Sale(**FIELDS | dict([change])).leaf() != Sale(**FIELDS).leaf()


def test_a_credit_note_is_a_negative_sale() -> None:
    assert Sale(**FIELDS | {"amount": -1}).is_credit_note
    assert not Sale(**FIELDS).is_credit_note


def test_a_sale_cannot_change_and_can_travel() -> None:
    metadata = {"quantity": 6}
    sale = Sale(**FIELDS | {"metadata": metadata})
    metadata["quantity"] = 7
    assert sale.metadata["quantity"] == 6
    with pytest.raises(TypeError):
        sale.metadata["quantity"] = 7  # type: ignore[index]
    with pytest.raises(AttributeError):
        sale.amount = 7  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(sale)) == sale


@pytest.mark.parametrize("amount", [1.0, True, "1", None])
def test_the_amount_is_an_int(amount: Any) -> None:
    with pytest.raises(AmountTypeError):
        Sale(**FIELDS | {"amount": amount})


@pytest.mark.parametrize(
    "change",
    [
        {"source": ""},
        {"external_id": ""},
        {"external_id": 536365},
        {"token": ""},
        {"description": None},
        {"occurred_at": datetime(2010, 12, 1)},  # noqa: DTZ001 - that is the point
        {"occurred_at": "2010-12-01"},
        {"metadata": {"price": 2.55}},
        {"metadata": {1: "x"}},
        {"metadata": {"lines": []}},
        {"external_id": "\ud800"},
        {"metadata": {"code": "\ud800"}},
    ],
)
def test_what_is_ambiguous_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Sale(**FIELDS | change)


DETAILS: dict[str, Any] = {
    "agreement": "Cosmetics to Australia",
    "sku": "85123A",
    "territory": "AU",
    "channel": "web",
    "currency": "AUD",
    "rate": "0.6512",
    "rate_source": "ECB",
    "zone": "Australia/Sydney",
}


@pytest.mark.parametrize("name", DETAILS)
def test_a_detail_is_committed_to_when_it_is_set(name: str) -> None:
    plain = Sale(**FIELDS)
    sale = Sale(**FIELDS | {name: DETAILS[name]})
    assert f'"{name}":"{DETAILS[name]}"' in sale.canonical().decode()
    assert f'"{name}"' not in plain.canonical().decode(), "so that earlier leaves stay what they were"
    assert sale != plain
    assert sale.leaf() != plain.leaf()


def test_a_sale_with_all_details_can_travel() -> None:
    sale = Sale(**FIELDS | DETAILS)
    assert pickle.loads(pickle.dumps(sale)) == sale


@pytest.mark.parametrize("amount", [2**128, -(2**128)])
def test_amounts_go_as_far_as_2_128(amount: int) -> None:
    assert Sale(**FIELDS | {"amount": amount}).amount == amount
    with pytest.raises(AmountError):
        Sale(**FIELDS | {"amount": amount + (1 if amount > 0 else -1)})


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 0.6512},
        {"rate": "1e3"},
        {"rate": "-1"},
        {"rate": "1,5"},
        {"rate": "１"},
        {"zone": "somewhere else"},
        {"zone": "+10"},
        {"sku": 85123},
        {"agreement": None},
        {"territory": "A\0U"},
        {"description": "\0"},
        {"metadata": {"a": "\0"}},
        {"metadata": {"a": 2**256}},
        {"channel": "\ud800"},
        {"occurred_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))},
    ],
)
def test_details_that_are_ambiguous_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Sale(**FIELDS | change)


def test_text_of_another_kind_becomes_plain_text() -> None:
    class Text(str):
        __slots__ = ()

    sale = Sale(**FIELDS | {"sku": Text("85123A"), "source": Text("distributor")})
    assert (type(sale.sku), type(sale.source)) == (str, str)
