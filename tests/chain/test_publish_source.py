"""Sources are published as explorers document it, and are those of the code at the address, to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.chain.conftest import Chain
from tests.chain.explorer import (
    GUID,
    TICKET,
    Asked,
    FakeExplorer,
    Says,
    etherscan,
    etherscan_is_asked,
    etherscan_takes,
    explorer,
    sourcify_error,
    sourcify_job,
    sourcify_takes,
)
from tests.nodes import Through, refusal
from web3 import Web3

import revshare as rs
from revshare import _commands_publish
from revshare.chain import (
    DemoToken,
    Devnet,
    PayoutBook,
    RevenueSplitFactory,
    SaleEscrow,
    artifacts,
    explorers,
)
from revshare.chain.abi import interface
from revshare.chain.clones import create_address, same_code
from revshare.chain.compile import SOLC_VERSION, Compilation, compile_input, find_compiler
from revshare.chain.node import Node, read_bytes
from revshare.cli import main
from revshare.errors import CompilerNotFound, RevShareError

KEY = "S3CRETKEY/with+signs&=%"

# Creates a contract of the code it is called with: somebody else's way to deploy.
DEPLOYS_ITS_CALLDATA = bytes.fromhex("600e80600b6000396000f3" + "365f5f37365f5ff05f5260205ff3")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made: no time passes in them, and the clock is theirs."""
    made: list[float] = []
    monkeypatch.setattr(explorers, "_sleep", made.append)
    monkeypatch.setattr(explorers, "_clock", lambda: sum(made))
    return made


@pytest.fixture(scope="module")
def tester() -> Chain:
    """A chain of these tests' own, on which nobody has sent much."""
    started = Devnet.start()
    return Chain(started.w3, started.accounts, "eth-tester")


@pytest.fixture(scope="module")
def places(tester: Chain) -> dict[str, str]:
    """One of each contract, by what people call it."""
    w3, me = tester.w3, tester.payer
    factory = RevenueSplitFactory.deploy(w3, me)
    amendable = tester.agreement().model_copy(
        update={"governance": rs.Governance.model_validate({"quorum": "100%"})}
    )
    return {
        "factory": factory.address,
        "implementation": factory.implementation(),
        "amendable implementation": factory.amendable_implementation(),
        "split": tester.split().address,
        "amendable split": rs.RevenueSplit.deploy(
            w3, amendable, token=tester.token().address, account=me
        ).address,
        "book": PayoutBook.deploy(w3, owner=tester.accounts[2].address, delay=77, account=me).address,
        "escrow": SaleEscrow.deploy(w3, account=me).address,
        "token": DemoToken.deploy(w3, "DEMO", 9, account=me).address,
    }


# ------------------------------------------------------------------------------------------ which it is

CONTRACTS = {
    "factory": "RevenueSplitFactory",
    "implementation": "RevenueSplit",
    "amendable implementation": "AmendableSplit",
    "split": "RevenueSplit",
    "amendable split": "AmendableSplit",
    "book": "PayoutBook",
    "escrow": "SaleEscrow",
    "token": "DemoToken",
}


@pytest.mark.parametrize("called", CONTRACTS)
def test_every_contract_is_recognised_by_its_code(tester: Chain, places: dict[str, str], called: str) -> None:
    source = rs.source_at(tester.w3, places[called])
    artifact = artifacts.load(CONTRACTS[called])
    assert source.contract == artifact.name
    assert source.identifier == f"{artifact.source}:{artifact.name}"
    assert source.compiler_version == f"v{artifact.compiler}"
    assert source.compiler_version.startswith(f"v{SOLC_VERSION}+commit.")
    assert source.standard_input == artifacts.shipped_input()
    assert source.chain_id == tester.w3.eth.chain_id
    assert source.asked == places[called]
    assert source.is_behind_a_clone == called.endswith("split")
    if called.endswith("split"):
        assert source.address == places[called.replace("split", "implementation")]


def test_arguments_are_those_the_contract_was_created_with(tester: Chain, places: dict[str, str]) -> None:
    encoded = interface("PayoutBook").encode_constructor(tester.accounts[2].address, 77)
    assert rs.source_at(tester.w3, places["book"]).constructor_arguments == encoded
    encoded = interface("DemoToken").encode_constructor("DEMO", "DEMO", 9)
    assert rs.source_at(tester.w3, places["token"]).constructor_arguments == encoded
    assert rs.source_at(tester.w3, places["escrow"]).constructor_arguments == b""
    for called in ("factory", "implementation", "amendable implementation", "book", "escrow", "token"):
        source = rs.source_at(tester.w3, places[called])
        mined = Node(tester.w3).mined(str(source.creation_transaction))
        assert mined is not None
        assert mined.status == 1
        assert source.unknown == ""


def test_a_factory_names_the_code_behind_its_splits(tester: Chain, places: dict[str, str]) -> None:
    assert rs.source_at(tester.w3, places["factory"]).others == {
        places["implementation"]: "RevenueSplit",
        places["amendable implementation"]: "AmendableSplit",
    }


def test_what_is_not_ours_is_refused(tester: Chain, places: dict[str, str]) -> None:
    nobody = tester.accounts[5].address
    with pytest.raises(rs.NotDeployed, match="there is no contract"):
        rs.source_at(tester.w3, nobody)
    stranger = tester.place(bytes.fromhex("600180600b6000396000f300"))
    with pytest.raises(rs.NotDeployed, match="is none of this version of revshare"):
        rs.source_at(tester.w3, stranger)
    clone = tester.place(minimal_clone(stranger))
    with pytest.raises(rs.NotDeployed, match=f"the code at {stranger}, behind {clone}, is none of this"):
        rs.source_at(tester.w3, clone)
    with pytest.raises(rs.InvalidInput, match="address"):
        rs.source_at(tester.w3, "0x12")


def minimal_clone(behind: str) -> bytes:
    """Code that deploys a clone by EIP-1167."""
    code = "363d3d373d3d3d363d73" + behind[2:].lower() + "5af43d82803e903d91602b57fd5bf3"
    return bytes.fromhex("3d602d80600a3d3981f3" + code)


def test_a_clone_as_others_make_them_is_seen_through(tester: Chain, places: dict[str, str]) -> None:
    clone = tester.place(minimal_clone(places["escrow"]))
    source = rs.source_at(tester.w3, clone)
    assert (source.contract, source.address, source.asked) == ("SaleEscrow", places["escrow"], clone)


# ------------------------------------------------------------------------------------------ how it was made


def deployed_by_another(tester: Chain, init: bytes) -> tuple[str, str]:
    """Deploy by a contract of somebody else's. Returns where, and in which transaction."""
    deployer = tester.place(DEPLOYS_ITS_CALLDATA)
    asked: Any = {"from": tester.payer.address, "to": deployer, "data": "0x" + init.hex(), "gas": 6_000_000}
    made = Web3.to_checksum_address("0x" + tester.w3.eth.call(asked).hex()[-40:])
    tx_hash = tester.w3.eth.send_transaction(asked)
    tester.w3.eth.wait_for_transaction_receipt(tx_hash)
    return made, "0x" + bytes(tx_hash).hex()


def test_what_no_transaction_shows_is_asked_for(tester: Chain) -> None:
    """A book that a stranger's contract created: its owner stands nowhere in the code."""
    arguments = interface("PayoutBook").encode_constructor(tester.accounts[3].address, 5)
    book, tx_hash = deployed_by_another(tester, artifacts.load("PayoutBook").bytecode + arguments)
    source = rs.source_at(tester.w3, book)
    assert (source.constructor_arguments, source.creation_transaction) == (None, None)
    assert f"another contract created {book}" in source.unknown
    with (
        explorer(etherscan_takes) as fake,
        pytest.raises(rs.InvalidInput, match="name the transaction that created it, or the arguments"),
    ):
        rs.publish_source(tester.w3, book, to="etherscan", url=fake.url)
    assert fake.asked == []

    for given in (arguments, "0x" + arguments.hex(), arguments.hex()):
        assert rs.source_at(tester.w3, book, constructor_arguments=given).constructor_arguments == arguments
    other_delay = interface("PayoutBook").encode_constructor(tester.accounts[3].address, 6)
    for wrong in (other_delay, b"", arguments[:40]):
        with pytest.raises(rs.InvalidInput, match="is not the code at"):
            rs.source_at(tester.w3, book, constructor_arguments=wrong)
    with pytest.raises(rs.InvalidInput, match="as hex digits"):
        rs.source_at(tester.w3, book, constructor_arguments="0xowner")
    with pytest.raises(rs.InvalidInput, match=f"did not create {book}"):
        rs.source_at(tester.w3, book, creation_transaction=tx_hash)  # its deployer did, which is not known


def test_arguments_that_are_not_those_are_refused(tester: Chain, places: dict[str, str]) -> None:
    wrong = interface("PayoutBook").encode_constructor(tester.accounts[3].address, 77)
    with pytest.raises(rs.InvalidInput, match=r"was created with the arguments 0x.*, not these"):
        rs.source_at(tester.w3, places["book"], constructor_arguments=wrong)


def test_a_node_without_history_is_told_the_transaction(tester: Chain, places: dict[str, str]) -> None:
    created = rs.source_at(tester.w3, places["book"])

    def forgets(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_getCode" and params[1] not in ("latest", hex(tester.w3.eth.block_number)):
            return refusal("missing trie node")
        return ask()

    pruned = Web3(Through(tester.w3.provider, forgets))
    source = rs.source_at(pruned, places["book"])
    assert source.constructor_arguments is None
    assert "does not show how" in source.unknown
    assert "missing trie node" in source.unknown
    found = rs.source_at(pruned, places["book"], creation_transaction=created.creation_transaction)
    assert found == created
    # What is in the code needs no history.
    assert rs.source_at(pruned, places["split"]).constructor_arguments is not None
    for wrong in ("0x" + "12" * 32, "0x12", "yesterday"):
        with pytest.raises(rs.InvalidInput, match="is not on this chain"):
            rs.source_at(pruned, places["book"], creation_transaction=wrong)


@pytest.fixture(scope="module")
def compiled() -> Compilation:
    """What the input compiles to that explorers are handed, here and now."""
    try:
        with find_compiler(download=False):
            pass
    except CompilerNotFound:
        pytest.skip("no compiler: `npm ci`")
    return compile_input(artifacts.shipped_input())


@pytest.mark.slow
@pytest.mark.parametrize("to", ["etherscan", "sourcify"])
@pytest.mark.parametrize("called", CONTRACTS)
def test_what_is_handed_in_compiles_to_the_code_at_the_address(
    tester: Chain, places: dict[str, str], compiled: Compilation, called: str, to: str, waits: list[float]
) -> None:
    """By what an explorer was sent, and nothing else: it compiles, creates, and compares."""
    takes, pending, done = sourcify_job("exact_match")
    answers = {
        "sourcify": (takes, pending, done),
        "etherscan": (etherscan_takes, etherscan_is_asked(etherscan("1", "Pass - Verified"))),
    }
    with explorer(*answers[to]) as fake:
        published = rs.publish_source(tester.w3, places[called], to=to, url=fake.url)
    assert published.status == "verified"
    first = fake.asked[0]
    if to == "etherscan":
        form = first.form
        standard, name, address = (
            json.loads(form["sourceCode"]),
            form["contractname"],
            form["contractaddress"],
        )
        arguments = bytes.fromhex(form["constructorArguments"])
        assert form["compilerversion"] == f"v{compiled.compiler.version}"
        assert first.query["chainid"] == str(tester.w3.eth.chain_id)
    else:
        standard, name = first.json["stdJsonInput"], first.json["contractIdentifier"]
        _, _, _, chain, address = first.path.split("/")
        arguments = creation_of(tester, first.json["creationTransactionHash"], name)
        assert first.json["compilerVersion"] == compiled.compiler.version
        assert chain == str(tester.w3.eth.chain_id)
    assert standard == compiled.standard_input
    path, _, contract = name.rpartition(":")
    made = compiled.artifacts[contract]
    assert made.source == path
    code = bytes(tester.w3.eth.get_code(Web3.to_checksum_address(address)))
    assert same_code(code, made)
    assert created(tester, made.bytecode + arguments, own=address) == code.hex()


def creation_of(tester: Chain, tx_hash: str, name: str) -> bytes:
    """The constructor's arguments, as Sourcify sees them: after the creation code, where that was sent.

    For what the factory's constructor created it would trace the transaction; here they are what we say.
    """
    sent = Node(tester.w3).transaction(tx_hash)
    assert sent is not None
    data = read_bytes(sent["data"])
    creation = artifacts.load(name.rpartition(":")[2]).bytecode
    start = data.find(creation)
    assert start in (0, 32) or len(data) > 30_000, "sent by itself, after a salt, or in the factory"
    if start in (0, 32):
        return data[start + len(creation) :]
    factory = RevenueSplitFactory.at(tester.w3)
    place = factory.implementation() if "Amendable" not in name else factory.amendable_implementation()
    return rs.source_at(tester.w3, place).constructor_arguments or b""


def created(tester: Chain, init: bytes, *, own: str) -> str:
    """The code that this creation code makes, as if it were at `own`: hex.

    It is tried elsewhere, so the addresses that it writes of itself, and of what it creates, are put right.
    """
    asked: Any = {"from": tester.payer.address, "data": "0x" + init.hex()}
    made = Node(tester.w3).call(asked).hex()
    there = create_address(tester.payer.address, tester.w3.eth.get_transaction_count(tester.payer.address))
    pairs = [(there, own)] + [(create_address(there, n), create_address(own, n)) for n in range(1, 9)]
    for tried, right in pairs:
        made = made.replace(tried[2:].lower(), right[2:].lower())
    return made


# ------------------------------------------------------------------------------------------ Etherscan


def hand_in(tester: Chain, places: dict[str, str], to: str, fake: FakeExplorer, **other: Any) -> Any:
    said: list[str] = []
    published = rs.publish_source(
        tester.w3, places["book"], to=to, url=fake.url, api_key=KEY, watch=said.append, **other
    )
    check_that_the_key_is_kept(fake, published, said)
    return published


def refused(
    tester: Chain, places: dict[str, str], to: str, fake: FakeExplorer, **other: Any
) -> RevShareError:
    said: list[str] = []
    with pytest.raises(RevShareError) as caught:
        rs.publish_source(
            tester.w3, places["book"], to=to, url=fake.url, api_key=KEY, watch=said.append, **other
        )
    error: BaseException | None = caught.value
    while error is not None:
        check_that_the_key_is_kept(fake, error, vars(error), said)
        error = error.__cause__
    return caught.value


def check_that_the_key_is_kept(fake: FakeExplorer, *shown: object) -> None:
    """It stands in no address and no header, which are logged, and in nothing that anybody is shown."""
    quoted = "S3CRETKEY"
    for asked in fake.asked:
        assert quoted not in asked.path
        assert quoted not in str(asked.headers)
        if asked.method == "POST" and b"module=contract" in asked.body:
            assert asked.form["apikey"] == KEY
        else:
            assert quoted.encode() not in asked.body, "Sourcify asks for none"
    for one in shown:
        assert quoted not in f"{one!s} {one!r}"


def test_etherscan_is_asked_until_it_knows(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    pending = etherscan_is_asked(etherscan("0", "Pending in queue"))
    passed = etherscan_is_asked(etherscan("1", "Pass - Verified"))
    said: list[str] = []
    with explorer(etherscan_takes, pending, pending, passed) as fake:
        published = rs.publish_source(
            tester.w3, places["book"], to="etherscan", url=fake.url, api_key=KEY, watch=said.append
        )
    assert (published.status, published.explorer, published.match) == ("verified", "etherscan", None)
    assert published.source == rs.source_at(tester.w3, places["book"])
    assert [asked.method for asked in fake.asked] == ["POST"] * 4
    assert waits == [3.0, 4.5, 6.75]
    assert GUID in said[1]
    assert "'Pending in queue'; asking again in 4 s" in said[2]
    check_that_the_key_is_kept(fake, published, said)


@pytest.mark.parametrize(
    "answers",
    [
        (etherscan("0", "Contract source code already verified"),),
        (etherscan("0", "Smart-contract already verified."),),  # Blockscout
        (etherscan_takes, etherscan("0", "Already Verified")),
    ],
)
def test_etherscan_had_it_already(
    tester: Chain, places: dict[str, str], waits: list[float], answers: Any
) -> None:
    with explorer(*answers) as fake:
        assert hand_in(tester, places, "etherscan", fake).status == "already verified"


@pytest.mark.parametrize(
    "answers",
    [
        (etherscan_takes, etherscan("0", "Fail - Unable to verify")),
        (
            etherscan(
                "0",
                "Invalid constructor arguments provided. Please verify that they are in ABI-encoded format",
            ),
        ),
    ],
)
def test_etherscan_refuses(tester: Chain, places: dict[str, str], waits: list[float], answers: Any) -> None:
    with explorer(*answers) as fake:
        error = refused(tester, places, "etherscan", fake)
    assert isinstance(error, rs.SourceRefused)
    assert error.address == places["book"]
    assert error.explorer == fake.url.removeprefix("http://")
    assert error.reason in str(error)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Invalid API Key", "does not take the API key"),
        (f"Invalid API Key {KEY}", r"Invalid API Key …"),  # and is not shown when it is repeated
        ("Missing/Invalid API Key", "or wants one"),
        ("Too many invalid api key attempts, please try again later", "does not take the API key"),
        (
            "Missing or unsupported chainid parameter (required for v2 api), please see …",
            "does not know chain",
        ),
    ],
)
def test_a_users_mistake_is_told_as_such(
    tester: Chain, places: dict[str, str], waits: list[float], said: str, words: str
) -> None:
    with explorer(etherscan("0", said)) as fake:
        error = refused(tester, places, "etherscan", fake)
    assert isinstance(error, rs.InvalidInput)
    assert words in str(error)


@pytest.mark.parametrize(
    "not_yet",
    [
        etherscan("0", "Max calls per sec rate limit reached (3/sec)"),
        etherscan("0", "Max rate limit reached, please use API Key for higher rate limit"),
        etherscan("0", "Unable to locate ContractCode at 0x12"),  # it has not seen the block yet
        etherscan("0", "The address is not a smart contract"),
        Says({"status": "0", "message": "NOTOK", "result": "Max rate limit reached"}, 429),
        Says(b"<html>too many requests</html>", 429, {"Retry-After": "17"}),
        Says(b"", 503),
    ],
)
def test_etherscan_asks_to_wait(
    tester: Chain, places: dict[str, str], waits: list[float], not_yet: Says
) -> None:
    passed = etherscan("1", "Pass - Verified")
    with explorer(not_yet, etherscan_takes, not_yet, passed) as fake:
        assert hand_in(tester, places, "etherscan", fake).status == "verified"
    assert len(waits) == 3
    assert all(1 <= wait <= 17 for wait in waits)
    assert ("Retry-After" in not_yet.headers) == (waits[0] == 17.0 == waits[2])


def test_a_server_that_repeats_the_key_is_not_quoted(
    tester: Chain, places: dict[str, str], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "S3CRETKEY"
    monkeypatch.setitem(globals(), "KEY", key)
    for answers in (
        [etherscan("1", key)],
        [etherscan("0", f"no {key}")],
        [etherscan_takes, etherscan("0", f"Pending in queue {key}")],
        [etherscan_takes, etherscan("0", f"Fail - {key}")],
        [Says({"message": key}, 500)],
    ):
        with explorer(*answers) as fake:
            refused(tester, places, "etherscan", fake)


def test_etherscan_takes_no_more_today(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    with explorer(etherscan("0", "Daily limit of 100 source code submissions reached")) as fake:
        error = refused(tester, places, "etherscan", fake)
    assert isinstance(error, rs.ExplorerError)
    assert len(fake.asked) == 1


def test_patience_ends(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    pending = etherscan_is_asked(etherscan("0", "Pending in queue"))
    with explorer(etherscan_takes, pending) as fake:
        error = refused(tester, places, "etherscan", fake, patience=60)
        assert isinstance(error, rs.ExplorerError)
        assert (error.ticket, error.reached) == (GUID, True)
        assert "no verdict within 60 seconds" in str(error)
        assert 30 < sum(waits) <= 60
        waits.clear()
        fake.answers[:] = [Says(b"", 429, {"Retry-After": "86400"})]
        assert isinstance(refused(tester, places, "etherscan", fake), rs.ExplorerError)
        assert waits == [], "nobody waits a day for an answer"


# ------------------------------------------------------------------------------------------ Sourcify


def test_sourcify_is_asked_until_it_knows(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    for match in ("exact_match", "match"):
        takes, pending, done = sourcify_job(match)
        with explorer(takes, pending, done) as fake:
            published = hand_in(tester, places, "sourcify", fake)
        assert (published.status, published.match, published.page) == ("verified", match, None)
        assert [asked.method for asked in fake.asked] == ["POST", "GET", "GET"]


def test_sourcify_had_it_already(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    said = "is already verified with runtimeMatch and creationMatch both being exact matches."
    with explorer(sourcify_error(409, "already_verified", said)) as fake:
        published = hand_in(tester, places, "sourcify", fake)
    assert (published.status, published.match) == ("already verified", "exact_match")
    takes, _, done = sourcify_job(None, {"customCode": "already_verified", "message": "no better match"})
    with explorer(takes, done) as fake:
        published = hand_in(tester, places, "sourcify", fake)
    assert (published.status, published.match) == ("already verified", None)


def test_sourcify_is_at_it_already(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    """Handed in twice at once: the second waits, and hears that it is verified."""
    busy = sourcify_error(429, "duplicate_verification_request", "is already being verified")
    with explorer(busy, busy, sourcify_error(409, "already_verified", "is already verified")) as fake:
        assert hand_in(tester, places, "sourcify", fake).status == "already verified"
    assert len(waits) == 2


@pytest.mark.parametrize("code", ["no_match", "compiler_error", "contract_not_deployed"])
def test_sourcify_refuses(tester: Chain, places: dict[str, str], waits: list[float], code: str) -> None:
    takes, _, done = sourcify_job(None, {"customCode": code, "message": f"Not so:\n {code}\x1b[31m"})
    with explorer(takes, done) as fake:
        error = refused(tester, places, "sourcify", fake)
    assert isinstance(error, rs.SourceRefused)
    assert error.reason == code
    assert str(error).endswith(f": Not so: {code} [31m"), "a line, and nothing that a terminal obeys"


def test_sourcify_does_not_take_the_request(
    tester: Chain, places: dict[str, str], waits: list[float]
) -> None:
    with explorer(sourcify_error(400, "unsupported_chain", "Chain 131277322940537 not found")) as fake:
        error = refused(tester, places, "sourcify", fake)
    assert isinstance(error, rs.InvalidInput)
    assert "does not know chain" in str(error)
    with explorer(sourcify_error(400, "invalid_parameter", "Invalid address")) as fake:
        error = refused(tester, places, "sourcify", fake)
    assert isinstance(error, rs.SourceRefused)
    assert error.reason == "invalid_parameter"


def test_a_verdict_on_another_contract_is_none(
    tester: Chain, places: dict[str, str], waits: list[float]
) -> None:
    def other(asked: Asked) -> Says:
        contract = {"match": "exact_match", "chainId": "1", "address": places["book"]}
        return Says({"isJobCompleted": True, "verificationId": TICKET, "contract": contract})

    with explorer(sourcify_takes, other) as fake:
        error = refused(tester, places, "sourcify", fake)
    assert isinstance(error, rs.ExplorerError)
    assert "a verdict on another contract" in str(error)


# ------------------------------------------------------------------------------------------ bad servers

GARBAGE: list[Says] = [
    Says(b""),
    Says(b"<html>Attention Required!</html>"),
    Says(b"\xff\xfe\x00"),
    Says(b"[" * 100_000),
    Says([]),
    Says("Pass - Verified"),
    Says(None),
    Says({}),
    Says({"status": "1", "message": "OK", "result": None}),
    Says({"status": "1", "message": "OK", "result": [{"SourceCode": ""}]}),
    Says({"status": "1", "message": "OK", "result": "../../v2/verify/1"}),
    Says({"status": 7, "message": "OK", "result": GUID}),
    Says({"verificationId": "../../../admin"}, 202),
    Says({"verificationId": None}, 202),
    Says({"isJobCompleted": True, "contract": [], "error": "no"}),
    Says(b"oh dear", 500),
    Says({"customCode": "internal_error", "message": "The server encountered an error."}, 500),
    Says(b"x" * (5 * 1024 * 1024)),
]


@pytest.mark.parametrize("to", ["etherscan", "sourcify"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_what_no_explorer_says_is_told_in_a_line(
    tester: Chain, places: dict[str, str], waits: list[float], to: str, garbage: Says
) -> None:
    taken = etherscan_takes if to == "etherscan" else sourcify_takes
    for answers in ([garbage], [taken, garbage]):
        with explorer(*answers) as fake:
            error = refused(tester, places, to, fake)
        assert isinstance(error, rs.ExplorerError)
        assert error.reached
        assert len(fake.asked) == len(answers), "nothing that it said was followed"
        assert len(str(error)) < 400
        assert "\n" not in str(error)


@pytest.mark.parametrize("to", ["etherscan", "sourcify"])
@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405])
def test_another_address_or_key_is_the_users_to_give(
    tester: Chain, places: dict[str, str], waits: list[float], to: str, status: int
) -> None:
    """And no redirection is followed: it would carry the key to somewhere nobody named."""
    with (
        explorer(etherscan("1", "Pass - Verified")) as elsewhere,
        explorer(Says(b"no", status, {"Location": elsewhere.url})) as fake,
    ):
        error = refused(tester, places, to, fake)
    assert isinstance(error, rs.InvalidInput)
    assert (len(fake.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("to", ["etherscan", "sourcify"])
def test_a_server_that_hangs_or_is_not_there_is_given_up(
    tester: Chain, places: dict[str, str], waits: list[float], to: str
) -> None:
    for says in (Says({}, hang=30), Says(b" " * 1000, drip=0.02)):
        with explorer(says) as fake:
            error = refused(tester, places, to, fake, timeout=0.2)
        assert isinstance(error, rs.ExplorerError)
        assert not error.reached
        assert "gives no answer" in str(error)
    assert isinstance(refused(tester, places, to, fake), rs.ExplorerError)  # it is closed by now


def test_a_gap_in_the_line_is_waited_out(tester: Chain, places: dict[str, str], waits: list[float]) -> None:
    """What was handed in is there: the verdict is asked for again."""
    passed = etherscan("1", "Pass - Verified")
    with explorer(etherscan_takes, Says({}, hang=30), passed) as fake:
        assert hand_in(tester, places, "etherscan", fake, timeout=0.2).status == "verified"
    assert len(fake.asked) == 3


@pytest.mark.parametrize(
    ("to", "options", "words"),
    [
        ("etherscan", {}, "wants an API key"),
        ("etherscan", {"api_key": KEY, "url": "http://explorer.example/api"}, "for all to read"),
        ("etherscan", {"url": "ftp://explorer.example"}, "https://host"),
        ("etherscan", {"url": "https://me:secret@explorer.example"}, "without a user's name"),
        ("sourcify", {"url": "https://explorer.example:port"}, "https://host"),
        ("blockscout", {}, "to etherscan or sourcify, not to 'blockscout'"),
    ],
)
def test_what_cannot_be_handed_in_is_said_before_anything_is_asked(
    to: str, options: dict[str, Any], words: str
) -> None:
    nobody: Any = None
    with pytest.raises(rs.InvalidInput, match=words) as caught:
        rs.publish_source(nobody, "0x", to=to, **options)
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_another_explorers_own_parameters_are_kept(
    tester: Chain, places: dict[str, str], waits: list[float]
) -> None:
    with explorer(etherscan("0", "Contract source code already verified")) as fake:
        rs.publish_source(tester.w3, places["book"], to="etherscan", url=f"{fake.url}/api/?net=7")
    assert fake.asked[0].path == f"/api?chainid={tester.w3.eth.chain_id}&net=7"


# ------------------------------------------------------------------------------------------ the command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["publish-source", *arguments, "--rpc-url", "http://127.0.0.1:8545"])
    captured = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    assert "Traceback" not in captured.err
    assert "S3CRETKEY" not in captured.out + captured.err
    return stop.value.code, captured.out, captured.err


@pytest.fixture
def here(tester: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write to; the command's node is the chain in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_commands_publish, "connect", lambda url: tester.w3)
    monkeypatch.delenv("REVSHARE_ETHERSCAN_KEY", raising=False)
    return tmp_path


def test_the_command_writes_the_file_to_upload(
    places: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, places["split"])
    assert (code, err) == (0, "")
    name = f"RevenueSplit-{places['implementation'][:10]}.json"
    assert json.loads((here / name).read_text(encoding="utf-8")) == artifacts.shipped_input()
    source = artifacts.load("RevenueSplit")
    assert f"{places['split']} is a clone" in out
    for told in (
        places["implementation"],
        name,
        f"{source.source}:RevenueSplit",
        f"v{source.compiler}",
        "MIT",
    ):
        assert told in out

    assert run(capsys, places["split"])[0] == 0, "the same again is the same"
    (here / name).write_text("{}", encoding="utf-8")
    code, out, err = run(capsys, places["split"])
    assert (code, out) == (2, "")
    assert "is there already, with something else" in err
    assert run(capsys, places["split"], "--out", "other.json")[0] == 0
    assert (here / "other.json").is_file()


def test_the_command_as_json(
    tester: Chain, places: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, places["book"], "--json", "--out", "book.json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    source = rs.source_at(tester.w3, places["book"])
    assert shown == {
        "status": "written",
        "explorer": None,
        "match": None,
        "page": None,
        "file": "book.json",
        "chain_id": tester.w3.eth.chain_id,
        "address": places["book"],
        "asked": places["book"],
        "contract": source.identifier,
        "compiler": source.compiler_version,
        "constructor_arguments": "0x" + (source.constructor_arguments or b"").hex(),
        "creation_transaction": source.creation_transaction,
        "unknown": "",
        "others": {},
    }


def test_the_command_publishes(
    places: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    takes, pending, done = sourcify_job("exact_match")
    with explorer(takes, pending, done) as fake:
        code, out, err = run(capsys, places["factory"], "--to", "sourcify", "--url", fake.url)
    assert code == 0
    assert "verified by sourcify: the sources are the very ones" in out
    assert f"still to be published separately: RevenueSplit at {places['implementation']}" in out
    assert "is compiling it" in err
    assert list(here.iterdir()) == []


def test_the_command_takes_the_key_from_the_environment(
    places: dict[str, str],
    here: Path,
    capsys: pytest.CaptureFixture[str],
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REVSHARE_ETHERSCAN_KEY", KEY)
    with explorer(etherscan_takes, etherscan("1", "Pass - Verified")) as fake:
        code, out, _ = run(capsys, places["book"], "--to", "etherscan", "--url", fake.url, "--json")
    assert code == 0
    assert json.loads(out)["status"] == "verified"
    assert fake.asked[0].form["apikey"] == KEY
    with pytest.raises(SystemExit):
        main(["publish-source", "--help"])
    assert "S3CRETKEY" not in capsys.readouterr().out


def test_the_commands_exit_code_says_whose_turn_it_is(
    places: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    """2: something about what was given; 1: the same again, later, may."""
    failed = (etherscan_takes, etherscan("0", "Fail - Unable to verify"))
    with explorer(*failed) as fake:
        code, _, err = run(capsys, places["book"], "--to", "etherscan", "--url", fake.url)
    assert code == 2
    assert "Fail - Unable to verify" in err
    with explorer(etherscan("0", "Daily limit of 100 source code submissions reached")) as fake:
        code, out, _ = run(capsys, places["book"], "--to", "etherscan", "--url", fake.url, "--json")
    assert code == 1
    assert json.loads(out)["error"]["kind"] == "ExplorerError"
    assert list(here.iterdir()) == []
    # Nobody is there any more: what was to be handed in is written.
    code, _, err = run(capsys, places["book"], "--to", "etherscan", "--url", fake.url)
    assert code == 1
    (written,) = here.iterdir()
    assert f"{written.name} is what to upload" in err
    code, _, err = run(capsys, places["book"], "--to", "etherscan")
    assert code == 2
    assert "wants an API key" in err
    code, _, err = run(capsys, places["book"], "--url", fake.url)
    assert code == 2
    assert "--to" in err
    assert run(capsys, "0x1234")[0] == 2
    assert run(capsys, places["book"], "--to", "github")[0] == 2


def test_on_a_node_over_http(
    anvil_chain: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    provider: Any = anvil_chain.w3.provider
    book = PayoutBook.deploy(anvil_chain.w3, delay=9, account=anvil_chain.payer)
    split = anvil_chain.split()
    for address, contract in ((book.address, "PayoutBook"), (split.address, "RevenueSplit")):
        with pytest.raises(SystemExit) as stop:
            main(["publish-source", address, "--rpc-url", provider.endpoint_uri, "--json"])
        assert stop.value.code in (0, None)
        shown = json.loads(capsys.readouterr().out)
        assert shown["contract"].endswith(f":{contract}")
        assert (tmp_path / shown["file"]).is_file()
        assert shown["creation_transaction"] is not None
        assert shown["constructor_arguments"] is not None
