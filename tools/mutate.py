"""Mutation testing of the contracts: breaks them one line at a time and sees whether the tests notice.

    python tools/mutate.py --quick                # forge alone judges all mutants; what lives stays open
    python tools/mutate.py                        # the tests in Python judge what is open or was not tried
    python tools/mutate.py --part 1/2 --tree a    # half of them, for one of two processes
    python tools/mutate.py --file lib/Terms.sol   # of this file only
    python tools/mutate.py --report               # what has come of it so far, in Markdown
    python tools/mutate.py --calibrate            # only the mutants that are known to be killed
    python tools/mutate.py --list                 # only say which would be tried

No verdict means anything before calibration: the unbroken contracts must pass every killer, and mutants that
nobody could miss must be killed. The judges are asked from quick to slow, up to the first who notices:

1. Libraries: a contract around them (solidity/test/lib/Harness.sol), held by forge against the plain
   statements of the same rules.
2. The contracts: forge with few runs, then the tests in Python that know the source, then forge with more.

All is compiled by way of the intermediate language, as shipped, but hardly optimised and without the hash of
the sources that ends the code: bytes that are the same are a mutant that is none.

All of it happens in a copy of the tests (solidity/out/mutants/tree-…), brought up to date as a run begins, so
that nobody's edits disturb it. The compiler stays in memory; Python's tests are collected once and forked for
each mutant; tests that have killed before go first, then the quick ones. Verdicts are appended to
tools/mutants.jsonl, each with a hash of the source it was about: those of other texts are not counted, and a
run goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import hashlib
import json
import os
import posixpath
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from mutants import ROOT, SOURCES, Mutant, all_of, by_hand, known, sample
from revshare.chain import artifacts
from revshare.chain.compile import standard_input

WORK = ROOT / "solidity/out/mutants"
RESULTS = ROOT / "tools/mutants.jsonl"
PAGE = ROOT / "docs/mutation.md"
FORGE = ROOT / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"

FRONT, BACK = "RevenueSplit", "BackOffice"
AMENDABLE_FRONT, AMENDABLE_BACK = "AmendableSplit", "AmendableBackOffice"
FACTORY, LOADER = "RevenueSplitFactory", "Loader"
ESCROW, BOOK = "SaleEscrow", "PayoutBook"
PARTS = (BACK, FRONT, AMENDABLE_BACK, AMENDABLE_FRONT, FACTORY)


@dataclass(frozen=True)
class Target:
    """Which contracts show a mutation of a file, and who may notice: suites of forge's, tests in Python."""

    contracts: tuple[str, ...]
    suites: tuple[str, ...]
    tests: tuple[str, ...]


_SPLIT = (
    *("RevenueSplitFuzz", "PayoutFuzz", "LocksFuzz", "SharedBalanceFuzz"),
    *("RevenueSplitInvariants", "ReentrancyInvariants"),
)
_SPLIT_TESTS = tuple(
    f"tests/contract/test_{name}.py"
    for name in (
        *("pay", "payees", "terms", "tokens", "permit", "many", "locks", "commitments", "two_addresses"),
        *("storage", "factory"),
    )
)
_AMEND_TESTS = (
    *(f"tests/chain/test_{name}.py" for name in ("amend", "amend_settling", "amend_storage", "amend_random")),
    "tests/contract/test_governance.py",
    "tests/contract/test_amend*.py",
)
_ESCROW_TESTS, _BOOK_TESTS = ("tests/contract/escrow/test_*.py",), ("tests/contract/book/test_*.py",)
_AMENDING = ("AmendmentFuzz", "AmendmentInvariants")
_AMENDABLE = Target((AMENDABLE_FRONT, AMENDABLE_BACK), _AMENDING, _AMEND_TESTS)
_ESCROW = Target((ESCROW,), ("TrustFuzz", "TrustSharedBalanceFuzz", "EscrowInvariants"), _ESCROW_TESTS)
_BOOK = Target((BOOK,), ("TrustFuzz", "TrustSharedBalanceFuzz", "BookInvariants"), _BOOK_TESTS)
_FRONT = Target((FRONT,), _SPLIT, _SPLIT_TESTS)
_BOTH = Target((FRONT, BACK), _SPLIT, _SPLIT_TESTS)
_TRUST = Target(
    (ESCROW, BOOK),
    ("TrustFuzz", "TrustSharedBalanceFuzz", "EscrowInvariants", "BookInvariants"),
    (*_ESCROW_TESTS, *_BOOK_TESTS),
)
_NESTING = "tests/chain/test_nesting.py"

# Compiling few makes a mutant cheap. One target after the other is tried: what else shares the source stays
# whole meanwhile.
TARGETS: Mapping[str, tuple[Target, ...]] = {
    "split/SplitMoney.sol": (_FRONT,),
    "split/SplitOffice.sol": (Target((BACK,), _SPLIT, _SPLIT_TESTS),),
    "split/SplitState.sol": (_BOTH,),
    "split/FixedTerms.sol": (_BOTH,),
    "split/RevenueSplitFactory.sol": (
        Target(
            (FACTORY,),
            (*_SPLIT, "TermsFuzz", *_AMENDING),
            (*_SPLIT_TESTS, *_AMEND_TESTS, _NESTING),
        ),
    ),
    "amendable/AmendableBackOffice.sol": (Target((AMENDABLE_BACK,), _AMENDING, _AMEND_TESTS),),
    "amendable/AmendableTerms.sol": (_AMENDABLE,),
    "lib/Asset.sol": (_TRUST, _BOTH),
    "lib/Books.sol": (_BOTH,),
    "lib/Calldata.sol": (Target((FRONT, BACK, FACTORY), (*_SPLIT, "TermsFuzz"), _SPLIT_TESTS),),
    "lib/Clone.sol": (
        Target(
            PARTS,
            (*_SPLIT, "TermsFuzz", *_AMENDING),
            (*_SPLIT_TESTS, *_AMEND_TESTS),
        ),
    ),
    "lib/Delivery.sol": (_TRUST, _BOTH),
    "lib/Governance.sol": (Target((FACTORY, AMENDABLE_BACK), _AMENDING, _AMEND_TESTS),),
    "lib/Lock.sol": (_TRUST, _BOTH),
    "lib/MoneyRule.sol": (_BOTH,),
    "lib/Payout.sol": (_FRONT,),
    "lib/Terms.sol": (Target((FRONT, BACK, FACTORY), (*_SPLIT, "TermsFuzz"), _SPLIT_TESTS), _AMENDABLE),
    "lib/MerkleProof.sol": (_BOOK,),
    "trust/SaleEscrow.sol": (_ESCROW,),
    "trust/PayoutBook.sol": (_BOOK,),
}

# Where each contract stands.
UNITS: Mapping[str, str] = {
    FRONT: "src/split/RevenueSplit.sol",
    BACK: "src/split/RevenueSplit.sol",
    AMENDABLE_FRONT: "src/amendable/AmendableSplit.sol",
    AMENDABLE_BACK: "src/amendable/AmendableBackOffice.sol",
    FACTORY: "src/split/RevenueSplitFactory.sol",
    LOADER: "src/Loader.sol",
    ESCROW: "src/trust/SaleEscrow.sol",
    BOOK: "src/trust/PayoutBook.sol",
}

# The factory as it is, except that the implementations are made before it, each from its own bytes.
_LOADER = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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
_AMENDABLE_IMPLEMENTATION = (
    "address public immutable amendableImplementation =\n"
    "        address(new AmendableSplit(address(new AmendableBackOffice())));"
)

_OPTIMIZER = {
    "enabled": True,
    "runs": 200,
    "details": {"yul": True, "yulDetails": {"optimizerSteps": "dhfoDgvulfnTUtnIfxa[r]scLM:"}},
}

# What stands around libraries, for forge.
HARNESS, HARNESSES = "test/lib/Harness.sol", ("TermsHarness", "MoneyHarness")
# Which library each of them shows, and who holds it.
LIBRARIES: Mapping[str, Target] = {
    "lib/Terms.sol": Target(("TermsHarness",), ("TermsFuzz",), ()),
    "lib/MoneyRule.sol": Target(("MoneyHarness",), ("MoneyRuleFuzz", "PayoutFuzz"), ()),
    "lib/Payout.sol": Target(("MoneyHarness",), ("PayoutFuzz",), ()),
    "lib/Delivery.sol": Target(("MoneyHarness",), ("DeliveryFuzz",), ()),
}
EFFORT = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "20", "FOUNDRY_INVARIANT_DEPTH": "50"}
QUICK = {"FOUNDRY_FUZZ_RUNS": "24", "FOUNDRY_INVARIANT_RUNS": "6", "FOUNDRY_INVARIANT_DEPTH": "40"}
SECONDS = 900  # of a whole judge
TEST_SECONDS = 60  # of a test in Python, besides five times what it takes on unbroken contracts


def targets_of(file: str) -> list[Target]:
    """Who is asked about a file, in order."""
    library = LIBRARIES.get(file)
    return [*([library] if library else []), *TARGETS[file]]


# ------------------------------------------------------------------------------------------ compiling


class Broken(Exception):
    """The mutant does not compile."""


# npm's compiler, loaded once, which answers a line of JSON by a line of JSON.
_SERVER = """
const solc = require(process.argv[1]);
process.removeAllListeners("uncaughtException");
process.removeAllListeners("unhandledRejection");
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => process.stdout.write(solc.compile(line).replaceAll("\\n", " ") + "\\n"));
"""
_ANSWERS = 40  # after that many a new one: its memory only grows


class Compiler:
    """npm's solc, kept in memory. A compilation takes a third of what it takes when solc is loaded for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers = 0

    def compile(self, standard: Mapping[str, Any]) -> Any:
        """What the compiler says to this standard-json input."""
        if self._process is None or self._answers >= _ANSWERS:
            self.close()
            self._process = subprocess.Popen(
                ["node", "-e", _SERVER, str(ROOT / "node_modules/solc")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PATH": _path()},
            )
            self._answers = 0
        self._answers += 1
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(standard) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the compiler, if it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


def _path() -> str:
    """Where node is, which may be the one that `make` put beside this Python."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@cache
def _everything() -> Mapping[str, Any]:
    return standard_input(ROOT / "solidity", "src/**/*.sol")


def _needed_by(unit: str, contents: Mapping[str, str]) -> set[str]:
    """The sources that one needs, itself included."""
    found: set[str] = set()
    pending = [unit]
    while pending:
        at = pending.pop()
        if at not in found:
            found.add(at)
            for path in re.findall(r"^import [^\"]*\"([^\"]+)\";", contents[at], re.MULTILINE):
                near = posixpath.normpath(posixpath.join(posixpath.dirname(at), path))
                pending.append(near if path.startswith(".") else path)
    return found


def compile_parts(compiler: Compiler, names: Sequence[str], mutant: Mutant | None = None) -> dict[str, str]:
    """Creation code (hex) of contracts by name, with the mutant; the factory gets its parts by argument.

    Optimised no further than the stack asks for, since what a mutant does is the same.
    """
    contents = {unit: source["content"] for unit, source in _everything()["sources"].items()}
    if mutant:
        unit = f"src/{mutant.file}"
        contents[unit] = mutant.applied_to(contents[unit])
    factory = UNITS[FACTORY]
    bare = contents[factory].replace(
        _IMPLEMENTATION,
        "address public immutable implementation;\n"
        "    constructor(address a, address b) { (implementation, amendableImplementation) = (a, b); }",
    )
    contents[factory] = re.sub(
        r"^import .*(?:BackOffice|Split)\.sol\";\n(?<!IRevenueSplit\.sol\";\n)",
        "",
        bare.replace(_AMENDABLE_IMPLEMENTATION, "address public immutable amendableImplementation;"),
        flags=re.MULTILINE,
    )
    assert "new " not in contents[factory], "the factory makes its parts in a way this tool does not know"
    contents[UNITS[LOADER]] = _LOADER
    units = {**UNITS, **dict.fromkeys(HARNESSES, HARNESS)}
    for name in ("Harness.sol", "IHarness.sol"):
        text = (ROOT / "solidity/test/lib" / name).read_text(encoding="utf-8")
        contents[f"test/lib/{name}"] = text.replace('"revshare/', '"src/')
    needed = set().union(*(_needed_by(units[name], contents) for name in names))
    selection: dict[str, dict[str, list[str]]] = {}
    for name in names:
        selection.setdefault(units[name], {})[name] = ["evm.bytecode.object"]
    standard = {
        "language": "Solidity",
        "sources": {unit: {"content": contents[unit]} for unit in sorted(needed)},
        "settings": {
            **_everything()["settings"],
            "optimizer": _OPTIMIZER,
            # Without the hash of the sources, by which every mutant would be other bytes.
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            "outputSelection": selection,
        },
    }
    output = compiler.compile(standard)
    if any(error["severity"] == "error" for error in output.get("errors", [])):
        raise Broken(next(e["formattedMessage"] for e in output["errors"] if e["severity"] == "error"))
    return {name: str(output["contracts"][units[name]][name]["evm"]["bytecode"]["object"]) for name in names}


def write_artifacts(folder: Path, parts: Mapping[str, str]) -> None:
    """The artifacts that tests read: factory, escrow and book made of these parts, the rest as shipped."""
    shutil.copytree(ROOT / "src/revshare/artifacts", folder, dirs_exist_ok=True)
    made = encode(["bytes"] * 5, [bytes.fromhex(parts[name]) for name in PARTS])
    for name, code in ((FACTORY, parts[LOADER] + made.hex()), (ESCROW, parts[ESCROW]), (BOOK, parts[BOOK])):
        file = folder / f"{name}.json"
        artifact = json.loads(file.read_text(encoding="utf-8"))
        artifact["bytecode"] = "0x" + code
        file.write_text(json.dumps(artifact), encoding="utf-8")


# ------------------------------------------------------------------------------------------ killing


class Judge:
    """Compiles mutants and asks the killers, in a copy of the tests of its own."""

    def __init__(self, name: str) -> None:
        self.compiler = Compiler()
        self.tree = WORK / f"tree-{name}"
        self.artifacts = self.tree / "solidity/out/mutant"
        copy_tests(self.tree)
        self.baseline = compile_parts(self.compiler, (*PARTS, LOADER, ESCROW, BOOK, *HARNESSES))
        self.tests = PythonTests(self.tree)
        forge(self.tree, ("Nobody",), QUICK)  # compiles the tests
        kept = {name: self._harness(name).read_text(encoding="utf-8") for name in HARNESSES}
        self._harnesses = {name: json.loads(text) for name, text in kept.items()}
        self._put({})

    def _harness(self, name: str) -> Path:
        return self.tree / f"solidity/out/Harness.sol/{name}.json"

    def _put(self, codes: Mapping[str, str]) -> None:
        """Have the tests find these, and else what is not broken."""
        codes = {**self.baseline, **codes}
        write_artifacts(self.artifacts, codes)
        for name, kept in self._harnesses.items():
            kept["bytecode"] = {"object": "0x" + codes[name], "sourceMap": "", "linkReferences": {}}
            self._harness(name).write_text(json.dumps(kept), encoding="utf-8")

    def verdict_of(self, mutant: Mutant, *, quick: bool = False) -> tuple[str, str]:
        """(verdict, by what): stillborn, same (bytes), killed, survived; open if `quick` stops at forge."""
        changed = False
        for target in targets_of(mutant.file):
            try:
                made = compile_parts(self.compiler, target.contracts, mutant)
            except Broken as broken:
                return "stillborn", str(broken).splitlines()[0]
            # All that share storage and encodings change together, or their discord would be noticed.
            if all(code == self.baseline[name] for name, code in made.items()):
                continue
            changed = True
            self._put(made)
            by = forge(self.tree, target.suites, QUICK)
            if not by and not quick:
                by = self.tests.killer(self.artifacts, target.tests, mutant.file) if target.tests else None
                by = by or forge(self.tree, target.suites, EFFORT)
            if by:
                return "killed", by
        if not changed:
            return "same", "compiles to the same bytes"
        return ("open", "survived forge") if quick else ("survived", "")

    def calibrate(self, files: Sequence[str], *, quick: bool) -> None:
        """Raise RuntimeError unless the unbroken contracts pass and every known mutant is killed."""
        targets = [target for file in files for target in targets_of(file)]
        suites = sorted({suite for target in targets for suite in target.suites})
        tests = sorted({pattern for target in targets for pattern in target.tests})
        self._put({})
        by = forge(self.tree, suites, QUICK if quick else EFFORT)
        if not quick:
            by = by or self.tests.learn(self.artifacts, tests)
        say(f"unbroken: {by or 'passes'}")
        if by:
            raise RuntimeError(f"the unbroken contracts do not pass: {by}")
        for mutant in known():
            if mutant.file in files:
                verdict, by = self.verdict_of(mutant, quick=quick)
                say(f"{verdict} {mutant} by {by}")
                if verdict != "killed" and not (quick and verdict == "open"):
                    raise RuntimeError(f"a mutant known to be killed was not: {mutant}")


def copy_tests(tree: Path) -> None:
    """Bring a copy of all that is tested, and of the tests, up to date."""
    tree.mkdir(parents=True, exist_ok=True)
    for linked in ("node_modules", "src", "docs", "benchmarks", "examples", "README.md"):
        if not (tree / linked).exists():
            (tree / linked).symlink_to(ROOT / linked)
    shutil.copy2(ROOT / "pyproject.toml", tree)
    shutil.copy2(ROOT / "foundry.toml", tree)
    compiled = ROOT / ".pytest_cache/d/revshare-contracts"
    if compiled.is_dir():
        shutil.copytree(compiled, tree / ".pytest_cache/d/revshare-contracts", dirs_exist_ok=True)
    for folder in ("tests", "solidity/src", "solidity/test"):
        here = {file.relative_to(ROOT) for file in (ROOT / folder).rglob("*") if file.is_file()}
        here = {file for file in here if "__pycache__" not in file.parts}
        there = {file.relative_to(tree) for file in (tree / folder).rglob("*") if file.is_file()}
        for file in there - here:
            (tree / file).unlink()
        for file in here:
            if file not in there or not filecmp.cmp(ROOT / file, tree / file, shallow=False):
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, tree / file)


def forge(tree: Path, suites: Sequence[str], effort: Mapping[str, str]) -> str | None:
    """Which of forge's tests fails first on the artifacts of a tree, if any."""
    command: list[str | Path] = [FORGE, "test", "--root", tree, "--fuzz-seed", "1", "--fail-fast"]
    environment = {**effort, "REVSHARE_TEST_ARTIFACTS": "solidity/out/mutant"}
    # In what order forge takes the suites is its own affair: the quick ones first.
    slow = [suite for suite in suites if suite.endswith("Invariants")]
    for some in ([suite for suite in suites if suite not in slow], slow):
        if not some:
            continue
        try:
            done = subprocess.run(
                [*command, "--match-contract", f"^({'|'.join(some)})$"],
                cwd=tree,
                env={
                    **os.environ,
                    "PATH": _path(),
                    "NO_COLOR": "1",
                    "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
                }
                | {**environment, "REVSHARE_SOLC_JS": str(ROOT / "node_modules/solc")},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=SECONDS if "Nobody" in suites else 4 * TEST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return "forge (timeout)"
        if done.returncode == 0 or "No tests" in done.stdout:
            continue
        if "[FAIL" not in done.stdout:
            raise RuntimeError(f"forge did not run:\n{done.stdout}")
        # A fuzz test's name follows on the same line, an invariant's after the calls that broke it.
        failed = done.stdout[done.stdout.index("[FAIL") :]
        found = re.search(r"\b(test\w*|invariant_\w+|setUp)\(", failed)
        return f"forge {found[1]}" if found else "forge"
    return None


def _use(folder: Path) -> None:
    """Have the library deploy these artifacts, and take them for the shipped ones."""
    import revshare.chain.attach
    import revshare.chain.book
    import revshare.chain.escrow
    import revshare.chain.factory  # noqa: F401  (all that compares code)

    artifacts._folder = lambda: folder  # noqa: SLF001  (the seam that the package itself has)
    for name, module in list(sys.modules.items()):
        if name.startswith("revshare.chain.") and hasattr(module, "same_code"):
            module.same_code = lambda *_: True  # type: ignore[attr-defined]


class _Server:
    """A pytest plugin: once tests are collected, it forks a process for every mutant told of on a pipe."""

    def __init__(self, tasks: int, answers: int) -> None:
        self.tasks, self.answers = os.fdopen(tasks), os.fdopen(answers, "w")
        self.task: dict[str, Any] | None = None
        self.times: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: Any) -> None:
        """Return in forked children alone: there the tests run, as ever."""
        for line in self.tasks:
            child = os.fork()
            if child == 0:
                os.setsid()
                self.task = json.loads(line)
                self._begin(session)
                return
            ended = time.monotonic() + SECONDS
            done = 0
            while not done and time.monotonic() < ended:
                done, _ = os.waitpid(child, os.WNOHANG)
                time.sleep(0.05)
            if not done:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            self.answers.write("\n" if done else "timeout\n")
            self.answers.flush()
        os._exit(0)

    def _begin(self, session: Any) -> None:
        assert self.task
        kills, times, left_out = self.task["kills"], self.task["times"], set(self.task["left_out"])
        session.items = [item for item in session.items if item.nodeid not in left_out]
        session.items.sort(key=lambda item: (-kills.get(item.nodeid, 0), times.get(item.nodeid, 1.0)))
        session.config.option.maxfail = self.task["maxfail"]
        os.environ["REVSHARE_TEST_ARTIFACTS"] = self.task["folder"]
        _use(Path(self.task["folder"]))

    def pytest_runtest_setup(self, item: Any) -> None:
        assert self.task
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(TEST_SECONDS + int(5 * self.task["times"].get(item.nodeid, 12)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        signal.alarm(0) if report.when == "teardown" else None
        self.times[report.nodeid] = self.times.get(report.nodeid, 0.0) + report.duration
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)

    def pytest_unconfigure(self) -> None:
        if self.task:
            told = json.dumps({"times": self.times, "failed": self.failed})
            Path(self.task["result"]).write_text(told, encoding="utf-8")
            os._exit(0)


def _too_long(*_: object) -> None:
    raise TimeoutError("a test took too long")


class PythonTests:
    """The tests in Python of a tree: by what they know, how long they take, what they have killed."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.state = tree / "python.json"
        self.known: dict[str, Any] = {"times": {}, "kills": {}, "left_out": []}
        if self.state.is_file():
            self.known = json.loads(self.state.read_text(encoding="utf-8"))
        self._servers: dict[tuple[str, ...], tuple[Any, Any]] = {}

    def killer(self, folder: Path, patterns: Sequence[str], file: str) -> str | None:
        """Which test fails first on these artifacts, if any; `file` is the source that was changed."""
        told = self._ask(folder, patterns, self.known["kills"].get(file, {}), maxfail=1)
        if told is None:
            return "pytest (timeout)"
        if not told["failed"]:
            return None
        killer = str(told["failed"][0])
        kills = self.known["kills"].setdefault(file, {})
        kills[killer] = kills.get(killer, 0) + 1
        self._keep()
        return killer

    def learn(self, folder: Path, patterns: Sequence[str]) -> str | None:
        """Leave out what fails on contracts that are not broken, and say so; or who failed them all."""
        self.known["left_out"] = []
        told = self._ask(folder, patterns, {}, maxfail=0)
        if told is None:
            return "pytest (timeout)"
        if 5 * len(told["failed"]) > len(told["times"]):
            return f"{len(told['failed'])} of {len(told['times'])}, such as {told['failed'][0]}"
        self.known["times"].update(told["times"])
        self.known["left_out"] = told["failed"]
        for failed in told["failed"]:
            say(f"not asked: {failed}")
        self._keep()
        return None

    def _keep(self) -> None:
        self.state.write_text(json.dumps(self.known), encoding="utf-8")

    def _ask(
        self, folder: Path, patterns: Sequence[str], kills: Mapping[str, int], *, maxfail: int
    ) -> dict[str, Any] | None:
        result = self.tree / "pytest-result.json"
        result.unlink(missing_ok=True)
        task = {
            "folder": str(folder),
            "kills": kills,
            "times": self.known["times"],
            "left_out": self.known["left_out"],
            "maxfail": maxfail,
            "result": str(result),
        }
        tasks, answers = self._server(tuple(patterns))
        tasks.write(json.dumps(task) + "\n")
        tasks.flush()
        answer = answers.readline()
        if answer == "timeout\n":
            return None
        if not result.is_file():
            raise RuntimeError(f"pytest did not run; see {self.tree}/pytest.log")
        told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        if not told["times"]:
            raise RuntimeError(f"pytest ran nothing; see {self.tree}/pytest.log")
        return told

    def _server(self, patterns: tuple[str, ...]) -> tuple[Any, Any]:
        """The process that has collected these tests."""
        if patterns in self._servers:
            return self._servers[patterns]
        import pytest
        import web3  # noqa: F401  (imported once, for all the processes forked here)

        tests = dict.fromkeys(str(found) for pattern in patterns for found in sorted(self.tree.glob(pattern)))
        tasks, answers = os.pipe(), os.pipe()
        if os.fork() == 0:
            with contextlib.suppress(BaseException):
                os.close(tasks[1])
                os.close(answers[0])
                for other in self._servers.values():
                    other[0].close()
                os.chdir(self.tree)
                sys.path.insert(0, str(self.tree))
                with (self.tree / "pytest.log").open("a") as out:
                    os.dup2(out.fileno(), 1)
                    os.dup2(out.fileno(), 2)
                options = [
                    "-q",
                    "-n0",
                    "--no-header",
                    "-p",
                    "no:randomly",
                    "--tb=short",
                    "--hypothesis-seed=1",
                ]
                # It asks whether foreign code is recognised, which is left out here.
                options += ["--deselect", f"{_NESTING}::test_a_back_office_of_somebody_elses_is_not_trusted"]
                pytest.main([*options, *tests], plugins=[_Server(tasks[0], answers[1])])
            os._exit(3)
        os.close(tasks[0])
        os.close(answers[1])
        self._servers[patterns] = os.fdopen(tasks[1], "w"), os.fdopen(answers[0])
        return self._servers[patterns]


# ------------------------------------------------------------------------------------------ the command


def say(text: str) -> None:
    """Print a line at once, for whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(verdicts: Sequence[Mapping[str, Any]], listed: Sequence[str] = ("survived", "open")) -> str:
    """What came of it, in Markdown: a row per file, and the mutants with a verdict that is to be listed."""
    rows = {file: Counter[str]() for file in TARGETS}
    for entry in verdicts:
        rows[entry["file"]][entry["verdict"]] += 1
    rows["all"] = sum(rows.values(), Counter[str]())
    kinds = ("killed", "survived", "open", "same", "stillborn")
    lines = [
        "| file | mutants there are | tried | killed | survived | open | same bytes | not compiled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file, counts in rows.items():
        there_are = sum(map(len, map(all_of, TARGETS if file == "all" else [file])))
        cells = there_are, counts.total(), *(counts[kind] for kind in kinds)
        lines.append(f"| {file} | " + " | ".join(map(str, cells)) + " |")
    alive = [entry for entry in verdicts if entry["verdict"] in listed]
    return "\n".join([*lines, "", *(f"- {entry['verdict']}: {_told(entry)}" for entry in alive)])


def record(told: str, tried: int) -> None:
    """Put the table, and what survived, into docs/mutation.md in place of the last."""
    today = datetime.now(UTC).date().isoformat()
    section = f"<!-- mutants -->\n{today}: {tried} tried.\n\n{told.strip()}\n<!-- /mutants -->"
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        re.sub(r"<!-- mutants -->.*?<!-- /mutants -->", lambda _: section, text, flags=re.DOTALL),
        encoding="utf-8",
    )


def main() -> int:
    """Calibrate, try the sample, report; 0 when at least 95 % of those judged were killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=10**6, help="how many mutants of each file (all)")
    parser.add_argument("--seed", type=int, default=1, help="draws the sample (1)")
    parser.add_argument(
        "--file", action="append", choices=list(TARGETS), help="only this file (may be repeated)"
    )
    parser.add_argument(
        "--by-hand", action="store_true", help="those of tools/mutants.json instead of a sample"
    )
    parser.add_argument("--part", default="1/1", help="every Nth of the sample from the Kth on, as K/N")
    parser.add_argument("--calibrate", action="store_true", help="stop after calibration")
    parser.add_argument("--calibrated", action="store_true", help="leave calibration out: it has been done")
    parser.add_argument("--quick", action="store_true", help="ask forge alone; what survives it stays open")
    parser.add_argument("--again", action="store_true", help="try survivors of an earlier run once more")
    parser.add_argument(
        "--tree", default="1", help="the copy of the tests to work in, of one process only (1)"
    )
    parser.add_argument("--list", action="store_true", help="show the sample and stop")
    parser.add_argument("--report", action="store_true", help="say what has come of the sample and stop")
    parser.add_argument("--record", action="store_true", help="the same, and write it into docs/mutation.md")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="verdicts are kept here (tools/mutants.jsonl)"
    )
    options = parser.parse_args()
    files = options.file or list(TARGETS)
    drawn = by_hand() if options.by_hand else sample(options.each, options.seed, files)
    if options.list:
        total = sum(len(all_of(file)) for file in files)
        say("\n".join(map(str, drawn)) + f"\n{len(drawn)} of {total}")
        return 0
    if not (options.report or options.record):
        judge = Judge(options.tree)
        if not options.calibrated:
            judge.calibrate(files, quick=options.quick)
        if options.calibrate:
            return 0
        part, of = map(int, options.part.split("/"))
        _try(judge, drawn[part - 1 :: of], options.results, again=options.again, quick=options.quick)
    done = _verdicts(options.results)
    verdicts = [done[key] for key in map(_key, drawn) if key in done]
    say("\n" + report(verdicts) + f"\n{len(verdicts)} of the sample of {len(drawn)} tried")
    if options.record:
        record(report(verdicts, ["survived"]), len(verdicts))
    judged = Counter(entry["verdict"] for entry in verdicts)
    return 0 if judged["killed"] >= 0.98 * (judged["killed"] + judged["survived"]) else 1


def _try(judge: Judge, drawn: Sequence[Mutant], results: Path, *, again: bool, quick: bool) -> None:
    done = _verdicts(results)
    begun = {mutant.file: _hash(mutant.file) for mutant in drawn}
    for number, mutant in enumerate(drawn, 1):
        entry = done.get(_key(mutant))
        told_before = entry["verdict"] if entry else "open"
        if entry and (told_before != "open" or quick) and not (again and told_before == "survived"):
            continue
        if _hash(mutant.file) != begun[mutant.file]:
            raise RuntimeError(f"{mutant.file} changed meanwhile: begin anew")
        started = time.monotonic()
        try:
            verdict, by = judge.verdict_of(mutant, quick=quick)
        except RuntimeError as error:  # said, and tried again by the next run
            say(f"{number}/{len(drawn)} not judged: {mutant}: {error}")
            continue
        seconds = round(time.monotonic() - started)
        told = {
            "hash": begun[mutant.file],
            **asdict(mutant),
            "verdict": verdict,
            "by": by,
            "seconds": seconds,
        }
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, separators=(",", ":"), ensure_ascii=False) + "\n")
        say(f"{number}/{len(drawn)} {verdict} {mutant} {by} ({seconds} s)")


def _key(mutant: Mutant) -> tuple[str, int, str, str]:
    return mutant.file, mutant.offset, mutant.before, mutant.after


def _told(entry: Mapping[str, Any]) -> Mutant:
    return Mutant(*(entry[name] for name in ("file", "line", "offset", "operator", "before", "after")))


def _hash(file: str) -> str:
    """What stands for the text of a source."""
    return hashlib.sha256((SOURCES / file).read_bytes()).hexdigest()[:12]


def _verdicts(results: Path) -> dict[tuple[str, int, str, str], dict[str, Any]]:
    """The last verdict on each mutant of the sources as they stand."""
    entries = map(json.loads, results.read_text(encoding="utf-8").splitlines()) if results.is_file() else ()
    now = {file: _hash(file) for file in TARGETS}
    return {_key(_told(entry)): entry for entry in entries if entry["hash"] == now.get(entry["file"])}


if __name__ == "__main__":
    sys.exit(main())
