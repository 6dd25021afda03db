"""Where every period stands, in words, and what to do. Asks the ledger alone, no node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from revshare._period import Period
from revshare._words import counted
from revshare.ledger._journal import Journal
from revshare.ledger._settlements import SettlementRecord, TransactionRecord

if TYPE_CHECKING:
    from revshare.ledger import Ledger

__all__ = ["Standing", "status"]


@dataclass(frozen=True)
class Standing:
    """Where a period of an agreement stands.

    state: of its settlement; "open" for sales that none has. what: where it stands, in words. to_do: what to
    do; empty when there is nothing to do. record: the settlement, if there is one.
    """

    agreement: str
    period: str
    state: str
    what: str
    to_do: str = ""
    record: SettlementRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; amounts are base units, as text."""
        record = self.record
        return {
            "agreement": self.agreement,
            "period": self.period,
            "state": self.state,
            "what": self.what,
            "to_do": self.to_do,
            "amount_units": None if record is None else str(record.amount),
            "lines": None if record is None else record.count,
            "transactions": []
            if record is None
            else [
                {"step": made.step, "tx_hash": made.tx_hash, "state": made.state, "block": made.block_number}
                for made in record.transactions
            ],
        }


def status(ledger: Ledger, agreement: str | None = None) -> tuple[Standing, ...]:
    """Return where everything stands, of one agreement or of all: settlements by period, then what none has
    yet.
    """
    journal = Journal(ledger)
    records = journal.settlements(agreement)
    found = [_standing(record, is_held=journal.is_held(record)) for record in records]
    return tuple(found) + tuple(_unsettled(journal, agreement, records))


def _unsettled(
    journal: Journal, agreement: str | None, records: Iterable[SettlementRecord]
) -> Iterator[Standing]:
    """Yield the periods with sales that no settlement has, in order: each is to be settled in its turn, as a
    later one would take the lines of those before it.
    """
    last = {record.agreement: record for record in records}  # the latest period of each
    settled = {(record.agreement, record.period) for record in records if record.state != "carried"}
    for name, first in journal.unsettled(agreement):
        period, zone = (last[name].period, last[name].zone) if name in last else ("", "UTC")
        option = "" if zone == "UTC" else f" --zone {zone}"
        moment: datetime | None = first
        before = ""
        while moment is not None:
            now = Period.around(moment, period, zone)
            count, moment = journal.count_unsettled(name, now)
            what = f"{counted(count, 'sale line')} {'is' if count == 1 else 'are'} in no settlement yet"
            if (name, now.name) in settled:
                what += f": recorded after {now.name} was settled"
                to_do = "nothing by itself: it goes into the next period that is settled"
            else:
                to_do = f"settle it: revshare settle AGREEMENT --period {now.name}{option}"
                to_do = f"after {before}, {to_do}" if before else to_do
                before = now.name
            yield Standing(name, now.name, "open", what, to_do)


def _standing(record: SettlementRecord, *, is_held: bool) -> Standing:
    what, to_do = _WORDS[record.state](record)
    if record.is_open and is_held:
        until = datetime.fromtimestamp(record.lease_until, UTC)
        what += f"; {record.worker} is at it until {until:%H:%M:%S} UTC at least"
        to_do = "wait; if that worker has died, settling goes on after that time"
    return Standing(record.agreement, record.period, record.state, what, to_do, record)


def _go_on(record: SettlementRecord) -> str:
    return (
        f"settle the period again with the account {record.sender}, which alone can go on: it goes on where "
        "it stands, nothing is signed or paid twice"
    )


def _planned(record: SettlementRecord) -> tuple[str, str]:
    void = sum(made.state == "void" for made in record.transactions)
    why = "; what was signed can no longer be mined, as other transactions had its nonces" if void else ""
    return f"planned: {counted(record.count, 'line')} set apart, nothing is signed{why}", _go_on(record)


def _signed(record: SettlementRecord) -> tuple[str, str]:
    made = _newest(record)
    said = f"; the node last said: {made.error}" if made is not None and made.error else ""
    kept = "what is signed is kept, and sent as it is: if the account lacks coin for gas, give it some first"
    return f"signed, and not known to be sent: {_named(made)}{said}", f"{_go_on(record)}; {kept}"


def _sent(record: SettlementRecord) -> tuple[str, str]:
    made = _newest(record)
    said = f"; the node last said: {made.error}" if made is not None and made.error else ""
    return f"sent, and in no block yet: {_named(made)}{said}", _go_on(record)


def _mined(record: SettlementRecord) -> tuple[str, str]:
    remit, distribute = record.step("remit"), record.step("distribute")
    where = f"remitted in block {remit.block_number}" if remit is not None else "remitted"
    if distribute is None:
        return f"{where}; the distribution is not signed yet", _go_on(record)
    if distribute.in_block:
        return f"{where}, distributed in block {distribute.block_number}; not final yet", _go_on(record)
    return f"{where}; the distribution is {distribute.state}: {_named(distribute)}", _go_on(record)


def _final(record: SettlementRecord) -> tuple[str, str]:
    credited = [payout.payee for payout in record.payouts if payout.credited > 0]
    lines, payees = counted(record.count, "line"), counted(len(record.payouts), "payee")
    what = f"done: {lines} remitted and shared among {payees}, final"
    if record.note:
        return f"{what}; but {record.note}", "look at it: revshare reconcile AGREEMENT"
    if credited:
        return (
            f"{what}; what {', '.join(credited)} could not receive is set aside",
            "they can be paid by `withdraw_credit` once they can receive, or redirect it themselves",
        )
    return what, ""


def _carried(record: SettlementRecord) -> tuple[str, str]:
    return record.note, ""


def _failed(record: SettlementRecord) -> tuple[str, str]:
    return f"failed: {record.note}", "mend the cause, then settle the period again; its lines are kept for it"


_WORDS = {
    "planned": _planned,
    "signed": _signed,
    "sent": _sent,
    "mined": _mined,
    "final": _final,
    "carried": _carried,
    "failed": _failed,
}


def _newest(record: SettlementRecord) -> TransactionRecord | None:
    found = [made for made in record.transactions if made.state in ("signed", "sent")]
    return found[-1] if found else None


def _named(made: TransactionRecord | None) -> str:
    return "a transaction" if made is None else f"{made.step} {made.tx_hash}"
