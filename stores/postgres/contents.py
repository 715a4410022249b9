"""Records as values of rows, sealed under their keys."""

from __future__ import annotations

from typing import Any

from pgvector import HalfVector

from memoria.stores import rows
from memoria.stores.postgres.core import Space
from memoria.stores.sealing import seal
from memoria.text.fingerprints import fingerprint, stated
from memoria.types import KINDS, Link, Memory, Record


def content(space: Space, record: Record, key: bytes) -> tuple[Any, ...]:
    """The values of a row of `memory`, from its id on."""
    memory = record.memory
    id = bytes.fromhex(memory.id)
    return (
        id,
        KINDS.index(memory.kind),
        rows.micros(memory.created_at),
        rows.micros(memory.valid_from),
        rows.micros(memory.valid_to),
        rows.micros(memory.last_at) if memory.parts else None,
        memory.salience,
        fingerprint(space.key, stated(memory)),
        seal(key, rows.content(memory), id),
        HalfVector(record.vector),
    )


def trace(record: Record) -> tuple[Any, ...]:
    """The values of a row of `trace`, from its bits on."""
    return (rows.bits(record.trace), *rows.trace_values(record.trace))


def derived(memory: Memory) -> list[Link]:
    """The links of a memory to what it is made from."""
    parents = {*memory.provenance.derived_from, *(part.id for part in memory.parts)}
    return [Link(parent=parent, child=memory.id, relation="derived") for parent in sorted(parents)]
