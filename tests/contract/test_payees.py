"""Payees that do their worst when coin reaches them: nobody else notices, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.world import COIN, GAS, ZERO, Refusal, Split, World, shares
from tests.oracle import entitlements

TEMPERS = ["Reverts", "BurnsGas", "BombOnRevert"]


def company(world: World, hostile: Any, *, honest: int = 4) -> tuple[Split, list[str]]:
    """A split between one payee of interest, in the middle, and honest ones."""
    others = [world.fresh() for _ in range(honest)]
    payees = [*others, hostile.address]
    weights = [7 + 3 * i for i in range(honest)] + [25]
    return world.split(payees, shares(*weights)), others


def earned(split: Split, revenue: int, token: str = COIN) -> dict[str, int]:
    return dict(
        zip(
            split.terms.payees,
            entitlements(split.terms.tiers_for(token), revenue),
            strict=True,
        )
    )


@pytest.mark.parametrize("temper", TEMPERS)
def test_a_payee_that_refuses_is_credited_and_the_others_are_paid(world: World, temper: str) -> None:
    bad = world.payee(temper)
    split, others = company(world, bad)
    total = 0
    for amount in (1_000_003, 17, 999):
        total += amount
        split.fund(COIN, amount)
        split.distribute()
        lines, expected = split.check(), earned(split, total)
        for payee in others:
            assert world.balance(COIN, payee) == lines[payee].paid == expected[payee]
        assert lines[bad.address].credit == expected[bad.address]
        assert lines[bad.address].paid == world.balance(COIN, bad.address) == 0

    credit = split.line(bad.address).credit
    assert world.refusal(split.functions.withdrawCredit(bad.address, COIN)) == Refusal(
        "PaymentFailed", (COIN, bad.address.lower(), credit)
    )
    world.become(bad, "Honest")
    assert split.withdraw(bad.address) == credit
    assert world.balance(COIN, bad.address) == credit
    assert split.check()[bad.address].credit == 0
    assert world.refusal(split.functions.withdrawCredit(bad.address, COIN)).name == "NothingDue"


@pytest.mark.parametrize("temper", TEMPERS)
def test_a_payee_that_refuses_can_have_its_credit_sent_elsewhere_by_itself_alone(
    world: World, temper: str
) -> None:
    bad, haven = world.payee(temper), world.fresh()
    split, _ = company(world, bad)
    split.fund(COIN, 10**9)
    split.distribute()
    credit = split.line(bad.address).credit
    assert credit > 0
    # A stranger's own credit is nothing.
    for amount, refused in ((credit, Refusal("CreditExceeded", (0, credit))), (0, Refusal("NothingDue"))):
        redirect = split.functions.redirectCredit(haven, COIN, amount)
        found = world.refusal(redirect, sender=world.stranger)
        assert (found.name, found.args[: len(refused.args)]) == (refused.name, refused.args)
    for nowhere in (COIN, split.address):
        call = split.contract.encode_abi("redirectCredit", [nowhere, COIN, credit])
        assert world.refusal(bad.functions.run(split.address, 0, call)).name == "InvalidRecipient"
    receipt = world.send(
        bad.functions.run(
            split.address, 0, split.contract.encode_abi("redirectCredit", [haven, COIN, credit])
        )
    )
    assert world.logs(split.contract, receipt) == [
        ("CreditWithdrawn", {"payee": bad.address, "token": COIN, "to": haven, "amount": credit})
    ]
    assert world.balance(COIN, haven) == credit
    assert split.check()[bad.address].credit == 0


def test_a_payee_that_answers_with_a_bomb_is_paid_and_costs_others_nothing(world: World) -> None:
    """Return data is never copied: even 110,000 bytes of it cost no more than the payee's own allowance."""
    bad = world.payee("BombOnSuccess")
    split, _others = company(world, bad)
    split.fund(COIN, 10**9)
    split.distribute()
    split.fund(COIN, 10**9)
    receipt = world.send(split.distributing())
    lines = split.check()
    assert all(line.credit == 0 for line in lines.values())
    assert (
        world.balance(COIN, bad.address) == lines[bad.address].paid == earned(split, 2 * 10**9)[bad.address]
    )
    quiet = world.payee()
    peaceful, _ = company(world, quiet)
    for _ in range(2):
        peaceful.fund(COIN, 10**9)
        calm = world.send(peaceful.distributing())
    assert receipt["gasUsed"] <= calm["gasUsed"] + 52_300


@pytest.mark.parametrize("temper", ["BurnsGas", "BombOnRevert"])
def test_what_a_hostile_payee_can_burn_is_bounded(world: World, temper: str) -> None:
    """The reverting payee's distribution, plus no more than its allowance of 50,000 and the stipend."""
    costs = {}
    for each in ("Reverts", temper):
        bad = world.payee(each)
        split, _ = company(world, bad)
        for _ in range(2):
            split.fund(COIN, 10**9)
            receipt = world.send(split.distributing())
        costs[each] = receipt["gasUsed"]
    assert costs[temper] <= costs["Reverts"] + 52_300


REENTRIES = ["distribute", "claim", "withdrawCredit", "redirectCredit"]


def reentry(split: Split, name: str, payee: str, haven: str, token: str = COIN) -> Any:
    """Calldata of a call that would pay once more."""
    arguments: dict[str, list[Any]] = {
        "distribute": [split.terms.packed, token],
        "claim": [payee, split.terms.proof(split.index(payee)), token],
        "withdrawCredit": [payee, token],
        "redirectCredit": [haven, token, 200_000],
    }
    return split.contract.encode_abi(name, arguments[name])


@pytest.mark.parametrize("name", REENTRIES)
@pytest.mark.parametrize(
    ("settlement", "through"),
    [("coin", "distribute"), ("token", "distribute"), ("token", "claim"), ("token", "withdrawCredit")],
)
def test_a_payee_that_reenters_gains_nothing(world: World, name: str, settlement: str, through: str) -> None:
    """Coin is locked while it is distributed, and wherever a settlement token's balance is watched
    meanwhile."""
    bad = world.payee("Reverts")
    token = COIN if settlement == "coin" else world.token().address
    split = world.split([bad.address, world.fresh()], shares(2, 3), token)
    split.fund(COIN, 500_000)
    split.distribute()  # leaves a credit, so that there is something to steal by every way
    split.fund(COIN, 500_000)
    world.plan(bad, split.address, reentry(split, name, bad.address, world.fresh()))
    pay(split, through, bad.address)
    assert world.outcome(bad) == Refusal("Reentered")
    lines = split.check()
    assert world.balance(COIN, bad.address) == lines[bad.address].paid
    assert lines[bad.address].entitlement == 400_000
    assert lines[bad.address].paid == 200_000


def pay(split: Split, how: str, payee: str) -> int:
    """Pay coin in one of three ways; return what the payee gets, or for a distribution what leaves."""
    if how == "distribute":
        return split.distribute()[0]
    return split.claim(payee) if how == "claim" else split.withdraw(payee)


@pytest.mark.parametrize("name", REENTRIES)
def test_a_payee_that_reenters_its_own_withdrawal_gains_nothing(world: World, name: str) -> None:
    """As with a claim: the credit is spent before its coin leaves, and everything else goes on as if it
    had."""
    bad, other, haven = world.payee("Reverts"), world.fresh(), world.fresh()
    split = world.split([bad.address, other], shares(2, 3))
    split.fund(COIN, 500_000)
    split.distribute()
    split.fund(COIN, 500_000)
    world.plan(bad, split.address, reentry(split, name, bad.address, haven))
    assert split.withdraw(bad.address) == 200_000
    refused = {"withdrawCredit": Refusal("NothingDue"), "redirectCredit": Refusal("CreditExceeded")}
    assert world.outcome(bad) == refused.get(name, True)
    lines = split.check()
    paid = 200_000 if name in refused else 400_000
    assert (lines[bad.address].credit, lines[bad.address].paid) == (0, paid)
    assert (world.balance(COIN, bad.address), world.balance(COIN, haven)) == (paid, 0)
    assert world.balance(COIN, other) == lines[other].paid == (600_000 if name == "distribute" else 300_000)


@pytest.mark.parametrize("name", REENTRIES)
def test_a_payee_that_reenters_its_own_claim_gains_nothing(world: World, name: str) -> None:
    """The books are complete before claimed coin leaves: what its payee does meanwhile comes afterwards."""
    bad, other, haven = world.payee("Reverts"), world.fresh(), world.fresh()
    split = world.split([bad.address, other], shares(2, 3))
    split.fund(COIN, 500_000)
    split.distribute()  # leaves a credit, which may be paid meanwhile, once
    split.fund(COIN, 500_000)
    world.plan(bad, split.address, reentry(split, name, bad.address, haven))
    assert split.claim(bad.address) == 200_000
    assert world.outcome(bad) == (Refusal("NothingDue") if name == "claim" else True)
    lines = split.check()
    credit = 0 if name in ("withdrawCredit", "redirectCredit") else 200_000
    assert (lines[bad.address].credit, lines[bad.address].paid) == (credit, 400_000 - credit)
    assert world.balance(COIN, bad.address) + world.balance(COIN, haven) == lines[bad.address].paid
    assert world.balance(COIN, other) == lines[other].paid == (600_000 if name == "distribute" else 300_000)


@pytest.mark.parametrize("name", REENTRIES)
def test_a_payee_that_insists_on_reentering_is_credited(world: World, name: str) -> None:
    bad, other = world.payee(), world.fresh()
    split = world.split([bad.address, other], shares(2, 3))
    world.plan(bad, split.address, reentry(split, name, bad.address, world.fresh()), insists=True)
    split.fund(COIN, 1_000_000)
    assert split.distribute() == (600_000, 400_000)
    lines = split.check()
    assert world.balance(COIN, other) == 600_000
    assert (lines[bad.address].credit, lines[bad.address].paid) == (400_000, 0)


VIEWS = ["received", "marks", "markOf", "credit", "entitlement", "due", "paid", "statement"]


def view(split: Split, name: str, payee: str, token: str = COIN) -> Any:
    arguments: dict[str, list[Any]] = {
        "received": [token],
        "marks": [token],
        "markOf": [payee, token],
        "credit": [payee, token],
        "statement": [split.terms.packed, token],
    }
    return split.contract.encode_abi(name, arguments.get(name, [payee, split.terms.packed, token]))


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(
    ("settlement", "through"),
    [("coin", "distribute"), ("token", "distribute"), ("token", "claim"), ("token", "withdrawCredit")],
)
def test_views_refuse_while_money_goes_out(world: World, name: str, settlement: str, through: str) -> None:
    """Between a payment and its entry in the books figures would be wrong: read-only re-entrancy."""
    bad = world.payee("Reverts")
    token = COIN if settlement == "coin" else world.token().address
    split = world.split([bad.address, world.fresh()], shares(2, 3), token)
    split.fund(COIN, 500_000)
    split.distribute()
    split.fund(COIN, 500_000)
    world.plan(bad, split.address, view(split, name, bad.address))
    pay(split, through, bad.address)
    assert world.outcome(bad) == Refusal("Reentered")
    world.send({"to": bad.address}, value=1)  # and outside a payout the same question is answered
    assert world.outcome(bad) is True


@pytest.mark.parametrize("through", ["claim", "withdrawCredit"])
def test_where_coin_is_claimed_without_a_lock_views_say_what_is_true(world: World, through: str) -> None:
    """A payee that asks while it is paid gets the figures as they are once it has been paid."""
    witness, other = world.deploy("Witness"), world.fresh()
    split = world.split([witness.address, other], shares(2, 3))
    world.send(witness.functions.refuse(True))
    split.fund(COIN, 500_000)
    split.distribute()
    split.fund(COIN, 500_000)
    world.send(witness.functions.refuse(False))
    world.send(witness.functions.watch(split.address, view(split, "statement", other)))
    assert pay(split, through, witness.address) == 200_000
    answer = world.w3.codec.decode(
        ["uint256", "(address,uint256,uint256,uint256,uint256,uint256)[]"], witness.functions.seen().call()
    )
    revenue, lines = split.functions.statement(split.terms.packed, COIN).call()
    assert answer == (revenue, tuple((line[0].lower(), *line[1:]) for line in lines))
    split.check()


@pytest.mark.parametrize("how", ["bare transfer", "pay"])
@pytest.mark.parametrize("through", ["distribute", "claim"])
def test_a_payee_that_pays_itself_back_only_adds_revenue(world: World, how: str, through: str) -> None:
    bad, other = world.payee(), world.fresh()
    split = world.split([bad.address, other], shares(2, 3))
    calldata = b"" if how == "bare transfer" else split.contract.encode_abi("pay", [ZERO, COIN, 400_000])
    split.fund(COIN, 1_000_000)
    world.plan(bad, split.address, calldata, forwards=True)
    if through == "distribute":
        assert split.distribute() == (1_000_000, 0)
        assert world.balance(COIN, other) == 600_000
    else:
        assert split.claim(bad.address) == 400_000
    assert world.outcome(bad) is True
    revenue, _ = split.statement()
    assert revenue == 1_400_000
    lines = split.check()
    assert lines[bad.address].paid == 400_000
    assert world.balance(COIN, bad.address) == 0
    if how == "pay":
        assert split.functions.isSalePaid(bad.address, ZERO).call()
    world.become(bad, "Honest")
    split.distribute()
    lines = split.check()
    assert (lines[bad.address].paid, lines[other].paid) == (560_000, 840_000)
    assert world.balance(COIN, bad.address) == 160_000


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode:DeprecationWarning")
@pytest.mark.parametrize("beneficiary", ["the split", "somebody else"])
def test_a_payee_that_self_destructs_on_receipt_is_paid(world: World, beneficiary: str) -> None:
    bad, other = world.payee(), world.fresh()
    split = world.split([bad.address, other], shares(1, 1))
    heir = split.address if beneficiary == "the split" else world.fresh()
    world.plan(bad, heir)
    world.become(bad, "SelfDestructs")
    split.fund(COIN, 1_000)
    assert split.distribute() == (1_000, 0)
    lines = split.check()
    assert lines[bad.address].paid == lines[other].paid == 500
    assert split.statement()[0] == (1_500 if beneficiary == "the split" else 1_000)
    assert world.balance(COIN, other) == 500


@pytest.mark.parametrize("needs", [3_000, 20_000, 45_000])
def test_a_payee_that_needs_more_than_a_stipend_works(world: World, needs: int) -> None:
    wallet = world.payee("Hungry", needs)
    split, _ = company(world, wallet)
    split.fund(COIN, 10**9)
    assert split.distribute()[1] == 0
    assert world.balance(COIN, wallet.address) == split.check()[wallet.address].paid > 0


def test_a_payee_that_needs_more_than_its_allowance_is_credited_and_can_withdraw(world: World) -> None:
    wallet = world.payee("Hungry", 60_000)
    split, _ = company(world, wallet)
    split.fund(COIN, 10**9)
    split.distribute()
    credit = split.check()[wallet.address].credit
    assert credit > 0
    assert split.withdraw(wallet.address) == credit
    split.fund(COIN, 10**9)
    due = split.line(wallet.address).due
    assert split.claim(wallet.address) == due > 0
    assert world.balance(COIN, wallet.address) == credit + due


def test_a_payee_that_cannot_be_paid_cannot_be_claimed_for(world: World) -> None:
    bad = world.payee("Reverts")
    split, others = company(world, bad)
    split.fund(COIN, 10**9)
    due = split.line(bad.address).due
    assert world.refusal(split.claiming(bad.address)) == Refusal(
        "PaymentFailed", (COIN, bad.address.lower(), due)
    )
    assert world.attempt(split.claiming(bad.address))["status"] == 0
    lines = split.check()
    assert lines[bad.address].due == due
    assert split.claim(others[0]) == lines[others[0]].due


def test_all_payees_hostile_at_once(world: World) -> None:
    bad = [world.payee(temper) for temper in TEMPERS * 2]
    split = world.split([b.address for b in bad], shares(*range(1, 7)))
    split.fund(COIN, 21_000)
    assert split.distribute() == (0, 21_000)
    split.fund(COIN, 21_000)
    assert split.distribute() == (0, 21_000)
    lines = split.check()
    for i, b in enumerate(bad):
        assert lines[b.address].credit == 2_000 * (i + 1)
        world.become(b, "Honest")
        assert split.withdraw(b.address) == 2_000 * (i + 1)
        split.check()
    assert world.balance(COIN, split.address) == 0


def test_an_account_with_delegated_code_that_refuses_is_credited(world: World) -> None:
    """EIP-7702: an account like any other, until it delegates to code that reverts."""
    account, code = world.account(), world.deploy("RefusingCode")
    split = world.split([account.address, world.fresh()], shares(1, 1))
    split.fund(COIN, 1_000)
    assert split.distribute() == (1_000, 0)
    delegate(world, account, code.address)
    assert bytes(world.w3.eth.get_code(account.address)) == b"\xef\x01\x00" + bytes.fromhex(code.address[2:])
    split.fund(COIN, 1_000)
    assert split.distribute() == (500, 500)
    assert split.check()[account.address].credit == 500
    delegate(world, account, COIN)
    before = world.balance(COIN, account.address)
    assert split.withdraw(account.address) == 500
    assert world.balance(COIN, account.address) == before + 500


def delegate(world: World, account: Any, code: str) -> None:
    """Have an account delegate to code (EIP-7702), or with the zero address to none."""
    nonce = world.w3.eth.get_transaction_count(account.address)
    authorization = account.sign_authorization({"chainId": 0, "address": code, "nonce": nonce + 1})
    signed = account.sign_transaction(
        {
            "type": 4,
            "chainId": world.w3.eth.chain_id,
            "nonce": nonce,
            "gas": 200_000,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 1,
            "to": world.fresh(),
            "value": 0,
            "data": b"",
            "authorizationList": [authorization],
        }
    )
    hash_ = world.w3.eth.send_raw_transaction(signed.raw_transaction)
    assert world.w3.eth.get_transaction_receipt(hash_)["status"] == 1


# ---------------------------------------------------------------------- starvation


@pytest.mark.parametrize("claimed", [False, True], ids=["by one plan", "by own marks"])
def test_too_little_gas_never_makes_an_honest_payee_a_creditor(world: World, claimed: bool) -> None:
    """Whatever gas a caller sends, everybody is paid, or nothing happens at all.

    The payee refuses when it sees less gas than it needs and gives the rest back: that is the one whom a
    caller could starve with enough gas left over to credit it.
    """
    wallet, first = world.payee("Picky", 48_000), world.fresh()
    split = world.split([first, wallet.address, world.fresh()], shares(1, 1, 1))
    split.fund(COIN, 3_000)
    split.distribute()
    split.fund(COIN, 3_000)
    if claimed:
        split.claim(first)
    enough = sweep(world, split, COIN)
    world.send(split.distributing(), gas=enough)
    assert all(line.credit == line.due == 0 for line in split.check().values())


def sweep(world: World, split: Split, token: str) -> int:
    """Distribute with every amount of gas that could matter; return what is enough."""
    function = split.distributing(token)
    options = {"from": world.owner}
    low, high = 25_000, 2_000_000
    assert not starved(function.call({**options, "gas": high}))
    paid = refused = 0
    answers: dict[int, list[int]] = {}
    for gas in [*range(low, 400_000, 997), high]:
        try:
            answers[gas] = function.call({**options, "gas": gas})
        except Exception:  # noqa: BLE001 - out of gas, NotEnoughGas, intrinsic gas: nothing has happened
            refused += 1
        else:
            assert not starved(answers[gas]), f"{answers[gas]} with {gas} gas"
            paid += 1
    assert refused > 5 < paid
    return min(answers)


def starved(answer: list[int]) -> bool:
    return answer[1] != 0


def test_a_hostile_payee_last_in_line_is_credited_only_with_its_allowance_to_spare(world: World) -> None:
    bad = world.payee("Reverts")
    split = world.split([bad.address], shares(1))
    split.fund(COIN, 1_000)
    for _ in range(2):
        used = world.send(split.distributing(), gas=GAS)["gasUsed"]
        split.fund(COIN, 1_000)
    assert world.refusal(split.distributing(), gas=used + 10_000).name in ("NotEnoughGas", "OutOfGas")
    world.send(split.distributing(), gas=used + 60_000)
    assert split.check()[bad.address].credit == 3_000
