"""Where the contracts keep what, as docs/contracts.md states it: read from the slots themselves."""

from __future__ import annotations

from typing import Any

import pytest
import solcx
from eth_abi.abi import encode
from eth_hash.auto import keccak

from revshare.chain.compile import find_compiler, standard_input
from revshare.merkle import MerkleTree
from tests.contract.amending import Amendable, controlled
from tests.contract.compiled import sources
from tests.contract.world import COIN, World, shares

pytestmark = pytest.mark.xdist_group("trust")


def at(world: World, contract: Any, slot: int | bytes) -> int:
    number = slot if isinstance(slot, int) else int.from_bytes(slot, "big")
    return int.from_bytes(world.w3.eth.get_storage_at(contract.address, number), "big")


def mapped(key: str | bytes | int, seed: int | bytes) -> bytes:
    """The slot of a mapping's value."""
    kind = "address" if isinstance(key, str) else "bytes32" if isinstance(key, bytes) else "uint256"
    tail = seed if isinstance(seed, bytes) else seed.to_bytes(32, "big")
    return keccak(encode([kind], [key]) + tail)


@pytest.fixture(scope="module")
def layouts() -> dict[str, list[tuple[str, int, int, str]]]:
    """By contract: what each variable is called, its slot, its place in it, and its type."""
    standard = standard_input(sources(), "src/**/*.sol")
    standard["settings"]["outputSelection"] = {"*": {"*": ["storageLayout"]}}
    with find_compiler() as compiler:
        made = solcx.compile_standard(standard, solc_binary=compiler.path)
    return {
        name: [
            (
                at["label"],
                int(at["slot"]),
                at["offset"],
                contract["storageLayout"]["types"][at["type"]]["label"],
            )
            for at in contract["storageLayout"]["storage"]
        ]
        for unit in made["contracts"].values()
        for name, contract in unit.items()
    }


@pytest.mark.parametrize(
    ("front", "office"), [("RevenueSplit", "BackOffice"), ("AmendableSplit", "AmendableBackOffice")]
)
def test_front_and_back_office_keep_everything_in_the_same_places(
    layouts: dict[str, list[tuple[str, int, int, str]]], front: str, office: str
) -> None:
    """They write one clone's storage in turn: what the front keeps must be where the office looks for it."""
    known = layouts[front]
    assert known
    assert layouts[office][: len(known)] == known
    slots = [(slot, offset) for _, slot, offset, _ in layouts[office]]
    assert sorted(set(slots)) == slots


def test_what_amendments_keep_stands_behind_what_every_split_keeps(
    layouts: dict[str, list[tuple[str, int, int, str]]],
) -> None:
    every = layouts["RevenueSplit"]
    assert layouts["AmendableSplit"][: len(every)] == every
    assert [(name, slot) for name, slot, _, _ in layouts["AmendableBackOffice"]] == [
        ("_books", 0),
        ("_accounts", 1),
        ("_sales", 2),
        ("_batches", 3),
        ("_settlementToken", 4),
        ("_epoch", 5),
        ("_commitments", 6),
        ("_standings", 7),
        ("_since", 8),
        ("_proposed", 9),
        ("_proposedTokens", 10),
        ("_readyAt", 11),
        ("_controller", 12),
        ("_successor", 13),
        ("_revoked", 14),
    ]


def test_the_factory_keeps_nothing(layouts: dict[str, list[tuple[str, int, int, str]]]) -> None:
    assert layouts["RevenueSplitFactory"] == []


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_keeps_a_word_for_each_token_and_one_for_each_payee_that_needs_it(
    world: World, kind: str
) -> None:
    token = world.token()
    asset = COIN if kind == "coin" else token.address
    bad, good = world.payee("Reverts"), world.fresh()
    split = world.split([bad.address, good], shares(1, 3), asset)
    if kind == "token":
        world.behave(token, "Blacklist", victim=bad.address)
    money = COIN if kind == "coin" else token
    split.fund(money, 4_000)
    world.send(split.distributing(asset))
    split.fund(money, 400)
    split.claim(good, asset)

    books = at(world, split, mapped(asset, 0))
    assert books >> 128 == 4_000  # distributed
    assert (books & (2**128 - 1)) >> 1 == 3_300  # paid out
    assert books & 1 == 1  # somebody claimed alone since
    for payee, mark, credit in ((bad.address, 0, 1_000), (good, 4_400, 0)):
        word = at(world, split, mapped(payee, mapped(asset, 1)))
        assert (word >> 128, word & (2**128 - 1)) == (mark, credit)
    assert at(world, split, 4) == int(asset, 16)  # noted once something is set aside, for it is asked then


def test_the_settlement_token_is_noted_when_anything_is_set_aside_and_not_before(world: World) -> None:
    token, bad = world.token(), world.payee()
    split = world.split([bad.address, world.fresh()], shares(1, 3), token.address)
    split.fund(COIN, 4_000)
    split.distribute()
    assert at(world, split, 4) == 0
    world.become(bad, "Reverts")
    split.fund(COIN, 4_000)
    split.distribute()
    assert at(world, split, 4) == int(token.address, 16)


def test_a_split_keeps_the_ids_of_each_payer(world: World) -> None:
    split = world.split([world.fresh()], shares(1))
    sale, batch = world.record(), world.record()
    world.send(split.functions.pay(sale, COIN, 1), value=1)
    world.send(split.functions.remit(batch, COIN, 1, b"\1" * 32, 1), value=1)
    for seed, used, other in ((2, sale, batch), (3, batch, sale)):
        inner = mapped(world.owner, seed)
        assert (at(world, split, mapped(used, inner)), at(world, split, mapped(other, inner))) == (1, 0)


def test_an_amendable_split_keeps_epochs_standings_and_what_was_set_aside_since(world: World) -> None:
    bad, chair = world.payee("Reverts"), world.accounts[2]
    split = Amendable.create(world, [bad.address, world.fresh()], shares(1, 3), controlled(chair))
    split.fund(COIN, 4_000)
    new = split.other(shares(1, 1))
    split.announce(new, chair)
    proposed = split.functions.proposal().call()
    assert [at(world, split, 9 + i) for i in range(3)] == [
        int.from_bytes(new.commitment, "big"),
        int.from_bytes(keccak(b""), "big"),
        proposed[1],
    ]
    split.wait_until(proposed[1])
    split.amend(new)
    assert [at(world, split, 9 + i) for i in range(3)] == [0, 0, 0]
    assert at(world, split, 5) == 1
    assert at(world, split, mapped(1, 6)) == int.from_bytes(new.commitment, "big")
    assert at(world, split, mapped(COIN, 7)) == 4_000 << 64 | 1
    assert at(world, split, mapped(bad.address, mapped(COIN, 8))) == 0  # of epoch 0, nothing is kept
    split.fund(COIN, 600)
    split.distribute()
    assert at(world, split, mapped(bad.address, mapped(COIN, 8))) == 300 << 64 | 1

    world.send(split.functions.proposeController(world.stranger), sender=chair)
    assert (at(world, split, 12), at(world, split, 13)) == (0, int(world.stranger, 16))
    world.send(split.functions.acceptControl(), sender=world.stranger)
    assert (at(world, split, 12), at(world, split, 13)) == (int(world.stranger, 16), 0)
    digest = b"\7" * 32
    world.send(split.functions.revokeConsent(digest))
    assert at(world, split, mapped(digest, mapped(world.owner, 14))) == 1


def test_a_book_keeps_its_promises_and_marks(world: World) -> None:
    book = world.deploy("PayoutBook", world.owner, 0)
    payee = world.fresh()
    leaf = book.functions.leafOf(payee, COIN, 70).call()
    tree = MerkleTree([bytes(leaf), b"\2" * 32])
    world.coin(book.address, 100)
    world.send(book.functions.publish(100, tree.root, COIN))
    world.send(book.functions.claim(payee, 70, tree.proof(0), COIN))
    assert at(world, book, 0) == int(world.owner, 16)
    promise = int.from_bytes(mapped(COIN, 2), "big")
    assert at(world, book, promise) == int.from_bytes(tree.root, "big")
    assert at(world, book, promise + 1) == 100 << 128 | 70
    assert at(world, book, mapped(payee, mapped(COIN, 4))) == 70

    late = world.deploy("PayoutBook", world.owner, 50)
    world.coin(late.address, 100)
    world.send(late.functions.publish(100, tree.root, COIN))
    _, _, active_at = late.functions.announced(COIN).call()
    announced = int.from_bytes(mapped(COIN, 3), "big")
    assert at(world, late, announced) == active_at << 128 | 100
    assert at(world, late, announced + 1) == int.from_bytes(tree.root, "big")


def test_an_escrow_keeps_a_sale_in_five_words_and_credits_in_one(world: World) -> None:
    escrow = world.deploy("SaleEscrow")
    split, token = world.fresh(), COIN
    bad = world.payee("Honest")
    seller, arbiter = world.accounts[:2]
    now = int(world.w3.eth.get_block("latest")["timestamp"])
    sale, deadline, decision = world.record(), now + 5_000, now + 9_000
    terms = (split, sale, token, 77, seller, arbiter, deadline, decision, True)
    opening = escrow.encode_abi("open", [terms])
    world.send(bad.functions.run(escrow.address, 77, opening), value=77)
    record = escrow.functions.recordIdOf(bad.address, sale).call()
    assert record == keccak(encode(["address", "bytes32"], [bad.address, sale]))
    first = int.from_bytes(mapped(record, mapped(split, 0)), "big")
    held, owed = 1, 3
    word = held << 248 | 1 << 240 | decision << 200 | deadline << 160 | int(bad.address, 16)
    assert [at(world, escrow, first + i) for i in range(5)] == [
        word,
        int(token, 16),
        int(seller, 16),
        int(arbiter, 16),
        77,
    ]
    confirm = escrow.encode_abi("confirm", [split, sale])
    world.send(bad.functions.run(escrow.address, 0, confirm))  # where there is no split yet
    assert at(world, escrow, first) >> 248 == owed
    assert at(world, escrow, first + 4) == 77 << 128 | 77
    world.become(bad, "Reverts")
    world.send(escrow.functions.refund(split, bad.address, sale), sender=seller)
    assert at(world, escrow, first) >> 248 == 4
    assert at(world, escrow, first + 4) == 77
    assert at(world, escrow, mapped(bad.address, mapped(token, 1))) == 77
