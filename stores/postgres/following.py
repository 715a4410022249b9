"""What a change does to one tenant, and the index in RAM that follows it once it is committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from memoria.errors import StoreError
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.core import Core, Space
from memoria.types import Record


@dataclass
class Batch:
    """What a change does to one tenant: records that come, with their keys and from which slot on; slots that go.

    single: labels of keys of callers, which nothing else in the tenant has. bound: whether there are retention periods.
    destroyed: whether the keys of what goes are; None before that is begun.
    """

    records: list[Record] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    first: int = 0
    version: int = 0
    gone: list[int] = field(default_factory=list)
    single: set[bytes] = field(default_factory=set)
    bound: bool = False
    destroyed: bool | None = None


class Moved(StoreError):
    """A tenant is not there any more."""

    def __init__(self, tenant: bytes) -> None:
        super().__init__("the namespace was erased meanwhile: nothing was written")
        self.tenant = tenant


class Following(Core):
    """The part of a store that keeps what is in RAM as it is in the database."""

    def _take_back(self, batches: Mapping[bytes, Batch]) -> None:
        for tenant, batch in batches.items():
            self._keys.destroy(tenant, range(batch.first, batch.first + len(batch.keys)))

    def _follow(self, batches: Mapping[bytes, Batch]) -> None:
        """Lets the indexes in RAM follow what was just written, where nobody else wrote in between."""
        for tenant, batch in batches.items():
            self._own(tenant, batch.version - 1, batch.version)
            with self._cache:
                space = self._spaces.get(tenant)
            if space is None or space.words is None:
                continue
            with space.mutex:
                if space.version == batch.version - 1:
                    _apply(space, batch)

    def _own(self, tenant: bytes, before: int, after: int) -> None:
        """Notes that the versions of a tenant from one to another are of this process."""
        with self._cache:
            space = self._spaces.get(tenant)
            if space is not None and after > space.own[1]:
                space.own = (space.own[0] if space.own[1] == before else before, after)


def _apply(space: Space, batch: Batch) -> None:
    assert space.words is not None
    space.words.remove(batch.gone)
    for slot in batch.gone:
        space.ids.pop(slot, None)
    for slot, record in enumerate(batch.records, batch.first):
        space.words.add(slot, record.memory)
        space.ids[slot] = bytes.fromhex(record.memory.id)
    away = [slot for slot, record in enumerate(batch.records, batch.first) if _is_away(record)]
    space.away = tenancy.union(space.away, away, batch.gone)
    space.version = batch.version


def _is_away(record: Record) -> bool:
    return record.trace.archived or record.trace.restricted
