"""What statements have settled about memories, and the user's word on it: both hold, or the older one is over.

What a statement makes doubtful or ended hangs on the statement by a link. When the statement goes, so does the link,
and the memory stands as before. What the user says of such a pair is a link too, by the judge "user": it is never asked
about or settled again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memoria.change.bounds import RULES
from memoria.derived.lineage import living, unrestricted
from memoria.derived.records import Records, ending
from memoria.derived.undoing import USER, closing, undone
from memoria.errors import Held, InvalidQuery, MemoryNotFound
from memoria.protocols import Change, Store
from memoria.types import Doubted, Link, Memory

KEPT = -3.0
"""The log-odds that a memory is untrue when the user says that it holds."""
WHOLLY, PARTLY = 3.0, 1.0
"""The log-odds that a memory is untrue, and that a half of it is, when what ended it was superseded by hand."""
TICK = datetime.resolution


def doubted(store: Store, ids: Collection[str], at: datetime) -> list[Doubted]:
    """What statements have settled about these memories, or these statements about others; in order of statements.

    at: when doubts must count: both ends hold then.
    """
    around = store.links(sorted(ids)) if ids else []
    # What a statement left of a memory supersedes that memory; the statement is only what it is derived from.
    rests = {link.child for link in around if link.relation == "derived"} - set(ids)
    links = {link for link in (*around, *(store.links(sorted(rests)) if rests else ())) if link.relation != "derived"}
    there = unrestricted(store, living(store, {end for link in links for end in (link.parent, link.child)}))
    more = living(store, {id for one in there.values() for id in one.provenance.derived_from} - there.keys())
    found = [one for link in links if (one := _of(link, there, there | more, at)) is not None]
    # What the user has let end by a statement is doubtful by it no more.
    ended = {(one.memory.id, one.by.id) for one in found if one.outcome == "ended"}
    about = [
        one
        for one in found
        if {one.memory.id, one.by.id} & set(ids)
        and (one.outcome != "lowered" or (one.memory.id, one.by.id) not in ended)
    ]
    return sorted(about, key=lambda one: (one.by.id, one.memory.id))


def _of(link: Link, there: Mapping[str, Memory], known: Mapping[str, Memory], at: datetime) -> Doubted | None:
    """What a link says; None for one by hand, for one of the user's word, and for a doubt that does not count."""
    old, new = there.get(link.parent), there.get(link.child)
    if old is None or new is None:
        return None
    if link.relation == "doubts":
        counts = (link.weight or 0) > 0 and old.holds(at) and new.holds(at)
        odds, judge = link.weight, link.judge or ""
        return Doubted(memory=old, by=new, outcome="lowered", odds=odds, judge=judge) if counts else None
    if link.relation == "ends":
        # A command that has done its work has ended too: with what is left of what it was about.
        own = old.id in new.provenance.derived_from
        return None if own else Doubted(memory=old, by=new, outcome="ended", judge=link.judge or "")
    statement = _statement(old, new, known)
    if statement is None:
        return None
    return Doubted(memory=old, by=statement, outcome="shortened", judge=RULES, left=new)


def _statement(old: Memory, left: Memory, known: Mapping[str, Memory]) -> Memory | None:
    """The statement that left a rest of a memory; None for what supersedes it in another way, or is its rest itself."""
    sources = left.provenance.derived_from
    if len(sources) != 2 or old.id != sources[0]:
        return None
    return known.get(sources[1])


def kept(store: Store, statement: str) -> set[str]:
    """Ids of the memories of which the user said that they hold beside a statement."""
    found = (link for link in store.links([statement]) if link.relation == "doubts" and link.child == statement)
    return {link.parent for link in found if (link.weight or 0) <= 0}


def keep(records: Records, id: str, by: str | None, at: datetime) -> list[Doubted]:
    """Lets a memory stand as if statements had not doubted or ended it, for good. by: one statement; None is all.

    Returns what was settled before. Raises InvalidQuery when nothing was.
    """
    store = records.store
    with store.alone():
        pairs = _pairs(store, id, by, at)
        change = records.apart({id, *(one.by.id for one in pairs)})
        store.revise(joined(change, released(store, pairs)), guard=False)
    return pairs


def refuse(records: Records, pairs: Sequence[tuple[str, str]]) -> None:
    """The user's word on changes that were only proposed: memories hold beside statements. pairs: (memory, statement).

    Where a statement has changed one already, nothing is said: `keep` is for that.
    """
    if not pairs:
        return
    store = records.store
    with store.alone():
        marks = [Link(parent=id, child=by, relation="doubts", weight=KEPT, judge=USER) for id, by in pairs if id != by]
        old = [one for one in store.links(sorted({by for _, by in pairs})) if one.relation == "doubts"]
        over = tuple(one for one in old if (one.parent, one.child) in set(pairs))
        change = records.apart({end for one in marks for end in (one.parent, one.child)})
        store.revise(replace(change, links=(*change.links, *marks), unlinks=(*change.unlinks, *over)), guard=False)


def end(records: Records, id: str, by: str | None, at: datetime) -> list[Doubted]:
    """Ends a doubtful memory from when the weightiest statement against it was said; it is the user's word.

    Returns what was settled before. Raises Held, and InvalidQuery when nothing makes it doubtful.
    """
    store = records.store
    with store.alone():
        pairs = [one for one in _pairs(store, id, by, at) if one.outcome == "lowered"]
        if not pairs:
            raise InvalidQuery(f"memory {id} has ended already: there is nothing to settle")
        (trace,) = store.traces([id])
        if trace is not None and (trace.held or trace.restricted):
            raise Held(id)
        first = max(pairs, key=lambda one: (one.odds or 0, one.by.id))
        said = Link(parent=id, child=first.by.id, relation="ends", was=first.memory.valid_to, judge=USER)
        change = records.apart({id, *(one.by.id for one in pairs)})
        change = replace(change, links=(said,), unlinks=_doubts(store, pairs))
        store.revise(ending(change, {id: last(first.memory, first.by.created_at)}), guard=False)
    return pairs


def _pairs(store: Store, id: str, by: str | None, at: datetime) -> list[Doubted]:
    """What was settled about a memory; raises MemoryNotFound, and InvalidQuery for nothing."""
    if id not in living(store, [id]):
        raise MemoryNotFound(id)
    about = [one for one in doubted(store, [id], at) if one.memory.id == id]
    # What is left of a statement speaks for it.
    found = [one for one in about if by is None or by in (one.by.id, *one.by.provenance.derived_from)]
    if not found:
        whose = "no statement makes" if by is None else f"memory {by} does not make"
        raise InvalidQuery(f"{whose} memory {id} doubtful, or ended it: there is nothing to settle")
    return found


def retracted(store: Store, statements: Collection[str], at: datetime, heir: str | None = None) -> Change:
    """What follows when statements are ended by hand: what they had ended stands again, and they end it no more.

    But not what the user agreed to, nor what ends at once. heir: what takes their place, and makes it doubtful.
    """
    found = [one for one in doubted(store, statements, at) if one.by.id in statements and one.outcome != "lowered"]
    pairs = [one for one in found if one.judge != USER and one.memory.id not in statements]
    out = released(store, pairs)
    if heir is None:
        return out
    casts = [
        Link(
            parent=one.memory.id,
            child=heir,
            relation="doubts",
            weight=PARTLY if one.left is not None else WHOLLY,
            judge=one.judge,
        )
        for one in {pair.memory.id: pair for pair in pairs if pair.memory.id != heir}.values()
    ]
    return replace(out, links=(*out.links, *casts))


def released(store: Store, pairs: Sequence[Doubted]) -> Change:
    """The change by which memories stand as if nothing had been settled about them, with the user's word that they do.

    What was left of them ends as soon as it began; the commands that had left it stand again. Nothing is erased.
    """
    if not pairs:
        return Change()
    rests = _rests(store, pairs)
    said = {(one.memory.id, one.by.id) for one in pairs}
    olds = {one.memory.id for one in pairs}
    taken = [
        link
        for link in closing(store, {*olds, *rests})
        if (link.child in rests and (link.relation == "ends" or link.parent in olds))
        or (link.relation == "ends" and (link.parent, link.child) in said)
    ]
    after = undone(store, taken)
    over = {one.id: one.valid_from + TICK for one in rests.values() if one.valid_from is not None}
    marks = [Link(parent=id, child=by, relation="doubts", weight=KEPT, judge=USER) for id, by in sorted(said)]
    return Change(
        ends={**after.ends, **over},
        links=(*after.links, *marks),
        unlinks=(*after.unlinks, *_doubts(store, pairs)),
    )


def _rests(store: Store, pairs: Sequence[Doubted]) -> dict[str, Memory]:
    """By id, what was left of memories, and what later statements left of that."""
    found = {one.left.id: one.left for one in pairs if one.left is not None}
    front = set(found)
    while front:
        above = {link.child for link in closing(store, front) if link.relation == "supersedes" and link.parent in front}
        made = living(store, above - found.keys())
        more = {id: one for id, one in made.items() if front & set(one.provenance.derived_from)}
        found |= more
        front = set(more)
    return found


def _doubts(store: Store, pairs: Sequence[Doubted]) -> tuple[Link, ...]:
    """The doubts of these pairs, the user's word among them."""
    said = {(one.memory.id, one.by.id) for one in pairs}
    links = store.links(sorted({id for id, _ in said}))
    return tuple(link for link in links if link.relation == "doubts" and (link.parent, link.child) in said)


def joined(change: Change, more: Change) -> Change:
    """A change that also sets the ends and links of another."""
    out = ending(change, more.ends)
    return replace(out, links=(*out.links, *more.links), unlinks=(*out.unlinks, *more.unlinks))


def last(one: Memory, at: datetime) -> datetime:
    """When a memory ends: `at`, but never before it was observed and valid."""
    begun = one.created_at if one.valid_from is None else max(one.created_at, one.valid_from)
    return max(at, begun + 2 * TICK)
