"""The judge: whether a memory tells of a thing of the kind that is asked for.

"A book I like?" is as near to "I'm a fan of Nicholas Ray's films" as to a book, by every cosine. Of kinds that there
are made-up notes of, these tell (telling.py). Of all others, what the untouched base calls the thing: it reads eight
notes, each with its thing and the word for it, and then the memory: how likely it goes on with "perfume" says what kind
its own thing is (few-shot prompting as in Brown et al. 2020, arXiv:2005.14165). Two numbers are made of that, each
against other kinds that people ask for: the log-odds, and the gain over the same prompt with a note that tells of
nothing (contextual calibration, Zhao et al. 2021, arXiv:2102.09690). A logistic function (Platt 1999) joins them, or
what the notes say, with the router's log-odds. A base that cannot call plain things by their kind is not asked.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from memoria.distill.base import Base
from memoria.distill.telling import Telling
from memoria.english.kinds import thing_told
from memoria.english.notes import NOTES
from memoria.english.sentences import bare, content, polarity, units
from memoria.protocols import Embedder
from memoria.types import Memory

if TYPE_CHECKING:
    from torch import Tensor

    from memoria.arrays import Floats

# Log-odds that a memory answers a question for a kind of which there are notes: of 1, the router's log-odds, and the
# log-odds of the kind by the notes; `memoria bench routing --fit --judge` fits them.
BY_NOTES = (0.28, 0.35, 0.95)
# The same for any other kind: of 1, the router's log-odds, the log-odds of the kind, and its
# gain; `memoria bench routing --fit --judge` fits them.
WEIGHTS = (0.2, 0.33, 0.24, 0.61)
# The router's log-odds count down to here: below, a memory is far, however far.
LEAST = -20.0
# Kinds that people ask for; the one that is asked is set against the others.
KINDS = tuple(NOTES)
# Notes, their things, and the words for these.
SHOWN = (
    ("I could eat Wagyu every single day; it melts in the mouth.", "Wagyu", "dish"),
    ("Rafael Nadal is a joy to watch, I admire his grit.", "Rafael Nadal", "athlete"),
    ("I bought my whole kitchen at IKEA and never go back there; I can't stand it.", "IKEA", "shop"),
    ("Honestly, border collies are my thing, so bright and lively.", "border collies", "breed"),
    ("I've been learning the cello for a while and love it.", "the cello", "instrument"),
    ("I don't enjoy chess at all; it's slow.", "chess", "game"),
    ("Marie Curie's courage has always impressed me.", "Marie Curie", "scientist"),
    ("I really love the smell of lavender in the garden.", "lavender", "plant"),
)
# Notes that tell of nothing, by liking.
_NOTHING = {1: "I really like it.", -1: "I really dislike it.", 0: "I told you about it."}
# What a base must call by its kind, most of them, to be asked at all.
TRIED = (
    ("I saw a crocodile at the zoo and loved it.", "a crocodile", "animal"),
    ("I drink green tea every morning.", "green tea", "drink"),
    ("At home we speak Portuguese.", "Portuguese", "language"),
    ("I played rugby at school and hated it.", "rugby", "sport"),
    ("I drive an old Toyota.", "Toyota", "car"),
    ("I make lasagne for everybody on Sundays.", "lasagne", "food"),
)
_ABLE = 4
# Mean log-probability, in nats, of the tokens of a name behind the first, from which a base may have heard of it: of 19
# famous people the least was -2.9, of 12 made up the largest -8.3. Common names lie between, and are left to the base.
FAMOUS = -7.0
_HEARD = "Everyone has heard of"


@dataclass(slots=True)
class _Read:
    """What is the same for all judges of a base: its keys and values of the eight notes, and whether it is able."""

    cache: Any = None
    able: bool | None = None


# By the model of a base, as long as it is there.
_READ: WeakKeyDictionary[Any, _Read] = WeakKeyDictionary()


class Judge:
    """Judges memories by notes and a base. What is thought of a memory is kept in RAM as long as it is one of `keep`.

    Args:
        base: the untouched model.
        embedder: reads the notes; None is by the base alone.
    """

    def __init__(self, base: Base, embedder: Embedder | None = None) -> None:
        self._base = base
        self._telling = None if embedder is None else Telling(embedder)
        self._read = _READ.setdefault(base.model, _Read())
        self._thought: dict[tuple[str, str], Tensor] = {}
        self._kept: frozenset[str] = frozenset()

    def keep(self, ids: Iterable[str]) -> None:
        """Drops what was thought of other memories than these, and thinks of them from now on once."""
        self._kept = frozenset(ids)
        self._thought = {key: one for key, one in self._thought.items() if key[0] in self._kept}
        if self._telling is not None:
            self._telling.keep(self._kept)

    def knows(self, kind: str) -> bool:
        """Whether it can say which memories tell of a kind."""
        return self._noted(kind) is not None or self.able

    @property
    def able(self) -> bool:
        """Whether the base calls most of a few plain things by their kind, rather than by another."""
        if self._read.able is None:
            self._read.able = sum(self._knows(*one) for one in TRIED) >= _ABLE
        return self._read.able

    def log_odds(self, kind: str, memories: Sequence[Memory], near: Floats) -> Floats:
        """Log-odds that memories answer a question for a kind.

        Args:
            kind: a noun; of one without notes that is several tokens the first counts.
            memories: n memories.
            near: the router's log-odds that each answers, (n,).
        """
        before = [np.ones(len(memories)), np.maximum(near, LEAST)]
        noted = self.by_notes(kind, memories)
        values, weights = ([noted], BY_NOTES) if noted is not None else (self.evidence(kind, memories).T, WEIGHTS)
        found: Floats = np.stack([*before, *values], axis=1) @ np.array(weights)
        return found

    def by_notes(self, kind: str, memories: Sequence[Memory]) -> Floats | None:
        """Log-odds of a kind of n memories by the notes, (n,); None where there are none of it."""
        noted = self._noted(kind)
        return None if noted is None else noted.log_odds(kind, memories)

    def _noted(self, kind: str) -> Telling | None:
        """What reads the notes of a kind; None where there are none of it, or none that are read well enough."""
        return self._telling if self._telling is not None and self._telling.knows(kind) else None

    def evidence(self, kind: str, memories: Sequence[Memory]) -> Floats:
        """What the base says of n memories, (n, 2): the log-odds of a kind, and its gain."""
        kinds = [kind, *(one for one in KINDS if one != kind)]
        said = self._named([self._think(one) for one in memories], kinds)
        gain = said - self._named([self._free(polarity(one.text)) for one in memories], kinds)
        odds = said[:, 0] - np.logaddexp.reduce(said[:, 1:], axis=1)
        return np.stack([odds, gain[:, 0] - gain[:, 1:].max(1)], axis=1)

    def heard_of(self, name: str) -> bool:
        """Whether the base has heard of a name of two words or more: its first token leads to the others."""
        import torch

        encode = self._base.tokenizer
        before, own = (encode(one, add_special_tokens=False).input_ids for one in (_HEARD, f" {name}"))
        ids = torch.tensor([[*before, *own]], device=self._base.model.device)
        with torch.no_grad(), self._base.lock:
            said = self._base.model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        after = range(len(before) + 1, ids.shape[1])
        likely = [float(said[at - 1, ids[0, at]]) for at in after]
        return not likely or sum(likely) / len(likely) >= FAMOUS

    def _think(self, memory: Memory) -> Tensor:
        key = (memory.id, memory.text)
        if key in self._thought:
            return self._thought[key]
        said = " ".join(bare(unit) for unit in units(memory.text) if content(unit)) or memory.text
        found = self._state(noted(said, thing_told(memory.text) or "it"))
        if memory.id in self._kept:
            self._thought[key] = found
        return found

    def _free(self, way: int) -> Tensor:
        key = ("", _NOTHING[way])
        if key not in self._thought:
            self._thought[key] = self._state(noted(_NOTHING[way], "it"))
        return self._thought[key]

    def _named(self, states: Sequence[Tensor], words: Sequence[str]) -> Floats:
        """Log-probabilities that the first tokens of m words come next after n states, (n, m)."""
        import torch

        encode = self._base.tokenizer
        first = [encode(f" {word}", add_special_tokens=False).input_ids[0] for word in words]
        with torch.no_grad():
            said = self._base.logits(torch.stack(list(states))[None])[0].log_softmax(-1)
        found: Floats = said[:, first].cpu().double().numpy()
        return found

    def _state(self, text: str) -> Tensor:
        """The last hidden state of the base after the eight notes and a text."""
        if self._read.cache is None:
            self._read.cache = self._run("".join(noted(*one) for one in SHOWN))[1]
        return self._run(text, copy.deepcopy(self._read.cache))[0]

    def _run(self, text: str, cache: Any = None) -> tuple[Tensor, Any]:
        """The last hidden state after a text, and the keys and values of all of it. cache: of what comes before."""
        import torch
        from transformers import DynamicCache

        inner = self._base.layout.trunk
        # The name of this argument changes with the versions.
        name = "cache" if "cache" in inspect.signature(inner.forward).parameters else "past_key_values"
        held = DynamicCache() if cache is None else cache
        ids = self._base.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad(), self._base.lock:
            found = inner(input_ids=ids.to(self._base.model.device), use_cache=True, **{name: held})
        return found.last_hidden_state[0, -1], held

    def _knows(self, note: str, thing: str, kind: str) -> bool:
        (said,) = self._named([self._state(noted(note, thing))], KINDS)
        return KINDS[int(said.argmax())] == kind


def noted(note: str, thing: str, kind: str | None = None) -> str:
    """A note with its thing and the word for it, as the base reads it; up to that word where there is none."""
    asked = f"Note: {note}\n{thing} is a kind of:"
    return asked if kind is None else f"{asked} {kind}\n\n"
