"""What the factory makes, and what it says it made: so that a stranger can tell a split from what looks
like one."""

from __future__ import annotations

from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from tests.contract.amending import Amendable, agreed, controlled
from tests.contract.test_payees import delegate
from tests.contract.world import COIN, Refusal, Terms, World, shares

SALTS = [0, 1, 2**32, 2**64 - 1]
GOVERNANCE = agreed(6_000)


def terms(world: World) -> Terms:
    return Terms.of([world.fresh(), world.fresh()], shares(1, 2))


def code(world: World, address: str) -> bytes:
    return bytes(world.w3.eth.get_code(to_checksum_address(address)))


def runtime(world: World, words: list[bytes], salt: int) -> bytes:
    """The code of a clone, by lib/Clone.sol's table."""
    factory = world.factory.functions
    one = len(words) == 1
    implementation = (factory.implementation if one else factory.amendableImplementation)().call()
    made = bytes.fromhex("3660055700" + "5b365f5f37" + "7f") + words[0] + bytes.fromhex("3652")
    if not one:
        made += b"\x7f" + words[1] + bytes.fromhex("6020360152")
    made += bytes.fromhex("5f5f60" + ("20" if one else "40") + "36015f73")
    made += bytes.fromhex(implementation[2:]) + bytes.fromhex("5af4" + "3d5f5f3e" + "5f3d9160")
    made += bytes([len(made) + 3]) + bytes.fromhex("57fd" + "5bf3")
    return made + salt.to_bytes(8, "big")


def deploying(runtime_: bytes) -> bytes:
    """Init code that returns this."""
    return bytes([0x60, len(runtime_), 0x80, 0x60, 0x09, 0x5F, 0x39, 0x5F, 0xF3]) + runtime_


def by_hand(world: World, runtime_: bytes) -> str:
    """Put code somewhere, by a transaction of one's own."""
    receipt = world.send({"data": "0x" + deploying(runtime_).hex()})
    address = str(receipt["contractAddress"])
    assert code(world, address) == runtime_
    return address


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("kind", ["fixed", "amendable"])
def test_a_clones_code_is_what_the_table_says_and_its_address_follows_from_it(
    world: World, kind: str, salt: int
) -> None:
    agreed_ = terms(world)
    factory = world.factory.functions
    if kind == "fixed":
        split, words = world.create(agreed_, salt), [agreed_.commitment]
    else:
        world.send(factory.createAmendable(agreed_.packed, GOVERNANCE, salt))
        address = factory.predictAmendable(agreed_.packed, GOVERNANCE, salt).call()
        split, words = world.split_at(address, agreed_), [GOVERNANCE, agreed_.commitment]
    expected = runtime(world, words, salt)
    assert len(expected) == (96 if kind == "fixed" else 134)
    assert code(world, split.address) == expected
    seed = b"\xff" + bytes.fromhex(world.factory.address[2:]) + salt.to_bytes(32, "big")
    assert split.address == to_checksum_address(keccak(seed + keccak(deploying(expected)))[12:])
    assert factory.isSplit(split.address).call() is True
    assert split.functions.commitment().call() == agreed_.commitment


@pytest.mark.parametrize("salt", [2**64, 2**256 - 1])
def test_a_salt_has_eight_bytes(world: World, salt: int) -> None:
    good = world.factory.encode_abi("create", [terms(world).packed, 7])
    data = good.replace((7).to_bytes(32, "big").hex(), salt.to_bytes(32, "big").hex())
    assert world.refusal({"to": world.factory.address, "data": data}) == Refusal("")


@pytest.mark.parametrize("kind", ["fixed", "amendable"])
def test_other_salts_and_other_governances_are_other_splits(world: World, kind: str) -> None:
    agreed_ = terms(world)
    factory = world.factory.functions
    if kind == "fixed":
        found = [factory.predict(agreed_.packed, salt).call() for salt in SALTS]
    else:
        words = [agreed(6_000), agreed(6_001), controlled(world.owner), controlled(world.stranger)]
        found = [factory.predictAmendable(agreed_.packed, g, salt).call() for g in words for salt in SALTS]
    assert len(set(found)) == len(found)


def test_what_is_no_split_of_it_is_none(world: World) -> None:
    agreed_ = terms(world)
    factory = world.factory.functions
    implementations = [factory.implementation().call(), factory.amendableImplementation().call()]
    account = world.account()
    delegate(world, account, implementations[0])
    later = factory.predict(agreed_.packed, 5).call()
    for what, address in {
        "nobody": COIN,
        "nothing": world.fresh(),
        "an account": world.owner,
        "an account that delegates to the implementation": account.address,
        "the factory": world.factory.address,
        "the implementation": implementations[0],
        "the implementation of those that can be amended": implementations[1],
        "a token": world.token().address,
        "a precompiled contract": "0x" + "00" * 19 + "04",
        "a split that is not there yet": later,
    }.items():
        assert factory.isSplit(to_checksum_address(address)).call() is False, what
    world.create(agreed_, 5)
    assert factory.isSplit(later).call() is True


@pytest.mark.parametrize("kind", ["fixed", "amendable"])
def test_the_same_code_elsewhere_is_no_split(world: World, kind: str) -> None:
    """Byte for byte a split, made by somebody else: nobody has checked its terms. Its own code says at
    which address it
    would be a split, and that is not where it stands."""
    agreed_, salt = terms(world), world.salt()
    words = [agreed_.commitment] if kind == "fixed" else [GOVERNANCE, agreed_.commitment]
    there = runtime(world, words, salt)
    copy = by_hand(world, there)
    assert world.factory.functions.isSplit(copy).call() is False
    assert (
        world.split_at(copy, agreed_).functions.verify(agreed_.packed).call()
    )  # and yet it behaves like one
    factory = world.factory.functions
    if kind == "fixed":
        world.send(factory.create(agreed_.packed, salt))
        original = factory.predict(agreed_.packed, salt).call()
    else:
        world.send(factory.createAmendable(agreed_.packed, GOVERNANCE, salt))
        original = factory.predictAmendable(agreed_.packed, GOVERNANCE, salt).call()
    assert code(world, original) == there
    assert (factory.isSplit(original).call(), factory.isSplit(copy).call()) == (True, False)


def test_a_split_of_another_factory_is_none_of_this_one(world: World) -> None:
    other, agreed_ = world.deploy("RevenueSplitFactory"), terms(world)
    for factory, stranger in ((world.factory, other), (other, world.factory)):
        salt = world.salt()
        world.send(factory.functions.create(agreed_.packed, salt))
        world.send(factory.functions.createAmendable(agreed_.packed, GOVERNANCE, salt))
        for split in (
            factory.functions.predict(agreed_.packed, salt).call(),
            factory.functions.predictAmendable(agreed_.packed, GOVERNANCE, salt).call(),
        ):
            assert factory.functions.isSplit(split).call() is True
            assert stranger.functions.isSplit(split).call() is False


@pytest.mark.parametrize("kind", ["fixed", "amendable"])
def test_code_that_is_nearly_a_clones_is_none(world: World, kind: str) -> None:
    """Of the right length, with something else in one place; and the right code with too little, or more
    behind it."""
    agreed_ = terms(world)
    words = [agreed_.commitment] if kind == "fixed" else [GOVERNANCE, agreed_.commitment]
    there = runtime(world, words, 3)
    odd: dict[str, Any] = {
        "a byte less": there[:-1],
        "a byte more": there + b"\0",
        "nothing but zeros": bytes(len(there)),
    }
    for at in (0, 11, 40, len(there) - 40, len(there) - 9, len(there) - 1):
        odd[f"byte {at}"] = there[:at] + bytes([there[at] ^ 1]) + there[at + 1 :]
    for what, code_ in odd.items():
        assert world.factory.functions.isSplit(by_hand(world, code_)).call() is False, what


def test_what_a_split_is_asked_and_answers_by_interface(world: World) -> None:
    """ERC-165, of both kinds."""
    fixed = world.create(terms(world))
    amendable = Amendable.create(world, [world.fresh()], shares(1), GOVERNANCE)
    ids = {
        name: interface(world, name)
        for name in ("IRevenueSplitPayments", "IRevenueSplitPayouts", "IRevenueSplitOffice", "IAmendments")
    }
    ids["ERC-165"] = bytes.fromhex("01ffc9a7")
    for name, id_ in ids.items():
        assert amendable.functions.supportsInterface(id_).call() is True, name
        assert fixed.functions.supportsInterface(id_).call() is (name != "IAmendments"), name
    for split in (fixed, amendable):
        for unknown in (b"\xff" * 4, bytes(4), b"\x80\xac\x58\xcd"):
            assert split.functions.supportsInterface(unknown).call() is False


def interface(world: World, name: str) -> bytes:
    """The interface's id: all its selectors, each from the other's bits."""
    found = 0
    inherited = {entry["name"] for entry in world.compiled["IRevenueSplitEvents"]["abi"]}
    for entry in world.compiled[name]["abi"]:
        if entry["type"] == "function" and entry["name"] not in inherited:
            types = ",".join(abi_type(i) for i in entry["inputs"])
            found ^= int.from_bytes(keccak(f"{entry['name']}({types})".encode())[:4], "big")
    return found.to_bytes(4, "big")


def abi_type(of: dict[str, Any]) -> str:
    kind: str = of["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(abi_type(part) for part in of['components'])})" + kind.removeprefix("tuple")
