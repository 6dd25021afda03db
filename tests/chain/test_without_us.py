"""A split needs nothing of us: docs/integrators.md, run with Foundry's cast and with plain web3.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.nodes import ANVIL, anvil
from web3 import HTTPProvider, Web3

ARTIFACTS = ROOT / "src" / "revshare" / "artifacts"
CAST = ROOT / "node_modules" / "@foundry-rs" / "cast-linux-amd64" / "bin" / "cast"
ANNA = "0x" + "a1" * 20
BERT = "0x" + "b2" * 20

HERE = ANVIL.is_file() and CAST.is_file()
pytestmark = pytest.mark.skipif(not HERE, reason="Foundry is not there: `npm ci`")


def code(language: str) -> str:
    """All the page's blocks in one language, one after the other."""
    page = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with anvil() as url:
        yield url


@pytest.fixture(scope="module")
def w3(node: str) -> Web3:
    return Web3(HTTPProvider(node))


@pytest.fixture(scope="module")
def factory(w3: Web3) -> str:
    built = json.loads((ARTIFACTS / "RevenueSplitFactory.json").read_text(encoding="utf-8"))
    made = w3.eth.contract(abi=built["abi"], bytecode=built["bytecode"]).constructor()
    receipt = w3.eth.wait_for_transaction_receipt(made.transact({"from": w3.eth.accounts[0]}))
    return str(receipt["contractAddress"])


def held(w3: Web3, who: str) -> int:
    return w3.eth.get_balance(Web3.to_checksum_address(who))


def test_cast_creates_pays_distributes_and_claims(node: str, w3: Web3, factory: str) -> None:
    before = {who: held(w3, who) for who in (ANNA, BERT)}
    environment = {
        "PATH": f"{CAST.parent}{os.pathsep}{os.environ['PATH']}",
        "ETH_RPC_URL": node,
        "ETH_FROM": str(w3.eth.accounts[0]),
        "FACTORY": factory,
        "ANNA": ANNA,
        "BERT": BERT,
    }
    script = "set -euo pipefail\n" + code("sh") + '\necho "said: $DUE $TERMS $FOUND"\n'
    command = ["bash", "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    due, terms, found = ran.stdout.splitlines()[-1].removeprefix("said: ").split()
    assert int(due) == 1_500_000 * 2 // 5
    assert found == terms
    assert held(w3, ANNA) - before[ANNA] == 1_501_000 * 2 // 5
    assert held(w3, BERT) - before[BERT] == 1_500_000 * 3 // 5


def test_web3_creates_pays_distributes_and_claims(w3: Web3, factory: str) -> None:
    anna, bert = (Web3.to_checksum_address(who) for who in (ANNA, BERT))
    before = {who: held(w3, who) for who in (anna, bert)}
    names: dict[str, Any] = {
        "w3": w3,
        "artifacts": Path(ARTIFACTS),
        "factory_address": factory,
        "anna": anna,
        "bert": bert,
    }
    exec(compile(code("py"), "integrators.md", "exec"), names)
    assert names["due"] == 400_000
    assert names["claim"]["args"]["amount"] == 400
    assert held(w3, anna) - before[anna] == 400_400
    assert held(w3, bert) - before[bert] == 600_000


def test_the_page_imports_nothing_of_ours() -> None:
    assert not re.search(r"^(from|import) revshare", code("py"), re.MULTILINE)
