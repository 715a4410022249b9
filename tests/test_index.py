"""The state of an index after forgets is that of a build which never saw the forgotten."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from memoria.arrays import Vectors
from memoria.stores import LocalStore
from memoria.stores.local.index import FLAT_LIMIT, Index
from memoria.types import EmbedderCard, Memory, Record, Trace, Where

D = 384


def _vectors(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    vectors = np.random.default_rng(1).standard_normal((n, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("large", [False, True])
def test_state_after_erase_equals_a_build_that_never_saw(large: bool) -> None:
    n = 3000
    vectors, slots = _vectors(n), np.arange(n)
    gone = np.random.default_rng(2).choice(n, 700, replace=False)
    kept = np.setdiff1d(slots, gone)
    index, never, seen = Index(D, large=large), Index(D, large=large), Index(D, large=large)
    for at in range(0, n, 97):
        index.add(slots[at : at + 97], vectors[at : at + 97])
    seen.add(slots, vectors)
    never.add(kept, vectors[kept])
    assert index.raw() == seen.raw()
    index.erase(gone[:300].tolist())
    for slot in gone[300:]:
        index.erase([int(slot)])
    assert index.state() == never.state()
    assert seen.state() != never.state()
    for query in vectors[:20]:
        assert set(index.search(query, 50)[0]) == set(never.search(query, 50)[0])
        assert len(index.search(query, len(kept))[0]) == len(kept)
    assert not set(index.search(vectors[gone[0]], n)[0]) & set(gone.tolist())


def test_erased_places_are_all_alike() -> None:
    vectors = _vectors(64)
    one, other = Index(D, large=True), Index(D, large=True)
    one.add(np.arange(32), vectors[:32])
    other.add(np.arange(32), vectors[32:])
    for slot in range(32):
        one.erase([slot])
        other.erase([slot])
    assert one.raw() == other.raw()


def test_an_index_that_is_as_large_as_may_be_is_not_made_again_for_each_that_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memoria.stores.local.index.FLAT_LIMIT", 64)
    vectors = _vectors(96)
    index = Index(D, large=False)
    index.add(np.arange(64), vectors[:64])
    for slot in range(64, 96):
        index.add(np.array([slot]), vectors[slot : slot + 1])
        assert index.worn
        index.erase([slot])
        assert not index.worn


@pytest.mark.parametrize("n", [600, FLAT_LIMIT + 6000])
def test_a_store_that_forgot_has_the_index_of_one_that_never_saw(tmp_path: Path, n: int) -> None:
    card = EmbedderCard(name="given", dimension=D)
    records = [_record(row, vector) for row, vector in enumerate(_vectors(n))]
    gone = records[1::3]
    kept = [record for at, record in enumerate(records) if at % 3 != 1]
    states = {}
    for name, first, erased in (("saw", records, gone), ("never", kept, [])):
        store = LocalStore(tmp_path / name, embedder=card)
        store.write(first)
        store.search(first[0].vector, Where(), 1)
        for one in erased[:50]:
            store.erase([one.memory.id])
        if erased:
            store.erase([one.memory.id for one in erased[50:]])
        states[name, "open"] = _state(store)
        store.close()
        with closing(LocalStore(tmp_path / name, embedder=card)) as again:
            states[name, "reopened"] = _state(again)
    assert len(set(states.values())) == 1
    assert states["saw", "open"]


def _record(row: int, vector: Vectors) -> Record:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    memory = Memory(id=f"{row:032x}", namespace=("a",), text=f"fact {row}", created_at=start)
    return Record(memory=memory, trace=Trace(last_retrieved=start), vector=vector)


def _state(store: LocalStore) -> bytes:
    """The codes of what is live, in order, after a search has made sure of the index."""
    store.search(_vectors(1)[0], Where(), 1)
    (space,) = store._spaces.values()
    assert space.index is not None
    return space.index.state()
