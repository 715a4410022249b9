"""Salience in the lab: how much each turn of a conversation is judged to matter when it is heard.

flat, 0.5 for all. length, one hundredth for each word. text, what memoria itself judges when it remembers: with the
weights that it ships, or, as `text:PATHS`, with weights that are fitted in the same way to other sources and nothing of
this one. fitted, how likely a turn is to be needed, by logistic regression on what its words look like: learnt from
other conversations of the same source, or, as `fitted:PATHS`, from other sources. What is learnt within a source, or
from it, says less: its conversations are alike, and a new agent's are not.

The target of a fit is what a turn is worth as evidence. A fact that stands in n turns is worth 1/n in each, for any of
them would do: otherwise words that occur everywhere look as if they were what questions are about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import InvalidInput
from memoria.evaluation.quality.datasets import Conversation
from memoria.evaluation.quality.retained_sets import Case, Moment, turn
from memoria.retention.salience import Weights, shipped
from memoria.retention.salience_fit import fitted
from memoria.retention.salience_fit import judged as as_stored
from memoria.text.words import plain_words, stems

if TYPE_CHECKING:
    from memoria.arrays import Floats

KINDS = ("flat", "length", "text", "fitted")
LEARNT = ("text", "fitted")
"""Kinds that can be learnt from other sources."""
Others = Mapping[str, Sequence[Conversation]]
_FLAT = 0.5
_LONGEST = 100
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z]")
_RIDGE = 1.0
_STEPS = 30


def judged(
    talks: Sequence[Conversation],
    kind: str,
    *,
    others: Others | None = None,
    units: Sequence[str] | None = None,
) -> list[Floats]:
    """The salience of each turn of each conversation, in [0, 1]; shapes (n,).

    others: for kinds of `LEARNT`, by name, the sources to learn from, each of which counts the same; None lets "text"
    use the weights that ship, and "fitted" learn each conversation's from the others here. units: whose conversation
    each is, where several are beginnings of one; None where each stands for itself. Raises InvalidInput for a kind that
    is none, or nobody to learn from.
    """
    if kind not in KINDS or (others is not None and kind not in LEARNT):
        named = ", ".join((*KINDS, *(f"{one}:PATH" for one in LEARNT)))
        raise InvalidInput(f"salience {kind!r} is not one of {named}")
    if kind == "flat":
        return [np.full(len(one.drafts), _FLAT) for one in talks]
    if kind == "length":
        return [np.array([min(len(plain_words(d.text)) / _LONGEST, 1.0) for d in one.drafts]) for one in talks]
    names = units or [one.name for one in talks]
    if kind == "text":
        return _of_text(talks, names, shipped() if others is None else refitted(others))
    if others is None:
        return _across(talks, names)
    model = _Model.learnt([list(map(_lesson, some)) for some in others.values()])
    return [model.places(features(one)) for one in talks]


def refitted(others: Others) -> Weights:
    """The weights of memoria's own salience, if they were fitted to these sources."""
    return fitted({name: [_case(one).sample() for one in talks] for name, talks in others.items()})


def _case(one: Conversation) -> Case:
    moment = Moment(known=len(one.drafts), asked=one.asked, until=one.until)
    return Case(name=one.name, drafts=one.drafts, moments=(moment,))


def _of_text(talks: Sequence[Conversation], names: Sequence[str], weights: Weights) -> list[Floats]:
    """What a store would judge of each turn when it comes. Beginnings of one conversation are judged once."""
    whole: dict[str, Conversation] = {}
    for name, one in zip(names, talks, strict=True):
        if name not in whole or len(one.drafts) > len(whole[name].drafts):
            whole[name] = one
    found = {name: as_stored(list(map(turn, one.drafts)), weights) for name, one in whole.items()}
    return [found[name][: len(one.drafts)] for name, one in zip(names, talks, strict=True)]


def _across(talks: Sequence[Conversation], names: Sequence[str]) -> list[Floats]:
    """Salience of each conversation, learnt from those of other names."""
    if len(set(names)) < 2:
        raise InvalidInput("salience 'fitted' learns from other conversations, and there is only one")
    lessons = list(map(_lesson, talks))
    models = {
        left: _Model.learnt([[one for one, name in zip(lessons, names, strict=True) if name != left]])
        for left in dict.fromkeys(names)
    }
    return [models[name].places(one.table) for name, one in zip(names, lessons, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lesson:
    """table: features of a conversation's turns, shape (n, k). worth: what each is as evidence, shape (n,)."""

    table: Floats
    worth: Floats


def _lesson(one: Conversation) -> _Lesson:
    return _Lesson(table=features(one), worth=np.minimum(worth(one), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """weights, shape (k,). known: scores of what it was learnt from, ascending, and the sum of weights up to each."""

    weights: Floats
    known: Floats
    mass: Floats

    @classmethod
    def learnt(cls, sources: Sequence[Sequence[_Lesson]]) -> _Model:
        """From sources of which each counts the same, however many turns it has."""
        tables = [np.concatenate([one.table for one in some]) for some in sources]
        total = sum(map(len, tables))
        shares = np.concatenate([np.full(len(table), total / len(tables) / len(table)) for table in tables])
        table = np.concatenate(tables)
        weights = logistic(table, np.concatenate([one.worth for some in sources for one in some]), shares)
        order = np.argsort(table @ weights, kind="stable")
        mass = np.concatenate([[0.0], np.cumsum(shares[order])]) / total
        return cls(weights=weights, known=(table @ weights)[order], mass=mass)

    def places(self, table: Floats) -> Floats:
        """The share of what was learnt from that scores below each turn, in [0, 1]."""
        out: Floats = self.mass[np.searchsorted(self.known, table @ self.weights)]
        return out


def worth(one: Conversation) -> Floats:
    """What each turn is worth as evidence, shape (n,): of each distinct fact 1/n where n turns hold it.

    Sums to the number of distinct facts.
    """
    out = np.zeros(len(one.drafts))
    for places in {places for asked in one.asked for places in asked.relevant}:
        out[list(places)] += 1.0 / len(places)
    return out


def features(one: Conversation) -> Floats:
    """What can be seen of each turn when it comes, shape (n, 6): 1, ln(1 + words), whether it has a number, capitals

    inside sentences, whether it asks, and the share of its words that the conversation had not had before.
    """
    seen: set[str] = set()
    rows = []
    for draft in one.drafts:
        words = stems(draft.text)
        fresh = [word for word in words if word not in seen]
        seen.update(words)
        rows.append(
            (
                1.0,
                np.log1p(len(words)),
                float(any(char.isdigit() for char in draft.text)),
                float(len(_CAPITAL.findall(draft.text))),
                float("?" in draft.text),
                len(fresh) / max(len(words), 1),
            )
        )
    return np.array(rows)


def logistic(table: Floats, target: Floats, shares: Floats | None = None) -> Floats:
    """Weights of a logistic regression with a ridge, by Newton's method.

    table: (n, k). target: (n,), in [0, 1]. shares: how much each row counts, (n,); 1 each for None.
    """
    counts = np.ones(len(target)) if shares is None else shares
    weights = np.zeros(table.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        slope = table.T @ (counts * (target - chance)) - _RIDGE * weights
        curve = (table * (counts * chance * (1 - chance))[:, None]).T @ table + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights
