"""Clearing: the most that can be cancelled, proved; net positions stay what they are, to the unit."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import revshare as rs
from revshare import Clearing, Invoice, clear
from revshare.clearing import demurrage

BANK = "the credit system"
Arc = tuple[str, str, int]  # from, to, number
Step = tuple[str, str, int, Arc, int]  # from, to, cost, along which arc, forwards or backwards
WORTH = 1_000
"""Of a unit cancelled, over a unit of credit drawn: far more than there are firms."""


def most_by_hand(
    invoices: Sequence[Invoice], limits: dict[str, int], accepts: dict[str, int]
) -> tuple[int, int]:
    """Units cancelled at most, and the least credit for it: cycle after cycle improved, in plain Python."""
    room: dict[Arc, int] = {(i.debtor, i.creditor, number): i.amount for number, i in enumerate(invoices)}
    room |= {(BANK, firm, -1): limit for firm, limit in limits.items()}
    room |= {(firm, BANK, -2): accept for firm, accept in accepts.items()}
    used = dict.fromkeys(room, 0)
    while cycle := improving(room, used):
        much = min(room[arc] - used[arc] if way > 0 else used[arc] for *_, arc, way in cycle)
        for *_, arc, way in cycle:
            used[arc] += way * much
    drawn = sum(flow for arc, flow in used.items() if arc[2] == -1)
    return sum(flow for arc, flow in used.items() if arc[2] >= 0), drawn


def improving(room: dict[Arc, int], used: dict[Arc, int]) -> list[Step]:
    """A cycle of negative cost in what is left, if there is one: Bellman and Ford."""
    cost = {arc: {-1: 1, -2: 0}.get(arc[2], -WORTH) for arc in room}
    steps: list[Step] = [(arc[0], arc[1], cost[arc], arc, 1) for arc in room if used[arc] < room[arc]]
    steps += [(arc[1], arc[0], -cost[arc], arc, -1) for arc in room if used[arc] > 0]
    distance = dict.fromkeys((node for arc in room for node in arc[:2]), 0)
    came: dict[str, Step] = {}
    last: str | None = None
    for _ in range(len(distance) + 1):
        last = None
        for step in steps:
            if distance[step[0]] + step[2] < distance[step[1]]:
                distance[step[1]] = distance[step[0]] + step[2]
                came[step[1]] = step
                last = step[1]
    if last is None:
        return []
    for _ in distance:  # so far back that it must be on the cycle
        last = came[last][0]
    cycle = [came[last]]
    while cycle[-1][0] != last:
        cycle.append(came[cycle[-1][0]])
    return cycle


@st.composite
def networks(draw: st.DrawFn) -> list[Invoice]:
    firms = [f"firm {n}" for n in range(draw(st.integers(2, 7)))]
    rng = random.Random(draw(st.integers(0, 2**32)))
    top = draw(st.sampled_from([3, 100, 10**6, 2**50]))
    invoices = []
    for number in range(draw(st.integers(0, 18))):
        debtor, creditor = rng.sample(firms, 2)
        invoices.append(Invoice(str(number), debtor, creditor, rng.randint(1, top)))
    return invoices


@given(networks(), st.data())
def test_as_much_is_cancelled_as_can_be_with_the_least_credit(
    invoices: list[Invoice], data: st.DataObject
) -> None:
    firms = sorted({firm for invoice in invoices for firm in (invoice.debtor, invoice.creditor)})
    credit = st.dictionaries(st.sampled_from(firms or ["nobody"]), st.integers(0, 2**50))
    limits, accepts = data.draw(credit), data.draw(credit)
    found = clear(invoices, limits=limits, accepts=accepts)
    assert (found.total, found.credit) == most_by_hand(invoices, found.limits, found.accepts)
    found.verify()
    assert found.net() == found.net_after()
    assert sum(found.balances.values()) == 0
    assert found.owed - found.total == sum(invoice.amount for invoice in found.remaining)


@given(networks())
def test_payments_settle_what_remains(invoices: list[Invoice]) -> None:
    found = clear(invoices)
    position = dict(found.net())
    payments = found.payments()
    for payment in payments:
        assert payment.amount > 0
        position[payment.debtor] += payment.amount
        position[payment.creditor] -= payment.amount
    assert not any(position.values())
    assert len(payments) < max(len(position), 1)
    assert found.payouts() == {firm: net for firm, net in sorted(found.net().items()) if net > 0}


def test_the_same_input_gives_the_same_result() -> None:
    rng = random.Random(5)
    pairs = [rng.sample("abcdefgh", 2) for _ in range(60)]
    invoices = [Invoice(str(n), one, other, rng.randint(1, 999)) for n, (one, other) in enumerate(pairs)]
    assert clear(invoices) == clear(list(invoices))


def test_of_parallel_invoices_the_earlier_goes_first() -> None:
    found = clear([Invoice("1", "a", "b", 30), Invoice("2", "a", "b", 30), Invoice("3", "b", "a", 40)])
    assert found.cleared == (30, 10, 40)
    assert found.remaining == (Invoice("2", "a", "b", 20),)
    assert (found.remaining_of("1"), found.remaining_of("2")) == (0, 20)


def test_without_cycles_nothing_is_cancelled_and_credit_opens_the_chain() -> None:
    chain = [Invoice("1", "a", "b", 100), Invoice("2", "b", "c", 100)]
    assert clear(chain).total == 0
    found = clear(chain, limits={"a": 60}, accepts={"c": 70})
    assert (found.total, found.credit) == (120, 60)
    assert found.balances == {"a": -60, "c": 60}
    assert clear(chain, limits={"a": 60, "c": 10}).balances == {"a": -10, "c": 10}
    assert clear([]).payments() == []
    assert (
        repr(found)
        == "Clearing(120 of 200 units cancelled, 2 of 2 invoices remain, 60 units of credit drawn)"
    )


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(-(2**70), 2**70)),
    st.fractions(0, 1),
    st.sampled_from("abz"),
)
def test_demurrage_takes_from_what_lies_idle_and_loses_nothing(
    balances: dict[str, int], rate: Fraction, fund: str
) -> None:
    found = demurrage(balances, rate, fund)
    assert sum(found.values()) == sum(balances.values())
    for firm, balance in balances.items():
        if firm != fund:
            assert found[firm] == balance - (floor(balance * rate) if balance > 0 else 0)


def test_demurrage_of_one_and_a_half_per_cent() -> None:
    assert demurrage({"a": 1_099, "b": -500, "fund": 10}, "1.5%", "fund") == {
        "a": 1_083,
        "b": -500,
        "fund": 26,
    }
    for rate in (0.015, "101%", "1.5", Fraction(-1, 2), True):
        with pytest.raises(rs.InvalidInput, match="percentage in quotes"):
            demurrage({"a": 1}, rate, "fund")  # type: ignore[arg-type]
    with pytest.raises(rs.AmountTypeError):
        demurrage({"a": 1.0}, "1%", "fund")  # type: ignore[dict-item]


# ------------------------------------------------------------------------------------------ published


def test_the_example_of_a_treasury_course() -> None:
    """Three subsidiaries, in dollars: "Example 2 - Multilateral Netting" (scribd.com/document/495700079)."""
    owed = [
        ("UK", "SA", 195_886),
        ("UK", "FR", 545_455),
        ("FR", "SA", 130_591),
        ("SA", "UK", 108_824),
        ("SA", "FR", 426_136),
    ]
    found = clear([Invoice(str(n), *row) for n, row in enumerate(owed)])
    assert found.net() == {"UK": -632_517, "FR": 841_000, "SA": -208_483}
    assert {(p.debtor, p.creditor): p.amount for p in found.payments()} == {
        ("UK", "FR"): 632_517,
        ("SA", "FR"): 208_483,
    }
    assert found.payouts() == {"FR": 841_000}
    # around cycles alone: UK and SA owe each other, as do FR and SA, and a ring of three uses what is left
    assert found.owed - found.total == sum(invoice.amount for invoice in found.remaining)
    assert found.total == most_by_hand(found.invoices, {}, {})[0] == 2 * 108_824 + 2 * 130_591


def test_the_example_of_four_subsidiaries() -> None:
    """Max Int. Co., in millions: gross 3,600; net 850 (askfilo.com, question 3431363438313430)."""
    owed = {"A": {"B": 250, "C": 50, "D": 250}, "B": {"A": 300, "C": 150, "D": 300}}
    owed |= {"C": {"A": 270, "B": 230, "D": 400}, "D": {"A": 600, "B": 500, "C": 300}}
    found = clear(
        [
            Invoice(f"{one}{other}", one, other, amount)
            for one, row in owed.items()
            for other, amount in row.items()
        ]
    )
    assert found.owed == 3600
    assert found.net() == {"A": 620, "B": 230, "C": -400, "D": -450}
    assert sum(payment.amount for payment in found.payments()) == 850
    assert found.total == 3600 - 850  # here invoices lead straight from those who pay to those who receive


# ------------------------------------------------------------------------------------------ proof, refusals


def test_verify_finds_whatever_is_wrong() -> None:
    invoices = [Invoice("1", "a", "b", 100), Invoice("2", "b", "c", 80), Invoice("3", "c", "a", 90)]
    found = clear(invoices, limits={"a": 5}, accepts={"b": 5})
    found.verify()
    less = tuple(units - 1 for units in found.cleared)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"cleared": (101, 80, 80)}, "cannot be cancelled"),
        ({"cleared": (81, 80, 80), "balances": {}}, "net positions have changed"),
        ({"cleared": less}, "the certificate allows"),
        ({"potentials": found.potentials | {"a": found.potentials["a"] + 1}}, "the certificate allows"),
        ({"limits": {"a": 4}}, "beyond its limits"),
    ]
    for change, message in changes:
        with pytest.raises(rs.InvalidInput, match=message):
            dataclasses.replace(found, **change).verify()


def test_no_potentials_can_pass_off_less_as_the_most() -> None:
    found = clear([Invoice("1", "a", "b", 100), Invoice("2", "b", "a", 80)])
    for one in range(-4, 5):
        for other in range(-4, 5):
            forged = Clearing(found.invoices, (79, 79), {}, {}, {}, {"a": one, "b": other})
            with pytest.raises(rs.InvalidInput, match="certificate"):
                forged.verify()


@pytest.mark.parametrize(
    ("invoices", "options", "message"),
    [
        ([Invoice("1", "a", "b", 0)], {}, "above 0"),
        ([Invoice("1", "a", "b", 1.5)], {}, "int of base units"),  # type: ignore[arg-type]
        ([Invoice("1", "a", "a", 1)], {}, "to itself"),
        ([Invoice("1", "a", "b", 1), Invoice("1", "b", "a", 1)], {}, "two invoices '1'"),
        ([Invoice("1", "a", "b", 1)], {"limits": {"a": -1}}, "below 0"),
        ([Invoice("1", "a", "b", 1)], {"limits": {"a": 0.5}}, "int of base units"),
        ([Invoice("1", "a", "b", 2**58)], {}, "larger unit"),
        ([Invoice("1", "a", "b", 1)], {"accepts": {"a": 2**58}}, "larger unit"),
    ],
)
def test_what_cannot_be_cleared_is_refused(
    invoices: list[Invoice], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(rs.InvalidInput, match=message):
        clear(invoices, **options)
    with pytest.raises(rs.InvalidInput, match="no invoice '9'"):
        clear([]).remaining_of("9")


def test_just_as_much_as_is_allowed_is_cleared() -> None:
    half = 2**57 - 1
    assert clear([Invoice("1", "a", "b", half), Invoice("2", "b", "a", half)]).total == 2 * half


def test_the_solver_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.graph.python.min_cost_flow", None)
    with pytest.raises(rs.MissingExtra, match=r"revshare\[clearing\]"):
        clear([Invoice("1", "a", "b", 1)])
