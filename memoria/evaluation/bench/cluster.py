"""What the store in PostgreSQL costs as it grows: the same questions at each size, in namespaces of one size."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from memoria.engine.memory import Memoria
from memoria.evaluation.bench.latency import Synthetic, timed
from memoria.evaluation.bench.relay import Relay, relayed
from memoria.identity import IdSource
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.stores.disk import Disk
from memoria.stores.postgres import PostgresStore
from memoria.types import EmbedderCard, Memory, Namespace, Record, Trace

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_K = 10
_BATCH = 1000
_WARM = 4
# Seconds after which an idle process of the server has told what it did.
_TOLD = 1.5


def bench_postgres(
    memory: Memoria, sizes: Sequence[int], progress: Progress, *, home: int, rounds: int, seed: int
) -> dict[str, Any]:
    """Insert, recall, forget and erasing a namespace at each of the sizes, ascending; the store is empty at first.

    home: memories in a namespace. rounds: how often each verb is timed, on namespaces at random.
    """
    source = Synthetic(seed)
    filler = _Filler(memory, source, home)
    steps = [_at(memory, filler, n, progress, rounds=rounds) for n in sizes]
    first, last = steps[0], steps[-1]
    grown = {verb: last[verb]["p50_ms"] / first[verb]["p50_ms"] for verb in ("remember", "search", "recall", "forget")}
    return {
        "home": home,
        "rounds": rounds,
        "seed": seed,
        "sizes": {str(step["n"]): step for step in steps},
        "growth": {"rows": last["n"] / first["n"], **grown, "erase": last["erase_s"] / first["erase_s"]},
    }


class _Filler:
    """Writes synthetic memories straight into a store, one namespace after the other."""

    def __init__(self, memory: Memoria, source: Synthetic, home: int) -> None:
        self.memory, self.source, self.home = memory, source, home
        self.made = 0
        self.homes: list[Namespace] = []
        self.some: dict[Namespace, list[str]] = {}
        self._ids = IdSource()

    def fill(self, n: int, progress: Progress) -> float:
        """Up to n memories in all; returns how many rows a second."""
        before, started = self.made, time.perf_counter()
        while self.made < n:
            name = ("user", str(len(self.homes)))
            records = [self._record(name, draft) for draft in self.source.drafts(self.home)]
            for at in range(0, len(records), _BATCH):
                self.memory.store.write(records[at : at + _BATCH])
            self.homes.append(name)
            self.some[name] = [record.memory.id for record in records]
            self.made += self.home
            progress("fill", self.made, n)
        return (self.made - before) / (time.perf_counter() - started)

    def _record(self, name: Namespace, draft: Draft) -> Record:
        import numpy as np

        one = Memory(id=self._ids.new(_AT), namespace=name, text=draft.text, created_at=_AT, subject=draft.subject)
        vector = np.asarray(draft.vector, np.float32)
        return Record(memory=one, trace=Trace.of(one), vector=vector / np.linalg.norm(vector))


def _at(memory: Memoria, filler: _Filler, n: int, progress: Progress, *, rounds: int) -> dict[str, Any]:
    import numpy as np

    rows = filler.fill(n, progress)
    rng = np.random.default_rng(n)
    step: dict[str, Any] = {"n": n, "namespaces": len(filler.homes), "insert_rows_per_s": rows}
    chosen = [filler.homes[at] for at in rng.integers(len(filler.homes), size=rounds)]
    drafts, asked = filler.source.drafts(rounds), filler.source.vectors(rounds)
    going = [filler.some[name].pop() for name in chosen]
    texts = [f"order {7 * at} of person {at % 997}" for at in range(rounds)]

    def remember(at: int) -> None:
        memory.namespace(*chosen[at]).remember_many([drafts[at]])

    verbs: dict[str, Callable[[int], object]] = {
        "remember": remember,
        "search": lambda at: memory.namespace(*chosen[at]).recall(asked[at], k=_K),
        # Only a few namespaces are asked, so that their words are in RAM, as for an agent at work.
        "recall": lambda at: memory.namespace(*chosen[at % _WARM]).recall(texts[at], k=_K),
        "forget": lambda at: memory.namespace(*chosen[at]).forget(going[at]),
    }
    for at in range(_WARM):
        verbs["recall"](at)
    times: dict[str, list[float]] = {verb: [] for verb in verbs}
    for at in range(rounds):
        # In another order each time: what follows a recall finds the caches full of something else.
        for verb in rng.permutation(list(verbs)):
            times[verb].append(timed(lambda act=verbs[verb], at=at: act(at)))  # type: ignore[misc]  # bound at once
        progress("verbs", at + 1, rounds)
    step |= {verb: _quantiles(measured) for verb, measured in times.items()}
    for name in ("p50_ms", "mean_ms"):
        step[f"forget_to_remember_{name.removesuffix('_ms')}"] = step["forget"][name] / step["remember"][name]
    return step | _erase(memory, filler)


def _erase(memory: Memoria, filler: _Filler) -> dict[str, Any]:
    """A namespace goes whole; its rows go later, and then one partition is written anew."""
    store = memory.store
    assert isinstance(store, PostgresStore)
    name = filler.homes.pop()
    del filler.some[name]
    filler.made -= filler.home
    erased = timed(lambda: memory.namespace(*name).forget(namespace=()))
    swept = purged = 0.0
    rewritten = 0
    while (job := store.claim(3600)) is not None:
        if job.kind == "sweep":
            swept += timed(lambda job=job: store.sweep(job.target))  # type: ignore[misc]  # bound at once
        elif job.kind == "purge" and not rewritten:
            purged, rewritten = timed(lambda job=job: store.rewrite(job.target.decode())), 1  # type: ignore[misc]  # bound at once
        store.done(job)
    return {"erase_s": erased, "sweep_s": swept, "rewrite_one_partition_s": purged}


def _quantiles(times: Sequence[float]) -> dict[str, float]:
    import numpy as np

    return {
        "p50_ms": 1000 * float(np.median(times)),
        "mean_ms": 1000 * float(np.mean(times)),
        "p95_ms": 1000 * float(np.quantile(times, 0.95)),
    }


class Counted(Disk):
    """A disk that counts how often keys are synced."""

    def __init__(self) -> None:
        super().__init__()
        self.syncs = 0

    def sync(self, fd: int) -> None:
        """As of `Disk`."""
        self.syncs += 1
        super().sync(fd)


def counted(url: str, card: EmbedderCard, embedder: Embedder, rounds: int = 20) -> dict[str, Any]:
    """Round trips on the connection, and syncs of keys and of the server's log, of one remember and one forget.

    url: of a server whose socket is reached by its folder; everything is counted apart from what is timed.
    """
    disk, source = Counted(), Synthetic(1)
    with relayed(url) as (through, relay):
        store = PostgresStore(through, embedder=card, disk=disk, threads=1)
        with Memoria(store, embedder, reinforce="never") as memory:
            view = memory.namespace("counted")
            ids = [view.remember_many([draft])[0].id for draft in source.drafts(2 * rounds)]
            # The first of each reads what is kept in RAM from then on.
            view.forget(ids.pop())
            acts: dict[str, Callable[[], object]] = {
                "remember": lambda: view.remember_many(source.drafts(1)),
                "forget": lambda: view.forget(ids.pop()),
            }
            return {verb: _counts(store, disk, relay, act, rounds) for verb, act in acts.items()}


def _counts(
    store: PostgresStore, disk: Counted, relay: Relay, act: Callable[[], object], rounds: int
) -> dict[str, float]:
    synced, logged = disk.syncs, _log_syncs(store)
    trips = 0
    for _ in range(rounds):
        before = relay.trips
        act()
        trips += relay.trips - before
    per = {"trips": trips, "key_syncs": disk.syncs - synced, "log_syncs": _log_syncs(store) - logged}
    return {name: count / rounds for name, count in per.items()}


def _log_syncs(store: PostgresStore) -> int:
    """How often the server has synced its log, once all of its processes have said so."""
    time.sleep(_TOLD)
    with store._cluster.connection() as connection:
        ((version,),) = connection.execute("SELECT current_setting('server_version_num')::int").fetchall()
        sql = "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'"
        ((count,),) = connection.execute(sql if version >= 180_000 else "SELECT wal_sync FROM pg_stat_wal").fetchall()
    return int(count)
