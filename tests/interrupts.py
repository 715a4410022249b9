"""Interrupting a verb at any of its lines: what the tests of interrupts count, raise and compare with."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from memoria.engine.memory import Memoria
from memoria.protocols import Change, Detector
from memoria.stores.local import Disk, LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.testing import HashEmbedder
from memoria.types import Link, Memory, Proposal, Provenance

ROOT = Path(__file__).parents[1]
# Both ways to the same files: through the links in the package, and where the files are.
TRACED = tuple(str(ROOT / part) for part in ("memoria/", "stores/", "policies/"))
EMBEDDER = HashEmbedder(64)
START = datetime(2026, 1, 1, tzinfo=UTC)
Verb = Callable[[Memoria, dict[str, str]], object]


@dataclass
class Clock:
    """Goes on by a second whenever it is asked."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Lines:
    """Counts the lines of memoria that run, or those of files with a name, and raises at one; at 0 it never does."""

    def __init__(self, at: int = 0, *, named: str = "", error: type[BaseException] = KeyboardInterrupt) -> None:
        self.count = 0
        self.place = ""
        self._at = at
        self._error = error
        self._named = named

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        return self._line if name.startswith(TRACED) and name.endswith(self._named) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and not _takes_a_lock(frame):
            self.count += 1
            if self.count == self._at:
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise self._error
        return self._line


def _takes_a_lock(frame: FrameType) -> bool:
    """Whether a line is the head of a block that holds a lock of the interpreter, and nothing else.

    It is traced once more when the block ends, just before the lock is released; no signal is delivered there.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return line.startswith("with ") and line.endswith(("mutex:", "_lock:", "_cache:", ".alone():"))


def opened(place: Path | str, disk: Disk | None = None) -> Memoria:
    """The store in a folder, or at a URL."""
    kind: type[LocalStore | PostgresStore] = PostgresStore if isinstance(place, str) else LocalStore
    return Memoria(kind(str(place), embedder=EMBEDDER.card, disk=disk), EMBEDDER, clock=Clock(), reinforce="never")


def filled(place: Path | str) -> dict[str, str]:
    """A store with a bit of everything; the ids of its memories by name."""
    with opened(place) as memory:
        ada, bob = memory.namespace("app", "ada"), memory.namespace("app", "bob")
        ids = {f"a{n}": ada.remember(f"Ada keeps fact number {n}.", subject="ada", tags=["old"]).id for n in range(6)}
        ids |= {f"b{n}": bob.remember(f"Bob keeps fact number {n}.", key=f"k{n}").id for n in range(3)}
        ids["gist"] = ada.consolidate(ids["a3"], ids["a4"], ids["a5"]).id
        source = Provenance(derived_from=(ids["a1"],))
        ids["derived"] = ada.remember("Made from the first fact of Ada.", provenance=source).id
        ids["new"] = bob.supersede(ids["b0"], "Bob keeps another fact.").id
        cat = memory.namespace("app", "cat")
        ids |= {"c0": cat.remember("Cat lives in Bonn.").id, "c1": cat.remember("Cat has moved to Kiel.").id}
        ids |= {"c2": cat.remember("Cat has a boat.").id, "c3": cat.remember("Cat has sold the boat.").id}
        doubt = Link(parent=ids["c0"], child=ids["c1"], relation="doubts", weight=2.0, judge="tests")
        memory.store.revise(Change(links=(doubt,)))
        memory.reconcile(ids["c3"], detector=ended(ids["c2"]), phrases=lambda text: [text])
        long = "Hi Ann, great to see you! I moved to Oslo on 3 May 2024. So cool, right? What about you?"
        memory.namespace("app", "dog").remember_many([long, f"{long} Really?"])
        gone = ada.remember("This was forgotten.")
        memory.forget(gone.id)
        memory.pin(ids["b1"])
        memory.archive(ids["b2"])
    return ids


def ended(id: str) -> Detector:
    """A detector that reads every statement as the end of one memory."""

    def read(statement: Memory, seen: Sequence[Memory]) -> list[Proposal]:
        at, keep = statement.created_at, statement.text
        return [Proposal(action="update", by=statement.id, ends=(id,), at=at, keep=keep, reason="a test")]

    return read


def picture(memory: Memoria) -> list[tuple[object, ...]]:
    """All that is remembered, without ids and times, which differ from run to run; and what has ended or is doubted."""
    found = []
    links: dict[str, list[tuple[str, float]]] = {}
    listed = memory.list()
    for link in memory.store.links([one.id for one in listed]):
        links.setdefault(link.parent, []).append((link.relation, link.weight or 0.0))
    for one, record in zip(listed, memory.store.read([one.id for one in listed]), strict=True):
        assert record is not None
        trace = record.trace
        standing = (trace.archived, trace.pinned, trace.held)
        parts = tuple(sorted(part.text for part in one.parts))
        over = one.valid_to is not None, tuple(sorted(links.get(one.id, ())))
        found.append((one.namespace, one.text, one.subject or "", one.tags, parts, over, standing))
    return sorted(found)
