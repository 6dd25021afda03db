"""The money rule of DESIGN.md section 3, as properties, against its second statement in tests/oracle.py."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests import oracle
from tests.strategies import TOKEN, address, amounts, make_schedule, revenues, schedules

from revshare import AmountError, AmountTypeError, InvalidInput, Schedule, Token, UnknownPayee, Unreachable
from revshare.schedule import TierTerms


@st.composite
def schedule_and_revenue(draw: st.DrawFn) -> tuple[Schedule, int]:
    schedule = draw(schedules())
    return schedule, draw(revenues(schedule))


# ------------------------------------------------------------------------------------------ worked by hand


def test_shares_follow_the_tiers() -> None:
    schedule = make_schedule((2000, (0, 1)), (None, (60, 40)))
    assert schedule.entitlements(0) == {"a": 0, "b": 0}
    assert schedule.entitlements(1999) == {"a": 0, "b": 1999}
    assert schedule.entitlements(2000) == {"a": 0, "b": 2000}
    assert schedule.entitlements(2001) == {"a": 0, "b": 2000}
    assert schedule.entitlements(2003) == {"a": 1, "b": 2001}
    assert schedule.entitlements(2010) == {"a": 6, "b": 2004}
    assert schedule.dust(2003) == 1
    assert schedule.dust_bound() == 1


def test_each_tier_rounds_down_by_itself() -> None:
    # Three share 10 units in each tier: 3 each and 1 over, twice.
    schedule = make_schedule((10, (1, 1, 1)), (None, (1, 1, 1)))
    assert schedule.entitlements(20) == {"a": 6, "b": 6, "c": 6}
    schedule = make_schedule((11, (1, 1, 1)), (None, (1, 1, 1)))
    assert schedule.entitlements(22) == {"a": 6, "b": 6, "c": 6}, "22 in one piece would give 7"


def test_another_token_is_shared_by_the_last_tier_alone() -> None:
    schedule = make_schedule((2000, (0, 1)), (None, (60, 40)))
    other = schedule.for_other_token()
    assert other.entitlements(100) == {"a": 60, "b": 40}
    dai = Token(symbol="DAI", decimals=18)
    assert schedule.for_other_token(dai).token is dai
    assert other.token is TOKEN


# ------------------------------------------------------------------------------------------ properties


@given(schedule_and_revenue())
def test_entitlements_are_those_of_the_oracle(case: tuple[Schedule, int]) -> None:
    schedule, revenue = case
    plain = oracle.entitlements(oracle.tiers_of(schedule), revenue)
    assert list(schedule.entitlements(revenue).values()) == plain
    last = len(plain) - 1
    assert schedule.entitlement(schedule.payees[last], revenue) == plain[last]


@given(schedule_and_revenue())
def test_conservation_with_bounded_dust(case: tuple[Schedule, int]) -> None:
    schedule, revenue = case
    dust = revenue - sum(schedule.entitlements(revenue).values())
    assert 0 <= dust <= schedule.dust_bound()
    assert schedule.dust_bound() == oracle.dust_bound(oracle.tiers_of(schedule))
    assert schedule.dust(revenue) == dust


@given(schedule_and_revenue(), amounts())
def test_no_entitlement_falls_while_revenue_grows(case: tuple[Schedule, int], more: int) -> None:
    schedule, revenue = case
    before, after = schedule.entitlements(revenue), schedule.entitlements(revenue + more)
    assert all(after[payee] >= before[payee] for payee in schedule.payees)
    assert sum(after.values()) - sum(before.values()) <= more + schedule.dust_bound()


@given(
    schedules(max_payees=40),
    st.lists(st.tuples(amounts(), st.integers(0, 2), st.integers(0, 39)), min_size=1, max_size=12),
)
def test_when_and_how_often_anyone_distributes_changes_nothing(
    schedule: Schedule, events: list[tuple[int, int, int]]
) -> None:
    """Path independence: distributions and claims at any time pay what one distribution at the end pays."""
    till = oracle.Till(oracle.tiers_of(schedule))
    for amount, action, payee in events:
        till.receive(amount)
        if action == 1:
            till.distribute()
        elif action == 2:
            till.claim(payee % len(schedule.payees))
    till.distribute()
    assert dict(zip(schedule.payees, till.paid, strict=True)) == schedule.entitlements(till.revenue)


@given(schedules(max_payees=8), st.integers(1, 400))
def test_a_payment_in_single_units_starves_nobody(schedule: Schedule, revenue: int) -> None:
    till = oracle.Till(oracle.tiers_of(schedule))
    for _ in range(revenue):
        till.receive(1)
        till.distribute()
    assert dict(zip(schedule.payees, till.paid, strict=True)) == schedule.entitlements(revenue)


@given(schedule_and_revenue())
def test_an_other_token_follows_the_oracle_of_the_last_tier(case: tuple[Schedule, int]) -> None:
    schedule, revenue = case
    tiers = [(None, schedule.tiers[-1].weights)]
    assert list(schedule.for_other_token().entitlements(revenue).values()) == oracle.entitlements(
        tiers, revenue
    )


# ------------------------------------------------------------------------------------------ inverse


@given(schedules(max_payees=40), st.data())
def test_inverse_is_the_smallest_revenue_that_earns_the_amount(
    schedule: Schedule, data: st.DataObject
) -> None:
    payee = data.draw(st.sampled_from(schedule.payees))
    near = schedule.entitlement(payee, data.draw(revenues(schedule))) + data.draw(st.integers(-1, 1))
    amount = data.draw(st.one_of(amounts(), st.just(near)))
    last = schedule.tiers[-1]
    most = schedule.entitlement(payee, last.start)
    if last.weights[schedule.payees.index(payee)] == 0 and amount > most:
        with pytest.raises(Unreachable, match=f"at most {most},"):
            schedule.inverse(payee, amount)
        return
    revenue = schedule.inverse(payee, amount)
    assert schedule.entitlement(payee, revenue) >= amount
    assert revenue == 0 or schedule.entitlement(payee, revenue - 1) < amount


def test_inverse_crosses_a_tier_in_which_the_payee_has_no_share() -> None:
    schedule = make_schedule((100, (0, 1)), (200, (1, 0)), (None, (1, 3)))
    assert schedule.inverse("a", 1) == 101
    assert schedule.inverse("b", 100) == 100
    assert schedule.inverse("b", 101) == 202, "3 units in the last tier give floor(2·3/4) = 1"
    assert schedule.inverse("b", 0) == schedule.inverse("b", -5) == 0


def test_inverse_of_what_is_never_earned_says_what_is() -> None:
    schedule = make_schedule((100, (1, 1)), (None, (1, 0)))
    assert schedule.inverse("b", 50) == 100
    with pytest.raises(Unreachable, match="'b' never earns 51 units: at most 50") as caught:
        schedule.inverse("b", 51)
    assert (caught.value.payee, caught.value.amount, caught.value.most) == ("b", 51, 50)


# ------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("revenue", [1.0, True, "1", None, 1e30])
def test_revenue_is_an_int(revenue: object) -> None:
    schedule = make_schedule((None, (1, 1)))
    with pytest.raises(AmountTypeError):
        schedule.entitlements(revenue)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        schedule.inverse("a", revenue)  # type: ignore[arg-type]


def test_revenue_is_not_negative() -> None:
    with pytest.raises(AmountError, match="revenue is -1"):
        make_schedule((None, (1, 1))).entitlements(-1)


def test_an_unknown_payee_gets_a_hint() -> None:
    with pytest.raises(UnknownPayee, match="did you mean 'designer'") as caught:
        make_schedule((None, (1, 1)), payees=("exporter", "designer")).entitlement("desginer", 1)
    assert caught.value.known == ("exporter", "designer")


@pytest.mark.parametrize(
    ("tiers", "what"),
    [
        ((), "the last is unbounded"),
        (((0, 10, (1, 1), 2),), "the last is unbounded"),
        (((1, None, (1, 1), 2),), "must start where"),
        (((0, 0, (1, 1), 2), (0, None, (1, 1), 2)), "must start where"),
        (((0, None, (1, 1), 2), (0, None, (1, 1), 2)), "must start where"),
        (((0, 10, (1, 1), 2), (11, None, (1, 1), 2)), "must start where"),
        (((0, None, (1,), 1),), "each of the payees"),
        (((0, None, (2, -1), 1),), "each of the payees"),
        (((0, None, (1, 1), 3),), "total"),
        (((0, None, (0, 0), 0),), "total"),
    ],
)
def test_a_schedule_of_tiers_that_do_not_fit_is_refused(
    tiers: tuple[tuple[object, ...], ...], what: str
) -> None:
    terms = tuple(TierTerms(*tier) for tier in tiers)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=what):
        Schedule(("a", "b"), (address(1), address(2)), terms, TOKEN)


def test_a_schedule_needs_one_address_for_each_payee() -> None:
    tier = (TierTerms(0, None, (1, 1), 2),)
    with pytest.raises(InvalidInput, match="2 payees but 1 addresses"):
        Schedule(("a", "b"), (address(1),), tier, TOKEN)
    with pytest.raises(InvalidInput, match="different names"):
        Schedule(("a", "a"), (address(1), address(2)), tier, TOKEN)


def test_nobody_in_a_schedule_is_called_by_anothers_address() -> None:
    tier, (first, second) = (TierTerms(0, None, (1, 1), 2),), (address(1), address(2))
    assert Schedule((first, "b"), (first, second), tier, TOKEN).payees == (first, "b")  # without a name
    for name in (second, second[2:].upper(), "0X" + second[2:]):
        with pytest.raises(InvalidInput, match="called by another"):
            Schedule((name, "b"), (first, second), tier, TOKEN)


@example(revenue=2**127)
@given(revenue=amounts())
def test_one_payee_alone_gets_everything(revenue: int) -> None:
    schedule = make_schedule((7, (3,)), (None, (2**32 - 1,)))
    assert schedule.entitlements(revenue) == {"a": revenue}
    assert schedule.dust_bound() == 0
