"""An amendable split and what it takes to amend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from tests.contract.world import COIN, Line, Split, Terms, Tier, World

LATE = 2**64
DAY = 86_400
WEEK = 7 * DAY
LIFE = 30 * DAY
"""How long what was announced can be put in force once its notice is over."""
FIELDS = [
    {"name": "from", "type": "bytes32"},
    {"name": "to", "type": "bytes32"},
    {"name": "epoch", "type": "uint256"},
    {"name": "tokens", "type": "address[]"},
    {"name": "deadline", "type": "uint256"},
]

Consent = tuple[int, bytes]


def governance(kind: int, *, quorum: int = 0, notice: int = 0, zeros: int = 0, controller: int = 0) -> bytes:
    """kind(1) ‖ quorum(2) ‖ notice(4) ‖ zeros(5) ‖ controller(20), as lib/Governance.sol says."""
    sizes = ((kind, 1), (quorum, 2), (notice, 4), (zeros, 5), (controller, 20))
    return b"".join(value.to_bytes(size, "big") for value, size in sizes)


def agreed(quorum: int) -> bytes:
    """Payees amend who hold so many hundredths of a per cent of the last tier's weight."""
    return governance(1, quorum=quorum)


def controlled(by: str, notice: int = WEEK) -> bytes:
    """Somebody amends after notice."""
    return governance(2, notice=notice, controller=int(by, 16))


def person(number: int) -> LocalAccount:
    """Somebody with a key, whom nobody has paid yet; the same for the same number."""
    made: LocalAccount = Account.from_key(keccak(b"signer %d" % number))
    return made


def people(world: World, count: int) -> list[LocalAccount]:
    """New people, ascending by address, so that each one's number is its place in the terms."""
    return sorted((person(world.salt()) for _ in range(count)), key=lambda a: bytes.fromhex(a.address[2:]))


@dataclass
class Amendable(Split):
    """A split whose terms may change; `terms` are the newest it knows."""

    governance: bytes

    @staticmethod
    def create(
        world: World, payees: Sequence[str], tiers: Sequence[Tier], governance: bytes, token: str = COIN
    ) -> Amendable:
        terms, salt = Terms.of(payees, tiers, token), world.salt()
        world.send(world.factory.functions.createAmendable(terms.packed, governance, salt))
        address = world.factory.functions.predictAmendable(terms.packed, governance, salt).call()
        return Amendable(world, world.at("IAmendableSplit", address), terms, governance)

    def other(self, tiers: Sequence[Tier], payees: Sequence[str] = ()) -> Terms:
        """Other terms, for the same payees in the order of these terms, unless others are given."""
        return Terms.of(payees or self.terms.payees, tiers, self.terms.token)

    # -- consent

    def digest(self, new: Terms, tokens: Sequence[str] = (), deadline: int = LATE) -> bytes:
        digest: bytes = self.functions.amendmentDigest(new.commitment, list(tokens), deadline).call()
        return digest

    def typed(self, new: Terms, tokens: Sequence[str] = (), deadline: int = LATE) -> dict[str, Any]:
        """The same as wallets are shown it (EIP-712)."""
        return {
            "domain": {
                "name": "revshare",
                "version": "1",
                "chainId": self.world.w3.eth.chain_id,
                "verifyingContract": self.address,
            },
            "primaryType": "Amendment",
            "types": {"Amendment": FIELDS},
            "message": {
                "from": self.functions.commitment().call(),
                "to": new.commitment,
                "epoch": self.functions.epoch().call(),
                "tokens": list(tokens),
                "deadline": deadline,
            },
        }

    def consents(
        self, new: Terms, who: Iterable[LocalAccount], tokens: Sequence[str] = (), deadline: int = LATE
    ) -> list[Consent]:
        """Signatures of payees, by their places in the newest terms."""
        message = encode_typed_data(full_message=self.typed(new, tokens, deadline))
        signed = [(self.index(each.address), each.sign_message(message).signature) for each in who]
        return sorted((index, bytes(signature)) for index, signature in signed)

    # -- amending

    def amending(
        self,
        new: Terms,
        consents: Sequence[Consent] = (),
        tokens: Sequence[str] = (),
        deadline: int = LATE,
        *,
        old: bytes | None = None,
    ) -> Any:
        """The call, whatever comes of it."""
        was = self.terms.packed if old is None else old
        return self.functions.amend(was, new.packed, list(tokens), list(consents), deadline)

    def amend(
        self,
        new: Terms,
        consents: Sequence[Consent] = (),
        tokens: Sequence[str] = (),
        deadline: int = LATE,
    ) -> list[tuple[str, dict[str, Any]]]:
        """Put new terms in force, and return what was said."""
        receipt = self.world.send(self.amending(new, consents, tokens, deadline))
        self.terms = new
        return self.world.logs(self.contract, receipt)

    def announcing(self, new: Terms, tokens: Sequence[str] = (), *, old: bytes | None = None) -> Any:
        was = self.terms.packed if old is None else old
        return self.functions.proposeAmendment(was, new.packed, list(tokens))

    def announce(self, new: Terms, controller: str, tokens: Sequence[str] = ()) -> int:
        """Announce new terms; return from when on they may be put in force."""
        self.world.send(self.announcing(new, tokens), sender=controller)
        commitment, ready_at, until = self.functions.proposal().call()
        assert (commitment, until) == (new.commitment, ready_at + LIFE)
        return int(ready_at)

    # -- what must hold

    def check(self, token: str = COIN) -> dict[str, Line]:
        """As for any split; but what left by older terms is not in the lines."""
        revenue, lines = self.statement(token)
        held = self.world.balance(token, self.address)
        owed = sum(line.due + line.credit + line.earlier for line in lines)
        assert held >= owed, "insolvent"
        _, base, _ = self.functions.termsOf(token).call()
        assert sum(line.entitlement for line in lines) <= revenue - base
        for line in lines:
            assert line.entitlement == line.paid + line.credit + line.due
            assert self.functions.credit(line.payee, token).call() == line.credit + line.earlier
        return {line.payee: line for line in lines}
