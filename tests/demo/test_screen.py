"""`revshare demo` on the command line: a table on a screen, plain text in a pipe, one object with --json."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from revshare import demo
from revshare.cli import main
from revshare.demo._show import Screen
from tests import nodes

pytestmark = pytest.mark.xdist_group("demo")


def shown(result: demo.DemoResult, width: int, *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=terminal, color_system="truecolor" if terminal else None
    )
    with Screen(console, result.agreement) as screen:
        for count in range(len(result.periods) + 1):
            screen.show(demo.Progress(2 * count, 26, "playing", result.periods[:count]))
        screen.finish(result)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 90, 104, 132, 200])
def test_everything_fits_the_screen(played: demo.DemoResult, width: int) -> None:
    text = shown(played, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for said in (
        "2010-12",
        "2011-11",
        "137,077.27",
        "account",
        "1,259 lines on 69 invoices, 12 of them credit notes",
    ):
        assert said in text
    assert "✓ reconciled four ways, to the unit; dust: 0.000000" in text


def test_wide_screens_show_every_decimal_and_narrow_ones_the_pennies(played: demo.DemoResult) -> None:
    assert "2,762.5455 " in shown(played, 120)
    narrow = shown(played, 80)
    assert " 2,762.54 " in narrow  # cut off, never rounded up
    assert "72,642.4985" in narrow  # the reconciliation is exact on any screen


def test_no_colours_in_a_pipe_and_some_on_a_terminal(played: demo.DemoResult) -> None:
    assert "\x1b" not in shown(played, 100)
    assert "\x1b[" in shown(played, 100, terminal=True)


def test_the_table_is_printed_once_in_a_pipe(played: demo.DemoResult) -> None:
    assert shown(played, 100).count("2010-12") == 1


def test_books_that_do_not_agree_are_shown_in_red(played: demo.DemoResult) -> None:
    ways = {way: dict(figures) for way, figures in played.ways.items()}
    ways["log"]["adviser"] -= 1
    broken = dataclasses.replace(played, ways=ways, differences=("adviser: …",))
    text = shown(broken, 100)
    assert "✗ the books do not agree" in text
    assert "6,603.863499" in text
    assert [line[-1] for line in text.splitlines() if line.rstrip().endswith("✗")] != []


def test_a_payment_that_is_not_what_was_earned_stands_out(played: demo.DemoResult) -> None:
    first = played.periods[0]
    short = dataclasses.replace(first, paid=dict(first.paid) | {"designer": 1})
    text = shown(dataclasses.replace(played, periods=(short,)), 100, terminal=True)
    assert "\x1b[1;31m0.00\x1b[0m" in text or "\x1b[1;31m    0.00\x1b[0m" in text


# ------------------------------------------------------------------------------------------ the command


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def test_the_command_prints_one_object(
    played: demo.DemoResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "run", lambda *_, **__: played)
    code, out, err = run("demo", "--json", capsys=capsys)
    assert (code, err) == (0, "")
    assert json.loads(out) == played.to_dict()


@pytest.mark.parametrize("arguments", [("demo",), ("demo", "--json")])
def test_the_command_fails_and_names_the_difference(
    arguments: tuple[str, ...],
    played: demo.DemoResult,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = dataclasses.replace(played, differences=("adviser: schedule 1, contract 2",))
    monkeypatch.setattr(demo, "run", lambda *_, **__: broken)
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert err == "revshare: the books do not agree: adviser: schedule 1, contract 2\n"
    assert "reconciled" in out or "do not agree" in out


def test_the_whole_command_in_a_pipe_of_a_small_alphabet() -> None:
    """As installed, from a shell: no colours, no traceback, whatever the pipe can hold."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "100"}
    command = [sys.executable, "-m", "revshare", "demo"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "137,077.27" in done.stdout
    assert "? reconciled four ways, to the unit" in done.stdout
    assert "\x1b" not in done.stdout


def test_on_a_real_node(anvil: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run("demo", "--json", "--rpc-url", anvil, capsys=capsys)
    assert (code, err) == (0, "")
    assert json.loads(out)["reconciled"] is True


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/v2/secret-key", "no node answers at http://127.0.0.1:9:"),
        ("localhost:8545", "begins with http://"),
        ("ftp://example.org", "begins with http://"),
    ],
)
def test_a_node_that_is_not_there_gets_a_clear_word(
    url: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run("demo", "--rpc-url", url, capsys=capsys)
    assert code == 2
    assert said in err
    assert "secret-key" not in err + out
    assert len(err.splitlines()) == 1


def test_a_node_without_accounts_gets_a_clear_word(capsys: pytest.CaptureFixture[str]) -> None:
    if not nodes.ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with nodes.anvil("--accounts", "0") as url:
        code, out, err = run("demo", "--rpc-url", url, capsys=capsys)
    assert code == 2
    assert err.startswith("revshare: the node holds no account")
    assert "2010-12" not in out
