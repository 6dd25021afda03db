"""Run forge's suites (solidity/test) from here: `python -m tests.contract.forge --help`.

forge searches at random from a seed; whoever runs it learns the seed, so that every run can be replayed. A
campaign runs one test after the other and writes down each as it ends: cut short it has not been for nothing.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from tests.contract.compiled import CONTRACTS, ROOT, compile_all

FORGE = ROOT / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
CAMPAIGNS = ROOT / "docs/campaigns.md"
LIMIT = "REVSHARE_CAMPAIGN_SECONDS"
"""Environment variable: how many seconds a campaign may search with one test. Without it, to the end."""


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
    def searched(self) -> str:
        """How often the last test ran, in forge's words."""
        found = re.findall(r"\((runs: \d+(?:, calls: \d+)?)", self.output)
        return str(found[-1]) if found else "nothing"

    @property
    def tests(self) -> list[tuple[str, str]]:
        """(test, how often it ran) for every test that passed, in forge's order."""
        return re.findall(r"^\[PASS\] (\w+)\([^)]*\) \((.*?)\)$", self.output, re.MULTILINE)


def run(
    arguments: Sequence[str] = (),
    *,
    profile: str = "default",
    seed: int | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    """Run `forge test` on the shipped contracts, or on those that REVSHARE_TEST_CONTRACTS names."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    # node may be the one that `make` put beside this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "FOUNDRY_PROFILE": profile, "NO_COLOR": "1", **settings}
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


def searches() -> list[tuple[str, str]]:
    """(contract, test) of all that search at random: the invariants, then the fuzz tests."""
    told = run(["--list", "--json"]).output
    suites = json.loads(next(line for line in told.splitlines() if line.startswith("{")))
    found = [
        (contract, test) for suite in suites.values() for contract, tests in suite.items() for test in tests
    ]
    return [pair for kind in ("invariant_", "testFuzz_") for pair in found if pair[1].startswith(kind)]


def campaign(
    *, profile: str = "campaign", seed: int | None = None, seconds: int | None = None
) -> Iterator[tuple[str, Result]]:
    """Search with one test after the other, all from one seed, each for at most so many seconds.

    Yields (contract.test, result).
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    settings = (
        {}
        if seconds is None
        else {"FOUNDRY_FUZZ_TIMEOUT": str(seconds), "FOUNDRY_INVARIANT_TIMEOUT": str(seconds)}
    )
    for contract, test in searches():
        only = ["--match-contract", f"^{contract}$", "--match-test", rf"^{test}\b", "--threads", "1"]
        yield f"{contract}.{test}", run(only, profile=profile, seed=seed, settings=settings)


def record(results: Sequence[tuple[str, Result]], seconds: int | None = None) -> None:
    """Put what a campaign has done so far into docs/campaigns.md, in place of the last."""
    rows = "\n".join(
        f"| `{name}` | {result.searched if result.passed else 'FAILED'} | {result.seconds:.0f} s |"
        for name, result in results
    )
    _, first = results[0]
    today = datetime.now(UTC).date().isoformat()
    limit = "" if seconds is None else f", at most {seconds} s a test"
    section = (
        f"<!-- forge -->\n{today}, profile `{first.profile}`, seed {first.seed}{limit}; "
        f"{len(results)} tests in {sum(result.seconds for _, result in results) / 60:.0f} minutes.\n\n"
        f"| test | searched | |\n|---|---|---|\n{rows}\n<!-- /forge -->"
    )
    text = CAMPAIGNS.read_text(encoding="utf-8")
    changed = re.sub(r"<!-- forge -->.*?<!-- /forge -->", lambda _: section, text, flags=re.DOTALL)
    CAMPAIGNS.write_text(changed, encoding="utf-8")


def limit() -> int | None:
    """How long a campaign may search with one test, in seconds, if anybody has said."""
    return int(os.environ[LIMIT]) if os.environ.get(LIMIT) else None


def main() -> int:
    """Run the suites once, or as a campaign; 0 if all passed."""
    parser = argparse.ArgumentParser(description="Fuzz and invariant tests of the contracts, by forge.")
    parser.add_argument("--profile", default="default", help="of foundry.toml: default or campaign")
    parser.add_argument("--seed", type=int, help="replay the run that had this seed")
    parser.add_argument(
        "--record",
        action="store_true",
        help="one test after the other, and each result into docs/campaigns.md",
    )
    options, rest = parser.parse_known_args()
    if not options.record:
        result = run(rest, profile=options.profile, seed=options.seed)
        sys.stdout.write(f"{result.output}\n{result.seconds:.0f} s; replay with: {result.replay}\n")
        return 0 if result.passed else 1
    done = []
    for name, result in campaign(profile=options.profile, seed=options.seed, seconds=limit()):
        done.append((name, result))
        record(done, limit())
        sys.stdout.write(f"{name}: {result.searched}, {result.seconds:.0f} s; replay with: {result.replay}\n")
        sys.stdout.write("" if result.passed else result.output)
        sys.stdout.flush()
    return 0 if all(result.passed for _, result in done) else 1


if __name__ == "__main__":
    sys.exit(main())
