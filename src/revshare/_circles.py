"""Who pays whom, in order: each before those it pays. Where they pay each other in a circle there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import CircularSplits

__all__ = ["payers_first"]


def payers_first(pays: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the keys of `pays`, each before those of them that it pays, otherwise in the order given.

    pays: all of them, each with whom it pays; others than the keys do not count. Raises CircularSplits.
    """
    order: list[str] = []

    def visit(payer: str, path: tuple[str, ...]) -> None:
        if payer in path:
            raise CircularSplits((*path[path.index(payer) :], payer))
        if payer in order:
            return
        for payee in pays[payer]:
            if payee in pays:
                visit(payee, (*path, payer))
        order.append(payer)

    for payer in reversed(list(pays)):
        visit(payer, ())
    return order[::-1]
