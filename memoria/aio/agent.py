"""The agent, awaited: its replies are made in worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from memoria.agent import Agent, Answer, Reply


class AsyncAgent:
    """An agent, awaited: `await agent.say("Hello")`, `async for piece in agent.stream("Hello")`.

    A task that is cancelled, or leaves the loop, cancels the reply, and what was said so far is remembered first.

    Args:
        agent: the agent; it and this one may both be used.
    """

    def __init__(self, agent: Agent) -> None:
        self.sync = agent

    async def say(self, text: str, *, as_of: datetime | None = None, readmit: bool = False) -> Reply:
        """`Agent.say` in threads; cancelling it cancels the reply.

        Args:
            text: what the user says.
            as_of: answers from what was recorded and valid at that time (aware).
            readmit: takes the message even if its text was forgotten here.

        Returns:
            The reply.
        """
        answer = self.sync.stream(text, as_of=as_of, readmit=readmit)
        async for _ in _pieces(answer):
            pass
        return answer.reply

    async def stream(self, text: str, *, as_of: datetime | None = None, readmit: bool = False) -> AsyncIterator[str]:
        """`Agent.stream` in threads, piece by piece.

        Args:
            text: what the user says.
            as_of: answers from what was recorded and valid at that time (aware).
            readmit: takes the message even if its text was forgotten here.

        Returns:
            The pieces of the reply, as they come.
        """
        async for piece in _pieces(self.sync.stream(text, as_of=as_of, readmit=readmit)):
            yield piece

    async def close(self) -> None:
        """`Agent.close` in a thread."""
        await asyncio.to_thread(self.sync.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _pieces(answer: Answer) -> AsyncIterator[str]:
    try:
        while (piece := await asyncio.to_thread(next, answer, None)) is not None:
            yield piece
    finally:
        answer.cancel()
        await asyncio.shield(asyncio.to_thread(answer.close))
