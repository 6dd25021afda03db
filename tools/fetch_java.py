"""Fetch Debian's Java into the environment, for Spark to run on in our tests: `make test-spark`.

It is neither installed on the system nor needed by anybody else: the package is downloaded (apt checks its
signature) and unpacked below .venv-spark. Prints the folder for JAVA_HOME and nothing else. Where there is
none to be had the reason is printed on standard error, and the exit code is 1 only with
REVSHARE_REQUIRE=spark, for what needs it is skipped otherwise.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import debian

FOLDER = Path(__file__).resolve().parent.parent / ".venv-spark" / "java"
PACKAGE = "openjdk-17-jre-headless"
OLDEST, NEWEST = 17, 21  # that Spark 4.0 runs on


def find() -> Path | None:
    """Return the folder of a Java that starts: JAVA_HOME, the system's, or the one fetched; None without."""
    named, system = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [Path(named)] if named else []
    if system:
        candidates.append(Path(system).resolve().parent.parent)
    candidates += FOLDER.glob("usr/lib/jvm/java-17-openjdk-*")
    return next((folder for folder in candidates if OLDEST <= version(folder) <= NEWEST), None)


def version(folder: Path) -> int:
    """Return the version of the Java in `folder`, 0 when it does not start."""
    try:
        done = subprocess.run(
            [folder / "bin" / "java", "-version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = re.search(r'version "([0-9]+)', done.stderr)
    return int(found[1]) if found and not done.returncode else 0


def fetch() -> str:
    """Download and unpack Java. Return why that failed, or ""."""
    why = debian.lacking("Java 17") or debian.unpack((PACKAGE,), FOLDER)
    if why:
        return why
    for home in FOLDER.glob("usr/lib/jvm/java-17-openjdk-*"):
        mend(home)
    return "" if find() else "it was unpacked, and does not start"


def mend(home: Path) -> None:
    """Point the links of an unpacked Java, which name /etc and /usr, into FOLDER."""
    for link in home.rglob("*"):
        if link.is_symlink() and link.readlink().is_absolute():
            inside = FOLDER / str(link.readlink()).lstrip("/")
            if inside.exists():
                link.unlink()
                link.symlink_to(inside)


if __name__ == "__main__":
    home = debian.found("spark", "Java cannot be had here, so Spark is not tested", find, fetch)
    sys.stdout.write(f"{home}\n")
