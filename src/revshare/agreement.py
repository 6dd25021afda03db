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
no share in it. Tables ``[[rules]]`` say what holds beside the tiers (see `revshare.rules`); a table
``[governance]`` who may change the terms: without one nobody can. Whatever is wrong with an agreement is
reported at once, in one `AgreementError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field

from . import _conflicts, _textfile
from ._enforcement import Enforcement, compiled, enforcements
from ._fields import (
    Address,
    PayeeName,
    check_address,
    check_line,
    check_share,
    check_until,
    is_name,
    percent,
    same_name,
)
from ._files import write_whole
from ._governance import Governance
from ._model import Frozen, Model, Refusal, place, show, under
from ._tier import MAX_IN_BOOK, MAX_PAYEES, MAX_TIERS, UNTIL_LIMIT, Tier
from ._words import counted
from .errors import AgreementError, Problem, UnknownPayee, did_you_mean
from .money import Token
from .rules import KINDS, AnyRule, Nest, Rule, Version
from .schedule import Schedule, TierTerms

__all__ = [
    "MAX_IN_BOOK", "MAX_PAYEES", "MAX_RULES", "MAX_TIERS", "UNTIL_LIMIT", "Agreement", "Enforcement", "Payee",
    "Tier",
]  # fmt: skip

MAX_RULES = 100

# ------------------------------------------------------------------------------------------ payees


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
        Field(min_length=1, max_length=MAX_IN_BOOK, description="Name and address of everyone who shares."),
        Frozen,
    ]
    tiers: Annotated[
        tuple[Tier, ...],
        Field(min_length=1, max_length=MAX_TIERS, description="Slices of cumulative revenue, in order."),
    ]
    rules: Annotated[
        tuple[AnyRule, ...],
        Field(max_length=MAX_RULES, description="What holds beside the tiers: commissions, recoups, caps …"),
    ] = ()
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
        rules, all_understood = _rules(data.get("rules"))
        token = _token(data.get("token"))
        if all_understood and all(rule.by_contract for _, rule in rules):
            yield from _crowd(payees)
        yield from _lookalikes(payees)
        if payees and tiers:
            yield from _strangers(payees, tiers, rules, all_understood)
        yield from _boundaries(tiers, token)
        for number, rule in rules:
            if isinstance(rule, Version):
                for problem in _boundaries(list(rule.tiers), token):
                    yield Problem(under(("rules", number), problem.where), problem.what, problem.fix)
        if token is not None:
            yield from _conflicts.inexact(rules, token, UNTIL_LIMIT)
        yield from _conflicts.conflicts(rules)

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
        data = self.model_dump(mode="json", exclude_none=True)
        return data if self.rules else {key: value for key, value in data.items() if key != "rules"}

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
        write_whole(path, text)

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
        """Return the agreement compiled to tiers of integer weights, payees in the order of the agreement.

        Rules become tiers too. Raises NeedsPayoutBook where one cannot, or where they become more tiers, or
        larger weights, than a contract takes; AgreementError where somebody would never earn anything.
        """
        if all(isinstance(rule, Nest) for rule in self.rules):
            return self.base_schedule()
        return compiled(self.base_schedule(), self.rules).schedule()

    def base_schedule(self, tiers: Sequence[Tier] | None = None) -> Schedule:
        """Return the schedule of the tiers alone, as if there were no rules; of a version's `tiers` if given.

        It may have more payees than a contract takes.
        """
        terms = []
        start = 0
        for tier in self.tiers if tiers is None else tiers:
            end = None if tier.until is None else self.token.parse(tier.until)
            by_name = tier.weights()
            weights = tuple(by_name.get(payee, 0) for payee in self.payees)
            terms.append(TierTerms(start, end, weights, sum(weights)))
            start = end or 0
        return Schedule(tuple(self.payees), tuple(self.payees.values()), tuple(terms), self.token)

    @property
    def by_contract(self) -> bool:
        """Whether a contract enforces all of it, so that `schedule` compiles it."""
        return all(one.by_contract for one in self.enforcement())

    def enforcement(self) -> tuple[Enforcement, ...]:
        """Return for each rule, in order, whether the contract enforces it, and why."""
        return enforcements(self.base_schedule(), self.rules)

    def hints(self) -> tuple[str, ...]:
        """Return what the agreement may say, and perhaps should not."""
        about_rules = (hint for one in self.enforcement() for hint in one.hints())
        return (*(() if self.governance is None else self.governance.hints()), *about_rules)

    def __str__(self) -> str:
        rules = f", {counted(len(self.rules), 'rule')}" if self.rules else ""
        return (
            f"{self.name}: {len(self.payees)} payees, {len(self.tiers)} tiers{rules}, in {self.token.symbol}"
        )

    def _repr_html_(self) -> str:
        from . import _html

        return _html.agreement(self)

    def __repr__(self) -> str:
        lines = [f"Agreement({self.name!r}, in {self.token.symbol} with {self.token.decimals} decimals)"]
        lines += [f"  {name}: {address}" for name, address in self.payees.items()]
        for tier in self.tiers:
            shares = ", ".join(f"{payee} {share}" for payee, share in tier.shares.items())
            lines.append(f"  {f'until {tier.until}' if tier.until else 'then'}: {shares}")
        lines += [f"  {rule.rule}: {rule.says()}" for rule in self.rules]
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


def _strangers(
    payees: Mapping[str, object], tiers: list[object], rules: list[tuple[int, Rule]], complete: bool
) -> Iterator[Problem]:
    """Shares and rules of somebody who is no payee, and payees to whom neither gives anything.

    complete: whether every rule is understood.
    """
    earning: set[str] = set()
    named: list[tuple[str, str]] = []
    for where, tier in _all_tiers(tiers, rules):
        weights = {name: _weight(share) for name, share in _table(_of(tier, "shares")).items()}
        complete &= any(weights.values()) and None not in weights.values()
        earning |= {name for name, weight in weights.items() if weight}
        named += [(place(*where, "shares", name), name) for name in weights]
    for number, rule in rules:
        earning |= set(rule.earning())
        named += [(under(("rules", number), where), name) for where, name in rule.named()]
    for at, name in named:
        if name not in payees and is_name(name):
            what = "rule" if at.startswith("rules") and ".shares" not in at else "share"
            fix = did_you_mean(name, payees) or f"add {name} to the payees, or remove the {what}"
            yield Problem(at, "is not one of the payees", fix)
    for name in payees:
        if complete and name not in earning and is_name(name):
            yield Problem(place("payees", name), "has no share in any tier", "give it a share, or remove it")


def _all_tiers(
    tiers: list[object], rules: list[tuple[int, Rule]]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    yield from ((("tiers", number), tier) for number, tier in enumerate(tiers))
    for number, rule in rules:
        if isinstance(rule, Version):
            yield from ((("rules", number, "tiers", slot), tier) for slot, tier in enumerate(rule.tiers))


def _crowd(payees: Mapping[str, object]) -> Iterator[Problem]:
    """More payees than a contract pays, and no rule for the sake of which they are paid through a book."""
    if MAX_PAYEES < len(payees) <= MAX_IN_BOOK:
        yield Problem(
            "payees",
            f"has {len(payees)} entries",
            f"at most {MAX_PAYEES} fit a contract; with a rule that needs a payout book, {MAX_IN_BOOK:,}",
        )


def _rules(value: object) -> tuple[list[tuple[int, Rule]], bool]:
    """Return the rules that are understood, each with its number, and whether these are all."""
    given = list(value)[: MAX_RULES + 1] if isinstance(value, (list, tuple)) else []
    found: list[tuple[int, Rule]] = []
    for number, rule in enumerate(given):
        if isinstance(rule, Rule):
            found.append((number, rule))
        elif isinstance(rule, Mapping) and isinstance(rule.get("rule"), str) and rule["rule"] in KINDS:
            try:
                found.append((number, KINDS[rule["rule"]].model_validate(rule)))
            except AgreementError:
                continue
    return found, len(found) == len(given) and (value is None or isinstance(value, (list, tuple)))


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
            end = _conflicts.units_of(until, token)
        except Refusal as refusal:
            yield Problem(where, refusal.what, refusal.fix)
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
