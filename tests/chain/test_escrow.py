"""The handle on escrows: a sale opened and ended in every way, with coin and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import COIN, EscrowedSale, Permit, SaleEscrow, SaleState, record_id
from revshare.chain.events import SalePaid
from revshare.chain.trust_events import Disputed, Ending, Opened, PaidPlainly, Settled

_numbers = count(1)


def fresh() -> str:
    return to_checksum_address(f"0x{next(_numbers) + 2**151:040x}")


def sale_id() -> str:
    return f"INV-{next(_numbers)}"


@pytest.fixture
def escrow(tester: Chain) -> SaleEscrow:
    return SaleEscrow.deploy(tester.w3, account=tester.payer)


def now(chain: Chain) -> datetime:
    return datetime.fromtimestamp(chain.w3.eth.get_block("latest")["timestamp"], UTC)


def terms(chain: Chain, **other: Any) -> dict[str, Any]:
    return {
        "sale_id": sale_id(),
        "seller": chain.accounts[1].address,
        "arbiter": chain.accounts[2].address,
        "deadline": now(chain) + timedelta(days=7),
        "decision_deadline": now(chain) + timedelta(days=14),
    } | other


@pytest.mark.parametrize("coin", [False, True])
def test_a_sale_is_held_and_arrives_with_its_id(chain: Chain, coin: bool) -> None:
    escrow, split = SaleEscrow.deploy(chain.w3, account=chain.payer), chain.split(coin=coin)
    sale = terms(chain)
    call = escrow.open(split, "12.50", **sale)
    if not coin:
        assert call.preview().approval_needed == 12_500_000
    opened = call.send().event(Opened)
    units = split.token.parse("12.50")
    assert (opened.amount, opened.buyer) == (units, chain.payer.address)
    assert escrow.get(split, sale["sale_id"]) == EscrowedSale(
        split=split.address,
        sale_id=record_id(sale["sale_id"]),
        state=SaleState.HELD,
        token=split.terms.token,
        amount=units,
        buyer=chain.payer.address,
        seller=sale["seller"],
        arbiter=sale["arbiter"],
        deadline=sale["deadline"],
        decision_deadline=sale["decision_deadline"],
        refund_by_default=True,
    )
    with pytest.raises(rs.ContractError, match="TooEarly"):
        escrow.release(split, sale["sale_id"]).preview()
    receipt = escrow.confirm(split, sale["sale_id"]).send()
    assert receipt.event(SalePaid).sale_id == record_id(sale["sale_id"])
    settled = receipt.event(Settled)
    assert (settled.ending, settled.amount_to_split) == (Ending.CONFIRMED, units)
    assert split.received() == units
    assert split.is_paid(sale["sale_id"], payer=escrow.address)
    done = escrow.get(split, sale["sale_id"])
    assert done is not None
    assert done.state is SaleState.DONE


@pytest.mark.parametrize("to_buyer", ["2.5", 2_500_000])
def test_the_arbiter_decides(tester: Chain, escrow: SaleEscrow, to_buyer: str | int) -> None:
    split, sale = tester.split(), terms(tester)
    escrow.open(split, 10_000_000, **sale).send()
    dispute = escrow.dispute(split.address, sale["sale_id"])
    with pytest.raises(rs.ContractError, match="Unauthorised"):
        dispute.by(tester.accounts[1]).send()
    assert dispute.send().event(Disputed).split == split.address
    decide = escrow.decide(split, sale["sale_id"], to_buyer=to_buyer).by(tester.accounts[2])
    settled = decide.send().event(Settled)
    assert (settled.ending, settled.amount_to_buyer) == (Ending.DECIDED, 2_500_000)
    assert split.received() == 7_500_000


def test_the_seller_refunds(tester: Chain, escrow: SaleEscrow) -> None:
    split, sale = tester.split(), terms(tester, arbiter=None, decision_deadline=None)
    escrow.open(split, 5, **sale).send()
    held = escrow.get(split, sale["sale_id"])
    assert held is not None
    assert held.arbiter is None
    assert held.decision_deadline is None
    had = tester.token().balance_of(tester.payer.address)
    escrow.refund(split, sale["sale_id"]).by(tester.accounts[1]).send()
    assert tester.token().balance_of(tester.payer.address) == had + 5


def test_time_ends_what_nobody_ends(tester: Chain, escrow: SaleEscrow) -> None:
    split = tester.split(coin=True)
    quiet, disputed = terms(tester), terms(tester, refund_by_default=False)
    for sale in (quiet, disputed):
        escrow.open(split, 1_000, **sale).send()
    escrow.dispute(split, disputed["sale_id"]).send()
    ethereum: Any = tester.w3.provider
    ethereum.ethereum_tester.time_travel(int(disputed["decision_deadline"].timestamp()) + 10)
    for call, ending in [
        (escrow.release(split, quiet["sale_id"]), Ending.EXPIRED),
        (escrow.settle_default(split, disputed["sale_id"]), Ending.DEFAULTED),
    ]:
        assert call.by(tester.accounts[3]).send().event(Settled).ending == ending
    assert split.received() == 2_000


def test_a_split_given_by_address_is_paid_before_it_exists(tester: Chain, escrow: SaleEscrow) -> None:
    somewhere, sale = fresh(), terms(tester)
    escrow.open(somewhere, "0.5", **sale).send()
    assert escrow.confirm(somewhere, sale["sale_id"]).send().event(PaidPlainly).amount == 5 * 10**17
    token, sale = tester.token(), terms(tester)
    escrow.open(somewhere, "0.5", token=token.address, **sale).send()
    escrow.confirm(somewhere, sale["sale_id"]).send()
    assert token.balance_of(somewhere) == 500_000
    sale = terms(tester)
    escrow.open(somewhere, "0.5", token=token.token, **sale).send()


def test_credits_are_read_and_withdrawn(tester: Chain, escrow: SaleEscrow) -> None:
    assert escrow.credit(tester.payer.address) == 0
    for call in (escrow.withdraw_credit(tester.payer.address), escrow.redirect_credit(fresh())):
        with pytest.raises(rs.ContractError, match="NothingDue"):
            call.send()


def test_what_was_never_opened_is_none(tester: Chain, escrow: SaleEscrow) -> None:
    split = tester.split()
    assert escrow.get(split, "nothing") is None
    with pytest.raises(rs.InvalidInput, match="not opened"):
        escrow.decide(split, "nothing", to_buyer="1")
    with pytest.raises(rs.ContractError, match="WrongState"):
        escrow.decide(split, "nothing", to_buyer=1).preview()


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"amount": 0}, rs.AmountError, "nothing to hold"),
        ({"amount": -1}, rs.AmountError, "nothing to hold"),
        ({"amount": 1.0}, rs.AmountTypeError, "float"),
        ({"arbiter": None}, rs.InvalidInput, "together"),
        ({"decision_deadline": None}, rs.InvalidInput, "together"),
        ({"deadline": datetime(2030, 1, 1)}, rs.InvalidInput, "time zone"),  # noqa: DTZ001
        ({"deadline": True}, rs.InvalidInput, "no time"),
        ({"deadline": -1}, rs.InvalidInput, "no time"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(
    tester: Chain, escrow: SaleEscrow, changed: dict[str, Any], error: type[Exception], says: str
) -> None:
    given = terms(tester) | {"amount": 5} | changed
    with pytest.raises(error, match=says):
        escrow.open(tester.split(), **given)


def test_amounts_to_the_buyer_are_not_negative(tester: Chain, escrow: SaleEscrow) -> None:
    with pytest.raises(rs.AmountError, match="negative"):
        escrow.decide(fresh(), "x", to_buyer=-1)


def test_a_permit_goes_along(tester: Chain, escrow: SaleEscrow) -> None:
    """One that fails leaves it to the allowance, which is missing here; the coin knows none."""
    permit = Permit(2**40, 27, bytes(32), bytes(32))
    with pytest.raises(rs.ContractError, match="PaymentRefused"):
        escrow.open(tester.split(), 5, permit=permit, **terms(tester)).preview()
    with pytest.raises(rs.InvalidInput, match="permits"):
        escrow.open(tester.split(), 5, permit=permit, token=COIN, **terms(tester))


def test_an_escrow_is_recognised(tester: Chain, escrow: SaleEscrow) -> None:
    assert SaleEscrow.at(tester.w3, escrow.address.lower()).address == escrow.address
    assert str(escrow) == f"SaleEscrow({escrow.address}, chain {escrow.chain_id})"
    with pytest.raises(rs.NotDeployed):
        SaleEscrow.at(tester.w3, fresh())
    assert list(escrow.reader().read(0, 1)) == []
