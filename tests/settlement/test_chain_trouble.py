"""Chains that reorganise, transactions dropped, stuck, replaced, reordered, and nonces missing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.nodes import Through, refusal
from tests.settlement.world import MARCH, Clock, World, amounts, drive, record
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.ledger._journal import Journal
from revshare.settlement import Settler

STEPS = ("approve", "remit", "distribute")


def in_block(world: World, step: Any) -> bool:
    found = Journal(world.ledger).settlements()
    made = found[0].step(step) if found else None
    return made is not None and made.in_block


def is_sent(world: World) -> bool:
    """Whether the first transaction of the only settlement was broadcast."""
    found = Journal(world.ledger).settlements()
    return bool(found) and found[0].transactions[0].state == "sent"


def reorg_at(world: World, step: str, depth: int) -> None:
    split = world.deal()
    world.mine(70)  # so that the reorganisation takes nothing but ours
    world.sell(split, MARCH, amounts(6))
    clock = Clock(world, blocks=20)
    settler = world.settler(finality=70, **clock.options)
    settler.add(split, MARCH)
    drive(settler, lambda: in_block(world, step))
    made = record(world).step(step)  # type: ignore[arg-type]
    assert made is not None
    assert made.block_number is not None
    # Together with what went before, as far back as the depth goes.
    world.mine(max(depth - 1, 0))
    world.ask("anvil_reorg", depth, [])
    world.mine()
    assert world.chain.w3.eth.get_block(made.block_number)["hash"].to_0x_hex() != made.block_hash
    drive(settler, lambda: not in_block(world, step))
    assert record(world).state in ("signed", "sent", "mined")
    (result,) = settler.run()
    assert result.reconciled
    again = record(world).step(step)  # type: ignore[arg-type]
    assert again is not None
    assert again.tx_hash == made.tx_hash
    assert len(record(world).transactions) == 3  # the same bytes, never a second signature
    assert len(world.remittances(split)) == 1
    world.check(split)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("depth", [1, 2, 5, 17, 64])
def test_a_reorganisation_before_finality_rewinds_and_the_same_bytes_are_sent_again(
    slow_world: World, step: str, depth: int
) -> None:
    reorg_at(slow_world, step, depth)


@pytest.mark.campaign
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("depth", range(1, 65))
def test_reorganisations_of_every_depth_at_every_step(slow_world: World, step: str, depth: int) -> None:
    reorg_at(slow_world, step, depth)


def test_a_chain_set_back_to_before_it_all_is_waited_for(slow_world: World) -> None:
    """A lower head cannot be told from a node that lags; once the chain has grown past it, it can."""
    world = slow_world
    split = world.sold()
    snapshot = world.ask("evm_snapshot")
    clock = Clock(world)
    settler = world.settler(finality=5, **clock.options)
    settler.add(split, MARCH)
    drive(settler, lambda: in_block(world, "distribute"))
    world.ask("evm_revert", snapshot)
    step = settler.step()
    assert step.did == "waiting"
    assert isinstance(step.errors[0], rs.StaleNode)
    world.mine(10)
    clock.blocks = 3
    (result,) = settler.run()
    assert result.reconciled
    assert len(world.remittances(split)) == 1
    world.check(split)


def test_a_node_that_lags_behind_is_not_believed(slow_world: World) -> None:
    """Another settler, of the same ledger, meets a node that is behind what was seen: nothing is undone."""
    world = slow_world
    _split, settler = world.begun(finality=50)
    drive(settler, lambda: record_is(world, "mined"))
    behind = world.chain.w3.eth.block_number - 5

    def lag(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            return world.chain.w3.provider.make_request(method, [hex(behind), False])  # type: ignore[arg-type]
        return ask()

    lagging = Web3(Through(world.chain.w3.provider, lag))
    step = Settler(world.ledger, lagging, account=world.me, finality=50).step()
    assert step.did == "waiting"
    assert isinstance(step.errors[0], rs.StaleNode)
    assert record_is(world, "mined")


def record_is(world: World, state: str) -> bool:
    return [found.state for found in Journal(world.ledger).settlements()] == [state]


def test_what_is_dropped_is_sent_again(slow_world: World) -> None:
    world = slow_world
    clock = Clock(world)
    split, settler = world.begun(**clock.options)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    tx_hash = record(world).transactions[0].tx_hash
    world.ask("anvil_dropTransaction", tx_hash)
    assert not world.chain.w3.eth.get_block("pending")["transactions"]
    clock.now += 26
    assert settler.step().did == "sent"
    world.ask("evm_setAutomine", True)
    world.mine()
    (result,) = settler.run()
    assert result.reconciled
    assert result.transactions[0].tx_hash == tx_hash
    world.check(split)


def test_what_is_stuck_is_offered_a_tenth_more_of_both_fees(slow_world: World) -> None:
    world = slow_world
    clock = Clock(world)
    split, settler = world.begun(**clock.options)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    first = record(world).transactions[0]
    world.ask("anvil_setNextBlockBaseFeePerGas", hex(first.max_fee + 10**9))
    clock.now += 100
    settler.step()  # sent again; no block has gone by, so there is no reason to offer more
    assert settler.step().did == "waiting"
    world.mine()  # without it: the base fee is beyond what was offered
    assert settler.step().did == "mended"
    second = record(world).transactions[1]
    assert (second.nonce, second.attempt, second.step) == (first.nonce, 1, "approve")
    assert second.max_fee >= first.max_fee * 11 // 10
    assert (second.tip or 0) >= (first.tip or 0) * 11 // 10
    assert second.state == "signed"  # stored before it is broadcast
    assert settler.step().did == "sent"
    world.ask("evm_setAutomine", True)
    world.mine()
    (result,) = settler.run()
    assert result.reconciled
    assert [made.state for made in record(world).transactions[:2]] == ["void", "final"]
    world.check(split)


def test_the_first_may_be_mined_after_it_was_replaced(slow_world: World) -> None:
    """Every hash is remembered: which of them the chain takes is the chain's business."""
    world = slow_world
    split = world.sold()
    clock = Clock(world)
    # Whatever comes second never reaches the node.
    kept: list[str] = []

    def lose(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_sendRawTransaction" and kept and params[0] not in kept:
            return refusal("already known")
        if method == "eth_sendRawTransaction":
            kept.append(params[0])
        return ask()

    provider = Through(world.chain.w3.provider, lose)
    settler = Settler(world.ledger, Web3(provider), account=world.me, **clock.options)
    settler.add(split, MARCH)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    first = record(world).transactions[0]
    world.ask("anvil_dropTransaction", first.tx_hash)
    world.mine()
    clock.now += 100
    drive(settler, lambda: len(record(world).transactions) == 2)
    settler.step()
    assert len(world.chain.w3.eth.get_block("pending")["transactions"]) == 1  # the first, sent again
    world.ask("evm_setAutomine", True)
    world.mine()
    kept.clear()
    provider.meddle = lambda method, params, ask: ask()
    (result,) = settler.run()
    assert result.reconciled
    assert result.transactions[0].tx_hash == first.tx_hash
    world.check(split)


def test_no_more_is_offered_than_allowed(slow_world: World) -> None:
    world = slow_world
    split = world.sold()
    clock = Clock(world)
    world.mine(60)  # the base fee falls
    base = world.chain.w3.eth.get_block("latest").get("baseFeePerGas", 0)
    settler = world.settler(max_fee=3 * base, replace_after=10, **clock.options)
    settler.add(split, MARCH)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    world.ask("anvil_setNextBlockBaseFeePerGas", hex(10**14))
    world.mine()
    clock.blocks = 1
    with pytest.raises(rs.FeesTooHigh):
        settler.run(timeout=100)
    assert all(made.max_fee <= 3 * base for made in record(world).transactions)
    world.ask("anvil_setNextBlockBaseFeePerGas", hex(base))
    world.ask("evm_setAutomine", True)
    world.mine()
    (result,) = settler.run()
    assert result.reconciled


def test_what_would_cost_more_than_allowed_is_stuck_and_says_so(slow_world: World) -> None:
    """The node takes it and loses it; blocks go by, and a tenth more is beyond the limit."""
    world = slow_world
    split = world.sold()
    clock = Clock(world, blocks=1)
    lost: list[str] = []

    def lose(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_sendRawTransaction" and not lost.count("found"):
            lost.append(params[0])
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + "11" * 32}
        return ask()

    base = world.chain.w3.eth.get_block("latest").get("baseFeePerGas", 0)
    provider = Through(world.chain.w3.provider, lose)
    settler = Settler(
        world.ledger,
        Web3(provider),
        account=world.me,
        max_fee=base + 10**9,
        replace_after=10,
        **clock.options,
    )
    settler.add(split, MARCH)
    with pytest.raises(rs.StuckTransaction, match="may be offered") as caught:
        settler.run(timeout=60)
    (made,) = record(world).transactions
    assert caught.value.tx_hash == made.tx_hash
    assert len(set(lost)) == 1  # the same bytes, each time
    lost.append("found")
    (result,) = settler.run()
    assert result.reconciled


def test_nothing_is_final_before_its_depth(slow_world: World) -> None:
    world = slow_world
    clock = Clock(world)
    _split, settler = world.begun(finality=3, **clock.options)
    drive(settler, lambda: in_block(world, "distribute"))
    last = record(world).step("distribute")
    assert last is not None
    for _ in range(2):
        for _ in range(4):
            settler.step()
        assert record(world).state == "mined"
        assert (record(world).step("distribute") or last).state == "mined"
        world.mine()
    world.mine()
    drive(settler, lambda: record(world).state == "final")
    assert world.chain.w3.eth.block_number == (last.block_number or 0) + 3


def test_finality_as_the_node_says_it(slow_world: World) -> None:
    world = slow_world
    _split, settler = world.begun(finality="finalized")
    drive(settler, lambda: in_block(world, "distribute"))
    for _ in range(4):
        settler.step()
    assert record(world).state == "mined"
    world.mine(100)
    (result,) = settler.run()
    assert result.state == "final"


def test_a_missing_nonce_is_filled_with_a_no_op(slow_world: World) -> None:
    """Another transaction of the account was in the mempool when ours was signed, and has left it."""
    world = slow_world
    split = world.sold()
    clock = Clock(world)
    settler = world.settler(**clock.options)
    world.ask("evm_setAutomine", False)
    nonce = world.chain.w3.eth.get_transaction_count(world.me.address)
    foreign = world.chain.w3.eth.send_transaction(
        {"from": world.me.address, "to": world.me.address, "value": 1}  # type: ignore[typeddict-item]
    )
    settler.add(split, MARCH)
    drive(settler, lambda: is_sent(world))
    assert record(world).transactions[0].nonce == nonce + 1
    world.ask("anvil_dropTransaction", foreign.to_0x_hex())
    world.mine()
    clock.now += 100
    settler.step()  # what is late is sent again first
    assert settler.step().did == "mended"
    (fill,) = Journal(world.ledger).fills(world.chain.w3.eth.chain_id, world.me.address)
    assert (fill.nonce, fill.step) == (nonce, "fill")
    world.ask("evm_setAutomine", True)
    drive(settler, lambda: settler.step().did == "sent")
    world.mine()
    (result,) = settler.run()
    assert result.reconciled
    world.check(split)


def test_a_nonce_that_another_transaction_took_is_signed_anew_with_the_next(slow_world: World) -> None:
    world = slow_world
    clock = Clock(world)
    split, settler = world.begun(finality=2, **clock.options)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    first = record(world).transactions[0]
    world.ask("anvil_dropTransaction", first.tx_hash)
    world.chain.w3.eth.send_transaction(
        {"from": world.me.address, "to": world.me.address, "value": 1}  # type: ignore[typeddict-item]
    )
    world.mine()
    clock.now += 100
    for _ in range(4):
        settler.step()
    assert record(world).transactions[0].state == "sent"  # not before that is final
    world.mine(3)
    clock.now += 100
    drive(settler, lambda: record(world).transactions[0].state == "void")
    world.ask("evm_setAutomine", True)
    clock.blocks = 1
    (result,) = settler.run()
    assert result.reconciled
    assert result.transactions[0].nonce == (first.nonce or 0) + 1
    world.check(split)


def test_two_periods_whose_transactions_arrive_in_the_wrong_order(slow_world: World) -> None:
    world = slow_world
    splits = [world.deal(), world.deal()]
    for split in splits:
        world.sell(split, MARCH, amounts(3))
    clock = Clock(world, blocks=1)
    held: list[Any] = []

    def backwards(method: str, params: Any, ask: Any) -> Any:
        if method != "eth_sendRawTransaction":
            return ask()
        held.append(params)
        if len(held) % 2:
            return refusal("request timed out")
        ask()
        return world.chain.w3.provider.make_request(method, held[-2])  # type: ignore[arg-type]

    settler = Settler(
        world.ledger, Web3(Through(world.chain.w3.provider, backwards)), account=world.me, **clock.options
    )
    for split in splits:
        settler.add(split, MARCH)
    results = settler.run()
    assert all(result.reconciled for result in results)
    assert len(results) == 2
    for split in splits:
        world.check(split)


def test_another_chain_is_refused(slow_world: World, tmp_path: Any) -> None:
    world = slow_world
    split = world.sold(3)
    provider = Through(world.chain.w3.provider, lambda method, params, ask: ask())
    settler = Settler(world.ledger, Web3(provider), account=world.me)
    settler.settle(split, MARCH)

    def other(method: str, params: Any, ask: Any) -> Any:
        return ask() | {"result": "0x1"} if method == "eth_chainId" else ask()

    provider.meddle = other
    with pytest.raises(rs.WrongChain):
        settler.step()

    def other_genesis(method: str, params: Any, ask: Any) -> Any:
        answer = ask()
        if method == "eth_getBlockByNumber" and params[0] == "0x0":
            answer = answer | {"result": dict(answer["result"]) | {"hash": "0x" + "11" * 32}}
        return answer

    with pytest.raises(rs.WrongChain, match="its first block is 0x1111"):
        Settler(world.ledger, Web3(Through(world.chain.w3.provider, other_genesis)), account=world.me).step()


def test_a_head_that_was_seen_while_the_node_changed_chains_is_not_believed(slow_world: World) -> None:
    """It would be waited for until this chain is as long."""
    world = slow_world
    split = world.sold(3)
    asked: list[str] = []

    def changes(method: str, params: Any, ask: Any) -> Any:
        answer = ask()
        asked.append(method)
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            return answer | {
                "result": dict(answer["result"]) | {"number": hex(10**9), "hash": "0x" + "22" * 32}
            }
        return answer | {"result": "0x1"} if method == "eth_chainId" and len(asked) > 3 else answer

    url = world.chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    provider = Through(HTTPProvider(url), lambda method, params, ask: ask())
    settler = Settler(world.ledger, Web3(provider), account=world.me)
    settler.add(split, MARCH)
    provider.meddle = changes
    with pytest.raises(rs.WrongChain):
        settler.step()
    provider.meddle = lambda method, params, ask: ask()
    (result,) = settler.run()
    assert result.reconciled


@pytest.mark.parametrize("wrong", [{0}, {1}, {0, 1}])
def test_the_first_block_of_another_chain_is_not_remembered(slow_world: World, wrong: set[int]) -> None:
    """By it every answer would be refused for ever, by all who use the ledger."""
    world = slow_world
    split = world.sold(3)
    asked: list[int] = []

    def changes(method: str, params: Any, ask: Any) -> Any:
        answer = ask()
        if method == "eth_getBlockByNumber" and params[0] == "0x0":
            asked.append(0)
            if len(asked) - 1 in wrong:
                return answer | {"result": dict(answer["result"]) | {"hash": "0x" + "11" * 32}}
        # Of another chain for as long as that: it is asked for its chain as well, between the two.
        return answer | {"result": "0x1"} if method == "eth_chainId" and len(asked) in wrong - {0} else answer

    provider = Through(HTTPProvider(world.chain.w3.provider.endpoint_uri), changes)  # type: ignore[attr-defined]
    settler = Settler(world.ledger, Web3(provider), account=world.me, **Clock(world).options)
    for _ in range(2):
        try:
            settler.settle(split, MARCH)
        except rs.WrongChain:
            continue
    assert world.settler().settle(split, MARCH).reconciled
    assert Journal(world.ledger).chain(31337) is not None


def test_what_was_given_too_little_gas_is_given_enough_with_the_next_offer(slow_world: World) -> None:
    """A transaction below what it must have is never mined, whatever its fee."""
    world = slow_world
    split = world.sold()
    clock = Clock(world)

    def meanly(method: str, params: Any, ask: Any) -> Any:
        return ask() | {"result": hex(21_500)} if method == "eth_estimateGas" else ask()

    url = world.chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    provider = Through(HTTPProvider(url), meanly)
    settler = Settler(world.ledger, Web3(provider), account=world.me, **clock.options)
    settler.add(split, MARCH)
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: is_sent(world))
    first = record(world).transactions[0]
    assert first.gas < 30_000
    provider.meddle = lambda method, params, ask: ask()
    world.ask("anvil_setNextBlockBaseFeePerGas", hex(first.max_fee + 10**9))
    clock.now += 100
    settler.step()
    world.mine()
    drive(settler, lambda: len(record(world).transactions) == 2)
    assert record(world).transactions[1].gas > 40_000
    world.ask("evm_setAutomine", True)


def test_nothing_is_signed_for_a_split_whose_code_changed(slow_world: World) -> None:
    world = slow_world
    split, settler = world.begun(3)
    drive(settler, lambda: in_block(world, "approve"))
    code = world.chain.w3.eth.get_code(split.address).to_0x_hex()  # type: ignore[arg-type]
    world.ask("anvil_setCode", split.address, code[:-2] + "00")
    with pytest.raises(rs.TermsMismatch, match="no longer what it was"):
        settler.settle(split, MARCH)
    assert record(world).step("remit") is None
    world.ask("anvil_setCode", split.address, code)
    Journal(world.ledger, worker=settler.worker).release()  # or another would wait for the end of its lease
    assert world.settler().settle(split, MARCH).reconciled


def test_a_period_that_was_remitted_already_is_adopted(slow_world: World) -> None:
    """The ledger was lost, and its sales recorded anew: the chain remembers."""
    world = slow_world
    split = world.sold()
    plan = world.settler().plan(split, MARCH)
    world.token.approve(split.address, plan.amount).send()
    split.remit(plan.amount, batch_id=plan.batch_id, root=plan.root, count=plan.count).send()
    world.mine(30)
    result = world.settler().settle(split, MARCH)
    assert result.reconciled
    assert [made.step for made in result.transactions] == ["remit", "distribute"]
    assert result.transactions[0].raw == b""
    assert len(world.remittances(split)) == 1
    world.check(split)


@pytest.mark.parametrize("approved", [0, 10**9])
def test_another_remittance_of_the_period_is_a_conflict_that_names_both(
    slow_world: World, approved: int
) -> None:
    world = slow_world
    split = world.sold()
    plan = world.settler().plan(split, MARCH)
    world.token.approve(split.address, 10**6 + approved).send()
    split.remit(10**6, batch_id=plan.batch_id, root=plan.root, count=plan.count).send()
    with pytest.raises(rs.SettlementConflict) as caught:
        world.settler().settle(split, MARCH)
    assert caught.value.ours["amount"] == plan.amount
    assert caught.value.theirs["amount"] == 10**6
    assert f"amount: {plan.amount} here, 1000000 there" in str(caught.value)
    assert Journal(world.ledger).settlements() == ()


def test_a_remittance_that_fails_keeps_its_lines_and_is_taken_up_again(slow_world: World) -> None:
    world = slow_world
    clock = Clock(world)
    split, settler = world.begun(**clock.options)
    drive(settler, lambda: in_block(world, "approve"))
    world.ask("evm_setAutomine", False)
    drive(settler, lambda: (made := record(world).step("remit")) is not None and made.state == "sent")
    code = world.chain.w3.eth.get_code(world.token.address).to_0x_hex()  # type: ignore[arg-type]
    world.ask("anvil_setCode", world.token.address, "0x5f5ffd")  # refuses everything
    world.mine()
    world.ask("evm_setAutomine", True)
    with pytest.raises(rs.TransactionFailed):
        settler.settle(split, MARCH)
    failed = record(world)
    assert (failed.state, failed.count) == ("failed", 6)
    assert "failed" in failed.note
    assert world.settler().run() == ()  # nobody tries again unasked
    world.ask("anvil_setCode", world.token.address, code)
    result = settler.settle(split, MARCH)
    assert result.reconciled
    assert len(result.record.transactions) == 4
    assert len(world.remittances(split)) == 1
    world.check(split)
