"""What the contracts need of a chain's EVM, tried by a call before anything is deployed.

On a chain that lacks an opcode a deployment may go through all the same, and the first payment would burn all
its gas. So each opcode runs in a contract of its own, which a program of old opcodes creates, calls with
little gas and reports on: one question, answered by the chain itself. A missing opcode ends one of those
calls, not the question; so a node that fails to answer is not taken for a chain that cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from revshare.chain.chains import Chain
from revshare.chain.node import Node
from revshare.errors import ContractError, ProviderError, UnsupportedChain

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["NEEDED", "require_opcodes"]

_ANSWER = "60005260206000f3"  # returns the word on the stack
_OLD = "6001" + _ANSWER
NEEDED = {
    "PUSH0": "5f15" + _ANSWER,  # whether what it pushes is 0
    "MCOPY": "60016020526020602060005e" + "60206000f3",  # a 1 in memory, copied
    "TLOAD": "60005c15" + _ANSWER,  # whether what was never stored is 0
    "TSTORE": "600160005d" + _OLD,
}
"""Opcode → code that answers 1 where the chain has it: what `evmVersion` of the artifacts, cancun, needs."""

_GAS = 30_000  # each opcode needs a few hundred
_RETURN, _REVERT = "f3", "fd"

_able: WeakKeyDictionary[Web3, set[int]] = WeakKeyDictionary()
"""The chains that have shown, behind a Web3, that they have them all."""


def require_opcodes(node: Node) -> None:
    """Raise UnsupportedChain, which names what is missing, unless the chain has every opcode in `NEEDED`.

    A good answer is remembered for as long as the node's Web3 lives. Where the node answers neither a call
    nor an estimate without a recipient, a chain that the table of chains has checked is believed.

    Raises ProviderError where neither says anything.
    """
    chain_id = node.chain_id()
    if chain_id in _able.get(node.w3, ()):
        return
    chain = Chain.of(chain_id)
    try:
        has = _asked(node)
    except ProviderError:
        if chain.cancun and "cancun" not in chain.unverified:
            return
        raise
    missing = [name for name, there in zip(NEEDED, has, strict=True) if not there]
    if missing:
        raise UnsupportedChain(missing, chain_id=chain_id, chain=chain.name if chain.known else None)
    _able.setdefault(node.w3, set()).add(chain_id)


def _asked(node: Node) -> tuple[bool, ...]:
    """Return which of the opcodes the chain has, in the order of `NEEDED`."""
    try:
        found = _read(node.call({"data": "0x" + _program(_RETURN)}))
        failed = None
    except (ContractError, ProviderError) as error:  # some nodes call nothing without a recipient
        found, failed = None, error
    if found is None:
        try:
            node.estimate_gas({"data": "0x" + _program(_REVERT)})
        except ContractError as refused:
            found = _read(refused.data)
        except ProviderError as error:
            failed = failed or error
    if found is None:
        raise ProviderError(
            "the node does not say whether the chain has the opcodes that the contracts need; try again, or "
            "another node" + (f" ({failed})" if failed else ""),
            method="eth_call",
        ) from failed
    return found


def _read(answer: bytes) -> tuple[bool, ...] | None:
    """Return what an answer says; None where nothing was run, not even what every chain can."""
    words = [answer[at : at + 32] for at in range(0, len(answer), 32)]
    yes = (1).to_bytes(32, "big")
    if len(answer) != 32 * (1 + len(NEEDED)) or words[0] != yes:
        return None
    return tuple(word == yes for word in words[1:])


def _program(end: str) -> str:
    """Return init code that tries everything and ends with the answers: one word each, the first always 1.

    For each code it puts 32, the place of the answer, and three zeros on the stack; copies init code that
    returns that code to memory behind the answers; creates; calls what it created; drops whether that worked.
    """
    codes = [bytes.fromhex(code) for code in (_OLD, *NEEDED.values())]
    # PUSH1 length, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN: eleven bytes, then the code.
    inits = [bytes.fromhex(f"60{len(code):02x}80600b6000396000f3") + code for code in codes]
    answers = 32 * len(codes)
    step = "6020 61{place:04x} 6000 6000 6000 61{size:04x} 61{at:04x} 61{memory:04x} 39"
    step += " 61{size:04x} 61{memory:04x} 6000 f0 61{gas:04x} f1 50"
    ending = f"61{answers:04x} 6000 {end}"
    sample = bytes.fromhex(step.format(place=0, size=0, at=0, memory=0, gas=0))
    at = len(sample) * len(codes) + len(bytes.fromhex(ending))
    program = b""
    for place, init in enumerate(inits):
        program += bytes.fromhex(
            step.format(place=32 * place, size=len(init), at=at, memory=answers, gas=_GAS)
        )
        at += len(init)
    return (program + bytes.fromhex(ending) + b"".join(inits)).hex()
