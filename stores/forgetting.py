"""What StoreBase knows of forgotten texts: fingerprints of its own and of other stores, in shelves.

With a guard key outside of the store, one more shelf holds both kinds, sealed under it, and the others are empty; but
for what was forgotten while the store was open without the key, until it is opened with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from memoria.stores.guardkey import Outside
from memoria.stores.sealing import KEY_BYTES, derived, new_key, seal_bytes, unseal_bytes
from memoria.stores.shelves import (
    ADOPTED,
    FORGOTTEN,
    OUTSIDE,
    key_of,
    known_from_bytes,
    known_to_bytes,
    named,
    print_key,
)
from memoria.text.fingerprints import Fingerprints, Statement, gathered, made
from memoria.types import Namespace

Known = frozenset[Fingerprints]
_SHELVES = (FORGOTTEN, ADOPTED, OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Reads and writes shelves of a store. key: the store's own, from which that of each namespace is made."""

    key: bytes
    read: Callable[[str], Mapping[str, bytes]]
    pick: Callable[[str, Collection[str]], Mapping[str, bytes]]
    write: Callable[[str, Mapping[str, bytes | None]], None]
    outside: Outside

    def here(self, namespace: Namespace, *, strict: bool = False) -> Known:
        """What is known in exactly this namespace; raises GuardKeyMissing, with `strict` though unguarded."""
        sealed = self._sealed(namespace)
        plain = self._plain(FORGOTTEN, namespace) | self._plain(ADOPTED, namespace)
        outside = Outside(key=self.outside.key) if strict else self.outside
        if outside.opened(bool(sealed)) is None:
            return plain
        return plain.union(*self._unsealed(namespace, sealed).values())

    def under(self, prefix: Namespace) -> dict[Namespace, Known]:
        """What is known in each namespace under a prefix that knows anything."""
        names = {named(key) for shelf in _SHELVES for key in self.read(shelf)}
        found = {name: self.here(name, strict=True) for name in names if name[: len(prefix)] == prefix}
        return {name: known for name, known in found.items() if known}

    def guard(
        self, statements: Iterable[tuple[Namespace, Statement]], *, near: bool = False, until: datetime | None = None
    ) -> None:
        """Leaves a fingerprint of each statement in its namespace, or a sketch of what is near it."""
        by_name: dict[Namespace, list[Statement]] = {}
        for namespace, statement in statements:
            by_name.setdefault(namespace, []).append(statement)
        for namespace, said in by_name.items():
            key = self.outside.of(print_key(self.key, namespace))
            old = self._plain(FORGOTTEN, namespace) if self.outside.key is None else self._of(FORGOTTEN, namespace)
            self._set(FORGOTTEN, namespace, gathered([*old, made(key, said, near=near, until=until)]))

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        for shelf in (FORGOTTEN, ADOPTED):
            self._set(shelf, namespace, [one.without(statements) for one in self._of(shelf, namespace)])

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        self._set(ADOPTED, namespace, known)

    def release(self, prefix: Namespace, at: datetime) -> int:
        """Lets go of what is known until `at`; of how many statements. Without its key, what is sealed stays."""
        count = 0
        for name in {named(key) for shelf in _SHELVES for key in self.read(shelf)}:
            if name[: len(prefix)] != prefix or (self.outside.key is None and self._sealed(name)):
                continue
            for shelf in (FORGOTTEN, ADOPTED):
                known = self._of(shelf, name)
                kept = [one for one in known if one.until is None or one.until > at]
                if len(kept) < len(known):
                    count += sum(len(one) for one in known) - sum(len(one) for one in kept)
                    self._set(shelf, name, kept)
        return count

    def seal(self) -> None:
        """Seals what is not sealed under the outside key."""
        for shelf in (FORGOTTEN, ADOPTED):
            for key in list(self.read(shelf)):
                self._set(shelf, named(key), self._of(shelf, named(key)))

    def erase(self, prefix: Namespace) -> None:
        """Lets go of what every namespace under a prefix knows."""
        for shelf in _SHELVES:
            inside = [key for key in self.read(shelf) if named(key)[: len(prefix)] == prefix]
            self.write(shelf, dict.fromkeys(inside))

    def _of(self, shelf: str, namespace: Namespace) -> Known:
        """Own or adopted fingerprints of a namespace, sealed or not; raises GuardKeyMissing."""
        sealed = self._sealed(namespace)
        if self.outside.opened(bool(sealed)) is None:
            return self._plain(shelf, namespace)
        return self._plain(shelf, namespace) | self._unsealed(namespace, sealed)[shelf]

    def _plain(self, shelf: str, namespace: Namespace) -> Known:
        key = key_of(namespace)
        return known_from_bytes(self.pick(shelf, [key]).get(key, b""))

    def _sealed(self, namespace: Namespace) -> bytes:
        key = key_of(namespace)
        return self.pick(OUTSIDE, [key]).get(key, b"")

    def _unsealed(self, namespace: Namespace, sealed: bytes) -> dict[str, Known]:
        if not sealed:
            return {FORGOTTEN: frozenset(), ADOPTED: frozenset()}
        salt = sealed[:KEY_BYTES]
        plain = unseal_bytes(self._outer(namespace, salt), sealed[KEY_BYTES:], salt)
        own = int.from_bytes(plain[:8], "little")
        return {FORGOTTEN: known_from_bytes(plain[8 : 8 + own]), ADOPTED: known_from_bytes(plain[8 + own :])}

    def _outer(self, namespace: Namespace, salt: bytes) -> bytes:
        """The key that seals what a namespace knows: a key seals one message only."""
        return derived(self.outside.of(print_key(self.key, namespace)), b"outside", salt)

    def _set(self, shelf: str, namespace: Namespace, known: Iterable[Fingerprints]) -> None:
        if self.outside.key is None:
            self.write(shelf, {key_of(namespace): known_to_bytes(known)})
            return
        there = self._unsealed(namespace, self._sealed(namespace)) | {shelf: frozenset(known)}
        own, adopted = (known_to_bytes(there[one]) or b"" for one in (FORGOTTEN, ADOPTED))
        salt, plain = new_key(), len(own).to_bytes(8, "little") + own + adopted
        made_ = salt + seal_bytes(self._outer(namespace, salt), plain, salt) if own or adopted else None
        self.write(OUTSIDE, {key_of(namespace): made_})
        self.write(shelf, {key_of(namespace): None})
