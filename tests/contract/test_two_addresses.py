"""Two addresses for one balance: a coin that is a token as well, a token behind two proxies (hole 3 of the
review).

What is paid out at one address must not be there to be paid out once more at the other. Until 5aa9e58 it
was: in each
test here in which something is set aside or refused, a payee of a half took three quarters.

A payment that lowers what it must not is undone: a claim is refused, and of a distribution it is set
aside, which no
withdrawal gets out either. The other address has the same money, to the last unit.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.amending import Amendable, agreed, people
from tests.contract.coin_token import Machine
from tests.contract.test_payees import sweep
from tests.contract.world import COIN, Refusal, Split, World, shares


@pytest.fixture(scope="module")
def celo(compiled: dict[str, Any]) -> World:
    """A chain whose coin is a token as well."""
    return World(compiled, Machine)


@pytest.fixture(scope="module")
def coin(celo: World) -> Any:
    """That token."""
    return celo.deploy("CoinToken")


def half_and_half(world: World, token: str, *, refusing: bool = False) -> tuple[Split, str, str]:
    """A split for two; the one who refuses takes no coin by calls, but as a token."""
    a, b = (world.payee("Reverts").address, world.fresh()) if refusing else (world.fresh(), world.fresh())
    return world.split([a, b], shares(1, 1), token), a, b


def shared(world: World, function: Any, paid: str, fell: str, sender: str | None = None) -> None:
    refused = world.refusal(function, sender=sender)
    assert refused == Refusal("BalanceShared", (paid.lower(), fell.lower()))


def stuck(world: World, split: Split, paid: str, fell: str, amount: int) -> None:
    """A distribution at the wrong address sends nothing; what it sets aside stays where it is."""
    assert split.distribute(paid) == (0, amount)
    assert world.balance(paid, split.address) == amount
    for payee in split.terms.payees:
        if split.functions.credit(payee, paid).call():
            shared(world, split.functions.withdrawCredit(payee, paid), paid, fell)


def test_the_machine_does_what_such_a_chain_does(celo: World, coin: Any) -> None:
    who, other = celo.account(), celo.fresh()
    before = celo.balance(COIN, celo.owner)
    celo.send(coin.functions.transfer(other, 10**18))
    assert celo.balance(COIN, other) == celo.balance(coin.address, other) == 10**18
    assert before - celo.balance(COIN, celo.owner) > 10**18
    poor = celo.split([who.address], shares(1))
    assert celo.refusal(coin.functions.transferFrom(poor.address, other, 1)).name != "OutOfGas"


@pytest.mark.parametrize("settlement", ["coin", "another token"])
def test_nobody_is_paid_coin_and_then_once_more_what_the_coin_is_as_a_token(
    celo: World, coin: Any, settlement: str
) -> None:
    token = COIN if settlement == "coin" else celo.token().address
    split, a, b = half_and_half(celo, token)
    split.fund(COIN, 1_000)
    assert split.claim(a) == 500
    assert split.line(a, coin.address).due == 250  # it looks as if
    shared(celo, split.claiming(a, coin.address), coin.address, COIN)
    stuck(celo, split, coin.address, COIN, 500)
    assert split.distribute() == (500, 0)
    assert celo.balances(COIN, [a, b, split.address]) == [500, 500, 0]
    split.check()


def test_nor_the_other_way_round(celo: World, coin: Any) -> None:
    """Not even the first payment at the wrong address is made."""
    split, a, b = half_and_half(celo, COIN)
    split.fund(COIN, 1_000)
    shared(celo, split.claiming(a, coin.address), coin.address, COIN)
    assert split.functions.marks(coin.address).call() == [0, 0, False]
    stuck(celo, split, coin.address, COIN, 1_000)
    assert split.functions.marks(coin.address).call() == [1_000, 0, False]
    assert split.distribute() == (1_000, 0)
    assert celo.balances(COIN, [a, b, split.address]) == [500, 500, 0]
    split.check()


def test_where_it_settles_the_token_pays_and_the_coin_does_not(celo: World, coin: Any) -> None:
    split, a, b = half_and_half(celo, coin.address)
    celo.send(coin.functions.approve(split.address, 10**6))
    celo.send(split.functions.pay(celo.record(), coin.address, 600))
    split.fund(COIN, 400)  # the same money
    assert split.claim(a, coin.address) == 500
    shared(celo, split.claiming(b), COIN, coin.address)
    stuck(celo, split, COIN, coin.address, 500)
    assert split.distribute(coin.address) == (500, 0)
    assert celo.balances(COIN, [a, b, split.address]) == [500, 500, 0]
    split.check(coin.address)


def test_tiers_in_the_coins_token_are_not_passed_by_in_coin(celo: World, coin: Any) -> None:
    """Money in any other asset goes by the last tier alone: here it would go to b, before a is recouped."""
    a, b = celo.fresh(), celo.fresh()
    split = celo.split([a, b], [(5_000, (1, 0)), (None, (1, 9))], coin.address)
    split.fund(COIN, 5_000)
    shared(celo, split.claiming(b), COIN, coin.address)
    stuck(celo, split, COIN, coin.address, 5_000)
    assert split.distribute(coin.address) == (5_000, 0)
    assert celo.balances(COIN, [a, b]) == [5_000, 0]


def test_an_ordinary_token_is_paid_beside_both(celo: World, coin: Any) -> None:
    token = celo.token()
    for settlement in (COIN, coin.address, token.address):
        split, a, b = half_and_half(celo, settlement)
        split.fund(COIN, 10)
        split.fund(token, 1_000)
        assert split.claim(a, token.address) == 500
        assert split.distribute(token.address) == (500, 0)
        assert celo.balances(token.address, [a, b]) == [500, 500]


def test_what_was_set_aside_in_coin_does_not_leave_as_its_token(celo: World, coin: Any) -> None:
    """The credit is in coin, and its payee takes coin only as a token: it has it sent elsewhere, once."""
    split, a, b = half_and_half(celo, COIN, refusing=True)
    split.fund(COIN, 1_000)
    assert split.distribute() == (500, 500)
    shared(celo, split.claiming(a, coin.address), coin.address, COIN)
    haven = celo.fresh()
    call = split.contract.encode_abi("redirectCredit", [haven, COIN, 500])
    celo.send(celo.at("Payee", a).functions.run(split.address, 0, call))
    assert celo.balances(COIN, [haven, b, split.address]) == [500, 500, 0]
    split.check()


# ---------------------------------------------------------------------- a token at two addresses


@pytest.fixture
def doors(world: World) -> tuple[Any, Any]:
    sheet = world.deploy("Sheet")
    made = [world.deploy("Door", sheet.address) for _ in range(2)]
    for door in made:
        world.send(sheet.functions.open(door.address))
    return made[0], made[1]


def test_a_settlement_token_is_not_paid_by_its_other_address(world: World, doors: tuple[Any, Any]) -> None:
    one, other = doors
    split, a, b = half_and_half(world, one.address)
    split.fund(one, 1_000)
    assert split.claim(a, one.address) == 500
    assert split.line(a, other.address).due == 250
    shared(world, split.claiming(a, other.address), other.address, one.address)
    stuck(world, split, other.address, one.address, 500)
    assert split.distribute(one.address) == (500, 0)
    assert world.balances(one.address, [a, b, split.address]) == [500, 500, 0]
    split.check(one.address)


def test_what_was_set_aside_before_the_balance_was_shared_does_not_leave_meanwhile(world: World) -> None:
    """Credits are withdrawn without terms: the settlement token is noted when something is set aside. Here
    a token gets
    its second address afterwards, by an upgrade of its proxy."""
    sheet = world.deploy("Sheet")
    one, other = (world.deploy("Door", sheet.address) for _ in range(2))
    world.send(sheet.functions.open(one.address))
    payees = world.accounts[:2]
    split = world.split(payees, shares(1, 1), one.address)
    split.fund(one, 1_000)
    assert split.distribute(other.address) == (0, 1_000)  # it moves nothing yet
    world.send(sheet.functions.open(other.address))
    redirect = split.functions.redirectCredit(world.fresh(), other.address, 500)
    for payee in payees:
        assert split.functions.credit(payee, other.address).call() == 500
        shared(world, split.functions.withdrawCredit(payee, other.address), other.address, one.address)
        shared(world, redirect, other.address, one.address, sender=payee)
    assert split.distribute(one.address) == (1_000, 0)
    split.check(one.address)


def test_which_two_addresses_are_one_is_not_seen_where_neither_settles(
    world: World, doors: tuple[Any, Any]
) -> None:
    """What cannot be seen without asking every token of every other: it stands in the threat table, and
    the chain table
    names the tokens. It harms those who are paid in such a token, and no others."""
    one, other = doors
    split, a, b = half_and_half(world, COIN)
    split.fund(one, 1_000)
    split.fund(COIN, 1_000)
    assert split.claim(a, one.address) == 500
    assert split.claim(a, other.address) == 250
    assert split.distribute() == (1_000, 0)
    assert world.balances(COIN, [a, b]) == [500, 500]
    split.check()


# ---------------------------------------------------------------------- what comes in meanwhile


@pytest.mark.parametrize("through", ["claim", "withdrawCredit", "distribute"])
def test_what_comes_in_meanwhile_does_not_hide_that_coin_and_token_are_one(
    celo: World, coin: Any, through: str
) -> None:
    """A payee that is paid coin has another split pay this one, as anybody may: so nothing has fallen."""
    a, b = celo.payee(), celo.fresh()
    split = celo.split([a.address, b], shares(1, 1), coin.address)
    upstream = celo.split([split.address], shares(1), coin.address)
    split.fund(COIN, 1_000)
    upstream.fund(COIN, 1_000)
    if through == "withdrawCredit":
        assert split.distribute(COIN) == (0, 1_000)
    pays = upstream.contract.encode_abi("distribute", [upstream.terms.packed, coin.address])
    celo.plan(a, upstream.address, pays)
    if through == "claim":
        shared(celo, split.claiming(a.address), COIN, coin.address)
    elif through == "withdrawCredit":
        shared(celo, split.functions.withdrawCredit(a.address, COIN), COIN, coin.address)
    else:
        assert split.distribute(COIN) == (0, 1_000)
    celo.become(a, "Honest")
    upstream.distribute(coin.address)
    assert split.distribute(coin.address) == (2_000, 0)
    assert celo.balances(COIN, [a.address, b]) == [1_000, 1_000]


@pytest.mark.parametrize("through", ["claim", "distribute"])
def test_nor_that_two_tokens_are_one(world: World, through: str) -> None:
    """Of which one calls whom it pays."""
    sheet = world.deploy("Sheet")
    settles, other = (world.deploy("TellingDoor", sheet.address) for _ in range(2))
    for door in (settles, other):
        world.send(sheet.functions.open(door.address))
    a, b = world.payee(), world.fresh()
    world.send(other.functions.hook(a.address))
    split = world.split([a.address, b], shares(1, 1), settles.address)
    upstream = world.split([split.address], shares(1), settles.address)
    world.send(settles.functions.mint(split.address, 1_000))
    world.send(settles.functions.mint(upstream.address, 1_000))
    pays = upstream.contract.encode_abi("distribute", [upstream.terms.packed, settles.address])
    world.plan(a, upstream.address, pays)
    if through == "claim":
        shared(world, split.claiming(a.address, other.address), other.address, settles.address)
    else:
        assert split.distribute(other.address) == (0, 1_000)
    world.become(a, "Honest")
    upstream.distribute(settles.address)
    assert split.distribute(settles.address) == (2_000, 0)
    assert world.balances(settles.address, [a.address, b]) == [1_000, 1_000]


@pytest.mark.parametrize("burns", [False, True])
@pytest.mark.parametrize("through", ["claim", "withdrawCredit"])
def test_nor_by_so_little_gas_that_the_last_look_fails(world: World, through: str, burns: bool) -> None:
    """At the token that is paid, where it is dear to ask."""
    sheet = world.deploy("Sheet")
    settles = world.deploy("Door", sheet.address)
    other = world.deploy("DearTellingDoor", sheet.address, 60_000, burns)
    for door in (settles, other):
        world.send(sheet.functions.open(door.address))
    a, b = world.payee("Reverts"), world.fresh()
    world.send(other.functions.hook(a.address))
    split = world.split([a.address, b], shares(1, 1), settles.address)
    upstream = world.split([split.address], shares(1), settles.address)
    world.send(settles.functions.mint(split.address, 1_000))
    world.send(settles.functions.mint(upstream.address, 1_000))
    if through == "withdrawCredit":
        assert split.distribute(other.address) == (0, 1_000)
        call = split.functions.withdrawCredit(a.address, other.address)
    else:
        call = split.claiming(a.address, other.address)
    pays = upstream.contract.encode_abi("distribute", [upstream.terms.packed, settles.address])
    world.plan(a, upstream.address, pays)
    for gas in range(225_000, 265_000, 700) if burns else range(190_000, 240_000, 1_500):
        world.refusal(call, gas=gas)


@pytest.mark.parametrize("asset", ["coin", "token"])
def test_two_balances_that_are_equal_by_chance_are_two(world: World, asset: str) -> None:
    """Anybody can make them equal, by sending what is missing: it holds up nothing."""
    settles, other = world.token(), world.token()
    paying = COIN if asset == "coin" else other.address
    a, b = world.fresh(), world.fresh()
    split = world.split([a, b], shares(1, 1), settles.address)
    split.fund(settles, 1_000)
    split.fund(COIN, 1_000)
    split.fund(other, 1_000)
    assert split.claim(a, paying) == 500
    assert split.distribute(paying) == (500, 0)
    assert split.distribute(settles.address) == (1_000, 0)
    assert world.balances(paying, [a, b]) == world.balances(settles.address, [a, b]) == [500, 500]


@pytest.mark.parametrize("door", ["PickyDoor", "SlyDoor"])
@pytest.mark.parametrize("least", [60_000, 120_000])
@pytest.mark.parametrize("through", ["claim", "distribute"])
def test_nobody_chooses_so_little_gas_that_nothing_is_watched(
    world: World, through: str, least: int, door: str
) -> None:
    """Of a settlement token that says what is held only to who has gas to spare, and else nothing, or 0."""
    sheet = world.deploy("Sheet")
    settles, other = world.deploy(door, sheet.address, least), world.deploy("Door", sheet.address)
    for each in (settles, other):
        world.send(sheet.functions.open(each.address))
    a, b = world.fresh(), world.fresh()
    split = world.split([a, b], shares(1, 1), settles.address)
    world.send(sheet.functions.mint(split.address, 1_000))
    world.send(sheet.functions.mint(a, 1))
    call = split.claiming(a, other.address) if through == "claim" else split.distributing(other.address)
    for gas in range(60_000, 420_000, 12_000):
        receipt = world.attempt(call, gas=gas)
        assert world.balance(other.address, split.address) == 1_000, gas
        if receipt["status"]:
            return  # it was set aside


@pytest.mark.parametrize(
    ("through", "least", "gases"),
    [
        ("claim", 199_600, range(401_000, 406_000, 25)),
        ("redirectCredit", 330_000, range(300_000, 460_000, 5_000)),
    ],
)
def test_nor_does_a_look_get_less_than_it_may_have(
    world: World, through: str, least: int, gases: range
) -> None:
    """The asset that is paid is a second address of the settlement token, tells its recipient, and answers 0
    to less gas than a look has: what is held before, and what is held after, must be true both."""
    sheet = world.deploy("Sheet")
    settles, other = world.deploy("Door", sheet.address), world.deploy("SlyDoor", sheet.address, least)
    for door in (settles, other):
        world.send(sheet.functions.open(door.address))
    a, b, helper = world.payee(), world.fresh(), world.payee()
    split = world.split([a.address, b], shares(1, 1), settles.address)
    upstream = world.split([split.address], shares(1), settles.address)
    for each in (split, upstream):
        world.send(sheet.functions.mint(each.address, 1_000))
    told = a if through == "claim" else helper
    world.send(other.functions.hook(told.address))
    pays = upstream.contract.encode_abi("distribute", [upstream.terms.packed, settles.address])
    if through == "claim":
        world.plan(a, upstream.address, pays)
        call = split.claiming(a.address, other.address)
    else:
        assert split.distribute(other.address) == (0, 1_000)
        world.plan(helper, upstream.address, pays)
        redirect = split.functions.redirectCredit(helper.address, other.address, 500)
        call = a.functions.run(split.address, 0, redirect._encode_transaction_data())
    for gas in gases:
        world.attempt(call, gas=gas)
        assert world.balance(settles.address, split.address) == 1_000, gas


def test_whoever_makes_two_balances_equal_has_one_batch_made_twice(world: World) -> None:
    """One payee sends back what its batch was paid, where as much was held of both: they seem to be one."""
    token = world.token()
    boomerang = min((world.deploy("Boomerang") for _ in range(12)), key=lambda made: int(made.address, 16))
    above = (one for one in iter(world.fresh, None) if int(one, 16) > int(boomerang.address, 16))
    payees = [boomerang.address, *(next(above) for _ in range(199))]
    split = world.split(payees, [(None, [1] * 200)], token.address)
    split.fund(COIN, 200)
    split.fund(token, 200)
    world.send(boomerang.functions.aim(split.address, 50), value=1_000)
    receipt = world.send(split.distributing(COIN), gas=16_777_216)
    assert world.balances(COIN, payees[1:]) == [1] * 199
    assert receipt["gasUsed"] < 9_500_000  # 10.0 million if the rest is paid one by one
    split.check(COIN)


# ---------------------------------------------------------------------- each payment in a call of its own


def test_nobody_but_the_split_itself_has_it_deliver(world: World) -> None:
    """`deliver` and `payAtOnce` pay without asking why: they are the split's own, for its distributions."""
    token, payee = world.token(), world.payee()
    split = world.split([payee.address, world.fresh()], shares(1, 1), token.address)
    split.fund(COIN, 1_000)
    split.fund(token, 1_000)
    for asset in (COIN, token.address, world.token().address):
        front = world.at("RevenueSplit", split.address).functions
        for call in (
            split.functions.deliver(asset, payee.address, 1, COIN),
            front.payAtOnce(split.terms.packed, 0, len(split.terms.packed), asset, 0, 1_000, True),
        ):
            for sender in (world.owner, world.stranger):
                assert world.refusal(call, sender=sender) == Refusal("OnlyItself")
            run = payee.functions.run(split.address, 0, call._encode_transaction_data())
            assert world.refusal(run) == Refusal("OnlyItself")
    # Nor is there a way to have it call itself: what it calls that a caller names is asked for a permit only.
    permit = split.functions.payWithPermit(world.record(), split.address, 1, 2**60, 27, bytes(32), bytes(32))
    assert world.refusal(permit) == Refusal("NotAToken", (split.address.lower(),))
    split.distribute()
    split.check()


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("mood", ["Reverts", "BurnsGas", "BombOnRevert"])
def test_a_payee_that_refuses_what_does_not_settle_is_credited_and_the_others_are_paid(
    world: World, kind: str, mood: str
) -> None:
    bad, others = world.payee(mood), [world.fresh() for _ in range(3)]
    hooked = world.hooked_token(bad)
    asset, money = (COIN, COIN) if kind == "coin" else (hooked.address, hooked)
    split = world.split([others[0], bad.address, *others[1:]], shares(1, 1, 1, 1), world.token().address)
    for total in (4_000, 8_000):
        split.fund(money, 4_000)
        assert split.distribute(asset) == (3_000, 1_000)
        lines = split.check(asset)
        assert lines[bad.address].credit == total // 4
        assert world.balances(asset, others) == [total // 4] * 3
    world.become(bad, "Honest")
    assert split.withdraw(bad.address, asset) == 2_000
    split.check(asset)


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_too_little_gas_never_sets_aside_what_does_not_settle(world: World, kind: str) -> None:
    """Whoever sends too little finds that nothing has happened; in the end the picky payee is paid."""
    picky, token = world.payee(), world.token()
    split = world.split(
        [world.fresh(), picky.address, world.fresh()],
        shares(1, 1, 1),
        token.address if kind == "coin" else COIN,
    )
    asset, money = (COIN, COIN) if kind == "coin" else (token.address, token)
    split.fund(money, 3_000)
    split.distribute(asset)
    split.fund(money, 3_000)
    if kind == "coin":
        world.become(picky, "Picky", 48_000)
    else:
        world.behave(token, "Picky", picky.address, 150_000)
    enough = sweep(world, split, asset)
    world.send(split.distributing(asset), gas=enough)
    assert all(line.credit == line.due == 0 for line in split.check(asset).values())


# ---------------------------------------------------------------------- what else may look like it


@pytest.mark.parametrize("how", ["distribute", "claim"])
def test_whoever_lowers_the_settlement_tokens_balance_while_it_is_paid_stops_its_own_payment_only(
    world: World, how: str
) -> None:
    token, bad, good = world.token(), world.payee(), world.fresh()
    split = world.split([bad.address, good], shares(1, 1), token.address)
    split.fund(token, 1_000)
    split.fund(COIN, 1_000)
    world.plan(bad, token.address, token.encode_abi("set", [split.address, 999]))
    if how == "distribute":
        assert split.distribute() == (500, 500)
        assert split.check()[bad.address].credit == 500
        shared(world, split.functions.withdrawCredit(bad.address, COIN), COIN, token.address)
    else:
        shared(world, split.claiming(bad.address), COIN, token.address)
        assert split.claim(good) == 500
    assert world.balance(token.address, split.address) == 1_000  # it was undone as well
    world.become(bad, "Honest")
    assert (split.withdraw if how == "distribute" else split.claim)(bad.address) == 500
    split.check()


@pytest.mark.parametrize("change", [0, 1, 10**9])
def test_balances_that_grow_meanwhile_are_welcome(world: World, change: int) -> None:
    token, payee, other = world.token(), world.payee(), world.fresh()
    split = world.split([payee.address, other], shares(1, 1), token.address)
    split.fund(token, 1_000)
    split.fund(COIN, 1_000)
    world.plan(payee, token.address, token.encode_abi("set", [split.address, 1_000 + change]))
    assert split.distribute() == (1_000, 0)
    assert world.outcome(payee) is True
    split.check()
    split.check(token.address)


@pytest.mark.parametrize("quirk", ["BalanceReverts", "BalanceShort"])
def test_a_settlement_token_that_no_longer_answers_holds_up_its_own_money_only(
    world: World, quirk: str
) -> None:
    token, other = world.token(), world.token()
    split, a, b = half_and_half(world, token.address)
    for money in (token, other, COIN):
        split.fund(money, 1_000)
    world.behave(token, quirk)
    for asset in (COIN, other.address):
        assert split.claim(a, asset) == 500
        assert split.distribute(asset) == (500, 0)
        assert world.balances(asset, [a, b]) == [500, 500]
    assert world.refusal(split.distributing(token.address)).name == "NotAToken"


def test_an_amendment_is_not_held_up_where_the_coins_token_settles(celo: World, coin: Any) -> None:
    """Settling pays the token first. What is left of the balance is a rest that nobody has earned, and
    what was set
    aside: it does not go out in coin."""
    signers = people(celo, 3)
    split = Amendable.create(celo, [s.address for s in signers], shares(1, 2, 7), agreed(5_000), coin.address)
    split.fund(COIN, 1_009)
    new = split.other(shares(1, 1, 2))
    split.amend(new, split.consents(new, signers))
    assert celo.balance(COIN, split.address) == 2
    assert split.functions.termsOf(COIN).call()[0] == split.functions.termsOf(coin.address).call()[0] == 1
    split.fund(COIN, 991)
    assert split.distribute(coin.address)[1] == 0
    split.check(coin.address)
