"""A split's periods are settled one after the other, whoever is at them and whoever goes on with them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.nodes import Through
from tests.settlement.world import APRIL, MARCH, UNIT, Clock, World, amounts, drive, record
from web3 import Web3

import revshare as rs
from revshare.ledger._journal import Journal
from revshare.settlement import Settler, reconcile


def test_a_period_waits_for_the_one_that_another_worker_is_at(world: World) -> None:
    """If not, both would draw on one approval, and each would count what the other paid."""
    split = world.deal()
    for period in (MARCH, APRIL):
        world.sell(split, period, amounts(5))
    one, other = world.settler(worker="here:1:one"), world.settler(worker="here:1:other")
    one.add(split, MARCH)
    assert one.step().did == "signed"
    other.add(split, MARCH)
    other.add(split, APRIL)
    for _ in range(5):
        other.step()
    assert [record.period for record in Journal(world.ledger).settlements()] == [MARCH]
    for _ in range(200):
        one.step()
        other.step()
        records = Journal(world.ledger).settlements()
        if [(record.period, record.state) for record in records] == [(MARCH, "final"), (APRIL, "final")]:
            break
    else:
        raise AssertionError(records)
    made = [transaction for record in records for transaction in record.transactions]
    assert [transaction.step for transaction in made] == ["approve", "remit", "distribute"] * 2
    world.check(split)
    assert reconcile(world.ledger, split).differences == ()


def test_what_a_node_of_another_chain_makes_of_the_token_is_not_raised_by_a_step(world: World) -> None:
    """A settler that resumes knows the split by the journal alone, and asks for its token."""
    split = world.sold(5)
    first = world.settler()
    first.add(split, MARCH)

    def is_sent() -> bool:
        made = [made for one in Journal(world.ledger).settlements() for made in one.transactions]
        return (made[-1].step, made[-1].state) == ("distribute", "sent") if made else False

    drive(first, is_sent)
    Journal(world.ledger, worker=first.worker).release()
    empty = {"jsonrpc": "2.0", "id": 1, "result": "0x"}

    def elsewhere(method: str, params: Any, ask: Any) -> Any:
        return empty if method == "eth_call" else ask()

    provider = Through(world.chain.w3.provider, elsewhere)
    settler = Settler(world.ledger, Web3(provider), account=world.me)
    assert settler.step().did == "sent"  # once more, by who knows of no other time
    step = settler.step()
    assert [type(error) for error in step.errors] == [rs.InvalidInput]
    assert record(world).state == "mined"
    provider.meddle = lambda method, params, ask: ask()
    (result,) = settler.run()
    assert result.reconciled
    world.check(split)


def two_months(world: World) -> rs.RevenueSplit:
    split = world.deal()
    world.sell(split, MARCH, amounts(5))
    world.sell(split, APRIL, amounts(4, 3))
    return split


def paid_by_the_rule(world: World, split: rs.RevenueSplit) -> None:
    """Each month paid what its own money earned, and not what another's did."""
    before = 0
    for done in Journal(world.ledger).settlements():
        low, high = (split.schedule.entitlements(units) for units in (before, before + done.amount))
        assert {one.payee: one.paid for one in done.payouts} == {
            name: high[name] - low[name] for name in high
        }
        before += done.amount
    world.check(split)
    assert reconcile(world.ledger, split).differences == ()


def failed_at_its_distribution(world: World, split: rs.RevenueSplit, **options: Any) -> Settler:
    """March: remitted, and its distribution mined in vain, as it was given too little gas."""

    def meanly(method: str, params: Any, ask: Any) -> Any:
        done = [made for made in Journal(world.ledger).settlements() if made.step("remit") is not None]
        if method == "eth_estimateGas" and done and done[0].step("remit").in_block:  # type: ignore[union-attr]
            return ask() | {"result": hex(30_000)}
        return ask()

    provider = Through(world.chain.w3.provider, meanly)
    settler = Settler(world.ledger, Web3(provider), account=world.me, **options)
    with pytest.raises(rs.TransactionFailed):
        settler.settle(split, MARCH)
    assert record(world).state == "failed"
    return settler


def test_behind_a_month_that_was_remitted_and_not_shared_out_nothing_is_begun(world: World) -> None:
    """April's distribution would pay March's money, and March's payouts would be April's."""
    split = two_months(world)
    failed_at_its_distribution(world, split)
    settler = world.settler()
    with pytest.raises(rs.SettlementError, match="2011-04 waits for 2011-03, which was remitted and not"):
        settler.settle(split, APRIL)
    assert [done.period for done in Journal(world.ledger).settlements()] == [MARCH]
    assert settler.settle(split, MARCH).reconciled
    assert settler.settle(split, APRIL).reconciled
    paid_by_the_rule(world, split)


def test_both_asked_for_the_failed_one_is_finished_first(world: World) -> None:
    split = two_months(world)
    failed_at_its_distribution(world, split)
    settler = world.settler()
    settler.add(split, APRIL)
    settler.add(split, MARCH)
    assert [result.state for result in settler.run()] == ["final", "final"]
    paid_by_the_rule(world, split)


def test_behind_a_month_that_cannot_be_planned_nothing_takes_its_lines(world: World) -> None:
    split = two_months(world)
    world.sell(split, MARCH, [10**15], source="dear")
    settler = world.settler(**Clock(world).options)
    settler.add(split, APRIL)
    settler.add(split, MARCH)
    assert settler.run() == ()
    assert isinstance(settler.problems[split.address, MARCH], rs.InsufficientFunds)
    held = str(settler.problems[split.address, APRIL])
    assert "2011-04 waits for 2011-03, which cannot be settled: " in held
    assert "is to remit 1,000,000" in held
    settler.add(split, APRIL)  # alone, and March has not been asked for again: the same
    assert settler.run() == ()
    world.token.mint(world.me.address, 10**15).send()
    settler.add(split, MARCH)
    settler.add(split, APRIL)
    assert [result.count for result in sorted(settler.run(), key=lambda one: one.period)] == [6, 4]
    paid_by_the_rule(world, split)


def test_behind_a_month_that_cannot_go_on_a_month_is_not_waited_for(slow_world: World) -> None:
    """It is said what is in the way; the settler does not wait until its time is over."""
    world = slow_world
    split = two_months(world)
    settler = world.settler(**Clock(world).options)
    settler.add(split, MARCH)
    drive(settler, lambda: record_has(world, "approve"))
    code = world.chain.w3.eth.get_code(split.address).to_0x_hex()  # type: ignore[arg-type]
    world.ask("anvil_setCode", split.address, code[:-2] + "00")
    settler.add(split, APRIL)
    settler.run()
    assert isinstance(settler.problems[split.address, MARCH], rs.TermsMismatch)
    assert "waits for 2011-03, which cannot go on: the code at" in str(settler.problems[split.address, APRIL])
    world.ask("anvil_setCode", split.address, code)
    settler.add(split, MARCH)
    settler.add(split, APRIL)
    settler.run()
    paid_by_the_rule(world, split)


def record_has(world: World, step: Any) -> bool:
    found = Journal(world.ledger).settlements()
    made = found[0].step(step) if found else None
    return made is not None and made.in_block


def test_behind_what_another_account_has_under_way_nothing_is_begun(world: World) -> None:
    split = two_months(world)
    other = world.chain.accounts[5]
    world.token.transfer(other.address, 1000 * UNIT).send()
    first, mine = Settler(world.ledger, world.chain.w3, account=other), world.settler()
    first.add(split, MARCH)
    drive(first, lambda: record_has(world, "approve"))
    with pytest.raises(rs.SettlementError, match=f"under way for {other.address}, which alone can go on"):
        mine.settle(split, APRIL)
    first.run()
    assert mine.settle(split, APRIL).reconciled
    paid_by_the_rule(world, split)
