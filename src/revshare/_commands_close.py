"""The command `close`: what a period comes to under rules that no contract computes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from revshare._options import DEFAULT_LEDGER, AsJson, LedgerUrl, busy, print_json
from revshare._words import NOT_TAX_ADVICE
from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from revshare.accounts import Accounts, Close
    from revshare.money import Token
    from revshare.payouts import PayoutTree

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: revshare close shop.toml --period 2026-01 --table hours=hours.csv --state shop.json"
    )(close)


Tables = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        metavar="NAME=FILE",
        help="A table that rules share by: a CSV of payee and whole number; as often as needed.",
        show_default=False,
    ),
]
Book = Annotated[
    str | None,
    typer.Option(
        "--book", metavar="ADDRESS", help="The payout book, for --tree and --chain-id.", show_default=False
    ),
]


def close(
    agreement: Annotated[
        list[Path],
        typer.Argument(
            metavar="AGREEMENT...",
            help="The agreements' files; several are closed together.",
            show_default=False,
        ),
    ],
    *,
    period: Annotated[
        str,
        typer.Option(metavar="PERIOD", help="Such as 2011-03, 2011-Q1 or 2011-W09.", show_default=False),
    ],
    state: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Where the accounts are kept from one close to the next; made by the first.",
            show_default=False,
        ),
    ],
    table: Tables = None,
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Whose midnights count, for the first close.", show_default="UTC"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the close comes to, and keep nothing.")
    ] = False,
    tree: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what a payout book has to promise now.", show_default=False),
    ] = None,
    book: Book = None,
    chain_id: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The chain of the payout book.", show_default=False),
    ] = None,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Work out what everybody is to be paid for a period, by rules that no contract can enforce.

    Sales come from the ledger: those of the period, and those of earlier ones that were not known before. The
    last period can be closed again with the same, and gives the same.
    """
    from revshare.accounts import Accounts
    from revshare.agreement import Agreement
    from revshare.ledger import Ledger

    if tree is not None and (book is None or chain_id is None):
        raise InvalidInput("--tree is for a payout book: say which by --book and --chain-id")
    deals = [Agreement.load(path) for path in agreement]
    if state.exists():
        accounts = Accounts.load(state, *deals)
        if zone not in (None, accounts.state.zone):
            raise InvalidInput(f"{state} is kept in the zone {accounts.state.zone}: leave --zone out")
    else:
        accounts = Accounts(*deals, zone=zone or "UTC")
    tables: dict[str, dict[str, int]] = {}
    for name, content in map(_table, table or ()):
        if name in tables:
            raise InvalidInput(f"--table {name} is given twice: one file has to say it all")
        tables[name] = content
    with busy("closing the period"), Ledger.open(ledger, create=False) as opened:
        entries = (entry.sale for deal in deals for entry in opened.sales(deal.name))
        closed = accounts.close(period, accounts.open(entries, period), tables=tables)
    if not dry_run:
        if book is not None and chain_id is not None and tree is not None:
            accounts.tree(_Book(book, chain_id)).save(tree)
        accounts.save(state)
    if as_json:
        print_json(_as_json(closed, accounts))
    else:
        _show(closed, deals[0].token)
        if dry_run:
            typer.echo("nothing was kept")


class _Book:
    """A payout book of which only chain and address are known."""

    def __init__(self, address: str, chain_id: int) -> None:
        self._address = address
        self._chain_id = chain_id

    def tree(self, amounts: dict[str, int], *, token: str | None = None) -> PayoutTree:
        from revshare.chain.tokens import token_address
        from revshare.payouts import PayoutTree

        address = token_address(self._chain_id, token)
        return PayoutTree(amounts, chain_id=self._chain_id, book=self._address, token=address)


def _table(given: str) -> tuple[str, dict[str, int]]:
    """Return the name and content of NAME=FILE. Raises InvalidInput, with the line."""
    name, sign, file = given.partition("=")
    if not (name and sign and file):
        raise InvalidInput(f"--table is NAME=FILE, such as hours=hours.csv, not {given!r}")
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not UTF-8 text") from None
    found: dict[str, int] = {}
    for line, row in enumerate(csv.reader(text.splitlines()), 1):
        if not row or (line == 1 and row[0].strip().casefold() == "payee"):
            continue  # an empty line, or the names of the columns
        if len(row) != 2 or not (number := row[1].strip()).isascii() or not number.isdecimal():
            raise InvalidInput(f"{file}, line {line}: write a payee and a whole number, such as ann,120")
        payee = row[0].strip()
        if payee in found:
            raise InvalidInput(f"{file}, line {line}: {payee} stands twice")
        found[payee] = int(number)
    if not found:  # rather a file that went wrong than a period in which nobody counts
        raise InvalidInput(f"{file} names nobody: write a payee and a whole number, 0 for one who has none")
    return name, found


_COLUMNS = ("earned", "withheld", "retained", "reserved", "released", "payable", "carried")


def _show(closed: Close, token: Token) -> None:
    """Print what a close came to, in whole tokens; columns of which nothing is said are left out."""
    by_column = {name: getattr(closed, name) for name in _COLUMNS}
    shown = {
        name: found
        for name, found in by_column.items()
        if name in ("earned", "payable") or any(found.values())
    }
    table = Table(title=f"{closed.period} ({token.symbol})")
    table.add_column("payee")
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    for payee in closed.earned:
        table.add_row(payee, *(token.format(found.get(payee, 0), grouped=True) for found in shown.values()))
    Console().print(table)
    if any(closed.withheld.values()):
        typer.echo(NOT_TAX_ADVICE)


def _as_json(closed: Close, accounts: Accounts) -> dict[str, Any]:
    """Return a close as plain data: amounts are base units, as text."""
    return {
        "period": closed.period,
        "revenue": {name: str(part.revenue) for name, part in closed.agreements.items()},
        "payees": {
            payee: {name: str(getattr(closed, name).get(payee, 0)) for name in _COLUMNS}
            | {"cumulative": str(accounts.cumulative.get(payee, 0))}
            for payee in closed.earned
        },
        "undistributed": str(closed.undistributed),
        "postings": [
            {
                "rule": posting.stage,
                "reason": posting.reason,
                "moves": {account: str(units) for account, units in posting.moves.items()},
                "sale": posting.sale and list(posting.sale),
            }
            for posting in closed.postings
        ],
    }
