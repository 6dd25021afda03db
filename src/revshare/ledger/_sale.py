"""One sale, and the leaf by which a remittance commits to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from eth_hash.auto import keccak

from revshare.errors import InvalidInput
from revshare.money import units

Metadata = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale, or a credit note when `amount` is negative.

    source and external_id: who reported it and under which number; together they identify it.
    occurred_at: an instant, with time zone; kept in UTC. amount: base units of `token`, which is a symbol.
    metadata: what else the source says: text, whole numbers, true, false or null.

    Raises InvalidInput for an empty identity, a naive time or metadata of another kind; AmountTypeError for a
    float.
    """

    source: str
    external_id: str
    occurred_at: datetime
    amount: int
    token: str
    description: str = ""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("source", "external_id", "token"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise InvalidInput(f"a sale's {name} must be text, and not empty")
        if not isinstance(self.description, str):
            raise InvalidInput("a sale's description must be text")
        if not isinstance(self.occurred_at, datetime) or self.occurred_at.utcoffset() is None:
            raise InvalidInput(
                "a sale's occurred_at must be a datetime with a time zone, e.g. tzinfo=datetime.UTC"
            )
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not (value is None or isinstance(value, (str, int))):
                raise InvalidInput(f"metadata[{key!r}] must be text, a whole number, true, false or null")
        # object.__setattr__ is how a frozen dataclass normalises what it was given.
        object.__setattr__(self, "amount", units(self.amount, "a sale's amount"))
        object.__setattr__(self, "occurred_at", self.occurred_at.astimezone(UTC))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        texts = (self.source, self.external_id, self.token, self.description, *_texts(self.metadata))
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair, from a broken decoder
            raise InvalidInput(f"a sale's text must be valid Unicode: {error}") from None

    def __hash__(self) -> int:
        return hash((self.source, self.external_id, self.amount))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled.
        values = (self.source, self.external_id, self.occurred_at, self.amount, self.token, self.description)
        return Sale, (*values, dict(self.metadata))

    @property
    def is_credit_note(self) -> bool:
        """Whether money was given back."""
        return self.amount < 0

    def canonical(self) -> bytes:
        """Return the sale as canonical JSON: the text that `leaf` hashes, for anyone to reproduce.

        UTF-8, keys in ascending order, no white space, no character escaped that need not be; `amount` a
        decimal string of base units; `occurred_at` in UTC like ``2011-03-01T08:26:00.000000Z``.
        """
        return json.dumps(
            {
                "amount": str(self.amount),
                "description": self.description,
                "external_id": self.external_id,
                "metadata": dict(self.metadata),
                "occurred_at": self.occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "source": self.source,
                "token": self.token,
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        ).encode()

    def leaf(self) -> bytes:
        """Return keccak256(keccak256(canonical JSON)), 32 bytes: the sale's leaf in the tree of a remittance.

        Hashed twice, so that no text of 64 bytes can pass for an inner node.
        """
        return keccak(keccak(self.canonical()))


def _texts(metadata: Mapping[str, Metadata]) -> Iterator[str]:
    yield from metadata
    yield from (value for value in metadata.values() if isinstance(value, str))
