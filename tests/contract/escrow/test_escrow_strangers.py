"""What a stranger sets in motion while a sale is on its way to its split."""

from __future__ import annotations

import pytest

from tests.contract.escrow.sales import DONE, EXPIRED, OWED, Escrow, Sale
from tests.contract.world import COIN, Refusal, Split, World

pytestmark = pytest.mark.xdist_group("trust")


def meddling(world: World, split: Split, token: str, sale: Sale) -> tuple[Refusal | bool | None, object]:
    """Have a stranger pay the split one unit of a token that calls it before it moves, and the stranger
    release the sale
    meanwhile."""
    stranger, contract = world.payee(), world.at("Token", token)
    world.send(contract.functions.hook(stranger.address))
    world.send(contract.functions.mint(stranger.address, 1))
    world.send(stranger.functions.run(token, 0, contract.encode_abi("approve", [split.address, 1])))
    world.plan(stranger, sale.escrow.address, sale.data("release"))
    paying = split.contract.encode_abi("pay", [world.record(), token, 1])
    receipt = world.send(stranger.functions.run(split.address, 0, paying), gas=5_000_000)
    sale.escrow.check()
    return world.outcome(stranger), receipt


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("owed", [False, True])
def test_a_strangers_token_does_not_keep_a_sale_from_its_record(
    world: World, escrow: Escrow, split: Split, kind: str, owed: bool
) -> None:
    """From inside a payment to the split in the stranger's own token, which locks that token only."""
    token = world.token()
    asset = COIN if kind == "coin" else token.address
    sale = escrow.open(split.address, token=asset)
    if owed and kind == "token":
        world.behave(token, "Blacklist")
        sale.do("confirm")
        world.behave(token, "None")
    escrow.wait_until(sale.deadline)
    outcome, receipt = meddling(world, split, world.token(6, "Hooks").address, sale)
    assert outcome is True
    expected = (
        sale.owed_settled(1_000_000, refunded=False)
        if owed and kind == "token"
        else sale.settled(EXPIRED, 1_000_000, 0)
    )
    assert escrow.events(receipt) == [expected]
    assert sale.state == DONE
    assert split.functions.isSalePaid(escrow.address, sale.record).call()
    assert split.statement(asset)[0] == 1_000_000


def test_in_the_same_token_the_sale_waits_and_arrives_later(
    world: World, escrow: Escrow, split: Split
) -> None:
    """While a token moves into the split it cannot be paid in once more: then the sale is owed, and loses
    nothing."""
    token = world.token(6, "Hooks")
    sale = escrow.open(split.address, token=token.address)
    escrow.wait_until(sale.deadline)
    outcome, receipt = meddling(world, split, token.address, sale)
    assert outcome is True
    assert escrow.events(receipt) == [sale.settled(EXPIRED, 1_000_000, 0), sale.delayed(1_000_000)]
    assert sale.state == OWED
    assert split.statement(token.address)[0] == 1
    assert sale.do("release") == [sale.owed_settled(1_000_000, refunded=False)]
    assert split.functions.isSalePaid(escrow.address, sale.record).call()
    assert split.statement(token.address)[0] == 1_000_001


def test_and_what_is_owed_then_stays_owed(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(6, "Hooks")
    sale = escrow.open(split.address, token=token.address)
    world.behave(token, "Blacklist")
    sale.do("confirm")
    world.behave(token, "Hooks")
    outcome, receipt = meddling(world, split, token.address, sale)
    assert outcome == Refusal("NotTaken")
    assert escrow.events(receipt) == []
    assert (sale.state, sale.owed) == (OWED, 1_000_000)
    sale.do("release")


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_payee_of_the_split_may_release_a_sale_while_it_is_paid(
    world: World, escrow: Escrow, kind: str
) -> None:
    """In coin; and in a token from inside a payment in another asset."""
    payee = world.payee()
    split = world.split([payee.address, world.fresh()], [(None, (1, 1))])
    sale = escrow.open(split.address, token=COIN if kind == "coin" else world.token().address)
    escrow.wait_until(sale.deadline)
    split.fund(COIN, 10)
    world.plan(payee, escrow.address, sale.data("release"))
    world.send(split.claiming(payee.address))
    assert world.outcome(payee) is True
    assert split.functions.isSalePaid(escrow.address, sale.record).call()


@pytest.mark.parametrize("name", ["confirm", "refund", "release", "open", "withdrawCredit"])
def test_while_a_token_comes_in_the_escrow_stands_still(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    """A buyer whose token calls it before it moves."""
    token, buyer = world.token(6, "Hooks"), world.payee()
    other = escrow.open(split.address, token=token.address, buyer=buyer)
    world.send(token.functions.hook(buyer.address))
    arguments = {"open": [escrow.terms(split.address)], "withdrawCredit": [buyer.address, token.address]}
    data = escrow.contract.encode_abi(name, arguments.get(name) or other.arguments(name))
    world.plan(buyer, escrow.address, data)
    escrow.open(split.address, token=token.address, buyer=buyer)
    assert world.outcome(buyer) == Refusal("Reentered")
    escrow.check()
