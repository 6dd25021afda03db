"""A statement as text that people and programs read: a table on a terminal, CSV, JSON, Excel, HTML."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from revshare._cells import CsvWriter, excel_cell
from revshare.errors import MissingExtra
from revshare.money import Token

from ._document import COIN, PAPER, Cell, Column, Document, batch_text, document, fitted
from ._model import PayeeStatement, PeriodStatement

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["to_csv", "to_dict", "to_excel", "to_html", "to_rich"]

_DIGITS_OF_A_FLOAT = 15
"""Decimal digits that every float holds; spreadsheets keep no more."""


# ------------------------------------------------------------------------------------------ data


def to_dict(statement: PeriodStatement, payee: str | None = None, *, lines: bool = True) -> dict[str, Any]:
    """Return the statement as plain data: amounts are exact decimal strings, in whole tokens."""
    show = statement.token.format
    there = statement.remittance
    chosen = statement.payees if payee is None else (statement[payee],)
    return {
        "agreement": statement.agreement,
        "period": statement.period,
        "starts_at": statement.starts_at and statement.starts_at.isoformat(),
        "ends_at": statement.ends_at and statement.ends_at.isoformat(),
        "zone": statement.zone,
        "token": statement.token.model_dump(),
        "sales": sum(not sale.is_credit_note for sale in statement.sales),
        "credit_note_count": sum(sale.is_credit_note for sale in statement.sales),
        "gross": show(statement.gross),
        "credit_notes": show(statement.credit_notes),
        "net": show(statement.net),
        "revenue_before": show(statement.revenue_before),
        "revenue_after": show(statement.revenue_after),
        "dust": show(statement.dust),
        "payees": {one.payee: _payee_dict(one, lines=lines) for one in chosen},
        "settlement": there
        and {
            "state": there.state,
            "chain_id": there.chain_id,
            "split": there.split,
            "token": there.token,
            "payer": there.payer,
            "batch": batch_text(there.batch_id),
            "batch_id": "0x" + there.batch_id.hex(),
            "root": "0x" + there.root.hex(),
            "transactions": [
                {
                    "step": made.step,
                    "tx_hash": made.tx_hash,
                    "block_number": made.block_number,
                    "gas_used": made.gas_used,
                    "cost": None if made.cost is None else COIN.format(made.cost),
                }
                for made in there.transactions
            ],
        },
        "final": statement.is_final,
        "note": statement.note,
        "differences": list(statement.differences),
    }


def _payee_dict(one: PayeeStatement, *, lines: bool) -> dict[str, Any]:
    show = one.token.format
    listed = {
        "lines": [
            {
                "position": line.position,
                "source": line.sale.source,
                "external_id": line.sale.external_id,
                "occurred_at": line.sale.occurred_at.isoformat(),
                "amount": show(line.sale.amount),
                "earned": show(line.earned),
            }
            for line in one.lines
        ]
    }
    return {
        "address": one.address,
        "gross": show(one.gross),
        "credit_notes": show(one.credit_notes),
        "earned": show(one.earned),
        "withheld": show(one.withheld),
        "paid": show(one.paid),
        "credited": show(one.credited),
        "brought_forward": show(one.brought_forward),
        "carried_forward": show(one.carried_forward),
        "tiers": [
            {
                "number": tier.number,
                "from": show(tier.start),
                "until": None if tier.end is None else show(tier.end),
                "revenue": show(tier.revenue),
                "weight": tier.weight,
                "total": tier.total,
                "earned": show(tier.earned),
            }
            for tier in one.tiers
        ],
    } | (listed if lines else {})


# ------------------------------------------------------------------------------------------ CSV

_CSV = (
    "agreement",
    "period",
    "payee",
    "address",
    "source",
    "external_id",
    "occurred_at",
    "kind",
    "description",
    "amount",
    "earned",
    "token",
    "chain_id",
    "split",
    "batch_id",
    "position",
    "remit_tx",
    "distribute_tx",
)


def to_csv(statement: PeriodStatement, payee: str | None = None) -> str:
    """Return one row for each payee and line: what it earned the payee, and where to find it again.

    Amounts are exact decimal strings of whole tokens. No text in it is taken for a formula.
    """
    out = io.StringIO()
    writer = CsvWriter(out)
    writer.writerow(_CSV)
    writer.writerows(_csv_rows(statement, statement.payees if payee is None else (statement[payee],)))
    return out.getvalue()


def _csv_rows(statement: PeriodStatement, chosen: tuple[PayeeStatement, ...]) -> Iterator[tuple[object, ...]]:
    there, show = statement.remittance, statement.token.format
    place = ("", "", "") if there is None else (there.chain_id, there.split, "0x" + there.batch_id.hex())
    proof = ("", "") if there is None else (there.tx_hash or "", there.paid_by or "")
    for one in chosen:
        for line in one.lines:
            sale = line.sale
            yield (
                statement.agreement,
                statement.period,
                one.payee,
                one.address,
                sale.source,
                sale.external_id,
                sale.occurred_at.isoformat(),
                "credit note" if sale.is_credit_note else "sale",
                sale.description,
                show(sale.amount),
                show(line.earned),
                statement.token.symbol,
                *place,
                line.position,
                *proof,
            )


# ------------------------------------------------------------------------------------------ Excel


def to_excel(statement: PeriodStatement, payee: str | None = None) -> bytes:
    """Return a workbook: a sheet with the facts, and one for each table.

    Amounts are numbers where a spreadsheet's arithmetic holds them exactly, and text where it would lose
    digits. Raises MissingExtra without openpyxl.
    """
    try:
        openpyxl: Any = import_module("openpyxl")
    except ModuleNotFoundError as error:
        raise MissingExtra("report", "openpyxl") from error
    shown = document(statement, payee)
    book = openpyxl.Workbook()
    first = book.active
    first.title = "statement"
    first.append([excel_cell(shown.title)])
    first.append([excel_cell(shown.subtitle)])
    first.append([])
    for fact in (*shown.facts, *(("Note", note) for note in shown.notes)):
        first.append([excel_cell(cell) for cell in fact])
    first["A1"].font = openpyxl.styles.Font(bold=True, size=14)
    first.column_dimensions["A"].width, first.column_dimensions["B"].width = 18, 72
    for table in shown.tables:
        sheet = book.create_sheet(table.name)
        sheet.append([excel_cell(column.title) for column in table.columns])
        for row in table:
            sheet.append([_excel(shown, *pair) for pair in zip(table.columns, row, strict=True)])
        for cell in sheet[1]:
            cell.font = openpyxl.styles.Font(bold=True)
        if table.total is not None:
            for cell in sheet[sheet.max_row]:
                cell.font = openpyxl.styles.Font(bold=True)
        sheet.freeze_panes = "A2"
        for place, column in enumerate(table.columns, start=1):
            letter = openpyxl.utils.get_column_letter(place)
            sheet.column_dimensions[letter].width = _WIDTHS.get(column.title, _WIDTHS[column.kind])
            _format(sheet[letter][1:], column, shown.token)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_WIDTHS = {
    "text": 22,
    "code": 26,
    "amount": 20,
    "coin": 24,
    "number": 10,
    "description": 40,
    "transaction": 70,
}


def _excel(shown: Document, column: Column, cell: Cell) -> object:
    if isinstance(cell, int) and column.kind in ("amount", "coin"):
        token = shown.token if column.kind == "amount" else COIN
        if len(str(abs(cell)).rstrip("0")) <= _DIGITS_OF_A_FLOAT:
            return token.decimal(cell)
        return token.format(cell)
    return excel_cell(cell)


def _format(cells: Any, column: Column, token: Token) -> None:
    decimals = token.decimals if column.kind == "amount" else COIN.decimals
    for cell in cells:
        if isinstance(cell.value, Decimal):
            cell.number_format = "#,##0" + ("." + "0" * min(decimals, 2) if decimals else "")
            if decimals > 2:
                cell.number_format += "#" * (decimals - 2)


# ------------------------------------------------------------------------------------------ HTML


def to_html(statement: PeriodStatement, payee: str | None = None, *, lines: bool = True) -> str:
    """Return a page that needs nothing else, for screen and paper. Raises MissingExtra without jinja2."""
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise MissingExtra("report", "jinja2") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("revshare.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("statement.html").render(
        document=fitted(document(statement, payee, lines=lines), PAPER), final=statement.is_final
    )


# ------------------------------------------------------------------------------------------ terminal


def to_rich(
    statement: PeriodStatement, payee: str | None = None, *, lines: bool = False, width: int | None = None
) -> RenderableType:
    """Return the statement for a terminal, of `width` columns where that is known.

    No digit is ever cut off: where the figures of all payees do not fit beside each other, they stand below
    each other. Raises MissingExtra without rich.
    """
    try:
        from rich import box
        from rich.console import Group
        from rich.table import Table as Grid
        from rich.text import Text
    except ModuleNotFoundError as error:
        raise MissingExtra("cli", "rich") from error
    shown = document(statement, payee, lines=lines)
    facts = Grid.grid(padding=(0, 2))
    for name, value in shown.facts:
        facts.add_row(Text(name, style="dim"), Text(value, overflow="fold"))
    parts: list[RenderableType] = [Text(shown.title, style="bold"), Text(shown.subtitle), Text(), facts]
    for table in shown.tables if width is None else fitted(shown, width).tables:
        grid = Grid(
            title=Text(table.title, style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            show_footer=table.total is not None,
        )
        for place, column in enumerate(table.columns):
            right = column.is_number
            foot = "" if table.total is None else shown.text(table, column, table.total[place])
            grid.add_column(
                Text(column.title),
                Text(foot, style="bold"),
                justify="right" if right else "left",
                overflow="fold",
            )
        for row in table.rows:
            grid.add_row(*(Text(shown.text(table, *pair)) for pair in zip(table.columns, row, strict=True)))
        parts += [Text(), grid]
    parts += [Text(note, style="yellow") for note in shown.notes]
    return Group(*parts)
