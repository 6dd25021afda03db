"""What commands share: the options `--json`, `--ledger`, `--rpc-url`, `--account`, `--password-file`, and
what they come to.

    def settle(
        ledger: …, rpc_url: RpcUrl, account: AccountOption = None, password_file: PasswordFile = None,
        as_json: AsJson = False,
    ) -> None:
        w3, me = connect(rpc_url), account_of(account, password_file)

`connect` raises InvalidInput and ProviderError as `revshare.chain.http` says.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from revshare.chain import Receipt
    from revshare.chain.signers import Account

__all__ = [
    "DEFAULT_LEDGER",
    "AccountOption",
    "AgreementFile",
    "AsJson",
    "LedgerUrl",
    "OptionalRpcUrl",
    "PasswordFile",
    "RpcUrl",
    "account_of",
    "agreement_name",
    "asks",
    "busy",
    "connect",
    "own_factory",
    "print_json",
    "receipt_as_dict",
    "unknown_agreement",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

AgreementFile = Annotated[
    Path, typer.Argument(metavar="AGREEMENT", help="The agreement's file, TOML or JSON.", show_default=False)
]

LedgerUrl = Annotated[
    str,
    typer.Option(
        "--ledger",
        metavar="URL",
        envvar="REVSHARE_LEDGER",
        help="The ledger: a file, or postgresql://user@host/database.",
    ),
]
DEFAULT_LEDGER = "sales.db"

_RPC_URL: Any = typer.Option(
    "--rpc-url",
    metavar="URL",
    envvar="ETH_RPC_URL",
    help="The node of the chain, such as http://127.0.0.1:8545.",
    show_default=False,
)
RpcUrl = Annotated[str, _RPC_URL]
OptionalRpcUrl = Annotated[str | None, _RPC_URL]

AccountOption = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="KEYSTORE",
        help="Who signs: a keystore file, kms:KEY for a key in AWS KMS, or the address of an account that "
        "the node itself holds; left out, the node's first.",
        show_default=False,
    ),
]

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Where the keystore's password is, instead of being asked for it; - is standard input.",
        show_default=False,
    ),
]


def connect(rpc_url: str) -> Any:
    """Return a Web3 on the node at `rpc_url`, which has answered. Raises InvalidInput, ProviderError."""
    from revshare.chain.http import connect as connect_

    return connect_(rpc_url)


def own_factory() -> str | None:
    """Return the factory that the environment names, where it is not the one of every chain. Asks nobody."""
    return os.environ.get("REVSHARE_FACTORY") or None


def account_of(account: str | None, password_file: Path | None = None) -> Account:
    """Return what `--account` names: the signer in a keystore file or in KMS, an address, or None.

    The password is asked for on the terminal unless `password_file` has it. That others can read the keystore
    is said on standard error.

    Raises InvalidInput for a file that is no keystore, a wrong password, a private key in place of a file,
    and where there is nobody to ask; OSError for files that cannot be read; MissingExtra without boto3.
    """
    from revshare.chain.signers import KeystoreExposed, address_or_none, load_keystore

    in_kms = account is not None and account.startswith("kms:")
    if account is None or in_kms or address_or_none(account) is not None:
        if password_file is not None:
            raise InvalidInput("--password-file opens a keystore: name that by --account")
        return _in_kms(account) if account is not None and in_kms else account
    with warnings.catch_warnings(record=True) as said, ExitStack() as opening:
        warnings.simplefilter("always", KeystoreExposed)

        def password() -> str:
            given = _password(account, password_file)
            opening.enter_context(busy("opening the keystore"))  # made to take a while
            return given

        try:
            signer = load_keystore(account, password)
        except FileNotFoundError:
            if not re.fullmatch("(0[xX].*|[0-9a-fA-F]{40,})", account):
                raise
            # A digit too many or too few, and it may be a private key: so neither it nor the cause is shown.
            raise InvalidInput(
                "--account is neither an address, which has 40 digits after 0x, nor a file that is there"
            ) from None
    for warning in said:
        typer.echo(f"revshare: {warning.message}", err=True)
    return signer


def _in_kms(account: str) -> Account:
    from revshare.chain.kms import KmsSigner

    return KmsSigner(account.removeprefix("kms:"))


def asks(password_file: Path | None) -> bool:
    """Whether somebody can be asked for a password, and will be."""
    return password_file is None and sys.stdin.isatty()


def agreement_name(agreement: str | None) -> str | None:
    """Return the name of an agreement given by its name or its file. Raises AgreementError for a bad file."""
    if agreement is None or not Path(agreement).is_file():
        return agreement
    from revshare.agreement import Agreement

    return Agreement.load(agreement).name


def unknown_agreement(name: str | None, known: Iterable[str]) -> InvalidInput:
    """Return the error for an agreement that a ledger has no sales of, which names those it has."""
    others = ", ".join(map(repr, known)) or "none at all"
    return InvalidInput(f"the ledger has no sales of {name!r}; of {others}")


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def receipt_as_dict(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as plain data: bytes as 0x…, each event with its kind."""
    plain = {name: value for name, value in vars(receipt).items() if name not in ("events", "approvals")}
    plain["events"] = [{"kind": type(event).__name__} | _plain(vars(event)) for event in receipt.events]
    plain["approvals"] = [receipt_as_dict(approval) for approval in receipt.approvals]
    return plain


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def _password(keystore: str, file: Path | None) -> str:
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(f"{file} is not UTF-8 text") from None  # and do not show it
        return text.removesuffix("\n").removesuffix("\r")
    if not asks(file):
        raise InvalidInput(f"there is nobody to ask for the password of {keystore}: give --password-file")
    return str(typer.prompt(f"Password of {keystore}", hide_input=True, err=True))


def busy(what: str) -> AbstractContextManager[object]:
    """Show on the terminal, if there is one, that something is going on for as long as the block lasts."""
    from rich.console import Console

    return Console(stderr=True).status(what) if sys.stderr.isatty() else nullcontext()
