"""Publishing a contract's source: handed to an explorer, which compiles it and compares.

    published = publish_source(w3, address, to="sourcify")
    published = publish_source(w3, address, to="etherscan", api_key=key)
    published.status                    # 'verified', or 'already verified'

Two forms are spoken. Etherscan's (API v2, one address for all its chains), which Blockscout and other
explorers take as well at addresses of their own: …/api-reference/endpoint/verifysourcecode,
…/checkverifystatus and …/common-error-messages of https://docs.etherscan.io. And Sourcify's (API v2):
https://docs.sourcify.dev/docs/api/, whose OpenAPI is services/server/src/apiv2.yaml of
https://github.com/argotorg/sourcify. Neither service could be reached where this was written: what is sent
and understood is what these documents say, and for Etherscan's wording of verdicts, what forge and Hardhat
look for.

An API key is sent in the body of a request, never in its address, which servers and proxies log; and only
over https, or to this machine.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from revshare.chain.node import Node
from revshare.chain.rest import Later, Server
from revshare.chain.sources import ContractSource, source_at
from revshare.errors import ExplorerError, InvalidInput, SourceRefused

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["ETHERSCAN", "SOURCIFY", "Explorer", "PublishedSource", "publish_source"]

ETHERSCAN = "https://api.etherscan.io/v2/api"
SOURCIFY = "https://sourcify.dev/server"

Watch = Callable[[str], None]
"""Is told how it goes, a sentence at a time."""

_ASK_AGAIN = (3.0, 15.0)  # seconds between questions: to begin with, at most
_MIT = "3"  # Etherscan's number for the licence of every source here
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class PublishedSource:
    """What came of publishing a source.

    explorer: "etherscan" or "sourcify". status: "verified", or "already verified" when somebody had published
    it before. match: what Sourcify says of it, "exact_match" (the sources are the very ones) or "match" (the
    code is the same, its hash of the sources is not); None from others. page: where to read it, if known.
    """

    source: ContractSource
    explorer: str
    status: str
    match: str | None = None
    page: str | None = None


def publish_source(
    w3: Web3 | Node,
    address: str,
    *,
    to: str,
    api_key: str | None = None,
    url: str | None = None,
    creation_transaction: str | None = None,
    constructor_arguments: bytes | str | None = None,
    timeout: float = 30.0,
    patience: float = 300.0,
    watch: Watch | None = None,
) -> PublishedSource:
    """Hand the source of the contract at `address` to an explorer, and wait for its verdict.

    Of a clone, such as every split is, the source is that of the code behind it. Doing it twice does no harm.

    to: "etherscan" or "sourcify". api_key: Etherscan wants one of its own; other explorers may. url: another
    server that speaks the same form, such as https://eth.blockscout.com/api. creation_transaction and
    constructor_arguments: see `source_at`. timeout: seconds for each answer; patience: seconds in all.

    Raises SourceRefused where the explorer compared and does not agree; ExplorerError where it gave no
    verdict, and the same again later may; InvalidInput for a key, chain or address that it does not take; and
    what `source_at` raises.
    """
    explorer = Explorer.of(to, api_key=api_key, url=url, timeout=timeout)
    source = source_at(
        w3,
        address,
        creation_transaction=creation_transaction,
        constructor_arguments=constructor_arguments,
    )
    return explorer.publish(source, patience=patience, watch=watch)


# ------------------------------------------------------------------------------------------ the two forms

_clock = time.monotonic
_sleep = time.sleep


class Explorer(ABC):
    """An explorer's API: takes a source, compiles it, and says whether that is the code on the chain."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.host = server.host

    @classmethod
    def of(
        cls, to: str, *, api_key: str | None = None, url: str | None = None, timeout: float = 30.0
    ) -> Explorer:
        """Return the explorer that `to` names, or another one at `url` of its form. Asks nobody.

        Raises InvalidInput for one there is none of, a bad address, or a key that is missing or would travel
        for all to read.
        """
        if to not in _FORMS:
            raise InvalidInput(f"sources are handed to {' or '.join(_FORMS)}, not to {to!r}")
        form, usual = _FORMS[to]
        if form is _Etherscan and url is None and not api_key:
            raise InvalidInput(
                "Etherscan wants an API key of one's own: https://docs.etherscan.io/getting-an-api-key"
            )
        return form(Server(url or usual, None if form is _Sourcify else api_key, timeout))

    def publish(
        self, source: ContractSource, *, patience: float = 300.0, watch: Watch | None = None
    ) -> PublishedSource:
        """Hand a source in, and ask until there is a verdict. Raises as `publish_source` does."""
        say = watch or (lambda _: None)
        ends = _clock() + patience
        pause, longest = _ASK_AGAIN
        ticket = None
        say(f"handing {source.identifier} of {source.address} to {self.host}")
        while True:
            try:
                if ticket is not None:
                    return self._check(source, ticket)
                answer = self._submit(source)
                if isinstance(answer, PublishedSource):
                    return answer
                ticket = answer
                later = Later(f"has it under {ticket}")
            except Later as said:
                later = said
            except ExplorerError as error:
                if ticket is None or error.reached:
                    raise
                later = Later("gives no answer just now")  # a gap in the line: what was handed in is there
            wait = pause if later.wait is None else max(later.wait, 1.0)
            if _clock() + wait > ends:
                raise ExplorerError(
                    f"{self.host} {later}, and gave no verdict within {patience:.0f} seconds: the same "
                    "again, later, finds out",
                    explorer=self.host,
                    ticket=ticket,
                )
            say(f"{self.host} {later}; asking again in {wait:.0f} s")
            _sleep(wait)
            pause = min(pause * 1.5, longest)

    @abstractmethod
    def _submit(self, source: ContractSource) -> PublishedSource | str:
        """Hand a source in. Returns the ticket to ask with, or what came of it if that is known at once."""

    @abstractmethod
    def _check(self, source: ContractSource, ticket: str) -> PublishedSource:
        """Return what came of it. Raises Later while that is not known."""

    def _refused(self, source: ContractSource, said: str, reason: str = "") -> SourceRefused:
        shown = self._server.shown(said)
        return SourceRefused(
            f"{self.host} does not take {source.identifier} for the code at {source.address}: {shown}",
            explorer=self.host,
            address=source.address,
            reason=self._server.shown(reason) or shown,
        )

    def _puzzled(self, said: object) -> ExplorerError:
        return ExplorerError(
            f"{self.host} answers with what no such explorer says: {self._server.shown(said)!r}",
            explorer=self.host,
        )


class _Etherscan(Explorer):
    """Etherscan's form: one address, a form in, `{"status", "message", "result"}` out, in words.

    `chainid` stands in the address; all else, the key included, in the body of a POST, as forge does it. The
    constructor's arguments go under both spellings: that of today's documents, and the older one with a
    mistake in it, which explorers of this form know.
    """

    _WAITING = ("pending in queue", "in progress")

    def _submit(self, source: ContractSource) -> PublishedSource | str:
        if source.constructor_arguments is None:
            raise InvalidInput(
                f"the arguments that {source.contract} at {source.address} was created with are not known: "
                f"{source.unknown}; name the transaction that created it, or the arguments"
            )
        arguments = source.constructor_arguments.hex()
        good, said = self._ask(
            source,
            action="verifysourcecode",
            contractaddress=source.address,
            sourceCode=source.standard_json(),
            codeformat="solidity-standard-json-input",
            contractname=source.identifier,
            compilerversion=source.compiler_version,
            constructorArguements=arguments,
            constructorArguments=arguments,
            licenseType=_MIT,
        )
        if good and re.fullmatch(r"[\w-]{1,100}", said) and said == self._server.shown(said):
            return said
        if "already verified" in said.lower():
            return PublishedSource(source, "etherscan", "already verified")
        if good:
            raise self._puzzled(said)
        raise self._refused(source, said)

    def _check(self, source: ContractSource, ticket: str) -> PublishedSource:
        _, said = self._ask(source, action="checkverifystatus", guid=ticket)
        words = said.lower()
        if words.startswith("pass"):
            return PublishedSource(source, "etherscan", "verified")
        if "already verified" in words:
            return PublishedSource(source, "etherscan", "already verified")
        if words.startswith(self._WAITING):
            raise Later(f"says {self._server.shown(said)!r}")
        if words.startswith("fail"):
            raise self._refused(source, said)
        raise self._puzzled(said)

    def _ask(self, source: ContractSource, **fields: str) -> tuple[bool, str]:
        """Return whether the answer's status is good, and what it says. Raises Later when asked to wait."""
        answer = self._server.ask(
            query={"chainid": str(source.chain_id)}, form={"module": "contract", **fields}, key="apikey"
        )
        body = answer.body
        if answer.status != HTTPStatus.OK or not isinstance(body, dict):
            raise self._server.not_understood(answer)
        status, said = str(body.get("status")), body.get("result")
        if status not in ("0", "1") or not isinstance(said, str):
            raise self._puzzled(body)
        words = said.lower()
        if status == "1":
            return True, said
        if "rate limit" in words or "max calls" in words:
            raise Later("asks for fewer questions")
        if "unable to locate contractcode" in words or "is not a smart contract" in words:
            raise Later(f"does not know of a contract at {source.address} yet")
        if "api key" in words or "apikey" in words:
            raise InvalidInput(
                f"{self.host} does not take the API key, or wants one: {self._server.shown(said)}"
            )
        if "chainid" in words or "chain id" in words:
            raise InvalidInput(
                f"{self.host} does not know chain {source.chain_id}: {self._server.shown(said)}"
            )
        if "daily limit" in words:
            raise ExplorerError(
                f"{self.host} takes no more today: {self._server.shown(said)}", explorer=self.host
            )
        return False, said


class _Sourcify(Explorer):
    """Sourcify's form: JSON in, a verification's id out, which is then asked for. It needs no key."""

    def _submit(self, source: ContractSource) -> PublishedSource | str:
        asked: dict[str, Any] = {
            "stdJsonInput": source.standard_input,
            "compilerVersion": source.compiler,
            "contractIdentifier": source.identifier,
        }
        if source.creation_transaction is not None:
            asked["creationTransactionHash"] = source.creation_transaction
        answer = self._server.ask(f"/v2/verify/{source.chain_id}/{source.address}", json_body=asked)
        body = answer.body if isinstance(answer.body, dict) else {}
        said, code = str(body.get("message", "")), str(body.get("customCode", ""))
        match answer.status:
            case HTTPStatus.ACCEPTED | HTTPStatus.OK:
                ticket = str(body.get("verificationId"))
                if not _UUID.fullmatch(ticket):
                    raise self._puzzled(answer.body)
                return ticket
            case HTTPStatus.CONFLICT:
                return self._published(source, "already verified", "exact_match")
            case HTTPStatus.BAD_REQUEST if code == "unsupported_chain":
                raise InvalidInput(f"{self.host} does not know chain {source.chain_id}")
            case HTTPStatus.BAD_REQUEST if code:
                raise self._refused(source, said, code)
        raise self._server.not_understood(answer)

    def _check(self, source: ContractSource, ticket: str) -> PublishedSource:
        answer = self._server.ask(f"/v2/verify/{ticket}")
        body = answer.body
        if answer.status != HTTPStatus.OK or not isinstance(body, dict):
            raise self._server.not_understood(answer)
        if body.get("isJobCompleted") is False:
            raise Later("is compiling it")
        contract, error = body.get("contract") or {}, body.get("error") or {}
        if (
            body.get("isJobCompleted") is not True
            or not isinstance(contract, dict)
            or not isinstance(error, dict)
        ):
            raise self._puzzled(body)
        about = (str(contract.get("chainId")), str(contract.get("address")).lower())
        if about != (str(source.chain_id), source.address.lower()):
            raise self._puzzled(f"a verdict on another contract, {contract.get('address')}")
        if contract.get("match") in ("exact_match", "match"):
            return self._published(source, "verified", contract["match"])
        if error.get("customCode") == "already_verified":
            return self._published(source, "already verified", None)
        raise self._refused(source, str(error.get("message", "no match")), str(error.get("customCode", "")))

    def _published(self, source: ContractSource, status: str, match: str | None) -> PublishedSource:
        page = (
            f"https://repo.sourcify.dev/{source.chain_id}/{source.address}"
            if self._server.url == SOURCIFY
            else None
        )
        return PublishedSource(source, "sourcify", status, match, page)


_FORMS: dict[str, tuple[type[Explorer], str]] = {
    "etherscan": (_Etherscan, ETHERSCAN),
    "sourcify": (_Sourcify, SOURCIFY),
}
