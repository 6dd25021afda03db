"""Payout trees: the root follows from the amounts alone, and nobody's cumulative amount falls unnoticed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

import revshare as rs
from revshare import merkle
from revshare._fields import checksum_address

BOOK = "0x" + "b0" * 20
TOKEN = "0x" + "70" * 20
COIN = "0x" + "00" * 20


def payee(number: int) -> str:
    return checksum_address("0x" + keccak(b"%d" % number)[12:].hex())


def tree(amounts: dict[str, int], **other: object) -> rs.PayoutTree:
    return rs.PayoutTree(amounts, **({"chain_id": 1, "book": BOOK, "token": TOKEN} | other))  # type: ignore[arg-type]


PAYEES = [payee(number) for number in range(40)]
amounts_ = st.dictionaries(st.sampled_from(PAYEES), st.integers(0, 2**120), min_size=1)


@given(amounts_, st.randoms(use_true_random=False))
def test_every_payee_is_proven_by_the_contracts_own_rule(amounts: dict[str, int], rng: object) -> None:
    made = tree(amounts)
    items = list(amounts.items())
    rng.shuffle(items)  # type: ignore[attr-defined]
    assert made == tree(dict(items)) == rs.PayoutTree(iter(items), chain_id=1, book=BOOK, token=TOKEN)
    assert hash(made) == hash(tree(dict(items)))
    assert dict(made) == amounts
    assert list(made) == sorted(amounts, key=str.lower)
    assert made.total == sum(amounts.values())
    assert len(made) == len(amounts)
    for owner, units in amounts.items():
        kinds = ["uint256", "address", "address", "address", "uint256"]
        leaf = keccak(keccak(encode(kinds, [1, BOOK, TOKEN, owner, units])))
        assert made.leaf(owner, units) == leaf
        assert merkle.verify(made.root, leaf, made.proof(owner))
        assert made.verify(owner, units, made.proof(owner))
        assert not made.verify(owner, units + 1, made.proof(owner))


def test_a_tree_is_bound_to_chain_book_and_token() -> None:
    amounts = {PAYEES[0]: 5}
    roots = {
        tree(amounts).root,
        tree(amounts, chain_id=2).root,
        tree(amounts, book=TOKEN).root,
        tree(amounts, token=None).root,
        tree(amounts, token=BOOK).root,
    }
    assert len(roots) == 5
    assert tree(amounts, token=None).token == tree(amounts, token=COIN).token == COIN
    assert tree(amounts) != "a tree"


def test_payees_are_found_however_they_are_written() -> None:
    made = tree({PAYEES[0].lower(): 5, PAYEES[1]: 7})
    assert made[PAYEES[0]] == made[PAYEES[0].lower()] == 5
    assert PAYEES[2] not in made
    with pytest.raises(KeyError):
        made[PAYEES[2]]
    with pytest.raises(rs.UnknownPayee):
        made.proof(PAYEES[2])
    assert repr(made) == f"PayoutTree(0x{made.root.hex()}, 2 payees, 12 units)"


@pytest.mark.parametrize(
    ("amounts", "other", "says"),
    [
        ([], {}, "at least one payee"),
        ([(PAYEES[0], 1), (PAYEES[0].lower(), 2)], {}, "twice"),
        ([(COIN, 1)], {}, "zero address"),
        ([(BOOK, 1)], {}, "book itself"),
        ([("alice", 1)], {}, "payee 'alice' is not an address"),
        ([(PAYEES[0], -1)], {}, "cannot be given -1"),
        ([(PAYEES[0], 2**128)], {}, "below 2"),
        ([(PAYEES[0], 2**127), (PAYEES[1], 2**127)], {}, "more than a book can count"),
        ([(PAYEES[0], 1)], {"chain_id": 0}, "chain's number"),
        ([(PAYEES[0], 1)], {"chain_id": True}, "chain's number"),
        ([(PAYEES[0], 1)], {"chain_id": "1"}, "chain's number"),
        ([(PAYEES[0], 1)], {"book": "somewhere"}, "book 'somewhere' is not an address"),
        ([(PAYEES[0], 1)], {"token": "USDC"}, "token 'USDC' is not an address"),
    ],
)
def test_what_no_book_could_pay_is_refused(
    amounts: list[tuple[str, int]], other: dict[str, object], says: str
) -> None:
    with pytest.raises(rs.InvalidInput, match=says):
        rs.PayoutTree(amounts, **({"chain_id": 1, "book": BOOK, "token": TOKEN} | other))  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [1.0, "1", None, True])
def test_amounts_are_ints(amount: object) -> None:
    with pytest.raises(rs.AmountTypeError):
        tree({PAYEES[0]: amount})  # type: ignore[dict-item]


# ------------------------------------------------------------------------------------------ successors


@given(amounts_, amounts_)
def test_who_would_fall_is_named(before: dict[str, int], after: dict[str, int]) -> None:
    fallen = {p: (units, after.get(p, 0)) for p, units in before.items() if after.get(p, 0) < units}
    if not fallen:
        rs.check_successor(tree(before), tree(after))
        return
    with pytest.raises(rs.AmountsFell) as caught:
        rs.check_successor(tree(before), tree(after))
    assert {p: (old, new) for p, old, new in caught.value.fallen} == fallen
    assert pickle.loads(pickle.dumps(caught.value)).fallen == caught.value.fallen
    assert all(p in str(caught.value) for p, _, _ in caught.value.fallen[:10])


def test_a_successor_may_add_and_raise() -> None:
    rs.check_successor(tree({PAYEES[0]: 5}), tree({PAYEES[0]: 5, PAYEES[1]: 1}))
    rs.check_successor(tree({PAYEES[0]: 0}), tree({PAYEES[1]: 1}))  # who had nothing may go


@pytest.mark.parametrize("other", [{"chain_id": 2}, {"book": TOKEN}, {"token": None}])
def test_a_successor_is_for_the_same_book_and_token(other: dict[str, object]) -> None:
    with pytest.raises(rs.InvalidInput, match=next(iter(other))):
        rs.check_successor(tree({PAYEES[0]: 5}), tree({PAYEES[0]: 5}, **other))


# ------------------------------------------------------------------------------------------ files


@given(amounts_)
def test_a_file_gives_the_tree_again(
    tmp_path_factory: pytest.TempPathFactory, amounts: dict[str, int]
) -> None:
    path = tmp_path_factory.mktemp("payouts") / "payouts.jsonl"
    tree(amounts).save(path)
    assert rs.PayoutTree.load(path) == tree(amounts)
    again = path.with_suffix(".again")
    rs.PayoutTree.load(path).save(again)
    assert again.read_bytes() == path.read_bytes()


def test_a_file_is_plain_enough_for_anybody(tmp_path: Path) -> None:
    path = tmp_path / "payouts.jsonl"
    made = tree({PAYEES[0]: 5, PAYEES[1]: 2**127})
    made.save(path)
    head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert head == {
        "format": "revshare payouts 1",
        "chain_id": 1,
        "book": made.book,
        "token": made.token,
        "payees": 2,
        "total": str(2**127 + 5),
        "root": "0x" + made.root.hex(),
    }
    assert {line["payee"]: int(line["cumulative"]) for line in lines} == dict(made)


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (0, "{}", "line 1: this is not a file of format"),
        (0, "not JSON", "line 1: this is not a JSON object"),
        (0, "[" * 100_000, "line 1: this is not a JSON object"),
        (0, {"chain_id": "1"}, "line 1: chain_id, book or token is missing"),
        (0, {"book": None}, "line 1: chain_id, book or token is missing"),
        (0, {"token": None}, "line 1: chain_id, book or token is missing"),
        (0, {"payees": 3}, "it says payees 3, and the lines give 2"),
        (0, {"total": "13"}, "it says total '13', and the lines give 12"),
        (0, {"root": "0x00"}, "it says root '0x00'"),
        (0, {"chain_id": 2}, "it says root"),
        (1, "7", "line 2: this is not a JSON object"),
        (1, {"payee": None}, "line 2: payee or cumulative is missing"),
        (2, {"cumulative": 7}, "line 3: payee or cumulative is missing, or not text"),
        (2, {"cumulative": "7.0"}, "line 3: '7.0' is not a plain number"),
        (2, {"cumulative": "-7"}, "line 3: '-7' is not a plain number"),
        (2, {"cumulative": "07"}, "line 3: '07' is not a plain number"),
        (2, {"cumulative": "٧"}, "line 3"),
        (2, {"cumulative": "9" * 40}, "line 3"),
    ],
)
def test_a_file_that_says_otherwise_is_refused(
    tmp_path: Path, line: int, change: str | dict[str, object], says: str
) -> None:
    path = tmp_path / "payouts.jsonl"
    tree({PAYEES[0]: 5, PAYEES[1]: 7}).save(path)
    lines = path.read_text().splitlines()
    lines[line] = change if isinstance(change, str) else json.dumps(json.loads(lines[line]) | change)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(rs.InvalidInput, match=says.replace("[", r"\[")):
        rs.PayoutTree.load(path)
