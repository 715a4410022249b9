"""Doubts: which of the memories that may be recalled a later statement makes doubtful, and how much.

A doubt is a link with the log-odds of a judge. It counts as long as its statement does: one that was forgotten took it
along, one that has ended, or begins only later, casts none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memoria.derived.lineage import memories
from memoria.derived.validity import as_known, observed
from memoria.protocols import Store
from memoria.types import Link, Memory

MOST = 3.0
"""So many log-odds of doubt count at most: what is all but certain still does not hide a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """How doubtful a memory is. weight: log-odds, in (0, MOST]. by: ids of the statements, the weightiest first."""

    weight: float
    by: tuple[str, ...]


def doubts(store: Store, ids: Sequence[str], at: datetime, *, known: bool = False) -> dict[str, Doubt]:
    """Finds what makes memories doubtful at a time.

    Args:
        store: where they are.
        ids: of the memories.
        at: when.
        known: whether only what was known at that time counts, as for `recall(as_of=)`.

    Returns:
        A doubt for each id that has one. Of several statements the weightiest counts: they may be one said twice.
    """
    asked = set(ids)
    links = [
        one for one in store.links(ids) if one.relation == "doubts" and one.parent in asked and (one.weight or 0) > 0
    ]
    if not links:
        return {}
    casting = _casting(store, sorted({one.child for one in links}), at, known=known)
    found: dict[str, list[Link]] = {}
    for link in links:
        if link.child in casting:
            found.setdefault(link.parent, []).append(link)
    return {id: _joined(some) for id, some in found.items()}


def with_echoes(store: Store, memories: Sequence[Memory], at: datetime, *, known: bool = False) -> dict[str, Doubt]:
    """The doubts of `doubts` for these memories; a reply is as doubtful as the weightiest of what it used.

    But not by a statement that the model was shown: such a reply may have taken it into account.
    """
    used = {one.id: [*(one.provenance.used or ()), one.id] for one in memories}
    found = doubts(store, sorted({id for ids in used.values() for id in ids}), at, known=known)
    out = {}
    for one in memories:
        shown = set(one.provenance.derived_from)
        cast = [found[id] for id in used[one.id] if id in found and not shown.intersection(found[id].by)]
        if cast:
            out[one.id] = max(cast, key=lambda doubt: doubt.weight)
    return out


def _casting(store: Store, ids: Sequence[str], at: datetime, *, known: bool) -> Mapping[str, Memory]:
    """The statements among these that hold at a time."""
    there = {id: one for id, one in memories(store, ids).items() if not known or observed(id) <= at}
    earlier = as_known(store, list(there.values()), at) if known else {}
    return {id: one for id, one in there.items() if replace(one, valid_to=earlier.get(id, one.valid_to)).holds(at)}


def _joined(links: Sequence[Link]) -> Doubt:
    ordered = sorted(links, key=lambda link: (-(link.weight or 0), link.child))
    return Doubt(weight=min(ordered[0].weight or 0, MOST), by=tuple(link.child for link in ordered))
