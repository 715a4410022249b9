"""backup, restore, verify_backup, export_forgets: copies of a store that forget what it forgets.

A directory is copied by its files (files.py). Any other store is copied by its records into a working copy, a store in
the directory of the backup, and that one by its files: so a kill never leaves less than the last complete backup.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from memoria.arrays import Vectors
from memoria.callables import without_sketch
from memoria.embedders import EmbedderLike, as_embedder
from memoria.engine.memory import Memoria
from memoria.engine.opening import open_store
from memoria.errors import (
    CopyDiffers,
    EmbedderMismatch,
    ForgetsMissing,
    InvalidQuery,
    StoreExists,
    StoreReadOnly,
    shown,
)
from memoria.protocols import Embedder, KeyWrapper, Progress, Store
from memoria.stores import LocalStore, unlocking
from memoria.stores.disk import Disk, translated
from memoria.stores.forgets import KeepsForgets, Position
from memoria.stores.local.gone import as_position
from memoria.stores.local.lock import WriterLock
from memoria.stores.registry import is_url
from memoria.stores.vault import found as opened
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.transfer.backup import told as telling
from memoria.transfer.backup.files import Behalf, FilesBackup
from memoria.transfer.backup.layout import MANIFEST, Manifest, known_by, put, read, wipe
from memoria.transfer.backup.restoring import begin, check_files, finish, lay, manifest_of
from memoria.transfer.backup.settling import settle
from memoria.transfer.copying import JOURNAL, RESTORE, Place, journal
from memoria.transfer.copying import copy as copy_store
from memoria.types import EmbedderCard

_LOCK, _WORKING, _COPIED = "backup.lock", "working", "copied"
_NAMES = {_LOCK, _WORKING, MANIFEST, f"{MANIFEST}.new", "slots", "files", "sums", "database"}
_JOURNALS = {"slots.changes", "database.changes"}
_TRIES = 5
_UNUSED = EmbedderCard(name="", dimension=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backed:
    """What a backup did.

    Attributes:
        number: of this backup into this place, from 1.
        at: the moment of which it is a copy, ISO 8601.
        bytes: written for it, to slots, pages, other files and their sums.
        blocks: how many of these were written.
        zeroed: slots of which nothing is in the copy any more.
        size: bytes of all files of the backup.
        seconds: it took.
    """

    number: int
    at: str
    bytes: int
    blocks: int
    zeroed: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What reading a whole backup found.

    Attributes:
        number: of the last complete backup.
        at: when it was made, ISO 8601.
        settled: whether nothing is left to do of it; the next backup does what is left.
        forgotten: memories that were forgotten in it since, by a backup that is not complete yet.
        size: bytes that were read and are as they were written.
    """

    number: int
    at: str
    settled: bool
    forgotten: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did.

    Attributes:
        number: of the backup.
        at: when it was made, ISO 8601.
        bytes: written.
        forgotten: memories that were forgotten in it, for they were forgotten after the backup; None when no forget
            log was given.
        seconds: it took.
    """

    number: int
    at: str
    bytes: int
    forgotten: int | None
    seconds: float


def backup(
    source: Place | Memoria,
    target: str | os.PathLike[str],
    *,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Backed:
    """Copies a store into a directory, only what has changed since the last time; what was forgotten goes there too.

    The store may be open, here and in other processes. A backup that was cut short goes on when it is made again.

    Args:
        source: a directory or URL as `memoria.open` takes them, or an open store or memory.
        target: a directory, made when it is not there, which this store has for itself.
        timeout: seconds to wait for another backup into the same place.
        progress: called with (what, done, total) during the work.
        unlock: what unlocks a sealed store that is not open; its copy is sealed as it is.

    Returns:
        What was written.

    Raises:
        InvalidQuery: source or target are none of these.
        StoreExists: the target has something else, or the backup of another store.
        StoreLocked: another backup into it is under way.
        StoreFull: no space left there. What was forgotten is zeroed there all the same, and the source is untouched.
    """
    return backed(source, target, Disk(), timeout=timeout, progress=progress, unlock=unlock)


def backed(
    source: Place | Memoria,
    target: str | os.PathLike[str],
    writes: Disk,
    *,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Backed:
    """As `backup`, on this disk."""
    started, folder, key = time.perf_counter(), _folder("target", target), as_wrapper(unlock)
    with _opened(source, timeout, key) as store:
        if isinstance(store, LocalStore) and _inside(folder, store.path):
            raise InvalidQuery("a backup into the store itself would be lost with it: name another directory")
        _check_target(folder)
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with closing(_Locked(folder, timeout)):
            last = _last(folder, store, writes)
            made, tally = _make(store, folder, last, writes, progress, key)
        return Backed(
            number=made.number,
            at=made.at,
            bytes=tally.size,
            blocks=tally.blocks,
            zeroed=tally.zeroed,
            size=_size(folder),
            seconds=time.perf_counter() - started,
        )


def _make(
    store: Store,
    folder: Path,
    last: Manifest | None,
    disk: Disk,
    progress: Progress | None,
    unlock: KeyWrapper | None,
) -> Any:
    if isinstance(store, LocalStore):
        made = FilesBackup(store, folder, last, disk, progress)
        return made.run(), made.tally
    behalf = _said_of(store, unlock, disk)
    place = folder / _WORKING
    working = LocalStore(place, embedder=store.embedder, language=store.language, disk=disk, unlock=unlock)
    try:
        _follow(store, working, progress)
        made = FilesBackup(working, folder, last, disk, progress, behalf)
        return made.run(), made.tally
    finally:
        working.close()


def _said_of(store: Store, unlock: KeyWrapper | None, disk: Disk) -> Behalf:
    """What the manifest says of a store that is copied by its records.

    Raises StoreSealed and WrongKey where the store is sealed, and its copy would not be by what opens it.
    """
    said: dict[str, Any] = {"kind": "records", "position": None, "log": known_by(_log_key(store))}
    keys = {"log_key": _log_key(store)}
    if isinstance(store, KeepsForgets):
        # Before anything is copied: what is forgotten meanwhile is told once more, which does no harm.
        said["position"] = asdict(store.forgets_position())
    root = getattr(store, "path", None)
    if root is not None and (Path(root) / "root.key").exists():
        from memoria.stores.postgres.sealed_keys import keys_in

        keys["root"] = keys_in(Path(root), unlock, disk, make=False).root(make=False)
    return Behalf(said=said, keys=keys)


def _log_key(store: Store) -> bytes:
    return store.log_key() if isinstance(store, KeepsForgets) else bytes.fromhex(store.alias(()))


def _follow(store: Store, working: LocalStore, progress: Progress | None) -> None:
    """Brings the working copy up to date; when others write meanwhile, once more."""
    for left in reversed(range(_TRIES)):
        working.write_note(JOURNAL, journal(store))
        try:
            copy_store(store, working, progress=progress)
        except CopyDiffers:
            if not left:
                raise
        else:
            working.purge()
            return


class _Locked:
    """One backup or restore at a time has a place."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self._lock = WriterLock(folder / _LOCK, timeout)

    def close(self) -> None:
        self._lock.release()


@contextmanager
def _locked(folder: Path, timeout: float) -> Iterator[None]:
    """Keeps backups out meanwhile; where nothing can be written, none is made."""
    try:
        lock = _Locked(folder, timeout)
    except StoreReadOnly:
        yield
        return
    with closing(lock):
        yield


def _last(folder: Path, store: Store, disk: Disk) -> Manifest | None:
    """The last complete backup, with all of it done; raises StoreExists for that of another store."""
    found = read(folder)
    if found is None:
        return None
    if found.log != known_by(_log_key(store)):
        raise StoreExists(f"{folder} has the backup of another store: back up into a place of its own")
    return settle(folder, found, disk)


def _check_target(folder: Path) -> None:
    """Raises StoreExists for a place that has anything but a backup."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StoreExists(f"{folder} is not a directory")
    names = {one.name for one in folder.iterdir()}
    if names and (not names <= _NAMES | _JOURNALS or _LOCK not in names):
        raise StoreExists(f"{folder} has something that is no backup: back up into a place of its own")


def _inside(folder: Path, store: Path) -> bool:
    return folder.resolve().is_relative_to(store.resolve()) or store.resolve().is_relative_to(folder.resolve())


def _folder(name: str, place: object) -> Path:
    if not isinstance(place, str | os.PathLike) or not os.fspath(place):
        raise InvalidQuery(f"{name} {shown(place)}: it is to be the path of a directory")
    if is_url(os.fsdecode(place)):
        raise InvalidQuery(f"the {name} of a backup is a directory, not a URL")
    return Path(os.fsdecode(place)).absolute()


@contextmanager
def _opened(place: Place | Memoria, timeout: float, unlock: KeyWrapper | None) -> Iterator[Store]:
    """The store at a place, closed afterwards when it was not open."""
    if isinstance(place, Memoria):
        place.stats()
        place._traces.flush()
        yield place.store
    elif isinstance(place, str | os.PathLike):
        with closing(open_store(place, _UNUSED, "r", timeout, unlock=unlock)) as store:
            yield store
    elif hasattr(place, "fingerprints"):
        yield place
    else:
        raise InvalidQuery(f"source {shown(place)}: it is to be a directory, a URL, or an open store or memory")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def verify_backup(place: str | os.PathLike[str], *, progress: Progress | None = None) -> Checked:
    """Reads every byte of a backup and compares it with what was written.

    Args:
        place: the directory of the backup.
        progress: called with (what, done, total) during the work.

    Returns:
        Which backup it is, and how much was read.

    Raises:
        StoreNotFound: there is none.
        BackupUnfinished: none was ever complete.
        StoreCorrupt: something is not as it was written; the message names the file.
    """
    folder = _folder("place", place)
    found = manifest_of(folder)
    forgotten = check_files(folder, found, progress)
    return Checked(number=found.number, at=found.at, settled=found.settled, forgotten=forgotten, size=_size(folder))


def restore(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    apply_forgets: Place | Memoria | None = None,
    embedder: EmbedderLike = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Restored:
    """Makes a store out of its last complete backup. It cannot be opened before it is whole.

    A restore that was cut short is begun anew by the same call.

    Args:
        source: the directory of the backup.
        target: a directory that is not there, or is empty; of a backup of PostgreSQL also the URL of a database
            without a store.
        apply_forgets: the store, or a forget log that it exported: what it has forgotten since is forgotten in the
            copy before that can be opened.
        embedder: as `memoria.open` takes it, for gists that lose a part.
        timeout: seconds to wait for a backup into the source, or for a server.
        progress: called with (what, done, total) during the work.
        unlock: what unlocks a sealed store and its copy; needed where forgets are applied.

    Returns:
        What was restored.

    Raises:
        StoreNotFound: there is no backup.
        BackupUnfinished: none was ever complete.
        StoreExists: the target has something already.
        StoreCorrupt: the backup is damaged; the message names the file.
        ForgetsMissing: the forget log begins after the backup was made, or is of another store.
        ForgetsForged: the file is no forget log of this store, or was changed.
    """
    return restored(
        source,
        target,
        Disk(),
        apply_forgets=apply_forgets,
        embedder=embedder,
        timeout=timeout,
        progress=progress,
        unlock=unlock,
    )


def restored(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    writes: Disk,
    *,
    apply_forgets: Place | Memoria | None = None,
    embedder: EmbedderLike = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Restored:
    """As `restore`, on this disk."""
    started, folder, key = time.perf_counter(), _folder("source", source), as_wrapper(unlock)
    manifest_of(folder)
    with _locked(folder, timeout):
        found = manifest_of(folder)
        into_server = isinstance(target, str) and is_url(target)
        keys = _keys(folder, found, key) if into_server or apply_forgets is not None else {}
        told = None if apply_forgets is None else _told(apply_forgets, keys["log_key"], timeout, key)
        if told is not None:
            told.after(_position(found))
        how = _How(folder, found, told, embedder, timeout, progress, writes, key, keys)
        if isinstance(target, str) and is_url(target):
            written, gone = how.into_server(target)
        else:
            written, gone = how.into_folder(_folder("target", target))
    return Restored(
        number=found.number, at=found.at, bytes=written, forgotten=gone, seconds=time.perf_counter() - started
    )


def _keys(folder: Path, found: Manifest, unlock: KeyWrapper | None) -> dict[str, bytes]:
    """The keys in a manifest, opened if the copy is sealed; raises StoreSealed, WrongKey and KeyLost."""
    kept = {"log_key": bytes.fromhex(found.log_key), "root": bytes.fromhex(found.root)}
    blob = found.blobs.get(unlocking.FILE)
    if blob is None:
        return kept
    vault = unlocking.unlock(folder, unlock, folder / "files" / blob.name)
    return {
        name: opened(vault.open(f"backup {name}", key), folder / MANIFEST) if key else key for name, key in kept.items()
    }


def _told(place: Place | Memoria, key: bytes, timeout: float, unlock: KeyWrapper | None) -> telling.Told:
    """What a store or a file tells. key: of its logs."""
    if isinstance(place, str | os.PathLike) and not is_url(os.fsdecode(place)) and not Path(place).is_dir():
        return telling.told_in(Path(os.fsdecode(place)), key)
    with _opened(place, timeout, unlock) as store:
        if telling.keeper(store).log_key() != key:
            raise ForgetsMissing("what is to be applied was forgotten by another store than the one of this backup")
        return telling.told_by(store)


def _position(found: Manifest) -> Position:
    if found.position is None:
        raise ForgetsMissing("this backup is of a store that keeps no forget log")
    return as_position(found.position)


@dataclass(frozen=True, slots=True)
class _How:
    """One restore."""

    source: Path
    found: Manifest
    told: telling.Told | None
    embedder: EmbedderLike
    timeout: float
    progress: Progress | None
    disk: Disk
    unlock: KeyWrapper | None
    keys: Mapping[str, bytes]

    def into_folder(self, target: Path) -> tuple[int, int | None]:
        """Restores into a directory."""
        begin(target, {"log": self.found.log, "apply_forgets": self.told is not None}, self.disk)
        written = lay(self.source, self.found, target, self.disk, self.progress)
        gone = self._forget(self._laid(target)) if self.told is not None else None
        finish(target, self.disk)
        return written, gone

    def _laid(self, target: Path) -> LocalStore:
        how: dict[str, Any] = {"timeout": self.timeout, "disk": self.disk, "unlock": self.unlock}
        return LocalStore(target, embedder=_UNUSED, restoring=True, **how)

    def _forget(self, store: Store) -> int:
        assert self.told is not None
        with closing(store):
            memory = Memoria(store, self._embedder(store.embedder))
            return telling.replay(memory, _position(self.found), self.told, self.keys["log_key"])

    def _embedder(self, card: EmbedderCard) -> Embedder:
        """The one that was given, or the store's own; a callable that is not here is missed once it is asked."""
        if self.embedder is not None:
            return as_embedder(self.embedder)
        try:
            return as_embedder(without_sketch(card.name))
        except EmbedderMismatch as error:
            return _NotHere(card, str(error))

    def into_server(self, url: str) -> tuple[int, int | None]:
        """Restores into a database without a store, by way of a directory beside the keys, which is wiped then."""
        from memoria.stores.postgres import PostgresStore
        from memoria.stores.postgres.store import split_keys

        keys = split_keys(url)[1]
        name = begin(keys, {"log": self.found.log, "apply_forgets": self.told is not None}, self.disk)
        if self.keys["root"]:
            self._put_root(keys)
        copied = keys / _COPIED
        copied.mkdir(exist_ok=True)
        written = lay(self.source, self.found, copied, self.disk, self.progress)
        with closing(self._laid(copied)) as there:
            store = PostgresStore(
                url, embedder=there.embedder, language=there.language, timeout=self.timeout, disk=self.disk,
                restoring=True, unlock=self.unlock,
            )  # fmt: skip
            try:
                # What was forgotten in it already by a restore that was cut short is not brought again.
                if store.note(RESTORE) != f"{name} {_COPIED}":
                    _claim(store, there, name)
                    copy_store(there, store, progress=self.progress)
                    self._begin_branch(store)
                    store.write_note(RESTORE, f"{name} {_COPIED}")
            except BaseException:
                store.close()
                raise
        gone = None
        if self.told is not None:
            gone = self._forget(store)
        store.close()
        for path in sorted(copied.rglob("*"), reverse=True):
            if path.is_file():
                wipe(path, self.disk)
            else:
                path.rmdir()
        copied.rmdir()
        finish(keys, self.disk)
        return written, gone

    def _put_root(self, folder: Path) -> None:
        """Writes the key of names, in a directory that is sealed when something is given that opens it."""
        from memoria.stores.postgres.sealed_keys import SealedDirectoryKeys, keys_in

        root = self.keys["root"]
        there = keys_in(folder, self.unlock, self.disk, make=True) if self.unlock is not None else None
        sealed = there.vault.seal("root.key", root) if isinstance(there, SealedDirectoryKeys) else root
        put(folder / "root.key", sealed, self.disk)

    def _begin_branch(self, store: KeepsForgets) -> None:
        """What the store before had forgotten until the backup has no lines here."""
        if self.found.position is not None:
            at = as_position(self.found.position)
            store.continue_forgets(replace(at, pruned=at.event), (), os.urandom(8).hex())


class _NotHere:
    """An embedder that nobody gave. Most forgets ask for none: parts of gists have their vectors."""

    def __init__(self, card: EmbedderCard, why: str) -> None:
        self.card = card
        self._why = why

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Says that it is missing."""
        raise EmbedderMismatch(self._why)


def _claim(store: Store, there: Store, name: str) -> None:
    """Marks a database as that of this restore; raises StoreExists for one that has another store."""
    if store.note(RESTORE) != name:
        if store.count(()) or store.notes() or store.ledger() or store.fingerprints(()):
            raise StoreExists("this database has a store already: restore into one that has none")
        store.write_note(RESTORE, name)
    store.write_note(JOURNAL, journal(there))


def export_forgets(
    source: Place | Memoria, path: str | os.PathLike[str], *, timeout: float = 0.0, unlock: UnlockLike = None
) -> int:
    """Writes the log of what a store has forgotten to a file: ids and keyed fingerprints, no content.

    Args:
        source: a directory or URL, or an open store or memory.
        path: of the file, which is replaced as a whole.
        timeout: seconds to wait for a server.
        unlock: what unlocks a sealed store that is not open.

    Returns:
        How many lines it has.
    """
    with _opened(source, timeout, as_wrapper(unlock)) as store:
        return len(telling.export(store, _folder("path", path)).lines)


__all__ = ["Backed", "Checked", "Restored", "backup", "export_forgets", "restore", "verify_backup"]
