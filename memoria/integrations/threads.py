"""Work in a worker thread, for frameworks that await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def settled(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """`work` in a worker thread. A caller that is cancelled meanwhile waits for it, and is not left to guess."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError):  # cancelled once more
                await asyncio.wait([working])
        raise
