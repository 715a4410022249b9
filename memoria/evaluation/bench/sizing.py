"""What partitions cost a database before anything is in it, and what a row and a key take on disk."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.evaluation.bench.cluster import _Filler as Filler
from memoria.evaluation.bench.latency import Synthetic, timed
from memoria.protocols import Progress
from memoria.stores.postgres import PostgresStore
from memoria.stores.postgres.schema import BY_SLOT
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server

EMBEDDER = HashEmbedder(384)
_MB = 1 << 20
_HOME, _HOMES = 1000, 64


def bench_sizing(
    server: Server, keys: Path, partitions: Sequence[int], n: int, progress: Progress, *, seed: int
) -> dict[str, Any]:
    """An empty store of each number of partitions, and one of n memories of 384 numbers in namespaces of 1,000."""
    empty = {}
    for at, count in enumerate(partitions, 1):
        empty[str(count)] = _empty(server, keys, count)
        progress("partitions", at, len(partitions))
    return {
        "max_locks_per_transaction": int(server.sql("SHOW max_locks_per_transaction")),
        "partitions": empty,
        "filled": _filled(server, keys, n, progress, seed=seed),
    }


def _empty(server: Server, keys: Path, partitions: int) -> dict[str, float]:
    """Seconds to make it; megabytes of the database, and of a connection that has touched 64 namespaces."""
    name = f"sized_{secrets.token_hex(4)}"
    url = server.database(name)
    place = f"{url}&keys={keys / name}"
    before = _size(server, name)
    seconds = timed(lambda: PostgresStore(place, embedder=EMBEDDER.card, partitions=partitions).close())
    empty = _size(server, name) - before
    with Memoria(PostgresStore(place, embedder=EMBEDDER.card, threads=1), EMBEDDER) as memory:
        for home in range(_HOMES):
            memory.namespace("home", str(home)).remember(f"word {home}")
        whole = memory.recall("word 7", k=1)
        assert whole
        connection = max(_private(pid) for pid in _backends(server, name))
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")
    return {"made_s": seconds, "empty_mb": empty / _MB, "connection_mb": connection / _MB}


def _filled(server: Server, keys: Path, n: int, progress: Progress, *, seed: int) -> dict[str, float]:
    """Bytes for each memory, measured once all are written and vacuumed."""
    name = f"sized_{secrets.token_hex(4)}"
    place = f"{server.database(name)}&keys={keys / name}"
    with Memoria(PostgresStore(place, embedder=EMBEDDER.card), EMBEDDER) as memory:
        before = _sizes(server, name)
        Filler(memory, Synthetic(seed), _HOME).fill(n, progress)
        server.sql("VACUUM ANALYZE", database=name)
        after = _sizes(server, name)
        store = memory.store
        assert isinstance(store, PostgresStore)
        taken = sum(path.stat().st_blocks * 512 for path in store._keys.files())
        long = sum(path.stat().st_size for path in store._keys.files())
    tables = {f"{table}_bytes": (after[table] - before[table]) / n for table in (*BY_SLOT, "place", "link")}
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")
    return {
        "memories": n,
        "row_bytes": sum(after.values()) / n - sum(before.values()) / n,
        **tables,
        "key_bytes_on_disk": taken / n,
        "key_bytes_in_files": long / n,
    }


def _size(server: Server, name: str) -> int:
    return int(server.sql(f"SELECT pg_database_size('{name}')"))


def _sizes(server: Server, name: str) -> dict[str, int]:
    """Bytes of each table with its partitions, indexes and what is stored out of line."""
    table = "regexp_replace(relname, '_\\d{4}$', '')"
    sql = (
        f"SELECT {table} || '|' || sum(pg_total_relation_size(oid))::bigint FROM pg_class "
        f"WHERE relnamespace = 'memoria'::regnamespace AND relkind = 'r' GROUP BY {table}"
    )
    lines = (line.split("|") for line in server.sql(sql, database=name).split())
    return {table: int(size) for table, size in lines}


def _backends(server: Server, name: str) -> list[int]:
    sql = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND usename = 'memoria'"
    return [int(pid) for pid in server.sql(sql).split()]


def _private(pid: int) -> int:
    """Bytes that only this process has: not the buffers that all share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
