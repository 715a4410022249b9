"""The key of a store, in store.key: written, found again in a slot file when it is lost, and told from a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

from memoria.errors import StoreCorrupt
from memoria.stores.disk import opened, translated
from memoria.stores.local import recovery
from memoria.stores.local.core import Core
from memoria.stores.sealing import KEY_BYTES, blind


class Keyed(Core):
    """The part of a store that knows its key."""

    def _put_key(self, path: Path, key: bytes) -> None:
        """Writes store.key, whole or not at all; sealed in a sealed store."""
        key = key if self._vault is None else self._vault.seal(path.name, key)
        fresh = path.with_suffix(".new")
        with translated(path):
            fd = opened(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            try:
                self._disk.write(fd, key, 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)
            fresh.replace(path)
            self._disk.sync_folder(self.path)

    def _count_all(self) -> None:
        """Completes the headers of slot files of a format that had neither counts nor a copy of store.key."""
        with translated(self.path):
            for number, hash in self._database.rows("SELECT id, hash FROM namespace WHERE erasing = 0"):
                space = self._space(number)
                if space is None or blind(self._key, "namespace", *space.name) != hash:
                    raise StoreCorrupt(
                        f"{self.path / 'store.key'} is not the key of this store: put the right one back"
                    )
                space.slots.count(space.next_slot, space.next_slot)
                space.slots.copy_key(self._key)
                space.slots.sync()
                self._trim()
        self._write_meta({"store.check": check_value(self._key), "printless": "1"})

    def _master_key(self) -> bytes:
        """The key of names in look-ups: that in store.key, or its copy in a slot file if that is not the right one."""
        path = self.path / "store.key"
        key = path.read_bytes() if path.exists() else b""
        if self._vault is not None:
            key = self._vault.open(path.name, key) or b""
        check = self._database.meta("store.check")
        if check is None and len(key) == KEY_BYTES:
            return key
        if check is not None and check == check_value(key):
            return key
        self._key_problem = f"{path}: {len(key)} bytes that are not the key of this store"
        copies = (recovery.copied_key(one, self._disk, self._vault) for one in recovery.slot_files(self.path / "slots"))
        for copied in copies:
            if copied is not None and check == check_value(copied):
                self._warn(path, f"{self._key_problem}: a copy in a slot file is used")
                return copied
        raise StoreCorrupt(f"{self._key_problem}: put the right one back")


def check_value(key: bytes) -> str:
    """By which a store knows its key again, and nobody learns it."""
    return blind(key, "check").hex()
