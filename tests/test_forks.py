"""A store and fork: what a child may not do, what it may do anew, and that its parent notices nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.change.sleep import Sleeper
from memoria.process import Home
from memoria.sharing import Shared, lent
from memoria.stores.postgres import PostgresStore
from memoria.testing import HashEmbedder
from memoria.testing.forks import told
from memoria.types import Where
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="NOT CHECKED: there is no fork here")
EMBEDDER = HashEmbedder(64)
ROOT = Path(__file__).parents[1]


def run(code: str, *arguments: object) -> str:
    """What a program prints that ends by itself."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# The child goes through everything that Python does at exit, with the handle alive, dropped, and closed.
LEAVING = """
import gc, os, sqlite3, sys, memoria
from memoria.testing import HashEmbedder
path, how, embedder = sys.argv[1], sys.argv[2], HashEmbedder(64)
memory = memoria.open(path, embedder=embedder)
facts = memory.remember_many([f"fact {n}" for n in range(10)])
memory.forget(facts[0].id)
pid = os.fork()
if pid == 0:
    if how == "closed":
        memory.close()
    elif how == "dropped":
        del memory
        gc.collect()
    elif how == "with":
        with memory:
            pass
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
def state():
    with sqlite3.connect(f"{path}/memoria.db") as db:
        return db.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone(), db.execute(
            "SELECT count(*) FROM memory").fetchone()
print(state())
pid = os.fork()
if pid == 0:
    try:
        memoria.open(path, embedder=embedder)
    except memoria.StoreLocked as error:
        print(str(os.getppid()) in str(error), "already" in str(error), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
memory.remember("after the child")
print(len(memory.recall("fact 3", k=20)), memory.doctor())
memory.close()
print(state())
"""


@pytest.mark.parametrize("how", ["kept", "closed", "dropped", "with"])
def test_a_child_that_ends_releases_nothing_and_writes_nothing(tmp_path: Path, how: str) -> None:
    said = run(LEAVING, tmp_path / "a", how).splitlines()
    assert said == ["(('0',), (10,))", "True False", "10 []", "(('1',), (10,))"]


@pytest.fixture
def memory(tmp_path: Path) -> Any:
    with memoria.open(tmp_path / "a", embedder=EMBEDDER) as memory:
        memory.remember_many([f"fact {n}" for n in range(20)])
        memory.recall("fact 3")
        yield memory
        assert len(memory) == 20
        assert memory.doctor() == []


def test_every_verb_of_a_memory_is_refused_before_anything_is_embedded(memory: memoria.Memoria) -> None:
    some = memory.list()[0].id

    class Slow(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            raise AssertionError("a model of the parent was asked in the child")

    memory.embedder = Slow(64)
    view = memory.namespace("app")
    verbs: dict[str, Callable[[], object]] = {
        "remember": lambda: view.remember("text"),
        "remember_many": lambda: view.remember_many(["text"]),
        "recall": lambda: view.recall("text"),
        "recall_many": lambda: view.recall_many(["text"]),
        "get": lambda: memory.get(some),
        "list": lambda: memory.list(),
        "amend": lambda: memory.amend(some, text="other"),
        "supersede": lambda: memory.supersede(some, "other"),
        "expire": lambda: memory.expire(some),
        "forget": lambda: memory.forget(some),
        "dry run": lambda: memory.forget(some, dry_run=True),
        "reinforce": lambda: memory.reinforce(some),
        "archive": lambda: memory.archive(some),
        "pin": lambda: memory.pin(some),
        "hold": lambda: memory.hold(some, reason="a test"),
        "fade": lambda: memory.fade(),
        "sleep": lambda: memory.sleep(),
        "stats": lambda: memory.stats(),
        "doctor": lambda: memory.doctor(),
        "rebuild": lambda: memory.rebuild(),
        "reembed": lambda: memory.reembed(HashEmbedder(32)),
        "len": lambda: len(memory),
    }
    assert told(verbs) == dict.fromkeys(verbs, "StoreClosed")
    memory.embedder = EMBEDDER


def test_a_child_may_read_the_store_that_it_opens_for_itself(memory: memoria.Memoria, tmp_path: Path) -> None:
    def read() -> None:
        with memoria.open(tmp_path / "a", embedder=EMBEDDER, mode="r") as other:
            assert len(other) == 20
            # The threads that searched in the parent are not here.
            assert other.recall("fact 3", k=1)[0].memory.text == "fact 3"

    assert told({"read": read, "again": read}) == {"read": "", "again": ""}


# Without care, SQLite takes the locks of the parent for locks of the child, which then reads a file that is gone.
ANEW = """
import os, sys, memoria
from memoria.testing import HashEmbedder
path, embedder = sys.argv[1], HashEmbedder(64)
memory = memoria.open(path, embedder=embedder)
memory.remember("one")
ready, go_on = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    child = memoria.open(path, embedder=embedder, mode="r")
    before = len(child)
    os.write(ready[1], b"x")
    os.read(go_on[0], 1)
    print(before, len(child), len(child.recall("two three", k=9)), child.doctor(), flush=True)
    child.close()
    with memoria.open(path, embedder=embedder, timeout=300) as child:
        child.remember("from the child")
    os._exit(0)
os.read(ready[0], 1)
memory.close()
with memoria.open(path, embedder=embedder) as memory:
    memory.remember_many(["two", "three"])
    os.write(go_on[1], b"x")
os.waitpid(pid, 0)
with memoria.open(path, embedder=embedder) as memory:
    print(sorted(one.text for one in memory.list()), memory.doctor())
"""


def test_a_child_sees_what_its_parent_writes_after_it_has_opened_again(tmp_path: Path) -> None:
    assert run(ANEW, tmp_path / "a").splitlines() == [
        "1 3 3 []",
        "['from the child', 'one', 'three', 'two'] []",
    ]


def _say(shared: Shared, who: str) -> None:
    for n in range(10):
        with lent(shared) as memory:
            memory.remember(f"{who} {n}")
            memory.recall("said before", k=1)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_shared_store_goes_on_in_children(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "a", embedder=EMBEDDER)
    _say(shared, "before")
    fork = get_context("fork")
    children = [fork.Process(target=_say, args=(shared, who)) for who in ("one", "two", "three")]
    with shared.lend() as memory:
        # In the middle of a turn of the parent, which no child has.
        for child in children:
            child.start()
        memory.remember("from the parent")
    _say(shared, "after")
    for child in children:
        child.join(PATIENCE)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with shared.lend() as memory:
        assert len(memory) == 51
        assert memory.doctor() == []


# What computes in threads of OpenMP waits in a child for threads that only its parent has.
COMPUTING = """
import os, sys, numpy as np, memoria
from memoria.remember import Draft
from memoria.testing import HashEmbedder
path, size, embedder = sys.argv[1], int(sys.argv[2]), HashEmbedder(64) if sys.argv[3] == "hash" else None
shared = memoria.Shared(path, embedder=embedder)
with shared.lend() as memory:
    vectors = np.random.default_rng(0).standard_normal((size, memory.store.embedder.dimension))
    memory.remember_many([Draft(text=f"fact {n}", vector=vector) for n, vector in enumerate(vectors)])
    memory.remember("Ada drinks tea.")
    print(memory.recall("Ada drinks tea.", k=1)[0].memory.text)
pid = os.fork()
if pid == 0:
    with shared.lend() as memory:
        memory.remember("Bob drinks coffee.")
        print(memory.recall("Bob drinks coffee.", k=1)[0].memory.text, flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
with shared.lend() as memory:
    print(len(memory))
"""


@pytest.mark.parametrize(("size", "embedder"), [(9_000, "hash"), (12_000, "hash"), (20, "default")])
def test_a_child_computes_without_the_threads_of_its_parent(tmp_path: Path, size: int, embedder: str) -> None:
    said = run(COMPUTING, tmp_path / "a", size, embedder).splitlines()
    assert said == ["Ada drinks tea.", "Bob drinks coffee.", str(size + 2)]


def test_an_agent_and_a_pass_of_sleep_say_so_and_do_not_wait(memory: memoria.Memoria) -> None:
    agent = memoria.Agent(memory.reinforcing("never"), lambda messages: "yes", extract=None, settle=False, idle=3600)
    agent._idle.rest()
    sleeper = memory.sleep(background=True, dry_run=True)
    assert isinstance(sleeper, Sleeper)
    calls: dict[str, Callable[[], object]] = {
        "say": lambda: agent.say("Hello"),
        "rouse": agent.rouse,
        "close": agent.close,
        "wait": sleeper.wait,
    }
    expected = {"say": "StoreClosed", "rouse": "", "close": "", "wait": "StoreClosed"}
    assert told(calls) == expected
    sleeper.wait()
    agent.close()


SERVED = """
import gc, os, sys, memoria
from memoria.testing import HashEmbedder
memory = memoria.open(sys.argv[1], embedder=HashEmbedder(64))
memory.remember("one")
def served():
    with memory.store._cluster.connection() as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        return {pid for (pid,) in connection.execute(asked)}
ours = served()
for how in ("kept", "dropped", "closed"):
    pid = os.fork()
    if pid == 0:
        if how == "dropped":
            del memory
            gc.collect()
        elif how == "closed":
            memory.close()
        else:
            try:
                memory.remember("from the child")
            except memoria.StoreClosed:
                print("refused", flush=True)
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    memory.remember(f"after the child: {how}")
print(served() >= ours, len(memory), memory.doctor())
memory.close()
"""


def test_a_child_leaves_the_connections_to_postgresql_alone(database: str) -> None:
    assert run(SERVED, database).splitlines() == ["refused", "True 4 []"]
    store = PostgresStore(database, embedder=EMBEDDER.card)
    assert told({"count": lambda: store.count(()), "close": store.close}) == {"count": "StoreClosed", "close": ""}
    assert store.select(Where()) != []
    store.close()


def test_asking_whether_it_is_a_child_costs_less_than_half_a_microsecond() -> None:
    """In time of this thread, of which others take none; once is enough to show that it can."""
    import timeit

    asking = timeit.Timer(lambda: home.check("it"), timer=time.thread_time)
    home = Home()
    assert any(asking.timeit(5_000) / 5_000 < 0.5e-6 for _ in range(200))
