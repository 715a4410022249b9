"""The chain of a store's ledger: how lines are joined to it and signed. Each store keeps it where it keeps rows.

Lines are numbered, chained and signed when they are committed, a signature a commit: it is over the last line, which
names the hash of the one before, and so over all.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from memoria.errors import InvalidInput, SignerUnavailable
from memoria.proof.cose import signed
from memoria.proof.keys import OwnKey, Signer, key_id
from memoria.proof.lines import GENESIS, Entered, hash_of, line_of
from memoria.types import LedgerEntry

SIGNER, HEAD = "ledger.signer", "ledger.head"
ROTATE = "rotate"
_LOG = logging.getLogger("memoria.store")
_SEED_BYTES = 32


class Shelf(Protocol):
    """Where a store keeps a chain, within a transaction."""

    def last(self) -> tuple[int, Entered] | None:
        """The number of the last line, and the line; None when there is none."""

    def lines(self, newest: int | None) -> Iterable[Entered]:
        """All lines in their order, or the last so many."""

    def add(self, entered: Mapping[int, Entered]) -> None:
        """Adds lines by their numbers."""

    def setting(self, name: str) -> str | None:
        """A setting of the chain."""

    def set(self, values: Mapping[str, str]) -> None:
        """Writes settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """How a store seals the seed of its key: with its own key, so that whatever protects that protects this.

    seal, unseal: bytes to bytes.
    """

    key: bytes
    store: bytes

    def seal(self, seed: bytes) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt = secrets.token_bytes(16)
        return (salt + AESGCM(self._of(salt)).encrypt(bytes(12), seed, b"ledger key")).hex()

    def unseal(self, sealed: str) -> bytes:
        """The seed; raises InvalidInput when it was changed, or is of another store."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            data = bytes.fromhex(sealed)
            return AESGCM(self._of(data[:16])).decrypt(bytes(12), data[16:], b"ledger key")
        except (InvalidTag, ValueError):
            raise InvalidInput(
                "the key that signs the ledger does not open: it was changed, or is of another"
            ) from None

    def _of(self, salt: bytes) -> bytes:
        import hmac

        return hmac.digest(self.key, b"ledger signer" + salt, "sha256")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Whose keys sign the ledger of a store.

    Attributes:
        first: the public key that signed first.
        public: the public key that signs now.
        sealed: the seed of that key, sealed under the key of the store; None when another signs.
    """

    first: bytes
    public: bytes
    sealed: str | None

    @property
    def id(self) -> str:
        """The id of the key that signs now."""
        return key_id(self.public).hex()


def _to_setting(ring: Keyring) -> str:
    return json.dumps({"first": ring.first.hex(), "public": ring.public.hex(), "sealed": ring.sealed})


def _from_setting(value: str) -> Keyring:
    said = json.loads(value)
    return Keyring(first=bytes.fromhex(said["first"]), public=bytes.fromhex(said["public"]), sealed=said["sealed"])


@dataclass(slots=True)
class Chain:
    """Joins lines to the chain of one store.

    key: of the store, by which reasons are hashed and the seed is sealed. store: its id. signer: whoever signs instead
    of a key of the store.
    """

    key: bytes
    store: bytes
    signer: Signer | None = None
    _own: OwnKey | None = field(default=None, repr=False)

    def join(self, shelf: Shelf, entries: Sequence[tuple[LedgerEntry, bool]]) -> None:
        """Adds lines, the last one signed. Each with whether it is a decision, whose reason the store keeps."""
        if not entries:
            return
        signer = self.signing(shelf)
        found = shelf.last()
        number, previous = (0, GENESIS) if found is None else (found[0], hash_of(found[1]))
        made: dict[int, Entered] = {}
        for left, (entry, decided) in enumerate(entries, 1 - len(entries)):
            number += 1
            line = line_of(entry, number, previous, key=self.key, store=self.store, decided=decided)
            made[number] = Entered(line, self._signed(signer, line) if left == 0 else None)
            previous = hash_of(made[number])
        shelf.add(made)
        shelf.set({HEAD: f"{number}:{previous.hex()}"})

    def statement(self, shelf: Shelf, line: bytes) -> bytes:
        """A line as a signed statement of its own; raises SignerUnavailable."""
        signer = None if shelf.setting(SIGNER) is None else self.signing(shelf)
        if signer is None:
            raise SignerUnavailable("who signed the ledger last is not here: open the store with signer=")
        return signed(signer, line, self.store)

    def signing(self, shelf: Shelf) -> Signer | None:
        """Who signs now; a key is made at first use. None when it is another one's that is not here."""
        found = shelf.setting(SIGNER)
        if found is None:
            return self._first(shelf)
        ring = _from_setting(found)
        if self.signer is not None and self.signer.public == ring.public:
            return self.signer
        if ring.sealed is None:
            return None
        if self._own is None or self._own.public != ring.public:
            self._own = OwnKey(Sealing(key=self.key, store=self.store).unseal(ring.sealed))
        return self._own

    def rotate(self, shelf: Shelf, entry: LedgerEntry, signer: Signer | None) -> bytes:
        """Enters a new key, by a line that the old one signs; returns the new public key.

        entry: the line, without the keys. signer: whoever signs from now on; None for a new key of the store. Raises
        SignerUnavailable when the old key is not here.
        """
        old = self.signing(shelf)
        if old is None:
            raise SignerUnavailable(
                "a new key is signed by the old one, which is not here: open the store with signer="
            )
        seed = None if signer is not None else secrets.token_bytes(_SEED_BYTES)
        new: Signer = signer if signer is not None else OwnKey(seed or b"")
        self.join(shelf, [(replace(entry, action=ROTATE, facts={**entry.facts, "key": new.public}), False)])
        ring = _from_setting(shelf.setting(SIGNER) or "")
        ring = replace(ring, public=new.public, sealed=None if seed is None else self._sealed(seed))
        shelf.set({SIGNER: _to_setting(ring)})
        self.signer = signer
        # Whoever trusts the new key alone finds its signature, which is over all that came before.
        self.join(shelf, [(replace(entry, action="sign"), False)])
        return new.public

    def _first(self, shelf: Shelf) -> Signer:
        if self.signer is not None:
            shelf.set({SIGNER: _to_setting(Keyring(self.signer.public, self.signer.public, None))})
            return self.signer
        seed = secrets.token_bytes(_SEED_BYTES)
        self._own = OwnKey(seed)
        shelf.set({SIGNER: _to_setting(Keyring(self._own.public, self._own.public, self._sealed(seed)))})
        return self._own

    def _sealed(self, seed: bytes) -> str:
        return Sealing(key=self.key, store=self.store).seal(seed)

    def _signed(self, signer: Signer | None, line: bytes) -> bytes | None:
        """The signature; None when nobody can sign now, so that forgetting goes on and the next one covers it."""
        if signer is None:
            _LOG.warning("the ledger is not signed: who signed it last is not here")
            return None
        try:
            return signed(signer, line, self.store, detached=True)
        except SignerUnavailable as error:
            _LOG.warning("the ledger is not signed: %s", error)
            return None


def current(value: str | None) -> Keyring | None:
    """The keyring of a setting."""
    return None if value is None else _from_setting(value)
