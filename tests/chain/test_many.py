"""Many claims and many credits by one call, a credit sent elsewhere, and tokens whose contract is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.chain.amending import Stage, Venture
from tests.chain.conftest import ECHO_REVERT, Chain
from tests.nodes import Through
from web3 import Web3

import revshare as rs
from revshare.chain import COIN, Claimed, CreditWithdrawn, PaymentSkipped, PayoutBook, SaleEscrow
from revshare.chain.artifacts import Artifact
from revshare.chain.events import Credited
from revshare.chain.node import Node

UNIT = 10**6
GOOD, REFUSES = 0, 1


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


# ---------------------------------------------------------------- claims


def test_several_payees_claim_by_one_call(chain: Chain) -> None:
    split = chain.split()
    split.pay("600", sale_id="A").send()
    due = split.due()
    call = split.claim_many(["exporter", chain.payees["designer"], "exporter"])
    preview = call.preview()
    assert preview.payouts == {name: due[name] for name in ("exporter", "designer")}
    assert preview.returns == {"paidClaims": 2}
    receipt = call.send()
    paid = {event.payee: event.amount for event in receipt.events_of(Claimed)}
    assert paid == {chain.payees[name]: due[name] for name in ("exporter", "designer")}
    assert receipt.events_of(PaymentSkipped) == ()
    assert split.due() == due | {"exporter": 0, "designer": 0}


def test_one_payee_claims_in_several_assets(chain: Chain) -> None:
    split, other = chain.split(), chain.token(2)
    for token in (None, other.address, COIN):
        split.pay(6_000 * UNIT, sale_id="A" if token is None else token[:30], token=token).send()
    by_tokens = split.claim_many("designer", tokens=[None, other.token, COIN])
    pairs = [("designer", None), ("designer", other.address), ("designer", COIN)]
    assert by_tokens.calldata == split.claim_many(pairs).calldata
    assert split.claim_many("designer", tokens=other.address).calldata == (
        split.claim_many([("designer", other.address)]).calldata
    )
    preview = by_tokens.preview()
    assert (preview.returns, preview.payouts) == ({"paidClaims": 3}, {})  # units of three kinds are no sum
    due = {token: split.due(token=token)["designer"] for token in (split.terms.token, other.address, COIN)}
    receipt = by_tokens.send()
    assert {event.token: event.amount for event in receipt.events_of(Claimed)} == due


def test_what_cannot_be_claimed_is_left_out_by_its_reason_and_stops_nobody(chain: Chain) -> None:
    wall = chain.place(ECHO_REVERT)
    split = chain.split(coin=True, wall=wall)
    split.pay(10**20 + 10_000, sale_id="A").send()
    split.claim("exporter").send()
    call = split.claim_many(["exporter", "wall", "distributor"])
    assert call.preview().returns == {"paidClaims": 1}
    receipt = call.send()
    assert [event.payee for event in receipt.events_of(Claimed)] == [chain.payees["distributor"]]
    skipped = {event.payee: (event.token, event.reason) for event in receipt.events_of(PaymentSkipped)}
    assert skipped == {
        chain.payees["exporter"]: (COIN, "NothingDue"),
        wall: (COIN, "PaymentFailed"),
    }
    assert split.due()["wall"] > 0
    assert split.events()[-3:] == receipt.events  # as the log tells it as well


def test_claims_of_nobody_and_of_strangers_are_refused_before_anything_is_sent(tester: Chain) -> None:
    split = tester.split()
    with pytest.raises(rs.InvalidInput, match="nobody is named"):
        split.claim_many([])
    with pytest.raises(rs.InvalidInput, match="nobody is named"):
        split.claim_many(["designer"], tokens=[])
    with pytest.raises(rs.InvalidInput, match="not both"):
        split.claim_many([("designer", COIN)], tokens=[COIN])
    with pytest.raises(rs.UnknownPayee):
        split.claim_many(["designer", "stranger"])
    with pytest.raises(rs.InvalidInput):
        split.claim_many(["designer"], tokens=["no token"])


def test_claims_go_by_the_terms_that_count_for_each_token(stage: Stage) -> None:
    venture = Venture(stage, {"quorum": "50%"})
    split, eur = venture.split, stage.eur.address
    new = venture.proposing(ann=1, dan=1)
    split.amend(venture.signed_by(split.propose(new, seen=False), "ann")).send()
    split = split.refresh(new)
    stage.fund(split, 100 * UNIT)
    stage.fund(split, 1_000, eur)  # which goes by the old terms yet
    receipt = split.claim_many([("ann", None), ("dan", None), ("ann", eur), ("cat", eur)]).send()
    paid = {(event.payee, event.token): event.amount for event in receipt.events_of(Claimed)}
    assert paid == {
        (venture.payees["ann"], stage.gbp.address): 50 * UNIT,
        (venture.payees["dan"], stage.gbp.address): 50 * UNIT,
        (venture.payees["ann"], eur): 500,
        (venture.payees["cat"], eur): 200,
    }
    with pytest.raises(rs.UnknownPayee):
        split.claim_many(["cat"])  # no payee in the settlement token any more


# ---------------------------------------------------------------- gas


def cheap(chain: Chain, least: int) -> Web3:
    """The node, which says that any call that succeeds with little gas needs no more than that."""

    def answer(method: str, params: Any, ask: Callable[[], Any]) -> Any:
        if method != "eth_estimateGas" or len(params[0].get("data", "")) < 74:
            return ask()
        return {"jsonrpc": "2.0", "id": 1, "result": hex(least)}

    return Web3(Through(chain.w3.provider, answer))


def test_nothing_is_left_out_for_want_of_gas_whatever_the_node_estimates(chain: Chain) -> None:
    """Leaving all out takes the least gas with which the call succeeds; some nodes look for just that."""
    made = chain.split()
    made.pay("600", sale_id="A").send()
    split = rs.RevenueSplit.at(cheap(chain, 60_000), made.address, account=chain.payer)
    call = split.claim_many(list(split.payees))
    assert 100_000 < call.estimate_gas() < 500_000
    receipt = call.send()
    assert (len(receipt.events_of(Claimed)), len(receipt.events_of(PaymentSkipped))) == (3, 0)
    assert call.sign(gas=60_000).transaction["gas"] == 60_000  # whoever gives gas is believed


# ---------------------------------------------------------------- credits


def moody(stage: Stage) -> tuple[rs.AmendableSplit, Venture, Any]:
    """A split whose settlement token can be paused, with credits for everybody."""
    token = stage.place("MoodyToken")
    venture = Venture(stage, {"quorum": "50%"})
    split = stage.deploy(venture.deal, token=token.address)
    send = {"from": stage.payer.address}
    token.functions.mint(split.address, 1_000).transact(send)
    token.functions.become(REFUSES).transact(send)
    receipt = split.distribute().send(gas=5_000_000)
    assert len(receipt.events_of(Credited)) == 3
    return split, venture, token


def test_after_a_paused_token_everybody_is_paid_by_one_call(stage: Stage) -> None:
    split, venture, token = moody(stage)
    call = split.withdraw_credits()
    assert call.preview().returns == {"paidPayees": 0}
    receipt = call.send()
    assert {event.reason for event in receipt.events_of(PaymentSkipped)} == {"PaymentFailed"}
    assert split.credit() == {"ann": 500, "bob": 300, "cat": 200}

    token.functions.become(GOOD).transact({"from": stage.payer.address})
    some = split.withdraw_credits(["ann", venture.payees["cat"]])
    preview = some.preview()
    assert (preview.returns, preview.payouts) == ({"paidPayees": 2}, {"ann": 500, "cat": 200})
    paid = {event.payee: event.amount for event in some.send().events_of(CreditWithdrawn)}
    assert paid == {venture.payees["ann"]: 500, venture.payees["cat"]: 200}
    receipt = split.withdraw_credits(["ann", "bob"]).send()
    (skipped,) = receipt.events_of(PaymentSkipped)
    assert (skipped.payee, skipped.token, skipped.reason) == (
        venture.payees["ann"],
        token.address,
        "NothingDue",
    )
    assert split.credit() == {"ann": 0, "bob": 0, "cat": 0}
    assert split.paid() == split.entitlements() == {"ann": 500, "bob": 300, "cat": 200}
    with pytest.raises(rs.InvalidInput, match="nobody is named"):
        split.withdraw_credits()
    with pytest.raises(rs.InvalidInput, match="nobody is named"):
        split.withdraw_credits([])
    with pytest.raises(rs.UnknownPayee):
        split.withdraw_credits(["stranger"])


def test_a_payee_sends_its_credit_elsewhere_in_parts_or_all_of_it(stage: Stage) -> None:
    split, venture, token = moody(stage)
    token.functions.become(GOOD).transact({"from": stage.payer.address})
    gift = {"from": stage.payer.address, "to": venture.payees["ann"], "value": 10**18}
    stage.w3.eth.send_transaction(gift)  # type: ignore[arg-type]
    anns, to = split.by(venture.people["ann"]), stage.other.address
    event = anns.redirect_credit(to, 120).send().event(CreditWithdrawn)
    assert (event.payee, event.to, event.amount) == (venture.payees["ann"], to, 120)
    with pytest.raises(rs.ContractError, match=r"CreditExceeded\(credit=380, amount=381\)"):
        anns.redirect_credit(to, 381).send()
    assert anns.redirect_credit(to).send().event(CreditWithdrawn).amount == 380
    for call in (anns.redirect_credit(to), split.redirect_credit(to)):  # nothing is left, or ever was
        with pytest.raises(rs.ContractError, match="NothingDue"):
            call.send()
    with pytest.raises(rs.AmountError):
        anns.redirect_credit(to, -1)
    with pytest.raises(rs.AmountTypeError):
        anns.redirect_credit(to, 0.5)  # type: ignore[arg-type]
    assert token.functions.balanceOf(to).call() == 500
    assert split.paid()["ann"] == 500


# ---------------------------------------------------------------- tokens without a contract


@pytest.fixture
def gone(anvil_chain: Chain) -> tuple[Chain, rs.RevenueSplit, str]:
    """A split that has been paid in a token, whose contract is not there any more."""
    chain = anvil_chain
    token = rs.chain.DemoToken.deploy(chain.w3, "GONE", 6, account=chain.payer)
    token.mint(chain.payer.address, 1_000).send()
    deal = chain.agreement().model_copy(update={"token": token.token})
    split = rs.RevenueSplit.deploy(chain.w3, deal, account=chain.payer)
    token.transfer(split.address, 500).send()
    assert split.received() == 500
    chain.w3.provider.make_request("anvil_setCode", [token.address, "0x"])  # type: ignore[arg-type]
    return chain, split, token.address


def test_a_token_whose_contract_is_gone_is_named(gone: tuple[Chain, rs.RevenueSplit, str]) -> None:
    chain, split, token = gone
    coins = chain.split(coin=True)
    for refused in (
        split.received,
        split.due,
        split.statement,
        lambda: coins.received(token=token),
        split.distribute().preview,
        split.distribute().send,
        split.claim("designer").send,
        split.withdraw_credit("designer").send,
        split.redirect_credit(chain.payer.address, 1).send,
        split.pay(5, sale_id="A").preview,
        coins.claim("designer", token=token).send,
        PayoutBook.deploy(chain.w3, account=chain.payer, salt="gone")
        .withdraw_surplus(1, chain.payer.address, token=token)
        .send,
    ):
        with pytest.raises(rs.ContractError) as caught:
            refused()
        assert (caught.value.name, caught.value.args_by_name) == ("NotAToken", {"token": token})
        assert "there is no contract at that address, or no longer" in str(caught.value)
    for call in (split.claim_many(["designer"]), coins.claim_many(["designer"], tokens=[token])):
        (skipped,) = call.send().events_of(PaymentSkipped)
        assert skipped.reason == "NotAToken"


def test_so_is_one_that_python_asks_itself(gone: tuple[Chain, rs.RevenueSplit, str]) -> None:
    chain, split, token = gone
    node, book = Node(chain.w3), PayoutBook.deploy(chain.w3, account=chain.payer, salt="gone")
    tree = book.tree({str(chain.payer.address): 5}, token=token)
    now = chain.w3.eth.get_block("latest")["timestamp"]
    escrow = SaleEscrow.deploy(chain.w3, account=chain.payer)
    for refused in (
        lambda: rs.chain.Erc20(chain.w3, token),
        lambda: rs.chain.tokens.balance_of(node, token, chain.payer.address),
        lambda: book.shortfall(tree),
        lambda: rs.RevenueSplit.at(chain.w3, split.address),
        lambda: rs.RevenueSplit.deploy(chain.w3, chain.agreement(), token=token, account=chain.payer),
        split.pay("5", sale_id="A").send,
        split.pay("5", sale_id="A").approvals,
        lambda: escrow.open(
            split, 5, sale_id="A", seller=chain.accounts[1].address, deadline=now + 1_000
        ).send(),
    ):
        with pytest.raises(rs.NotDeployed, match=r"there is no contract at 0x.*, or no longer"):
            refused()
