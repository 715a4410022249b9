"""Throughput in PostgreSQL: many clients at once, beside plain psycopg and pgvector on the same rows in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.evaluation.bench.latency import Synthetic
from memoria.protocols import Progress
from memoria.remember import Draft

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_K = 10
_BULK = 5000
_WARM = 6
_PLAIN = """
CREATE TABLE IF NOT EXISTS public.plain (
    id bigint PRIMARY KEY, home integer NOT NULL, text text NOT NULL, embedding halfvec NOT NULL
)
"""


def bench_throughput(
    memory: Memoria,
    url: str,
    clients: Sequence[int],
    progress: Progress,
    *,
    homes: int,
    home: int,
    acts: int,
    seed: int,
) -> dict[str, Any]:
    """Verbs a second of so many threads, and of as many threads of plain SQL; and rows a second in bulk.

    url: of the database, for plain SQL, without `keys=`. homes: namespaces, of `home` memories each. acts: how often
    each verb runs at each number of clients, in three turns of either kind; the median of these is told.
    """
    ours, plain = _Ours(memory, seed), _Plain(url, max(clients), seed)
    try:
        report: dict[str, Any] = {"bulk": _bulk(ours, plain, homes, home, progress)}
        for number in clients:
            report[str(number)] = _compared(ours, plain, number, acts, progress)
        return {"homes": homes, "home": home, "acts": acts, "seed": seed, "clients": report}
    finally:
        plain.close()


def _bulk(ours: _Ours, plain: _Plain, homes: int, home: int, progress: Progress) -> dict[str, float]:
    """Fills both with the same rows, in turns."""
    taken = {"ours": 0.0, "copy": 0.0}
    for number in range(homes):
        drafts = ours.source.drafts(home)
        taken["copy"] += _seconds(lambda drafts=drafts, number=number: plain.copy(number, drafts))  # type: ignore[misc]
        taken["ours"] += _seconds(lambda drafts=drafts, number=number: ours.fill(number, drafts))  # type: ignore[misc]
        progress("fill", number + 1, homes)
    rates = {f"{name}_rows_per_s": homes * home / seconds for name, seconds in taken.items()}
    return {**rates, "ours_to_copy": taken["copy"] / taken["ours"]}


def _compared(ours: _Ours, plain: _Plain, clients: int, acts: int, progress: Progress) -> dict[str, Any]:
    rates: dict[str, dict[str, list[float]]] = {
        verb: {"ours": [], "plain": []} for verb in ("remember", "recall", "forget")
    }
    per, turns = max(1, acts // (3 * clients)), 3
    _warm(ours, clients)
    for turn in range(turns):
        drafts, asked = ours.source.drafts(per * clients), ours.source.vectors(per * clients)
        for name, kind in (("plain", plain), ("ours", ours)) if turn % 2 else (("ours", ours), ("plain", plain)):
            verbs: dict[str, Callable[[int], object]] = {
                "remember": partial(_given, kind.remember, drafts),
                "recall": partial(_given, kind.recall, asked),
                "forget": kind.forget,
            }
            for verb, act in verbs.items():
                rates[verb][name].append(per * clients / _at_once(clients, per, act))
        progress(f"{clients} clients", turn + 1, turns)
    return {verb: _told(found) for verb, found in rates.items()}


def _warm(ours: _Ours, clients: int) -> None:
    """Each verb some times at once, so that there are as many connections as there will be, and plans on them."""
    drafts, asked = ours.source.drafts(_WARM * clients), ours.source.vectors(_WARM * clients)
    for act in (partial(_given, ours.remember, drafts), partial(_given, ours.recall, asked), ours.forget):
        _at_once(clients, _WARM, act)


def _given(act: Callable[[int, Any], object], given: Any, at: int) -> None:
    act(at, given[at])


def _told(found: dict[str, list[float]]) -> dict[str, float]:
    import numpy as np

    ours, plain = (float(np.median(found[name])) for name in ("ours", "plain"))
    return {"ours_per_s": ours, "plain_per_s": plain, "ratio": ours / plain}


def _at_once(clients: int, per: int, act: Callable[[int], object]) -> float:
    """Seconds until `clients` threads have acted `per` times each."""

    def run(client: int) -> None:
        for n in range(per):
            act(client * per + n)

    with ThreadPoolExecutor(clients) as pool:
        return _seconds(lambda: list(pool.map(run, range(clients))))


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


class _Ours:
    """The library."""

    def __init__(self, memory: Memoria, seed: int) -> None:
        self.memory, self.source = memory, Synthetic(seed)
        self.views: list[Memoria] = []
        self.made: dict[int, tuple[Memoria, str]] = {}

    def fill(self, number: int, drafts: Sequence[Draft]) -> None:
        self.views.append(self.memory.namespace("user", str(number)))
        for at in range(0, len(drafts), _BULK):
            self.views[-1].remember_many(drafts[at : at + _BULK])

    def remember(self, at: int, draft: Draft) -> None:
        view = self.views[at % len(self.views)]
        (made,) = view.remember_many([draft])
        self.made[at] = view, made.id

    def recall(self, at: int, vector: Vectors) -> None:
        self.views[at % len(self.views)].recall(vector, k=_K)

    def forget(self, at: int) -> None:
        view, id = self.made.pop(at)
        view.forget(id)


class _Plain:
    """A table with an index by namespace, and a connection for each client."""

    def __init__(self, url: str, clients: int, seed: int) -> None:
        import queue

        import psycopg
        from pgvector.psycopg import register_vector

        self._free: queue.Queue[Any] = queue.Queue()
        for _ in range(clients):
            connection = psycopg.connect(url, autocommit=True)
            connection.execute("SET search_path = public")
            register_vector(connection)
            connection.execute("SET enable_seqscan = off")
            self._free.put(connection)
        self._run(_PLAIN)
        self._run("CREATE INDEX IF NOT EXISTS plain_by_home ON public.plain (home)")
        self._homes = 0
        self._ids = 0

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        connection = self._free.get()
        try:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else None
        finally:
            self._free.put(connection)

    def copy(self, number: int, drafts: Sequence[Draft]) -> None:
        connection = self._free.get()
        self._homes = number + 1
        with connection.cursor().copy("COPY public.plain FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int8", "int4", "text", "halfvec"])
            for draft in drafts:
                self._ids += 1
                copy.write_row((self._ids, number, draft.text, self._half(draft.vector)))
        self._free.put(connection)

    def _half(self, vector: Any) -> Any:
        import numpy as np
        from pgvector import HalfVector

        return HalfVector(np.asarray(vector, np.float16))

    def remember(self, at: int, draft: Draft) -> None:
        values = (-1 - at, at % self._homes, draft.text, self._half(draft.vector))
        self._run("INSERT INTO public.plain VALUES (%s, %s, %s, %s)", values)

    def recall(self, at: int, vector: Vectors) -> None:
        sql = "SELECT id, text FROM public.plain WHERE home = %s ORDER BY embedding <#> %s LIMIT %s"
        self._run(sql, (at % self._homes, self._half(vector), _K))

    def forget(self, at: int) -> None:
        self._run("DELETE FROM public.plain WHERE id = %s", (-1 - at,))

    def close(self) -> None:
        while not self._free.empty():
            self._free.get().close()
