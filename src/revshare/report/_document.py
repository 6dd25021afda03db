"""A statement laid out: titles, facts and tables, for whatever shows them. Amounts are integers still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from itertools import chain
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from revshare._words import counted, share_text, slice_text
from revshare.ledger import Sale
from revshare.money import Token

from ._model import PayeeStatement, PeriodStatement, Remittance

__all__ = ["COIN", "PAPER", "Cell", "Column", "Document", "Table", "batch_text", "document", "fitted"]

Cell = str | int | None
Kind = Literal["text", "code", "amount", "coin", "number"]

COIN = Token(symbol="ETH", decimals=18)
"""What gas is paid in; chains whose coin has another name count in 18 decimals as well."""


@dataclass(frozen=True)
class Column:
    """A column: its heading, and what its cells are.

    amount: base units of the document's token. coin: wei. number: a plain integer. code: an id, a hash or an
    address, which may be broken anywhere.
    """

    title: str
    kind: Kind = "text"

    @property
    def is_number(self) -> bool:
        """Whether its cells are figures, which stand to the right."""
        return self.kind in ("amount", "coin", "number")


@dataclass(frozen=True)
class Table:
    """A table: rows of cells, and a last one with their sums where that makes sense.

    places: decimals that it takes to write all its amounts exactly, two at least if the token has them.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None
    places: int = 0

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """The rows, and the sums."""
        yield from self.rows
        if self.total is not None:
            yield self.total


@dataclass(frozen=True)
class Document:
    """A statement as it is shown: facts, then tables, then notes."""

    title: str
    subtitle: str
    token: Token
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()

    def text(self, table: Table, column: Column, cell: Cell) -> str:
        """Return a cell as people read it: amounts exactly, thousands set apart, points below each other."""
        if cell is None:
            return ""
        if isinstance(cell, str):
            return cell
        if column.kind == "amount":
            text = self.token.format(cell, grouped=True, full=True)
            return text[: len(text) - self.token.decimals + table.places].removesuffix(".")
        if column.kind == "coin":
            return COIN.format(cell)
        return f"{cell:,}" if column.kind == "number" else str(cell)


def document(statement: PeriodStatement, payee: str | None = None, *, lines: bool = True) -> Document:
    """Return the statement of everybody, or of one payee alone. Raises UnknownPayee.

    lines: whether every sale is listed.
    """
    one = None if payee is None else statement[payee]
    tables = [_payees(statement) if one is None else _account(one), _tiers(statement, one)]
    if statement.remittance is not None and statement.remittance.transactions:
        tables.append(_transactions(statement.remittance))
    if lines and statement.sales:
        tables.append(_lines(statement, one))
    return Document(
        title=statement.agreement,
        subtitle=f"Statement for {statement.period}" + (f": {one.payee}" if one else ""),
        token=statement.token,
        facts=tuple(chain(_facts(statement, one), _where(statement))),
        tables=tuple(replace(table, places=_places(statement.token, table)) for table in tables),
        notes=tuple(_notes(statement)),
    )


def _places(token: Token, table: Table) -> int:
    amounts = [place for place, column in enumerate(table.columns) if column.kind == "amount"]
    decimals = (
        token.format(cell, grouped=True).partition(".")[2]
        for row in table
        for place in amounts
        if isinstance(cell := row[place], int)
    )
    return max(map(len, decimals), default=0)


def batch_text(batch: bytes) -> str:
    """Return a batch id as text, where it was short enough to stand in its 32 bytes; as 0x… otherwise."""
    try:
        text = batch.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        text = ""
    return text if text and text.isprintable() else "0x" + batch.hex()


def _facts(statement: PeriodStatement, one: PayeeStatement | None) -> Iterator[tuple[str, str]]:
    token = statement.token

    def amount(units: int) -> str:
        return f"{token.format(units, grouped=True)} {token.symbol}"

    if statement.starts_at is not None and statement.ends_at is not None:
        yield "Period", _between(statement.starts_at, statement.ends_at, statement.zone)
    if one is not None:
        yield "Payee", one.payee
        yield "Address", one.address
    credit_notes = sum(sale.is_credit_note for sale in statement.sales)
    yield "Lines", f"{len(statement.sales):,}, of which {counted(credit_notes, 'credit note')}"
    yield "Sales", amount(statement.gross)
    yield "Credit notes", amount(statement.credit_notes)
    yield "Net revenue", amount(statement.net)
    yield "Revenue before", amount(statement.revenue_before)
    if one is None:
        yield "Dust", f"{token.format(statement.dust, full=True)} {token.symbol}"


def _where(statement: PeriodStatement) -> Iterator[tuple[str, str]]:
    there = statement.remittance
    if there is None:
        return
    yield "Settlement", there.state
    yield "Chain", str(there.chain_id)
    yield "Split", there.split
    yield "Remitted by", there.payer
    yield "Batch", batch_text(there.batch_id)
    if any(there.root):
        yield "Merkle root", "0x" + there.root.hex()
    if there.tx_hash:
        yield "Remitted in", there.tx_hash
    if there.paid_by:
        yield "Paid in", there.paid_by


def _between(start: datetime, end: datetime, zone: str) -> str:
    local = [moment.astimezone(_clock(zone)) for moment in (start, end)]
    if all(moment.time() == datetime.min.time() for moment in local):
        last = local[1].date() - timedelta(days=1)
        days = f"{local[0]:%Y-%m-%d}" + ("" if last == local[0].date() else f" to {last:%Y-%m-%d}")
        return f"{days} ({zone})"
    return f"{local[0]:%Y-%m-%d %H:%M} to {local[1]:%Y-%m-%d %H:%M} ({zone})"


def _clock(zone: str) -> tzinfo | None:
    """The clock of a zone by name or offset; UTC's where its name is not known on this machine."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        pass
    try:
        return datetime.strptime(zone, "%z").tzinfo
    except ValueError:
        return UTC


_FIGURES = (
    Column("gross", "amount"),
    Column("credit notes", "amount"),
    Column("earned", "amount"),
    Column("withheld", "amount"),
    Column("paid", "amount"),
    Column("set aside", "amount"),
    Column("brought forward", "amount"),
    Column("carried forward", "amount"),
)


def _figures(one: PayeeStatement) -> tuple[int, ...]:
    return (
        one.gross,
        one.credit_notes,
        one.earned,
        one.withheld,
        one.paid,
        one.credited,
        one.brought_forward,
        one.carried_forward,
    )


def _payees(statement: PeriodStatement) -> Table:
    figures = [_figures(one) for one in statement.payees]
    return Table(
        "payees",
        f"What each payee earned and got ({statement.token.symbol})",
        (Column("payee"), *_FIGURES),
        tuple((one.payee, *row) for one, row in zip(statement.payees, figures, strict=True)),
        ("all", *map(sum, zip(*figures, strict=True))),
    )


def _account(one: PayeeStatement) -> Table:
    """One payee's figures, one below the other, as an account is read."""
    return Table(
        "account",
        f"Account of {one.payee} ({one.token.symbol})",
        (Column(""), Column("amount", "amount")),
        (
            ("brought forward from before", one.brought_forward),
            ("earned by sales", one.gross),
            ("taken by credit notes", one.credit_notes),
            ("withheld", -one.withheld),
            ("paid", -one.paid),
        ),
        ("carried forward", one.carried_forward),
    )


def _tiers(statement: PeriodStatement, only: PayeeStatement | None) -> Table:
    token = statement.token
    rows: list[tuple[Cell, ...]] = []
    for one in statement.payees if only is None else (only,):
        for tier in one.tiers:
            if tier.weight or only is not None:
                name = slice_text(token, tier.start, tier.end)
                share = share_text(Fraction(tier.weight, tier.total))
                rows.append((tier.number, name, one.payee, tier.revenue, share, tier.earned))
    columns = (
        Column("tier", "number"),
        Column("of all revenue"),
        Column("payee"),
        Column("of this period", "amount"),
        Column("share"),
        Column("earned", "amount"),
    )
    # Tier by tier, payees within; the sort is stable.
    rows.sort(key=lambda row: row[0] if isinstance(row[0], int) else 0)
    return Table("tiers", "Shares by tier", columns, tuple(rows))


def _transactions(there: Remittance) -> Table:
    return Table(
        "transactions",
        "Transactions",
        (
            Column("step"),
            Column("transaction", "code"),
            Column("block", "number"),
            Column("gas", "number"),
            Column("cost in coin", "coin"),
        ),
        tuple(
            (made.step, made.tx_hash, made.block_number, made.gas_used, made.cost)
            for made in there.transactions
        ),
    )


def _lines(statement: PeriodStatement, one: PayeeStatement | None) -> Table:
    columns = [
        Column("leaf", "number"),
        Column("when (UTC)"),
        Column("source"),
        Column("id", "code"),
        Column("description"),
        Column("amount", "amount"),
    ]
    total: list[Cell] = ["", "", "", "", "", statement.net]
    earned: Sequence[int | None] = [None] * len(statement.sales)
    if one is not None:
        columns.append(Column("earned", "amount"))
        total.append(one.earned)
        earned = [line.earned for line in one.lines]
    rows = (
        (*_sale(position, sale), *(() if amount is None else (amount,)))
        for position, (sale, amount) in enumerate(zip(statement.sales, earned, strict=True))
    )
    title = "Sales and credit notes, in the order of the remittance's leaves"
    return Table("lines", title, tuple(columns), tuple(rows), tuple(total))


def _sale(position: int, sale: Sale) -> tuple[Cell, ...]:
    when = f"{sale.occurred_at:%Y-%m-%d %H:%M}"
    return position, when, sale.source, sale.external_id, sale.description, sale.amount


def _notes(statement: PeriodStatement) -> Iterator[str]:
    there = statement.remittance
    if there is None:
        yield "Worked out by the money rule; nothing of it is on a chain yet."
    elif there.state == "carried":
        yield (
            "The period came to nothing or less, so nothing was remitted: its lines go into the next "
            "settlement."
        )
    elif there.state != "final":
        yield f"The settlement is {there.state}, not final: what is paid may yet change."
    if statement.note:
        yield statement.note
    yield from statement.differences


PAPER = 150
"""Characters that a table may be wide on paper, A4 on its side."""


def fitted(shown: Document, width: int) -> Document:
    """The document, with a row for each figure where all payees' figures are wider than `width` letters."""
    return replace(shown, tables=tuple(_fitted(shown, table, width) for table in shown.tables))


def _fitted(shown: Document, table: Table, width: int) -> Table:
    if table.name != "payees":
        return table
    heads = [column.title for column in table.columns]
    cells = [[shown.text(table, *pair) for pair in zip(table.columns, row, strict=True)] for row in table]
    if sum(max(map(len, column)) + 3 for column in zip(heads, *cells, strict=True)) <= width:
        return table
    columns = (Column("payee"), Column("figure"), Column("amount", "amount"))
    rows: list[tuple[Cell, ...]] = []
    for row in table:
        for place, column in enumerate(table.columns[1:], start=1):
            rows.append((row[0] if place == 1 else "", column.title, row[place]))
    return Table(table.name, table.title, columns, tuple(rows), places=table.places)
