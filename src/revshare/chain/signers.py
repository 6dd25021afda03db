"""Who sends: a signer that keeps its own key, or an account of the node or of the user's web3.

A `Signer` is a small thing, so that keys can stay where they are: an address, and `sign_transaction`. Any
account of eth-account is one, and `revshare.chain.kms.KmsSigner`; docs/signers.md shows one of your own. What
holds a key here is never shown, logged or stored, and no error carries it, nor do the errors' causes.
"""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from eth_utils.address import to_checksum_address

from revshare.chain.node import Node
from revshare.errors import InvalidInput

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

__all__ = [
    "Account",
    "KeystoreExposed",
    "Sender",
    "Signer",
    "address_or_none",
    "load_keystore",
    "sender",
    "sign",
]


@runtime_checkable
class Signer(Protocol):
    """What has an address and signs transactions: any account of eth-account, or an adapter of your own."""

    @property
    def address(self) -> str:
        """The address that the transactions come from."""
        ...

    def sign_transaction(self, transaction_dict: Any) -> Any:
        """Sign a transaction, a dict as eth-account takes it, without `from`.

        Return the signed bytes, or an object with them in `raw_transaction`, as eth-account does.
        """
        ...


_MOST_BRACKETS = 1_000

Account = Signer | str | None
"""An account as callers give it: a signer, the address of one the node holds, or None for the default."""


@dataclass(frozen=True)
class Sender:
    """Where transactions come from. `signer` is None where the node, or a web3 middleware, signs."""

    address: str
    signer: Signer | None = None

    def __repr__(self) -> str:
        return f"Sender({self.address})"  # a signer might show its key


def sender(node: Node, account: Account) -> Sender:
    """Return who sends for `account`: it, or web3's default account, or the node's first.

    Raises InvalidInput when there is none, and for a private key or anything else that cannot sign.
    """
    if isinstance(account, str):
        return Sender(_address(account))
    if account is not None:
        if not isinstance(account, Signer):
            raise InvalidInput(
                f"account must be a signer, such as eth_account.Account.from_key(…), or an address that the "
                f"node holds, not {type(account).__name__}"
            )
        return Sender(to_checksum_address(account.address), account)
    default = node.default_account() or next(iter(node.accounts()), None)
    if default is None:
        raise InvalidInput("the node holds no account: pass account=, a signer of eth-account for one")
    return Sender(to_checksum_address(default))


def sign(signer: Signer, transaction: Mapping[str, Any]) -> bytes:
    """Return the bytes of `transaction`, signed."""
    signed = signer.sign_transaction({key: value for key, value in transaction.items() if key != "from"})
    return bytes(getattr(signed, "raw_transaction", signed))


class KeystoreExposed(UserWarning):
    """A keystore file that others on the machine can read, or change."""


def load_keystore(path: str | Path, password: str | Callable[[], str]) -> LocalAccount:
    """Return the signer in an encrypted keystore file (version 3), as geth, cast and eth-account write them.

    password: or what asks for it, which is called when the file is known to be a keystore. Warns
    (KeystoreExposed) of a file that is not its owner's alone.

    Raises InvalidInput for another file and for a wrong password, OSError where the file cannot be read.
    """
    text = Path(path).read_bytes()
    try:
        # Brackets by the thousand can overflow the parser's stack, and end the process.
        stored = json.loads(text) if text.count(b"[") + text.count(b"{") <= _MOST_BRACKETS else None
    except ValueError:
        stored = None
    if not isinstance(stored, dict) or not {"crypto", "Crypto"} & stored.keys():
        raise InvalidInput(f"{path} is not a keystore")
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        warnings.warn(
            f"{path} can be read or changed by others (mode {mode:03o}): chmod 600 {path}",
            KeystoreExposed,
            stacklevel=2,
        )
    found = _decrypt(stored, password if isinstance(password, str) else password())
    del password
    if not isinstance(found, str):
        return found
    raise InvalidInput(found.format(path))


def _decrypt(stored: Mapping[str, Any], password: str) -> LocalAccount | str:
    """Return the account, or what to say of the file in place of {}.

    Errors end here: their frames hold the password, and tools that show a traceback with its variables would
    show that.
    """
    from eth_account import Account as Accounts

    try:
        made: LocalAccount = Accounts.from_key(Accounts.decrypt(dict(stored), password))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        NotImplementedError,
        OverflowError,
        MemoryError,
    ) as error:
        wrong = "MAC mismatch" in str(error)
        return "that is not the password of {}" if wrong else "{} is not a keystore of version 3"
    return made


def address_or_none(account: str) -> str | None:
    """Return `account` as an address with its checksum, or None for other text.

    Raises InvalidInput for what looks like a private key, and does not show it.
    """
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", account):
        raise InvalidInput(
            "account looks like a private key: make a signer of it with eth_account.Account.from_key(…), or "
            "keep it in a keystore"
        )
    return to_checksum_address(account) if re.fullmatch(r"0x[0-9a-fA-F]{40}", account) else None


def _address(account: str) -> str:
    address = address_or_none(account)
    if address is None:
        raise InvalidInput(f"account is not an address: {account!r}")
    return address
