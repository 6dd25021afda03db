"""Reading the log of a contract from nodes that limit how much they show, and from chains that reorganise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from revshare.chain.abi import interface, word
from revshare.chain.events import AmendableSplitCreated, Event, SplitCreated, decode_log, decode_logs
from revshare.chain.node import Block, Log, Node
from revshare.chain.terms import Terms
from revshare.errors import InvalidInput, NotDeployed, ProviderError, ReorgDetected

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["Cursor", "EventReader", "Update", "created_in", "terms_in_log"]


@dataclass(frozen=True)
class Cursor:
    """How far a log has been read, and what is needed to notice that the chain has changed since.

    marks: blocks that were seen, (number, hash), ascending; the last is how far was read. recent: the events
    read after the first of them. Both go back as many blocks as a reorganisation may.
    """

    marks: tuple[tuple[int, str], ...]
    recent: tuple[Event, ...] = ()

    @property
    def block_number(self) -> int:
        """The last block read."""
        return self.marks[-1][0]


@dataclass(frozen=True)
class Update:
    """What following a log brought: first take `removed` back, last one first; then enter `events`.

    removed: events seen before, whose blocks are no longer part of the chain. events: new ones, in order.
    cursor: for next time; keep it together with what the events led to.
    """

    removed: tuple[Event, ...]
    events: tuple[Event, ...]
    cursor: Cursor


class EventReader:
    """Reads one contract's events.

    span: blocks asked for at a time, to begin with. Halved whenever the node refuses, whatever it says, and
    raised again while it does not. depth: blocks that a reorganisation may take back.
    """

    def __init__(self, w3: Web3 | Node, address: str, *, span: int = 10_000, depth: int = 256) -> None:
        if span < 1 or depth < 1:
            raise InvalidInput("span and depth are numbers of blocks, at least 1")
        self.address = to_checksum_address(address)
        self._node = Node.of(w3)
        self._most = span
        self._span = span
        self._limit = span
        self._depth = depth

    def read(self, from_block: int, to_block: int) -> Iterator[Event]:
        """Yield the events in blocks `from_block` to `to_block`, both included, in order.

        Raises ProviderError when the node refuses even a single block.
        """
        for log in self._logs(from_block, to_block):
            event = decode_log(log)
            if event is not None:
                yield event

    def start(self, from_block: int) -> Cursor:
        """Return the cursor by which `follow` begins with the events of block `from_block`."""
        number = max(from_block - 1, 0)
        block = self._node.block(number)
        if block is None:
            raise InvalidInput(f"the node has no block {number} yet")
        # Block 0 has no transactions, hence no events.
        return Cursor(((block.number, block.hash),))

    def follow(self, cursor: Cursor, to_block: int | None = None) -> Update:
        """Return what has happened since `cursor`, up to `to_block` (the latest), and what has been undone.

        A node that lags behind the cursor brings nothing, until it has caught up. Raises ReorgDetected when
        the chain has changed further back than `depth`, or changes faster than it can be read.
        """
        for _ in range(5):
            kept = self._still_there(cursor)
            if kept is None:
                return Update((), (), cursor)
            head = self._node.head() if to_block is None else min(to_block, self._node.head())
            end = self._node.block(max(head, kept.block_number))
            if end is None:
                continue
            found = tuple(self.read(kept.block_number + 1, end.number))
            again = self._node.block(end.number)
            if again is not None and again.hash == end.hash:
                return self._update(cursor, kept, found, end)
        raise ReorgDetected("the chain changes faster than it can be read", block=cursor.block_number)

    # ---------------------------------------------------------------- reorganisations

    def _still_there(self, cursor: Cursor) -> Cursor | None:
        """Return the part of `cursor` that the chain still has; None if the node only lags behind."""
        marks = list(cursor.marks)
        lagging = True
        while marks:
            number, expected = marks[-1]
            block = self._node.block(number)
            if block is not None:
                if block.hash == expected:
                    break
                lagging = False
            marks.pop()
        if not marks:
            if lagging:
                return None
            number, expected = cursor.marks[0]
            raise ReorgDetected(
                f"block {number} is no longer {expected}: the chain has changed further back than "
                f"{self._depth} blocks; read the log anew",
                block=number,
                expected=expected,
            )
        if lagging and len(marks) < len(cursor.marks):
            return None
        upto = marks[-1][0]
        return Cursor(tuple(marks), tuple(event for event in cursor.recent if event.block_number <= upto))

    def _update(self, cursor: Cursor, kept: Cursor, found: tuple[Event, ...], end: Block) -> Update:
        known = set(cursor.recent[len(kept.recent) :])
        added = tuple(event for event in found if event not in known)
        gone = known.difference(found)
        removed = tuple(event for event in cursor.recent[len(kept.recent) :] if event in gone)
        seen = {event.block_number: event.block_hash for event in found} | {end.number: end.hash}
        marks = dict(kept.marks) | seen
        oldest = max((number for number in marks if number <= end.number - self._depth), default=-1)
        recent = tuple(event for event in kept.recent + found if event.block_number > oldest)
        return Update(
            removed,
            added,
            Cursor(tuple(sorted((n, h) for n, h in marks.items() if n >= oldest)), recent),
        )

    # ---------------------------------------------------------------- ranges

    def _logs(self, first: int, last: int) -> Iterator[Log]:
        while first <= last:
            end = min(first + self._span - 1, last)
            try:
                found = self._node.logs(self.address, first, end)
            except ProviderError:
                if first == end:
                    raise
                self._node.head()  # raises if the node does not answer at all: then smaller steps are no help
                self._span = self._limit = (end - first + 1) // 2
                continue
            self._granted()
            yield from found
            first = end + 1

    def _granted(self) -> None:
        """Ask for more next time: at once up to what was granted before, little by little beyond it."""
        self._limit = min(self._limit + self._limit // 8 + 1, self._most)
        self._span = min(self._span * 2, self._limit)


# ------------------------------------------------------------------------------------------ the beginning


def created_in(node: Node, address: str) -> int:
    """Return the block in which the contract at `address` was created.

    Found by halving, with as many questions as the number of blocks has binary digits.

    Raises NotDeployed where there is no contract, ProviderError where the node keeps no history.
    """
    low, high = 0, node.head()
    if not node.code(address, high):
        raise NotDeployed(f"there is no contract at {address}", address=address)
    while low < high:
        middle = (low + high) // 2
        try:
            there = bool(node.code(address, middle))
        except ProviderError as error:
            raise ProviderError(
                f"the node does not know the state at block {middle}, so it cannot say when {address} was "
                f"created: pass from_block=, or an agreement ({error})",
                method=error.method,
                code=error.code,
            ) from error
        low, high = (low, middle) if there else (middle + 1, high)
    return low


def terms_in_log(node: Node, split: str, block: int, commitment: bytes) -> Terms:
    """Return the terms of this commitment that the factory logged in `block` for a split, its token unnamed.

    Anybody may log anything, before the factory and in the same block: what has not the commitment that is in
    the split's own code is passed over. Raises NotDeployed where nothing has it.
    """
    known = interface("RevenueSplitFactory")
    for kind in (SplitCreated, AmendableSplitCreated):
        topics = [known.topic(kind.__name__), "0x" + word(split).hex(), "0x" + commitment.hex()]
        for event in decode_logs(node.logs(None, block, block, topics)):
            if isinstance(event, (SplitCreated, AmendableSplitCreated)):
                with suppress(InvalidInput):
                    terms = Terms.decode(event.terms)
                    if terms.commitment == commitment:
                        return terms
    raise NotDeployed(f"no factory logged the terms of {split} in block {block}", address=split)
