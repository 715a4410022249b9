"""Small statements about tenants that several verbs need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.stores import rows
from memoria.stores.forgotten import PRINTS
from memoria.stores.postgres.connect import scope
from memoria.types import RELATIONS, Link

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints
    from memoria.stores.postgres.connect import Connection


def intend(connection: Connection, tenant: bytes, slots: Sequence[int] | None) -> int:
    """Writes down which keys must go, all of them for None; returns the number of the intent."""
    sql = "INSERT INTO intent (tenant, slots) VALUES (%s, %s) RETURNING intent"
    ((number,),) = connection.execute(sql, (tenant, None if slots is None else list(slots))).fetchall()
    return int(number)


def enqueue(connection: Connection, kind: str, target: bytes) -> None:
    """Asks for a job, unless it is asked for already."""
    # A look first: most forgets find the job there, and then write nothing for it.
    found = connection.execute("SELECT 1 FROM job WHERE kind = %s AND target = %s AND token IS NULL", (kind, target))
    if found.fetchone() is None:
        connection.execute(
            "INSERT INTO job (kind, target) VALUES (%s, %s) ON CONFLICT (kind, target) DO UPDATE SET again = true",
            (kind, target),
        )


def write_prints(
    connection: Connection, tenant: bytes, lines: Iterable[bytes], *, kind: int = PRINTS, until: int | None = None
) -> None:
    """Lines of `forgotten`, of one kind (forgotten.py). until: when they end, in microseconds."""
    many(
        connection,
        "INSERT INTO forgotten (tenant, kind, prints, until) VALUES (%s, %s, %s, %s)",
        [(tenant, kind, blob, until) for blob in lines],
    )


def union(slots: Ints, more: Sequence[int], less: Sequence[int]) -> Ints:
    """Slots with some more and without others, ascending."""
    found: NDArray[Any] = np.setdiff1d(np.union1d(slots, np.asarray(more, np.int64)), np.asarray(less, np.int64))
    return found.astype(np.int64)


def displace(connection: Connection, tenant: bytes, ids: Sequence[bytes]) -> None:
    """Deletes where ids were, if they were of this tenant, and their links; the scope is theirs from here on."""
    if not ids:
        return
    links = linked(connection, ids)
    scope(connection, tenant=[tenant], id={*ids, *(end for link in links for end in link[:2])})
    sql = "DELETE FROM place WHERE id = ANY(%s) AND tenant = %s RETURNING id"
    gone = {id for (id,) in connection.execute(sql, (list(ids), tenant)).fetchall()}
    unlink(connection, links, gone, set())


def linked(connection: Connection, ids: Collection[bytes]) -> list[tuple[bytes, bytes, int]]:
    """(parent, child, relation) of each link of these ids, which the transaction is for from here on."""
    if not ids:
        return []
    scope(connection, id=ids)
    return connection.execute(
        "SELECT DISTINCT parent, child, relation FROM link WHERE id = ANY(%s)", (list(ids),)
    ).fetchall()


def unlink(
    connection: Connection,
    links: Iterable[tuple[bytes, bytes, int]],
    gone: Collection[bytes],
    old: Collection[bytes],
) -> None:
    """Takes out those of `links` that go with `gone`, but not that others are derived from it.

    old: what is replaced: what it supersedes or doubts, and what does so to it, stays.
    """
    dead = [
        (parent, child, relation)
        for parent, child, relation in links
        if child in gone or (relation and parent in gone) or (not relation and child in old)
    ]
    _delete_links(connection, dead)


def take_away(connection: Connection, links: Iterable[Link]) -> None:
    """Deletes links at both of their ends."""
    ends = [(bytes.fromhex(one.parent), bytes.fromhex(one.child), RELATIONS.index(one.relation)) for one in links]
    _delete_links(connection, ends)


def link(connection: Connection, links: Iterable[Link]) -> None:
    """Writes links down at both of their ends, so that each is found from either."""
    values = []
    for one in links:
        parent, child = bytes.fromhex(one.parent), bytes.fromhex(one.child)
        said = (parent, child, RELATIONS.index(one.relation), rows.micros(one.was), one.weight, one.judge)
        values += [(end, *said) for end in {parent, child}]
    names = "id, parent, child, relation, was, weight, judge"
    sql = f"INSERT INTO link ({names}) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    many(connection, sql, values)


def _delete_links(connection: Connection, links: Iterable[tuple[bytes, bytes, int]]) -> None:
    values = [(end, *link) for link in links for end in {link[0], link[1]}]
    many(connection, "DELETE FROM link WHERE id = %s AND parent = %s AND child = %s AND relation = %s", values)


def many(connection: Connection, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
    """Runs a statement for each of these values, some time before the transaction ends."""
    connection.send_many(sql, values)


def write_meta(connection: Connection, values: Mapping[str, str]) -> None:
    """Writes settings down, in the place of what they were."""
    sql = "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    many(connection, sql, list(values.items()))
