"""Async versions of `Memoria` and `Agent`: the same methods, awaited, each in a worker thread."""

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
    """A memory, awaited: `await AsyncMemoria(memory).recall("tea")` runs `memory.recall("tea")` in a thread.

    It has these methods of `Memoria`, with the same arguments: remember, remember_many, recall, recall_many, get, list,
    amend, forget, reembed, rebuild, close.

    Args:
        memory: the memory; also available as `sync`.
    """

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

    Cancelling the task, or leaving the loop early, cancels the reply; what was said so far is remembered first.

    Args:
        agent: the agent; also available as `sync`.
    """

    def __init__(self, agent: Agent) -> None:
        self.sync = agent

    async def say(self, text: str, **how: Any) -> Reply:
        """Answers a message and waits for the whole reply. Cancelling the task cancels the reply.

        Args:
            text: what the user says.
            **how: other arguments of `Agent.say`.

        Returns:
            The reply and what was remembered.

        Raises:
            InvalidQuery: as of `Agent.say`.
            ModelFailed: the model did not answer.
        """
        answer = self.sync.stream(text, **how)
        async for _ in _pieces(answer):
            pass
        return answer.reply

    async def stream(self, text: str, **how: Any) -> AsyncIterator[str]:
        """Answers a message in pieces.

        Args:
            text: what the user says.
            **how: other arguments of `Agent.stream`.

        Yields:
            The text of the reply, as it comes.

        Raises:
            InvalidQuery: as of `Agent.stream`.
            ModelFailed: the model did not answer.
        """
        async for piece in _pieces(self.sync.stream(text, **how)):
            yield piece

    async def close(self) -> None:
        """Ends its sleep, so that the memory can be closed."""
        await asyncio.to_thread(self.sync.close)


async def _pieces(answer: Answer) -> AsyncIterator[str]:
    try:
        while (piece := await asyncio.to_thread(next, answer, None)) is not None:
            yield piece
    finally:
        answer.cancel()
        await asyncio.shield(asyncio.to_thread(answer.close))


__all__ = ["AsyncAgent", "AsyncMemoria"]
