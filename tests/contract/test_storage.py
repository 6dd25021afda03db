"""Where the contracts keep what, as docs/contracts.md states it: read from the slots themselves."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from revshare.merkle import MerkleTree
from tests.contract.world import COIN, World, shares

pytestmark = pytest.mark.xdist_group("trust")

AMENDMENTS = 0xAEDCB7260062F360FF23C9670DBDB30AC34CC7EB3A93CA26076322AE85430A00


def at(world: World, contract: Any, slot: int | bytes) -> int:
    number = slot if isinstance(slot, int) else int.from_bytes(slot, "big")
    return int.from_bytes(world.w3.eth.get_storage_at(contract.address, number), "big")


def mapped(key: str | bytes | int, seed: int | bytes) -> bytes:
    """The slot of a mapping's value."""
    kind = "address" if isinstance(key, str) else "bytes32" if isinstance(key, bytes) else "uint256"
    tail = seed if isinstance(seed, bytes) else seed.to_bytes(32, "big")
    return keccak(encode([kind], [key]) + tail)


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

    books = at(world, split, int(asset, 16))
    assert books >> 128 == 4_000  # distributed
    assert (books & (2**128 - 1)) >> 1 == 3_300  # paid out
    assert books & 1 == 1  # somebody claimed alone since
    for payee, mark, credit in ((bad.address, 0, 1_000), (good, 4_400, 0)):
        word = at(world, split, keccak(bytes.fromhex(asset[2:]) + bytes.fromhex(payee[2:])))
        assert (word >> 128, word & (2**128 - 1)) == (mark, credit)


def test_a_split_keeps_the_ids_of_each_payer(world: World) -> None:
    split = world.split([world.fresh()], shares(1))
    sale, batch = world.salt(), world.salt()
    world.send(split.functions.pay(sale, COIN, 1), value=1)
    world.send(split.functions.remit(batch, COIN, 1, b"\1" * 32, 1), value=1)
    for seed, used, other in ((1, sale, batch), (2, batch, sale)):
        inner = mapped(world.owner, seed)
        assert (at(world, split, mapped(used, inner)), at(world, split, mapped(other, inner))) == (1, 0)


def test_what_amendments_keep_stands_in_a_namespace_of_their_own() -> None:
    inner = int.from_bytes(keccak(b"revshare.amendments"), "big") - 1
    assert int.from_bytes(keccak(inner.to_bytes(32, "big")), "big") & ~0xFF == AMENDMENTS


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
    sale, deadline, decision = world.salt(), now + 5_000, now + 9_000
    terms = (split, sale, token, 77, seller, arbiter, deadline, decision, True)
    opening = escrow.encode_abi("open", [terms])
    world.send(bad.functions.run(escrow.address, 77, opening), value=77)
    first = int.from_bytes(mapped(sale, mapped(split, 0)), "big")
    held = 1
    word = held << 248 | 1 << 240 | decision << 200 | deadline << 160 | int(bad.address, 16)
    assert [at(world, escrow, first + i) for i in range(5)] == [
        word,
        int(token, 16),
        int(seller, 16),
        int(arbiter, 16),
        77,
    ]
    world.become(bad, "Reverts")
    world.send(escrow.functions.refund(split, sale), sender=seller)
    assert at(world, escrow, first) >> 248 == 3
    assert at(world, escrow, mapped(bad.address, mapped(token, 1))) == 77
