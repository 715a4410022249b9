"""Further passages of long memories, and parts of gists, as the database has them: sealed under the key in the slot.

So they are erased exactly when the memory is, by the one zeroed slot, however many passages it has; nothing else of
erasing or recovery has to know of them.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable
from sqlite3 import Connection
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.stores.sealing import KEY_BYTES, derived, seal_bytes, unseal_bytes
from memoria.text import coarse
from memoria.types import Passages

if TYPE_CHECKING:
    from memoria.stores.local.space import Space

_COUNT = struct.Struct("<I")
# In the count: vectors are at a byte a number.
_COARSE = 1 << 31


def sealed(key: bytes, passages: Passages, id: bytes) -> bytes:
    """Places and vectors, under a key made of that of the memory and a salt, because a key seals one message only."""
    salt = secrets.token_bytes(KEY_BYTES)
    places = np.array(passages.places, "<u4").tobytes()
    small = coarse.to_bytes(passages.vectors)
    head = len(passages.starts) | (0 if small is None else _COARSE)
    plain = _COUNT.pack(head) + places + (passages.vectors.astype("<f2").tobytes() if small is None else small)
    return salt + seal_bytes(derived(key, b"passages", salt), plain, id)


def opened(key: bytes, blob: bytes, id: bytes) -> Passages:
    """What `sealed` was given; raises StoreCorrupt."""
    salt = blob[:KEY_BYTES]
    plain = unseal_bytes(derived(key, b"passages", salt), blob[KEY_BYTES:], id)
    try:
        (head,) = _COUNT.unpack_from(plain)
        count = head & ~_COARSE
        places = np.frombuffer(plain, "<u4", count, _COUNT.size)
        rest = plain[_COUNT.size + places.nbytes :]
        if head & _COARSE:
            vectors = coarse.from_bytes(rest, count)
        else:
            vectors = np.frombuffer(rest, "<f2").reshape(count, -1).astype(np.float32)
    except (struct.error, ValueError):
        raise StoreCorrupt("the passages of a memory are damaged in memoria.db") from None
    return Passages.placed(places.tolist(), vectors)


def insert_passages(db: Connection, space: int, made: Iterable[tuple[bytes, bytes]]) -> None:
    """The rows of (id, sealed passages)."""
    db.executemany(
        "INSERT INTO passage SELECT row, ?, ? FROM memory WHERE id = ?", [(space, blob, id) for id, blob in made]
    )


def load(space: Space, found: Iterable[tuple[bytes, int, bytes]]) -> list[tuple[int, Passages]]:
    """(slot, passages) of those of (id, slot, sealed) that are live; what is damaged is passed over."""
    made = []
    for id, slot, blob in found:
        if slot < space.next_slot and space.slots.id(slot) == id:
            try:
                made.append((slot, opened(space.slots.key_of(slot), blob, id)))
            except StoreCorrupt:
                continue  # doctor names it
    return made
