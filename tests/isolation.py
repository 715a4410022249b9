"""Isolation: whatever a reader does to a store, it gets what it would get where all that it does not see never was.

`python -m tests.isolation --policies 1000` draws so many policies, each with people, roles, namespaces and memories of
its own, and does verbs at random on two stores: one with everything, and one with only what the reader sees. Results,
scores, errors with their texts and what is there afterwards have to be equal.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import memoria
from memoria import Draft, InvalidQuery, Link, Memoria, MemoriaError, Memory, Provenance, Record
from memoria.change.sleep import Sleeper
from memoria.models import as_model
from memoria.protocols import Change, Store
from memoria.testing import HashEmbedder
from memoria.types import Budget, LedgerEntry, Where

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMBEDDER = HashEmbedder(32)
PEOPLE = ("ada", "bob", "eve", "kim")
ROLES = ("team:ops", "team:law", "board")
SPACES = (("app",), ("app", "x"), ("app", "x", "y"), ("b",))
SUBJECTS = ("gate", "Ann", "budget", None)
THINGS = ("gate code", "meeting with Ann", "budget of the club", "train to Oslo", "colour of the door", "pager of ops")
SAYS = ("The {thing} is {n} now", "I heard that the {thing} was {n}", "No longer {n}: the {thing} moved to {m}")
QUESTIONS = ("what is the gate code", "when do I meet Ann", "how much is the budget", "which pager has ops")
Verb = Callable[[Memoria, "Drawn"], Any]


class Counting:
    """Ids in the order of asking, so that two stores give the same ones."""

    def __init__(self) -> None:
        self._n = 0

    def new(self, created_at: datetime) -> str:
        self._n += 1
        micros = (created_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        millis, rest = divmod(micros, 1000)
        return f"{(millis << 80) | (7 << 76) | (rest << 66) | (2 << 62) | self._n:032x}"


@dataclass
class Drawn:
    """What a verb draws its arguments from; equal for both stores."""

    rng: random.Random
    ids: Sequence[str]
    names: Sequence[str]
    texts: Sequence[str]

    def id(self) -> str:
        return self.rng.choice(self.ids)

    def some(self) -> list[str]:
        return self.rng.sample(list(self.ids), min(len(self.ids), self.rng.randint(1, 3)))

    def text(self) -> str:
        if self.rng.random() < 0.4:
            return self.rng.choice(self.texts)
        return said(self.rng)

    def audience(self) -> list[str] | None:
        return self.rng.choice([None, [self.rng.choice(self.names)], self.rng.sample(list(self.names), 2), []])

    def draft(self) -> Draft:
        derived = tuple(self.some()) if self.rng.random() < 0.2 else ()
        return Draft(
            text=self.text(),
            subject=self.rng.choice(SUBJECTS),
            key=self.rng.choice([None, None, "k1", "k2", "k3"]),
            visible_to=self.audience(),
            provenance=Provenance(derived_from=derived),
        )

    def filters(self) -> dict[str, Any]:
        chosen: list[dict[str, Any]] = [
            {},
            {"subject": self.rng.choice(SUBJECTS[:3])},
            {"tags": [self.rng.choice("uvw")]},
            {"key": self.rng.choice(["k1", "k2"])},
            {"speaker": "ann"},
            {"kinds": ["semantic"]},
            {"until": START + 12 * HOUR},
        ]
        return self.rng.choice(chosen)


def said(rng: random.Random) -> str:
    return rng.choice(SAYS).format(thing=rng.choice(THINGS), n=rng.randint(10, 40), m=rng.randint(10, 40))


@dataclass
class World:
    """A store with everything, and what of it was forgotten."""

    memory: Memoria
    people: Mapping[str, frozenset[str]]
    forgotten: list[Record] = field(default_factory=list)

    def names(self, reader: str) -> frozenset[str]:
        return self.people[reader] | {reader}

    def sees(self, reader: str, memory: Memory) -> bool:
        return memory.visible_to is None or not self.names(reader).isdisjoint(memory.visible_to)


def opened(store: Store, people: Mapping[str, frozenset[str]], at: list[datetime]) -> Memoria:
    made = Memoria(store, EMBEDDER, clock=lambda: at[0], judge=None, roles=lambda reader: people.get(reader, ()))
    made._ids = Counting()  # type: ignore[assignment]
    return made


def drawn_world(rng: random.Random, store: Store, at: list[datetime]) -> World:
    """A store as people make one: said, superseded, gathered, ended, held, forgotten and recalled."""
    people = {one: frozenset(rng.sample(ROLES, rng.randint(0, 2))) for one in PEOPLE}
    world = World(opened(store, people, at), people)
    draw = Drawn(rng, (), (*PEOPLE, *ROLES), [said(rng) for _ in range(4)])
    for _ in range(rng.randint(8, 22)):
        at[0] += HOUR
        with suppress(MemoriaError):
            _remember(draw, world.memory.namespace(*rng.choice(SPACES)))
    for _ in range(rng.randint(3, 9)):
        at[0] += HOUR
        # What is against a rule is left.
        with suppress(MemoriaError):
            _change(draw, world, at[0])
    world.memory._traces.flush()
    return world


def _remember(draw: Drawn, view: Memoria) -> None:
    rng = draw.rng
    ids = [one.id for one in view.list()]
    sources = tuple(rng.sample(ids, 1)) if ids and rng.random() < 0.15 else ()
    view.remember(
        draw.text(),
        subject=rng.choice(SUBJECTS),
        key=rng.choice([None, None, None, "k1", "k2"]),
        tags=rng.sample("uvw", rng.randint(0, 2)),
        visible_to=draw.audience(),
        salience=rng.random(),
        provenance=Provenance(speaker=rng.choice([None, "ann"]), session="s", derived_from=sources),
    )


def _change(draw: Drawn, world: World, at: datetime) -> None:
    """Something that people do to memories that are there."""
    rng, memory = draw.rng, world.memory
    every = memory.list()
    one, other = rng.sample(every, 2) if len(every) > 1 else (every * 2)[:2]
    new = Draft(text=said(rng), visible_to=draw.audience())
    acts: list[Callable[[], Any]] = [
        lambda: memory.namespace(*one.namespace).supersede(one, new, at=at),
        lambda: memory.namespace(*other.namespace).supersede(other, new, at=at),
        lambda: memory.amend(one, visible_to=draw.audience()),
        lambda: memory.expire(one),
        lambda: memory.archive(one),
        lambda: memory.hold(one, reason="law"),
        lambda: memory.pin(one),
        lambda: memory.recall(rng.choice(QUESTIONS)),
        lambda: memory.reconcile(detector="rules", endings="sure"),
        lambda: memory.consolidate(*_alike(rng, every)),
        lambda: _doubt(memory.store, one, other),
        lambda: _forget(world, one),
        lambda: _forget(world, other),
    ]
    rng.choice(acts)()


def _alike(rng: random.Random, every: Sequence[Memory]) -> list[Memory]:
    one = rng.choice(every)
    return [other for other in every if (other.namespace, other.visible_to) == (one.namespace, one.visible_to)][:3]


def _doubt(store: Store, one: Memory, other: Memory) -> None:
    if (one.namespace, one.visible_to) == (other.namespace, other.visible_to):
        link = Link(parent=one.id, child=other.id, relation="doubts", weight=1.5, judge="test")
        store.revise(Change(links=(link,)))


def _forget(world: World, one: Memory) -> None:
    ids = [gone.id for gone in world.memory.forget(one, dry_run=True)]
    records = [record for record in world.memory.store.read(ids) if record is not None]
    world.memory.forget(one)
    world.forgotten += records


def only_seen(world: World, reader: str, store: Store, at: list[datetime]) -> Memoria:
    """A store to which nothing came but what this reader sees, as it is now."""
    whole = world.memory.store
    every = [one for one in whole.read(whole.select(Where())) if one is not None]
    seen = [one for one in every if world.sees(reader, one.memory)]
    ids = {part.id for one in seen for part in (one.memory, *one.memory.parts)}
    links = [one for one in whole.links(sorted(ids)) if ids >= {one.parent, one.child} and one.relation != "derived"]
    gone = [one for one in world.forgotten if world.sees(reader, one.memory)]
    for record in gone:
        store.write([record])
        store.erase([record.memory.id], over_holds=True)
    store.revise(Change(add=tuple(seen), links=tuple(links)))
    store.retrace({}, [one for one in whole.recalls(()) if one.id in ids])
    for entry in whole.ledger():
        if ids.issuperset(entry.ids):
            store.enter(LedgerEntry(at=entry.at, action=entry.action, ids=entry.ids, reason=entry.reason))
    for name, value in whole.notes().items():
        store.write_note(name, value)
    made = opened(store, world.people, at)
    made._ids._n = world.memory._ids._n  # type: ignore[attr-defined]
    return made


def _learnt(view: Memoria, draw: Drawn) -> Any:
    model = as_model(lambda prompt: "[]")
    lesson = view.learn([draw.text(), said(draw.rng)], model=model)
    return [one.text for one in lesson.messages], len(lesson.learned), len(lesson.dropped)


VERBS: Mapping[str, Verb] = {
    "remember": lambda view, draw: view.remember_many([draw.draft()], readmit=draw.rng.random() < 0.1),
    "remember_many": lambda view, draw: view.remember_many([draw.draft(), draw.draft()]),
    "learn": _learnt,
    "recall": lambda view, draw: view.recall(draw.rng.choice(QUESTIONS), k=draw.rng.randint(1, 6), **draw.filters()),
    "recall_many": lambda view, draw: view.recall_many(list(QUESTIONS[:2]), include=["expired", "archived"]),
    "get": lambda view, draw: view.get(draw.id()),
    "list": lambda view, draw: (page := view.list(limit=3, **draw.filters()), page.left, page.after),
    "trace": lambda view, draw: view.trace(draw.id()),
    "explain_retention": lambda view, draw: view.explain_retention(draw.id()),
    "namespaces": lambda view, draw: view.namespaces(),
    "stats": lambda view, draw: _stats(view),
    "history": lambda view, draw: view.history(draw.id()),
    "lineage": lambda view, draw: (found := view.lineage(draw.id())).text() and (found.links, found.memories),
    "doubts": lambda view, draw: view.doubts(*(draw.some() if draw.rng.random() < 0.5 else ())),
    "ledger": lambda view, draw: view.ledger(),
    "amend": lambda view, draw: view.amend(draw.id(), text=draw.text()),
    "forget": lambda view, draw: _forgotten(view, draw),
    "supersede": lambda view, draw: view.supersede(draw.some(), draw.draft()),
    "expire": lambda view, draw: view.expire(*draw.some()),
    "settle": lambda view, draw: view.settle(draw.id(), keep=draw.rng.random() < 0.5),
    "reconcile": lambda view, draw: _reconciled(view, draw),
    "consolidate": lambda view, draw: view.consolidate(*draw.some()),
    "fade": lambda view, draw: view.fade(START + timedelta(days=draw.rng.randint(1, 400))),
    "prune": lambda view, draw: view.prune(below=0.5, at=START + timedelta(days=300)).ids,
    "evict": lambda view, draw: view.evict(Budget(count=4)),
    "archive": lambda view, draw: view.archive(*draw.some()),
    "restore": lambda view, draw: view.restore(*draw.some()),
    "pin": lambda view, draw: view.pin(*draw.some()),
    "unpin": lambda view, draw: view.unpin(*draw.some()),
    "hold": lambda view, draw: view.hold(*draw.some(), reason="asked"),
    "release": lambda view, draw: view.release(*draw.some(), reason="asked"),
    "reinforce": lambda view, draw: view.reinforce(*draw.some()),
}
"""Every verb that a reader has, with arguments drawn for it."""


def _stats(view: Memoria) -> Any:
    found = view.stats()
    return found.memories, found.namespaces, found.erased, found.bytes_on_disk


def _reconciled(view: Memoria, draw: Drawn) -> Any:
    settled = view.reconcile(detector="rules", endings="sure", dry_run=draw.rng.random() < 0.3)
    return tuple(settled), settled.skipped, settled.unconfirmed


def _forgotten(view: Memoria, draw: Drawn) -> Any:
    how = draw.rng.choice(["ids", "filters", "mentions", "all", "dry"])
    if how == "ids":
        return view.forget(*draw.some(), guard=draw.rng.choice(["exact", "near", "none"]))
    if how == "mentions":
        return view.forget(mentions="Ann")
    if how == "all":
        return view.forget(namespace=draw.rng.choice([(), ("x",)]))
    found = view.forget(**draw.filters(), dry_run=True)
    return (found, found.rewritten, found.near) if how == "dry" else view.forget(**draw.filters())


def plain(value: Any) -> Any:
    """A result as plain values that compare: floats to five digits, without the time that it took."""
    if isinstance(value, float):
        return round(value, 5)
    if is_dataclass(value) and not isinstance(value, type):
        left_out = {"seconds", "vector"}
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.name not in left_out}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        more = [value.known] if hasattr(value, "known") else []
        return [plain(one) for one in (*value, *more)]
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    return str(value) if isinstance(value, Sleeper) else value


def answer(act: Callable[[], Any]) -> Any:
    """What a call gives: its result, or its error by type and text."""
    try:
        return plain(act())
    except MemoriaError as error:
        return type(error).__name__, str(error)


def state(view: Memoria) -> Any:
    """Everything that is there for a reader, by every way to look at it."""
    view._traces.flush()
    ids = view.store.select(Where())
    return plain(
        {
            "records": [(one.memory, one.trace) for one in view.store.read(ids) if one is not None],
            "links": view.store.links(ids),
            "recalls": view.store.recalls(()),
            "ledger": view.ledger(),
            "hits": view.reinforcing("never").recall_many(list(QUESTIONS), k=20, include=["expired", "archived"]),
            "namespaces": view.namespaces(),
        }
    )


@dataclass
class Leak:
    """A verb that gave away something."""

    seed: int
    reader: str
    verb: str
    mixed: Any
    pure: Any


Stores = Callable[[], Store]


def policy(seed: int, stores: Stores, verbs: Sequence[str], done: Counter[str], steps: int = 6) -> Iterator[Leak]:
    """Draws one policy, and does verbs as one of its people on both stores; gives every difference."""
    rng, at = random.Random(seed), [START]
    world = drawn_world(rng, stores(), at)
    reader = rng.choice(PEOPLE)
    pure_whole = only_seen(world, reader, stores(), at)
    home = rng.choice([(), ("app",), ("app", "x"), ("b",)])
    mixed = world.memory.namespace(*home).reading_as(reader)
    pure = pure_whole.namespace(*home).reading_as(reader)
    ids = [one.id for one in world.memory.list()] + [one.memory.id for one in world.forgotten] + ["0" * 32]
    texts = [one.text for one in world.memory.list()] + [one.memory.text for one in world.forgotten]
    before = state(mixed)
    if before != state(pure):
        yield Leak(seed, reader, "at first", before, state(pure))
    asked = rng.choice(QUESTIONS)
    by_owner = answer(lambda: pure_whole.namespace(*home).reinforcing("never").recall(asked))
    if answer(lambda: mixed.reinforcing("never").recall(asked)) != by_owner:
        yield Leak(seed, reader, "recall beside its owner", None, by_owner)
    for step in range(steps):
        at[0] += HOUR
        verb = verbs[rng.randrange(len(verbs))]
        draw = rng.randrange(1 << 30)
        found = []
        for view in (mixed, pure):
            drawn = Drawn(random.Random(draw), ids, (*PEOPLE, *ROLES), texts)
            found.append((answer(partial(VERBS[verb], view, drawn)), state(view)))
        done[verb] += 1
        if found[0] != found[1]:
            yield Leak(seed, reader, f"{verb} (step {step})", *found)
            return
    yield from _whole(seed, world)


def _whole(seed: int, world: World) -> Iterator[Leak]:
    """Whether the store is sound after all that was done, and nothing hidden shows on what is seen."""
    store = world.memory.store
    problems = [*world.memory.doctor(), *_showing(world)]
    if problems:
        yield Leak(seed, "", "what is there", problems, [])
    assert store.count(()) == len(store.select(Where()))


def _showing(world: World) -> Iterator[str]:
    """Links by which somebody who does not see one end could tell that it is there, from the other."""
    store = world.memory.store
    every = {one.memory.id: one.memory for one in store.read(store.select(Where())) if one is not None}
    known = every | {part.id: part for one in every.values() for part in one.parts}
    for link in store.links(sorted(known)):
        parent, child = known.get(link.parent), known.get(link.child)
        if parent is None or child is None:
            continue
        for person in world.people:
            sees_parent, sees_child = world.sees(person, parent), world.sees(person, child)
            if (sees_child and not sees_parent) if link.relation == "derived" else (sees_parent and not sees_child):
                yield f"{person} sees one end alone of {link.relation}"


def cost(n: int, folder: str) -> Iterator[str]:
    """What a recall costs, in ms: of the owner, of a reader, of a reader after something was written, and in a store
    that has only what the reader sees. Half of n memories are hidden from the reader."""
    rng, words = random.Random(0), [f"word{m}" for m in range(2000)]
    whole = memoria.open(f"{folder}/whole", embedder=EMBEDDER, judge=None, reinforce="never")
    alone = memoria.open(f"{folder}/alone", embedder=EMBEDDER, judge=None, reinforce="never")
    texts = [" ".join(rng.sample(words, 12)) for _ in range(n)]
    drafts = [Draft(text=text, visible_to=["bob"] if m % 2 else None) for m, text in enumerate(texts)]
    whole.remember_many(drafts)
    alone.remember_many([one for one in drafts if one.visible_to is None])
    asked = [" ".join(rng.sample(words, 3)) for _ in range(20)]
    eve = whole.reading_as("eve")
    yield f"{n:,} memories, half of them hidden"
    yield f"owner, all of them: {_median(lambda q: whole.recall(q), asked):.1f}"
    yield f"owner of a store with the other half alone: {_median(lambda q: alone.recall(q), asked):.1f}"
    yield f"reader: {_median(lambda q: eve.recall(q), asked):.1f}"
    yield f"reader, each time after a remember: {_median(lambda q: (whole.remember(q), eve.recall(q)), asked[:5]):.1f}"
    hidden, unknown = whole.list(limit=2)[1].id, "0" * 32
    for name, id in (("an id that is hidden", hidden), ("an id that never was", unknown)):
        yield f"reader, get of {name}: {_median(_asking(eve, id), asked):.2f}"
    whole.close()
    alone.close()


def _asking(reader: Memoria, id: str) -> Callable[[str], object]:
    return lambda _: answer(lambda: reader.get(id))


def _median(act: Callable[[str], Any], asked: Sequence[str]) -> float:
    act(asked[0])
    taken = []
    for one in asked:
        started = time.perf_counter()
        act(one)
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[len(taken) // 2]


def main() -> None:
    """Prints how many policies and calls there were, and each leak."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cost", type=int, metavar="N", help="measures recall of readers among N memories instead")
    given = parser.parse_args()
    if given.cost:
        with TemporaryDirectory() as folder:
            for line in cost(given.cost, folder):
                sys.stdout.write(f"{line}\n")
        return
    from memoria.stores import InMemoryStore

    done: Counter[str] = Counter()
    started, leaks = time.perf_counter(), 0
    for seed in range(given.seed, given.seed + given.policies):
        for leak in policy(seed, lambda: InMemoryStore(EMBEDDER.card), list(VERBS), done):
            leaks += 1
            sys.stdout.write(f"policy {leak.seed}, {leak.reader}: {leak.verb}\n  {leak.mixed}\n  {leak.pure}\n")
    taken = time.perf_counter() - started
    calls = f"{sum(done.values()):,} calls of {len(done)} verbs"
    sys.stdout.write(f"{given.policies:,} policies, {calls}: {leaks} leaks ({taken:.0f} s)\n")
    if leaks:
        raise InvalidQuery(f"{leaks} leaks")


if __name__ == "__main__":
    main()
