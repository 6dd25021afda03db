"""From the cells of a table to the rows of a ledger, column by column.

A file of sales repeats itself: the same dates, prices, countries, descriptions. So each distinct cell is read
once, by the grammar of its field, and remembered; whole columns are then looked up, without a line of Python
for each cell. Only where a cell cannot be taken are the lines of its chunk gone through one by one, to
say which and why.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, count, repeat
from json.encoder import encode_basestring
from operator import add
from typing import Any

from revshare.errors import BadCell
from revshare.ledger._rows import SALE_COLUMNS, Row, microseconds
from revshare.ledger._sale import MAX_SALE

from ._mapping import ORIGINAL, SaleMapping
from ._numbers import Number, NumberReader, Unreadable, number_text
from ._routing import Router
from ._table import LONGEST, Bad, Cell, Chunk, Table, cell_text, short
from ._times import TimeReader

__all__ = ["Converted", "Converter", "Sums"]

REMEMBERED = 100_000
"""Distinct cells of a column that are remembered."""


class _Memo(dict[Any, Any]):
    """What `read` makes of a cell, remembered; None where it refuses, which `failed` counts."""

    __slots__ = ("failed", "read")

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self.read = read
        self.failed = 0

    def __missing__(self, cell: Any) -> Any:
        try:
            value = self.read(cell)
        except Unreadable:
            self.failed += 1
            return None
        if len(self) >= REMEMBERED:
            self.clear()
        self[cell] = value
        return value

    def all(self, cells: Iterable[Any]) -> list[Any]:
        """Return what each cell is."""
        return list(map(self.__getitem__, cells))


@dataclass(slots=True)
class Sums:
    """Sums over lines, in base units. count: of lines; gross: of sales; credit_notes: 0 or negative."""

    count: int = 0
    gross: int = 0
    credit_notes: int = 0


@dataclass(slots=True)
class Converted:
    """What a chunk came to. skipped: lines that filters or routes leave out. by_agreement: sums of `rows`."""

    rows: list[Row] = field(default_factory=list)
    problems: list[BadCell] = field(default_factory=list)
    skipped: int = 0
    by_agreement: dict[str, Sums] = field(default_factory=dict)


_FIRST_LINES = tuple(f"/{number}" for number in range(1, 1001))


class _Numbering(dict[str, Iterator[str]]):
    """For each document what is put behind its number: /1, /2, /3 …"""

    def __missing__(self, document: str) -> Iterator[str]:
        numbers = self[document] = chain(_FIRST_LINES, map("/%d".__mod__, count(len(_FIRST_LINES) + 1)))
        return numbers


class Converter:
    """Makes rows of the chunks of one table, in their order; it numbers the lines of documents as they come.

    Raises ImportRefused when the table lacks a column that `mapping` wants.
    """

    def __init__(self, mapping: SaleMapping, table: Table) -> None:
        wanted = mapping.used_columns()
        self.positions = table.positions(wanted)
        self._mapping = mapping
        self._names = list(wanted)
        self._at = {name: index for index, name in enumerate(wanted)}
        self._numbers = NumberReader(mapping.locale, trim=mapping.trim)
        self._times = TimeReader(
            mapping.dates, zone=mapping.zone, ambiguous=mapping.ambiguous, trim=mapping.trim
        )
        self._router = Router(mapping)
        # What is text already, and needs no trimming, is taken as it stands.
        self._clean = table.clean and not mapping.trim
        self._local = table.clean and self._times.plain
        columns = mapping.columns
        self._id_columns = [self._at[name] for name in columns.external_id]
        self._seen: dict[str, int] = {}
        self._lines_of = _Numbering()
        self._figures = _Memo(self._number)
        self._converts = columns.currency is not None or bool(mapping.currencies)
        self._money = [
            self._at[name]
            for name in (columns.amount, columns.quantity, columns.unit_price)
            if name is not None
        ]
        if columns.currency is not None:
            self._money.append(self._at[columns.currency])
        self._metadata = sorted((key, self._at[column]) for key, column in mapping.metadata.items())
        self._memos: dict[str, _Memo] = {}
        self._ids = _Memo(self._id_text)
        self._amounts = _Memo(self._amount)
        self._instants = _Memo(self._instant)
        self._agreements = _Memo(self._route if mapping.routes else self._agreement)
        self._filters = [
            (self._at[rule.column], _Memo(self._filter(rule.keep, rule.drop))) for rule in mapping.filters
        ]
        self._texts = {
            name: _Memo(self._text)
            for name in ("description", "sku", "territory", "channel")
            if getattr(columns, name) is not None
        }
        keys = sorted([*mapping.metadata, *([ORIGINAL] if mapping.currencies else [])])
        # With one key the memo has the whole text.
        self._alone = keys[0] if len(keys) == 1 and mapping.metadata else None
        self._template = (
            "{" + ",".join(encode_basestring(key).replace("%", "%%") + ":%s" for key in keys) + "}"
        )
        self._words = [_Memo(self._json) for _ in self._metadata]

    # ------------------------------------------------------------------------------------------ single cells

    def _text(self, cell: Cell) -> str:
        text = cell_text(cell)
        return text.strip() if self._mapping.trim else text

    def _json(self, cell: Cell) -> str:
        text = encode_basestring(self._text(cell))
        return text if self._alone is None else self._template % text

    def _id_text(self, cell: Cell) -> str:
        text = self._text(cell)
        if not text or text.isspace():
            raise Unreadable("is empty, and it is part of the sale's id")
        if len(text) > 500:
            raise Unreadable(f"has {len(text):,} characters, more than the 500 that an id may have")
        return text

    def _route(self, key: str | tuple[str, ...]) -> str:
        return self._router.agreement((key,) if isinstance(key, str) else key)

    def _agreement(self, cell: Cell) -> str:
        text = self._text(cell)
        if not text or text.isspace():
            raise Unreadable("is empty, and each line needs its agreement")
        return text

    def _filter(self, keep: Sequence[str] | None, drop: Sequence[str] | None) -> Callable[[Cell], bool]:
        values, wanted = (frozenset(keep), True) if keep is not None else (frozenset(drop or ()), False)

        def passes(cell: Cell) -> bool:
            return (self._text(cell) in values) == wanted

        return passes

    def _instant(self, cell: Cell) -> str | tuple[str, str]:
        """Return microseconds since 1970, and the zone unless all times are in that of the mapping."""
        if isinstance(cell, Bad):
            raise Unreadable(cell.reason)
        moment, zone = self._times.read(cell)
        since = str(microseconds(moment))
        return since if self._local else (since, zone)

    def _number(self, cell: Cell) -> Number:
        if isinstance(cell, Bad):
            raise Unreadable(cell.reason)
        return self._numbers.read(cell)

    def _amount(self, cells: tuple[Cell, ...]) -> int | tuple[int, str, str, str, str]:
        """Return base units; with currencies also the original amount as JSON, currency, rate and source."""
        columns, currency = self._mapping.columns, self._mapping.constants.currency or ""
        figures: Sequence[Cell] = cells
        if columns.currency is not None:
            *figures, named = cells
            currency = self._text(named)
        digits, scale = 1, 0
        for figure in figures:
            number = self._figures[figure]
            if number is None:
                raise Unreadable("")  # `_money_faults` says which, and why
            digits, scale = digits * number[0], scale + number[1]
        converted = self._units((digits, scale), currency)
        return converted if self._converts else converted[0]

    def _units(self, number: Number, currency: str) -> tuple[int, str, str, str, str]:
        digits, scale = number
        token = self._mapping.token
        rates = self._mapping.currencies
        if not rates:
            units, finer = divmod(digits * 10**token.decimals, 10**scale)
            if finer:
                raise Unreadable(
                    f"comes to {number_text(number)}, which is finer than the unit of {token.symbol} "
                    f"({token.decimals} decimals)"
                )
            return self._bounded(units), "", currency, "", ""
        if currency not in rates:
            raise Unreadable(f"is in {currency or 'no currency'}, which has no rate in currencies")
        rate = rates[currency]
        whole, _, decimals = rate.rate.partition(".")
        numerator = digits * int(whole + decimals) * 10**token.decimals
        units = _half_even(numerator, 10 ** (scale + len(decimals)))
        original = encode_basestring(number_text(number))
        return self._bounded(units), original, currency, rate.rate, rate.rate_source

    @staticmethod
    def _bounded(units: int) -> int:
        if not -MAX_SALE <= units <= MAX_SALE:
            raise Unreadable("is beyond 2^128 units, the most that a sale may be")
        return units

    # ------------------------------------------------------------------------------------------ chunks

    def convert(self, chunk: Chunk) -> Converted:
        """Return the rows of a chunk, or, when there are any, only the problems of its lines."""
        done = Converted(problems=list(chunk.problems))
        if not chunk.size:
            return done
        columns: list[Sequence[Cell]] = list(chunk.columns)
        lines = chunk.lines
        self._ids.failed = self._agreements.failed = 0
        ids = self._external_ids(columns)
        agreements = self._agreements_of(columns)
        if self._filters or "" in agreements:
            keep = self._kept(columns, agreements)
            done.skipped = keep.count(False)
            columns = [list(compress(column, keep)) for column in columns]
            ids, agreements = list(compress(ids, keep)), list(compress(agreements, keep))

            def lines() -> Sequence[int]:
                return list(compress(chunk.lines(), keep))

        if not ids:
            return done
        if not self._mapping.number_lines:
            ids = self._once(ids)
        fields = self._fields(columns)
        if fields is None or self._ids.failed or self._agreements.failed:
            done.problems += self._problems(columns, ids, lines())
            done.problems.sort(key=lambda cell: cell.line)
            if done.problems:
                return done
            # What could not be taken was in lines that are left out.
            fields = self._fields(columns) or {}
        fields["external_id"] = ids
        fields["agreement"] = agreements
        amounts: Sequence[int] = fields["amount"]
        fields["amount"] = map(str, amounts)
        size = len(ids)
        done.rows = list(
            zip(
                *(fields.get(name) or repeat(self._constant(name), size) for name in SALE_COLUMNS),
                strict=True,
            )
        )
        done.by_agreement = _sums(agreements, amounts)
        return done

    def _constant(self, name: str) -> str:
        match name:
            case "source":
                return self._mapping.source
            case "token":
                return self._mapping.token.symbol
            case "metadata":
                return "{}"
        return getattr(self._mapping.constants, name, None) or ""

    def _external_ids(self, columns: Sequence[Sequence[Cell]]) -> list[Any]:
        """Return the id of each line, None where it cannot be taken. Every line of a document counts."""
        parts = [self._ids.all(columns[index]) for index in self._id_columns]
        if len(parts) == 1:
            documents = parts[0]
        else:
            documents = [None if None in texts else _joined(texts) for texts in zip(*parts, strict=True)]
        if not self._mapping.number_lines:
            return documents
        lines_of = self._lines_of
        if self._ids.failed:
            return [None if text is None else text + next(lines_of[text]) for text in documents]
        return list(map(add, documents, map(next, map(lines_of.__getitem__, documents))))

    def _once(self, ids: list[Any]) -> list[Any]:
        """Return `ids` with None in place of those that an earlier line has already."""
        seen = self._seen
        distinct = dict.fromkeys(ids, 1)
        if len(distinct) == len(ids) and seen.keys().isdisjoint(distinct):
            seen.update(distinct)
            return ids
        once: list[Any] = []
        for text in ids:
            once.append(None if text in seen else text)
            if text in seen or text is None:
                self._ids.failed += 1
            else:
                seen[text] = 1
        return once

    def _kept(self, columns: Sequence[Sequence[Cell]], agreements: Sequence[str | None]) -> list[bool]:
        """Return which lines are to be taken: an empty agreement is that of lines to be skipped."""
        keep = [agreement != "" for agreement in agreements]
        for index, memo in self._filters:
            # A cell that cannot be compared is kept, and found fault with where it is used.
            keep = [old and new is not False for old, new in zip(keep, memo.all(columns[index]), strict=True)]
        return keep

    def _agreements_of(self, columns: Sequence[Sequence[Cell]]) -> list[Any]:
        """Return each line's agreement: None if that cannot be told, empty if the line is to be skipped."""
        mapping = self._mapping
        if mapping.routes:
            if not self._router.fields:
                return [self._router.agreement(())] * len(columns[0])
            keys = [self._routed(name, columns) for name in self._router.fields]
            return self._agreements.all(keys[0] if len(keys) == 1 else zip(*keys, strict=True))
        if mapping.columns.agreement is not None:
            return self._agreements.all(columns[self._at[mapping.columns.agreement]])
        return [mapping.constants.agreement] * len(columns[0])

    def _routed(self, name: str, columns: Sequence[Sequence[Cell]]) -> Iterable[Any]:
        column = getattr(self._mapping.columns, name)
        if column is None:
            return repeat(getattr(self._mapping.constants, name) or "", len(columns[0]))
        if self._clean:
            return columns[self._at[column]]
        memo = self._texts[name]
        memo.failed = 0
        texts = memo.all(columns[self._at[column]])
        # What is no text takes no route; the cell itself is found fault with as well.
        return [text or "" for text in texts] if memo.failed else texts

    def _fields(self, columns: Sequence[Sequence[Cell]]) -> dict[str, Any] | None:
        """Return the fields of lines that are to be taken, by name; None when a cell of them cannot be."""
        memos = [self._instants, self._amounts, *self._texts.values(), *self._words]
        for memo in memos:
            memo.failed = 0
        mapping = self._mapping
        fields: dict[str, Any] = {}
        instants = self._instants.all(columns[self._at[mapping.columns.occurred_at]])
        amounts: Sequence[Any] = self._amounts.all(
            zip(*(columns[index] for index in self._money), strict=True)
        )
        for name, memo in self._texts.items():
            column: Sequence[Any] = columns[self._at[getattr(mapping.columns, name)]]
            taken = self._clean and max(map(len, column)) <= LONGEST
            fields[name] = column if taken else memo.all(column)
        words = [
            memo.all(columns[index]) for memo, (_, index) in zip(self._words, self._metadata, strict=True)
        ]
        if any(memo.failed for memo in memos):
            return None
        if self._local:
            fields["occurred_at"], fields["zone"] = instants, [mapping.zone or ""] * len(instants)
        else:
            fields["occurred_at"], fields["zone"] = zip(*instants, strict=True)
        originals: Sequence[str] = ()
        if self._converts:
            amounts, originals, *rest = zip(*amounts, strict=True)
            fields["currency"], fields["rate"], fields["rate_source"] = rest
        fields["amount"] = amounts
        if words or mapping.currencies:
            fields["metadata"] = self._metadata_texts(words, originals)
        return fields

    def _metadata_texts(self, words: list[list[str]], originals: Sequence[str]) -> list[str]:
        if self._alone is not None:
            return words[0]
        keyed = dict(zip((key for key, _ in self._metadata), words, strict=True))
        if self._mapping.currencies:
            keyed[ORIGINAL] = list(originals)
        # In the order of the keys, as in the template.
        columns = (column for _, column in sorted(keyed.items()))
        return list(map(self._template.__mod__, zip(*columns, strict=True)))

    # ------------------------------------------------------------------------------------------ what is wrong

    def _problems(
        self, columns: Sequence[Sequence[Cell]], ids: Sequence[str | None], lines: Sequence[int]
    ) -> Iterator[BadCell]:
        for index, line in enumerate(lines):
            cells = [column[index] for column in columns]
            faults = list(self._faults(cells, known_id=ids[index] is not None))
            said = set()
            for column, cell, reason in faults:
                if (column, reason) not in said:
                    said.add((column, reason))
                    yield BadCell(line, column, _shown(cell), reason)

    def _faults(self, cells: list[Cell], *, known_id: bool) -> Iterator[tuple[str, Cell, str]]:
        """Yield column, cell and reason of whatever is wrong with one line."""
        mapping = self._mapping

        def fault(column: str | None, read: Callable[[Any], object]) -> Iterator[tuple[str, Cell, str]]:
            if column is not None:
                cell = cells[self._at[column]]
                try:
                    read(cell)
                except Unreadable as error:
                    yield column, cell, str(error)

        columns = mapping.columns
        if not known_id:
            found = [entry for column in columns.external_id for entry in fault(column, self._id_text)]
            yield from found
            if not found:
                shown = " / ".join(_shown(cells[index]) for index in self._id_columns)
                yield (
                    columns.external_id[0],
                    shown,
                    "is the id of an earlier line as well: set number_lines = true",
                )
        yield from fault(columns.occurred_at, self._instant)
        yield from self._money_faults(cells, fault)
        for name in ("description", "sku", "territory", "channel"):
            yield from fault(getattr(columns, name), self._text)
        for _, index in self._metadata:
            yield from fault(self._names[index], self._text)
        if not mapping.routes:
            yield from fault(columns.agreement, self._agreement)
        else:
            yield from self._route_fault(cells)

    def _money_faults(self, cells: list[Cell], fault: Any) -> Iterator[tuple[str, Cell, str]]:
        columns = self._mapping.columns
        figures = [
            name for name in (columns.amount, columns.quantity, columns.unit_price) if name is not None
        ]
        found = [entry for column in figures for entry in fault(column, self._number)]
        found += fault(columns.currency, self._text)
        yield from found
        if not found:
            try:
                self._amount(tuple(cells[index] for index in self._money))
            except Unreadable as error:
                column = figures[-1]
                if columns.currency is not None and "no rate" in str(error):
                    column = columns.currency
                yield column, cells[self._at[column]], str(error)

    def _route_fault(self, cells: list[Cell]) -> Iterator[tuple[str, Cell, str]]:
        key, named = [], ""
        for name in self._router.fields:
            column = getattr(self._mapping.columns, name)
            try:
                text = (
                    self._text(cells[self._at[column]]) if column else getattr(self._mapping.constants, name)
                )
            except Unreadable:
                return
            named = named or column or ""
            key.append(text or "")
        try:
            self._router.agreement(key)
        except Unreadable as error:
            yield named, cells[self._at[named]] if named else "", str(error)


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def _joined(texts: Iterable[str]) -> str:
    """Return the parts of an id as one text, from which they could be told again."""
    return "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)


def _sums(agreements: Sequence[str], amounts: Sequence[int]) -> dict[str, Sums]:
    by_agreement: defaultdict[str, list[int]] = defaultdict(list)
    # Consumed without a line of Python for each amount.
    deque(map(list.append, map(by_agreement.__getitem__, agreements), amounts), maxlen=0)
    found: dict[str, Sums] = {}
    for agreement, parts in by_agreement.items():
        credit_notes = sum(filter((0).__gt__, parts))
        found[agreement] = Sums(len(parts), sum(parts) - credit_notes, credit_notes)
    return found


def _shown(cell: Cell) -> str:
    if isinstance(cell, Bad):
        return cell.shown
    if isinstance(cell, str):
        return short(cell)
    return short(str(cell))
