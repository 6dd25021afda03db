"""What is taken for a split or a factory: what stands where nobody else could have put it.

Whoever creates a contract writes what it holds by its init code, whatever code it leaves: so strangers here
make the very code of splits and factories, with storage, addresses and logs of their own.
"""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from tests.chain.amending import UNIT, Stage, agreement, person, signed

import revshare as rs
from revshare.chain import COIN, Terms
from revshare.chain.abi import interface, word
from revshare.chain.artifacts import Artifact, load
from revshare.chain.clones import Clone, create_address, words_within
from revshare.chain.nesting import refuse_circles
from revshare.chain.node import Node

KINDS = pytest.mark.parametrize("governance", [None, {"quorum": "100%"}], ids=["plain", "amendable"])


@pytest.fixture(scope="module")
def stage(mocks: dict[str, Artifact]) -> Stage:
    return Stage(mocks)


@pytest.fixture(scope="module")
def other(stage: Stage) -> rs.RevenueSplitFactory:
    """A factory of one's own, that is not at the address of every chain."""
    return rs.RevenueSplitFactory.at(stage.w3, stage.create(load("RevenueSplitFactory").bytecode))


def made(
    stage: Stage, payees: dict[str, str] | None = None, factory: rs.RevenueSplitFactory | None = None
) -> rs.RevenueSplit:
    """A split that is never amended, shared equally, in a token of 6 decimals."""
    given = payees or {"ann": person().address}
    deal = agreement(given, dict.fromkeys(given, 1))
    return rs.RevenueSplit.deploy(
        stage.w3, deal, token=stage.gbp.address, account=stage.payer, factory=factory
    )


def code_at(stage: Stage, address: str) -> bytes:
    return bytes(stage.w3.eth.get_code(stage.w3.to_checksum_address(address)))


# ---------------------------------------------------------------- init code


def push(data: bytes) -> bytes:
    return bytes([0x5F + len(data)]) + data


def leaving(code: bytes, before: bytes = b"") -> bytes:
    """Init code that runs `before`, then leaves `code`."""
    size = len(code).to_bytes(2, "big")
    rest = push(size) + push((len(before) + 13).to_bytes(2, "big")) + b"\x5f\x39" + push(size) + b"\x5f\xf3"
    return before + rest + code


def storing(slot: bytes, value: int) -> bytes:
    return push(value.to_bytes(32, "big")) + push(slot) + b"\x55"


def creating(code: bytes) -> bytes:
    """Code that creates a contract of this code, of at most 55 bytes."""
    init = bytes([0x60, len(code), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xF3]) + code
    first, second = init.ljust(64, b"\0")[:32], init.ljust(64, b"\0")[32:]
    kept = push(first) + b"\x5f\x52" + push(second) + b"\x60\x20\x52"
    return kept + push(bytes([len(init)])) + b"\x5f\x5f\xf0\x50"


def logging(topics: list[bytes], data: bytes, to: str, call: bytes) -> bytes:
    """Init code that logs, then calls `to`, and leaves nothing."""

    def copied(length: int, at: int) -> bytes:
        return b"\x61" + length.to_bytes(2, "big") + b"\x61" + at.to_bytes(2, "big") + b"\x5f\x39"

    def before(at: int) -> bytes:
        logged = copied(len(data), at) + b"".join(map(push, reversed(topics)))
        logged += b"\x61" + len(data).to_bytes(2, "big") + b"\x5f" + bytes([0xA0 + len(topics)])
        called = copied(len(call), at + len(data)) + b"\x5f\x5f\x61" + len(call).to_bytes(2, "big")
        return logged + called + b"\x5f\x5f" + push(bytes.fromhex(to[2:])) + b"\x5a\xf1\x00"

    return before(len(before(0))) + data + call


def next_address(stage: Stage) -> str:
    """Where the payer's next contract will be."""
    nonce = stage.w3.eth.get_transaction_count(stage.payer.address)
    packed = bytes.fromhex(stage.payer.address[2:])
    number = bytes([nonce]) if nonce < 128 else b"\x81" + bytes([nonce])
    body = b"\x94" + packed + number
    return str(stage.w3.to_checksum_address(keccak(bytes([0xC0 + len(body)]) + body)[12:]))


# ---------------------------------------------------------------- splits


@KINDS
def test_a_splits_very_code_put_there_by_a_stranger_is_not_trusted(
    stage: Stage, governance: dict[str, str] | None
) -> None:
    """It was created with a credit of the stranger's, which would take what others pay in."""
    deal = agreement({"ann": person().address}, {"ann": 1}, governance=governance, coin=True)
    genuine = rs.RevenueSplit.deploy(stage.w3, deal, account=stage.payer)
    credit = keccak(word(stage.other.address) + keccak(word(COIN) + (1).to_bytes(32, "big")))
    code = code_at(stage, genuine.address)
    address = stage.create(leaving(code, storing(credit, 10**18)))
    assert code_at(stage, address) == code
    for known in (deal, genuine.terms, None):
        with pytest.raises(rs.NotDeployed, match="did not make it"):
            rs.RevenueSplit.at(stage.w3, address, agreement=known)


@KINDS
def test_a_split_of_another_factory_is_opened_by_naming_that(
    stage: Stage, other: rs.RevenueSplitFactory, governance: dict[str, str] | None
) -> None:
    deal = agreement({"ann": person().address}, {"ann": 1}, governance=governance, coin=True)
    split = rs.RevenueSplit.deploy(stage.w3, deal, account=stage.payer, factory=other)
    assert split.factory == other.address
    with pytest.raises(rs.NotDeployed, match="pass factory="):
        rs.RevenueSplit.at(stage.w3, split.address, agreement=deal)
    for factory in (other, other.address, other.address.lower()):
        found = rs.RevenueSplit.at(stage.w3, split.address, factory=factory)
        assert (found.terms.commitment, found.factory) == (split.terms.commitment, other.address)
        assert found.by(stage.payer).factory == other.address
    if isinstance(found, rs.AmendableSplit):
        assert found.refresh().factory == other.address

    usual = rs.RevenueSplit.deploy(stage.w3, deal, account=stage.payer, salt=1)
    assert usual.factory is None
    default = rs.RevenueSplitFactory.default_address()
    assert rs.RevenueSplit.at(stage.w3, usual.address, factory=default).factory is None
    with pytest.raises(rs.NotDeployed, match="did not make it"):
        rs.RevenueSplit.at(stage.w3, usual.address, factory=other)


def test_splits_of_other_factories_are_followed_and_trusted_as_far_as_is_right(
    stage: Stage, other: rs.RevenueSplitFactory
) -> None:
    """Whom they pay is read whoever made them; to be distributed along, they must be of a factory known."""
    usual, theirs = made(stage), made(stage, factory=other)
    copy = stage.create(leaving(code_at(stage, made(stage).address)))
    payees = {"usual": usual.address, "theirs": theirs.address, "copy": copy}
    assert [each.address for each in made(stage, payees).nested()] == [usual.address]
    outer = made(stage, payees, other)
    assert [(each.address, each.factory) for each in outer.nested()] == [
        (usual.address, None),
        (theirs.address, other.address),
    ]
    with pytest.raises(rs.CircularSplits):
        refuse_circles(Node(stage.w3), theirs.schedule.addresses[0], [outer.address])


def test_code_whose_two_addresses_have_changed_places_is_not_trusted(stage: Stage) -> None:
    """It takes its back office for itself, and itself for its back office."""
    genuine = rs.RevenueSplitFactory.at(stage.w3).implementation()
    office = create_address(rs.RevenueSplitFactory.default_address(), 1)
    mine, code = next_address(stage), code_at(stage, genuine)
    was = {bytes.fromhex(genuine[2:]): office, bytes.fromhex(office[2:]): mine}
    changed = bytearray(code)
    for places in load("RevenueSplit").immutable_references.values():
        for place in places:
            at = slice(place["start"] + 12, place["start"] + 32)
            changed[at] = bytes.fromhex(was[code[at]][2:])
    assert stage.create(leaving(bytes(changed))) == mine
    address = stage.create(leaving(Clone(mine, made(stage).terms.commitment).code))
    with pytest.raises(rs.NotDeployed, match="not a RevenueSplit of this version"):
        rs.RevenueSplit.at(stage.w3, address)


# ---------------------------------------------------------------- factories


@pytest.mark.parametrize("own", [True, False], ids=["of its own", "of the genuine one"])
def test_a_factory_with_a_strangers_contracts_behind_it_is_none(stage: Stage, own: bool) -> None:
    """To the byte it is ours but for what its constructor writes: what its splits run on is a thief's."""
    genuine = rs.RevenueSplitFactory.at(stage.w3)
    mine, code = next_address(stage), code_at(stage, genuine.address)
    artifact = load("RevenueSplitFactory")
    assert len(words_within(code, artifact)) == 2
    changed = bytearray(code)
    for places in artifact.immutable_references.values():
        for place in places:
            at = slice(place["start"] + 12, place["start"] + 32)
            nonce = 2 if code[at] == bytes.fromhex(genuine.implementation()[2:]) else 4
            if own:
                changed[at] = bytes.fromhex(create_address(mine, nonce)[2:])
    assert stage.create(leaving(bytes(changed), creating(b"\x60\x01\xff") * 4)) == mine
    assert code_at(stage, create_address(mine, 2)) == b"\x60\x01\xff"
    deal = agreement({"ann": person().address}, {"ann": 1}, coin=True)
    for ask in (
        lambda: rs.RevenueSplitFactory.at(stage.w3, mine),
        lambda: rs.RevenueSplit.predict_address(stage.w3, deal, factory=mine),
        lambda: rs.RevenueSplit.deploy(stage.w3, deal, account=stage.payer, factory=mine),
    ):
        with pytest.raises(rs.NotDeployed, match="not this version's factory"):
            ask()


def test_a_factory_that_checks_no_terms_is_none(stage: Stage) -> None:
    """What stands behind its split is genuine, and so is the split; what created them has no code at all."""
    mine, terms = next_address(stage), Terms(agreement({"ann": person().address}, {"ann": 1}).schedule())
    office, clone = create_address(mine, 1), Clone(create_address(mine, 2), terms.commitment)
    parts = (
        (load("BackOffice").bytecode, b"\x5f\x5f\xf0"),
        (load("RevenueSplit").bytecode + word(office), b"\x5f\x5f\xf0"),
        (bytes.fromhex("60608060095f395ff3") + clone.code, b"\x5f\x5f\xf5"),
    )
    at, code = 15 * len(parts) + 2, b""
    for part, create in parts:
        size = len(part).to_bytes(2, "big")
        code += b"\x61" + size + b"\x61" + at.to_bytes(2, "big") + b"\x5f\x39"
        code += (b"\x5f" if create[-1] == 0xF5 else b"") + b"\x61" + size + create + b"\x50"
        at += len(part)
    program = code + b"\x00"
    assert (
        stage.create(program.ljust(15 * len(parts) + 2, b"\0") + b"".join(part for part, _ in parts)) == mine
    )
    split = clone.address(mine)
    assert code_at(stage, split) == clone.code
    with pytest.raises(rs.NotDeployed, match="there is no factory"):
        rs.RevenueSplit.at(
            stage.w3, split, agreement=terms, factory=rs.RevenueSplitFactory(Node(stage.w3), mine)
        )


# ---------------------------------------------------------------- terms in the log


def created_behind_a_log(stage: Stage, deal: rs.Agreement, logged: bytes, salt: int) -> str:
    """A split that a stranger created in one transaction with a `SplitCreated` of his own before it."""
    factory = rs.RevenueSplitFactory.at(stage.w3)
    terms = Terms(deal.schedule(), COIN)
    address = factory.predict(terms, salt, deal.governance)
    made_ = interface("RevenueSplitFactory")
    topics = [bytes.fromhex(made_.topic("SplitCreated")[2:]), word(address), terms.commitment]
    call = factory.create(terms, salt, deal.governance).calldata
    stage.create(logging(topics, encode(["uint64", "bytes"], [0, logged]), factory.address, call))
    assert factory.is_split(address)
    return address


@KINDS
@pytest.mark.parametrize("what", ["other terms", "garbage", "nothing"])
def test_terms_are_read_behind_what_anybody_logged_before(
    stage: Stage, governance: dict[str, str] | None, what: str
) -> None:
    deal = agreement({"ann": person().address}, {"ann": 1}, governance=governance, coin=True)
    others = Terms(agreement({"bob": person().address}, {"bob": 1}, coin=True).schedule())
    logged = {"other terms": others.encoded, "garbage": b"\1" * 50, "nothing": b""}[what]
    address = created_behind_a_log(stage, deal, logged, 9)
    split = rs.RevenueSplit.at(stage.w3, address)
    assert split.terms.encoded == Terms(deal.schedule()).encoded
    outer = made(stage, {"inner": address})
    assert [each.address for each in outer.nested()] == [address]


def test_the_accounts_of_an_amended_split_are_read_behind_it_too(stage: Stage) -> None:
    ann, bob = person(), person()
    payees = {"ann": ann.address, "bob": bob.address}
    deal = agreement(payees, {"ann": 1, "bob": 1}, governance={"quorum": "100%"}, coin=True)
    address = created_behind_a_log(stage, deal, b"\1" * 50, 10)
    split = rs.RevenueSplit.at(stage.w3, address, agreement=deal, account=stage.payer)
    assert isinstance(split, rs.AmendableSplit)
    new = deal.model_copy(update={"tiers": (rs.Tier(shares={"ann": 3, "bob": 1}),)})
    split.amend(signed(split.propose(new), (ann, bob))).send()
    later = rs.RevenueSplit.at(stage.w3, address, agreement=new)
    assert later.statement().revenue == 0


def test_a_payee_whose_token_tells_nothing_is_passed_over(stage: Stage) -> None:
    """A genuine split, settled in a contract without decimals: it holds up nobody, and closes no circle."""
    factory = rs.RevenueSplitFactory.at(stage.w3, account=stage.payer)
    top = made(stage)
    inner = Terms(agreement({"top": top.address}, {"top": 1}, coin=True).schedule(), factory.address)
    address = factory.predict(inner)
    controlled = {"controller": stage.payer.address, "notice": 60}
    payees = {"ann": person().address, "inner": address}
    split = stage.deploy(agreement(payees, {"ann": 1, "inner": 1}, governance=controlled))
    factory.create(inner).send()
    assert factory.is_split(address)
    stage.fund(split, 10 * UNIT)
    assert split.nested() == ()
    split.propose(agreement(payees, {"ann": 2, "inner": 1}, governance=controlled))
    with pytest.raises(rs.CircularSplits):
        refuse_circles(Node(stage.w3), top.address, [address])
