"""What is offered for gas, and what in its place: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import revshare as rs
from revshare.settlement._fees import Fees, market, raised

wei = st.integers(0, 10**13)


class Node:
    """As much of a node as fees need."""

    def __init__(self, base: int | None, price: int = 0) -> None:
        from revshare.chain.node import Block

        self.head = Block(1, "0x", base)
        self.price = price

    def block(self) -> object:
        return self.head

    def gas_price(self) -> int:
        return self.price


@given(wei, wei, wei, wei, st.integers(0, 10**14))
def test_a_replacement_offers_a_tenth_more_of_both_and_no_more_than_the_cap(
    most: int, tip: int, base: int, now_tip: int, cap: int
) -> None:
    old = Fees(most, min(tip, most))
    new = raised(old, Fees(2 * base + now_tip, now_tip), cap)
    if new is None:
        assert 10 * cap < 11 * most + 10
        return
    assert new.tip is not None
    assert old.tip is not None
    assert new.most <= cap
    assert new.tip <= new.most
    assert 10 * new.most >= 11 * most
    assert 10 * new.tip >= 11 * old.tip
    assert new.most >= min(2 * base + now_tip, cap)


@given(wei, wei, st.none() | st.integers(1, 10**14))
def test_an_offer_is_within_the_cap_and_above_the_base_fee(base: int, tip: int, cap: int | None) -> None:
    try:
        fees = market(Node(base), tip, cap)  # type: ignore[arg-type]
    except rs.FeesTooHigh as error:
        assert cap is not None
        assert error.price >= cap
        return
    assert fees.tip is not None
    assert fees.tip <= fees.most
    assert cap is None or fees.most <= cap
    assert fees.most >= base


def test_a_chain_without_a_base_fee() -> None:
    assert market(Node(None, 7), None, None) == Fees(7, None)  # type: ignore[arg-type]
    assert Fees(7, None).fields() == {"gasPrice": 7}
    assert Fees(7, None).given() == {"gas_price": 7}
    assert raised(Fees(100, None), Fees(50, None), 1000) == Fees(111, None)
    with pytest.raises(rs.FeesTooHigh):
        market(Node(None, 7), None, 6)  # type: ignore[arg-type]
