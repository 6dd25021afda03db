"""The shipped interface of a split is whole, though the compiler sees only the half that pays."""

from __future__ import annotations

import pytest

from revshare.chain import artifacts
from revshare.chain.abi import interface


def test_the_shipped_interface_has_what_is_delegated_too() -> None:
    split = artifacts.load("RevenueSplit")
    functions = {entry["name"]: entry for entry in split.abi if entry["type"] == "function"}
    assert {
        "pay",
        "remit",
        "distribute",
        "claim",
        "withdrawCredit",
        "statement",
        "verify",
    } <= functions.keys()
    assert [output["name"] for output in functions["statement"]["outputs"]] == ["revenue", "lines"]
    assert len(split.method_identifiers) == len(functions)
    kinds = [(e["type"], e.get("name"), str([i["type"] for i in e.get("inputs", ())])) for e in split.abi]
    assert len(kinds) == len(set(kinds))


def test_what_is_not_the_answer_of_a_function_is_an_error() -> None:
    split = interface("RevenueSplit")
    with pytest.raises(ValueError, match="is not"):
        split.decode("received", b"")
    assert split.event([], b"") is None
    assert split.event([b"\1" * 32], b"") is None
    assert split.error(b"\1\2\3\4") is None
