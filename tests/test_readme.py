"""What README.md says is so: its example and the demonstration run, its gas figures are measured here."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from eth_hash.auto import keccak

import revshare as rs
from revshare.chain import COIN, DemoToken, Devnet, Receipt, RevenueSplitFactory, Terms
from tests import markdown
from tests.conftest import ROOT

README = ROOT / "README.md"
PEERS_HERE = ROOT / "tests" / "peers-gas.json"
PEERS = ROOT.parent / "shared" / "peers" / "gas.json"
PAYEES = (2, 10, 100)


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    markdown.run_page(README)


def test_the_example_has_about_fifteen_lines() -> None:
    example = next(
        block for block in markdown.blocks(README.read_text("utf-8")) if block.language == "python"
    )
    assert len(example.text.splitlines()) <= 16


def test_every_link_leads_somewhere() -> None:
    markdown.check_links(README)


# ------------------------------------------------------------------------------------------ gas


@pytest.mark.skipif(not PEERS.is_file(), reason="the measurements are not part of the repository")
def test_figures_of_others_are_those_measured() -> None:
    assert json.loads(PEERS_HERE.read_text("utf-8")).items() <= json.loads(PEERS.read_text("utf-8")).items()


def test_gas_figures_are_measured() -> None:
    markdown.generated(README, "gas", gas_table())


def gas_table() -> str:
    ours = measure()
    others = json.loads(PEERS_HERE.read_text("utf-8"))
    splits = others["0xSplits v2.2 push (solc 0.8.23, via-IR, 5M runs)"]
    plain = others["OpenZeppelin PaymentSplitter 4.9.6"]
    third = others["thirdweb Split 3.15.0 (20 runs)"]
    rows = [
        (
            "receive coin",
            "any",
            ours["receive"],
            *(peer["receive coin"]["any"] for peer in (splits, plain, third)),
        )
    ]
    kinds = (
        ("create", "create", ("create", "create", "create (clone + initialize)")),
        ("pay everybody, coin", "coin", ("distribute coin warm", "release all coin warm (N transactions)")),
        (
            "pay everybody, ERC-20",
            "token",
            ("distribute erc20 warm", "release all erc20 warm (N transactions)"),
        ),
    )
    for label, key, names in kinds:
        for n in PAYEES:
            keys = (names[0], names[1], names[2] if len(names) > 2 else names[0])
            figures = [peer[name][str(n)] for peer, name in zip((splits, plain, third), keys, strict=True)]
            rows.append((label, f"{n}", ours[f"{key} {n}"], *figures))
    lines = [
        "| gas | payees | revshare | 0xSplits v2 | PaymentSplitter | thirdweb |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for label, n, *figures in rows:
        lines.append(f"| {label} | {n} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
    return "\n".join(lines) + "\n"


def measure() -> dict[str, int]:
    """Gas of whole transactions, as the others' were measured: weights 1 + (i mod 7), payees paid before."""
    w3 = Devnet.start().w3
    token = DemoToken.deploy(w3)
    token.mint(w3.eth.accounts[0], 10**12).send()
    factory = RevenueSplitFactory.deploy(w3)
    found = {}

    def gas(act: Callable[[], Receipt]) -> int:
        return act().gas_used

    for n in PAYEES:
        for kind, address in (("coin", COIN), ("token", token.address)):
            terms = Terms(schedule(n, kind), address)
            found[f"create {n}"] = gas(factory.create(terms).send)
            split = rs.RevenueSplit.at(w3, factory.predict(terms), agreement=terms)
            for _ in range(2):  # the second time, everybody holds something
                if kind == "coin":
                    sent = w3.eth.send_transaction({"to": split.address, "value": 10**9})  # type: ignore[typeddict-item]
                    found["receive"] = w3.eth.get_transaction_receipt(sent)["gasUsed"]
                else:
                    token.transfer(split.address, 10**9).send()
                found[f"{kind} {n}"] = gas(lambda s=split: s.distribute().send(gas=10**7))  # type: ignore[misc]
    return found


def schedule(n: int, kind: str) -> rs.Schedule:
    names = tuple(f"{kind} {n} {i}" for i in range(n))
    addresses = tuple("0x" + keccak(name.encode())[-20:].hex() for name in names)
    weights = tuple(1 + i % 7 for i in range(n))
    tier = rs.Agreement.model_validate(
        {
            "name": "measured",
            "token": {"symbol": "ETH", "decimals": 18}
            if kind == "coin"
            else {"symbol": "DEMO", "decimals": 6},
            "payees": dict(zip(names, addresses, strict=True)),
            "tiers": [{"shares": dict(zip(names, weights, strict=True))}],
        }
    )
    return tier.schedule()
