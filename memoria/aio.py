"""The async edge: the same verbs, awaited, each in a worker thread. The store is safe for threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria

if TYPE_CHECKING:
    from memoria.agent import Agent, Reply
    from memoria.agent.exchange import Answer

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


class AsyncAgent:
    """An agent, awaited: `await agent.say("Hello")`, `async for piece in agent.stream("Hello")`.

    A task that is cancelled, or leaves the loop, cancels the reply, and what was said so far is remembered first.
    """

    def __init__(self, agent: Agent) -> None:
        self.sync = agent

    async def say(self, text: str, **how: Any) -> Reply:
        """`Agent.say` in threads; cancelling it cancels the reply."""
        answer = self.sync.stream(text, **how)
        async for _ in _pieces(answer):
            pass
        return answer.reply

    async def stream(self, text: str, **how: Any) -> AsyncIterator[str]:
        """`Agent.stream` in threads, piece by piece."""
        async for piece in _pieces(self.sync.stream(text, **how)):
            yield piece

    async def close(self) -> None:
        """`Agent.close` in a thread."""
        await asyncio.to_thread(self.sync.close)


async def _pieces(answer: Answer) -> AsyncIterator[str]:
    try:
        while (piece := await asyncio.to_thread(next, answer, None)) is not None:
            yield piece
    finally:
        answer.cancel()
        await asyncio.shield(asyncio.to_thread(answer.close))
