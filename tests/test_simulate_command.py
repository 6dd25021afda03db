"""`revshare simulate`: a table, JSON, or a page; the figures are the library's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import revshare as rs
from revshare.cli import main
from tests.conftest import ROOT

OPTIONS = (
    "--mean",
    "2000",
    "--months",
    "6",
    "--paths",
    "200",
    "--seed",
    "4",
    "--refunds",
    "5%",
    "--season",
    "1,0.5",
)


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["simulate", *arguments])
    assert isinstance(stop.value.code, int)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copy(ROOT / "examples" / "australia.toml", tmp_path)
    return "australia.toml"


def by_the_library(file: str) -> rs.Simulation:
    model = rs.Growth("2000", volatility="30%", seasonality=(1, 0.5))
    return rs.simulate(rs.Agreement.load(file), revenue=model, refunds="5%", paths=200, periods=6, seed=4)


def test_the_table_fits_a_screen_and_has_the_figures(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(file, *OPTIONS, capsys=capsys)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "account_manager" in out
    found = by_the_library(file)
    for payee in found.payees:
        assert f"{found.quantile(payee, 0.5) // 10**4 / 100:,.2f}" in out
    assert "seed 4" in out


def test_json_has_every_month(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(file, *OPTIONS, "--json", capsys=capsys)
    found = by_the_library(file)
    said = json.loads(out)
    assert (code, said["seed"], said["paths"], said["periods"]) == (0, 4, 200, 6)
    rows = said["agreements"][0]["rows"]
    assert [row["p95"] for row in rows] == [found.token.format(row["p95"]) for row in found.rows()]
    assert said["agreements"][0]["tiers"][0]["filled"][-1] == float(found.completion(1))


def test_several_agreements_and_a_page(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = rs.Agreement.load(file).model_copy(update={"name": "Another"})
    other.save(tmp_path / "other.json")
    code, out, _ = run(file, "other.json", *OPTIONS, "--html", "page.html", capsys=capsys)
    assert code == 0
    assert "Cosmetics to Australia" in out
    assert "Another" in out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 10
    assert "other.json" in page
    code, _, _ = run(file, *OPTIONS, "--html", "page.html", capsys=capsys)
    assert "<h1>Cosmetics to Australia</h1>" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--growth", "two"), "growth must be"),
        (("--season", "1;2"), "factors with commas"),
        (("--season", "nan"), "must be a number"),
        (("--mean", "1e3"), "not a plain amount"),
        (("--refunds", "0.04"), "percentage in quotes"),
        (("--refund-lag", "6"), "refund_lag must be below"),
    ],
)
def test_a_mistake_gets_a_line(
    file: str, wrong: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(file, *OPTIONS, *wrong, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_of_several_agreements_the_one_that_needs_a_book_is_named(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = tmp_path / "held.toml"
    rule = '[[rules]]\nrule = "reserve"\nrate = "5%"\nperiods = 1\n'
    held.write_text(Path(file).read_text(encoding="utf-8") + "\n" + rule, encoding="utf-8")
    code, out, err = run(file, str(held), *OPTIONS, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"revshare: {held}: rules[0]: (5% of what is to be paid to all is held for a period)"
    )
