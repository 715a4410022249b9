"""The ledger of a store, verified: its chain, and what the store keeps beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memoria.errors import InvalidInput
from memoria.proof.chain import ROTATE
from memoria.proof.checking import LedgerCheck, check_ledger
from memoria.proof.lines import Entered, Line, keyed_id, parsed, reason_hash
from memoria.protocols import Store
from memoria.types import LedgerEntry

ERASING = frozenset({"erase", "prune", "recover", "verify"})


def enter_done(store: Store, entry: LedgerEntry) -> None:
    """Enters what was done and needs no reason; it is written with the next commit that enters anything, or a close."""
    with store.deciding(entry):
        pass


def is_receipt(line: Line) -> bool:
    """Whether a line is of an erasure, or of what was found after one."""
    return line.action in ERASING or "receipt" in line.facts


def keys(store: Store) -> list[bytes]:
    """The public keys that signed the ledger of a store, in their order."""
    ring = store.keyring()
    return [] if ring is None else [ring.first, *_entered_keys(store.chained())]


def check(store: Store, *, head: str | None, receipts: Sequence[bytes]) -> LedgerCheck:
    """Verifies the ledger of a store. Raises InvalidInput for what is no head."""
    with store.alone():
        entered, kept, ring = store.chained(), store.kept_head(), store.keyring()
        found = check_ledger(entered, keys(store), head=head, receipts=receipts)
        beside = list(_beside(store, entered))
    if kept is not None and kept != found.head:
        beside.append(f"the store keeps {kept.partition(':')[0]} lines and another head beside the ledger")
    if ring is not None and ring.public != keys(store)[-1]:
        beside.append("the store signs by a key that no line enters")
    return replace(found, problems=(*found.problems, *beside))


def _entered_keys(entered: Sequence[Entered]) -> Iterator[bytes]:
    for one in entered:
        try:
            line = parsed(one.line)
        except InvalidInput:
            continue
        key = line.facts.get("key")
        if line.action == ROTATE and isinstance(key, bytes):
            yield key


def _beside(store: Store, entered: Sequence[Entered]) -> Iterator[str]:
    """Decisions with their reasons, which the store keeps apart, and the lines that vouch for them."""
    decided = list(_decided(entered))
    kept = store.ledger()
    if len(decided) != len(kept):
        yield f"{len(kept)} decisions are kept, and lines of {len(decided)}"
    key = store.reason_key()
    for line, entry in zip(decided, kept, strict=False):
        if not _vouches(key, line, entry):
            yield f"line {line.number}: the decision that is kept is another one"


def _decided(entered: Sequence[Entered]) -> Iterator[Line]:
    for one in entered:
        try:
            line = parsed(one.line)
        except InvalidInput:
            continue
        if line.decided:
            yield line


def _vouches(key: bytes, line: Line, entry: LedgerEntry) -> bool:
    ids = tuple(keyed_id(key, id).hex() for id in entry.ids)
    same = (line.at, line.action, line.count) == (entry.at, entry.action, len(ids)) and line.ids in (ids, ())
    return same and line.reason == reason_hash(key, line.number, entry.reason)
