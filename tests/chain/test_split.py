"""A split from Python: where it is, what may attach to it, money in and out, and what its views say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from tests.chain.conftest import ECHO_REVERT, SILENT, Chain
from tests.nodes import Through, refusal
from web3 import Web3

import revshare as rs
from revshare.chain import COIN, DemoToken, Devnet, Erc20, Statement, Terms
from revshare.chain.abi import interface
from revshare.chain.artifacts import Artifact
from revshare.chain.clones import Clone
from revshare.chain.node import Node
from revshare.chain.placing import DEPLOYER
from revshare.schedule import Schedule, TierTerms

UNIT = 10**6


# ---------------------------------------------------------------- where it is


def test_the_address_is_known_before_the_split_exists_and_money_sent_there_is_revenue(chain: Chain) -> None:
    agreement, token = chain.agreement(), chain.token()
    address = rs.RevenueSplit.predict_address(chain.w3, agreement, token=token.address, salt="early")
    assert chain.w3.eth.get_code(to_checksum_address(address)) == b""
    token.transfer(address, "250").send()

    split = rs.RevenueSplit.deploy(
        chain.w3, agreement, token=token.address, account=chain.payer, salt="early"
    )

    assert split.address == address
    assert split.received() == 250 * UNIT
    assert split.due() == split.schedule.entitlements(250 * UNIT)


def test_python_and_the_factory_predict_the_same(chain: Chain) -> None:
    factory = rs.RevenueSplitFactory.deploy(chain.w3, chain.payer)
    terms = Terms(chain.agreement(coin=True).schedule())
    made = interface("RevenueSplitFactory")
    node = Node(chain.w3)

    def ask(function: str, *arguments: object) -> Any:
        data = "0x" + made.encode(function, *arguments).hex()
        return made.decode(function, node.call({"to": factory.address, "data": data}))["0"]

    assert factory.implementation() == ask("implementation")
    for salt in (0, 1, 2**64 - 1, b"\x07" * 8, "text"):
        preview = factory.create(terms, salt).preview()
        assert preview.returns == {"split": factory.predict(terms, salt)}
    assert factory.predict(terms, 5) == ask("predict", terms.encoded, 5)


def test_deploying_twice_attaches_to_what_is_there(chain: Chain) -> None:
    def deploy() -> rs.RevenueSplit:
        return rs.RevenueSplit.deploy(
            chain.w3, chain.agreement(), token=chain.token().address, account=chain.payer, salt="twice"
        )

    first = deploy()
    nonce = chain.w3.eth.get_transaction_count(chain.payer.address)
    assert deploy().address == first.address
    assert chain.w3.eth.get_transaction_count(chain.payer.address) == nonce  # nothing was sent


def test_salts_tell_splits_of_the_same_terms_apart(tester: Chain) -> None:
    def predict(salt: Any) -> str:
        return rs.RevenueSplit.predict_address(tester.w3, tester.agreement(coin=True), salt=salt)

    assert predict(0) == predict(bytes(8))
    assert predict(1) == predict(bytes(7) + b"\1")
    assert predict("twice") == predict(keccak(b"twice")[:8])
    assert len({predict(salt) for salt in (0, 1, "1", b"\1" * 8, 2**64 - 1)}) == 5
    for bad in (-1, 2**64, b"short", b"", bytes(32), "", "\ud800", None, 1.5, True):
        with pytest.raises(rs.InvalidInput, match="a salt is"):
            predict(bad)


def test_a_splits_code_says_its_salt(chain: Chain) -> None:
    for salt in (0, 7, 2**64 - 1):
        split = rs.RevenueSplit.deploy(
            chain.w3, chain.agreement(), token=chain.token().address, account=chain.payer, salt=salt
        )
        code = bytes(chain.w3.eth.get_code(to_checksum_address(split.address)))
        clone = Clone.read(code)
        assert clone is not None
        assert (clone.salt, clone.commitment, len(code)) == (salt, split.terms.commitment, 96)
        assert clone.address(rs.RevenueSplitFactory.default_address()) == split.address
        assert Clone.read(code[:-8]) is None
        assert Clone.read(code + b"\0") is None


@pytest.mark.parametrize(
    ("tiers", "addresses", "what"),
    [
        ([(None, (1, 0))], (1, 2), "'b' has no weight in any tier"),
        ([(None, (1, 1))], (1, 1), "'a' and 'b' have one address"),
        ([(None, (1, 1))], (1, 0), "'b' has the zero address"),
        ([(None, (1, 2**32))], (1, 2), "less than 2\\^32"),
        ([(end, (1, 1)) for end in range(1, 9)] + [(None, (1, 1))], (1, 2), "9 tiers are too many"),
        ([(2**127 - 1, (1, 1)), (None, (1, 1))], (1, 2), "counts up to"),
    ],
)
def test_no_address_is_named_where_no_split_can_ever_be(
    tester: Chain, tiers: list[tuple[int | None, tuple[int, int]]], addresses: tuple[int, int], what: str
) -> None:
    """What is sent there before the split exists would be lost."""
    starts = [0, *(end for end, _ in tiers)]
    terms = tuple(
        TierTerms(start or 0, end, weights, sum(weights))
        for start, (end, weights) in zip(starts, tiers, strict=False)
    )
    owners = tuple(to_checksum_address(number.to_bytes(20, "big")) for number in addresses)
    schedule = Schedule(("a", "b"), owners, terms, rs.Token(symbol="ETH", decimals=18))
    with pytest.raises(rs.InvalidInput, match=what):
        rs.RevenueSplit.predict_address(tester.w3, schedule)


def test_the_factory_knows_its_own_splits(chain: Chain) -> None:
    split, factory = chain.split(), rs.RevenueSplitFactory.at(chain.w3)
    assert factory.is_split(split.address)
    code = bytes(chain.w3.eth.get_code(to_checksum_address(split.address)))
    copied = chain.place(bytes.fromhex(f"60{len(code):02x}80600b6000396000f3") + code)
    assert Clone.read(code) == Clone.read(bytes(chain.w3.eth.get_code(to_checksum_address(copied))))
    for address in (copied, chain.payer.address, factory.address, chain.token().address):
        assert not factory.is_split(address)
    with pytest.raises(rs.InvalidInput):
        factory.is_split("split")
    with pytest.raises(rs.NotDeployed, match="no factory"):
        rs.RevenueSplitFactory(factory._node, chain.payer.address).is_split(split.address)


def test_the_factory_is_at_one_address_on_every_chain(chain: Chain) -> None:
    address = rs.RevenueSplitFactory.default_address()
    assert rs.RevenueSplitFactory.deploy(chain.w3, chain.payer).address == address
    assert rs.RevenueSplitFactory.at(chain.w3).address == address
    assert address in repr(rs.RevenueSplitFactory.at(chain.w3))


def test_a_bare_chain_gets_the_deployer_first() -> None:
    started = Devnet.start(2)
    assert started.w3.eth.get_code(to_checksum_address(DEPLOYER)) == b""
    with pytest.raises(rs.NotDeployed, match="RevenueSplitFactory.deploy"):
        rs.RevenueSplitFactory.at(started.w3)
    factory = rs.RevenueSplitFactory.deploy(started.w3, started.accounts[0])
    assert factory.address == rs.RevenueSplitFactory.default_address()
    assert started.w3.eth.get_code(to_checksum_address(DEPLOYER)) != b""


def test_where_the_node_refuses_the_deployer_the_factory_is_anywhere_and_works() -> None:
    started = Devnet.start(4)
    chain = Chain(started.w3, started.accounts, "eth-tester")
    inner = started.w3.provider

    def only_with_chain_id(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_sendRawTransaction" and params[0].startswith("0xf8a58085174876e8"):
            return refusal("only replay-protected (EIP-155) transactions allowed over RPC")
        return ask()

    w3 = Web3(Through(inner, only_with_chain_id))
    factory = rs.RevenueSplitFactory.deploy(w3, chain.payer)
    assert factory.address != rs.RevenueSplitFactory.default_address()

    agreement = chain.agreement(coin=True)
    for given in (factory, factory.address):
        predicted = rs.RevenueSplit.predict_address(w3, agreement, factory=given)
        split = rs.RevenueSplit.deploy(w3, agreement, account=chain.payer, factory=given)
        assert split.address == predicted
    with pytest.raises(rs.NotDeployed, match="not this version's factory"):
        rs.RevenueSplitFactory.at(w3, split.address)


# ---------------------------------------------------------------- attaching


def test_attaching_reads_the_terms_from_the_log(chain: Chain) -> None:
    made = chain.split()
    split = rs.RevenueSplit.at(chain.w3, made.address)
    assert split.terms.encoded == made.terms.encoded
    assert (split.token.symbol, split.token.decimals, split.agreement) == ("GBP6", 6, None)
    assert set(split.payees) == set(chain.payees.values())  # called by their addresses
    assert split.verify()
    assert split.schedule.entitlements(10**12) == {
        chain.payees[name]: amount for name, amount in made.schedule.entitlements(10**12).items()
    }


def test_attaching_with_the_agreement_keeps_its_names(chain: Chain) -> None:
    made = chain.split()
    split = rs.RevenueSplit.at(
        chain.w3, made.address, agreement=chain.agreement(), token=chain.token().address
    )
    assert split.payees == chain.payees
    assert split.agreement == chain.agreement()
    assert "Cosmetics to Australia" in repr(split)
    same = rs.RevenueSplit.at(chain.w3, made.address.lower(), agreement=made.terms)
    assert same.address == made.address


def test_other_terms_are_refused(chain: Chain) -> None:
    made = chain.split()
    other = chain.agreement(adviser=chain.accounts[5].address)
    with pytest.raises(rs.TermsMismatch) as caught:
        rs.RevenueSplit.at(chain.w3, made.address, agreement=other, token=chain.token().address)
    assert caught.value.address == made.address
    assert caught.value.actual == "0x" + made.terms.commitment.hex()
    again = DemoToken.deploy(chain.w3, "GBP6", 6, account=chain.payer)
    with pytest.raises(rs.TermsMismatch):
        rs.RevenueSplit.at(chain.w3, made.address, agreement=chain.agreement(), token=again.address)


def test_where_nothing_is_the_error_says_how_to_create_it(chain: Chain) -> None:
    address = rs.RevenueSplit.predict_address(chain.w3, chain.agreement(coin=True), salt="never")
    with pytest.raises(rs.NotDeployed, match="RevenueSplit.deploy creates it") as caught:
        rs.RevenueSplit.at(chain.w3, address, agreement=chain.agreement(coin=True))
    assert caught.value.address == address


def test_other_contracts_are_not_taken_for_splits(chain: Chain) -> None:
    split = chain.split()
    genuine = bytes(chain.w3.eth.get_code(to_checksum_address(split.address)))
    imitation = genuine.replace(
        bytes.fromhex(rs.RevenueSplitFactory.at(chain.w3).implementation()[2:]),
        bytes.fromhex(chain.place(ECHO_REVERT)[2:]),
    )
    assert imitation != genuine
    returns_it = bytes.fromhex(f"60{len(imitation):02x}80600b6000396000f3") + imitation
    for address in (chain.token().address, chain.place(returns_it)):
        for agreement in (None, split.terms):
            with pytest.raises(rs.NotDeployed, match="not a RevenueSplit of this version"):
                rs.RevenueSplit.at(chain.w3, address, agreement=agreement)


# ---------------------------------------------------------------- the settlement token


def test_the_settlement_token_must_be_what_the_agreement_counts_in(
    chain: Chain, mocks: dict[str, Artifact]
) -> None:
    agreement, w3 = chain.agreement(6), chain.w3

    def refused(kind: type[Exception], match: str, given: Any, deal: Any = agreement) -> None:
        with pytest.raises(kind, match=match):
            rs.RevenueSplit.predict_address(w3, deal, token=given)
        with pytest.raises(kind, match=match):
            rs.RevenueSplit.deploy(w3, deal, token=given, account=chain.payer)

    refused(rs.InvalidInput, "pass token=", None)
    refused(rs.InvalidInput, "with 6 decimals, and GBP2 at 0x.* has 2", chain.token(2).address)
    refused(rs.InvalidInput, "with 6 decimals, and ETH at 0x0000.* has 18", COIN)
    refused(rs.NotDeployed, "no contract at", chain.accounts[4].address)
    refused(rs.InvalidInput, "is not a token: it does not answer decimals", chain.place(SILENT))
    refused(rs.InvalidInput, "is not a token: it does not answer decimals", chain.place(ECHO_REVERT))
    stated = agreement.model_copy(
        update={"token": rs.Token(symbol="GBP6", decimals=6, address=chain.token().address)}
    )
    refused(rs.InvalidInput, "states the token", chain.token(2).address, stated)
    predict = rs.RevenueSplit.predict_address
    assert predict(w3, stated) == predict(w3, agreement, token=chain.token().token)
    assert predict(w3, chain.agreement(coin=True)) == predict(w3, chain.agreement(coin=True), token=COIN)

    old = chain.place(mocks["MakerLike"].bytecode)
    assert Erc20(w3, old).token == rs.Token(symbol="MKR", decimals=18, address=old)


# ---------------------------------------------------------------- money in and out


@pytest.mark.parametrize("decimals", [0, 2, 6, 18])
def test_paying_remitting_and_distributing_agrees_with_the_schedule(chain: Chain, decimals: int) -> None:
    split, token = chain.split(decimals), chain.token(decimals)
    one = 10**decimals
    before = {name: token.balance_of(owner) for name, owner in chain.payees.items()}

    sale = split.pay("12", sale_id="INV-1").send()
    batch = split.remit(Decimal(1000), batch_id="2011-03", root=b"\7" * 32, count=3).send()
    token.transfer(split.address, 7 * one).send()  # a bare transfer is revenue too

    assert split.received() == 1019 * one
    assert sale.event(rs.chain.SalePaid).amount == 12 * one
    assert sale.event(rs.chain.SalePaid).sale_id == b"INV-1".ljust(32, b"\0")
    remitted = batch.event(rs.chain.Remitted)
    assert (remitted.amount, remitted.root, remitted.count, remitted.payer) == (
        1000 * one,
        b"\7" * 32,
        3,
        chain.payer.address,
    )
    assert split.is_paid("INV-1")
    assert not split.is_paid("INV-2")
    assert not split.is_paid("INV-1", payer=chain.accounts[1].address)
    assert split.is_remitted("2011-03")
    assert not split.is_remitted("INV-1")

    entitled = split.schedule.entitlements(1019 * one)
    assert split.entitlements() == split.due() == entitled
    assert split.distribute().preview().payouts == entitled
    receipt = split.distribute().send()
    assert receipt.event(rs.chain.Distributed).to_revenue == 1019 * one
    assert receipt.gas_used > 0
    assert receipt.cost > 0
    assert split.paid() == entitled
    assert set(split.due().values()) == {0}
    assert {name: token.balance_of(owner) - before[name] for name, owner in chain.payees.items()} == entitled


def test_coin_is_paid_along_with_the_call(chain: Chain) -> None:
    split = chain.split(coin=True)
    before = chain.w3.eth.get_balance(to_checksum_address(chain.payees["designer"]))
    call = split.pay("2.5", sale_id="A")
    assert call.value == 25 * 10**17
    call.send()
    assert split.distribute().preview().payouts["designer"] == 25 * 10**17
    split.distribute().send()
    after = chain.w3.eth.get_balance(to_checksum_address(chain.payees["designer"]))
    assert after - before == 25 * 10**17  # all of the first 100 is the designer's


def test_any_other_token_is_shared_by_the_last_tier(chain: Chain) -> None:
    split, other = chain.split(6), chain.token(2)
    split.pay("6.00", sale_id="A", token=other.address).send()
    split.pay(100, sale_id="B", token=other.token).send()
    split.pay(5000, sale_id="C", token=COIN).send()
    assert split.received(token=other.address) == 700
    assert split.received() == 0
    assert split.entitlements(token=other.token) == split.schedule.for_other_token().entitlements(700)
    assert split.received(token=COIN) == 5000
    statement = split.statement(token=other.address)
    assert (statement.token, statement.revenue) == (other.token, 700)
    split.distribute(token=other.address).send()
    split.distribute(token=COIN).send()
    assert split.paid(token=COIN) == split.schedule.for_other_token().entitlements(5000)


def test_one_payee_can_be_paid_alone(chain: Chain) -> None:
    split = chain.split()
    split.pay("500", sale_id="A").send()
    by_name, by_address = split.claim("designer"), split.claim(chain.payees["designer"].lower())
    assert by_name.calldata == by_address.calldata
    preview = by_name.preview()
    assert preview.payouts == {"designer": split.due()["designer"]}
    assert preview.returns == {"amount": split.due()["designer"]}
    event = by_name.send().event(rs.chain.Claimed)
    assert (event.payee, event.to_revenue) == (chain.payees["designer"], 500 * UNIT)
    assert split.due()["designer"] == 0
    assert split.due()["exporter"] > 0
    with pytest.raises(rs.ContractError) as caught:
        by_name.send()
    assert caught.value.name == "NothingDue"
    with pytest.raises(rs.UnknownPayee, match="did you mean 'designer'"):
        split.claim("desinger")


def test_what_a_payee_cannot_receive_is_credited_and_can_be_withdrawn_or_redirected(chain: Chain) -> None:
    refusing = chain.place(ECHO_REVERT)
    split = chain.split(coin=True, wall=refusing)
    split.pay("200", sale_id="A").send()
    dues = split.due()
    preview = split.distribute().preview()
    assert preview.payouts == dues
    assert preview.returns == {"sent": sum(dues.values()) - dues["wall"], "credited": dues["wall"]}
    receipt = split.distribute().send()
    assert receipt.event(rs.chain.Credited).amount == dues["wall"]
    assert split.credit() == dict.fromkeys(split.payees, 0) | {"wall": dues["wall"]}
    statement = split.statement()
    assert statement["wall"].paid == 0
    assert statement["wall"].entitlement == statement["wall"].credit == dues["wall"]

    withdraw = split.withdraw_credit("wall")
    for attempt in (withdraw.preview, withdraw.send):
        with pytest.raises(rs.ContractError) as caught:
            attempt()
        assert caught.value.name == "PaymentFailed"
    with pytest.raises(rs.ContractError) as caught:
        split.redirect_credit(chain.accounts[5].address).preview()
    assert caught.value.name == "NothingDue"  # the payer has no credit
    with pytest.raises(rs.ContractError) as caught:
        split.by(None).redirect_credit(COIN).preview()
    assert caught.value.name == "InvalidRecipient"


def test_a_statement_is_of_one_block(chain: Chain) -> None:
    split = chain.split()
    split.pay("300", sale_id="A").send()
    early = split.statement()
    split.distribute().send()
    assert split.statement(block=early.block_number or 0) == early
    late = split.statement()
    assert isinstance(late, Statement)
    assert late.block_number == (early.block_number or 0) + 1
    assert (early.due, late.due) == (early.entitlements, dict.fromkeys(split.payees, 0))
    assert late.paid == early.entitlements
    assert late.credit == dict.fromkeys(split.payees, 0)
    assert [line.payee for line in late] == list(split.payees)
    for line in (*early, *late):
        assert line.entitlement == line.paid + line.credit + line.due
    with pytest.raises(rs.UnknownPayee):
        late["nobody"]
    with pytest.raises((rs.InvalidInput, rs.ProviderError)):
        split.statement(block=10**9)


# ---------------------------------------------------------------- what is refused before the chain is asked


@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        (1.5, rs.AmountTypeError),
        (True, rs.AmountTypeError),
        ("1.2345678", rs.AmountError),
        ("1e3", rs.AmountError),
        (Decimal("NaN"), rs.AmountError),
        (-1, rs.AmountError),
        ("-1", rs.AmountError),
        (2**256, rs.AmountError),
    ],
)
def test_amounts_that_are_not_exact_are_refused(tester: Chain, amount: Any, kind: type[Exception]) -> None:
    split = tester.split()
    with pytest.raises(kind):
        split.pay(amount, sale_id="A")
    with pytest.raises(kind):
        split.remit(amount, batch_id="A", root=bytes(32), count=1)


def test_ids_roots_and_counts_are_checked(tester: Chain) -> None:
    split = tester.split()
    for bad in ("", b"short", 7):
        with pytest.raises(rs.InvalidInput):
            split.pay(1, sale_id=bad)  # type: ignore[arg-type]
    for root, count in ((b"short", 1), ("0x" + "00" * 32, 1), (bytes(32), -1), (bytes(32), True)):
        with pytest.raises(rs.InvalidInput):
            split.remit(1, batch_id="A", root=root, count=count)  # type: ignore[arg-type]


def test_an_amount_of_nothing_is_the_contracts_to_refuse(chain: Chain) -> None:
    split = chain.split()
    with pytest.raises(rs.ContractError) as caught:
        split.pay(0, sale_id="A").send()
    assert caught.value.name == "NothingPaid"
    with pytest.raises(rs.ContractError) as caught:
        split.distribute(token=chain.place(SILENT)).send()
    assert caught.value.name == "NotAToken"
