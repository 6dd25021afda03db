"""How shares and slices of revenue are written for people, wherever they are shown."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from revshare.money import Token

if TYPE_CHECKING:
    from revshare._enforcement import Enforcement

__all__ = ["NOT_TAX_ADVICE", "because", "counted", "share_text", "slice_text"]

NOT_TAX_ADVICE = "withheld at the rates that the agreement states: they are data, not tax advice"


def counted(number: int, what: str) -> str:
    """Return how many there are of something whose name takes an s: ``1 line``, ``1,259 lines``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def share_text(share: Fraction) -> str:
    """Return a share in per cent, cut after four decimals and marked when that is not all: ``66.6666… %``."""
    if not share:
        return "–"
    scaled = share * 1_000_000
    whole, decimals = divmod(int(scaled), 10_000)
    text = f"{whole}.{decimals:04d}".rstrip("0").rstrip(".")
    return f"{text} %" if scaled.denominator == 1 else f"{text}… %"


def slice_text(token: Token, start: int, end: int | None) -> str:
    """Return a slice of cumulative revenue, in base units, as ``0.00 to 2,000.50``, or ``2,000.50 on``."""
    first = token.format(start, grouped=True)
    return f"{first} on" if end is None else f"{first} to {token.format(end, grouped=True)}"


def because(one: Enforcement, token: Token) -> str:
    """Return why a rule is enforced as it is, and from which revenue on it has done its work."""
    done = "" if one.spent is None else f"; done at {token.format(one.spent, grouped=True)}"
    return one.why + done
