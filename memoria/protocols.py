"""The contracts: what a store, a policy or a model must do to be used by memoria.

Each fits one screen. `memoria.testing` holds the conformance suite of each; subclass it to prove yours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from memoria.types import EmbedderCard, Memory, Namespace, Record, Secret, StoreStats, Trace, Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memoria.evidence import Evidence
    from memoria.words import Question

    Floats = NDArray[np.float64]
    Vectors = NDArray[np.float32]

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) during long work."""


@runtime_checkable
class Embedder(Protocol):
    """Texts to vectors."""

    @property
    def card(self) -> EmbedderCard:
        """Name and dimension d; a store remembers it and refuses another."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), d), float32."""
        ...


class Generator(Protocol):
    """A language model, as far as memoria needs one."""

    def generate(self, prompt: str) -> str:
        """The model's answer to `prompt`."""
        ...


class Store(Protocol):
    """Where memories live. Every method that writes is durable, and all or nothing, when it returns."""

    @property
    def embedder(self) -> EmbedderCard:
        """Which embedder made the vectors."""
        ...

    def write(self, records: Sequence[Record]) -> None:
        """Adds records whose ids are new."""
        ...

    def replace(self, record: Record) -> None:
        """Puts `record` in the place of the one with its id, of which nothing stays. Raises MemoryNotFound."""
        ...

    def erase(self, ids: Sequence[str]) -> None:
        """Erases text, vector and key of each id. Raises MemoryNotFound, before erasing, if one is unknown."""
        ...

    def erase_namespaces(self, prefix: Namespace) -> int:
        """Erases every namespace under `prefix` whole, names included; returns how many there were."""
        ...

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records in the order of `ids`, None where there is none."""
        ...

    def select(self, where: Where) -> list[str]:
        """Ids that match, sorted: by time of creation, oldest first."""
        ...

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        """The k nearest by cosine among those that match, best first. vector: unit length, shape (d,)."""
        ...

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        """What speaks for the `pool` nearest by cosine among those that match, the `pool` best by words, and turns
        beside either; all that match when they are fewer than `pool`. Nothing outside the filter is ever among them.
        """
        ...

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        """Namespaces under `prefix` that hold memories, sorted."""
        ...

    def count(self, prefix: Namespace) -> int:
        """Memories under `prefix`."""
        ...

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        """Every byte string that `erase(ids)` must destroy, for a scan afterwards."""
        ...

    def files(self) -> Iterator[Path]:
        """Every file in which bytes of the store may stand."""
        ...

    def check(self) -> list[str]:
        """Problems found by reading everything; empty when sound."""
        ...

    def rebuild(self) -> None:
        """Makes indexes again from the stored vectors and gives back the space of what was forgotten."""
        ...

    def reembed(self, embedder: Embedder) -> None:
        """Replaces every vector by the embedder's, and remembers its card; all or nothing."""
        ...

    def stats(self) -> StoreStats:
        """Counts and sizes."""
        ...

    def close(self) -> None:
        """Releases files; a second call does nothing."""
        ...


class DecayPolicy(Protocol):
    """How well a memory is held over time: pure arithmetic on traces, no clock, no store."""

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory."""
        ...

    def retrievability(self, traces: Sequence[Trace], at: datetime) -> Floats:
        """Probability in [0, 1] that each trace can be retrieved at `at`; shape (len(traces),)."""
        ...

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after it was looked for at `at`, and found or missed."""
        ...

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When retrievability falls below `threshold`, the inverse of `retrievability`; None for never."""
        ...


class ConsolidationPolicy(Protocol):
    """Which memories a pass of sleep replays, and in which order."""

    def select(self, memories: Sequence[Memory], traces: Sequence[Trace], at: datetime) -> list[str]:
        """Ids to replay at `at`, most urgent first."""
        ...
