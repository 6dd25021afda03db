"""A node by its address, for those who have no Web3 of their own: the command line's `--rpc-url`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from revshare.chain.node import Node
from revshare.errors import InvalidInput, ProviderError

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["connect"]


def connect(url: str, *, timeout: float = 30.0) -> Web3:
    """Return a Web3 on the node at `url`, http or https, that has answered.

    timeout: seconds to wait for an answer.

    Raises InvalidInput for any other address, ProviderError when no node answers there. Neither message shows
    more of the address than the host: providers put their customers' keys into the rest.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("a node's address begins with http:// or https://, such as http://127.0.0.1:8545")
    from web3 import HTTPProvider, Web3

    w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None))
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    shown = urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, "", "", ""))
    try:
        Node(w3).chain_id()
    except ProviderError as error:
        raise ProviderError(
            f"no node answers at {shown}: is it running, and is that where it listens?",
            method=error.method,
            code=error.code,
        ) from error
    return w3
