"""Multilateral netting: invoices cancelled against each other around cycles, to the provable maximum.

    a, b, c = Invoice("1", "ann", "bob", 100), Invoice("2", "bob", "cid", 80), Invoice("3", "cid", "ann", 90)
    result = clear([a, b, c])
    result.total, result.remaining_of("1")                         # 240 cancelled, 80 of each

What a firm is owed less what it owes is the same before and after, so that nobody is worse off. What can be
cancelled is a circulation in the graph of invoices, the largest one a minimum-cost flow (Fleischman and Dini,
*Mathematical Foundations for Balancing the Payment System in the Trade Credit Market*, J. Risk Financial
Manag. 2021, 14, 452); OR-Tools finds it, in integers.

With `limits`, firms give each other mutual credit: a firm's balance may fall below zero as far as its limit,
so that chains of invoices are cancelled too, which end elsewhere than they began.

**The certificate.** Nobody has to believe the solver. `Clearing.potentials` gives each firm an integer p.
Along any circulation the potentials cancel, so that none whatever can exceed the sum of amount · max(0, 2 +
p(creditor) − p(debtor)), and the like for credit (weak duality of linear programming). `Clearing.verify` adds
that up in Python's integers: that it is what was reached proves that no more is possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ._fields import percent
from ._model import show
from .errors import InvalidInput, MissingExtra
from .money import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Clearing", "Invoice", "Payment", "clear", "demurrage"]

_MOST = 2**58
"""The solver works in 64 bits, on sums of twice the amounts."""
# Of all ways to cancel the most, the one that draws the least credit: a way around the graph meets the credit
# system once at most, so that a unit cancelled must weigh more than one of credit drawn, and two is enough.
_WORTH = 2
_RATE = r"[0-9]{1,3}(\.[0-9]{1,9})?%"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What `debtor` owes `creditor`: `amount` base units. `id` tells invoices apart."""

    id: str
    debtor: str
    creditor: str
    amount: int


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that goes from one firm to another, in base units."""

    debtor: str
    creditor: str
    amount: int


@dataclass(frozen=True)
class Clearing:
    """Which part of each invoice is cancelled.

    invoices: as given. cleared: units cancelled of each, in the same order. balances: of firms in the credit
    system, where they are not 0; negative for credit drawn; they sum to 0. limits, accepts: as given.
    potentials: the certificate, see above; that of the credit system is 0.
    """

    invoices: tuple[Invoice, ...]
    cleared: tuple[int, ...]
    balances: dict[str, int]
    limits: dict[str, int]
    accepts: dict[str, int]
    potentials: dict[str, int]

    @property
    def total(self) -> int:
        """Units cancelled in all."""
        return sum(self.cleared)

    @property
    def owed(self) -> int:
        """Units of all invoices before."""
        return sum(invoice.amount for invoice in self.invoices)

    @property
    def credit(self) -> int:
        """Units of credit drawn in all."""
        return -sum(balance for balance in self.balances.values() if balance < 0)

    @cached_property
    def remaining(self) -> tuple[Invoice, ...]:
        """The invoices as they stand afterwards, those cancelled whole left out."""
        return tuple(
            Invoice(invoice.id, invoice.debtor, invoice.creditor, invoice.amount - cleared)
            for invoice, cleared in zip(self.invoices, self.cleared, strict=True)
            if cleared < invoice.amount
        )

    def remaining_of(self, invoice_id: str) -> int:
        """Return what is left of an invoice: 0 when it is cancelled whole. Raises InvalidInput."""
        for invoice, cleared in zip(self.invoices, self.cleared, strict=True):
            if invoice.id == invoice_id:
                return invoice.amount - cleared
        raise InvalidInput(f"there is no invoice {show(invoice_id)}")

    def net(self) -> dict[str, int]:
        """Return each firm's net position, owed to it less owed by it, before clearing."""
        return _net(self.invoices)

    def net_after(self) -> dict[str, int]:
        """Return each firm's net position after clearing, its balance of credit included: the same."""
        found = dict.fromkeys(self.net(), 0) | _net(self.remaining)
        for firm, balance in self.balances.items():
            found[firm] += balance
        return found

    def payments(self) -> list[Payment]:
        """Return payments, fewer than there are firms, that settle what remains on the net.

        They replace the remaining invoices: whoever is to pay on the net pays those who are to receive, each
        taken in the order of their names. Balances of credit stay as they are.
        """
        after = _net(self.remaining)
        receive = sorted((firm, net) for firm, net in after.items() if net > 0)
        found, place, room = [], -1, 0
        for debtor in sorted(firm for firm, net in after.items() if net < 0):
            owes = -after[debtor]
            while owes:
                if not room:
                    place += 1
                    room = receive[place][1]
                amount = min(owes, room)
                found.append(Payment(debtor, receive[place][0], amount))
                owes, room = owes - amount, room - amount
        return found

    def payouts(self) -> dict[str, int]:
        """Return what each firm is to receive on the net: what a payout book would be funded to pay."""
        return {firm: net for firm, net in sorted(_net(self.remaining).items()) if net > 0}

    def bound(self) -> int:
        """Return what by `potentials` no clearing can exceed: twice the units cancelled less credit drawn."""
        p = self.potentials
        most = sum(
            invoice.amount * max(0, _WORTH + p[invoice.creditor] - p[invoice.debtor])
            for invoice in self.invoices
        )
        most += sum(limit * max(0, p[firm] - 1) for firm, limit in self.limits.items())
        return most + sum(accept * max(0, -p[firm]) for firm, accept in self.accepts.items())

    def verify(self) -> None:
        """Check everything anew, with Python's integers and without the solver. Raises InvalidInput.

        No more of an invoice is cancelled than there is; every net position is what it was; no balance is
        beyond its limits; and the certificate holds: no clearing could cancel more.
        """
        for invoice, cleared in zip(self.invoices, self.cleared, strict=True):
            if not 0 <= cleared <= invoice.amount:
                raise InvalidInput(f"{cleared} units of invoice {invoice.id} cannot be cancelled")
        if self.net() != self.net_after():
            raise InvalidInput("net positions have changed")
        for firm, balance in self.balances.items():
            if not -self.limits.get(firm, 0) <= balance <= self.accepts.get(firm, 0):
                raise InvalidInput(f"the balance of {firm}, {balance} units, is beyond its limits")
        reached = _WORTH * self.total - self.credit
        if self.bound() != reached:
            raise InvalidInput(f"the certificate allows {self.bound()}, and {reached} was reached")

    def __repr__(self) -> str:
        return (
            f"Clearing({self.total} of {self.owed} units cancelled, {len(self.remaining)} of "
            f"{len(self.invoices)} invoices remain, {self.credit} units of credit drawn)"
        )


def clear(
    invoices: Iterable[Invoice],
    *,
    limits: Mapping[str, int] | None = None,
    accepts: Mapping[str, int] | None = None,
) -> Clearing:
    """Return how to cancel as much of `invoices` as is possible, every net position unchanged.

    limits: how many units of credit each firm may draw; those not named, none. accepts: how many each takes
    in place of payment; left out, those with a limit take as much, and the others none.

    Of all ways to cancel the most, one that draws the least credit; of invoices between the same two firms
    the earlier first. The same input gives the same result, and it has been verified.

    Raises InvalidInput for amounts that are not above 0, a firm's invoice to itself, an id that stands twice,
    and for more than 2^58 units in all; MissingExtra without the extra `clearing`.
    """
    given = tuple(invoices)
    _check(given)
    drawn = _amounts("limits", limits or {})
    taken = dict(drawn) if accepts is None else _amounts("accepts", accepts)
    firms = sorted({*(i.debtor for i in given), *(i.creditor for i in given)})
    number = {firm: place for place, firm in enumerate(firms)}
    drawn = {firm: limit for firm, limit in drawn.items() if firm in number}
    taken = {firm: accept for firm, accept in taken.items() if firm in number}
    if sum(i.amount for i in given) + sum(drawn.values()) + sum(taken.values()) >= _MOST:
        raise InvalidInput("amounts and limits come to more than 2^58 units: count in a larger unit")
    owed: dict[tuple[int, int], int] = {}
    for invoice in given:
        pair = number[invoice.debtor], number[invoice.creditor]
        owed[pair] = owed.get(pair, 0) + invoice.amount
    arcs = [(tail, head, amount, -_WORTH) for (tail, head), amount in owed.items()]
    credit = len(firms)  # one more node, from which credit comes and to which it goes
    arcs += [(credit, number[firm], limit, 1) for firm, limit in drawn.items()]
    arcs += [(number[firm], credit, accept, 0) for firm, accept in taken.items()]
    flows, potentials = _solve(arcs, credit + 1)
    left = dict(zip(owed, flows, strict=False))
    cleared = []
    for invoice in given:
        pair = number[invoice.debtor], number[invoice.creditor]
        part = min(left[pair], invoice.amount)
        left[pair] -= part
        cleared.append(part)
    balances: dict[str, int] = {}
    for sign, (firm, flow) in (
        *((-1, pair) for pair in zip(drawn, flows[len(owed) :], strict=False)),
        *((1, pair) for pair in zip(taken, flows[len(owed) + len(drawn) :], strict=True)),
    ):
        balances[firm] = balances.get(firm, 0) + sign * flow
    found = Clearing(
        given,
        tuple(cleared),
        {firm: balance for firm, balance in sorted(balances.items()) if balance},
        drawn,
        taken,
        {firm: potentials[place] - potentials[credit] for firm, place in number.items()},
    )
    found.verify()
    return found


def demurrage(balances: Mapping[str, int], rate: str | Fraction, fund: str) -> dict[str, int]:
    """Return the balances of a credit system after a charge on what lies idle: it sums to what it did.

    Each balance above 0 but that of `fund` falls by `rate`, such as ``"1.5%"``, rounded down to the unit; the
    fund receives it. Debts stay as they are. Raises InvalidInput for a rate that is not from 0 to 100 %.
    """
    part = percent(rate) / 100 if isinstance(rate, str) and re.fullmatch(_RATE, rate) else rate
    if not isinstance(part, Fraction) or not 0 <= part <= 1:
        raise InvalidInput(f'the rate must be a percentage in quotes, such as "1.5%", not {show(rate)}')
    found = {firm: units(balance, f"the balance of {firm}") for firm, balance in balances.items()}
    for firm, balance in balances.items():
        if firm != fund and balance > 0:
            charge = balance * part.numerator // part.denominator
            found[firm] -= charge
            found[fund] = found.get(fund, 0) + charge
    return found


def _check(invoices: tuple[Invoice, ...]) -> None:
    ids = set()
    for invoice in invoices:
        if units(invoice.amount, f"the amount of invoice {invoice.id}") <= 0:
            raise InvalidInput(f"the amount of invoice {invoice.id} must be above 0, not {invoice.amount}")
        if invoice.debtor == invoice.creditor:
            raise InvalidInput(f"invoice {invoice.id} is from {invoice.debtor} to itself")
        if invoice.id in ids:
            raise InvalidInput(f"there are two invoices {show(invoice.id)}")
        ids.add(invoice.id)


def _amounts(what: str, given: Mapping[str, int]) -> dict[str, int]:
    found = {firm: units(amount, f"{what} of {firm}") for firm, amount in given.items()}
    for firm, amount in found.items():
        if amount < 0:
            raise InvalidInput(f"{what} of {firm} cannot be below 0: {amount}")
    return found


def _net(invoices: Iterable[Invoice]) -> dict[str, int]:
    found: dict[str, int] = {}
    for invoice in invoices:
        found[invoice.creditor] = found.get(invoice.creditor, 0) + invoice.amount
        found[invoice.debtor] = found.get(invoice.debtor, 0) - invoice.amount
    return found


def _solve(arcs: list[tuple[int, int, int, int]], nodes: int) -> tuple[list[int], list[int]]:
    """Return the circulation of least cost over arcs (tail, head, capacity, cost), and its potentials."""
    import numpy as np

    if not arcs:
        return [], [0] * nodes
    try:
        from ortools.graph.python.min_cost_flow import SimpleMinCostFlow
    except ModuleNotFoundError:
        raise MissingExtra("clearing", "ortools") from None
    tail, head, capacity, cost = (np.array(column, dtype=np.int64) for column in zip(*arcs, strict=True))
    solver = SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    solver.set_nodes_supplies(np.arange(nodes), np.zeros(nodes, dtype=np.int64))
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise InvalidInput(f"the solver gave up: {status}")
    flow: NDArray[Any] = np.asarray(solver.flows(np.arange(len(arcs))), dtype=np.int64)
    more, less = flow < capacity, flow > 0  # what is not full can take more, what is not empty give back
    start, end = np.concatenate([tail[more], head[less]]), np.concatenate([head[more], tail[less]])
    length = np.concatenate([cost[more], -cost[less]])
    return flow.tolist(), _distances(start, end, length, nodes)


def _distances(start: NDArray[Any], end: NDArray[Any], length: NDArray[Any], nodes: int) -> list[int]:
    """Return the length of the shortest way that ends at each node, wherever it begins (Bellman and Ford).

    Without a cycle of negative length, which in what a flow leaves would improve the flow, lengths settle
    within as many rounds as there are nodes.
    """
    import numpy as np

    distance = np.zeros(nodes, dtype=np.int64)
    for _ in range(nodes + 1):
        reached = distance[start] + length
        better = reached < distance[end]
        if not better.any():
            break
        np.minimum.at(distance, end[better], reached[better])
    return [int(value) for value in distance]
