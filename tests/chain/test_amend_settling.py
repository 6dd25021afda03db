"""Amendments while things go wrong, controllers and their notice, and tokens that are behind."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from tests.chain.amending import UNIT, WEEK, Stage, Venture, person, raw_amend, refused

import revshare as rs
from revshare.chain import COIN, Amended, AmendmentProposed, AmendmentWithdrawn, Credited, Distributed, replay
from revshare.chain.abi import interface
from revshare.chain.artifacts import Artifact
from revshare.chain.events import ControllerChanged, ControllerProposed

MONTH = 30 * 86_400
GOOD, REFUSES, NO_BALANCES, BURNS_GAS, TELLS = range(5)


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


def selector(error: str) -> int:
    known = interface("AmendableSplit")
    return next(int.from_bytes(key, "big") for key, entry in known._errors.items() if entry["name"] == error)


# ---------------------------------------------------------------- a controller


@pytest.fixture
def controlled(stage: Stage) -> Venture:
    return Venture(stage, {"controller": stage.payer.address, "notice": "7 days"})


def test_a_controller_gives_notice_and_anybody_amends_after_it(stage: Stage, controlled: Venture) -> None:
    split = controlled.split
    new = controlled.proposing(ann=1, dan=1)
    proposal = split.propose(new)
    assert (proposal.deadline, proposal.missing(), proposal.enough()) == (0, (), True)
    assert split.announced() is None
    assert refused(split.amend(proposal)).name == "NotProposed"
    event = split.announce(proposal).send().event(AmendmentProposed)
    ready = stage.now + WEEK
    assert (event.commitment, event.ready_at, event.terms, event.tokens) == (
        proposal.new.commitment,
        ready,
        proposal.new.encoded,
        (),
    )
    assert split.announced() == rs.chain.Announcement(proposal.new.commitment, ready, ready + MONTH)

    stage.fund(split, 1000 * UNIT)  # during the notice the old terms count
    split.claim("cat").send()
    assert split.due() == {"ann": 500 * UNIT, "bob": 300 * UNIT, "cat": 0}

    stage.wait(ready - 1)
    error = refused(split.amend(proposal).by(stage.other))
    assert (error.name, error.args_by_name) == ("NoticeRunning", {"readyAt": ready})
    assert f"from {datetime.fromtimestamp(ready, UTC):%Y-%m-%d %H:%M:%S} UTC on" in str(error)
    assert refused(split.amend(split.propose(controlled.proposing(ann=1)))).name == "NotProposed"
    call = split.amend(proposal).by(stage.other)
    stage.wait(ready)
    receipt = call.send(gas=1_000_000, nonce=stage.w3.eth.get_transaction_count(stage.other.address))
    assert stage.w3.eth.get_block(receipt.block_number)["timestamp"] == ready
    assert receipt.event(Amended).epoch == 1
    assert split.announced() is None
    assert stage.gbp.balance_of(controlled.payees["bob"]) == 300 * UNIT
    with pytest.raises(rs.TermsMismatch):
        split.amend(proposal)
    assert refused(raw_amend(split, proposal)).name == "TermsMismatch"


def test_a_new_announcement_begins_its_notice_anew(stage: Stage, controlled: Venture) -> None:
    split = controlled.split
    first, second = (split.propose(controlled.proposing(ann=n, bob=1)) for n in (1, 2))
    split.announce(first).send()
    stage.wait(stage.now + WEEK - 10)
    split.announce(second).send()
    ready = stage.now + WEEK
    stage.wait(ready - 5)
    assert refused(split.amend(first)).name == "NotProposed"
    assert refused(split.amend(second)).args_by_name == {"readyAt": ready}
    split.announce(second).send()  # the same once more: also anew
    stage.wait(ready + 1)
    assert refused(split.amend(second)).name == "NoticeRunning"


def test_what_was_announced_can_be_taken_back(stage: Stage, controlled: Venture) -> None:
    split = controlled.split
    assert refused(split.withdraw_proposal()).name == "NotProposed"
    proposal = split.propose(controlled.proposing(ann=1, bob=1))
    split.announce(proposal).send()
    event = split.withdraw_proposal().send().event(AmendmentWithdrawn)
    assert event.commitment == proposal.new.commitment
    stage.wait(stage.now + 2 * WEEK)
    assert refused(split.amend(proposal)).name == "NotProposed"
    empty = raw_amend(split, proposal)
    assert refused(empty).args_by_name == {"commitment": proposal.new.commitment}


def test_control_passes_on_in_two_steps(stage: Stage, controlled: Venture) -> None:
    split, mine, theirs = controlled.split, stage.payer.address, stage.other.address
    successors = split.by(stage.other)
    proposal = split.propose(controlled.proposing(ann=1, bob=1))
    assert split.controller() == mine
    for call in (
        successors.announce(proposal),
        successors.withdraw_proposal(),
        successors.propose_controller(theirs),
        successors.accept_control(),
    ):
        error = refused(call)
        assert (error.name, error.args_by_name) == ("NotController", {"caller": theirs})
    assert split.propose_controller(theirs).send().event(ControllerProposed).successor == theirs
    assert split.controller() == mine  # until it is accepted
    split.propose_controller(None).send()
    assert refused(successors.accept_control()).name == "NotController"
    split.propose_controller(theirs).send()
    assert refused(split.accept_control()).name == "NotController"
    assert successors.accept_control().send().event(ControllerChanged).controller == theirs
    assert split.controller() == theirs
    assert refused(split.announce(proposal)).name == "NotController"
    assert refused(successors.accept_control()).name == "NotController"  # once only
    successors.announce(proposal).send()
    assert split.refresh().governance.controller == mine  # the first, as the agreement says


def test_each_governance_refuses_what_belongs_to_the_other(stage: Stage, controlled: Venture) -> None:
    quorum = Venture(stage, {"quorum": "50%"})
    proposal = quorum.split.propose(quorum.proposing(ann=1, bob=1))
    assert quorum.split.controller() is None
    for call in (
        quorum.split.announce(proposal),
        quorum.split.withdraw_proposal(),
        quorum.split.propose_controller(stage.other.address),
    ):
        error = refused(call)
        assert (error.name, error.args_by_name) == ("WrongGovernance", {"kind": 1})
    assert refused(quorum.split.accept_control()).name == "NotController"
    # Everybody's signature does not spare a controller the notice.
    proposal = controlled.split.propose(controlled.proposing(ann=1, bob=1))
    proposal = controlled.signed_by(proposal, "ann", "bob", "cat")
    assert refused(raw_amend(controlled.split, proposal, deadline=2**255)).name == "NotProposed"


def test_what_a_controller_announces_is_checked(stage: Stage, controlled: Venture) -> None:
    split = controlled.split
    proposal = split.propose(controlled.proposing(ann=1, bob=1))
    old, new = proposal.old.encoded, proposal.new.encoded
    other = bytes.fromhex(stage.eur.address[2:])
    for arguments, name in (
        ((new, old), "TermsMismatch"),
        ((old, new[:30]), "TermsLength"),
        ((old, new[:1] + other + new[21:]), "SettlementTokenChanged"),
    ):
        assert refused(split._encoded("proposeAmendment", *arguments, [])).name == name


# ---------------------------------------------------------------- hostile payees and tokens


def test_a_payee_that_refuses_is_credited_and_holds_up_no_amendment(stage: Stage) -> None:
    firm = stage.place("Wallet", person().address)
    firm.functions.become(0, True).transact({"from": stage.payer.address})
    venture = Venture(stage, {"quorum": "50%"}, coin=True, firm=firm.address)
    split = venture.split
    stage.fund(split, 12_000)
    earned = split.entitlements()
    new = venture.proposing(ann=1, bob=1, dan=2)
    receipt = split.amend(venture.signed_by(split.propose(new), "ann", "bob")).send()
    assert receipt.event(Credited).amount == earned["firm"] == 2000
    split = split.refresh(new)
    stage.fund(split, 400)
    line = split.statement()["firm"]
    assert (line.entitlement, line.paid, line.credit, line.due) == (2000, 0, 2000, 0)
    assert refused(split.withdraw_credit("firm")).name == "PaymentFailed"
    firm.functions.become(0, False).transact({"from": stage.payer.address})
    split.withdraw_credit(firm.address).send()  # though it is no payee any more
    line = split.statement()["firm"]
    assert (line.entitlement, line.paid, line.credit, line.due) == (2000, 2000, 0, 0)
    split.distribute().send()
    assert_replayed(split, COIN)


def assert_replayed(split: rs.AmendableSplit, *tokens: str) -> None:
    """The log alone says what the views say."""
    rebuilt = replay(split.events(), split.history()[0], split._names)
    for token in tokens:
        shown = {line.address: line for line in split.statement(token=token)}
        assert {line.address: line for line in rebuilt[token]} == shown


def test_a_payee_that_amends_once_more_while_it_is_paid_finds_its_consents_spent(stage: Stage) -> None:
    mood = stage.place("MoodyToken")
    firm = stage.place("Wallet", person().address)
    venture = Venture(stage, {"quorum": "50%"}, firm=firm.address)
    split = stage.deploy(venture.deal, token=mood.address)
    tell(stage, mood, split)
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann", "bob")
    call = raw_amend(split, proposal)
    firm.functions.plan(split.address, call.calldata).transact({"from": stage.payer.address})
    call.send()
    assert firm.functions.outcome().call() == selector("Reentered")  # amendments do not nest
    assert split.epoch() == 1
    assert mood.functions.balanceOf(firm.address).call() == 200
    with pytest.raises(rs.TermsMismatch):
        split.amend(proposal)


def tell(stage: Stage, mood: object, split: rs.AmendableSplit) -> None:
    """Revenue of 1,200 in a token that tells those it pays."""
    functions = mood.functions  # type: ignore[attr-defined]
    functions.become(TELLS).transact({"from": stage.payer.address})
    functions.mint(split.address, 1200).transact({"from": stage.payer.address})


@pytest.mark.parametrize("listed", [False, True])
def test_an_amendment_from_within_a_distribution_finishes_it_by_the_old_terms(
    stage: Stage, listed: bool
) -> None:
    mood = stage.place("MoodyToken")
    firm = stage.place("Wallet", person().address)
    venture = Venture(stage, {"quorum": "50%"}, firm=firm.address)
    split = venture.split
    tell(stage, mood, split)
    proposal = split.propose(
        venture.proposing(ann=1, bob=1), tokens=(mood.address,) if listed else (), seen=False
    )
    call = raw_amend(split, venture.signed_by(proposal, "ann", "bob"))
    firm.functions.plan(split.address, call.calldata).transact({"from": stage.payer.address})
    split.distribute(token=mood.address).send(gas=2_000_000)
    earned = {"ann": 500, "bob": 300, "cat": 200, "firm": 200}
    assert {name: mood.functions.balanceOf(venture.payees[name]).call() for name in earned} == earned
    # While a token is paid out, neither it nor the settlement token nor the coin can be settled.
    assert firm.functions.outcome().call() == selector("Reentered")
    assert split.epoch() == 0
    split.amend(venture.signed_by(proposal, "ann", "bob")).send()
    mood.functions.mint(split.address, 100).transact({"from": stage.payer.address})
    if not listed:
        split.distribute(token=mood.address).send(gas=2_000_000)  # by the old terms, for what came since
        assert mood.functions.balanceOf(venture.payees["ann"]).call() == 500 + 41
    assert split.behind(mood.address) == 0
    mood.functions.mint(split.address, 100).transact({"from": stage.payer.address})
    assert_conserved(split.refresh(proposal.agreement), mood.address)


def assert_conserved(split: rs.AmendableSplit, token: str) -> None:
    lines = tuple(split.statement(token=token))
    assert all(line.entitlement == line.paid + line.credit + line.due for line in lines)
    assert sum(line.entitlement for line in lines) <= split.received(token=token)


def test_a_settlement_token_that_refuses_to_move_holds_up_no_amendment(stage: Stage) -> None:
    mood = stage.place("MoodyToken")
    venture = Venture(stage, {"quorum": "50%"})
    split = stage.deploy(venture.deal, token=mood.address)
    send = {"from": stage.payer.address}
    for worse in (REFUSES, BURNS_GAS):
        mood.functions.mint(split.address, 1000).transact(send)
        mood.functions.become(worse).transact(send)
        target = venture.proposing(ann=1, bob=1) if worse == REFUSES else venture.deal
        split.amend(venture.signed_by(split.propose(target), "ann")).send(gas=10_000_000)
        split = split.refresh(target)
    assert split.credit() == {"ann": 500 + 500, "bob": 300 + 500, "cat": 200}
    mood.functions.become(GOOD).transact(send)
    for name, credit in split.credit().items():
        split.withdraw_credit(name).send()
        assert mood.functions.balanceOf(venture.payees[name]).call() == credit == split.paid()[name]
    assert split.entitlements() == split.paid()
    assert_replayed(split, mood.address)


def test_a_settlement_token_that_does_not_tell_balances_does_hold_it_up(stage: Stage) -> None:
    """Nothing can be settled by the old terms then, and amending unsettled would touch what was earned."""
    mood = stage.place("MoodyToken")
    venture = Venture(stage, {"quorum": "50%"})
    split = stage.deploy(venture.deal, token=mood.address)
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann")
    mood.functions.become(NO_BALANCES).transact({"from": stage.payer.address})
    assert refused(raw_amend(split, proposal)).name == "NotAToken"
    mood.functions.become(GOOD).transact({"from": stage.payer.address})
    split.amend(proposal).send()


def test_a_junk_token_in_the_log_holds_up_nothing(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    send = {"from": stage.payer.address}
    junk = stage.place("MoodyToken")
    junk.functions.mint(stage.payer.address, 100).transact(send)
    stage.fund(split, 100, junk.address)
    stage.fund(split, 100, stage.eur.address)
    junk.functions.become(NO_BALANCES).transact(send)
    assert split.tokens_seen() == (junk.address, stage.eur.address)
    new = venture.proposing(ann=1, bob=1)
    proposal = venture.signed_by(split.propose(new), "ann")
    assert proposal.tokens == (stage.eur.address,)
    assert split.propose(new, seen=False).tokens == ()
    named = split.propose(new, tokens=[junk.address, stage.eur.token, COIN, stage.gbp.token, junk.address])
    assert named.tokens == (junk.address, stage.eur.address)  # the others are settled anyway
    error = refused(split.amend(venture.signed_by(named, "ann")))
    assert (error.name, error.args_by_name) == ("NotAToken", {"token": junk.address})  # who names it is told
    split.amend(proposal).send()
    assert (split.behind(), split.behind(COIN), split.behind(stage.eur.address)) == (0, 0, 0)
    assert split.behind(junk.address) == 1


def test_claims_before_a_rebase_are_not_paid_again_under_new_terms(stage: Stage) -> None:
    """Cat claims up to 1,000, the token takes 100 away, and the terms are amended at a revenue of 900."""
    mood = stage.place("MoodyToken")
    venture = Venture(stage, {"quorum": "50%"})
    split = stage.deploy(venture.deal, token=mood.address)
    send = {"from": stage.payer.address}
    mood.functions.mint(split.address, 1000).transact(send)
    split.claim("cat").send()
    mood.functions.take(split.address, 100).transact(send)
    new = venture.proposing(ann=1, bob=1, cat=2)
    split.amend(venture.signed_by(split.propose(new), "ann")).send()
    split = split.refresh(new)
    assert split.entitlements() == {"ann": 450, "bob": 270, "cat": 200}
    (waiting,) = (name for name, units in split.credit().items() if units)  # 700 were there for 720
    assert split.paid() == split.entitlements() | {waiting: 0}
    mood.functions.mint(split.address, 50).transact(send)  # revenue 950: cat's mark is beyond
    assert split.due() == {"ann": 12, "bob": 12, "cat": 0}
    assert split.entitlements()["cat"] == 200
    mood.functions.mint(split.address, 150).transact(send)  # 1,100
    assert split.due() == {"ann": 50, "bob": 50, "cat": 50}
    split.distribute().send()
    split.withdraw_credit(waiting).send()
    paid = {name: mood.functions.balanceOf(venture.payees[name]).call() for name in ("ann", "bob", "cat")}
    assert split.paid() == split.entitlements() == paid == {"ann": 500, "bob": 320, "cat": 250}
    assert_replayed(split, mood.address)


# ---------------------------------------------------------------- tokens that are behind


def test_a_token_left_out_catches_up_epoch_by_epoch(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    original = split = venture.split
    eur = stage.eur.address
    steps = [venture.proposing(ann=1, dan=1), venture.proposing(dan=1, cat=1), venture.proposing(ann=1)]
    signers: list[tuple[str, ...]] = [("ann",), ("ann",), ("cat",)]
    for new, names in zip(steps, signers, strict=True):
        proposal = split.propose(new, seen=False)
        split.amend(venture.signed_by(proposal, *names)).send()
        split = split.refresh(new)
    assert [terms.commitment for terms in split.history()][-1] == split.terms.commitment
    assert (split.epoch(), split.behind(), split.behind(eur)) == (3, 0, 3)
    stage.eur.transfer(split.address, 1000).send()
    expected = dict.fromkeys((*venture.payees,), 0) | {"ann": 500, "bob": 300, "cat": 200}
    assert {line.address: line.due for line in split.statement(token=eur)} == {
        venture.payees[name]: units for name, units in expected.items()
    }
    call = split.distribute(token=eur)
    assert call.contract == "AmendableSplit (3 amendments behind)"
    assert split.distribute().contract == "AmendableSplit"
    assert call.preview().payouts["bob"] == 300
    with pytest.raises(rs.UnknownPayee):  # dan is a payee, and not yet in this token
        split.claim("dan", token=eur)
    split.claim("bob", token=eur).send()

    calls = split.catch_up(eur)
    assert len(calls) == 3
    shared = ({"ann": 500, "cat": 200}, {"ann": 5, "dan": 5}, {"cat": 6, "dan": 6})
    for step, gains, more in zip(calls, shared, (10, 12, 14), strict=True):
        before = stage_balances(stage, venture)
        assert step.send().event(Distributed).token == eur
        after = stage_balances(stage, venture)
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == gains
        stage.eur.transfer(split.address, more).send()
    assert split.behind(eur) == 0
    assert split.catch_up(eur) == []
    for handle in (split, original):
        assert {line.address: line.entitlement for line in handle.statement(token=eur)}[
            venture.payees["cat"]
        ] == 206
    split.distribute(token=eur).send()
    assert_replayed(split, eur)


def test_tokens_named_twice_or_behind_already_hold_up_nothing(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, eur = venture.split, stage.eur.address
    first = venture.proposing(ann=1, bob=1)
    split.amend(venture.signed_by(split.propose(first, seen=False), "ann")).send()
    split = split.refresh(first)
    gbp = stage.gbp.address
    proposal = dataclasses.replace(
        split.propose(venture.proposing(ann=2, bob=1)), tokens=(gbp, gbp, COIN, eur, eur)
    )
    split.amend(venture.signed_by(proposal, "ann", "bob")).send()
    assert (split.behind(gbp), split.behind(COIN), split.behind(eur)) == (0, 0, 2)


def stage_balances(stage: Stage, venture: Venture) -> dict[str, int]:
    return {name: stage.eur.balance_of(owner) for name, owner in venture.payees.items()}
