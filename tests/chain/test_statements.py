"""Statements rebuilt from the log alone are what the contract says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.chain.conftest import ECHO_REVERT, Chain

import revshare as rs
from revshare.chain import COIN, Claimed, Credited, CreditWithdrawn, Distributed, Event, Terms, replay


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_log_alone_gives_the_contracts_statement(tester: Chain, seed: int) -> None:
    """Random payments, distributions, claims, in two tokens and the coin, which one payee does not take."""
    choose = random.Random(seed)
    split = tester.split(6, wall=tester.place(ECHO_REVERT))
    other = tester.token(2)
    tokens = {split.terms.token: split.token, other.address: other.token, COIN: rs.chain.tokens.coin()}
    for step in range(24):
        token = choose.choice(sorted(tokens))
        match choose.randrange(4):
            case 0 | 1:
                split.pay(choose.randrange(1, 10**8), sale_id=str(step), token=token).send()
            case 2:
                split.distribute(token=token).send()
            case 3:
                try:
                    split.claim(choose.choice(list(split.payees)), token=token).send()
                except rs.ContractError as refused:
                    assert refused.name in ("NothingDue", "PaymentFailed")
        if step % 6 < 5:
            continue
        rebuilt = replay(split.events(), split.terms)
        for address, known in tokens.items():
            now = split.statement(token=address)
            assert now.token == known
            if address not in rebuilt:
                assert set(now.paid.values()) == {0}
                continue
            then = rebuilt[address]
            assert (then.paid, then.credit) == (now.paid, now.credit)
            assert then.revenue <= now.revenue
            assert then.entitlements == schedule(split, address).entitlements(then.revenue)
            for line in then:
                assert line.entitlement == line.paid + line.credit + line.due
    assert split.statement(token=COIN).credit["wall"] >= 0


def schedule(split: rs.RevenueSplit, token: str) -> rs.Schedule:
    return split.schedule if token == split.terms.token else split.schedule.for_other_token()


def test_after_a_distribution_the_log_and_the_contract_say_the_very_same(chain: Chain) -> None:
    split = chain.split()
    split.pay("777.777777", sale_id="A").send()
    split.claim("designer").send()
    split.pay("0.000001", sale_id="B").send()
    split.distribute().send()
    rebuilt = replay(split.events(), split.terms)[split.terms.token]
    assert replace(split.statement(), block_number=None, block_hash=None) == rebuilt


# ---------------------------------------------------------------- a log that is not whole


WHERE = {"address": COIN, "block_number": 1, "block_hash": "", "tx_hash": "", "log_index": 0}
A, B = "0x" + "11" * 20, "0x" + "22" * 20


def terms() -> Terms:
    agreement = rs.Agreement.model_validate(
        {
            "name": "two",
            "token": {"symbol": "ETH", "decimals": 18},
            "payees": {"a": A, "b": B},
            "tiers": [{"shares": {"a": 1, "b": 1}}],
        }
    )
    return Terms(agreement.schedule())


def distributed(first: int, last: int) -> Event:
    return Distributed(**WHERE, token=COIN, from_revenue=first, to_revenue=last)  # type: ignore[arg-type]


def claimed(payee: str, mark: int, amount: int) -> Event:
    return Claimed(**WHERE, payee=payee, token=COIN, to_revenue=mark, amount=amount)  # type: ignore[arg-type]


def credited(payee: str, amount: int) -> Event:
    return Credited(**WHERE, payee=payee, token=COIN, amount=amount)  # type: ignore[arg-type]


def withdrawn(payee: str, amount: int) -> Event:
    return CreditWithdrawn(**WHERE, payee=payee, token=COIN, to=payee, amount=amount)  # type: ignore[arg-type]


def test_credit_comes_and_goes() -> None:
    log = [credited(A, 50), distributed(0, 100), withdrawn(A, 20), claimed(B, 300, 100)]
    statement = replay(log, terms())[COIN]
    assert (statement.revenue, statement.token.symbol) == (300, "ETH")
    assert statement.entitlements == {"a": 150, "b": 150}
    assert statement.paid == {"a": 20, "b": 150}
    assert statement.credit == {"a": 30, "b": 0}
    assert statement.due == {"a": 100, "b": 0}


def test_who_claimed_beyond_a_later_mark_is_paid_from_there_on() -> None:
    """Where a token took balance away after a claim, a distribution may end below the claim's mark."""
    log = [claimed(A, 300, 150), distributed(0, 200)]
    between = replay(log, terms())[COIN]
    assert (between.revenue, between.paid, between.due) == (300, {"a": 150, "b": 100}, {"a": 0, "b": 50})
    after = replay([*log, distributed(200, 400)], terms())[COIN]
    assert (after.paid, after.due) == ({"a": 200, "b": 200}, {"a": 0, "b": 0})


@pytest.mark.parametrize(
    "log",
    [
        [distributed(50, 100)],
        [distributed(0, 50), distributed(60, 100)],
        [claimed(A, 100, 51)],
        [claimed("0x" + "33" * 20, 100, 50)],
        [credited(A, 10), withdrawn(A, 11)],
    ],
)
def test_a_log_with_events_missing_is_an_error(log: list[Event]) -> None:
    with pytest.raises(rs.ChainError, match="the log"):
        replay(log, terms())


# ---------------------------------------------------------------- terms as they stand in the log


def test_terms_are_read_back_with_and_without_names(tester: Chain) -> None:
    given = Terms(tester.agreement(coin=True).schedule())
    read = Terms.decode(given.encoded)
    assert (read.encoded, read.commitment, read.token) == (given.encoded, given.commitment, COIN)
    assert set(read.schedule.payees) == set(tester.payees.values())
    named = Terms.decode(
        given.encoded, given.schedule.token, {a.lower(): n for n, a in tester.payees.items()}
    )
    assert named.schedule.entitlements(10**21) == given.schedule.entitlements(10**21)
    assert named.schedule.token == given.schedule.token


@pytest.mark.parametrize(
    "change", ["empty", "kind", "cut", "longer", "total", "unsorted", "no tiers", "no payees"]
)
def test_bytes_that_are_no_terms_are_refused(change: str) -> None:
    good = terms().encoded
    head = 44
    bad = {
        "empty": b"",
        "kind": b"\1" + good[1:],
        "cut": good[:-1],
        "longer": good + b"\0",
        "total": good[:43] + b"\3" + good[44:],
        "unsorted": good[:head] + good[head + 24 :] + good[head : head + 24],
        "no tiers": good[:21] + b"\0" + good[22:],
        "no payees": good[:head],
    }[change]
    with pytest.raises(rs.InvalidInput):
        Terms.decode(bad)
