"""Terms: only good ones make a split, and only a split's own move its money, which may be there first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_hash.auto import keccak

import revshare.chain.terms as library
from revshare import Schedule, Token
from revshare.schedule import TierTerms
from tests.contract.world import (
    COIN,
    GAS,
    MAX,
    ZERO,
    Refusal,
    Split,
    Terms,
    World,
    shares,
)
from tests.oracle import entitlements


def address(number: int) -> str:
    return f"0x{number:040x}"


def some(count: int, *, tiers: int = 1, first: int = 0x1000) -> Terms:
    """Good terms for `count` payees in a row."""
    ends: list[int | None] = [1_000 * (t + 1) for t in range(tiers - 1)]
    return Terms.of(
        [address(first + i) for i in range(count)],
        [(end, [1 + (i + t) % 7 for i in range(count)]) for t, end in enumerate([*ends, None])],
    )


def both(world: World, packed: bytes, name: str, *args: Any) -> None:
    """Create and predict refuse these terms, with the same words."""
    expected = Refusal(name, args)
    assert world.refusal(world.factory.functions.create(packed, 0)) == expected
    assert world.refusal(world.factory.functions.predict(packed, 0)) == expected


# ---------------------------------------------------------------------- what is no agreement


@pytest.mark.parametrize("length", [0, 1, 21, 22, 43])
def test_terms_cut_off_in_the_header(world: World, length: int) -> None:
    both(world, some(2).packed[:length], "TermsLength", length)


def test_terms_without_payees(world: World) -> None:
    both(world, some(1).header, "TermsLength", 44)
    both(world, some(1, tiers=8).header, "TermsLength", 22 * 9)


@pytest.mark.parametrize("payees", [1, 2, 5])
@pytest.mark.parametrize("tiers", [1, 3, 8])
@pytest.mark.parametrize("off", [-1, 1])
def test_entries_of_the_wrong_length(world: World, payees: int, tiers: int, off: int) -> None:
    good = some(payees, tiers=tiers)
    packed = good.packed[:off] if off < 0 else good.packed + b"\1"
    stride = 20 + 4 * tiers
    if payees == 1 and off < 0:
        both(world, packed, "TermsLength", len(packed))
    else:
        both(world, packed, "EntriesLength", payees * stride + off, stride)


@pytest.mark.parametrize("form", [1, 2, 128, 255])
def test_an_unknown_format(world: World, form: int) -> None:
    both(world, replace(some(2), form=form).packed, "UnknownFormat", form)


@pytest.mark.parametrize("count", [0, 9, 10, 255])
def test_too_many_tiers_or_none(world: World, count: int) -> None:
    good = some(400).packed
    both(world, good[:21] + bytes([count]) + good[22:], "TierCount", count)


@pytest.mark.parametrize("tiers", range(1, 9))
def test_up_to_eight_tiers_are_good(world: World, tiers: int) -> None:
    split = world.create(some(3, tiers=tiers))
    assert split.functions.verify(split.terms.packed).call()


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9, 17])
@pytest.mark.parametrize("where", ["first", "last"])
def test_payees_out_of_order(world: World, count: int, where: str) -> None:
    good = some(count + 1)
    at = 0 if where == "first" else count - 1
    payees = list(good.payees)
    payees[at], payees[at + 1] = payees[at + 1], payees[at]
    both(world, replace(good, payees=tuple(payees)).packed, "PayeeOutOfOrder", at + 1)


@pytest.mark.parametrize("at", [1, 3, 4, 5])
def test_a_payee_twice(world: World, at: int) -> None:
    good = some(6)
    payees = list(good.payees)
    payees[at] = payees[at - 1]
    both(world, replace(good, payees=tuple(payees)).packed, "PayeeOutOfOrder", at)


def test_the_zero_address(world: World) -> None:
    good = some(3)
    both(world, replace(good, payees=(COIN, *good.payees[1:])).packed, "PayeeOutOfOrder", 0)
    both(world, replace(good, payees=(good.payees[0], COIN, good.payees[2])).packed, "PayeeOutOfOrder", 1)


@pytest.mark.parametrize("tiers", [1, 2, 8])
@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_payee_without_weight(world: World, tiers: int, at: int) -> None:
    good = some(5, tiers=tiers)
    weights = [tuple(0 if i == at else w for i, w in enumerate(ws)) for _, ws in good.tiers]
    bad = replace(good, tiers=tuple((end, ws) for (end, _), ws in zip(good.tiers, weights, strict=True)))
    both(world, bad.packed, "PayeeWithoutWeight", at)


@pytest.mark.parametrize("tiers", [2, 8])
def test_weight_in_a_single_tier_is_enough(world: World, tiers: int) -> None:
    """The first payee shares in the first tier alone, the second in the last alone."""
    middle = [((t + 1) * 100, (1, 1)) for t in range(1, tiers - 1)]
    split = world.split([address(5), address(6)], [(100, (1, 0)), *middle, (None, (0, 2**32 - 1))])
    assert split.functions.verify(split.terms.packed).call()


@pytest.mark.parametrize("tiers", [1, 3, 8])
@pytest.mark.parametrize("off", [-1, 1, 2**40])
def test_a_tier_whose_total_is_wrong(world: World, tiers: int, off: int) -> None:
    good = some(5, tiers=tiers)
    for t in range(tiers):
        total = sum(good.tiers[t][1])
        at = 22 * (t + 1) + 16
        packed = good.packed[:at] + (total + off).to_bytes(6, "big") + good.packed[at + 6 :]
        both(world, packed, "TierTotal", t, total + off, total)


def test_a_tier_nobody_shares_in(world: World) -> None:
    """It would keep its money for ever."""
    terms = Terms.of([address(5), address(6)], [(100, (1, 1)), (200, (0, 0)), (None, (1, 1))])
    both(world, terms.packed, "TierTotal", 1, 0, 0)


@pytest.mark.parametrize(
    ("ends", "where"),
    [
        ((0, None), 0),
        ((5, 5, None), 1),
        ((5, 4, None), 1),
        ((5, 0, None), 1),
        ((MAX, None), 0),
        ((2**127, None), 0),
        ((2**128 - 1, None), 0),
        ((5,), 0),
        ((5, 6), 1),
        ((1, 2, 3, 4, 5, 6, 7, 8), 7),
    ],
)
def test_tiers_out_of_order(world: World, ends: tuple[int | None, ...], where: int) -> None:
    terms = Terms.of([address(5), address(6)], [(end, (1, 2)) for end in ends])
    both(world, terms.packed, "TierOutOfOrder", where)


def test_the_highest_end_of_a_tier(world: World) -> None:
    terms = Terms.of([address(5), address(6)], [(MAX - 1, (1, 2)), (None, (1, 1))])
    assert world.create(terms).functions.verify(terms.packed).call()


# ---------------------------------------------------------------------- creation


def test_creating_twice_is_refused_and_other_salts_make_other_splits(world: World) -> None:
    terms = Terms.of([world.fresh(), world.fresh()], shares(1, 2))
    split = world.create(terms, 0)
    create = world.factory.functions.create(terms.packed, 0)
    assert world.refusal(create) == Refusal("AlreadyExists", (split.address.lower(),))
    assert world.refusal(create, sender=world.stranger) == Refusal("AlreadyExists", (split.address.lower(),))
    other = world.create(terms, 2**64 - 1)
    assert other.address != split.address
    assert other.functions.commitment().call() == split.functions.commitment().call()


def test_creating_twice_changes_nothing(world: World) -> None:
    """Whoever is a moment late loses the gas sent along (EIP-684 takes 63/64 of it): one looks first."""
    split = world.create(Terms.of([world.fresh(), world.fresh()], shares(1, 2)), 0)
    split.fund(COIN, 300)
    split.distribute()
    before = split.check()
    late = world.attempt(world.factory.functions.create(split.terms.packed, 0), gas=1_000_000)
    assert late["status"] == 0
    assert split.check() == before


def test_too_little_gas_is_not_called_already_exists(world: World) -> None:
    terms = Terms.of([world.fresh(), world.fresh()], shares(1, 2))
    create = world.factory.functions.create(terms.packed, 0)
    used = world.send(world.factory.functions.create(terms.packed, world.salt()))["gasUsed"]
    names = set()
    for gas in range(used - 40_000, used, 499):
        try:
            create.call({"from": world.owner, "gas": gas})
        except Exception:  # noqa: BLE001
            names.add(world.refusal(create, gas=gas).name)
    assert "AlreadyExists" not in names


def test_creation_says_all_there_is_to_know(world: World) -> None:
    terms = Terms.of([world.fresh() for _ in range(6)], shares(1, 2, 3, 4, 5, 6))
    salt = world.salt()
    predicted = world.factory.functions.predict(terms.packed, salt).call()
    receipt = world.send(world.factory.functions.create(terms.packed, salt))
    assert world.logs(world.factory, receipt) == [
        (
            "SplitCreated",
            {"split": predicted, "commitment": terms.commitment, "salt": salt, "terms": terms.packed},
        )
    ]
    assert len(receipt["logs"]) == 1


@pytest.mark.parametrize("count", [1, 4, 5, 9, 13, 17, 33, 100])
@pytest.mark.parametrize("tiers", [1, 3])
def test_commitments_and_proofs_are_those_of_the_plain_statement_and_of_the_library(
    world: World, count: int, tiers: int
) -> None:
    terms = some(count, tiers=tiers)
    starts = [0, *(end for end, _ in terms.tiers if end)]
    schedule = Schedule(
        tuple(f"p{i}" for i in range(count)),
        terms.payees,
        tuple(TierTerms(s, end, tuple(w), sum(w)) for s, (end, w) in zip(starts, terms.tiers, strict=True)),
        Token(symbol="ETH", decimals=18),
    )
    packed = library.Terms(schedule)
    assert packed.encoded == terms.packed
    assert packed.commitment == terms.commitment
    split = world.create(terms)
    assert split.functions.commitment().call() == terms.commitment
    assert split.functions.verify(terms.packed).call()
    for i in {0, 4, count - 1} & set(range(count)):
        assert split.functions.proofOf(terms.payees[i], terms.packed).call() == terms.proof(i)
        assert packed.proof(f"p{i}") == terms.proof(i)


def test_an_address_can_be_paid_before_it_exists(world: World) -> None:
    token = world.token()
    a, b = world.fresh(), world.fresh()
    terms, salt = Terms.of([a, b], shares(1, 3), token.address), world.salt()
    address_ = world.factory.functions.predict(terms.packed, salt).call()
    world.coin(address_, 1_000)
    world.send(token.functions.mint(address_, 2_000))
    split = world.create(terms, salt)
    assert split.address == address_
    for asset, amount in ((COIN, 1_000), (token.address, 2_000)):
        assert split.statement(asset)[0] == amount
        assert split.distribute(asset) == (amount, 0)
        assert sorted(world.balances(asset, [a, b])) == sorted([split.lines(asset)[p].paid for p in (a, b)])
        split.check(asset)


def test_no_proof_is_cut_from_bad_terms(world: World) -> None:
    """Nor is anything read that is none of theirs: they are checked as at creation."""
    split, good = world.create(some(3)), some(6, tiers=2)
    payee = good.payees[5]
    assert split.functions.proofOf(payee, good.packed).call() == good.proof(5)  # in force or not
    swapped = replace(good, payees=(good.payees[1], good.payees[0], *good.payees[2:]))
    for packed, error in (
        (b"", Refusal("TermsLength", (0,))),
        (good.packed[:21], Refusal("TermsLength", (21,))),
        (good.header, Refusal("TermsLength", (66,))),
        (good.packed[:-1], Refusal("EntriesLength", (6 * 28 - 1, 28))),
        (good.packed + b"\0", Refusal("EntriesLength", (6 * 28 + 1, 28))),
        (replace(good, form=1).packed, Refusal("UnknownFormat", (1,))),
        (swapped.packed, Refusal("PayeeOutOfOrder", (1,))),
    ):
        assert world.refusal(split.functions.proofOf(payee, packed)) == error


# ---------------------------------------------------------------------- the clone and what is behind


def test_a_bare_transfer_fits_the_stipend(world: World) -> None:
    split = world.create(some(3))
    stipend = world.deploy("Stipend")
    world.send(stipend.functions.pay(split.address), value=77)
    assert split.statement()[0] == 77


def test_the_implementation_takes_no_money(world: World) -> None:
    token = world.token()
    implementation = world.at("IRevenueSplit", world.factory.functions.implementation().call())
    functions = implementation.functions
    assert world.refusal({"to": implementation.address}, value=1) == Refusal("")
    assert world.refusal({"to": implementation.address}) == Refusal("NotASplit")
    for call, value in (
        (functions.pay(ZERO, COIN, 1), 1),
        (functions.pay(ZERO, token.address, 1), 0),
        (functions.remit(ZERO, COIN, 1, ZERO, 1), 1),
    ):
        assert world.refusal(call, value=value) == Refusal("NotASplit")
        imitated = {"to": implementation.address, "data": call._encode_transaction_data() + "00" * 32}
        assert world.refusal(imitated, value=value) == Refusal("NotASplit")
    terms = some(3)
    assert world.refusal(functions.distribute(terms.packed, COIN)).name == "TermsMismatch"


@pytest.mark.parametrize("data", [b"\0", b"\1\2\3", b"\xde\xad\xbe\xef", b"\xde\xad\xbe\xef" * 9])
def test_calls_it_does_not_know_are_refused_with_and_without_coin(world: World, data: bytes) -> None:
    split = world.create(some(3))
    assert world.refusal({"to": split.address, "data": "0x" + data.hex()}) == Refusal("")
    assert world.refusal({"to": split.address, "data": "0x" + data.hex()}, value=1) == Refusal("")


@pytest.mark.parametrize(
    "name",
    [
        "distribute",
        "claim",
        "claimMany",
        "withdrawCredit",
        "withdrawCredits",
        "redirectCredit",
        "payWithPermit",
        "received",
    ],
)
def test_only_payments_take_coin(world: World, name: str) -> None:
    split = world.create(some(3))
    payee = split.terms.payees[0]
    arguments: dict[str, list[Any]] = {
        "distribute": [split.terms.packed, COIN],
        "claim": [payee, split.terms.proof(0), COIN],
        "claimMany": [[(payee, split.terms.proof(0), COIN)]],
        "withdrawCredit": [payee, COIN],
        "withdrawCredits": [[payee], COIN],
        "redirectCredit": [payee, COIN, 1],
        "payWithPermit": [ZERO, payee, 1, 2**60, 27, ZERO, ZERO],
        "received": [COIN],
    }
    call = {"to": split.address, "data": split.contract.encode_abi(name, arguments[name])}
    assert world.refusal(call, value=1) == Refusal("")


def test_an_argument_smuggled_behind_the_calldata_does_not_replace_the_commitment(world: World) -> None:
    """The clone puts its commitment behind what it was called with; others cannot put theirs there."""
    split, thief = world.create(some(3)), world.fresh()
    split.fund(COIN, 1_000)
    evil = Terms.of([thief], shares(1))
    for tail in (evil.commitment, evil.commitment * 2, evil.commitment + b"\0" * 32, evil.commitment[:31]):
        data = bytes.fromhex(split.contract.encode_abi("distribute", [evil.packed, COIN])[2:]) + tail
        assert world.refusal({"to": split.address, "data": "0x" + data.hex()}).name == "TermsMismatch"
        good = bytes.fromhex(split.contract.encode_abi("verify", [split.terms.packed])[2:]) + tail
        call = {"from": world.owner, "to": split.address, "data": "0x" + good.hex(), "gas": GAS}
        assert int(world.tester.call(call), 16) == 1


# ---------------------------------------------------------------------- foreign terms


def foreign(split: Split) -> dict[str, bytes]:
    """Terms of all sorts that are not the split's own."""
    terms = split.terms
    n = len(terms.payees)
    swapped = list(range(n))
    swapped[0], swapped[1] = 1, 0
    pages = terms.pages
    exchanged = [pages[1], pages[0], *pages[2:]] if len(pages) > 1 else [pages[0], pages[0]]

    def reordered(order: list[int]) -> bytes:
        return terms.header + b"".join(terms.entries[i] for i in order)

    return {
        "others' terms": some(n, first=0x9000).packed,
        "another token": replace(terms, token=address(0xABC)).packed,
        "other weights": terms.packed[:-1] + bytes([terms.packed[-1] ^ 1]),
        "one payee less": terms.packed[: -len(terms.entries[0])],
        "a byte less": terms.packed[:-1],
        "a byte more": terms.packed + b"\0",
        "a payee more": terms.packed + bytes.fromhex("ff" * 20) + bytes(4 * len(terms.tiers)),
        "the last twice": terms.packed + terms.entries[-1],
        "reordered within a page": reordered(swapped),
        "reversed": reordered([*range(n)][::-1]),
        "the first two pages exchanged": terms.header + b"".join(exchanged),
        "only the header": terms.header,
        "nothing": b"",
        "the tree's first inner node for a page": terms.header + terms.levels[-1][0],
    }


@pytest.mark.parametrize("count", [3, 8, 9, 12, 16])
def test_nothing_answers_to_foreign_terms(world: World, count: int) -> None:
    split = world.create(some(count))
    split.fund(COIN, 1_000)
    payee = split.terms.payees[0]
    functions = split.functions
    for what, packed in foreign(split).items():
        assert functions.verify(packed).call() is False, what
        for function in (
            functions.distribute(packed, COIN),
            functions.statement(packed, COIN),
            functions.entitlement(payee, packed, COIN),
            functions.due(payee, packed, COIN),
            functions.paid(payee, packed, COIN),
        ):
            found = world.refusal(function)
            assert (found.name, found.args[:1]) == ("TermsMismatch", (split.terms.commitment,)), what
    assert split.line(payee).paid == 0


# ---------------------------------------------------------------------- foreign proofs


def mismatch(world: World, split: Split, payee: str, proof: bytes) -> None:
    found = world.refusal(split.functions.claim(payee, proof, COIN))
    assert (found.name, found.args[0]) == ("TermsMismatch", split.terms.commitment)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9, 12, 16, 17])
def test_every_payee_can_claim_with_its_own_proof_and_with_no_other(world: World, count: int) -> None:
    split = world.create(some(count, first=0x55_0000 + 256 * count))
    split.fund(COIN, 1_000_000)
    terms = split.terms
    expected = entitlements(terms.tiers, 1_000_000)
    for i in {0, count // 2, count - 1}:
        for j in range(count):
            if j != i:
                mismatch(world, split, terms.payees[i], terms.proof(j))
        assert split.claim(terms.payees[i]) == expected[i]
    split.check()


@pytest.mark.parametrize("count", [3, 9])
def test_claims_refuse_proofs_that_were_tampered_with(world: World, count: int) -> None:
    split = world.create(some(count))
    split.fund(COIN, 1_000_000)
    terms, payee = split.terms, split.terms.payees[1]
    proof, at = terms.proof(1), 4 + len(terms.header)
    mismatch(world, split, world.fresh(), proof)
    mismatch(world, split, payee, proof + b"\0" * 32)
    mismatch(world, split, payee, proof + proof[-32:])
    mismatch(world, split, payee, proof + b"\0")
    mismatch(world, split, payee, b"")
    mismatch(world, split, payee, terms.header)
    mismatch(world, split, payee, proof[4:])
    mismatch(world, split, payee, proof[:at])
    mismatch(world, split, payee, proof[:-1])
    mismatch(world, split, payee, proof[:-32])
    mismatch(world, split, payee, terms.packed)
    mismatch(world, split, payee, b"\0" + proof[:-1])
    # Sides there are no siblings for: the only bits of a proof that mean nothing.
    unused = range(8 * (at + 1), 8 * (at + 3) - len(terms.path(1)))
    for bit in range(8 * len(proof)):
        if (bit % 19 == count % 19 or bit // 8 == at) and bit not in unused:
            broken = bytearray(proof)
            broken[bit // 8] ^= 0x80 >> bit % 8
            mismatch(world, split, payee, bytes(broken))


def test_an_inner_node_is_no_page(world: World) -> None:
    """Two children of a node, passed off as a page: a page is hashed behind a zero byte, and a pair behind
    a one."""
    split = world.create(some(16))
    split.fund(COIN, 1_000_000)
    terms = split.terms
    children = terms.levels[0][0] + terms.levels[0][1]
    assert (
        keccak(b"\1" + children) == terms.levels[1][0]
    )  # the node above is the one sibling a proof would need
    length = len(terms.packed).to_bytes(4, "big")
    for page in (children, children[1:], b"\0" + children, b"\1" + children):
        thief = world.w3.to_checksum_address("0x" + page[:20].hex())
        for place in [*range(16, 256, 16), *range(18, 26)]:
            proof = length + terms.header + bytes([place, 0, 0]) + page[20:] + terms.levels[1][1]
            mismatch(world, split, thief, proof)


def test_a_proof_of_another_split_is_refused(world: World) -> None:
    mine, other = world.create(some(5)), world.create(some(6))
    mine.fund(COIN, 1_000)
    payee = mine.terms.payees[2]
    mismatch(world, mine, payee, other.terms.proof(other.index(payee)))


def test_views_know_only_payees(world: World) -> None:
    split, who = world.create(some(5)), world.fresh()
    functions, packed = split.functions, split.terms.packed
    unknown = Refusal("UnknownPayee", (who.lower(),))
    for function in (
        functions.entitlement(who, packed, COIN),
        functions.due(who, packed, COIN),
        functions.paid(who, packed, COIN),
        functions.proofOf(who, packed),
    ):
        assert world.refusal(function) == unknown
    assert functions.credit(who, COIN).call() == 0
    assert functions.markOf(who, COIN).call() == 0
