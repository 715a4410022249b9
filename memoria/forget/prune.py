"""prune: forgets what a policy can do without, by the same rules as when a user asks to forget it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from memoria.derived.records import Records
from memoria.forget.erase import Order, Plan, erase, plan
from memoria.protocols import Store
from memoria.retention.order import Going, unwaiting
from memoria.retention.prune import Pruning, capped
from memoria.types import Where

log = logging.getLogger("memoria.prune")
# Noted once a store has been pruned.
_PRUNED = "pruned"
# By so much may a retrievability computed from rows be over one computed from columns.
_ROUNDED = 1 + 1e-9


def prune(
    records: Records,
    found: Sequence[Going],
    cap: int,
    at: datetime,
    *,
    archived: bool = False,
    dry_run: bool = False,
) -> Pruning:
    """Forgets the first `cap` of `found` and all that was made from them. The texts may be remembered again.

    found: in the order in which they go. One is skipped if it was used or forgotten since, if forgetting it would erase
    or change a pinned or held memory, or if it ended, superseded or doubts a memory that stays. archived: whether only
    what is archived may go.
    dry_run: only lists what would be forgotten. Raises InvalidQuery for a cap under 1.
    """
    with records.store.alone():
        left = _unused(records, found, at, archived=archived)
        chosen = capped(_last(records.store, _free(records.store, left)), cap, dry_run=dry_run)
        if not chosen.ids:
            return chosen
        order = _order(chosen.ids)
        effects = plan(records.store, order).effects
        if not dry_run:
            _announce(records.store, len(effects.gone))
        shards = () if dry_run else erase(records, order, at).shards
    derived, rewritten = sorted(effects.gone - set(chosen.ids)), sorted(effects.changed)
    return replace(chosen, derived=tuple(derived), rewritten=tuple(rewritten), shards=shards)


def _announce(store: Store, count: int) -> None:
    """Says, before the first prune of a store, what it takes: whoever did not mean it stops there."""
    if store.note(_PRUNED) is None:
        log.warning("the first prune of this store forgets %d memories for ever", count)
        store.write_note(_PRUNED, "")


def _order(ids: Sequence[str]) -> Order:
    return Order(where=Where(ids=tuple(ids)), guard="none", action="prune")


def _unused(records: Records, found: Sequence[Going], at: datetime, *, archived: bool) -> list[Going]:
    """Those that are there, and no easier to retrieve than when they were found."""
    traces = zip(found, records.store.traces([one.id for one in found]), strict=True)
    there = [(one, trace) for one, trace in traces if trace is not None and (trace.archived or not archived)]
    scores = records.policy.retrievability([trace for _, trace in there], at) if there else ()
    return [one for (one, _), score in zip(there, scores, strict=True) if score <= one.retrievability * _ROUNDED]


def _free(store: Store, found: Sequence[Going]) -> list[Going]:
    """Those of `found` whose erasure neither erases nor changes a pinned or held memory."""
    if not found or not _touches_protected(store, plan(store, _order([one.id for one in found]))):
        return list(found)
    return [one for one in found if not _touches_protected(store, plan(store, _order([one.id])))]


def _last(store: Store, found: Sequence[Going]) -> list[Going]:
    """Those of `found` that are not the reason why a memory that stays has ended or is doubtful."""
    may = unwaiting(store, [one.id for one in found]) if found else set[str]()
    return [one for one in found if one.id in may]


def _touches_protected(store: Store, made: Plan) -> bool:
    touched = sorted({*made.effects.gone, *made.effects.changed})
    return any(trace is not None and trace.protected for trace in store.traces(touched))
