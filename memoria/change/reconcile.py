"""reconcile: makes older memories agree with what was said later. It first proposes changes, then applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memoria.change.supersede import check_current, check_ends, heirs_of, succeeded
from memoria.derived.lineage import living, memories
from memoria.derived.records import Records
from memoria.embedders import embed
from memoria.english.detect import by_rules, named
from memoria.errors import Held, InvalidMemory, InvalidQuery, MemoryNotFound, Refused
from memoria.protocols import Detector, Embedder, Store
from memoria.remember import Draft, admit, prepare
from memoria.retention.reinforce import Reinforcer
from memoria.text.words import question
from memoria.types import Memory, Proposal, Record, Settled, Where

POOL = 50
CandidatesFor = Callable[[Memory], Sequence[Memory]]
Phrases = Callable[[str], Sequence[str]]
"""From the text of a statement to the phrases that other memories are looked for by."""
_TICK = datetime.resolution
# The rules over English are done in the first; a detector of somebody else may go on for ever.
_ROUNDS = 8


def propose(
    statements: Sequence[Memory], candidates_for: CandidatesFor, detector: Detector = by_rules
) -> list[Proposal]:
    """Proposes what `statements` change about older memories, in order of time. Stores nothing.

    candidates_for: returns the memories that a statement may be about. Each statement sees its candidates as earlier
    proposals would leave them: without those that they end, and with the texts that they amend.
    """
    texts: dict[str, str | None] = {}
    proposals = []
    for statement in sorted(statements, key=lambda one: one.id):
        if not _open(statement, statement.created_at) or statement.id in texts:
            continue
        found = detector(statement, _seen(statement, candidates_for(statement), texts))
        for proposal in found:
            texts |= _after(proposal)
        proposals += found
    return proposals


def _open(memory: Memory, at: datetime) -> bool:
    """Whether a memory was observed, not made from others, and still holds."""
    return not memory.provenance.derived_from and _stood(memory, at)


def _stood(memory: Memory, at: datetime) -> bool:
    """Whether a memory held until a statement of this time, which may have ended it.

    One that ended as soon as it was said had done its work, or was over before.
    """
    begun = memory.valid_from is None or memory.valid_from <= at
    return begun and (memory.valid_to is None or at <= memory.valid_to > _last(memory, memory.created_at))


def _seen(statement: Memory, candidates: Sequence[Memory], texts: Mapping[str, str | None]) -> list[Memory]:
    """Candidates of the statement's namespace that hold when it is made, in order, as proposals so far leave them.

    What was derived from the statement, such as what it left of another memory, is none.
    """
    seen = []
    for one in sorted(candidates, key=lambda one: one.id):
        text = texts.get(one.id, one.text)
        other = one.id != statement.id and statement.id not in one.provenance.derived_from
        meant = one.namespace == statement.namespace and other
        if meant and text is not None and _stood(one, statement.created_at):
            seen.append(one if text == one.text else replace(one, text=text))
    return seen


def _after(proposal: Proposal) -> dict[str, str | None]:
    """The text of each memory after a proposal, by id; None for one that it ends."""
    return {**dict.fromkeys(proposal.ends), **dict(proposal.amends), proposal.by: proposal.keep}


def candidates(store: Store, embedder: Embedder, phrases: Phrases = named, pool: int = POOL) -> CandidatesFor:
    """Finds candidates by recall: for each phrase of a statement, by meaning, words and neighbouring turns.

    phrases: takes a text and returns what to search for; if it returns nothing, nothing is searched, and the statement
    changes nothing. For a detector with rules of its own, search for the whole text: `lambda text: [text]`.
    """

    def found(statement: Memory) -> list[Memory]:
        where = Where(namespace=statement.namespace)
        wanted = list(phrases(statement.text))
        ids: set[str] = set()
        for phrase, vector in zip(wanted, embed(store, embedder, wanted), strict=True):
            ids |= set(store.evidence(question(phrase), vector, where, pool).ids)
        # One part of a gist may end without the others, so each part is a candidate.
        apart = [part for one in memories(store, sorted(ids)).values() for part in (one.parts or (one,))]
        return [one for one in apart if one.id < statement.id or _same_talk(one, statement)]

    return found


def _same_talk(one: Memory, other: Memory) -> bool:
    return one.provenance.session is not None and one.provenance.session == other.provenance.session


def settle(
    records: Records,
    traces: Reinforcer,
    ids: Sequence[str],
    detector: Detector = by_rules,
    phrases: Phrases = named,
    *,
    dry_run: bool = False,
) -> Settled:
    """Settles what the statements of these ids say has changed. What is settled already is passed over.

    Of several that were said at the same time, one may show what another left; so it is looked at again until nothing
    more changes. dry_run: changes nothing, and returns what would be at first.
    """
    carried, looked = list[Proposal](), candidates(records.store, records.embedder, phrases)
    # A part of a gist is a statement still, and it may be set apart.
    said = [part.id for one in memories(records.store, ids).values() for part in (one.parts or (one,))]
    for _ in range(_ROUNDS):
        found = propose(list(living(records.store, said).values()), looked, detector)
        done = apply(records, traces, found, dry_run=dry_run)
        carried += done
        if dry_run or not done:
            break
    return Settled(carried, done.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What is left to do for a proposal. ends: until when memories hold. texts: by id, what says the rest of it."""

    ends: Mapping[str, datetime]
    texts: Mapping[str, str]
    before: Mapping[str, Memory]


def apply(records: Records, traces: Reinforcer, proposals: Sequence[Proposal], *, dry_run: bool = False) -> Settled:
    """Carries proposals out, in order, each in one go or not at all.

    What is ended keeps its text, and holds until `at`; what says the rest supersedes it, and is derived from it and
    from the statement.
    """
    now: dict[str, str] = {}
    carried, skipped = list[Proposal](), list[Proposal]()
    for proposal in proposals:
        try:
            done = _carry_out(records, traces, proposal, now, dry_run=dry_run)
        except (InvalidQuery, InvalidMemory, MemoryNotFound, Refused, Held):
            skipped.append(proposal)
        else:
            carried += [proposal] if done else []
    return Settled(carried, skipped)


def _carry_out(records: Records, traces: Reinforcer, proposal: Proposal, now: dict[str, str], *, dry_run: bool) -> bool:
    """Carries one out; whether there was anything to do. now: by id, what says the rest of what was reworded."""
    turn = _turn(records.store, proposal, now)
    if dry_run or not turn.ends:
        return bool(turn.ends)
    made = {id: _reworded(records, traces, turn.before[id], text, proposal) for id, text in turn.texts.items()}
    traces.begin()
    with records.store.alone():
        if _turn(records.store, proposal, now) != turn:
            raise InvalidQuery("changed meanwhile")
        for draft, record in made.values():
            admit(records.store, record.memory.namespace, [draft], [record.memory], [record], readmit=False)
        heirs = {id: record.memory.id for id, (_, record) in made.items()}
        change = records.apart(turn.ends)
        change = replace(change, add=(*change.add, *(record for _, record in made.values())))
        records.store.revise(succeeded(change, turn.ends, heirs, turn.before), guard=False)
    now |= heirs
    return True


def _turn(store: Store, proposal: Proposal, now: Mapping[str, str]) -> _Turn:
    """What of a proposal is not there yet; raises InvalidQuery and MemoryNotFound for what cannot be done any more."""
    said = [(proposal.by, proposal.keep), *((id, None) for id in proposal.ends), *proposal.amends]
    texts: dict[str, str | None] = {now.get(id, id): text for id, text in said}
    found = living(store, texts)
    if len(found) < len(texts):
        raise MemoryNotFound(*(id for id in texts if id not in found))
    heirs = heirs_of(store, list(texts))
    rests = {id: [one.text for one in living(store, heirs.get(id, ())).values()] for id in texts}
    ends: dict[str, datetime] = {}
    for id, text in texts.items():
        end = _last(found[id], proposal.at)
        if text == found[id].text or (text is None and not _lasts(found[id], end)) or text in rests[id]:
            continue
        check_ends(store, [id], end)
        ends[id] = end
    check_current(store, [id for id in ends if texts[id] is not None])
    kept = {id: text for id in ends if (text := texts[id]) is not None}
    return _Turn(ends=ends, texts=kept, before={id: found[id] for id in ends})


def _lasts(memory: Memory, end: datetime) -> bool:
    return memory.valid_to is None or memory.valid_to > end


def _last(one: Memory, at: datetime) -> datetime:
    """When the memory ends: `at`, but never before it was observed and valid."""
    begun = one.created_at if one.valid_from is None else max(one.created_at, one.valid_from)
    return max(at, begun + 2 * _TICK)


def _reworded(records: Records, traces: Reinforcer, one: Memory, text: str, proposal: Proposal) -> tuple[Draft, Record]:
    """What still holds of a memory, said when it was said."""
    draft = Draft(
        text=text,
        kind=one.kind,
        # So that it stands right behind what it supersedes, in the order of the talk.
        created_at=one.created_at + _TICK,
        valid_from=_last(one, proposal.at),
        salience=one.salience,
        subject=one.subject,
        tags=one.tags,
        metadata=one.metadata,
        provenance=replace(one.provenance, derived_from=tuple(dict.fromkeys((one.id, proposal.by))), used=None),
    )
    _, (record,) = prepare(records, traces, one.namespace, [draft], proposal.at)
    return draft, record
