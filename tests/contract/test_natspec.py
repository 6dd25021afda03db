"""Everything the contracts answer to, say or refuse with is explained, as the compiler reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import solcx

from revshare.chain.compile import find_compiler, standard_input
from tests.contract.compiled import ROOT

pytestmark = pytest.mark.xdist_group("natspec")

CONTRACTS = (
    "RevenueSplitFactory",
    "IAmendableSplit",
    "AmendableBackOffice",
    "BackOffice",
    "SaleEscrow",
    "PayoutBook",
    "DemoToken",
)


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    standard = standard_input(ROOT / "solidity", "src/**/*.sol")
    standard["settings"]["outputSelection"] = {"*": {"*": ["abi", "userdoc", "devdoc"]}}
    with find_compiler() as compiler:
        made = solcx.compile_standard(standard, solc_binary=compiler.path)
    return {name: contract for unit in made["contracts"].values() for name, contract in unit.items()}


def said_of(contract: dict[str, Any], kind: str, section: str) -> dict[str, str]:
    """Name of a function, event or error → all that is said of it."""
    found: dict[str, str] = {}
    for doc in ("userdoc", "devdoc"):
        for signature, words in contract[doc].get(section, {}).items():
            name = signature.partition("(")[0]
            found[name] = found.get(name, "") + f" {words}"
    if kind == "function":
        for name, words in contract["devdoc"].get("stateVariables", {}).items():
            found[name] = found.get(name, "") + f" {words}"
    return found


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize(
    ("kind", "section"), [("function", "methods"), ("event", "events"), ("error", "errors")]
)
def test_everything_external_is_explained(
    documented: dict[str, Any], name: str, kind: str, section: str
) -> None:
    contract = documented[name]
    said = said_of(contract, kind, section)
    there = {entry["name"] for entry in contract["abi"] if entry["type"] == kind}
    assert there <= said.keys(), there - said.keys()


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_changes_something_says_when_it_reverts(documented: dict[str, Any], name: str) -> None:
    contract = documented[name]
    said = said_of(contract, "function", "methods")
    for entry in contract["abi"]:
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
            assert re.search(r"[Rr]everts", said[entry["name"]]), entry["name"]


def test_what_is_said_to_revert_is_an_error_there_is(documented: dict[str, Any]) -> None:
    """By the names behind "Reverts:"."""
    errors = {entry["name"] for c in documented.values() for entry in c["abi"] if entry["type"] == "error"}
    assert len(errors) > 40
    named = set()
    for name in CONTRACTS:
        for function, words in said_of(documented[name], "function", "methods").items():
            for list_ in re.findall(r"Reverts: ([^.]*)", words):
                found = set(re.findall(r"\b[A-Z]\w+", list_)) - {"ERC"}
                assert found <= errors, (name, function, found - errors)
                named |= found
    assert len(named) > 35


def test_the_compiler_reads_every_tag(documented: dict[str, Any]) -> None:
    """It knows tags at the beginning of a line only: elsewhere they are words among others."""
    assert documented
    for file in (ROOT / "solidity" / "src").rglob("*.sol"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"\s*///.*\S.*\s@(dev|param|return|notice)\b", line), (file.name, line)
