"""That a sale was in a remittance: a file that anybody can check against the chain, with no ledger at hand.

The file holds the sale's canonical content, its siblings in the Merkle tree, and where the remittance stands.
To check it takes a node and this library: the leaf is hashed from the content, the siblings lead to a root,
and the split's own log must have a `Remitted` event of that batch with that very root.

What is proved is that the sale, to the letter, is one of the `count` leaves under the root that the payer
committed to. Its position is not: pairs are hashed in sorted order, so that is only checked to be possible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from eth_hash.auto import keccak
from eth_utils.address import is_checksum_address

from revshare.errors import InvalidInput, NotDeployed, ProofRefused, ProviderError, WrongChain
from revshare.ledger import Sale
from revshare.merkle import MerkleTree, verify

if TYPE_CHECKING:
    from revshare.chain import Remitted
    from revshare.chain.node import Node

__all__ = ["ProvedSale", "SaleProof", "prove"]

_KIND = "proof of a sale in a remittance"
_VERSION = 1
_DEEPEST = 4
_LARGEST = 1 << 20  # bytes of a file; one of a million sales has 20 siblings


@dataclass(frozen=True)
class ProvedSale:
    """What the chain says to a proof that holds. confirmations: blocks since, its own included."""

    sale: Sale
    remittance: Remitted
    confirmations: int


@dataclass(frozen=True)
class SaleProof:
    """A sale, its place in a Merkle tree of `count` leaves, and the remittance that committed to the root.

    code_hash: keccak256 of the code at the split's address. token: the address of what was remitted, `amount`
    units of it.
    """

    sale: Sale
    position: int
    count: int
    siblings: tuple[bytes, ...]
    root: bytes
    chain_id: int
    split: str
    code_hash: bytes
    payer: str
    token: str
    amount: int
    batch_id: bytes
    tx_hash: str

    # ---------------------------------------------------------------- as a file

    def to_json(self) -> str:
        """Return the proof as JSON."""
        return json.dumps(
            {
                "kind": _KIND,
                "version": _VERSION,
                "sale": json.loads(self.sale.canonical()),
                "leaf": _hex(self.sale.leaf()),
                "position": self.position,
                "count": self.count,
                "siblings": [_hex(sibling) for sibling in self.siblings],
                "root": _hex(self.root),
                "chain_id": self.chain_id,
                "split": self.split,
                "code_hash": _hex(self.code_hash),
                "payer": self.payer,
                "token": self.token,
                "amount": str(self.amount),
                "batch_id": _hex(self.batch_id),
                "tx_hash": self.tx_hash,
            },
            indent=2,
            ensure_ascii=False,
        )

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        """Return the proof that JSON says. Raises ProofRefused (``malformed``, ``sale``) for all else."""
        fields = _Fields(_object(text))
        if (fields.get("kind"), fields.get("version")) != (_KIND, _VERSION):
            _refuse("malformed", f"this is no {_KIND} of version {_VERSION}")
        siblings = fields.get("siblings")
        if not isinstance(siblings, list):
            _refuse("malformed", "the proof's siblings are no list")
        proof = cls(
            sale=_sale(fields.get("sale")),
            position=fields.number("position"),
            count=fields.number("count"),
            siblings=tuple(_bytes("siblings", sibling, 32) for sibling in siblings),
            root=fields.word("root"),
            chain_id=fields.number("chain_id"),
            split=fields.address("split"),
            code_hash=fields.word("code_hash"),
            payer=fields.address("payer"),
            token=fields.address("token"),
            amount=fields.units("amount"),
            batch_id=fields.word("batch_id"),
            tx_hash=_hex(fields.word("tx_hash")),
        )
        if fields.word("leaf") != proof.sale.leaf():
            _refuse("sale", "the sale has been changed: it does not hash to the leaf that the proof names")
        return proof

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the proof in a file. Raises OSError where it cannot be read, and as `loads` does."""
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            _refuse("malformed", f"{path} is too large to be a proof of a sale")
        return cls.loads(text)

    # ---------------------------------------------------------------- does it hold

    def check(self) -> None:
        """Raise ProofRefused (``malformed``, ``sale``) unless the sale leads to the root. Asks no chain."""
        if not 0 <= self.position < self.count:
            _refuse("malformed", f"there is no leaf {self.position} among {self.count}")
        expected = _siblings(self.position, self.count)
        if len(self.siblings) != expected:
            _refuse(
                "malformed",
                f"leaf {self.position} of {self.count} has {expected} siblings, and the proof has "
                f"{len(self.siblings)}",
            )
        if not verify(self.root, self.sale.leaf(), self.siblings):
            _refuse("sale", "this sale is not under the proof's root: it, or its siblings, have been changed")

    def verify(self, w3: Any, *, factory: str | None = None) -> ProvedSale:
        """Return what the chain says of the remittance, if all is as the proof says.

        w3: a Web3 on a node of that chain. factory: the one that made the split, where that is one you trust
        at another address than everywhere; a contract of anybody else's could log what it likes.

        Raises WrongChain for a node of another chain, NotDeployed where the split is not, ProofRefused for
        whatever else does not hold; its `reason` says what.
        """
        from revshare.chain.node import Node

        self.check()
        node = Node.of(w3)
        actual = node.chain_id()
        if actual != self.chain_id:
            raise WrongChain(
                f"the proof is of a sale on chain {self.chain_id}, and the node serves chain {actual}",
                expected=self.chain_id,
                actual=actual,
            )
        self._check_code(node, factory)
        event = self._event(node)
        for reason, what, said, found in (
            ("root", "the Merkle root", _hex(self.root), _hex(event.root)),
            ("count", "the number of sales", self.count, event.count),
            ("token", "the token", self.token, event.token),
            ("amount", "the amount", self.amount, event.amount),
        ):
            if said != found:
                _refuse(
                    reason, f"the remittance says otherwise: {what} is {found}, and the proof says {said}"
                )
        return ProvedSale(self.sale, event, node.head() - event.block_number + 1)

    def _check_code(self, node: Node, factory: str | None) -> None:
        from revshare.chain.addresses import given_address
        from revshare.chain.recognise import clone_at

        code = node.code(self.split)
        if not code:
            raise NotDeployed(f"there is no contract at {self.split} on this chain", address=self.split)
        if keccak(code) != self.code_hash:
            _refuse("code", f"the contract at {self.split} is not the split that the proof names: other code")
        maker = None if factory is None else given_address(factory, "factory")
        try:
            clone_at(node, self.split, maker)
        except NotDeployed as error:
            raise ProofRefused(f"{error}: what it logs proves nothing", reason="code") from error

    def _event(self, node: Node) -> Remitted:
        """Return the batch's event from the split's log."""
        from revshare.chain.events import Remitted, decode_logs

        mined = node.mined(self.tx_hash)
        if mined is not None and mined.status == 1:
            for event in decode_logs(mined.logs):
                if isinstance(event, Remitted) and self._is_ours(event):
                    return event
        elsewhere = self._elsewhere(node)
        if elsewhere is not None:
            _refuse(
                "transaction",
                f"the batch was remitted in transaction {elsewhere.tx_hash}, and not in {self.tx_hash}",
            )
        if mined is None:
            _refuse("transaction", f"this chain has no transaction {self.tx_hash}, nor the batch in its log")
        raise ProofRefused(
            f"transaction {self.tx_hash} did not remit this batch by {self.payer} to {self.split}",
            reason="batch",
        )

    def _is_ours(self, event: Remitted) -> bool:
        return (event.address, event.payer, event.batch_id) == (self.split, self.payer, self.batch_id)

    def _elsewhere(self, node: Node) -> Remitted | None:
        """Return the batch's event wherever it stands; None too where the node does not search its log."""
        from revshare.chain.abi import interface, word
        from revshare.chain.events import Remitted, decode_logs

        topics = [
            interface("RevenueSplit").topic("Remitted"),
            _hex(word(self.payer)),
            _hex(self.batch_id),
        ]
        try:
            found = decode_logs(node.logs(self.split, 0, node.head(), topics))
        except ProviderError:
            return None
        return next((one for one in found if isinstance(one, Remitted) and self._is_ours(one)), None)


def prove(
    sales: Sequence[Sale],
    position: int,
    *,
    chain_id: int,
    split: str,
    code_hash: bytes,
    payer: str,
    token: str,
    batch_id: bytes,
    tx_hash: str,
    root: bytes | None = None,
) -> SaleProof:
    """Return the proof of the sale at `position` among the sales of a remittance, in the order of its leaves.

    root: what was remitted; ProofRefused (``root``) when these sales do not have it.
    """
    tree = MerkleTree(sale.leaf() for sale in sales)
    if root is not None and tree.root != root:
        _refuse("root", "the ledger's lines are not those that were remitted: their root differs")
    return SaleProof(
        sale=sales[position],
        position=position,
        count=len(sales),
        siblings=tuple(tree.proof(position)),
        root=tree.root,
        chain_id=chain_id,
        split=split,
        code_hash=code_hash,
        payer=payer,
        token=token,
        amount=sum(sale.amount for sale in sales),
        batch_id=batch_id,
        tx_hash=tx_hash,
    )


def _siblings(position: int, count: int) -> int:
    """How many siblings a leaf has: an odd node at the end of a level has none there."""
    found = 0
    while count > 1:
        found += position ^ 1 < count
        position, count = position // 2, (count + 1) // 2
    return found


# ------------------------------------------------------------------------------------------ reading


def _refuse(reason: str, message: str) -> NoReturn:
    raise ProofRefused(message, reason=reason)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _object(text: str | bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            _refuse("malformed", "the proof names something twice")
        return found

    def never(number: str) -> NoReturn:
        _refuse("malformed", f"{number} in the proof is no whole number")

    def whole(digits: str) -> int:
        if len(digits) > 80:
            _refuse("malformed", "the proof has a number with too many digits")
        return int(digits)

    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        if _depth(decoded) > _DEEPEST:  # deep enough, it would end not the parser only but the process
            _refuse("malformed", "the proof is nested deeper than proofs are")
        value = json.loads(
            decoded, object_pairs_hook=once, parse_float=never, parse_constant=never, parse_int=whole
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ProofRefused(f"this is no proof: it is not JSON ({where})", reason="malformed") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ProofRefused(
            "this is no proof: it is not JSON, which is text in UTF-8", reason="malformed"
        ) from error
    if not isinstance(value, dict):
        _refuse("malformed", f"this is no {_KIND}")
    return value


def _depth(text: str) -> int:
    """How deep JSON nests, brackets within its strings left out."""
    deepest = depth = 0
    for bracket in re.findall(r"[][{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Fields:
    """The fields of a proof, each of its kind or refused."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get(self, name: str) -> Any:
        if name not in self._values:
            _refuse("malformed", f"the proof has no {name}")
        return self._values[name]

    def number(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or not 0 <= value < 2**64:
            _refuse("malformed", f"the proof's {name} is no whole number")
        return int(value)

    def units(self, name: str) -> int:
        value = self.get(name)
        digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78
        if not digits:
            _refuse("malformed", f"the proof's {name} is no amount in base units")
        return int(value)

    def word(self, name: str) -> bytes:
        return _bytes(name, self.get(name), 32)

    def address(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not is_checksum_address(value):
            _refuse("malformed", f"the proof's {name} is no address with its checksum")
        return value


def _bytes(name: str, value: object, length: int) -> bytes:
    try:
        found = bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != length:
        _refuse("malformed", f"the proof's {name} is not {length} bytes in hexadecimal")
    return found


def _sale(fields: object) -> Sale:
    """The sale of canonical fields; others would hash to something else."""
    if not isinstance(fields, dict):
        _refuse("malformed", "the proof's sale is no object")
    try:
        values = dict(fields)
        values["amount"] = int(values["amount"]) if isinstance(values["amount"], str) else None
        values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
        sale = Sale(**values)
    except (InvalidInput, TypeError, ValueError, KeyError) as error:
        raise ProofRefused(f"the proof's sale is none: {error}", reason="malformed") from error
    if json.loads(sale.canonical()) != fields:
        _refuse("sale", "the proof's sale is not in canonical form: nothing that was remitted reads like it")
    return sale
