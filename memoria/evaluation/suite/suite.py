"""The forgetting suite: cases of ten categories, played by memoria and by two baselines that no good memory may be.

One baseline forgets nothing, the other everything: a suite that either could pass would measure nothing.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from memoria.derived.gist import extract
from memoria.derived.lineage import find_part
from memoria.engine.arguments import Include
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.errors import MemoryNotFound
from memoria.evaluation.suite.cases import CATEGORIES, generate
from memoria.evaluation.suite.scenario import NOW, Asked, Case, Engine, play
from memoria.forget.verifying import verification
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Memory, Namespace, Receipt, Secret, Where

PER_CATEGORY = 60
# Every so many cases memoria plays one on disk, and every byte of the store is looked at. Prime, so that it is not
# always the same variant; the baselines, which fail without it, are not slowed down by it.
ON_DISK = 23
_EVERYTHING: tuple[Include, ...] = ("archived", "expired", "upcoming")
_LIKE = 0.2


class MemoriaEngine:
    """memoria itself."""

    def __init__(self, memory: Memoria) -> None:
        self.memory = memory
        self._secrets: list[Secret] = []

    def remember(self, drafts: Sequence[Draft], space: Namespace) -> list[str]:
        return [made.id for made in self.memory.namespace(*space).remember_many(drafts)]

    def gather(self, ids: Sequence[str]) -> str:
        return self.memory.consolidate(*ids).id

    def supersede(self, old: str, new: Draft, at: datetime) -> str:
        return self.memory.supersede(old, new, at=at).id

    def amend(self, id: str, text: str) -> None:
        self.memory.amend(id, text=text)

    def hold(self, ids: Sequence[str]) -> None:
        self.memory.hold(*ids, reason="a case")

    def release(self, ids: Sequence[str]) -> None:
        self.memory.release(*ids, reason="a case")

    def forget(self, asked: Asked) -> int:
        criteria: dict[str, Any] = {"subject": asked.subject, "mentions": asked.mentions, "namespace": asked.space}
        receipt: Receipt = self.memory.forget(*asked.ids, guard=asked.guard, **criteria)
        lost: int = len(receipt.forgotten) + len(receipt.derived)
        return lost + receipt.namespaces * (not receipt.forgotten)

    def sleep(self, meanwhile: Callable[[], None]) -> None:
        writing, go_on = threading.Event(), threading.Event()

        def write(parts: Sequence[Memory]) -> str:
            writing.set()
            go_on.wait()
            return extract(parts)

        sleeper = self.memory.sleep(background=True, like=_LIKE, prune=False, write=write)
        while sleeper.asleep and not writing.wait(0.001):
            pass
        try:
            meanwhile()
        finally:
            go_on.set()
            sleeper.wait()

    def recall(self, query: str, at: datetime | None, *, everything: bool) -> list[str]:
        include: Sequence[Include] = _EVERYTHING if everything else ()
        return [_said(hit.memory) for hit in self.memory.recall(query, k=10, as_of=at, include=include)]

    def list(self) -> list[str]:
        return [_said(one) for one in self.memory.list()]

    def has(self, id: str) -> bool:
        try:
            self.memory.get(id)
        except MemoryNotFound:
            return False
        return True

    def export(self) -> Sequence[str]:
        return list(export(self.memory.store, Where()))

    def take_in(self, lines: Sequence[str]) -> None:
        import_lines(self.memory.store, self.memory.embedder, lines)

    def watch(self, ids: Sequence[str]) -> None:
        live = self.memory.store.select(Where(ids=tuple(ids))) if ids else []
        inside = [part for part in (find_part(self.memory.store, id) for id in ids) if part is not None]
        self._secrets += self.memory.store.secrets(live)
        self._secrets += [Secret(label="text", data=part.text.encode()) for part in inside]

    def residue(self) -> int:
        return verification(self.memory.store, self._secrets).found


class DoNothing(MemoriaEngine):
    """Forgets nothing: every verb that forgets, edits or ends something does nothing."""

    def forget(self, asked: Asked) -> int:
        return 0

    def amend(self, id: str, text: str) -> None:
        pass

    def supersede(self, old: str, new: Draft, at: datetime) -> str:
        return self.remember([new], ())[0]


class DeleteEverything(MemoriaEngine):
    """Forgets everything: every verb that forgets, edits or ends something empties the store first."""

    def forget(self, asked: Asked) -> int:
        count = len(self.memory)
        self.memory.forget(namespace=(), override="a baseline")
        return count

    def amend(self, id: str, text: str) -> None:
        self.forget(Asked())
        self.remember([Draft(text=text)], ())

    def supersede(self, old: str, new: Draft, at: datetime) -> str:
        self.forget(Asked())
        return self.remember([new], ())[0]


ENGINES: Mapping[str, Callable[[Memoria], Engine]] = {
    "memoria": MemoriaEngine,
    "do nothing": DoNothing,
    "delete everything": DeleteEverything,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one engine did in one case. wrong: empty when it passed. on_disk: whether bytes were looked at."""

    case: str
    category: str
    wrong: tuple[str, ...]
    on_disk: bool

    @property
    def passed(self) -> bool:
        return not self.wrong


def evaluate(
    embedder: Embedder,
    progress: Progress,
    *,
    categories: Sequence[str] = tuple(CATEGORIES),
    count: int = PER_CATEGORY,
    seed: int = 0,
) -> dict[str, Any]:
    """Every engine through the same cases: rates by category, and which cases memoria failed, and why."""
    cases = [case for category in categories for case in generate(category, count, seed)]
    results: dict[str, list[Result]] = {}
    for name, make in ENGINES.items():
        results[name] = []
        every = ON_DISK if name == "memoria" else None
        for done, result in enumerate(run(cases, make, embedder, every), 1):
            results[name].append(result)
            progress(name, done, len(cases))
    return {
        "seed": seed,
        "embedder": embedder.card.name,
        "cases": len(cases),
        "on_disk": sum(result.on_disk for result in results["memoria"]),
        "rates": {name: _rates(found, categories) for name, found in results.items()},
        "failed": [
            {"case": result.case, "wrong": list(result.wrong)} for result in results["memoria"] if not result.passed
        ],
    }


def run(
    cases: Sequence[Case], make: Callable[[Memoria], Engine], embedder: Embedder, every: int | None = None
) -> Iterator[Result]:
    """Plays cases, each in a store of its own. every: one in so many is played on disk, where keys are random."""
    for n, case in enumerate(cases):
        on_disk = every is not None and n % every == 0 and not case.by_chance()
        with _stage(embedder, on_disk=on_disk) as memory:
            wrong = play(case, make(memory))
        yield Result(case=case.id, category=case.category, wrong=tuple(wrong), on_disk=on_disk)


@contextmanager
def _stage(embedder: Embedder, *, on_disk: bool) -> Iterator[Memoria]:
    if not on_disk:
        with open_memoria(":memory:", embedder=embedder, clock=lambda: NOW) as memory:
            yield memory
        return
    with (
        tempfile.TemporaryDirectory(prefix="memoria-suite-") as folder,
        open_memoria(Path(folder) / "a", embedder=embedder, clock=lambda: NOW) as memory,
    ):
        yield memory


def _rates(results: Sequence[Result], categories: Sequence[str]) -> dict[str, dict[str, float]]:
    by = {category: [one.passed for one in results if one.category == category] for category in categories}
    by["all"] = [one.passed for one in results]
    return {name: {"passed": sum(some), "of": len(some), "rate": sum(some) / len(some)} for name, some in by.items()}


def _said(memory: Memory) -> str:
    """All that a memory says anywhere, on lines of its own."""
    origin = memory.provenance
    own = [memory.text, memory.subject, *memory.tags, memory.key, origin.speaker, origin.session, origin.source]
    said = [*own, *memory.namespace, *_words(memory.metadata), *map(_said, memory.parts)]
    return "\n".join(one for one in said if one is not None)


def _words(value: Any) -> Iterator[str]:
    """Every key and value of a JSON object."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from (key, *_words(one))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
    else:
        yield str(value)
