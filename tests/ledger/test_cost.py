"""The benchmark runs, and what it measures is right; its figures are not judged here."""

from __future__ import annotations

from pathlib import Path

import record_sales


def test_the_benchmark_runs(tmp_path: Path) -> None:
    one = record_sales.one_at_a_time(tmp_path, 50)
    assert one["records"] == 50
    assert one["ratio"] == one["bare_us"] / one["record_us"]
    (step,) = record_sales.growth(tmp_path, [2_000], None)
    assert step["sales"] == 2_000
    assert step["cpu_us"] > 0
