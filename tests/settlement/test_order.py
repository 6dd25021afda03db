"""A split's periods are settled one after the other, whoever is at them."""

from __future__ import annotations

from tests.settlement.world import APRIL, MARCH, World, amounts

from revshare.ledger._journal import Journal
from revshare.settlement import reconcile


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
