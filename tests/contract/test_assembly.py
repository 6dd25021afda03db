"""How much of the contracts is assembly, and where: less than a tenth, and in three places.

Counted are lines with code on them, as they stand: comments and blank lines are not, nor are the
interfaces, which say
what the contracts answer to. A block counts from the line that opens it to the one that closes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.compiled import sources

MOST = 0.10
INTERFACES = {"IRevenueSplit.sol", "IAmendableSplit.sol"}
LARGE = {"lib/Terms.sol", "lib/MoneyRule.sol", "lib/Payout.sol"}
"""Where blocks may be long: hashing terms, the money rule, paying. Each is held against a plain one."""
SHORT = 5
"""Lines of a block that does one thing, the two of its braces included."""
LONGER = {
    "lib/Asset.sol": "asks for a balance and copies one word of the answer at most",
    "lib/Delivery.sol": "sends with an allowance of gas and copies one word of the answer at most",
    "lib/MerkleProof.sol": "hashes pairs where they need no memory: 17 of them for one of 100,000 payees",
}
"""Elsewhere one each, of at most a screen."""


@dataclass(frozen=True)
class Block:
    """Assembly: where, and how many lines."""

    file: str
    first: int
    lines: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first} ({self.lines} lines)"


def stripped(source: str) -> str:
    """Without comments, every line in its place. (No string in these sources has a slash or a quote in
    it.)"""
    source = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), source, flags=re.DOTALL)
    return re.sub(r"//.*", "", source)


def blocks(file: str, source: str) -> tuple[int, list[Block]]:
    """How many lines have code on them, and the assembly among them."""
    code = 0
    found = []
    inside = first = length = depth = 0
    for number, line in enumerate(stripped(source).splitlines(), 1):
        if not line.strip():
            continue
        code += 1
        if not inside and re.search(r"\bassembly\b", line):
            inside, first, length, depth = 1, number, 0, 0
        if inside:
            length += 1
            depth += line.count("{") - line.count("}")
            if depth == 0:
                inside = 0
                found.append(Block(file, first, length))
    assert not inside, file
    return code, found


@pytest.fixture(scope="module")
def counted() -> tuple[int, list[Block]]:
    root = sources() / "src"
    total, all_blocks = 0, []
    for path in sorted(root.rglob("*.sol")):
        if path.name not in INTERFACES:
            code, found = blocks(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
            total += code
            all_blocks += found
    assert total > 1_500
    assert all_blocks
    return total, all_blocks


def test_the_count_is_right() -> None:
    source = """
// assembly { }
contract A { /* assembly {
} */
    function f() external pure {
        assembly ("memory-safe") { // one
            let a := 1 // {

            for {} a {} {
                a := 0
            }
        }
        assembly { pop(0) }
    }
}
"""
    assert blocks("A.sol", source) == (11, [Block("A.sol", 6, 6), Block("A.sol", 13, 1)])


def test_less_than_a_tenth_is_assembly(counted: tuple[int, list[Block]]) -> None:
    total, found = counted
    lines = sum(block.lines for block in found)
    assert lines < MOST * total, f"{lines} of {total} lines: {', '.join(map(str, found))}"


def test_it_is_long_in_three_places_only(counted: tuple[int, list[Block]]) -> None:
    long = [block for block in counted[1] if block.lines > SHORT and block.file not in LARGE]
    assert {block.file for block in long} <= LONGER.keys(), long
    assert len(long) <= len(LONGER), long
    assert all(block.lines <= 20 for block in long), long


def test_what_is_large_is_there() -> None:
    assert all((sources() / "src" / name).is_file() for name in LARGE | LONGER.keys())


def test_it_keeps_to_the_memory_it_was_given() -> None:
    """Every block says so; what the compiler may assume of memory does not hold otherwise."""
    root: Path = sources() / "src"
    for path in root.rglob("*.sol"):
        for line in stripped(path.read_text(encoding="utf-8")).splitlines():
            if re.search(r"\bassembly\b", line):
                assert 'assembly ("memory-safe") {' in line, (path.name, line)
