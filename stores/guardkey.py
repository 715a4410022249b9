"""A guard key outside the store: without it, nobody can test whether a text was forgotten, whatever else they have.

Fingerprints are then keyed by an HMAC of the namespace's own key under the outside key, and what is written of them is
sealed under another one. A keyed check value tells a wrong key.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from memoria.errors import GuardKeyMissing, InvalidQuery, WrongGuardKey
from memoria.stores.sealing import KEY_BYTES

GuardKeyLike = bytes | str | PathLike[str] | Callable[[bytes], bytes] | None
"""At least 32 bytes; a file with them, raw or in hexadecimal; "env:NAME", a variable with them in hexadecimal; a
callable that computes a keyed hash of a message, such as HMAC-SHA-256 in a key service, of at least 32 bytes."""
_ENVIRONMENT = "env:"
CHECK = "guard.check"
"""Under which name stores keep the check value."""


@dataclass(frozen=True, slots=True)
class GuardKey:
    """What an outside key is used for. It is asked once for each namespace, and never kept.

    Attributes:
        digest: the keyed hash of a message; at least 32 bytes.
    """

    digest: Callable[[bytes], bytes] = field(repr=False)
    _made: dict[bytes, bytes] = field(default_factory=dict, repr=False)

    def of(self, key: bytes) -> bytes:
        """The key of the fingerprints of a namespace, from the namespace's own key: 32 bytes."""
        if key not in self._made:
            self._made[key] = self._digest(b"memoria fingerprints 1\0" + key)
        return self._made[key]

    def check(self) -> str:
        """By which a store knows the key again, and nobody learns it."""
        return self._digest(b"memoria check 1\0").hex()[:KEY_BYTES]

    def _digest(self, message: bytes) -> bytes:
        found = self.digest(message)
        if not isinstance(found, bytes) or len(found) < KEY_BYTES:
            raise InvalidQuery("guard_key gives what is no keyed hash of at least 32 bytes")
        return found[:KEY_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """How a store is opened.

    Attributes:
        key: the outside key; None for none.
        unguarded: whether to store texts where, without the key, nobody can tell whether they were forgotten.
    """

    key: GuardKey | None = None
    unguarded: bool = False

    def of(self, key: bytes) -> bytes:
        """The key that fingerprints are made with now, from the namespace's own."""
        return key if self.key is None else self.key.of(key)

    def checked(self, known: str | None) -> str | None:
        """The check value to write down, None when it is there already or there is no key; raises WrongGuardKey."""
        if self.key is None:
            return None
        made = self.key.check()
        if known is not None and not hmac.compare_digest(made, known):
            raise WrongGuardKey("guard_key is not the key that this store's fingerprints were made with")
        return made if known is None else None

    def opened(self, sealed: bool) -> GuardKey | None:
        """The key, when there is anything sealed under one; raises GuardKeyMissing. With `unguarded`, None."""
        if sealed and self.key is None and not self.unguarded:
            raise GuardKeyMissing(
                "what was forgotten here is known by a key outside of the store: open it with guard_key=, or with "
                "unguarded=True to store texts without asking whether they were forgotten"
            )
        return self.key if sealed else None


def as_guard_key(given: GuardKeyLike) -> GuardKey | None:
    """The key that is given, in any of its forms; raises InvalidQuery, which never shows it."""
    if given is None:
        return None
    if isinstance(given, bytes):
        return _of_bytes(given, "guard_key")
    if isinstance(given, str) and given.startswith(_ENVIRONMENT):
        name = given.removeprefix(_ENVIRONMENT)
        value = os.environ.get(name)
        if value is None:
            raise InvalidQuery("guard_key names a variable that is not set")
        return _of_bytes(_from_hex(value.encode()), "the variable that guard_key names")
    if isinstance(given, str | PathLike):
        try:
            data = Path(given).read_bytes()
        except OSError as error:
            raise InvalidQuery(f"guard_key names a file that cannot be read: {error.strerror}") from None
        return _of_bytes(_from_hex(data), "the file that guard_key names")
    if callable(given):
        return GuardKey(given)
    raise InvalidQuery(f"guard_key is {type(given).__name__}, not bytes, a path, 'env:NAME' or a callable")


def _from_hex(data: bytes) -> bytes:
    """Bytes that are written in hexadecimal; any others as they are."""
    try:
        return bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        return data


def _of_bytes(key: bytes, what: str) -> GuardKey:
    if len(key) < KEY_BYTES:
        raise InvalidQuery(f"{what} has {len(key)} bytes, not at least {KEY_BYTES}")
    return GuardKey(lambda message: hmac.digest(key, message, "sha256"))
