"""Whether the router finds the memory that answers, and fits its constants; no model is trained.

With a judge, made-up notes, or the small model, untouched, say what kinds memories tell of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memoria.distill.answered import QUOTED
from memoria.distill.general import QUESTIONS
from memoria.distill.judge import LEAST, Judge
from memoria.distill.route import BACKGROUND, Known, Router, embed, opposed, said_of, words_of
from memoria.english.kinds import kind_asked
from memoria.english.questions import examples
from memoria.evaluation.quality.facts import Fact, as_said, asked_for, label_of, memora
from memoria.protocols import Embedder
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.arrays import Floats

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def routed(
    folder: Path,
    count: int,
    seed: int,
    half: int | None,
    embedder: Embedder,
    judge: Judge | None = None,
    at: float = 0.0,
) -> dict[str, float]:
    """How questions about Memora's preferences, as they were said, find the memory that answers.

    at: log-odds from which the judge lets a memory answer. right: its memory is the nearest. quoted: it is among those
    that would be quoted. sure: a shard holds a question of that kind, so that a bare value may answer. never: of
    questions about what was never said.
    """
    learnt, never = (as_said(one) for one in memora(folder, count, seed, half))
    asked = None if judge is None else _Strict(judge, at)
    tally: dict[str, list[bool]] = defaultdict(list)
    for home, facts in by_home(learnt).items():
        router, ids = router_of(facts, embedder)
        if judge is not None:
            judge.keep(ids.values())
        for fact in facts:
            for query in fact.asked:
                route = router.route(query, asked)
                near = list(route.memories)[:QUOTED]
                tally["routed"].append(bool(near))
                tally["right"].append(near[:1] == [ids[fact.draft.text]])
                tally["quoted"].append(ids[fact.draft.text] in near)
                tally["sure"].append(bool(route.sure))
        for query in (one for fact in never if fact.home == home for one in fact.asked):
            route = router.route(query, asked)
            tally["never: routed"].append(bool(route.memories))
            tally["never: sure"].append(bool(route.sure))
        tally["general: routed"] += [bool(router.route(query, asked).memories) for query in QUESTIONS]
    shares = {name: sum(each) / len(each) for name, each in tally.items()}
    return {
        "questions": len(tally["routed"]),
        "memories": len(learnt),
        "never said": len(tally["never: routed"]),
        **shares,
        "quoted, of routed": shares["quoted"] / max(shares["routed"], 1e-9),
    }


@dataclass(frozen=True, slots=True)
class _Strict:
    """A judge that lets a memory answer from other log-odds on."""

    judge: Judge
    at: float

    def knows(self, kind: str) -> bool:
        return self.judge.knows(kind)

    def log_odds(self, kind: str, memories: Sequence[Memory], near: Floats) -> Floats:
        found: Floats = self.judge.log_odds(kind, memories, near) - self.at
        return found


def by_home(facts: Sequence[Fact]) -> Mapping[tuple[str, ...], list[Fact]]:
    """Facts by their namespace."""
    homes: dict[tuple[str, ...], list[Fact]] = {}
    for one in facts:
        homes.setdefault(one.home, []).append(one)
    return homes


def router_of(facts: Sequence[Fact], embedder: Embedder) -> tuple[Router, dict[str, str]]:
    """A router among facts of one namespace, and the ids by their texts."""
    made = [
        Memory(id=f"{n:032x}", namespace=one.home, text=one.draft.text, created_at=_AT) for n, one in enumerate(facts)
    ]
    known = []
    for one in made:
        asked = [each.prompt for each in examples(one)]
        vectors = embed(embedder, [*asked, *said_of(one)])
        questions, said = vectors[: len(asked)], vectors[len(asked) :]
        known.append(Known(memory=one, shard=one.id, questions=questions, said=said, words=words_of(one, asked)))
    return Router(embedder, known, embed(embedder, BACKGROUND)), {one.text: one.id for one in made}


def fit(folder: Path, half: int, embedder: Embedder) -> dict[str, float]:
    """The constants of `route.ANSWERS`, by all pairs of a question and a memory of one persona of a half.

    Negatives are questions about other memories of the persona. A logistic regression by
    Newton's method, with a ridge of .05 on all but the constant.
    """
    facts, _ = memora(folder, 10_000, 0, half)
    rows = [row for home in by_home(facts).values() for row in _pairs(home, embedder)]
    values, wanted = np.array([one[:-1] for one in rows]), np.array([one[-1] for one in rows])
    found = newton(values, wanted).round(1).tolist()
    return dict(zip(("1", "sentence", "whole", "opposed"), found, strict=True))


def fit_judge(folder: Path, half: int, embedder: Embedder, judge: Judge) -> dict[str, float]:
    """The constants of `judge.WEIGHTS` and, if the judge has notes, of `judge.BY_NOTES`.

    By all pairs of a kind and a memory of one persona of a half: every memory is asked for each kind that there is,
    liked or disliked as it is; its own kind is the positive one.
    """
    facts, _ = memora(folder, 10_000, 0, half)
    kinds = sorted({label_of(one) for one in facts})
    rows = [row for home in by_home(facts).values() for row in _of_kinds(home, kinds, embedder, judge)]
    values, wanted = np.array([one[:-1] for one in rows]), np.array([one[-1] for one in rows])
    by_base = dict(zip(("1", "router", "kind", "gain"), _scaled(values[:, :4], wanted), strict=True))
    if values.shape[1] == 4:
        return by_base
    by_notes = zip(("notes: 1", "notes: router", "notes: kind"), _scaled(values[:, [0, 1, 4]], wanted), strict=True)
    return {**dict(by_notes), **by_base}


def _scaled(values: Floats, wanted: Floats) -> list[float]:
    """Constants as of `newton`, of numbers of some size, so that the ridge is the same for each."""
    scale = np.array([1.0, *[5.0] * (values.shape[1] - 1)])
    found: list[float] = (newton(values / scale, wanted) / scale).round(2).tolist()
    return found


def _of_kinds(
    home: Sequence[Fact], kinds: Sequence[str], embedder: Embedder, judge: Judge
) -> Iterator[tuple[float, ...]]:
    """1, the router's log-odds, the judge's evidence, by notes too, and whether the kind is that of the memory."""
    router, ids = router_of(home, embedder)
    judge.keep(ids.values())
    for kind in kinds:
        noun = kind_asked(asked_for(kind, "like")[0])
        noted = judge.by_notes(noun, router.memories)
        evidence = judge.evidence(noun, router.memories)
        evidence = evidence if noted is None else np.column_stack([evidence, noted])
        near = {
            like: [router.scores(query).log_odds for query in asked_for(kind, like)] for like in ("like", "dislike")
        }
        for n, fact in enumerate(home):
            for odds in near[str((fact.draft.metadata or {})["like"])]:
                yield 1.0, max(float(odds[n]), LEAST), *evidence[n].tolist(), float(label_of(fact) == kind)


def _pairs(facts: Sequence[Fact], embedder: Embedder) -> Iterator[tuple[float, ...]]:
    """1, the cosines with the nearest sentence and the whole, whether opposed, and whether it is the answer."""
    asked = [(query, one) for one in facts for query in one.asked]
    vectors = embed(embedder, [query for query, _ in asked])
    for fact in facts:
        one = Memory(id="0" * 32, namespace=fact.home, text=fact.draft.text, created_at=_AT)
        cosines = vectors @ embed(embedder, said_of(one)).T
        for (query, owner), row in zip(asked, cosines, strict=True):
            yield 1.0, float(row.max()), float(row[0]), float(opposed(query, one)), float(owner is fact)


def newton(values: Floats, wanted: Floats, ridge: float = 0.05, steps: int = 50) -> Floats:
    """Constants of a logistic regression. values: shape (n, m), the first column 1. wanted: shape (n,), 0 or 1."""
    held = ridge * np.diag([0.0, *[1.0] * (values.shape[1] - 1)])
    found = np.zeros(values.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(values @ found)))
        slope = values.T @ (p - wanted) + held @ found
        bend = (values.T * (p * (1 - p))) @ values + held + 1e-9 * np.eye(len(found))
        found = found - np.linalg.solve(bend, slope)
    return found
