"""The background of an encoder: how near it puts texts that have nothing to do with each other, in each script.

Thresholds are written for all-MiniLM-L6-v2 and English, where unrelated texts are nearly orthogonal. Elsewhere a
threshold stands where it divides what is left between the background's upper end and 1 in the same way:

    t' = 1 - (1 - t) (1 - q) / (1 - q0)      q: .99 quantile of the cosines of unrelated texts, q0: the same in English

It is never lower than t. A model that gives unrelated texts one vector tells nothing in that script: t' is infinite.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria.arrays import Vectors

QUANTILE = 0.99
_ENGLISH = 0.213  # of all-MiniLM-L6-v2
# From this background on, a model does not read the script.
_BLIND = 0.99
# Where a text has letters of kana it is Japanese, however much of it is Han.
_SCRIPTS = {
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "han": re.compile(r"[\u3400-\u9fff]"),
    "thai": re.compile(r"[\u0e00-\u0e7f]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
}
# Words that English has and its neighbours do not: a text in Latin letters without any may be in another language.
_ENGLISH_WORD = re.compile(
    r"(?i)\b(the|is|are|was|were|been|and|of|to|with|my|her|his|she|he|they|their|has|have|had|for|at|it|its|that|this"
    r"|not|you|your|we|our|from|by|does|did|will|would|can|should|likes?|wants?|uses?|takes?|works?|lives?)\b|\bI\b|n't\b"
)
_LETTER = re.compile(r"[^\W\d_]")


def script(text: str) -> str:
    """The script of most letters of a text; "other" for one that has no background of its own.

    "english" is a text in Latin letters with a word that tells, and one without letters.
    """
    letters = len(_LETTER.findall(text))
    if not letters:
        return "english"
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    if counts["kana"]:
        counts["kana"] += counts.pop("han")
    best = max(counts, key=counts.__getitem__)
    if 2 * counts[best] < letters:
        return "other"
    return "english" if best == "latin" and _ENGLISH_WORD.search(text) else best


@cache
def sentences() -> Mapping[str, Sequence[str]]:
    """Sentences of ours that have nothing to do with each other, by script."""
    found: dict[str, list[str]] = json.loads((Path(__file__).parent / "background.json").read_text("utf-8"))
    return found


def level(vectors: Vectors) -> float:
    """The upper end of the cosines of unrelated texts. vectors: unit vectors, shape (n, d), n > 1."""
    import numpy as np

    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return round(float(np.quantile(cosines, QUANTILE)), 4)


def raised(threshold: float, level: float) -> float:
    """A threshold of English and all-MiniLM-L6-v2, for a background of this level; never lower than it was."""
    if level >= _BLIND:
        return math.inf
    return max(threshold, 1 - (1 - threshold) * (1 - level) / (1 - _ENGLISH))


def as_english(cosine: float, level: float) -> float:
    """The inverse of `raised`: what a cosine is worth in English with all-MiniLM-L6-v2; never more than it was."""
    if level >= _BLIND:
        return 0.0
    return min(cosine, 1 - (1 - cosine) * (1 - _ENGLISH) / (1 - level))


# Measured with `level`; tests compare them with what the models give.
KNOWN: Mapping[str, Mapping[str, float]] = {
    "all-MiniLM-L6-v2": {
        "english": 0.213,
        "latin": 0.7807,
        "cyrillic": 0.7739,
        "arabic": 0.8557,
        "devanagari": 0.8908,
        "han": 0.7875,
        "kana": 0.7048,
        "thai": 1.0,
    },
    "all-mpnet-base-v2": {
        "english": 0.2393,
        "latin": 0.7991,
        "cyrillic": 0.8099,
        "arabic": 0.9081,
        "devanagari": 0.9106,
        "han": 0.8215,
        "kana": 0.7136,
        "thai": 1.0,
    },
    "multilingual-e5-small": {
        "english": 0.8276,
        "latin": 0.8913,
        "cyrillic": 0.8588,
        "arabic": 0.8862,
        "devanagari": 0.8672,
        "han": 0.8899,
        "kana": 0.8954,
        "thai": 0.8996,
    },
}
