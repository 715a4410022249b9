"""What retrievers of frameworks take and return: the arguments of `recall` by name, and what is told of a hit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoria.engine.arguments import Asking
from memoria.engine.memory import Memoria
from memoria.sharing import Source, lent
from memoria.types import Hit, Hits
from memoria.validate import check_whole


def check(asking: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments themselves when `recall` has all of them; raises ValueError."""
    unknown = sorted(name for name in asking if name not in Asking.__annotations__)
    if unknown:
        known = ", ".join(sorted(Asking.__annotations__))
        raise ValueError(f"recall has no argument {', '.join(unknown)}; it has {known}")
    return dict(asking)


def found(source: Source, query: str, k: int, asking: Mapping[str, Any]) -> Hits:
    """What is recalled; nothing for a blank query."""
    check_whole("k", k)
    named = check(asking)
    if not query.strip():
        return Hits()
    with lent(source) as memory:
        return memory.recall(query, k=k, **named)


def told(view: Memoria | None, hit: Hit) -> dict[str, Any]:
    """What is known of a hit beside its text, as JSON; what is not known is left out. view: for the namespace below."""
    memory = hit.memory
    depth = 0 if view is None else len(view.prefix)
    every = {
        "id": memory.id,
        "score": hit.score,
        "probability": hit.probability,
        "created_at": memory.created_at.isoformat(),
        "kind": memory.kind,
        "namespace": list(memory.namespace[depth:]),
        "subject": memory.subject,
        "speaker": memory.provenance.speaker,
        "session": memory.provenance.session,
        "source": memory.provenance.source,
        "tags": [tag for tag in memory.tags if not tag.startswith("=")],  # those that records are found by
        "valid_to": None if memory.valid_to is None else memory.valid_to.isoformat(),
        "doubted_by": list(hit.doubted_by),
    }
    return {name: value for name, value in every.items() if value not in (None, [])}
