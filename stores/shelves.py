"""What StoreBase keeps beside memories, as small entries: bytes by shelf and key. Here their form is fixed.

| shelf      | key                       | value                                             |
|------------|---------------------------|---------------------------------------------------|
| store      | "embedder", "key"         | the embedder's card as JSON; 32 random bytes      |
| store      | "guard"                   | a check value of the guard key, if there is one   |
| store      | "language"                | its code; none where it is told by each text      |
| notes      | name                      | text                                              |
| private    | name                      | text that may hold names                          |
| ledger     | number, in 12 digits      | JSON                                              |
| chain      | number, in 12 digits      | CBOR: a line of the ledger, and its signature     |
| proof      | name                      | settings of the chain: its key, and its head      |
| recalls    | id of a memory            | 9 bytes for each: time, and whether it was found  |
| superseded | ids of parent and child   | until when the parent was valid, or nothing       |
| doubted    | ids of parent and child   | JSON: the weight, and the name of the judge       |
| forgotten  | namespace as JSON         | fingerprints and sketches under the store's key   |
| adopted    | namespace as JSON         | the same of other stores, with their keys         |
| outside    | namespace as JSON         | own and adopted ones, sealed under a guard key    |
| periods    | namespace, subject: JSON  | JSON: namespace, subject, microseconds            |
| lapsed     | id of a memory            | when something of it was first seen to be due     |
"""

from __future__ import annotations

import hmac
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from memoria.canonical import canonical
from memoria.stores.lapses import period_content, period_from
from memoria.text.fingerprints import PRINT_BYTES, Fingerprints
from memoria.text.sketch import BODY_BYTES, SKETCH_BYTES
from memoria.traces import micros, moment
from memoria.types import EmbedderCard, LedgerEntry, Link, Namespace, Recalled, RetentionPeriod

STORE, NOTES, PRIVATE, LEDGER = "store", "notes", "private", "ledger"
CHAIN, PROOF = "chain", "proof"
RECALLS, SUPERSEDED, DOUBTED, ENDED = "recalls", "superseded", "doubted", "ended"
LINKS = (SUPERSEDED, DOUBTED, ENDED)
FORGOTTEN, ADOPTED, OUTSIDE = "forgotten", "adopted", "outside"
PERIODS, LAPSED = "periods", "lapsed"

_RECALL = struct.Struct("<q?")
_TIME = struct.Struct("<q")
_LENGTHS = struct.Struct("<III")
# In the third length: sketches are whole. Entries of older stores have only the first part of each.
_WHOLE = 1 << 31
# In the third length as well: after the sketches is until when they are known.
_ENDS = 1 << 30


def key_of(namespace: Namespace) -> str:
    return json.dumps(namespace)


def named(key: str) -> Namespace:
    """The namespace that `key_of` was given."""
    return tuple(json.loads(key))


def print_key(key: bytes, namespace: Namespace) -> bytes:
    """The key of a namespace's fingerprints. It travels with them, so it is not the key of any other namespace."""
    return hmac.digest(key, b"fingerprints\0" + key_of(namespace).encode(), "sha256")


def card_to_bytes(card: EmbedderCard) -> bytes:
    return json.dumps({"name": card.name, "dimension": card.dimension}).encode()


def card_from_bytes(data: bytes) -> EmbedderCard:
    return EmbedderCard(**json.loads(data))


def entry_to_bytes(entry: LedgerEntry) -> bytes:
    said = {"at": micros(entry.at), "action": entry.action, "ids": entry.ids, "reason": entry.reason}
    return json.dumps(said).encode()


def entry_from_bytes(data: bytes) -> LedgerEntry:
    said = json.loads(data)
    return LedgerEntry(at=moment(said["at"]), action=said["action"], ids=tuple(said["ids"]), reason=said["reason"])


def recalls_to_bytes(recalls: Iterable[Recalled]) -> bytes:
    return b"".join(_RECALL.pack(micros(one.at), one.found) for one in recalls)


def recalls_from_bytes(id: str, data: bytes) -> list[Recalled]:
    return [Recalled(id=id, at=moment(at), found=found) for at, found in _RECALL.iter_unpack(data)]


def on_shelves(links: Iterable[Link]) -> dict[str, list[tuple[str, bytes]]]:
    """By shelf, keys and values of links by which memories supersede, doubt or end others."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for one in links:
        key = f"{one.parent} {one.child}"
        if one.relation == "doubts":
            found.setdefault(DOUBTED, []).append((key, json.dumps([one.weight, one.judge]).encode()))
        elif one.relation == "ends":
            was = None if one.was is None else micros(one.was)
            found.setdefault(ENDED, []).append((key, json.dumps([was, one.judge]).encode()))
        else:
            found.setdefault(SUPERSEDED, []).append((key, b"" if one.was is None else _TIME.pack(micros(one.was))))
    return found


def link_from_entry(shelf: str, key: str, data: bytes) -> Link:
    parent, child = key.split()
    if shelf == DOUBTED:
        weight, judge = json.loads(data)
        return Link(parent=parent, child=child, relation="doubts", weight=weight, judge=judge)
    if shelf == ENDED:
        at, judge = json.loads(data)
        return Link(parent=parent, child=child, relation="ends", was=None if at is None else moment(at), judge=judge)
    was = moment(_TIME.unpack(data)[0]) if data else None
    return Link(parent=parent, child=child, relation="supersedes", was=was)


def time_to_bytes(time: datetime) -> bytes:
    return _TIME.pack(micros(time))


def time_from_bytes(data: bytes) -> datetime:
    return moment(_TIME.unpack(data)[0])


def period_key(period: RetentionPeriod) -> str:
    """The same for every way to write the subject."""
    subject = None if period.subject is None else canonical(period.subject)
    return json.dumps([period.namespace, subject])


def period_to_bytes(period: RetentionPeriod) -> bytes:
    return json.dumps(period_content(period)).encode()


def period_from_bytes(data: bytes) -> RetentionPeriod:
    return period_from(json.loads(data))


def known_to_bytes(known: Iterable[Fingerprints]) -> bytes | None:
    """Fingerprints one after the other; None when there are none."""
    return b"".join(_one_to_bytes(one) for one in known if len(one)) or None


def _one_to_bytes(one: Fingerprints) -> bytes:
    parts: Sequence[bytes] = (one.key, b"".join(sorted(one.prints)), b"".join(sorted(one.sketches)))
    key, prints, sketches = map(len, parts)
    ends, tail = (0, b"") if one.until is None else (_ENDS, time_to_bytes(one.until))
    return _LENGTHS.pack(key, prints, sketches | _WHOLE | ends) + b"".join(parts) + tail


def known_from_bytes(data: bytes) -> frozenset[Fingerprints]:
    return frozenset(_unpacked(data))


def _unpacked(data: bytes) -> Iterator[Fingerprints]:
    at = 0
    while at < len(data):
        *first, last = _LENGTHS.unpack_from(data, at)
        lengths, width = (*first, last & ~(_WHOLE | _ENDS)), SKETCH_BYTES if last & _WHOLE else BODY_BYTES
        at += _LENGTHS.size
        key, prints, sketches = (data[at + sum(lengths[:n]) : at + sum(lengths[: n + 1])] for n in range(3))
        at += sum(lengths)
        until = time_from_bytes(data[at : at + _TIME.size]) if last & _ENDS else None
        at += _TIME.size if last & _ENDS else 0
        yield Fingerprints(key=key, prints=_cut(prints, PRINT_BYTES), sketches=_cut(sketches, width), until=until)


def _cut(data: bytes, width: int) -> frozenset[bytes]:
    return frozenset(data[at : at + width] for at in range(0, len(data), width))
