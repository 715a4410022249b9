"""ask: one recall for what is in weights and what is only in the store.

Who answers is decided by one scale, the log-odds that a memory answers the question (route.py): the weights, where they
were taught it and say it as it was taught; or else the memories in their own words. Where none is near, a question that
only the speaker could answer is told that nothing is remembered, and any other is the base model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memoria.distill.answered import Answered, quoted
from memoria.distill.route import CLOSE, Known, Route, Router, embed, names, said_of, words_of
from memoria.english.kinds import full_names
from memoria.english.voice import asks
from memoria.english.wants import of_oneself
from memoria.protocols import Embedder
from memoria.recall.context import CountTokens, estimate_tokens, line
from memoria.types import Hit, Memory

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.distill.model import DistilledModel

NOTHING = "Nothing is remembered about this."
# What a message costs in a prompt beside its text.
_OVERHEAD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and what recall found for it.

    model: what is distilled; None for nothing. hits: best first. floor: of the router, for this embedder. background:
    unit vectors of questions about no memory. most: tokens of a model's answer.
    """

    text: str
    hits: Sequence[Hit]
    model: DistilledModel | None
    embedder: Embedder
    floor: float
    background: Vectors
    most: int


def ask(asked: Question, *, base: bool = True) -> Answered:
    """The answer to a question, with its tokens. base: whether the base model may answer."""
    told = _told(asked, None if asked.model is None else asked.model.route(asked.text))
    if told is None and base and asked.model is not None and not _only_told(asked):
        (told,) = asked.model.reply_many([asked.text], most=asked.most)
    return _counted(asked, told or Answered(text=NOTHING, source="store"))


def _told(asked: Question, route: Route | None) -> Answered | None:
    """What memories say that are near the question: those in weights by the model, if it may, and all others."""
    rest = _rest(asked)
    found = _among(asked, list(rest.values()))
    if route is None or asked.model is None or not route.memories:
        return None if found is None else quoted([rest[id] for id in found.memories])
    if route.sure or found is None or found.log_odds < route.log_odds - CLOSE:
        (told,) = asked.model.reply_many([asked.text], most=asked.most)
        return told
    beside = [asked.model.memory(id) for id in route.memories] if route.log_odds >= found.log_odds - CLOSE else []
    near = [rest[id] for id in found.memories]
    return quoted([*beside[:1], *near] if route.log_odds > found.log_odds else [*near[:1], *beside, *near[1:]])


def _rest(asked: Question) -> dict[str, Memory]:
    """What was recalled and is not in weights, by id; nothing that only asks, or that was made from what is in them."""
    learnt = set() if asked.model is None else asked.model.learnt
    there = [hit.memory for hit in asked.hits if hit.memory.id not in learnt and not asks(hit.memory.text)]
    return {one.id: one for one in there if learnt.isdisjoint(one.provenance.derived_from)}


def _among(asked: Question, memories: Sequence[Memory]) -> Route | None:
    """The route to memories that are not in weights; None when none of them is near."""
    if not memories:
        return None
    each = [said_of(one) for one in memories]
    vectors = embed(asked.embedder, [text for texts in each for text in texts])
    at, known = 0, list[Known]()
    for one, texts in zip(memories, each, strict=True):
        said, at = vectors[at : at + len(texts)], at + len(texts)
        known.append(Known(memory=one, shard="", questions=said, said=said, words=words_of(one, ())))
    found = Router(asked.embedder, known, asked.background, asked.floor).route(
        asked.text, None if asked.model is None else asked.model.judge
    )
    return found if found.memories else None


def _only_told(asked: Question) -> bool:
    """Whether only the speaker could have told.

    It is about themselves, about somebody who is spoken of here, or about a full name that the base has not heard of.
    """
    if of_oneself(asked.text):
        return True
    judge = None if asked.model is None else asked.model.judge
    if judge is not None and judge.able and not all(map(judge.heard_of, full_names(asked.text))):
        return True
    spoken = {name for hit in asked.hits for name in names(f". {hit.memory.text} {hit.memory.subject or ''}")}
    return bool(names(asked.text) & spoken)


def _counted(asked: Question, told: Answered) -> Answered:
    """The answer with the tokens of its prompt, and those that its memories would have cost in one."""
    count: CountTokens = estimate_tokens if asked.model is None else asked.model.count
    tokens = 0 if told.source == "store" else count(asked.text) + _OVERHEAD
    notes = sum(count(line(hit) + "\n") for hit in asked.hits) if told.memories else 0
    return replace(told, tokens=tokens, saved=notes)
