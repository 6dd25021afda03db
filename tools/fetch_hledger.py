"""Fetch Debian's hledger into the environment, to check our exports with: `make hledger`.

It is neither installed on the system nor needed by anybody else: the package is downloaded (apt checks its
signature) and unpacked below .venv. Where that cannot be, the reason is printed; the exit code is 1 only with
REVSHARE_REQUIRE=hledger, for what needs it is skipped otherwise.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import debian

FOLDER = Path(__file__).resolve().parent.parent / ".venv" / "hledger"
LIBRARIES = ("libffi8", "libgmp10", "libtinfo6")


def find() -> str | None:
    """Return the hledger there is: the system's, or the one fetched; None without one that runs."""
    ours = FOLDER / "usr" / "bin" / "hledger"
    for candidate in (shutil.which("hledger"), str(ours) if ours.is_file() else None):
        if candidate and runs(candidate):
            return candidate
    return None


def runs(program: str) -> bool:
    """Return whether `program` starts; it may lack libraries."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def fetch() -> str:
    """Download and unpack hledger, and libraries where the system has none. Return why that failed, or ""."""
    why = debian.lacking("hledger")
    if why:
        return why
    for packages in (("hledger",), LIBRARIES):
        why = debian.unpack(packages, FOLDER)
        if why or find():
            return why
        wrap()
    return "" if find() else "it was unpacked, and does not start"


def wrap() -> None:
    """Put a script in hledger's place that shows it the libraries unpacked beside it."""
    program = FOLDER / "usr" / "bin" / "hledger"
    real = program.with_name("hledger-itself")
    if not real.exists():
        program.rename(real)
    program.write_text(
        "#!/bin/sh\n"
        f'LD_LIBRARY_PATH="$(echo "{FOLDER}"/usr/lib/*-linux-gnu*):{FOLDER}/lib" exec "{real}" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)


if __name__ == "__main__":
    program = debian.found("hledger", "hledger cannot be had here", find, fetch)
    sys.stdout.write(f"hledger: {program}\n")
