"""Every page of the documentation runs, its links lead somewhere, and its lists are complete."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import revshare as rs
from gas import accepted, targets
from revshare import errors
from revshare._commands import app
from revshare.chain import artifacts
from tests import markdown, nodes
from tests.conftest import ROOT

DOCS = ROOT / "docs"
SECURITY = ROOT / "SECURITY.md"
PAGES = [*sorted(DOCS.rglob("*.md")), SECURITY]
SNAPSHOTS = ("gas.json", "gas_book.json")
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


# ------------------------------------------------------------------------------------------ gas


FIGURES = (  # what; in gas.py; in gas.json and gas_book.json; of peers.json; for how many payees
    ("create", "create", "create {}", "create immutable", (2, 10, 100)),
    ("bare receipt of coin", "receive", "receive coin", "receive coin", ("",)),
    (
        "pay everybody, coin, warm",
        "distribute_coin_warm",
        "distribute coin {} warm",
        "distribute coin warm",
        (2, 10, 100, 500),
    ),
    (
        "pay everybody, coin, first",
        "",
        "distribute coin {} first",
        "distribute coin first",
        (2, 10, 100, 500),
    ),
    (
        "pay everybody, ERC-20, warm",
        "distribute_erc20_warm",
        "distribute erc20 {} warm",
        "distribute erc20 warm",
        (2, 10, 100),
    ),
    ("claim, coin, warm", "claim_warm", "claim coin {} warm", "", (10, 100)),
    ("`pay` a sale, coin", "pay_coin", "pay coin warm", "", ("",)),
    ("`pay` a sale, ERC-20", "", "pay erc20 warm", "", ("",)),
    ("`remit`, ERC-20", "", "remit erc20 warm", "", ("",)),
    ("publish a payout book, coin, warm", "book_publish", "publish coin warm", "", ("",)),
    (
        "claim from a book, coin, warm",
        "book_claim",
        "claim coin among {} by itself warm",
        "",
        (1_000, 100_000),
    ),
    ("the same, sent by somebody else", "", "claim coin among {} warm", "", (1_000, 100_000)),
)


def test_gas_figures_are_those_of_the_snapshots() -> None:
    """Which `tests/contract/test_gas.py` and `test_gas_book.py` measure."""
    snapshots = [json.loads((ROOT / "tests/contract" / name).read_text()) for name in SNAPSHOTS]
    found = snapshots[0] | snapshots[1]
    recorded = json.loads((ROOT / "benchmarks" / "peers.json").read_text())["recorded"]
    most = targets()
    rows = ["| gas | payees | revshare | at most | best peer |", "|---|--:|--:|--:|--:|"]
    for what, ours, kept, theirs, counts in FIGURES:
        for count in map(str, counts):
            limit = most.get((ours, count))
            others = (  # "pull" credits everybody, and pays nobody
                peer[theirs].get(count or "any")
                for name, peer in recorded.items()
                if theirs in peer and "pull" not in name
            )
            best = min((used for used in others if used), default=None)
            cells = [found[kept.format(count)], limit, best]
            shown = " | ".join(f"{cell:,}" if cell else "" for cell in cells)
            rows.append(f"| {what} | {f'{int(count):,}' if count else ''} | {shown} |")
            assert limit is None or cells[0] <= accepted().get((ours, count), limit)
    markdown.generated(DOCS / "gas.md", "figures", "\n".join(rows) + "\n")


@pytest.mark.skipif(not nodes.ANVIL.is_file(), reason="anvil is not there: `npm ci`")
def test_the_gas_is_accounted_for_opcode_by_opcode() -> None:
    import opcodes

    of_one_tier, of_three = opcodes.accounts()
    markdown.generated(DOCS / "gas.md", "opcodes", opcodes.markdown(of_one_tier))
    markdown.generated(DOCS / "gas.md", "tiers", opcodes.compared(of_three, 100))


def test_every_command_is_listed() -> None:
    def listed(group: Any, before: str) -> Iterator[str]:
        for name, command in group.commands.items():
            if getattr(command, "commands", None):
                yield from listed(command, f"{before}{name} ")
                continue
            example = (command.epilog or "").removeprefix("Example: ")
            assert example.startswith(f"revshare {before}{name}"), f"{before}{name} has no example"
            does = (command.help or "").partition("\n\n")[0].replace("\n", " ")
            yield f"| `{before}{name}` | {does} | `{example}` |"

    rows = ["| command | does | for example |", "|---|---|---|", *listed(get_command(app), "")]
    markdown.generated(DOCS / "command-line.md", "commands", "\n".join(rows) + "\n")


@pytest.mark.parametrize("page", ["contracts.md", "specification.md"])
def test_everything_the_contracts_answer_to_is_documented(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for contract in ("RevenueSplit", "AmendableSplit", "RevenueSplitFactory", "SaleEscrow", "PayoutBook"):
        for entry in artifacts.load(contract).abi:
            if entry["type"] in ("function", "event", "error"):
                assert f"`{entry['name']}" in text, f"{entry['type']} {entry['name']} of {contract}"


def test_every_line_of_the_specification_is_held_by_tests_that_are_there() -> None:
    """They are named without their folders; every table with a column "held by" has one in each row."""
    page = (DOCS / "specification.md").read_text(encoding="utf-8")
    files: dict[str, list[Path]] = {}
    for folder, pattern in (("tests", "*.py"), ("solidity/test", "*.sol"), ("solidity/proofs", "*.sol")):
        for file in (ROOT / folder).rglob(pattern):
            if file.is_file() and "out" not in file.parts:
                files.setdefault(file.name, []).append(file)
    wrong = [
        f"{name}::{function} is in {len(there)} files"
        for name, function in re.findall(r"`([\w.]+\.(?:py|sol))::(\w+)`", page)
        for there in [[file for file in files.get(name, []) if markdown.defines(file, function)]]
        if len(there) != 1
    ]
    assert wrong == []

    rows = 0
    for table in re.findall(r"^\|.*held by \|\n\|[-|:]+\n((?:\|.*\n)+)", page, re.MULTILINE):
        for row in table.splitlines():
            held_by = row.rstrip("| ").rpartition(" | ")[2]
            assert re.fullmatch(r"`[\w.]+::\w+`(, `[\w.]+::\w+`)*", held_by), row
            rows += 1
    assert rows > 150


def test_every_threat_has_its_tests() -> None:
    """And every promise; that they are there is asked of every page."""
    page = (DOCS / "contracts.md").read_text(encoding="utf-8")
    threats = page.partition("## Threats")[2].partition("\n## ")[0]
    rows = [row.strip("| ").split(" | ") for row in threats.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 30
    for attack, stopped_by, tests in rows:
        assert stopped_by, attack
        assert re.fullmatch(r"`tests/[\w/.]+::test_\w+`(, `tests/[\w/.]+::test_\w+`)*", tests), attack
    for row in re.findall(r"^\| [A-Z][^|]* \| `tests/.*$", page, re.MULTILINE):
        assert "::test_" in row
