"""Languages: 40 facts and 40 questions in each of twelve, written for this project; what each encoder makes of them.

Facts come in pairs that are near each other (two drinks, two birthdays, two keys). The question of a fact shares few
words with it. The facts of one language stand in one namespace.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from memoria.engine.opening import open as open_memoria
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft

LANGUAGES = ("en", "de", "fr", "es", "pt", "ru", "tr", "ar", "hi", "zh", "ja", "th")
# Of each pair of near facts in the first 16 one, so that no two of them have to do with each other.
UNRELATED = 8
_K = 3
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def pairs(language: str) -> list[tuple[str, str]]:
    """The facts of a language, each with its question."""
    lines = (files("memoria.data") / "languages" / f"{language}.tsv").read_text("utf-8").splitlines()
    return [(fact, asked) for fact, asked in (line.split("\t") for line in lines)]


def evaluate(
    embedders: Sequence[Embedder], progress: Progress, languages: Sequence[str] = LANGUAGES
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """By encoder and language: recall@3 of recall and of vectors alone, and what a night gathers."""
    report: dict[str, dict[str, Mapping[str, Any]]] = {}
    for embedder in embedders:
        rows = report[embedder.card.name] = {}
        for language in languages:
            rows[language] = {**_recall(pairs(language), embedder), **_night(pairs(language), embedder)}
            progress("languages", sum(map(len, report.values())), len(embedders) * len(languages))
    return report


def _recall(known: Sequence[tuple[str, str]], embedder: Embedder) -> dict[str, Any]:
    with open_memoria(":memory:", embedder=embedder, clock=lambda: _NOW, reinforce="never") as memory:
        ids = [one.id for one in memory.remember_many([_draft(n, fact) for n, (fact, _) in enumerate(known)])]
        asked = [question for _, question in known]
        found = {}
        for name, alone in (("recall@3", False), ("vectors@3", True)):
            lists = memory.recall_many(asked, k=_K, vector_only=alone)
            hits = [id in {hit.memory.id for hit in one} for id, one in zip(ids, lists, strict=True)]
            found[name] = {"mean": sum(hits) / len(hits), "n": len(hits), **_interval(sum(hits), len(hits))}
    return found


def _night(known: Sequence[tuple[str, str]], embedder: Embedder) -> dict[str, Any]:
    """How many unrelated facts a night gathers."""
    facts = [fact for fact, _ in known[: 2 * UNRELATED : 2]]
    return {"merged": _gathered(facts, embedder), "unrelated": len(facts)}


def _gathered(texts: Sequence[str], embedder: Embedder) -> int:
    with open_memoria(":memory:", embedder=embedder, clock=lambda: _NOW) as memory:
        memory.remember_many([_draft(n, text) for n, text in enumerate(texts)])
        return memory.sleep(prune=False, detector=None).absorbed


def _draft(n: int, text: str) -> Draft:
    return Draft(text=text, created_at=_NOW - timedelta(hours=100 - n))


def _interval(hits: int, n: int, z: float = 1.96) -> dict[str, float]:
    """The interval of a share (E. B. Wilson, 1927)."""
    middle = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return {"low": middle - half, "high": middle + half}
