"""prune: forgets what a policy can do without, by the same rules as when a user asks to forget it."""

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
    """Forgets the first `cap` of `found` and all that was made from them. The texts may be remembered again.

    found: (retrievability, id), least needed first. An id is skipped if forgetting it would erase or change a pinned or
    held memory. dry_run: only lists what would be forgotten. Raises InvalidQuery for a cap under 1.
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
    """Those of `found` whose erasure neither erases nor changes a pinned or held memory."""
    if not found or not _touches_protected(store, plan(store, _order([id for _, id in found]))):
        return list(found)
    return [one for one in found if not _touches_protected(store, plan(store, _order([one[1]])))]


def _touches_protected(store: Store, made: Plan) -> bool:
    touched = sorted({*made.effects.gone, *made.effects.changed})
    return any(trace is not None and trace.protected for trace in store.traces(touched))
