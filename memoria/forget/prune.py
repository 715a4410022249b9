"""prune: forgetting what a policy can do without, by the same rules as when a person asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from memoria.derived.records import Records
from memoria.forget.erase import Order, Plan, erase, plan
from memoria.protocols import Store
from memoria.retention.prune import Pruning, capped
from memoria.types import Where


def prune(
    records: Records, found: Sequence[tuple[float, str]], cap: int, at: datetime, *, dry_run: bool = False
) -> Pruning:
    """Forgets the first `cap` of what could go, with all that was made from it, and tells no guard of it.

    found: (retrievability, id), least needed first. What would take or change a pinned or held memory along is left
    alone. dry_run: lists what would go. Raises InvalidQuery for a cap under 1.
    """
    with records.store.alone():
        chosen = capped(_free(records.store, found), cap, dry_run=dry_run)
        if not chosen.ids:
            return chosen
        order = _order(chosen.ids)
        effects = plan(records.store, order).effects
        shards = () if dry_run else erase(records, order, at).shards
    derived, rewritten = sorted(effects.gone - set(chosen.ids)), sorted(effects.changed)
    return replace(chosen, derived=tuple(derived), rewritten=tuple(rewritten), shards=shards)


def _order(ids: Sequence[str]) -> Order:
    return Order(where=Where(ids=tuple(ids)), guard="none")


def _free(store: Store, found: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those that can go without a pinned or held memory going, or being made again, with them."""
    if not found or not _touches_protected(store, plan(store, _order([id for _, id in found]))):
        return list(found)
    return [one for one in found if not _touches_protected(store, plan(store, _order([one[1]])))]


def _touches_protected(store: Store, made: Plan) -> bool:
    touched = sorted({*made.effects.gone, *made.effects.changed})
    return any(trace is not None and trace.protected for trace in store.traces(touched))
