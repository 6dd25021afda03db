"""Debian's packages, unpacked into a folder: neither installed on the system nor needed by anybody else.

apt checks their signatures. Where something cannot be had, the reason is said on standard error; that is a
failure only where REVSHARE_REQUIRE names it, for what needs it is skipped otherwise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def lacking(what: str) -> str:
    """Return why this machine cannot fetch Debian's packages, or ""."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            return f"{tool} is not there: this works on Debian and its like; install {what} by other means"
    return ""


def unpack(packages: tuple[str, ...], folder: Path) -> str:
    """Download packages and unpack them into `folder`. Return why that failed, or ""."""
    with tempfile.TemporaryDirectory() as there:
        done = subprocess.run(
            ["apt-get", "download", *packages], cwd=there, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["apt-get download failed"])[-1]
        for package in Path(there).glob("*.deb"):
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return ""


def found(name: str, failing: str, find: Callable[[], T | None], fetch: Callable[[], str]) -> T:
    """Return what `find` finds, after `fetch` if need be. Exits where there is none, having said why."""
    there = find()
    if there is None:
        reason = fetch()
        there = find()
        if there is None:
            sys.stderr.write(f"{failing}: {reason}\n")
            sys.exit(0 if name not in os.environ.get("REVSHARE_REQUIRE", "") else 1)
    return there
