"""Run forge's suites (solidity/test) from here: `python -m tests.contract.forge --help`.

forge searches at random from a seed; whoever runs it learns the seed, so that every run can be replayed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.contract.compiled import CONTRACTS, ROOT, compile_all

FORGE = ROOT / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
CAMPAIGNS = ROOT / "docs/campaigns.md"


@dataclass(frozen=True)
class Result:
    """What a run gave: whether all passed, the seed that replays it, the time, and all that forge said."""

    passed: bool
    seed: int
    profile: str
    seconds: float
    output: str

    @property
    def replay(self) -> str:
        return f"python -m tests.contract.forge --profile {self.profile} --seed {self.seed}"

    @property
    def tests(self) -> list[tuple[str, str]]:
        """(test, how often it ran) for every test that passed, in forge's order."""
        return re.findall(r"^\[PASS\] (\w+)\([^)]*\) \((.*?)\)$", self.output, re.MULTILINE)


def run(
    arguments: Sequence[str] = (),
    *,
    profile: str = "default",
    seed: int | None = None,
) -> Result:
    """Run `forge test` on the shipped contracts, or on those that REVSHARE_TEST_CONTRACTS names."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    # node may be the one that `make` put beside this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "FOUNDRY_PROFILE": profile, "NO_COLOR": "1"}
    if CONTRACTS in os.environ:
        environment["REVSHARE_TEST_ARTIFACTS"] = _others().relative_to(ROOT).as_posix()
    started = time.monotonic()
    done = subprocess.run(
        [FORGE, "test", "--root", ROOT, "--fuzz-seed", str(seed), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Result(done.returncode == 0, seed, profile, time.monotonic() - started, done.stdout)


def _others() -> Path:
    """Compile the contracts to be tested instead of the shipped ones; return where their artifacts are."""
    cache = ROOT / "solidity/out/others"
    cache.mkdir(parents=True, exist_ok=True)
    artifacts = Path(tempfile.mkdtemp(dir=cache))
    for name, compiled in compile_all(cache).items():
        (artifacts / f"{name}.json").write_text(json.dumps(compiled), encoding="utf-8")
    return artifacts


def record(result: Result) -> None:
    """Put a campaign's result into docs/campaigns.md, in place of the last."""
    rows = "\n".join(f"| `{name}` | {runs.partition(', μ')[0]} |" for name, runs in result.tests)
    verdict = "all passed" if result.passed else "FAILED"
    today = datetime.now(UTC).date().isoformat()
    section = (
        f"<!-- forge -->\n{today}, profile `{result.profile}`, seed {result.seed}, "
        f"{result.seconds / 60:.0f} minutes: {verdict}.\n\n"
        f"| test | searched |\n|---|---|\n{rows}\n<!-- /forge -->"
    )
    text = CAMPAIGNS.read_text(encoding="utf-8")
    changed = re.sub(r"<!-- forge -->.*?<!-- /forge -->", lambda _: section, text, flags=re.DOTALL)
    CAMPAIGNS.write_text(changed, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz and invariant tests of the contracts, by forge.")
    parser.add_argument("--profile", default="default", help="of foundry.toml: default or campaign")
    parser.add_argument("--seed", type=int, help="replay the run that had this seed")
    parser.add_argument("--record", action="store_true", help="put the result into docs/campaigns.md")
    options, rest = parser.parse_known_args()
    result = run(rest, profile=options.profile, seed=options.seed)
    sys.stdout.write(f"{result.output}\n{result.seconds:.0f} s; replay with: {result.replay}\n")
    if options.record:
        record(result)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
