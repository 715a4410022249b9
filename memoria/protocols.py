"""The contracts: what a store, a policy or a model must do to be used by memoria.

Each fits one screen. `memoria.testing` holds the conformance suite of each; subclass it to prove yours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, overload, runtime_checkable

from memoria.types import (
    EmbedderCard,
    LedgerEntry,
    Link,
    Memory,
    Namespace,
    Proposal,
    Recalled,
    Record,
    Secret,
    StoreStats,
    Trace,
    Where,
)

if TYPE_CHECKING:
    from memoria.arrays import Floats, Ints, Vectors
    from memoria.text.evidence import Evidence
    from memoria.text.fingerprints import Fingerprints
    from memoria.text.words import Question
    from memoria.traces import Traces


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a store does in one go.

    erase: ids that go. replace: records in the place of those with their ids. add: new records.
    ends: new `valid_to` of ids; None is without end. links: by which what is added supersedes others.
    guarded: texts, each with its namespace, that `refused` is to know although no memory of their own goes.
    """

    erase: tuple[str, ...] = ()
    replace: tuple[Record, ...] = ()
    add: tuple[Record, ...] = ()
    ends: Mapping[str, datetime | None] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    guarded: tuple[tuple[Namespace, str], ...] = ()


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
        """Puts `record` in the place of the one with its id, of which nothing stays but its standing.

        Raises MemoryNotFound, and Held.
        """
        ...

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        """Erases text, vector, key, recall log and ghost of each id.

        guard: leaves a keyed fingerprint of each text, by which `refused` knows it. Raises MemoryNotFound if one is
        unknown, and Held if one is held, unless told to go over holds; then, nothing is erased.
        """
        ...

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        """Does all of a change, or nothing of it: erases as `erase`, replaces as `replace`, adds as `write`."""
        ...

    def links(self, ids: Sequence[str]) -> list[Link]:
        """Links from or to any of `ids`, whether or not the memory with this id is still there itself."""
        ...

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        """Whether each text was forgotten in this very namespace, in canonical form, or is near one of `guard_near`."""
        ...

    def guard_near(self, namespace: Namespace, texts: Sequence[str]) -> None:
        """Leaves a keyed sketch of the words of each text, so that `refused` knows those that are nearly the same."""
        ...

    def readmit(self, namespace: Namespace, texts: Sequence[str]) -> None:
        """Forgets that these texts were forgotten, here or where it was adopted from."""
        ...

    def fingerprints(self, prefix: Namespace) -> Mapping[Namespace, frozenset[Fingerprints]]:
        """What `refused` knows by, of each namespace under `prefix` that knows anything, memories in it or none.

        One under the store's own key for the namespace, and all that were adopted; none of them is empty.
        """
        ...

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        """Lets `refused` know what other stores knew, in the place of what was adopted before.

        The namespace is made when it is new; what is adopted goes with it when it is erased whole.
        """
        ...

    def alone(self) -> AbstractContextManager[object]:
        """While it is held, nobody else reads or changes the store through this object."""
        ...

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        """Erases every namespace under `prefix` whole, names included; returns how many. Raises Held as `erase`."""
        ...

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        """The traces in the order of `ids`, None where there is no memory; content is not touched."""
        ...

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        """Replaces traces but their standing, and adds to the recall log, in one go; unknown ids are passed over."""
        ...

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
    ) -> None:
        """Changes the standing of each id; None leaves it. Raises MemoryNotFound, and then changes nothing."""
        ...

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        """Ids under `prefix`, at most `limit`, whose `fades_at` is at or before `at`, soonest first, by range scan.

        Archived, pinned and held ones are never due.
        """
        ...

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        """Archives what `due` would return, in one go, and returns it."""
        ...

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        """What lies in exactly this namespace: ids, traces, and bytes of slot and sealed row, shape (n,)."""
        ...

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        """The recall log of what lies under `prefix`, oldest first."""
        ...

    def enter(self, entry: LedgerEntry) -> None:
        """Adds to the ledger, its reason sealed."""
        ...

    def ledger(self) -> list[LedgerEntry]:
        """All decisions about holds, oldest first."""
        ...

    def alias(self, namespace: Namespace) -> str:
        """A name for a namespace that does not give it away: a keyed hash, the same at each call."""
        ...

    def note(self, name: str) -> str | None:
        """What was noted under a name: settings of the engine, such as the policy that the due times come from."""
        ...

    def write_note(self, name: str, value: str) -> None:
        """Notes a setting."""
        ...

    def notes(self) -> dict[str, str]:
        """All that was noted, by name."""
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

    def repair(self, *, dry_run: bool = False) -> list[str]:
        """Gives up what `check` finds, for good; returns each problem with what is done about it, or would be."""
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

    @overload
    def retrievability(self, traces: Trace, at: datetime) -> float: ...
    @overload
    def retrievability(self, traces: Sequence[Trace] | Traces, at: datetime) -> Floats: ...
    def retrievability(self, traces: Trace | Sequence[Trace] | Traces, at: datetime) -> float | Floats:
        """Probability in [0, 1] of retrieval at `at`: a float for one trace, shape (n,) for n, or for n columns."""
        ...

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after it was looked for at `at`, and found or missed."""
        ...

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When retrievability falls below `threshold`, the inverse of `retrievability`; None for never."""
        ...


class ConsolidationPolicy(Protocol):
    """Which memories a pass of sleep replays first: pure arithmetic on traces."""

    def priority(self, traces: Traces, retrievability: Floats, at: datetime) -> Floats:
        """How urgent each replay is, shape (n,); below or at 0 is never. retrievability: that of each at `at`."""
        ...


class Detector(Protocol):
    """Finds what a statement says about what was remembered before: the hook for a model in place of the rules."""

    def __call__(self, statement: Memory, candidates: Sequence[Memory], /) -> list[Proposal]:
        """The proposals of one statement. candidates: what it may be about, all of its namespace and still held,

        oldest first: earlier ones, and later ones only of the same session.
        """
        ...
