"""Records to rows and back: what stands in the clear, and what is sealed."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from memoria.canonical import canonical
from memoria.metadata import asked, entries
from memoria.stores.claims import keys_of
from memoria.stores.sealing import BLIND_BYTES, blind
from memoria.traces import Traces
from memoria.types import KINDS, RELATIONS, Link, Memory, Namespace, Provenance, Record, Trace, Where

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

COLUMNS = (
    "id, namespace, slot, kind, created_at, valid_from, valid_to, salience, "
    "stability, difficulty, last_retrieved, retrievals, lapses, sealed, "
    "encoded_at, strength, interference, recent, older, fades_at, last_at"
)
TRACE_COLUMNS = (
    "stability, difficulty, last_retrieved, retrievals, lapses, encoded_at, strength, interference, recent, older, "
    "fades_at"
)
# After the columns of a row comes its standing.
READ = f"{COLUMNS}, coalesce((SELECT bits FROM standing WHERE standing.row = memory.row), 0)"
ARCHIVED, PINNED, HELD, RESTRICTED = 1, 2, 4, 8
# What recall leaves out, and what nothing may erase or change.
AWAY, KEPT = ARCHIVED | RESTRICTED, HELD | RESTRICTED
_PRESENTATION = struct.Struct("<qd")
_PRESENTATIONS = np.dtype([("at", "<i8"), ("rate", "<f8")])


def micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 UTC."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def time(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + value * _MICROSECOND


def link(parent: bytes, child: bytes, relation: int, was: int | None, weight: float | None, judge: str | None) -> Link:
    return Link(
        parent=parent.hex(),
        child=child.hex(),
        relation=RELATIONS[relation],
        was=time(was),
        weight=weight,
        judge=judge,
    )


def sooner(end: datetime | None, was: datetime | None) -> bool:
    """Whether an end comes before the one that was; None is no end."""
    return end is not None and (was is None or end < was)


def content(memory: Memory) -> dict[str, Any]:
    """What is sealed: everything that says something."""
    origin = memory.provenance
    said: dict[str, Any] = {
        "text": memory.text,
        "subject": memory.subject,
        "tags": memory.tags,
        "key": memory.key,
        "metadata": dict(memory.metadata),
        "provenance": [origin.source, origin.speaker, origin.session, origin.derived_from],
    }
    if memory.zone is not None:
        said["zone"] = memory.zone
    if memory.expires_at is not None:
        said["expires"] = micros(memory.expires_at)
    if origin.used is not None:
        said["used"] = origin.used
    if memory.visible_to is not None:
        said["visible_to"] = memory.visible_to
    if memory.judged:
        said["judged"] = True
    return said | {"parts": [_part(part) for part in memory.parts]} if memory.parts else said


def _part(part: Memory) -> dict[str, Any]:
    """A part of a gist as it is sealed in it."""
    times = [micros(time) for time in (part.created_at, part.valid_from, part.valid_to)]
    named = content(part) | {"id": part.id, "kind": part.kind, "times": times, "salience": part.salience}
    empty = {"used", "visible_to"}
    return {name: value for name, value in named.items() if name in empty or value not in (None, (), {}, [])}


def _to_part(packed: dict[str, Any], namespace: Namespace) -> Memory:
    created_at, valid_from, valid_to = (time(value) for value in packed["times"])
    assert created_at is not None
    return Memory(
        id=packed["id"],
        namespace=namespace,
        created_at=created_at,
        kind=packed["kind"],
        valid_from=valid_from,
        valid_to=valid_to,
        salience=packed["salience"],
        **_said(packed, namespace),
    )


def _said(opened: dict[str, Any], namespace: Namespace) -> dict[str, Any]:
    """The fields of a memory that were sealed."""
    source, speaker, session, derived_from = opened["provenance"]
    used = None if opened.get("used") is None else tuple(opened["used"])
    seen_by = None if opened.get("visible_to") is None else tuple(opened["visible_to"])
    return {
        "text": opened["text"],
        "subject": opened.get("subject"),
        "tags": tuple(opened.get("tags", ())),
        "key": opened.get("key"),
        "metadata": opened.get("metadata", {}),
        "provenance": Provenance(
            source=source, speaker=speaker, session=session, derived_from=tuple(derived_from), used=used
        ),
        "parts": tuple(_to_part(part, namespace) for part in opened.get("parts", ())),
        "zone": opened.get("zone"),
        "expires_at": time(opened.get("expires")),
        "visible_to": seen_by,
        "judged": opened.get("judged", False),
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
        *_kept(trace),
        micros(memory.last_at) if memory.parts else None,
    )


def trace_values(trace: Trace) -> tuple[Any, ...]:
    """Values in the order of `TRACE_COLUMNS`."""
    counted = (trace.stability, trace.difficulty, micros(trace.last_retrieved), trace.retrievals, trace.lapses)
    return (*counted, *_kept(trace))


def _kept(trace: Trace) -> tuple[Any, ...]:
    recent = b"".join(_PRESENTATION.pack(micros(time) or 0, rate) for time, rate in trace.recent)
    return (
        micros(trace.encoded_at),
        trace.strength,
        trace.interference,
        recent,
        trace.older,
        micros(trace.fades_at),
    )


def standing(
    archived: bool | None, pinned: bool | None, held: bool | None, restricted: bool | None = None
) -> tuple[int, int]:
    """The bits of a standing to set, and those to take away; None leaves one."""
    given = ((ARCHIVED, archived), (PINNED, pinned), (HELD, held), (RESTRICTED, restricted))
    return sum(bit for bit, said in given if said), sum(bit for bit, said in given if said is False)


def standing_asked(where: Where) -> list[tuple[str, int]]:
    """What a filter asks of standing: "NOT " or nothing, and of which bits one must be set."""
    asked = []
    if where.archived is not None:
        asked.append(("", ARCHIVED) if where.archived else ("NOT ", AWAY))
    if where.restricted is not None:
        asked.append(("" if where.restricted else "NOT ", RESTRICTED))
    return asked


def bits(trace: Trace) -> int:
    """Standing as bits."""
    own = ARCHIVED * trace.archived | PINNED * trace.pinned
    return own | HELD * trace.held | RESTRICTED * trace.restricted


def to_memory(row: tuple[Any, ...], namespace: Namespace, opened: dict[str, Any]) -> Memory:
    """The memory of a row and its opened content."""
    return Memory(
        id=row[0].hex(),
        namespace=namespace,
        created_at=_EPOCH + row[4] * _MICROSECOND,
        kind=KINDS[row[3]],
        valid_from=time(row[5]),
        valid_to=time(row[6]),
        salience=row[7],
        **_said(opened, namespace),
    )


def to_trace(row: tuple[Any, ...]) -> Trace:
    return Trace(
        stability=row[8],
        difficulty=row[9],
        last_retrieved=_EPOCH + row[10] * _MICROSECOND,
        retrievals=row[11],
        lapses=row[12],
        # A row of format 1 has no time of encoding: it is that of creation.
        encoded_at=_EPOCH + (row[4] if row[14] is None else row[14]) * _MICROSECOND,
        strength=row[15],
        interference=row[16],
        recent=tuple((_EPOCH + at * _MICROSECOND, rate) for at, rate in _PRESENTATION.iter_unpack(row[17])),
        older=row[18],
        fades_at=time(row[19]),
        salience=row[7],
        kind=KINDS[row[3]],
        archived=bool(row[21] & ARCHIVED),
        pinned=bool(row[21] & PINNED),
        held=bool(row[21] & HELD),
        restricted=bool(row[21] & RESTRICTED),
    )


def labels(key: bytes, memory: Memory) -> set[bytes]:
    """The blind-index entries of a memory, and of its parts, under its namespace's key."""
    origin = memory.provenance
    hashes = _labels(key, memory, origin.session, origin.speaker, entries(memory.metadata))
    if memory.visible_to is None:
        hashes |= set() if memory.key is None else {blind(key, "key", memory.key)}
    else:
        hashes |= visible_labels(key, memory.visible_to) | {audience_label(key)} | key_labels(key, memory)
        hashes |= set() if memory.key is None else {blind(key, "audience key", memory.key)}
    return hashes.union(*(labels(key, part) for part in memory.parts))


def audience_label(key: bytes) -> bytes:
    """What every memory has that not everybody sees."""
    return blind(key, "audience", "")


def visible_labels(key: bytes, names: Iterable[str]) -> set[bytes]:
    """One for each name that sees a memory."""
    return {blind(key, "visible", name) for name in names}


def asked_labels(key: bytes, where: Where) -> set[bytes]:
    """The blind-index entries that whatever meets a filter has, all of them; of a gist, from different parts maybe.

    The caller's key is not among them; see `asked_keys`.
    """
    return _labels(key, where, where.session, where.speaker, asked(where.metadata))


def asked_keys(key: bytes, where: Where) -> list[bytes]:
    """Of which whatever meets a filter has one: the key of what everybody sees, or the same of what only some see.

    These are two, because the first is the label by which a key is unique. Empty where no key is asked for.
    """
    return [] if where.key is None else [blind(key, field, where.key) for field in ("key", "audience key")]


def _labels(
    key: bytes, named: Memory | Where, session: str | None, speaker: str | None, said: Iterable[str]
) -> set[bytes]:
    """One for each name or value that is given. A subject has the same one in all ways to write it."""
    subject = None if named.subject is None else canonical(named.subject)
    single = {"subject": subject, "session": session, "speaker": speaker}
    several = {"tag": named.tags, "metadata": said}
    hashes = {blind(key, field, value) for field, value in single.items() if value is not None}
    return hashes | {blind(key, field, value) for field, values in several.items() for value in values}


def cut_labels(joined: bytes) -> Iterator[bytes]:
    """Labels that were joined into one value."""
    return (joined[at : at + BLIND_BYTES] for at in range(0, len(joined), BLIND_BYTES))


def key_labels(key: bytes, memory: Memory) -> set[bytes]:
    """Those of `labels` that are of the caller's keys, which no other memory of the namespace has."""
    return {blind(key, "key", one) for one in keys_of(memory)}


def to_traces(found: Sequence[tuple[Any, ...]]) -> Traces:
    """Rows as columns; shape (n,)."""
    columns = list(zip(*found, strict=True)) if found else [()] * 23
    width = max((len(blob) for blob in columns[17]), default=0) or _PRESENTATIONS.itemsize
    packed = b"".join(blob.rjust(width, b"\0") for blob in columns[17])
    seen = np.frombuffer(packed, _PRESENTATIONS).reshape(len(found), width // _PRESENTATIONS.itemsize)
    recent = np.where(seen["at"] == 0, -np.inf, seen["at"].astype(np.float64))
    last = np.array(columns[10], np.int64)
    # A trace that keeps no presentation has had its last use, at the least.
    recent[:, -1] = np.where(np.isinf(recent[:, -1]), last, recent[:, -1])
    created = zip(columns[4], columns[14], strict=True)
    bits = np.array(columns[21], np.int64)
    return Traces(
        last_retrieved=last,
        encoded_at=np.array([made if encoded is None else encoded for made, encoded in created], np.int64),
        stability=np.array(columns[8], np.float64),
        difficulty=np.array(columns[9], np.float64),
        retrievals=np.array(columns[11], np.int64),
        lapses=np.array(columns[12], np.int64),
        strength=np.array(columns[15], np.float64),
        interference=np.array(columns[16], np.float64),
        recent=recent,
        rates=seen["rate"].copy(),
        older=np.array(columns[18], np.float64),
        salience=np.array(columns[7], np.float64),
        kind=np.array(columns[3], np.int8),
        archived=bits & ARCHIVED > 0,
        pinned=bits & PINNED > 0,
        held=bits & HELD > 0,
        restricted=bits & RESTRICTED > 0,
    )
