"""A virtual machine whose coin can be moved by a contract, as on chains where the coin is a token as well.

Celo's has a precompile at 0xfd for that, which its token alone may call; here anybody may:
https://specs.celo.org/token_duality.html
"""

from __future__ import annotations

from typing import Any

from eth.exceptions import OutOfGas
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState

TRANSFER = bytes(19) + b"\xfd"
GAS = 9_000


def transfer(computation: Any) -> Any:
    """(from, to, amount): move coin, without a call to whom it reaches."""
    computation.consume_gas(GAS, reason="coin as a token")
    data = computation.msg.data_as_bytes
    giver, taker, amount = data[12:32], data[44:64], int.from_bytes(data[64:96], "big")
    if len(data) != 96 or computation.state.get_balance(giver) < amount:
        raise OutOfGas("refused")
    computation.state.delta_balance(giver, -amount)
    computation.state.delta_balance(taker, amount)
    return computation


class Computation(PragueComputation):
    _precompiles = {**PragueComputation._precompiles, TRANSFER: transfer}  # noqa: RUF012


class State(PragueState):
    computation_class = Computation


class Machine(PragueVM):
    """What World takes as its machine."""

    _state_class = State
