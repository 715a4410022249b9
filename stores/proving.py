"""The ledger's chain in a store: what every store does alike. Where lines are kept is each store's own (`_shelf`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from memoria.proof.chain import HEAD, SIGNER, Chain, Keyring, Shelf, current
from memoria.stores.sealing import blind
from memoria.types import LedgerEntry

if TYPE_CHECKING:
    from memoria.proof.keys import Signer
    from memoria.proof.lines import Entered

Said = tuple[LedgerEntry, bool]


class Proving(ABC):
    """The part of a store that keeps a chain of what it did.

    `_decision` is what is being carried out: the first verb inside that erases enters it, in the commit that makes it
    true; further ones belong to it.
    """

    erasure: str = "records destroyed by the store"
    _decision: LedgerEntry | None = None
    _within: bool = False
    _made: Chain | None = None

    # -- what each store has --

    @abstractmethod
    def _ledger_key(self) -> bytes:
        """The store's own key."""

    @abstractmethod
    def _shelf(self, *, writing: bool) -> AbstractContextManager[Shelf]:
        """Where lines are kept, in one transaction, all that was done before being written."""

    @abstractmethod
    def _may_write(self) -> bool:
        """Whether the store is open for writing."""

    # -- what follows --

    def _has_waiting(self) -> bool:
        """Whether lines wait that must be written before the chain is read; override it where they wait."""
        return False

    @property
    def _chain(self) -> Chain:
        if self._made is None:
            key = self._ledger_key()
            self._made = Chain(key=key, store=blind(key, "store"))
        return self._made

    @contextmanager
    def deciding(self, entry: LedgerEntry) -> Iterator[None]:
        self._decision, self._within = entry, True
        try:
            yield
            left = self._decision
        finally:
            self._decision, self._within = None, False
        if left is not None and self._may_write():
            self._enter_later(left)

    def _enter_later(self, entry: LedgerEntry) -> None:
        """Enters what erased nothing; a store that has lines waiting lets it wait with them."""
        with self._shelf(writing=True) as shelf:
            self._join(shelf, [(entry, False)])

    def _erased(self, ids: Sequence[bytes], namespaces: int = 0) -> list[Said]:
        """The line for what a verb erases now: that of the decision, none if it has one already, or one of its own."""
        if self._within:
            return [] if self._decision is None else [(self._decision, False)]
        return [(undecided(ids, namespaces=namespaces), False)] if ids or namespaces else []

    def _join(self, shelf: Shelf, said: Sequence[Said]) -> None:
        self._chain.join(shelf, said)

    def _chain_old(self, shelf: Shelf, decisions: Sequence[LedgerEntry]) -> None:
        """Chains decisions of before there was a chain."""
        if shelf.setting(SIGNER) is None and decisions:
            self._chain.join(shelf, [(one, True) for one in decisions])

    def chained(self, *, newest: int | None = None) -> list[Entered]:
        with self._shelf(writing=self._has_waiting()) as shelf:
            return list(shelf.lines(newest))

    def prove(self, line: bytes) -> bytes:
        with self._shelf(writing=self._has_waiting()) as shelf:
            return self._chain.statement(shelf, line)

    def keyring(self) -> Keyring | None:
        with self._shelf(writing=False) as shelf:
            return current(shelf.setting(SIGNER))

    def kept_head(self) -> str | None:
        with self._shelf(writing=self._has_waiting()) as shelf:
            return shelf.setting(HEAD)

    def reason_key(self) -> bytes:
        return self._ledger_key()

    def sign_with(self, signer: Signer | None) -> None:
        self._chain.signer = signer

    def rotate(self, entry: LedgerEntry, signer: Signer | None = None) -> bytes:
        with self._shelf(writing=True) as shelf:
            return self._chain.rotate(shelf, entry, signer)


def undecided(ids: Sequence[bytes], *, action: str = "erase", namespaces: int = 0) -> LedgerEntry:
    """A line for what was erased without a decision above it, or by recovery: only the store knows of it."""
    facts = {"namespaces": namespaces} if namespaces else {}
    # No caller has said when: this is the one place of a store that asks the clock.
    named = tuple(id.hex() for id in ids)
    return LedgerEntry(at=datetime.now(UTC), action=action, ids=named, reason="", facts={"by": "store", **facts})
