"""Standing orders as they are kept: sealed, in settings of the store, as keyed hashes of what a value is known by.

The setting `standing` is there once there was any order, and changes with each change, so that whoever writes sees by
reading it alone whether the orders are still those it knows.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from memoria.errors import StoreCorrupt
from memoria.protocols import Store
from memoria.text.values.plans import ValueKind, ValuePlan
from memoria.text.values.spots import Shapes
from memoria.types import Namespace

OnMatch = Literal["refuse", "redact"]
"""What is done with what holds the value: it is not stored, or stored without the value."""
MARK = "standing"
"""The setting that changes with each change of the orders."""
_ORDER, _ACTED = "standing.order.", "standing.acted."
_ROOM = "\0standing"
_HASH, _NONCE = 12, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder:
    """A standing order, as it is listed. The value is nowhere.

    Attributes:
        id: names the order.
        at: when it was given.
        kind: what the value was taken for: "number", "code", "date", "e-mail", "name" or "phrase".
        on_match: what is done with what holds the value: "refuse" or "redact".
        acted: how many memories it kept out, or kept the value out of.
        pending: whether memories that held the value when it was given are still there: it is done when the store is
            next opened for writing, unless they are held.
    """

    id: str
    at: datetime
    kind: ValueKind
    on_match: OnMatch
    acted: int = 0
    pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A standing order, as it works.

    Attributes:
        order: as it is listed.
        key: of the hashes.
        home: keyed hashes of every prefix of the namespace where it holds, the shortest first.
        any: hashes of features of which each is enough.
        all: groups of hashes; one of each, near one another, is enough.
        shapes: what has to be looked for.
    """

    order: StandingOrder
    key: bytes
    home: tuple[bytes, ...]
    any: frozenset[bytes]
    all: tuple[frozenset[bytes], ...]
    shapes: Shapes

    def under(self, prefix: Namespace) -> bool:
        """Whether it holds at or below a prefix, and nowhere else."""
        return len(self.home) > len(prefix) and self.home[len(prefix)] == place(self.key, prefix)

    def holds_in(self, namespace: Namespace) -> bool:
        """Whether it holds in a namespace."""
        depth = len(self.home) - 1
        return depth <= len(namespace) and self.home[-1] == place(self.key, namespace[:depth])


def hashed(key: bytes, feature: str) -> bytes:
    """What is kept of a feature."""
    return hmac.digest(key, f"value\0{feature}".encode(), "sha256")[:_HASH]


def place(key: bytes, prefix: Namespace) -> bytes:
    """What is kept of a namespace."""
    return hmac.digest(key, f"place\0{json.dumps(prefix)}".encode(), "sha256")[:_HASH]


def rule_of(order: StandingOrder, plan: ValuePlan, namespace: Namespace, key: bytes) -> Rule:
    """An order of what a value is known by, under a key."""
    return Rule(
        order=order,
        key=key,
        home=tuple(place(key, namespace[:depth]) for depth in range(len(namespace) + 1)),
        any=frozenset(hashed(key, one) for one in plan.any),
        all=tuple(frozenset(hashed(key, one) for one in group) for group in plan.all),
        shapes=plan.shapes,
    )


def sealing_key(store: Store) -> bytes:
    """The key under which orders are sealed; all that knows where it comes from.

    It is made of the key by which the store blinds names, so a copy of the database alone opens no order.
    """
    return hmac.digest(bytes.fromhex(store.alias((_ROOM,))), b"standing orders", "sha256")


# -- keeping --


def read(store: Store) -> list[Rule]:
    """Every order of a store, oldest first; raises StoreCorrupt for one that does not open."""
    notes = store.notes()
    key = sealing_key(store)
    found = []
    for name, value in notes.items():
        if name.startswith(_ORDER) and value:
            id = name.removeprefix(_ORDER)
            acted = int(notes.get(f"{_ACTED}{id}") or 0)
            rule = _opened(key, id, value)
            found.append(replace(rule, order=replace(rule.order, acted=acted)))
    return sorted(found, key=lambda rule: (rule.order.at, rule.order.id))


def keep(store: Store, rule: Rule) -> None:
    """Writes an order down. Whoever sees the mark reads the orders; so it stands before the order does, and is new
    after it."""
    _change(store)
    store.write_note(_ORDER + rule.order.id, _closed(sealing_key(store), rule))
    _change(store)


def drop(store: Store, rule: Rule) -> None:
    """Takes an order away."""
    store.write_note(_ORDER + rule.order.id, "")
    store.write_note(_ACTED + rule.order.id, "")
    _change(store)


def count(store: Store, id: str) -> None:
    """Counts that an order has acted."""
    store.write_note(_ACTED + id, str(int(store.note(_ACTED + id) or 0) + 1))


def moved(source: Store, target: Store, name: str, value: str) -> str:
    """A setting of one store as the other keeps it: orders are sealed anew, other settings stay as they are."""
    if not (name.startswith(_ORDER) and value):
        return value
    return _closed(sealing_key(target), _opened(sealing_key(source), name.removeprefix(_ORDER), value))


def carried(store: Store) -> dict[str, dict[str, Any]]:
    """Every order by its id, open, as `given` takes it; a copy of the store that is older is told so."""
    there = [] if store.note(MARK) is None else read(store)
    return {rule.order.id: _plain(rule) for rule in there}


def given(store: Store, told: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes down the orders that a store does not have; those that it has stay as they are."""
    known = carried(store)
    for id, one in sorted(told.items()):
        if id not in known:
            keep(store, _rule(id, one))


def _change(store: Store) -> None:
    store.write_note(MARK, secrets.token_hex(8))


def _plain(rule: Rule) -> dict[str, Any]:
    """An order as JSON has it, without its id and how often it has acted."""
    order = rule.order
    return {
        "at": order.at.isoformat(),
        "kind": order.kind,
        "on_match": order.on_match,
        "pending": order.pending,
        "key": rule.key.hex(),
        "home": [one.hex() for one in rule.home],
        "any": sorted(one.hex() for one in rule.any),
        "all": [sorted(one.hex() for one in group) for group in rule.all],
        "shapes": {name: sorted(sizes) for name, sizes in asdict(rule.shapes).items() if sizes},
    }


def _rule(id: str, told: Mapping[str, Any]) -> Rule:
    order = StandingOrder(
        id=id,
        at=datetime.fromisoformat(told["at"]),
        kind=told["kind"],
        on_match=told["on_match"],
        pending=told["pending"],
    )
    return Rule(
        order=order,
        key=bytes.fromhex(told["key"]),
        home=_bytes(told["home"]),
        any=frozenset(_bytes(told["any"])),
        all=tuple(frozenset(_bytes(group)) for group in told["all"]),
        shapes=Shapes(**{one.name: frozenset(told["shapes"].get(one.name, ())) for one in fields(Shapes)}),
    )


def _closed(key: bytes, rule: Rule) -> str:
    id, plain = rule.order.id.encode(), json.dumps(_plain(rule), sort_keys=True).encode()
    # Of the content, so that the same order is the same bytes, as a copy compares them; no two contents share one.
    nonce = hmac.digest(key, id + plain, "sha256")[:_NONCE]
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, id)).decode()


@lru_cache(maxsize=4096)
def _opened(key: bytes, id: str, value: str) -> Rule:
    try:
        raw = base64.b64decode(value)
        return _rule(id, json.loads(AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], id.encode())))
    except (InvalidTag, ValueError):
        raise StoreCorrupt(f"standing order {id} does not open: it was changed, or the key of the store was") from None


def _bytes(hexed: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, hexed))
