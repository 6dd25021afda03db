"""A proposal to amend: what would change, and who has consented; a file that can be mailed between people.

Consent is a signature by EIP-712 over the commitments to the old and the new terms, the number of amendments
so far, the tokens that are settled first and a deadline, bound to one split on one chain: it can be used for
nothing else, and not twice.
Nothing here talks to a node but `approves`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from revshare._files import write_whole
from revshare._governance import Governance
from revshare.agreement import Agreement
from revshare.chain.addresses import given_address, payee_among
from revshare.chain.changes import Changes, counts_as_worse
from revshare.chain.node import Node
from revshare.chain.reverts import moment
from revshare.chain.terms import Terms
from revshare.errors import ContractError, InvalidInput, RevShareError, UnknownPayee
from revshare.money import Token
from revshare.schedule import Schedule

__all__ = ["Proposal", "TypedSigner", "approves", "called"]

_KIND = "revshare proposal to amend"
_VERSION = 2
_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Amendment": [
        {"name": "from", "type": "bytes32"},
        {"name": "to", "type": "bytes32"},
        {"name": "epoch", "type": "uint256"},
        {"name": "tokens", "type": "address[]"},
        {"name": "deadline", "type": "uint256"},
    ],
}
_MOST_BRACKETS = 1_000
_HALF_OF_THE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_IS_VALID_SIGNATURE = keccak(b"isValidSignature(bytes32,bytes)")[:4]  # ERC-1271, which answers the same


class TypedSigner(Protocol):
    """What has an address and signs typed data: any account of eth-account, or an adapter of your own."""

    @property
    def address(self) -> str:
        """The address whose consent it gives."""
        ...

    def sign_typed_data(self, *, full_message: Any) -> Any:
        """Sign EIP-712 data; return the signature, or an object with it in `signature`."""
        ...


@dataclass(frozen=True)
class Proposal:
    """New terms for one split, and the consents given so far. A value: signing returns another.

    epoch: how often the split had been amended when this was proposed. old: the terms then. agreement: the
    new one. deadline: until when consent is given, seconds since 1970; 0 where a controller decides. tokens:
    addresses of what is settled by the old terms first, besides the settlement token and the coin, which
    always are; with others no consent counts. consents: address of the payee → signature.
    """

    chain_id: int
    split: str
    governance: Governance
    epoch: int
    old: Terms
    agreement: Agreement
    deadline: int
    tokens: tuple[str, ...] = ()
    consents: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokens = tuple(given_address(token, "token", or_nobody=True) for token in self.tokens)
        object.__setattr__(self, "tokens", tokens)

    @cached_property
    def new(self) -> Terms:
        """The terms that the new agreement comes to; the settlement token stays."""
        schedule = self.agreement.schedule()
        return Terms(
            Schedule(schedule.payees, schedule.addresses, schedule.tiers, self.old.schedule.token),
            self.old.token,
        )

    # ---------------------------------------------------------------- what it says

    def changes(self) -> Changes:
        """Return who has which share before and after, and who gets less: print it before you sign."""
        return Changes.between(self.old, self.new)

    def typed_data(self) -> dict[str, Any]:
        """Return what is signed, as wallets take it (eth_signTypedData_v4): plain data, ready for JSON."""
        return {
            "types": _TYPES,
            "primaryType": "Amendment",
            "domain": {
                "name": "revshare",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.split,
            },
            "message": {
                "from": "0x" + self.old.commitment.hex(),
                "to": "0x" + self.new.commitment.hex(),
                "epoch": self.epoch,
                "tokens": list(self.tokens),
                "deadline": self.deadline,
            },
        }

    @cached_property
    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        message = encode_typed_data(full_message=self.typed_data())
        return keccak(b"\x19" + message.version + message.header + message.body)

    # ---------------------------------------------------------------- consent

    def sign(self, account: TypedSigner) -> Proposal:
        """Return this proposal with the consent of `account`, a payee by the old terms.

        Raises UnknownPayee for somebody else, InvalidInput when the signature is not by that account's key.
        """
        if not hasattr(account, "sign_typed_data") or not hasattr(account, "address"):
            raise InvalidInput(
                f"account must sign typed data, as eth_account.Account.from_key(…) does, not "
                f"{type(account).__name__}; for a signature made elsewhere there is add_consent"
            )
        _, owner = self._payee(account.address)
        signed = account.sign_typed_data(full_message=self.typed_data())
        signature = _canonical(bytes(getattr(signed, "signature", signed)))
        if self._signer(signature) != owner:
            raise InvalidInput(f"the signature that {owner}'s account returned is not by its key")
        return self.add_consent(owner, signature)

    def add_consent(self, payee: str, signature: bytes | str) -> Proposal:
        """Return this proposal with a consent that was signed elsewhere.

        payee: name or address. A payee that is a contract decides for itself what it takes for its signature
        (ERC-1271), so nothing is checked here; `AmendableSplit.check_consents` asks the chain.

        Raises UnknownPayee for somebody else, InvalidInput for what is neither bytes nor hexadecimal.
        """
        _, owner = self._payee(payee)
        if not isinstance(signature, (str, bytes, bytearray)):
            raise InvalidInput(
                f"the signature of {payee} is bytes, or hexadecimal text, not {type(signature).__name__}"
            )
        try:
            raw = _bytes(signature) if isinstance(signature, str) else bytes(signature)
        except ValueError as error:
            raise InvalidInput(
                f"the signature of {payee} is not hexadecimal: 0x and two digits a byte"
            ) from error
        canonical = _canonical(raw)
        # A contract reads its own signatures, and may mean something else by the last byte.
        signature = canonical if self._signer(canonical) == owner else raw
        return replace(self, consents={**self.consents, owner: signature})

    def without(self, *payees: str) -> Proposal:
        """Return this proposal without the consents of some payees, by name or address.

        Raises UnknownPayee.
        """
        gone = {self._payee(payee)[1] for payee in payees}
        kept = {owner: signature for owner, signature in self.consents.items() if owner not in gone}
        return replace(self, consents=kept)

    def merge(self, *others: Proposal) -> Proposal:
        """Return this proposal with the consents of others too. Raises InvalidInput for a different one.

        Where two have different consents of one payee, that by its key is taken, otherwise the first.
        """
        consents = dict(self.consents)
        for other in others:
            if not isinstance(other, Proposal):
                raise InvalidInput(f"a proposal is meant, not {type(other).__name__}")
            if other.digest != self.digest:
                raise InvalidInput(
                    "these are not the same proposal: consents to one do not count for the other"
                )
            for owner, signature in other.consents.items():
                better = self.is_signed_by_key(owner, signature) and not self.is_signed_by_key(
                    owner, consents.get(owner, b"")
                )
                if better or owner not in consents:
                    consents[owner] = signature
        return replace(self, consents=consents)

    def signed(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield name, address and signature of everybody who consented, in the order of the old terms."""
        schedule = self.old.schedule
        for index in self.old.order:
            owner = schedule.addresses[index]
            if owner in self.consents:
                yield schedule.payees[index], owner, self.consents[owner]

    def is_signed_by_key(self, payee: str, signature: bytes | None = None) -> bool:
        """Whether the payee's consent is signed by its own key, as it must be unless it is a contract.

        signature: left out, the one that is here.
        """
        _, owner = self._payee(payee)
        given = self.consents.get(owner) if signature is None else signature
        return given is not None and self._signer(given) == owner

    def weight_signed(self) -> int:
        """The weight, in the last tier, of those who consented."""
        weights = self.old.schedule.tiers[-1].weights
        return sum(
            weights[i] for i, owner in enumerate(self.old.schedule.addresses) if owner in self.consents
        )

    def weight_needed(self) -> int:
        """The weight that has to consent; 0 where a controller decides."""
        return -(-self.old.schedule.tiers[-1].total * self.governance.hundredths // 10_000)

    def missing(self) -> tuple[str, ...]:
        """Return the payees whose consent would help and is not there.

        With unanimity each of them is needed: those with weight in the last tier, and those who get less.
        """
        if self.governance.controller is not None:
            return ()
        schedule, last = self.old.schedule, self.old.schedule.tiers[-1]
        return tuple(
            name
            for i, (name, owner) in enumerate(zip(schedule.payees, schedule.addresses, strict=True))
            if owner not in self.consents and (last.weights[i] or self._must_sign(owner))
        )

    def enough(self) -> bool:
        """Whether the consents suffice, if all are good. Always so where a controller decides."""
        if self.governance.is_unanimous and any(
            self._must_sign(owner) for owner in self.old.schedule.addresses if owner not in self.consents
        ):
            return False
        return self.weight_signed() >= self.weight_needed()

    def ordered_consents(self) -> list[tuple[int, bytes]]:
        """Return the consents as the contract takes them: place in the old terms, and signature."""
        places = {self.old.schedule.addresses[index]: place for place, index in enumerate(self.old.order)}
        return [(places[owner], signature) for _, owner, signature in self.signed()]

    def _must_sign(self, owner: str) -> bool:
        return self.governance.is_unanimous and counts_as_worse(self.old, self.new, owner)

    def _signer(self, signature: bytes) -> str | None:
        # Of the two signatures that a key can make by the same numbers the contract takes the lower, and it
        # takes no other last byte, such as those of EIP-155, which the library below does.
        if len(signature) != 65 or int.from_bytes(signature[32:64], "big") > _HALF_OF_THE_ORDER:
            return None
        if signature[64] not in (27, 28):
            return None
        message = encode_typed_data(full_message=self.typed_data())
        try:
            return str(Account.recover_message(message, signature=signature))
        except Exception:  # noqa: BLE001 - of whatever library: then it is nobody's
            return None

    def _payee(self, payee: str) -> tuple[str, str]:
        schedule = self.old.schedule
        found = payee_among(payee, zip(schedule.payees, schedule.addresses, strict=True))
        if found is None:
            raise UnknownPayee(payee, schedule.payees)
        return found

    # ---------------------------------------------------------------- files

    def to_json(self) -> str:
        """Return the proposal as the text of a JSON file: what is signed, in words and in bytes."""
        schedule = self.old.schedule
        return (
            json.dumps(
                {
                    "kind": _KIND,
                    "version": _VERSION,
                    "chain_id": self.chain_id,
                    "split": self.split,
                    "governance": self.governance.model_dump(exclude_none=True),
                    "amendments_so_far": self.epoch,
                    "tokens": list(self.tokens),
                    "deadline": self.deadline,
                    "deadline_in_words": moment(self.deadline) if self.deadline else "none",
                    "changes": str(self.changes()).splitlines(),
                    "agreement": self.agreement.to_dict(),
                    "old_payees": dict(zip(schedule.payees, schedule.addresses, strict=True)),
                    "old_token": schedule.token.model_dump(exclude_none=True),
                    "old_terms": "0x" + self.old.encoded.hex(),
                    "new_terms": "0x" + self.new.encoded.hex(),
                    "digest": "0x" + self.digest.hex(),
                    "consents": {owner: "0x" + signature.hex() for _, owner, signature in self.signed()},
                },
                ensure_ascii=False,
                indent=2,
            )
            + "\n"
        )

    @classmethod
    def from_json(cls, text: str) -> Proposal:
        """Return the proposal that `to_json` wrote.

        Raises InvalidInput for anything else, and where the parts of the text contradict each other: then
        somebody has changed it.
        """
        # Brackets by the thousand can overflow the parser's stack, and end the process.
        if text.count("[") + text.count("{") > _MOST_BRACKETS:
            raise InvalidInput("this is not a proposal to amend: it has too many brackets")
        try:
            return cls._from_data(json.loads(text))
        except RevShareError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError):
                why = f"it is not JSON (line {error.lineno}, column {error.colno})"
            else:
                why = f"it has no {error}" if isinstance(error, KeyError) else "its parts are of another kind"
            raise InvalidInput(f"this is not a proposal to amend: {why}") from error

    @classmethod
    def _from_data(cls, data: dict[str, Any]) -> Proposal:
        if data["kind"] != _KIND:
            raise InvalidInput("this is not a proposal to amend")
        if data["version"] != _VERSION:
            raise InvalidInput(
                f"this proposal is of version {data['version']}, and this version of revshare takes version "
                f"{_VERSION}: propose anew"
            )
        agreement = Agreement.model_validate(data["agreement"])
        whole = {"chain_id", "amendments_so_far", "deadline"}
        if any(type(data[key]) is not int or not 0 <= data[key] < 2**256 for key in whole):
            raise InvalidInput("this is not a proposal to amend: chain, amendments and deadline are numbers")
        found = cls(
            chain_id=data["chain_id"],
            split=given_address(data["split"], "split"),
            governance=Governance.model_validate(data["governance"]),
            epoch=data["amendments_so_far"],
            old=_old_terms(data),
            agreement=agreement,
            deadline=data["deadline"],
            tokens=tuple(_texts(data["tokens"])),
        )
        for said, follows in (("new_terms", found.new.encoded), ("digest", found.digest)):
            if _bytes(data[said]) != follows:
                raise InvalidInput(f"the proposal was changed: its {said} are not what follows from the rest")
        for payee, signature in data["consents"].items():
            found = found.add_consent(payee, signature)
        return found

    def save(self, path: str | Path) -> None:
        """Write the proposal to a file, to be mailed to the next who signs."""
        write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Proposal:
        """Return the proposal in a file. Raises as `from_json` does, and OSError."""
        try:
            return cls.from_json(Path(path).read_bytes().decode())
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path}: this is not a proposal to amend: it is no text in UTF-8") from error
        except InvalidInput as error:
            if type(error) is not InvalidInput:
                raise
            raise InvalidInput(f"{path}: {error}") from error

    def __repr__(self) -> str:
        return (
            f"Proposal({self.agreement.name!r} for {self.split} on chain {self.chain_id}, "
            f"{len(self.consents)} consents)"
        )


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidInput("this is not a proposal to amend: its tokens are no list of addresses")
    return value


def _old_terms(data: dict[str, Any]) -> Terms:
    """The terms that a file says count now, payees in the order in which it names them."""
    payees = {name: given_address(owner, f"payee {name}") for name, owner in data["old_payees"].items()}
    read = Terms.decode(_bytes(data["old_terms"]), Token.model_validate(data["old_token"]))
    if set(read.schedule.addresses) != set(payees.values()):
        raise InvalidInput("the proposal was changed: its old_payees are not those of the old terms")
    return called(read, payees)


def called(terms: Terms, payees: Mapping[str, str]) -> Terms:
    """Return the same terms with other names, in their order. payees: name → address, of all payees."""
    was = terms.schedule
    places = [was.addresses.index(owner) for owner in payees.values()]
    tiers = tuple(replace(tier, weights=tuple(tier.weights[place] for place in places)) for tier in was.tiers)
    return Terms(Schedule(tuple(payees), tuple(payees.values()), tiers, was.token), terms.token)


def approves(node: Node, contract: str, digest: bytes, signature: bytes) -> bool:
    """Whether a contract takes `signature` for its own (ERC-1271)."""
    padded = signature + bytes(-len(signature) % 32)
    data = b"".join(
        (_IS_VALID_SIGNATURE, digest, (64).to_bytes(32, "big"), len(signature).to_bytes(32, "big"), padded)
    )
    try:
        answer = node.call({"to": contract, "data": "0x" + data.hex()})
    except ContractError:
        return False
    return answer[:32] == _IS_VALID_SIGNATURE + bytes(28)  # what is behind it is not looked at


def _canonical(signature: bytes) -> bytes:
    """A key's signature as the contract takes it: some wallets write 0 and 1 where it wants 27 and 28."""
    if len(signature) == 65 and signature[64] < 2:
        return signature[:64] + bytes([signature[64] + 27])
    return signature


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
