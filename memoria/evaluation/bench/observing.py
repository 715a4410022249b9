"""What being observed costs a verb: the bare method, the verb while nobody observes, and while every call is logged."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.latency import Synthetic, fill
from memoria.protocols import Embedder, Progress


def bench_observe(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, rounds: int, seed: int
) -> dict[str, Any]:
    """Median microseconds of three verbs at n memories, by turns, and their ratios to the method that is wrapped.

    Vectors are given, so that no model's time dampens a ratio.
    """
    source = Synthetic(seed)
    with open_memoria(folder / "observe", embedder=embedder, reinforce="never") as memory:
        ids = fill(memory, source, n, progress)
        query = source.vectors(1)[0]
        report: dict[str, Any] = {"n": n, "rounds": rounds, "seed": seed}
        drafts = iter(source.drafts(3 * rounds))
        report["recall"] = _compare(memory, "recall_many", lambda: ([query],), rounds)
        report["remember"] = _compare(memory, "remember_many", lambda: ([next(drafts)],), rounds)
        report["pin"] = _compare(memory, "pin", lambda: (ids[0],), rounds)
    return report


def _compare(memory: Memoria, name: str, arguments: Callable[[], tuple[Any, ...]], rounds: int) -> dict[str, float]:
    import numpy as np

    verb = getattr(Memoria, name)
    ways = {"bare": inspect.unwrap(verb), "unobserved": verb, "logged": verb}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for at in range(rounds):
        for way in sorted(ways, reverse=bool(at % 2)):
            given = arguments()
            with _logging(way == "logged"):
                started = perf_counter()
                ways[way](memory, *given)
                taken[way].append(perf_counter() - started)
    micros = {way: float(np.median(times)) * 1e6 for way, times in taken.items()}
    ratios = {f"{way}_ratio": micros[way] / micros["bare"] for way in ("unobserved", "logged")}
    return {**{f"{way}_us": value for way, value in micros.items()}, **ratios}


@contextmanager
def _logging(on: bool) -> Iterator[None]:
    """While `on`, every log line is formatted and then discarded."""
    log, thrown = logging.getLogger("memoria"), _Thrown()
    before = log.level, log.propagate
    if on:
        log.addHandler(thrown)
        log.setLevel(logging.DEBUG)
        log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(thrown)
        log.setLevel(before[0])
        log.propagate = before[1]


class _Thrown(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
