"""The process that is killed while it copies: it dies at the n-th step that its target reaches."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import memoria
from memoria.stores.local import Disk, LocalStore
from memoria.testing import HashEmbedder


class Dying(Disk):
    """Dies when so many steps have been reached."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def reached(self, point: str) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    source, target, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    store = LocalStore(target, embedder=HashEmbedder().card, disk=Dying(steps))
    memoria.copy(source, store)
    store.close()
