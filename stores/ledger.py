"""Lines of the ledger: who was held and when stands in the clear, the reason is sealed."""

from __future__ import annotations

import secrets
from typing import Any

from memoria.stores import rows
from memoria.stores.sealing import derived, seal, unseal
from memoria.types import LedgerEntry

COLUMNS = "at, action, ids, salt, sealed"


def sealed(key: bytes, entry: LedgerEntry) -> tuple[Any, ...]:
    """Values in the order of `COLUMNS`."""
    salt = secrets.token_bytes(16)
    ids = b"".join(bytes.fromhex(id) for id in entry.ids)
    return rows.micros(entry.at), entry.action, ids, salt, seal(derived(key, b"ledger", salt), entry.reason, ids)


def opened(key: bytes, line: tuple[Any, ...]) -> LedgerEntry:
    """The entry of a line; raises StoreCorrupt when its reason does not open."""
    at, action, ids, salt, reason = line
    when = rows.time(at)
    assert when is not None
    return LedgerEntry(
        at=when,
        action=action,
        ids=tuple(ids[n : n + 16].hex() for n in range(0, len(ids), 16)),
        reason=unseal(derived(key, b"ledger", salt), reason, ids),
    )
