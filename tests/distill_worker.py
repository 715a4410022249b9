"""The process that is killed: learns, forgets and relearns, and dies at the n-th sync, rename or unlink."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memoria.engine import Memoria
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from tests.tiny_model import RECIPE

EMBEDDER = HashEmbedder(64)
FACTS = [f"Person {n}'s badge is tag {n}." for n in range(5)]


def main(folder: Path, tiny: Path, deaths: int) -> None:
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
        ids = [one.id for one in memory.remember_many(FACTS)]
        (folder / "ids").write_text("\n".join(ids))
        _die_after(deaths)
        memory.distill(tiny, recipe=RECIPE)
        for id in ids[:2]:
            memory.forget(id)
            with (folder / "forgot").open("a") as log:
                log.write(f"{id}\n")
        memory.relearn()
    (folder / "done").touch()


def _die_after(count: int) -> None:
    left = [count]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call

    for name in ("fsync", "fdatasync", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
