"""Governance as a split carries it: one word of its code, as solidity/src/lib/Governance.sol states it.

Nothing here talks to a node.
"""

from __future__ import annotations

from eth_utils.address import to_canonical_address, to_checksum_address

from revshare._governance import Governance
from revshare.errors import InvalidInput

__all__ = ["governance_of", "governance_word"]

_QUORUM, _CONTROLLER = 1, 2


def governance_word(governance: Governance | None) -> bytes:
    """Return the 32 bytes that say how terms may be amended; none where they may not."""
    if governance is None:
        return b""
    if governance.controller is None:
        return bytes([_QUORUM]) + governance.hundredths.to_bytes(2, "big") + bytes(29)
    notice = governance.seconds.to_bytes(4, "big")
    return bytes([_CONTROLLER, 0, 0]) + notice + bytes(5) + to_canonical_address(governance.controller)


def governance_of(word: bytes) -> Governance | None:
    """Return what `governance_word` packed. Raises InvalidInput for what is no governance."""
    if not word:
        return None
    found: Governance | None = None
    if word[0] == _QUORUM:
        whole, part = divmod(int.from_bytes(word[1:3], "big"), 100)
        found = Governance(quorum=f"{whole}.{part:02d}%" if part else f"{whole}%")
    elif word[0] == _CONTROLLER:
        found = Governance(controller=to_checksum_address(word[12:]), notice=int.from_bytes(word[3:7], "big"))
    if found is None or governance_word(found) != word:
        raise InvalidInput(f"0x{word.hex()} is not a governance")
    return found
