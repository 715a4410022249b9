"""A record as bytes and back, for stores that have no columns of their own for it.

Two numbers of four bytes say how long what follows is: the JSON of memory and trace, and the vector as little-endian
fp16, with those of further passages, whose places in the text are in the JSON. Nothing is encrypted: text and vectors
can be found in these bytes, as they are.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.traces import micros, moment
from memoria.types import Memory, Passages, Provenance, Record, Trace

_LENGTHS = struct.Struct("<II")


def pack(record: Record) -> bytes:
    """The bytes of a record; its vector is rounded to fp16."""
    said: dict[str, Any] = {"memory": asdict(record.memory), "trace": asdict(record.trace)}
    further = record.passages
    if further is not None:
        said["passages"] = further.places
    head = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()
    vector = record.vector.astype("<f2").tobytes()
    if further is not None:
        vector += further.vectors.astype("<f2").tobytes()
    return _LENGTHS.pack(len(head), len(vector)) + head + vector


def unpack(data: bytes) -> Record:
    """The record that `pack` was given.

    Args:
        data: what `pack` returned.

    Returns:
        The record, its vector rounded to fp16.

    Raises:
        StoreCorrupt: these are other bytes.
    """
    try:
        lengths = _LENGTHS.unpack_from(data)
        head, vector_bytes = data[_LENGTHS.size : -lengths[1]], data[-lengths[1] :]
        if (len(head), len(vector_bytes)) != lengths:
            raise ValueError
        said = json.loads(head)
        places = tuple(said.get("passages", ()))
        vectors = np.frombuffer(vector_bytes, "<f2").astype(np.float32).reshape(1 + len(places), -1)
        further = Passages.placed(places, vectors[1:]) if places else None
        memory, trace = _memory(said["memory"]), _trace(said["trace"])
        return Record(memory=memory, trace=trace, vector=vectors[0], passages=further)
    except (struct.error, ValueError, LookupError, TypeError):
        # What they say may quote the memory.
        raise StoreCorrupt(f"{len(data)} bytes are not a record as memoria packs it") from None


def _plain(value: Any) -> Any:
    """What JSON has no form for: times, and mappings that are no dict."""
    return micros(value) if isinstance(value, datetime) else dict(value)


def _time(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _memory(said: Mapping[str, Any]) -> Memory:
    origin = said["provenance"]
    used = origin.get("used")
    lists = {"derived_from": tuple(origin["derived_from"]), "used": None if used is None else tuple(used)}
    fields = {
        "namespace": tuple(said["namespace"]),
        "tags": tuple(said["tags"]),
        "created_at": moment(said["created_at"]),
        "valid_from": _time(said["valid_from"]),
        "valid_to": _time(said["valid_to"]),
        "provenance": Provenance(**{**origin, **lists}),
        "parts": tuple(map(_memory, said["parts"])),
    }
    return Memory(**{**said, **fields})


def _trace(said: Mapping[str, Any]) -> Trace:
    fields = {
        "last_retrieved": moment(said["last_retrieved"]),
        "encoded_at": _time(said["encoded_at"]),
        "fades_at": _time(said["fades_at"]),
        "recent": tuple((moment(at), rate) for at, rate in said["recent"]),
    }
    return Trace(**{**said, **fields})
