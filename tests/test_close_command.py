"""`revshare close`: periods under rules that no contract computes, kept from one to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import revshare as rs
from revshare.cli import main

SHOP = """
name = "Corner shop"
token = { symbol = "EURT", decimals = 2 }
tiers = [{ shares = { ada = 1 } }]

[payees]
landlord = "0x1111111111111111111111111111111111111111"
ada = "0x2222222222222222222222222222222222222222"

[[rules]]
rule = "fee"
to = "landlord"
amount = "900"
per = "period"
"""
COOPERATIVE = (
    SHOP.replace("ada = 1", "ada = 1, landlord = 1")
    + '[[rules]]\nrule = "weights"\npayees = ["ada", "landlord"]\ntable = "hours"\n'
)
BOOK = "0x4444444444444444444444444444444444444444"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("shop.toml").write_text(SHOP)
    record("1", "2026-01-28", "4100")
    return tmp_path


def command(*arguments: str) -> int:
    """Run a command; return its exit code."""
    try:
        main(arguments)
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        return ended.code
    return 0


def record(number: str, day: str, amount: str) -> None:
    sale = ("--source", "till", "--id", number, "--amount", amount, "--date", day)
    assert command("sales", "record", *sale, "--agreement", "shop.toml") == 0


def close(period: str, *more: str) -> int:
    return command("close", "shop.toml", "--period", period, "--state", "shop.json", *more)


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("folder")
def test_months_go_on_from_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert close("2026-01", "--json") == 0
    january = said(capsys)
    assert {name: line["payable"] for name, line in january["payees"].items()} == {
        "landlord": "90000",
        "ada": "320000",
    }
    assert january["revenue"] == {"Corner shop": "410000"}
    assert [posting["rule"] for posting in january["postings"]] == [
        "sale",
        "fee",
        "tiers",
        "payout",
        "payout",
    ]
    assert all(sum(map(int, posting["moves"].values())) == 0 for posting in january["postings"])
    record("2", "2026-02-03", "1000")
    record("3", "2026-01-30", "50")  # came to light late
    capsys.readouterr()
    assert close("2026-02", "--json", "--tree", "book.json", "--book", BOOK, "--chain-id", "1") == 0
    february = said(capsys)
    assert february["revenue"] == {"Corner shop": "105000"}
    assert {name: line["cumulative"] for name, line in february["payees"].items()} == {
        "landlord": "180000",
        "ada": "335000",
    }
    tree = rs.PayoutTree.load("book.json")
    assert (tree.book, tree.chain_id, tree.total) == (BOOK, 1, 515_000)
    assert close("2026-02", "--json") == 0  # once more: the same
    assert said(capsys) == february


@pytest.mark.usefixtures("folder")
def test_a_dry_run_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert close("2026-01", "--dry-run", "--tree", "book.json", "--book", BOOK, "--chain-id", "1") == 0
    printed = capsys.readouterr().out
    assert "3,200.00" in printed
    assert "nothing was kept" in printed
    assert sorted(path.name for path in Path().iterdir() if path.suffix in (".json", ".toml")) == [
        "shop.toml"
    ]


@pytest.mark.usefixtures("folder")
def test_tables_come_from_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop.toml").write_text(COOPERATIVE)
    Path("hours.csv").write_text("payee,hours\nada,3\n\nlandlord, 1\n")
    capsys.readouterr()
    assert close("2026-01", "--json", "--table", "hours=hours.csv") == 0
    payees = said(capsys)["payees"]
    assert {name: line["earned"] for name, line in payees.items()} == {"landlord": "102500", "ada": "307500"}


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("hours", "", "--table is NAME=FILE, such as hours=hours.csv, not 'hours'"),
        ("hours=none.csv", "", "none.csv: there is no such file"),
        ("hours=hours.csv", "ada,1\nada,2\n", "hours.csv, line 2: ada stands twice"),
        (
            "hours=hours.csv",
            "ada,1.5\n",
            "hours.csv, line 1: write a payee and a whole number, such as ann,120",
        ),
        (
            "hours=hours.csv",
            "ada,-1\n",
            "hours.csv, line 1: write a payee and a whole number, such as ann,120",
        ),
        (
            "hours=hours.csv",
            "ada,٣\n",
            "hours.csv, line 1: write a payee and a whole number, such as ann,120",
        ),
        (
            "hours=hours.csv",
            "",
            "hours.csv names nobody: write a payee and a whole number, 0 for one who has none",
        ),
        ("hours=hours.csv", "payee,hours\n\n", "hours.csv names nobody"),
        ("hours=hours.csv", "ada\n", "hours.csv, line 1: write a payee and a whole number, such as ann,120"),
        ("hours=hours.csv", "eve,1\n", "no payee named 'eve': the payees are landlord, ada"),
        ("days=hours.csv", "ada,1\n", "the table 'hours' is needed: a whole number for each payee"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_tables_that_cannot_be_are_said(
    table: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shop.toml").write_text(COOPERATIVE)
    Path("hours.csv").write_text(text, encoding="utf-8")
    assert close("2026-01", "--table", table) == 2
    assert message in capsys.readouterr().err
    assert not Path("shop.json").exists()


@pytest.mark.usefixtures("folder")
def test_a_table_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop.toml").write_text(COOPERATIVE)
    for hours in ("1", "2"):
        Path(f"{hours}.csv").write_text(f"ada,{hours}\n")
    assert close("2026-01", "--table", "hours=1.csv", "--table", "hours=2.csv") == 2
    assert "--table hours is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--tree", "book.json"), "--tree is for a payout book: say which by --book and --chain-id"),
        (("--ledger", "none.db"), "there is no ledger"),
        (("--state", "nowhere/shop.json"), "revshare: nowhere/shop.json: there is no folder nowhere"),
        (("--zone", "Nowhere/City"), "no time zone 'Nowhere/City' is known here"),
        (("--state", "shop.toml"), "shop.toml: the state is not JSON"),
        (("--state", "sales.db"), "sales.db holds no state of accounts: it is not UTF-8 text"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_is_said_in_a_line(
    more: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert close("2026-01", *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("shop.json").exists()


@pytest.mark.usefixtures("folder")
def test_the_zone_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert close("2026-01", "--zone", "Europe/Paris") == 0
    assert close("2026-02", "--zone", "UTC") == 2
    assert "shop.json is kept in the zone Europe/Paris: leave --zone out" in capsys.readouterr().err
    assert close("2026-02", "--zone", "Europe/Paris") == 0
