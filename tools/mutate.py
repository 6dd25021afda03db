"""Mutation testing of the contracts: breaks them one line at a time and sees whether the tests notice.

    python tools/mutate.py --sample 200 --seed 1    # a sample, spread evenly over files and operators
    python tools/mutate.py --calibrate              # only the mutants that are known to be killed
    python tools/mutate.py --list                   # only say which would be tried

Every run begins with calibration: the unbroken contracts must pass, mutants known to matter must be killed,
else no verdict means anything. What a mutant changes is compiled with the shipped settings; the rest is taken
from one compilation of the unbroken contracts. Killers are forge's suites with few runs (seconds), then, for
what survives those, the tests of tests/contract that need no forge (minutes). Verdicts are appended to a file
as they come, and a run goes on where the last one stopped; remove the file when contracts or tests changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from revshare.chain.compile import find_compiler, standard_input

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "solidity/src"
WORK = ROOT / "solidity/out/mutants"
FORGE = ROOT / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"

FRONT, BACK = "RevenueSplit", "BackOffice"
AMENDABLE_FRONT, AMENDABLE_BACK = "AmendableSplit", "AmendableBackOffice"
FACTORY, LOADER = "RevenueSplitFactory", "Loader"
PARTS = (BACK, FRONT, AMENDABLE_BACK, AMENDABLE_FRONT, FACTORY)

# Which contracts show a mutation of a file. Compiling fewer makes a mutant cheap; the amendable splits,
# which share these sources, stay whole meanwhile.
AFFECTED: Mapping[str, tuple[str, ...]] = {
    "RevenueSplit.sol": (FRONT,),
    "BackOffice.sol": (BACK,),
    "SplitState.sol": (FRONT, BACK),
    "AmendableSplit.sol": (AMENDABLE_FRONT,),
    "AmendableBackOffice.sol": (AMENDABLE_BACK,),
    "AmendableState.sol": (AMENDABLE_FRONT, AMENDABLE_BACK),
    "lib/Asset.sol": (FRONT, BACK),
    "lib/Books.sol": (FRONT, BACK),
    "lib/MoneyRule.sol": (FRONT, BACK),
    "lib/Payout.sol": (FRONT,),
    "lib/Terms.sol": (FRONT, BACK, FACTORY),
}

# The factory as it is, except that the implementations are made before it, each from its own bytes.
_LOADER = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Loader {
    constructor(
        bytes memory back, bytes memory front, bytes memory back2, bytes memory front2, bytes memory maker
    ) {
        address implementation = _make(bytes.concat(front, abi.encode(_make(back))));
        address amendable = _make(bytes.concat(front2, abi.encode(_make(back2))));
        address made = _make(bytes.concat(maker, abi.encode(implementation, amendable)));
        assembly {
            let size := extcodesize(made)
            extcodecopy(made, 0, 0, size)
            return(0, size)
        }
    }

    function _make(bytes memory code) private returns (address made) {
        assembly { made := create(0, add(code, 0x20), mload(code)) }
        require(made != address(0));
    }
}
"""
_IMPLEMENTATION = (
    "address public immutable implementation = address(new RevenueSplit(address(new BackOffice())));"
)
_AMENDABLE = (
    "address public immutable amendableImplementation =\n"
    "        address(new AmendableSplit(address(new AmendableBackOffice())));"
)

PYTEST = (
    "tests/contract/test_pay.py",
    "tests/contract/test_payees.py",
    "tests/contract/test_terms.py",
    "tests/contract/test_tokens.py",
    "tests/contract/test_permit.py",
)
FORGE_EFFORT = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "8", "FOUNDRY_INVARIANT_DEPTH": "50"}
SECONDS = 900


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
    if not code.lstrip().startswith("function") and "constant" not in code:
        for match in _NUMBER.finditer(code):
            value = int(match[0].replace("_", ""), 0)
            for other in (value + 1, value - 1):
                if other >= 0:
                    yield "constant", match.start(), match[0], str(other)


def _unwrapped(code: str, start: int) -> tuple[str, str]:
    """`iszero(x)` at `start`, and the x."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0 and code[at] == ")":
            return code[start : at + 1], f"iszero({code[start : at + 1]})"
    return "iszero(", "iszero("


def sample(count: int, seed: int, files: Sequence[str]) -> list[Mutant]:
    """`count` mutants, in turn from each file and within a file from each operator, drawn by `seed`."""
    source = random.Random(seed)
    piles: list[list[Mutant]] = []
    for file in files:
        by_operator: dict[str, list[Mutant]] = defaultdict(list)
        for mutant in mutants_of(file, (SOURCES / file).read_text(encoding="utf-8")):
            by_operator[mutant.operator].append(mutant)
        operators = sorted(by_operator)
        for operator in operators:
            source.shuffle(by_operator[operator])
        pile = []
        while any(by_operator.values()):
            pile += [by_operator[operator].pop() for operator in operators if by_operator[operator]]
        piles.append(pile)
    drawn: list[Mutant] = []
    while len(drawn) < count and any(piles):
        drawn += [pile.pop(0) for pile in piles if pile]
    return drawn[:count]


# ------------------------------------------------------------------------------------------ compiling


class Broken(Exception):
    """The mutant does not compile."""


def compile_parts(names: Sequence[str], mutant: Mutant | None = None) -> dict[str, str]:
    """Creation code (hex) of these contracts, with the mutant; the factory gets its parts by argument."""
    standard = standard_input(ROOT / "solidity", "src/**/*.sol")
    sources = standard["sources"]
    if mutant:
        unit = sources[f"src/{mutant.file}"]
        unit["content"] = mutant.applied_to(unit["content"])
    factory = sources[f"src/{FACTORY}.sol"]
    bare = factory["content"].replace(
        _IMPLEMENTATION,
        "address public immutable implementation;\n"
        "    constructor(address a, address b) { (implementation, amendableImplementation) = (a, b); }",
    )
    factory["content"] = bare.replace(_AMENDABLE, "address public immutable amendableImplementation;")
    assert factory["content"].count("new ") == 0, (
        "the factory makes its parts in a way this tool does not know"
    )
    sources[f"src/{LOADER}.sol"] = {"content": _LOADER}
    standard["settings"]["outputSelection"] = {
        f"src/{name}.sol": {name: ["abi", "evm.bytecode.object"]} for name in names
    }
    with find_compiler() as compiler:
        done = subprocess.run(
            [compiler.path, "--standard-json"],
            input=json.dumps(standard),
            capture_output=True,
            text=True,
            check=True,
        )
    output = json.loads(done.stdout)
    if any(error["severity"] == "error" for error in output.get("errors", [])):
        raise Broken(next(e["formattedMessage"] for e in output["errors"] if e["severity"] == "error"))
    return {name: output["contracts"][f"src/{name}.sol"][name]["evm"]["bytecode"]["object"] for name in names}


def write_artifacts(folder: Path, parts: Mapping[str, str]) -> None:
    """The artifacts that forge's suites read: the factory made of these parts, the rest as shipped."""
    shutil.copytree(ROOT / "src/revshare/artifacts", folder, dirs_exist_ok=True)
    file = folder / f"{FACTORY}.json"
    artifact = json.loads(file.read_text(encoding="utf-8"))
    arguments = encode(["bytes"] * 5, [bytes.fromhex(parts[name]) for name in PARTS])
    artifact["bytecode"] = "0x" + parts[LOADER] + arguments.hex()
    file.write_text(json.dumps(artifact), encoding="utf-8")


# ------------------------------------------------------------------------------------------ killing


def verdict_of(mutant: Mutant | None, baseline: Mapping[str, str], *, thorough: bool) -> tuple[str, str]:
    """(verdict, by what): stillborn, same (bytes), killed, survived. `thorough`: ask the slow killer, too."""
    names = AFFECTED[mutant.file] if mutant else ()
    try:
        changed = compile_parts(names, mutant) if names else {}
    except Broken as broken:
        return "stillborn", str(broken).splitlines()[0]
    if mutant and all(baseline[name] == code for name, code in changed.items()):
        return "same", "compiles to the same bytes"
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        write_artifacts(Path(folder), {**baseline, **changed})
        by = _forge(Path(folder))
    if by is None and thorough:
        by = _pytest(mutant)
    return ("killed", by) if by else ("survived", "")


def _run(command: Sequence[str | Path], environment: Mapping[str, str]) -> tuple[int, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PATH": path, "NO_COLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return -1, "timeout"
    return done.returncode, done.stdout


def _forge(artifacts: Path) -> str | None:
    environment = {**FORGE_EFFORT, "REVSHARE_TEST_ARTIFACTS": artifacts.relative_to(ROOT).as_posix()}
    code, said = _run([FORGE, "test", "--root", ROOT, "--fuzz-seed", "1", "--fail-fast"], environment)
    if code == 0:
        return None
    if said == "timeout":
        return "forge (timeout)"
    if "[FAIL" not in said:
        raise RuntimeError(f"forge did not run:\n{said}")
    # A fuzz test's name follows on the same line, an invariant's after the calls that broke it.
    failed = said[said.index("[FAIL") :]
    found = re.search(r"\b(test\w*|invariant_\w+|setUp)\(", failed)
    return f"forge {found[1]}" if found else "forge"


def _pytest(mutant: Mutant | None) -> str | None:
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        shutil.copytree(SOURCES, Path(folder) / "src")
        if mutant:
            file = Path(folder) / "src" / mutant.file
            file.write_text(mutant.applied_to(file.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:randomly", *PYTEST]
        code, said = _run(command, {"REVSHARE_TEST_CONTRACTS": folder})
    if code == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    if not found and said != "timeout":
        raise RuntimeError(f"pytest did not run:\n{said}")
    return found[1] if found else "pytest (timeout)"


# Mutants that nobody could miss, in every layer. A killer that lets one of them live is no killer.
KNOWN = (
    ("RevenueSplit.sol", "_once(_sales, saleId);", "{}"),
    ("RevenueSplit.sol", "if (own > to) ahead = true;", "{}"),
    ("RevenueSplit.sol", "if (amount == 0) revert NothingPaid();", "if (amount != 0) revert NothingPaid();"),
    ("BackOffice.sol", "toAccount(account.mark(), account.credit() - amount).save(slot);", "{}"),
    ("SplitState.sol", "if (given != expected) revert", "if (given == expected) revert"),
    ("AmendableBackOffice.sol", "if (signed < needed) revert", "if (signed > needed) revert"),
    ("AmendableBackOffice.sol", "if (block.timestamp < amendments.readyAt) revert", "if (false) revert"),
    ("lib/MoneyRule.sol", "if lt(from, until) {", "if gt(from, until) {"),
    ("lib/Payout.sol", "sent_ := add(sent_, amount)", "sent_ := sub(sent_, amount)"),
    ("lib/Terms.sol", "sum != total || sum == 0", "sum == 0"),
    ("lib/Books.sol", "return Books.unwrap(books) >> 128;", "return Books.unwrap(books) >> 127;"),
    ("lib/Asset.sol", "sent := call(gas(), to, amount, 0, 0, 0, 0)", "sent := 1"),
)


def known() -> list[Mutant]:
    """The mutants of calibration."""
    made = []
    for file, before, after in KNOWN:
        text = (SOURCES / file).read_text(encoding="utf-8")
        offset = text.find(before)
        assert offset >= 0, f"{file} no longer says {before!r}"
        made.append(Mutant(file, text.count("\n", 0, offset) + 1, offset, "known", before, after))
    return made


def calibrate(baseline: Mapping[str, str], *, thorough: bool) -> None:
    """Raise RuntimeError unless the unbroken contracts pass and every known mutant is killed."""
    verdict = verdict_of(None, baseline, thorough=thorough)
    say(f"unbroken: {verdict}")
    if verdict[0] != "survived":
        raise RuntimeError(f"the unbroken contracts do not pass: {verdict[1]}")
    for mutant in known():
        verdict = verdict_of(mutant, baseline, thorough=thorough)
        say(f"{verdict[0]} {mutant} by {verdict[1]}")
        if verdict[0] != "killed":
            raise RuntimeError(f"a mutant known to be killed was not: {mutant}")


# ------------------------------------------------------------------------------------------ the command


def say(text: str) -> None:
    """Print a line at once, for whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """What came of it, in Markdown: a row per file, and the survivors."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in verdicts:
        rows[entry["file"]][entry["verdict"]] += 1
        rows["all"][entry["verdict"]] += 1
    lines = ["| file | killed | survived | score | same bytes | not compiled |", "|---|---|---|---|---|---|"]
    for file, counts in rows.items():
        judged = counts["killed"] + counts["survived"]
        score = f"{100 * counts['killed'] / judged:.1f} %" if judged else "–"
        cells = counts["killed"], counts["survived"], score, counts["same"], counts["stillborn"]
        lines.append(f"| {file} | " + " | ".join(map(str, cells)) + " |")
    survivors = [entry for entry in verdicts if entry["verdict"] == "survived"]
    lines += ["", *(f"- {entry['mutant']}" for entry in survivors)]
    return "\n".join(lines)


def main() -> int:
    """Calibrate, try the sample, report; 0 when at least 95 % of those judged were killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (200)")
    parser.add_argument("--seed", type=int, default=1, help="draws the sample (1)")
    parser.add_argument(
        "--file", action="append", choices=list(AFFECTED), help="only this file (may be repeated)"
    )
    parser.add_argument("--forge-only", action="store_true", help="leave out the slower second killer")
    parser.add_argument("--calibrate", action="store_true", help="stop after calibration")
    parser.add_argument("--list", action="store_true", help="show the sample and stop")
    parser.add_argument(
        "--results", type=Path, default=WORK / "verdicts.jsonl", help="verdicts are kept here"
    )
    options = parser.parse_args()
    files = options.file or list(AFFECTED)
    drawn = sample(options.sample, options.seed, files)
    if options.list:
        total = sum(len(mutants_of(file, (SOURCES / file).read_text(encoding="utf-8"))) for file in files)
        say("\n".join(map(str, drawn)) + f"\n{len(drawn)} of {total}")
        return 0

    WORK.mkdir(parents=True, exist_ok=True)
    baseline = compile_parts((*PARTS, LOADER))
    thorough = not options.forge_only
    calibrate(baseline, thorough=thorough)
    if options.calibrate:
        return 0
    done = {}
    if options.results.is_file():
        entries = map(json.loads, options.results.read_text(encoding="utf-8").splitlines())
        done = {(entry["file"], entry["offset"], entry["after"]): entry for entry in entries}
    verdicts: list[Mapping[str, Any]] = []
    for number, mutant in enumerate(drawn, 1):
        entry: dict[str, Any] | None = done.get((mutant.file, mutant.offset, mutant.after))
        started = time.monotonic()
        if entry is None or (entry["verdict"] == "survived" and thorough and not entry["thorough"]):
            if entry is None:
                verdict, by = verdict_of(mutant, baseline, thorough=thorough)
            else:
                by = _pytest(mutant) or ""
                verdict = "killed" if by else "survived"
            entry = {
                **asdict(mutant),
                "mutant": str(mutant),
                "verdict": verdict,
                "by": by,
                "thorough": thorough,
            }
            with options.results.open("a", encoding="utf-8") as results:
                results.write(json.dumps(entry) + "\n")
            say(f"{number}/{len(drawn)} {verdict} {mutant} {by} ({time.monotonic() - started:.0f} s)")
        verdicts.append(entry)
    say("\n" + report(verdicts))
    judged = Counter(entry["verdict"] for entry in verdicts)
    return 0 if judged["killed"] >= 0.95 * (judged["killed"] + judged["survived"]) else 1


if __name__ == "__main__":
    sys.exit(main())
