"""The split whose terms may change: consent and notice, and accounts that go on across amendments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from eth_utils.address import to_checksum_address

from revshare._governance import Governance
from revshare.agreement import Agreement
from revshare.chain.addresses import given_address, payee_among
from revshare.chain.attach import (
    check_governance,
    newest_commitment,
    refuse_other_terms,
)
from revshare.chain.books import Books
from revshare.chain.calls import Call
from revshare.chain.chains import Chain, refuse_alias
from revshare.chain.clones import Clone
from revshare.chain.deal import terms_of
from revshare.chain.governance import governance_of
from revshare.chain.history import History
from revshare.chain.nesting import refuse_circles, refuse_splits_that_sign
from revshare.chain.node import BlockId, Node
from revshare.chain.proposal import Proposal, approves, called
from revshare.chain.signers import Account
from revshare.chain.split import RevenueSplit
from revshare.chain.statements import Line
from revshare.chain.terms import COIN, Terms
from revshare.errors import (
    ChainError,
    InvalidInput,
    TermsMismatch,
    UnknownPayee,
    WrongChain,
)
from revshare.money import Token

__all__ = ["AmendableSplit", "Announcement"]

_MONTH = timedelta(days=30)
_GAS_FOR_SEEN = 8_000_000
"""Gas that an amendment spends at most on settling tokens nobody asked it to settle."""


@dataclass(frozen=True)
class Announcement:
    """What a controller has announced: the commitment to new terms, and when they may be put in force.

    ready_at, until: from when on, and until when, in seconds since 1970. expired: whether the latest block is
    later than that; then it can only be announced anew.
    """

    commitment: bytes
    ready_at: int
    until: int
    expired: bool = False


class AmendableSplit(RevenueSplit):
    """A handle on a split whose terms may be amended as its agreement's governance says.

    A handle is a value: after an amendment `refresh` returns one of the new terms. An old one goes on paying
    and reading correctly, for each token is shared by the terms that count for it on the chain; but it does
    not know the names of new payees, and proposes nothing.

    What each payee has earned, got and has coming is over the split's whole life, payees that have left
    included, so that the log has to be read once the terms have changed. Former payees are called by the
    names they had, as far as this handle knows them, otherwise by their addresses.
    """

    _CONTRACT = "AmendableSplit"

    def __init__(
        self,
        node: Node,
        address: str,
        terms: Terms,
        clone: Clone,
        *,
        agreement: Agreement | None = None,
        account: Account = None,
        created: int | None = None,
        factory: str | None = None,
        names: Mapping[str, str] | None = None,
        history: History | None = None,
    ) -> None:
        super().__init__(
            node, address, terms, agreement=agreement, account=account, created=created, factory=factory
        )
        governance = governance_of(clone.governance)
        if governance is None:
            raise InvalidInput(f"the split at {address} is never amended")
        self.governance: Governance = governance
        self._clone = clone
        current = {owner: name for name, owner in self.payees.items()}
        former = {owner: name for owner, name in (names or {}).items() if name not in current.values()}
        self._names = former | current
        self._history = history or History(node, address, clone)
        if terms.commitment == clone.commitment:
            self._history.original = terms

    def refresh(self, agreement: Agreement | None = None) -> AmendableSplit:
        """Return a handle of the newest terms; payees have the names of `agreement`, or those known so far.

        Raises TermsMismatch when `agreement` is not what the split was last amended to.
        """
        newest = newest_commitment(self._node, self.address)
        if agreement is not None:
            check_governance(self.address, self._clone, agreement)
            terms = terms_of(self._node, agreement, self.terms.token)
        elif newest == self.terms.commitment:
            terms, agreement = self.terms, self.agreement
        else:
            terms = self._books(self._node.head()).epochs[-1]
        refuse_other_terms(self.address, terms, newest)
        return AmendableSplit(
            self._node,
            self.address,
            terms,
            self._clone,
            agreement=agreement,
            account=self._account,
            created=self._created,
            factory=self.factory,
            names=self._names,
            history=self._history,
        )

    # ---------------------------------------------------------------- who decides

    def controller(self) -> str | None:
        """The account that may announce new terms; None where a quorum decides."""
        address = str(self._view("controller")["0"])
        return None if address == COIN else address

    def propose_controller(self, successor: str | None) -> Call:
        """Name who is to take over control, and has to accept; None takes that back. The controller only."""
        return self._encoded(
            "proposeController",
            COIN if successor is None else given_address(successor, "successor", or_nobody=True),
        )

    def accept_control(self) -> Call:
        """Take over control. The named successor only."""
        return self._encoded("acceptControl")

    # ---------------------------------------------------------------- amending

    def propose(
        self,
        agreement: Agreement,
        *,
        deadline: int | datetime | timedelta = _MONTH,
        tokens: Iterable[str | Token] = (),
        seen: bool = True,
    ) -> Proposal:
        """Return the proposal to go on by `agreement`, for payees to sign or the controller to announce.

        Its tiers go on counting from the first unit the split ever received. Its token and its governance
        must be those of the split.

        deadline: until when consent is given: a time, a span from the latest block on, or seconds since 1970;
        left out, 30 days. tokens: what everybody is paid by the old terms in first, besides the settlement
        token and the coin; `seen` adds all others that the split's log names, unless they refuse or cost too
        much. The list is what is consented to, or announced: nobody can amend by another. A token left out
        goes on under the old terms until its next distribution. One that is listed and no longer tells
        balances when it is put in force holds the amendment up: then propose anew, without it.

        Raises InvalidInput where it would change nothing, and where a quorum would need the signature of a
        payee that is a split; TermsMismatch where the terms have changed since this handle was made,
        CircularSplits where a new payee is a split that pays this one.
        """
        check_governance(self.address, self._clone, agreement)
        terms = terms_of(self._node, agreement, self.terms.token)
        if terms.commitment == self.terms.commitment:
            raise InvalidInput("these are the terms that count already")
        refuse_circles(self._node, self.address, terms.schedule.addresses)
        refuse_splits_that_sign(self._node, terms.schedule, self.governance)
        self._check_newest()
        settled = {self.terms.token, COIN}
        listed = [address for address in map(self._address, tokens) if address not in settled]
        if seen:
            listed += self._worth_settling({*settled, *listed})
        return Proposal(
            chain_id=self.chain_id,
            split=self.address,
            governance=self.governance,
            epoch=self.epoch(),
            old=self.terms if self.agreement else self._called_as_in(agreement),
            agreement=agreement,
            deadline=self._deadline(deadline) if self.governance.controller is None else 0,
            tokens=tuple(dict.fromkeys(listed)),
        )

    def amend(self, proposal: Proposal | Iterable[Proposal]) -> Call:
        """Put a proposal in force: with consents enough, or after the controller's notice. Anyone may.

        Everybody is first paid under the old terms, in the settlement token, the coin and the proposal's
        tokens.

        proposal: one, or several that different people have signed.

        Raises WrongChain, InvalidInput for another split's proposal, TermsMismatch where the terms have
        changed since it was made.
        """
        merged = self._merged(proposal)
        data = self._interface.encode(
            "amend",
            merged.old.encoded,
            merged.new.encoded,
            list(merged.tokens),
            merged.ordered_consents(),
            merged.deadline,
        )
        return self._call("amend", data, payouts=lambda block: self.due(block=block))

    def announce(self, proposal: Proposal) -> Call:
        """Announce new terms: their notice begins, and that of what was announced before is void.

        Once the notice is over anyone may `amend`, for 30 days. The controller only.
        """
        merged = self._merged(proposal)
        return self._encoded("proposeAmendment", merged.old.encoded, merged.new.encoded, list(merged.tokens))

    def withdraw_proposal(self) -> Call:
        """Take back what was announced. The controller only."""
        return self._encoded("withdrawAmendment")

    def announced(self) -> Announcement | None:
        """What the controller has announced, expired or not; None for nothing."""
        answer = self._view("proposal")
        ready_at, until = int(answer["readyAt"]), int(answer["until"])
        if not ready_at:
            return None
        return Announcement(bytes(answer["commitment_"]), ready_at, until, self._now() > until)

    def merge(self, proposal: Proposal, *others: Proposal) -> Proposal:
        """Return copies of a proposal as one. Where they disagree on a consent, the chain says which is good.

        Raises WrongChain, InvalidInput for different proposals, and for another split's.
        """
        merged = proposal.merge(*others)
        self._check_own(merged)
        for _, owner, signature in merged.signed():
            signed = [each.consents.get(owner, signature) for each in (proposal, *others)]
            if set(signed) != {signature} and not self._is_good(merged, owner, signature):
                good = (each for each in signed if self._is_good(merged, owner, each))
                merged = merged.add_consent(owner, next(good, signature))
        return merged

    def check_consents(self, proposal: Proposal) -> dict[str, bool]:
        """Ask the chain whether each consent is good, by payee: a key's signature, or a contract's word.

        One that its payee has revoked is not; `revoked` says which those are.
        """
        revoked = self.revoked(proposal)
        return {
            name: name not in revoked and self._is_good(proposal, owner, signature)
            for name, owner, signature in proposal.signed()
        }

    def revoked(self, proposal: Proposal) -> tuple[str, ...]:
        """Return the payees who have signed a proposal and revoked that since, as the chain says."""
        return tuple(
            name
            for name, owner, _ in proposal.signed()
            if self._view("isRevoked", owner, proposal.digest)["0"]
        )

    def revoke_consent(self, proposal: Proposal) -> Call:
        """Take back the sender's consent to a proposal, once and for all: a signature over it counts no more.

        The payee itself sends this, be it before or after it has signed. Consents of others stay as they are.

        Raises WrongChain, InvalidInput for another split's proposal.
        """
        self._check_own(proposal)
        return self._encoded("revokeConsent", proposal.digest)

    def _merged(self, proposal: Proposal | Iterable[Proposal]) -> Proposal:
        several = isinstance(proposal, Iterable) and not isinstance(proposal, str)
        given: list[Any] = [*proposal] if several else [proposal]  # type: ignore[misc]
        if not given or not all(isinstance(each, Proposal) for each in given):
            raise InvalidInput(f"a proposal is meant, or several, not {proposal!r}")
        merged = self.merge(*given)
        for token in merged.tokens:
            refuse_alias(self.chain_id, token)
        refuse_circles(self._node, self.address, merged.new.schedule.addresses)
        refuse_splits_that_sign(self._node, merged.new.schedule, self.governance)
        epoch = self.epoch()
        if merged.epoch != epoch or newest_commitment(self._node, self.address) != merged.old.commitment:
            raise TermsMismatch(
                f"the terms have changed since this was proposed (amendments: {merged.epoch} then, {epoch} "
                "now): propose anew, and collect consents again",
                address=self.address,
                expected=merged.epoch,
                actual=epoch,
            )
        return merged

    def _is_good(self, proposal: Proposal, owner: str, signature: bytes) -> bool:
        """Whether the contract takes a signature for the consent of a payee, unless that revoked it."""
        by_key = proposal.is_signed_by_key(owner, signature)
        return by_key or approves(self._node, owner, proposal.digest, signature)

    def _check_own(self, proposal: Proposal) -> None:
        if not isinstance(proposal, Proposal):
            raise InvalidInput(f"a proposal is meant, not {type(proposal).__name__}")
        if proposal.chain_id != self.chain_id:
            raise WrongChain(
                f"the proposal is for chain {proposal.chain_id}, and this is chain {self.chain_id}",
                expected=proposal.chain_id,
                actual=self.chain_id,
            )
        if proposal.split != self.address:
            raise InvalidInput(
                f"the proposal is for the split at {proposal.split}, and this is {self.address}"
            )

    def _check_newest(self) -> None:
        newest = newest_commitment(self._node, self.address)
        if newest != self.terms.commitment:
            raise TermsMismatch(
                f"the split at {self.address} has been amended since this handle was made: refresh() it",
                address=self.address,
                expected="0x" + self.terms.commitment.hex(),
                actual="0x" + newest.hex(),
            )

    def _called_as_in(self, agreement: Agreement) -> Terms:
        """These terms as read from the log, with the names and in the order that an agreement has."""
        unnamed = {owner: name for name, owner in self.payees.items() if name == owner}
        named = {name: owner for name, owner in agreement.payees.items() if owner in unnamed}
        return called(
            self.terms,
            named | {name: owner for name, owner in self.payees.items() if owner not in named.values()},
        )

    def _deadline(self, deadline: int | datetime | timedelta) -> int:
        now = self._now()
        if isinstance(deadline, bool) or not isinstance(deadline, (int, datetime, timedelta)):
            raise InvalidInput(f"the deadline is a time, a span or seconds since 1970, not {deadline!r}")
        if isinstance(deadline, timedelta):
            seconds = now + int(deadline.total_seconds())
        elif isinstance(deadline, datetime):
            if deadline.tzinfo is None:
                raise InvalidInput("the deadline has no time zone")
            seconds = int(deadline.timestamp())
        else:
            seconds = deadline
        if seconds <= now:
            raise InvalidInput(f"the deadline is past: it is second {seconds}, and the chain is at {now}")
        if seconds >= 2**64:
            raise InvalidInput(f"the deadline is no time: second {seconds}")
        return seconds

    def _now(self) -> int:
        """The time of the latest block, in seconds since 1970."""
        head = self._node.block()
        return head.timestamp if head else 0

    def _worth_settling(self, listed: set[str]) -> list[str]:
        """The tokens in the log that settle when tried, cheapest first, within `_GAS_FOR_SEEN`.

        Anybody may pay in a token that refuses everything or burns gas, and must not be able to hold up an
        amendment by that.
        """
        found, chain = [], Chain.of(self.chain_id)
        for token in self.tokens_seen():
            if chain.alias(token) is None and token not in listed and self.behind(token) == 0:
                with suppress(ChainError):
                    found.append((self.distribute(token=token).estimate_gas(), token))
        left, worth = _GAS_FOR_SEEN, []
        for gas, token in sorted(found):
            if gas <= left:
                left -= gas
                worth.append(token)
        return worth

    # ---------------------------------------------------------------- which terms count

    def distribute(self, *, token: str | Token | None = None) -> Call:
        """Pay everyone what is due, by the terms that count for the token just now.

        Those are older terms where the token is `behind`, as the call's ``contract`` then says; by this
        distribution it goes through one amendment, and `catch_up` takes it through all.
        """
        call = super().distribute(token=token)
        if self.terms.encoded in call.calldata:
            return call
        behind = self.behind(token)
        late = f"{self._CONTRACT} ({behind} amendment{'s' * (behind > 1)} behind)"
        return replace(call, contract=late) if behind else call

    def epoch(self, *, block: BlockId = "latest") -> int:
        """How often the terms have been amended."""
        return int(self._view("epoch", block=block)["0"])

    def behind(self, token: str | Token | None = None) -> int:
        """How many amendments a token has yet to go through: one more with each distribution."""
        return self.epoch() - int(self._view("termsOf", self._address(token))["epoch_"])

    def terms_for(self, token: str | Token | None = None) -> Terms:
        """Return the terms by which a token is shared just now: older ones, where it is `behind`."""
        standing = self._view("termsOf", self._address(token))
        return self._terms_of(int(standing["epoch_"]), bytes(standing["commitment_"]), "latest")

    def applies_from(self, token: str | Token | None = None) -> int:
        """Return the revenue in a token from which on the terms count that count for it now."""
        return int(self._view("termsOf", self._address(token))["revenue"])

    def catch_up(self, token: str | Token | None = None) -> list[Call]:
        """Return the distributions, to be sent in order, that take a token through all amendments.

        Each pays what is due by the terms of one epoch; what comes in between them is shared by the terms of
        the next to be sent. None are needed where the token is not behind.
        """
        address = self._address(token)
        epochs = self._books(self._node.head()).epochs
        first = int(self._view("termsOf", address)["epoch_"])
        return [
            self._encoded("distribute", terms.encoded, address) for terms in epochs[first : len(epochs) - 1]
        ]

    def history(self) -> tuple[Terms, ...]:
        """Return the terms of every epoch, the first those that the split was created with."""
        return tuple(self._books(self._node.head()).epochs)

    def tokens_seen(self) -> tuple[str, ...]:
        """Return the tokens that the split's log names; those that only came by plain transfer are not."""
        self._history.read_on(self.created_in)
        return tuple(self._history.tokens)

    def _terms_of(self, epoch: int, commitment: bytes, block: BlockId) -> Terms:
        if commitment == self.terms.commitment:
            return self.terms
        number = self._node.head() if block == "latest" else int(block)
        epochs = self._books(number).epochs
        if epoch >= len(epochs) or epochs[epoch].commitment != commitment:
            raise ChainError(f"the log of {self.address} does not tell the terms of epoch {epoch}")
        return epochs[epoch]

    # ---------------------------------------------------------------- accounts

    def _lines(self, token: str | Token | None, block: BlockId) -> tuple[int, tuple[Line, ...]]:
        head = self._node.block(block)
        if head is None:
            raise InvalidInput(f"there is no block {block}")
        number, address = head.number, self._address(token)
        standing = self._view("termsOf", address, block=number)
        if not self.epoch(block=number) and bytes(standing["commitment_"]) == self.terms.commitment:
            return super()._lines(token, number)

        books = self._books(number)
        terms = self._terms_of(int(standing["epoch_"]), bytes(standing["commitment_"]), number)
        answer = self._view("statement", terms.encoded, address, block=number)
        current: dict[str, Any] = {to_checksum_address(line[0]): line[1:] for line in answer["lines"]}
        past = books.of(address)
        lines = []
        for owner, name in self._everyone(books).items():
            # The contract counts from the token's last amendment on; what was earned before is in the log.
            if owner in current:
                entitlement, paid, credit, due, earlier = current[owner]
                before = past.before_anchor(owner)
                entitlement, settled = max(entitlement - before, 0), paid + credit - before
            else:
                entitlement = settled = credit = due = 0
                earlier = self._credit_of(owner, address, number) if past.credits[owner] else 0
            closed, aside = past.closed[owner], credit + earlier
            line = Line(name, owner, closed + entitlement, closed + settled - aside, aside, due, earlier)
            lines.append(line)
        return int(answer["revenue"]), tuple(lines)

    def _credit_of(self, owner: str, token: str, block: int) -> int:
        return int(self._view("credit", owner, token, block=block)["0"])

    def _books(self, upto: int) -> Books:
        return self._history.books(upto, self.created_in, self._names)

    def _everyone(self, books: Books) -> dict[str, str]:
        """Address → name: the payees of this handle's terms, then all others there ever were."""
        called = {owner: name for name, owner in self.payees.items()}
        for owner, name in books.payees().items():
            if owner not in called:
                called[owner] = owner if name in called.values() else name
        return called

    def _payee(self, payee: str) -> tuple[str, str]:
        try:
            return super()._payee(payee)
        except UnknownPayee:
            everyone = self._everyone(self._books(self._node.head()))
            found = payee_among(payee, ((name, owner) for owner, name in everyone.items()))
            if found is None:
                raise
            return found

    def _encoded(self, function: str, *arguments: Any) -> Call:
        return self._call(function, self._interface.encode(function, *arguments))
