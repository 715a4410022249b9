"""Replies that say again what has ended since: recall leaves them out, as it leaves out what has ended.

A reply that recorded what it used (`Provenance.used`) ends with it: when it has a telling word of what has ended since
it was said, which is in nothing else that it used and that still holds, and in nothing that took the place of one.

Of a reply without that record all sources count. It is outdated only when, besides, it has no telling word of its own:
what it says is in its sources then, and what still holds of it is found there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from memoria.derived.gist import opposes
from memoria.derived.lineage import living
from memoria.derived.validity import as_known
from memoria.english.sentences import content
from memoria.protocols import Store
from memoria.recall.echo import ends_asking, says_again, told
from memoria.types import Memory

CHAT = "chat"
"""Source of turns. What is extracted from them, or stored by a tool, has another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """What replies were made from, and what took its place, as of a time.

    Attributes:
        at: the time.
        all: memories by id.
        ends: until when each is valid; None is no end.
        successors: ids of what superseded each, directly or not.
        reworded: ids of what superseded something: what a user's own words were reworded to is no reply.
        language: of the store; None tells it by each text.
    """

    at: datetime
    all: Mapping[str, Memory]
    ends: Mapping[str, datetime | None]
    successors: Mapping[str, Collection[str]]
    reworded: Collection[str]
    language: str | None = None

    def outdate(self, reply: Memory) -> bool:
        """Whether a reply is outdated."""
        if not self._rests_on_ended(reply):
            return False
        recorded = reply.provenance.used is not None
        there = self._used(reply) if recorded else self._there(reply.provenance.derived_from)
        since = [one for one in there if self._ended(one.id) and self._held(one, reply)]
        if not since:
            return False
        said = told(reply.text) if recorded else set(content(reply.text))
        if not recorded and not said <= _words(there):
            return False
        later = {id for one in there if self._ended(one.id) for id in self.successors.get(one.id, ())}
        current = [self.all[id] for id in later if not self._ended(id)]
        current += [one for one in there if not self._ended(one.id) and self._asserts(one)]
        if not said & _words(since) - _words(current):
            return False
        return not any(opposes(one.text, reply.text, self.language) for one in since)

    def _rests_on_ended(self, reply: Memory) -> bool:
        """Whether anything that a reply was made from, directly or not, has ended: no text is read for it."""
        found, front = set[str](), set(_made_from(reply))
        while front:
            if any(id in self.all and self._ended(id) for id in front):
                return True
            found |= front
            front = set(_below(self._there(front))) - found
        return False

    def _used(self, reply: Memory) -> list[Memory]:
        """What a reply says again: what it used, and what this was made from in turn."""
        said = told(reply.text)
        direct = self._there(reply.provenance.used or ())
        found, front = {one.id: one for one in direct}, direct
        while front:
            front = [one for one in self._there(_below(front)) if one.id not in found]
            front = [one for one in front if says_again(said, set(content(one.text)))]
            found |= {one.id: one for one in front}
        return list(found.values())

    def _there(self, ids: Iterable[str]) -> list[Memory]:
        return [self.all[id] for id in dict.fromkeys(ids) if id in self.all]

    def _ended(self, id: str) -> bool:
        end = self.ends[id]
        return end is not None and end <= self.at

    def _held(self, one: Memory, reply: Memory) -> bool:
        """Whether a source was still valid when the reply was said."""
        end = self.ends[one.id]
        return end is None or reply.created_at < end

    def _asserts(self, one: Memory) -> bool:
        """Whether a source says something of its own: no reply, and no question."""
        return (one.id in self.reworded or not _is_turn(one)) and not ends_asking(one.text)


def outdated(store: Store, memories: Sequence[Memory], at: datetime, *, known: bool = False) -> set[str]:
    """Finds replies that say again what has ended.

    Args:
        store: where their sources are.
        memories: what may be recalled.
        at: when.
        known: whether only what was known at that time counts, as for `recall(as_of=)`.

    Returns:
        Ids of those of `memories` that are outdated.
    """
    likely = [one for one in memories if _is_turn(one) and _says(one)]
    if not likely:
        return set()
    sources = _read(store, likely, at, known=known)
    return {one.id for one in likely if sources.outdate(one)}


def _read(store: Store, replies: Sequence[Memory], at: datetime, *, known: bool) -> _Sources:
    there = _sources(store, replies)
    successors = {id: _successors(store, id) for id, one in there.items() if one.valid_to is not None}
    there |= living(store, {id for some in successors.values() for id in some} - there.keys())
    earlier = as_known(store, list(there.values()), at) if known else {}
    links = store.links([*(one.id for one in replies), *there])
    return _Sources(
        at=at,
        all=there,
        ends={id: earlier.get(id, one.valid_to) for id, one in there.items()},
        successors={id: some & there.keys() for id, some in successors.items()},
        reworded={link.child for link in links if link.relation == "supersedes"},
        language=store.language,
    )


def _sources(store: Store, replies: Sequence[Memory]) -> dict[str, Memory]:
    """What replies used, and what this used in turn; of a reply without that record, its sources alone."""
    front = {id for one in replies for id in _made_from(one)}
    there = living(store, front)
    while front := set(_below(there.values())) - there.keys():
        there |= (more := living(store, front))
        if not more:
            break
    return there


def _made_from(reply: Memory) -> Sequence[str]:
    used = reply.provenance.used
    return reply.provenance.derived_from if used is None else used


def _below(memories: Iterable[Memory]) -> list[str]:
    """What memories say again in turn: of a reply what it used, of a gist what it was made from."""
    return [id for one in memories for id in (one.provenance.derived_from if one.parts else one.provenance.used or ())]


def _successors(store: Store, id: str) -> set[str]:
    found, front = set[str](), [id]
    while front:
        links = [link for link in store.links(front) if link.relation == "supersedes" and link.parent in front]
        front = list({link.child for link in links} - found)
        found.update(front)
    return found


def _is_turn(memory: Memory) -> bool:
    """Whether a memory is a turn that was made from others; no gist, whose parts are there themselves."""
    return bool(memory.provenance.source == CHAT and memory.provenance.derived_from and not memory.parts)


def _says(memory: Memory) -> bool:
    """Whether a turn says something that may have ended; one that used nothing does not."""
    used = memory.provenance.used
    return not ends_asking(memory.text) if used is None else bool(used)


def _words(memories: Iterable[Memory]) -> set[str]:
    return {word for one in memories for word in content(one.text)}
