"""An agreement brought to a chain: its token found and checked, its split recognised."""

from __future__ import annotations

from revshare._governance import Governance
from revshare.agreement import Agreement
from revshare.chain import artifacts
from revshare.chain.chains import Chain, refuse_alias
from revshare.chain.clones import Clone, addresses_within, same_code
from revshare.chain.node import Node
from revshare.chain.terms import COIN, Terms
from revshare.chain.tokens import token_address, token_at
from revshare.errors import InvalidInput, NotDeployed
from revshare.money import Token
from revshare.schedule import Schedule

__all__ = ["Deal", "clone_at", "governance_in", "terms_of"]

Deal = Agreement | Schedule | Terms
"""What people agreed, in any of its forms."""


def terms_of(node: Node, deal: Deal, token: str | Token | None) -> Terms:
    """Return the terms of an agreement, for the token it is settled in on this chain.

    Raises InvalidInput when the token is missing, or is not the one that the agreement counts in;
    AliasedToken for a second address of a balance, such as that of the coin's own token; NotDeployed when
    there is no contract at its address.
    """
    chain_id = node.chain_id()
    if isinstance(deal, Terms):
        refuse_alias(chain_id, deal.token)
        if token is not None and _settlement_address(chain_id, deal.schedule.token, token) != deal.token:
            raise InvalidInput(f"these terms are for the token {deal.token}, not {token}")
        return deal
    schedule = deal.schedule() if isinstance(deal, Agreement) else deal
    address = _settlement_address(chain_id, schedule.token, token)
    on_chain = token_at(node, address)
    if on_chain.decimals != schedule.token.decimals:
        raise InvalidInput(
            f"the agreement counts in {schedule.token.symbol} with {schedule.token.decimals} decimals, and "
            f"{on_chain.symbol} at {address} has {on_chain.decimals}"
        )
    known = schedule.token.model_copy(update={"address": None if address == COIN else address})
    return Terms(Schedule(schedule.payees, schedule.addresses, schedule.tiers, known), address)


def _settlement_address(chain_id: int, counted: Token, token: str | Token | None) -> str:
    given = None if token is None else token_address(chain_id, token)
    if given is not None and counted.address is not None and given.lower() != counted.address.lower():
        raise InvalidInput(f"the agreement states the token {counted.address}, and another is given: {given}")
    if given is not None:
        return given
    if counted.address is not None:
        return token_address(chain_id, counted)
    chain = Chain.of(chain_id)
    if (counted.symbol, counted.decimals) != (chain.coin.symbol, chain.coin.decimals):
        on = f" on {chain}" if chain.known and not chain.is_development else ""
        raise InvalidInput(
            f"the agreement counts in {counted.symbol}: pass token=, its address on this chain (the coin is "
            f'meant only where the agreement says symbol = "{chain.coin.symbol}", decimals = '
            f"{chain.coin.decimals}{on})"
        )
    return COIN


def clone_at(node: Node, address: str) -> Clone:
    """Return what the split at `address` is made of.

    Raises NotDeployed where there is none, or none of this version.
    """
    code = node.code(address)
    if not code:
        raise NotDeployed(
            f"there is no contract at {address} on chain {node.chain_id()}. If that is the address of your "
            "agreement's split (RevenueSplit.predict_address), RevenueSplit.deploy creates it, and what was "
            "sent there is revenue",
            address=address,
        )
    clone = Clone.read(code)
    if clone is None or not _is_ours(node, clone):
        raise NotDeployed(
            f"the contract at {address} is not a RevenueSplit of this version of revshare", address=address
        )
    return clone


def _is_ours(node: Node, clone: Clone) -> bool:
    """Whether the code behind a clone is that of this version, and the back office behind that as well.

    The back office runs in the clone's name, so a stranger's could do anything with its money. What the
    constructors wrote into either must be what they write: their own addresses, and the back office's.
    """
    front, office = (
        ("AmendableSplit", "AmendableBackOffice") if clone.governance else ("RevenueSplit", "BackOffice")
    )
    code, artifact = node.code(clone.implementation), artifacts.load(front)
    if not same_code(code, artifact):
        return False
    written = addresses_within(code, artifact)
    if clone.implementation not in written or len(written) != 2:
        return False
    (behind,) = written - {clone.implementation}
    code, artifact = node.code(behind), artifacts.load(office)
    return same_code(code, artifact) and addresses_within(code, artifact) <= {behind}


def governance_in(deal: Deal) -> Governance | None:
    """Who may amend the terms, as far as people agreed on it."""
    return deal.governance if isinstance(deal, Agreement) else None
