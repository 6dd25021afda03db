"""Many payments by one call: each is made or left out, and none costs another (issue 10, hole 9), nor does
a starved
caller. And credits that are sent elsewhere in parts (hole 8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.amending import Amendable, agreed, people
from tests.contract.world import COIN, GAS, Refusal, Split, Terms, World, shares

Event = tuple[str, dict[str, Any]]


def claims(split: Split, *which: tuple[str, str]) -> list[tuple[str, bytes, str]]:
    """(payee, its proof, token) for each (payee, token)."""
    return [(payee, split.terms.proof(split.index(payee)), token) for payee, token in which]


def skipped(world: World, payee: str, token: str, error: str) -> Event:
    reason = world.selector(error).to_bytes(4, "big") if error else bytes(4)
    return "PaymentSkipped", {"payee": payee, "token": token, "reason": reason}


def run(world: World, split: Split, function: Any, *, gas: int = GAS) -> tuple[int, list[Event]]:
    """Send it; return how many payments it says it made, and the events."""
    many: int = function.call({"from": world.owner, "gas": gas})
    return many, world.logs(split.contract, world.send(function, gas=gas))


def names(events: list[Event]) -> list[tuple[str, str]]:
    return [(name, said["payee"]) for name, said in events]


# ---------------------------------------------------------------------- claimMany


def test_one_call_claims_for_many_and_leaves_out_whom_it_must(world: World) -> None:
    """A burner, one that refuses, a proof of somebody else's, one that was paid already, one twice, no
    token at all."""
    good, late = [world.fresh() for _ in range(3)], world.fresh()
    burner, refuser = world.payee("BurnsGas"), world.payee("Reverts")
    split = world.split([*good, late, burner.address, refuser.address], shares(1, 2, 3, 4, 5, 6))
    split.fund(COIN, 21_000)
    due = {payee: line.due for payee, line in split.lines().items()}
    split.claim(late)
    nothing = world.fresh()
    wrong = (good[0], split.terms.proof(split.index(late)), COIN)
    asked = [
        *claims(split, (burner.address, COIN), (good[0], COIN)),
        wrong,
        *claims(split, (late, COIN), (refuser.address, COIN), (good[1], nothing), (good[1], COIN)),
        (good[2], b"", COIN),
        *claims(split, (good[1], COIN), (good[2], COIN)),
    ]
    many, events = run(world, split, split.functions.claimMany(asked))
    assert many == 3
    paid = [
        ("Claimed", {"payee": payee, "token": COIN, "toRevenue": 21_000, "amount": due[payee]})
        for payee in good
    ]
    assert events == [
        skipped(world, burner.address, COIN, "PaymentFailed"),
        paid[0],
        skipped(world, good[0], COIN, "TermsMismatch"),
        skipped(world, late, COIN, "NothingDue"),
        skipped(world, refuser.address, COIN, "PaymentFailed"),
        skipped(world, good[1], nothing, "NotAToken"),
        paid[1],
        skipped(world, good[2], COIN, "TermsMismatch"),
        skipped(world, good[1], COIN, "NothingDue"),
        paid[2],
    ]
    lines = split.check()
    for payee, line in lines.items():
        assert (
            world.balance(COIN, payee)
            == line.paid
            == (0 if payee in (burner.address, refuser.address) else due[payee])
        )
        assert line.due == due[payee] - line.paid


def test_one_call_claims_in_several_assets(world: World) -> None:
    a, b = world.fresh(), world.fresh()
    tokens = [world.token(), world.token(18)]
    split = world.split([a, b], shares(1, 3), tokens[0].address)
    assets = [COIN, *(token.address for token in tokens)]
    for money in (COIN, *tokens):
        split.fund(money, 4_000)
    many, events = run(
        world, split, split.functions.claimMany(claims(split, *((a, asset) for asset in assets)))
    )
    assert many == 3
    due = split.lines()[a].paid
    assert [(name, said["token"], said["amount"]) for name, said in events] == [
        ("Claimed", asset, due) for asset in assets
    ]
    for asset in assets:
        assert world.balance(asset, a) == due
        split.check(asset)


def test_nothing_asked_for_is_nothing_done(world: World) -> None:
    split = world.split([world.fresh()], shares(1))
    split.fund(COIN, 10)
    for function in (split.functions.claimMany([]), split.functions.withdrawCredits([], COIN)):
        assert run(world, split, function) == (0, [])


def test_money_goes_to_the_payees_whoever_claims_for_them(world: World) -> None:
    payees = [world.fresh(), world.fresh()]
    split = world.split(payees, shares(1, 1))
    split.fund(COIN, 1_000)
    before = world.balance(COIN, world.stranger)
    receipt = world.send(
        split.functions.claimMany(claims(split, *((p, COIN) for p in payees))), sender=world.stranger
    )
    fee = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    assert world.balance(COIN, world.stranger) == before - fee
    assert world.balances(COIN, payees) == [500, 500]


def test_what_one_of_many_can_burn_is_bounded(world: World) -> None:
    """750,000 gas each, and what it costs to say so: the others are paid by what is left."""
    burners = [world.payee("BurnsGas").address for _ in range(3)]
    payee = world.fresh()
    split = world.split([*burners, payee], shares(1, 1, 1, 1))
    split.fund(COIN, 4_000)
    function = split.functions.claimMany(claims(split, *((p, COIN) for p in [*burners, payee])))
    receipt = world.send(function)
    assert receipt["gasUsed"] < 3 * 770_000 + 120_000
    assert world.balance(COIN, payee) == 1_000
    split.check()


def test_what_one_of_many_gets_is_enough_for_the_dearest_claim(world: World) -> None:
    """One of 400 payees and of eight tiers, a proxied wallet that needs what it is given, and a token that
    hooks."""
    hungry = world.payee("Hungry", 180_000)
    token = world.hooked_token(hungry)
    payees = [hungry.address, *(world.fresh() for _ in range(399))]
    tiers = [(10**6 * (t + 1), [1 + i % 7 for i in range(400)]) for t in range(7)]
    split = world.split(payees, [*tiers, (None, [1] * 400)], token.address)
    split.fund(token, 10**8)
    due = split.line(hungry.address, token.address).due
    many, _ = run(world, split, split.functions.claimMany(claims(split, (hungry.address, token.address))))
    assert many == 1
    assert world.balance(token.address, hungry.address) == due > 0


def test_older_terms_are_left_out(world: World) -> None:
    """After an amendment, and where a token has not gone through it yet."""
    signers = people(world, 2)
    token = world.token()
    split = Amendable.create(world, [s.address for s in signers], shares(1, 3), agreed(10_000))
    split.fund(token, 400)
    old = claims(split, (split.terms.payees[0], COIN), (split.terms.payees[0], token.address))
    new = split.other(shares(3, 1))
    split.amend(new, split.consents(new, signers))
    split.fund(COIN, 400)
    now = claims(split, (split.terms.payees[0], COIN), (split.terms.payees[0], token.address))
    many, events = run(world, split, split.functions.claimMany(old + now))
    assert many == 2
    assert names(events) == [
        ("PaymentSkipped", split.terms.payees[0]),
        ("Claimed", split.terms.payees[0]),
        ("Claimed", split.terms.payees[0]),
        ("PaymentSkipped", split.terms.payees[0]),
    ]
    assert world.balances(COIN, [split.terms.payees[0]]) == [300]
    assert world.balances(token.address, [split.terms.payees[0]]) == [100]


def test_a_payee_that_claims_for_many_while_it_is_paid_is_left_out(world: World) -> None:
    """Within a distribution the books are not true yet: all is skipped, and nothing lost."""
    other = world.fresh()
    busy = world.payee()
    token = world.hooked_token(busy)
    split = world.split([busy.address, other], shares(1, 1), token.address)
    split.fund(token, 1_000)
    call = split.contract.encode_abi("claimMany", [claims(split, (other, token.address))])
    world.plan(busy, split.address, call)
    receipt = world.send(split.distributing(token.address))
    assert world.outcome(busy) is True
    assert world.logs(split.contract, receipt)[0] == skipped(world, other, token.address, "Reentered")
    assert world.balances(token.address, [busy.address, other]) == [500, 500]
    split.check(token.address)


# ---------------------------------------------------------------------- withdrawCredits


def paused(world: World, payees: list[str]) -> tuple[Split, Any]:
    """A token that was paused while it was distributed: everybody has a credit."""
    token = world.token()
    split = world.split(payees, shares(*range(1, len(payees) + 1)), token.address)
    split.fund(token, 1_000 * sum(range(1, len(payees) + 1)))
    world.behave(token, "Blacklist")
    assert split.distribute(token.address)[0] == 0
    world.behave(token, "None")
    return split, token


def test_after_a_paused_token_one_call_pays_everybody(world: World) -> None:
    payees = [world.fresh() for _ in range(40)]
    split, token = paused(world, payees)
    lines = split.check(token.address)
    many, events = run(world, split, split.functions.withdrawCredits(payees, token.address))
    assert many == 40
    assert events == [
        ("CreditWithdrawn", {"payee": p, "token": token.address, "to": p, "amount": lines[p].credit})
        for p in payees
    ]
    assert world.balances(token.address, payees) == [lines[p].entitlement for p in payees]
    assert world.balance(token.address, split.address) == 0
    split.check(token.address)


@pytest.mark.parametrize(
    "quirk", ["Blacklist", "ReturnsFalse", "BurnsGas", "RevertsWithBomb", "ReturnsHugeFalse"]
)
def test_a_payee_that_is_still_refused_is_left_out(world: World, quirk: str) -> None:
    payees = [world.fresh() for _ in range(5)]
    split, token = paused(world, payees)
    stranger = world.fresh()
    world.behave(token, quirk, payees[2])
    credit = split.line(payees[2], token.address).credit
    asked = [*payees[:4], stranger, payees[0], payees[4]]
    many, events = run(world, split, split.functions.withdrawCredits(asked, token.address))
    assert many == 4
    assert names(events) == [
        ("CreditWithdrawn", payees[0]),
        ("CreditWithdrawn", payees[1]),
        ("PaymentSkipped", payees[2]),
        ("CreditWithdrawn", payees[3]),
        ("PaymentSkipped", stranger),
        ("PaymentSkipped", payees[0]),
        ("CreditWithdrawn", payees[4]),
    ]
    assert events[2] == skipped(world, payees[2], token.address, "PaymentFailed")
    assert events[4] == skipped(world, stranger, token.address, "NothingDue")
    lines = split.check(token.address)
    assert lines[payees[2]].credit == credit == world.balance(token.address, split.address)
    assert all(line.credit == 0 for payee, line in lines.items() if payee != payees[2])


def test_payees_of_coin_that_refuse_burn_and_reenter_are_left_out_or_paid_once(world: World) -> None:
    tempers = ["Honest", "BurnsGas", "Reverts", "BombOnRevert", "Honest"]
    contracts = [world.payee("Reverts") for _ in tempers]
    payees = [contract.address for contract in contracts]
    split = world.split(payees, shares(1, 1, 1, 1, 1))
    split.fund(COIN, 5_000)
    assert split.distribute() == (0, 5_000)
    for contract, temper in zip(contracts, tempers, strict=True):
        world.become(contract, temper)
    greedy = split.contract.encode_abi("withdrawCredits", [payees, COIN])
    world.plan(contracts[0], split.address, greedy)
    many, _ = run(world, split, split.functions.withdrawCredits(payees, COIN))
    lines = split.check()
    assert world.balances(COIN, payees) == [1_000, 0, 0, 0, 1_000] == [lines[p].paid for p in payees]
    assert 1 <= many <= 2  # the last has been paid by the first, if the first had gas enough for that


def test_what_one_of_many_withdrawals_can_burn_is_bounded(world: World) -> None:
    burners = [world.payee("BurnsGas") for _ in range(3)]
    last = world.payee("Reverts")
    payees = [*(burner.address for burner in burners), last.address]
    split = world.split(payees, shares(1, 1, 1, 1))
    split.fund(COIN, 4_000)
    assert split.distribute() == (0, 4_000)
    world.become(last, "Honest")
    receipt = world.send(split.functions.withdrawCredits(payees, COIN))
    assert receipt["gasUsed"] < 3 * 770_000 + 120_000
    assert world.balance(COIN, last.address) == 1_000
    split.check()


# ---------------------------------------------------------------------- who sends too little gas


@pytest.mark.parametrize("how", ["claimMany", "withdrawCredits"])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_starved_caller_loses_nobodys_money(world: World, how: str, kind: str) -> None:
    """Whatever gas there is: a payment is made whole, or it is left out and stays what it was. Payees here
    refuse when
    they see too little gas, and give back what they have."""
    picky = [world.payee() for _ in range(3)]
    payees = [p.address for p in picky]
    token = world.token()
    asset = COIN if kind == "coin" else token.address
    money = COIN if kind == "coin" else token
    split = world.split(payees, shares(1, 2, 3), asset)
    split.fund(money, 600)
    if how == "withdrawCredits":
        if kind == "token":
            world.behave(token, "Blacklist")
        for payee in picky:
            world.become(payee, "Reverts")
        assert split.distribute(asset) == (0, 600)
    for payee in picky:
        world.become(payee, "Picky", 40_000)
    if kind == "token":
        world.behave(token, "Picky", COIN, 100_000)
    function = (
        split.functions.claimMany(claims(split, *((p, asset) for p in payees)))
        if how == "claimMany"
        else split.functions.withdrawCredits(payees, asset)
    )
    before = split.check(asset)
    outcomes = set()
    for gas in [*range(45_000, 420_000, 6_997), *range(420_000, 900_000, 60_007), 2_000_000]:
        snapshot = world.tester.take_snapshot()
        receipt = world.attempt(function, gas=gas)
        lines = split.check(asset)
        paid = [p for p in payees if lines[p].paid]
        assert world.balances(asset, payees) == [lines[p].paid for p in payees]
        for payee in payees:
            was, is_ = before[payee], lines[payee]
            assert (is_.due + is_.credit, is_.paid) in ((0, was.due + was.credit), (was.due + was.credit, 0))
        events = world.logs(split.contract, receipt)
        assert bool(events) == bool(receipt["status"])
        assert [said["payee"] for name, said in events if name != "PaymentSkipped"] == paid
        outcomes.add((receipt["status"], len(paid)))
        world.tester.revert_to_snapshot(snapshot)
    assert {(0, 0), (1, 3)} <= outcomes
    assert len(outcomes) > 2  # it was in between as well


# ---------------------------------------------------------------------- credits in parts


def test_a_credit_is_sent_elsewhere_in_parts(world: World) -> None:
    bad, first, second = world.payee("Reverts"), world.fresh(), world.fresh()
    split = world.split([bad.address, world.fresh()], shares(1, 1))
    split.fund(COIN, 2_000)
    assert split.distribute() == (1_000, 1_000)

    def redirecting(to: str, amount: int, token: str = COIN) -> Any:
        call = split.contract.encode_abi("redirectCredit", [to, token, amount])
        return bad.functions.run(split.address, 0, call)

    assert world.refusal(redirecting(first, 1_001)) == Refusal("CreditExceeded", (1_000, 1_001))
    assert world.refusal(redirecting(first, 2**256 - 1)) == Refusal("CreditExceeded", (1_000, 2**256 - 1))
    assert world.refusal(redirecting(first, 0)) == Refusal("NothingDue", (bad.address.lower(), COIN))
    for nowhere in (COIN, split.address):
        assert world.refusal(redirecting(nowhere, 1)) == Refusal("InvalidRecipient", (nowhere.lower(),))
    assert world.refusal(redirecting(first, 1, world.token().address)) == Refusal("CreditExceeded", (0, 1))
    assert world.refusal(redirecting(bad.address, 1)) == Refusal(
        "PaymentFailed", (COIN, bad.address.lower(), 1)
    )
    for to, amount, left in ((first, 1, 999), (second, 400, 599), (first, 599, 0)):
        events = world.logs(split.contract, world.send(redirecting(to, amount)))
        assert events == [
            ("CreditWithdrawn", {"payee": bad.address, "token": COIN, "to": to, "amount": amount})
        ]
        assert split.check()[bad.address].credit == left
    assert world.balances(COIN, [first, second, split.address]) == [600, 400, 0]
    assert world.refusal(redirecting(first, 1)) == Refusal("CreditExceeded", (0, 1))


def test_a_fee_on_top_does_not_hold_a_credit_up(world: World) -> None:
    """Hole 8: of 1,000 set aside and held, 1,000 cannot be sent where the token takes a tenth on top.
    Until 5aa9e58
    `redirectCredit(to, token)` sent all or nothing, and the credit waited for somebody to donate the fee."""
    token, payee, haven = world.token(), world.payee(), world.fresh()
    split = world.split([payee.address], shares(1), token.address)
    split.fund(token, 1_000)
    world.behave(token, "Blacklist", payee.address)
    assert split.distribute(token.address) == (0, 1_000)
    world.behave(token, "FeeOnTop", COIN, 1_000)
    assert world.refusal(split.functions.withdrawCredit(payee.address, token.address)) == Refusal(
        "PaymentFailed", (token.address.lower(), payee.address.lower(), 1_000)
    )
    call = split.contract.encode_abi("redirectCredit", [haven, token.address, 909])
    world.send(payee.functions.run(split.address, 0, call))
    assert world.balance(token.address, haven) == 909
    assert world.balance(token.address, split.address) == 1_000 - 909 - 90
    line = split.line(payee.address, token.address)
    assert (line.paid, line.credit, line.due) == (909, 91, 0)
    world.behave(token, "None")
    assert split.withdraw(payee.address, token.address) == 1  # what there is
    assert split.line(payee.address, token.address).credit == 90


def test_credits_where_a_token_has_taken_balance_away_are_paid_as_far_as_it_goes(world: World) -> None:
    token = world.token()
    payees = [world.fresh() for _ in range(3)]
    split = world.split(payees, shares(1, 1, 1), token.address)
    split.fund(token, 3_000)
    world.behave(token, "Blacklist")
    split.distribute(token.address)
    world.behave(token, "None")
    world.send(token.functions.set(split.address, 1_500))
    many, events = run(world, split, split.functions.withdrawCredits(payees, token.address))
    assert many == 2
    assert names(events)[2] == ("PaymentSkipped", payees[2])
    assert world.balances(token.address, [*payees, split.address]) == [1_000, 500, 0, 0]
    assert [split.functions.credit(p, token.address).call() for p in payees] == [0, 500, 1_000]


def test_nobody_withdraws_by_terms_that_are_not_shown(world: World) -> None:
    """A credit is the account's own, whatever terms there are: a stranger has none."""
    split = world.split([world.fresh()], shares(1))
    split.fund(COIN, 10)
    stranger = world.fresh()
    assert world.refusal(split.functions.withdrawCredit(stranger, COIN)) == Refusal(
        "NothingDue", (stranger.lower(), COIN)
    )
    evil = Terms.of([stranger], shares(1))
    assert run(world, split, split.functions.claimMany([(stranger, evil.proof(0), COIN)])) == (
        0,
        [skipped(world, stranger, COIN, "TermsMismatch")],
    )
