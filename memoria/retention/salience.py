"""Salience: how likely a memory is to be asked for, judged when it is stored, from its text alone and without a model.

A sum of z-scores of simple features, with weights of one or one half: features whose sign is the same in every set that
the weights were fitted to (fitting.py). The fewer numbers are fitted, the better such a sum carries over to data that
was not seen (R. M. Dawes, The robust beauty of improper linear models in decision making, American Psychologist 34,
1979). Means and spreads are those of the last memories of the same namespace, with a prior worth 20 of them, so that
what is ordinary in a namespace counts as such. What is stored is a place: the share of the memories that the weights
were fitted to which have a lower sum.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import InvalidInput
from memoria.retention.prospective import prospective, raised
from memoria.retention.signs import IN_TEXT, of_text
from memoria.text.words import stems

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.protocols import Store

FEATURES: tuple[str, ...] = (*IN_TEXT, "new words", "new share", "rarest", "answers")
"""Names of the features: those of a text by itself, and those of it among the last memories of its namespace.

new words: ln(1 + stems that none of these has). new share: their share. rarest: the highest inverse document frequency
of a stem. answers: whether it follows a question of another speaker in its session.
"""
SIZE = 256
"""Memories that a window holds."""
PRIOR = 20
"""Memories that the prior counts as."""
CUT = 2.5
"""Bound of a z-score, in standard deviations."""
ADOPTED = "salience"
"""The note of a store that holds weights of its own."""
ASSISTANTS = frozenset({"assistant", "ai", "bot", "chatbot", "agent", "model"})
"""What the speaker of an assistant's turns is called."""
_NAMED = ("weights", "means", "spreads")
_LEAST_VARIANCE = 1e-6
_FILE = Path(__file__).with_name("salience.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is judged.

    Attributes:
        text: what is remembered.
        speaker: who said it; None if nobody knows.
        session: in which it was said; None for none.
        on: the day on which it was said, in the speaker's calendar; None if nobody knows, so that no date is to come.
    """

    text: str
    speaker: str | None = None
    session: str | None = None
    on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What features are worth, and what they are like before anything is stored.

    Attributes:
        sources: names of the sets that they were fitted to.
        weights: of the z-score of each feature of `FEATURES`.
        means: of each feature, before any memory is known.
        spreads: standard deviation of each feature, > 0.
        places: sums of z-scores at evenly spaced places in [0, 1], ascending; at least 2.
        assistant: what a turn of an assistant loses, in units of the sum; >= 0. 0 treats speakers alike.
    """

    sources: tuple[str, ...]
    weights: tuple[float, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    places: tuple[float, ...]
    assistant: float = 0.0

    def __post_init__(self) -> None:
        wrong = [
            f"{name} has {len(given)} numbers, not {len(FEATURES)}"
            for name, given in (("weights", self.weights), ("means", self.means), ("spreads", self.spreads))
            if len(given) != len(FEATURES)
        ]
        numbers = (*self.weights, *self.means, *self.spreads, *self.places, self.assistant)
        if not all(map(math.isfinite, numbers)):
            wrong.append("a number is not finite")
        if min(self.spreads, default=1.0) <= 0:
            wrong.append("a spread is not above 0")
        if len(self.places) < 2 or any(one > other for one, other in zip(self.places, self.places[1:], strict=False)):
            wrong.append("places are fewer than 2, or not ascending")
        if self.assistant < 0:
            wrong.append(f"assistant {self.assistant!r} is below 0")
        if wrong:
            raise InvalidInput(*wrong)

    def place(self, total: float) -> float:
        """The share, in [0, 1], of the memories of the fit that have a lower sum of z-scores."""
        after = bisect_right(self.places, total)
        if after in (0, len(self.places)):
            return float(after > 0)
        low, high = self.places[after - 1], self.places[after]
        return (after - 1 + (total - low) / (high - low)) / (len(self.places) - 1)

    @cached_property
    def arrays(self) -> tuple[Floats, Floats, Floats]:
        """Weights, and what the prior adds to the sums of features and of their squares; each of shape (k,)."""
        mean, spread = np.asarray(self.means), np.asarray(self.spreads)
        return np.asarray(self.weights), PRIOR * mean, PRIOR * (spread**2 + mean**2)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: numbers by the names of features."""
        named = {
            name: dict(zip(FEATURES, getattr(self, name), strict=True)) for name in ("weights", "means", "spreads")
        }
        return {"sources": list(self.sources), **named, "places": list(self.places), "assistant": self.assistant}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Weights:
        """From what `to_dict` gave; raises InvalidInput for anything else."""
        try:
            named = {
                name: tuple(float(given[name][one]) for one in FEATURES) for name in ("weights", "means", "spreads")
            }
            places = tuple(map(float, given["places"]))
            return cls(sources=tuple(given["sources"]), places=places, assistant=float(given["assistant"]), **named)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"weights of salience are not as `to_dict` gives them: {error!r}") from None


@cache
def shipped() -> Weights:
    """The weights in the package: salience.json, which says on which sets they were fitted."""
    return Weights.of(json.loads(_FILE.read_text()))


def weights_of(store: Store) -> Weights:
    """The weights that were fitted to a store and adopted; those of the package where there are none."""
    noted = store.note(ADOPTED)
    return Weights.of(json.loads(noted)) if noted else shipped()


def adopt(store: Store, weights: Weights | None) -> None:
    """Lets a store judge by other weights from now on; None takes those of the package again."""
    store.write_note(ADOPTED, "" if weights is None else json.dumps(weights.to_dict()))


@dataclass(slots=True)
class _Seen:
    """A memory in the window. row: of the table. stems: its distinct ones."""

    row: int
    stems: frozenset[str]
    session: str | None
    speaker: str | None
    asks: bool


class Window:
    """The last memories of one namespace: what is ordinary there, and which words are known.

    Everything is counted over the memories in it, in RAM only. One that is dropped, because it was forgotten or because
    others came after it, takes its words and numbers with it.

    Args:
        size: how many memories it holds; at least 1.
    """

    def __init__(self, size: int = SIZE) -> None:
        if size < 1:
            raise InvalidInput(f"size {size!r} is not at least 1")
        self._table = np.zeros((size, len(FEATURES)))
        self._free = list(range(size))[::-1]
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._found: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, id: str) -> bool:
        return id in self._seen

    def copy(self) -> Window:
        """Another window of the same memories, which goes its own way."""
        made = copy(self)
        made._table, made._free = self._table.copy(), self._free.copy()
        made._seen, made._found = self._seen.copy(), self._found.copy()
        return made

    def features(self, turn: Turn) -> Floats:
        """The features of a turn that comes after the memories in the window.

        Returns:
            Numbers of shape (k,), in the order of `FEATURES`.
        """
        return self._features(turn, frozenset(stems(turn.text)))

    def scores(self, row: Floats, weights: Weights) -> Floats:
        """z-scores of a row of features by the memories in the window and the prior, cut at `CUT`; shape (k,)."""
        _, sums, squares = weights.arrays
        count = len(self._seen) + PRIOR
        # Free rows are zero, and add nothing.
        mean = (np.add.reduce(self._table) + sums) / count
        variance = (np.einsum("ij,ij->j", self._table, self._table) + squares) / count - mean * mean
        found: Floats = (row - mean) / np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
        return np.minimum(np.maximum(found, -CUT), CUT)

    def judge(self, turn: Turn, weights: Weights | None = None) -> float:
        """The salience of a turn, if it were the next memory.

        Args:
            turn: what is judged.
            weights: None takes those that ship with the package.

        Returns:
            Its place among the memories of the fit, in [0, 1]; near 1 for what must not be lost (prospective.py).
        """
        return self._judged(self.features(turn), turn, shipped() if weights is None else weights)

    def take(self, id: str, turn: Turn, weights: Weights | None = None) -> float:
        """`judge`, and then `add`, in one: the text is read once."""
        known = frozenset(stems(turn.text))
        row = self._features(turn, known)
        place = self._judged(row, turn, shipped() if weights is None else weights)
        self._add(id, turn, row, known)
        return place

    def add(self, id: str, turn: Turn) -> None:
        """Adds a memory as the latest one; of more than the size, the oldest is dropped. A known id changes nothing."""
        known = frozenset(stems(turn.text))
        self._add(id, turn, self._features(turn, known), known)

    def drop(self, id: str) -> None:
        """Takes a memory out, with all that is counted of it; nothing happens for an unknown id."""
        gone = self._seen.pop(id, None)
        if gone is None:
            return
        self._table[gone.row] = 0.0
        self._free.append(gone.row)
        for stem in gone.stems:
            self._found[stem] -= 1
            if not self._found[stem]:
                del self._found[stem]

    def _add(self, id: str, turn: Turn, row: Floats, known: frozenset[str]) -> None:
        if id in self._seen:
            return
        if not self._free:
            self.drop(next(iter(self._seen)))
        place = self._free.pop()
        self._table[place] = row
        self._found.update(known)
        self._seen[id] = _Seen(place, known, turn.session, turn.speaker, "?" in turn.text)

    def _judged(self, row: Floats, turn: Turn, weights: Weights) -> float:
        total = float(self.scores(row, weights) @ weights.arrays[0])
        if (turn.speaker or "").casefold() in ASSISTANTS:
            return weights.place(total - weights.assistant)
        # An assistant asks nobody to remember, and repeats what the user is to do.
        return raised(weights.place(total), prospective(turn.text, turn.on))

    def _features(self, turn: Turn, known: frozenset[str]) -> Floats:
        often = [self._found.get(stem, 0) for stem in known]
        new = often.count(0)
        rarest = math.log((len(self._seen) + 1) / (min(often) + 0.5)) if often else 0.0
        among = (math.log1p(new), new / max(len(often), 1), rarest, self._answers(turn))
        return np.array([*of_text(turn.text), *among], np.float64)

    def _answers(self, turn: Turn) -> bool:
        """Whether the memory before it in its session asks, and was said by another."""
        if turn.session is None:
            return False
        last = next((one for one in reversed(self._seen.values()) if one.session == turn.session), None)
        return last is not None and last.asks and last.speaker != turn.speaker
