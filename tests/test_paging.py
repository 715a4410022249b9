"""Pages and counts of the store in a directory agree with what it selects and reads; so does a search made ready."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.remember import Draft
from memoria.service import pool
from memoria.service.tokens import Caller
from memoria.stores.local import LocalStore, index, space
from memoria.stores.tallies import Tally, tallied
from memoria.testing import HashEmbedder
from memoria.types import KINDS, Provenance, Where
from tests.clocked import DAY, START, Clock
from tests.waiting import PATIENCE

SUBJECTS = ("Ada", "ADA", "Bob", None, "Zoë")


def drafts(draw: random.Random, count: int) -> list[Draft]:
    return [
        Draft(
            text=f"thing {n} {draw.random()}",
            subject=draw.choice(SUBJECTS),
            kind=draw.choice(KINDS),
            tags=tuple(draw.sample(["red", "green", "blue"], draw.randrange(3))),
            # Many of one moment: their order is that of ids.
            created_at=START + timedelta(hours=draw.randrange(60)),
            expires_at=START + 100 * DAY if draw.random() < 0.1 else None,
            provenance=Provenance(speaker=draw.choice(["Eve", None]), session=f"s{draw.randrange(4)}"),
        )
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[memoria.Memoria]:
    """Three namespaces with all that may be left out of a count: due, restricted, archived, forgotten, gists."""
    draw, clock = random.Random(1), Clock()
    path = tmp_path_factory.mktemp("paging") / "a.memoria"
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock, judge=None) as made:
        homes = [made.namespace("a"), made.namespace("a", "b"), made.namespace("c")]
        for home in homes:
            home.remember_many(drafts(draw, 80))
        first = [one for one in homes[0].list(kinds=("episodic",)) if one.namespace == ("a",)]
        homes[0].consolidate(*first[:3])
        homes[0].consolidate(*first[3:5])
        made.archive(*[one.id for one in homes[1].list()[::7]])
        made.pin(*[one.id for one in homes[2].list()[:3]])
        homes[2].remember("Gil is here", subject="Gil")
        homes[2].restrict("Gil", reason="asked")
        made.forget(*[one.id for one in homes[1].list()[1::9]])
        made.forget(homes[2].list()[40].id)
        clock.now = START + 101 * DAY
        yield made


FILTERS: list[dict[str, Any]] = [
    {},
    {"namespace": ("a",)},
    {"namespace": ("c",)},
    {"namespace": ("nowhere",)},
    {"subject": "ada"},
    {"speaker": "Eve", "tags": ("red",)},
    {"session": "s1", "kinds": ("semantic",)},
    {"kinds": ("episodic", "procedural")},
    {"since": START + DAY, "until": START + 2 * DAY},
    {"archived": False},
    {"archived": True},
    {"archived": True, "subject": "Bob"},
    {"subject": "Gil"},
]


def where(memory: memoria.Memoria, asked: dict[str, Any]) -> Where:
    return replace(Where(restricted=False, kept_at=memory.now()), **asked)


def local(memory: memoria.Memoria) -> LocalStore:
    store: Any = memory.store
    assert isinstance(store, LocalStore)
    return store


@pytest.mark.parametrize("asked", FILTERS, ids=str)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_together_are_what_is_selected(memory: memoria.Memoria, asked: dict[str, Any], size: int) -> None:
    chosen = where(memory, asked)
    whole = memory.store.select(chosen)
    for oldest in (True, False):
        found: list[str] = []
        while page := local(memory).page(chosen, size, found[-1] if found else None, oldest=oldest):
            assert len(page) <= size
            found += page
        assert found == (whole if oldest else whole[::-1])


@pytest.mark.parametrize("asked", FILTERS, ids=str)
def test_a_number_is_that_of_what_is_selected(memory: memoria.Memoria, asked: dict[str, Any]) -> None:
    chosen = where(memory, asked)
    assert local(memory).number(chosen) == len(memory.store.select(chosen))
    assert local(memory).number(replace(chosen, kept_at=None)) == len(
        memory.store.select(replace(chosen, kept_at=None))
    )
    both = replace(chosen, restricted=None)
    assert local(memory).number(both) == len(memory.store.select(both))


@pytest.mark.parametrize("namespace", [(), ("a",), ("c",), ("nowhere",)])
def test_a_tally_is_that_of_what_is_read(memory: memoria.Memoria, namespace: tuple[str, ...]) -> None:
    chosen = where(memory, {"namespace": namespace})
    read = [one.memory for one in memory.store.read(memory.store.select(chosen)) if one is not None]
    mine, theirs = local(memory).tally(chosen), tallied(read)
    assert shaped(mine) == shaped(theirs)
    if not namespace:
        assert mine.memories > 200
        assert "Gil" not in mine.subject
        assert mine.subject["Zoë"] > 10


def shaped(found: Tally) -> dict[str, Any]:
    """Without names of which none is left; of a subject that is written in two ways as often, either may be shown."""
    named = {name: {one: n for one, n in getattr(found, name).items() if n} for name in Tally.__slots__[1:]}
    named["subject"] = {one.casefold(): n for one, n in named["subject"].items()}
    return {**named, "memories": found.memories}


def test_flags(memory: memoria.Memoria) -> None:
    everything = where(memory, {})
    pinned = local(memory).flagged(everything, "pinned")
    assert pinned == sorted(pinned, reverse=True)
    assert len(pinned) == 3
    assert local(memory).flagged(where(memory, {"namespace": ("a",)}), "pinned") == []
    assert local(memory).flagged(everything, "held") == []


def test_a_reader_of_another_process_counts_what_is_there(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None) as writer:
        ids = [one.id for one in writer.remember_many(["one thing", "two things", "three things"])]
        with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None, mode="r") as other:
            writer.forget(ids[1])
            chosen = where(other, {})
            assert local(other).number(chosen) == 2
            assert local(other).page(chosen, 5) == [ids[2], ids[0]]


def test_what_is_made_ready_in_turns_is_what_a_search_makes(tmp_path: Path) -> None:
    """Also where memories are stored and forgotten between the turns."""
    draw = random.Random(2)
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None, reinforce="never") as memory:
        home = memory.namespace("x")
        ids = [one.id for one in home.remember_many(drafts(draw, 50))]
        turns = 0
        while local(memory).warm((), 20):
            turns += 1
            if turns == 2:
                home.remember("a quite late zebra")
                home.forget(ids[30], ids[5])
        assert turns >= 4
        assert not local(memory).warm((), 20)
        home.remember("another zebra")
        found = {
            q: [(h.memory.id, h.score) for h in memory.recall(q, k=20)] for q in ("late zebra", "thing 7", "thing 49")
        }
        assert memory.recall("late zebra", k=1)[0].memory.text == "a quite late zebra"
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None, reinforce="never") as fresh:
        assert {q: [h.memory.id for h in fresh.recall(q, k=20)] for q in found} == {
            q: [id for id, _ in some] for q, some in found.items()
        }


def test_searching_archived_ones_too_leaves_out_what_is_restricted(memory: memoria.Memoria) -> None:
    view = memory.reinforcing("never")
    hits = view.recall("Gil is here", k=100, include=("archived", "expired"))
    assert "Gil is here" not in [hit.memory.text for hit in hits]
    archived = set(local(memory).page(where(memory, {"archived": True}), 1000))
    assert archived & {hit.home for hit in hits}


def test_a_tally_is_kept_until_anything_changes(tmp_path: Path) -> None:
    """And no name of it stays in RAM once what had it is forgotten."""
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None) as memory:
        home = memory.namespace("x")
        made = home.remember_many([Draft(text=f"thing {n}", subject="Ada" if n else "Bob") for n in range(5)])
        chosen = where(memory, {"kept_at": None})
        first = list(local(memory).tallies(chosen))
        again = list(local(memory).tallies(chosen))
        assert len(first) > 3
        assert again == first[-1:]
        assert again[0] is not None
        again[0].subject["nobody"] = 1
        assert local(memory).tally(chosen) == first[-1]
        home.forget(made[0].id)
        assert len(local(memory)._tallied) == 0
        assert dict(local(memory).tally(chosen).subject) == {"Ada": 4}
        assert dict(local(memory).tally(where(memory, {"namespace": ("y",), "kept_at": None})).subject) == {}


def test_a_tally_between_whose_turns_something_changes_is_not_kept(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None) as memory:
        made = memory.remember_many([Draft(text=f"thing {n}", subject=f"Ada {n}") for n in range(5)])
        chosen = where(memory, {"kept_at": None})
        steps = local(memory).tallies(chosen)
        assert next(steps) is None
        memory.forget(made[0].id)
        assert list(steps)[-1] is not None
        assert len(local(memory)._tallied) == 0
        assert "Ada 0" not in local(memory).tally(chosen).subject


def test_namespaces_that_go_between_the_turns_of_a_count_count_nothing(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None) as memory:
        for name in ("a", "b", "c"):
            memory.namespace(name).remember_many(["one", "two"])
        steps = local(memory).numbers(where(memory, {}))
        assert next(steps) == 2
        for name in ("a", "b", "c"):
            memory.namespace(name).forget(namespace=())
        assert sum(steps) == 0


@pytest.mark.parametrize("large", [False, True], ids=["flat", "rabitq"])
@pytest.mark.parametrize("change", ["nothing", "remember", "forget", "archive", "restore"])
def test_an_index_that_is_made_in_parts_is_the_one_that_is_made_at_once(
    change: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (index, space):
        monkeypatch.setattr(module, "FLAT_LIMIT", 4 if large else 1000)
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16), judge=None) as memory:
        ids = [one.id for one in memory.remember_many([f"thing {n}" for n in range(40)])]
        memory.archive(ids[3])
        (made,) = local(memory)._under(())
        made.index = None
        assert made.prepare(15)
        assert made.begun is not None
        changes: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "remember": lambda: memory.remember("one more"),
            "forget": lambda: memory.forget(ids[0], ids[39]),
            "archive": lambda: memory.archive(ids[1], ids[38]),
            "restore": lambda: memory.restore(ids[3]),
        }
        changes[change]()
        while made.prepare(15):
            pass
        assert made.begun is None
        parts, back = made.load(), made.back.tolist()
        made.index = None
        assert made.load().state() == parts.state()
        assert back == []


def test_a_request_comes_between_the_turns_of_a_long_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "TURN", 0.0)
    caller, order = Caller(digest="a", namespace=("a",)), list[object]()
    reached, go = threading.Event(), threading.Event()

    def count(view: memoria.Memoria) -> Iterator[int]:
        for n in range(5):
            if n == 0:
                reached.set()
                go.wait(PATIENCE)
            order.append(n)
            yield n

    async def run() -> list[int]:
        served = pool.Pool(memoria.open(tmp_path / "s", embedder=HashEmbedder(16), judge=None))
        long = asyncio.ensure_future(served.turns(caller, count))
        await asyncio.to_thread(reached.wait, PATIENCE)
        search = asyncio.ensure_future(served.read(caller, lambda view: order.append("search")))
        await asyncio.sleep(0)
        go.set()
        await search
        found = await long
        served.close()
        return found

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
    assert order.index("search") <= 1
