"""The proofs of the contracts: halmos explores solidity/proofs; what it did not explore counts as failure.

    python tools/prove.py                        # all, as `make proofs` does, in two processes
    python tools/prove.py --contract BookProof   # one contract's
    python tools/prove.py --test check_confirm   # those whose name begins so
    python tools/prove.py --long                 # those that take too long for every day, and no others

What is proved are the shipped bytes: they are laid from src/revshare/artifacts where the proofs deploy
them from. Libraries are proved by themselves as well, in the harnesses of solidity/proofs/harness, which
are compiled here with the settings of what is shipped.

A proof holds only if halmos says so, met no loop bound, no timeout and no path it could not
follow, and warned of nothing. So that nothing holds for want of trying:

- `…Witness` contracts claim the opposite of what the proofs rely on, and must be refuted by a
  counterexample;
- `Unexplored` has a loop without an end; unless it is refused this runner is blind, and says nothing
  else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from revshare.chain.compile import compile_directory

ROOT = Path(__file__).resolve().parents[1]
PROOFS = ROOT / "solidity/proofs"
ARTIFACTS = ROOT / "src/revshare/artifacts"
FORGE = ROOT / "node_modules/@foundry-rs/forge-linux-amd64/bin"
HALMOS = ROOT / ".venv-proofs/bin/halmos"
SHIPPED = PROOFS / "out/shipped"

# The splits keep books in slots of their own reckoning. A branch that cannot be excluded within
# the default millisecond would be followed, and with it loops that cannot run. These times are a
# wall clock's: on a busy machine as well they must suffice. What takes longer fails, and never holds.
OPTIONS = (
    *("--storage-layout", "generic"),
    *("--solver-timeout-branching", "20s"),
    *("--solver-timeout-assertion", "600s"),
    *("--loop", "8"),
    "--disable-gc",
    "--no-status",
)
# How many tests one process of halmos takes: few, so that processes end at about the same time.
BATCH = 5
# halmos names contracts in its traces by code it compiled; the shipped ones, and clones, it cannot name.
HARMLESS = re.compile(r"unknown deployed bytecode:")
# What halmos says of the questions that a counterexample has made idle, where it stops at the first.
STOPPED = r"^ERROR\s+solver_output\.error='executor has been shutdown'.*$"
PASSED, COUNTEREXAMPLE = 0, 1
WITNESS, UNEXPLORED = "Witness", "Unexplored"
LONG = "check_long_"


@dataclass(frozen=True)
class Run:
    """What halmos gave: its own summary (contract → tests), and all that it said."""

    results: Mapping[str, Sequence[Mapping[str, Any]]]
    said: str


def problems_of(run: Run, expected: Mapping[str, Sequence[str]]) -> list[str]:
    """Why these results prove nothing: empty when every expected proof holds, fully explored.

    `expected`: the names of the tests that must be there, by contract.
    """
    found = {path.rpartition(":")[2]: tests for path, tests in run.results.items()}
    problems = []
    for contract, names in expected.items():
        tests = {str(test["name"]).partition("(")[0]: test for test in found.get(contract, ())}
        for name in names:
            problem = _problem_of(tests.get(name), refuted=contract.endswith(WITNESS))
            if problem:
                problems.append(f"{contract}.{name}: {problem}")
    for match in re.finditer(r"^(WARNING|ERROR)\s+(.*(?:\n {9}.*)*)", run.said, re.MULTILINE):
        said = " ".join(match[2].split())
        if not HARMLESS.match(said):
            problems.append(f"halmos: {said[:300]}")
    return problems


def _problem_of(test: Mapping[str, Any] | None, *, refuted: bool) -> str:
    if test is None:
        return "was not run"
    if refuted:
        return (
            ""
            if test["exitcode"] == COUNTEREXAMPLE
            else "has no counterexample, so a proof may hold for want of paths"
        )
    if test["exitcode"] != PASSED:
        return f"does not hold (halmos: {test['exitcode']})"
    if test["num_bounded_loops"]:
        return f"{test['num_bounded_loops']} loops were not explored beyond the bound"
    if test["num_paths"][2]:
        return f"{test['num_paths'][2]} paths could not be followed"
    return ""


def expected_tests(pattern: str, prefix: str = "", *, long: bool = False) -> dict[str, list[str]]:
    """The tests that stand in the sources, of contracts whose whole name matches; those that begin so.

    `long`: those that take long, and no others; left out, all but those.
    """
    expected: dict[str, list[str]] = {}
    for file in sorted(PROOFS.glob("*.t.sol")):
        for part in re.split(r"^(?=contract )", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            contract = part.split()[1]
            if re.fullmatch(pattern, contract):
                names = re.findall(r"\bfunction (check_\w+)\(", part)
                expected[contract] = [
                    name for name in names if name.startswith(prefix) and name.startswith(LONG) == long
                ]
    return {contract: names for contract, names in expected.items() if names}


def batches(expected: Mapping[str, Sequence[str]]) -> list[tuple[str, list[str]]]:
    """The same in portions for one process each: a contract, some of its tests."""
    return [
        (contract, list(names[start : start + BATCH]))
        for contract, names in expected.items()
        for start in range(0, len(names), BATCH)
    ]


def lay_shipped() -> None:
    """Put the shipped creation code where proofs find it, in the form halmos reads; beside it the
    harnesses'.
    """
    SHIPPED.mkdir(parents=True, exist_ok=True)
    for file in ARTIFACTS.glob("*.json"):
        artifact = json.loads(file.read_text(encoding="utf-8"))
        if "bytecode" in artifact:
            _lay(file.stem, artifact["bytecode"])
    for name, made in compile_directory(PROOFS / "harness").items():
        _lay(name, "0x" + made.bytecode.hex())


def _lay(name: str, code: str) -> None:
    (SHIPPED / f"{name}.json").write_text(json.dumps({"bytecode": {"object": code}}), encoding="utf-8")


def run_halmos(contract: str, names: Iterable[str], *options: str) -> Run:
    """Run these tests of a contract."""
    # node may be the one that `make` put beside the development environment's Python.
    places = [HALMOS.parent, FORGE, Path(sys.executable).parent]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, places), os.environ["PATH"]]),
        "NO_COLOR": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        done = subprocess.run(
            [
                HALMOS,
                "--root",
                ".",
                "--match-contract",
                f"^{contract}$",
                "--match-test",
                rf"^({'|'.join(names)})\(",
                "--json-output",
                output,
                *OPTIONS,
                *(["--early-exit"] if contract.endswith(WITNESS) else []),  # one counterexample is enough
                *options,
            ],
            cwd=PROOFS,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if not output.is_file():
            raise RuntimeError(f"halmos did not run:\n{done.stdout}")
        results = json.loads(output.read_text(encoding="utf-8"))["test_results"]
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    if contract.endswith(WITNESS):
        said = re.sub(STOPPED, "", said, flags=re.MULTILINE)
    return Run(results, said)


def sees_what_is_unexplored() -> bool:
    """Whether a proof whose loops were cut off is refused."""
    expected = expected_tests(UNEXPLORED)
    run = run_halmos(UNEXPLORED, expected[UNEXPLORED], "--loop", "2")
    return bool(run.results) and any("not explored" in p for p in problems_of(run, expected))


def run_all(expected: Mapping[str, Sequence[str]], workers: int) -> Run:
    """Run all of these, some processes at a time, say what each gave as it ends, and put it together."""
    results: dict[str, list[Mapping[str, Any]]] = {}
    said = []
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(run_halmos, *batch) for batch in batches(expected)]
        for done in as_completed(running):
            run = done.result()
            said.append(run.said)
            for path, tests in run.results.items():
                results.setdefault(path, []).extend(tests)
            sys.stdout.write(report(run) + "\n")
            sys.stdout.flush()
    return Run(results, "\n".join(said))


def report(run: Run) -> str:
    """A line per test: time, paths, name."""
    lines = []
    for path, tests in run.results.items():
        contract = path.rpartition(":")[2]
        for test in tests:
            verdict = {PASSED: "holds", COUNTEREXAMPLE: "refuted"}.get(test["exitcode"], "?")
            seconds = test["time"][0] if test["time"] else 0
            paths = test["num_paths"][0] if test["num_paths"] else 0
            name = str(test["name"]).partition("(")[0].removeprefix(LONG).removeprefix("check_")
            name = name.replace("_", " ")
            lines.append(f"{seconds:7.1f} s {paths:5} paths  {verdict:8} {contract}: {name}")
    return "\n".join(lines)


def main() -> int:
    """Run the proofs; 0 when all hold, fully explored."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contract", default="", help="only contracts of this name (a regular expression)")
    parser.add_argument("--test", default="", help="only tests whose name begins so")
    parser.add_argument("--long", action="store_true", help="those that take too long for every day")
    parser.add_argument("--workers", type=int, default=2, help="how many processes at a time")
    options = parser.parse_args()
    start = time.monotonic()
    lay_shipped()
    if not sees_what_is_unexplored():
        sys.stdout.write("a proof with a loop cut off was not refused: nothing below would mean anything\n")
        return 1
    expected = expected_tests(options.contract or rf"\w*(Proof|{WITNESS})", options.test, long=options.long)
    if not expected:
        sys.stdout.write("no such proof\n")
        return 1
    problems = problems_of(run_all(expected, options.workers), expected)
    if problems:
        sys.stdout.write("\n".join(["", *problems]) + "\n")
        return 1
    count = sum(map(len, expected.values()))
    minutes = (time.monotonic() - start) / 60
    sys.stdout.write(
        f"{count} claims in {minutes:.1f} minutes: "
        "all hold, fully explored, or are refuted where they must be\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
