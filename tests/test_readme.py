"""What README.md says is so: its example and the demonstration run, its gas figures are measured ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import markdown
from tests.conftest import ROOT

README = ROOT / "README.md"
SNAPSHOT = ROOT / "tests" / "contract" / "gas.json"
PEERS = ROOT / "benchmarks" / "peers.json"
MEASURED = ROOT.parent / "shared" / "peers" / "gas.json"


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    markdown.run_page(README)


def test_the_example_has_about_fifteen_lines() -> None:
    example = next(
        block for block in markdown.blocks(README.read_text("utf-8")) if block.language == "python"
    )
    assert len(example.text.splitlines()) <= 16


def test_every_link_leads_somewhere() -> None:
    markdown.check_links(README)


# ------------------------------------------------------------------------------------------ gas


@pytest.mark.skipif(not MEASURED.is_file(), reason="the measurements are not part of the repository")
def test_figures_of_others_are_those_measured() -> None:
    assert peers().items() <= json.loads(MEASURED.read_text("utf-8")).items()


def test_gas_figures_are_those_of_the_snapshot() -> None:
    """Which `tests/contract/test_gas.py` measures."""
    markdown.generated(README, "gas", gas_table())


def peers() -> dict[str, Any]:
    recorded = json.loads(PEERS.read_text("utf-8"))
    return {**recorded["recorded"], **recorded["measured here too"]}


def gas_table() -> str:
    ours, others = json.loads(SNAPSHOT.read_text("utf-8")), peers()
    splits = others["0xSplits v2.2 push (solc 0.8.23, via-IR, 5M runs)"]
    plain = others["OpenZeppelin PaymentSplitter 4.9.6"]
    third = others["thirdweb Split 3.15.0 (20 runs)"]
    receive = [peer["receive coin"]["any"] for peer in (splits, plain, third)]
    lines = [
        "| gas | payees | revshare | 0xSplits v2 | PaymentSplitter | thirdweb |",
        "|---|--:|--:|--:|--:|--:|",
        row("receive coin", "any", ours["receive coin"], *receive),
    ]
    for label, mine, names in (
        ("create", "create {}", ("create", "create", "create (clone + initialize)")),
        (
            "pay everybody, coin",
            "distribute coin {} warm",
            ("distribute coin warm", "release all coin warm (N transactions)", "distribute coin warm"),
        ),
        (
            "pay everybody, ERC-20",
            "distribute erc20 {} warm",
            ("distribute erc20 warm", "release all erc20 warm (N transactions)", "distribute erc20 warm"),
        ),
    ):
        for n in ("2", "10", "100"):
            figures = [peer[name][n] for peer, name in zip((splits, plain, third), names, strict=True)]
            lines.append(row(label, n, ours[mine.format(n)], *figures))
    return "\n".join(lines) + "\n"


def row(label: str, payees: str, *figures: int) -> str:
    return f"| {label} | {payees} | " + " | ".join(f"{figure:,}" for figure in figures) + " |"
