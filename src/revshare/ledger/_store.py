"""The databases a ledger can be in: engines, transactions, and their errors in our words."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Text,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from revshare.errors import (
    InvalidInput,
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerFull,
    LedgerReadOnly,
    LedgerTooNew,
    MissingExtra,
)

from .migrations import APPEND_ONLY, REVISIONS, VERSION_TABLE

MEMORY = ("sqlite://", "sqlite:///:memory:", ":memory:")
"""Names of a ledger that ends with the process."""

_SERIALISE = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'revshare', 'big')})"
"""Takes PostgreSQL's lock that whoever appends holds until it commits, so that the chain has one end."""

_BEGIN = "revshare_begin"
_SMALLEST = 512  # bytes that a page of an SQLite file has at least
_MAGIC = b"SQLite format 3\0"
_NO_LEDGER = (
    "this is not a ledger, but a file of another kind; it was left as it is: name the ledger's own file, or, "
    "if this was one and was overwritten, restore a copy"
)
_MIGRATIONS = Path(__file__).with_name("migrations")


class Store:
    """A database, its connections, and its transactions.

    name: of the database, for messages: without a password. timeout: seconds to wait for others.
    """

    def __init__(self, url: str | os.PathLike[str], *, create: bool, timeout: float) -> None:
        self.timeout = timeout
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._url = self._parse(url)
        self.dialect = self._url.get_backend_name()
        self.name = (
            str(self._url.database)
            if self.dialect == "sqlite"
            else self._url.set(drivername="postgresql").render_as_string(hide_password=True)
        )
        self._pid = os.getpid()
        self._inherited: list[object] = []
        self._writer: sqlite3.Connection | None = None
        self._turn = threading.Lock()
        if self.dialect == "sqlite":
            self._path = Path(str(self._url.database)).absolute()  # whatever the folder later is
            self._find_file(create=create)
            self.engine = self._sqlite_engine(self._path)
        else:
            self.engine = self._postgresql_engine()
        try:
            self._bring_up_to_date(create=create)
        except BaseException:
            self.close()
            raise

    # ---------------------------------------------------------------------------- where it is

    def _parse(self, url: str | os.PathLike[str]) -> URL:
        given = os.fspath(url)
        if given in MEMORY:
            # A file in a folder that goes away: in every other respect it behaves as any ledger does.
            self._folder = tempfile.TemporaryDirectory(prefix="revshare-")
            return URL.create("sqlite", database=str(Path(self._folder.name) / "sales.db"))
        if "://" not in given:
            if not given:
                raise InvalidInput(
                    "a ledger needs a name: a path, or sqlite:///path, or postgresql://host/database"
                )
            return URL.create("sqlite", database=given)
        try:
            parsed = make_url(given)
        except (ArgumentError, ValueError):
            # Without its cause, which may quote the url, and with it the password.
            raise InvalidInput(
                "the ledger's url cannot be read: write postgresql://user@host/database"
            ) from None
        if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database:
            if dict(parsed.query) not in ({}, {"mode": "ro"}, {"mode": "rw"}):
                raise InvalidInput(
                    "after the path of a ledger in SQLite there may be ?mode=ro, and nothing else"
                )
            return parsed.set(drivername="sqlite")
        if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
            return parsed.set(drivername="postgresql+psycopg")
        raise InvalidInput(
            f"a ledger is in SQLite or PostgreSQL, not {parsed.drivername!r}: write a path, sqlite:///path "
            "or postgresql://user@host/database"
        )

    def _find_file(self, *, create: bool) -> None:
        """Make the file if there is none. Raises LedgerError when it cannot be, or it is empty."""
        if self._path.exists():
            self._check_size()
            return
        if not create:
            raise LedgerError("there is no ledger: there is no such file", ledger=self.name)
        if not self._path.parent.is_dir():
            raise LedgerError(f"there is no folder {self._path.parent}", ledger=self.name)
        self._make_file()

    def _check_size(self) -> None:
        """Refuse a file with less than a page, which SQLite would take for a new database."""
        if self._path.is_dir():
            raise LedgerError("this is a folder, not a ledger: give the path of its file", ledger=self.name)
        # Only its size: to open and close the file would drop the locks this process holds on it.
        size = self._path.stat().st_size
        if not size:
            raise LedgerDamaged(
                "the file is empty, so it is no ledger, or no longer one: restore a copy, or name another",
                ledger=self.name,
            )
        if size < _SMALLEST:  # so small that nothing holds locks on it
            with self._path.open("rb") as file:
                ours = file.read(len(_MAGIC)) == _MAGIC
            raise LedgerDamaged(
                "the file is cut short, so it is no longer a ledger: restore a copy" if ours else _NO_LEDGER,
                ledger=self.name,
            )

    def _make_file(self) -> None:
        """Make a new ledger beside where it shall be, then give it its name: it is never seen half made."""
        try:
            folder = tempfile.TemporaryDirectory(prefix=".revshare-", dir=self._path.parent)
        except OSError as error:
            raise LedgerReadOnly(
                f"no ledger can be made there: {error.strerror}", ledger=self.name
            ) from error
        with folder:
            new = Path(folder.name) / "new.db"
            sqlite3.connect(new).close()
            engine = self._sqlite_engine(new)
            try:
                with (
                    self._errors(),
                    engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection,
                ):
                    _upgrade(connection)
            finally:
                engine.dispose()  # the last connection moves what the log holds into the file
            _sync(new)
            try:
                with suppress(FileExistsError):  # somebody else was quicker
                    os.link(new, self._path)
            except OSError:  # a file system without links
                if not self._path.exists():
                    new.rename(self._path)
            _sync(self._path.parent)

    # ---------------------------------------------------------------------------- engines

    def _connect(self, path: Path) -> sqlite3.Connection:
        mode = self._url.query.get("mode", "rw")
        uri = f"{path.as_uri()}?mode={mode}"
        # No isolation level: sqlite3 then begins nothing by itself, and our own BEGIN is the only one.
        return sqlite3.connect(
            uri, uri=True, timeout=self.timeout, isolation_level=None, check_same_thread=False
        )

    def _sqlite_engine(self, path: Path) -> Engine:
        engine = create_engine(
            "sqlite://",
            creator=lambda: self._connect(path),
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=-1,
            hide_parameters=True,
        )
        event.listen(engine, "connect", lambda connection, _record: _set_up_sqlite(connection))
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgresql_engine(self) -> Engine:
        try:
            engine = create_engine(
                self._url,
                isolation_level="READ COMMITTED",
                pool_size=4,
                max_overflow=-1,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            if error.name and error.name.partition(".")[0] == "psycopg":
                raise MissingExtra("postgres", "psycopg") from error
            raise
        milliseconds = max(1, round(self.timeout * 1000))

        def set_up(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", (str(milliseconds),))
                cursor.execute("SELECT set_config('jit', 'off', false)")  # costs more than any query here
                # Acknowledged means on disk, whatever the server's default; what is stricter stays.
                cursor.execute(
                    "SELECT set_config('synchronous_commit', 'on', false) "
                    "WHERE current_setting('synchronous_commit') IN ('off', 'local')"
                )
            connection.commit()

        event.listen(engine, "connect", set_up)
        return engine

    # ---------------------------------------------------------------------------- transactions

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A connection to read from. With `snapshot`, all its statements see the same moment."""
        with self._errors(), self._engine().connect() as connection:
            if snapshot and self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            yield connection

    @contextmanager
    def write(self, *, append: bool = False) -> Iterator[Connection]:
        """A transaction to write in; committed, durably, at the end of the block, or rolled back.

        On SQLite there is one writer at a time. On PostgreSQL those with `append` wait for each other,
        because each extends the same chain; others do not. Raises LedgerBusy after the timeout.
        """
        with self._errors(), self._engine().connect() as connection:
            connection = connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})  # noqa: PLW2901
            with connection.begin():
                if append and self.dialect == "postgresql":
                    connection.exec_driver_sql(_SERIALISE)
                yield connection

    @contextmanager
    def append(self) -> Iterator[Any]:
        """As `write(append=True)`, but the driver's connection: for one sale SQLAlchemy costs too much."""
        with self._errors():
            if self.dialect == "sqlite":
                yield from self._append_to_file()
                return
            checked_out = self._engine().raw_connection()
            try:
                raw: Any = checked_out.driver_connection
                raw.execute(_SERIALISE)
                yield from _committed(raw)
            finally:
                checked_out.close()

    def _append_to_file(self) -> Iterator[sqlite3.Connection]:
        # One connection, kept: SQLite has one writer at a time, so our threads may as well wait here.
        self._engine()
        if not self._turn.acquire(timeout=self.timeout):
            raise LedgerBusy(
                "other threads hold the database; nothing was recorded, try again", ledger=self.name
            )
        try:
            if self._writer is None:
                self._writer = self._connect(self._path)
                _set_up_sqlite(self._writer)
            self._writer.execute("BEGIN IMMEDIATE")
            yield from _committed(self._writer)
        finally:
            self._turn.release()

    def _engine(self) -> Engine:
        if os.getpid() != self._pid:
            # A child made by fork: the connections belong to the parent, and must be neither used nor closed.
            self._inherited += (self.engine.pool, self._writer)
            self.engine.dispose(close=False)
            self._writer = None
            self._turn = threading.Lock()
            self._pid = os.getpid()
        return self.engine

    def close(self) -> None:
        """Close every connection. Using the ledger again opens new ones."""
        self._engine().dispose()
        if self._writer is not None:
            with self._turn:
                self._writer.close()
                self._writer = None
        if self._folder is not None:
            self._folder.cleanup()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except LedgerError:
            raise
        except Exception as error:
            translated = self.translated(error)
            if translated is None:
                raise
            raise translated from error

    def translated(self, error: Exception) -> LedgerError | None:
        """Return what a database's own error is in our words, None for any other error."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        if isinstance(cause, sqlite3.Error):
            kind, message = _sqlite_error(cause)
        elif type(cause).__module__.partition(".")[0] == "psycopg":
            kind, message = _postgresql_error(cause)
        elif isinstance(cause, UnicodeDecodeError) and _is_ours(cause):
            # sqlite3 quotes what it found in a damaged file, and fails at that.
            kind, message = LedgerDamaged, "the file holds what was never written; restore a copy"
        else:
            return None
        return kind(message, ledger=self.name)

    # ---------------------------------------------------------------------------- migrations

    def _bring_up_to_date(self, *, create: bool) -> None:
        with self.read() as connection:
            found = self._revision(connection)
        if found == REVISIONS[-1]:
            return
        if found is None and not create:
            raise LedgerError("this database holds no ledger", ledger=self.name)
        with self.write(append=True) as connection:
            # Others may have been quicker; from here on we are alone.
            found = self._revision(connection)
            if found != REVISIONS[-1]:
                _upgrade(connection)

    def _revision(self, connection: Connection) -> str | None:
        """Return the step the database is at, None when it has no ledger. Raises LedgerTooNew."""
        tables = set(inspect(connection).get_table_names())
        if VERSION_TABLE not in tables:
            taken = sorted(tables & set(APPEND_ONLY))
            if taken:
                raise LedgerError(
                    f"it has a table {taken[0]!r} that is no ledger's: give the ledger a database of its own",
                    ledger=self.name,
                )
            return None
        query = select(column("version_num", Text)).select_from(table(VERSION_TABLE))
        found = connection.execute(query).scalars().all()
        if len(found) != 1:
            raise LedgerDamaged(
                f"its table {VERSION_TABLE} must have one row, not {len(found)}", ledger=self.name
            )
        if found[0] not in REVISIONS:
            raise LedgerTooNew(found[0], REVISIONS[-1], ledger=self.name)
        return str(found[0])


def _upgrade(connection: Connection, to: str = "head") -> None:
    try:
        from alembic import command
        from alembic.config import Config
    except ModuleNotFoundError as error:
        raise MissingExtra("ledger", "alembic") from error

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, to)


def _is_ours(error: Exception) -> bool:
    """Whether it was raised while the database was asked, not by a caller's code in a transaction."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return where.startswith(("sqlalchemy.", f"{__package__}._"))


def _set_up_sqlite(connection: sqlite3.Connection) -> None:
    with suppress(
        sqlite3.OperationalError
    ):  # read-only, or others hold it in another mode: it works all the same
        connection.execute("PRAGMA journal_mode = WAL")
    for pragma in (
        "synchronous = FULL",  # what is acknowledged survives a loss of power
        "fullfsync = ON",  # macOS: through the drive's own cache
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE deletes without asking the triggers
        "cache_size = -32000",  # KiB
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_aggregate("units_sum", 1, _UnitsSum)  # type: ignore[arg-type]


class _UnitsSum:
    """Exact sums of amounts that are text: SQLite's own would turn them into floats."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: str | None) -> None:
        if value is not None:
            self.total += int(value)

    def finalize(self) -> str:
        return str(self.total)


def _committed(raw: Any) -> Iterator[Any]:
    """Give the connection; then commit, or roll back when anything fails."""
    try:
        yield raw
        raw.commit()
    except BaseException:
        raw.rollback()
        raise


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _sync(path: Path) -> None:
    with suppress(OSError):  # not every system lets a folder be synced
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_FULL_FILE = {"SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_FSYNC"}


def _sqlite_error(error: sqlite3.Error) -> tuple[type[LedgerError], str]:
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerBusy, "others hold the database; nothing was recorded, try again"
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return LedgerReadOnly, f"it can only be read: {error}"
    if name.startswith("SQLITE_CANTOPEN"):
        return LedgerReadOnly, f"it, or the files beside it, cannot be opened: {error}"
    if name.startswith("SQLITE_FULL") or name in _FULL_FILE:
        return LedgerFull, f"there is no room left to write; nothing was recorded: {error}"
    if name.startswith("SQLITE_NOTADB"):
        return LedgerDamaged, _NO_LEDGER
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_IOERR")):
        return LedgerDamaged, f"the file is damaged: {error}; restore a copy"
    if str(error).startswith("Could not decode"):
        return LedgerDamaged, f"the file holds what was never written: {error}; restore a copy"
    return LedgerError, f"the database refused: {error}"


_STATES: dict[str, tuple[type[LedgerError], str]] = {
    "55P03": (LedgerBusy, "others hold the database; nothing was recorded, try again"),
    "57014": (LedgerBusy, "the database cancelled what took too long; nothing was recorded, try again"),
    "40001": (LedgerBusy, "others changed the same; nothing was recorded, try again"),
    "40P01": (LedgerBusy, "others hold what this needs; nothing was recorded, try again"),
    "53300": (LedgerBusy, "the server has too many connections"),
    "25006": (LedgerReadOnly, "it can only be read"),
    "42501": (LedgerReadOnly, "this user may not do that"),
    "53100": (LedgerFull, "the server's disk is full; nothing was recorded"),
    "53200": (LedgerFull, "the server has no memory left; nothing was recorded"),
    "XX001": (LedgerDamaged, "the server found its data damaged"),
    "XX002": (LedgerDamaged, "the server found an index damaged"),
}


def _postgresql_error(error: BaseException) -> tuple[type[LedgerError], str]:
    state = getattr(error, "sqlstate", None)
    if state in _STATES:
        kind, message = _STATES[state]
        return kind, message
    if state is None:
        return LedgerError, (
            "the server cannot be reached, or the connection to it was lost: whatever was not acknowledged "
            "may be recorded again, a sale counts once"
        )
    return LedgerError, f"the database refused: {str(error).strip().partition(chr(10))[0]}"
