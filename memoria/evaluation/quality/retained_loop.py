"""Retention with the memory itself in the loop: what has ended by its own reading, and what is found of what was kept.

What is kept is worth something only if a question brings it back; and with most of the memories gone, fewer stand in
the way of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.engine.opening import open as open_memoria
from memoria.evaluation.lab.intervals import estimate
from memoria.evaluation.quality.datasets import Asked
from memoria.evaluation.quality.retained import FIFO, NEVER, Asking, Worth, as_stored, named, replayed
from memoria.evaluation.quality.retained_sets import MEMORA, WHOLE, Case, others
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.retention.salience import Weights
from memoria.retention.salience_fit import fitted

if TYPE_CHECKING:
    from memoria.arrays import Ints
    from memoria.types import Hit

HITS = 10
TOKENS = 1000
ALL = "all"
WHOLLY = 1.0
"""Log-odds of a doubt above which it is of a memory as a whole."""
_MANY = 100


def spaced(drafts: Sequence[Draft]) -> list[Draft]:
    """The same, a microsecond apart, so that turns of one time keep their order."""
    return [
        draft if draft.created_at is None else _later(draft, timedelta(microseconds=place))
        for place, draft in enumerate(drafts)
    ]


def _later(draft: Draft, by: timedelta) -> Draft:
    return draft if draft.created_at is None else replace(draft, created_at=draft.created_at + by)


def ended(case: Case, embedder: Embedder) -> Ints:
    """At the coming of which memory each one ended, as the rules of `reconcile` read them; shape (n,).

    Ended is also what a statement makes doubtful as a whole; what is shortened stays. Memories that never end have a
    number beyond all.
    """
    drafts = spaced(case.drafts)
    until = case.moments[-1].until + timedelta(days=1)
    with open_memoria(":memory:", embedder=embedder, reinforce="never", clock=lambda: until) as memory:
        said = memory.remember_many(drafts)
        places = {one.id: place for place, one in enumerate(said)}
        memory.reconcile(*said, detector="rules")
        found = np.full(len(said), NEVER)
        for one in memory.doubts():
            over = one.outcome == "ended" or (one.outcome == "lowered" and (one.odds or 0.0) > WHOLLY)
            if over and one.memory.id in places:
                by = (one.by.id, *one.by.provenance.derived_from)
                at = max((places[id] for id in by if id in places), default=len(said) - 1)
                found[places[one.memory.id]] = min(found[places[one.memory.id]], at)
    return found


def all_ended(sets: Mapping[str, Sequence[Case]], embedder: Embedder, progress: Progress) -> dict[str, list[Ints]]:
    """`ended` of each case of Memora, which says what is out of date.

    Of every turn, what was read is what the user told: assistants end nothing.
    """
    cases = sets.get(MEMORA, ())
    found = []
    for done, case in enumerate(cases, 1):
        found.append(ended(case, embedder))
        progress("read for what has ended", done, len(cases))
    if not found:
        return {}
    whole = zip(found, cases, sets[WHOLE], strict=True)
    return {MEMORA: found, WHOLE: [_spread(ends, part, every) for ends, part, every in whole]}


def _spread(ends: Ints, part: Case, every: Case) -> Ints:
    """The same ends for a case that has further turns in between."""
    known: dict[tuple[str | None, str], list[int]] = {}
    for place, draft in enumerate(every.drafts):
        known.setdefault((draft.provenance.session, draft.text), []).append(place)
    places = np.array([known[draft.provenance.session, draft.text].pop(0) for draft in part.drafts])
    out = np.full(len(every.drafts), NEVER)
    some = ends != NEVER
    out[places[some]] = places[ends[some]]
    return out


def found(sets: Mapping[str, Sequence[Case]], asking: Asking, embedder: Embedder, progress: Progress) -> dict[str, Any]:
    """Of what each question needs, the share that ten hits and that 1,000 tokens bring back of what was kept.

    Args:
        sets: cases by the name of the set. Left out are a set that is asked at many moments, and every turn of Memora,
            which would take hours to embed.
        asking: shares, recencies and weights.
        embedder: of the memory.
        progress: called with each case.

    Returns:
        By set, by share, by way of keeping: "hits" and "tokens", with intervals over cases.
    """
    report: dict[str, Any] = {}
    chosen = {
        name: cases for name, cases in sets.items() if name != WHOLE and all(len(case.moments) == 1 for case in cases)
    }
    total, done = sum(map(len, chosen.values())), 0
    for name, cases in chosen.items():
        by = fitted(others(name, sets)) if asking.weights is None else asking.weights
        shares = (1.0, *asking.shares)
        rows: dict[str, dict[str, list[tuple[float, float]]]] = {str(share): {} for share in shares}
        for case in cases:
            for way, worth in _ways(case, by, asking.recencies).items():
                for share in shares:
                    if (way == ALL) == (share == 1):
                        rows[str(share)].setdefault(way, []).append(_asked(case, worth, share, embedder))
            done += 1
            progress("asked", done, total)
        report[name] = {
            share: {
                way: dict(zip(("hits", "tokens"), map(estimate, np.array(values).T), strict=True))
                for way, values in ways.items()
            }
            for share, ways in rows.items()
        }
    return report


def _ways(case: Case, weights: Weights, recencies: Sequence[float]) -> dict[str, Worth]:
    order = np.arange(len(case.drafts)) / len(case.drafts)
    lengths = np.array([float(len(draft.text.encode())) for draft in case.drafts])
    salience = as_stored(case, weights)
    rest = {named(recency): Worth(value=salience, recency=recency) for recency in recencies}
    return {ALL: Worth(value=order), FIFO: Worth(value=order), "length": Worth(value=lengths), **rest}


def _asked(case: Case, worth: Worth, share: float, embedder: Embedder) -> tuple[float, float]:
    """Shares of evidence in ten hits and in 1,000 tokens, of one case with a part of its memories."""
    (moment,) = case.moments
    kept = np.flatnonzero(replayed(worth, moment.known, round(share * moment.known))).tolist()
    drafts = spaced(case.drafts)
    until = moment.until + timedelta(days=1)
    texts = [asked.text for asked in moment.asked]
    with open_memoria(":memory:", embedder=embedder, reinforce="never", clock=lambda: until) as memory:
        made = memory.remember_many([drafts[place] for place in kept])
        places = {one.id: place for one, place in zip(made, kept, strict=True)}
        hits = memory.recall_many(texts, k=HITS)
        packed = memory.recall_many(texts, k=_MANY, budget_tokens=TOKENS)
    return _mean(moment.asked, hits, places), _mean(moment.asked, packed, places)


def _mean(asked: Sequence[Asked], answers: Sequence[Sequence[Hit]], places: Mapping[str, int]) -> float:
    back = [{places[hit.memory.id] for hit in some if hit.memory.id in places} for some in answers]
    shares = [
        sum(not facts.isdisjoint(some) for facts in one.relevant) / len(one.relevant)
        for one, some in zip(asked, back, strict=True)
    ]
    return float(np.mean(shares))
