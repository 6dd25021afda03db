"""From an unsigned transaction to a mined one, in steps that can each be stored before the next is taken.

    fill → sign → broadcast → wait

A settlement keeps the signed bytes before it broadcasts them; after a crash the same bytes are broadcast
again, never signed anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from eth_hash.auto import keccak

from revshare.chain.events import Event, decode_logs
from revshare.chain.node import Mined, Node
from revshare.chain.signers import Sender, sign
from revshare.errors import (
    ChainError,
    ContractError,
    InsufficientFunds,
    ProviderError,
    TransactionFailed,
    WrongChain,
)

if TYPE_CHECKING:
    from web3 import Web3

__all__ = [
    "GAS_CAP",
    "Pending",
    "Receipt",
    "Signed",
    "Transaction",
    "broadcast",
    "estimate",
    "estimate_whole",
    "fill",
    "submit",
    "with_margin",
]

Transaction = dict[str, Any]
"""A transaction as eth-account and web3 take it."""

GAS_CAP = 16_777_216
"""Gas that one transaction may have at most (EIP-7825)."""

_TIMEOUT = 180.0
_E = TypeVar("_E", bound=Event)


@dataclass(frozen=True)
class Receipt:
    """A transaction that was mined and succeeded. `events` are those of this library's contracts, in order.

    cost: what was paid for gas, in wei. approvals: receipts of the approvals that had to go before.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    gas_used: int
    cost: int
    status: int
    events: tuple[Event, ...]
    contract_address: str | None = None
    approvals: tuple[Receipt, ...] = ()

    def event(self, kind: type[_E], contract: str | None = None) -> _E:
        """Return the first event of a kind, such as ``receipt.event(Distributed)``. Raises LookupError.

        contract: the address of what logged it; left out, any: whoever is paid or asked in a transaction may
        log what looks like an event of ours.
        """
        for event in self.events:
            if isinstance(event, kind) and contract in (None, event.address):
                return event
        raise LookupError(f"no {kind.__name__} event in transaction {self.tx_hash}")

    def events_of(self, kind: type[_E]) -> tuple[_E, ...]:
        """Return all events of a kind, in order, such as ``receipt.events_of(PaymentSkipped)``."""
        return tuple(event for event in self.events if isinstance(event, kind))


@dataclass(frozen=True)
class Pending:
    """A transaction that was broadcast. `wait` returns its receipt."""

    node: Node = field(repr=False)
    tx_hash: str
    contract: str | None = None
    approvals: tuple[Receipt, ...] = ()

    def poll(self) -> Receipt | None:
        """Return the receipt, or None while the transaction is not mined. Raises as `wait` does."""
        mined = self.node.mined(self.tx_hash)
        return None if mined is None else self._receipt(mined)

    def wait(self, timeout: float = _TIMEOUT) -> Receipt:
        """Return the receipt once the transaction is mined, waiting at most `timeout` seconds.

        Raises TransactionFailed when it was mined and failed, with the contract's reason as the cause, or was
        not mined in time.
        """
        end, pause = monotonic() + timeout, 0.02
        while (receipt := self.poll()) is None:
            if monotonic() >= end:
                raise TransactionFailed(
                    f"transaction {self.tx_hash} was not mined within {timeout:g} seconds; it may be yet",
                    tx_hash=self.tx_hash,
                )
            sleep(min(pause, max(end - monotonic(), 0)))
            pause = min(pause * 1.5, 2.0)
        return receipt

    def _receipt(self, mined: Mined) -> Receipt:
        if mined.status != 1:
            reason = _why_it_failed(self.node, mined, self.contract)
            raise TransactionFailed(
                f"transaction {mined.tx_hash} was mined in block {mined.block_number} and failed: {reason}",
                tx_hash=mined.tx_hash,
                receipt=mined,
            ) from (reason if isinstance(reason, ContractError) else None)
        return Receipt(
            tx_hash=mined.tx_hash,
            block_number=mined.block_number,
            block_hash=mined.block_hash,
            gas_used=mined.gas_used,
            cost=mined.gas_used * mined.gas_price,
            status=mined.status,
            events=tuple(decode_logs(mined.logs)),
            contract_address=mined.contract_address,
            approvals=self.approvals,
        )


@dataclass(frozen=True)
class Signed:
    """A signed transaction, to be stored, then broadcast. `transaction` is what it says."""

    node: Node = field(repr=False)
    raw: bytes = field(repr=False)
    tx_hash: str
    nonce: int
    sender: str
    transaction: Mapping[str, Any] = field(repr=False)
    contract: str | None = None

    def broadcast(self) -> Pending:
        """Send the bytes. Sending them twice is harmless. Raises as the function `broadcast` does."""
        return _broadcast(self.node, self.raw, self.contract, self.transaction)

    def send(self, timeout: float = _TIMEOUT) -> Receipt:
        """Send the bytes and wait. Raises as `broadcast` and `Pending.wait` do."""
        return self.broadcast().wait(timeout)


def broadcast(w3: Web3 | Node, raw: bytes) -> Pending:
    """Send signed bytes, as they were stored, to a node; sending them twice is harmless.

    Raises ProviderError when the node refuses them and does not know them either.
    """
    return _broadcast(Node.of(w3), raw)


def _broadcast(
    node: Node, raw: bytes, contract: str | None = None, transaction: Mapping[str, Any] | None = None
) -> Pending:
    try:
        return Pending(node, node.send_raw(raw), contract)
    except ProviderError:
        if transaction is not None:
            check_funds(node, transaction)
        raise


# ------------------------------------------------------------------------------------------ before it is sent


def estimate(node: Node, transaction: Transaction, contract: str | None = None) -> int:
    """Return the gas a transaction needs.

    Raises ContractError when it would revert, ChainError when it needs more than `GAS_CAP`, InsufficientFunds
    when its sender cannot pay its value.
    """
    try:
        gas = node.estimate_gas(transaction, contract)
    except ProviderError:
        check_funds(node, transaction)
        raise
    if gas > GAS_CAP:
        raise ChainError(
            f"{contract or 'the transaction'} needs {gas:,} gas, and a transaction may have {GAS_CAP:,} at "
            "most: let payees claim one by one instead"
        )
    return gas


def estimate_whole(node: Node, transaction: Transaction, contract: str | None = None) -> int:
    """Return the gas with which a transaction returns what it would with all the gas there may be.

    A call that leaves out what fails succeeds with little gas, leaving out much; and the least gas with which
    a transaction succeeds is what nodes estimate. Raises as `estimate` does.
    """
    gas = estimate(node, transaction, contract)
    wanted = node.call(transaction | {"gas": GAS_CAP}, contract=contract)
    while gas < GAS_CAP and not _returns(node, transaction | {"gas": gas}, wanted, contract):
        gas = min(gas * 5 // 4, GAS_CAP)
    return gas


def _returns(node: Node, transaction: Transaction, wanted: bytes, contract: str | None) -> bool:
    try:
        return node.call(transaction, contract=contract) == wanted
    except (ContractError, ProviderError):  # of which running out of gas is one
        return False


def with_margin(gas: int) -> int:
    """Return a gas limit a fifth above what is needed, for a chain that moves on meanwhile."""
    return min(gas * 6 // 5, GAS_CAP)


def fill(node: Node, transaction: Transaction, contract: str | None = None, **given: Any) -> Transaction:
    """Return `transaction` with nonce, gas and fees, ready to sign.

    given: nonce, gas, max_fee_per_gas, max_priority_fee_per_gas, gas_price (wei per gas), where they are not
    to be worked out. The gas limit is a fifth above what is needed, for a chain that moves on meanwhile; what
    is not used costs nothing.

    Raises as `estimate` does; TypeError for an unknown name; WrongChain when the node serves another chain
    than the transaction is for.
    """
    unknown = given.keys() - _GIVEN.keys()
    if unknown:
        raise TypeError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(_GIVEN)}")
    check_chain(node, transaction["chainId"])
    filled = transaction | {_GIVEN[name]: value for name, value in given.items() if value is not None}
    if "gas" not in filled:
        filled["gas"] = with_margin(estimate(node, transaction, contract))
    if "nonce" not in filled:
        filled["nonce"] = node.nonce(filled["from"])
    if "gasPrice" not in filled:
        _fill_fees(node, filled)
    return filled


_GIVEN = {
    "nonce": "nonce",
    "gas": "gas",
    "max_fee_per_gas": "maxFeePerGas",
    "max_priority_fee_per_gas": "maxPriorityFeePerGas",
    "gas_price": "gasPrice",
}


def _fill_fees(node: Node, transaction: Transaction) -> None:
    head = node.block()
    base = head.base_fee if head else None
    if base is None:
        transaction["gasPrice"] = node.gas_price()
        return
    most = transaction.get("maxFeePerGas")
    if "maxPriorityFeePerGas" not in transaction:
        tip = node.tip()
        transaction["maxPriorityFeePerGas"] = tip if most is None else min(tip, most)
    if most is None:  # twice the base fee holds for six full blocks in a row
        transaction["maxFeePerGas"] = 2 * base + transaction["maxPriorityFeePerGas"]


def check_chain(node: Node, expected: int) -> None:
    """Raise WrongChain unless the node serves the chain `expected`."""
    actual = node.chain_id()
    if actual != expected:
        raise WrongChain(
            f"this is for chain {expected}, and the node now serves chain {actual}",
            expected=expected,
            actual=actual,
        )


def check_funds(node: Node, transaction: Mapping[str, Any]) -> None:
    """Raise InsufficientFunds when the sender has less coin than the value and the most the gas may cost."""
    price = transaction.get("maxFeePerGas", transaction.get("gasPrice", 0))
    needed = transaction.get("value", 0) + transaction.get("gas", 0) * price
    account = transaction.get("from")
    if account is None:
        return
    try:
        available = node.balance(account)
    except ProviderError:  # the error that led here says more
        return
    if available < max(needed, 1):
        raise InsufficientFunds(
            f"{account} has {available} wei and needs {needed or 'some'} for value and gas",
            account=account,
            needed=needed,
            available=available,
        )


def submit(
    node: Node,
    sender: Sender,
    transaction: Transaction,
    contract: str | None = None,
    **given: Any,
) -> Pending:
    """Fill, sign and broadcast: by the sender's signer, or by the node where that holds the key."""
    if sender.signer is not None:
        return signed(node, sender, transaction, contract, **given).broadcast()
    filled = fill(node, transaction, contract, **given)
    if given.get("nonce") is None:
        del filled["nonce"]  # the node counts for the accounts it holds
    try:
        return Pending(node, node.send(filled, contract), contract)
    except ProviderError:
        check_funds(node, filled)
        raise


def signed(
    node: Node, sender: Sender, transaction: Transaction, contract: str | None = None, **given: Any
) -> Signed:
    """Return the transaction filled and signed, not sent."""
    if sender.signer is None:
        raise ChainError(
            f"{sender.address} is an account of the node, which signs only what it sends: give a signer"
        )
    filled = fill(node, transaction, contract, **given)
    raw = sign(sender.signer, filled)
    return Signed(node, raw, "0x" + keccak(raw).hex(), filled["nonce"], sender.address, filled, contract)


# ------------------------------------------------------------------------------------------ after it failed


def _why_it_failed(node: Node, mined: Mined, contract: str | None) -> ContractError | str:
    """The reason of a mined transaction's failure, found by calling it again where it stood."""
    transaction = node.transaction(mined.tx_hash)
    if transaction is None:
        return "the node no longer has it"
    reason: ContractError | None = None
    # As its block found the chain; and as its block left it, for what came before it in the block.
    for block in (mined.block_number - 1, mined.block_number):
        reason = _refusal(node, transaction, block, contract)
        if reason is not None:
            break
    gas = transaction.pop("gas")
    if mined.gas_used >= gas * 62 // 64:  # a call within a call may leave a 64th behind
        without_limit = _refusal(node, transaction, mined.block_number - 1, contract)
        if without_limit is None or without_limit.name == "Revert":
            return f"it ran out of its {gas:,} gas"
    return reason or "called again it succeeds, so its reason is not to be found"


def _refusal(node: Node, transaction: Transaction, block: int, contract: str | None) -> ContractError | None:
    try:
        node.call(transaction, block, contract)
    except ContractError as reason:
        return reason
    except ProviderError:
        pass
    return None
