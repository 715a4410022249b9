"""What it costs to judge how important a memory is: a store that does beside one that does not, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.latency import Synthetic, fill
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.retention.windows import SalienceLike

_KINDS: dict[str, SalienceLike] = {"judged": "text", "flat": "flat"}
_BATCH = 2000
Taken = tuple[float, float]
"""Seconds that passed, and seconds of the processor, which other work on the machine does not lengthen."""


def bench_salience(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, rounds: int, seed: int
) -> dict[str, Any]:
    """Medians at n memories and their ratios, by turns: remember with and without embedding, a batch, and forget.

    first: the first remember after opening, which reads the window of its namespace from the store.
    """
    report: dict[str, Any] = {"n": n, "rounds": rounds, "seed": seed}
    with ExitStack() as stack:
        stores = {
            kind: stack.enter_context(open_memoria(folder / kind, embedder=embedder, salience=how))
            for kind, how in _KINDS.items()
        }
        homes = {kind: store.namespace("bench") for kind, store in stores.items()}
        ids = {kind: fill(home, Synthetic(seed), n, progress) for kind, home in homes.items()}
        drafts = Synthetic(seed + 1).drafts(rounds + _BATCH)
        embedder.embed(["warm"])
        report["storage"] = _turns(homes, [[draft] for draft in drafts[:rounds]], progress)
        texts = [[replace(draft, vector=None)] for draft in drafts[: min(rounds, 200)]]
        report["with_embedding"] = _turns(homes, texts, progress)
        report["batch"] = {"size": _BATCH} | _turns(homes, [drafts[rounds:]], progress)
        report["forget"] = _forgets(homes, ids, rounds)
    firsts = {
        kind: [_first(folder / kind, embedder, how, drafts[-1]) for _ in range(5)] for kind, how in _KINDS.items()
    }
    report["first"] = _compared(firsts)
    return report


def _turns(homes: dict[str, Memoria], batches: Sequence[Sequence[Draft]], progress: Progress) -> dict[str, Any]:
    times: dict[str, list[Taken]] = {kind: [] for kind in homes}
    for done, batch in enumerate(batches):
        for kind in homes if done % 2 else reversed(homes):
            times[kind].append(_timed(_storing(homes[kind], batch)))
        progress("remember", done + 1, len(batches))
    return _compared(times)


def _storing(home: Memoria, batch: Sequence[Draft]) -> Callable[[], object]:
    return lambda: home.remember_many(batch)


def _forgets(homes: dict[str, Memoria], ids: dict[str, list[str]], rounds: int) -> dict[str, Any]:
    times: dict[str, list[Taken]] = {kind: [] for kind in homes}
    for at in range(rounds):
        for kind in homes if at % 2 else reversed(homes):
            times[kind].append(_timed(_forgetting(homes[kind], ids[kind][at])))
    return _compared(times)


def _forgetting(home: Memoria, id: str) -> Callable[[], object]:
    return lambda: home.forget(id)


def _first(path: Path, embedder: Embedder, how: SalienceLike, draft: Draft) -> Taken:
    with open_memoria(path, embedder=embedder, salience=how) as memory:
        home = memory.namespace("bench")
        home.remember_many([replace(draft, salience=0.5)])
        return _timed(_storing(home, [draft]))


def _timed(action: Callable[[], object]) -> Taken:
    passed, worked = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - passed, time.process_time() - worked


def _compared(times: dict[str, list[Taken]]) -> dict[str, Any]:
    import numpy as np

    middle = {kind: np.median(np.array(some), axis=0) * 1e3 for kind, some in times.items()}
    said = {f"{kind}_ms": float(passed) for kind, (passed, _) in middle.items()}
    said |= {f"{kind}_processor_ms": float(worked) for kind, (_, worked) in middle.items()}
    names = ("ratio", "processor_ratio")
    return said | dict(zip(names, (middle["judged"] / middle["flat"]).tolist(), strict=True))
