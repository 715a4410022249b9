"""Further passages of long memories as the server has them: vectors beside those of memories, found by slot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pgvector import HalfVector

from memoria.stores.nearness import Nearness
from memoria.stores.postgres import tenancy
from memoria.types import Passages

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


def insert_passages(connection: Connection, tenant: bytes, made: Iterable[tuple[int, Passages | None]]) -> None:
    """Rows of (slot, further passages)."""
    values = [
        (tenant, slot, place, HalfVector(vector))
        for slot, further in made
        if further is not None
        for place, vector in zip(further.places, further.vectors, strict=True)
    ]
    tenancy.many(connection, "INSERT INTO passage VALUES (%s, %s, %s, %s)", values)


def passages_of(connection: Connection, tenant: bytes, slots: Sequence[int]) -> dict[int, Passages]:
    """The further passages of those slots that have any."""
    sql = "SELECT slot, start, embedding FROM passage WHERE tenant = %s AND slot = ANY(%s) ORDER BY slot, start"
    rows: dict[int, list[tuple[int, HalfVector]]] = {}
    for slot, place, embedding in connection.execute(sql, (tenant, list(slots)), binary=True).fetchall():
        rows.setdefault(slot, []).append((place, embedding))
    return {
        slot: Passages.placed(
            (place for place, _ in found),
            np.stack([embedding.to_numpy() for _, embedding in found]).astype(np.float32),
        )
        for slot, found in rows.items()
    }


def nearness(connection: Connection, tenant: bytes, slots: Sequence[int], dimension: int) -> Nearness:
    """The same, to be compared with a question."""
    found = Nearness(dimension)
    for slot, further in passages_of(connection, tenant, slots).items():
        found.add(slot, further)
    return found
