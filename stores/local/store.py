"""LocalStore: a store on one directory, opened and closed. What it does is in its parts.

remember (writing.py): write slot, sync, commit row, add to the index. forget (erasing.py): zero slot, sync (the point
of no return), erase in the index; rows are ciphertext without a key from then on, not returned any more, and deleted in
batches (purging.py). A row is live if and only if its slot holds its id.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Literal
from weakref import finalize

from memoria.errors import StoreCorrupt, StoreExists, StoreFull, StoreNotFound, StoreReadOnly
from memoria.process import Home, in_child
from memoria.protocols import Progress
from memoria.stores.disk import Disk, translated
from memoria.stores.local import recovery
from memoria.stores.local.database import Database
from memoria.stores.local.lock import WriterLock
from memoria.stores.local.searching import Searching
from memoria.stores.local.space import Space
from memoria.stores.local.upkeep import Upkeep
from memoria.stores.sealing import KEY_BYTES, new_key
from memoria.types import EmbedderCard

_LOADED = 64
# What a directory may hold whose store was cut off while it was made.
_HALF_MADE = {"lock", "slots", "store.key", "store.new"}


class LocalStore(Searching, Upkeep):
    """Memories in a directory. Format: docs/format.md. Safe for threads of one process.

    secure_delete: SQLite's PRAGMA of that name; erasure does not depend on it.
    loaded: how many namespaces are kept open and indexed in RAM at once.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderCard,
        mode: Literal["rw", "r"] = "rw",
        timeout: float = 0.0,
        progress: Progress | None = None,
        disk: Disk | None = None,
        secure_delete: bool = False,
        loaded: int = _LOADED,
    ) -> None:
        place = Path(os.fsdecode(path)).absolute()
        super().__init__(place, writable=mode == "rw", disk=disk, progress=progress, loaded=loaded)
        with translated(self.path):
            self._lock = self._prepare(timeout)
        try:
            self._database = Database(self.path / "memoria.db", writable=self._writable, secure_delete=secure_delete)
            try:
                self._start(embedder)
            except BaseException:
                self._database.close()
                raise
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        self._open = True
        self._let_go = finalize(self, _let_go, self._home, self._database, self._spaces, self._lock)
        self._let_go.atexit = False
        in_child(self, LocalStore._leave)

    def _leave(self) -> None:
        """In a child: what is open stays with the parent."""
        self._database.leave(quiet=self._open and not self._depth)

    def _prepare(self, timeout: float) -> WriterLock | None:
        """The directory, made if it is new, and the lock of a writer."""
        made = (self.path / "memoria.db").exists()
        if not self._writable:
            if not made:
                raise StoreNotFound(f"{self.path} holds no memoria store")
            return None
        if not made and self.path.exists() and not self._half_made():
            raise StoreExists(f"{self.path} exists and is not a memoria store")
        with translated(self.path):
            (self.path / "slots").mkdir(parents=True, exist_ok=True)
        return WriterLock(self.path / "lock", timeout)

    def _half_made(self) -> bool:
        return self.path.is_dir() and {entry.name for entry in self.path.iterdir()} <= _HALF_MADE

    def _start(self, embedder: EmbedderCard) -> None:
        if self._writable:
            self._key = self._master_key()
            self._database.migrate()
            if self._database.meta("embedder.name") is None:
                self._write_meta({"embedder.name": embedder.name, "embedder.dimension": str(embedder.dimension)})
            if self._database.meta("clean") == "0":
                recovery.recover(self._database, self.path / "slots", self._disk, self._progress)
            self._write_meta({"clean": "0"})
        else:
            self._database.check_current()
            self._key = self._master_key()
        if self._database.meta("linked") is None and self._writable:
            self._link_all()
        name, dimension = self._database.meta("embedder.name"), self._database.meta("embedder.dimension")
        self._card = EmbedderCard(name=str(name), dimension=int(str(dimension)))

    def _master_key(self) -> bytes:
        """The key of names in look-ups, made before the first row; a store that has rows and no key is damaged."""
        path = self.path / "store.key"
        if self._writable and self._database.format() == 0:
            self._make_key(path)
        key = path.read_bytes() if path.exists() else b""
        if len(key) != KEY_BYTES:
            raise StoreCorrupt(f"{path}: {len(key)} bytes are not a key of {KEY_BYTES}")
        return key

    def _make_key(self, path: Path) -> None:
        fresh = path.with_suffix(".new")
        with translated(path):
            fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                self._disk.write(fd, new_key(), 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)
            fresh.replace(path)
            self._disk.sync_folder(self.path)

    def close(self) -> None:
        if self._home.left:
            return
        with self._mutex:
            if not self._open:
                return
            try:
                if self._writable:
                    self.purge()
                    self._write_meta({"clean": "1"})
            except (StoreFull, StoreReadOnly):
                # Rows that are not purged are ciphertext without a key; the next open sees no "clean" and purges them.
                pass
            finally:
                self._release()

    def _release(self) -> None:
        self._open = False
        self._let_go()


def _let_go(home: Home, database: Database, spaces: MutableMapping[int, Space], lock: WriterLock | None) -> None:
    """Closes all files, and writes nothing: also those of a store that was dropped without being closed."""
    for space in spaces.values():
        space.close()
    spaces.clear()
    if home.left:
        return
    database.close()
    if lock is not None:
        lock.release()
