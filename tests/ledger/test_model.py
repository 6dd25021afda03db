"""Any sequence of operations: the ledger answers as a plain dictionary of sales would."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import revshare as rs
from revshare.ledger import Manifest
from tests.databases import _FOLDER

START = datetime(2010, 12, 1, tzinfo=UTC)
LIMIT = 2**128

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
some = st.sampled_from(["", "a", "b\tc\\N\n", "ü"])
sales = st.builds(
    rs.Sale,
    st.sampled_from(["shop", "market"]),
    st.sampled_from([f"INV-{number}" for number in range(12)]) | texts.filter(bool),
    st.datetimes(datetime(2010, 1, 1), datetime(2012, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001
    | st.sampled_from([START, START + timedelta(microseconds=1)]),
    st.integers(-LIMIT, LIMIT) | st.integers(-3, 3),
    st.sampled_from(["GBPT", "USDC"]),
    texts,
    st.dictionaries(texts, texts | st.booleans() | st.none() | st.integers(-(2**200), 2**200), max_size=3),
    agreement=st.sampled_from(["A", "B"]),
    sku=some,
    territory=some,
    channel=some,
    currency=some,
    rate=st.sampled_from(["", "1", "0.250"]),
    rate_source=some,
    zone=st.sampled_from(["", "Europe/Paris", "+10:00"]),
)


class Model(RuleBasedStateMachine):
    url: str

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=_FOLDER)
        self.url = f"sqlite:///{self.folder.name}/sales.db"
        self.ledger = rs.Ledger.open(self.url)
        self.entries: dict[tuple[str, str], rs.Sale] = {}
        self.heads = [self.ledger.head()]
        self.files = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ledger.close()
            self.folder.cleanup()

    def expect(self, many: list[rs.Sale]) -> dict[tuple[str, str], rs.Sale] | None:
        """What the model is after recording them, None when one of them is in conflict."""
        after = dict(self.entries)
        for sale in many:
            if after.setdefault((sale.source, sale.external_id), sale) != sale:
                return None
        return after

    @rule(sale=sales)
    def record(self, sale: rs.Sale) -> None:
        after = self.expect([sale])
        if after is None:
            with pytest.raises(rs.ConflictError) as caught:
                self.ledger.record(sale)
            assert caught.value.existing == self.entries[sale.source, sale.external_id]
            return
        recorded = self.ledger.record(sale)
        assert recorded.new == (len(after) > len(self.entries))
        assert recorded.entry.sale == sale
        self.entries = after

    @rule(many=st.lists(sales, max_size=6), imported=st.booleans())
    def record_all(self, many: list[rs.Sale], imported: bool) -> None:
        after = self.expect(many)
        manifest = Manifest("f", str(self.files)) if imported else None
        if after is None:
            with pytest.raises(rs.ConflictError):
                self.ledger.record_all(many, manifest=manifest)
            return
        batch = self.ledger.record_all(many, manifest=manifest)
        assert batch.new == len(after) - len(self.entries)
        assert batch.new + batch.known == len(many)
        assert (batch.first is None) == (batch.new == 0)
        self.files += imported
        self.entries = after

    @rule(data=st.data())
    def record_again(self, data: st.DataObject) -> None:
        if self.entries:
            many = data.draw(st.lists(st.sampled_from(list(self.entries.values()))))
            assert self.ledger.record_all(many).new == 0

    @rule(data=st.data(), reason=st.sampled_from(["returned", "wrong"]))
    def reverse(self, data: st.DataObject, reason: str) -> None:
        if not self.entries:
            return
        sale = data.draw(st.sampled_from(list(self.entries.values())))
        key = (sale.source, f"{sale.external_id}/reversal")
        before = self.entries.get(key)
        if before is not None and before.metadata.get("reason") != reason:
            with pytest.raises(rs.ConflictError):
                self.ledger.reverse(sale.source, sale.external_id, reason=reason)
            return
        reversal = self.ledger.reverse(sale.source, sale.external_id, reason=reason)
        assert reversal.new == (before is None)
        assert reversal.entry.sale.amount == -sale.amount
        self.entries[key] = reversal.entry.sale

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = rs.Ledger.open(self.url, create=False)

    @rule()
    def note_the_head(self) -> None:
        self.heads.append(self.ledger.head())

    @rule(agreement=st.sampled_from([None, "A", "B", "C"]), period=st.sampled_from([None, "2010", "2010-12"]))
    def ask(self, agreement: str | None, period: str | None) -> None:
        span = rs.Period.parse(period) if period else None
        expected = [
            sale
            for sale in self.entries.values()
            if agreement in (None, sale.agreement) and (span is None or span.contains(sale.occurred_at))
        ]
        assert [entry.sale for entry in self.ledger.sales(agreement, period=period)] == expected
        totals: dict[str, rs.Totals] = {}
        for token in sorted({sale.token for sale in expected}):
            amounts = [sale.amount for sale in expected if sale.token == token]
            totals[token] = rs.Totals(
                len(amounts), sum(a for a in amounts if a > 0), sum(a for a in amounts if a < 0)
            )
        assert self.ledger.totals(agreement, period=period) == totals

    @invariant()
    def all_is_there_in_order(self) -> None:
        if hasattr(self, "folder"):
            there = list(self.ledger.sales())
            assert [entry.sale for entry in there] == list(self.entries.values())
            assert [entry.seq for entry in there] == list(range(1, len(there) + 1))
            assert len(self.ledger.imports()) == self.files

    @rule()
    def verify(self) -> None:
        for head in self.heads:
            found = self.ledger.verify(head)
            assert found.ok, found.problems
            assert found.entries == len(self.entries)


def test_the_ledger_is_a_dictionary_that_only_grows() -> None:
    examples = max(8, settings.default.max_examples // 5)  # type: ignore[union-attr]
    run_state_machine_as_test(Model, settings=settings(max_examples=examples, stateful_step_count=20))


@pytest.mark.campaign
def test_the_ledger_is_a_dictionary_for_long() -> None:
    run_state_machine_as_test(Model, settings=settings(stateful_step_count=50))
