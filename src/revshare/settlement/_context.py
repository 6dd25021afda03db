"""What all phases of a settler share: the node, the journal, the head of the chain, handles, fees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from eth_hash.auto import keccak

from revshare._period import Period
from revshare.chain.amendable import AmendableSplit
from revshare.chain.attach import attach
from revshare.chain.chains import Chain
from revshare.chain.events import Remitted, decode_logs
from revshare.chain.node import Block, Mined
from revshare.chain.signers import Signer
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import Terms
from revshare.chain.tokens import token_at
from revshare.chain.transactions import check_chain
from revshare.errors import (
    NotDeployed,
    ProviderError,
    SettlementConflict,
    SettlementError,
    StaleNode,
    StuckTransaction,
    TermsMismatch,
    WrongChain,
)
from revshare.ledger._journal import Journal, Unit
from revshare.ledger._settlements import SettlementRecord, StepName, TransactionRecord
from revshare.settlement._fees import Fees, market
from revshare.settlement._values import Moment, Progress
from revshare.settlement._watched import WatchedNode, find_remitted

if TYPE_CHECKING:
    from revshare.ledger import Ledger

__all__ = ["Context", "Finality", "Key"]

Finality = int | Literal["finalized", "safe"]
"""When a transaction counts as final: so many blocks after its own, or when the node says so."""

Key = tuple[str, str]
"""A split's address and a period's name."""

_DOUBTS = (0.1, 0.3, 1.0)  # seconds until it is asked again what seemed to stand in the way
_TRAIL = 256  # heads remembered, to tell a reorganised chain from a node that lags


class Context:
    """What a settler knows, and whom it asks."""

    def __init__(
        self,
        ledger: Ledger,
        node: WatchedNode,
        signer: Signer,
        address: str,
        journal: Journal,
        *,
        finality: Finality | None,
        max_fee: int | None,
        clock: Callable[[], float],
        watch: Callable[[Progress], None] | None,
        resend_after: float,
        replace_after: float,
    ) -> None:
        self.ledger = ledger
        self.node = node
        self.signer = signer
        self.address = address
        self.journal = journal
        self.max_fee = max_fee
        self.clock = clock
        self.resend_after = resend_after
        self.replace_after = replace_after
        self.chain_id = node.chain_id()
        self.finality: Finality = finality if finality is not None else self._usual_finality()
        self.head = Block(0, "")
        self.problems: dict[Key, Exception] = {}
        """What keeps a settlement from going on until somebody does something."""
        self.unplanned: dict[Key, Period] = {}
        """Of these, the periods that could not be planned: none of them is later than what is begun."""
        self.empty: dict[Key, SettlementRecord] = {}
        """Periods without lines, which are in no database."""
        self._doubts: dict[Key, tuple[int, float]] = {}
        self.stuck: dict[Key, StuckTransaction] = {}
        """What costs more than may be offered; it goes on waiting."""
        self.send_again: dict[str, float] = {}
        """Hash → when to broadcast next. What was never sent from here is not in it."""
        self.refusals: dict[str, int] = {}
        self.first_sent: dict[tuple[str, int | None], tuple[float, int]] = {}
        """Sender and nonce → when, and at which block, it was first broadcast from here."""
        self.checked: dict[int, str] = {}
        """Transaction → hash of the head at which it was last looked at."""
        self._watch = watch
        self._trail: dict[int, str] = {}
        self._highest = 0
        self._genesis = ""
        self._handles: dict[str, RevenueSplit] = {}
        self._tip: int | None = None
        self._final: int | None = None

    def _usual_finality(self) -> Finality:
        return 0 if Chain.of(self.chain_id).is_development else "finalized"

    def say(
        self,
        moment: Moment,
        message: str,
        record: Any = None,
        step: str = "",
        tx_hash: str = "",
        *,
        error: Exception | None = None,
    ) -> None:
        """Tell `watch`."""
        if self._watch is not None:
            self._watch(
                Progress(
                    moment,
                    message,
                    getattr(record, "agreement", ""),
                    getattr(record, "period", ""),
                    step,
                    tx_hash,
                    error,
                )
            )

    # ---------------------------------------------------------------- the chain

    def look(self) -> None:
        """Ask for the head of the chain, and begin a round at it.

        Raises WrongChain for another chain than before, StaleNode for a node that is behind what was seen.
        """
        self.node.fresh()
        self._tip = self._final = None
        check_chain(self.node, self.chain_id)
        if not self._genesis:
            self._remember_chain()
        head = self.node.block()
        if head is None:
            raise ProviderError("the node has no latest block", method="eth_getBlockByNumber")
        if head.number < self._highest and not self._reorganised(head):
            raise StaleNode(
                f"the node is at block {head.number}, and block {self._highest} was seen before: "
                "waiting for it",
                expected=self._highest,
                actual=head.number,
            )
        if head.number > self._highest:
            # A head of another chain, from a node that changed between the two questions, would be waited for
            # for as long as that chain is ahead.
            self.node.forget_chain()
            check_chain(self.node, self.chain_id)
        self._highest = head.number
        self.head = head
        self._mark(head.number, head.hash)

    def _remember_chain(self) -> None:
        first = self._first_block()
        known = self.journal.chain(self.chain_id)
        if known is None:
            # By what is remembered now every later answer is judged: a node that was of another chain for a
            # moment would make all others wrong for ever. So it is asked twice, and between for its chain.
            self.node.fresh()
            check_chain(self.node, self.chain_id)
            if self._first_block().hash != first.hash:
                raise ProviderError("the node names two first blocks", method="eth_getBlockByNumber")
        if known is not None and known[0] != first.hash:
            raise WrongChain(
                f"this is another chain {self.chain_id} than the ledger has settled on: its first block is "
                f"{first.hash}, not {known[0]}",
                expected=known[0],
                actual=first.hash,
            )
        self._genesis = first.hash
        if known is not None:
            self._highest = known[1]
            self._trail[known[1]] = known[2]

    def _first_block(self) -> Block:
        first = self.node.block(0)
        if first is None:
            raise ProviderError("the node has no block 0", method="eth_getBlockByNumber")
        return first

    def _reorganised(self, head: Block) -> bool:
        """Whether a lower head is of another chain than was seen, not of a node that lags behind."""
        return any(
            (block := self.node.block(number)) is not None and block.hash != seen
            for number, seen in sorted(self._trail.items(), reverse=True)[:64]
            if number <= head.number
        )

    def _mark(self, number: int, block_hash: str) -> None:
        self._trail[number] = block_hash
        while len(self._trail) > _TRAIL:
            del self._trail[min(self._trail)]

    def seen(self, unit: Unit) -> None:
        """Remember the head, with whatever else is stored."""
        unit.seen(self.chain_id, self._genesis, self.head.number, self.head.hash)

    def is_there(self, block_number: int, block_hash: str) -> bool:
        """Whether a block is still part of the chain. Raises ProviderError where the node cannot say."""
        if block_number > self.head.number:
            return False  # reorganised to a shorter chain: a node that lags would not have come this far
        block = self.node.block(block_number)
        if block is None:
            raise ProviderError(f"the node has no block {block_number}", method="eth_getBlockByNumber")
        self._mark(block_number, block.hash)
        return block.hash == block_hash

    @property
    def final_number(self) -> int:
        """The last block that counts as final. Raises ProviderError where the node does not know."""
        if self._final is None:
            if isinstance(self.finality, int):
                self._final = self.head.number - self.finality
            else:
                found = self.node.block(self.finality)
                if found is None:
                    raise ProviderError(
                        f"the node does not say which block is {self.finality}: give finality= as a number "
                        "of blocks",
                        method="eth_getBlockByNumber",
                    )
                self._final = found.number
        return self._final

    def fees(self) -> Fees:
        """What is offered for gas just now. Raises FeesTooHigh."""
        if self.head.base_fee is not None and self._tip is None:
            self._tip = self.node.tip()
        return market(self.node, self._tip, self.max_fee)

    # ---------------------------------------------------------------- splits

    def keep(self, split: RevenueSplit) -> RevenueSplit:
        """Return a split as this settler's node and account see it, and keep it."""
        known = self._handles.get(split.address)
        if known is None or known.terms != split.terms or known.agreement != split.agreement:
            known = self._bound(split)
            self._handles[split.address] = known
        return known

    def _bound(self, split: RevenueSplit) -> RevenueSplit:
        if isinstance(split, AmendableSplit):
            return attach(
                self.node,
                split.address,
                split.terms,
                split.agreement,
                self.signer,
                or_amended=True,
                factory=split.factory,
            )
        return RevenueSplit(
            self.node,
            split.address,
            split.terms,
            agreement=split.agreement,
            account=self.signer,
            factory=split.factory,
        )

    def split(self, record: SettlementRecord) -> RevenueSplit:
        """Return the split of a settlement, by the terms in the journal where nobody has given a handle."""
        if record.split not in self._handles:
            token = token_at(self.node, record.token)
            unnamed = Terms.decode(record.terms, token)
            names = dict(zip(unnamed.schedule.addresses, record.names, strict=True))
            terms = Terms.decode(record.terms, token, names)
            # Who made it was asked when the settlement was planned, and `check_code` asks for the same code.
            try:
                found = attach(self.node, record.split, terms, None, self.signer, anywhere=True)
            except TermsMismatch:  # amended since; then the log knows
                found = attach(self.node, record.split, None, None, self.signer, anywhere=True)
            self._handles[record.split] = found
        return self._handles[record.split]

    def code_hash(self, address: str) -> str:
        """The hash of a split's code. Raises NotDeployed."""
        code = self.node.code(address, self.head.number)
        if not code:
            raise NotDeployed(f"there is no contract at {address}", address=address)
        return "0x" + keccak(code).hex()

    def check_code(self, record: SettlementRecord) -> None:
        """Raise TermsMismatch unless the split's code is what it was when the settlement was planned."""
        actual = self.code_hash(record.split)
        if actual != record.code_hash:
            raise TermsMismatch(
                f"the code at {record.split} is no longer what it was when this was planned: nothing is "
                "signed for it",
                address=record.split,
                expected=record.code_hash,
                actual=actual,
            )

    # ---------------------------------------------------------------- what the chain has

    def adopted(self, record: Any) -> Remitted:
        """Return the event by which a batch was remitted already. record: a settlement, stored or new.

        Raises SettlementConflict where it is not the remittance that this would be, SettlementError without
        it.
        """
        event = find_remitted(self.node, record.split, record.sender, record.batch_id)
        if event is None:
            raise SettlementError(
                "the contract says that this period was remitted, and its log does not show it",
                agreement=record.agreement,
                period=record.period,
            )
        ours, theirs = (
            {"token": one.token, "amount": one.amount, "root": "0x" + one.root.hex(), "count": one.count}
            for one in (record, event)
        )
        if ours != theirs:
            raise SettlementConflict(
                ours,
                theirs | {"transaction": event.tx_hash},
                agreement=record.agreement,
                period=record.period,
            )
        return event

    def remitted(self, record: SettlementRecord, mined: Mined) -> Remitted | None:
        """The event of a settlement's remittance in a receipt."""
        for event in decode_logs(mined.logs):
            if (
                isinstance(event, Remitted)
                and event.address == record.split
                and event.payer == record.sender
                and event.batch_id == record.batch_id
            ):
                return event
        return None

    # ---------------------------------------------------------------- problems

    def block(self, record: Any, error: Exception) -> None:
        """Leave a settlement as it is, until the settler is asked again."""
        self.problems[(record.split, record.period)] = error

    def asks_again(self, key: Key, error: Exception) -> bool:
        """Whether what stands in the way is looked at again, in a moment, before it is believed.

        A node that lags, or is of another chain for a while, gives answers that are wrong and not errors: an
        empty account, no contract, a refusal. Some of them in a row are taken for true.
        """
        count, _ = self._doubts.pop(key, (0, 0.0))
        if count == len(_DOUBTS):
            return False
        self._doubts[key] = (count + 1, self.clock() + _DOUBTS[count])
        self.say("waiting", f"asking again: {error}")
        return True

    def is_asked_later(self, key: Key) -> bool:
        """Whether it is too early to ask again."""
        return self._doubts.get(key, (0, 0.0))[1] > self.clock()

    def is_sure(self, key: Key) -> None:
        """What was doubted has gone well."""
        self._doubts.pop(key, None)

    def blocked(self, record: SettlementRecord) -> bool:
        """Whether a settlement waits for somebody to do something."""
        return (record.split, record.period) in self.problems


def live(record: SettlementRecord, step: StepName) -> TransactionRecord | None:
    """The transaction of a step that is in a block or may yet be; None: it has to be signed."""
    found = [
        made for made in record.transactions if made.step == step and made.state not in ("void", "failed")
    ]
    mined = [made for made in found if made.in_block]
    candidates = mined or found
    return candidates[-1] if candidates else None
