"""What sealing costs: a store that is sealed beside one in clear, in one run, verb by verb in turn."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.latency import Synthetic, fill, timed
from memoria.protocols import Embedder, Progress

_KINDS = ("clear", "sealed")


def bench_sealed(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, rounds: int, seed: int
) -> dict[str, Any]:
    """Medians of remember, forget and recall, and of opening, in clear and sealed, and the ratio of the two."""
    # 64 digits: stretching a passphrase costs the same at any size, and is said apart.
    keys = {"clear": None, "sealed": secrets.token_hex(32)}
    times: dict[str, dict[str, list[float]]] = {}
    report: dict[str, Any] = {"n": n, "rounds": rounds, "seed": seed}
    with ExitStack() as stack:
        homes = {
            kind: stack.enter_context(open_memoria(folder / kind, embedder=embedder, unlock=key)).namespace("bench")
            for kind, key in keys.items()
        }
        source = Synthetic(seed)
        ids = {kind: fill(home, Synthetic(seed), n, progress) for kind, home in homes.items()}
        for home in homes.values():
            home.recall(source.vectors(1)[0], k=1)
        for done in range(rounds):
            for kind in _KINDS if done % 2 else reversed(_KINDS):
                _round(homes[kind], ids[kind], source, times.setdefault(kind, {}))
            progress("rounds", done + 1, rounds)
    query = source.vectors(1)[0]
    for _ in range(3):
        for kind, key in keys.items():
            found = _open(folder / kind, embedder, key, query)
            for name, seconds in found.items():
                times[kind].setdefault(name, []).append(seconds)
    return report | _compared(times)


def _round(memory: Memoria, ids: list[str], source: Synthetic, times: dict[str, list[float]]) -> None:
    (draft,), query = source.drafts(1), source.vectors(1)[0]
    target = ids.pop(len(ids) // 2)
    for name, work in (
        ("remember", lambda: ids.append(memory.remember_many([draft])[0].id)),
        ("forget", lambda: memory.forget(target)),
        ("recall", lambda: memory.recall(query, k=10)),
    ):
        times.setdefault(name, []).append(timed(work))


def _open(path: Path, embedder: Embedder, key: str | None, query: Any) -> dict[str, float]:
    """Seconds to open it, and until it has answered."""
    started = time.perf_counter()
    with open_memoria(path, embedder=embedder, unlock=key) as memory:
        opened = time.perf_counter() - started
        memory.namespace("bench").recall(query, k=1)
        return {"open": opened, "ready": time.perf_counter() - started}


def _compared(times: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    import numpy as np

    report: dict[str, Any] = {}
    for name in times["clear"]:
        middle = {kind: float(np.median(times[kind][name])) * 1e3 for kind in _KINDS}
        report[name] = {f"{kind}_ms": value for kind, value in middle.items()}
        report[name]["ratio"] = middle["sealed"] / middle["clear"]
    return report
