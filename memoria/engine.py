"""Memoria: the verbs. Each is thin and delegates to the module named after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from memoria import erase as erasing
from memoria import recall as recalling
from memoria import remember as remembering
from memoria.embedders import as_embedder
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.protocols import Embedder, Store
from memoria.residue import Residue, scan, text_secrets
from memoria.types import Hit, Kind, Memory, Namespace, Provenance, Receipt, StoreStats, Trace, Where
from memoria.validate import check_memory, check_namespace, check_where, is_id

if TYPE_CHECKING:
    from memoria.protocols import Vectors

EmbedderLike = Embedder | str | Callable[[list[str]], Any] | None
Progress = Callable[[str, int, int], None]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of the outermost layer."""
    return datetime.now(UTC)
