"""One lock for each asset: whose money moves waits, and nobody else does (hole 5 of the review).

Until 5aa9e58 one lock stood for all that was drawn in. A token of an attacker's own, drawn by `pay`, could
so keep the
escrow of a stranger's sale from paying in, and the sale's record was lost for ever.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.amending import Amendable, agreed, people
from tests.contract.world import COIN, Refusal, Split, World, shares

AMOUNT = 1_000


def attacker(world: World, split: Split) -> tuple[Any, Any]:
    """A contract that pays in a token of its own, which calls it before it moves anything."""
    contract = world.payee()
    token = world.hooked_token(contract)
    world.send(token.functions.mint(contract.address, 10 * AMOUNT))
    allow(world, contract, token, split.address)
    return contract, token


def allow(world: World, contract: Any, token: Any, spender: str) -> None:
    approve = token.encode_abi("approve", [spender, 2**256 - 1])
    world.send(contract.functions.run(token.address, 0, approve))


def pays(world: World, contract: Any, split: Split, token: Any) -> Any:
    """Has the contract pay in its token; meanwhile it does what it has planned."""
    data = split.contract.encode_abi("pay", [world.record(), token.address, AMOUNT])
    return contract.functions.run(split.address, 0, data)


@pytest.mark.parametrize("settlement", ["coin", "the sale's token", "another token"])
@pytest.mark.parametrize("asset", ["coin", "token"])
def test_nobodys_token_keeps_a_sale_in_escrow_from_arriving(
    world: World, settlement: str, asset: str
) -> None:
    ours = world.token()
    token = COIN if asset == "coin" else ours.address
    settles = {"coin": COIN, "the sale's token": ours.address, "another token": world.token().address}
    split = world.split([world.fresh(), world.fresh()], shares(1, 1), settles[settlement])
    escrow, sale = world.deploy("SaleEscrow"), world.record()
    deadline = int(world.w3.eth.get_block("latest")["timestamp"]) + 100
    if token != COIN:
        world.send(ours.functions.mint(world.owner, AMOUNT))
        world.send(ours.functions.approve(escrow.address, AMOUNT))
    terms = (split.address, sale, token, AMOUNT, world.accounts[0], COIN, deadline, 0, False)
    world.send(escrow.functions.open(terms), value=AMOUNT if token == COIN else 0)
    split.wait_until(deadline)

    contract, own = attacker(world, split)
    release = escrow.encode_abi("release", [split.address, world.owner, sale])
    world.plan(contract, escrow.address, release)
    world.send(pays(world, contract, split, own))
    assert world.outcome(contract) is True
    record = escrow.functions.recordIdOf(world.owner, sale).call()
    assert split.functions.isSalePaid(escrow.address, record).call()
    assert world.balance(token, split.address) == AMOUNT
    assert split.distribute(token) == (AMOUNT, 0)


@pytest.mark.parametrize("kind", ["pay", "remit"])
@pytest.mark.parametrize("asset", ["coin", "another token", "the token itself"])
def test_a_payment_within_a_payment_is_another_payment_or_none(world: World, kind: str, asset: str) -> None:
    split = world.split([world.fresh()], shares(1))
    contract, own = attacker(world, split)
    other = world.token()
    world.send(other.functions.mint(contract.address, AMOUNT))
    allow(world, contract, other, split.address)
    token = {"coin": COIN, "another token": other.address, "the token itself": own.address}[asset]
    value = AMOUNT if token == COIN else 0
    name = world.record()
    arguments: list[Any] = [name, token, AMOUNT] + ([name, 3] if kind == "remit" else [])
    world.coin(contract.address, value) if value else None
    world.plan(contract, split.address, split.contract.encode_abi(kind, arguments), forwards=value > 0)
    receipt = world.send(pays(world, contract, split, own))
    events = [(event, said["token"], said["amount"]) for event, said in world.logs(split.contract, receipt)]
    outer = ("SalePaid", own.address, AMOUNT)
    if token == own.address:
        assert world.outcome(contract) == Refusal("Reentered")
        assert events == [outer]
    else:
        assert world.outcome(contract) is True
        assert events == [("SalePaid" if kind == "pay" else "Remitted", token, AMOUNT), outer]
        assert split.functions.received(token).call() == AMOUNT
    assert split.functions.received(own.address).call() == AMOUNT


MONEY = ["the asset", "coin", "the settlement token", "another token"]


@pytest.mark.parametrize("inner", ["pay", "distribute", "claim", "received"])
@pytest.mark.parametrize("money", MONEY)
@pytest.mark.parametrize("through", ["distribute", "claim", "withdrawCredit", "redirectCredit"])
def test_what_may_be_done_while_a_token_is_paid_out(
    world: World, through: str, money: str, inner: str
) -> None:
    """Of a split that settles in one token, another one is paid to a payee that is called. What is watched
    meanwhile is
    locked: the coin, and the settlement token. Coin can be paid in whatever else goes on."""
    busy, settlement, elsewhere = world.payee(), world.token(), world.token()
    asset = world.hooked_token(busy)
    split = world.split([busy.address, world.fresh()], shares(1, 1), settlement.address)
    for token in (asset, settlement, elsewhere):
        allow(world, busy, token, split.address)
        split.fund(token, 2 * AMOUNT)
    split.fund(COIN, 2 * AMOUNT)
    if through in ("withdrawCredit", "redirectCredit"):
        world.behave(asset, "Blacklist", busy.address)
        split.distribute(asset.address)
        world.behave(asset, "Hooks")
    token = dict(zip(MONEY, (asset.address, COIN, settlement.address, elsewhere.address), strict=True))[money]
    proof = split.terms.proof(split.index(busy.address))
    value = 7 if token == COIN and inner == "pay" else 0
    if token != COIN:
        world.send(world.at("Token", token).functions.mint(busy.address, 7))
    else:
        world.coin(busy.address, value)
    arguments: dict[str, list[Any]] = {
        "pay": [world.record(), token, 7],
        "distribute": [split.terms.packed, token],
        "claim": [busy.address, proof, token],
        "received": [token],
    }
    world.plan(busy, split.address, split.contract.encode_abi(inner, arguments[inner]), forwards=value > 0)
    if through == "redirectCredit":
        call = split.contract.encode_abi("redirectCredit", [busy.address, asset.address, AMOUNT])
        world.send(busy.functions.run(split.address, 0, call))
    elif through == "withdrawCredit":
        split.withdraw(busy.address, asset.address)
    elif through == "claim":
        split.claim(busy.address, asset.address)
    else:
        split.distribute(asset.address)
    free = (token == elsewhere.address and inner in ("pay", "received")) or value > 0
    assert world.outcome(busy) == (True if free else Refusal("Reentered"))
    for each in (asset, settlement, elsewhere):
        world.behave(each, "None")
        split.distribute(each.address)
        split.check(each.address)
        assert split.line(busy.address, each.address).paid == world.balance(each.address, busy.address) - (
            7 if token == each.address and not (free and inner == "pay") else 0
        )
    split.check()


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_every_lock_is_released_within_the_transaction(world: World, kind: str) -> None:
    """The same again and again in one transaction, in each asset in turn: nothing stays locked behind it."""
    settlement = COIN if kind == "coin" else world.token().address
    token = world.token()
    bad, payee = world.payee("Reverts"), world.fresh()
    split = world.split([bad.address, payee], shares(1, 1), settlement)
    batch = world.deploy("Batch")
    assets = [COIN, token.address] + [settlement] * (kind == "token")
    for asset in assets:
        money: Any = COIN if asset == COIN else world.at("Token", asset)
        split.fund(money, 4 * AMOUNT)
        if asset != COIN:
            world.behave(money, "Blacklist", bad.address)
        world.send(split.distributing(asset))
        split.fund(money, 4 * AMOUNT)
        if asset != COIN:
            world.behave(money, "None")
            world.send(money.functions.mint(batch.address, 10 * AMOUNT))
            approve = money.encode_abi("approve", [split.address, 2**256 - 1])
            world.send(batch.functions.run(asset, [approve]))
    world.become(bad, "Honest")
    encode = split.contract.encode_abi
    twice = []
    for asset in assets:
        one = [encode("withdrawCredit", [bad.address, asset])]
        one += [encode("claim", [p, split.terms.proof(split.index(p)), asset]) for p in (bad.address, payee)]
        if asset != COIN:
            one += [
                encode("pay", [world.record(), asset, AMOUNT]),
                encode("pay", [world.record(), asset, AMOUNT]),
            ]
        one += [encode("distribute", [split.terms.packed, asset]), encode("received", [asset])]
        twice += one
    twice += [encode("distribute", [split.terms.packed, asset]) for asset in assets]
    world.send(batch.functions.run(split.address, twice))
    for asset in assets:
        lines = split.check(asset)
        assert all(line.due == line.credit == 0 for line in lines.values())


def test_amendments_do_not_nest(world: World) -> None:
    """A payee that is paid while one settles has the next in its hands, with every signature there is: it
    comes after.
    Put in force at once it would have had what the first one settles last go by older terms."""
    signers = people(world, 2)
    busy, token = world.payee(), world.token()
    settlement = world.hooked_token(busy)
    payees = [*(s.address for s in signers), busy.address]
    split = Amendable.create(world, payees, shares(1, 1, 1), agreed(5_000), settlement.address)
    for money in (settlement, token):
        split.fund(money, 3 * AMOUNT)
    old = split.terms
    middle, last = split.other(shares(1, 1, 2)), split.other(shares(1, 2, 1))
    tokens = [token.address]
    consents = split.consents(middle, signers, tokens)

    # What will be signed once the first is in force.
    snapshot = world.tester.take_snapshot()
    split.amend(middle, consents, tokens)
    later = split.consents(last, signers, tokens)
    world.tester.revert_to_snapshot(snapshot)
    nested = split.amending(last, later, tokens)._encode_transaction_data()
    split.terms = old
    world.plan(busy, split.address, nested)

    split.amend(middle, consents, tokens)
    assert world.outcome(busy) == Refusal("Reentered")
    assert split.functions.epoch().call() == 1
    assets = (settlement.address, COIN, token.address)
    assert [split.functions.termsOf(asset).call()[0] for asset in assets] == [1, 1, 1]
    split.amend(last, later, tokens)
    assert [split.functions.termsOf(asset).call()[0] for asset in assets] == [2, 2, 2]
    for asset in assets:
        split.check(asset)


@pytest.mark.parametrize("asset", ["coin", "the settlement token"])
def test_nothing_is_amended_while_money_that_settles_first_is_on_its_way(world: World, asset: str) -> None:
    signers = people(world, 2)
    busy = world.payee()
    settlement = world.hooked_token(busy)
    payees = [*(s.address for s in signers), busy.address]
    split = Amendable.create(world, payees, shares(1, 1, 1), agreed(5_000), settlement.address)
    split.fund(COIN, 3 * AMOUNT)
    split.fund(settlement, 3 * AMOUNT)
    new = split.other(shares(1, 1, 2))
    amend = split.amending(new, split.consents(new, signers))
    world.plan(busy, split.address, amend._encode_transaction_data())
    split.claim(busy.address, COIN if asset == "coin" else settlement.address)
    assert world.outcome(busy) == Refusal("Reentered")
    assert split.functions.epoch().call() == 0
    for each in (settlement.address, COIN):
        split.distribute(each)
        split.check(each)
