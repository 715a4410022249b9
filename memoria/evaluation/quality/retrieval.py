"""How well recall finds what a question needs: several systems over the same memories, without a language model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from memoria.embedders import embed
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.drawing import chart
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.protocols import Embedder, Progress
from memoria.recall.need import Need, centred
from memoria.recall.search import about
from memoria.text.times import Reading, closeness, days
from memoria.text.words import question
from memoria.types import Where
from memoria.zones import day

if TYPE_CHECKING:
    from memoria.arrays import Floats

Case = tuple[Mapping[str, "Floats"], "Floats", float]
"""A question to fit to: columns of its n candidates, which of these are relevant, shape (n,), and its weight."""

DEPTH = 50
BOOTSTRAPS = 1000
# The terms that are left out without each component.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "similarity": ("similarity", "context"),
    "words": ("words", "coverage"),
    "neighbours": ("near words", "far words", "context", "answer"),
    "speaker": ("speaker",),
    "questions": ("question", "answer"),
    "self": ("self",),
    "asked for": ("asked for",),
    "length": ("length",),
    "time": ("time",),
    "base level": ("base level",),
    "repeats": ("repeats",),
}


def evaluate(
    conversations: Sequence[Conversation],
    embedder: Embedder,
    progress: Progress,
    *,
    ablate: bool = False,
    need: Need | None = None,
) -> dict[str, Any]:
    """Each system's measures per category and over all, with 95 % bootstrap intervals over questions.

    "curves" holds the mean recall at k = 1, 2, ... over all questions. need: None takes what ships for the embedder.
    """
    found: dict[str, list[tuple[Asked, list[int]]]] = {}
    need = need or Need.of(embedder.card.name)
    chosen = {"memoria": need}
    if ablate:
        chosen |= {f"without {name}": need.without(*terms) for name, terms in COMPONENTS.items()}
    for done, one in enumerate(conversations, 1):
        if not one.asked:
            continue
        for system, lists in answers(one, embedder, chosen).items():
            found.setdefault(system, []).extend(zip(one.asked, lists, strict=True))
        progress("conversations", done, len(conversations))
    return {
        "conversations": [one.name for one in conversations],
        "memories": sum(len(one.drafts) for one in conversations),
        "questions": sum(len(one.asked) for one in conversations),
        "systems": {system: summary(rows) for system, rows in found.items()},
        "curves": {system: curve(rows) for system, rows in found.items()},
    }


def answers(one: Conversation, embedder: Embedder, needs: Mapping[str, Need]) -> dict[str, list[list[int]]]:
    """For each system, for each question, places of drafts, best first."""
    texts = [asked.text for asked in one.asked]
    # A system must not be moved by what the one before it brought back.
    with open_memoria(":memory:", embedder=embedder, clock=lambda: one.until, reinforce="never") as memory:
        place = {made.id: at for at, made in enumerate(memory.remember_many(one.drafts))}
        systems = baselines(memory, texts, list(place))
        for name, need in needs.items():
            hits = memory.recall_many(texts, k=DEPTH, need=need)
            systems[name] = [[place[hit.memory.id] for hit in some] for some in hits]
    return systems


def baselines(memory: Memoria, texts: Sequence[str], ids: Sequence[str]) -> dict[str, list[list[int]]]:
    """BM25, the embedder alone, their mean after min-max, and reciprocal rank fusion (Cormack 2009, k = 60)."""
    import numpy as np

    from memoria.text.lexical import LexicalIndex

    index = LexicalIndex()
    records = [record for record in memory.store.read(ids) if record is not None]
    for doc, record in enumerate(records):
        index.add(doc, record.memory)
    docs = np.arange(len(records))
    words = np.stack([index.score(question(text).words, docs) for text in texts])
    means = np.stack([record.vector for record in records])
    near = (embed(memory.store, memory.embedder, texts, asked=True) @ means.T).astype(np.float64)
    ranked = {
        "bm25": words,
        "vectors": near,
        "fusion": (_minmax(words) + _minmax(near)) / 2,
        "rrf": _reciprocal(words) + _reciprocal(near),
    }
    return {name: [_order(row) for row in scores] for name, scores in ranked.items()}


def _minmax(scores: Floats) -> Floats:
    import numpy as np

    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    scaled: Floats = (scores - low) / np.maximum(high - low, 1e-9)
    return scaled


def _reciprocal(scores: Floats) -> Floats:
    import numpy as np

    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    reciprocal: Floats = 1 / (61.0 + ranks)
    return reciprocal


def _order(scores: Floats) -> list[int]:
    import numpy as np

    return [int(at) for at in np.argsort(-scores, kind="stable")[:DEPTH]]


def measures(asked: Asked, found: Sequence[int]) -> dict[str, float]:
    """Recall, hit and full at k, reciprocal rank, and the share of stale memories in the list."""
    return measured(asked, _rank(found), len(found))


def measured(asked: Asked, rank: Mapping[int, int], depth: int) -> dict[str, float]:
    """`measures` from the rank at which each place came back, in a list of `depth` hits."""
    ranks = _ranks(asked, rank, depth)
    row = {f"recall@{k}": sum(at < k for at in ranks) / len(ranks) for k in (5, 10, 20, DEPTH)}
    row |= {"hit@20": float(ranks[0] < 20), "full@10": float(ranks[-1] < 10)}
    row["mrr"] = 1 / (1 + ranks[0]) if ranks[0] < depth else 0.0
    if asked.stale:
        row[f"stale@{DEPTH}"] = sum(not rank.keys().isdisjoint(places) for places in asked.stale) / len(asked.stale)
    return row


def _rank(found: Sequence[int]) -> dict[int, int]:
    return {place: at for at, place in enumerate(found)}


def _ranks(asked: Asked, rank: Mapping[int, int], depth: int) -> list[int]:
    """The rank of each piece of evidence, from 0, best first; a rank far behind the list if it is not in it."""
    never = depth + 10**6
    return sorted(min(rank.get(place, never) for place in places) for places in asked.relevant)


def curve(rows: Iterable[tuple[Asked, Sequence[int]]]) -> list[float]:
    """Mean recall at k = 1, ..., DEPTH."""
    import numpy as np

    ranks = [np.array(_ranks(asked, _rank(found), len(found))) for asked, found in rows]
    return [float(np.mean([(some < k).mean() for some in ranks])) for k in range(1, DEPTH + 1)]


def summary(rows: Iterable[tuple[Asked, Sequence[int]]]) -> dict[str, Any]:
    """Means per category, over "all", and over questions of any category that name a time ("dated").

    In the form {category: {measure: {"mean", "low", "high", "n"}}}.
    """
    found = [(asked, measures(asked, places)) for asked, places in rows]
    dated = [row for asked, row in found if days(asked.text, date(2000, 1, 1), Reading())]
    report = summed([(asked.category, row) for asked, row in found])
    return {**report, "dated": _means(dated)} if dated else report


def summed(rows: Sequence[tuple[str, Mapping[str, float]]]) -> dict[str, Any]:
    """`summary` from the measures of each question, with its category."""
    categories = ["all", *sorted({category for category, _ in rows})]
    return {category: _means([row for name, row in rows if category in ("all", name)]) for category in categories}


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    import numpy as np

    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = np.array([row[name] for row in rows if name in row])
        # The same resamples for every system, so that they can be compared.
        picks = np.random.default_rng(0).integers(len(values), size=(BOOTSTRAPS, len(values)))
        low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
        means[name] = {"mean": float(values.mean()), "low": float(low), "high": float(high), "n": float(len(values))}
    return means


def svg(report: Mapping[str, Any]) -> str:
    """Recall at k of each system of a report of `evaluate`, k to the right."""
    title = f"Recall at k, {report['questions']} questions about {report['memories']} memories"
    lines = {system: list(enumerate(levels, 1)) for system, levels in report["curves"].items()}
    return chart(title, lines, range(0, DEPTH + 1, 10), "k")


def design(one: Conversation, embedder: Embedder) -> list[Case]:
    """The questions of a conversation, to fit weights to."""
    import numpy as np

    texts = [asked.text for asked in one.asked]
    with open_memoria(":memory:", embedder=embedder, clock=lambda: one.until) as memory:
        place = {made.id: at for at, made in enumerate(memory.remember_many(one.drafts))}
        vectors = embed(memory.store, embedder, texts, asked=True)
        cases: list[Case] = []
        for asked, vector in zip(one.asked, vectors, strict=True):
            wanted = frozenset().union(*asked.relevant)
            evidence = memory.store.evidence(question(asked.text), vector, Where(), 100)
            right = np.array([place[id] in wanted for id in evidence.ids], np.float64)
            if right.any():
                times = _times(memory, asked.text, evidence.ids, one.until)
                cases.append(({**centred(evidence.columns), "time": times}, right, 1.0))
    return cases


def _times(memory: Memoria, text: str, ids: Sequence[str], at: datetime) -> Floats:
    """How well the days that the question names and those that each memory is about agree, shape (n,)."""
    import numpy as np

    reading = Reading()
    named = days(text, day(at, reading.zone), reading)
    found = memory.store.read(ids) if named else ()
    close = [closeness(named, about(one.memory, reading)) for one in found if one is not None]
    times: Floats = np.array(close) if named else np.zeros(len(ids))
    return times


def fit(cases: Sequence[Case], *, penalty: float = 1e-3) -> dict[str, float]:
    """Weights by maximum likelihood of a conditional logit (McFadden 1974): which of the candidates is needed.

    A question with m pieces of evidence weighs sqrt(m), between equal weights for questions and for pieces. Columns are
    scaled to unit deviation for the ridge `penalty`, and the weights scaled back.
    """
    import numpy as np
    from scipy.optimize import minimize

    names = list(cases[0][0])
    tables = [
        (np.stack([columns[name] for name in names], axis=1), weight * right / np.sqrt(right.sum()))
        for columns, right, weight in cases
    ]
    scale = np.concatenate([table for table, _ in tables]).std(axis=0) + 1e-9

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = penalty * float(weights @ weights), 2 * penalty * weights
        for table, right in tables:
            scores = table / scale @ weights
            scores -= scores.max()
            chances = np.exp(scores) / np.exp(scores).sum()
            total -= float(right @ np.log(chances + 1e-300)) / len(tables)
            slope = slope + (table / scale).T @ (right.sum() * chances - right) / len(tables)
        return total, slope

    best = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B")
    return {name: float(weight) for name, weight in zip(names, best.x / scale, strict=True)}
