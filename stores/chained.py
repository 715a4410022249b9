"""The chain of the ledger on two shelves of a store that is made on StoreBase."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from memoria.proof.chain import HEAD
from memoria.proof.cose import decoded, encoded
from memoria.proof.lines import Entered
from memoria.stores.shelves import CHAIN, PROOF


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """Reads and writes the shelves of lines and of their settings."""

    pick: Callable[[str, Collection[str]], Mapping[str, bytes]]
    read: Callable[[str], Mapping[str, bytes]]
    write: Callable[[str, Mapping[str, bytes | None]], None]

    def last(self) -> tuple[int, Entered] | None:
        head = self.setting(HEAD)
        number = 0 if head is None else int(head.partition(":")[0])
        found = self.pick(CHAIN, [_key(number)]).get(_key(number)) if number else None
        return None if found is None else (number, _entered(found))

    def lines(self, newest: int | None) -> Iterable[Entered]:
        found = [_entered(data) for _, data in sorted(self.read(CHAIN).items())]
        return found if newest is None else found[-newest:]

    def add(self, entered: Mapping[int, Entered]) -> None:
        self.write(CHAIN, {_key(number): encoded([one.line, one.statement]) for number, one in entered.items()})

    def setting(self, name: str) -> str | None:
        found = self.pick(PROOF, [name]).get(name)
        return None if found is None else found.decode()

    def set(self, values: Mapping[str, str]) -> None:
        self.write(PROOF, {name: value.encode() for name, value in values.items()})


def _key(number: int) -> str:
    return f"{number:012}"


def _entered(data: bytes) -> Entered:
    return Entered(*decoded(data, "a line of the ledger"))
