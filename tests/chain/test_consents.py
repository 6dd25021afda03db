"""What a consent binds, how long it lasts, and how it is taken back; what an announcement binds and lasts."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from tests.chain.amending import UNIT, WEEK, Stage, Venture, person, raw_amend, refused

import revshare as rs
from revshare.chain import COIN, Amended, AmendmentProposed, ConsentRevoked, Credited
from revshare.chain.artifacts import Artifact

MONTH = 30 * 86_400


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


# ---------------------------------------------------------------- the tokens that are settled first


def test_consents_count_with_the_tokens_they_were_given_for_and_no_others(stage: Stage) -> None:
    """Cat gains by the amendment, and would have euros that came before shared by the new terms as well."""
    venture = Venture(stage, {"quorum": "50%"})
    split, eur = venture.split, stage.eur.address
    stage.fund(split, 1_000, eur)
    new = venture.proposing(cat=1)
    proposal = venture.signed_by(split.propose(new), "ann", "bob")
    assert proposal.tokens == (eur,)

    for tokens in ((), (eur, eur), (eur, COIN), (stage.gbp.address,)):
        error = refused(raw_amend(split, proposal, tokens=tokens))
        assert error.name == "BadSignature"
        other = dataclasses.replace(proposal, tokens=tokens)
        assert other.digest != proposal.digest
        assert split.check_consents(other) == {"ann": False, "bob": False}
        with pytest.raises(rs.InvalidInput, match="not the same proposal"):
            proposal.merge(other)
    split.amend(proposal).send()
    assert stage.eur.balance_of(venture.payees["ann"]) == 500
    assert stage.eur.balance_of(venture.payees["cat"]) == 200


def test_the_order_of_tokens_is_part_of_what_is_signed(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, other = venture.split, stage.place("MoodyToken").address
    tokens = stage.eur.address, other
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1), tokens=tokens), "ann")
    assert proposal.tokens == tokens
    assert refused(raw_amend(split, proposal, tokens=tokens[::-1])).name == "BadSignature"
    split.amend(proposal).send()
    assert (split.behind(tokens[0]), split.behind(tokens[1])) == (0, 0)


def test_what_is_announced_is_put_in_force_with_its_tokens_and_no_others(stage: Stage) -> None:
    venture = Venture(stage, {"controller": stage.payer.address, "notice": "7 days"})
    split, eur = venture.split, stage.eur.address
    stage.fund(split, 1_000, eur)
    proposal = split.propose(venture.proposing(ann=1))
    assert split.announce(proposal).send().event(AmendmentProposed).tokens == (eur,)
    stage.wait(stage.now + WEEK + 1)
    for tokens in ((), (eur, eur), (stage.gbp.address,)):
        error = refused(split.amend(dataclasses.replace(proposal, tokens=tokens)))
        assert (error.name, error.args_by_name) == ("NotProposed", {"commitment": proposal.new.commitment})
    split.amend(proposal).send()
    assert split.behind(eur) == 0


def test_a_second_address_of_the_coin_is_no_token_to_settle(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1), tokens=[stage.eur.address])
    of_polygon = "0x0000000000000000000000000000000000001010"
    monkeypatch.setattr(venture.split, "chain_id", 137)
    with pytest.raises(rs.AliasedToken):
        venture.split.propose(venture.proposing(ann=1), tokens=[of_polygon])
    forged = dataclasses.replace(proposal, tokens=(of_polygon,), chain_id=137)
    with pytest.raises(rs.AliasedToken):
        venture.split.amend(forged)


# ---------------------------------------------------------------- files


def test_a_file_says_the_tokens_and_whoever_changes_them_is_found_out(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1), tokens=[stage.eur.address])
    proposal = venture.signed_by(proposal, "ann")
    written = json.loads(proposal.to_json())
    assert (written["version"], written["tokens"]) == (2, [stage.eur.address])
    assert rs.Proposal.from_json(json.dumps(written)) == proposal
    lower = json.dumps(written | {"tokens": [stage.eur.address.lower()]})
    assert rs.Proposal.from_json(lower) == proposal

    for tokens in ([], [stage.gbp.address], [stage.eur.address] * 2):
        with pytest.raises(rs.InvalidInput, match="was changed: its digest"):
            rs.Proposal.from_json(json.dumps(written | {"tokens": tokens}))
    for garbled in ("null", '"0x"', "{}", "[1]", "[null]"):
        with pytest.raises(rs.InvalidInput, match="its tokens are no list"):
            rs.Proposal.from_json(json.dumps(written | {"tokens": json.loads(garbled)}))
    with pytest.raises(rs.InvalidInput, match="token"):
        rs.Proposal.from_json(json.dumps(written | {"tokens": ["euro"]}))
    del written["tokens"]
    with pytest.raises(rs.InvalidInput, match="it has no 'tokens'"):
        rs.Proposal.from_json(json.dumps(written))


def test_a_file_of_another_version_is_refused_by_that_name(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    written = json.loads(venture.split.propose(venture.proposing(ann=1)).to_json())
    for version in (1, 3, "2"):
        with pytest.raises(rs.InvalidInput, match=f"of version {version}.*takes version 2: propose anew"):
            rs.Proposal.from_json(json.dumps(written | {"version": version}))


# ---------------------------------------------------------------- for how long


def test_consent_is_given_for_thirty_days_unless_told_otherwise(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1))
    assert proposal.deadline == stage.now + MONTH
    longer = venture.split.propose(venture.proposing(ann=1), deadline=timedelta(days=90))
    assert longer.deadline == stage.now + 3 * MONTH
    proposal = venture.signed_by(proposal, "ann")
    stage.wait(proposal.deadline + 1)
    assert refused(venture.split.amend(proposal)).name == "ConsentExpired"


def test_what_was_announced_expires_and_is_announced_anew(stage: Stage) -> None:
    venture = Venture(stage, {"controller": stage.payer.address, "notice": "7 days"})
    split = venture.split
    proposal = split.propose(venture.proposing(ann=1, dan=1))
    split.announce(proposal).send()
    announced = split.announced()
    assert announced is not None
    assert announced.until == announced.ready_at + MONTH
    stage.wait(announced.until - 10)
    stage.fund(split, UNIT)
    assert split.announced() == announced
    stage.wait(announced.until + 1)
    stage.fund(split, UNIT)
    assert split.announced() == dataclasses.replace(announced, expired=True)
    error = refused(split.amend(proposal))
    assert (error.name, error.args_by_name) == ("ProposalExpired", {"until": announced.until})
    assert "UTC: the controller has to announce it anew" in str(error)

    split.announce(proposal).send()
    again = split.announced()
    assert again is not None
    assert not again.expired
    stage.wait(again.ready_at)
    split.amend(proposal).send()
    assert (split.epoch(), split.announced()) == (1, None)


# ---------------------------------------------------------------- taken back


def coined(stage: Stage, venture: Venture, *names: str) -> None:
    """Give coin to people who have to send something."""
    for name in names:
        sent = {"from": stage.payer.address, "to": venture.payees[name], "value": 10**18}
        stage.w3.eth.send_transaction(sent)  # type: ignore[arg-type]


def test_a_consent_can_be_taken_back_by_its_payee(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "80%"})
    split = venture.split
    coined(stage, venture, "bob")
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1)), "ann", "bob")
    assert split.check_consents(proposal) == {"ann": True, "bob": True}

    bobs = split.by(venture.people["bob"])
    event = bobs.revoke_consent(proposal).send().event(ConsentRevoked)
    assert (event.payee, event.digest) == (venture.payees["bob"], proposal.digest)
    assert split.check_consents(proposal) == {"ann": True, "bob": False}
    assert split.revoked(proposal) == ("bob",)
    error = refused(split.amend(proposal))
    assert (error.name, error.args_by_name) == ("ConsentWithdrawn", {"payee": venture.payees["bob"]})
    # For good: bob cannot sign this one again. Without him the others decide.
    assert refused(split.amend(proposal.sign(venture.people["bob"]))).name == "ConsentWithdrawn"
    others = venture.signed_by(proposal.without("bob"), "cat")
    assert refused(split.amend(others)).name == "QuorumMissed"
    # Anything else that he signs counts.
    anew = split.propose(venture.proposing(ann=1), deadline=timedelta(days=31))
    split.amend(venture.signed_by(anew, "ann", "bob")).send()


def test_consent_can_be_refused_before_it_is_given(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    coined(stage, venture, "ann")
    proposal = split.propose(venture.proposing(bob=1))
    split.by(venture.people["ann"]).revoke_consent(proposal).send()
    assert split.revoked(proposal) == ()  # she has not signed
    forged = venture.signed_by(proposal, "ann", "bob")
    assert split.revoked(forged) == ("ann",)
    assert refused(split.amend(forged)).name == "ConsentWithdrawn"
    split.amend(venture.signed_by(proposal, "bob", "cat")).send()


def test_nobody_takes_back_anothers_consent(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    proposal = venture.signed_by(split.propose(venture.proposing(bob=1)), "ann")
    split.revoke_consent(proposal).send()  # by the payer, who is nobody here
    assert split.check_consents(proposal) == {"ann": True}
    split.amend(proposal).send()


def test_only_consents_for_this_split_can_be_taken_back_here(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(bob=1))
    with pytest.raises(rs.WrongChain):
        venture.split.revoke_consent(dataclasses.replace(proposal, chain_id=1))
    with pytest.raises(rs.InvalidInput, match="is for the split at"):
        venture.split.revoke_consent(dataclasses.replace(proposal, split=stage.gbp.address))
    with pytest.raises(rs.InvalidInput, match="a proposal is meant"):
        venture.split.revoke_consent(proposal.digest)  # type: ignore[arg-type]
    with pytest.raises(rs.UnknownPayee):
        proposal.without("dan")


# ---------------------------------------------------------------- which consents are good


@pytest.mark.parametrize("last", [37, 38, 2, 30])
def test_a_signature_with_a_last_byte_that_the_contract_refuses_is_not_good(stage: Stage, last: int) -> None:
    """Some wallets write there what EIP-155 has for transactions, and the library that recovers takes it."""
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1))
    good = bytes(venture.people["ann"].sign_typed_data(full_message=proposal.typed_data()).signature)
    for odd in {last, last ^ 1}:
        proposal = proposal.add_consent("ann", good[:64] + bytes([odd]))
        assert not proposal.is_signed_by_key("ann")
        assert venture.split.check_consents(proposal) == {"ann": False}
        assert refused(raw_amend(venture.split, proposal)).name == "BadSignature"
    plain = proposal.add_consent("ann", good[:64] + bytes([good[64] - 27]))  # this one is put right
    assert venture.split.check_consents(plain) == {"ann": True}


def test_a_contract_may_answer_more_than_a_word(stage: Stage) -> None:
    returns_two = bytes.fromhex("631626ba7e60e01b5f5260405ff3")
    firm = stage.create(bytes([0x60, len(returns_two), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xF3]) + returns_two)
    venture = Venture(stage, {"quorum": "10%"}, firm=firm)
    proposal = venture.split.propose(venture.proposing(ann=1)).add_consent("firm", b"yes")
    assert venture.split.check_consents(proposal) == {"firm": True}
    venture.split.amend(proposal).send()
    assert venture.split.epoch() == 1


def test_a_contracts_own_signature_stays_as_it_is(stage: Stage) -> None:
    """Some end with 0 or 1, and mean something by it."""
    venture = Venture(stage, {"quorum": "10%"}, firm=stage.place("Wallet", person().address).address)
    proposal = venture.split.propose(venture.proposing(ann=1))
    for last in (0, 1):
        own = bytes(64) + bytes([last])
        assert proposal.add_consent("firm", own).consents == {venture.payees["firm"]: own}


def test_a_bad_consent_in_one_copy_does_not_replace_a_good_one_in_another(stage: Stage) -> None:
    owner = person()
    firm = stage.place("Wallet", owner.address)
    venture = Venture(stage, {"quorum": "58%"}, firm=firm.address)
    proposal = venture.split.propose(venture.proposing(ann=1))
    by_owner = bytes(owner.sign_typed_data(full_message=proposal.typed_data()).signature)
    good = venture.signed_by(proposal, "ann").add_consent("firm", by_owner)
    bad = proposal.add_consent("ann", bytes(65)).add_consent("firm", bytes(65))
    for copies in ((bad, good), (good, bad), (bad, bad, good)):
        assert copies[0].merge(*copies[1:]).is_signed_by_key("ann")
        merged = venture.split.merge(*copies)
        assert venture.split.check_consents(merged) == {"ann": True, "firm": True}
        assert venture.split.amend(copies).preview().returns == {}
    assert refused(venture.split.amend([bad, bad])).name == "BadSignature"
    venture.split.amend([bad, good]).send()
    assert venture.split.epoch() == 1


def test_nobody_is_called_by_anothers_address_in_a_proposals_file(stage: Stage) -> None:
    """The consent that is given for the address would be looked for by the name, and the other way round."""
    venture = Venture(stage, {"quorum": "50%"})
    data = json.loads(venture.split.propose(venture.proposing(ann=1)).to_json())
    old = data["old_payees"]
    data["old_payees"] = {old["bob"]: old["ann"], "bob": old["bob"], "cat": old["cat"]}
    with pytest.raises(rs.InvalidInput, match="called by another"):
        rs.Proposal.from_json(json.dumps(data))


# ---------------------------------------------------------------- what was set aside before


def test_credits_from_before_an_amendment_are_credits_and_no_payments(stage: Stage) -> None:
    firm = stage.place("Wallet", person().address)
    firm.functions.become(1, True).transact({"from": stage.payer.address})
    venture = Venture(stage, {"quorum": "50%"}, coin=True, firm=firm.address)
    split = venture.split
    stage.fund(split, 12_000)
    first = venture.proposing(ann=1, firm=1)
    receipt = split.amend(venture.signed_by(split.propose(first), "ann", "bob")).send()
    assert receipt.event(Amended).epoch == 1
    assert receipt.event(Credited).amount == 2_000
    split = split.refresh(first)
    line = split.statement()["firm"]
    assert (line.entitlement, line.paid, line.credit, line.due, line.earlier) == (2_000, 0, 2_000, 0, 2_000)

    stage.fund(split, 600)
    split.distribute().send()
    line = split.statement()["firm"]
    assert (line.entitlement, line.paid, line.credit, line.due, line.earlier) == (2_300, 0, 2_300, 0, 2_000)
    assert on_chain(split, firm.address) == (300, 0, 300, 0, 2_000)

    # What is oldest is withdrawn first; none of it shows as paid before it is.
    firm.functions.become(1, False).transact({"from": stage.payer.address})
    stage.fund(split, 10)
    split.withdraw_credit("firm").send()
    line = split.statement()["firm"]
    assert (line.entitlement, line.paid, line.credit, line.due, line.earlier) == (2_305, 2_300, 0, 5, 0)
    assert on_chain(split, firm.address) == (305, 300, 0, 5, 0)


def on_chain(split: rs.AmendableSplit, owner: str) -> tuple[int, ...]:
    """What a reader without this library is told: by the terms in force, since they count."""
    answer = split._view("statement", split.terms.encoded, split.terms.token)
    line = next(line for line in answer["lines"] if line[0].lower() == owner.lower())
    entitlement, paid, credit, due, earlier = line[1:]
    assert entitlement == paid + credit + due
    assert split._view("credit", owner, split.terms.token)["0"] == credit + earlier
    return entitlement, paid, credit, due, earlier
