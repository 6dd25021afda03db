"""The command `simulate`: an agreement, or several, over possible futures; a table, JSON, or an HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from revshare._files import write_whole
from revshare._options import AsJson, busy, print_json
from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from revshare.simulation import Simulation

__all__ = ["register"]

_LEFT_OUT = ("25 %", "75 %")  # a screen is narrow


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: revshare simulate australia.toml --mean 2000 --growth 3% --seed 1")(simulate)


def simulate(
    agreement: Annotated[
        list[Path],
        typer.Argument(metavar="AGREEMENT…", help="An agreement file; several meet the very same futures."),
    ],
    *,
    mean: Annotated[
        str,
        typer.Option("--mean", metavar="AMOUNT", help="Revenue expected in the first month, whole tokens."),
    ],
    months: Annotated[int, typer.Option("--months", min=1, max=1200, help="How many months.")] = 36,
    growth: Annotated[str, typer.Option("--growth", metavar="RATE", help="From month to month: 2%.")] = "0%",
    volatility: Annotated[
        str, typer.Option("--volatility", metavar="RATE", help="How much single months vary: 30%.")
    ] = "30%",
    shocks: Annotated[
        str, typer.Option("--shocks", metavar="RATE", help="Variation that stays, each month: 5%.")
    ] = "0%",
    season: Annotated[
        str | None,
        typer.Option(
            "--season",
            metavar="FACTORS",
            help="Factors of the months in turn, with commas: 0.8,1,1.2.",
            show_default=False,
        ),
    ] = None,
    refunds: Annotated[
        str, typer.Option("--refunds", metavar="RATE", help="Part that buyers get back: 4%.")
    ] = "0%",
    refund_lag: Annotated[int, typer.Option("--refund-lag", min=0, help="How many months later.")] = 0,
    paths: Annotated[int, typer.Option("--paths", min=1, max=10_000_000, help="How many futures.")] = 10_000,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="The same gives the same numbers; left out, one is drawn."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page with tables and charts.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each payee might earn: an agreement, or several, over thousands of possible futures."""
    from revshare.agreement import Agreement
    from revshare.simulation import Comparison, Growth
    from revshare.simulation import simulate as simulate_

    model = Growth(
        mean,
        growth=growth,
        volatility=volatility,
        shocks=shocks,
        seasonality=_factors(season) if season else (),
    )
    agreements = {str(file): Agreement.load(file) for file in agreement}
    with busy(f"playing {paths:,} futures"):
        found: Comparison = simulate_(
            agreements,
            revenue=model,
            periods=months,
            paths=paths,
            refunds=refunds,
            refund_lag=refund_lag,
            seed=seed,
        )
    if html is not None:
        only = next(iter(agreements.values()))
        page = found.to_html() if len(agreements) > 1 else next(iter(found.values())).to_html(only.name)
        write_whole(html, page)
    if as_json:
        print_json(_as_json(found, agreements))
        return
    for file, one in found.items():
        _show(agreements[file].name, one)
    if html is not None:
        typer.echo(f"written: {html}")


def _factors(season: str) -> tuple[float, ...]:
    try:
        return tuple(float(factor) for factor in season.split(","))
    except ValueError:
        raise InvalidInput(
            f"--season takes factors with commas between, such as 0.8,1,1.2, not {season}"
        ) from None


def _show(name: str, found: Simulation) -> None:
    from revshare._html import PAYEE_COLUMNS, TIER_COLUMNS, payee_rows, tier_rows

    console = Console()
    payees = Table(
        title=f"{name} ({found.token.symbol}): after {found.periods} months",
        caption=f"{found.paths:,} futures, seed {found.seed}; to the unit what the contract would pay",
    )
    tiers = Table(caption="who fills a tier, and when half have")
    for table, columns, rows in (
        (payees, PAYEE_COLUMNS, payee_rows(found)),
        (tiers, TIER_COLUMNS, tier_rows(found)),
    ):
        for place, column in enumerate(columns):
            if column not in _LEFT_OUT:
                table.add_column(column, justify="right" if place else "left", overflow="fold")
        for row in rows:
            table.add_row(
                *(cell for column, cell in zip(columns, row, strict=True) if column not in _LEFT_OUT)
            )
        if rows:
            console.print(table)


def _as_json(found: Any, agreements: Any) -> dict[str, Any]:
    def one(file: str, simulation: Simulation) -> dict[str, Any]:
        token = simulation.token
        fair = simulation.fairness()
        amounts = ("mean", "p5", "p25", "p50", "p75", "p95")
        return {
            "file": file,
            "name": agreements[file].name,
            "token": {"symbol": token.symbol, "decimals": token.decimals},
            "rows": [row | {name: token.format(row[name]) for name in amounts} for row in simulation.rows()],
            "tiers": [
                {
                    "until": None if tier.end is None else token.format(tier.end),
                    "filled": [
                        float(simulation.completion(number, period))
                        for period in range(1, simulation.periods + 1)
                    ],
                }
                for number, tier in enumerate(simulation.schedule.tiers, 1)
            ],
            "fairness": {"gini": float(fair.gini), "jain": float(fair.jain)},
        }

    first = next(iter(found.values()))
    return {
        "seed": found.seed,
        "paths": first.paths,
        "periods": first.periods,
        "agreements": [one(file, simulation) for file, simulation in found.items()],
    }
