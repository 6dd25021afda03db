"""Databases, and files of sales, for the tests of imports."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import revshare as rs
from tests.databases import database, postgresql_server, postgresql_url, sqlite_url

__all__ = ["database", "postgresql_server", "postgresql_url", "sqlite_url"]

HEADER = ["Invoice", "Date", "Qty", "Price", "Country", "Note"]
CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "imports"
GOOD: dict[str, Any] = tomllib.loads((CORPUS / "good.toml").read_text(encoding="utf-8"))

Write = Callable[..., Path]


def mapping(**changes: Any) -> rs.SaleMapping:
    """The corpus' good mapping with top-level keys changed; None removes one."""
    data = GOOD | changes
    return rs.SaleMapping.model_validate({key: value for key, value in data.items() if value is not None})


def row(**cells: str) -> list[str]:
    """A line of the corpus' kind, with some cells changed."""
    good = dict(zip(HEADER, ["1001", "2011-03-01 10:00:00", "2", "1.50", "Australia", "tea"], strict=True))
    return list((good | cells).values())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines below the header to a CSV file, and returns its path."""

    def to_file(
        rows: Sequence[Sequence[str]], name: str = "sales.csv", header: Sequence[str] = HEADER, **how: Any
    ) -> Path:
        path = tmp_path / name
        encoding = how.pop("encoding", "utf-8")
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file, **how).writerows([header, *rows])
        return path

    return to_file


@pytest.fixture
def ledger() -> Iterator[rs.Ledger]:
    with rs.Ledger.open("sqlite://") as opened:
        yield opened
