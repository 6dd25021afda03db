"""The examples run, and print what their page says: the real thing, on a chain where money moves."""

from __future__ import annotations

import pytest

from tests import markdown
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"
PAGE = EXAMPLES / "README.md"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.slow
def test_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    markdown.run_page(PAGE)


def test_every_link_leads_somewhere() -> None:
    markdown.check_links(PAGE)


def test_every_script_is_on_the_page_and_short() -> None:
    page = PAGE.read_text("utf-8")
    assert len(SCRIPTS) == 7
    for script in SCRIPTS:
        assert f"$ python {script.name}\n" in page
        assert len(script.read_text("utf-8").splitlines()) < 60, script.name
