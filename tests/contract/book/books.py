"""Payout books, and what the tests of PayoutBook share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from revshare.merkle import MerkleTree
from tests.contract.world import COIN, Deployed, World

DAY = 86_400
NOT_PROVEN, NOTHING_DUE, TOTAL_EXCEEDED, NOT_DELIVERED = range(4)


@dataclass
class Book(Deployed):
    """A book, and for each token the cumulative amounts last published."""

    amounts: dict[str, dict[str, int]] = field(default_factory=dict)
    payees: set[str] = field(default_factory=set)

    def fund(self, token: str, amount: int) -> None:
        if token == COIN:
            self.world.coin(self.address, amount)
        else:
            self.world.send(self.world.at("Token", token).functions.mint(self.address, amount))

    def leaf(self, payee: str, token: str, cumulative: int) -> bytes:
        kinds = ["uint256", "address", "address", "address", "uint256"]
        fields = [self.world.w3.eth.chain_id, self.address, token, payee, cumulative]
        return keccak(keccak(encode(kinds, fields)))

    def tree(self, token: str, amounts: dict[str, int]) -> MerkleTree:
        return MerkleTree([self.leaf(payee, token, units) for payee, units in amounts.items()])

    def publishing(self, token: str, amounts: dict[str, int], total: int | None = None) -> Any:
        total = sum(amounts.values()) if total is None else total
        return self.functions.publish(total, self.tree(token, amounts).root, token)

    def publish(
        self, token: str, amounts: dict[str, int], *, fund: bool = True, total: int | None = None
    ) -> Any:
        """Publish, paying in first what is missing."""
        if fund:
            missing = sum(amounts.values()) - sum(self.amounts.get(token, {}).values())
            if missing > 0:
                self.fund(token, missing)
        receipt = self.world.send(self.publishing(token, amounts, total))
        self.amounts[token] = amounts
        self.payees |= set(amounts)
        self.check(token)
        return receipt

    def proof(self, token: str, payee: str) -> list[bytes]:
        amounts = self.amounts[token]
        return self.tree(token, amounts).proof(list(amounts).index(payee))

    def claiming(self, payee: str, token: str) -> Any:
        units = self.amounts[token][payee]
        return self.functions.claim(payee, units, self.proof(token, payee), token)

    def claim(self, payee: str, token: str) -> list[tuple[str, dict[str, Any]]]:
        receipt = self.world.send(self.claiming(payee, token))
        self.check(token)
        return self.world.logs(self.contract, receipt)

    def claim_many(self, token: str, payees: list[str], *, gas: int = 5_000_000) -> Any:
        """Claim in bulk; return (sent, skipped) and the events."""
        claims = [(p, self.amounts[token][p], self.proof(token, p)) for p in payees]
        function = self.functions.claimMany(token, claims)
        answer = function.call({"from": self.world.owner, "gas": gas})
        receipt = self.world.send(function, gas=gas)
        self.check(token)
        return tuple(answer), self.world.logs(self.contract, receipt)

    def paid(self, payee: str, token: str) -> int:
        return int(self.functions.paid(payee, token).call())

    def check(self, token: str) -> None:
        """What must always hold where the token is as tokens are."""
        _, total, claimed = self.functions.promised(token).call()
        _, announced, _ = self.functions.announced(token).call()
        held = self.world.balance(token, self.address)
        assert claimed <= total
        assert held + claimed >= max(total, announced)
        assert self.functions.surplus(token).call() == held + claimed - max(total, announced)
        assert sum(self.paid(payee, token) for payee in self.payees) == claimed


def make(world: World, delay: int = 0) -> Book:
    world._errors |= world._selectors("PayoutBook")
    return Book(world, world.deploy("PayoutBook", world.owner, delay))


def paid(payee: str, token: str, amount: int) -> tuple[str, dict[str, Any]]:
    return "PayeePaid", {"payee": payee, "token": token, "amount": amount}


def skipped(payee: str, token: str, reason: int) -> tuple[str, dict[str, Any]]:
    return "ClaimSkipped", {"payee": payee, "token": token, "reason": reason}
