"""A verb that is interrupted at any line: nothing acknowledged is lost, nothing forgotten comes back, and all works on.

`MEMORIA_INTERRUPTS` sets how many lines of each verb are tried; 0 is all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.forget.residue import scan
from memoria.testing.postgres import Server
from memoria.types import Budget
from tests.interrupts import EMBEDDER, Lines, Verb, filled, opened, picture

# A copy of a database takes longer than one of a folder.
SAMPLES = {kind: int(os.environ.get("MEMORIA_INTERRUPTS", few)) for kind, few in (("local", 6), ("postgres", 4))}

# All or nothing: the state afterwards is that from before, or that of a run that was not interrupted.
WHOLE: dict[str, Verb] = {
    "remember": lambda memory, _: memory.namespace("app", "ada").remember("A new fact.", subject="ada"),
    "remember elsewhere": lambda memory, _: memory.namespace("app", "new").remember("A fact in a new namespace."),
    "remember many": lambda memory, _: memory.namespace("app", "bob").remember_many([f"New {n}." for n in range(5)]),
    "amend": lambda memory, ids: memory.amend(ids["b1"], text="Bob keeps what was amended."),
    "amend a source": lambda memory, ids: memory.amend(ids["a1"], text="Ada keeps what was amended."),
    "forget": lambda memory, ids: memory.forget(ids["b1"]),
    "forget several": lambda memory, ids: memory.forget(ids["a0"], ids["a2"], ids["b2"]),
    "forget a source": lambda memory, ids: memory.forget(ids["a1"]),
    "forget a part": lambda memory, ids: memory.forget(ids["a3"]),
    "forget a successor": lambda memory, ids: memory.forget(ids["new"]),
    "forget without guard": lambda memory, ids: memory.forget(ids["a0"], ids["b1"], guard="none"),
    "forget a namespace": lambda memory, _: memory.namespace("app", "ada").forget(namespace=()),
    "supersede": lambda memory, ids: memory.namespace("app", "bob").supersede(ids["b1"], "Bob keeps a later fact."),
    "expire": lambda memory, ids: memory.expire(ids["a0"]),
    "keep what is doubted": lambda memory, ids: memory.settle(ids["c0"], keep=True),
    "end what is doubted": lambda memory, ids: memory.settle(ids["c0"], keep=False),
    "forget what ended": lambda memory, ids: memory.forget(ids["c3"]),
    "consolidate": lambda memory, ids: memory.consolidate(ids["a0"], ids["a2"]),
    "archive": lambda memory, ids: memory.archive(ids["a0"], ids["a2"]),
    "pin": lambda memory, ids: memory.pin(ids["a0"], ids["a2"]),
    "shorten": lambda memory, _: memory.namespace("app", "dog").shorten(Budget(tokens=1)),
    "rebuild": lambda memory, _: memory.rebuild(),
    "reembed": lambda memory, _: memory.reembed(EMBEDDER),
    "list": lambda memory, _: memory.list(),
    "recall": lambda memory, _: memory.recall("which fact does Bob keep?"),
}
# Made of several changes of the store: what was there and is not meant stays.
STEPS: dict[str, Verb] = {
    "restore": lambda memory, ids: memory.restore(ids["b2"]),
    "hold": lambda memory, ids: memory.hold(ids["a0"], reason="a test"),
    "forget and guard": lambda memory, ids: memory.forget(ids["b1"], guard="near"),
    "readmit": lambda memory, _: memory.namespace("app", "ada").remember("This was forgotten.", readmit=True),
    "sleep": lambda memory, _: memory.sleep(prune=False, like=0.2),
    "amend a part": lambda memory, ids: memory.amend(ids["a3"], text="Ada keeps an amended part."),
    "reconcile": lambda memory, _: memory.reconcile(),
}


@dataclass
class Stores:
    """Fresh copies of a filled store, one at a time. ids: those of its memories by name. sample: lines to try."""

    fresh: Callable[[], Path | str]
    ids: dict[str, str]
    sample: int


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("made")

    def fresh() -> Path:
        shutil.rmtree(folder / "copy.memoria", ignore_errors=True)
        return Path(shutil.copytree(folder / "a.memoria", folder / "copy.memoria"))

    return Stores(fresh, filled(folder / "a.memoria"), SAMPLES["local"])


@pytest.fixture(scope="module")
def postgres(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("keys")
    ids = filled(f"{server.database('filled', template=template)}&keys={folder / 'filled'}")

    def fresh() -> str:
        server.sql("DROP DATABASE IF EXISTS copied WITH (FORCE)")
        shutil.rmtree(folder / "copied", ignore_errors=True)
        shutil.copytree(folder / "filled", folder / "copied")
        return f"{server.database('copied', template='filled')}&keys={folder / 'copied'}"

    yield Stores(fresh, ids, SAMPLES["postgres"])
    for name in ("copied", "filled"):
        server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=["local", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Stores)
    return found


def points(count: int, name: str, sample: int) -> list[int]:
    """Lines to be interrupted, from 1 on: all, or a sample that is the same at each run."""
    if not sample or count <= sample:
        return list(range(1, count + 1))
    return sorted(random.Random(name).sample(range(1, count + 1), sample))


@pytest.mark.parametrize("name", [*WHOLE, *STEPS])
def test_an_interrupted_verb_loses_nothing(stores: Stores, name: str) -> None:
    verb, ids = (WHOLE | STEPS)[name], stores.ids
    with opened(stores.fresh()) as memory:
        before: list[object] = list(picture(memory))
        memory.recall("fact")
        with Lines() as lines:
            verb(memory, ids)
        after: list[object] = list(picture(memory))
    tried = points(lines.count, name, stores.sample)
    for at in tried:
        place = stores.fresh()
        where = interrupted(place, verb, ids, at, name, before, after)
        with opened(place) as memory:
            assert memory.doctor() == [], where
            check_state(memory, name, before, after, where)
    sys.stdout.write(f"{name}: {len(tried)} of {lines.count} lines\n")


def test_an_interrupted_reader_sees_what_was_committed(local: Stores) -> None:
    path = local.fresh()
    with opened(path) as writer:
        ada = writer.namespace("app", "ada")
        for at in range(1, 60):
            with memoria.open(path, mode="r", embedder=EMBEDDER) as reader:
                old = ada.remember(f"Said before {at}.")
                assert old in [hit.memory for hit in reader.recall(old.text, k=3)]
                new = ada.remember(f"Said after {at}.")
                ada.forget(old.id)
                with suppress(KeyboardInterrupt), Lines(at, named="local/core.py"):
                    reader.recall(new.text)
                assert new in [hit.memory for hit in reader.recall(new.text, k=3)], at
                assert old not in reader.list(), at
                assert reader.list() == writer.list(), at


def interrupted(
    place: Path | str, verb: Verb, ids: dict[str, str], at: int, name: str, before: list[object], after: list[object]
) -> str:
    """Interrupts a verb at a line, and looks at the same handle; where it was, for a message."""
    memory = opened(place)
    live = [id for id in ids.values() if memory.store.read([id])[0] is not None]
    keys = {id: one for id in live for one in memory.store.secrets([id]) if one.label == "key"}
    memory.recall("fact")
    with suppress(KeyboardInterrupt), Lines(at) as lines:
        verb(memory, ids)
    where = f"{name} at line {at}, {lines.place}"
    check_state(memory, name, before, after, where)
    assert memory.doctor() == [], where
    # A gist keeps the vector of its first part; nothing keeps the key of what is gone.
    gone = [key for id, key in keys.items() if memory.store.read([id])[0] is None]
    assert not gone or scan(memory.store.files(), gone).found == (), where
    said = memory.namespace("app", "ada").remember("The next verb works.")
    assert said in [hit.memory for hit in memory.recall("The next verb works.", k=3)], where
    memory.forget(said.id)
    check_state(memory, name, before, after, where)
    memory.close()
    return where


def check_state(memory: Memoria, name: str, before: list[object], after: list[object], where: str) -> None:
    now: list[object] = list(picture(memory))
    if name in WHOLE:
        assert now in (before, after), where
        return
    texts = [{text for one in state for text in _texts(one)} for state in (before, after, now)]
    assert texts[0] & texts[1] <= texts[2] <= texts[0] | texts[1], where


def _texts(one: object) -> set[str]:
    assert isinstance(one, tuple)
    return set(one[4]) or {one[1]}
