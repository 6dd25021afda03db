"""Every error revshare raises, under one root.

    RevShareError
    ├── InvalidInput (ValueError)          what was given cannot be accepted; nothing has happened
    │   ├── AmountError                    an amount that is not exact, or out of range
    │   │   └── AmountTypeError (TypeError)    a float, a bool, or no number at all
    │   ├── AmountsFell                    a payout tree gives somebody less than the one before
    │   ├── AgreementError                 an agreement with problems; all of them are listed
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
    │   ├── TermsMismatch
    │   ├── ReorgDetected
    │   ├── SignerError                    a signer did not sign, or not with its own key
    │   └── ProviderError
    ├── CompileError
    │   ├── CompilerNotFound
    │   └── ArtifactsDiffer                the artifacts are not what the sources compile to
    └── MissingExtra (ImportError)         an optional dependency is not installed

An error carries its context as attributes, so that a program need not read its message, and survives
pickling, so that it can cross from a worker process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


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


_SHOWN = 50  # of an agreement's problems, in the message; `problems` has all


class AgreementError(InvalidInput):
    """An agreement (or part of one) that cannot be accepted. `problems` holds everything wrong with it.

    `source` is the path of the file, when there is one.
    """

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__(self._message())

    def _message(self) -> str:
        head = self.source or "agreement"
        if len(self.problems) == 1:
            return f"{head}: {self.problems[0]}"
        lines = [
            f"{head}: {len(self.problems)} problems",
            *(f"  {problem}" for problem in self.problems[:_SHOWN]),
        ]
        if len(self.problems) > _SHOWN:
            lines.append(f"  … and {len(self.problems) - _SHOWN} more")
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
        shown = ", ".join(f"{key}={value!r}" for key, value in self.args_by_name.items())
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


class ProviderError(ChainError):
    """The node, or the way to it, answered with an error to `method`."""

    def __init__(self, message: str, *, method: str | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.method = method
        self.code = code


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
