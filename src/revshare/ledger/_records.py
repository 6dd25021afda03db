"""What the ledger gives back: plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from revshare.errors import InvalidInput, Problem

from ._sale import Sale


@dataclass(frozen=True, slots=True)
class Entry:
    """A sale as the ledger holds it.

    seq: its number, 1, 2, 3 … without a gap. recorded_at: when it was recorded, UTC. import_id: of the
    manifest it came with, or None.
    """

    sale: Sale
    seq: int
    recorded_at: datetime
    import_id: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording one sale did: its entry, and whether that is `new` or was there already."""

    entry: Entry
    new: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What recording many did: how many were `new`, how many `known` already, and the new entries' numbers.

    first and last are None when nothing was new. import_id: of the manifest, when there is one.
    """

    new: int
    known: int
    first: int | None = None
    last: int | None = None
    import_id: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over sales, in base units, exact.

    count: of sales and credit notes together. gross: of the sales. credit_notes: of what was given back, 0 or
    negative. net = gross + credit_notes.
    """

    count: int
    gross: int
    credit_notes: int

    @property
    def net(self) -> int:
        """What remains of the sales after credit notes."""
        return self.gross + self.credit_notes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file said when it was imported.

    file_hash and mapping_hash: hexadecimal; together they identify the import: the same file read in the same
    way is imported once. name: of the file, for people. lines: read from it; skipped: of these, filtered out.
    totals: net base units by token symbol. The ledger fills in the rest: `id`, how many sales were `new` and
    `known`, `recorded_at`.
    """

    name: str
    file_hash: str
    mapping_hash: str = ""
    lines: int = 0
    skipped: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)
    id: int | None = None
    new: int = 0
    known: int = 0
    recorded_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.file_hash:
            raise InvalidInput("a manifest needs the hash of its file")
        object.__setattr__(self, "totals", MappingProxyType(dict(self.totals)))

    def __hash__(self) -> int:
        return hash((self.file_hash, self.mapping_hash))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.name, self.file_hash, self.mapping_hash, self.lines, self.skipped, dict(self.totals))
        return Manifest, (*values, self.id, self.new, self.known, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Verification:
    """What `Ledger.verify` found. entries and links: how many were checked. head: of the chain, hexadecimal.

    problems: everything that is not as it was recorded, and where.
    """

    entries: int
    links: int
    head: str
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok
