"""Whether a local store is sealed, and what unlocks it, found out before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from memoria.errors import KeyLost, RekeyUnfinished, StoreNotSealed
from memoria.extras import extra
from memoria.protocols import KeyWrapper
from memoria.stores import unlocking
from memoria.stores.disk import Disk
from memoria.stores.local import recovery
from memoria.stores.sealing import KEY_BYTES
from memoria.stores.vault import Vault

SEALING = "sealing"
"""Folder in a store that is being sealed: its files, sealed, until they take the place of those in clear."""
DATABASE = "memoria.db"


def vault_of(path: Path, wrapper: KeyWrapper | None) -> Vault | None:
    """The vault of the store that is there; None when it is in clear, or there is none yet.

    Raises StoreSealed, StoreNotSealed, WrongKey, KeyLost, RekeyUnfinished.
    """
    if unlocking.is_sealed(path):
        vault = unlocking.unlock(path, wrapper)
        need_cipher()
        return vault
    database = path / DATABASE
    if not (database.exists() and database.stat().st_size):
        return None
    key = path / "store.key"
    if key.exists() and key.stat().st_size > KEY_BYTES:
        raise KeyLost(
            f"{path / unlocking.FILE} is missing beside a sealed store: without it nothing opens it; put it back"
        )
    if wrapper is None:
        return None
    if (path / SEALING).is_dir():
        raise RekeyUnfinished(f"{path} was to be sealed, and is in clear still: run `memoria rekey` again")
    raise StoreNotSealed(f"{path} is in clear: open it without unlock=, or seal it with `memoria rekey`")


def need_cipher() -> None:
    """Raises MissingExtra without SQLCipher: asked for before anything is written."""
    with extra("sealed"):
        import sqlcipher3  # noqa: F401 - whether it is there


def take_place(folder: Path, disk: Disk) -> None:
    """Moves the sealed files of a store over those in clear, which are overwritten first.

    From when unlock.json is in its place, this is all that is left to do, and needs no key.
    """
    fresh = folder / SEALING
    for name in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
        wipe(folder / name, disk)
    for path in sorted(path for path in fresh.rglob("*") if path.is_file()):
        place = folder / path.relative_to(fresh)
        wipe(place, disk)
        disk.reached("clear file wiped")
        path.replace(place)
        disk.sync_folder(place.parent)
        disk.reached("sealed file moved")
    shutil.rmtree(fresh)
    disk.sync_folder(folder)


def wipe(path: Path, disk: Disk) -> None:
    """Overwrites a file with zeros, and unlinks it; does nothing when there is none."""
    if path.exists():
        recovery.wipe(path, disk)


def database_key(vault: Vault | None) -> bytes | None:
    """The key of memoria.db; None for one in clear."""
    return None if vault is None else vault.key(DATABASE)
