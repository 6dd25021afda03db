"""A server that speaks JSON over HTTP: asked patiently, not for ever, and little that it says is believed.

What goes wrong is raised as `ExplorerError` and the like: explorers are the servers that this library asks.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from revshare.errors import ExplorerError, InvalidInput

__all__ = ["Answer", "Later", "Server"]

_LARGEST_ANSWER = 4 * 1024 * 1024  # Sourcify's refusals carry four bytecodes
_MOST_BRACKETS = 1_000


class Later(Exception):
    """No verdict yet: why, and how many seconds the server asks to wait, if it says."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """An HTTP status, and the JSON that came with it; the text, where it was none."""

    status: int
    body: object
    wait: float | None = None


class _StayHere(HTTPRedirectHandler):
    """Follows no redirection: it would carry the key, and the source, to somewhere nobody named."""

    def redirect_request(self, *_: object) -> None:
        """Say no."""


class Server:
    """A server at an address.

    key: an API key, which goes into the body of requests. timeout: seconds for each answer. Proxies are those
    of the environment (HTTPS_PROXY). What stands behind the host in the address, where some put keys, is
    never shown, nor is the API key, even when the server repeats it.
    """

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        parts = _parsed(url)
        self.url = url.rstrip("/")
        self.host = parts.netloc
        self._key = key or None
        self._timeout = timeout
        self._opener = build_opener(_StayHere)
        if self._key and parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
            raise InvalidInput(
                f"the API key would go to {self.host} for all to read: give an https:// address"
            )

    def ask(
        self,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: object = None,
        key: str = "",
    ) -> Answer:
        """Return the answer to a GET, or to a POST of a form or of JSON. `key`: the form's field for the key.

        Raises ExplorerError where none comes, Later where the server asks to wait.
        """
        headers = {"Accept": "application/json", "User-Agent": f"revshare/{version('revshare')}"}
        data = None
        if form is not None:
            secret = {key: self._key} if key and self._key else {}
            data = urlencode({**form, **secret}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif json_body is not None:
            data = json.dumps(json_body).encode()
            headers["Content-Type"] = "application/json"
        request = Request(self._address(path, query or {}), data, headers)  # noqa: S310 - http(s), see _parsed
        answer = self._exchange(request)
        if answer.status in (429, 502, 503, 504):
            raise Later(f"asks to wait (status {answer.status})", answer.wait)
        return answer

    def _address(self, path: str, query: Mapping[str, str]) -> str:
        parts = urlsplit(self.url)
        asked = {**query, **dict(parse_qsl(parts.query))}
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, urlencode(asked), ""))

    def _exchange(self, request: Request) -> Answer:
        ends = time.monotonic() + self._timeout
        try:
            try:
                response = self._opener.open(request, timeout=self._timeout)
            except HTTPError as error:  # any status but 2xx: an answer too
                response = error
            with response:
                wait = _seconds(response.headers.get("Retry-After"))
                status, raw = int(response.status), self._read(response, ends)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            name = type(reason if isinstance(reason, Exception) else error).__name__
            raise ExplorerError(
                f"{self.host} gives no answer ({name}): is there a way to it from here?",
                explorer=self.host,
                reached=False,
            ) from None  # the cause may show the address, and keys in it
        text = raw.decode("utf-8", "replace")
        # Deep nesting ends a process whose recursion limit was raised, as py-evm does.
        if text.count("[") + text.count("{") > _MOST_BRACKETS:
            return Answer(status, text, wait)
        try:
            return Answer(status, json.loads(text), wait)
        except (ValueError, RecursionError):
            return Answer(status, text, wait)

    def _read(self, response: Any, ends: float) -> bytes:
        chunks: list[bytes] = []
        while chunk := response.read1(65_536):
            chunks.append(chunk)
            if sum(map(len, chunks)) > _LARGEST_ANSWER:
                raise ExplorerError(
                    f"{self.host} answers with more than {_LARGEST_ANSWER:,} bytes", explorer=self.host
                )
            if time.monotonic() > ends:
                raise TimeoutError
        return b"".join(chunks)

    def not_understood(self, answer: Answer) -> ExplorerError | InvalidInput:
        """Return the error for an answer that is not one of those documented."""
        if answer.status in (301, 302, 303, 307, 308):
            return InvalidInput(f"{self.host} sends on to another address: name that one")
        if answer.status in (404, 405):
            return InvalidInput(f"{self.host} has no such explorer's API at the address given")
        if answer.status in (401, 403):
            return InvalidInput(
                f"{self.host} lets nobody in without a right API key (status {answer.status})"
            )
        said = answer.body
        if isinstance(said, dict):
            said = said.get("message") or said
        return ExplorerError(
            f"{self.host} answers with status {answer.status}, which says nothing of the source: "
            f"{self.shown(said)!r}",
            explorer=self.host,
        )

    def shown(self, said: object) -> str:
        """Return what a server said as a short line that can be shown: without the key, whatever it is."""
        text = said if isinstance(said, str) else json.dumps(said)
        if self._key:
            text = text.replace(self._key, "…")
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return text if len(text) <= 200 else text[:200] + "…"


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise InvalidInput(
            "an explorer's address is https://host, or https://host/path, without a user's name"
        )
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds(said: str | None) -> float | None:
    """Return what a Retry-After header says, in seconds."""
    if said is None:
        return None
    if said.strip().isdecimal():
        return float(min(int(said), 10**6))
    try:
        return max(email.utils.parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
