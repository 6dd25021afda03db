"""A settlement from planned to final: what is stored when, who gets what, and what a second time does."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from sqlalchemy import text
from tests.chain.conftest import Chain
from tests.nodes import Through, refusal
from tests.settlement.conftest import make_world
from tests.settlement.world import APRIL, MARCH, MAY, UNIT, Clock, World, amounts, drive
from web3 import Web3

import revshare as rs
from revshare.ledger._journal import Journal
from revshare.settlement import Progress, Settler, settle


def test_a_period_is_remitted_shared_and_shown_to_be_right(any_world: World) -> None:
    world = any_world
    split = world.deal()
    values = amounts(30)
    world.sell(split, MARCH, values)
    result = settle(world.ledger, split, MARCH)
    assert result.state == "final"
    assert result.reconciled
    assert (result.amount, result.count) == (sum(values), 30)
    earned = split.schedule.entitlements(sum(values))
    assert {payout.payee: (payout.earned, payout.paid, payout.credited) for payout in result.payouts} == {
        name: (units, units, 0) for name, units in earned.items()
    }
    assert [made.step for made in result.transactions] == ["approve", "remit", "distribute"]
    assert all(made.state == "final" for made in result.transactions)
    assert result.gas_used > 100_000
    assert result.cost > 0
    (remitted,) = world.remittances(split)
    assert (remitted.root, remitted.count, remitted.amount) == (result.root, 30, sum(values))
    assert remitted.tx_hash == result.transactions[1].tx_hash
    assert (result.record.revenue_before, result.record.revenue_after) == (0, sum(values))
    world.check(split)
    with pytest.raises(FrozenInstanceError):
        result.record = None  # type: ignore[assignment, misc]


def test_settling_again_reports_and_does_nothing(world: World) -> None:
    split = world.sold(5)
    first = settle(world.ledger, split, MARCH)
    nonce = world.chain.w3.eth.get_transaction_count(world.me.address)
    assert settle(world.ledger, split, MARCH) == first
    assert world.chain.w3.eth.get_transaction_count(world.me.address) == nonce


def test_the_leaves_are_sales_then_credit_notes_by_time(world: World) -> None:
    split = world.deal()
    world.sell(split, MARCH, [5 * UNIT, -UNIT, 7 * UNIT])
    result = settle(world.ledger, split, MARCH)
    lines = [entry.sale for entry in world.ledger.settlement_lines(result.record.id)]
    assert world.ledger.settlements() == (result.record,)
    assert [sale.amount for sale in lines] == [5 * UNIT, 7 * UNIT, -UNIT]
    assert rs.MerkleTree(sale.leaf() for sale in lines).root == result.root


def test_late_sales_go_into_the_next_period(world: World) -> None:
    split = world.sold(4)
    settle(world.ledger, split, MARCH)
    world.sell(split, MARCH, amounts(3, 1), source="late")
    world.sell(split, APRIL, amounts(2, 2))
    again = settle(world.ledger, split, MARCH)
    assert again.count == 4
    april = settle(world.ledger, split, APRIL)
    assert april.count == 5
    assert april.record.revenue_before == again.amount
    world.check(split)


def test_a_period_that_comes_to_nothing_is_carried(world: World) -> None:
    split = world.deal()
    world.sell(split, MARCH, [2 * UNIT, -3 * UNIT])
    nonce = world.chain.w3.eth.get_transaction_count(world.me.address)
    carried = settle(world.ledger, split, MARCH)
    assert (carried.state, carried.amount, carried.count) == ("carried", -UNIT, 2)
    assert "that goes into the next period" in carried.record.note
    assert world.chain.w3.eth.get_transaction_count(world.me.address) == nonce
    world.sell(split, APRIL, [4 * UNIT])
    april = settle(world.ledger, split, APRIL)
    assert (april.amount, april.count) == (3 * UNIT, 3)
    world.check(split)


def test_a_period_without_lines_needs_nothing_and_leaves_no_record(world: World) -> None:
    split = world.deal()
    settler = world.settler()
    empty = settler.settle(split, MAY)
    assert (empty.state, empty.count, empty.record.note) == ("carried", 0, "there is nothing to settle")
    assert empty.reconciled
    assert Journal(world.ledger).settlements() == ()
    settler.add(split, MAY)
    assert settler.run() == (settler.result((split.address, MAY)),)
    world.sell(split, MAY, [5 * UNIT])
    assert settler.settle(split, MAY).state == "final"
    world.check(split)


def test_what_was_carried_and_settled_with_the_next_period_stays_as_it_was(world: World) -> None:
    split = world.deal()
    world.sell(split, MARCH, [-UNIT])
    world.sell(split, APRIL, [3 * UNIT])
    carried = settle(world.ledger, split, MARCH)
    settle(world.ledger, split, APRIL)
    assert settle(world.ledger, split, MARCH) == carried


def test_a_carried_period_is_settled_once_it_comes_to_something(world: World) -> None:
    split = world.deal()
    world.sell(split, MARCH, [-3 * UNIT])
    assert settle(world.ledger, split, MARCH).state == "carried"
    world.sell(split, MARCH, [10 * UNIT], source="late")
    again = settle(world.ledger, split, MARCH)
    assert (again.state, again.amount, again.count) == ("final", 7 * UNIT, 2)
    world.check(split)


def test_a_dry_run_writes_and_signs_nothing(any_world: World) -> None:
    world = any_world
    split = world.sold(10)
    nonce = world.chain.w3.eth.get_transaction_count(world.me.address, "pending")
    plan = settle(world.ledger, split, MARCH, dry_run=True)
    net = sum(amounts(10))
    assert (plan.state, plan.amount, plan.count) == ("planned", net, 10)
    assert {payout.payee: payout.amount for payout in plan.payouts} == split.schedule.entitlements(net)
    assert [step.step for step in plan.steps] == ["approve", "remit", "distribute"]
    assert plan.gas > 200_000
    assert plan.cost > plan.gas
    with world.ledger._store.read() as connection:
        for table in (
            "settlements",
            "settlement_lines",
            "settlement_payouts",
            "transactions",
            "nonces",
            "chains",
        ):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table
    assert world.chain.w3.eth.get_transaction_count(world.me.address, "pending") == nonce
    done = settle(world.ledger, split, MARCH)
    assert (done.amount, done.root, done.count) == (plan.amount, plan.root, plan.count)
    assert done.paid == {payout.payee: payout.amount for payout in plan.payouts}
    assert settle(world.ledger, split, MARCH, dry_run=True).state == "final"


def test_what_is_planned_is_near_what_it_costs(world: World) -> None:
    split = world.deal(payees=8)
    world.sell(split, MARCH, amounts(10))
    plan = settle(world.ledger, split, MARCH, dry_run=True)
    done = settle(world.ledger, split, MARCH)
    assert done.gas_used * 0.7 < plan.gas < done.gas_used * 1.5


def test_nothing_is_broadcast_that_is_not_stored(world: World) -> None:
    """Every hash is in the database, committed, by the time it is sent; the plan with the first of them."""
    split = world.sold(5)
    seen = []

    def watch(progress: Progress) -> None:
        if progress.moment == "sending":
            (record,) = Journal(world.ledger).settlements()
            stored = {made.tx_hash: made for made in record.transactions}[progress.tx_hash]
            assert stored.raw
            assert stored.state == "signed"
            assert len(list(Journal(world.ledger).settled_lines(record.id))) == record.count == 5
            seen.append(stored.step)

    settle(world.ledger, split, MARCH, watch=watch)
    assert seen == ["approve", "remit", "distribute"]


def test_an_allowance_that_is_there_is_used(world: World) -> None:
    split = world.sold(5)
    world.token.approve(split.address, "1000").send()
    result = settle(world.ledger, split, MARCH)
    assert [made.step for made in result.transactions] == ["remit", "distribute"]
    world.check(split)


def test_the_coin_needs_no_approval(world: World) -> None:
    split = world.chain.split(coin=True)
    assert split.agreement is not None
    from datetime import UTC, datetime

    from revshare.ledger import Sale

    world.ledger.record(
        Sale("shop", "1", datetime(2011, 3, 5, tzinfo=UTC), 10**18, "ETH", agreement=split.agreement.name)
    )
    result = settle(world.ledger, split, MARCH)
    assert [made.step for made in result.transactions] == ["remit", "distribute"]
    assert result.paid == split.schedule.entitlements(10**18)


def test_too_little_of_the_token_stores_nothing(world: World) -> None:
    split = world.deal()
    held = world.token.balance_of(world.me.address)
    world.sell(split, MARCH, [held + 1_234_500_000])
    said = r"and is to remit [\d,]+\.\d+: 1,234\.50 GBP6 are missing"
    with pytest.raises(rs.InsufficientFunds, match=said):
        settle(world.ledger, split, MARCH)
    assert Journal(world.ledger).settlements() == ()
    plan = settle(world.ledger, split, MARCH, dry_run=True)
    assert plan.note.endswith("GBP6: too little to remit, 1,234.50 GBP6 are missing")


def test_too_little_coin_for_gas_stores_nothing_and_says_how_much_is_missing(slow_world: World) -> None:
    """For all that is to come: to sign the approval, and find no coin for the remittance, helps nobody."""
    world = slow_world
    split = world.sold(3)
    plan = settle(world.ledger, split, MARCH, dry_run=True)
    has = plan.steps[0].cost * 2  # enough for the approval, at the fees of the moment
    signed: list[object] = []

    class Counting:
        address = world.me.address

        def sign_transaction(self, transaction_dict: Any) -> Any:
            signed.append(transaction_dict)
            return world.me.sign_transaction(transaction_dict)

    world.ask("anvil_setBalance", world.me.address, hex(has))
    settler = Settler(world.ledger, world.chain.w3, account=Counting(), **Clock(world).options)
    with pytest.raises(rs.InsufficientFunds) as caught:
        settler.settle(split, MARCH)
    error = caught.value
    assert (error.account, error.available) == (world.me.address, has)
    assert error.needed is not None
    assert f"{world.me.address} has {has} wei for gas" in str(error)
    assert f"{error.needed - has} wei are missing" in str(error)
    assert Journal(world.ledger).settlements() == ()
    assert signed == []
    world.ask("anvil_setBalance", world.me.address, hex(error.needed))
    assert settler.settle(split, MARCH).reconciled
    world.check(split)


def test_coin_is_counted_once_for_many_agreements(slow_world: World) -> None:
    """What one is promised the next cannot have: as many are begun as there is coin for."""
    world = slow_world
    splits = [world.deal(payees=2) for _ in range(3)]
    for split in splits:
        world.sell(split, MARCH, amounts(3))
    plan = settle(world.ledger, splits[0], MARCH, dry_run=True)
    base = world.chain.w3.eth.get_block("latest").get("baseFeePerGas", 0)
    most = plan.gas * (2 * base + 10**9) * 6 // 5
    world.ask("anvil_setBalance", world.me.address, hex(most * 2))
    settler = world.settler(**Clock(world).options)
    for split in splits:
        settler.add(split, MARCH)
    step = settler.step()
    assert step.did == "signed"
    assert 1 <= len(Journal(world.ledger).settlements()) < 3
    assert isinstance(step.errors[0], rs.InsufficientFunds)
    assert "for what is under way" in str(step.errors[0])
    # What the first have not yet signed counts as well, until it has cost less than it might have.
    drive(settler, lambda: _has(world, "approve"))
    assert len(Journal(world.ledger).settlements()) < 3


def test_a_step_for_which_there_is_no_coin_is_not_signed(slow_world: World) -> None:
    world = slow_world
    split, settler = world.begun(3, **Clock(world).options)
    drive(settler, lambda: _has(world, "remit"))
    world.ask("anvil_setBalance", world.me.address, hex(1000))
    with pytest.raises(rs.InsufficientFunds, match="1000 wei for gas"):
        settler.settle(split, MARCH)
    (record,) = Journal(world.ledger).settlements()
    assert (record.state, record.step("distribute")) == ("mined", None)
    world.ask("anvil_setBalance", world.me.address, hex(10**18))
    assert settler.settle(split, MARCH).reconciled
    world.check(split)


def _has(world: World, step: Any) -> bool:
    found = Journal(world.ledger).settlements()
    made = found[0].step(step) if found else None
    return made is not None and made.in_block


def test_many_agreements_share_the_rounds(world: World) -> None:
    splits = [world.deal(payees=2) for _ in range(4)]
    for place, split in enumerate(splits):
        world.sell(split, MARCH, amounts(4, place))
        world.sell(split, APRIL, amounts(4, place + 9))
    settler = world.settler()
    for split in splits:
        settler.add(split, APRIL)
        settler.add(split, MARCH)
    results = settler.run()
    assert {(result.period, result.state) for result in results} == {(MARCH, "final"), (APRIL, "final")}
    assert len(results) == 8
    for split in splits:
        world.check(split)


def test_one_that_cannot_go_on_stops_nobody_else(world: World) -> None:
    good, poor = world.deal(), world.deal()
    world.sell(good, MARCH, amounts(3))
    world.sell(poor, MARCH, [10**15])
    settler = world.settler()
    settler.add(poor, MARCH)
    settler.add(good, MARCH)
    (result,) = settler.run()
    assert result.state == "final"
    assert result.agreement == (good.agreement and good.agreement.name)
    assert list(settler.problems) == [(poor.address, MARCH)]


def test_an_account_of_the_node_settles_where_the_node_signs_without_sending(world: World) -> None:
    split = world.deal().by(world.me.address)
    world.sell(split, MARCH, amounts(3))
    assert settle(world.ledger, split, MARCH).reconciled
    world.check(split)


def test_and_is_refused_where_it_does_not(tester: Chain, sqlite_url: str) -> None:
    world = make_world(tester, sqlite_url)
    split = world.deal().by(world.me.address)
    with pytest.raises(rs.InvalidInput, match="stores what is signed before it is sent"):
        settle(world.ledger, split, MARCH)
    world.ledger.close()


def test_a_node_without_history_is_no_reason_to_wait_for_ever(world: World) -> None:
    def forget(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_call" and params[1] not in ("latest", hex(world.chain.w3.eth.block_number)):
            return refusal("missing trie node")
        return ask()

    split = world.sold(3)
    forgetful = Web3(Through(world.chain.w3.provider, forget))
    (result,) = _settled(Settler(world.ledger, forgetful, account=world.me, **Clock(world).options), split)
    assert result.state == "final"
    assert result.payouts == ()
    assert "what each payee got could not be read" in result.differences[0]
    world.check(split)


def _settled(settler: Settler, split: rs.RevenueSplit) -> tuple[Any, ...]:
    settler.add(split, MARCH)
    return settler.run()
