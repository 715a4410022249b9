"""What backups cost: a first one, one after nothing, one after 1 % changed, and a restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from memoria.arrays import Vectors
from memoria.engine.memory import Memoria
from memoria.protocols import Progress
from memoria.stores import LocalStore
from memoria.transfer.backup.verbs import Backed, backup, restore, verify_backup
from memoria.types import EmbedderCard

_DIMENSION = 384
_AT_ONCE = 1000


class _Vectors:
    """Random unit vectors in the place of those of texts: a copy does not look at them."""

    card = EmbedderCard(name="random", dimension=_DIMENSION)

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def embed(self, texts: Any) -> Vectors:
        made = self._rng.standard_normal((len(texts), _DIMENSION)).astype(np.float32)
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def bench_backup(folder: Path, n: int, progress: Progress, *, seed: int) -> dict[str, Any]:
    """Backs up a store of n memories thrice: new, unchanged, and with .5 % forgotten and .5 % new."""
    embedder = _Vectors(seed)
    with Memoria(LocalStore(folder / "a.memoria", embedder=embedder.card), embedder) as memory:
        ids: list[str] = []
        for at in range(0, n, _AT_ONCE):
            texts = [f"Fact {number} tells of room {number * 7}." for number in range(at, min(n, at + _AT_ONCE))]
            ids += [one.id for one in memory.remember_many(texts)]
            progress("remember", len(ids), n)
        copy, report = folder / "copy", {"n": n, "seed": seed}
        first = _figures(backup(memory, copy, progress=progress))
        unchanged = _figures(backup(memory, copy, progress=progress))
        memory.forget(*ids[::200])
        memory.remember_many([f"A later fact {number} tells of a door." for number in range(n // 200)])
        changed = _figures(backup(memory, copy, progress=progress))
    size = verify_backup(copy, progress=progress).size
    done = restore(copy, folder / "restored", progress=progress)
    return report | {
        "first": first,
        "unchanged": unchanged,
        "one_percent": changed,
        "size": size,
        "restore": {"bytes": done.bytes, "seconds": done.seconds},
    }


def _figures(done: Backed) -> dict[str, float]:
    return {"bytes": done.bytes, "blocks": done.blocks, "zeroed": done.zeroed, "seconds": done.seconds}
