"""A run of the demonstration on the embedded chain, and a real node to play it on again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from revshare import demo
from tests import nodes


@pytest.fixture(scope="session")
def played() -> demo.DemoResult:
    """The demonstration, played once on the embedded chain."""
    return demo.run()


@pytest.fixture(scope="module")
def anvil() -> Iterator[str]:
    """The address of a real node, that of a chain of its own."""
    if not nodes.ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with nodes.anvil() as url:
        yield url
