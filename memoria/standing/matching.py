"""Which orders a text breaks, and where: its features are hashed and looked up, whatever the number of orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from memoria.standing.orders import Rule, hashed
from memoria.text.values.plans import NEAR, spots, widened
from memoria.text.values.spots import Shapes

Span = tuple[int, int]


class Break(NamedTuple):
    """An order that a text breaks, and where the value stands in it."""

    rule: Rule
    spans: tuple[Span, ...]


class Book:
    """Orders, ready to be looked up in."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self._shapes = reduce(or_, (rule.shapes for rule in rules), Shapes())
        self._keys = {rule.key for rule in rules}
        self._any: dict[bytes, list[Rule]] = {}
        self._parts: set[bytes] = set()
        for rule in rules:
            for digest in rule.any:
                self._any.setdefault(digest, []).append(rule)
            self._parts.update(digest for group in rule.all for digest in group)
        self._joint = [rule for rule in rules if rule.all]

    def breaks(self, text: str) -> list[Break]:
        """The orders that a text breaks."""
        read, found = spots(text, self._shapes)
        places: dict[bytes, list[Span]] = {}
        seen: dict[tuple[bytes, str], bytes] = {}
        for key in self._keys:
            for spot in found:
                digest = seen.get((key, spot.feature))
                if digest is None:
                    digest = seen[key, spot.feature] = hashed(key, spot.feature)
                if digest in self._any or digest in self._parts:
                    places.setdefault(digest, []).append((spot.start, spot.end))
        if not places:
            return []
        broken: dict[str, tuple[Rule, list[Span]]] = {}
        for digest, spans in places.items():
            for rule in self._any.get(digest, ()):
                broken.setdefault(rule.order.id, (rule, []))[1].extend(spans)
        for rule in self._joint:
            spans = _together([[span for one in group for span in places.get(one, ())] for group in rule.all])
            if spans:
                broken.setdefault(rule.order.id, (rule, []))[1].extend(widened(read, span) for span in spans)
        return [Break(rule, tuple(read.span(*span) for span in spans)) for rule, spans in broken.values()]


def _together(groups: Sequence[Sequence[Span]]) -> list[Span]:
    """The places of a value whose parts are near one another, one of each; none when they are not."""
    if not all(groups):
        return []
    found: list[Span] = []
    for one in groups[0]:
        others = [[span for span in group if abs(span[0] - one[0]) <= NEAR] for group in groups[1:]]
        if all(others):
            found += [one, *(span for group in others for span in group)]
    return found


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans without overlaps, in order."""
    out: list[Span] = []
    for start, end in sorted(set(spans)):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out
