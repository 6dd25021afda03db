"""Broken files of every kind: each refused by name, where it is broken, and nothing of it in the ledger."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import revshare as rs
from revshare.cli import main

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "imports"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
FILES = [file for file in EXPECTED if not file.startswith("mapping-")]
MAPPINGS = [file for file in EXPECTED if file.startswith("mapping-")]
GOOD = tomllib.loads((CORPUS / "good.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ledger() -> Iterator[rs.Ledger]:
    with rs.Ledger.open("sqlite://") as opened:
        yield opened
        assert opened.verify().entries == 0


def mapping_of(file: str) -> rs.SaleMapping:
    data = GOOD | EXPECTED[file].get("mapping", {})
    return rs.SaleMapping.model_validate({key: value for key, value in data.items() if value is not None})


@pytest.mark.parametrize("file", FILES)
def test_a_broken_file_is_refused_at_its_line_and_column(file: str, ledger: rs.Ledger) -> None:
    expected = EXPECTED[file]
    with pytest.raises(rs.ImportRefused) as caught:
        ledger.import_sales(CORPUS / file, mapping_of(file))
    error = caught.value
    assert error.source == file
    assert error.__cause__ is None
    assert "nothing was imported" in str(error)
    assert error.count == len(error.problems) == 1 or expected.get("several"), str(error)
    first = error.problems[0]
    assert expected["reason"] in first.reason, str(error)
    assert re.search(expected.get("expect_reason", ""), first.reason), str(error)
    assert first.column == expected.get("expect_column", expected["column"]), str(error)
    if not expected.get("any_line"):
        assert first.line == expected["line"], str(error)
    assert len(str(first)) < 400
    assert str(first).isprintable(), "is one line that can be read"
    assert next(ledger.sales(), None) is None, "nothing of it is in the ledger"
    assert ledger.imports() == ()


@pytest.mark.parametrize("file", MAPPINGS)
def test_a_broken_mapping_is_refused_at_its_place(file: str) -> None:
    expected = EXPECTED[file]
    with pytest.raises(rs.MappingError) as caught:
        rs.SaleMapping.load(CORPUS / file)
    error = caught.value
    assert error.source == str(CORPUS / file)
    told = [str(problem) for problem in error.problems if problem.where == expected["where"]]
    assert any(expected["reason"] in problem for problem in told), str(error)
    assert all(problem.fix for problem in error.problems)
    assert error.__cause__ is None


def test_the_corpus_is_whole_and_large() -> None:
    there = {path.name for path in CORPUS.iterdir() if path.suffix not in ("", ".py")}
    assert there == {*EXPECTED, "expected.json", "good.toml"}
    assert len(EXPECTED) >= 300
    for suffix, count in ((".csv", 150), (".xlsx", 40), (".parquet", 30), (".toml", 60)):
        assert sum(file.endswith(suffix) for file in EXPECTED) >= count


def test_a_good_mapping_is_only_broken_by_what_was_broken() -> None:
    assert rs.SaleMapping.load(CORPUS / "good.toml").routes[1].agreement == "Islands"


@pytest.mark.parametrize(
    "file",
    [
        "quantity-nan.csv",
        "cut-at-50-percent.xlsx",
        "nan.parquet",
        "quote-never-ends.csv",
        "mapping-deep.toml",
    ],
)
def test_the_command_line_says_it_without_a_traceback(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = CORPUS / (file if file.endswith(".toml") else "good.toml")
    data = CORPUS / ("quantity-nan.csv" if file.endswith(".toml") else file)
    arguments = [
        "sales",
        "import",
        str(data),
        "--mapping",
        str(mapping),
        "--ledger",
        str(tmp_path / "sales.db"),
    ]
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--yes", "--json"])
    assert left.value.code == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["kind"] == ("MappingError" if file.endswith(".toml") else "ImportRefused")
    assert error["problems"]
    assert "Traceback" not in told.err
