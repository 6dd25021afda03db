"""A sale is opened once, on terms that can end, with money that is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.escrow.sales import CONFIRMED, DAY, DISPUTED, HELD, TEN_YEARS, Escrow
from tests.contract.test_permit import LATE, permit, submit
from tests.contract.world import COIN, Refusal, Split, World, shares

pytestmark = pytest.mark.xdist_group("trust")

# ------------------------------------------------------------------------------------------ opening


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_opening_holds_the_money_and_says_on_which_terms(
    world: World, escrow: Escrow, split: Split, kind: str
) -> None:
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(split.address, token=token, refundByDefault=False)
    (opened,) = world.logs(escrow.contract, sale.receipt)
    names = ["split", "saleId", "token", "amount", "seller", "arbiter", "deadline", "decisionDeadline"]
    stated = dict(zip(names, sale.terms[:-1], strict=True)) | {"refundByDefault": False, "buyer": world.owner}
    assert opened == ("Opened", stated)
    stored = escrow.functions.sale(*sale.key).call()
    assert stored == (
        world.owner,
        sale.deadline,
        sale.decision_deadline,
        False,
        HELD,
        token,
        sale.terms[4],
        sale.terms[5],
        1_000_000,
        0,
    )
    assert world.balance(token, escrow.address) == 1_000_000
    assert split.statement(token)[0] == 0


def bad_terms(world: World, escrow: Escrow, now: int) -> dict[str, tuple[dict[str, Any], Refusal]]:
    a, last, token = str.lower, now + TEN_YEARS, world.token().address
    return {
        "no split": ({"split": COIN}, Refusal("InvalidParty", (COIN,))),
        "escrow": ({"split": escrow.address}, Refusal("InvalidParty", (a(escrow.address),))),
        "token": ({"split": token, "token": token}, Refusal("InvalidParty", (a(token),))),
        "no seller": ({"seller": COIN}, Refusal("InvalidParty", (COIN,))),
        "buyer sells": ({"seller": world.owner}, Refusal("InvalidParty", (a(world.owner),))),
        "buyer judges": ({"arbiter": world.owner}, Refusal("InvalidParty", (a(world.owner),))),
        "seller judges": (
            {"arbiter": world.accounts[0]},
            Refusal("InvalidParty", (a(world.accounts[0]),)),
        ),
        "deadline now": ({"deadline": now}, Refusal("InvalidTime", (now, now, last))),
        "deadline late": (
            {"deadline": last + 1, "decisionDeadline": last + 2},
            Refusal("InvalidTime", (last + 1, now, last)),
        ),
        "decision with the deadline": (
            {"decisionDeadline": now + 7 * DAY},
            Refusal("InvalidTime", (now + 7 * DAY, now + 7 * DAY, last)),
        ),
        "decision late": (
            {"decisionDeadline": last + 1},
            Refusal("InvalidTime", (last + 1, now + 7 * DAY, last)),
        ),
        "time beyond 40 bits": (
            {"decisionDeadline": 2**40 + now + 8 * DAY},
            Refusal("InvalidTime", (2**40 + now + 8 * DAY, now + 7 * DAY, last)),
        ),
        "no time to decide": (
            {"decisionDeadline": 0},
            Refusal("ArbiterAndTime", (a(world.accounts[1]), 0)),
        ),
        "nobody to decide": (
            {"arbiter": COIN},
            Refusal("ArbiterAndTime", (COIN, now + 14 * DAY)),
        ),
        "nothing": ({"amount": 0}, Refusal("NothingPaid")),
        "other amount": ({"amount": 999_999}, Refusal("ValueMismatch", (1_000_000, 999_999))),
        "coin with a token": ({"token": token}, Refusal("ValueMismatch", (1_000_000, 0))),
    }


CASES = [
    "no split",
    "escrow",
    "token",
    "no seller",
    "buyer sells",
    "buyer judges",
    "seller judges",
    "deadline now",
    "deadline late",
    "decision with the deadline",
    "decision late",
    "time beyond 40 bits",
    "no time to decide",
    "nobody to decide",
    "nothing",
    "other amount",
    "coin with a token",
]


@pytest.mark.parametrize("case", CASES)
def test_bad_terms_are_refused(world: World, escrow: Escrow, split: Split, case: str) -> None:
    now = escrow.now()
    bad = bad_terms(world, escrow, now)
    assert list(bad) == CASES
    changed, refused = bad[case]
    good: dict[str, Any] = {
        "split": split.address,
        "deadline": now + 7 * DAY,
        "decisionDeadline": now + 14 * DAY,
    }
    terms = escrow.terms(**(good | changed))
    value = 0 if case == "token" else 1_000_000
    assert world.refusal(escrow.opening(terms), value=value) == refused


def test_the_longest_times_are_accepted(world: World, escrow: Escrow, split: Split) -> None:
    last = escrow.now() + TEN_YEARS
    sale = escrow.open(split.address, deadline=last - 1, decisionDeadline=last)
    assert sale.state == HELD


def test_more_than_a_split_counts_is_refused(world: World, escrow: Escrow, split: Split) -> None:
    most = 2**127 - 1
    escrow.open(split.address, amount=most)
    terms = escrow.terms(split.address, amount=most + 1)
    assert world.refusal(escrow.opening(terms), value=most + 1) == Refusal("AmountTooLarge", (most + 1,))


def test_a_sale_without_an_allowance_is_refused(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token()
    terms = escrow.terms(split.address, token=token.address)
    assert world.refusal(escrow.opening(terms)) == Refusal(
        "PaymentRefused", (token.address.lower(), world.owner.lower(), 1_000_000)
    )


def test_a_fee_lowers_what_is_held(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(quirk="Fee", number=100)
    sale = escrow.open(split.address, token=token.address)
    assert world.logs(escrow.contract, sale.receipt)[0][1]["amount"] == 990_000
    assert escrow.functions.sale(*sale.key).call()[8] == 990_000
    sale.do("confirm")
    assert split.statement(token.address)[0] == 980_100
    assert world.balance(token.address, escrow.address) == 0


def test_a_split_buyer_and_id_are_used_together_once_for_ever(
    world: World, escrow: Escrow, split: Split
) -> None:
    sale = escrow.open(split.address)
    again = escrow.opening(escrow.terms(split.address, saleId=sale.terms[1]))
    refused = Refusal("AlreadyOpened", (split.address.lower(), world.owner.lower(), sale.terms[1]))
    assert world.refusal(again, value=1_000_000) == refused
    sale.do("refund")
    assert world.refusal(again, value=1_000_000) == refused
    other = world.split([world.fresh()], shares(1))
    escrow.open(other.address, saleId=sale.terms[1])
    for ending in ("confirm", "owed"):
        kept = escrow.open(split.address if ending == "confirm" else world.fresh(), saleId=world.record())
        kept.do("confirm")
        terms = escrow.terms(kept.terms[0], saleId=kept.terms[1])
        assert world.refusal(escrow.opening(terms), value=1_000_000).name == "AlreadyOpened"


def test_nobody_can_take_anothers_split_and_id(world: World, escrow: Escrow, split: Split) -> None:
    """A stranger with one unit: both have their sale, and each is its own buyer's."""
    sale_id, squatter, buyer = world.record(), world.payee(), world.payee()
    theirs = escrow.open(split.address, buyer=squatter, saleId=sale_id, amount=1)
    sale = escrow.open(split.address, buyer=buyer, saleId=sale_id)
    assert (theirs.record, sale.record) == (
        escrow.functions.recordIdOf(squatter.address, sale_id).call(),
        escrow.functions.recordIdOf(buyer.address, sale_id).call(),
    )
    assert [s.escrow.functions.sale(*s.key).call()[8] for s in (theirs, sale)] == [1, 1_000_000]
    assert theirs.of_buyer(squatter, "dispute") == [theirs.disputed()]
    assert (theirs.state, sale.state) == (DISPUTED, HELD)
    assert theirs.of_buyer(squatter, "confirm") == [theirs.settled(CONFIRMED, 1, 0)]
    assert not split.functions.isSalePaid(escrow.address, sale.record).call()
    assert sale.of_buyer(buyer, "confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert split.functions.isSalePaid(escrow.address, sale.record).call()
    assert split.statement()[0] == 1_000_001


def test_coin_by_plain_transfer_is_refused(world: World, escrow: Escrow) -> None:
    assert world.attempt({"to": escrow.address}, value=1)["status"] == 0


# ------------------------------------------------------------------------------------------ permits


def test_a_sale_is_opened_with_a_permit(world: World, escrow: Escrow, split: Split) -> None:
    token, buyer = world.token(), world.account()
    world.send(token.functions.mint(buyer.address, 1_000))
    signature = permit(world, token, buyer, escrow.address, 600)
    terms = escrow.terms(split.address, token=token.address, amount=600)
    function = escrow.functions.openWithPermit(terms, LATE, *signature)
    # It is the caller's own allowance that is used.
    assert world.refusal(function) == Refusal(
        "PaymentRefused", (token.address.lower(), world.owner.lower(), 600)
    )
    assert submit(world, buyer, function)["status"] == 1
    sale = escrow.functions.sale(split.address, buyer.address, terms[1]).call()
    assert (sale[0], sale[4], sale[8]) == (buyer.address, HELD, 600)
    assert world.balance(token.address, escrow.address) == 600


def test_a_permit_handed_in_by_somebody_else_before_is_as_good(
    world: World, escrow: Escrow, split: Split
) -> None:
    token, buyer = world.token(), world.account()
    world.send(token.functions.mint(buyer.address, 1_000))
    signature = permit(world, token, buyer, escrow.address, 600)
    world.send(token.functions.permit(buyer.address, escrow.address, 600, LATE, *signature))
    terms = escrow.terms(split.address, token=token.address, amount=600)
    receipt = submit(world, buyer, escrow.functions.openWithPermit(terms, LATE, *signature))
    assert receipt["status"] == 1


def test_coin_cannot_be_sent_with_a_permit(world: World, escrow: Escrow, split: Split) -> None:
    terms = escrow.terms(split.address)
    function = escrow.functions.openWithPermit(terms, LATE, 27, bytes(32), bytes(32))
    assert world.refusal(function) == Refusal("NotAToken", (COIN,))
