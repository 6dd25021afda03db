"""A database of an earlier version is brought up to date, one of a later is refused; never half."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import revshare as rs
from revshare.ledger import _store
from revshare.ledger._schema import METADATA, SETTLEMENTS
from revshare.ledger.migrations import REVISIONS, VERSION_TABLE
from tests.ledger.sales import FULL, sale


def test_every_step_is_listed() -> None:
    config = Config()
    config.set_main_option("script_location", str(_store._MIGRATIONS))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == REVISIONS


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_steps_lead_to_the_tables_we_use(ledger: rs.Ledger) -> None:
    assert SETTLEMENTS.metadata is METADATA  # as all tables of settlements are
    options = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        # An index of an expression, which cannot be read back: test_reversals asks whether it is used.
        "include_name": lambda name, _kind, _parents: name != "sales_by_reversed",
    }
    with ledger._store.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def at(database: str, revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the ledger that the version of revshare which knew steps up to `revision` would have made."""
    real = _store._upgrade
    with monkeypatch.context() as then:
        then.setattr(_store, "REVISIONS", REVISIONS[: REVISIONS.index(revision) + 1])
        then.setattr(_store, "_upgrade", lambda connection: real(connection, revision))
        with rs.Ledger.open(database) as ledger:
            ledger.record_all([sale(1), FULL])


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_older_ledger_is_brought_up_to_date_with_all_its_sales(
    database: str, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(database, revision, monkeypatch)
    with pytest.MonkeyPatch.context() as broken:

        def fails(connection: object) -> None:
            _real(connection)  # type: ignore[arg-type]
            raise RuntimeError("the lights went out")

        _real = _store._upgrade
        broken.setattr(_store, "_upgrade", fails)
        with pytest.raises(RuntimeError):
            rs.Ledger.open(database)
    with _revision_of(database, monkeypatch, revision) as found:
        assert found == revision, "never half"
    with rs.Ledger.open(database, create=False) as ledger:
        assert [entry.sale for entry in ledger.sales()] == [sale(1), FULL]
        assert ledger.verify().ok
        assert ledger.record(sale(2)).new
        with ledger._store.read() as connection:
            assert ledger._store._revision(connection) == REVISIONS[-1]


class _revision_of:  # noqa: N801 - reads like a function
    def __init__(self, database: str, monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
        self._patch = monkeypatch.context()
        self._database, self._known = database, REVISIONS[: REVISIONS.index(revision) + 1]

    def __enter__(self) -> str | None:
        self._patch.__enter__().setattr(_store, "REVISIONS", self._known)
        with (
            rs.Ledger.open(self._database, create=False) as ledger,
            ledger._store.read() as connection,
        ):
            return ledger._store._revision(connection)

    def __exit__(self, *caught: object) -> None:
        self._patch.__exit__(None, None, None)


def test_a_newer_ledger_is_refused_and_left_alone(database: str) -> None:
    with rs.Ledger.open(database) as ledger:
        ledger.record(sale(1))
        with ledger._store.write() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(rs.LedgerTooNew, match="upgrade revshare") as caught:
        rs.Ledger.open(database)
    assert (caught.value.found, caught.value.known) == ("9999", REVISIONS[-1])


def test_other_peoples_tables_are_not_taken_for_ours(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE sales (id INTEGER)")
    with pytest.raises(rs.LedgerError, match="a table 'sales' that is no ledger's"):
        rs.Ledger.open(sqlite_url)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_ledger_may_live_beside_other_tables(postgresql_url: str) -> None:
    with rs.Ledger.open(postgresql_url) as ledger, ledger._store.write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('somebody else''s')"))
    with rs.Ledger.open(postgresql_url) as ledger:
        assert ledger.record(sale(1)).new


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "INSERT INTO {} VALUES ('0009')"])
def test_a_version_that_makes_no_sense_is_damage(ledger: rs.Ledger, database: str, statement: str) -> None:
    with ledger._store.write() as connection:
        connection.execute(text(statement.format(VERSION_TABLE)))
    with pytest.raises(rs.LedgerDamaged, match="must have one row"):
        rs.Ledger.open(database)
