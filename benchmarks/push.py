"""How many payees one transaction can pay: one may have 16,777,216 gas at most (EIP-7825).

    python benchmarks/push.py [--markdown]

Each number is found by trying: that many are paid by a transaction with all that gas, one more are not.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from _gas import MOST, Meter, Split, address
from revshare.chain import COIN

CAP = 16_777_216
_ENDLESS = bytes.fromhex("625b5f565f526003601df3")
"""Deploys code that burns all the gas it is given."""


class Tries:
    """Distributions to as many payees of a kind as asked for, each by a split of its own."""

    def __init__(self, *, erc20: bool = False, warm: bool = False, hostile: bool = False) -> None:
        self.meter = Meter()
        self.asset = self.meter.token.address if erc20 else COIN
        self.warm, self.hostile = warm, hostile
        self._known: list[str] = []
        self._tries = 0

    def split(self, payees: int) -> Split:
        """A split that has something to distribute."""
        self._tries += 1
        terms = self.meter.terms(payees, self.asset, payees=self._payees(payees))
        split, _ = self.meter.create(terms, self._tries.to_bytes(32, "big"))
        if self.warm:
            self.meter.fund(split)
            assert self._send(split, 2 * MOST)["status"] == 1
        self.meter.fund(split)
        return split

    def used(self, payees: int) -> int:
        """Gas of a distribution."""
        return int(self._send(self.split(payees), MOST)["gasUsed"])

    def fits(self, payees: int) -> bool:
        """Whether a distribution gets through with all the gas there may be."""
        return bool(self._send(self.split(payees), CAP)["status"])

    def most(self) -> int:
        """The number of payees that fits while one more does not."""
        few, more = 20, 60
        each = (self.used(more) - self.used(few)) / (more - few)
        found = int((CAP - self.used(few)) / each) + few
        while not self.fits(found):
            found -= 1
        while self.fits(found + 1):
            found += 1
        return found

    def _send(self, split: Split, gas: int) -> Any:
        function = split.contract.functions.distribute(split.terms.encoded, self.asset)
        sent = function.transact({"from": self.meter.chain.owner, "gas": gas})
        return self.meter.chain.w3.eth.wait_for_transaction_receipt(sent)

    def _payees(self, number: int) -> list[str]:
        """New accounts; where they shall not be new, or are costly to make, the same ones every time."""
        if not (self.warm or self.hostile):
            return [address(f"payee {i} of try {self._tries}") for i in range(number)]
        while len(self._known) < number:
            self._known.append(self._endless() if self.hostile else self._holder(len(self._known)))
        return self._known[:number]

    def _holder(self, number: int) -> str:
        who = address(f"holder {number}")
        if self.asset == COIN:
            self.meter.chain.coin(who, 1)
        else:
            self.meter.chain.gas(self.meter.token.functions.transfer(who, 1))
        return who

    def _endless(self) -> str:
        chain = self.meter.chain
        sent = chain.w3.eth.send_transaction({"from": chain.owner, "data": _ENDLESS, "gas": 10**6})
        return str(chain.w3.eth.wait_for_transaction_receipt(sent)["contractAddress"])


KINDS: dict[str, Callable[[], Tries]] = {
    "coin, to accounts that hold nothing yet": Tries,
    "coin, warm": lambda: Tries(warm=True),
    "ERC-20, to accounts that hold nothing yet": lambda: Tries(erc20=True),
    "ERC-20, warm": lambda: Tries(erc20=True, warm=True),
    "coin, every payee burning all its gas, the first time": lambda: Tries(hostile=True),
    "coin, every payee burning all its gas, later": lambda: Tries(hostile=True, warm=True),
}


def limits() -> Iterator[tuple[str, int]]:
    """(what is pushed, how many payees fit)."""
    for name, make in KINDS.items():
        yield name, make().most()


def markdown() -> str:
    """The numbers as a table."""
    lines = ["| pushed | payees that fit |", "|---|--:|"]
    lines += [f"| {name} | {most:,} |" for name, most in limits()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the embedded chain's own
        if "--markdown" in sys.argv:
            print(markdown(), end="")
        else:
            for name, most in limits():
                print(f"{name:55} {most:6,}", flush=True)
