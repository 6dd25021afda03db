"""`import revshare` is light, public names are those listed, and they come when called."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import pytest

import revshare

HEAVY = {"web3", "sqlalchemy", "numpy", "pydantic", "eth_account", "eth_tester", "typer", "rich", "pandas"}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def loaded_by(code: str) -> set[str]:
    return set(run(f"import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}})").split())


def test_importing_revshare_loads_nothing_heavy() -> None:
    assert not loaded_by("import revshare") & HEAVY


def test_the_core_loads_no_chain_and_no_database() -> None:
    code = (
        "import revshare as rs; rs.Agreement, rs.Schedule, rs.MerkleTree, rs.Sale, rs.Token, rs.AmountError, "
        "rs.Period, rs.Entry, rs.Totals, rs.LedgerError, rs.Accounts"
    )
    assert not loaded_by(code) & (HEAVY - {"pydantic"})


@pytest.mark.parametrize(
    ("package", "what", "extra"),
    [
        ("sqlalchemy", "rs.Ledger", "ledger"),
        ("alembic", "rs.Ledger.open('sqlite://')", "ledger"),
        ("psycopg", "rs.Ledger.open('postgresql://localhost/sales')", "postgres"),
    ],
)
def test_what_is_not_installed_is_named(package: str, what: str, extra: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\nimport revshare as rs\n"
    code += f"try: {what}\nexcept rs.MissingExtra as error: print(error)"
    assert run(code) == f'this needs {package}, which is not installed: pip install "revshare[{extra}]"\n'


def test_importing_revshare_costs_less_than_twice_pydantic() -> None:
    def cost(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return min(float(run(code)) for _ in range(5))

    assert cost("revshare") < 2 * cost("pydantic")


@pytest.mark.parametrize("name", revshare.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(revshare, name)
    assert value is not None
    if isinstance(value, type):
        assert value.__name__ == name


def test_names_are_listed_in_order_and_no_others_exist() -> None:
    assert revshare.__all__ == sorted(revshare.__all__)
    assert set(revshare.__all__) <= set(dir(revshare))
    with pytest.raises(AttributeError, match="no attribute 'Agrement'"):
        revshare.Agrement  # noqa: B018


@pytest.mark.parametrize(
    "module",
    [
        "_fields",
        "_model",
        "_textfile",
        "agreement",
        "errors",
        "_period",
        "ledger._sale",
        "merkle",
        "money",
        "schedule",
    ],
)
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"revshare.{module}"))
    assert result.failed == 0
