"""How well standing orders keep values out: talks in which a value is erased and said again, and what is left of it.

The value comes back by every way that stores: as a text, in metadata, as a tag, a subject or the name of a session, by
amending and by superseding. What is left is looked for in what recall and list give, and in the bytes of every file.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from memoria.canonical import canonical
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as opened
from memoria.errors import Forbidden
from memoria.evaluation.quality.erased_talks import HALVES, Half, Line, Talk, talks
from memoria.forget.residue import text_secrets
from memoria.protocols import Progress
from memoria.standing.orders import OnMatch
from memoria.standing.redacting import ERASED
from memoria.testing import HashEmbedder
from memoria.text.values.folding import listed
from memoria.types import Memory

_TELLING, _IN_A_STORE = 8, 20
_WORD = re.compile(r"[^\W_]+")
_PLAIN = "Noted."


@dataclass(slots=True, kw_only=True)
class Counted:
    """What came of the talks of one half.

    Attributes:
        talks: how many.
        said: lines that say the value again.
        refused: how many of them were not stored.
        redacted: how many were stored without it.
        in_recall: how many values recall still gives.
        in_list: how many values list still gives.
        in_files: how many lines stand in a byte of a file.
        others: lines with other values, or none.
        wrong: how many of these were refused, changed, or forgotten with the value.
        missed: where a value came in: kind and way of writing, with counts.
        mistaken: kinds of values whose order refused another line, with counts.
    """

    talks: int = 0
    said: int = 0
    refused: int = 0
    redacted: int = 0
    in_recall: int = 0
    in_list: int = 0
    in_files: int = 0
    others: int = 0
    wrong: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    mistaken: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What orders cost a `remember`.

    Attributes:
        orders: how many there were.
        none: median milliseconds of one `remember` without orders.
        some: the same with them.
    """

    orders: int
    none: float
    some: float

    @property
    def ratio(self) -> float:
        """With orders to without."""
        return self.some / self.none


def measure(count: int, *, seed: int = 7, progress: Progress | None = None) -> dict[Half, Counted]:
    """Plays talks, one namespace each and so many in a store on disk, sleeps, and looks for what is left.

    Args:
        count: talks; half of them of each half.
        seed: of the talks.
        progress: called with (what, done, total).

    Returns:
        The counts of each half.
    """
    found = {half: Counted() for half in HALVES}
    made = talks(count, seed=seed)
    for at in range(0, count, _IN_A_STORE):
        # Every kind of value is in each store: one store refuses, the next redacts.
        _store(made[at : at + _IN_A_STORE], found, "redact" if at // _IN_A_STORE % 2 else "refuse")
        if progress is not None:
            progress("talks", min(at + _IN_A_STORE, count), count)
    return found


def _store(some: Sequence[Talk], found: dict[Half, Counted], on_match: OnMatch) -> None:
    """Plays talks in a store of their own."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "s", embedder=HashEmbedder()) as memory:
        played = []
        for at, talk in enumerate(some):
            played.append(_Played(memory.namespace(f"talk {at}"), talk, found[talk.half], on_match))
            played[-1].play()
        memory.sleep()
        for one in played:
            one.look()
        _scan(memory, some, found)


def cost(orders: int = 100, times: int = 200) -> Cost:
    """Measures what orders cost a `remember`, in two stores in turn.

    Args:
        orders: how many stand in one of them; the other has none.
        times: memories in each.

    Returns:
        The medians.
    """
    given = [talk.order for talk in talks(2 * orders, seed=11)][:orders]
    taken: tuple[list[float], list[float]] = ([], [])
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder) / "a", embedder=HashEmbedder()) as plain,
        opened(Path(folder) / "b", embedder=HashEmbedder()) as kept,
    ):
        for order in given:
            kept.forget(mentions=order, standing=True)
        for at in range(times):
            text = f"On day {at} of the trip we saw {at + 3} boats, walked along the river and had soup with bread."
            for memory, into in ((plain, taken[0]), (kept, taken[1])):
                began = time.perf_counter()
                memory.remember(text)
                into.append((time.perf_counter() - began) * 1000)
    return Cost(orders=orders, none=median(taken[0]), some=median(taken[1]))


class _Played:
    """One talk in one namespace."""

    def __init__(self, view: Memoria, talk: Talk, counted: Counted, on_match: OnMatch) -> None:
        self.view, self.talk, self.counted, self.on_match = view, talk, counted, on_match
        self.stored: dict[str, Line] = {}
        self.queries: list[str] = []

    def play(self) -> None:
        """Says everything: some before the order, the rest after it."""
        early, late = self.talk.others[:1], self.talk.others[1:]
        before = [self.view.remember(line.text).id for line in self.talk.before]
        there = {self.view.remember(line.text).id: line for line in early}
        self.view.forget(mentions=self.talk.order, standing=True, on_match=self.on_match)
        left = {one.id: one for one in self.view.list()}
        self.stored |= {id: line for id, line in zip(before, self.talk.before, strict=True) if id in left}
        self._others(line for id, line in there.items() if id in left)
        self._mistake(sum(id not in left for id in there))
        for at, line in enumerate(self.talk.after):
            self._again(at, line)
        for line in late:
            self._other(line)
        self.counted.talks += 1
        self.counted.others += len(self.talk.others)
        self.queries = [self.talk.order, *(line.text for line in (*self.talk.after[:2], *self.talk.before[:1]))]

    def _others(self, lines: Iterable[Line]) -> None:
        self._mistake(sum(ERASED in line.text for line in lines))

    def _mistake(self, count: int) -> None:
        if count:
            self.counted.wrong += count
            _more(self.counted.mistaken, self.talk.kind, count)

    def _again(self, at: int, line: Line) -> None:
        self.counted.said += 1
        try:
            memory = WAYS[at % len(WAYS)](self.view, line)
        except Forbidden:
            self.counted.refused += 1
            return
        self.stored[memory.id] = line
        if not _holds(memory, line):
            self.counted.redacted += 1

    def _other(self, line: Line) -> None:
        try:
            memory = self.view.remember(line.text)
        except Forbidden:
            self._mistake(1)
            return
        self._mistake(memory.text != line.text)

    def look(self) -> None:
        """Counts what of the value is left."""
        dirty = set()
        for memory in _all(self.view.list()):
            line = self.stored.get(memory.id)
            if line is not None and _holds(memory, line):
                dirty.add(memory.id)
                _more(self.counted.missed, f"{self.talk.kind}: {line.way}", 1)
        self.counted.in_list += len(dirty)
        given = {hit.memory.id: hit.memory for query in self.queries for hit in self.view.recall(query, k=10)}
        self.counted.in_recall += len({one.id for one in _all(given.values())} & dirty)


def _more(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count


def _all(memories: Iterable[Memory]) -> Iterator[Memory]:
    """Memories, and the parts of those that are gists."""
    for memory in memories:
        yield from memory.parts or (memory,)


def _holds(memory: Memory, line: Line) -> bool:
    """Whether a memory still holds the value of its line, or any piece of it that is not of the line itself."""
    origin = memory.provenance
    names = (memory.subject, *memory.tags, memory.key, origin.session, origin.speaker)
    said = canonical("\n".join([memory.text, *(one for one in names if one), json.dumps(dict(memory.metadata))]))
    said = said.replace(ERASED, " ")
    if canonical(line.written) in said:
        return True
    own = set(_WORD.findall(canonical(line.frame))) | set(_WORD.findall(canonical(_PLAIN))) | _FRAME
    pieces = [one for one in _WORD.findall(canonical(line.written)) if one not in own and len(one) > 1]
    return any(re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", said) for one in pieces if one not in _AROUND)


# What ways of writing put around a value, and the names under which lines are kept here.
_AROUND = listed("dr no of the on in house code tel mailto s m euros euro eur de \u6211\u770b\u89c1 \u5148\u751f")
_FRAME = frozenset({"said", "by", "note", "deep", "list"})


def _scan(memory: Memoria, made: Sequence[Talk], found: dict[Half, Counted]) -> None:
    """Looks for every line in every byte of every file; a line that was stored is sealed, and stands in none."""
    lines = {line.text: talk.half for talk in made for line in (*talk.before, *talk.after)}
    needles = {secret.data: half for text, half in lines.items() for secret in text_secrets(text)}
    telling = [data for data in needles if len(data) >= _TELLING]
    for path in memory.store.files():
        data = path.read_bytes() if path.is_file() else b""
        for needle in telling:
            found[needles[needle]].in_files += needle in data


# -- the ways that store --


def _text(view: Memoria, line: Line) -> Memory:
    return view.remember(line.text)


def _batch(view: Memoria, line: Line) -> Memory:
    return view.remember_many([line.text])[0]


def _metadata(view: Memoria, line: Line) -> Memory:
    return view.remember(_PLAIN, metadata={"note": {"deep": ["list", line.text]}})


def _named(view: Memoria, line: Line) -> Memory:
    name = " ".join(line.written.split())
    return view.remember(_PLAIN, tags=[name], subject=name)


def _amended(view: Memoria, line: Line) -> Memory:
    first = view.remember(f"{_PLAIN} {len(view)}")
    return view.amend(first.id, text=line.text)


def _superseded(view: Memoria, line: Line) -> Memory:
    first = view.remember(f"{_PLAIN} {len(view)}")
    return view.supersede(first.id, line.text)


WAYS: tuple[Callable[[Memoria, Line], Memory], ...] = (_text, _batch, _metadata, _named, _amended, _superseded)
"""The ways by which a line comes in, in turn."""
