"""Which agreement a line belongs to: the most specific route that takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import product

from revshare._model import show
from revshare.errors import did_you_mean

from ._mapping import ROUTED_BY, SaleMapping
from ._numbers import Unreadable

__all__ = ["Router"]

Key = tuple[str, ...]


class Router:
    """The routes of a mapping. fields: of territory, sku and channel, those that any of them looks at."""

    def __init__(self, mapping: SaleMapping) -> None:
        self._mapping = mapping
        self.fields = tuple(
            name for name in ROUTED_BY if any(name in route.criteria for route in mapping.routes)
        )
        # By the fields a route looks at, those of more fields first: what they must be → number of the route.
        groups: defaultdict[tuple[int, ...], dict[Key, int]] = defaultdict(dict)
        for number, route in enumerate(mapping.routes):
            places = tuple(self.fields.index(name) for name in route.criteria)
            for texts in product(*(getattr(route, name) for name in route.criteria)):
                groups[places].setdefault(texts, number)
        self._levels: list[list[tuple[tuple[int, ...], dict[Key, int]]]] = [
            [(places, routes) for places, routes in groups.items() if len(places) == count]
            for count in range(len(self.fields), -1, -1)
        ]

    def agreement(self, key: Sequence[str]) -> str:
        """Return the agreement of a line with these texts in `fields`; empty when it is to be skipped.

        Raises Unreadable when no route takes it, or two that are equally specific.
        """
        for level in self._levels:
            hits = [
                number
                for places, routes in level
                if (number := routes.get(tuple(key[place] for place in places))) is not None
            ]
            agreements = {self._mapping.routes[number].agreement for number in hits}
            if len(agreements) > 1:
                both = " and ".join(
                    f"routes[{number}] ({self._mapping.routes[number].agreement})" for number in hits[:2]
                )
                raise Unreadable(
                    f"is taken by {both} alike: add a route for {self._said(key)}, which is more specific"
                )
            if hits:
                return self._mapping.routes[hits[0]].agreement
        if self._mapping.unrouted == "skip":
            return ""
        raise Unreadable(f"no route takes {self._said(key)}{self._hint(key)}")

    def _said(self, key: Sequence[str]) -> str:
        return (
            " with ".join(f"{name} {show(text)}" for name, text in zip(self.fields, key, strict=True)) or "it"
        )

    def _hint(self, key: Sequence[str]) -> str:
        for name, text in zip(self.fields, key, strict=True):
            known = {text for route in self._mapping.routes for text in getattr(route, name) or ()}
            if text and text not in known and len(known) < 5000:
                hint = did_you_mean(text, known)
                if hint:
                    return "; " + hint
        return '; add one, or set unrouted = "skip"'
