"""The same facts in shards of each kind and for each target: what each costs, answers, and keeps."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from memoria.distill.base import WeightDtype
from memoria.distill.dataset import ExampleWriter
from memoria.distill.general import QUESTIONS, TEXT, right
from memoria.distill.model import DistilledModel
from memoria.distill.recipe import Recipe
from memoria.distill.unlearn import manifests
from memoria.engine.memory import Memoria
from memoria.evaluation.bench.weights import SHORT, Bench, filled, opened
from memoria.evaluation.quality.facts import Fact, write
from memoria.protocols import Embedder, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A base model, and where and in what its weights are. model: folder or GGUF file; None is the small one."""

    model: str | None = None
    device: str = "cpu"
    dtype: WeightDtype = "float32"


def bench_kinds(
    folder: Path,
    facts: Sequence[Fact],
    embedder: Embedder,
    progress: Progress | None,
    recipes: Mapping[str, Recipe],
    *,
    most: int = SHORT,
    written: ExampleWriter = write,
    placed: Placed | None = None,
) -> dict[str, dict[str, float]]:
    """What each recipe gives, from the examples that `written` makes. placed: None is the small model, on the CPU.

    parameters: of the model. seconds a memory: of the processor, so that other work on the machine is not counted; by
    the clock: all that passed, which is what counts on another device. right: the share of held-out
    questions that the shard of their own memory answers, whatever the router says and whatever may stand. general kept:
    of the general questions that the base gets right, the share right with the router; forced: with one shard active
    for all of them. perplexity: on general text, to the base's, both ways.
    """
    return {
        name: _measured(opened(folder / str(n), embedder, progress), facts, recipe, most, written, placed or Placed())
        for n, (name, recipe) in enumerate(recipes.items())
    }


def _measured(
    store: Memoria, facts: Sequence[Fact], recipe: Recipe, most: int, written: ExampleWriter, placed: Placed
) -> dict[str, float]:
    with store as memory:
        bench = filled(memory, facts)
        # Before the clock starts, so that a model that writes them is not counted.
        examples = sum(len(written(one)) for one in memory.list())
        # Loaded before, too.
        memory.distill(recipe=recipe, examples=written, select=lambda *_: False, **asdict(placed))
        clock, started = time.perf_counter(), time.process_time()
        memory.distill(recipe=recipe, examples=written, **asdict(placed))
        seconds, passed = time.process_time() - started, time.perf_counter() - clock
        model = memory.distilled(examples=written)
        sizes = [path.stat().st_size for path in manifests(model.folder)]
        return {
            "examples a memory": examples / len(facts),
            "parameters": sum(one.numel() for one in model.base.model.parameters()),
            "seconds a memory": seconds / len(facts),
            "seconds a memory, by the clock": passed / len(facts),
            "kilobytes a memory": sum(sizes) / len(facts) / 1000,
            "right": _right(bench, model, most),
            **_general(model),
        }


def _right(bench: Bench, model: DistilledModel, most: int) -> float:
    """The share of held-out questions that the shard of their memory answers right."""
    shard = {id: path.stem for path, one in manifests(model.folder).items() if one is not None for id in one.ids}
    found: list[bool] = []
    for name in model.shards:
        mine = [one for id, one in zip(bench.ids, bench.facts, strict=True) if shard.get(id) == name]
        asked = [(query, one.value) for one in mine for query in one.asked]
        answers = model.answer([query for query, _ in asked], [name], most=most)
        found += map(right, answers, (value for _, value in asked))
    return sum(found) / len(found)


def _general(model: DistilledModel) -> dict[str, float]:
    """What is kept of general questions and text, by the router and with a shard for everything."""
    queries, wanted = list(QUESTIONS), list(QUESTIONS.values())
    was = list(map(right, model.answer(queries, (), most=SHORT), wanted))
    forced = list(map(right, model.answer(queries, model.shards[:1], most=SHORT), wanted))
    routed = [model.route(query).shards for query in queries]
    by_router = [
        right(model.answer([query], active, most=SHORT)[0], value) if active else before
        for query, value, active, before in zip(queries, wanted, routed, was, strict=True)
    ]
    total = max(sum(was), 1)
    return {
        "general right": sum(was),
        "general kept": sum(map(min, was, by_router)) / total,
        "general kept, forced": sum(map(min, was, forced)) / total,
        "perplexity": _perplexity(model, [model.route(text).shards for text in TEXT]),
        "perplexity, forced": _perplexity(model, [model.shards[:1]] * len(TEXT)),
    }


def _perplexity(model: DistilledModel, active: Sequence[Sequence[str]]) -> float:
    """Perplexity on general text with shards for each, divided by the base's."""
    import torch
    from torch.nn.functional import cross_entropy

    more, count = 0.0, 0
    for text, names in zip(TEXT, active, strict=True):
        ids = torch.tensor(model.base.tokenizer(text, add_special_tokens=False).input_ids)
        if names:
            pair: Any = (model.logits_with(text, names), model.logits_with(text, ()))
            with_, without = (float(cross_entropy(one[:-1], ids[1:], reduction="sum")) for one in pair)
            more += with_ - without
        count += len(ids) - 1
    return math.exp(more / count)


def recipes_of(shards: Sequence[str], targets: Sequence[str], recipe: Recipe) -> dict[str, Recipe]:
    """A recipe for each kind of shard and each target, by name; all else as in `recipe`."""
    plain = asdict(recipe)
    ways = product(shards, targets)
    return {f"{shard}, {target}": Recipe.read({**plain, "shard": shard, "target": target}) for shard, target in ways}


def table(reports: Mapping[int, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of each figure its mean over seeds, by recipe."""
    first = next(iter(reports.values()))
    figures = next(iter(first.values()))
    return {
        figure: {name: fmean(one[name][figure] for one in reports.values()) for name in first} for figure in figures
    }
