"""A split cannot sign a consent: under a quorum it is no payee. Elsewhere splits pay splits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.chain.amending import agreement, person, signed

import revshare as rs
from revshare.chain import DemoToken, Devnet

REASON = "is a split, and a split cannot sign"


class Place:
    """A chain, a token, and a split of people that others name as their payee."""

    def __init__(self) -> None:
        chain = Devnet.start(2)
        self.w3, self.payer = chain.w3, chain.accounts[0]
        self.token = DemoToken.deploy(self.w3, "GBP", account=self.payer).address
        self.label = self.deploy(
            agreement({"ann": person().address, "bob": person().address}, equal("ann", "bob"))
        )

    def deploy(self, deal: rs.Agreement) -> rs.RevenueSplit:
        return rs.RevenueSplit.deploy(self.w3, deal, token=self.token, account=self.payer)

    def deal(self, governance: Any, **payees: str) -> rs.Agreement:
        return agreement(payees, equal(*payees), governance=governance)


def equal(*payees: str) -> dict[str, Any]:
    return dict.fromkeys(payees, 1)


@pytest.fixture(scope="module")
def place() -> Place:
    return Place()


@pytest.mark.parametrize("quorum", ["100%", "50%", "0.01%"])
def test_a_quorum_that_a_split_belongs_to_is_refused_at_creation(place: Place, quorum: str) -> None:
    deal = place.deal({"quorum": quorum}, cat=person().address, label=place.label.address)
    before = place.w3.eth.block_number
    with pytest.raises(rs.InvalidInput, match=REASON) as refused:
        place.deploy(deal)
    assert f"'label' ({place.label.address})" in str(refused.value)
    assert place.w3.eth.block_number == before


def test_an_amendable_split_cannot_sign_either(place: Place) -> None:
    inner = place.deploy(place.deal({"quorum": "100%"}, ann=person().address, bob=person().address))
    with pytest.raises(rs.InvalidInput, match=REASON):
        place.deploy(place.deal({"quorum": "100%"}, cat=person().address, inner=inner.address))


def test_splits_are_paid_where_nobody_or_a_controller_decides(place: Place) -> None:
    for governance in (None, {"controller": place.payer.address, "notice": "1 day"}):
        split = place.deploy(place.deal(governance, cat=person().address, label=place.label.address))
        assert [found.address for found in split.nested()] == [place.label.address]
    # A wallet of code is no split: it may sign by ERC-1271.
    place.deploy(place.deal({"quorum": "100%"}, cat=person().address, wallet=place.token))


def test_new_terms_under_a_quorum_name_no_split(place: Place) -> None:
    cat, dan = person(), person()
    split = place.deploy(place.deal({"quorum": "100%"}, cat=cat.address, dan=dan.address))
    assert isinstance(split, rs.AmendableSplit)
    with_split = place.deal({"quorum": "100%"}, cat=cat.address, label=place.label.address)
    with pytest.raises(rs.InvalidInput, match=REASON):
        split.propose(with_split)
    good = split.propose(place.deal({"quorum": "100%"}, cat=cat.address, eve=person().address))
    forced = signed(dataclasses.replace(good, agreement=with_split), [cat, dan])
    with pytest.raises(rs.InvalidInput, match=REASON):
        split.amend(forced)
    split.amend(signed(good, [cat, dan])).send()


def test_new_terms_under_a_controller_may(place: Place) -> None:
    governance = {"controller": place.payer.address, "notice": "1 day"}
    split = place.deploy(place.deal(governance, cat=person().address, dan=person().address))
    assert isinstance(split, rs.AmendableSplit)
    proposal = split.propose(place.deal(governance, cat=person().address, label=place.label.address))
    split.announce(proposal).send()
    assert split.announced() is not None
