"""The state of an index after forgets is that of a build which never saw the forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from memoria.stores.local.index import Index

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
