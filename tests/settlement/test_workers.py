"""Leases, fences and nonces: what keeps two workers from doing the same thing twice."""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from tests.settlement.world import APRIL, MARCH, Clock, World, drive

import revshare as rs
from revshare.chain import RevenueSplit
from revshare.ledger import Ledger
from revshare.ledger._journal import Journal, NewTransaction, Taken
from revshare.settlement import Settler


@pytest.fixture
def ledger(database: str) -> Any:
    with Ledger.open(database) as opened:
        yield opened


def lent(ledger: Ledger, worker: str, now: float = 0.0) -> Journal:
    return Journal(ledger, worker=worker, lease=60, clock=lambda: now)


def test_one_worker_at_a_time_signs_for_an_account(ledger: Ledger) -> None:
    first, second = lent(ledger, "h/1/a", 1000.0), lent(ledger, "h/2/b", 1001.0)
    assert first.lease_nonces(1, "0xme") == 0
    assert second.lease_nonces(1, "0xme") is None
    assert second.lease_nonces(1, "0xother") == 0
    assert second.lease_nonces(2, "0xme") == 0
    first.release_nonces(1, "0xme")
    assert second.lease_nonces(1, "0xme") == 0


def test_a_lease_that_ran_out_is_taken_over_and_the_former_holder_stores_nothing(ledger: Ledger) -> None:
    first, late = lent(ledger, "h/1/a", 1000.0), lent(ledger, "h/2/b", 1061.0)
    assert first.lease_nonces(1, "0xme") == 0
    assert late.lease_nonces(1, "0xme") == 0
    with late.write() as unit:
        unit.transaction(NewTransaction("fill", "0xaa", b"1", 0), 1, "0xme")
        unit.take_nonces(1, "0xme", 0, 1)
    with pytest.raises(Taken), first.write() as unit:  # noqa: PT012 - both belong to one transaction
        unit.transaction(NewTransaction("fill", "0xbb", b"2", 1), 1, "0xme")
        unit.take_nonces(1, "0xme", 0, 1)
    (stored,) = late.fills(1, "0xme")
    assert stored.tx_hash == "0xaa"


def test_who_read_an_older_nonce_stores_nothing(ledger: Ledger) -> None:
    """Two that go by one name, as threads may: the lease cannot tell them apart, the nonce they read does."""
    first, second = lent(ledger, "h/1/a"), lent(ledger, "h/1/a")
    assert first.lease_nonces(1, "0xme") == second.lease_nonces(1, "0xme") == 0
    with first.write() as unit:
        unit.take_nonces(1, "0xme", 0, 1)
    assert second.lease_nonces(1, "0xme") == 1
    with pytest.raises(Taken), second.write() as unit:
        unit.take_nonces(1, "0xme", 0, 1)


def test_a_nonce_is_signed_for_a_second_time_only_as_a_replacement(ledger: Ledger) -> None:
    journal = lent(ledger, "h/1/a")
    with journal.write() as unit:
        unit.transaction(NewTransaction("fill", "0xaa", b"1", 7), 1, "0xme")
    with pytest.raises(Taken), journal.write() as unit:
        unit.transaction(NewTransaction("fill", "0xbb", b"2", 7), 1, "0xme")
    with journal.write() as unit:
        unit.transaction(NewTransaction("fill", "0xbb", b"2", 7, attempt=1), 1, "0xme")
    assert [made.attempt for made in journal.fills(1, "0xme")] == [0, 1]
    assert journal.attempts(1, "0xme", 7) == 2
    assert journal.nonces_in_use(1, "0xme", 0, 10) == {7}


def test_what_a_dead_process_of_this_machine_held_is_free_at_once(ledger: Ledger) -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    dead = lent(ledger, f"{socket.gethostname()}/{child}/aa", 1000.0)
    assert dead.lease_nonces(1, "0xme") == 0
    assert lent(ledger, "h/2/b", 1001.0).lease_nonces(1, "0xme") == 0
    alive = lent(ledger, f"{socket.gethostname()}/{os.getpid()}/aa", 1000.0)
    assert alive.lease_nonces(1, "0xyou") == 0
    assert lent(ledger, "h/2/b", 1001.0).lease_nonces(1, "0xyou") is None


def test_work_is_taken_over_when_its_lease_ran_out_and_the_fence_stops_the_former(any_world: World) -> None:
    world = any_world
    split = world.sold(3)
    chain_id = world.chain.w3.eth.chain_id
    now = [1000.0]
    slow = world.settler(worker="h/1/a", clock=lambda: now[0], finality=1000)
    slow.add(split, MARCH)
    drive(slow, lambda: bool(Journal(world.ledger).settlements()))
    (held,) = Journal(world.ledger).settlements()
    other = lent(world.ledger, "h/2/b", 1030.0)
    assert other.claim(chain_id, world.me.address) == ()
    later = lent(world.ledger, "h/2/b", 1061.0)
    (taken,) = later.claim(chain_id, world.me.address)
    assert taken.fence == held.fence + 1
    with pytest.raises(rs.LeaseLost), slow._journal.write() as unit:
        unit.update(held, state="planned")
    assert Journal(world.ledger).settlements()[0].state == held.state


def test_a_sale_is_in_one_settlement(world: World) -> None:
    """Two workers plan two periods with the same sales: the second stores nothing, and plans anew."""
    split = world.sold(3)
    first, second = world.settler(worker="h/1/a"), world.settler(worker="h/2/b")
    second.add(split, APRIL)
    raced: list[int] = []
    lease = second._journal.lease_nonces

    def late(chain_id: int, sender: str) -> int | None:
        if not raced:
            raced.append(1)
            first.add(split, MARCH)
            drive(first, lambda: bool(Journal(world.ledger).settlements()))
        return lease(chain_id, sender)

    second._journal.lease_nonces = late  # type: ignore[method-assign]
    second.step()
    first.run()
    (april,) = [result for result in second.run() if result.period == APRIL]
    (march,) = Journal(world.ledger).settlements()
    assert (march.period, march.state) == (MARCH, "final")
    assert (april.state, april.count) == ("carried", 0)
    world.check(split)


def test_a_failing_database_is_no_reason_to_sign_twice(world: World) -> None:
    """The bytes could not be stored: they are forgotten, and nothing was sent."""
    split = world.sold(3)
    settler = world.settler()
    settler.add(split, MARCH)
    sent = world.chain.w3.eth.get_transaction_count(world.me.address, "pending")
    original = settler._journal.write

    def full() -> Any:
        raise rs.LedgerFull("the disk is full", ledger="x")

    settler._journal.write = full  # type: ignore[method-assign]
    with pytest.raises(rs.LedgerFull):
        settler.run()
    assert world.chain.w3.eth.get_transaction_count(world.me.address, "pending") == sent
    assert Journal(world.ledger).settlements() == ()
    settler._journal.write = original  # type: ignore[method-assign]
    (result,) = settler.run()
    assert result.reconciled
    assert len(result.record.transactions) == 3


def begun_by_another(world: World, split: RevenueSplit, **options: Any) -> Settler:
    """A worker of the same account that has planned March, and goes on when it is told."""
    other = world.settler(worker="h/1/a", **options)
    other.add(split, MARCH)
    drive(other, lambda: bool(Journal(world.ledger).settlements()))
    return other


def test_what_another_worker_of_the_account_has_in_hand_is_waited_for(world: World) -> None:
    split = world.sold(3)
    other = begun_by_another(world, split)
    waiting = world.settler(worker="h/2/b", sleep=lambda _: bool(other.step()))
    waiting.add(split, MARCH)
    (result,) = waiting.run(timeout=60)
    assert result.reconciled
    assert Journal(world.ledger).settlements()[0].fence == 1, "nobody took it from the other"


def test_what_another_worker_has_and_nobody_asked_for_is_not_waited_for(world: World) -> None:
    begun_by_another(world, world.sold(3)).step()
    assert world.settler(worker="h/2/b").run(timeout=0) == ()


def test_two_that_cannot_go_on_do_not_wait_for_each_other(slow_world: World) -> None:
    """Each has in hand what the other was asked for, too."""
    world = slow_world
    splits = [world.sold(3), world.sold(3)]
    first, second = workers = [world.settler(worker=f"h/{place}/a") for place in (1, 2)]
    for worker, split in zip(workers, splits, strict=True):
        worker.add(split, MARCH)
        drive(worker, partial(is_approved, world, split))
    for split in splits:
        code = world.chain.w3.eth.get_code(split.address).to_0x_hex()  # type: ignore[arg-type]
        world.ask("anvil_setCode", split.address, code[:-2] + "00")
    first.add(splits[1], MARCH)

    def meanwhile(seconds: float) -> None:
        second.step()
        time.sleep(seconds)

    first._sleep = meanwhile
    first.run(timeout=10)
    assert isinstance(first.problems[splits[0].address, MARCH], rs.TermsMismatch)


def is_approved(world: World, split: RevenueSplit) -> bool:
    found = [one for one in Journal(world.ledger).settlements() if one.split == split.address]
    made = found[0].step("approve") if found else None
    return made is not None and made.in_block


@pytest.mark.parametrize("ended", [rs.SettlementTimeout, KeyboardInterrupt])
def test_whose_time_is_over_leaves_its_work_to_others(world: World, ended: type[BaseException]) -> None:
    split = world.sold(3)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    sleep = stop if ended is KeyboardInterrupt else Clock(world).sleep
    with pytest.raises(ended):
        world.settler(finality=100, sleep=sleep).settle(split, MARCH, timeout=0 if sleep is not stop else 9)
    (left,) = Journal(world.ledger).settlements()
    assert (left.is_open, left.worker, left.lease_until) == (True, "", 0.0)
    assert world.settler(finality=0).settle(split, MARCH, timeout=9).reconciled


def test_a_database_that_fails_at_the_end_hides_nothing(world: World) -> None:
    split = world.sold(3)
    settler = world.settler(finality=100)

    def full() -> None:
        raise rs.LedgerFull("the disk is full", ledger="x")

    settler._journal.release = full  # type: ignore[method-assign]
    with pytest.raises(rs.SettlementTimeout):
        settler.settle(split, MARCH, timeout=0)


def test_who_has_nothing_in_hand_writes_nothing(world: World) -> None:
    split = world.sold(3)
    world.settler().settle(split, MARCH)
    asked: list[str] = []
    event.listen(
        world.ledger._store.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )
    assert world.settler().settle(split, MARCH).reconciled
    assert asked
    assert not [statement for statement in asked if statement.startswith(("UPDATE", "BEGIN IMMEDIATE"))]
