"""What two places of a store say of one memory, compared: an edit of one of them by somebody else is found so.

Labels, fingerprints, holds and ends each stand in the clear beside something that says the same, under a key or in
another table. Whoever changes one of them alone, as SQL can, makes a contradiction. Whoever has every key of the store
can write all of it as the store does, and makes none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from datetime import datetime

from memoria.canonical import canonical
from memoria.stores import rows
from memoria.text.brief import brief
from memoria.text.fingerprints import NO_PRINT, Statement, fingerprint, stated
from memoria.types import LedgerEntry, Memory

ENDING = ("supersedes", "ends")
"""Relations of a link whose parent has ended."""
_FREEING = frozenset({"release", "forget"})


def wrong_labels(key: bytes, memory: Memory, found: Set[bytes]) -> Iterator[str]:
    """What is wrong with the labels of a memory.

    Args:
        key: of its namespace.
        memory: as it is sealed.
        found: the labels that its row has in the look-up.
    """
    due = rows.labels(key, memory)
    if lacking := len(due - found):
        yield f"memory {memory.id}: {lacking} of its {len(due)} labels are not there, so that a filter misses it"
    if foreign := len(found - due):
        yield f"memory {memory.id}: {foreign} labels that are not its own, so that a filter takes it for another"


def wrong_print(key: bytes, memory: Memory, found: bytes, *, printless: bool) -> str:
    """What is wrong with the fingerprint of a memory; "" for nothing.

    printless: the store had memories before there were fingerprints.
    """
    said = stated(memory)
    if found in (fingerprint(key, said), fingerprint(key, Statement(said.text))):
        return ""
    if found == NO_PRINT and (printless or brief(canonical(said.text))):
        return ""
    return (
        f"memory {memory.id}: its fingerprint is not that of its text, so that it could come back once it is forgotten"
    )


def lifted_holds(entries: Iterable[LedgerEntry], free: Collection[str]) -> Iterator[str]:
    """The memories that the ledger says are held, and that are not.

    Args:
        entries: the ledger, oldest first.
        free: ids of memories that are there, without a hold.
    """
    held: dict[str, None] = {}
    for entry in entries:
        for id in entry.ids:
            if entry.action == "hold":
                held[id] = None
            elif entry.action in _FREEING:
                held.pop(id, None)
    yield from (f"memory {id}: the ledger says that it is held, and it is not" for id in held if id in free)


def held_in(entries: Iterable[LedgerEntry]) -> set[str]:
    """Ids of all that was ever held."""
    return {id for entry in entries if entry.action == "hold" for id in entry.ids}


def revived(until: Mapping[str, datetime | None], ends: Iterable[tuple[str, datetime]], now: datetime) -> Iterator[str]:
    """The memories that are in force although what ended them is.

    Args:
        until: by id, until when each is valid; None for no end.
        ends: (what was ended, from when on that which ended it is valid).
        now: the time.
    """
    for id, start in ends:
        end = until[id]
        if start <= now and (end is None or end > max(now, start)):
            yield f"memory {id}: another has ended it, and it is valid still"
