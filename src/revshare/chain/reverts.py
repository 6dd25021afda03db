"""Why a contract refused, read from whatever a node or web3 made of it.

The same refusal reaches Python in many shapes: web3's ContractCustomError with the data, other RPC errors
with the data somewhere inside, eth-tester's TransactionFailed with the data as the text of a Python literal.
`revert_data` finds the bytes, `decode_revert` names them; nobody else needs to know.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from eth_abi.abi import encode

from revshare.chain import artifacts
from revshare.chain.abi import Interface
from revshare.errors import ContractError

__all__ = ["decode_revert", "error_name", "moment", "revert_data"]

_STANDARD = Interface(
    (
        {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
        {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
    )
)
_ERROR_STRING = bytes.fromhex("08c379a0")

# https://docs.soliditylang.org/en/v0.8.37/control-structures.html#panic-via-assert-and-error-via-require
_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x22: "storage wrongly encoded",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialised function",
}

_HINTS = {
    "AlreadyExists": "this split was created before; attach with RevenueSplit.at",
    "AlreadyPaid": "this payer has used that id before",
    "AlreadyOpened": "the buyer has used that id for this split before",
    "BadSignature": "the payee signed something else: for other terms or tokens, another split, chain or "
    "amendment",
    "BalanceShared": "the two are one balance under two addresses: pay out in the one that was lowered",
    "ConsentExpired": "the consent was given until {deadline}; propose anew, and collect consents again",
    "ConsentMissing": "consent must be unanimous, and this payee would get less",
    "ConsentWithdrawn": "this payee has revoked its consent: propose anew, and collect consents again",
    "CreditExceeded": "no more than that is set aside",
    "NoticeRunning": "the new terms can be put in force from {readyAt} on",
    "NotAToken": "there is no contract at that address, or no longer, or it does not tell balances",
    "NotProposed": "the controller has not announced these terms with these tokens, or has taken them back",
    "NotTaken": "the split still does not take the money; until it does the seller may refund it",
    "NothingDue": "there is nothing to pay out",
    "NotEnoughGas": "send the transaction with more gas",
    "PaymentRefused": "check the payer's balance of the token and its allowance to the split",
    "PaymentFailed": "the payee or the token refuses the payment; `distribute` sets it aside as credit",
    "ProposalExpired": "it could be put in force until {until}: the controller has to announce it anew",
    "QuorumMissed": "more payees have to sign",
    "SettlementTokenChanged": "an amendment cannot change the settlement token",
    "WrongGovernance": "this split is governed otherwise",
}


def decode_revert(data: bytes, contract: str | None = None) -> ContractError:
    """Return the error that `data`, as a contract reverted with it, stands for.

    Named are the errors of every contract in the package, Solidity's ``Error(message)`` and ``Panic(code)``.
    Without data the name is ``Revert``; of an unknown error it is the selector, such as ``0x12345678``.
    """
    if not data:
        return ContractError("Revert", {}, contract, data=data, hint="no reason was given")
    for known in (_STANDARD, _own_errors()):
        named = known.error(data)
        if named is not None:
            name, arguments = named
            hint = _PANICS.get(arguments["code"], "") if name == "Panic" else _hint(name, arguments)
            return ContractError(name, arguments, contract, data=data, hint=hint)
    return ContractError(f"0x{data[:4].hex()}", {"data": f"0x{data[4:].hex()}"}, contract, data=data)


def error_name(selector: bytes) -> str:
    """Return the name of the error of a selector (4 bytes), as `decode_revert` does: ``Revert`` for zeros."""
    if not any(selector):
        return "Revert"
    known = (_STANDARD.error_name(selector), _own_errors().error_name(selector))
    return next((name for name in known if name is not None), f"0x{selector.hex()}")


def _hint(name: str, arguments: Mapping[str, Any]) -> str:
    times = {key: moment(value) for key, value in arguments.items() if isinstance(value, int)}
    return _HINTS.get(name, "").format(**times)


def moment(seconds: int) -> str:
    """Return a block's time, in seconds, for people to read: ``2026-11-21 21:03:00 UTC``."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        return f"second {seconds}"


@cache
def _own_errors() -> Interface:
    return Interface(
        entry for name in artifacts.names() for entry in artifacts.load(name).abi if entry["type"] == "error"
    )


def revert_data(error: BaseException) -> bytes | None:
    """Return the data that a contract reverted with, if that is what `error` is about; None if it is not.

    A revert reported by its reason alone is given the data that Solidity makes of one.
    """
    module = type(error).__module__
    if module.startswith("eth_tester.") and type(error).__name__ == "TransactionFailed":
        return _of_eth_tester(error)
    response = getattr(error, "rpc_response", None)
    if isinstance(response, Mapping):
        answer = response.get("error")
        return _of_rpc(answer) if isinstance(answer, Mapping) else None
    if any(kind.__name__ == "ContractLogicError" for kind in type(error).__mro__):
        given = getattr(error, "data", None)
        message = str(getattr(error, "message", None) or "")
        return _of_rpc({"data": given, "message": message})
    return None


# ------------------------------------------------------------------------------------------ nodes


def _of_rpc(answer: Mapping[str, Any]) -> bytes | None:
    message = str(answer.get("message") or "")
    data = next(_hex_in(answer.get("data")), None)
    if data:
        return data
    # What has neither data nor the word is no revert: too little money, a bad block, a limit.
    if answer.get("code") != 3 and "revert" not in message.lower():
        return None
    _, said, reason = message.partition("reverted: ")
    return _error_string(reason) if said and not reason.startswith("0x") else b""


def _hex_in(value: object) -> Iterator[bytes]:
    """Find data in the answers of nodes: hex, hex after words, or either within objects."""
    if isinstance(value, str):
        found = re.search(r"(.*?)\b0x((?:[0-9a-fA-F]{2})*)$", value.strip(), re.DOTALL)
        if found and (not found[1] or len(found[2]) >= 8):
            yield bytes.fromhex(found[2])
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _hex_in(inner)


def _error_string(reason: str) -> bytes:
    return _ERROR_STRING + encode(["string"], [reason])


# ------------------------------------------------------------------------------------------ eth-tester


def _of_eth_tester(error: BaseException) -> bytes:
    """eth-tester raises its error around py-evm's, whose argument is the data; or around the data's repr."""
    inner: BaseException | None = error
    while inner is not None:
        for argument in inner.args:
            data = argument.args[0] if isinstance(argument, Exception) and argument.args else argument
            if isinstance(data, bytes):
                return data
        inner = inner.__cause__ or inner.__context__
    text = str(error.args[0]).removeprefix("execution reverted: ") if error.args else ""
    if re.fullmatch(r"""b(['"]).*\1""", text, re.DOTALL):
        literal = ast.literal_eval(text)
        if isinstance(literal, bytes):
            return literal
    return _error_string(text)
