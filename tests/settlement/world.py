"""A distributor's world: a chain with a token, agreements with payees of their own, their sales."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from tests.chain.conftest import Chain

import revshare as rs
from revshare.chain import DemoToken, Remitted, RevenueSplit
from revshare.ledger import Ledger, Sale
from revshare.ledger._journal import Journal
from revshare.settlement import SettlementRecord, Settler

UNIT = 10**6
MARCH, APRIL, MAY = "2011-03", "2011-04", "2011-05"

_numbers = count(1)


def start(period: str) -> datetime:
    return datetime.fromisoformat(f"{period}-01").replace(tzinfo=UTC)


def amounts(number: int, seed: int = 0) -> list[int]:
    """Sales with a few credit notes among them; the net is well above 0."""
    return [
        (UNIT * (1 + (7 * place + seed) % 29) + 13 * place) * (-1 if place % 5 == 3 else 1)
        for place in range(number)
    ]


@dataclass
class World:
    """`me` remits; each agreement has a name and payees that nobody else pays."""

    chain: Chain
    token: DemoToken
    ledger: Ledger
    me: LocalAccount
    recorded: dict[str, list[int]] = field(default_factory=dict)

    def deal(
        self, tiers: int = 2, payees: int = 3, name: str = "", factory: str | None = None
    ) -> RevenueSplit:
        """A new agreement and its split."""
        number = next(_numbers)
        named = {
            f"payee{place}": to_checksum_address(
                (
                    int.from_bytes(self.me.address.encode()[:9])
                    ^ (number << 32 | place << 8 | id(self) % 251)
                ).to_bytes(20, "big")
            )
            for place in range(1, payees + 1)
        }
        shares = {payee: place for place, payee in enumerate(named, 1)}
        agreement = rs.Agreement.model_validate(
            {
                "name": name or f"Deal {number}",
                "token": {"symbol": self.token.token.symbol, "decimals": 6},
                "payees": named,
                "tiers": [{"until": "10", "shares": {"payee1": 1}}, {"shares": shares}][2 - tiers :],
            }
        )
        return RevenueSplit.deploy(
            self.chain.w3,
            agreement,
            token=self.token.address,
            account=self.me,
            salt=number,
            factory=factory,
        )

    def sell(self, split: RevenueSplit, period: str, values: Sequence[int], source: str = "shop") -> None:
        """Record sales, spread over a month."""
        assert split.agreement is not None
        name = split.agreement.name
        known = self.recorded.setdefault(name, [])
        self.ledger.record_all(
            Sale(
                source,
                f"{name}/{period}/{len(known) + place}",
                start(period) + timedelta(hours=place % 600),
                value,
                self.token.token.symbol,
                agreement=name,
            )
            for place, value in enumerate(values)
        )
        known += values

    def ask(self, method: str, *params: Any) -> Any:
        """Ask the node itself."""
        answer = self.chain.w3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def sold(self, count: int = 6) -> RevenueSplit:
        """A new agreement, with so many sales in March."""
        split = self.deal()
        self.sell(split, MARCH, amounts(count))
        return split

    def settler(self, **options: Any) -> Settler:
        return Settler(self.ledger, self.chain.w3, account=self.me, **options)

    def begun(self, count: int = 6, **options: Any) -> tuple[RevenueSplit, Settler]:
        """A new agreement with sales in March, and a settler that is to settle them."""
        split, settler = self.sold(count), self.settler(**options)
        settler.add(split, MARCH)
        return split, settler

    def check(self, split: RevenueSplit, *, revenue: int | None = None) -> None:
        """Everybody has exactly what the money rule gives for all that was sold, by the token's own word."""
        assert split.agreement is not None
        revenue = sum(self.recorded[split.agreement.name]) if revenue is None else revenue
        held = {name: self.token.balance_of(address) for name, address in split.payees.items()}
        assert held == split.schedule.entitlements(revenue)
        assert split.received() == revenue

    def remittances(self, split: RevenueSplit) -> list[Remitted]:
        return [event for event in split.events() if isinstance(event, Remitted)]


class Clock:
    """A time of its own: it goes on when somebody sleeps, and `blocks` are mined meanwhile."""

    def __init__(self, world: World, blocks: int = 0) -> None:
        self.world = world
        self.blocks = blocks
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 1.0)
        if self.blocks:
            self.world.mine(self.blocks)

    @property
    def options(self) -> dict[str, Any]:
        """For a settler to live by it."""
        return {"clock": self, "sleep": self.sleep}


def record(world: World) -> SettlementRecord:
    """The only settlement."""
    (found,) = Journal(world.ledger).settlements()
    return found


def drive(settler: Settler, until: Callable[[], bool], most: int = 200) -> None:
    """Step, without waiting, until something is so."""
    for _ in range(most):
        if until():
            return
        settler.step()
    raise AssertionError("it never came to that")
