"""Accounts: agreements whose rules no contract can compute, worked out when a period closes.

    accounts = rs.Accounts(agreement)                              # or several: they are closed together
    march = accounts.close("2011-03", sales, tables={"hours": {"ann": 120, "bob": 80}})
    march.payable                                                  # {"ann": 1_234, …} base units
    book.publish(accounts.tree(book), previous).send()             # what each was to be paid so far
    accounts.save("accounts.json")                                 # April goes on from it

Pure integers: no database, no chain. The order of evaluation is that of docs/rules.md. Three invariants are
asserted whenever a period is closed; an AssertionError names the one that was violated:

    zero-sum       what a posting takes from some accounts it gives to others
    conservation   all accounts together hold the revenue received, dust in "undistributed"
    monotone       what a payee was to be paid so far never falls
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from revshare._circles import payers_first
from revshare._files import write_whole
from revshare._model import show
from revshare._period import Period, clock_of
from revshare.agreement import Agreement
from revshare.errors import InvalidInput, UnknownPayee, did_you_mean
from revshare.money import units
from revshare.rules import Nest, Recoup

from ._book import Book, Event, Made, Posting, Postings
from ._closing import AgreementClose, Closing, Units
from ._intake import Given, Register, SaleLike, digest, read
from ._sales import Stages, pool_of
from ._state import Closed, Seen, State
from ._terms import Terms

if TYPE_CHECKING:
    from revshare.payouts import PayoutTree

__all__ = ["Accounts", "AgreementClose", "Close", "Posting", "Postings", "SaleLike", "State"]

Tables = Mapping[str, Mapping[str, int]]
S = TypeVar("S", bound=SaleLike)


class TreeMaker(Protocol):
    """What makes trees of cumulative amounts: a `PayoutBook`."""

    def tree(self, amounts: dict[str, int], *, token: str | None = None) -> PayoutTree:
        """Return the tree of amounts by address, bound to the book."""


@dataclass(frozen=True)
class Close:
    """What a period came to. Base units throughout; what is by payee is summed over the agreements.

    period: its name. agreements: by name, what each came to. postings: of every rule, in the order in which
    they were made.
    """

    period: str
    agreements: Mapping[str, AgreementClose]
    postings: Postings

    def _sum(self, what: str) -> Units:
        found: Units = {}
        for part in self.agreements.values():
            for payee, amount in getattr(part, what).items():
                found[payee] = found.get(payee, 0) + amount
        return found

    @cached_property
    def earned(self) -> Units:
        """What each payee earned in the period, after all that corrects it."""
        return self._sum("earned")

    @cached_property
    def withheld(self) -> Units:
        """What was withheld of each payee, and is paid to authorities."""
        return self._sum("withheld")

    @cached_property
    def retained(self) -> Units:
        """What of the period is kept as each payee's equity."""
        return self._sum("retained")

    @cached_property
    def redeemed(self) -> Units:
        """What of that equity was given back."""
        return self._sum("redeemed")

    @cached_property
    def reserved(self) -> Units:
        """What of the period is held back."""
        return self._sum("reserved")

    @cached_property
    def released(self) -> Units:
        """What was held back in earlier periods, and is no more."""
        return self._sum("released")

    @cached_property
    def payable(self) -> Units:
        """What each payee is paid now."""
        return self._sum("payable")

    @cached_property
    def carried(self) -> Units:
        """The balance that goes on to the next period: below a threshold, or a debt, which is below zero."""
        return self._sum("carried")

    @property
    def undistributed(self) -> int:
        """What nobody has earned so far, as parts are rounded down."""
        return sum(part.undistributed for part in self.agreements.values())


class Accounts:
    """The accounts of an agreement, or of several that are closed together.

    zone: whose midnights periods and days begin at, an IANA name or an offset. state: to go on from, as
    `Accounts.state` gave it; its zone holds.

    Agreements closed together have different names, one token, and one address for each name of a payee.
    Revenue goes from one to the next where a payee of a rule `nest` is the other agreement; pools of recoups
    are drained by all.

    Raises InvalidInput for agreements that do not fit each other or the state, CircularSplits where they pay
    each other in a circle.
    """

    def __init__(self, *agreements: Agreement, zone: str | None = None, state: State | None = None) -> None:
        if state is not None and zone not in (None, state.zone):
            raise InvalidInput(f"the state was closed in the zone {state.zone}, not {zone}")
        self._state = State(zone or "UTC") if state is None else state
        self._clock = clock_of(self._state.zone)
        _check_together(agreements)
        self._token = agreements[0].token.symbol
        by_name = {agreement.name: agreement for agreement in agreements}
        for name in self._state.books:
            if name not in by_name:
                raise InvalidInput(f"the state has an agreement {show(name)}, which is not given")
        order = [*self._state.books, *(name for name in by_name if name not in self._state.books)]
        self._places = {name: place for place, name in enumerate(order)}
        closed = self._state.closed
        first_open = closed and closed.end.astimezone(self._clock).date()
        self._terms = {name: self._terms_of(by_name[name], first_open) for name in order}
        self._nests = _nests(self._terms)
        _check_pools(self._terms.values())

    def _terms_of(self, agreement: Agreement, first_open: date | None) -> Terms:
        book = self._state.books.get(agreement.name)
        return Terms(agreement, book and book["known"], first_open)

    # ------------------------------------------------------------------------------------------ closing

    def close(
        self,
        period: str | Period,
        sales: Iterable[SaleLike] = (),
        *,
        tables: Tables | None = None,
        redeem: Mapping[str, int] | None = None,
    ) -> Close:
        """Close a period with its sales, and with those of earlier periods that were not known before.

        period: such as "2011-03", see `Period`. tables: of rules `weights`, by name, frozen by this. redeem:
        units of their retained part that payees are given back.

        The order of `sales` changes nothing. The last period can be closed once more with the same, and gives
        the same.

        Raises InvalidInput, and has changed nothing then, for a period before the last or the last with other
        sales, sales after the period's end, in another token, that were closed before or are credited beyond
        their amount, and for tables that are missing or not known.
        """
        found = Period.parse(period, self._state.zone)
        given = read(sales, self._terms, self._token)
        _check_times(given, found)
        frozen = {name: _table(name, table) for name, table in (tables or {}).items()}
        redeemed = _table("redeem", redeem or {})
        content = digest((found.start, found.end), given, frozen, redeemed)
        state = self._before(found, content)
        run = _Run(self, state, found, frozen, redeemed)
        run.take(given)
        closes = run.close()
        data = {name: book.data() for name, book in run.books.items()}
        _check_monotone(state, data)
        self._state = State(
            state.zone,
            run.number,
            Closed(found.name, found.start, found.end),
            content,
            data,
            run.pools,
            run.register.seen,
            State(state.zone, state.number, state.closed, state.digest, state.books, state.pools),
        )
        return Close(found.name, closes, Postings(run.raw))

    def open(self, sales: Iterable[S], period: str | Period) -> list[S]:
        """Return those of `sales` that `close` takes for a period: of it or before, and not closed earlier.

        For a period that was closed last they are those it was closed with, and what came to light since:
        with such the close is refused.
        """
        found = Period.parse(period, self._state.zone)
        last = self._state.closed
        again = last is not None and (found.start, found.end) == (last.start, last.end)
        seen = self._state.earlier().seen if again else self._state.seen
        return [
            sale
            for sale in sales
            if sale.occurred_at < found.end and (str(sale.source), str(sale.external_id)) not in seen
        ]

    def _before(self, period: Period, content: str) -> State:
        """Return the state that a period goes on from."""
        state, last = self._state, self._state.closed
        if last is None or period.start >= last.end:
            return state
        if (period.start, period.end) != (last.start, last.end):
            raise InvalidInput(f"{period} does not come after {last.name}, which was closed last")
        if content != state.digest:
            raise InvalidInput(
                f"{period} was closed with other sales or tables: put what was missing into the next period"
            )
        return state.earlier()

    # ------------------------------------------------------------------------------------------ what it says

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """The agreements that are closed together."""
        return tuple(terms.agreement for terms in self._terms.values())

    @property
    def state(self) -> State:
        """What the next close goes on from: a frozen value."""
        return self._state

    @property
    def cumulative(self) -> Units:
        """What each payee was to be paid so far and in all: it never falls. Base units.

        A payee that is an agreement closed together with this is not in it: that agreement's payees are.
        """
        passing = {(name, payee) for name, nests in self._nests.items() for payee in nests}
        found: Units = {}
        for name, terms in self._terms.items():
            balances = self._state.books.get(name, {}).get("balances", {})
            for payee in terms.agreement.payees:
                amount = balances.get(f"{payee}:paid", 0)
                if amount or (name, payee) not in passing:
                    found[payee] = found.get(payee, 0) + amount
        return found

    def balances(self, agreement: str | None = None) -> Units:
        """Return all accounts of an agreement (left out: the only one) with their balances; see `Posting`."""
        if agreement is None and len(self._terms) > 1:
            raise InvalidInput(f"say of which agreement: {', '.join(self._terms)}")
        name = next(iter(self._terms)) if agreement is None else agreement
        if name not in self._terms:
            raise InvalidInput(f"there is no agreement {show(name)} here; {did_you_mean(name, self._terms)}")
        return dict(self._state.books.get(name, {}).get("balances", {}))

    def tree(self, book: TreeMaker, *, token: str | None = None) -> PayoutTree:
        """Return the tree of `cumulative` for a payout book: `book.publish(tree, previous)` promises it.

        token: the token's address, where the agreements do not have it; without any, the chain's coin.
        """
        addresses = {
            payee: address for t in self._terms.values() for payee, address in t.agreement.payees.items()
        }
        amounts: Units = {}
        for payee, amount in self.cumulative.items():
            amounts[addresses[payee]] = amounts.get(addresses[payee], 0) + amount
        known = next(iter(self._terms.values())).token.address
        return book.tree(amounts, token=token or known)

    def save(self, path: str | Path) -> None:
        """Write the state to a file, as JSON, whole or not at all."""
        write_whole(path, self._state.to_json())

    @classmethod
    def load(cls, path: str | Path, *agreements: Agreement) -> Accounts:
        """Return accounts that go on from a file that `save` wrote. Raises InvalidInput, OSError."""
        try:
            state = State.from_json(Path(path).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise InvalidInput(f"{path} holds no state of accounts: it is not UTF-8 text") from None
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from None
        return cls(*agreements, state=state)

    def __repr__(self) -> str:
        last = self._state.closed
        return f"Accounts({', '.join(self._terms)}; {f'closed to {last.name}' if last else 'nothing closed'})"


class _Run:
    """One close, on copies of what the state has."""

    def __init__(
        self, accounts: Accounts, state: State, period: Period, tables: Tables, redeem: Mapping[str, int]
    ) -> None:
        self.number = state.number + 1
        self.tables = tables
        self.redeem = dict(redeem)
        self.raw: list[Made] = []
        self.pools = deepcopy(dict(state.pools))
        self.register = Register(state.seen, accounts._clock)  # noqa: SLF001
        self._places = accounts._places  # noqa: SLF001
        self._nests = accounts._nests  # noqa: SLF001
        last = (period.end - timedelta(microseconds=1)).astimezone(accounts._clock).date()  # noqa: SLF001
        self._last = last.toordinal()
        names = frozenset(accounts._terms)  # noqa: SLF001
        self.books: dict[str, Book] = {}
        self._stages: dict[str, Stages] = {}
        self._closing: dict[str, Closing] = {}
        for name, terms in accounts._terms.items():  # noqa: SLF001
            data = state.books.get(name)
            kept = data and deepcopy({part: value for part, value in data.items() if part != "known"})
            book = self.books[name] = Book(terms, kept, self.pools, self.raw)
            self._stages[name] = Stages(book)
            self._closing[name] = Closing(book, last, self.number, names)
        self._check_tables()

    def _check_tables(self) -> None:
        wanted = {name for closing in self._closing.values() for name in closing.tables()}
        for name in sorted(wanted - set(self.tables)):
            raise InvalidInput(f"the table {show(name)} is needed: a whole number for each payee")
        for name in sorted(set(self.tables) - wanted):
            hint = did_you_mean(name, wanted)
            raise InvalidInput(f"no rule shares by a table {show(name)}" + (f"; {hint}" if hint else ""))
        payees = list(dict.fromkeys(payee for book in self.books.values() for payee in book.agreement.payees))
        for named in (*self.tables.values(), self.redeem):
            for payee in named:
                if payee not in payees:
                    raise UnknownPayee(payee, payees)

    def take(self, sales: list[Given]) -> None:
        """Take all sales, those of several agreements in one order, so that pools are drained by time."""
        for closing in self._closing.values():
            closing.open()
        for given in sales:
            stages, place = self._stages[given.agreement], self._places[given.agreement]
            event = self.register.event(given, place)
            where = stages.route(stages.terms.at(event.day), event)
            excess = stages.take(event)
            kept = tuple(excess.items())
            seen = Seen(self.number, place, event.amount, event.day, where, event.units, kept, given.reverses)
            self.register.record(given.key, seen)

    def close(self) -> dict[str, AgreementClose]:
        """Close all agreements, each after those that pay it."""
        closes: dict[str, AgreementClose] = {}
        for name in _in_order(self._nests):
            redeem: Units = {}
            for payee, amount in self.redeem.items():
                part = min(amount, self.books[name].balances.get(f"{payee}:retained", 0))
                if part > 0:
                    redeem[payee] = part
                    self.redeem[payee] -= part
            closes[name], passed = self._closing[name].close(self.tables, redeem)
            for onward, amount in passed.items():
                self._stages[onward].take(Event(amount, self._last, "nested", 0))
        for payee, amount in self.redeem.items():
            if amount:
                raise InvalidInput(f"{payee} has {amount} units less retained than are to be redeemed")
        return {name: closes[name] for name in self.books}


# ------------------------------------------------------------------------------------------ checks


def _check_together(agreements: tuple[Agreement, ...]) -> None:
    if not agreements:
        raise InvalidInput("accounts need an agreement")
    names: set[str] = set()
    addresses: dict[str, str] = {}
    for agreement in agreements:
        if not isinstance(agreement, Agreement):
            raise InvalidInput(f"accounts are of agreements, not of {show(agreement)}")
        if agreement.name in names:
            raise InvalidInput(f"two agreements are called {show(agreement.name)}")
        names.add(agreement.name)
        if agreement.token != agreements[0].token:
            raise InvalidInput(f"{agreement.name}: its token is not that of {agreements[0].name}")
        for payee, address in agreement.payees.items():
            if addresses.setdefault(payee, address) != address:
                raise InvalidInput(f"{agreement.name}: {payee} has another address than in another agreement")


def _check_pools(all_terms: Iterable[Terms]) -> None:
    targets: dict[str, int] = {}
    for terms in all_terms:
        for entry in terms.rules:
            key = pool_of(terms.agreement.payees, entry.rule) if isinstance(entry.rule, Recoup) else None
            if key is not None and targets.setdefault(key, entry.amount) != entry.amount:
                raise InvalidInput(
                    f"{terms.agreement.name}: rules[{terms.place[entry.number]}] has another amount than the "
                    f"pool {entry.rule.pool!r} in another agreement: a pool is one target"
                )


def _nests(terms: Mapping[str, Terms]) -> dict[str, dict[str, str]]:
    """Return, for each agreement, its payees that are agreements here. Raises CircularSplits."""
    found: dict[str, dict[str, str]] = {name: {} for name in terms}
    for name, one in terms.items():
        for entry in one.rules:
            if isinstance(entry.rule, Nest) and entry.rule.agreement in terms:
                found[name][entry.rule.payee] = entry.rule.agreement
    _in_order(found)
    return found


def _in_order(nests: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the agreements so that each comes after those that pay it. Raises CircularSplits."""
    return payers_first({name: onward.values() for name, onward in nests.items()})


def _check_times(sales: list[Given], period: Period) -> None:
    for given in sales:
        if given.moment >= period.end:
            raise InvalidInput(
                f"sale {show(given.key[1])} of {show(given.key[0])} is after the end of {period}"
            )


def _table(name: str, table: Mapping[str, int]) -> dict[str, int]:
    found = {payee: units(number, f"{payee} in the table {name}") for payee, number in table.items()}
    for payee, number in found.items():
        if number < 0:
            raise InvalidInput(f"the table {name} has {number} for {payee}: numbers are 0 or more")
    return found


def _check_monotone(state: State, data: Mapping[str, dict[str, Units]]) -> None:
    """Assert the invariant "monotone": what was to be paid never falls."""
    for name, book in state.books.items():
        for account, amount in book["balances"].items():
            if account.endswith((":paid", ":passed")) and data[name]["balances"][account] < amount:
                raise AssertionError(f"monotone: {account} of {name} falls from {amount}")
