"""Statements: what each payee has earned, got and has coming; asked of the contract, or rebuilt from its log.

All amounts are base units of the token. Nothing here talks to a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from revshare.chain.events import Claimed, Credited, CreditWithdrawn, Distributed, Event
from revshare.chain.terms import Terms
from revshare.errors import ChainError, UnknownPayee
from revshare.money import Token
from revshare.schedule import Schedule

__all__ = ["Line", "Statement", "replay"]


@dataclass(frozen=True)
class Line:
    """One payee's position: ``entitlement = paid + credit + due``, while revenue has not fallen."""

    payee: str
    address: str
    entitlement: int
    paid: int
    credit: int
    due: int


@dataclass(frozen=True)
class Statement:
    """Every payee's position in `token` at the end of a block, and the revenue it follows from.

    ``statement["designer"].due`` is one line; lines stand in the order of the agreement.
    """

    token: Token
    revenue: int
    lines: tuple[Line, ...]
    block_number: int | None = None
    block_hash: str | None = None

    def __getitem__(self, payee: str) -> Line:
        for line in self.lines:
            if line.payee == payee:
                return line
        raise UnknownPayee(payee, [line.payee for line in self.lines])

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    @property
    def entitlements(self) -> dict[str, int]:
        """What each payee has earned."""
        return {line.payee: line.entitlement for line in self.lines}

    @property
    def paid(self) -> dict[str, int]:
        """What has left the split for each payee."""
        return {line.payee: line.paid for line in self.lines}

    @property
    def credit(self) -> dict[str, int]:
        """What is set aside for each payee because it could not be paid."""
        return {line.payee: line.credit for line in self.lines}

    @property
    def due(self) -> dict[str, int]:
        """What the next distribution pays each payee."""
        return {line.payee: line.due for line in self.lines}


def schedule_for(terms: Terms, token: str) -> Schedule:
    """The schedule by which a token is shared: for any but the settlement token, the last tier alone."""
    return terms.schedule if token == terms.token else terms.schedule.for_other_token()


def replay(events: Iterable[Event], terms: Terms) -> dict[str, Statement]:
    """Rebuild every token's statement from a split's whole log and its terms, by the money rule alone.

    events: all of one split's, in the order of the chain; kinds that move no money are passed over.

    Returns, by the token's address, the statement as of the last mark in the log: revenue that came later is
    not in it, for plain transfers leave no event. Raises ChainError when the log contradicts itself or the
    money rule, which is how a log with events missing shows.
    """
    books: dict[str, _Books] = {}
    for event in events:
        if isinstance(event, (Distributed, Claimed, Credited, CreditWithdrawn)):
            token = to_checksum_address(event.token)
            if token not in books:
                books[token] = _Books(schedule_for(terms, token))
            books[token].enter(event)
    return {
        token: book.statement(terms.schedule.token if token == terms.token else None, token)
        for token, book in books.items()
    }


class _Books:
    """One token's books, kept as the contract keeps them: marks and credits."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.names = dict(zip(schedule.addresses, schedule.payees, strict=True))
        self.distributed = 0
        self.top = 0
        self.marks = dict.fromkeys(schedule.payees, 0)
        self.credits = dict.fromkeys(schedule.payees, 0)

    def enter(self, event: Distributed | Claimed | Credited | CreditWithdrawn) -> None:
        if isinstance(event, Distributed):
            self._expect(event, "starts at revenue", event.from_revenue, self.distributed)
            self.distributed = event.to_revenue
            self.marks = {name: max(mark, event.to_revenue) for name, mark in self.marks.items()}
            self.top = max(self.top, event.to_revenue)
            return
        name = self.names.get(to_checksum_address(event.payee))
        if name is None:
            raise ChainError(f"the log pays {event.payee}, whom the terms do not name")
        if isinstance(event, Claimed):
            earned = self._earned(name, event.to_revenue) - self._earned(name, self.marks[name])
            self._expect(event, f"pays {name}", event.amount, earned)
            self.marks[name] = event.to_revenue
            self.top = max(self.top, event.to_revenue)
        elif isinstance(event, Credited):
            self.credits[name] += event.amount
        else:
            self.credits[name] -= event.amount
            if self.credits[name] < 0:
                raise ChainError(
                    f"the log pays {name} {-self.credits[name]} units of credit that it never set aside"
                )

    def statement(self, token: Token | None, address: str) -> Statement:
        lines = []
        for name, owner in zip(self.schedule.payees, self.schedule.addresses, strict=True):
            earned, settled = self._earned(name, self.top), self._earned(name, self.marks[name])
            credit = self.credits[name]
            lines.append(Line(name, owner, earned, settled - credit, credit, earned - settled))
        known = token or Token(symbol="units", decimals=0, address=None if int(address, 16) == 0 else address)
        return Statement(known, self.top, tuple(lines))

    def _earned(self, name: str, revenue: int) -> int:
        return self.schedule.entitlement(name, revenue)

    @staticmethod
    def _expect(event: Event, what: str, said: int, expected: int) -> None:
        if said != expected:
            raise ChainError(
                f"the log is not whole: {type(event).__name__} in block {event.block_number} {what} {said}, "
                f"where {expected} follows from what came before"
            )
