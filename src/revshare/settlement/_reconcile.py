"""Ledger, contract, log and balances, compared to the unit. Differences are listed, never explained away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from revshare.chain.abi import interface, word
from revshare.chain.amendable import AmendableSplit
from revshare.chain.events import CreditWithdrawn, Event, Remitted, SalePaid
from revshare.chain.node import Log, Node
from revshare.chain.split import RevenueSplit
from revshare.chain.statements import Statement, replay
from revshare.chain.terms import COIN
from revshare.chain.tokens import balance_of
from revshare.errors import InvalidInput, ProviderError
from revshare.ledger._journal import Journal
from revshare.ledger._settlements import SettlementRecord
from revshare.money import Token
from revshare.settlement._plan import Lines
from revshare.settlement._watched import WatchedNode

if TYPE_CHECKING:
    from revshare.ledger import Ledger

__all__ = ["PayeeAccounts", "Reconciliation", "reconcile"]

_SPAN = 10_000
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PayeeAccounts:
    """What one payee has got by four accounts that know nothing of each other, in base units.

    schedule: earned, by the money rule, of what the contract received. contract: what it says it has paid.
    log: that, rebuilt from its events. balances: what the token says has moved from the split to the payee;
    None for the coin, of which there is no such record. ledger: what this ledger's settlements paid. credit,
    due: set aside, and coming, by the contract.
    """

    payee: str
    address: str
    schedule: int
    contract: int
    log: int
    balances: int | None
    ledger: int
    credit: int
    due: int


@dataclass(frozen=True)
class Reconciliation:
    """An agreement's books, side by side, at the end of block `block_number`. Amounts are base units.

    received: by the contract. remitted: of that, by settlements of this ledger. elsewhere: what came in
    otherwise: sales paid in, plain transfers, remittances of others. held: the split's balance. settlements:
    how many are on the chain. open_lines and open_amount: sales in the ledger that no settlement has.
    differences: everything that does not agree, in words.
    """

    agreement: str
    split: str
    token: Token
    block_number: int
    received: int
    remitted: int
    elsewhere: int
    held: int
    settlements: int
    open_lines: int
    open_amount: int
    payees: tuple[PayeeAccounts, ...] = field(repr=False)
    differences: tuple[str, ...] = ()

    @property
    def reconciled(self) -> bool:
        """Whether everything agrees, to the unit."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data: amounts are exact decimal strings, in whole tokens."""
        show = self.token.format
        return {
            "agreement": self.agreement,
            "split": self.split,
            "token": self.token.model_dump(),
            "block": self.block_number,
            "received": show(self.received),
            "remitted": show(self.remitted),
            "elsewhere": show(self.elsewhere),
            "held": show(self.held),
            "settlements": self.settlements,
            "open": {"lines": self.open_lines, "amount": show(self.open_amount)},
            "payees": {
                one.payee: {
                    "schedule": show(one.schedule),
                    "contract": show(one.contract),
                    "log": show(one.log),
                    "balances": None if one.balances is None else show(one.balances),
                    "ledger": show(one.ledger),
                    "credit": show(one.credit),
                    "due": show(one.due),
                }
                for one in self.payees
            },
            "reconciled": self.reconciled,
            "differences": list(self.differences),
        }


def reconcile(ledger: Ledger, split: RevenueSplit) -> Reconciliation:
    """Compare what the ledger has settled with what the contract, its log and the token say.

    split: a handle with its agreement. All of the chain is read as of one block. Raises InvalidInput,
    ProviderError.
    """
    if split.agreement is None:
        raise InvalidInput("reconciling needs a handle with its agreement: RevenueSplit.at(…, agreement=…)")
    journal = Journal(ledger)
    records = [
        record
        for record in journal.settlements(split.agreement.name)
        if (record.chain_id, record.split) == (split.chain_id, split.address)
    ]
    view = _view(split)
    lines = Lines.of(journal.lines(split.agreement.name, _FOREVER, split.token.symbol))
    settled = [record for record in records if record.state in ("mined", "final")]
    on_chain = _by_batch(view.events)
    remitted = sum(
        event.amount
        for record in settled
        if (event := on_chain.get((record.sender, record.batch_id))) is not None
    )
    paid = _paid_by_ledger(settled)
    log = _replayed(split, view)
    differences = [
        *_settlement_differences(journal, settled, on_chain),
        *_foreign(records, view.events, split.token),
        *_chain_differences(split, view, log),
        *(f"{record.period}: {record.note}" for record in settled if record.note),
    ]
    payees = tuple(
        PayeeAccounts(
            line.payee,
            line.address,
            line.entitlement if isinstance(split, AmendableSplit) else view.earned[line.payee],
            line.paid,
            log.get(line.payee, 0),
            None if view.moved is None else view.moved.get(line.address, 0),
            paid.get(line.address, 0),
            line.credit,
            line.due,
        )
        for line in view.statement
    )
    differences += _payee_differences(
        split, view, payees, all_ours=view.statement.revenue == remitted, records=settled
    )
    return Reconciliation(
        split.agreement.name,
        split.address,
        split.token,
        view.block_number,
        view.statement.revenue,
        remitted,
        view.statement.revenue - remitted,
        view.held,
        len(settled),
        len(lines.entries),
        lines.amount,
        payees,
        tuple(differences),
    )


# ------------------------------------------------------------------------------------------ the chain


@dataclass(frozen=True)
class _View:
    """The chain as of one block. moved: by payee's address, what the token says left the split for it."""

    block_number: int
    statement: Statement
    events: tuple[Event, ...]
    earned: Mapping[str, int]
    held: int
    moved: Mapping[str, int] | None


def _view(split: RevenueSplit) -> _View:
    node = WatchedNode(split.node)
    head = node.block()
    if head is None:
        raise ProviderError("the node has no latest block", method="eth_getBlockByNumber")
    statement = split.statement(block=head.number)
    token = split.terms.token
    moved = None
    if token != COIN:
        sums: defaultdict[str, int] = defaultdict(int)
        for log in _transfers(node, token, split.address, split.created_in, head.number):
            sums[to_checksum_address(log.topics[2][12:])] += int.from_bytes(log.data, "big")
        moved = sums
    return _View(
        head.number,
        statement,
        split.events(to_block=head.number),
        split.schedule.entitlements(statement.revenue),
        balance_of(node, token, split.address, head.number),
        moved,
    )


def _transfers(node: Node, token: str, owner: str, first: int, last: int) -> Iterator[Log]:
    topics = [interface("DemoToken").topic("Transfer"), "0x" + word(owner).hex()]
    span = _SPAN
    while first <= last:
        end = min(first + span - 1, last)
        try:
            found = node.logs(token, first, end, topics)
        except ProviderError:
            if first == end:
                raise
            span = max((end - first + 1) // 4, 1)
            continue
        yield from found
        first, span = end + 1, min(span * 2, 1_000_000)


def _replayed(split: RevenueSplit, view: _View) -> dict[str, int]:
    """What each payee was paid, by the log alone."""
    names = {address: name for name, address in split.payees.items()}
    terms = split.history()[0] if isinstance(split, AmendableSplit) else split.terms
    rebuilt = replay(view.events, terms, names).get(split.terms.token)
    return {} if rebuilt is None else {names.get(line.address, line.payee): line.paid for line in rebuilt}


def _chain_differences(split: RevenueSplit, view: _View, log: Mapping[str, int]) -> Iterator[str]:
    """Yield where the contract disagrees with itself, with its log, or with its balance."""
    show, statement = split.token.format, view.statement
    paid = sum(line.paid for line in statement)
    if view.held != statement.revenue - paid:
        yield (
            f"the contract received {show(statement.revenue)} and paid {show(paid)}, and holds "
            f"{show(view.held)}"
        )
    for line in statement:
        if line.entitlement != line.paid + line.credit + line.due:
            yield (
                f"{line.payee}: earned {show(line.entitlement)}; paid {show(line.paid)}, "
                f"set aside {show(line.credit)} and due {show(line.due)} do not sum to it"
            )
        if log.get(line.payee, 0) != line.paid:
            by_log = show(log.get(line.payee, 0))
            yield f"{line.payee}: the contract paid {show(line.paid)}, by the log {by_log}"


def _by_batch(events: Sequence[Event]) -> dict[tuple[str, bytes], Remitted]:
    return {(event.payer, event.batch_id): event for event in events if isinstance(event, Remitted)}


# ------------------------------------------------------------------------------------------ the ledger


def _settlement_differences(
    journal: Journal, settled: Sequence[SettlementRecord], on_chain: Mapping[tuple[str, bytes], Remitted]
) -> Iterator[str]:
    """Yield where a settlement is not what its lines come to, or not what the chain has."""
    for record in settled:
        lines = Lines.of(journal.settled_lines(record.id))
        ours = {"amount": lines.amount, "root": "0x" + lines.root.hex(), "count": len(lines.entries)}
        kept = {"amount": record.amount, "root": "0x" + record.root.hex(), "count": record.count}
        yield from (
            f"{record.period}: {name} is {kept[name]} in the journal, {ours[name]} by its lines"
            for name in ours
            if ours[name] != kept[name]
        )
        event = on_chain.get((record.sender, record.batch_id))
        if event is None:
            yield f"{record.period}: the contract's log has no such remittance"
            continue
        theirs = {"amount": event.amount, "root": "0x" + event.root.hex(), "count": event.count}
        yield from (
            f"{record.period}: {name} is {kept[name]} in the journal, {theirs[name]} on the chain"
            for name in kept
            if kept[name] != theirs[name]
        )
        made = record.step("remit")
        if made is not None and made.tx_hash != event.tx_hash:
            yield f"{record.period}: remitted by {made.tx_hash} here, by {event.tx_hash} on the chain"


def _foreign(records: Sequence[SettlementRecord], events: Sequence[Event], token: Token) -> Iterator[str]:
    """Yield the remittances that this ledger knows nothing of."""
    ours = {(record.sender, record.batch_id) for record in records}
    for event in events:
        if isinstance(event, Remitted) and (event.payer, event.batch_id) not in ours:
            yield (
                f"{event.payer} remitted {token.format(event.amount)} for {event.count} lines in "
                f"{event.tx_hash}, of which this ledger knows nothing"
            )


def _paid_by_ledger(settled: Sequence[SettlementRecord]) -> dict[str, int]:
    paid: defaultdict[str, int] = defaultdict(int)
    for record in settled:
        for payout in record.payouts:
            paid[payout.address] += payout.paid
    return paid


def _payee_differences(
    split: RevenueSplit,
    view: _View,
    payees: Sequence[PayeeAccounts],
    *,
    all_ours: bool,
    records: Sequence[SettlementRecord],
) -> Iterator[str]:
    """Yield, payee by payee, how accounts of the same thing differ."""
    show = split.token.format
    redirected = {
        event.payee
        for event in view.events
        if isinstance(event, CreditWithdrawn) and event.to != event.payee and event.token == split.terms.token
    }
    under_way = any(not record.payouts for record in records)
    paid_in = any(isinstance(event, SalePaid) for event in view.events)
    for one in payees:
        if one.schedule != one.contract + one.credit + one.due:
            yield (
                f"{one.payee}: earned {show(one.schedule)} by the schedule; by the contract "
                f"{show(one.contract + one.credit + one.due)}"
            )
        if one.balances is not None and one.balances != one.contract and one.address not in redirected:
            yield (
                f"{one.payee}: the contract paid {show(one.contract)}, the token moved "
                f"{show(one.balances)} to it"
            )
        if all_ours and not under_way and not paid_in and one.ledger != one.contract:
            yield (
                f"{one.payee}: the contract paid {show(one.contract)}, this ledger's settlements "
                f"{show(one.ledger)}"
            )
