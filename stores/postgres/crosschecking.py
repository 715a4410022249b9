"""Cross-checks: what labels, fingerprints, holds and ends in the clear say against what is sealed and each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from memoria.errors import StoreCorrupt
from memoria.stores import crosschecks
from memoria.stores.batches import parts
from memoria.stores.guardkey import CHECK
from memoria.stores.postgres.holding import Holding
from memoria.stores.postgres.searching import Searching
from memoria.stores.postgres.writing import Writing

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


@dataclass(slots=True)
class Seen:
    """What the memories of a store say of themselves, by id: until when, from when, and which are held."""

    until: dict[str, datetime | None] = field(default_factory=dict)
    start: dict[str, datetime] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)


class Crosschecking(Searching, Holding, Writing):
    """The part of a store that compares what two places say of one memory."""

    def _contradicted(
        self, connection: Connection, tenant: bytes, whole: Sequence[tuple[int, bytes]], seen: Seen
    ) -> Iterator[str]:
        """What is not as the sealed rows say. whole: (slot, id) of rows that open."""
        key = self._known(connection, tenant).key
        # Under a key outside of the store, rows keep no fingerprint.
        printless = bool(connection.execute("SELECT 1 FROM meta WHERE name = %s", (CHECK,)).fetchone())
        for part in parts(whole):
            slots = [slot for slot, _ in part]
            labels: dict[int, set[bytes]] = {}
            sql = "SELECT slot, hash FROM label WHERE tenant = %s AND slot = ANY(%s)"
            for slot, hash in connection.execute(sql, (tenant, slots), binary=True):
                labels.setdefault(slot, set()).add(hash)
            sql = "SELECT slot, print FROM memory WHERE tenant = %s AND slot = ANY(%s)"
            prints = dict(connection.execute(sql, (tenant, slots), binary=True).fetchall())
            for slot, record in zip(slots, self._read(connection, [id for _, id in part]), strict=True):
                if record is None:
                    continue
                memory = record.memory
                seen.until[memory.id], seen.start[memory.id] = memory.valid_to, memory.valid_from or memory.created_at
                if record.trace.held:
                    seen.held.add(memory.id)
                yield from crosschecks.wrong_labels(key, memory, labels.get(slot, set()))
                if said := crosschecks.wrong_print(key, memory, bytes(prints[slot]), printless=printless):
                    yield said

    def _contradictions(self, seen: Seen) -> Iterator[str]:
        """What tables say against each other."""
        try:
            entries = self.ledger()
        except StoreCorrupt as error:
            yield f"the ledger: {error}"
        else:
            yield from crosschecks.lifted_holds(entries, seen.until.keys() - seen.held)
        ends = [
            (link.parent, seen.start[link.child])
            for part in map(set, parts(sorted(seen.until)))
            for link in self.links(sorted(part))
            if link.relation in crosschecks.ENDING and link.parent in part and link.child in seen.start
        ]
        yield from crosschecks.revived(seen.until, ends, datetime.now(UTC))
