"""Files are written whole, or what was there stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from revshare._files import whole_file, write_whole


def test_what_fails_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    write_whole(path, "one – 1\n")

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write(b"two")
            assert path.read_bytes() == "one – 1\n".encode()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text("utf-8") == "one – 1\n"
    assert [file.name for file in tmp_path.iterdir()] == ["accounts.json"]
    write_whole(path, "two\r\n")
    assert path.read_bytes() == b"two\r\n"


def test_modes_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "private", tmp_path / "link"
    old = os.umask(0o027)
    try:
        write_whole(path, "1")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    link.symlink_to(path)
    write_whole(link, "2")
    assert link.is_symlink()
    assert path.read_text() == "2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_file_is_written_to_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "file", "")
