"""The learnt judge, measured: on wordings and attributes it never saw, on chat, on talks by hand, on other languages.

What ends and what is lowered goes by the bounds that the library uses: a memory is lowered from p = .5 on, and ended
at p = .9 when it is one log-odd ahead of the statement's next candidate.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.embedders import minilm_folder
from memoria.evaluation.drawing import chart
from memoria.evaluation.quality.contenders import by_boosting, by_cosine, ends_by_rules, rules_end
from memoria.evaluation.quality.datasets import Conversation
from memoria.learnt.adapted import read
from memoria.learnt.detector import Learnt, Reader
from memoria.learnt.fit import fit
from memoria.learnt.grammar import FOLDS, Grammar, Pair
from memoria.protocols import Embedder, Judge, Progress

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors

LANGUAGES = ("de", "fr", "es", "pt", "ar", "zh", "ja")
BOUNDS = (0.5, 0.8, 0.9)
MARGIN = 1.0
NEAREST = 5
# Held-out pairs of each fold, for with 800 average precision moves by .03; and pairs that boosting learns from.
JUDGED, LEARNT = 2400, 1000
_CALLS = 20
# Pairs of each kind, of so many drawn.
_OF_KIND, _DRAWN = 100, 8000
_KEPT = ("question", "quote", "suppose", "history", "free", "two events", "event and habit", "friends", "near", "facet")
_CHANGED = ("change", "contrast", "imperative", "end", "over", "count", "money", "inferred", "dropped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A statement about a subject, facts of the same subject, and which of them it makes untrue; None for none."""

    statement: str
    facts: tuple[str, ...]
    stale: int | None = 0


def talks(name: str) -> list[Talk]:
    """Our own: "talks", a change with its fact and three true ones; "still", a question, quote or supposition."""
    lines = (files("memoria.data") / "changes" / f"{name}.txt").read_text("utf-8").splitlines()
    parts = [line.split(" | ") for line in lines]
    stale = None if name == "still" else 0
    return [Talk(statement=first, facts=tuple(rest), stale=stale) for first, *rest in parts]


def changes(language: str) -> list[Talk]:
    """Twenty changes of a language, each with the fact that it ends and one that it does not."""
    lines = (files("memoria.data") / "changes" / f"{language}.tsv").read_text("utf-8").splitlines()
    parts = [line.split("\t") for line in lines]
    return [Talk(statement=first, facts=tuple(rest)) for first, *rest in parts]


# Held-out folds.


def folds(
    natural: Mapping[str, Sequence[Pair]], embedder: Embedder, cache: Path, steps: int, seed: int, progress: Progress
) -> dict[str, Any]:
    """Average precision of each contender on each fold, and curves of found against false over all of them."""
    scored: dict[str, list[tuple[list[bool], Floats | Vectors]]] = {}
    for fold in range(FOLDS):
        pairs = Grammar(seed + 1, fold, held=True).pairs(JUDGED)
        learnt = _reader(natural, cache, steps, seed, fold, progress)
        for name, scores in _contending(pairs, Grammar(seed, fold).pairs(LEARNT), embedder, learnt).items():
            scored.setdefault(name, []).append(([one.untrue for one in pairs], scores))
        progress("folds", fold + 1, FOLDS)
    return {
        "steps": steps,
        "pairs": JUDGED * FOLDS,
        "average precision": {
            name: [round(average_precision(scores, untrue), 4) for untrue, scores in of] for name, of in scored.items()
        },
        "curves": {name: curve(of) for name, of in scored.items()},
    }


def _contending(
    pairs: Sequence[Pair], known: Sequence[Pair], embedder: Embedder, learnt: Reader
) -> dict[str, Floats | Vectors]:
    return {
        "nearest by cosine": by_cosine(pairs, embedder),
        "boosting": by_boosting(known, pairs, embedder),
        "rules": ends_by_rules(pairs),
        "learnt": learnt.log_odds([(one.statement, one.memory) for one in pairs]),
    }


def _reader(
    natural: Mapping[str, Sequence[Pair]], cache: Path, steps: int, seed: int, fold: int, progress: Progress
) -> Reader:
    """A judge that was trained without a fold; kept in the folder under what it was made from."""
    made = [*Grammar(seed, fold).pairs(200), *(pair for some in natural.values() for pair in some)]
    digest = hashlib.sha256(repr(made).encode()).hexdigest()[:16]
    path = cache / f"judge-{digest}-{steps}-{seed}-{fold}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fit(natural, minilm_folder(), steps, seed, fold, progress, calibrated=False).write(path)
    return Reader(read(path))


def average_precision(scores: Floats | Vectors, untrue: Sequence[bool]) -> float:
    """The mean, over what is untrue, of the precision down to it; equal scores count as one place."""
    import numpy as np

    right, _, ends = _descending(scores, untrue)
    found = np.cumsum(right)[ends]
    gained = np.diff(found, prepend=0)
    return float((gained * found / (ends + 1)).sum() / max(found[-1], 1))


def curve(scored: Sequence[tuple[Sequence[bool], Floats | Vectors]]) -> list[tuple[float, float]]:
    """Shares (false of all that stays true, found of all that is untrue) as the bound falls, over all folds by rank."""
    import numpy as np

    ranks = [np.argsort(np.argsort(-scores, kind="stable"), kind="stable") for _, scores in scored]
    untrue = [one for flags, _ in scored for one in flags]
    right, wrong, _ = _descending(-np.concatenate(ranks).astype(np.float64), untrue)
    found, false = np.cumsum(right) / max(right.sum(), 1), np.cumsum(wrong) / max(wrong.sum(), 1)
    places = np.unique(np.linspace(0, len(found) - 1, 101).astype(int))
    return [(0.0, 0.0), *((round(float(false[n]), 4), round(float(found[n]), 4)) for n in places)]


def found_at(curve: Sequence[tuple[float, float]], false: float) -> float:
    """The share found where this share of what stays true would be hit as well."""
    import numpy as np

    return float(np.interp(false, [x for x, _ in curve], [y for _, y in curve]))


def _descending(scores: Floats | Vectors, untrue: Sequence[bool]) -> tuple[Floats, Floats, Any]:
    """What is right and what is wrong by falling score, and the last place of each score."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    right = np.array(untrue, np.float64)[order]
    ordered = np.asarray(scores)[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return right, 1 - right, ends


def svg(report: Mapping[str, Any]) -> str:
    """Found against false, in percent of what stays true, of each contender of a report of `folds`."""
    lines = {name: [(100 * x, y) for x, y in points] for name, points in report["curves"].items()}
    title = f"Found against false, {report['pairs']} pairs of held-out attributes and wordings"
    return chart(title, lines, range(0, 101, 10), "false, % of what stays true")


# What the bounds do.


def ended(odds: Sequence[float], bound: float, margin: float = MARGIN) -> int | None:
    """Which of a statement's candidates ends: the likeliest, from the bound on, ahead of the next by the margin."""
    if not odds:
        return None
    best = max(range(len(odds)), key=odds.__getitem__)
    next_ = max((one for n, one in enumerate(odds) if n != best), default=float("-inf"))
    return best if odds[best] >= log(bound / (1 - bound)) and odds[best] - next_ >= margin else None


def chat(
    talk: Sequence[Conversation], embedder: Embedder, judge: Judge, progress: Progress, every: int = 1
) -> dict[str, Any]:
    """Endings and lowerings among the nearest earlier turns of each turn, a thousand turns; hardly any is right.

    every: judges only every n-th turn.
    """
    import numpy as np

    judged: list[tuple[str, list[str], list[float]]] = []
    for done, one in enumerate(talk, 1):
        texts = [draft.text for draft in one.drafts]
        cosines = (lambda vectors: vectors @ vectors.T)(embedder.embed(texts))
        for n in range(1, len(texts), every):
            nearest = [texts[m] for m in np.argsort(-cosines[n, :n], kind="stable")[:NEAREST].tolist()]
            judged.append((texts[n], nearest, list(judge(texts[n], nearest))))
        progress("conversations", done, len(talk))
    asked = [one for one in judged if one[0].rstrip().endswith("?")]
    return {"turns": _chatted(judged), "questions": _chatted(asked), "ended": _shown(judged)}


def _chatted(judged: Sequence[tuple[str, Sequence[str], Sequence[float]]]) -> dict[str, float]:
    count = max(len(judged), 1)
    found: dict[str, float] = {"n": len(judged)}
    for bound in BOUNDS:
        hit = sum(ended(odds, bound) is not None for _, _, odds in judged)
        found[f"ended at {bound}, of 1,000"] = round(1000 * hit / count, 2)
    lowered = sum(one >= 0 for _, _, odds in judged for one in odds)
    return {**found, "lowered, of 1,000": round(1000 * lowered / count, 2)}


def _shown(judged: Sequence[tuple[str, Sequence[str], Sequence[float]]]) -> list[dict[str, Any]]:
    """What would be ended at the lowest bound, to be read."""
    found = [(said, texts, odds, ended(odds, BOUNDS[0])) for said, texts, odds in judged]
    return [
        {"statement": said, "memory": texts[n], "log-odds": round(odds[n], 2)}
        for said, texts, odds, n in found
        if n is not None
    ]


def judged(some: Sequence[Talk], judge: Callable[[str, Sequence[str]], Sequence[float]]) -> dict[str, int]:
    """Of what is untrue: how much is first, lowered, ended. Of what stays true: how much is lowered, ended.

    "ahead": lowered only when ahead of the next candidate by the margin.
    """
    names = ("stale", "first", "found", "found ahead", "found ended", "true", "lowered", "lowered ahead", "ended")
    counts = dict.fromkeys(names, 0)
    for talk in some:
        odds = list(judge(talk.statement, talk.facts))
        hard, ahead = ended(odds, BOUNDS[-1]), ended(odds, BOUNDS[0])
        for n, one in enumerate(odds):
            stale = n == talk.stale
            counts["stale" if stale else "true"] += 1
            counts["found" if stale else "lowered"] += one >= 0
            counts["found ahead" if stale else "lowered ahead"] += n == ahead
            counts["found ended" if stale else "ended"] += n == hard
        counts["first"] += talk.stale is not None and max(odds) > min(odds) and odds[talk.stale] == max(odds)
    return counts


def by_rules(some: Sequence[Talk]) -> dict[str, int]:
    """The same counts of the rules for English, which end what they find."""
    counts = dict.fromkeys(("stale", "found ended", "true", "ended"), 0)
    for talk in some:
        for n, one in enumerate(rules_end(talk.statement, talk.facts)):
            counts["stale" if n == talk.stale else "true"] += 1
            counts["found ended" if n == talk.stale else "ended"] += one
    return counts


def in_languages(judge: Learnt) -> dict[str, Any]:
    """Twenty changes in each of seven languages: through the gate for English, and as the model alone would have it."""

    def alone(statement: str, texts: Sequence[str]) -> list[float]:
        odds: list[float] = judge.reader.log_odds([(statement, text) for text in texts]).tolist()
        return odds

    return {
        code: {"gated": judged(changes(code), judge), "model alone": judged(changes(code), alone)} for code in LANGUAGES
    }


def held_out(judge: Learnt, seed: int, fold: int) -> float:
    """The average precision of a judge on the pairs by which `folds` judges one fold, which it must not have learnt."""
    pairs = Grammar(seed + 1, fold, held=True).pairs(JUDGED)
    odds = judge.reader.log_odds([(one.statement, one.memory) for one in pairs])
    return round(average_precision(odds, [one.untrue for one in pairs]), 4)


def held_kinds(judge: Learnt, seed: int, fold: int) -> dict[str, Any]:
    """Kinds of the grammar's held-out fold that change nothing: what is lowered. And how much of the changes is found.

    All through the judge, and by the model alone.
    """
    pairs = Grammar(seed + 2, fold, held=True).pairs(_DRAWN)
    found: dict[str, Any] = {}
    for kind in (*_KEPT, *_CHANGED):
        chosen = [one for one in pairs if one.kind == kind and one.untrue == (kind in _CHANGED)]
        some = [(one.statement, one.memory) for one in chosen][:_OF_KIND]
        alone = judge.reader.log_odds(some).tolist()
        odds = [judge(said, [kept])[0] for said, kept in some]
        counts = {"n": len(some), "lowered": _above(odds, 0.5), "at .9": _above(odds, 0.9)}
        found[kind] = {**counts, "alone": _above(alone, 0.5), "alone at .9": _above(alone, 0.9)}
    return found


def _above(odds: Sequence[float], bound: float) -> int:
    return sum(one >= log(bound / (1 - bound)) for one in odds)


def latency(judge: Judge) -> dict[str, float]:
    """Milliseconds of one call with five candidates, and of one with fifty; medians of 20 calls."""
    (first, *others) = talks("talks")
    facts = [fact for talk in [first, *others] for fact in talk.facts]
    found = {}
    for count in (NEAREST, 50):
        times = []
        for _ in range(_CALLS if count == NEAREST else 3):
            start = time.perf_counter()
            judge(first.statement, facts[:count])
            times.append(1000 * (time.perf_counter() - start))
        found[f"{count} candidates, ms"] = round(sorted(times)[len(times) // 2], 1)
    return found
