"""Every error revshare raises, under one root.

    RevShareError
    ├── InvalidInput (ValueError)          what was given cannot be accepted; nothing has happened
    │   ├── AmountError                    an amount that is not exact, or out of range
    │   │   └── AmountTypeError (TypeError)    a float, a bool, or no number at all
    │   ├── AmountsFell                    a payout tree gives somebody less than the one before
    │   ├── AliasedToken                   a second address of a balance, such as the coin's own token
    │   ├── AgreementError                 an agreement with problems; all of them are listed
    │   │   └── NeedsPayoutBook            its rules are more than a contract can enforce
    │   ├── MappingError                   a mapping of columns to sales with problems; all are listed
    │   ├── ImportRefused                  a file of sales with lines that cannot be taken; none is imported
    │   ├── CircularSplits                 splits that pay each other in a circle
    │   ├── NegativeRevenue                credit notes exceed the revenue received
    │   ├── ProofRefused                   a proof of a sale that does not hold
    │   ├── UnknownPayee
    │   └── Unreachable                    a payee never earns that much
    ├── ChainError                         something on or about the chain
    │   ├── ContractError                  a contract refused, with its own named error
    │   ├── TransactionFailed
    │   ├── InsufficientFunds
    │   │   └── InsufficientAllowance      a token's owner must approve first
    │   ├── NotDeployed
    │   ├── WrongChain
    │   ├── UnsupportedChain               a chain without opcodes that the contracts need
    │   ├── TermsMismatch
    │   ├── ReorgDetected
    │   ├── StaleNode                      a node that is behind what was seen
    │   ├── FeesTooHigh                    gas costs more than may be paid
    │   ├── SignerError                    a signer did not sign, or not with its own key
    │   └── ProviderError
    ├── ExplorerError                      an explorer gave no verdict on a source; later it may
    ├── SourceRefused                      an explorer does not take a source as that of the code
    ├── CompileError
    │   ├── CompilerNotFound
    │   └── ArtifactsDiffer                the artifacts are not what the sources compile to
    ├── LedgerError                        something about the ledger of sales, or its database
    │   ├── ConflictError                  the same sale with other content: nothing was recorded
    │   ├── LedgerBusy                     others hold the database for too long
    │   ├── LedgerReadOnly
    │   ├── LedgerFull                     the disk, or the quota, is full
    │   ├── LedgerDamaged                  the database is not what was written
    │   └── LedgerTooNew                   a later version of revshare made it
    ├── SettlementError                    a settlement cannot go on
    │   ├── SettlementConflict             the chain has another remittance for the period
    │   ├── SettlementTimeout              not final in time; settling again goes on
    │   ├── StuckTransaction               replacing it would cost more than allowed
    │   └── LeaseLost                      another worker has taken it over
    └── MissingExtra (ImportError)         an optional dependency is not installed

An error carries its context as attributes, so that a program need not read its message, and survives
pickling, so that it can cross from a worker process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ledger._sale import Sale


class RevShareError(Exception):
    """Root of all errors of this library."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the message alone, and constructors want the context.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    kind: type[RevShareError], args: tuple[object, ...], context: dict[str, object]
) -> RevShareError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(context)
    return error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``'did you mean 'designer'?'``, or the empty string when nothing known is close to `name`.

    >>> did_you_mean("desginer", ["exporter", "designer"])
    "did you mean 'designer'?"
    """
    candidates = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), candidates, n=1, cutoff=0.6)
    return f"did you mean {candidates[close[0]]!r}?" if close else ""


# ------------------------------------------------------------------------------------------ input


class InvalidInput(RevShareError, ValueError):
    """What was given cannot be accepted. Nothing has been changed, sent or written."""


class AmountError(InvalidInput):
    """An amount that cannot be taken exactly as it stands. `value` is what was given."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.value = value


class AmountTypeError(AmountError, TypeError):
    """An amount of a type that is not exact: a float, a bool, or no number at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an agreement.

    where: the place, like ``tiers[1].shares.designer``, or ``line 3, column 7`` of text that is not TOML.
    what: what is wrong there. fix: how to mend it.
    """

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}" if self.fix else f"{self.where}: {self.what}"


_SHOWN = 50  # problems in a message; `problems` has all


class AgreementError(InvalidInput):
    """An agreement (or part of one) that cannot be accepted. `problems` holds everything wrong with it.

    `source` is the path of the file, when there is one.
    """

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__(_listed(source or "agreement", self.problems))


class NeedsPayoutBook(AgreementError):
    """An agreement that no contract can enforce by itself: it is worked out off the chain (`Accounts`).

    `problems` names each rule for which this is so and why, or says that the tiers which the rules become are
    more than a contract takes.
    """


class MappingError(InvalidInput):
    """A mapping of columns to sales that cannot be accepted. `problems` holds everything wrong with it.

    `source` is the path of the file, when there is one.
    """

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__(_listed(source or "mapping", self.problems))


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell, or a line, of a file of sales that cannot be taken.

    line: where its record begins, from 1: the line of a text file, the row of a sheet or table; 0 when it is
    the file itself. column: the name of the column; empty when it is the whole line. value: what stands
    there, cut short when it is long. reason: why it cannot be taken.
    """

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                f"line {self.line}" if self.line else "",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        shown = f"{self.value!r} " if self.value else ""
        return f"{where}: {shown}{self.reason}" if where else f"{shown}{self.reason}"


class ImportRefused(InvalidInput):
    """A file of sales that cannot be taken; nothing of it has been imported.

    problems: the cells at fault, from the top; when there are more than were asked for, the first of them.
    count: how many there are. source: the name of the file.
    """

    def __init__(self, problems: Iterable[BadCell], source: str = "", count: int | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        self.count = len(self.problems) if count is None else count
        head = source or "sales"
        if self.count == 1:
            message = f"{head}: {self.problems[0]}; nothing was imported"
        else:
            message = _listed(head, self.problems, self.count) + "\nnothing was imported"
        super().__init__(message)


def _listed(head: str, problems: tuple[Problem, ...] | tuple[BadCell, ...], count: int | None = None) -> str:
    """Return a message with the problems, one a line; the first of them when there are many."""
    count = len(problems) if count is None else count
    if count == 1:
        return f"{head}: {problems[0]}"
    shown = problems[:_SHOWN]
    lines = [f"{head}: {count:,} problems", *(f"  {problem}" for problem in shown)]
    if count > len(shown):
        lines.append(f"  … and {count - len(shown):,} more")
    return "\n".join(lines)


class UnknownPayee(InvalidInput):
    """A payee the agreement does not name. `payee` is what was asked for, `known` the names there are."""

    def __init__(self, payee: object, known: Iterable[str]) -> None:
        self.payee = payee
        self.known = tuple(known)
        hint = did_you_mean(payee, self.known) if isinstance(payee, str) else ""
        some = ", ".join(self.known[:8]) + (", …" if len(self.known) > 8 else "")
        super().__init__(f"no payee named {payee!r}: " + (hint or f"the payees are {some}"))


class CircularSplits(InvalidInput):
    """Splits would pay each other in a circle: `path` has their addresses, the first again at the end."""

    def __init__(self, path: Iterable[str]) -> None:
        self.path = tuple(path)
        super().__init__(
            f"splits would pay each other in a circle ({' → '.join(self.path)}): part of their revenue would "
            "go round for ever"
        )


class AliasedToken(InvalidInput):
    """A token that is a second address of a balance: `address` shows what belongs to the coin, or to `of`.

    chain_id: of the chain. of: the address of the token whose balance it is; None for the chain's coin.
    coin: the coin's symbol.
    """

    def __init__(
        self, message: str, *, address: str, chain_id: int, coin: str, of: str | None = None
    ) -> None:
        super().__init__(message)
        self.address = address
        self.chain_id = chain_id
        self.coin = coin
        self.of = of


class AmountsFell(InvalidInput):
    """A payout tree that gives somebody less than the one before. `fallen`: each payee, before, after."""

    def __init__(self, message: str, fallen: Iterable[tuple[str, int, int]]) -> None:
        super().__init__(message)
        self.fallen = tuple(fallen)


class NegativeRevenue(InvalidInput):
    """Credit notes exceed what was received: `amounts[index]` would leave `revenue`, which is below 0."""

    def __init__(self, index: int, revenue: int) -> None:
        self.index = index
        self.revenue = revenue
        super().__init__(
            f"amounts[{index}] takes the revenue down to {revenue} units: credit notes cannot exceed what "
            "was received; give the revenue received before as start=, or carry the negative amount forward"
        )


class ProofRefused(InvalidInput):
    """A proof that a sale was in a remittance, and does not hold. `reason` is a word for programs:

    ``malformed`` (no proof at all), ``sale`` (not the sale that was remitted), ``batch`` (another remittance,
    or none), ``amount``, ``count``, ``root``, ``token`` (not what was remitted), ``code`` (another contract
    than the split that it names), ``transaction`` (the remittance stands elsewhere).
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unreachable(InvalidInput):
    """`payee` never earns `amount` units, whatever the revenue: at most `most`."""

    def __init__(self, payee: str, amount: int, most: int) -> None:
        self.payee = payee
        self.amount = amount
        self.most = most
        super().__init__(
            f"{payee!r} never earns {amount} units: at most {most}, for the last tier gives it nothing"
        )


# ------------------------------------------------------------------------------------------ chain


class ChainError(RevShareError):
    """Something on the chain, or between here and the chain, is not as it must be."""


class ContractError(ChainError):
    """A contract refused a call with one of its own named errors.

    name: the error as the contract declares it, e.g. ``"AlreadyPaid"``. args_by_name: its arguments.
    contract: which contract, by name or address. data: the raw revert data.
    """

    def __init__(
        self,
        name: str,
        args: Mapping[str, object] | None = None,
        contract: str | None = None,
        *,
        data: bytes = b"",
        hint: str = "",
    ) -> None:
        self.name = name
        self.args_by_name = dict(args or {})
        self.contract = contract
        self.data = data
        shown = ", ".join(
            f"{key}={'0x' + value.hex() if isinstance(value, bytes) else repr(value)}"
            for key, value in self.args_by_name.items()
        )
        super().__init__(
            f"{contract or 'the contract'} refused: {name}({shown})" + (f"; {hint}" if hint else "")
        )


class TransactionFailed(ChainError):
    """A transaction was mined and failed, or was not mined in time. `tx_hash` finds it again."""

    def __init__(self, message: str, *, tx_hash: bytes | str | None = None, receipt: object = None) -> None:
        super().__init__(message)
        self.tx_hash = tx_hash
        self.receipt = receipt


class InsufficientFunds(ChainError):
    """`account` has `available` units where `needed` are needed."""

    def __init__(
        self,
        message: str,
        *,
        account: str | None = None,
        needed: int | None = None,
        available: int | None = None,
    ) -> None:
        super().__init__(message)
        self.account = account
        self.needed = needed
        self.available = available


class InsufficientAllowance(InsufficientFunds):
    """`account` lets the contract draw `available` units of a token where `needed` are needed."""


class NotDeployed(ChainError):
    """There is no contract at `address`."""

    def __init__(self, message: str, *, address: str | None = None) -> None:
        super().__init__(message)
        self.address = address


class WrongChain(ChainError):
    """The node serves chain `actual`, not `expected`."""

    def __init__(self, message: str, *, expected: object = None, actual: object = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class UnsupportedChain(ChainError):
    """The chain cannot run the contracts: it has none of the opcodes in `missing`, such as ``("MCOPY",)``.

    Nothing was sent. chain_id: the chain's number. chain: its name; None where that is not known.
    """

    def __init__(self, missing: Iterable[str], *, chain_id: int, chain: str | None = None) -> None:
        self.missing = tuple(missing)
        self.chain_id = chain_id
        self.chain = chain
        name = f"{chain} (chain {chain_id})" if chain else f"chain {chain_id}"
        super().__init__(
            f"{name} cannot run the contracts: it lacks {', '.join(self.missing)}, which Ethereum has had "
            "since its Cancun fork of March 2024. Nothing was sent; use another chain, or wait until this "
            "one is upgraded"
        )


class TermsMismatch(ChainError):
    """The contract at `address` was made with other terms than the agreement given."""

    def __init__(
        self, message: str, *, address: str | None = None, expected: object = None, actual: object = None
    ) -> None:
        super().__init__(message)
        self.address = address
        self.expected = expected
        self.actual = actual


class ReorgDetected(ChainError):
    """The chain was reorganised: block `block` had hash `expected` and now has `actual`."""

    def __init__(
        self, message: str, *, block: int | None = None, expected: object = None, actual: object = None
    ) -> None:
        super().__init__(message)
        self.block = block
        self.expected = expected
        self.actual = actual


class SignerError(ChainError):
    """What signs, outside this process, did not, or not as it must. `signer` is its name, never a key."""

    def __init__(self, message: str, *, signer: str | None = None) -> None:
        super().__init__(message)
        self.signer = signer


class StaleNode(ChainError):
    """The node is at block `actual`, where the chain was at `expected` before: it lags, or is another."""

    def __init__(self, message: str, *, expected: int | None = None, actual: int | None = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class FeesTooHigh(ChainError):
    """Gas costs `price` wei just now, and at most `cap` may be paid. Nothing was signed."""

    def __init__(self, price: int, cap: int) -> None:
        self.price = price
        self.cap = cap
        super().__init__(
            f"gas costs {price} wei just now, and at most {cap} may be paid: wait, or allow more"
        )


class ProviderError(ChainError):
    """The node, or the way to it, answered with an error to `method`."""

    def __init__(self, message: str, *, method: str | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.method = method
        self.code = code


# ------------------------------------------------------------------------------------------ explorers


class ExplorerError(RevShareError):
    """An explorer, or the way to it, gave no verdict on a source: the same again, later, may.

    explorer: its host. reached: whether it answered at all. ticket: what it calls the request, if it took it.
    """

    def __init__(
        self, message: str, *, explorer: str | None = None, reached: bool = True, ticket: str | None = None
    ) -> None:
        super().__init__(message)
        self.explorer = explorer
        self.reached = reached
        self.ticket = ticket


class SourceRefused(RevShareError):
    """An explorer compared a source with the code at `address`, and does not agree. `reason` is its word."""

    def __init__(
        self, message: str, *, explorer: str | None = None, address: str | None = None, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.explorer = explorer
        self.address = address
        self.reason = reason


# ------------------------------------------------------------------------------------------ ledger


class LedgerError(RevShareError):
    """The ledger could not do what was asked. `ledger` names its database, without any password.

    What was not acknowledged may be recorded again at any time: a sale counts once.
    """

    def __init__(self, message: str, *, ledger: str | None = None) -> None:
        super().__init__(f"{ledger}: {message}" if ledger else message)
        self.ledger = ledger


class ConflictError(LedgerError):
    """A sale with the identity of one in the ledger, but not its content. Nothing was recorded.

    existing: the sale in the ledger, entry `seq`; given: the other one; fields: names of those that differ.
    `seq` is None when both were given at once, and neither was in the ledger.
    """

    def __init__(
        self, existing: Sale, given: Sale, *, seq: int | None = None, ledger: str | None = None
    ) -> None:
        self.existing = existing
        self.given = given
        self.seq = seq
        names = [field.name for field in dataclass_fields(existing)]
        self.fields = tuple(name for name in names if getattr(existing, name) != getattr(given, name))
        shown = "; ".join(
            f"{name} is {_short(getattr(existing, name))}, given {_short(getattr(given, name))}"
            for name in self.fields
        )
        where = f"entry {seq}" if seq is not None else "an earlier one of the same batch"
        super().__init__(
            f"{given.source} {given.external_id} was recorded with other content ({where}): {shown}; "
            "a correction is an entry of its own, see Ledger.reverse",
            ledger=ledger,
        )


def _short(value: object) -> str:
    plain = dict(value) if isinstance(value, Mapping) else value
    text = f"{plain}" if isinstance(plain, datetime) else repr(plain)
    return text if len(text) <= 80 else text[:79] + "…"


class LedgerBusy(LedgerError):
    """Others held the database for longer than the ledger's timeout. Nothing was recorded; try again."""


class LedgerReadOnly(LedgerError):
    """The database, or what we may do with it, lets nothing be written."""


class LedgerFull(LedgerError):
    """There is no room left: on the disk, in the quota or in the file. Nothing was recorded."""


class LedgerDamaged(LedgerError):
    """The database is not what was written to it: cut short, overwritten, or changed by others."""


class LedgerTooNew(LedgerError):
    """The database was made by a later version of revshare: its schema is `found`, we know up to `known`."""

    def __init__(self, found: str, known: str, *, ledger: str | None = None) -> None:
        self.found = found
        self.known = known
        super().__init__(
            f"its schema is {found}, and this version of revshare knows up to {known}: "
            "pip install --upgrade revshare",
            ledger=ledger,
        )


# ------------------------------------------------------------------------------------------ settlements


class SettlementError(RevShareError):
    """A settlement cannot go on: `agreement` and `period` say which. What was signed is in the journal."""

    def __init__(self, message: str, *, agreement: str = "", period: str = "") -> None:
        which = f"{agreement}, {period}: " if agreement else ""
        super().__init__(which + message)
        self.agreement = agreement
        self.period = period


class SettlementConflict(SettlementError):
    """The chain has another remittance of this period's batch id. ours and theirs: root, amount, count …"""

    def __init__(
        self,
        ours: Mapping[str, object],
        theirs: Mapping[str, object],
        *,
        agreement: str = "",
        period: str = "",
    ) -> None:
        self.ours = dict(ours)
        self.theirs = dict(theirs)
        differ = [name for name in self.ours if self.ours[name] != self.theirs.get(name)]
        shown = "; ".join(f"{name}: {self.ours[name]} here, {self.theirs.get(name)} there" for name in differ)
        super().__init__(
            f"the chain already has a remittance for this period, and another one: {shown}",
            agreement=agreement,
            period=period,
        )


class SettlementTimeout(SettlementError):
    """A settlement was not final in time. Nothing is lost: settle again, and it goes on where it stands."""


class StuckTransaction(SettlementError):
    """A transaction is not mined, and replacing it would cost more than allowed. `tx_hash` is the newest."""

    def __init__(self, message: str, *, tx_hash: str, agreement: str = "", period: str = "") -> None:
        super().__init__(message, agreement=agreement, period=period)
        self.tx_hash = tx_hash


class LeaseLost(SettlementError):
    """Another worker has taken this settlement over. It goes on there."""

    def __init__(self, agreement: str, period: str) -> None:
        super().__init__("another worker has taken it over", agreement=agreement, period=period)


# ------------------------------------------------------------------------------------------ set-up


class CompileError(RevShareError):
    """The contracts do not compile, or not to the artifacts they should. `output` is the compiler's own."""

    def __init__(self, message: str, *, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class CompilerNotFound(CompileError):
    """No Solidity compiler of the pinned version was found. `looked` lists the places."""

    def __init__(self, message: str, *, looked: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.looked = tuple(looked)


class ArtifactsDiffer(CompileError):
    """The artifacts are not what the sources compile to. `differences` says, file by file, how."""

    def __init__(self, differences: Iterable[str]) -> None:
        self.differences = tuple(differences)
        lines = "\n".join(f"  {difference}" for difference in self.differences)
        super().__init__(
            f"the artifacts are not what the sources compile to:\n{lines}\n`revshare compile` makes them anew"
        )


class MissingExtra(RevShareError, ImportError):
    """`package`, which belongs to the extra `extra`, is not installed."""

    def __init__(self, extra: str, package: str) -> None:
        self.extra = extra
        self.package = package
        super().__init__(f'this needs {package}, which is not installed: pip install "revshare[{extra}]"')
