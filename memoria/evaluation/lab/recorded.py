"""Traces from what was recorded: conversations with questions, and a store's own log of recalls.

A conversation's turns are remembered in order and all questions come at the end; a miss is final. Between, nothing is
used, unless `recalls` says how many earlier turns an agent would recall, by words, at each new one: these are used.

Salience is a judgement at encoding: `saliences` has those that are offered.

For each question the turns are ranked by words (BM25), as a search would bring them up if all were kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import InvalidQuery
from memoria.evaluation.lab import saliences, settling
from memoria.evaluation.lab.events import Events, Gathered, Item
from memoria.evaluation.lab.settling import Ended
from memoria.evaluation.quality.datasets import Conversation
from memoria.protocols import Store
from memoria.text.lexical import LexicalIndex
from memoria.text.words import question
from memoria.traces import micros
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.remember import Draft

_SLOT = 1024
# Ten are shown: at a tenth of memory, that many of a hundred are left.
_DEPTH = 100


def conversations(
    talks: Sequence[Conversation],
    *,
    recalls: int = 0,
    salience: str = "flat",
    others: saliences.Others | None = None,
    units: Sequence[str] | None = None,
    settled: bool = False,
) -> list[Events]:
    """A trace for each conversation that has questions, which some must have.

    recalls: how many earlier turns are used at each new one; >= 0. others, units: as in `saliences.judged`. settled:
    whether turns end when a later one says so, as `settling` finds. Raises InvalidInput for an unknown salience.
    """
    names = [one.name for one in talks] if units is None else units
    asked = [(one, name) for one, name in zip(talks, names, strict=True) if one.asked]
    talks = [one for one, _ in asked]
    judged = saliences.judged(talks, salience, others=others, units=[name for _, name in asked])
    over = settling.ended(talks, [name for _, name in asked]) if settled else [{}] * len(talks)
    return [_talk(*each, recalls) for each in zip(talks, judged, over, strict=True)]


def _talk(one: Conversation, salience: Floats, over: Ended, recalls: int) -> Events:
    gathered = Gathered(one.name, relearns=False)
    used = _recalled(one, recalls) if recalls else [()] * len(one.drafts)
    last = 0
    for place, (draft, some) in enumerate(zip(one.drafts, used, strict=True)):
        # Turns of a session share a time; a microsecond each keeps them apart, and in the order in which they stand.
        last = max(_time(one, draft), last + 1)
        for earlier in some:
            gathered.add(last, "use", earlier)
        gathered.add(last, "remember", place)
        for earlier in over.get(place, ()):
            gathered.add(last, "end", earlier)
    for number, asked in enumerate(one.asked):
        for kind, facts in (("need", asked.relevant), ("avoid", asked.stale)):
            for fact, places in enumerate(facts):
                for place in sorted(places):
                    gathered.add(last, kind, place, question=number, fact=fact)
    gathered.rankings = _searched(one)
    gathered.known = {
        str(place): Item(size=_SLOT + len(draft.text.encode()), salience=float(salience[place]))
        for place, draft in enumerate(one.drafts)
    }
    return gathered.done()


def _time(one: Conversation, draft: Draft) -> int:
    return micros(one.until if draft.created_at is None else draft.created_at)


def _recalled(one: Conversation, k: int) -> list[list[int]]:
    """For each turn, the k earlier ones that are best by words."""
    index, found = LexicalIndex(), []
    for place, draft in enumerate(one.drafts):
        found.append(index.best(question(draft.text).words, None, k).tolist())
        index.add(place, draft.memory("0" * 32, (), one.until))
    return found


def _searched(one: Conversation) -> dict[str, list[str]]:
    """For each question, the turns that a search by words ranks first."""
    index = LexicalIndex()
    for place, draft in enumerate(one.drafts):
        index.add(place, draft.memory("0" * 32, (), one.until))
    found = {}
    for number, asked in enumerate(one.asked):
        words, _ = index.without_speakers(question(asked.text))
        docs = index.best(words, None, _DEPTH)
        order = np.argsort(-index.score(words, docs), kind="stable")
        found[str(number)] = [str(place) for place in docs[order].tolist()]
    return found


def log(store: Store, prefix: Namespace = ()) -> Events:
    """What the store itself knows: when each memory under `prefix` was encoded, and when it was looked for.

    Recalls of one moment are one question. What was forgotten is not in the log any more, so that the trace is of what
    is left. Raises InvalidQuery for an empty log.
    """
    gathered = Gathered("log", relearns=False)
    known, born = {}, {}
    for namespace in store.namespaces(prefix):
        ids, traces, sizes = store.holdings(namespace)
        columns = (ids, traces.encoded_at.tolist(), traces.salience.tolist(), sizes.tolist())
        for id, at, salience, size in zip(*columns, strict=True):
            born[id] = at
            known[id] = Item(size=max(size, 1), salience=salience, topic=store.alias(namespace))
    for id, at in sorted(born.items(), key=lambda one: (one[1], one[0])):
        gathered.add(at, "remember", id)
    asked: dict[int, list[str]] = defaultdict(list)
    for line in store.recalls(prefix):
        if micros(line.at) >= born.get(line.id, micros(line.at) + 1):
            asked[micros(line.at)].append(line.id)
    for at, some in asked.items():
        for id in dict.fromkeys(some):
            gathered.add(at, "need", id, question=at, fact=id)
    if not asked:
        raise InvalidQuery("the log of recalls is empty: use the store with reinforcement for a while")
    gathered.known = known
    return gathered.done()
