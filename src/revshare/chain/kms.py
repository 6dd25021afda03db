"""A signer whose key stays in AWS KMS: what signs there is an asymmetric key of the kind ECC_SECG_P256K1.

    signer = KmsSigner("alias/payer")                   # boto3, with the credentials of its own chain
    signer = KmsSigner("alias/payer", client=client)    # or any object with `sign` and `get_public_key`
    split.remit(…).by(signer).send()

KMS returns a DER signature and nothing else. Ethereum wants r, s and the parity of a point, and refuses the
larger of the two values that s can have (EIP-2). So: DER is parsed strictly, s is brought to the lower half,
and the parity is the one that recovers to the public key. What was signed is recovered once more before it
is handed out, so a signature by any other key, or of anything else, never leaves here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from eth_hash.auto import keccak

from revshare.errors import InvalidInput, MissingExtra, SignerError

if TYPE_CHECKING:
    from eth_account.datastructures import SignedMessage, SignedTransaction
    from eth_keys.datatypes import PublicKey

__all__ = ["KmsClient", "KmsSigner"]

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_FIELD = 2**256 - 2**32 - 977
_INTEGER, _SEQUENCE = 0x02, 0x30
# SubjectPublicKeyInfo (RFC 5480) of an uncompressed point on secp256k1: all but the point is always the same.
_BEFORE_POINT = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a03420004")
_KIND = "ECC_SECG_P256K1"


class KmsClient(Protocol):
    """The two methods of boto3's KMS client that are used here."""

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Any:  # noqa: N803
        """Return a mapping with the DER signature under `Signature`."""
        ...

    def get_public_key(self, *, KeyId: str) -> Any:  # noqa: N803
        """Return a mapping with the DER public key under `PublicKey`."""
        ...


class KmsSigner:
    """An account whose key is in AWS KMS; a `Signer`, for transactions and for EIP-712 consents.

    key_id: the key's id, ARN or alias. client: what talks to KMS; left out, boto3's client, made when it is
    first needed. region: for that client, where it is not in boto3's own configuration.

    Raises MissingExtra where boto3 is needed and not installed, SignerError where it is not set up.
    Methods raise SignerError when KMS does not
    answer, the key is of another kind, or a signature is not one by that key.
    """

    def __init__(self, key_id: str, *, client: KmsClient | None = None, region: str | None = None) -> None:
        if not isinstance(key_id, str) or not key_id:
            raise InvalidInput("a key of KMS is named by its id, ARN or alias")
        self.key_id = key_id
        self._client = _boto3_client(key_id, region) if client is None else client

    @property
    def address(self) -> str:
        """The address of the key, with its checksum."""
        return self._public_key.to_checksum_address()

    @cached_property
    def _public_key(self) -> PublicKey:
        from eth_keys.datatypes import PublicKey

        answer = self._ask("get_public_key", KeyId=self.key_id)
        kind, use = answer.get("KeySpec", _KIND), answer.get("KeyUsage", "SIGN_VERIFY")
        if kind != _KIND or use != "SIGN_VERIFY":
            self._refuse(f"is a {kind} key for {use}; Ethereum needs {_KIND} for SIGN_VERIFY")
        point = _point(bytes(answer.get("PublicKey", b"")))
        if point is None:
            self._refuse("has a public key that is no point of secp256k1")
        return PublicKey(point)

    def sign_transaction(self, transaction_dict: Mapping[str, Any]) -> SignedTransaction:
        """Return `transaction_dict`, as eth-account takes it, signed. Legacy and typed (1, 2, 4) alike.

        Raises InvalidInput for a transaction that is not complete or not of a kind known here.
        """
        from eth_account.datastructures import SignedTransaction
        from hexbytes import HexBytes

        fields = dict(transaction_dict)
        sender = fields.pop("from", None)
        if sender is not None and str(sender).lower() != self.address.lower():
            raise InvalidInput(f"the transaction is from {sender}, and the key's address is {self.address}")
        digest, finish = _typed(fields) if _is_typed(fields) else _legacy(fields)
        parity, r, s = self._sign(digest)
        raw = finish(parity, r, s)
        self._check_recovers(raw)
        v = parity if raw[0] < 0x80 else parity + 35 + 2 * _number(fields["chainId"])
        return SignedTransaction(HexBytes(raw), HexBytes(keccak(raw)), r, s, v)

    def sign_message(self, signable_message: Any) -> SignedMessage:
        """Return a message of `eth_account.messages`, signed."""
        from eth_account.datastructures import SignedMessage
        from hexbytes import HexBytes

        digest = keccak(b"\x19" + signable_message.version + signable_message.header + signable_message.body)
        parity, r, s = self._sign(digest)
        v = 27 + parity
        packed = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])
        return SignedMessage(HexBytes(digest), r, s, v, HexBytes(packed))

    def sign_typed_data(self, *, full_message: Mapping[str, Any]) -> SignedMessage:
        """Return EIP-712 data, signed: the consent to an amendment, or a token's permit."""
        from eth_account.messages import encode_typed_data

        return self.sign_message(encode_typed_data(full_message=dict(full_message)))

    def __repr__(self) -> str:
        return f"KmsSigner({self.key_id!r})"

    # ---------------------------------------------------------------- KMS

    def _sign(self, digest: bytes) -> tuple[int, int, int]:
        """Return parity, r and s of the signature of 32 bytes."""
        public = self._public_key
        answer = self._ask(
            "sign",
            KeyId=self.key_id,
            Message=digest,
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        try:
            r, s = parse_der(bytes(answer.get("Signature", b"")))
        except ValueError as error:
            self._refuse(f"gave what is no DER signature: {error}")
        s = min(s, _CURVE_ORDER - s)
        parity = _parity(digest, r, s, public)
        if parity is None:
            self._refuse(f"gave a signature that is not by the key of {self.address}, or of something else")
        return parity, r, s

    def _ask(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, method)(**arguments)
        except Exception as error:
            raise SignerError(
                f"KMS did not {method.replace('_', ' ')} for key {self.key_id}: {_words(error)}",
                signer=self.key_id,
            ) from error
        return answer

    def _check_recovers(self, raw: bytes) -> None:
        from eth_account import Account

        if Account.recover_transaction(raw) != self.address:
            self._refuse("signed a transaction that recovers to another address")

    def _refuse(self, why: str) -> NoReturn:
        raise SignerError(f"KMS key {self.key_id} {why}", signer=self.key_id)


def _boto3_client(key_id: str, region: str | None) -> KmsClient:
    try:
        import boto3  # type: ignore[import-untyped]  # ships no types
    except ModuleNotFoundError as error:
        raise MissingExtra("kms", "boto3") from error
    try:
        made: KmsClient = boto3.client("kms", region_name=region)
    except Exception as error:  # no region, a profile that is not there, a configuration it cannot read …
        raise SignerError(f"KMS cannot be asked for key {key_id}: {_words(error)}", signer=key_id) from error
    return made


def _words(error: Exception) -> str:
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, Mapping) else None
    if isinstance(told, Mapping) and told.get("Code"):
        return f"{told['Code']}: {told.get('Message', '')}".rstrip(": ")
    return f"{type(error).__name__}: {error}"


# ------------------------------------------------------------------------------------------ DER


def parse_der(signature: bytes) -> tuple[int, int]:
    """Return r and s of an ECDSA-Sig-Value (RFC 3279) in DER: two integers of the curve's order, exactly.

    Raises ValueError for anything else, by the rules of DER (X.690): shortest lengths, no superfluous zero,
    no minus, nothing behind it.
    """
    body, rest = _element(signature, _SEQUENCE)
    if rest:
        raise ValueError(f"{len(rest)} bytes behind it")
    r_bytes, rest = _element(body, _INTEGER)
    s_bytes, rest = _element(rest, _INTEGER)
    if rest:
        raise ValueError(f"{len(rest)} bytes behind its two integers")
    return _integer(r_bytes), _integer(s_bytes)


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the contents of the element that `data` begins with, and what follows it."""
    if len(data) < 2:
        raise ValueError("it is cut short")
    if data[0] != tag:
        raise ValueError(f"tag {data[0]:#04x} where {tag:#04x} is due")
    length = data[1]
    if length >= 0x80:  # two integers of 33 bytes never need the long form
        raise ValueError("a length that is not in its shortest form, or beyond what a signature needs")
    if len(data) < 2 + length:
        raise ValueError("it is cut short")
    return data[2 : 2 + length], data[2 + length :]


def _integer(contents: bytes) -> int:
    if not contents:
        raise ValueError("an integer without digits")
    if contents[0] >= 0x80:
        raise ValueError("a negative integer")
    if len(contents) > 1 and contents[0] == 0 and contents[1] < 0x80:
        raise ValueError("an integer with a superfluous zero")
    value = int.from_bytes(contents, "big")
    if not 0 < value < _CURVE_ORDER:
        raise ValueError("an integer that is not between 0 and the curve's order")
    return value


def _point(key: bytes) -> bytes | None:
    """Return the 64 bytes of the point in a SubjectPublicKeyInfo; None if it is none on secp256k1."""
    point = key.removeprefix(_BEFORE_POINT)
    if len(point) != 64 or len(key) != 64 + len(_BEFORE_POINT):
        return None
    x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
    on_curve = x < _FIELD and y < _FIELD and (y * y - x * x * x - 7) % _FIELD == 0
    return point if on_curve else None


def _parity(digest: bytes, r: int, s: int, public: PublicKey) -> int | None:
    """Return the parity with which a signature recovers to `public`; None if it does not."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature

    for parity in (0, 1):
        try:
            if Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest) == public:
                return parity
        except BadSignature:  # no point has this r
            continue
    return None


# ------------------------------------------------------------------------------------------ transactions

_Signable = tuple[bytes, Callable[[int, int, int], bytes]]


def _is_typed(fields: Mapping[str, Any]) -> bool:
    if "type" in fields:
        return _number(fields["type"]) != 0
    return "gasPrice" not in fields or "accessList" in fields


def _typed(fields: Mapping[str, Any]) -> _Signable:
    """Return the hash to sign of a typed transaction (EIP-2718), and what makes its bytes of a signature."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction

    known = {key: value for key, value in fields.items() if value is not None}
    if "blobVersionedHashes" in known or _number(known.get("type", 0)) == 3:
        raise InvalidInput("transactions with blobs are not signed here")
    try:
        digest = TypedTransaction.from_dict(dict(known)).hash()
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidInput(f"a transaction that cannot be signed: {error}") from error

    def finish(v: int, r: int, s: int) -> bytes:
        return TypedTransaction.from_dict({**known, "v": v, "r": r, "s": s}).encode()

    return digest, finish


_LEGACY = {"nonce", "gasPrice", "gas", "to", "value", "data", "chainId"}


def _legacy(fields: Mapping[str, Any]) -> _Signable:
    """Return the same of a legacy transaction, as EIP-155 says."""
    import rlp

    unknown, missing = fields.keys() - _LEGACY - {"type", "input"}, {"nonce", "gasPrice", "gas", "chainId"}
    missing -= fields.keys()
    if unknown or missing:
        what = f"has no {min(missing)}" if missing else f"has {min(unknown)}, which a legacy one has not"
        raise InvalidInput(f"a transaction that cannot be signed: it {what}")
    chain = _number(fields["chainId"])
    if chain < 1:
        raise InvalidInput("a transaction without its chain id could be played on any other chain")
    body = [
        *(_word(_number(fields[name])) for name in ("nonce", "gasPrice", "gas")),
        _bytes(fields.get("to") or b""),
        _word(_number(fields.get("value", 0))),
        _bytes(fields.get("data", fields.get("input", b"")) or b""),
    ]
    if len(body[3]) not in (0, 20):
        raise InvalidInput("a transaction that cannot be signed: its `to` is no address")

    def finish(v: int, r: int, s: int) -> bytes:
        return bytes(rlp.encode([*body, _word(v + 35 + 2 * chain), _word(r), _word(s)]))

    return keccak(rlp.encode([*body, _word(chain), b"", b""])), finish


def _number(value: Any) -> int:
    try:
        number = int(value, 16) if isinstance(value, str) else index(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise InvalidInput(f"a transaction that cannot be signed: {value!r} is no whole number")
    return number


def _word(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _bytes(value: Any) -> bytes:
    from eth_utils.conversions import to_bytes

    try:
        return to_bytes(hexstr=value) if isinstance(value, str) else bytes(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a transaction that cannot be signed: {error}") from error
