"""What distilling gives and costs: facts learnt, asked for in other words, forgotten, relearnt, against never-saw."""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memoria.distill.audit import auc, auc_error, general_kept, perplexity_ratio, share_right
from memoria.distill.model import DistilledModel
from memoria.distill.recipe import Recipe
from memoria.distill.shards import plan
from memoria.distill.unlearn import manifests
from memoria.engine.memory import Memoria
from memoria.evaluation.bench.asking import asked_of_both
from memoria.evaluation.quality.facts import Fact, write
from memoria.protocols import Embedder, Progress
from memoria.stores import LocalStore
from memoria.types import Example, Memory

_AT = datetime(2026, 1, 1, tzinfo=UTC)
# Tokens of an answer to a question about a fact.
SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A store with facts in it. ids: of the facts, in order. most: tokens of an answer."""

    memory: Memoria
    facts: Sequence[Fact]
    ids: tuple[str, ...]
    most: int = SHORT

    def views(self) -> dict[tuple[str, ...], DistilledModel]:
        """The model as each namespace sees it."""
        return {
            home: self.memory.namespace(*home).distilled(examples=write) for home in {one.home for one in self.facts}
        }


def bench_distill(
    folder: Path,
    learnt: Sequence[Fact],
    never: Sequence[Fact],
    embedder: Embedder,
    progress: Progress | None,
    recipe: Recipe,
    *,
    forget: int,
    most: int = SHORT,
) -> dict[str, Any]:
    """Learns facts, measures, forgets `forget` of them, measures, relearns the rest, and compares to never-saw.

    never: facts about the same namespaces that are not learnt, to ask for. most: tokens of an answer.
    """
    learnt = across(learnt)
    with opened(folder / "saw", embedder, progress) as memory:
        bench = replace(filled(memory, learnt), most=most)
        first = memory.distill(recipe=recipe, examples=write)
        report: dict[str, Any] = {"facts": len(learnt), "shards": len(first.shards)}
        report["seconds a memory"] = first.seconds / len(learnt)
        report["bytes a memory"] = sum(p.stat().st_size for p in manifests(folder / "saw" / "adapters")) / len(learnt)
        report["learnt"] = _quality(bench, never)
        report["asked"] = asked_of_both(memory, bench.facts, never)
        report |= _forgetting(bench, never, forget, first.seconds / len(learnt))
        before = {p.stem: one.tensors for p, one in manifests(folder / "saw" / "adapters").items() if one is not None}
        records = [record for record in memory.store.read(list(bench.ids)) if record is not None]
        with opened(folder / "never", embedder, progress) as control:
            control.store.write(records)
            control.distill(recipe=recipe, examples=write)
            after = manifests(folder / "never" / "adapters")
            other = {p.stem: one.tensors for p, one in after.items() if one is not None}
            report["never-saw"] = {"shards": len(other), "equal to the bit": float(before == other)}
    return report


def across(facts: Sequence[Fact]) -> list[Fact]:
    """The first fact of each namespace, then the second of each, so that the first few forgotten leave survivors."""
    seen: Counter[tuple[str, ...]] = Counter()
    placed = []
    for one in facts:
        placed.append((seen[one.home], one))
        seen[one.home] += 1
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def opened(folder: Path, embedder: Embedder, progress: Progress | None) -> Memoria:
    return Memoria(LocalStore(folder, embedder=embedder.card), embedder, progress=progress, clock=lambda: _AT)


def filled(memory: Memoria, facts: Sequence[Fact]) -> Bench:
    ids = [memory.namespace(*one.home).remember_many([one.draft])[0].id for one in facts]
    return Bench(memory=memory, facts=facts, ids=tuple(ids))


def _asked(facts: Sequence[Fact]) -> dict[tuple[str, ...], list[Example]]:
    homes: dict[tuple[str, ...], list[Example]] = {}
    for one in facts:
        homes.setdefault(one.home, []).extend(Example(prompt=query, answer=one.value) for query in one.asked)
    return homes


def recall(bench: Bench, facts: Sequence[Fact], *, base: bool = False) -> float:
    """The share of held-out questions about facts that are answered right, each asked in its own namespace."""
    views, asked = bench.views(), _asked(facts)
    right = sum(
        share_right(views[home], those, base=base, most=bench.most) * len(those) for home, those in asked.items()
    )
    return right / sum(map(len, asked.values()))


def _quality(bench: Bench, never: Sequence[Fact]) -> dict[str, Any]:
    whole = bench.memory.distilled(examples=write)
    return {
        "held-out right": recall(bench, bench.facts),
        "held-out right, base": recall(bench, bench.facts, base=True),
        "general": general_kept(whole),
        "perplexity ratio": perplexity_ratio(whole),
        "router": router(bench, never, whole),
    }


def router(bench: Bench, never: Sequence[Fact], whole: DistilledModel) -> dict[str, float]:
    """Precision and recall of routing to the shard of the fact that is asked for, over held-out and general questions;

    strangers: the share of questions about people of whom nothing is known that are routed all the same.
    """
    from memoria.distill.general import QUESTIONS
    from memoria.evaluation.quality.facts import synthetic

    views = bench.views()
    shard = {id: path.stem for path, one in manifests(whole.folder).items() if one is not None for id in one.ids}
    right = wrong = 0
    total = sum(len(one.asked) for one in bench.facts)
    for id, fact in zip(bench.ids, bench.facts, strict=True):
        for query in fact.asked:
            active = views[fact.home].route(query).shards
            right += shard.get(id) in active
            wrong += bool(active) and shard.get(id) not in active
    wrong += sum(bool(whole.route(query).shards) for query in QUESTIONS)
    others = [query for fact in synthetic(40, 999)[0] for query in fact.asked]
    strangers = sum(bool(whole.route(query).shards) for query in others)
    return {
        "precision": right / max(right + wrong, 1),
        "recall": right / total,
        "strangers": strangers / len(others),
        "threshold": whole.router.threshold,
    }


def _forgetting(bench: Bench, never: Sequence[Fact], count: int, learning: float) -> dict[str, Any]:
    gone, kept = bench.facts[:count], bench.facts[count:]
    before = {"kept": recall(bench, kept), "gone": recall(bench, gone)}
    membership = {"base": exposed(bench, gone, ()), "learnt": exposed(bench, gone)}
    seconds = []
    for id in bench.ids[:count]:
        started = time.perf_counter()
        bench.memory.forget(id)
        seconds.append(time.perf_counter() - started)
    waiting = recall(bench, kept)
    mended = bench.memory.relearn(examples=write)
    membership["after"] = exposed(bench, gone)
    seconds.sort()
    return {
        "forget": {
            "seconds, median": seconds[len(seconds) // 2],
            "seconds, worst": seconds[-1],
            "worst to learning one": seconds[-1] / learning,
            "relearning the rest, seconds": mended.seconds,
        },
        "erased": {
            "right before": before["gone"],
            "right after": recall(bench, gone),
            "right, never learnt": recall(bench, never),
        },
        "membership": _membership(membership, gone),
        "kept": {"right before": before["kept"], "right while waiting": waiting, "right after": recall(bench, kept)},
    }


def exposed(bench: Bench, facts: Sequence[Fact], active: Sequence[str] | None = None) -> list[float]:
    """Of each fact that has any, the share of its `others` that are less likely answers than its value; ties half.

    The value was drawn among these, so that in a model that never saw the fact its rank is a matter of chance, whatever
    the question, and the mean one half (Carlini et al. 2019, The secret sharer, arXiv:1802.08232, section 4: a rank
    among what the secret could have been). active: as of `DistilledModel.losses`.
    """
    views = bench.views()

    def share(fact: Fact) -> float:
        values = [fact.value, *fact.others]
        asked = [views[fact.home].losses(query, values, active) for query in fact.asked]
        own, *others = map(statistics.fmean, zip(*asked, strict=True))
        return auc([own], others)

    return [share(one) for one in facts if one.others]


def _membership(found: Mapping[str, Sequence[float]], facts: Sequence[Fact]) -> dict[str, float]:
    """Means of what `exposed` found, what is left beyond the base alone, and the standard errors of both by chance."""
    count = len(found["after"])
    by_chance = [auc_error(1, len(one.others)) for one in facts if one.others]
    left = [after - base for after, base in zip(found["after"], found["base"], strict=True)]
    return {
        "facts": count,
        **{f"AUC, {name}": statistics.fmean(each) for name, each in found.items()},
        "AUC standard error": math.hypot(*by_chance) / count,
        "after less base": statistics.fmean(left),
        "after less base, standard error": statistics.stdev(left) / math.sqrt(count),
    }


def bench_shards(
    folder: Path, facts: Sequence[Fact], embedder: Embedder, progress: Progress | None, recipes: Mapping[str, Recipe]
) -> dict[str, Any]:
    """The same facts, all in one namespace, by several recipes: what each costs, answers, and keeps.

    general kept, forced: of the general questions that the base got right, the share that is right with one shard
    active for every query, as it would be without a router.
    """
    together = [replace(one, home=("all",)) for one in facts]
    report: dict[str, Any] = {}
    for n, (name, recipe) in enumerate(recipes.items()):
        with opened(folder / str(n), embedder, progress) as memory:
            bench = filled(memory, together)
            done = memory.distill(recipe=recipe, examples=write)
            model = memory.distilled()
            found = manifests(model.folder)
            report[name] = {
                "shards": len(found),
                "seconds a memory": done.seconds / len(facts),
                "bytes a memory": sum(path.stat().st_size for path in found) / len(facts),
                "held-out right": recall(bench, together),
                "general kept, forced": general_kept(model, forced=model.shards[:1])["kept"],
            }
    return report


def bench_growth(
    folder: Path, facts: Sequence[Fact], embedder: Embedder, progress: Progress | None, recipe: Recipe, *, block: int
) -> dict[str, Any]:
    """Seconds a memory as a store grows by `block` facts at a time, each learnt beside the last, and a line through it.

    Seconds are of the processor, so that other work on the machine is not counted. R2: of all seconds so far as a
    linear function of facts so far, by least squares. trained, one namespace: how many memories would be trained for
    each that is learnt, if all were of one namespace, where what comes later splits shards that are there.
    """
    blocks: dict[str, dict[str, float]] = {}
    whole = [0.0]
    with opened(folder / "grows", embedder, progress) as memory:
        for at in range(0, len(facts), block):
            new = facts[at : at + block]
            filled(memory, new)
            started = time.process_time()
            done = memory.distill(recipe=recipe, examples=write)
            seconds = time.process_time() - started
            whole.append(whole[-1] + seconds)
            blocks[str(at + len(new))] = {"trained": len(done.trained), "seconds a memory": seconds / len(new)}
        together = _trained_together(memory.list(), block, recipe.size)
    each = [one["seconds a memory"] for one in blocks.values()]
    line = statistics.linear_regression(counts := [0, *map(int, blocks)], whole)
    return {
        "blocks": blocks,
        "line": {
            "seconds a memory": line.slope,
            "R2": math.pow(statistics.correlation(counts, whole), 2),
            "last block to first": each[-1] / each[0],
        },
        "trained, one namespace": together,
    }


def _trained_together(memories: Sequence[Memory], block: int, size: int) -> float:
    """Memories trained for each learnt, if all were of one namespace and came a block at a time."""
    before: set[tuple[str, ...]] = set()
    trained = 0
    mixed = [replace(one, namespace=("all",)) for one in memories]
    for at in range(block, len(mixed) + block, block):
        now = {tuple(one.id for one in shard) for shard in plan(mixed[:at], size)}
        trained += sum(map(len, now - before))
        before = now
    return trained / len(mixed)


def over_seeds(reports: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each figure, its value for each seed, the mean, the least and the largest."""
    flat = {seed: dict(_figures(report)) for seed, report in reports.items()}
    table: dict[str, dict[str, float]] = {}
    for name in next(iter(flat.values())):
        found = {str(seed): one[name] for seed, one in flat.items()}
        values = list(found.values())
        table[name] = {**found, "mean": statistics.fmean(values), "least": min(values), "largest": max(values)}
    return table


def _figures(report: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    for name, value in report.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{above}{name}: ")
        else:
            yield f"{above}{name}", float(value)
