"""The one door to a node: what this library asks of the user's Web3, and its own errors for what goes wrong.

Everything else in `revshare.chain` speaks in plain ints, bytes and hex text; web3's types, exceptions and
versions end here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from revshare.chain.abi import checksummed
from revshare.chain.reverts import decode_revert, revert_data
from revshare.errors import ChainError, ProviderError, RevShareError

if TYPE_CHECKING:
    from web3 import Web3

__all__ = [
    "Block",
    "BlockId",
    "Log",
    "Mined",
    "Node",
    "own_errors",
    "read_block",
    "read_bytes",
    "read_int",
    "read_mined",
]

BlockId = int | str
"""A block's number, or "latest", "safe", "finalized", "earliest"; hashes are not understood by every node."""


@dataclass(frozen=True)
class Block:
    """A block: number, hash (0x…), the base fee in wei, None before London, and its time in seconds."""

    number: int
    hash: str
    base_fee: int | None = None
    timestamp: int = 0


@dataclass(frozen=True)
class Log:
    """A log entry as the node gives it, and its place on the chain."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


@dataclass(frozen=True)
class Mined:
    """A mined transaction. `status` is 1, or 0 if it failed; `gas_price` is wei per gas as paid."""

    tx_hash: str
    status: int
    block_number: int
    block_hash: str
    gas_used: int
    gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...] = field(repr=False)


class Node:
    """A node behind the user's Web3.

    Every method raises ContractError where a contract reverts, and ProviderError for anything else that the
    node, or the way to it, answers with an error.
    """

    def __init__(self, w3: Web3) -> None:
        self.w3 = w3

    @classmethod
    def of(cls, w3: Web3 | Node) -> Node:
        """Return the node behind `w3`, which may be one already."""
        return w3 if isinstance(w3, Node) else cls(w3)

    # ---------------------------------------------------------------- state

    def chain_id(self) -> int:
        """The chain the node serves, by EIP-155."""
        with own_errors("eth_chainId"):
            return int(self.w3.eth.chain_id)

    def block(self, block: BlockId = "latest") -> Block | None:
        """A block's number and hash; None where the node has no such block."""
        with own_errors("eth_getBlockByNumber"):
            try:
                found: Any = self.w3.eth.get_block(_any(block))
            except Exception as error:
                if _named(error, "BlockNotFound"):
                    return None
                raise
        return read_block(found)

    def head(self) -> int:
        """The number of the latest block."""
        with own_errors("eth_blockNumber"):
            return int(self.w3.eth.block_number)

    def code(self, address: str, block: BlockId = "latest") -> bytes:
        """The code at an address; empty where there is no contract."""
        with own_errors("eth_getCode"):
            return bytes(self.w3.eth.get_code(_any(address), _any(block)))

    def balance(self, address: str, block: BlockId = "latest") -> int:
        """Coin at an address, in wei."""
        with own_errors("eth_getBalance"):
            return int(self.w3.eth.get_balance(_any(address), _any(block)))

    def nonce(self, address: str, block: BlockId = "pending") -> int:
        """The next nonce of an account: its transactions still waiting included, or as of a block."""
        with own_errors("eth_getTransactionCount"):
            return int(self.w3.eth.get_transaction_count(_any(address), _any(block)))

    def accounts(self) -> Sequence[str]:
        """Addresses whose keys the node holds; none where it does not say."""
        try:
            with own_errors("eth_accounts"):
                return tuple(self.w3.eth.accounts)
        except ProviderError:  # many public nodes do not know the method
            return ()

    def default_account(self) -> str | None:
        """The account set as `w3.eth.default_account`, if one is."""
        account: object = self.w3.eth.default_account
        return account if isinstance(account, str) else None

    def tip(self) -> int:
        """What the node suggests to pay a block's proposer, in wei per gas."""
        with own_errors("eth_maxPriorityFeePerGas"):
            return int(self.w3.eth.max_priority_fee)

    def gas_price(self) -> int:
        """What the node suggests to pay on a chain without a base fee, in wei per gas."""
        with own_errors("eth_gasPrice"):
            return int(self.w3.eth.gas_price)

    # ---------------------------------------------------------------- calls and logs

    def call(
        self, transaction: Mapping[str, Any], block: BlockId = "latest", contract: str | None = None
    ) -> bytes:
        """What a transaction would return at the end of `block`. `contract` names it in errors."""
        with own_errors("eth_call", contract):
            return bytes(self.w3.eth.call(_any(dict(transaction)), _any(block)))

    def estimate_gas(self, transaction: Mapping[str, Any], contract: str | None = None) -> int:
        """Gas that a transaction needs."""
        with own_errors("eth_estimateGas", contract):
            return int(self.w3.eth.estimate_gas(_any(dict(transaction))))

    def logs(
        self, address: str | None, first: int, last: int, topics: Sequence[str | None] = ()
    ) -> list[Log]:
        """Logs of a contract, or of all, in the blocks `first` to `last`, both included, in order."""
        asked: dict[str, Any] = {"fromBlock": first, "toBlock": last}
        if address is not None:
            asked["address"] = address
        if topics:
            asked["topics"] = list(topics)
        with own_errors("eth_getLogs"):
            found = [_log(entry) for entry in self.w3.eth.get_logs(_any(asked))]
        return sorted(found, key=lambda log: (log.block_number, log.log_index))

    # ---------------------------------------------------------------- transactions

    def send_raw(self, raw: bytes) -> str:
        """Broadcast signed bytes, and return their hash.

        An error here says little (web3 itself sends again after a time-out, and the second time the node may
        call it known, or its nonce used; some nodes report a transaction they have mined as refused): if the
        node knows the transaction afterwards, it was sent.
        """
        return self._sent(raw, lambda: self.w3.eth.send_raw_transaction(raw))

    def _sent(self, raw: bytes, send: Callable[[], object]) -> str:
        tx_hash = _hex(keccak(raw))
        try:
            with own_errors("eth_sendRawTransaction"):
                send()
        except ChainError as error:
            try:
                sent = self.knows(tx_hash)
            except ProviderError as silent:
                raise ProviderError(
                    f"{error}; whether transaction {tx_hash} was sent is not known",
                    method="eth_sendRawTransaction",
                ) from silent
            if not sent:
                raise
        return tx_hash

    def send(self, transaction: Mapping[str, Any], contract: str | None = None) -> str:
        """Have the node (or a web3 middleware) sign and broadcast, and return the hash."""
        with own_errors("eth_sendTransaction", contract):
            return _hex(self.w3.eth.send_transaction(_any(dict(transaction))))

    def signed(self, transaction: Mapping[str, Any]) -> bytes:
        """Have the node sign a transaction without sending it, and return the bytes.

        Few nodes do: anvil and Hardhat, and geth with a signer. Raises ProviderError where one does not.
        """
        plain = {name: hex(value) if isinstance(value, int) else value for name, value in transaction.items()}
        with own_errors("eth_signTransaction"):
            answer: Any = self.w3.provider.make_request(_any("eth_signTransaction"), [plain])
        found = answer.get("result") or {}
        raw = found if isinstance(found, str) else found.get("raw", "")
        if not raw:
            said = (answer.get("error") or {}).get("message", "nothing")
            raise ProviderError(f"eth_signTransaction: {said}", method="eth_signTransaction")
        return bytes.fromhex(raw.removeprefix("0x"))

    def knows(self, tx_hash: str) -> bool:
        """Whether the node has a transaction, mined or waiting."""
        return self.transaction(tx_hash) is not None

    def transaction(self, tx_hash: str) -> dict[str, Any] | None:
        """A transaction as `call` takes it, with the gas it had; None if the node has none of that hash."""
        with own_errors("eth_getTransactionByHash"):
            try:
                found: Any = self.w3.eth.get_transaction(_any(tx_hash))
            except Exception as error:
                if _named(error, "TransactionNotFound"):
                    return None
                raise
        return _as_call(found)

    def transactions(self, block: int) -> dict[str, dict[str, Any]]:
        """The transactions of a block, by hash, each as `transaction` gives it; none if there is no block."""
        with own_errors("eth_getBlockByNumber"):
            try:
                found: Any = self.w3.eth.get_block(block, full_transactions=True)
            except Exception as error:
                if _named(error, "BlockNotFound"):
                    return {}
                raise
        return {_hex(each["hash"]): _as_call(each) for each in found["transactions"]}

    def mined(self, tx_hash: str) -> Mined | None:
        """The receipt of a transaction; None while it is not mined."""
        with own_errors("eth_getTransactionReceipt"):
            try:
                found: Any = self.w3.eth.get_transaction_receipt(_any(tx_hash))
            except Exception as error:
                if _named(error, "TransactionNotFound"):
                    return None
                raise
        return read_mined(found)


_EXECUTING = frozenset({"eth_call", "eth_estimateGas", "eth_sendTransaction", "eth_sendRawTransaction"})
"""The methods that run a contract's code, whose errors may be its own."""


@contextmanager
def own_errors(method: str, contract: str | None = None) -> Iterator[None]:
    """Raise this library's errors in place of whatever web3, requests or eth-tester raise."""
    try:
        yield
    except RevShareError:
        raise
    except Exception as error:
        data = revert_data(error) if method in _EXECUTING else None
        if data is not None:
            raise decode_revert(data, contract) from error
        raise ProviderError(f"{method}: {_words(error)}", method=method, code=_code(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, OSError):  # of requests: its text has the node's address, and that may have a key
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"no answer ({type(error).__name__}{f', status {status}' if status else ''})"
    text = str(getattr(error, "message", None) or (error.args[0] if error.args else type(error).__name__))
    return text if len(text) <= 300 else text[:300] + "…"


def _code(error: Exception) -> int | None:
    response = getattr(error, "rpc_response", None)
    answer = response.get("error") if isinstance(response, Mapping) else None
    code = answer.get("code") if isinstance(answer, Mapping) else None
    return code if isinstance(code, int) else None


def _named(error: Exception, name: str) -> bool:
    """Whether `error` is of that name, be it web3's or eth-tester's, which do not derive from each other."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


# ------------------------------------------------------------------------------------------ answers


def _as_call(found: Any) -> dict[str, Any]:
    """A transaction in an answer, as `Node.call` takes it."""
    kept = {"from": found["from"], "value": found["value"], "gas": found["gas"]}
    data = found.get("input", found.get("data", b""))
    return kept | {"data": data} | ({"to": found["to"]} if found["to"] else {})


# Numbers and bytes are hex text in JSON; web3, and eth-tester's provider, give them as they are.


def read_int(value: Any) -> int:
    """A number in an answer."""
    return int(value, 16) if isinstance(value, str) else int(value)


def read_bytes(value: Any) -> bytes:
    """Bytes in an answer."""
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _hex(value: Any) -> str:
    return value if isinstance(value, str) else "0x" + bytes(value).hex()


def read_block(found: Any) -> Block:
    """A block in an answer."""
    base = found.get("baseFeePerGas")
    return Block(
        read_int(found["number"]),
        _hex(found["hash"]),
        None if base is None else read_int(base),
        read_int(found["timestamp"]),
    )


def read_mined(found: Any) -> Mined:
    """A receipt in an answer."""
    return Mined(
        tx_hash=_hex(found["transactionHash"]),
        status=read_int(found["status"]),
        block_number=read_int(found["blockNumber"]),
        block_hash=_hex(found["blockHash"]),
        gas_used=read_int(found["gasUsed"]),
        gas_price=read_int(found.get("effectiveGasPrice") or 0),
        contract_address=found.get("contractAddress"),
        logs=tuple(_log(entry) for entry in found["logs"]),
    )


def _log(entry: Any) -> Log:
    return Log(
        address=checksummed(str(entry["address"])),
        topics=tuple(read_bytes(topic) for topic in entry["topics"]),
        data=read_bytes(entry["data"]),
        block_number=read_int(entry["blockNumber"]),
        block_hash=_hex(entry["blockHash"]),
        tx_hash=_hex(entry["transactionHash"]),
        log_index=read_int(entry["logIndex"]),
    )


def _any(value: Any) -> Any:
    """What web3 wants a more particular type for than this library's."""
    return value
