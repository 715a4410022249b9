"""Jobs and workers: each job is done by one, by another when that one dies, and nothing is lost by it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest

from memoria.distill.unlearn import folder_of, manifests
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.forget.residue import scan
from memoria.remember import Draft
from memoria.stores.postgres import PostgresStore, rewriting
from memoria.testing.postgres import Server
from memoria.testing.stores import record
from memoria.worker import Worked, work
from tests import tiny_model
from tests.crash_worker import EMBEDDER, leaves, opened
from tests.tiny_model import RECIPE
from tests.waiting import PATIENCE, until


def open_store(database: str) -> PostgresStore:
    return PostgresStore(database, embedder=EMBEDDER.card)


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with closing(open_store(database)) as store:
        yield store


def fill(store: PostgresStore, homes: int) -> None:
    (vector,) = EMBEDDER.embed(["word"])
    made = [record(f"word {n}", namespace=("n", str(n))) for n in range(homes)]
    store.write([replace(one, vector=vector / np.linalg.norm(vector)) for one in made])


def test_each_job_goes_to_one_of_many(database: str, store: PostgresStore) -> None:
    fill(store, 24)
    assert store.ask("fade", ("n",)) == 24
    assert store.ask("fade", ("n",)) == 24
    assert len(store.jobs()) == 24

    def take(_: int) -> list[int]:
        with closing(open_store(database)) as mine:
            taken = []
            while (job := mine.claim(60)) is not None:
                taken.append(job.number)
            return taken

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take, range(4)))
    numbers = [number for some in taken for number in some]
    assert len(numbers) == len(set(numbers)) == 24


def test_a_lease_that_ended_frees_the_job_and_the_late_one_cannot_end_it(store: PostgresStore) -> None:
    fill(store, 1)
    store.ask("sleep", ())
    late = store.claim(0)
    held = store.claim(60)
    assert late is not None
    assert held is not None
    assert (held.number, held.attempts, store.claim(60)) == (late.number, 2, None)
    assert store.home(held) == ("n", "0")
    store.done(late)
    assert not store.renew(late, 60)
    assert store.renew(held, 60)
    assert len(store.jobs()) == 1
    # Asked for while it is done: it is to be done again.
    store.ask("sleep", ())
    store.done(held)
    assert [kind for kind, _, _ in store.jobs()] == ["sleep"]
    again = store.claim(60)
    assert again is not None
    store.done(again)
    assert store.jobs() == []
    with pytest.raises(InvalidQuery, match="'purge' is not one of sleep, fade, distil"):
        store.ask("purge", ())


def test_workers_purge_fade_and_sleep(database: str, server: Server) -> None:
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card, data=server.data), EMBEDDER) as memory:
        store = memory.store
        assert isinstance(store, PostgresStore)
        made = memory.namespace("a").remember_many([f"Ada likes green tea and number {n}" for n in range(6)])
        erased = memory.namespace("b").remember("gone with its namespace")
        secrets = store.secrets([made[0].id, erased.id])
        memory.forget(made[0].id)
        memory.forget(namespace=("b",))
        assert sorted(kind for kind, _, _ in store.jobs()) == ["purge", "sweep"]
        store.ask("sleep", ())
        store.ask("fade", ())
        done = [(one.kind, one.why) for one in work(memory)]
        assert {("sweep", None), ("purge", None), ("sleep", None), ("fade", None)} <= set(done)
        assert store.jobs() == []
        assert scan(store.files(), secrets).found == ()
        assert any(one.parts for one in memory.list())
        assert len(leaves(memory)) == 5


def test_a_worker_distils_what_a_night_would(database: str, server: Server, tmp_path: Path) -> None:
    tiny = tiny_model.make(tmp_path)
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card, data=server.data), EMBEDDER) as memory:
        store, home = memory.store, memory.namespace("a")
        assert isinstance(store, PostgresStore)
        ids = [
            one.id for one in home.remember_many([Draft(text=f"Ada's badge is {n}.", salience=0.9) for n in range(3)])
        ]
        home.remember("nothing of note", salience=0.1)
        memory.distill(tiny, recipe=replace(RECIPE, size=1), select=ids[:1])
        store.ask("distil", ())
        assert [(one.kind, one.why) for one in work(memory, seconds=3600)] == [("distil", None)]
        folder = folder_of(store)
        assert folder is not None
        assert {id for one in manifests(folder).values() if one is not None for id in one.ids} == set(ids)
        assert memory.sleep(dry_run=True).dream is not None


def test_a_job_that_fails_waits_and_says_why(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "_TRIES", 2)
    with opened(database) as memory, psycopg.connect(database.split("&keys")[0]) as reader:
        store = memory.store
        assert isinstance(store, PostgresStore)
        one = memory.remember("a text")
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM memoria.memory")
        memory.forget(one.id)
        (done,) = work(memory)
        assert (done.kind, done.why) == ("purge", "StoreLocked")
        assert store.jobs() == [("purge", 1, "StoreLocked")]
        assert list(work(memory)) == []


@pytest.mark.parametrize("point", ["rows committed", "keys synced"])
def test_a_worker_that_is_killed_loses_nothing(database: str, tmp_path: Path, point: str) -> None:
    with opened(database) as memory:
        store = memory.store
        assert isinstance(store, PostgresStore)
        texts = {f"{who} likes {what} tea" for who in ("Ada", "Bob") for what in ("green", "black", "cold", "no")}
        memory.namespace("a").remember_many(sorted(texts))
        gone = memory.namespace("a").remember("Ada likes to be forgotten")
        memory.forget(gone.id)
        store.ask("sleep", ())
        command = [sys.executable, "-m", "tests.job_worker", database, str(tmp_path), point, "2"]
        done = subprocess.run(
            command, cwd=Path(__file__).parents[1], capture_output=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert any(kind == "sleep" for kind, _, _ in store.jobs())
        assert set(leaves(memory).values()) == texts
        finished: list[Worked] = []

        def slept() -> bool:
            finished.extend(work(memory))
            return any(one.kind == "sleep" for one in finished)

        until(slept)
        assert [(one.attempts, one.why) for one in finished if one.kind == "sleep"] == [(2, None)]
        assert set(leaves(memory).values()) == texts
        assert any(one.parts for one in memory.list())
        assert memory.doctor() == []


def test_alone_keeps_other_processes_from_what_is_touched(database: str) -> None:
    with opened(database) as one, opened(database) as other, opened(database) as third, ThreadPoolExecutor(1) as pool:
        kept = one.namespace("a").remember("before")
        with one.store.alone():
            (record_,) = one.store.read([kept.id])
            assert record_ is not None
            forgotten = pool.submit(other.forget, kept.id)
            elsewhere = third.namespace("b").remember("not in its way")
            time.sleep(0.05)
            assert not forgotten.done()
            assert one.get(kept.id).text == "before"
        assert forgotten.result(PATIENCE).forgotten == (kept.id,)
        assert [found.id for found in one.list()] == [elsewhere.id]


def test_an_index_in_ram_follows_every_writer(database: str) -> None:
    """What another process wrote is found; what it forgot is in no index, which equals one that never saw it."""
    with opened(database) as one, opened(database) as other:
        home = one.namespace("a")
        first, second = home.remember("a brass xylophone"), home.remember("a wooden flute")
        assert [hit.memory.id for hit in other.recall("xylophone", k=1)] == [first.id]
        third = home.remember("a silver xylophone")
        assert {hit.memory.id for hit in other.recall("xylophone")[:2]} == {first.id, third.id}
        other.namespace("a").remember("a copper triangle")
        home.forget(first.id)
        home.amend(second.id, text="a bamboo flute")
        home.archive(third.id)
        assert {hit.memory.text for hit in other.recall("xylophone flute")} == {"a bamboo flute", "a copper triangle"}
        with opened(database) as fresh:
            fresh.recall("xylophone")
            assert state(other) == state(fresh)
        assert "brass" not in str(state(other))


def state(memory: Memoria) -> list[object]:
    """What is in RAM of the words of each namespace."""
    store = memory.store
    assert isinstance(store, PostgresStore)
    return [(space.name, space.words.state()) for space in store._spaces.values() if space.words is not None]


def test_a_local_store_has_no_jobs(tmp_path: Path) -> None:
    with opened(str(tmp_path / "a.memoria")) as memory, pytest.raises(InvalidQuery, match="only a store in PostgreSQL"):
        next(work(memory))
