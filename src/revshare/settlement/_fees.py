"""What is offered for gas, and how much more when a transaction is stuck. All in wei per gas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from revshare.chain.node import Node
from revshare.errors import FeesTooHigh

__all__ = ["Fees", "market", "raised", "usual_gas"]

_USUAL = {"approve": 47_000, "remit": 105_000, "distribute": 60_000}
_EACH = 36_000


@dataclass(frozen=True)
class Fees:
    """The most that is paid, and of that the proposer's tip; None on chains without a base fee."""

    most: int
    tip: int | None

    def given(self) -> dict[str, Any]:
        """As `Call.sign` takes them."""
        if self.tip is None:
            return {"gas_price": self.most}
        return {"max_fee_per_gas": self.most, "max_priority_fee_per_gas": self.tip}

    def fields(self) -> dict[str, int]:
        """As a transaction has them."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


def usual_gas(step: str, payees: int = 0) -> int:
    """Return the gas that a step uses as a rule, where the node cannot estimate it yet; see docs/gas.md."""
    return _USUAL[step] + _EACH * payees


def market(node: Node, tip: int | None, cap: int | None) -> Fees:
    """Return what gets a transaction into the next blocks.

    tip: as the node suggests it; None on a chain without a base fee. cap: the most that may be offered; None:
    no limit.

    Raises FeesTooHigh where that would not do.
    """
    head = node.block()
    base = head.base_fee if head else None
    if base is None or tip is None:
        price = node.gas_price()
        if cap is not None and price > cap:
            raise FeesTooHigh(price, cap)
        return Fees(price, None)
    if cap is not None and base >= cap:
        raise FeesTooHigh(base, cap)
    # Twice the base fee holds for six full blocks in a row.
    most = 2 * base + tip if cap is None else min(2 * base + tip, cap)
    return Fees(most, min(tip, most))


def raised(old: Fees, now: Fees, cap: int) -> Fees | None:
    """Return fees that nodes accept in place of `old`: a tenth more of both, or those of the moment if they
    are higher.

    None when that is beyond `cap`.
    """
    least = Fees(_tenth_more(old.most), None if old.tip is None else _tenth_more(old.tip))
    most = max(least.most, min(now.most, cap))
    if most > cap:
        return None
    if least.tip is None:
        return Fees(most, None)
    return Fees(most, min(max(least.tip, now.tip or 0), most))


def _tenth_more(fee: int) -> int:
    return fee + fee // 10 + 1
