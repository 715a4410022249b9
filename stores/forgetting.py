"""What StoreBase knows of forgotten texts: fingerprints of its own and of other stores, in two shelves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from memoria.stores.shelves import ADOPTED, FORGOTTEN, key_of, known_from_bytes, known_to_bytes, named, print_key
from memoria.text.fingerprints import NO_PRINT, Fingerprints, Statement, fingerprint, guardable, sketched
from memoria.types import Namespace

Known = frozenset[Fingerprints]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Reads and writes two shelves of a store. key: the store's own, from which that of each namespace is made."""

    key: bytes
    read: Callable[[str], Mapping[str, bytes]]
    pick: Callable[[str, Collection[str]], Mapping[str, bytes]]
    write: Callable[[str, Mapping[str, bytes | None]], None]

    def here(self, namespace: Namespace) -> Known:
        """What is known in exactly this namespace."""
        return self._of(FORGOTTEN, namespace) | self._of(ADOPTED, namespace)

    def under(self, prefix: Namespace) -> dict[Namespace, Known]:
        """What is known in each namespace under a prefix that knows anything."""
        found: dict[Namespace, Known] = {}
        for shelf in (FORGOTTEN, ADOPTED):
            for key, data in self.read(shelf).items():
                if named(key)[: len(prefix)] == prefix:
                    found[named(key)] = found.get(named(key), frozenset()) | known_from_bytes(data)
        return found

    def guard(self, statements: Iterable[tuple[Namespace, Statement]], *, near: bool = False) -> None:
        """Leaves a fingerprint of each statement in its namespace, or a sketch of what is near it."""
        by_name: dict[Namespace, list[Statement]] = {}
        for namespace, statement in statements:
            by_name.setdefault(namespace, []).append(statement)
        for namespace, said in by_name.items():
            key, old = print_key(self.key, namespace), self._of(FORGOTTEN, namespace)
            self._set(FORGOTTEN, namespace, [_joined(key, [*old, _made(key, said, near=near)])])

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        for shelf in (FORGOTTEN, ADOPTED):
            self._set(shelf, namespace, [one.without(statements) for one in self._of(shelf, namespace)])

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        self._set(ADOPTED, namespace, known)

    def erase(self, prefix: Namespace) -> None:
        """Lets go of what every namespace under a prefix knows."""
        for shelf in (FORGOTTEN, ADOPTED):
            inside = [key for key in self.read(shelf) if named(key)[: len(prefix)] == prefix]
            self.write(shelf, dict.fromkeys(inside))

    def _of(self, shelf: str, namespace: Namespace) -> Known:
        key = key_of(namespace)
        return known_from_bytes(self.pick(shelf, [key]).get(key, b""))

    def _set(self, shelf: str, namespace: Namespace, known: Iterable[Fingerprints]) -> None:
        self.write(shelf, {key_of(namespace): known_to_bytes(known)})


def _made(key: bytes, statements: Sequence[Statement], *, near: bool) -> Fingerprints:
    if near:
        return Fingerprints(key=key, sketches=frozenset(sketched(key, one) for one in statements if guardable(one)))
    return Fingerprints(key=key, prints=frozenset(fingerprint(key, one) for one in statements) - {NO_PRINT})


def _joined(key: bytes, parts: Sequence[Fingerprints]) -> Fingerprints:
    prints = frozenset[bytes]().union(*(one.prints for one in parts))
    return Fingerprints(key=key, prints=prints, sketches=frozenset[bytes]().union(*(one.sketches for one in parts)))
