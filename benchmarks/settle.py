"""What a settler spends outside the node: many agreements settled on anvil, time in HTTP requests set aside.

    python benchmarks/settle.py [--agreements 100] [--sales 50] [--json]

Prints, or gives as one JSON object: `outside_node_ratio`, the part of the time that is not spent in requests
to the node, at most a fifth; `seconds` in all; `requests`; `per_settlement_ms`; `signing_ms`, what one
signature costs, and `signing_ratio`, the part of the time that signatures take; `signed_by`, what does their
arithmetic; `own_cpu_ms`, of this process for each settlement, requests and signatures left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import requests
from eth_account import Account
from eth_keys.main import KeyAPI
from tests.nodes import ANVIL, anvil
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain import DemoToken, RevenueSplit
from revshare.chain.devnet import MNEMONIC
from revshare.ledger import Ledger, Sale
from revshare.settlement import Settler


class Timed(requests.Session):
    """A session that adds up what its requests take."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = self.cpu = 0.0
        self.count = 0

    def request(self, *arguments: Any, **more: Any) -> Any:
        """Ask, and count it."""
        begun, cpu = time.perf_counter(), time.process_time()
        try:
            return super().request(*arguments, **more)
        finally:
            self.cpu += time.process_time() - cpu
            self.count += 1
            self.seconds += time.perf_counter() - begun


class TimedSigner:
    """A signer that adds up what its signatures take."""

    def __init__(self, account: Any) -> None:
        self._account = account
        self.address = account.address
        self.seconds = self.cpu = 0.0
        self.count = 0

    def sign_transaction(self, transaction_dict: Any) -> Any:
        """Sign, and count it."""
        begun, cpu = time.perf_counter(), time.process_time()
        try:
            return self._account.sign_transaction(transaction_dict)
        finally:
            self.seconds += time.perf_counter() - begun
            self.cpu += time.process_time() - cpu
            self.count += 1


def settle(url: str, agreements: int, sales: int, folder: str) -> dict[str, Any]:
    session = Timed()
    w3 = Web3(HTTPProvider(url, session=session, exception_retry_configuration=None))
    Account.enable_unaudited_hdwallet_features()
    me = TimedSigner(Account.from_mnemonic(MNEMONIC))
    token = DemoToken.deploy(w3, "GBPT", 6, account=me)
    token.mint(me.address, "1000000000").send()
    ledger = Ledger.open(f"{folder}/sales.db")
    splits = []
    for number in range(agreements):
        payees = {f"payee{place}": Account.create().address for place in range(1, 6)}
        agreement = rs.Agreement.model_validate(
            {
                "name": f"Agreement {number}",
                "token": {"symbol": "GBPT", "decimals": 6},
                "payees": payees,
                "tiers": [{"until": "100", "shares": {"payee1": 1}}, {"shares": dict.fromkeys(payees, 1)}],
            }
        )
        splits.append(RevenueSplit.deploy(w3, agreement, token=token.address, account=me))
        ledger.record_all(
            Sale(
                "shop",
                f"{number}/{place}",
                datetime(2011, 3, 1, tzinfo=UTC) + timedelta(minutes=place),
                10**6 + place,
                "GBPT",
                agreement=agreement.name,
            )
            for place in range(sales)
        )
    session.seconds = session.cpu = me.seconds = me.cpu = 0.0
    session.count = me.count = 0
    begun, cpu = time.perf_counter(), time.process_time()
    settler = Settler(ledger, w3, account=me)
    for split in splits:
        settler.add(split, "2011-03")
    results = settler.run()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert len(results) == agreements
    assert all(result.reconciled for result in results)
    ledger.close()
    return {
        "outside_node_ratio": round(1 - session.seconds / seconds, 3),
        "agreements": agreements,
        "seconds": round(seconds, 2),
        "node_seconds": round(session.seconds, 2),
        "own_cpu_ms": round((cpu - session.cpu - me.cpu) / agreements * 1000, 1),
        "per_settlement_ms": round(seconds / agreements * 1000, 1),
        "requests": session.count,
        "signatures": me.count,
        "signing_ms": round(me.seconds / me.count * 1000, 2),
        "signing_ratio": round(me.seconds / seconds, 3),
        "signed_by": type(KeyAPI().backend).__name__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agreements", type=int, default=100)
    parser.add_argument("--sales", type=int, default=50, help="of each agreement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not ANVIL.is_file():
        raise SystemExit("anvil is not there: npm ci")
    with anvil() as url, tempfile.TemporaryDirectory() as folder:
        measured = settle(url, options.agreements, options.sales, folder)
    if options.json:
        print(json.dumps(measured))
        return
    for name, value in measured.items():
        print(f"{name.replace('_', ' '):20} {value}")


if __name__ == "__main__":
    main()
