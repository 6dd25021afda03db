"""The commands `statement`, `export` and `proof`: what a ledger and its settlements say, as files to keep."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revshare._files import whole_file
from revshare._options import (
    DEFAULT_LEDGER,
    AgreementFile,
    AsJson,
    LedgerUrl,
    OptionalRpcUrl,
    busy,
    connect,
    own_factory,
    print_json,
)
from revshare.errors import InvalidInput, ProofRefused

if TYPE_CHECKING:
    from revshare.agreement import Agreement
    from revshare.chain import RevenueSplit
    from revshare.ledger import Ledger
    from revshare.report import PeriodStatement, Remittance

__all__ = ["register"]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", metavar="FILE", help="Write to this file; left out, to the screen.", show_default=False
    ),
]


class StatementFormat(StrEnum):
    """What a statement is written as."""

    table = "table"
    csv = "csv"
    xlsx = "xlsx"
    html = "html"
    pdf = "pdf"


class BooksFormat(StrEnum):
    """What books are written as."""

    beancount = "beancount"
    hledger = "hledger"
    csv = "csv"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command, example in (
        (statement, "statement australia.toml --period 2011-03 --payee designer --output designer.pdf"),
        (export, "export australia.toml --format beancount --output books.beancount"),
        (proof, "proof 536389/1 --output sale.json"),
    ):
        app.command(epilog=f"Example: revshare {example}")(command)


# ------------------------------------------------------------------------------------------ statement


def statement(
    agreement: AgreementFile,
    *,
    period: Annotated[
        str, typer.Option(metavar="PERIOD", help="The period as it was settled: 2011-03.", show_default=False)
    ],
    ledger: LedgerUrl = DEFAULT_LEDGER,
    payee: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="For one payee alone; left out, for everybody.", show_default=False
        ),
    ] = None,
    format_: Annotated[
        StatementFormat | None,
        typer.Option(
            "--format", help="What to write; left out, as the name of the file says.", show_default=False
        ),
    ] = None,
    output: Output = None,
    lines: Annotated[
        bool | None,
        typer.Option(
            "--lines/--no-lines",
            help="Whether every sale is listed; on the screen it is not.",
            show_default=False,
        ),
    ] = None,
    rpc_url: OptionalRpcUrl = None,
    font: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A font for PDF, before those that are found.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a settled period came to, for whom, in which transactions: table, CSV, Excel, HTML, PDF.

    With --rpc-url the log is asked for the terms of a split that was amended, which its figures need.
    """
    from revshare.agreement import Agreement
    from revshare.ledger import Period
    from revshare.report import epochs_of, statement_of, to_dict

    kind = _kind(format_, output, StatementFormat.table)
    Period.parse(period)  # so that "march" is not looked for
    deal = Agreement.load(agreement)
    with busy("reading the settlement"), _open(ledger) as book:
        made = statement_of(book, deal, period)
        if made.remittance is not None and rpc_url is not None:
            epochs = epochs_of(_split(rpc_url, deal, made.remittance))
            made = statement_of(book, deal, period, epochs=epochs)
    if payee is not None:
        payee = made[payee].payee
    if as_json and output is None:
        print_json(to_dict(made, payee, lines=lines is not False))
        return
    with busy(f"writing {output or kind.value}"):
        content, notes = _rendered(made, payee, kind, lines, font or ())
    for note in notes:
        typer.echo(f"revshare: {note}", err=True)
    if content is not None:
        _write(content, output, kind)
    if as_json:
        print_json({"file": str(output), "format": kind.value} | to_dict(made, payee, lines=False))


def _rendered(
    made: PeriodStatement,
    payee: str | None,
    kind: StatementFormat,
    lines: bool | None,
    fonts: Sequence[Path],
) -> tuple[str | bytes | None, tuple[str, ...]]:
    """What to write, None where it is printed already, and what is to be said about it."""
    from revshare import report

    listed = lines is not False
    if kind is StatementFormat.csv:
        return report.to_csv(made, payee), ()
    if kind is StatementFormat.xlsx:
        return report.to_excel(made, payee), ()
    if kind is StatementFormat.html:
        return report.to_html(made, payee, lines=listed), ()
    if kind is StatementFormat.pdf:
        return report.to_pdf(made, payee, lines=listed, fonts=fonts)
    from rich.console import Console

    screen = Console()
    screen.print(report.to_rich(made, payee, lines=bool(lines), width=screen.width))
    return None, ()


# ------------------------------------------------------------------------------------------ export


def export(
    agreement: AgreementFile,
    *,
    format_: Annotated[BooksFormat, typer.Option("--format", help="What to write.", show_default=False)],
    ledger: LedgerUrl = DEFAULT_LEDGER,
    output: Output = None,
    coin: Annotated[str, typer.Option(metavar="SYMBOL", help="What gas is paid in.")] = "ETH",
    rpc_url: OptionalRpcUrl = None,
    as_json: AsJson = False,
) -> None:
    """Write double-entry books of all settlements, in full precision: revenue, payees, credits, dust and gas.

    With --rpc-url the contract is asked what it paid, and what happened outside the settlements is entered as
    well, so that the balances are the chain's.
    """
    from revshare.agreement import Agreement
    from revshare.report import Position, books, epochs_of, statements_of

    deal = Agreement.load(agreement)
    position = None
    with busy("reading settlements"), _open(ledger) as book:
        statements = list(statements_of(book, deal))
        if statements and statements[-1].remittance is not None and rpc_url is not None:
            split = _split(rpc_url, deal, statements[-1].remittance)
            statements = list(statements_of(book, deal, epochs=epochs_of(split)))
            now = split.statement()
            position = Position(now.revenue, now.entitlements, now.paid, now.credit)
    with busy("writing the books"):
        made = books(statements, coin=coin, position=position)
        text = {
            BooksFormat.beancount: made.to_beancount,
            BooksFormat.hledger: made.to_hledger,
            BooksFormat.csv: made.to_csv,
        }[format_]()
    if as_json:
        if output is not None:
            _write(text, output, format_)
        show = made.token.format
        paid = {payee: show(units) for payee, units in made.paid().items()}
        told = {
            "agreement": made.agreement,
            "format": format_.value,
            "entries": len(made.entries),
            "paid": paid,
        }
        print_json(told | ({"books": text} if output is None else {"file": str(output)}))
        return
    _write(text, output, format_)


def _split(rpc_url: str, deal: Agreement, there: Remittance) -> RevenueSplit:
    """The contract that was paid."""
    from revshare.chain import RevenueSplit
    from revshare.errors import WrongChain

    split = RevenueSplit.at(
        connect(rpc_url), there.split, agreement=deal, token=there.token, factory=own_factory()
    )
    if split.chain_id != there.chain_id:
        raise WrongChain(
            f"the settlements are on chain {there.chain_id}, and the node serves chain {split.chain_id}",
            expected=there.chain_id,
            actual=split.chain_id,
        )
    return split


# ------------------------------------------------------------------------------------------ proof


def proof(
    sale: Annotated[
        str | None,
        typer.Argument(metavar="[SALE]", help="The sale's own number at its source.", show_default=False),
    ] = None,
    *,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Where it is from, if several have that number.", show_default=False
        ),
    ] = None,
    output: Output = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Check a proof against the chain; no ledger is needed.", show_default=False
        ),
    ] = None,
    rpc_url: OptionalRpcUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a sale was in a remittance, for anybody to check; or check such a proof: --verify FILE."""
    if (sale is None) == (verify is None):
        raise InvalidInput("name the sale to prove, or a proof to check by --verify FILE")
    if verify is not None:
        if rpc_url is None:
            raise InvalidInput("a proof is checked against the chain: name a node of it by --rpc-url")
        _verify(verify, rpc_url, as_json=as_json)
        return
    from revshare.report import find_sale, sale_proof

    with busy("looking for the sale"), _open(ledger) as book:
        made = sale_proof(book, find_sale(book, str(sale), source))
    _write(made.to_json() + "\n", output, StatementFormat.table)
    if output is not None:
        if as_json:
            print_json({"file": str(output), "sale": made.sale.external_id, "root": "0x" + made.root.hex()})
        else:
            typer.echo(f"{output}: {made.sale.external_id} is leaf {made.position} of {made.count}", err=True)


def _verify(file: Path, rpc_url: str, *, as_json: bool) -> None:
    from revshare.report import SaleProof

    try:
        held = SaleProof.load(file)
    except ProofRefused as error:
        raise ProofRefused(f"{file}: {error}", reason=error.reason) from error
    w3 = connect(rpc_url)
    with busy("asking the chain"):
        proved = held.verify(w3, factory=own_factory())
    sale, event = proved.sale, proved.remittance
    if as_json:
        told: dict[str, Any] = {
            "holds": True,
            "source": sale.source,
            "external_id": sale.external_id,
            "amount": str(sale.amount),
            "token": sale.token,
            "occurred_at": sale.occurred_at.isoformat(),
            "split": event.address,
            "payer": event.payer,
            "tx_hash": event.tx_hash,
            "block_number": event.block_number,
            "confirmations": proved.confirmations,
        }
        print_json(told)
        return
    said = f"{sale.source} {sale.external_id}, {sale.amount} units of {sale.token}"
    where = f"{event.payer} remitted to {event.address}"
    typer.echo(f"The proof holds: {said}, is one of the {event.count} sales that {where}")
    typer.echo(
        f"in transaction {event.tx_hash}, block {event.block_number}; confirmed {proved.confirmations} times."
    )


# ------------------------------------------------------------------------------------------ what they share


def _open(url: str) -> Ledger:
    from revshare.ledger import Ledger

    return Ledger.open(url, create=False)


def _kind(given: StatementFormat | None, output: Path | None, default: StatementFormat) -> StatementFormat:
    if given is not None:
        if given is StatementFormat.table and output is not None:
            raise InvalidInput("a table is for the screen: write csv, xlsx, html or pdf to a file")
        return given
    if output is None:
        return default
    suffix = output.suffix.lower().lstrip(".")
    known = [kind.value for kind in StatementFormat if kind is not StatementFormat.table]
    if suffix not in known:
        raise InvalidInput(f"{output}: name a file that ends in .{', .'.join(known)}, or give --format")
    return StatementFormat(suffix)


def _write(content: str | bytes, output: Path | None, kind: Enum) -> None:
    """Write to the file, or to standard output: bytes only where that is no screen."""
    if output is not None:
        with whole_file(output) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    elif isinstance(content, str):
        sys.stdout.write(content)
    elif sys.stdout.isatty():
        raise InvalidInput(f"{kind.value} is not for the screen: give --output FILE")
    else:
        sys.stdout.buffer.write(content)
