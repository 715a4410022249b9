"""--unlock: what opens a sealed store. Never the passphrase itself, for arguments are seen by others."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import typer

from memoria.errors import InvalidInput
from memoria.protocols import KeyWrapper
from memoria.stores.wrapping import KeyFile, KeyringEntry, KeyVariable, Passphrase

HELP = "What opens a sealed store: env:NAME, file:PATH, keyring, keyring:SERVICE/USER or ask."
_RULE = "it is env:NAME, file:PATH, keyring, keyring:SERVICE/USER or ask; a passphrase itself is never an argument"
_given: ContextVar[str | None] = ContextVar("unlock", default=None)
# A command may open a store several times, and asks once.
_made: ContextVar[dict[str, KeyWrapper] | None] = ContextVar("unlocked", default=None)


class Asked:
    """A passphrase that is typed, unseen; twice where it is to seal something."""

    name = "passphrase"

    def __init__(self) -> None:
        self._known: Passphrase | None = None

    def wrap(self, key: bytes) -> bytes:
        self._known = Passphrase(typer.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True))
        return self._known.wrap(key)

    def unwrap(self, wrapped: bytes) -> bytes:
        self._known = self._known or Passphrase(typer.prompt("Passphrase", hide_input=True, err=True))
        return self._known.unwrap(wrapped)


def give(spec: str | None) -> None:
    """Takes the value of --unlock for the command that runs."""
    _given.set(spec)
    _made.set({})


def given() -> str | None:
    """The value of --unlock, if it was given."""
    return _given.get()


def wrapper(spec: str | None, option: str = "--unlock") -> KeyWrapper | None:
    """What a value of --unlock means; raises InvalidInput, which does not repeat it."""
    if spec is None:
        return None
    made = _made.get()
    if made is None:
        made = {}
        _made.set(made)
    key = f"{option} {spec}"
    if key not in made:
        made[key] = _read(spec, option)
    return made[key]


def check(spec: str | None) -> str | None:
    """The value, if it is one; raises ValueError."""
    if spec is not None:
        try:
            _read(spec, "unlock")
        except InvalidInput:
            raise ValueError(_RULE) from None
    return spec


def _read(spec: str, option: str) -> KeyWrapper:
    kind, _, rest = spec.partition(":")
    if spec == "ask":
        return Asked()
    if spec == "keyring":
        return KeyringEntry()
    service, _, user = rest.partition("/")
    made: dict[str, Any] = {
        "env": lambda: KeyVariable(rest),
        "file": lambda: KeyFile(rest),
        "keyring": lambda: KeyringEntry(service, user),
    }
    if kind not in made or not rest or (kind == "keyring" and not (service and user)):
        raise InvalidInput(f"{option}: {_RULE}")
    found: KeyWrapper = made[kind]()
    return found
