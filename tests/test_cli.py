"""The command line: every help has an example, and a user's mistake gets a clear word and exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import typer

import revshare as rs
from revshare import _commands
from revshare.cli import main

AGREEMENT = """
name = "Cosmetics to Australia"
token = { symbol = "GBPT", decimals = 6 }

[payees]
exporter = "0x1000000000000000000000000000000000000001"
designer = "0x2000000000000000000000000000000000000002"

[[tiers]]
until = "2000.5"
shares = { designer = 1 }

[[tiers]]
shares = { exporter = 2, designer = 1 }
"""


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `revshare ARGUMENTS`."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert isinstance(stop.value.code, int)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


@pytest.fixture
def agreement(tmp_path: Path) -> Path:
    file = tmp_path / "australia.toml"
    file.write_text(AGREEMENT, encoding="utf-8")
    return file


COMMANDS = [c.name or c.callback.__name__ for c in _commands.app.registered_commands if c.callback]


def test_every_command_is_there() -> None:
    assert {"check", "compile"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_every_command_speaks_json(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(name, "--help", capsys=capsys)
    assert (code, err) == (0, "")
    assert f"Example: revshare {name}" in out
    assert "--json" in out


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("--help", capsys=capsys)
    assert code == 0
    assert "Example: revshare check australia.toml" in out
    for line in ("check", "compile"):
        assert f"\n  {line} " in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("--version", capsys=capsys)
    assert code == 0
    assert out.startswith("revshare 0.")


def test_check_shows_the_tiers(agreement: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run("check", str(agreement), capsys=capsys)
    assert (code, err) == (0, "")
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in out.splitlines()]
    assert "payee 0.00 to 2,000.50 2,000.50 on" in lines
    assert "exporter – 66.6666… %" in lines
    assert "designer 100 % 33.3333… %" in lines


def test_check_as_json_gives_exact_strings_and_integers(
    agreement: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run("check", str(agreement), "--json", capsys=capsys)
    assert code == 0
    shown = json.loads(out)
    assert shown["token"] == {"symbol": "GBPT", "decimals": 6, "address": None}
    assert shown["tiers"] == [
        {"from": "0", "until": "2000.5", "weights": {"exporter": 0, "designer": 1}, "total": 1},
        {"from": "2000.5", "until": None, "weights": {"exporter": 2, "designer": 1}, "total": 3},
    ]


def test_check_reports_every_problem_at_once(agreement: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = AGREEMENT.replace('until = "2000.5"', 'until = "2000.0000005"').replace(
        "exporter = 2", "exproter = 2"
    )
    agreement.write_text(broken, encoding="utf-8")
    code, out, err = run("check", str(agreement), capsys=capsys)
    assert (code, out) == (2, "")
    assert "tiers[0].until" in err
    assert "tiers[1].shares.exproter" in err
    assert "did you mean 'exporter'?" in err

    code, out, _ = run("check", str(agreement), "--json", capsys=capsys)
    assert code == 2
    error = json.loads(out)["error"]
    assert error["kind"] == "AgreementError"
    assert {problem["where"] for problem in error["problems"]} >= {
        "tiers[0].until",
        "tiers[1].shares.exproter",
    }
    assert all(problem.keys() == {"where", "what", "fix"} for problem in error["problems"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "gone.toml"], "gone.toml"),
        (["check", "."], "revshare: "),
        (["check"], "missing argument AGREEMENT; see `revshare check --help`"),
        (["check", "a.toml", "--bogus"], "no such option: --bogus; see `revshare check --help`"),
        (["check", "a.toml", "b.toml"], "b.toml"),
        (["sales", "list", "--limit", "few"], "'--limit': write a whole number; see `revshare sales list"),
        (["sales", "list", "--limit"], "'--limit' requires an argument"),
        (["simulate", "a.toml", "--mean", "3", "--paths", "0"], "'--paths'"),
        (["export", "a.toml", "--format", "doc"], "'doc' is not one of 'beancount', 'hledger', 'csv'"),
        (["sales", "lst"], "did you mean 'list'? see `revshare sales --help`"),
        (["compile", "--solc", "no/such/solc"], "no/such/solc is not an executable file"),
        (["chekc"], "no such command"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_mistake_gets_one_clear_line_and_exit_code_2(
    as_json: bool,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    as_json = as_json and arguments[-1] != "--limit"  # which would take it for its value
    code, out, err = run(*arguments, *["--json"] * as_json, capsys=capsys)
    assert code == 2
    assert err.startswith("revshare: ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert bool(out) == as_json
    if as_json:
        error = json.loads(out)["error"]
        assert "revshare: " + error["message"] + "\n" == err
        assert error["kind"].endswith(("Error", "Input", "NotFound"))


def test_without_a_command_its_help_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for group in ([], ["sales"], ["ledger"]):
        code, out, err = run(*group, capsys=capsys)
        assert (code, out) == (2, "")
        assert "Commands:" in err


@pytest.mark.parametrize("group", ["sales", "ledger"])
def test_the_help_of_a_group_has_an_example(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(group, "--help", capsys=capsys)
    assert code == 0
    assert f"Example: revshare {group} " in out


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a user did is put into one line: hiding a fault of ours would help nobody."""
    broken = typer.Typer()

    @broken.command()
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(_commands, "app", broken)
    with pytest.raises(ZeroDivisionError):
        main([])


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_a_kind_word_says_how_to_get_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from revshare.cli import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "revshare[cli]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_runs_as_a_module_and_from_a_pipe(agreement: Path) -> None:
    command = [sys.executable, "-m", "revshare", "check", str(agreement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Cosmetics to Australia (GBPT)" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made otherwise there")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ledger", "verify"), "reading all of the ledger"),
        (("sales", "list"), "reading the ledger"),
        (("status",), "reading the ledger"),
        (("sales", "import", "a.csv", "--mapping", "m.toml", "--yes"), "importing a.csv"),
        (("sales", "import", "a.csv", "--mapping", "m.toml", "--dry-run", "--json"), "reading a.csv"),
        (("sales", "import", "a.csv"), "looking at a.csv"),
        (("simulate", "australia.toml", "--mean", "2000", "--paths", "10"), "playing 10 futures"),
    ],
)
def test_on_a_terminal_what_may_take_a_while_shows_that_it_goes_on(
    arguments: tuple[str, ...], said: str, agreement: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(agreement.parent)
    monkeypatch.setenv("TERM", "xterm")
    Path("a.csv").write_text("id,date,amount\n1,2011-03-01,2.50\n", encoding="utf-8")
    deal = rs.Agreement.load(agreement)
    guess = rs.guess_mapping("a.csv", token=deal.token, agreement=deal.name, zone="UTC")
    guess.mapping().save("m.toml")
    if "import" not in arguments:
        with rs.Ledger.open("sales.db") as ledger:
            ledger.import_sales("a.csv", "m.toml")
    mine, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        with pytest.raises(SystemExit):
            main(arguments)
    shown = b""
    with suppress(OSError):  # how Linux says that nobody is at the other end any more
        while read := os.read(mine, 100_000):
            shown += read
    os.close(mine)
    assert said in shown.decode()
