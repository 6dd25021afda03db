"""The commands `sales …` and `ledger verify`: what goes into a ledger, and is it whole?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from revshare._commands_record import record, reverse, sale_as_json
from revshare._options import (
    DEFAULT_LEDGER,
    AsJson,
    LedgerUrl,
    agreement_name,
    busy,
    print_json,
    unknown_agreement,
)
from revshare._words import counted
from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from revshare.ledger import Ledger
    from revshare.ledger.imports import Guess, ImportReport, SaleMapping
    from revshare.money import Token

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    sales = typer.Typer(
        help="Import sales, record and reverse single ones, and list those in the ledger.",
        epilog="Example: revshare sales list --ledger sales.db",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    sales.command(
        name="import", epilog="Example: revshare sales import march.csv --mapping shop.toml --ledger sales.db"
    )(import_)
    sales.command(name="list", epilog="Example: revshare sales list --agreement Australia --period 2011-03")(
        list_
    )
    sales.command(
        name="record",
        epilog="Example: revshare sales record --agreement australia.toml --source shop --id INV-1 "
        "--amount 12.50 --date 2011-03-01",
    )(record)
    sales.command(
        name="reverse", epilog='Example: revshare sales reverse INV-1 --source shop --reason "sent back"'
    )(reverse)
    ledger = typer.Typer(
        help="Look after the ledger itself.",
        epilog="Example: revshare ledger verify --ledger sales.db",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    # With a callback a group of one command stays a group.
    ledger.callback()(lambda: None)
    ledger.command(name="verify", epilog="Example: revshare ledger verify --ledger sales.db")(verify)
    app.add_typer(sales, name="sales")
    app.add_typer(ledger, name="ledger")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, Excel (.xlsx) or Parquet file.")],
    *,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            help="How its columns become sales; left out, a guess is shown and nothing imported.",
            show_default=False,
        ),
    ] = None,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    save_mapping: Annotated[
        Path | None,
        typer.Option(
            "--save-mapping",
            metavar="FILE",
            help="Write the guess to this file, to be looked over.",
            show_default=False,
        ),
    ] = None,
    agreement: Annotated[
        Path | None,
        typer.Option(
            "--agreement",
            metavar="FILE",
            help="For the guess: the agreement that all lines belong to, and its token.",
            show_default=False,
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="For the guess: where the times are local, like Europe/London.",
            show_default=False,
        ),
    ] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            metavar="LOCALE",
            help="For the guess: how numbers are written, like en, de or fr.",
            show_default=False,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For the guess: what the text is in, utf-8 or cp1252; left out, utf-8.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the sales are recorded.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it comes to; record nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record the sales of a file: all of them, or none and everything that is wrong with it."""
    from revshare.ledger.imports import SaleMapping

    if mapping is None:
        _guess(
            file,
            save_mapping,
            agreement=agreement,
            zone=zone,
            locale=locale,
            encoding=encoding,
            as_json=as_json,
        )
        return
    for option, given in (
        ("--save-mapping", save_mapping),
        ("--agreement", agreement),
        ("--zone", zone),
        ("--locale", locale),
        ("--encoding", encoding),
    ):
        if given is not None:
            raise InvalidInput(f"{option} is for a guess: with --mapping, change that file")
    loaded = SaleMapping.load(mapping)
    if as_json and not (yes or dry_run):
        raise InvalidInput("--json asks nobody: give --yes, or --dry-run")
    most = None if as_json else 1000
    if dry_run:
        _say(_preview(file, loaded, most), loaded.token, committed=False, as_json=as_json)
        return
    from revshare.ledger import Ledger

    with Ledger.open(ledger) as opened:
        report = _import(opened, file, loaded, most, ask=not yes)
    _say(report, loaded.token, committed=True, as_json=as_json)


def _guess(
    file: Path,
    save: Path | None,
    *,
    agreement: Path | None,
    zone: str | None,
    locale: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    from revshare.agreement import Agreement
    from revshare.ledger.imports import guess_mapping
    from revshare.ledger.imports._mapping import Reading

    if encoding not in (None, "utf-8", "cp1252"):
        raise InvalidInput(f"--encoding is utf-8 or cp1252, not {encoding!r}: save the file as UTF-8")
    if file.suffix.lower() in (".toml", ".json", ".db", ".pdf"):
        raise InvalidInput(
            f"{file} is no file of sales: name a CSV, Excel (.xlsx) or Parquet file; mappings are given by "
            "--mapping, agreements by --agreement"
        )
    if save is not None and save.suffix.lower() != ".toml":
        raise InvalidInput(f"--save-mapping writes TOML: name a file that ends in .toml, not {save}")
    known = None if agreement is None else Agreement.load(agreement)
    with busy(f"looking at {file.name}"):
        guess = guess_mapping(
            str(file),
            token=None if known is None else known.token,
            agreement=None if known is None else known.name,
            zone=zone,
            locale=locale,
            reading=None if encoding is None else Reading.model_validate({"encoding": encoding}),
        )
    if save is not None:
        with save.open("x", encoding="utf-8", newline="\n") as out:
            out.write(guess.to_toml())
    if as_json:
        print_json(_guess_as_json(guess, save))
    elif save is None:
        typer.echo(guess.to_toml())
    where = save or "a file of yours (--save-mapping writes one)"
    typer.echo(
        f"revshare: nothing was imported: this is a guess; look over {where}, then give it as --mapping",
        err=True,
    )
    if save is None:
        raise typer.Exit(2)


def _guess_as_json(guess: Guess, save: Path | None) -> dict[str, Any]:
    missing = [{"where": entry.where, "what": entry.what, "fix": entry.fix} for entry in guess.missing]
    notes = [{"where": entry.where, "what": entry.what, "fix": entry.fix} for entry in guess.notes]
    return {"guess": dict(guess.data), "missing": missing, "notes": notes, "saved": save and str(save)}


def _preview(file: Path, mapping: SaleMapping, most: int | None) -> ImportReport:
    from revshare.ledger.imports import preview_sales

    with _progress(f"reading {file.name}") as progress:
        return preview_sales(file, mapping, progress=progress, most_problems=most)


def _import(ledger: Ledger, file: Path, mapping: SaleMapping, most: int | None, *, ask: bool) -> ImportReport:
    from revshare.ledger.imports import imported_before

    expect = None
    if ask:
        with _progress(f"looking at {file.name}"):
            before = imported_before(ledger, file, mapping)
        if before is not None:
            return before
        preview = _preview(file, mapping, most)
        expect = preview.file_hash
        Console().print(_totals_table(preview, mapping.token))
        if not sys.stdin.isatty():
            raise InvalidInput("there is nobody to ask whether to record these: give --yes")
        typer.confirm(f"Record {counted(preview.sales, 'sale')}?", abort=True, err=True)
    with _progress(f"importing {file.name}") as progress:
        return ledger.import_sales(file, mapping, progress=progress, most_problems=most, expect=expect)


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """Yield a function that takes how far something is, and show that on the terminal, if there is one."""
    bar = Bar(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    task = bar.add_task(what, total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(report: ImportReport, token: Token, *, committed: bool, as_json: bool) -> None:
    if as_json:
        print_json(_report_as_json(report, committed=committed))
        return
    if report.again:
        typer.echo(
            f"{report.name} had been imported already ({counted(report.known, 'sale')}): nothing was done"
        )
        return
    Console().print(_totals_table(report, token))
    if committed:
        known = (
            f", {report.known:,} {'was' if report.known == 1 else 'were'} there already"
            if report.known
            else ""
        )
        typer.echo(f"recorded {counted(report.new, 'sale')}{known}")
    else:
        typer.echo("nothing was recorded")


def _totals_table(report: ImportReport, token: Token) -> Table:
    skipped = f", {report.skipped:,} skipped" if report.skipped else ""
    table = Table(title=f"{report.name}: {counted(report.lines, 'line')}{skipped}")
    table.add_column("agreement", overflow="fold")
    for name in ("token", "lines", "gross", "credit notes", "net"):
        table.add_column(name, justify="left" if name == "token" else "right", overflow="fold")
    for agreement, by_token in report.totals.items():
        for symbol, totals in by_token.items():
            figures = (totals.gross, totals.credit_notes, totals.net)
            table.add_row(
                agreement,
                symbol,
                f"{totals.count:,}",
                *(token.format(figure, grouped=True) for figure in figures),
            )
    return table


def _report_as_json(report: ImportReport, *, committed: bool) -> dict[str, Any]:
    return {
        "file": report.name,
        "file_hash": report.file_hash,
        "mapping_hash": report.mapping_hash,
        "lines": report.lines,
        "skipped": report.skipped,
        "sales": report.sales,
        "new": report.new,
        "known": report.known,
        "again": report.again,
        "import_id": report.import_id,
        "committed": committed,
        "totals": {
            agreement: {
                symbol: {
                    "count": totals.count,
                    "gross": str(totals.gross),
                    "credit_notes": str(totals.credit_notes),
                    "net": str(totals.net),
                }
                for symbol, totals in by_token.items()
            }
            for agreement, by_token in report.totals.items()
        },
    }


def list_(
    *,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    agreement: Annotated[
        str | None,
        typer.Option(
            metavar="AGREEMENT", help="Only this agreement's: its name or its file.", show_default=False
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD", help="Only what was sold in it, like 2011-03 or 2011-Q1.", show_default=False
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this source reported.", show_default=False)
    ] = None,
    after: Annotated[int, typer.Option(metavar="N", help="Only entries after this number.")] = 0,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="At most so many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List sales in the order they were recorded; amounts are in the token's smallest unit."""
    from revshare.ledger import Ledger

    name = agreement_name(agreement)
    with busy("reading the ledger"), Ledger.open(ledger, create=False) as opened:
        found = opened.sales(name, period=period, source=source, after=after)
        entries = list(islice(found, limit + 1) if limit else found)
        if name is not None and not entries and name not in (known := opened.agreements()):
            raise unknown_agreement(name, known)
    more = bool(limit) and len(entries) > limit
    entries = entries[:limit] if limit else entries
    if as_json:
        sales = [
            {"seq": entry.seq, "recorded_at": entry.recorded_at.isoformat(), **sale_as_json(entry.sale)}
            for entry in entries
        ]
        print_json({"sales": sales, "more": more})
        return
    if not entries:
        typer.echo("no sales")
        return
    table = Table()
    table.add_column("entry", justify="right", overflow="fold")
    for name in ("occurred (UTC)", "source", "id", "agreement"):
        table.add_column(name, overflow="fold")
    longest = max((len(f"{entry.sale.amount:,}") for entry in entries), default=0)
    screen = Console()
    # Names are broken before digits are, as long as there is room for names.
    table.add_column("units", justify="right", overflow="fold", no_wrap=longest + 60 <= screen.width)
    table.add_column("token", overflow="fold")
    for entry in entries:
        sale = entry.sale
        when = f"{sale.occurred_at:%Y-%m-%d %H:%M:%S}"
        cells = (
            str(entry.seq),
            when,
            sale.source,
            sale.external_id,
            sale.agreement,
            f"{sale.amount:,}",
            sale.token,
        )
        table.add_row(*cells)
    screen.print(table)
    if more:
        typer.echo(f"… and more: --after {entries[-1].seq} goes on, --limit 0 shows all", err=True)


def verify(
    ledger: LedgerUrl = DEFAULT_LEDGER,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="The head that was noted earlier: finds what was removed from the end.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that every sale is as it was recorded; the exit code is 1 when one is not."""
    from revshare.ledger import Ledger

    with busy("reading all of the ledger"), Ledger.open(ledger, create=False) as opened:
        found = opened.verify(head)
    if as_json:
        problems = [{"where": entry.where, "what": entry.what, "fix": entry.fix} for entry in found.problems]
        result = {"ok": found.ok, "entries": found.entries, "links": found.links, "head": found.head}
        print_json(result | {"problems": problems})
    else:
        for problem in found.problems:
            typer.echo(str(problem), err=True)
        entries = "1 entry" if found.entries == 1 else f"{found.entries:,} entries"
        verdict = "as they were recorded" if found.ok else "NOT as they were recorded"
        typer.echo(f"{entries} in {counted(found.links, 'link')}: {verdict}; head {found.head}")
    if not found.ok:
        raise typer.Exit(1)
