"""What every store is given: texts, keys, unit vectors and questions, made once and read by each process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import InvalidQuery
from memoria.evaluation.bench.peers.peer import K, Row
from memoria.protocols import Embedder

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows to store, and questions.

    Attributes:
        rows: what is stored; the first are there before anything is timed.
        questions: texts of questions.
        asked: their unit vectors, shape (len(questions), 384), float32.
    """

    rows: Sequence[Row]
    questions: Sequence[str]
    asked: Vectors

    def nearest(self, among: Sequence[int], at: int) -> list[int]:
        """The K rows nearest to question `at`, exactly, among the rows with these numbers."""
        vectors = np.stack([self.rows[number].vector for number in among])
        return [among[one] for one in np.argsort(-(vectors @ self.asked[at]), kind="stable")[:K]]


def synthetic(count: int, questions: int, seed: int) -> Sample:
    """Texts of about 100 bytes and vectors about 1,000 centres; questions lie about the same centres."""
    # Not where the processes of other stores would import it: it brings the whole of memoria.
    from memoria.evaluation.bench.latency import Synthetic

    source = Synthetic(seed)
    drafts = source.drafts(count)
    vectors = unit(np.stack([np.asarray(draft.vector, np.float32) for draft in drafts]))
    asked = unit(source.vectors(questions))
    texts = [f"What was sent in order {number} of day {number % 365}?" for number in range(questions)]
    return _sample([draft.text for draft in drafts], vectors, texts, asked, seed)


def given(texts: Sequence[str], count: int, questions: int, embedder: Embedder, seed: int) -> Sample:
    """The first texts are stored, and the last ones are the questions; all of them different.

    Raises InvalidQuery when there are too few different texts.
    """
    different = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if len(different) < count + questions:
        raise InvalidQuery(f"{len(different)} different texts: {count + questions} are needed, one a line")
    chosen = different[:count] + different[len(different) - questions :]
    vectors = unit(np.asarray(embedder.embed(chosen), np.float32))
    return _sample(chosen[:count], vectors[:count], chosen[count:], vectors[count:], seed)


def unit(vectors: Vectors) -> Vectors:
    """Each of length 1, in float32; shape (n, d)."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _sample(texts: Sequence[str], vectors: Vectors, questions: Sequence[str], asked: Vectors, seed: int) -> Sample:
    rng = Random(seed)
    keys = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in texts]
    rows = [Row(key=key, text=text, vector=vector) for key, text, vector in zip(keys, texts, vectors, strict=True)]
    return Sample(rows=rows, questions=list(questions), asked=asked)


def save(sample: Sample, folder: Path) -> None:
    """Writes a sample into a folder, made if need be, for other processes."""
    folder.mkdir(exist_ok=True)
    np.savez(folder / "vectors.npz", stored=np.stack([row.vector for row in sample.rows]), asked=sample.asked)
    texts = {"rows": [[row.key, row.text] for row in sample.rows], "questions": list(sample.questions)}
    (folder / "texts.json").write_text(json.dumps(texts))


def load(folder: Path) -> Sample:
    """What `save` has written."""
    with np.load(folder / "vectors.npz") as vectors:
        stored, asked = vectors["stored"], vectors["asked"]
    texts = json.loads((folder / "texts.json").read_text())
    rows = [Row(key=key, text=text, vector=one) for (key, text), one in zip(texts["rows"], stored, strict=True)]
    return Sample(rows=rows, questions=texts["questions"], asked=asked)


def chosen(n: int, count: int, seed: int) -> tuple[Ints, Ints]:
    """Numbers of rows among the first n: so many that are deleted, and as many that are kept to the end."""
    both = np.random.default_rng(seed).choice(n, 2 * count, replace=False)
    return both[:count], both[count:]
