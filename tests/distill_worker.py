"""Processes that are killed: each learns, forgets and relearns, awake and in sleep, or copies what it learnt, or sleeps
and distils; the n-th dies at the n-th sync, rename or unlink.

They are forked from one that has loaded everything and run nothing, until one comes to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from memoria.distill.recipe import Recipe
from memoria.engine.memory import Memoria
from memoria.remember import Draft
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from tests.tiny_model import RECIPE, RECIPES

EMBEDDER = HashEmbedder(64)
FACTS = [f"Person {n}'s badge is tag {n}." for n in range(5)]
EQUAL = [Draft(text=text, salience=0.9) for text in FACTS]
"""The same, each as durable as the others."""
ONE = replace(RECIPE, size=1)
SECONDS = 3600.0
WAYS = (*RECIPES, "night", "peft", "merged")
"""What processes do: learn by each kind of shard, sleep and distil, and copy in each form."""


def main(folder: Path, tiny: Path, way: str, step: int = 1) -> None:
    import peft  # noqa: F401 - loaded once, before the forks
    import torch
    import transformers  # noqa: F401

    torch.set_num_threads(1)
    for deaths in range(1, 1000, step):
        child = folder / str(deaths)
        child.mkdir()
        pid = os.fork()
        if pid == 0:
            live(child, tiny, deaths, way)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


def live(folder: Path, tiny: Path, deaths: int, way: str) -> None:
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
        ids = [one.id for one in memory.remember_many(EQUAL)]
        (folder / "ids").write_text("\n".join(ids))
        if way in RECIPES:
            _die_after(deaths)
            learn(memory, folder, tiny, ids, RECIPES[way])
        elif way == "night":
            _die_after(deaths)
            dream(memory, folder, tiny, ids)
        else:
            memory.distill(tiny, recipe=ONE, select=ids[:2])
            model = memory.distilled()
            _die_after(deaths)
            model.export(folder / "out", "merged" if way == "merged" else "peft")
    (folder / "done").touch()


def learn(memory: Memoria, folder: Path, tiny: Path, ids: list[str], recipe: Recipe) -> None:
    memory.distill(tiny, recipe=recipe)
    ways: list[Callable[[], Any]] = [lambda: memory.sleep(like=1, detector=None), memory.relearn]
    for id, again in zip(ids[:2], ways, strict=True):
        forget(memory, folder, id)
        again()


def dream(memory: Memoria, folder: Path, tiny: Path, ids: list[str]) -> None:
    """Two nights: one of three memories that a recipe puts into one shard, one after a forget and with a new memory."""
    memory.archive(*ids[3:])
    memory.sleep(like=1, detector=None, distil=True, model=tiny, recipe=RECIPE, seconds=SECONDS)
    forget(memory, folder, ids[0])
    memory.restore(ids[4])
    memory.sleep(like=1, detector=None, seconds=SECONDS)


def forget(memory: Memoria, folder: Path, id: str) -> None:
    memory.forget(id)
    with (folder / "forgot").open("a") as log:
        log.write(f"{id}\n")


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
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
