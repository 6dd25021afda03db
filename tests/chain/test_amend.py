"""Amendments from Python and on the chain: who may, by which signatures, and what each guard refuses."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.chain.amending import UNIT, Stage, Venture, agreement, person, raw_amend, refused, signed

import revshare as rs
from revshare.chain import COIN, Amended, TermsApplied
from revshare.chain.artifacts import Artifact
from revshare.chain.proposal import approves


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


# ---------------------------------------------------------------- a quorum


def test_a_quorum_amends_and_what_was_earned_stays_earned(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "80%"})
    split = venture.split
    stage.fund(split, 1000 * UNIT)
    stage.fund(split, 10, stage.eur.address)
    earned = split.entitlements()
    new = venture.proposing(ann=1, bob=1, dan=2)
    proposal = venture.signed_by(split.propose(new), "ann", "bob")

    receipt = split.amend(proposal).send()

    assert receipt.event(Amended).epoch == 1
    assert {event.token for event in receipt.events if isinstance(event, TermsApplied)} == {
        stage.gbp.address,
        stage.eur.address,
        COIN,
    }
    assert split.paid() == earned | {venture.payees["dan"]: 0}  # the old handle does not know the new name
    split = split.refresh(new)
    assert split.epoch() == 1
    assert split.verify()
    stage.fund(split, 400 * UNIT)
    assert split.due() == {"ann": 100 * UNIT, "bob": 100 * UNIT, "dan": 200 * UNIT, "cat": 0}
    assert split.entitlements() == {
        "ann": earned["ann"] + 100 * UNIT,
        "bob": earned["bob"] + 100 * UNIT,
        "dan": 200 * UNIT,
        "cat": earned["cat"],
    }
    split.distribute().send()
    for name, units in split.entitlements().items():
        assert stage.gbp.balance_of(venture.payees[name]) == units == split.paid()[name]


def test_a_proposal_travels_as_files_and_comes_together(stage: Stage, tmp_path: Path) -> None:
    venture = Venture(stage, {"quorum": "100%"})
    split = venture.split
    proposal = split.propose(venture.proposing(ann=40, bob=30, cat=20, dan=10))
    proposal.save(tmp_path / "unsigned.json")
    for name, account in venture.people.items():
        read = rs.Proposal.load(tmp_path / "unsigned.json")
        assert read == proposal
        read.sign(account).save(tmp_path / f"{name}.json")
    files = [rs.Proposal.load(tmp_path / f"{name}.json") for name in venture.people]

    assert [file.missing() for file in files] == [("bob", "cat"), ("ann", "cat"), ("ann", "bob")]
    assert [file.weight_signed() for file in files] == [50, 30, 20]
    merged = files[0].merge(*files[1:])
    assert merged.enough()
    assert merged.missing() == ()
    assert split.check_consents(merged) == {"ann": True, "bob": True, "cat": True}
    split.amend(files).send()
    assert split.refresh().payees.keys() == {"ann", "bob", "cat", venture.payees["dan"]}

    shown = json.loads((tmp_path / "ann.json").read_text(encoding="utf-8"))
    assert shown["changes"] == [
        "payee  0.00 on",
        f"ann    50 % → 40 %  less  {venture.payees['ann']}",
        f"bob    30 %         same  {venture.payees['bob']}",
        f"cat    20 %         same  {venture.payees['cat']}",
        f"dan    – → 10 %     new   {venture.payees['dan']}",
    ]


def test_a_quorum_is_reached_to_the_unit_of_weight(stage: Stage) -> None:
    for quorum, enough in (("80%", True), ("80.01%", False)):  # of 50 + 30 out of 100
        venture = Venture(stage, {"quorum": quorum})
        proposal = venture.signed_by(venture.split.propose(venture.proposing(ann=1, bob=1)), "bob", "ann")
        assert proposal.enough() == enough
        if enough:
            venture.split.amend(proposal).send()
        else:
            error = refused(venture.split.amend(proposal))
            assert (error.name, error.args_by_name) == ("QuorumMissed", {"signed": 80, "needed": 81})
            venture.split.amend(venture.signed_by(proposal, "cat")).send()
        assert venture.split.epoch() == 1


def test_weight_counts_in_the_last_tier_alone(stage: Stage) -> None:
    ann, bob = person(), person()
    deal = agreement(
        {"ann": ann.address, "bob": bob.address},
        {"until": "100", "ann": 99, "bob": 1},
        {"ann": 1, "bob": 1},
        governance={"quorum": "50.01%"},
    )
    split = stage.deploy(deal)
    proposal = split.propose(deal.model_copy(update={"tiers": (rs.Tier(shares={"ann": 1, "bob": 1}),)}))
    assert (proposal.sign(ann).weight_signed(), proposal.weight_needed()) == (1, 2)
    assert refused(split.amend(proposal.sign(ann))).name == "QuorumMissed"


# ---------------------------------------------------------------- unanimity


def unanimous(stage: Stage) -> tuple[rs.AmendableSplit, dict[str, LocalAccount], rs.Agreement]:
    """Ann has weight in the first tier only, bob and cat in both."""
    people = {name: person() for name in ("ann", "bob", "cat")}
    deal = agreement(
        {name: account.address for name, account in people.items()},
        {"until": "100", "ann": 2, "bob": 1, "cat": 1},
        {"bob": 1, "cat": 1},
        governance={"quorum": "100%"},
    )
    return stage.deploy(deal), people, deal


@pytest.mark.parametrize(
    ("first", "last", "asked"),
    [
        ({"ann": 2, "bob": 1, "cat": 1}, {"bob": 2, "cat": 3}, False),  # bob gets less, and signs anyway
        ({"ann": 4, "bob": 2, "cat": 2}, {"ann": 1, "bob": 1, "cat": 1}, False),  # ann gets more
        ({"ann": 49, "bob": 26, "cat": 25}, {"bob": 1, "cat": 1}, True),  # ann gets less
        ({"bob": 1, "cat": 1}, {"bob": 1, "cat": 1}, True),  # ann is left out
        ({"ann": 2, "bob": 1, "cat": 1, "dan": 0}, {"bob": 1, "cat": 1, "dan": 1}, False),  # dan comes in
    ],
)
def test_unanimity_asks_everybody_with_weight_and_whoever_gets_less(
    stage: Stage, first: dict[str, int], last: dict[str, int], asked: bool
) -> None:
    split, people, deal = unanimous(stage)
    payees = {**deal.payees, "dan": person().address}
    new = deal.model_copy(
        update={
            "payees": {name: payees[name] for name in {**first, **last}},
            "tiers": (
                rs.Tier(until="100", shares=first),
                rs.Tier(shares=last),
            ),
        }
    )
    proposal = split.propose(new)
    assert set(proposal.missing()) == {"bob", "cat"} | ({"ann"} if asked else set())
    assert not proposal.enough()
    assert refused(split.amend(signed(proposal, [people["bob"]]))).name in ("ConsentMissing", "QuorumMissed")
    proposal = signed(proposal, [people["bob"], people["cat"]])
    assert proposal.enough() != asked
    assert proposal.changes()["ann"].is_worse == asked
    if asked:
        error = refused(split.amend(proposal))
        assert (error.name, error.args_by_name) == ("ConsentMissing", {"payee": people["ann"].address})
        proposal = proposal.sign(people["ann"])
    split.amend(proposal).send()
    assert split.epoch() == 1


def test_where_tiers_end_elsewhere_unanimity_asks_everybody(stage: Stage) -> None:
    split, people, deal = unanimous(stage)
    for until in ("99", "101"):
        tiers = (deal.tiers[0].model_copy(update={"until": until}), deal.tiers[1])
        proposal = split.propose(deal.model_copy(update={"tiers": tiers}))
        assert set(proposal.missing()) == {"ann", "bob", "cat"}
        some = signed(proposal, [people["bob"], people["cat"]])
        assert not some.enough()
        assert refused(split.amend(some)).name == "ConsentMissing"


# ---------------------------------------------------------------- signatures


def test_python_wallets_and_the_contract_sign_the_same_digest(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1, bob=1), tokens=[stage.eur.address])
    assert proposal.tokens == (stage.eur.address,)
    answer = venture.split._view(
        "amendmentDigest", proposal.new.commitment, list(proposal.tokens), proposal.deadline
    )
    assert proposal.digest == answer["0"]
    plain = json.loads(json.dumps(proposal.typed_data()))  # what a wallet gets
    signature = venture.people["ann"].sign_typed_data(full_message=plain).signature
    by_wallet = proposal.add_consent("ann", signature)
    assert by_wallet == proposal.sign(venture.people["ann"])
    flat = bytes(signature)[:64] + bytes([bytes(signature)[64] - 27])  # some wallets count from 0
    assert proposal.add_consent(venture.payees["ann"].lower(), "0x" + flat.hex()) == by_wallet
    venture.split.amend(by_wallet).send()


def test_a_signature_counts_for_one_amendment_of_one_split_on_one_chain(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, ann = venture.split, venture.people["ann"]
    proposal = split.propose(venture.proposing(ann=1, bob=1, cat=1))
    twin = rs.RevenueSplit.deploy(
        stage.w3, venture.deal, token=stage.gbp.address, account=stage.payer, salt="twin"
    )
    others = {
        "another chain": dataclasses.replace(proposal, chain_id=1),
        "another split": dataclasses.replace(proposal, split=twin.address),
        "another epoch": dataclasses.replace(proposal, epoch=1),
        "a later deadline": dataclasses.replace(proposal, deadline=proposal.deadline + 1),
        "other terms": dataclasses.replace(proposal, agreement=venture.proposing(ann=2, bob=1, cat=1)),
        "other old terms": dataclasses.replace(proposal, old=proposal.new),
        "another list of tokens": dataclasses.replace(proposal, tokens=(stage.eur.address,)),
    }
    for what, other in others.items():
        signature = ann.sign_typed_data(full_message=other.typed_data()).signature
        error = refused(raw_amend(split, proposal.add_consent("ann", bytes(signature))))
        assert (error.name, error.args_by_name) == ("BadSignature", {"payee": ann.address}), what
    raw_amend(split, proposal.sign(ann)).send()


def test_consents_are_spent_by_the_amendment_and_by_any_other(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    there = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann")
    elsewhere = venture.signed_by(split.propose(venture.proposing(ann=1, cat=1)), "ann")
    split.amend(there).send()
    for spent in (there, elsewhere):
        with pytest.raises(rs.TermsMismatch, match="propose anew"):
            split.amend(spent)
        assert refused(raw_amend(split, spent)).name == "TermsMismatch"
    back = venture.signed_by(split.refresh().propose(venture.deal), "ann")
    split.amend(back).send()
    # The terms are again those that `there` was signed for, and still it does not count.
    error = refused(raw_amend(split, there))
    assert (error.name, error.args_by_name) == ("BadSignature", {"payee": venture.payees["ann"]})
    assert split.epoch() == 2


def test_consent_is_given_until_a_deadline(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    for past in (stage.now, timedelta(0), datetime(2020, 1, 1, tzinfo=UTC)):
        with pytest.raises(rs.InvalidInput, match="past"):
            split.propose(venture.proposing(ann=1), deadline=past)
    with pytest.raises(rs.InvalidInput, match="time zone"):
        split.propose(venture.proposing(ann=1), deadline=datetime(2100, 1, 1))  # noqa: DTZ001
    proposal = split.propose(venture.proposing(ann=1, bob=1), deadline=timedelta(hours=1))
    assert proposal.deadline == stage.now + 3600
    proposal = venture.signed_by(proposal, "ann")
    stage.wait(proposal.deadline + 1)
    error = refused(split.amend(proposal))
    assert (error.name, error.args_by_name) == ("ConsentExpired", {"deadline": proposal.deadline})
    when = datetime.fromtimestamp(proposal.deadline, UTC)
    assert f"until {when:%Y-%m-%d %H:%M:%S} UTC" in str(error)
    assert refused(raw_amend(split, proposal, deadline=proposal.deadline + 9)).name == "BadSignature"


def test_at_its_deadline_consent_still_counts(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    proposal = venture.split.propose(venture.proposing(ann=1, bob=1), deadline=timedelta(hours=1))
    call = venture.split.amend(venture.signed_by(proposal, "ann"))
    stage.wait(proposal.deadline)
    receipt = call.send(gas=1_000_000, nonce=stage.w3.eth.get_transaction_count(stage.payer.address))
    assert stage.w3.eth.get_block(receipt.block_number)["timestamp"] == proposal.deadline


def test_consents_stand_in_order_one_a_payee(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann", "bob", "cat")
    first, second, third = proposal.ordered_consents()
    assert [place for place, _ in (first, second, third)] == [0, 1, 2]
    for wrong, index in (
        ([first, first], 1),
        ([second, first], 1),
        ([first, third, second], 2),
        ([first, second, third, third], 3),
        ([(3, first[1])], 0),
        ([(2**256 - 1, first[1])], 0),
    ):
        error = refused(raw_amend(split, proposal, wrong))
        assert (error.name, error.args_by_name) == ("ConsentOutOfOrder", {"index": index})
    error = refused(raw_amend(split, proposal, [(0, second[1])]))
    assert error.name == "BadSignature"
    assert refused(raw_amend(split, proposal, [])).name == "QuorumMissed"


def test_only_well_formed_signatures_of_the_payee_count(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, ann = venture.split, venture.people["ann"]
    proposal = split.propose(venture.proposing(ann=1, bob=1))
    good = proposal.sign(ann).consents[ann.address]
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    malleable = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    malleable += bytes([55 - good[64]])  # the other root: the same key, by another signature
    strangers = bytes(person().sign_typed_data(full_message=proposal.typed_data()).signature)
    for bad in (b"", good[:64], good + b"\0", bytes(65), good[:64] + b"\x1d", malleable, strangers):
        forged = proposal.add_consent("ann", bad)
        assert split.check_consents(forged) == {"ann": False}
        assert refused(raw_amend(split, forged)).name == "BadSignature"


def test_the_wrong_people_are_told_apart_before_anything_is_sent(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, ann = venture.split, venture.people["ann"]
    proposal = split.propose(venture.proposing(ann=1, bob=1, dan=1))
    with pytest.raises(rs.UnknownPayee, match="ann, bob, cat"):
        proposal.sign(person())
    with pytest.raises(rs.UnknownPayee):  # dan would be a payee, and is none yet
        proposal.add_consent(venture.payees["dan"], b"x")
    with pytest.raises(rs.InvalidInput, match=r"not str; for a signature made elsewhere"):
        proposal.sign(ann.key.hex())  # type: ignore[arg-type]

    class Impostor:
        address = ann.address

        def sign_typed_data(self, *, full_message: Any) -> Any:
            return person().sign_typed_data(full_message=full_message)

    with pytest.raises(rs.InvalidInput, match="not by its key"):
        proposal.sign(Impostor())
    other = split.propose(venture.proposing(ann=2, bob=1, dan=1))
    with pytest.raises(rs.InvalidInput, match="not the same proposal"):
        proposal.merge(other.sign(ann))
    mine, yours = proposal.sign(ann), proposal.add_consent("ann", b"another")
    assert mine.merge(yours) == mine
    assert mine != proposal  # which is a value


def test_new_terms_are_checked_as_at_creation(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split = venture.split
    proposal = venture.signed_by(split.propose(venture.proposing(ann=1, bob=1)), "ann")

    def amending(old: bytes, new: bytes) -> rs.ContractError:
        return refused(split._encoded("amend", old, new, [], proposal.ordered_consents(), proposal.deadline))

    good, bad = proposal.old.encoded, proposal.new.encoded
    assert amending(good[:-1] + b"\xff", bad).name == "TermsMismatch"
    assert amending(bad, bad).name == "TermsMismatch"
    assert amending(good, bad[:30]).name == "TermsLength"
    assert amending(good, bad[:-1] + b"\xff").name == "TierTotal"
    other = bytes.fromhex(stage.eur.address[2:])
    changed = amending(good, bad[:1] + other + bad[21:])
    tokens = {"from": stage.gbp.address, "to": stage.eur.address}
    assert (changed.name, changed.args_by_name) == ("SettlementTokenChanged", tokens)


# ---------------------------------------------------------------- contracts that sign


@pytest.mark.parametrize(
    ("answer", "good"), [(0, True), (1, True), (2, False), (3, False), (4, False), (5, False), (6, None)]
)
def test_a_payee_that_is_a_contract_signs_by_erc_1271(stage: Stage, answer: int, good: bool | None) -> None:
    owner = person()
    wallet = stage.place("Wallet", owner.address)
    venture = Venture(stage, {"quorum": "20%"}, firm=wallet.address)
    split = venture.split
    wallet.functions.become(answer, False).transact({"from": stage.payer.address})
    proposal = split.propose(venture.proposing(ann=1, bob=1))
    signature = bytes(owner.sign_typed_data(full_message=proposal.typed_data()).signature)
    proposal = venture.signed_by(proposal.add_consent("firm", signature), "cat")
    if good is None:  # a return bomb costs its own sender's gas, and nobody else's
        split.amend(dataclasses.replace(proposal, consents={}).sign(venture.people["ann"])).send()
        return
    assert split.check_consents(proposal) == {"firm": good, "cat": True}
    if good:
        split.amend(proposal).send()
    else:
        error = refused(raw_amend(split, proposal).by(stage.payer))
        assert (error.name, error.args_by_name) == ("BadSignature", {"payee": wallet.address})
        # Left out, it holds up nobody.
        without = venture.signed_by(split.propose(proposal.agreement), "cat", "ann")
        split.amend(without).send()
    assert split.epoch() == 1


def test_a_contract_refuses_what_its_owner_did_not_sign(stage: Stage) -> None:
    owner = person()
    wallet = stage.place("Wallet", owner.address)
    venture = Venture(stage, {"quorum": "10%"}, firm=wallet.address)
    proposal = venture.split.propose(venture.proposing(ann=1, bob=1))
    stranger = bytes(person().sign_typed_data(full_message=proposal.typed_data()).signature)
    assert refused(raw_amend(venture.split, proposal.add_consent("firm", stranger))).name == "BadSignature"
    node = venture.split._node
    assert not approves(node, wallet.address, proposal.digest, stranger)
    good = bytes(owner.sign_typed_data(full_message=proposal.typed_data()).signature)
    assert approves(node, wallet.address, proposal.digest, good)


def test_an_account_with_delegated_code_signs_by_its_key(stage: Stage) -> None:
    """EIP-7702: the code may refuse everything, the key is the owner's all the same."""
    venture = Venture(stage, {"quorum": "50%"})
    ann = venture.people["ann"]
    code = stage.place("MoodyToken").address
    chain = stage.w3.eth.chain_id
    authorization = Account.sign_authorization({"chainId": chain, "address": code, "nonce": 0}, ann.key)
    sent = stage.payer.sign_transaction(
        {
            "type": 4,
            "chainId": chain,
            "nonce": stage.w3.eth.get_transaction_count(stage.payer.address),
            "to": stage.payer.address,
            "value": 0,
            "gas": 200_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
            "authorizationList": [authorization],
        }
    )
    stage.w3.eth.wait_for_transaction_receipt(stage.w3.eth.send_raw_transaction(sent.raw_transaction))
    assert bytes(stage.w3.eth.get_code(ann.address)) == bytes.fromhex("ef0100" + code[2:])
    proposal = venture.signed_by(venture.split.propose(venture.proposing(ann=1, bob=1)), "ann")
    assert venture.split.check_consents(proposal) == {"ann": True}
    venture.split.amend(proposal).send()
    assert venture.split.epoch() == 1
