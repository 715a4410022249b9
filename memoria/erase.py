"""forget: exact erasure, and the receipt that proves it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.protocols import Store
from memoria.residue import scan
from memoria.types import LedgerEntry, Memory, Receipt, Secret, Verification, Where
from memoria.validate import check_reason, check_where, is_id

_TWINS = 10


def preview(store: Store, where: Where) -> list[Memory]:
    """Exactly the memories that `erase` would forget, oldest first."""
    records = store.read(_targets(store, where))
    return [record.memory for record in records if record is not None]


def erase(store: Store, where: Where, at: datetime, *, verify: bool, override: str | None = None) -> Receipt:
    """Forgets what matches. When it returns, text, vector and key of each are gone from every file.

    Raises InvalidQuery when nothing is asked and MemoryNotFound for an unknown id; then nothing is forgotten.
    """
    ids = _targets(store, where)
    secrets = store.secrets(ids) if verify else []
    _enter_override(store, ids, at, override)
    started = time.perf_counter()
    namespaces = _erase(store, where, ids, over_holds=override is not None)
    seconds = time.perf_counter() - started
    return Receipt(
        asked=_asked(where),
        forgotten=tuple(ids),
        namespaces=namespaces,
        at=at,
        seconds=seconds,
        verification=verification(store, secrets) if verify else None,
    )


def _targets(store: Store, where: Where) -> list[str]:
    check_where(where)
    if where.ids is not None:
        malformed = [id for id in where.ids if not is_id(id)]
        if malformed:
            raise MemoryNotFound(*map(str, malformed))
    ids = store.select(where)
    if where.ids is not None and len(ids) < len(set(where.ids)):
        raise MemoryNotFound(*sorted(set(where.ids) - set(ids)))
    return ids


def _erase(store: Store, where: Where, ids: Sequence[str], *, over_holds: bool) -> int:
    if where.only_namespace:
        return store.erase_namespaces(where.namespace, over_holds=over_holds)
    if ids:
        store.erase(ids, over_holds=over_holds)
    return 0


def _enter_override(store: Store, ids: Sequence[str], at: datetime, reason: str | None) -> None:
    """Writes down, before it happens, that holds are overridden; InvalidQuery for an empty reason."""
    if reason is None:
        return
    check_reason(reason)
    held = [id for id, trace in zip(ids, store.traces(ids), strict=True) if trace is not None and trace.held]
    if held:
        store.enter(LedgerEntry(at=at, action="forget", ids=tuple(held), reason=reason))


def verification(store: Store, secrets: Sequence[Secret]) -> Verification:
    """Scans every file of the store for the secrets of what was forgotten."""
    residue = scan(store.files(), secrets)
    found = {find.needle for find in residue.found}
    shared = sum(_is_kept(store, secrets[needle]) for needle in found)
    return replace(residue.verification(), found=len(found) - shared, shared=shared)


def _is_kept(store: Store, secret: Secret) -> bool:
    """Whether the bytes are the vector of a memory that is kept: equal texts have vectors equal but for rounding."""
    import numpy as np

    if secret.run is None or len(secret.data) != 2 * store.embedder.dimension:
        return False
    vector = np.frombuffer(secret.data, "<f2").astype(np.float32)
    nearest = store.search(vector, Where(), _TWINS)
    kept = [record.vector.astype("<f2").tobytes() for record in store.read([m.id for m, _ in nearest]) if record]
    starts = range(len(secret.data) - secret.run + 1)
    return any(bytes_[at : at + secret.run] == secret.data[at : at + secret.run] for bytes_ in kept for at in starts)


def _asked(where: Where) -> dict[str, str]:
    named = {
        "namespace": "withheld" if where.namespace or where.only_namespace else None,
        "ids": None if where.ids is None else str(len(where.ids)),
        "subject": None if where.subject is None else "withheld",
        "tags": f"{len(where.tags)} withheld" if where.tags else None,
        "kinds": ", ".join(where.kinds) or None,
        "key": None if where.key is None else "withheld",
        "since": None if where.since is None else where.since.isoformat(),
        "until": None if where.until is None else where.until.isoformat(),
    }
    return {name: value for name, value in named.items() if value is not None}


def check_asked(where: Where, *, whole: bool) -> Where:
    """Raises InvalidQuery when no criterion is given: forgetting everything has to be said."""
    if where.only_namespace and not whole:
        raise InvalidQuery("nothing asked: give ids, subject, tags, kinds, since, until, or namespace=()")
    return where
