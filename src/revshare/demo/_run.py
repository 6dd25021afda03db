"""The demonstration itself: a year of sales remitted month by month, shared, and reconciled four ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from revshare.agreement import Agreement
from revshare.chain import DemoToken, Devnet, Event, Remitted, RevenueSplit, replay
from revshare.chain.node import Node
from revshare.chain.signers import Account, sender
from revshare.demo import _sales
from revshare.ledger import Sale
from revshare.money import Token

_GAS_LIMIT = 1_000_000
"""For the embedded chain, which takes ten times as long to estimate what a transaction needs as to run it."""

__all__ = ["DemoResult", "Figures", "Period", "Progress", "agreement", "run"]


def agreement() -> Agreement:
    """Return the agreement of the demonstration, which is also `examples/australia.toml`."""
    return Agreement.loads((resources.files("revshare.demo") / "australia.toml").read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------ what comes out


@dataclass(frozen=True)
class Period:
    """One remittance and the distribution that followed. Amounts are base units, of this period alone.

    sales: lines remitted, those carried into the period included. earned: by the schedule. paid: by the
    contract. gas: of the remittance and the distribution together.
    """

    period: str
    sales: int
    revenue: int
    earned: Mapping[str, int]
    paid: Mapping[str, int]
    gas: int


@dataclass(frozen=True)
class Progress:
    """How far a run has come: `done` of `total` steps, what comes next, and the periods that are complete."""

    done: int
    total: int
    doing: str
    periods: tuple[Period, ...] = ()


@dataclass(frozen=True)
class Figures:
    """One payee at the end, in base units: earned by the schedule, paid by the contract, held as tokens."""

    entitled: int
    paid: int
    balance: int


@dataclass(frozen=True)
class DemoResult:
    """What a run gave. Amounts are base units of `token`.

    sales: sale lines; `invoices` is how many invoices they are of, `credit_notes` of them credit notes.
    revenue: what was remitted. carried: the net of the lines that nothing was remitted for, 0 or less.
    gas: of all periods. What is done once is left out: deploying token, factory and split, the approval.
    ways: what each payee has got, in four ways: by the ``schedule``, the ``contract``, its ``log`` alone, and
    the token's ``balances``. differences: where these, or other things that must agree, do not.
    """

    agreement: Agreement
    token: Token
    split: str
    chain_id: int
    sales: int
    invoices: int
    credit_notes: int
    revenue: int
    carried: int
    periods: tuple[Period, ...]
    gas: int
    ways: Mapping[str, Mapping[str, int]]
    differences: tuple[str, ...]

    @property
    def reconciled(self) -> bool:
        """Whether everything agrees, to the unit."""
        return not self.differences

    @property
    def payees(self) -> dict[str, Figures]:
        """Each payee's figures."""
        entitled, paid, held = self.ways["schedule"], self.ways["contract"], self.ways["balances"]
        return {name: Figures(entitled[name], paid[name], held[name]) for name in entitled}

    @property
    def dust(self) -> int:
        """What nobody has earned, as tiers round down."""
        return self.revenue - sum(self.ways["schedule"].values())

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data: amounts are exact decimal strings, in whole tokens."""
        show = self.token.format
        return {
            "agreement": self.agreement.name,
            "token": self.token.model_dump(),
            "split": self.split,
            "chain_id": self.chain_id,
            "sales": self.sales,
            "invoices": self.invoices,
            "credit_notes": self.credit_notes,
            "revenue": show(self.revenue),
            "carried": show(self.carried),
            "periods": [
                {
                    "period": period.period,
                    "sales": period.sales,
                    "revenue": show(period.revenue),
                    "payees": {
                        name: {"earned": show(earned), "paid": show(period.paid[name])}
                        for name, earned in period.earned.items()
                    },
                    "gas": period.gas,
                }
                for period in self.periods
            ],
            "payees": {
                name: {
                    "entitled": show(figures.entitled),
                    "paid": show(figures.paid),
                    "balance": show(figures.balance),
                }
                for name, figures in self.payees.items()
            },
            "dust": show(self.dust),
            "gas": self.gas,
            "reconciled": self.reconciled,
            "differences": list(self.differences),
        }


# ------------------------------------------------------------------------------------------ running


def run(
    w3: Any = None,
    *,
    account: Account = None,
    watch: Callable[[Progress], None] = lambda _: None,
    sales: Mapping[str, Sequence[Sale]] | None = None,
) -> DemoResult:
    """Play the demonstration and return its result, reconciled or not.

    w3: a Web3; left out, a chain inside this process. On the node's chain a play token and a split are made;
    nothing of value moves.
    account: who deploys, remits and distributes: a signer, or an address that the node holds; left out, w3's
    default account, else the node's first. It needs coin for gas.
    watch: called with the Progress before every step, and at the end.
    sales: by period, to play others than the Australian ones; amounts in units of GBPT, six decimals.

    Raises ProviderError when the node does not answer, InvalidInput when it holds no account and none is
    given, InsufficientFunds when that has no coin, and whatever else sending may raise.
    """
    gas = None
    if w3 is None:
        w3 = Devnet.start().w3
        gas = _GAS_LIMIT
    deal = agreement()
    plan = _sales.Plan.of(_sales.months(_sales.data(), deal.token) if sales is None else sales)
    periods: list[Period] = []
    steps = iter(range(2 * len(plan.batches) + 3))

    def say(doing: str) -> None:
        watch(Progress(next(steps), 2 * len(plan.batches) + 2, doing, tuple(periods)))

    say("deploying token and split")
    token = DemoToken.deploy(w3, deal.token.symbol, deal.token.decimals, account=account)
    split = RevenueSplit.deploy(w3, deal, token=token.address, account=account)
    revenue = sum(batch.amount for batch in plan.batches)
    token.mint(sender(Node.of(w3), account).address, revenue).send(gas=gas)
    token.approve(split.address, revenue).send(gas=gas)
    for period in _play(split, plan, say, gas):
        periods.append(period)  # noqa: PERF402 - `say` shows what is there so far
    say("reconciling")
    log = split.events()
    ways = _four_ways(split, token, log, revenue)
    differences = (*_differences(ways, split.token), *_other_differences(split, token, log, plan, ways))
    say("done")
    lines = tuple(plan.sales())
    invoices, credit_notes = _sales.invoices(lines)
    return DemoResult(
        agreement=deal,
        token=split.token,
        split=split.address,
        chain_id=split.chain_id,
        sales=len(lines),
        invoices=invoices,
        credit_notes=credit_notes,
        revenue=revenue,
        carried=sum(sale.amount for sale in plan.carried),
        periods=tuple(periods),
        gas=sum(period.gas for period in periods),
        ways=ways,
        differences=differences,
    )


def _play(
    split: RevenueSplit, plan: _sales.Plan, say: Callable[[str], None], gas: int | None
) -> Iterator[Period]:
    """Remit and distribute batch by batch."""
    revenue = 0
    paid = split.paid()
    for batch in plan.batches:
        say(f"{batch.period}: the distributor remits")
        call = split.remit(batch.amount, batch_id=batch.period, root=batch.root, count=len(batch.sales))
        remittance = call.send(approve=False, gas=gas)
        say(f"{batch.period}: anyone distributes")
        distribution = split.distribute().send(gas=gas)
        before, after = (
            split.schedule.entitlements(revenue),
            split.schedule.entitlements(revenue + batch.amount),
        )
        now = split.paid()
        yield Period(
            period=batch.period,
            sales=len(batch.sales),
            revenue=batch.amount,
            earned={name: after[name] - before[name] for name in after},
            paid={name: now[name] - paid[name] for name in now},
            gas=remittance.gas_used + distribution.gas_used,
        )
        revenue += batch.amount
        paid = now


# ------------------------------------------------------------------------------------------ reconciling


def _four_ways(
    split: RevenueSplit, token: DemoToken, log: Sequence[Event], revenue: int
) -> dict[str, dict[str, int]]:
    """Return what each payee has got, by four accounts of it that know nothing of each other.

    The contract's and the log's are what was paid: credit and due must be nothing by now.
    """
    rebuilt = replay(log, split.terms).get(split.terms.token)
    return {
        "schedule": split.schedule.entitlements(revenue),
        "contract": split.paid(),
        "log": rebuilt.paid if rebuilt else dict.fromkeys(split.payees, 0),
        "balances": {name: token.balance_of(address) for name, address in split.payees.items()},
    }


def _differences(ways: Mapping[str, Mapping[str, int]], token: Token) -> Iterator[str]:
    """Yield, payee by payee, how accounts of the same thing differ."""
    for name, expected in ways["schedule"].items():
        said = {way: figures.get(name, 0) for way, figures in ways.items()}
        if set(said.values()) != {expected}:
            yield f"{name}: " + ", ".join(f"{way} {token.format(units)}" for way, units in said.items())


def _other_differences(
    split: RevenueSplit,
    token: DemoToken,
    log: Sequence[Event],
    plan: _sales.Plan,
    ways: Mapping[str, Mapping[str, int]],
) -> Iterator[str]:
    """Yield what else does not agree: revenue, what stays in the contract, and the remittances in the log."""
    show = split.token.format
    revenue = sum(batch.amount for batch in plan.batches)
    received, held = split.received(), token.balance_of(split.address)
    if received != revenue:
        yield f"revenue: the sales come to {show(revenue)}, the contract received {show(received)}"
    if split.entitlements() != ways["schedule"]:
        yield "entitlements: the contract's are not the schedule's"
    dust = revenue - sum(ways["schedule"].values())
    if held != dust:
        yield f"dust: the schedule leaves {show(dust)}, the contract holds {show(held)}"
    remitted = [event for event in log if isinstance(event, Remitted)]
    logged = [(event.amount, event.root, event.count) for event in remitted]
    if logged != [(batch.amount, batch.root, len(batch.sales)) for batch in plan.batches]:
        yield "remittances: the log's are not those of the sales (amount, Merkle root or number of lines)"
