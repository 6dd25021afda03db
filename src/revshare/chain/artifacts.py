"""What the compiler gave, as the package carries it: a JSON file per contract, and the compiler's input.

Reading an artifact needs no compiler and no web3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from revshare.errors import CompileError

__all__ = ["INPUT_NAME", "Artifact", "load", "names", "shipped_input"]

INPUT_NAME = "standard-input.json"


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    `bytecode` is what a transaction deploys (constructor arguments come after it), `deployed_bytecode` what
    then stands at the address, with zeros where `immutable_references` says that the constructor writes.
    `method_identifiers` maps a signature such as `pay(bytes32,address,uint256)` to its selector, eight hex
    digits. `compiler` is the version with its commit, without the platform it was built for: every platform
    gives the same bytes.
    """

    name: str
    source: str
    compiler: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes
    method_identifiers: Mapping[str, str]
    immutable_references: Mapping[str, Any] = field(default_factory=dict)
    storage_layout: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """This artifact as the text of its file: keys in order, one line end, the same on every machine."""
        return _dump(
            {
                "contractName": self.name,
                "sourceName": self.source,
                "compiler": self.compiler,
                "abi": list(self.abi),
                "bytecode": "0x" + self.bytecode.hex(),
                "deployedBytecode": "0x" + self.deployed_bytecode.hex(),
                "immutableReferences": self.immutable_references,
                "methodIdentifiers": self.method_identifiers,
                "storageLayout": self.storage_layout,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Artifact:
        """The artifact that `to_json` wrote as `text`."""
        fields = json.loads(text)
        return cls(
            name=fields["contractName"],
            source=fields["sourceName"],
            compiler=fields["compiler"],
            abi=tuple(fields["abi"]),
            bytecode=bytes.fromhex(fields["bytecode"][2:]),
            deployed_bytecode=bytes.fromhex(fields["deployedBytecode"][2:]),
            method_identifiers=fields["methodIdentifiers"],
            immutable_references=fields["immutableReferences"],
            storage_layout=fields["storageLayout"],
        )


@cache
def load(name: str) -> Artifact:
    """The shipped artifact of the contract `name`, read once.

    Raises CompileError, naming those there are, when the package carries none of that name.
    """
    file = _folder() / f"{name}.json"
    if name not in names():
        known = ", ".join(names()) or "none; `revshare compile` makes them"
        raise CompileError(f"no artifact of a contract {name!r} in this package (there are: {known})")
    return Artifact.from_json(file.read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """The contracts whose artifacts the package carries, in alphabetical order."""
    if not _folder().is_dir():
        return ()
    files = (file.name for file in _folder().iterdir())
    return tuple(
        sorted(name.removesuffix(".json") for name in files if name.endswith(".json") and name != INPUT_NAME)
    )


def shipped_input() -> dict[str, Any]:
    """The compiler's standard-json input that the shipped artifacts were made from, all sources included.

    Raises CompileError when the package carries none.
    """
    file = _folder() / INPUT_NAME
    if not file.is_file():
        raise CompileError(f"this package carries no {INPUT_NAME}; `revshare compile` makes it")
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def dump_input(standard_input: Mapping[str, Any]) -> str:
    """A standard-json input as the text of its file."""
    return _dump(standard_input)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _folder() -> Traversable:
    return resources.files("revshare") / "artifacts"
