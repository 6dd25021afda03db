"""Who enforces the rules of an agreement, its contract or a payout book, and the schedule they become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ._fields import WEIGHT_LIMIT
from ._model import place
from ._rule import Rule
from ._tier import MAX_TIERS, UNTIL_LIMIT
from ._waterfall import Waterfall, waterfall
from .errors import AgreementError, NeedsPayoutBook, Problem
from .rules import Fee, Nest, Recoup
from .schedule import Schedule

BOOK = "work it out with Accounts, and pay through a payout book"


@dataclass(frozen=True, slots=True)
class Enforcement:
    """How one rule is enforced.

    number: its place in the agreement, from 0. by: "contract" or "book". why: in a few words. spent: the
    revenue, in base units, at which a fee or recoup is complete, or a cap or floor is reached; None where it
    never is, and where the book enforces it.
    """

    number: int
    rule: Rule
    by: str
    why: str
    spent: int | None = None

    @property
    def by_contract(self) -> bool:
        """Whether the contract enforces it."""
        return self.by == "contract"

    def hints(self) -> Iterator[str]:
        """Yield what the rule may say, and perhaps should not."""
        where = place("rules", self.number)
        if isinstance(self.rule, Recoup) and self.rule.due is not None and self.rule.guarantor is None:
            yield f"{where} is due on {self.rule.due}, and nothing follows if it is late: name a guarantor"
        if self.by_contract and isinstance(self.rule, (Fee, Recoup)) and self.spent is None:
            yield f"{where} will never be complete, whatever the revenue"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, the revenue in base units."""
        return {
            "number": self.number,
            "rule": self.rule.rule,
            "says": self.rule.says(),
            "by": self.by,
            "why": self.why,
            "spent": self.spent,
        }


@dataclass(frozen=True)
class Compiled:
    """Tiers and rules, walked along the revenue: as a schedule, if a contract can take it."""

    base: Schedule
    rules: tuple[Rule, ...]
    walked: Waterfall

    def schedule(self) -> Schedule:
        """Return the schedule. Raises NeedsPayoutBook, or AgreementError where somebody never earns."""
        problems = list(self.problems())
        if problems:
            raise NeedsPayoutBook(problems)
        idle = [
            name for name in self.base.payees if not any(name in part.shares for part in self.walked.slices)
        ]
        if idle:
            what, fix = "never earns anything under these rules", "give it a share, or remove it"
            raise AgreementError(Problem(place("payees", name), what, fix) for name in idle)
        tiers = tuple(part.terms(self.base.payees) for part in self.walked.slices)
        return Schedule(self.base.payees, self.base.addresses, tiers, self.base.token)

    def problems(self) -> Iterator[Problem]:
        """Yield why a contract cannot take the tiers."""
        slices = self.walked.slices
        if len(slices) > MAX_TIERS:
            what = f"become {len(slices)} tiers with the agreement's own, and a contract has {MAX_TIERS}"
            yield Problem("rules", what, f"leave some out, or {BOOK}")
        last = slices[-1].start
        if last >= UNTIL_LIMIT:
            what = f"go on until {self.base.token.format(last)}, which is more than a contract counts"
            yield Problem("rules", what, f"use smaller amounts, or {BOOK}")
        heaviest = max(max(part.terms(self.base.payees).weights) for part in slices)
        if heaviest >= WEIGHT_LIMIT:
            what = f"become tiers with a weight of {heaviest}, and a contract has less than {WEIGHT_LIMIT}"
            yield Problem("rules", what, f"use rates with fewer decimals, or {BOOK}")


def compiled(base: Schedule, rules: tuple[Rule, ...]) -> Compiled:
    """Return the schedule `base` of the tiers with `rules`. Raises NeedsPayoutBook if one cannot be tiers."""
    problems = [
        Problem(place("rules", number), f"({rule.says()}): {why}", BOOK)
        for number, rule in enumerate(rules)
        if (why := rule.why_not())
    ]
    if problems:
        raise NeedsPayoutBook(problems)
    return _walked(base, rules)


@lru_cache(maxsize=32)
def _walked(base: Schedule, rules: tuple[Rule, ...]) -> Compiled:
    tiers = [(tier.end, dict(zip(base.payees, tier.weights, strict=True))) for tier in base.tiers]
    return Compiled(base, rules, waterfall(base.payees, tiers, list(enumerate(rules)), base.token.parse))


def enforcements(base: Schedule, rules: Sequence[Rule]) -> tuple[Enforcement, ...]:
    """Return who enforces each of the rules, and why."""
    try:
        whole = compiled(base, tuple(rules))
        problems = list(whole.problems())
    except NeedsPayoutBook as refused:
        first = refused.problems[0].where
        return tuple(
            Enforcement(number, rule, "book", rule.why_not() or f"the book pays for all, because of {first}")
            for number, rule in enumerate(rules)
        )
    if problems:
        why = f"the rules {problems[0].what}"
        return tuple(Enforcement(number, rule, "book", why) for number, rule in enumerate(rules))
    return tuple(
        Enforcement(number, rule, "contract", _why(rule), whole.walked.spent.get(number))
        for number, rule in enumerate(rules)
    )


def _why(rule: Rule) -> str:
    if isinstance(rule, Nest):
        return "it is paid like anybody, and shares by itself"
    return "it depends on revenue alone"
