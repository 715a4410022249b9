"""forget: erases exactly what is asked for and all that was made from it, and returns a receipt that proves it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from memoria.derived.audience import check_shared
from memoria.derived.lineage import Consequences, change, consequences, living, memories, parts, unrestricted
from memoria.derived.records import Records
from memoria.derived.undoing import Undone, ended_by_hand
from memoria.distill.unlearn import Unlearnt, has_learnt, unlearn, would_unlearn
from memoria.embedders import embed_whole
from memoria.errors import Held, InvalidQuery, MemoryNotFound, PlanChanged, Refused
from memoria.forget import deciding
from memoria.forget.verifying import Sought, sought, verified
from memoria.periods import after
from memoria.protocols import Change, Store
from memoria.remember import refused
from memoria.retention.restriction import is_restricted
from memoria.retention.windows import NEUTRAL
from memoria.standing.gate import cleared, weighed
from memoria.text.endings import Grade
from memoria.text.fingerprints import Statement, stated
from memoria.text.mentions import Name
from memoria.text.person import spoken
from memoria.types import LedgerEntry, Link, Memory, Namespace, Preview, Receipt, Record, Where
from memoria.validate import check_choice, check_memory, check_name, check_ttl, check_where, is_id

Guard = Literal["exact", "near", "none"]
"""How a forgotten text is recognised when it comes back: the same text, nearly the same one too, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to forget, and how.

    where: the filter. mentions: only memories that have this name, whole, in their text or other fields.
    verify: scan the files afterwards. override: the reason for erasing held memories too; with None they are refused.
    guard: which texts are refused if they come back: equal ones, near ones too, or none. guard_until: until when; None
    is for ever. action: what the ledger calls it: "erase", or why it is erased, such as "prune".
    restricted: whether it is for what is restricted as well, as the person asks. within: the namespace of whoever asks:
    a dry run agrees on what is in it. agreed: the digest of a dry run; only what that showed is forgotten.
    """

    where: Where
    mentions: str | None = None
    verify: bool = False
    override: str | None = None
    guard: Guard = "exact"
    guard_until: datetime | None = None
    action: str = "erase"
    restricted: bool = False
    within: Namespace = ()
    agreed: str | None = None

    @property
    def over_holds(self) -> bool:
        """Whether the store is told to erase over holds; of a person's own order, those of others were checked."""
        return self.override is not None or self.restricted

    @property
    def in_slots(self) -> bool:
        """Whether what is erased leaves its fingerprint where it was: one that ends is written down apart."""
        return self.guard != "none" and self.guard_until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an order erases and changes.

    asked: ids that meet the order, parts of gists included. effects: what follows from erasing them.
    unlinked: whether none of them has a link, so that nothing else follows.
    near: ids of what may have the name that was asked for, or another one; they stay.
    """

    asked: tuple[str, ...]
    effects: Consequences
    unlinked: bool = False
    near: tuple[str, ...] = ()

    def change(self, records: Records) -> Change:
        """What the store has to do to carry out this plan."""
        if self.unlinked:
            return Change(erase=self.asked)
        return change(records.store, self.effects, records.remade)


def preview(store: Store, order: Order) -> Preview:
    """Exactly the memories that `erase` would forget, oldest first, including parts of gists and derived memories.

    What is restricted is shown only where its id was given; `erase` refuses it either way.
    """
    with store.alone():
        made = plan(store, order)
        shown = set(order.where.ids or ())
        all_of_it = living(store, made.effects.gone)
        going = unrestricted(store, all_of_it, shown)
        near = unrestricted(store, living(store, set(made.near) - made.effects.gone), shown)
        unlearnt = would_unlearn(store, made.effects.gone, made.effects.changed)
        return Preview(
            [memory for _, memory in sorted(going.items())],
            rewritten=sorted(made.effects.changed),
            near=[memory for _, memory in sorted(near.items())],
            rewrites=[memory for _, memory in sorted(made.effects.changed.items())],
            freed=made.effects.freed,
            standing_again=sorted(id for id, end in made.effects.undone.ends.items() if end is None),
            shards=unlearnt.shards,
            exports=unlearnt.exports,
            held=_held(store, order, made),
            digest=_digest(store, order, made, all_of_it),
            asked=made.asked,
        )


def _held(store: Store, order: Order, made: Plan) -> list[str]:
    """What is under a hold that stands against an order."""
    if order.override is not None:
        return []
    ids = sorted({*made.effects.gone, *made.effects.changed})
    found = zip(ids, store.traces(ids), strict=True)
    return [
        id for id, trace in found if trace is not None and (trace.held or (trace.restricted and not order.restricted))
    ]


def _digest(store: Store, order: Order, made: Plan, going: Mapping[str, Memory]) -> str:
    """Keyed hash of what an order does in the namespace of whoever asks: of ids and texts, ends, and weights."""
    gone = {id: _hash(one.text) for id, one in going.items() if one.under(order.within)}
    changed = {id: _hash(one.text) for id, one in made.effects.changed.items() if one.under(order.within)}
    unlearnt = would_unlearn(store, gone, changed)
    freed = sorted(one.id for one in made.effects.freed if one.under(order.within))
    asked = [id for id in made.asked if id in gone]
    return deciding.agreement(store, [gone, asked, changed, freed, unlearnt.shards, unlearnt.exports])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def erase(records: Records, order: Order, at: datetime, *, settle: Callable[[], None] | None = None) -> Receipt:
    """Forgets what is asked. When it returns, text, vector and key of each memory are gone from every file.

    settle: writes the uses that still wait, where other memories change with what goes; else they may wait on.

    Forgets nothing when it raises: InvalidQuery for a wrong filter or an empty reason to override, MemoryNotFound for
    an unknown id, Held for a hold that is not overridden, PlanChanged for what is not as it was agreed.
    """
    return told(records, order, erased(records, order, at, settle=settle), at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, and what its receipt is to say: the line of the ledger, and what a scan is to look for."""

    made: Plan
    entry: LedgerEntry
    unlearnt: Unlearnt
    namespaces: int
    seconds: float
    wanted: Sought | None


def erased(records: Records, order: Order, at: datetime, *, settle: Callable[[], None] | None = None) -> Erased:
    """As `erase`, without the scan and the receipt. Where a caller is `alone`, keys go when that ends."""
    store = records.store
    with store.alone():
        started = time.perf_counter()
        made = plan(store, order)
        if order.agreed is not None and order.agreed != _digest(store, order, made, living(store, made.effects.gone)):
            raise PlanChanged
        if settle is not None and not made.unlinked:
            settle()
        todo = made.change(records)
        if order.guard != "none":
            todo = replace(todo, guarded=_apart(store, made, todo, order), until=order.guard_until)
        planned = time.perf_counter() - started
        wanted = _sought(store, made, todo) if order.verify else None
        _check_holds(store, order, todo)
        _enter_override(store, todo, at, order.override)
        near = list(living(store, made.effects.gone).values()) if order.guard == "near" else []
        started = time.perf_counter()
        entry = _decision(store, order, made, at)
        with store.deciding(entry):
            unlearnt, namespaces = _destroy(store, order, made, todo)
        seconds = planned + time.perf_counter() - started
        # A store by others may be older than the argument.
        more: dict[str, Any] = {} if order.guard_until is None else {"until": order.guard_until}
        for memory in near:
            store.guard_near(memory.namespace, [stated(memory)], **more)
    return Erased(made=made, entry=entry, unlearnt=unlearnt, namespaces=namespaces, seconds=seconds, wanted=wanted)


def told(records: Records, order: Order, done: Erased, at: datetime) -> Receipt:
    """The receipt of what was erased, with a scan if it was asked for; nobody is to be `alone` then."""
    store, made, entry, unlearnt = records.store, done.made, done.entry, done.unlearnt
    found = None if done.wanted is None else verified(store, done.wanted, records.progress)
    if found is not None:
        with store.deciding(deciding.verified(entry, found, at)):
            pass
    receipt = Receipt(
        asked=_asked(order),
        forgotten=made.asked,
        derived=tuple(sorted(made.effects.gone - set(made.asked))),
        rewritten=tuple(sorted(made.effects.changed)),
        namespaces=done.namespaces,
        at=at,
        seconds=done.seconds,
        verification=found,
        shards=unlearnt.shards,
        exports=unlearnt.exports,
    )
    return receipt.proven_by(deciding.proof(store, entry.facts["receipt"]))


def _decision(store: Store, order: Order, made: Plan, at: datetime) -> LedgerEntry:
    """What the ledger is to say of carrying out a plan."""
    gone = made.effects.gone.union(made.asked)
    facts = {
        "plan": deciding.plan_hash(store, order.where, order.mentions, order.guard, order.verify),
        "asked": deciding.asked(store, order.where, order.mentions),
        "forgotten": len(made.asked),
        "derived": len(gone) - len(made.asked),
        "rewritten": len(made.effects.changed),
        "guard": order.guard,
        "overridden": order.override is not None,
    }
    if order.where.only_namespace and order.mentions is None:
        facts["namespaces"] = len(store.namespaces(order.where.namespace))
    return deciding.decision(store, at, order.action, sorted(gone), facts)


def amend(
    records: Records, id: str, fields: Mapping[str, Any], *, readmit: bool = False, at: datetime | None = None
) -> Memory:
    """Replaces fields of a memory; when the text changes, what was made from it is made again, or goes.

    What is replaced is read in the same go, so that two that change different fields at once lose nothing. Raises
    MemoryNotFound, InvalidMemory, Held, and Refused for a text that was forgotten, unless it is readmitted.
    """
    store = records.store
    before = _with(_living(store, id), fields)
    # An embedder takes its time: it is not waited for under the lock, unless the text has changed meanwhile.
    made = {before.text: embed_whole(store, records.embedder, [before.text])[0]} if "text" in fields else {}
    with store.alone():
        known = _living(store, id)
        if known.parts and {"expires_at", "ttl"} & fields.keys():
            raise InvalidQuery("a gist goes as its parts do: amend the expiry of a part")
        memory = _valued(store, _with(known, fields), known)
        if memory.visible_to != known.visible_to:
            check_shared(store, known, memory.visible_to)
        if memory.text != known.text:
            _admit(store, memory, at, readmit=readmit)
        records.set_apart([id])
        (old,) = store.read([id])
        if old is None:
            raise MemoryNotFound(id)
        vector, passages = (old.vector, old.passages) if memory.text == known.text else made[memory.text]
        (new,) = cleared(store, [replace(old, memory=memory, vector=vector, passages=passages)])
        if new.memory.text != memory.text:
            new = replace(new, memory=_valued(store, new.memory, memory))
        return _put_instead(records, new, old.memory)


def _living(store: Store, id: str) -> Memory:
    found = living(store, [id])
    if id not in found:
        raise MemoryNotFound(id)
    return found[id]


def _with(memory: Memory, fields: Mapping[str, Any]) -> Memory:
    given = dict(fields)
    if "salience" in given:
        given["judged"] = given["salience"] is None
        given["salience"] = NEUTRAL if given["judged"] else given["salience"]
    ttl = check_ttl(given.pop("ttl", None), given.get("expires_at"))
    if ttl is not None:
        given["expires_at"] = after(memory.created_at, ttl)
    return check_memory(replace(memory, **given))


def _valued(store: Store, memory: Memory, before: Memory) -> Memory:
    """A memory with its salience, judged again where it is to be, or where the text of a judged one has changed."""
    if memory.judged and (memory.text != before.text or not before.judged or memory.salience != before.salience):
        return weighed(store, [memory])[0]
    return memory


def _admit(store: Store, memory: Memory, at: datetime | None, *, readmit: bool) -> None:
    """Raises Refused for the text of a memory that was forgotten where it is."""
    said = [stated(memory)]
    if refused(store, memory.namespace, said, at)[0]:
        if not readmit:
            raise Refused(0)
        store.readmit(memory.namespace, said)


def _put_instead(records: Records, new: Record, old: Memory) -> Memory:
    """Puts a record in the place of a memory, and follows what was made from it and what it ended; returns its memory.

    An end that is given stays, whatever had ended the memory before.
    """
    store, id = records.store, new.memory.id
    effects = Consequences(gone=frozenset())
    if new.memory.text != old.text:
        effects = consequences(store, (), [new.memory])
    unlearn_first(store, effects.gone, [id, *effects.changed], over=False)
    todo = Change(replace=(new,))
    if effects.gone or len(effects.changed) > 1 or effects.undone != Undone():
        todo = change(store, effects, records.remade, [new])
    todo = replace(todo, unlinks=(*todo.unlinks, *_unjudged(store, effects.changed)))
    if new.memory.valid_to != old.valid_to:
        todo = _given(store, todo, {id: new.memory.valid_to})
    store.revise(todo)
    if not new.trace.restricted and is_restricted(store, new.memory):
        store.mark([id], restricted=True)
    return replace(new.memory, valid_to=todo.ends.get(id, new.memory.valid_to))


def _given(store: Store, todo: Change, ends: Mapping[str, datetime | None]) -> Change:
    """The change where these ends are given by hand, and not what follows from it."""
    by_hand = ended_by_hand(store, ends)
    return replace(
        todo,
        ends={one: end for one, end in todo.ends.items() if one not in ends},
        links=(*(link for link in todo.links if link.parent not in ends), *by_hand.links),
        unlinks=(*todo.unlinks, *by_hand.unlinks),
    )


def _unjudged(store: Store, ids: Collection[str]) -> tuple[Link, ...]:
    """Doubts of texts that change, or about them: they were judged as they were."""
    return tuple(link for link in store.links(sorted(ids)) if link.relation == "doubts") if ids else ()


def plan(store: Store, order: Order) -> Plan:
    """Works out what an order erases and changes; raises MemoryNotFound for an unknown id."""
    where = check_where(order.where)
    malformed = [str(id) for id in where.ids or () if not is_id(id)]
    if malformed:
        raise MemoryNotFound(*malformed)
    found = store.select(where)
    absorbed = sorted(set(where.ids or ()) - set(found))
    if not absorbed and order.mentions is None and not store.links(found):
        return Plan(asked=tuple(found), effects=Consequences(gone=frozenset(found)), unlinked=True)
    inside = _absorbed(store, where, absorbed)
    chosen, near = (found, []) if where.ids is not None and order.mentions is None else _meeting(store, order, found)
    gists, named = _gists(store, chosen).values(), {*chosen, *inside}
    # A gist stands for its parts, unless some of them are named beside it: then the others are not meant.
    split = [gist for gist in gists if any(part.id in named for part in gist.parts)]
    whole = [gist for gist in gists if gist not in split]
    asked = sorted(named.union(_inside(store, whole)))
    return Plan(asked=tuple(asked), effects=consequences(store, asked, split=split), near=tuple(near))


def _absorbed(store: Store, where: Where, ids: Sequence[str]) -> list[str]:
    """Returns `ids` if each is a part of a gist and matches the filter; otherwise raises MemoryNotFound."""
    free = replace(where, ids=None)
    inside = {id for id, part in parts(store, set(ids)).items() if free.matches(part)}
    if not inside.issuperset(ids):
        raise MemoryNotFound(*(id for id in ids if id not in inside))
    return list(ids)


def _meeting(store: Store, order: Order, found: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of `found` that meet the order, and those that may. For a gist: its parts, or the gist if all meet it."""
    gists = _gists(store, found)
    read = gists if order.mentions is None else memories(store, found)
    name = None if order.mentions is None else Name(order.mentions)
    out, near = [id for id in found if id not in read], []
    for memory in read.values():
        grades = {one.id: _meets(order, name, memory, one) for one in memory.parts or (memory,)}
        meeting = [id for id, found in grades.items() if found is Grade.MET]
        out += [memory.id] if len(meeting) == len(grades) else meeting
        near += [id for id, found in grades.items() if found is Grade.NEAR]
    return out, near


def _meets(order: Order, name: Name | None, memory: Memory, part: Memory) -> Grade:
    """Whether the order is for this part of a memory. A memory without parts counts as its own part."""
    where = replace(order.where, ids=None)
    if memory.kind in where.kinds:
        where = replace(where, kinds=())
    if not where.matches(part):
        return Grade.NONE
    return Grade.MET if name is None else _mentions(part, name)


def _mentions(memory: Memory, name: Name) -> Grade:
    said = (memory.subject, memory.provenance.speaker, *spoken(memory))
    return max(name.grade(text) for text in said if text is not None)


def _inside(store: Store, gists: Iterable[Memory]) -> list[str]:
    """Parts of gists that are nowhere else."""
    held = [part.id for gist in gists for part in gist.parts]
    live = memories(store, held)
    return [id for id in held if id not in live]


def _gists(store: Store, ids: Sequence[str]) -> dict[str, Memory]:
    """The gists among `ids`, by id. Reads only memories that have links."""
    chosen = set(ids)
    linked = sorted({link.child for link in store.links(ids) if link.child in chosen})
    return {id: memory for id, memory in memories(store, linked).items() if memory.parts}


def _destroy(store: Store, order: Order, made: Plan, todo: Change) -> tuple[Unlearnt, int]:
    """Wipes weights that learnt any of it, then erases the rows; returns what was wiped and the count of namespaces."""
    unlearnt = unlearn_first(store, {*made.asked, *made.effects.gone}, _touched(todo), over=order.over_holds)
    over_holds, guard = order.over_holds, order.in_slots
    only = not (todo.replace or todo.add or todo.ends or todo.links or todo.unlinks or todo.guarded)
    whole = order.where.only_namespace and order.mentions is None
    if not only or (whole and made.effects.gone > set(made.asked)):
        store.revise(todo, over_holds=over_holds, guard=guard)
    elif todo.erase and not whole:
        store.erase(todo.erase, over_holds=over_holds, guard=guard)
    return unlearnt, store.erase_namespaces(order.where.namespace, over_holds=over_holds) if whole else 0


def mirror(store: Store, *, ids: Sequence[str] = (), namespaces: Sequence[Namespace] = ()) -> None:
    """Erases from a copy what its source no longer has, held memories too, and tells no guard.

    No link is followed: the source followed them when it forgot, and every row of the copy is compared with the source.
    """
    for namespace in namespaces:
        store.erase_namespaces(namespace, over_holds=True)
    if ids:
        store.erase(ids, over_holds=True, guard=False)


def _touched(todo: Change) -> list[str]:
    return [*todo.erase, *(record.memory.id for record in todo.replace)]


def unlearn_first(store: Store, gone: Collection[str], changed: Collection[str], *, over: bool) -> Unlearnt:
    """Wipes weights that learnt any of these before the memories are erased, so that no weight outlives its memory.

    Wipes nothing if one of them is held and holds are not overridden, because the store will then refuse to erase.
    """
    if not has_learnt(store):
        return Unlearnt()
    ids = sorted({*gone, *changed})
    if not over and any(trace is not None and (trace.held or trace.restricted) for trace in store.traces(ids)):
        return Unlearnt()
    return unlearn(store, gone, changed)


def _apart(store: Store, made: Plan, todo: Change, order: Order) -> tuple[tuple[Namespace, Statement], ...]:
    """What no slot of its own leaves a fingerprint of: parts that go, and gists as they were with them.

    With an end, slots leave none, and everything that goes is named; but for whole namespaces, whose guard goes too.
    """
    whole = order.where.only_namespace and order.mentions is None
    erased = set(todo.erase) if order.in_slots or whole else set[str]()
    said = (made.effects.gone - erased) | {record.memory.id for record in todo.replace}
    return tuple((one.namespace, stated(one)) for one in living(store, said).values()) if said else ()


def _sought(store: Store, made: Plan, todo: Change) -> Sought:
    """What must be nowhere afterwards: of erased rows, of changed gists, and of parts without a row."""
    touched = _touched(todo)
    apart = [one for id, one in living(store, made.effects.gone).items() if id not in set(touched)]
    gone = sorted(made.effects.gone.union(made.asked))
    return sought(store, store.secrets(touched), [part.text for part in apart], gone)


def _check_holds(store: Store, order: Order, made: Change) -> None:
    """Raises Held for a hold that a person's own order, which goes over restrictions, would go over too."""
    if order.restricted and order.override is None:
        ids = [*_touched(made), *ending_sooner(store, made.ends)]
        held = [id for id, trace in zip(ids, store.traces(ids), strict=True) if trace is not None and trace.held]
        if held:
            raise Held(*held)


def ending_sooner(store: Store, ends: Mapping[str, datetime | None]) -> list[str]:
    """Ids of what would end sooner than it does: a hold does not stand against an end that is taken away."""
    there = memories(store, list(ends))
    return [id for id, end in ends.items() if end is not None and id in there and _before(end, there[id].valid_to)]


def _before(end: datetime, was: datetime | None) -> bool:
    return was is None or end < was


def _enter_override(store: Store, made: Change, at: datetime, reason: str | None) -> None:
    """Enters into the ledger, before erasing, that holds are overridden; raises InvalidQuery for an empty reason."""
    if reason is None:
        return
    check_name("reason", reason)
    ids = _touched(made)
    held = [id for id, trace in zip(ids, store.traces(ids), strict=True) if trace is not None and trace.held]
    if held:
        store.enter(LedgerEntry(at=at, action="forget", ids=tuple(held), reason=reason))


def _asked(order: Order) -> dict[str, str]:
    where = order.where
    named = {
        "mentions": None if order.mentions is None else "withheld",
        "namespace": "withheld" if where.namespace or where.only_namespace else None,
        "ids": None if where.ids is None else str(len(where.ids)),
        "subject": None if where.subject is None else "withheld",
        "tags": f"{len(where.tags)} withheld" if where.tags else None,
        "kinds": ", ".join(where.kinds) or None,
        "session": None if where.session is None else "withheld",
        "speaker": None if where.speaker is None else "withheld",
        "metadata": f"{len(where.metadata)} withheld" if where.metadata else None,
        "key": None if where.key is None else "withheld",
        "since": None if where.since is None else where.since.isoformat(),
        "until": None if where.until is None else where.until.isoformat(),
    }
    return {name: value for name, value in named.items() if value is not None}


def check_order(order: Order, *, whole: bool) -> Order:
    """Returns the order; raises InvalidQuery if it has no criterion, unless `whole` says that all was asked for."""
    if order.where.only_namespace and order.mentions is None and not whole:
        raise InvalidQuery("nothing asked: give ids, mentions, a filter such as subject, or namespace=() for all")
    check_choice("guard", order.guard, get_args(Guard))
    if order.agreed is not None and not isinstance(order.agreed, str):
        raise InvalidQuery(f"agreed is {type(order.agreed).__name__}, not the digest of a dry run")
    if order.mentions is not None:
        check_name("mentions", order.mentions)
    return order
