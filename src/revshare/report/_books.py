"""Double-entry books of settlements: revenue, shares, payments, credits, dust and gas, in full precision.

The books are the split's own. Income is what came in, Expenses is how it was shared; the two cancel out:

    Assets:A:Split                what the contract holds
    Income:A:Sales, CreditNotes   the lines; Income:A:Direct is what came in outside settlements
    Expenses:A:PAYEE:Paid         what the payee got: the contract's `paid`
    Expenses:A:PAYEE:Credited     what could not be paid; Liabilities:A:Credits:PAYEE owes it
    Expenses:A:PAYEE:Due          what is not paid yet; Liabilities:A:Due:PAYEE owes it
    Expenses:A:Dust               what nobody earned; it stays in the contract, Liabilities:A:Dust
    Expenses:A:Gas                in the chain's coin, out of Assets:A:Gas

so Expenses:A:PAYEE as a whole is the payee's entitlement. Pure: statements in, text out.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta

from revshare._cells import CsvWriter
from revshare.errors import InvalidInput
from revshare.money import Token

from ._document import COIN, batch_text
from ._model import PeriodStatement, TransactionLine

__all__ = ["Books", "Entry", "Position", "Posting", "books"]

About = tuple[tuple[str, str], ...]
"""What is known of something, by key."""

_BEANCOUNT_DIGITS = 28
"""Digits with which Beancount adds up: Python's default decimal context."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account: base units of the token, or wei where `coin`."""

    account: str
    amount: int
    coin: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction of the books; its postings come to nothing. about: what is known of it, by key."""

    day: date
    narration: str
    postings: tuple[Posting, ...]
    about: About = ()
    final: bool = True


@dataclass(frozen=True)
class Position:
    """What the contract itself says, in base units: revenue so far, and what of it each payee has earned, was
    paid, and has set aside.
    """

    revenue: int
    earned: Mapping[str, int]
    paid: Mapping[str, int]
    credit: Mapping[str, int]


@dataclass(frozen=True)
class Books:
    """The books of one split. accounts: each with the payee and the address it is about, if any."""

    agreement: str
    token: Token
    coin: str
    entries: tuple[Entry, ...]
    accounts: Mapping[str, About] = field(repr=False)
    payees: Mapping[str, str] = field(repr=False)
    """Payee → what it is called in the names of accounts."""
    root: str = field(repr=False)
    """What the agreement is called there."""

    def balances(self) -> dict[str, int]:
        """Return each account's balance: base units of the token, wei for the two accounts of gas."""
        found: dict[str, int] = dict.fromkeys(self.accounts, 0)
        for entry in self.entries:
            for posting in entry.postings:
                found[posting.account] += posting.amount
        return found

    def paid(self) -> dict[str, int]:
        """Return what the books say that each payee got."""
        balances = self.balances()
        return {
            payee: balances.get(f"Expenses:{self.root}:{called}:Paid", 0)
            for payee, called in self.payees.items()
        }

    # ---------------------------------------------------------------- formats

    def to_beancount(self) -> str:
        """Return the books for Beancount 2 and 3, each balance asserted without tolerance at the end.

        Raises InvalidInput where sums have more digits than Beancount adds up exactly.
        """
        self._refuse_what_beancount_rounds()
        token, coin = self._commodities()
        out = [
            f'option "title" {_quoted(self.agreement)}',
            f'option "operating_currency" "{token}"',
            "",
        ]
        first = self.entries[0].day if self.entries else date(2000, 1, 1)
        out += [f"{first} commodity {token}", f"  name: {_quoted(self.token.symbol)}"]
        if self.token.address:
            out.append(f"  contract: {_quoted(self.token.address)}")
        if coin != token:
            out += [f"{first} commodity {coin}", f"  name: {_quoted(self.coin)}"]
        out.append("")
        for account, about in self.accounts.items():
            held = coin if account.endswith(":Gas") else token
            out.append(f"{first} open {account} {held}")
            out += [f"  {key}: {_quoted(value)}" for key, value in about]
        for entry in self.entries:
            flag = "*" if entry.final else "!"
            out += ["", f"{entry.day} {flag} {_quoted(self.agreement)} {_quoted(entry.narration)}"]
            out += [f"  {key}: {_quoted(value)}" for key, value in entry.about]
            out += [f"  {posting.account}  {self._amount(posting)}" for posting in entry.postings]
        if self.entries:
            after = self.entries[-1].day + timedelta(days=1)
            out.append("")
            for account, balance in self.balances().items():
                held, by = (coin, COIN) if account.endswith(":Gas") else (token, self.token)
                out.append(f"{after} balance {account}  {by.format(balance, full=True)} ~ 0 {held}")
        return "\n".join(out) + "\n"

    def to_hledger(self) -> str:
        """Return the books for hledger, each balance asserted at the end."""
        token, coin = self._commodities()
        out = [f"; {_line(self.agreement)}", f"commodity {self._format(token, self.token)}"]
        if coin != token:
            out.append(f"commodity {self._format(coin, COIN)}")
        out.append("")
        for account, about in self.accounts.items():
            out.append(f"account {account}")
            out += [f"  ; {key}: {_tag(value)}" for key, value in about]
        for entry in self.entries:
            flag = "*" if entry.final else "!"
            out += ["", f"{entry.day} {flag} {_line(entry.narration)}"]
            out += [f"  ; {key}: {_tag(value)}" for key, value in entry.about]
            out += [f"  {posting.account}  {self._amount(posting, quote=True)}" for posting in entry.postings]
        if self.entries:
            out += ["", f"{self.entries[-1].day} * balances"]
            for account, balance in self.balances().items():
                nothing, is_coin = 0, account.endswith(":Gas")
                amounts = [
                    self._amount(Posting(account, units, is_coin), quote=True) for units in (nothing, balance)
                ]
                out.append(f"  {account}  {amounts[0]} = {amounts[1]}")
        return "\n".join(out) + "\n"

    def to_csv(self) -> str:
        """Return one row for each posting: amounts are exact decimal strings."""
        out = io.StringIO()
        writer = CsvWriter(out)
        writer.writerow(("date", "entry", "narration", "account", "amount", "commodity", "final", *_ABOUT))
        for number, entry in enumerate(self.entries, start=1):
            about = dict(entry.about)
            rest = [about.get(key, "") for key in _ABOUT]
            for posting in entry.postings:
                token, symbol = (COIN, self.coin) if posting.coin else (self.token, self.token.symbol)
                amount = token.format(posting.amount, full=True)
                final = "yes" if entry.final else "no"
                writer.writerow(
                    (entry.day, number, entry.narration, posting.account, amount, symbol, final, *rest)
                )
        return out.getvalue()

    def _refuse_what_beancount_rounds(self) -> None:
        volume: defaultdict[bool, int] = defaultdict(int)
        for entry in self.entries:
            for posting in entry.postings:
                volume[posting.coin] += abs(posting.amount)
        for is_coin, units in volume.items():
            if len(str(units)) > _BEANCOUNT_DIGITS:
                raise InvalidInput(
                    f"Beancount adds up {_BEANCOUNT_DIGITS} digits exactly, and these sums of "
                    f"{self.coin if is_coin else self.token.symbol} may have {len(str(units))}: "
                    "use hledger or csv"
                )

    def _commodities(self) -> tuple[str, str]:
        """The token and the coin as both programs take them."""
        coin = _commodity(self.coin)
        if self.token.address is None and (self.token.symbol, self.token.decimals) == (self.coin, 18):
            return coin, coin  # the coin is what is shared
        token = _commodity(self.token.symbol)
        return (token if token != coin else f"{token}-TOKEN"), coin

    def _amount(self, posting: Posting, *, quote: bool = False) -> str:
        token, coin = self._commodities()
        name, by = (coin, COIN) if posting.coin else (token, self.token)
        shown = f'"{name}"' if quote else name
        return f"{by.format(posting.amount, full=True)} {shown}"

    def _format(self, name: str, by: Token) -> str:
        """A commodity's directive, which wants a decimal mark in its sample."""
        return f'1000.{"0" * by.decimals} "{name}"'


_ABOUT = ("period", "batch", "tx", "block", "root", "lines", "chain", "split")


# ------------------------------------------------------------------------------------------ making them


def books(
    statements: Iterable[PeriodStatement], *, coin: str = "ETH", position: Position | None = None
) -> Books:
    """Return the books of one split's settlements.

    statements: of all its periods that were remitted; others are left out. coin: what gas is paid in.
    position: what the contract says now; what it has paid, set aside or received outside these settlements is
    then entered as well, so that the balances are the chain's.

    Raises InvalidInput for statements of different splits or agreements.
    """
    given = sorted(
        (one for one in statements if one.remittance and one.remittance.state in ("mined", "final")),
        key=lambda one: one.revenue_before,
    )
    if not given:
        raise InvalidInput("there are no settlements to export: none has been mined yet")
    splits = {
        (one.agreement, one.remittance.chain_id, one.remittance.split) for one in given if one.remittance
    }
    if len(splits) > 1:
        raise InvalidInput(f"books are kept of one split, and these statements are of {len(splits)}")
    return _Writer(given, coin).write(position)


class _Writer:
    def __init__(self, statements: Sequence[PeriodStatement], coin: str) -> None:
        self._statements = statements
        self._coin = coin
        self._agreement = statements[0].agreement
        self._root = _component(self._agreement)
        self._address: dict[str, str] = {}
        for statement in statements:
            for one in statement:
                self._address.setdefault(one.payee, one.address)
        self._called = _components(self._address)
        self._entries: list[Entry] = []
        self._whose: dict[str, About] = {}

    def write(self, position: Position | None) -> Books:
        revenue = 0
        earned = dict.fromkeys(self._address, 0)
        for statement in self._statements:
            between = {one.payee: one.earned_before - earned[one.payee] for one in statement}
            self._outside(statement, statement.revenue_before - revenue, between)
            self._settlement(statement)
            revenue = statement.revenue_after
            earned |= {one.payee: one.earned_before + one.earned for one in statement}
        made = self._books()
        if position is not None:
            self._catch_up(made, position, revenue, earned)
            made = self._books()
        return made

    def _books(self) -> Books:
        self._entries.sort(key=lambda entry: entry.day)
        token = self._statements[0].token
        used = sorted({posting.account for entry in self._entries for posting in entry.postings})
        return Books(
            self._agreement,
            token,
            self._coin,
            tuple(self._entries),
            {account: self._whose.get(account, ()) for account in used},
            self._called,
            self._root,
        )

    # ---------------------------------------------------------------- entries

    def _settlement(self, statement: PeriodStatement) -> None:
        there = statement.remittance
        if there is None:
            return
        remit, distribute = (
            next((made for made in there.transactions if made.step == step), None)
            for step in ("remit", "distribute")
        )
        about = (
            ("period", statement.period),
            ("batch", batch_text(there.batch_id)),
            ("chain", str(there.chain_id)),
            ("split", there.split),
        )
        lines = (("root", "0x" + there.root.hex()), ("lines", str(len(statement.sales))))
        day = _day(statement, remit)
        final = statement.is_final
        self._enter(
            day,
            f"Remittance {statement.period}",
            [
                (self._account("Assets", "Split"), statement.net),
                (self._account("Income", "Sales"), -statement.gross),
                (self._account("Income", "CreditNotes"), -statement.credit_notes),
            ],
            about=(*about, *lines, *_about(remit)),
            final=final,
        )
        earned = {one.payee: one.earned for one in statement}
        self._share(day, f"Shares {statement.period}", earned, statement.dust, about=about, final=final)
        paid = {one.payee: (one.paid, one.credited) for one in statement}
        self._pay(
            _day(statement, distribute),
            f"Distribution {statement.period}",
            paid,
            about=(*about, *_about(distribute)),
            final=final,
        )
        for made in there.transactions:
            if made.cost:
                self._enter_coin(
                    _day(statement, made),
                    f"Gas of {made.step} {statement.period}",
                    made.cost,
                    about=(*about, *_about(made)),
                    final=final,
                )

    def _outside(self, statement: PeriodStatement, revenue: int, earned: Mapping[str, int]) -> None:
        """What came in between settlements: payments straight to the contract."""
        if revenue or any(earned.values()):
            day = _day(statement, None)
            self._direct(day, f"Received before {statement.period}", revenue, earned)

    def _direct(self, day: date, narration: str, revenue: int, earned: Mapping[str, int]) -> None:
        self._enter(
            day,
            narration,
            [(self._account("Assets", "Split"), revenue), (self._account("Income", "Direct"), -revenue)],
        )
        self._share(day, narration + ": shares", earned, revenue - sum(earned.values()))

    def _share(
        self,
        day: date,
        narration: str,
        earned: Mapping[str, int],
        dust: int,
        *,
        about: About = (),
        final: bool = True,
    ) -> None:
        postings = []
        for payee, units in earned.items():
            postings += [(self._of("Due", payee), units), (self._owed("Due", payee), -units)]
        postings += [(self._account("Expenses", "Dust"), dust), (self._account("Liabilities", "Dust"), -dust)]
        self._enter(day, narration, postings, about=about, final=final)

    def _pay(
        self,
        day: date,
        narration: str,
        paid: Mapping[str, tuple[int, int]],
        *,
        about: About = (),
        final: bool = True,
    ) -> None:
        """paid: by payee, what was paid and what was set aside."""
        postings = []
        for payee, (units, credited) in paid.items():
            postings += [
                (self._of("Paid", payee), units),
                (self._of("Credited", payee), credited),
                (self._of("Due", payee), -units - credited),
                (self._owed("Due", payee), units + credited),
                (self._owed("Credits", payee), -credited),
            ]
        postings.append((self._account("Assets", "Split"), -sum(units for units, _ in paid.values())))
        self._enter(day, narration, postings, about=about, final=final)

    def _catch_up(self, made: Books, position: Position, revenue: int, earned: Mapping[str, int]) -> None:
        """Enter what the contract did outside the settlements, which come to `revenue` and `earned`."""
        balances, day = made.balances(), made.entries[-1].day
        more = {
            payee: (
                position.paid.get(payee, 0) - balances.get(self._of("Paid", payee), 0),
                position.credit.get(payee, 0) + balances.get(self._owed("Credits", payee), 0),
            )
            for payee in self._called
        }
        since = {payee: position.earned.get(payee, 0) - units for payee, units in earned.items()}
        if position.revenue != revenue or any(since.values()):
            self._direct(day, "Received since", position.revenue - revenue, since)
        if any(any(pair) for pair in more.values()):
            self._pay(day, "Paid and set aside outside settlements", more)

    def _enter(
        self,
        day: date,
        narration: str,
        postings: Sequence[tuple[str, int]],
        *,
        about: About = (),
        final: bool = True,
    ) -> None:
        kept = tuple(Posting(account, units) for account, units in postings if units)
        if kept:
            self._entries.append(Entry(day, narration, kept, about, final))

    def _enter_coin(self, day: date, narration: str, wei: int, *, about: About, final: bool) -> None:
        paid, from_ = self._account("Expenses", "Gas"), self._account("Assets", "Gas")
        self._entries.append(
            Entry(day, narration, (Posting(paid, wei, True), Posting(from_, -wei, True)), about, final)
        )

    # ---------------------------------------------------------------- accounts

    def _account(self, kind: str, name: str) -> str:
        return f"{kind}:{self._root}:{name}"

    def _of(self, what: str, payee: str) -> str:
        return self._payees(f"Expenses:{self._root}:{self._called[payee]}:{what}", payee)

    def _owed(self, what: str, payee: str) -> str:
        return self._payees(f"Liabilities:{self._root}:{what}:{self._called[payee]}", payee)

    def _payees(self, account: str, payee: str) -> str:
        self._whose[account] = (("payee", payee), ("address", self._address[payee]))
        return account


def _day(statement: PeriodStatement, made: TransactionLine | None) -> date:
    at = (made and made.at) or statement.ends_at
    if at is None:
        raise InvalidInput(
            f"the statement of {statement.period} says neither when it was paid nor when it ends"
        )
    return at.astimezone(UTC).date()


def _about(made: TransactionLine | None) -> About:
    if made is None:
        return ()
    block = () if made.block_number is None else (("block", str(made.block_number)),)
    return (("tx", made.tx_hash), *block)


# ------------------------------------------------------------------------------------------ names

_RESERVED = frozenset({"Split", "Sales", "CreditNotes", "Direct", "Dust", "Gas", "Due", "Credits"})


def _component(name: str) -> str:
    """`name` as a part of an account's name: letters, digits and dashes, a capital or a digit first."""
    kept = "".join(letter if _fits(letter) else "-" for letter in unicodedata.normalize("NFC", name))
    kept = re.sub(r"-+", "-", kept).strip("-")
    first = kept[:1].upper()
    if len(first) == 1 and (unicodedata.category(first) in ("Lu", "Nd")):
        return first + kept[1:]
    return f"X-{kept}" if kept else "X"


def _fits(letter: str) -> bool:
    return letter.isalpha() or unicodedata.category(letter) == "Nd"


def _components(addresses: Mapping[str, str]) -> dict[str, str]:
    """Payee → its part of accounts' names; where two would be the same, the address follows."""
    plain = {payee: _component(payee) for payee in addresses}
    often: defaultdict[str, int] = defaultdict(int)
    for called in plain.values():
        often[called.casefold()] += 1
    return {
        payee: f"{called}-{addresses[payee][2:]}"
        if often[called.casefold()] > 1 or called in _RESERVED
        else called
        for payee, called in plain.items()
    }


def _commodity(symbol: str) -> str:
    """`symbol` as both programs take a commodity: capitals, digits, and `.`, `-` and `_` between."""
    kept = re.sub(r"[^A-Z0-9._-]", "-", symbol.upper()).strip("-._")
    if not kept or not kept[0].isalpha():
        kept = f"T-{kept}".rstrip("-")
    return kept if len(kept) > 1 else f"{kept}-TOKEN"


def _quoted(text: str) -> str:
    """`text` as Beancount's string."""
    return '"' + _line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(text: str) -> str:
    """`text` on one line; `;` and `|` would end hledger's description."""
    return (
        "".join(letter if letter.isprintable() else " " for letter in text)
        .replace(";", ",")
        .replace("|", "/")
    )


def _tag(text: str) -> str:
    """`text` as the value of hledger's tag, which ends with a comma."""
    return _line(text).replace(",", " ")
