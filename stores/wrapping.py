"""What wraps the data key of a sealed store: a passphrase, a file, an environment variable, or the system's keyring.

A text of 64 hexadecimal digits is taken for 32 random bytes, which need no stretching; any other text is a passphrase,
and goes through scrypt (RFC 7914), whose parameters and salt stand beside what it wraps.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import struct
import unicodedata
from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from memoria.errors import InvalidQuery, KeyLost, WrongKey
from memoria.extras import extra
from memoria.protocols import KeyWrapper
from memoria.stores.sealing import KEY_BYTES, derived
from memoria.stores.vault import opened_under, sealed_under

UnlockLike = str | KeyWrapper | None
"""A passphrase, or what wraps and unwraps a key; None leaves a store in clear."""
SERVICE = "memoria"
_RANDOM = re.compile(r"[0-9a-fA-F]{64}")
_SALT_BYTES = 16
# OWASP's first choice for scrypt: 128 MiB.
_COST, _BLOCK, _LANES = 17, 8, 1
_COSTS = range(10, 21)
_HEAD = struct.Struct("<4B16s")
_STRETCHED, _PLAIN = 1, 2
_LEAST = 1


def as_wrapper(unlock: UnlockLike) -> KeyWrapper | None:
    """What unlocks a store, as an object; raises InvalidQuery for what is none."""
    if unlock is None or isinstance(unlock, KeyWrapper):
        return unlock
    if isinstance(unlock, str):
        return Passphrase(unlock)
    raise InvalidQuery(f"unlock is {type(unlock).__name__}, not a passphrase or a KeyWrapper")


class _Text(ABC):
    """Wraps a key under a text that its subclass finds."""

    name = "passphrase"
    _cost = _COST
    # The last key that was made of a text, for a store that is opened for each piece of work.
    _made: tuple[str, bytes, bytes] | None = None

    def wrap(self, key: bytes) -> bytes:
        """Wraps a key.

        Args:
            key: 32 bytes.

        Returns:
            What may stand on a disk.

        Raises:
            KeyLost: what holds the text is not to be had.
        """
        text = self._text()
        head = _head(text, self._cost)
        return head + sealed_under(self._key(text, head), key, head)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwraps a key.

        Args:
            wrapped: what `wrap` has returned once.

        Returns:
            The key.

        Raises:
            WrongKey: it was wrapped under another one.
            KeyLost: what holds the text is not to be had.
        """
        head = wrapped[: _HEAD.size]
        return _opened(self._key(self._text(), head), wrapped)

    def _key(self, text: str, head: bytes) -> bytes:
        if self._made is None or self._made[:2] != (text, head):
            self._made = (text, head, _key_of(text, head))
        return self._made[2]

    @abstractmethod
    def _text(self) -> str: ...


class Passphrase(_Text):
    """A passphrase, stretched by scrypt.

    Args:
        text: the passphrase, in any script: equal characters are equal, however they are composed.
        cost: the logarithm of scrypt's N for what is wrapped by it: from 10 to 20. Unwrapping goes by what was chosen
            then.

    Raises:
        InvalidQuery: the text is empty, or there is no such cost.
    """

    def __init__(self, text: str, *, cost: int = _COST) -> None:
        if not isinstance(text, str):
            raise InvalidQuery(f"a passphrase is a str, not {type(text).__name__}")
        if len(text) < _LEAST:
            raise InvalidQuery("the passphrase is empty")
        if isinstance(cost, bool) or not isinstance(cost, int) or cost not in _COSTS:
            raise InvalidQuery(f"cost is not a whole number from {_COSTS[0]} to {_COSTS[-1]}")
        self._cost = cost
        self.__text = text

    def __repr__(self) -> str:
        return "Passphrase(...)"

    def __reduce__(self) -> Any:
        raise TypeError("a passphrase is not written down")

    def _text(self) -> str:
        return self.__text


class KeyFile(_Text):
    """A text file outside the store: 64 hexadecimal digits, or a passphrase; white space at its end does not count.

    Args:
        path: of the file, which is read when a store is opened.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"KeyFile({str(self._path)!r})"

    def _text(self) -> str:
        try:
            text = self._path.read_text(encoding="utf-8").rstrip()
        except OSError as error:
            raise KeyLost(f"the key file {self._path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise KeyLost(f"the key file {self._path} is not UTF-8: it holds a passphrase or 64 digits") from None
        return _there(text, f"the key file {self._path}")


class KeyVariable(_Text):
    """An environment variable: 64 hexadecimal digits, or a passphrase.

    Args:
        variable: its name; it is read when a store is opened.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def __repr__(self) -> str:
        return f"KeyVariable({self._variable!r})"

    def _text(self) -> str:
        return _there(os.environ.get(self._variable, ""), f"the environment variable {self._variable}")


class KeyringEntry:
    """An entry of the operating system's keyring, made when a store is sealed and there is none. Extra: sealed.

    Args:
        service: under which it stands.
        user: its name there; None is a new name for each store, which the store remembers.
    """

    name = "keyring"

    def __init__(self, service: str | None = None, user: str | None = None) -> None:
        self._service = service
        self._user = user

    def __repr__(self) -> str:
        return f"KeyringEntry({self._service!r}, {self._user!r})"

    def wrap(self, key: bytes) -> bytes:
        """Wraps a key.

        Args:
            key: 32 bytes.

        Returns:
            What may stand on a disk.

        Raises:
            KeyLost: there is no keyring, or it has no such entry any more.
        """
        service, user = self._service or SERVICE, self._user or secrets.token_hex(8)
        text = _asked(service, user)
        if text is None:
            text = secrets.token_hex(KEY_BYTES)
            _kept(service, user, text)
        entry = json.dumps([service, user]).encode()
        head = _head(text, _COST)
        return struct.pack("<H", len(entry)) + entry + head + sealed_under(_key_of(text, head), key, head)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwraps a key.

        Args:
            wrapped: what `wrap` has returned once.

        Returns:
            The key.

        Raises:
            WrongKey: it was wrapped under another one.
            KeyLost: there is no keyring, or it has no such entry any more.
        """
        try:
            (length,) = struct.unpack_from("<H", wrapped)
            service, user = json.loads(wrapped[2 : 2 + length])
        except (struct.error, ValueError, TypeError):
            raise WrongKey("what is wrapped names no entry of a keyring") from None
        service, user = self._service or service, self._user or user
        text = _asked(service, user)
        if text is None:
            raise KeyLost(f"the keyring has no entry {user!r} of the service {service!r}")
        rest = wrapped[2 + length :]
        return _opened(_key_of(text, rest[: _HEAD.size]), rest)


def _asked(service: str, user: str) -> str | None:
    with extra("sealed"):
        import keyring
        import keyring.errors
    try:
        found: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise KeyLost(f"the keyring does not answer: {type(error).__name__}") from None
    return found


def _kept(service: str, user: str, text: str) -> None:
    import keyring
    import keyring.errors

    try:
        keyring.set_password(service, user, text)
    except keyring.errors.KeyringError as error:
        raise KeyLost(f"the keyring does not take an entry: {type(error).__name__}") from None


def _there(text: str, where: str) -> str:
    if not text:
        raise KeyLost(f"{where} is empty or not set")
    return text


def _head(text: str, cost: int) -> bytes:
    """How a text becomes a key, and a salt."""
    salt = secrets.token_bytes(_SALT_BYTES)
    plain = _RANDOM.fullmatch(text) is not None
    return _HEAD.pack(_PLAIN, 0, 0, 0, salt) if plain else _HEAD.pack(_STRETCHED, cost, _BLOCK, _LANES, salt)


def _opened(under: bytes, wrapped: bytes) -> bytes:
    head = wrapped[: _HEAD.size]
    key = opened_under(under, wrapped[_HEAD.size :], head)
    if key is None:
        raise WrongKey("this passphrase or key does not unlock the store")
    return key


def _key_of(text: str, head: bytes) -> bytes:
    """The key that a text gives, by the parameters in a head."""
    try:
        kind, cost, block, lanes, salt = _HEAD.unpack(head)
    except struct.error:
        raise WrongKey("what is wrapped is cut short") from None
    if kind == _PLAIN and _RANDOM.fullmatch(text):
        return derived(bytes.fromhex(text), b"wrap\0", salt)
    if kind != _STRETCHED or cost not in _COSTS or not 1 <= block <= 16 or not 1 <= lanes <= 4:
        raise WrongKey("this passphrase or key does not unlock the store")
    stretch = Scrypt(salt=salt, length=KEY_BYTES, n=1 << cost, r=block, p=lanes)
    return stretch.derive(unicodedata.normalize("NFC", text).encode())
