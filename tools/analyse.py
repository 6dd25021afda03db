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
_ROW = re.compile(r"^\| `(?P<check>[a-z0-9-]+)` \| (?P<place>`[^|]+`) \| (?P<answer>[^|]+) \|$", re.MULTILINE)


def findings() -> dict[tuple[str, str], list[str]]:
    """(check, places) → what slither says of it; a place is a function or variable by its full name."""
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
    places = []
    for element in result["elements"]:
        owner: dict[str, Any] = element
        while owner["type"] not in {"function", "contract", "variable", "pragma", "event", "struct", "enum"}:
            owner = owner["type_specific_fields"]["parent"]
        name = str(owner["type_specific_fields"].get("signature", owner["name"])).partition("(")[0]
        parent = owner.get("type_specific_fields", {}).get("parent")
        while parent and parent["type"] == "function":
            name = f"{parent['name']}.{name}"
            parent = parent["type_specific_fields"]["parent"]
        places.append(f"{parent['name']}.{name}" if parent else name)
    return "`" + " ".join(dict.fromkeys(places[:1])) + "`"


def answers() -> dict[tuple[str, str], str]:
    """(check, place) → answer, as the document says."""
    return {
        (row["check"], row["place"]): row["answer"].strip()
        for row in _ROW.finditer(ANSWERS.read_text("utf-8"))
    }


def main() -> int:
    """Compare; 0 when findings and answers are the same."""
    found, answered = findings(), answers()
    new, gone = found.keys() - answered.keys(), answered.keys() - found.keys()
    for check, place in sorted(new):
        sys.stdout.write(f"not answered: | `{check}` | {place} | … |\n  {found[check, place][0].strip()}\n")
    for check, place in sorted(gone):
        sys.stdout.write(f"answered, and no longer found: {check} {place}\n")
    sys.stdout.write(f"slither: {len(found)} findings, {len(found.keys() & answered.keys())} answered\n")
    return 1 if new or gone else 0


if __name__ == "__main__":
    sys.exit(main())
