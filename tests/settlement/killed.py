"""Settlers that are killed: it forks a child for each line of JSON it reads, and says how that ended.

A child settles, and is killed with SIGKILL at the n-th point it comes to. Points are before and after each
request to the node, before and after each statement and commit of the database, and each moment of which a
settler tells `watch`. Forking a process that has everything imported makes a kill cost little.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from eth_account import Account
from sqlalchemy import event
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain.abi import interface
from revshare.chain.node import Node
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import Terms
from revshare.ledger import Ledger
from revshare.settlement import Progress, Settler

KILLED = -signal.SIGKILL


class Points:
    """Counts the points, or those whose name begins so, and kills at the one told."""

    def __init__(self, kill_at: int, kind: str = "") -> None:
        self.kill_at = kill_at
        self.kind = kind
        self.passed = 0

    def at(self, what: str) -> None:
        self.passed += what.startswith(self.kind)
        if self.passed == self.kill_at and what.startswith(self.kind):
            os.write(1, f"{what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


class Provider(HTTPProvider):
    """HTTP, with a point before and after each request."""

    points: Points

    def make_request(self, method: Any, params: Any) -> Any:
        self.points.at(f"before {method}")
        answer = super().make_request(method, params)
        self.points.at(f"after {method}")
        return answer


def settle(job: dict[str, Any]) -> None:
    """Settle a period, and whatever is open."""
    points = Points(job["kill_at"], job.get("kind", ""))
    provider = Provider(job["node"])
    provider.points = points
    node = Node(Web3(provider))
    agreement = rs.Agreement.model_validate_json(job["agreement"])
    account = Account.from_key(job["key"])
    terms = Terms(agreement.schedule(), job["token"])
    split = RevenueSplit(node, job["split"], terms, agreement=agreement, account=account)
    ledger = Ledger.open(job["ledger"], create=False)
    engine = ledger._store.engine
    event.listen(engine, "before_cursor_execute", lambda *_: points.at("before a statement"))
    event.listen(engine, "after_cursor_execute", lambda *_: points.at("after a statement"))
    event.listen(engine, "commit", lambda *_: points.at("before a commit"))
    event.listen(engine, "checkin", lambda *_: points.at("after a transaction"))

    def watch(progress: Progress) -> None:
        points.at(f"{progress.moment} {progress.step}".rstrip())

    settler = Settler(ledger, node, account=account, watch=watch, lease=30)
    result = settler.settle(split, job["period"], timeout=60)
    points.kill_at = 0
    os.write(1, f"{result.state} {points.passed}\n".encode())


def run(job: dict[str, Any]) -> NoReturn:
    try:
        settle(job)
    except BaseException:  # noqa: BLE001 - whatever it was, the parent is to see it
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def warm() -> None:
    """Load what a child would load for itself otherwise, each time."""
    import psycopg  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

    from revshare.chain.events import decode_log
    from revshare.chain.node import Log

    decode_log(Log("0x" + "0" * 40, (bytes(32),), b"", 0, "", "", 0))
    Account.from_key(b"\1" * 32).sign_transaction(
        {"chainId": 1, "nonce": 0, "gas": 21000, "gasPrice": 1, "to": "0x" + "11" * 20, "value": 0}
    )
    for name in ("RevenueSplit", "DemoToken", "AmendableSplit"):
        interface(name)
    with Ledger.open("sqlite://") as ledger:
        assert ledger.agreements() == ()


def fork(job: dict[str, Any]) -> tuple[int, int]:
    """Start a child; return its number, and where it says how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        run(job)
    os.close(writing)
    return child, reading


def wait(child: int, reading: int) -> tuple[int, str]:
    with os.fdopen(reading) as said:
        words = said.read().strip()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), words


def main() -> None:
    warm()
    for line in sys.stdin:
        job = json.loads(line)
        children = [fork(job) for _ in range(job.get("copies", 1))]
        sys.stdout.write(json.dumps([wait(*child) for child in children]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
