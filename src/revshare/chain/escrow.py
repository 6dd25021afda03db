"""Escrows: a handle on the contract that holds a sale's money until it is known whose it is.

    escrow = SaleEscrow.deploy(w3)
    escrow.open(split, "12.50", sale_id="INV-1", seller=…, arbiter=…, deadline=…, decision_deadline=…).send()
    escrow.confirm(split, "INV-1").send()          # arrives at the split as a sale of that id

Sales are told apart by the split they are for (a handle, or its address) and their id. Amounts go in as an
int of base units, or a str or Decimal of whole tokens, and come out as ints of base units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.chains import refuse_alias
from revshare.chain.contract import Contract
from revshare.chain.node import BlockId, Node
from revshare.chain.signers import Account
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import COIN, record_id
from revshare.chain.tokens import Allowance, Permit, permit_for, token_at
from revshare.errors import AmountError, InvalidInput
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["EscrowedSale", "SaleEscrow", "SaleState"]


Amount = int | str | Decimal
"""Base units as an int; whole tokens as a str or Decimal."""


class SaleState(IntEnum):
    """Where a sale stands."""

    HELD = 1
    DISPUTED = 2
    DONE = 3


@dataclass(frozen=True)
class EscrowedSale:
    """A sale in escrow, as the contract keeps it.

    amount: units that arrived; it stays when the sale is done. token: its address, `COIN` for the coin.
    arbiter and decision_deadline are None where no dispute is possible.
    """

    split: str
    sale_id: bytes
    state: SaleState
    token: str
    amount: int
    buyer: str
    seller: str
    arbiter: str | None
    deadline: datetime
    decision_deadline: datetime | None
    refund_by_default: bool


class SaleEscrow(Contract):
    """A handle on an escrow. Get one with `deploy` or `at`. One serves any number of sales and splits."""

    _CONTRACT = "SaleEscrow"
    _CALLED = "escrow"

    @classmethod
    def deploy(cls, w3: Web3 | Node, *, account: Account = None) -> SaleEscrow:
        """Deploy a new escrow; nobody owns it. Raises UnsupportedChain, and what sending may raise."""
        return cls._deploy(Node.of(w3), account)

    # ---------------------------------------------------------------- a sale

    def open(
        self,
        split: RevenueSplit | str,
        amount: Amount,
        *,
        sale_id: str | bytes,
        seller: str,
        deadline: int | datetime,
        arbiter: str | None = None,
        decision_deadline: int | datetime | None = None,
        refund_by_default: bool = True,
        token: str | Token | None = None,
        permit: Permit | None = None,
    ) -> Call:
        """Hold the sender's money for a sale: the sender is its buyer.

        The pair of split and sale id is used once, whoever comes first.

        seller: who may refund. deadline: from when on anyone may release the money to the split; seconds
        since 1970, or a datetime with its zone. arbiter: who decides a dispute, until decision_deadline;
        both or none. refund_by_default: whether an undecided dispute ends with a refund.
        token: left out, the split's settlement token, and for a split given by address the coin.
        permit: the buyer's permit for exactly the amount, instead of an approval.

        Raises InvalidInput for a datetime without zone, a permit for the coin, and arbiter and
        decision_deadline not together; AmountError for an amount that is not exact, or not positive;
        AliasedToken for a second address of a balance.
        """
        if (arbiter is None) != (decision_deadline is None):
            raise InvalidInput("give arbiter and decision_deadline together, or neither")
        address = self._token_address(split, token)
        units = self._units(amount, split, token, address)
        terms = (
            _split_address(split),
            record_id(sale_id),
            address,
            units,
            given_address(seller, "seller"),
            COIN if arbiter is None else given_address(arbiter, "arbiter"),
            _seconds(deadline),
            0 if decision_deadline is None else _seconds(decision_deadline),
            refund_by_default,
        )
        if permit is not None:
            return self._call("openWithPermit", terms, *permit_for(address, permit))
        if address == COIN:
            return self._call("open", terms, value=units)
        return self._call("open", terms, allowance=Allowance(address, self.address, units))

    def confirm(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """Give the money to the split; the buyer may, at any time."""
        return self._of("confirm", split, sale_id)

    def release(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """Give the money of an undisputed sale to the split; anyone may from the deadline on."""
        return self._of("release", split, sale_id)

    def dispute(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """Leave it to the arbiter; the buyer may before the deadline."""
        return self._of("dispute", split, sale_id)

    def decide(self, split: RevenueSplit | str, sale_id: str | bytes, *, to_buyer: Amount) -> Call:
        """Give `to_buyer` back and the rest to the split; the arbiter may before its deadline.

        Whole tokens are those of the sale's token. Raises InvalidInput for them when the sale was not opened.
        """
        if isinstance(to_buyer, int):
            units = Token(symbol="units", decimals=0).parse(to_buyer)
        else:
            known = self.get(split, sale_id)
            if known is None:
                raise InvalidInput("this sale was not opened, so its token is not known: give base units")
            units = token_at(self._node, known.token).parse(to_buyer)
        if units < 0:
            raise AmountError(f"{to_buyer} is negative", value=to_buyer)
        return self._of("decide", split, sale_id, units)

    def refund(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """Give the money back to the buyer; the seller may, at any time."""
        return self._of("refund", split, sale_id)

    def settle_default(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """End an undecided dispute as the sale's terms say; anyone may from the decision deadline on."""
        return self._of("settleByDefault", split, sale_id)

    def get(
        self, split: RevenueSplit | str, sale_id: str | bytes, *, block: BlockId = "latest"
    ) -> EscrowedSale | None:
        """Return a sale, or None if it was never opened."""
        address, record = _split_address(split), record_id(sale_id)
        found = self._view("sale", address, record, block=block)["0"]
        buyer, deadline, decision_deadline, refund, state, token, seller, arbiter, amount = found
        if not state:
            return None
        none = arbiter == COIN
        return EscrowedSale(
            split=address,
            sale_id=record,
            state=SaleState(state),
            token=to_checksum_address(token),
            amount=amount,
            buyer=to_checksum_address(buyer),
            seller=to_checksum_address(seller),
            arbiter=None if none else to_checksum_address(arbiter),
            deadline=datetime.fromtimestamp(deadline, UTC),
            decision_deadline=None if none else datetime.fromtimestamp(decision_deadline, UTC),
            refund_by_default=refund,
        )

    # ---------------------------------------------------------------- credits

    def credit(self, payee: str, *, token: str | Token | None = None, block: BlockId = "latest") -> int:
        """Units set aside for a buyer, or a split, that could not be paid. No token is the coin."""
        return int(self._view("credit", given_address(payee, "payee"), self._token(token), block=block)["0"])

    def withdraw_credit(self, payee: str, *, token: str | Token | None = None) -> Call:
        """Pay a payee what was set aside for it. Anyone may; the money goes to the payee."""
        return self._call("withdrawCredit", given_address(payee, "payee"), self._token(token))

    def redirect_credit(self, to: str, *, token: str | Token | None = None) -> Call:
        """Send what was set aside for the sender to another address."""
        return self._call("redirectCredit", given_address(to, "to"), self._token(token))

    # ---------------------------------------------------------------- helpers

    def _token_address(self, split: RevenueSplit | str, token: str | Token | None) -> str:
        if token is None and isinstance(split, RevenueSplit):
            refuse_alias(self.chain_id, split.terms.token)
            return split.terms.token
        return self._token(token)

    def _units(
        self, amount: Amount, split: RevenueSplit | str, token: str | Token | None, address: str
    ) -> int:
        if isinstance(token, Token):
            known = token
        elif isinstance(split, RevenueSplit) and address == split.terms.token:
            known = split.token
        else:
            known = token_at(self._node, address)
        units = known.parse(amount)
        if units <= 0:
            raise AmountError(f"{amount} is nothing to hold", value=amount)
        return units

    def _of(self, function: str, split: RevenueSplit | str, sale_id: str | bytes, *more: object) -> Call:
        return self._call(function, _split_address(split), record_id(sale_id), *more)


def _split_address(split: RevenueSplit | str) -> str:
    return split.address if isinstance(split, RevenueSplit) else given_address(split, "split")


def _seconds(time: int | datetime) -> int:
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise InvalidInput(f"{time} has no time zone: say which, such as datetime.UTC")
        time = int(time.timestamp())
    if isinstance(time, bool) or not isinstance(time, int) or not 0 <= time < 2**64:
        raise InvalidInput(f"{time!r} is no time: give a datetime, or seconds since 1970")
    return time
