"""What is known of chains beforehand: names, coins, usual tokens, finality, forks. Its facts: chains.toml.

A fact counts as checked when the table names a source that it was compared with; `Chain.unverified` lists the
others. A chain that is not in the table is used like any other: `Chain.of` then returns one of kind
"unknown", of which nothing is said but its number. Nothing here talks to a node.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from revshare.errors import AliasedToken, InvalidInput, did_you_mean
from revshare.money import Token

__all__ = ["AliasAddress", "Chain", "ListedToken", "chains", "refuse_alias", "sources"]

Kind = Literal["main", "test", "development", "unknown"]


@dataclass(frozen=True)
class ListedToken:
    """A token that people settle in on a chain. sources: what its address and decimals were compared with."""

    token: Token
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class AliasAddress:
    """A second address of one balance: whoever is paid at it is paid out of what stands at the first.

    of: the address of the token whose balance it is; None for the chain's coin. decimals: those that the
    contract at `address` states; they need not be the coin's.
    """

    address: str
    decimals: int
    of: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """A chain as the table has it. Get one with `of` or `find`, all of them with `chains`.

    id: by EIP-155. coin: symbol and decimals of the chain's own coin. final: what "final" means there:
    "finalized", the tag that a node answers to, or a number of blocks after a transaction's own; final_text
    says it in words. eip1559, cancun: whether transactions of type 2, and the opcodes PUSH0, MCOPY, TLOAD and
    TSTORE, are there. None: not known.

    unverified: the facts that were compared with no source, by name: "chain", "final", "eip1559", "cancun", a
    token's symbol, an alias's address.
    """

    id: int
    name: str
    kind: Kind
    coin: Token
    final: Literal["finalized"] | int | None = None
    final_text: str = ""
    eip1559: bool | None = None
    cancun: bool | None = None
    tokens: tuple[ListedToken, ...] = ()
    aliases: tuple[AliasAddress, ...] = ()
    note: str = ""
    unverified: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Keys of `sources()`: all that any fact about this chain was compared with."""

    @classmethod
    def of(cls, chain_id: int) -> Chain:
        """Return the chain of that number; where it is not in the table one of kind "unknown", its coin ETH.

        >>> Chain.of(137).coin.symbol, Chain.of(4242).kind
        ('POL', 'unknown')
        """
        known = _by_id().get(chain_id)
        return known or cls(chain_id, f"chain {chain_id}", "unknown", Token(symbol="ETH", decimals=18))

    @classmethod
    def find(cls, name: int | str) -> Chain:
        """Return a chain by its number, as an int or text, or by its name in any case.

        Raises InvalidInput for a name that is not in the table; a number never is refused.
        """
        text = str(name).strip()
        if text.isascii() and text.isdecimal():
            return cls.of(int(text))
        names = {chain.name.casefold(): chain for chain in chains()}
        found = names.get(text.casefold())
        if found is None:
            hint = did_you_mean(text, (chain.name for chain in chains()))
            raise InvalidInput(
                f"no chain named {text!r} is in the table: "
                + (hint or "give its number; chains that are not in the table work as well")
            )
        return found

    @property
    def known(self) -> bool:
        """Whether it is in the table."""
        return self.kind != "unknown"

    @property
    def is_development(self) -> bool:
        """Whether it is one that lives on a developer's machine, and whose coin is worth nothing."""
        return self.kind == "development"

    def alias(self, address: str) -> AliasAddress | None:
        """Return what is known of a second address of some balance; None for any other address."""
        return next((alias for alias in self.aliases if alias.address.lower() == address.lower()), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the chain as plain data, ready for JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "known": self.known,
            "coin": {"symbol": self.coin.symbol, "decimals": self.coin.decimals},
            "final": {"after": self.final, "says": self.final_text},
            "eip1559": self.eip1559,
            "cancun": self.cancun,
            "tokens": [
                {
                    "symbol": listed.token.symbol,
                    "decimals": listed.token.decimals,
                    "address": listed.token.address,
                    "checked": bool(listed.sources),
                }
                for listed in self.tokens
            ],
            "aliases": [
                {
                    "address": alias.address,
                    "decimals": alias.decimals,
                    "of": alias.of or "coin",
                    "checked": bool(alias.sources),
                }
                for alias in self.aliases
            ],
            "note": self.note,
            "unverified": list(self.unverified),
            "sources": {key: sources()[key] for key in self.sources},
        }

    def __str__(self) -> str:
        return f"{self.name} (chain {self.id})" if self.known else self.name


def chains() -> tuple[Chain, ...]:
    """Return all chains of the table: main ones first, then tests' and developers', by number."""
    return tuple(_by_id().values())


def sources() -> Mapping[str, str]:
    """Return what the facts of the table were compared with, by the keys that they name."""
    found: dict[str, str] = _table()["sources"]
    return found


def refuse_alias(chain_id: int, token: str) -> None:
    """Raise AliasedToken if the table says that a token's address is a second one of some balance.

    One balance under two addresses would be counted, and shared, twice.
    """
    chain = Chain.of(chain_id)
    alias = chain.alias(token)
    if alias is None:
        return
    coin = f"{chain.coin.symbol} with {chain.coin.decimals} decimals"
    whose, instead = (
        (f"the coin of {chain}", f"leave the token out, and count in the coin: {coin}")
        if alias.of is None
        else (f"the token {alias.of} on {chain}", f"use that address: {alias.of}")
    )
    raise AliasedToken(
        f"the token {alias.address} is a second address of {whose}: one balance would be shared twice; "
        f"{instead}",
        address=alias.address,
        chain_id=chain_id,
        coin=chain.coin.symbol,
        of=alias.of,
    )


@cache
def _table() -> dict[str, Any]:
    file = resources.files("revshare") / "chain" / "chains.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _by_id() -> dict[int, Chain]:
    return {entry["id"]: _chain(entry) for entry in _table()["chain"]}


def _chain(entry: Mapping[str, Any]) -> Chain:
    final, eip1559, cancun = (entry.get(name, {}) for name in ("final", "eip1559", "cancun"))
    tokens = tuple(
        ListedToken(
            Token(symbol=each["symbol"], decimals=each["decimals"], address=each["address"]),
            tuple(each["sources"]),
        )
        for each in entry.get("tokens", ())
    )
    aliases = tuple(
        AliasAddress(each["address"], each["decimals"], each.get("of"), tuple(each["sources"]))
        for each in entry.get("aliases", ())
    )
    compared: dict[str, tuple[str, ...]] = {
        "chain": tuple(entry["sources"]),
        "final": tuple(final.get("sources", ())),
        "eip1559": tuple(eip1559.get("sources", ())),
        "cancun": tuple(cancun.get("sources", ())),
        **{listed.token.symbol: listed.sources for listed in tokens},
        **{alias.address: alias.sources for alias in aliases},
    }
    return Chain(
        id=entry["id"],
        name=entry["name"],
        kind=entry.get("kind", "main"),
        coin=Token(**entry["coin"]),
        final=final.get("after"),
        final_text=final.get("says", ""),
        eip1559=eip1559.get("holds"),
        cancun=cancun.get("holds"),
        tokens=tokens,
        aliases=aliases,
        note=entry.get("note", ""),
        unverified=tuple(fact for fact, named in compared.items() if not named),
        sources=tuple(dict.fromkeys(_flat(compared))),
    )


def _flat(compared: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for named in compared.values():
        yield from named
