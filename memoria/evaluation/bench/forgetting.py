"""The costs of fading and scoring, and which policies show the spacing effect: figures from one run."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.evaluation.bench.latency import timed
from memoria.identity import IdSource
from memoria.policies import Exponential, registry
from memoria.policies.spacing import START, five
from memoria.protocols import Progress
from memoria.retention import fade as fading
from memoria.stores import LocalStore
from memoria.types import EmbedderCard, Memory, Record, Trace

DAY = timedelta(days=1)
DIMENSION = 64
_BATCH = 10_000


class _NoEmbedder:
    card = EmbedderCard(name="none", dimension=DIMENSION)

    def embed(self, texts: Any) -> Any:
        raise NotImplementedError("vectors are given")


def bench_fade(folder: Path, n: int, progress: Progress, *, due: int, rounds: int, seed: int) -> dict[str, Any]:
    """Seconds to fade `due` memories, scattered at random over small and large stores, of 10,000 and of n."""
    report: dict[str, Any] = {"n": n, "due": due, "rounds": rounds, "seed": seed}
    for size in dict.fromkeys((10_000, n)):
        report[f"fade_s_of_{size}"] = _fade(folder / f"{size}.memoria", size, progress, due, rounds, seed)
    report["ratio"] = report[f"fade_s_of_{n}"] / report["fade_s_of_10000"]
    return report


def _fade(path: Path, n: int, progress: Progress, due: int, rounds: int, seed: int) -> float:
    """Median over rounds except the first, which warms the page cache."""
    policy = Exponential()
    store = LocalStore(path, embedder=_NoEmbedder.card)
    with Memoria(store, _NoEmbedder(), policy=policy) as memory:
        store.write_note("schedule", fading.schedule_of(policy, fading.FADE_BELOW))
        _fill(store, n, progress, due, rounds + 1, seed)
        times = []
        for round in range(rounds + 1):
            started = time.perf_counter()
            gone = memory.fade(START + round * DAY)
            times.append(time.perf_counter() - started)
            assert len(gone) == due
    return statistics.median(times[1:])


def _fill(store: LocalStore, n: int, progress: Progress, due: int, rounds: int, seed: int) -> None:
    import numpy as np

    rng = np.random.default_rng(seed)
    ids = IdSource()
    fades = np.full(n, 3650)
    chosen = rng.choice(n, due * rounds, replace=False)
    fades[chosen] = np.repeat(np.arange(rounds), due)
    for at in range(0, n, _BATCH):
        vectors = rng.standard_normal((min(_BATCH, n - at), DIMENSION), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        records = []
        for offset, vector in enumerate(vectors):
            memory = Memory(
                id=ids.new(START), namespace=("bench",), text=f"memory number {at + offset} of many", created_at=START
            )
            fades_at = START + int(fades[at + offset]) * DAY
            records.append(Record(memory=memory, trace=Trace.of(memory, fades_at=fades_at), vector=vector))
        store.write(records)
        progress("fill", at + len(records), n)


def bench_score(n: int, *, rounds: int, seed: int) -> dict[str, Any]:
    """Seconds to score n traces with each policy over seconds of one numpy `exp` over n; medians, interleaved."""
    import numpy as np

    from memoria.traces import Traces, micros

    rng = np.random.default_rng(seed)
    few = [
        replace(Trace(last_retrieved=START), stability=float(s), strength=float(w), salience=float(i))
        for s, w, i in rng.uniform(0.1, 1, (1000, 3))
    ]
    columns = Traces.of(few).rows(rng.integers(1000, size=n))
    last = micros(START) - rng.integers(0, 365 * 86_400_000_000, n)
    columns = columns.replaced(last_retrieved=last, encoded_at=last, recent=last[:, None].astype(np.float64))
    x = rng.uniform(-10, 0, n)
    policies = {name: registry.make(name) for name in registry.OURS if name != "random"}
    at = START + 30 * DAY
    exps: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in policies}
    for _ in range(rounds):
        exps.append(timed(lambda: np.exp(x)))
        for name, policy in policies.items():
            times[name].append(timed(lambda policy=policy: policy.retrievability(columns, at)))  # type: ignore[misc]  # bound at once
    exp = statistics.median(exps)
    ratios = {name: statistics.median(found) / exp for name, found in times.items()}
    return {"n": n, "rounds": rounds, "seed": seed, "exp_ms": exp * 1e3, "ratio_to_exp": ratios}


def spacing(gap_days: float = 7.0, test_days: float = 30.0) -> list[dict[str, Any]]:
    """Per policy: retrievability `test_days` after the last of five uses a minute apart, and `gap_days` apart."""
    rows = []
    for name in registry.names():
        policy = registry.make(name)
        massed, spaced = (five(policy, gap, test_days * DAY) for gap in (timedelta(minutes=1), gap_days * DAY))
        claims = bool(getattr(policy, "spacing", False))
        rows.append(
            {"policy": name, "claims": claims, "massed": massed, "spaced": spaced, "shows": spaced > massed + 1e-9}
        )
    return rows


__all__ = ["bench_fade", "bench_score", "spacing"]
