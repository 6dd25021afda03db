"""Who may change the terms, by what, until when; and what every payee's line says afterwards (holes 6 and 7).

Each refusal of the contract is here, at its very edge. What the library makes of it:
tests/chain/test_amend.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from tests.contract.amending import (
    DAY,
    LATE,
    LIFE,
    WEEK,
    Amendable,
    agreed,
    controlled,
    people,
    person,
)
from tests.contract.world import COIN, MAX, Line, Refusal, Terms, Tier, World, shares
from tests.oracle import entitlements


def venture(
    world: World, weights: Sequence[int], quorum: int, *more: Tier, token: str = COIN
) -> tuple[Amendable, list[LocalAccount]]:
    """A split of people who decide by quorum, ascending by address; `more` tiers come before the last."""
    signers = people(world, len(weights))
    tiers = [*more, (None, weights)]
    return Amendable.create(world, [s.address for s in signers], tiers, agreed(quorum), token), signers


def ruled(world: World, notice: int = WEEK, token: str = COIN) -> tuple[Amendable, str]:
    """A split that somebody rules, and who."""
    chair = world.accounts[0]
    payees = [world.fresh(), world.fresh()]
    return Amendable.create(world, payees, shares(1, 1), controlled(chair, notice), token), chair


def lower(*addresses: str) -> tuple[str, ...]:
    return tuple(address.lower() for address in addresses)


# ---------------------------------------------------------------------- what is signed


@pytest.mark.parametrize("tokens", [0, 1, 3])
@pytest.mark.parametrize("deadline", [0, 1_900_000_000, 2**256 - 1])
def test_the_digest_is_what_wallets_show(world: World, tokens: int, deadline: int) -> None:
    split, _ = venture(world, (1, 2), 5_000)
    new = split.other(shares(3, 1))
    listed = [world.fresh() for _ in range(tokens)]
    message = encode_typed_data(full_message=split.typed(new, listed, deadline))
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    assert split.digest(new, listed, deadline) == digest


def test_consents_are_to_this_list_of_tokens_and_no_other(world: World) -> None:
    """Hole 6. Until 5aa9e58 the digest left the list out, and whoever loses by the old terms handed the
    consents in with
    an empty one: what a token had earned by then was shared by the new. (The old digest cannot be asked
    for here.)"""
    split, signers = venture(world, (1, 9), 6_000)
    loser = split.terms.payees[1]
    money, other = sorted((world.token() for _ in range(2)), key=lambda token: int(token.address, 16))
    split.fund(money, 1_000)
    new = split.other(shares(9, 1))
    consents = split.consents(new, signers, [money.address, other.address])
    for tokens in (
        [],
        [money.address],
        [other.address],
        [other.address, money.address],
        [money.address, money.address],
        [money.address, other.address, COIN],
    ):
        amend = split.amending(new, consents, tokens)
        assert world.refusal(amend) == Refusal("BadSignature", lower(split.terms.payees[0])), tokens
    split.amend(new, consents, [money.address, other.address])
    assert world.balance(money.address, loser) == 900
    split.fund(money, 1_000)
    split.distribute(money.address)
    assert world.balance(money.address, loser) == 1_000


@pytest.mark.parametrize("what", ["from", "to", "epoch", "tokens", "deadline", "split", "chain", "name"])
def test_a_signature_over_anything_else_is_none(world: World, what: str) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    other, _ = venture(world, (1, 1), 10_000)
    new = split.other(shares(3, 1))
    typed = split.typed(new)
    parts: dict[str, tuple[str, str, Any]] = {
        "from": ("message", "from", new.commitment),
        "to": ("message", "to", split.terms.commitment),
        "epoch": ("message", "epoch", 1),
        "tokens": ("message", "tokens", [COIN]),
        "deadline": ("message", "deadline", LATE - 1),
        "split": ("domain", "verifyingContract", other.address),
        "chain": ("domain", "chainId", 1),
        "name": ("domain", "name", "revshares"),
    }
    group, key, value = parts[what]
    typed[group][key] = value
    message = encode_typed_data(full_message=typed)
    consents = [(i, bytes(s.sign_message(message).signature)) for i, s in enumerate(signers)]
    assert world.refusal(split.amending(new, consents)).name == "BadSignature"


def test_consents_are_spent_and_do_not_come_back_with_the_terms(world: World) -> None:
    """There and back again: the same two terms, but never the same consents."""
    split, signers = venture(world, (1, 1), 10_000)
    here, there = split.terms, split.other(shares(3, 1))
    going = split.consents(there, signers)
    split.amend(there, going)
    assert world.refusal(split.amending(there, going, old=here.packed)).name == "TermsMismatch"
    split.amend(here, split.consents(here, signers))
    assert world.refusal(split.amending(there, going)).name == "BadSignature"


def test_until_the_deadline_and_no_longer(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    new = split.other(shares(3, 1))
    deadline = split.now() + 1_000
    amend = split.amending(new, split.consents(new, signers, (), deadline), (), deadline)
    split.wait_until(deadline + 1)
    snapshot = world.tester.take_snapshot()
    assert world.attempt(amend)["status"] == 0
    world.tester.revert_to_snapshot(snapshot)
    assert world.refusal(split.amending(new, [], (), split.now() - 1_000)).name == "ConsentExpired"
    again = split.now() + 500
    amend = split.amending(new, split.consents(new, signers, (), again), (), again)
    split.wait_until(again)
    world.send(amend)
    assert int(world.w3.eth.get_block("latest")["timestamp"]) == again


# ---------------------------------------------------------------------- who signs


@pytest.mark.parametrize("quorum", [1, 4_999, 5_000, 5_001, 6_666, 6_667, 9_999, 10_000])
def test_a_quorum_is_reached_to_the_unit_of_weight(world: World, quorum: int) -> None:
    """By every set of payees, of the last tier's weight, rounded up."""
    weights = (1, 2, 3)
    split, signers = venture(world, weights, quorum, (1_000, (3, 2, 1)))
    new = split.other([(1_000, (3, 2, 1)), (None, (2, 4, 6))])
    needed = -(-6 * quorum // 10_000)
    for chosen in range(8):
        who = [s for i, s in enumerate(signers) if chosen >> i & 1]
        weight = sum(w for i, w in enumerate(weights) if chosen >> i & 1)
        amend = split.amending(new, split.consents(new, who))
        if weight < needed:
            assert world.refusal(amend) == Refusal("QuorumMissed", (weight, needed))
        else:
            assert amend.call({"from": world.stranger}) == []


@pytest.mark.parametrize("order", [(1, 0), (0, 0), (1, 1), (0, 3), (3,), (2**256 - 1,), (0, 1, 1), (2, 1, 0)])
def test_consents_come_in_the_order_of_the_terms_one_a_payee(world: World, order: tuple[int, ...]) -> None:
    split, signers = venture(world, (1, 1, 1), 1)
    new = split.other(shares(3, 1, 1))
    signatures = dict(split.consents(new, signers))
    consents = [(i, signatures.get(i, b"")) for i in order]
    refused = world.refusal(split.amending(new, consents))
    assert refused.name == "ConsentOutOfOrder"
    assert refused.args[0] < len(order)


def test_nobody_signs_for_another(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    new = split.other(shares(3, 1))
    (zero, first), (one, second) = split.consents(new, signers)
    for consents, whose in (
        ([(0, second), (1, first)], 0),
        ([(0, first), (1, first)], 1),
        ([(0, b""), (1, second)], 0),
        ([(0, first[:-1]), (1, second)], 0),
        ([(0, first), (1, second + b"\0")], 1),
        ([(0, bytes(65)), (1, second)], 0),
    ):
        refused = world.refusal(split.amending(new, consents))
        assert refused == Refusal("BadSignature", lower(split.terms.payees[whose]))
    stranger = bytes(
        person(world.salt()).sign_message(encode_typed_data(full_message=split.typed(new))).signature
    )
    assert world.refusal(split.amending(new, [(zero, first), (one, stranger)])).name == "BadSignature"


WORSE: dict[str, list[Tier]] = {
    "a smaller share": [(1_000, (1, 2)), (None, (0, 1))],
    "more weight, and less of the whole": [(1_000, (2, 3)), (None, (0, 1))],
    "no share": [(1_000, (0, 1)), (None, (1, 1))],
    "a tier ends earlier": [(999, (1, 1)), (None, (0, 1))],
    "a tier ends later": [(1_001, (1, 1)), (None, (0, 1))],
    "a tier more": [(1_000, (1, 1)), (2_000, (1, 1)), (None, (0, 1))],
    "a tier less": [(None, (1, 1))],
    "left out": [(1_000, (1,)), (None, (1,))],
}
"""Of terms by which two share the first 1,000 alike, and all else is the second's: what may be worse for
the first."""


@pytest.mark.parametrize("how", WORSE)
@pytest.mark.parametrize("first", [True, False])
def test_where_all_must_agree_those_without_weight_in_the_last_tier_have_a_say_too(
    world: World, how: str, first: bool
) -> None:
    """Whichever stands first in the terms."""

    def placed(tiers: list[Tier]) -> list[Tier]:
        return [(end, weights if first else weights[::-1]) for end, weights in tiers]

    signers = people(world, 2)
    silent, speaker = signers if first else signers[::-1]
    payees = [s.address for s in signers]
    before: list[Tier] = [(1_000, (1, 1)), (None, (0, 1))]
    split = Amendable.create(world, payees, placed(before), agreed(10_000))
    new = split.other(placed(WORSE[how]), [speaker.address] if how == "left out" else payees)
    amend = split.amending(new, split.consents(new, [speaker]))
    assert world.refusal(amend) == Refusal("ConsentMissing", lower(silent.address))
    split.amend(new, split.consents(new, signers))


@pytest.mark.parametrize("weights", [(1, 1), (2, 2), (2, 1), (3, 2), (2**31, 2**31)])
def test_where_all_must_agree_whoever_fares_no_worse_need_not_be_asked(
    world: World, weights: tuple[int, int]
) -> None:
    signers = people(world, 2)
    tiers = [(1_000, (1, 1)), (None, (0, 1))]
    split = Amendable.create(world, [s.address for s in signers], tiers, agreed(10_000))
    new = split.other([(1_000, weights), (None, (1, 1))])
    split.amend(new, split.consents(new, signers[1:]))


def test_below_unanimity_nobody_is_asked_whose_weight_is_not_needed(world: World) -> None:
    split, signers = venture(world, (0, 1), 9_999, (1_000, (1, 1)))
    new = split.other([(None, (1,))], split.terms.payees[1:])
    split.amend(new, split.consents(new, signers[1:]))


# ---------------------------------------------------------------------- who takes it back


def test_a_consent_is_taken_back_by_its_payee_once_and_for_all(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    payer = world.account()
    new = split.other(shares(3, 1))
    consents = split.consents(new, signers)
    digest, payee = split.digest(new), signers[1].address
    world.coin(payee, 10**18)

    # Whoever is not the payee takes back nothing of the payee's, and the payee nothing but this.
    world.send(split.functions.revokeConsent(digest))
    other = split.digest(new, (), LATE - 1)
    for each in (digest, other):
        assert split.functions.isRevoked(payee, each).call() is False
    submit(world, signers[1], split.functions.revokeConsent(other))
    assert split.functions.isRevoked(payee, other).call() is True
    assert split.amending(new, consents).call({"from": payer.address}) == []

    receipt = submit(world, signers[1], split.functions.revokeConsent(digest))
    assert world.logs(split.contract, receipt) == [("ConsentRevoked", {"payee": payee, "digest": digest})]
    assert split.functions.isRevoked(payee, digest).call() is True
    for _ in range(2):
        assert world.refusal(split.amending(new, consents)) == Refusal("ConsentWithdrawn", lower(payee))
        consents = split.consents(new, signers)  # the same once more is the same
    later = split.consents(new, signers, (), LATE - 2)
    split.amend(new, later, (), LATE - 2)


def submit(world: World, who: LocalAccount, function: Any) -> Any:
    """Send a transaction of an account whose key is known; return its receipt."""
    signed = who.sign_transaction(
        {
            "chainId": world.w3.eth.chain_id,
            "nonce": world.w3.eth.get_transaction_count(who.address),
            "gas": 200_000,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 1,
            "to": function.address,
            "value": 0,
            "data": function._encode_transaction_data(),
        }
    )
    return world.w3.eth.get_transaction_receipt(world.w3.eth.send_raw_transaction(signed.raw_transaction))


def test_who_has_taken_back_need_not_be_missed(world: World) -> None:
    """The quorum is reached without it."""
    split, signers = venture(world, (1, 1, 1), 6_000)
    new = split.other(shares(3, 1, 1))
    world.coin(signers[0].address, 10**18)
    submit(world, signers[0], split.functions.revokeConsent(split.digest(new)))
    assert world.refusal(split.amending(new, split.consents(new, signers))).name == "ConsentWithdrawn"
    split.amend(new, split.consents(new, signers[1:]))


# ---------------------------------------------------------------------- which terms


@pytest.mark.parametrize("kind", ["quorum", "controller"])
def test_the_old_terms_are_the_newest_and_the_new_ones_sound(world: World, kind: str) -> None:
    if kind == "quorum":
        split, signers = venture(world, (1, 1), 10_000)
        sender = world.owner
    else:
        split, sender = ruled(world)
        signers = []
    good = split.other(shares(3, 1))

    def changing(new: Terms, old: bytes | None = None) -> Any:
        if kind == "controller":
            return split.announcing(new, old=old)
        return split.amending(new, split.consents(new, signers), old=old)

    a, b = split.terms.payees
    for new, error in (
        (Terms(COIN, (b, a), ((None, (1, 1)),)), Refusal("PayeeOutOfOrder", (1,))),
        (Terms(COIN, (a, b), ((None, (0, 1)),)), Refusal("PayeeWithoutWeight", (0,))),
        (Terms(COIN, (a, b), ((5, (1, 1)),)), Refusal("TierOutOfOrder", (0,))),
        (Terms(COIN, (a, b), ((None, (1, 1)),), 1), Refusal("UnknownFormat", (1,))),
    ):
        assert world.refusal(changing(new), sender=sender) == error
    other = world.token().address
    swapped = Terms.of([a, b], shares(3, 1), other)
    assert world.refusal(changing(swapped), sender=sender) == Refusal(
        "SettlementTokenChanged", lower(COIN, other)
    )
    own = Terms.of([a, split.address], shares(3, 1))
    assert world.refusal(changing(own), sender=sender) == Refusal("PaysItself")
    foreign = split.other(shares(7, 1))
    assert world.refusal(changing(good, foreign.packed), sender=sender) == Refusal(
        "TermsMismatch", (split.terms.commitment, foreign.commitment)
    )
    world.send(changing(good), sender=sender)


def test_terms_that_were_replaced_are_old_no_longer(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    first, new = split.terms, split.other(shares(3, 1))
    split.amend(new, split.consents(new, signers))
    last = split.other(shares(5, 1))
    for old in (first, last):
        refused = world.refusal(split.amending(last, split.consents(last, signers), old=old.packed))
        assert refused == Refusal("TermsMismatch", (new.commitment, old.commitment))
    assert [split.functions.verify(t.packed).call() for t in (first, new, last)] == [False, True, False]


# ---------------------------------------------------------------------- a controller


def test_what_is_announced_waits_and_does_not_wait_for_ever(world: World) -> None:
    """From the second the notice is over until thirty days later, both included."""
    split, chair = ruled(world)
    new = split.other(shares(3, 1))
    ready_at = split.announce(new, chair)
    amend = split.amending(new)
    for time, name, says in (
        (ready_at - 1, "NoticeRunning", ready_at),
        (ready_at, "", 0),
        (ready_at + LIFE, "", 0),
        (ready_at + LIFE + 1, "ProposalExpired", ready_at + LIFE),
    ):
        # Each at its own second, from the same state.
        snapshot = world.tester.take_snapshot()
        split.wait_until(time)
        receipt = world.attempt(amend)
        assert int(world.w3.eth.get_block("latest")["timestamp"]) == time
        assert receipt["status"] == (name == ""), time
        assert split.functions.epoch().call() == receipt["status"]
        world.tester.revert_to_snapshot(snapshot)
        if name:
            split.wait_until(time + 1)  # what is only asked is asked as of a second before
            assert world.refusal(amend) == Refusal(name, (says,))
            world.tester.revert_to_snapshot(snapshot) if time < ready_at else None
    assert split.functions.proposal().call()[0] == new.commitment  # until it is taken back or replaced
    again = split.announce(new, chair)
    split.wait_until(again)
    split.amend(new)


def test_a_proposal_is_for_its_list_of_tokens(world: World) -> None:
    split, chair = ruled(world)
    token, other = world.token(), world.token()
    new = split.other(shares(3, 1))
    split.wait_until(split.announce(new, chair, [token.address, other.address]) + 1)
    for tokens in ([], [token.address], [other.address, token.address], [token.address, other.address, COIN]):
        assert world.refusal(split.amending(new, (), tokens)) == Refusal("NotProposed", (new.commitment,))
    events = split.amend(new, (), [token.address, other.address])
    assert [said["token"] for name, said in events if name == "TermsApplied"] == [
        COIN,
        token.address,
        other.address,
    ]


def test_only_what_was_announced_last_is_put_in_force_and_once(world: World) -> None:
    split, chair = ruled(world)
    first, second = split.other(shares(3, 1)), split.other(shares(5, 1))
    assert world.refusal(split.amending(first)) == Refusal("NotProposed", (first.commitment,))
    split.announce(first, chair)
    split.wait_until(split.now() + DAY)
    ready_at = split.announce(second, chair)
    split.wait_until(ready_at - 1)
    assert world.refusal(split.amending(second)) == Refusal("NoticeRunning", (ready_at,))
    split.wait_until(ready_at + 1)
    assert world.refusal(split.amending(first)) == Refusal("NotProposed", (first.commitment,))
    split.amend(second)
    assert split.functions.proposal().call() == [bytes(32), 0, 0]
    assert world.refusal(split.amending(second)) == Refusal("NotProposed", (second.commitment,))


def test_an_announcement_says_all_there_is_to_know(world: World) -> None:
    split, chair = ruled(world, notice=5 * DAY)
    new, tokens = split.other(shares(3, 1)), [world.fresh(), world.fresh()]
    receipt = world.send(split.announcing(new, tokens), sender=chair)
    ready_at = int(world.w3.eth.get_block("latest")["timestamp"]) + 5 * DAY
    said = {"commitment": new.commitment, "readyAt": ready_at, "tokens": tokens, "terms": new.packed}
    assert world.logs(split.contract, receipt) == [("AmendmentProposed", said)]
    assert split.functions.proposal().call() == [new.commitment, ready_at, ready_at + LIFE]
    receipt = world.send(split.functions.withdrawAmendment(), sender=chair)
    assert world.logs(split.contract, receipt) == [("AmendmentWithdrawn", {"commitment": new.commitment})]
    split.wait_until(ready_at + 1)
    assert world.refusal(split.amending(new, (), tokens)).name == "NotProposed"
    assert world.refusal(split.functions.withdrawAmendment(), sender=chair) == Refusal(
        "NotProposed", (bytes(32),)
    )


def test_only_the_controller_announces_withdraws_and_hands_over(world: World) -> None:
    split, chair = ruled(world)
    heir = world.accounts[1]
    new = split.other(shares(3, 1))
    functions = split.functions
    for who in (world.owner, heir):
        for function in (
            split.announcing(new),
            functions.withdrawAmendment(),
            functions.proposeController(who),
            functions.acceptControl(),
        ):
            assert world.refusal(function, sender=who) == Refusal("NotController", lower(who))
    assert functions.controller().call() == chair
    receipt = world.send(functions.proposeController(heir), sender=chair)
    assert world.logs(split.contract, receipt) == [("ControllerProposed", {"successor": heir})]
    assert functions.controller().call() == chair
    assert world.refusal(functions.acceptControl(), sender=chair) == Refusal("NotController", lower(chair))
    world.send(functions.proposeController(COIN), sender=chair)
    assert world.refusal(functions.acceptControl(), sender=heir) == Refusal("NotController", lower(heir))
    world.send(functions.proposeController(heir), sender=chair)
    split.announce(new, chair)
    receipt = world.send(functions.acceptControl(), sender=heir)
    assert world.logs(split.contract, receipt) == [("ControllerChanged", {"controller": heir})]
    assert functions.controller().call() == heir
    assert world.refusal(functions.acceptControl(), sender=heir).name == "NotController"
    assert world.refusal(split.announcing(new), sender=chair) == Refusal("NotController", lower(chair))
    world.send(functions.withdrawAmendment(), sender=heir)


def test_each_governance_has_its_own_way(world: World) -> None:
    split, signers = venture(world, (1, 1), 5_000)
    new = split.other(shares(3, 1))
    for function in (
        split.announcing(new),
        split.functions.withdrawAmendment(),
        split.functions.proposeController(world.owner),
    ):
        assert world.refusal(function) == Refusal("WrongGovernance", (1,))
    assert world.refusal(split.functions.acceptControl()) == Refusal("NotController", lower(world.owner))
    assert split.functions.controller().call() == COIN
    assert split.functions.governance().call() == agreed(5_000)
    # Where somebody rules, all the payees together do not.
    payees = [s.address for s in signers]
    other = Amendable.create(world, payees, shares(1, 1), controlled(world.accounts[0]))
    new = other.other(shares(3, 1))
    amend = other.amending(new, other.consents(new, signers))
    assert world.refusal(amend) == Refusal("NotProposed", (new.commitment,))
    assert other.functions.governance().call() == controlled(world.accounts[0])


# ---------------------------------------------------------------------- what counts for which token


def test_a_token_that_was_left_out_goes_by_older_terms_one_step_at_a_time(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    token = world.token()
    split.fund(token, 1_000)
    history = [split.terms]
    for weights in ((3, 1), (1, 3)):
        new = split.other(shares(*weights))
        split.amend(new, split.consents(new, signers))
        history.append(new)
    a, b = split.terms.payees
    assert split.functions.termsOf(COIN).call() == [2, 0, history[2].commitment]
    for epoch, terms in enumerate(history):
        assert split.functions.termsOf(token.address).call()[::2] == [epoch, terms.commitment]
        for wrong in history:
            if wrong != terms:
                function = split.functions.distribute(wrong.packed, token.address)
                refused = Refusal("TermsMismatch", (terms.commitment, wrong.commitment))
                assert world.refusal(function) == refused
                proof = split.functions.claim(a, wrong.proof(0), token.address)
                assert world.refusal(proof) == refused
        events = world.logs(
            split.contract, world.send(split.functions.distribute(terms.packed, token.address))
        )
        applied = ("TermsApplied", {"token": token.address, "epoch": epoch + 1, "revenue": 1_000})
        assert [event for event in events if event[0] == "TermsApplied"] == [applied] * (epoch < 2)
    assert split.functions.termsOf(token.address).call() == [2, 1_000, history[2].commitment]
    split.fund(token, 1_000)
    split.distribute(token.address)
    assert world.balances(token.address, [a, b]) == [750, 1_250]


def test_a_token_that_is_behind_stays_behind_and_one_named_twice_is_settled_once(world: World) -> None:
    split, signers = venture(world, (1, 1), 10_000)
    token, other = world.token(), world.token()
    first, second = split.other(shares(3, 1)), split.other(shares(1, 3))
    split.amend(first, split.consents(first, signers, [other.address, other.address]), [other.address] * 2)
    assert split.functions.termsOf(other.address).call()[0] == 1
    tokens = [token.address, other.address]
    split.amend(second, split.consents(second, signers, tokens), tokens)
    assert split.functions.termsOf(token.address).call()[0] == 0
    assert split.functions.termsOf(other.address).call()[0] == 2


def test_what_was_earned_stays_earned_and_a_listed_token_that_is_none_holds_it_up(world: World) -> None:
    split, signers = venture(world, (1, 9), 10_000)
    token, nothing = world.token(), world.fresh()
    for money in (COIN, token):
        split.fund(money, 1_000)
    split.claim(split.terms.payees[0], token.address)
    new = split.other(shares(9, 1))
    tokens = [token.address, nothing]
    stuck = split.amending(new, split.consents(new, signers, tokens), tokens)
    assert world.refusal(stuck) == Refusal("NotAToken", lower(nothing))
    split.amend(new, split.consents(new, signers, tokens[:1]), tokens[:1])
    for asset in (COIN, token.address):
        assert world.balances(asset, split.terms.payees) == [100, 900]
        assert split.functions.termsOf(asset).call() == [1, 1_000, new.commitment]


def test_a_mark_that_lies_ahead_is_not_forgotten_while_its_payee_is_away(world: World) -> None:
    """One claims at 1,000; the token takes 200 away; it is dropped from the terms at 800 and comes back:
    until 1,000 it has
    had its part. Until 5aa9e58 a distribution in between forgot that anybody was ahead, and it was paid
    once more."""
    token = world.token()
    split, signers = venture(world, (1, 1), 10_000, token=token.address)
    a, b = split.terms.payees
    without = split.other(shares(1), [b])
    split.fund(token, 1_000)
    assert split.claim(a, token.address) == 500
    world.send(token.functions.set(split.address, 300))
    split.amend(without, split.consents(without, signers))
    split.fund(token, 50)
    split.distribute(token.address)
    again = Terms.of([a, b], shares(1, 1), token.address)
    split.amend(again, split.consents(again, [s for s in signers if s.address == b]))
    assert split.functions.markOf(a, token.address).call() == 1_000
    split.fund(token, 100)
    revenue, _ = split.statement(token.address)
    assert revenue < 1_000
    before = world.balance(token.address, a)
    assert split.line(a, token.address).due == 0
    split.distribute(token.address)
    assert world.balance(token.address, a) == before == 500


def test_two_amendments_fit_the_same_transaction(world: World) -> None:
    """One after the other: the lock that keeps one from standing within another is released."""
    split, signers = venture(world, (1, 1), 10_000)
    split.fund(COIN, 1_000)
    first, second = split.other(shares(3, 1)), split.other(shares(1, 3))
    before = split.terms
    calls = [split.amending(first, split.consents(first, signers))._encode_transaction_data()]
    snapshot = world.tester.take_snapshot()
    split.amend(first, split.consents(first, signers))
    calls.append(split.amending(second, split.consents(second, signers))._encode_transaction_data())
    world.tester.revert_to_snapshot(snapshot)
    split.terms = before
    world.send(world.deploy("Batch").functions.run(split.address, calls))
    split.terms = second
    assert split.functions.epoch().call() == 2
    assert split.functions.termsOf(COIN).call() == [2, 1_000, second.commitment]
    split.check()


def test_a_token_that_has_lied_about_its_balance_cannot_pay_out_more_than_is_ever_counted(
    world: World,
) -> None:
    """Its books would run over into one another: such a payment is refused, and everything else goes on."""
    token = world.token()
    split, signers = venture(world, (1, 1), 10_000, token=token.address)
    a, b = split.terms.payees
    world.send(token.functions.set(split.address, MAX))
    half = split.claim(a, token.address)
    world.send(token.functions.set(split.address, 0))
    new = Terms.of([b], shares(1), token.address)
    split.amend(new, split.consents(new, signers))
    world.send(token.functions.set(split.address, 2**200))
    split.distribute(token.address)
    credit = split.functions.credit(b, token.address).call()
    assert credit > 0
    refused = world.refusal(split.functions.withdrawCredit(b, token.address))
    _, paid_out, _ = split.functions.marks(token.address).call()
    assert refused == Refusal("PaidOutTooMuch", (paid_out + credit,))
    assert paid_out + credit > MAX > half
    split.fund(COIN, 1_000)
    assert split.distribute() == (1_000, 0)


# ---------------------------------------------------------------------- what the lines say


def test_credits_before_and_after_are_told_apart_and_the_oldest_is_withdrawn_first(world: World) -> None:
    """Hole 7: after an amendment `paid` and `statement` took what was set aside for paid out."""
    bad = world.payee("Reverts")
    signer = people(world, 1)[0]
    split = Amendable.create(world, [bad.address, signer.address], shares(1, 1), agreed(1))
    split.fund(COIN, 1_000)
    assert split.distribute() == (500, 500)
    new = Terms.of([bad.address, signer.address], shares(3, 1))
    split.amend(new, split.consents(new, [signer]))

    def line() -> Line:
        return split.check()[bad.address]

    assert line() == Line(bad.address, 0, 0, 0, 0, 500)
    assert split.functions.paid(bad.address, split.terms.packed, COIN).call() == 0
    split.fund(COIN, 400)
    assert line() == Line(bad.address, 300, 0, 0, 300, 500)
    assert split.distribute() == (100, 300)
    assert line() == Line(bad.address, 300, 0, 300, 0, 500)
    assert split.functions.credit(bad.address, COIN).call() == 800

    def redirect(amount: int) -> None:
        call = split.contract.encode_abi("redirectCredit", [world.fresh(), COIN, amount])
        world.send(bad.functions.run(split.address, 0, call))

    redirect(400)
    assert line() == Line(bad.address, 300, 0, 300, 0, 100)
    redirect(100)
    assert line() == Line(bad.address, 300, 0, 300, 0, 0)
    redirect(1)
    assert line() == Line(bad.address, 300, 1, 299, 0, 0)
    split.fund(COIN, 400)
    split.distribute()
    assert line() == Line(bad.address, 600, 1, 599, 0, 0)
    last = Terms.of([bad.address, signer.address], shares(1, 1))
    split.amend(last, split.consents(last, [signer]))
    assert line() == Line(bad.address, 0, 0, 0, 0, 599)
    world.become(bad, "Honest")
    assert split.withdraw(bad.address) == 599
    assert line() == Line(bad.address, 0, 0, 0, 0, 0)


@dataclass
class Account:
    """What one payee has had and has coming, in one asset, by epoch: what is withdrawn is the oldest
    first."""

    paid: int = 0
    credits: list[int] = field(default_factory=lambda: [0])

    def withdraw(self, amount: int) -> None:
        for epoch, credit in enumerate(self.credits):
            taken = min(credit, amount)
            self.credits[epoch] -= taken
            amount -= taken
            if epoch == len(self.credits) - 1:
                self.paid += taken  # of what these terms brought
        assert amount == 0


@dataclass
class Record:
    """One asset of an amendable split by the book. It knows the money rule, and what was done."""

    terms: Terms
    base: int = 0
    mark: int = 0
    revenue: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    def of(self, payee: str) -> Account:
        return self.accounts.setdefault(payee, Account())

    def earned(self, revenue: int, asset: str) -> list[int]:
        """Since `base`, by these terms: every tier from where it begins, or from there."""
        tiers = self.terms.tiers_for(asset)
        cut = [
            (None if end is None else max(end - self.base, 0), weights)
            for end, weights in tiers
            if end is None or end > self.base
        ]
        return entitlements(cut, revenue - self.base)

    def distribute(self, asset: str, accepts: Callable[[str], bool]) -> None:
        before, after = self.earned(self.mark, asset), self.earned(self.revenue, asset)
        for payee, had, has in zip(self.terms.payees, before, after, strict=True):
            account = self.of(payee)
            if accepts(payee):
                account.paid += has - had
            else:
                account.credits[-1] += has - had
        self.mark = self.revenue

    def amend(self, terms: Terms) -> None:
        self.terms, self.base = terms, self.mark
        for account in self.accounts.values():
            account.paid = 0
            account.credits.append(0)
        for payee in terms.payees:
            if payee not in self.accounts:
                self.accounts[payee] = Account()

    def lines(self, asset: str) -> list[Line]:
        found = []
        earned, marked = self.earned(self.revenue, asset), self.earned(self.mark, asset)
        for payee, has, had in zip(self.terms.payees, earned, marked, strict=True):
            account = self.of(payee)
            own = account.credits[-1]
            found.append(Line(payee, has, had - own, own, has - had, sum(account.credits[:-1])))
        return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_in_every_epoch_every_line_adds_up(world: World, kind: str, seed: int) -> None:  # noqa: C901
    """Random revenue, refusals, withdrawals in parts and amendments, with a token that goes through them
    later: each line
    is what the book says, entitlement = paid + credit + due, and all that was set aside is there."""
    rng = random.Random(f"{kind} {seed}")
    contracts = [world.payee() for _ in range(3)]
    signer = people(world, 1)[0]
    payees = [*(c.address for c in contracts), signer.address]
    token = world.token()
    settlement = COIN if kind == "coin" else token.address
    other = token.address if kind == "coin" else COIN
    money: dict[str, Any] = {COIN: COIN, token.address: token}

    def tiers() -> list[Tier]:
        ends = sorted(rng.sample(range(1, 9_000), rng.randrange(3)))
        return [(end, [rng.randrange(1, 9) for _ in range(4)]) for end in [*ends, None]]

    split = Amendable.create(world, payees, tiers(), agreed(1), settlement)
    records = {asset: Record(split.terms) for asset in (settlement, other)}
    refusing: set[str] = set()

    def accepts(payee: str) -> bool:
        return payee not in refusing

    def compare(asset: str) -> None:
        record = records[asset]
        terms, split.terms = split.terms, record.terms
        assert split.check(asset) == {line.payee: line for line in record.lines(asset)}
        split.terms = terms

    for _ in range(40):
        asset = rng.choice([settlement, other])
        record, contract = records[asset], rng.choice(contracts)
        what = rng.choice(["fund", "fund", "distribute", "refuse", "withdraw", "redirect", "amend"])
        if what == "fund":
            amount = rng.randrange(1, 2_000)
            split.fund(money[asset], amount)
            record.revenue += amount
        elif what == "distribute":
            world.send(split.functions.distribute(record.terms.packed, asset))
            record.distribute(asset, accepts if asset == COIN else lambda payee: True)
            if record.terms != split.terms:
                record.amend(split.terms)
        elif what == "refuse":
            refuses = rng.random() < 0.6
            world.become(contract, "Reverts" if refuses else "Honest")
            (refusing.add if refuses else refusing.discard)(contract.address)
        elif what in ("withdraw", "redirect"):
            credit = sum(record.of(contract.address).credits)
            amount = credit if what == "withdraw" else rng.randrange(credit + 1)
            if amount and what == "withdraw" and accepts(contract.address):
                assert split.withdraw(contract.address, asset) == amount
                record.of(contract.address).withdraw(amount)
            elif amount and what == "redirect":
                call = split.contract.encode_abi("redirectCredit", [world.fresh(), asset, amount])
                world.send(contract.functions.run(split.address, 0, call))
                record.of(contract.address).withdraw(amount)
        elif records[other].terms == split.terms:  # a token two amendments behind has its own test
            new = Terms.of(payees, tiers(), settlement)
            if new == split.terms:
                continue
            listed = [other] if other != COIN and rng.random() < 0.5 else []
            split.amend(new, split.consents(new, [signer], listed), listed)
            for each in (settlement, other) if other == COIN or listed else (settlement,):
                records[each].distribute(each, accepts if each == COIN else lambda payee: True)
                records[each].amend(new)
        compare(asset)
    for contract in contracts:
        world.become(contract, "Honest")
    for asset, record in records.items():
        compare(asset)
        for payee in payees:
            if sum(record.of(payee).credits):
                split.withdraw(payee, asset)
        assert all(split.functions.credit(payee, asset).call() == 0 for payee in payees)
