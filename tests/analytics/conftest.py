"""Engines to run analytics on: DuckDB, PostgreSQL, and Spark where it is there (`make test-spark`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.analytics.engines import DuckEngine, Engine, PostgresEngine, SparkEngine
from tests.databases import postgresql_server, postgresql_url

__all__ = ["postgresql_server", "postgresql_url"]


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ibis on Spark with two threads; skipped where it is not, unless REVSHARE_REQUIRE names it."""
    java = os.environ.get("JAVA_HOME") or shutil.which("java")
    if find_spec("pyspark") is None or not java:
        assert "spark" not in os.environ.get("REVSHARE_REQUIRE", ""), (
            "REVSHARE_REQUIRE=spark: `make test-spark`"
        )
        pytest.skip("Spark or Java is not there: `make test-spark`")
    import ibis
    from pyspark.sql import SparkSession

    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.fixture(params=["duckdb", "postgresql", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine with nothing in it: the test runs once on each."""
    if request.param == "duckdb":
        yield DuckEngine(tmp_path)
    elif request.param == "spark":
        yield SparkEngine(tmp_path, request.getfixturevalue("spark"))
    else:
        postgres = PostgresEngine(tmp_path, request.getfixturevalue("postgresql_url"))
        yield postgres
        postgres.close()
