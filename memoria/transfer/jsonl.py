"""export and import: JSON lines, one memory each, with its trace and vector, so that nothing is lost."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from math import isfinite
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from memoria.callables import agree
from memoria.derived.gist import left
from memoria.derived.lineage import living
from memoria.embedders import embed_whole
from memoria.errors import InvalidMemory, InvalidVector, MemoryNotFound
from memoria.forget.ledger import enter_done
from memoria.protocols import Change, Embedder, Progress, Store
from memoria.retention.restriction import ordered
from memoria.standing.gate import forbidden
from memoria.text.fingerprints import Statement
from memoria.text.parts import Pieces, joined
from memoria.text.passages import starts
from memoria.types import EmbedderCard, Kind, LedgerEntry, Link, Memory, Passages, Provenance, Record, Trace, Where
from memoria.validate import check_memory, check_trace, is_id, line_violations, time_violations

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_BATCH = 1000
# Far more than rounding to fp16 changes the length of a vector.
_LENGTH_TOLERANCE = 0.01


class _Origin(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    source: str | None = None
    speaker: str | None = None
    session: str | None = None
    derived_from: tuple[str, ...] = ()
    used: tuple[str, ...] | None = None


class _Held(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    last_retrieved: datetime
    stability: float
    difficulty: float
    retrievals: int
    lapses: int
    encoded_at: datetime | None = None
    strength: float = 0.0
    interference: float = 0.0
    recent: tuple[tuple[datetime, float], ...] = ()
    older: float = 0.0
    fades_at: datetime | None = None
    archived: bool = False
    pinned: bool = False
    held: bool = False
    restricted: bool = False


class _Said(BaseModel):
    """A memory as it is written in a line, or as a part of a gist in one."""

    model_config = ConfigDict(extra="forbid", strict=True)
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
    parts: tuple[_Said, ...] = ()
    zone: str | None = None
    expires_at: datetime | None = None
    visible_to: tuple[str, ...] | None = None
    judged: bool = False


class Line(_Said):
    """One line of an export. vector: base64 of little-endian fp16, made by `embedder`.

    supersedes: for each id that it superseded, the end of its validity before that, None for no end. doubts: for each
    id that it makes doubtful, with which log-odds and by which judge. ends: for each id that it ended, the end before
    that, and the judge.
    """

    trace: _Held
    embedder: str
    vector: str
    supersedes: dict[str, datetime | None] = {}
    doubts: dict[str, tuple[float, str]] = {}
    ends: dict[str, tuple[datetime | None, str]] = {}


_FIELDS = Line.model_fields.keys() | _Held.model_fields.keys() | _Origin.model_fields.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did. stored: how many memories were new. refused: numbers of the lines left out, from 1, because
    their text was forgotten here or their source is not here."""

    stored: int
    refused: tuple[int, ...]


def export(store: Store, where: Where) -> Iterator[str]:
    """JSON lines of the memories that match, oldest first."""
    ids = store.select(where)
    for at in range(0, len(ids), _BATCH):
        part = ids[at : at + _BATCH]
        links: dict[str, list[Link]] = {}
        for link in store.links(part):
            links.setdefault(link.child, []).append(link)
        due = _due(store, where, part)
        for record in store.read(part):
            if record is not None:
                line = _line(record, store.embedder, links.get(record.memory.id, ()))
                inside = due.get(record.memory.id, frozenset())
                yield (_without(line, record.memory, inside, store.language) if inside else line).model_dump_json()


def _due(store: Store, where: Where, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """By id, the parts of gists that are to be erased by the time that a filter names."""
    return {} if where.kept_at is None else store.lapsed(Where(ids=tuple(ids)), where.kept_at)


def _without(line: Line, gist: Memory, due: Set[str], language: str | None) -> Line:
    """The line of a gist without some of its parts, and without its vector, which may be of one of them."""
    kept = left(gist, due, language)
    if kept is None:
        raise MemoryNotFound(gist.id)
    return line.model_copy(update={**_said(kept.parts[0] if len(kept.parts) == 1 else kept), "embedder": ""})


def _line(record: Record, card: EmbedderCard, links: Iterable[Link]) -> Line:
    links = list(links)
    return Line(
        **_said(record.memory),
        trace=_Held(
            **{name: getattr(record.trace, name) for name in _Held.model_fields},
        ),
        embedder=card.name,
        vector=base64.b64encode(record.vector.astype("<f2").tobytes()).decode(),
        supersedes={link.parent: link.was for link in links if link.relation == "supersedes"},
        doubts={link.parent: (link.weight, link.judge) for link in links if link.weight is not None and link.judge},
        ends={link.parent: (link.was, link.judge or "") for link in links if link.relation == "ends"},
    )


def _said(memory: Memory) -> dict[str, Any]:
    origin = memory.provenance
    fields = {name: getattr(memory, name) for name in _Said.model_fields}
    return fields | {
        "metadata": dict(memory.metadata),
        "provenance": _Origin(**{name: getattr(origin, name) for name in _Origin.model_fields}),
        "parts": tuple(_Said(**_said(part)) for part in memory.parts),
    }


def import_lines(
    store: Store,
    embedder: Embedder,
    lines: Iterable[str],
    progress: Progress | None = None,
    *,
    readmit: bool = False,
    at: datetime | None = None,
) -> Imported:
    """Stores the memories in the lines, except those whose id is stored already or whose text was forgotten here.

    readmit: also stores what was forgotten here. at: when, for the ledger; None enters nothing. Every line is read
    before the first is stored, so that a bad one changes nothing; the error names its number.
    """
    parsed = {number: _parse(number, line) for number, line in enumerate(lines, 1) if line.strip()}
    _check_acyclic(parsed)
    # What is there already, in a gist too, is left as it is; of lines with the same id, the first counts.
    known = living(store, {line.id for line in parsed.values()})
    first = {line.id: number for number, line in reversed(parsed.items())}
    fresh = {number: line for number, line in parsed.items() if line.id not in known and first[line.id] == number}
    refused = _refused(store, fresh, readmit=readmit)
    wanted = {line.id: line for number, line in fresh.items() if number not in refused}
    records = _records(store, embedder, list(wanted.values()), progress)
    links = [
        Link(parent=parent, child=line.id, relation="supersedes", was=was)
        for line in wanted.values()
        for parent, was in line.supersedes.items()
    ]
    links += [
        Link(parent=parent, child=line.id, relation="doubts", weight=weight, judge=judge)
        for line in wanted.values()
        for parent, (weight, judge) in line.doubts.items()
    ]
    links += [
        Link(parent=parent, child=line.id, relation="ends", was=was, judge=judge)
        for line in wanted.values()
        for parent, (was, judge) in line.ends.items()
    ]
    if records:
        with store.alone():
            store.revise(Change(add=tuple(ordered(store, records)), links=tuple(links)))
    if records and at is not None:
        facts = {"from": "jsonl", "refused": len(refused)}
        enter_done(store, LedgerEntry(at=at, action="import", ids=tuple(wanted), reason="", facts=facts))
    return Imported(stored=len(records), refused=tuple(sorted(refused)))


def _refused(store: Store, lines: Mapping[int, Line], *, readmit: bool) -> set[int]:
    """Numbers of the lines whose text, or that of a part, was forgotten here, and of those made from them."""
    out: set[int] = set()
    for namespace in {line.namespace for line in lines.values()}:
        here = {number: line for number, line in lines.items() if line.namespace == namespace}
        told = [
            (number, Statement(said.text, said.subject, said.visible_to))
            for number, line in here.items()
            for said in (line, *line.parts)
        ]
        found = store.refused(namespace, [one for _, one in told])
        back = [(number, one) for (number, one), known in zip(told, found, strict=True) if known]
        if readmit and back:
            store.readmit(namespace, [one for _, one in back])
        else:
            out |= {number for number, _ in back}
    kept_out = forbidden(store, [_memory(line) for line in lines.values()])
    out |= {number for number, wrong in zip(lines, kept_out, strict=True) if wrong}
    while orphans := _orphans(store, {number: line for number, line in lines.items() if number not in out}):
        out |= orphans
    return out


def _orphans(store: Store, lines: Mapping[int, Line]) -> set[int]:
    """Numbers of the lines made from a memory that is neither stored here nor in the lines."""
    coming = {said.id for line in lines.values() for said in (line, *line.parts)}
    sources = {number: set(line.provenance.derived_from) - coming for number, line in lines.items()}
    asked = sorted(set().union(*sources.values()))
    here = {link.parent for link in store.links(asked)} | set(store.select(Where(ids=tuple(asked)))) if asked else set()
    return {number for number, needed in sources.items() if not needed <= here}


def _parse(number: int, text: str) -> Line:
    try:
        line = Line.model_validate_json(text)
        check_memory(_memory(line))
        check_trace(_trace(line))
        violations = [*_line_violations(line)]
    except ValidationError as error:
        raise InvalidMemory(*line_violations(number, error, _FIELDS)) from None
    except InvalidMemory as error:
        violations = list(error.violations)
    if violations:
        raise InvalidMemory(*(f"line {number}: {violation}" for violation in violations)) from None
    return line


def _line_violations(line: Line) -> Iterator[str]:
    """Rules that only an id or a link from elsewhere can break."""
    if not is_id(line.id):
        yield "id is not 32 hexadecimal digits"
    for name, parents in (("supersedes", line.supersedes), ("doubts", line.doubts), ("ends", line.ends)):
        if any(not is_id(parent) or parent == line.id for parent in parents):
            yield f"{name} names what is no other id of 32 hexadecimal digits"
    for was in line.supersedes.values():
        yield from time_violations(supersedes=was)
    for was, _ in line.ends.values():
        yield from time_violations(ends=was)
    if not all(isfinite(weight) for weight, _ in line.doubts.values()):
        yield "a weight of doubts is no finite number"


def _check_acyclic(lines: Mapping[int, Line]) -> None:
    """Raises InvalidMemory when what lines are derived from leads back to themselves: nothing could be forgotten."""
    graph: TopologicalSorter[str] = TopologicalSorter()
    for line in lines.values():
        graph.add(line.id, *line.provenance.derived_from, *(part.id for part in line.parts))
        for part in line.parts:
            graph.add(part.id, *part.provenance.derived_from)
    try:
        graph.prepare()
    except CycleError as error:
        ids = set(error.args[1])
        number = next(number for number, line in lines.items() if {line.id, *(part.id for part in line.parts)} & ids)
        raise InvalidMemory(f"line {number}: what it is derived from is derived from it") from None


def _memory(line: _Said) -> Memory:
    fields = {name: getattr(line, name) for name in _Said.model_fields}
    said = {"provenance": Provenance(**line.provenance.model_dump()), "parts": tuple(map(_memory, line.parts))}
    return Memory(**fields | said)


def _records(store: Store, embedder: Embedder, lines: Sequence[Line], progress: Progress | None) -> list[Record]:
    carried = [_carried(store.embedder, line) for line in lines]
    # An export has one vector a memory: passages of a long text, and parts of a gist, are embedded again.
    again = [
        vector is None or bool(line.parts) or bool(starts(line.text, embedder))
        for line, vector in zip(lines, carried, strict=True)
    ]
    texts = [one.text for line, missing in zip(lines, again, strict=True) if missing for one in line.parts or (line,)]
    embedded = iter(embed_whole(store, embedder, texts, progress))
    made = [_of_parts(line, embedded) if missing else None for line, missing in zip(lines, again, strict=True)]
    return [
        Record(
            memory=_memory(line),
            trace=_trace(line),
            vector=_first(known, fresh),
            passages=None if fresh is None else fresh[1],
        )
        for line, known, fresh in zip(lines, carried, made, strict=True)
    ]


def _of_parts(line: Line, embedded: Iterator[Pieces]) -> Pieces:
    """The vectors of a line, from those of its texts."""
    return joined([next(embedded) for _ in line.parts]) if line.parts else next(embedded)


def _first(known: Vectors | None, fresh: tuple[Vectors, Passages | None] | None) -> Vectors:
    """The vector that came with a line, or else the one that was made."""
    if known is not None:
        return known
    assert fresh is not None
    return fresh[0]


def _carried(card: EmbedderCard, line: Line) -> Vectors | None:
    """The vector in the line, or None if another embedder made it; raises InvalidVector."""
    import numpy as np

    if not agree(EmbedderCard(name=line.embedder, dimension=card.dimension), card):
        return None
    try:
        vector = np.frombuffer(base64.b64decode(line.vector, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise InvalidVector(f"memory {line.id}: vector is not base64 of fp16 numbers: {error}") from None
    if len(vector) != card.dimension or not abs(np.linalg.norm(vector) - 1) < _LENGTH_TOLERANCE:
        raise InvalidVector(f"memory {line.id}: vector is not of length 1 and dimension {card.dimension}")
    return vector


def _trace(line: Line) -> Trace:
    trace = Trace(**line.trace.model_dump(), salience=line.salience, kind=line.kind)
    return replace(trace, encoded_at=trace.start)
