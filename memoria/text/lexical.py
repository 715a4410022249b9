"""The lexical index of one namespace, in RAM only: BM25 (Robertson and Zaragoza 2009, eq. 3.15) and the conversation.

A document is a number that the store chooses, its slot. What is found is a leaf: a memory that is no gist, or a part
of a gist, so that a part is found as it was before it went in. Leaves are numbered from 0 as they are added. Postings
are updated in place; a document that is removed takes with it every word, session and speaker that was only its own,
so the state equals an index that never saw it.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.ranking import best
from memoria.text.conversation import Conversation
from memoria.text.language import runs
from memoria.text.leaves import Leaves
from memoria.text.words import Question, Sign, signs, stems

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Floats, Ints, Scores
    from memoria.types import Memory


# Short texts say a word once: repetition (k1) and length (b) matter less than in documents (1.2, 0.75).
K1 = 0.9
B = 0.4
# A word in more than this share of many documents finds nobody, though it still counts in the score.
_COMMON = 0.25
_MANY = 4096
_MAX_COUNT = 255
# How much longer an array is made that is full.
_GROWTH = 1.25


def in_hex(ids: NDArray[Any]) -> list[str]:
    """Ids of 16 bytes each as text."""
    found = np.ascontiguousarray(ids).tobytes().hex()
    return [found[at : at + 32] for at in range(0, len(found), 32)]


class Posting:
    """One word: the leaves that hold it, ascending, and how often each does (255 at most).

    counts: None where each holds it once, as is so of most words.
    """

    __slots__ = ("counts", "docs", "word")

    def __init__(self, word: str) -> None:
        self.word = word
        self.docs = array("i")
        self.counts: array[int] | None = None

    def add(self, doc: int, count: int) -> None:
        docs = self.docs
        if count > 1 and self.counts is None:
            self.counts = array("B", bytes([1]) * len(docs))
        if not docs or doc > docs[-1]:
            docs.append(doc)
            if self.counts is not None:
                self.counts.append(min(count, _MAX_COUNT))
            return
        at = bisect_left(docs, doc)
        docs.insert(at, doc)
        if self.counts is not None:
            self.counts.insert(at, min(count, _MAX_COUNT))

    def remove(self, doc: int) -> None:
        at = bisect_left(self.docs, doc)
        del self.docs[at]
        if self.counts is not None:
            often = self.counts.pop(at) > 1
            if often and self.docs and np.frombuffer(self.counts, np.uint8).max() == 1:
                self.counts = None

    def times(self, at: Any = slice(None)) -> NDArray[Any] | int:
        """How often the documents at some places hold it."""
        return 1 if self.counts is None else np.frombuffer(self.counts, np.uint8)[at]

    def often(self) -> list[int]:
        """How often each of its documents holds it."""
        return [1] * len(self.docs) if self.counts is None else self.counts.tolist()


class LexicalIndex:
    """Words, lengths, speakers and the order of turns of the leaves of one namespace.

    language: of the texts in its script; None tells it by each.
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language
        self._postings: dict[str, Posting] = {}
        self._words: dict[int, tuple[Posting, ...]] = {}
        self._lengths = np.zeros(0, np.int32)
        self._signs = np.zeros(0, np.uint8)
        self._ids = np.zeros(0, "S16")
        self._total = 0
        self.leaves = Leaves()
        self.conversation = Conversation()

    def __len__(self) -> int:
        return len(self._words)

    def add(self, doc: int, memory: Memory) -> None:
        """Adds a document, a leaf for each of its parts: words of its text, subject and tags."""
        parts = memory.parts or (memory,)
        for leaf, part in zip(self.leaves.add(doc, len(parts)), parts, strict=True):
            self._add(leaf, part)

    def _add(self, doc: int, memory: Memory) -> None:
        said, labels = runs(memory.text), " ".join((memory.subject or "", *memory.tags))
        words = stems(f"{memory.text} {labels}", self.language, said=said | runs(labels) if labels else said)
        counts = Counter(words)
        found = [self._postings.get(word) or self._posting(word) for word in counts]
        for posting, count in zip(found, counts.values(), strict=True):
            docs = posting.docs
            if count > 1 or posting.counts is not None or (docs and docs[-1] > doc):
                posting.add(doc, count)
            else:
                docs.append(doc)
        self._words[doc] = tuple(found)
        self._reserve(doc + 1)
        self._lengths[doc] = len(words)
        self._signs[doc] = signs(memory.text, said)
        self._ids[doc] = bytes.fromhex(memory.id)
        self._total += len(words)
        self.conversation.add(doc, memory)

    def remove(self, docs: Iterable[int]) -> None:
        """Takes documents out with all that was only theirs; a document that is not there is passed over."""
        for doc in (leaf for one in docs for leaf in self.leaves.remove(one)):
            found = self._words.pop(doc)
            for posting in found:
                posting.remove(doc)
                if not posting.docs:
                    del self._postings[posting.word]
            self._total -= int(self._lengths[doc])
            self._lengths[doc] = 0
            self._signs[doc] = Sign.NONE
            self._ids[doc] = b""
            self.conversation.remove(doc)

    def _posting(self, word: str) -> Posting:
        made = self._postings[word] = Posting(word)
        return made

    def _reserve(self, size: int) -> None:
        if size > len(self._lengths):
            grown = max(size, int(_GROWTH * len(self._lengths)), 64) - len(self._lengths)
            self._lengths = np.concatenate([self._lengths, np.zeros(grown, np.int32)])
            self._signs = np.concatenate([self._signs, np.zeros(grown, np.uint8)])
            self._ids = np.concatenate([self._ids, np.zeros(grown, "S16")])

    def docs(self) -> Ints:
        """All documents in the index, ascending."""
        return self.leaves.docs()

    def known(self, docs: Ints) -> Ints:
        """Those leaves of `docs` that are in the index."""
        inside = docs[(docs >= 0) & (docs < len(self._ids))]
        known: Ints = inside[self._ids[inside] != b""]
        return known

    def leaves_of(self, docs: Ints, hidden: Collection[bytes] = ()) -> Ints:
        """The leaves of those of `docs` that are in the index, ascending, except those with the ids `hidden`."""
        found = np.sort(self.leaves.of(docs))
        return found[~np.isin(self._ids[found], np.array(list(hidden), "S16"))] if hidden else found

    def ids_of(self, leaves: Ints) -> list[str]:
        """The ids of leaves."""
        return in_hex(self._ids[leaves])

    def nearest(self, leaves: Ints, cosines: Scores, k: int) -> Ints:
        """The k of these leaves with the highest cosines, best first, equal ones by id."""
        found: Ints = leaves[best(cosines, k, lambda at: self._ids[leaves[at]])]
        return found

    def idf(self, word: str) -> float:
        """ln(1 + (N - n + 1/2) / (n + 1/2)), n of N documents holding the word; > 0."""
        posting = self._postings.get(word)
        n = 0 if posting is None else len(posting.docs)
        return math.log(1 + (len(self) - n + 0.5) / (n + 0.5))

    def without_speakers(self, asked: Question) -> tuple[list[str], frozenset[str]]:
        """Words of a question but for the names of speakers, which are looked up as such, and these speakers."""
        speakers = self.conversation.named(asked.spoken)
        names = set(stems(" ".join(speakers), self.language)) if speakers else ()
        return [word for word in asked.words if word not in names], speakers

    def best(self, words: Sequence[str], among: Ints | None, k: int, without: Ints | None = None) -> Ints:
        """The k documents with the highest BM25 score, best first, equal ones by id.

        Only those that hold a word, none `without`.
        """
        scores = np.zeros(len(self._lengths), np.float32)
        for posting in self._finding(words):
            docs = np.frombuffer(posting.docs, np.int32)
            scores[docs] += self._weights(posting, docs, posting.times())
        if without is not None:
            scores[without[without < len(scores)]] = 0
        if among is not None:
            inside = among[among < len(scores)]
            chosen = inside[scores[inside] > 0]
        else:
            # Twice as fast as to look for what is not 0.
            chosen = np.flatnonzero(scores > 0)
        chosen = chosen.astype(np.int64)
        found: Ints = chosen[best(scores[chosen], k, lambda at: self._ids[chosen[at]])]
        return found

    def _finding(self, words: Sequence[str]) -> list[Posting]:
        """Postings worth walking: all of a small index, else those of words that tell documents apart."""
        found = [self._postings[word] for word in words if word in self._postings]
        telling = [posting for posting in found if len(posting.docs) <= _COMMON * len(self)]
        return telling if telling and len(self) > _MANY else found

    def _weights(self, posting: Posting, docs: NDArray[Any], counts: NDArray[Any] | int) -> Floats:
        mean = self._total / max(len(self), 1)
        norm = K1 * (1 - B + B * self._lengths[docs] / max(mean, 1e-9))
        weights: Floats = self.idf(posting.word) * (K1 + 1) * counts / (counts + norm)
        return weights

    def table(self, words: Sequence[str], docs: Ints) -> Floats:
        """BM25 weight of each word in each document: shape (len(words), *docs.shape); 0 where it is not, or doc < 0."""
        unique, places = np.unique(docs.astype(np.int32), return_inverse=True)
        table = np.zeros((len(words), len(unique)))
        for row, word in enumerate(words):
            posting = self._postings.get(word)
            if posting is None:
                continue
            have = np.frombuffer(posting.docs, np.int32)
            at = np.minimum(np.searchsorted(have, unique), len(have) - 1)
            hit = np.flatnonzero(have[at] == unique)
            table[row, hit] = self._weights(posting, unique[hit], posting.times(at[hit]))
        return table[:, places.reshape(docs.shape)]

    def score(self, words: Sequence[str], docs: Ints) -> Floats:
        """BM25 scores of documents, shape (n,)."""
        scores: Floats = self.table(words, docs).sum(axis=0)
        return scores

    def terms(self, words: Sequence[str], speakers: frozenset[str], wants: Sign, around: Ints) -> dict[str, Floats]:
        """What the words and the conversation say for each document: columns of shape (n,). See docs/recall.md.

        Sums over the words of a question grow with its length, by about the square root of it, and are divided by that.
        words, speakers: of the question, as `without_speakers` tells them. wants: what it asks for.
        around: shape (5, n), the documents, then the turns one before, one after, two before, two after; -1 for none.
        """
        docs, before = around[:2]
        table = self.table(words, around) / math.sqrt(max(len(words), 1))
        own, near, far = table[:, 0], table[:, 1:3].max(axis=1), table[:, 3:5].max(axis=1)
        nearer = np.maximum(own, near)
        idf = np.array([self.idf(word) for word in words])
        return {
            "words": own.sum(axis=0),
            "coverage": _share(own, idf),
            "speaker": self.conversation.speaks(docs, speakers),
            "near words": (nearer - own).sum(axis=0),
            "far words": (np.maximum(nearer, far) - nearer).sum(axis=0),
            "has near": (around[1:3] >= 0).any(axis=0).astype(np.float64),
            "has far": (around[1:] >= 0).any(axis=0).astype(np.float64),
            "question": self._bear(docs, Sign.ASKS),
            "answer": np.where(before >= 0, self._bear(before, Sign.ASKS), 0.0),
            "self": self._bear(docs, Sign.SELF),
            "asked for": self._bear(docs, wants),
            "length": np.log1p(self._lengths[docs]),
        }

    def _bear(self, docs: Ints, wanted: Sign) -> Floats:
        """1 for each document that bears a sign of `wanted`, else 0."""
        bears: Floats = (self._signs[docs] & wanted != 0).astype(np.float64)
        return bears

    def state(self) -> Mapping[str, Any]:
        """Everything the index holds about leaves, in an order that does not tell how it came about."""
        name = self.leaves.name
        there = sorted(self._words, key=name)
        return {
            "postings": {
                word: sorted((name(doc), count) for doc, count in zip(one.docs, one.often(), strict=True))
                for word, one in sorted(self._postings.items())
            },
            "words": {name(doc): sorted(p.word for p in self._words[doc]) for doc in there},
            "lengths": {name(int(doc)): int(self._lengths[doc]) for doc in np.flatnonzero(self._lengths)},
            "ids": {name(doc): self._ids[doc].ljust(16, b"\0").hex() for doc in there},
            "signs": {name(int(doc)): int(self._signs[doc]) for doc in np.flatnonzero(self._signs)},
            "total": self._total,
            "conversation": self.conversation.state(name),
        }


def _share(table: Floats, idf: Floats) -> Floats:
    """Share of the words, weighted by idf, that each document holds; in [0, 1]. table: shape (words, n)."""
    share: Floats = np.einsum("w,wn->n", idf, (table > 0).astype(np.float64)) / max(float(idf.sum()), 1e-9)
    return share
