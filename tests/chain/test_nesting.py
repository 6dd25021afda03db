"""Splits that pay splits: distributed in one transaction, parent first; circles are refused."""

from __future__ import annotations

import dataclasses

import pytest
from tests.chain.amending import UNIT, Stage, Venture, agreement, person, signed

import revshare as rs
from revshare.chain import Distributed, Terms
from revshare.chain.abi import interface
from revshare.chain.artifacts import Artifact, load
from revshare.chain.clones import Clone, addresses_within, same_code
from revshare.chain.governance import governance_of, governance_word
from revshare.chain.nesting import contracts_among
from revshare.chain.node import Node


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


def plain(stage: Stage, **payees: str) -> rs.RevenueSplit:
    """A split that is never amended, shared equally."""
    deal = agreement(payees, dict.fromkeys(payees, 1))
    return rs.RevenueSplit.deploy(stage.w3, deal, token=stage.gbp.address, account=stage.payer)


def test_a_chain_of_splits_is_distributed_in_one_transaction(stage: Stage) -> None:
    people = [person().address for _ in range(3)]
    leaf = plain(stage, ann=people[0], bob=people[1])
    middle = plain(stage, leaf=leaf.address, cat=people[2])
    top = plain(stage, middle=middle.address, leaf=leaf.address)
    factory = rs.RevenueSplitFactory.at(stage.w3, account=stage.payer)
    stage.fund(top, 800 * UNIT)
    assert {split.address for split in top.nested()} == {middle.address, leaf.address}
    receipt = factory.distribute_all([leaf, middle, top]).send()  # whatever the order given
    order = [event.address for event in receipt.events if isinstance(event, Distributed)]
    assert order == [top.address, middle.address, leaf.address]
    balances = [stage.gbp.balance_of(owner) // UNIT for owner in people]
    assert balances == [300, 300, 200]

    stage.eur.transfer(top.address, 80).send()
    both = [(split, stage.eur.address) for split in (*top.nested(), top)]
    factory.distribute_all(both).send()
    assert [stage.eur.balance_of(owner) for owner in people] == [30, 30, 20]
    assert factory.distribute_all([]).preview().returns == {}


def test_an_amendment_cannot_close_a_circle(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    parent = venture.split
    child = plain(stage, parent=parent.address, ann=venture.payees["ann"])
    grandchild = plain(stage, child=child.address, bob=venture.payees["bob"])
    for payee, path in (
        (parent.address, (parent.address, parent.address)),
        (child.address, (parent.address, child.address, parent.address)),
        (grandchild.address, (parent.address, grandchild.address, child.address, parent.address)),
    ):
        new = agreement(
            {"ann": venture.payees["ann"], "split": payee},
            {"ann": 1, "split": 1},
            governance={"quorum": "50%"},
        )
        with pytest.raises(rs.CircularSplits) as caught:
            parent.propose(new)
        assert caught.value.path == path
        forced = venture.signed_by(
            dataclasses.replace(parent.propose(venture.proposing(ann=1)), agreement=new), "ann"
        )
        with pytest.raises(rs.CircularSplits):
            parent.amend(forced)


def test_creating_at_a_known_address_cannot_close_a_circle(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    parent = venture.split
    deal = agreement({"parent": parent.address, "bob": venture.payees["bob"]}, {"parent": 1, "bob": 1})
    child = rs.RevenueSplit.predict_address(stage.w3, deal, token=stage.gbp.address)
    new = agreement(
        {"ann": venture.payees["ann"], "child": child}, {"ann": 1, "child": 1}, governance={"quorum": "50%"}
    )
    parent.amend(signed(parent.propose(new), [venture.people["ann"]])).send()  # nothing is there yet
    with pytest.raises(rs.CircularSplits):
        rs.RevenueSplit.deploy(stage.w3, deal, token=stage.gbp.address, account=stage.payer)
    assert stage.w3.eth.get_code(stage.w3.to_checksum_address(child)) == b""

    # Somebody without this library can close it all the same: then nothing is distributed in a circle here.
    factory = rs.RevenueSplitFactory.at(stage.w3, account=stage.payer)
    factory.create(rs.RevenueSplit.at(stage.w3, parent.address).terms, "other").send()
    closed = dataclasses.replace(deal.schedule(), token=parent.token)
    factory.create(Terms(closed, stage.gbp.address)).send()
    handles = [parent.refresh(), rs.RevenueSplit.at(stage.w3, child)]
    with pytest.raises(rs.CircularSplits):
        factory.distribute_all(handles)
    assert [split.address for split in handles[0].nested()] == [child]


def test_contracts_are_told_from_accounts_by_one_question(stage: Stage) -> None:
    split = plain(stage, ann=person().address)
    node = Node(stage.w3)
    asked = [split.address, stage.payer.address, person().address, stage.gbp.address]
    assert contracts_among(node, asked) == (split.address, stage.gbp.address)
    assert contracts_among(node, []) == ()


# ---------------------------------------------------------------- where an amendable split is


def test_python_and_the_factory_predict_the_same_amendable_split(stage: Stage) -> None:
    factory = rs.RevenueSplitFactory.deploy(stage.w3, stage.payer)
    made, node = interface("RevenueSplitFactory"), Node(stage.w3)
    venture = Venture(stage, {"quorum": "12.34%"})
    terms = venture.split.terms
    for governance in (
        rs.Governance(quorum="0.01%"),
        rs.Governance(quorum="100%"),
        rs.Governance(controller=stage.payer.address, notice=2**32 - 1),
        rs.Governance(controller=stage.payer.address, notice="14 days"),
    ):
        word = governance_word(governance)
        found = governance_of(word)
        assert found is not None
        assert found.same_as(governance)
        data = made.encode("predictAmendable", terms.encoded, word, 0)
        answer = node.call({"to": factory.address, "data": "0x" + data.hex()})
        assert made.decode("predictAmendable", answer)["0"] == factory.predict(terms, 0, governance)
    clone = Clone(
        factory.amendable_implementation(),
        terms.commitment,
        venture.split._clone.governance,
        stage.salts[venture.split.address],
    )
    assert (len(clone.code), clone.address(factory.address)) == (134, venture.split.address)
    assert factory.is_split(venture.split.address)
    assert Clone.read(node.code(venture.split.address)) == clone
    assert governance_of(clone.governance) == rs.Governance(quorum="12.34%")
    for bad in (bytes(32), b"\1" + bytes(31), b"\3" + word[1:], word[:11] + b"\1" + word[12:]):
        with pytest.raises(rs.InvalidInput):
            governance_of(bad)
        call = factory._call("createAmendable", terms.encoded, bad, 0)
        with pytest.raises(rs.ContractError) as caught:
            call.preview()
        assert caught.value.name == "InvalidGovernance"


def test_a_handle_is_checked_against_terms_and_governance(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, token = venture.split, stage.gbp.address
    for governance in (None, {"quorum": "51%"}, {"controller": stage.payer.address, "notice": 1}):
        other = venture.deal.model_copy(update={"governance": governance})
        with pytest.raises(rs.TermsMismatch, match="may be amended by"):
            rs.RevenueSplit.at(stage.w3, split.address, agreement=other, token=token)
        with pytest.raises(rs.TermsMismatch, match="may be amended by"):
            split.propose(other)
    with pytest.raises(rs.InvalidInput, match="count already"):
        split.propose(venture.deal)
    stranger = rs.RevenueSplit.at(stage.w3, split.address)
    assert isinstance(stranger, rs.AmendableSplit)
    assert stranger.terms.commitment == split.terms.commitment

    new = venture.proposing(ann=1, bob=2)
    proposal = venture.signed_by(split.propose(new), "ann")
    for wrong, error in (
        (dataclasses.replace(proposal, chain_id=1), rs.WrongChain),
        (dataclasses.replace(proposal, split=token), rs.InvalidInput),
        (dataclasses.replace(proposal, epoch=7), rs.TermsMismatch),
    ):
        with pytest.raises(error):
            split.amend(wrong)
    split.amend(proposal).send()
    with pytest.raises(rs.TermsMismatch, match="refresh"):
        split.propose(venture.proposing(ann=3, bob=1))
    with pytest.raises(rs.TermsMismatch, match="amended since"):
        rs.RevenueSplit.at(stage.w3, split.address, agreement=venture.deal, token=token)
    with pytest.raises(rs.TermsMismatch):
        split.refresh(venture.deal)
    at = rs.RevenueSplit.at(stage.w3, split.address, agreement=new, token=token)
    assert at.agreement == new
    again = rs.RevenueSplit.deploy(
        stage.w3, venture.deal, token=token, account=stage.payer, salt=stage.salts[split.address]
    )  # found, amended as it is
    assert (again.address, again.agreement) == (split.address, None)
    assert again.payees == {"ann": venture.payees["ann"], "bob": venture.payees["bob"]}
    assert again.terms.commitment == at.terms.commitment


def test_a_back_office_of_somebody_elses_is_not_trusted(stage: Stage) -> None:
    """The front would be ours to the byte, and all that it delegates a stranger's."""
    artifact = load("RevenueSplit")
    strangers = stage.place("MoodyToken").address
    front = stage.create(artifact.bytecode + bytes(12) + bytes.fromhex(strangers[2:]))
    clone = Clone(front, plain(stage, ann=person().address).terms.commitment)
    address = stage.create(bytes.fromhex("60608060095f395ff3") + clone.code)
    with pytest.raises(rs.NotDeployed, match="not a RevenueSplit of this version"):
        rs.RevenueSplit.at(stage.w3, address)


@pytest.mark.parametrize("which", ["front", "office"])
def test_code_that_takes_another_address_for_its_own_is_not_trusted(stage: Stage, which: str) -> None:
    """To the byte it is ours but for what a constructor writes: it would take some split for no split."""
    factory = rs.RevenueSplitFactory.at(stage.w3)
    genuine = stage.w3.to_checksum_address(factory.implementation())
    front, office = load("RevenueSplit"), load("BackOffice")
    (behind,) = addresses_within(bytes(stage.w3.eth.get_code(genuine)), front) - {genuine}
    code = bytes(stage.w3.eth.get_code(genuine)).hex()
    if which == "office":
        office_code = bytes(stage.w3.eth.get_code(stage.w3.to_checksum_address(behind))).hex()
        wrong = stage.create(
            returning(office_code.replace(behind.lower()[2:], stage.payer.address.lower()[2:]))
        )
        assert same_code(bytes(stage.w3.eth.get_code(stage.w3.to_checksum_address(wrong))), office)
        made = stage.create(front.bytecode + bytes(12) + bytes.fromhex(wrong[2:]))
    else:
        made = stage.create(returning(code.replace(genuine.lower()[2:], behind.lower()[2:])))
        assert same_code(bytes(stage.w3.eth.get_code(stage.w3.to_checksum_address(made))), front)
    clone = Clone(made, plain(stage, ann=person().address).terms.commitment)
    address = stage.create(returning(clone.code.hex()))
    with pytest.raises(rs.NotDeployed, match="not a RevenueSplit of this version"):
        rs.RevenueSplit.at(stage.w3, address)


def returning(code: str) -> bytes:
    """Init code that puts this code, in hex, in place."""
    return bytes.fromhex(f"61{len(code) // 2:04x}80600c6000396000f3") + bytes.fromhex(code)
