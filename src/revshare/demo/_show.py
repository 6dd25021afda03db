"""The demonstration on a screen: a table that grows, and what it comes to in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from revshare.agreement import Agreement
from revshare.demo._run import DemoResult, Period, Progress
from revshare.money import Token

_EXACT_FROM = 104
"""From this width on, amounts have all their decimals; on narrower screens the table is cut to two."""
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue")


class Screen:
    """Shows a run of the demonstration on `console`: a context manager whose `show` watches the run.

    On a terminal the table grows as money moves. Piped into a file, it is printed once, without colours.
    """

    def __init__(self, console: Console, agreement: Agreement) -> None:
        self._console = console
        self._agreement = agreement
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._console.print(heading(self._agreement))
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show how far the run has come."""
        if not self._console.is_terminal:
            return
        bar = ProgressBar(total=progress.total, completed=progress.done, width=30)
        line = Table.grid(padding=(0, 1))
        line.add_row(bar, Text(progress.doing, style="dim"))
        table = periods_table(self._agreement, progress.periods, self._console.width)
        self._live.update(Group(table, Text(), line), refresh=True)

    def finish(self, result: DemoResult) -> None:
        """Print the table as it ended, and whether the books agree."""
        self._live.stop()
        self._console.print(periods_table(result.agreement, result.periods, self._console.width))
        self._console.print(ending(result))


def heading(agreement: Agreement) -> RenderableType:
    """What is played: the agreement's name, and its tiers in words."""
    token = agreement.token
    tiers = Table.grid(padding=(0, 2))
    start = ""
    for tier in agreement.tiers:
        names = [name for name, share in tier.shares.items() if share]
        shares = ", ".join(f"{_words(name)} {tier.shares[name]}" for name in names)
        end = "" if tier.until is None else token.format(token.parse(tier.until), grouped=True)
        when = f"up to {end} {token.symbol}" if end else f"from {start} on" if start else "of everything"
        tiers.add_row(f" {when}", f"all to the {_words(names[0])}" if len(names) == 1 else shares)
        start = end
    return Group(Text(), Text(f" {agreement.name}", style="bold"), tiers)


def periods_table(agreement: Agreement, periods: Sequence[Period], width: int) -> Table:
    """Return a row for every period and, below, what each payee has earned and was paid so far.

    width: columns of the screen; below 104 amounts are cut to two decimals and sale lines are left out.
    """
    token, exact = agreement.token, width >= _EXACT_FROM
    table = Table(box=box.SIMPLE_HEAD, padding=(0, int(exact), 0, 0), pad_edge=False, header_style="bold")
    table.add_column("period", no_wrap=True)
    if exact:
        table.add_column("sale\nlines", justify="right", no_wrap=True)
    table.add_column("revenue", justify="right", no_wrap=True, min_width=10)
    for index, name in enumerate(agreement.payees):
        colour = _COLOURS[index % len(_COLOURS)]
        header = Text(_words(name).replace(" ", "\n"), style=colour)
        # Wide enough from the start that the table does not jump while it grows.
        table.add_column(header, justify="right", no_wrap=True, min_width=11 if exact else 8)
    table.add_column("gas", justify="right", style="dim", no_wrap=True, min_width=9)

    def row(name: Text, revenue: Text, paid: Iterable[Text], gas: str, lines: str) -> None:
        table.add_row(name, *([lines] if exact else []), revenue, *paid, gas)

    earned, paid = _sum(period.earned for period in periods), _sum(period.paid for period in periods)
    shown = [units for period in periods for units in (*period.paid.values(), *period.earned.values())]
    places = _places(token, shown) if exact else 2
    places_in = _places(token, [period.revenue for period in periods]) if exact else 2
    for period in periods:
        # What was paid; where that is not what was earned, it stands out.
        cells = [
            _amount(token, units, places, "" if units == period.earned[name] else "bold red")
            for name, units in period.paid.items()
        ]
        revenue = _amount(token, period.revenue, places_in)
        row(Text(period.period), revenue, cells, f"{period.gas:,}", f"{period.sales:,}")
    table.add_section()
    row(
        Text("earned", style="bold"),
        _amount(token, sum(period.revenue for period in periods), places_in, "bold"),
        [_amount(token, earned.get(name, 0), places, "bold") for name in agreement.payees],
        "",
        f"{sum(period.sales for period in periods):,}",
    )
    row(
        Text("paid", style="bold"),
        Text(),
        [_amount(token, paid.get(name, 0), places, "bold") for name in agreement.payees],
        f"{sum(period.gas for period in periods):,}",
        "",
    )
    return table


def ending(result: DemoResult) -> RenderableType:
    """What the sales were, and whether four accounts of who got what agree."""
    show = result.token.format
    net = show(result.revenue + result.carried, grouped=True)
    sold = f"{result.sales:,} lines on {result.invoices} invoices, {result.credit_notes} of them credit notes"
    parts: list[RenderableType] = [Text(f" {sold}: {net} {result.token.symbol}")]
    if result.carried:
        parts.append(Text(f" {show(result.carried, grouped=True)} of it waits for later sales"))
    parts.append(reconciliation(result))
    if result.reconciled:
        dust = show(result.dust, full=True)
        parts.append(Text(f" ✓ reconciled four ways, to the unit; dust: {dust}", style="bold green"))
    else:
        parts.append(Text(" ✗ the books do not agree", style="bold red"))
    return Group(*parts, Text())


def reconciliation(result: DemoResult) -> Table:
    """Return what each payee has got, by the four accounts of it, exactly."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("payee", no_wrap=True)
    for header in ("schedule\nsays", "contract\nsays", "its log\ngives", "token\nbalance"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("")
    for name, units in result.ways["schedule"].items():
        said = [figures[name] for figures in result.ways.values()]
        mark = Text("✓", style="green") if set(said) == {units} else Text("✗", style="bold red")
        table.add_row(_words(name), *(result.token.format(value, grouped=True) for value in said), mark)
    return table


def _amount(token: Token, units: int, places: int, style: str = "") -> Text:
    """`units` as text with so many decimals; what comes behind them is cut off."""
    if not units:
        return Text("–", style="dim")
    text = token.format(units, full=True, grouped=True)
    return Text(text[: len(text) - max(token.decimals - places, 0)].removesuffix("."), style=style)


def _places(token: Token, amounts: Iterable[int]) -> int:
    """Decimals that it takes to write all of `amounts` exactly."""
    decimals = (token.format(units, grouped=True).partition(".")[2] for units in amounts)
    return max(map(len, decimals), default=0)


def _sum(figures: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in figures:
        for name, units in one.items():
            total[name] = total.get(name, 0) + units
    return total


def _words(name: str) -> str:
    return name.replace("_", " ")
