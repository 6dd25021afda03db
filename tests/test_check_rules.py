"""`revshare check` says of each rule who enforces it, and draws the tiers that rules become."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import revshare as rs
from tests.test_cli import run

FILM = """
name = "A film"
token = { symbol = "USDC", decimals = 2 }

[payees]
distributor = "0x0000000000000000000000000000000000000001"
investor = "0x0000000000000000000000000000000000000002"
producer = "0x0000000000000000000000000000000000000003"

[[tiers]]
shares = { investor = "50%", producer = "50%" }

[[rules]]
rule = "commission"
to = "distributor"
rate = "35%"

[[rules]]
rule = "recoup"
payee = "investor"
amount = "1000"
premium = "1.2"
due = 2027-12-31
"""
GUARANTEED = FILM + 'guarantor = "producer"\npool = "[bold]"\n'


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.toml"
    path.write_text(FILM, encoding="utf-8")
    return path


def lines(out: str) -> list[str]:
    return [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in out.splitlines()]


def test_rules_that_the_contract_enforces_are_drawn_as_tiers(
    film: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, err = run("check", str(film), capsys=capsys)
    assert code == 0
    assert "payee 0.00 to 1,846.16 1,846.16 on" in lines(out)
    assert "investor 65 % 32.5 %" in lines(out)
    assert "distributor takes 35% of all revenue contract it depends on revenue alone" in lines(out)
    gets = "investor gets back 1000 × 1.2 out of the revenue, by 2027-12-31"
    assert f"{gets} contract it depends on revenue alone; done at 1,846.16" in lines(out)
    assert err.startswith("hint: rules[1] is due on 2027-12-31")


def test_one_rule_for_the_book_takes_the_others_along(
    film: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    film.write_text(GUARANTEED, encoding="utf-8")
    code, out, err = run("check", str(film), capsys=capsys)
    assert (code, err) == (0, "")
    assert "investor 50 %" in lines(out), "the tiers as they are before rules"
    first = "distributor takes 35% of all revenue book the book pays for all, because of rules[1]"
    assert first in lines(out)
    assert any("'[bold]'" in line and "each contract sees its own money only" in line for line in lines(out))
    assert "`revshare close` works out the amounts" in out


def test_as_json_rule_by_rule(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(run("check", str(film), "--json", capsys=capsys)[1])
    assert shown["enforced_by"] == "contract"
    assert [(rule["rule"], rule["by"], rule["spent"]) for rule in shown["rules"]] == [
        ("commission", "contract", None),
        ("recoup", "contract", "1846.16"),
    ]
    assert [tier["until"] for tier in shown["tiers"]] == ["1846.16", None]
    film.write_text(GUARANTEED, encoding="utf-8")
    shown = json.loads(run("check", str(film), "--json", capsys=capsys)[1])
    assert shown["enforced_by"] == "book"
    assert {rule["by"] for rule in shown["rules"]} == {"book"}
    assert [tier["until"] for tier in shown["tiers"]] == [None]


def test_in_a_notebook_rules_are_shown_and_escaped() -> None:
    html = rs.Agreement.loads(FILM)._repr_html_()
    assert "1,846.16 on" in html
    assert "investor gets back 1000 × 1.2 out of the revenue, by 2027-12-31" in html
    book = rs.Agreement.loads(GUARANTEED.replace("[bold]", "<b>"))._repr_html_()
    assert "before rules" in book
    assert "&lt;b&gt;" in book
    assert "<b>" not in book
