"""rekey: another passphrase or wrapper for a sealed store, or the sealing of a store that is in clear."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from memoria.errors import InvalidQuery, StoreNotFound
from memoria.protocols import KeyWrapper, Progress
from memoria.stores import unlocking
from memoria.stores.disk import Disk, translated
from memoria.stores.local import LocalStore
from memoria.stores.local.lock import WriterLock
from memoria.stores.local.unsealing import DATABASE
from memoria.stores.registry import is_url
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.types import EmbedderCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """What a rekey did.

    Attributes:
        sealed: whether the store was in clear before.
        files: how many files were written: one for another wrapper, all for a store that was in clear.
    """

    sealed: bool
    files: int


def rekey(
    path: str | os.PathLike[str],
    *,
    new: UnlockLike,
    unlock: UnlockLike = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
) -> Rekeyed:
    """Changes what unlocks a store, at the same cost for any size; or seals a store that is in clear.

    The data key stays: it is wrapped anew. A store in clear is written anew, beside itself, and then takes its own
    place; what was in clear is overwritten, of which a solid-state disk may keep copies. Cut short, it is done again.

    Args:
        path: a directory; or a URL of a store in PostgreSQL, whose directory of keys is meant. Nobody may have it open.
        new: a passphrase, or a `KeyWrapper`, that unlocks it from now on.
        unlock: what unlocks it now; None for a store in clear.
        timeout: seconds to wait for another writer to close.
        progress: called with (what, done, total) while a store in clear is sealed.

    Returns:
        What was done.

    Raises:
        InvalidQuery: no new passphrase or wrapper is given.
        StoreNotFound: nothing is there.
        UnlockError: StoreSealed, StoreNotSealed, WrongKey, KeyLost: nothing was changed.
        StoreCorrupt: something in a store in clear is damaged: it stays as it is.
        StoreLocked: another process writes.
    """
    return rekeyed(path, as_wrapper(new), as_wrapper(unlock), timeout, progress, Disk())


def rekeyed(
    path: str | os.PathLike[str],
    wrapper: KeyWrapper | None,
    old: KeyWrapper | None,
    timeout: float,
    progress: Progress | None,
    disk: Disk,
) -> Rekeyed:
    """`rekey` on a disk, which may fail at its points."""
    if wrapper is None:
        raise InvalidQuery("new: a passphrase or a KeyWrapper is missing")
    if is_url(path):
        return _rekey_keys(os.fspath(path), old, wrapper, disk)
    folder = Path(os.fsdecode(path)).absolute()
    if unlocking.is_sealed(folder):
        return _rewrap(folder, old, wrapper, timeout, disk)
    if not (folder / DATABASE).exists():
        raise StoreNotFound(f"{folder} holds no memoria store")
    store = LocalStore(
        folder, embedder=EmbedderCard(name="", dimension=1), timeout=timeout, progress=progress, disk=disk, unlock=old
    )
    try:
        return Rekeyed(sealed=True, files=store.seal(wrapper))
    finally:
        store.close()


def _rewrap(folder: Path, old: KeyWrapper | None, new: KeyWrapper, timeout: float, disk: Disk) -> Rekeyed:
    with translated(folder):
        unlocking.unlock(folder, old)  # before anything is written, the lock included
        lock = WriterLock(folder / "lock", timeout)
        try:
            unlocking.rewrap(folder, old, new, disk)
        finally:
            lock.release()
    return Rekeyed(sealed=False, files=1)


def _rekey_keys(url: str, old: KeyWrapper | None, new: KeyWrapper, disk: Disk) -> Rekeyed:
    """The same for the directory of keys of a store in PostgreSQL."""
    from memoria.stores.postgres.sealed_keys import rekey_keys
    from memoria.stores.postgres.store import split_keys

    _, folder = split_keys(url)
    sealed, files = rekey_keys(folder, old, new, disk)
    return Rekeyed(sealed=sealed, files=files)


__all__ = ["Rekeyed", "rekey"]
