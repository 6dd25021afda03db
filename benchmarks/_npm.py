"""Contracts of others, from npm's packages: as they ship them, or compiled here from their sources."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
TOOLS = HERE.parent / "node_modules"

# npm's solc as a program would be: standard-json in, standard-json out.
_SOLC = """
const solc = require(process.argv[1]);
process.stdout.write(solc.compile(require('fs').readFileSync(0, 'utf8')));
"""
_TOKEN = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.4;

import "solady/src/tokens/ERC20.sol";

contract Measured is ERC20 {
    constructor() {
        _mint(msg.sender, 2 ** 200);
    }

    function name() public pure override returns (string memory) {
        return "Measured";
    }

    function symbol() public pure override returns (string memory) {
        return "MSD";
    }
}
"""


@dataclass(frozen=True)
class Code:
    """What it takes to deploy a contract and call it."""

    abi: Sequence[Mapping[str, Any]]
    bytecode: str


def openzeppelin(name: str) -> Code:
    """A contract as @openzeppelin/contracts 4.9.6 ships it, compiled by its makers."""
    file = TOOLS / "@openzeppelin" / "contracts" / "build" / "contracts" / f"{name}.json"
    built = json.loads(file.read_text("utf-8"))
    return Code(built["abi"], built["bytecode"])


@cache
def thirdweb() -> tuple[Code, Code]:
    """Split of @thirdweb-dev/contracts 3.15.0 and the factory that clones it: solc 0.8.23, 20 runs."""
    names = ["@thirdweb-dev/contracts/prebuilts/split/Split.sol"]
    names += ["@thirdweb-dev/contracts/infra/TWStatelessFactory.sol"]
    split, factory = _compile({}, names, runs=20)
    return split, factory


@cache
def solady_token() -> Code:
    """A fixed supply of solady 0.0.180's ERC-20: about the least that a token's transfer costs."""
    return _compile({"Measured.sol": _TOKEN}, ["Measured.sol"], runs=1_000_000)[0]


def _compile(given: dict[str, str], names: list[str], runs: int) -> list[Code]:
    """The contracts that are called as their files are."""
    standard = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in _with_imports(given, names).items()},
        "settings": {
            "optimizer": {"enabled": True, "runs": runs},
            "evmVersion": "london",
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    command = ["node", "-e", _SOLC, str(PACKAGES / "solc")]
    ran = subprocess.run(command, input=json.dumps(standard), capture_output=True, text=True, check=True)
    output = json.loads(ran.stdout)
    bad = [error["formattedMessage"] for error in output.get("errors", []) if error["severity"] == "error"]
    if bad:
        raise RuntimeError("\n".join(bad))
    made = [output["contracts"][name][Path(name).stem] for name in names]
    return [Code(each["abi"], "0x" + each["evm"]["bytecode"]["object"]) for each in made]


def _with_imports(given: dict[str, str], names: list[str]) -> dict[str, str]:
    """The sources of these names and of all they import, by the names solc will ask for."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = given.get(name) or (PACKAGES / name).read_text("utf-8")
            said = re.findall(r'^import\s[^"]*"([^"]+)"', found[name], re.MULTILINE)
            waiting += [_resolve(path, Path(name)) for path in said]
    return found


def _resolve(path: str, importer: Path) -> str:
    if not path.startswith("."):
        return path
    parts = list(importer.parent.parts)
    for part in Path(path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
