"""The rules once more, as plainly as can be: exact fractions, everything from the first sale on.

Written from docs/rules.md and docs/accounts.md, and sharing no code with revshare.accounts. Of one agreement,
without pools and nesting, which are tested by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

import revshare as rs

Units = dict[str, int]


def rate_of(text: str) -> Fraction:
    return Fraction(text[:-1]) / 100


def on(rule: Any, day: date) -> bool:
    return (rule.starts is None or rule.starts <= day) and (rule.ends is None or day < rule.ends)


def pieces(ends: Sequence[Any], before: Any, after: Any) -> list[tuple[int, Any]]:
    """Cut the way from `before` to `after` where steps end: (step, signed length), as it goes."""
    bounds = [-(10**60), *ends, 10**60]
    found = []
    for step, (bottom, top) in enumerate(pairwise(bounds)):
        low, high = max(bottom, min(before, after)), min(top, max(before, after))
        if low < high:
            found.append((step, high - low))
    return found if after > before else [(step, -length) for step, length in reversed(found)]


@dataclass
class Month:
    last: date
    sales: list[rs.Sale]
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Plain:
    def __init__(self, agreement: rs.Agreement) -> None:
        self.agreement = agreement
        self.rules: list[tuple[int, Any]] = list(enumerate(agreement.rules))
        self.due: dict[Any, Fraction] = defaultdict(Fraction)
        self.given: dict[Any, int] = defaultdict(int)
        self.total: dict[Any, Any] = defaultdict(int)
        self.owed: dict[int, int] = {}
        self.start: dict[int, int] = {}
        self.balance: Units = dict.fromkeys(agreement.payees, 0)
        self.all_earned: Units = dict.fromkeys(agreement.payees, 0)
        self.dust = 0
        self.kept: dict[Any, dict[str, Any]] = {}
        self.held: list[tuple[int, str, int]] = []
        self.months = 0

    def units(self, text: str) -> int:
        return self.agreement.token.parse(text)

    def of(self, kind: str, day: date) -> list[tuple[int, Any]]:
        return [(n, rule) for n, rule in self.rules if rule.rule == kind and on(rule, day)]

    def whole(self, key: Any, more: Fraction) -> int:
        """What becomes whole units when `more` is added to what is due exactly."""
        self.due[key] += more
        change = floor(self.due[key]) - self.given[key]
        self.given[key] += change
        return change

    # ---------------------------------------------------------------- sales

    def sale(self, sale: rs.Sale) -> None:
        x, target = sale.amount, sale.metadata.get("reverses")
        first = self.kept.get((sale.source, target))
        day = sale.occurred_at.date() if first is None else first["day"]
        kind = "sale" if x >= 0 and first is None else "credit"
        quantity = int(sale.metadata.get("quantity", 1) or 0)
        mine: dict[str, Any] = {"day": day, "amount": x, "back": 0, "excess": {}, "units": quantity}
        self.kept[sale.source, sale.external_id] = mine
        share = (Fraction(0), Fraction(0))
        if first is not None:
            whole = abs(first["amount"])
            share = Fraction(first["back"], whole), Fraction(first["back"] + abs(x), whole)
            first["back"] += abs(x)
            mine["units"] = floor(first["units"] * share[1]) - floor(first["units"] * share[0])
        if x == 0:
            return
        self.month["revenue"] += x
        self.dust += x
        refunds = self.of("refunds", day)
        if kind == "credit" and refunds:
            self.dust -= x
            self.earned[refunds[0][1].by] += x
            return
        got: Units = dict.fromkeys(self.agreement.payees, 0)
        left = self.deductions(day, x, kind, got)
        self.month["deducted"] += x - left
        left = self.waterfall(day, left, mine["units"] * (1 if x > 0 else -1), got)
        where = self.where(sale, day) if first is None else first["where"]
        mine["where"] = where
        if where is not None:
            weights = rs.Tier(shares=self.agreement.rules[where].shares).weights()  # type: ignore[union-attr]
            for payee, weight in weights.items():
                got[payee] += self.whole((where, payee), Fraction(left * weight, sum(weights.values())))
        else:
            self.tiers(day, left, got)
        mine["excess"] = self.per_sale(day, kind, share, None if first is None else first["excess"], got)
        for n, rule in self.chain(day):
            cap, before = self.units(rule.amount), self.total[n]
            self.total[n] += got[rule.payee]
            over = max(0, self.total[n] - cap) - max(0, before - cap)
            got[rule.payee] -= over
            got[rule.to] += over
        for n, rule in self.of("recoup", day):
            if rule.of is not None:
                part = self.recoup(n, rule, got[rule.of])
                got[rule.of] -= part
                got[rule.payee] += part
        for payee, units in got.items():
            self.earned[payee] += units
            self.dust -= units

    def deductions(self, day: date, x: int, kind: str, got: Units) -> int:
        left = x
        for n, rule in self.of("commission", day):
            part = self.whole(n, x * rate_of(rule.rate))
            got[rule.to] += part
            left -= part
        for n, rule in self.of("fee", day):
            self.owed.setdefault(n, self.units(rule.amount) if rule.per == "once" else 0)
            if rule.per == "sale" and kind == "sale":
                self.owed[n] += self.units(rule.amount)
            part = max(0, min(left, self.owed[n]))
            self.owed[n] -= part
            if rule.per == "sale" and rule.short == "part":
                self.owed[n] = 0
            got[rule.to] += part
            left -= part
        return left

    def waterfall(self, day: date, left: int, units: int, got: Units) -> int:
        for n, rule in self.of("recoup", day):
            if rule.of is None:
                part = self.recoup(n, rule, left)
                got[rule.payee] += part
                left -= part
        base = left
        for n, rule in self.of("progressive", day):
            part = self.progressive(n, rule, base, units)
            got[rule.payee] += part
            left -= part
        return left

    def per_sale(self, day: date, kind: str, share: Any, excess: Any, got: Units) -> dict[int, int]:
        found = {}
        for n, rule in self.of("cap", day):
            if rule.per == "sale":
                over = max(0, got[rule.payee] - self.units(rule.amount)) if kind == "sale" else 0
                if excess is not None:
                    over = floor(excess.get(n, 0) * share[0]) - floor(excess.get(n, 0) * share[1])
                found[n] = over
                got[rule.payee] -= over
                got[rule.to] += over
        return found

    def chain(self, day: date) -> list[tuple[int, Any]]:
        caps = [(n, rule) for n, rule in self.of("cap", day) if rule.per == "lifetime"]

        def depth(payee: str) -> int:
            return max((1 + depth(rule.payee) for _, rule in caps if rule.to == payee), default=0)

        return sorted(caps, key=lambda cap: depth(cap[1].payee))

    def recoup(self, n: int, rule: Any, flow: int) -> int:
        self.whole(n, flow * rate_of(rule.rate))
        target = -floor(-self.units(rule.amount) * Fraction(rule.premium)) - self.given[n, "stood"]
        part = min(target, self.given[n]) - self.given[n, "taken"]
        self.given[n, "taken"] += part
        return part

    def progressive(self, n: int, rule: Any, flow: int, units: int) -> int:
        count = self.units if rule.metric == "revenue" else int
        ends = [count(step.until) for step in rule.steps if step.until is not None]
        rates = [rate_of(step.rate) for step in rule.steps]
        before = self.total[n, rule.metric]
        self.total[n, "revenue"] += flow
        self.total[n, "units"] += units
        after = self.total[n, rule.metric]
        if rule.mode == "whole":
            step = sum(after > end for end in ends)
            now = floor(rates[step] * self.total[n, "revenue"])
            part: int = now - self.given[n]
            self.given[n] = now
            return part
        if rule.metric == "revenue":
            return sum(self.whole((n, s), length * rates[s]) for s, length in pieces(ends, before, after))
        if not units:
            step = sum(after > end for end in ends)
            return self.whole((n, step), flow * rates[step])
        part = done = money = 0
        for step, length in pieces(ends, before, after):
            done += abs(length)
            upto = floor(Fraction(abs(flow) * done, abs(units))) * (1 if flow > 0 else -1)
            part += self.whole((n, step), (upto - money) * rates[step])
            money = upto
        return part

    def where(self, sale: rs.Sale, day: date) -> int | None:
        fits = [
            (len(criteria), n)
            for n, rule in self.of("where", day)
            if (criteria := rule.criteria())
            and all(getattr(sale, f) in values for f, values in criteria.items())
        ]
        return max(fits)[1] if fits else None

    def tiers(self, day: date, left: int, got: Units) -> None:
        versions = [(rule.starts, n) for n, rule in self.of("version", day)]
        version = max(versions)[1] if versions else -1
        tiers = self.agreement.tiers if version < 0 else self.agreement.rules[version].tiers  # type: ignore[union-attr]
        ends = [self.units(tier.until) for tier in tiers if tier.until is not None]
        shares = []
        for tier in tiers:
            weights = tier.weights()
            shares.append({payee: Fraction(w, sum(weights.values())) for payee, w in weights.items()})
        if not left:
            return
        if version not in self.start:
            reached = sum(self.total[v, "base"] for v in self.start)
            self.start[version] = reached
        before = self.start[version] + self.total[version, "base"]
        self.total[version, "base"] += left
        for tier, length in pieces(ends, before, before + left):
            for payee, share in shares[tier].items():
                got[payee] += self.whole((version, tier, payee), length * share)

    # ---------------------------------------------------------------- closes

    def give(self, giver: str, taker: str, units: int) -> None:
        self.earned[giver] -= units
        self.earned[taker] += units

    def in_all(self, payee: str) -> int:
        return self.all_earned[payee] + self.earned[payee]

    def close(self, month: Month) -> dict[str, Any]:
        self.months += 1
        day, payees = month.last, list(self.agreement.payees)
        self.month: Units = {"revenue": 0, "deducted": 0}
        self.earned: Units = dict.fromkeys(payees, 0)
        for n, rule in self.of("fee", day):
            if rule.per == "period":
                self.owed[n] = self.owed.get(n, 0) + self.units(rule.amount)
        for sale in sorted(month.sales, key=lambda s: (s.occurred_at, s.source, s.external_id)):
            self.sale(sale)
        self.balance = {payee: units + self.earned[payee] for payee, units in self.balance.items()}
        before = dict(self.earned)
        self.corrections(day, month.tables)
        for payee in payees:
            self.balance[payee] += self.earned[payee] - before[payee]
            self.all_earned[payee] += self.earned[payee]
        result = self.pay(day, payees)
        for n, rule in self.rules:
            if rule.rule == "progressive" and rule.per == "period":
                self.total[n, "revenue"] = self.total[n, "units"] = 0
                keys: list[Any] = [n, *((n, s) for s in range(len(rule.steps)))]
                for key in keys:
                    self.due[key], self.given[key] = Fraction(0), 0
            if rule.rule == "fee" and rule.per == "period" and rule.short == "part":
                self.owed[n] = 0
        return result

    def corrections(self, day: date, tables: Mapping[str, Mapping[str, int]]) -> None:
        for n, rule in self.of("weights", day):
            table = {payee: tables[rule.table].get(payee, 0) for payee in rule.payees}
            pool = sum(self.earned[payee] for payee in rule.payees)
            if any(table.values()):
                self.dust += pool
                for payee, weight in table.items():
                    self.earned[payee] = self.whole((n, payee), Fraction(pool * weight, sum(table.values())))
                    self.dust -= self.earned[payee]
        for _, rule in self.of("cap", day):
            if rule.per == "period":
                self.give(rule.payee, rule.to, max(0, self.earned[rule.payee] - self.units(rule.amount)))
        for n, rule in self.of("floor", day):
            self.floor(n, rule)
        for n, rule in self.of("guarantee", day):
            self.guarantee(n, rule, day)
        for n, rule in self.of("recoup", day):
            if rule.guarantor is not None and rule.due <= day and not self.total[n, "done"]:
                self.total[n, "done"] = 1
                target = -floor(-self.units(rule.amount) * Fraction(rule.premium))
                missing = target - self.given[n, "taken"]
                if missing > 0:
                    self.given[n, "stood"] = missing
                    self.give(rule.guarantor, rule.payee, missing)

    def floor(self, n: int, rule: Any) -> None:
        by = [p for p in (rule.by or self.agreement.payees) if p != rule.payee]
        if rule.per == "period":
            has = {payee: max(0, self.earned[payee]) for payee in by}
            missing = self.units(rule.amount) - self.earned[rule.payee]
        else:
            has = {payee: max(0, self.in_all(payee)) for payee in by}
            missing = self.units(rule.amount) - self.in_all(rule.payee)
        sign = 1
        if missing < 0:
            has = {payee: self.total[n, payee] for payee in by}
            missing, sign = -missing, -1
        missing = min(missing, sum(has.values()))
        so_far = Fraction(0)
        done = 0
        for payee in by if missing else []:
            so_far += Fraction(missing * has[payee], sum(has.values()))
            part = floor(so_far) - done
            done += part
            self.give(payee, rule.payee, sign * part)
            if rule.per == "lifetime":
                self.total[n, payee] += sign * part

    def guarantee(self, n: int, rule: Any, day: date) -> None:
        amount = self.units(rule.amount)
        if rule.per == "period":
            short = amount - self.earned[rule.payee]
        elif rule.due > day:
            return
        else:
            short = amount - self.in_all(rule.payee)
            if self.total[n, "done"]:
                short = min(short, 0)
            self.total[n, "done"] = 1
        if short > 0:
            self.total[n, "owed"] += short
            self.give(rule.funder, rule.payee, short)
        elif rule.recoupable:
            back = min(-short, self.total[n, "owed"])
            self.total[n, "owed"] -= back
            self.give(rule.payee, rule.funder, back)

    def cumulative(self, key: Any, rate: str, base: int) -> int:
        before: int = max(0, self.total[key])
        self.total[key] += base
        after: int = max(0, self.total[key])
        return floor(after * rate_of(rate)) - floor(before * rate_of(rate))

    def pay(self, day: date, payees: list[str]) -> dict[str, Any]:
        zero = dict.fromkeys(payees, 0)
        out: dict[str, Any] = {
            w: dict(zero) for w in ("withheld", "retained", "reserved", "released", "payable")
        }
        deducted, left = self.month["deducted"], self.month["revenue"] - self.month["deducted"]
        for n, rule in self.of("withhold", day):
            base = self.earned[rule.payee]
            same_sign = deducted * left > 0 and left * base > 0
            if rule.base == "gross" and same_sign:
                base += floor(Fraction(deducted * base, left))
            part = self.cumulative((n, rule.payee), rule.rate, base)
            out["withheld"][rule.payee] += part
            self.balance[rule.payee] -= part
            self.balance[rule.to] += part
        for n, rule in self.of("retain", day):
            for payee in rule.payees or payees:
                part = self.cumulative((n, payee), rule.rate, self.earned[payee])
                out["retained"][payee] += part
                self.balance[payee] -= part
        for until, payee, units in self.held:
            if until == self.months:
                out["released"][payee] += units
                self.balance[payee] += units
        for n, rule in self.of("reserve", day):
            for payee in rule.payees or payees:
                due = self.earned[payee] - out["withheld"][payee] - out["retained"][payee]
                part = self.cumulative((n, payee), rule.rate, max(0, due))
                self.held.append((self.months + rule.periods, payee, part))
                out["reserved"][payee] += part
                self.balance[payee] -= part
        for payee in payees:
            limits = [
                self.units(rule.amount)
                for _, rule in self.of("threshold", day)
                if payee in (rule.payees or payees) and rule.flush != day.month
            ]
            if self.balance[payee] > 0 and all(self.balance[payee] >= limit for limit in limits):
                out["payable"][payee] = self.balance[payee]
                self.balance[payee] = 0
        return out | {
            "revenue": self.month["revenue"],
            "earned": dict(self.earned),
            "carried": dict(self.balance),
            "undistributed": self.dust,
        }


def plain(agreement: rs.Agreement, months: Iterable[Month]) -> list[dict[str, Any]]:
    """Return what each month comes to, everything worked out from the first on."""
    one = Plain(agreement)
    return [one.close(month) for month in months]


def last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
