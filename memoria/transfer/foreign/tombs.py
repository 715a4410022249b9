"""What a store keeps of `.mem` bundles: which ids were deleted there, and which ids what came from there had.

Ids are no content. They are private notes of the store, in numbered pieces, because a note is written whole. What was
forgotten here is known by the ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.protocols import Store
from memoria.transfer.foreign.mem import Bundle, Tombstone, key, tombstones
from memoria.types import LedgerEntry, Where

TOMBS, IDS = "mem.tombstones", "mem.ids"
ERASED = frozenset({"erase", "forget", "prune", "expire-erase"})
"""Actions of the ledger after which a memory is gone."""
_PIECE = 2000
OWN = re.compile(r"ep_([0-9a-f]{32})")
"""The id that a memory of memoria has in a bundle."""


def told(store: Store) -> dict[str, Tombstone]:
    """The tombstones that bundles brought here, by target."""
    found = {}
    for target, kind, at, op in _pieces(store, TOMBS):
        done: Literal["delete", "redact"] = "redact" if op == "redact" else "delete"
        found[target] = Tombstone(target=target, kind=kind, at=datetime.fromisoformat(at), op=done)
    return found


def ids_there(store: Store) -> dict[str, str]:
    """For ids of memories that came from bundles, the ids that they had there."""
    return {id: there for id, there in _pieces(store, IDS)}  # noqa: C416 - lists of two, of which dict() takes no type


def erased(ledger: Iterable[LedgerEntry], names: Mapping[str, str]) -> Iterator[Tombstone]:
    """Tombstones of what was forgotten here. names: ids that memories had where they came from."""
    for entry in ledger:
        if entry.action in ERASED:
            for id in entry.ids:
                yield Tombstone(target=names.get(id, f"ep_{id}"), kind="episode", at=entry.at, op="redact")


def apply(memory: Memoria, bundle: Bundle) -> frozenset[str]:
    """Forgets here what was deleted there, before anything comes; returns the keys of what must not come back.

    What is to be refused is written down first, so that a killed import brings nothing back. Raises Held when a hold
    or a restriction stands against it; then nothing is imported.
    """
    store = memory.store
    known = told(store)
    named = {one.target: one for one in tombstones(bundle)}
    fresh = [one for target, one in sorted(named.items()) if target not in known]
    _append(store, TOMBS, [[one.target, one.kind, one.at.isoformat(), one.op] for one in fresh])
    targets = sorted(named)
    ids = [id for at in range(0, len(targets), _PIECE) for id in _here(memory, targets[at : at + _PIECE])]
    if ids:
        memory.forget(*ids)
    mine = (one.target for one in erased(store.ledger(), ids_there(store)))
    return frozenset(map(key, (*known, *named, *mine)))


def _here(memory: Memoria, targets: Sequence[str]) -> list[str]:
    """Ids of the memories of a view that these are; parts of gists too."""
    own = {match[1] for target in targets if (match := OWN.fullmatch(target))}
    found = {id for id, one in living(memory.store, own).items() if one.under(memory.prefix)} if own else set()
    for target in targets:
        wanted = key(target)
        for id in memory.store.select(Where(namespace=memory.prefix, key=wanted)):
            found.add(_leaf(memory.store, id, wanted))
    return sorted(found)


def _leaf(store: Store, id: str, wanted: str) -> str:
    """The id of the part with a key, of a gist; of other memories their own."""
    (record,) = store.read([id])
    parts = record.memory.parts if record is not None else ()
    return next((part.id for part in parts if part.key == wanted), id)


def remember_ids(store: Store, names: Mapping[str, str]) -> None:
    """Writes down which ids memories had in the bundle that they came from."""
    _append(store, IDS, [[id, there] for id, there in names.items()])


def _append(store: Store, name: str, lines: Sequence[Sequence[str]]) -> None:
    count = int(store.private_note(name) or 0)
    for at in range(0, len(lines), _PIECE):
        store.write_private_note(f"{name}.{count}", json.dumps(lines[at : at + _PIECE], ensure_ascii=False))
        count += 1
        store.write_private_note(name, str(count))


def _pieces(store: Store, name: str) -> Iterator[list[str]]:
    for number in range(int(store.private_note(name) or 0)):
        yield from json.loads(store.private_note(f"{name}.{number}") or "[]")
