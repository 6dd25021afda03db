"""Rules worked out by hand: every unit of revenue by itself, in fractions, as docs/rules.md tells it.

What the compiler of rules is compared with. It shares no code with revshare and reads an agreement as plain
data, amounts in whole tokens of `decimals`. Nothing is rounded and nothing is looked ahead: a unit comes in,
each rule takes its part in the order of evaluation, and what is left is shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Earned = dict[str, Fraction]


def part(rate: str) -> Fraction:
    return Fraction(rate.removesuffix("%")) / 100


@dataclass
class Stairs:
    """Slices that are filled one after the other; each has what is in it shared in its own way."""

    ends: list[Fraction | None]
    filled: Fraction = Fraction(0)

    def pour(self, amount: Fraction) -> list[tuple[int, Fraction]]:
        """Return how much of `amount` falls into which slice."""
        found = []
        for number, end in enumerate(self.ends):
            room = amount if end is None else min(amount, max(end - self.filled, Fraction(0)))
            if room:
                found.append((number, room))
                self.filled += room
                amount -= room
        return found


@dataclass
class Floor:
    payee: str
    amount: Fraction
    givers: list[str]
    got: Fraction = Fraction(0)
    given: Earned = field(default_factory=dict)
    returned: Fraction = Fraction(0)

    def correct(self, earned: Earned) -> None:
        own, theirs = earned[self.payee], {giver: earned[giver] for giver in self.givers}
        everything = own + sum(theirs.values())
        missing = self.amount - self.got
        if missing > 0 and everything:
            needed = min(Fraction(1), missing / everything)  # such a part of what comes in fills the floor
            self.got += needed * everything
            for giver, amount in theirs.items():
                self.given[giver] = self.given.get(giver, Fraction(0)) + needed * amount
                earned[giver] -= needed * amount
                earned[self.payee] += needed * amount
            own -= needed * own
        given = sum(self.given.values(), Fraction(0))
        if self.got >= self.amount and given:
            back = min(own, given - self.returned)
            self.returned += back
            earned[self.payee] -= back
            for giver, amount in self.given.items():
                earned[giver] += back * amount / given


class ByHand:
    """An agreement played by hand. `earned` is what everybody has, exactly, in base units."""

    def __init__(self, agreement: Mapping[str, Any], decimals: int = 0) -> None:
        self.unit = 10**decimals
        self.payees = list(agreement["payees"])
        self.earned: Earned = dict.fromkeys(self.payees, Fraction(0))
        self.rules = list(agreement.get("rules", ()))
        self.tiers = [_shares(tier["shares"]) for tier in agreement["tiers"]]
        self.base = Stairs([self.units(tier.get("until")) for tier in agreement["tiers"]])
        self.taken = [Fraction(0) for _ in self.rules]
        self.steps = [
            Stairs([self.units(step.get("until")) for step in rule["steps"]]) if "steps" in rule else None
            for rule in self.rules
        ]
        self.floors = [
            Floor(
                rule["payee"],
                self.need(rule),
                [name for name in rule.get("by") or self.payees if name != rule["payee"]],
            )
            for rule in self.rules
            if rule["rule"] == "floor"
        ]

    def units(self, amount: Any) -> Fraction | None:
        return None if amount is None else Fraction(str(amount)) * self.unit

    def need(self, rule: Mapping[str, Any]) -> Fraction:
        exact = Fraction(str(rule["amount"])) * self.unit * Fraction(rule.get("premium", "1"))
        return Fraction(-(-exact // 1))

    def _take(self, number: int, offered: Fraction) -> Fraction:
        """What a rule with a target takes of what it is offered."""
        taken = min(offered, self.need(self.rules[number]) - self.taken[number])
        self.taken[number] += taken
        return taken

    def receive(self, amount: Fraction = Fraction(1)) -> None:
        """Share one unit among everybody."""
        earned = dict.fromkeys(self.payees, Fraction(0))
        left = amount
        for rule in self.of("commission"):
            earned[rule["to"]] += amount * part(rule["rate"])
            left -= amount * part(rule["rate"])
        for number in self.numbers("fee"):
            taken = self._take(number, left)
            earned[self.rules[number]["to"]] += taken
            left -= taken
        for number in self.numbers("recoup"):
            rule = self.rules[number]
            if rule.get("of") is None:
                taken = self._take(number, left * part(rule.get("rate", "100%")))
                earned[rule["payee"]] += taken
                left -= taken
        reached = left
        for number in self.numbers("progressive"):
            stairs = self.steps[number]
            assert stairs is not None
            for step, inside in stairs.pour(reached):
                taken = inside * part(self.rules[number]["steps"][step]["rate"])
                earned[self.rules[number]["payee"]] += taken
                left -= taken
        for tier, inside in self.base.pour(left):
            for payee, share in self.tiers[tier].items():
                earned[payee] += inside * share
        self._caps(earned)
        self._debts(earned)
        for floor in self.floors:
            floor.correct(earned)
        for payee, amount_earned in earned.items():
            self.earned[payee] += amount_earned

    def _debts(self, earned: Earned) -> None:
        for number in self.numbers("recoup"):
            rule = self.rules[number]
            if rule.get("of") is not None:
                taken = self._take(number, earned[rule["of"]] * part(rule.get("rate", "100%")))
                earned[rule["payee"]] += taken
                earned[rule["of"]] -= taken

    def _caps(self, earned: Earned) -> None:
        """Pass excess on until nobody has any, however the caps are ordered."""
        caps = {self.rules[number]["payee"]: number for number in self.numbers("cap")}
        waiting = dict(earned)
        for payee in earned:
            earned[payee] = Fraction(0)
        while any(waiting.values()):
            for payee in self.payees:
                amount = waiting.pop(payee)
                waiting[payee] = Fraction(0)
                if payee in caps:
                    kept = self._take(caps[payee], amount)
                    to = self.rules[caps[payee]]["to"]
                    waiting[to] += amount - kept
                else:
                    kept = amount
                earned[payee] += kept

    def of(self, kind: str) -> list[Any]:
        return [rule for rule in self.rules if rule["rule"] == kind]

    def numbers(self, kind: str) -> list[int]:
        return [number for number, rule in enumerate(self.rules) if rule["rule"] == kind]


def _shares(shares: Mapping[str, Any]) -> Earned:
    exact = {
        payee: part(share) if isinstance(share, str) else Fraction(share) for payee, share in shares.items()
    }
    return {payee: share / sum(exact.values()) for payee, share in exact.items()}
