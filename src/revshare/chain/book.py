"""Payout books: a handle on the contract that pays, by proof, what a tree of cumulative amounts says.

    book = PayoutBook.deploy(w3)                   # created or found: one for each owner, delay and salt
    tree = book.tree({payee: 1_000, ...})          # cumulative, base units; or PayoutTree.load(path)
    book.publish(tree).send()                      # refused unless the money for it all is there
    book.claim(tree, payee).send()                 # anyone may; the money goes to the payee

Amounts are base units throughout: books are reckoned by programs. `token` is left out for the coin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from revshare.chain.addresses import given_address
from revshare.chain.calls import Call
from revshare.chain.chains import refuse_alias
from revshare.chain.clones import salt_number
from revshare.chain.contract import Contract
from revshare.chain.node import BlockId, Node
from revshare.chain.signers import Account, sender
from revshare.chain.terms import COIN
from revshare.chain.tokens import balance_of
from revshare.errors import InvalidInput
from revshare.money import Token, units
from revshare.payouts import PayoutTree, check_successor

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["AnnouncedRoot", "PayoutBook", "PromisedRoot"]

_NONE = bytes(32)


@dataclass(frozen=True)
class PromisedRoot:
    """What is in force for one token. Units: `total` promised so far in all, `claimed` of them have left."""

    root: bytes
    total: int
    claimed: int

    @property
    def unclaimed(self) -> int:
        """Units promised and not yet claimed."""
        return self.total - self.claimed


@dataclass(frozen=True)
class AnnouncedRoot:
    """What will be in force for one token from `active_at` on, unless the owner withdraws it before."""

    root: bytes
    total: int
    active_at: datetime


class PayoutBook(Contract):
    """A handle on a payout book. Get one with `deploy` or `at`."""

    _CONTRACT = "PayoutBook"
    _CALLED = "payout book"

    @classmethod
    def deploy(
        cls,
        w3: Web3 | Node,
        *,
        owner: str | None = None,
        delay: int | timedelta = 0,
        salt: int | str | bytes = 0,
        account: Account = None,
    ) -> PayoutBook:
        """Create the book of an owner, or find it: at the same address on every chain, `default_address`.

        Doing this twice does it once; another salt makes another book. It goes through the common CREATE2
        deployer, which is placed first where a chain has none: that costs 0.01 coin besides. Where it cannot
        be had, the book is created anew each time, at any address, which must be kept.

        owner: who publishes; left out, the account that deploys. delay: seconds from a root's publication
        until it is in force, at most 365 days; 0: at once. salt: a number below 2^64, a text, or 8 bytes.

        Raises InvalidInput for these, and where the book that is found has passed to another owner;
        UnsupportedChain before anything is sent, and what sending may raise.
        """
        node = Node.of(w3)
        who = sender(node, account).address if owner is None else given_address(owner, "owner")
        book = cls._place(node, account, who, _seconds(delay), salt=salt_number(salt))
        now = book.owner()
        if now != who:
            raise InvalidInput(
                f"the book of {who} is there, at {book.address}, and belongs to {now} now: another salt "
                "gives another book"
            )
        return book

    @classmethod
    def at(cls, w3: Web3 | Node, address: str, *, account: Account = None) -> Self:
        """Return the book at `address`, recognised by its code alone.

        A stranger can give that very code promises and payments of his own. Who knows for whom the book was
        made compares its address with `default_address`, where nothing else can be.

        Raises NotDeployed where there is none of this version.
        """
        return super().at(w3, address, account=account)

    @classmethod
    def default_address(cls, owner: str, delay: int | timedelta = 0, salt: int | str | bytes = 0) -> str:
        """Return where `deploy` creates or finds the book of an owner, on every chain. Asks nobody.

        Raises InvalidInput as `deploy` does.
        """
        return cls._canonical(given_address(owner, "owner"), _seconds(delay), salt=salt_number(salt))

    # ---------------------------------------------------------------- publishing

    def tree(
        self, amounts: Mapping[str, int] | Iterable[tuple[str, int]], *, token: str | Token | None = None
    ) -> PayoutTree:
        """Return the tree of cumulative amounts, by payee's address, bound to this book."""
        return PayoutTree(amounts, chain_id=self.chain_id, book=self.address, token=self._token(token))

    def publish(self, tree: PayoutTree, previous: PayoutTree | None = None, *, value: int = 0) -> Call:
        """Promise what a tree says. Needs the money for its total in the book; see `shortfall`.

        previous: the tree in force, against which the new one is checked; needed for all but a token's first.
        value: wei to send along, which counts.

        Raises AmountsFell, with the payees, when somebody's cumulative amount would fall; InvalidInput when
        either tree is not for this book, or `previous` is not what is in force.
        """
        self._check_own(tree)
        in_force = self.promised(token=tree.token)
        if previous is not None:
            self._check_own(previous)
            check_successor(previous, tree)
        if (previous.root if previous else _NONE) != in_force.root:
            raise InvalidInput(
                f"the root in force is 0x{in_force.root.hex()}: give its tree as previous=, so that nobody's "
                "cumulative amount falls by mistake"
            )
        return self._call("publish", tree.total, tree.root, tree.token, value=value)

    def shortfall(self, tree: PayoutTree, *, block: BlockId = "latest") -> int:
        """Units that must be paid into the book, by plain transfer, before it accepts a tree."""
        self._check_own(tree)
        held = balance_of(self._node, tree.token, self.address, block)
        return max(0, tree.total - held - self.promised(token=tree.token, block=block).claimed)

    def withdraw(self, *, token: str | Token | None = None) -> Call:
        """Withdraw the announced root before it is in force."""
        return self._call("withdraw", self._token(token))

    def activate(self, *, token: str | Token | None = None) -> Call:
        """Enter the announced root once its time has come. Anyone may; claims do so by themselves."""
        return self._call("activate", self._token(token))

    def withdraw_surplus(self, amount: int, to: str, *, token: str | Token | None = None) -> Call:
        """Take out units that were never promised."""
        return self._call("withdrawSurplus", self._token(token), given_address(to, "to"), units(amount))

    def offer_ownership(self, to: str | None) -> Call:
        """Offer the book to another owner, who must accept; None withdraws the offer."""
        return self._call("transferOwnership", COIN if to is None else given_address(to, "to"))

    def accept_ownership(self) -> Call:
        """Become the owner, if the book was offered to the sender."""
        return self._call("acceptOwnership")

    # ---------------------------------------------------------------- claims

    def claim(self, tree: PayoutTree, payee: str) -> Call:
        """Pay a payee what the tree in force gives it beyond what it has been paid.

        Anyone may; the money goes to the payee. Raises UnknownPayee for one that is not in the tree.
        """
        self._check_own(tree)
        proof = tree.proof(payee)
        return self._call("claim", given_address(payee, "payee"), tree[payee], proof, tree.token)

    def claim_to(self, tree: PayoutTree, payee: str, to: str) -> Call:
        """The same with the money going to another address; only the payee itself may send this."""
        self._check_own(tree)
        proof = tree.proof(payee)
        return self._call("claimTo", given_address(to, "to"), tree[payee], proof, tree.token)

    def claim_many(self, tree: PayoutTree, payees: Iterable[str]) -> Call:
        """Pay many payees; one that cannot be paid is left out (`ClaimSkipped`) and stops nobody.

        About 45,000 gas each, 80,000 the first time: some 200 fit a transaction.
        """
        self._check_own(tree)
        claims = [(given_address(payee, "payee"), tree[payee], tree.proof(payee)) for payee in payees]
        return self._call("claimMany", tree.token, claims)

    # ---------------------------------------------------------------- views

    def promised(self, *, token: str | Token | None = None, block: BlockId = "latest") -> PromisedRoot:
        """What is in force; a root of zeros if nothing was published."""
        answer = self._view("promised", self._token(token), block=block)
        return PromisedRoot(answer["root"], answer["total"], answer["claimed"])

    def announced(
        self, *, token: str | Token | None = None, block: BlockId = "latest"
    ) -> AnnouncedRoot | None:
        """What is announced and not yet in force; None if nothing is."""
        answer = self._view("announced", self._token(token), block=block)
        if answer["root"] == _NONE:
            return None
        active_at = datetime.fromtimestamp(answer["activeAt"], UTC)
        return AnnouncedRoot(answer["root"], answer["total"], active_at)

    def paid(self, payee: str, *, token: str | Token | None = None, block: BlockId = "latest") -> int:
        """Units that a payee has been paid in all."""
        return int(self._view("paid", given_address(payee, "payee"), self._token(token), block=block)["0"])

    def due(self, tree: PayoutTree, payee: str, *, block: BlockId = "latest") -> int:
        """Units that a claim by this tree would pay. Raises UnknownPayee for a payee that is not in it."""
        self._check_own(tree)
        tree.proof(payee)
        return max(0, tree[payee] - self.paid(payee, token=tree.token, block=block))

    def surplus(self, *, token: str | Token | None = None, block: BlockId = "latest") -> int:
        """Units held that were never promised."""
        return int(self._view("surplus", self._token(token), block=block)["0"])

    def owner(self, *, block: BlockId = "latest") -> str:
        """Who publishes."""
        return str(self._view("owner", block=block)["0"])

    def delay(self) -> timedelta:
        """How long a root is announced before it is in force."""
        return timedelta(seconds=self._view("delay")["0"])

    # ---------------------------------------------------------------- helpers

    def _check_own(self, tree: PayoutTree) -> None:
        if not isinstance(tree, PayoutTree):
            raise InvalidInput(f"a PayoutTree is meant, not {type(tree).__name__}")
        if (tree.chain_id, tree.book) != (self.chain_id, self.address):
            raise InvalidInput(
                f"this tree is for the book {tree.book} on chain {tree.chain_id}, and this is the book "
                f"{self.address} on chain {self.chain_id}"
            )
        refuse_alias(self.chain_id, tree.token)


def _seconds(delay: int | timedelta) -> int:
    seconds = int(delay.total_seconds()) if isinstance(delay, timedelta) else units(delay, "delay")
    if not 0 <= seconds <= 365 * 86_400:
        raise InvalidInput(f"delay must be from 0 seconds to 365 days, not {seconds} seconds")
    return seconds
