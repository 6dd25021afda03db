"""What rules may be side by side. The refusals are files in tests/corpus/agreements."""

from __future__ import annotations

from typing import Any

import pytest
from tests.strategies import address

from revshare import Agreement, AgreementError
from revshare.rules import KINDS, Cap, Fee, Recoup

EARLY, LATE = {"ends": "2027-01-01"}, {"starts": "2027-01-01"}


def accepted(*rules: dict[str, Any]) -> bool:
    given = {"name": "x", "token": {"symbol": "T", "decimals": 2}, "rules": list(rules)}
    given["payees"] = {name: address(number + 1) for number, name in enumerate("abc")}
    given["tiers"] = [{"shares": dict.fromkeys("abc", 1)}]
    try:
        Agreement.model_validate(given)
    except AgreementError as error:
        assert all(problem.where.startswith("rules") and problem.fix for problem in error.problems)
        return False
    return True


def cap(payee: str, to: str, **more: Any) -> dict[str, Any]:
    return {"rule": "cap", "payee": payee, "to": to, "amount": "5", **more}


def where(shares: str, **more: Any) -> dict[str, Any]:
    return {"rule": "where", "shares": {shares: 1}, **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (cap("a", "b"), cap("a", "c")),
        ({"rule": "floor", "payee": "a", "amount": "5"}, {"rule": "floor", "payee": "a", "amount": "6"}),
        (
            {"rule": "guarantee", "payee": "a", "funder": "b", "amount": "5"},
            {"rule": "guarantee", "payee": "a", "funder": "c", "amount": "5"},
        ),
        ({"rule": "refunds", "by": "a"}, {"rule": "refunds", "by": "b"}),
        ({"rule": "threshold", "amount": "5"}, {"rule": "threshold", "amount": "6", "payees": "a"}),
        ({"rule": "reserve", "rate": "5%", "periods": 1}, {"rule": "reserve", "rate": "6%", "periods": 2}),
        (
            {"rule": "weights", "payees": ["a", "b"], "table": "hours"},
            {"rule": "weights", "payees": ["b", "c"], "table": "votes"},
        ),
        ({"rule": "commission", "to": "a", "rate": "50%"}, {"rule": "commission", "to": "b", "rate": "50%"}),
        (where("a", territory="DE"), where("b", territory=["FR", "DE"])),
        (where("a", territory="DE"), where("b", channel="shop")),
    ],
)
def test_what_clashes_is_allowed_one_after_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert accepted(one)
    assert accepted(other)
    assert not accepted(one, other)
    assert not accepted(one | EARLY, other)
    assert accepted(one | EARLY, other | LATE)


@pytest.mark.parametrize(
    "rules",
    [
        [cap("a", "b"), cap("a", "b", per="period"), cap("a", "b", per="sale")],
        [cap("a", "b"), cap("b", "c")],
        [cap("a", "b"), cap("b", "a", per="period")],
        [cap("a", "c"), cap("b", "c")],
        [cap("a", "b"), {"rule": "floor", "payee": "a", "amount": "5", "per": "lifetime"}],
        [cap("a", "b"), {"rule": "floor", "payee": "a", "amount": "6", "per": "period"}],
        [{"rule": "threshold", "amount": "5", "payees": ["a", "b"]},
         {"rule": "threshold", "amount": "6", "payees": "c"}],
        [where("a", territory="DE"), where("b", territory="FR"), where("c", territory="DE", sku="A")],
        [where("a", territory="DE"), where("b", sku="A"), where("c", territory="DE", sku="A")],
        [where("a", territory=["DE", "FR"]), where("b", sku="A"),
         where("c", territory="DE", sku="A"), where("c", territory="FR", sku=["A", "B"])],
        [{"rule": "recoup", "payee": "a", "amount": "12", "pool": "x"},
         {"rule": "recoup", "payee": "a", "amount": "10", "premium": "1.2", "pool": "x", "of": "b"}],
        [{"rule": "nest", "payee": "a", "agreement": "one"},
         {"rule": "nest", "payee": "b", "agreement": "two"}],
    ],
)  # fmt: skip
def test_what_only_looks_like_a_conflict_is_none(rules: list[dict[str, Any]]) -> None:
    assert accepted(*rules)
    assert accepted(*reversed(rules))


@pytest.mark.parametrize(
    "rules",
    [
        [where("a", territory=["DE", "FR"]), where("b", sku="A"), where("c", territory="DE", sku="A")],
        [where("a", territory="DE"), where("b", sku="A"), where("c", territory="DE", channel="shop")],
        [cap("a", "b"), cap("b", "c"), cap("c", "b")],
        [{"rule": "version", "starts": "2027-01-01", "tiers": [{"shares": {"a": 1}}]}] * 2,
    ],
)
def test_what_only_seems_to_be_settled_is_not(rules: list[dict[str, Any]]) -> None:
    assert not accepted(*rules)
    assert not accepted(*reversed(rules))


def test_a_rule_is_a_model_like_any_other() -> None:
    made = Cap(payee="a", to="b", amount="5")
    assert made == Cap.model_validate({"rule": "cap", "payee": "a", "to": "b", "amount": 5})
    assert (
        made.model_copy(update={"per": "sale"}).why_not() == "the contract does not count sales, only revenue"
    )
    with pytest.raises(AgreementError, match="^agreement: amount: is zero, so that the rule does nothing"):
        made.model_copy(update={"amount": "0"})
    assert len(KINDS) == 16
    assert all(kind.__doc__ for kind in KINDS.values())


def test_what_a_premium_comes_to_is_rounded_up() -> None:
    recoup = Recoup(payee="a", amount="1", premium="1.2")
    assert [recoup.target(units) for units in (1, 5, 6, 10**40)] == [2, 6, 8, 12 * 10**39]


def test_a_rule_given_as_a_model_is_taken_as_it_is() -> None:
    fee = Fee(to="a", amount="5", per="once")
    given: dict[str, Any] = {"name": "x", "token": {"symbol": "T", "decimals": 2}, "rules": (fee,)}
    given |= {"payees": {"a": address(1), "b": address(2)}, "tiers": ({"shares": {"b": 1}},)}
    assert Agreement(**given).rules == (fee,)
    with pytest.raises(
        AgreementError, match=r"rules\[0\]\.amount: 5 is finer|rules\[0\]\.amount: 0.001 is finer"
    ):
        Agreement(**given | {"rules": (fee.model_copy(update={"amount": "0.001"}),)})
