"""What the tests deploy, compiled from source and kept between runs by the content it came from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from revshare.chain.compile import find_compiler, standard_input

ROOT = Path(__file__).resolve().parents[2]
MOCKS = Path(__file__).resolve().parent / "mocks"

CONTRACTS = "REVSHARE_TEST_CONTRACTS"
"""Environment variable: a folder with another `src/` to test in place of `solidity/`, such as a broken one,
to see that the tests notice."""
ARTIFACTS = "REVSHARE_TEST_ARTIFACTS"
"""Environment variable: a folder of artifacts whose code is tested instead of what the sources compile to."""


def sources() -> Path:
    """The folder whose `src/` is tested."""
    return Path(os.environ.get(CONTRACTS) or ROOT / "solidity").resolve()


def compile_all(cache: Path) -> dict[str, Any]:
    """Return {name: {"abi", "bytecode"}} of the contracts and the mocks; interfaces have an ABI only."""
    contracts = sources()
    with (cache / "lock").open("w") as lock:  # other workers wait for the first
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = _compiled(cache, contracts, "src/**/*.sol") | _compiled(cache, MOCKS, "*.sol")
    if ARTIFACTS in os.environ:
        for file in (ROOT / os.environ[ARTIFACTS]).glob("[A-Z]*.json"):
            made[file.stem]["bytecode"] = json.loads(file.read_text(encoding="utf-8"))["bytecode"]
    return made


def _compiled(cache: Path, root: Path, pattern: str) -> dict[str, Any]:
    standard = standard_input(root, pattern)
    if root == MOCKS:  # nobody pays for the mocks: quick to compile is what counts
        standard["settings"]["optimizer"] = {"enabled": True, "runs": 200}
    name = hashlib.sha256(json.dumps(standard, sort_keys=True).encode()).hexdigest()
    kept = cache / f"{name}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    made = _run(standard)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(made))
    partial.replace(kept)
    return made


def _run(standard: Mapping[str, Any]) -> dict[str, Any]:
    import solcx

    with find_compiler() as compiler:
        output = solcx.compile_standard(dict(standard), solc_binary=compiler.path, allow_empty=True)
    return {
        name: {"abi": contract["abi"], "bytecode": "0x" + contract["evm"]["bytecode"]["object"]}
        for contracts in output["contracts"].values()
        for name, contract in contracts.items()
    }
