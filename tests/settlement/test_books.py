"""Reconciling, and what `status` says: what agrees, what does not, and where everything stands."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from tests.settlement.world import APRIL, MARCH, MAY, UNIT, Clock, World, amounts, drive

from revshare.chain import record_id
from revshare.ledger import Sale
from revshare.ledger._journal import Journal
from revshare.settlement import reconcile, settle, status


def test_what_was_settled_agrees_in_every_account(any_world: World) -> None:
    world = any_world
    split = world.sold(8)
    world.sell(split, APRIL, amounts(5, 3))
    settle(world.ledger, split, MARCH)
    books = reconcile(world.ledger, split)
    assert books.differences == ()
    assert (books.open_lines, books.open_amount) == (5, sum(amounts(5, 3)))
    settle(world.ledger, split, APRIL)
    books = reconcile(world.ledger, split)
    assert books.reconciled
    assert books.received == books.remitted == sum(amounts(8)) + sum(amounts(5, 3))
    assert (books.elsewhere, books.settlements, books.open_lines) == (0, 2, 0)
    entitled = split.schedule.entitlements(books.received)
    for one in books.payees:
        assert one.schedule == one.contract == one.log == one.balances == one.ledger == entitled[one.payee]


def test_money_from_elsewhere_is_told_apart_and_is_no_difference(world: World) -> None:
    split = world.sold(8)
    world.token.transfer(split.address, 3 * UNIT).send()
    settle(world.ledger, split, MARCH)
    books = reconcile(world.ledger, split)
    assert books.reconciled
    assert books.elsewhere == 3 * UNIT


def test_a_remittance_this_ledger_knows_nothing_of_is_listed(world: World) -> None:
    split = world.sold(8)
    settle(world.ledger, split, MARCH)
    split.remit(UNIT, batch_id=record_id("by hand"), root=b"\1" * 32, count=4).send()
    (difference,) = reconcile(world.ledger, split).differences
    assert f"{world.me.address} remitted 1 for 4 lines" in difference
    assert "this ledger knows nothing" in difference


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE settlements SET amount = '5'", "amount is 5 in the journal"),
        ("UPDATE settlements SET count = 7", "count is 7 in the journal, 8 by its lines"),
        ("UPDATE settlements SET root = x'{}'".format("22" * 32), "root is 0x2222"),
        ("DELETE FROM settlement_lines WHERE position = 0", "8 in the journal, 7 by its lines"),
        ("UPDATE settlement_payouts SET paid = '1' WHERE position = 0", "this ledger's settlements 0.000001"),
        (
            "UPDATE settlements SET batch_id = x'{}'".format("33" * 32),
            "the contract's log has no such remittance",
        ),
        ("UPDATE transactions SET tx_hash = '0x44' WHERE step = 'remit'", "remitted by 0x44 here"),
    ],
)
def test_every_change_of_the_journal_is_a_difference(world: World, change: str, expected: str) -> None:
    split = world.sold(8)
    settle(world.ledger, split, MARCH)
    with world.ledger._store.write() as connection:
        connection.execute(text(change))
    assert any(expected in difference for difference in reconcile(world.ledger, split).differences)


def test_money_that_left_a_payee_back_door_is_a_difference(slow_world: World) -> None:
    """A token that moves what nobody sent: from the split to a payee, as no contract of ours does."""
    world = slow_world
    split = world.sold(8)
    settle(world.ledger, split, MARCH)
    world.token.transfer(split.address, UNIT).send()
    world.ask("anvil_impersonateAccount", split.address)
    world.ask("anvil_setBalance", split.address, hex(10**18))
    moved = world.token.transfer(split.payees["payee1"], 1000).calldata
    world.ask(
        "eth_sendTransaction", {"from": split.address, "to": world.token.address, "data": "0x" + moved.hex()}
    )
    differences = reconcile(world.ledger, split).differences
    assert any("payee1: the contract paid" in one and "the token moved" in one for one in differences)


def test_status_says_where_everything_stands(world: World) -> None:
    done, open_, carried = world.deal(), world.deal(), world.deal()
    assert done.agreement is not None
    assert open_.agreement is not None
    assert carried.agreement is not None
    for split, values in ((done, amounts(4)), (open_, amounts(3)), (carried, [-UNIT])):
        world.sell(split, MARCH, values)
    settle(world.ledger, done, MARCH)
    settle(world.ledger, carried, MARCH)
    by_name = {standing.agreement: standing for standing in status(world.ledger)}
    assert by_name[done.agreement.name].what == "done: 4 lines remitted and shared among 3 payees, final"
    assert by_name[done.agreement.name].to_do == ""
    assert by_name[open_.agreement.name].what == "3 sale lines are in no settlement yet"
    assert by_name[open_.agreement.name].to_do == "settle it: revshare settle AGREEMENT --period 2011-03"
    of_carried = [standing.state for standing in status(world.ledger, carried.agreement.name)]
    assert of_carried == ["carried", "open"]


def test_status_of_every_state(slow_world: World) -> None:
    world = slow_world
    split = world.sold(4)
    seen: dict[str, str] = {}
    clock = Clock(world)
    settler = world.settler(finality=3, **clock.options)
    settler.add(split, MARCH)

    def look() -> bool:
        for standing in status(world.ledger):
            if standing.record is not None:
                seen.setdefault(standing.what, standing.to_do)
        return any(
            standing.state == "mined" and "not final" in standing.what for standing in status(world.ledger)
        )

    drive(settler, look)
    words = list(seen)
    assert any("signed, and not known to be sent: approve 0x" in word for word in words)
    assert any("sent, and in no block yet: remit 0x" in word for word in words)
    assert any("the distribution is not signed yet" in word for word in words)
    assert any("distributed in block" in word and "not final yet" in word for word in words)
    assert all("nothing is signed or paid twice" in to_do for to_do in seen.values())
    who = f"with the account {world.me.address}, which alone can go on"
    assert all(who in to_do for to_do in seen.values())
    assert any("if the account lacks coin for gas, give it some first" in to_do for to_do in seen.values())


def test_status_advises_each_open_period_in_its_turn(world: World) -> None:
    """Settling the last alone would take the lines of all."""
    split = world.deal()
    for month, count in ((MAY, 2), (MARCH, 3), (APRIL, 1)):
        world.sell(split, month, amounts(count))
    found = [(standing.period, standing.what[:2], standing.to_do) for standing in status(world.ledger)]
    settle_it = "settle it: revshare settle AGREEMENT --period"
    assert found == [
        (MARCH, "3 ", f"{settle_it} 2011-03"),
        (APRIL, "1 ", f"after 2011-03, {settle_it} 2011-04"),
        (MAY, "2 ", f"after 2011-04, {settle_it} 2011-05"),
    ]
    settle(world.ledger, split, MARCH)
    world.sell(split, MARCH, [UNIT], source="late")
    late, april, _ = (standing for standing in status(world.ledger) if standing.state == "open")
    assert late.what == "1 sale line is in no settlement yet: recorded after 2011-03 was settled"
    assert late.to_do == "nothing by itself: it goes into the next period that is settled"
    assert april.to_do == f"{settle_it} 2011-04"


@pytest.mark.parametrize(
    ("like", "zone", "expected"),
    [
        ("2011-W09", "UTC", ["2011-W09", "2011-W13"]),
        ("2011-Q1", "UTC", ["2011-Q1", "2011-Q2"]),
        ("2011-02-01", "UTC", ["2011-03-01", "2011-04-01"]),
        ("2010", "UTC", ["2011"]),
        ("2011-01", "-01:00", ["2011-02", "2011-03"]),
        ("2011-01-01/2011-02-01", "UTC", ["2011-03", "2011-04"]),
    ],
)
def test_open_periods_are_as_long_as_the_last_that_was_settled(
    world: World, like: str, zone: str, expected: list[str]
) -> None:
    split = world.deal()
    assert split.agreement is not None
    moments = [datetime(2010, 12, 1, tzinfo=UTC), *(datetime(2011, month, 1, tzinfo=UTC) for month in (3, 4))]
    world.ledger.record_all(
        Sale("shop", f"{moment}", moment, -1, world.token.token.symbol, agreement=split.agreement.name)
        for moment in moments
    )
    settle(world.ledger, split, like, zone=zone)  # carried, as it comes to less than nothing
    found = [one for one in status(world.ledger) if one.state == "open"]
    assert [one.period for one in found][1:] == expected
    assert found[-1].to_do.endswith(f"--period {expected[-1]}" + ("" if zone == "UTC" else f" --zone {zone}"))


def test_status_names_the_worker_that_is_at_it(world: World) -> None:
    split = world.sold(4)
    settler = world.settler(worker="elsewhere/1/ab", finality=1000)
    settler.add(split, MARCH)
    drive(settler, lambda: bool(Journal(world.ledger).settlements()))
    (standing,) = status(world.ledger)
    assert "elsewhere/1/ab is at it until" in standing.what
    assert standing.to_do.startswith("wait")


def test_status_does_not_wait_for_a_process_of_this_machine_that_is_gone(world: World) -> None:
    split = world.sold(4)
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    settler = world.settler(worker=f"{socket.gethostname()}/{child}/ab", finality=1000)
    settler.add(split, MARCH)
    drive(settler, lambda: bool(Journal(world.ledger).settlements()))
    (standing,) = status(world.ledger)
    assert "is at it" not in standing.what
    assert standing.to_do.startswith("settle the period again")
    assert settle(world.ledger, split, MARCH).reconciled


def test_a_plan_and_a_result_can_be_written_as_json(world: World) -> None:
    import json

    split = world.sold(4)
    plan: Any = settle(world.ledger, split, MARCH, dry_run=True)
    result = settle(world.ledger, split, MARCH)
    written = json.loads(json.dumps(plan.to_dict())), json.loads(json.dumps(result.to_dict()))
    assert written[0]["amount"] == written[1]["amount"] == split.token.format(sum(amounts(4)))
    assert json.dumps(reconcile(world.ledger, split).to_dict())
    assert json.dumps([standing.to_dict() for standing in status(world.ledger)])
