"""Kills the primary under load, over and over: what acknowledged is lost, what forgotten is back, and the outages.

Two servers, the standby synchronous. With Patroni and etcd a whole machine "dies": its server and its Patroni at one
moment; Patroni makes the other one the primary once the lease of the dead one has ended. Without them a script does so
as soon as the server is dead, so that nothing of its outage is the finding out.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, MemoriaError, StoreError
from memoria.protocols import Progress
from memoria.stores.postgres import PostgresStore
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server
from memoria.text.fingerprints import Statement

By = Literal["patroni", "script"]
EMBEDDER = HashEmbedder(384)
_DATABASE = "failover"
# Seconds after which a cluster is taken to be lost.
_PATIENCE = 180.0
_BEFORE_KILL = 2.0


class Pair(Protocol):
    """Two servers, of which one is the primary."""

    def url(self, user: str, database: str) -> str:
        """The URL by which the primary is found, whichever it is."""
        ...

    def kill(self) -> None:
        """Kills the primary, by SIGKILL."""
        ...

    def heal(self) -> None:
        """Returns once the other one is the primary, and the dead one its synchronous standby."""
        ...


@dataclass
class Load:
    """What writers were told, and when; a verb that raised may or may not have been done.

    texts: by id of what was remembered. gone: of what was forgotten. doubtful: ids of forgets that raised.
    """

    acknowledged: list[float] = field(default_factory=list)
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    gone: dict[str, tuple[str, str]] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    failed: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def write(self, memory: Memoria, name: str) -> None:
        """Remembers, and forgets every third one, until it is ended."""
        home, number = memory.namespace(name), 0
        while not self.ended.is_set():
            number += 1
            try:
                self._step(home, name, f"{name} has said this for the {number}th time, in so many words")
            except MemoriaError:
                self.failed += 1
                time.sleep(0.05)

    def _step(self, home: Memoria, name: str, text: str) -> None:
        one = home.remember(text)
        self.acknowledged.append(time.monotonic())
        self.texts[one.id] = (name, text)
        if int(one.id, 16) % 3 == 0:
            self.doubtful.add(one.id)
            home.forget(one.id)
            self.acknowledged.append(time.monotonic())
            self.doubtful.discard(one.id)
            self.gone[one.id] = self.texts.pop(one.id)


def bench_failover(pair: Pair, keys: Path, progress: Progress, *, kills: int, writers: int) -> dict[str, Any]:
    """Kills and heals so many times, then compares what is there with what was acknowledged."""
    load, outages = Load(), []
    # Of a server that is down, which is the point.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    place = f"{pair.url('memoria', _DATABASE)}&keys={keys}"
    store = PostgresStore(place, embedder=EMBEDDER.card, timeout=2.0, threads=2 * writers)
    with Memoria(store, EMBEDDER) as memory:
        threads = [threading.Thread(target=load.write, args=(memory, f"writer {n}")) for n in range(writers)]
        for thread in threads:
            thread.start()
        try:
            for number in range(kills):
                time.sleep(_BEFORE_KILL)
                outages.append(_outage(pair, load))
                pair.heal()
                progress("kill", number + 1, kills)
            time.sleep(_BEFORE_KILL)
        finally:
            load.ended.set()
            for thread in threads:
                thread.join()
        return _judged(memory, load, outages)


def _outage(pair: Pair, load: Load) -> float:
    """Seconds from a kill to the next verb that is acknowledged and began after it."""
    pair.kill()
    dead, before = time.monotonic(), len(load.acknowledged)
    watched = threading.Thread(target=pair.heal)
    watched.start()
    try:
        while time.monotonic() - dead < _PATIENCE:
            if len(load.acknowledged) > before:
                return load.acknowledged[before] - dead
            time.sleep(0.01)
    finally:
        watched.join()
    raise StoreError(f"nothing was acknowledged for {_PATIENCE:.0f} s after a kill")


def _judged(memory: Memoria, load: Load, outages: list[float]) -> dict[str, Any]:
    there = {one.id for one in memory.list()}
    lost = load.texts.keys() - there - load.doubtful
    store = memory.store
    assert isinstance(store, PostgresStore)
    buried = store.bury()
    names = sorted({name for name, _ in load.gone.values()})
    unguarded = 0
    for name in names:
        said = [Statement(text) for home, text in load.gone.values() if home == name]
        unguarded += store.refused((name,), said).count(False) if said else 0
    return {
        "kills": len(outages),
        "acknowledged_remembers": len(load.texts) + len(load.gone),
        "acknowledged_forgets": len(load.gone),
        "verbs_that_raised": load.failed,
        "acknowledged_lost": len(lost),
        "forgotten_back": len(load.gone.keys() & there),
        "forgotten_not_refused": unguarded,
        "rows_without_keys_buried": buried,
        "doctor": memory.doctor(),
        "outage_s": [round(one, 2) for one in outages],
    }


class Scripted:
    """Two servers and a script: promotes the standby at once, makes the dead one its standby from a base backup."""

    def __init__(self, folder: Path) -> None:
        self._folders = (folder / "a", folder / "b")
        self._primary = Server.create(self._folders[0], settings={"max_wal_senders": "6"})
        self._primary.start()
        self._primary.database(_DATABASE)
        self._standby = self._followed(self._folders[1])
        self._dead: Server | None = None

    def _followed(self, folder: Path) -> Server:
        shutil.rmtree(folder, ignore_errors=True)
        standby = self._primary.standby(folder)
        standby.start()
        self._primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._primary.sql("SELECT pg_reload_conf()")
        sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        _wait(lambda: self._primary.sql(sql).strip() == "1")
        return standby

    def url(self, user: str, database: str) -> str:
        hosts = ",".join(map(str, self._folders))
        return f"postgresql://{user}@/{database}?host={hosts}&target_session_attrs=read-write"

    def kill(self) -> None:
        self._dead = self._primary
        self._dead.kill()

    def heal(self) -> None:
        if self._dead is None:
            return
        self._standby.promote()
        self._primary = self._standby
        # Nobody follows it yet: what waits for a standby would wait for good.
        self._primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        self._primary.sql("SELECT pg_reload_conf()")
        folder, self._dead = self._dead.folder, None
        self._standby = self._followed(folder)

    def end(self) -> None:
        for one in (self._standby, self._primary):
            with suppress(MemoriaError):
                one.abandon()


def _wait(so: Any) -> None:
    """Until something is so."""
    ended = time.monotonic() + _PATIENCE
    while not so():
        if time.monotonic() > ended:
            raise StoreError(f"the cluster is not whole after {_PATIENCE:.0f} s")
        time.sleep(0.05)


@contextmanager
def paired(by: By | None) -> Iterator[tuple[By, Pair, Path]]:
    """Two servers and a folder for keys. by: None is Patroni where it is installed.

    Raises InvalidQuery when Patroni is asked for and is not there.
    """
    from memoria.evaluation.bench.patroni import Patroni, missing

    absent = missing()
    if by == "patroni" and absent:
        raise InvalidQuery(f"not found here: {', '.join(absent)} (apt-get install patroni etcd-server)")
    chosen: By = by or ("script" if absent else "patroni")
    # Servers run as nobody when this is root, and a socket needs a short path.
    folder = Path(tempfile.mkdtemp(prefix="memoria-ha-"))
    folder.chmod(0o755)
    try:
        pair = Patroni(folder, _DATABASE) if chosen == "patroni" else Scripted(folder)
        try:
            yield chosen, pair, folder / "keys"
        finally:
            pair.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
