"""The router: chooses the shards that a query needs. Most need none: then the base answers, unchanged to the bit.

A memory is near if the cosine of the query with one of its questions reaches the threshold and, if the query has
names, the memory has one of them. The threshold is the largest cosine of background questions with what was learnt,
plus a margin; at least FLOOR, or what that corresponds to with the embedder. It is computed from live memories at each
load: nothing of forgotten ones is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memoria.protocols import Embedder
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors

# Midway between the lowest cosine on topic (0.75) and the highest off topic (0.56), for the facts of seed 100.
FLOOR, MARGIN = 0.65, 0.05
# Shards whose score is within BESIDE of the best are active too, at most MOST in all.
BESIDE, MOST = 0.02, 3
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
    """Where a query goes. shards: active ones, nearest first; () is the base alone. memories: (id, shard) of near ones.

    nearest: the best score, a cosine; -1 if there is no memory.
    """

    shards: tuple[str, ...]
    memories: Mapping[str, str]
    nearest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A memory that a shard learnt. shard: its name. vectors: unit vectors of its questions, shape (q, d)."""

    memory: Memory
    shard: str
    vectors: Vectors


class Router:
    """Routes queries among the known memories. When those change, a new one is made."""

    def __init__(self, embedder: Embedder, known: Sequence[Known], background: Vectors, floor: float = FLOOR) -> None:
        self._embedder = embedder
        self._shards = [one.shard for one in known]
        self._ids = [one.memory.id for one in known]
        self._words = [_words(one.memory) for one in known]
        self._starts = np.cumsum([0, *(len(one.vectors) for one in known)])[:-1]
        self._vectors = np.concatenate([one.vectors for one in known]) if known else background[:0]
        highest = float((background @ self._vectors.T).max()) if known else 0.0
        self.threshold = max(floor, highest + MARGIN)

    def scores(self, query: str) -> Floats:
        """The score of each memory for a query, shape (n,): a cosine, or -1 if it has no name of those in the query."""
        if not self._shards:
            return np.zeros(0)
        vector = embed(self._embedder, [query])[0]
        best = np.maximum.reduceat(self._vectors @ vector, self._starts).astype(np.float64)
        named = names(query)
        if named:
            best[[named.isdisjoint(words) for words in self._words]] = -1.0
        return best

    def route(self, query: str) -> Route:
        """The shards that the query needs."""
        scores = self.scores(query)
        if not len(scores):
            return Route(shards=(), memories={}, nearest=-1.0)
        top = float(scores.max())
        near = [n for n in np.argsort(-scores, kind="stable") if scores[n] >= max(self.threshold, top - BESIDE)]
        memories = {self._ids[n]: self._shards[n] for n in near}
        return Route(shards=tuple(dict.fromkeys(memories.values()))[:MOST], memories=memories, nearest=top)


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
