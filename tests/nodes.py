"""Nodes to test on: anvil over HTTP, started here, and providers that misbehave in front of a good one."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from web3.providers.base import JSONBaseProvider

_PACKAGE = Path(__file__).resolve().parent.parent / "node_modules/@foundry-rs/anvil-linux-amd64"
ANVIL = _PACKAGE / "bin/anvil"


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """Run anvil on a free port for as long as the block lasts; yields its address."""
    # Into a file, not a pipe: anvil logs every request, and would stop once nobody reads on.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([str(ANVIL), "--port", "0", *options], stdout=log, stderr=log)
        try:
            yield f"http://{_listening(process, log)}"
        finally:
            process.kill()
            process.wait()


def _listening(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    said = ""
    for _ in range(600):
        log.seek(0)
        said = log.read()
        found = re.search(r"^Listening on (\S+)", said, re.MULTILINE)
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError("anvil did not start: " + said)


class Through(JSONBaseProvider):
    """A provider in front of another: `meddle(method, params, ask)` answers, by asking the other or not."""

    def __init__(self, inner: Any, meddle: Callable[[str, Any, Callable[[], Any]], Any]) -> None:
        super().__init__()
        self.inner = inner
        self.meddle = meddle
        self.asked: list[tuple[str, Any]] = []

    def request_func(self, w3: Any, middleware_onion: Any) -> Any:
        # The inner provider's middleware belongs to it: eth-tester speaks JSON-RPC only behind its own.
        ask = self.inner.request_func(w3, middleware_onion)

        def answer(method: Any, params: Any) -> Any:
            self.asked.append((method, params))
            return self.meddle(method, params, lambda: ask(method, params))

        return answer

    def make_request(self, method: Any, params: Any) -> Any:
        return self.inner.make_request(method, params)


def refusal(message: str, code: int = -32000, **more: Any) -> dict[str, Any]:
    """An error as a node answers it."""
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message, **more}}
