"""Backups, awaited: each in a worker thread, which goes on when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import os

from memoria.aio.threads import AsyncView
from memoria.embedders import EmbedderLike
from memoria.engine.memory import Memoria
from memoria.protocols import Progress
from memoria.stores.wrapping import UnlockLike
from memoria.transfer.backup import verbs
from memoria.transfer.backup.verbs import Backed, Restored
from memoria.transfer.copying import Place


def _plain(place: Place | Memoria | AsyncView) -> Place | Memoria:
    return place.sync if isinstance(place, AsyncView) else place


async def backup(
    source: Place | Memoria | AsyncView,
    target: str | os.PathLike[str],
    *,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Backed:
    """As `memoria.backup`; the source may be an async memory.

    Args:
        source: a directory or URL, or an open store or memory.
        target: a directory, made when it is not there, which this store has for itself.
        timeout: seconds to wait for another backup into the same place.
        progress: called with (what, done, total) during the work, in the thread that does it.
        unlock: as of `memoria.backup`.

    Returns:
        What was written.
    """
    return await asyncio.to_thread(
        verbs.backup, _plain(source), target, timeout=timeout, progress=progress, unlock=unlock
    )


async def restore(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    apply_forgets: Place | Memoria | AsyncView | None = None,
    embedder: EmbedderLike = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
    unlock: UnlockLike = None,
) -> Restored:
    """As `memoria.restore`; the forgets may be those of an async memory.

    Args:
        source: the directory of the backup.
        target: a directory that is not there, or is empty, or the URL of a database without a store.
        apply_forgets: the store, or a forget log that it exported.
        embedder: as `memoria.open` takes it, for gists that lose a part.
        timeout: seconds to wait for a backup into the source, or for a server.
        progress: called with (what, done, total) during the work, in the thread that does it.
        unlock: as of `memoria.backup`.

    Returns:
        What was restored.
    """
    told = None if apply_forgets is None else _plain(apply_forgets)
    return await asyncio.to_thread(
        verbs.restore,
        source,
        target,
        apply_forgets=told,
        embedder=embedder,
        timeout=timeout,
        progress=progress,
        unlock=unlock,
    )
