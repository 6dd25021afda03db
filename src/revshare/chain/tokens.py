"""Tokens as the chain has them: ERC-20, and what those that came before the standard do otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from revshare.chain.abi import interface
from revshare.chain.addresses import given_address
from revshare.chain.chains import Chain, refuse_alias
from revshare.chain.node import BlockId, Node
from revshare.chain.terms import COIN
from revshare.errors import ContractError, InvalidInput, NotDeployed
from revshare.money import MAX_DECIMALS, Token

__all__ = [
    "Allowance",
    "Permit",
    "allowance_of",
    "approvals",
    "balance_of",
    "coin",
    "permit_for",
    "token_address",
    "token_at",
]

_ERC20 = interface("DemoToken")


@dataclass(frozen=True)
class Allowance:
    """What a call draws of a token: `amount` units, by the contract `spender`, from whoever sends it."""

    token: str
    spender: str
    amount: int


@dataclass(frozen=True)
class Permit:
    """An ERC-2612 permit of whoever pays, as a wallet signed it. `deadline` is in seconds since 1970."""

    deadline: int
    v: int
    r: bytes
    s: bytes


def permit_for(token: str, permit: Permit) -> tuple[int, int, bytes, bytes]:
    """Return a permit as the contracts take it. Raises InvalidInput for the coin, or no permit."""
    if not isinstance(permit, Permit):
        raise InvalidInput(f"a Permit is meant, not {type(permit).__name__}")
    if token == COIN:
        raise InvalidInput("the coin knows no permits: it is sent along")
    for name in ("r", "s"):
        if len(getattr(permit, name)) != 32:
            raise InvalidInput(f"a permit's {name} must be 32 bytes")
    return permit.deadline, permit.v, permit.r, permit.s


def coin(chain_id: int = 1) -> Token:
    """The coin of a chain, by the table of chains; ETH with 18 decimals where that does not have it."""
    return Chain.of(chain_id).coin


def token_address(chain_id: int, token: str | Token | None) -> str:
    """Return the address of a token as callers give it: `COIN` for None, and for a Token without an address.

    Every handle finds the addresses of its tokens by this. Raises InvalidInput for what is no address,
    AliasedToken for a second address of a balance, by the table of chains.
    """
    given = token.address if isinstance(token, Token) else token
    if given is None:
        return COIN
    address = given_address(given, "token", or_nobody=True)
    refuse_alias(chain_id, address)
    return address


def balance_of(node: Node, token: str, owner: str, block: BlockId = "latest") -> int:
    """Units that `owner` has of the token at an address, or of the coin.

    Raises NotDeployed where there is no contract, or no longer, InvalidInput where it is not a token.
    """
    if token == COIN:
        return node.balance(owner, block)
    return _number(node, token, "balanceOf", owner, block=block)


def token_at(node: Node, address: str) -> Token:
    """Return the token at an address, with the decimals and symbol it states; of `COIN`, the chain's coin.

    Raises NotDeployed where there is no contract, InvalidInput where it is not a token.
    """
    if address == COIN:
        return coin(node.chain_id())
    if not node.code(address):
        raise _gone(address)
    decimals = _number(node, address, "decimals")
    if decimals > MAX_DECIMALS:
        raise InvalidInput(
            f"the token {address} says it has {decimals} decimals; at most {MAX_DECIMALS} are possible"
        )
    return Token(symbol=_symbol(node, address), decimals=decimals, address=address)


def allowance_of(node: Node, allowance: Allowance, owner: str) -> int:
    """Units that `owner` lets the spender draw."""
    return _number(node, allowance.token, "allowance", owner, allowance.spender)


def approvals(node: Node, allowance: Allowance, owner: str) -> Sequence[bytes]:
    """Return the calldata of each `approve` that `owner` must send for the spender to draw the amount.

    Exactly the amount is approved. Where the token refuses to change an allowance that is not zero, as USDT
    does, it is set to zero first.
    """
    allowed = allowance_of(node, allowance, owner)
    if allowed >= allowance.amount:
        return ()
    wanted = _ERC20.encode("approve", allowance.spender, allowance.amount)
    if allowed:
        try:
            node.call({"from": owner, "to": allowance.token, "data": "0x" + wanted.hex()})
        except ContractError:
            return _ERC20.encode("approve", allowance.spender, 0), wanted
    return (wanted,)


def _gone(token: str) -> NotDeployed:
    return NotDeployed(f"there is no contract at {token}, or no longer, so it is no token", address=token)


def _number(node: Node, token: str, function: str, *arguments: object, block: BlockId = "latest") -> int:
    try:
        data = _ask(node, token, function, *arguments, block=block)
    except ContractError as error:
        raise InvalidInput(f"{token} is not a token: it does not answer {function}") from error
    if len(data) < 32:
        if not node.code(token, block):
            raise _gone(token)
        raise InvalidInput(f"{token} is not a token: it does not answer {function}")
    return int.from_bytes(data[:32], "big")


def _symbol(node: Node, token: str) -> str:
    """The symbol, which may be missing, or 32 bytes as in the first tokens; then what is left of it."""
    try:
        data = _ask(node, token, "symbol")
    except ContractError:
        data = b""
    try:
        text = str(_ERC20.decode("symbol", data)["0"])
    except ValueError:
        text = data[:32].rstrip(b"\0").decode("utf-8", "replace")
    text = "".join(letter for letter in text if letter.isprintable() and not letter.isspace())
    return text[:32] or "token"


def _ask(node: Node, token: str, function: str, *arguments: object, block: BlockId = "latest") -> bytes:
    data = _ERC20.encode(function, *arguments)
    return node.call({"to": token, "data": "0x" + data.hex()}, block, f"token {token}")
