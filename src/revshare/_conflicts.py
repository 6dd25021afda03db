"""Rules that contradict one another, or the rest of their agreement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from itertools import islice, product
from typing import TypeAlias

from ._fields import percent_text
from ._model import Refusal, place, show, under
from ._rule import Rule, fraction
from ._rules_close import Floor, Guarantee, Reserve, Retain, Threshold, Weights, Withhold
from ._rules_sale import Cap, Commission, Nest, Progressive, Recoup, Refunds, Version, Where
from .errors import AmountError, Problem
from .money import Token

Numbered = list[tuple[int, Rule]]
_MOST_COMBINATIONS = 10_000


def conflicts(rules: Numbered) -> Iterator[Problem]:
    """Yield what is wrong between rules, each with its number in the agreement."""
    yield from _twice(rules)
    yield from _too_much(rules)
    yield from _circles(rules)
    yield from _crossed(rules)
    yield from _ties([(number, rule) for number, rule in rules if isinstance(rule, Where)])


def units_of(amount: str, token: Token) -> int:
    """Return an amount in base units; raise Refusal for one that is finer than the token's unit."""
    try:
        return token.parse(amount)
    except AmountError as error:
        raise Refusal(str(error), f"use at most {token.decimals} decimals and 77 digits") from None


def inexact(rules: Numbered, token: Token, limit: int) -> Iterator[Problem]:
    """Yield amounts in rules that are finer than the token's unit, or not below `limit` units."""
    for number, rule in rules:
        for where, amount in rule.amounts():
            at = under(("rules", number), where)
            try:
                units = units_of(amount, token)
            except Refusal as refusal:
                yield Problem(at, refusal.what, refusal.fix)
                continue
            if units >= limit:
                yield Problem(at, f"{show(amount)} is out of range", f"stay below {token.format(limit)}")


# ------------------------------------------------------------------------------------------ only one


def _only_one(rule: Rule) -> Iterator[tuple[str, tuple[object, ...], str, str]]:
    """Yield what there may be only one of: the field at fault, a key, what there is already, the remedy."""
    match rule:
        case Version():
            fix = "give each version a day of its own"
            yield "starts", (rule.starts,), f"{rule.starts} is the first day of", fix
        case Cap() | Floor() | Guarantee():
            span = "in all" if rule.per == "lifetime" else f"per {rule.per}"
            fix = "keep one of them, or set days on which each holds"
            yield "payee", (rule.payee, rule.per), f"{rule.payee} has a {rule.rule} {span} by", fix
        case Refunds():
            yield "by", (), "credit notes are borne by another payee by", "keep one of them"
        case Nest():
            yield "payee", (1, rule.payee), f"{rule.payee} is a split already by", "keep one of them"
            fix = "a split has one address, and so is one payee: keep one of them"
            yield "agreement", (2, rule.agreement), f"{show(rule.agreement)} is nested already by", fix


def _twice(rules: Numbered) -> Iterator[Problem]:
    first: dict[tuple[object, ...], list[tuple[int, Rule]]] = {}
    of_payees: dict[str, list[tuple[int, _OfPayees]]] = {}
    for number, rule in rules:
        for field, key, what, fix in _only_one(rule):
            earlier = first.setdefault((rule.rule, *key), [])
            clash = next(
                (n for n, other in earlier if isinstance(rule, Version) or rule.together(other)), None
            )
            if clash is not None:
                yield Problem(place("rules", number, field), f"{what} {place('rules', clash)}", fix)
            earlier.append((number, rule))
        if isinstance(rule, (Threshold, Reserve, Weights)):
            yield from _shared(number, rule, of_payees.setdefault(rule.rule, []))


_OfPayees: TypeAlias = Threshold | Reserve | Weights


def _shared(number: int, rule: _OfPayees, earlier: list[tuple[int, _OfPayees]]) -> Iterator[Problem]:
    """A payee who has such a rule already."""
    for before, other in earlier:
        mine, theirs = set(rule.payees or ()), set(other.payees or ())
        both = sorted(mine & theirs if mine and theirs else mine | theirs)
        if rule.together(other) and (both or not (mine or theirs)):
            what = f"{both[0] if both else 'everybody'} has a rule {rule.rule!r} by {place('rules', before)}"
            yield Problem(place("rules", number, "payees"), what, "name each payee in one of them")
            break
    earlier.append((number, rule))


# ------------------------------------------------------------------------------------------ more than all


def _too_much(rules: Numbered) -> Iterator[Problem]:
    """Rates that take more than there is. Commissions must leave something, for the others share it."""
    flat = [(n, rule, fraction(rule.rate)) for n, rule in rules if isinstance(rule, Commission)]
    yield from _sums(flat, "the commissions", "leave something to share", all_too=True)
    steps = [(n, rule, rule.highest()) for n, rule in rules if isinstance(rule, Progressive)]
    yield from _sums(steps, "the highest steps of the progressive rates", "make them at most 100%")
    payees = sorted({rule.payee for _, rule in rules if isinstance(rule, Withhold)})
    for payee in payees:
        kept = [
            (n, rule, fraction(rule.rate))
            for n, rule in rules
            if isinstance(rule, Withhold) and rule.payee == payee
        ]
        yield from _sums(kept, f"the rates withheld from {payee}", "make them at most 100%")
    kept_back = [(n, rule) for n, rule in rules if isinstance(rule, Retain)]
    for payee in sorted({name for _, rule in kept_back for name in rule.payees or ()}) or [""]:
        rates = [
            (n, rule, fraction(rule.rate))
            for n, rule in kept_back
            if rule.payees is None or payee in rule.payees
        ]
        yield from _sums(
            rates, f"the parts retained{f' from {payee}' if payee else ''}", "make them at most 100%"
        )


def _sums(
    rates: Iterable[tuple[int, Rule, Fraction]], what: str, fix: str, *, all_too: bool = False
) -> Iterator[Problem]:
    """Yield a problem at the last of the rates that are in force together and exceed (or make up) all."""
    found = list(rates)
    for day in sorted({rule.starts or date.min for _, rule, _ in found}):
        on = [(n, rate) for n, rule, rate in found if (rule.starts or day) <= day < (rule.ends or date.max)]
        total = sum((rate for _, rate in on), Fraction(0))
        if total > 1 or (all_too and total == 1):
            yield Problem(place("rules", on[-1][0]), f"{what} sum to {percent_text(total * 100)}", fix)
            return


# ------------------------------------------------------------------------------------------ circles


def _circles(rules: Numbered) -> Iterator[Problem]:
    """Caps whose excess goes round: nobody would have it in the end."""
    for span in ("sale", "period", "lifetime"):
        caps = [(n, rule) for n, rule in rules if isinstance(rule, Cap) and rule.per == span]
        passing = {cap.payee: cap.to for _, cap in caps}
        known: set[str] = set()  # payees on a path that was followed
        for number, cap in caps:
            path = [cap.payee]
            while path[-1] in passing and path[-1] not in known:
                known.add(path[-1])
                path.append(passing[path[-1]])
            if path[-1] in path[:-1]:
                path = path[path.index(path[-1]) :]
                at = next((n for n, one in caps if one.payee == path[-2]), number)
                what = f"the excess goes in a circle ({' → '.join(path)})"
                yield Problem(place("rules", at, "to"), what, "end with somebody who has no cap")


def _crossed(rules: Numbered) -> Iterator[Problem]:
    """A floor above the cap of the same payee; two amounts for one pool."""
    for number, rule in rules:
        for earlier, other in rules:
            match rule, other:
                case Floor(), Cap() if (
                    (rule.payee, rule.per) == (other.payee, other.per)
                    and Fraction(rule.amount) > Fraction(other.amount)
                    and rule.together(other)
                ):
                    what = f"{rule.amount} is above the cap of {other.amount} in {place('rules', earlier)}"
                    yield Problem(place("rules", number, "amount"), what, "make the floor at most the cap")
                case Recoup(), Recoup() if (
                    earlier < number
                    and rule.pool is not None
                    and (rule.pool, rule.payee) == (other.pool, other.payee)
                    and _target(rule) != _target(other)
                ):
                    what = f"is another amount than the one of the same pool in {place('rules', earlier)}"
                    yield Problem(
                        place("rules", number, "amount"), what, "a pool is one target: say it alike"
                    )


def _target(rule: Recoup) -> Fraction:
    return Fraction(rule.amount) * Fraction(rule.premium)


# ------------------------------------------------------------------------------------------ ties


def _ties(rules: list[tuple[int, Where]]) -> Iterator[Problem]:
    """Two that fit the same sale and name as many criteria, unless one that names more decides there."""
    for place_in_list, (number, rule) in enumerate(rules):
        for earlier, other in rules[:place_in_list]:
            mine, theirs = rule.criteria(), other.criteria()
            if len(mine) != len(theirs) or not rule.together(other):
                continue
            both = {
                field: [
                    value
                    for value in mine.get(field) or theirs[field]
                    if field not in mine or field not in theirs or value in theirs[field]
                ]
                for field in {**mine, **theirs}
            }
            if not all(both.values()):
                continue
            undecided = _undecided(both, rules, len(mine))
            if undecided:
                what = f"a sale of {undecided} fits {place('rules', earlier)} as well, which names as much"
                fix = "name more in one of them, or add a rule for sales that fit both"
                yield Problem(place("rules", number), what, fix)


def _undecided(both: dict[str, list[str]], rules: list[tuple[int, Where]], named: int) -> str:
    """Return a sale, in words, that no rule naming more than `named` criteria decides; empty if none."""
    finer = [rule.criteria() for _, rule in rules if len(rule.criteria()) > named]
    finer = [criteria for criteria in finer if set(criteria) <= set(both)]
    for values in islice(product(*both.values()), _MOST_COMBINATIONS):
        sale = dict(zip(both, values, strict=True))
        if not any(all(sale[field] in fits for field, fits in criteria.items()) for criteria in finer):
            return ", ".join(f"{field} {value}" for field, value in sale.items())
    return ""
