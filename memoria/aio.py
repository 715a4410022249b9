"""The async edge: the same verbs, awaited, each in a worker thread. The store is safe for threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from memoria.engine import Memoria

_VERBS = frozenset(
    {
        "remember",
        "remember_many",
        "recall",
        "recall_many",
        "get",
        "list",
        "amend",
        "forget",
        "reembed",
        "rebuild",
        "close",
    }
)


class AsyncMemoria:
    """`await AsyncMemoria(memory).recall("tea")` is `memory.recall("tea")` in a thread; so for every verb."""

    def __init__(self, memory: Memoria) -> None:
        self.sync = memory

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if name not in _VERBS:
            raise AttributeError(f"{name!r} is not one of {', '.join(sorted(_VERBS))}")
        verb = getattr(self.sync, name)

        async def run(*args: Any, **fields: Any) -> Any:
            return await asyncio.to_thread(verb, *args, **fields)

        return run
