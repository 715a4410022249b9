"""Need against its ingredients on several sets, each question answered by every system: paired differences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.quality import statements
from memoria.evaluation.quality.datasets import Conversation, locomo, memora
from memoria.evaluation.quality.retrieval import BOOTSTRAPS, answers, measures
from memoria.protocols import Embedder, Progress
from memoria.recall.need import Need

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.types import EmbedderCard

NEED = "memoria"
MEASURES = ("recall@10", "mrr", "full@10")
# The conversations of LoCoMo that are halves of the table: the others are the other half.
HALF = ("conv-26", "conv-30", "conv-41")
Sets = Mapping[str, Sequence[Conversation]]


class Remembered:
    """An embedder that keeps in RAM the vector of every text it has seen."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._known: dict[str, Vectors] = {}

    @property
    def card(self) -> EmbedderCard:
        return self._inner.card

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (n, d), float32."""
        import numpy as np

        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            self._known |= zip(fresh, self._inner.embed(fresh), strict=True)
        return np.stack([self._known[text] for text in texts])


def sets(locomo_file: Path | None, memora_folder: Path | None, statements_folder: Path | None) -> Sets:
    """The sets that are there, by the name of their row."""
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
    return found


def by_category(conversations: Iterable[Conversation]) -> Sets:
    """A set for each category of question."""
    whole = list(conversations)
    names = sorted({asked.category for one in whole for asked in one.asked})
    return {
        name: [
            Conversation(name=one.name, drafts=one.drafts, asked=some, until=one.until)
            for one in whole
            if (some := tuple(asked for asked in one.asked if asked.category == name))
        ]
        for name in names
    }


def compare(
    found: Sets, embedder: Embedder, progress: Progress, needs: Mapping[str, Need] | None = None
) -> dict[str, Any]:
    """For each set, each system's measures of every question, and what need is above or below each system.

    needs: the weights for a set, where they are not those that ship.
    """
    remembered = Remembered(embedder)
    report = {}
    for done, (name, conversations) in enumerate(found.items(), 1):
        need = (needs or {}).get(name, Need())
        rows = _rows(conversations, remembered, need)
        report[name] = {"questions": len(rows[NEED]["mrr"]), "systems": rows, "paired": paired(rows)}
        progress("sets", done, len(found))
    return report


def _rows(conversations: Sequence[Conversation], embedder: Embedder, need: Need) -> dict[str, dict[str, list[float]]]:
    rows: dict[str, dict[str, list[float]]] = {}
    for one in conversations:
        if not one.asked:
            continue
        for system, lists in answers(one, embedder, {NEED: need}).items():
            mine = rows.setdefault(system, {name: [] for name in MEASURES})
            for asked, found in zip(one.asked, lists, strict=True):
                measured = measures(asked, found)
                for name in MEASURES:
                    mine[name].append(measured[name])
    return rows


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
