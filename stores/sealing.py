"""Sealing: AES-256-GCM with a key of its own for every message, and keyed hashes for look-ups."""

from __future__ import annotations

import hmac
import json
import secrets
import zlib
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from memoria.errors import StoreCorrupt

KEY_BYTES = 32
BLIND_BYTES = 16
# A key seals one message only, so one fixed nonce is safe (NIST SP 800-38D, 8: uniqueness is per key).
_NONCE = bytes(12)
_LONG = 1024
_DEFLATED = b"\x78"


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, content: Any, bound_to: bytes) -> bytes:
    """JSON of `content`, deflated when long, encrypted under `key` and bound to the place `bound_to`."""
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    # JSON never begins as a zlib stream does, so the form tells itself apart.
    return seal_bytes(key, plain if len(plain) < _LONG else zlib.compress(plain), bound_to)


def seal_bytes(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """Bytes encrypted under `key` and bound to the place `bound_to`."""
    return AESGCM(key).encrypt(_NONCE, plain, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> Any:
    """What `seal` was given; raises StoreCorrupt when key, bytes or place differ."""
    plain = unseal_bytes(key, sealed, bound_to)
    return json.loads(zlib.decompress(plain) if plain[:1] == _DEFLATED else plain)


def unseal_bytes(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """What `seal_bytes` was given; raises StoreCorrupt when key, bytes or place differ."""
    try:
        return AESGCM(key).decrypt(_NONCE, sealed, bound_to)
    except (InvalidTag, ValueError):
        raise StoreCorrupt(f"sealed content of {bound_to.hex()} does not open: its bytes or its key changed") from None


def derived(key: bytes, purpose: bytes, salt: bytes) -> bytes:
    """A key that is made of another and a salt, since a key seals one message only."""
    return hmac.digest(key, purpose + salt, "sha256")


def blind(key: bytes, field: str, *values: str) -> bytes:
    """Keyed hash for equality look-ups: HMAC-SHA-256 cut to 16 bytes; `field` separates the uses."""
    message = "\0".join((field, *values)).encode()
    return hmac.digest(key, message, "sha256")[:BLIND_BYTES]
