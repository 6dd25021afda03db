"""Calls: what a contract would be asked, to look at, estimate, sign or send.

A `Call` is a value: calldata for an address. Making one costs nothing and changes nothing. `transaction` is
pure; `preview` and `estimate_gas` ask the node; `sign` gives bytes to keep and broadcast later; `send` does
it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, overload

from revshare.chain import transactions
from revshare.chain.abi import Interface
from revshare.chain.node import Node
from revshare.chain.signers import Account, Sender, sender
from revshare.chain.tokens import Allowance, allowance_of, approvals, balance_of
from revshare.chain.transactions import Pending, Receipt, Signed, Transaction
from revshare.errors import (
    ContractError,
    InsufficientAllowance,
    InsufficientFunds,
    InvalidInput,
    ProviderError,
)

__all__ = ["Call", "Preview"]


@dataclass(frozen=True)
class Preview:
    """What a call would do on the chain as it is now.

    block_number: the block after which it was asked.
    returns: what the contract would return, by name.
    payouts: for calls that pay out, the units each payee would get, by name; what cannot be paid is among
    them and would be set aside (in a distribution ``returns["credited"]`` is the sum of that).
    approval_needed: units of the token that the sender must first approve (`Call.send` does); 0 when nothing
    is. While an approval is needed the contract cannot be asked, and `returns` is empty.
    """

    block_number: int
    returns: Mapping[str, Any] = field(default_factory=dict)
    payouts: Mapping[str, int] = field(default_factory=dict)
    approval_needed: int = 0


@dataclass(frozen=True)
class Call:
    """A call to a contract, not yet made.

    contract, function: for people to read. to: the contract's address; None to create one. calldata: bytes.
    value: wei sent along. skips: whether it leaves out what fails, be it for want of gas, and goes on.
    """

    node: Node = field(repr=False)
    chain_id: int = field(repr=False)
    contract: str
    function: str
    to: str | None
    calldata: bytes = field(repr=False)
    value: int = 0
    account: Account = field(default=None, repr=False)
    interface: Interface | None = field(default=None, repr=False)
    allowance: Allowance | None = field(default=None, repr=False)
    payouts: Callable[[int], Mapping[str, int]] | None = field(default=None, repr=False)
    skips: bool = field(default=False, repr=False)

    # ---------------------------------------------------------------- what it is

    def transaction(self, from_: str | None = None) -> Transaction:
        """Return the unsigned transaction, without nonce, gas and fees. Asks nobody."""
        made: Transaction = {
            "chainId": self.chain_id,
            "value": self.value,
            "data": "0x" + self.calldata.hex(),
        }
        if self.to is not None:
            made["to"] = self.to
        if from_ is not None:
            made["from"] = from_
        return made

    def by(self, account: Account) -> Call:
        """Return the same call, sent by another account."""
        return replace(self, account=account)

    # ---------------------------------------------------------------- what it would do

    def preview(self) -> Preview:
        """Return what the call would do now; nothing is sent.

        Raises ContractError, by name, when the contract would refuse it; InsufficientFunds when the sender
        has not the money.
        """
        by = self._sender_if_any()
        head = self.node.block()
        number = head.number if head else 0
        transaction = self.transaction(by.address if by else None)
        try:
            returned = self.node.call(transaction, number, self._label)
        except ContractError as refused:
            missing = self._approval_needed(by, refused)
            if not missing:
                raise
            return Preview(number, approval_needed=missing)
        except ProviderError:
            transactions.check_funds(self.node, transaction)
            raise
        values = self.interface.decode(self.function, returned) if self.interface and returned else {}
        return Preview(number, values, self.payouts(number) if self.payouts else {})

    def estimate_gas(self) -> int:
        """Return the gas that the call needs; so much that nothing is left out for want of it.

        Raises ContractError when the contract would refuse it, InsufficientAllowance when an approval has to
        go before, InsufficientFunds, and ChainError when it needs more than one transaction may have
        (16,777,216, EIP-7825).
        """
        by = self._sender()
        with self._shortage_named(by):
            return self._estimate(by)

    def approvals(self) -> tuple[Call, ...]:
        """Return the calls that have to be mined before this one can be: approvals of the token, or none.

        A token such as USDT, which refuses to change an allowance that is not zero, is reset first.
        """
        if self.allowance is None:
            return ()
        by = self._sender()
        return tuple(
            Call(
                self.node, self.chain_id, "Token", "approve", self.allowance.token, data, account=self.account
            )
            for data in approvals(self.node, self.allowance, by.address)
        )

    # ---------------------------------------------------------------- doing it

    def sign(self, account: Account = None, **given: Any) -> Signed:
        """Return the call signed, to be kept and broadcast later.

        given: nonce, gas, max_fee_per_gas, max_priority_fee_per_gas, gas_price, instead of working them out.
        Approvals are not looked after; see `approvals`. Give `gas` to sign before they are mined.

        Raises WrongChain when the node serves another chain than the call was made for, ChainError without a
        signer, and as `estimate_gas` does.
        """
        if account is not None:
            return self.by(account).sign(**given)
        by = self._sender()
        with self._shortage_named(by):
            given = self._with_gas(by, given)
            return transactions.signed(self.node, by, self.transaction(by.address), self._label, **given)

    @overload
    def send(
        self, wait: Literal[True] = True, *, approve: bool = True, timeout: float = 180, **given: Any
    ) -> Receipt: ...
    @overload
    def send(
        self, wait: Literal[False], *, approve: bool = True, timeout: float = 180, **given: Any
    ) -> Pending: ...
    def send(
        self, wait: bool = True, *, approve: bool = True, timeout: float = 180, **given: Any
    ) -> Receipt | Pending:
        """Sign, broadcast and wait, at most `timeout` seconds; return the receipt.

        wait: False returns a `Pending` at once, whose `wait()` gives the receipt.
        approve: whether to approve exactly what the split is to draw, when the allowance is short; with False
        that raises InsufficientAllowance.
        given: nonce, gas, max_fee_per_gas, max_priority_fee_per_gas, gas_price, instead of working them out.

        Raises ContractError, by name, when the contract would refuse, before anything is sent;
        TransactionFailed when it was mined and failed; InsufficientFunds, WrongChain, ProviderError.
        """
        by = self._sender()
        done = self._approve(timeout) if approve else ()
        if given.get("nonce") is not None:
            given["nonce"] += len(done)
        with self._shortage_named(by):
            given = self._with_gas(by, given)
            pending = transactions.submit(self.node, by, self.transaction(by.address), self._label, **given)
        pending = replace(pending, approvals=done)
        return pending.wait(timeout) if wait else pending

    def _approve(self, timeout: float) -> tuple[Receipt, ...]:
        calls = self.approvals()
        if not calls or not self.preview().approval_needed:  # which raises before gas is spent in vain
            return ()
        return tuple(call.send(timeout=timeout) for call in calls)

    # ---------------------------------------------------------------- helpers

    def _estimate(self, by: Sender) -> int:
        work_out = transactions.estimate_whole if self.skips else transactions.estimate
        return work_out(self.node, self.transaction(by.address), self._label)

    def _with_gas(self, by: Sender, given: dict[str, Any]) -> dict[str, Any]:
        """Add the gas where a node's own estimate is not to be trusted with it."""
        if not self.skips or given.get("gas") is not None:
            return given
        transactions.check_chain(self.node, self.chain_id)
        return given | {"gas": transactions.with_margin(self._estimate(by))}

    @property
    def _label(self) -> str:
        return f"{self.contract} {self.to}" if self.to else self.contract

    def _sender(self) -> Sender:
        return sender(self.node, self.account)

    def _sender_if_any(self) -> Sender | None:
        try:
            return self._sender()
        except InvalidInput:
            if self.account is None:  # anybody may look
                return None
            raise

    def _approval_needed(self, by: Sender | None, refused: ContractError) -> int:
        """Units to approve, if that is why the split could not draw the token; 0 if it is not.

        Raises InsufficientFunds if the sender has too little of the token.
        """
        if self.allowance is None or by is None or refused.name != "PaymentRefused":
            return 0
        amount, token = self.allowance.amount, self.allowance.token
        held = balance_of(self.node, token, by.address)
        if held < amount:
            raise InsufficientFunds(
                f"{by.address} has {held} units of token {token} and needs {amount}",
                account=by.address,
                needed=amount,
                available=held,
            ) from refused
        return amount if allowance_of(self.node, self.allowance, by.address) < amount else 0

    @contextmanager
    def _shortage_named(self, by: Sender) -> Iterator[None]:
        """Say so when a missing approval is why the contract refuses."""
        try:
            yield
        except ContractError as refused:
            missing = self._approval_needed(by, refused)
            if not missing or self.allowance is None:
                raise
            raise InsufficientAllowance(
                f"{by.address} must first approve {missing} units of token {self.allowance.token} to "
                f"{self.allowance.spender}: `send` does, or the calls that `approvals()` returns",
                account=by.address,
                needed=missing,
                available=allowance_of(self.node, self.allowance, by.address),
            ) from refused
