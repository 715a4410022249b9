"""The router: chooses the memories, and so the shards, that answer a query. Most need none: then the base answers,
unchanged to the bit.

Two keys lead to a memory. One are the questions that its shard learnt: near one of them, and with no word that neither
they nor the memory have, the shard holds a question of that kind, and is SURE. The other are its own sentences: a
logistic function (Platt 1999) of their cosines with the query says how likely the memory answers it. A query that has
names goes only to memories with one of them, one about likings not to a dislike. Where a question asks for a kind of
thing, and what was taught are whole sentences, a judge says which memories tell of that kind (judge.py): nearness alone
cannot, and such a memory is never sure.

The threshold of the first key is the largest cosine of background questions with what was learnt, plus a margin; at
least FLOOR, or what that corresponds to with the embedder. All is computed from live memories at each load: nothing of
forgotten ones is in it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from memoria.english.kinds import kind_asked, ways_told
from memoria.english.questions import asked_of
from memoria.english.sentences import bare, content, polarity, units
from memoria.english.wants import of_oneself
from memoria.protocols import Embedder
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors

# Midway between the lowest cosine on topic (0.75) and the highest off topic (0.56), for the facts of seed 100.
FLOOR, MARGIN = 0.65, 0.05
# Log-odds that a memory answers: of 1, the cosine of its nearest sentence, that of the whole, and 1 where one likes and
# the other dislikes; `memoria bench routing --fit` fits them.
ANSWERS = (-7.0, 10.9, 4.7, -6.1)
# Log-odds from which a memory is near a query that speaks of the speaker or names somebody, and any other query.
LEAST, LEAST_OF_ANY = -2.0, 2.0
# Memories within BESIDE of the best cosine, or CLOSE of the best log-odds, are near too; MOST shards are active in all.
BESIDE, CLOSE, MOST = 0.02, 1.0, 3
# What a judge is shown: the log-odds from which a memory is in doubt, and how many, the nearest. It lets those answer
# that it gives log-odds over 0, and more than one if they are within ALIKE.
DOUBTED, SHOWN, ALIKE = -6.0, 10, 0.5
# Log-odds of what is not there.
FAR = -50.0
_NAME = re.compile(r"(?<![.?!:] )(?<!^)\b[A-Z][\w\-]+")
_WORD = re.compile(r"[\w\-]+")
# General questions that are about no memory. They are not used to measure what the model still knows.
BACKGROUND = (
    "What is the boiling point of water?",
    "Write a short poem about the sea.",
    "How do I sort a list in Python?",
    "Who wrote Hamlet?",
    "Explain photosynthesis in one sentence.",
    "What is seven times eight?",
    "Translate good morning into French.",
    "Which planet is closest to the sun?",
    "Give me a recipe for pancakes.",
    "What is the largest ocean?",
    "How many legs does a spider have?",
    "Summarise the causes of the First World War.",
    "What is the chemical symbol of gold?",
    "Name a famous painter.",
    "How does a refrigerator work?",
    "What is a good way to learn the guitar?",
    "Which language is spoken in Brazil?",
    "What should I wear in cold weather?",
    "What is the square root of 81?",
    "Tell me a joke about cats.",
    "Who discovered penicillin?",
    "What is the speed of light?",
    "How do I write a cover letter?",
    "What are the primary colours?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a query goes.

    Attributes:
        shards: the active ones, nearest first; () is the base alone.
        memories: the shard of each near memory by its id, nearest first; "" for one that waits to be learnt.
        sure: ids of those whose shard holds a question of that kind.
        judged: whether a judge said that they tell of the kind that is asked for.
        nearest: the best cosine; -1 if there is no memory.
        log_odds: that the nearest memory answers the query; FAR when there is none.
    """

    shards: tuple[str, ...]
    memories: Mapping[str, str]
    sure: tuple[str, ...] = ()
    judged: bool = False
    nearest: float = -1.0
    log_odds: float = FAR

    @property
    def probability(self) -> float:
        """How likely the nearest memory answers the query, in [0, 1]."""
        return 1 / (1 + math.exp(-self.log_odds))


NOWHERE = Route(shards=(), memories={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A memory that a shard learnt.

    shard: its name; "" for one that waits. questions: unit vectors of what was taught, (q, d). said: of the memory and
    its sentences, (s, d), the whole first. words: content stems of the memory and of its questions. whole: whether
    what was taught are whole sentences of it, which a judge may be asked about.
    """

    memory: Memory
    shard: str
    questions: Vectors
    said: Vectors
    words: frozenset[str]
    whole: bool = True


class Judging(Protocol):
    """Says which memories tell of a kind of thing."""

    def knows(self, kind: str) -> bool:
        """Whether it can say so of a kind."""

    def log_odds(self, kind: str, memories: Sequence[Memory], near: Floats) -> Floats:
        """Log-odds that memories answer a question for a kind; near: the router's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Of n memories for a query: cosines with a question of theirs, log-odds that they answer, and whether for sure."""

    cosines: Floats
    log_odds: Floats
    sure: Floats


class Router:
    """Routes queries among the known memories. When those change, a new one is made."""

    def __init__(self, embedder: Embedder, known: Sequence[Known], background: Vectors, floor: float = FLOOR) -> None:
        self._embedder, self._floor = embedder, floor
        self._known = tuple(known)
        self._names = [_words(one.memory) for one in known]
        self._ways = [_ways(one.memory.text) for one in known]
        self._told = [ways_told(one.memory.text) for one in known]
        self._questions = _Rows([one.questions for one in known], background)
        self._said = _Rows([one.said for one in known], background)
        highest = float((background @ self._questions.vectors.T).max()) if known else 0.0
        self.threshold = max(floor, highest + MARGIN)

    @property
    def memories(self) -> list[Memory]:
        """What is routed to, in the order of the scores."""
        return [one.memory for one in self._known]

    def scores(self, query: str) -> Scores:
        """The scores of each memory for a query; without a name of those in the query it has -1 and -inf."""
        vector = embed(self._embedder, [query])[0]
        cosines, said = self._questions.best(vector), self._said.best(vector)
        whole = self._said.first(vector)
        way, named, telling = polarity(query), names(query), asked_of(query)
        against = np.array([_opposed(way, ways) for ways in self._ways])
        covered = np.array([telling <= one.words for one in self._known])
        values = np.stack([np.ones(len(said)), self._as_english(said), self._as_english(whole), against], axis=1)
        log_odds = values @ np.array(ANSWERS)
        if named:
            strange = np.array([named.isdisjoint(words) for words in self._names])
            cosines[strange], log_odds[strange] = -1.0, -math.inf
        sure = covered & ~against & (cosines >= self.threshold)
        return Scores(
            cosines=np.maximum(cosines, np.where(np.isinf(log_odds), -1.0, said)), log_odds=log_odds, sure=sure
        )

    def route(self, query: str, judge: Judging | None = None) -> Route:
        """The memories and shards that the query needs.

        judge: says which whole sentences answer where a kind of thing is asked for; without one, nearness does.
        """
        if not self._known or not math.isfinite(self._floor):
            return NOWHERE
        scores = self.scores(query)
        spoken = bool(names(query)) or of_oneself(query)
        kind = kind_asked(query) if judge is not None else ""
        judged = judge is not None and bool(kind) and judge.knows(kind)
        sure = scores.sure & ~np.array([judged and one.whole for one in self._known])
        keys, odds = scores.log_odds, scores.log_odds
        if sure.any():
            keys = np.where(sure, scores.cosines, -1.0)
            near = keys >= keys.max() - BESIDE
        elif judge is not None and judged:
            keys = odds = self._judged(kind, self._agreed(query, scores), DOUBTED if spoken else LEAST_OF_ANY, judge)
            near = keys >= max(0.0, float(keys.max()) - ALIKE)
        else:
            near = keys >= max(LEAST if spoken else LEAST_OF_ANY, float(keys.max()) - CLOSE)
        order = [self._known[n] for n in np.argsort(-keys, kind="stable") if near[n]]
        return Route(
            shards=tuple(dict.fromkeys(one.shard for one in order if one.shard))[:MOST],
            memories={one.memory.id: one.shard for one in order},
            sure=tuple(one.memory.id for one in order) if sure.any() else (),
            judged=judged and not sure.any(),
            nearest=float(scores.cosines.max()),
            log_odds=max(float(odds.max()), FAR),
        )

    def _agreed(self, query: str, scores: Scores) -> Floats:
        """Log-odds without those that dislike what is asked for as liked, or the other way round."""
        way = polarity(query)
        against = np.array([_opposed(way, ways) for ways in self._told])
        found: Floats = np.where(against, -math.inf, scores.log_odds)
        return found

    def _judged(self, kind: str, log_odds: Floats, least: float, judge: Judging) -> Floats:
        """Log-odds by the judge of the nearest that are in doubt; -inf for all others."""
        found = np.full(len(log_odds), -math.inf)
        shown = [n for n in np.argsort(-log_odds, kind="stable")[:SHOWN] if log_odds[n] >= least]
        if shown:
            found[shown] = judge.log_odds(kind, [self._known[n].memory for n in shown], log_odds[shown])
        return found

    def _as_english(self, cosines: Floats) -> Floats:
        """What cosines of this embedder are worth with all-MiniLM-L6-v2, by what its floor is there."""
        scaled: Floats = 1 - (1 - cosines) * (1 - FLOOR) / (1 - self._floor)
        return scaled


class _Rows:
    """Vectors of several memories, one after another."""

    def __init__(self, each: Sequence[Vectors], empty: Vectors) -> None:
        self._starts = np.cumsum([0, *map(len, each)])[:-1]
        self.vectors: Vectors = np.concatenate(each) if each else empty[:0]

    def best(self, vector: Vectors) -> Floats:
        """The best cosine of each memory, shape (n,)."""
        found: Floats = np.maximum.reduceat(self.vectors @ vector, self._starts).astype(np.float64)
        return found

    def first(self, vector: Vectors) -> Floats:
        """The cosine of the first vector of each memory, shape (n,)."""
        found: Floats = (self.vectors[self._starts] @ vector).astype(np.float64)
        return found


def opposed(query: str, memory: Memory) -> bool:
    """Whether a query is about likings and a memory tells of dislikes alone, or the other way round."""
    return _opposed(polarity(query), _ways(memory.text))


def _ways(text: str) -> frozenset[int]:
    """Of each sentence, whether it likes or dislikes."""
    return frozenset(map(polarity, units(text)))


def _opposed(way: int, ways: frozenset[int]) -> bool:
    return bool(way) and -way in ways and way not in ways


def said_of(memory: Memory) -> list[str]:
    """What a memory is found by beside its questions: the whole, and each sentence that says something."""
    sentences = [bare(unit) for unit in units(memory.text) if content(unit)]
    return list(dict.fromkeys([memory.text, *sentences]))


def words_of(memory: Memory, questions: Sequence[str]) -> frozenset[str]:
    """Content stems of a memory and of what is asked of it."""
    return frozenset(word for text in (memory.text, memory.subject or "", *questions) for word in content(text))


def embed(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Unit vectors, shape (n, d)."""
    vectors = embedder.embed(texts)
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def names(query: str) -> frozenset[str]:
    """Words that are written as names: with a capital letter, except at the beginning of a sentence."""
    return frozenset(_bare(word) for word in _NAME.findall(query) if word != "I")


def _words(memory: Memory) -> frozenset[str]:
    said = f"{memory.text} {memory.subject or ''}"
    return frozenset(_bare(word) for word in _WORD.findall(said))


def _bare(word: str) -> str:
    return word.casefold().removesuffix("'s")
