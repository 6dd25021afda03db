"""Sales and remittances: money and record are one transaction, each id counts once, events say it exactly."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.world import COIN, ZERO, Refusal, Split, World, shares

ID = b"INV-1".ljust(32, b"\0")
ROOT = bytes(range(32))


@pytest.fixture
def split(world: World) -> Split:
    return world.split([world.fresh() for _ in range(3)], shares(20, 30, 50))


@pytest.fixture
def token(world: World, split: Split) -> Any:
    """A token of which the owner has plenty, and the split may draw."""
    token = world.token()
    world.send(token.functions.mint(world.owner, 10**12))
    world.send(token.functions.approve(split.address, 2**256 - 1))
    return token


def paying(split: Split, kind: str, asset: str, amount: int, name: bytes = ID) -> Any:
    if kind == "pay":
        return split.functions.pay(name, asset, amount)
    return split.functions.remit(name, asset, amount, ROOT, 77)


def event(
    world: World, kind: str, asset: str, amount: int, payer: str | None = None
) -> tuple[str, dict[str, Any]]:
    common = {"payer": payer or world.owner, "token": asset, "amount": amount}
    if kind == "pay":
        return "SalePaid", common | {"saleId": ID}
    return "Remitted", common | {"batchId": ID, "root": ROOT, "count": 77}


def used(split: Split, kind: str, payer: str, name: bytes = ID) -> bool:
    function = split.functions.isSalePaid if kind == "pay" else split.functions.isRemitted
    return bool(function(payer, name).call())


kinds = pytest.mark.parametrize("kind", ["pay", "remit"])


@kinds
def test_coin_and_record_are_one_transaction(world: World, split: Split, kind: str) -> None:
    assert not used(split, kind, world.owner)
    receipt = world.send(paying(split, kind, COIN, 1_000), value=1_000)
    assert world.logs(split.contract, receipt) == [event(world, kind, COIN, 1_000)]
    assert len(receipt["logs"]) == 1
    assert used(split, kind, world.owner)
    assert split.statement()[0] == 1_000
    assert split.distribute() == (1_000, 0)
    split.check()


@kinds
def test_tokens_and_record_are_one_transaction(world: World, split: Split, token: Any, kind: str) -> None:
    receipt = world.send(paying(split, kind, token.address, 1_000))
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 1_000)]
    assert used(split, kind, world.owner)
    assert split.statement(token.address)[0] == 1_000
    assert split.statement(COIN)[0] == 0
    assert split.distribute(token.address) == (1_000, 0)


@kinds
@pytest.mark.parametrize("name", [ZERO, ID, b"\xff" * 32, (1).to_bytes(32, "big")])
def test_an_id_counts_once_for_each_payer(world: World, split: Split, kind: str, name: bytes) -> None:
    world.send(paying(split, kind, COIN, 5, name), value=5)
    for amount in (5, 6):
        again = world.refusal(paying(split, kind, COIN, amount, name), value=amount)
        assert again == Refusal("AlreadyPaid", (world.owner.lower(), name))
    world.send(paying(split, kind, COIN, 7, name), value=7, sender=world.stranger)
    again = world.refusal(paying(split, kind, COIN, 7, name), value=7, sender=world.stranger)
    assert again == Refusal("AlreadyPaid", (world.stranger.lower(), name))
    assert split.statement()[0] == 12


@kinds
def test_an_id_counts_once_whatever_the_token(world: World, split: Split, token: Any, kind: str) -> None:
    world.send(paying(split, kind, COIN, 5), value=5)
    refused = world.refusal(paying(split, kind, token.address, 5))
    assert refused == Refusal("AlreadyPaid", (world.owner.lower(), ID))


def test_sales_and_batches_number_apart(world: World, split: Split) -> None:
    world.send(paying(split, "pay", COIN, 5), value=5)
    assert not used(split, "remit", world.owner)
    world.send(paying(split, "remit", COIN, 6), value=6)
    assert used(split, "remit", world.owner)
    assert split.statement()[0] == 11


def test_splits_number_apart(world: World, split: Split) -> None:
    other = world.split([world.fresh()], shares(1))
    for each in (split, other):
        world.send(paying(each, "pay", COIN, 5), value=5)


@kinds
@pytest.mark.parametrize(("sent", "stated"), [(0, 1), (1, 2), (2, 1), (10**18, 1), (1, 2**256 - 1)])
def test_the_coin_sent_must_be_the_amount_stated(
    world: World, split: Split, kind: str, sent: int, stated: int
) -> None:
    refused = world.refusal(paying(split, kind, COIN, stated), value=sent)
    assert refused == Refusal("ValueMismatch", (sent, stated))
    assert not used(split, kind, world.owner)


@kinds
def test_no_coin_may_come_with_tokens(world: World, split: Split, token: Any, kind: str) -> None:
    refused = world.refusal(paying(split, kind, token.address, 1_000), value=1)
    assert refused == Refusal("ValueMismatch", (1, 0))
    refused = world.refusal(paying(split, kind, token.address, 1_000), value=1_000)
    assert refused == Refusal("ValueMismatch", (1_000, 0))


@kinds
def test_a_payment_of_nothing_is_refused(world: World, split: Split, token: Any, kind: str) -> None:
    for asset in (COIN, token.address):
        assert world.refusal(paying(split, kind, asset, 0)) == Refusal("NothingPaid")
    assert world.refusal(paying(split, kind, COIN, 0), value=1) == Refusal("NothingPaid")


@kinds
def test_tokens_that_cannot_be_drawn_are_refused(world: World, split: Split, token: Any, kind: str) -> None:
    def refused(asset: Any, amount: int) -> None:
        found = world.refusal(paying(split, kind, asset.address, amount, world.record()))
        assert found == Refusal("PaymentRefused", (asset.address.lower(), world.owner.lower(), amount))

    refused(token, 10**12 + 1)  # more than there is
    world.send(token.functions.approve(split.address, 99))
    refused(token, 100)  # more than is allowed
    world.send(paying(split, kind, token.address, 99))
    bare = world.token()
    refused(bare, 1)
    world.send(bare.functions.mint(world.owner, 1_000))
    world.send(bare.functions.approve(split.address, 1_000))
    for quirk in ("ReturnsFalse", "ReturnsTwo", "ReturnsOneByte", "Keeps", "Blacklist", "BalanceLies"):
        world.behave(bare, quirk)
        refused(bare, 1)
    world.behave(bare, "None")
    assert split.statement(bare.address)[0] == 0


@kinds
def test_what_is_recorded_is_what_arrived(world: World, split: Split, token: Any, kind: str) -> None:
    world.behave(token, "Fee", COIN, 250)
    receipt = world.send(paying(split, kind, token.address, 10_000))
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 9_750)]
    assert split.statement(token.address)[0] == 9_750


@kinds
def test_a_fee_that_leaves_nothing_is_refused(world: World, split: Split, token: Any, kind: str) -> None:
    world.behave(token, "Fee", COIN, 10_000)
    assert world.refusal(paying(split, kind, token.address, 10_000)).name == "PaymentRefused"


@kinds
@pytest.mark.parametrize("quirk", ["NoReturn", "ReturnsHugeTrue", "RevertsOnZero"])
def test_tokens_that_answer_strangely_can_be_paid_in(
    world: World, split: Split, token: Any, kind: str, quirk: str
) -> None:
    world.behave(token, quirk)
    receipt = world.send(paying(split, kind, token.address, 1_000))
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 1_000)]


def buyer(world: World, split: Split, amount: int) -> tuple[Any, Any]:
    """A contract that buys with a token which calls it before it moves its tokens."""
    contract = world.payee()
    token = world.hooked_token(contract)
    world.send(token.functions.mint(contract.address, amount))
    approve = token.encode_abi("approve", [split.address, 2**256 - 1])
    world.send(contract.functions.run(token.address, 0, approve))
    return contract, token


def buys(world: World, contract: Any, split: Split, kind: str, asset: str, amount: int) -> Any:
    data = paying(split, kind, asset, amount)._encode_transaction_data()
    return contract.functions.run(split.address, 0, data)


@pytest.mark.parametrize("inner", ["pay", "remit"])
@pytest.mark.parametrize("kind", ["pay", "remit"])
def test_one_payment_cannot_be_recorded_as_two(world: World, split: Split, kind: str, inner: str) -> None:
    """A payment within a payment would be counted in both."""
    contract, token = buyer(world, split, 1_000)
    nested = paying(split, inner, token.address, 400, b"\2" * 32)._encode_transaction_data()
    world.plan(contract, split.address, nested)
    receipt = world.send(buys(world, contract, split, kind, token.address, 600))
    assert world.outcome(contract) == Refusal("Reentered")
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 600, contract.address)]
    assert not used(split, inner, contract.address, b"\2" * 32)


@kinds
def test_the_same_id_cannot_be_used_from_within(world: World, split: Split, kind: str) -> None:
    contract, token = buyer(world, split, 1_000)
    world.coin(contract.address, 1)
    nested = paying(split, kind, COIN, 1)._encode_transaction_data()
    world.plan(contract, split.address, nested, forwards=True)
    world.send(buys(world, contract, split, kind, token.address, 600))
    assert world.outcome(contract) == Refusal("AlreadyPaid")


@kinds
def test_money_that_arrives_meanwhile_is_not_taken_for_the_payers(world: World, kind: str) -> None:
    """While its one unit is drawn, its payer has another split pay in 500: revenue, not its sale."""
    payees = [world.fresh()]
    split = world.split(payees, shares(1))
    contract, token = buyer(world, split, 1_000)
    parent = world.split([split.address], shares(1), token.address)
    parent.fund(token, 500)
    world.plan(
        contract,
        parent.address,
        parent.contract.encode_abi("distribute", [parent.terms.packed, token.address]),
    )
    receipt = world.send(buys(world, contract, split, kind, token.address, 1))
    assert world.outcome(contract) is True
    assert split.statement(token.address)[0] == 501
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 1, contract.address)]


@kinds
@pytest.mark.parametrize("inner", ["distribute", "claim", "received"])
def test_a_payer_cannot_have_the_same_token_paid_out_meanwhile(world: World, kind: str, inner: str) -> None:
    """What leaves while it is drawn in would be missing from the record: the token is locked."""
    payee = world.fresh()
    split = world.split([payee], shares(1))
    contract, token = buyer(world, split, 1_000)
    split.fund(token, 300)
    arguments = {
        "distribute": [split.terms.packed, token.address],
        "claim": [payee, split.terms.proof(0), token.address],
        "received": [token.address],
    }
    world.plan(contract, split.address, split.contract.encode_abi(inner, arguments[inner]))
    receipt = world.send(buys(world, contract, split, kind, token.address, 1_000))
    assert world.outcome(contract) == Refusal("Reentered")
    assert world.logs(split.contract, receipt) == [event(world, kind, token.address, 1_000, contract.address)]
    assert split.statement(token.address)[0] == 1_300
    split.distribute(token.address)
    assert split.check(token.address)[payee].paid == 1_300 == world.balance(token.address, payee)


@kinds
@pytest.mark.parametrize("missing", [1, 2, 31, 32])
def test_a_call_cut_short_by_a_word_is_the_call_that_ends_with_the_clones_word(
    world: World, split: Split, token: Any, kind: str, missing: int
) -> None:
    """Behind the calldata stands the clone's own word. Reading it is as good as saying it: nothing else
    comes of it."""
    for asset, value in ((token.address, 0), (COIN, 1_000)):
        data = bytes.fromhex(paying(split, kind, asset, 1_000)._encode_transaction_data()[2:])
        outcomes = []
        for sent in (data[:-missing], data[:-missing] + split.terms.commitment[:missing]):
            snapshot = world.tester.take_snapshot()
            receipt = world.attempt({"to": split.address, "data": "0x" + sent.hex()}, value=value)
            events = world.logs(split.contract, receipt)
            held = world.balance(asset, split.address)
            outcomes.append((receipt["status"], events, held, used(split, kind, world.owner)))
            world.tester.revert_to_snapshot(snapshot)
        assert outcomes[0] == outcomes[1]
        # A record there is only of what has come in.
        status, events, held, recorded = outcomes[0]
        assert recorded == (status == 1)
        assert held == sum(said["amount"] for _, said in events)


@kinds
@pytest.mark.parametrize("missing", [33, 64, 96])
def test_calls_cut_short_by_more_than_a_word_record_nothing(
    world: World, split: Split, token: Any, kind: str, missing: int
) -> None:
    for asset, value in ((token.address, 0), (COIN, 1_000)):
        data = bytes.fromhex(paying(split, kind, asset, 1_000)._encode_transaction_data()[2:])
        call = {"to": split.address, "data": "0x" + data[:-missing].hex()}
        assert world.attempt(call, value=value)["status"] == 0
    assert not used(split, kind, world.owner)


def test_claims_withdrawals_and_distributions_say_exactly_what_happened(world: World) -> None:
    a, b, bad = world.fresh(), world.fresh(), world.payee("Reverts")
    split = world.split([a, b, bad.address], shares(20, 30, 50))

    def events(function: Any) -> list[tuple[str, dict[str, Any]]]:
        receipt = world.send(function)
        assert all(log["address"] == split.address for log in receipt["logs"])
        return world.logs(split.contract, receipt)

    split.fund(COIN, 1_000)
    assert events(split.claiming(a)) == [
        ("Claimed", {"payee": a, "token": COIN, "toRevenue": 1_000, "amount": 200})
    ]
    split.fund(COIN, 500)
    assert events(split.distributing()) == [
        ("Credited", {"payee": bad.address, "token": COIN, "amount": 750}),
        ("Distributed", {"token": COIN, "fromRevenue": 0, "toRevenue": 1_500}),
    ]
    assert events(split.distributing()) == []
    world.become(bad, "Honest")
    assert events(split.functions.withdrawCredit(bad.address, COIN)) == [
        ("CreditWithdrawn", {"payee": bad.address, "token": COIN, "to": bad.address, "amount": 750})
    ]
    split.fund(COIN, 100)
    assert events(split.distributing()) == [
        ("Distributed", {"token": COIN, "fromRevenue": 1_500, "toRevenue": 1_600})
    ]
    assert world.refusal(split.claiming(a)) == Refusal("NothingDue", (a.lower(), COIN))
    split.check()
