"""Addresses as callers give them: checked before anything is made of them."""

from __future__ import annotations

from revshare._fields import check_address
from revshare._model import Refusal
from revshare.errors import InvalidInput

__all__ = ["NOBODY", "given_address"]

NOBODY = "0x" + "00" * 20


def given_address(value: object, what: str = "address", *, or_nobody: bool = False) -> str:
    """Return an address that a caller gave, in EIP-55 form. what: which of the arguments it is.

    or_nobody: the zero address is allowed, which stands for the coin, and for nobody.

    Raises InvalidInput unless it is an address as text, its checksum right where it has one: who mistypes an
    address must not lose what is sent there.
    """
    if or_nobody and value == NOBODY:
        return NOBODY
    try:
        return check_address(value)
    except Refusal as refusal:
        raise InvalidInput(f"{what} {refusal.what}") from None
