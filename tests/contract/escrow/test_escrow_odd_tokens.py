"""Tokens with ways of their own, and random walks: the balance covers what is held and set aside."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.contract.escrow.sales import ACTS, CONFIRMED, DISPUTED, DONE, HELD, Escrow, Sale, credited, odd
from tests.contract.world import COIN, Refusal, Split, World, shares

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ odd tokens


@pytest.mark.parametrize("quirk", ["ReturnsFalse", "ReturnsTwo", "Blacklist", "RevertsWithBomb", "Keeps"])
def test_a_token_that_refuses_leaves_a_credit(world: World, escrow: Escrow, split: Split, quirk: str) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    had = world.balance(token.address, buyer.address)
    world.behave(token, quirk)
    assert sale.do("refund")[1:] == [credited(buyer.address, token.address, 1_000_000)]
    withdraw = escrow.functions.withdrawCredit(buyer.address, token.address)
    refused = Refusal("PaymentFailed", (token.address.lower(), buyer.address.lower(), 1_000_000))
    assert world.refusal(withdraw) == refused
    world.behave(token, "None")
    world.send(withdraw)
    assert world.balance(token.address, buyer.address) == had + 1_000_000


def test_a_split_the_token_refuses_does_not_stop_the_buyers_part(
    world: World, escrow: Escrow, split: Split
) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    sale.of_buyer(buyer, "dispute")
    had = world.balance(token.address, buyer.address)
    world.behave(token, "Blacklist", split.address)
    assert sale.do("decide", 1)[1:] == [sale.delayed(999_999)]
    assert world.balance(token.address, buyer.address) == had + 1
    assert sale.owed == 999_999
    world.behave(token, "None")
    assert sale.do("release") == [sale.owed_settled(999_999, refunded=False)]
    assert split.statement(token.address)[0] == 999_999
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


def test_a_token_that_answers_nothing_works(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(quirk="NoReturn")
    sale = escrow.open(split.address, token=token.address)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert split.statement(token.address)[0] == 1_000_000


def test_a_token_that_charges_the_sender_on_top_keeps_the_sale_owed(
    world: World, escrow: Escrow, split: Split
) -> None:
    """What others have paid in is not spent on its fee; the coin is untouched by it."""
    token = world.token()
    sale = escrow.open(split.address, token=token.address)
    world.send(token.functions.mint(escrow.address, 10_000))  # even where somebody has made good beforehand
    coins = escrow.open(split.address)
    world.behave(token, "FeeOnTop", number=100)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert world.balance(token.address, escrow.address) == 1_010_000
    coins.do("confirm")
    world.behave(token, "None")
    sale.do("release")


# ------------------------------------------------------------------------------------------ at random


@pytest.mark.parametrize("seed", range(2))
def test_books_and_events_agree_whatever_happens(  # noqa: C901 - a walk of many kinds of step
    world: World, escrow: Escrow, seed: int
) -> None:
    """A random walk over many sales: the balance always covers them, and in the end all money has arrived."""
    rng = random.Random(seed)
    tokens = [COIN, world.token().address, world.token(quirk="Fee", number=37).address]
    fine = world.split([world.fresh()], shares(1)).address
    splits = [fine, odd(world, "Refuses").address, odd(world, "Refuses", refuses_coin=True).address]
    buyers = [world.payee(temper) for temper in ("Honest", "Reverts")]
    sales: list[Sale] = []
    replayed: dict[tuple[str, bytes], list[int]] = {}
    start = world.w3.eth.block_number
    for step in range(40):
        if rng.random() < 0.4 or not sales:
            buyer = rng.choice(buyers)
            sales.append(
                escrow.open(
                    rng.choice(splits),
                    buyer=buyer,
                    token=rng.choice(tokens),
                    amount=rng.randint(100, 10**9),
                    deadline=escrow.now() + rng.randint(10, 60),
                    decisionDeadline=escrow.now() + rng.randint(61, 120),
                    refundByDefault=rng.random() < 0.5,
                )
            )
            continue
        sale, name = rng.choice(sales), rng.choice(list(ACTS))
        arguments = (rng.randint(0, 200),) if name == "decide" else ()
        if name in ("confirm", "dispute"):
            buyer = next(b for b in buyers if b.address == sale.buyer)
            data = escrow.contract.encode_abi(name, list(sale.key))
            world.attempt(buyer.functions.run(escrow.address, 0, data), gas=5_000_000)
        else:
            world.attempt(sale.call(name, *arguments), sender=sale.sender(name), gas=5_000_000)
        if rng.random() < 0.2:
            escrow.wait_until(escrow.now() + rng.randint(1, 20))
        if step % 8 == 7:
            escrow.check()
    escrow.wait_until(escrow.now() + 200)
    for sale in sales:
        if sale.state in (HELD, DISPUTED):
            world.send(sale.call("release" if sale.state == HELD else "settleByDefault"), gas=5_000_000)
        assert sale.state == DONE
    for buyer in buyers:
        world.become(buyer, "Honest")
    for address in splits[1:]:
        world.send(world.at("OddSplit", address).functions.become(0, False, 0))
    credits_: dict[tuple[str, str], int] = defaultdict(int)
    for number in range(start + 1, world.w3.eth.block_number + 1):
        for log in world.w3.eth.get_logs(
            {"address": escrow.contract.address, "fromBlock": number, "toBlock": number}
        ):
            ((name, args),) = world.logs(escrow.contract, {"logs": [log]})
            if name == "Opened":
                replayed[args["split"], args["saleId"]] = [args["amount"], HELD]
            elif name == "Disputed":
                replayed[args["split"], args["saleId"]][1] = DISPUTED
            elif name == "Settled":
                amount, state = replayed[args["split"], args["saleId"]]
                assert state in (HELD, DISPUTED)
                assert args["amountToSplit"] + args["amountToBuyer"] == amount
                replayed[args["split"], args["saleId"]][1] = DONE
            elif name == "Credited":
                credits_[args["payee"], args["token"]] += args["amount"]
    assert len(replayed) == len(sales)
    assert all(state == DONE for _, state in replayed.values())
    for (payee, token), amount in credits_.items():
        assert escrow.functions.credit(payee, token).call() == amount
        world.send(escrow.functions.withdrawCredit(payee, token))
    for token in tokens:
        assert world.balance(token, escrow.address) == 0
