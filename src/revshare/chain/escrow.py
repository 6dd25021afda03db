"""Escrows: a handle on the contract that holds a sale's money until it is known whose it is.

    escrow = SaleEscrow.deploy(w3)                 # created or found: one serves a whole chain
    escrow.open(split, "12.50", sale_id="INV-1", seller=…, arbiter=…, deadline=…, decision_deadline=…).send()
    escrow.confirm(split, "INV-1").send()          # the buyer's word: the money arrives at the split
    escrow.refund(split, "INV-2", buyer=…).send()  # the seller's

A sale is known by the split it is for (a handle, or its address), its buyer and its id, together; so nobody
can take another's. The split knows it by `record_id_of`, the escrow being the payer:

    split.is_paid(SaleEscrow.record_id_of(buyer, "INV-1"), payer=escrow.address)

Amounts go in as an int of base units, or a str or Decimal of whole tokens, and come out as ints of base
units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Self

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from revshare.chain.abi import word
from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.chains import refuse_alias
from revshare.chain.contract import Contract
from revshare.chain.node import BlockId, Node
from revshare.chain.signers import Account, sender
from revshare.chain.split import RevenueSplit
from revshare.chain.terms import COIN, record_id
from revshare.chain.tokens import Allowance, Permit, permit_for, token_at
from revshare.errors import AmountError, InvalidInput, NotDeployed
from revshare.money import Token

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["EscrowedSale", "SaleEscrow", "SaleState"]


Amount = int | str | Decimal
"""Base units as an int; whole tokens as a str or Decimal."""


_UNITS = Token(symbol="units", decimals=0)


class SaleState(IntEnum):
    """Where a sale stands."""

    HELD = 1
    DISPUTED = 2
    OWED = 3
    """It has ended, and what it brings the split could not be paid in yet: `release` tries again."""
    DONE = 4


@dataclass(frozen=True)
class EscrowedSale:
    """A sale in escrow, as the contract keeps it.

    amount: units that arrived; it stays when the sale is done. token: its address, `COIN` for the coin.
    arbiter and decision_deadline are None where no dispute is possible. owed: units that are to reach the
    split and have not yet; 0 unless the state is OWED.
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
    owed: int = 0

    @property
    def record_id(self) -> bytes:
        """The id by which the split records it; the payer is the escrow."""
        return SaleEscrow.record_id_of(self.buyer, self.sale_id)


class SaleEscrow(Contract):
    """A handle on an escrow. Get one with `deploy` or `at`. One serves any number of sales and splits."""

    _CONTRACT = "SaleEscrow"
    _CALLED = "escrow"

    @classmethod
    def deploy(cls, w3: Web3 | Node, *, account: Account = None) -> SaleEscrow:
        """Create the escrow of this chain, or find it: at the same address on every chain. Nobody owns it.

        Doing this twice does it once. It goes through the common CREATE2 deployer, which is placed first
        where a chain has none: that costs 0.01 coin besides. Where it cannot be had, an escrow is created
        anew each time, at any address, which must be kept.

        Raises UnsupportedChain before anything is sent, and what sending may raise.
        """
        return cls._place(Node.of(w3), account)

    @classmethod
    def at(cls, w3: Web3 | Node, address: str, *, account: Account = None, elsewhere: bool = False) -> Self:
        """Return the escrow at `address`, which is `default_address`.

        elsewhere: it may be another, of your own, where a chain has no CREATE2 deployer. A stranger can give
        an escrow's very code sales and credits of his own.

        Raises NotDeployed where there is none of this version.
        """
        found = super().at(w3, address, account=account)
        if not elsewhere and found.address != cls.default_address():
            raise NotDeployed(
                f"the contract at {found.address} has the code of an escrow, and is not the one that every "
                f"chain has at {cls.default_address()}: whoever made it can have written anything into it. "
                "If you did, pass elsewhere=True",
                address=found.address,
            )
        return found

    @classmethod
    def default_address(cls) -> str:
        """Return where the escrow is on every chain that has it. Asks nobody."""
        return cls._canonical()

    @staticmethod
    def record_id_of(buyer: str, sale_id: str | bytes) -> bytes:
        """Return the id (32 bytes) by which a split records a sale of this buyer; the payer is the escrow."""
        return keccak(word(given_address(buyer, "buyer")) + record_id(sale_id))

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
        """Hold the sender's money for a sale: the sender is its buyer, and uses its id once for each split.

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
        """Give the money of a sale of the sender's to the split; the buyer alone can, at any time.

        While it cannot be paid in it stays here, owed: see `release`.
        """
        return self._call("confirm", _split_address(split), record_id(sale_id))

    def dispute(self, split: RevenueSplit | str, sale_id: str | bytes) -> Call:
        """Leave a sale of the sender's to its arbiter; the buyer alone can, before the deadline."""
        return self._call("dispute", _split_address(split), record_id(sale_id))

    def release(self, split: RevenueSplit | str, sale_id: str | bytes, *, buyer: str) -> Call:
        """Give the money of an undisputed sale to the split; anyone may from the deadline on.

        Also what is owed to it, at any time: where there was no split yet, or its token did not move.
        """
        return self._of("release", split, sale_id, buyer)

    def decide(
        self, split: RevenueSplit | str, sale_id: str | bytes, *, buyer: str, to_buyer: Amount
    ) -> Call:
        """Give `to_buyer` back and the rest to the split; the arbiter may before its deadline.

        Whole tokens are those of the sale's token. Raises InvalidInput for them when the sale was not opened.
        """
        if isinstance(to_buyer, int):
            units = _UNITS.parse(to_buyer)
        else:
            known = self.get(split, sale_id, buyer=buyer)
            if known is None:
                raise InvalidInput("this sale was not opened, so its token is not known: give base units")
            units = token_at(self._node, known.token).parse(to_buyer)
        if units < 0:
            raise AmountError(f"{to_buyer} is negative", value=to_buyer)
        return self._of("decide", split, sale_id, buyer, units)

    def refund(self, split: RevenueSplit | str, sale_id: str | bytes, *, buyer: str) -> Call:
        """Give the money, or what is owed of it, back to the buyer; the seller may, at any time."""
        return self._of("refund", split, sale_id, buyer)

    def settle_default(self, split: RevenueSplit | str, sale_id: str | bytes, *, buyer: str) -> Call:
        """End an undecided dispute as the sale's terms say; anyone may from the decision deadline on."""
        return self._of("settleByDefault", split, sale_id, buyer)

    def get(
        self, split: RevenueSplit | str, sale_id: str | bytes, *, buyer: str, block: BlockId = "latest"
    ) -> EscrowedSale | None:
        """Return a sale, or None if that buyer never opened it."""
        address, record = _split_address(split), record_id(sale_id)
        found = self._view("sale", address, given_address(buyer, "buyer"), record, block=block)["0"]
        owner, deadline, decision_deadline, refund, state, token, seller, arbiter, amount, owed = found
        if not state:
            return None
        none = arbiter == COIN
        return EscrowedSale(
            split=address,
            sale_id=record,
            state=SaleState(state),
            token=to_checksum_address(token),
            amount=amount,
            buyer=to_checksum_address(owner),
            seller=to_checksum_address(seller),
            arbiter=None if none else to_checksum_address(arbiter),
            deadline=datetime.fromtimestamp(deadline, UTC),
            decision_deadline=None if none else datetime.fromtimestamp(decision_deadline, UTC),
            refund_by_default=refund,
            owed=owed,
        )

    # ---------------------------------------------------------------- credits

    def credit(self, payee: str, *, token: str | Token | None = None, block: BlockId = "latest") -> int:
        """Units set aside for a buyer that could not be paid. No token is the coin."""
        return int(self._view("credit", given_address(payee, "payee"), self._token(token), block=block)["0"])

    def withdraw_credit(self, payee: str, *, token: str | Token | None = None) -> Call:
        """Pay a payee what was set aside for it. Anyone may; the money goes to the payee."""
        return self._call("withdrawCredit", given_address(payee, "payee"), self._token(token))

    def redirect_credit(
        self, to: str, amount: Amount | None = None, *, token: str | Token | None = None
    ) -> Call:
        """Send what was set aside for this handle's account to another address. No token is the coin.

        The payee itself has to send this: use the handle that `by` gives for it. amount: left out, all of it.

        Raises AmountError for an amount that is not exact, or negative; InvalidInput where it is left out and
        no account is known.
        """
        address = self._token(token)
        if amount is None:
            units = self.credit(sender(self._node, self._account).address, token=token)
        elif isinstance(amount, int):
            units = _UNITS.parse(amount)
        else:
            units = (token if isinstance(token, Token) else token_at(self._node, address)).parse(amount)
        if units < 0:
            raise AmountError(f"{amount} is negative", value=amount)
        return self._call("redirectCredit", given_address(to, "to", or_nobody=True), address, units)

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

    def _of(
        self, function: str, split: RevenueSplit | str, sale_id: str | bytes, buyer: str, *more: object
    ) -> Call:
        owner = given_address(buyer, "buyer")
        return self._call(function, _split_address(split), owner, record_id(sale_id), *more)


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
