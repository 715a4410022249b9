"""Need against its ingredients on several sets, each question answered by every system: paired differences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memoria.errors import InvalidQuery
from memoria.evaluation.quality import retrieval, statements
from memoria.evaluation.quality.datasets import Conversation, locomo, memora
from memoria.evaluation.quality.retrieval import BOOTSTRAPS, Case, answers, measures
from memoria.protocols import Embedder, Progress
from memoria.recall.need import Need

NEED, BEFORE = "need", "before"
MEASURES = ("recall@10", "mrr", "full@10")
# LoCoMo's first half; the other conversations are the second.
HALF = ("conv-26", "conv-30", "conv-41")
Sets = Mapping[str, Sequence[Conversation]]


def sets(locomo_file: Path | None, memora_folder: Path | None, statements_folder: Path | None) -> Sets:
    """The sets that are there, by the name of their row; raises InvalidQuery if there is none."""
    found: dict[str, Sequence[Conversation]] = {}
    if locomo_file is not None:
        parsed = json.loads(locomo_file.read_text())
        talks = [locomo(one) for one in parsed]
        found["questions, first half"] = [one for one in talks if one.name in HALF]
        found["questions, second half"] = [one for one in talks if one.name not in HALF]
        found["observations"] = list(statements.observations(parsed))
    if memora_folder is not None:
        found |= by_category(memora(memora_folder))
    if statements_folder is not None:
        found["messages"] = list(statements.realmem(statements_folder / "realmem_facts_dev.jsonl.gz"))
        found["dialogues"] = list(statements.madial(statements_folder / "madial_en_dev.jsonl.gz"))
    filled = {name: [one for one in talks if one.asked] for name, talks in found.items()}
    if not any(filled.values()):
        raise InvalidQuery("there is nothing to compare on: name files of at least one set")
    return {name: talks for name, talks in filled.items() if talks}


def by_category(conversations: Iterable[Conversation]) -> Sets:
    """A set for each category of question."""
    whole = list(conversations)
    names = sorted({asked.category for one in whole for asked in one.asked})
    return {
        name: [replace(one, asked=tuple(asked for asked in one.asked if asked.category == name)) for one in whole]
        for name in names
    }


def compare(
    found: Sets,
    embedder: Embedder,
    progress: Progress,
    needs: Mapping[str, Need] | None = None,
    before: Need | None = None,
) -> dict[str, Any]:
    """For each set, each system's measures of every question, and what need is above or below each system.

    needs: the weights for a set, where they are not those that ship. before: other weights, as one more system.
    """
    report = {}
    for done, (name, conversations) in enumerate(found.items(), 1):
        need = (needs or {}).get(name) or Need.of(embedder.card.name)
        rows = _rows(conversations, embedder, {NEED: need} | ({} if before is None else {BEFORE: before}))
        report[name] = {"questions": len(rows[NEED]["mrr"]), "systems": _means(rows), "need less": paired(rows)}
        progress("sets", done, len(found))
    return report


def left_out(found: Sets, embedder: Embedder, progress: Progress) -> dict[str, Need]:
    """For each set, weights fitted to the sets that share no conversation with it; each of these weighs the same."""
    designs: dict[str, list[Case]] = {}
    for done, (name, talks) in enumerate(found.items(), 1):
        designs[name] = [case for one in talks for case in retrieval.design(one, embedder)]
        progress("designs", done, len(found))
    names = {name: {one.name for one in talks} for name, talks in found.items()}
    needs = {}
    for name in found:
        others = [designs[other] for other in found if names[other].isdisjoint(names[name])]
        if others:
            needs[name] = Need.of(embedder.card.name).with_(**retrieval.fit(evenly(others)))
    return needs


def evenly(designs: Sequence[Sequence[Case]]) -> list[Case]:
    """The cases of several sets together, weighted so that each set weighs the same."""
    mean = sum(map(len, designs)) / len(designs)
    return [(columns, right, weight * mean / len(one)) for one in designs for columns, right, weight in one]


def _rows(
    conversations: Sequence[Conversation], embedder: Embedder, needs: Mapping[str, Need]
) -> dict[str, dict[str, list[float]]]:
    rows: dict[str, dict[str, list[float]]] = {}
    for one in conversations:
        if not one.asked:
            continue
        for system, lists in answers(one, embedder, needs).items():
            mine = rows.setdefault(system, {name: [] for name in MEASURES})
            for asked, found in zip(one.asked, lists, strict=True):
                measured = measures(asked, found)
                for name in MEASURES:
                    mine[name].append(measured[name])
    return rows


def _means(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    return {system: {name: sum(values) / len(values) for name, values in mine.items()} for system, mine in rows.items()}


def paired(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Need less each other system: mean and 95 % bootstrap interval over questions, by system and measure."""
    return {
        system: {name: difference(rows[NEED][name], mine[name]) for name in MEASURES}
        for system, mine in rows.items()
        if system != NEED
    }


def difference(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Mean of the differences question by question, with its 95 % bootstrap interval."""
    import numpy as np

    values = np.array(ours) - np.array(theirs)
    picks = np.random.default_rng(0).integers(len(values), size=(BOOTSTRAPS, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}
