"""forge's fuzz and invariant suites (solidity/test) are part of the tests, and search for hours if asked."""

from __future__ import annotations

import os
import sys

import pytest

from tests.contract.forge import FORGE, Result, campaign, limit, record, run

pytestmark = [
    pytest.mark.xdist_group("forge"),
    # Where continuous integration runs, forge must be there.
    pytest.mark.skipif(not FORGE.is_file() and "CI" not in os.environ, reason="no forge for this platform"),
]


def verify(result: Result) -> None:
    sys.stdout.write(f"replay with: {result.replay}\n")
    assert result.passed, f"{result.output}\nreplay with: {result.replay}"
    # A run that found nothing to do would pass as well.
    names = {name for name, _ in result.tests}
    assert any(name.startswith("invariant_") for name in names)
    assert any(name.startswith("testFuzz_") for name in names)


@pytest.mark.slow
def test_fuzz_and_invariants() -> None:
    verify(run())


@pytest.mark.campaign
def test_fuzz_and_invariants_for_hours() -> None:
    done = []
    for name, result in campaign(seconds=limit()):
        done.append((name, result))
        record(done, limit())
    failed = [f"{result.output}\nreplay with: {result.replay}" for _, result in done if not result.passed]
    assert not failed, "\n".join(failed)
    kinds = {name.partition(".")[2].partition("_")[0] for name, _ in done}
    assert kinds == {"invariant", "testFuzz"}
