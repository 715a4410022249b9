"""memoria: the memory of an agent, which forgets exactly when told to.

>>> import memoria
>>> from memoria.testing import HashEmbedder
>>> with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
...     ada = memory.namespace("app", "ada")
...     tea = ada.remember("Ada takes her tea without sugar.", subject="ada")
...     ada.recall("tea", k=1)[0].memory == tea
...     len(ada.forget(subject="ada").forgotten)
True
1

Nothing heavy is imported here: torch and faiss load on first use.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from memoria import errors, types
from memoria.errors import *  # noqa: F403 - the whole error tree is public
from memoria.types import *  # noqa: F403 - so are the types

if TYPE_CHECKING:
    from memoria.agent import Agent
    from memoria.engine.memory import Memoria
    from memoria.engine.opening import open  # noqa: A004 - memoria.open is the public name
    from memoria.remember import Draft
    from memoria.sharing import Shared
    from memoria.transfer.copying import copy

__version__ = "0.1.0"
"""The version of this package."""

# torch and faiss each bring an OpenMP pool; spinning threads of one starve the other (24 ms instead of 1 ms a query).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_LAZY = {
    "Agent": "memoria.agent",
    "Draft": "memoria.remember",
    "Memoria": "memoria.engine.memory",
    "Shared": "memoria.sharing",
    "copy": "memoria.transfer.copying",
    "open": "memoria.engine.opening",
}

__all__ = [*types.__all__, *errors.__all__, "Agent", "Draft", "Memoria", "Shared", "__version__", "copy", "open"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
