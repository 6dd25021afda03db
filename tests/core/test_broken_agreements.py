"""Broken agreements: each refused with a message that names the place, never with another exception."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_agreement import TEXT

from revshare import Agreement, AgreementError

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "agreements"
EXPECTED: dict[str, list[str]] = tomllib.loads((CORPUS / "expected.toml").read_text(encoding="utf-8"))


def refusal(path: Path) -> AgreementError:
    with pytest.raises(AgreementError) as caught:
        Agreement.load(path)
    return caught.value


@pytest.mark.parametrize("file", EXPECTED)
def test_a_broken_file_is_refused_with_its_place_and_a_way_to_mend_it(file: str) -> None:
    error = refusal(CORPUS / file)
    message = str(error)
    for fragment in EXPECTED[file]:
        assert fragment in message
    assert message.startswith(str(CORPUS / file))
    for problem in error.problems:
        assert problem.where, "names the place"
        assert problem.fix, "says how to mend it"
        assert len(str(problem)) < 500, "is short"
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("file", [file for file, fragments in EXPECTED.items() if len(fragments) == 1])
def test_one_mistake_is_one_problem(file: str) -> None:
    assert len(refusal(CORPUS / file).problems) == 1


def test_the_corpus_is_whole() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {*EXPECTED, "expected.toml"}
    assert len(EXPECTED) >= 60


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "australia.toml").write_text(TEXT, encoding="utf-8")
    assert "did you mean 'australia.toml'?" in str(refusal(tmp_path / "austrlia.toml"))
    assert "does not exist; check the path" in str(refusal(tmp_path / "zzz.toml"))
    assert "does not exist" in str(refusal(tmp_path / "no" / "such" / "place.toml"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert "is a directory" in str(refusal(folder))
    assert "cannot be read" in str(refusal(Path("nul\0l.toml")))
    assert "cannot be read" in str(refusal(Path("x" * 5000 + ".toml")))


def test_a_file_too_large_to_be_an_agreement_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    assert "more than 16,777,216 bytes" in str(refusal(path))


def test_how_deep_is_too_deep_does_not_depend_on_the_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    for most in (limit, 50 * limit):
        sys.setrecursionlimit(most)
        try:
            for kind, text in (("toml", "a = " + "[" * 900 + "]" * 900), ("json", "[" * 900 + "]" * 900)):
                with pytest.raises(AgreementError, match="is nested too deeply"):
                    Agreement.loads(text, format=kind)  # type: ignore[arg-type]
        finally:
            sys.setrecursionlimit(limit)
    named = Agreement.loads(TEXT.replace("Cosmetics", "[" * 100))  # brackets in quotes are none
    assert named.name.startswith("[[[[")


def test_text_has_no_file_name() -> None:
    with pytest.raises(
        AgreementError, match="^agreement: line 1, column 1: the text begins with a byte-order"
    ):
        Agreement.loads("\ufeff" + TEXT)
    with pytest.raises(AgreementError, match="^agreement: byte 1: is not UTF-8"):
        Agreement.model_validate_json(b"\xff")
    with pytest.raises(AgreementError) as caught:
        Agreement.loads("")
    assert caught.value.source is None


@pytest.mark.parametrize("value", [None, 3, 1.5, "text", b"bytes", [], object(), {1: 2}, {None: None}])
def test_data_of_any_kind_is_refused_alike(value: Any) -> None:
    for data in (
        value,
        {"token": value},
        {"tiers": [value]},
        {"payees": value},
        {"tiers": [{"shares": value}]},
    ):
        with pytest.raises(AgreementError):
            Agreement.model_validate(data)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(AgreementError):
        Agreement.model_validate({"name": loop, "tiers": loop, "payees": {"a": loop}})


# ------------------------------------------------------------------------------------------ mutations

MANY = settings(max_examples=4 * settings().max_examples)
JSON = Agreement.loads(TEXT).to_json()
SNIPPETS = st.one_of(
    st.text(max_size=4),
    st.sampled_from(
        [
            '"',
            "'",
            "{",
            "}",
            "[[",
            "]]",
            "=",
            "\n",
            "%",
            "0x",
            "nan",
            "1e9",
            "\\u0000",
            "\\ud800",
            "9" * 4400,
            ",",
        ]
    ),
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """`text` with up to three pieces cut out, replaced or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.just(""), SNIPPETS, st.just(text[at:until] * 2)))
        text = text[:at] + piece + text[until:]
    return text


def valid_or_refused(text: str, kind: Any) -> None:
    try:
        agreement = Agreement.loads(text, format=kind)
    except AgreementError as error:
        str(error).encode()  # can be printed
    else:
        assert Agreement.loads(agreement.to_toml()) == agreement
        compiled_or_refused(agreement)


def compiled_or_refused(agreement: Agreement) -> None:
    try:
        agreement.schedule()
    except AgreementError as error:  # what the rules say cannot be tiers of a contract
        assert agreement.rules
        assert all(problem.fix for problem in error.problems)
    agreement.enforcement()


RULED = (
    TEXT
    + """
[[rules]]
rule = "commission"
to = "exporter"
rate = "10%"

[[rules]]
rule = "recoup"
payee = "designer"
amount = "500"
premium = "1.2"
due = 2027-12-31

[[rules]]
rule = "progressive"
payee = "designer"
steps = [{ until = "100", rate = "5%" }, { rate = "7.5%" }]

[[rules]]
rule = "where"
territory = ["AU", "NZ"]
shares = { designer = 1 }
"""
)


@MANY
@given(mutated(RULED))
def test_a_mutated_file_with_rules_is_refused_or_valid(text: str) -> None:
    valid_or_refused(text, "toml")


@MANY
@given(mutated(TEXT))
def test_a_mutated_toml_file_is_refused_or_valid(text: str) -> None:
    valid_or_refused(text, "toml")


@MANY
@given(mutated(JSON))
def test_a_mutated_json_file_is_refused_or_valid(text: str) -> None:
    valid_or_refused(text, "json")


RULED_JSON = json.dumps(tomllib.loads(RULED), default=str)
KEYS = st.one_of(
    st.sampled_from(["until", "shares", "designer", "name", "rule", "payee"]), st.text(max_size=4)
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=3),
        st.dates(), st.sampled_from(["60%", "0x" + "1" * 40, 2**5000, "designer", "exporter"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@MANY
@given(st.data())
def test_data_with_any_value_in_any_place_is_refused_or_valid(data: st.DataObject) -> None:
    given_data = json.loads(data.draw(st.sampled_from([JSON, RULED_JSON])))
    for _ in range(data.draw(st.integers(1, 2))):
        node: Any = given_data
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(node[key], (dict, list)) and node[key] and data.draw(st.integers(0, 2)):
                node = node[key]
                continue
            node[key] = data.draw(VALUES)
            break
    try:
        agreement = Agreement.model_validate(given_data)
    except AgreementError as error:
        str(error).encode()
    else:
        compiled_or_refused(agreement)
