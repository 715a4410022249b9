"""Pairs of natural talks: what was said, against the nearest things said before, nearly all of which stay true."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoria.learnt.grammar import Pair

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_NEAREST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """ended: values, in lower case, that this turn makes untrue. doubtful: it may change something, not known what."""

    text: str
    ended: tuple[str, ...] = ()
    doubtful: bool = False


def natural(turns: Sequence[Turn], vectors: Sequence[Vectors] | Vectors, count: int, seed: int) -> list[Pair]:
    """Pairs of one talk: each change against what holds its old value, and other turns against their nearest.

    vectors: unit vectors of the turns, shape (n, d). count: about how many pairs that change nothing.
    """
    import numpy as np

    cosines = np.asarray(vectors) @ np.asarray(vectors).T
    rng = random.Random(seed)
    changes = [n for n, one in enumerate(turns) if one.ended]
    found = [pair for n in changes for pair in _changed(turns, n, cosines[n])]
    plain = [n for n, one in enumerate(turns) if n and not one.ended and not one.doubtful]
    for n in rng.sample(plain, min(len(plain), count // 2)):
        nearest = np.argsort(-cosines[n, :n], kind="stable")[:_NEAREST].tolist()
        for other in rng.sample(nearest, min(2, len(nearest))):
            found.append(_pair(turns[n].text, turns[other].text, untrue=False))
    return found


def _changed(turns: Sequence[Turn], n: int, cosines: Vectors) -> list[Pair]:
    """A change against the earlier turns with its old value, the last two of them, and against its nearest others."""
    import numpy as np

    holding = [m for m in range(n) if any(said_in(turns[m].text, value) for value in turns[n].ended)]
    found = [_pair(turns[n].text, turns[m].text, untrue=True) for m in holding[-2:] if not turns[m].ended]
    nearest = [m for m in np.argsort(-cosines[:n], kind="stable").tolist() if m not in holding]
    return found + [_pair(turns[n].text, turns[m].text, untrue=False) for m in nearest[:2]]


def said_in(text: str, value: str) -> bool:
    """Whether a text has a value, given in lower case, as whole words."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text.casefold()) is not None


def _pair(statement: str, memory: str, *, untrue: bool) -> Pair:
    return Pair(statement=statement, memory=memory, untrue=untrue, kind="natural")
