"""`revshare propose`, `sign`, `announce` and `amend`: files that go from hand to hand, on anvil."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests import markdown
from tests.chain.amending import agreement, person
from tests.chain.conftest import Chain, local_accounts
from tests.conftest import ROOT
from tests.nodes import ANVIL, anvil
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare.chain.reverts import moment
from revshare.cli import main

pytestmark = pytest.mark.xdist_group("amend-commands")

PASSWORD = "correct horse"
DAY = 86_400


@pytest.fixture(scope="module")
def node() -> Iterator[Chain]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not there: `npm ci`")
    with anvil() as url:
        yield Chain(Web3(HTTPProvider(url)), local_accounts(), url)


class Office:
    """A folder, a node, two people with keystores, and a split of theirs in coin."""

    def __init__(
        self, node: Chain, folder: Path, capsys: pytest.CaptureFixture[str], governance: Any
    ) -> None:
        self.node, self.folder, self.capsys = node, folder, capsys
        self.people = {"ann": person(), "bob": person()}
        self.payees = {name: who.address for name, who in self.people.items()}
        (folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
        for name, who in (*self.people.items(), ("payer", node.payer)):
            self.keystore(name, who)
        self.deal = agreement(self.payees, {"ann": 70, "bob": 30}, governance=governance, coin=True)
        split = rs.RevenueSplit.deploy(node.w3, self.deal, account=node.payer)
        assert isinstance(split, rs.AmendableSplit)
        self.split = split
        split.pay(1000, sale_id="before").send()
        self.remix = agreement(self.payees, {"ann": 60, "bob": 40}, governance=governance, coin=True)
        self.remix.save(folder / "remix.toml")

    def keystore(self, name: str, who: LocalAccount) -> None:
        stored = Account.encrypt(who.key, PASSWORD, kdf="pbkdf2", iterations=2)
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(stored), encoding="utf-8")
        file.chmod(0o600)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        captured = self.capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return stop.value.code, captured.out, captured.err

    def done(self, *arguments: str) -> str:
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, ""), err
        return out

    def refused(self, *arguments: str) -> str:
        """The one line that says why."""
        code, out, err = self.run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("revshare: ")
        assert len(err.splitlines()) == 1
        return err

    def propose(self, *more: str) -> str:
        return self.done("propose", self.split.address, "remix.toml", "--rpc-url", self.node.name, *more)

    def by(self, name: str) -> tuple[str, ...]:
        return "--account", f"{name}.json", "--password-file", "password"


@pytest.fixture
def office(
    node: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Office:
    monkeypatch.chdir(tmp_path)
    return Office(node, tmp_path, capsys, {"quorum": "100%"})


def test_terms_are_amended_by_files_that_go_from_hand_to_hand(office: Office) -> None:
    url = office.node.name
    out = office.propose()
    for line in ("ann    70 % → 60 %  less  ", "bob    30 % → 40 %  more  "):
        assert line + office.payees[line[:3]] + "\n" in out  # names are the sender's; money goes to addresses
    assert "remix.proposal.json: signed by nobody; still to sign, until" in out

    # Both sign copies of their own, one of them having looked first.
    assert "still to sign" in office.done("sign", "remix.proposal.json")
    out = office.done("sign", "remix.proposal.json", "--out", "by-ann.json", *office.by("ann"))
    assert "by-ann.json: signed by ann; still to sign" in out
    assert out.count("70 % → 60 %") == 1
    office.done("sign", "remix.proposal.json", "--out", "by-bob.json", *office.by("bob"))

    refused = office.refused("amend", "by-ann.json", "--rpc-url", url)
    assert "not enough have consented: 70 of the 100 parts of the weight" in refused
    assert "still to sign: bob" in refused

    out = office.done("amend", "by-ann.json", "by-bob.json", "--rpc-url", url, *office.by("payer"))
    assert "in force since block" in out
    office.split.pay(1000, sale_id="after").send()
    amended = office.split.refresh(office.remix)
    assert amended.entitlements() == {"ann": 700 + 600, "bob": 300 + 400}
    assert amended.paid() == {"ann": 700, "bob": 300}  # settled first, by the old terms

    refused = office.refused("amend", "by-ann.json", "by-bob.json", "--rpc-url", url)
    assert "the terms have changed since this was proposed" in refused


def test_the_page_does_it_as_well(office: Office) -> None:
    """Every command of docs/command-line.md, in order."""
    ann = {"from": office.node.payer.address, "to": office.payees["ann"], "value": 10**18}
    office.node.w3.eth.wait_for_transaction_receipt(office.node.w3.eth.send_transaction(ann))  # type: ignore[arg-type]
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    known = {"SPLIT": office.split.address, "URL": office.node.name}
    commands = [
        line for block in markdown.blocks(page) if block.language == "sh" for line in block.text.splitlines()
    ]
    assert len(commands) == 5
    shown = [office.done(*shlex.split(Template(line).substitute(known))[1:]) for line in commands]
    said = next(block.text for block in markdown.blocks(page) if block.language == "text")
    varying = r"until .* UTC|0x[0-9a-fA-F]{40}"
    assert re.sub(varying, "…", shown[0]) == re.sub(varying, "…", said)
    assert office.split.epoch() == 1


def test_the_same_for_programs(office: Office) -> None:
    url = office.node.name
    proposed = json.loads(office.propose("--json", "--out", "p.json", "--days", "2"))
    assert proposed["file"] == "p.json"
    assert (proposed["weight_signed"], proposed["weight_needed"], proposed["enough"]) == (0, 100, False)
    assert proposed["missing"] == ["ann", "bob"]
    assert proposed["slices"] == [{"from": "0", "until": None}]
    ann = proposed["changes"][0]
    assert (ann["payee"], ann["address"]) == ("ann", office.payees["ann"])
    assert (ann["before"], ann["after"], ann["verdict"]) == (["7/10"], ["3/5"], "less")
    latest = office.node.w3.eth.get_block("latest")["timestamp"]
    assert 2 * DAY - 60 < proposed["deadline"] - latest <= 2 * DAY

    signed = json.loads(office.done("sign", "p.json", "--json", *office.by("ann")))
    assert signed["signed"] == ["ann"]
    # A wallet elsewhere signs what --json shows.
    elsewhere = office.people["bob"].sign_typed_data(full_message=proposed["typed_data"])
    hexed = elsewhere.signature.hex()
    signed = json.loads(office.done("sign", "p.json", "--json", "--payee", "bob", "--signature", hexed))
    assert (signed["enough"], signed["missing"]) == (True, [])

    amended = json.loads(office.done("amend", "p.json", "--json", "--rpc-url", url, *office.by("payer")))
    assert amended["epoch"] == 1
    kinds = [event["kind"] for event in amended["receipt"]["events"]]
    assert {"Distributed", "Amended", "TermsApplied"} <= set(kinds)
    assert office.split.epoch() == 1


def test_a_controller_announces_and_anybody_amends_after_the_notice(
    node: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chair = node.accounts[4]
    governance = {"controller": chair.address, "notice": "2 days"}
    office = Office(node, tmp_path, capsys, governance)
    office.keystore("chair", chair)
    assert f"for {chair.address} to announce" in office.propose()
    file = "remix.proposal.json"
    assert "announce" in office.refused("amend", file, "--rpc-url", node.name).lower()
    assert "NotController" in office.refused("announce", file, "--rpc-url", node.name, *office.by("payer"))

    out = office.done("announce", file, "--rpc-url", node.name, *office.by("chair"))
    announced = office.split.announced()
    assert announced is not None
    ready, until = moment(announced.ready_at), moment(announced.until)
    assert f"announced; `revshare amend` may put it in force from {ready} on, until {until}" in out
    again = office.done("announce", file, "--json", "--rpc-url", node.name, *office.by("chair"))
    said = json.loads(again)
    assert said["until"] - said["ready_at"] == 30 * DAY
    office.refused("amend", file, "--rpc-url", node.name)
    node.w3.provider.make_request("evm_increaseTime", [2 * DAY + 1])  # type: ignore[arg-type]
    node.mine()
    office.done("amend", file, "--rpc-url", node.name)  # by the node's first account
    assert office.split.epoch() == 1


def test_tokens_to_settle_first_are_named_when_it_is_proposed(office: Office) -> None:
    url, token = office.node.name, office.node.token()
    token.transfer(office.split.address, 1000).send()
    out = office.propose("--token", token.address.lower())
    assert f"settled first, besides the settlement token and the coin: {token.address}\n" in out
    for name in ("ann", "bob"):
        out = office.done("sign", "remix.proposal.json", *office.by(name))
        assert f"settled first, besides the settlement token and the coin: {token.address}\n" in out
    assert json.loads(office.done("sign", "remix.proposal.json", "--json"))["tokens"] == [token.address]
    office.done("amend", "remix.proposal.json", "--rpc-url", url, *office.by("payer"))
    assert token.balance_of(office.payees["ann"]) == 700

    # What the log names is listed as well, unless told otherwise.
    office.split.pay(1000, sale_id="other", token=token.address).send()
    back = agreement(office.payees, {"ann": 70, "bob": 30}, governance={"quorum": "100%"}, coin=True)
    back.save(office.folder / "remix.toml")
    for more, tokens in (((), [token.address]), (("--not-seen",), [])):
        written = office.propose("--json", "--out", f"{len(tokens)}.json", *more)
        assert json.loads(written)["tokens"] == tokens


def test_a_consent_is_revoked_by_whoever_gave_it(office: Office) -> None:
    url = office.node.name
    for name in ("ann", "bob"):
        gift = {"from": office.node.payer.address, "to": office.payees[name], "value": 10**18}
        office.node.w3.eth.wait_for_transaction_receipt(office.node.w3.eth.send_transaction(gift))  # type: ignore[arg-type]
    office.propose()
    for name in ("ann", "bob"):
        office.done("sign", "remix.proposal.json", *office.by(name))
    refused = office.refused("revoke", "remix.proposal.json", "--rpc-url", url, *office.by("payer"))
    assert f"no payee named '{office.node.payer.address}'" in refused
    out = office.done("revoke", "remix.proposal.json", "--rpc-url", url, *office.by("ann"))
    assert out.startswith("revoked: a consent of ann to this proposal counts no more\ntransaction 0x")

    code, out, err = office.run("amend", "remix.proposal.json", "--rpc-url", url, *office.by("payer"))
    assert (code, out) == (2, "")
    left_out, why = err.splitlines()
    assert left_out == "revshare: revoked, and left out: the consent of ann"
    assert why.startswith("revshare: not enough have consented: 30 of the 100 parts of the weight")
    assert why.endswith("still to sign: ann")
    said = json.loads(
        office.done("revoke", "remix.proposal.json", "--json", "--rpc-url", url, *office.by("bob"))
    )
    assert said["revoked"] == "bob"
    assert [event["kind"] for event in said["receipt"]["events"]] == ["ConsentRevoked"]
    office.propose("--out", "again.json", "--days", "31")
    for name in ("ann", "bob"):
        office.done("sign", "again.json", *office.by(name))
    office.done("amend", "again.json", "--rpc-url", url, *office.by("payer"))
    assert office.split.epoch() == 1


def test_a_consent_that_is_not_needed_holds_nothing_up_when_it_is_revoked(
    node: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    office = Office(node, tmp_path, capsys, {"quorum": "60%"})
    gift = {"from": node.payer.address, "to": office.payees["bob"], "value": 10**18}
    node.w3.eth.wait_for_transaction_receipt(node.w3.eth.send_transaction(gift))  # type: ignore[arg-type]
    office.propose()
    for name in ("ann", "bob"):
        office.done("sign", "remix.proposal.json", *office.by(name))
    office.done("revoke", "remix.proposal.json", "--rpc-url", node.name, *office.by("bob"))
    code, out, err = office.run("amend", "remix.proposal.json", "--rpc-url", node.name, *office.by("payer"))
    assert (code, err) == (0, "revshare: revoked, and left out: the consent of bob\n")
    assert "in force since block" in out


# ------------------------------------------------------------------------------------------ mistakes


def test_a_proposal_is_never_written_over(office: Office) -> None:
    office.propose()
    refused = office.refused("propose", office.split.address, "remix.toml", "--rpc-url", office.node.name)
    assert "remix.proposal.json is there already" in refused


def test_nobody_signs_for_others(office: Office) -> None:
    office.propose()
    file = "remix.proposal.json"
    assert office.node.payer.address in office.refused(
        "sign", file, "--account", "payer.json", "--password-file", "password"
    )
    strangers = office.people["ann"].sign_typed_data(full_message=rs.Proposal.load(file).typed_data())
    for name in ("ann", "bob"):
        office.done("sign", file, "--payee", name, "--signature", strangers.signature.hex())
    refused = office.refused("amend", file, "--rpc-url", office.node.name)
    assert "the consent of bob is not good" in refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sign", "gone.json"], "gone.json"),
        (["sign", "remix.toml"], "not a proposal to amend"),
        (["sign", "FILE", "--account", "remix.toml", "--password-file", "password"], "is not a keystore"),
        (["sign", "FILE", "--account", "FILE", "--password-file", "password"], "is not a keystore"),
        (
            ["sign", "FILE", "--account", "ann.json", "--password-file", "remix.toml"],
            "is not the password of",
        ),
        (["sign", "FILE", "--account", "ann.json"], "nobody to ask for the password of ann.json"),
        (["sign", "FILE", "--account", "0x" + "7" * 64], "looks like a private key"),
        (["sign", "FILE", "--account", "0x" + "7" * 40], "only a key can consent"),
        (["sign", "FILE", "--payee", "ann"], "--payee and --signature belong together"),
        (["sign", "FILE", "--payee", "ann", "--signature", "xyz"], "is not hexadecimal"),
        (["sign", "FILE", "--out", "other.json"], "nothing is signed without --account"),
        (["sign", "FILE", "--account", "a", "--payee", "ann", "--signature", "00"], "give either a keystore"),
        (["amend", "FILE", "--rpc-url", "ftp://example.org"], "begins with http://"),
        (["amend", "FILE", "--rpc-url", "http://127.0.0.1:9"], "no node answers at"),
        (["announce", "FILE", "--rpc-url", "URL"], "nobody announces new terms for this split"),
        (["revoke", "gone.json", "--rpc-url", "URL"], "gone.json"),
        (["propose", "ann", "remix.toml", "--rpc-url", "URL"], "'ann' is not an address"),
        (
            ["propose", "0x" + "7" * 40, "remix.toml", "--rpc-url", "URL", "--out", "x"],
            "there is no contract at",
        ),
    ],
)
def test_a_mistake_gets_a_line(office: Office, arguments: list[str], said: str) -> None:
    office.propose()
    known = {"FILE": "remix.proposal.json", "URL": office.node.name}
    refused = office.refused(*(known.get(argument, argument) for argument in arguments))
    assert said in refused
    assert "7" * 64 not in refused


def test_a_split_without_governance_is_never_amended(office: Office) -> None:
    fixed = rs.RevenueSplit.deploy(
        office.node.w3, office.deal.model_copy(update={"governance": None}), account=office.node.payer
    )
    refused = office.refused("propose", fixed.address, "remix.toml", "--rpc-url", office.node.name)
    assert "never change" in refused


def test_a_proposal_for_another_chain_goes_nowhere(office: Office) -> None:
    office.propose()
    with anvil("--chain-id", "777") as elsewhere:
        refused = office.refused("amend", "remix.proposal.json", "--rpc-url", elsewhere)
    assert "the proposal is for chain 31337, and the node serves chain 777" in refused


# ------------------------------------------------------------------------------------------ passwords


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_password_is_asked_for_on_a_terminal(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.propose()
    asked = []

    def prompt(text: str, **how: object) -> str:
        asked.append((text, how["hide_input"]))
        return PASSWORD

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("typer.prompt", prompt)
    shown, _, after = office.done("sign", "remix.proposal.json", "--account", "ann.json").partition("\n\n")
    assert "70 % → 60 %" in shown
    assert after.startswith("remix.proposal.json: signed by ann; ")
    assert asked == [("Password of ann.json", True)]


def test_the_password_may_come_by_a_pipe(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.propose()
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    out = office.done("sign", "remix.proposal.json", "--account", "ann.json", "--password-file", "-")
    assert "signed by ann" in out


def test_an_account_of_the_nodes_sends(office: Office) -> None:
    office.propose("--out", "p.json")
    for name in ("ann", "bob"):
        office.done("sign", "p.json", *office.by(name))
    address = office.node.accounts[2].address
    sent = json.loads(
        office.done("amend", "p.json", "--json", "--rpc-url", office.node.name, "--account", address)
    )
    mined = office.node.w3.eth.get_transaction(sent["receipt"]["tx_hash"])
    assert mined["from"] == address
    assert "--password-file opens a keystore" in office.refused(
        "amend", "p.json", "--rpc-url", office.node.name, "--account", address, "--password-file", "password"
    )
