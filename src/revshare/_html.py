"""Agreements, schedules and simulations as HTML: tables for notebooks, and a page that stands by itself.

Everything that comes from outside (names, titles) is escaped. No scripts, nothing fetched from elsewhere.
Pictures are drawn in floats; figures in tables are exact, mean values rounded down to the unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from html import escape
from typing import TYPE_CHECKING

from ._words import NOT_TAX_ADVICE, because, share_text, slice_text
from .errors import AgreementError
from .money import Token

if TYPE_CHECKING:
    from .agreement import Agreement
    from .schedule import Schedule
    from .simulation import Comparison, Simulation

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; font-weight: 600 }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left } figure { margin: 1.5rem 0 } svg { max-width: 100% }
"""
_CHART = (720, 220)
_LEFT, _BOTTOM = 110, 24


def agreement(found: Agreement) -> str:
    """Return the tiers of an agreement as a table, and another with its rules and who enforces them."""
    try:
        tiers, what = found.schedule(), ""
    except AgreementError:  # through a book, or of no use: either way it can be looked at
        tiers, what = found.base_schedule(), ", before rules"
    shown = _tiers(tiers, f"{found.name} ({found.token.symbol}{what})")
    rows = [[one.rule.says(), one.by, because(one, found.token)] for one in found.enforcement()]
    advice = f"<p>{NOT_TAX_ADVICE}</p>" if any(rule.rule == "withhold" for rule in found.rules) else ""
    return shown + (_table("Rules", ("rule", "enforced by", "because"), rows) if rows else "") + advice


def schedule(found: Schedule) -> str:
    """Return the tiers of a schedule as a table."""
    return _tiers(found, f"Revenue so far ({found.token.symbol}), and who earns what of it")


def _tiers(found: Schedule, caption: str) -> str:
    head = ["payee", *(_span(found, number) for number in range(len(found.tiers)))]
    rows = (
        [payee, *(share_text(Fraction(tier.weights[i], tier.total)) for tier in found.tiers)]
        for i, payee in enumerate(found.payees)
    )
    return _table(caption, head, rows)


def simulation(found: Simulation) -> str:
    """Return what each payee has at the end, and how likely each tier is filled by then."""
    return _table(_caption(found), PAYEE_COLUMNS, payee_rows(found)) + _completion(found)


def comparison(found: Comparison) -> str:
    """Return the tables of all simulations, each under its name."""
    return "".join(f"<h3>{escape(name)}</h3>{simulation(one)}" for name, one in found.items())


def page(title: str, found: Mapping[str, Simulation]) -> str:
    """Return a page with tables and a fan chart for each payee."""
    body = []
    for name, one in found.items():
        heading = f"<h2>{escape(name)}</h2>" if name else ""
        charts = "".join(_fan(one, payee) for payee in one.payees)
        body.append(f"{heading}{schedule(one.schedule)}{simulation(one)}{charts}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{''.join(body)}\n"
        "<p>Each payout is exact: what the contract pays when that path is played. What comes in is a "
        "model's guess.</p></body></html>\n"
    )


PAYEE_COLUMNS = ("payee", "mean", "5 %", "25 %", "median", "75 %", "95 %", "of all")
TIER_COLUMNS = ("tier", "filled", "by half of the futures")


def payee_rows(found: Simulation) -> list[list[str]]:
    """Return for each payee what it has at the end: mean, quantiles, part of all; as text to be read."""
    rows = found.rows()[-len(found.payees) :]
    amounts = ("mean", "p5", "p25", "p50", "p75", "p95")
    return [
        [row["payee"], *(in_short(found.token, row[name]) for name in amounts), f"{row['share']:.1%}"]
        for row in rows
    ]


def tier_rows(found: Simulation) -> list[list[str]]:
    """Return for each tier that ends: its span, how likely it is full at the end, and when it is for half."""
    rows = []
    for number, tier in enumerate(found.schedule.tiers, 1):
        if tier.end is not None:
            reached = found.futures.reached(tier.end)
            half = next((p for p, part in enumerate(reached, 1) if part >= Fraction(1, 2)), None)
            when = "–" if half is None else f"period {half}"
            rows.append([_span(found.schedule, number - 1), part_of(reached[-1]), when])
    return rows


def part_of(part: Fraction) -> str:
    """Return a part in per cent, cut after one decimal: only what is all is 100.0%."""
    whole, rest = divmod(int(part * 1000), 10)
    return f"{whole}.{rest}%"


def in_short(token: Token, amount: int) -> str:
    """Return an amount for a table: cut after two decimals, thousands apart."""
    keep = min(token.decimals, 2)
    cut = 10 ** (token.decimals - keep)
    whole, rest = divmod(amount // cut, 10**keep)
    return f"{whole:,}" + (f".{rest:0{keep}d}" if keep else "")


def _caption(found: Simulation) -> str:
    return (
        f"After {found.periods} periods, in {found.token.symbol} ({found.paths:,} futures, seed {found.seed})"
    )


def _completion(found: Simulation) -> str:
    rows = tier_rows(found)
    return _table("Tiers", TIER_COLUMNS, rows) if rows else ""


def _span(found: Schedule, number: int) -> str:
    tier = found.tiers[number]
    return slice_text(found.token, tier.start, tier.end)


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head_row = f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
    return f"<table>{head_row}<tbody>{body}</tbody></table>"


def _fan(found: Simulation, payee: str) -> str:
    """Return the quantiles of what a payee has been paid, period by period, as SVG."""
    lines = fan(found, payee)
    top = max(lines[-1]) or 1.0
    width, height = _CHART

    def points(values: Sequence[float], *, back: bool = False) -> str:
        step = (width - _LEFT) / max(len(values) - 1, 1)
        dots = [
            f"{_LEFT + k * step:.1f},{(height - _BOTTOM) * (1 - v / top) + 4:.1f}"
            for k, v in enumerate(values)
        ]
        return " ".join(reversed(dots) if back else dots)

    bands = "".join(
        f'<polygon points="{points(lines[low])} {points(lines[-1 - low], back=True)}" fill="#4472a8" '
        f'fill-opacity="{opacity}"/>'
        for low, opacity in ((0, 0.2), (1, 0.35))
    )
    most = in_short(found.token, found.schedule.entitlement(payee, found.futures.quantiles((0.95,), None)[0]))
    labels = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12">{escape(text)}</text>'
        for x, y, anchor, text in (
            (_LEFT - 6, 14, "end", most),
            (_LEFT - 6, height - _BOTTOM + 4, "end", "0"),
            (_LEFT, height - 4, "start", "period 0"),
            (width, height - 4, "end", f"period {found.periods}"),
        )
    )
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{escape(payee)}, quantiles by period">{bands}'
        f'<polyline points="{points(lines[2])}" fill="none" stroke="#1f3f66" stroke-width="2"/>{labels}</svg>'
        f"<figcaption>{escape(payee)}: the median, half and nine tenths of the futures</figcaption></figure>"
    )


def fan(found: Simulation, payee: str) -> list[list[float]]:
    """Return for each quantile, ascending, what `payee` has been paid by each period from 0, to be drawn."""
    from .simulation import QUANTILES

    unit = 10**found.token.decimals
    lines: list[list[float]] = [[0.0] for _ in QUANTILES]
    for period in range(1, found.periods + 1):
        for line, revenue in zip(lines, found.futures.quantiles(QUANTILES, period), strict=True):
            line.append(found.schedule.entitlement(payee, revenue) / unit)
    return lines
