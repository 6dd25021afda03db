"""A simulated provider: a real chain behind nodes that fail in every way known, all of it by a seed.

Behind it is anvil, with the real contracts, whose blocks come only when `tick` says so. In front of it stand
a few nodes, one of which answers each question: nodes that lag by some blocks, refuse in their own wordings,
give up too early, are of another chain for a while, lose what they took, pass it on late or twice. Everything
that happens follows from the seed and the questions asked, so the seed replays it.
"""

from __future__ import annotations

import json
import random
import re
import socket
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from eth_hash.auto import keccak
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, ReadTimeout
from requests.exceptions import ConnectionError as Disconnected
from tests.nodes import refusal
from web3.providers.base import JSONBaseProvider

# What nodes say, as (code, message): when they are busy or out of order …
BUSY = {
    "geth": [(-32000, "server is busy, please try again later"), (-32002, "request timed out")],
    "erigon": [(-32000, "mdbx_txn_begin: MDBX_READERS_FULL"), (-32000, "rpc daemon: context canceled")],
    "nethermind": [(-32603, "Internal error"), (-32016, "eth_call is temporarily unavailable: Timeout")],
    "besu": [(-32603, "Internal error"), (-32000, "Timeout expired")],
    "anvil": [(-32603, "Internal error"), (-32603, "error sending request for url: operation timed out")],
    "reth": [(-32603, "Internal error"), (-32005, "rate limit exceeded: too many requests")],
    "infura": [
        (-32005, "project ID request rate exceeded"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32603, "request failed or timed out"),
    ],
}
# … about blocks they do not have yet …
UNKNOWN_BLOCK = {
    "geth": [
        (-32000, "header not found"),
        (-32000, "missing trie node 7b2c… (path ) state is not available"),
    ],
    "erigon": [(-32000, "block 0x2f not found"), (-32000, "no canonical hash for block")],
    "nethermind": [(-32001, "Requested block was not found"), (-32002, "No state available for block")],
    "besu": [(-32000, "Unknown block"), (-39001, "World state unavailable")],
    "anvil": [(-32602, "BlockOutOfRangeError: block height is 47 but requested was 49")],
    "reth": [(-32001, "block not found: 0x2f"), (-32000, "state at block #47 is pruned")],
    "infura": [(-32000, "header not found"), (-32001, "Unable to complete request at this time.")],
}
# … and about transactions that they took all the same, or that were mined already.
DOUBTFUL = {
    "geth": [(-32000, "already known"), (-32000, "nonce too low: next nonce 9, tx nonce 8")],
    "erigon": [(-32000, "ALREADY_EXISTS: already known"), (-32000, "INTERNAL_ERROR: nonce too low")],
    "nethermind": [(-32010, "AlreadyKnown"), (-32010, "OldNonce")],
    "besu": [(-32000, "Known transaction"), (-32001, "Nonce too low"), (-32009, "Gas price below minimum")],
    "anvil": [(-32003, "transaction already imported"), (-32003, "nonce too low")],
    "reth": [(-32000, "already known"), (-32003, "replacement transaction underpriced")],
    "infura": [(-32000, "ALREADY_EXISTS: already known"), (-32005, "request rate limited")],
}
NODES = tuple(BUSY)
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_SILENCES = (ReadTimeout, ConnectTimeout, Disconnected, ChunkedEncodingError)

_AT = {
    "eth_call": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_estimateGas": 1,
}
"""Where a method takes the block it is to be answered for."""


class Died(BaseException):
    """The process ended, in the middle of a question. Not an Exception: nobody is to catch it."""


class Wire(JSONBaseProvider):
    """JSON-RPC over one kept connection: nothing between the test and the node, and little time lost.

    Of HTTP it speaks what anvil answers with, a length and then so many bytes: the library's client takes as
    long to read the heads of answers as everything else here takes together.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._socket = socket.create_connection((str(parts.hostname), parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"POST / HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"

    def make_request(self, method: Any, params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._socket.sendall(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return json.loads(self._answer())

    def _answer(self) -> bytes:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        assert found, head
        while len(body) < int(found[1]):
            body += self._more()
        return body

    def _more(self) -> bytes:
        found = self._socket.recv(1 << 16)
        assert found, "anvil hung up"
        return found

    def ask(self, method: str, *params: Any) -> Any:
        answer = self.make_request(method, list(params))
        assert "error" not in answer, (method, params, answer)
        return answer["result"]

    def close(self) -> None:
        self._socket.close()


class Simulated(JSONBaseProvider):
    """Nodes in front of a chain. `chance` decides everything; from `calm_after` questions on all is well.

    `sent`: every bytes that were broadcast, in order, once each. `happened`: what went wrong, for who has to
    find out why a seed fails.
    """

    def __init__(self, wire: Wire, seed: int, *, calm_after: int = 400) -> None:
        super().__init__()
        self.wire = wire
        self.chance = random.Random(seed)
        self.calm_after = calm_after
        self.asked = 0
        self.happened: list[str] = []
        self.count: Counter[str] = Counter()
        self.sent: dict[str, None] = {}
        self.mortal = False
        self.head = int(wire.ask("eth_blockNumber"), 16)
        self._base = wire.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
        wire.ask("anvil_setNextBlockBaseFeePerGas", self._base)  # which is not put back with the chain
        self._held: list[tuple[int, str]] = []  # tick, bytes
        self._ticks = 0
        self._elsewhere = 0  # questions yet to be answered by a node of another chain
        # How bad it is: some seeds are nearly calm, so that what goes wrong there goes wrong alone.
        self._rate = self.chance.choice((0.01, 0.03, 0.06, 0.1))
        self._lags = [0, *(self.chance.choice((0, 0, 1, 1, 2, 4)) for _ in range(self.chance.randrange(3)))]
        self._deaths = self.chance.choice((0.0, 0.0, 0.003, 0.01))
        self._dear = self.chance.random() < 0.2

    @property
    def is_calm(self) -> bool:
        return self.asked > self.calm_after

    def _say(self, what: str, detail: str = "") -> None:
        self.count[what] += 1
        self.happened.append(f"{self.asked}: {what} {detail}".rstrip())

    # ---------------------------------------------------------------- time goes by

    def tick(self) -> None:
        """A while: what was held is passed on, a block may come, something may be lost."""
        self._ticks += 1
        chance = self.chance
        for held in [held for held in self._held if held[0] <= self._ticks or self.is_calm]:
            self._held.remove(held)
            self._pass_on(held[1])
        if not self.is_calm and chance.random() < 0.05 and self.sent:
            raw = chance.choice(list(self.sent))
            self.wire.make_request("anvil_dropTransaction", ["0x" + keccak(bytes.fromhex(raw[2:])).hex()])
            self._say("evicted", raw[:12])
        if self._dear and not self.is_calm and chance.random() < 0.1:
            self.wire.ask(
                "anvil_setNextBlockBaseFeePerGas", hex(int(self._base, 16) * chance.randrange(1, 9))
            )
            self._say("dear gas")
        elif self.is_calm:
            self.wire.ask("anvil_setNextBlockBaseFeePerGas", self._base)
        if self.is_calm or chance.random() < 0.6:
            self.mine()

    def mine(self) -> None:
        """One block."""
        self.wire.ask("evm_mine")
        self.head += 1

    def flush(self) -> None:
        """At the end: everything ever sent arrives once more, late."""
        for raw in [raw for _, raw in self._held] + list(self.sent):
            self._pass_on(raw)
        self._held.clear()
        self.mine()

    # ---------------------------------------------------------------- questions

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked += 1
        chance = self.chance
        # All chances are taken each time, so that small changes of the settler change little here.
        kind, node = chance.random(), chance.choice(NODES)
        lag, dies = chance.choice(self._lags), chance.random() < self._deaths
        if self.is_calm:
            return (
                self._send(params, node, 1.0)
                if method == "eth_sendRawTransaction"
                else self._read(method, params, 0, node)
            )
        if dies and self.mortal:
            self._say("died before", method)
            raise Died
        if self._elsewhere or kind < self._rate / 10:
            return self._of_another_chain(method, params, node)
        if kind < self._rate:
            return self._fault(method, params, node)
        if method == "eth_sendRawTransaction":
            answer = self._send(params, node, chance.random())
        else:
            answer = self._read(method, params, lag, node)
        if chance.random() < self._deaths / 2 and self.mortal:
            self._say("died after", method)
            raise Died
        return answer

    def _fault(self, method: str, params: Any, node: str) -> Any:
        """An error; a transaction may have been taken all the same."""
        if method == "eth_sendRawTransaction" and self.chance.random() < 0.5:
            self._send(params, node, 1.0)
            self._say("taken, but", method)
        if self.chance.random() < 0.4:
            silence = self.chance.choice(_SILENCES)
            self._say(silence.__name__, method)
            raise silence("no answer")
        return self._refuse(BUSY, node, method)

    def _refuse(self, wordings: dict[str, list[tuple[int, str]]], node: str, method: str) -> Any:
        code, message = self.chance.choice(wordings[node])
        self._say(f"{node}:", f"{method}: {message}")
        return refusal(message, code)

    # ---------------------------------------------------------------- transactions

    def _send(self, params: Any, node: str, kind: float) -> Any:
        raw = params[0]
        self.sent[raw] = None
        tx_hash = "0x" + keccak(bytes.fromhex(raw[2:])).hex()
        taken = {"jsonrpc": "2.0", "id": 1, "result": tx_hash}
        if kind < 0.08:
            self._say("lost", tx_hash)
            return taken
        if kind < 0.2:
            self._say("held", tx_hash)
            self._held.append((self._ticks + self.chance.randrange(1, 12), raw))
            return taken
        if kind < 0.28:
            self._say("twice", tx_hash)
            self._pass_on(raw)
            self._held.append((self._ticks + self.chance.randrange(1, 30), raw))
        answer = self._pass_on(raw)
        if kind < 0.36:  # it is mined before the answer is out, which is then no longer true
            self.mine()
            return self._refuse(DOUBTFUL, node, "eth_sendRawTransaction")
        if kind < 0.44:
            self._say("ReadTimeout", "eth_sendRawTransaction, taken")
            raise ReadTimeout("no answer")
        return answer

    def _pass_on(self, raw: str) -> Any:
        return self.wire.make_request("eth_sendRawTransaction", [raw])

    # ---------------------------------------------------------------- reading, of nodes that lag

    def _read(self, method: str, params: Any, lag: int, node: str) -> Any:
        if not lag:
            return self.wire.make_request(method, params)
        top, params = max(self.head - lag, 0), list(params)
        self.count["lagging"] += 1
        if method == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": 1, "result": hex(top)}
        if method in _AT:
            place = _AT[method]
            asked = params[place] if len(params) > place else "latest"
            if asked.startswith("0x") and int(asked, 16) > top:
                return self._refuse(UNKNOWN_BLOCK, node, method)
            at = asked if asked.startswith("0x") else hex(top)
            return self.wire.make_request(method, [*params[:place], at, *params[place + 1 :]])
        if method == "eth_getBlockByNumber":
            if params[0].startswith("0x") and int(params[0], 16) > top:
                return {"jsonrpc": "2.0", "id": 1, "result": None}
            at = params[0] if params[0].startswith("0x") else hex(top)
            return self.wire.make_request(method, [at, *params[1:]])
        if method == "eth_getLogs":
            last = params[0].get("toBlock", "latest")
            last = last if isinstance(last, str) else hex(last)
            if last.startswith("0x") and int(last, 16) > top and self.chance.random() < 0.5:
                return self._refuse(UNKNOWN_BLOCK, node, method)
            return self.wire.make_request(method, [params[0] | {"toBlock": hex(top)}])
        answer = self.wire.make_request(method, params)
        if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
            found = answer.get("result")
            number = found and found.get("blockNumber")
            if number is None or int(number, 16) > top:
                return answer | {"result": None}
        return answer

    # ---------------------------------------------------------------- another chain

    def _of_another_chain(self, method: str, params: Any, node: str) -> Any:
        """A node of another chain: it knows none of ours, and has an account of the same address."""
        if not self._elsewhere:
            self._elsewhere = self.chance.choice((1, 3, 10, 30))
            self._say("another chain", f"for {self._elsewhere} questions")
        self._elsewhere -= 1
        result: Any = None
        if method == "eth_sendRawTransaction":
            self.sent[params[0]] = None
            return refusal("invalid chain id for signer: have 31337 want 137", -32000)
        if method in ("eth_chainId", "net_version"):
            result = "0x89"
        elif method == "eth_getBlockByNumber":
            number = params[0] if params[0].startswith("0x") else hex(self.head + 40)
            mine = self.wire.ask("eth_getBlockByNumber", "latest", False)
            result = mine | {"number": number, "hash": "0x" + keccak(f"another {number}".encode()).hex()}
        elif method == "eth_getTransactionCount":
            result = "0x3"
        elif method in ("eth_getCode", "eth_call"):
            result = "0x"
        elif method in ("eth_blockNumber", "eth_getBalance", "eth_maxPriorityFeePerGas", "eth_gasPrice"):
            result = hex(self.head + 40)
        elif method == "eth_estimateGas":
            # Where there is no code a call costs what its data does; sent with no more, it fails.
            result = hex(21_000 + 40 * len(params[0].get("data", "0x")) // 2)
        elif method == "eth_getLogs":
            result = []
        return {"jsonrpc": "2.0", "id": 1, "result": result}
