"""Guessing a mapping, and the commands: shown, never silently applied."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import revshare as rs
from revshare.cli import main
from revshare.ledger.imports._mapping import Reading
from tests.conftest import ROOT
from tests.imports.conftest import Write, mapping, row


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `revshare ARGUMENTS`."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


# ------------------------------------------------------------------------------------------ guesses


def test_a_guess_names_what_it_cannot_know() -> None:
    frame = pl.DataFrame(
        {"Order ID": ["1", "1"], "Date": ["2011-03-01"] * 2, "Montant": ["12,50", "1 234,5"]}
    )
    guess = rs.guess_mapping(frame, name="shop")
    assert {problem.where for problem in guess.missing} == {"token", "routes", "zone"}
    assert guess.data["columns"] == {"external_id": ["Order ID"], "occurred_at": "Date", "amount": "Montant"}
    assert (guess.data["locale"], guess.data["number_lines"]) == ("fr", True)
    with pytest.raises(rs.MappingError):
        guess.mapping()
    whole = guess.mapping(
        token=rs.Token(symbol="EURT", decimals=2), zone="Europe/Paris", constants={"agreement": "a"}
    )
    assert whole.locale == "fr"
    assert tomllib.loads(guess.to_toml()) == guess.data


@pytest.mark.parametrize(
    ("numbers", "locale"),
    [
        (["1", "12.5"], None),
        (["1,234.50", "2"], "en"),
        (["1.234,50", "2"], "de"),
        (["1\u202f234,50"], "fr"),
        (["1'234.50"], "de-CH"),
        (["1,234"], "missing"),
        (["1.234"], "missing"),
        (["12,5"], "missing"),
        (["12 EUR"], "missing"),
    ],
)
def test_a_locale_is_guessed_only_when_the_numbers_leave_no_doubt(
    numbers: list[str], locale: str | None
) -> None:
    guess = rs.guess_mapping(pl.DataFrame({"amount": numbers}), name="shop")
    if locale == "missing":
        assert "locale" in {problem.where for problem in guess.missing}
    assert guess.data.get("locale") == (None if locale == "missing" else locale)


@pytest.mark.parametrize(
    ("dates", "form"),
    [
        (["2011-03-01"], None),
        (["13/02/2011"], "%d/%m/%Y"),
        (["02/13/2011"], "%m/%d/%Y"),
        (["01/02/2011"], "missing"),
        (["1.2.2011 10:00"], "%d.%m.%Y %H:%M"),
        (["soon"], "missing"),
    ],
)
def test_a_date_format_is_guessed_only_when_the_dates_leave_no_doubt(
    dates: list[str], form: str | None
) -> None:
    guess = rs.guess_mapping(pl.DataFrame({"date": dates}), name="shop", zone="UTC")
    assert ("dates" in {problem.where for problem in guess.missing}) == (form == "missing")
    assert guess.data.get("dates") == (None if form == "missing" else form)


TEXT = (
    "Facture;Date;Pays;Désignation;Montant\n"
    "F-1;13/03/2011 09:12;Australia;Crème;1 234,56\n"
    "F-1;14/03/2011 09:12;Australia;Savon;12,50\n"
)


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("Désig", "Desig")], ids=["header", "below"])
def test_of_a_file_in_cp1252_everything_is_guessed_but_its_encoding(text: str, tmp_path: Path) -> None:
    for encoding in ("utf-8", "cp1252"):
        (tmp_path / f"{encoding}.csv").write_text(text, encoding=encoding)
    whole = rs.guess_mapping(tmp_path / "utf-8.csv", name="shop")
    guess = rs.guess_mapping(tmp_path / "cp1252.csv", name="shop")
    assert guess.data == whole.data, "and nothing about an encoding, which must be declared"
    assert (guess.data["locale"], guess.data["dates"]) == ("fr", "%d/%m/%Y %H:%M")
    encoding_first, *others = guess.missing
    assert encoding_first.where == "file.encoding"
    assert f"not UTF-8 (line {1 if text is TEXT else 2})" in encoding_first.what
    assert tuple(others) == whole.missing
    assert guess.notes == whole.notes
    assert "# file.encoding: " in guess.to_toml()
    declared = rs.guess_mapping(
        tmp_path / "cp1252.csv", name="shop", reading=Reading.model_validate({"encoding": "cp1252"})
    )
    assert declared.data == dict(whole.data) | {"file": {"encoding": "cp1252"}}
    assert declared.missing == whole.missing


def test_a_file_that_is_no_text_is_not_guessed_at(tmp_path: Path) -> None:
    for content in (b"Id;Date\n\0\xff;1\n", b"Id;Date\n\x81;\xff\n"):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(rs.ImportRefused):
            rs.guess_mapping(tmp_path / "a.csv")


def test_numbered_lines_are_explained_and_no_cell_can_write_into_the_mapping(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ['1"\nsource = "x', '1"\nsource = "x'], "date": ["2011-03-01Z"] * 2})
    guess = rs.guess_mapping(frame, name="shop")
    (note,) = guess.notes
    assert (note.where, guess.data["number_lines"]) == ("number_lines", True)
    assert "each becomes a sale of its own" in guess.to_toml()
    assert tomllib.loads(guess.to_toml()) == guess.data


@pytest.mark.parametrize("given", [{"zone": "Mars"}, {"locale": "xx"}])
def test_a_zone_or_locale_that_is_none_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(rs.InvalidInput, match="Mars|xx"):
        rs.guess_mapping(pl.DataFrame({"id": ["1"]}), **given)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------ commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write) -> Path:
    monkeypatch.chdir(tmp_path)
    write([row(), row(Country="Iceland", Qty="-1"), row(Invoice="1002")])
    mapping().save(tmp_path / "shop.toml")
    shutil.copy(ROOT / "examples" / "australia.toml", tmp_path)
    return tmp_path


def test_without_a_mapping_a_guess_is_shown_and_nothing_imported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "sales", "import", "sales.csv")
    assert (code, "nothing was imported" in err) == (2, True)
    assert 'occurred_at = "Date"' in out
    assert not (folder / "sales.db").exists()


def test_a_guess_is_saved_looked_over_and_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guess = (
        "sales",
        "import",
        "sales.csv",
        "--agreement",
        "australia.toml",
        "--zone",
        "UTC",
        "--save-mapping",
        "m.toml",
    )
    assert run(capsys, *guess)[0] == 0
    code, _, err = run(capsys, *guess[:-1], "m.txt")
    assert (code, "name a file that ends in .toml" in err) == (2, True), "or --mapping would not read it"
    code, _, err = run(capsys, *guess)
    assert (code, "m.toml: is there already" in err) == (2, True), (
        "a file of the user's is never written over"
    )
    code, out, _ = run(capsys, "sales", "import", "sales.csv", "--mapping", "m.toml", "--yes")
    assert (code, "recorded 3 sales" in out) == (0, True)
    assert rs.SaleMapping.load("m.toml").constants.agreement == "Cosmetics to Australia"


def test_a_file_in_cp1252_is_imported_when_that_is_declared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "march.csv").write_text(TEXT, encoding="cp1252")
    guess = ("sales", "import", "march.csv", "--agreement", "australia.toml", "--zone", "Europe/Paris")
    code, out, _ = run(capsys, *guess)
    assert (code, "declare it: [file] encoding" in out) == (2, True)
    assert run(capsys, *guess, "--encoding", "cp1252", "--save-mapping", "m.toml")[0] == 0
    code, out, _ = run(capsys, "sales", "import", "march.csv", "--mapping", "m.toml", "--yes")
    assert (code, "recorded 2 sales" in out) == (0, True)
    assert "utf-8 or cp1252" in run(capsys, *guess, "--encoding", "latin1")[2]
    assert (
        "with --mapping, change that file"
        in run(capsys, "sales", "import", "march.csv", "--mapping", "m.toml", "--encoding", "cp1252")[2]
    )


@pytest.mark.parametrize("file", ["australia.toml", "sales.db", ".", "gone.csv", "empty.csv"])
def test_what_is_no_file_of_sales_gets_a_line(
    file: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.csv").touch()
    code, out, err = run(capsys, "sales", "import", file)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_importing_shows_totals_asks_and_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("sales", "import", "sales.csv", "--mapping", "shop.toml")
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert "Islands" in out
    assert "-1.50" in out
    assert "give --yes" in err
    assert run(capsys, *arguments, "--dry-run")[1].endswith("nothing was recorded\n")
    assert "recorded 3 sales" in run(capsys, *arguments, "--yes")[1]
    assert "had been imported already (3 sales)" in run(capsys, *arguments)[1]
    code, out, _ = run(capsys, *arguments, "--yes", "--json")
    told: dict[str, Any] = json.loads(out)
    assert (told["again"], told["new"], told["known"]) == (True, 0, 3)
    assert run(capsys, *arguments, "--json")[0] == 2, "nobody is asked in JSON"
    assert run(capsys, *arguments, "--zone", "UTC")[0] == 2


def test_answering_yes_records_and_no_does_not(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    arguments = ("sales", "import", "sales.csv", "--mapping", "shop.toml")
    for answer, sales in ((False, 0), (True, 3)):
        monkeypatch.setattr("typer.confirm", lambda *_args, answer=answer, **_more: answer or abort())
        code, _, err = run(capsys, *arguments)
        assert (code, "stopped; nothing was done" in err) == ((0, False) if answer else (1, True))
        with rs.Ledger.open("sales.db") as ledger:
            assert len(list(ledger.sales())) == sales


def abort() -> bool:
    import typer

    raise typer.Abort


def test_json_lists_every_problem(folder: Path, capsys: pytest.CaptureFixture[str], write: Write) -> None:
    write([row(Qty="x", Price="1,5")] * 800, "bad.csv")
    arguments = ("sales", "import", "bad.csv", "--mapping", "shop.toml", "--yes")
    code, out, err = run(capsys, *arguments, "--json")
    error = json.loads(out)["error"]
    assert (code, error["count"], len(error["problems"])) == (2, 1600, 1600)
    assert error["problems"][0] == {"line": 2, "column": "Qty", "value": "x", "reason": "is not a number"}
    assert "line 2, column Qty: 'x' is not a number" in run(capsys, *arguments)[2]
    assert "Traceback" not in err


def test_a_conflict_is_said_as_json(folder: Path, capsys: pytest.CaptureFixture[str], write: Write) -> None:
    for price in ("1.50", "1.75"):
        write([row(Price=price)], "again.csv")
        arguments = ("sales", "import", "again.csv", "--mapping", "shop.toml", "--yes", "--json")
        code, out, err = run(capsys, *arguments)
    error = json.loads(out)["error"]
    assert (code, error["kind"], error["fields"], error["seq"]) == (2, "ConflictError", ["amount"], 1)
    assert (error["existing"]["amount"], error["given"]["amount"]) == ("300", "350")
    assert (err.count("\n"), err.startswith("revshare: ")) == (1, True)


def test_no_digit_is_cut_off_on_a_small_screen(
    folder: Path, capsys: pytest.CaptureFixture[str], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    write([row(Price="123456789012.50")], "large.csv")
    told = run(capsys, "sales", "import", "large.csv", "--mapping", "shop.toml", "--yes")
    assert "…" not in told[1]
    assert "…" not in run(capsys, "sales", "list")[1]


def test_sales_are_listed_and_the_ledger_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "sales", "list")
    assert (code, "there is no ledger" in err) == (2, True)
    run(capsys, "sales", "import", "sales.csv", "--mapping", "shop.toml", "--yes")
    code, out, err = run(capsys, "sales", "list", "--limit", "2")
    assert "1001/1" in out
    assert "--after 2 goes on" in err
    listed = json.loads(
        run(capsys, "sales", "list", "--agreement", "Islands", "--period", "2011-03", "--json")[1]
    )
    assert [(sale["seq"], sale["amount"]) for sale in listed["sales"]] == [(2, "-150")]
    islands = run(capsys, "sales", "list", "--agreement", "Islands", "--period", "2012")
    assert islands[:2] == (0, "no sales\n")
    named_by_file = run(capsys, "sales", "list", "--agreement", "australia.toml")
    assert "no sales of 'Cosmetics to Australia'; of " in named_by_file[2]
    code, out, err = run(capsys, "sales", "list", "--agreement", "Iceland")
    assert (code, "no sales of 'Iceland'; of " in err) == (2, True)
    code, out, _ = run(capsys, "ledger", "verify", "--json")
    head = json.loads(out)["head"]
    assert (code, json.loads(out)["entries"]) == (0, 3)
    assert run(capsys, "ledger", "verify", "--head", head)[0] == 0
    assert run(capsys, "ledger", "verify", "--head", "00" * 31 + "01")[0] == 1


@pytest.mark.parametrize(
    "command", [("sales", each) for each in ("import", "record", "reverse", "list")] + [("ledger", "verify")]
)
def test_every_command_has_an_example(command: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert f"revshare {' '.join(command)}" in run(capsys, *command, "--help")[1].replace("\n", " ")
