"""What the ledger says of an erasure: counts, ids and keyed hashes of what was asked, and no name or content."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from memoria.errors import StoreCorrupt
from memoria.proof.certificate import certificate
from memoria.proof.lines import Entered, parsed
from memoria.protocols import Store
from memoria.types import LedgerEntry, Proof, Receipt, Verification, Where

_RECEIPT_BYTES = 16
_PLAIN = tuple((one.name, getattr(Where(), one.name)) for one in fields(Where))
# So many of the latest lines are looked through first for the line of a receipt.
_LATEST = 1024


def asked(store: Store, where: Where, mentions: str | None) -> dict[str, Any]:
    """What was asked for, by criterion: names as keyed hashes, which only the store can make again; the rest as it is.

    One name has the same hash in each receipt of a store.
    """
    said = {name: _said(store, name, value) for name, value in _given(where)}
    if where.only_namespace and "namespace" not in said:
        said["namespace"] = _keyed(store, "namespace", "[]")
    if mentions is not None:
        said["mentions"] = _keyed(store, "mentions", mentions)
    return said


def plan_hash(store: Store, where: Where, *how: object) -> bytes:
    """Keyed hash of all that was asked, and how: who has the store and the request can show that it is this one."""
    return _keyed(store, "plan", repr([*_given(where), *how]))


def agreement(store: Store, said: object) -> str:
    """Keyed hash of what an order does, by which it is known again; what is said is JSON."""
    whole = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return store.alias(("agreed", whole))


def _given(where: Where) -> list[tuple[str, Any]]:
    """The criteria of a filter that say anything, in a fixed order."""
    return [(name, value) for name, plain in _PLAIN if (value := getattr(where, name)) != plain]


def _said(store: Store, name: str, value: Any) -> Any:
    """One criterion, as a line says it: how many ids, kinds and times as they are, names as keyed hashes."""
    if name == "ids":
        return len(value)
    if name == "kinds":
        return list(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if name == "tags":
        return [_keyed(store, "tag", tag) for tag in value]
    if name == "metadata":
        return [_keyed(store, name, json.dumps(one, default=str)) for one in sorted(value.items(), key=repr)]
    if isinstance(value, bool):
        return value
    return _keyed(store, name, value if isinstance(value, str) else json.dumps(value, default=str))


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
        "control": found.control,
        "control_found": found.control_found,
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


def altered(receipt: Receipt, **fields: Any) -> Receipt:
    """The receipt with other fields; what proves it is the same line."""
    proof: Callable[[], Proof] | None = getattr(receipt, "_proof", None)
    made = replace(receipt, **fields)
    return made if proof is None else made.proven_by(proof)


def _found(entered: Sequence[Entered], receipt: bytes) -> bytes | None:
    """The latest line of a receipt: that of its verification, if there was one."""
    for one in reversed(entered):
        if receipt in one.line and parsed(one.line).facts.get("receipt") == receipt:
            return one.line
    return None


def _keyed(store: Store, name: str, value: str) -> bytes:
    return bytes.fromhex(store.alias(("receipt", name, value)))
