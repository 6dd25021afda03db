"""The command `revshare`: runs what `_commands.py` defines; a user's mistake gets a line, not a traceback."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from revshare.errors import MissingExtra, RevShareError

__all__ = ["main"]

_USERS_MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (those of the process when left out), then exit.

    The exit code is 0 when the command did what was asked, 2 when what it was given cannot be accepted: then
    standard error says why, and with `--json` standard output carries `{"error": {"kind", "message", …}}`.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _write_what_can_be_written()
    try:
        _app()(args=arguments, prog_name="revshare")
    except (RevShareError, OSError) as error:
        _report(error, as_json="--json" in arguments)
        sys.exit(_USERS_MISTAKE)
    sys.exit(0)


def _write_what_can_be_written() -> None:
    """Where a screen or pipe has too small an alphabet, such as cp1252, put a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _app() -> Any:
    # The library is useful without its command line, so this module must import where typer and rich are
    # missing.
    try:
        from revshare._commands import app
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"typer", "rich"}:
            raise
        raise MissingExtra("cli", package) from error
    return app


def _report(error: Exception, *, as_json: bool) -> None:
    message = str(error)
    if as_json:
        context = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        body = {"kind": type(error).__name__, "message": message} | context
        sys.stdout.write(json.dumps({"error": body}, default=_plain, indent=2) + "\n")
    sys.stderr.write(f"revshare: {message}\n")


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
