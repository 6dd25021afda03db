"""What accounts remember from one close to the next: a value that can be saved, loaded and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from revshare._model import show
from revshare.errors import InvalidInput

FORMAT = "revshare accounts 1"
_MOST_BITS = 10_000
Key = tuple[str, str]
"""Source and external id: together they identify a sale."""


class Seen(NamedTuple):
    """What is kept of a sale that was closed, so that a credit note can be reversed as it was shared.

    close: the number of the close. book: the place of its agreement. amount: base units. day: the proleptic
    ordinal of the day whose terms hold. where: the number of the rule that shared it, -1 for the tiers.
    units: sold. excess: base units that each cap per sale took, by number of the rule. reverses: the sale
    whose credit note it is.
    """

    close: int
    book: int
    amount: int
    day: int
    where: int
    units: int
    excess: tuple[tuple[int, int], ...]
    reverses: Key | None


class Closed(NamedTuple):
    """The period that was closed last."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class State:
    """All that the next close needs. Never changed: each close makes a new one.

    zone: whose midnights periods begin and end at. number: closes so far. closed: the last. digest: of what
    it was given. books: by agreement, what its rules have counted and the balances of its accounts. pools:
    likewise of pooled recoups. seen: every sale closed. before: the state before the last close, without its
    sales, so that it can be repeated.
    """

    zone: str
    number: int = 0
    closed: Closed | None = None
    digest: str = ""
    books: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    pools: Mapping[str, dict[str, int]] = field(default_factory=dict)
    seen: Mapping[Key, Seen] = field(default_factory=dict)
    before: State | None = None

    def earlier(self) -> State:
        """Return the state before the last close."""
        if self.before is None:
            raise InvalidInput("nothing has been closed yet")
        last = self.number
        seen = {key: sale for key, sale in self.seen.items() if sale.close < last}
        before = self.before
        return State(
            before.zone, before.number, before.closed, before.digest, before.books, before.pools, seen
        )

    def to_json(self) -> str:
        """Return the state as JSON, whole numbers as text, which `from_json` takes back."""
        return json.dumps({"format": FORMAT, **self._data()}, ensure_ascii=False, separators=(",", ":"))

    def _data(self) -> dict[str, Any]:
        seen: dict[str, dict[str, Any]] = {}
        for (source, external_id), sale in self.seen.items():
            seen.setdefault(source, {})[external_id] = [*_texts(sale[:6]), _texts(sale.excess), sale.reverses]
        return {
            "zone": self.zone,
            "number": str(self.number),
            "closed": self.closed
            and [self.closed.name, self.closed.start.isoformat(), self.closed.end.isoformat()],
            "digest": self.digest,
            "books": {
                name: {
                    "known": book["known"],
                    **{part: _texts(value) for part, value in book.items() if part != "known"},
                }
                for name, book in self.books.items()
            },
            "pools": _texts(self.pools),
            "seen": seen,
            "before": self.before and self.before._data(),  # noqa: SLF001
        }

    @classmethod
    def from_json(cls, text: str) -> State:
        """Return the state that `to_json` wrote. Raises InvalidInput where it is not as that writes it."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"the state is not JSON: {error}") from None
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidInput(f"this is not a state of format {FORMAT!r}")
        try:
            return cls._from(data)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InvalidInput(f"the state is damaged: {show(str(error))}") from None

    @classmethod
    def _from(cls, data: dict[str, Any]) -> State:
        closed = data["closed"]
        seen = {
            (source, external_id): Seen._make(
                (*map(int, row[:6]), tuple(map(tuple, _ints(row[6]))), row[7] and tuple(row[7]))
            )
            for source, rows in data["seen"].items()
            for external_id, row in rows.items()
        }
        return cls(
            data["zone"],
            int(data["number"]),
            closed
            and Closed(closed[0], datetime.fromisoformat(closed[1]), datetime.fromisoformat(closed[2])),
            data["digest"],
            {
                name: {part: value if part == "known" else _ints(value) for part, value in book.items()}
                for name, book in data["books"].items()
            },
            _ints(data["pools"]),
            seen,
            data["before"] and cls._from(data["before"]),
        )


def _texts(value: Any) -> Any:
    """Return data with every int as text."""
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(item) for item in value]
    if value is None:
        return None
    # Fractions of weights may grow without end, and Python writes no more than 4,300 digits in decimal.
    return str(value) if value.bit_length() < _MOST_BITS else hex(value)


def _ints(value: Any) -> Any:
    """Return data with every text as int: the way back."""
    if isinstance(value, dict):
        return {key: _ints(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_ints(item) for item in value]
    return value if value is None else int(value, 0)
