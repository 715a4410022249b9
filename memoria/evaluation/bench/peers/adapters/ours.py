"""memoria itself, in clear and sealed, as `memoria.open` opens it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.engine.memory import Memoria
from memoria.engine.opening import Mode
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.peers.peer import DIMENSION, K, Row
from memoria.remember import Draft
from memoria.stores.disk import Disk
from memoria.stores.local import LocalStore
from memoria.stores.local.database import connected, uri
from memoria.stores.local.sealed_slots import open_slots
from memoria.stores.local.unsealing import database_key
from memoria.stores.unlocking import unlock as unlocked
from memoria.stores.vault import Vault
from memoria.stores.wrapping import as_wrapper
from memoria.testing.embedders import HashEmbedder

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_LABEL = "key"
_UNLOCK = hashlib.sha256(b"memoria bench peers").hexdigest()


class Clear:
    """Vectors are given; the embedder says of which dimension they are."""

    decodes = True
    unlock: str | None = None

    def open(self, folder: Path) -> None:
        self._all: Memoria = self._opened(folder)
        self._memory = self._all.namespace("bench")

    def _opened(self, folder: Path, mode: Mode = "rw") -> Memoria:
        embedder = HashEmbedder(DIMENSION)
        return open_memoria(folder / "a.memoria", embedder=embedder, unlock=self.unlock, mode=mode)

    def insert(self, rows: Sequence[Row]) -> list[str]:
        drafts = [Draft(text=row.text, vector=row.vector) for row in rows]
        return [one.id for one in self._memory.remember_many(drafts)]

    def search(self, vector: Vectors, text: str) -> list[str]:
        return [hit.memory.id for hit in self._memory.recall(vector, k=K)]

    def delete(self, id: str) -> None:
        self._memory.forget(id)

    def compact(self) -> str:
        local(self._all).purge()
        return "purge()"

    def close(self) -> None:
        self._all.close()

    def keys(self, ids: Sequence[str]) -> list[bytes]:
        return [secret.data for secret in local(self._all).secrets(ids) if secret.label == _LABEL]

    def settings(self) -> str:
        return "an fsync for each verb, as it ships; each text sealed under a key of its own"

    def decoded(self, folder: Path) -> Iterator[bytes]:
        """Every text that a key in the files opens."""
        with self._opened(folder, "r") as memory:
            yield from (one.text.encode() for one in memory.list())


class Sealed(Clear):
    """Under a key that is in no file."""

    unlock = _UNLOCK

    def settings(self) -> str:
        return "as before; files sealed under a key that is in none of them"

    def decoded(self, folder: Path) -> Iterator[bytes]:
        """With the key: every text, every value of the database, and id, key and vector of every slot, one by one."""
        yield from super().decoded(folder)
        vault = unlocked(folder / "a.memoria", as_wrapper(self.unlock))
        for path in sorted((folder / "a.memoria" / "slots").iterdir()):
            slots = open_slots(path, Disk(), vault, writable=False)
            for slot in slots.used().tolist():
                key, vector = slots.entry(slot)
                yield slots.id(slot) + key + vector.astype("<f2").tobytes()
            slots.close()
        yield from _values(folder / "a.memoria" / "memoria.db", vault)


def _values(database: Path, vault: Vault) -> Iterator[bytes]:
    """Everything that is in any table, unsealed of the database and not of what is sealed in it."""
    with closing(connected(uri(database), database_key(vault))) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for row in db.execute(f'SELECT * FROM "{table}"'):
                yield b" ".join(one if isinstance(one, bytes) else str(one).encode() for one in row)


def local(memory: Memoria) -> LocalStore:
    """The store of a memory in a directory."""
    assert isinstance(memory.store, LocalStore)
    return memory.store
