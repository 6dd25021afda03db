"""Mutation testing of the contracts: breaks them one line at a time and sees whether the tests notice.

    python tools/mutate.py --each 14 --seed 1              # so many of each file, evenly of its operators
    python tools/mutate.py --each 14 --seed 1 --part 1/2   # half of them, for one of two processes
    python tools/mutate.py --each 14 --seed 1 --report     # what has come of it so far, in Markdown
    python tools/mutate.py --calibrate                        # only the mutants that are known to be killed
    python tools/mutate.py --list                             # only say which would be tried

No verdict means anything before calibration: the unbroken contracts must pass every killer, and mutants that
nobody could miss must be killed. What a mutant changes is compiled with the shipped settings, but without the
hash of the sources that ends the code, by one compiler that stays in memory; the rest is as shipped. Killers
go from quick to slow: forge's suites of the contract, with few runs (a second or two); then, for what
survives those, the tests in Python, up to the first failure, in a process forked from this one that has
imported everything. Those that have killed before go first, then the quicker before the slower. Verdicts are
appended to a file as they come, and a run goes on where the last one stopped; remove the folder
solidity/out/mutants when contracts or tests changed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import posixpath
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from mutants import ROOT, Mutant, all_of, by_hand, known, sample
from revshare.chain import artifacts
from revshare.chain.compile import standard_input

WORK = ROOT / "solidity/out/mutants"
RESULTS = ROOT / "tools/mutants.jsonl"
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


_SPLIT = ("RevenueSplitFuzz", "RevenueSplitInvariants", "ReentrancyInvariants")
_SPLIT_TESTS = tuple(
    f"tests/contract/test_{name}*.py"
    for name in ("pay", "payees", "terms", "tokens", "permit", "split", "many", "credits", "shared", "locks")
)
_AMEND_TESTS = (
    *(f"tests/chain/test_{name}.py" for name in ("amend", "amend_settling", "amend_storage", "amend_random")),
    "tests/contract/test_governance.py",
    "tests/contract/test_amend*.py",
)
_ESCROW_TESTS, _BOOK_TESTS = ("tests/contract/escrow/test_*.py",), ("tests/contract/book/test_*.py",)
_AMENDABLE = Target((AMENDABLE_FRONT, AMENDABLE_BACK), ("AmendmentInvariants",), _AMEND_TESTS)
_ESCROW = Target((ESCROW,), ("EscrowInvariants", "TrustFuzz"), _ESCROW_TESTS)
_BOOK = Target((BOOK,), ("BookInvariants", "TrustFuzz"), _BOOK_TESTS)
_FRONT = Target((FRONT,), _SPLIT, _SPLIT_TESTS)
_BOTH = Target((FRONT, BACK), _SPLIT, _SPLIT_TESTS)
_TRUST = Target(
    (ESCROW, BOOK), ("EscrowInvariants", "BookInvariants", "TrustFuzz"), (*_ESCROW_TESTS, *_BOOK_TESTS)
)
_NESTING = "tests/chain/test_nesting.py"

# Compiling few makes a mutant cheap. The first target whose code a mutant changes is the one that is tried:
# what else shares the source stays whole meanwhile, and is not asked.
TARGETS: Mapping[str, tuple[Target, ...]] = {
    "split/SplitMoney.sol": (_FRONT,),
    "split/SplitOffice.sol": (Target((BACK,), _SPLIT, _SPLIT_TESTS),),
    "split/SplitState.sol": (_BOTH,),
    "split/FixedTerms.sol": (_BOTH,),
    "split/RevenueSplitFactory.sol": (
        Target(
            (FACTORY,),
            (*_SPLIT, "AmendmentInvariants"),
            (*_SPLIT_TESTS, *_AMEND_TESTS, _NESTING),
        ),
    ),
    "amendable/AmendableBackOffice.sol": (
        Target((AMENDABLE_BACK,), ("AmendmentInvariants",), _AMEND_TESTS),
    ),
    "amendable/AmendableTerms.sol": (_AMENDABLE,),
    "lib/Asset.sol": (_BOTH, _TRUST),
    "lib/Books.sol": (_BOTH,),
    "lib/Calldata.sol": (Target((FRONT, BACK, FACTORY), _SPLIT, _SPLIT_TESTS),),
    "lib/Clone.sol": (
        Target(
            PARTS,
            (*_SPLIT, "AmendmentInvariants"),
            (*_SPLIT_TESTS, *_AMEND_TESTS),
        ),
    ),
    "lib/Delivery.sol": (_BOTH, _TRUST),
    "lib/Governance.sol": (Target((FACTORY, AMENDABLE_BACK), ("AmendmentInvariants",), _AMEND_TESTS),),
    "lib/Lock.sol": (_BOTH,),
    "lib/MoneyRule.sol": (_BOTH,),
    "lib/Payout.sol": (_FRONT,),
    "lib/Terms.sol": (Target((FRONT, BACK, FACTORY), _SPLIT, _SPLIT_TESTS), _AMENDABLE),
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

FORGE_EFFORT = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "20", "FOUNDRY_INVARIANT_DEPTH": "50"}
SECONDS = 900


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

    Optimised no further than the stack asks for: what a mutant does is the same, and it is there in half the
    time.
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
    needed = set().union(*(_needed_by(UNITS[name], contents) for name in names))
    selection: dict[str, dict[str, list[str]]] = {}
    for name in names:
        selection.setdefault(UNITS[name], {})[name] = ["evm.bytecode.object"]
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
    return {
        name: str(output["contracts"][UNITS[name]][name]["evm"]["bytecode"]["object"]) for name in names
    }


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
    """Compiles mutants and asks the killers."""

    def __init__(self) -> None:
        self.compiler = Compiler()
        WORK.mkdir(parents=True, exist_ok=True)
        self.baseline = compile_parts(self.compiler, (*PARTS, LOADER, ESCROW, BOOK))

    def verdict_of(self, mutant: Mutant, *, quick: bool = False) -> tuple[str, str]:
        """(verdict, by what): stillborn, same (bytes), killed, survived; open if `quick` stops at forge."""
        for target in TARGETS[mutant.file]:
            try:
                made = compile_parts(self.compiler, target.contracts, mutant)
            except Broken as broken:
                return "stillborn", str(broken).splitlines()[0]
            # All that share storage and encodings change together, or their discord would be what is noticed.
            if all(code == self.baseline[name] for name, code in made.items()):
                continue
            with tempfile.TemporaryDirectory(dir=WORK) as folder:
                write_artifacts(Path(folder), {**self.baseline, **made})
                by = forge(Path(folder), target.suites)
                if by is None and quick:
                    return "open", "survived forge"
                by = by or python(Path(folder), target.tests, mutant.file)
            return ("killed", by) if by else ("survived", "")
        return "same", "compiles to the same bytes"

    def calibrate(self, files: Sequence[str]) -> None:
        """Raise RuntimeError unless the unbroken contracts pass and every known mutant is killed."""
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            write_artifacts(Path(folder), self.baseline)
            by = forge(
                Path(folder),
                sorted({suite for file in files for target in TARGETS[file] for suite in target.suites}),
            )
            tests = sorted(
                {pattern for file in files for target in TARGETS[file] for pattern in target.tests}
            )
            by = by or python(Path(folder), tests)
        say(f"unbroken: {by or 'passes'}")
        if by:
            raise RuntimeError(f"the unbroken contracts do not pass: {by}")
        for mutant in known():
            if mutant.file in files:
                verdict, by = self.verdict_of(mutant)
                say(f"{verdict} {mutant} by {by}")
                if verdict != "killed":
                    raise RuntimeError(f"a mutant known to be killed was not: {mutant}")


def forge(folder: Path, suites: Sequence[str]) -> str | None:
    """Which of forge's tests fails first on these artifacts, if any."""
    command: list[str | Path] = [FORGE, "test", "--root", ROOT, "--fuzz-seed", "1", "--fail-fast"]
    environment = {**FORGE_EFFORT, "REVSHARE_TEST_ARTIFACTS": folder.relative_to(ROOT).as_posix()}
    try:
        done = subprocess.run(
            [*command, "--match-contract", f"^({'|'.join(suites)})$"],
            cwd=ROOT,
            env={**os.environ, "PATH": _path(), "NO_COLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "forge (timeout)"
    if done.returncode == 0:
        return None
    if "[FAIL" not in done.stdout:
        raise RuntimeError(f"forge did not run:\n{done.stdout}")
    # A fuzz test's name follows on the same line, an invariant's after the calls that broke it.
    failed = done.stdout[done.stdout.index("[FAIL") :]
    found = re.search(r"\b(test\w*|invariant_\w+|setUp)\(", failed)
    return f"forge {found[1]}" if found else "forge"


class _Order:
    """A pytest plugin: those that killed before go first, then the quicker before the slower."""

    def __init__(self, times: dict[str, float], kills: Mapping[str, int]) -> None:
        self.times, self.kills = times, kills
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: (-self.kills.get(item.nodeid, 0), self.times.get(item.nodeid, 1.0)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call":
            self.times[report.nodeid] = report.duration
        if report.failed:
            self.failed.append(report.nodeid)


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


def python(folder: Path, patterns: Sequence[str], file: str = "") -> str | None:
    """Which test in Python fails first on these artifacts, if any; `file` is the source that was changed."""
    import pytest
    import web3  # noqa: F401  (imported once, for all the processes forked here)

    log, times_file, kills_file = WORK / f"pytest-{os.getpid()}.log", WORK / "times.json", WORK / "kills.json"
    times = json.loads(times_file.read_text(encoding="utf-8")) if times_file.is_file() else {}
    kills = json.loads(kills_file.read_text(encoding="utf-8")) if kills_file.is_file() else {}
    tests = [str(found) for pattern in patterns for found in sorted(ROOT.glob(pattern))]
    result = folder / "pytest.json"
    child = os.fork()
    if child == 0:
        code = 3
        with contextlib.suppress(BaseException):
            os.setsid()
            os.chdir(ROOT)
            sys.path.insert(0, str(ROOT))
            with log.open("w") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
            os.environ["REVSHARE_TEST_ARTIFACTS"] = folder.relative_to(ROOT).as_posix()
            _use(folder)
            order = _Order(times, kills.get(file, {}))
            options = ["-x", "-q", "-n0", "--no-header", "-p", "no:randomly", "--tb=short"]
            # It asks whether foreign code is recognised, which is left out here.
            options += ["--deselect", f"{_NESTING}::test_a_back_office_of_somebody_elses_is_not_trusted"]
            code = int(pytest.main([*options, *dict.fromkeys(tests)], plugins=[order]))
            result.write_text(json.dumps({"times": order.times, "failed": order.failed}), encoding="utf-8")
        os._exit(code)
    ended = time.monotonic() + SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > ended:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "pytest (timeout)"
        time.sleep(0.05)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1) or not result.is_file():
        raise RuntimeError(f"pytest did not run ({code}):\n{log.read_text(encoding='utf-8')}")
    told = json.loads(result.read_text(encoding="utf-8"))
    if code == 0:
        times_file.write_text(
            json.dumps(told["times"] if not times else {**times, **told["times"]}), encoding="utf-8"
        )
        return None
    killer = str(told["failed"][0])
    kills.setdefault(file, {})[killer] = kills.get(file, {}).get(killer, 0) + 1
    kills_file.write_text(json.dumps(kills), encoding="utf-8")
    return killer


# ------------------------------------------------------------------------------------------ the command


def say(text: str) -> None:
    """Print a line at once, for whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """What came of it, in Markdown: a row per file, and what lives."""
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
    alive = [entry for entry in verdicts if entry["verdict"] in ("survived", "open")]
    return "\n".join([*lines, "", *(f"- {entry['verdict']}: {entry['mutant']}" for entry in alive)])


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
    parser.add_argument("--list", action="store_true", help="show the sample and stop")
    parser.add_argument("--report", action="store_true", help="say what has come of the sample and stop")
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
    if not options.report:
        judge = Judge()
        if not options.calibrated:
            judge.calibrate(files)
        if options.calibrate:
            return 0
        part, of = map(int, options.part.split("/"))
        _try(judge, drawn[part - 1 :: of], options.results, again=options.again, quick=options.quick)
    done = _verdicts(options.results)
    verdicts = [done[key] for key in map(_key, drawn) if key in done]
    say("\n" + report(verdicts) + f"\n{len(verdicts)} of the sample of {len(drawn)} tried")
    judged = Counter(entry["verdict"] for entry in verdicts)
    return 0 if judged["killed"] >= 0.95 * (judged["killed"] + judged["survived"]) else 1


def _try(judge: Judge, drawn: Sequence[Mutant], results: Path, *, again: bool, quick: bool) -> None:
    done = _verdicts(results)
    for number, mutant in enumerate(drawn, 1):
        entry = done.get(_key(mutant))
        told_before = entry["verdict"] if entry else "open"
        if entry and (told_before != "open" or quick) and not (again and told_before == "survived"):
            continue
        started = time.monotonic()
        verdict, by = judge.verdict_of(mutant, quick=quick)
        seconds = round(time.monotonic() - started)
        told = {**asdict(mutant), "mutant": str(mutant), "verdict": verdict, "by": by, "seconds": seconds}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        say(f"{number}/{len(drawn)} {verdict} {mutant} {by} ({seconds} s)")


def _key(mutant: Mutant) -> tuple[str, int, str, str]:
    return mutant.file, mutant.offset, mutant.before, mutant.after


def _verdicts(results: Path) -> dict[tuple[str, int, str, str], dict[str, Any]]:
    """The last verdict on each mutant."""
    entries = map(json.loads, results.read_text(encoding="utf-8").splitlines()) if results.is_file() else ()
    return {(e["file"], e["offset"], e["before"], e["after"]): e for e in entries}


if __name__ == "__main__":
    sys.exit(main())
