"""Signers: keystores and KMS. What OpenSSL signed is recorded; keys and passwords show nowhere."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.datatypes import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import revshare as rs
from revshare._options import account_of
from revshare.chain import DemoToken, Devnet, Signer
from revshare.chain.kms import KmsSigner, parse_der
from revshare.chain.signers import KeystoreExposed, Sender, load_keystore

VECTORS = json.loads((Path(__file__).parent / "kms_vectors.json").read_text(encoding="utf-8"))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = bytes.fromhex(VECTORS["signatures"][0]["digest"])
DER = bytes.fromhex(VECTORS["signatures"][0]["der"])


class Recorded:
    """A client that answers with what was recorded, and remembers what it was asked."""

    def __init__(self, signature: bytes, public_key: str = VECTORS["public_key"], **more: object) -> None:
        self.signature = signature
        self.answer = {"PublicKey": bytes.fromhex(public_key), **more}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def sign(self, **arguments: Any) -> Any:
        self.asked.append(("sign", arguments))
        return {"Signature": self.signature}

    def get_public_key(self, **arguments: Any) -> Any:
        self.asked.append(("get_public_key", arguments))
        return self.answer


def kms(signature: bytes = DER, public_key: str = VECTORS["public_key"], **more: object) -> KmsSigner:
    return KmsSigner("alias/payer", client=Recorded(signature, public_key, **more))


# ------------------------------------------------------------------------------------------ KMS


def test_its_address_is_that_of_the_public_key_and_is_asked_for_once() -> None:
    signer = kms()
    assert isinstance(signer, Signer)
    assert signer.address == signer.address == VECTORS["address"]
    client = signer._client
    assert isinstance(client, Recorded)
    assert client.asked.count(("get_public_key", {"KeyId": "alias/payer"})) == len(client.asked)


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["what"])
def test_der_becomes_r_low_s_and_the_parity_that_recovers(vector: dict[str, Any]) -> None:
    digest = bytes.fromhex(vector["digest"])
    parity, r, s = kms(bytes.fromhex(vector["der"]))._sign(digest)
    assert (parity, r, s) == (vector["v"], int(vector["r"], 16), int(vector["s"], 16))
    assert s <= ORDER // 2
    assert len(VECTORS["signatures"]) >= 12
    # The other of the two values of s is the same signature.
    high = der(r, ORDER - s)
    assert kms(high)._sign(digest) == (parity, r, s)


def der(r: int, s: int) -> bytes:
    def integer(value: int) -> bytes:
        body = value.to_bytes(value.bit_length() // 8 + 1, "big")
        return bytes([2, len(body)]) + body

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


@pytest.mark.parametrize("vector", VECTORS["transactions"], ids=lambda vector: vector["what"])
def test_transactions_legacy_and_typed(vector: dict[str, Any]) -> None:
    signer = kms(bytes.fromhex(vector["der"]))
    signed = signer.sign_transaction({**vector["transaction"], "from": VECTORS["address"].lower()})
    assert signed.raw_transaction.hex().removeprefix("0x") == vector["raw"]
    assert Account.recover_transaction(signed.raw_transaction) == VECTORS["address"]
    client = signer._client
    assert isinstance(client, Recorded)
    asked = {
        "KeyId": "alias/payer",
        "Message": bytes.fromhex(vector["digest"]),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }
    assert ("sign", asked) in client.asked


class Local:
    """KMS with a key in this process, as OpenSSL or an HSM would have it."""

    def __init__(self, key: bytes, *, high: bool) -> None:
        self.key = PrivateKey(key)
        self.high = high

    def get_public_key(self, **arguments: Any) -> Any:
        head = VECTORS["public_key"][:-128]
        return {
            "PublicKey": bytes.fromhex(head) + self.key.public_key.to_bytes(),
            "KeySpec": "ECC_SECG_P256K1",
            "KeyUsage": "SIGN_VERIFY",
        }

    def sign(self, **arguments: Any) -> Any:
        signature = self.key.sign_msg_hash(arguments["Message"])
        return {"Signature": der(signature.r, ORDER - signature.s if self.high else signature.s)}


@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize(
    "transaction", [vector["transaction"] for vector in VECTORS["transactions"]], ids=lambda _: ""
)
def test_it_signs_what_eth_account_signs(transaction: dict[str, Any], high: bool) -> None:
    key = bytes([7]) * 32
    mine = KmsSigner("k", client=Local(key, high=high)).sign_transaction(transaction)
    theirs = Account.from_key(key).sign_transaction(transaction)
    assert mine == theirs


def test_messages_and_typed_data_are_signed_as_eth_account_does() -> None:
    key = bytes([7]) * 32
    signer, local = KmsSigner("k", client=Local(key, high=True)), Account.from_key(key)
    message = encode_defunct(text="consent")
    assert signer.sign_message(message) == local.sign_message(message)
    data = {
        "types": {
            "EIP712Domain": [{"name": "name", "type": "string"}],
            "A": [{"name": "x", "type": "uint256"}],
        },
        "primaryType": "A",
        "domain": {"name": "revshare"},
        "message": {"x": 1},
    }
    assert signer.sign_typed_data(full_message=data) == local.sign_typed_data(full_message=data)


def test_it_sends_on_a_chain() -> None:
    chain = Devnet.start()
    signer = KmsSigner("k", client=Local(bytes([9]) * 32, high=True))
    chain.w3.eth.wait_for_transaction_receipt(
        chain.w3.eth.send_transaction(
            {"from": chain.accounts[0].address, "to": signer.address, "value": 10**18}  # type: ignore[typeddict-item]
        )
    )
    token = DemoToken.deploy(chain.w3, "GBPT", 6, account=signer)
    token.mint(signer.address, "12.50").send()
    assert token.balance_of(signer.address) == 12_500_000


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (b"", "cut short"),
        (DER[:-1], "cut short"),
        (DER + b"\0", "bytes behind it"),
        (b"\x31" + DER[1:], "tag 0x31 where 0x30"),
        (b"\x30\x81\x44" + DER[2:], "shortest form"),
        (b"\x30\x80" + DER[2:] + b"\0\0", "shortest form"),
        (DER[:2] + b"\x03" + DER[3:], "tag 0x03 where 0x02"),
        (bytes.fromhex("3006020101020100"), "between 0 and"),
        (bytes.fromhex("3006020100020101"), "between 0 and"),
        (bytes.fromhex("3006020181020101"), "negative"),
        (bytes.fromhex("300702020001020101"), "superfluous zero"),
        (bytes.fromhex("30050200020101"), "without digits"),
        (bytes.fromhex("3009020101020101020101"), "behind its two integers"),
        (bytes.fromhex("3003020101"), "cut short"),
        (der(ORDER, 1), "between 0 and"),
        (der(1, ORDER), "between 0 and"),
    ],
)
def test_what_is_no_der_signature_is_refused(signature: bytes, why: str) -> None:
    with pytest.raises(rs.SignerError, match=why) as refused:
        kms(signature)._sign(DIGEST)
    assert refused.value.signer == "alias/payer"


@given(st.binary(max_size=80))
def test_bytes_are_a_signature_or_a_valueerror(data: bytes) -> None:
    try:
        r, s = parse_der(data)
    except ValueError:
        return
    assert der(r, s) == data


def test_the_signature_of_another_key_or_of_something_else_is_refused() -> None:
    other = VECTORS["by_the_other_key"]
    with pytest.raises(rs.SignerError, match="not by the key of 0x5190"):
        kms(bytes.fromhex(other["der"]))._sign(bytes.fromhex(other["digest"]))
    with pytest.raises(rs.SignerError, match="not by the key"):
        kms(DER)._sign(bytes(32))
    with pytest.raises(rs.SignerError, match="not by the key"):
        kms(der(5, 1))._sign(DIGEST)  # no point has 5 for its x


@pytest.mark.parametrize(
    ("key", "more", "why"),
    [
        (VECTORS["p256_public_key"], {}, "no point of secp256k1"),
        (VECTORS["public_key"][:-2] + "00", {}, "no point of secp256k1"),
        (VECTORS["public_key"] + "00", {}, "no point of secp256k1"),
        ("", {}, "no point of secp256k1"),
        (VECTORS["p256_public_key"], {"KeySpec": "ECC_NIST_P256"}, "ECC_NIST_P256 key"),
        (VECTORS["public_key"], {"KeyUsage": "KEY_AGREEMENT"}, "for KEY_AGREEMENT"),
    ],
)
def test_a_key_of_another_kind_is_refused(key: str, more: dict[str, str], why: str) -> None:
    with pytest.raises(rs.SignerError, match=why):
        _ = kms(DER, key, **more).address


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"chainId": None}, "no chainId"),
        ({"chainId": 0}, "any other chain"),
        ({"nonce": None}, "no nonce"),
        ({"nonce": -1}, "no whole number"),
        ({"value": 1.5}, "no whole number"),
        ({"to": "0x12"}, "no address"),
        ({"data": "zz"}, "cannot be signed"),
        ({"maxFeePerGas": 1}, "cannot be signed"),
        ({"from": VECTORS["other_address"]}, "the key's address"),
        ({"type": 3}, "blobs"),
        ({"type": 9, "maxFeePerGas": 1}, "cannot be signed"),
    ],
)
def test_a_transaction_that_cannot_be_signed_is_refused_before_kms_is_asked(
    change: dict[str, object], why: str
) -> None:
    signer = kms()
    transaction = VECTORS["transactions"][0]["transaction"] | change
    with pytest.raises(rs.InvalidInput, match=why):
        signer.sign_transaction({key: value for key, value in transaction.items() if value is not None})
    client = signer._client
    assert isinstance(client, Recorded)
    assert "sign" not in [method for method, _ in client.asked]


class ClientError(Exception):
    response = {"Error": {"Code": "AccessDeniedException", "Message": "not you"}}  # noqa: RUF012


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def sign(self, **arguments: Any) -> Any:
        raise self.error

    get_public_key = sign


def test_kms_that_does_not_answer_says_why() -> None:
    with pytest.raises(rs.SignerError, match="get public key for key k: AccessDeniedException: not you"):
        _ = KmsSigner("k", client=Failing(ClientError())).address
    with pytest.raises(rs.SignerError, match="TimeoutError: slow"):
        _ = KmsSigner("k", client=Failing(TimeoutError("slow"))).address


def test_boto3_without_a_region_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(rs.SignerError, match=r"key alias/payer: NoRegionError: You must specify a region"):
        KmsSigner("alias/payer")


def test_boto3_is_asked_for_when_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made = KmsSigner("k", region="eu-west-2")
    assert made._client.meta.region_name == "eu-west-2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(rs.MissingExtra, match=r"revshare\[kms\]"):
        KmsSigner("k")
    KmsSigner("k", client=Recorded(DER))
    with pytest.raises(rs.InvalidInput):
        KmsSigner("")


# ------------------------------------------------------------------------------------------ keystores

PASSWORD = "correct horse battery staple"
KEY = bytes.fromhex("5f" * 16 + "c3" * 16)


@pytest.fixture(scope="module")
def stored() -> str:
    return json.dumps(Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2))


@pytest.fixture
def keystore(stored: str, tmp_path: Path) -> Path:
    file = tmp_path / "payer.json"
    file.write_text(stored, encoding="utf-8")
    file.chmod(0o600)
    return file


def test_a_keystore_gives_its_account(keystore: Path) -> None:
    assert load_keystore(keystore, PASSWORD).address == Account.from_key(KEY).address
    assert load_keystore(str(keystore), lambda: PASSWORD).key == KEY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_keystore_that_others_can_read_is_warned_about(keystore: Path, mode: int) -> None:
    keystore.chmod(mode)
    with pytest.warns(KeystoreExposed, match=f"mode {mode:o}"):
        load_keystore(keystore, PASSWORD)
    keystore.chmod(0o400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_keystore(keystore, PASSWORD)


def test_the_password_is_not_asked_for_where_there_is_no_keystore(tmp_path: Path) -> None:
    def nobody() -> str:
        raise AssertionError

    for text in ("", "[]", "{}", "not json", '{"version": 3}'):
        (tmp_path / "other.json").write_text(text, encoding="utf-8")
        with pytest.raises(rs.InvalidInput, match="is not a keystore"):
            load_keystore(tmp_path / "other.json", nobody)
    with pytest.raises(FileNotFoundError):
        load_keystore(tmp_path / "nowhere.json", nobody)


@pytest.mark.parametrize(
    "broken", [{"version": 2}, {"crypto": {}}, {"crypto": None}, {"crypto": {"kdf": "x"}}]
)
def test_a_broken_keystore_is_refused(stored: str, tmp_path: Path, broken: dict[str, Any]) -> None:
    file = tmp_path / "{}.json"
    file.write_text(json.dumps(json.loads(stored) | broken), encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(rs.InvalidInput, match=r"\{\}.json is not a keystore of version 3"):
        load_keystore(file, PASSWORD)


def test_the_command_line_names_a_keystore_or_a_key_in_kms(
    keystore: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    keystore.chmod(0o644)
    signer = account_of(str(keystore), secret)
    assert isinstance(signer, Signer)
    assert signer.address == Account.from_key(KEY).address
    assert "can be read or changed by others (mode 644)" in capsys.readouterr().err
    assert account_of(VECTORS["address"]) == VECTORS["address"]
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert repr(account_of("kms:alias/payer")) == "KmsSigner('alias/payer')"
    with pytest.raises(rs.InvalidInput, match="opens a keystore"):
        account_of("kms:alias/payer", secret)
    with pytest.raises(rs.InvalidInput, match="looks like a private key") as refused:
        account_of(KEY.hex())
    assert KEY.hex() not in str(refused.value)


# ------------------------------------------------------------------------------------------ secrets


def shown(error: BaseException) -> str:
    """Everything that a tool might show of an error: its text, its pickle, its tracebacks with variables."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(lines) + repr(error) + str(vars(error)) + repr(pickle.dumps(error))


SECRETS = (KEY.hex(), repr(KEY)[2:-1], str(int.from_bytes(KEY, "big")), PASSWORD)


def test_a_wrong_password_shows_neither_it_nor_the_right_one(keystore: Path) -> None:
    wrong = "wrong horse battery staple"
    with pytest.raises(rs.InvalidInput, match="not the password of") as refused:
        load_keystore(keystore, lambda: wrong)
    said = shown(refused.value).replace(f"wrong = '{wrong}'", "")  # this test's own variable
    assert wrong not in said
    assert not [secret for secret in SECRETS if secret in said]


def test_no_error_on_the_way_to_the_chain_shows_the_key(
    keystore: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    payer = load_keystore(keystore, PASSWORD)
    chain = Devnet.start()
    agreement = rs.Agreement.model_validate(
        {
            "name": "A song",
            "token": {"symbol": "ETH", "decimals": 18},
            "payees": {"ann": chain.accounts[1].address, "bob": chain.accounts[2].address},
            "tiers": [{"shares": {"ann": 1, "bob": 1}}],
        }
    )
    split = rs.RevenueSplit.deploy(chain.w3, agreement, account=chain.accounts[0])
    call = split.by(payer).pay("1", sale_id="a")
    said = repr((call, split.by(payer), Sender(payer.address, payer), payer))
    with pytest.raises(rs.InsufficientFunds) as refused:  # it has no coin
        call.send()
    said += shown(refused.value)
    with pytest.raises(rs.InvalidInput) as no_signer:
        rs.RevenueSplit.at(chain.w3, split.address, account="0x" + KEY.hex()).distribute().send()
    said += "".join(traceback.format_exception(no_signer.value)) + str(vars(no_signer.value))
    chain.w3.eth.wait_for_transaction_receipt(
        chain.w3.eth.send_transaction(
            {"from": chain.accounts[0].address, "to": payer.address, "value": 10**19}  # type: ignore[typeddict-item]
        )
    )
    signed = call.sign()
    said += repr(signed) + repr(signed.send())
    said += caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in SECRETS if secret in said]
