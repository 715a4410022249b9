"""Settings that may hold names: sealed under the key of the store, as text."""

from __future__ import annotations

import base64
import secrets

from memoria.stores.sealing import derived, seal, unseal

_SALT = 16


def sealed(key: bytes, name: str, value: str) -> str:
    """A value that is sealed under `key` and bound to its name."""
    salt = secrets.token_bytes(_SALT)
    return base64.b64encode(salt + seal(derived(key, b"private", salt), value, name.encode())).decode()


def opened(key: bytes, name: str, stored: str) -> str:
    """What `sealed` was given; raises StoreCorrupt when key, bytes or name differ."""
    raw = base64.b64decode(stored)
    salt = raw[:_SALT]
    return str(unseal(derived(key, b"private", salt), raw[_SALT:], name.encode()))
