"""Simulations as plotly's figures. Drawn in whole tokens, in floats: a picture, not an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._html import fan
from ._model import show
from .errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .simulation import Simulation

_COLOURS = (
    ("rgba(68,114,168,0.2)", "#1f3f66"),
    ("rgba(200,110,40,0.2)", "#8a4513"),
    ("rgba(90,150,80,0.2)", "#2f5d26"),
    ("rgba(140,90,160,0.2)", "#523163"),
)
"""A band and its line, for each agreement compared."""
_BLUE = ("rgba(68,114,168,0.2)", "rgba(68,114,168,0.35)")


def figure(found: Simulation, kind: str, payee: str | None) -> Figure:
    """Return the figure `Simulation.plot` speaks of. Raises MissingExtra, InvalidInput."""
    try:
        import plotly.graph_objects as go
    except ModuleNotFoundError:
        raise MissingExtra("plots", "plotly") from None
    if kind == "fan":
        return _fan(go, found, found.payees if payee is None else (payee,))
    if kind == "tiers":
        return _tiers(go, found)
    if kind == "sankey":
        return _sankey(go, found)
    raise InvalidInput(f'kind must be "fan", "tiers" or "sankey", not {show(kind)}')


def comparison(found: Mapping[str, Simulation], payee: str | None) -> Figure:
    """Return the figure `Comparison.plot` speaks of. Raises MissingExtra."""
    try:
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots
    except ModuleNotFoundError:
        raise MissingExtra("plots", "plotly") from None
    # Not every agreement has every payee.
    every = tuple(dict.fromkeys(name for one in found.values() for name in one.payees))
    payees = every if payee is None else (payee,)
    made = make_subplots(rows=len(payees), cols=1, shared_xaxes=True, subplot_titles=list(payees))
    in_legend: set[str] = set()
    for row, name in enumerate(payees, 1):
        for place, (agreement, one) in enumerate(found.items()):
            if payee is None and name not in one.payees:
                continue
            low, _, middle, _, high = fan(one, name)
            shade, line = _COLOURS[place % len(_COLOURS)]
            periods = list(range(one.periods + 1))
            for values, fill in ((low, None), (high, shade), (middle, None)):
                made.add_trace(
                    go.Scatter(
                        x=periods,
                        y=values,
                        name=agreement,
                        legendgroup=agreement,
                        mode="lines",
                        line={"width": 2 if values is middle else 0, "color": line},
                        fill="tonexty" if fill else None,
                        fillcolor=fill,
                        showlegend=values is middle and agreement not in in_legend,
                    ),
                    row=row,
                    col=1,
                )
            in_legend.add(agreement)
        made.update_yaxes(title_text=next(iter(found.values())).token.symbol, row=row, col=1)
    made.update_xaxes(title_text="period", row=len(payees), col=1)
    made.update_layout(height=120 + 200 * len(payees))
    return made  # type: ignore[no-any-return, unused-ignore]


def _fan(go: Any, found: Simulation, payees: tuple[str, ...]) -> Figure:
    from plotly.subplots import make_subplots

    made = make_subplots(rows=len(payees), cols=1, shared_xaxes=True, subplot_titles=list(payees))
    periods = list(range(found.periods + 1))
    names = ("5 %", "25 %", "median", "75 %", "95 %")
    for row, payee in enumerate(payees, 1):
        lines = fan(found, payee)
        # each line fills down to the one drawn before it
        for place, fill in ((0, None), (1, _BLUE[0]), (3, _BLUE[1]), (4, _BLUE[0]), (2, None)):
            made.add_trace(
                go.Scatter(
                    x=periods,
                    y=lines[place],
                    name=f"{payee}, {names[place]}",
                    mode="lines",
                    line={"width": 2 if place == 2 else 0, "color": "#1f3f66"},
                    fill="tonexty" if fill else None,
                    fillcolor=fill,
                    showlegend=False,
                ),
                row=row,
                col=1,
            )
        made.update_yaxes(title_text=found.token.symbol, row=row, col=1)
    made.update_xaxes(title_text="period", row=len(payees), col=1)
    made.update_layout(height=120 + 200 * len(payees))
    return made  # type: ignore[no-any-return, unused-ignore]


def _tiers(go: Any, found: Simulation) -> Figure:
    values = [_whole(found, found.tier_mean(t)) for t in range(1, len(found.schedule.tiers) + 1)]
    names = [f"tier {t}" for t in range(1, len(values) + 1)]
    made = go.Figure(
        go.Waterfall(
            x=[*names, "received"],
            y=[*values, sum(values)],
            measure=["relative"] * len(values) + ["total"],
        )
    )
    made.update_layout(yaxis_title=f"mean, {found.token.symbol}")
    return made  # type: ignore[no-any-return, unused-ignore]


def _sankey(go: Any, found: Simulation) -> Figure:
    """Channels → revenue → tiers → payees and dust; what buyers got back or still wait for leaves before."""
    futures, schedule = found.futures, found.schedule
    channels = list(futures.gross)
    tiers = [f"tier {t}" for t in range(1, len(schedule.tiers) + 1)]
    nodes = [*channels, "revenue", "refunds", *tiers, *schedule.payees, "dust"]
    middle, refunds = len(channels), len(channels) + 1
    links: list[tuple[int, int, float]] = []
    for place, name in enumerate(channels):
        gross, back = sum(futures.gross[name]), sum(futures.refunded[name])
        links.append((place, middle, _whole(found, (gross - back) / found.paths)))
        links.append((place, refunds, _whole(found, back / found.paths)))
    first, last = refunds + 1, len(nodes) - 1
    for t, tier in enumerate(schedule.tiers):
        held = found.tier_mean(t + 1)
        links.append((middle, first + t, _whole(found, held)))
        for i, weight in enumerate(tier.weights):
            links.append((first + t, first + len(tiers) + i, _whole(found, held * weight / tier.total)))
    total = sum(found.mean(payee) for payee in schedule.payees)
    received = sum(found.tier_mean(t) for t in range(1, len(tiers) + 1))
    links.append((middle, last, _whole(found, received - total)))
    links = [link for link in links if link[2] > 0]
    source, target, value = zip(*links, strict=True) if links else ((), (), ())
    return go.Figure(  # type: ignore[no-any-return, unused-ignore]
        go.Sankey(node={"label": nodes}, link={"source": source, "target": target, "value": value})
    )


def _whole(found: Simulation, units: Any) -> float:
    return float(units / 10**found.token.decimals)
