"""Whatever is changed behind the ledger's back is found, and named."""

from __future__ import annotations

import hashlib
import struct

import pytest
from sqlalchemy import text

import revshare as rs
from revshare.ledger import Manifest
from tests.ledger.sales import FULL, sale

PROTECTION = {
    "sqlite": [
        f"DROP TRIGGER {table}_no_{verb}"
        for table in ("sales", "links", "imports")
        for verb in ("update", "delete")
    ],
    "postgresql": [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("sales", "links", "imports")],
}


def meddle(ledger: rs.Ledger, *statements: str, unprotected: bool = True) -> None:
    """Change the database as somebody could who does not go through the ledger."""
    with ledger._store.write() as connection:
        before = PROTECTION[ledger._store.dialect] if unprotected else []
        for statement in (*before, *statements):
            connection.execute(text(statement))


def problems(ledger: rs.Ledger, head: str | None = None) -> str:
    found = ledger.verify(head)
    assert bool(found) == found.ok == (not found.problems)
    return "\n".join(str(problem) for problem in found.problems if not problem.where.startswith("trigger"))


@pytest.fixture
def filled(ledger: rs.Ledger) -> rs.Ledger:
    """Entries 1; 2 to 5 (an import); 6; 7. Links 1 to 4."""
    ledger.record(sale(1))
    ledger.record_all(
        [sale(number) for number in range(2, 6)], manifest=Manifest("a.csv", "ab", totals={"GBPT": 14})
    )
    ledger.record(sale(6))
    ledger.record(FULL)
    return ledger


def test_what_was_recorded_verifies(filled: rs.Ledger) -> None:
    found = filled.verify(filled.head())
    assert found.ok, found.problems
    assert (found.entries, found.links, found.head) == (7, 4, filled.head())


def test_an_empty_ledger_verifies(ledger: rs.Ledger) -> None:
    assert ledger.head() == "00" * 32
    assert ledger.verify(ledger.head()).ok


def test_an_import_of_nothing_new_is_chained_too(filled: rs.Ledger) -> None:
    head = filled.head()
    batch = filled.record_all([sale(1)], manifest=Manifest("b.csv", "cd"))
    assert (batch.new, batch.known, batch.import_id) == (0, 1, 2)
    assert filled.head() != head
    filled.record(sale(8))
    assert filled.verify(head).ok, "a head noted earlier is in the chain still"
    meddle(filled, "UPDATE imports SET name = 'c.csv' WHERE id = 2")
    assert "link 5: is not the one recorded with no entry" in problems(filled)


def test_heads_can_be_computed_by_anyone(ledger: rs.Ledger) -> None:
    entry = ledger.record(FULL).entry
    micros = 1299572760123456
    fields = ["shop", "INV-7", "Australia", str(micros), "Australia/Sydney", str(-(2**128)), "GBPT", "AUD"]
    fields += ["0.6512", "ECB", "85123A", "AU", "web", FULL.description]
    fields += ['{"big":' + str(2**200) + ',"gift":true,"note":null,"quantity":-6,"ключ":"знач\\\\ение"}']
    digest = hashlib.sha256("".join(field + "\0" for field in fields).encode()).digest()
    recorded = round(entry.recorded_at.timestamp() * 1_000_000)
    numbers = struct.pack(">qqqq", 1, 1, 1, recorded)
    assert ledger.head() == hashlib.sha256(bytes(32) + numbers + digest + bytes(32)).hexdigest()


ONE_FIELD = {
    "source": "'other'",
    "external_id": "'INV-9'",
    "agreement": "'B'",
    "occurred_at": "occurred_at + 1",
    "zone": "'UTC'",
    "amount": "'2'",
    "token": "'USDC'",
    "currency": "'EUR'",
    "rate": "'1.0'",
    "rate_source": "'me'",
    "sku": "'x'",
    "territory": "'x'",
    "channel": "'x'",
    "description": "'x'",
    "metadata": "'[]'",
}


@pytest.mark.parametrize("column", ONE_FIELD)
def test_every_field_is_chained(filled: rs.Ledger, column: str) -> None:
    meddle(filled, f"UPDATE sales SET {column} = {ONE_FIELD[column]} WHERE seq = 6")
    assert "entry 6: changed" in problems(filled)


TAMPERINGS: dict[str, tuple[list[str], str]] = {
    "a row of a batch": (["UPDATE sales SET sku = 'x' WHERE seq = 3"], "entries 2 to 5: changed"),
    "a text moved to the next field": (
        ["UPDATE sales SET territory = territory || sku, sku = '' WHERE seq = 7"],
        "entry 7: changed",
    ),
    "the first": (["DELETE FROM sales WHERE seq = 1"], "entry 1: removed"),
    "in the middle": (["DELETE FROM sales WHERE seq IN (3, 4)"], "entries 3 to 4: removed"),
    "the end of a batch": (["DELETE FROM sales WHERE seq = 5"], "entry 5: removed"),
    "the last": (["DELETE FROM sales WHERE seq >= 6"], "entry 7: removed"),
    "all": (["DELETE FROM sales"], "entries 2 to 5: removed"),
    "all rows and links": (["DELETE FROM sales", "DELETE FROM links"], "head"),
    "a link": (["DELETE FROM links WHERE number = 3"], "link 3: removed"),
    "a link and its row": (
        ["DELETE FROM links WHERE number = 3", "DELETE FROM sales WHERE seq = 6"],
        "entry 6: removed",
    ),
    "the last link": (["DELETE FROM links WHERE number = 4"], "entry 7: belongs to no link"),
    "the tail, cleanly": (
        ["DELETE FROM links WHERE number = 4", "DELETE FROM sales WHERE seq = 7"],
        "head",
    ),
    "two rows in each other's place": (
        [
            "UPDATE sales SET seq = 99 WHERE seq = 6",
            "UPDATE sales SET seq = 6 WHERE seq = 7",
            "UPDATE sales SET seq = 7 WHERE seq = 99",
        ],
        "entry 6: changed",
    ),
    "two rows of a batch in each other's place": (
        [
            "UPDATE sales SET seq = 99 WHERE seq = 2",
            "UPDATE sales SET seq = 2 WHERE seq = 3",
            "UPDATE sales SET seq = 3 WHERE seq = 99",
        ],
        "entries 2 to 5: changed",
    ),
    "links in each other's place": (
        [
            "UPDATE links SET number = 99 WHERE number = 3",
            "UPDATE links SET number = 3 WHERE number = 4",
            "UPDATE links SET number = 4 WHERE number = 99",
        ],
        "link 3: is not the one",
    ),
    "a row added": (
        [
            (
                "INSERT INTO sales SELECT 8, 4, source, 'INV-99', agreement, occurred_at, zone, amount, "
                "token, currency, rate, rate_source, sku, territory, channel, description, metadata "
                "FROM sales WHERE seq = 6"
            ),
        ],
        "entry 8: belongs to no link",
    ),
    "a row before the first": (["UPDATE sales SET seq = 0 WHERE seq = 1"], "entry 1: removed"),
    "when it was recorded": (
        ["UPDATE links SET recorded_at = recorded_at - 1 WHERE number = 3"],
        "link 3: is not the one",
    ),
    "what it was imported from": (["UPDATE imports SET file_hash = 'x'"], "link 2: is not the one"),
    "the import": (["DELETE FROM imports"], "link 2: is not the one"),
    "whether it was imported": (["UPDATE links SET import_id = 1 WHERE number = 3"], "link 3: is not"),
    "an import added": (
        [
            (
                "INSERT INTO imports SELECT 2, name, 'x', mapping_hash, lines, skipped, totals, new, known "
                "FROM imports"
            ),
        ],
        "import 2: belongs to no link",
    ),
    "a digest": (["UPDATE links SET digest = hash WHERE number = 4"], "link 4: is not the one"),
    "a hash": (["UPDATE links SET hash = digest WHERE number = 4"], "link 4: is not the one"),
    "to which link": (["UPDATE sales SET link = 1 WHERE seq = 6"], "entry 6: moved to link 1 from link 3"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_and_named(filled: rs.Ledger, name: str) -> None:
    head = filled.head()
    statements, said = TAMPERINGS[name]
    meddle(filled, *statements)
    assert said in problems(filled, head)


def test_a_chain_made_anew_is_found_by_a_noted_head(filled: rs.Ledger) -> None:
    head = filled.head()
    meddle(filled, "DELETE FROM links WHERE number = 4", "DELETE FROM sales WHERE seq = 7")
    assert problems(filled) == "", "nothing else could show it"
    filled.record(sale(7, 1))
    assert f"head {head}" in problems(filled, head)


@pytest.mark.parametrize("head", ["", "00", "x" * 64, "0" * 63])
def test_what_is_no_head_is_refused(ledger: rs.Ledger, head: str) -> None:
    with pytest.raises(rs.InvalidInput):
        ledger.verify(head)


@pytest.mark.parametrize("table", ["sales", "links", "imports"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_nothing_is_changed_or_removed(filled: rs.Ledger, table: str, statement: str) -> None:
    column = {"sales": "seq", "links": "number", "imports": "id"}[table]
    with pytest.raises(rs.LedgerError, match="append-only"):
        meddle(filled, statement.format(table, column, column), unprotected=False)
    assert filled.verify().ok


def test_nothing_is_replaced_or_emptied(filled: rs.Ledger) -> None:
    if filled._store.dialect == "sqlite":
        statement = "INSERT OR REPLACE INTO sales SELECT * FROM sales"
    else:
        statement = "TRUNCATE sales"
    with pytest.raises(rs.LedgerError, match="append-only"):
        meddle(filled, statement, unprotected=False)


def test_missing_protection_is_named(filled: rs.Ledger) -> None:
    meddle(filled)
    found = filled.verify()
    assert {problem.where.partition(" ")[0] for problem in found.problems} == {"trigger"}
    assert len(found.problems) == {"sqlite": 6, "postgresql": 3}[filled._store.dialect]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM sales WHERE seq = 7", "DELETE FROM links WHERE number = 4"]
)
def test_nothing_is_appended_to_a_broken_end(filled: rs.Ledger, statement: str) -> None:
    meddle(filled, statement)
    with pytest.raises(rs.LedgerDamaged, match="verify"):
        filled.record(sale(8))


def test_long_links_and_many_links(ledger: rs.Ledger) -> None:
    ledger.record_all(sale(number) for number in range(5_000))
    for number in range(5_000, 5_020):
        ledger.record(sale(number))
    assert ledger.verify().entries == 5_020
    meddle(ledger, "DELETE FROM sales WHERE seq IN (1999, 2000, 2001, 4001, 5001)")
    said = problems(ledger)
    assert "entries 1999 to 2001: removed" in said
    assert "entry 4001: removed" in said
    assert "entry 5001: removed" in said
