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
    clauses, values = ["m.namespace = ?"], [space.number]
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
    if where.archived is not None:
        clauses.append(
            f"{'' if where.archived else 'NOT '}EXISTS "
            f"(SELECT 1 FROM standing s WHERE s.row = m.row AND s.bits & {rows.ARCHIVED})"
        )
    joins = "".join(f" JOIN label l{n} ON l{n}.row = m.row AND l{n}.hash = ?" for n in range(len(hashes)))
    sql = f"SELECT m.id, m.slot, m.last_at IS NOT NULL FROM memory m{joins} WHERE {' AND '.join(clauses)}"
    return sql, [*hashes, *values]
