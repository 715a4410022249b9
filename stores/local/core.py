"""What every part of a local store uses: its state, the guards of its verbs, the open namespaces, and where an id is.

A row is live if and only if its slot holds its id.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from memoria.errors import StoreClosed, StoreCorrupt, StoreFull
from memoria.process import Home
from memoria.protocols import Progress
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.disk import Disk, translated
from memoria.stores.guardkey import Outside
from memoria.stores.local.database import Database, marks
from memoria.stores.local.descriptors import OpenFiles
from memoria.stores.local.marker import Marker, Reserve
from memoria.stores.local.sealed_slots import open_slots
from memoria.stores.local.slots import file_name
from memoria.stores.local.space import Space, live_among
from memoria.stores.sealing import blind
from memoria.stores.tallies import Kept
from memoria.stores.vault import Vault
from memoria.types import EmbedderCard, LedgerEntry, Namespace, RetentionPeriod

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LOG = logging.getLogger("memoria.store")


class Doubt(IntEnum):
    """What a verb that was cut short may have left half done: nothing, what RAM holds, or also what the disk holds."""

    NONE = 0
    RAM = 1
    DISK = 2


class Core:
    """State and look-ups that the parts share. `LocalStore` sets what is only declared here when it opens."""

    _database: Database
    _marker: Marker
    _key: bytes
    _vault: Vault | None
    _card: EmbedderCard
    language: str | None

    def __init__(
        self,
        path: Path,
        *,
        writable: bool,
        disk: Disk | None,
        progress: Progress | None,
        loaded: int,
        outside: Outside | None = None,
    ) -> None:
        self.path = path
        self._outside = Outside() if outside is None else outside
        self._home = Home()
        self._writable = writable
        self._disk = disk if disk is not None else Disk()
        self._progress = progress
        self._loaded = loaded
        self._reserve = Reserve(path / "reserve", self._disk)
        self._mutex = threading.RLock()
        self._spaces: OrderedDict[int, Space] = OrderedDict()
        self._files = OpenFiles()
        self._numbers: dict[Namespace, int] = {}
        # What was forgotten since the last purge: ids whose rows are still there, (namespace, slot) whose fingerprint
        # is in the slot alone, and namespaces.
        self._pending: list[bytes] = []
        self._gone: list[tuple[int, int]] = []
        self._dropped: list[int] = []
        # Lines of the ledger that wait for that purge, and what of it they are about.
        self._said: list[LedgerEntry] = []
        self._covered: set[bytes] = set()
        self._covered_spaces: set[int] = set()
        # Slots of each namespace that are being zeroed, and what recovery has finished erasing in this process.
        self._zeroing: dict[int, list[int]] = {}
        self._finished: dict[bytes, int] = {}
        self._tallied = Kept()
        # Retention periods; None until they are read.
        self._orders: tuple[RetentionPeriod, ...] | None = None
        # The version of the database that a reader saw last.
        self._version = -1
        self._open = False
        self._doubt = Doubt.NONE
        # Whether this writer has said that it is there, and whether it has changed anything; whether recovery had to
        # leave a namespace as it was.
        self._announced = False
        self._begun = False
        self._key_problem = ""
        self._warned: set[object] = set()
        self._unsettled = False

    @property
    def vault(self) -> Vault | None:
        """What seals this store, for what copies its files as they are; None where it is in clear."""
        return self._vault

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)

    # -- changes --

    def _touch(self) -> None:
        """Before anything on the disk changes: until the verb is over, the store is in doubt."""
        self._doubt = Doubt.DISK
        self._tallied.drop()
        if not self._begun:
            self._begin()

    def _begin(self) -> None:
        """Before the first change of this writer: says so, for whoever opens the store after a crash."""
        if not self._announced:
            self._spending(self._announce)
        self._marker.write(int(self._database.meta("epoch") or 0))
        self._begun = True

    def _announce(self) -> None:
        """Says in the database that a writer has it open, the next one in number."""
        epoch = int(self._database.meta("epoch") or 0) + 1
        self._write_meta({"clean": "0", "epoch": str(epoch)})
        self._announced = True

    def _spending(self, write: Callable[[], None]) -> None:
        """Writes; on a full disk once more, with the room that was reserved for it."""
        try:
            write()
        except StoreFull:
            if not self._reserve.spend():
                raise
            write()

    def _atomic(self) -> AbstractContextManager[Connection]:
        self._touch()
        return self._database.atomic()

    def _write_meta(self, values: Mapping[str, str]) -> None:
        with self._database.atomic() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    # -- guards --

    def _check_open(self) -> None:
        self._home.check(self.path)
        self._check_not_closed()

    def _check_not_closed(self) -> None:
        if not self._open:
            raise StoreClosed(f"{self.path} is closed")

    def _see_commits(self) -> None:
        version = self._database.rows("PRAGMA data_version")[0][0]
        if version == self._version:
            return
        self._version = version
        self._orders = None
        self._tallied.drop()
        found = self._database.rows(
            f"SELECT id, file, next_slot FROM namespace WHERE erasing = 0 AND id IN ({marks(self._spaces)})",
            *self._spaces,
        )
        current = {number: (file, next_slot) for number, file, next_slot in found}
        for number, space in list(self._spaces.items()):
            file, next_slot = current.get(number, (None, 0))
            if space.slots.number == file:
                space.advance(next_slot)
                space.set_archived(self._archived(number))
            else:
                self._forget_space(number)

    # -- open namespaces --

    def _slot_path(self, file: int) -> Path:
        return self.path / "slots" / file_name(file)

    def _space(self, number: int) -> Space | None:
        """The namespace with this number, opened if it is not open yet; None when it was erased."""
        if number in self._spaces:
            self._spaces.move_to_end(number)
            return self._spaces[number]
        found = self._database.rows(
            "SELECT file, next_slot, sealed FROM namespace WHERE id = ? AND erasing = 0", number
        )
        if not found:
            return None
        file, next_slot, sealed = found[0]
        with translated(self._slot_path(file)):
            slots = open_slots(
                self._slot_path(file), self._disk, self._vault, writable=self._writable, among=self._files
            )
        space = Space(number, slots, next_slot, sealed, writable=self._writable)
        space.set_archived(self._archived(number))
        self._spaces[number] = space
        self._numbers[space.name] = number
        return space

    def _archived(self, number: int) -> list[int]:
        """Slots of the archived and the restricted memories of a namespace."""
        found = self._database.rows(
            "SELECT m.slot FROM standing s JOIN memory m ON m.row = s.row "
            f"WHERE s.namespace = ? AND s.bits & {rows.AWAY}",
            number,
        )
        return [slot for (slot,) in found]

    def _trim(self) -> None:
        """Closes the least recently used namespaces beyond the limit. No caller may still use one of them."""
        while len(self._spaces) > self._loaded:
            self._forget_space(next(iter(self._spaces)))

    def _forget_space(self, number: int) -> None:
        """Closes a namespace and drops what RAM holds of it."""
        space = self._spaces.pop(number, None)
        if space is not None:
            self._numbers.pop(space.name, None)
            space.close()

    def _drop(self) -> None:
        """Drops what RAM holds of namespaces. What was forgotten since the last purge stays."""
        self._tallied.drop()
        self._numbers.clear()
        self._orders = None
        for number in list(self._spaces):
            self._spaces.pop(number).close()
        self._version = -1

    def _under(self, prefix: Namespace, *, strict: bool = False) -> Iterator[Space]:
        """The namespaces under a prefix, one at a time; each may be closed when the next is asked for.

        One that cannot be opened is passed over, and the log says so; with `strict`, and when it is the one asked for,
        StoreCorrupt is raised.
        """
        for number in self._numbers_under(prefix):
            space = self._readable(number, prefix, strict=strict)
            if space is not None:
                yield space
                self._trim()

    def _readable(self, number: int, prefix: Namespace, *, strict: bool = False) -> Space | None:
        """One of the namespaces under a prefix; None where it is gone, or passed over as `_under` says."""
        try:
            return self._space(number)
        except StoreCorrupt as error:
            if strict or number == self._number_of(prefix):
                raise
            self._warn(number, f"{error}; its namespace is passed over, and named by doctor")
            return None

    def _warn(self, what: object, problem: str) -> None:
        """Says once, for each thing, what is wrong with it."""
        if what not in self._warned:
            self._warned.add(what)
            _LOG.warning(problem)

    def _numbers_under(self, prefix: Namespace) -> list[int]:
        found = self._database.rows("SELECT namespace FROM prefix WHERE hash = ?", self._blind(prefix))
        return [number for (number,) in found]

    def _blind(self, prefix: Namespace) -> bytes:
        return blind(self._key, "prefix", *prefix)

    def _existing(self, name: Namespace) -> Space | None:
        """The namespace of exactly this name, if there is one."""
        number = self._number_of(name)
        return None if number is None else self._space(number)

    def _number_of(self, name: Namespace) -> int | None:
        found = self._database.rows(
            "SELECT id FROM namespace WHERE hash = ? AND erasing = 0", blind(self._key, "namespace", *name)
        )
        return found[0][0] if found else None

    # -- ids --

    def _by_id(self, columns: str, ids: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        """Rows of `memory` with one of these ids, in no order."""
        for part in parts(ids):
            yield from self._database.rows(f"SELECT {columns} FROM memory WHERE id IN ({marks(part)})", *part)

    def _locate(self, ids: Sequence[bytes]) -> dict[bytes, tuple[Space, int]]:
        """The namespace and slot of each id that is live."""
        found: dict[bytes, tuple[Space, int]] = {}
        claims: dict[int, list[tuple[bytes, int]]] = {}
        for id, number, slot in self._by_id("id, namespace, slot", ids):
            claims.setdefault(number, []).append((id, slot))
        for number, claimed in claims.items():
            space = self._space(number)
            if space is not None:
                found |= {id: (space, slot) for id, slot in live_among(space, claimed)}
        return found
