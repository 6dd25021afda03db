"""Splits that pay splits: found, put in order, and refused where they go round in a circle.

A split's address follows from its terms, so that by creation alone no circle can come about. It can by an
amendment, whose new payees may be splits that were made to pay this one; and by creating, at its known
address, a split that another was amended to pay. So a new split's payees and an amendment's are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from revshare._circles import payers_first
from revshare.chain.abi import word
from revshare.chain.clones import Clone
from revshare.chain.node import Node
from revshare.chain.reader import created_in, terms_in_log
from revshare.chain.recognise import clone_at
from revshare.errors import CircularSplits, ContractError, InvalidInput, ProviderError, RevShareError

if TYPE_CHECKING:
    from revshare._governance import Governance
    from revshare.chain.split import RevenueSplit
    from revshare.schedule import Schedule

__all__ = ["contracts_among", "nested_in", "parents_first", "refuse_circles", "refuse_splits_that_sign"]

T = TypeVar("T")


def parents_first(
    pairs: Iterable[tuple[RevenueSplit, T]],
) -> list[tuple[RevenueSplit, T]]:
    """Return the pairs with each split before those it pays, otherwise in the order given.

    Raises CircularSplits.
    """
    from revshare.chain.split import RevenueSplit

    given = list(pairs)
    for split, _ in given:
        if not isinstance(split, RevenueSplit):
            raise InvalidInput(
                f"a split is meant, or a pair of a split and a token, not {type(split).__name__}"
            )
    pays = {split.address: tuple(split.payees.values()) for split, _ in given}
    return [pair for address in payers_first(pays) for pair in given if pair[0].address == address]


def nested_in(node: Node, addresses: Sequence[str], factory: str | None = None) -> list[RevenueSplit]:
    """Return the splits among `addresses`. One that the node, or its own token, does not show is passed over.

    factory: splits of this one count as well, besides those of the factory at the same address everywhere.
    """
    from revshare.chain.split import RevenueSplit

    found = []
    for address, clone in _clones_among(node, addresses):
        maker = factory if factory is not None and clone.address(factory) == address else None
        with suppress(RevShareError):
            found.append(RevenueSplit.at(node, address, factory=maker))
    return found


def refuse_circles(node: Node, address: str, payees: Sequence[str]) -> None:
    """Raise CircularSplits if a split at `address` that pays `payees` would be paid by one of them."""
    seen: set[str] = set()

    def visit(paid: Sequence[str], path: tuple[str, ...]) -> None:
        if address in paid:
            raise CircularSplits((*path, address))
        unseen = [payee for payee in paid if payee not in seen]
        seen.update(unseen)
        for split, _ in _clones_among(node, unseen):
            visit(_paid_by(node, split), (*path, split))

    visit(payees, (address,))


def _clones_among(node: Node, addresses: Sequence[str]) -> Iterator[tuple[str, Clone]]:
    """Which of the addresses have code that reads as a split's, whoever put it there."""
    for address in contracts_among(node, addresses):
        clone = Clone.read(node.code(address))
        if clone is not None:
            yield address, clone


def _paid_by(node: Node, address: str) -> tuple[str, ...]:
    """Return whom a split pays, whoever made it and whatever its token is; nobody where that is not shown."""
    from revshare.chain.attach import newest_commitment
    from revshare.chain.history import History

    with suppress(RevShareError):
        clone, created = clone_at(node, address, anywhere=True), created_in(node, address)
        terms = terms_in_log(node, address, created, clone.commitment)
        if clone.governance and newest_commitment(node, address) != clone.commitment:
            history = History(node, address, clone)
            history.original = terms
            terms = history.books(node.head(), created, {}).epochs[-1]
        return terms.schedule.addresses
    return ()


def refuse_splits_that_sign(node: Node, schedule: Schedule, governance: Governance | None) -> None:
    """Raise InvalidInput if payees would have to consent, under a quorum, and one of them is a split.

    A split signs nothing, so that its consent could never be had, and its weight would count against every
    amendment. Where nobody or a controller decides, splits may pay splits.
    """
    if governance is None or governance.quorum is None:
        return
    contracts = contracts_among(node, schedule.addresses)
    splits = {address for address in contracts if Clone.read(node.code(address)) is not None}
    for name, address in zip(schedule.payees, schedule.addresses, strict=True):
        if address in splits:
            raise InvalidInput(
                f"the payee {name!r} ({address}) is a split, and a split cannot sign: under a quorum its "
                "consent could never be had. Name the people it pays instead, or let a controller decide, or "
                "nobody"
            )


def contracts_among(node: Node, addresses: Sequence[str]) -> tuple[str, ...]:
    """Return which of the addresses have code, by one question where the node allows it."""
    size = 32 * len(addresses)
    # Init code that puts the addresses behind it into memory, replaces each by the size of the code there,
    # and returns that. Called, not sent, it creates nothing.
    program = bytes.fromhex(f"61{size:04x}8061001c5f395f5b80513b8152602001818110600a57505ff3")
    try:
        answer = node.call({"data": "0x" + (program + b"".join(map(word, addresses))).hex()})
    except (ContractError, ProviderError):
        answer = b""
    if len(answer) != size:
        return tuple(address for address in addresses if node.code(address))
    return tuple(address for i, address in enumerate(addresses) if any(answer[32 * i : 32 * i + 32]))
