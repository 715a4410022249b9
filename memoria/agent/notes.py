"""Which recalled memories come first as notes: what somebody said before what only says it again, or asks for it.

What a model said is no evidence, whether it says a note back or invents something. So a reply of the agent is no note,
unless the message asks for what the agent said; it only brings along the sentences that it repeats, where they were not
recalled. A reply that is asked for and adds nothing comes after everything else, or not at all when it is in doubt; a
question that asks what the message asks comes last, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memoria.engine.memory import Memoria
from memoria.english.sentences import content
from memoria.english.wants import own_reply
from memoria.recall.echo import ENOUGH, ends_asking, says_again, told
from memoria.types import Hit, Memory

SAID_AGAIN = "said again"
"""The only term of a memory that was not recalled, and is shown because a reply that was repeats it."""


def ordered(
    memory: Memoria,
    hits: Sequence[Hit],
    message: str,
    shown: Collection[str],
    at: datetime | None,
    *,
    mine: Callable[[Memory], bool] = lambda _: False,
) -> list[Hit]:
    """The hits in the order in which they may become notes.

    Args:
        memory: the view that they come from.
        hits: best first.
        message: what the user says.
        shown: ids of the turns that the prompt shows anyway.
        at: the time that the message is about, as of then; None is now.
        mine: whether the agent itself said a memory.

    Returns:
        All of them but replies of the agent that are not asked for, or only say again what is in doubt; and the
        sentences that replies among them repeat.
    """
    here = {hit.memory.id: hit for hit in hits}
    sources = _sources(memory, hits)
    wanted, replies = set(content(message)), own_reply(message)
    first, last = dict[str, Hit](), dict[str, Hit]()
    for hit in hits:
        repeated = [sources[id] for id in _roots(hit.memory, sources)]
        for one in repeated:
            if one.id in here:
                first.setdefault(one.id, here[one.id])
            elif at is None and one.id not in shown and _stands(memory, one):
                first.setdefault(one.id, _instead(memory, hit, one))
        if mine(hit.memory) and not replies:
            continue
        echo = _adds_nothing(hit.memory, sources)
        if not (echo and hit.doubted_by):
            late = echo or _asked_before(hit.memory, wanted)
            (last if late else first).setdefault(hit.memory.id, hit)
    return [*first.values(), *(hit for id, hit in last.items() if id not in first)]


def _sources(memory: Memoria, hits: Iterable[Hit]) -> dict[str, Memory]:
    """What replies among the hits repeat, directly or not, by id; what is archived or in a gist is not among it."""
    found: dict[str, Memory] = {}
    front = {id for hit in hits for id in hit.memory.provenance.used or ()}
    while front:
        records = [
            one
            for one in memory.store.read(sorted(front))
            if one is not None and not (one.trace.archived or one.trace.restricted)
        ]
        found |= {one.memory.id: one.memory for one in records}
        front = {id for one in records for id in one.memory.provenance.used or ()} - found.keys()
    return found


def _roots(reply: Memory, sources: Mapping[str, Memory]) -> list[str]:
    """Ids of the sentences that a reply repeats and that nobody made of others: no reply, and no question."""
    said = told(reply.text)
    found, front = dict[str, None](), list(reply.provenance.used or ())
    while front:
        there = [id for id in dict.fromkeys(front) if id in sources and id not in found]
        found |= dict.fromkeys(there)
        front = [id for one in there for id in sources[one].provenance.used or ()]
    plain = [id for id in found if sources[id].provenance.used is None and not ends_asking(sources[id].text)]
    return [id for id in plain if says_again(said, set(content(sources[id].text)))]


def _adds_nothing(reply: Memory, sources: Mapping[str, Memory]) -> bool:
    """Whether most of what a reply says is in the sentences that it repeats."""
    said = told(reply.text)
    known = {word for id in _roots(reply, sources) for word in content(sources[id].text)}
    return bool(said) and len(said & known) >= ENOUGH * len(said)


def _asked_before(one: Memory, wanted: set[str]) -> bool:
    """Whether a memory asks what the message asks, and says nothing."""
    return ends_asking(one.text) and not told(one.text) and says_again(content(one.text), wanted)


def _stands(memory: Memoria, one: Memory) -> bool:
    return one.under(memory.prefix) and one.holds(memory.now())


def _instead(memory: Memoria, reply: Hit, one: Memory) -> Hit:
    """A hit for a sentence that was not recalled, with the score of the reply that repeats it."""
    made = replace(reply, memory=one, terms={SAID_AGAIN: reply.score}, passage=None, in_part=False)
    return made.reporting(memory.reinforce) if memory.reinforces == "used" else made
