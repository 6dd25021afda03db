"""An explorer on this machine, for as long as a `with` block lasts: it answers as its test says, and keeps
what it was asked. What it takes is what the real ones document, and nothing else:

https://docs.etherscan.io/api-reference/endpoint/verifysourcecode (parameters, and which are asked for)
https://github.com/argotorg/sourcify/blob/master/services/server/src/apiv2.yaml (schemas and patterns)
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

TICKET = "72d12273-0723-448e-a9f6-f7957128efa5"
GUID = "a7lpxkm9kpcpicx7daftmjifrfhiuhf5vqqnawhkfhzfrcpnxj"


@dataclass(frozen=True)
class Asked:
    """A request as it came: what stood in the first line and the headers, which are logged, and the body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))

    @property
    def form(self) -> dict[str, str]:
        fields = parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        assert all(len(values) == 1 for values in fields.values()), "a field twice"
        return {name: values[0] for name, values in fields.items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """An answer: a status, JSON (or bytes as they are), headers; `after` so many seconds, drop by drop."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drip: float = 0.0


@dataclass
class FakeExplorer:
    """Gives its answers one after the other, the last one again and again; `asked` has all requests."""

    url: str
    answers: list[Says | Callable[[Asked], Says]]
    asked: list[Asked] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Says:
        self.asked.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(asked) if callable(answer) else answer


@contextmanager
def explorer(*answers: Says | Callable[[Asked], Says]) -> Iterator[FakeExplorer]:
    """Run an explorer on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
            says = fake.answer(asked)
            fake.gone.wait(says.hang)
            body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
            try:
                self.send_response(says.status)
                for name, value in says.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for at in range(0, len(body), 1 if says.drip else len(body)):
                    self.wfile.write(body[at : at + (1 if says.drip else len(body))])
                    time.sleep(says.drip)
            except OSError:  # whoever asked has given up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = FakeExplorer(f"http://127.0.0.1:{server.server_port}", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        fake.gone.set()
        server.shutdown()
        thread.join()
        server.server_close()


# ------------------------------------------------------------------------------------------ Etherscan's


def etherscan(status: str, result: str, message: str = "") -> Says:
    """An answer of Etherscan's: in words, and the HTTP status is good whatever they say."""
    return Says(
        {"status": status, "message": message or ("OK" if status == "1" else "NOTOK"), "result": result}
    )


def etherscan_takes(asked: Asked) -> Says:
    """Take a source, if it is handed in as documented."""
    form = asked.form
    assert asked.method == "POST", "only HTTP post is supported"
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert set(asked.query) == {"chainid"}
    assert asked.query["chainid"].isdecimal()
    assert (form["module"], form["action"]) == ("contract", "verifysourcecode")
    assert re.fullmatch("0x[0-9a-fA-F]{40}", form["contractaddress"])
    assert form["codeformat"] == "solidity-standard-json-input"
    assert re.fullmatch(r"[\w/.-]+\.sol:\w+", form["contractname"])
    assert re.fullmatch(r"v\d+\.\d+\.\d+\+commit\.[0-9a-f]{8}", form["compilerversion"])
    assert form["constructorArguments"] == form["constructorArguements"]
    assert re.fullmatch("([0-9a-f]{64})*", form["constructorArguments"]), "hex, without 0x"
    assert form["licenseType"] == "3", "MIT"
    check_standard_json(json.loads(form["sourceCode"]))
    return etherscan("1", GUID)


def etherscan_is_asked(says: Says) -> Callable[[Asked], Says]:
    """Say this, if the question is as documented."""

    def answer(asked: Asked) -> Says:
        form = asked.form
        assert set(asked.query) == {"chainid"}
        assert (form["module"], form["action"], form["guid"]) == ("contract", "checkverifystatus", GUID)
        return says

    return answer


# ------------------------------------------------------------------------------------------ Sourcify's


def sourcify_error(status: int, code: str, message: str) -> Says:
    return Says({"customCode": code, "message": message, "errorId": TICKET}, status)


def sourcify_takes(asked: Asked) -> Says:
    """Take a source, if it is handed in as documented."""
    body = asked.json
    assert asked.method == "POST"
    assert asked.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"/v2/verify/\d{1,20}/0x[0-9a-fA-F]{40}", asked.path)
    assert {"stdJsonInput", "compilerVersion", "contractIdentifier"} <= body.keys()
    assert body.keys() <= {"stdJsonInput", "compilerVersion", "contractIdentifier", "creationTransactionHash"}
    assert re.fullmatch(r"\d+\.\d+\.\d+\+commit\.[a-f0-9]{8}", body["compilerVersion"])
    assert re.fullmatch(r"[^:]+:\w+", body["contractIdentifier"])
    assert re.fullmatch("0x[a-f0-9]{64}", body.get("creationTransactionHash", "0x" + "0" * 64))
    check_standard_json(body["stdJsonInput"])
    return Says({"verificationId": TICKET}, 202)


def sourcify_job(match: str | None = None, error: dict[str, Any] | None = None, *, done: bool = True) -> Any:
    """Answer a question for the verification: with its verdict on the contract that was handed in."""
    about: dict[str, str] = {}

    def takes(asked: Asked) -> Says:
        _, _, _, chain, address = asked.path.split("/")
        about.update(chainId=chain, address=address)
        return sourcify_takes(asked)

    def says(asked: Asked) -> Says:
        assert (asked.method, asked.path) == ("GET", f"/v2/verify/{TICKET}")
        contract = {"match": match, "creationMatch": match, "runtimeMatch": match, **about}
        job = {"isJobCompleted": done, "verificationId": TICKET, "contract": contract}
        return Says(job | ({"error": error} if error else {}))

    def pending(asked: Asked) -> Says:
        says(asked)
        contract = {"match": None, "creationMatch": None, "runtimeMatch": None, **about}
        return Says({"isJobCompleted": False, "verificationId": TICKET, "contract": contract})

    return takes, pending, says


def check_standard_json(standard: Any) -> None:
    """Assert what all of them ask of the compiler's input: a language, and sources by content."""
    assert standard["language"] == "Solidity"
    assert standard["settings"]["viaIR"] is True
    for name, source in standard["sources"].items():
        assert not name.startswith(("/", ".")), "names a place on somebody's machine"
        assert source.keys() == {"content"}
        assert source["content"]
