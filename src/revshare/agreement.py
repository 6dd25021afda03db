"""Agreements: who shares the revenue, and by which rules, as people write them down and sign them.

    name = "Cosmetics to Australia"
    token = { symbol = "GBPT", decimals = 6 }

    [payees]
    exporter = "0x…"
    designer = "0x…"

    [[tiers]]                                           # the first 2,000 repay the designer's advance
    until = "2000"
    shares = { designer = 1 }

    [[tiers]]                                           # all that follows
    shares = { exporter = "60%", designer = "40%" }

Shares of a tier are percentages that sum to exactly 100 %, or integer weights. A payee left out of a tier has
no share in it. A table ``[governance]`` says who may change the terms; without one nobody can. Whatever is
wrong with an agreement is reported at once, in one `AgreementError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field

from . import _textfile
from ._fields import (
    WEIGHT_LIMIT,
    Address,
    PayeeName,
    Share,
    Until,
    check_address,
    check_line,
    check_share,
    check_until,
    is_name,
    percent,
    percent_text,
    same_name,
)
from ._governance import Governance
from ._model import Frozen, Model, Refusal, place, show
from .errors import AgreementError, AmountError, Problem, UnknownPayee, did_you_mean
from .money import Token
from .schedule import Schedule, TierTerms

MAX_PAYEES = 400
"""So many payments still fit one transaction."""
MAX_TIERS = 8
UNTIL_LIMIT = 2**127
"""A tier ends below this many base units: more revenue the contract does not count."""

# ------------------------------------------------------------------------------------------ tiers


def _weights(shares: Mapping[str, int | str]) -> dict[str, int]:
    """Return a tier's shares as integer weights: as written, or the smallest that give the percentages."""
    percents = {payee: percent(share) for payee, share in shares.items() if isinstance(share, str)}
    if not percents:
        return {payee: int(share) for payee, share in shares.items()}
    scale = lcm(*(part.denominator for part in percents.values()))
    weights = {payee: int(part * scale) for payee, part in percents.items()}
    common = gcd(*weights.values()) or 1
    return {payee: weight // common for payee, weight in weights.items()}


def _shares(shares: dict[str, int | str]) -> dict[str, int | str]:
    """Check the shares of a tier together: one kind, exactly 100 %, small enough for the contract."""
    texts = {payee for payee, share in shares.items() if isinstance(share, str)}
    if texts and len(texts) < len(shares):
        odd = next(payee for payee in shares if payee not in texts)
        raise Refusal(
            f"percentages and whole numbers are mixed ({odd} = {shares[odd]})",
            "write all shares of a tier as percentages, or all as whole numbers",
        )
    if texts:
        total = sum((percent(str(share)) for share in shares.values()), Fraction(0))
        if total != 100:
            miss = f"{percent_text(abs(total - 100))} too {'much' if total > 100 else 'little'}"
            fix = "make them sum to exactly 100%"
            if len(set(shares.values())) == 1:  # such as three times 33.33%
                fix += ", or share equally by whole numbers: 1 for each"
            raise Refusal(f"the percentages sum to {percent_text(total)}, which is {miss}", fix)
    weights = _weights(shares)
    if not any(weights.values()):
        raise Refusal("nobody has a share", "give at least one payee a share above zero")
    if max(weights.values()) >= WEIGHT_LIMIT:
        raise Refusal(
            f"as whole numbers these percentages need a weight of {max(weights.values())}",
            f"use fewer decimals: weights are less than {WEIGHT_LIMIT}",
        )
    return shares


class Tier(Model):
    """A slice of the revenue and how it is shared.

    until: cumulative revenue at which the tier ends, in whole tokens, as text; None for the last tier.
    shares: payee → integer weight or percentage, as written.
    """

    until: Annotated[
        Until | None,
        Field(description="Cumulative revenue, in whole tokens, at which the tier ends; none for the last."),
    ] = None
    shares: Annotated[
        dict[PayeeName, Share],
        Field(
            min_length=1,
            max_length=MAX_PAYEES,
            description='Payee and share: percentages like "12.5%" that sum to 100 %, or whole numbers.',
        ),
        AfterValidator(_shares),
        Frozen,
    ]

    def weights(self) -> dict[str, int]:
        """Return the integer weight of each payee named in this tier."""
        return _weights(self.shares)


class Payee(Model):
    """Someone who shares: the `name` used in the agreement and the `address` that is paid."""

    name: PayeeName
    address: Address


# ------------------------------------------------------------------------------------------ agreement


class Agreement(Model):
    """What people sign: a name, the token revenue is counted in, the payees, the tiers, and who may amend.

    Make one from a file with `load`, from text with `loads`, from data with `model_validate` or by calling
    the class. Each raises AgreementError with everything that is wrong.
    """

    name: Annotated[
        str,
        BeforeValidator(lambda value: check_line(value, 200)),
        Field(description="What the agreement is called.", min_length=1, max_length=200),
    ]
    token: Annotated[Token, Field(description="What revenue is counted in.")]
    payees: Annotated[
        dict[PayeeName, Address],
        Field(min_length=1, max_length=MAX_PAYEES, description="Name and address of everyone who shares."),
        Frozen,
    ]
    tiers: Annotated[
        tuple[Tier, ...],
        Field(min_length=1, max_length=MAX_TIERS, description="Slices of cumulative revenue, in order."),
    ]
    governance: Annotated[
        Governance | None,
        Field(description="Who may change the terms; left out, they never change."),
    ] = None

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what is wrong between payees, tiers and token."""
        payees = _table(data.get("payees"))
        tiers = data.get("tiers")
        tiers = list(tiers)[: MAX_TIERS + 1] if isinstance(tiers, (list, tuple)) else []
        yield from _lookalikes(payees)
        if payees and tiers:
            yield from _strangers(payees, tiers)
        yield from _boundaries(tiers, _token(data.get("token")))

    # ------------------------------------------------------------------------------------------ reading

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the agreement in the file `path`, TOML or JSON by its suffix. Raises AgreementError."""
        path = Path(path)
        text = _textfile.read_text(path)
        return cls._from_text(text, _textfile.format_of(path), str(path))

    @classmethod
    def loads(cls, text: str, format: _textfile.Format = "toml") -> Self:  # noqa: A002 - the word for it
        """Return the agreement that `text` (TOML, or JSON) says. Raises AgreementError."""
        if format not in ("toml", "json"):
            raise ValueError(f'format must be "toml" or "json", not {format!r}')
        return cls._from_text(text, format, None)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_options: Any) -> Self:
        """Return the agreement that JSON text says. Raises AgreementError."""
        if isinstance(json_data, (bytes, bytearray)):
            try:
                json_data = json_data.decode()
            except UnicodeDecodeError as error:
                where = f"byte {error.start + 1}"
                raise AgreementError([Problem(where, "is not UTF-8", "encode the text as UTF-8")]) from None
        return cls._from_text(json_data, "json", None)

    @classmethod
    def _from_text(cls, text: str, kind: _textfile.Format, source: str | None) -> Self:
        try:
            return cls.model_validate(_textfile.parse(text, kind))
        except AgreementError as error:
            raise AgreementError(error.problems, source) from None

    # ------------------------------------------------------------------------------------------ writing

    def to_dict(self) -> dict[str, Any]:
        """Return the agreement as plain data, which `model_validate` takes back."""
        return self.model_dump(exclude_none=True)

    def to_toml(self) -> str:
        """Return the agreement as the text of a TOML file, which `loads` takes back."""
        return _textfile.to_toml(self.to_dict())

    def to_json(self) -> str:
        """Return the agreement as the text of a JSON file, which `loads(…, format="json")` takes back."""
        return _textfile.to_json(self.to_dict())

    def save(self, path: str | Path) -> None:
        """Write the agreement to the file `path`, TOML or JSON by its suffix."""
        path = Path(path)
        text = self.to_toml() if _textfile.format_of(path) == "toml" else self.to_json()
        path.write_text(text, encoding="utf-8", newline="\n")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON schema (2020-12) of agreement files, by which editors complete and check them."""
        schema = cls.model_json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = "revshare agreement"
        schema["properties"]["$schema"] = {
            "type": "string",
            "description": "The address of this schema, for editors.",
        }
        return schema

    # ------------------------------------------------------------------------------------------ use

    def payee(self, name: str) -> Payee:
        """Return the payee called `name`. Raises UnknownPayee."""
        if name not in self.payees:
            raise UnknownPayee(name, self.payees)
        return Payee(name=name, address=self.payees[name])

    def schedule(self) -> Schedule:
        """Return the agreement compiled to tiers of integer weights, payees in the order of the agreement."""
        tiers = []
        start = 0
        for tier in self.tiers:
            end = None if tier.until is None else self.token.parse(tier.until)
            by_name = tier.weights()
            weights = tuple(by_name.get(payee, 0) for payee in self.payees)
            tiers.append(TierTerms(start, end, weights, sum(weights)))
            start = end or 0
        return Schedule(tuple(self.payees), tuple(self.payees.values()), tuple(tiers), self.token)

    def hints(self) -> tuple[str, ...]:
        """Return what the agreement may say, and perhaps should not."""
        return () if self.governance is None else tuple(self.governance.hints())

    def __str__(self) -> str:
        return f"{self.name}: {len(self.payees)} payees, {len(self.tiers)} tiers, in {self.token.symbol}"

    def _repr_html_(self) -> str:
        from . import _html

        return _html.agreement(self)

    def __repr__(self) -> str:
        lines = [f"Agreement({self.name!r}, in {self.token.symbol} with {self.token.decimals} decimals)"]
        lines += [f"  {name}: {address}" for name, address in self.payees.items()]
        for tier in self.tiers:
            shares = ", ".join(f"{payee} {share}" for payee, share in tier.shares.items())
            lines.append(f"  {f'until {tier.until}' if tier.until else 'then'}: {shares}")
        if self.governance is not None:
            lines.append(f"  amended by: {self.governance}")
        return "\n".join(lines)


# ------------------------------------------------------------------------------------------ between fields
# These see data as given, of which any part may be malformed: what is, has been reported where it stands.


def _table(value: object) -> Mapping[str, object]:
    table = value if isinstance(value, Mapping) else {}
    return {key: entry for key, entry in table.items() if isinstance(key, str)}


def _of(tier: object, key: str) -> object:
    return getattr(tier, key) if isinstance(tier, Tier) else _table(tier).get(key)


def _token(value: object) -> Token | None:
    try:
        return Token.model_validate(value)
    except AgreementError:
        return None


def _lookalikes(payees: Mapping[str, object]) -> Iterator[Problem]:
    """Two names or addresses that are one and the same."""
    names: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name, value in payees.items():
        first = names.setdefault(same_name(name), name)
        if first != name:
            yield Problem(
                place("payees", name), f"differs from {show(first)} in letter case only", "rename one of them"
            )
        try:
            address = check_address(value)
        except Refusal:
            continue
        owner = owners.setdefault(address, name)
        if owner != name:
            yield Problem(
                place("payees", name),
                f"has the same address as {show(owner)}",
                "give each payee its own address, or make them one payee with the sum of the shares",
            )


def _strangers(payees: Mapping[str, object], tiers: list[object]) -> Iterator[Problem]:
    """Shares of somebody who is no payee, and payees who have no share."""
    sharing: set[str] = set()
    complete = True  # as long as every share is understood
    for number, tier in enumerate(tiers):
        weights = {name: _weight(share) for name, share in _table(_of(tier, "shares")).items()}
        complete &= any(weights.values()) and None not in weights.values()
        sharing |= {name for name, weight in weights.items() if weight}
        for name in weights:
            if name not in payees and is_name(name):
                fix = did_you_mean(name, payees) or f"add {name} to the payees, or remove the share"
                yield Problem(place("tiers", number, "shares", name), "is not one of the payees", fix)
    for name in payees:
        if complete and name not in sharing and is_name(name):
            yield Problem(place("payees", name), "has no share in any tier", "give it a share, or remove it")


def _weight(value: object) -> int | Fraction | None:
    """Return what a share is worth in its tier, None if that cannot be told."""
    try:
        share = check_share(value)
    except Refusal:
        return None
    return share if isinstance(share, int) else percent(share)


def _boundaries(tiers: list[object], token: Token | None) -> Iterator[Problem]:
    """Tiers that do not follow one another: `until` missing, superfluous, not ascending, or not exact."""
    before, before_text = 0, ""
    for number, tier in enumerate(tiers):
        where, last = place("tiers", number, "until"), number == len(tiers) - 1
        if not isinstance(tier, (Tier, Mapping)):
            continue
        try:
            until = check_until(_of(tier, "until"))
        except Refusal:
            continue
        if until is None:
            if not last:
                yield Problem(
                    where,
                    "is missing: only the last tier goes on for ever",
                    "say at which revenue this tier ends",
                )
            continue
        if last:
            yield Problem(
                where, "does not belong in the last tier", "remove it, or add a tier for what comes after"
            )
        if token is None:
            continue
        try:
            end = token.parse(until)
        except AmountError as error:
            yield Problem(where, str(error), f"use at most {token.decimals} decimals and 77 digits")
            continue
        if end >= UNTIL_LIMIT:
            most = f"stay below {token.format(UNTIL_LIMIT)}"
            yield Problem(where, f"{show(until)} is more than the contract counts", most)
        elif end <= before:
            yield Problem(
                where,
                f"{until} does not exceed {before_text} of the tier before",
                "put the tiers in ascending order",
            )
        else:
            before, before_text = end, until
