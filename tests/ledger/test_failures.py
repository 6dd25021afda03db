"""Full disks, locked, read-only and torn databases: recovered, or stopped with a clear word; never wrong."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

import revshare as rs
from tests.ledger.processes import finished, fork
from tests.ledger.sales import sale


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# ---------------------------------------------------------------------------------------- full


def test_a_full_disk_stops_and_harms_nothing(sqlite_url: str) -> None:
    """No file of the process may grow beyond a size, which is how a quota looks."""

    def work() -> None:
        with rs.Ledger.open(sqlite_url) as ledger:
            ledger.record(sale(1))
            before = ledger.verify()
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            with pytest.raises(rs.LedgerFull, match="no room left"):
                ledger.record_all(sale(number) for number in range(50_000))
            assert ledger.verify(before.head).entries == 1
            number = 2
            with pytest.raises(rs.LedgerFull):  # noqa: PT012
                while number < 10_000:
                    ledger.record(sale(number))
                    number += 1
            assert ledger.verify().entries == number - 1
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert ledger.record(sale(number)).new
            assert ledger.verify(before.head).ok

    assert finished([fork(work)])


def test_a_database_that_may_not_grow_stops_and_harms_nothing(sqlite_url: str) -> None:
    from sqlalchemy import event

    with rs.Ledger.open(sqlite_url) as ledger:
        ledger.record(sale(1))
        ledger.close()

        def limit(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA max_page_count = 30")

        event.listen(ledger._store.engine, "connect", limit)
        with pytest.raises(rs.LedgerFull):
            ledger.record_all(sale(number) for number in range(5_000))
        assert ledger.verify().entries == 1
        assert ledger.record(sale(2)).new


def test_no_room_to_begin_leaves_nothing_behind(sqlite_url: str) -> None:
    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        with pytest.raises(rs.LedgerFull):
            rs.Ledger.open(sqlite_url)

    assert finished([fork(work)])
    assert not list(file_of(sqlite_url).parent.iterdir())


# ---------------------------------------------------------------------------------------- locked


@contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody else is writing, and takes long."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as other_connection:
        other_connection.execute(text("LOCK TABLE sales IN EXCLUSIVE MODE"))
        yield
    engine.dispose()


def test_a_locked_database_is_busy_and_can_be_read(database: str) -> None:
    with rs.Ledger.open(database, timeout=0.1) as ledger:
        ledger.record(sale(1))
        with held(database):
            for _ in range(2):
                with pytest.raises(rs.LedgerBusy, match="try again"):
                    ledger.record(sale(2))
            assert ledger.totals()["GBPT"].count == 1
        assert ledger.record(sale(2)).new
        assert ledger.verify().ok


def test_writers_wait_for_each_other_no_longer_than_told(database: str) -> None:
    with rs.Ledger.open(database) as one, rs.Ledger.open(database, timeout=0.1) as other:

        def slow() -> Iterator[rs.Sale]:
            yield sale(1)
            with pytest.raises(rs.LedgerBusy):
                other.record(sale(2))

        one.record_all(slow())
        assert other.record(sale(2)).entry.seq == 2


# ---------------------------------------------------------------------------------------- read-only


def test_a_database_opened_to_be_read_is_read(sqlite_url: str) -> None:
    with rs.Ledger.open(sqlite_url) as ledger:
        ledger.record(sale(1))
        with rs.Ledger.open(sqlite_url + "?mode=ro") as reading:
            assert reading.verify().entries == 1
            with pytest.raises(rs.LedgerReadOnly):
                reading.record(sale(2))


@pytest.mark.parametrize("folder_too", [False, True])
def test_a_read_only_file_stops_with_a_clear_word(sqlite_url: str, folder_too: bool) -> None:
    with rs.Ledger.open(sqlite_url) as ledger:
        ledger.record(sale(1))
    path = file_of(sqlite_url)
    path.chmod(0o444)
    path.parent.chmod(0o555 if folder_too else 0o777)

    def work() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)  # permissions do not bind root
        try:
            with rs.Ledger.open(sqlite_url) as ledger:
                assert ledger.verify().entries == 1
                ledger.record(sale(2))
        except rs.LedgerReadOnly as error:
            assert str(path) in str(error)
        else:
            raise AssertionError("it could be written")

    try:
        assert finished([fork(work)])
    finally:
        path.parent.chmod(0o755)
        path.chmod(0o644)
    with rs.Ledger.open(sqlite_url) as ledger:
        assert ledger.verify().entries == 1


def test_a_user_who_may_only_read_is_told(postgresql_url: str) -> None:
    with rs.Ledger.open(postgresql_url) as ledger:
        ledger.record(sale(1))
        with ledger._store.write() as connection:
            database = make_url(postgresql_url).database
            connection.execute(
                text(f'ALTER ROLE postgres IN DATABASE "{database}" SET default_transaction_read_only = on')
            )
    with rs.Ledger.open(postgresql_url) as ledger:
        assert ledger.verify().entries == 1
        with pytest.raises(rs.LedgerReadOnly):
            ledger.record(sale(2))


# ---------------------------------------------------------------------------------------- torn


@pytest.fixture
def torn(sqlite_url: str) -> Path:
    """A ledger of 400 sales whose last 100 are in the log beside the file."""
    with rs.Ledger.open(sqlite_url) as ledger:
        ledger.record_all(sale(number) for number in range(300))
    path = file_of(sqlite_url)
    copy = path.with_name("copy.db")
    with rs.Ledger.open(sqlite_url) as ledger:
        for number in range(300, 400, 10):
            ledger.record_all(sale(n) for n in range(number, number + 10))
        (path.parent / "head").write_text(ledger.head())
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    return copy


def outcome(path: Path) -> int | None:
    """How many sales a copy has, all of them right; None when it is refused or found damaged."""
    try:
        with rs.Ledger.open(path, create=False) as ledger:
            found = ledger.verify()
            if not found.ok:
                return None
            there = [entry.sale for entry in ledger.sales()]
    except rs.LedgerDamaged:
        return None
    assert there == [sale(number) for number in range(len(there))], "never wrong"
    assert found.entries == len(there)
    return len(there)


def test_a_whole_copy_has_everything(torn: Path) -> None:
    assert outcome(torn) == 400


def test_a_copy_without_its_log_is_of_an_earlier_moment_and_a_noted_head_tells(torn: Path) -> None:
    torn.with_name("copy.db-wal").unlink()
    assert outcome(torn) == 300
    with rs.Ledger.open(torn) as ledger:
        found = ledger.verify((torn.parent / "head").read_text())
        assert [problem.where.partition(" ")[0] for problem in found.problems] == ["head"]
        assert ledger.record_all(sale(number) for number in range(400)).new == 100, (
            "and it is mended like this"
        )


def test_a_log_cut_short_is_of_an_earlier_moment(torn: Path) -> None:
    log = torn.with_name("copy.db-wal")
    whole = log.read_bytes()
    main = torn.read_bytes()
    seen = set()
    for part in range(21):
        torn.write_bytes(main)
        log.write_bytes(whole[: len(whole) * part // 20])
        count = outcome(torn)
        assert count is not None
        assert count % 10 == 0
        seen.add(count)
    assert {300, 400} < seen


def test_a_file_cut_short_is_refused(torn: Path) -> None:
    torn.with_name("copy.db-wal").unlink()
    whole = torn.read_bytes()
    pages = len(whole) // 4096
    for kept in [0, 1, 50, 100, 1000, *(4096 * page for page in range(1, pages, 3)), len(whole) - 1]:
        torn.write_bytes(whole[:kept])
        assert outcome(torn) is None, kept
        assert torn.stat().st_size == kept, "and left as it is, for whoever restores it"


def test_a_file_overwritten_in_places_is_never_wrong(torn: Path) -> None:
    torn.with_name("copy.db-wal").unlink()
    whole = torn.read_bytes()
    generator = random.Random(4)
    tried = noticed = 0
    while tried < 40:
        broken = bytearray(whole)
        length = generator.choice([1, 16, 512, 4096])
        start = generator.randrange(len(whole) - length)
        if whole[start : start + length].count(0) > length // 4:
            continue  # most of so small a file is not in use
        tried += 1
        broken[start : start + length] = generator.randbytes(length)
        for suffix in ("-wal", "-shm"):
            torn.with_name(f"copy.db{suffix}").unlink(missing_ok=True)
        torn.write_bytes(broken)
        try:
            noticed += outcome(torn) is None
        except rs.LedgerError as error:  # such as a newer version, or other tables
            noticed += 1
            assert str(torn) in str(error)
    assert noticed >= 35


@pytest.mark.parametrize("target", [b"tablelinkslinks", b"INV-7", b"CREATE TRIGGER", b"Australia"])
def test_text_that_is_no_text_is_damage(torn: Path, target: bytes) -> None:
    torn.with_name("copy.db-wal").unlink()
    torn.write_bytes(torn.read_bytes().replace(target, b"\xac" * len(target)))
    assert outcome(torn) is None


@pytest.mark.parametrize("content", [b"", b"source,external_id,amount\n" * 100, b"SQLite format 3\0"])
def test_what_is_no_database_is_refused(sqlite_url: str, content: bytes) -> None:
    file_of(sqlite_url).write_bytes(content)
    with pytest.raises(rs.LedgerDamaged):
        rs.Ledger.open(sqlite_url)
    assert file_of(sqlite_url).read_bytes() == content


# ---------------------------------------------------------------------------------------- not there


def test_what_is_not_there_is_said(sqlite_url: str) -> None:
    with pytest.raises(rs.LedgerError, match="no such file"):
        rs.Ledger.open(sqlite_url, create=False)
    with pytest.raises(rs.LedgerError, match="no folder"):
        rs.Ledger.open(str(file_of(sqlite_url).parent / "nowhere" / "sales.db"))
    assert not file_of(sqlite_url).exists()


def test_a_ledger_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with rs.Ledger.open("sä les?#%20.db") as ledger:
        ledger.record(sale(1))
        monkeypatch.chdir(tmp_path / "there")
        ledger.close()
        assert ledger.record(sale(2)).entry.seq == 2
        assert ledger.totals()["GBPT"].count == 2
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["sä les?#%20.db"]
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize("query", ["mode=rwc", "mode=memory", "timeout=5", "mode=ro&cache=shared"])
def test_what_may_follow_a_path_is_said(sqlite_url: str, query: str) -> None:
    with pytest.raises(rs.InvalidInput, match="mode=ro"):
        rs.Ledger.open(f"{sqlite_url}?{query}")


def test_a_database_without_a_ledger_is_said(postgresql_url: str) -> None:
    with pytest.raises(rs.LedgerError, match="no ledger"):
        rs.Ledger.open(postgresql_url, create=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@127.0.0.1:1/sales",
        "postgresql://ann:hunter2@127.0.0.1:port/sales",
        "mysql://ann:hunter2@db/sales",
        "postgresql+psycopg2://ann:hunter2@db/sales",
        "://ann:hunter2",
    ],
)
def test_a_password_is_never_repeated(url: str) -> None:
    with pytest.raises((rs.LedgerError, rs.InvalidInput)) as caught:
        rs.Ledger.open(url, timeout=1)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error) + repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_ledger_shows_no_password(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(username="postgres", password="hunter2")
    with rs.Ledger.open(url.render_as_string(hide_password=False)) as ledger:
        assert "hunter2" not in repr(ledger)
        with pytest.raises(rs.LedgerError) as caught, ledger._store.read() as connection:
            connection.execute(text("SELECT nothing"))
        assert "hunter2" not in str(caught.value)


def test_a_ledger_without_a_name_ends_with_the_process() -> None:
    with rs.Ledger.open("sqlite://") as one, rs.Ledger.open(":memory:") as other:
        assert one.record(sale(1)).new
        assert other.record(sale(1)).new
        folder = Path(one._store.name).parent
    assert not folder.exists()
