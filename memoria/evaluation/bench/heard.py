"""Free text in weights, over several draws: learnt once, then asked in a store from which the rest was forgotten.

A memory in free text has an adapter of its own, made from its own text alone. So what several draws share is trained
once, in one store; each draw is a copy of it that forgets the others, and is then, to the bit, a store that
never saw them. What was trained, and the report of each draw, stays in the folder: a run that was cut goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memoria.distill.recipe import Recipe
from memoria.evaluation.bench.asking import asked_of_both
from memoria.evaluation.bench.weights import across, filled, opened
from memoria.evaluation.quality.facts import Fact, as_said, memora, write
from memoria.protocols import Embedder, Progress


def bench_heard(
    folder: Path,
    memora_folder: Path,
    count: int,
    seeds: Sequence[int],
    half: int | None,
    embedder: Embedder,
    progress: Progress | None,
    recipe: Recipe,
) -> dict[int, dict[str, Any]]:
    """What each draw of `count` preferences is answered, as the personas said them; trained from the recipe's seed."""
    draws = {seed: memora(memora_folder, count, seed, half) for seed in seeds}
    _learn(folder / "all", [across(as_said(learnt)) for learnt, _ in draws.values()], embedder, progress, recipe)
    return {
        seed: _report(folder, str(seed), as_said(learnt), never, embedder, progress)
        for seed, (learnt, never) in draws.items()
    }


def _learn(
    place: Path, draws: Sequence[Sequence[Fact]], embedder: Embedder, progress: Progress | None, recipe: Recipe
) -> None:
    """Learns what is not there yet, draw by draw."""
    with opened(place, embedder, progress) as memory:
        ids: list[str] = []
        for facts in draws:
            there = {(one.namespace, one.text) for one in memory.list()}
            filled(memory, [one for one in facts if (one.home, one.draft.text) not in there])
            found = {(one.namespace, one.text): one.id for one in memory.list()}
            ids += [found[one.home, one.draft.text] for one in facts]
            memory.distill(recipe=recipe, examples=write, select=list(dict.fromkeys(ids)))


def _report(
    folder: Path, name: str, facts: Sequence[Fact], never: Sequence[Fact], embedder: Embedder, progress: Progress | None
) -> dict[str, Any]:
    done = folder / f"{name}.json"
    if not done.exists():
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(folder / "all", folder / name)
        kept = {(one.home, one.draft.text) for one in facts}
        with opened(folder / name, embedder, progress) as memory:
            gone = [one.id for one in memory.list() if (one.namespace, one.text) not in kept]
            for id in gone:
                memory.forget(id)
            report = {"facts": len(memory.list()), "forgotten": len(gone), **asked_of_both(memory, facts, never)}
        done.write_text(json.dumps(report))
    found: dict[str, Any] = json.loads(done.read_text())
    return found
