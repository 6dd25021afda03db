"""An agreement brought to a chain: its token found and checked."""

from __future__ import annotations

from revshare._governance import Governance
from revshare.agreement import Agreement
from revshare.chain.chains import Chain, refuse_alias
from revshare.chain.node import Node
from revshare.chain.terms import COIN, Terms
from revshare.chain.tokens import token_address, token_at
from revshare.errors import InvalidInput
from revshare.money import Token
from revshare.schedule import Schedule

__all__ = ["Deal", "governance_in", "terms_of"]

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


def governance_in(deal: Deal) -> Governance | None:
    """Who may amend the terms, as far as people agreed on it."""
    return deal.governance if isinstance(deal, Agreement) else None
