"""Commands speak of options and commands; what Python users are told stays as it is."""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import revshare
from revshare import _wording

SOURCES = sorted(Path(revshare.__file__).parent.rglob("*.py"))

# What reads like Python in a sentence: a keyword argument, a method of a class, a call.
PYTHON = re.compile(
    r"(?<![\w-])[a-z_]+=(?!=|\w*ro\b)|\b[A-Z][A-Za-z]+\.[a-z_]+|\w\((?:…|…?\w*)?\)|\bhandle\b"
)

# Files and folders whose texts are not shown by any command, or only data.
OTHERS = {"_wording.py", "_html.py", "_fonts.py", "analytics.py", "_earned.py", "_engine.py"}

NEVER_IN_A_COMMAND = (
    "RevenueSplitFactory.deploy",  # no command makes factories of one's own
    "give its tree as previous=",  # nor books
    "revenue received before as start=",  # attribution
    "tzinfo=datetime.UTC",  # commands make times of text
    "periods=36",  # the command always says how many
    "to_frame(text=True)",
    "use load(path)",
    "or base units as an int",
    "an int of base units",
    "RevenueSplit.at(…, agreement=…)",  # commands always have the agreement
    "pass elsewhere=True",  # no command opens escrows
    "account must be a signer, such as eth_account.Account.from_key(…)",  # `account_of` sees to that
)


def messages() -> Iterator[tuple[str, str]]:
    """Every text with a space in it in the library, docstrings left out, and where it is."""
    for file in SOURCES:
        if OTHERS & {file.name, file.parent.name} or file.name.startswith("_commands"):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in inside:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
                text = "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if " " in text and not re.match(r"\s*(SELECT|INSERT|PRAGMA|CREATE|UPDATE|DELETE)\b", text):
                yield f"{file.name}:{node.lineno}", text


def test_no_message_speaks_python_to_who_typed_a_command() -> None:
    found = [
        (where, text)
        for where, text in messages()
        if PYTHON.search(_wording.in_commands(text)) and not any(part in text for part in NEVER_IN_A_COMMAND)
    ]
    assert found == [], "put it in _wording.PHRASES; or here, if no command can show it"


def test_every_phrase_is_one_that_a_message_has() -> None:
    said = "\n".join(text for _, text in messages())
    for phrase in (*_wording.PHRASES, *NEVER_IN_A_COMMAND):
        assert phrase in said, phrase


@pytest.mark.parametrize(
    ("number", "file", "said"),
    [
        (errno.ENOENT, "{}/gone.csv", "{}/gone.csv: there is no such file"),
        (errno.ENOENT, "{}/no/where.csv", "{}/no/where.csv: there is no folder {}/no"),
        (errno.EEXIST, "{}/a", "{}/a: is there already, and is not written over: name another file"),
        (errno.EISDIR, "{}", "{}: is a folder: name a file"),
        (errno.EACCES, "{}/a", "{}/a: may not be opened by this user: check its permissions"),
        (errno.ENOSPC, None, "there is no room left on the disk"),
        (errno.EIO, "{}/a", "{}/a: input/output error"),
    ],
)
def test_what_the_system_says_of_files_becomes_a_sentence(
    number: int, file: str | None, said: str, tmp_path: Path
) -> None:
    import os

    name = None if file is None else file.format(tmp_path)
    error = OSError(number, os.strerror(number), name)
    assert _wording.of_error(error) == said.format(tmp_path, tmp_path)
