"""Pages and counts of the store in a directory agree with what it selects and reads; so does a search made ready."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.remember import Draft
from memoria.stores.local import LocalStore
from memoria.stores.tallies import Tally, tallied
from memoria.testing import HashEmbedder
from memoria.types import KINDS, Provenance, Where
from tests.clocked import DAY, START, Clock

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
