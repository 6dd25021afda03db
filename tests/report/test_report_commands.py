"""`revshare statement`, `export` and `proof`: thin over the library, with a clear line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.report.conftest import World

from revshare import _commands_report
from revshare.chain import Devnet
from revshare.cli import main

pytestmark = pytest.mark.xdist_group("report")


class Run:
    """Runs `revshare` in a folder with the agreements and the ledger, where `--rpc-url here` is the chain."""

    def __init__(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self._captured = capsysbinary

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code, out, err = self.bytes(*arguments)
        return code, out.decode(), err

    def bytes(self, *arguments: str) -> tuple[int, bytes, str]:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        captured = self._captured.readouterr()
        assert isinstance(stop.value.code, int)
        assert b"Traceback" not in captured.err
        return stop.value.code, captured.out, captured.err.decode()


@pytest.fixture
def run(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Run:
    monkeypatch.chdir(tmp_path)
    world.shop.save(tmp_path / "australia.toml")
    world.song.save(tmp_path / "song.toml")
    monkeypatch.setenv("REVSHARE_LEDGER", str(world.path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("ETH_RPC_URL", raising=False)
    monkeypatch.setattr(
        _commands_report, "connect", lambda url: Devnet.start().w3 if url == "other" else world.w3
    )
    return Run(capsysbinary)


# ------------------------------------------------------------------------------------------ statement


def test_a_statement_on_the_screen(run: Run) -> None:
    code, out, err = run("statement", "song.toml", "--period", "2011-03")
    assert (code, err) == (0, "")
    assert "What each payee earned and got (ETH)" in out
    assert "2011-03/4" not in out
    code, out, _ = run("statement", "song.toml", "--period", "2011-03", "--payee", "fan", "--lines")
    assert "Account of fan (ETH)" in out
    assert "2011-03/4" in out


def test_a_statement_as_json(run: Run, world: World) -> None:
    code, out, err = run("statement", "australia.toml", "--period", "2011-01", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["final"] is True
    assert told["settlement"]["split"] == world.shop_split.address
    assert sum(len(one["lines"]) for one in told["payees"].values()) == 5 * (
        told["sales"] + told["credit_note_count"]
    )


@pytest.mark.parametrize("kind", ["csv", "xlsx", "html", "pdf"])
def test_a_statement_as_a_file_is_what_its_name_says(run: Run, kind: str) -> None:
    head = {"csv": b"agreement,", "xlsx": b"PK", "html": b"<!doctype html>", "pdf": b"%PDF"}[kind]
    code, out, err = run("statement", "australia.toml", "--period", "2010-12", "--output", f"a.{kind}")
    assert (code, out, err) == (0, "", "")
    assert Path(f"a.{kind}").read_bytes().startswith(head)
    code, content, _ = run.bytes("statement", "australia.toml", "--period", "2010-12", "--format", kind)
    assert code == 0
    assert content.startswith(head)
    code, out, _ = run(
        "statement", "australia.toml", "--period", "2010-12", "--output", f"b.{kind}", "--json"
    )
    assert json.loads(out)["file"] == f"b.{kind}"
    assert Path(f"b.{kind}").read_bytes().startswith(head)
    if kind == "pdf":
        assert len(PdfReader(f"a.{kind}").pages) == 3


def test_letters_without_a_font_are_said(run: Run) -> None:
    code, _, err = run("statement", "song.toml", "--period", "2011-01", "--output", "a.pdf")
    assert code == 0
    assert err == "" or "no font here has the characters" in err
    assert Path("a.pdf").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.toml", "--period", "2011-01"), "nowhere.toml"),
        (("song.toml", "--period", "2011-07"), "has no settlement of '2011-07'"),
        (("song.toml", "--period", "july"), "'july' is not a period: write 2011, 2011-Q1"),
        (("song.toml", "--period", "2011-01", "--payee", "fam"), "did you mean 'fan'?"),
        (("song.toml", "--period", "2011-01", "--output", "a.doc"), "ends in .csv, .xlsx, .html, .pdf"),
        (("song.toml", "--period", "2011-01", "--format", "table", "--output", "a"), "is for the screen"),
        (("song.toml", "--period", "2011-01", "--ledger", "nowhere.db"), "nowhere.db"),
        (("song.toml", "--period", "2011-01", "--output", "no/such/folder/a.csv"), "there is no folder"),
        (
            ("song.toml", "--period", "2011-01", "--output", "a.pdf", "--font", "song.toml"),
            "is not a TrueType",
        ),
    ],
)
def test_mistakes_get_a_clear_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("statement", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    code, out, _ = run("statement", *arguments, "--json")
    assert said in json.loads(out)["error"]["message"]


# ------------------------------------------------------------------------------------------ export


@pytest.mark.parametrize("kind", ["beancount", "hledger", "csv"])
def test_books_are_exported(run: Run, world: World, kind: str) -> None:
    code, out, err = run("export", "australia.toml", "--format", kind)
    assert (code, err) == (0, "")
    assert "Cosmetics-to-Australia:Designer:Paid" in out
    code, nothing, err = run("export", "australia.toml", "--format", kind, "--output", "books")
    assert (code, nothing, err) == (0, "", "")
    assert Path("books").read_bytes() == out.encode()
    code, told, _ = run("export", "song.toml", "--format", kind, "--rpc-url", "here", "--json")
    show = world.song.token.format
    assert json.loads(told)["paid"] == {
        payee: show(units) for payee, units in world.song_split.paid().items()
    }
    code, told, _ = run("export", "song.toml", "--format", kind, "--output", "books", "--json")
    assert json.loads(told)["file"] == "books"


def test_an_export_refuses_another_chain(run: Run) -> None:
    code, _, err = run("export", "australia.toml", "--format", "csv", "--rpc-url", "other")
    assert code == 2
    assert "there is no contract at" in err


# ------------------------------------------------------------------------------------------ proof


def test_a_proof_goes_out_and_is_checked(run: Run) -> None:
    code, out, err = run("proof", "536389/1", "--output", "sale.json")
    assert (code, out) == (0, "")
    assert "536389/1 is leaf 0 of 35" in err
    code, out, err = run("proof", "--verify", "sale.json", "--rpc-url", "here")
    assert (code, err) == (0, "")
    assert "The proof holds: online_retail 536389/1" in out
    code, out, _ = run("proof", "--verify", "sale.json", "--rpc-url", "here", "--json")
    assert json.loads(out)["holds"] is True
    code, out, _ = run("proof", "536389/1", "--source", "online_retail", "--json")
    assert json.loads(out) == json.loads(Path("sale.json").read_text(encoding="utf-8"))
    code, out, _ = run("proof", "536389/1", "--output", "again.json", "--json")
    assert json.loads(out)["file"] == "again.json"


def test_a_proof_that_does_not_hold_gets_a_clear_line(run: Run) -> None:
    run("proof", "536389/1", "--output", "sale.json")
    text = Path("sale.json").read_text(encoding="utf-8")
    Path("sale.json").write_text(text.replace('"51000000"', '"51000001"'), encoding="utf-8")
    code, out, err = run("proof", "--verify", "sale.json", "--rpc-url", "here")
    assert (code, out) == (2, "")
    assert "the sale has been changed" in err
    code, out, _ = run("proof", "--verify", "sale.json", "--rpc-url", "here", "--json")
    assert json.loads(out)["error"]["reason"] == "sale"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name the sale to prove, or a proof to check"),
        (("536389/1", "--verify", "sale.json"), "name the sale to prove, or a proof to check"),
        (("--verify", "sale.json"), "name a node of it by --rpc-url"),
        (("nobody",), "the ledger has no sale 'nobody'"),
        (("--verify", "nowhere.json", "--rpc-url", "here"), "nowhere.json"),
    ],
)
def test_mistakes_with_proofs_get_a_clear_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("proof", *arguments)
    assert (code, out) == (2, "")
    assert said in err
