"""What OddToken (mocks/Trust.sol) can answer and do, and what is a payment then (lib/Delivery.sol)."""

from __future__ import annotations

UNIT = 1_000
ANSWERS = {
    "true": (1, 32),
    "nothing": (0, 0),
    "false": (0, 32),
    "two": (2, 32),
    "amount": (UNIT, 32),
    "a byte": (1 << 248, 1),
    "31 bytes": (1 << 8, 31),
    "false and more": (0, 64),
    "true and more": (1, 64),
}
"""A word, and how many bytes of it."""
CLEAN = {"true", "nothing", "true and more"}
MOVES = {"none": 0, "part": 400, "exactly": 1_000, "more": 1_500, "grew": -300}
"""Thousandths of the amount that leave."""


def pays(answer: str, move: str) -> bool:
    """If not, it has not happened."""
    return answer in CLEAN or move == "exactly"
