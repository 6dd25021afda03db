"""One chain for all these tests: each makes splits, tokens and payees of its own on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.compiled import compile_all
from tests.contract.world import World


@pytest.fixture(scope="session")
def compiled(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The contracts and the mocks; see compiled.py."""
    cache = getattr(request.config, "cache", None)
    with tempfile.TemporaryDirectory() as folder:
        yield compile_all(Path(folder) if cache is None else cache.mkdir("revshare-contracts"))


@pytest.fixture(scope="session")
def world(compiled: dict[str, Any]) -> World:
    return World(compiled)
