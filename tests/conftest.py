"""What all suites share: the repository on the path, and how hard Hypothesis searches.

HYPOTHESIS_PROFILE chooses: "quick" (the default) is part of every test run, "campaign" searches for hours. A
failure prints the line (`@reproduce_failure`, or `--hypothesis-seed`) that replays it.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Verbosity, settings

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # so that suites can say `from tests.oracle import …`
    sys.path.insert(0, str(ROOT))

_slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile(
    "quick", max_examples=100, deadline=None, print_blob=True, suppress_health_check=_slow_is_fine
)
settings.register_profile(
    "campaign",
    max_examples=5_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=_slow_is_fine,
)
settings.register_profile("verbose", settings.get_profile("quick"), verbosity=Verbosity.verbose)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_configure(config: pytest.Config) -> None:
    """Choose a seed when none is given, so that it can be printed and every run replayed."""
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker waits for another at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_report_header(config: pytest.Config) -> str:
    seed = getattr(config.option, "hypothesis_seed", None)
    return f"replay with: HYPOTHESIS_PROFILE={settings.get_current_profile_name()} --hypothesis-seed={seed}"
