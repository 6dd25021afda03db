"""Books: accepted by bean-check and hledger, in full precision, with the balances that the chain has."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.report.conftest import World
from tests.strategies import make_schedule, schedules

import revshare as rs
from revshare.ledger import Ledger
from revshare.report import (
    Books,
    PeriodStatement,
    Position,
    Remittance,
    TransactionLine,
    books,
    period_statement,
    statement_of,
    statements_of,
)

pytestmark = pytest.mark.xdist_group("report")
OURS = ROOT / ".venv" / "hledger" / "usr" / "bin" / "hledger"
HLEDGER = shutil.which("hledger") or (str(OURS) if OURS.is_file() else None)
needs_hledger = pytest.mark.skipif(
    HLEDGER is None and "hledger" not in os.environ.get("REVSHARE_REQUIRE", ""),
    reason="hledger is not there: `make hledger`",
)


@pytest.fixture(scope="module")
def shop(world: World) -> Books:
    with Ledger.open(world.path) as ledger:
        return books(statements_of(ledger, world.shop))


@pytest.fixture(scope="module")
def song(world: World) -> Books:
    with Ledger.open(world.path) as ledger:
        return books(statements_of(ledger, world.song), position=position(world.song_split))


def position(split: rs.RevenueSplit) -> Position:
    now = split.statement()
    return Position(now.revenue, now.entitlements, now.paid, now.credit)


def bean_check(text: str, folder: Path) -> str:
    file = folder / "books.beancount"
    file.write_text(text, encoding="utf-8")
    program = "from beancount.scripts.check import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def accepted(text: str) -> bool:
    """Whether Beancount takes it: what bean-check asks, in this process."""
    from beancount import loader

    _, errors, _ = loader.load_string(text)
    return not errors


def hledger(text: str, folder: Path, *arguments: str) -> str:
    assert HLEDGER is not None, "REVSHARE_REQUIRE=hledger, and it is not there: `make hledger`"
    file = folder / "books.journal"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [HLEDGER, "-f", str(file), *arguments],
        capture_output=True,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


# ------------------------------------------------------------------------------------------ balances


def test_what_the_books_say_was_paid_is_what_the_contract_says(
    world: World, shop: Books, song: Books
) -> None:
    assert shop.paid() == world.shop_split.paid()
    assert song.paid() == world.song_split.paid()
    assert all(sum(posting.amount for posting in entry.postings) == 0 for entry in song.entries)


def test_every_balance_is_the_chains(world: World, song: Books) -> None:
    balances, now = song.balances(), world.song_split.statement()
    root = f"{song.root}"
    assert balances[f"Assets:{root}:Split"] == balance_of(world)
    assert -balances[f"Liabilities:{root}:Credits:Fan"] == now["fan"].credit > 0
    assert balances[f"Expenses:{root}:Ann:Paid"] == now["ann"].paid
    for payee in ("ann", "fan"):
        entitled = sum(
            units
            for account, units in balances.items()
            if account.startswith(f"Expenses:{root}:{payee.title()}:")
        )
        assert entitled == now[payee].entitlement
    assert balances[f"Income:{root}:Direct"] == -5_000
    income = sum(units for account, units in balances.items() if account.startswith("Income:"))
    assert -income == now.revenue == world.song_split.received()
    assert balances[f"Expenses:{root}:Dust"] == now.revenue - sum(now.entitlements.values()) > 0


def balance_of(world: World) -> int:
    return int(world.w3.eth.get_balance(world.w3.to_checksum_address(world.song_split.address)))


def test_gas_is_what_the_settlements_paid(world: World, song: Books, ledger: Ledger) -> None:
    cost = sum(
        made.cost or 0
        for statement in statements_of(ledger, world.song)
        for made in (statement.remittance.transactions if statement.remittance else ())
    )
    assert song.balances()[f"Expenses:{song.root}:Gas"] == cost > 0


def test_what_happened_outside_the_settlements_is_entered(world: World, ledger: Ledger) -> None:
    statements = list(statements_of(ledger, world.song))
    before = books(statements)
    revenue = world.song_split.received() + 900
    earned = world.song_split.schedule.entitlements(revenue)
    credit = earned["fan"] - 77
    after = books(
        statements, position=Position(revenue, earned, {"ann": earned["ann"], "fan": 77}, {"fan": credit})
    )
    assert len(after.entries) == len(before.entries) + 3
    assert after.paid() == {"ann": earned["ann"], "fan": 77}
    balances = after.balances()
    assert balances[f"Liabilities:{after.root}:Credits:Fan"] == -credit
    assert balances[f"Assets:{after.root}:Split"] == revenue - earned["ann"] - 77


# ------------------------------------------------------------------------------------------ programs


def test_bean_check_accepts_them(shop: Books, song: Books, tmp_path: Path) -> None:
    for one in (shop, song):
        assert bean_check(one.to_beancount(), tmp_path) == ""
    # And it does check: a unit more, and the balances no longer hold.
    wrong = shop.to_beancount().replace("1005.100000 GBPT", "1005.100001 GBPT", 1)
    assert "balance" in bean_check(wrong, tmp_path).lower()


def test_beancount_reads_the_balances_that_the_books_have(song: Books, tmp_path: Path) -> None:
    from beancount import loader
    from beancount.core.data import Transaction

    entries, errors, _ = loader.load_string(song.to_beancount())
    assert not errors
    found: dict[str, Decimal] = {}
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                assert isinstance(posting.units.number, Decimal)
                found[posting.account] = found.get(posting.account, Decimal(0)) + posting.units.number
    expected = {account: Decimal(units).scaleb(-18) for account, units in song.balances().items()}
    assert found == expected


@needs_hledger
def test_hledger_accepts_them(shop: Books, song: Books, tmp_path: Path) -> None:
    for one in (shop, song):
        assert hledger(one.to_hledger(), tmp_path, "check", "--strict") == ""
    told = hledger(song.to_hledger(), tmp_path, "balance", "--flat", "--empty", "-O", "csv", "--no-total")
    rows = list(csv.reader(io.StringIO(told)))[1:]
    found = {account: Decimal(amount.split(" ")[0]) for account, amount in rows}
    assert found == {account: Decimal(units).scaleb(-18) for account, units in song.balances().items()}


def test_csv_has_every_posting_and_no_formula(song: Books) -> None:
    rows = list(csv.DictReader(io.StringIO(song.to_csv(), newline="")))
    assert len(rows) == sum(len(entry.postings) for entry in song.entries)
    found: dict[str, Decimal] = {}
    for row in rows:
        found[row["account"]] = found.get(row["account"], Decimal(0)) + Decimal(row["amount"])
        assert row["commodity"] == "ETH"
    assert found == {account: Decimal(units).scaleb(-18) for account, units in song.balances().items()}
    hashes = {row["tx"] for row in rows if row["narration"].startswith(("Remittance", "Distribution"))}
    assert all(len(one) == 66 for one in hashes)


# ------------------------------------------------------------------------------------------ odd names


def odd(
    names: dict[str, str],
    *,
    symbol: str = "GBPT",
    decimals: int = 6,
    amount: int = 10**6 + 1,
    name: str = "A song",
    state: str = "final",
) -> PeriodStatement:
    """One settlement with payees of these names."""
    schedule = make_schedule((None, (1,) * len(names)), payees=tuple(names))
    schedule = rs.Schedule(
        tuple(names), tuple(names.values()), schedule.tiers, rs.Token(symbol=symbol, decimals=decimals)
    )
    when = datetime(2011, 4, 1, tzinfo=UTC)
    made = tuple(
        TransactionLine(step, "0x" + "ab" * 32, 7, 50_000, 3, when) for step in ("remit", "distribute")
    )
    return period_statement(
        schedule,
        [rs.Sale("shop", "1", when, amount, symbol)],
        agreement=name,
        period="2011-03",
        ends_at=when,
        paid=schedule.entitlements(amount),
        remittance=Remittance(
            1, "0x" + "1" * 40, "0x" + "2" * 40, "0x" + "3" * 40, bytes(32), bytes(32), state, made
        ),
    )


NAMES = [
    "देवी",
    "देवा",
    "ébéniste",
    "Ébéniste",
    "a b",
    "a_b",
    "3M",
    "-",
    "ǆ",
    "ß",
    "日本",
    "Due",
    'x;y|z: "q" \\',
]


@pytest.mark.parametrize("symbol", ["USDC.e", "$WIF", "stETH", "ETH", "ΞTH", "1INCH", "A", "T-1", "x" * 32])
def test_names_and_symbols_of_any_script_are_accepted(symbol: str, tmp_path: Path) -> None:
    names = {name: f"0x{number:040x}" for number, name in enumerate(NAMES, start=1)}
    made = books([odd(names, symbol=symbol, name='Zoë\'s "song"; \\ 2 | देवी')])
    assert len(set(made.payees.values())) == len(NAMES)
    assert made.paid() == dict.fromkeys(NAMES, (10**6 + 1) // len(NAMES))
    assert accepted(made.to_beancount())
    if HLEDGER:
        hledger(made.to_hledger(), tmp_path, "check", "--strict")


def test_sums_that_beancount_would_round_are_refused_and_hledger_takes_them(tmp_path: Path) -> None:
    made = books([odd({"ann": "0x" + "1" * 40, "bob": "0x" + "2" * 40}, decimals=18, amount=2**126 + 1)])
    with pytest.raises(rs.InvalidInput, match="Beancount adds up 28 digits exactly"):
        made.to_beancount()
    if HLEDGER:
        hledger(made.to_hledger(), tmp_path, "check", "--strict")
    almost = books([odd({"ann": "0x" + "1" * 40}, decimals=18, amount=10**27 + 1)])
    assert accepted(almost.to_beancount())


def test_what_is_not_final_is_marked() -> None:
    made = books([odd({"ann": "0x" + "1" * 40}, state="mined")])
    assert " ! " in made.to_beancount()
    assert '" * "' not in made.to_beancount()
    assert accepted(made.to_beancount())


def test_books_are_of_one_split_and_of_what_was_mined(world: World, ledger: Ledger) -> None:
    with pytest.raises(rs.InvalidInput, match="nothing|no settlements"):
        books([])
    with pytest.raises(rs.InvalidInput, match="no settlements"):
        books([statement_of(ledger, world.song, "2011-02")])
    with pytest.raises(rs.InvalidInput, match="one split"):
        books([*statements_of(ledger, world.song), *statements_of(ledger, world.shop)])


def test_the_tool_says_where_hledger_is() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "fetch_hledger.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("hledger: " in done.stdout) == (HLEDGER is not None)
    assert done.returncode == 0


# ------------------------------------------------------------------------------------------ any history


@st.composite
def histories(draw: st.DrawFn) -> tuple[rs.Schedule, list[PeriodStatement], Position]:
    """Settlements of a split that also gets money straight, pays some late and sets some aside."""
    schedule = draw(schedules(max_payees=4, max_tiers=3))
    revenue, statements = 0, []
    paid, credit = dict.fromkeys(schedule.payees, 0), dict.fromkeys(schedule.payees, 0)
    for month in range(1, draw(st.integers(1, 4)) + 1):
        revenue += draw(st.sampled_from([0, 0, 1, 10**9]))
        amounts = draw(st.lists(st.integers(1, 10**12), min_size=1, max_size=3))
        back = draw(st.integers(0, sum(amounts) - 1))
        when = datetime(2011, month, 1, tzinfo=UTC)
        sales = [
            rs.Sale("shop", f"{month}/{number}", when, amount, schedule.token.symbol)
            for number, amount in enumerate([*amounts, *([-back] if back else [])])
        ]
        net = sum(sale.amount for sale in sales)
        due = {
            payee: entitled - paid[payee] - credit[payee]
            for payee, entitled in schedule.entitlements(revenue + net).items()
        }
        late = draw(st.booleans())
        credited = {payee: draw(st.integers(0, units)) for payee, units in due.items()}
        if late:
            due, credited = dict.fromkeys(due, 0), dict.fromkeys(due, 0)
        got = {payee: due[payee] - credited[payee] for payee in due}
        made = TransactionLine("remit", "0x" + f"{month}" * 64, month, 1, draw(st.integers(0, 10**16)), when)
        statements.append(
            period_statement(
                schedule,
                sales,
                agreement="A song",
                period=f"2011-0{month}",
                revenue_before=revenue,
                ends_at=when,
                paid=got,
                credited=credited,
                paid_before=dict(paid),
                remittance=Remittance(
                    1,
                    "0x1",
                    "0x2",
                    "0x3",
                    bytes(32),
                    bytes(32),
                    draw(st.sampled_from(["mined", "final"])),
                    (made,),
                ),
            )
        )
        paid = {payee: paid[payee] + got[payee] for payee in paid}
        credit = {payee: credit[payee] + credited[payee] for payee in credit}
        revenue += net
    extra = draw(st.sampled_from([0, 7]))
    withdrawn = {payee: draw(st.integers(0, units)) for payee, units in credit.items()}
    position = Position(
        revenue + extra,
        schedule.entitlements(revenue + extra),
        {payee: paid[payee] + withdrawn[payee] for payee in paid},
        {payee: credit[payee] - withdrawn[payee] for payee in credit},
    )
    return schedule, statements, position


@settings(max_examples=60)
@given(histories())
def test_whatever_happened_the_balances_are_the_contracts(
    history: tuple[rs.Schedule, list[PeriodStatement], Position],
) -> None:
    schedule, statements, position = history
    made = books(statements, position=position)
    assert all(sum(posting.amount for posting in entry.postings) == 0 for entry in made.entries)
    assert made.paid() == position.paid
    balances, root = made.balances(), made.root
    held = position.revenue - sum(position.paid.values())
    assert balances.get(f"Assets:{root}:Split", 0) == held
    for payee, called in made.payees.items():
        assert -balances.get(f"Liabilities:{root}:Credits:{called}", 0) == position.credit[payee]
        due = position.earned[payee] - position.paid[payee] - position.credit[payee]
        assert -balances.get(f"Liabilities:{root}:Due:{called}", 0) == due
    assert -balances.get(f"Liabilities:{root}:Dust", 0) == schedule.dust(position.revenue)
    assert accepted(made.to_beancount())
