"""What the tests of amendments share: a chain with time, people with keys, and agreements to amend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from web3 import Web3

import revshare as rs
from revshare.chain import DemoToken, Devnet
from revshare.chain.artifacts import Artifact

_numbers = count(1)

UNIT = 10**6
WEEK = 7 * 86_400


def person() -> LocalAccount:
    """Somebody with a key and without coin, whom nobody has paid yet."""
    made: LocalAccount = Account.from_key(keccak(b"person %d" % next(_numbers)))
    return made


def agreement(
    payees: Mapping[str, str], *tiers: dict[str, Any], governance: Any = None, coin: bool = False
) -> rs.Agreement:
    """An agreement; a tier is {payee: share}, with `until` among the keys of all but the last."""
    written = [
        {"shares": {name: share for name, share in tier.items() if name != "until"}}
        | ({"until": tier["until"]} if "until" in tier else {})
        for tier in tiers
    ]
    token = {"symbol": "ETH", "decimals": 18} if coin else {"symbol": "GBP", "decimals": 6}
    return rs.Agreement.model_validate(
        {"name": "A venture", "token": token, "payees": payees, "tiers": written, "governance": governance}
    )


@dataclass
class Stage:
    """A chain of its own; `payer` pays for everything."""

    mocks: dict[str, Artifact] = field(repr=False)
    devnet: Devnet = field(default_factory=Devnet.start, repr=False)
    salts: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.payer, self.other = self.devnet.accounts[:2]
        self.gbp, self.eur = (
            DemoToken.deploy(self.w3, symbol, account=self.payer) for symbol in ("GBP", "EUR")
        )
        for token in (self.gbp, self.eur):
            token.mint(self.payer.address, 10**18).send()

    @property
    def w3(self) -> Web3:
        return self.devnet.w3

    @property
    def now(self) -> int:
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def wait(self, until: int) -> None:
        """Have the next block at the time `until` (a call is made in that block's time as well)."""
        tester: Any = self.w3.provider
        tester.ethereum_tester.time_travel(until)

    def deploy(self, deal: rs.Agreement, *, token: str | None = None) -> rs.AmendableSplit:
        coin = deal.token.symbol == "ETH"
        salt = next(_numbers)
        split = rs.RevenueSplit.deploy(
            self.w3,
            deal,
            token=None if coin else token or self.gbp.address,
            account=self.payer,
            salt=salt,
        )
        assert isinstance(split, rs.AmendableSplit)
        self.salts[split.address] = salt
        return split

    def place(self, name: str, *arguments: Any) -> Any:
        """Deploy a mock."""
        artifact = self.mocks[name]
        factory = self.w3.eth.contract(abi=list(artifact.abi), bytecode=artifact.bytecode)
        sent = factory.constructor(*arguments).transact({"from": self.payer.address})
        address = self.w3.eth.get_transaction_receipt(sent)["contractAddress"]
        return self.w3.eth.contract(address=address, abi=list(artifact.abi))

    def create(self, code: bytes) -> str:
        """Deploy raw code."""
        sent = self.w3.eth.send_transaction({"from": self.payer.address, "data": "0x" + code.hex()})  # type: ignore[typeddict-item]
        return str(self.w3.eth.get_transaction_receipt(sent)["contractAddress"])

    def fund(self, split: rs.RevenueSplit, amount: int, token: str | None = None) -> None:
        """Revenue by a recorded sale in the settlement token, or another."""
        split.pay(amount, sale_id=f"sale {next(_numbers)}", token=token).send()


def signed(proposal: rs.Proposal, people: Iterable[LocalAccount]) -> rs.Proposal:
    for signer in people:
        proposal = proposal.sign(signer)
    return proposal


class Venture:
    """Three people who share 50/30/20, an amendable split of theirs, and agreements to amend to."""

    def __init__(self, stage: Stage, governance: Any, *, coin: bool = False, **others: str) -> None:
        self.stage = stage
        self.people = {name: person() for name in ("ann", "bob", "cat")}
        self.payees = {name: account.address for name, account in self.people.items()} | others
        shares = {"ann": 50, "bob": 30, "cat": 20} | dict.fromkeys(others, 20)
        self.deal = agreement(self.payees, shares, governance=governance, coin=coin)
        self.split = stage.deploy(self.deal)

    def proposing(self, **shares: int) -> rs.Agreement:
        payees = {name: self.payees.get(name) or person().address for name in shares}
        self.payees |= payees
        tier = rs.Tier(shares=shares)
        return self.deal.model_copy(update={"payees": payees, "tiers": (tier,)})

    def signed_by(self, proposal: rs.Proposal, *names: str) -> rs.Proposal:
        return signed(proposal, (self.people[name] for name in names))


def refused(call: rs.Call) -> rs.ContractError:
    """The error by which the contract refuses."""
    with pytest.raises(rs.ContractError) as caught:
        call.send()
    return caught.value


def raw_amend(
    split: rs.AmendableSplit,
    proposal: rs.Proposal,
    consents: list[tuple[int, bytes]] | None = None,
    *,
    deadline: int | None = None,
    tokens: tuple[str, ...] | None = None,
) -> rs.Call:
    """The contract's `amend` without any check of the library's."""
    return split._encoded(
        "amend",
        proposal.old.encoded,
        proposal.new.encoded,
        list(proposal.tokens if tokens is None else tokens),
        proposal.ordered_consents() if consents is None else consents,
        proposal.deadline if deadline is None else deadline,
    )
