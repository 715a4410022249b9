"""The vectors of a gist: those of all its parts, so that each is found by what it says itself.

The first part has the vector of the gist. The others, and further passages of long parts, are kept beside it, at a
byte a number (coarse.py). A gist from before parts had vectors has that of its first part alone; it counts for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memoria.text.coarse import coarse
from memoria.types import MOST_PARTS, Memory, Passages, Record, Where

if TYPE_CHECKING:
    from memoria.arrays import Vectors

Pieces = tuple["Vectors", Passages | None]
"""The vector of a text, shape (d,), and its further passages."""


def joined(parts: Sequence[Pieces]) -> Pieces:
    """The vectors of a gist from those of its parts, in their order."""
    placed = [one for part, pieces in enumerate(parts[:MOST_PARTS]) for one in _placed(part, pieces)][1:]
    if not placed:
        return parts[0]
    owners, starts, vectors = zip(*placed, strict=True)
    return parts[0][0], Passages(starts=starts, parts=owners, vectors=coarse(np.stack(vectors)))


def _placed(part: int, pieces: Pieces) -> Iterator[tuple[int, int, Vectors]]:
    """(part, start, vector) of every passage of a part."""
    vector, further = pieces
    yield part, 0, vector
    if further is not None:
        for start, one in zip(further.starts, further.vectors, strict=True):
            yield part, start, one


def part_of(record: Record, place: int) -> Record:
    """The part at this place of a gist as a record: with its own vectors, and the trace of the gist."""
    part, pieces = record.memory.parts[place], pieces_of(record, place)
    vector, further = (record.vector, None) if pieces is None else pieces
    return replace(record, memory=part, vector=vector, passages=further)


def pieces_of(record: Record, place: int) -> Pieces | None:
    """The vectors of the part at this place of a gist, as they are kept; None when it has none of its own."""
    further = record.passages
    mine = [] if further is None else [at for at, part in enumerate(further.owners) if part == place]
    if further is None or not mine:
        return None if place else (record.vector, None)
    rest = mine if place == 0 else mine[1:]
    starts = tuple(further.starts[at] for at in rest)
    passages = Passages(starts=starts, vectors=further.vectors[rest]) if rest else None
    return record.vector if place == 0 else further.vectors[mine[0]], passages


def hidden(where: Where, gists: Iterable[Memory]) -> set[bytes]:
    """The ids of parts of gists that match a filter, but are not what it means."""
    found = ({one.id for one in gist.parts} - {one.id for one in where.meant(gist)} for gist in gists)
    return {bytes.fromhex(id) for some in found for id in some}


def leaves(record: Record) -> list[Record]:
    """The parts of a gist as records; of any other memory, the record itself."""
    return [part_of(record, place) for place in range(len(record.memory.parts))] or [record]


def leaf_of(record: Record | None, id: str) -> Record | None:
    """The record of this id: a part of a gist, or the record itself; None when there is none."""
    if record is None or record.memory.id == id:
        return record
    place = next((at for at, part in enumerate(record.memory.parts) if part.id == id), None)
    return None if place is None else part_of(record, place)
