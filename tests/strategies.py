"""Hypothesis strategies for amounts, schedules and agreements, shared by all suites.

Small things are drawn piece by piece, so that Hypothesis can shrink a failure to its core. Crowds are filled
from one drawn seed, or drawing 400 × 8 weights would take all the time there is.
"""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from revshare import Agreement, Schedule, Token
from revshare.schedule import TierTerms

MAX_AMOUNT = 2**128 - 1
TOKEN = Token(symbol="GBPT", decimals=6)
_SMALL = 6


def address(number: int) -> str:
    """Return the address with the number `number`, which must be above 0."""
    return f"0x{number:040x}"


def make_schedule(*tiers: tuple[int | None, tuple[int, ...]], payees: tuple[str, ...] = ()) -> Schedule:
    """Return a schedule of (end, weights) pairs, for payees a, b, c, … unless named."""
    count = len(tiers[0][1])
    names = payees or tuple("abcdefghijkl"[:count])
    start, terms = 0, []
    for end, weights in tiers:
        terms.append(TierTerms(start, end, weights, sum(weights)))
        start = end or 0
    return Schedule(names, tuple(address(n + 1) for n in range(count)), tuple(terms), TOKEN)


def amounts(largest: int = MAX_AMOUNT, least: int = 1) -> st.SearchStrategy[int]:
    """Amounts in base units, of every order of magnitude alike, from `least` to `largest`."""
    bits = st.integers(0, largest.bit_length())
    return bits.flatmap(lambda b: st.integers(least, max(least, min(largest, 2**b))))


@st.composite
def weights(draw: st.DrawFn, payees: int, largest: int = 2**32 - 1) -> tuple[int, ...]:
    """Weights of one tier, not all zero: like percentages, tiny, huge, or sparse."""
    top = draw(st.sampled_from([1, 3, 100, 10_000, largest]))
    if payees <= _SMALL:
        found = draw(st.lists(st.integers(0, top), min_size=payees, max_size=payees))
    else:
        rng = random.Random(draw(st.integers(0, 2**32 - 1)))
        sparse = draw(st.booleans())
        found = [0 if sparse and rng.random() < 0.8 else rng.randint(0, top) for _ in range(payees)]
    if not any(found):
        found[draw(st.integers(0, payees - 1))] = draw(st.integers(1, top))
    return tuple(found)


@st.composite
def tier_terms(
    draw: st.DrawFn, max_payees: int = 400, max_tiers: int = 8, largest: int = 2**127 - 1
) -> tuple[TierTerms, ...]:
    """Tiers for up to `max_payees`, of which the bounded ones end by `largest` units."""
    payees = draw(st.one_of(st.integers(1, min(_SMALL, max_payees)), st.integers(1, max_payees)))
    count = draw(st.integers(1, max_tiers))
    ends = draw(st.sets(amounts(largest), min_size=count - 1, max_size=count - 1).map(sorted))
    tiers = []
    for start, end in pairwise([0, *ends, None]):
        shared = draw(weights(payees))
        assert start is not None
        tiers.append(TierTerms(start, end, shared, sum(shared)))
    return tuple(tiers)


@st.composite
def schedules(draw: st.DrawFn, max_payees: int = 400, max_tiers: int = 8) -> Schedule:
    """Schedules, made without an agreement: a payee may be without a share."""
    tiers = draw(tier_terms(max_payees, max_tiers))
    count = len(tiers[0].weights)
    names = tuple(f"payee{number}" for number in range(count))
    addresses = tuple(address(number + 1) for number in range(count))
    return Schedule(names, addresses, tiers, Token(symbol="TEST", decimals=6))


@st.composite
def revenues(draw: st.DrawFn, schedule: Schedule, largest: int = MAX_AMOUNT) -> int:
    """Revenues worth a look: of any size, and just below, at and just above where a tier ends."""
    ends = [tier.end for tier in schedule.tiers if tier.end is not None]
    near = draw(st.booleans())
    if ends and near:
        return max(0, draw(st.sampled_from(ends)) + draw(st.integers(-2, 2)))
    return draw(amounts(largest, least=0))


names = st.one_of(
    st.sampled_from(
        ["exporter", "designer", "account manager", "Ébéniste", "देवी", "b-2", "x_1", "3M", "A.B."]
    ),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,11}", fullmatch=True),
)


def _as_percent(part: int, decimals: int) -> str:
    whole, rest = divmod(part, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}%" if decimals else f"{whole}%"


@st.composite
def _percentages(draw: st.DrawFn, payees: list[str]) -> dict[str, str]:
    """Shares summing to exactly 100 %, each a sum of consecutive slices of it."""
    decimals = draw(st.integers(0, 6))
    whole = 100 * 10**decimals
    cuts = sorted(draw(st.lists(st.integers(0, whole), min_size=len(payees) - 1, max_size=len(payees) - 1)))
    parts = [high - low for low, high in pairwise([0, *cuts, whole])]
    return {payee: _as_percent(part, decimals) for payee, part in zip(payees, parts, strict=True)}


def governances() -> st.SearchStrategy[dict[str, object] | None]:
    """What an agreement may say under [governance]; None, nothing, as often as anything."""
    quorum = st.integers(1, 10_000).map(lambda part: {"quorum": _as_percent(part, 2)})
    notice = st.one_of(
        st.integers(1, 2**32 - 1),
        st.builds(
            "{} {}".format,
            st.integers(1, 7000),
            st.sampled_from(["weeks", "days", "hours", "minute", "second"]),
        ),
    )
    controller = st.integers(1, 2**160 - 1).map(address)
    return st.one_of(
        st.none(),
        quorum,
        st.builds(lambda who, when: {"controller": who, "notice": when}, controller, notice),
    )


@st.composite
def agreements(
    draw: st.DrawFn, max_payees: int = 12, max_tiers: int = 8, decimals: int | None = None
) -> Agreement:
    """Agreements as people write them: percentages or weights, tokens of 0 to 36 decimals unless told."""
    places = draw(st.sampled_from([0, 2, 6, 18, 36])) if decimals is None else decimals
    token = Token(symbol=draw(st.sampled_from(["GBPT", "USDC.e", "₮"])), decimals=places)
    tiers = draw(tier_terms(max_payees, max_tiers, largest=min(2**127 - 1, 10 ** (places + 15))))
    count = len(tiers[0].weights)
    if count <= _SMALL:
        payees = draw(st.lists(names, min_size=count, max_size=count, unique_by=str.casefold))
    else:
        payees = [f"payee{number}" for number in range(count)]
    first = draw(st.integers(1, 2**160 - 1 - count))
    sharing: set[str] = set()
    written: list[dict[str, object]] = []
    for tier in tiers:
        shares: dict[str, int | str]
        if count <= _SMALL and draw(st.booleans()):
            shares = dict(draw(_percentages(payees)))
        else:
            shares = {payee: weight for payee, weight in zip(payees, tier.weights, strict=True) if weight}
        sharing |= {payee for payee, share in shares.items() if share and str(share).strip("0.%")}
        entry: dict[str, object] = {"shares": shares}
        if tier.end is not None:
            entry["until"] = token.format(tier.end)
        written.append(entry)
    if len(sharing) < count:  # an agreement names nobody who never shares
        written[-1]["shares"] = dict.fromkeys(payees, 1)
    return Agreement.model_validate(
        {
            "name": draw(st.sampled_from(["Cosmetics to Australia", 'Say "hi" \\ now', "Été – 100 %"])),
            "token": token,
            "payees": {payee: address(first + number) for number, payee in enumerate(payees)},
            "tiers": written,
            "governance": draw(governances()),
        }
    )


# ------------------------------------------------------------------------------------------ rules

_RATES = ["10%", "2.5%", "33.3%", "50%", "7%", "12.5%", "1%"]


@st.composite
def contract_rules(
    draw: st.DrawFn, payees: list[str], decimals: int = 0, largest: int = 300
) -> list[dict[str, Any]]:
    """Rules that a contract enforces, without conflicts, in any order; amounts up to `largest` units."""
    someone = st.sampled_from(payees)
    amount = st.builds(
        lambda units: Token(symbol="T", decimals=decimals).format(units), st.integers(1, largest)
    )
    rules: list[dict[str, Any]] = []
    if draw(st.booleans()):
        rules.append({"rule": "commission", "to": draw(someone), "rate": draw(st.sampled_from(_RATES))})
    fee = st.fixed_dictionaries(
        {"rule": st.just("fee"), "to": someone, "amount": amount, "per": st.just("once")}
    )
    rules += draw(st.lists(fee, max_size=2))
    for _ in range(draw(st.integers(0, 2))):
        rule = {"rule": "recoup", "payee": draw(someone), "amount": draw(amount)}
        rule |= draw(
            st.fixed_dictionaries(
                {},
                optional={"premium": st.sampled_from(["1.2", "1.333", "2"]), "rate": st.sampled_from(_RATES)},
            )
        )
        rules.append(rule)
    if draw(st.integers(0, 2)) == 0:
        ends = sorted(draw(st.sets(st.integers(1, largest), min_size=1, max_size=2)))
        rates = draw(
            st.lists(st.sampled_from(["0%", *_RATES]), min_size=len(ends) + 1, max_size=3, unique=True)
        )
        steps: list[dict[str, str]] = [{"rate": rate} for rate in rates[: len(ends) + 1]]
        for step, end in zip(steps, ends, strict=False):
            step["until"] = Token(symbol="T", decimals=decimals).format(end)
        rules.append({"rule": "progressive", "payee": draw(someone), "steps": steps})
    if len(payees) > 1:
        floored = draw(st.one_of(st.none(), someone))
        if floored is not None:
            others = [name for name in payees if name != floored]
            by = draw(st.one_of(st.none(), st.lists(st.sampled_from(others), min_size=1, unique=True)))
            rule = {"rule": "floor", "payee": floored, "amount": draw(amount), "per": "lifetime"}
            rules.append(rule if by is None else rule | {"by": by})
        for place, capped in enumerate(payees[:-1]):  # the excess goes down the list, never in a circle
            if capped != floored and draw(st.integers(0, 2)) == 0:
                to = draw(st.sampled_from(payees[place + 1 :]))
                rules.append({"rule": "cap", "payee": capped, "amount": draw(amount), "to": to})
        for _ in range(draw(st.integers(0, 2))):
            lender, debtor = draw(st.lists(someone, min_size=2, max_size=2, unique=True))
            rule = {"rule": "recoup", "payee": lender, "amount": draw(amount), "of": debtor}
            rules.append(rule | {"rate": draw(st.sampled_from(["100%", *_RATES]))})
    return draw(st.permutations(rules))


@st.composite
def ruled(draw: st.DrawFn, decimals: int = 0, largest: int = 300) -> dict[str, Any]:
    """Small agreements with rules that a contract enforces, as plain data."""
    payees = ["a", "b", "c", "d"][: draw(st.integers(2, 4))]
    tiers: list[dict[str, Any]] = []
    ends = sorted(draw(st.sets(st.integers(1, largest), max_size=2)))
    for end in [*ends, None]:
        shared = draw(st.lists(st.integers(0, 7), min_size=len(payees), max_size=len(payees)).filter(any))
        tier: dict[str, Any] = {"shares": {name: w for name, w in zip(payees, shared, strict=True) if w}}
        if end is not None:
            tier["until"] = Token(symbol="T", decimals=decimals).format(end)
        tiers.append(tier)
    tiers[-1]["shares"] = dict.fromkeys(payees, 1) | tiers[-1]["shares"]
    return {
        "name": "drawn",
        "token": {"symbol": "T", "decimals": decimals},
        "payees": {name: address(number + 1) for number, name in enumerate(payees)},
        "tiers": tiers,
        "rules": draw(contract_rules(payees, decimals, largest)),
    }


_DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31)).map(str)


@st.composite
def book_ruled(draw: st.DrawFn) -> dict[str, Any]:
    """Agreements with one rule of each of some kinds, most of which no contract enforces, as plain data."""
    data = draw(ruled(largest=1_000))
    a, b = list(data["payees"])[:2]
    rate, amount, name = st.sampled_from(_RATES), st.integers(1, 999).map(str), st.text("äbc 9", min_size=1)
    text = name.map(str.strip).filter(bool)
    some = st.sampled_from([a, [b], [a, b]])
    kinds: list[dict[str, st.SearchStrategy[Any]]] = [
        {"rule": st.just("fee"), "to": st.just(a), "amount": amount,
         "per": st.sampled_from(["sale", "period"])},
        {"rule": st.just("recoup"), "payee": st.just(a), "amount": amount, "pool": text},
        {"rule": st.just("version"), "starts": _DAYS, "tiers": st.just(data["tiers"])},
        {"rule": st.just("where"), "territory": text, "sku": st.lists(text, min_size=1, unique=True),
         "shares": st.sampled_from([{a: "12.5%", b: "87.5%"}, {a: 1, b: 2}])},
        {"rule": st.just("weights"), "payees": st.just([a, b]), "table": text},
        {"rule": st.just("guarantee"), "payee": st.just(a), "funder": st.just(b), "amount": amount,
         "recoupable": st.booleans()},
        {"rule": st.just("reserve"), "rate": rate, "periods": st.integers(1, 12), "payees": some},
        {"rule": st.just("retain"), "rate": rate, "payees": some},
        {"rule": st.just("withhold"), "payee": st.just(a), "to": st.just(b), "rate": rate, "authority": text},
        {"rule": st.just("threshold"), "amount": amount, "flush": st.integers(1, 12)},
        {"rule": st.just("refunds"), "by": st.just(b)},
        {"rule": st.just("nest"), "payee": st.just(b), "agreement": text},
    ]  # fmt: skip
    if not any(rule["rule"] in ("cap", "floor") for rule in data["rules"]):  # a floor may not exceed a cap
        least_or_most: list[dict[str, st.SearchStrategy[Any]]] = [
            {"rule": st.just("cap"), "payee": st.just(a), "to": st.just(b), "amount": amount,
             "per": st.sampled_from(["sale", "period"])},
            {"rule": st.just("floor"), "payee": st.just(a), "amount": amount, "per": st.just("period"),
             "by": st.just(b)},
        ]  # fmt: skip
        kinds.append(draw(st.sampled_from(least_or_most)))
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6, unique_by=id))
    data["rules"] = [*data["rules"], *(draw(st.fixed_dictionaries(kind)) for kind in chosen)]
    return data
