"""The commands `sales record` and `sales reverse`: one sale into the ledger, one credit note for a sale."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revshare._options import DEFAULT_LEDGER, AsJson, LedgerUrl, print_json
from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from revshare.ledger import Recorded
    from revshare.money import Token

__all__ = ["record", "reverse", "sale_as_json"]

Agreement = Annotated[
    str,
    typer.Option(
        "--agreement",
        metavar="AGREEMENT",
        help="Whose revenue it is: the agreement's file, or its name.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="SYMBOL",
        help="What amounts are in, where no agreement's file says it; with --decimals.",
        show_default=False,
    ),
]
Decimals = Annotated[
    int | None,
    typer.Option(
        "--decimals", metavar="N", min=0, max=77, help="How many decimals the token has.", show_default=False
    ),
]
Zone = Annotated[
    str, typer.Option("--zone", metavar="ZONE", help="Where --date is local, unless it has an offset.")
]


def _detail(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", metavar="TEXT", help=what, show_default=False)


def record(
    *,
    source: Annotated[str, typer.Option(metavar="NAME", help="Who reports the sale; with --id it names it.")],
    id_: Annotated[str, typer.Option("--id", metavar="ID", help="The sale's own number there.")],
    amount: Annotated[
        str,
        typer.Option(
            metavar="AMOUNT",
            help="In whole tokens, such as 12.50; below 0 for a credit note.",
            show_default=False,
        ),
    ],
    date: Annotated[
        str,
        typer.Option(
            metavar="DATE",
            help="When it was sold: 2011-03-01, or 2011-03-01T08:26+01:00.",
            show_default=False,
        ),
    ],
    agreement: Agreement,
    zone: Zone = "UTC",
    token: TokenOption = None,
    decimals: Decimals = None,
    sku: Annotated[str, _detail("sku", "What was sold.")] = "",
    territory: Annotated[str, _detail("territory", "Where.")] = "",
    channel: Annotated[str, _detail("channel", "How.")] = "",
    description: Annotated[str, _detail("description", "In words.")] = "",
    currency: Annotated[str, _detail("currency", "What the buyer paid in, if not the token.")] = "",
    rate: Annotated[str, _detail("rate", "How many tokens one of the currency was.")] = "",
    rate_source: Annotated[str, _detail("rate-source", "Who says so.")] = "",
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=TEXT", help="Whatever else; as often as needed.", show_default=False),
    ] = None,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Record one sale, or one credit note. It is on disk when this ends; the same again changes nothing.

    With another content under the same source and id nothing is recorded: see `sales reverse`.
    """
    from revshare.ledger import Ledger, Sale

    name, known = _agreement(agreement)
    unit = _token(known, token, decimals, "--amount")
    when, said = _instant(date, zone)
    sale = Sale(
        source,
        id_,
        when,
        unit.parse(amount),
        unit.symbol,
        description,
        dict(map(_pair, metadata or ())),
        agreement=name,
        sku=sku,
        territory=territory,
        channel=channel,
        currency=currency,
        rate=rate,
        rate_source=rate_source,
        zone=said,
    )
    with Ledger.open(ledger) as opened:
        recorded = opened.record(sale)
    _say(recorded, "recorded", unit, as_json=as_json)


def reverse(
    sale: Annotated[str, typer.Argument(metavar="SALE", help="The sale's own number at its source.")],
    *,
    source: Annotated[str, typer.Option(metavar="NAME", help="Who reported the sale.", show_default=False)],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.", show_default=False)],
    amount: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            help="How much of it, in whole tokens, where not all; needs --agreement FILE, or --decimals.",
            show_default=False,
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="The credit note's own number; left out, the sale's and /reversal. A sale's second part "
            "needs another.",
            show_default=False,
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="When it was given back, like 2011-04-02; left out, now.", show_default=False
        ),
    ] = None,
    zone: Zone = "UTC",
    agreement: Annotated[
        Path | None,
        typer.Option(
            "--agreement", metavar="FILE", help="The agreement's file, for its token.", show_default=False
        ),
    ] = None,
    decimals: Decimals = None,
    ledger: LedgerUrl = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Record a credit note for a sale, of all of it or of a part. The same again changes nothing.

    It belongs to the period of its own date: what was settled stays settled.
    """
    from revshare.ledger import Ledger

    known = None if agreement is None else _agreement(str(agreement))[1]
    if agreement is not None and known is None:
        raise InvalidInput(f"{agreement}: there is no such file; name the agreement's file")
    when = None if date is None else _instant(date, zone)[0]
    with Ledger.open(ledger, create=False) as opened:
        unit = None
        found = opened.sale(source, sale)
        if found is not None and (known, decimals, amount) != (None, None, None):
            unit = _token(known, found.sale.token, decimals, "--amount")
        recorded = opened.reverse(
            source,
            sale,
            reason=reason,
            amount=None if amount is None or unit is None else unit.parse(amount),
            external_id_of_reversal=id_,
            occurred_at=when,
        )
    _say(recorded, f"reversed {sale}: recorded", unit, as_json=as_json)


# ------------------------------------------------------------------------------------------ what they share


def _agreement(text: str) -> tuple[str, Token | None]:
    """Return the name of an agreement given by its file or its name, and its token, if it was a file."""
    from revshare.agreement import Agreement as File

    if not Path(text).is_file():
        if text.lower().endswith((".toml", ".json")):
            raise InvalidInput(f"{text}: there is no such file; name the agreement's file, or the agreement")
        return text, None
    loaded = File.load(text)
    return loaded.name, loaded.token


def _token(known: Token | None, symbol: str | None, decimals: int | None, what: str) -> Token:
    """Return the token that amounts are in: that of the agreement's file, or what the options say."""
    from revshare.money import Token as Made

    if known is not None:
        if symbol not in (None, known.symbol) or decimals not in (None, known.decimals):
            raise InvalidInput(
                f"the agreement counts in {known.symbol}, of {known.decimals} decimals: "
                f"not in {symbol or known.symbol} of {known.decimals if decimals is None else decimals}"
            )
        return known
    if symbol is None or decimals is None:
        missing = "--token and --decimals" if symbol is None else "--decimals"
        raise InvalidInput(
            f"{what} is in whole tokens: give the agreement's file by --agreement, or {missing}"
        )
    return Made(symbol=symbol, decimals=decimals)


def _instant(text: str, zone: str) -> tuple[datetime, str]:
    """Return the instant that --date says, and its zone. Raises InvalidInput."""
    from revshare.ledger.imports._numbers import Unreadable
    from revshare.ledger.imports._times import TimeReader, zone_of

    try:
        zone_of(zone)
    except ValueError as error:
        raise InvalidInput(
            f"--zone: {error}; use a name like Europe/London, or an offset like +10:00"
        ) from None
    try:
        return TimeReader(zone=zone).read(text)
    except Unreadable as error:
        reason = str(error).replace(" in the declared format", "")
        reason = reason.replace('set ambiguous = "earlier" or "later"', "add its offset, like +01:00")
        raise InvalidInput(f"--date {text!r} {reason}") from None


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise InvalidInput(f"--metadata takes KEY=TEXT, such as buyer=Ann, not {text!r}")
    return key, value


def _say(recorded: Recorded, did: str, unit: Token | None, *, as_json: bool) -> None:
    entry = recorded.entry
    sale = entry.sale
    if as_json:
        print_json(
            {"new": recorded.new, "seq": entry.seq, "recorded_at": entry.recorded_at.isoformat()}
            | sale_as_json(sale)
        )
        return
    shown = f"{sale.amount:,} units of" if unit is None else unit.format(sale.amount, grouped=True)
    what = (
        f"{sale.source} {sale.external_id}, {shown} {sale.token} of {sale.occurred_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    if recorded.new:
        typer.echo(f"{did} {what}, entry {entry.seq}")
    else:
        typer.echo(f"{what} was recorded already (entry {entry.seq}): nothing was done")


def sale_as_json(sale: Any) -> dict[str, Any]:
    """Return what a sale says as plain data: its canonical JSON."""
    return dict(json.loads(sale.canonical()))
