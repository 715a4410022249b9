"""Records to rows and back: what stands in the clear, and what is sealed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from memoria.stores.local.sealing import blind
from memoria.types import KINDS, Memory, Namespace, Provenance, Record, Trace

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

COLUMNS = (
    "id, namespace, slot, kind, created_at, valid_from, valid_to, salience, "
    "stability, difficulty, last_retrieved, retrievals, lapses, sealed"
)


def micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 UTC."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def time(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + value * _MICROSECOND


def content(memory: Memory) -> dict[str, Any]:
    """What is sealed: everything that says something."""
    origin = memory.provenance
    return {
        "text": memory.text,
        "subject": memory.subject,
        "tags": memory.tags,
        "key": memory.key,
        "metadata": dict(memory.metadata),
        "provenance": [origin.source, origin.speaker, origin.session, origin.derived_from],
    }


def to_row(record: Record, space: int, slot: int, sealed: bytes) -> tuple[Any, ...]:
    """Values in the order of `COLUMNS`."""
    memory, trace = record.memory, record.trace
    return (
        bytes.fromhex(memory.id),
        space,
        slot,
        KINDS.index(memory.kind),
        micros(memory.created_at),
        micros(memory.valid_from),
        micros(memory.valid_to),
        memory.salience,
        trace.stability,
        trace.difficulty,
        micros(trace.last_retrieved),
        trace.retrievals,
        trace.lapses,
        sealed,
    )


def to_memory(row: tuple[Any, ...], namespace: Namespace, opened: dict[str, Any]) -> Memory:
    """The memory of a row and its opened content."""
    source, speaker, session, derived_from = opened["provenance"]
    return Memory(
        id=row[0].hex(),
        namespace=namespace,
        text=opened["text"],
        created_at=_EPOCH + row[4] * _MICROSECOND,
        kind=KINDS[row[3]],
        valid_from=time(row[5]),
        valid_to=time(row[6]),
        salience=row[7],
        subject=opened["subject"],
        tags=tuple(opened["tags"]),
        key=opened["key"],
        provenance=Provenance(source=source, speaker=speaker, session=session, derived_from=tuple(derived_from)),
        metadata=opened["metadata"],
    )


def to_trace(row: tuple[Any, ...]) -> Trace:
    return Trace(
        stability=row[8],
        difficulty=row[9],
        last_retrieved=_EPOCH + row[10] * _MICROSECOND,
        retrievals=row[11],
        lapses=row[12],
    )


def labels(key: bytes, memory: Memory) -> list[bytes]:
    """The blind-index entries of a memory under its namespace's key."""
    hashes = [blind(key, "tag", tag) for tag in memory.tags]
    if memory.subject is not None:
        hashes.append(blind(key, "subject", memory.subject))
    if memory.key is not None:
        hashes.append(blind(key, "key", memory.key))
    return hashes
