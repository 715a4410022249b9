"""How long others wait while a partition is written anew: by `purge`, and by VACUUM FULL, on the same rows."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np

from memoria.engine.memory import Memoria
from memoria.errors import MemoriaError
from memoria.evaluation.bench.cluster import _Filler as Filler
from memoria.evaluation.bench.latency import Synthetic, timed
from memoria.protocols import Progress
from memoria.stores.postgres import PostgresStore
from memoria.types import Namespace

_HOME, _GONE = 1000, 100


def bench_purge(memory: Memoria, n: int, progress: Progress, *, seed: int) -> dict[str, Any]:
    """Of one partition with n memories, of which one in a hundred was forgotten: seconds, and the longest wait.

    memory: on a store that is empty, and was made with one partition. Others are a writer and a reader, each without a
    pause, in namespaces of their own.
    """
    store = memory.store
    assert isinstance(store, PostgresStore)
    filler = Filler(memory, Synthetic(seed), _HOME)
    filler.fill(n, progress)
    result: dict[str, Any] = {"memories": n}
    locked: list[float] = []
    ways = {
        "rewrite": lambda: locked.append(store.rewrite("memory_0000")),
        "vacuum_full": lambda: _vacuum(store),
    }
    for name, act in ways.items():
        for home, ids in list(filler.some.items())[: n // _HOME]:
            memory.namespace(*home).forget(*[ids.pop() for _ in range(_HOME // _GONE) if ids])
        result["partition_mb"] = _size(store) / (1 << 20)
        with _Others(memory, filler.homes) as others:
            time.sleep(1.0)
            idle = others.longest()
            seconds = timed(act)
            # Who still waits has its turn now.
            time.sleep(1.0)
            waited = others.longest()
        result[name] = {"seconds": seconds, "idle_longest_s": idle, "longest_wait_s": waited}
    result["rewrite"]["locked_s"] = locked[0]
    result["vacuum_full_to_rewrite"] = max(result["vacuum_full"]["longest_wait_s"].values()) / max(
        result["rewrite"]["longest_wait_s"].values()
    )
    return result


def _vacuum(store: PostgresStore) -> None:
    with store._cluster.beside() as connection:
        for table in ("memory_0000", "passage_0000"):
            connection.execute(f"VACUUM (FULL) memoria.{table}".encode())


def _size(store: PostgresStore) -> int:
    with store._cluster.beside() as connection:
        ((size,),) = connection.execute("SELECT pg_total_relation_size('memoria.memory_0000')").fetchall()
    return int(size)


class _Others:
    """A writer and a reader at work, and how long each verb took at most."""

    def __init__(self, memory: Memoria, homes: list[Namespace]) -> None:
        self._memory, self._homes = memory, homes
        self._ended = threading.Event()
        self._took: dict[str, list[float]] = {"remember": [], "search": []}
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]

    def __enter__(self) -> _Others:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def longest(self) -> dict[str, float]:
        """Since the last call."""
        taken, self._took = self._took, {verb: [] for verb in self._took}
        return {verb: max(times, default=0.0) for verb, times in taken.items()}

    def _write(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            started = time.perf_counter()
            # One that waited for longer than it may has waited as well.
            with suppress(MemoriaError):
                self._memory.namespace("other").remember(f"order {number}")
            self._took["remember"].append(time.perf_counter() - started)

    def _read(self) -> None:
        rng = np.random.default_rng(0)
        dimension = self._memory.store.embedder.dimension
        while not self._ended.is_set():
            vector = rng.standard_normal(dimension).astype(np.float32)
            home = self._homes[rng.integers(len(self._homes))]
            started = time.perf_counter()
            with suppress(MemoriaError):
                self._memory.namespace(*home).recall(vector, k=5)
            self._took["search"].append(time.perf_counter() - started)
