"""Tokens with a will of their own: each harms at most those who are paid in it, and that much, no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.test_payees import REENTRIES, VIEWS, earned, reentry, sweep, view
from tests.contract.world import COIN, MAX, ZERO, Refusal, Split, World, shares


def trio(world: World, token: Any, *, settles: bool = True) -> tuple[Split, str, str, str]:
    """A split of 20, 30 and 50 per cent; the first payee is the token's victim where it has one."""
    a, b, c = payees = [world.fresh() for _ in range(3)]
    return world.split(payees, shares(20, 30, 50), token.address if settles else COIN), a, b, c


@pytest.mark.parametrize("decimals", [0, 2, 6, 18, 24])
@pytest.mark.parametrize("settles", [True, False], ids=["settlement token", "other token"])
def test_decimals_do_not_matter(world: World, decimals: int, settles: bool) -> None:
    token = world.token(decimals)
    split, *payees = trio(world, token, settles=settles)
    for amount in (3 * 10**decimals, 1, 7, 10 ** (decimals + 9) + 1):
        split.fund(token, amount)
        split.distribute(token.address)
        lines = split.check(token.address)
        assert world.balances(token.address, payees) == [lines[p].paid for p in payees]
        assert all(line.due == line.credit == 0 for line in lines.values())


@pytest.mark.parametrize("quirk", ["NoReturn", "ReturnsHugeTrue", "RevertsOnZero"])
def test_tokens_that_answer_strangely_but_pay(world: World, quirk: str) -> None:
    token = world.token(6, quirk)
    split, *payees = trio(world, token)
    for amount in (1, 2, 1_000_000):  # of 1 unit nobody gets anything: no transfer of nothing is tried
        split.fund(token, amount)
        assert split.distribute(token.address)[1] == 0
        lines = split.check(token.address)
        assert world.balances(token.address, payees) == [lines[p].paid for p in payees]
    split.fund(token, 1_000_000)
    assert split.claim(payees[0], token.address) == 200_000
    split.check(token.address)
    assert token.functions.zeroTransfers().call() == 0


REFUSALS = [
    "ReturnsFalse",
    "ReturnsTwo",
    "ReturnsOneByte",
    "ReturnsHugeFalse",
    "Blacklist",
    "RevertsWithBomb",
    "BurnsGas",
]


@pytest.mark.parametrize("quirk", REFUSALS)
def test_a_payee_that_the_token_refuses_never_blocks_the_others(world: World, quirk: str) -> None:
    token = world.token()
    split, a, b, c = trio(world, token)
    world.behave(token, quirk, a)
    total = 0
    for amount in (1_000_000, 77, 5):
        total += amount
        split.fund(token, amount)
        split.distribute(token.address)
        lines, expected = split.check(token.address), earned(split, total, token.address)
        assert world.balances(token.address, [a, b, c]) == [0, expected[b], expected[c]]
        assert (lines[a].credit, lines[a].paid) == (expected[a], 0)
    assert world.refusal(split.functions.withdrawCredit(a, token.address)).name == "PaymentFailed"
    split.fund(token, 1_000_000)
    assert world.refusal(split.claiming(a, token.address)).name == "PaymentFailed"
    credit = split.line(a, token.address).credit
    world.behave(token, "None")
    assert split.withdraw(a, token.address) == credit
    assert split.claim(a, token.address) == split.line(a, token.address).entitlement - credit
    lines = split.check(token.address)
    assert world.balance(token.address, a) == lines[a].paid == lines[a].entitlement


@pytest.mark.parametrize("quirk", REFUSALS)
def test_a_token_that_refuses_everybody_leaves_everything_as_credit(world: World, quirk: str) -> None:
    """A paused token: nothing is lost, and when it moves again everybody gets what is theirs."""
    token = world.token()
    split, *payees = trio(world, token)
    split.fund(token, 1_000_000)
    world.behave(token, quirk)
    assert split.distribute(token.address) == (0, 1_000_000)
    assert [split.check(token.address)[p].credit for p in payees] == [200_000, 300_000, 500_000]
    world.behave(token, "None")
    assert [split.withdraw(p, token.address) for p in payees] == [200_000, 300_000, 500_000]
    assert world.balances(token.address, [*payees, split.address]) == [200_000, 300_000, 500_000, 0]
    split.check(token.address)


def test_a_short_answer_is_not_completed_by_the_one_before(world: World) -> None:
    """`true` for one payee leaves a 1 in memory; a single byte 00 for the next must not complete it."""
    token = world.token()
    split, *_ = trio(world, token)
    first, second, _ = split.terms.payees
    split.fund(token, 1_000_000)
    world.behave(token, "ReturnsZeroByte", second)
    split.distribute(token.address)
    lines = split.check(token.address)
    assert lines[first].paid == world.balance(token.address, first) > 0
    assert (lines[second].paid, lines[second].credit) == (0, lines[second].entitlement)


def test_a_blacklisted_payee_cannot_send_its_credit_elsewhere_by_a_stranger(world: World) -> None:
    token, payee, haven = world.token(), world.payee(), world.fresh()
    split = world.split([payee.address, world.fresh()], shares(1, 1), token.address)
    world.behave(token, "Blacklist", payee.address)
    split.fund(token, 1_000)
    split.distribute(token.address)
    redirect = split.functions.redirectCredit(haven, token.address, 500)
    assert world.refusal(redirect, sender=world.stranger) == Refusal("CreditExceeded", (0, 500))
    call = split.contract.encode_abi("redirectCredit", [haven, token.address, 500])
    world.send(payee.functions.run(split.address, 0, call))
    assert world.balance(token.address, haven) == 500
    split.check(token.address)


@pytest.mark.parametrize("quirk", ["RevertsOnLarge"])
def test_a_token_that_refuses_large_amounts_pays_the_small_ones(world: World, quirk: str) -> None:
    token = world.token(6, quirk, COIN, 250)
    split, *_payees = trio(world, token)
    split.fund(token, 1_000)
    assert split.distribute(token.address) == (200, 800)
    split.fund(token, 500)
    assert split.distribute(token.address) == (500, 0)
    split.check(token.address)


# ---------------------------------------------------------------------- balances that move


def test_a_fee_on_transfer_is_the_recipients(world: World) -> None:
    """What arrives is revenue, what is sent counts as paid; the split stays solvent to the unit."""
    token = world.token(6, "Fee", COIN, 100)
    split, *payees = trio(world, token)
    world.send(token.functions.mint(world.owner, 10**9))
    world.send(token.functions.transfer(split.address, 1_000_000))
    assert split.statement(token.address)[0] == 990_000
    assert split.distribute(token.address) == (990_000, 0)
    lines = split.check(token.address)
    for payee in payees:
        assert world.balance(token.address, payee) == lines[payee].paid - lines[payee].paid // 100
    assert world.balance(token.address, split.address) == 0


def test_a_fee_on_top_takes_no_more_than_the_token_took(world: World) -> None:
    """It lowers what is held, so the last cannot be paid: that one is credited, and paid later on."""
    token = world.token(6, "FeeOnTop", COIN, 1_000)
    split, *payees = trio(world, token)
    split.fund(token, 1_000)
    sent, credited = split.distribute(token.address)
    assert sent + credited == 1_000
    assert credited > 0
    world.behave(token, "None")
    split.fund(token, 10_000)
    held = world.balance(token.address, split.address)
    lines = split.lines(token.address)
    assert held >= sum(line.due + line.credit for line in lines.values()) - (sent // 10)
    for payee in payees:
        if lines[payee].credit:
            split.withdraw(payee, token.address)
    split.distribute(token.address)
    assert sum(line.credit for line in split.lines(token.address).values()) == 0


def test_a_rebase_up_is_revenue(world: World) -> None:
    token = world.token()
    split, a, b, c = trio(world, token)
    split.fund(token, 1_000)
    world.send(token.functions.set(split.address, 1_500))
    assert split.distribute(token.address) == (1_500, 0)
    assert world.balances(token.address, [a, b, c]) == [300, 450, 750]
    split.check(token.address)


def test_a_rebase_down_claws_nothing_back_and_nobody_is_paid_twice(world: World) -> None:
    token = world.token()
    split, a, b, c = trio(world, token)
    split.fund(token, 1_000)
    split.distribute(token.address)
    split.fund(token, 1_000)
    world.send(token.functions.set(split.address, 0))
    assert split.statement(token.address)[0] == 1_000
    split.fund(token, 500)
    split.distribute(token.address)  # 1,500
    split.fund(token, 1_000)
    world.send(token.functions.set(split.address, 400))  # 1,900: less than came in, more than the mark
    split.distribute(token.address)
    assert world.balances(token.address, [a, b, c]) == [380, 570, 950]
    split.check(token.address)


def test_revenue_below_the_mark_pays_nothing_until_it_passes_it(world: World) -> None:
    token = world.token()
    split, a, b, c = trio(world, token)
    world.behave(token, "Blacklist", a)
    split.fund(token, 1_000)
    assert split.distribute(token.address) == (800, 200)
    world.send(token.functions.set(split.address, 50))  # 150 of the 200 set aside are gone
    assert split.distribute(token.address) == (0, 0)
    assert all(line.due == 0 for line in split.lines(token.address).values())
    world.behave(token, "None")
    assert split.withdraw(a, token.address) == 50  # what there is
    assert split.line(a, token.address).credit == 150
    split.fund(token, 149)  # makes good what was taken, and that is a's
    assert split.distribute(token.address) == (0, 0)
    assert split.withdraw(a, token.address) == 149
    split.fund(token, 101)
    assert split.withdraw(a, token.address) == 1
    assert split.distribute(token.address) == (100, 0)
    assert world.balances(token.address, [a, b, c]) == [220, 330, 550]
    split.check(token.address)


def test_nobody_is_paid_twice_for_revenue_it_claimed_before_a_rebase_down(world: World) -> None:
    """One claims at 1,000; the token takes 200 away; a distribution at 800 must not forget that claim."""
    token = world.token()
    split, a, b, c = trio(world, token)
    split.fund(token, 1_000)
    assert split.claim(c, token.address) == 500
    world.send(token.functions.set(split.address, 300))
    assert split.statement(token.address)[0] == 800
    assert split.distribute(token.address)[0] <= 300  # a 160, and b 240 as far as it goes
    split.fund(token, 200)  # 1,000 once more: c has had its part of that
    assert split.line(c, token.address).due == 0
    split.distribute(token.address)
    assert world.balance(token.address, c) == split.line(c, token.address).paid == 500
    split.fund(token, 1_000)
    split.distribute(token.address)
    for payee in (a, b):
        if split.line(payee, token.address).credit:
            split.withdraw(payee, token.address)
    assert world.balances(token.address, [a, b, c]) == [400, 600, 1_000]
    split.check(token.address)


def test_a_token_that_takes_balance_away_during_a_payout_harms_no_later_revenue(world: World) -> None:
    token = world.token()
    split, *payees = trio(world, token)
    split.fund(token, 1_000)
    world.behave(token, "Inflates", split.address, 10)
    split.distribute(token.address)
    world.behave(token, "None")
    split.fund(token, 1_000)
    held = world.balance(token.address, split.address)
    lines = split.lines(token.address)
    assert sum(line.due for line in lines.values()) <= held
    split.distribute(token.address)
    for payee in payees:
        line = split.line(payee, token.address)
        if line.credit:
            split.withdraw(payee, token.address)
        assert world.balance(token.address, payee) == split.line(payee, token.address).paid


def test_a_token_that_keeps_what_it_says_it_sent_gives_no_more_than_there_is(world: World) -> None:
    """What a token says it has transferred counts as paid; what it kept is revenue again. Nothing breaks."""
    token = world.token(6, "Keeps")
    split, *payees = trio(world, token)
    split.fund(token, 1_000)
    for _ in range(3):
        split.distribute(token.address)
        split.check(token.address)
    world.behave(token, "None")
    split.distribute(token.address)
    split.check(token.address)
    assert sum(world.balances(token.address, payees)) <= 1_000


@pytest.mark.parametrize("number", [0, 1, 10**6, MAX, MAX + 1, 2**128, 2**255, 2**256 - 1])
def test_a_balance_that_lies_breaks_nothing(world: World, number: int) -> None:
    token = world.token()
    split, *_payees = trio(world, token)
    split.fund(token, 1_000)
    world.behave(token, "BalanceLies", COIN, number)
    for _ in range(3):
        split.distribute(token.address)
        revenue, lines = split.statement(token.address)
        assert revenue <= MAX
        assert all(line.entitlement <= MAX for line in lines)
        assert sum(line.paid + line.credit for line in lines) <= MAX
    # and in another token, nobody has noticed
    split.fund(COIN, 100)
    assert split.distribute(COIN) == (100, 0)
    split.check(COIN)


@pytest.mark.parametrize("quirk", ["BalanceReverts", "BalanceShort"])
def test_a_token_without_an_answer_to_balance_of_is_no_token(world: World, quirk: str) -> None:
    token = world.token()
    split, a, *_ = trio(world, token)
    world.behave(token, quirk)
    not_a_token = Refusal("NotAToken", (token.address.lower(),))
    assert world.refusal(split.distributing(token.address)) == not_a_token
    assert world.refusal(split.claiming(a, token.address)) == not_a_token
    assert world.refusal(split.functions.received(token.address)) == not_a_token
    assert world.refusal(split.functions.pay(ZERO, token.address, 1)) == not_a_token


def test_an_address_without_code_is_no_token(world: World) -> None:
    nothing = world.fresh()
    split, a, *_ = trio(world, world.token())
    for function in (
        split.distributing(nothing),
        split.claiming(a, nothing),
        split.functions.withdrawCredit(a, nothing),
        split.functions.redirectCredit(world.fresh(), nothing, 1),
        split.functions.pay(ZERO, nothing, 1),
        split.functions.remit(ZERO, nothing, 1, ZERO, 1),
        split.functions.received(nothing),
        split.functions.statement(split.terms.packed, nothing),
        split.functions.due(a, split.terms.packed, nothing),
    ):
        assert world.refusal(function) == Refusal("NotAToken", (nothing.lower(),))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 9, 2**159, 2**160 - 1])
def test_naming_an_odd_address_as_token_touches_nothing_else(world: World, number: int) -> None:
    """No books are kept in the slot of an address, beside slots 0 to 4; precompiles answer anything."""
    odd = world.w3.to_checksum_address(f"0x{number:040x}")
    split, *payees = trio(world, world.token())
    split.fund(COIN, 1_000)
    world.send(split.functions.pay(b"\1" * 32, COIN, 10), value=10)
    for _ in range(2):
        world.attempt(split.distributing(odd))
        world.attempt(split.claiming(payees[0], odd))
        world.attempt(split.functions.withdrawCredit(payees[0], odd))
    assert split.functions.isSalePaid(world.owner, b"\1" * 32).call()
    assert not split.functions.isSalePaid(world.owner, b"\2" * 32).call()
    assert not split.functions.isRemitted(world.owner, b"\1" * 32).call()
    assert split.functions.marks(COIN).call() == [0, 0, False]
    assert split.distribute() == (1_010, 0)
    assert world.balances(COIN, payees) == [202, 303, 505]


def test_the_split_itself_is_no_token(world: World) -> None:
    split, *_ = trio(world, world.token())
    assert world.refusal(split.distributing(split.address)).name == "NotAToken"


# ---------------------------------------------------------------------- hooks


@pytest.mark.parametrize("name", REENTRIES + VIEWS)
@pytest.mark.parametrize("through", ["distribute", "claim", "withdrawCredit"])
def test_a_token_hook_that_reenters_gains_and_learns_nothing(world: World, name: str, through: str) -> None:
    bad = world.payee()
    token = world.hooked_token(bad)
    split = world.split([bad.address, world.fresh()], shares(2, 3), token.address)
    split.fund(token, 500_000)
    world.behave(token, "Blacklist", bad.address)
    split.distribute(token.address)  # a credit is there to steal
    world.behave(token, "Hooks")
    split.fund(token, 500_000)
    make = reentry(split, name, bad.address, world.fresh(), token.address) if name in REENTRIES else None
    world.plan(bad, split.address, make or view(split, name, bad.address, token.address))
    if through == "distribute":
        split.distribute(token.address)
    elif through == "claim":
        split.claim(bad.address, token.address)
    else:
        split.withdraw(bad.address, token.address)
    assert world.outcome(bad) == Refusal("Reentered")
    lines = split.check(token.address)
    assert world.balance(token.address, bad.address) == lines[bad.address].paid == 200_000


def test_a_token_hook_that_reverts_makes_a_credit(world: World) -> None:
    bad = world.payee("Reverts")
    token = world.hooked_token(bad)
    split = world.split([bad.address, world.fresh()], shares(2, 3), token.address)
    split.fund(token, 1_000)
    assert split.distribute(token.address) == (600, 400)
    assert split.check(token.address)[bad.address].credit == 400


def test_a_token_hook_that_burns_everything_is_stopped(world: World) -> None:
    bad = world.payee("BurnsGas")
    token = world.hooked_token(bad)
    split = world.split([bad.address, world.fresh()], shares(2, 3), token.address)
    split.fund(token, 1_000)
    assert split.distribute(token.address, gas=600_000) == (600, 400)
    split.check(token.address)


@pytest.mark.parametrize("how", ["transfer", "pay"])
def test_a_token_hook_that_pays_the_tokens_back_only_adds_revenue(world: World, how: str) -> None:
    bad, other = world.payee(), world.fresh()
    token = world.hooked_token(bad)
    split = world.split([bad.address, other], shares(2, 3), token.address)
    split.fund(token, 1_000)
    approve = token.encode_abi("approve", [split.address, 2**256 - 1])
    world.send(bad.functions.run(token.address, 0, approve))
    if how == "transfer":
        world.plan(bad, token.address, token.encode_abi("transfer", [split.address, 400]))
    else:
        world.plan(bad, split.address, split.contract.encode_abi("pay", [ZERO, token.address, 400]))
    split.distribute(token.address)
    assert world.balance(token.address, other) == 600
    revenue, _ = split.statement(token.address)
    lines = split.check(token.address)
    back = world.outcome(bad) is True
    assert revenue == (1_400 if back else 1_000)
    assert lines[bad.address].paid + lines[bad.address].credit == 400
    assert world.balance(token.address, bad.address) == lines[bad.address].paid - (400 if back else 0)
    if how == "transfer":
        assert back


@pytest.mark.parametrize("token_first", [True, False])
def test_money_in_one_token_moves_while_another_is_paid_out(world: World, token_first: bool) -> None:
    """A payee of coin that distributes a token, and the reverse: both come out right."""
    busy, other = world.payee(), world.fresh()
    token = world.hooked_token(busy)
    split = world.split([busy.address, other], shares(1, 1))
    split.fund(token, 1_000)
    split.fund(COIN, 1_000)
    outer, inner = (token.address, COIN) if token_first else (COIN, token.address)
    world.plan(
        busy,
        split.address,
        split.contract.encode_abi("claim", [other, split.terms.proof(split.index(other)), inner]),
    )
    split.distribute(outer)
    for asset in (COIN, token.address):
        split.distribute(asset)
        if split.line(busy.address, asset).credit:  # it ran out of gas over its own doings
            split.withdraw(busy.address, asset)
        lines = split.check(asset)
        assert world.balances(asset, [busy.address, other]) == [500, 500]
        assert all(line.due == line.credit == 0 for line in lines.values())


# ---------------------------------------------------------------------- starvation


def test_too_little_gas_never_makes_the_token_refuse_an_honest_payee(world: World) -> None:
    """A token that refuses when it sees less gas than it needs, and gives the rest back."""
    token = world.token()
    split, a, *_ = trio(world, token)
    split.fund(token, 1_000)
    split.distribute(token.address)
    split.fund(token, 1_000)
    world.behave(token, "Picky", a, 150_000)
    enough = sweep(world, split, token.address)
    world.send(split.distributing(token.address), gas=enough)
    assert all(line.credit == 0 for line in split.check(token.address).values())


# ---------------------------------------------------------------------- how much


@pytest.mark.parametrize("balance", [MAX - 1, MAX, MAX + 1, 2**128 - 1, 2**128, 2**255, 2**256 - 1])
@pytest.mark.parametrize("claims", [False, True])
def test_revenue_is_counted_up_to_its_limit_and_nothing_breaks_above(
    world: World, balance: int, claims: bool
) -> None:
    token = world.token(18)
    _a, b, _c = payees = [world.fresh() for _ in range(3)]
    split = world.split(
        payees, [(MAX - 2, (1, 2**32 - 1, 3)), (None, (2**32 - 1, 2**32 - 1, 1))], token.address
    )
    world.send(token.functions.set(split.address, balance))
    revenue, _ = split.statement(token.address)
    assert revenue == min(balance, MAX)
    expected = earned(split, min(balance, MAX), token.address)
    if claims:
        assert split.claim(b, token.address) == expected[b]
        split.check(token.address)
    split.distribute(token.address)
    lines = split.check(token.address)
    assert world.balances(token.address, payees) == [expected[p] for p in payees]
    assert all(line.due == 0 for line in lines.values())
    if balance > MAX:  # what is beyond stays where it is, and more of it changes nothing
        world.send(token.functions.set(split.address, 2**256 - 1))
        assert split.distribute(token.address) == (0, 0)
        assert split.statement(token.address)[0] == MAX
