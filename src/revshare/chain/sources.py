"""What there is to publish about a contract, so that strangers can read it: which it is, and how it was made.

    source = source_at(w3, address)     # of a factory, a split, what is behind it, a book, an escrow, a token
    source.identifier                   # 'src/split/RevenueSplit.sol:RevenueSplit'
    source.save("revenue-split.json")   # what every explorer takes: the compiler's standard-json input
    publish_source(w3, address, to="sourcify")      # explorers.py: hands it in

A contract is known by its code alone: it must be that of an artifact in this package, whatever the
constructor wrote into it. Its creation is looked for on the chain, because explorers compare that as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from revshare._files import write_whole
from revshare.chain import artifacts
from revshare.chain.addresses import given_address
from revshare.chain.artifacts import Artifact
from revshare.chain.clones import Clone, addresses_within, create2_address, create_address, same_code
from revshare.chain.node import Node, read_bytes
from revshare.chain.placing import DEPLOYER
from revshare.chain.reader import created_in
from revshare.errors import ChainError, ContractError, InvalidInput, NotDeployed

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["ContractSource", "Creation", "source_at"]

# EIP-1167: the minimal clone that everybody else uses.
_MINIMAL_CLONE = (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
_MOST_CREATED = 16  # contracts that a constructor of ours creates: far fewer
_MOST_TRIED = 24  # ways to put words into a constructor's arguments


@dataclass(frozen=True)
class ContractSource:
    """A contract's source and how it was made: what an explorer asks for.

    address: where the code stands. asked: the address that was asked about; another one where that is a clone
    whose code is this. contract: the contract's name. compiler: `0.8.37+commit.…`. constructor_arguments: as
    the ABI encodes them, b"" where the constructor takes none; None where they cannot be seen, then `unknown`
    says why. creation_transaction: 0x…, None where it was not found. others: address → name of contracts of
    this library that this one was made with, which are to be published by themselves. standard_input: the
    compiler's input, all sources included, that gives this very code.
    """

    chain_id: int
    address: str
    asked: str
    contract: str
    source: str
    compiler: str
    constructor_arguments: bytes | None
    creation_transaction: str | None = None
    unknown: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    standard_input: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_behind_a_clone(self) -> bool:
        """Whether the address asked about is a clone, and this the code behind it."""
        return self.asked != self.address

    @property
    def identifier(self) -> str:
        """The contract by its full name: `path:Name`."""
        return f"{self.source}:{self.contract}"

    @property
    def compiler_version(self) -> str:
        """The compiler as explorers list it: `v0.8.37+commit.…`."""
        return f"v{self.compiler}"

    def standard_json(self) -> str:
        """The compiler's input as text: the file to upload."""
        return artifacts.dump_input(self.standard_input)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file to upload, whole or not at all. Raises OSError."""
        write_whole(path, self.standard_json())


@dataclass(frozen=True)
class Creation:
    """How a contract came to be: in which transaction, and from what code.

    init_code: creation code with the constructor's arguments after it; None where another contract's
    constructor created it, so that the transaction does not show it.
    """

    transaction: str
    init_code: bytes | None


def source_at(
    w3: Web3 | Node,
    address: str,
    *,
    creation_transaction: str | None = None,
    constructor_arguments: bytes | str | None = None,
) -> ContractSource:
    """Return the source of the contract at `address`, and how it was made. Sends nothing.

    Of a clone, such as every split is, it is that of the code behind it. creation_transaction: the hash of
    the transaction that created the contract; left out, it is looked for, by halving, which takes a node that
    keeps history. constructor_arguments: as the ABI encodes them, where that transaction cannot be found.

    Raises NotDeployed where there is no contract, or none of this version of the library; InvalidInput for a
    transaction or arguments that did not make this contract; ProviderError.
    """
    node = Node.of(w3)
    asked = given_address(address)
    place, code, artifact = _recognised(node, asked)
    given = None if constructor_arguments is None else _given_arguments(constructor_arguments)
    creation, unknown = _creation(node, place, creation_transaction)
    arguments = _arguments(node, place, code, artifact, creation)
    if given is not None:
        if arguments is not None and given != arguments:
            raise InvalidInput(
                f"{artifact.name} at {place} was created with the arguments 0x{arguments.hex()}, not these"
            )
        if arguments is None and _reproduces(node, place, code, artifact, given) is False:
            raise InvalidInput(f"{artifact.name} created with these arguments is not the code at {place}")
        arguments = given
    return ContractSource(
        chain_id=node.chain_id(),
        address=place,
        asked=asked,
        contract=artifact.name,
        source=artifact.source,
        compiler=artifact.compiler,
        constructor_arguments=arguments,
        creation_transaction=creation.transaction if creation else None,
        unknown="" if arguments is not None else unknown or "what created it does not show them",
        others=_others(node, place, code, artifact),
        standard_input=artifacts.shipped_input(),
    )


# ------------------------------------------------------------------------------------------ which it is


def _recognised(node: Node, address: str) -> tuple[str, bytes, Artifact]:
    """Return where the code stands (behind a clone, perhaps), the code, and the artifact that it is of."""
    code = node.code(address)
    if not code:
        raise NotDeployed(f"there is no contract at {address} on chain {node.chain_id()}", address=address)
    behind = _behind(code)
    place = address if behind is None else behind
    code = code if behind is None else node.code(place)
    artifact = _artifact_of(code)
    if artifact is None:
        what = f"the contract at {address}" if behind is None else f"the code at {place}, behind {address},"
        raise NotDeployed(
            f"{what} is none of this version of revshare, so its source is not here; the version that "
            "deployed it has it",
            address=place,
        )
    return place, code, artifact


def _behind(code: bytes) -> str | None:
    """Return the address of the code behind a clone; None if `code` is not one."""
    clone = Clone.read(code)
    if clone is not None:
        return clone.implementation
    before, after = _MINIMAL_CLONE
    if len(code) == len(before) + 20 + len(after) and code.startswith(before) and code.endswith(after):
        return given_address("0x" + code[len(before) :][:20].hex())
    return None


def _artifact_of(code: bytes) -> Artifact | None:
    loaded = map(artifacts.load, artifacts.names())
    return next((artifact for artifact in loaded if same_code(code, artifact)), None)


def _others(node: Node, address: str, code: bytes, artifact: Artifact) -> dict[str, str]:
    """Return the contracts of ours whose addresses the constructor has written into the code."""
    found = {}
    for place in sorted(addresses_within(code, artifact) - {address}):
        known = _artifact_of(node.code(place))
        if known is not None:
            found[place] = known.name
    return found


# ------------------------------------------------------------------------------------------ how it was made


def _creation(node: Node, address: str, given: str | None) -> tuple[Creation | None, str]:
    """Return how the contract at `address` was created; None, and why, where that cannot be seen."""
    if given is not None:
        tx_hash = given.lower()
        transaction = node.transaction(tx_hash) if _is_hash(tx_hash) else None
        creation = _creates(node, tx_hash, transaction, address) if transaction else None
        if creation is None:
            what = "is not on this chain" if transaction is None else f"did not create {address}"
            raise InvalidInput(f"transaction {given} {what}")
        return creation, ""
    try:
        block = created_in(node, address)
        for tx_hash, transaction in node.transactions(block).items():
            creation = _creates(node, tx_hash, transaction, address)
            if creation is not None:
                return creation, ""
    except ChainError as error:
        return None, f"this node does not show how {address} was created ({error})"
    return None, f"another contract created {address}, in block {block}"


def _is_hash(text: str) -> bool:
    digits = text.removeprefix("0x")
    return len(digits) == 64 and all(digit in "0123456789abcdef" for digit in digits)


def _creates(node: Node, tx_hash: str, transaction: Mapping[str, Any], address: str) -> Creation | None:
    """Return the creation of `address` if this transaction is that: by itself, by the common CREATE2
    deployer, or by the constructor of what these create.
    """
    data, to = read_bytes(transaction["data"]), transaction.get("to")
    if to is None:
        mined = node.mined(tx_hash)
        made, init_code = mined.contract_address if mined else None, data
    elif str(to).lower() == DEPLOYER.lower():
        made, init_code = create2_address(DEPLOYER, data[:32], data[32:]), data[32:]
    else:
        return None
    if made is None:
        return None
    if made.lower() == address.lower():
        return Creation(tx_hash, init_code)
    inside = (create_address(made, nonce) for nonce in range(1, _MOST_CREATED + 1))
    return Creation(tx_hash, None) if address in inside else None


def _arguments(
    node: Node, address: str, code: bytes, artifact: Artifact, creation: Creation | None
) -> bytes | None:
    """Return the constructor's arguments, from the creation or from what was written into the code."""
    types = _argument_types(artifact)
    if not types:
        return b""
    if creation is not None and creation.init_code is not None:
        before, arguments = artifact.bytecode, creation.init_code[len(artifact.bytecode) :]
        return arguments if creation.init_code.startswith(before) and _is_of(types, arguments) else None
    return _arguments_within(node, address, code, artifact, types)


def _argument_types(artifact: Artifact) -> list[str]:
    constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), {})
    return [argument["type"] for argument in constructor.get("inputs", ())]


def _is_of(types: Iterable[str], arguments: bytes) -> bool:
    try:
        decode(list(types), arguments)
    except (DecodingError, OverflowError):
        return False
    return True


def _arguments_within(
    node: Node, address: str, code: bytes, artifact: Artifact, types: list[str]
) -> bytes | None:
    """Return the only arguments, of words found in the code, by which the constructor gives this code."""
    own = bytes(12) + bytes.fromhex(address[2:])
    words = sorted(set(_words_within(code, artifact)) - {own})
    tried = list(permutations(words, len(types)))
    if not all(map(_is_a_word, types)) or len(tried) > _MOST_TRIED:
        return None
    right = [
        arguments
        for arguments in map(b"".join, tried)
        if _is_of(types, arguments) and _reproduces(node, address, code, artifact, arguments)
    ]
    return right[0] if len(right) == 1 else None


def _is_a_word(kind: str) -> bool:
    return kind.startswith(("address", "bool", "uint", "int", "bytes")) and not kind.endswith(("]", "bytes"))


def _words_within(code: bytes, artifact: Artifact) -> Iterator[bytes]:
    for places in artifact.immutable_references.values():
        for place in places:
            yield code[place["start"] : place["start"] + place["length"]].rjust(32, b"\0")


def _reproduces(node: Node, address: str, code: bytes, artifact: Artifact, arguments: bytes) -> bool | None:
    """Whether the constructor, tried on the node with these arguments, gives the code at `address`.

    What it writes its own address into differs, for it is tried elsewhere. None where the node does not try.
    """
    try:
        made = node.call({"data": "0x" + (artifact.bytecode + arguments).hex()}, contract=artifact.name)
    except ContractError:
        return False
    except ChainError:
        return None
    own = bytes(12) + bytes.fromhex(address[2:])
    pairs = zip(_words_within(code, artifact), _words_within(made, artifact), strict=True)
    return same_code(made, artifact) and all(word in (own, again) for word, again in pairs)


def _given_arguments(given: bytes | str) -> bytes:
    if isinstance(given, bytes):
        return given
    try:
        return bytes.fromhex(given.removeprefix("0x"))
    except ValueError:
        raise InvalidInput(
            "a constructor's arguments are given as hex digits, as the ABI encodes them"
        ) from None
