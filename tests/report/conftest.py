"""A ledger with settlements on the embedded chain: a token's, and the coin's, where things go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_account import Account
from tests.databases import postgresql_server, postgresql_url  # noqa: F401 - fixtures
from web3 import Web3

import revshare as rs
from revshare.chain import DemoToken, Devnet
from revshare.demo import agreement
from revshare.demo._sales import data, months
from revshare.ledger import Ledger
from revshare.settlement import settle

MONTHS = ("2010-12", "2011-01")
REVERTS = bytes.fromhex("600580600b6000396000f3" + "5f5ffd0000")
"""A contract that accepts nothing."""


@dataclass
class World:
    """The chain, and the ledger in `path` with two agreements: `shop` in a token, `song` in the coin.

    song: 2011-01 settled; then 5,000 wei straight to the contract; 2011-02 with more credit notes than sales,
    which is carried; 2011-03 settled. Its payee `fan` is a contract that accepts nothing.
    """

    w3: Web3
    path: Path
    shop: rs.Agreement
    shop_split: rs.RevenueSplit
    song: rs.Agreement
    song_split: rs.RevenueSplit


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    chain = Devnet.start()
    me = chain.accounts[0]
    shop = agreement()
    token = DemoToken.deploy(chain.w3, "GBPT", 6, account=me)
    token.mint(me.address, "1000000").send()
    shop_split = rs.RevenueSplit.deploy(chain.w3, shop, token=token.address, account=me)
    fan = place(chain, REVERTS)
    song = rs.Agreement.model_validate(
        {
            "name": "Ébène & Söhne; a song",
            "token": {"symbol": "ETH", "decimals": 18},
            "payees": {"ann": Account.from_key(b"\1" * 32).address, "fan": fan},
            "tiers": [{"until": "0.5", "shares": {"ann": 1}}, {"shares": {"ann": 2, "fan": 1}}],
        }
    )
    song_split = rs.RevenueSplit.deploy(chain.w3, song, account=me)
    path = tmp_path_factory.mktemp("ledger") / "sales.db"
    with Ledger.open(path) as ledger:
        by_month = months(data(), shop.token)
        for month in MONTHS:
            ledger.record_all(replace(sale, agreement=shop.name) for sale in by_month[month])
        ledger.record_all(tunes(song))
        for month in MONTHS:
            settle(ledger, shop_split, month, finality=0)
        settle(ledger, song_split, "2011-01", finality=0)
        sent = {"from": me.address, "to": song_split.address, "value": 5_000}
        chain.w3.eth.wait_for_transaction_receipt(chain.w3.eth.send_transaction(sent))  # type: ignore[arg-type]
        settle(ledger, song_split, "2011-02", finality=0)
        settle(ledger, song_split, "2011-03", finality=0)
    return World(chain.w3, path, shop, shop_split, song, song_split)


def tunes(song: rs.Agreement) -> Iterator[rs.Sale]:
    amounts = {
        "2011-01": [10**17 + 1, 7 * 10**17, -(10**16)],
        "2011-02": [10**15, -(2 * 10**15)],
        "2011-03": [333_333_333_333_333_333, 1, 1, 0, -7],
    }
    for month, units in amounts.items():
        year, number = map(int, month.split("-"))
        for day, amount in enumerate(units, start=1):
            when = datetime(year, number, day, 12, tzinfo=UTC)
            text = "=HYPERLINK(0)" if day == 1 else '<b>गीत</b> & "tune"'
            yield rs.Sale("store", f"{month}/{day}", when, amount, "ETH", text, agreement=song.name)


def place(chain: Devnet, code: bytes) -> str:
    sent = {"from": chain.accounts[0].address, "data": "0x" + code.hex(), "gas": 1_000_000}
    receipt = chain.w3.eth.wait_for_transaction_receipt(chain.w3.eth.send_transaction(sent))  # type: ignore[arg-type]
    assert receipt["contractAddress"]
    return str(receipt["contractAddress"])


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    with Ledger.open(world.path, create=False) as opened:
        yield opened
