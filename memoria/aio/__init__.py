"""The async edge: the same verbs, awaited, each in a worker thread. The store is safe for threads.

async with memoria.aio.open("agent.memoria") as memory:
    await memory.remember("Ada takes her tea without sugar.")
"""

from memoria.aio.agent import AsyncAgent
from memoria.aio.backup import backup, restore
from memoria.aio.memory import AsyncMemoria, open  # noqa: A004 - aio.open is the public name
from memoria.aio.threads import Opening

__all__ = ["AsyncAgent", "AsyncMemoria", "Opening", "backup", "open", "restore"]
