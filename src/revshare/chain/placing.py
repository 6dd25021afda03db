"""Contracts at addresses known beforehand: the same on every chain, whoever places them.

They go through the common CREATE2 deployer, by which an address follows from the contract's init code and a
salt alone. So whoever places one twice finds it, and nobody can put another there.
"""

from __future__ import annotations

from contextlib import suppress

from revshare.chain.calls import Call
from revshare.chain.clones import create2_address
from revshare.chain.deployment import deployed
from revshare.chain.forks import require_opcodes
from revshare.chain.node import Node
from revshare.chain.signers import Account
from revshare.chain.transactions import broadcast
from revshare.errors import ChainError

__all__ = ["DEPLOYER", "DEPLOYER_COST", "DEPLOYER_SENDER", "canonical_address", "gift", "place", "request"]

DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The common CREATE2 deployer (Arachnid's proxy): salt ‖ init code in, contract out."""

# Nobody signed the transaction that places it: its signature is a pattern, its sender who that makes it be.
DEPLOYER_SENDER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
DEPLOYER_COST = 10**16
"""Wei that its sender needs."""
_DEPLOYER_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222"
    "222222222222222222222222222222222222222222222222222222222222a0222222222222222222222222222222222222222222"
    "2222222222222222222222"
)


def canonical_address(init_code: bytes, salt: int = 0) -> str:
    """Return where the contract of this init code, constructor arguments included, is on every chain."""
    return create2_address(DEPLOYER, salt.to_bytes(32, "big"), init_code)


def request(node: Node, init_code: bytes, salt: int = 0) -> tuple[str | None, bytes]:
    """Return recipient and data of the transaction that places a contract, as the chain is now.

    Without a recipient it deploys plainly: where the deployer is not there yet, for that costs about as much.
    """
    if node.code(DEPLOYER):
        return DEPLOYER, salt.to_bytes(32, "big") + init_code
    return None, init_code


def gift(node: Node) -> int:
    """Return the wei that the deployer's sender has to be given first; 0 where the deployer is there."""
    return 0 if node.code(DEPLOYER) else max(0, DEPLOYER_COST - node.balance(DEPLOYER_SENDER))


def place(
    node: Node, account: Account, contract: str, init_code: bytes, called: str, *, salt: int = 0
) -> str:
    """Return where the contract of this init code is, placing it there if it is not yet.

    Where a chain has no CREATE2 deployer, that is placed first, by its well-known transaction, whose sender
    is given 0.01 coin for it. Where the node refuses that transaction (it bears no chain id), that coin is
    lost and the contract is deployed plainly, at any address, anew each time.

    contract: its name, for errors. called: what people call it.

    Raises UnsupportedChain before anything is sent, InsufficientFunds, and what else sending may raise.
    """
    address = canonical_address(init_code, salt)
    if node.code(address):
        return address
    require_opcodes(node)
    if not _place_deployer(node, account):
        return deployed(node, account, contract, init_code, called)
    try:
        _send(node, account, DEPLOYER, salt.to_bytes(32, "big") + init_code)
    except ChainError:  # unless somebody was quicker, which is as well
        if not node.code(address):
            raise
    return address


def _place_deployer(node: Node, account: Account) -> bool:
    """Place the CREATE2 deployer if there is none; return whether there is one now."""
    if node.code(DEPLOYER):
        return True
    missing = gift(node)
    if missing:
        _send(node, account, DEPLOYER_SENDER, b"", missing)
    # Refused, or priced out: then there is none, which is all that matters.
    with suppress(ChainError):
        broadcast(node, _DEPLOYER_TRANSACTION).wait(timeout=60)
    return bool(node.code(DEPLOYER))


def _send(node: Node, account: Account, to: str, data: bytes, value: int = 0) -> None:
    Call(node, node.chain_id(), "deployment", "", to, data, value, account).send()
