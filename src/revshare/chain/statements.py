"""Statements: what each payee has earned, got and has coming; asked of the contract, or rebuilt from its log.

All amounts are base units of the token. Nothing here talks to a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from revshare.chain.books import Books, TokenBooks
from revshare.chain.events import Event
from revshare.chain.terms import COIN, Terms
from revshare.errors import UnknownPayee
from revshare.money import Token

__all__ = ["Line", "Statement", "replay"]


@dataclass(frozen=True)
class Line:
    """One payee's position: ``entitlement = paid + credit + due``, while revenue has not fallen.

    credit: all that is set aside for it. earlier: what of that was set aside before the terms that count now;
    `withdraw_credit` pays it first.
    """

    payee: str
    address: str
    entitlement: int
    paid: int
    credit: int
    due: int
    earlier: int = 0


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


def replay(
    events: Iterable[Event], terms: Terms, names: Mapping[str, str] | None = None
) -> dict[str, Statement]:
    """Rebuild every token's statement from a split's whole log and its terms, by the money rule alone.

    events: all of one split's, in the order of the chain; kinds that move no money are passed over. terms:
    those that the split was created with; amendments are in the log. names: address → name of payees that
    came with amendments; one without a name is called by its address.

    Returns, by the token's address, the statement as of the last mark in the log, over the split's whole
    life: revenue that came later is not in it, for plain transfers leave no event. Raises ChainError when the
    log contradicts itself or the money rule, which is how a log with events missing shows.
    """
    books = Books(terms, names).enter_all(events)
    payees = books.payees()
    return {token: _statement(books.of(token), payees) for token in books.tokens}


def _statement(books: TokenBooks, names: Mapping[str, str]) -> Statement:
    lines = []
    for address, name in names.items():
        earned, settled = books.entitlement(address, books.top), books.settled(address)
        credit = books.credits[address]
        line = Line(name, address, earned, settled - credit, credit, earned - settled, books.earlier(address))
        lines.append(line)
    known = books.terms.schedule.token if books.token == books.terms.token else None
    unknown = Token(symbol="units", decimals=0, address=None if books.token == COIN else books.token)
    return Statement(known or unknown, books.top, tuple(lines))
