"""A contract's interface: calldata in; values, events and errors out. Nothing here talks to a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address

from revshare.chain import artifacts
from revshare.errors import InvalidInput

__all__ = ["Interface", "checksummed", "interface", "word"]


class Interface:
    """The functions, events and errors of an ABI, each found by its name or selector."""

    def __init__(self, abi: Iterable[Mapping[str, Any]]) -> None:
        entries = tuple(abi)
        self._constructor = next((e for e in entries if e["type"] == "constructor"), {"inputs": ()})
        self._functions = {e["name"]: e for e in entries if e["type"] == "function"}
        self._events = {event_abi_to_log_topic(_any(e)): e for e in entries if e["type"] == "event"}
        # An error's selector is made as a function's is.
        self._errors = {
            function_abi_to_4byte_selector(_any({**e, "type": "function"})): e
            for e in entries
            if e["type"] == "error"
        }

    def encode(self, function: str, *arguments: object) -> bytes:
        """Return the calldata of `function`. Raises InvalidInput for what its arguments cannot hold."""
        entry = self._functions[function]
        try:
            encoded = encode(_types(entry["inputs"]), arguments)
        except (EncodingError, OverflowError) as error:
            raise InvalidInput(f"{function} cannot be called with that: {error}") from error
        return bytes(function_abi_to_4byte_selector(_any(entry))) + encoded

    def encode_constructor(self, *arguments: object) -> bytes:
        """Return what follows the bytecode in the transaction that deploys the contract."""
        return encode(_types(self._constructor["inputs"]), arguments)

    def decode(self, function: str, data: bytes) -> dict[str, Any]:
        """Return what `function` returned, by name; the position is the name of what has none.

        Raises ValueError when `data` is not what the function returns.
        """
        return _named(self._functions[function]["outputs"], data)

    def arguments(self, function: str, calldata: bytes) -> dict[str, Any]:
        """Return the arguments, by name, of a call to `function`."""
        return _named(self._functions[function]["inputs"], calldata[4:])

    def topic(self, event: str) -> str:
        """Return the topic by which logs of `event` are found, as 0x…"""
        return next("0x" + topic.hex() for topic, entry in self._events.items() if entry["name"] == event)

    def event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Return the name and arguments of a log entry; None for an event that is not of this interface."""
        entry = self._events.get(bytes(topics[0])) if topics else None
        if entry is None:
            return None
        indexed = [argument for argument in entry["inputs"] if argument["indexed"]]
        if len(indexed) != len(topics) - 1:
            return None
        try:
            values = _named(indexed, b"".join(topics[1:]))
            values |= _named([argument for argument in entry["inputs"] if not argument["indexed"]], data)
        except ValueError:
            return None
        return entry["name"], {argument["name"]: values[argument["name"]] for argument in entry["inputs"]}

    def error_name(self, selector: bytes) -> str | None:
        """Return the name of the error of a selector (4 bytes); None for one not of this interface."""
        entry = self._errors.get(selector)
        return None if entry is None else str(entry["name"])

    def error(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Return the name and arguments of an error; None for one that is not of this interface."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return None
        try:
            return entry["name"], _named(entry["inputs"], data[4:])
        except ValueError:
            return None


@lru_cache(maxsize=10_000)
def checksummed(address: str) -> str:
    """An address with its checksum, which takes a hash to work out: of most addresses many times over."""
    return str(to_checksum_address(address))


@cache
def interface(contract: str) -> Interface:
    """The interface of the contract whose artifact the package carries as `contract`."""
    return Interface(artifacts.load(contract).abi)


def word(address: str) -> bytes:
    """An address as a log's topic: 32 bytes."""
    return bytes(12) + bytes.fromhex(address.removeprefix("0x"))


def _types(arguments: Sequence[Mapping[str, Any]]) -> list[str]:
    return [collapse_if_tuple(dict(argument)) for argument in arguments]


def _named(arguments: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Any]:
    types = _types(arguments)
    try:
        values = decode(types, data)
    except (DecodingError, OverflowError) as error:
        raise ValueError(f"{data.hex() or 'nothing'} is not ({','.join(types)})") from error
    return {
        argument.get("name") or str(place): _tidy(kind, value)
        for place, (argument, kind, value) in enumerate(zip(arguments, types, values, strict=True))
    }


def _tidy(kind: str, value: Any) -> Any:
    if kind == "address[]":
        return tuple(map(checksummed, value))
    return checksummed(value) if kind == "address" else value


def _any(entry: Mapping[str, Any]) -> Any:
    """An ABI's entry, of which eth_utils wants a more particular type than JSON has."""
    return entry
