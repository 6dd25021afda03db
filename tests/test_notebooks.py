"""The notebooks run, and what they show is what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["compare_schemes", "year_of_sales"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's event loop
def test_a_notebook_shows_what_it_says(path: Path) -> None:
    stored: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    fresh: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    ran = NotebookClient(
        fresh,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    assert [shown(cell) for cell in ran.cells] == [shown(cell) for cell in stored.cells]


def shown(cell: Any) -> list[str]:
    """What a cell shows, as text."""
    outputs = cell.get("outputs", [])
    assert not any(output["output_type"] == "error" for output in outputs)
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]
