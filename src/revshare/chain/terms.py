"""An agreement's terms as the contract reads them: packed bytes, the commitment to them, a payee's proof.

The format is stated once, in `solidity/src/lib/Terms.sol`; this is the same in Python. Terms are pure bytes:
nothing here talks to a chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address

from revshare.errors import InvalidInput, UnknownPayee
from revshare.merkle import MerkleTree
from revshare.money import Token
from revshare.schedule import Schedule, TierTerms

__all__ = ["COIN", "MAX_REVENUE", "MAX_TIERS", "Terms", "record_id"]

COIN = "0x0000000000000000000000000000000000000000"
"""What stands for the chain's own coin where a token's address is asked for."""

MAX_REVENUE = 2**127 - 1
"""Units of one token that a contract counts as revenue; what comes after is held and not shared."""

MAX_TIERS = 8
"""Tiers that a contract takes."""

_FORMAT = b"\0"
_LEAF, _NODE, _WHOLE = b"\0", b"\1", b"\2"
"""What the three kinds of hashes begin with."""
_PAGE = 4
"""Entries on one leaf of the Merkle tree."""
_ADDRESS = 20


@dataclass(frozen=True)
class Terms:
    """A schedule and its settlement token's address, packed.

    `schedule` is in the agreement's own order of payees; on the chain payees stand in the order of their
    addresses, which changes nothing in what they earn. `token` is the settlement token's address, or `COIN`.

    Raises InvalidInput for terms that no factory takes.
    """

    schedule: Schedule
    token: str = COIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", to_checksum_address(self.token))
        self._refuse_what_no_factory_takes()

    def _refuse_what_no_factory_takes(self) -> None:
        """Raise InvalidInput for these: money sent to the address that they come to would be lost."""
        schedule = self.schedule
        if len(schedule.tiers) > MAX_TIERS:
            raise InvalidInput(f"{len(schedule.tiers)} tiers are too many: a contract takes {MAX_TIERS}")
        owners: dict[bytes, str] = {}
        for place, (name, address) in enumerate(zip(schedule.payees, schedule.addresses, strict=True)):
            weights = [tier.weights[place] for tier in schedule.tiers]
            if not any(weights):
                raise InvalidInput(f"the payee {name!r} has no weight in any tier")
            if max(weights) >= 2**32:
                raise InvalidInput(f"a weight of {name!r} is {max(weights)}: a contract takes less than 2^32")
            other = owners.setdefault(to_canonical_address(address), name)
            if other != name:
                raise InvalidInput(f"the payees {other!r} and {name!r} have one address, {address}")
        if bytes(_ADDRESS) in owners:
            raise InvalidInput(
                f"the payee {owners[bytes(_ADDRESS)]!r} has the zero address, which is nobody's"
            )
        last = schedule.tiers[-1]
        if last.start >= MAX_REVENUE:
            raise InvalidInput(
                f"the last tier starts at {last.start}; a contract counts up to {MAX_REVENUE} units"
            )

    @classmethod
    def decode(
        cls, encoded: bytes, token: Token | None = None, names: Mapping[str, str] | None = None
    ) -> Terms:
        """Return the terms that `encoded` says, as a split's `SplitCreated` event carries them.

        token: the settlement token, if its symbol and decimals are known. names: address → name of payees;
        one without a name is called by its address. Payees stand in the order of their addresses.

        Raises InvalidInput when `encoded` is not the packed form of any terms.
        """
        count = encoded[21] if len(encoded) > 21 else 0
        head, stride = 22 * (1 + count), 20 + 4 * count
        if not count or len(encoded) <= head or (len(encoded) - head) % stride or encoded[:1] != _FORMAT:
            raise InvalidInput(f"these {len(encoded)} bytes are not the terms of a split")
        address = to_checksum_address(encoded[1:21])
        entries = [encoded[at : at + stride] for at in range(head, len(encoded), stride)]
        payees = tuple(to_checksum_address(entry[:20]) for entry in entries)
        tiers, start = [], 0
        for t in range(count):
            end = int.from_bytes(encoded[22 * (t + 1) : 22 * (t + 1) + 16], "big")
            weights = tuple(int.from_bytes(entry[20 + 4 * t : 24 + 4 * t], "big") for entry in entries)
            tiers.append(TierTerms(start, end or None, weights, sum(weights)))
            start = end
        called = {to_checksum_address(owner): name for owner, name in (names or {}).items()}
        if token is None:
            token = Token(symbol="units", decimals=0, address=None if address == COIN else address)
        schedule = Schedule(tuple(called.get(payee, payee) for payee in payees), payees, tuple(tiers), token)
        terms = cls(schedule, address)
        if terms.encoded != encoded:
            raise InvalidInput("these bytes are not in the form that terms have: sorted, with right totals")
        return terms

    @cached_property
    def header(self) -> bytes:
        """Packed: format ‖ token ‖ T ‖ T × (until ‖ total)."""
        tiers = self.schedule.tiers
        return b"".join(
            (
                _FORMAT,
                to_canonical_address(self.token),
                len(tiers).to_bytes(1, "big"),
                *((tier.end or 0).to_bytes(16, "big") + tier.total.to_bytes(6, "big") for tier in tiers),
            )
        )

    @cached_property
    def order(self) -> tuple[int, ...]:
        """For each place on the chain, the payee's index in the schedule."""
        addresses = [to_canonical_address(address) for address in self.schedule.addresses]
        return tuple(sorted(range(len(addresses)), key=addresses.__getitem__))

    @cached_property
    def _entries(self) -> tuple[bytes, ...]:
        schedule = self.schedule
        return tuple(
            to_canonical_address(schedule.addresses[i])
            + b"".join(tier.weights[i].to_bytes(4, "big") for tier in schedule.tiers)
            for i in self.order
        )

    @cached_property
    def _pages(self) -> tuple[Sequence[bytes], ...]:
        return tuple(self._entries[i : i + _PAGE] for i in range(0, len(self._entries), _PAGE))

    @cached_property
    def _tree(self) -> MerkleTree:
        leaves = (keccak(_LEAF + b"".join(page)) for page in self._pages)
        return MerkleTree(leaves, sort_pairs=False, before_pairs=_NODE)

    @cached_property
    def encoded(self) -> bytes:
        """What `create` and `distribute` ask for: header ‖ entries."""
        return self.header + b"".join(self._entries)

    @cached_property
    def commitment(self) -> bytes:
        """The 32 bytes that a split carries in its code."""
        length = len(self.encoded).to_bytes(32, "big")
        return keccak(_WHOLE + self._tree.root + length + self.header)

    def proof(self, payee: str) -> bytes:
        """What `claim` asks for: length of the terms ‖ header ‖ place ‖ sides ‖ page ‖ siblings.

        The page is the payee's, without its address. Raises UnknownPayee.
        """
        schedule = self.schedule
        if payee not in schedule.payees:
            raise UnknownPayee(payee, schedule.payees)
        number, place = divmod(self.order.index(schedule.payees.index(payee)), _PAGE)
        page = list(self._pages[number])
        page[place] = page[place][_ADDRESS:]
        return b"".join(
            (
                len(self.encoded).to_bytes(4, "big"),
                self.header,
                bytes([16 * len(page) + place]),
                self._tree.sides(number).to_bytes(2, "big"),
                *page,
                *self._tree.proof(number),
            )
        )


def record_id(name: str | bytes) -> bytes:
    """The 32 bytes by which a sale or batch is known to the contract.

    Text of at most 31 bytes of UTF-8 stands there itself, readable, filled with zeros; longer text as its
    keccak-256. Bytes must be 32 already. Different texts have different ids, so none may hold a zero byte.
    """
    if isinstance(name, bytes):
        if len(name) != 32:
            raise InvalidInput(f"an id in bytes has 32 of them, not {len(name)}")
        return name
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"an id is a non-empty text or 32 bytes, not {name!r}")
    if "\0" in name:
        # It would be the same 32 bytes as the id without it.
        raise InvalidInput(f"an id is text without zero bytes, not {name!r}")
    try:
        text = name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"an id is text that can be written in UTF-8, not {name!r}") from error
    return text.ljust(32, b"\0") if len(text) <= 31 else keccak(text)
