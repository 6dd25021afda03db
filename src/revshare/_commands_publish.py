"""The command `publish-source`: a contract's source for an explorer, or as a file to upload there."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revshare._options import AsJson, RpcUrl, busy, connect, print_json
from revshare.errors import ExplorerError, InvalidInput

if TYPE_CHECKING:
    from revshare.chain import ContractSource, PublishedSource

__all__ = ["register"]


class _To(StrEnum):
    FILE = "file"
    SOURCIFY = "sourcify"
    ETHERSCAN = "etherscan"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        name="publish-source",
        epilog="Example: revshare publish-source 0x5b1869D9A4C187F2EAa108f3062412ecf0526b24 --to sourcify "
        "--rpc-url http://127.0.0.1:8545",
    )(publish_source)


def publish_source(
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="A split, a factory, a payout book, an escrow: any contract of ours."
        ),
    ],
    *,
    rpc_url: RpcUrl,
    to: Annotated[
        _To,
        typer.Option(
            "--to", help="Who gets it. A file is only written here, for you to upload; the others publish it."
        ),
    ] = _To.FILE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write the file to upload; left out, a name made of contract and address, and "
            "with an explorer none, unless it cannot be reached.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            envvar="REVSHARE_ETHERSCAN_KEY",
            help="Your key for Etherscan. Better in the environment: command lines are seen by others.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Another explorer of the same form, such as https://eth.blockscout.com/api.",
            show_default=False,
        ),
    ] = None,
    creation_tx: Annotated[
        str | None,
        typer.Option(
            "--creation-tx",
            metavar="HASH",
            help="The transaction that created the contract, where the node keeps no history to find it in.",
            show_default=False,
        ),
    ] = None,
    constructor_args: Annotated[
        str | None,
        typer.Option(
            "--constructor-args",
            metavar="HEX",
            help="What the constructor was called with, where no transaction shows it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a contract's source: at an explorer, or as a file to upload there. Sends no transaction.

    Of a split it is that of the code behind it, which all splits of a factory share. An explorer compiles the
    source, compares it with the code on the chain, and shows it to everybody.
    """
    from revshare.chain.explorers import Explorer
    from revshare.chain.sources import source_at

    if to is _To.FILE and url is not None:
        raise InvalidInput("--url is an explorer's: name its form by --to")
    explorer = None if to is _To.FILE else Explorer.of(to.value, api_key=api_key, url=url)
    w3 = connect(rpc_url)
    with busy("looking at the contract"):
        source = source_at(
            w3, address, creation_transaction=creation_tx, constructor_arguments=constructor_args
        )
    file = _write(source, out) if explorer is None or out is not None else None
    published = None
    if explorer is not None:
        try:
            published = explorer.publish(source, watch=_say)
        except ExplorerError as error:
            if not error.reached:
                file = file or _write(source, None)
                _say(f"{file} is what to upload from where there is a way to it")
            raise
    if as_json:
        print_json(_as_json(source, published, file))
    else:
        typer.echo(_seen(source))
        typer.echo(_came_of_it(published) if published else _to_upload(source, file))


def _say(text: str) -> None:
    typer.echo(f"revshare: {text}", err=True)


def _write(source: ContractSource, out: Path | None) -> Path:
    """Write the file to upload. What is there already stays, unless it is the very same."""
    file = out or Path(f"{source.contract}-{source.address[:10]}.json")
    text = source.standard_json()
    try:
        with file.open("x", encoding="utf-8", newline="\n") as written:
            written.write(text)
    except FileExistsError as error:
        if not file.is_file() or file.read_bytes() != text.encode():
            raise InvalidInput(
                f"{file} is there already, with something else: name another by --out"
            ) from error
    return file


def _seen(source: ContractSource) -> str:
    lines = []
    if source.is_behind_a_clone:
        lines.append(
            f"{source.asked} is a clone, as every split is: the code behind it is what is published, "
            f"{source.address}"
        )
    lines.append(
        f"{source.identifier}, solc {source.compiler_version}, at {source.address} on chain {source.chain_id}"
    )
    lines += [
        f"made with it, and still to be published separately: {name} at {place}"
        for place, name in source.others.items()
    ]
    return "\n".join(lines)


def _to_upload(source: ContractSource, file: Path | None) -> str:
    if source.constructor_arguments is None:
        arguments = f"not known: {source.unknown}; --creation-tx or --constructor-args tell"
    else:
        arguments = source.constructor_arguments.hex() or "none"
    return "\n".join(
        [
            f"\n{file} is what to upload:",
            "  Etherscan, Blockscout: on the contract's page, verify, by Standard-Json-Input",
            "  Sourcify: https://verify.sourcify.dev, by Standard JSON",
            "What they ask for besides:",
            f"  contract               {source.identifier}",
            f"  compiler               {source.compiler_version}",
            f"  constructor arguments  {arguments}",
            f"  creation transaction   {source.creation_transaction or 'not known'}",
            "  licence                MIT",
            "Or have it handed in: --to sourcify, or --to etherscan with an API key.",
        ]
    )


def _came_of_it(published: PublishedSource) -> str:
    said = f"{published.status} by {published.explorer}"
    if published.match == "exact_match":
        said += ": the sources are the very ones, comments included"
    elif published.match == "match":
        said += ": the code is the same, the hash of its sources is not"
    return said + (f"; {published.page}" if published.page else "")


def _as_json(source: ContractSource, published: PublishedSource | None, file: Path | None) -> dict[str, Any]:
    arguments = source.constructor_arguments
    return {
        "status": published.status if published else "written",
        "explorer": published and published.explorer,
        "match": published and published.match,
        "page": published and published.page,
        "file": None if file is None else str(file),
        "chain_id": source.chain_id,
        "address": source.address,
        "asked": source.asked,
        "contract": source.identifier,
        "compiler": source.compiler_version,
        "constructor_arguments": None if arguments is None else "0x" + arguments.hex(),
        "creation_transaction": source.creation_transaction,
        "unknown": source.unknown,
        "others": dict(source.others),
    }
