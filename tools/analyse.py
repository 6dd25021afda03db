"""slither over the contracts: each finding has its answer in docs/static-analysis.md, no answer lacks one.

    .venv-proofs/bin/python tools/analyse.py

It analyses the compiler's input that is shipped beside the artifacts (the tests prove it to be what
solidity/src says), with all of slither's detectors. Findings in what others wrote (OpenZeppelin) and in
the demonstration's token are left out.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = ROOT / "docs/static-analysis.md"
COMPILER = ROOT / "src/revshare/chain/solc_npm.js"
# | `check` | `place`, `place` × 2 | answer |
_ROW = re.compile(
    r"^\| `(?P<check>[a-z0-9-]+)` \| (?P<places>`[^|]+) \| (?P<answer>[^|]*\w[^|]*) \|$", re.MULTILINE
)
_PLACE = re.compile(r"`([^`]+)`(?: × (\d+))?")


def findings() -> dict[tuple[str, str], list[str]]:
    """(check, place) → what slither says of it; a place is a function or variable by its full name."""
    from crytic_compile import CryticCompile
    from crytic_compile.platform.solc_standard_json import SolcStandardJson
    from slither import Slither
    from slither.detectors import all_detectors
    from slither.detectors.abstract_detector import AbstractDetector

    os.chdir(ROOT / "solidity")  # the input names its sources from here
    standard = json.loads((ROOT / "src/revshare/artifacts/standard-input.json").read_text(encoding="utf-8"))
    standard["settings"]["outputSelection"] = {
        "*": {"": ["ast"], "*": ["abi", "evm.bytecode", "evm.deployedBytecode"]}
    }
    slither = Slither(CryticCompile(SolcStandardJson(standard), solc=str(COMPILER)))
    for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
        if issubclass(detector, AbstractDetector):
            slither.register_detector(detector)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for results in slither.run_detectors():
        for result in results:
            if _ours(result):
                found[result["check"], _place(result)].append(str(result["description"]))
    return found


def _ours(result: dict[str, Any]) -> bool:
    names = [element["source_mapping"]["filename_relative"] for element in result["elements"]]
    return any(name.startswith("src/") and "/demo/" not in name for name in names)


def _place(result: dict[str, Any]) -> str:
    """The first thing that a finding is about, by its full name."""
    owner: dict[str, Any] = result["elements"][0]
    while owner["type"] not in {"function", "contract", "variable", "pragma", "event", "struct", "enum"}:
        owner = owner["type_specific_fields"]["parent"]
    fields = owner.get("type_specific_fields", {})
    name = str(fields.get("signature", owner["name"])).partition("(")[0]
    parent = fields.get("parent")
    while parent and parent["type"] == "function":
        name = f"{parent['name']}.{name}"
        parent = parent["type_specific_fields"]["parent"]
    return f"{parent['name']}.{name}" if parent else name


def answers(text: str) -> dict[tuple[str, str], int]:
    """(check, place) → how many findings the document answers."""
    answered: dict[tuple[str, str], int] = defaultdict(int)
    for row in _ROW.finditer(text):
        for place, count in _PLACE.findall(row["places"]):
            answered[row["check"], place] += int(count or 1)
    return dict(answered)


def differences(found: dict[tuple[str, str], list[str]], answered: dict[tuple[str, str], int]) -> list[str]:
    """Findings without an answer, and answers without a finding: a line each, with what slither says."""
    lines = []
    for check, place in sorted(found.keys() | answered.keys()):
        said, expected = found.get((check, place), []), answered.get((check, place), 0)
        if len(said) > expected:
            lines.append(
                f"{check} `{place}`: found {len(said)} times, answered {expected}\n  {said[-1].strip()}"
            )
        elif len(said) < expected:
            lines.append(f"{check} `{place}`: answered {expected} times, found {len(said)}")
    return lines


def main() -> int:
    """Compare; 0 when findings and answers are the same."""
    found = findings()
    problems = differences(found, answers(ANSWERS.read_text(encoding="utf-8")))
    for problem in problems:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(f"slither: {sum(map(len, found.values()))} findings, {len(problems)} not as answered\n")
    return 1 if problems or not found else 0


if __name__ == "__main__":
    sys.exit(main())
