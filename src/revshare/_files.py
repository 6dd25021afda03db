"""Files that are written whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

__all__ = ["whole_file", "write_whole"]


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a file to write to, which stands at `path` when the block ends, whole and on disk.

    Until then, and for good where the block or the process fails, what was at `path` stays as it was. What is
    no regular file (``/dev/stdout``) is written to as it comes. Raises OSError.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    target = target.resolve()  # a link stays a link
    try:
        made = NamedTemporaryFile(  # noqa: SIM115 - entered below
            dir=target.parent, prefix=f".{target.name[:100]}-", delete=False
        )
    except OSError as error:
        error.filename = os.fspath(path)  # not that of a file nobody asked for
        raise
    with made:
        try:
            yield made
            made.flush()
            os.fsync(made.fileno())
            Path(made.name).chmod(target.stat().st_mode & 0o777 if target.exists() else _usual_mode())
            Path(made.name).replace(target)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to a file in UTF-8, all or nothing. Raises OSError."""
    with whole_file(path) as file:
        file.write(text.encode())


def _usual_mode() -> int:
    mask = os.umask(0)  # there is no other way to ask
    os.umask(mask)
    return 0o666 & ~mask
