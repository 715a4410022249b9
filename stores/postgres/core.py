"""What every verb stands on: who is asked for, where an id lives, and what is kept in RAM of a namespace.

A row is live if and only if its key is. So nothing forgotten comes back, whatever brings its row back: a backup, or a
standby that had not heard of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import Held, MemoryNotFound, StoreClosed, StoreReadOnly
from memoria.process import Home
from memoria.protocols import Progress
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.disk import Disk
from memoria.stores.postgres.connect import Cluster, scope
from memoria.stores.postgres.keys import KeyProvider
from memoria.stores.postgres.passages import passages_of
from memoria.stores.postgres.session import lock_number
from memoria.stores.sealing import blind, unseal
from memoria.text.lexical import LexicalIndex
from memoria.text.passages import LEAST
from memoria.types import EmbedderCard, Namespace, Record, Trace

if TYPE_CHECKING:
    from memoria.arrays import Ints
    from memoria.stores.postgres.connect import Connection

# So many namespaces are in RAM, about 1 KB each; of how many there is a lexical index is said at opening.
_SPACES = 4096
# So many intents are deleted by one statement.
_DONE = 256
Slot = tuple[bytes, int]
# A tenant, and the slots whose keys must go, or None for all.
Intent = tuple[bytes, list[int] | None]
# Content alone, in the places where rows.py looks for it.
CONTENT = "id, tenant, slot, kind, created_at, valid_from, valid_to, salience, NULL, NULL, NULL, NULL, NULL, sealed"
# In the order that rows.py reads: a tenant in the place of a local namespace's number.
READ = (
    "m.id, m.tenant, m.slot, m.kind, m.created_at, m.valid_from, m.valid_to, m.salience, t.stability, t.difficulty, "
    "t.last_retrieved, t.retrievals, t.lapses, m.sealed, t.encoded_at, t.strength, t.interference, t.recent, t.older, "
    "t.fades_at, m.last_at, t.bits"
)
FROM = "memory m JOIN trace t ON t.tenant = m.tenant AND t.slot = m.slot"


@dataclass
class Space:
    """A namespace in RAM: its name and own key, and, once somebody asked by words, its lexical index.

    giant: whether its vectors have an index (approximate.py). part: the number of its partitions. version: of what is
    in the lexical index. ids: of its documents by slot. away: slots of archived and restricted ones. own: from which
    version to which all changes are of this process, as far as it was told of them.
    """

    name: Namespace
    key: bytes
    giant: bool = False
    part: int | None = None
    words: LexicalIndex | None = None
    version: int = -1
    own: tuple[int, int] = (-1, -1)

    def __post_init__(self) -> None:
        self.ids: dict[int, bytes] = {}
        self.away: Ints = np.zeros(0, np.int64)
        self.mutex = threading.RLock()


class Core:
    """Look-ups that the parts of a store share."""

    _cluster: Cluster
    _keys: KeyProvider
    _disk: Disk
    _root: bytes
    _card: EmbedderCard
    language: str | None
    _writable: bool
    _progress: Progress | None
    _loaded: int

    def __init__(self) -> None:
        self._home = Home()
        self._open = False
        self._spaces: OrderedDict[bytes, Space] = OrderedDict()
        self._cache = threading.Lock()
        self._homes: dict[Namespace, bytes] = {}
        # Intents that are carried out, and names of settings that verbs read.
        self._done: deque[int] = deque()
        # Tenants of forgets that may have destroyed keys and not been committed.
        self._unsure: set[bytes] = set()
        self._along: frozenset[str] = frozenset()
        self._partitions = 0

    # -- guards --

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._check_open()
        if self._cluster.fresh and self._writable and self._cluster.current is None:
            self._finish_all()
        yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._check_open()
        if not self._writable:
            raise StoreReadOnly("the store is open for reading: open it with mode='rw' to change it")
        with self._reading(), self._cluster.writes():
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """What this thread does meanwhile is one transaction, and nobody else writes to what it has touched.

        Tenants are locked as they are touched, those read too. Others read on, and see nothing of it until its end.
        """
        self._check_open()
        with self._cluster.together():
            yield

    def afterwards(self, act: Callable[[], None], *, always: bool = False) -> bool:
        """Calls `act` once all is committed that this thread does together; False, and no call, when there is none.

        always: also when it is undone.
        """
        return self._cluster.afterwards(act, always=always)

    def hurried(self) -> AbstractContextManager[None]:
        """Meanwhile this thread waits for no other writer, but gets StoreLocked where it would."""
        return self._cluster.hurried()

    def _check_open(self) -> None:
        self._home.check("the store")
        if not self._open:
            raise StoreClosed("the store is closed")

    def _lock(self, connection: Connection, tenants: Iterable[bytes], *, writing: bool = True) -> bool:
        """Lets nobody else write to these until the transaction ends; who reads alone does so as well.

        Returns whether any was not locked before, so that what was read of it may be out of date.
        """
        if not writing and not connection.together:
            return False
        before = len(connection.locked)
        for tenant in sorted(set(tenants)):
            connection.lock(lock_number(tenant))
        return len(connection.locked) > before

    # -- intents --

    def _destroy(self, intents: Mapping[int, Intent | None]) -> None:
        """Destroys the keys that intents name, and then the intents; doing it twice has the same effect as once.

        None instead of one says that its keys are destroyed.
        """
        for tenant, slots in filter(None, intents.values()):
            if slots is None:
                self._keys.destroy_tenant(tenant)
            else:
                self._keys.destroy(tenant, slots)
        if intents:
            with self._cluster.transaction() as connection:
                # Losing this to a crash only means that it is done again: no need to wait for the disk.
                connection.tell("SET LOCAL synchronous_commit = off")
                connection.send("DELETE FROM intent WHERE intent = ANY(%s)", (list(intents),))
            self._disk.reached("intents done")

    def _finish_all(self) -> None:
        """Carries out what is left, and again at the next write should this be interrupted."""
        self._cluster.fresh = False
        try:
            self._finish()
        except BaseException:
            self._cluster.fresh = True
            raise

    def _finish(self) -> None:
        """Carries out what crashed processes left; intents of a process at work may be carried out twice."""
        with self._cluster.transaction() as connection:
            found = connection.execute("SELECT intent, tenant, slots FROM intent ORDER BY intent").fetchall()
        done = set(self._done)
        self._destroy({number: None if number in done else (tenant, slots) for number, tenant, slots in found})

    def _carried_out(self) -> list[int]:
        """Intents that are carried out, to be deleted now."""
        found: list[int] = []
        while self._done and len(found) < _DONE:
            with suppress(IndexError):
                found.append(self._done.popleft())
        return found

    def _delete_done(self) -> None:
        """Deletes the intents that are carried out."""
        if self._done and self._writable:
            self._destroy(dict.fromkeys(self._carried_out()))

    def _unfinished(self, connection: Connection) -> int:
        """How many erasures are written down and not carried out."""
        found = connection.execute("SELECT tenant, slots FROM intent").fetchall()
        return sum(
            self._keys.own(tenant) is not None if slots is None else bool(self._live(tenant, slots))
            for tenant, slots in found
        )

    # -- tenants --

    def _alias(self, name: Namespace) -> bytes:
        return blind(self._root, "alias", *name)

    def _tenants(self, connection: Connection, prefix: Namespace, *, whole: bool = False) -> list[bytes]:
        """Tenants under a prefix, or the one of exactly this name, in the scope of the transaction from here on."""
        alias = self._alias(prefix)
        scope(connection, alias=[alias])
        only = "AND whole" if whole else ""
        found = connection.execute(f"SELECT tenant FROM prefix WHERE alias = %s {only}".encode(), (alias,)).fetchall()
        tenants = sorted(tenant for (tenant,) in found)
        self._enter(connection, tenants)
        return [tenant for tenant in tenants if self._space(connection, tenant) is not None]

    def _enter(self, connection: Connection, tenants: Sequence[bytes]) -> bool:
        """Takes tenants into the scope; returns what `_lock` does."""
        waited = self._lock(connection, tenants, writing=False)
        scope(connection, tenant=tenants)
        return waited

    def _space(self, connection: Connection, tenant: bytes) -> Space | None:
        """What is in RAM of a tenant; None when it is erased."""
        space = self._in_ram(tenant)
        if space is not None:
            return space
        key = self._keys.own(tenant)
        found = connection.execute("SELECT sealed, giant FROM tenant WHERE tenant = %s", (tenant,)).fetchone()
        if key is None or found is None:
            return None
        space = Space(tuple(unseal(key, found[0], tenant)), key, giant=found[1])
        with self._cache:
            self._spaces[tenant] = space
            self._homes[space.name] = tenant
            while len(self._spaces) > max(self._loaded, _SPACES):
                self._let_go_of(*self._spaces.popitem(last=False))
        return space

    def _spare(self) -> None:
        """Lets go the lexical indexes of all namespaces but the last; whoever works with one has it to the end."""
        with self._cache:
            indexed = [tenant for tenant, space in self._spaces.items() if space.words is not None]
            for tenant in indexed[: max(0, len(indexed) - self._loaded)]:
                one = self._spaces[tenant]
                self._spaces[tenant] = Space(one.name, one.key, giant=one.giant, part=one.part, own=one.own)

    def _in_ram(self, tenant: bytes) -> Space | None:
        with self._cache:
            space = self._spaces.get(tenant)
            if space is not None:
                self._spaces.move_to_end(tenant)
        return space

    def _part_of(self, connection: Connection, tenant: bytes) -> int:
        """The number of the partitions that a tenant is in, of each table that has one for tenants."""
        space = self._in_ram(tenant)
        if space is not None and space.part is not None:
            return space.part
        sql = (
            "SELECT n FROM generate_series(0, %s - 1) AS n "
            "WHERE satisfies_hash_partition('memoria.memory'::regclass, %s, n, %s::bytea)"
        )
        ((part,),) = connection.execute(sql, (self._partitions, self._partitions, tenant)).fetchall()
        if space is not None:
            space.part = part
        return int(part)

    def _known(self, connection: Connection, tenant: bytes) -> Space:
        space = self._space(connection, tenant)
        assert space is not None
        return space

    def _drop(self, tenants: Iterable[bytes]) -> None:
        with self._cache:
            for tenant in tenants:
                left = self._spaces.pop(tenant, None)
                if left is not None:
                    self._let_go_of(tenant, left)

    def _let_go_of(self, tenant: bytes, left: Space) -> None:
        """Lets go the name of a namespace, which another life of it may have."""
        if self._homes.get(left.name) == tenant:
            del self._homes[left.name]

    # -- ids --

    def _locate(self, connection: Connection, ids: Sequence[bytes]) -> dict[bytes, Slot]:
        """Where each id that is live is; the transaction is for their tenants from here on."""
        return self._unlock(connection, ids)[0]

    def _unlock(self, connection: Connection, ids: Sequence[bytes]) -> tuple[dict[bytes, Slot], dict[Slot, bytes]]:
        """As `_locate`, and the key of each place."""
        found = _places(connection, ids)
        tenants = sorted({tenant for tenant, _ in found.values()})
        if self._enter(connection, tenants):
            return self._unlock(connection, ids)
        there = {tenant for tenant in tenants if self._space(connection, tenant) is not None}
        keys = self._keys_of([where for where in found.values() if where[0] in there])
        if _moved(connection, {id: where for id, where in found.items() if where not in keys}):
            return self._unlock(connection, ids)
        return {id: where for id, where in found.items() if where in keys}, keys

    def _located(self, connection: Connection, ids: Iterable[str], *, over_holds: bool) -> dict[bytes, Slot]:
        """As `_locate`, none of their tenants changing meanwhile; raises MemoryNotFound, and Held."""
        wanted = [bytes.fromhex(id) for id in dict.fromkeys(ids)]
        if not wanted:
            return {}
        known = self._locate(connection, wanted)
        tenants = {tenant for tenant, _ in known.values()}
        if self._lock(connection, tenants):
            # Nobody else was kept out while it looked.
            known = self._locate(connection, wanted)
        if len(known) < len(wanted):
            raise MemoryNotFound(*(id.hex() for id in wanted if id not in known))
        if not over_holds:
            self._check_held(connection, known)
        return known

    def _check_held(self, connection: Connection, known: Mapping[bytes, Slot]) -> None:
        bits = {(tenant, slot): bits for tenant, slot, bits in _standing(connection, known.values())}
        held = [id.hex() for id, where in known.items() if bits.get(where, 0) & rows.KEPT]
        if held:
            raise Held(*held)

    def _check_ends(
        self, connection: Connection, known: Mapping[bytes, Slot], ends: Mapping[str, datetime | None]
    ) -> None:
        """Raises Held for a held memory that would end sooner than it does."""
        bits = {(tenant, slot): bits for tenant, slot, bits in _standing(connection, known.values())}
        held = {id.hex(): where for id, where in known.items() if bits.get(where, 0) & rows.KEPT}
        sql = "SELECT valid_to FROM memory WHERE tenant = %s AND slot = %s"
        until = {id: connection.execute(sql, where).fetchone() for id, where in held.items()}
        broken = [id for id, row in until.items() if row is not None and rows.sooner(ends[id], rows.time(row[0]))]
        if broken:
            raise Held(*broken)

    def _keys_of(self, places: Iterable[Slot]) -> dict[Slot, bytes]:
        """The keys of places, those without one left out."""
        return {
            (tenant, slot): key
            for tenant, slots in by_tenant(places).items()
            for slot, key in zip(slots, self._keys.get(tenant, slots), strict=True)
            if key is not None
        }

    def _live(self, tenant: bytes, slots: Sequence[int]) -> set[int]:
        """Those of the slots whose key is there."""
        return {slot for _, slot in self._keys_of((tenant, slot) for slot in slots)}

    # -- rows --

    def _read(self, connection: Connection, ids: Sequence[bytes]) -> list[Record | None]:
        places, keys = self._unlock(connection, ids)
        found: dict[bytes, Record] = {}
        long: dict[bytes, dict[int, bytes]] = {}
        for part in parts(list(places.values())):
            for *row, embedding in _asked(connection, f"{READ}, m.embedding", part):
                space, key = self._space(connection, row[1]), keys.get((row[1], row[2]))
                if space is not None and key is not None:
                    memory = rows.to_memory(tuple(row), space.name, unseal(key, row[13], row[0]))
                    vector = embedding.to_numpy().astype(np.float32)
                    found[row[0]] = Record(memory=memory, trace=rows.to_trace(tuple(row)), vector=vector)
                    if memory.parts or len(memory.text.encode()) > LEAST:
                        long.setdefault(row[1], {})[row[2]] = row[0]
        for tenant, ids_of in long.items():
            for slot, further in passages_of(connection, tenant, list(ids_of)).items():
                found[ids_of[slot]] = replace(found[ids_of[slot]], passages=further)
        if _moved(connection, {id: where for id, where in places.items() if id not in found}):
            return self._read(connection, ids)
        return [found.get(id) for id in ids]

    def _traces(self, connection: Connection, ids: Sequence[bytes]) -> dict[bytes, Trace]:
        places = self._locate(connection, ids)
        columns = READ.replace("m.sealed", "''::bytea")
        asked = (row for part in parts(list(places.values())) for row in _asked(connection, columns, part))
        found = {row[0]: rows.to_trace(row) for row in asked}
        if _moved(connection, {id: where for id, where in places.items() if id not in found}):
            return self._traces(connection, ids)
        return found

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)


def _places(connection: Connection, ids: Sequence[bytes]) -> dict[bytes, Slot]:
    """Where ids are, live or not; the transaction is for these ids from here on."""
    found: dict[bytes, Slot] = {}
    for part in parts(list(ids)):
        scope(connection, id=part)
        sql = "SELECT id, tenant, slot FROM place WHERE id = ANY(%s)"
        found |= {id: (tenant, slot) for id, tenant, slot in connection.execute(sql, (part,))}
    return found


def _moved(connection: Connection, missing: Mapping[bytes, Slot]) -> bool:
    """Whether what was not found where it was is elsewhere by now, or gone: what is replaced gets another place."""
    return bool(missing) and _places(connection, list(missing)) != missing


def _asked(connection: Connection, columns: str, places: Sequence[Slot]) -> Iterator[Any]:
    """Columns of the rows at places, in no order; a statement names one tenant, so that one partition is looked at."""
    sql = f"SELECT {columns} FROM {FROM} WHERE m.tenant = %s AND t.tenant = %s AND m.slot = ANY(%s)"
    for tenant, slots in by_tenant(places).items():
        yield from connection.execute(sql.encode(), (tenant, tenant, slots), binary=True).fetchall()


def _standing(connection: Connection, places: Iterable[Slot]) -> Iterator[tuple[bytes, int, int]]:
    """(tenant, slot, bits) of places that have a standing."""
    for tenant, slots in by_tenant(places).items():
        sql = "SELECT tenant, slot, bits FROM trace WHERE tenant = %s AND slot = ANY(%s) AND bits > 0"
        yield from connection.execute(sql, (tenant, slots)).fetchall()


def by_tenant(places: Iterable[Slot]) -> dict[bytes, list[int]]:
    """The slots of each tenant among places."""
    found: dict[bytes, list[int]] = {}
    for tenant, slot in places:
        found.setdefault(tenant, []).append(slot)
    return found
