"""Where the gas of distributions and claims goes, opcode by opcode, from anvil's trace.

    python benchmarks/opcodes.py [--markdown]

Fixed is what the protocol charges for what has to be done at all: the transaction and its calldata, accounts
and slots touched for the first time, value sent, the event. What is left is computing: ours, and the clone's.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from web3 import HTTPProvider, Web3

from _gas import FAR, NEAR, Chain, Meter, Split
from _npm import TOOLS
from revshare.chain import COIN

ANVIL = TOOLS / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
ROWS = {
    "transaction": "the transaction itself",
    "calldata": "calldata: 16 gas a byte, 4 a zero",
    "delegation": "the clone's call of its implementation, a cold account",
    "storage": "slots: each 2,100 cold, 2,900 rewritten, 100 written again",
    "payees": "payees: 2,600 cold, 9,000 for sending coin, less the stipend of 2,300 that comes back",
    "event": "the event",
    "hashing": "hashing the terms or the proof",
    "clone": "the clone's own code",
    "ours": "our own code",
}
FIXED = ("transaction", "calldata", "delegation", "storage", "payees", "event")


@dataclass(frozen=True)
class Account:
    """Where one transaction's gas went: by the names of ROWS. They sum to what it used."""

    what: str
    used: int
    spent: dict[str, int]

    @property
    def floor(self) -> int:
        """What it would cost if computing were free."""
        return sum(self.spent[name] for name in FIXED)


@contextmanager
def anvil() -> Iterator[Web3]:
    """A node that traces, for as long as the block lasts."""
    command = [
        str(ANVIL),
        "--port",
        "0",
        "--hardfork",
        "prague",
        "--gas-limit",
        "60000000",
        "--steps-tracing",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            heard = (re.match(r"Listening on (\S+)", line) for line in process.stdout)
            where = next(found for found in heard if found)
            yield Web3(HTTPProvider(f"http://{where[1]}", request_kwargs={"timeout": 120}))
        finally:
            process.kill()


def account(w3: Web3, what: str, hash_: Any) -> Account:
    """Sort a transaction's gas, step by step."""
    used = w3.eth.wait_for_transaction_receipt(hash_)["gasUsed"]
    traced = w3.provider.make_request(
        "debug_traceTransaction",  # type: ignore[arg-type]
        [Web3.to_hex(hash_), {"disableStorage": True, "disableStack": True}],
    )
    steps = traced["result"]["structLogs"]
    data = bytes(w3.eth.get_transaction(hash_)["input"])
    spent = Counter(dict.fromkeys(ROWS, 0))
    spent["transaction"], spent["calldata"] = 21_000, sum(16 if byte else 4 for byte in data)
    for step, following in pairwise(steps):
        name, own = _kind(step), step["gas"] - following["gas"]
        if following["depth"] > step["depth"]:  # what it hands on, the steps within will account for
            own = step["gas"] - _after(steps, step)["gas"] - _within(steps, step)
        elif following["depth"] < step["depth"]:
            own = step["gasCost"]
        spent[name] += own
    spent[_kind(steps[-1])] += steps[-1]["gasCost"]
    assert sum(spent.values()) == used, f"{what}: {sum(spent.values())} of {used} gas explained"
    return Account(what, used, dict(spent))


def _kind(step: dict[str, Any]) -> str:
    operation = step["op"]
    if operation == "DELEGATECALL":
        return "delegation"
    if operation in ("SLOAD", "SSTORE"):
        return "storage"
    if operation == "CALL":
        return "payees"
    if operation.startswith("LOG"):
        return "event"
    if operation == "KECCAK256":
        return "hashing"
    return "clone" if step["depth"] == 1 else "ours"


def _after(steps: list[dict[str, Any]], call: dict[str, Any]) -> dict[str, Any]:
    """The first step after a call has come back."""
    at = steps.index(call) + 1
    return next(step for step in steps[at:] if step["depth"] == call["depth"])


def _within(steps: list[dict[str, Any]], call: dict[str, Any]) -> int:
    """Gas used in a call."""
    at = steps.index(call) + 1
    inner = [
        step for step in steps[at : steps.index(_after(steps, call))] if step["depth"] == call["depth"] + 1
    ]
    return int(inner[0]["gas"] - inner[-1]["gas"] + inner[-1]["gasCost"])


def accounts() -> tuple[list[Account], list[Account]]:
    """Of warm distributions and claims of coin: with one tier, and distributions with three."""
    with anvil() as w3:
        meter = Meter(Chain(w3))
        found, tiers = [], []
        for count in (2, 10, 100):
            split, _ = meter.create(meter.terms(count))
            meter.distributions(split)
            meter.fund(split)
            found.append(account(w3, f"distribute to {count}", _distribute(meter, split)))
            if count > 2:
                meter.claims(split)
                meter.fund(split)
                found.append(account(w3, f"claim, 1 of {count}", _claim(meter, split)))
        for what, untils in (
            ("one tier", ()),
            ("three, one reached", FAR),
            ("three, all filled at once", NEAR),
        ):
            split, _ = meter.create(meter.terms(100, untils=untils), 1)
            meter.fund(split)
            meter.distribute(split)
            meter.fund(split)
            tiers.append(account(w3, what, _distribute(meter, split)))
        return found, tiers


def _distribute(meter: Meter, split: Split) -> Any:
    return split.contract.functions.distribute(split.terms.encoded, COIN).transact(
        {"from": meter.chain.owner, "gas": 30_000_000}
    )


def _claim(meter: Meter, split: Split) -> Any:
    schedule = split.terms.schedule
    which = split.terms.order[0]
    proof = split.terms.proof(schedule.payees[which])
    return split.contract.functions.claim(schedule.addresses[which], proof, COIN).transact(
        {"from": meter.chain.owner, "gas": 30_000_000}
    )


def markdown(found: list[Account]) -> str:
    """The accounts as a table."""
    lines = ["| gas | " + " | ".join(each.what for each in found) + " |"]
    lines.append("|---|" + "--:|" * len(found))
    for name, text in ROWS.items():
        lines.append(f"| {text} | " + " | ".join(f"{each.spent[name]:,}" for each in found) + " |")
    lines.append("| **in all** | " + " | ".join(f"**{each.used:,}**" for each in found) + " |")
    floors = [f"{each.floor:,}" for each in found]
    lines.append("| the first six alone: the floor | " + " | ".join(floors) + " |")
    shares = [f"{(each.used - each.floor) / each.used:.1%}" for each in found]
    lines.append("| what is above it | " + " | ".join(shares) + " |")
    return "\n".join(lines) + "\n"


def compared(found: list[Account], payees: int) -> str:
    """The accounts as a table, each compared with the first, which has one tier."""
    mine = [each.spent["ours"] / payees for each in found]
    more = [f"{each.used / found[0].used - 1:+.1%}" for each in found[1:]]
    lines = [
        "| our own code, for each payee | " + " | ".join(f"{each:,.0f}" for each in mine) + " |",
        "| more than with one tier | | " + " | ".join(more) + " |",
    ]
    return markdown(found) + "\n".join(lines) + "\n"


def show(found: list[Account], title: str) -> None:
    """Print the accounts as a table on a screen."""
    from rich.console import Console
    from rich.table import Table

    table = Table("gas", title=title)
    for each in found:
        table.add_column(each.what, justify="right")
    for name, text in ROWS.items():
        table.add_row(
            text, *(f"{each.spent[name]:,}" for each in found), end_section=name in ("event", "ours")
        )
    table.add_row("in all", *(f"{each.used:,}" for each in found))
    table.add_row("floor: without computing", *(f"{each.floor:,}" for each in found))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    if not ANVIL.exists():
        sys.exit("anvil is not here (npm has it for Linux on x86-64 only)")
    of_one_tier, of_three = accounts()
    if "--markdown" in sys.argv:
        print(markdown(of_one_tier), compared(of_three, 100), sep="\n", end="")
    else:
        show(of_one_tier, "Where the gas goes (coin, warm)")
        show(of_three, "Distributing to 100, with one tier and with three (coin, warm)")
