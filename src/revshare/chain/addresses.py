"""Addresses as callers give them: checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable

from revshare._fields import check_address
from revshare._model import Refusal
from revshare.errors import InvalidInput

__all__ = ["NOBODY", "given_address", "payee_among"]

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


def payee_among(given: str, payees: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return name and address of the payee that a caller gave by either; None where there is none.

    Addresses come first: no name may stand in the place of somebody else's address.
    """
    known, wanted = [*payees], str(given).lower()
    of_address = (entry for entry in known if entry[1].lower() == wanted)
    return next(of_address, None) or next((entry for entry in known if entry[0] == given), None)
