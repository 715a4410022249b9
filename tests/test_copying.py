"""copy: all of a store comes over, what was forgotten stays forgotten, and a killed copy goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.errors import CopyDiffers, EmbedderMismatch, InvalidQuery, Refused, StoreExists, StoreNotFound
from memoria.policies import Savings
from memoria.policies.registry import adopt
from memoria.protocols import Change, Store
from memoria.stores import InMemoryStore, LocalStore
from memoria.testing import HashEmbedder
from memoria.text.fingerprints import Fingerprints
from memoria.transfer.copying import JOURNAL
from memoria.transfer.jsonl import export
from memoria.types import LedgerEntry, Namespace, Recalled, Record, Trace, Where

START = datetime(2026, 1, 1, tzinfo=UTC)
EMBEDDER = HashEmbedder()
GONE = "Ada dreams of a lighthouse made of salt"
NEAR = "the quick brown fox jumps over the lazy dog at 5"
WORKER = Path(__file__).with_name("copy_worker.py")


def fill(memory: Memoria) -> None:
    """Something of everything that a store holds."""
    ada, bob = memory.namespace("app", "ada"), memory.namespace("app", "bob")
    texts = [f"Ada's fact {n} about number {n * n}" for n in range(12)]
    ids = [one.id for one in ada.remember_many(texts)]
    old = bob.remember("Bob lives in Bergen.", subject="bob", tags=("home",), key="home", metadata={"a": [1, None]})
    bob.supersede(old.id, "Bob lives in Oslo.", at=START + timedelta(days=1))
    derived = memoria.Provenance(derived_from=(ids[0], ids[1]), source="thought", speaker="ada", session="s")
    ada.remember("Ada likes numbers.", provenance=derived)
    ada.consolidate(ids[2], ids[3], ids[4])
    ada.archive(ids[5])
    ada.pin(ids[6])
    ada.hold(ids[7], reason="a lawyer asked")
    ada.hold(ids[8], reason="by mistake")
    ada.release(ids[8], reason="it was one")
    memory.allocate(10)
    for n in range(8):
        ada.recall(f"number {n}", k=3)
    bob.remember("this very home")
    ada.forget(ada.remember(GONE).id)
    ada.forget(ada.remember(NEAR).id, guard="near")
    memory.namespace("empty").forget(memory.namespace("empty").remember("Nothing is left here").id)
    adopt(memory.store, "savings", Savings())
    memory._traces.flush()


def opened(store: Store) -> Memoria:
    return Memoria(store, EMBEDDER)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with memoria.open(tmp_path / "source", embedder=EMBEDDER) as memory:
        fill(memory)
    return tmp_path / "source"


def state(store: Store) -> Any:
    """Everything that can be asked of a store by the verbs, but names that are each store's own."""
    ids = store.select(Where())
    records = [one for one in store.read(ids) if one is not None]
    return {
        "lines": list(export(store, Where())),
        "traces": store.traces(ids),
        "vectors": [one.vector.astype("<f2").tobytes() for one in records],
        "links": store.links(ids),
        "recalls": sorted(store.recalls(()), key=lambda line: (line.at, line.id)),
        "ledger": store.ledger(),
        "notes": {name: value for name, value in store.notes().items() if name not in (JOURNAL, "demand")},
        "fingerprints": store.fingerprints(()),
        "due": sorted(store.due((), START + timedelta(days=10_000), 1000)),
        "archived": store.select(Where(archived=True)),
    }


def test_all_of_a_store_comes_over_and_goes_on_from_there(source: Path, tmp_path: Path) -> None:
    between = InMemoryStore(EMBEDDER.card)
    seen: list[tuple[str, int, int]] = []
    done = memoria.copy(source, between, progress=lambda *step: seen.append(step))
    assert (done.added, done.removed, done.namespaces) == (done.memories, 0, 2)
    assert seen[-1] == ("copy", done.memories, done.memories)
    assert (done.links, done.ledger, done.refused) == (1, 3, 4)
    assert min(done.recalls, done.notes) > 1
    memoria.copy(between, tmp_path / "target")
    with memoria.open(source, embedder=EMBEDDER) as one, memoria.open(tmp_path / "target", embedder=EMBEDDER) as other:
        ours = state(one.store)
        assert ours == state(between) == state(other.store)
        assert set(ours["notes"]) >= {"policy", "schedule"}
        assert set(other.store.notes()) - {JOURNAL} == set(one.store.notes())
        asked = [hit.memory for hit in one.recall("number 36", k=5)]
        assert [hit.memory for hit in other.recall("number 36", k=5)] == asked
        ada = other.namespace("app", "ada")
        for text in (GONE.upper(), NEAR.replace("the", "a")):
            with pytest.raises(Refused):
                ada.remember(text)
        with pytest.raises(Refused):
            other.namespace("empty").remember("nothing is LEFT here")
        assert other.namespace("app", "bob").remember(GONE).text == GONE
        ada.remember(GONE, readmit=True)
        assert other.doctor() == []
        receipt = other.forget(namespace=(), override="all of it goes", verify=True)
        assert receipt.verification is not None
        assert receipt.verification.found == 0
        assert other.store.fingerprints(()) == {}


def copy_until(source: Path, target: Path, steps: int) -> bool:
    """Whether the process came to the end before it was to die."""
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": os.environ["PATH"]}
    command = [sys.executable, str(WORKER), str(source), str(target), str(steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


def test_a_directory_moves_into_a_cluster_and_back(source: Path, database: str, tmp_path: Path) -> None:
    there = memoria.copy(source, database)
    back = memoria.copy(database, tmp_path / "target")
    assert there.memories == back.memories > 10
    assert there.refused == back.refused == 4
    with (
        memoria.open(source, embedder=EMBEDDER) as one,
        memoria.open(database, embedder=EMBEDDER) as between,
        memoria.open(tmp_path / "target", embedder=EMBEDDER) as other,
    ):
        assert state(one.store) == state(between.store) == state(other.store)
        with pytest.raises(Refused):
            between.namespace("app", "ada").remember(GONE.upper())
        between.namespace("app", "ada").remember(GONE.upper(), readmit=True)


def test_a_copy_that_is_killed_goes_on_and_forgets_what_the_source_forgot(source: Path, tmp_path: Path) -> None:
    """At a point of each kind of step in turn: the source changes after every kill, then the copy is run whole."""
    steps = 1
    while steps < 60 and not copy_until(source, tmp_path / f"at_{steps}", steps):
        steps += 6
    killed = [tmp_path / f"at_{n}" for n in range(1, steps, 6)]
    assert len(killed) > 3
    with memoria.open(source, embedder=EMBEDDER) as memory:
        ada = memory.namespace("app", "ada")
        fact, other, _ = [one for one in memory.namespace("app", "ada").list() if not one.parts][:3]
        secret = fact.text
        ada.forget(fact.id)
        ada.amend(other.id, text="Ada said something else")
        ada.remember("Ada came home while it was copied")
        memory.forget(namespace=("app", "bob"))
        memory.recall("something else", k=2)
    for target in killed:
        memoria.copy(source, target)
        with memoria.open(source, embedder=EMBEDDER) as one, memoria.open(target, embedder=EMBEDDER) as copied:
            assert state(one.store) == state(copied.store)
            assert copied.scan(secret, other.text, "Bob lives in Oslo.").found == ()
            with pytest.raises(Refused):
                copied.namespace("app", "ada").remember(secret)
            assert copied.doctor() == []


def test_a_copy_writes_over_nothing_of_somebody_else(source: Path, tmp_path: Path) -> None:
    with memoria.open(tmp_path / "used", embedder=EMBEDDER) as memory:
        memory.remember("mine")
    memoria.copy(source, tmp_path / "target")
    with memoria.open(source, embedder=EMBEDDER) as memory:
        shutil.copytree(source, tmp_path / "clone")
    half = InMemoryStore(EMBEDDER.card)
    half.write_note(JOURNAL, '{"source": "another", "state": "on"}')
    forgetful = InMemoryStore(EMBEDDER.card)
    forgetful.adopt(("app", "ada"), [Fingerprints(key=bytes(32), prints=frozenset({bytes(12)}))])
    for target in (tmp_path / "used", tmp_path / "target", tmp_path / "clone", half, forgetful):
        with pytest.raises(StoreExists):
            memoria.copy(source, target)
    with pytest.raises(EmbedderMismatch):
        memoria.copy(source, InMemoryStore(HashEmbedder(96).card))
    with pytest.raises(InvalidQuery):
        memoria.copy(source, str(source))
    with pytest.raises(StoreNotFound):
        memoria.copy(tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "new").exists()


def test_a_dry_run_makes_nothing(source: Path, tmp_path: Path) -> None:
    planned = memoria.copy(source, tmp_path / "target", dry_run=True)
    assert not (tmp_path / "target").exists()
    assert replace(planned, dry_run=False) == memoria.copy(source, tmp_path / "target")


class Losing(InMemoryStore):
    """A store that keeps all but one thing."""

    def __init__(self, lost: str) -> None:
        super().__init__(EMBEDDER.card)
        self.lost = lost

    def write(self, records: Sequence[Record]) -> None:
        kept = list(records)[self.lost == "memory" :]
        if self.lost == "vector":
            kept[0] = replace(kept[0], vector=-kept[0].vector)
        if self.lost == "standing":
            kept = [replace(one, trace=replace(one.trace, pinned=False)) for one in kept]
        if self.lost == "text":
            kept[0] = replace(kept[0], memory=replace(kept[0].memory, text="other"))
        super().write(kept)

    def revise(self, change: Change, **how: Any) -> None:
        super().revise(replace(change, links=()) if self.lost == "links" else change, **how)

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        super().retrace(traces, recalls[self.lost == "recalls" :])

    def enter(self, entry: LedgerEntry) -> None:
        if self.lost != "ledger":
            super().enter(entry)

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        super().adopt(namespace, [] if self.lost == "refused" else known)

    def write_note(self, name: str, value: str) -> None:
        if self.lost != "notes" or name == JOURNAL:
            super().write_note(name, value)


LOSSES = ["memory", "vector", "standing", "text", "links", "recalls", "ledger", "refused", "notes"]


@pytest.mark.parametrize("lost", LOSSES)
def test_a_copy_that_loses_something_is_told_of(source: Path, lost: str) -> None:
    target = Losing(lost)
    with pytest.raises(CopyDiffers):
        memoria.copy(source, target)
    target.lost = ""
    memoria.copy(source, target)
    store = LocalStore(source, embedder=EMBEDDER.card)
    assert state(store) == state(target)
    store.close()
