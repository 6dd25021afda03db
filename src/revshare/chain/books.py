"""A split's books, kept from its log as the contract keeps them: marks, credits, and which terms count.

Amendments make epochs: epoch 0 has the terms of the split's creation, each `Amended` begins the next. A token
goes from one epoch to the next at a mark of its own revenue (`TermsApplied`); what it earned anybody before
that mark stays earned. All amounts are base units. Nothing here talks to a node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from eth_utils.address import to_checksum_address

from revshare.chain.events import (
    Amended,
    Claimed,
    Credited,
    CreditWithdrawn,
    Distributed,
    Event,
    TermsApplied,
)
from revshare.chain.terms import Terms
from revshare.errors import ChainError
from revshare.schedule import Schedule

__all__ = ["Books", "TokenBooks", "schedule_for"]


def schedule_for(terms: Terms, token: str) -> Schedule:
    """The schedule by which a token is shared: for any but the settlement token, the last tier alone."""
    return terms.schedule if token == terms.token else terms.schedule.for_other_token()


class Books:
    """All of a split's books. Enter its events in the order of the chain.

    terms: those the split was created with. names: address → name of payees that come with amendments; one
    without a name is called by its address.
    """

    def __init__(self, terms: Terms, names: Mapping[str, str] | None = None) -> None:
        self.epochs = [terms]
        given = dict(names or {})
        first = zip(terms.schedule.addresses, terms.schedule.payees, strict=True)
        self._names = {address: name for address, name in first if name not in given.values()} | given
        self._tokens: dict[str, TokenBooks] = {}

    def enter(self, event: Event) -> None:
        """Enter one event; kinds that move no money and change no terms are passed over.

        Raises ChainError where it contradicts those before it, or the money rule.
        """
        if isinstance(event, Amended):
            self._amend(event)
        elif isinstance(event, (Distributed, Claimed, Credited, CreditWithdrawn, TermsApplied)):
            self.of(event.token).enter(event)

    def enter_all(self, events: Iterable[Event]) -> Books:
        """Enter events, and return these books."""
        for event in events:
            self.enter(event)
        return self

    def of(self, token: str) -> TokenBooks:
        """The books of one token."""
        address = to_checksum_address(token)
        if address not in self._tokens:
            self._tokens[address] = TokenBooks(address, self.epochs)
        return self._tokens[address]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of which money has moved."""
        return tuple(token for token, books in self._tokens.items() if books.top)

    def _amend(self, event: Amended) -> None:
        token = self.epochs[0].schedule.token
        terms = Terms.decode(event.terms, token, self._names)
        if event.epoch != len(self.epochs) or terms.commitment != event.commitment:
            raise ChainError(
                f"the log is not whole: amendment {event.epoch} in block {event.block_number}, where "
                f"{len(self.epochs)} follows"
            )
        self.epochs.append(terms)

    def payees(self) -> dict[str, str]:
        """Address → name of everybody who is or ever was a payee, those of the newest terms first.

        A former payee whose name somebody else bears now is called by its address.
        """
        called: dict[str, str] = {}
        for terms in reversed(self.epochs):
            for address, name in zip(terms.schedule.addresses, terms.schedule.payees, strict=True):
                if address not in called:
                    called[address] = address if name in called.values() else name
        return called


class TokenBooks:
    """One token's books. Payees are addresses."""

    def __init__(self, token: str, epochs: list[Terms]) -> None:
        self._epochs = epochs
        self._rules: dict[int, _Rule] = {}
        self.token = token
        self.epoch = 0
        self.base = 0
        """Revenue from which the terms of `epoch` count."""
        self.distributed = 0
        self.top = 0
        """The highest mark of revenue there is in the log."""
        self.credits: defaultdict[str, int] = defaultdict(int)
        self.closed: defaultdict[str, int] = defaultdict(int)
        """Earned under the terms before those of `epoch`."""
        self._credited: defaultdict[str, int] = defaultdict(int)
        """Set aside under the terms of `epoch`, withdrawn since or not."""
        self._own: dict[str, int] = {}
        self._own_at_base: dict[str, int] = {}

    @property
    def terms(self) -> Terms:
        """The terms that count for the token just now."""
        return self._epochs[self.epoch]

    # ---------------------------------------------------------------- positions

    def entitlement(self, payee: str, revenue: int) -> int:
        """What a payee has earned, over all epochs, when `revenue` has come in."""
        return self.closed[payee] + self._between(payee, self.anchor(payee), revenue)

    def settled(self, payee: str) -> int:
        """What was paid to a payee or set aside for it."""
        return self.closed[payee] + self._between(payee, self.anchor(payee), self._mark(payee))

    def earlier(self, payee: str) -> int:
        """What is still set aside for a payee from before the terms of this epoch; it is withdrawn first."""
        return max(self.credits[payee] - self._credited[payee], 0)

    def anchor(self, payee: str) -> int:
        """Revenue from which the terms of this epoch count for one payee.

        That is `base`, but for a payee that had claimed more before a token took balance away.
        """
        return max(self.base, self._own_at_base.get(payee, 0))

    def before_anchor(self, payee: str) -> int:
        """What the terms of this epoch would give a payee between `base` and its anchor, and did not."""
        return self._between(payee, self.base, self.anchor(payee))

    def _mark(self, payee: str) -> int:
        return max(self.distributed, self._own.get(payee, 0))

    def _between(self, payee: str, from_: int, to: int) -> int:
        if to <= from_:
            return 0
        rule = self._rule
        return rule.earned(payee, to) - rule.earned(payee, from_)

    @property
    def _rule(self) -> _Rule:
        if self.epoch not in self._rules:
            self._rules[self.epoch] = _Rule(schedule_for(self.terms, self.token), self.base)
        return self._rules[self.epoch]

    # ---------------------------------------------------------------- entries

    def enter(self, event: Distributed | Claimed | Credited | CreditWithdrawn | TermsApplied) -> None:
        """Enter one event of this token. Raises ChainError where it does not follow from those before."""
        if isinstance(event, Distributed):
            _expect(event, "starts at revenue", event.from_revenue, self.distributed)
            self.distributed = event.to_revenue
            self.top = max(self.top, event.to_revenue)
        elif isinstance(event, TermsApplied):
            self._next_epoch(event)
        else:
            self._enter_payee(event, to_checksum_address(event.payee))

    def _enter_payee(self, event: Claimed | Credited | CreditWithdrawn, payee: str) -> None:
        if isinstance(event, Claimed):
            self._known(payee)
            earned = self._between(payee, self._mark(payee), event.to_revenue)
            _expect(event, f"pays {payee}", event.amount, earned)
            self._own[payee] = event.to_revenue
            self.top = max(self.top, event.to_revenue)
        elif isinstance(event, Credited):
            self._known(payee)
            self.credits[payee] += event.amount
            self._credited[payee] += event.amount
        else:
            self.credits[payee] -= event.amount
            if self.credits[payee] < 0:
                raise ChainError(
                    f"the log pays {payee} {-self.credits[payee]} units of credit that it never set aside"
                )

    def _known(self, payee: str) -> None:
        if payee not in self._rule.place:
            raise ChainError(f"the log pays {payee}, whom the terms do not name")

    def _next_epoch(self, event: TermsApplied) -> None:
        _expect(event, "begins epoch", event.epoch, self.epoch + 1)
        _expect(event, "applies terms from revenue", event.revenue, self.distributed)
        if event.epoch >= len(self._epochs):
            raise ChainError(
                f"the log is not whole: terms of epoch {event.epoch} apply, and were never agreed"
            )
        for payee in self._rule.place:
            self.closed[payee] = self.settled(payee)
        self.epoch, self.base, self._own_at_base = event.epoch, event.revenue, dict(self._own)
        self._credited.clear()


class _Rule:
    """A schedule asked by address, of revenue from `base` on: nothing is earned by those it does not name.

    Rounding begins anew at `base`, so that what is earned never exceeds what has come in since.
    """

    def __init__(self, schedule: Schedule, base: int) -> None:
        self._schedule = schedule
        self._base = base

    @cached_property
    def place(self) -> dict[str, int]:
        """Address → place in the schedule."""
        return {address: place for place, address in enumerate(self._schedule.addresses)}

    def earned(self, payee: str, revenue: int) -> int:
        place = self.place.get(payee)
        if place is None:
            return 0
        return sum(
            (tier.slice_of(revenue) - tier.slice_of(self._base)) * tier.weights[place] // tier.total
            for tier in self._schedule.tiers
        )


def _expect(event: Event, what: str, said: int, expected: int) -> None:
    if said != expected:
        raise ChainError(
            f"the log is not whole: {type(event).__name__} in block {event.block_number} {what} {said}, "
            f"where {expected} follows from what came before"
        )
