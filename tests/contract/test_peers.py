"""Faults that were reproduced in other split contracts, each tried on this one."""

from __future__ import annotations

import pytest

from tests.contract.world import COIN, Refusal, Terms, World, shares

WEIGHTS = [1 + i % 7 for i in range(100)]


def test_a_payee_blacklisted_by_a_token_does_not_revert_the_distribution(world: World) -> None:
    """0xSplits v2 push: it reverts, and an immutable split is stuck for ever."""
    token, payees = world.token(), [world.fresh() for _ in range(10)]
    split = world.split(payees, shares(*WEIGHTS[:10]), token.address)
    world.behave(token, "Blacklist", payees[4])
    split.fund(token, 10**9)
    split.distribute(token.address)
    lines = split.check(token.address)
    for payee in payees:
        held = world.balance(token.address, payee)
        assert held == (0 if payee == payees[4] else lines[payee].entitlement)
    assert lines[payees[4]].credit == lines[payees[4]].entitlement


def test_a_payee_that_reenters_does_not_revert_the_distribution(world: World) -> None:
    """0xSplits v2 push: it reverts the whole distribution of coin."""
    bad, other = world.payee(), world.fresh()
    split = world.split([bad.address, other], shares(1, 1))
    call = split.contract.encode_abi("distribute", [split.terms.packed, COIN])
    world.plan(bad, split.address, call, insists=True)
    split.fund(COIN, 1_000)
    assert split.distribute() == (500, 500)
    assert world.balance(COIN, other) == 500
    split.check()


def test_distributing_in_crumbs_starves_nobody(world: World) -> None:
    """0xSplits v2: a stranger who distributes a few units at a time leaves 100 small payees with nothing."""
    small = [world.fresh() for _ in range(100)]
    large = world.fresh()
    weights = [899, *[1] * 100]
    crumbs, lump = (world.create(Terms.of([large, *small], [(None, weights)]), salt) for salt in (0, 1))
    total = 0
    for amount in [899] * 6:
        total += amount
        crumbs.fund(COIN, amount)
        world.send(crumbs.distributing(), sender=world.stranger)
    lump.fund(COIN, total)
    lump.distribute()
    paid = {payee: line.paid for payee, line in crumbs.check().items()}
    assert paid == {payee: line.paid for payee, line in lump.check().items()}
    assert all(paid[payee] == total // 999 for payee in small)
    assert paid[large] == total * 899 // 999


def test_a_token_with_a_fee_leaves_every_split_solvent(world: World) -> None:
    """0xSplits v2: its warehouse, which all splits share, cannot pay the second withdrawal."""
    token = world.token(6, "Fee", COIN, 500)
    world.send(token.functions.mint(world.owner, 10**12))
    splits = []
    for _ in range(2):
        payees = [world.fresh(), world.fresh()]
        split = world.split(payees, shares(1, 1), token.address)
        world.send(token.functions.approve(split.address, 2**256 - 1))
        world.send(split.functions.pay(world.record(), token.address, 10**6))
        splits.append((split, payees))
    for split, payees in splits:
        world.behave(token, "Blacklist", payees[0])
        assert split.distribute(token.address) == (475_000, 475_000)
        world.behave(token, "Fee", COIN, 500)
    for split, payees in splits:
        split.check(token.address)
        assert split.withdraw(payees[0], token.address) == 475_000
        assert world.balance(token.address, split.address) == 0
        split.check(token.address)


@pytest.mark.parametrize(
    ("payees", "weights", "name"),
    [
        ([], [], "TermsLength"),
        ([5, 6], [1, 0], "PayeeWithoutWeight"),
        ([5, 5], [1, 1], "PayeeOutOfOrder"),
        ([0, 5], [1, 1], "PayeeOutOfOrder"),
        ([6, 5], [1, 1], "PayeeOutOfOrder"),
    ],
)
def test_bad_splits_are_refused(world: World, payees: list[int], weights: list[int], name: str) -> None:
    """0xSplits v2 accepts empty, zero-allocation, duplicate and zero-address splits."""
    terms = Terms(COIN, tuple(f"0x{p:040x}" for p in payees), ((None, weights),))
    assert world.refusal(world.factory.functions.create(terms.packed, 0)).name == name


def test_an_overflowing_split_is_refused(world: World) -> None:
    """0xSplits v2 accepts it. Here a total is what the weights sum to, and weights have 32 bits."""
    good = Terms.of([f"0x{p:040x}" for p in (5, 6)], shares(2**32 - 1, 2**32 - 1))
    wrapped = good.packed[:38] + (2**32 - 2).to_bytes(6, "big") + good.packed[44:]
    refusal = world.refusal(world.factory.functions.create(wrapped, 0))
    assert refusal == Refusal("TierTotal", (0, 2**32 - 2, 2**33 - 2))
    assert world.create(good).functions.verify(good.packed).call()


def test_one_reverting_payee_does_not_block_everybody(world: World) -> None:
    """thirdweb, and push loops in general."""
    bad = world.payee("Reverts")
    others = [world.fresh() for _ in range(9)]
    split = world.split([bad.address, *others], shares(*WEIGHTS[:10]))
    split.fund(COIN, 10**9)
    split.distribute()
    lines = split.check()
    assert world.balances(COIN, others) == [lines[payee].entitlement for payee in others]
    assert lines[bad.address].credit == lines[bad.address].entitlement > 0
