"""A filter as SQL: for one namespace, labels as keyed hashes."""

from __future__ import annotations

from typing import Any

from memoria.stores import rows
from memoria.stores.local.database import marks
from memoria.stores.local.space import Space
from memoria.types import KINDS, Where


def filtered(space: Space, where: Where) -> tuple[str, list[Any]]:
    """SQL for (id, slot, whether it has parts) of what may meet the filter in a namespace, and its values."""
    hashes = rows.asked_labels(space.slots.key, where)
    # Labels are rarer than rows of a namespace: the plus keeps SQLite from going by the namespace first.
    clauses, values = ["+m.namespace = ?" if hashes else "m.namespace = ?"], [space.number]
    if where.kinds:
        # A gist may hold parts of any kind; they are checked afterwards.
        clauses.append(f"(m.kind IN ({marks(where.kinds)}) OR m.last_at IS NOT NULL)")
        values += [KINDS.index(kind) for kind in where.kinds]
    if where.since is not None:
        clauses.append("(m.created_at >= ? OR m.last_at >= ?)")
        values += [rows.micros(where.since) or 0] * 2
    if where.until is not None:
        clauses.append("m.created_at < ?")
        values.append(rows.micros(where.until) or 0)
    clauses += [
        f"{no}EXISTS (SELECT 1 FROM standing s WHERE s.row = m.row AND s.bits & {bits})"
        for no, bits in rows.standing_asked(where)
    ]
    # Not joins, of which SQLite takes 64 at most.
    clauses += ["m.row IN (SELECT l.row FROM label l WHERE l.hash = ?)"] * len(hashes)
    return f"SELECT m.id, m.slot, m.last_at IS NOT NULL FROM memory m WHERE {' AND '.join(clauses)}", [*values, *hashes]
