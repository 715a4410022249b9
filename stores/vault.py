"""The data key of a sealed store, and what is sealed under it. It is on no disk, except wrapped (unlocking.py)."""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from memoria.errors import StoreCorrupt
from memoria.stores.sealing import derived

NONCE_BYTES, TAG_BYTES, MAC_BYTES = 12, 16, 16
OVERHEAD = NONCE_BYTES + TAG_BYTES
"""By how much a sealed value is longer than a clear one."""


class Vault:
    """Keys of one use each, made of the data key."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key

    def __repr__(self) -> str:
        return "Vault()"

    def key(self, use: str, salt: bytes = b"") -> bytes:
        """The key of one use, and of a salt where there are several."""
        return derived(self._data_key, b"sealed\0" + use.encode() + b"\0", salt)

    def seal(self, use: str, plain: bytes, bound_to: bytes = b"") -> bytes:
        """A value sealed for one use, bound to a place, under a random nonce: AES-256-GCM."""
        return sealed_under(self.key(use), plain, bound_to)

    def open(self, use: str, sealed: bytes, bound_to: bytes = b"") -> bytes | None:
        """What `seal` was given; None when it was sealed by another, for another place, or was changed."""
        return opened_under(self.key(use), sealed, bound_to)

    def mac(self, use: str, data: bytes) -> bytes:
        """By which whoever has the data key knows that he wrote this."""
        return hmac.digest(self.key(use), data, "sha256")[:MAC_BYTES]


def sealed_under(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """Nonce, ciphertext and tag."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def opened_under(key: bytes, sealed: bytes, bound_to: bytes) -> bytes | None:
    """What `sealed_under` was given; None when key, bytes or place differ."""
    if len(sealed) < OVERHEAD:
        return None
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except InvalidTag:
        return None


def found(plain: bytes | None, what: object) -> bytes:
    """What was opened; raises StoreCorrupt, which names it, when nothing was."""
    if plain is None:
        raise StoreCorrupt(f"{what} does not open under the key of this store: it was changed, or is of another store")
    return plain
