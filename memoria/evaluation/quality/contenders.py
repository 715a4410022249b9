"""What the learnt judge is compared with: nearness, boosting on cheap features, and the rules for English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from memoria.english.detect import by_rules
from memoria.extras import need
from memoria.learnt.grammar import Pair
from memoria.protocols import Embedder
from memoria.text.words import stems
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.arrays import Floats

_DAY = datetime(2026, 3, 2, tzinfo=UTC)
_CUES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"\bno longer\b|\bany ?more\b",
        r"\bnow\b|\bthese days\b|\bfrom now on\b",
        r"\bused to\b|\bbefore\b|\buntil\b",
        r"\binstead\b|\breplac\w+|\bswapp?\w*|\bswitch\w*",
        r"\bchang\w+|\bmov\w+|\bupdat\w+|\bcorrect\w+",
        r"\bcancel\w*|\bstopp?\w*|\bquit\b|\bgave up\b|\bover\b|\boff\b",
        r"\bnot\b|n't\b|\bnever\b",
        r"\bif\b|\bmight\b|\bmaybe\b|\bperhaps\b|\bsuppose\b|\bcould\b|\bwould\b|\bthinking\b",
        r"\balso\b|\btoo\b|\bas well\b|\bbesides\b",
        r"\?",
        r"\"",
        r"\d",
    )
)


def by_cosine(pairs: Sequence[Pair], embedder: Embedder) -> Floats:
    """How near statement and memory are, shape (n,)."""
    import numpy as np

    said = embedder.embed([one.statement for one in pairs])
    kept = embedder.embed([one.memory for one in pairs])
    cosines: Floats = np.einsum("nd,nd->n", said, kept).astype(np.float64)
    return cosines


def by_boosting(known: Sequence[Pair], pairs: Sequence[Pair], embedder: Embedder) -> Floats:
    """Boosted trees on cosine, shared words, lengths and cues, fitted to known pairs; log-odds, shape (n,)."""
    need("sklearn")
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(random_state=0, max_iter=200)
    trees.fit(_features(known, embedder), [one.untrue for one in known])
    scores: Floats = trees.decision_function(_features(pairs, embedder))
    return scores


def _features(pairs: Sequence[Pair], embedder: Embedder) -> Floats:
    import numpy as np

    rows = [[*_shared(one), *_cues(one.statement), *_cues(one.memory)] for one in pairs]
    return np.column_stack([by_cosine(pairs, embedder), np.array(rows, np.float64)])


def _shared(pair: Pair) -> list[float]:
    said, kept = set(stems(pair.statement)), set(stems(pair.memory))
    both = len(said & kept)
    return [both, both / max(len(said), 1), both / max(len(kept), 1), len(said), len(kept)]


def _cues(text: str) -> list[float]:
    return [float(cue.search(text) is not None) for cue in _CUES]


def ends_by_rules(pairs: Sequence[Pair]) -> Floats:
    """1 where the rules end or amend the memory, and 0."""
    import numpy as np

    return np.array([float(rules_end(one.statement, [one.memory])[0]) for one in pairs])


def rules_end(statement: str, texts: Sequence[str]) -> list[bool]:
    """Which of some memories the rules end or amend."""
    memories = [_memory(text, n) for n, text in enumerate(texts)]
    found = by_rules(_memory(statement, len(texts)), memories)
    gone = {id for one in found for id in (*one.ends, *(id for id, _ in one.amends))}
    return [one.id in gone for one in memories]


def _memory(text: str, n: int) -> Memory:
    return Memory(id=f"{n:032x}", namespace=(), text=text, created_at=_DAY + timedelta(minutes=n))
