"""A kill storm: settlers killed at any point there is. Nobody is paid twice, and no sale is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.chain.conftest import Chain
from tests.settlement.conftest import make_world
from tests.settlement.killed import KILLED
from tests.settlement.world import World

from revshare.chain import RevenueSplit
from revshare.ledger import Sale
from revshare.ledger._journal import Journal
from revshare.settlement import reconcile, settle

DELICATE = (
    "before a commit",
    "after a transaction",
    "before eth_sendRawTransaction",
    "after eth_sendRawTransaction",
    "storing",
    "stored",
    "observed",
)
KINDS = ("before a commit", "after a ", "before eth_", "after eth_sendRaw")
ROOT = Path(__file__).resolve().parent.parent.parent


class Killer:
    """Runs settlers that are killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.settlement.killed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def run(self, **job: Any) -> list[tuple[int, str]]:
        """Return how each copy ended, and what it said: where it was killed, or how things stand."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        return [(status, said) for status, said in json.loads(self.process.stdout.readline())]

    def stop(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    made = Killer()
    yield made
    made.stop()


def new_seed() -> int:
    """One that is shown where the test fails; REVSHARE_SEED replays it."""
    seed = int(os.environ.get("REVSHARE_SEED", random.SystemRandom().randrange(2**32)))
    sys.stdout.write(f"replay with REVSHARE_SEED={seed}\n")
    return seed


def job(world: World, split: RevenueSplit, url: str) -> dict[str, Any]:
    """What a settler in another process has to be told."""
    assert split.agreement is not None
    return {
        "node": str(world.chain.w3.provider.endpoint_uri),  # type: ignore[attr-defined]
        "ledger": url,
        "agreement": split.agreement.to_json(),
        "split": split.address,
        "token": world.token.address,
        "key": "0x" + bytes(world.me.key).hex(),
    }


def storm(world: World, url: str, killer: Killer, kills: int, seed: int) -> None:
    """Settle day after day, each time with settlers that are killed, until so many were, of every kind."""
    chance = random.Random(seed)
    split = world.deal()
    assert split.agreement is not None
    name, total, day = split.agreement.name, 0, datetime(2011, 1, 1, tzinfo=UTC)
    points: Counter[str] = Counter()
    of = job(world, split, url)
    while points.total() < kills or not _every_kind(points):
        sales = [chance.randrange(-(10**6), 3 * 10**6) for _ in range(5)] + [6 * 10**6]
        world.ledger.record_all(
            Sale(
                "shop",
                f"{name}/{day:%j}/{place}",
                day + timedelta(hours=place),
                amount,
                "GBP6",
                agreement=name,
            )
            for place, amount in enumerate(sales)
        )
        total += sum(sales)
        for _ in range(1000):
            # Half of them anywhere, half where it is most delicate.
            kind, most = chance.choice([("", 150)] * len(DELICATE) + [(one, 5) for one in DELICATE])
            kill_at = chance.randrange(1, most)
            ((status, said),) = killer.run(**of, period=f"{day:%Y-%m-%d}", kill_at=kill_at, kind=kind)
            if status == 0:
                assert said.startswith("final"), said
                break
            assert status == KILLED, (status, said, seed)
            points[said] += 1
        day += timedelta(days=1)
    assert points.total() >= kills, seed
    world.check(split, revenue=total)
    records = Journal(world.ledger).settlements(name)
    assert len(records) == len(world.remittances(split)) == (day - datetime(2011, 1, 1, tzinfo=UTC)).days
    assert all(record.state == "final" and not record.note for record in records)
    assert sum(record.amount for record in records) == total
    assert sum(record.count for record in records) == 6 * len(records)
    assert _one_signature_for_each_nonce(world)
    books = reconcile(world.ledger, split)
    assert books.differences == ()
    assert (books.open_lines, books.elsewhere) == (0, 0)


def _every_kind(points: Counter[str]) -> bool:
    return all(any(point.startswith(kind) for point in points) for kind in KINDS)


def _one_signature_for_each_nonce(world: World) -> bool:
    made = [one for record in Journal(world.ledger).settlements() for one in record.transactions]
    return len({one.nonce for one in made}) == len(made) and all(one.state == "final" for one in made)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_settler_may_be_killed_at_any_point(
    kind: str, killer: Killer, anvil_chain: Chain, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    world = make_world(anvil_chain, url)
    seed = new_seed()
    storm(world, url, killer, kills=100, seed=seed)
    world.ledger.close()


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ten_thousand_kills(
    kind: str, killer: Killer, anvil_chain: Chain, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    world = make_world(anvil_chain, url)
    seed, end = new_seed(), time.monotonic() + float(os.environ.get("REVSHARE_CAMPAIGN_SECONDS", "inf"))
    for place in range(50):  # a year of days has no room for more in one agreement
        storm(world, url, killer, kills=100, seed=seed + place)
        sys.stdout.write(f"{kind}: {(place + 1) * 100} kills with seeds {seed} to {seed + place}\n")
        if time.monotonic() > end:
            break
    world.ledger.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_eight_settlers_of_one_period_make_one_settlement(
    kind: str, killer: Killer, anvil_chain: Chain, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    world = make_world(anvil_chain, url)
    split = world.deal()
    world.sell(split, "2011-03", [10**6 * place for place in range(1, 9)])
    ended = killer.run(**job(world, split, url), period="2011-03", kill_at=0, copies=8)
    assert [(status, said[:5]) for status, said in ended] == [(0, "final")] * 8
    (record,) = Journal(world.ledger).settlements()
    assert len(record.transactions) == 3
    assert len(world.remittances(split)) == 1
    world.check(split)
    assert settle(world.ledger, split, "2011-03").reconciled
    world.ledger.close()
