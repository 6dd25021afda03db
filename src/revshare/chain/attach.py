"""A handle on a split that is there: recognised, checked, and of the right kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revshare.agreement import Agreement
from revshare.chain.abi import interface
from revshare.chain.clones import Clone
from revshare.chain.deal import Deal
from revshare.chain.governance import governance_of
from revshare.chain.node import Node
from revshare.chain.reader import created_in, terms_in_log
from revshare.chain.recognise import clone_at
from revshare.chain.signers import Account
from revshare.chain.terms import Terms
from revshare.chain.tokens import token_at
from revshare.errors import InvalidInput, TermsMismatch

if TYPE_CHECKING:
    from revshare.chain.split import RevenueSplit

__all__ = ["attach", "check_governance", "newest_commitment", "original_terms", "refuse_other_terms"]


def attach(
    node: Node,
    address: str,
    terms: Terms | None,
    deal: Deal | None,
    account: Account,
    *,
    or_amended: bool = False,
    factory: str | None = None,
    anywhere: bool = False,
) -> RevenueSplit:
    """Return the handle on the split at `address`, an AmendableSplit where its terms may change.

    terms: those that count now; None reads them from the log. deal: what `terms` were made of. or_amended:
    `terms` may be those that the split was created with, whatever counts now. factory, anywhere: who made it,
    as `clone_at` takes them.

    Raises NotDeployed where there is no split of that factory's, TermsMismatch where there is one of other
    terms, or governed otherwise than the agreement says.
    """
    from revshare.chain.amendable import AmendableSplit
    from revshare.chain.split import RevenueSplit

    clone = clone_at(node, address, factory, anywhere=anywhere)
    agreement = deal if isinstance(deal, Agreement) else None
    if agreement is not None:
        check_governance(address, clone, agreement)
    newest = newest_commitment(node, address) if clone.governance else clone.commitment
    created = None
    if terms is None:
        created = created_in(node, address)
        terms = original_terms(node, address, clone, created)
        or_amended = True
    if not (or_amended and terms.commitment == clone.commitment):
        refuse_other_terms(address, terms, newest)
    if not clone.governance:
        return RevenueSplit(
            node, address, terms, agreement=agreement, account=account, created=created, factory=factory
        )
    split = AmendableSplit(
        node, address, terms, clone, agreement=agreement, account=account, created=created, factory=factory
    )
    return split if terms.commitment == newest else split.refresh()


def original_terms(node: Node, address: str, clone: Clone, created: int) -> Terms:
    """Return the terms that a split was created with in the block `created`, from the factory's log."""
    terms = terms_in_log(node, address, created, clone.commitment)
    return Terms.decode(terms.encoded, token_at(node, terms.token))


def newest_commitment(node: Node, address: str) -> bytes:
    """Return the commitment to the terms that an amendable split was last amended to."""
    known = interface("AmendableSplit")
    answer = node.call(
        {"to": address, "data": "0x" + known.encode("commitment").hex()},
        "latest",
        f"AmendableSplit {address}",
    )
    return bytes(known.decode("commitment", answer)["0"])


def refuse_other_terms(address: str, terms: Terms, newest: bytes) -> None:
    """Raise TermsMismatch unless `newest` is the commitment to these terms."""
    if terms.commitment != newest:
        raise TermsMismatch(
            f"the split at {address} has other terms than these (or another token than {terms.token}, or was "
            "amended since): nobody could be paid by them",
            address=address,
            expected="0x" + terms.commitment.hex(),
            actual="0x" + newest.hex(),
        )


def check_governance(address: str, clone: Clone, agreement: Agreement) -> None:
    """Raise TermsMismatch unless the split's terms may be amended as the agreement says, and only so."""
    if not isinstance(agreement, Agreement):
        raise InvalidInput(f"an Agreement is meant, not {type(agreement).__name__}")
    actual = governance_of(clone.governance)
    expected = agreement.governance
    if not (actual is expected is None or (actual is not None and actual.same_as(expected))):
        raise TermsMismatch(
            f"the terms of the split at {address} may be amended by: {actual or 'nobody'}; the agreement "
            f"says: {expected or 'nobody'}",
            address=address,
            expected=expected,
            actual=actual,
        )
