"""The command `chains`: the table of chains, and one of them in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from revshare._options import AsJson, print_json

if TYPE_CHECKING:
    from revshare.chain.chains import Chain

__all__ = ["register", "unknown_chain"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: revshare chains Polygon")(chains)


def chains(
    chain: Annotated[
        str | None,
        typer.Argument(metavar="CHAIN", help="A chain's number or name; left out, all.", show_default=False),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is known of chains: coin, usual tokens, finality, forks. Asks no node."""
    from revshare.chain.chains import Chain
    from revshare.chain.chains import chains as table

    if chain is not None:
        found = Chain.find(chain)
        if as_json:
            print_json(found.to_dict())
        else:
            _show(found)
        return
    if as_json:
        print_json({"chains": [each.to_dict() for each in table()]})
        return
    Console().print(_overview(table()))
    typer.echo("? was compared with no source. `revshare chains CHAIN` shows a chain's tokens.")


def unknown_chain(chain: Chain) -> str:
    """Return what to say of a chain that is not in the table."""
    return (
        f"chain {chain.id} is not in the table: it works like any other. Its coin is called "
        f"{chain.coin.symbol} here, tokens are given by their addresses, and what the contracts need is "
        "tried before anything is deployed"
    )


def _overview(known: tuple[Chain, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("id", "chain", "coin", "EIP-1559", "Cancun", "final", "tokens"):
        table.add_column(column, justify="right" if column == "id" else "left")
    for chain in known:
        cells = (
            str(chain.id),
            chain.name + _doubt(chain, "chain"),
            chain.coin.symbol,
            _said(chain.eip1559) + _doubt(chain, "eip1559"),
            _said(chain.cancun) + _doubt(chain, "cancun"),
            _final(chain) + _doubt(chain, "final"),
            " ".join(listed.token.symbol + _doubt(chain, listed.token.symbol) for listed in chain.tokens),
        )
        table.add_row(*map(Text, cells))
    return table


def _show(chain: Chain) -> None:
    if not chain.known:
        typer.echo(unknown_chain(chain))
        return
    typer.echo(f"{chain}{_mark(chain, 'chain')}")
    for what, said in (
        ("coin", f"{chain.coin.symbol}, {chain.coin.decimals} decimals"),
        ("final", f"{_final(chain)}: {chain.final_text}{_mark(chain, 'final')}"),
        ("EIP-1559", f"{_said(chain.eip1559)}{_mark(chain, 'eip1559')}"),
        ("Cancun", f"{_said(chain.cancun)}{_mark(chain, 'cancun')}"),
        *((("note", chain.note),) if chain.note else ()),
    ):
        typer.echo(f"  {what:<9} {said}")
    for listed in chain.tokens:
        token = listed.token
        doubt = _mark(chain, token.symbol)
        typer.echo(f"  {token.symbol:<9} {token.address}, {token.decimals} decimals{doubt}")
    for alias in chain.aliases:
        whose = f"{chain.coin.symbol}, the coin" if alias.of is None else alias.of
        doubt = _mark(chain, alias.address)
        typer.echo(f"  refused   {alias.address}: it shows the balance of {whose}{doubt}")
    if chain.unverified:
        typer.echo("  (?)       was compared with no source")
    typer.echo(f"  sources   {', '.join(chain.sources)}: --json says what they are")


def _final(chain: Chain) -> str:
    if not isinstance(chain.final, int):
        return "finalized"
    return f"{chain.final} blocks" if chain.final else "at once"


def _said(holds: bool | None) -> str:
    return {True: "yes", False: "no", None: "not known"}[holds]


def _doubt(chain: Chain, fact: str) -> str:
    unknown = fact == "cancun" and chain.cancun is None
    return "?" if fact in chain.unverified and not unknown else ""


def _mark(chain: Chain, fact: str) -> str:
    return " (?)" if _doubt(chain, fact) else ""
