"""Run forge's suites (solidity/test) from here: `python -m tests.contract.forge --help`.

forge searches at random from a seed; whoever runs it learns the seed, so that every run can be replayed. A
campaign runs one test after the other and writes down each as it ends: cut short it has not been for nothing,
and with a journal it goes on where it ended.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
    output = done.stdout
    if done.returncode < 0:
        output += f"\nforge was ended by {signal.Signals(-done.returncode).name} and has said no more\n"
    return Result(done.returncode == 0, seed, profile, time.monotonic() - started, output)


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


# ---------------------------------------------------------------- campaigns


@dataclass(frozen=True)
class Search:
    """One test of a campaign: what became of it, how often it ran, and of which code (`fingerprint`)."""

    name: str
    passed: bool
    searched: str
    seconds: float
    seed: int
    profile: str
    code: str
    output: str = ""

    @property
    def replay(self) -> str:
        contract, _, test = self.name.partition(".")
        return (
            f"python -m tests.contract.forge --profile {self.profile} --seed {self.seed} "
            f"--match-contract '^{contract}$' --match-test '^{test}'"
        )


def fingerprint() -> str:
    """What stands for the code that is searched and the tests that search it."""
    tests = ROOT / "solidity/test"
    files = [*sorted((ROOT / "src/revshare/artifacts").glob("[A-Z]*.json")), *sorted(tests.rglob("*.sol"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def kept(journal: Path | None) -> list[Search]:
    """What a journal of searches holds, the last of each name. A line torn by its writer's end is none."""
    if journal is None or not journal.is_file():
        return []
    found: dict[str, Search] = {}
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            search = Search(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[search.name] = search
    return list(found.values())


def campaign(
    *,
    profile: str = "campaign",
    seed: int | None = None,
    seconds: int | None = None,
    journal: Path | None = None,
) -> Iterator[Search]:
    """Search with one test after the other, all from one seed, each for at most so many seconds.

    What a `journal` holds of the same code, profile and seed, and passed, is not searched again, but yielded;
    each other search is put into it as it ends. Without a seed that of the journal goes on.
    """
    code = fingerprint()
    before = {
        search.name: search
        for search in kept(journal)
        if search.passed and (search.code, search.profile) == (code, profile) and seed in (None, search.seed)
    }
    if seed is None:
        seed = next((search.seed for search in before.values()), random.SystemRandom().randrange(2**32))
    settings = (
        {}
        if seconds is None
        else {"FOUNDRY_FUZZ_TIMEOUT": str(seconds), "FOUNDRY_INVARIANT_TIMEOUT": str(seconds)}
    )
    for contract, test in searches():
        name = f"{contract}.{test}"
        if name in before:
            yield before[name]
            continue
        only = ["--match-contract", f"^{contract}$", "--match-test", rf"^{test}\b", "--threads", "1"]
        result = run(only, profile=profile, seed=seed, settings=settings)
        output = "" if result.passed else result.output
        search = Search(name, result.passed, result.searched, result.seconds, seed, profile, code, output)
        if journal is not None:
            with journal.open("a", encoding="utf-8") as file:
                # On a line of its own, also where the one before was torn.
                file.write("\n" + json.dumps(asdict(search)) + "\n")
        yield search


def record(done: Sequence[Search], seconds: int | None = None) -> None:
    """Put what a campaign has done so far into docs/campaigns.md, in place of the last."""
    rows = "\n".join(
        f"| `{search.name}` | {search.searched if search.passed else 'FAILED'} | {search.seconds:.0f} s |"
        for search in done
    )
    first = done[0]
    today = datetime.now(UTC).date().isoformat()
    limit = "" if seconds is None else f", at most {seconds} s a test"
    section = (
        f"<!-- forge -->\n{today}, profile `{first.profile}`, seed {first.seed}, code `{first.code}`{limit}; "
        f"{len(done)} tests in {sum(search.seconds for search in done) / 60:.0f} minutes.\n\n"
        f"| test | searched | |\n|---|---|---|\n{rows}\n<!-- /forge -->"
    )
    text = CAMPAIGNS.read_text(encoding="utf-8")
    changed = re.sub(r"<!-- forge -->.*?<!-- /forge -->", lambda _: section, text, flags=re.DOTALL)
    CAMPAIGNS.write_text(changed, encoding="utf-8")


def limit() -> int | None:
    """How long a campaign may search with one test, in seconds, if anybody has said."""
    return int(os.environ[LIMIT]) if os.environ.get(LIMIT) else None


def _told(search: Search) -> str:
    verdict = search.searched if search.passed else "FAILED"
    return f"{search.name}: {verdict}, {search.seconds:.0f} s; replay with: {search.replay}\n{search.output}"


def main() -> int:
    """Run the suites once, or as a campaign; 0 if all passed."""
    parser = argparse.ArgumentParser(description="Fuzz and invariant tests of the contracts, by forge.")
    parser.add_argument("--profile", help="of foundry.toml: default, or campaign for a campaign")
    parser.add_argument("--seed", type=int, help="replay the run that had this seed")
    parser.add_argument(
        "--record",
        action="store_true",
        help="a campaign: one test after the other, and each result into docs/campaigns.md",
    )
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="a campaign: results are appended here, and what it holds of the same code is done",
    )
    parser.add_argument("--show", action="store_true", help="search nothing, say what the journal holds")
    options, rest = parser.parse_known_args()
    if options.show:
        done = kept(options.journal)
    elif options.record or options.journal:
        done = []
        profile = options.profile or "campaign"
        for search in campaign(profile=profile, seed=options.seed, seconds=limit(), journal=options.journal):
            done.append(search)
            if options.record:
                record(done, limit())
            sys.stdout.write(_told(search))
            sys.stdout.flush()
    else:
        result = run(rest, profile=options.profile or "default", seed=options.seed)
        sys.stdout.write(f"{result.output}\n{result.seconds:.0f} s; replay with: {result.replay}\n")
        return 0 if result.passed else 1
    if options.show:
        sys.stdout.write("".join(map(_told, done)))
        if options.record and done:
            record(done, limit())
    return 0 if all(search.passed for search in done) else 1


if __name__ == "__main__":
    sys.exit(main())
