"""A slice of the revenue and how it is shared, as an agreement file writes it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm
from typing import Annotated

from pydantic import AfterValidator, Field

from ._fields import WEIGHT_LIMIT, PayeeName, Share, Until, percent, percent_text
from ._model import Frozen, Model, Refusal

MAX_PAYEES = 400
"""So many payments still fit one transaction of the contract."""
MAX_IN_BOOK = 100_000
"""So many payees an agreement may have that is paid through a payout book."""
MAX_TIERS = 8
MAX_STEPS = 32
"""So many steps a progressive rate may have."""
UNTIL_LIMIT = 2**127
"""A tier ends below this many base units: more revenue the contract does not count."""


def weights_of(shares: Mapping[str, int | str]) -> dict[str, int]:
    """Return a tier's shares as integer weights: as written, or the smallest that give the percentages."""
    percents = {payee: percent(share) for payee, share in shares.items() if isinstance(share, str)}
    if not percents:
        return {payee: int(share) for payee, share in shares.items()}
    scale = lcm(*(part.denominator for part in percents.values()))
    weights = {payee: int(part * scale) for payee, part in percents.items()}
    common = gcd(*weights.values()) or 1
    return {payee: weight // common for payee, weight in weights.items()}


def _shares(shares: dict[str, int | str]) -> dict[str, int | str]:
    """Check the shares of a tier together: one kind, exactly 100 %, small enough for the contract."""
    texts = {payee for payee, share in shares.items() if isinstance(share, str)}
    if texts and len(texts) < len(shares):
        odd = next(payee for payee in shares if payee not in texts)
        raise Refusal(
            f"percentages and whole numbers are mixed ({odd} = {shares[odd]})",
            "write all shares of a tier as percentages, or all as whole numbers",
        )
    if texts:
        total = sum((percent(str(share)) for share in shares.values()), Fraction(0))
        if total != 100:
            miss = f"{percent_text(abs(total - 100))} too {'much' if total > 100 else 'little'}"
            fix = "make them sum to exactly 100%"
            if len(set(shares.values())) == 1:  # such as three times 33.33%
                fix += ", or share equally by whole numbers: 1 for each"
            raise Refusal(f"the percentages sum to {percent_text(total)}, which is {miss}", fix)
    weights = weights_of(shares)
    if not any(weights.values()):
        raise Refusal("nobody has a share", "give at least one payee a share above zero")
    if max(weights.values()) >= WEIGHT_LIMIT:
        raise Refusal(
            f"as whole numbers these percentages need a weight of {max(weights.values())}",
            f"use fewer decimals: weights are less than {WEIGHT_LIMIT}",
        )
    return shares


Shares = Annotated[
    dict[PayeeName, Share],
    Field(
        min_length=1,
        max_length=MAX_IN_BOOK,
        description='Payee and share: percentages like "12.5%" that sum to 100 %, or whole numbers.',
    ),
    AfterValidator(_shares),
    Frozen,
]


class Tier(Model):
    """A slice of the revenue and how it is shared.

    until: cumulative revenue at which the tier ends, in whole tokens, as text; None for the last tier.
    shares: payee → integer weight or percentage, as written.
    """

    until: Annotated[
        Until | None,
        Field(description="Cumulative revenue, in whole tokens, at which the tier ends; none for the last."),
    ] = None
    shares: Shares

    def weights(self) -> dict[str, int]:
        """Return the integer weight of each payee named in this tier."""
        return weights_of(self.shares)
