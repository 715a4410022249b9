"""LocalStore: a store on one directory, opened and closed. What it does is in its parts.

remember (writing.py): write slot, sync, commit row, add to the index. forget (erasing.py): zero slot, sync (the point
of no return), erase in the index; rows are ciphertext without a key from then on, not returned any more, and deleted in
batches (purging.py). A row is live if and only if its slot holds its id.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal
from weakref import finalize

from memoria.errors import (
    DatabaseOlder,
    StoreCorrupt,
    StoreError,
    StoreExists,
    StoreFull,
    StoreNotFound,
    StoreReadOnly,
)
from memoria.process import Home, in_child
from memoria.proof.chain import SIGNER
from memoria.protocols import KeyWrapper, Progress
from memoria.stores.disk import Disk, translated
from memoria.stores.guardkey import CHECK as GUARD_CHECK
from memoria.stores.guardkey import Outside
from memoria.stores.local import recovery
from memoria.stores.local.chaining import Rows
from memoria.stores.local.checking import Checking
from memoria.stores.local.core import Doubt
from memoria.stores.local.database import Database
from memoria.stores.local.descriptors import OpenFiles
from memoria.stores.local.gone import as_position, begin, position
from memoria.stores.local.keyed import check_value
from memoria.stores.local.lock import WriterLock
from memoria.stores.local.marker import Marker
from memoria.stores.local.paging import Paging
from memoria.stores.local.remaining import Remaining
from memoria.stores.local.resealing import Resealing
from memoria.stores.local.searching import Searching
from memoria.stores.local.unsealing import database_key, vault_of
from memoria.stores.restored import RESTORED, check_restored
from memoria.stores.sealing import new_key
from memoria.stores.shards import seal_folder
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.types import EmbedderCard

_LOADED = 64
# What a directory may hold whose store was cut off while it was made.
_HALF_MADE = {
    "unlock.json",
    "unlock.json.new",
    "epoch",
    "lock",
    "slots",
    "store.new",
    "memoria.db",
    "memoria.db-wal",
    "memoria.db-shm",
    "memoria.db-journal",
}


class LocalStore(Searching, Paging, Remaining, Checking, Resealing):
    """Memories in a directory. Format: docs/format.md. Safe for threads of one process.

    embedder, language: of the vectors and the texts of a new store; an old one has its own.
    secure_delete: SQLite's PRAGMA of that name; erasure does not depend on it.
    loaded: how many namespaces are kept open and indexed in RAM at once.
    outside: the guard key that is kept outside of the store (guardkey.py).
    restoring: opens what is being restored, for who restores it.
    unlock: passphrase or KeyWrapper of a sealed store; a new one is sealed when it is given.
    accept_older: goes on with a memoria.db that is older than the slot files; what it does not know stays in them.
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
        accept_older: bool = False,
        language: str | None = None,
        outside: Outside | None = None,
        restoring: bool = False,
        unlock: UnlockLike = None,
    ) -> None:
        place = Path(os.fsdecode(path)).absolute()
        super().__init__(place, writable=mode == "rw", disk=disk, progress=progress, loaded=loaded, outside=outside)
        wrapper = as_wrapper(unlock)
        with translated(self.path):
            if not restoring:
                check_restored(self.path)
            self._vault = vault_of(self.path, wrapper)
            self._lock = self._prepare(timeout)
        try:
            self._seal_if_new(wrapper)
            self._marker = Marker(self.path / "epoch", self._disk, self._vault)
            if self._vault is not None:
                seal_folder(self.path, self._vault)
            self._database = self._connected(secure_delete=secure_delete)
            try:
                self._start(embedder, language, accept_older=accept_older)
            except BaseException:
                self._database.close()
                raise
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        self._open = True
        self._let_go = finalize(self, _let_go, self._home, self._database, self._files, self._lock)
        self._let_go.atexit = False
        in_child(self, LocalStore._leave)

    def _leave(self) -> None:
        """In a child: what is open stays with the parent."""
        self._database.leave(quiet=self._open and self._doubt is Doubt.NONE)

    # -- opening --

    def _prepare(self, timeout: float) -> WriterLock | None:
        """The directory, made if it is new, and the lock of a writer."""
        path = self.path / "memoria.db"
        made = path.exists() and path.stat().st_size > 0
        if not made:
            self._check_nothing_lost()
        if not self._writable:
            if not made:
                raise StoreNotFound(f"{self.path} holds no memoria store")
            return None
        if not made and self.path.exists() and not self._half_made():
            raise StoreExists(f"{self.path} exists and is not a memoria store")
        with translated(self.path):
            (self.path / "slots").mkdir(parents=True, exist_ok=True)
        return WriterLock(self.path / "lock", timeout)

    def _check_nothing_lost(self) -> None:
        """Raises StoreCorrupt where a store once was: store.key is made after the tables of memoria.db are."""
        if (self.path / "store.key").exists() or recovery.slot_files(self.path / "slots"):
            raise StoreCorrupt(
                f"{self.path / 'memoria.db'} is missing or empty, beside the keys of a store: put memoria.db back, "
                "with its memoria.db-wal if there was one"
            )

    def _half_made(self) -> bool:
        return self.path.is_dir() and {entry.name for entry in self.path.iterdir()} <= _HALF_MADE

    def _connected(self, *, secure_delete: bool) -> Database:
        """The database; on a full disk, with the room that was reserved for it."""
        path, key = self.path / "memoria.db", database_key(self._vault)
        try:
            return Database(path, writable=self._writable, secure_delete=secure_delete, key=key)
        except StoreError:
            if not self._reserve.spend():
                raise
            return Database(path, writable=self._writable, secure_delete=secure_delete, key=key)

    def _start(self, embedder: EmbedderCard, language: str | None, *, accept_older: bool) -> None:
        if self._writable:
            self._make_if_new(embedder, language)
        else:
            self._database.check_current()
        self._key = self._master_key()
        if accept_older and self._writable:
            self._accept_older()
        self._check_newest()
        self._card, self.language = self._stored_card(), self._database.meta("language")
        check = self._outside.checked(self._database.meta(GUARD_CHECK))
        if self._writable:
            self._bring_up()
            if self._outside.key is not None:
                self._seal_guard(check)

    def _make_if_new(self, embedder: EmbedderCard, language: str | None) -> None:
        fresh = self._database.format() == 0
        if fresh:
            self._check_nothing_lost()
            self._database.migrate()
        if fresh or self._database.meta("embedder.name") is None:
            key = new_key()
            self._put_key(self.path / "store.key", key)
            card = {"embedder.name": embedder.name, "embedder.dimension": str(embedder.dimension)}
            if language is not None:
                card["language"] = language
            self._write_meta({**card, "store.check": check_value(key), "clean": "1"})

    def _bring_up(self) -> None:
        """Brings an older format up to date, and finishes what a crash cut short."""
        self._database.migrate()
        # Looks at everything before it changes anything.
        copied = self.path / RESTORED
        branch = copied.read_text().strip() if copied.exists() else None
        found = None
        if branch is not None or self._database.meta("clean") == "0":
            found = self._survey(copied=branch is not None)
        with suppress(StoreFull):
            self._announce()
        if found is not None:
            self._carry_out(found)
        if branch is not None and not self._unsettled:
            self._fork(branch)
            copied.unlink()
            self._disk.sync_folder(self.path)
        if self._database.meta("store.check") is None:
            self._count_all()
        if self._database.meta("linked") is None:
            self._link_all()
        old = self._decisions() if self._database.meta(SIGNER) is None else []
        if old:
            with self._database.atomic() as db:
                self._chain_old(Rows(db), old)
        self._doubt = Doubt.NONE
        self._reserve.keep()

    def _fork(self, branch: str) -> None:
        """From here on, what this store forgets is told apart from what the store forgets that it was copied from."""
        with self._database.atomic() as db:
            begin(db, as_position(position(self._database)), (), branch)

    def _check_newest(self) -> None:
        """Raises StoreCorrupt when memoria.db is older than what is beside it."""
        marked = self._marker.read()
        recovery.check_files(self._database, self.path / "slots")
        if marked > int(self._database.meta("epoch") or 0):
            raise DatabaseOlder(
                f"{self.path / 'memoria.db'} is an old one: the store was written since; put the newer memoria.db "
                "back, with its memoria.db-wal if there was one, or accept it with `memoria doctor --repair`"
            )

    def _accept_older(self) -> None:
        """Goes on with an older memoria.db. Slots that it does not know are left, and never written to."""
        self._database.migrate()
        files = [int(path.stem) for path in recovery.slot_files(self.path / "slots")]
        known = self._database.rows("SELECT id, file, next_slot FROM namespace WHERE erasing = 0")
        with self._database.atomic() as db:
            epoch = max(self._marked(), int(self._database.meta("epoch") or 0))
            last = max([int(self._database.meta("files") or 0), *files])
            values = {"epoch": str(epoch), "files": str(last), "clean": "0"}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
            for number, file, next_slot in known:
                ahead = recovery.slots_beyond(self._slot_path(file), self._disk, next_slot, self._vault)
                db.execute("UPDATE namespace SET next_slot = ? WHERE id = ?", (ahead, number))
        if self._vault is not None:
            self._marker.write(epoch)

    def _marked(self) -> int:
        """What the marker says; 0 when that is not to be believed."""
        try:
            return self._marker.read()
        except DatabaseOlder:
            return 0

    # -- closing --

    def close(self) -> None:
        if self._home.left:
            return
        with self._mutex:
            try:
                if self._open and self._writable:
                    self._finish()
            except (StoreFull, StoreReadOnly):
                # Rows that are not purged are ciphertext without a key; the next open sees no "clean" and purges them.
                pass
            finally:
                self._release()

    def seal(self, wrapper: KeyWrapper) -> int:
        """Seals a store that is in clear, and closes it. Returns how many files were written."""
        if self._vault is not None:
            raise StoreExists(f"{self.path} is sealed already: rekey changes what unlocks it")
        vault = self._write_sealed(wrapper)
        with self._mutex:
            self._finish()
            self._drop()
            format = self._database.format()
            self._database.close()
            try:
                return self._take_sealed(vault, format)
            finally:
                self._open = False
                self._let_go()

    def _finish(self) -> None:
        """Purges, and says that no recovery is needed; what stays in doubt is left to the recovery of the next open."""
        try:
            if self._doubt:
                self._settle()
        except StoreError:
            return
        self._doubt = Doubt.DISK
        self._purge()
        done = {} if self._unsettled else {"clean": "1"}
        if self._begun:
            epoch = int(self._database.meta("epoch") or 0) + 1
            self._write_meta({**done, "epoch": str(epoch)})
            self._marker.write(epoch)
        elif self._announced and done:
            self._write_meta(done)

    def _release(self) -> None:
        self._open = False
        try:
            self._drop()
        finally:
            self._let_go()


def _let_go(home: Home, database: Database, files: OpenFiles, lock: WriterLock | None) -> None:
    """Closes all files, and writes nothing: also those of a store that was dropped without being closed."""
    files.close()
    if home.left:
        return
    try:
        database.close()
    finally:
        if lock is not None:
            lock.release()
