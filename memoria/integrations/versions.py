"""A record of another program under its own id: found by a tag, and updated by writing the new one first.

So a crash between the two loses neither; until the next update there are two versions, and the newer one counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from memoria.engine.memory import Memoria
from memoria.errors import Held
from memoria.forget.erase import Guard
from memoria.types import Memory


def tag(id: str) -> str:
    """The tag of every version of a record."""
    return f"={id}"


def replace(view: Memoria, old: Sequence[Memory], new: Sequence[Memory]) -> None:
    """Forgets the old versions; a pin goes over to the new ones. Raises Held, and then the old ones stay."""
    if not old:
        return
    ids = [one.id for one in old]
    pinned = any(trace is not None and trace.pinned for trace in view.store.traces(ids))
    if pinned and new:
        view.pin(*(one.id for one in new))
    # What a later version replaces is not what somebody wants never to hear of again.
    guard: Guard = "none" if new else "exact"
    try:
        view.forget(*ids, guard=guard)
    except Held:
        if new:
            view.forget(*(one.id for one in new), guard="none")
        raise
