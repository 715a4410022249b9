"""What a store has forgotten, as an older copy of it is told: the lines of its log, and which texts it refuses.

An exported log is JSON lines, the last one a keyed hash of all before it. It has ids and keyed fingerprints, and no
content; the names of the namespaces in which texts are refused are sealed, and so are standing orders.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.errors import ForgetsForged, ForgetsMissing, InvalidQuery, StoreCorrupt, StoreNotFound
from memoria.forget.erase import mirror
from memoria.protocols import Store
from memoria.standing import orders
from memoria.stores.disk import Disk, translated
from memoria.stores.forgets import Forgot, KeepsForgets, Position, cut_ids, token
from memoria.stores.sealing import KEY_BYTES, derived, new_key, seal, unseal
from memoria.text.fingerprints import Fingerprints
from memoria.transfer.backup.layout import put
from memoria.types import Namespace

_FORMAT = 1
_REASON = "what was forgotten after this copy was made is forgotten in it too"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an older copy is told. lines: oldest first. refused: by namespace. standing: orders, by id."""

    position: Position
    lines: tuple[Forgot, ...]
    refused: Mapping[Namespace, frozenset[Fingerprints]] = field(default_factory=dict)
    standing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def after(self, copy: Position) -> list[Forgot]:
        """The lines that a copy lacks; raises ForgetsMissing when not all of them are there."""
        if not self.position.knows(copy):
            raise ForgetsMissing("this forget log is not of the store that the copy was made of, or not of its line")
        if self.position.pruned > copy.event:
            raise ForgetsMissing(
                f"this forget log begins after line {self.position.pruned}, and the copy ends at line {copy.event}: "
                "what was forgotten in between is not in it; restore a newer copy, or keep forgets for longer"
            )
        return [line for line in self.lines if line.event > copy.event]


def keeper(store: Store) -> KeepsForgets:
    """The store, if it keeps a log; raises InvalidQuery if it does not."""
    if not isinstance(store, KeepsForgets):
        raise InvalidQuery(f"a store of type {type(store).__name__} keeps no forget log")
    return store


def told_by(store: Store) -> Told:
    """What a store has to tell. An id that went as a row and lives on as a part of a gist was not forgotten."""
    kept = keeper(store)
    position, lines = kept.forgets_position(), kept.forgets(0)
    named = sorted({id.hex() for line in lines if line.kind == "forgotten" for id in line.ids})
    alive: set[bytes] = set()
    for at in range(0, len(named), _AT_ONCE):
        alive |= {bytes.fromhex(id) for id in living(store, named[at : at + _AT_ONCE])}
    told = (_without(line, alive) for line in lines)
    known, standing = store.fingerprints(()), orders.carried(store)
    return Told(position=position, lines=tuple(one for one in told if one.ids), refused=known, standing=standing)


def _without(line: Forgot, alive: set[bytes]) -> Forgot:
    if line.kind != "forgotten":
        return line
    ids = tuple(id for id in line.ids if id not in alive)
    return Forgot(event=line.event, at=line.at, kind=line.kind, ids=ids)


# -- files --


def export(store: Store, path: Path, disk: Disk | None = None) -> Told:
    """Writes the log of a store to a file, whole or not at all."""
    found, key = told_by(store), keeper(store).log_key()
    raw = b"".join(json.dumps(line).encode() + b"\n" for line in _lines(found, key))
    mac = hmac.digest(key, raw, "sha256").hex()
    put(path, raw + json.dumps({"mac": mac}).encode() + b"\n", disk or Disk())
    return found


def _lines(found: Told, key: bytes) -> Iterator[dict[str, Any]]:
    yield {"memoria forgets": _FORMAT, "position": asdict(found.position)}
    for line in found.lines:
        yield {"event": line.event, "at": line.at, "kind": line.kind, "ids": b"".join(line.ids).hex()}
    for namespace, known in sorted(found.refused.items()):
        yield _sealed("refused", {"namespace": list(namespace), "known": [_packed(one) for one in known]}, key)
    for id, order in sorted(found.standing.items()):
        yield _sealed("standing", {"id": id, "order": order}, key)


def _sealed(name: str, content: Any, key: bytes) -> dict[str, str]:
    salt = new_key()
    return {name: (salt + seal(derived(key, name.encode(), salt), content, salt)).hex()}


def _unsealed(name: str, line: Mapping[str, Any], key: bytes) -> Any:
    blob = bytes.fromhex(line[name])
    salt = blob[:KEY_BYTES]
    return unseal(derived(key, name.encode(), salt), blob[KEY_BYTES:], salt)


def _packed(one: Fingerprints) -> dict[str, Any]:
    prints, sketches = sorted(one.prints), sorted(one.sketches)
    return {"key": one.key.hex(), "prints": [p.hex() for p in prints], "sketches": [s.hex() for s in sketches]}


def told_in(path: Path, key: bytes) -> Told:
    """What a file tells; raises ForgetsForged unless it is as the store with this key of logs exported it."""
    if not path.is_file():
        raise StoreNotFound(f"{path} is neither a store nor a forget log")
    with translated(path):
        raw = path.read_bytes()
    body, _, last = raw.rstrip(b"\n").rpartition(b"\n")
    try:
        mac = bytes.fromhex(json.loads(last)["mac"])
        if not hmac.compare_digest(mac, hmac.digest(key, body + b"\n", "sha256")):
            raise ValueError
        return _parsed([json.loads(line) for line in body.split(b"\n")], key)
    except (ValueError, KeyError, TypeError, AttributeError, StoreCorrupt):
        raise ForgetsForged(f"{path} is no forget log of the store that this copy is of, or was changed") from None


def _parsed(lines: Sequence[Any], key: bytes) -> Told:
    head = lines[0]
    refused: dict[Namespace, frozenset[Fingerprints]] = {}
    if head["memoria forgets"] != _FORMAT:
        raise ValueError
    said = head["position"]
    history = tuple((branch, last) for branch, last in said["history"])
    found, standing = [], {}
    for line in lines[1:]:
        if "refused" in line:
            content = _unsealed("refused", line, key)
            refused[tuple(content["namespace"])] = frozenset(map(_unpacked, content["known"]))
        elif "standing" in line:
            content = _unsealed("standing", line, key)
            standing[content["id"]] = content["order"]
        else:
            ids = cut_ids(bytes.fromhex(line["ids"]))
            found.append(Forgot(event=line["event"], at=line["at"], kind=line["kind"], ids=ids))
    position = Position(**{**said, "history": history})
    return Told(position=position, lines=tuple(found), refused=refused, standing=standing)


def _unpacked(one: Mapping[str, Any]) -> Fingerprints:
    return Fingerprints(
        key=bytes.fromhex(one["key"]),
        prints=frozenset(map(bytes.fromhex, one["prints"])),
        sketches=frozenset(map(bytes.fromhex, one["sketches"])),
    )


# -- replaying --


def replay(memory: Memoria, copy: Position, told: Told, key: bytes) -> int:
    """Forgets in a copy what was forgotten after it was made; how many memories. key: of the log.

    Twice has the same effect as once. A log that is older than the copy tells it nothing.
    """
    lines, store = told.after(copy), memory.store
    if copy.branch == told.position.branch and copy.event > told.position.event:
        return 0
    count = store.count(())
    gone = {id for line in lines if line.kind == "erased" for id in line.ids}
    for name in sorted(store.namespaces(())):
        if token(key, name) in gone:
            memory.namespace(*name).forget(namespace=(), override=_REASON)
    ids = sorted({id.hex() for line in lines if line.kind in ("forgotten", "rewritten") for id in line.ids})
    _forget(memory, ids)
    other = sorted({id.hex() for line in lines if line.kind == "replaced" for id in line.ids})
    rows = [id for id, found in zip(other, store.read(other), strict=True) if found is not None]
    if rows:
        # What was derived from them stays: their texts were not replaced.
        mirror(store, ids=rows)
    _forget(memory, other)
    for name, known in told.refused.items():
        if store.fingerprints(name).get(name) != known:
            store.adopt(name, known)
    orders.given(store, told.standing)
    keeper(store).continue_forgets(told.position, told.lines, os.urandom(8).hex())
    return count - store.count(())


def _forget(memory: Memoria, ids: Sequence[str]) -> None:
    there = sorted(living(memory.store, ids)) if ids else []
    for at in range(0, len(there), _AT_ONCE):
        # Some may have gone along with those before.
        some = sorted(living(memory.store, there[at : at + _AT_ONCE]))
        if some:
            memory.forget(*some, guard="none", override=_REASON)
