"""Benchmarks of the core run, and say what they measured; here on little, for the figures see docs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        (
            "simulate",
            ("--paths", "300", "--rounds", "1"),
            {"paths": 300, "periods": 36, "payees": 6, "tiers": 4},
        ),
        ("payout_tree", ("--payees", "50"), {"payees": 50}),
        ("clearing", ("--firms", "30", "--invoices", "200"), {"firms": 30, "invoices": 200}),
        ("attribution", ("--lines", "5000"), {"payees": 5, "tiers": 3, "lines": 5000}),
    ],
)
def test_a_benchmark_runs(name: str, options: tuple[str, ...], says: dict[str, int]) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert says.items() <= found.items()
