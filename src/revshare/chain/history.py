"""An amendable split's log, read on as the chain goes on, and taken back where it reorganises."""

from __future__ import annotations

from collections.abc import Mapping

from revshare.chain.attach import original_terms
from revshare.chain.books import Books
from revshare.chain.clones import Clone
from revshare.chain.events import (
    Amended,
    Claimed,
    Credited,
    CreditWithdrawn,
    Distributed,
    Event,
    Remitted,
    SalePaid,
    TermsApplied,
)
from revshare.chain.node import Node
from revshare.chain.reader import Cursor, EventReader
from revshare.chain.terms import Terms
from revshare.errors import ChainError, ReorgDetected

__all__ = ["History"]


class History:
    """What has happened to a split, kept between questions, so that its log is read once.

    original: the terms it was created with, where they are known; tokens: those that the log names.
    """

    def __init__(self, node: Node, address: str, clone: Clone) -> None:
        self._node = node
        self._address = address
        self._clone = clone
        self._reader = EventReader(node, address)
        self._cursor: Cursor | None = None
        self._events: list[Event] = []
        self.original: Terms | None = None
        self.tokens: dict[str, None] = {}

    def read_on(self, created: int) -> None:
        """Read what the log has besides what is known. `created`: the block of the split's creation."""
        if self.original is None:
            self.original = original_terms(self._node, self._address, self._clone, created)
        if self._cursor is None:
            self._cursor = self._reader.start(created)
        try:
            update = self._reader.follow(self._cursor)
        except ReorgDetected:  # further back than the reader goes: all of it once more
            self._events.clear()
            update = self._reader.follow(self._reader.start(created))
        gone = set(update.removed)
        self._events = [event for event in self._events if event not in gone]
        for event in update.events:
            if isinstance(event, (SalePaid, Remitted, Distributed)):
                self.tokens[event.token] = None
            if isinstance(event, (Amended, TermsApplied, Distributed, Claimed, Credited, CreditWithdrawn)):
                self._events.append(event)
        self._cursor = update.cursor

    def books(self, upto: int, created: int, names: Mapping[str, str]) -> Books:
        """Return the books as they stand at the end of block `upto`."""
        self.read_on(created)
        if self.original is None:
            raise ChainError(f"the terms that {self._address} was created with are not known")
        return Books(self.original, names).enter_all(
            event for event in self._events if event.block_number <= upto
        )
