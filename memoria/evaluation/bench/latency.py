"""What remembering, forgetting, recalling and opening cost on this machine: ratios from one interleaved run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.stores.wrapping import UnlockLike

if TYPE_CHECKING:
    from memoria.arrays import Scores


DIMENSION = 384
_BATCH = 10_000
_CENTRES = 1000


class Synthetic:
    """Clustered unit vectors and texts, d=384: 1,000 centres with Gaussian spread, as sentences of one app are."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        self._rng = np.random.default_rng(seed)
        self._centres = self._rng.standard_normal((_CENTRES, DIMENSION), dtype=np.float32)
        self._made = 0

    def vectors(self, n: int) -> Scores:
        """Shape (n, 384)."""
        import numpy as np

        chosen = self._centres[self._rng.integers(_CENTRES, size=n)]
        return np.asarray(chosen + self._rng.standard_normal((n, DIMENSION), dtype=np.float32))

    def drafts(self, n: int) -> list[Draft]:
        """n drafts with vectors; the text is about 100 bytes."""
        vectors = self.vectors(n)
        first = self._made
        self._made += n
        return [
            Draft(text=sentence(first + at), vector=vector, subject=f"person {(first + at) % 997}")
            for at, vector in enumerate(vectors)
        ]


def sentence(number: int) -> str:
    """A synthetic memory of about 100 bytes."""
    return f"On day {number % 365} person {number % 997} sent order {number} to house {number % 89}, to arrive by noon."


def fill(memory: Memoria, source: Synthetic, n: int, progress: Progress) -> list[str]:
    """Stores n synthetic memories in batches; returns their ids."""
    ids: list[str] = []
    while len(ids) < n:
        batch = memory.remember_many(source.drafts(min(_BATCH, n - len(ids))))
        ids += [one.id for one in batch]
        progress("fill", len(ids), n)
    return ids


def bench_forget(
    folder: Path,
    n: int,
    embedder: Embedder,
    progress: Progress,
    *,
    rounds: int,
    seed: int,
    unlock: UnlockLike = None,
) -> dict[str, Any]:
    """Remember against forget at n memories: singles, also after a recall and with embedding; a batch, a namespace."""
    source = Synthetic(seed)
    with open_memoria(folder / "bench.memoria", embedder=embedder, unlock=unlock) as memory:
        home = memory.namespace("bench")
        ids = fill(home, source, n, progress)
        home.recall(source.vectors(1)[0], k=1)
        report: dict[str, Any] = {"n": n, "rounds": rounds, "seed": seed}
        report["storage"] = _singles(home, ids, source.drafts(rounds), progress)
        some = min(rounds, 200)
        report["after_recall"] = _singles(
            home, ids, source.drafts(some), progress, asked=lambda: home.recall(source.vectors(1)[0])
        )
        embedded = [Draft(text=sentence(-at)) for at in range(1, some + 1)]
        embedder.embed(["warm"])
        report["with_embedding"] = _singles(home, ids, embedded, progress)
        report["batch"] = _batch(home, ids, source, min(5000, n // 2))
        report["namespace"] = _namespace(memory, source, min(10_000, n))
    return report


def _singles(
    memory: Memoria,
    ids: list[str],
    drafts: Sequence[Draft],
    progress: Progress,
    asked: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """One remember, one forget of an old memory at random, and so on; each timed, purges and checkpoints included.

    asked: is called before each, untimed.
    """
    import numpy as np

    rng = np.random.default_rng(len(ids))
    remembered, forgotten = [], []
    for done, draft in enumerate(drafts):
        at = int(rng.integers(len(ids)))
        ids[at], ids[-1] = ids[-1], ids[at]
        target = ids.pop()
        asked()
        remembered.append(timed(lambda draft=draft: ids.insert(0, memory.remember_many([draft])[0].id)))  # type: ignore[misc]  # bound at once
        asked()
        forgotten.append(timed(lambda target=target: memory.forget(target)))  # type: ignore[misc]  # bound at once
        progress("singles", done + 1, len(drafts))
    return _compare(remembered, forgotten)


def _batch(memory: Memoria, ids: list[str], source: Synthetic, size: int) -> dict[str, Any]:
    import numpy as np

    chosen = [ids[at] for at in np.random.default_rng(size).choice(len(ids), size, replace=False)]
    drafts = source.drafts(size)
    remembered = timed(lambda: memory.remember_many(drafts))
    forgotten = timed(lambda: memory.forget(*chosen))
    purged = timed(memory.store.purge) if hasattr(memory.store, "purge") else 0.0
    return {
        "size": size,
        "remember_s": remembered,
        "forget_s": forgotten,
        "purge_s": purged,
        "ratio": forgotten / remembered,
        "ratio_with_purge": (forgotten + purged) / remembered,
    }


def _namespace(memory: Memoria, source: Synthetic, size: int) -> dict[str, Any]:
    drafts = source.drafts(size)
    user = memory.namespace("user")
    remembered = timed(lambda: user.remember_many(drafts))
    forgotten = timed(lambda: user.forget(namespace=()))
    return {"size": size, "remember_s": remembered, "forget_s": forgotten, "ratio": forgotten / remembered}


def bench_recall(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, queries: int, seed: int
) -> dict[str, Any]:
    """Recall of vectors at n memories against exact search by a plain FAISS flat scan of the same vectors.

    stream: one thread reads as many bytes as the 1-bit codes and factors of n vectors are, in the same loop.
    """
    import faiss
    import numpy as np

    source = Synthetic(seed)
    with open_memoria(folder / "bench.memoria", embedder=embedder) as memory:
        ids = np.array(fill(memory, source, n, progress))
        rows = _as_stored(Synthetic(seed), n)
        flat = faiss.IndexFlatIP(DIMENSION)
        flat.add(rows)
        faiss.omp_set_num_threads(1)
        asked = rows[np.random.default_rng(seed).choice(n, queries)] + 0.03 * source.vectors(queries)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        memory.recall(asked[0])
        ours, plain, streamed, right = [], [], [], 0
        codes = np.ones(n * (DIMENSION // 8 + 8) // 8, np.uint64)
        for done, query in enumerate(asked):
            hits: list[Any] = []
            ours.append(timed(lambda query=query, hits=hits: hits.extend(memory.recall(query, k=10))))  # type: ignore[misc]  # bound at once
            exact: list[Any] = []
            plain.append(timed(lambda query=query, exact=exact: exact.append(flat.search(query[None], 10))))  # type: ignore[misc]  # bound at once
            streamed.append(timed(codes.sum))
            right += len({hit.memory.id for hit in hits} & set(ids[exact[0][1][0]]))
            progress("queries", done + 1, queries)
    p50, p95 = np.percentile(ours, [50, 95])
    flat_p50 = float(np.median(plain))
    return {
        "n": n,
        "queries": queries,
        "seed": seed,
        "p50_ms": p50 * 1e3,
        "p95_ms": p95 * 1e3,
        "recall_at_10": right / (10 * queries),
        "flat_p50_ms": flat_p50 * 1e3,
        "ratio_to_flat": float(p50) / flat_p50,
        "stream_p50_ms": float(np.median(streamed)) * 1e3,
        "ratio_to_stream": float(p50) / float(np.median(streamed)),
    }


def _as_stored(source: Synthetic, n: int) -> Scores:
    """The vectors that `fill` has stored, as slots hold them: unit length, rounded to fp16; shape (n, 384)."""
    import numpy as np

    parts = [source.vectors(min(_BATCH, n - at)) for at in range(0, n, _BATCH)]
    return np.concatenate(
        [(part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float16).astype(np.float32) for part in parts]
    )


def bench_open(folder: Path, n: int, embedder: Embedder, progress: Progress, *, seed: int) -> dict[str, Any]:
    """Seconds to open a store of n memories and answer the first recall, index built."""
    source = Synthetic(seed)
    path = folder / "bench.memoria"
    with open_memoria(path, embedder=embedder) as memory:
        fill(memory, source, n, progress)
    query = source.vectors(1)[0]
    started = time.perf_counter()
    with open_memoria(path, embedder=embedder, progress=progress) as memory:
        opened = time.perf_counter() - started
        memory.recall(query, k=1)
        ready = time.perf_counter() - started
    return {"n": n, "seed": seed, "open_s": opened, "ready_s": ready}


def timed(action: Callable[[], Any]) -> float:
    """Seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _compare(remembered: Sequence[float], forgotten: Sequence[float]) -> dict[str, float]:
    import numpy as np

    report: dict[str, float] = {}
    for name, times in (("remember", remembered), ("forget", forgotten)):
        p50, p95 = np.percentile(times, [50, 95])
        report |= {
            f"{name}_p50_ms": p50 * 1e3,
            f"{name}_mean_ms": float(np.mean(times)) * 1e3,
            f"{name}_p95_ms": p95 * 1e3,
        }
    report["ratio_p50"] = report["forget_p50_ms"] / report["remember_p50_ms"]
    report["ratio_mean"] = report["forget_mean_ms"] / report["remember_mean_ms"]
    return {name: float(value) for name, value in report.items()}
