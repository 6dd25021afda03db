"""Many at once, and killed at any moment: a sale counts once, and what was acknowledged is there."""

from __future__ import annotations

import os
import random
import select
import time

import pytest

import revshare as rs
from tests.ledger.processes import finished, fork, kill
from tests.ledger.sales import sale

SALES = 10_000
PROCESSES = 16


def test_sixteen_processes_record_the_same_sales_once(database: str) -> None:
    many = [sale(number) for number in range(SALES)]
    rs.Ledger.open(database).close()

    def work(seed: int) -> None:
        starts = list(range(0, SALES, 1_000))
        random.Random(seed).shuffle(starts)
        with rs.Ledger.open(database, timeout=120) as ledger:
            for number in random.Random(seed).sample(range(SALES), 10):
                ledger.record(many[number])
            for start in starts:
                ledger.record_all(many[start : start + 1_000])

    assert finished([fork(lambda seed=seed: work(seed)) for seed in range(PROCESSES)])  # type: ignore[misc]
    with rs.Ledger.open(database) as ledger:
        assert ledger.totals() == {"GBPT": rs.Totals(SALES, sum(range(SALES)), 0)}
        assert {entry.sale for entry in ledger.sales()} == set(many)
        found = ledger.verify()
        assert found.ok, found.problems
        assert found.entries == SALES


def test_processes_that_begin_one_ledger_together_begin_one(database: str) -> None:
    def work(number: int) -> None:
        with rs.Ledger.open(database) as ledger:
            ledger.record(sale(number))

    assert finished([fork(lambda number=number: work(number)) for number in range(8)])  # type: ignore[misc]
    with rs.Ledger.open(database) as ledger:
        assert ledger.totals()["GBPT"].count == 8
        assert ledger.verify().ok


def test_a_ledger_may_be_used_after_a_fork(ledger: rs.Ledger) -> None:
    ledger.record(sale(1))

    def work() -> None:
        for number in range(2, 20):
            ledger.record(sale(number))

    children = [fork(work), fork(work)]
    work()
    assert finished(children)
    assert ledger.totals()["GBPT"].count == 19
    assert ledger.verify().ok


@pytest.mark.parametrize("size", [1, 40])
def test_what_was_acknowledged_survives_a_kill(database: str, size: int) -> None:
    rs.Ledger.open(database).close()
    generator = random.Random(size)
    acknowledged = 0
    for _ in range(6):
        reader, writer = os.pipe()

        def work(start: int = acknowledged, say: int = writer) -> None:
            with rs.Ledger.open(database) as ledger:
                while True:
                    ledger.record_all([sale(number) for number in range(start, start + size)])
                    start += size
                    os.write(say, b"%d\n" % start)

        child = fork(work)
        os.close(writer)
        said = b""
        end = time.monotonic() + 60
        while said.count(b"\n") < 3 and time.monotonic() < end:
            if select.select([reader], [], [], 1)[0]:
                said += os.read(reader, 65536)
        time.sleep(generator.random() / 50)
        kill(child)
        while more := os.read(reader, 65536):
            said += more
        os.close(reader)
        acknowledged = max(int(line) for line in said.split())
        with rs.Ledger.open(database) as ledger:
            there = [entry.sale for entry in ledger.sales()]
            assert there[:acknowledged] == [sale(number) for number in range(acknowledged)]
            assert len(there) - acknowledged in (0, size), (
                "one that was not acknowledged, whole or not at all"
            )
            found = ledger.verify()
            assert found.ok, found.problems
            acknowledged = len(there)
    assert acknowledged >= 6 * 3 * size


def test_killed_while_it_is_made_a_ledger_is_whole_or_not_there(sqlite_url: str) -> None:
    generator = random.Random(1)
    for _ in range(10):
        child = fork(lambda: rs.Ledger.open(sqlite_url).close())
        time.sleep(generator.random() / 10)
        kill(child)
        try:
            with rs.Ledger.open(sqlite_url, create=False) as ledger:
                assert ledger.verify().ok
        except rs.LedgerError as error:
            assert "there is no such file" in str(error)
    with rs.Ledger.open(sqlite_url) as ledger:
        assert ledger.record(sale(1)).new


def test_threads_share_a_ledger(ledger: rs.Ledger) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda number: ledger.record(sale(number % 25)).new, range(100)))
    assert sum(new) == 25
    assert ledger.verify().entries == 25


def test_what_is_read_is_of_one_moment(ledger: rs.Ledger) -> None:
    ledger.record_all(sale(number) for number in range(3_000))
    seen = 0
    for _ in ledger.sales():
        if seen % 1_000 == 0:
            ledger.record(sale(10_000 + seen))
        seen += 1
    assert seen == 3_000


def test_verifying_while_others_record_raises_no_alarm(database: str) -> None:
    rs.Ledger.open(database).close()

    def work() -> None:
        with rs.Ledger.open(database) as ledger:
            for number in range(100_000):
                ledger.record_all([sale(number)])

    child = fork(work)
    try:
        with rs.Ledger.open(database) as ledger:
            while not ledger.totals():
                time.sleep(0.01)
            for _ in range(15):
                found = ledger.verify(ledger.head())
                assert found.ok, found.problems
    finally:
        kill(child)


def test_acknowledged_means_on_disk_whatever_the_server_would_do(ledger: rs.Ledger) -> None:
    from sqlalchemy import text

    if ledger._store.dialect == "sqlite":
        asked = {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1}
        with ledger._store.read() as connection:
            for pragma, value in asked.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
        return
    with ledger._store.write() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable'))
    ledger.close()
    with ledger._store.read() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
