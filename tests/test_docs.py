"""Every page of the documentation runs, its links lead somewhere, and its lists are complete."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest

import revshare as rs
from revshare import errors
from revshare.chain import artifacts
from tests import markdown
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
CORPUS = ROOT / "tests" / "corpus" / "agreements"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_and_its_links_lead_somewhere(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "examples" / "australia.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    markdown.run_page(page)
    markdown.check_links(page)


def test_every_page_is_on_the_map() -> None:
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in text, page.name


def test_the_picture_shows_what_the_schedule_gives() -> None:
    """It is drawn anew, from the agreement, and must come out the same."""
    namespace: dict[str, object] = {"__name__": "picture", "__file__": str(DOCS / "picture.py")}
    exec((DOCS / "picture.py").read_text(encoding="utf-8"), namespace)
    draw = namespace["draw"]
    assert callable(draw)
    drawn = draw(rs.Agreement.load(ROOT / "examples" / "australia.toml"))
    picture = DOCS / "money-rule.svg"
    if markdown.WRITE:
        picture.write_text(drawn, encoding="utf-8", newline="\n")
    assert picture.read_text(encoding="utf-8") == drawn
    for figure in ("1,005.10", "3,994.90", "2,762.5455", "10,022.81"):
        assert figure in drawn


# ------------------------------------------------------------------------------------------ lists


def test_every_message_about_an_agreement_is_listed() -> None:
    rows = ["| where | what is wrong | how to mend it |", "|---|---|---|"]
    seen = set()
    for file in sorted(CORPUS.iterdir()):
        if file.name == "expected.toml":
            continue
        with pytest.raises(rs.AgreementError) as refused:
            rs.Agreement.load(file)
        for problem in map(whatever_the_parser_says, refused.value.problems):
            kind = re.sub(
                r"'[^']*'|\"[^\"]*\"|\d[\w.,%]*|\(.*\)|^\S+ (?=is neither|is not)", "…", problem.what
            )
            if kind not in seen:
                seen.add(kind)
                rows.append(f"| {' | '.join(map(cell, (problem.where, problem.what, problem.fix)))} |")
    assert len(rows) > 40
    markdown.generated(DOCS / "agreement-file.md", "messages", "\n".join(rows) + "\n")


def whatever_the_parser_says(problem: rs.Problem) -> rs.Problem:
    """The problem, without what differs from one version of Python's parsers to the next."""
    what = re.sub(r"^is not (JSON|TOML) \(.*\)$", r"is not \1 (and what the parser says)", problem.what)
    return problem if what == problem.what else rs.Problem("line 2, column 3", what, problem.fix)


def cell(text: str) -> str:
    """`text` as it can stand in a table: short, and nothing in it is markup."""
    text = re.sub(r"(\S{24})\S{20,}(\S{6})", r"\1…\2", text)
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return re.sub(r"([|<>*\[\]`_\\])", r"\\\1", text)


def test_every_error_is_listed() -> None:
    tree = inspect.getdoc(errors)
    assert tree is not None
    drawn = re.search(r"^    RevShareError\n(?:    .*\n)+", tree, re.MULTILINE)
    assert drawn is not None
    text = "```text\n" + re.sub(r"^    ", "", drawn[0], flags=re.MULTILINE) + "```\n"
    for name in rs.__all__:
        kind = getattr(rs, name)
        if isinstance(kind, type) and issubclass(kind, rs.RevShareError):
            assert re.search(rf"\b{name}\b", text), name
    markdown.generated(DOCS / "python.md", "errors", text)


def test_everything_a_split_answers_to_is_documented() -> None:
    text = (DOCS / "contracts.md").read_text(encoding="utf-8")
    for contract in ("RevenueSplit", "RevenueSplitFactory"):
        for entry in artifacts.load(contract).abi:
            if entry["type"] in ("function", "event", "error"):
                assert f"`{entry['name']}" in text, f"{entry['type']} {entry['name']} of {contract}"
