"""Sealing a store that is in clear: its files are written anew, sealed, and then take the place of the old ones.

Until unlock.json is in its place, the store is in clear as it was; from then on it is sealed, and whoever opens it
moves what is not moved yet. What was in clear is overwritten before it goes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from memoria.errors import RekeyUnfinished, StoreCorrupt
from memoria.protocols import KeyWrapper
from memoria.stores import unlocking
from memoria.stores.batches import parts, runs
from memoria.stores.disk import translated
from memoria.stores.local.database import Database, connected, raw_key
from memoria.stores.local.database import uri as uri_of
from memoria.stores.local.marker import Marker
from memoria.stores.local.sealed_slots import SealedSlotFile, create_sealed
from memoria.stores.local.space import Space
from memoria.stores.local.turns import Turns
from memoria.stores.local.unsealing import DATABASE, SEALING, database_key, need_cipher, take_place, vault_of
from memoria.stores.shards import ADAPTERS, sealed_shard
from memoria.stores.unlocking import write_whole
from memoria.stores.vault import Vault

_BATCH = 512


class Resealing(Turns):
    """The part of a store that seals it."""

    def _seal_if_new(self, wrapper: KeyWrapper | None) -> None:
        """Makes the data key of a new store that is to be sealed; finishes the sealing of one that was in clear."""
        if self._vault is None:
            # Under the lock, once more: another process may have been first.
            self._vault = vault_of(self.path, wrapper)
        if self._vault is None and wrapper is not None:
            need_cipher()
            self._vault = unlocking.create(self.path, wrapper, self._disk)
            Marker(self.path / "epoch", self._disk, self._vault).write(0)
        elif self._vault is not None and (self.path / SEALING).is_dir():
            if not self._writable:
                raise RekeyUnfinished(f"{self.path} was sealed in part: open it once with mode='rw', or rekey it again")
            take_place(self.path, self._disk)

    def _write_sealed(self, wrapper: KeyWrapper) -> Vault:
        """Writes all files but the database anew, sealed, beside the store."""
        with self._writing():
            need_cipher()
            fresh = self.path / SEALING
            if fresh.exists():
                shutil.rmtree(fresh)
            with translated(fresh):
                (fresh / "slots").mkdir(parents=True)
                vault = unlocking.create(fresh, wrapper, self._disk)
                self._disk.reached("sealing begun")
                self._seal_slots(fresh / "slots", vault)
                self._seal_files(fresh, vault)
        return vault

    def _take_sealed(self, vault: Vault, format: int) -> int:
        """Writes the database anew, which is closed, and puts all in its place. Returns how many files."""
        fresh = self.path / SEALING
        _export(self.path / DATABASE, fresh / DATABASE, vault, format)
        self._disk.reached("database sealed")
        count = sum(path.is_file() for path in fresh.rglob("*"))
        with translated(self.path):
            self._take_over(fresh, vault)
        return count

    def _seal_slots(self, folder: Path, vault: Vault) -> None:
        numbers = self._database.rows("SELECT id FROM namespace WHERE erasing = 0")
        for done, (number,) in enumerate(numbers, 1):
            space = self._space(number)
            assert space is not None
            slots = space.slots
            made = create_sealed(folder, slots.number, slots.dimension, self._disk, vault, self._key, slots.key)
            try:
                _copy_slots(space, made)
            finally:
                made.close()
            self._disk.reached("slots sealed")
            self._trim()
            self._tell("seal", done, len(numbers))

    def _seal_files(self, fresh: Path, vault: Vault) -> None:
        write_whole(fresh / "store.key", vault.seal("store.key", self._key), self._disk)
        Marker(fresh / "epoch", self._disk, vault).write(self._marker.read())
        adapters = self.path / ADAPTERS
        for path in sorted(adapters.iterdir()) if adapters.is_dir() else ():
            (fresh / ADAPTERS).mkdir(exist_ok=True)
            write_whole(fresh / ADAPTERS / path.name, sealed_shard(vault, path.name, path.read_bytes()), self._disk)

    def _take_over(self, fresh: Path, vault: Vault) -> None:
        """The point of no return, and what comes after it."""
        # Closing has written down that the store was changed once more.
        Marker(fresh / "epoch", self._disk, vault).write(self._marker.read())
        self._disk.sync_folder(fresh)
        (fresh / unlocking.FILE).replace(self.path / unlocking.FILE)
        self._disk.sync_folder(self.path)
        self._disk.reached("key in place")
        take_place(self.path, self._disk)


def _copy_slots(space: Space, made: SealedSlotFile) -> None:
    """Writes every slot at its own number; raises StoreCorrupt when one is damaged."""
    slots = space.slots
    made.hold(slots.capacity)
    for some in parts([int(slot) for slot in slots.used()], _BATCH):
        for first, count in runs(some):
            chosen = list(range(first, first + count))
            entries = [slots.entry(slot) for slot in chosen]
            ids = [slots.id(slot) for slot in chosen]
            vectors = np.stack([vector for _, vector in entries])
            keys = [key for key, _ in entries]
            made.put(first, ids, keys, slots.marks(chosen), vectors, acknowledged=0)
    for slot in slots.ghosts():
        made.put_print(slot, slots.marks([slot])[0])
    acknowledged = space.next_slot if slots.acknowledged is None else slots.acknowledged
    made.count(acknowledged, space.next_slot if slots.written is None else slots.written)
    made.sync()
    # Once more, for only now it is known how long the file is.
    made.count(acknowledged, space.next_slot if slots.written is None else slots.written)
    made.sync()


def _export(clear: Path, sealed: Path, vault: Vault, format: int) -> None:
    """Writes a database anew, sealed."""
    key = database_key(vault)
    assert key is not None
    with translated(clear):
        connection = connected(uri_of(clear), None, cipher=True)
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"ATTACH DATABASE ? AS sealed KEY {raw_key(key)}", (uri_of(sealed),))
            connection.execute("PRAGMA sealed.synchronous = FULL")
            connection.execute("SELECT sqlcipher_export('sealed')").fetchall()
            connection.execute(f"PRAGMA sealed.user_version = {format}")
            connection.execute("DETACH DATABASE sealed")
        finally:
            connection.close()
    found = Database(sealed, writable=True, secure_delete=True, key=key)
    try:
        wrong = found.rows("PRAGMA cipher_integrity_check") or found.format() != format
    finally:
        found.close()
    if wrong:
        raise StoreCorrupt(f"{sealed} was not written as it should be: the store stays in clear")
