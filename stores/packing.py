"""A record as bytes and back, for stores that have no columns of their own for it.

Four bytes say how long the JSON of memory and trace is; it follows, and after it the vector as little-endian fp16.
Nothing is encrypted: text and vector can be found in these bytes, as they are.
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
from memoria.types import Memory, Provenance, Record, Trace

_LENGTH = struct.Struct("<I")


def pack(record: Record) -> bytes:
    """The bytes of a record; its vector is rounded to fp16."""
    said = {"memory": asdict(record.memory), "trace": asdict(record.trace)}
    head = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()
    return _LENGTH.pack(len(head)) + head + record.vector.astype("<f2").tobytes()


def unpack(data: bytes) -> Record:
    """The record that `pack` was given; raises StoreCorrupt for other bytes."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        said = json.loads(data[_LENGTH.size : end])
        vector = np.frombuffer(data, "<f2", offset=end).astype(np.float32)
        return Record(memory=_memory(said["memory"]), trace=_trace(said["trace"]), vector=vector)
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
    fields = {
        "namespace": tuple(said["namespace"]),
        "tags": tuple(said["tags"]),
        "created_at": moment(said["created_at"]),
        "valid_from": _time(said["valid_from"]),
        "valid_to": _time(said["valid_to"]),
        "provenance": Provenance(**{**origin, "derived_from": tuple(origin["derived_from"])}),
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
