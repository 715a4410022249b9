"""Where memories live. Each meets `memoria.protocols.Store` and passes `memoria.testing.stores.StoreConformance`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memoria.stores.base import StoreBase
    from memoria.stores.in_memory import InMemoryStore
    from memoria.stores.local import LocalStore
    from memoria.stores.packing import pack, unpack
    from memoria.stores.postgres import PostgresStore

_LAZY = {
    "InMemoryStore": "memoria.stores.in_memory",
    "LocalStore": "memoria.stores.local",
    "PostgresStore": "memoria.stores.postgres",
    "StoreBase": "memoria.stores.base",
    "pack": "memoria.stores.packing",
    "unpack": "memoria.stores.packing",
}

__all__ = ["InMemoryStore", "LocalStore", "PostgresStore", "StoreBase", "pack", "unpack"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
