"""The settler: takes settlements from planned to final, a step at a time, and can be killed between any two.

What is known is in the journal (`ledger._journal`); what is true is on the chain. Each step looks at both,
does one thing, and writes it down. The rules it keeps:

- nothing is broadcast that is not stored;
- the same bytes are sent again, as often as need be; a nonce is signed for a second time only to raise the
  fee, and
  that is stored first, too;
- an error of the node's decides nothing: what became of a transaction is looked up by its hashes, then by the
  nonce,
  then by the batch id;
- what is read of a node that is behind is not acted upon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from revshare._period import Period
from revshare.chain.node import Node
from revshare.chain.signers import Account, Signer, sender
from revshare.chain.split import RevenueSplit
from revshare.errors import (
    ChainError,
    FeesTooHigh,
    InvalidInput,
    LeaseLost,
    LedgerBusy,
    LedgerError,
    ProviderError,
    SettlementError,
    SettlementTimeout,
    StaleNode,
    WrongChain,
)
from revshare.ledger._journal import Journal, Taken
from revshare.ledger._settlements import SettlementRecord
from revshare.money import Token
from revshare.settlement._context import Context, Finality, Key
from revshare.settlement._observing import observe
from revshare.settlement._order import Wish
from revshare.settlement._preview import preview
from revshare.settlement._sending import mend, send
from revshare.settlement._signing import sign
from revshare.settlement._values import Progress, SettlementPlan, SettlementResult, Step
from revshare.settlement._watched import WatchedNode

if TYPE_CHECKING:
    from revshare.ledger import Ledger

__all__ = ["Settler"]

_POLLS = (0.02, 2.0)
"""Seconds between looks, at first and at most."""


class Settler:
    """Settles periods of any number of agreements by one account, and resumes whatever that account has open.

    w3: a Web3, or the node of a handle (`split.node`). account: a signer; what an account of the node signs
    cannot be stored before it is sent. finality: a number of blocks after the transaction's own, or
    "finalized" or "safe" as the node says; left out, 0 on development chains and "finalized" elsewhere.
    max_fee: wei per gas that may be offered at most, also for replacements; left out, ten times the first
    offer. resend_after, replace_after: seconds after which what is in no block is sent again, and offered
    more for. lease: seconds that work stays this worker's own when it is not heard of. watch: called with
    `Progress`. clock, sleep: for tests.

    Many may run at once, in one process or on many machines: they share the work, and a period is settled
    once. Whose `settle` or `run` ends, however it ends, leaves what is open to the others.
    """

    def __init__(
        self,
        ledger: Ledger,
        w3: Any,
        *,
        account: Account = None,
        finality: Finality | None = None,
        max_fee: int | None = None,
        resend_after: float = 25.0,
        replace_after: float = 90.0,
        lease: float = 60.0,
        worker: str = "",
        watch: Callable[[Progress], None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        node = WatchedNode(w3)
        signer, address = _signer(node, account)
        self._ledger = ledger
        self._sleep = sleep
        self._journal = Journal(ledger, worker=worker, lease=lease, clock=clock)
        self._context = Context(
            ledger,
            node,
            signer,
            address,
            self._journal,
            finality=_checked(finality),
            max_fee=max_fee,
            clock=clock,
            watch=watch,
            resend_after=resend_after,
            replace_after=replace_after,
        )
        self._wishes: list[Wish] = []
        self._touched: dict[Key, None] = {}

    @property
    def worker(self) -> str:
        """By what name this settler leases work."""
        return self._journal.worker

    @property
    def address(self) -> str:
        """The account that remits."""
        return self._context.address

    # ---------------------------------------------------------------- what is wanted

    def add(self, split: RevenueSplit, period: str | Period, *, zone: str = "UTC") -> None:
        """Settle a period, with the next steps. Nothing happens yet.

        Raises InvalidInput for a handle without its agreement, WrongChain for a split of another chain.
        """
        wish = self._wish(split, period, zone)
        for known in (self._context.problems, self._context.unplanned, self._context.empty):
            known.pop(wish.key, None)
        if all(wish.key != other.key for other in self._wishes):
            self._wishes.append(wish)
        self._touched[wish.key] = None

    def plan(self, split: RevenueSplit, period: str | Period, *, zone: str = "UTC") -> SettlementPlan:
        """Return what settling a period would do. Writes nothing and signs nothing."""
        wish = self._wish(split, period, zone)
        self._context.look()
        return preview(self._context, wish)

    def settle(
        self, split: RevenueSplit, period: str | Period, *, zone: str = "UTC", timeout: float = 3600.0
    ) -> SettlementResult:
        """Settle a period, and return what came of it. One that is settled already is only reported.

        zone: whose midnights the period begins and ends at. timeout: seconds.

        Raises SettlementConflict where the chain has another remittance for the period, SettlementTimeout
        when it is not final in time (settling again goes on), and what keeps it from going on:
        InsufficientFunds, TransactionFailed, FeesTooHigh, StaleNode, WrongChain, TermsMismatch, ProviderError
        …
        """
        wish = self._wish(split, period, zone)
        self.add(split, wish.period)
        self._drive([wish.key], timeout)
        if wish.key in self._context.problems:
            raise self._context.problems[wish.key]
        return self.result(wish.key)

    def run(self, timeout: float = 3600.0) -> tuple[SettlementResult, ...]:
        """Settle what was added, and all that this account has open; return what came of each.

        What was added and another worker of this account has in hand is waited for. A settlement that cannot
        go on stays where it is, and `problems` says why. Raises SettlementTimeout.
        """
        self._drive(None, timeout)
        found = self._context.empty | self._journal.find_all(self._context.chain_id, self._touched)
        return tuple(self._result(found[key]) for key in self._touched if key in found)

    @property
    def problems(self) -> dict[Key, Exception]:
        """Split and period → what keeps it from going on."""
        return dict(self._context.problems)

    def result(self, key: Key) -> SettlementResult:
        """Return where the settlement of a split's address and a period's name stands. Raises
        SettlementError.
        """
        record = self._find(key)
        if record is None:
            raise SettlementError(f"there is no settlement of {key[0]} for {key[1]}")
        return self._result(record)

    def _result(self, record: SettlementRecord) -> SettlementResult:
        differences = tuple(filter(None, [record.note])) if record.state in ("final", "failed") else ()
        return SettlementResult(record, self._token(record), differences)

    # ---------------------------------------------------------------- stepping

    def step(self) -> Step:
        """Do the next thing there is to do, and say what it was. Never waits.

        Raises WrongChain; whatever else goes wrong on the way to the node or the database is in the step's
        `errors`.
        """
        try:
            self._context.look()
            return self._next()
        except (ProviderError, StaleNode, FeesTooHigh, LedgerBusy, LeaseLost, Taken) as error:
            return Step("waiting", (str(error),), (error,))

    def _next(self) -> Step:
        context = self._context
        works = self._journal.claim(context.chain_id, context.address)
        for work in works:
            self._touched.setdefault((work.split, work.period))
        fills = self._journal.fills(context.chain_id, context.address)
        sent = send(context, works, fills)
        if sent is not None and sent[0]:
            return Step("sent", *sent)
        errors = sent[1] if sent else ()
        seen, troubles = observe(context, works, fills)
        if seen:
            return Step("observed", seen, errors + troubles)
        errors += troubles
        signed = sign(context, works, self._wishes)
        if signed is not None:
            said, done, more = signed
            self._wishes = [wish for wish in self._wishes if wish not in done]
            errors += more
            if said or done:
                return Step("signed", said, errors)
        mended = mend(context, works, fills)
        if mended:
            return Step("mended", mended, errors)
        return Step("waiting", (), errors)

    def _drive(self, keys: Sequence[Key] | None, timeout: float) -> None:
        """Step until everything is done; of everything when `keys` is None. However it ends, what this worker
        has in hand is then anybody's.
        """
        try:
            self._step_on(keys, timeout)
        finally:
            # A database that does not answer now lets the lease run out; what there is to say, is said.
            with suppress(LedgerError):
                self._journal.release()

    def _step_on(self, keys: Sequence[Key] | None, timeout: float) -> None:
        end, pause = self._context.clock() + timeout, _POLLS[0]
        while True:
            step = self.step()
            if step.did != "waiting":
                pause = _POLLS[0]
                continue
            if self._is_done(keys):
                return
            if self._context.clock() >= end:
                self._give_up(step, timeout)
            message = "; ".join(step.what) or "waiting for the chain"
            self._context.say("waiting", message, error=next(iter(step.errors), None))
            self._sleep(pause)
            pause = min(pause * 1.5, _POLLS[1])

    def _is_done(self, keys: Sequence[Key] | None) -> bool:
        """Whether nothing is left of what was asked for, but what is blocked."""
        if keys is None:
            if self._wishes:
                return False
            works = self._journal.claim(self._context.chain_id, self._context.address)
            keys = [(work.split, work.period) for work in works]
            # Where something of ours cannot go on, others are not waited for: they may be waiting for that.
            if not any(self._context.blocked(work) for work in works):
                keys += self._elsewhere()
        return all(key in self._context.problems or self._is_settled(key) for key in keys)

    def _elsewhere(self) -> dict[Key, str]:
        """What was asked for and other workers of this account have in hand, and who they are."""
        found = self._journal.elsewhere(self._context.chain_id, self._context.address)
        return {key: worker for key, worker in found.items() if key in self._touched}

    def _is_settled(self, key: Key) -> bool:
        if any(wish.key == key for wish in self._wishes):
            return False
        record = self._find(key)
        return record is not None and not record.is_open

    def _give_up(self, step: Step, timeout: float) -> None:
        if self._context.stuck:
            raise next(iter(self._context.stuck.values()))
        if step.errors and isinstance(step.errors[0], (ChainError, LedgerBusy)):
            raise step.errors[0]
        others = sorted(filter(None, set(self._elsewhere().values())))
        who = f" ({', '.join(others)} of the same account is at some of it)" if others else ""
        raise SettlementTimeout(
            f"not everything was final within {timeout:g} seconds{who}; nothing is lost: "
            "settle again, and it goes on"
        )

    # ---------------------------------------------------------------- helpers

    def _wish(self, split: RevenueSplit, period: str | Period, zone: str) -> Wish:
        if split.agreement is None:
            raise InvalidInput(
                f"this handle on {split.address} does not know its agreement, so its sales cannot be found: "
                "attach with RevenueSplit.at(…, agreement=…)"
            )
        if split.chain_id != self._context.chain_id:
            raise WrongChain(
                f"the split is on chain {split.chain_id}, and the node serves chain {self._context.chain_id}",
                expected=split.chain_id,
                actual=self._context.chain_id,
            )
        return Wish(self._context.keep(split), split.agreement.name, Period.parse(period, zone))

    def _find(self, key: Key) -> SettlementRecord | None:
        return self._journal.find(self._context.chain_id, *key) or self._context.empty.get(key)

    def _token(self, record: SettlementRecord) -> Token:
        return self._context.split(record).token


class _NodeSigner:
    """An account of the node, where that signs without sending."""

    def __init__(self, node: Node, address: str) -> None:
        self._node = node
        self.address = address

    def sign_transaction(self, transaction_dict: Any) -> bytes:
        return self._node.signed({**transaction_dict, "from": self.address})


def _signer(node: Node, account: Account) -> tuple[Signer, str]:
    found = sender(node, account)
    if found.signer is not None:
        return found.signer, found.address
    signer = _NodeSigner(node, found.address)
    probe = {
        "chainId": node.chain_id(),
        "nonce": 0,
        "gas": 21_000,
        "gasPrice": 0,
        "to": found.address,
        "value": 0,
    }
    try:
        signer.sign_transaction(probe)
    except ProviderError as error:
        raise InvalidInput(
            f"{found.address} is an account of the node, which signs only what it sends; a settlement "
            "stores what is signed before it is sent: pass account=, a signer such as "
            "eth_account.Account.from_key(…)"
        ) from error
    return signer, found.address


def _checked(finality: Finality | None) -> Finality | None:
    if finality is None or finality in ("finalized", "safe"):
        return finality
    if isinstance(finality, bool) or not isinstance(finality, int) or finality < 0:
        raise InvalidInput(f"finality is a number of blocks, 'finalized' or 'safe', not {finality!r}")
    return finality
