"""How much a pass of sleep in a thread slows recall: both measured in one run, alternating by store."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.hybrid import Given, Talk
from memoria.protocols import Embedder, Progress

_BATCH = 10_000


def bench_sleep(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, queries: int, seed: int
) -> dict[str, Any]:
    """p50 and p95 of a hybrid recall without and during a pass of sleep over the same store; their ratios.

    n: memories in one namespace. queries: recalls timed before the pass; then as many as fit into the pass. Vectors
    are given, because the time of a model would only bring the ratio nearer to 1.
    """
    import numpy as np

    talk = Talk(seed)
    with open_memoria(folder / "sleep", embedder=embedder, reinforce="never", progress=progress) as memory:
        for at in range(0, n, _BATCH):
            memory.remember_many(talk.drafts(at, min(_BATCH, n - at)))
        memory.embedder = given = Given(embedder, np.asarray([draft.vector for draft in talk.drafts(n, 1)]))
        texts = [talk.text(6) for _ in range(queries)]
        _times(memory, given, texts[:20])
        awake = _times(memory, given, texts)
        before = len(memory)
        sleeper = memory.sleep(background=True, like=0.2, prune=False, detector=None)
        asleep: list[float] = []
        while sleeper.asleep and len(asleep) < 100 * queries:
            asleep += _times(memory, given, texts[:50])
        sleeper.wake()
        night = sleeper.wait()
        after = len(memory)
    report: dict[str, Any] = {
        "n": n,
        "recalls_asleep": len(asleep),
        "replayed": night.replayed,
        "gists": len(night.gists),
    }
    report |= {"memories_before": before, "memories_after": after}
    for name, share in (("p50", 50), ("p95", 95)):
        quiet, busy = np.percentile(awake, share), np.percentile(asleep, share)
        report |= {f"awake_{name}_ms": quiet * 1e3, f"asleep_{name}_ms": busy * 1e3, f"ratio_{name}": busy / quiet}
    return report


def _times(memory: Memoria, given: Given, texts: list[str]) -> list[float]:
    """Seconds of each recall."""
    taken = []
    for text in texts:
        given.at = 0
        start = perf_counter()
        memory.recall(text, k=10)
        taken.append(perf_counter() - start)
    return taken
