"""Two chains for all these tests, eth-tester here and anvil over HTTP. Each test makes its own splits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.nodes import ANVIL, anvil
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain import DemoToken, Devnet
from revshare.chain.artifacts import Artifact
from revshare.chain.compile import compile_directory
from revshare.chain.devnet import MNEMONIC

_salts = count(1)

# Reverts with whatever data it is called with: any error, at will. Paid without data, it reverts without.
ECHO_REVERT = bytes.fromhex("600780600b6000396000f3" + "365f5f37365ffd")
# Accepts everything and says nothing: code, but no token.
SILENT = bytes.fromhex("600180600b6000396000f3" + "00")


@dataclass
class Chain:
    """A chain and who is on it: `accounts[0]` pays for things, `payees` are paid."""

    w3: Web3
    accounts: tuple[LocalAccount, ...]
    name: str
    tokens: dict[int, DemoToken] = field(default_factory=dict)

    @property
    def payer(self) -> LocalAccount:
        return self.accounts[0]

    @property
    def payees(self) -> dict[str, str]:
        names = ("exporter", "distributor", "designer")
        return {name: account.address for name, account in zip(names, self.accounts[1:], strict=False)}

    def token(self, decimals: int = 6) -> DemoToken:
        if decimals not in self.tokens:
            token = DemoToken.deploy(self.w3, f"GBP{decimals}", decimals, account=self.payer)
            token.mint(self.payer.address, 10**9 * 10**decimals).send()
            self.tokens[decimals] = token
        return self.tokens[decimals]

    def agreement(self, decimals: int = 6, *, coin: bool = False, **payees: str) -> rs.Agreement:
        everyone = self.payees | payees
        return rs.Agreement.model_validate(
            {
                "name": "Cosmetics to Australia",
                "token": {"symbol": "ETH", "decimals": 18}
                if coin
                else {"symbol": f"GBP{decimals}", "decimals": decimals},
                "payees": everyone,
                "tiers": [
                    {"until": "100", "shares": {"designer": 1}},
                    {"shares": {name: 1 + place for place, name in enumerate(everyone)}},
                ],
            }
        )

    def split(self, decimals: int = 6, *, coin: bool = False, **payees: str) -> rs.RevenueSplit:
        """A new split, used by the payer, with all tokens approved: of a token, or of the coin."""
        token = None if coin else self.token(decimals).address
        agreement = self.agreement(decimals, coin=coin, **payees)
        return rs.RevenueSplit.deploy(
            self.w3, agreement, token=token, account=self.payer, salt=next(_salts) + os.getpid() * 10**6
        )

    def place(self, code: bytes) -> str:
        """Deploy raw code."""
        sent = self.w3.eth.send_transaction(
            {"from": self.payer.address, "data": "0x" + code.hex(), "gas": 1_000_000}  # type: ignore[typeddict-item]
        )
        address = self.w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        assert address is not None
        return str(address)

    def mine(self) -> None:
        """One more block, with a transaction in it."""
        self.w3.eth.wait_for_transaction_receipt(
            self.w3.eth.send_transaction({"from": self.payer.address, "to": self.payer.address, "value": 1})  # type: ignore[typeddict-item]
        )

    def skip(self, blocks: int) -> None:
        """So many more blocks with nothing in them, on anvil."""
        self.w3.provider.make_request("anvil_mine", [hex(blocks)])  # type: ignore[arg-type]

    def snapshot(self) -> Any:
        return self.w3.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[arg-type]

    def revert(self, snapshot: Any) -> None:
        self.w3.provider.make_request("evm_revert", [snapshot])  # type: ignore[arg-type]


def local_accounts() -> tuple[LocalAccount, ...]:
    Account.enable_unaudited_hdwallet_features()
    return tuple(
        Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{place}") for place in range(6)
    )


@pytest.fixture(scope="session")
def tester() -> Chain:
    """eth-tester alone, for what does not depend on the node."""
    started = Devnet.start()
    return Chain(started.w3, started.accounts, "eth-tester")


@pytest.fixture(scope="session")
def anvil_chain() -> Iterator[Chain]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil() as url:
        yield Chain(Web3(HTTPProvider(url)), local_accounts(), "anvil")


@pytest.fixture(params=["eth-tester", "anvil"])
def chain(request: pytest.FixtureRequest) -> Chain:
    """Both nodes, one after the other."""
    found: Chain = request.getfixturevalue("tester" if request.param == "eth-tester" else "anvil_chain")
    return found


@pytest.fixture(scope="session")
def mocks() -> dict[str, Artifact]:
    return compile_directory(Path(__file__).parent / "mocks")
