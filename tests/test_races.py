"""Two at once: what was acknowledged is there, and what may be there once is there once.

`MEMORIA_RACES` sets how often each pair is let go.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import memoria
from memoria.forget.prune import prune
from memoria.retention.prune import Pruning, faded
from memoria.testing import HashEmbedder
from memoria.types import Budget
from tests.waiting import PATIENCE

ROUNDS = int(os.environ.get("MEMORIA_RACES", "60"))
EMBEDDER = HashEmbedder(16)
Pair = tuple[memoria.Memoria, memoria.Memoria]


@pytest.fixture(params=["memory", "local", "postgres", "two connections"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Two handles: one and the same, or, of a store in PostgreSQL, also two as in two processes."""
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with ExitStack() as stack:
        url = place or request.getfixturevalue("database")
        one = stack.enter_context(memoria.open(url, embedder=EMBEDDER))
        two = request.param == "two connections"
        yield one, stack.enter_context(memoria.open(url, embedder=EMBEDDER)) if two else one


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each came to, a value or an error of ours; all begin at the same time."""
    meet = Barrier(len(acts))
    found: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        meet.wait(PATIENCE)
        try:
            found[place] = acts[place]()
        except memoria.MemoriaError as error:
            found[place] = error

    threads = [Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def test_a_key_remembered_twice_is_one_memory(pair: Pair) -> None:
    one, _ = pair
    for n in range(ROUNDS):
        # Every third time the namespace is new as well.
        home = f"home {n // 3}"
        acts = [partial(memory.namespace(home).remember, f"said {n}", key=f"k{n}") for memory in pair]
        first, second = at_once(*acts)
        assert first == second
        assert one.namespace(home).list(key=f"k{n}") == [first]


def test_a_key_remembered_with_two_texts_holds_one_of_them(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS):
        batches = [[memoria.Draft(text=text, key=f"k{n}"), memoria.Draft(text="beside")] for text in "ab"]
        found = at_once(partial(one.remember_many, batches[0]), partial(two.remember_many, batches[1]))
        (kept,) = one.list(key=f"k{n}")
        assert sorted(isinstance(which, memoria.KeyConflict) for which in found) == [False, True]
        assert [kept] == [which[0] for which in found if isinstance(which, list)]
    assert len(one) == 2 * ROUNDS


def test_two_amendments_of_one_memory_are_both_there(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS):
        id = one.remember(f"a cup of tea {n}").id
        done = at_once(partial(one.amend, id, text=f"new {n}"), partial(two.amend, id, subject="s"))
        assert [which for which in done if not isinstance(which, memoria.Memory)] == []
        found = two.get(id)
        assert (found.text, found.subject) == (f"new {n}", "s")


def test_every_use_counts(pair: Pair) -> None:
    id = pair[0].remember("a cup of tea").id

    def use(memory: memoria.Memoria) -> None:
        memory.reinforce(id)
        memory.trace(id)

    for _ in range(ROUNDS):
        assert at_once(*(partial(use, memory) for memory in pair)) == [None, None]
    assert pair[0].trace(id).retrievals == 2 * ROUNDS


def test_of_two_that_supersede_one_memory_one_is_refused(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS):
        old = one.remember(f"Tea is at {n}.")
        found = at_once(
            partial(one.supersede, old, f"Tea is at {n} sharp."), partial(two.supersede, old, f"Tea is at {n} or so.")
        )
        (new,) = (which for which in found if isinstance(which, memoria.Memory))
        assert sum(isinstance(which, memoria.InvalidQuery) for which in found) == 1
        assert one.history(old) == [one.get(old), new]


def test_one_part_is_in_one_gist(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS // 3):
        a, b, c = (one.remember(f"{n} cups of {what}").id for what in ("tea", "milk", "soup"))
        found = at_once(partial(one.consolidate, a, b), partial(two.consolidate, b, c))
        (made,) = (which for which in found if isinstance(which, memoria.Memory))
        assert [gist for gist in one.list() if b in {part.id for part in gist.parts}] == [made]


def test_what_is_held_in_time_is_not_forgotten_and_the_ledger_says_so(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS // 3):
        id = one.remember(f"a deed {n}").id
        held, forgotten = at_once(partial(one.hold, id, reason="law"), partial(two.forget, id))
        there = two.list()
        if held is None:
            assert isinstance(forgotten, memoria.Held)
            assert [memory.id for memory in there] == [id]
            assert one.ledger()[-1].ids == (id,)
            two.release(id, reason="over")
            two.forget(id)
        else:
            assert isinstance(held, memoria.MemoryNotFound)
            assert there == []


def test_what_is_forgotten_while_it_is_pruned_raises_nothing(pair: Pair) -> None:
    one, two = pair
    for n in range(ROUNDS // 3):
        ids = [one.remember(f"fact {n} {m}").id for m in range(3)]
        pruned, forgotten = at_once(
            partial(one.prune, budget=Budget(count=0)), partial(two.forget, ids[0], guard="none")
        )
        assert isinstance(pruned, Pruning)
        assert isinstance(forgotten, memoria.Receipt | memoria.MemoryNotFound)
        assert len(two) == 0


def test_what_was_restored_since_it_was_looked_for_is_not_pruned() -> None:
    """The two halves of a prune, one after the other, and a use in between."""
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        used, unused, gone = (memory.remember(f"fact {n}").id for n in range(3))
        memory.archive(used, unused, gone)
        when = memory.now() + timedelta(days=300)
        found = faded(memory.store, memory.policy, (), when, 1.0)
        memory.restore(used)
        memory.forget(gone)
        assert prune(memory._records, found, 9, when, archived=True).ids == (unused,)


@pytest.mark.parametrize("which", ["local", "postgres"])
def test_a_key_that_two_memories_shared_before_is_shared_on(
    which: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of an older format may hold such a key twice: neither memory is locked up, and no third comes."""
    place = str(tmp_path / "a.memoria") if which == "local" else request.getfixturevalue("database")
    with memoria.open(place, embedder=EMBEDDER) as memory:
        made = [memory.remember(text) for text in ("one", "two")]
        with monkeypatch.context() as patched:
            # As an older memoria wrote: it neither looked nor marked.
            patched.setattr("memoria.stores.local.writing.claim", lambda *arguments: set())
            patched.setattr("memoria.stores.postgres.claiming.Claiming._claim", lambda *arguments: set())
            for one in made:
                (record,) = memory.store.read([one.id])
                assert record is not None
                memory.store.replace(replace(record, memory=replace(record.memory, key="k")))
        assert len(memory.list(key="k")) == 2
        for one in made:
            assert memory.amend(one, subject="s").key == "k"
        with pytest.raises(memoria.KeyConflict):
            memory.remember("three", key="k")
        memory.forget(made[0])
        assert memory.amend(made[1], text="four").key == "k"
        assert memory.remember("four", key="k").id == made[1].id
        memory.forget(made[1])
        assert memory.remember("five", key="k").text == "five"
        assert memory.doctor() == []


@pytest.mark.parametrize("step", ["_keys_of", "_space"])
def test_a_reader_finds_what_is_replaced_while_it_reads(
    step: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look-up of its place and that of its data key, or of its row, a memory moves to another place."""
    with memoria.open(database, embedder=EMBEDDER) as one, memoria.open(database, embedder=EMBEDDER) as two:
        id = one.remember("a cup of tea").id
        one.get(id)
        look, turns = getattr(one.store, step), iter((0, 1))

        def slowly(*arguments: Any) -> Any:
            if next(turns, None) is not None:
                two.amend(id, salience=0.9)
            return look(*arguments)

        monkeypatch.setattr(one.store, step, slowly)
        assert one.get(id).text == "a cup of tea"
        assert one.trace(id).salience == 0.9


def test_two_processes_lose_nothing(database: str) -> None:
    with memoria.open(database, embedder=EMBEDDER) as memory:
        ids = [memory.remember(f"a cup of tea {n}").id for n in range(ROUNDS)]
        command = [sys.executable, "-m", "tests.race_worker", database, str(ROUNDS)]
        folder = Path(__file__).parents[1]
        workers = [
            subprocess.Popen([*command, which, *ids], cwd=folder, stdout=subprocess.PIPE) for which in ("a", "b")
        ]
        said = [worker.communicate(timeout=600)[0].decode().split() for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0]
        assert len(said[0]) == ROUNDS
        assert said[0] == said[1]
        assert [one.id for one in memory.list() if one.key is not None] == sorted(said[0])
        found = [memory.get(id) for id in ids]
        assert [one.text for one in found] == [f"new {n}" for n in range(ROUNDS)]
        assert [one.subject for one in found] == [f"s{n}" for n in range(ROUNDS)]
        assert memory.doctor() == []
