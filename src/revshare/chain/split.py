"""The split: a handle on one agreement's contract.

Amounts go in as an int of base units, or a str or Decimal of whole tokens, and come out as ints of base
units. `token` is left out for the settlement token, an address for another token, `COIN` for the coin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from revshare.agreement import Agreement
from revshare.chain.abi import Interface, checksummed, interface
from revshare.chain.addresses import given_address, payee_among
from revshare.chain.attach import attach
from revshare.chain.calls import Call
from revshare.chain.chains import refuse_alias
from revshare.chain.deal import Deal, governance_in, terms_of
from revshare.chain.events import Event
from revshare.chain.factory import RevenueSplitFactory
from revshare.chain.forks import require_opcodes
from revshare.chain.nesting import nested_in, refuse_circles, refuse_splits_that_sign
from revshare.chain.node import BlockId, Node
from revshare.chain.reader import EventReader, created_in
from revshare.chain.signers import Account, sender
from revshare.chain.statements import Line, Statement
from revshare.chain.terms import COIN, Terms, record_id
from revshare.chain.tokens import Allowance, Permit, permit_for, token_address, token_at
from revshare.errors import AmountError, ChainError, InvalidInput, NotDeployed, UnknownPayee
from revshare.money import Token
from revshare.schedule import Schedule

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["RevenueSplit"]


class RevenueSplit:
    """A handle on the contract of one agreement. Get one with `deploy` or `at`.

    Where the agreement may be amended these return an `AmendableSplit`. `factory` is the address of the
    factory that made the split, None for the one at the same address on every chain.
    """

    _CONTRACT = "RevenueSplit"

    def __init__(
        self,
        node: Node,
        address: str,
        terms: Terms,
        *,
        agreement: Agreement | None = None,
        account: Account = None,
        created: int | None = None,
        factory: str | None = None,
    ) -> None:
        self._node = node
        self._account = account
        self._created = created
        self.address = address
        self.terms = terms
        self.agreement = agreement
        self.factory = factory
        self.chain_id = node.chain_id()

    @classmethod
    def deploy(
        cls,
        w3: Web3 | Node,
        agreement: Deal,
        *,
        token: str | Token | None = None,
        account: Account = None,
        salt: int | str | bytes = 0,
        factory: str | RevenueSplitFactory | None = None,
    ) -> RevenueSplit:
        """Create the split of an agreement, or attach to it where it exists.

        The address follows from the terms and their governance, so that doing this twice does it once. A
        split that has been amended since is found as well; its handle has the terms it was amended to.

        token: the settlement token: its address, or the agreement's own token if that states one; left out,
        the coin when the agreement counts in it (ETH with 18 decimals, where the table of chains says no
        other).
        account: who pays for gas: a signer, or an address that the node holds; left out, web3's default
        account, else the node's first.
        salt: tells apart splits of the same terms. factory: one of your own; left out, the one at the same
        address on every chain, which is placed there if it is missing: that costs whoever is first on a chain
        millions of gas, which `RevenueSplitFactory.deployment_cost` says beforehand. Where the factory has
        another address, the handle's `factory` says it: keep it, for `at` asks for it.

        Raises InvalidInput for a token that is not the agreement's, and where a quorum would need the
        signature of a payee that is a split; AliasedToken for the coin's own token; NotDeployed for a token
        without a contract; CircularSplits where a payee is a split that pays this one; UnsupportedChain where
        the contracts cannot run; all before anything is sent. And what sending may raise.
        """
        node = Node.of(w3)
        terms, governance = terms_of(node, agreement, token), governance_in(agreement)
        maker = _factory(node, factory, account)
        address = maker.predict(terms, salt, governance)
        if not node.code(address):
            refuse_circles(node, address, terms.schedule.addresses)
            refuse_splits_that_sign(node, terms.schedule, governance)
            require_opcodes(node)
            if factory is None:
                maker = RevenueSplitFactory.deploy(node, account)
                address = maker.predict(terms, salt, governance)  # where it could not have its own place
        if not node.code(address):
            try:
                maker.create(terms, salt, governance).by(account).send()
            except ChainError:  # unless somebody was quicker, which is as well
                if not node.code(address):
                    raise
        return attach(
            node, address, terms, agreement, account, or_amended=True, factory=_elsewhere(maker.address)
        )

    @classmethod
    def at(
        cls,
        w3: Web3 | Node,
        address: str,
        *,
        agreement: Deal | None = None,
        token: str | Token | None = None,
        account: Account = None,
        factory: str | RevenueSplitFactory | None = None,
    ) -> RevenueSplit:
        """Return the split at `address`, checked to be one of this version and of these very terms.

        agreement: as it stands now, if it was amended; left out, the terms are read from the log, and payees
        are called by their addresses.
        factory: the one that made it, where that is one of your own, or of people you trust; left out, the
        one at the same address on every chain. A contract that the factory did not make is refused, for a
        stranger can give a split's very code credits and terms of his own.

        Raises NotDeployed where there is no split of that factory's, TermsMismatch where there is one of
        other terms, or governed otherwise.
        """
        node = Node.of(w3)
        address = given_address(address)
        terms = None if agreement is None else terms_of(node, agreement, token)
        given = factory.address if isinstance(factory, RevenueSplitFactory) else factory
        maker = None if given is None else _elsewhere(given_address(given, "factory"))
        return attach(node, address, terms, agreement, account, factory=maker)

    @staticmethod
    def predict_address(
        w3: Web3 | Node,
        agreement: Deal,
        *,
        token: str | Token | None = None,
        salt: int | str | bytes = 0,
        factory: str | RevenueSplitFactory | None = None,
    ) -> str:
        """Return where `deploy` creates the split. It can be paid there before it exists; keep the terms.

        Raises as `deploy` does for the token, and InvalidInput for terms that no factory takes.
        """
        node = Node.of(w3)
        maker = _factory(node, factory, None)
        return maker.predict(terms_of(node, agreement, token), salt, governance_in(agreement))

    # ---------------------------------------------------------------- what it is

    @property
    def node(self) -> Node:
        """The node by which this handle reads and sends."""
        return self._node

    @property
    def account(self) -> Account:
        """Who sends for this handle: a signer, an address that the node holds, or None for the default."""
        return self._account

    @property
    def schedule(self) -> Schedule:
        """The rules, payees in the agreement's order."""
        return self.terms.schedule

    @property
    def token(self) -> Token:
        """The settlement token."""
        return self.terms.schedule.token

    @property
    def payees(self) -> dict[str, str]:
        """Name → address."""
        return dict(zip(self.schedule.payees, self.schedule.addresses, strict=True))

    def by(self, account: Account) -> Self:
        """Return the same split, used by another account."""
        other = copy(self)
        other._account = account  # noqa: SLF001 - its own class
        return other

    def nested(self) -> tuple[RevenueSplit, ...]:
        """Return the payees that are splits themselves, and those that they pay in turn, by the same account.

        ``factory.distribute_all([split, *split.nested()])`` distributes them all, in one transaction.
        """
        found: dict[str, RevenueSplit] = {}
        paid = list(nested_in(self._node, self.schedule.addresses, self.factory))
        while paid:
            split = paid.pop(0)
            if split.address not in (*found, self.address):
                found[split.address] = split.by(self._account)
                paid += nested_in(self._node, split.schedule.addresses, self.factory)
        return tuple(found.values())

    def __repr__(self) -> str:
        name = f"{self.agreement.name!r}, " if self.agreement else ""
        return (
            f"{self._CONTRACT}({self.address}, {name}{len(self.schedule.payees)} payees, "
            f"chain {self.chain_id})"
        )

    # ---------------------------------------------------------------- money in

    def pay(
        self,
        amount: int | str | Decimal,
        *,
        sale_id: str | bytes,
        token: str | Token | None = None,
        permit: Permit | None = None,
    ) -> Call:
        """Pay one sale in. The same sale id is refused a second time from the same payer.

        permit: of whoever sends this, over exactly the amount, for the split to spend; then no approval is
        needed. Raises InvalidInput for a permit of the coin.
        """
        if permit is None:
            return self._money_in("pay", amount, token, record_id(sale_id))
        address, units = self._address(token), self._units(amount, token)
        permitted = permit_for(address, permit)
        data = self._interface.encode("payWithPermit", record_id(sale_id), address, units, *permitted)
        return self._call("payWithPermit", data)

    def remit(
        self,
        amount: int | str | Decimal,
        *,
        batch_id: str | bytes,
        root: bytes,
        count: int,
        token: str | Token | None = None,
    ) -> Call:
        """Pay in the money of `count` off-chain sales, whose Merkle root is `root` (32 bytes)."""
        if not isinstance(root, bytes) or len(root) != 32:
            raise InvalidInput("root must be the 32 bytes of a Merkle root")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InvalidInput(f"count must be the number of sales, not {count!r}")
        return self._money_in("remit", amount, token, record_id(batch_id), root, count)

    def _money_in(
        self,
        function: str,
        amount: int | str | Decimal,
        token: str | Token | None,
        record: bytes,
        *rest: object,
    ) -> Call:
        address = self._address(token)
        units = self._units(amount, token)
        data = self._interface.encode(function, record, address, units, *rest)
        if address == COIN:
            return self._call(function, data, value=units)
        return self._call(function, data, allowance=Allowance(address, self.address, units))

    # ---------------------------------------------------------------- money out

    def distribute(self, *, token: str | Token | None = None) -> Call:
        """Pay everyone what is due. Anyone may; who cannot be paid is credited and stops nobody else."""
        data = self._interface.encode("distribute", *self.distribution(token=token)[1:])
        return self._call("distribute", data, payouts=lambda block: self.due(token=token, block=block))

    def distribution(self, *, token: str | Token | None = None) -> tuple[str, bytes, str]:
        """Return what a distribution asks for: the split's address, the packed terms, the token's address."""
        address = self._address(token)
        return self.address, self.terms_for(address).encoded, address

    def terms_for(self, token: str | Token | None = None) -> Terms:  # noqa: ARG002 - where they are amended
        """Return the terms by which a token is shared just now."""
        return self.terms

    def claim(self, payee: str, *, token: str | Token | None = None) -> Call:
        """Pay one payee alone what is due to it. Anyone may; the money goes to the payee."""
        name, owner, proof = self._claim(payee, self.terms_for(token))
        data = self._interface.encode("claim", owner, proof, self._address(token))
        return self._call(
            "claim", data, payouts=lambda block: {name: self.due(token=token, block=block)[name]}
        )

    def _claim(self, payee: str, terms: Terms) -> tuple[str, str, bytes]:
        """Name and address of a payee, and its proof by these terms."""
        name, owner = self._payee(payee)
        if owner not in terms.schedule.addresses:
            raise UnknownPayee(payee, terms.schedule.payees)
        return name, owner, terms.proof(terms.schedule.payees[terms.schedule.addresses.index(owner)])

    def claim_many(
        self,
        payees: str | Iterable[str | tuple[str, str | Token | None]],
        *,
        tokens: Iterable[str | Token | None] | None = None,
    ) -> Call:
        """Pay many claims at once: several payees, or one in several assets. Anyone may, as with `claim`.

        payees: names or addresses, each of which claims in every one of `tokens` (left out: in the settlement
        token); or pairs of a payee and a token. A claim that cannot be paid is left out (`PaymentSkipped`
        says why) and stops nobody; ``preview().returns["paidClaims"]`` says how many would be paid.

        Raises InvalidInput where nothing is claimed, UnknownPayee for who is in none of the terms.
        """
        claims: dict[tuple[str, str], bytes] = {}
        in_force: dict[str, Terms] = {}
        names: dict[str, None] = {}
        for payee, token in _pairs(payees, tokens):
            address = self._address(token)
            if address not in in_force:
                in_force[address] = self.terms_for(address)
            name, owner, proof = self._claim(payee, in_force[address])
            claims[owner, address] = proof
            names[name] = None
        if not claims:
            raise InvalidInput("nobody is named who claims")
        data = self._interface.encode(
            "claimMany", [(owner, proof, address) for (owner, address), proof in claims.items()]
        )

        def payouts(block: int) -> dict[str, int]:
            due = self.due(token=next(iter(in_force)), block=block)
            return {name: due[name] for name in names}

        # Units of several assets cannot be shown as one number.
        return self._call("claimMany", data, payouts=payouts if len(in_force) == 1 else None, skips=True)

    def withdraw_credit(self, payee: str, *, token: str | Token | None = None) -> Call:
        """Pay a payee what was set aside for it. Anyone may; the money goes to the payee."""
        name, owner = self._payee(payee)
        data = self._interface.encode("withdrawCredit", owner, self._address(token))
        return self._call(
            "withdrawCredit", data, payouts=lambda block: {name: self.credit(token=token, block=block)[name]}
        )

    def withdraw_credits(
        self, payees: Iterable[str] | None = None, *, token: str | Token | None = None
    ) -> Call:
        """Pay many payees what was set aside for them, as after a paused token has credited everybody.

        payees: left out, all for whom something is set aside. One that cannot be paid is left out
        (`PaymentSkipped` says why) and stops nobody; ``preview().returns["paidPayees"]`` says how many would
        be paid.

        Raises InvalidInput where nobody is named, and nothing is set aside for anybody.
        """
        if payees is None:
            payees = [name for name, units in self.credit(token=token).items() if units]
        named = dict(map(self._payee, [payees] if isinstance(payees, str) else payees))
        if not named:
            raise InvalidInput("nobody is named, or nothing is set aside for anybody")
        data = self._interface.encode("withdrawCredits", list(named.values()), self._address(token))

        def payouts(block: int) -> dict[str, int]:
            credit = self.credit(token=token, block=block)
            return {name: credit[name] for name in named}

        return self._call("withdrawCredits", data, payouts=payouts, skips=True)

    def redirect_credit(
        self,
        to: str,
        amount: int | str | Decimal | None = None,
        *,
        token: str | Token | None = None,
    ) -> Call:
        """Send what was set aside for this handle's account, a payee that cannot receive, to another address.

        The payee itself has to send this: use the handle that `by` gives for it. amount: left out, all of it;
        less than that leaves room for a token that asks for a fee on top.

        Raises AmountError for an amount that is not exact, or negative; InvalidInput where it is left out and
        no account is known.
        """
        address = self._address(token)
        if amount is None:
            units = int(self._view("credit", self._payer(None), address)["0"])
        else:
            units = self._units(amount, token)
        data = self._interface.encode(
            "redirectCredit", given_address(to, "to", or_nobody=True), address, units
        )
        return self._call("redirectCredit", data)

    # ---------------------------------------------------------------- views

    def received(self, *, token: str | Token | None = None, block: BlockId = "latest") -> int:
        """Revenue so far: all that came in, distributed or not."""
        return int(self._view("received", self._address(token), block=block)["0"])

    def statement(self, *, token: str | Token | None = None, block: BlockId = "latest") -> Statement:
        """Return every payee's position at the end of one block, `token`'s by one call."""
        head = self._node.block(block)
        if head is None:
            raise InvalidInput(f"there is no block {block}")
        revenue, lines = self._lines(token, head.number)
        shown = self.token if self._address(token) == self.terms.token else self._token(token)
        return Statement(shown, revenue, lines, head.number, head.hash)

    def entitlements(self, *, token: str | Token | None = None, block: BlockId = "latest") -> dict[str, int]:
        """What each payee has earned so far."""
        return {line.payee: line.entitlement for line in self._lines(token, block)[1]}

    def due(self, *, token: str | Token | None = None, block: BlockId = "latest") -> dict[str, int]:
        """What the next `distribute` pays each payee."""
        return {line.payee: line.due for line in self._lines(token, block)[1]}

    def paid(self, *, token: str | Token | None = None, block: BlockId = "latest") -> dict[str, int]:
        """What has left for each payee."""
        return {line.payee: line.paid for line in self._lines(token, block)[1]}

    def credit(self, *, token: str | Token | None = None, block: BlockId = "latest") -> dict[str, int]:
        """What is set aside for each payee because it could not be paid."""
        return {line.payee: line.credit for line in self._lines(token, block)[1]}

    def verify(self) -> bool:
        """Whether the contract says that these are its terms."""
        return bool(self._view("verify", self.terms.encoded)["0"])

    def is_paid(self, sale_id: str | bytes, *, payer: str | None = None) -> bool:
        """Whether a payer (left out: this handle's account) has paid a sale of this id in."""
        return bool(self._view("isSalePaid", self._payer(payer), record_id(sale_id))["0"])

    def is_remitted(self, batch_id: str | bytes, *, payer: str | None = None) -> bool:
        """Whether a payer (left out: this handle's account) has remitted a batch of this id."""
        return bool(self._view("isRemitted", self._payer(payer), record_id(batch_id))["0"])

    # ---------------------------------------------------------------- what happened

    @property
    def created_in(self) -> int:
        """The block in which the split was created. Raises ProviderError where the node keeps no history."""
        if self._created is None:
            self._created = created_in(self._node, self.address)
        return self._created

    def reader(self) -> EventReader:
        """Return a reader of this split's events, to follow them through reorganisations."""
        return EventReader(self._node, self.address)

    def events(self, *, from_block: int | None = None, to_block: int | None = None) -> tuple[Event, ...]:
        """Return what happened, in order.

        from_block: the first block to look at; left out, that of the split's creation. to_block: the last;
        left out, the latest. Raises ProviderError when the node refuses even single blocks.
        """
        first = self.created_in if from_block is None else from_block
        last = self._node.head() if to_block is None else to_block
        return tuple(self.reader().read(first, last))

    # ---------------------------------------------------------------- helpers

    def _call(self, function: str, data: bytes, value: int = 0, **more: Any) -> Call:
        return Call(
            self._node,
            self.chain_id,
            self._CONTRACT,
            function,
            self.address,
            data,
            value,
            self._account,
            self._interface,
            **more,
        )

    @property
    def _interface(self) -> Interface:
        return interface(self._CONTRACT)

    def _view(self, function: str, *arguments: object, block: BlockId = "latest") -> dict[str, Any]:
        data = self._interface.encode(function, *arguments)
        returned = self._node.call(
            {"to": self.address, "data": "0x" + data.hex()}, block, f"{self._CONTRACT} {self.address}"
        )
        if not returned:
            raise NotDeployed(f"there was no split at {self.address} by block {block}", address=self.address)
        return self._interface.decode(function, returned)

    def _lines(self, token: str | Token | None, block: BlockId) -> tuple[int, tuple[Line, ...]]:
        answer = self._view("statement", self.terms.encoded, self._address(token), block=block)
        of: dict[str, Any] = {checksummed(line[0]): line[1:] for line in answer["lines"]}
        lines = tuple(Line(name, owner, *of[owner]) for name, owner in self.payees.items())
        return int(answer["revenue"]), lines

    def _address(self, token: str | Token | None) -> str:
        if token is None:
            refuse_alias(self.chain_id, self.terms.token)
            return self.terms.token
        return token_address(self.chain_id, token)

    def _token(self, token: str | Token | None) -> Token:
        if isinstance(token, Token):
            return token
        address = self._address(token)
        return self.token if address == self.terms.token else token_at(self._node, address)

    def _units(self, amount: int | str | Decimal, token: str | Token | None) -> int:
        known = self.token if isinstance(amount, int) else self._token(token)
        units = known.parse(amount)
        if units < 0:
            raise AmountError(
                f"{amount} is negative: a credit note lowers what is remitted later", value=amount
            )
        return units

    def _payee(self, payee: str) -> tuple[str, str]:
        found = payee_among(payee, self.payees.items())
        if found is None:
            raise UnknownPayee(payee, self.payees)
        return found

    def _payer(self, payer: str | None) -> str:
        return (
            given_address(payer, "payer") if payer is not None else sender(self._node, self._account).address
        )


def _pairs(
    payees: str | Iterable[str | tuple[str, str | Token | None]],
    tokens: Iterable[str | Token | None] | None,
) -> Iterator[tuple[str, str | Token | None]]:
    """Each payee with each token; a pair that is given stays as it is."""
    listed = [None] if tokens is None else [tokens] if isinstance(tokens, (str, Token)) else [*tokens]
    for item in [payees] if isinstance(payees, str) else payees:
        if isinstance(item, str):
            yield from ((item, token) for token in listed)
        elif not isinstance(item, tuple) or len(item) != 2:
            raise InvalidInput(f"a payee is meant, or a pair of a payee and a token, not {item!r}")
        elif tokens is not None:
            raise InvalidInput("give payees and tokens, or pairs of a payee and a token, not both")
        else:
            yield item


def _factory(node: Node, factory: str | RevenueSplitFactory | None, account: Account) -> RevenueSplitFactory:
    """The factory given; left out, the one at the same address on every chain, whether it is there or not."""
    if factory is None:
        return RevenueSplitFactory(node, RevenueSplitFactory.default_address(), account)
    if isinstance(factory, RevenueSplitFactory):
        return factory
    return RevenueSplitFactory.at(node, factory, account)


def _elsewhere(factory: str) -> str | None:
    """The address of a factory, None for that at the same address on every chain."""
    return None if factory == RevenueSplitFactory.default_address() else factory
