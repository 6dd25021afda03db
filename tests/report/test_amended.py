"""Statements and books of an amended split: what was earned before stays, rounding begins anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_account import Account

import revshare as rs
from revshare.chain import Devnet
from revshare.ledger import Ledger
from revshare.report import Position, books, epochs_of, statement_of, statements_of
from revshare.settlement import settle

pytestmark = pytest.mark.xdist_group("report")


def sale(song: rs.Agreement, month: int, amount: int) -> rs.Sale:
    when = datetime(2011, month, 2, tzinfo=UTC)
    return rs.Sale("store", f"{month}", when, amount, "ETH", agreement=song.name)


def test_periods_before_and_after_an_amendment(tmp_path: Path) -> None:
    chain = Devnet.start()
    me = chain.accounts[0]
    people = {
        name: Account.from_key(bytes([number]) * 32) for number, name in enumerate(("ann", "bob", "cy"), 1)
    }
    song = rs.Agreement.model_validate(
        {
            "name": "A song",
            "token": {"symbol": "ETH", "decimals": 18},
            "payees": {name: people[name].address for name in ("ann", "bob")},
            "tiers": [{"until": "0.5", "shares": {"ann": 2, "bob": 1}}, {"shares": {"ann": 3, "bob": 4}}],
            "governance": {"quorum": "100%"},
        }
    )
    split = rs.RevenueSplit.deploy(chain.w3, song, account=me)
    assert isinstance(split, rs.AmendableSplit)
    with Ledger.open(tmp_path / "sales.db") as ledger:
        ledger.record_all(
            [sale(song, 1, 10**17 + 1), sale(song, 2, 7 * 10**17 + 4), sale(song, 3, 10**18 + 5)]
        )
        settle(ledger, split, "2011-01", finality=0)
        # Bob leaves, Cy comes; the tier that was begun goes on.
        remix = song.model_copy(
            update={
                "payees": {name: people[name].address for name in ("ann", "cy")},
                "tiers": (
                    rs.Tier(until="0.5", shares={"ann": 1, "cy": 2}),
                    rs.Tier(shares={"ann": 5, "cy": 6}),
                ),
            }
        )
        proposal = split.propose(remix)
        for name in ("ann", "bob"):
            proposal = proposal.sign(people[name])
        split.amend(proposal).send()
        split = split.refresh(remix)
        assert isinstance(split, rs.AmendableSplit)
        for month in ("2011-02", "2011-03"):
            settle(ledger, split, month, finality=0)
        epochs = epochs_of(split)
        assert [base for base, _ in epochs] == [0, 10**17 + 1]
        statements = list(statements_of(ledger, remix, epochs=epochs))
        assert [statement.differences for statement in statements] == [(), (), ()]
        paid = dict.fromkeys(("ann", "bob", "cy"), 0)
        for statement in statements:
            for one in statement:
                assert one.brought_forward == one.carried_forward == 0, (statement.period, one.payee)
                paid[one.payee] += one.paid
        assert paid == split.paid()
        now = split.statement()
        made = books(statements, position=Position(now.revenue, now.entitlements, now.paid, now.credit))
        assert made.paid() == split.paid()
        assert len(made.entries) == len(books(statements).entries), "nothing happened outside the settlements"
        # Without the log the lines of a later period may be a unit off: then the statement says so.
        second = statement_of(ledger, remix, "2011-02")
        assert second.differences == () or "the settlement says" in second.differences[0]
