"""Sales as they are handed over: checked, put in order, and each told what it reverses."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple, Protocol

from revshare._model import show
from revshare.errors import InvalidInput, did_you_mean
from revshare.money import units

from ._book import Event
from ._state import Key, Seen

_WHOLE = re.compile("-?[0-9]{1,38}")


class SaleLike(Protocol):
    """A sale or credit note, such as `revshare.Sale`.

    amount: base units of `token`, the symbol of the agreements' token. occurred_at: with a time zone.
    agreement: whose revenue it is; may be empty where there is one agreement only. metadata: of which
    `reverses` counts, the external id of what a credit note takes back, and `quantity`, the units sold, whole
    and perhaps as text; 1 where it is not there.
    """

    @property
    def source(self) -> str: ...
    @property
    def external_id(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def amount(self) -> int: ...
    @property
    def token(self) -> str: ...
    @property
    def agreement(self) -> str: ...
    @property
    def sku(self) -> str: ...
    @property
    def territory(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object]: ...


class Given(NamedTuple):
    """A sale as handed over, checked. quantity: None where it says none. reverses: another's key, or None."""

    key: Key
    moment: datetime
    amount: int
    agreement: str
    tags: tuple[str, str, str]
    quantity: int | None
    reverses: Key | None


def read(sales: Iterable[SaleLike], agreements: Iterable[str], token: str) -> list[Given]:
    """Return sales in the order in which they are taken: by time, then source and external id.

    A credit note comes after what it reverses. Raises InvalidInput for what stands twice, of another
    agreement, in another token, or without a time zone.
    """
    names = list(agreements)
    found: dict[Key, Given] = {}
    for sale in sales:
        given = _read(sale, names, token)
        if given.key in found:
            raise InvalidInput(f"{_called(given.key)} stands twice in what is to be closed")
        found[given.key] = given
    ranks: dict[Key, tuple[datetime, int]] = {}
    return sorted(found.values(), key=lambda given: (*_rank(given, found, ranks), given.key))


def _read(sale: SaleLike, names: list[str], token: str) -> Given:
    key = (str(sale.source), str(sale.external_id))
    if sale.occurred_at.utcoffset() is None:
        raise InvalidInput(f"{_called(key)}: occurred_at must have a time zone")
    agreement = sale.agreement or (names[0] if len(names) == 1 else "")
    if agreement not in names:
        hint = did_you_mean(agreement, names)
        raise InvalidInput(
            f"{_called(key)} is of no agreement here: {show(agreement)}" + (f"; {hint}" * bool(hint))
        )
    if sale.token != token:  # units of another would count as units of this
        raise InvalidInput(f"{_called(key)} is in {show(sale.token)}, and these accounts are in {token}")
    quantity, reverses = sale.metadata.get("quantity"), sale.metadata.get("reverses")
    if isinstance(quantity, str) and _WHOLE.fullmatch(quantity):
        quantity = int(quantity)  # as an import keeps the texts of a file
    if quantity is not None:
        quantity = abs(units(quantity, f"the quantity of {_called(key)}"))
    if reverses is not None and not isinstance(reverses, str):
        raise InvalidInput(f"{_called(key)}: `reverses` must be an external id, not {show(reverses)}")
    return Given(
        key,
        sale.occurred_at.astimezone(UTC),
        units(sale.amount, f"the amount of {_called(key)}"),
        agreement,
        (sale.territory, sale.sku, sale.channel),
        quantity,
        None if reverses is None else (key[0], reverses),
    )


def _rank(
    given: Given, found: Mapping[Key, Given], ranks: dict[Key, tuple[datetime, int]]
) -> tuple[datetime, int]:
    """Return when a sale is taken: a credit note is after what it reverses, whatever its time."""
    way = [given]
    while way[-1].reverses in found and way[-1].key not in ranks:
        target = found[way[-1].reverses]  # type: ignore[index]
        if target in way:
            raise InvalidInput(f"{_called(given.key)} reverses itself")
        way.append(target)
    for one in reversed(way):
        if one.key not in ranks:
            before = ranks[one.reverses] if one.reverses in found else None  # type: ignore[index]
            ranks[one.key] = (
                (one.moment, 0) if before is None else max((one.moment, 0), (before[0], before[1] + 1))
            )
    return ranks[given.key]


def digest(period: tuple[datetime, datetime], sales: list[Given], *tables: object) -> str:
    """Return a hash of all that a period is closed with."""
    hashed = hashlib.sha256(json.dumps([[t.isoformat() for t in period], *tables], sort_keys=True).encode())
    for given in sales:
        row = (*given.key, given.moment.isoformat(), str(given.amount), *given[3:])
        hashed.update(json.dumps(row).encode())
    return hashed.hexdigest()


class Register:
    """Every sale that was closed, and how much of each was taken back."""

    def __init__(self, seen: Mapping[Key, Seen], clock: tzinfo) -> None:
        self.seen = dict(seen)
        self._clock = clock
        self._back: dict[Key, tuple[int, int]] = {}
        for sale in self.seen.values():
            if sale.reverses is not None:
                amount, count = self._back.get(sale.reverses, (0, 0))
                self._back[sale.reverses] = (amount + abs(sale.amount), count + abs(sale.units))

    def event(self, given: Given, book: int) -> Event:
        """Return a sale as the stages take it. Raises InvalidInput: closed before, or too much taken back."""
        if given.key in self.seen:
            raise InvalidInput(f"{_called(given.key)} was closed before: a sale counts once")
        if given.reverses is not None:
            return self._reversal(given, given.reverses, book)
        day = given.moment.astimezone(self._clock).toordinal()
        quantity = 1 if given.quantity is None else given.quantity
        if given.amount < 0:
            return Event(given.amount, day, "credit note", -quantity, given.key, given.tags)
        return Event(given.amount, day, "sale", quantity, given.key, given.tags)

    def _reversal(self, given: Given, target: Key, book: int) -> Event:
        """Return a credit note under the terms of what it reverses, with its part of units and caps."""
        sale = self.seen.get(target)
        if sale is None:
            raise InvalidInput(
                f"{_called(given.key)} reverses {_called(target)}, which was never closed: leave `reverses` "
                "out to take it under the terms of its own date"
            )
        if sale.book != book:
            raise InvalidInput(f"{_called(given.key)} reverses a sale of another agreement")
        before, units_before = self._back.get(target, (0, 0))
        whole, after = abs(sale.amount), before + abs(given.amount)
        if given.amount * sale.amount > 0 or after > whole:
            raise InvalidInput(
                f"{_called(given.key)}: of {whole} units of {_called(target)}, {whole - before} are left to "
                f"reverse, not {-given.amount if sale.amount > 0 else given.amount}"
            )

        def part(number: int) -> int:
            return number * after // whole - number * before // whole if whole else 0

        back = part(abs(sale.units))
        self._back[target] = (after, units_before + back)
        undo = tuple((number, part(excess)) for number, excess in sale.excess)
        sold = -back if sale.units > 0 else back
        return Event(given.amount, sale.day, "credit note", sold, given.key, given.tags, sale.where, undo)

    def record(self, key: Key, seen: Seen) -> None:
        """Keep what a later credit note needs."""
        self.seen[key] = seen


def _called(key: Key) -> str:
    return f"sale {show(key[1])} of {show(key[0])}"
