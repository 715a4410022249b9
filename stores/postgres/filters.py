"""A filter as SQL: for one tenant, labels as keyed hashes."""

from __future__ import annotations

from typing import Any

from memoria.stores import rows
from memoria.types import KINDS, Where

# Not a join: asked once and hashed, whatever the planner believes about how many there are.
_STANDING = "m.slot IN (SELECT t.slot FROM trace t WHERE t.tenant = %s AND t.bits > 0 AND t.bits & {bits} > 0)"
AWAY = _STANDING.format(bits=rows.AWAY)

LABELLED = "EXISTS (SELECT 1 FROM label l WHERE l.tenant = %s AND l.hash = ANY(%s) AND l.slot = m.slot)"


def clauses(tenant: bytes, key: bytes, where: Where) -> tuple[str, list[Any]]:
    """The condition on rows `m` of a tenant that may meet a filter, ids aside, and its values."""
    found, values = ["m.tenant = %s"], [tenant]
    given: list[Any] = values
    for hash in rows.asked_labels(key, where):
        found.append("EXISTS (SELECT 1 FROM label l WHERE l.tenant = %s AND l.hash = %s AND l.slot = m.slot)")
        given += [tenant, hash]
    if where.key is not None:
        found.append(LABELLED)
        given += [tenant, rows.asked_keys(key, where)]
    if where.kinds:
        # A gist may hold parts of any kind; what is inside is looked at afterwards.
        found.append("(m.kind = ANY(%s) OR m.last_at IS NOT NULL)")
        given.append([KINDS.index(kind) for kind in where.kinds])
    if where.since is not None:
        found.append("(m.created_at >= %s OR m.last_at >= %s)")
        given += [rows.micros(where.since)] * 2
    if where.until is not None:
        found.append("m.created_at < %s")
        given.append(rows.micros(where.until))
    for no, bits in rows.standing_asked(where):
        found.append(no + _STANDING.format(bits=bits))
        given.append(tenant)
    if where.visible is not None:
        found.append(f"(NOT {LABELLED} OR {LABELLED})")
        given += [tenant, [rows.audience_label(key)], tenant, sorted(rows.visible_labels(key, where.visible))]
    return " AND ".join(found), given
