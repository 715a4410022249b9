"""export and import: JSON lines, one memory each, lossless with trace and vector."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from memoria.errors import InvalidMemory, InvalidVector
from memoria.protocols import Embedder, Progress, Store
from memoria.recall import embed
from memoria.types import EmbedderCard, Kind, Memory, Provenance, Record, Trace, Where
from memoria.validate import check_memory, is_id

if TYPE_CHECKING:
    from memoria.protocols import Vectors

_BATCH = 1000
# Far wider than what rounding to fp16 does to a length.
_LENGTH_TOLERANCE = 0.01


class _Origin(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: str | None = None
    speaker: str | None = None
    session: str | None = None
    derived_from: tuple[str, ...] = ()


class _Held(BaseModel):
    model_config = ConfigDict(extra="forbid")
    last_retrieved: datetime
    stability: float
    difficulty: float
    retrievals: int
    lapses: int


class Line(BaseModel):
    """One line of an export. vector: base64 of little-endian fp16, made by `embedder`."""

    model_config = ConfigDict(extra="forbid")
    id: str
    namespace: tuple[str, ...]
    text: str
    created_at: datetime
    kind: Kind
    valid_from: datetime | None
    valid_to: datetime | None
    salience: float
    subject: str | None
    tags: tuple[str, ...]
    key: str | None
    provenance: _Origin
    metadata: dict[str, Any]
    trace: _Held
    embedder: str
    vector: str


def export(store: Store, where: Where) -> Iterator[str]:
    """JSON lines of what matches, oldest first."""
    ids = store.select(where)
    for at in range(0, len(ids), _BATCH):
        for record in store.read(ids[at : at + _BATCH]):
            if record is not None:
                yield _line(record, store.embedder).model_dump_json()


def _line(record: Record, card: EmbedderCard) -> Line:
    memory, trace, origin = record.memory, record.trace, record.memory.provenance
    return Line(
        id=memory.id,
        namespace=memory.namespace,
        text=memory.text,
        created_at=memory.created_at,
        kind=memory.kind,
        valid_from=memory.valid_from,
        valid_to=memory.valid_to,
        salience=memory.salience,
        subject=memory.subject,
        tags=memory.tags,
        key=memory.key,
        provenance=_Origin(
            source=origin.source,
            speaker=origin.speaker,
            session=origin.session,
            derived_from=origin.derived_from,
        ),
        metadata=dict(memory.metadata),
        trace=_Held(
            last_retrieved=trace.last_retrieved,
            stability=trace.stability,
            difficulty=trace.difficulty,
            retrievals=trace.retrievals,
            lapses=trace.lapses,
        ),
        embedder=card.name,
        vector=base64.b64encode(record.vector.astype("<f2").tobytes()).decode(),
    )


def import_lines(store: Store, embedder: Embedder, lines: Iterable[str], progress: Progress | None = None) -> int:
    """Stores what the lines hold and returns how many were new; an id that is there already is left as it is.

    Every line is read before the first is stored, so that a bad one, named by its number, changes nothing.
    """
    parsed = [_parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    known = store.read([line.id for line in parsed])
    fresh = {line.id: line for line, found in zip(parsed, known, strict=True) if found is None}
    records = _records(store, embedder, list(fresh.values()), progress)
    if records:
        store.write(records)
    return len(records)


def _parse(number: int, text: str) -> Line:
    try:
        line = Line.model_validate_json(text)
        check_memory(_memory(line))
    except ValidationError as error:
        raise InvalidMemory(
            *(f"line {number}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        ) from None
    except InvalidMemory as error:
        raise InvalidMemory(*(f"line {number}: {violation}" for violation in error.violations)) from None
    if not is_id(line.id):
        raise InvalidMemory(f"line {number}: id {line.id!r} is not 32 hexadecimal digits")
    return line


def _memory(line: Line) -> Memory:
    fields = {
        name: getattr(line, name)
        for name in Line.model_fields
        if name not in {"trace", "embedder", "vector", "provenance"}
    }
    return Memory(**fields, provenance=Provenance(**line.provenance.model_dump()))


def _records(store: Store, embedder: Embedder, lines: Sequence[Line], progress: Progress | None) -> list[Record]:
    carried = [_carried(store.embedder, line) for line in lines]
    texts = [line.text for line, vector in zip(lines, carried, strict=True) if vector is None]
    embedded = iter(embed(store, embedder, texts, progress))
    return [
        Record(
            memory=_memory(line),
            trace=Trace(**line.trace.model_dump()),
            vector=next(embedded) if vector is None else vector,
        )
        for line, vector in zip(lines, carried, strict=True)
    ]


def _carried(card: EmbedderCard, line: Line) -> Vectors | None:
    """The vector that the line brings, when the store's own embedder made it; raises InvalidVector."""
    import numpy as np

    if line.embedder != card.name:
        return None
    try:
        vector = np.frombuffer(base64.b64decode(line.vector, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise InvalidVector(f"memory {line.id}: vector is not base64 of fp16 numbers: {error}") from None
    if len(vector) != card.dimension or not abs(np.linalg.norm(vector) - 1) < _LENGTH_TOLERANCE:
        raise InvalidVector(f"memory {line.id}: vector is not of length 1 and dimension {card.dimension}")
    return vector
