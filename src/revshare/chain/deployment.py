"""Contracts deployed one by one: what the chain must have is tried first, and their address comes back."""

from __future__ import annotations

from revshare.chain.calls import Call
from revshare.chain.forks import require_opcodes
from revshare.chain.node import Node
from revshare.chain.signers import Account
from revshare.errors import ChainError

__all__ = ["deployed"]


def deployed(node: Node, account: Account, contract: str, init_code: bytes, called: str) -> str:
    """Deploy a contract from its init code, constructor arguments included; return its address.

    contract: its name, for errors of its own. called: what people call it.

    Raises UnsupportedChain before anything is sent, and what sending may raise.
    """
    require_opcodes(node)
    made = Call(node, node.chain_id(), contract, "", None, init_code, account=account).send()
    if made.contract_address is None:
        raise ChainError(f"the node does not say where it deployed the {called}")
    return made.contract_address
