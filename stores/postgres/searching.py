"""Searching: exact within each namespace by pgvector, and by words from an index in RAM that follows every writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np
from pgvector import HalfVector

from memoria.ranking import products
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.lapses import Due, parts_of
from memoria.stores.postgres.approximate import column, literal
from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.core import CONTENT, Space
from memoria.stores.postgres.filters import AWAY
from memoria.stores.postgres.lapsing import whole
from memoria.stores.postgres.passages import nearness, passages_of
from memoria.stores.postgres.reading import Reading
from memoria.stores.sealing import unseal
from memoria.text.evidence import Evidence, gather, merge
from memoria.text.lexical import LexicalIndex
from memoria.types import Memory, Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints, Vectors
    from memoria.stores.postgres.connect import Connection
    from memoria.text.words import Question


_MARGIN = 32
# The same of a search in one trip, which has the other way to go where these are not enough.
_AT_ONCE = 8
# What is before the numbers of a vector that the server sends.
_HEAD = 2
# As wide as the index is searched; it goes on, in order, when what it found is archived. The planner has no statistics
# of vectors, and would sort.
_GIANT = ("hnsw.ef_search = 400", "hnsw.iterative_scan = strict_order", "enable_sort = off")


class Searching(Reading):
    """The part of a store that finds."""

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        with self._reading(), self._cluster.transaction() as connection:
            found = self._nearest_at_once(connection, vector, where, k)
        return self._search(vector, where, k) if found is None else found

    def _nearest_at_once(
        self, connection: Connection, vector: Vectors, where: Where, k: int
    ) -> list[tuple[Memory, float]] | None:
        """The nearest in one trip: of one namespace that is in RAM, by a filter that says nothing else.

        None where that is not all there is to it, or something was erased or replaced meanwhile.
        """
        plain = Where(namespace=where.namespace, archived=where.archived, kept_at=where.kept_at)
        tenant = self._homes.get(where.namespace)
        space = None if tenant is None else self._in_ram(tenant)
        if where.archived is True or where != plain or tenant is None or space is None or space.giant:
            return None
        if connection.together:
            return None
        alias, leaving = self._alias(where.namespace), 0 if where.archived is None else rows.AWAY
        rounded, wanted = vector.astype(np.float16), k + _AT_ONCE
        scope(connection, tenant=[tenant], alias=[alias])
        values = (alias, tenant, rows.micros(where.kept_at), HalfVector(rounded), wanted, leaving)
        found = connection.finish(_NEAREST, values, binary=True).fetchall()
        keys = self._keys.get(tenant, [row[2] for row in found if row[0] is not None])
        if len(keys) < len(found) or None in keys:
            return None
        scored = zip(_cosines([row[9] for row in found], vector), found, keys, strict=True)
        best = sorted(scored, key=lambda hit: (-hit[0], hit[1][0]))[:k]
        if len(found) == wanted and best[-1][0] <= _slack(rounded, vector) - found[-1][10]:
            return None
        return [
            (rows.to_memory(row, space.name, unseal(key or b"", row[8], row[0])), score) for score, row, key in best
        ]

    def _search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        with self._reading(), self._cluster.transaction() as connection:
            best: list[tuple[float, bytes]] = []
            tenants = self._tenants(connection, where.namespace)
            gone, where = self._due_by(connection, tenants, where.kept_at), changed(where, kept_at=None)
            for tenant in tenants:
                among, _ = self._among(connection, tenant, where, gone.get(tenant, ()))
                best += [(score, id) for score, _, id in self._nearest(connection, tenant, vector, k, among, where)]
            best = sorted(best, key=lambda hit: (-hit[0], hit[1]))[:k]
            records = self._read(connection, [id for _, id in best])
            return [(record.memory, score) for record, (score, _) in zip(records, best, strict=True) if record]

    def _among(
        self, connection: Connection, tenant: bytes, where: Where, due: Sequence[tuple[int, Due]]
    ) -> tuple[Ints | None, set[bytes]]:
        """Slots to search, None for all; and which parts of gists not to."""
        among, hidden = self._asked(connection, tenant, where)
        if not due:
            return among, hidden
        if among is None:
            found, _ = self._matching(connection, tenant, where)
            among = np.array([slot for _, slot in found], np.int64)
        return np.setdiff1d(among, whole(due)), hidden | parts_of(one for _, one in due)

    def _asked(self, connection: Connection, tenant: bytes, where: Where) -> tuple[Ints | None, set[bytes]]:
        """As `_among`, with what is to be erased."""
        if where.archived is not True and where == Where(namespace=where.namespace, archived=where.archived):
            return None, set()
        chosen = set(where.ids) if where.ids is not None else None
        found, hidden = self._matching(connection, tenant, where)
        return np.array([slot for id, slot in found if chosen is None or id.hex() in chosen], np.int64), hidden

    def _nearest(
        self, connection: Connection, tenant: bytes, vector: Vectors, k: int, among: Ints | None, where: Where
    ) -> list[tuple[float, int, bytes]]:
        """(cosine, slot, id) of the k nearest of a tenant by the nearest passage of each, best first, exact."""
        nearest = {slot: (score, id) for score, slot, id in self._by_first(connection, tenant, vector, k, among, where)}
        for score, slot, id in self._by_further(connection, tenant, vector, k, among, where):
            nearest[slot] = max((score, id), nearest.get(slot, (score, id)))
        return sorted(((score, slot, id) for slot, (score, id) in nearest.items()), key=lambda hit: (-hit[0], hit[2]))[
            :k
        ]

    def _by_further(
        self, connection: Connection, tenant: bytes, vector: Vectors, k: int, among: Ints | None, where: Where
    ) -> list[tuple[float, int, bytes]]:
        """As `_by_first`, by the nearest of the passages after the first, of memories that have any."""
        rounded = vector.astype(np.float16)
        slack = _slack(rounded, vector)
        condition, given = _condition(tenant, among, where)
        sql = (
            "SELECT p.slot, m.id, min(p.embedding <#> %s) AS far FROM passage p JOIN memory m ON m.tenant = %s AND "
            f"m.slot = p.slot WHERE p.tenant = %s AND {condition} GROUP BY p.slot, m.id ORDER BY far LIMIT %s"
        )
        wanted = k + _MARGIN
        while True:
            asked = [HalfVector(rounded), tenant, tenant, *given, wanted]
            found = connection.execute(sql.encode(), asked, binary=True).fetchall()
            live = self._live(tenant, [slot for slot, _, _ in found])
            further = passages_of(connection, tenant, sorted(live)) if live else {}
            scored = [
                (float(products(further[slot].vectors, vector).max()), slot, id)
                for slot, id, _ in found
                if slot in further
            ]
            nearest = sorted(scored, key=lambda hit: (-hit[0], hit[2]))[:k]
            if len(found) < wanted or (len(nearest) == k and nearest[-1][0] > slack - found[-1][2]):
                return nearest
            wanted *= 2

    def _by_first(
        self, connection: Connection, tenant: bytes, vector: Vectors, k: int, among: Ints | None, where: Where
    ) -> list[tuple[float, int, bytes]]:
        """(cosine, slot, id) of the k nearest by the vectors of memories themselves, best first, exact.

        The server compares with the question rounded to fp16; what it may have misjudged by that is fetched too, and
        scored with the question as it is.
        """
        rounded = vector.astype(np.float16)
        slack = _slack(rounded, vector)
        wanted = k + _MARGIN
        while True:
            found = self._estimated(connection, tenant, rounded, wanted, among, where)
            live = self._live(tenant, [slot for slot, _, _, _ in found])
            there = [(slot, id, embedding.to_binary()) for slot, id, embedding, _ in found if slot in live]
            cosines = _cosines([one for *_, one in there], vector)
            scored = [(cosine, slot, id) for cosine, (slot, id, _) in zip(cosines, there, strict=True)]
            best = sorted(scored, key=lambda hit: (-hit[0], hit[2]))[:k]
            if len(found) < wanted or (len(best) == k and best[-1][0] > slack - found[-1][3]):
                return best
            wanted *= 2

    def _estimated(
        self,
        connection: Connection,
        tenant: bytes,
        rounded: NDArray[np.float16],
        wanted: int,
        among: Ints | None,
        where: Where,
    ) -> list[Any]:
        """(slot, id, embedding, negative cosine) in the order of the last."""
        giant = among is None and self._known(connection, tenant).giant
        vectors = "m.embedding"
        condition, given = _condition(tenant, among, where)
        if giant:
            for setting in _GIANT:
                connection.tell(f"SET LOCAL {setting}")
            vectors, condition = f"m.{column(len(rounded))}", f"m.tenant = {literal(tenant)} AND {condition}"
        sql = (
            f"SELECT m.slot, m.id, m.embedding, {vectors} <#> %s AS far FROM memory m "
            f"WHERE {condition} ORDER BY far LIMIT %s"
        )
        return connection.execute(sql.encode(), [HalfVector(rounded), *given, wanted], binary=True).fetchall()

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, where.namespace)
            gone, where = self._due_by(connection, tenants, where.kept_at), changed(where, kept_at=None)
            return merge(
                [self._evidence(connection, one, asked, vector, where, pool, gone.get(one, ())) for one in tenants]
            )

    def _evidence(
        self,
        connection: Connection,
        tenant: bytes,
        asked: Question,
        vector: Vectors,
        where: Where,
        pool: int,
        due: Sequence[tuple[int, Due]],
    ) -> Evidence:
        among, hidden = self._among(connection, tenant, where, due)
        found = self._nearest(connection, tenant, vector, pool, among, where)
        nearest = np.array([slot for _, slot, _ in found], np.int64)
        space = self._known(connection, tenant)
        with space.mutex:
            words = self._words(connection, tenant, space)
            without = space.away if where.archived is False else None
            if due:
                without = np.union1d([] if without is None else without, whole(due)).astype(np.int64)
            read = self._reader(connection, tenant, vector)
            leaves, columns = gather(words, nearest, read, asked, vector, among, pool, without, hidden)
            docs = words.leaves.owners(leaves).tolist()
            return Evidence(ids=[space.ids[doc].hex() for doc in docs], columns=columns, parts=words.ids_of(leaves))

    def _reader(self, connection: Connection, tenant: bytes, vector: Vectors) -> Callable[[Ints, Ints], Vectors]:
        """Of each part of a memory the vector of the passage that is nearest to `vector`."""

        def vectors(docs: Ints, parts: Ints) -> Vectors:
            slots = np.unique(docs).tolist()
            sql = "SELECT slot, embedding FROM memory WHERE tenant = %s AND slot = ANY(%s)"
            found = dict(connection.execute(sql, (tenant, slots), binary=True).fetchall())
            out = np.zeros((len(docs), len(vector)), np.float32)
            for row, doc in enumerate(docs.tolist()):
                if doc in found:
                    out[row] = found[doc].to_numpy()
            return nearness(connection, tenant, slots, len(vector)).nearer(docs, parts, out, vector)

        return vectors

    def _words(self, connection: Connection, tenant: bytes, space: Space) -> LexicalIndex:
        """The lexical index of a tenant, as of now: what any process wrote is taken in, what went is let go."""
        found = connection.execute("SELECT version FROM tenant WHERE tenant = %s", (tenant,)).fetchone()
        version = -1 if found is None else found[0]
        words = LexicalIndex(self.language) if space.words is None else space.words
        if space.version != version:
            sql = "SELECT slot FROM memory WHERE tenant = %s ORDER BY slot"
            slots = [slot for (slot,) in connection.execute(sql, (tenant,), binary=True)]
            there = self._live(tenant, slots)
            gone = space.ids.keys() - there
            words.remove(gone)
            for slot in gone:
                del space.ids[slot]
            fresh = there - space.ids.keys()
            self._take_in(connection, tenant, space, words, [slot for slot in slots if slot in fresh])
            space.away = _away(connection, tenant)
        first, space.words, space.version = space.words is None, words, version
        if first:
            self._spare()
        return words

    def _take_in(
        self, connection: Connection, tenant: bytes, space: Space, words: LexicalIndex, slots: Sequence[int]
    ) -> None:
        done = 0
        for part in parts(slots):
            keys = self._keys_of((tenant, slot) for slot in part)
            for row in connection.execute(_CONTENT.encode(), (tenant, part), binary=True).fetchall():
                key = keys.get((tenant, row[2]))
                if key is not None:
                    words.add(row[2], rows.to_memory(row, space.name, unseal(key, row[13], row[0])))
                    space.ids[row[2]] = row[0]
            done += len(part)
            self._tell("words", done, len(slots))


_NEAREST = b"SELECT * FROM nearest(%s, %s, %s, %b, %s, %s)"


def _slack(rounded: NDArray[np.float16], vector: Vectors) -> float:
    """By how much the server may misjudge a cosine with a question that is rounded."""
    return 1.01 * float(np.linalg.norm(rounded.astype(np.float32) - vector)) + 1e-6


def _cosines(sent: Sequence[bytes], vector: Vectors) -> list[float]:
    """The cosine of each vector, as the server sends them, with a unit vector of shape (d,)."""
    if not sent:
        return []
    halves = np.frombuffer(b"".join(sent), ">f2").reshape(len(sent), _HEAD + len(vector))
    cosines: list[float] = products(halves[:, _HEAD:].astype(np.float32), vector).tolist()
    return cosines


def _condition(tenant: bytes, among: Ints | None, where: Where) -> tuple[str, list[Any]]:
    """Which rows of a tenant to compare, as SQL about `m`, and its values."""
    if among is not None:
        return "m.tenant = %s AND m.slot = ANY(%s)", [tenant, among.tolist()]
    if where.archived is False:
        return f"m.tenant = %s AND NOT {AWAY}", [tenant, tenant]
    return "m.tenant = %s", [tenant]


_CONTENT = f"SELECT {CONTENT} FROM memory WHERE tenant = %s AND slot = ANY(%s) ORDER BY slot"


def _away(connection: Connection, tenant: bytes) -> Ints:
    """Slots of archived and restricted memories, ascending."""
    sql = f"SELECT slot FROM trace WHERE tenant = %s AND bits > 0 AND bits & {rows.AWAY} > 0 ORDER BY slot"
    return np.array([slot for (slot,) in connection.execute(sql.encode(), (tenant,), binary=True)], np.int64)
