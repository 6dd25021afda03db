"""One sale, and the leaf by which a remittance commits to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from eth_hash.auto import keccak

from revshare.errors import AmountError, AmountTypeError, InvalidInput
from revshare.money import AMOUNT_LIMIT, units

Metadata = str | int | bool | None

MAX_SALE = 2**128
"""A sale is of at most this many base units, a credit note of at most minus as many."""

DETAILS = ("agreement", "sku", "territory", "channel", "currency", "rate", "rate_source", "zone")
"""What a sale may say besides. Canonical JSON names only those that are set."""

_TEXTS = ("source", "external_id", "token", "description", *DETAILS)
_RATE = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,40})?")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale, or a credit note when `amount` is negative.

    source and external_id: who reported it and under which number; together they identify it.
    occurred_at: an instant, with time zone; kept in UTC. amount: base units of `token`, which is a symbol; at
    most 2^128 either way. metadata: what else the source says: text, whole numbers, true, false or null.

    agreement: the name of the agreement whose revenue it is. sku, territory, channel: what was sold, where,
    how. currency, rate, rate_source: what it was sold in when that is not the token, how many tokens one unit
    of the currency was (a decimal number as text, ``"1.2345"``) and who says so. zone: the time zone it was
    reported in, an IANA name or an offset like ``+10:00``.

    Raises InvalidInput for an empty identity, a naive time, metadata of another kind, or a NUL in any text;
    AmountTypeError for a float; AmountError beyond 2^128.
    """

    source: str
    external_id: str
    occurred_at: datetime
    amount: int
    token: str
    description: str = ""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    agreement: str = field(default="", kw_only=True)
    sku: str = field(default="", kw_only=True)
    territory: str = field(default="", kw_only=True)
    channel: str = field(default="", kw_only=True)
    currency: str = field(default="", kw_only=True)
    rate: str = field(default="", kw_only=True)
    rate_source: str = field(default="", kw_only=True)
    zone: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        for name in ("source", "external_id", "token"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise InvalidInput(f"a sale's {name} must be text, and not empty")
        if not isinstance(self.description, str):
            raise InvalidInput("a sale's description must be text")
        if isinstance(self.rate, float):
            raise AmountTypeError(
                f"a sale's rate must be text such as '1.2345', not {self.rate!r} (float)", value=self.rate
            )
        for name in DETAILS:
            if not isinstance(getattr(self, name), str):
                raise InvalidInput(f"a sale's {name} must be text")
        if not isinstance(self.occurred_at, datetime) or self.occurred_at.utcoffset() is None:
            raise InvalidInput(
                "a sale's occurred_at must be a datetime with a time zone, e.g. tzinfo=datetime.UTC"
            )
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not (value is None or isinstance(value, (str, int))):
                raise InvalidInput(f"metadata[{key!r}] must be text, a whole number, true, false or null")
            if isinstance(value, int) and not -AMOUNT_LIMIT < value < AMOUNT_LIMIT:
                raise InvalidInput(f"metadata[{key!r}] is beyond 2^256")
        amount = units(self.amount, "a sale's amount")
        if not -MAX_SALE <= amount <= MAX_SALE:
            raise AmountError("a sale's amount must be within 2^128 base units", value=amount)
        # object.__setattr__ is how a frozen dataclass normalises what it was given.
        object.__setattr__(self, "amount", amount)
        object.__setattr__(self, "occurred_at", _utc(self.occurred_at))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        self._check_texts()

    def _check_texts(self) -> None:
        if self.rate and not _RATE.fullmatch(self.rate):
            raise InvalidInput(f"a sale's rate must be plain digits such as '1.2345', not {self.rate!r}")
        if self.zone and not _ZONE.fullmatch(self.zone):
            raise InvalidInput(
                f"a sale's zone must be a name such as 'Europe/Paris' or an offset such as '+10:00', "
                f"not {self.zone!r}"
            )
        for name in _TEXTS:
            value = getattr(self, name)
            if type(value) is not str:  # NumPy's, for one: databases want it plain
                object.__setattr__(self, name, str.__str__(value))
        texts = (self.source, self.external_id, self.token, self.description)
        joined = "".join((*texts, *(getattr(self, name) for name in DETAILS), *_texts(self.metadata)))
        try:
            joined.encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair, from a broken decoder
            raise InvalidInput(f"a sale's text must be valid Unicode: {error}") from None
        if "\0" in joined:  # PostgreSQL cannot store it, and the ledger's hash chain ends each field with one
            raise InvalidInput("a sale's text cannot hold a NUL character")

    def __hash__(self) -> int:
        return hash((self.source, self.external_id, self.amount))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled.
        values = (self.source, self.external_id, self.occurred_at, self.amount, self.token, self.description)
        return _rebuild, (*values, dict(self.metadata), self._details())

    def _details(self) -> dict[str, str]:
        return {name: value for name in DETAILS if (value := getattr(self, name))}

    @property
    def is_credit_note(self) -> bool:
        """Whether money was given back."""
        return self.amount < 0

    def canonical(self) -> bytes:
        """Return the sale as canonical JSON: the text that `leaf` hashes, for anyone to reproduce.

        UTF-8, keys in ascending order, no white space, no character escaped that need not be; `amount` a
        decimal string of base units; `occurred_at` in UTC like ``2011-03-01T08:26:00.000000Z``. Agreement,
        SKU, territory, channel, currency, rate, its source and the zone are named only when they are set.
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
                **self._details(),
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


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{moment} is beyond the years 1 to 9999 in UTC") from None


def _rebuild(*values: Any) -> Sale:
    *positional, details = values
    return Sale(*positional, **details)


def _texts(metadata: Mapping[str, Metadata]) -> Iterator[str]:
    yield from metadata
    yield from (value for value in metadata.values() if isinstance(value, str))
