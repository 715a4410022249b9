"""Which of what is to go can go, and what stays with something that is held."""

from __future__ import annotations

from collections.abc import Sequence

from memoria.forget.erase import Order, ending_sooner, plan
from memoria.protocols import Store
from memoria.types import Where


def apart(store: Store, ids: Sequence[str], *, restricted: bool = False) -> tuple[list[str], list[str]]:
    """Those that can go, and those with which a held memory would go or change.

    restricted: whether what is restricted can go.
    """
    if not ids or not _stays(store, ids, restricted=restricted):
        return list(ids), []
    if len(ids) == 1:
        return [], list(ids)
    middle = len(ids) // 2
    first, last = (apart(store, some, restricted=restricted) for some in (ids[:middle], ids[middle:]))
    return first[0] + last[0], first[1] + last[1]


def _stays(store: Store, ids: Sequence[str], *, restricted: bool) -> bool:
    effects = plan(store, Order(where=Where(ids=tuple(ids)))).effects
    touched = sorted({*effects.gone, *effects.changed, *ending_sooner(store, effects.undone.ends)})
    there = [trace for trace in store.traces(touched) if trace is not None]
    return any(trace.held or (trace.restricted and not restricted) for trace in there)
