"""`revshare check` says of each rule who enforces it, and draws the tiers that rules become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import revshare as rs
from revshare.rules import Floor, Reserve, Retain, Rule, Threshold
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


WITHHELD = (
    FILM.replace("due = 2027-12-31", "")
    + """
[[rules]]
rule = "withhold"
payee = "producer"
to = "distributor"
rate = "20%"
"""
)


def test_what_is_withheld_is_no_tax_advice(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "not tax advice" not in run("check", str(film), capsys=capsys)[1]
    assert "not tax advice" not in rs.Agreement.load(film)._repr_html_()
    film.write_text(WITHHELD, encoding="utf-8")
    line = "withheld at the rates that the agreement states: they are data, not tax advice"
    assert line in lines(run("check", str(film), capsys=capsys)[1])
    assert line in rs.Agreement.load(film)._repr_html_()
    ledger, state = (str(film.with_name(name)) for name in ("sales.db", "film.json"))
    with rs.Ledger.open(ledger) as opened:
        for number, month in enumerate((1, 2), 1):
            day = datetime(2027, month, 5, tzinfo=UTC)
            opened.record(rs.Sale("box office", str(number), day, 150_000, "USDC", agreement="A film"))
    close = ("close", str(film), "--state", state, "--ledger", ledger, "--period")
    assert line not in lines(run(*close, "2027-01", capsys=capsys)[1]), "the investor has it all as yet"
    code, out, err = run(*close, "2027-02", capsys=capsys)
    assert (code, err, line in lines(out)) == (0, "", True)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (
            Floor(payee="ann", amount="10", by=["bob"]),
            "ann earns at least 10 per period, out of what bob earned",
        ),
        (Floor(payee="ann", amount="10"), "ann earns at least 10 per period, out of what all others earned"),
        (
            Reserve(rate="5%", periods=1, payees=["ann"]),
            "5% of what is to be paid to ann is held for a period",
        ),
        (Retain(rate="5%", payees=["ann", "bob"]), "5% of the earnings of ann and bob is kept as equity"),
        (Retain(rate="5%"), "5% of the earnings of all is kept as equity"),
        (Threshold(amount="50", payees=["ann"]), "nothing is paid to ann until 50 is due"),
        (
            Threshold(amount="50", flush=12),
            "nothing is paid to anybody until 50 is due; all of it after month 12",
        ),
    ],
)
def test_rules_of_one_and_of_many_are_said_in_whole_sentences(rule: Rule, says: str) -> None:
    assert rule.says() == says


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
