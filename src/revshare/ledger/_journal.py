"""The journal of settlements: what was decided and signed is here before anybody outside hears of it.

    planned → signed → sent → mined → final

The database advises, the contract decides: a batch id counts once on the chain. What the journal adds is that
the same bytes are sent again after a crash, and nothing is signed twice:

- a settlement, its lines and its first signed transaction are stored in one database transaction;
- a nonce is taken in the database transaction that stores the bytes signed with it (`Unit.take_nonces`),
  against the value it was read as; two who read the same cannot both store;
- a sale is in one settlement (`settlement_lines.sale_seq`), a period is settled once (chain, split, period);
- work is leased. Whoever takes over raises the fence, and what the former holder still writes is refused.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from revshare._period import Period
from revshare.errors import LeaseLost

from ._ledger import _entries
from ._records import Entry
from ._schema import CHAINS, LINES, NONCES, PAYOUTS, SALES, SETTLEMENTS, TRANSACTIONS, Instant
from ._settlements import (
    OPEN,
    PayoutRecord,
    SettlementRecord,
    SettlementTerms,
    StepName,
    TransactionRecord,
    TransactionState,
)

if TYPE_CHECKING:
    from ._ledger import Ledger

__all__ = ["Journal", "NewSettlement", "NewTransaction", "Taken", "Unit", "read_settlements", "this_worker"]


@dataclass(frozen=True, slots=True)
class NewTransaction:
    """A transaction to be stored: signed and not yet broadcast, or one that the chain has already."""

    step: StepName
    tx_hash: str
    raw: bytes = field(default=b"", repr=False)
    nonce: int | None = None
    attempt: int = 0
    max_fee: int = 0
    tip: int | None = None
    gas: int = 0
    state: TransactionState = "signed"
    block_number: int | None = None
    block_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSettlement(SettlementTerms):
    """A settlement to be stored. lines: the numbers of its sales, in the order of their leaves."""

    note: str = ""
    lines: Sequence[int] = field(default=(), repr=False)


class Taken(Exception):
    """Somebody else has stored what this would have stored: the period, a sale, or the nonce. Nothing was."""


class Journal:
    """The journal as one worker keeps it.

    lease: seconds that the work it has taken stays its own. clock: seconds since 1970.
    """

    def __init__(
        self, ledger: Ledger, *, worker: str = "", lease: float = 60.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._store = ledger._store  # noqa: SLF001 - both are of the ledger
        self._lease = lease
        self._clock = clock
        self.worker = worker or this_worker()

    # ---------------------------------------------------------------- reading

    def settled_lines(self, settlement_id: int) -> Iterator[Entry]:
        """Give the sales of a settlement, in the order of their leaves."""
        query = (
            _entries()
            .join(LINES, LINES.c.sale_seq == SALES.c.seq)
            .where(LINES.c.settlement_id == settlement_id)
            .order_by(LINES.c.position)
        )
        return self._ledger._stream(query)  # noqa: SLF001 - both are of the ledger

    def place_of(self, seq: int) -> tuple[int, int] | None:
        """Return the settlement that has a sale, and its place among the leaves; None where none has it."""
        query = select(LINES.c.settlement_id, LINES.c.position).where(LINES.c.sale_seq == seq)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.settlement_id, row.position)

    def settlements(
        self, agreement: str | None = None, *, ids: Sequence[int] | None = None
    ) -> tuple[SettlementRecord, ...]:
        """Return settlements, oldest first."""
        with self._store.read(snapshot=True) as connection:
            return read_settlements(connection, agreement, ids=ids)

    def lines(self, agreement: str, before: datetime, token: str) -> Iterator[Entry]:
        """Give the sales of an agreement, in a token, that occurred before a moment and are in no settlement.

        Sales come first, then credit notes, each by time and number, so that revenue never falls below where
        it began.
        """
        amount: Any = literal_column("amount")
        is_credit = literal_column("amount LIKE '-%'") if self._store.dialect == "sqlite" else amount < 0
        query = (
            _entries()
            .where(SALES.c.agreement == agreement, SALES.c.token == token, SALES.c.occurred_at < before)
            .where(~_SETTLED)
            .order_by(is_credit, SALES.c.occurred_at, SALES.c.seq)
        )
        return self._ledger._stream(query)  # noqa: SLF001 - both are of the ledger

    def left_out(self, agreement: str, before: datetime, token: str) -> dict[str, int]:
        """Return how many sales of an agreement are in other tokens than `token`, by symbol."""
        query = (
            select(SALES.c.token, func.count())
            .where(SALES.c.agreement == agreement, SALES.c.token != token, SALES.c.occurred_at < before)
            .group_by(SALES.c.token)
        )
        with self._store.read() as connection:
            return {symbol: int(count) for symbol, count in connection.execute(query)}

    def unsettled(self, agreement: str | None = None) -> list[tuple[str, datetime]]:
        """Return the agreements with sales that are in no settlement, and when the first of them occurred."""
        query = (
            select(SALES.c.agreement, func.min(SALES.c.occurred_at, type_=Instant))
            .where(~_SETTLED)
            .group_by(SALES.c.agreement)
            .order_by(SALES.c.agreement)
        )
        if agreement is not None:
            query = query.where(SALES.c.agreement == agreement)
        with self._store.read() as connection:
            return [(name, first) for name, first in connection.execute(query)]

    def count_unsettled(self, agreement: str, period: Period) -> tuple[int, datetime | None]:
        """Return how many sales of an agreement's period are in no settlement, and when the first one after
        it occurred.
        """
        of = and_(SALES.c.agreement == agreement, ~_SETTLED)
        within = select(func.count()).where(
            of, SALES.c.occurred_at >= period.start, SALES.c.occurred_at < period.end
        )
        later = select(func.min(SALES.c.occurred_at, type_=Instant)).where(
            of, SALES.c.occurred_at >= period.end
        )
        with self._store.read(snapshot=True) as connection:
            return int(connection.scalar(within) or 0), connection.scalar(later)

    def find(self, chain_id: int, split: str, period: str) -> SettlementRecord | None:
        """Return the settlement of a split's period, or None."""
        where = and_(
            SETTLEMENTS.c.chain_id == chain_id, SETTLEMENTS.c.split == split, SETTLEMENTS.c.period == period
        )
        with self._store.read(snapshot=True) as connection:
            return next(iter(_records(connection, where)), None)

    def find_all(
        self, chain_id: int, keys: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], SettlementRecord]:
        """Return the settlements of many splits and periods, by these; those there are."""
        wanted = list(keys)
        found: dict[tuple[str, str], SettlementRecord] = {}
        for first in range(0, len(wanted), 200):
            chunk = wanted[first : first + 200]
            where = and_(
                SETTLEMENTS.c.chain_id == chain_id,
                tuple_(SETTLEMENTS.c.split, SETTLEMENTS.c.period).in_(chunk),
            )
            with self._store.read(snapshot=True) as connection:
                found |= {(record.split, record.period): record for record in _records(connection, where)}
        return found

    def under_way(self, chain_id: int, sender: str) -> dict[str, int]:
        """Return the splits that somebody is at for a sender, and the oldest settlement of each that is open,
        its distribution in no block.
        """
        query = (
            select(SETTLEMENTS.c.split, func.min(SETTLEMENTS.c.id))
            .where(
                SETTLEMENTS.c.chain_id == chain_id,
                SETTLEMENTS.c.sender == sender,
                SETTLEMENTS.c.state.in_(OPEN),
                ~_has("distribute"),
            )
            .group_by(SETTLEMENTS.c.split)
        )
        with self._store.read(snapshot=True) as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def halted(self, chain_id: int, sender: str) -> dict[str, SettlementRecord]:
        """Return, by split, the oldest settlement that a sender's later ones have to wait for, and that it
        does not go on with by itself: remitted and failed before it was shared out, or another account's.
        """
        where = and_(
            SETTLEMENTS.c.chain_id == chain_id,
            or_(
                and_(SETTLEMENTS.c.state == "failed", _has("remit")),
                and_(SETTLEMENTS.c.state.in_(OPEN), SETTLEMENTS.c.sender != sender),
            ),
            ~_has("distribute"),
        )
        with self._store.read(snapshot=True) as connection:
            return {record.split: record for record in reversed(_records(connection, where))}

    def chain(self, chain_id: int) -> tuple[str, int, str] | None:
        """Return a chain's genesis hash, and the highest block that was seen of it: number and hash."""
        with self._store.read(snapshot=True) as connection:
            row = connection.execute(select(CHAINS).where(CHAINS.c.chain_id == chain_id)).first()
        return None if row is None else (row.genesis, row.highest, row.highest_hash)

    def nonces_in_use(self, chain_id: int, sender: str, first: int, last: int) -> set[int]:
        """Return the nonces from `first` to `last` with which something is signed that may be mined."""
        found = select(TRANSACTIONS.c.nonce).where(
            TRANSACTIONS.c.chain_id == chain_id,
            TRANSACTIONS.c.sender == sender,
            TRANSACTIONS.c.nonce.between(first, last),
            TRANSACTIONS.c.state != "void",
        )
        with self._store.read(snapshot=True) as connection:
            return set(connection.scalars(found))

    def attempts(self, chain_id: int, sender: str, nonce: int) -> int:
        """Return how often something was signed with a nonce."""
        found = select(TRANSACTIONS.c.id).where(
            TRANSACTIONS.c.chain_id == chain_id,
            TRANSACTIONS.c.sender == sender,
            TRANSACTIONS.c.nonce == nonce,
        )
        with self._store.read(snapshot=True) as connection:
            return len(connection.scalars(found).all())

    def fills(self, chain_id: int, sender: str) -> tuple[TransactionRecord, ...]:
        """Return the transactions that fill gaps and are not final."""
        with self._store.read(snapshot=True) as connection:
            found = connection.execute(_FILLS, {"of_chain": chain_id, "of_sender": sender})
            return tuple(_transaction(row) for row in found)

    # ---------------------------------------------------------------- leases

    def claim(self, chain_id: int, sender: str, *, limit: int = 1000) -> tuple[SettlementRecord, ...]:
        """Take the open settlements of a sender that nobody else is at, and return them, oldest first.

        Those of this worker are among them; their lease is renewed when half of it has passed.
        """
        now = self._clock()
        with self._store.read(snapshot=True) as connection:
            open_ = connection.execute(_OPEN_ONES, {"of_chain": chain_id, "of_sender": sender}).all()
        held = [row.id for row in open_ if row.worker == self.worker]
        renew = [
            row.id for row in open_ if row.worker == self.worker and row.lease_until < now + self._lease / 2
        ]
        free = [row for row in open_ if row.worker != self.worker and self._is_free(row, now)]
        if renew or free:
            held += self._take(renew, [row.id for row in free[:limit]], now)
        return self.settlements(ids=sorted(set(held))) if held else ()

    def elsewhere(self, chain_id: int, sender: str) -> dict[tuple[str, str], str]:
        """Return, by split and period, the open settlements of a sender that are not this worker's, and who
        has each; "" for one that is free.
        """
        with self._store.read(snapshot=True) as connection:
            open_ = connection.execute(_OPEN_ONES, {"of_chain": chain_id, "of_sender": sender}).all()
        return {(row.split, row.period): row.worker for row in open_ if row.worker != self.worker}

    def is_held(self, record: SettlementRecord) -> bool:
        """Whether a worker is at a settlement, so that no other would be given it."""
        return not self._is_free(record, self._clock())

    def _is_free(self, row: Any, now: float) -> bool:
        return not row.worker or row.lease_until < now or _is_gone(row.worker)

    def _take(self, renew: Sequence[int], free: Sequence[int], now: float) -> list[int]:
        with self._store.write() as connection:
            if renew:
                connection.execute(
                    update(SETTLEMENTS)
                    .where(SETTLEMENTS.c.id.in_(renew), SETTLEMENTS.c.worker == self.worker)
                    .values(lease_until=now + self._lease)
                )
            if not free:
                return []
            # On PostgreSQL what somebody else is just taking is passed over, not waited for.
            rows = connection.execute(
                select(SETTLEMENTS.c.id, SETTLEMENTS.c.worker, SETTLEMENTS.c.lease_until)
                .where(SETTLEMENTS.c.id.in_(free))
                .with_for_update(skip_locked=True)
            ).all()
            taken = [row.id for row in rows if self._is_free(row, now)]
            if taken:
                connection.execute(
                    update(SETTLEMENTS)
                    .where(SETTLEMENTS.c.id.in_(taken))
                    .values(worker=self.worker, lease_until=now + self._lease, fence=SETTLEMENTS.c.fence + 1)
                )
            return taken

    def release(self) -> None:
        """Leave everything this worker has taken to others. Writes nothing where that is nothing."""
        settlements = and_(SETTLEMENTS.c.state.in_(OPEN), SETTLEMENTS.c.worker == self.worker)
        held = {SETTLEMENTS: settlements, NONCES: NONCES.c.worker == self.worker}
        with self._store.read(snapshot=True) as connection:
            if not any(connection.scalar(select(exists().where(where))) for where in held.values()):
                return
        with self._store.write() as connection:
            for table, where in held.items():
                connection.execute(update(table).where(where).values(worker="", lease_until=0.0))

    def lease_nonces(self, chain_id: int, sender: str) -> int | None:
        """Take the right to sign for a sender; return its next nonce. None: somebody else has it just now."""
        now = self._clock()
        key = and_(NONCES.c.chain_id == chain_id, NONCES.c.sender == sender)
        with self._store.write() as connection:
            new: dict[str, Any] = {"chain_id": chain_id, "sender": sender, "next_nonce": 0}
            _insert_unless_there(connection, NONCES, new | {"worker": "", "lease_until": 0.0})
            row = connection.execute(select(NONCES).where(key).with_for_update(skip_locked=True)).first()
            if row is None or not (row.worker == self.worker or self._is_free(row, now)):
                return None
            connection.execute(
                update(NONCES).where(key).values(worker=self.worker, lease_until=now + self._lease)
            )
            return int(row.next_nonce)

    def release_nonces(self, chain_id: int, sender: str) -> None:
        """Leave signing to others. Does nothing when it is theirs already."""
        with self._store.write() as connection:
            connection.execute(
                update(NONCES)
                .where(
                    NONCES.c.chain_id == chain_id, NONCES.c.sender == sender, NONCES.c.worker == self.worker
                )
                .values(worker="", lease_until=0.0)
            )

    # ---------------------------------------------------------------- writing

    @contextmanager
    def write(self) -> Iterator[Unit]:
        """One database transaction: all of what is done with the `Unit`, or nothing.

        Raises Taken where somebody else has stored it already, LeaseLost where the work is no longer ours.
        """
        with self._store.write() as connection:
            try:
                yield Unit(connection, self.worker, self._clock(), self._lease)
            except IntegrityError as error:
                raise Taken(str(error.orig)) from error


class Unit:
    """What is stored in one database transaction."""

    def __init__(self, connection: Connection, worker: str, now: float, lease: float) -> None:
        self._connection = connection
        self._worker = worker
        self._now = now
        self._moment = datetime.fromtimestamp(now, UTC)
        self._lease = lease

    def settlement(self, new: NewSettlement, over: SettlementRecord | None = None) -> int:
        """Store a settlement with its lines, and return its id.

        over: the carried one of the same period, in whose place it goes. Raises Taken when there is one.
        """
        values: dict[str, Any] = {
            name: getattr(new, name)
            for name in (
                "agreement", "chain_id", "split", "token", "period", "zone", "batch_id", "amount", "root",
                "count", "state", "sender", "code_hash", "terms", "note",
            )
        }  # fmt: skip
        is_open = new.state in OPEN
        values |= {
            "names": json.dumps(new.names, ensure_ascii=False),
            "starts_at": new.starts_at,
            "ends_at": new.ends_at,
            "worker": self._worker if is_open else "",
            "lease_until": self._now + self._lease if is_open else 0.0,
            "updated_at": self._moment,
        }
        if over is None:
            values |= {"fence": 1, "created_at": values["updated_at"]}
            key = self._connection.execute(insert(SETTLEMENTS), values).inserted_primary_key
            number = int(key[0]) if key else 0
        else:
            number = over.id
            done = self._connection.execute(
                update(SETTLEMENTS)
                .where(
                    SETTLEMENTS.c.id == number,
                    SETTLEMENTS.c.state == "carried",
                    SETTLEMENTS.c.fence == over.fence,
                )
                .values(values | {"fence": over.fence + 1})
            )
            if done.rowcount != 1:
                raise Taken(f"settlement {number}")
        if new.lines:
            self._connection.execute(
                insert(LINES),
                [
                    {"sale_seq": seq, "settlement_id": number, "position": place}
                    for place, seq in enumerate(new.lines)
                ],
            )
        return number

    def transaction(
        self, new: NewTransaction, chain_id: int, sender: str, settlement_id: int | None = None
    ) -> None:
        """Store a transaction. Raises Taken when its nonce has that attempt already."""
        names = (
            "step", "tx_hash", "raw", "nonce", "attempt", "max_fee", "tip", "gas", "state",
            "block_number", "block_hash",
        )  # fmt: skip
        values = {name: getattr(new, name) for name in names} | {
            "chain_id": chain_id,
            "sender": sender,
            "settlement_id": settlement_id,
            "error": "",
            "created_at": self._moment,
        }
        self._connection.execute(insert(TRANSACTIONS), values)

    def take_nonces(self, chain_id: int, sender: str, was: int, now: int) -> None:
        """Move a sender's next nonce on. Raises Taken unless it is this worker's, and still what it was."""
        done = self._connection.execute(
            update(NONCES)
            .where(
                NONCES.c.chain_id == chain_id,
                NONCES.c.sender == sender,
                NONCES.c.worker == self._worker,
                NONCES.c.next_nonce == was,
            )
            .values(next_nonce=now, worker="", lease_until=0.0)
        )
        if done.rowcount != 1:
            raise Taken(f"nonce {was} of {sender}")

    def update(self, record: SettlementRecord, **values: Any) -> None:
        """Change a settlement. Raises LeaseLost where somebody else has taken it over."""
        if values.get("state", "planned") not in OPEN:  # nobody works on it any more
            values |= {"worker": "", "lease_until": 0.0}
        values |= {"updated_at": self._moment, "of_id": record.id, "of_fence": record.fence}
        if self._connection.execute(_UPDATE, values).rowcount != 1:
            raise LeaseLost(record.agreement, record.period)

    def reopen(self, record: SettlementRecord) -> None:
        """Take a failed settlement up again. Raises Taken when somebody else has."""
        done = self._connection.execute(
            update(SETTLEMENTS)
            .where(
                SETTLEMENTS.c.id == record.id,
                SETTLEMENTS.c.state == "failed",
                SETTLEMENTS.c.fence == record.fence,
            )
            .values(
                state="planned",
                note="",
                worker=self._worker,
                lease_until=self._now + self._lease,
                fence=record.fence + 1,
                updated_at=self._moment,
            )
        )
        if done.rowcount != 1:
            raise Taken(f"settlement {record.id}")

    def transactions(self, changes: Mapping[int, Mapping[str, Any]]) -> None:
        """Change transactions, by id."""
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for number, values in changes.items():
            row = {f"new_{name}": value for name, value in values.items()} | {"of_id": number}
            by_columns.setdefault(tuple(sorted(values)), []).append(row)
        for names, rows in by_columns.items():
            statement = update(TRANSACTIONS).where(TRANSACTIONS.c.id == bindparam("of_id"))
            self._connection.execute(
                statement.values({name: bindparam(f"new_{name}") for name in names}), rows
            )

    def payouts(self, settlement_id: int, payouts: Iterable[PayoutRecord]) -> None:
        """Store what each payee got, in place of what was stored before."""
        self._connection.execute(_FORGET_PAYOUTS, {"of_id": settlement_id})
        rows = [
            {
                "settlement_id": settlement_id,
                "position": place,
                "payee": payout.payee,
                "address": payout.address,
                "earned": payout.earned,
                "paid": payout.paid,
                "credited": payout.credited,
            }
            for place, payout in enumerate(payouts)
        ]
        if rows:
            self._connection.execute(insert(PAYOUTS), rows)

    def seen(self, chain_id: int, genesis: str, number: int, hash_: str) -> None:
        """Remember the highest block of a chain."""
        row = {"chain_id": chain_id, "genesis": genesis, "highest": number, "highest_hash": hash_}
        if not _insert_unless_there(self._connection, CHAINS, row):
            self._connection.execute(
                update(CHAINS).where(CHAINS.c.chain_id == chain_id).values(highest=number, highest_hash=hash_)
            )


# Made once, as what a settlement needs each time: to make a statement costs more than to execute it.
_UPDATE = update(SETTLEMENTS).where(
    SETTLEMENTS.c.id == bindparam("of_id"), SETTLEMENTS.c.fence == bindparam("of_fence")
)
_FORGET_PAYOUTS = delete(PAYOUTS).where(PAYOUTS.c.settlement_id == bindparam("of_id"))


# ------------------------------------------------------------------------------------------ workers


def this_worker() -> str:
    """A name for this process that no other has: where it runs, its number there, and something random."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def _is_gone(worker: str) -> bool:
    """Whether a worker ran on this machine, and does not any more. Its lease need not be waited for.

    A wrong answer costs nothing: the fence keeps two from writing, and the contract counts a batch once.
    """
    host, _, rest = worker.rpartition("/")[0].rpartition("/")
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


# ------------------------------------------------------------------------------------------ rows and records


def read_settlements(
    connection: Connection, agreement: str | None = None, *, ids: Sequence[int] | None = None
) -> tuple[SettlementRecord, ...]:
    """Return settlements as they are stored, oldest period first."""
    if ids is not None and agreement is None:
        found = _fetched(connection, _BY_ID, {"ids": ids})
    else:
        conditions = []
        if agreement is not None:
            conditions.append(SETTLEMENTS.c.agreement == agreement)
        if ids is not None:
            conditions.append(SETTLEMENTS.c.id.in_(ids))
        found = _records(connection, and_(True, *conditions))
    return found


_Queries = tuple[Select[Any], Select[Any], Select[Any]]


def _queries(where: Any) -> _Queries:
    """What reads settlements: themselves, their transactions, their payouts."""
    chosen = select(SETTLEMENTS.c.id).where(where)
    return (
        select(SETTLEMENTS).where(where).order_by(SETTLEMENTS.c.ends_at, SETTLEMENTS.c.id),
        select(TRANSACTIONS).where(TRANSACTIONS.c.settlement_id.in_(chosen)).order_by(TRANSACTIONS.c.id),
        select(PAYOUTS)
        .where(PAYOUTS.c.settlement_id.in_(chosen))
        .order_by(PAYOUTS.c.settlement_id, PAYOUTS.c.position),
    )


_SETTLED = exists().where(LINES.c.sale_seq == SALES.c.seq)

# What a settler asks at each step, built once: that takes longer than to ask it.
_OF_SENDER = and_(
    SETTLEMENTS.c.chain_id == bindparam("of_chain"), SETTLEMENTS.c.sender == bindparam("of_sender")
)
_OPEN_ONES = select(
    SETTLEMENTS.c.id,
    SETTLEMENTS.c.split,
    SETTLEMENTS.c.period,
    SETTLEMENTS.c.worker,
    SETTLEMENTS.c.lease_until,
).where(_OF_SENDER, SETTLEMENTS.c.state.in_(OPEN))
_FILLS = (
    select(TRANSACTIONS)
    .where(
        TRANSACTIONS.c.chain_id == bindparam("of_chain"),
        TRANSACTIONS.c.sender == bindparam("of_sender"),
        TRANSACTIONS.c.step == "fill",
        TRANSACTIONS.c.state.in_(("signed", "sent", "mined")),
    )
    .order_by(TRANSACTIONS.c.nonce, TRANSACTIONS.c.attempt)
)
_BY_ID = _queries(SETTLEMENTS.c.id.in_(bindparam("ids", expanding=True)))


def _records(connection: Connection, where: Any) -> tuple[SettlementRecord, ...]:
    return _fetched(connection, _queries(where), {})


def _fetched(
    connection: Connection, queries: _Queries, values: Mapping[str, Any]
) -> tuple[SettlementRecord, ...]:
    settlements, transactions, payouts = (connection.execute(query, values).all() for query in queries)
    made: dict[int, list[TransactionRecord]] = {}
    for row in transactions:
        made.setdefault(row.settlement_id, []).append(_transaction(row))
    paid: dict[int, list[PayoutRecord]] = {}
    for row in payouts:
        paid.setdefault(row.settlement_id, []).append(
            PayoutRecord(row.payee, row.address, row.earned, row.paid, row.credited)
        )
    return tuple(
        _settlement(row, tuple(made.get(row.id, ())), tuple(paid.get(row.id, ()))) for row in settlements
    )


def _settlement(
    row: Any, transactions: tuple[TransactionRecord, ...], payouts: tuple[PayoutRecord, ...]
) -> SettlementRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    values |= {
        "names": tuple(json.loads(row.names)),
        "batch_id": bytes(row.batch_id),
        "root": bytes(row.root),
        "terms": bytes(row.terms),
    }
    return SettlementRecord(**values, transactions=transactions, payouts=payouts)


def _transaction(row: Any) -> TransactionRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    return TransactionRecord(**values | {"raw": bytes(row.raw)})


def _has(step: StepName) -> Any:
    """Whether a block has a transaction of a settlement that did a step."""
    return exists().where(
        TRANSACTIONS.c.settlement_id == SETTLEMENTS.c.id,
        TRANSACTIONS.c.step == step,
        TRANSACTIONS.c.state.not_in(("void", "failed")),
        TRANSACTIONS.c.block_number.is_not(None),
    )


def _insert_unless_there(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; return whether it was not."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    return connection.execute(kind.insert(table).values(row).on_conflict_do_nothing()).rowcount == 1
