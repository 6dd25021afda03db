"""Where the contracts can be broken: every mutant of a source, samples of them, and those stated by hand.

`mutate.py` judges them.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "solidity/src"


@dataclass(frozen=True)
class Mutant:
    """One change: in `file` (below solidity/src), `before` at `offset` becomes `after`."""

    file: str
    line: int
    offset: int
    operator: str
    before: str
    after: str

    def applied_to(self, text: str) -> str:
        """The file's text with this change made."""
        assert text.startswith(self.before, self.offset)
        return text[: self.offset] + self.after + text[self.offset + len(self.before) :]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.operator}: {_short(self.before)} → {_short(self.after)}"


def _short(text: str) -> str:
    return "`" + (" ".join(text.split()) or " ") + "`"


# ------------------------------------------------------------------------------------------ operators

_SOLIDITY_SWAPS = {
    "arithmetic": {
        " + ": " - ",
        " - ": " + ",
        " * ": " / ",
        " / ": " * ",
        " % ": " / ",
        " += ": " -= ",
        " -= ": " += ",
    },
    "comparison": {
        " < ": " <= ",
        " <= ": " < ",
        " > ": " >= ",
        " >= ": " > ",
        " == ": " != ",
        " != ": " == ",
    },
    "boolean": {" && ": " || ", " || ": " && "},
}
_YUL_SWAPS = {
    "arithmetic": {
        "add(": "sub(",
        "sub(": "add(",
        "mul(": "add(",
        "div(": "mul(",
        "shl(": "shr(",
        "shr(": "shl(",
    },
    "comparison": {"lt(": "gt(", "gt(": "lt(", "eq(": "xor(", "iszero(": "not(not(", "xor(": "eq("},
    "boolean": {"and(": "or(", "or(": "and("},
}
_CODE_LINE = re.compile(
    r"^(?!\s*(pragma|import|error|event|using|type|struct|mapping|contract|library|abstract|///|//|\*))"
)
_NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d[\d_]*)(?![\w.])")
_ARGUMENTS = re.compile(
    r"\b(?!(?:add|mul|and|or|xor|eq)\()\w+\(([a-z_]\w*(?:\.\w+\(\))?), ([a-z_]\w*(?:\.\w+\(\))?)\)"
)
_CONDITION = re.compile(r"\bif \((.+)\) (revert|return|continue|break|\w+ =|\{|ahead)")
_YUL_CONDITION = re.compile(r"^\s*(?:default \{ )?if ((?!\().+?) \{")
_NOT_A_STATEMENT = (
    r"(?!(?:let|return|uint\d*|bytes\d*|address|bool|Books|Account|function|assembly|for|leave)\b)"
)
_STATEMENT = re.compile(
    rf"^( +){_NOT_A_STATEMENT}(?!\()([A-Za-z_].*;|if \(.*\) (?:revert|return|continue) ?.*;)$"
)
_YUL_STATEMENT = re.compile(r"^( +)((?:[a-z_]\w*(?:, \w+)* := .+|(?:mstore8?|sstore|calldatacopy)\(.+\)))$")


def mutants_of(file: str, text: str) -> list[Mutant]:
    """Every mutant of a source, in order; `file` is its name below solidity/src."""
    found: dict[tuple[int, str, str], Mutant] = {}
    offset = 0
    depth_of_assembly = 0
    for number, line in enumerate(text.split("\n"), 1):
        code = re.sub(r"//.*$", "", line).rstrip()
        if depth_of_assembly or re.search(r"\bassembly\b.*\{", code):
            depth_of_assembly += code.count("{") - code.count("}")
            changes = _changes(code, yul=True)
        else:
            changes = _changes(code, yul=False)
        if _CODE_LINE.match(code) and not re.search(r"\bassembly\b", code):
            for operator, at, before, after in changes:
                key = (offset + at, before, after)
                found.setdefault(key, Mutant(file, number, offset + at, operator, before, after))
        offset += len(line) + 1
    return list(found.values())


def _changes(code: str, *, yul: bool) -> Iterator[tuple[str, int, str, str]]:
    """(operator, offset in the line, before, after) of what can be changed in a line of code."""
    for operator, swaps in (_YUL_SWAPS if yul else _SOLIDITY_SWAPS).items():
        for before, after in swaps.items():
            for match in re.finditer((r"\b" if yul else "") + re.escape(before), code):
                if before == "iszero(":
                    yield operator, match.start(), *_unwrapped(code, match.start())
                else:
                    yield operator, match.start(), before, after
    yield from _other_numbers(code)
    if not yul:
        yield from _other_words(code)
    if not code.lstrip().startswith(("function", "modifier", "constructor", ")")):
        for match in _ARGUMENTS.finditer(code):
            if match[1] != match[2]:
                yield "arguments", match.start(1), f"{match[1]}, {match[2]}", f"{match[2]}, {match[1]}"
    condition = (_YUL_CONDITION if yul else _CONDITION).search(code)
    if condition:
        negated = f"iszero({condition[1]})" if yul else f"!({condition[1]})"
        yield "condition", condition.start(1), condition[1], negated
    statement = (_YUL_STATEMENT if yul else _STATEMENT).match(code)
    if statement:
        yield "deletion", statement.start(2), statement[2], "{}"


def _other_numbers(code: str) -> Iterator[tuple[str, int, str, str]]:
    if not code.lstrip().startswith("function"):
        for match in _NUMBER.finditer(code):
            value = int(match[0].replace("_", ""), 0)
            for other in (value + 1, value - 1):
                if other >= 0:
                    yield "constant", match.start(), match[0], str(other)


def _other_words(code: str) -> Iterator[tuple[str, int, str, str]]:
    """What only Solidity has: guards of functions, truth by name, either of two values, assigned pairs."""
    header = code.lstrip().startswith(("function", "modifier", "constructor", ")")) or code.endswith(" {")
    for match in re.finditer(r" (nonReentrant|onlyOwner|onlyController)(?= )", code):
        if header:
            yield "guard", match.start(), match[0], ""
    for match in re.finditer(r"\b(?:true|false)\b", code):
        yield "boolean", match.start(), match[0], "false" if match[0] == "true" else "true"
    for match in re.finditer(r" \? ([^?:]+) : ([^?:;]+)(?=;)", code):
        yield "condition", match.start(), match[0], f" ? {match[2]} : {match[1]}"
    pair = re.match(r"^( +)(\(.+\) = .+;)$", code)
    if pair and not re.search(r"\b(?:uint256|bytes32|address|bool) \w+[,)]", pair[2].partition(" = ")[0]):
        yield "deletion", pair.start(2), pair[2], "{}"


def _unwrapped(code: str, start: int) -> tuple[str, str]:
    """`iszero(x)` at `start`, and the x."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0 and code[at] == ")":
            return code[start : at + 1], f"iszero({code[start : at + 1]})"
    return "iszero(", "iszero("


def sample(each: int, seed: int, files: Sequence[str]) -> list[Mutant]:
    """`each` mutants of every file, in turn from each of its operators, drawn by `seed`, file after file."""
    piles: list[list[Mutant]] = []
    for file in files:
        source = random.Random(f"{seed} {file}")
        by_operator: dict[str, list[Mutant]] = defaultdict(list)
        for mutant in all_of(file):
            by_operator[mutant.operator].append(mutant)
        operators = sorted(by_operator)
        for operator in operators:
            source.shuffle(by_operator[operator])
        pile: list[Mutant] = []
        while any(by_operator.values()):
            pile += [by_operator[operator].pop() for operator in operators if by_operator[operator]]
        piles.append(pile[:each])
    drawn: list[Mutant] = []
    while any(piles):
        drawn += [pile.pop(0) for pile in piles if pile]
    return drawn


def all_of(file: str) -> list[Mutant]:
    """Every mutant of a file as it stands."""
    return mutants_of(file, (SOURCES / file).read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------ stated by hand

# Mutants that nobody could miss, in every layer. A killer that lets one of them live is no killer.
KNOWN = (
    ("split/SplitMoney.sol", "_once(_sales, saleId);", "{}"),
    ("split/SplitMoney.sol", "if (alone) alone = _isAnyAhead(terms, token, to);", "alone = false;"),
    (
        "split/SplitState.sol",
        "if (amount == 0) revert NothingPaid();",
        "if (amount != 0) revert NothingPaid();",
    ),
    (
        "split/SplitOffice.sol",
        "_accounts[token][payee] = toAccount(account.mark(), account.credit() - amount);",
        "{}",
    ),
    ("lib/Terms.sol", "if (given != expected) revert", "if (given == expected) revert"),
    ("amendable/AmendableBackOffice.sol", "if (signed < needed) revert", "if (signed > needed) revert"),
    ("amendable/AmendableBackOffice.sol", "if (block.timestamp < _readyAt) revert", "if (false) revert"),
    ("lib/MoneyRule.sol", "if lt(from, until) {", "if gt(from, until) {"),
    ("lib/Payout.sol", "sent := add(sent, amount)", "sent := sub(sent, amount)"),
    ("lib/Terms.sol", "sum != total || sum == 0", "sum == 0"),
    ("lib/Books.sol", "return Books.unwrap(books) >> 128;", "return Books.unwrap(books) >> 127;"),
    ("lib/Delivery.sol", "called := call(gas_, to, amount, 0, 0, 0, 0)", "called := 1"),
    ("lib/Governance.sol", "q <= UNANIMOUS", "q <= 2 * UNANIMOUS"),
    ("lib/Clone.sol", "msg.data.length - 32", "msg.data.length - 33"),
    ("split/RevenueSplitFactory.sol", "salt, terms);", "0, terms);"),
    ("amendable/AmendableTerms.sol", "standing.epoch += 1;", "{}"),
    ("amendable/AmendableTerms.sol", "epoch_ == 0 ?", "epoch_ != 0 ?"),
    ("trust/SaleEscrow.sol", "_checkCaller(sale_.seller);", "{}"),
    ("trust/SaleEscrow.sol", "sale_.state = State.Done;", "{}"),
    ("trust/PayoutBook.sol", "if (covered < total)", "if (false)"),
    ("trust/PayoutBook.sol", "mark.paid = cumulative;", "{}"),
    ("lib/Delivery.sol", "requireGas(allowance(asset));", "{}"),
    ("lib/MerkleProof.sol", "gt(node, sibling)", "lt(node, sibling)"),
)


def known() -> list[Mutant]:
    """The mutants of calibration."""
    return [_stated(file, before, after, "known") for file, before, after in KNOWN]


def by_hand() -> list[Mutant]:
    """Mutants of escrows and books that somebody thought up: mostly a check, or an entry, that is gone."""
    stated = json.loads((ROOT / "tools/mutants.json").read_text(encoding="utf-8"))
    return [_stated(file, before, after, "by hand") for file, before, after in stated]


def _stated(file: str, before: str, after: str, operator: str) -> Mutant:
    text = (SOURCES / file).read_text(encoding="utf-8")
    offset = text.find(before)
    assert offset >= 0, f"{file} no longer says {before!r}"
    return Mutant(file, text.count("\n", 0, offset) + 1, offset, operator, before, after)
