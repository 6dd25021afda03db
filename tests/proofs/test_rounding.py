"""The money rule's promises, proved by Z3 over all integers: nothing here is sampled, nothing bounded.

Solvers are weak where unknowns are multiplied. So a floor is never a division: `floor(a / W)` is the q of
q·W + r = a with 0 ≤ r < W, which is its definition. A proof that needs several floors is given instances of
lemmas proved before, for the same number of payees. A claim is proved when Z3 refutes its negation; that the
premises can hold is shown first, so that nothing is proved from a contradiction.

Terms count from `base` on: from 0, or from the revenue at which the last amendment settled. What is earned
under them is rounded anew from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import pytest
import z3

SECONDS = 20
PAYEES = [1, 2, 3, 4]
MAX_REVENUE = 2**127 - 1


def prove(claim: z3.BoolRef, *premises: z3.BoolRef) -> None:
    """Fail unless the claim follows from the premises, which must not contradict each other."""
    solver = z3.Solver()
    solver.set("timeout", SECONDS * 1000)
    solver.add(*premises)
    assert solver.check() == z3.sat, "nothing satisfies the premises, or Z3 cannot tell"
    solver.add(z3.Not(claim))
    verdict = solver.check()
    assert verdict == z3.unsat, (
        f"{verdict}: {solver.model() if verdict == z3.sat else solver.reason_unknown()}"
    )


def ints(names: str) -> list[z3.ArithRef]:
    return list(z3.Ints(names))


_FRESH = count()


def fresh(name: str) -> z3.ArithRef:
    return z3.Int(f"{name}_{next(_FRESH)}")


def minimum(a: z3.ArithRef, b: z3.ArithRef) -> z3.ArithRef:
    return z3.If(a < b, a, b)


def maximum(a: z3.ArithRef, b: z3.ArithRef) -> z3.ArithRef:
    return z3.If(a > b, a, b)


@dataclass
class Floor:
    """floor(f · w / W) as an unknown, and what defines it."""

    f: z3.ArithRef
    w: z3.ArithRef
    total: z3.ArithRef

    def __post_init__(self) -> None:
        self.q, self.r = fresh("q"), fresh("r")

    @property
    def meaning(self) -> list[z3.BoolRef]:
        return [self.q * self.total + self.r == self.f * self.w, self.r >= 0, self.r < self.total]


# ------------------------------------------------------------------------------------------ one tier


def test_a_floor_never_falls_as_revenue_grows() -> None:
    f, g, w, total = ints("f g w W")
    low, high = Floor(f, w, total), Floor(g, w, total)
    prove(low.q <= high.q, *low.meaning, *high.meaning, f >= 0, f <= g, w >= 0, total > 0)


def test_a_floor_is_never_negative() -> None:
    f, w, total = ints("f w W")
    floor = Floor(f, w, total)
    prove(floor.q >= 0, *floor.meaning, f >= 0, w >= 0, total > 0)


def test_a_floor_is_what_division_gives() -> None:
    """The definition used here is the EVM's `div`."""
    f, w, total = ints("f w W")
    floor = Floor(f, w, total)
    prove(floor.q == (f * w) / total, *floor.meaning, f >= 0, w >= 0, total > 0)


def floors(f: z3.ArithRef, weights: Sequence[z3.ArithRef]) -> tuple[list[Floor], list[z3.BoolRef]]:
    """Each payee's floor of f in a tier of these weights, and all that is known of them."""
    total = z3.Sum(weights)
    made = [Floor(f, w, total) for w in weights]
    known = [f >= 0, total > 0, *(w >= 0 for w in weights)]
    return made, known + [fact for floor in made for fact in floor.meaning]


@pytest.mark.parametrize("n", PAYEES)
def test_a_tier_gives_no_more_than_it_gets_and_keeps_less_than_a_unit_a_payee(n: int) -> None:
    f = z3.Int("f")
    weights = ints(" ".join(f"w{i}" for i in range(n)))
    made, known = floors(f, weights)
    kept = f - z3.Sum([floor.q for floor in made])
    # What is kept, times W, is the sum of the remainders: the definitions, added up.
    adding_up = kept * z3.Sum(weights) == z3.Sum([floor.r for floor in made])
    prove(adding_up, *known)
    total = z3.Int("W")
    d, r = z3.Int("d"), z3.Int("r")
    prove(z3.And(d >= 0, d <= n - 1), d * total == r, r >= 0, r <= n * (total - 1), total > 0)
    prove(z3.And(kept >= 0, kept <= n - 1), *known, adding_up, *bounded(kept, z3.Sum(weights), made))


def bounded(kept: z3.ArithRef, total: z3.ArithRef, made: Sequence[Floor]) -> list[z3.BoolRef]:
    """The lemma above as an instance: d·W = r and 0 ≤ r ≤ n·(W−1) bound d."""
    rest = z3.Sum([floor.r for floor in made])
    premises = z3.And(kept * total == rest, rest >= 0, rest <= len(made) * (total - 1), total > 0)
    return [z3.Implies(premises, z3.And(kept >= 0, kept <= len(made) - 1))]


# ------------------------------------------------------------------------------------------ two tiers


class TwoTiers:
    """Terms of n payees and two tiers, the first up to `until`, of whatever weights, from `base` on."""

    def __init__(self, n: int) -> None:
        self.until, self.base = z3.Int("until"), z3.Int("base")
        self.weights = [ints(" ".join(f"w{t}_{i}" for i in range(n))) for t in range(2)]
        self.known = [self.until > 0, self.base >= 0]
        for weights in self.weights:
            self.known += [z3.Sum(weights) > 0, *(w >= 0 for w in weights)]

    def filled(self, revenue: z3.ArithRef) -> list[z3.ArithRef]:
        """What each tier has got since `base`, f(R) − f(base), where f(R) = min(max(R − start, 0), cap)."""
        return [
            minimum(revenue, self.until) - minimum(self.base, self.until),
            maximum(revenue - self.until, 0) - maximum(self.base - self.until, 0),
        ]

    def entitlements(self, revenue: z3.ArithRef) -> Entitlements:
        return Entitlements(self, revenue)


class Entitlements:
    """What every payee has earned since `base` at a revenue, and what is known of it."""

    def __init__(self, terms: TwoTiers, revenue: z3.ArithRef) -> None:
        self.tiers = [
            [Floor(f, w, z3.Sum(weights)) for w in weights]
            for f, weights in zip(terms.filled(revenue), terms.weights, strict=True)
        ]
        self.of = [z3.Sum([floor.q for floor in floors]) for floors in zip(*self.tiers, strict=True)]
        self.filled = terms.filled(revenue)

    @property
    def meaning(self) -> list[z3.BoolRef]:
        return [fact for tier in self.tiers for floor in tier for fact in floor.meaning]

    @property
    def conservation(self) -> Iterator[z3.BoolRef]:
        """The lemma proved above, for each tier: 0 ≤ f − Σ floors ≤ n − 1, and no floor is negative."""
        for f, tier in zip(self.filled, self.tiers, strict=True):
            kept = f - z3.Sum([floor.q for floor in tier])
            yield z3.And(kept >= 0, kept <= len(tier) - 1, *(floor.q >= 0 for floor in tier))

    def growth(self, later: Entitlements) -> Iterator[z3.BoolRef]:
        """The first lemma, for each floor: where a tier holds no less later, no floor in it is less."""
        for f, g, mine, theirs in zip(self.filled, later.filled, self.tiers, later.tiers, strict=True):
            yield z3.Implies(f <= g, z3.And(*(a.q <= b.q for a, b in zip(mine, theirs, strict=True))))


def test_tiers_hold_the_revenue_between_them_and_fill_as_it_grows() -> None:
    terms = TwoTiers(1)
    low, high = ints("R S")
    before, after = terms.filled(low), terms.filled(high)
    premises = [terms.until > 0, terms.base >= 0, terms.base <= low]
    prove(z3.And(z3.Sum(before) == low - terms.base, *(f >= 0 for f in before)), *premises)
    prove(z3.And(*(f <= g for f, g in zip(before, after, strict=True))), low <= high, *premises)


@pytest.mark.parametrize("n", PAYEES)
def test_entitlements_sum_to_revenue_less_dust(n: int) -> None:
    terms, revenue = TwoTiers(n), z3.Int("R")
    earned = terms.entitlements(revenue)
    dust = revenue - terms.base - z3.Sum(earned.of)
    prove(z3.And(dust >= 0, dust <= 2 * (n - 1)), revenue >= terms.base, *terms.known, *earned.conservation)


@pytest.mark.parametrize("n", PAYEES)
def test_no_entitlement_falls_as_revenue_grows(n: int) -> None:
    terms = TwoTiers(n)
    low, high = ints("R S")
    before, after = terms.entitlements(low), terms.entitlements(high)
    grown = z3.And(*(a <= b for a, b in zip(before.of, after.of, strict=True)))
    prove(grown, terms.base <= low, low <= high, *terms.known, *before.growth(after))


# ------------------------------------------------------------------------------------ as the contract reckons


def test_a_plans_slice_is_the_tiers_part_of_the_rule() -> None:
    """MoneyRule.plan: for a tier that revenue between the marks touches, f(from) and f(to) are those of the
    rule since `base`; for one it does not touch they are equal, so that leaving it out leaves out nothing."""
    began, until, base, low, high = ints("began until base from to")

    def filled(revenue: z3.ArithRef) -> z3.ArithRef:
        return minimum(maximum(revenue - began, 0), until - began)

    def rule(revenue: z3.ArithRef) -> z3.ArithRef:
        return filled(revenue) - filled(base)

    premises = [began >= 0, began < until, base >= 0, base <= low, low < high]
    start = maximum(base, began)  # `if gt(until, start) { start := until }`, beginning with `base`
    # `mul(gt(from, start), sub(from, start))`; `sub(to, start)` where to ≤ until, else `sub(until, start)`
    from_slice = z3.If(low > start, low - start, 0)
    to_slice = z3.If(high > until, until - start, high - start)
    touched = [low < until, began < high]
    prove(z3.And(from_slice == rule(low), to_slice == rule(high)), *premises, *touched)
    prove(rule(low) == rule(high), *premises, z3.Not(z3.And(*touched)))


def test_a_claims_slices_are_the_tiers_parts_of_the_rule() -> None:
    """MoneyRule.earnedAlone, followed step by step through two tiers: what it multiplies by a weight is
    f(to) and f(from) of the rule since `base`; for a tier that it leaves out they are equal."""
    terms = TwoTiers(1)
    low, high = ints("from to")
    premises = [*terms.known, terms.base <= low, low < high]
    before, after = terms.filled(low), terms.filled(high)
    start = terms.base
    passed = terms.until < high  # `iszero(lt(sub(until, 1), sub(to, 1)))` breaks
    within = z3.And(passed, low < terms.until)
    # The first tier is passed: its slice is sub(until, start) less sub(from, start), and from := until.
    prove(z3.And(terms.until - start == after[0], low - start == before[0], low >= start), *premises, within)
    prove(before[0] == after[0], *premises, passed, low >= terms.until)
    next_from, next_start = z3.If(within, terms.until, low), maximum(start, terms.until)
    prove(
        z3.And(
            high - next_start == after[1],
            z3.Implies(within, before[1] == 0),
            next_from - next_start == before[1],
            next_from >= next_start,
        ),
        *premises,
        passed,
    )
    # It is not: the loop ends there, and the tier is reckoned as the last one is.
    prove(
        z3.And(high - start == after[0], low - start == before[0], after[1] == 0, before[1] == 0),
        *premises,
        z3.Not(passed),
    )


def test_no_difference_in_a_slice_is_negative() -> None:
    """MoneyRule.earned subtracts without a check."""
    start, until, low, high, w, total = ints("start until from to w W")
    filled = [minimum(maximum(revenue - start, 0), until - start) for revenue in (low, high)]
    f, g = ints("f g")  # since `base` or not: the same is taken from both
    prove(z3.And(filled[0] >= 0, filled[0] <= filled[1]), start >= 0, start < until, low >= 0, low <= high)
    before, after = Floor(f, w, total), Floor(g, w, total)
    prove(after.q - before.q >= 0, *before.meaning, *after.meaning, f >= 0, f <= g, w >= 0, total > 0)


def test_no_product_reaches_the_end_of_a_word() -> None:
    f, w = ints("f w")
    premises = [f >= 0, f <= MAX_REVENUE, w >= 0, w < 2**32]
    prove(f * w < 2**159, *premises)
    prove(z3.IntVal(2**159) < z3.IntVal(2**256))


# ------------------------------------------------------------------------------------------ the books


class Books:
    """A split's books in one token: whoever was paid or credited up to whatever mark of its own, all of them
    at least up to `base`, from which the terms in force count.

    balance + paid out = received, and of every payee paid + credit = entitlement at its mark. What older
    terms gave, to whoever it was, is in two sums: paid and still set aside, together at most `base`.
    """

    def __init__(self, n: int) -> None:
        self.terms = TwoTiers(n)
        self.revenue, self.balance = ints("R balance")
        self.paid_before, self.credit_before = ints("paid_before credit_before")
        self.marks = ints(" ".join(f"mark{i}" for i in range(n)))
        self.paid = ints(" ".join(f"paid{i}" for i in range(n)))
        self.credit = ints(" ".join(f"credit{i}" for i in range(n)))
        self.now = self.terms.entitlements(self.revenue)
        at_marks = [self.terms.entitlements(mark) for mark in self.marks]
        self.at_mark = [at_marks[i].of[i] for i in range(n)]
        self.before = [self.paid_before, self.credit_before]
        self.known = [
            *self.terms.known,
            *(z3.And(mark >= self.terms.base, mark <= self.revenue) for mark in self.marks),
            *self.equations(self.balance, self.revenue, self.paid, self.credit, self.at_mark, self.before),
            *self.earlier(self.terms.base, self.before),
            # Lemmas proved above.
            *self.now.conservation,
            *(fact for then in at_marks for fact in then.growth(self.now)),
            *(fact for then in at_marks for fact in then.conservation),
        ]

    @staticmethod
    def earlier(base: z3.ArithRef, before: Sequence[z3.ArithRef]) -> list[z3.BoolRef]:
        """What holds of all that older terms gave."""
        return [z3.Sum(list(before)) <= base, *(amount >= 0 for amount in before)]

    @staticmethod
    def equations(
        balance: z3.ArithRef,
        revenue: z3.ArithRef,
        paid: Sequence[z3.ArithRef],
        credit: Sequence[z3.ArithRef],
        at_mark: Sequence[z3.ArithRef],
        before: Sequence[z3.ArithRef],
    ) -> list[z3.BoolRef]:
        return [
            balance + z3.Sum(list(paid)) + before[0] == revenue,
            *(p + c == e for p, c, e in zip(paid, credit, at_mark, strict=True)),
            *(z3.And(p >= 0, c >= 0) for p, c in zip(paid, credit, strict=True)),
        ]

    @property
    def due(self) -> list[z3.ArithRef]:
        return [now - then for now, then in zip(self.now.of, self.at_mark, strict=True)]


@pytest.mark.parametrize("n", PAYEES)
def test_all_that_is_due_or_credited_is_there(n: int) -> None:
    """Solvency: Σ due + Σ credit ≤ balance, whoever has claimed up to whatever mark, and whatever is still
    set aside for payees of older terms."""
    books = Books(n)
    promised = z3.Sum(books.due) + z3.Sum(books.credit) + books.credit_before
    prove(promised <= books.balance, *books.known)


@pytest.mark.parametrize("n", PAYEES)
def test_no_due_is_negative(n: int) -> None:
    books = Books(n)
    prove(z3.And(*(due >= 0 for due in books.due)), *books.known)


@pytest.mark.parametrize("n", PAYEES)
def test_paying_or_crediting_what_is_due_keeps_the_books(n: int) -> None:
    """One payee's mark is brought to R, by a distribution or a claim; hence any number of such steps."""
    books = Books(n)
    due = books.due[0]
    paid, credit, at_mark = list(books.paid), list(books.credit), list(books.at_mark)
    at_mark[0] = books.now.of[0]
    paid[0] = books.paid[0] + due
    prove(
        z3.And(*books.equations(books.balance - due, books.revenue, paid, credit, at_mark, books.before)),
        *books.known,
    )
    paid[0], credit[0] = books.paid[0], books.credit[0] + due
    prove(
        z3.And(*books.equations(books.balance, books.revenue, paid, credit, at_mark, books.before)),
        *books.known,
    )
    # What it takes is there, and what remains still covers the others.
    prove(due <= books.balance, *books.known)


@pytest.mark.parametrize("n", PAYEES)
def test_withdrawing_a_credit_keeps_the_books(n: int) -> None:
    books = Books(n)
    amount = z3.Int("amount")
    paid, credit = list(books.paid), list(books.credit)
    paid[0], credit[0] = books.paid[0] + amount, books.credit[0] - amount
    after = books.equations(books.balance - amount, books.revenue, paid, credit, books.at_mark, books.before)
    prove(z3.And(amount <= books.balance, *after), *books.known, amount > 0, amount <= books.credit[0])
    # One that older terms gave.
    before = [books.paid_before + amount, books.credit_before - amount]
    after = books.equations(
        books.balance - amount, books.revenue, books.paid, books.credit, books.at_mark, before
    )
    after += books.earlier(books.terms.base, before)
    prove(z3.And(amount <= books.balance, *after), *books.known, amount > 0, amount <= books.credit_before)


@pytest.mark.parametrize("n", PAYEES)
def test_an_amendment_keeps_the_books(n: int) -> None:
    """It settles first, so that everybody's mark is at R: what was paid and set aside until then is at most
    R, which is where the new terms begin, whoever they name. Under them nobody has earned anything yet."""
    books, other = Books(n), TwoTiers(n)
    settled = [mark == books.revenue for mark in books.marks]
    settled += [then == now for then, now in zip(books.at_mark, books.now.of, strict=True)]
    before = [
        books.paid_before + z3.Sum(books.paid),
        books.credit_before + z3.Sum(books.credit),
    ]
    nothing = [z3.IntVal(0)] * n
    after = books.equations(books.balance, books.revenue, nothing, nothing, nothing, before)
    prove(z3.And(*after, *books.earlier(books.revenue, before)), *books.known, *settled)
    # At its base every tier of the new terms is empty, and so is every floor.
    prove(z3.And(*(f == 0 for f in other.filled(other.base))), *other.known)
    empty = Floor(z3.IntVal(0), *ints("w W"))
    prove(empty.q == 0, *empty.meaning)


def test_without_rounding_anew_an_amendment_could_promise_too_much() -> None:
    """Why `base` is there: counted from 0, new terms could give more between two marks than came in."""
    until, base, revenue = ints("until base R")
    weights = [z3.IntVal(1), z3.IntVal(1)]
    (at_base, known), (now, known_now) = floors(base, weights), floors(revenue, weights)
    promised = z3.Sum([floor.q for floor in now]) - z3.Sum([floor.q for floor in at_base])
    with pytest.raises(AssertionError, match="sat"):
        prove(promised <= revenue - base, base >= 0, revenue >= base, until > revenue, *known, *known_now)


def test_a_false_claim_is_not_proved() -> None:
    """That dust stays below n − 1 units in two tiers is false; the prover must say so."""
    terms, revenue = TwoTiers(2), z3.Int("R")
    earned = terms.entitlements(revenue)
    premises = [revenue >= 0, *terms.known, *earned.meaning, *earned.conservation]
    with pytest.raises(AssertionError, match="sat"):
        prove(revenue - z3.Sum(earned.of) <= 1, *premises)
    with pytest.raises(AssertionError, match="premises"):
        prove(revenue == 0, revenue > 0, revenue < 0)
