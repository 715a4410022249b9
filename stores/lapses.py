"""What is due to be erased, as stores say it: which memories, which parts of gists, and since when.

A time once seen to have passed has passed: where a store may write, it notes when it saw it, so that a clock that is
set back shows nothing again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from memoria.canonical import canonical
from memoria.periods import lapsed
from memoria.stores.sealing import blind, derived, new_key, seal, unseal
from memoria.types import Memory, RetentionPeriod, Where

_MICROSECOND = timedelta(microseconds=1)


class Due(NamedTuple):
    """A stored memory of which something is due.

    Attributes:
        id: of the memory.
        inside: its id, or the ids of those of its parts that are due.
        whole: whether nothing of it stays.
    """

    id: str
    inside: frozenset[str]
    whole: bool


def due(memory: Memory, periods: Collection[RetentionPeriod], at: datetime) -> Due | None:
    """What of a memory is due by a time; None for nothing."""
    inside = lapsed(memory, periods, at)
    return Due(memory.id, inside, len(inside) == max(len(memory.parts), 1)) if inside else None


def parts_of(found: Iterable[Due]) -> set[bytes]:
    """The ids of the parts of gists that are due."""
    return {bytes.fromhex(id) for one in found for id in one.inside if id != one.id}


def meant(found: Iterable[Due], where: Where) -> dict[str, frozenset[str]]:
    """By id, what is due in those that the filter names, if it names any."""
    asked = None if where.ids is None else set(where.ids)
    return {one.id: one.inside for one in sorted(found) if asked is None or one.id in asked}


def in_order(periods: Iterable[RetentionPeriod]) -> list[RetentionPeriod]:
    """Periods in the order of namespaces and subjects."""
    return sorted(periods, key=lambda one: (one.namespace, one.subject or ""))


def period_hash(key: bytes, period: RetentionPeriod) -> bytes:
    """By which a store finds the period of a namespace and subject again, and nobody learns their names."""
    subject = () if period.subject is None else ("subject", canonical(period.subject))
    return blind(key, "period", *subject, "namespace", *period.namespace)


def sealed_period(key: bytes, period: RetentionPeriod) -> tuple[bytes, bytes, bytes]:
    """Hash, salt and sealed content of a period."""
    hash, salt = period_hash(key, period), new_key()
    return hash, salt, seal(derived(key, b"period", salt), period_content(period), hash)


def opened_period(key: bytes, hash: bytes, salt: bytes, sealed: bytes) -> RetentionPeriod:
    """The period that was sealed; raises StoreCorrupt when it does not open."""
    return period_from(unseal(derived(key, b"period", salt), sealed, hash))


def period_content(period: RetentionPeriod) -> list[object]:
    """A period as JSON: namespace, subject, microseconds."""
    return [list(period.namespace), period.subject, period.ttl // _MICROSECOND]


def period_from(content: list[object]) -> RetentionPeriod:
    """The period that `period_content` was given."""
    namespace, subject, length = content
    assert isinstance(namespace, list)
    assert isinstance(length, int)
    return RetentionPeriod(
        namespace=tuple(namespace), subject=None if subject is None else str(subject), ttl=length * _MICROSECOND
    )
