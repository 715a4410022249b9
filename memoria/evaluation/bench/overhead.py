"""The cost of an adapter: put, search, get and delete through MemoriaStore and LangGraph's own SqliteStore."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.latency import DIMENSION, Synthetic
from memoria.extras import extra
from memoria.integrations.langgraph import MemoriaStore
from memoria.protocols import Progress

with extra("langgraph"):
    from langgraph.store.base import BaseStore, IndexConfig, PutOp
    from langgraph.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_PLACE = ("bench", "user")
_BATCH = 100
_LIMIT = 10


class _Lookup:
    """An embedding function that only looks up: both stores get the same vectors, and neither pays for a model.

    Any other text, such as those by which a callable is known again, gets the vector of the first.
    """

    def __init__(self, source: Synthetic, texts: int) -> None:
        self._vectors: dict[str, Vectors] = {
            draft.text: draft.vector for draft in source.drafts(texts) if draft.vector is not None
        }
        self.texts = list(self._vectors)

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._vectors.get(text, self._vectors[self.texts[0]]).tolist() for text in texts]


def bench_langgraph(folder: Path, n: int, progress: Progress, *, rounds: int, seed: int) -> dict[str, Any]:
    """Milliseconds at n items of each operation in both stores, by turns, and their ratio: below 1, ours is faster."""
    lookup = _Lookup(Synthetic(seed), n + 2 * rounds)
    index: IndexConfig = {"dims": DIMENSION, "embed": lookup, "fields": ["text"]}
    with (
        MemoriaStore.from_conn_string(folder / "ours.memoria", index=index) as ours,
        _reference(folder / "theirs.db", index) as reference,
    ):
        stores: dict[str, BaseStore] = {"memoria": ours, "sqlite": reference}
        for at in range(0, n, _BATCH):
            batch = [_put(number, lookup.texts[number]) for number in range(at, min(at + _BATCH, n))]
            for store in stores.values():
                store.batch(batch)
            progress("fill", at + len(batch), n)
        fresh, asked = lookup.texts[n : n + rounds], lookup.texts[n + rounds :]
        report: dict[str, Any] = {"n": n, "rounds": rounds, "seed": seed}
        steps: dict[str, Callable[[BaseStore, int], Any]] = {
            "put": lambda store, at: store.put(_PLACE, f"new{at}", {"text": fresh[at]}),
            "search": lambda store, at: store.search(_PLACE, query=asked[at], limit=_LIMIT),
            "get": lambda store, at: store.get(_PLACE, f"item{at % n}"),
            "update": lambda store, at: store.put(_PLACE, f"new{at}", {"text": asked[at]}),
            "delete": lambda store, at: store.delete(_PLACE, f"new{at}"),
        }
        same = [_keys(ours, text) == _keys(reference, text) for text in asked[:50]]
        report["same_results"] = sum(same) / len(same)
        for done, (name, step) in enumerate(steps.items(), 1):
            report[name] = _by_turns(stores, step, rounds)
            progress("measure", done, len(steps))
        both = [report["put"], report["search"]]
        report["put_and_search_ratio"] = sum(one["memoria_ms"] for one in both) / sum(one["sqlite_ms"] for one in both)
    return report


@contextmanager
def _reference(path: Path, index: IndexConfig) -> Iterator[SqliteStore]:
    """LangGraph's store unchanged, except that SQLite is one that can load extensions, if Python's own cannot."""
    connect: Any = sqlite3.connect
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        with extra("bench"):
            import pysqlite3
        connect = pysqlite3.connect
    # Its name for the fields is another one.
    config: Any = {**index, "text_fields": index["fields"]}
    with closing(connect(str(path), check_same_thread=False, isolation_level=None)) as connection:
        store = SqliteStore(connection, index=config)
        store.setup()
        yield store


def _put(number: int, text: str) -> PutOp:
    return PutOp(_PLACE, f"item{number}", {"text": text})


def _keys(store: BaseStore, text: str) -> list[str]:
    return [item.key for item in store.search(_PLACE, query=text, limit=_LIMIT)]


def _by_turns(stores: dict[str, BaseStore], step: Callable[[BaseStore, int], Any], rounds: int) -> dict[str, float]:
    """Median milliseconds of a step in each store, the stores by turns, and the ratio of ours to theirs."""
    import numpy as np

    taken: dict[str, list[float]] = {name: [] for name in stores}
    for at in range(rounds):
        for name in sorted(stores, reverse=bool(at % 2)):
            started = time.perf_counter()
            step(stores[name], at)
            taken[name].append(time.perf_counter() - started)
    median = {name: float(np.median(times)) * 1000 for name, times in taken.items()}
    mean = {name: float(np.mean(times)) * 1000 for name, times in taken.items()}
    return {
        "memoria_ms": median["memoria"],
        "sqlite_ms": median["sqlite"],
        "ratio": median["memoria"] / median["sqlite"],
        "ratio_of_means": mean["memoria"] / mean["sqlite"],
    }
