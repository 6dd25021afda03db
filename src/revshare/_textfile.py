"""TOML and JSON, from text to plain data and back.

What cannot be read is an `AgreementError` that names line and column.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Never, Self

from .errors import AgreementError, Problem, did_you_mean

Format = Literal["toml", "json"]
MAX_BYTES = 16 * 1024 * 1024
"""More than any agreement needs: 100,000 payees of a payout book take 9 megabytes."""
_DEEP = 50  # brackets within brackets
_TEXT = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")


class FloatText(float):
    """A float read from a file that remembers how it was written, so that a message can quote it."""

    text: str

    def __new__(cls, text: str) -> Self:
        value = super().__new__(cls, text)
        value.text = text
        return value

    def __str__(self) -> str:
        return self.text


class _RepeatedKey(Exception):
    pass


def _fail(where: str, what: str, fix: str, source: str | None = None) -> Never:
    raise AgreementError([Problem(where, what, fix)], source) from None


# ------------------------------------------------------------------------------------------ reading


def format_of(path: Path) -> Format:
    """Return the format that the suffix of `path` says. Raises AgreementError for any but .toml and .json."""
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".json"):
        _fail("file name", f"ends in {suffix!r}", "name it .toml or .json", str(path))
    return "toml" if suffix == ".toml" else "json"


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file. Raises AgreementError when it cannot be read or is anything else."""
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        siblings = (p.name for p in path.parent.glob("*") if p.suffix in (".toml", ".json"))
        hint = did_you_mean(path.name, siblings)
        _fail("file", "does not exist", hint or "check the path", source)
    except IsADirectoryError:
        _fail("file", "is a directory", "give the path of the .toml or .json file in it", source)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        _fail("file", f"cannot be read ({error})", "check the path and its permissions", source)
    if len(raw) > MAX_BYTES:
        _fail(
            "file",
            f"has more than {MAX_BYTES:,} bytes",
            "an agreement is much smaller: check the path",
            source,
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        kind = "UTF-8 with a byte-order mark" if raw.startswith(b"\xef") else "UTF-16"
        _fail("line 1, column 1", f"the file is {kind}", "save it as plain UTF-8", source)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        where = _position(before, len(before))
        _fail(where, f"the byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8", source)


def parse(text: str, kind: Format) -> Any:
    """Return the data in `text`, with floats as FloatText. Raises AgreementError with line and column."""
    if not isinstance(text, str):
        raise TypeError(f"text must be str, not {type(text).__name__}; for a file use load(path)")
    if text.startswith("\ufeff"):
        _fail("line 1, column 1", "the text begins with a byte-order mark", "save it as plain UTF-8")
    deep = _too_deep(text)
    if deep:
        _fail(deep, "is nested too deeply", "an agreement is at most four levels deep")
    try:
        return _parse_toml(text) if kind == "toml" else _parse_json(text)
    except _RepeatedKey:
        key, offset = _repeated_key(text)
        _fail(_position(text, offset), f"the key {key} appears twice in one object", "keep one of them")
    except AgreementError:
        raise
    except ValueError as error:
        # What the parsers do not locate: Python refuses to read integers of more than 4,300 digits.
        huge = re.search(r"[0-9][0-9_]{1000,}", text)
        where = _position(text, huge.start()) if huge else "text"
        what = "a number has too many digits" if huge else str(error)
        _fail(where, what, "amounts have at most 77 digits")


def _parse_toml(text: str) -> Any:
    try:
        return tomllib.loads(text, parse_float=FloatText)
    except tomllib.TOMLDecodeError as error:
        message, _, at = str(error).rpartition(" (at ")
        found = re.fullmatch(r"line (\d+), column (\d+)\)", at)
        where = f"line {found[1]}, column {found[2]}" if found else _position(text, len(text))
        what = (message or str(error)).strip()
        if re.match(r"Cannot (overwrite|mutate|declare)", what):
            _fail(where, "the same key or table appears twice", "keep one of them")
        _fail(where, f"is not TOML ({what})", "mend the line; text needs quotes, tables [brackets]")


def _parse_json(text: str) -> Any:
    try:
        data = json.loads(text, object_pairs_hook=_pairs, parse_float=FloatText, parse_constant=FloatText)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _fail(
            where,
            f"is not JSON ({error.msg})",
            "mend the line; JSON needs double quotes and no trailing comma",
        )
    if isinstance(data, dict):
        data.pop("$schema", None)  # how editors learn the schema of a JSON file
    return data


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _RepeatedKey
    return table


def _repeated_key(text: str) -> tuple[str, int]:
    """Return the first key that its object in JSON text has had before, as written, and where it stands."""
    keys: list[set[str]] = []
    for token in re.finditer(r'("(?:[^"\\]|\\.)*")\s*(:?)|[{[]|[]}]', text):
        written, colon = token.groups(default="")
        if colon:
            key = json.loads(written)
            if key in keys[-1]:
                return written, token.start()
            keys[-1].add(key)
        elif not written and token[0] in "{[":
            keys.append(set())
        elif not written:
            keys.pop()
    raise AssertionError("called for text without a repeated key")


def _position(text: str, offset: int) -> str:
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"


def _too_deep(text: str) -> str:
    """Where brackets are within more brackets than any agreement has; empty if nowhere.

    Looked for before parsing: how deep a parser goes depends on the limit that the program has set.
    """
    text = _TEXT.sub(lambda quoted: "_" * len(quoted[0]), text)
    depth = 0
    for bracket in re.finditer(r"[][{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _DEEP:
            return _position(text, bracket.start())
    return ""


# ------------------------------------------------------------------------------------------ writing


def to_json(data: Mapping[str, Any]) -> str:
    """Return `data` as JSON text that a person can read, with a final newline."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def to_toml(data: Mapping[str, Any]) -> str:
    """Return `data` as TOML text that a person can read.

    Tables at the top get a heading, unless they hold settings only (``token``), and lists of tables one per
    entry. Values are text, ints, bools, lists and tables of them. None is left out.
    """
    head: list[str] = []
    body: list[str] = []
    for key, value in data.items():
        if isinstance(value, Mapping) and key != "token":
            body += ["", f"[{_key(key)}]", *_lines(value)]
        elif (
            isinstance(value, (list, tuple)) and value and all(isinstance(entry, Mapping) for entry in value)
        ):
            for entry in value:
                body += ["", f"[[{_key(key)}]]", *_lines(entry)]
        elif value is not None:
            head.append(f"{_key(key)} = {_value(value)}")
    return "\n".join(head + body) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            # JSON's escapes are TOML's too; TOML escapes the delete character besides.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"{type(value).__name__} cannot be written as TOML")
