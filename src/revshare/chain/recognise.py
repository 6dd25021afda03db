"""Whether what stands at an address is a split, or a factory, of this version: by its code and by its place.

Code alone proves little. Whoever creates a contract decides by the init code what its storage holds, so a
stranger can give the very code of a split credits of its own, or other terms. An address that follows from
init code by CREATE2 does prove it: nothing can be there but what that code made. So the factory at the same
address on every chain is known by its address, and so are its splits. Any other factory is a matter of trust,
for there may have been other code at its address before, which made splits.
"""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from revshare.chain import artifacts
from revshare.chain.abi import word
from revshare.chain.clones import Clone, create_address, same_code, words_within
from revshare.chain.node import Node
from revshare.chain.placing import canonical_address
from revshare.errors import NotDeployed

__all__ = ["AMENDABLE_IMPLEMENTATION", "IMPLEMENTATION", "check_factory", "clone_at", "default_factory"]

# Which of the contracts that a factory creates; before each comes the back office behind it.
IMPLEMENTATION = 2
AMENDABLE_IMPLEMENTATION = 4


def default_factory() -> str:
    """Where the factory is on every chain that has it."""
    return canonical_address(artifacts.load("RevenueSplitFactory").bytecode)


def check_factory(node: Node, address: str) -> None:
    """Raise NotDeployed unless this version's factory is at `address`, with the contracts that it creates.

    The factory's constructor creates them, and writes down where they are. Whoever puts its code in place by
    other init code can have written anything, and created anything there; so both are looked at, except at
    the default address, where no other init code can have been.
    """
    code = node.code(address)
    if not code:
        raise NotDeployed(
            f"there is no factory at {address} on chain {node.chain_id()}; RevenueSplitFactory.deploy "
            "places one",
            address=address,
        )
    artifact = artifacts.load("RevenueSplitFactory")
    ours = same_code(code, artifact)
    if ours and address != default_factory():
        made = [create_address(address, nonce) for nonce in (IMPLEMENTATION, AMENDABLE_IMPLEMENTATION)]
        # The compiler numbers them in the order of declaration.
        written = [words for _, words in sorted(words_within(code, artifact).items(), key=_number)]
        ours = written == [{word(each)} for each in made] and all(
            _is_ours(node, each, amendable=amendable)
            for each, amendable in zip(made, (False, True), strict=True)
        )
    if not ours:
        raise NotDeployed(f"the contract at {address} is not this version's factory", address=address)


def clone_at(node: Node, address: str, factory: str | None = None, *, anywhere: bool = False) -> Clone:
    """Return what the split at `address` is made of.

    factory: the one that made it; left out, the one at the same address on every chain. anywhere: whoever
    made it, for what was looked at before, and where a split made by a stranger does no harm.

    Raises NotDeployed where there is none, none of this version, or none of that factory's.
    """
    code = node.code(address)
    if not code:
        raise NotDeployed(
            f"there is no contract at {address} on chain {node.chain_id()}. If that is the address of your "
            "agreement's split (RevenueSplit.predict_address), RevenueSplit.deploy creates it, and what was "
            "sent there is revenue",
            address=address,
        )
    clone = Clone.read(code)
    if clone is None or not _is_ours(node, clone.implementation, amendable=bool(clone.governance)):
        raise NotDeployed(
            f"the contract at {address} is not a RevenueSplit of this version of revshare", address=address
        )
    if not anywhere:
        _check_maker(node, address, clone, factory)
    return clone


def _check_maker(node: Node, address: str, clone: Clone, factory: str | None) -> None:
    """Raise NotDeployed unless the factory made the split at `address`, and is one."""
    maker = factory or default_factory()
    implementation = create_address(maker, AMENDABLE_IMPLEMENTATION if clone.governance else IMPLEMENTATION)
    if clone.implementation != implementation or clone.address(maker) != address:
        raise NotDeployed(
            f"the contract at {address} has the code of a split, and the factory at {maker} did not make it: "
            "whoever did can have written anything into it. If it was made by another factory, which you or "
            "people you trust have placed, pass factory=, its address",
            address=address,
        )
    if factory is not None:
        check_factory(node, factory)


def _is_ours(node: Node, implementation: str, *, amendable: bool) -> bool:
    """Whether the code behind splits is that of this version, and the back office behind that as well.

    The back office runs in the split's name, so a stranger's could do anything with its money. What the
    constructors wrote into either must be what they write, each in its place: their own addresses, and the
    back office's.
    """
    front, behind = ("AmendableSplit", "AmendableBackOffice") if amendable else ("RevenueSplit", "BackOffice")
    code, artifact, office = node.code(implementation), artifacts.load(front), artifacts.load(behind)
    if not same_code(code, artifact):
        return False
    written = words_within(code, artifact)
    # A back office knows nothing but its own address, which is the same variable in both.
    (itself,) = office.immutable_references
    if written.pop(itself, None) != {word(implementation)} or len(written) != 1:
        return False
    (words,) = written.values()
    at = to_checksum_address(min(words)[12:])
    if words != {word(at)}:
        return False
    code = node.code(at)
    return same_code(code, office) and words_within(code, office) == {itself: {word(at)}}


def _number(entry: tuple[str, set[bytes]]) -> int:
    return int(entry[0])
