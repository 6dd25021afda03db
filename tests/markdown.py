"""Documentation that is tested: its code is run, its generated parts are compared with what generates them.

In a page, in order and with one namespace per page:

    ```python      is run; when a ```text block follows at once, that is what it prints
    ```console     every line `$ revshare …` or `$ python FILE` is run, what follows it is its output;
                   `$ make …` is a target
    ```toml        with [payees] in it, is an agreement that loads

Between `<!-- NAME -->` and `<!-- /NAME -->` stands what a test generates. REVSHARE_WRITE_DOCS=1 makes the
tests write outputs and generated parts instead of comparing them.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import revshare as rs
from revshare.cli import main
from tests.conftest import ROOT

WRITE = bool(os.environ.get("REVSHARE_WRITE_DOCS"))
WIDTH = 100
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text stands in the page."""

    language: str
    text: str
    start: int
    end: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(found[1], found[2], found.start(2), found.end(2)) for found in _FENCE.finditer(page)]


def run_page(path: Path) -> None:
    """Run the blocks of a page in the current directory; AssertionError where it is not as the page says."""
    page = path.read_text(encoding="utf-8")
    found = blocks(page)
    namespace: dict[str, Any] = {"__name__": path.stem}
    corrections: list[tuple[Block, str]] = []
    for block, following in zip_longest(found, found[1:]):
        line = page.count("\n", 0, block.start) + 1
        if block.language == "python":
            printed = run_python(block.text, namespace, f"{path.name}:{line}")
            at_once = following and following.language == "text" and not _between(page, block, following)
            if at_once and following:
                corrections += [(following, printed)]
            else:
                assert printed == "", f"{path.name}:{line} prints, and no text block follows:\n{printed}"
        elif block.language == "console":
            corrections.append((block, run_console(block.text)))
        elif block.language == "toml" and "[payees]" in block.text:
            rs.Agreement.loads(block.text)
    compare(path, page, corrections)


def _between(page: str, one: Block, other: Block) -> str:
    return page[one.end : other.start].replace("```text", "").replace("```", "").strip()


def compare(path: Path, page: str, corrections: list[tuple[Block, str]]) -> None:
    """Assert that each block holds the text beside it, or write the page anew."""
    if WRITE:
        for block, text in reversed(corrections):
            page = page[: block.start] + text + page[block.end :]
        path.write_text(page, encoding="utf-8", newline="\n")
        return
    for block, text in corrections:
        assert block.text == text, f"{path.name}: REVSHARE_WRITE_DOCS=1 pytest writes what is right"


def run_python(code: str, namespace: dict[str, Any], name: str) -> str:
    """What `code` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, name, "exec"), namespace)
    return out.getvalue()


def run_console(text: str) -> str:
    """The text of a console block as it should be: every command with its output."""
    out = ""
    for command, shown in _commands(text):
        out += f"$ {command}\n"
        program, *arguments = shlex.split(command, comments=True)
        if program == "revshare":
            printed = revshare(*arguments)
            out += printed if shown else ""
        elif program == "python":
            out += script(*arguments)
        else:
            assert program in ("make", "pip", "git", "cd"), f"nobody tests {command!r}"
            assert not shown
            if program == "make":
                assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    return out


def script(name: str) -> str:
    """What the script `name` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(name, run_name="__main__")
    return out.getvalue()


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def revshare(*arguments: str) -> str:
    """What `revshare ARGUMENTS` prints on a terminal without colours, its errors included."""
    out = io.StringIO()
    environment = {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    with (
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        contextlib.suppress(SystemExit),
    ):
        main(arguments)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TEST = re.compile(r"`((?:tests|solidity)/[\w/.-]+\.(?:py|sol))(?:::(\w+))?`")


def check_links(path: Path) -> None:
    """Assert that the files and tests a page refers to are there, and the headings within pages too."""
    page = path.read_text(encoding="utf-8")
    for target in _LINK.findall(page):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {_anchor(title) for title in titles}, f"{path.name} links to {target}"
    for file, name in _TEST.findall(page):
        assert not name or defines(ROOT / file, name), f"{path.name} names {file}::{name}, which is not there"


def defines(path: Path, name: str) -> bool:
    """Whether a file of Python or Solidity defines a function of this name."""
    return re.search(rf"\b(?:def|function) {name}\(", path.read_text(encoding="utf-8")) is not None


def _anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def generated(path: Path, name: str, text: str) -> None:
    """Assert that a page has `text` between `<!-- NAME -->` and `<!-- /NAME -->`, or write it there."""
    page = path.read_text(encoding="utf-8")
    before, start, rest = page.partition(f"<!-- {name} -->\n")
    there, end, after = rest.partition(f"<!-- /{name} -->")
    assert start, f"{path.name} has no <!-- {name} -->"
    assert end, f"{path.name} has no <!-- /{name} -->"
    if WRITE:
        path.write_text(before + start + text + end + after, encoding="utf-8", newline="\n")
        return
    assert there == text, f"{path.name}: REVSHARE_WRITE_DOCS=1 pytest writes what is right"
