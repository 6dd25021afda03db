"""The handle on escrows: a sale opened and ended in every way, with coin and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from tests.chain.conftest import Chain
from tests.nodes import Through, refusal
from web3 import Web3

import revshare as rs
from revshare.chain import COIN, Devnet, EscrowedSale, Permit, SaleEscrow, SaleState, record_id
from revshare.chain.artifacts import Artifact
from revshare.chain.deployment import deployed
from revshare.chain.events import SalePaid
from revshare.chain.node import Node
from revshare.chain.trust_events import Delayed, Disputed, Ending, Opened, OwedSettled, Settled

_numbers = count(1)


def fresh() -> str:
    return to_checksum_address(f"0x{next(_numbers) + 2**151:040x}")


def sale_id() -> str:
    return f"INV-{next(_numbers)}"


@pytest.fixture
def escrow(tester: Chain) -> SaleEscrow:
    return SaleEscrow.deploy(tester.w3, account=tester.payer)


def without_deployer(w3: Web3) -> Web3:
    """The same node, which takes no transaction without a chain id."""

    def only_with_chain_id(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_sendRawTransaction" and params[0].startswith("0xf8a58085174876e8"):
            return refusal("only replay-protected (EIP-155) transactions allowed over RPC")
        return ask()

    return Web3(Through(w3.provider, only_with_chain_id))


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
    buyer = chain.payer.address
    assert (opened.amount, opened.buyer) == (units, buyer)
    assert escrow.get(split, sale["sale_id"], buyer=buyer) == EscrowedSale(
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
        escrow.release(split, sale["sale_id"], buyer=buyer).preview()
    receipt = escrow.confirm(split, sale["sale_id"]).send()
    recorded = SaleEscrow.record_id_of(buyer, sale["sale_id"])
    assert receipt.event(SalePaid).sale_id == recorded
    assert recorded == escrow._view("recordIdOf", buyer, record_id(sale["sale_id"]))["0"]
    settled = receipt.event(Settled)
    assert (settled.ending, settled.amount_to_split) == (Ending.CONFIRMED, units)
    assert split.received() == units
    assert split.is_paid(recorded, payer=escrow.address)
    done = escrow.get(split, sale["sale_id"], buyer=buyer)
    assert done is not None
    assert (done.state, done.owed, done.record_id) == (SaleState.DONE, 0, recorded)


@pytest.mark.parametrize("to_buyer", ["2.5", 2_500_000])
def test_the_arbiter_decides(tester: Chain, escrow: SaleEscrow, to_buyer: str | int) -> None:
    split, sale = tester.split(), terms(tester)
    escrow.open(split, 10_000_000, **sale).send()
    dispute, buyer = escrow.dispute(split.address, sale["sale_id"]), tester.payer.address
    with pytest.raises(rs.ContractError, match="WrongState"):  # a stranger has no such sale
        dispute.by(tester.accounts[1]).send()
    disputed = dispute.send().event(Disputed)
    assert (disputed.split, disputed.buyer) == (split.address, buyer)
    decide = escrow.decide(split, sale["sale_id"], buyer=buyer, to_buyer=to_buyer)
    with pytest.raises(rs.ContractError, match="Unauthorised"):
        decide.send()
    settled = decide.by(tester.accounts[2]).send().event(Settled)
    assert (settled.ending, settled.amount_to_buyer) == (Ending.DECIDED, 2_500_000)
    assert split.received() == 7_500_000


def test_the_seller_refunds(tester: Chain, escrow: SaleEscrow) -> None:
    split, sale = tester.split(), terms(tester, arbiter=None, decision_deadline=None)
    escrow.open(split, 5, **sale).send()
    held = escrow.get(split, sale["sale_id"], buyer=tester.payer.address)
    assert held is not None
    assert held.arbiter is None
    assert held.decision_deadline is None
    had = tester.token().balance_of(tester.payer.address)
    escrow.refund(split, sale["sale_id"], buyer=tester.payer.address).by(tester.accounts[1]).send()
    assert tester.token().balance_of(tester.payer.address) == had + 5


def test_time_ends_what_nobody_ends(tester: Chain, escrow: SaleEscrow) -> None:
    split = tester.split(coin=True)
    quiet, disputed = terms(tester), terms(tester, refund_by_default=False)
    for sale in (quiet, disputed):
        escrow.open(split, 1_000, **sale).send()
    escrow.dispute(split, disputed["sale_id"]).send()
    ethereum: Any = tester.w3.provider
    ethereum.ethereum_tester.time_travel(int(disputed["decision_deadline"].timestamp()) + 10)
    buyer = tester.payer.address
    for call, ending in [
        (escrow.release(split, quiet["sale_id"], buyer=buyer), Ending.EXPIRED),
        (escrow.settle_default(split, disputed["sale_id"], buyer=buyer), Ending.DEFAULTED),
    ]:
        assert call.by(tester.accounts[3]).send().event(Settled).ending == ending
    assert split.received() == 2_000


def test_the_id_is_the_buyers_own(tester: Chain, escrow: SaleEscrow) -> None:
    """Whoever opens a sale of the same id first, for one unit, takes nobody's place."""
    split, sale, stranger = tester.split(coin=True), terms(tester), tester.accounts[3]
    theirs = escrow.by(stranger)
    theirs.open(split, 1, **sale).send()
    escrow.open(split, 500, **sale).send()
    with pytest.raises(rs.ContractError, match="AlreadyOpened") as refused:
        escrow.open(split, 500, **sale).send()
    assert refused.value.args_by_name["buyer"] == tester.payer.address
    theirs.confirm(split, sale["sale_id"]).send()
    mine = escrow.get(split, sale["sale_id"], buyer=tester.payer.address)
    assert mine is not None
    assert (mine.state, mine.amount) == (SaleState.HELD, 500)
    escrow.confirm(split, sale["sale_id"]).send()
    assert split.received() == 501


def test_a_sale_of_a_split_that_does_not_exist_yet_is_owed_to_it(tester: Chain, escrow: SaleEscrow) -> None:
    """What is due to a split arrives as a sale, or stays."""
    deal = tester.agreement(coin=True)
    address = rs.RevenueSplit.predict_address(tester.w3, deal, salt="owed")
    sale, buyer = terms(tester), tester.payer.address
    escrow.open(address, "0.5", **sale).send()
    receipt = escrow.confirm(address, sale["sale_id"]).send()
    delayed = receipt.event(Delayed)
    assert (delayed.split, delayed.buyer, delayed.amount) == (address, buyer, 5 * 10**17)
    owed = escrow.get(address, sale["sale_id"], buyer=buyer)
    assert owed is not None
    assert (owed.state, owed.owed, owed.amount) == (SaleState.OWED, 5 * 10**17, 5 * 10**17)
    assert tester.w3.eth.get_balance(to_checksum_address(address)) == 0
    with pytest.raises(rs.ContractError, match="NotTaken.*until it does the seller may refund it"):
        escrow.release(address, sale["sale_id"], buyer=buyer).send()

    split = rs.RevenueSplit.deploy(tester.w3, deal, account=tester.payer, salt="owed")
    release = escrow.release(split, sale["sale_id"], buyer=buyer).by(tester.accounts[3])
    settled = release.send().event(OwedSettled)
    assert (settled.amount, settled.refunded) == (5 * 10**17, False)
    assert split.is_paid(owed.record_id, payer=escrow.address)
    assert split.received() == 5 * 10**17
    done = escrow.get(split, sale["sale_id"], buyer=buyer)
    assert done is not None
    assert (done.state, done.owed) == (SaleState.DONE, 0)


def test_the_seller_refunds_what_is_owed(tester: Chain, escrow: SaleEscrow) -> None:
    somewhere, token, sale = fresh(), tester.token(), terms(tester)
    escrow.open(somewhere, "0.5", token=token.token, **sale).send()
    escrow.confirm(somewhere, sale["sale_id"]).send()
    had = token.balance_of(tester.payer.address)
    refund = escrow.refund(somewhere, sale["sale_id"], buyer=tester.payer.address)
    with pytest.raises(rs.ContractError, match="Unauthorised"):
        refund.send()
    settled = refund.by(tester.accounts[1]).send().event(OwedSettled)
    assert (settled.amount, settled.refunded) == (500_000, True)
    assert token.balance_of(tester.payer.address) == had + 500_000
    assert token.balance_of(somewhere) == 0


def test_credits_are_read_and_withdrawn(tester: Chain, escrow: SaleEscrow) -> None:
    assert escrow.credit(tester.accounts[4].address) == 0
    nobody = escrow.by(tester.accounts[4])
    for call in (escrow.withdraw_credit(tester.accounts[4].address), nobody.redirect_credit(fresh())):
        with pytest.raises(rs.ContractError, match="NothingDue"):
            call.send()
    with pytest.raises(rs.ContractError, match="CreditExceeded"):
        nobody.redirect_credit(fresh(), "0.1").send()
    with pytest.raises(rs.AmountError, match="negative"):
        nobody.redirect_credit(fresh(), -1)


def test_a_buyer_that_cannot_receive_has_its_credit_sent_elsewhere(
    tester: Chain, escrow: SaleEscrow, mocks: dict[str, Artifact]
) -> None:
    """In parts, or all of it."""
    mood = mocks["MoodyToken"]
    made = tester.w3.eth.contract(abi=list(mood.abi), bytecode=mood.bytecode).constructor()
    receipt = tester.w3.eth.get_transaction_receipt(made.transact({"from": tester.payer.address}))
    address = str(receipt["contractAddress"])
    token: Any = tester.w3.eth.contract(address=receipt["contractAddress"], abi=list(mood.abi))
    send = {"from": tester.payer.address}
    token.functions.mint(tester.payer.address, 500).transact(send)
    split, sale, to = tester.split(), terms(tester), fresh()
    escrow.open(split, 500, token=address, **sale).send()
    token.functions.become(1).transact(send)  # refuses everything
    refund = escrow.refund(split, sale["sale_id"], buyer=tester.payer.address).by(tester.accounts[1])
    refund.send(gas=2_000_000)
    assert escrow.credit(tester.payer.address, token=address) == 500
    token.functions.become(0).transact(send)
    escrow.redirect_credit(to, 120, token=address).send()
    assert escrow.credit(tester.payer.address, token=address) == 380
    escrow.redirect_credit(to, token=address).send()
    assert token.functions.balanceOf(to).call() == 500


def test_what_was_never_opened_is_none(tester: Chain, escrow: SaleEscrow) -> None:
    split, buyer = tester.split(), tester.payer.address
    assert escrow.get(split, "nothing", buyer=buyer) is None
    with pytest.raises(rs.InvalidInput, match="not opened"):
        escrow.decide(split, "nothing", buyer=buyer, to_buyer="1")
    with pytest.raises(rs.ContractError, match="WrongState"):
        escrow.decide(split, "nothing", buyer=buyer, to_buyer=1).preview()
    with pytest.raises(rs.InvalidInput, match="buyer"):
        escrow.get(split, "nothing", buyer="ann")


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
        escrow.decide(fresh(), "x", buyer=fresh(), to_buyer=-1)


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


def test_an_escrows_very_code_put_there_by_a_stranger_is_not_trusted(
    tester: Chain, escrow: SaleEscrow
) -> None:
    """It may have been created with sales that nobody has paid for."""
    code = bytes(tester.w3.eth.get_code(tester.w3.to_checksum_address(escrow.address)))
    copy = deployed(
        Node(tester.w3),
        tester.payer,
        "copy",
        bytes.fromhex(f"61{len(code):04x}80600c6000396000f3") + code,
        "copy",
    )
    assert bytes(tester.w3.eth.get_code(tester.w3.to_checksum_address(copy))) == code
    with pytest.raises(rs.NotDeployed, match="is not the one that every chain has"):
        SaleEscrow.at(tester.w3, copy)


# ---------------------------------------------------------------- where it is


def test_there_is_one_escrow_at_the_same_address_on_every_chain(chain: Chain) -> None:
    address = SaleEscrow.default_address()
    assert SaleEscrow.deploy(chain.w3, account=chain.payer).address == address
    before = chain.w3.eth.block_number
    assert SaleEscrow.deploy(chain.w3, account=chain.accounts[1]).address == address
    assert chain.w3.eth.block_number == before  # nothing was sent
    assert SaleEscrow.at(chain.w3, address).address == address


def test_on_a_bare_chain_the_escrow_brings_the_deployer() -> None:
    started = Devnet.start(2)
    assert SaleEscrow.deploy(started.w3).address == SaleEscrow.default_address()
    assert rs.RevenueSplitFactory.deploy(started.w3).address == rs.RevenueSplitFactory.default_address()


def test_where_there_can_be_no_deployer_the_escrow_is_anywhere_and_works() -> None:
    started = Devnet.start(4)
    w3 = without_deployer(started.w3)
    first, second = (SaleEscrow.deploy(w3, account=started.accounts[0]) for _ in range(2))
    assert len({first.address, second.address, SaleEscrow.default_address()}) == 3
    with pytest.raises(rs.NotDeployed, match="pass elsewhere=True"):
        SaleEscrow.at(w3, first.address)
    assert SaleEscrow.at(w3, first.address, elsewhere=True).credit(first.address) == 0
