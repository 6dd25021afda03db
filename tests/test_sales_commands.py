"""`sales record` and `sales reverse`: one sale, once; a credit note for it; and every mistake in a line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import revshare as rs
from revshare.cli import main
from tests.conftest import ROOT

SALE = ("--agreement", "australia.toml", "--source", "shop", "--id", "INV-1", "--date", "2011-03-01")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "examples" / "australia.toml", tmp_path)
    monkeypatch.chdir(tmp_path)


class Shell:
    """Runs `revshare sales …`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(("sales", *arguments))
        told = self._capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    def done(self, *arguments: str) -> str:
        code, out, err = self(*arguments)
        assert (code, err) == (0, "")
        return out

    def refused(self, *arguments: str) -> str:
        code, out, err = self(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        error = json.loads(self(*arguments, "--json")[1])["error"]
        assert "revshare: " + error["message"] + "\n" == err
        return err


@pytest.fixture
def sales(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_sale_is_recorded_once_with_all_that_is_said_of_it(sales: Shell) -> None:
    more = ("--sku", "85123A", "--territory", "AU", "--channel", "web", "--description", "a candle")
    currency = ("--currency", "AUD", "--rate", "0.65", "--rate-source", "ECB 2011-03-01")
    free = ("--metadata", "buyer=Ann", "--metadata", "note=a=b")
    sale = ("record", *SALE, "--amount", "1234.50", "--zone", "Australia/Sydney", *more, *currency, *free)
    assert sales.done(*sale) == ("recorded shop INV-1, 1,234.50 GBPT of 2011-02-28 13:00:00 UTC, entry 1\n")
    assert sales.done(*sale) == (
        "shop INV-1, 1,234.50 GBPT of 2011-02-28 13:00:00 UTC was recorded already (entry 1): nothing was "
        "done\n"
    )
    told: dict[str, Any] = json.loads(sales.done(*sale, "--json"))
    assert (told.pop("new"), told.pop("seq")) == (False, 1)
    with rs.Ledger.open("sales.db", create=False) as ledger:
        (entry,) = ledger.sales()
    assert told.pop("recorded_at") == entry.recorded_at.isoformat()
    assert told == json.loads(entry.sale.canonical())
    assert (entry.sale.agreement, entry.sale.amount) == ("Cosmetics to Australia", 1_234_500_000)
    assert dict(entry.sale.metadata) == {"buyer": "Ann", "note": "a=b"}
    assert (entry.sale.zone, entry.sale.rate) == ("Australia/Sydney", "0.65")


def test_an_agreement_may_be_named_and_a_credit_note_recorded(sales: Shell) -> None:
    tea = ("record", "--source", "shop", "--id", "C-1", "--date", "2011-03-01T08:26:00+01:00")
    named = ("--agreement", "Tea", "--token", "USDC", "--decimals", "2")
    assert "-0.05 USDC of 2011-03-01 07:26:00 UTC" in sales.done(*tea, *named, "--amount", "-0.05")
    assert "--token and --decimals" in sales.refused(*tea, "--agreement", "Tea", "--amount", "1")
    assert "tea.toml: there is no such file" in sales.refused(
        *tea, "--agreement", "tea.toml", "--amount", "1"
    )


def test_other_content_is_a_conflict_and_nothing_is_recorded(sales: Shell) -> None:
    sales.done("record", *SALE, "--amount", "12.50")
    said = sales.refused("record", *SALE, "--amount", "12.51", "--date", "2011-03-02")
    assert "shop INV-1 was recorded with other content (entry 1)" in said
    assert "occurred_at is 2011-03-01 00:00:00+00:00, given 2011-03-02 00:00:00+00:00" in said
    assert "amount is 12500000, given 12510000" in said
    assert "see `revshare sales reverse --help`" in said
    with rs.Ledger.open("sales.db", create=False) as ledger:
        assert ledger.totals()["GBPT"].count == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--amount", "12,50"), "'12,50' is not a plain amount"),
        (("--amount", "1e3"), "'1e3' is not a plain amount"),
        (("--amount", "0.0000001"), "finer than the unit of GBPT"),
        (("--amount", "9" * 40), "within 2^128"),
        (("--date", "soon"), "--date 'soon' is not a date (YYYY-MM-DD"),
        (("--date", "2011-02-30"), "there is no such day"),
        (("--date", "2011-10-30 01:30", "--zone", "Europe/London"), "showed twice: add its offset"),
        (("--zone", "Mars"), "--zone: no time zone is called 'Mars'"),
        (("--metadata", "Ann"), "--metadata takes KEY=TEXT"),
        (("--token", "USDC"), "the agreement counts in GBPT"),
        (("--decimals", "2"), "of 6 decimals"),
        (("--rate", "1,2"), "rate must be plain digits"),
        (("--source", ""), "source must be text, and not empty"),
        (("--agreement", "australia.txt", "--token", "GBPT"), "or --decimals"),
        (("--ledger", "australia.toml"), "not a ledger"),
        (("--ledger", "no/where.db"), "there is no folder"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_a_line(sales: Shell, change: tuple[str, ...], said: str) -> None:
    refused = sales.refused("record", *SALE, "--amount", "1", *change)
    assert said in refused
    assert not Path("sales.db").exists()
    assert Path("australia.toml").read_bytes() == (ROOT / "examples" / "australia.toml").read_bytes()


def test_a_sale_is_reversed_whole_and_once(sales: Shell) -> None:
    sales.done("record", *SALE, "--amount", "12.50")
    back = ("reverse", "INV-1", "--source", "shop", "--reason", "sent back", "--date", "2011-04-02")
    assert sales.done(*back) == (
        "reversed INV-1: recorded shop INV-1/reversal, -12,500,000 units of GBPT of 2011-04-02 00:00:00 UTC, "
        "entry 2\n"
    )
    assert "was recorded already (entry 2): nothing was done" in sales.done(*back)
    told = json.loads(sales.done(*back, "--json"))
    assert (told["new"], told["amount"], told["metadata"]["reverses"]) == (False, "-12500000", "INV-1")
    assert "other content (entry 2)" in sales.refused(*back[:4], "--reason", "damaged")
    with rs.Ledger.open("sales.db", create=False) as ledger:
        assert ledger.totals()["GBPT"].net == 0


def test_parts_of_a_sale_are_reversed_in_whole_tokens(sales: Shell) -> None:
    sales.done("record", *SALE, "--amount", "12.50")
    back = ("reverse", "INV-1", "--source", "shop", "--reason", "damaged", "--date", "2011-04-02")
    assert "-2.50 GBPT" in sales.done(*back, "--amount", "2.50", "--agreement", "australia.toml")
    assert "-9.00 GBPT" in sales.done(*back, "--amount", "9", "--decimals", "6", "--id", "C-2")
    assert "1000000 are left to reverse" in sales.refused(
        *back, "--amount", "2", "--decimals", "6", "--id", "3"
    )
    assert "--decimals" in sales.refused(*back, "--amount", "1", "--id", "3")
    assert "above 0" in sales.refused(*back, "--amount", "-1", "--decimals", "6", "--id", "3")


def test_what_cannot_be_reversed_is_said_in_a_line(sales: Shell) -> None:
    back = ("reverse", "INV-9", "--source", "shop", "--reason", "damaged")
    assert "name its file by --ledger" in sales.refused(*back)
    sales.done("record", *SALE, "--amount", "12.50")
    for more in ((), ("--amount", "1"), ("--amount", "1", "--agreement", "australia.toml")):
        assert "there is no sale 'INV-9' of 'shop'" in sales.refused(*back, *more)
    assert "needs a reason" in sales.refused("reverse", "INV-1", "--source", "shop", "--reason", " ")


def test_what_was_recorded_is_there_when_the_process_is_gone() -> None:
    command = [sys.executable, "-m", "revshare", "sales", "record", *SALE, "--amount", "1"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].startswith("recorded") for process in both]
    assert sorted(said) == [False, True], "two at once record one sale"
    with rs.Ledger.open("sales.db", create=False) as ledger:
        assert ledger.totals()["GBPT"].count == 1
