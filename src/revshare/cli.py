"""The command `revshare`: runs what `_commands.py` defines; a user's mistake gets a line, not a traceback."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from revshare._wording import of_error
from revshare.errors import (
    ExplorerError,
    FeesTooHigh,
    MissingExtra,
    RevShareError,
    SettlementTimeout,
    StaleNode,
)

__all__ = ["main"]

_USERS_MISTAKE = 2
_NOT_YET = 1
# Nothing that was given is wrong: the same again, later, may do.
_OF_THE_MOMENT = (SettlementTimeout, FeesTooHigh, StaleNode, ExplorerError)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (those of the process when left out), then exit.

    The exit code is 0 when the command did what was asked, 2 when what it was given cannot be accepted: then
    standard error says why, and with `--json` standard output carries `{"error": {"kind", "message", …}}`; 1
    when it did not get to its end in time, and the same again may.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in arguments
    _write_what_can_be_written()
    try:
        app, usage_error, abort = _app()
        try:
            code = app(args=arguments, prog_name="revshare", standalone_mode=False)
        except usage_error as error:
            sys.exit(_misused(error, as_json=as_json))
        except abort:
            sys.stderr.write("revshare: stopped; nothing was done\n")
            sys.exit(1)
    except (RevShareError, OSError) as error:
        _report(error, as_json=as_json)
        sys.exit(_NOT_YET if isinstance(error, _OF_THE_MOMENT) else _USERS_MISTAKE)
    sys.exit(code if isinstance(code, int) else 0)


def _write_what_can_be_written() -> None:
    """Where a screen or pipe has too small an alphabet, such as cp1252, put a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _app() -> tuple[Any, type[Any], type[Any]]:
    """Return the commands, what they raise when misused, and what when a question is answered with no."""
    # The library is useful without its command line, so this module must import where typer and rich are
    # missing.
    try:
        from typer import Abort, BadParameter

        from revshare._commands import app
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"typer", "rich"}:
            raise
        raise MissingExtra("cli", package) from error
    # Earlier versions of typer take click's classes, later ones have their own of the same names.
    root = next(kind for kind in BadParameter.__mro__ if kind.__name__ == "ClickException")
    return app, root, Abort


def _misused(error: Any, *, as_json: bool) -> int:
    """Say in a line what is wrong with a command as it was typed, and return the exit code."""
    context = getattr(error, "ctx", None)
    command = "revshare" if context is None else context.command_path
    if type(error).__name__ == "NoArgsIsHelpError":
        if not as_json:
            error.show()
            return _USERS_MISTAKE
        text = "a command is missing"
    else:
        text = _usage_text(error.format_message())
    message = f"{text}{'' if text.endswith('?') else ';'} see `{command} --help`"
    if as_json:
        _print_error({"kind": "UsageError", "message": message, "command": command})
    sys.stderr.write(f"revshare: {message}\n")
    return _USERS_MISTAKE


def _usage_text(text: str) -> str:
    """Return what the parser says as a line that goes on: no capital, no full stop, no jargon."""
    text = re.sub(r"Input should be a valid integer.*", "write a whole number", " ".join(text.split()))
    text = re.sub(r"Input should be a valid number.*", "write a number", text)
    text = text.replace("Input should be", "it should be").replace("Value error, ", "")
    text = re.sub(r"'\[?\{?([A-Z]+)\}?\]?(\.\.\.|…)?'", r"\1", text)
    text = text[:1].lower() + text[1:]
    return text.rstrip(".").replace(". Did you mean", ": did you mean")


def _report(error: Exception, *, as_json: bool) -> None:
    message = of_error(error)
    if as_json:
        context = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        _print_error({"kind": type(error).__name__, "message": message} | context)
    sys.stderr.write(f"revshare: {message}\n")


def _print_error(body: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"error": body}, default=_plain, indent=2) + "\n")


def _plain(value: object) -> Any:
    from revshare.ledger import Sale

    if isinstance(value, Sale):
        return json.loads(value.canonical())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Not `asdict`: it copies deeply, which a read-only mapping such as a sale's metadata refuses.
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value)
