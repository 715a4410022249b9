"""One function destroys: whoever asks, what was made from what goes is followed by the same rules."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import memoria
from memoria.testing import HashEmbedder
from memoria.types import Provenance

ROOT = Path(__file__).parents[1]
START = datetime(2026, 1, 1, tzinfo=UTC)
DOOR = "memoria/forget/erase.py"
# What a reader sees of a store, which is a store: it passes on to the one below.
SEEN, GATE = "memoria/access/store.py", "memoria/standing/gate.py"
# Changes in which rows go: by the door, by what it does to follow from a forget, and where a row goes because its
# memory moves into a gist or out of one.
ROWS_GO = {DOOR, "memoria/derived/lineage.py", "memoria/derived/records.py"}
# The stores themselves, the suite that they pass, and the benchmark that times them alone.
BELOW = ("memoria/testing/", "memoria/evaluation/bench/cluster.py")


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "memoria").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if not name.startswith(("memoria/stores/", *BELOW)):
            yield name, path.read_text()


def destroys(source: str) -> Iterator[str]:
    """Calls by which rows of a store go: its destroying verbs, and changes that erase."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        verb = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        # The face calls the door itself by the name of its module.
        if verb in ("erase", "erase_namespaces") and ast.unparse(node.func) != "erasing.erase":
            yield verb
        named = {keyword.arg for keyword in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id in ("Change", "replace") and "erase" in named:
            yield "Change(erase=)"


def test_only_one_function_calls_the_destroying_verbs_of_stores() -> None:
    callers = {name: set(destroys(source)) for name, source in sources()}
    assert {name for name, found in callers.items() if found - {"Change(erase=)"}} == {DOOR, SEEN, GATE}
    assert {name for name, found in callers.items() if "Change(erase=)" in found} == ROWS_GO


@pytest.mark.parametrize(
    "source", ["store.erase(ids)", "self.store.erase_namespaces(())", "store.revise(Change(erase=ids))"]
)
def test_the_guard_sees_a_second_door(source: str) -> None:
    assert list(destroys(source))


@pytest.fixture
def memory() -> Iterator[memoria.Memoria]:
    now = START + timedelta(days=400)
    with memoria.open(":memory:", embedder=HashEmbedder(64), clock=lambda: now, reinforce="never") as opened:
        yield opened


def forget(memory: memoria.Memoria, id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    receipt = memory.forget(id, guard="none")
    return receipt.derived, receipt.rewritten


def prune(memory: memoria.Memoria, id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    memory.archive(id)
    planned = memory.prune(below=1.1, dry_run=True)
    done = memory.prune(below=1.1)
    assert (done.ids, planned.ids) == ((id,), (id,))
    assert (planned.derived, planned.rewritten) == (done.derived, done.rewritten)
    return done.derived, done.rewritten


WAYS = pytest.mark.parametrize("way", [forget, prune])
Way = Callable[[memoria.Memoria, str], tuple[tuple[str, ...], tuple[str, ...]]]


def test_a_successor_goes_and_the_older_fact_holds_again(memory: memoria.Memoria) -> None:
    old = memory.remember("Ada lives in Oslo.", created_at=START)
    new = memory.supersede(old, memoria.Draft(text="Ada lives in Lund.", created_at=START + timedelta(days=9)))
    assert [hit.memory.id for hit in memory.recall("Where does Ada live?")] == [new.id]
    # A policy that lets memories go does not bring back what no longer holds: the older one goes first.
    memory.archive(new)
    assert memory.prune(below=1.1).ids == ()
    memory.restore(new)
    assert forget(memory, new.id) == ((), ())
    assert [hit.memory for hit in memory.recall("Where does Ada live?")] == [old]
    assert memory.get(old).valid_to is None


@WAYS
def test_a_source_goes_and_what_was_made_from_it_too(memory: memoria.Memoria, way: Way) -> None:
    source = memory.remember("Ada's PIN is 4711.", created_at=START)
    note = memory.remember("PIN of Ada: 4711", provenance=Provenance(derived_from=(source.id,)))
    sum_ = memory.remember("Everybody's PINs: 4711", provenance=Provenance(derived_from=(note.id,)))
    other = memory.remember("Ada takes tea.")
    assert way(memory, source.id) == (tuple(sorted((note.id, sum_.id))), ())
    assert memory.list() == [other]


@WAYS
def test_a_gist_goes_with_its_parts_and_what_was_derived_from_it(memory: memoria.Memoria, way: Way) -> None:
    parts = memory.remember_many([f"tea with milk, cup {n}" for n in range(3)])
    gist = memory.consolidate(*parts)
    derived = memory.remember("likes tea", provenance=Provenance(derived_from=(gist.id,)))
    gone, rewritten = way(memory, gist.id)
    assert (set(gone) >= {derived.id}, rewritten) == (True, ())
    assert len(memory) == 0


@pytest.mark.parametrize("protect", ["pin", "hold"])
def test_what_would_take_a_protected_memory_along_is_not_pruned(memory: memoria.Memoria, protect: str) -> None:
    source = memory.remember("Ada's PIN is 4711.")
    kept = memory.remember("PIN of Ada: 4711", provenance=Provenance(derived_from=(source.id,)))
    free = memory.remember("Ada takes tea.")
    if protect == "pin":
        memory.pin(kept)
    else:
        memory.hold(kept, reason="law")
    memory.archive(source, free)
    assert memory.prune(below=1.1, dry_run=True).ids == (free.id,)
    assert memory.prune(below=1.1).ids == (free.id,)
    assert {one.id for one in memory.list()} == {source.id, kept.id}


def test_a_view_sets_no_part_apart_that_it_does_not_see(memory: memoria.Memoria) -> None:
    parts = memory.namespace("ada").remember_many(["tea with milk", "tea with sugar"])
    gist = memory.namespace("ada").consolidate(*parts)
    bob = memory.namespace("bob")
    with pytest.raises(memoria.MemoryNotFound):
        bob.expire(parts[0])
    with pytest.raises(memoria.MemoryNotFound):
        bob.amend(parts[0], salience=0.1)
    assert memory.list() == [gist]
