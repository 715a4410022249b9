"""A filter as SQL: for one namespace, labels as keyed hashes."""

from __future__ import annotations

from typing import Any

from memoria.stores import rows
from memoria.stores.local.database import marks
from memoria.stores.local.space import Space
from memoria.types import KINDS, Where


def filtered(space: Space, where: Where) -> tuple[str, list[Any]]:
    """SQL for (id, slot, whether it has parts) of what may meet the filter in a namespace, and its values."""
    hashes, keys = rows.asked_labels(space.slots.key, where), rows.asked_keys(space.slots.key, where)
    # Labels are rarer than rows of a namespace: the plus keeps SQLite from going by the namespace first.
    clauses = ["+m.namespace = ?" if hashes or keys else "m.namespace = ?"]
    values: list[int | bytes] = [space.number]
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
    if where.visible is not None:
        seen = sorted(rows.visible_labels(space.slots.key, where.visible))
        # Looked up for each row of the namespace: audiences elsewhere cost nothing.
        clauses.append(
            f"(NOT EXISTS (SELECT 1 FROM label l WHERE l.hash = ? AND l.row = m.row) "
            f"OR EXISTS (SELECT 1 FROM label l WHERE l.row = m.row AND l.hash IN ({marks(seen)})))"
        )
        values += [rows.audience_label(space.slots.key), *seen]
    if keys:
        clauses.append(f"m.row IN (SELECT l.row FROM label l WHERE l.hash IN ({marks(keys)}))")
        values += keys
    # Not joins, of which SQLite takes 64 at most.
    clauses += ["m.row IN (SELECT l.row FROM label l WHERE l.hash = ?)"] * len(hashes)
    return f"SELECT m.id, m.slot, m.last_at IS NOT NULL FROM memory m WHERE {' AND '.join(clauses)}", [*values, *hashes]
