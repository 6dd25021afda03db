"""The table of chains: whole, exact, and honest about what was compared with nothing."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.address import is_checksum_address

import revshare as rs
from revshare.chain import chains as module
from revshare.chain.chains import sources
from revshare.cli import main

Run = Callable[..., tuple[int, str, str]]


def addresses(chain: rs.Chain) -> list[str]:
    found = [listed.token.address for listed in chain.tokens]
    for alias in chain.aliases:
        found += [alias.address, *([alias.of] if alias.of else [])]
    return [address for address in found if address is not None]


@pytest.mark.parametrize("chain", rs.chains(), ids=str)
def test_a_chain_is_whole(chain: rs.Chain) -> None:
    assert chain.known
    assert 0 < chain.id < 2**53
    assert chain.name == chain.name.strip()
    assert chain.kind in ("main", "test", "development")
    assert chain.coin.address is None
    assert chain.coin.decimals == 18  # so it is on all chains of the EVM in the table
    assert chain.final == "finalized" or (isinstance(chain.final, int) and chain.final >= 0)
    assert chain.final_text
    assert chain.eip1559 is not None
    symbols = [listed.token.symbol for listed in chain.tokens]
    assert len(set(symbols)) == len(symbols)
    listed = [found.token.address for found in chain.tokens]
    assert len(set(listed)) == len(listed)
    for address in addresses(chain):
        assert is_checksum_address(address), address
    for alias in chain.aliases:
        assert alias.address not in listed, "what is refused is not offered"
        assert alias.address != alias.of
        assert 0 <= alias.decimals <= 36


@pytest.mark.parametrize("chain", rs.chains(), ids=str)
def test_every_fact_names_what_it_was_compared_with_or_says_that_nothing_was(chain: rs.Chain) -> None:
    assert set(chain.sources) <= set(sources())
    facts = {"chain", "final", "eip1559", "cancun"}
    facts |= {listed.token.symbol for listed in chain.tokens} | {alias.address for alias in chain.aliases}
    assert set(chain.unverified) <= facts
    for listed in chain.tokens:
        assert (listed.token.symbol in chain.unverified) == (not listed.sources)
    for alias in chain.aliases:
        assert (alias.address in chain.unverified) == (not alias.sources)
    if chain.cancun is None:
        assert "cancun" in chain.unverified


def test_sources_are_all_used() -> None:
    used = {key for chain in rs.chains() for key in chain.sources}
    assert used == set(sources())


def test_chains_are_told_apart() -> None:
    known = rs.chains()
    assert len({chain.id for chain in known}) == len(known) >= 30
    assert len({chain.name.casefold() for chain in known}) == len(known)
    kinds = [chain.kind for chain in known]
    assert kinds == sorted(kinds, key=("main", "test", "development").index)
    for number in (1, 10, 56, 100, 137, 8453, 42161, 42220, 43114, 11155111, 1337, 31337):
        assert rs.Chain.of(number) in known


def test_facts_that_people_trip_over() -> None:
    tether = {
        chain.id: found.token
        for chain in rs.chains()
        for found in chain.tokens
        if found.token.symbol == "USDT"
    }
    assert (tether[1].decimals, tether[56].decimals) == (6, 18)
    assert rs.Chain.of(137).coin.symbol == "POL"
    arc = rs.Chain.of(5042)
    alias = arc.alias("0x3600000000000000000000000000000000000000")
    assert alias is not None
    assert (arc.coin.decimals, alias.decimals) == (18, 6)


def test_a_chain_is_found_by_number_and_name() -> None:
    assert rs.Chain.find("CELO") is rs.Chain.find(42220) is rs.Chain.find(" 42220 ") is rs.Chain.of(42220)
    with pytest.raises(rs.InvalidInput, match="did you mean 'Polygon'"):
        rs.Chain.find("Polgon")
    with pytest.raises(rs.InvalidInput, match="give its number"):
        rs.Chain.find("xyzzy")


def test_a_chain_that_is_not_in_the_table_is_one_all_the_same() -> None:
    unknown = rs.Chain.of(4242)
    assert (unknown.known, unknown.kind, str(unknown)) == (False, "unknown", "chain 4242")
    assert (unknown.coin.symbol, unknown.coin.decimals) == ("ETH", 18)
    assert (unknown.final, unknown.eip1559, unknown.cancun, unknown.tokens) == (None, None, None, ())
    assert unknown.alias("0x0000000000000000000000000000000000001010") is None
    assert rs.Chain.find("4242") == unknown


def test_the_table_needs_no_web3() -> None:
    code = "import sys, revshare as rs; rs.chains(), rs.Chain; print('web3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(module).failed == 0


# ------------------------------------------------------------------------------------------ the command


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_the_command_lists_all(run: Run) -> None:
    code, out, err = run("chains")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 2 + len(rs.chains())
    polygon = next(line for line in lines if " Polygon " in line)
    assert " ".join(polygon.split()) == "137 Polygon POL yes yes finalized USDC USDC.e USDT0 DAI WETH"
    linea = next(line for line in lines if " Linea " in line)
    assert linea.split()[2:6] == ["ETH", "yes?", "yes?", "finalized?"]
    assert lines[-1].startswith("? was compared with no source")


def test_the_command_shows_one_with_its_tokens(run: Run) -> None:
    code, out, _ = run("chains", "celo")
    assert code == 0
    assert out.startswith("Celo (chain 42220)\n  coin      CELO, 18 decimals\n")
    assert "  USDC      0xcebA9300f2b948710d2653dD7B07f33A8B32118C, 6 decimals\n" in out
    assert (
        "  refused   0x471EcE3750Da237f93B8E339c536989b8978a438: it shows the balance of CELO, the coin\n"
        in out
    )
    assert "is final (?)\n" in out
    assert "  sources   viem, " in out


@pytest.mark.parametrize("chain", rs.chains(), ids=str)
def test_the_command_speaks_json(chain: rs.Chain, run: Run) -> None:
    code, out, _ = run("chains", str(chain.id), "--json")
    shown: dict[str, Any] = json.loads(out)
    assert code == 0
    assert shown == chain.to_dict()
    assert shown["unverified"] == list(chain.unverified)
    text = run("chains", chain.name)[1]
    assert ("  (?)       was compared with no source\n" in text) == bool(chain.unverified)
    for address in addresses(chain):
        assert address in text


def test_the_command_lists_all_as_json(run: Run) -> None:
    code, out, _ = run("chains", "--json")
    assert code == 0
    assert [chain["id"] for chain in json.loads(out)["chains"]] == [chain.id for chain in rs.chains()]


def test_the_command_has_a_word_for_chains_it_does_not_know(run: Run) -> None:
    code, out, err = run("chains", "4242")
    assert (code, err) == (0, "")
    assert out.startswith("chain 4242 is not in the table: it works like any other")
    assert json.loads(run("chains", "4242", "--json")[1])["known"] is False
    code, out, err = run("chains", "Polgon")
    assert (code, out) == (2, "")
    assert "did you mean 'Polygon'?" in err
