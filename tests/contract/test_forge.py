"""forge's fuzz and invariant suites (solidity/test) are part of the tests, and search for hours if asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.contract import forge
from tests.contract.forge import FORGE, Result, campaign, kept, limit, record, run

pytestmark = pytest.mark.xdist_group("forge")

# Where continuous integration runs, forge must be there.
needs_forge = pytest.mark.skipif(
    not FORGE.is_file() and "CI" not in os.environ, reason="no forge for this platform"
)


def verify(result: Result) -> None:
    sys.stdout.write(f"replay with: {result.replay}\n")
    assert result.passed, f"{result.output}\nreplay with: {result.replay}"
    # A run that found nothing to do would pass as well.
    names = {name for name, _ in result.tests}
    assert any(name.startswith("invariant_") for name in names)
    assert any(name.startswith("testFuzz_") for name in names)


@needs_forge
@pytest.mark.slow
def test_fuzz_and_invariants() -> None:
    verify(run())


@needs_forge
@pytest.mark.campaign
def test_fuzz_and_invariants_for_hours() -> None:
    done = []
    for search in campaign(seconds=limit()):
        done.append(search)
        record(done, limit())
    failed = [f"{search.output}\nreplay with: {search.replay}" for search in done if not search.passed]
    assert not failed, "\n".join(failed)
    kinds = {search.name.partition(".")[2].partition("_")[0] for search in done}
    assert kinds == {"invariant", "testFuzz"}


class Forge:
    """Stands in for forge: passes or fails by name, and remembers what it was asked."""

    def __init__(self, failing: frozenset[str] = frozenset()) -> None:
        self.failing = failing
        self.asked: list[tuple[str, int]] = []

    def __call__(
        self, arguments: Sequence[str] = (), *, profile: str, seed: int, settings: Mapping[str, str]
    ) -> Result:
        test = arguments[3].removeprefix("^").removesuffix(r"\b")
        self.asked.append((test, seed))
        return Result(test not in self.failing, seed, profile, 1.5, f"[PASS] {test}() (runs: 7, μ: 1, ~: 1)")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [("A", "invariant_one"), ("A", "testFuzz_two"), ("B", "testFuzz_three")]
    monkeypatch.setattr(forge, "searches", lambda: names)


@pytest.mark.usefixtures("three")
def test_a_campaign_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = tmp_path / "journal"
    monkeypatch.setattr(forge, "run", Forge())
    first = next(campaign(journal=journal))  # it ends here, in the middle of a line
    journal.write_text(journal.read_text() + '{"name": "A.testF')

    later = Forge(frozenset({"testFuzz_three"}))
    monkeypatch.setattr(forge, "run", later)
    done = list(campaign(journal=journal))
    assert done[0] == first
    assert [name for name, _ in later.asked] == ["testFuzz_two", "testFuzz_three"]
    assert {seed for _, seed in later.asked} == {first.seed}
    assert [search.passed for search in done] == [True, True, False]
    assert done[2].output

    again = Forge()
    monkeypatch.setattr(forge, "run", again)
    assert all(search.passed for search in campaign(journal=journal))
    assert [name for name, _ in again.asked] == ["testFuzz_three"]


@pytest.mark.usefixtures("three")
def test_a_campaign_of_other_code_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = tmp_path / "journal"
    for code in ("one", "other"):
        asked = Forge()
        monkeypatch.setattr(forge, "run", asked)
        monkeypatch.setattr(forge, "fingerprint", lambda code=code: code)
        assert {search.code for search in campaign(journal=journal, seed=3)} == {code}
        assert len(asked.asked) == 3
    assert {(search.code, search.searched) for search in kept(journal)} == {("other", "runs: 7")}


@pytest.mark.usefixtures("three")
def test_what_was_searched_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "campaigns.md"
    page.write_text("before\n<!-- forge -->\nold\n<!-- /forge -->\nafter\n")
    monkeypatch.setattr(forge, "CAMPAIGNS", page)
    monkeypatch.setattr(forge, "run", Forge(frozenset({"testFuzz_two"})))
    record(list(campaign(seed=5, seconds=9)), 9)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "seed 5, " in text
    assert "at most 9 s a test" in text
    assert "| `A.invariant_one` | runs: 7 | 2 s |" in text
    assert "| `A.testFuzz_two` | FAILED | 2 s |" in text
