"""What the ledger says of an erasure: counts, ids and keyed hashes of what was asked, and no name or content."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from memoria.errors import StoreCorrupt
from memoria.proof.certificate import certificate
from memoria.proof.lines import Entered, parsed
from memoria.protocols import Store
from memoria.types import LedgerEntry, Proof, Verification, Where

_RECEIPT_BYTES = 16
# So many of the latest lines are looked through first for the line of a receipt.
_LATEST = 1024


def asked(store: Store, where: Where, mentions: str | None) -> dict[str, Any]:
    """What was asked for, by criterion: names as keyed hashes, which only the store can make again; the rest as it is.

    One name has the same hash in each receipt of a store.
    """

    def keyed(name: str, value: object) -> bytes:
        return _keyed(store, name, value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str))

    prefix = where.namespace or where.only_namespace
    said: dict[str, Any] = {
        "mentions": None if mentions is None else keyed("mentions", mentions),
        "namespace": keyed("namespace", list(where.namespace)) if prefix else None,
        "ids": None if where.ids is None else len(where.ids),
        "tags": [keyed("tag", tag) for tag in where.tags] or None,
        "kinds": list(where.kinds) or None,
        "metadata": [keyed("metadata", [name, value]) for name, value in sorted(where.metadata.items())] or None,
        "since": None if where.since is None else where.since.isoformat(),
        "until": None if where.until is None else where.until.isoformat(),
    }
    for name in ("subject", "session", "speaker", "key"):
        value = getattr(where, name)
        said[name] = None if value is None else keyed(name, value)
    return {name: value for name, value in said.items() if value is not None}


def plan_hash(store: Store, order: object) -> bytes:
    """Keyed hash of all that was asked, and how: who has the store and the request can show that it is this one."""
    return _keyed(store, "plan", repr(order))


def decision(store: Store, at: datetime, action: str, ids: Sequence[str], facts: Mapping[str, Any]) -> LedgerEntry:
    """The line of an erasure that is about to be carried out."""
    said = {"receipt": secrets.token_bytes(_RECEIPT_BYTES), "method": store.erasure, **facts}
    return LedgerEntry(at=at, action=action, ids=tuple(ids), reason="", facts=said)


def verified(entry: LedgerEntry, found: Verification, at: datetime) -> LedgerEntry:
    """The line of a verification, which says all that the line of the erasure says, and what was found."""
    counts = {
        "files": found.files,
        "bytes": found.bytes_scanned,
        "needles": found.needles,
        "checks": found.checks,
        "found": found.found,
        "shared": found.shared,
        "skipped": found.skipped,
    }
    return replace(entry, at=at, action="verify", facts={**entry.facts, "of": entry.action, "verification": counts})


def proof(store: Store, receipt: bytes) -> Callable[[], Proof]:
    """Gives, when it is called, the signed form of a receipt; its line is durable from then on."""

    def proven() -> Proof:
        line = _found(store.chained(newest=_LATEST), receipt) or _found(store.chained(), receipt)
        if line is None:
            raise StoreCorrupt("the line of this receipt is not in the ledger")
        statement = store.prove(line)
        return Proof(line=line, statement=statement, certificate=certificate(statement))

    return proven


def _found(entered: Sequence[Entered], receipt: bytes) -> bytes | None:
    """The latest line of a receipt: that of its verification, if there was one."""
    for one in reversed(entered):
        if receipt in one.line and parsed(one.line).facts.get("receipt") == receipt:
            return one.line
    return None


def _keyed(store: Store, name: str, value: str) -> bytes:
    return bytes.fromhex(store.alias(("receipt", name, value)))
