"""What `make proofs` refuses: a proof that was cut short, a finding of slither that has no answer."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


prove, analyse, mutants = load("prove"), load("analyse"), load("mutants")

EXPECTED = {"BookProof": ["check_a", "check_b"]}


def results(**changes: Any) -> dict[str, Any]:
    """What halmos says of EXPECTED when all is well, with changes to the second test."""
    good = {"exitcode": 0, "num_bounded_loops": 0, "num_paths": [7, 3, 0], "time": [1.0, 1.0, 0.0]}
    return {
        "Book.t.sol:BookProof": [
            {"name": "check_a()", **good},
            {"name": "check_b(uint256)", **good, **changes},
        ]
    }


def problems(given: dict[str, Any], said: str = "") -> list[str]:
    found: list[str] = prove.problems_of(prove.Run(given, said), EXPECTED)
    return found


def test_proofs_that_hold_are_no_problem() -> None:
    assert problems(results()) == []
    assert problems(results(), "WARNING  unknown deployed bytecode:\n         0x3660\n") == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"exitcode": 1}, "does not hold"),
        ({"exitcode": 2}, "does not hold"),  # a timeout
        ({"exitcode": 3}, "does not hold"),  # paths it could not follow
        ({"exitcode": 4}, "does not hold"),  # no path got through
        ({"num_bounded_loops": 1}, "not explored"),
        ({"num_paths": [7, 3, 1]}, "could not be followed"),
        ({"name": "check_c()"}, "was not run"),
    ],
)
def test_what_does_not_hold_or_was_not_explored_is_a_problem(changes: dict[str, Any], word: str) -> None:
    assert [word in problem for problem in problems(results(**changes))] == [True]


@pytest.mark.parametrize(
    "said",
    [
        "WARNING  check_b(): paths have not been fully explored due to the loop unrolling bound: 2",
        "WARNING  Encountered NotConcreteError: symbolic memory offset:\n         x",
        "ERROR    solver_output.error='' (solver_output.returncode=0)",
    ],
)
def test_a_warning_is_a_problem(said: str) -> None:
    assert len(problems(results(), f"[PASS] check_a()\n{said}\n[PASS] check_b()\n")) == 1


def test_a_witness_must_be_refuted() -> None:
    for exitcode, count in ((1, 0), (0, 1), (2, 1)):
        given = {"Book.t.sol:BookWitness": [{"name": "check_a()", "exitcode": exitcode}]}
        assert len(prove.problems_of(prove.Run(given, ""), {"BookWitness": ["check_a"]})) == count


def test_every_contract_of_claims_has_its_opposites() -> None:
    claims = prove.expected_tests(r"\w*(Proof|Witness)")
    assert {"BookProof", "EscrowProof", "GovernanceProof", "OnceOnlyProof"} < claims.keys()
    assert {"AmendmentProof", "ClaimProof", "CommitmentProof", "DeliveryProof", "MoneyProof"} < claims.keys()
    witnesses = {"AmendmentWitness", "BookWitness", "ClaimWitness", "EscrowWitness", "SplitWitness"}
    assert witnesses < claims.keys()


def test_what_takes_long_is_run_when_asked_for_and_only_then() -> None:
    every_day = prove.expected_tests(r"\w*(Proof|Witness)")
    long = prove.expected_tests(r"\w*(Proof|Witness)", long=True)
    names = [name for tests in every_day.values() for name in tests]
    long_names = [name for tests in long.values() for name in tests]
    assert long_names
    assert all(name.startswith(prove.LONG) for name in long_names)
    assert not any(name.startswith(prove.LONG) for name in names)


# What is called in the proofs of a contract, under which name.
@pytest.mark.parametrize(
    ("artifacts", "files", "name"),
    [
        (["RevenueSplit", "BackOffice"], ["OnceOnly.t.sol"], "split"),
        (["AmendableSplit", "AmendableBackOffice"], ["Governance.t.sol", "Amendments.t.sol"], "controlled"),
        (["SaleEscrow"], ["Escrow.t.sol"], "escrow"),
        (["PayoutBook"], ["Book.t.sol"], "book"),
    ],
)
def test_no_function_that_changes_anything_is_left_out(
    artifacts: list[str], files: list[str], name: str
) -> None:
    """That no other call does something is only proved if every call is there."""
    text = "".join((prove.PROOFS / file).read_text(encoding="utf-8") for file in files)
    called = set(re.findall(rf"\babi\.encodeCall\(\s*{name}\.(\w+)", text))
    changing = {
        entry["name"]
        for artifact in artifacts
        for entry in json.loads((prove.ARTIFACTS / f"{artifact}.json").read_text(encoding="utf-8"))["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }
    assert changing
    assert changing - called == set()


def test_every_claim_is_run_once() -> None:
    claims = prove.expected_tests(r"\w*(Proof|Witness)")
    run = [(contract, name) for contract, names in prove.batches(claims) for name in names]
    assert sorted(run) == sorted((contract, name) for contract, names in claims.items() for name in names)
    assert len(set(run)) == len(run) > prove.BATCH


def test_the_document_counts_the_claims() -> None:
    text = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")
    stated: dict[str, int] = {}
    for contracts, count in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\d+) \|", text, re.MULTILINE):
        stated[contracts.replace("`", "")] = int(count)
    claims = {name: len(tests) for name, tests in prove.expected_tests(r"\w*(Proof|Witness)").items()}
    counted = {row: sum(claims.pop(name) for name in row.split(", ")) for row in stated}
    assert counted == stated
    assert claims == {}, "contracts that the document does not name"


def test_the_document_tells_of_what_takes_long() -> None:
    text = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)\.(check_long_\w+)` \|", text, re.MULTILINE)
    long = prove.expected_tests(r"\w*(Proof|Witness)", long=True)
    assert sorted(told) == sorted((contract, name) for contract, tests in long.items() for name in tests)


ROW = "| `timestamp` | `Escrow.open`, `Escrow.close` × 2 | Hours, not seconds |"
FOUND = {("timestamp", "Escrow.open"): ["is found"], ("timestamp", "Escrow.close"): ["is", "found twice"]}


def test_findings_that_are_answered_are_no_problem() -> None:
    assert analyse.differences(FOUND, analyse.answers(ROW)) == []


def test_a_finding_without_an_answer_is_a_problem() -> None:
    again = {**FOUND, ("timestamp", "Escrow.open"): ["is found", "once more"]}
    other = {**FOUND, ("assembly", "Escrow.open"): ["is found"]}
    empty = "| `timestamp` | `Escrow.open`, `Escrow.close` × 2 |  |"
    for found, text, count in ((again, ROW, 1), (other, ROW, 1), (FOUND, "", 2), (FOUND, empty, 2)):
        assert len(analyse.differences(found, analyse.answers(text))) == count


def test_an_answer_without_a_finding_is_a_problem() -> None:
    once = {**FOUND, ("timestamp", "Escrow.close"): ["is found"]}
    assert len(analyse.differences(once, analyse.answers(ROW))) == 1
    assert len(analyse.differences({}, analyse.answers(ROW))) == 2


def test_every_row_of_the_document_is_read() -> None:
    text = analyse.ANSWERS.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(analyse._ROW.findall(text)) > 0


def test_mutants_stated_by_hand_are_of_the_contracts_as_they_stand() -> None:
    """One whose text is gone from the source would end a run of hours, or worse, be passed over."""
    for mutant in [*mutants.known(), *mutants.by_hand()]:
        text = (mutants.SOURCES / mutant.file).read_text(encoding="utf-8")
        assert mutant.applied_to(text) != text
