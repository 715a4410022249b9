"""PostgresStore: the verbs of a store on a database, with the keys of what is in it kept elsewhere."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import unquote_to_bytes

from memoria.errors import FormatTooOld, InvalidQuery, StoreCorrupt, StoreError
from memoria.proof.chain import SIGNER
from memoria.protocols import KeyWrapper, Progress
from memoria.stores.disk import Disk
from memoria.stores.guardkey import CHECK, Outside
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.connect import STATEMENT, WAIT, Cluster, Limits
from memoria.stores.postgres.database_keys import DatabaseKeys
from memoria.stores.postgres.holding import Holding
from memoria.stores.postgres.jobs import Jobs
from memoria.stores.postgres.keys import KeyProvider
from memoria.stores.postgres.remaining import Remaining
from memoria.stores.postgres.schema import FORMAT, PARTITIONS, UNLABELLED
from memoria.stores.postgres.sealed_keys import SealedDirectoryKeys, keys_in
from memoria.stores.restored import check_restored
from memoria.stores.shards import seal_folder
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.types import EmbedderCard

_LOADED = 64
_THREADS = 8
_DATABASES = ("postgresql://", "postgres://")
LIMITS = ("lock_timeout", "statement_timeout")


class PostgresStore(Remaining, Holding, Jobs):
    """Memories in PostgreSQL. Set-up and limits: docs/scale.md. Safe for threads and for many processes.

    url: as libpq takes it, and in its query `keys=DIRECTORY`, where data keys are; without it, the directory that
    MEMORIA_KEYS names; and `lock_timeout=` and `statement_timeout=`, as the arguments of these names.
    timeout: seconds to wait for a connection. lock_timeout: seconds to wait for what another transaction has, then
    StoreLocked is raised; None is `timeout`, or ten. statement_timeout: seconds for one statement, then StoreError is
    raised; None is sixty, 0 is no limit, and upkeep has none.
    keys: another provider of keys. data: the server's data directory, where it can be read from here, so that `files`
    has it. partitions: of each table, when the schema is made. loaded: how many namespaces are indexed in RAM at once.
    unlock: of a directory of keys that is sealed, or new. threads: at most so many connections. embedder, language: of
    the vectors and the texts of a new store; an old one has its own. outside: the guard key that is kept outside of the
    store (guardkey.py). restoring: opens what is being restored, for who restores it.
    """

    # So that what is in RAM of it becomes old.
    others_write = True

    def __init__(
        self,
        url: str,
        *,
        embedder: EmbedderCard,
        keys: KeyProvider | None = None,
        mode: Literal["rw", "r"] = "rw",
        timeout: float = 0.0,
        progress: Progress | None = None,
        data: str | os.PathLike[str] | None = None,
        disk: Disk | None = None,
        partitions: int = PARTITIONS,
        loaded: int = _LOADED,
        threads: int = _THREADS,
        language: str | None = None,
        outside: Outside | None = None,
        restoring: bool = False,
        unlock: UnlockLike = None,
        lock_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> None:
        Remaining.__init__(self)
        self._outside = Outside() if outside is None else outside
        self._writable = mode == "rw"
        self._progress = progress
        self._loaded = loaded
        self._disk = disk if disk is not None else Disk()
        self._data = None if data is None else Path(data)
        url, given = split_limits(url)
        plain, place = split_place(url)
        self._keys = keys if keys is not None else self._provider(place, as_wrapper(unlock), timeout or WAIT)
        if isinstance(self._keys, SealedDirectoryKeys):
            seal_folder(self._keys.folder, self._keys.vault)
        self.path = self._keys.folder
        if self.path is not None and not restoring:
            check_restored(self.path)
        limits = Limits(
            lock=_first(lock_timeout, given.get("lock_timeout"), timeout or WAIT),
            statement=_first(statement_timeout, given.get("statement_timeout"), STATEMENT),
        )
        self._cluster = Cluster(
            plain, mode=mode, timeout=timeout, partitions=partitions, threads=threads, limits=limits
        )
        try:
            self._start(embedder, language)
        except BaseException:
            self._cluster.close()
            raise

    def _provider(self, place: str | None, wrapper: KeyWrapper | None, wait: float) -> KeyProvider:
        """The keys in a directory or in a database; raises InvalidQuery."""
        if place is None:
            raise InvalidQuery(_NO_KEYS)
        if not place.startswith(_DATABASES):
            return keys_in(Path(place).absolute(), wrapper, self._disk, make=self._writable)
        if wrapper is not None:
            raise InvalidQuery("keys in a database are not sealed by memoria: leave unlock= out")
        return DatabaseKeys(place, wait=wait)

    def _start(self, embedder: EmbedderCard, language: str | None) -> None:
        with self._cluster.transaction() as connection:
            if self._writable:
                # One at a time, or two would make two stores in one.
                connection.lock(0)
            found = dict(connection.execute("SELECT name, value FROM meta WHERE name NOT LIKE 'note.%%'").fetchall())
            fresh = "embedder.name" not in found
            self._root = self._keys.root(make=self._writable and fresh)
            if fresh and self._writable:
                named = {"embedder.name": embedder.name, "embedder.dimension": str(embedder.dimension)}
                if language is not None:
                    named["language"] = language
                found |= {**named, "keys": self._alias(()).hex()}
                tenancy.write_meta(connection, {**named, "keys": found["keys"]})
        self._partitions = int(found["partitions"])
        if found.get("keys") != self._alias(()).hex():
            raise StoreCorrupt("these keys are not those of this store: name the directory with keys= in the URL")
        if self._writable and SIGNER not in found:
            with self._cluster.transaction() as connection:
                self._chain_old(self._rows(connection), self._decisions(connection))
        self._card = EmbedderCard(name=found["embedder.name"], dimension=int(found["embedder.dimension"]))
        self.language = found.get("language")
        if UNLABELLED in found and not self._writable:
            raise FormatTooOld(f"this store is brought up to format {FORMAT} in part: open it once with mode='rw'")
        self._open = True
        if self._writable:
            with self._writing():
                pass
            if UNLABELLED in found:
                self._label_all()
        self._seal_guard(found.get(CHECK))

    def close(self) -> None:
        # In a child by fork, the connections stay with the parent.
        if self._open and not self._home.left:
            with suppress(StoreError):
                self._delete_done()
            self._open = False
            self._cluster.close()
            if isinstance(self._keys, DatabaseKeys):
                self._keys.close()


_NO_KEYS = "where data keys are is not said: add keys=DIRECTORY or keys=URL to the URL, or set MEMORIA_KEYS"


def _first(*values: float | None) -> float:
    return next(one for one in values if one is not None)


def split_limits(url: str) -> tuple[str, dict[str, float]]:
    """The URL without limits of time, and these, in seconds; raises InvalidQuery for what is no number from 0 on."""
    start, mark, query = url.partition("?")
    parts = [part.partition("=") for part in query.split("&")] if query else []
    limits: dict[str, float] = {}
    for name, _, value in parts:
        if name in LIMITS:
            try:
                limits[name] = float(value)
            except ValueError:
                limits[name] = -1.0
            if not 0 <= limits[name] < math.inf:
                raise InvalidQuery(f"{name} in the URL is not a number of seconds from 0 on")
    rest = "&".join("".join(part) for part in parts if part[0] not in LIMITS)
    return f"{start}{mark if rest else ''}{rest}", limits


def split_keys(url: str) -> tuple[str, Path]:
    """The URL as libpq takes it, and the directory of keys; raises InvalidQuery when none is named."""
    plain, place = split_place(url)
    if place is None:
        raise InvalidQuery(_NO_KEYS)
    if place.startswith(_DATABASES):
        raise InvalidQuery("this needs keys in a directory, and the URL names a database of keys")
    return plain, Path(place).absolute()


def split_place(url: str) -> tuple[str, str | None]:
    """The URL as libpq takes it, and where keys are: a directory, the URL of a database, or None.

    Read as libpq reads it: "#" and "+" are characters like any other, and the rest of the URL stays as it was given.
    """
    start, mark, query = url.partition("?")
    given = query.split("&") if query else []
    named = [part.partition("=")[2] for part in given if part.startswith("keys=")]
    place = os.fsdecode(unquote_to_bytes(named[-1])) if named else os.environ.get("MEMORIA_KEYS")
    rest = "&".join(part for part in given if not part.startswith("keys="))
    return f"{start}{mark if rest else ''}{rest}", place or None
