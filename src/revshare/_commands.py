"""The commands of `revshare`: each takes its options, calls the library and prints what comes back.

Every command has an example in its help and takes `--json`. RevShareError is left to `cli.main`.
"""

from __future__ import annotations

from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from revshare import (
    _commands_amend,
    _commands_chains,
    _commands_close,
    _commands_publish,
    _commands_report,
    _commands_sales,
    _commands_settle,
    _commands_simulate,
)
from revshare._options import AsJson, busy, connect, print_json
from revshare._words import NOT_TAX_ADVICE, because, share_text, slice_text

if TYPE_CHECKING:
    from revshare.agreement import Agreement
    from revshare.schedule import Schedule

__all__ = ["app"]

app = typer.Typer(
    name="revshare",
    help="Split revenue by smart contract: agreements people can read, payouts exact to the last unit.",
    epilog="Example: revshare check australia.toml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"revshare {version('revshare')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: revshare check australia.toml")
def check(
    agreement: Annotated[Path, typer.Argument(metavar="AGREEMENT", help="An agreement file, TOML or JSON.")],
    as_json: AsJson = False,
) -> None:
    """Validate an agreement file; show its tiers and who enforces its rules, or all that is wrong with it."""
    from revshare.agreement import Agreement

    loaded = Agreement.load(agreement)
    by_contract = loaded.by_contract
    schedule = loaded.schedule() if by_contract else loaded.base_schedule()
    if as_json:
        print_json(_agreement_as_json(loaded, schedule))
    else:
        Console().print(_tiers_table(loaded, schedule))
        if loaded.rules:
            Console().print(_rules_table(loaded))
            if any(rule.rule == "withhold" for rule in loaded.rules):
                typer.echo(NOT_TAX_ADVICE)
        if not by_contract:
            typer.echo("these tiers are what rules start from: `revshare close` works out the amounts")
        if loaded.governance is not None:
            typer.echo(f"new terms: {loaded.governance}")
        for hint in loaded.hints():
            typer.echo(f"hint: {hint}", err=True)


@app.command(name="compile", epilog="Example: revshare compile --check")
def compile_(
    only_check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; prove that the artifacts are what the sources give, byte for byte.",
        ),
    ] = False,
    solc: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="The compiler to use, instead of looking for one.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compile the contracts and write their artifacts into the package."""
    from revshare.chain.compile import check_artifacts, write_artifacts

    with busy("compiling"):
        done = check_artifacts(solc) if only_check else write_artifacts(solc)
    contracts = {
        name: {"creation_bytes": len(artifact.bytecode), "deployed_bytes": len(artifact.deployed_bytecode)}
        for name, artifact in done.artifacts.items()
    }
    if as_json:
        compiler = {"version": done.compiler.version, "origin": done.compiler.origin}
        print_json(
            {
                "checked": only_check,
                "compiler": compiler,
                "contracts": contracts,
                "warnings": list(done.warnings),
            }
        )
        return
    for warning in done.warnings:
        typer.echo(warning, err=True)
    for name, size in contracts.items():
        typer.echo(f"{name}: {size['deployed_bytes']:,} bytes deployed, {size['creation_bytes']:,} to create")
    verdict = "the artifacts are what the sources give, byte for byte" if only_check else "artifacts written"
    typer.echo(f"{verdict} (solc {done.compiler.version}, {done.compiler.origin})")


@app.command(epilog="Example: revshare demo --rpc-url http://127.0.0.1:8545")
def demo(
    rpc_url: Annotated[
        str | None,
        typer.Option(
            "--rpc-url",
            metavar="URL",
            help="A node that holds an account with coin, such as anvil; left out, a chain in this process.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a year of real sales: remitted month by month, shared on a chain, reconciled four ways."""
    from revshare.demo import agreement, run

    w3 = None if rpc_url is None else connect(rpc_url)
    if as_json:
        result = run(w3)
        print_json(result.to_dict())
    else:
        from revshare.demo._show import Screen

        with Screen(Console(), agreement()) as screen:
            result = run(w3, watch=screen.show)
            screen.finish(result)
    if not result.reconciled:
        typer.echo("revshare: the books do not agree: " + "; ".join(result.differences), err=True)
        raise typer.Exit(1)


_commands_amend.register(app)
_commands_simulate.register(app)
_commands_report.register(app)
_commands_sales.register(app)
_commands_settle.register(app)
_commands_close.register(app)
_commands_chains.register(app)
_commands_publish.register(app)


def _agreement_as_json(agreement: Agreement, schedule: Schedule) -> dict[str, Any]:
    token = schedule.token
    return {
        "name": agreement.name,
        "token": {"symbol": token.symbol, "decimals": token.decimals, "address": token.address},
        "payees": dict(zip(schedule.payees, schedule.addresses, strict=True)),
        "tiers": [
            {
                "from": token.format(tier.start),
                "until": None if tier.end is None else token.format(tier.end),
                "weights": dict(zip(schedule.payees, tier.weights, strict=True)),
                "total": tier.total,
            }
            for tier in schedule.tiers
        ],
        "rules": [
            one.to_dict() | {"spent": None if one.spent is None else token.format(one.spent)}
            for one in agreement.enforcement()
        ],
        "enforced_by": "contract" if agreement.by_contract else "book",
        "governance": agreement.governance and agreement.governance.model_dump(exclude_none=True),
        "hints": list(agreement.hints()),
    }


def _tiers_table(agreement: Agreement, schedule: Schedule) -> Table:
    token = schedule.token
    table = Table(
        title=f"{agreement.name} ({token.symbol})", caption="revenue so far, and who earns what of it"
    )
    table.add_column("payee")
    for tier in schedule.tiers:
        table.add_column(slice_text(token, tier.start, tier.end), justify="right")
    for index, payee in enumerate(schedule.payees):
        table.add_row(
            payee, *(share_text(Fraction(tier.weights[index], tier.total)) for tier in schedule.tiers)
        )
    return table


def _rules_table(agreement: Agreement) -> Table:
    table = Table(title="rules")
    for column in ("rule", "enforced by", "because"):
        table.add_column(column)
    for one in agreement.enforcement():
        cells = (one.rule.says(), one.by, because(one, agreement.token))
        table.add_row(*map(Text, cells))  # what people write is no markup
    return table
