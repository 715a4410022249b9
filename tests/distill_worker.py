"""Processes that are killed: each learns, forgets and relearns, awake and in sleep; the n-th dies at the n-th sync,
rename or unlink.

They are forked from one that has loaded everything and run nothing, until one comes to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from tests.tiny_model import RECIPES

EMBEDDER = HashEmbedder(64)
FACTS = [f"Person {n}'s badge is tag {n}." for n in range(5)]


def main(folder: Path, tiny: Path, shard: str) -> None:
    import peft  # noqa: F401 - loaded once, before the forks
    import torch
    import transformers  # noqa: F401

    torch.set_num_threads(1)
    for deaths in range(1, 1000):
        child = folder / str(deaths)
        child.mkdir()
        pid = os.fork()
        if pid == 0:
            live(child, tiny, deaths, shard)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


def live(folder: Path, tiny: Path, deaths: int, shard: str) -> None:
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
        ids = [one.id for one in memory.remember_many(FACTS)]
        (folder / "ids").write_text("\n".join(ids))
        _die_after(deaths)
        memory.distill(tiny, recipe=RECIPES[shard])
        ways: list[Callable[[], Any]] = [lambda: memory.sleep(like=1, detector=None), memory.relearn]
        for id, again in zip(ids[:2], ways, strict=True):
            memory.forget(id)
            with (folder / "forgot").open("a") as log:
                log.write(f"{id}\n")
            again()
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
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
