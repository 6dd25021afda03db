"""The demonstration's sales, and the batches in which a distributor remits them: pure, no chain."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from importlib import resources

from revshare.ledger import Sale
from revshare.merkle import MerkleTree
from revshare.money import Token

SOURCE = "online_retail"

# The invoices carry the clock time of the United Kingdom. Its rules for these twelve months stand here,
# because the time zone database is not on every machine.
_WINTER, _SUMMER = timezone(timedelta(0)), timezone(timedelta(hours=1))
_SUMMER_BEGINS, _SUMMER_ENDS = datetime(2011, 3, 27, 1), datetime(2011, 10, 30, 2)  # noqa: DTZ001 - local time


def data() -> str:
    """Return the text of `australia.csv`, as the package carries it (DATA.md says what it is)."""
    return (resources.files("revshare.demo") / "australia.csv").read_text(encoding="utf-8")


def months(text: str, token: Token) -> dict[str, list[Sale]]:
    """Return the sale lines in `text` by the month of their invoice, like ``"2010-12"``, months ascending.

    text: CSV with the columns of `australia.csv`. token: what its prices are in.

    A line's external id is InvoiceNo/n, the n-th line of its invoice; a line of a credit note has a negative
    amount. Raises AmountError for a price finer than the token's unit.
    """
    by_month: dict[str, list[Sale]] = {}
    lines: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        invoice, quantity, price = row["InvoiceNo"], int(row["Quantity"]), row["UnitPrice"]
        lines[invoice] = lines.get(invoice, 0) + 1
        when = datetime.fromisoformat(row["InvoiceDate"])
        sale = Sale(
            source=SOURCE,
            external_id=f"{invoice}/{lines[invoice]}",
            occurred_at=when.replace(tzinfo=_SUMMER if _SUMMER_BEGINS <= when < _SUMMER_ENDS else _WINTER),
            amount=quantity * token.parse(price),
            token=token.symbol,
            description=row["Description"],
            metadata={
                "customer": row["CustomerID"],
                "invoice": invoice,
                "quantity": quantity,
                "sku": row["StockCode"],
                "unit_price": price,
            },
        )
        by_month.setdefault(f"{when:%Y-%m}", []).append(sale)
    return dict(sorted(by_month.items()))


@dataclass(frozen=True)
class Batch:
    """The sale lines that one remittance pays for, in order: those of a month, and those carried into it."""

    period: str
    sales: tuple[Sale, ...]

    @property
    def amount(self) -> int:
        """The net of the lines, in base units."""
        return sum(sale.amount for sale in self.sales)

    @cached_property
    def root(self) -> bytes:
        """The Merkle root of the lines' leaves, 32 bytes."""
        return MerkleTree(sale.leaf() for sale in self.sales).root


@dataclass(frozen=True)
class Plan:
    """What is remitted, month by month.

    batches: one for each month with something to remit. carried: the lines at the end that nothing was
    remitted for, because they come to nothing or less.
    """

    batches: tuple[Batch, ...]
    carried: tuple[Sale, ...]

    @classmethod
    def of(cls, by_month: Mapping[str, Sequence[Sale]]) -> Plan:
        """Return the plan for sales by month, months ascending.

        A month that nets to nothing or less, because credit notes exceed sales, is not remitted: its lines
        go into the next month's batch, and lower its amount.
        """
        batches: list[Batch] = []
        carried: tuple[Sale, ...] = ()
        for period, sales in by_month.items():
            batch = Batch(period, (*carried, *sales))
            if batch.amount > 0:
                batches.append(batch)
                carried = ()
            else:
                carried = batch.sales
        return cls(tuple(batches), carried)

    def sales(self) -> Iterator[Sale]:
        """Every sale line, remitted or carried."""
        for batch in self.batches:
            yield from batch.sales
        yield from self.carried


def invoices(sales: Iterable[Sale]) -> tuple[int, int]:
    """Return how many invoices the lines belong to, and how many of those are credit notes."""
    numbers = {str(sale.metadata["invoice"]) for sale in sales}
    return len(numbers), sum(number.startswith("C") for number in numbers)
