"""fade: archives memories that are due, found by their due times, without going through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.policies.registry import fingerprint
from memoria.protocols import DecayPolicy, Store
from memoria.types import Namespace, Trace

if TYPE_CHECKING:
    from memoria.traces import Traces

FADE_BELOW = 0.1
LIMIT = 100_000
_BATCH = 1024
_SCHEDULE = "schedule"


def schedule_of(policy: DecayPolicy, threshold: float) -> str:
    """The policy and threshold that due times were computed with, as text."""
    return f"{fingerprint(policy)} < {threshold}"


def scheduled(policy: DecayPolicy, threshold: float, trace: Trace) -> Trace:
    """The trace, with `fades_at` set to the time at which its retrievability falls below the threshold."""
    return replace(trace, fades_at=policy.next_below(trace, threshold))


def begin(store: Store, policy: DecayPolicy, threshold: float) -> None:
    """Called before the first write of a session: notes which schedule the due times follow, "" for a mixture."""
    mine, noted = schedule_of(policy, threshold), store.note(_SCHEDULE)
    if noted != mine and noted != "":
        store.write_note(_SCHEDULE, "" if store.count(()) else mine)


def fade(
    store: Store,
    policy: DecayPolicy,
    threshold: float,
    prefix: Namespace,
    at: datetime,
    limit: int,
    *,
    dry_run: bool,
) -> list[str]:
    """Archives what is due at `at`, soonest first. Recomputes all due times first if another policy set some."""
    if store.note(_SCHEDULE) != schedule_of(policy, threshold):
        reschedule(store, policy, threshold)
    return (store.due if dry_run else store.archive_due)(prefix, at, limit)


def reschedule(store: Store, policy: DecayPolicy, threshold: float) -> None:
    """Recomputes the due time of every memory. Only needed after the policy or threshold has changed."""
    for namespace in store.namespaces(()):
        ids, traces, _ = store.holdings(namespace)
        for at in range(0, len(ids), _BATCH):
            store.retrace(_rescheduled(policy, threshold, ids[at : at + _BATCH], traces.rows(slice(at, at + _BATCH))))
    store.write_note(_SCHEDULE, schedule_of(policy, threshold))


def _rescheduled(policy: DecayPolicy, threshold: float, ids: Sequence[str], traces: Traces) -> dict[str, Trace]:
    return {id: scheduled(policy, threshold, trace) for id, trace in zip(ids, traces, strict=True)}
