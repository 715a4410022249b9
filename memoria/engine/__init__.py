"""The face of memoria: every verb, no logic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memoria.engine.memory import Memoria
    from memoria.engine.opening import open  # noqa: A004 - memoria.open is the public name

# Loaded on first use, for the modules here import each other by way of this package.
_LAZY = {"Memoria": "memoria.engine.memory", "open": "memoria.engine.opening"}

__all__ = ["Memoria", "open"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
