"""A split's periods are settled one after the other, whoever is at them and whoever goes on with them."""

from __future__ import annotations

from typing import Any

from tests.nodes import Through
from tests.settlement.world import APRIL, MARCH, World, amounts, drive, record
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
